"""The dose, worked by hand: rate (mL/h) x concentration (mg/mL) / weight (kg) = mg/kg/h."""

from decimal import Decimal

import pytest

from drivers.model import InfusionState, Quantity, Validity
from edge.core.dose import DELIVERING, arithmetic, delivered_rate, dose_of, dose_rate
from edge.core.limits import judge_limit
from edge.core.validate import Value
from tests.core_world import DOSE_LIMIT, order, value_of

S = InfusionState


def rate(number: object, validity: Validity = Validity.VALID) -> Value:
    return value_of(Quantity.INFUSION_RATE, number, validity, "0.01")


def bolus(number: object, validity: Validity = Validity.VALID) -> Value:
    return value_of(Quantity.BOLUS_RATE, number, validity, "1")


@pytest.mark.parametrize(
    ("rate_ml_per_h", "concentration_mg_per_ml", "weight_kg", "dose_mg_per_kg_per_h"),
    [
        # 10 mg/mL, 70 kg: 1 mL/h is 10 mg/h is 1/7 mg/kg/h
        ("0", "10", "70", "0"),
        ("7", "10", "70", "1"),  # 70 mg/h
        ("3.5", "10", "70", "0.5"),  # 35 mg/h
        ("10.5", "10", "70", "1.5"),  # 105 mg/h
        ("14", "10", "70", "2"),  # 140 mg/h
        ("17.5", "10", "70", "2.5"),  # 175 mg/h: the hard limit
        ("18.2", "10", "70", "2.6"),  # 182 mg/h
        ("28", "10", "70", "4"),  # 280 mg/h
        ("0.35", "10", "70", "0.05"),  # 3.5 mg/h: the floor
        ("70", "10", "70", "10"),  # 700 mg/h: the point that was lost
        ("1", "10", "70", "0.142857"),  # 0.142857 142857...
        ("2", "10", "70", "0.285714"),  # 0.285714 285714...
        ("0.01", "10", "70", "0.001428571"),  # one step of the pump: 0.00142857142...
        # other concentrations: 1, 2 and 50 mg/mL
        ("70", "1", "70", "1"),
        ("35", "2", "70", "1"),
        ("1.4", "50", "70", "1"),
        ("7", "50", "70", "5"),  # a vial of 50 taken for 10: five times
        ("7", "1", "70", "0.1"),  # and of 1: a tenth
        # other patients
        ("5", "10", "50", "1"),
        ("10", "10", "100", "1"),
        ("15.4", "10", "154", "1"),  # 154 lb entered as kg ...
        ("15.4", "10", "70", "2.2"),  # ... is 70 kg
        ("8.4", "10", "84", "1"),
        ("6.05", "10", "60.5", "1"),
        ("0.3", "10", "3", "1"),
        # the slips of H-01: 4.17 and 41.7, 4.8 and 44.8 mL/h
        ("4.17", "10", "70", "0.595714"),  # 41.7 / 70 = 0.595714 28...
        ("41.7", "10", "70", "5.957143"),  # 417 / 70 = 5.957142 85...
        ("4.8", "10", "70", "0.685714"),  # 48 / 70
        ("44.8", "10", "70", "6.4"),  # 448 / 70
        # ketamine in low dose: 0.1 mg/kg/h of 80 kg at 5 mg/mL is 8 mg/h is 1.6 mL/h
        ("1.6", "5", "80", "0.1"),
        ("5.6", "5", "80", "0.35"),
    ],
)
def test_by_hand(rate_ml_per_h: str, concentration_mg_per_ml: str, weight_kg: str, dose_mg_per_kg_per_h: str) -> None:
    placed = order(concentration=concentration_mg_per_ml, weight=weight_kg)
    assert dose_of(Decimal(rate_ml_per_h), placed) == Decimal(dose_mg_per_kg_per_h)


@pytest.mark.parametrize(
    ("state", "set_rate", "bolus_rate", "delivered"),
    [
        (S.INFUSING, "18.2", None, "18.2"),
        (S.STOPPED, "18.2", None, "0"),  # a stopped pump delivers nothing, whatever is set
        (S.STANDBY, "18.2", None, "0"),
        (S.OFF, "18.2", None, "0"),
        (S.STOPPED, "18.2", "1200", "0"),
        (S.KVO, "1", None, "1"),  # drug all the same
        (S.PURGE, "7", None, "7"),
        (S.UNKNOWN, "18.2", None, "18.2"),  # it might infuse
        (S.BOLUS, "7", "1200", "1200"),
        (S.BOLUS, "7", "5", "7"),  # never less than the rate
        (S.BOLUS, "7", "7", "7"),
        (S.BOLUS, None, "1200", "1200"),
        (S.INFUSING, "7", "1200", "7"),  # the bolus that could be given is not given
        (S.INFUSING, "0", None, "0"),
    ],
)
def test_what_leaves_the_pump(
    state: InfusionState, set_rate: str | None, bolus_rate: str | None, delivered: str
) -> None:
    set_value = rate(set_rate) if set_rate is not None else rate(None, Validity.NOT_AVAILABLE)
    found = delivered_rate(state, set_value, None if bolus_rate is None else bolus(bolus_rate))
    assert (found.quantity, found.value, found.unit) == (Quantity.INFUSION_RATE, Decimal(delivered), "mL/h")


def test_a_stopped_pump_with_a_tenfold_rate_set_gives_no_dose() -> None:
    dose = dose_rate(delivered_rate(S.STOPPED, rate("182"), None), order())
    assert (dose.value, dose.validity) == (Decimal(0), Validity.VALID)


@pytest.mark.parametrize("state", sorted(InfusionState))
@pytest.mark.parametrize("validity", [Validity.NOT_AVAILABLE, Validity.INVALID])
def test_a_missing_rate_is_never_zero(state: InfusionState, validity: Validity) -> None:
    found = dose_rate(delivered_rate(state, rate(None, validity), None), order())
    assert (found.value, found.validity) == (None, validity)


@pytest.mark.parametrize(
    ("state", "bolus_value"),
    [
        (S.UNKNOWN, None),
        (S.BOLUS, None),  # the pump does not tell how fast its bolus is
        (S.BOLUS, bolus(None, Validity.NOT_AVAILABLE)),
    ],
)
def test_a_rate_that_may_not_be_what_flows_is_questionable(state: InfusionState, bolus_value: Value | None) -> None:
    found = delivered_rate(state, rate("7"), bolus_value)
    assert (found.value, found.validity) == (Decimal(7), Validity.QUESTIONABLE)
    assert found.note


@pytest.mark.parametrize("state", [S.INFUSING, S.KVO, S.STOPPED, S.OFF])
def test_a_state_that_is_told_leaves_the_rate_as_it_is(state: InfusionState) -> None:
    assert delivered_rate(state, rate("7"), None).validity is Validity.VALID
    assert delivered_rate(state, rate("7", Validity.QUESTIONABLE), None).validity is Validity.QUESTIONABLE


def test_every_state_but_three_may_deliver() -> None:
    assert set(InfusionState) - DELIVERING == {S.OFF, S.STANDBY, S.STOPPED}


@pytest.mark.parametrize(
    ("rate_ml_per_h", "beyond"), [("14", -1), ("14.01", 0), ("17.5", 0), ("17.51", 1), ("28", 1), ("28.01", 2)]
)
def test_the_resolution_of_the_pump_is_carried_to_the_limit(rate_ml_per_h: str, beyond: int) -> None:
    """One step of the pump's display beyond a limit is beyond it; the limit itself, divided or not, is allowed."""
    dose = dose_rate(rate(rate_ml_per_h), order())
    assert dose.resolution == Decimal("0.001430")
    judged = judge_limit(DOSE_LIMIT, dose)
    assert judged is not None
    assert judged.beyond == beyond


@pytest.mark.parametrize("weight_kg", ["69", "71", "73", "83", "97", "61.3"])
def test_a_dose_at_its_limit_is_allowed_though_the_division_does_not_end(weight_kg: str) -> None:
    """2 mg/kg/h as near as the pump can be set to it."""
    exact = 2 * Decimal(weight_kg) / 10
    dose = dose_rate(rate(exact.quantize(Decimal("0.01"))), order(weight=weight_kg))
    judged = judge_limit(DOSE_LIMIT, dose)
    assert judged is not None
    assert judged.beyond == -1


def test_the_explanation_shows_inputs_arithmetic_and_order() -> None:
    placed = order()
    delivered = rate("18.2")
    shown = dict(arithmetic(delivered, dose_rate(delivered, placed), placed))
    assert shown == {
        "infusion_rate_ml_per_h": "18.2",
        "concentration_mg_per_ml": "10",
        "weight_kg": "70",
        "dose_rate_mg_per_kg_per_h": "2.600000",
        "ordered_step_mg_per_kg_per_h": "1.0",
        "arithmetic": "18.2 mL/h * 10 mg/mL / 70 kg = 2.600000 mg/kg/h",
        "order": "a test's order",
    }
