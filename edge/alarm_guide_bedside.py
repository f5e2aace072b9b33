"""The words of the guide to the alarms about the bedside computer's own lamp, buzzer, nurse call, button and hook."""

from __future__ import annotations

from edge.alarm_guide_texts import duration
from edge.button import PRESSES_MAX, STUCK_S
from edge.core.annunciation import BURSTS, FLASH_HZ, TEST_LIT_S, TEST_TONE_S, WAY_LOST_S
from edge.core.attention import BUTTON_S
from edge.core.delivery import DISPLAY_S
from edge.core.model import Priority

_HIGH, _MEDIUM = Priority.HIGH, Priority.MEDIUM
_TAKEN, _STUCK = duration(BUTTON_S), duration(STUCK_S)
_LIT, _TONE = duration(TEST_LIT_S), duration(TEST_TONE_S)


def _sound(priority: Priority) -> str:
    burst = BURSTS[priority]
    return f"{len(burst.gaps_s) + 1} pulses, again after {duration(burst.pause_s)}"


BEDSIDE = f"""\
### What is seen and heard at the bedside computer

If lamp, buzzer, nurse call or button are connected (`[annunciator]` in `edge.toml`). They are for an alarm **that no
screen shows**: as long as a page of a required station paints it, with that bed in view and its sound working, the
buzzer is quiet. **If no station is required, nothing proves that anybody is shown anything: then every high and medium
alarm sounds here until somebody takes it.**

| | lamp, at once | buzzer, if no screen shows it | sound |
|---|---|---|---|
| high | red, {FLASH_HZ[_HIGH]:g} flashes a second | after {duration(DISPLAY_S[_HIGH])} | {_sound(_HIGH)} |
| medium | yellow, {FLASH_HZ[_MEDIUM]:g} flashes a second | after {duration(DISPLAY_S[_MEDIUM])} | {_sound(_MEDIUM)} |
| low | cyan, steady | never | |

- **The lamp** shows the most urgent alarm that stands at any bed of this computer, also if it is silenced. One lamp
  alone tells the priority by its flashes. Dark: nothing stands, or the computer is off. Look at its power light.
- **The way to the screens is lost, and nothing else stands** (*the nursing station is cut off*, *no screen shows the
  alarms*): the buzzer says so {duration(WAY_LOST_S)} after the loss if a bed is active, and never if none is.
- **A page that goes** leaves its alarms to the buzzer, as if they had begun when it was last there.
- **Quiet:** to acknowledge, to pause and "off the monitor" silence the buzzer for as long as they silence a station; to
  accept silences it too, since whoever accepted has seen it. What sounds anew sounds here anew.
- **The button** accepts and silences what stood at its bed, and what belongs to no bed, when it was pressed, for
  {_TAKEN} at most. Holding it does nothing more. One that is down for {_STUCK}, or is pressed more than {PRESSES_MAX}
  times in a minute, is an alarm, and does nothing until it is well again.
- **The nurse call** rings at level 3, until somebody accepts or the alarm is gone. Silencing does not end it.
- **The hook**, a command of the site's own, is told of level 3, of each new high alarm, or both. It runs beside
  everything else; one that fails or hangs is an alarm.
- **Alarms for the technician** neither light, sound nor call here.
- `infusion-edge test-alarm` lights every lamp for {_LIT} and gives one tone of {_TONE}; a medium or high alarm that
  stands goes on as it is.
- After a start, lamp, buzzer and nurse call are set by what stands; the times until the buzzer begin then.
"""
