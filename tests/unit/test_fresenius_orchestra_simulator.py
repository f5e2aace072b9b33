"""The simulated Orchestra base, held against frames of a published conversation; sums are reckoned here anew."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.fresenius_orchestra import (
    ALONE,
    MAX_EXCERPT_BYTES,
    MAX_FORBIDDEN,
    MAX_PENDING_ANSWERS,
    MAX_RECORDS,
    OrchestraBase,
    OrchestraOptions,
    running_base,
)
from simulators.fresenius_orchestra_station import MAX_TEXT_CHARS
from simulators.fresenius_orchestra_wire import BAUD, DATA_BITS, MAX_FRAME_CHARS, PARITY, STOP_BITS, LinkError
from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm, Therapy

ACK, DC4, ENQ = b"\x06", b"\x14", b"\x05"
NEVER_ASKS = OrchestraOptions(enquiry_interval_s=None)
CONTROL = ["MO", "PR", "PO", "PB", "PF", "PV", "RV", "PP", "PS", "RZ", "OF", "EP", "EN", "AP", "SI"]


def frame(body: str) -> bytes:
    return b"\x02%b%02X\x03" % (body.encode(), (-1 - sum(body.encode())) % 256)


def ask(line: OrchestraBase, body: str, now_s: float) -> str:
    """Ask, acknowledge, and return the answer's text, or ``NAK`` with its digit."""
    said = line.feed(frame(body), now_s)
    if said[:1] == b"\x15":
        return "NAK" + said[1:].decode()
    assert said[:2] == b"\x06\x02"
    assert said[1:] == frame(said[2:-3].decode())
    assert line.feed(ACK, now_s) == b""
    return said[2:-3].decode()


def opened(
    rates: Mapping[str, str] | None = None, options: OrchestraOptions = NEVER_ASKS, at_s: float = 0.0
) -> OrchestraBase:
    """A base from 0 s with its sessions open, ready to answer from 1 s on."""
    rates = rates or {"1": "12.5"}
    line = running_base(0.0, {address: Decimal(rate) for address, rate in rates.items()}, options)
    line.start(at_s)
    assert ask(line, "0DC", at_s) == "0C"
    for address in rates:
        assert ask(line, f"{address}DC", at_s + 1.0) == f"{address}C"
    return line


def test_the_line_settings() -> None:
    assert (BAUD, DATA_BITS, PARITY, STOP_BITS) == (19_200, 7, "E", 1)


def test_the_published_conversation_byte_for_byte() -> None:
    """15.000 mL is 12.5 mL/h for 4320 s."""
    line = running_base(0.0, {"1": Decimal("12.5"), "2": Decimal("3.0")})
    line.start(0.0)
    assert line.feed(bytes.fromhex("02 30 44 43 34 38 03"), 4317.0) == bytes.fromhex("06 02 30 43 38 43 03")
    assert line.feed(ACK, 4317.0) == b""
    said = line.feed(bytes.fromhex("02 30 4c 45 3b 62 41 31 03"), 4318.0)
    assert said == bytes.fromhex("06 02 30 43 3b 62 30 33 38 43 03")
    assert ask(line, "1DC", 4318.0) == "1C"
    said = line.feed(bytes.fromhex("02 31 4c 45 3b 64 39 45 03"), 4319.0)
    assert said == bytes.fromhex("06 02 31 43 3b 64 30 30 37 44 31 31 03")
    assert line.feed(ACK, 4319.0) == b""
    said = line.feed(bytes.fromhex("02 31 4c 45 3b 72 39 30 03"), 4320.0)
    assert said == bytes.fromhex("06 02 31 43 3b 72 30 30 30 30 33 41 39 38 33 39 03")
    assert line.forbidden == []


def test_several_letters_are_answered_in_the_order_of_the_asking() -> None:
    line = opened()
    assert ask(line, "1LE;dr", 288.0) == "1C;d007D;r000003E8"
    assert ask(line, "1LE;rd", 288.0) == "1C;r000003E8;d007D"
    assert ask(line, "1LE;aemdrks", 288.0) == "1C;a0000;e00;m01;d007D;r000003E8;k07D0;s00000000"
    assert ask(line, "0LE;aemib", 288.0) == "0C;a0000;e00;m01;i01;b01"


@pytest.mark.parametrize(
    ("rate", "word"),
    [("0.1", "0001"), ("99.9", "03E7"), ("1800", "4650"), ("0.05", "0000"), ("0.15", "0002")],
)
def test_the_rate_is_in_tenths(rate: str, word: str) -> None:
    assert ask(opened({"1": rate}), "1LE;d", 2.0) == f"1C;d{word}"


def test_rate_and_volume_follow_the_pump_and_the_volume_is_never_rounded_up() -> None:
    line = opened({"3": "3.6"})  # a microlitre a second
    pump = line.pump("3")
    assert ask(line, "3LE;r", 9.9995) == "3C;r00000009"
    pump.set_rate(10.0, Decimal("7.2"))
    assert ask(line, "3LE;dr", 11.0) == "3C;d0048;r0000000C"
    pump.bolus(11.0, Decimal("0.500"))
    assert ask(line, "3LE;dks", 12.0) == "3C;d0048;k07D0;s00000000"
    assert ask(line, "3LE;s", 30.0) == "3C;s000001F4"
    pump.stop(30.0)
    assert ask(line, "3LE;d", 30.0) == "3C;d0000"
    pump.clear_volume(30.0)
    assert ask(line, "3LE;r", 30.0) == "3C;r00000000"


def test_an_alarm_is_a_bit_that_comes_and_goes() -> None:
    line = opened()
    pump = line.pump("1")
    pump.raise_alarm(2.0, PumpAlarm.OCCLUSION)
    pump.raise_alarm(2.0, PumpAlarm.BATTERY_EMPTY)
    assert ask(line, "1LE;ad", 2.0) == "1C;a0801;d0000"
    pump.acknowledge(2.0)
    assert ask(line, "1LE;a", 2.0) == "1C;a0801"
    pump.clear_alarm(3.0, PumpAlarm.BATTERY_EMPTY)
    pump.clear_alarm(3.0, PumpAlarm.OCCLUSION)
    assert ask(line, "1LE;a", 3.0) == "1C;a0000"


def test_kinds_names_and_identifiers() -> None:
    line = opened()
    assert ask(line, "0LF;b", 2.0) == "0C;b0A"
    assert ask(line, "1LF;b", 2.0) == "1C;b50"
    assert ask(line, "1LN", 2.0) == "1C;DPS-1"
    assert ask(line, "0LN", 2.0) == "0C;BASE-A"
    assert ask(line, "1LP", 2.0) == "1C;KETAMINE"
    line.pump("1").set_therapy(2.0, Therapy())
    assert ask(line, "1LP", 2.0) == "1C"
    line.pump("1").set_therapy(2.0, Therapy(drug="S;KÉT~" + "x" * MAX_TEXT_CHARS))
    assert ask(line, "1LP", 2.0) == "1C;S?K?T?" + "x" * (MAX_TEXT_CHARS - 6)


def test_a_module_that_knows_less_refuses_the_rest() -> None:
    line = opened(options=OrchestraOptions(module_letters="da"))
    assert ask(line, "1LE;ad", 2.0) == "1C;a0000;d007D"
    assert ask(line, "1LE;adr", 2.0) == "1I;0A"


def test_a_base_primea_has_no_drug_names() -> None:
    line = opened(options=OrchestraOptions(tells_drug_name=False))
    assert ask(line, "1LP", 2.0) == "1I;01"
    assert ask(opened(), "0LP", 2.0) == "0I;01"
    assert line.forbidden == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("1LE", "04"),
        ("1LE;", "04"),
        ("1DC;x", "04"),
        ("1LP;x", "04"),
        ("1FC;x", "04"),
        ("1LF", "04"),
        ("1DE", "04"),
        ("1le;d", "04"),
        ("1LE;b", "0A"),
        ("0LE;d", "0A"),
        ("1LF;c", "0A"),
        ("1LM;d", "0A"),
        ("1LE;D", "0B"),
        ("1LE;d;r", "0B"),
        ("1LE;" + "d" * 30, "0C"),
        ("2LE;d", "0E"),
        ("2DC", "0E"),
        ("1XX", "01"),
        ("1E;d", "01"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_code(body: str, code: str) -> None:
    line = opened()
    assert ask(line, body, 2.0) == f"{body[0]}I;{code}"
    assert ask(line, "1LE;d", 2.0) == "1C;d007D"


@pytest.mark.parametrize("command", CONTROL)
@pytest.mark.parametrize("rest", ["", ";2", ";d", ";007D", ";1;x"])
def test_a_command_is_forbidden_and_changes_nothing(command: str, rest: str) -> None:
    line, untouched = opened(), opened()
    assert ask(line, f"1{command}{rest}", 2.0) == ("1I;05" if command == "MO" else "1I;02")
    assert line.forbidden == [frame(f"1{command}{rest}")]
    assert line.pump("1").snapshot(2.0) == untouched.pump("1").snapshot(2.0)


@pytest.mark.parametrize(
    "body",
    ["0DC", "0FC", "1LE;ad", "1DE;dr", "1AE", "1LM", "1LM;d", "1DM;d", "1AM", "1LF;b", "1LP", "1LN", "1E", "1M", "DC"],
)
def test_what_only_reads_is_not_forbidden(body: str) -> None:
    line = opened()
    line.feed(frame(body) + ACK + DC4 + b"\x152", 2.0)
    assert line.forbidden == []
    assert [record.data for record in line.records][-4:] == [frame(body), ACK, DC4, b"\x152"]


@pytest.mark.parametrize(
    ("data", "digit"),
    [
        (b"\x021LE;d9F\x03", b"2"),
        (b"\x021LE;d9e\x03", b"2"),
        (b"\x02LE;d9E\x03", b"2"),
        (frame("LE;d"), b"4"),
        (frame("9LE;d"), b"4"),
        (b"\x029E\x03", b"7"),
        (b"\x02\x03", b"7"),
        (frame("1LE;" + "d" * 75), b"7"),
        (b"\x021LE\x05;d9E\x03", b"8"),
        (frame("1LE;~"), b"1"),
        (b"\x021LE;\xe49E\x03", b"1"),
    ],
)
def test_a_bad_frame_is_not_acknowledged_but_told_why(data: bytes, digit: bytes) -> None:
    """The check of ``1LE;d`` is 9E."""
    line = opened()
    assert line.feed(data, 2.0) == b"\x15" + digit
    assert ask(line, "1LE;d", 2.0) == "1C;d007D"


def test_the_longest_frame_is_taken_and_the_next_longer_is_not() -> None:
    line = opened()
    assert len(frame("1LE;" + "d" * 74)) == MAX_FRAME_CHARS + 2
    assert ask(line, "1LE;" + "d" * 74, 2.0) == "1I;0C"
    assert ask(line, "1LE;" + "d" * 75, 2.0) == "NAK7"


def test_noise_and_broken_frames_are_recorded_and_not_answered() -> None:
    line = opened()
    assert line.feed(b"\x021LE;" + frame("1LE;d") + b"hello\x15", 2.0) == ACK + frame("1C;d007D")
    assert line.feed(b"x" + ACK, 2.0) == b""
    assert line.forbidden == [b"\x021LE;", b"hello", b"\x15", b"x"]


def test_an_endless_frame_is_told_once_and_does_not_fill_the_memory() -> None:
    line = opened()
    said = b"".join(line.feed(byte, 2.0) for byte in [b"\x02"] + [b"d"] * 5000)
    assert said == b"\x157"
    assert len(line.forbidden) == MAX_FORBIDDEN
    assert all(len(data) <= MAX_EXCERPT_BYTES for data in line.forbidden)
    assert len(line.records) == MAX_RECORDS
    assert line.forbidden_count == 5000 - MAX_FRAME_CHARS


def test_the_base_comes_first_and_is_not_ready_for_a_second() -> None:
    line = running_base(0.0, {"1": Decimal("12.5")})
    line.start(0.0)
    assert ask(line, "0LE;b", 0.0) == "0I;0D"
    assert ask(line, "1DC", 0.0) == "1I;0D"
    assert ask(line, "0DC", 10.0) == "0C"
    assert ask(line, "0LE;b", 10.999) == "NAK6"
    assert ask(line, "0DC", 10.999) == "0C"
    assert ask(line, "0LE;b", 11.0) == "0C;b01"
    assert ask(line, "1LE;d", 11.0) == "1I;1E"
    assert ask(line, "1DC", 11.0) == "1C"
    assert ask(line, "1DC", 11.0) == "1C"
    assert ask(line, "1LE;d", 11.0) == "1C;d007D"


def test_a_session_ends_when_it_is_closed_and_that_of_the_base_ends_all() -> None:
    line = opened({"1": "12.5", "2": "3.0"})
    assert ask(line, "1FC", 2.0) == "1C"
    assert ask(line, "1FC", 2.0) == "1I;1E"
    assert ask(line, "1LE;d", 2.0) == "1I;1E"
    assert ask(line, "2LE;d", 2.0) == "2C;d001E"
    assert ask(line, "0FC", 3.0) == "0C"
    assert line.deadline_s is None
    assert ask(line, "2LE;d", 3.0) == "2I;0D"
    assert ask(line, "0DC", 4.0) == "0C"
    assert ask(line, "2LE;d", 5.0) == "2I;1E"


def test_modules_are_plugged_and_unplugged() -> None:
    line = opened({"1": "12.5", "5": "3.0"})
    assert ask(line, "0LE;ib", 2.0) == "0C;i02;b11"
    pump = line.remove("5")
    assert ask(line, "0LE;ib", 2.0) == "0C;i01;b01"
    assert ask(line, "5LE;d", 2.0) == "5I;0E"
    line.insert("8", pump)
    assert ask(line, "0LE;ib", 2.0) == "0C;i02;b81"
    assert ask(line, "8LE;d", 2.0) == "8I;1E"
    assert ask(line, "8DC", 2.0) == "8C"
    assert ask(line, "8LE;d", 2.0) == "8C;d001E"
    for address in ("8", "9", "0", "", "12"):
        with pytest.raises(ValueError, match="position"):
            line.insert(address, pump)
    with pytest.raises(KeyError):
        line.remove("7")
    with pytest.raises(KeyError):
        line.pump("0")


def test_a_module_that_is_off_is_not_there_and_has_lost_its_session() -> None:
    line = opened()
    line.pump("1").power_off(2.0)
    assert ask(line, "0LE;b", 2.0) == "0C;b00"
    assert ask(line, "1LE;d", 2.0) == "1I;0E"
    line.pump("1").power_on(3.0)
    assert ask(line, "0LE;b", 3.0) == "0C;b01"
    assert ask(line, "1LE;d", 3.0) == "1I;1E"


def test_a_pump_without_a_base_has_no_address() -> None:
    line = running_base(0.0, {ALONE: Decimal("12.5")}, NEVER_ASKS)
    pump = line.pump(ALONE)
    line.start(0.0)
    assert ask(line, "LE;d", 1.0) == "I;1E"
    assert ask(line, "DC", 1.0) == "C"
    assert ask(line, "LE;d", 1.0) == "C;d007D"
    assert ask(line, "1LE;d", 1.0) == "NAK4"
    pump.power_off(2.0)
    assert line.feed(frame("LE;d"), 2.0) == b""
    with pytest.raises(ValueError, match="unplugged"):
        line.remove(ALONE)
    with pytest.raises(ValueError, match="position"):
        line.insert("1", pump)
    with pytest.raises(ValueError, match="others beside"):
        OrchestraBase({ALONE: pump, "1": pump})


def test_power_on_forgets_sessions_and_what_was_half_said() -> None:
    line = opened()
    line.answer_delay_s = 5.0
    assert line.feed(frame("1LE;d") + b"\x021LE", 2.0) == ACK
    assert line.start(3.0) == b""
    assert line.deadline_s is None
    line.answer_delay_s = 0.0
    assert line.feed(b";d9E\x03", 3.0) == b""
    assert ask(line, "1LE;d", 3.0) == "1I;0D"


def test_each_second_the_host_is_asked_until_it_answers() -> None:
    line = opened(options=OrchestraOptions(enquiry_interval_s=3.0))
    said = {}
    for second in range(2, 6):
        assert line.deadline_s == second
        said[second] = line.tick(float(second))
    assert said == {2: b"", 3: ENQ, 4: ENQ, 5: ENQ}
    assert line.feed(DC4, 5.1) == b""
    assert line.tick(6.0) == ENQ  # the next of its own interval
    assert line.feed(DC4, 6.0) == b""
    assert [line.tick(float(second)) for second in range(7, 10)] == [b"", b"", ENQ]
    assert line.forbidden == []


def test_a_host_that_polls_and_never_answers_enq_loses_its_sessions() -> None:
    line = opened(options=OrchestraOptions(enquiry_interval_s=3.0))
    for second in range(2, 13):
        line.tick(float(second))
        assert ask(line, "1LE;d", float(second)) == "1C;d007D"
    assert line.tick(13.0) == b""  # ten seconds after the first ENQ
    assert line.deadline_s is None
    assert ask(line, "1LE;d", 13.0) == "1I;0D"


def test_without_the_interval_nobody_is_asked() -> None:
    line = opened()
    assert [line.tick(float(second)) for second in range(1, 100)] == [b""] * 99


def test_a_change_is_told_unasked_and_again_until_it_is_confirmed() -> None:
    line = opened()
    pump = line.pump("1")
    assert ask(line, "1DE;da", 1.0) == "1C"
    assert line.tick(2.0) == b""
    pump.set_rate(2.5, Decimal("20.0"))
    assert line.tick(3.0) == frame("1E;d00C8")
    assert line.feed(ACK, 3.0) == b""
    pump.set_rate(3.5, Decimal("30.0"))
    assert line.tick(4.0) == frame("1E;d00C8")
    assert line.feed(ACK + frame("1E"), 4.1) == ACK
    pump.raise_alarm(4.5, PumpAlarm.OCCLUSION)
    assert line.tick(5.0) == frame("1E;d0000;a0001")
    assert line.feed(ACK + frame("1E"), 5.1) == ACK
    assert [line.tick(float(second)) for second in range(6, 30)] == [b""] * 24
    assert line.forbidden == []


def test_sending_ends_when_it_is_switched_off() -> None:
    line = opened()
    assert ask(line, "1DE;d", 1.0) == "1C"
    line.pump("1").set_rate(1.0, Decimal("20.0"))
    assert ask(line, "1AE", 1.5) == "1C"
    assert line.tick(2.0) == b""


def test_changes_that_nobody_confirms_end_the_session_of_the_module_alone() -> None:
    line = opened({"1": "12.5", "2": "3.0"})
    assert ask(line, "1DE;d", 1.0) == "1C"
    line.pump("1").set_rate(1.0, Decimal("20.0"))
    said = b""
    for second in range(2, 15):
        said += line.tick(float(second))
        line.feed(ACK, float(second))
    assert said == frame("1E;d00C8") * 10
    assert ask(line, "1LE;d", 15.0) == "1I;1E"
    assert ask(line, "2LE;d", 15.0) == "2C;d001E"


def test_the_base_tells_that_a_module_was_plugged() -> None:
    line = opened()
    assert ask(line, "0DE;b", 1.0) == "0C"
    line.insert("4", PumpModel())
    assert line.tick(2.0) == frame("0E;b09")


def test_adjustables_are_read_and_told_as_they_are_set() -> None:
    line = opened()
    assert ask(line, "1LM", 1.0) == "1C"
    line.set_adjustable("1", "v", "0010")
    line.set_adjustable("1", "d", "007D")
    assert ask(line, "1LM", 1.0) == "1C;d007D;v0010"
    assert ask(line, "1LM;v", 1.0) == "1C;v0010"
    assert ask(line, "1DM;v", 1.0) == "1C"
    line.set_adjustable("1", "v", "0020")
    assert line.tick(2.0) == frame("1M;v0020")
    assert line.feed(ACK + frame("1M"), 2.0) == ACK
    line.set_adjustable("1", "v", None)
    assert line.tick(3.0) == b""
    assert ask(line, "1AM", 3.0) == "1C"
    assert ask(line, "1LM;v", 3.0) == "1I;0A"


def test_a_host_that_owes_an_ack_is_told() -> None:
    line = opened()
    assert line.tick(1.0) == b""
    assert line.feed(frame("1LE;d"), 1.0) == ACK + frame("1C;d007D")
    assert line.tick(2.0) == b"\x155"
    assert line.tick(3.0) == b""


def test_a_host_that_refuses_an_answer_gets_it_once_more() -> None:
    line = opened()
    line.feed(frame("1LE;d"), 1.0)
    line.pump("1").set_rate(1.0, Decimal("20.0"))
    assert line.feed(b"\x15", 1.1) == b""
    assert line.feed(b"2", 1.1) == frame("1C;d007D")
    assert line.feed(b"\x152", 1.2) == b""
    assert line.feed(ACK + b"\x152", 1.3) == b""
    assert line.forbidden == []


def test_a_late_answer_keeps_its_turn_and_its_value() -> None:
    line = opened()
    line.answer_delay_s = 2.5
    assert line.feed(frame("1LE;d"), 1.0) == ACK
    line.pump("1").set_rate(1.0, Decimal("20.0"))
    line.answer_delay_s = 0.0
    assert line.feed(frame("1LE;d"), 3.0) == ACK
    assert line.deadline_s == 3.5
    assert line.tick(3.4) == b""
    assert line.tick(3.5) == frame("1C;d007D") + frame("1C;d00C8")


def test_the_queue_of_late_answers_is_bounded() -> None:
    line = opened()
    line.answer_delay_s = 100.0
    line.feed(frame("1LE;d") * (MAX_PENDING_ANSWERS + 1), 1.0)
    assert line.dropped_answers == 1
    line.feed(ACK, 1.0)
    assert line.tick(101.0).count(frame("1C;d007D")) == MAX_PENDING_ANSWERS


def test_a_base_that_is_busy_or_mute_or_garbles_once() -> None:
    line = opened()
    line.busy = True
    assert ask(line, "1LE;d", 1.0) == "NAK6"
    line.busy = False
    line.spoil_next(LinkError.CHARACTER)
    assert ask(line, "1LE;d", 1.0) == "NAK1"
    line.mute = True
    assert line.feed(frame("1LE;d"), 1.0) == b""
    assert line.tick(1.0) == b""
    assert line.deadline_s == 2.0
    line.mute = False
    assert ask(line, "1LE;d", 1.0) == "1C;d007D"
    assert line.forbidden == []


def test_values_and_refusals_can_be_set() -> None:
    line = opened()
    line.override("1", "d", "XYZ")
    line.override("1", "q", "")
    assert ask(line, "1LE;dq", 1.0) == "1C;dXYZ;q"
    line.override("1", "d", None)
    assert ask(line, "1LE;d", 1.0) == "1C;d007D"
    line.refuse("1", "LE", "12")
    assert ask(line, "1LE;d", 1.0) == "1I;12"
    line.refuse("1", "LE", None)
    assert ask(line, "1LE;d", 1.0) == "1C;d007D"


@pytest.mark.parametrize("text", ["a;b", "a~", "\x03", "É", "x" * (MAX_TEXT_CHARS + 1)])
def test_what_would_break_a_frame_is_refused(text: str) -> None:
    line = opened()
    with pytest.raises(ValueError, match="frame"):
        line.override("1", "d", text)
    with pytest.raises(ValueError, match="frame"):
        OrchestraOptions(base_id=text)
    with pytest.raises(ValueError, match="letter"):
        line.set_adjustable("1", "D", "0")


def test_a_pump_that_was_not_started_has_no_flow() -> None:
    line = running_base(0.0, {"1": Decimal("12.5")}, started=False)
    assert line.pump("1").snapshot(0.0).rate_ml_per_h == Decimal("12.5")
    assert not line.pump("1").snapshot(0.0).started
    with pytest.raises(ValueError, match="rate"):
        running_base(0.0, {"1": Decimal(-1)})


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_are_survived_and_answered_alike_in_any_cut(data: bytes, places: list[int]) -> None:
    whole, cut = opened(), opened()
    said = whole.feed(data + ACK, 1.5)
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    parts = [data[start:end] for start, end in pairwise(edges)]
    answers = b"".join(cut.feed(part, 1.5) for part in [*parts, ACK])
    if len(data) <= MAX_FRAME_CHARS:
        assert answers == said
    assert ask(whole, "0DC", 1.5) == "0C"
