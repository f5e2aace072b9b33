"""Rules that hold a pump against its order: what it was set to, and what it gives (H-01 to H-06).

Laws:
  * A pump that tells another drug, unit or concentration than ordered is a high alarm, also before it runs.
  * A dose that the order does not allow is told by its slip (ten times, pounds for kilograms) where it is like one.
  * A step inside the order's range is asked about, and silent for three minutes; no other dose above the order is.
  * One dose is one alarm: what DOSE_RATE_HIGH tells as loudly does not begin as ORDER_EXCEEDED too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from drivers.model import InfusionState, Quantity, Validity
from edge.core.catalogue import CATALOGUE
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import Binding, DrugConfig
from edge.core.dose import arithmetic, dose_rate
from edge.core.dose_units import EntryUnits, in_full, written
from edge.core.finding import Finding, IsTold, Particulars, Stays, level, unless_told
from edge.core.limits import is_beyond
from edge.core.mismatch import FAR_APART, apart, pattern, rate_pattern
from edge.core.model import Side
from edge.core.rules_dose import drug_of
from edge.core.sources import SourceState
from edge.core.steps import Steps
from edge.core.therapy import Order
from edge.core.therapy_state import KeptSteps
from edge.core.validate import Value
from edge.core.view import BedView, kept_steps

_APART, _OTHER = 0, 1
_ABOVE, _TWICE = 0, 1
_SHORT = frozenset({InfusionState.BOLUS, InfusionState.PURGE})
_AT_A_STEP = frozenset({InfusionState.INFUSING, InfusionState.UNKNOWN})
ABOVE = Decimal("1.1")
"""A dose is above what is ordered from here on (design, section 8)."""
TWICE = Decimal(2)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the pump tells otherwise than ordered: ``worst`` is the band, ``code`` names it in a word."""

    code: str
    worst: int
    text: str
    told: str
    ordered: str


def mismatch(view: BedView, binding: Binding, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Hold what a pump says of drug, concentration, weight and dose against its order."""
    order = view.order(binding)
    if order is None:
        return
    source = view.source(binding)
    known = view.link_lost(binding, now_s) is False and source.trusted and source.infusion is not None
    differences = tuple(_differences(source, order, drug_of(view, order))) if known else ()
    worst = max((difference.worst for difference in differences), default=INSIDE)
    key, judged = view.key("ORDER_MISMATCH", binding), level(worst, now_s) if known else None
    if stays(key, judged):
        return
    entry = CATALOGUE["ORDER_MISMATCH"]
    yield Finding(
        key,
        judged,
        entry.bands,
        entry.clear_delay_s,
        partial(_describe_mismatch, view.config.label, differences),
        fingerprint=",".join(difference.code for difference in differences),
    )


def _differences(source: SourceState, order: Order, drug: DrugConfig) -> Iterator[Difference]:
    named = source.infusion.drug if source.infusion is not None else None
    if named and named.casefold() not in (name.casefold() for name in drug.pump_names):
        text = f"the pump is set to {named}, ordered is {drug.label}"
        yield Difference("drug", _OTHER, text, named, ", ".join(drug.pump_names))
    yield from _unit_differs(source, drug)
    inputs = (
        *_number_differs(source, Quantity.CONCENTRATION, "concentration", order.concentration_mg_per_ml, drug.units),
        *_number_differs(source, Quantity.WEIGHT, "weight", order.weight_kg, drug.units),
    )
    yield from inputs
    rate, told = source.delivered_rate(), source.value(Quantity.DOSE_RATE)
    # Another weight or concentration explains another dose; a bolus has a rate of its own.
    if inputs or source.state is not InfusionState.INFUSING or rate is None or not rate.value or told is None:
        return
    reckoned = dose_rate(rate, order)
    if reckoned.value is not None:
        # The pump reckons its dose from its own rounded rate: one digit is that of the display that shows less.
        yield from _differs("dose rate", max(told.resolution, reckoned.resolution), reckoned.value, told, drug.units)


def _unit_differs(source: SourceState, drug: DrugConfig) -> Iterator[Difference]:
    for quantity in (Quantity.DOSE_RATE_SET, Quantity.DOSE_RATE):
        value = source.value(quantity)
        if value is None or value.validity is Validity.NOT_AVAILABLE:
            continue
        told, wanted = value.told_in or value.unit, drug.dosing_unit
        if told != wanted:
            text = f"the pump is set to a dose in {told}, the library's unit of {drug.label} is {wanted}"
            yield Difference("unit", _OTHER, text, told, wanted)
            return


def _number_differs(
    source: SourceState, quantity: Quantity, what: str, ordered: Decimal, units: EntryUnits
) -> Iterator[Difference]:
    told = source.value(quantity)
    if told is not None and told.value is not None and told.usable:
        yield from _differs(what, told.resolution, ordered, told, units)


def _differs(what: str, one_digit: Decimal, ordered: Decimal, told: Value, units: EntryUnits) -> Iterator[Difference]:
    number = told.value
    off = None if number is None else apart(number, ordered, one_digit)
    if number is None or off is None:
        return
    worst = _OTHER if what == "concentration" or off > FAR_APART else _APART
    slip = pattern(number, ordered)
    hint = f" ({slip})" if slip else ""
    is_told, shown = (units.text(one.normalize(), told.unit) for one in (number, ordered))
    text = f"the pump's {what} is {is_told}, by the order it is {shown}{hint}"
    yield Difference(what.replace(" ", "_"), worst, text, units.text(number, told.unit), units.text(ordered, told.unit))


def _describe_mismatch(label: str, differences: tuple[Difference, ...], _: Band) -> Particulars:
    texts = "; ".join(difference.text for difference in differences)
    evidence = tuple(
        pair
        for difference in differences
        for pair in (
            (f"{difference.code}_at_pump", difference.told),
            (f"{difference.code}_ordered", difference.ordered),
        )
    )
    return Particulars(f"{label}: {texts}.", evidence=evidence)


# --- the dose against the order ---------------------------------------------------------------------------------------


def take_step(view: BedView, binding: Binding, at_s: float) -> KeptSteps | None:
    """Let a sample count toward the steps of its channel; return what is then to be kept."""
    order, source = view.order(binding), view.source(binding)
    rate, steps = source.delivered_rate(), view.steps(binding)
    runs = source.state in _AT_A_STEP and rate is not None and rate.usable and bool(rate.value)
    if order is None or rate is None or rate.value is None or not runs:
        steps.paused()
        return None
    _begin(view, binding, order, steps)
    steps.reckon(order, at_s)
    credited_from_s = steps.credited_from_s(at_s)
    if credited_from_s is not None:
        view.drug_time(order.drug).add(credited_from_s, at_s)
    dose = dose_rate(rate, order)
    if dose.value is None or not steps.infused(at_s, dose.value, dose.resolution):
        return None
    return kept_steps(view.state, (binding.port, binding.channel))


def _begin(view: BedView, binding: Binding, order: Order, steps: Steps) -> None:
    """Let the first sample of an order's drug begin where another channel, or who gave it before, left off."""
    if steps.held and (steps.basis is None or steps.basis.drug == order.drug):
        return
    steps.held.clear()
    others = [view.steps(pump) for pump in view.config.pumps if pump != binding]
    same = [other for other in others if other.basis is not None and other.basis.drug == order.drug]
    if not any(other.heard_at_s is not None for other in same):
        steps.goes_on_from(same, order.weight_kg)
    before_s = _infused_before_s(view, binding, order)
    if before_s:
        time = view.drug_time(order.drug)
        time.infusing_s = max(time.infusing_s, before_s)


def _infused_before_s(view: BedView, binding: Binding, order: Order) -> float:
    """Return how long it took at least to give what was given before the order: at the dose that alarms at once."""
    if order.given_before_mg is None:
        return 0.0
    worst = view.limits().doses[binding.port, binding.channel].dose_rate.bands[-1].value
    return float(order.given_before_mg / (worst * order.weight_kg) * 3600)


def exceeded(view: BedView, binding: Binding, now_s: float, is_told: IsTold, stays: Stays) -> Iterator[Finding]:
    """Tell of a dose above the order, and ask about a step inside its range."""
    order = view.order(binding)
    if order is None:
        return
    rate = view.rate(binding, now_s)
    dose = None if rate is None else dose_rate(rate, order)
    above: Judgement | None = None
    asked: Judgement | None = None
    why = ""
    if dose is not None and dose.value is not None and dose.usable:
        units = drug_of(view, order).units
        worst, why = _beyond_order(order, (dose.value, dose.resolution), view.steps(binding), units)
        if dose.validity is Validity.VALID and view.source(binding).state not in _SHORT:
            raised = _is_beyond(dose.value, dose.resolution, order.step_mg_per_kg_per_h * ABOVE)
            above = level(worst, dose.sample_at_s)
            asked = level(0 if raised and worst == INSIDE else INSIDE, dose.sample_at_s)
        elif worst == _TWICE:
            # What is doubtful may raise an alarm, and ends none (law 4); a bolus or a purge that is meant is short.
            above = level(_TWICE, dose.sample_at_s)
    for condition, judged in (("ORDER_EXCEEDED", above), ("STEP_UNCONFIRMED", asked)):
        key, entry = view.key(condition, binding), CATALOGUE[condition]
        if stays(key, judged):
            continue
        finding = Finding(
            key,
            judged,
            entry.bands,
            entry.clear_delay_s,
            partial(_describe_above, view.config.label, order, (drug_of(view, order), why), rate),
            value=None if dose is None else dose.value,
        )
        yield unless_told(finding, view.key("DOSE_RATE_HIGH", binding), is_told)


def _is_beyond(dose: Decimal, resolution: Decimal, limit: Decimal) -> bool:
    return is_beyond(dose, resolution, limit, Side.HIGH)


def _beyond_order(order: Order, given: tuple[Decimal, Decimal], steps: Steps, units: EntryUnits) -> tuple[int, str]:
    """Return the band by which a dose, given with its resolution, is above its order, and why it is no step in it."""
    dose, resolution = given
    step, maximum, rise_max = (
        order.step_mg_per_kg_per_h,
        order.maximum_mg_per_kg_per_h,
        order.increment_mg_per_kg_per_h,
    )
    if not _is_beyond(dose, resolution, step * ABOVE):
        return INSIDE, ""
    stood_s, least_s = step_stood_s(order, steps), order.step_interval_s
    if _is_beyond(dose, resolution, maximum * ABOVE):
        why = f"at most {written(units.number(maximum, 'mg/kg/h'))} {units.rate}"
    elif rise_max is not None and _is_beyond(dose, resolution, step + rise_max * ABOVE):
        why = f"in steps of {units.text(rise_max, 'mg/kg/h')} at most"
    elif least_s is not None and stood_s is not None and stood_s < least_s:
        why = f"no step sooner than after {least_s / 60:g} min"
    else:
        return INSIDE, ""
    return (_TWICE if _is_beyond(dose, resolution, step * TWICE) else _ABOVE), why


def step_stood_s(order: Order, steps: Steps) -> float | None:
    """Return for how long the pump has run at the ordered step, before what goes on above it; ``None``: not yet."""
    step, before = order.step_mg_per_kg_per_h, order.stepped_from_mg_per_kg_per_h
    floor = None if before is None or before >= step else before * ABOVE
    return steps.stood_s(step * ABOVE, floor)


def _describe_above(
    label: str, order: Order, said: tuple[DrugConfig, str], rate: Value | None, band: Band
) -> Particulars:
    drug, why = said
    if rate is None or rate.value is None:
        return Particulars(f"{label}: {drug.label} is above its order.")
    dose = dose_rate(rate, order)
    ordered = f"ordered is {drug.units.text(order.step_mg_per_kg_per_h, 'mg/kg/h')}"
    slip = rate_pattern(rate.value, order, drug.units)
    if band.name == "asked":
        text = f"{label}: {drug.label} was raised to {_shown(dose, drug)}, {ordered}: is that the next step?"
    else:
        hint = f" ({slip})" if slip else ""
        limit = f", {why}" if why else ""
        text = f"{label}: {drug.label} runs at {_shown(dose, drug)}, {ordered}{limit}{hint}."
    evidence = arithmetic(rate, dose, order, drug.units)
    told = None if dose.value is None else in_full(drug.units, dose.value, dose.unit, Side.HIGH)
    return Particulars(
        text, told, drug.units.unit(dose.unit), evidence=(*evidence, *((("pattern", slip),) if slip else ()))
    )


def _shown(dose: Value, drug: DrugConfig) -> str:
    if dose.value is None:
        return "an unknown dose"
    number = Decimal(drug.units.shown(dose.value, dose.unit, Side.HIGH)).normalize()
    return f"{number:f} {drug.units.unit(dose.unit)}"
