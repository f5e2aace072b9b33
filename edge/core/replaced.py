"""What a spare computer takes over of the treatments of the one that it replaces (H-33).

What was kept is older than the end of the computer that kept it, by a time that nobody knows. So:

  * Every total of a treatment under way is not known from then on, and never zero: what was counted is the least that
    it can be. Who reads pump and chart says how much it is (`edge/core/settling.py`).
  * No counter of a pump bridges the time between: it would say how much flowed, and not to whom.
  * The service of a bed, which is about the devices at the other computer, is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from edge.core.delivered import NOTHING_GIVEN
from edge.core.doses import session_of
from edge.core.kept_dose import DrugGiven, KeptDose
from edge.core.line import Line
from edge.core.therapy import Order
from edge.core.therapy_state import Kept, KeptService, KeptTherapy, LostTotal, TherapyState


@dataclass(frozen=True, slots=True)
class Part:
    """One part of what a store keeps of therapies: of which bed, under which name."""

    bed: str
    part: str
    body: Kept


def of_replaced(parts: Iterable[Part]) -> Iterator[Part]:
    """Give what of these parts holds at another computer, and how."""
    parts = tuple(parts)
    therapies = {each.bed: each.body.therapy for each in parts if isinstance(each.body, KeptTherapy)}
    doses = [(each.bed, each.body) for each in parts if isinstance(each.body, KeptDose)]
    for each in parts:
        match each.body:
            case KeptTherapy() as kept:
                mine = [dose for bed, dose in doses if bed == each.bed and _is_of(dose, kept.therapy)]
                yield replace(each, body=replace(kept, therapy=_without_totals(kept.therapy, mine)))
            case KeptDose() as dose:
                therapy = therapies.get(each.bed)
                if therapy is not None and _is_of(dose, therapy):
                    yield replace(each, body=_counted_before(dose))
            case KeptService():
                pass
            case _:
                yield each


def _is_of(dose: KeptDose, therapy: TherapyState) -> bool:
    return therapy.patient is not None and dose.session == session_of(therapy.patient)


def _without_totals(therapy: TherapyState, doses: Iterable[KeptDose]) -> TherapyState:
    if therapy.patient is None:
        return therapy
    orders = tuple(_counted_at(order, doses) for order in therapy.orders)
    lost = [LostTotal(order.drug, order.port, order.channel) for order in therapy.orders]
    ordered = {one.drug for one in lost}
    counted = {name for dose in doses for name in (dose.drug, *(one.drug for one in dose.earlier)) if name}
    lost += [LostTotal(drug) for drug in sorted(counted - ordered)]
    # What one person had read there is older too.
    return replace(therapy, orders=orders, settling=(), totals_lost=tuple(dict.fromkeys((*therapy.totals_lost, *lost))))


def _counted_at(order: Order, doses: Iterable[KeptDose]) -> Order:
    """Return an order that says what was given before it: with it what the other computer counted since, at least."""
    mine = [_counted_before(dose) for dose in doses if (dose.port, dose.channel) == (order.port, order.channel)]
    if order.given_before_mg is None or not mine:
        return order
    known = [(mine[0].drug, mine[0].before_mg), *((one.drug, one.before_mg) for one in mine[0].earlier)]
    before_mg = sum((dose_mg for drug, dose_mg in known if drug == order.drug), Decimal(0))
    return replace(order, given_before_mg=max(order.given_before_mg, before_mg))


def _counted_before(dose: KeptDose) -> KeptDose:
    """Return a channel that begins to count anew: what was counted, at least, was given before.

    Nobody knows what its line holds now, nor how far a flush has come.
    """
    arrived = dose.given if dose.line is None else dose.line.arrived(dose.given)
    return replace(
        dose,
        given=NOTHING_GIVEN,
        before_mg=dose.before_mg + arrived.low_mg,
        line=None if dose.line is None else Line(dose.line.dead_ml, strongest=dose.line.strongest).taken_off(),
        flush=None,
        earlier=tuple(DrugGiven(one.drug, NOTHING_GIVEN, one.before_mg + one.given.low_mg) for one in dose.earlier),
        sampled=dose.at,
        flow_ml_per_h=Decimal(0),
        stands=True,
        serial_number="",
        counter=None,
        changed=dose.at,
    )
