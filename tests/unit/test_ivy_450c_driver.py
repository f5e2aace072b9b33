"""The 450C driver, case by case, from literal messages."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from drivers.ivy_450c import DRIVER, MAX_MESSAGE_BYTES, MESSAGE_MAX_S, NOISE_REPORT_BYTES, IvySession
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceKind,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    SessionOptions,
    Validity,
)

WAVE = b"\x64" * 200 + b"\x49" * 50 + b"\x56" * 50 + b"\x50" * 50 + b"\xfb" * 50
PLAIN = {
    "HR": "HR=1;80;ECG-II-DIAG;",
    "RR": "RR=1;35;APNEA: 20 SEC;",
    "ETCO2": "ETCO2=1;;;",
    "SPO2": "SPO2=1;100;PR=80 ;",
    "NIBP": "NIBP=4;121;75;92;80;;",
    "P1": "P1=3;111;73;88;;",
    "P2": "P2=3;;;;NO TRANSDUCER;",
    "T1": "T1=1;;;",
    "T2": "T2=1;;;",
}


def framed(text: bytes, wave: bytes = WAVE) -> bytes:
    return b"\xffANSAR-B " + wave + text + b"\xfe"


def text_of(lines: Iterable[str]) -> bytes:
    return b"".join(line.encode("latin-1") + b"\r" for line in lines)


def message(*changed: str) -> bytes:
    """The plain message with these lines in the place of those of the same name."""
    lines = PLAIN | {line.partition("=")[0]: line for line in changed}
    return framed(text_of(lines.values()))


GOOD = message()


def session() -> IvySession:
    return IvySession(SessionOptions(port="bed-3"))


def listen(*pieces: bytes) -> list[Output]:
    listening = session()
    return [output for piece in pieces for output in listening.feed(piece, 5.0)]


def observations(outputs: Iterable[Output]) -> list[Observation]:
    return [output for output in outputs if isinstance(output, Observation)]


def rejected(outputs: Iterable[Output]) -> list[Rejected]:
    return [output for output in outputs if isinstance(output, Rejected)]


def readings(data: bytes) -> dict[Quantity, Reading]:
    (observation,) = observations(listen(data))
    return {reading.quantity: reading for reading in observation.readings}


def alarms(data: bytes) -> tuple[DeviceAlarm, ...]:
    (changed,) = (output for output in listen(data) if isinstance(output, AlarmSetChanged))
    return changed.alarms


# What the driver is


def test_the_driver_says_what_the_monitor_can_do() -> None:
    assert DRIVER.name == "ivy-450c"
    assert DRIVER.kind is DeviceKind.MONITOR
    assert DRIVER.line == LineSettings(9600, 8, "N", 1)
    assert DRIVER.listen_only
    assert DRIVER.identity is IdentitySupport.PORT_ONLY
    assert DRIVER.integrity is Integrity.NONE
    assert DRIVER.nibp_time is NibpTime.LAST_CHANGE
    assert DRIVER.freshness == ""
    assert not DRIVER.experimental
    assert DRIVER.channel_pattern == "0"
    assert isinstance(DRIVER.session(SessionOptions(port="x")), IvySession)


def test_it_asks_nothing_and_waits_for_nothing() -> None:
    listening = session()
    assert list(listening.start(1.0)) == []
    assert list(listening.tick(2.0)) == []
    assert listening.deadline_s is None
    assert listening.round_s == 1.0


def test_the_first_message_brings_who_it_is_its_alarms_and_its_values_and_the_second_its_values_alone() -> None:
    first, second = listen(GOOD), listen(GOOD, GOOD)
    assert first[:2] == [
        DeviceIdentified("bed-3", "0", 5.0, serial_number="", model="Ivy 450C"),
        AlarmSetChanged("bed-3", "0", 5.0, ()),
    ]
    assert [type(output) for output in first[2:]] == [Observation]
    assert second == [*first, first[2]]


def test_an_observation_names_every_quantity_of_the_monitor_once() -> None:
    assert list(readings(GOOD)) == [
        Quantity.HEART_RATE,
        Quantity.RESPIRATORY_RATE,
        Quantity.ETCO2,
        Quantity.SPO2,
        Quantity.PULSE_RATE,
        Quantity.NIBP_SYS,
        Quantity.NIBP_DIA,
        Quantity.NIBP_MEAN,
        Quantity.NIBP_PULSE_RATE,
        Quantity.IBP1_SYS,
        Quantity.IBP1_DIA,
        Quantity.IBP1_MEAN,
        Quantity.IBP2_SYS,
        Quantity.IBP2_DIA,
        Quantity.IBP2_MEAN,
        Quantity.TEMPERATURE_1,
        Quantity.TEMPERATURE_2,
    ]


# Framing


@pytest.mark.parametrize("size", [1, 7, 64, 561, 562])
def test_a_cut_anywhere_changes_nothing(size: int) -> None:
    data = b"\x00\x01" + GOOD + GOOD[:300] + GOOD
    assert listen(*(data[i : i + size] for i in range(0, len(data), size))) == listen(data)


def test_two_messages_in_one_read_are_two() -> None:
    assert len(observations(listen(GOOD + GOOD))) == 2


def test_a_message_is_not_said_before_its_end() -> None:
    listening = session()
    assert list(listening.feed(GOOD[:-1], 1.0)) == []
    (observation,) = observations(listening.feed(b"\xfe", 1.5))
    assert observation.received_at_s == 1.5


def test_an_end_byte_in_the_waveform_ends_nothing() -> None:
    data = framed(text_of(PLAIN.values()), WAVE[:17] + b"\xfe" + WAVE[18:])
    assert [type(output) for output in listen(data)] == [DeviceIdentified, AlarmSetChanged, Observation]


def test_a_start_byte_in_the_waveform_starts_nothing_without_the_header() -> None:
    data = framed(text_of(PLAIN.values()), WAVE[:398] + b"\xff\xff")
    assert [type(output) for output in listen(data)] == [DeviceIdentified, AlarmSetChanged, Observation]


def test_noise_before_a_message_is_told_once_and_costs_nothing() -> None:
    outputs = listen(b"\x00\xfe\xffANSAR-C \xff" + GOOD)
    assert outputs[0] == Rejected("noise", b"\x00\xfe\xffANSAR-C \xff")
    assert len(rejected(outputs)) == 1
    assert len(observations(outputs)) == 1


def test_a_noise_excerpt_is_bounded() -> None:
    outputs = listen(bytes(range(100)) + GOOD)
    assert rejected(outputs) == [Rejected("noise", bytes(range(64)))]


def test_noise_without_end_is_told_once_a_second_of_line() -> None:
    assert rejected(listen(b"\x11" * (NOISE_REPORT_BYTES - 1))) == []
    assert rejected(listen(b"\x11" * NOISE_REPORT_BYTES)) == [Rejected("noise", b"\x11" * 64)]
    assert len(rejected(listen(b"\x11" * (NOISE_REPORT_BYTES * 10 + 5)))) == 10


def test_a_line_of_start_bytes_is_noise() -> None:
    assert len(rejected(listen(b"\xff" * (NOISE_REPORT_BYTES * 3 + 1)))) == 3


@pytest.mark.parametrize("kept", [9, 10, 200, 408])
def test_a_message_cut_in_its_header_or_waveform_does_not_cost_the_next(kept: int) -> None:
    outputs = listen(GOOD[:kept] + GOOD)
    assert rejected(outputs) == [Rejected("length", GOOD[:kept][-64:])]
    assert len(observations(outputs)) == 1


@pytest.mark.parametrize("kept", range(1, 9))
def test_a_message_cut_inside_its_header_is_noise(kept: int) -> None:
    outputs = listen(GOOD[:kept] + GOOD)
    assert rejected(outputs) == [Rejected("noise", GOOD[:kept])]
    assert len(observations(outputs)) == 1


@pytest.mark.parametrize("kept", [409, 410, 429, 500, 561])
def test_a_message_that_lost_its_end_does_not_swallow_the_next(kept: int) -> None:
    outputs = listen(GOOD[:kept] + GOOD)
    assert rejected(outputs) == [Rejected("length", (GOOD[:kept] + b"\xff")[-64:])]
    assert len(observations(outputs)) == 1


@pytest.mark.parametrize("byte", [0x00, 0x0A, 0x1F, 0x7F, 0x80, 0xB1, 0xFB, 0xFD])
def test_a_byte_that_is_no_text_costs_the_message_and_is_told_once(byte: int) -> None:
    damaged = bytearray(GOOD)
    damaged[420] = byte
    outputs = listen(bytes(damaged) + GOOD)
    assert rejected(outputs) == [Rejected("syntax", bytes(damaged[421 - 64 : 421]))]
    assert len(observations(outputs)) == 1


def test_a_start_byte_in_the_text_costs_the_message_and_is_told_once() -> None:
    damaged = bytearray(GOOD)
    damaged[420] = 0xFF
    outputs = listen(bytes(damaged) + GOOD)
    assert [output.reason for output in rejected(outputs)] == ["length"]
    assert len(observations(outputs)) == 1


def test_two_messages_merged_by_lost_bytes_are_none() -> None:
    outputs = listen(GOOD[:430] + GOOD[100:] + GOOD)
    assert [output.reason for output in rejected(outputs)] == ["syntax"]
    assert len(observations(outputs)) == 1


def test_bytes_lost_in_the_waveform_lose_the_lines_that_moved_out_of_the_text_and_no_number_is_made_up() -> None:
    outputs = listen(GOOD[:300] + GOOD[302:])
    assert rejected(outputs) == [Rejected("syntax", b"=1;80;ECG-II-DIAG;")]
    (observation,) = observations(outputs)
    assert observation.readings[0] == Reading(
        Quantity.HEART_RATE, None, "/min", validity=Validity.NOT_AVAILABLE, note="line absent"
    )


def test_the_longest_message_is_taken_and_one_byte_more_is_oversize() -> None:
    room = MAX_MESSAGE_BYTES - len(message("RR=1;35;;"))
    longest = message(f"RR=1;35;{'x' * room};")
    assert len(longest) == MAX_MESSAGE_BYTES
    assert len(observations(listen(longest))) == 1
    outputs = listen(message(f"RR=1;35;{'x' * (room + 1)};") + GOOD)
    assert [output.reason for output in rejected(outputs)] == ["oversize"]
    assert len(observations(outputs)) == 1


def test_a_text_without_end_is_oversize_once_and_then_noise_by_the_second() -> None:
    outputs = listen(GOOD[:409] + b"A" * (MAX_MESSAGE_BYTES - 409 + 2 * NOISE_REPORT_BYTES))
    assert [output.reason for output in outputs if isinstance(output, Rejected)] == ["oversize", "noise"]


def test_a_message_torn_by_a_pause_is_not_ended_by_a_later_one() -> None:
    listening = session()
    assert list(listening.feed(GOOD[:435], 10.0)) == []
    outputs = list(listening.feed(GOOD[435:] + GOOD, 10.0 + MESSAGE_MAX_S + 0.01))
    assert rejected(outputs) == [Rejected("timeout", GOOD[435 - 64 : 435])]
    assert len(observations(outputs)) == 1


def test_a_message_may_last_as_long_as_the_bound() -> None:
    listening = session()
    assert list(listening.feed(GOOD[:435], 0.0)) == []
    assert len(observations(listening.feed(GOOD[435:], MESSAGE_MAX_S))) == 1


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HR=1;80;ECG-II-DIAG;",
        text_of(PLAIN.values())[:-1],
        b"\r",
        b"BATT=1;50;;\r",
        b"HR=1;80;ECG-II-DIAG;\rHR=1;81;ECG-II-DIAG;\r",
    ],
    ids=["empty", "no return", "last return lost", "blank", "nothing known", "a line twice"],
)
def test_a_text_that_cannot_be_one_message_is_refused_whole(text: bytes) -> None:
    assert listen(framed(text)) == [Rejected("syntax", text[-64:])]


# Lines


def test_an_unknown_line_is_told_and_costs_nothing_else() -> None:
    outputs = listen(message("BATT=1;50;;", "CO=1;4.5;;"))
    assert rejected(outputs) == [Rejected("unknown_line", b"BATT=1;50;;\rCO=1;4.5;;")]
    assert observations(outputs) == observations(listen(GOOD))


@pytest.mark.parametrize(("name", "reason"), [("BATT", "unknown_line"), ("T1", "syntax")])
def test_the_excerpt_of_a_line_is_bounded(name: str, reason: str) -> None:
    line = f"{name}=1;{'5' * 80}"
    assert rejected(listen(message(line))) == [Rejected(reason, line.encode()[:64])]


def test_an_absent_line_is_not_available() -> None:
    text = text_of(line for name, line in PLAIN.items() if name != "NIBP")
    told = readings(framed(text))
    for quantity in (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN, Quantity.NIBP_PULSE_RATE):
        assert (told[quantity].value, told[quantity].validity) == (None, Validity.NOT_AVAILABLE)
        assert told[quantity].note == "line absent"
    assert told[Quantity.HEART_RATE].value == Decimal(80)


@pytest.mark.parametrize(
    "line",
    ["NIBP=4;121;75;92;;", "NIBP=4;121;75;92;80;;;", "NIBP=4", "NIBP=;121;75;92;80;;", "NIBP=x;121;75;92;80;;"],
)
def test_a_line_of_another_layout_is_told_and_gives_no_number(line: str) -> None:
    outputs = listen(message(line))
    assert rejected(outputs) == [Rejected("syntax", line.encode())]
    told = readings(message(line))
    for quantity in (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN, Quantity.NIBP_PULSE_RATE):
        assert told[quantity].value is None
        assert told[quantity].validity is Validity.INVALID
        assert told[quantity].note == f"line not known: {line}"


def test_an_unknown_code_is_an_unknown_alarm_and_gives_no_number() -> None:
    data = message("HR=2;80;ECG-II-DIAG;TACHY")
    assert alarms(data) == (
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "HR", "TACHY"),
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "HR=2", "HR has an unknown code"),
    )
    reading = readings(data)[Quantity.HEART_RATE]
    assert (reading.value, reading.validity) == (None, Validity.INVALID)


def test_a_flipped_bit_does_not_make_a_temperature_a_pressure() -> None:
    """T and P are one bit apart."""
    text = text_of(line for name, line in PLAIN.items() if name != "P1").replace(b"T1=1;;;", b"P1=1;36;;")
    assert readings(framed(text))[Quantity.IBP1_SYS].validity is Validity.INVALID


# Values


@pytest.mark.parametrize(
    ("line", "quantity", "value", "resolution", "unit"),
    [
        ("HR=1;10;ECG-II-DIAG;", Quantity.HEART_RATE, "10", "1", "/min"),
        ("HR=1;350;ECG-II-DIAG;", Quantity.HEART_RATE, "350", "1", "/min"),
        ("HR=1; 80 ;ECG-II-DIAG;", Quantity.HEART_RATE, "80", "1", "/min"),
        ("RR=1;1;;", Quantity.RESPIRATORY_RATE, "1", "1", "/min"),
        ("ETCO2=1;14;;", Quantity.ETCO2, "14", "1", "mm[Hg]"),
        ("ETCO2=1;150;;", Quantity.ETCO2, "150", "1", "mm[Hg]"),
        ("SPO2=1;10;PR=80;", Quantity.SPO2, "10", "1", "%"),
        ("SPO2=1;97.5;PR=80;", Quantity.SPO2, "97.5", "0.1", "%"),
        ("SPO2=1;97;PR= 81 ;", Quantity.PULSE_RATE, "81", "1", "/min"),
        ("SPO2=1;97;LOW SIGNAL PR=81;", Quantity.PULSE_RATE, "81", "1", "/min"),
        ("P1=3;-5;-7;-6;;", Quantity.IBP1_SYS, "-5", "1", "mm[Hg]"),
        ("P1=3;0;0;0;;", Quantity.IBP1_MEAN, "0", "1", "mm[Hg]"),
        ("P2=3;60;40;88;;", Quantity.IBP2_MEAN, "88", "1", "mm[Hg]"),
        ("T1=1;36.80;;", Quantity.TEMPERATURE_1, "36.80", "0.01", "Cel"),
        ("T2=1;37;;", Quantity.TEMPERATURE_2, "37", "1", "Cel"),
    ],
)
def test_a_number_is_taken_as_printed(line: str, quantity: Quantity, value: str, resolution: str, unit: str) -> None:
    reading = readings(message(line))[quantity]
    assert (str(reading.value), str(reading.resolution)) == (value, resolution)
    assert (reading.unit, reading.validity) == (unit, Validity.VALID)


@pytest.mark.parametrize(
    "text",
    ["1e2", "+80", "8 0", "80.", ".8", "0x50", "80,5", "---", "080", "-0", "1_0", "36.805", "80000", "NaN", "inf"],
)
def test_what_is_no_plain_number_is_invalid(text: str) -> None:
    reading = readings(message(f"HR=1;{text};ECG-II-DIAG;"))[Quantity.HEART_RATE]
    assert (reading.value, reading.validity) == (None, Validity.INVALID)
    assert reading.note == f"not a number: {text}"


@pytest.mark.parametrize(
    ("line", "quantity", "text"),
    [
        ("HR=1;9;ECG-II-DIAG;", Quantity.HEART_RATE, "9"),
        ("HR=1;351;ECG-II-DIAG;", Quantity.HEART_RATE, "351"),
        ("HR=1;-80;ECG-II-DIAG;", Quantity.HEART_RATE, "-80"),
        ("RR=1;201;;", Quantity.RESPIRATORY_RATE, "201"),
        ("SPO2=1;101;PR=80;", Quantity.SPO2, "101"),
        ("SPO2=1;98;PR=999;", Quantity.PULSE_RATE, "999"),
        ("NIBP=4;301;75;92;80;;", Quantity.NIBP_SYS, "301"),
        ("NIBP=4;121;9;92;80;;", Quantity.NIBP_DIA, "9"),
        ("NIBP=4;121;75;9;80;;", Quantity.NIBP_MEAN, "9"),
        ("NIBP=4;121;75;92;8;;", Quantity.NIBP_PULSE_RATE, "8"),
        ("P1=3;401;73;88;;", Quantity.IBP1_SYS, "401"),
        ("P1=3;111;-51;88;;", Quantity.IBP1_DIA, "-51"),
        ("T1=1;98.6;;", Quantity.TEMPERATURE_1, "98.6"),
        ("T2=1;9.9;;", Quantity.TEMPERATURE_2, "9.9"),
    ],
)
def test_an_impossible_value_is_invalid(line: str, quantity: Quantity, text: str) -> None:
    reading = readings(message(line))[quantity]
    assert (reading.value, reading.validity) == (None, Validity.INVALID)
    assert reading.note == f"out of range: {text}"


@pytest.mark.parametrize("text", ["5", "5.1", "13", "13.9", "151"])
def test_a_carbon_dioxide_that_could_be_kpa_or_percent_is_no_number(text: str) -> None:
    reading = readings(message(f"ETCO2=1;{text};;"))[Quantity.ETCO2]
    assert (reading.value, reading.validity) == (None, Validity.INVALID)


@pytest.mark.parametrize("text", ["0", "0.0"])
@pytest.mark.parametrize(
    ("line", "quantity"),
    [
        ("HR=1;{};ECG-II-DIAG;", Quantity.HEART_RATE),
        ("RR=1;{};APNEA: 20 SEC;", Quantity.RESPIRATORY_RATE),
        ("ETCO2=1;{};;", Quantity.ETCO2),
        ("SPO2=1;{};PR=80;", Quantity.SPO2),
        ("SPO2=1;98;PR={};", Quantity.PULSE_RATE),
        ("NIBP=4;{};75;92;80;;", Quantity.NIBP_SYS),
        ("T1=1;{};;", Quantity.TEMPERATURE_1),
    ],
)
def test_a_zero_is_no_value(line: str, quantity: Quantity, text: str) -> None:
    reading = readings(message(line.format(text)))[quantity]
    assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)
    assert reading.note.startswith(f"said {text}")


@pytest.mark.parametrize(
    ("line", "quantity"),
    [("HR=1;0;ECG-II-DIAG;ASYSTOLE", Quantity.HEART_RATE), ("RR=1;0;;APNEA", Quantity.RESPIRATORY_RATE)],
)
def test_a_zero_is_a_value_where_the_monitor_says_why(line: str, quantity: Quantity) -> None:
    reading = readings(message(line))[quantity]
    assert (reading.value, reading.validity) == (Decimal(0), Validity.VALID)


@pytest.mark.parametrize("values", ["75;121;92", "121;75;122", "121;93;92", "75;121;"])
def test_cuff_pressures_that_cannot_stand_together_are_invalid_and_the_pulse_stays(values: str) -> None:
    told = readings(message(f"NIBP=4;{values};80;;"))
    for quantity in (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN):
        assert (told[quantity].value, told[quantity].validity) == (None, Validity.INVALID)
        assert told[quantity].note.startswith("impossible together: ")
    assert told[Quantity.NIBP_PULSE_RATE].value == Decimal(80)


def test_invasive_systole_below_diastole_is_invalid_but_a_mean_above_a_falling_systole_is_not() -> None:
    assert readings(message("P1=3;73;111;88;;"))[Quantity.IBP1_MEAN].validity is Validity.INVALID
    falling = readings(message("P1=3;60;40;88;;"))
    assert [falling[q].value for q in (Quantity.IBP1_SYS, Quantity.IBP1_DIA, Quantity.IBP1_MEAN)] == [60, 40, 88]


def test_each_value_of_a_cuff_pressure_may_be_absent_alone() -> None:
    told = readings(message("NIBP=4;121;75;;;;"))
    assert told[Quantity.NIBP_SYS].value == Decimal(121)
    assert told[Quantity.NIBP_MEAN].validity is Validity.NOT_AVAILABLE
    assert told[Quantity.NIBP_PULSE_RATE].validity is Validity.NOT_AVAILABLE


# Labels, which are origins or notes


@pytest.mark.parametrize(
    ("line", "origin", "note"),
    [
        ("HR=1;80;ECG-II-DIAG;", "ECG-II-DIAG", ""),
        ("HR=1;80;PLETH;", "PLETH", ""),
        ("HR=1;;ECG-III-MON;", "ECG-III-MON", ""),
        ("HR=1;;LEAD FAULT;", "", "LEAD FAULT"),
        ("HR=1;200;ECG-II-DIAG;HIGH RATE", "ECG-II-DIAG", "HIGH RATE"),
    ],
)
def test_a_heart_rate_keeps_its_source(line: str, origin: str, note: str) -> None:
    reading = readings(message(line))[Quantity.HEART_RATE]
    assert (reading.origin, reading.note) == (origin, note)


def test_the_apnoea_setting_is_a_note_and_no_alarm() -> None:
    reading = readings(GOOD)[Quantity.RESPIRATORY_RATE]
    assert (reading.value, reading.origin, reading.note) == (Decimal(35), "impedance", "APNEA: 20 SEC")
    assert alarms(GOOD) == ()


@pytest.mark.parametrize("line", ["ETCO2=1;38;;", "ETCO2=1;5;;", "ETCO2=1"])
def test_with_a_capnograph_the_breathing_rate_is_not_said_to_be_impedance(line: str) -> None:
    assert readings(message(line))[Quantity.RESPIRATORY_RATE].origin == ""


def test_a_pulse_rate_says_that_it_is_the_oximeters() -> None:
    assert readings(GOOD)[Quantity.PULSE_RATE].origin == "SPO2"


def test_an_oximeter_without_a_pulse_in_its_label_says_why() -> None:
    told = readings(message("SPO2=1;;NO SENSOR;"))
    for quantity in (Quantity.SPO2, Quantity.PULSE_RATE):
        assert (told[quantity].validity, told[quantity].note) == (Validity.NOT_AVAILABLE, "NO SENSOR")


@pytest.mark.parametrize("line", ["P2=3;120;80;93;NO TRANSDUCER;", "P2=3;120;80;93;;NO TRANSDUCER"])
def test_a_number_beside_a_missing_sensor_is_invalid(line: str) -> None:
    reading = readings(message(line))[Quantity.IBP2_SYS]
    assert (reading.value, reading.validity) == (None, Validity.INVALID)
    assert reading.note == "120 without a sensor; NO TRANSDUCER"


# Alarms


def test_an_unused_input_is_no_alarm() -> None:
    assert alarms(message("P1=3;;;;NO TRANSDUCER;", "SPO2=1;;NO SENSOR;")) == ()


@pytest.mark.parametrize(
    ("line", "alarm"),
    [
        ("HR=1;;LEAD FAULT;", DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "HR", "LEAD FAULT")),
        ("HR=1;;LEAD FAULT;LEAD FAULT", DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "HR", "LEAD FAULT")),
        ("SPO2=1;;;SENSOR OFF", DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "SPO2", "SENSOR OFF")),
        ("P1=3;;;;;NO TRANSDUCER", DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "P1", "NO TRANSDUCER")),
        ("RR=1;;APNEA: 20 SEC;APNEA", DeviceAlarm(DeviceAlarmKind.LIFE_THREATENING, "RR", "APNEA")),
        ("HR=1;0;ECG-II-DIAG;ASYSTOLE", DeviceAlarm(DeviceAlarmKind.LIFE_THREATENING, "HR", "ASYSTOLE")),
        ("NIBP=4;;;;;;CUFF LEAK", DeviceAlarm(DeviceAlarmKind.UNKNOWN, "NIBP", "CUFF LEAK")),
        ("RR=1;35;;APNEA: 20 SEC", DeviceAlarm(DeviceAlarmKind.UNKNOWN, "RR", "APNEA: 20 SEC")),
    ],
)
def test_an_alarm_has_a_kind_its_line_and_its_text(line: str, alarm: DeviceAlarm) -> None:
    assert alarms(message(line)) == (alarm,)


def test_alarms_are_said_whenever_the_set_differs_and_only_then() -> None:
    leak, leak_and_apnoea = message("NIBP=4;;;;;;LEAK"), message("NIBP=4;;;;;;LEAK", "RR=1;;;APNEA")
    outputs = listen(GOOD, leak, leak, leak_and_apnoea, leak_and_apnoea, leak, GOOD, GOOD)
    said = [[alarm.text for alarm in output.alarms] for output in outputs if isinstance(output, AlarmSetChanged)]
    assert said == [[], ["LEAK"], ["APNEA", "LEAK"], ["LEAK"], []]
    assert len(observations(outputs)) == 8


@pytest.mark.parametrize("kept", [None, "RR=1;;APNEA"], ids=["line absent", "line damaged"])
def test_an_alarm_does_not_end_because_its_line_was_not_heard(kept: str | None) -> None:
    others = [line for name, line in PLAIN.items() if name != "RR"]
    unheard = framed(text_of([*others, kept] if kept else others))
    outputs = listen(message("RR=1;;;APNEA"), unheard, GOOD)
    said = [[alarm.text for alarm in output.alarms] for output in outputs if isinstance(output, AlarmSetChanged)]
    assert said == [["APNEA"], []]
    assert [type(output) for output in outputs[-2:]] == [AlarmSetChanged, Observation]
