"""The rule that holds a bolus against the library's limit of one (H-28).

A bolus is an act that is over soon: its alarm stands while it runs and for `STANDS_S` after it. What it adds to the
dose of the treatment and of the day stays there, and is held against their limits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial

from drivers.model import Quantity, Validity
from edge.core.channel_dose import Bolus
from edge.core.composed import no_bolus
from edge.core.condition import INSIDE, Band
from edge.core.config import Binding, DrugConfig, LimitConfig
from edge.core.finding import Finding, Particulars, level
from edge.core.limits import bands_of, judge_limit
from edge.core.model import AlarmKey
from edge.core.rules_dose import drug_of
from edge.core.rules_vital import describe_limit
from edge.core.therapy import Order
from edge.core.validate import Value
from edge.core.view import BedView

STANDS_S = 300.0
"""As long as other news of a volume: somebody is to come and look."""

_STEP = Decimal("0.000001")


def bolus(view: BedView, pump: Binding, known: Collection[AlarmKey], now_s: float) -> Iterator[Finding]:
    """Hold the last bolus of a channel against its limit; of a drug without boli any is one too many."""
    order, dose = view.order(pump), view.state.doses.get((pump.port, pump.channel))
    if order is None or dose is None:
        return
    key, given = view.key("DOSE_BOLUS_HIGH", pump), dose.bolus
    if given is None and key not in known:
        return
    drug = drug_of(view, order)
    foreseen = view.limits().doses[pump.port, pump.channel].bolus
    limit = no_bolus(drug) if foreseen is None else foreseen
    # A bolus of which nothing was heard since is not over because time went by (law 2).
    judged = level(INSIDE, now_s) if view.live(pump, now_s) else None
    value = None
    if given is not None and (given.runs or now_s < given.until_s + STANDS_S):
        value = _value(given, order, now_s)
        judged = level(0, now_s) if foreseen is None else judge_limit(limit, value) or judged
    yield Finding(
        key,
        judged,
        bands_of(limit),
        limit.clear_delay_s,
        partial(_describe, view.config.label, (drug, foreseen is not None), limit, (given, order, value)),
        value=None if value is None else value.value,
    )


def _value(given: Bolus, order: Order, now_s: float) -> Value:
    per_ml = order.concentration_mg_per_ml / order.weight_kg
    number = (given.volume_ml * per_ml).quantize(_STEP)
    resolution = given.step_ml * per_ml
    return Value(Quantity.DOSE_RATE, number, "mg/kg", resolution, Validity.VALID, now_s, now_s, "reckoned")


def _describe(
    label: str,
    said: tuple[DrugConfig, bool],
    limit: LimitConfig,
    of: tuple[Bolus | None, Order, Value | None],
    band: Band,
) -> Particulars:
    (drug, foreseen), (given, order, value) = said, of
    plain = describe_limit(label, f"a bolus of {drug.label}", limit, value, band, drug.units)
    if given is None or value is None:
        return plain
    if not foreseen:
        plain = replace(plain, text=f"{label}: {drug.label} was given as a bolus, and the library has no bolus of it.")
    concentration, weight = order.concentration_mg_per_ml, order.weight_kg
    evidence = (
        ("bolus_ml", str(given.volume_ml)),
        ("concentration_mg_per_ml", str(concentration)),
        ("weight_kg", str(weight)),
        ("arithmetic", f"{given.volume_ml} mL * {concentration} mg/mL / {weight} kg = {value.value} mg/kg"),
        ("order", order.explained),
    )
    return replace(plain, evidence=(*evidence, *plain.evidence))
