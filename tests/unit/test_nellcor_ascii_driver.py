"""The Nellcor driver, case by case, from literal lines."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest

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
from drivers.nellcor_ascii import NellcorSession

PLAIN = "07-Jan-04 11:24:50   100     105      88                   AO"
QUIET = "07-Jan-04 11:24:50    98     105      88"
HEADER = [
    "N-560    VERSION 1.61.00    CRC:XXXX  SpO2 Limit: 95-100%    PR Limit: 59-148BPM",
    "                             ADULT           25SAT-S",
    "TIME                 %SpO2   BPM     PA     Status",
]
K = DeviceAlarmKind


def line(spo2: str = "98", pulse: str = "105", amplitude: str = "88", codes: str = "") -> str:
    return f"07-Jan-04 11:24:50   {spo2:<8}{pulse:<8}{amplitude:>3}    {codes}"


def listen(*lines: str) -> list[Output]:
    session = NellcorSession(SessionOptions(port="bed-3"))
    return [output for text in lines for output in session.feed(text.encode() + b"\r\n", 5.0)]


def observations(outputs: Iterable[Output]) -> list[Observation]:
    return [output for output in outputs if isinstance(output, Observation)]


def readings(text: str) -> tuple[Reading, ...]:
    (observation,) = observations(listen(text))
    return observation.readings


def alarms(text: str) -> tuple[DeviceAlarm, ...]:
    (said,) = (output for output in listen(text) if isinstance(output, AlarmSetChanged))
    return said.alarms


def test_the_first_line_brings_who_it_is_its_alarms_and_its_values_and_the_second_its_values_alone() -> None:
    told = Observation(
        "bed-3",
        "0",
        5.0,
        (
            Reading(Quantity.SPO2, Decimal(100), "%", origin="SPO2"),
            Reading(Quantity.PULSE_RATE, Decimal(105), "/min", origin="SPO2"),
        ),
        device_time="07-Jan-04 11:24:50",
    )
    assert listen(PLAIN, PLAIN) == [
        DeviceIdentified("bed-3", "0", 5.0, serial_number="", model="Nellcor"),
        AlarmSetChanged("bed-3", "0", 5.0, (DeviceAlarm(K.ADVISORY, "AO", "alarm off"),)),
        told,
        told,
    ]


@pytest.mark.parametrize("month", ["JAN", "Feb", "mar", "APR", "May", "JUN", "Jul", "AUG", "Sep", "OCT", "Nov", "Dec"])
def test_months_are_english_in_any_case(month: str) -> None:
    (observation,) = observations(listen(QUIET.replace("Jan", month)))
    assert observation.device_time == f"07-{month}-04 11:24:50"


# Headers


def test_header_lines_say_nothing_of_the_patient_and_name_the_model() -> None:
    assert listen(*HEADER) == []
    outputs = listen(*HEADER, QUIET, *HEADER, QUIET)
    assert outputs[0] == DeviceIdentified(
        "bed-3", "0", 5.0, serial_number="", model="Nellcor N-560", software="1.61.00"
    )
    assert [type(output) for output in outputs] == [DeviceIdentified, AlarmSetChanged, Observation, Observation]


@pytest.mark.parametrize(
    ("header", "model", "software"),
    [
        (
            "NPB-290  VERSION 1.6.0.1   CRC: 1A2B  SpO2 Limit: 85-100%    PR Limit: 40-170BPM",
            "Nellcor NPB-290",
            "1.6.0.1",
        ),
        ("N-600x   VERSION 1.0.1.0   CRC:XXXX  SpO2 Limit: 85-100%   PR Limit: 40-170BPM", "Nellcor N-600x", "1.0.1.0"),
    ],
)
def test_headers_of_other_models(header: str, model: str, software: str) -> None:
    identified = listen(header, "TIME         %SPO2   BPM   PA   Status", QUIET)[0]
    assert identified == DeviceIdentified("bed-3", "0", 5.0, "", model, software)


def test_a_header_after_the_first_lines_tells_who_it_is_anew_and_its_alarms_not() -> None:
    outputs = listen(QUIET, *HEADER, QUIET)
    assert [type(output) for output in outputs] == [
        DeviceIdentified,
        AlarmSetChanged,
        Observation,
        DeviceIdentified,
        Observation,
    ]


def test_a_line_without_a_time_is_an_unknown_header_and_harmless() -> None:
    assert listen("SpO2 response mode: FAST") == [Rejected("unknown_line", b"SpO2 response mode: FAST")]


# Values


def test_dashes_are_no_value() -> None:
    for reading in readings(line("---", "---", "---", "SO")):
        assert (reading.value, reading.validity, reading.note) == (None, Validity.NOT_AVAILABLE, "sensor off")


@pytest.mark.parametrize("text", ["0", "000"])
def test_zero_is_no_value(text: str) -> None:
    for reading in readings(line(text, text, "0")):
        assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)


@pytest.mark.parametrize(("spo2", "pulse"), [("9", "105"), ("101", "105"), ("98", "9"), ("98", "351")])
def test_an_impossible_value_is_invalid(spo2: str, pulse: str) -> None:
    assert [reading.validity for reading in readings(line(spo2, pulse))].count(Validity.INVALID) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line("85*"), [(K.VITAL_SIGN, "SPO2*", "SpO2 outside the oximeter's limit")]),
        (line("85*", codes="SL"), [(K.VITAL_SIGN, "SL", "SpO2 low")]),
        (line("85*", codes="PL"), [(K.VITAL_SIGN, "PL", "pulse rate low"), (K.VITAL_SIGN, "SPO2*", None)]),
        (line("98", "155*"), [(K.VITAL_SIGN, "BPM*", "pulse rate outside the oximeter's limit")]),
        (line("98", "155*", codes="PH"), [(K.VITAL_SIGN, "PH", "pulse rate high")]),
    ],
)
def test_a_star_is_a_limit_alarm_and_the_number_counts(
    text: str, expected: list[tuple[DeviceAlarmKind, str, str | None]]
) -> None:
    assert [reading.validity for reading in readings(text)] == [Validity.VALID, Validity.VALID]
    assert [(alarm.kind, alarm.code) for alarm in alarms(text)] == [said[:2] for said in expected]
    assert all(words in (alarm.text, None) for alarm, (_, _, words) in zip(alarms(text), expected, strict=True))


def test_a_star_does_not_hide_the_number() -> None:
    assert [reading.value for reading in readings(line("85*", "155*"))] == [85, 155]


# Codes


@pytest.mark.parametrize(
    ("code", "kind", "text", "validity"),
    [
        ("AO", K.ADVISORY, "alarm off", Validity.VALID),
        ("AS", K.ADVISORY, "alarm silenced", Validity.VALID),
        ("LB", K.BATTERY_LOW, "low battery", Validity.VALID),
        ("LM", K.LIFE_THREATENING, "loss of pulse, interference", Validity.INVALID),
        ("LP", K.LIFE_THREATENING, "loss of pulse", Validity.INVALID),
        ("MO", K.ADVISORY, "interference", Validity.QUESTIONABLE),
        ("PH", K.VITAL_SIGN, "pulse rate high", Validity.VALID),
        ("PL", K.VITAL_SIGN, "pulse rate low", Validity.VALID),
        ("PS", K.ADVISORY, "pulse search", Validity.QUESTIONABLE),
        ("SD", K.SENSOR_OFF, "sensor disconnected", Validity.INVALID),
        ("SH", K.VITAL_SIGN, "SpO2 high", Validity.VALID),
        ("SL", K.VITAL_SIGN, "SpO2 low", Validity.VALID),
        ("SO", K.SENSOR_OFF, "sensor off", Validity.INVALID),
        ("XY", K.UNKNOWN, "unknown code XY", Validity.QUESTIONABLE),
    ],
)
def test_a_code(code: str, kind: DeviceAlarmKind, text: str, validity: Validity) -> None:
    assert alarms(line(codes=code)) == (DeviceAlarm(kind, code, text),)
    assert [reading.validity for reading in readings(line(codes=code))] == [validity, validity]


def test_up_to_four_codes_are_read_and_a_second_one_is_not_lost() -> None:
    assert {alarm.code for alarm in alarms(line(codes="MO             AO"))} == {"MO", "AO"}
    assert {alarm.code for alarm in alarms(line(codes="MO SL PH AO"))} == {"MO", "SL", "PH", "AO"}
    assert alarms(line(codes="AO AO")) == (DeviceAlarm(K.ADVISORY, "AO", "alarm off"),)


def test_alarms_end_when_a_line_does_not_show_them_and_not_before() -> None:
    low = line("85*", codes="SL")
    outputs = listen(low, HEADER[0], "garbage 11:24:52", low, QUIET)
    said = [[alarm.text for alarm in output.alarms] for output in outputs if isinstance(output, AlarmSetChanged)]
    assert said == [["SpO2 low"], []]


# Lines that are none


@pytest.mark.parametrize(
    "text",
    [
        PLAIN[1:],
        PLAIN.replace("07-", "32-"),
        PLAIN.replace("Jan", "Jnn"),
        PLAIN.replace("100  ", "     "),
        PLAIN.replace("105", "   "),
        PLAIN.replace("88", "  "),
        PLAIN.replace("100     105", "100105"),
        PLAIN.replace("100", "1O0"),
        PLAIN.replace("105", "1050"),
        PLAIN.replace("105", "-105"),
        PLAIN.replace("105", "--"),
        PLAIN.replace("AO", "A0"),
        PLAIN.replace("AO", "AOO"),
        PLAIN.replace("AO", "ao"),
        PLAIN + " AO SL MO PH",
        PLAIN + PLAIN,
        PLAIN[:30] + PLAIN,
    ],
)
def test_a_line_that_shows_damage_is_refused_whole(text: str) -> None:
    assert listen(text, QUIET) == [Rejected("syntax", text.encode()[:64]), *listen(QUIET)]


@pytest.mark.parametrize("at", [0, 20, 22, 30, 38])
def test_a_byte_lost_or_added_before_the_amplitudes_end_costs_the_line_and_no_other(at: int) -> None:
    """105 without its zero is 15, and would be a pulse rate (H-12)."""
    for damaged in (PLAIN[:at] + PLAIN[at + 1 :], PLAIN[:at] + PLAIN[at] + PLAIN[at:]):
        outputs = listen(damaged, PLAIN)
        assert isinstance(outputs[0], Rejected)
        assert outputs[1:] == listen(PLAIN)


def test_a_line_that_is_sound_but_ends_too_early_is_refused_by_its_length() -> None:
    assert listen(QUIET, QUIET.replace("105", "15"), QUIET)[2:] == [
        *observations(listen(QUIET)),
        Rejected("length", QUIET.replace("105", "15").encode()),
        *observations(listen(QUIET)),
    ]


def test_other_columns_count_from_the_second_line_that_has_them() -> None:
    other = QUIET.replace("105  ", "105")
    outputs = listen(QUIET, other, other, QUIET, other, QUIET, QUIET)
    assert [output.reason if isinstance(output, Rejected) else "said" for output in outputs[2:]] == [
        "said",
        "length",
        "said",
        "length",
        "said",
        "length",
        "said",
    ]
