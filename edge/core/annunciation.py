"""What is seen and heard at the bedside computer itself: its lamp, its buzzer, the nurse call and the hook.

It is for an alarm that no screen shows (H-18, H-19): a screen that shows it, with sound, is enough. Without a required
station nothing proves that anybody is shown anything, so every alarm counts as not shown.

Laws:
  * It follows what readers of the retained topics see: noise at once, quiet when it is kept (law 7).
  * The lamp shows the most urgent alarm that stands, whoever has seen it. The buzzer is for what still asks for a
    sound: acknowledging and every pause silence it for as long as they silence a station, and so does an acceptance.
  * What a page showed and shows no more counts as shown until then, and its time begins anew.
  * The technician's alarms neither light, sound nor call here.

    an alarm for the nurse that stands                                        lamp      buzzer          nurse call
    high, and no screen shows it                                              red       after 5 s       at level 3
    medium, and no screen shows it                                            yellow    after 10 s      at level 3
    low                                                                       cyan      -               -
    the way to the screens is lost, and a bed is active                       its own   30 s after that at level 3
    the way to the screens is lost, and no bed is active                      its own   -               at level 3
    a page in view shows it, with sound                                       its own   -               at level 3
    acknowledged, paused, off the monitor, waiting for a repeat               its own   -               at level 3
    accepted                                                                  its own   -               -
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from edge.core.config import AnnunciatorConfig
from edge.core.delivery import DISPLAY_S, ESCALATE_S
from edge.core.effects import Annunciate, Bedside, CallHook, Effect, HookReason
from edge.core.inputs import Named
from edge.core.ledger import AlarmState, Ledger
from edge.core.model import Alarm, AlarmKey, Audience, Phase, Priority, SignalPresence

WAY_LOST = frozenset({"NORTHBOUND_LOST", "STATION_NOT_DISPLAYING"})
"""They say that nobody would be shown an alarm, which is not yet an alarm of a patient's."""

WAY_LOST_S = 30.0
"""So long after the way to the screens was lost the buzzer says so: a switch that starts again takes less."""

NURSE_CALL_LEVEL = 3

CALLED_AGAIN_S = 60.0
"""What came to level 3 so shortly before a start is told to the hook again: the run before may not have done it. What
came earlier is not: a program that starts every second must not ring a phone every second."""

TEST = AlarmKey("", "TEST_ALARM")

_ONSETS = frozenset({Phase.START, Phase.ESCALATE, Phase.RETURN, Phase.ADOPT})


@dataclass(slots=True)
class BedsideState:
    """What is remembered of the bedside: what it was told last, when each scope was last seen, and what is due next.

    ``displayed`` are the noises, by occurrence and revision, that a page has shown, of alarms that readers still see.
    """

    told: Bedside | None = None
    displayed: frozenset[tuple[str, int]] = frozenset()
    seen_at_s: dict[str, float] = field(default_factory=dict)
    due_at_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Scene:
    """What is true around the alarms: the beds that pages show with sound now, and whether any bed is active."""

    now_s: float
    shown: frozenset[str]
    active: bool

    def shows(self, scope: str) -> bool:
        """Tell whether a page shows this bed; what belongs to no bed is on every page."""
        return scope in self.shown if scope else bool(self.shown)


class Annunciation:
    """Decides what the bedside computer shows and sounds."""

    def __init__(self, config: AnnunciatorConfig, alarms: AlarmState, state: BedsideState) -> None:
        self._config = config
        self._alarms = alarms
        self._state = state

    def judge(self, ledger: Ledger, scene: Scene) -> Iterator[Effect]:
        """Say what is shown and sounded now if it is not what was said last; at the start of a run, in any case."""
        before, now = self._state.told, self._now(scene)
        if before == now:
            return
        self._state.told = now
        heard = self._heard(now)
        if heard and (before is None or heard != self._heard(before)):
            ledger.journal("bedside", **heard)
        yield now
        if before is None and HookReason.LEVEL_3 in self._config.hook_on:
            for alarm in self._alarms.published.values():
                if calls(alarm) and scene.now_s < _called_at_s(alarm) + CALLED_AGAIN_S:
                    yield CallHook(HookReason.LEVEL_3, ledger.now, alarm)

    def _heard(self, shown: Bedside) -> dict[str, str]:
        """What the journal keeps: who could hear what."""
        sound = {"sound": "none" if shown.sound is None else shown.sound.name.lower()}
        return (sound if self._config.buzzer else {}) | ({"nurse_call": str(shown.call)} if self._config.relay else {})

    def call(self, told: Iterable[Effect], ledger: Ledger) -> Iterator[CallHook]:
        """Say which transitions of this step the hook is told."""
        for effect in told:
            if isinstance(effect, Annunciate):
                reason = hook_reason(effect.alarm, effect.phase)
                if reason in self._config.hook_on:
                    yield CallHook(reason, ledger.now, effect.alarm)

    def _now(self, scene: Scene) -> Bedside:
        state, lamp, sound = self._state, None, None
        self._note_displayed()
        for scope in {alarm.key.bed for alarm in self._alarms.published.values()}:
            if scene.shows(scope):
                state.seen_at_s[scope] = scene.now_s
        state.due_at_s = math.inf
        nurses = [alarm for alarm in self._alarms.published.values() if is_nurses(alarm)]
        for alarm in nurses:
            lamp = alarm.priority if lamp is None else max(lamp, alarm.priority)
            at_s = sounds_at_s(alarm, scene, state.seen_at_s, displayed=_noise(alarm) in state.displayed)
            if at_s is not None and at_s <= scene.now_s:
                sound = alarm.priority if sound is None else max(sound, alarm.priority)
            elif at_s is not None:
                state.due_at_s = min(state.due_at_s, at_s)
        return Bedside(
            lamp,
            sound,
            call=any(map(calls, nurses)),
            test=TEST in self._alarms.published,
            standing=tuple(
                Named(alarm.key.bed, alarm.key.name, alarm.occurrence, alarm.rev)
                for alarm in sorted(nurses, key=lambda alarm: alarm.key)
            ),
        )

    def _note_displayed(self) -> None:
        """Remember what pages have shown: readers are not told of it, and an alarm that is over has forgotten it."""
        found = {
            _noise(alarm)
            for alarm in self._alarms.standing.values()
            if alarm.delivery.displayed is not None and alarm.key in self._alarms.published
        }
        still = map(_noise, self._alarms.published.values())
        self._state.displayed = frozenset(found | self._state.displayed.intersection(still))


def _noise(alarm: Alarm) -> tuple[str, int]:
    return alarm.occurrence, alarm.delivery.noise_rev


def is_nurses(alarm: Alarm) -> bool:
    """Tell whether an alarm is shown at the bedside at all."""
    return alarm.audience is Audience.NURSE and alarm.signal is not SignalPresence.OFF


def sounds_at_s(alarm: Alarm, scene: Scene, seen_at_s: Mapping[str, float], *, displayed: bool) -> float | None:
    """Return when the buzzer sounds for an alarm as it is now, ``None``: not at all.

    ``seen_at_s`` is when a page last showed each scope; ``displayed``: a page has shown this noise of the alarm.
    """
    if not alarm.audible or alarm.acceptance is not None or alarm.priority is Priority.LOW:
        return None
    noise = alarm.delivery.published or alarm.onset
    due_s = noise.mono_s + DISPLAY_S[alarm.priority]
    if alarm.key.condition in WAY_LOST:
        lost = alarm.event_at or alarm.onset
        return max(due_s, lost.mono_s + WAY_LOST_S) if scene.active else None
    if displayed and scene.shows(alarm.key.bed):
        return None
    if displayed:
        due_s = max(due_s, seen_at_s.get(alarm.key.bed, 0.0) + DISPLAY_S[alarm.priority])
    return due_s


def calls(alarm: Alarm) -> bool:
    """Tell whether an alarm holds the nurse call: nobody has accepted it, and it is not over and done with."""
    return is_nurses(alarm) and alarm.delivery.level >= NURSE_CALL_LEVEL and alarm.acceptance is None


def _called_at_s(alarm: Alarm) -> float:
    """Return when an alarm came to level 3; the start, if it was reached in another boot of the computer."""
    return alarm.delivery.unattended_s + ESCALATE_S[alarm.priority][-1]


def hook_reason(alarm: Alarm, phase: Phase) -> HookReason | None:
    """Return why the hook would be told of a transition, ``None``: it is not its matter."""
    if phase is Phase.START and alarm.key == TEST:
        return HookReason.TEST
    if alarm.audience is not Audience.NURSE:
        return None
    if phase is Phase.LEVEL and alarm.delivery.level == NURSE_CALL_LEVEL:
        return HookReason.LEVEL_3
    if phase in _ONSETS and alarm.priority is Priority.HIGH:
        return HookReason.HIGH_ONSET
    return None


# --- what each priority looks and sounds like -------------------------------------------------------------------------

FLASH_HZ = {Priority.HIGH: 2.0, Priority.MEDIUM: 0.6}
"""IEC 60601-1-8: 1.4 to 2.8 Hz and 0.4 to 0.8 Hz; half of each period is lit. Low priority is steady."""

_HIGH_PULSE_S, _HIGH_GAP_S, _HIGH_MIDDLE_S = 0.150, 0.100, 0.500
_MEDIUM_PULSE_S, _MEDIUM_GAP_S = 0.200, 0.200
_HIGH_HALF = (_HIGH_GAP_S, _HIGH_GAP_S, 2 * _HIGH_GAP_S + _HIGH_PULSE_S, _HIGH_GAP_S)


@dataclass(frozen=True, slots=True)
class Burst:
    """Pulses of one length, the gap after each, and how long it is quiet until the next burst."""

    pulse_s: float
    gaps_s: tuple[float, ...]
    pause_s: float

    @property
    def period_s(self) -> float:
        """From the beginning of one burst to that of the next."""
        return (len(self.gaps_s) + 1) * self.pulse_s + sum(self.gaps_s) + self.pause_s


BURSTS = {
    Priority.HIGH: Burst(_HIGH_PULSE_S, (*_HIGH_HALF, _HIGH_MIDDLE_S, *_HIGH_HALF), 5.0),
    Priority.MEDIUM: Burst(_MEDIUM_PULSE_S, (_MEDIUM_GAP_S, _MEDIUM_GAP_S), 15.0),
}
"""The bursts of IEC 60601-1-8: ten pulses in two groups of five, and three."""

TEST_TONE_S = 0.200
"""The one pulse of the self-test, as long as one of low priority."""

TEST_LIT_S = 3.0
"""So long the self-test lights every lamp."""


def lit(priority: Priority, for_s: float) -> tuple[bool, float]:
    """Tell whether a lamp is lit after it has shown a priority for so long, and how long it stays so."""
    hz = FLASH_HZ.get(priority)
    if hz is None:
        return True, math.inf
    half = math.floor(for_s * hz * 2 + _ROUNDING)
    return half % 2 == 0, (half + 1) / (hz * 2) - for_s


def sounding(priority: Priority, for_s: float) -> tuple[bool, float]:
    """Tell whether the buzzer is on after it has sounded a priority for so long, and how long it stays so."""
    burst = BURSTS[priority]
    rest_s = for_s % burst.period_s
    for gap_s in (*burst.gaps_s, burst.pause_s):
        for on, length_s in ((True, burst.pulse_s), (False, gap_s)):
            if rest_s < length_s - _ROUNDING:
                return on, length_s - rest_s
            rest_s -= length_s
    return True, burst.pulse_s


_ROUNDING = 1e-6
"""Binary fractions of a second must not turn a pulse into two: far below what anybody hears."""
