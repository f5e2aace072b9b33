"""The driver of Nonin's ASCII real-time output, case by case, from literal lines."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.model import (
    DeviceIdentified,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    SessionOptions,
    Validity,
)
from drivers.nonin import NoninAsciiSession


def listen(*lines: str) -> list[Output]:
    session = NoninAsciiSession(SessionOptions(port="bed-3"))
    return [output for line in lines for output in session.feed(line.encode() + b"\r\n", 5.0)]


def observation(line: str) -> Observation:
    (said,) = (output for output in listen(line) if isinstance(output, Observation))
    return said


def test_a_line_brings_who_it_is_and_its_values_and_never_an_alarm_set() -> None:
    told = Observation(
        "bed-3",
        "0",
        5.0,
        (
            Reading(Quantity.SPO2, Decimal(97), "%", origin="SPO2"),
            Reading(Quantity.PULSE_RATE, Decimal(72), "/min", origin="SPO2"),
        ),
    )
    assert listen("SPO2=097 HR=072", "SPO2=097 HR=072") == [
        DeviceIdentified("bed-3", "0", 5.0, serial_number="", model="Nonin"),
        told,
        told,
    ]


@pytest.mark.parametrize(
    ("line", "values", "device_time", "note"),
    [
        ("SPO2=097 HR=072", (97, 72), "", ""),
        ("10:42:07 SPO2=097 HR=072", (97, 72), "10:42:07", ""),
        ("SPO2=100 HR=200", (100, 200), "", ""),
        ("SPO2= 97 HR= 72", (97, 72), "", ""),
        ("SPO2=097 HR=072 F", (97, 72), "", "fast response"),
        ("SPO2=097 HR=072*", (97, 72), "", "event marked"),
        ("SPO2=097 HR=072 *", (97, 72), "", "event marked"),
        ("23:59:59 SPO2=097 HR=072B", (97, 72), "23:59:59", "breath"),
        ("SPO2=097 HR=072 F*", (97, 72), "", "fast response; event marked"),
        ("SPO2=097 HR=072 ", (97, 72), "", ""),
    ],
)
def test_every_form_of_the_line(line: str, values: tuple[int, int], device_time: str, note: str) -> None:
    said = observation(line)
    assert [reading.value for reading in said.readings] == [Decimal(value) for value in values]
    assert said.device_time == device_time
    assert {(reading.validity, reading.note) for reading in said.readings} == {(Validity.VALID, note)}


@pytest.mark.parametrize(
    "line", ["SPO2=--- HR=---", "10:42:07 SPO2=--- HR=--- F", "SPO2=000 HR=000", "SPO2=  0 HR=  0"]
)
def test_dashes_and_zeros_are_no_value(line: str) -> None:
    for reading in observation(line).readings:
        assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)


def test_one_value_may_be_missing_alone() -> None:
    saturation, pulse = observation("SPO2=--- HR=072").readings
    assert (saturation.validity, pulse.value) == (Validity.NOT_AVAILABLE, Decimal(72))


@pytest.mark.parametrize("line", ["SPO2=101 HR=072", "SPO2=009 HR=072", "SPO2=097 HR=351", "SPO2=097 HR=009"])
def test_an_impossible_value_is_invalid(line: str) -> None:
    assert [reading.validity for reading in observation(line).readings].count(Validity.INVALID) == 1


@pytest.mark.parametrize(
    "line",
    [
        "SPO2=97 HR=072",
        "SPO2=097 HR=72",
        "SPO2=0970 HR=072",
        "SPO2=097 HR=0720",
        "SPO2=97  HR=072",
        "SPO2=09- HR=072",
        "SPO2=0 7 HR=072",
        "SPO2=097",
        "HR=072",
        "PO2=097 HR=072",
        "SPO2=097HR=072",
        "HR=072 SPO2=097",
        "SPO2=097 HR=072 G",
        "SPO2=097 HR=072 F F F F",
        "24:42:07 SPO2=097 HR=072",
        "2:07 SPO2=097 HR=072",
        "SPO2=097 HSPO2=097 HR=072",
        "SPO2=097 HR=072SPO2=097 HR=072",
    ],
)
def test_a_line_that_shows_damage_is_refused_whole(line: str) -> None:
    assert listen(line, "SPO2=098 HR=060") == [Rejected("syntax", line.encode()), *listen("SPO2=098 HR=060")]


def test_the_header_at_power_up_is_harmless() -> None:
    assert listen("NONIN 9600 10/04/18 10:42:06") == [Rejected("unknown_line", b"NONIN 9600 10/04/18 10:42:06")]
