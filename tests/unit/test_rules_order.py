"""A pump is held against its order: what it is set to, and what it gives (H-01 to H-06)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import InfusionState, Observation, Quantity, Reading, Validity, missing
from edge.core.model import Priority
from edge.core.therapy import Order
from tests.core_world import BED, PUMP, START_S, World, order, place, pump

D = Decimal
LOW_MEDIUM_HIGH = {Priority.LOW: "low", Priority.MEDIUM: "medium", Priority.HIGH: "high"}


def reading(quantity: Quantity, number: str, unit: str, digit: str = "0.01") -> Reading:
    return Reading(quantity, D(number), unit, D(digit))


def told(at_s: float, rate: str = "7", *readings: Reading, **how: Any) -> Observation:
    """A pump that tells its rate, and whatever else."""
    return pump(at_s, rate, readings=readings, **how)


def watched(seconds: int, rate: str = "7", *readings: Reading, ordered: Order | None = None, **how: Any) -> World:
    """A world with an order, whose pump says the same each second."""
    world = World()
    world.step(START_S, place(START_S, ordered or order()))
    world.run(START_S + seconds, lambda at_s: (told(at_s, rate, *readings, **how),))
    return world


def mismatch(*readings: Reading, rate: str = "7", ordered: Order | None = None, **how: Any) -> tuple[str, str] | None:
    """Its priority and its words."""
    alarm = watched(8, rate, *readings, ordered=ordered, **how).alarm("ORDER_MISMATCH")
    return None if alarm is None else (LOW_MEDIUM_HIGH[alarm.priority], alarm.text)


# --- what the pump is set to ---


def test_a_pump_that_tells_what_is_ordered_is_quiet() -> None:
    assert (
        mismatch(
            reading(Quantity.CONCENTRATION, "10", "mg/mL"),
            reading(Quantity.WEIGHT, "70", "kg", "0.1"),
            reading(Quantity.DOSE_RATE, "1.0", "mg/kg/h"),
            drug="KETAMINE",
        )
        is None
    )
    assert mismatch() is None
    assert mismatch(missing(Quantity.CONCENTRATION, "mg/mL")) is None


def test_another_drug_is_high() -> None:
    text = "Bed 1: the pump is set to Esketamine, ordered is Ketamine."
    assert mismatch(drug="Esketamine") == ("high", text)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("10.5", None),
        ("10.51", "the pump's concentration is 10.51 mg/mL, by the order it is 10 mg/mL"),
        (
            "50",
            "the pump's concentration is 50 mg/mL, by the order it is 10 mg/mL (five times: 50 mg/mL for 10 mg/mL?)",
        ),
        ("1", "the pump's concentration is 1 mg/mL, by the order it is 10 mg/mL (a tenth: the decimal point?)"),
    ],
)
def test_another_concentration_is_high(number: str, said: str | None) -> None:
    found = mismatch(reading(Quantity.CONCENTRATION, number, "mg/mL"))
    assert found == (None if said is None else ("high", f"Bed 1: {said}."))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("73.5", None),
        ("73.6", ("medium", "the pump's weight is 73.6 kg, by the order it is 70 kg")),
        ("84", ("medium", "the pump's weight is 84 kg, by the order it is 70 kg")),
        ("84.1", ("high", "the pump's weight is 84.1 kg, by the order it is 70 kg")),
        ("154", ("high", "the pump's weight is 154 kg, by the order it is 70 kg (2.2 times: pounds for kilograms?)")),
    ],
)
def test_another_weight_is_told_by_how_far_it_is_off(number: str, said: tuple[str, str] | None) -> None:
    found = mismatch(reading(Quantity.WEIGHT, number, "kg", "0.1"))
    assert found == (None if said is None else (said[0], f"Bed 1: {said[1]}."))


def test_another_dose_of_the_pump_is_told_by_how_far_it_is_off() -> None:
    assert mismatch(reading(Quantity.DOSE_RATE, "1.05", "mg/kg/h")) is None
    medium = mismatch(reading(Quantity.DOSE_RATE, "1.2", "mg/kg/h"))
    assert medium == ("medium", "Bed 1: the pump's dose rate is 1.2 mg/kg/h, by the order it is 1 mg/kg/h.")
    high = mismatch(reading(Quantity.DOSE_RATE, "2.2", "mg/kg/h"))
    assert high is not None
    assert high[0] == "high"
    assert "pounds for kilograms" in high[1]


def test_a_stopped_pump_shows_a_dose_that_is_not_given_and_is_still_held_against_the_rest() -> None:
    stopped = InfusionState.STOPPED
    assert mismatch(reading(Quantity.DOSE_RATE, "9", "mg/kg/h"), state=stopped) is None
    found = mismatch(reading(Quantity.CONCENTRATION, "50", "mg/mL"), state=stopped)
    assert found is not None
    assert found[0] == "high"


def test_another_unit_is_high_though_the_dose_is_the_same() -> None:
    found = mismatch(reading(Quantity.DOSE_RATE_SET, "16.67", "ug/kg/min"))
    assert found == (
        "high",
        "Bed 1: the pump is set to a dose in ug/kg/min, the library's unit of Ketamine is mg/kg/h.",
    )


def test_what_explains_a_dose_is_told_once() -> None:
    found = mismatch(reading(Quantity.WEIGHT, "35", "kg", "0.1"), reading(Quantity.DOSE_RATE, "2.0", "mg/kg/h"))
    assert found == ("high", "Bed 1: the pump's weight is 35 kg, by the order it is 70 kg (half).")


def test_a_mismatch_that_is_no_longer_told_does_not_end() -> None:
    world = watched(8, "7", reading(Quantity.CONCENTRATION, "50", "mg/mL"))
    world.run(START_S + 60)
    alarm = world.alarm("ORDER_MISMATCH")
    assert alarm is not None
    assert alarm.present
    assert not alarm.verifiable


# --- what it gives ---


def above(seconds: int, rate: str, condition: str = "ORDER_EXCEEDED", **changes: Any) -> list[tuple[float, str, str]]:
    ordered = replace(order(), **changes)
    return watched(seconds, rate, ordered=ordered).told(condition, levels=False)


@pytest.mark.parametrize(
    ("rate", "maximum", "expected"),
    [
        ("7.7", "1.0", []),
        ("7.8", "1.0", [(61.0, "start", "above the order")]),
        ("14", "1.0", [(61.0, "start", "above the order")]),
        ("14.1", "1.0", [(11.0, "start", "twice the order")]),
        ("17", "2.0", [(11.0, "start", "twice the order")]),
    ],
)
def test_a_dose_above_the_order_alarms_after_its_delay(
    rate: str, maximum: str, expected: list[tuple[float, str, str]]
) -> None:
    """10 mg/mL and 70 kg: 7 mL/h is 1.0 mg/kg/h."""
    found = above(70, rate, maximum_mg_per_kg_per_h=D(maximum))
    assert found == expected


def test_a_slip_is_named_with_the_dose() -> None:
    alarm = watched(20, "7", ordered=order(step="0.1")).alarm("ORDER_EXCEEDED")
    assert alarm is None  # within the ordered maximum it is a step
    ordered = replace(order(step="0.1"), maximum_mg_per_kg_per_h=D("0.2"))
    alarm = watched(20, "7", ordered=ordered).alarm("ORDER_EXCEEDED")
    assert alarm is not None
    assert alarm.text == (
        "Bed 1: Ketamine runs at 1 mg/kg/h, ordered is 0.1 mg/kg/h, at most 0.2 mg/kg/h "
        "(ten times: the decimal point? Or the dose in mg/h keyed as mL/h?)."
    )
    assert dict(alarm.evidence)["ordered_step_mg_per_kg_per_h"] == "0.1"


def test_a_dose_beyond_the_library_is_one_alarm_and_names_the_slip_too() -> None:
    world = watched(20, "70")
    assert world.alarm("ORDER_EXCEEDED") is None
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert alarm.text == (
        "Bed 1: Ketamine 10 mg/kg/h, above the hard limit 4.0 mg/kg/h. "
        "The order is 1.0 mg/kg/h: ten times: the decimal point? Or the dose in mg/h keyed as mL/h?"
    )


def test_what_was_told_of_the_order_stays_when_the_library_alarms_too() -> None:
    world = watched(70, "14", ordered=replace(order(), maximum_mg_per_kg_per_h=D("1.5")))
    assert world.told("ORDER_EXCEEDED", levels=False) == [(61.0, "start", "above the order")]
    world.run(START_S + 90, lambda at_s: (told(at_s, "18.2"),))
    assert {"ORDER_EXCEEDED", "DOSE_RATE_HIGH"} <= world.present()


def test_a_step_inside_the_range_is_asked_about_and_silent_for_three_minutes() -> None:
    assert above(300, "10.5") == []
    world = watched(300, "10.5")
    assert world.told("STEP_UNCONFIRMED", levels=False) == [(181.0, "start", "asked")]
    alarm = world.alarm("STEP_UNCONFIRMED")
    assert alarm is not None
    assert alarm.priority is Priority.MEDIUM
    assert alarm.text == "Bed 1: Ketamine was raised to 1.5 mg/kg/h, ordered is 1.0 mg/kg/h: is that the next step?"


def test_a_step_that_was_confirmed_is_not_asked_about() -> None:
    world = watched(100, "10.5")
    world.step(world.now_s, replace(place(world.now_s, order(step="1.5")), request_id="r-2"))
    world.run(world.now_s + 300, lambda at_s: (told(at_s, "10.5"),))
    assert world.told("STEP_UNCONFIRMED") == []


def test_a_step_that_is_too_large_or_too_soon_is_above_the_order() -> None:
    assert above(70, "10.5", increment_mg_per_kg_per_h=D("0.5")) == []
    assert above(70, "10.5", increment_mg_per_kg_per_h=D("0.25")) == [(61.0, "start", "above the order")]
    soon = World()
    ordered = replace(order(), step_interval_s=900.0)
    soon.step(START_S, place(START_S, ordered))
    soon.run(START_S + 899, lambda at_s: (told(at_s, "7"),))
    soon.run(START_S + 980, lambda at_s: (told(at_s, "10.5"),))
    alarm = soon.alarm("ORDER_EXCEEDED")
    assert alarm is not None
    assert "no step sooner than after 15 min" in alarm.text
    late = World()
    late.step(START_S, place(START_S, ordered))
    late.run(START_S + 901, lambda at_s: (told(at_s, "7"),))
    late.run(START_S + 980, lambda at_s: (told(at_s, "10.5"),))
    assert late.alarm("ORDER_EXCEEDED") is None


def test_time_at_the_step_before_is_no_time_of_this_one() -> None:
    """A step of 1.5 that runs for five minutes is not made longer by the twenty of 1.0 before it."""
    for stood_s, alarms in ((300, True), (899, True), (905, False)):
        world = World()
        ordered = replace(order(), step_interval_s=900.0)
        world.step(START_S, place(START_S, ordered))
        world.run(START_S + 1200, lambda at_s: (told(at_s, "7"),))
        raised = replace(order(step="1.5"), step_interval_s=900.0, stepped_from_mg_per_kg_per_h=D("1.0"))
        world.step(world.now_s, replace(place(world.now_s, raised), request_id="r-2"))
        world.run(world.now_s + stood_s, lambda at_s: (told(at_s, "10.5"),))
        world.run(world.now_s + 80, lambda at_s: (told(at_s, "14"),))
        assert (world.alarm("ORDER_EXCEEDED") is not None) is alarms


def test_a_bolus_is_above_the_order_only_if_it_is_twice() -> None:
    bolus = InfusionState.BOLUS
    assert watched(120, "13", state=bolus).alarm("ORDER_EXCEEDED") is None
    assert watched(20, "17", state=bolus).told("ORDER_EXCEEDED", levels=False) == [(11.0, "start", "twice the order")]


def test_a_doubtful_rate_raises_and_does_not_end() -> None:
    world = watched(20, "17", state=InfusionState.UNKNOWN)
    assert world.told("ORDER_EXCEEDED", levels=False) == [(11.0, "start", "twice the order")]
    world.run(START_S + 60, lambda at_s: (told(at_s, "7", state=InfusionState.UNKNOWN),))
    alarm = world.alarm("ORDER_EXCEEDED", BED)
    assert alarm is not None
    assert alarm.present
    assert not alarm.verifiable


def test_a_pump_that_does_not_tell_its_rate_ends_nothing() -> None:
    world = watched(20, "17")
    silent = Reading(Quantity.INFUSION_RATE, None, "mL/h", validity=Validity.INVALID)
    world.run(START_S + 60, lambda at_s: (replace(told(at_s), readings=(silent,)),))
    alarm = world.alarm("ORDER_EXCEEDED", BED)
    assert alarm is not None
    assert alarm.present


def test_steps_are_of_the_channel() -> None:
    world = watched(30, "7")
    (steps,) = [bed.steps[PUMP] for name, bed in world.core.snapshot().beds.items() if name == BED]
    assert (steps.infusing_s, [held.dose_mg_per_kg_per_h for held in steps.held]) == (29.0, [D(1)])
