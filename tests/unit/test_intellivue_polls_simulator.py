"""The simulated IntelliVue monitor's answers to polls, and its numerics."""

import struct
from decimal import Decimal
from typing import Any

import pytest

from simulators.intellivue import (
    MAX_SUBSCRIPTIONS,
    IntelliVueMonitor,
)
from simulators.intellivue_alarms import Alarm, AlarmType
from simulators.intellivue_numerics import Numeric, Off, State, Unit
from simulators.intellivue_setup import IntelliVueOptions, Mode
from simulators.intellivue_values import TEXT_CHARS_MAX, Special
from simulators.intellivue_wire import frame
from simulators.patient import Vitals
from tests.unit.intellivue_simulator_talk import (
    ALARMS,
    CREATE_RESULT,
    DEMOGRAPHICS,
    ENUMERATION,
    MDS,
    NAN,
    NUMERIC,
    WAVE,
    alarm_lists,
    associate,
    condition,
    connected,
    numerics,
    one,
    plain,
    poll,
    powered_on,
    result,
    values,
)


def test_a_single_poll_has_the_sheets_offsets() -> None:
    told = one(connected(now_s=1.0).feed(poll(NUMERIC, invoke=0x1234, number=0x4321), 2.0))
    assert told[8:14] == bytes.fromhex("1234 0007") + struct.pack(">H", len(told) - 14)
    assert told[20:22] == b"\x0c\x16"
    assert told[24:38] == bytes.fromhex("4321 00003e80 2023111422132200")
    assert told[38:44] == bytes.fromhex("0001 0006 0000")


def test_an_extended_poll_without_a_time_is_answered_once_each_time() -> None:
    monitor = connected()
    told = [result(one(monitor.feed(poll(NUMERIC, extended=True), float(at_s)))) for at_s in range(3)]
    assert [(each.action, each.sequence) for each in told] == [(0xF13B, 1), (0xF13B, 2), (0xF13B, 3)]
    assert monitor.deadline_s == 12.0


def test_a_subscription_comes_by_itself_until_its_end() -> None:
    monitor = connected()
    first = result(one(monitor.feed(poll(NUMERIC, period_s=4, invoke=3, number=9), 0.0)))
    told = [first]
    while monitor.deadline_s is not None and monitor.deadline_s < 10.0:
        told.append(result(one(monitor.tick(monitor.deadline_s))))
    assert [each.ticks for each in told] == [0, 8192, 16384, 24576]
    assert [each.sequence for each in told] == [1, 2, 3, 4]
    assert {(each.invoke, each.number, each.action) for each in told} == {(3, 9, 0xF13B)}


def test_a_renewed_subscription_goes_on() -> None:
    monitor = connected()
    monitor.feed(poll(NUMERIC, period_s=2), 0.0)
    assert result(one(monitor.feed(poll(NUMERIC, period_s=2, invoke=8), 0.5))).sequence == 2
    assert monitor.deadline_s == 0.5 + 1.024
    told = result(one(monitor.tick(1.6)))
    assert (told.sequence, told.invoke) == (3, 8)
    assert monitor.deadline_s == 10.5


def test_missed_results_are_gone_and_the_phase_stays() -> None:
    monitor = connected()
    monitor.feed(poll(NUMERIC, period_s=600), 0.0)
    assert result(one(monitor.tick(5.0))).sequence == 2
    assert monitor.deadline_s == 5 * 1.024


def test_each_class_is_subscribed_by_itself_and_numbered_by_itself() -> None:
    monitor = connected()
    monitor.feed(poll(NUMERIC, period_s=60) + poll(ALARMS, 0x0801, period_s=60), 0.0)
    told = [result(message) for message in plain(monitor.tick(1.024))]
    assert [(each.object_class, each.group, each.sequence) for each in told] == [(6, 0, 2), (0x36, 0x0801, 2)]
    assert monitor.feed(poll(NUMERIC, period_s=0), 1.5) != b""
    assert [result(message).object_class for message in plain(monitor.tick(2.048))] == [0x36]


@pytest.mark.parametrize(("extension", "every_s"), [(0x4000_0000, 12.288), (0x2000_0000, 61.44), (0x1000_0000, 307.2)])
def test_averages_come_more_slowly(extension: int, every_s: float) -> None:
    monitor = powered_on(IntelliVueOptions(cuff_interval_s=None, extension=extension))
    monitor.feed(associate(extension=0xF000_0000, period=1_040_000), 0.0)
    monitor.feed(frame(CREATE_RESULT), 0.0)
    assert len(plain(monitor.feed(poll(NUMERIC, period_s=1000), 0.0))) == 1
    assert monitor.deadline_s == min(every_s, 130.0)


def test_without_the_package_there_are_no_extended_polls() -> None:
    monitor = powered_on()
    monitor.feed(associate(extension=None), 0.0)
    monitor.feed(frame(CREATE_RESULT), 0.0)
    refused = one(monitor.feed(poll(NUMERIC, period_s=30, invoke=5), 1.0))
    assert refused == bytes.fromhex("e1000002 0003 000a 0005 0009 0004 0021 f13b")
    assert len(plain(monitor.feed(poll(NUMERIC), 1.0))) == 1


def test_too_many_subscriptions_get_an_error() -> None:
    monitor = connected()
    wanted = [(NUMERIC, group) for group in (0, 0x0801, 0x0803, 0x0807, 0x080C, 0x0811)] + [(ALARMS, 0), (MDS, 0)]
    assert len(wanted) == MAX_SUBSCRIPTIONS
    for object_class, group in wanted:
        assert result(one(monitor.feed(poll(object_class, group, period_s=60), 0.0))).sequence == 1
    refused = one(monitor.feed(poll(WAVE, period_s=60), 0.0))
    assert refused == bytes.fromhex("e1000002 0003 000a 0007 000a 0004 0000 0000")
    assert result(one(monitor.feed(poll(MDS, period_s=60), 0.0))).sequence == 2


@pytest.mark.parametrize("object_class", [WAVE, ENUMERATION, DEMOGRAPHICS])
def test_classes_without_objects_are_answered_with_nothing(object_class: int) -> None:
    monitor = connected()
    told = one(monitor.feed(poll(object_class), 0.0))
    assert told[44:] == bytes(4)
    assert result(told).object_class == object_class
    assert monitor.violations == []


def test_the_monitor_itself_can_be_polled() -> None:
    monitor = connected()
    told = result(one(monitor.feed(poll(MDS, 0x080C), 2.0))).objects
    assert list(told) == [0]
    assert told[0][0x0987].hex() == "2023111422132200"
    assert told[0][0x0946] == b"\x40\0"
    assert result(one(monitor.feed(poll(MDS), 2.0))).objects == told
    assert result(one(monitor.feed(poll(MDS, 0x0803), 2.0))).objects == {}


def test_groups_choose_the_attributes() -> None:
    monitor = connected()
    monitor.measure_cuff(0.0)
    monitor.measurements.set_label_string(Numeric.HR, "HR")

    def asked(group: int) -> dict[int, dict[int, bytes]]:
        return result(one(monitor.feed(poll(NUMERIC, group), 1.0))).objects

    everything, static, observed = asked(0), asked(0x0811), asked(0x0803)
    assert list(static[1].items()) == [(0x0924, b"\0\x02\x41\x82"), (0x0927, b"\0\x06\0H\0R\0\0")]
    assert list(observed[5]) == [0x094B, 0x0990]
    assert everything == {handle: static[handle] | observed[handle] for handle in everything}
    assert asked(0x0801) == {}


def test_absolute_times_may_be_missing_and_ticks_turn_over() -> None:
    monitor = connected(IntelliVueOptions(cuff_interval_s=None, absolute_times=False, ticks_at_start=2**32 - 8000))
    assert result(one(monitor.feed(poll(NUMERIC), 0.5))).ticks == 2**32 - 4000
    told = result(one(monitor.feed(poll(NUMERIC), 1.0)))
    assert (told.ticks, told.time) == (0, b"\xff" * 8)


def test_the_monitors_clock_can_be_set() -> None:
    monitor = connected()
    monitor.measure_cuff(0.0)
    monitor.unix_at_zero_s += 3600
    told = result(one(monitor.feed(poll(NUMERIC), 1.0)))
    assert told.time.hex() == "2023111423132100"
    assert told.objects[5][0x0990].hex() == "2023111422132000"


def test_a_big_answer_comes_in_linked_parts() -> None:
    monitor = powered_on(IntelliVueOptions(cuff_interval_s=None, fitted=frozenset(Numeric)))
    monitor.measurements.set_label_string(Numeric.OTHER, "x" * 60)
    monitor.feed(associate(mtu_rx=300), 0.0)
    monitor.feed(frame(CREATE_RESULT), 0.0)
    messages = plain(monitor.feed(poll(NUMERIC, extended=True), 1.0))
    assert all(len(message) <= 300 for message in messages)
    told = [result(message) for message in messages]
    assert [each.linked for each in told] == [(1, 1), (2, 2), (3, 3), None]
    assert {(each.invoke, each.number, each.sequence, each.ticks) for each in told} == {(7, 1, 1, 8000)}
    assert [handle for each in told for handle in each.objects] == list(range(1, 20))


def test_a_message_of_just_the_largest_size_is_not_cut() -> None:
    whole = one(connected().feed(poll(NUMERIC), 1.0))
    for size, parts in ((len(whole) + 2, 1), (len(whole) + 1, 2)):
        monitor = powered_on()
        monitor.feed(associate(mtu_rx=size), 0.0)
        monitor.feed(frame(CREATE_RESULT), 0.0)
        messages = plain(monitor.feed(poll(NUMERIC), 1.0))
        assert [result(message).linked for message in messages] == [(1, 1), None][2 - parts :]
        assert messages[-1] == whole or parts == 2


def test_every_numeric_has_the_sheets_ids_and_unit() -> None:
    monitor = connected(IntelliVueOptions(cuff_interval_s=None, fitted=frozenset(Numeric)))
    told = result(one(monitor.feed(poll(NUMERIC), 1.0)))
    assert {physio_id: unit for physio_id, (_, unit, _) in values(told).items()} == {
        0x4182: 0x0AA0,
        0x480A: 0x0AA0,
        0x4822: 0x0AA0,
        0x4BB8: 0x0220,
        0x4BB0: 0x0200,
        **dict.fromkeys((0x4A05, 0x4A06, 0x4A07, 0x4A15, 0x4A16, 0x4A17, 0x4A11, 0x4A12, 0x4A13), 0x0F20),
        **dict.fromkeys((0x4A01, 0x4A02, 0x4A03, 0x4A1D, 0x4A1E, 0x4A1F, 0x4A47), 0x0F20),
        0xF0E5: 0x0AA0,
        0x500A: 0x0AE0,
        0x5012: 0x0AE0,
        0x50B0: 0x0F20,
        0x50BA: 0x0F20,
        0x4B48: 0x17A0,
        0xE014: 0x17A0,
        0xEFFF: 0x0200,
    }
    labels = [int.from_bytes(attributes[0x0924], "big") for attributes in told.objects.values()]
    assert labels[:7] == [0x24182, 0x24BB8, 0x24822, 0x2500A, 0x24A04, 0x24A14, 0x250AC]
    assert labels[7:] == [
        *(0x25012, 0x250AC, 0x2480A, 0x24BB0, 0x2F0E5, 0x24A10, 0x24A00, 0x24A1C, 0x24A44),
        *(0x24B48, 0x2E014, 0x2EFFF),
    ]


def test_measured_values() -> None:
    monitor = connected()
    monitor.measure_cuff(0.0)
    told = numerics(monitor)
    assert told[0x4182] == (0, 0x0AA0, 87)
    assert told[0x4BB8] == (0, 0x0220, 0xFF0003CA)
    assert told[0x4822] == (0, 0x0AA0, 87)
    assert (told[0x500A][2], told[0x5012][2], told[0x50B0][2]) == (16, 16, 39)
    assert [told[part][2] for part in (0x4A05, 0x4A06, 0x4A07, 0xF0E5)] == [123, 76, 92, 85]
    assert [told[part][2] for part in (0x4A15, 0x4A16, 0x4A17)] == [131, 72, 91]
    assert told[0x4B48] == (0x8000, 0x17A0, NAN)


def test_what_is_not_measured_is_never_zero_and_zero_is_a_value() -> None:
    told = numerics(connected(vitals=Vitals(heart_rate_per_min=0)))
    assert told.pop(0x4182) == (0, 0x0AA0, 0)
    assert {(state, value) for state, _, value in told.values()} == {(0x8000, NAN)}


@pytest.mark.parametrize(("how", "state"), [(Off.INVALID, 0x8000), (Off.UNAVAILABLE, 0x2000), (Off.BOTH, 0xA000)])
def test_a_sensor_off_has_no_value_and_comes_back(how: Off, state: int) -> None:
    monitor = connected()
    monitor.measurements.set_value(Numeric.SPO2, Decimal(50))
    monitor.measurements.switch_off(Numeric.SPO2, how)
    assert numerics(monitor)[0x4BB8] == (state, 0x0220, NAN)
    monitor.measurements.switch_on(Numeric.SPO2)
    assert numerics(monitor)[0x4BB8] == (0, 0x0220, 50)
    monitor.measurements.set_value(Numeric.SPO2, None)
    assert numerics(monitor)[0x4BB8] == (0, 0x0220, 0xFF0003CA)


def test_a_sensor_off_or_a_module_out_may_mean_no_object() -> None:
    monitor = connected()
    monitor.measurements.switch_off(Numeric.SPO2, Off.GONE)
    monitor.measurements.unplug(Numeric.HR)
    monitor.measurements.plug_in(Numeric.PAP)
    told = numerics(monitor)
    assert not told.keys() & {0x4BB8, 0x4182}
    assert told.keys() >= {0x4822, 0x4A1D}


def test_marks_values_and_units_by_hand() -> None:
    monitor = connected()
    measurements = monitor.measurements
    measurements.mark(Numeric.HR, State.QUESTIONABLE | State.TEST_DATA)
    measurements.set_value(Numeric.ABP, Decimal("70.5"), part=1)
    measurements.set_value(Numeric.ABP, Special.PLUS_INFINITY, part=2)
    measurements.set_unit(Numeric.ETCO2, Unit.KPA)
    measurements.set_unit(Numeric.RR, 0x1234)
    told = numerics(monitor)
    assert told[0x4182] == (0x4800, 0x0AA0, 87)
    assert [told[part][2] for part in (0x4A15, 0x4A16, 0x4A17)] == [131, 0xFF0002C1, 0x007FFFFE]
    assert told[0x50B0] == (0, 0x0F03, 0xFF000034)  # 39 mmHg are 5.2 kPa
    assert told[0x500A] == (0, 0x1234, 16)


def test_impossible_settings_are_refused() -> None:
    measurements = powered_on().measurements
    with pytest.raises(ValueError, match="part 1"):
        measurements.set_value(Numeric.HR, Decimal(1), part=1)
    with pytest.raises(ValueError, match="FLOAT"):
        measurements.set_value(Numeric.HR, Decimal("NaN"))
    with pytest.raises(ValueError, match="65536"):
        measurements.mark(Numeric.HR, 65536)
    with pytest.raises(ValueError, match="-1"):
        measurements.set_unit(Numeric.HR, -1)
    with pytest.raises(ValueError, match="4294967296"):
        measurements.set_label(Numeric.HR, 2**32)
    with pytest.raises(ValueError, match="text"):
        measurements.set_label_string(Numeric.HR, "x" * (TEXT_CHARS_MAX + 1))
    measurements.set_label_string(Numeric.HR, "x" * TEXT_CHARS_MAX)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"cuff_interval_s": 0.0}, "cuff"),
        ({"cuff_interval_s": float("nan")}, "cuff"),
        ({"mtu_tx_bytes": 299}, "300"),
        ({"ticks_at_start": 2**32}, "four bytes"),
        ({"min_poll_period_ticks": -1}, "four bytes"),
        ({"bed_label": "A\n"}, "text"),
        ({"model": ("", "x" * 65)}, "text"),
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        IntelliVueOptions(**wrong)


def cuff(monitor: IntelliVueMonitor, now_s: float) -> tuple[int, str]:
    """Return the systolic pressure and the time of the measurement."""
    attributes = result(one(monitor.feed(poll(NUMERIC), now_s))).objects[5]
    return struct.unpack_from(">10xI", attributes[0x094B])[0], attributes.get(0x0990, b"").hex()


def test_the_cuff_pressure_stays_with_its_time_until_the_next() -> None:
    monitor = IntelliVueMonitor(lambda now_s: Vitals(nibp_sys_mmhg=100 + int(now_s) // 100))
    monitor.start(10.0)
    assert monitor.deadline_s == 310.0
    monitor.feed(associate(period=1_040_000), 10.0)
    monitor.feed(frame(CREATE_RESULT), 10.0)
    assert cuff(monitor, 11.0) == (100, "2023111422133000")
    assert cuff(monitor, 120.0) == (100, "2023111422133000")
    assert cuff(monitor, 240.0) == (100, "2023111422133000")
    assert cuff(monitor, 310.0) == (103, "2023111422183000")
    monitor.measure_cuff(400.0)
    assert cuff(monitor, 401.0) == (104, "2023111422200000")
    monitor.measurements.cuff_shown_s = 60.0
    assert cuff(monitor, 460.0) == (104, "2023111422200000")
    told = result(one(monitor.feed(poll(NUMERIC), 460.1))).objects
    assert not told.keys() & {5, 12}


def test_a_cuff_never_measured_has_neither_value_nor_time() -> None:
    assert cuff(connected(), 1.0) == (NAN, "")


def test_a_cuff_that_is_off_measures_nothing() -> None:
    monitor = connected()
    monitor.measure_cuff(1.0)
    monitor.measurements.switch_off(Numeric.NIBP)
    monitor.measure_cuff(2.0)
    assert cuff(monitor, 3.0) == (NAN, "2023111422132100")
    monitor.measurements.switch_on(Numeric.NIBP)
    assert cuff(monitor, 4.0) == (123, "2023111422132100")


def test_demonstration_and_standby_show_in_every_state() -> None:
    monitor = connected()
    monitor.alarms.raise_alarm(Alarm(AlarmType.PATIENT_LOW, 1))
    monitor.mode = Mode.DEMO
    told = numerics(monitor)
    assert told[0x4182] == (0x0400, 0x0AA0, 87)
    assert told[0x4B48] == (0x8400, 0x17A0, NAN)
    assert (alarm_lists(monitor)[0][0][3], condition(monitor)[0]) == (0x0100, 0x0100)
    monitor.mode = Mode.STANDBY
    assert {(state, value) for state, _, value in numerics(monitor).values()} == {(0x8000, NAN)}
    assert (alarm_lists(monitor)[0][0][3], condition(monitor)[0]) == (0x0200, 0x0200)
