"""The DRI driver against the DRI simulator: written by different hands, they must tell the same patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from drivers.ge_dri import DRIVER, DriSession
from drivers.ge_dri_frame import LEVELS, Ask, Request
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceRestarted,
    Observation,
    Quantity,
    SessionOptions,
    Validity,
)
from simulators.ge_dri import BAUD, DATA_BITS, PARITY, STOP_BITS, Colour, DriMonitor, DriOptions
from simulators.ge_dri_modules import USUAL_GROUPS, Co2Status, EcgStatus, HrSource, NibpLabel
from simulators.ge_dri_records import Group, Special
from simulators.patient import Vitals
from tests.conformance.test_device_task import has_sample, line, task
from tests.conformance.virtual import Faults, Wire, cut_anywhere, reading, value

K = DeviceAlarmKind
Q = Quantity
MAY_BE_SENT = {Request(ask, level).encode() for ask in Ask for level in LEVELS}

STEADY = Vitals(
    heart_rate_per_min=72,
    respiratory_rate_per_min=14,
    spo2_percent=97,
    etco2_mmhg=38,
    nibp_sys_mmhg=122,
    nibp_dia_mmhg=78,
    nibp_mean_mmhg=93,
    nibp_pulse_rate_per_min=71,
    ibp_sys_mmhg=118,
    ibp_dia_mmhg=70,
    ibp_mean_mmhg=86,
)
SHOWN = {
    Q.HEART_RATE: ("heart_rate_per_min", "/min", "ECG-II"),
    Q.PULSE_RATE: ("heart_rate_per_min", "/min", "pleth"),
    Q.SPO2: ("spo2_percent", "%", "SpO2"),
    Q.RESPIRATORY_RATE: ("respiratory_rate_per_min", "/min", "CO2"),
    Q.ETCO2: ("etco2_mmhg", "mm[Hg]", "CO2"),
    Q.NIBP_SYS: ("nibp_sys_mmhg", "mm[Hg]", "adult cuff"),
    Q.NIBP_DIA: ("nibp_dia_mmhg", "mm[Hg]", "adult cuff"),
    Q.NIBP_MEAN: ("nibp_mean_mmhg", "mm[Hg]", "adult cuff"),
    Q.NIBP_PULSE_RATE: ("nibp_pulse_rate_per_min", "/min", "adult cuff"),
    Q.IBP1_SYS: ("ibp_sys_mmhg", "mm[Hg]", "ART"),
    Q.IBP1_DIA: ("ibp_dia_mmhg", "mm[Hg]", "ART"),
    Q.IBP1_MEAN: ("ibp_mean_mmhg", "mm[Hg]", "ART"),
}
CUFF = (Q.NIBP_SYS, Q.NIBP_DIA, Q.NIBP_MEAN, Q.NIBP_PULSE_RATE)
GAS_STEP_MMHG = Decimal("0.04")
"""Half a hundredth of a percent of 760 mmHg: what the wire cannot tell of a carbon dioxide."""


def wire(vitals: Vitals = STEADY, options: DriOptions | None = None) -> tuple[Wire, DriMonitor]:
    monitor = DriMonitor(lambda _: vitals, options)
    return Wire(DriSession(SessionOptions("monitor")), monitor), monitor


def assert_only_asked(talk: Wire, monitor: DriMonitor) -> None:
    assert {*talk.sent} <= MAY_BE_SENT
    assert (monitor.violations, monitor.violation_count) == ([], 0)


def assert_tells(observation: Observation, vitals: Vitals) -> None:
    """Every value is the patient's, or missing."""
    for quantity, (name, *_) in SHOWN.items():
        told, true = value(observation, quantity), getattr(vitals, name)
        if told is not None:
            assert abs(told - true) <= (GAS_STEP_MMHG if quantity is Q.ETCO2 else 0), quantity


def alarm_sets(talk: Wire) -> list[tuple[DeviceAlarm, ...]]:
    return [one.alarms for one in talk.events(AlarmSetChanged) if isinstance(one, AlarmSetChanged)]


@pytest.mark.parametrize(
    "options",
    [
        DriOptions(),
        DriOptions(dri_level=2),
        DriOptions(dri_level=12, plug_id=0xFDE8),
        DriOptions(subtype_low_byte=0x91),
        DriOptions(auxiliary_padded=True),
        DriOptions(shared_flags=True),
        DriOptions(alarms_available=False),
        DriOptions(auxiliary_padded=True, shared_flags=True, subtype_low_byte=0x7E, plug_id=0x7D7E),
    ],
)
def test_every_value_arrives_as_it_was_shown_however_the_monitor_is_set_up(options: DriOptions) -> None:
    talk, monitor = wire(options=options)
    monitor.modules.set_value(Group.T1, "temp", Decimal("36.9"))
    talk.run(60.0)
    assert len(talk.observations()) == 12
    for observation in talk.observations():
        assert_tells(observation, STEADY)
        assert all(value(observation, quantity) is not None for quantity in SHOWN)
    last = talk.last()
    for quantity, (_, unit, origin) in SHOWN.items():
        shown = reading(last, quantity)
        assert (shown.unit, shown.resolution, shown.validity, shown.origin) == (
            unit,
            Decimal(1),
            Validity.VALID,
            origin,
        )
    temperature = reading(last, Q.TEMPERATURE_1)
    assert (temperature.value, temperature.unit, temperature.resolution) == (Decimal("36.90"), "Cel", Decimal("0.1"))
    for quantity in (Q.IBP2_SYS, Q.IBP2_DIA, Q.IBP2_MEAN, Q.TEMPERATURE_2):
        assert reading(last, quantity).validity is Validity.NOT_AVAILABLE
    assert [one.model for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified)] == [
        f"GE/Datex-Ohmeda monitor, DRI level {options.dri_level}"
    ]
    assert alarm_sets(talk) == [()]
    assert talk.rejections() == []
    assert_only_asked(talk, monitor)


@pytest.mark.parametrize(
    "vitals",
    [
        # 125 and 126 are the bytes that are stuffed.
        replace(STEADY, heart_rate_per_min=126, nibp_pulse_rate_per_min=125),
        replace(STEADY, heart_rate_per_min=125, nibp_pulse_rate_per_min=126),
        replace(STEADY, heart_rate_per_min=38, respiratory_rate_per_min=6, spo2_percent=71, etco2_mmhg=61),
        replace(STEADY, heart_rate_per_min=214, respiratory_rate_per_min=45, spo2_percent=100, etco2_mmhg=9),
        replace(STEADY, nibp_sys_mmhg=214, nibp_dia_mmhg=121, nibp_mean_mmhg=152, nibp_pulse_rate_per_min=133),
        replace(STEADY, ibp_sys_mmhg=252, ibp_dia_mmhg=0, ibp_mean_mmhg=125),
    ],
)
def test_other_patients_arrive_as_they_are(vitals: Vitals) -> None:
    talk, _ = wire(vitals)
    talk.run(16.0)
    assert len(talk.observations()) == 4
    for observation in talk.observations():
        assert_tells(observation, vitals)
        assert all(value(observation, quantity) is not None for quantity in SHOWN)
    assert talk.rejections() == []


def test_no_heart_rate_loses_a_record() -> None:
    """Whatever byte the checksum becomes, and whatever is to be stuffed."""
    rates = {"now": 10}
    monitor = DriMonitor(lambda _: replace(STEADY, heart_rate_per_min=rates["now"]))
    talk = Wire(DriSession(SessionOptions("monitor")), monitor)
    talk.run(2.0)
    for rate in range(11, 300):
        rates["now"] = rate
        talk.run(5.0)
        assert value(talk.last(), Q.HEART_RATE) == rate
    assert talk.rejections() == []


def test_values_come_every_five_seconds() -> None:
    talk, _ = wire()
    talk.run(60.0)
    times = [one.received_at_s for one in talk.observations()]
    assert {round(after - before, 3) for before, after in pairwise(times)} == {5.0}
    assert talk.session.round_s == 5.0


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        (HrSource.ECG, "ECG-II"),
        (HrSource.ECG_MORTARA, "ECG-II"),
        (HrSource.PLETH, "pleth"),
        (HrSource.P1, "P1"),
    ],
)
def test_the_heart_rate_says_what_it_is_counted_from(source: HrSource, origin: str) -> None:
    talk, monitor = wire()
    monitor.modules.hr_source = source
    talk.run(3.0)
    shown = reading(talk.last(), Q.HEART_RATE)
    assert (shown.value, shown.origin, shown.validity) == (Decimal(72), origin, Validity.VALID)


def test_a_heart_rate_that_does_not_say_so_is_doubted() -> None:
    talk, monitor = wire()
    monitor.modules.hr_source = HrSource.UNKNOWN
    talk.run(3.0)
    shown = reading(talk.last(), Q.HEART_RATE)
    assert (shown.value, shown.origin, shown.validity) == (Decimal(72), "", Validity.QUESTIONABLE)


def test_with_the_ecg_off_a_pulse_stands_for_the_heart_rate_under_its_own_name() -> None:
    talk, monitor = wire()
    monitor.modules.hr_source = HrSource.PLETH
    monitor.modules.switch_off(Group.ECG)
    talk.run(3.0)
    shown = reading(talk.last(), Q.HEART_RATE)
    assert (shown.value, shown.origin, shown.validity) == (Decimal(72), "pleth", Validity.VALID)


@pytest.mark.parametrize(
    ("group", "quantities", "alarms"),
    [
        (Group.ECG, (Q.HEART_RATE,), [K.SENSOR_OFF] * 3),
        (Group.SPO2, (Q.SPO2, Q.PULSE_RATE), []),
        (Group.CO2, (Q.ETCO2,), []),
        (Group.P1, (Q.IBP1_SYS, Q.IBP1_DIA, Q.IBP1_MEAN), []),
        (Group.NIBP, CUFF, []),
    ],
)
@pytest.mark.parametrize("still_active", [False, True])
def test_a_sensor_that_is_off_gives_no_value_and_its_return_gives_it_again(
    group: Group, quantities: tuple[Quantity, ...], alarms: list[DeviceAlarmKind], still_active: bool
) -> None:
    talk, monitor = wire()
    talk.run(21.0)
    monitor.modules.switch_off(group, still_active=still_active)
    talk.run(6.0)
    for quantity in SHOWN:
        if quantity in quantities:
            assert reading(talk.last(), quantity).validity is Validity.NOT_AVAILABLE
        else:
            assert value(talk.last(), quantity) is not None
    assert [alarm.kind for alarm in alarm_sets(talk)[-1]] == alarms
    monitor.modules.switch_on(group)
    talk.run(6.0)
    assert all(value(talk.last(), quantity) is not None for quantity in SHOWN)
    assert alarm_sets(talk)[-1] == ()
    assert_tells(talk.last(), STEADY)


def test_without_a_capnograph_breathing_is_the_impedances() -> None:
    talk, monitor = wire()
    monitor.modules.switch_off(Group.CO2)
    talk.run(3.0)
    shown = reading(talk.last(), Q.RESPIRATORY_RATE)
    assert (shown.value, shown.origin, shown.validity) == (Decimal(14), "impedance", Validity.VALID)


@pytest.mark.parametrize("group", sorted(USUAL_GROUPS))
def test_a_module_that_is_taken_out_takes_its_values_with_it(group: Group) -> None:
    talk, monitor = wire()
    monitor.modules.set_value(Group.T1, "temp", Decimal("36.9"))
    talk.run(6.0)
    monitor.modules.unplug(group)
    talk.run(6.0)
    gone = {
        Group.ECG: {Q.HEART_RATE},
        Group.SPO2: {Q.SPO2, Q.PULSE_RATE},
        Group.CO2: {Q.ETCO2},
        Group.P1: {Q.IBP1_SYS, Q.IBP1_DIA, Q.IBP1_MEAN},
        Group.NIBP: {*CUFF},
        Group.T1: {Q.TEMPERATURE_1},
    }[group]
    assert {one for one in (*SHOWN, Q.TEMPERATURE_1) if value(talk.last(), one) is None} == gone


@pytest.mark.parametrize(
    ("special", "validity"),
    [
        (Special.NONE, Validity.NOT_AVAILABLE),
        (Special.NOT_UPDATED, Validity.NOT_AVAILABLE),
        (Special.DISCONTINUITY, Validity.NOT_AVAILABLE),
        (Special.UNDER_RANGE, Validity.UNDER),
        (Special.OVER_RANGE, Validity.OVER),
        (Special.NOT_CALIBRATED, Validity.NOT_AVAILABLE),
    ],
)
@pytest.mark.parametrize(
    ("group", "field", "quantity"),
    [
        (Group.ECG, "hr", Q.HEART_RATE),
        (Group.SPO2, "spo2", Q.SPO2),
        (Group.SPO2, "pr", Q.PULSE_RATE),
        (Group.CO2, "et", Q.ETCO2),
        (Group.NIBP, "sys", Q.NIBP_SYS),
        (Group.P1, "mean", Q.IBP1_MEAN),
        (Group.T1, "temp", Q.TEMPERATURE_1),
    ],
)
def test_a_special_value_is_never_a_number(
    group: Group, field: str, quantity: Quantity, special: Special, validity: Validity
) -> None:
    talk, monitor = wire()
    monitor.modules.set_value(group, field, special)
    talk.run(6.0)
    shown = reading(talk.last(), quantity)
    assert (shown.value, shown.validity) == (None, validity)


def test_carbon_dioxide_without_the_pressure_of_the_air_is_no_number() -> None:
    talk, monitor = wire()
    monitor.modules.set_value(Group.CO2, "amb", Special.NONE)
    talk.run(3.0)
    assert reading(talk.last(), Q.ETCO2).validity is Validity.INVALID


@pytest.mark.parametrize(("label", "origin"), [(1, "ART"), (2, "CVP"), (8, "ABP"), (16, "FEM"), (9, "P1"), (0, "P2")])
def test_an_invasive_pressure_says_where_it_is_measured(label: int, origin: str) -> None:
    talk, monitor = wire()
    monitor.modules.plug_in(Group.P2)
    monitor.modules.set_label(Group.P2, label)
    for field, number in (("sys", "31.5"), ("dia", "-2.25"), ("mean", "9")):
        monitor.modules.set_value(Group.P2, field, Decimal(number))
    talk.run(3.0)
    shown = [reading(talk.last(), quantity) for quantity in (Q.IBP2_SYS, Q.IBP2_DIA, Q.IBP2_MEAN)]
    assert [one.value for one in shown] == [Decimal("31.50"), Decimal("-2.25"), Decimal(9)]
    assert {(one.origin, one.validity) for one in shown} == {(origin, Validity.VALID)}


# The cuff's time


def cuff_ages(talk: Wire, since_s: float = 0.0) -> list[tuple[float, Validity, float]]:
    """When each record came, whether its cuff pressure counts, and how old it was said to be."""
    found = []
    for one in talk.observations():
        sys = reading(one, Q.NIBP_SYS)
        if one.received_at_s >= since_s and sys.measured_s_ago is not None:
            found.append((one.received_at_s, sys.validity, sys.measured_s_ago))
    return found


@pytest.mark.parametrize("padded", [False, True])
def test_a_cuff_pressure_is_dated_within_seconds_and_its_age_grows(padded: bool) -> None:
    talk, _ = wire(options=DriOptions(auxiliary_padded=padded))  # the cuff measures as the monitor is switched on
    measured_s = talk.now_s
    talk.run(280.0)
    ages = cuff_ages(talk)
    assert len(ages) == 56
    assert [validity for _, validity, _ in ages[:2]] == [Validity.QUESTIONABLE] * 2
    for at_s, validity, age_s in ages[2:]:
        assert validity is Validity.VALID
        assert abs(age_s - (at_s - measured_s)) <= 1.1  # the monitor's times have whole seconds


@pytest.mark.parametrize("since_s", [5.0, 45.0, 200.0])
def test_a_cuff_pressure_that_was_there_before_is_doubted_until_its_time_is_known(since_s: float) -> None:
    talk, _ = wire(options=DriOptions(cuff_interval_s=3600.0))
    measured_s = talk.now_s
    talk.run(since_s)
    late = talk.join(DriSession(SessionOptions("monitor")))
    late.run(30.0)
    ages = cuff_ages(late)
    assert [validity for _, validity, _ in ages] == [Validity.QUESTIONABLE] * 2 + [Validity.VALID] * 4
    assert [age_s for _, _, age_s in ages[:2]] == pytest.approx([60.0, 65.0])  # the least that it may be
    for at_s, _, age_s in ages[2:]:
        assert age_s == pytest.approx(at_s - measured_s, abs=1.1)


def test_a_new_measurement_with_equal_numbers_is_new() -> None:
    talk, _ = wire(options=DriOptions(cuff_interval_s=120.0))
    begun_s = talk.now_s
    talk.run(115.0)
    again_s = begun_s + 120.0
    talk.run(60.0)
    assert cuff_ages(talk)[-1][2] == pytest.approx(talk.last().received_at_s - again_s, abs=6.1)
    for at_s, _, age_s in cuff_ages(talk, again_s):
        assert age_s >= at_s - again_s - 1.1  # never younger than it is (H-31)


def test_a_measurement_that_is_made_by_hand_is_seen_with_its_numbers_and_its_age() -> None:
    now = {"vitals": STEADY}
    monitor = DriMonitor(lambda _: now["vitals"], DriOptions(cuff_interval_s=None))
    talk = Wire(DriSession(SessionOptions("monitor")), monitor)
    talk.run(20.0)
    assert reading(talk.last(), Q.NIBP_SYS).validity is Validity.NOT_AVAILABLE
    now["vitals"] = replace(STEADY, nibp_sys_mmhg=181, nibp_dia_mmhg=99)
    monitor.measure_cuff(talk.now_s)
    measured_s = talk.now_s
    talk.run(30.0)
    for at_s, validity, age_s in cuff_ages(talk):
        assert validity is Validity.VALID
        assert age_s == pytest.approx(at_s - measured_s, abs=5.1)
    assert (value(talk.last(), Q.NIBP_SYS), value(talk.last(), Q.NIBP_DIA)) == (Decimal(181), Decimal(99))


@pytest.mark.parametrize("step_s", [-7200, 7200])
def test_a_clock_that_is_set_makes_no_pressure_younger(step_s: int) -> None:
    talk, monitor = wire()
    measured_s = talk.now_s
    talk.run(100.0)
    monitor.unix_at_zero_s += step_s
    talk.run(150.0)
    for at_s, _, age_s in cuff_ages(talk):
        assert age_s >= at_s - measured_s - 1.1
    assert len(talk.events(DeviceRestarted)) == (step_s < 0)


def test_a_cuff_that_is_measuring_says_so() -> None:
    talk, monitor = wire()
    monitor.modules.set_label(Group.NIBP, NibpLabel.CHILD | NibpLabel.STAT | NibpLabel.MEASURING)
    talk.run(21.0)
    shown = reading(talk.last(), Q.NIBP_SYS)
    assert (shown.origin, shown.note, shown.validity) == ("child cuff", "stat; measuring", Validity.VALID)


# Alarms


def test_alarms_come_and_go_with_their_words() -> None:
    talk, monitor = wire()
    talk.run(6.0)
    monitor.set_alarm("ASYSTOLE", Colour.RED)
    monitor.set_alarm("NIBP CUFF LOOSE", Colour.WHITE)
    talk.run(2.0)
    assert alarm_sets(talk)[-1] == (
        DeviceAlarm(K.LIFE_THREATENING, "red: ASYSTOLE", "ASYSTOLE"),
        DeviceAlarm(K.UNKNOWN, "white: NIBP CUFF LOOSE", "NIBP CUFF LOOSE"),
    )
    monitor.set_alarm("NIBP CUFF LOOSE", Colour.YELLOW)
    talk.run(2.0)
    assert [alarm.code for alarm in alarm_sets(talk)[-1]] == ["red: ASYSTOLE", "yellow: NIBP CUFF LOOSE"]
    monitor.clear_alarm("ASYSTOLE")
    monitor.clear_alarm("NIBP CUFF LOOSE")
    talk.run(2.0)
    assert alarm_sets(talk)[-1] == ()
    assert_only_asked(talk, monitor)


def test_alarms_that_stood_before_are_told_with_the_first_values() -> None:
    talk, monitor = wire()
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    talk.run(2.0)
    assert [alarm.text for alarm in alarm_sets(talk)[-1]] == ["HR HIGH"]


@pytest.mark.parametrize(
    ("group", "bits", "kinds"),
    [
        (Group.ECG, EcgStatus.ASYSTOLE, [K.LIFE_THREATENING]),
        (Group.CO2, Co2Status.APNEA_CO2, [K.LIFE_THREATENING]),
        (Group.CO2, Co2Status.APNEA_RESP, [K.LIFE_THREATENING]),
        (Group.CO2, Co2Status.OCCLUSION | Co2Status.AIR_LEAK, [K.ADVISORY] * 2),
        (Group.CO2, Co2Status.APNEA_DEACTIVATED, [K.ADVISORY]),
    ],
)
@pytest.mark.parametrize("alarms_available", [True, False])
def test_what_a_status_alarms_of_is_told_and_ends(
    group: Group, bits: int, kinds: list[DeviceAlarmKind], alarms_available: bool
) -> None:
    talk, monitor = wire(options=DriOptions(alarms_available=alarms_available))
    talk.run(6.0)
    monitor.modules.mark(group, bits)
    talk.run(6.0)
    assert [alarm.kind for alarm in alarm_sets(talk)[-1]] == kinds
    monitor.modules.mark(group, 0)
    talk.run(6.0)
    assert alarm_sets(talk)[-1] == ()


def test_asystole_is_a_heart_rate_of_zero_that_counts_and_zero_without_it_is_doubted() -> None:
    talk, monitor = wire()
    monitor.modules.set_value(Group.ECG, "hr", Decimal(0))
    talk.run(3.0)
    assert reading(talk.last(), Q.HEART_RATE).validity is Validity.QUESTIONABLE
    monitor.modules.mark(Group.ECG, EcgStatus.ASYSTOLE)
    talk.run(6.0)
    shown = reading(talk.last(), Q.HEART_RATE)
    assert (shown.value, shown.validity) == (Decimal(0), Validity.VALID)


@pytest.mark.parametrize("bits", [EcgStatus.NOISE, EcgStatus.ARTIFACT, EcgStatus.LEARNING])
def test_a_disturbed_ecg_makes_the_heart_rate_questionable(bits: int) -> None:
    talk, monitor = wire()
    monitor.modules.mark(Group.ECG, bits)
    talk.run(3.0)
    shown = reading(talk.last(), Q.HEART_RATE)
    assert (shown.value, shown.validity) == (Decimal(72), Validity.QUESTIONABLE)


# What goes wrong


@pytest.mark.parametrize("off_s", [4.0, 20.0, 97.0])
def test_a_monitor_that_was_off_is_read_again_within_thirteen_seconds(off_s: float) -> None:
    talk, monitor = wire()
    talk.run(20.0)
    monitor.power_off()
    off_at_s = talk.now_s
    talk.run(off_s)
    assert talk.last().received_at_s <= off_at_s + talk.delay_s
    talk.switch_on()
    back_at_s = talk.now_s
    talk.run(13.0)
    assert talk.last().received_at_s > back_at_s
    assert_tells(talk.last(), STEADY)
    talk.run(30.0)
    assert talk.last().received_at_s > talk.now_s - 5.1
    assert_only_asked(talk, monitor)


def fall_silent(monitor: DriMonitor, *, silent: bool) -> None:
    monitor.muted = silent


def hold_back(monitor: DriMonitor, *, silent: bool) -> None:
    monitor.clear_to_send = not silent


@pytest.mark.parametrize("silence", [fall_silent, hold_back])
def test_a_monitor_that_says_nothing_gives_no_value_and_goes_on_by_itself(silence: Callable[..., None]) -> None:
    talk, monitor = wire()
    talk.run(20.0)
    silence(monitor, silent=True)
    talk.run(60.0)
    assert talk.last().received_at_s < talk.now_s - 55.0
    silence(monitor, silent=False)
    talk.run(13.0)
    assert talk.last().received_at_s > talk.now_s - 13.0
    assert_only_asked(talk, monitor)


@pytest.mark.parametrize("seed", range(12))
def test_on_a_bad_line_nothing_false_is_said_and_it_is_read_again_within_thirteen_seconds(seed: int) -> None:
    talk, monitor = wire(options=DriOptions(cuff_interval_s=3600.0))
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    talk.run(12.0)
    talk.spoil = faults = Faults(Random(seed))
    talk.cut = cut_anywhere(Random(seed), 0.3)
    talk.run(1000.0)
    assert len(faults.done) > 100
    talk.spoil, talk.cut = bytes, lambda data: [(0.0, data)]
    good_from_s = talk.now_s
    talk.run(13.0)
    assert talk.last().received_at_s > good_from_s
    for observation in talk.observations():
        assert_tells(observation, STEADY)
        for quantity in set(SHOWN) - {*CUFF}:
            assert reading(observation, quantity).validity is Validity.VALID
    for at_s, _, age_s in cuff_ages(talk):
        assert age_s >= at_s - 100.0 - 1.1  # the cuff measured as the monitor was switched on
    assert [[alarm.text for alarm in alarms] for alarms in alarm_sets(talk)] in ([["HR HIGH"]], [[], ["HR HIGH"]])
    assert talk.events(DeviceRestarted) == []
    assert_only_asked(talk, monitor)


def test_no_lost_byte_of_any_record_makes_a_false_word() -> None:
    """A lost zero leaves the sum as it was."""
    said: list[tuple[float, bytes]] = []
    talk, monitor = wire(options=DriOptions(cuff_interval_s=3600.0))
    monitor.set_alarm("HR HIGH", Colour.YELLOW)

    def overhear(data: bytes) -> bytes:
        said.append((talk.now_s, data))
        return data

    talk.spoil = overhear
    talk.run(16.0)
    damaged_at = len(said) // 2
    assert len(said) - damaged_at > 3
    for place in range(damaged_at, damaged_at + 3):
        for at in range(len(said[place][1])):
            session = DriSession(SessionOptions("monitor"))
            outputs = list(session.start(100.0))
            for number, (at_s, data) in enumerate(said):
                outputs += session.feed(data[:at] + data[at + 1 :] if number == place else data, at_s)
            for one in outputs:
                if isinstance(one, Observation):
                    assert_tells(one, STEADY)
                    age_s = reading(one, Q.NIBP_SYS).measured_s_ago
                    assert age_s is not None
                    assert age_s >= one.received_at_s - 100.0 - 1.1
                elif isinstance(one, AlarmSetChanged):
                    assert [alarm.text for alarm in one.alarms] in ([], ["HR HIGH"])


def test_the_line_is_set_as_the_monitor_sets_it() -> None:
    line_of_driver = DRIVER.line
    assert (line_of_driver.baud, line_of_driver.data_bits) == (BAUD, DATA_BITS)
    assert (line_of_driver.parity, line_of_driver.stop_bits) == (PARITY, STOP_BITS)


async def test_over_a_pty_a_monitor_is_read_and_asked_only(tmp_path: Path) -> None:
    monitor = DriMonitor(lambda _: STEADY)
    with line(tmp_path / "monitor", monitor):
        async with task(tmp_path / "monitor", DRIVER) as (got, _):
            await got.until(has_sample)
    (seen, *_) = (item for item in got.items if isinstance(item, Observation))
    assert_tells(seen, STEADY)
    assert value(seen, Q.HEART_RATE) == 72
    assert monitor.violations == []
