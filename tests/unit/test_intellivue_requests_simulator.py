"""The bytes of the simulated IntelliVue monitor, and what it hears that is no documented request."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import intellivue_wire
from simulators.intellivue_requests import Action, HostSaid
from simulators.intellivue_values import Special, bcd_time, float_type, read_attribute_list
from simulators.intellivue_wire import MAX_EXCERPT_BYTES, MAX_HOST_FRAME_BYTES, fcs, frame
from tests.unit.intellivue_simulator_talk import (
    ASSOCIATE,
    CREATE_RESULT,
    NUMERIC,
    RELEASE,
    RELEASED,
    connected,
    one,
    operation,
    plain,
    poll,
    powered_on,
    residue,
    result,
    wired,
)


def test_the_check_sum_is_the_sheets() -> None:
    assert fcs(b"123456789") == b"\x6e\x90"
    assert fcs(b"\x3a\x71") == b"\x9b\x26"
    assert fcs(b"\x3a\x91") == b"\x95\xc1"
    assert residue(b"\x3a\x91\x95\xc1") == 0xF0B8


def test_length_and_check_sum_are_escaped_too() -> None:
    assert frame(bytes(0x7D)).startswith(b"\xc0\x11\x01\x00\x7d\x5d\x00")
    data = next(bytes([byte]) for byte in range(256) if b"\xc1" in fcs(b"\x11\x01\x00\x01" + bytes([byte])))
    assert b"\x7d\xe1" in frame(data)[-5:]
    assert plain(frame(data)) == [data]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("32.000", "fd007d00"),
        ("32.0", "ff000140"),
        ("320E1", "01000140"),
        ("32E2", "02000020"),
        ("-1", "00ffffff"),
        ("1.5", "ff00000f"),
        ("0", "00000000"),
        ("-0.5", "fffffffb"),
        ("8388605", "007ffffd"),
        ("-8388605", "00800003"),
        ("1E-128", "80000001"),
        ("1E+127", "7f000001"),
    ],
)
def test_numbers_keep_the_digits_they_are_written_with(written: str, sent: str) -> None:
    assert float_type(Decimal(written)).hex() == sent


@pytest.mark.parametrize("written", ["8388606", "-8388606", "1E-129", "1E+128", "NaN", "Infinity"])
def test_numbers_that_do_not_fit_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="FLOAT"):
        float_type(Decimal(written))


@pytest.mark.parametrize(
    ("special", "sent"),
    [
        (Special.NAN, "007fffff"),
        (Special.NOT_AT_THIS_RESOLUTION, "00800000"),
        (Special.PLUS_INFINITY, "007ffffe"),
        (Special.MINUS_INFINITY, "00800002"),
    ],
)
def test_specials(special: Special, sent: str) -> None:
    assert float_type(special).hex() == sent


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "000000",
        "0000 0001",
        "0001 0000",
        "0001 0002 0901",
        "0001 0004 0901 0001",
        "0001 0005 0901 0002 ff",
        "0000 0004 0901 0000",
        "0002 0008 0901 0000 0901 0000",
        "0000 0000 00",
    ],
)
def test_an_attribute_list_must_be_whole(sent: str) -> None:
    assert read_attribute_list(bytes.fromhex(sent)) is None
    assert read_attribute_list(bytes.fromhex("0002 000a 0901 0002 1234 0902 0000")) == {
        0x0901: b"\x12\x34",
        0x0902: b"",
    }


def test_times_are_in_bcd() -> None:
    assert bcd_time(1_700_000_035).hex() == "2023111422135500"
    assert bcd_time(946_684_799).hex() == "1999123123595900"


def test_the_line_is_115200_8n1() -> None:
    line = (intellivue_wire.BAUD, intellivue_wire.DATA_BITS, intellivue_wire.PARITY, intellivue_wire.STOP_BITS)
    assert line == (115_200, 8, "N", 1)


SET_WAVES = bytes.fromhex(
    "e1000002 0001 0022 0009 0005 001c 0021 0000 0000 00000000 0001 000e 0000 f23a 0008 0001 0004 0002 0102"
)
ANSWERED = [
    pytest.param(frame(SET_WAVES), "set", "0009 0002 0000", id="set"),
    pytest.param(frame(operation(4, b"")), "set", "0007 0002 0000", id="set without confirmation"),
    pytest.param(poll(NUMERIC, target="002200000000"), "request", "0007 0001 0006 002200000000", id="object"),
    pytest.param(poll(NUMERIC, scope=5), "request", "0007 0010 0004 00000005", id="scope"),
    pytest.param(
        frame(one(poll(NUMERIC)).replace(b"\x0c\x16", b"\x0c\x17")), "request", "0007 0009 0004 0021 0c17", id="action"
    ),
    pytest.param(poll(7), "request", "0007 0000 0002 0007", id="class"),
    pytest.param(poll(NUMERIC, partition=2), "request", "0007 0000 0002 0006", id="partition"),
    pytest.param(poll(NUMERIC, 0x0810), "request", "0007 000f 0000", id="group"),
    pytest.param(
        frame(operation(7, bytes.fromhex("002100000000 00000000 0c16 000c 0001 0001 0006 0000 00000000"))),
        "request",
        "0007 000f 0000",
        id="a single poll with a list",
    ),
    pytest.param(
        frame(operation(7, bytes.fromhex("002100000000 00000000 0c16 0006 0001 0001 0006"))),
        "request",
        "0007 000f 0000",
        id="half a poll",
    ),
    pytest.param(
        frame(operation(7, bytes.fromhex("002100000000 00000000 f13b 0008 0001 0001 0006 0000"))),
        "request",
        "0007 000f 0000",
        id="an extended poll without a list",
    ),
    pytest.param(
        frame(one(poll(NUMERIC, period_s=1)).replace(b"\xf1\x3e", b"\xf1\x3f")),
        "request",
        "0007 000f 0000",
        id="option",
    ),
    pytest.param(
        frame(
            operation(7, bytes.fromhex("002100000000 00000000 f13b 0012 0001 0001 0006 0000 0001 0006 f13e 0002 0001"))
        ),
        "request",
        "0007 000f 0000",
        id="a short time",
    ),
]


@pytest.mark.parametrize(("sent", "reason", "answer"), ANSWERED)
def test_what_must_not_be_is_answered_with_an_error_and_recorded(sent: bytes, reason: str, answer: str) -> None:
    monitor = connected()
    body = bytes.fromhex(answer)
    assert one(monitor.feed(sent, 1.0)) == bytes.fromhex("e1000002 0003") + struct.pack(">H", len(body)) + body
    (violation,) = monitor.violations
    assert (violation.at_s, violation.message.said, violation.message.reason) == (1.0, HostSaid.VIOLATION, reason)
    assert violation.message.raw == sent[1:-1][:MAX_EXCERPT_BYTES]
    assert monitor.violation_count == 1


UNANSWERED = [
    pytest.param(b"noise", "noise", id="noise"),
    pytest.param(b"\xc0\x11\x01\xc0\xc1", "unfinished", id="begun again"),
    pytest.param(b"\xc0" + bytes(MAX_HOST_FRAME_BYTES + 1), "oversize", id="oversize"),
    pytest.param(b"\xc0" + bytes(MAX_HOST_FRAME_BYTES) + b"\xc1", "checksum", id="not quite oversize"),
    pytest.param(b"\xc0\x11\x7d\x7d\x01\xc1", "escape", id="escape"),
    pytest.param(poll(NUMERIC)[:-2] + b"\x00\xc1", "checksum", id="check sum"),
    pytest.param(wired(b"\x11\x01\x00" + fcs(b"\x11\x01\x00")), "length", id="no header"),
    pytest.param(wired(b"\x12\x01\0\0" + fcs(b"\x12\x01\0\0")), "header", id="another protocol"),
    pytest.param(wired(b"\x11\x02\0\0" + fcs(b"\x11\x02\0\0")), "header", id="another message type"),
    pytest.param(wired(b"\x11\x01\0\x01" + fcs(b"\x11\x01\0\x01")), "length", id="frame length"),
    pytest.param(frame(b""), "request", id="nothing"),
    pytest.param(frame(RELEASE[:-1]), "request", id="release cut short"),
    pytest.param(frame(RELEASED), "request", id="release response"),
    pytest.param(frame(b"\xe1\0\0\x03"), "request", id="session"),
    pytest.param(frame(b"\xe1\0\0\x02\0\x01"), "length", id="operation cut short"),
    pytest.param(frame(operation(7, bytes(14)) + b"\0"), "length", id="more than an operation"),
    pytest.param(frame(operation(7, bytes(13))), "length", id="action cut short"),
    pytest.param(frame(one(poll(NUMERIC)).replace(b"\x0c\x16\0\x08", b"\x0c\x16\0\x07")), "length", id="action length"),
    pytest.param(frame(operation(1, bytes(14))), "request", id="event from the host"),
    pytest.param(frame(operation(3, bytes.fromhex("002100000000 00000000 0001 0002 f238"))), "request", id="get other"),
    pytest.param(frame(operation(7, one(poll(NUMERIC))[14:], kind=2)), "request", id="result of an action"),
    pytest.param(frame(CREATE_RESULT.replace(b"\x0d\x06", b"\x0d\x07")), "request", id="another event's result"),
]


@pytest.mark.parametrize(("sent", "reason"), UNANSWERED)
def test_what_is_damaged_or_strange_gets_no_answer_and_is_recorded(sent: bytes, reason: str) -> None:
    monitor = connected()
    assert monitor.feed(sent, 3.0) == b""
    assert [violation.message.reason for violation in monitor.violations][:1] == [reason]
    assert monitor.deadline_s == 10.0  # it is no sign of life
    assert len(plain(monitor.feed(poll(NUMERIC), 4.0))) == 1  # and the next request is heard


def test_a_check_sum_sent_without_escaping_is_lost() -> None:
    request = next(
        one(poll(NUMERIC, invoke=invoke))
        for invoke in range(0x200, 0x4000)
        if b"\xc0" in fcs(b"\x11\x01\x00\x24" + one(poll(NUMERIC, invoke=invoke)))[1:]
    )
    whole = b"\x11\x01\x00\x24" + request
    monitor = connected()
    assert monitor.feed(b"\xc0" + whole + fcs(whole) + b"\xc1", 1.0) == b""
    assert [violation.message.reason for violation in monitor.violations] == ["unfinished", "checksum"]
    assert len(plain(monitor.feed(frame(request), 2.0))) == 1


def test_noise_behind_a_frame_harms_neither_it_nor_the_next() -> None:
    monitor = connected()
    assert len(plain(monitor.feed(poll(NUMERIC) + b"\xc1noise" + poll(NUMERIC), 1.0))) == 2
    assert [violation.message.raw for violation in monitor.violations] == [b"\xc1noise"]


def test_a_frame_that_is_given_up_is_allowed() -> None:
    monitor = connected()
    assert len(plain(monitor.feed(b"\xc0\x11\x01\x00\x7d\xc1" + poll(NUMERIC), 1.0))) == 1
    assert monitor.violations == []
    assert monitor.records[2].message.said is HostSaid.FRAME_ABORT


def test_any_cut_of_the_hosts_bytes_and_doubled_flags() -> None:
    sent = b"\xc0\xc0" + frame(ASSOCIATE) + frame(CREATE_RESULT) + b"\xc0" + poll(0x06, invoke=0xC0C1, number=0x7D7D)
    assert b"\x7d\xe0\x7d\xe1" in sent
    monitor = powered_on()
    answers = [monitor.feed(bytes([byte]), 0.0) for byte in sent]
    accepted, _created, told = plain(b"".join(answers))
    assert accepted[0] == 0x0E
    assert (result(told).invoke, result(told).number) == (0xC0C1, 0x7D7D)
    assert monitor.violations == []
    whole = powered_on()
    assert whole.feed(sent, 0.0) == b"".join(answers)


def test_what_the_host_said_is_recorded() -> None:
    monitor = connected()
    monitor.feed(poll(NUMERIC, period_s=30, number=3), 2.0)
    associated, confirmed, asked = monitor.records
    assert (associated.message.said, confirmed.message.said) == (HostSaid.ASSOCIATE, HostSaid.CREATE_RESULT)
    proposal = associated.message.proposal
    assert proposal is not None
    assert (proposal.min_poll_period_ticks, proposal.mtu_rx_bytes, proposal.extension) == (4000, 1456, 0x8E00_0000)
    wanted = asked.message.poll
    assert wanted is not None
    assert (asked.at_s, wanted.action, wanted.number, wanted.period_ticks) == (2.0, Action.EXTENDED_POLL, 3, 240_000)


LINE_BYTES = st.lists(st.sampled_from([b"\xc0", b"\xc1", b"\x7d", b"\x11\x01", frame(CREATE_RESULT)]) | st.binary())


@given(LINE_BYTES)
def test_no_bytes_harm_the_monitor(pieces: list[bytes]) -> None:
    monitor = powered_on()
    for piece in pieces:
        assert monitor.feed(piece, 0.0) == b""
    assert [message[0] for message in plain(monitor.feed(frame(ASSOCIATE), 1.0))] == [0x0E, 0xE1]


@given(st.binary(max_size=600))
def test_any_message_comes_back_from_its_frame(data: bytes) -> None:
    assert plain(frame(data)) == [data]


@given(st.data())
def test_a_damaged_byte_never_makes_another_request(data: st.DataObject) -> None:
    sent = poll(NUMERIC, period_s=30)
    place = data.draw(st.integers(0, len(sent) - 1))
    damaged = sent[:place] + bytes([sent[place] ^ data.draw(st.integers(1, 255))]) + sent[place + 1 :]
    monitor = connected()
    assert monitor.feed(damaged, 0.0) == b""
    assert all(record.message.poll is None for record in monitor.records)
