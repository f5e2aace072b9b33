"""When the cuff pressure was measured that a DRI monitor shows on and on until the next measurement (H-31).

Two witnesses: the label beside the numbers (older than 60 s or not), and the time in the auxiliary record, which is the
monitor's own clock and not every monitor tells. Neither is proved on hardware, so each is held against the other.

Laws of this module:
  * A measurement is new when a number changes, or when the label turns from old to not old. It is dated by that only
    if the record before was heard, and never younger than its label allows.
  * What was there when we began to look has no known time; its age counts from 60 s before it was first seen.
  * A time of the auxiliary record is believed when it stood still: a field that moves with the clock is no such time.
    It is turned into an age once; later changes of the monitor's clock do not move it.
  * It dates what is shown only if it was first told about when that appeared or later. One that lies after the numbers
    appeared, or is younger than their label allows, is of another measurement: not shown yet, or failed.
"""

from __future__ import annotations

from typing import Final

OLD_S: Final = 60.0
"""A cuff pressure older than this is labelled as old."""

WATCH_S: Final = 10.0
"""Longest time between two records for a change to count as watched: two rounds, as long as a link may be silent."""

STOOD_STILL_S: Final = 3.0
"""How long a time of the auxiliary record must stand still; a clock would move within 1 s."""

AGE_MAX_S: Final = 86_400.0
"""A time further back than a day is none of a pressure that is still shown."""

_SLACK_S: Final = 10.0  # the label may turn a round late, and the monitor's times have whole seconds

Numbers = tuple[int | None, ...]


class CuffClock:
    """Dates the cuff pressure of one monitor, in monotonic seconds."""

    __slots__ = (
        "_at_s",
        "_heard_s",
        "_known",
        "_latest_s",
        "_numbers",
        "_old",
        "_since_s",
        "_told_at_s",
        "_told_since_s",
        "_told_time",
    )

    def __init__(self) -> None:
        # what is shown
        self._numbers: Numbers = ()
        self._old = False
        self._heard_s: float | None = None
        self._since_s = 0.0  # when the present numbers were first seen
        self._latest_s = 0.0  # the latest moment at which they can have been measured
        self._at_s = 0.0
        self._known = False
        # what the auxiliary record tells
        self._told_time = 0
        self._told_since_s = 0.0
        self._told_at_s: float | None = None

    def show(self, numbers: Numbers, *, old: bool, now_s: float) -> None:
        """Take what a record shows: systolic, diastolic, mean, pulse (``None`` for no number), and the label."""
        watched = self._heard_s is not None and now_s - self._heard_s <= WATCH_S
        self._heard_s = now_s
        if not any(number is not None for number in numbers):
            return
        pairs = tuple(zip(self._numbers, numbers, strict=True)) if self._numbers else ()
        # A number that was gone for a moment and came back is not a new measurement.
        changed = any(None not in pair and pair[0] != pair[1] for pair in pairs)
        if not pairs or changed or (self._old and not old):
            self._since_s = now_s
            self._known = watched and not old
            self._latest_s = now_s
            self._at_s = now_s if self._known else now_s - OLD_S
        self._numbers = tuple(before if now is None else now for before, now in pairs) if pairs else numbers
        self._old = old
        if old:
            self._latest_s = min(self._latest_s, now_s - OLD_S)
            self._at_s = min(self._at_s, self._latest_s)
        self._settle()

    def tell(self, cuff_time: int, device_time: int, now_s: float) -> None:
        """Take the auxiliary record's time of measurement and the monitor's own time, both in seconds."""
        age_s = float(device_time - cuff_time)
        if not -_SLACK_S <= age_s <= AGE_MAX_S:
            return
        if cuff_time != self._told_time:
            self._told_time, self._told_since_s, self._told_at_s = cuff_time, now_s, None
        elif self._told_at_s is None and now_s - self._told_since_s >= STOOD_STILL_S:
            self._told_at_s = now_s - age_s

    def age(self, now_s: float) -> tuple[float, bool]:
        """Give the age in seconds of what is shown, and whether it is known or only the least that it can be."""
        return now_s - self._at_s, self._known

    def _settle(self) -> None:
        """Hold a believed time against what is shown."""
        if self._told_at_s is None:
            return
        of_an_earlier = self._told_since_s < self._since_s - WATCH_S
        of_a_later = self._told_at_s > self._latest_s + _SLACK_S
        if not (of_an_earlier or of_a_later):
            self._at_s, self._known = min(self._told_at_s, self._latest_s), True
