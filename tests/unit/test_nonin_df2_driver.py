"""The driver of Nonin's Data Format 2, case by case, from literal frames."""

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
from drivers.nonin_df2 import NOISE_REPORT_BYTES, PACKET_MAX_S, Df2Session

# Pulse rate 72, SpO2 97, firmware 5, SmartPoint on; everything else zero. Sums worked out by hand.
FRAMES = [
    "01 81 01 00 83",
    "01 80 01 48 CA",
    "01 80 01 61 E3",
    "01 80 01 05 87",
    *["01 80 01 00 82"] * 3,
    "01 80 01 20 A2",
    *["01 80 01 00 82"] * 17,
]
K = DeviceAlarmKind


def wire(frames: Iterable[str]) -> bytes:
    return bytes.fromhex(" ".join(frames))


def packet(**changed: str) -> bytes:
    """The packet with these frames (``f3="01 80 ..."``, counted from 1) in the place of its own."""
    frames = list(FRAMES)
    for name, frame in changed.items():
        frames[int(name[1:]) - 1] = frame
    return wire(frames)


GOOD = packet()


def listen(*pieces: bytes) -> list[Output]:
    session = Df2Session(SessionOptions(port="bed-3"))
    return [output for piece in pieces for output in session.feed(piece, 5.0)]


def observations(outputs: Iterable[Output]) -> list[Observation]:
    return [output for output in outputs if isinstance(output, Observation)]


def rejected(outputs: Iterable[Output]) -> list[Rejected]:
    return [output for output in outputs if isinstance(output, Rejected)]


def readings(data: bytes) -> tuple[Reading, ...]:
    (observation,) = observations(listen(data))
    return observation.readings


def alarms(data: bytes) -> tuple[DeviceAlarm, ...]:
    (said,) = (output for output in listen(data) if isinstance(output, AlarmSetChanged))
    return said.alarms


def test_the_first_packet_brings_who_it_is_its_alarms_and_its_values_and_the_second_its_values_alone() -> None:
    told = Observation(
        "bed-3",
        "0",
        5.0,
        (
            Reading(Quantity.SPO2, Decimal(97), "%", origin="SPO2"),
            Reading(Quantity.PULSE_RATE, Decimal(72), "/min", origin="SPO2"),
        ),
    )
    assert len(GOOD) == 125
    assert listen(GOOD + GOOD) == [
        DeviceIdentified("bed-3", "0", 5.0, serial_number="", model="Nonin OEM III", software="5"),
        AlarmSetChanged("bed-3", "0", 5.0, ()),
        told,
        told,
    ]


# Values


@pytest.mark.parametrize(
    ("msb", "lsb", "pulse"),
    [
        ("01 81 01 00 83", "01 80 01 7F 01", 127),
        ("01 81 01 01 84", "01 80 01 00 82", 128),
        ("01 81 01 01 84", "01 80 01 48 CA", 200),
        ("01 81 01 02 85", "01 80 01 41 C3", 321),
        ("01 81 01 FC 7F", "01 80 01 C8 4A", 72),
    ],
)
def test_the_upper_part_of_the_pulse_rate_is_shifted_by_seven(msb: str, lsb: str, pulse: int) -> None:
    assert readings(packet(f1=msb, f2=lsb))[1].value == Decimal(pulse)


def test_511_and_127_are_no_value() -> None:
    data = packet(f1="01 81 01 03 86", f2="01 80 01 7F 01", f3="01 80 01 7F 01")
    for reading in readings(data):
        assert (reading.value, reading.validity, reading.note) == (None, Validity.NOT_AVAILABLE, "")


def test_zero_is_no_value() -> None:
    for reading in readings(packet(f2="01 80 01 00 82", f3="01 80 01 00 82")):
        assert (reading.value, reading.validity, reading.note) == (None, Validity.NOT_AVAILABLE, "said 000")


@pytest.mark.parametrize("frame", ["01 80 01 09 8B", "01 80 01 65 E7", "01 80 01 E1 63", "01 80 01 FF 81"])
def test_an_impossible_saturation_is_invalid_and_the_pulse_rate_stays(frame: str) -> None:
    saturation, pulse = readings(packet(f3=frame))
    assert (saturation.value, saturation.validity) == (None, Validity.INVALID)
    assert pulse.value == Decimal(72)


def test_an_impossible_pulse_rate_is_invalid() -> None:
    reading = readings(packet(f1="01 81 01 03 86", f2="01 80 01 7E 00"))[1]
    assert (reading.value, reading.validity, reading.note) == (None, Validity.INVALID, "out of range: 510")


# Status


@pytest.mark.parametrize(
    ("frame", "code", "kind", "text"),
    [
        ("01 C0 01 00 C2", "STATUS.40", K.SENSOR_OFF, "sensor disconnected"),
        ("01 90 01 00 92", "STATUS.10", K.ADVISORY, "out of track"),
        ("01 88 01 00 8A", "STATUS.08", K.SENSOR_OFF, "sensor data unusable"),
    ],
)
@pytest.mark.parametrize("place", ["f5", "f13", "f25"])
def test_a_number_without_a_signal_is_invalid(
    place: str, frame: str, code: str, kind: DeviceAlarmKind, text: str
) -> None:
    data = packet(**{place: frame})
    assert [(r.value, r.validity, r.note) for r in readings(data)] == [
        (None, Validity.INVALID, f"097 without a signal; {text}"),
        (None, Validity.INVALID, f"072 without a signal; {text}"),
    ]
    assert alarms(data) == (DeviceAlarm(kind, code, text),)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("01 A0 01 00 A2", "artifact"),
        ("01 86 01 00 88", "perfusion yellow"),
        ("01 84 01 00 86", "perfusion red"),
        ("01 A4 01 00 A6", "artifact; perfusion red"),
    ],
)
def test_a_weak_or_disturbed_beat_makes_the_numbers_questionable_and_is_no_alarm(frame: str, text: str) -> None:
    data = packet(f13=frame)
    assert [(r.value, r.validity, r.note) for r in readings(data)] == [
        (Decimal(97), Validity.QUESTIONABLE, text),
        (Decimal(72), Validity.QUESTIONABLE, text),
    ]
    assert alarms(data) == ()


def test_green_perfusion_is_good_and_does_not_mix_with_a_red_beat() -> None:
    green = "01 82 01 00 84"
    assert [r.validity for r in readings(packet(f10=green))] == [Validity.VALID, Validity.VALID]
    assert readings(packet(f10=green, f20="01 84 01 00 86"))[0].note == "perfusion red"


@pytest.mark.parametrize(
    ("frame", "expected", "validity"),
    [
        ("01 80 01 00 82", (), Validity.VALID),
        ("01 80 01 21 A3", (DeviceAlarm(K.BATTERY_LOW, "STAT2.01", "low battery"),), Validity.VALID),
        ("01 80 01 40 C2", (DeviceAlarm(K.UNKNOWN, "STAT2.40", "unknown code STAT2.40"),), Validity.QUESTIONABLE),
    ],
)
def test_the_second_status(frame: str, expected: tuple[DeviceAlarm, ...], validity: Validity) -> None:
    assert alarms(packet(f8=frame)) == expected
    assert [reading.validity for reading in readings(packet(f8=frame))] == [validity, validity]


def test_alarms_are_said_whenever_the_set_differs_and_only_then() -> None:
    off = packet(f5="01 C0 01 00 C2")
    outputs = listen(GOOD, off, off, GOOD)
    said = [[alarm.text for alarm in output.alarms] for output in outputs if isinstance(output, AlarmSetChanged)]
    assert said == [[], ["sensor disconnected"], []]


# Framing


@pytest.mark.parametrize("size", [1, 4, 5, 6, 124])
def test_a_cut_anywhere_changes_nothing(size: int) -> None:
    data = b"\x00\x01" + GOOD + GOOD[:58] + GOOD + GOOD
    assert listen(*(data[at : at + size] for at in range(0, len(data), size))) == listen(data)


def test_a_packet_is_not_said_before_its_last_byte() -> None:
    assert listen(GOOD[:-1]) == []
    assert len(observations(listen(GOOD[:-1], GOOD[-1:]))) == 1


@pytest.mark.parametrize("lost", range(1, 125))
def test_the_first_whole_packet_after_the_middle_of_one_is_read(lost: int) -> None:
    outputs = listen(GOOD[lost:] + GOOD)
    assert len(observations(outputs)) == 1
    assert len(rejected(outputs)) == (0 if lost % 5 == 0 else 1)


@pytest.mark.parametrize("at", range(0, 125, 7))
def test_one_lost_byte_costs_its_packet_and_no_other(at: int) -> None:
    outputs = listen(GOOD + GOOD[:at] + GOOD[at + 1 :] + GOOD)
    assert observations(outputs) == observations(listen(GOOD + GOOD))
    assert rejected(outputs)


@pytest.mark.parametrize("number", range(2, 26))
def test_a_lost_frame_costs_its_packet(number: int) -> None:
    frames = FRAMES[: number - 1] + FRAMES[number:]
    outputs = listen(GOOD + wire(frames) + GOOD)
    assert observations(outputs) == observations(listen(GOOD + GOOD))
    assert [output.reason for output in rejected(outputs)] == ["length"]


def test_a_packet_without_its_first_frame_is_none() -> None:
    assert observations(listen(wire(FRAMES[1:]))) == []


@pytest.mark.parametrize("frame", ["01 80 01 61 E2", "01 00 01 61 63"])
def test_a_wrong_sum_or_a_status_without_its_bit_is_no_frame(frame: str) -> None:
    outputs = listen(packet(f3=frame) + GOOD)
    assert observations(outputs) == observations(listen(GOOD))
    reason = "checksum" if frame.startswith("01 80") else "noise"
    assert rejected(outputs) == [Rejected(reason, bytes.fromhex(frame))]


def test_no_flipped_bit_ever_becomes_a_reading() -> None:
    for place in range(125):
        for bit in range(8):
            damaged = bytearray(GOOD)
            damaged[place] ^= 1 << bit
            outputs = listen(GOOD, bytes(damaged), GOOD)
            assert observations(outputs) == observations(listen(GOOD, GOOD)), (place, bit)
            assert rejected(outputs), (place, bit)


def test_noise_without_end_is_told_once_a_second_of_line() -> None:
    assert rejected(listen(b"\x11" * (NOISE_REPORT_BYTES + 4))) == [Rejected("noise", b"\x11" * 5)]
    assert len(rejected(listen(b"\x11" * (NOISE_REPORT_BYTES * 10 + 4)))) == 10


def test_a_packet_torn_by_a_pause_is_not_filled_up_by_a_later_one() -> None:
    session = Df2Session(SessionOptions(port="bed-3"))
    other = packet(f3="01 80 01 5A DC")
    assert list(session.feed(GOOD[:5], 10.0)) == []
    late = list(session.feed(other[5:] + other, 10.0 + PACKET_MAX_S + 0.01))
    assert rejected(late) == [Rejected("timeout", GOOD[:5])]
    assert [observation.readings[0].value for observation in observations(late)] == [90]


def test_a_packet_may_last_as_long_as_the_bound() -> None:
    session = Df2Session(SessionOptions(port="bed-3"))
    assert list(session.feed(GOOD[:60], 0.0)) == []
    assert len(observations(session.feed(GOOD[60:], PACKET_MAX_S))) == 1
