"""The DRI driver's readings, case by case, from one literal frame and changes to it."""

from decimal import Decimal

import pytest

from drivers.model import Quantity, Validity
from tests.unit.ge_dri_frames import CO2, ECG, NIBP, NONE, P1, P2, SPO2, T1, T2, number, status, values
from tests.unit.ge_dri_talk import readings, told

# Special values, ranges, groups

FIELDS = [
    (ECG, ECG + 6, Quantity.HEART_RATE),
    (SPO2, SPO2 + 6, Quantity.SPO2),
    (SPO2, SPO2 + 8, Quantity.PULSE_RATE),
    (CO2, CO2 + 6, Quantity.ETCO2),
    (NIBP, NIBP + 6, Quantity.NIBP_SYS),
    (NIBP, NIBP + 8, Quantity.NIBP_DIA),
    (NIBP, NIBP + 10, Quantity.NIBP_MEAN),
    (NIBP, NIBP + 12, Quantity.NIBP_PULSE_RATE),
    (P1, P1 + 6, Quantity.IBP1_SYS),
    (P1, P1 + 8, Quantity.IBP1_DIA),
    (P1, P1 + 10, Quantity.IBP1_MEAN),
    (P2, P2 + 6, Quantity.IBP2_SYS),
    (P2, P2 + 8, Quantity.IBP2_DIA),
    (P2, P2 + 10, Quantity.IBP2_MEAN),
    (T1, T1 + 6, Quantity.TEMPERATURE_1),
    (T2, T2 + 6, Quantity.TEMPERATURE_2),
]


@pytest.mark.parametrize(
    ("raw", "validity", "word"),
    [
        (-32767, Validity.NOT_AVAILABLE, "no value"),
        (-32766, Validity.NOT_AVAILABLE, "not updated"),
        (-32765, Validity.NOT_AVAILABLE, "calibrating"),
        (-32764, Validity.UNDER, "under range"),
        (-32763, Validity.OVER, "over range"),
        (-32762, Validity.NOT_AVAILABLE, "not calibrated"),
        (-32768, Validity.INVALID, "special value -32768"),
        (-32761, Validity.INVALID, "special value -32761"),
        (-32001, Validity.INVALID, "special value -32001"),
        (-32000, Validity.INVALID, "out of range"),
    ],
)
@pytest.mark.parametrize(("at", "quantity"), [row[1:] for row in FIELDS])
def test_no_special_value_is_a_number(at: int, quantity: Quantity, raw: int, validity: Validity, word: str) -> None:
    reading = readings(values(number(at, raw)))[quantity]
    assert (reading.value, reading.validity) == (None, validity)
    assert word in reading.note


@pytest.mark.parametrize(("group", "at", "quantity"), FIELDS)
def test_a_group_that_is_not_there_has_no_value(group: int, at: int, quantity: Quantity) -> None:
    reading = readings(values(status(group, 0), number(at, 3000)))[quantity]
    assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)
    assert reading.note.startswith("not measured")


@pytest.mark.parametrize(("group", "at", "quantity"), [row for row in FIELDS if row[0] != NIBP])
def test_a_group_that_does_not_measure_has_no_value(group: int, at: int, quantity: Quantity) -> None:
    reading = readings(values(status(group, 1), number(at, 3000)))[quantity]
    assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)


def test_an_idle_cuff_keeps_its_numbers_in_doubt() -> None:
    reading = readings(values(status(NIBP, 1)))[Quantity.NIBP_SYS]
    assert (reading.value, reading.validity) == (Decimal("125.00"), Validity.QUESTIONABLE)
    assert "not active" in reading.note


@pytest.mark.parametrize(
    ("at", "quantity", "lowest", "highest"),
    [
        (ECG + 6, Quantity.HEART_RATE, 10, 350),
        (SPO2 + 6, Quantity.SPO2, 1000, 10_000),
        (SPO2 + 8, Quantity.PULSE_RATE, 10, 350),
        (CO2 + 10, Quantity.RESPIRATORY_RATE, 1, 200),
        (NIBP + 6, Quantity.NIBP_SYS, 1000, 30_000),
        (NIBP + 12, Quantity.NIBP_PULSE_RATE, 10, 350),
        (P1 + 6, Quantity.IBP1_SYS, -5000, 32_767),
        (T1 + 6, Quantity.TEMPERATURE_1, 1000, 5000),
    ],
)
def test_the_bounds_of_what_is_possible(at: int, quantity: Quantity, lowest: int, highest: int) -> None:
    no_other_breath = number(ECG + 14, NONE)
    for raw in (lowest, highest):
        assert readings(values(number(at, raw), no_other_breath))[quantity].value is not None
    for raw in (lowest - 1, highest + 1):
        if 0 != raw <= 32_767:
            reading = readings(values(number(at, raw), no_other_breath))[quantity]
            assert (reading.value, reading.validity) == (None, Validity.INVALID)


@pytest.mark.parametrize("at", [SPO2 + 6, SPO2 + 8, NIBP + 6, NIBP + 12, T1 + 6])
def test_zero_is_no_value_where_no_living_patient_has_it(at: int) -> None:
    (quantity,) = (quantity for _, place, quantity in FIELDS if place == at)
    assert readings(values(number(at, 0)))[quantity].validity is Validity.INVALID


@pytest.mark.parametrize("raw", [-500, 0])
def test_an_invasive_pressure_may_be_zero_or_below(raw: int) -> None:
    reading = readings(values(number(P2 + 10, raw)))[Quantity.IBP2_MEAN]
    assert (reading.value, reading.validity) == (Decimal(raw) / 100, Validity.VALID)


# Heart rate


@pytest.mark.parametrize(
    ("code", "origin", "validity"),
    [
        (0, "", Validity.QUESTIONABLE),
        (1, "ECG-II", Validity.VALID),
        (2, "P1", Validity.VALID),
        (3, "P2", Validity.VALID),
        (4, "P3", Validity.VALID),
        (5, "P4", Validity.VALID),
        (6, "pleth", Validity.VALID),
        (7, "P5", Validity.VALID),
        (8, "P6", Validity.VALID),
        (9, "ECG-II", Validity.VALID),
        (10, "P7", Validity.VALID),
        (11, "P8", Validity.VALID),
        (12, "pleth 2", Validity.VALID),
        (13, "source 13", Validity.QUESTIONABLE),
        (15, "source 15", Validity.QUESTIONABLE),
    ],
)
def test_the_heart_rate_names_its_source(code: int, origin: str, validity: Validity) -> None:
    reading = readings(values(status(ECG, 3 | code << 3)))[Quantity.HEART_RATE]
    assert (reading.value, reading.origin, reading.validity) == (Decimal(126), origin, validity)


@pytest.mark.parametrize(
    ("lead", "origin"), [(0, "ECG"), (1, "ECG-I"), (5, "ECG-aVL"), (7, "ECG-V"), (8, "ECG-lead 8"), (0x31, "ECG-I")]
)
def test_the_lead_stands_in_the_origin(lead: int, origin: str) -> None:
    assert readings(values(status(ECG, 11, lead)))[Quantity.HEART_RATE].origin == origin


def test_a_pulse_in_the_place_of_the_heart_rate_does_not_need_the_ecg() -> None:
    reading = readings(values(status(ECG, 6 << 3 | 1 << 8)))[Quantity.HEART_RATE]
    assert told(reading) == ("126", Validity.VALID, "pleth", "")


@pytest.mark.parametrize(("bit", "word"), [(7, "noise"), (8, "artifact"), (9, "learning"), (11, "lead off")])
def test_a_heart_rate_from_a_bad_ecg_is_questionable(bit: int, word: str) -> None:
    reading = readings(values(status(ECG, 11 | 1 << bit)))[Quantity.HEART_RATE]
    assert told(reading) == ("126", Validity.QUESTIONABLE, "ECG-II", word)


def test_a_pacer_is_noted() -> None:
    assert told(readings(values(status(ECG, 11 | 1 << 10)))[Quantity.HEART_RATE])[1:] == (
        Validity.VALID,
        "ECG-II",
        "pacer",
    )


def test_a_heart_rate_of_zero_is_a_number_and_doubted_unless_asystole_is_told() -> None:
    confirmed = readings(values(status(ECG, 11 | 4), number(ECG + 6, 0)))[Quantity.HEART_RATE]
    assert (confirmed.value, confirmed.validity) == (Decimal(0), Validity.VALID)
    alone = readings(values(number(ECG + 6, 0)))[Quantity.HEART_RATE]
    assert told(alone) == ("0", Validity.QUESTIONABLE, "ECG-II", "zero, and no asystole told")


# Saturation, breath, gas


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (0, ("97.00", Validity.VALID, "SpO2", "")),
        (1, ("97.00", Validity.VALID, "SaO2", "")),
        (2, (None, Validity.INVALID, "SvO2", "venous saturation, no SpO2")),
        (3, ("97.00", Validity.QUESTIONABLE, "", "label 3 is not known")),
    ],
)
def test_a_venous_saturation_is_no_spo2(label: int, expected: tuple[str | None, Validity, str, str]) -> None:
    assert told(readings(values(status(SPO2, 3, label)))[Quantity.SPO2]) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), ("16", Validity.VALID, "CO2", "")),
        ((number(CO2 + 10, NONE),), ("17", Validity.VALID, "impedance", "")),
        ((status(CO2, 0),), ("17", Validity.VALID, "impedance", "")),
        ((number(CO2 + 10, 999),), ("17", Validity.VALID, "impedance", "")),
        ((number(CO2 + 10, -32764),), (None, Validity.UNDER, "CO2", "under range")),
        ((number(CO2 + 10, NONE), number(ECG + 14, NONE)), (None, Validity.NOT_AVAILABLE, "CO2", "no value")),
        ((status(CO2, 0), number(ECG + 14, NONE)), (None, Validity.NOT_AVAILABLE, "impedance", "no value")),
        ((number(CO2 + 10, 999), number(ECG + 14, NONE)), (None, Validity.INVALID, "CO2", "out of range: 999")),
        ((number(CO2 + 10, 0),), ("0", Validity.QUESTIONABLE, "CO2", "zero, and no apnea told")),
        ((status(CO2, 3 | 4), number(CO2 + 10, 0)), ("0", Validity.VALID, "CO2", "")),
        ((status(CO2, 3 | 1 << 7), number(CO2 + 10, 0)), ("0", Validity.VALID, "CO2", "")),
        (
            (status(CO2, 0), number(ECG + 14, 0)),
            ("0", Validity.QUESTIONABLE, "impedance", "zero, and impedance tells no apnea"),
        ),
    ],
)
def test_the_respiratory_rate_names_its_source(
    changes: tuple[tuple[int, bytes], ...], expected: tuple[str | None, Validity, str, str]
) -> None:
    assert told(readings(values(*changes))[Quantity.RESPIRATORY_RATE]) == expected


def test_etco2_is_reckoned_from_percent_and_ambient_pressure() -> None:
    reading = readings(values(number(CO2 + 6, 512), number(CO2 + 12, 7600)))[Quantity.ETCO2]
    assert (reading.value, reading.unit, reading.resolution) == (Decimal("38.912"), "mm[Hg]", Decimal(1))
    assert readings(values(number(CO2 + 6, 0)))[Quantity.ETCO2].value == Decimal(0)


@pytest.mark.parametrize(
    ("ambient", "valid"), [(3499, False), (3500, True), (12_000, True), (12_001, False), (0, False), (NONE, False)]
)
def test_etco2_without_a_possible_ambient_pressure_is_no_number(ambient: int, valid: bool) -> None:
    reading = readings(values(number(CO2 + 12, ambient)))[Quantity.ETCO2]
    assert (reading.value is not None) is valid
    if not valid:
        assert told(reading)[1:] == (
            Validity.INVALID,
            "CO2",
            "5.12 %, and no ambient pressure to make mmHg of it",
        )


@pytest.mark.parametrize(
    ("bit", "word"), [(3, "calibrating"), (4, "zeroing"), (5, "occlusion"), (6, "air leak"), (9, "wet")]
)
def test_gas_values_are_questionable_where_the_gas_path_is(bit: int, word: str) -> None:
    made = readings(values(status(CO2, 3 | 1 << bit)))
    for quantity in (Quantity.ETCO2, Quantity.RESPIRATORY_RATE):
        assert (made[quantity].validity, made[quantity].note) == (Validity.QUESTIONABLE, word)


@pytest.mark.parametrize(
    ("label", "origin", "validity"),
    [
        (0, "P2", Validity.VALID),
        (2, "CVP", Validity.VALID),
        (22, "FEMV", Validity.VALID),
        (23, "label 23", Validity.QUESTIONABLE),
    ],
)
def test_an_invasive_pressure_names_its_place(label: int, origin: str, validity: Validity) -> None:
    reading = readings(values(status(P2, 3, label)))[Quantity.IBP2_MEAN]
    assert (reading.value, reading.origin, reading.validity) == (Decimal("9.00"), origin, validity)


@pytest.mark.parametrize(
    ("label", "origin", "word"),
    [
        (0x101, "infant cuff", ""),
        (0x102, "child cuff", ""),
        (0x103, "adult cuff", ""),
        (0x104, "cuff", ""),
        (0x10B, "adult cuff", "automatic"),
        (0x113, "adult cuff", "stat"),
        (0x123, "adult cuff", "measuring"),
        (0x143, "adult cuff", "stasis"),
        (0x183, "adult cuff", "calibrating"),
    ],
)
def test_the_cuff_says_what_it_does(label: int, origin: str, word: str) -> None:
    reading = readings(values(status(NIBP, 3, label)))[Quantity.NIBP_SYS]
    assert reading.origin == origin
    assert reading.note.removeprefix("measured at an unknown time").removeprefix("; ") == word
