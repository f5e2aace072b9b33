"""The values of the simulated DRI monitor: where the sheet has them, what stands in their place, the cuff's age."""

import struct
from decimal import Decimal
from typing import Any

import pytest

from simulators.ge_dri import DriMonitor, DriOptions
from simulators.ge_dri_modules import Co2Status, EcgStatus, HrSource, NibpLabel
from simulators.ge_dri_records import FIELDS, Group, Special
from simulators.patient import Vitals
from tests.unit.ge_dri_simulator_talk import NONE, ONCE, i16, label, one, powered_on, request, status


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


# The cuff and its time


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


def test_the_monitors_clock_can_be_set() -> None:
    monitor = powered_on()
    monitor.unix_at_zero_s += 3600
    record = one(monitor.feed(ONCE, 5.0))
    assert struct.unpack_from("<I", record, 6) == struct.unpack_from("<I", record, 40) == (1_700_003_605,)
    assert cuff(monitor, 6.0)[2] == 1_700_000_000
    monitor.unix_at_zero_s = -10
    assert struct.unpack_from("<I", one(monitor.feed(ONCE, 5.0)), 6) == (2**32 - 5,)
