"""What the IntelliVue driver makes of numbers, their states and times, and of the monitor's alarms and modes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.intellivue_answers import clock_s
from drivers.model import DeviceAlarm, DeviceAlarmKind, Quantity, Reading, Validity
from tests.golden.intellivue_reference import (
    ALARMS,
    BREATHS,
    CELSIUS,
    CLOCK,
    COARSE,
    KPA,
    MMHG,
    NAN,
    NO_CLOCK,
    OVER,
    PER_MINUTE,
    PERCENT,
    UNDER,
    accepted,
    alarm,
    alarms,
    attribute,
    compound,
    created,
    result,
    single,
    stream,
    thing,
    value,
)
from tests.unit.intellivue_talk import PLAIN_EVENT, Talk, readings

HR = Quantity.HEART_RATE
CUFF = (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN)


def heart_rate(number: int, state: int = 0, unit: int = PER_MINUTE) -> Reading:
    return readings(single(1, 0x4182, unit, number, state))[HR]


def cuff(sys: int, dia: int, mean: int, *, stamp: str = "", state: int = 0, unit: int = MMHG) -> str:
    numbers = zip((0x4A05, 0x4A06, 0x4A07), (sys, dia, mean), strict=True)
    return compound(5, *(value(name, unit, number, state) for name, number in numbers), stamp=stamp)


# Values


def test_nothing_told_is_nothing_measured() -> None:
    told = readings()
    assert {one.validity for one in told.values()} == {Validity.NOT_AVAILABLE}
    assert {one.value for one in told.values()} == {None}
    assert {one.note for one in told.values()} == {"not measured"}


@pytest.mark.parametrize(
    ("state", "validity", "note"),
    [
        (0x0000, Validity.VALID, ""),
        (0x0002, Validity.VALID, ""),
        (0x0001, Validity.VALID, "alarms off at the monitor"),
        (0x0080, Validity.VALID, "validated by hand"),
        (0x0040, Validity.QUESTIONABLE, "early indication"),
        (0x0020, Validity.QUESTIONABLE, "measuring"),
        (0x4000, Validity.QUESTIONABLE, "questionable"),
        (0x8000, Validity.INVALID, "invalid"),
        (0xC000, Validity.INVALID, "invalid; questionable"),
        (0x0200, Validity.INVALID, "state bit 0200"),
        (0x0100, Validity.INVALID, "state bit 0100"),
        (0x2000, Validity.NOT_AVAILABLE, "unavailable"),
        (0xA000, Validity.NOT_AVAILABLE, "invalid; unavailable"),
        (0x1000, Validity.NOT_AVAILABLE, "calibrating"),
        (0x0800, Validity.INVALID, "test data"),
        (0x0400, Validity.INVALID, "demonstration data"),
        (0x2400, Validity.INVALID, "demonstration data; unavailable"),
        (0x4C00, Validity.INVALID, "test data; demonstration data; questionable"),
    ],
)
def test_every_state(state: int, validity: Validity, note: str) -> None:
    told = heart_rate(87, state)
    assert (told.validity, told.note) == (validity, note)
    expected = Decimal(87) if validity in (Validity.VALID, Validity.QUESTIONABLE) else None
    assert told.value == expected


@pytest.mark.parametrize("state", range(0, 0x10000, 0x100))
def test_no_state_with_a_bit_of_the_upper_byte_is_plain(state: int) -> None:
    told = heart_rate(87, state)
    assert (told.validity is Validity.VALID) == (state == 0)
    if state & ~0x4000:
        assert told.value is None


@pytest.mark.parametrize(
    ("number", "validity", "shown", "step", "note"),
    [
        (0x00000057, Validity.VALID, "87", "1", ""),
        (0xFF00036B, Validity.VALID, "87.5", "1", ""),
        (0xFD007D00, Validity.VALID, "32.000", "1", ""),
        (0x01000008, Validity.VALID, "80", "10", ""),
        (0x00000000, Validity.VALID, "0", "1", ""),
        (NAN, Validity.NOT_AVAILABLE, None, "1", ""),
        (0x057FFFFF, Validity.NOT_AVAILABLE, None, "1", ""),
        (OVER, Validity.OVER, None, "1", "over range"),
        (UNDER, Validity.UNDER, None, "1", "under range"),
        (COARSE, Validity.INVALID, None, "1", "not at this resolution"),
        (0x00800001, Validity.INVALID, None, "1", "reserved value"),
        (0x80000001, Validity.INVALID, None, "1", "exponent -128"),
        (0x7F000001, Validity.INVALID, None, "1", "exponent 127"),
        (0x0000015F, Validity.INVALID, None, "1", "out of range: 351"),
        (0x00FFFFFF, Validity.INVALID, None, "1", "out of range: -1"),
    ],
)
def test_every_float(number: int, validity: Validity, shown: str | None, step: str, note: str) -> None:
    told = heart_rate(number)
    assert (told.validity, told.note, str(told.resolution)) == (validity, note, step)
    assert (None if told.value is None else str(told.value)) == shown


@pytest.mark.parametrize(
    ("quantity", "physio_id", "unit", "lowest", "highest"),
    [
        (HR, 0x4182, PER_MINUTE, 0, 350),
        (Quantity.SPO2, 0x4BB8, PERCENT, 10, 100),
        (Quantity.RESPIRATORY_RATE, 0x500A, BREATHS, 0, 200),
        (Quantity.ETCO2, 0x50B0, MMHG, 0, 150),
        (Quantity.NIBP_SYS, 0x4A05, MMHG, 10, 300),
        (Quantity.IBP2_MEAN, 0x4A47, MMHG, -50, 400),
        (Quantity.TEMPERATURE_2, 0xE014, CELSIUS, 10, 50),
    ],
)
def test_the_borders_of_what_is_possible(
    quantity: Quantity, physio_id: int, unit: int, lowest: int, highest: int
) -> None:
    for number, possible in ((lowest - 1, False), (lowest, True), (highest, True), (highest + 1, False)):
        told = readings(single(1, physio_id, unit, number & 0xFFFFFF))[quantity]
        assert told.value == (number if possible else None)
        assert possible or told.validity is Validity.INVALID


@pytest.mark.parametrize("unit", [BREATHS, PERCENT, MMHG, 0x0000, 0xFFFF])
def test_another_unit_makes_a_number_invalid(unit: int) -> None:
    told = heart_rate(87, unit=unit)
    assert (told.value, told.validity, told.note) == (None, Validity.INVALID, f"unit {unit:04X}")


def test_kilopascal_are_told_as_such_and_held_against_the_same_range() -> None:
    told = readings(cuff(0xFF0000A4, 0xFF000065, 0xFF000FA0, unit=KPA, stamp=CLOCK))
    assert told[CUFF[0]].value == Decimal("16.4")
    assert (told[CUFF[0]].unit, str(told[CUFF[0]].resolution)) == ("kPa", "0.1")
    assert told[CUFF[1]].value == Decimal("10.1")
    assert told[CUFF[2]].validity is Validity.INVALID
    assert readings(single(7, 0x50B0, KPA, 0xFF000034))[Quantity.ETCO2].unit == "kPa"


def test_temperatures_have_tenths() -> None:
    told = readings(single(1, 0x4B48, CELSIUS, 0xFF000171), single(2, 0xE014, CELSIUS, 0xFE000E74))
    assert (str(told[Quantity.TEMPERATURE_1].value), told[Quantity.TEMPERATURE_1].origin) == ("36.9", "T")
    assert (str(told[Quantity.TEMPERATURE_2].value), told[Quantity.TEMPERATURE_2].origin) == ("37.00", "Tblood")
    assert {str(told[one].resolution) for one in (Quantity.TEMPERATURE_1, Quantity.TEMPERATURE_2)} == {"0.1"}


# Sources


@pytest.mark.parametrize(
    ("told", "shown", "origin"),
    [
        ({0x4822: 87, 0x480A: 80}, 87, "pleth"),
        ({0x480A: 80}, 80, "pulse"),
        ({0x4822: NAN, 0x480A: 80}, 80, "pulse"),
        ({0x4822: NAN, 0x480A: NAN}, None, "pleth"),
        ({0x4182: 87}, None, ""),
    ],
)
def test_the_pulse_says_whose_it_is_and_is_never_the_heart_rate(
    told: dict[int, int], shown: int | None, origin: str
) -> None:
    things = [single(handle, name, PER_MINUTE, number) for handle, (name, number) in enumerate(told.items())]
    pulse = readings(*things)[Quantity.PULSE_RATE]
    assert (pulse.value, pulse.origin) == (shown, origin)


def test_breathing_is_the_capnographs_and_else_the_impedances() -> None:
    impedance = single(1, 0x500A, BREATHS, 16)
    assert readings(impedance)[Quantity.RESPIRATORY_RATE].origin == "impedance"
    both = readings(impedance, single(2, 0x5012, BREATHS, 12))[Quantity.RESPIRATORY_RATE]
    assert (str(both.value), both.origin) == ("12", "CO2")


def pressures(handle: int, first: int, *numbers: int) -> str:
    return compound(handle, *(value(first + place, MMHG, number) for place, number in enumerate(numbers)))


@pytest.mark.parametrize(
    ("things", "first", "second"),
    [
        ([pressures(1, 0x4A15, 131, 72, 91)], "ABP 131 72 91", " None None None"),
        ([pressures(1, 0x4A11, 130, 70, 90)], "ART 130 70 90", " None None None"),
        ([pressures(1, 0x4A1D, 25, 9, 15)], " None None None", "PAP 25 9 15"),
        ([single(1, 0x4A47, MMHG, 8)], " None None None", "CVP None None 8"),
        ([pressures(1, 0x4A01, 120, 60, 80)], " None None None", "P 120 60 80"),
        ([pressures(1, 0x4A15, 131, 72, 91), single(2, 0x4A47, MMHG, 8)], "ABP 131 72 91", "CVP None None 8"),
    ],
)
def test_no_other_pressure_is_taken_for_an_arterial_one(things: list[str], first: str, second: str) -> None:
    told = readings(*things)
    for names, expected in (("ibp1", first), ("ibp2", second)):
        three = [told[Quantity(f"{names}_{part}")] for part in ("sys", "dia", "mean")]
        assert f"{three[0].origin} {' '.join(str(one.value) for one in three)}" == expected


def test_of_two_objects_that_say_the_same_the_lower_handle_counts() -> None:
    told = readings(single(9, 0x4182, PER_MINUTE, 60), single(3, 0x4182, PER_MINUTE, 87))
    assert told[HR].value == 87


def test_an_object_that_cannot_be_read_is_told_and_costs_no_other() -> None:
    talk = Talk().associated()
    talk.hear(stream(1, thing(1, attribute(0x0950, "41820000")), single(2, 0x4BB8, PERCENT, 97)))
    assert talk.reasons() == ["syntax"]
    (observation,) = talk.observations()
    assert [str(one.value) for one in observation.readings if one.value is not None] == ["97"]


def test_an_unspecified_object_is_not_read() -> None:
    told = readings(single(1, 0xEFFF, PER_MINUTE, 87, 0, attribute(0x0924, "00024182")))
    assert all(one.value is None for one in told.values())


# The time of a cuff pressure


def ages(talk: Talk, *things: str, ticks: int, clock: str = NO_CLOCK) -> tuple[float | None, Validity, str]:
    talk.hear(stream(1, *things, ticks=ticks, clock=clock))
    (told,) = (one for one in talk.observations()[-1].readings if one.quantity is CUFF[0])
    return told.measured_s_ago, told.validity, told.note


def test_the_time_of_day_of_the_result_dates_it() -> None:
    told = readings(cuff(123, 76, 92, stamp="2023111422035500"), clock=CLOCK)
    assert [told[one].measured_s_ago for one in CUFF] == [600.0] * 3
    assert [str(told[one].value) for one in CUFF] == ["123", "76", "92"]
    assert told[CUFF[0]].validity is Validity.VALID


def test_where_a_result_tells_no_time_of_day_that_of_the_first_event_runs_on() -> None:
    """The event says 22:13:55 at 80000 ticks; the result comes 80 s later, the cuff was 30 s after the event."""
    told = ages(Talk().associated(), cuff(123, 76, 92, stamp="2023111422142500"), ticks=80_000 + 80 * 8000)
    assert told == (50.0, Validity.VALID, "")


def test_ticks_of_the_measurement_date_it_whatever_the_clocks_say() -> None:
    dated = thing(
        5,
        attribute(0x0950, value(0x4A05, MMHG, 123)),
        attribute(0x0990, "2001010100000000"),
        attribute(0x0991, f"{2**32 - 8000:08X}"),
    )
    talk = Talk()
    talk.hear(accepted(), created())
    assert ages(talk, dated, ticks=8000) == (2.0, Validity.VALID, "")


def test_it_ages_with_our_clock_however_the_monitors_is_set() -> None:
    talk = Talk().associated()
    measured = cuff(123, 76, 92, stamp="2023111422135500")
    assert ages(talk, measured, ticks=90_000, clock="2023111422140500") == (10.0, Validity.VALID, "")
    talk.now_s += 2.0
    assert ages(talk, measured, ticks=106_000, clock="2023111423140700") == (12.0, Validity.VALID, "")
    new = cuff(120, 70, 90, stamp="2023111423140200")
    assert ages(talk, new, ticks=107_000, clock="2023111423140700") == (5.0, Validity.VALID, "")


@pytest.mark.parametrize(
    ("stamp", "clock"),
    [
        ("", CLOCK),
        ("FF" * 8, CLOCK),
        ("2023131422135500", CLOCK),
        ("20231114221355", CLOCK[:14] + "00"),
        ("2023111422140500", CLOCK),
        ("2023111222135500", CLOCK),
    ],
)
def test_a_time_that_is_none_or_impossible_dates_nothing_and_makes_no_young_value(stamp: str, clock: str) -> None:
    talk = Talk().associated()
    measured = cuff(123, 76, 92, stamp=stamp)
    dated = stamp == "20231114221355"
    expected = (0.0, Validity.VALID, "") if dated else (0.0, Validity.QUESTIONABLE, "measured at an unknown time")
    assert ages(talk, measured, ticks=90_000, clock=clock) == expected
    talk.now_s += 60.0
    assert ages(talk, measured, ticks=570_000, clock=NO_CLOCK) == (60.0, *expected[1:])


def test_an_age_that_becomes_known_later_is_taken() -> None:
    talk = Talk()
    talk.hear(accepted(), created())
    measured = cuff(123, 76, 92, stamp="2023111422130000")
    assert ages(talk, measured, ticks=90_000)[1] is Validity.QUESTIONABLE
    talk.now_s += 1.0
    assert ages(talk, measured, ticks=98_000, clock="2023111422135900") == (59.0, Validity.VALID, "")


def test_while_the_cuff_runs_its_number_is_in_doubt_and_early_systole_too() -> None:
    talk = Talk().associated()
    assert ages(talk, cuff(123, 76, 92, stamp=CLOCK, state=0x0020), ticks=90_000, clock=CLOCK) == (
        0.0,
        Validity.QUESTIONABLE,
        "measuring",
    )
    early = readings(cuff(123, NAN, NAN, stamp=CLOCK, state=0x0040))
    assert [early[one].validity for one in CUFF] == [Validity.QUESTIONABLE, *[Validity.NOT_AVAILABLE] * 2]


# Alarms


@pytest.mark.parametrize(
    ("entry", "kind", "code", "text"),
    [
        (alarm("*** ASYSTOLE", kind=0x0400), DeviceAlarmKind.LIFE_THREATENING, "4182.0BB8.0400", "*** ASYSTOLE"),
        (alarm("**HR HIGH", kind=0x0200), DeviceAlarmKind.VITAL_SIGN, "4182.0BB8.0200", "**HR HIGH"),
        (alarm("*PAIR PVCs", kind=0x0100), DeviceAlarmKind.VITAL_SIGN, "4182.0BB8.0100", "*PAIR PVCs"),
        (alarm("ECG LEADS OFF", kind=0x0002), DeviceAlarmKind.SENSOR_OFF, "4182.0BB8.0002", "ECG LEADS OFF"),
        (alarm("SpO2 NOSENSOR", kind=0x0001), DeviceAlarmKind.SENSOR_OFF, "4182.0BB8.0001", "SpO2 NOSENSOR"),
        (alarm("BATTERY LOW", kind=0x0001), DeviceAlarmKind.BATTERY_LOW, "4182.0BB8.0001", "BATTERY LOW"),
        (alarm("!!!BATT EMPTY", kind=0x0004), DeviceAlarmKind.BATTERY_EMPTY, "4182.0BB8.0004", "!!!BATT EMPTY"),
        (alarm("NBP EQUIP MALF", kind=0x0002), DeviceAlarmKind.MALFUNCTION, "4182.0BB8.0002", "NBP EQUIP MALF"),
        (alarm("EKG AVLEDNING", kind=0x0002), DeviceAlarmKind.UNKNOWN, "4182.0BB8.0002", "EKG AVLEDNING"),
        (alarm(None, kind=0x0400), DeviceAlarmKind.LIFE_THREATENING, "4182.0BB8.0400", "text 00024182"),
        (alarm("", kind=0x0200), DeviceAlarmKind.VITAL_SIGN, "4182.0BB8.0200", "text 00024182"),
        (alarm("x", kind=0x0600), DeviceAlarmKind.UNKNOWN, "4182.0BB8.0600", "x"),
        (alarm("x", kind=0x0000), DeviceAlarmKind.UNKNOWN, "4182.0BB8.0000", "x"),
        (alarm("HR LOW", kind=0x0200, state=0x1000), DeviceAlarmKind.VITAL_SIGN, "4182.0BB8.0200", "HR LOW (silenced)"),
        (
            alarm("HR LOW", kind=0x0200, state=0xC200),
            DeviceAlarmKind.VITAL_SIGN,
            "4182.0BB8.0200",
            "HR LOW (inhibited, suspended, standby)",
        ),
        (
            alarm("APNEA", kind=0x0400, state=0x3008),
            DeviceAlarmKind.LIFE_THREATENING,
            "4182.0BB8.0400",
            "APNEA (latched, silenced)",
        ),
        (alarm("APNEA", kind=0x0400, state=0x0100), DeviceAlarmKind.UNKNOWN, "4182.0BB8.0400", "demonstration: APNEA"),
        (alarm("APNEA", kind=0x0400, state=0x0400), DeviceAlarmKind.UNKNOWN, "4182.0BB8.0400", "test: APNEA"),
    ],
)
def test_every_kind_of_alarm(entry: str, kind: DeviceAlarmKind, code: str, text: str) -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, [entry]))
    # Only what the monitor itself calls silenced is: not what is latched, inhibited, or only worded so.
    assert talk.alarm_sets() == [(DeviceAlarm(kind, code, text, silenced="silenced)" in text),)]


def test_an_alarm_with_unknown_information_is_told_by_its_code() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, [alarm("x", kind=0x0400).replace("0204", "0299")]))
    assert talk.alarm_sets()[0][0].text == "alarm 0BB8 of 4182"


def test_a_long_text_and_letters_that_cannot_be_shown() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, [alarm("x\n\u0007" + "y" * 200, kind=0x0400)]))
    text = talk.alarm_sets()[0][0].text
    assert text == "x??" + "y" * 77


def test_a_silenced_alarm_is_told_anew_and_an_ended_one_ends() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, [alarm("HR LOW", kind=0x0200)], [alarm("ECG LEADS OFF", kind=2)]))
    talk.wait(1.0)
    talk.hear(alarms(3, [alarm("HR LOW", kind=0x0200, state=0x1000)], [alarm("ECG LEADS OFF", kind=2)]))
    talk.wait(1.0)
    talk.hear(alarms(4, None, ()))
    texts = [[one.text for one in told] for told in talk.alarm_sets()]
    assert texts == [["ECG LEADS OFF", "HR LOW"], ["ECG LEADS OFF", "HR LOW (silenced)"], ["HR LOW (silenced)"]]


def test_a_list_that_cannot_be_read_clears_nothing() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, [alarm("HR LOW", kind=0x0200)]))
    talk.wait(1.0)
    talk.hear(result(3, ALARMS, thing(1, attribute(0x0902, "000100020000"), attribute(0x0904, "00000000"))))
    assert talk.reasons() == ["syntax"]
    assert len(talk.alarm_sets()) == 1


def test_an_answer_without_lists_says_nothing() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, None, None))
    assert talk.alarm_sets() == []


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        ((0, 0, 0), []),
        ((0, 0x0400, 0), ["patient.0400"]),
        ((0, 0, 2), ["technical.0002"]),
        ((0x8000, 0, 0), ["alarms.8000"]),
        ((0x4000, 0, 0), ["alarms.4000"]),
        ((0x1000, 0, 0), []),
    ],
)
def test_what_the_monitor_counts_and_does_not_list_is_an_unknown_alarm(
    condition: tuple[int, int, int], codes: list[str]
) -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, condition=condition))
    assert [one.code for one in talk.alarm_sets()[0]] == codes
    kinds = {one.kind for one in talk.alarm_sets()[0]}
    assert kinds <= {DeviceAlarmKind.ADVISORY if condition[0] else DeviceAlarmKind.UNKNOWN}


# Demonstration, test and other modes


def in_mode(mode: int) -> Talk:
    talk = Talk()
    talk.hear(accepted(), created(*PLAIN_EVENT, attribute(0x0946, f"{mode:04X}")))
    talk.hear(alarms(2), stream(1, single(1, 0x4182, PER_MINUTE, 87), cuff(123, 76, 92, stamp=CLOCK), clock=CLOCK))
    return talk


@pytest.mark.parametrize(
    ("mode", "codes", "refused"),
    [
        (0x4000, [], ""),
        (0x8000, [], ""),
        (0x2000, ["DEMONSTRATION"], "demonstration mode"),
        (0x6000, ["DEMONSTRATION"], "demonstration mode"),
        (0x1000, ["mode.1000"], "service mode"),
        (0x0002, ["mode.0002"], ""),
        (0x0001, ["mode.0001"], ""),
    ],
)
def test_in_demonstration_and_service_mode_nothing_is_a_number(mode: int, codes: list[str], refused: str) -> None:
    talk = in_mode(mode)
    assert [one.code for one in talk.alarm_sets()[-1]] == codes
    (observation,) = talk.observations()
    told = [one for one in observation.readings if one.note != "not measured"]
    assert len(told) == 4
    for one in told:
        assert (one.value is None) == bool(refused)
        assert one.note == refused
        assert one.validity is (Validity.INVALID if refused else Validity.VALID)


@pytest.mark.parametrize(("state", "code"), [(0x0400, "DEMONSTRATION"), (0x0800, "TEST")])
def test_one_number_of_a_demonstration_or_a_test_is_an_alarm_until_there_is_none(state: int, code: str) -> None:
    talk = Talk().associated()
    talk.hear(stream(1, single(1, 0x4182, PER_MINUTE, 87, state), single(2, 0x4BB8, PERCENT, 97)))
    assert [[one.code for one in told] for told in talk.alarm_sets()] == [[code]]
    assert talk.alarm_sets()[0][0].kind is DeviceAlarmKind.ADVISORY
    told = {one.quantity: one.value for one in talk.observations()[0].readings}
    assert told[HR] is None
    assert told[Quantity.SPO2] == 97
    talk.hear(alarms(2), stream(1, single(1, 0x4182, PER_MINUTE, 87), ticks=98_000))
    assert talk.alarm_sets()[-1] == ()


def test_a_mode_that_changes_later_is_seen_within_ten_seconds() -> None:
    talk = Talk().associated()
    talk.flow(5, single(1, 0x4182, PER_MINUTE, 87))
    assert talk.observations()[-1].readings[0].value == 87
    talk.system = (attribute(0x0946, "2000"),)
    talk.flow(10, single(1, 0x4182, PER_MINUTE, 87))
    assert [one.code for one in talk.alarm_sets()[-1]] == ["DEMONSTRATION"]
    assert talk.observations()[-1].readings[0].value is None
    talk.system = (attribute(0x0946, "4000"),)
    talk.flow(10, single(1, 0x4182, PER_MINUTE, 87))
    assert talk.alarm_sets()[-1] == ()
    assert talk.observations()[-1].readings[0].value == 87


# Times of day


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        ("2023111422135500", "2023111422135600", 1),
        ("2024022823595900", "2024022900000000", 1),
        ("2023022823595900", "2023030100000000", 1),
        ("2023123123595900", "2024010100000000", 1),
        ("2023111400000000", "2023111500000000", 86_400),
    ],
)
def test_the_seconds_between_two_times_of_day(before: str, after: str, seconds: int) -> None:
    first, second = clock_s(bytes.fromhex(before)), clock_s(bytes.fromhex(after))
    assert first is not None
    assert second is not None
    assert second - first == seconds


@pytest.mark.parametrize(
    "told",
    [
        "",
        "202311142213",
        "FFFFFFFFFFFFFFFF",
        "2023111A22135500",
        "0000111422135500",
        "2023001422135500",
        "2023131422135500",
        "2023110022135500",
        "2023113122135500",
        "2023022922135500",
        "2023111424135500",
        "2023111422605500",
        "2023111422136000",
    ],
)
def test_what_is_no_time_of_day_is_none(told: str) -> None:
    assert clock_s(bytes.fromhex(told)) is None
