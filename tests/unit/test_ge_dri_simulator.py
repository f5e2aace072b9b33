"""The simulated DRI monitor, held against literals of the sheet; records are taken apart here, not by its own code."""

import re
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators import ge_dri
from simulators.ge_dri import (
    MAX_ALARMS,
    MAX_HEARD,
    MAX_RECORDS,
    MAX_VIOLATIONS,
    Colour,
    DriMonitor,
    DriOptions,
    Silence,
)
from simulators.ge_dri_modules import Co2Status, EcgStatus, HrSource, NibpLabel
from simulators.ge_dri_records import (
    FIELDS,
    MAX_EXCERPT_BYTES,
    MAX_HOST_FRAME_BYTES,
    AlarmBox,
    Group,
    HostSaid,
    RecordType,
    Special,
    alarm_status,
    frame,
)
from simulators.patient import Patient, Vitals
from simulators.pty_server import PtyServer

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
BASIC_5_S = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000010500000000000000367e"
)
EXT1_10_S = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000010a000200000000003d7e"
)
STOP = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000010000000000000000317e"
)
ONCE = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff00000000000000000000000000000000000001ffff0000000000002f7e"
)
AUXILIARY_5_S = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000040500000000000000397e"
)
ALARM_ONCE = bytes.fromhex(
    "7e340000000000000000000000000004000000000000ff000000000000000000000000000000000000000000000000000000000000377e"
)
ALARM_ON_CHANGE = bytes.fromhex(
    "7e340000000000000000000000000004000000000000ff000000000000000000000000000000000000020000000000000000000000397e"
)
ALARM_NO_LONGER = bytes.fromhex(
    "7e340000000000000000000000000004000000000000ff0000000000000000000000000000000000000300000000000000000000003a7e"
)
NONE = -32767
RESTING = Vitals(
    heart_rate_per_min=72,
    respiratory_rate_per_min=14,
    spo2_percent=98,
    etco2_mmhg=38,
    nibp_sys_mmhg=124,
    nibp_dia_mmhg=76,
    nibp_mean_mmhg=92,
    nibp_pulse_rate_per_min=71,
    ibp_sys_mmhg=131,
    ibp_dia_mmhg=70,
    ibp_mean_mmhg=90,
)
IN_BASIC = frozenset(Group) - {Group.P7, Group.P8, Group.SPO2_2}


def powered_on(options: DriOptions | None = None, vitals: Vitals = RESTING) -> DriMonitor:
    monitor = DriMonitor(lambda _now_s: vitals, options)
    assert monitor.start(0.0) == b""
    return monitor


def request(kind: int, interval_s: int, mask: int = 0, *, level: int = 0, main_type: int = 0, tail: int = 0) -> bytes:
    header = struct.pack("<hBBHIBBHh", 49, 0, level, 0, 0, 0, 0, 0, main_type)
    return wired(header + b"\0\0\0\0\0\xff" + bytes(18) + struct.pack("<BhIh", kind, interval_s, mask, tail))


def wired(record: bytes) -> bytes:
    whole = record + bytes([sum(record) % 256])
    return b"\x7e" + re.sub(rb"[\x7d\x7e]", lambda sign: bytes([0x7D, sign[0][0] ^ 0x20]), whole) + b"\x7e"


def plain(line: bytes) -> list[bytes]:
    """Return the records on the line, each checked by its sum and length."""
    records = []
    for body in re.findall(rb"[^\x7e]+", line):
        whole = re.sub(rb"\x7d(.)", lambda pair: bytes([pair[1][0] ^ 0x20]), body, flags=re.DOTALL)
        assert sum(whole[:-1]) % 256 == whole[-1]
        assert struct.unpack_from("<h", whole)[0] == len(whole) - 1
        records.append(whole[:-1])
    return records


def one(line: bytes) -> bytes:
    (record,) = plain(line)
    return record


def i16(record: bytes, *offsets: int, data: int = 44) -> tuple[int, ...]:
    """Return values of a class by their offsets in the sheet; the first sub-record's class begins at 44."""
    return tuple(struct.unpack_from("<h", record, data + offset)[0] for offset in offsets)


def status(record: bytes, offset: int) -> int:
    return int(struct.unpack_from("<I", record, 44 + offset)[0])


def label(record: bytes, offset: int) -> int:
    return int(struct.unpack_from("<H", record, 44 + offset + 4)[0])


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


def test_every_group_is_where_the_sheet_says() -> None:
    monitor = powered_on(DriOptions(fitted=frozenset(Group)))
    expected = {}
    for number, (group, fields) in enumerate(FIELDS.items()):
        monitor.modules.set_label(group, 1000 + number)
        for place, field in enumerate(fields):
            raw = 100 * number + place + 1
            monitor.modules.set_value(group, field, Decimal(raw) / fields[field])
            expected[group, field] = raw
    first = one(monitor.feed(request(1, -1, 2), 0.0))
    places = {
        Group.ECG: (0, 6, 8, 10, 12, 14),
        Group.P1: (16, 22, 24, 26, 28),
        Group.P2: (30, 36, 38, 40, 42),
        Group.P3: (44, 50, 52, 54, 56),
        Group.P4: (58, 64, 66, 68, 70),
        Group.NIBP: (72, 78, 80, 82, 84),
        Group.T1: (86, 92),
        Group.T2: (94, 100),
        Group.T3: (102, 108),
        Group.T4: (110, 116),
        Group.SPO2: (118, 124, 126, 128, 130),
        Group.CO2: (132, 138, 140, 142, 144),
        Group.O2: (146, 152, 154),
        Group.N2O: (156, 162, 164),
        Group.AA: (166, 172, 174, 176),
        Group.FLOW: (178, 184, 186, 188, 190, 192, 194, 196, 198),
        Group.CO: (200, 206, 208, 210, 212),
        Group.NMT: (214, 220, 222, 224),
        Group.ECG_EXTRA: (226, 226, 228, 230),
        Group.SVO2: (232, 238),
        Group.P5: (240, 246, 248, 250, 252),
        Group.P6: (254, 260, 262, 264, 266),
        Group.P7: (78, 84, 86, 88, 90),
        Group.P8: (92, 98, 100, 102, 104),
        Group.SPO2_2: (106, 112, 114, 116, 118),
    }
    assert places.keys() == FIELDS.keys()
    for number, group in enumerate(FIELDS):
        base, *offsets = places[group]
        at = 278 if group in {Group.P7, Group.P8, Group.SPO2_2} else 0
        assert i16(first, *(at + offset for offset in offsets)) == tuple(
            raw for (owner, _), raw in expected.items() if owner is group
        ), group
        if group is not Group.ECG_EXTRA:
            assert label(first, at + base) & ~0x100 == (1000 + number) & ~0x100
            assert status(first, at + base) & 3 == 3


def test_values_are_in_the_sheets_steps() -> None:
    record = one(powered_on().feed(ONCE, 0.0))
    assert i16(record, 6, 14, 226) == (72, 14, 72)
    assert i16(record, 22, 24, 26, 28) == (13100, 7000, 9000, 72)
    assert i16(record, 78, 80, 82, 84) == (12400, 7600, 9200, 71)
    assert i16(record, 124, 126, 128, 130) == (9800, 72, NONE, NONE)
    assert i16(record, 138, 140, 142, 144) == (500, NONE, 14, 7600)  # 38 mmHg of 760 are 5 %
    assert i16(record, 92) == (NONE,)
    assert (label(record, 0), label(record, 16), label(record, 72)) == (2, 1, 0x0B)
    by_hand = powered_on(DriOptions(cuff_interval_s=None))
    assert label(one(by_hand.feed(ONCE, 0.0)), 72) == 3
    by_hand.modules.set_label(Group.NIBP, NibpLabel.CHILD | NibpLabel.STAT | NibpLabel.MEASURING)
    assert label(one(by_hand.feed(ONCE, 0.0)), 72) == 0x32


def test_a_group_without_a_module_does_not_exist() -> None:
    monitor = powered_on(DriOptions(fitted=frozenset({Group.ECG})))
    record = one(monitor.feed(request(1, -1, 2), 0.0))
    for at in (16, 30, 44, 58, 72, 86, 118, 132, 146, 156, 166, 178, 200, 214, 232, 240, 254, 278 + 78, 278 + 106):
        assert (status(record, at), label(record, at)) == (0, 0)
        assert i16(record, at + 6) == (NONE,)
    assert i16(record, 78, 80, 82, 84, 124, 138) == (NONE,) * 6
    assert i16(record, 268) == (NONE,)
    assert record[44 + 278 : 44 + 278 + 78] == bytes(78)
    monitor.modules.plug_in(Group.SPO2)
    assert i16(one(monitor.feed(ONCE, 1.0)), 124) == (9800,)
    monitor.modules.unplug(Group.ECG)
    record = one(monitor.feed(ONCE, 2.0))
    assert status(record, 0) == 0
    assert i16(record, 6, 14, 226) == (NONE,) * 3


def test_what_is_not_measured_yet_is_active_without_a_value() -> None:
    record = one(powered_on(vitals=Vitals()).feed(ONCE, 0.0))
    for at in (16, 72, 86, 118, 132):
        assert status(record, at) == 3
    assert status(record, 0) == 0x0B
    assert i16(record, 6, 14, 22, 28, 78, 84, 92, 124, 126, 138, 142, 226) == (NONE,) * 12
    assert i16(record, 144) == (7600,)


def test_a_rate_goes_with_what_it_is_counted_from() -> None:
    record = one(powered_on(vitals=Vitals(heart_rate_per_min=72, respiratory_rate_per_min=14)).feed(ONCE, 0.0))
    assert i16(record, 6, 14, 28, 126, 142) == (72, 14, NONE, NONE, NONE)


def test_zero_is_a_value() -> None:
    assert i16(one(powered_on(vitals=Vitals(heart_rate_per_min=0)).feed(ONCE, 0.0)), 6) == (0,)


@pytest.mark.parametrize("still_active", [False, True])
def test_a_sensor_off_has_no_values_and_comes_back(still_active: bool) -> None:
    monitor = powered_on()
    monitor.modules.set_value(Group.SPO2, "ir", Decimal(5))
    before = one(monitor.feed(ONCE, 0.0))
    monitor.modules.switch_off(Group.SPO2, still_active=still_active)
    record = one(monitor.feed(ONCE, 0.0))
    assert i16(record, 124, 126, 128, 130) == (NONE,) * 4
    assert status(record, 118) == (3 if still_active else 1)
    monitor.modules.switch_on(Group.SPO2)
    assert one(monitor.feed(ONCE, 0.0))[40:] == before[40:]


def test_leads_off_and_the_heart_rate_from_elsewhere() -> None:
    monitor = powered_on()
    monitor.modules.switch_off(Group.ECG)
    record = one(monitor.feed(ONCE, 0.0))
    assert status(record, 0) == 0x3800 | 1 << 3 | 1
    assert i16(record, 6, 14, 226) == (NONE,) * 3
    monitor.modules.hr_source = HrSource.PLETH
    record = one(monitor.feed(ONCE, 0.0))
    assert status(record, 0) == 0x3800 | 6 << 3 | 3
    assert i16(record, 6, 14, 226) == (72, NONE, NONE)
    monitor.modules.switch_off(Group.SPO2)
    record = one(monitor.feed(ONCE, 0.0))
    assert status(record, 0) == 0x3800 | 6 << 3 | 1
    assert i16(record, 6) == (NONE,)
    monitor.modules.switch_on(Group.SPO2)
    monitor.modules.unplug(Group.ECG)
    record = one(monitor.feed(ONCE, 0.0))
    assert status(record, 0) == 0
    assert i16(record, 6, 126) == (NONE, 72)


@pytest.mark.parametrize(("source", "code"), [(HrSource.UNKNOWN, 0), (HrSource.P1, 2), (HrSource.ECG_MORTARA, 9)])
def test_the_heart_rate_names_its_source(source: HrSource, code: int) -> None:
    monitor = powered_on()
    monitor.modules.hr_source = source
    record = one(monitor.feed(ONCE, 0.0))
    assert status(record, 0) >> 3 & 15 == code
    assert i16(record, 6) == (72,)


@pytest.mark.parametrize(
    ("special", "number"),
    [
        (Special.NONE, -32767),
        (Special.NOT_UPDATED, -32766),
        (Special.DISCONTINUITY, -32765),
        (Special.UNDER_RANGE, -32764),
        (Special.OVER_RANGE, -32763),
        (Special.NOT_CALIBRATED, -32762),
        (Decimal("327.67"), 32767),
        (Decimal("327.68"), -32763),
        (Decimal(-320), -32000),
        (Decimal("-320.01"), -32764),
        (Decimal("0.005"), 0),
        (Decimal("0.015"), 2),
    ],
)
def test_a_set_value_and_the_values_that_are_no_numbers(special: Decimal | Special, number: int) -> None:
    monitor = powered_on()
    monitor.modules.set_value(Group.NIBP, "sys", special)
    assert i16(one(monitor.feed(ONCE, 0.0)), 78) == (number,)
    monitor.modules.set_value(Group.NIBP, "sys", None)
    assert i16(one(monitor.feed(ONCE, 0.0)), 78) == (12400,)


def test_a_measured_pressure_beyond_the_field_is_over_range() -> None:
    assert i16(one(powered_on(vitals=Vitals(ibp_sys_mmhg=328)).feed(ONCE, 0.0)), 22) == (-32763,)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")])
def test_impossible_settings_are_refused(value: Decimal) -> None:
    modules = powered_on().modules
    with pytest.raises(ValueError, match=r"NIBP\.sys"):
        modules.set_value(Group.NIBP, "sys", value)
    with pytest.raises(ValueError, match="NIBP has no 'et'"):
        modules.set_value(Group.NIBP, "et", Special.NONE)
    with pytest.raises(ValueError, match="label"):
        modules.set_label(Group.NIBP, 0x10000)
    with pytest.raises(ValueError, match="status"):
        modules.mark(Group.NIBP, -1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cuff_interval_s": 0.0},
        {"cuff_interval_s": float("nan")},
        {"dri_level": 256},
        {"plug_id": -1},
        {"subtype_low_byte": 256},
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cuff interval" if "cuff_interval_s" in wrong else "byte"):
        DriOptions(**wrong)


def test_marks_are_set_beside_what_comes_by_itself() -> None:
    monitor = powered_on()
    monitor.modules.mark(Group.ECG, EcgStatus.ASYSTOLE | EcgStatus.NOISE)
    monitor.modules.mark(Group.CO2, Co2Status.APNEA_CO2 | Co2Status.WET)
    record = one(monitor.feed(ONCE, 0.0))
    assert status(record, 0) == 0x80 | 1 << 3 | 4 | 3
    assert status(record, 132) == 0x200 | 4 | 3


def cuff(monitor: DriMonitor, now_s: float) -> tuple[int, int, int]:
    """Return the systolic pressure, whether its label says old, and the time that the auxiliary record gives it."""
    displayed = one(monitor.feed(ONCE, now_s))
    auxiliary = one(monitor.feed(request(4, -1), now_s))
    return i16(displayed, 78)[0], label(displayed, 72) >> 8 & 1, struct.unpack_from("<I", auxiliary, 40)[0]


def test_the_cuff_pressure_stays_and_ages_until_the_next() -> None:
    monitor = DriMonitor(lambda now_s: Vitals(nibp_sys_mmhg=100 + int(now_s) // 100))
    monitor.start(10.0)
    assert monitor.deadline_s == 310.0
    assert cuff(monitor, 10.0) == (10000, 0, 1_700_000_010)
    assert cuff(monitor, 70.0) == (10000, 0, 1_700_000_010)
    assert cuff(monitor, 70.1) == (10000, 1, 1_700_000_010)
    assert cuff(monitor, 309.0) == (10000, 1, 1_700_000_010)
    monitor.tick(310.0)
    assert cuff(monitor, 311.0) == (10300, 0, 1_700_000_310)
    monitor.measure_cuff(450.0)
    assert cuff(monitor, 450.0) == (10400, 0, 1_700_000_450)
    assert monitor.deadline_s == 610.0


def test_a_cuff_never_measured_has_neither_value_nor_time() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    assert cuff(monitor, 100.0) == (NONE, 0, 0)


def test_a_power_cycle_forgets_the_cuff_measurement() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    monitor.measure_cuff(5.0)
    assert cuff(monitor, 100.0) == (12400, 1, 1_700_000_005)
    monitor.start(200.0)
    assert cuff(monitor, 300.0) == (NONE, 0, 0)


def test_a_cuff_that_is_off_measures_nothing() -> None:
    monitor = powered_on()
    monitor.modules.switch_off(Group.NIBP)
    monitor.tick(300.0)
    assert cuff(monitor, 301.0) == (NONE, 1, 1_700_000_000)
    monitor.modules.switch_on(Group.NIBP)
    assert cuff(monitor, 302.0) == (12400, 1, 1_700_000_000)


@pytest.mark.parametrize(("padded", "length"), [(False, 114), (True, 278)])
def test_the_auxiliary_record_has_the_sheets_layout(padded: bool, length: int) -> None:
    record = one(powered_on(DriOptions(auxiliary_padded=padded)).feed(AUXILIARY_5_S, 7.0))
    assert record[16:22] == b"\0\0\x04\0\0\xff"
    assert len(record) == 40 + length
    assert struct.unpack_from("<IhIIh", record, 40) == (1_700_000_000, 0, 0, 0, NONE)
    assert record[56:] == bytes(length - 16)


def test_the_monitors_clock_can_be_set() -> None:
    monitor = powered_on()
    monitor.unix_at_zero_s += 3600
    record = one(monitor.feed(ONCE, 5.0))
    assert struct.unpack_from("<I", record, 6) == struct.unpack_from("<I", record, 40) == (1_700_003_605,)
    assert cuff(monitor, 6.0)[2] == 1_700_000_000
    monitor.unix_at_zero_s = -10
    assert struct.unpack_from("<I", one(monitor.feed(ONCE, 5.0)), 6) == (2**32 - 5,)


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


def alarm_words(record: bytes) -> tuple[int, int]:
    """Return the sound and the silence state, having checked the record's layout."""
    assert record[14:22] == b"\x04\0\0\0\x01\0\0\xff"
    assert len(record) == 40 + 510
    reserved_1, sound, reserved_2, reserved_3, silence = struct.unpack_from("<5h", record, 40)
    assert (reserved_1, reserved_2, reserved_3) == (0, 0, 0)
    return sound, silence


def box(record: bytes, number: int) -> tuple[str, int, int, int]:
    """Return the text, whether it changed, the colour, and whether that changed."""
    text, changed, colour, colour_changed = struct.unpack_from("<80s3h", record, 40 + (10, 108, 206, 304, 402)[number])
    return text.rstrip(b"\0").decode("ascii"), changed, colour, colour_changed


def test_alarms_are_sent_by_rank_and_what_is_new_is_marked() -> None:
    monitor = powered_on()
    assert alarm_words(one(monitor.feed(ALARM_ONCE, 0.0))) == (0, 0)
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    monitor.set_alarm("APNEA", Colour.RED)
    record = one(monitor.feed(ALARM_ONCE, 1.0))
    assert alarm_words(record) == (1, 0)
    assert [box(record, number) for number in range(5)] == [
        ("APNEA", 1, 3, 1),
        ("HR HIGH", 1, 2, 1),
        *[("", 0, 0, 0)] * 3,
    ]
    record = one(monitor.feed(ALARM_ONCE, 2.0))
    assert [box(record, number)[1::2] for number in range(5)] == [(0, 0)] * 5
    monitor.clear_alarm("APNEA")
    record = one(monitor.feed(ALARM_ONCE, 3.0))
    assert [box(record, number) for number in range(2)] == [("HR HIGH", 1, 2, 1), ("", 1, 0, 1)]
    monitor.set_alarm("HR HIGH", Colour.RED)
    assert box(one(monitor.feed(ALARM_ONCE, 4.0)), 0) == ("HR HIGH", 0, 3, 1)


def test_five_alarms_are_shown_and_the_lowest_are_not() -> None:
    monitor = powered_on()
    for number in range(MAX_ALARMS):
        monitor.set_alarm(f"ALARM {number}", Colour.WHITE if number < 29 else Colour.YELLOW)
    with pytest.raises(ValueError, match="too many"):
        monitor.set_alarm("ONE MORE", Colour.RED)
    record = one(monitor.feed(ALARM_ONCE, 0.0))
    assert [box(record, number)[0] for number in range(5)] == ["ALARM 29", "ALARM 30", "ALARM 31", "ALARM 0", "ALARM 1"]
    with pytest.raises(ValueError, match="6 alarm boxes"):
        alarm_status([AlarmBox()] * 6, sound=False, silence=0)


def test_on_change_an_alarm_is_told_within_a_second() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    assert monitor.feed(ALARM_ON_CHANGE, 0.0) == b""
    assert monitor.deadline_s == 1.0
    assert monitor.feed(ALARM_ON_CHANGE, 0.5) == b""
    assert monitor.tick(1.0) == b""
    monitor.set_alarm("HR HIGH", Colour.RED)
    assert box(one(monitor.tick(2.0)), 0) == ("HR HIGH", 0, 3, 1)
    assert monitor.tick(3.0) == b""
    monitor.silence(Silence.ALL_20_S, 3.0)
    assert alarm_words(one(monitor.tick(4.0))) == (0, 7)
    assert monitor.tick(22.9) == b""
    assert alarm_words(one(monitor.tick(23.0))) == (1, 0)
    monitor.clear_alarm("HR HIGH")
    assert alarm_words(one(monitor.tick(24.0))) == (0, 0)
    assert monitor.feed(ALARM_NO_LONGER, 25.0) == b""
    assert monitor.deadline_s is None


@pytest.mark.parametrize(("silence", "sound"), [(Silence.APNEA, 1), (Silence.APNEA_ASYSTOLE, 1), (Silence.ALL, 0)])
def test_what_is_silenced_for_good_is_told(silence: Silence, sound: int) -> None:
    monitor = powered_on()
    monitor.set_alarm("HR HIGH", Colour.WHITE)
    monitor.silence(silence, 0.0)
    assert alarm_words(one(monitor.feed(ALARM_ONCE, 90_000.0))) == (sound, silence)


def test_a_monitor_without_alarms_ignores_the_request() -> None:
    monitor = powered_on(DriOptions(alarms_available=False, cuff_interval_s=None))
    assert monitor.feed(ALARM_ONCE + ALARM_ON_CHANGE, 0.0) == b""
    assert monitor.deadline_s is None
    assert monitor.violations == []


@pytest.mark.parametrize("text", ["", "x" * 80, "A\0B", "\n", "Å"])
def test_a_text_that_a_box_cannot_hold_is_refused(text: str) -> None:
    monitor = powered_on()
    with pytest.raises(ValueError, match="alarm text"):
        monitor.set_alarm(text, Colour.RED)
    monitor.set_alarm("x" * 79, Colour.RED)
    assert box(one(monitor.feed(ALARM_ONCE, 0.0)), 0)[0] == "x" * 79


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
