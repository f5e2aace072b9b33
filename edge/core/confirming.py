"""Acts about an order that was entered: override, confirm, withdraw; `ordering.py` has its laws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge.core import syringe
from edge.core.composed import dose_limits
from edge.core.desk import Desk, RefusedError
from edge.core.model import AlarmKey
from edge.core.order_bounds import bounds_passed, overridden
from edge.core.ordering import check_rev, next_act
from edge.core.readiness import before_it_runs
from edge.core.rules_dose import drug_of
from edge.core.stepping import step_conflict
from edge.core.therapy import Order, Patient, TherapyPhase
from edge.core.therapy_acts import ConfirmOrder, OverrideBounds, Place, WithdrawOrder
from edge.core.therapy_state import CONFIRM_WITHIN_S, Awaiting
from edge.core.view import BedView

_BY_LIMIT = (
    *("DOSE_STEP_HIGH", "DOSE_MASS_RATE_HIGH", "DOSE_CUMULATIVE_HIGH", "DOSE_24H_HIGH", "DURATION_HIGH"),
    "DOSE_BOLUS_HIGH",
)
"""Conditions that nothing judges where the drug of an order has no such limit."""

_OF_ORDER = (
    *("DOSE_RATE_HIGH", "DOSE_RATE_LOW", "DOSE_INPUT_MISSING", "DOSE_UNCERTAIN"),
    *("ORDER_MISMATCH", "ORDER_EXCEEDED", "STEP_UNCONFIRMED", "INFUSION_PAUSED", "SYRINGE_CHANGE"),
    *_BY_LIMIT,
)
"""Conditions that nothing judges where there is no order: what stands of them would never end."""


def override(desk: Desk, act: OverrideBounds) -> str:
    """Give the reason why an order that awaits confirmation may pass its soft bounds."""
    desk.require_user()
    view, awaiting = _awaited(desk, act.place, act.rev)
    if not awaiting.passed:
        raise RefusedError(f"revision {act.rev} passes no soft limit that needs a reason")
    order, _ = overridden(awaiting.order, awaiting.passed, act.reason, desk.asker.name)
    desk.treat(view, view.state.therapy.with_awaiting(replace(awaiting, order=order, passed=())))
    return f"revision {act.rev}; {next_act(order, ())}"


def confirm(desk: Desk, act: ConfirmOrder) -> str:
    """Put an order in force: a second person has compared it with the prescription."""
    user = desk.require_user()
    view, awaiting = _awaited(desk, act.place, act.rev)
    _, patient = desk.patient(act.place.bed, act.place.case)
    if user.casefold() == awaiting.user.casefold():
        raise RefusedError(f"{user} entered it: another person confirms, logged in with a name of their own")
    if awaiting.passed:
        passed = "; ".join(bound.text for bound in awaiting.passed)
        raise RefusedError(f"{passed}: a prescriber gives a reason first (override), or enters it anew")
    _check_again(view, awaiting.order, patient)
    if conflict := step_conflict(awaiting.order, drug_of(view, awaiting.order).units):
        raise RefusedError(conflict)
    order = replace(awaiting.order, confirmed_by=desk.asker.name)
    therapy = view.state.therapy
    before = therapy.order(order.port, order.channel)
    stepped = before is not None and before.step_mg_per_kg_per_h != order.step_mg_per_kg_per_h
    if before is not None and before.drug == order.drug:
        came_from = before.step_mg_per_kg_per_h if stepped else before.stepped_from_mg_per_kg_per_h
        order = replace(order, stepped_from_mg_per_kg_per_h=came_from)
    if before is not None:
        order = replace(order, syringe_changed=syringe.still_asked(before, order))
    therapy = therapy.with_order(order).without_awaiting(order.port, order.channel)
    therapy = desk.reweigh(therapy, order.weight_kg)
    if therapy.phase in (TherapyPhase.SETUP, TherapyPhase.RECOVERY):
        therapy = replace(therapy, phase=TherapyPhase.BASELINE, phase_since=desk.now)
    desk.treat(view, replace(therapy, step=therapy.step + (stepped and therapy.step > 0)))
    place = (order.port, order.channel)
    judged = {limit.condition for limit in view.limits().doses[place].all()} | {"DOSE_BOLUS_HIGH"}
    _end(desk, view, place, (one for one in _BY_LIMIT if one not in judged), "Ended: the order has no such limit.")
    drug = drug_of(view, order)
    told = before_it_runs(view, drug, desk.now.mono_s)
    taken = f"; {desk.asker.name} has read: {' '.join(awaiting.advisories)}" if awaiting.advisories else ""
    return f"revision {order.rev} is in force{f'. {told}' if told else ''}{taken}"


def _check_again(view: BedView, order: Order, patient: Patient) -> None:
    """Refuse an order that the checklist, if it was corrected since, does not allow any more."""
    drug = drug_of(view, order)
    limits = dose_limits(drug, order, replace(patient, weight_kg=order.weight_kg))
    reasons = {(one.condition, one.limit) for one in order.overrides}
    unsaid = [one.text for one in bounds_passed(drug, order, limits) if (one.condition, one.limit) not in reasons]
    if unsaid:
        raise RefusedError(f"{'; '.join(unsaid)}, since the checklist was corrected: enter the order again")


def withdraw(desk: Desk, act: WithdrawOrder) -> str:
    """Take an order off: the one that awaits its confirmation, or the one in force, whose pump must not run."""
    view, _ = desk.patient(act.place.bed, act.place.case)
    _, pump = desk.pump(act.place)
    therapy = view.state.therapy
    check_rev(therapy, pump, act.rev)
    place = (pump.port, pump.channel)
    if therapy.awaited(*place) is not None:
        desk.treat(view, therapy.without_awaiting(*place))
        return f"revision {act.rev} is withdrawn before it was in force"
    if therapy.order(*place) is None:
        raise RefusedError("there is no order to withdraw")
    if view.source(pump).infusing or view.source(pump).infusion is None:
        raise RefusedError("the pump runs, or was not heard since the start: stop it first")
    desk.treat(view, therapy.without_order(*place))
    _end(desk, view, place, _OF_ORDER, "Ended: the order was withdrawn.")
    return f"revision {act.rev} is withdrawn"


def _end(desk: Desk, view: BedView, place: tuple[str, str], conditions: Iterable[str], text: str) -> None:
    for condition in conditions:
        desk.register.end_context(AlarmKey(view.config.bed, condition, *place), text)


def _awaited(desk: Desk, place: Place, rev: int) -> tuple[BedView, Awaiting]:
    view, _ = desk.patient(place.bed, place.case)
    _, pump = desk.pump(place)
    awaiting = view.state.therapy.awaited(pump.port, pump.channel)
    if awaiting is None or desk.now.mono_s >= awaiting.placed.mono_s + CONFIRM_WITHIN_S:
        raise RefusedError(
            f"no order awaits confirmation there: one that was not confirmed within {CONFIRM_WITHIN_S / 60:g} min "
            "is entered again"
        )
    if awaiting.order.rev != rev:
        raise RefusedError(f"it is revision {awaiting.order.rev} by {awaiting.order.by} now: look again")
    return view, awaiting
