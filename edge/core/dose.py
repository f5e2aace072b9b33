"""The dose that the patient gets: rate x concentration / weight, from the pump's state and rate and the order.

A stopped pump delivers nothing, whatever rate is set on it; a pump whose state is not known is taken to deliver what it
shows (law 4). KVO and a purge deliver drug like any other flow.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from drivers.model import InfusionState, Quantity, Validity
from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.therapy import Order
from edge.core.validate import Value

DELIVERING = frozenset(
    {
        InfusionState.INFUSING,
        InfusionState.BOLUS,
        InfusionState.KVO,
        InfusionState.PURGE,
        InfusionState.UNKNOWN,
    }
)
"""States in which drug may flow."""

DOSE_STEP = Decimal("0.000001")
"""A dose is rounded to a millionth of a mg/kg/h: far below any pump's resolution, and a finite number on the wire."""

SMALL = Decimal("0.01")
SMALL_STEP = Decimal("0.000000001")
"""Below 0.01 mg/kg/h, where drugs are dosed in micrograms, it is rounded to a thousandth of that."""


def delivered_rate(state: InfusionState, rate: Value, bolus_rate: Value | None) -> Value:
    """Return the rate that leaves the pump now, in mL/h."""
    if state not in DELIVERING:
        if rate.value is None:
            return rate
        return rate._replace(value=Decimal(0))
    if (
        state is InfusionState.BOLUS
        and bolus_rate is not None
        and bolus_rate.value is not None
        and (rate.value is None or bolus_rate.value > rate.value)
    ):
        return bolus_rate._replace(quantity=Quantity.INFUSION_RATE)
    if rate.validity is Validity.VALID:
        if state is InfusionState.UNKNOWN:
            return rate._replace(validity=Validity.QUESTIONABLE, note="the pump does not tell whether it runs")
        if state is InfusionState.BOLUS and (bolus_rate is None or bolus_rate.value is None):
            return rate._replace(validity=Validity.QUESTIONABLE, note="the pump does not tell the rate of its bolus")
    return rate


def dose_rate(rate: Value, order: Order) -> Value:
    """Return the dose rate in mg/kg/h of a delivered rate in mL/h, its resolution propagated."""
    if rate.value is None:
        return rate._replace(quantity=Quantity.DOSE_RATE, unit="mg/kg/h")
    dose = dose_of(rate.value, order)
    digit = _exact(rate.resolution, order)
    if digit:
        # What rounding adds to a dose at its limit is less than this, and no pump shows so fine a step.
        digit = digit.quantize(_step(dose), ROUND_CEILING) + _step(dose)
    return rate._replace(quantity=Quantity.DOSE_RATE, unit="mg/kg/h", value=dose, resolution=digit)


def dose_of(rate_ml_per_h: Decimal, order: Order) -> Decimal:
    """Return rate x concentration / weight in mg/kg/h."""
    return rounded(_exact(rate_ml_per_h, order))


def rounded(dose_mg_per_kg_per_h: Decimal) -> Decimal:
    """Round a dose rate to what it is reckoned with."""
    return dose_mg_per_kg_per_h.quantize(_step(dose_mg_per_kg_per_h), ROUND_HALF_EVEN)


def _exact(rate_ml_per_h: Decimal, order: Order) -> Decimal:
    return rate_ml_per_h * order.concentration_mg_per_ml / order.weight_kg


def _step(dose_mg_per_kg_per_h: Decimal) -> Decimal:
    return SMALL_STEP if dose_mg_per_kg_per_h < SMALL else DOSE_STEP


def arithmetic(rate: Value, dose: Value, order: Order, units: EntryUnits = MILLIGRAMS) -> tuple[tuple[str, str], ...]:
    """Return the inputs and the arithmetic of a dose, for the explanation of an alarm (law 14).

    It ends in the units of the library entry, where those are others.
    """
    inputs, told = f"{rate.value} mL/h * {order.concentration_mg_per_ml} mg/mL / {order.weight_kg} kg", ""
    step = (("ordered_step_mg_per_kg_per_h", str(order.step_mg_per_kg_per_h)),)
    if units != MILLIGRAMS:
        step = (("ordered_step", units.text(order.step_mg_per_kg_per_h, "mg/kg/h")),)
        told = "" if dose.value is None else f" = {units.text(dose.value, 'mg/kg/h')}"
    return (
        ("infusion_rate_ml_per_h", str(rate.value)),
        ("concentration_mg_per_ml", str(order.concentration_mg_per_ml)),
        ("weight_kg", str(order.weight_kg)),
        ("dose_rate_mg_per_kg_per_h", str(dose.value)),
        ("arithmetic", f"{inputs} = {dose.value} mg/kg/h{told}"),
        *step,
        ("order", order.explained),
    )
