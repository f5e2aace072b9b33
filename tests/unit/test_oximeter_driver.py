"""What the oximeters share: lines, the two numbers, who speaks, and that nothing is ever sent."""

from __future__ import annotations

import ast
import inspect
from decimal import Decimal
from types import ModuleType

import pytest

import drivers.masimo_ascii
import drivers.nellcor_ascii
import drivers.nonin
import drivers.nonin_df2
import drivers.oximeter
from drivers.model import (
    DeviceKind,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Quantity,
    Reading,
    Rejected,
    SessionOptions,
    Validity,
)
from drivers.oximeter import LINE_MAX_S, MAX_LINE_BYTES, LineFramer, numbers

MODULES = (drivers.masimo_ascii, drivers.nellcor_ascii, drivers.nonin, drivers.nonin_df2)
DRIVERS = [module.DRIVER for module in MODULES]


def cut(*pieces: bytes, now_s: float = 5.0) -> list[str | Rejected]:
    framer = LineFramer()
    return [found for piece in pieces for found in framer.feed(piece, now_s)]


# Listen only


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_an_oximeter_is_listened_to_only(driver: Driver) -> None:
    assert driver.listen_only
    assert driver.kind is DeviceKind.MONITOR
    assert driver.line == LineSettings(9600, 8, "N", 1)
    assert driver.nibp_time is NibpTime.NOT_MEASURED
    assert driver.channel_pattern == "0"


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_a_session_asks_nothing_and_waits_for_nothing(driver: Driver) -> None:
    session = driver.session(SessionOptions(port="bed-3"))
    assert list(session.start(1.0)) == []
    assert session.deadline_s is None
    assert list(session.tick(2.0)) == []


@pytest.mark.parametrize("module", [drivers.oximeter, *MODULES], ids=lambda module: module.__name__)
def test_no_module_of_the_oximeters_can_name_a_request(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    imported = {node.name for node in ast.walk(tree) if isinstance(node, ast.alias)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "Rejected" in imported
    assert imported.isdisjoint({"*", "Send", "drivers.model", "importlib", "builtins"})
    assert used.isdisjoint({"Send", "getattr", "globals", "vars", "eval", "exec", "__import__"})


@pytest.mark.parametrize(
    ("driver", "identity", "integrity", "freshness", "experimental", "round_s"),
    [
        (drivers.masimo_ascii.DRIVER, IdentitySupport.SERIAL_NUMBER, Integrity.NONE, "time", False, 1.0),
        (drivers.nellcor_ascii.DRIVER, IdentitySupport.PORT_ONLY, Integrity.NONE, "time", False, 2.0),
        (drivers.nonin.DRIVER, IdentitySupport.PORT_ONLY, Integrity.NONE, "", True, 1.0),
        (drivers.nonin_df2.DRIVER, IdentitySupport.PORT_ONLY, Integrity.CHECKSUM, "", True, 1 / 3),
    ],
    ids=lambda value: value.name if isinstance(value, Driver) else "",
)
def test_a_driver_says_what_its_device_can_do(
    driver: Driver,
    *,
    identity: IdentitySupport,
    integrity: Integrity,
    freshness: str,
    experimental: bool,
    round_s: float,
) -> None:
    assert (driver.identity, driver.integrity) == (identity, integrity)
    assert (driver.freshness, driver.experimental) == (freshness, experimental)
    assert driver.session(SessionOptions(port="x")).round_s == round_s


def test_the_names_are_those_of_the_registry() -> None:
    assert [driver.name for driver in DRIVERS] == ["masimo-ascii", "nellcor-ascii", "nonin-ascii", "nonin-df2"]


# Lines


def test_lines_end_with_cr_lf_and_blank_ones_are_nothing() -> None:
    assert cut(b"one\r\n\r\ntwo \r\nthr") == ["one", "two "]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_cut_anywhere_changes_nothing(size: int) -> None:
    data = b"tail\r\none\r\n\x00\r\n" + b"x" * 600 + b"\r\ntwo\r\n"
    assert cut(*(data[at : at + size] for at in range(0, len(data), size))) == cut(data)


@pytest.mark.parametrize(
    "line", [b"one\n", b"\n", b"o\rne\r\n", b"one\x00\r\n", b"\tone\r\n", b"on\x80\r\n", b"on\x7f\r\n"]
)
def test_a_line_that_shows_damage_is_refused(line: bytes) -> None:
    assert cut(line + b"two\r\n") == [Rejected("syntax", line[:-1]), "two"]


def test_a_lost_line_feed_costs_both_lines_and_not_the_third() -> None:
    assert cut(b"one\rtwo\r\nthree\r\n") == [Rejected("syntax", b"one\rtwo\r"), "three"]


def test_an_excerpt_is_bounded() -> None:
    assert cut(b"\x00" * 100 + b"\r\n") == [Rejected("syntax", b"\x00" * 64)]


def test_the_longest_line_is_taken_and_one_byte_more_is_not() -> None:
    longest = b"x" * (MAX_LINE_BYTES - 1)
    assert cut(longest + b"\r\ntwo\r\n") == [longest.decode(), "two"]
    assert cut(longest + b"x\r\ntwo\r\n") == [Rejected("oversize", b"x" * 64), "two"]


def test_noise_without_end_is_told_by_the_length_and_what_is_held_is_bounded() -> None:
    framer = LineFramer()
    found = framer.feed(b"x" * (MAX_LINE_BYTES * 10), 1.0)
    assert found == [Rejected("oversize", b"x" * 64)] * 9
    assert framer.held_bytes == MAX_LINE_BYTES
    assert framer.feed(b"\r\none\r\n", 1.0) == [Rejected("oversize", b"x" * 64), "one"]


def test_a_line_torn_by_a_pause_is_not_ended_by_a_later_one() -> None:
    framer = LineFramer()
    assert framer.feed(b"SPO2=0", 10.0) == []
    late = framer.feed(b"97 HR=060\r\nSPO2=097 HR=060\r\n", 10.0 + LINE_MAX_S + 0.01)
    assert late == [Rejected("timeout", b"SPO2=0"), "97 HR=060", "SPO2=097 HR=060"]


def test_a_line_may_last_as_long_as_the_bound() -> None:
    framer = LineFramer()
    assert framer.feed(b"on", 0.0) == []
    assert framer.feed(b"e\r\ntw", LINE_MAX_S) == ["one"]
    assert framer.feed(b"o\r\n", 2 * LINE_MAX_S) == ["two"]


# Numbers


def spo2(text: str, **said: list[str]) -> Reading:
    return numbers(text, "080", **said)[0]


def test_the_two_numbers_have_their_units_and_their_source() -> None:
    assert numbers("097", "080") == (
        Reading(Quantity.SPO2, Decimal(97), "%", Decimal(1), Validity.VALID, "SPO2", ""),
        Reading(Quantity.PULSE_RATE, Decimal(80), "/min", Decimal(1), Validity.VALID, "SPO2", ""),
    )


@pytest.mark.parametrize("text", ["---", "-", "--.-", "+--"])
def test_dashes_are_no_value(text: str) -> None:
    assert spo2(text) == Reading(Quantity.SPO2, None, "%", validity=Validity.NOT_AVAILABLE, origin="SPO2")


@pytest.mark.parametrize("said", [{}, {"lost": ["sensor off"]}, {"doubts": ["low perfusion"]}])
def test_zero_is_no_value(said: dict[str, list[str]]) -> None:
    for reading in numbers("000", "000", **said):
        assert (reading.value, reading.validity) == (None, Validity.NOT_AVAILABLE)
        assert reading.note.startswith("said 000")


@pytest.mark.parametrize("text", ["", "97", "0097", "09A", "-97", "9.7", "1e1", "+97", "٠٩٧"])
def test_what_is_no_number_of_three_digits_is_invalid(text: str) -> None:
    reading = spo2(text)
    assert (reading.value, reading.validity, reading.note) == (None, Validity.INVALID, f"not a number: {text}")


@pytest.mark.parametrize(("text", "valid"), [("009", False), ("010", True), ("100", True), ("101", False)])
def test_the_range_of_saturation(text: str, valid: bool) -> None:
    reading = numbers(text, "080")[0]
    assert reading.value == (Decimal(text) if valid else None)
    assert reading.validity is (Validity.VALID if valid else Validity.INVALID)


@pytest.mark.parametrize(("text", "valid"), [("009", False), ("010", True), ("350", True), ("351", False)])
def test_the_range_of_pulse_rate(text: str, valid: bool) -> None:
    reading = numbers("097", text)[1]
    assert reading.value == (Decimal(text) if valid else None)
    assert reading.note == ("" if valid else f"out of range: {text}")


def test_a_number_without_a_signal_is_invalid_and_says_why() -> None:
    reading = spo2("097", lost=["sensor off"], doubts=["interference"], notes=["event marked"])
    assert (reading.value, reading.validity) == (None, Validity.INVALID)
    assert reading.note == "097 without a signal; sensor off; interference; event marked"


def test_a_number_with_a_doubtful_signal_is_questionable_and_says_why() -> None:
    reading = spo2("097", doubts=["interference", "low perfusion"])
    assert (reading.value, reading.validity) == (Decimal(97), Validity.QUESTIONABLE)
    assert reading.note == "interference; low perfusion"
