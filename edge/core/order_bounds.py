"""What the library allows of the numbers of an order, and which soft bound was passed with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from edge.core.composed import DoseLimits
from edge.core.config import Bounds, DrugConfig, LimitConfig
from edge.core.desk import RefusedError
from edge.core.dose_units import EntryUnits
from edge.core.therapy import Order, Override
from edge.core.therapy_state import SoftBound


@dataclass(frozen=True, slots=True)
class Bound:
    """What the library allows of a number of an order, in one unit; ``condition`` is what alarms beyond it."""

    condition: str
    what: str
    number: Decimal
    unit: str
    bounds: Bounds


def bounds(drug: DrugConfig, order: Order, limits: DoseLimits) -> Iterator[Bound]:
    """Give the library's bounds for an order, composed for its patient."""
    yield Bound("CONCENTRATION", "concentration", order.concentration_mg_per_ml, "mg/mL", drug.concentration)
    yield Bound("WEIGHT", "weight", order.weight_kg, "kg", drug.weight)
    maximum, start = order.maximum_mg_per_kg_per_h, order.start_mg_per_kg_per_h
    yield from _of_limit("maximum", maximum, limits.dose_rate)
    yield from _of_limit("start", start, limits.first)
    yield from _of_limit("increment", order.increment_mg_per_kg_per_h, limits.step)
    yield from _of_limit("maximum for this weight", maximum * order.weight_kg, limits.mass_rate)
    if order.total_mg_per_kg is not None:
        yield Bound("DOSE_CUMULATIVE_HIGH", "total", order.total_mg_per_kg, "mg/kg", limits.total)


def _of_limit(what: str, number: Decimal | None, limit: LimitConfig | None) -> Iterator[Bound]:
    if number is not None and limit is not None:
        bands = {band.name: band.value for band in limit.bands}
        bounds = Bounds(soft_high=bands.get("soft"), hard_high=bands.get("hard"))
        yield Bound(limit.condition, what, number, limit.unit, bounds)


def bounds_passed(drug: DrugConfig, order: Order, limits: DoseLimits) -> Iterator[SoftBound]:
    """Give the soft bounds that an order passes, one of a condition; refuse it at a hard one."""
    listed = drug.concentrations_mg_per_ml
    if not drug.custom_concentration and order.concentration_mg_per_ml not in listed:
        unit = drug.units.concentration
        known = ", ".join(drug.units.text(one, "mg/mL").removesuffix(f" {unit}") for one in listed)
        given = drug.units.text(order.concentration_mg_per_ml, "mg/mL")
        raise RefusedError(f"{given} is no concentration of {drug.label}: {known} {unit}")
    passed: dict[str, SoftBound] = {}
    for bound in bounds(drug, order, limits):
        beyond = _beyond(bound, bound.bounds.hard_low, bound.bounds.hard_high)
        if beyond is not None:
            raise RefusedError(f"{_text(bound, 'hard', beyond, drug.units)}: it cannot be ordered")
        beyond = _beyond(bound, bound.bounds.soft_low, bound.bounds.soft_high)
        if beyond is not None:
            text = _text(bound, "soft", beyond, drug.units)
            passed.setdefault(bound.condition, SoftBound(bound.condition, beyond, bound.number, bound.unit, text))
    yield from passed.values()


def _beyond(bound: Bound, low: Decimal | None, high: Decimal | None) -> Decimal | None:
    """Return the end that a number lies beyond; the end itself is allowed."""
    if high is not None and bound.number > high:
        return high
    return low if low is not None and bound.number < low else None


def _text(bound: Bound, band: str, end: Decimal, units: EntryUnits) -> str:
    side = "above" if bound.number > end else "below"
    number, limit = units.text(bound.number, bound.unit), units.text(end, bound.unit)
    return f"the {bound.what} {number} is {side} the library's {band} limit {limit}"


def overridden(
    order: Order, passed: tuple[SoftBound, ...], reason: str, by: str
) -> tuple[Order, tuple[SoftBound, ...]]:
    """Return the order with the reason for what it passes, and the bounds that still have none."""
    if not reason or not passed:
        return order, passed
    given = tuple(Override(bound.condition, bound.limit, reason, by) for bound in passed)
    return replace(order, overrides=(*order.overrides, *given)), ()
