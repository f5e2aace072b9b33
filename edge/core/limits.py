"""Is a value beyond a limit? The rule at the edge, in one place (H-37).

A soft band of a stream is judged on its median (`Value.median`), so that one artefact of a moment alarms nobody. A hard
one is always judged on the value itself, and so is every band of a dose. A soft band is left as soon as either is back.

"Beyond" means that the value, moved half of its source's resolution towards the limit, is still beyond it; equal is
allowed. "Inside by hysteresis" means that the value is back by the hysteresis or more.
"""

from __future__ import annotations

from decimal import Decimal

from drivers.model import Validity
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import BandLimit, LimitConfig
from edge.core.model import Priority, Side
from edge.core.validate import Value

_HALF = Decimal("0.5")


def bands_of(limit: LimitConfig) -> tuple[Band, ...]:
    """Return the condition machine's bands for a limit."""
    return tuple(Band(band.name, band.priority, band.delay_s, limit.samples_min) for band in limit.bands)


def is_beyond(value: Decimal, resolution: Decimal, limit: Decimal, side: Side) -> bool:
    """Tell whether the value is beyond the limit by more than half of its resolution."""
    margin = resolution * _HALF
    return value - margin > limit if side is Side.HIGH else value + margin < limit


def is_held(value: Decimal, limit: Decimal, hysteresis: Decimal, side: Side) -> bool:
    """Tell whether the value has not yet come back from the limit by the hysteresis."""
    return value > limit - hysteresis if side is Side.HIGH else value < limit + hysteresis


def is_inside(limit: LimitConfig, value: Value) -> bool:
    """Tell whether a value is known and beyond no band: exactly where `judge_limit` says ``INSIDE``, for less."""
    number = value.value
    if number is None or value.validity is not Validity.VALID:
        return False
    return not any(
        is_beyond(number_for(band, value, number), value.resolution, band.value, limit.side) for band in limit.bands
    )


def number_for(band: BandLimit, value: Value, number: Decimal) -> Decimal:
    """Return the number that a band is judged on: the median of a stream for a soft one, else the value itself."""
    return number if value.median is None or band.priority is Priority.HIGH else value.median


def judge_limit(limit: LimitConfig, value: Value) -> Judgement | None:
    """Judge a value against all bands; ``None`` if it cannot be judged.

    A questionable value may raise an alarm, and may neither lower nor end one (law 4). An over-range value without a
    number is beyond every high band and says nothing of a low one; under-range likewise.
    """
    if value.value is None:
        past = {Validity.OVER: Side.HIGH, Validity.UNDER: Side.LOW}.get(value.validity)
        worst = len(limit.bands) - 1
        return Judgement(worst, worst, value.sample_at_s) if past is limit.side else None
    if not value.usable:
        return None
    beyond = held = INSIDE
    for index, band in enumerate(limit.bands):
        number = number_for(band, value, value.value)
        if is_beyond(number, value.resolution, band.value, limit.side):
            beyond = index
        if all(is_held(each, band.value, limit.hysteresis, limit.side) for each in (number, value.value)):
            held = index
    if value.validity is not Validity.VALID:
        worst = len(limit.bands) - 1
        return None if beyond == INSIDE else Judgement(beyond, worst, value.sample_at_s)
    return Judgement(beyond, held, value.sample_at_s)
