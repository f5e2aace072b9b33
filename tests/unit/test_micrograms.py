"""A drug dosed in micrograms is read in micrograms everywhere, with every digit that its limit needs (H-05, H-37)."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers.model import Observation, Quantity, Reading
from edge.check_config import _limit_rows, _order_text
from edge.commands_therapy import _order
from edge.config_file import Reader
from edge.core.config import DrugConfig
from edge.core.dose import dose_of
from edge.core.dose_units import EntryUnits, away_from_safe, written
from edge.core.model import Side
from edge.core.therapy import Order
from edge.core.therapy_acts import ConfirmOrder, TakeStep
from edge.library_reader import read_library
from edge.wire_therapy import therapy_message
from tests.core_world import CONFIG, PUMP, START_S, World, place, pump
from tests.therapy_world import DOCTOR, HERE, NURSE, WARD, Treated, entered

D = Decimal
EXAMPLES = Path(__file__).parents[2] / "config/drugs-examples.toml"


def enabled(drug: str) -> DrugConfig:
    """An entry of the examples, as it would be enabled."""
    reader = Reader(EXAMPLES)
    assert reader.read()
    return next(one.config for one in read_library(reader, clinical=False) if one.config.drug == drug)


REMI = enabled("remifentanil-spontaneous")
CONFIGURED = replace(CONFIG, drugs=(REMI,))
"""Soft 0.1, hard 0.2, at once 0.4 ug/kg/min."""
LABEL = "Remifentanil, breathing spontaneously"


def ug_per_kg_per_min(number: str) -> Decimal:
    return REMI.units.mg_per_kg_per_h(D(number))


def ordered(step: str = "0.1", most: str = "0.2") -> Order:
    """20 ug/mL and 70 kg: 21 mL/h is 0.1 ug/kg/min."""
    step_in, most_in = ug_per_kg_per_min(step), ug_per_kg_per_min(most)
    return Order(*PUMP, REMI.drug, D("0.02"), D(70), step_in, most_in, "a test's order")


def told(at_s: float, rate: str, digit: str = "0.01", *also: Reading) -> Observation:
    return Observation(
        *PUMP,
        at_s,
        (Reading(Quantity.INFUSION_RATE, D(rate), "mL/h", D(digit)), *also),
        pump(at_s).infusion,
    )


def runs(rate: str, seconds: int = 30, digit: str = "0.01", order: Order | None = None, *also: Reading) -> World:
    world = World(CONFIGURED)
    world.step(START_S, place(START_S, order or ordered()))
    world.run(START_S + seconds, lambda at_s: (told(at_s, rate, digit, *also),))
    return world


# --- alarms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "digit", "expected"),
    [
        ("20.99", "0.01", []),
        ("21", "0.01", []),
        ("21.01", "0.01", ["soft"]),
        ("21.1", "0.1", ["soft"]),
        ("21.05", "0.1", []),  # within half of what the pump shows
        ("21.06", "0.1", ["soft"]),
        ("42", "0.01", ["soft"]),
        ("42.01", "0.01", ["hard"]),
        ("84", "0.1", ["hard"]),
        ("84.1", "0.1", ["bypass"]),
    ],
)
def test_a_limit_is_judged_exactly(rate: str, digit: str, expected: list[str]) -> None:
    world = runs(rate, 30, digit)
    assert [band for _, _, band in world.told("DOSE_RATE_HIGH", levels=False)] == expected


def test_an_alarm_says_dose_limit_and_arithmetic_in_the_unit_of_the_entry() -> None:
    alarm = runs("21.3").alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert alarm.text == f"Bed 1: {LABEL} 0.102 ug/kg/min, above the soft limit 0.1 ug/kg/min."
    assert (alarm.value, alarm.unit) == (D("0.101428567"), "ug/kg/min")
    assert alarm.limit is not None
    assert alarm.limit.value == D("0.1")
    shown = dict(alarm.evidence)
    assert shown["arithmetic"] == "21.3 mL/h * 0.02 mg/mL / 70 kg = 0.006085714 mg/kg/h = 0.101428567 ug/kg/min"
    assert shown["limit"] == "0.1 ug/kg/min"
    assert shown["ordered_step"] == "0.1 ug/kg/min"


@pytest.mark.parametrize(("rate", "low"), [("16.8", None), ("16.79", "0.0799"), ("2.1", "0.01"), ("2.0", "0.00952")])
def test_a_low_dose_is_shown_with_the_digits_that_it_needs(rate: str, low: str | None) -> None:
    """80 % of 0.1 ug/kg/min is 0.08."""
    alarm = runs(rate, 305).alarm("DOSE_RATE_LOW")
    if low is None:
        assert alarm is None
        return
    assert alarm is not None
    assert alarm.text.startswith(f"Bed 1: {LABEL} {low} ug/kg/min, below the soft limit 0.08 ug/kg/min.")


def test_what_is_above_the_order_is_told_in_its_unit() -> None:
    alarm = runs("20", order=ordered("0.04", "0.05")).alarm("ORDER_EXCEEDED")
    assert alarm is not None
    assert alarm.text == (
        f"Bed 1: {LABEL} runs at 0.0953 ug/kg/min, ordered is 0.04 ug/kg/min, at most 0.05 ug/kg/min."
    )
    assert (alarm.value, alarm.unit) == (D("0.0952381"), "ug/kg/min")


def test_a_dose_that_was_keyed_as_a_rate_is_named_in_its_unit() -> None:
    alarm = runs("7", 305).alarm("DOSE_RATE_LOW")
    assert alarm is not None
    assert alarm.text.endswith("The order is 0.1 ug/kg/min: the dose in ug/min keyed as mL/h?")


@pytest.mark.parametrize(
    ("unit", "number", "quiet"), [("ug/kg/min", "0.1", True), ("mg/kg/h", "0.006", False), ("ug/kg/h", "6", False)]
)
def test_the_pump_is_to_be_set_in_the_unit_of_the_entry(unit: str, number: str, quiet: bool) -> None:
    """H-05: a pump that doses in another unit than the library is programmed otherwise than ordered."""
    world = runs("21", 10, "0.01", None, Reading(Quantity.DOSE_RATE, D(number), unit, D("0.001")))
    alarm = world.alarm("ORDER_MISMATCH")
    assert (alarm is None) is quiet
    if alarm is not None:
        assert alarm.text == f"Bed 1: the pump is set to a dose in {unit}, the library's unit of {LABEL} is ug/kg/min."


def test_the_milligrams_in_an_hour_are_micrograms_in_a_minute() -> None:
    heavy = replace(ordered("0.1", "0.2"), weight_kg=D(130))
    alarm = runs("39", 30, order=heavy).alarm("DOSE_MASS_RATE_HIGH")
    assert alarm is not None
    assert alarm.text == f"Bed 1: {LABEL} 13 ug/min, above the soft limit 12.5 ug/min."


# --- orders -----------------------------------------------------------------------------------------------------------


def asked() -> Treated:
    world = Treated(replace(WARD, drugs=(REMI,)))
    world.starts()
    return world


def order_of(step: str, most: str = "0.1", concentration: str = "0.02") -> Any:
    return entered(
        drug=REMI.drug,
        concentration_mg_per_ml=D(concentration),
        step_mg_per_kg_per_h=ug_per_kg_per_min(step),
        maximum_mg_per_kg_per_h=ug_per_kg_per_min(most),
    )


def test_what_is_said_of_an_order_is_in_its_unit() -> None:
    world = asked()
    assert world.does(DOCTOR, order_of("0.05")).startswith(
        f"revision 1: {LABEL}, 20 ug/mL, 70 kg, 0.05 ug/kg/min (the pump at 10.5 mL/h), at most 0.1 ug/kg/min;"
    )
    world.does(NURSE, ConfirmOrder(HERE, 1))
    assert world.refused(NURSE, TakeStep(HERE, 1, ug_per_kg_per_min("0.1001"))) == (
        "0.1001 ug/kg/min is above the ordered maximum 0.1 ug/kg/min: enter a revision"
    )
    assert world.does(NURSE, TakeStep(HERE, 1, ug_per_kg_per_min("0.075"))) == "revision 2: 0.075 ug/kg/min"


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (order_of("0.3", "0.3"), "the maximum 0.3 ug/kg/min is above the library's hard limit 0.2 ug/kg/min"),
        (order_of("0.2", "0.1"), "the step 0.2 ug/kg/min is above the maximum 0.1 ug/kg/min"),
        (order_of("0.05", concentration="0.01"), "10 ug/mL is no concentration of"),
    ],
)
def test_what_is_refused_is_said_in_its_unit(order: Any, why: str) -> None:
    assert why in asked().refused(DOCTOR, order)


def test_a_step_that_the_pump_tells_keeps_its_digits() -> None:
    """2.1 mL/h is 0.01 ug/kg/min, 0.0006 mg/kg/h: rounded to a thousandth it would be 0.0167."""
    world = asked()
    world.rate = "2.1"
    world.speak()
    world.does(DOCTOR, replace(order_of("0.1"), step_mg_per_kg_per_h=None))
    assert world.therapy.awaiting[0].order.step_mg_per_kg_per_h == D("0.0006")


def test_the_payload_and_the_command_line_have_it_in_its_unit() -> None:
    world = asked()
    world.does(DOCTOR, order_of("0.05"))
    world.does(NURSE, ConfirmOrder(HERE, 1))
    message = therapy_message(world.shown, "run-1")
    (order,) = message.orders
    assert (order.dosing_unit, order.step_mg_per_kg_per_h) == ("ug/kg/min", D("0.0030"))
    assert order.shown == {"concentration": "20 ug/mL", "step": "0.05 ug/kg/min", "maximum": "0.1 ug/kg/min"} | {
        "start": "0.05 ug/kg/min"
    }
    assert "20 ug/mL, 70 kg, 0.05 ug/kg/min, at most 0.1 ug/kg/min" in _order(order)
    limits = {(one.condition, one.band): (one.shown, one.port, one.channel) for one in message.limits}
    assert limits["DOSE_RATE_HIGH", "soft"] == ("0.1 ug/kg/min", *PUMP)
    assert limits["DOSE_RATE_LOW", "soft"] == ("0.04 ug/kg/min", *PUMP)
    assert limits["DOSE_MASS_RATE_HIGH", "hard"] == ("28 ug/min", *PUMP)
    assert limits["HR_HIGH", "soft"] == ("120 /min", "", "")


def test_the_snapshot_has_the_dose_and_what_was_given_in_its_unit() -> None:
    counter = Reading(Quantity.VOLUME_INFUSED, D("1.0"), "mL", D("0.01"))
    world = runs("21.3", 5, "0.01", None, counter)
    bed = next(one for one in reversed(world.snapshots) if one.channels and one.channels[0].channel == PUMP[1])
    metric = next(one for one in bed.channels[0].metrics if one.name == "dose_rate")
    assert (metric.value, metric.unit) == (D("0.101428567"), "ug/kg/min")
    assert bed.doses[0].given_text == "0.473 ug"
    assert bed.channels[0].dosing_unit == "ug/kg/min"


@pytest.mark.parametrize(("named", "unit"), [("REMIFENTANIL", "ug/kg/min"), ("Gin", ""), (None, "")])
def test_before_an_order_the_unit_is_that_of_the_drug_that_the_pump_names(named: str | None, unit: str) -> None:
    world = World(CONFIGURED)
    world.step(START_S, pump(START_S, drug=named))
    shown = next(one for one in world.snapshots if one.channels and one.channels[0].channel == PUMP[1])
    assert shown.channels[0].dosing_unit == unit


def test_the_checked_configuration_has_it_in_its_unit() -> None:
    assert "20 ug/mL, 70 kg, 0.1 ug/kg/min, at most 0.2 ug/kg/min" in _order_text(ordered(), REMI.units)
    rows = _limit_rows(REMI.dose_rate_high, units=REMI.units)
    assert [(row[1], row[2], row[5]) for row in rows][:2] == [
        ("soft", "above 0.1 ug/kg/min", "0.095 ug/kg/min for 10 s"),
        ("hard", "above 0.2 ug/kg/min", "0.195 ug/kg/min for 10 s"),
    ]


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["mg/kg/h", "mg/kg/min", "ug/kg/h", "ug/kg/min", "ng/kg/h", "ng/kg/min"])
@pytest.mark.parametrize("number", ["0.01", "0.1", "0.7", "3", "12.5", "250"])
def test_there_and_back_is_the_same_number(rate: str, number: str) -> None:
    units = EntryUnits(rate)
    assert written(units.number(units.mg_per_kg_per_h(D(number)), "mg/kg/h")) == f"{D(number).normalize():f}"


@pytest.mark.parametrize(
    ("number", "side", "shown"),
    [
        ("0.1000001", Side.HIGH, "0.101"),
        ("0.0100001", Side.HIGH, "0.0101"),
        ("0.0099999", Side.LOW, "0.00999"),
        ("0.5", Side.HIGH, "0.50"),
        ("0.1049", Side.HIGH, "0.105"),
        ("12.5001", Side.HIGH, "12.51"),
    ],
)
def test_a_small_dose_has_three_digits(number: str, side: Side, shown: str) -> None:
    assert str(away_from_safe(D(number), side, fine=True)) == shown


def test_a_small_dose_is_reckoned_as_finely_as_its_pump_can_be_set() -> None:
    """0.1 mL/h of 16 ug/mL for 250 kg is 0.0000064 mg/kg/h: a tenth more is not the same."""
    small = replace(ordered(), concentration_mg_per_ml=D("0.016"), weight_kg=D(250))
    assert dose_of(D("0.10"), small) == D("0.0000064")
    assert dose_of(D("0.11"), small) == D("0.000007040")


def test_what_is_wrong_with_an_entry_is_said_in_its_unit(tmp_path: Path) -> None:
    text = EXAMPLES.read_text(encoding="utf-8")
    entry = text[text.index('id = "remifentanil-spontaneous"') :]
    laxer = '\n[drug.heart_disease]\ndose_rate_soft = "0.15 ug/kg/min"\n\n[drug.vital_signs'
    path = tmp_path / "drugs.toml"
    path.write_text(text.replace(entry, entry.replace("\n[drug.vital_signs", laxer, 1)), encoding="utf-8")
    reader = Reader(path)
    assert reader.read()
    read_library(reader, clinical=False)
    assert [problem.message for problem in reader.problems] == [
        "heart disease: 0.15 ug/kg/min is not stricter than dose_rate_high.soft"
    ]
