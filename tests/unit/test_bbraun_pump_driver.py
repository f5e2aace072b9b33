"""The readings, the state and the alarms of one pump's block."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.bbraun_pump import infusion_of, readings_of
from drivers.bbraun_tables import alarms_of, bits
from drivers.bbraun_units import UNITS, is_concentration, is_rate, unit_of
from drivers.model import DeviceAlarm, DeviceAlarmKind, InfusionState, Quantity, Reading, Validity


def reading(quantity: Quantity, **values: str) -> Reading:
    (found,) = [reading for reading in readings_of(values) if reading.quantity is quantity]
    return found


def state(**values: str) -> InfusionState:
    return infusion_of(values).state


def test_a_full_block() -> None:
    values = {
        "INRT": "12.50",
        "INBORT": "400.0",
        "INBOVAL": "2.00",
        "INVI": "103.4",
        "INVTB": "50.0",
        "INVOLACT": "31.25",
        "INRMT": "9000",
        "INDCON": "5.000",
        "INDCONU": "31",
        "DORT": "0.893",
        "DORTU": "69",
        "INDORT": "14.88",
        "INDORTU": "71",
        "PATW": "70.0",
        "INP2": "35",
    }
    expected = [
        (Quantity.INFUSION_RATE, "12.50", "mL/h", "0.01", "INRT"),
        (Quantity.BOLUS_RATE, "400.0", "mL/h", "0.1", "INBORT"),
        (Quantity.BOLUS_VOLUME, "2.00", "mL", "0.01", "INBOVAL"),
        (Quantity.VOLUME_INFUSED, "103.4", "mL", "0.1", "INVI"),
        (Quantity.VOLUME_TO_BE_INFUSED, "50.0", "mL", "0.1", "INVTB"),
        (Quantity.VOLUME_REMAINING, "31.25", "mL", "0.01", "INVOLACT"),
        (Quantity.TIME_REMAINING, "9000", "s", "1", "INRMT"),
        (Quantity.CONCENTRATION, "5.000", "mg/mL", "0.001", "INDCON"),
        (Quantity.DOSE_RATE, "0.893", "mg/kg/h", "0.001", "DORT"),
        (Quantity.DOSE_RATE_SET, "14.88", "ug/kg/min", "0.01", "INDORT"),
        (Quantity.WEIGHT, "70.0", "kg", "0.1", "PATW"),
        (Quantity.LINE_PRESSURE_OF_LIMIT, "35", "%", "1", "INP2"),
    ]
    assert readings_of(values) == tuple(
        Reading(quantity, Decimal(value), unit, resolution=Decimal(step), origin=origin)
        for quantity, value, unit, step, origin in expected
    )


def test_an_empty_block_has_no_number_at_all() -> None:
    readings = readings_of({})
    assert len(readings) == 12
    assert {reading.validity for reading in readings} == {Validity.NOT_AVAILABLE}
    assert {reading.value for reading in readings} == {None}


def test_a_pressure_beyond_the_whole_of_its_limit_is_none() -> None:
    assert reading(Quantity.LINE_PRESSURE_OF_LIMIT, INP2="100").value == Decimal(100)
    assert reading(Quantity.LINE_PRESSURE_OF_LIMIT, INP2="101").validity is Validity.INVALID


@pytest.mark.parametrize("text", ["_NV", "_NA"])
def test_no_value_is_never_zero(text: str) -> None:
    for key, quantity in (
        ("INRT", Quantity.INFUSION_RATE),
        ("INVI", Quantity.VOLUME_INFUSED),
        ("PATW", Quantity.WEIGHT),
    ):
        found = reading(quantity, **{key: text})
        assert (found.value, found.validity, found.note) == (None, Validity.NOT_AVAILABLE, text)
    found = reading(Quantity.DOSE_RATE, DORT=text, DORTU="69")
    assert (found.value, found.validity) == (None, Validity.NOT_AVAILABLE)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1,5", "12.", ".5", "1e3", " 1", "1\r", "NaN", "Infinity", "١٢", "1.1234567", "1" * 10]
)
def test_what_is_no_number_is_invalid(text: str) -> None:
    found = reading(Quantity.INFUSION_RATE, INRT=text)
    assert (found.value, found.validity) == (None, Validity.INVALID)
    assert found.note == f"no number: {text!r}"


@pytest.mark.parametrize(
    ("key", "quantity", "good", "beyond"),
    [
        ("INRT", Quantity.INFUSION_RATE, "1800.00", "1800.01"),
        ("INVTB", Quantity.VOLUME_TO_BE_INFUSED, "9999.9", "10000"),
        ("INBOVAL", Quantity.BOLUS_VOLUME, "500.00", "500.01"),
        ("PATW", Quantity.WEIGHT, "250", "250.1"),
        ("PATW", Quantity.WEIGHT, "0.250", "0.249"),
        ("INRMT", Quantity.TIME_REMAINING, "65534", "65536"),
    ],
)
def test_ranges_of_the_sheet(key: str, quantity: Quantity, good: str, beyond: str) -> None:
    assert reading(quantity, **{key: good}).value == Decimal(good)
    found = reading(quantity, **{key: beyond})
    assert (found.value, found.validity) == (None, Validity.INVALID)
    assert found.note.startswith(f"{beyond} is beyond")


def test_zero_is_a_value_where_the_device_says_it() -> None:
    assert reading(Quantity.INFUSION_RATE, INRT="0.00").value == Decimal(0)


def test_the_volume_counter_at_its_end_is_at_least_that() -> None:
    found = reading(Quantity.VOLUME_INFUSED, INVI="9999.9")
    assert (found.value, found.validity) == (Decimal("9999.9"), Validity.OVER)
    assert reading(Quantity.VOLUME_INFUSED, INVI="9999.8").validity is Validity.VALID


def test_no_remaining_time() -> None:
    found = reading(Quantity.TIME_REMAINING, INRMT="65535")
    assert (found.value, found.validity) == (None, Validity.NOT_AVAILABLE)


def test_the_older_name_of_the_weight() -> None:
    assert reading(Quantity.WEIGHT, INPATW="70.0").value == Decimal("70.0")
    assert reading(Quantity.WEIGHT, INPATW="70.0", PATW="_NV").origin == "INPATW"
    assert reading(Quantity.WEIGHT, INPATW="70.0", PATW="71.0").value == Decimal("71.0")


@pytest.mark.parametrize("code", ["_NV", "_NA", "999", "96", "", "6a", "-69", "69.0"])
def test_a_value_without_a_known_unit_is_invalid(code: str) -> None:
    for key, quantity in (
        ("INDCON", Quantity.CONCENTRATION),
        ("DORT", Quantity.DOSE_RATE),
        ("INDORT", Quantity.DOSE_RATE_SET),
    ):
        found = reading(quantity, **{key: "5.0", f"{key}U": code})
        assert (found.value, found.validity) == (None, Validity.INVALID)
        assert found.note == f"unit code {key}U: {code!r}"
    assert reading(Quantity.CONCENTRATION, INDCON="5.0").validity is Validity.INVALID


def test_a_unit_of_another_kind_is_invalid() -> None:
    assert reading(Quantity.CONCENTRATION, INDCON="5.0", INDCONU="69").note == "unit mg/kg/h does not fit"
    assert reading(Quantity.DOSE_RATE, DORT="5.0", DORTU="31").note == "unit mg/mL does not fit"
    assert reading(Quantity.DOSE_RATE, DORT="5.0", DORTU="38").validity is Validity.INVALID


def test_the_dose_rate_means_nothing_while_the_dose_mode_is_off() -> None:
    found = reading(Quantity.DOSE_RATE_SET, INDOCAL="0", INDORT="4.000", INDORTU="69")
    assert (found.value, found.validity) == (None, Validity.NOT_AVAILABLE)
    for mode in ("1", "_NV", "x"):
        assert reading(Quantity.DOSE_RATE_SET, INDOCAL=mode, INDORT="4.000", INDORTU="69").value == Decimal("4.000")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, InfusionState.UNKNOWN),
        ({"INM3": "1"}, InfusionState.INFUSING),
        ({"INM3": "0"}, InfusionState.STOPPED),
        ({"INM3": "_NV"}, InfusionState.UNKNOWN),
        ({"INM3": "2"}, InfusionState.UNKNOWN),
        ({"INM3": "1", "INM2": "1"}, InfusionState.BOLUS),
        ({"INM3": "1", "INM10": "1"}, InfusionState.KVO),
        ({"INM3": "1", "INM14": "1"}, InfusionState.PURGE),
        ({"INM3": "0", "INM6": "1"}, InfusionState.STANDBY),
        ({"INM3": "1", "INM6": "1"}, InfusionState.UNKNOWN),
        ({"INM3": "0", "DSSTATUS": "00050"}, InfusionState.OFF),
        ({"INM3": "0", "DSSTATUS": "00051"}, InfusionState.STOPPED),
        ({"INM3": "1", "DSSTATUS": "00050"}, InfusionState.UNKNOWN),
        ({"DSSTATUS": "00051"}, InfusionState.UNKNOWN),
        ({"DSSTATUS": "00050"}, InfusionState.OFF),
        ({"RUNSTATE": "2"}, InfusionState.INFUSING),
        ({"RUNSTATE": "0x22"}, InfusionState.INFUSING),
        ({"RUNSTATE": "1"}, InfusionState.STOPPED),
        ({"RUNSTATE": "5"}, InfusionState.STOPPED),
        ({"RUNSTATE": "3"}, InfusionState.UNKNOWN),
        ({"RUNSTATE": "10"}, InfusionState.KVO),
        ({"RUNSTATE": "16"}, InfusionState.UNKNOWN),
        ({"RUNSTATE": "run"}, InfusionState.UNKNOWN),
        ({"INM3": "1", "RUNSTATE": "1"}, InfusionState.UNKNOWN),
        ({"INM3": "0", "RUNSTATE": "2"}, InfusionState.UNKNOWN),
        ({"STATUS1": "0x00000083"}, InfusionState.INFUSING),
        ({"STATUS1": "0x00000003h"}, InfusionState.STOPPED),
        ({"STATUS1": "0x00000007"}, InfusionState.STANDBY),
        ({"STATUS1": "0x00000000"}, InfusionState.OFF),
        ({"STATUS1": "0x00000002", "DSSTATUS": "00051"}, InfusionState.STOPPED),
        ({"STATUS1": "0x00000093"}, InfusionState.PURGE),
        ({"STATUS1": "0x00000483"}, InfusionState.BOLUS),
        ({"STATUS1": "0x00000883"}, InfusionState.BOLUS),
        ({"STATUS1": "0x00002083"}, InfusionState.KVO),
        ({"STATUS1": "_NV"}, InfusionState.UNKNOWN),
        ({"STATUS1": "00000083"}, InfusionState.UNKNOWN),
    ],
)
def test_states(values: dict[str, str], expected: InfusionState) -> None:
    assert state(**values) is expected


def test_drug_names() -> None:
    assert infusion_of({"INSOL": "Ketamin, 1 mg/ml", "INSOLSN": "KET"}).drug == "Ketamin, 1 mg/ml"
    assert infusion_of({"INSOL": "_NV", "INSOLSN": "KET", "INSOLID": "77"}).drug == "KET"
    assert infusion_of({"INSOL": " ", "INSOLID": "77"}).drug == "77"
    assert infusion_of({"INSOL": "_NV", "INSOLSN": "_NA"}).drug is None
    assert infusion_of({"INSOL": "x" * 100}).drug == "x" * 64


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1024", 1024),
        ("0x400", 0x400),
        ("0X00000400h", 0x400),
        ("400h", 0x400),
        ("00000400H", 0x400),
        ("00000000", 0),
        ("00002", 2),
        ("4294967295", 0xFFFFFFFF),
        ("0xFFFFFFFF", 0xFFFFFFFF),
        ("00000400", None),
        ("4294967296", None),
        ("0x123456789", None),
        ("FF", None),
        ("0x", None),
        ("h", None),
        ("-1", None),
        ("", None),
        ("_NV", None),
        (None, None),
    ],
)
def test_bit_fields(text: str | None, value: int | None) -> None:
    assert bits(text) == value


def test_alarm_flags() -> None:
    assert alarms_of({"INA3": "1", "INA1": "0", "INA10": "_NV", "INAKKU": "600", "INAVRT": "1"}) == {
        "INA3": (DeviceAlarm(DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "INA3", "pressure high"),),
        "INA1": (),
    }


@pytest.mark.parametrize("name", ["INA4", "INA10", "INA17", "INA99"])
def test_a_flag_that_is_not_known_is_an_unknown_alarm(name: str) -> None:
    assert alarms_of({name: "1"}) == {name: (DeviceAlarm(DeviceAlarmKind.UNKNOWN, name, f"unknown alarm {name}"),)}


def test_an_alarm_that_cannot_be_read_is_an_unknown_alarm() -> None:
    for name, text in (("INA3", "2"), ("ALARM1", "00000400"), ("ALARM2", "x"), ("PREALARM", "")):
        (alarm,) = alarms_of({name: text})[name]
        assert alarm == DeviceAlarm(DeviceAlarmKind.UNKNOWN, name, f"{name} cannot be read: {text!r}")


@pytest.mark.parametrize("name", ["ALARM3", "PREALARM2", "ALARM"])
def test_each_bit_of_an_alarm_field_that_is_not_known_is_an_unknown_alarm(name: str) -> None:
    unknown = DeviceAlarm(DeviceAlarmKind.UNKNOWN, f"{name}.4", f"unknown alarm {name} bit 4")
    assert alarms_of({name: "0x10"}) == {name: (unknown,)}
    assert alarms_of({name: "0"}) == {name: ()}
    assert alarms_of({name: "_NV", "ALARMVOLUME": "1"}) == {}


def test_alarm_bits() -> None:
    assert alarms_of({"ALARM1": "0x04000401", "ALARM2": "0", "PREALARM": "16"}) == {
        "ALARM1": (
            DeviceAlarm(DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "ALARM1.10", "pressure high"),
            DeviceAlarm(DeviceAlarmKind.FREE_FLOW, "ALARM1.26", "free flow"),
        ),
        "ALARM2": (),
        "PREALARM": (DeviceAlarm(DeviceAlarmKind.BATTERY_LOW, "PREALARM.4", "battery near flat"),),
    }


def test_every_bit_of_the_alarm_fields_is_named_or_unknown() -> None:
    unknown = {"ALARM1": {21}, "ALARM2": {0, *range(8, 29)}, "PREALARM": {0, *range(16, 32)}}
    for name, bits_unknown in unknown.items():
        found = alarms_of({name: "0xFFFFFFFF"})[name]
        assert len(found) == (31 if name == "ALARM1" else 32)
        assert {alarm.code for alarm in found if alarm.text.startswith("unknown alarm")} == {
            f"{name}.{bit}" for bit in bits_unknown
        }
    assert alarms_of({"PREALARM": "0x80000000"})["PREALARM"] == (
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "PREALARM.31", "unknown alarm PREALARM bit 31"),
    )


@pytest.mark.parametrize(
    ("name", "bit", "kind"),
    [
        ("ALARM1", 9, DeviceAlarmKind.RESERVOIR_EMPTY),
        ("ALARM1", 11, DeviceAlarmKind.OCCLUSION_DOWNSTREAM),
        ("ALARM1", 12, DeviceAlarmKind.STANDBY_EXPIRED),
        ("ALARM1", 13, DeviceAlarmKind.INFUSION_COMPLETE),
        ("ALARM1", 19, DeviceAlarmKind.KVO_ENDED),
        ("ALARM1", 20, DeviceAlarmKind.OCCLUSION_UPSTREAM),
        ("ALARM1", 23, DeviceAlarmKind.NO_FLOW),
        ("ALARM1", 25, DeviceAlarmKind.FREE_FLOW),
        ("ALARM1", 28, DeviceAlarmKind.AIR_IN_LINE),
        ("ALARM2", 7, DeviceAlarmKind.FREE_FLOW),
        ("ALARM2", 30, DeviceAlarmKind.DOOR_OPEN),
        ("PREALARM", 2, DeviceAlarmKind.INFUSION_NEAR_END),
        ("PREALARM", 5, DeviceAlarmKind.KVO_ACTIVE),
        ("PREALARM", 10, DeviceAlarmKind.OCCLUSION_DOWNSTREAM),
    ],
)
def test_kinds_of_alarm_bits(name: str, bit: int, kind: DeviceAlarmKind) -> None:
    (alarm,) = alarms_of({name: str(1 << bit)})[name]
    assert (alarm.kind, alarm.code) == (kind, f"{name}.{bit}")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1, DeviceAlarmKind.BATTERY_EMPTY),
        (2, DeviceAlarmKind.RESERVOIR_EMPTY),
        (3, DeviceAlarmKind.OCCLUSION_DOWNSTREAM),
        (5, DeviceAlarmKind.STANDBY_EXPIRED),
        (6, DeviceAlarmKind.UNKNOWN),
        (7, DeviceAlarmKind.INFUSION_COMPLETE),
        (8, DeviceAlarmKind.INFUSION_COMPLETE),
        (9, DeviceAlarmKind.SYRINGE),
        (11, DeviceAlarmKind.BATTERY_LOW),
        (12, DeviceAlarmKind.RESERVOIR_NEAR_EMPTY),
        (13, DeviceAlarmKind.DOOR_OPEN),
        (14, DeviceAlarmKind.UNKNOWN),
        (15, DeviceAlarmKind.AIR_IN_LINE),
        (16, DeviceAlarmKind.KVO_ENDED),
    ],
)
def test_kinds_of_alarm_flags(number: int, kind: DeviceAlarmKind) -> None:
    (alarm,) = alarms_of({f"INA{number}": "1"})[f"INA{number}"]
    assert alarm.kind is kind


def sheet_units() -> dict[int, str]:
    """Section 11 of the sheet, by its own rules."""
    units = {1: "mL/h", 2: "mL", 15: "%", 22: "kg", 86: "mm[Hg]", 87: "kPa", 94: "h", 95: "cm"}
    amounts = {"ng": (23, 30, 37), "mg": (24, 31, 38), "ug": (25, 32, 39), "g": (26, 33, 40)}
    amounts |= {"mmol": (27, 34, 41), "meq": (28, 35, 42), "[iU]": (29, 36, 43)}
    for amount, (bare, per_ml, per_kg) in amounts.items():
        units |= {bare: amount, per_ml: f"{amount}/mL", per_kg: f"{amount}/kg"}
    ordered = ("ng", "mg", "ug", "g", "mmol", "meq", "[iU]")
    for amount, first, first_per_kg in zip(ordered, range(44, 65, 3), range(65, 86, 3), strict=True):
        for step, time in enumerate(("min", "h", "d")):
            units |= {first + step: f"{amount}/{time}", first_per_kg + step: f"{amount}/kg/{time}"}
    for amount, first in {"ng": 97, "ug": 101, "mg": 105, "g": 109, "[iU]": 113, "meq": 144}.items():
        units |= {first + step: f"{amount}/m2{time}" for step, time in enumerate(("", "/min", "/h", "/d"))}
    units |= {117: "m[iU]", 118: "m[iU]/mL", 119: "m[iU]/kg", 120: "m[iU]/m2"}
    for first, per in ((121, ""), (124, "/kg"), (127, "/m2")):
        units |= {first + step: f"m[iU]{per}/{time}" for step, time in enumerate(("min", "h", "d"))}
    for amount, first in (("k[iU]", 130), ("M[iU]", 137)):
        tails = ("", "/mL", "/kg", "/h", "/d", "/kg/h", "/kg/d")
        units |= {first + step: amount + tail for step, tail in enumerate(tails)}
    units |= {148: "kcal", 149: "kcal/kg", 150: "kcal/mL", 151: "kcal/d", 152: "kcal/kg/d"}
    return units | {153: "mL/kg", 154: "mL/mL", 155: "mL/kg/h"}


def test_every_unit_code_of_the_sheet() -> None:
    assert sheet_units() == UNITS
    assert (unit_of("69"), unit_of("71"), unit_of("31"), unit_of("32")) == ("mg/kg/h", "ug/kg/min", "mg/mL", "ug/mL")
    assert unit_of("00069") == "mg/kg/h"
    assert [unit_of(code) for code in (None, "0", "3", "88", "156", "٦٩", "69 ", "000069")] == [None] * 8


def test_units_tell_concentrations_from_rates() -> None:
    concentrations = {code for code, unit in UNITS.items() if is_concentration(unit)}
    assert concentrations == {15, *range(30, 37), 118, 131, 138, 150, 154}
    rates = {code for code, unit in UNITS.items() if is_rate(unit)}
    assert {1, 48, 69, 71, 107, 155} <= rates
    assert not rates & (concentrations | {2, 22, 24, 38, 94, 95, 105, 153})
