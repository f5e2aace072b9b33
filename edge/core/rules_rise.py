"""Rules about how a dose begins and grows: its rise within ten minutes, and the mg/h that guards the weight.

The limit of the first minutes is DOSE_RATE_HIGH's own (`rules_dose.py`): by band the stricter of the two holds. A rise
to a dose that DOSE_RATE_HIGH tells as loudly is one alarm, not two; the mg/h, which guard the weight, stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from drivers.model import Quantity
from edge.core.condition import Band, Judgement
from edge.core.config import Binding, DrugConfig, LimitConfig
from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.finding import Finding, IsTold, Particulars, Stays, unless_told
from edge.core.limits import bands_of, judge_limit
from edge.core.rules_dose import drug_of
from edge.core.rules_vital import describe_limit
from edge.core.steps import HeldDose
from edge.core.therapy import Order
from edge.core.validate import Value
from edge.core.view import BedView

_STEP, _MASS = "DOSE_STEP_HIGH", "DOSE_MASS_RATE_HIGH"


def rise(view: BedView, binding: Binding, now_s: float, is_told: IsTold, stays: Stays) -> Iterator[Finding]:
    """Judge how far the dose rate rose within the window of its limit (H-01)."""
    order = view.order(binding)
    limit = None if order is None else view.limits().doses[binding.port, binding.channel].step
    if order is None or limit is None:
        return
    rate, risen = view.rate(binding, now_s), view.steps(binding).rise()
    judged: Judgement | None = None
    value: Value | None = None
    if rate is not None and rate.value is not None and risen is not None:
        lowest, now = risen
        by = now.dose_mg_per_kg_per_h - lowest.dose_mg_per_kg_per_h
        # Both doses are as coarse as the pump's rate.
        value = rate._replace(
            quantity=Quantity.DOSE_RATE,
            unit="mg/kg/h",
            value=by,
            resolution=lowest.resolution + now.resolution,
            median=None,
        )
        judged = judge_limit(limit, value)
    key = view.key(_STEP, binding)
    if stays(key, judged):
        return
    finding = Finding(
        key,
        judged,
        bands_of(limit),
        limit.clear_delay_s,
        partial(_describe_rise, view.config.label, drug_of(view, order), limit, (value, risen)),
        value=None if value is None else value.value,
    )
    yield unless_told(finding, view.key("DOSE_RATE_HIGH", binding), is_told)


def _describe_rise(
    label: str,
    drug: DrugConfig,
    limit: LimitConfig,
    found: tuple[Value | None, tuple[HeldDose, HeldDose] | None],
    band: Band,
) -> Particulars:
    value, risen = found
    plain = describe_limit(label, f"{drug.label} rose by", limit, value, band, drug.units)
    if risen is None:
        return plain
    lowest, now = risen
    doses = (
        ("dose_rate_before_mg_per_kg_per_h", str(lowest.dose_mg_per_kg_per_h)),
        ("dose_rate_mg_per_kg_per_h", str(now.dose_mg_per_kg_per_h)),
        ("arithmetic", f"{now.dose_mg_per_kg_per_h} - {lowest.dose_mg_per_kg_per_h} mg/kg/h"),
        ("infusing_s_ago", f"{now.since_s - lowest.since_s:.0f}"),
    )
    return replace(plain, evidence=(*doses, *plain.evidence))


def mass_rate(view: BedView, binding: Binding, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Judge the mg/h, which a wrong weight does not change (H-03)."""
    order = view.order(binding)
    limit = None if order is None else view.limits().doses[binding.port, binding.channel].mass_rate
    if order is None or limit is None:
        return
    rate = view.rate(binding, now_s)
    value = None if rate is None else mass_rate_of(rate, order)
    key, judged = view.key(_MASS, binding), judge_limit(limit, value)
    if stays(key, judged):
        return
    yield Finding(
        key,
        judged,
        bands_of(limit),
        limit.clear_delay_s,
        partial(
            _describe_mass,
            view.config.label,
            drug_of(view, order),
            limit,
            value,
            arithmetic=_product(rate, order, drug_of(view, order).units),
        ),
        value=None if value is None else value.value,
    )


def mass_rate_of(rate: Value, order: Order) -> Value:
    """Return the mg/h of a delivered rate in mL/h."""
    return rate._replace(
        unit="mg/h",
        value=None if rate.value is None else rate.value * order.concentration_mg_per_ml,
        resolution=rate.resolution * order.concentration_mg_per_ml,
    )


def _product(rate: Value | None, order: Order, units: EntryUnits) -> tuple[tuple[str, str], ...]:
    if rate is None or rate.value is None:
        return ()
    concentration = order.concentration_mg_per_ml
    told = "" if units == MILLIGRAMS else f" = {units.text(rate.value * concentration, 'mg/h')}"
    return (
        ("infusion_rate_ml_per_h", str(rate.value)),
        ("concentration_mg_per_ml", str(concentration)),
        ("arithmetic", f"{rate.value} mL/h * {concentration} mg/mL = {rate.value * concentration} mg/h{told}"),
        ("order", order.explained),
    )


def _describe_mass(
    label: str,
    drug: DrugConfig,
    limit: LimitConfig,
    value: Value | None,
    band: Band,
    *,
    arithmetic: tuple[tuple[str, str], ...],
) -> Particulars:
    plain = describe_limit(label, drug.label, limit, value, band, drug.units)
    return replace(plain, evidence=(*arithmetic, *plain.evidence))
