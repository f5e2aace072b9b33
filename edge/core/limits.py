"""Is a value beyond a limit? The rule at the edge, in one place (H-37).

A soft band of a stream is judged on its median (`Value.median`), so that one artefact of a moment alarms nobody. A hard
one is always judged on the value itself, and so is every band of a dose. A soft band is left as soon as either is back.

"Beyond" means that the value, moved half of its source's resolution towards the limit, is still beyond it; equal is
allowed. "Inside by hysteresis" means that the value is back by the hysteresis or more.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from drivers.model import Quantity, Validity
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import BandLimit, LimitConfig
from edge.core.model import Priority, Side
from edge.core.validate import CANON, Value

_HALF = Decimal("0.5")
_PAST = {Validity.OVER: Side.HIGH, Validity.UNDER: Side.LOW}


def bands_of(limit: LimitConfig) -> tuple[Band, ...]:
    """Return the condition machine's bands for a limit."""
    return tuple(Band(band.name, band.priority, band.delay_s, limit.samples_min) for band in limit.bands)


def is_beyond(value: Decimal, resolution: Decimal, limit: Decimal, side: Side) -> bool:
    """Tell whether the value is beyond the limit by more than half of its resolution."""
    if side is Side.HIGH:
        return value > limit and value - resolution * _HALF > limit
    return value < limit and value + resolution * _HALF < limit


def is_held(value: Decimal, limit: Decimal, hysteresis: Decimal, side: Side) -> bool:
    """Tell whether the value has not yet come back from the limit by the hysteresis."""
    return value > limit - hysteresis if side is Side.HIGH else value < limit + hysteresis


def number_for(band: BandLimit, value: Value, number: Decimal) -> Decimal:
    """Return the number that a band is judged on: the median of a stream for a soft one, else the value itself."""
    return number if value.median is None or band.priority is Priority.HIGH else value.median


def _is_well_inside(limit: LimitConfig, value: Value, number: Decimal) -> bool:
    """Tell whether a number and its median are back from the mildest band by the hysteresis: so from every other."""
    back, median = limit.back, value.median
    if back is None:
        return False
    if limit.side is Side.HIGH:
        return number <= back and (median is None or median <= back)
    return number >= back and (median is None or median >= back)


def possible(quantity: Quantity) -> tuple[Decimal, Decimal]:
    """Return from where to where a number of this quantity is possible at all."""
    canon = CANON[quantity]
    return canon.lowest, canon.highest


def well_inside(limits: Iterable[LimitConfig]) -> dict[Quantity, tuple[Decimal, Decimal]]:
    """Return from where to where each quantity is well inside all of its limits."""
    inside: dict[Quantity, tuple[Decimal, Decimal]] = {}
    for limit in limits:
        if limit.back is not None:
            lowest, highest = inside.get(limit.quantity) or possible(limit.quantity)
            if limit.side is Side.HIGH:
                inside[limit.quantity] = lowest, min(highest, limit.back)
            else:
                inside[limit.quantity] = max(lowest, limit.back), highest
    return inside


def judge_limit(limit: LimitConfig, value: Value | None) -> Judgement | None:
    """Judge a value against all bands; ``None`` if it cannot be judged, or is not there.

    A questionable value may raise an alarm, and may neither lower nor end one (law 4). An over-range value without a
    number is beyond every high band and says nothing of a low one; under-range likewise.
    """
    if value is None:
        return None
    last, side = value.value, limit.side
    if last is None:
        worst = len(limit.bands) - 1
        return Judgement(worst, worst, value.sample_at_s) if _PAST.get(value.validity) is side else None
    if not value.usable:
        return None
    if value.validity is Validity.VALID and _is_well_inside(limit, value, last):
        return Judgement(INSIDE, INSIDE, value.sample_at_s)  # the commonest case by far
    beyond = held = INSIDE
    for index, band in enumerate(limit.bands):
        number = number_for(band, value, last)
        if is_beyond(number, value.resolution, band.value, side):
            beyond = index
        if is_held(number, band.value, limit.hysteresis, side) and is_held(last, band.value, limit.hysteresis, side):
            held = index
    if value.validity is not Validity.VALID:
        worst = len(limit.bands) - 1
        return None if beyond == INSIDE else Judgement(beyond, worst, value.sample_at_s)
    return Judgement(beyond, held, value.sample_at_s)
