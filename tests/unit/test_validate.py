"""From a reading to a value: units, exact conversion, possible ranges, ages."""

from decimal import Decimal

import pytest

from drivers.model import Quantity, Reading, Validity, invalid, missing
from edge.core.validate import CANON, CONVERSIONS, accept
from tests.core_world import value_of

Q = Quantity


def test_every_quantity_has_one_unit_and_a_name_of_its_own_that_ends_in_it() -> None:
    assert set(CANON) == set(Quantity)
    names = [canon.name for canon in CANON.values()]
    assert len(set(names)) == len(names)
    endings = {
        "/min": "_per_min",
        "%": "_percent",
        "mm[Hg]": "_mmhg",
        "Cel": "_celsius",
        "mL/h": "_ml_per_h",
        "mL": "_ml",
        "s": "_s",
        "mg/mL": "_mg_per_ml",
        "mg/kg/h": "_mg_per_kg_per_h",
        "kg": "_kg",
    }
    assert all(canon.name.endswith(endings[canon.unit]) for canon in CANON.values())


@pytest.mark.parametrize(
    ("quantity", "number", "unit", "converted"),
    [
        (Q.HEART_RATE, "80", "/min", "80"),
        (Q.DOSE_RATE, "1", "mg/kg/h", "1"),
        (Q.DOSE_RATE, "0.02", "mg/kg/min", "1.20"),  # x 60
        (Q.DOSE_RATE, "10", "ug/kg/min", "0.600"),  # x 60 / 1000
        (Q.DOSE_RATE, "500", "ug/kg/h", "0.500"),
        (Q.DOSE_RATE, "10000", "ng/kg/min", "0.6"),
        (Q.DOSE_RATE, "500000", "ng/kg/h", "0.5"),
        (Q.DOSE_RATE, "0.002", "g/kg/h", "2"),
        (Q.DOSE_RATE_SET, "10", "ug/kg/min", "0.6"),
        (Q.CONCENTRATION, "10", "mg/mL", "10"),
        (Q.CONCENTRATION, "500", "ug/mL", "0.5"),
        (Q.CONCENTRATION, "250000", "ng/mL", "0.25"),
        (Q.CONCENTRATION, "0.01", "g/mL", "10"),
        (Q.WEIGHT, "70000", "g", "70"),
        (Q.TIME_REMAINING, "90", "min", "5400"),
        (Q.ETCO2, "5", "kPa", "37.503084135"),  # 1 kPa is 7.500616827 mmHg
    ],
)
def test_a_known_unit_is_converted_exactly(quantity: Quantity, number: str, unit: str, converted: str) -> None:
    value = accept(Reading(quantity, Decimal(number), unit), 5.0, "rack.11")
    assert (value.value, value.unit, value.validity) == (Decimal(converted), CANON[quantity].unit, Validity.VALID)


@pytest.mark.parametrize(("unit", "per_day"), [("mg/kg/d", "24"), ("ug/kg/d", "24000")])
def test_a_dose_a_day_is_a_24th_an_hour(unit: str, per_day: str) -> None:
    value = accept(Reading(Q.DOSE_RATE, Decimal(per_day), unit), 5.0, "rack.11").value
    assert value is not None
    assert abs(value - 1) < Decimal("1e-20")


def test_the_resolution_is_converted_too() -> None:
    value = accept(Reading(Q.DOSE_RATE, Decimal(10), "ug/kg/min", Decimal("0.1")), 5.0, "rack.11")
    assert value.resolution == Decimal("0.006")


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        (Q.DOSE_RATE, "mg/h"),
        (Q.DOSE_RATE, "mmol/kg/h"),
        (Q.CONCENTRATION, "%"),
        (Q.CONCENTRATION, "mg/kg/h"),
        (Q.WEIGHT, "[lb_av]"),
        (Q.INFUSION_RATE, "mL/min"),
        (Q.INFUSION_RATE, ""),
        (Q.TEMPERATURE_1, "[degF]"),
        (Q.HEART_RATE, "Hz"),
    ],
)
def test_an_unknown_unit_makes_the_value_invalid_and_says_what_was_told(quantity: Quantity, unit: str) -> None:
    value = accept(Reading(quantity, Decimal(5), unit), 5.0, "rack.11")
    assert (value.value, value.validity, value.note) == (None, Validity.INVALID, f"reported as 5 {unit}")


def test_every_conversion_leads_to_a_unit_that_is_used() -> None:
    assert {to for _, to in CONVERSIONS} <= {canon.unit for canon in CANON.values()}
    assert all(factor > 0 for factor in CONVERSIONS.values())


@pytest.mark.parametrize("quantity", list(Quantity))
def test_the_ends_of_the_range_are_possible_and_beyond_them_nothing_is(quantity: Quantity) -> None:
    canon, step = CANON[quantity], Decimal("0.001")
    for end in (canon.lowest, canon.highest):
        assert accept(Reading(quantity, end, canon.unit), 5.0, "x").value == end
    for impossible in (canon.lowest - step, canon.highest + step):
        value = accept(Reading(quantity, impossible, canon.unit), 5.0, "x")
        assert (value.value, value.validity) == (None, Validity.INVALID)
        assert str(impossible) in value.note


@pytest.mark.parametrize(
    ("quantity", "sentinel"),
    [(Q.HEART_RATE, -999), (Q.HEART_RATE, -1), (Q.HEART_RATE, 32767), (Q.SPO2, 127), (Q.NIBP_SYS, 65535)],
)
def test_a_sentinel_that_a_driver_let_through_is_no_number(quantity: Quantity, sentinel: int) -> None:
    assert accept(Reading(quantity, Decimal(sentinel), CANON[quantity].unit), 5.0, "x").value is None


@pytest.mark.parametrize("validity", [Validity.QUESTIONABLE, Validity.OVER, Validity.UNDER])
def test_the_devices_own_doubt_is_kept(validity: Validity) -> None:
    value = accept(Reading(Q.HEART_RATE, Decimal(80), "/min", validity=validity), 5.0, "mon-1.0")
    assert (value.value, value.validity) == (Decimal(80), validity)


def test_no_value_stays_no_value_whatever_its_unit() -> None:
    assert accept(missing(Q.HEART_RATE, "?"), 5.0, "x").validity is Validity.NOT_AVAILABLE
    assert accept(invalid(Q.HEART_RATE, "?", note="why"), 5.0, "x").note == "why"
    assert accept(Reading(Q.SPO2, None, "%", validity=Validity.UNDER), 5.0, "x").validity is Validity.UNDER


@pytest.mark.parametrize(("ago", "taken_at_s"), [(None, 100.0), (0.0, 100.0), (30.0, 70.0), (-30.0, 100.0)])
def test_a_value_is_as_old_as_its_device_says_but_never_younger_than_its_receipt(
    ago: float | None, taken_at_s: float
) -> None:
    value = accept(Reading(Q.NIBP_SYS, Decimal(120), "mm[Hg]", measured_s_ago=ago), 100.0, "x")
    assert (value.taken_at_s, value.sample_at_s) == (taken_at_s, 100.0)


@pytest.mark.parametrize(("age_s", "stale"), [(0.0, False), (2.999, False), (3.0, True), (1e9, True), (-1.0, False)])
@pytest.mark.parametrize(
    ("number", "validity"),
    [("80", Validity.VALID), ("80", Validity.QUESTIONABLE), ("250", Validity.OVER), (None, Validity.OVER)],
)
def test_age_makes_whatever_was_told_stale(number: str | None, validity: Validity, age_s: float, stale: bool) -> None:
    value = value_of(Q.HEART_RATE, number, validity)
    aged = value.aged(value.taken_at_s + age_s, 3.0)
    assert aged.validity is (Validity.STALE if stale else validity)
    assert aged.usable is (not stale and number is not None)


@pytest.mark.parametrize("validity", [Validity.INVALID, Validity.NOT_AVAILABLE])
def test_age_does_not_hide_why_there_is_no_value(validity: Validity) -> None:
    assert value_of(Q.HEART_RATE, None, validity).aged(1e9, 3.0).validity is validity
