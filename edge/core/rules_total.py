"""Rules about what was given in all: in this treatment, in 24 hours, for how long, and how sure that is.

Limits are held against what at least one account claims, and what may have been given unseen. These are sums: they
stand when the pump is not heard, and nothing but another treatment lowers them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from drivers.model import Quantity, Validity
from edge.core.catalogue import CATALOGUE
from edge.core.composed import DoseLimits
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import Binding, DrugConfig, LimitConfig
from edge.core.delivered import Given
from edge.core.dose_units import EntryUnits, in_full
from edge.core.doses import day_dose_mg, given_of, lines_of, session_dose
from edge.core.finding import Finding, IsTold, Particulars, Stays, level, unless_told
from edge.core.limits import bands_of, judge_limit
from edge.core.model import Side
from edge.core.rules_dose import drug_of
from edge.core.rules_vital import describe_limit
from edge.core.therapy import Order
from edge.core.totals import DAY_S
from edge.core.validate import Value
from edge.core.view import BedView

UNSURE_SHARE = Decimal("0.05")
"""What may have been given unseen is told from this share of the limit on; less is in the number that is shown."""

_UNSEEN, _LOST = 0, 1
_STEP = Decimal("0.000001")


class Total(NamedTuple):
    """A total that is held against a limit: its number in the unit of the limit, and how it was reckoned."""

    limit: LimitConfig
    number: Decimal
    what: str
    evidence: Callable[[], tuple[tuple[str, str], ...]]


def totals(view: BedView, pump: Binding, now_s: float, is_told: IsTold, stays: Stays) -> Iterator[Finding]:
    """Hold the totals of a channel's drug, and its time, against the limits of its order.

    A day in which nothing but this treatment was given is told as this treatment, and not as both.
    """
    order = view.order(pump)
    if order is None:
        return
    limits = view.limits().doses[pump.port, pump.channel]
    given = session_dose(view, order.drug)
    for total in _totals(view, pump, (order, limits, given), now_s):
        key, value = view.key(total.limit.condition, pump), _value(total, now_s)
        judged = _unless_lost(view, order, judge_limit(total.limit, value))
        if stays(key, judged):
            continue
        finding = Finding(
            key,
            judged,
            bands_of(total.limit),
            total.limit.clear_delay_s,
            partial(_describe, view.config.label, total, value, drug_of(view, order).units),
            value=total.number,
        )
        if total.limit is limits.day and total.number <= _per_kg(given.most_mg, order):
            finding = unless_told(finding, view.key("DOSE_CUMULATIVE_HIGH", pump), is_told)
        yield finding
    yield from _unsure(view, pump, (order, limits, given), (now_s, stays))


def _unless_lost(view: BedView, order: Order, judged: Judgement | None) -> Judgement | None:
    """Let a total that nobody knows say nothing below its limit: what is known is the least that it can be."""
    lost = view.state.therapy.lost(order.drug)
    return None if lost and judged is not None and judged.beyond == INSIDE else judged


def _totals(view: BedView, pump: Binding, of: tuple[Order, DoseLimits, Given], now_s: float) -> Iterator[Total]:
    order, limits, given = of
    label = drug_of(view, order).label
    if limits.session is not None:
        yield Total(
            limits.session,
            _per_kg(given.most_mg, order),
            f"{label} of this treatment",
            lambda: (*_evidence(given), *_lines(view, order.drug), *_arithmetic(given.most_mg, order)),
        )
    day_mg = day_dose_mg(view, order.drug, now_s)
    if limits.day is not None and day_mg is not None:
        # The day holds this treatment too; what it was not yet told of is the treatment's own, if that is all of today.
        patient = view.state.therapy.patient
        of_today = patient is not None and now_s <= patient.started.mono_s + DAY_S
        most_mg = max(day_mg, given.most_mg) if of_today else day_mg
        yield Total(
            limits.day,
            _per_kg(most_mg, order),
            f"{label} of 24 hours",
            lambda: (("day_dose_mg", str(most_mg)), *_arithmetic(most_mg, order)),
        )
    dose = view.state.doses.get((pump.port, pump.channel))
    if limits.duration is not None and dose is not None and given_of(view, pump).high_mg > 0:
        seconds = int(dose.account.infusing_s)
        minutes = (Decimal(seconds) / 60).quantize(_STEP)
        yield Total(limits.duration, minutes, f"{label}: infused for", lambda: (("infusing_s", str(seconds)),))


def _value(total: Total, now_s: float) -> Value:
    return Value(
        Quantity.DOSE_RATE, total.number, total.limit.unit, Decimal(0), Validity.VALID, now_s, now_s, "reckoned"
    )


def _describe(label: str, total: Total, value: Value, units: EntryUnits, band: Band) -> Particulars:
    plain = describe_limit(label, total.what, total.limit, value, band, units)
    return Particulars(plain.text, plain.value, plain.unit, plain.limit, (*total.evidence(), *plain.evidence))


def _evidence(given: Given) -> tuple[tuple[str, str], ...]:
    return (
        ("dose_low_mg", str(given.low_mg)),
        ("dose_high_mg", str(given.high_mg)),
        ("dose_claimed_mg", str(given.claimed_mg)),
        ("dose_unsure_mg", str(given.unsure_mg)),
    )


def _lines(view: BedView, drug: str) -> Iterator[tuple[str, str]]:
    for line in lines_of(view, drug):
        yield "line_waits_mg", str(line.waits_mg)
        yield "line_flushed_mg", str(line.carried.most_mg)


def _arithmetic(most_mg: Decimal, order: Order) -> tuple[tuple[str, str], ...]:
    return (
        ("weight_kg", str(order.weight_kg)),
        ("arithmetic", f"{most_mg} mg / {order.weight_kg} kg = {_per_kg(most_mg, order)} mg/kg"),
        ("order", order.explained),
    )


def _per_kg(dose_mg: Decimal, order: Order) -> Decimal:
    return (dose_mg / order.weight_kg).quantize(_STEP)


def _unsure(
    view: BedView, pump: Binding, of: tuple[Order, DoseLimits, Given], at: tuple[float, Stays]
) -> Iterator[Finding]:
    (order, limits, given), (now_s, stays) = of, at
    most_mg = given.high_mg
    if limits.session is not None:
        most_mg = limits.session.bands[0].value * order.weight_kg
    lost, unsure = view.state.therapy.lost(order.drug), given.unsure_mg > UNSURE_SHARE * most_mg
    judged = level(_LOST if lost else _UNSEEN if unsure else INSIDE, now_s)
    key, entry = view.key("DOSE_UNCERTAIN", pump), CATALOGUE["DOSE_UNCERTAIN"]
    if stays(key, judged):
        return
    yield Finding(
        key,
        judged,
        entry.bands,
        entry.clear_delay_s,
        partial(_describe_lost if lost else _describe_unsure, view.config.label, drug_of(view, order), given, order),
    )


def _describe_lost(label: str, drug: DrugConfig, given: Given, order: Order, _: Band) -> Particulars:
    units = drug.units
    known = f"{units.shown(given.low_mg, 'mg', Side.LOW)} {units.mass}"
    return Particulars(
        f"{label}: the bedside computer was replaced, and what was given of {drug.label} in this treatment is not "
        f"known (at least {known}).",
        evidence=(("known_mg", str(given.low_mg)), ("order", order.explained)),
    )


def _describe_unsure(label: str, drug: DrugConfig, given: Given, order: Order, _: Band) -> Particulars:
    units = drug.units
    unseen = f"{units.shown(given.unsure_mg, 'mg', Side.HIGH)} {units.mass}"
    return Particulars(
        f"{label}: up to {unseen} {drug.label} more may have been given unseen.",
        in_full(units, given.unsure_mg, "mg", Side.HIGH),
        units.mass,
        evidence=(*_evidence(given), *_arithmetic(given.most_mg, order)),
    )
