"""The act of the verb ``step``: one tap for another step inside the range of an order.

Laws:
  * It is held against what `edge/core/rules_order.py` holds the pump against: maximum, increment, shortest interval.
  * A lower step is never refused. Beyond the range a revision is entered, which a second person confirms: that is the
    way for whoever means it.
  * A revision that awaits its second person gets a new number, so that nobody confirms it without having seen the step,
    and follows it unless it says its own.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from edge.core.desk import Desk, RefusedError
from edge.core.dose_units import EntryUnits
from edge.core.rules_dose import drug_of
from edge.core.rules_order import step_stood_s
from edge.core.steps import Steps
from edge.core.therapy import Order
from edge.core.therapy_acts import TakeStep
from edge.core.therapy_state import Awaiting


def take_step(desk: Desk, act: TakeStep) -> str:
    """Take up another step inside the range of an order: one tap, since the range was confirmed."""
    view, _ = desk.patient(act.place.bed, act.place.case)
    _, pump = desk.pump(act.place)
    therapy = view.state.therapy
    order = therapy.order(pump.port, pump.channel)
    if order is None or order.rev != act.rev:
        raise RefusedError("the order was changed since you looked, or there is none: look again")
    step, now = act.step_mg_per_kg_per_h, order.step_mg_per_kg_per_h
    units = drug_of(view, order).units
    if step == now:
        raise RefusedError(f"{units.text(now, 'mg/kg/h')} is the ordered step already")
    if step > now:
        _check_rise(order, step, units)
        _check_interval(order, view.steps(pump), units)
    order = replace(order, step_mg_per_kg_per_h=step, stepped_from_mg_per_kg_per_h=now, rev=therapy.orders_entered + 1)
    therapy = replace(therapy.with_order(order), step=therapy.step + (therapy.step > 0), orders_entered=order.rev)
    awaiting = therapy.awaited(pump.port, pump.channel)
    if awaiting is None:
        desk.treat(view, therapy)
        return f"revision {order.rev}: {units.text(step, 'mg/kg/h')}"
    awaiting = _after_step(awaiting, step, order.rev + 1)
    desk.treat(view, replace(therapy.with_awaiting(awaiting), orders_entered=awaiting.order.rev))
    told = _said_of(awaiting, drug_of(view, awaiting.order).units)
    return f"revision {order.rev}: {units.text(step, 'mg/kg/h')}; {told}"


def _after_step(awaiting: Awaiting, step: Decimal, rev: int) -> Awaiting:
    """Give what awaits confirmation a new number, and the step that is in force now unless it says its own."""
    order = replace(awaiting.order, rev=rev)
    if not awaiting.step_said:
        order = replace(order, step_mg_per_kg_per_h=step)
    return replace(awaiting, order=order)


def _said_of(awaiting: Awaiting, units: EntryUnits) -> str:
    order = awaiting.order
    name = f"the revision by {order.by} that awaits confirmation is revision {order.rev} now"
    if conflict := step_conflict(order, units):
        return f"{name}, and cannot be confirmed: {conflict}"
    own = f"and its step is {units.text(order.step_mg_per_kg_per_h, 'mg/kg/h')}"
    return f"{name}, {own if awaiting.step_said else 'with this step'}"


def _check_rise(order: Order, step: Decimal, units: EntryUnits) -> None:
    now, maximum, increment = (
        order.step_mg_per_kg_per_h,
        order.maximum_mg_per_kg_per_h,
        order.increment_mg_per_kg_per_h,
    )
    if step > maximum:
        at_most = units.text(maximum, "mg/kg/h")
        raise RefusedError(f"{units.text(step, 'mg/kg/h')} is above the ordered maximum {at_most}: enter a revision")
    if increment is not None and step > now + increment:
        from_, most = (units.text(one, "mg/kg/h").removesuffix(f" {units.rate}") for one in (now, increment))
        raise RefusedError(
            f"from {from_} to {units.text(step, 'mg/kg/h')} is more than the ordered {most}: enter a revision"
        )


def _check_interval(order: Order, steps: Steps, units: EntryUnits) -> None:
    least_s = order.step_interval_s
    # Before drug has flowed there is no step to wait for.
    stood_s = step_stood_s(order, steps)
    if least_s is None or stood_s is None or stood_s >= least_s:
        return
    ordered = units.text(order.step_mg_per_kg_per_h, "mg/kg/h")
    raise RefusedError(
        f"the step of {ordered} has run for {stood_s / 60:.0f} min, and the next one is "
        f"ordered after {least_s / 60:g} min: wait {(least_s - stood_s) / 60:.0f} min, or enter a revision"
    )


def step_conflict(order: Order, units: EntryUnits) -> str:
    """Say that the step in force, which an order that awaits confirmation follows, is beyond its maximum."""
    step, maximum = order.step_mg_per_kg_per_h, order.maximum_mg_per_kg_per_h
    if step <= maximum:
        return ""
    return (
        f"the step is {units.text(step, 'mg/kg/h')} since it was entered, and revision {order.rev} allows at most "
        f"{units.text(maximum, 'mg/kg/h')}: take a lower step first, or enter the revision again"
    )
