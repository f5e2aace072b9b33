"""Does a vital sign climb after a dose step, so that it will pass its limit soon? The trend is judged, not the value.

Ketamine raises heart rate and pressure within minutes of a step. Who hears of it before the limit is passed can wait
with the next step (design, section 8). It is a hint of low priority: the limits themselves hold besides.

Laws:
  * Only what rose since the step counts: it is measured from the value at the step, for ten minutes after it.
  * It climbs if it used up half of the room to its limit, by a least amount, and at its present pace passes the limit
    within the time that is looked ahead. Noise around a steady value has no such pace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

WINDOW_S = 600.0
"""After ten minutes a rise is no longer put down to the step; it is as long as two steps are apart at least."""

POINTS_MAX = 24
"""As many points as ten minutes have at one each 30 s, and a few more."""

USED = Decimal("0.5")
"""This part of the room between the value at the step and the limit must be used up."""

_TENTH = Decimal("0.1")
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Follow:
    """How one vital sign is followed. ``rise_min`` is what its own unrest does not reach; a point each ``every_s``.

    The pace is that of the last ``pace_s``; it must pass the limit within ``ahead_s``.
    """

    rise_min: Decimal
    every_s: float
    pace_s: float
    ahead_s: float


STREAM = Follow(Decimal(12), 30.0, 180.0, 300.0)
"""A heart rate: a pace over three minutes, five minutes ahead."""

CUFF = Follow(Decimal(15), 0.0, 900.0, 600.0)
"""A cuff pressure: each measurement, a pace over the two or three since the step, ten minutes ahead."""


@dataclass(frozen=True, slots=True)
class Step:
    """A rise of a dose rate, in mg/kg/h; ``before`` is 0 at the beginning."""

    port: str
    channel: str
    since_s: float
    before: Decimal
    now: Decimal


@dataclass(frozen=True, slots=True)
class Pace:
    """What was found: the points (seconds after the step, value), the pace in a minute, and when the limit is met."""

    points: tuple[tuple[float, Decimal], ...]
    per_min: Decimal
    meets_in_s: float


@dataclass(slots=True)
class Climb:
    """One vital sign since a step at ``at_s`` (monotonic)."""

    at_s: float
    points: list[tuple[float, Decimal]] = field(default_factory=list)

    def take(self, taken_at_s: float, value: Decimal, follow: Follow) -> None:
        """Take up a value; one that is no newer than it should be is left out."""
        if self.points and (taken_at_s <= self.points[-1][0] or taken_at_s < self.points[-1][0] + follow.every_s):
            return
        if len(self.points) < POINTS_MAX:
            self.points.append((taken_at_s, value))

    def pace(self, limit: Decimal, follow: Follow) -> Pace | None:
        """Tell how it climbs toward a high limit; ``None`` if it does not, or is beyond it already."""
        if len(self.points) < 3:  # noqa: PLR2004 - the value at the step, and two that rise
            return None
        base, (until_s, last) = self.points[0][1], self.points[-1]
        room, risen = limit - base, last - base
        if last > limit or risen < follow.rise_min or risen < room * USED:
            return None
        since_s, first = next(point for point in self.points if point[0] >= until_s - follow.pace_s)
        if until_s <= since_s or last <= first or last < self.points[-2][1]:
            return None
        per_s = (last - first) / Decimal(str(until_s - since_s))
        meets_in_s = float((limit - last) / per_s)
        if meets_in_s > follow.ahead_s:
            return None
        points = tuple((round(at_s - self.at_s), value) for at_s, value in self.points)
        return Pace(points, (per_s * _MINUTE_S).quantize(_TENTH, ROUND_HALF_EVEN), meets_in_s)


@dataclass(slots=True)
class Climbs:
    """What a bed follows after its last step."""

    step: Step | None = None
    at_s: float = 0.0
    by_condition: dict[str, Climb] = field(default_factory=dict)

    def stepped(self, step: Step, at_s: float) -> None:
        """Begin anew after a step."""
        self.step, self.at_s = step, at_s
        self.by_condition = {}

    def follows(self, now_s: float) -> bool:
        """Tell whether a step was so lately that a rise is put down to it."""
        return self.step is not None and now_s - self.at_s <= WINDOW_S
