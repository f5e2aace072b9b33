"""What is shown of a channel's dose beside its rate: the rate that its counter proves, and what was given in all."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from drivers.model import Validity
from edge.core.channel_dose import ChannelDose
from edge.core.delivered import Given
from edge.core.dose_units import EntryUnits
from edge.core.doses import day_dose_mg, lines_of, session_dose
from edge.core.effects import DoseView, Metric
from edge.core.model import Side
from edge.core.rules_dose import drug_of
from edge.core.therapy import Order
from edge.core.view import BedView
from edge.core.volume_check import FlowCheck, VolumeCheck

LOST = "not known since the bedside computer was replaced: at least so much"
"""What stands beside a total that nobody knows."""

NOT_YET = "volume check not yet possible"
WORDS = {
    VolumeCheck.NO_COUNTER: "no volume check: the pump counts no volume",
    VolumeCheck.NOT_YET: NOT_YET,
    VolumeCheck.AGREES: "the counted volume agrees with the rate",
    VolumeCheck.MORE: "the pump counts more than its rate",
    VolumeCheck.LESS: "the pump counts less than its rate",
}
"""What the volume check says, for people."""

RECKONED = "reckoned"
_STEP = Decimal("0.0001")


def doses(view: BedView, now_s: float) -> Iterator[DoseView]:
    """Give what each pump channel that was heard has given; intervals as their two ends."""
    for pump in view.config.pumps:
        dose, order = view.state.doses.get((pump.port, pump.channel)), view.order(pump)
        if dose is None:
            continue
        live = view.live(pump, now_s) and view.source(pump).trusted
        verdict = dose.check.verdict()
        metrics = tuple(_delivered(view.source(pump).name, dose.check, verdict, now_s, live=live))
        drug = given = ""
        if order is not None:
            drug, session = order.drug, session_dose(view, order.drug)
            metrics += tuple(_totals(view, dose, order, (session, now_s), live=live))
            given = _given_text(session, drug_of(view, order).units, live=live)
        yield DoseView(
            pump.port, pump.channel, drug, verdict, WORDS[verdict], round(dose.account.infusing_s, 3), metrics, given
        )


def _given_text(given: Given, units: EntryUnits, *, live: bool) -> str:
    """Write what was given of a drug in its own unit: both ends, or that it is at least so much."""
    low, high = (
        units.shown(dose_mg, "mg", side) for dose_mg, side in ((given.low_mg, Side.LOW), (given.high_mg, Side.HIGH))
    )
    if not live:
        return f"at least {low} {units.mass}"
    return f"{low} {units.mass}" if low == high else f"{low} to {high} {units.mass}"


def _delivered(source: str, check: FlowCheck, verdict: VolumeCheck, now_s: float, *, live: bool) -> Iterator[Metric]:
    shown = check.delivered() if live else None
    validity = Validity.VALID if shown is not None else Validity.NOT_AVAILABLE if live else Validity.STALE
    if shown is not None and verdict in {VolumeCheck.MORE, VolumeCheck.LESS}:
        validity = Validity.QUESTIONABLE
    for name, number in (
        ("delivered_rate_low_ml_per_h", None if shown is None else shown.low),
        ("delivered_rate_high_ml_per_h", None if shown is None else shown.high),
    ):
        age_s = None if number is None else round(max(0.0, now_s - check.now.at_s), 3)
        yield Metric(name, number, "mL/h", validity, age_s, source, note=WORDS[verdict])


def _totals(
    view: BedView, dose: ChannelDose, order: Order, given_at: tuple[Given, float], *, live: bool
) -> Iterator[Metric]:
    given, now_s = given_at
    last = dose.delivery.last
    age_s = 0.0 if last is None else round(max(0.0, now_s - last.at_s), 3)
    note = ""
    lost = view.state.therapy.lost(order.drug)
    if lost:
        note, live = LOST, False
    elif not live:
        note = "at least so much: the pump is not heard"
    elif given.unsure_mg:
        note = f"{given.unsure_mg.quantize(Decimal('0.01'), ROUND_CEILING)} mg of it may not have been given"
    waits_mg = sum((line.waits_mg for line in lines_of(view, order.drug)), Decimal(0))
    if waits_mg:
        said = f"{waits_mg.quantize(Decimal('0.01'), ROUND_CEILING)} mg of it may stand in the line"
        note = f"{note}; {said}" if note else said
    if dose.flush is not None:
        said = f"a flush runs: the next {dose.flush.left_ml.quantize(Decimal('0.01'))} mL are not counted"
        note = f"{note}; {said}" if note else said
    validity = Validity.VALID if live and not given.unsure_mg else Validity.QUESTIONABLE
    low, high = given.low_mg.quantize(_STEP, ROUND_FLOOR), given.high_mg.quantize(_STEP, ROUND_CEILING)
    per_kg = (given.most_mg / order.weight_kg).quantize(_STEP, ROUND_CEILING)
    yield Metric("session_dose_low_mg", low, "mg", validity, age_s, RECKONED, order.drug, note)
    if lost:
        for name, unit in (
            ("session_dose_high_mg", "mg"),
            ("session_dose_mg_per_kg", "mg/kg"),
            ("day_dose_mg_per_kg", "mg/kg"),
        ):
            yield Metric(name, None, unit, Validity.NOT_AVAILABLE, None, RECKONED, order.drug, note)
        return
    if live:
        yield Metric("session_dose_high_mg", high, "mg", validity, age_s, RECKONED, order.drug, note)
    else:
        yield Metric("session_dose_high_mg", None, "mg", Validity.STALE, None, RECKONED, order.drug, note)
    yield Metric("session_dose_mg_per_kg", per_kg, "mg/kg", validity, age_s, RECKONED, order.drug, note)
    day_mg = day_dose_mg(view, order.drug, now_s)
    if day_mg is not None:
        most = (max(day_mg, given.most_mg) / order.weight_kg).quantize(_STEP, ROUND_CEILING)
        yield Metric("day_dose_mg_per_kg", most, "mg/kg", validity, age_s, RECKONED, order.drug, note)
