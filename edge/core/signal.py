"""The signal machine (`AlertSignalPresence`): whether somebody is being told, and whether somebody said that they know.

Laws:
  * An alarm stands until its signal is off; its condition may be over before.
  * Every acknowledgement ends: with the condition, by its time, or because it got worse (I4).
  * What an acknowledged alarm tells anew, it tells as loudly as the first time.
  * Who acknowledged has seen it: when the condition ends after that, or has ended before, nothing is left to latch.

    id      from           when                                   to             told
    SM-B1   off            condition starts                       on             start
    SM-B2   on             condition ends, not to latch           off            end
    SM-B3   on             condition ends, to latch               latched        latch
    SM-B4   latched        reset, or acknowledged                 off            reset
    SM-B5   latched        condition starts again                 on             return
    SM-B6   on             acknowledged                           acknowledged   acknowledge
    SM-B7   acknowledged   condition ends                         off            end
    SM-B8   acknowledged   its time is up, or worse by a step     on             remind
    SM-B9   acknowledged   a worse band                           on             escalate
    SM-B10  acknowledged   acknowledged again                     acknowledged   acknowledge
    SM-B11  on, acknowl.   reset of what no rule judges any more  off            reset
    SM-B12  on             a worse band                           on             escalate
    SM-B13  acknowledged   condition ends, to latch               off            end
    SM-B14  on, acknowl.   it tells something that is new         on             remind
"""

from __future__ import annotations

from enum import StrEnum

from edge.core.model import Phase, Priority, SignalPresence

_OFF, _ON = SignalPresence.OFF, SignalPresence.ON
_LATCHED, _ACKNOWLEDGED = SignalPresence.LATCHED, SignalPresence.ACKNOWLEDGED


class SignalEvent(StrEnum):
    """What happens to a signal."""

    START = "start"
    END = "end"
    END_TO_LATCH = "end_to_latch"
    RESET = "reset"
    ACKNOWLEDGE = "acknowledge"
    REMIND = "remind"
    WORSE = "worse"


_TABLE = {
    (_OFF, SignalEvent.START): (_ON, Phase.START),
    (_ON, SignalEvent.END): (_OFF, Phase.END),
    (_ON, SignalEvent.END_TO_LATCH): (_LATCHED, Phase.LATCH),
    (_ON, SignalEvent.WORSE): (_ON, Phase.ESCALATE),
    (_ON, SignalEvent.REMIND): (_ON, Phase.REMIND),
    (_ON, SignalEvent.ACKNOWLEDGE): (_ACKNOWLEDGED, Phase.ACKNOWLEDGE),
    (_ON, SignalEvent.RESET): (_OFF, Phase.RESET),
    (_LATCHED, SignalEvent.RESET): (_OFF, Phase.RESET),
    (_LATCHED, SignalEvent.ACKNOWLEDGE): (_OFF, Phase.RESET),
    (_LATCHED, SignalEvent.START): (_ON, Phase.RETURN),
    (_ACKNOWLEDGED, SignalEvent.END): (_OFF, Phase.END),
    (_ACKNOWLEDGED, SignalEvent.END_TO_LATCH): (_OFF, Phase.END),
    (_ACKNOWLEDGED, SignalEvent.REMIND): (_ON, Phase.REMIND),
    (_ACKNOWLEDGED, SignalEvent.WORSE): (_ON, Phase.ESCALATE),
    (_ACKNOWLEDGED, SignalEvent.ACKNOWLEDGE): (_ACKNOWLEDGED, Phase.ACKNOWLEDGE),
    (_ACKNOWLEDGED, SignalEvent.RESET): (_OFF, Phase.RESET),
}

SILENT_HIGH_S = 120.0
SILENT_HIGH_ACCEPTED_S = 300.0
SILENT_MEDIUM_S = 300.0
SILENT_LOW_S = 900.0
SILENT_SOFT_VITAL_SIGN_S = 900.0
"""How long an acknowledged alarm stays silent while its condition does."""


def after(presence: SignalPresence, event: SignalEvent) -> tuple[SignalPresence, Phase]:
    """Return what a signal becomes and what is told of it. Raises KeyError where the event cannot be."""
    return _TABLE[presence, event]


def silent_for_s(priority: Priority, *, accepted: bool, stepwise: bool) -> float:
    """Return how long an acknowledgement holds. ``stepwise``: a value that sounds again when worse by one step."""
    if priority is Priority.HIGH:
        return SILENT_HIGH_ACCEPTED_S if accepted else SILENT_HIGH_S
    if priority is Priority.MEDIUM:
        return SILENT_SOFT_VITAL_SIGN_S if stepwise else SILENT_MEDIUM_S
    return SILENT_LOW_S
