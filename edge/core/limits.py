"""Is a value beyond a limit? The rule at the edge, in one place (H-37).

"Beyond" means that the value, moved half of its source's resolution towards the limit, is still beyond it; equal is
allowed. "Inside by hysteresis" means that the value is back by the hysteresis or more.
"""

from __future__ import annotations

from decimal import Decimal

from drivers.model import Validity
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import LimitConfig
from edge.core.model import Side
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
        if is_beyond(value.value, value.resolution, band.value, limit.side):
            beyond = held = index
        elif is_held(value.value, band.value, limit.hysteresis, limit.side):
            held = index
    if value.validity is not Validity.VALID:
        worst = len(limit.bands) - 1
        return None if beyond == INSIDE else Judgement(beyond, worst, value.sample_at_s)
    return Judgement(beyond, held, value.sample_at_s)
