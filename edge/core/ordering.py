"""Acts about an order: enter; `confirming.py` has override, confirm and withdraw.

An order costs a nurse half a minute: weight and concentration are typed, the rest comes from the order before, from the
pump and from the library.

Laws:
  * What is entered is not in force until another person confirms it, within `CONFIRM_WITHIN_S` (H-01 to H-06).
  * It names the revision that its asker saw: of two who enter at once the second is refused.
  * Soft bounds of the library are passed with a reason alone, hard ones never.
  * A channel that already runs needs to say how much was given.
  * A revision carries a step only if one was said in it; else the step in force stays (`edge/core/stepping.py`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from drivers.model import Quantity
from edge.core.composed import dose_limits
from edge.core.config import Binding, DrugConfig
from edge.core.desk import Desk, RefusedError
from edge.core.dose_units import EntryUnits
from edge.core.doses import session_of
from edge.core.inputs import PlaceOrder
from edge.core.order_bounds import bounds_passed, overridden
from edge.core.patients import check_weight
from edge.core.readiness import before_it_runs
from edge.core.therapy import CONFIGURATION, ChannelRole, Checklist, Known, Order, Patient, TherapyPhase
from edge.core.therapy_acts import EnterOrder, Place
from edge.core.therapy_state import CONFIRM_WITHIN_S, Awaiting, SoftBound, TherapyState
from edge.core.view import BedView

HEALTHY = Checklist(
    heart_disease=Known.NO,
    cyp3a4_inhibitor=Known.NO,
    cyp2b6_inhibitor=Known.NO,
    opioids=Known.NO,
    sedatives=Known.NO,
    dependence=Known.NO,
    age_65_or_over=Known.NO,
    treatments_in_7_days=0,
)
"""The checklist of that patient."""

TIMES = {
    "cuff_interval_s": ("cuff interval", 60.0, 900.0),
    "round_interval_s": ("interval of the rounds", 300.0, 7200.0),
    "step_interval_s": ("interval of the steps", 60.0, 86400.0),
    "planned_s": ("planned time", 60.0, 14 * 86400.0),
}
"""What may be ordered, in seconds: a cuff as a bed's configuration has it, whose age limits come after 15 min (H-31);
rounds at least each two hours; a treatment of two weeks at most."""

STEP_DIGITS = Decimal("0.001")
"""A step that is reckoned from the pump's rate is rounded to this many mg/kg/h: below what any pump can be set to."""

STEP_PLACES = 3
"""A small one, of a drug that is dosed in micrograms, keeps so many digits."""

TAKEN_OVER = (
    "start_mg_per_kg_per_h",
    "maximum_mg_per_kg_per_h",
    "increment_mg_per_kg_per_h",
    "step_interval_s",
    "total_mg_per_kg",
    "planned_s",
    "cuff_interval_s",
    "round_interval_s",
)
"""What stays as it was ordered before, where a revision does not say otherwise."""


# --- enter ------------------------------------------------------------------------------------------------------------


def enter(desk: Desk, act: EnterOrder) -> str:
    """Take an order that a second person must confirm."""
    user = desk.require_user()
    view, patient = desk.patient(act.place.bed, act.place.case)
    _, pump = desk.pump(act.place)
    therapy = view.state.therapy
    check_rev(therapy, pump, act.rev)
    if therapy.role(pump.port, pump.channel) is not ChannelRole.ORDERED:
        raise RefusedError(f"{pump.port} channel {pump.channel} was declared {therapy.role(pump.port, pump.channel)}")
    _check_weight(act, patient)
    before = therapy.order(pump.port, pump.channel)
    drug = _drug(view, pump, act, before)
    order = _order(desk, act, pump, drug, before)
    limits = dose_limits(drug, order, replace(patient, weight_kg=order.weight_kg))
    passed = tuple(bounds_passed(drug, order, limits))
    order, open_bounds = overridden(order, passed, act.reason, desk.asker.name)
    awaiting = Awaiting(
        order,
        user,
        desk.now,
        open_bounds,
        drug.advisories if before is None else (),
        step_said=act.step_mg_per_kg_per_h is not None or before is None or before.drug != drug.drug,
    )
    desk.treat(view, replace(therapy.with_awaiting(awaiting), orders_entered=order.rev))
    advice = "".join(
        f". {said}" for said in (before_it_runs(view, drug, desk.now.mono_s), " ".join(awaiting.advisories)) if said
    )
    acted = f"; limits are tightened by {', '.join(limits.acted)}" if limits.acted else ""
    return f"{_said(drug, order)}{acted}; {next_act(order, open_bounds)}{advice}"


def check_rev(therapy: TherapyState, pump: Binding, seen: int) -> None:
    """Refuse an act whose asker saw another revision than the newest."""
    awaited, order = therapy.awaited(pump.port, pump.channel), therapy.order(pump.port, pump.channel)
    newest = awaited.order if awaited is not None else order
    if seen != (0 if newest is None else newest.rev):
        now = "there is no order" if newest is None else f"it is revision {newest.rev} by {newest.by} now"
        raise RefusedError(f"the order was changed since you looked: {now}; look again")


def _check_weight(act: EnterOrder, patient: Patient) -> None:
    if act.weight_kg == patient.weight_kg or act.sure:
        check_weight(act.weight_kg, None, sure=True)
        return
    check_weight(act.weight_kg, patient.weight_kg, sure=False)
    raise RefusedError(
        f"{act.weight_kg} kg, and the patient was started with {patient.weight_kg} kg: if {act.weight_kg} kg is right, "
        "say so (sure), and it is corrected when the order is confirmed"
    )


def _drug(view: BedView, pump: Binding, act: EnterOrder, before: Order | None) -> DrugConfig:
    """Find the drug: as named, or that of the order before, or the one that the pump names."""
    drugs = {drug.drug: drug for drug in view.core.drugs}
    infusion = view.source(pump).infusion
    told = infusion.drug if infusion is not None and infusion.drug else ""
    of_pump = [drug for drug in drugs.values() if told.casefold() in (name.casefold() for name in drug.pump_names)]
    named = act.drug or (before.drug if before is not None else "")
    if not named:
        if len(of_pump) != 1:
            why = f"the pump says {told}, which is no one drug of the library" if told else "the pump names no drug"
            raise RefusedError(f"say which drug: {why}; the library has {', '.join(drugs)}")
        return of_pump[0]
    drug = drugs.get(named)
    if drug is None:
        raise RefusedError(f"the library has no drug {named}: it has {', '.join(drugs)}")
    if told and drug not in of_pump and not act.sure:
        raise RefusedError(
            f"{pump.port} channel {pump.channel} says {told}, which is not {drug.label}: look which channel is meant, "
            "and what runs there; if it is right all the same, say so (sure)"
        )
    return drug


def _order(desk: Desk, act: EnterOrder, pump: Binding, drug: DrugConfig, before: Order | None) -> Order:
    """Make the order of what was said, of the order before, and of the pump."""
    view = desk.view(act.place.bed)
    same = before if before is not None and before.drug == drug.drug else None
    step, prefilled = _step(view, pump, act, same, drug.dosing_unit)
    concentration, weight = act.concentration_mg_per_ml, act.weight_kg
    earlier = same or Order(
        pump.port, pump.channel, drug.drug, concentration, weight, step, step, "", start_mg_per_kg_per_h=step
    )
    said = {name: getattr(act, name) for name in TAKEN_OVER if getattr(act, name) is not None}
    entered = replace(
        earlier,
        concentration_mg_per_ml=concentration,
        weight_kg=weight,
        step_mg_per_kg_per_h=step,
        origin=f"ordered by {desk.asker.name}",
        prefilled=prefilled,
        given_before_mg=_given_before(view, pump, act, same, drug.units),
        overrides=(),
        by=desk.asker.name,
        confirmed_by="",
        placed=desk.now,
        syringe_changed=None,  # the concentration was typed anew
        rev=view.state.therapy.orders_entered + 1,
    )
    order: Order = replace(entered, **said)
    for name, (what, least, most) in TIMES.items():
        time_s = getattr(order, name)
        if time_s is not None and not least <= time_s <= most:
            raise RefusedError(f"the {what} {time_s / 60:g} min: {least / 60:g} to {most / 60:g} min can be ordered")
    for what, number in (("step", order.step_mg_per_kg_per_h), ("start", order.start_mg_per_kg_per_h)):
        if number is not None and number > order.maximum_mg_per_kg_per_h:
            is_told, at_most = (drug.units.text(one, "mg/kg/h") for one in (number, order.maximum_mg_per_kg_per_h))
            raise RefusedError(f"the {what} {is_told} is above the maximum {at_most}: order less, or a higher maximum")
    return order


def _step(view: BedView, pump: Binding, act: EnterOrder, same: Order | None, unit: str) -> tuple[Decimal, bool]:
    """Return the step in mg/kg/h, and whether the pump told it."""
    if act.step_mg_per_kg_per_h is not None:
        return act.step_mg_per_kg_per_h, False
    if same is not None:
        return same.step_mg_per_kg_per_h, same.prefilled
    rate = view.source(pump).value(Quantity.INFUSION_RATE)
    if rate is None or rate.value is None or not rate.usable or rate.value <= 0:
        raise RefusedError(f"the pump shows no rate: say the step in {unit}, or set the rate at the pump first")
    exact = rate.value * act.concentration_mg_per_ml / act.weight_kg
    digits = min(STEP_DIGITS, Decimal(1).scaleb(exact.adjusted() - STEP_PLACES + 1))
    step = exact.quantize(digits, ROUND_HALF_EVEN)
    if step <= 0:
        raise RefusedError(
            f"{rate.value} mL/h is no dose of {act.concentration_mg_per_ml} mg/mL: say the step in {unit}"
        )
    return step, True


def _given_before(
    view: BedView, pump: Binding, act: EnterOrder, before: Order | None, units: EntryUnits
) -> Decimal | None:
    if act.given_before_mg is not None:
        return act.given_before_mg
    if before is not None:
        return before.given_before_mg
    source, patient = view.source(pump), view.state.therapy.patient
    channel = view.state.doses.get((pump.port, pump.channel))
    ran = channel is not None and channel.unordered and channel.session == session_of(patient)
    if not source.infusing and not ran:
        return None
    counted = source.value(Quantity.VOLUME_INFUSED)
    hint = ""
    if counted is not None and counted.value is not None:
        dose = units.text((counted.value * act.concentration_mg_per_ml).normalize(), "mg")
        hint = f" (the pump counted {counted.value} mL, {dose} if all of it was for this patient)"
    if source.infusing:
        raise RefusedError(f"the pump runs already: say how many {units.mass} were given so far{hint}")
    raise RefusedError(
        f"the pump ran in this treatment before it had an order: say how many {units.mass} were given so far{hint}"
    )


def _said(drug: DrugConfig, order: Order) -> str:
    rate = order.step_mg_per_kg_per_h * order.weight_kg / order.concentration_mg_per_ml
    text = drug.units.text
    return (
        f"revision {order.rev}: {drug.label}, {text(order.concentration_mg_per_ml, 'mg/mL')}, {order.weight_kg} kg, "
        f"{text(order.step_mg_per_kg_per_h, 'mg/kg/h')} "
        f"(the pump at {rate.quantize(Decimal('0.01')).normalize():f} mL/h), "
        f"at most {text(order.maximum_mg_per_kg_per_h, 'mg/kg/h')}"
    )


def next_act(order: Order, open_bounds: tuple[SoftBound, ...]) -> str:
    """Say what is to be done before an order that was entered is in force."""
    within = f"another person confirms revision {order.rev} within {CONFIRM_WITHIN_S / 60:g} min"
    if not open_bounds:
        return within
    return f"it passes {'; '.join(bound.text for bound in open_bounds)}: give a reason (override), then {within}"


# --- of the configuration ---------------------------------------------------------------------------------------------


def place_demonstration(desk: Desk, act: PlaceOrder) -> str:
    """Put an order of the configuration in force, at a patient of its own; a bed with another patient is left alone.

    The patient's case is called as the bed, so that no two beds share what was given in 24 hours.
    """
    place = Place(act.bed, act.bed, act.order.port, act.order.channel)
    view, _ = desk.pump(place)
    therapy = view.state.therapy
    patient = therapy.patient or Patient(act.bed, act.order.weight_kg, HEALTHY, CONFIGURATION, desk.now)
    if not patient.demonstration:
        raise RefusedError(f"{view.config.label} has the case {patient.case}")
    before = therapy.order(place.port, place.channel)
    order = replace(act.order, rev=1 if before is None else before.rev)
    unasked = None if before is None else replace(before, syringe_changed=None)
    if unasked is not None and (unasked == order or unasked.by or unasked.stepped_from_mg_per_kg_per_h is not None):
        return "as before"  # it was restored, and what people made of it since stays
    order = replace(order, rev=therapy.orders_entered + 1)
    if therapy.patient is None:
        therapy = TherapyState(phase=TherapyPhase.BASELINE, phase_since=desk.now)
    patient = replace(patient, weight_kg=order.weight_kg)
    desk.treat(view, replace(therapy.with_order(order), patient=patient, orders_entered=order.rev))
    return "placed"
