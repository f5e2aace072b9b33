"""Does a pump count what it says that it delivers? Its counter held against its rate, as sums (Page's test).

    behind    what the rate says and the counter does not show yet: a slow or coarse counter is behind by some volume
    excess    what was counted beyond the rate and beyond what it was behind
    free      excess beyond twice the rate; a free flow, or a bolus that the pump does not tell
    more      excess beyond 110 % of the rate
    less      what is missing of 85 % of the rate; ``stalled``: of 50 %
    stopped   excess while the pump says that it stands

Each is zero while all is well, and never below: so a fault is measured from its own begin, whatever was before. A step
of the counter, its lag and the jitter of the poll stay in ``behind`` and raise nothing. What cannot be judged (a gap, a
reset, a purge, a bolus of unknown rate) begins all of them anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from edge.core.delivered import APART_SHARE, Piece
from edge.core.pump_counter import COUNTER_LAG_S, ZERO, volume_ml

FLOW_MIN_ML = Decimal("0.3")
"""Free flow and flow while stopped: two steps of the counter, and at least this (design, section 7)."""

STEPS = 20
"""So many steps of the counter make a window whose error is at most 10 %."""

POINTS_MAX = 64
"""A window's points lie a step apart: three windows full of them are never needed."""

EXPLAINED_S = 10.0
"""So long after a purge or a bolus its volume may come into the counter: as late as a sample of a slow line."""

STOPPED_QUIET_S = 600.0
"""Flow while stopped is over when nothing was counted for so long: a slow leak counts rarely."""

EXTRA_WINDOW_S = 120.0
"""So long after an occlusion the volume that was dammed up may come (H-26)."""
EXTRA_STANDS_S = 300.0
EXTRA_MIN_ML = Decimal("0.5")

_MORE = Decimal("0.10")
_LESS = Decimal("0.85")
_HALF = Decimal("0.5")
_HOUR_S = Decimal(3600)
_RATE_STEP = Decimal("0.001")


class VolumeCheck(StrEnum):
    """What the counted volume says of the rate."""

    NO_COUNTER = "no_counter"
    NOT_YET = "not_yet"
    AGREES = "agrees"
    MORE = "more"
    LESS = "less"


@dataclass(frozen=True, slots=True)
class Point:
    """The two accounts in mL, since the check began, at one moment."""

    at_s: float
    counted_ml: Decimal
    low_ml: Decimal


@dataclass(frozen=True, slots=True)
class DeliveredRate:
    """The rate in mL/h that the counter proves over the window, from its lower to its upper bound."""

    low: Decimal
    high: Decimal
    window_s: float


@dataclass(slots=True)
class FlowCheck:
    """The sums of one pump channel, in mL. ``fastest`` is the highest rate of the last minute, until ``held_until_s``.

    ``still_s`` is the longest time for which the counter stood while the pump ran: so late it may be.
    ``extra_ml`` is counted since an occlusion ended, at ``extra_from_s``, beyond the rate; it may be negative.
    """

    step_ml: Decimal | None = None
    behind_ml: Decimal = ZERO
    free_ml: Decimal = ZERO
    more_ml: Decimal = ZERO
    less_ml: Decimal = ZERO
    stalled_ml: Decimal = ZERO
    stopped_ml: Decimal = ZERO
    stopped_at_s: float = 0.0
    fastest: Decimal = ZERO
    held_until_s: float = 0.0
    grown_at_s: float | None = None
    still_s: float = 0.0
    explained_until_s: float = 0.0
    rate: Decimal | None = None
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=POINTS_MAX))
    now: Point = Point(0.0, ZERO, ZERO)
    occluded: bool = False
    extra_from_s: float | None = None
    extra_ml: Decimal = ZERO
    extra_found_s: float | None = None

    def add(self, piece: Piece, *, connected: bool = True) -> None:
        """Add what happened between two samples."""
        self._hold(piece)
        self.now = replace(self.now, at_s=piece.at_s)
        if piece.growth is None:
            self.step_ml = None
            self._begin_anew(piece)
            return
        self.step_ml = max(piece.step_ml, self.step_ml or ZERO)
        if piece.purge or piece.high_ml is None or not connected:
            self.explain(piece.at_s)
        known = not (piece.gap or piece.bridged or piece.growth.reset or piece.growth.leap_ml)
        if not known or piece.high_ml is None or piece.at_s < self.explained_until_s:
            self._begin_anew(piece)
            return
        self._sum(piece, piece.high_ml)
        self._window(piece)

    def explain(self, at_s: float) -> None:
        """Take up that more is delivered now than the rate says: a purge, or a bolus of which the rate is not told."""
        self.explained_until_s = at_s + EXPLAINED_S

    def _begin_anew(self, piece: Piece) -> None:
        # What ends a stall of this edge may have been said at its begin: the counter is as old.
        seconds = min(piece.seconds, COUNTER_LAG_S)
        self.settle()
        self.behind_ml = volume_ml(self.fastest, seconds, up=True)
        self.still_s = seconds

    def settle(self) -> None:
        """Begin all sums anew."""
        self.behind_ml = self.free_ml = self.more_ml = self.less_ml = self.stalled_ml = self.stopped_ml = ZERO
        self.points.clear()
        self.still_s, self.grown_at_s = 0.0, None
        self.extra_from_s = None

    def occlusion(self, at_s: float, *, shown: bool) -> None:
        """Take up whether the pump shows an occlusion; at its end what it dammed up may come."""
        if self.occluded and not shown:
            self.extra_from_s, self.extra_ml, self.extra_found_s = at_s, ZERO, None
        self.occluded = shown

    # --- what the sums say --------------------------------------------------------------------------------------------

    @property
    def free_flow(self) -> bool:
        """Whether more than twice the rate flows."""
        return self.step_ml is not None and self.free_ml >= max(2 * self.step_ml, FLOW_MIN_ML)

    @property
    def flows_while_stopped(self) -> bool:
        """Whether volume is counted although the pump says that it stands."""
        return self.step_ml is not None and self.stopped_ml >= max(2 * self.step_ml, FLOW_MIN_ML)

    @property
    def is_more(self) -> bool:
        """Whether more than 110 % of the rate flows."""
        return self.step_ml is not None and self.more_ml > 2 * self.step_ml

    @property
    def is_less(self) -> bool:
        """Whether less than 85 % of the rate flows."""
        return self.less_ml > (self.step_ml or ZERO) + _LESS * self._lag_ml()

    @property
    def is_stalled(self) -> bool:
        """Whether less than half of the rate flows."""
        return self.stalled_ml > (self.step_ml or ZERO) + _HALF * self._lag_ml()

    def extra_volume(self, now_s: float) -> Decimal | None:
        """Return the extra volume that an occlusion let go, while it is news."""
        found_s = self.extra_found_s
        return self.extra_ml if found_s is not None and now_s < found_s + EXTRA_STANDS_S else None

    def verdict(self) -> VolumeCheck:
        """Return what the counter says of the rate."""
        if self.step_ml is None:
            return VolumeCheck.NO_COUNTER
        if self.is_more or self.free_flow or self.flows_while_stopped:
            return VolumeCheck.MORE
        if self.is_less or self.is_stalled:
            return VolumeCheck.LESS
        return VolumeCheck.NOT_YET if self.delivered() is None else VolumeCheck.AGREES

    def delivered(self) -> DeliveredRate | None:
        """Return the rate by the counter; ``None`` until its window is full."""
        if self.step_ml is None or not self.points:
            return None
        first, now = self.points[0], self.now
        seconds = now.at_s - first.at_s
        if seconds <= 0 or now.low_ml - first.low_ml < STEPS * self.step_ml:
            return None
        per_h = _HOUR_S / round(seconds)
        counted_ml = now.counted_ml - first.counted_ml
        low, high = max(ZERO, counted_ml - self.step_ml) * per_h, (counted_ml + self.step_ml) * per_h
        return DeliveredRate(low.quantize(_RATE_STEP), high.quantize(_RATE_STEP), seconds)

    # --- adding up ----------------------------------------------------------------------------------------------------

    def _hold(self, piece: Piece) -> None:
        fastest = piece.fastest or ZERO
        if fastest >= self.fastest or piece.at_s > self.held_until_s:
            self.fastest, self.held_until_s = fastest, piece.at_s + COUNTER_LAG_S

    def _sum(self, piece: Piece, high_ml: Decimal) -> None:
        counted_ml = piece.counted_ml
        if self.grown_at_s is None:
            self.grown_at_s = piece.at_s - piece.seconds
        if not piece.stands:
            self.still_s = max(self.still_s, piece.at_s - self.grown_at_s)
        if piece.stands or counted_ml:
            self.grown_at_s = piece.at_s
        behind_ml = self.behind_ml + high_ml - counted_ml
        excess_ml = max(ZERO, -behind_ml)
        self.behind_ml = min(max(ZERO, behind_ml), piece.step_ml + self._lag_ml())
        self.free_ml = max(ZERO, self.free_ml + excess_ml - high_ml)
        self.more_ml = max(ZERO, self.more_ml + excess_ml - _MORE * high_ml)
        self.less_ml = max(ZERO, self.less_ml + _LESS * piece.low_ml - counted_ml)
        self.stalled_ml = max(ZERO, self.stalled_ml + _HALF * piece.low_ml - counted_ml)
        self._sum_stopped(piece, excess_ml)
        self._sum_extra(piece, counted_ml - high_ml)

    def _sum_stopped(self, piece: Piece, excess_ml: Decimal) -> None:
        if not piece.stands or (excess_ml == 0 and piece.at_s >= self.stopped_at_s + STOPPED_QUIET_S):
            self.stopped_ml = ZERO
        elif excess_ml:
            self.stopped_ml += excess_ml
            self.stopped_at_s = piece.at_s
        if piece.stands:
            self.less_ml = self.stalled_ml = self.free_ml = self.more_ml = ZERO

    def _sum_extra(self, piece: Piece, extra_ml: Decimal) -> None:
        if self.extra_from_s is None:
            return
        self.extra_ml += extra_ml
        if self.step_ml is not None and self.extra_ml - self.step_ml > EXTRA_MIN_ML:
            self.extra_found_s = piece.at_s
        if piece.at_s >= self.extra_from_s + EXTRA_WINDOW_S:
            self.extra_from_s = None

    def _lag_ml(self) -> Decimal:
        """Return what the counter may be behind, by the longest time for which it was seen to stand."""
        return volume_ml(self.fastest, min(self.still_s, COUNTER_LAG_S), up=True)

    def _window(self, piece: Piece) -> None:
        step_ml = self.step_ml or ZERO
        before = self.now
        self.now = Point(piece.at_s, before.counted_ml + piece.counted_ml, before.low_ml + piece.low_ml)
        if piece.stands or self._is_another(piece.fastest):
            # Of a rate that was changed the window tells nothing: the next one is of one rate alone.
            self.rate = piece.fastest
            self.points.clear()
        if piece.stands:
            return
        if not self.points or self.now.low_ml - self.points[-1].low_ml >= step_ml:
            self.points.append(self.now)
        while len(self.points) > 1 and self.now.low_ml - self.points[1].low_ml >= STEPS * step_ml:
            self.points.popleft()

    def _is_another(self, rate: Decimal | None) -> bool:
        """Tell whether a rate is another one than the window's, and not only shown with another last digit."""
        if rate is None or self.rate is None:
            return True
        return abs(rate - self.rate) > APART_SHARE * self.rate
