"""The frames of the simulated DRI monitor, and what it hears that is no documented request."""

import struct

import pytest

from simulators.ge_dri import MAX_HEARD, MAX_RECORDS, MAX_VIOLATIONS, DriOptions
from simulators.ge_dri_records import MAX_EXCERPT_BYTES, MAX_HOST_FRAME_BYTES, HostSaid, RecordType, frame
from tests.unit.ge_dri_simulator_talk import (
    ALARM_NO_LONGER,
    ALARM_ONCE,
    AUXILIARY_5_S,
    BASIC_5_S,
    EXT1_10_S,
    ONCE,
    plain,
    powered_on,
    request,
    wired,
)


def header(length: int, main_type: int = 0, *, subnet: int = 0, table: bytes = b"\0\0\0\0\0\xff") -> bytes:
    return struct.pack("<hBBHIBBHh", length, 0, 0, 0, 0, subnet, 0, 0, main_type) + table.ljust(24, b"\0")


ASK = struct.pack("<BhIh", 1, 5, 0, 0)
VIOLATIONS = [
    pytest.param(BASIC_5_S[:-2] + b"\x37\x7e", "checksum", id="sum"),
    pytest.param(wired(header(50) + ASK), "length", id="length"),
    pytest.param(wired(b"\x05\0\0\0\0"), "length", id="no header"),
    pytest.param(b"\x7e\x31\x7d\x20\x7e", "stuffing", id="stuffing"),
    pytest.param(b"\x7e\x31\x7d\x7e", "stuffing", id="half a stuffed pair"),
    pytest.param(b"\x7e" + bytes(MAX_HOST_FRAME_BYTES + 1) + b"\x7e", "oversize", id="oversize"),
    pytest.param(wired(header(49, 8) + ASK), "request", id="main type"),
    pytest.param(wired(header(49, -1) + ASK), "request", id="negative main type"),
    pytest.param(wired(header(49, subnet=1) + ASK), "request", id="subnet"),
    pytest.param(wired(header(49, table=b"\0\0\x01\0\0\xff") + ASK), "request", id="sub-record type"),
    pytest.param(
        wired(header(58, table=b"\0\0\0\x09\0\0\0\0\xff") + bytes(9) + ASK), "request", id="two in one record"
    ),
    pytest.param(wired(header(58) + ASK * 2), "request", id="more than a request"),
    pytest.param(request(0, 5), "request", id="record type 0"),
    pytest.param(request(5, 5), "request", id="record type 5"),
    pytest.param(request(1, -2), "request", id="interval"),
    pytest.param(request(1, 5, 16), "request", id="class"),
    pytest.param(request(1, 5, tail=1), "request", id="reserved"),
    pytest.param(wired(header(52, 4) + struct.pack("<6h", 1, *[0] * 5)), "request", id="alarm command"),
    pytest.param(wired(header(52, 4) + struct.pack("<6h", 0, 0, 0, 0, 0, 1)), "request", id="alarm reserved"),
    pytest.param(wired(header(49, 4) + ASK), "request", id="alarm length"),
    pytest.param(wired(header(72, 1) + b"\x03" + bytes(31)), "request", id="waveform command"),
    pytest.param(wired(header(40)), "request", id="nothing asked"),
]


@pytest.mark.parametrize(("sent", "reason"), VIOLATIONS)
def test_what_is_no_documented_request_is_ignored_and_recorded(sent: bytes, reason: str) -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    assert monitor.feed(sent, 3.0) == b""
    assert monitor.deadline_s is None
    assert monitor.violation_count == 1
    (violation,) = monitor.violations
    assert (violation.at_s, violation.message.said, violation.message.reason) == (3.0, HostSaid.VIOLATION, reason)
    assert violation.message.raw == sent[1:-1][:MAX_EXCERPT_BYTES]
    assert len(plain(monitor.feed(BASIC_5_S, 4.0))) == 1  # and the next request is heard


@pytest.mark.parametrize("asked", [bytes(32), b"\x01" + bytes(31), b"\x02" + bytes(47)])
def test_waveforms_may_be_asked_for_and_are_not_sent(asked: bytes) -> None:
    monitor = powered_on()
    assert monitor.feed(wired(header(40 + len(asked), 1) + asked), 0.0) == b""
    assert monitor.violations == []
    assert monitor.records[0].message.said is HostSaid.WAVEFORM


def test_what_the_host_asked_is_recorded() -> None:
    monitor = powered_on()
    monitor.feed(EXT1_10_S + ALARM_NO_LONGER, 2.0)
    asked, alarm = monitor.records
    assert (asked.at_s, asked.message.said, asked.message.record_type) == (
        2.0,
        HostSaid.PHYSIOLOGICAL,
        RecordType.DISPLAYED,
    )
    assert (asked.message.interval_s, asked.message.class_mask, asked.message.raw) == (10, 2, EXT1_10_S[1:-1])
    assert (alarm.message.said, alarm.message.command) == (HostSaid.ALARM, 3)


def test_any_cut_of_the_hosts_bytes_shared_flags_and_empty_frames() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    sent = b"\x7e\x7e" + BASIC_5_S + b"\x7e" + ALARM_ONCE[1:] + AUXILIARY_5_S
    answers = [monitor.feed(bytes([byte]), 0.0) for byte in sent]
    assert [record[14:19:4] for record in plain(b"".join(answers))] == [b"\0\x01", b"\x04\x01", b"\0\x04"]
    assert monitor.violations == []


def test_a_stuffed_request_is_read() -> None:
    sent = request(1, 0x7D, level=0x7E)
    assert b"\x7d\x5d" in sent
    assert b"\x7d\x5e" in sent
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    monitor.feed(sent, 0.0)
    assert monitor.deadline_s == 125.0
    sent = request(1, 77)  # its sum, 0x7E, is stuffed
    assert sent[-3:] == b"\x7d\x5e\x7e"
    monitor.feed(sent, 1.0)
    assert monitor.deadline_s == 78.0


@pytest.mark.parametrize(
    ("record", "sent"), [(b"\x7e", b"\x7e\x7d\x5e\x7d\x5e\x7e"), (b"\x7d", b"\x7e\x7d\x5d\x7d\x5d\x7e")]
)
def test_a_sum_that_is_a_flag_is_stuffed_too(record: bytes, sent: bytes) -> None:
    assert frame(record) == sent


def test_two_records_may_share_a_flag() -> None:
    doubled = powered_on().feed(ONCE * 2, 0.0)
    shared = powered_on(DriOptions(shared_flags=True)).feed(ONCE * 2, 0.0)
    assert doubled.count(b"\x7e\x7e") == 1
    assert shared == doubled.replace(b"\x7e\x7e", b"\x7e")


def test_everything_kept_of_the_host_is_bounded() -> None:
    monitor = powered_on()
    for _ in range(MAX_RECORDS // 10 + 1):
        monitor.feed(b"!\x7e" * 10, 0.0)
    assert monitor.violation_count == MAX_RECORDS + 10
    assert (len(monitor.records), len(monitor.violations)) == (MAX_RECORDS, MAX_VIOLATIONS)
    monitor.feed(b"\x7e" + bytes(MAX_HOST_FRAME_BYTES), 1.0)
    assert monitor.violation_count == MAX_RECORDS + 10
    monitor.feed(b"\0", 1.0)
    assert monitor.violations[-1].message.reason == "checksum"  # the first are kept
    assert monitor.records[-1].message.reason == "oversize"
    assert len(plain(monitor.feed(b"\x7e" + ONCE * (MAX_HEARD + 5), 2.0))) == MAX_HEARD
