"""Rules about what a pump delivers: dose limits, a rate that cannot be read, a pump that runs without an order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import partial

from drivers.model import InfusionState, Quantity, Validity
from edge.core.catalogue import CATALOGUE
from edge.core.condition import INSIDE, Band
from edge.core.config import Binding, DrugConfig, LimitConfig
from edge.core.dose import arithmetic, dose_rate
from edge.core.dose_units import EntryUnits
from edge.core.finding import Finding, Particulars, Stays, level
from edge.core.limits import bands_of, judge_limit
from edge.core.mismatch import rate_pattern
from edge.core.model import Priority, Side
from edge.core.rules_vital import describe_limit
from edge.core.sources import SourceState
from edge.core.therapy import Order
from edge.core.validate import Value
from edge.core.view import BedView

_UNREADABLE, _UNKNOWN_BOLUS = 0, 1
HIGH_WITHOUT_ORDER = 2
FOR_LONG = 1
_AT_A_STEP = frozenset({InfusionState.INFUSING, InfusionState.BOLUS, InfusionState.UNKNOWN})


def drug_of(view: BedView, order: Order) -> DrugConfig:
    """Return the library entry of an order; an order names only drugs of the library."""
    return next(drug for drug in view.core.drugs if drug.drug == order.drug)


def limits(view: BedView, binding: Binding, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Judge the dose rate of a channel that has an order, and say if it cannot be reckoned."""
    order = view.order(binding)
    if order is None:
        return
    rate = view.rate(binding, now_s)
    yield from _limits_of(view, binding, order, rate, stays)
    source = view.source(binding)
    worst = INSIDE
    # A rate that is doubtful is shown and may alarm, but it is no dose to rely on.
    if source.infusing and (rate is None or rate.validity is not Validity.VALID):
        # A bolus is over before a delay is: one of an unknown rate is told at once (H-28).
        worst = _UNKNOWN_BOLUS if source.state is InfusionState.BOLUS else _UNREADABLE
    key, judged = view.key("DOSE_INPUT_MISSING", binding), level(worst, now_s) if view.live(binding, now_s) else None
    if stays(key, judged):
        return
    yield Finding(
        key,
        judged,
        CATALOGUE["DOSE_INPUT_MISSING"].bands,
        0.0,
        partial(_describe_unreadable, view.config.label, drug_of(view, order).label, rate),
    )


def limits_of_sample(view: BedView, binding: Binding, stays: Stays) -> Iterator[Finding]:
    """Judge the dose rates that one sample brought or passed through."""
    order, source = view.order(binding), view.source(binding)
    rate = source.delivered_rate()
    if order is None or rate is None:
        return
    rates = view.passed_through(source, Quantity.INFUSION_RATE, rate) if source.infusing else iter((rate,))
    for passed in rates:
        yield from _limits_of(view, binding, order, passed, stays)


def _limits_of(view: BedView, binding: Binding, order: Order, rate: Value | None, stays: Stays) -> Iterator[Finding]:
    dose = None if rate is None else dose_rate(rate, order)
    composed = view.limits().doses[binding.port, binding.channel]
    source = view.source(binding)
    for limit in (composed.dose_rate_after(view.infused_s(order.drug)), composed.low):
        judged = judge_limit(limit, dose)
        # A pump that was stopped, or keeps the vein open, is not a low dose; another one's state says nothing.
        if limit.side is Side.LOW and dose is not None and source.trusted and source.state not in _AT_A_STEP:
            judged = level(INSIDE, dose.sample_at_s)
        key = view.key(limit.condition, binding)
        if stays(key, judged):
            continue
        yield Finding(
            key,
            judged,
            bands_of(limit),
            limit.clear_delay_s,
            partial(_describe_dose, view.config.label, order, (drug_of(view, order), limit, composed.dose_rate), rate),
            value=dose.value if dose is not None else None,
        )


def _describe_dose(
    label: str, order: Order, passed: tuple[DrugConfig, LimitConfig, LimitConfig], rate: Value | None, band: Band
) -> Particulars:
    drug, limit, later = passed
    dose = dose_rate(rate, order) if rate is not None else None
    plain = describe_limit(label, drug.label, limit, dose, band, drug.units)
    evidence = arithmetic(rate, dose, order, drug.units) if rate is not None and dose is not None else ()
    slip = _slip(rate, order, drug.units)
    text = plain.text
    if limit.side is Side.HIGH and _value_of(limit, band) != _value_of(later, band):
        text = f"{text.removesuffix('.')} of the first {drug.first_s / 60:g} min."
    if slip:
        text = f"{text} The order is {drug.units.text(order.step_mg_per_kg_per_h, 'mg/kg/h')}: {slip}"
    return Particulars(text, plain.value, plain.unit, plain.limit, (*evidence, *plain.evidence))


def _value_of(limit: LimitConfig, band: Band) -> Decimal | None:
    return next((one.value for one in limit.bands if one.name == band.name), None)


def _slip(rate: Value | None, order: Order, units: EntryUnits) -> str:
    """Name the slip that makes such a rate of the ordered one (H-01), empty if it is like none."""
    if rate is None or rate.value is None:
        return ""
    return rate_pattern(rate.value, order, units)


def _describe_unreadable(label: str, drug: str, rate: Value | None, _: Band) -> Particulars:
    why = f" ({rate.note})" if rate is not None and rate.note else ""
    return Particulars(f"{label}: {drug} is running and its rate is not known{why}.")


def order_missing(view: BedView, binding: Binding, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Tell that a channel runs without an order; high if by its own account it is beyond a hard limit."""
    source = view.source(binding)
    worst = INSIDE
    if source.infusing and view.order(binding) is None:
        worst = HIGH_WITHOUT_ORDER if beyond_by_own_account(view.core.drugs, source) else FOR_LONG
    key, judged = view.key("ORDER_MISSING", binding), level(worst, now_s) if view.live(binding, now_s) else None
    if stays(key, judged):
        return
    yield Finding(
        key,
        judged,
        CATALOGUE["ORDER_MISSING"].bands,
        0.0,
        partial(_describe_order_missing, view.config.label, source),
    )


def _describe_order_missing(label: str, source: SourceState, _: Band) -> Particulars:
    drug = source.infusion.drug if source.infusion is not None and source.infusion.drug else "an unnamed drug"
    return Particulars(f"{label}: {source.port} channel {source.channel} is running {drug} without an order.")


def beyond_by_own_account(drugs: Iterable[DrugConfig], source: SourceState) -> bool:
    """Tell whether the dose that the pump itself reports is beyond the hard limit of the drug that it names."""
    dose = source.value(Quantity.DOSE_RATE)
    name = source.infusion.drug if source.infusion is not None else None
    if dose is None or name is None:
        return False
    for drug in drugs:
        if name.casefold() in (known.casefold() for known in drug.pump_names):
            judged = judge_limit(drug.dose_rate_high, dose)
            bands = drug.dose_rate_high.bands
            return judged is not None and judged.beyond != INSIDE and bands[judged.beyond].priority is Priority.HIGH
    return False
