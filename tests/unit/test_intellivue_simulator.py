"""The simulated IntelliVue monitor's conversation, held against literals."""

import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators.intellivue import (
    MAX_HEARD,
    MAX_PENDING_ANSWERS,
    MAX_RECORDS,
    MAX_VIOLATIONS,
    IntelliVueMonitor,
)
from simulators.intellivue_alarms import Alarm, AlarmType
from simulators.intellivue_numerics import Numeric
from simulators.intellivue_requests import HostSaid
from simulators.intellivue_setup import Again, IntelliVueOptions, MdsAttribute, Mode
from simulators.intellivue_values import read_attribute_list
from simulators.intellivue_wire import frame
from simulators.patient import Patient
from simulators.pty_server import PtyServer
from tests.unit.intellivue_simulator_talk import (
    ABORT,
    ACCEPT,
    ALARMS,
    ASSOCIATE,
    BY_HAND,
    CREATE_RESULT,
    GOLDEN_NUMERICS,
    MDS_CREATE,
    NAN,
    NUMERIC,
    NUMERICS,
    RELEASE,
    RELEASED,
    RESTING,
    associate,
    connected,
    numerics,
    one,
    plain,
    poll,
    powered_on,
    result,
    values,
)


def test_the_golden_conversation_byte_for_byte() -> None:
    assert len(ASSOCIATE) == 300
    monitor = powered_on(
        IntelliVueOptions(
            fitted=GOLDEN_NUMERICS,
            unix_at_zero_s=1_700_000_025,
            cuff_interval_s=None,
            model=("Philips",),
            mds_attributes=(MdsAttribute.ABSOLUTE_TIME, MdsAttribute.RELATIVE_TIME, MdsAttribute.MODEL),
        )
    )
    assert monitor.feed(frame(ASSOCIATE), 10.0) == ACCEPT + MDS_CREATE
    assert monitor.feed(frame(CREATE_RESULT), 10.1) == b""
    monitor.measure_cuff(10.2)
    monitor.measurements.switch_off(Numeric.PULSE_SPO2)
    monitor.measurements.set_label(Numeric.ETCO2, 0x0002_50B0)
    request = bytes.fromhex(
        "e1000002 0001 0028 0001 0007 0022 002100000000 00000000 f13b 0014 0001 0001 0006 0000"
        "0001 0008 f13e 0004 00493e00"
    )
    assert monitor.feed(frame(request), 10.7335) == NUMERICS
    assert monitor.violations == []


def test_this_files_requests_are_the_widely_used_ones() -> None:
    assert one(poll(NUMERIC, invoke=1, period_s=30)).hex() == (
        "e10000020001002800010007002200210000000000000000f13b0014000100010006000000010008f13e00040003a980"
    )
    assert one(poll(NUMERIC, invoke=1, extended=True)).hex() == (
        "e10000020001002000010007001a00210000000000000000f13b000c000100010006000000000000"
    )
    assert one(poll(ALARMS, 0x0811, invoke=8, number=7)).hex() == (
        "e10000020001001c000800070016002100000000000000000c1600080007000100360811"
    )


def terms(accepted: bytes) -> tuple[int, ...]:
    """Return period, both sizes, options and the extension (0 for none), found as a careful host finds them."""
    at = accepted.index(bytes.fromhex("be80288002010281")) + 8
    info = accepted[at + 1 : at + 1 + accepted[at]]
    assert accepted[at + 1 + accepted[at] :] == bytes(16)
    assert info[:28] == bytes.fromhex("80000000 40000000 00000000 00800000 20000000 0000 0000 0001") + info[26:28]
    revision, period, mtu_rx, mtu_tx, bandwidth, options = struct.unpack_from(">6I", info, 32)
    assert (revision, bandwidth) == (0x8000_0000, 0xFFFF_FFFF)
    extension = struct.unpack_from(">I", info, 64)[0] if info[56:60] == b"\0\x01\0\x0c" else 0
    assert len(info) == (72 if extension else 60)
    return period, mtu_rx, mtu_tx, options, extension


@pytest.mark.parametrize(
    ("asked", "agreed"),
    [
        ({}, (8000, 1000, 1456, 0x6000_0000, 0x8800_0000)),
        ({"period": 1_040_000, "mtu_rx": 12288, "mtu_tx": 12288}, (1_040_000, 1000, 1456, 0x6000_0000, 0x8800_0000)),
        ({"mtu_rx": 1000, "mtu_tx": 900}, (8000, 900, 1000, 0x6000_0000, 0x8800_0000)),
        ({"extension": 0x8000_0000}, (8000, 1000, 1456, 0x6000_0000, 0x8000_0000)),
        ({"extension": 0x4800_0000}, (8000, 1000, 1456, 0x6000_0000, 0)),
        ({"extension": 0x0800_0000}, (8000, 1000, 1456, 0x6000_0000, 0)),
        ({"extension": None}, (8000, 1000, 1456, 0x6000_0000, 0)),
    ],
)
def test_what_is_agreed_upon_is_what_both_can_do(asked: dict[str, Any], agreed: tuple[int, ...]) -> None:
    accepted, _created = plain(powered_on().feed(associate(**asked), 0.0))
    assert terms(accepted) == agreed


BAD_ASSOCIATIONS = [
    pytest.param(associate(versions=(0x4000_0000, 0x4000_0000, 0)), id="protocol version"),
    pytest.param(associate(versions=(0x8000_0000, 0x8000_0000, 0)), id="nomenclature version"),
    pytest.param(associate(versions=(0x8000_0000, 0x4000_0000, 1)), id="functional units"),
    pytest.param(associate(system=0x0080_0000), id="a server"),
    pytest.param(associate(startup=0), id="startup mode"),
    pytest.param(associate(options=b"\0\x01\0\0"), id="options"),
    pytest.param(associate(revision=0), id="profile revision"),
    pytest.param(associate(profile_id=2), id="no poll profile"),
    pytest.param(associate(mtu_rx=299), id="too small to receive"),
    pytest.param(associate(mtu_tx=299), id="too small to send"),
    pytest.param(frame(ASSOCIATE[:-1]), id="cut short"),
    pytest.param(frame(ASSOCIATE[:3] + b"\x29" + ASSOCIATE[4:]), id="session length"),
    pytest.param(frame(ASSOCIATE[:21] + b"\x17" + ASSOCIATE[22:]), id="presentation length"),
    pytest.param(frame(ASSOCIATE.replace(b"\x82\x00\x80", b"\x82\x00\x7f")), id="user information's length"),
    pytest.param(frame(ASSOCIATE[:40] + b"\xff" + ASSOCIATE[41:]), id="presentation"),
    pytest.param(frame(ASSOCIATE.replace(b"\0\x02\0\x64", b"\0\x03\0\x64")), id="count of profiles"),
    pytest.param(frame(b"\x0d"), id="one byte"),
]


@pytest.mark.parametrize("sent", BAD_ASSOCIATIONS)
def test_an_association_that_cannot_be_is_refused(sent: bytes) -> None:
    monitor = powered_on()
    assert one(monitor.feed(sent, 0.0))[0] == 0x0C
    assert [violation.message.reason for violation in monitor.violations] == ["association"]
    assert [message[0] for message in plain(monitor.feed(frame(ASSOCIATE), 2.0))] == [0x0E, 0xE1]


def test_the_smallest_messages_are_accepted() -> None:
    accepted, _created = plain(powered_on().feed(associate(mtu_rx=300, mtu_tx=300), 0.0))
    assert terms(accepted)[1:3] == (300, 300)


def test_the_first_event_tells_of_the_monitor() -> None:
    monitor = powered_on()
    monitor.mode = Mode.DEMO
    _accepted, created = plain(monitor.feed(frame(ASSOCIATE), 3.5))
    assert created[:34] == bytes.fromhex(
        "e1000002 0001 0070 0001 0001 006a 0021 0000 0000 00006d60 0d06 005c 0021 0000 0000"
    )
    told = read_attribute_list(created[34:])
    assert told == {
        0x0987: bytes.fromhex("2023111422132300"),
        0x098F: (28_000).to_bytes(4, "big"),
        0x0928: b"\0\x10" + "Philips\0".encode("utf-16-be") + b"\0\x0e" + "M8004A\0".encode("utf-16-be"),
        0x091E: b"\0\x0c" + "BED 1\0".encode("utf-16-be"),
        0x0946: b"\x20\0",
    }


def test_nothing_but_an_association_is_answered_before_one() -> None:
    monitor = powered_on()
    assert monitor.feed(poll(NUMERIC) + frame(CREATE_RESULT) + frame(RELEASE) + frame(ABORT), 0.0) == b""
    assert monitor.deadline_s is None
    assert monitor.violations == []
    assert [record.message.said for record in monitor.records] == [
        HostSaid.POLL,
        HostSaid.CREATE_RESULT,
        HostSaid.RELEASE,
        HostSaid.ABORT,
    ]


def test_polls_before_the_confirmation_are_dropped_and_do_no_harm() -> None:
    monitor = powered_on()
    assert [message[0] for message in plain(monitor.feed(frame(ASSOCIATE) + poll(NUMERIC), 0.0))] == [0x0E, 0xE1]
    assert monitor.feed(poll(NUMERIC, period_s=30), 0.1) == b""
    assert monitor.feed(frame(CREATE_RESULT.replace(b"\0\x14\0\x01", b"\0\x14\0\x02")), 0.2) == b""  # another id
    assert monitor.feed(poll(NUMERIC), 0.2) == b""
    monitor.feed(frame(CREATE_RESULT), 0.3)
    assert len(plain(monitor.feed(poll(NUMERIC), 0.4))) == 1
    assert monitor.feed(frame(CREATE_RESULT), 6.0) == b""  # said again, as some hosts do
    assert monitor.violations == []


def test_release_and_abort_end_the_association() -> None:
    monitor = connected()
    monitor.feed(poll(NUMERIC, period_s=600), 1.0)
    assert one(monitor.feed(frame(RELEASE), 1.5)) == RELEASED
    assert monitor.feed(poll(NUMERIC), 1.6) == b""
    assert monitor.deadline_s is None
    monitor = connected()
    assert monitor.feed(frame(ABORT), 1.0) == b""
    assert monitor.deadline_s is None
    assert monitor.violations == []


def test_the_monitor_can_abort() -> None:
    monitor = connected()
    assert one(monitor.abort(1.0)) == ABORT
    assert monitor.abort(2.0) == b""
    assert monitor.feed(poll(NUMERIC), 3.0) == b""


@pytest.mark.parametrize(
    ("period", "limit_s"),
    [(8000, 10.0), (26_400, 10.0), (26_401, 9.900375), (80_000, 30.0), (344_000, 129.0), (344_001, 130.0)],
)
def test_a_silent_host_is_aborted(period: int, limit_s: float) -> None:
    monitor = powered_on()
    monitor.feed(associate(period=period), 0.0)
    monitor.feed(frame(CREATE_RESULT), 1.0)
    assert monitor.deadline_s == 1.0 + limit_s
    assert monitor.tick(limit_s + 0.99) == b""
    assert one(monitor.tick(limit_s + 1.0)) == ABORT
    assert not monitor.associated
    assert monitor.feed(poll(NUMERIC), limit_s + 2.0) == b""


def test_results_do_not_keep_a_silent_host_and_a_poll_does() -> None:
    monitor = connected()
    monitor.feed(poll(NUMERIC, period_s=600), 0.0)
    for at_s in range(1, 9):
        assert [message[0] for message in plain(monitor.tick(at_s * 1.024))] == [0xE1]
    assert result(one(monitor.feed(poll(ALARMS, 0x0811), 9.0))).objects == {256: {}}
    said = [plain(monitor.tick(9.0 + at_s * 0.5)) for at_s in range(1, 30)]
    aborts = [place for place, messages in enumerate(said, start=1) if ABORT in messages]
    assert aborts == [20]
    assert all(not messages for messages in said[20:])


def test_an_unconfirmed_association_ends_too() -> None:
    monitor = powered_on()
    monitor.feed(frame(ASSOCIATE), 0.0)
    assert one(monitor.tick(10.0)) == ABORT


@pytest.mark.parametrize(
    ("again", "first_bytes", "still_served"),
    [
        (Again.REFUSE, [0x0C], True),
        (Again.ABORT, [0x19], False),
        (Again.ACCEPT, [0x0E, 0xE1], False),
        (Again.IGNORE, [], True),
    ],
)
def test_an_association_within_an_association(again: Again, first_bytes: list[int], still_served: bool) -> None:
    monitor = connected(IntelliVueOptions(cuff_interval_s=None, again=again))
    assert [message[0] for message in plain(monitor.feed(frame(ASSOCIATE), 4.0))] == first_bytes
    assert len(plain(monitor.feed(poll(NUMERIC), 4.0))) == still_served
    assert monitor.violations == []


def test_a_refused_host_gets_in_when_the_old_association_has_ended() -> None:
    monitor = connected()
    answers = [[message[0] for message in plain(monitor.feed(frame(ASSOCIATE), float(at_s)))] for at_s in (2, 4, 6, 8)]
    assert answers == [[0x0C]] * 4
    assert [message[0] for message in plain(monitor.feed(frame(ASSOCIATE), 10.0))] == [0x19, 0x0E, 0xE1]


def test_only_so_much_is_heard_at_once() -> None:
    monitor = connected()
    assert len(plain(monitor.feed(poll(NUMERIC) * (MAX_HEARD + 1), 0.0))) == MAX_HEARD
    assert len(monitor.records) == MAX_HEARD + 3


def test_records_and_violations_are_bounded() -> None:
    monitor = connected()
    for _ in range(MAX_RECORDS // 10):
        monitor.feed(frame(RELEASED) * 10, 1.0)
    assert (len(monitor.records), len(monitor.violations)) == (MAX_RECORDS, MAX_VIOLATIONS)
    assert monitor.violation_count == MAX_RECORDS


def test_a_late_monitor_answers_in_order() -> None:
    monitor = connected()
    monitor.answer_delay_s = 3.0
    assert monitor.feed(poll(NUMERIC, invoke=1), 0.0) == b""
    assert monitor.deadline_s == 3.0
    monitor.answer_delay_s = 0.0
    assert monitor.feed(poll(NUMERIC, invoke=2), 1.0) == b""
    assert [result(message).invoke for message in plain(monitor.tick(3.0))] == [1, 2]


def test_late_answers_are_bounded() -> None:
    monitor = connected()
    monitor.answer_delay_s = 1.0
    for _ in range(MAX_PENDING_ANSWERS // MAX_HEARD + 1):
        assert monitor.feed(poll(ALARMS) * MAX_HEARD, 0.0) == b""
    assert monitor.dropped_answers == MAX_HEARD
    assert len(plain(monitor.tick(1.0))) == MAX_PENDING_ANSWERS


def test_a_muted_monitor_hears_and_says_nothing() -> None:
    monitor = connected()
    monitor.muted = True
    assert monitor.feed(poll(NUMERIC, period_s=60), 5.0) == b""
    assert monitor.deadline_s == 5.0 + 1.024
    monitor.muted = False
    assert result(one(monitor.tick(6.1))).sequence == 2


def test_a_power_cycle_forgets_the_host_and_keeps_the_patient() -> None:
    monitor = connected()
    monitor.measure_cuff(0.5)
    monitor.measurements.set_value(Numeric.HR, Decimal(200))
    monitor.alarms.raise_alarm(Alarm(AlarmType.PATIENT_LOW, 1))
    monitor.feed(poll(NUMERIC, period_s=600) + poll(NUMERIC)[:9], 1.0)
    monitor.power_off()
    assert monitor.deadline_s is None
    assert (monitor.feed(poll(NUMERIC), 2.0), monitor.tick(2.0), monitor.abort(2.0)) == (b"", b"", b"")
    assert monitor.start(50.0) == b""
    assert monitor.deadline_s is None
    assert not monitor.associated
    assert monitor.feed(poll(NUMERIC), 51.0) == b""
    assert len(plain(monitor.feed(frame(ASSOCIATE) + frame(CREATE_RESULT), 52.0))) == 2
    told = result(one(monitor.feed(poll(NUMERIC), 53.0)))
    assert told.ticks == 24_000
    assert values(told)[0x4182][2] == 200
    assert values(told)[0x4A05] == (0x8000, 0x0F20, NAN)
    assert result(one(monitor.feed(poll(ALARMS, 0x0801), 53.0))).objects[256][0x0902][:2] == b"\0\x01"


def test_a_patient_makes_the_values() -> None:
    patient = Patient(1, arterial_line=True)
    monitor = IntelliVueMonitor(lambda now_s: patient.advance(now_s, 0.0), BY_HAND)
    monitor.start(0.0)
    monitor.feed(frame(ASSOCIATE) + frame(CREATE_RESULT), 0.0)
    told = numerics(monitor)
    assert 60 < told[0x4182][2] < 85
    assert told[0x4A16][2] < told[0x4A17][2] < told[0x4A15][2]


async def test_it_runs_on_a_pty(tmp_path: Path) -> None:
    monitor = IntelliVueMonitor(lambda _now_s: RESTING)
    with PtyServer(monitor, tmp_path / "monitor", lambda: 0.0):
        assert monitor.deadline_s == 300.0
