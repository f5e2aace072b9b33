"""The volume that a pump has counted, made a sum that never falls (H-17).

Laws:
  * A counter that falls was reset (by a person, a new syringe, its own end): what it shows then was counted since. It
    is never a negative volume.
  * A fall, and a leap that no pump can do, must be shown twice before they are believed: one wrong number counts
    nothing (H-12).
  * What was counted between two readings is exact to one step of the counter, however many readings lie between.

A reset cannot be seen where more was counted since, within two rounds of the line, than the counter showed before; so
can none of a counter that still showed nothing. The rate over time shows what was delivered then, if it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

ZERO = Decimal(0)

FASTEST_ML_PER_H = Decimal(2000)
"""No drive moves faster, a bolus or a purge included: what grows more in its time is no delivered volume."""

COUNTER_LAG_S = 60.0
"""A pump may bring its counter up to date as rarely as this: what it shows may be as old."""

VOLUME_STEP_ML = Decimal("0.000000000001")
"""Volumes are rounded to this, towards the side that keeps an interval true."""

_US_PER_H = Decimal(3_600_000_000)


def volume_ml(rate_ml_per_h: Decimal, seconds: float, *, up: bool) -> Decimal:
    """Return the volume of a rate over a time, rounded up or down."""
    exact = rate_ml_per_h * round(seconds * 1_000_000) / _US_PER_H
    return exact.quantize(VOLUME_STEP_ML, ROUND_CEILING if up else ROUND_FLOOR)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a counter shows: ``step_ml`` is one step of it."""

    volume_ml: Decimal
    step_ml: Decimal


@dataclass(frozen=True, slots=True)
class Growth:
    """What a counter grew by. ``reset``: it began at zero since, and what came before that was not seen.

    ``leap_ml`` is growth that no drive can do: it may be a wrong number.
    """

    counted_ml: Decimal = ZERO
    reset: bool = False
    leap_ml: Decimal = ZERO


NOTHING = Growth()


@dataclass(slots=True)
class PumpCounter:
    """One pump's counter as it was last believed. ``changed_at_s`` is when it last grew, ``doubted`` what it then said.

    Times are monotonic seconds.
    """

    last: Reading | None = None
    changed_at_s: float = 0.0
    doubted: Reading | None = None
    doubted_at_s: float = 0.0

    def begin(self, reading: Reading | None, at_s: float) -> None:
        """Begin anew with what it shows now: what was before is not known."""
        self.last, self.changed_at_s, self.doubted = reading, at_s, None

    def take(self, reading: Reading, at_s: float) -> Growth:
        """Take up what it shows, and return what it grew by since the last believed reading."""
        last = self.last
        if last is None:
            self.begin(reading, at_s)
            return NOTHING
        grown_ml = reading.volume_ml - last.volume_ml
        if grown_ml == 0 and self.doubted is None:
            return NOTHING
        room_ml = _most_ml(at_s - self.changed_at_s, reading.step_ml)
        if 0 <= grown_ml <= room_ml:
            self.doubted = None
            if grown_ml:
                self.last, self.changed_at_s = reading, at_s
            return Growth(grown_ml)
        return self._doubt(last, reading, at_s)

    def bridges(self, reading: Reading, at_s: float) -> Decimal | None:
        """Return what it grew by over a gap in which nothing was heard; ``None`` where that is not proved."""
        if self.last is None:
            return None
        grown_ml = reading.volume_ml - self.last.volume_ml
        most_ml = volume_ml(FASTEST_ML_PER_H, max(at_s - self.changed_at_s, 0.0), up=True) + 2 * reading.step_ml
        return grown_ml if 0 <= grown_ml <= most_ml else None

    def _doubt(self, last: Reading, reading: Reading, at_s: float) -> Growth:
        first, first_at_s = self.doubted, self.doubted_at_s
        self.doubted, self.doubted_at_s = reading, at_s
        if first is None or not 0 <= reading.volume_ml - first.volume_ml <= _most_ml(at_s - first_at_s, first.step_ml):
            return NOTHING
        since_s = at_s - self.changed_at_s
        self.begin(reading, at_s)
        if reading.volume_ml > last.volume_ml:
            return Growth(leap_ml=reading.volume_ml - last.volume_ml)
        # From zero it cannot have come farther in the time than a drive moves; from elsewhere it tells nothing.
        from_zero = reading.volume_ml <= _most_ml(since_s, reading.step_ml)
        return Growth(reading.volume_ml if from_zero else ZERO, reset=True)


def _most_ml(seconds: float, step_ml: Decimal) -> Decimal:
    return volume_ml(FASTEST_ML_PER_H, min(max(seconds, 0.0), COUNTER_LAG_S), up=True) + 2 * step_ml
