"""The DRI driver against the DRI simulator: written by different hands, they must tell the same patient."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from drivers.ge_dri import DriSession
from drivers.model import DeviceAlarmKind, DeviceIdentified, Quantity, SessionOptions, Validity
from simulators.ge_dri import DriMonitor, DriOptions
from simulators.ge_dri_modules import USUAL_GROUPS, HrSource
from simulators.ge_dri_records import Group, Special
from simulators.patient import Vitals
from tests.conformance.ge_dri_wire import CUFF, SHOWN, STEADY, alarm_sets, assert_only_asked, assert_tells, wire
from tests.conformance.virtual import Wire, reading, value

K = DeviceAlarmKind
Q = Quantity


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
