"""The Masimo driver, case by case, from literal lines."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest

from drivers.masimo_ascii import MasimoSession
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    SessionOptions,
    Validity,
)

RAD_8 = (
    "02/24/18 04:48:53 SN=0000145838 SPO2=097% BPM=080 PI=04.96% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
    "ALARM=0000 EXC=000800"
)
RADICAL_7_BLUE = (
    "02/24/18 04:48:53 SN=0000145838 SPO2=097% BPM=080 PI=04.96% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- PVI=--- "
    "ALARM=0000 EXC=000800"
)
RADICAL_7_COLOUR = (
    "02/24/18 04:48:53 SN=0000145838 SPO2=098% BPM=123 PI=00.55 SPCO=--% SPMET=--.-% SPHB=--.- SPOC=-- RESVD=--- "
    "DESAT=-- PIDELTA=+-- PVI=--- ALARM=000000 EXC=0000C00 EXC1=00000000"
)
SENSOR_OFF = DeviceAlarmKind.SENSOR_OFF
ADVISORY = DeviceAlarmKind.ADVISORY
VITAL_SIGN = DeviceAlarmKind.VITAL_SIGN
UNKNOWN = DeviceAlarmKind.UNKNOWN


def changed(*pairs: str, line: str = RAD_8) -> str:
    """The line with these fields in the place of those of the same name."""
    fields = dict(pair.partition("=")[::2] for pair in pairs)
    tokens = line.split(" ")
    return " ".join(f"{key}={fields.get(key, value)}" if sign else key for key, sign, value in map(_part, tokens))


def _part(token: str) -> tuple[str, str, str]:
    return token.partition("=")


def listen(*lines: str) -> list[Output]:
    session = MasimoSession(SessionOptions(port="bed-3"))
    return [output for line in lines for output in session.feed(line.encode() + b"\r\n", 5.0)]


def observations(outputs: Iterable[Output]) -> list[Observation]:
    return [output for output in outputs if isinstance(output, Observation)]


def readings(*pairs: str) -> tuple[Reading, ...]:
    (observation,) = observations(listen(changed(*pairs)))
    return observation.readings


def alarms(*pairs: str, line: str = RAD_8) -> tuple[DeviceAlarm, ...]:
    (said,) = (output for output in listen(changed(*pairs, line=line)) if isinstance(output, AlarmSetChanged))
    return said.alarms


def test_the_first_line_brings_who_it_is_its_alarms_and_its_values_and_the_second_its_values_alone() -> None:
    told = Observation(
        "bed-3",
        "0",
        5.0,
        (
            Reading(Quantity.SPO2, Decimal(97), "%", origin="SPO2"),
            Reading(Quantity.PULSE_RATE, Decimal(80), "/min", origin="SPO2"),
        ),
        device_time="02/24/18 04:48:53",
    )
    assert listen(RAD_8, RAD_8) == [
        DeviceIdentified("bed-3", "0", 5.0, serial_number="0000145838", model="Masimo"),
        AlarmSetChanged("bed-3", "0", 5.0, ()),
        told,
        told,
    ]


def test_every_known_shape_of_the_line_is_read() -> None:
    for line, said in ((RAD_8, (97, 80)), (RADICAL_7_BLUE, (97, 80)), (RADICAL_7_COLOUR, (98, 123))):
        (observation,) = observations(listen(line))
        assert [reading.value for reading in observation.readings] == [Decimal(value) for value in said]


def test_a_field_that_nobody_knows_is_ignored() -> None:
    assert listen(RAD_8.replace("ALARM=", "XYZ2=12.3% ALARM=")) == listen(RAD_8)


def test_low_signal_iq_of_the_colour_line_makes_its_numbers_questionable() -> None:
    (observation,) = observations(listen(RADICAL_7_COLOUR))
    assert {(reading.validity, reading.note) for reading in observation.readings} == {
        (Validity.QUESTIONABLE, "low signal IQ")
    }
    assert alarms(line=RADICAL_7_COLOUR) == (DeviceAlarm(ADVISORY, "EXC.400", "low signal IQ"),)


# Values


def test_dashes_are_no_value() -> None:
    for reading in readings("SPO2=---%", "BPM=---", "EXC=000820"):
        assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)
        assert reading.note == "sensor off patient"


def test_the_zeros_of_the_trend_format_are_no_value() -> None:
    for reading in readings("SPO2=000%", "BPM=000", "EXC=000820"):
        assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)
    for reading in readings("SPO2=000%", "BPM=000"):
        assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)


@pytest.mark.parametrize("text", ["097%", "097"])
def test_the_sign_of_percent_may_be_missing(text: str) -> None:
    assert readings(f"SPO2={text}")[0].value == Decimal(97)


@pytest.mark.parametrize("text", ["97%", "0097%", "9A7%", "%", "LOW%", "097%%", "-97%", "9.7%"])
def test_another_form_is_no_number_and_the_other_value_stays(text: str) -> None:
    saturation, pulse = readings(f"SPO2={text}")
    assert (saturation.value, saturation.validity) == (None, Validity.INVALID)
    assert pulse.value == Decimal(80)


@pytest.mark.parametrize("text", ["80", "0080", "080%", "08O"])
def test_a_pulse_rate_that_lost_a_digit_is_no_number(text: str) -> None:
    saturation, pulse = readings(f"BPM={text}")
    assert (pulse.value, pulse.validity) == (None, Validity.INVALID)
    assert saturation.value == Decimal(97)


@pytest.mark.parametrize("pair", ["SPO2=101%", "SPO2=009%", "SPO2=970%"])
def test_an_impossible_saturation_is_invalid(pair: str) -> None:
    assert readings(pair)[0].validity is Validity.INVALID


# Exceptions


@pytest.mark.parametrize(
    ("bits", "text", "kind"),
    [
        ("000801", "no sensor", SENSOR_OFF),
        ("000802", "defective sensor", SENSOR_OFF),
        ("000808", "pulse search", ADVISORY),
        ("000820", "sensor off patient", SENSOR_OFF),
        ("000880", "unrecognised sensor", SENSOR_OFF),
    ],
)
def test_a_number_without_a_signal_is_invalid(bits: str, text: str, kind: DeviceAlarmKind) -> None:
    for reading in readings(f"EXC={bits}"):
        assert (reading.value, reading.validity) == (None, Validity.INVALID)
        assert reading.note.endswith(f" without a signal; {text}")
    assert alarms(f"EXC={bits}") == (DeviceAlarm(kind, f"EXC.{bits[-2:]}", text),)


@pytest.mark.parametrize(
    ("bits", "code", "text"),
    [
        ("000804", "04", "low perfusion"),
        ("000810", "10", "interference"),
        ("000840", "40", "ambient light"),
        ("000C00", "400", "low signal IQ"),
        ("0000C00", "400", "low signal IQ"),
    ],
)
def test_a_number_on_a_weak_signal_is_questionable(bits: str, code: str, text: str) -> None:
    assert [(reading.value, reading.validity, reading.note) for reading in readings(f"EXC={bits}")] == [
        (Decimal(97), Validity.QUESTIONABLE, text),
        (Decimal(80), Validity.QUESTIONABLE, text),
    ]
    assert alarms(f"EXC={bits}") == (DeviceAlarm(ADVISORY, f"EXC.{code}", text),)


@pytest.mark.parametrize("bits", ["000000", "000800", "0000800", "00000800"])
def test_set_mode_is_normal_at_any_width(bits: str) -> None:
    assert [reading.validity for reading in readings(f"EXC={bits}")] == [Validity.VALID, Validity.VALID]
    assert alarms(f"EXC={bits}") == ()


def test_several_exceptions_are_told_together() -> None:
    assert readings("EXC=000828")[0].note == "097 without a signal; pulse search; sensor off patient"
    assert {alarm.code for alarm in alarms("EXC=000828")} == {"EXC.08", "EXC.20"}


@pytest.mark.parametrize(
    ("bits", "codes"), [("000900", ["EXC.100"]), ("000A00", ["EXC.200"]), ("80001800", ["EXC.1000", "EXC.80000000"])]
)
def test_an_unknown_exception_is_an_unknown_alarm_and_makes_the_numbers_questionable(
    bits: str, codes: list[str]
) -> None:
    assert alarms(f"EXC={bits}") == tuple(DeviceAlarm(UNKNOWN, code, f"unknown code {code}") for code in codes)
    assert [reading.validity for reading in readings(f"EXC={bits}")] == [Validity.QUESTIONABLE] * 2


def test_a_bit_of_the_second_exceptions_is_unknown() -> None:
    assert alarms("EXC=0000800", "EXC1=00000001", line=RADICAL_7_COLOUR) == (
        DeviceAlarm(UNKNOWN, "EXC1.01", "unknown code EXC1.01"),
    )


# Alarms


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("0011", [(VITAL_SIGN, "ALARM.01", "SpO2 high")]),
        ("0012", [(VITAL_SIGN, "ALARM.02", "SpO2 low")]),
        ("0014", [(VITAL_SIGN, "ALARM.04", "pulse rate high")]),
        ("0018", [(VITAL_SIGN, "ALARM.08", "pulse rate low")]),
        ("000012", [(VITAL_SIGN, "ALARM.02", "SpO2 low")]),
        ("0002", [(VITAL_SIGN, "ALARM.02", "SpO2 low")]),
        ("0020", [(ADVISORY, "ALARM.20", "alarm muted")]),
        ("0010", [(UNKNOWN, "ALARM.10", "an alarm sounds")]),
        ("0030", [(ADVISORY, "ALARM.20", "alarm muted"), (UNKNOWN, "ALARM.10", "an alarm sounds")]),
        ("0100", [(UNKNOWN, "ALARM.100", "unknown code ALARM.100")]),
        (
            "0050",
            [(UNKNOWN, "ALARM.10", "an alarm sounds"), (UNKNOWN, "ALARM.40", "unknown code ALARM.40")],
        ),
    ],
)
def test_the_bits_of_alarm(bits: str, expected: list[tuple[DeviceAlarmKind, str, str]]) -> None:
    assert alarms(f"ALARM={bits}") == tuple(DeviceAlarm(*alarm) for alarm in expected)
    assert [reading.validity for reading in readings(f"ALARM={bits}")] == [Validity.VALID, Validity.VALID]


def test_a_sound_is_explained_by_a_sensor_that_is_off_but_not_by_low_perfusion() -> None:
    assert [alarm.code for alarm in alarms("ALARM=0010", "EXC=000820")] == ["EXC.20"]
    assert {alarm.code for alarm in alarms("ALARM=0010", "EXC=000804")} == {"ALARM.10", "EXC.04"}


def test_alarms_are_said_whenever_the_set_differs_and_only_then() -> None:
    low = changed("ALARM=0012")
    outputs = listen(RAD_8, low, low, "garbage", RAD_8)
    said = [[alarm.text for alarm in output.alarms] for output in outputs if isinstance(output, AlarmSetChanged)]
    assert said == [[], ["SpO2 low"], []]
    assert len(observations(outputs)) == 4


# Lines that are none


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        RAD_8[1:],
        RAD_8[18:],
        RAD_8.removesuffix(" EXC=000800"),
        RAD_8.replace("SN=0000145838 ", ""),
        RAD_8.replace("SPO2", "SPP2"),
        RAD_8.replace("BPM=080 ", ""),
        RAD_8.replace("ALARM=0000 ", ""),
        RAD_8.replace("02/24/18", "13/24/18"),
        RAD_8.replace("02/24/18", "02/32/18"),
        RAD_8.replace("04:48:53", "24:48:53"),
        RAD_8.replace("04:48:53", "04:4 :53"),
        RAD_8.replace("SN=0000145838", "SN=00001458E8"),
        RAD_8.replace("BPM=080", "BPM=080 BPM=081"),
        RAD_8.replace("BPM=080", "BPM080"),
        RAD_8.replace("BPM=080 ", "BPM=080"),
        RAD_8.replace("DESAT=--", "DESAT=-- --"),
        RAD_8.replace("EXC=000800", "EXC=0008"[:7]),
        RAD_8.replace("EXC=000800", "EXC=00080G"),
        RAD_8.replace("ALARM=0000", "ALARM=----"),
        RAD_8[:60] + RAD_8,
        RAD_8 + RAD_8,
    ],
)
def test_a_line_that_shows_damage_is_refused_whole(line: str) -> None:
    refused = [Rejected("syntax", line.encode()[:64])] if line else []
    assert listen(line, RAD_8) == [*refused, *listen(RAD_8)]


# Who speaks


def test_one_damaged_serial_number_is_no_other_device_and_its_line_does_not_count() -> None:
    outputs = listen(RAD_8, changed("SN=0000145938", "SPO2=055%"), RAD_8)
    assert [output for output in outputs if isinstance(output, Rejected)] == [Rejected("unexpected", b"0000145938")]
    assert [o.serial_number for o in outputs if isinstance(o, DeviceIdentified)] == ["0000145838"]
    assert [observation.readings[0].value for observation in observations(outputs)] == [97, 97]


def test_a_serial_number_said_twice_in_a_row_is_another_device_and_its_alarms_are_told_anew() -> None:
    other = changed("SN=0000999999", "SPO2=091%")
    assert listen(RAD_8, other, RAD_8, other, other)[3:] == [
        Rejected("unexpected", b"0000999999"),
        *observations(listen(RAD_8)),
        Rejected("unexpected", b"0000999999"),
        DeviceIdentified("bed-3", "0", 5.0, serial_number="0000999999", model="Masimo"),
        AlarmSetChanged("bed-3", "0", 5.0, ()),
        *observations(listen(other)),
    ]


def test_dashes_are_no_serial_number_and_the_numbers_count() -> None:
    identified, _, observation = listen(changed("SN=----------"))
    assert identified == DeviceIdentified("bed-3", "0", 5.0, serial_number="", model="Masimo")
    assert isinstance(observation, Observation)
    assert [reading.value for reading in observation.readings] == [97, 80]
