"""The simulated DRI monitor, held against literals of the sheet: the line, when it speaks, and its records."""

import struct
from decimal import Decimal
from pathlib import Path

import pytest

from simulators import ge_dri
from simulators.ge_dri import Colour, DriMonitor, DriOptions, Silence
from simulators.ge_dri_records import Group, Special
from simulators.patient import Patient, Vitals
from simulators.pty_server import PtyServer
from tests.unit.ge_dri_simulator_talk import (
    ALARM_ON_CHANGE,
    ALARM_ONCE,
    AUXILIARY_5_S,
    BASIC_5_S,
    EXT1_10_S,
    NONE,
    ONCE,
    RESTING,
    STOP,
    alarm_words,
    box,
    i16,
    label,
    one,
    plain,
    powered_on,
    request,
)

# As another program decoded it: HR 126 (ECG, lead II), RR 17, ART 131.5/72/91 PR 88, P2 mean 9, NIBP 125/73/91 PR 125
# (adult, auto, older than 60 s), T1 36.9, SpO2 97.00 PR 126, EtCO2 5.12 %, FiCO2 0.10 %, RR 16, 760.0 mmHg.
GOLDEN = bytes.fromhex(
    "7e3e01070ae8fd00f153650000000000000000010000ff00000000000000000000000000000000000000f153650b00000002"
    "007d5e0001800180018011000300000001005e33201c8c235800030000000000018001808403018003000000000001800180"
    "018001800300000000000180018001800180030000000b01d430841c8c237d5d000300000000006a0e030000000000018003"
    "000000000001800300000000000180030000000000e4257d5e000180018003000000000000020a001000b01d030000000000"
    "0180018003000000000001800180030000000000018001800180030000000000018001800180018001800180018001800300"
    "0000000001800180018001800300000000000180018001800180018001800300000000000180030000000000018001800180"
    "01800300000000000180018001800180018000000000b57e"
)
IN_BASIC = frozenset(Group) - {Group.P7, Group.P8, Group.SPO2_2}


def golden_monitor() -> DriMonitor:
    vitals = Vitals(
        heart_rate_per_min=126,
        respiratory_rate_per_min=17,
        spo2_percent=97,
        etco2_mmhg=39,
        nibp_sys_mmhg=125,
        nibp_dia_mmhg=73,
        nibp_mean_mmhg=91,
        nibp_pulse_rate_per_min=125,
        ibp_sys_mmhg=131,
        ibp_dia_mmhg=72,
        ibp_mean_mmhg=91,
    )
    options = DriOptions(plug_id=0xFDE8, fitted=IN_BASIC, unix_at_zero_s=1_699_999_900)
    monitor = powered_on(options, vitals)
    modules = monitor.modules
    modules.set_value(Group.P1, "sys", Decimal("131.5"))
    modules.set_value(Group.P1, "pr", Decimal(88))
    modules.set_value(Group.P2, "mean", Decimal(9))
    modules.set_value(Group.T1, "temp", Decimal("36.90"))
    modules.set_value(Group.CO2, "et", Decimal("5.12"))
    modules.set_value(Group.CO2, "fi", Decimal("0.10"))
    modules.set_value(Group.CO2, "rr", Decimal(16))
    modules.set_value(Group.ECG_EXTRA, "hr_ecg", Special.NONE)
    return monitor


def test_the_golden_record_byte_for_byte() -> None:
    monitor = golden_monitor()
    assert len(plain(monitor.feed(ONCE * 7, 90.0))) == 7
    assert monitor.feed(ONCE, 100.9) == GOLDEN
    assert len(GOLDEN) == 324


def test_the_line_is_19200_8e1_with_handshake() -> None:
    assert (ge_dri.BAUD, ge_dri.DATA_BITS, ge_dri.PARITY, ge_dri.STOP_BITS) == (19_200, 8, "E", 1)
    assert ge_dri.RTS_CTS is True


def test_this_files_requests_are_the_literal_ones() -> None:
    assert request(1, 5) == BASIC_5_S
    assert request(1, 10, 2) == EXT1_10_S
    assert request(1, 0) == STOP
    assert request(1, -1) == ONCE
    assert request(4, 5) == AUXILIARY_5_S


def test_silent_until_asked() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    assert monitor.deadline_s is None
    assert monitor.tick(1000.0) == b""


def test_nothing_is_heard_or_said_without_power() -> None:
    monitor = DriMonitor(lambda _now_s: RESTING)
    assert monitor.feed(BASIC_5_S, 1.0) == b""
    assert monitor.tick(1.0) == b""
    assert monitor.deadline_s is None
    assert not monitor.records


def test_the_first_record_comes_at_once_and_the_others_at_the_interval() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    assert len(plain(monitor.feed(BASIC_5_S, 3.0))) == 1
    assert monitor.deadline_s == 8.0
    assert monitor.tick(7.99) == b""
    assert len(plain(monitor.tick(8.01))) == 1
    assert monitor.deadline_s == 13.0
    assert len(plain(monitor.tick(29.0))) == 1  # what was missed is gone, the phase stays
    assert monitor.deadline_s == 33.0
    assert monitor.feed(STOP, 30.0) == b""
    assert monitor.tick(40.0) == b""


def test_once_is_one_record_and_does_not_touch_the_phase() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    assert len(plain(monitor.feed(ONCE, 1.0))) == 1
    assert monitor.deadline_s is None
    monitor.feed(BASIC_5_S, 2.0)
    assert len(plain(monitor.feed(ONCE, 4.0))) == 1
    assert monitor.deadline_s == 7.0


def test_the_same_request_at_several_levels_is_one_request() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    assert len(plain(monitor.feed(b"".join(request(1, 5, level=level) for level in (9, 8, 7)), 0.0))) == 1
    assert monitor.feed(request(1, 5, level=11), 3.0) == b""
    assert monitor.deadline_s == 5.0
    assert monitor.violations == []


def test_another_interval_or_class_is_another_request() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    monitor.feed(BASIC_5_S, 0.0)
    assert len(one(monitor.feed(EXT1_10_S, 2.0))) == 40 + 2 * 278
    assert monitor.deadline_s == 12.0


@pytest.mark.parametrize(
    ("kind", "asked_s", "given_s"),
    [(1, 1, 5), (1, 5, 5), (1, 30, 30), (1, 3600, 3600), (1, 32767, 3600), (2, 5, 10), (3, 10, 60), (4, 1, 5)],
)
def test_an_interval_is_kept_inside_its_bounds(kind: int, asked_s: int, given_s: int) -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    record = one(monitor.feed(request(kind, asked_s), 0.0))
    assert record[18] == kind
    assert monitor.deadline_s == given_s


def test_record_types_are_asked_and_stopped_each_by_itself() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    monitor.feed(BASIC_5_S + AUXILIARY_5_S, 0.0)
    both = plain(monitor.tick(5.0))
    assert [record[18] for record in both] == [1, 4]
    monitor.feed(STOP, 6.0)
    assert [record[18] for record in plain(monitor.tick(10.0))] == [4]


@pytest.mark.parametrize(
    ("mask", "classes"),
    [(0, [0]), (2, [0, 1]), (6, [0, 1, 2]), (14, [0, 1, 2, 3]), (8, [0, 3]), (3, [1]), (15, [1, 2, 3])],
)
def test_classes_come_in_order_each_naming_itself(mask: int, classes: list[int]) -> None:
    monitor = powered_on(DriOptions(subtype_low_byte=0x91))
    record = one(monitor.feed(request(1, -1, mask), 50.0))
    assert len(record) == 40 + 278 * len(classes)
    table = struct.unpack_from("<" + "hB" * 8, record, 16)
    assert table[: 2 * len(classes) + 2] == (*(x for place in range(len(classes)) for x in (278 * place, 1)), 0, 0xFF)
    for place, number in enumerate(classes):
        unix_s, marker, reserved, subtype = struct.unpack_from("<I270xBBH", record, 40 + 278 * place)
        assert (unix_s, marker, reserved, subtype) == (1_700_000_050, 0, 0, number << 8 | 0x91)


def test_denying_all_classes_gets_nothing() -> None:
    assert powered_on().feed(request(1, -1, 1), 0.0) == b""


def test_the_header_is_numbered_from_0_and_wraps() -> None:
    monitor = powered_on(DriOptions(dri_level=8, plug_id=0x1234, cuff_interval_s=None))
    numbers = []
    for at_s in range(258):
        record = one(monitor.feed(ONCE, float(at_s)))
        numbers.append(record[2])
        assert struct.unpack_from("<BHI", record, 3) == (8, 0x1234, 1_700_000_000 + at_s)
        assert record[10:16] == bytes(6)
    assert numbers == [*range(256), 0, 1]


@pytest.mark.parametrize(("padded", "length"), [(False, 114), (True, 278)])
def test_the_auxiliary_record_has_the_sheets_layout(padded: bool, length: int) -> None:
    record = one(powered_on(DriOptions(auxiliary_padded=padded)).feed(AUXILIARY_5_S, 7.0))
    assert record[16:22] == b"\0\0\x04\0\0\xff"
    assert len(record) == 40 + length
    assert struct.unpack_from("<IhIIh", record, 40) == (1_700_000_000, 0, 0, 0, NONE)
    assert record[56:] == bytes(length - 16)


@pytest.mark.parametrize("line_state", ["muted", "clear_to_send"])
def test_a_muted_or_held_monitor_says_nothing_and_goes_on_in_phase(line_state: str) -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    monitor.feed(BASIC_5_S + ALARM_ON_CHANGE, 0.0)
    setattr(monitor, line_state, line_state == "muted")
    monitor.set_alarm("APNEA", Colour.RED)
    assert monitor.tick(5.0) == b""
    assert monitor.feed(ONCE + ALARM_ONCE, 6.0) == b""
    assert monitor.deadline_s == 7.0
    setattr(monitor, line_state, line_state != "muted")
    (alarm,) = plain(monitor.tick(7.0))  # what changed meanwhile is still told
    assert alarm[14] == 4
    (displayed,) = plain(monitor.tick(10.0))
    assert displayed[2] == alarm[2] + 1 == 2


def test_a_power_cycle_forgets_the_host_and_keeps_the_patient() -> None:
    monitor = powered_on()
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    monitor.silence(Silence.ALL, 0.0)
    monitor.feed(BASIC_5_S + ALARM_ON_CHANGE + BASIC_5_S[:20], 1.0)
    monitor.power_off()
    assert monitor.feed(ONCE, 2.0) == b""
    assert monitor.start(50.0) == b""
    assert monitor.deadline_s == 350.0
    record = one(monitor.feed(ONCE, 51.0))
    assert record[2] == 0
    assert i16(record, 78) == (12400,)
    alarm = one(monitor.feed(ALARM_ONCE, 52.0))
    assert alarm_words(alarm) == (1, 0)
    assert box(alarm, 0) == ("HR HIGH", 1, 2, 1)


def test_a_patient_is_measured_and_the_same_seed_says_the_same() -> None:
    def said() -> bytes:
        patient = Patient(3, arterial_line=True)
        monitor = DriMonitor(lambda now_s: patient.advance(now_s, 2.0))
        line = monitor.start(0.0) + monitor.feed(BASIC_5_S, 0.0)
        while (now_s := monitor.deadline_s) is not None and now_s <= 900.0:
            line += monitor.tick(now_s)
        return line

    line = said()
    assert line == said()
    records = plain(line)
    assert len(records) == 181
    assert i16(records[-1], 6)[0] > i16(records[0], 6)[0] + 5
    assert [number for number, record in enumerate(records) if label(record, 72) < 0x100][13:15] == [60, 61]
    assert len({i16(record, 78) for record in records}) == 4


async def test_it_runs_on_a_pty(tmp_path: Path) -> None:
    monitor = DriMonitor(lambda _now_s: RESTING)
    with PtyServer(monitor, tmp_path / "monitor", lambda: 0.0):
        assert monitor.deadline_s == 300.0
