"""The IntelliVue driver against the IntelliVue simulator: written by different hands, they must tell the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from drivers.intellivue import DRIVER, MibSession
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
from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_alarms import Alarm, AlarmState, AlarmType
from simulators.intellivue_numerics import Numeric, Off, State, Unit
from simulators.intellivue_setup import Again, IntelliVueOptions, MdsAttribute, Mode
from simulators.intellivue_values import TICKS_PER_S, Special
from simulators.intellivue_wire import BAUD, DATA_BITS, PARITY, STOP_BITS
from simulators.patient import Vitals
from tests.conformance.test_device_task import has_sample, line, task
from tests.conformance.virtual import Faults, Wire, cut_anywhere, reading, value

K = DeviceAlarmKind
Q = Quantity
START_S = 100.0
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
    Q.HEART_RATE: ("heart_rate_per_min", "/min", "ECG"),
    Q.PULSE_RATE: ("heart_rate_per_min", "/min", "pleth"),
    Q.SPO2: ("spo2_percent", "%", "SpO2"),
    Q.RESPIRATORY_RATE: ("respiratory_rate_per_min", "/min", "CO2"),
    Q.ETCO2: ("etco2_mmhg", "mm[Hg]", "CO2"),
    Q.NIBP_SYS: ("nibp_sys_mmhg", "mm[Hg]", "cuff"),
    Q.NIBP_DIA: ("nibp_dia_mmhg", "mm[Hg]", "cuff"),
    Q.NIBP_MEAN: ("nibp_mean_mmhg", "mm[Hg]", "cuff"),
    Q.NIBP_PULSE_RATE: ("nibp_pulse_rate_per_min", "/min", "cuff"),
    Q.IBP1_SYS: ("ibp_sys_mmhg", "mm[Hg]", "ABP"),
    Q.IBP1_DIA: ("ibp_dia_mmhg", "mm[Hg]", "ABP"),
    Q.IBP1_MEAN: ("ibp_mean_mmhg", "mm[Hg]", "ABP"),
}
CUFF = (Q.NIBP_SYS, Q.NIBP_DIA, Q.NIBP_MEAN, Q.NIBP_PULSE_RATE)
TOLD_BY = {
    Numeric.HR: {Q.HEART_RATE},
    Numeric.SPO2: {Q.SPO2},
    Numeric.PULSE_SPO2: {Q.PULSE_RATE},
    Numeric.ETCO2: {Q.ETCO2},
    Numeric.ABP: {Q.IBP1_SYS, Q.IBP1_DIA, Q.IBP1_MEAN},
    Numeric.NIBP: {Q.NIBP_SYS, Q.NIBP_DIA, Q.NIBP_MEAN},
    Numeric.NIBP_PULSE: {Q.NIBP_PULSE_RATE},
}


def wire(vitals: Vitals = STEADY, options: IntelliVueOptions | None = None) -> tuple[Wire, IntelliVueMonitor]:
    monitor = IntelliVueMonitor(lambda _: vitals, options)
    return Wire(MibSession(SessionOptions("monitor")), monitor), monitor


def assert_only_asked(monitor: IntelliVueMonitor) -> None:
    assert (monitor.violations, monitor.violation_count, monitor.dropped_answers) == ([], 0, 0)


def assert_tells(observation: Observation, vitals: Vitals) -> None:
    """Every value is the patient's, or missing."""
    for quantity, (name, *_) in SHOWN.items():
        assert value(observation, quantity) in (None, getattr(vitals, name)), quantity


def alarm_sets(talk: Wire) -> list[tuple[DeviceAlarm, ...]]:
    return [one.alarms for one in talk.events(AlarmSetChanged) if isinstance(one, AlarmSetChanged)]


OPTIONS = {
    "usual": IntelliVueOptions(),
    "no times": IntelliVueOptions(absolute_times=False),
    "no stream": IntelliVueOptions(extension=0),
    "small messages": IntelliVueOptions(mtu_tx_bytes=300),
    "small messages, no stream": IntelliVueOptions(mtu_tx_bytes=300, extension=0),
    "averages too": IntelliVueOptions(extension=0xFF00_0000),
    "ticks near their end": IntelliVueOptions(ticks_at_start=2**32 - 30 * TICKS_PER_S),
    "tells little of itself": IntelliVueOptions(mds_attributes=(MdsAttribute.MODEL,)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_value_arrives_as_it_was_shown_however_the_monitor_is_set_up(name: str) -> None:
    talk, monitor = wire(options=OPTIONS[name])
    monitor.measurements.set_value(Numeric.TEMP, Decimal("36.9"))
    talk.run(60.0)
    assert len(talk.observations()) >= 57
    for observation in talk.observations():
        assert_tells(observation, STEADY)
        for quantity, (_, unit, origin) in SHOWN.items():
            shown = reading(observation, quantity)
            assert (shown.unit, shown.resolution, shown.validity, shown.origin) == (
                unit,
                Decimal(1),
                Validity.VALID,
                origin,
            )
    temperature = reading(talk.last(), Q.TEMPERATURE_1)
    assert (temperature.value, temperature.unit, temperature.resolution) == (Decimal("36.9"), "Cel", Decimal("0.1"))
    for quantity in (Q.IBP2_SYS, Q.IBP2_DIA, Q.IBP2_MEAN, Q.TEMPERATURE_2):
        assert reading(talk.last(), quantity).validity is Validity.NOT_AVAILABLE
    (told,) = (one for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified))
    assert told.model == "Philips M8004A"
    assert alarm_sets(talk) == [()]
    assert talk.events(DeviceRestarted) == []
    assert talk.rejections() == []
    assert_only_asked(monitor)


@pytest.mark.parametrize(
    "vitals",
    [
        # C0, C1 and 7D are the bytes that are escaped.
        replace(STEADY, heart_rate_per_min=0xC0, nibp_pulse_rate_per_min=0xC1, nibp_sys_mmhg=0x7D),
        replace(STEADY, heart_rate_per_min=38, respiratory_rate_per_min=6, spo2_percent=71, etco2_mmhg=61),
        replace(STEADY, heart_rate_per_min=214, respiratory_rate_per_min=45, spo2_percent=100, etco2_mmhg=9),
        replace(STEADY, nibp_sys_mmhg=214, nibp_dia_mmhg=121, nibp_mean_mmhg=152, nibp_pulse_rate_per_min=133),
        replace(STEADY, ibp_sys_mmhg=252, ibp_dia_mmhg=0, ibp_mean_mmhg=125),
    ],
)
def test_other_patients_arrive_as_they_are(vitals: Vitals) -> None:
    talk, _ = wire(vitals)
    talk.run(10.0)
    assert len(talk.observations()) >= 9
    for observation in talk.observations():
        assert_tells(observation, vitals)
        assert all(value(observation, quantity) is not None for quantity in SHOWN)
    assert talk.rejections() == []


def test_values_come_each_second_through_the_renewal_of_the_stream() -> None:
    talk, monitor = wire()
    talk.run(1300.0)
    times = [one.received_at_s for one in talk.observations()]
    assert max(after - before for before, after in pairwise(times)) < 1.1
    assert len(times) > 1260
    assert talk.rejections() == []
    assert_only_asked(monitor)


@pytest.mark.parametrize("period_s", [5, 30, 60])
def test_a_monitor_that_polls_seldom_is_kept_alive(period_s: int) -> None:
    talk, monitor = wire(options=IntelliVueOptions(extension=0, min_poll_period_ticks=period_s * TICKS_PER_S))
    talk.run(10.0 * period_s)
    assert monitor.associated
    assert len(talk.observations()) >= 9
    times = [one.received_at_s for one in talk.observations()]
    assert max(after - before for before, after in pairwise(times)) <= talk.session.round_s + 0.1
    assert talk.rejections() == []


# The sensors


@pytest.mark.parametrize("numeric", TOLD_BY)
@pytest.mark.parametrize("how", list(Off))
def test_a_sensor_that_is_off_gives_no_value_and_its_return_gives_it_again(numeric: Numeric, how: Off) -> None:
    talk, monitor = wire()
    talk.run(5.0)
    monitor.measurements.switch_off(numeric, how)
    talk.run(2.0)
    last = talk.last()
    assert {quantity for quantity in SHOWN if value(last, quantity) is None} == TOLD_BY[numeric]
    assert {reading(last, quantity).validity for quantity in TOLD_BY[numeric]} == {Validity.NOT_AVAILABLE}
    monitor.measurements.switch_on(numeric)
    talk.run(2.0)
    assert all(value(talk.last(), quantity) is not None for quantity in SHOWN)
    assert_tells(talk.last(), STEADY)


def test_the_next_best_source_stands_in_under_its_own_name() -> None:
    talk, monitor = wire()
    monitor.measurements.plug_in(Numeric.PULSE)
    monitor.measurements.switch_off(Numeric.PULSE_SPO2)
    monitor.measurements.switch_off(Numeric.AWRR, Off.GONE)
    talk.run(5.0)
    pulse, breathing = reading(talk.last(), Q.PULSE_RATE), reading(talk.last(), Q.RESPIRATORY_RATE)
    assert (pulse.value, pulse.origin, pulse.validity) == (Decimal(72), "pulse", Validity.VALID)
    assert (breathing.value, breathing.origin, breathing.validity) == (Decimal(14), "impedance", Validity.VALID)


@pytest.mark.parametrize(
    ("numeric", "name", "quantities"),
    [
        (Numeric.ART, "ART", (Q.IBP1_SYS, Q.IBP1_DIA, Q.IBP1_MEAN)),
        (Numeric.PAP, "PAP", (Q.IBP2_SYS, Q.IBP2_DIA, Q.IBP2_MEAN)),
        (Numeric.P, "P", (Q.IBP2_SYS, Q.IBP2_DIA, Q.IBP2_MEAN)),
        (Numeric.CVP, "CVP", (Q.IBP2_MEAN,)),
    ],
)
def test_an_invasive_pressure_says_where_it_is_measured(
    numeric: Numeric, name: str, quantities: tuple[Quantity, ...]
) -> None:
    talk, monitor = wire(options=IntelliVueOptions(fitted=frozenset({Numeric.HR, numeric})))
    for part in range(len(quantities)):
        monitor.measurements.set_value(numeric, Decimal(31 - 10 * part), part)
    talk.run(3.0)
    shown = [reading(talk.last(), quantity) for quantity in quantities]
    assert [one.value for one in shown] == [31 - 10 * part for part in range(len(quantities))]
    assert {(one.origin, one.validity, one.unit) for one in shown} == {(name, Validity.VALID, "mm[Hg]")}


@pytest.mark.parametrize(
    ("bits", "validity"),
    [
        (State.INVALID, Validity.INVALID),
        (State.QUESTIONABLE, Validity.QUESTIONABLE),
        (State.UNAVAILABLE, Validity.NOT_AVAILABLE),
        (State.CALIBRATING, Validity.NOT_AVAILABLE),
        (State.TEST_DATA, Validity.INVALID),
        (State.DEMO_DATA, Validity.INVALID),
        (State.EARLY_INDICATION, Validity.QUESTIONABLE),
        (State.ONGOING, Validity.QUESTIONABLE),
        (State.VALIDATED, Validity.VALID),
        (State.IN_ALARM, Validity.VALID),
        (State.ALARMS_INHIBITED, Validity.VALID),
    ],
)
def test_a_state_says_what_a_number_is_worth(bits: int, validity: Validity) -> None:
    talk, monitor = wire()
    for numeric in TOLD_BY:
        monitor.measurements.mark(numeric, bits)
    talk.run(3.0)
    for quantity in set(SHOWN) - {Q.RESPIRATORY_RATE}:
        shown = reading(talk.last(), quantity)
        assert shown.validity is validity
        assert (shown.value is None) == (validity in (Validity.INVALID, Validity.NOT_AVAILABLE))


@pytest.mark.parametrize(
    ("special", "validity"),
    [
        (Special.NAN, Validity.NOT_AVAILABLE),
        (Special.NOT_AT_THIS_RESOLUTION, Validity.INVALID),
        (Special.PLUS_INFINITY, Validity.OVER),
        (Special.MINUS_INFINITY, Validity.UNDER),
    ],
)
@pytest.mark.parametrize("numeric", TOLD_BY)
def test_a_special_value_is_never_a_number(numeric: Numeric, special: Special, validity: Validity) -> None:
    talk, monitor = wire()
    for part in range(3 if numeric in (Numeric.NIBP, Numeric.ABP) else 1):
        monitor.measurements.set_value(numeric, special, part)
    talk.run(3.0)
    for quantity in TOLD_BY[numeric]:
        shown = reading(talk.last(), quantity)
        assert (shown.value, shown.validity) == (None, validity)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("97", "97"), ("97.0", "97.0"), ("97.50", "97.50"), ("9.7E+1", "97"), ("101", None), ("0", None), ("-97", None)],
)
def test_a_saturation_arrives_with_its_digits_or_not_at_all(text: str, expected: str | None) -> None:
    talk, monitor = wire()
    monitor.measurements.set_value(Numeric.SPO2, Decimal(text))
    talk.run(3.0)
    assert value(talk.last(), Q.SPO2) == (None if expected is None else Decimal(expected))


def test_pressures_in_kilopascal_arrive_as_such_and_an_unknown_unit_is_no_number() -> None:
    talk, monitor = wire()
    monitor.measurements.set_unit(Numeric.NIBP, Unit.KPA)
    monitor.measurements.set_unit(Numeric.ETCO2, Unit.KPA)
    monitor.measurements.set_unit(Numeric.ABP, Unit.CELSIUS)
    talk.run(3.0)
    sys, gas = reading(talk.last(), Q.NIBP_SYS), reading(talk.last(), Q.ETCO2)
    assert (sys.value, sys.unit, sys.resolution) == (Decimal("16.3"), "kPa", Decimal("0.1"))
    assert (gas.value, gas.unit, gas.resolution) == (Decimal("5.1"), "kPa", Decimal("0.1"))
    assert reading(talk.last(), Q.IBP1_SYS).validity is Validity.INVALID


# The cuff's time


def cuff_ages(talk: Wire) -> list[tuple[float, Validity, float]]:
    """When each result came, whether its cuff pressure counts, and how old it was said to be."""
    found = []
    for one in talk.observations():
        sys = reading(one, Q.NIBP_SYS)
        if sys.measured_s_ago is not None:
            found.append((one.received_at_s, sys.validity, sys.measured_s_ago))
    return found


@pytest.mark.parametrize("name", ["usual", "no times", "no stream", "ticks near their end"])
def test_a_cuff_pressure_is_dated_and_its_age_grows(name: str) -> None:
    talk, _ = wire(options=replace(OPTIONS[name], cuff_interval_s=300.0))  # it measures as it is switched on
    talk.run(650.0)
    ages = cuff_ages(talk)
    assert len(ages) > 600
    for at_s, validity, age_s in ages:
        true_s = (at_s - talk.delay_s - START_S) % 300.0
        assert validity is Validity.VALID
        assert abs(age_s - true_s) <= 1.1  # the monitor's times have whole seconds


@pytest.mark.parametrize("name", ["usual", "no times", "no stream"])
def test_a_cuff_pressure_that_was_there_before_is_as_old_as_it_is(name: str) -> None:
    talk, _ = wire(options=replace(OPTIONS[name], cuff_interval_s=3600.0))
    talk.run(300.0)
    late = talk.join(MibSession(SessionOptions("monitor")))
    late.run(20.0)  # without a stream the monitor must first give up the host that went
    assert len(cuff_ages(late)) > 5
    for at_s, validity, age_s in cuff_ages(late):
        assert validity is Validity.VALID
        assert age_s == pytest.approx(at_s - START_S, abs=1.1)


def test_a_monitor_without_a_clock_dates_nothing_as_younger_than_it_is() -> None:
    options = IntelliVueOptions(absolute_times=False, mds_attributes=(MdsAttribute.MODEL,), cuff_interval_s=None)
    talk, monitor = wire(options=options)
    talk.run(5.0)
    monitor.measure_cuff(talk.now_s)
    measured_s = talk.now_s
    talk.run(100.0)
    ages = cuff_ages(talk)
    assert len(ages) > 90
    for at_s, _, age_s in ages:
        assert age_s == pytest.approx(at_s - measured_s, abs=1.1)


@pytest.mark.parametrize("step_s", [-7200, 7200])
def test_a_clock_that_is_set_moves_no_age(step_s: int) -> None:
    talk, monitor = wire(options=IntelliVueOptions(cuff_interval_s=3600.0))
    talk.run(100.0)
    monitor.unix_at_zero_s += step_s
    talk.run(150.0)
    for at_s, _, age_s in cuff_ages(talk):
        assert age_s == pytest.approx(at_s - START_S, abs=1.1)


def test_a_cuff_pressure_that_is_shown_no_more_is_missing() -> None:
    talk, monitor = wire()
    monitor.measurements.cuff_shown_s = 60.0
    talk.run(90.0)
    assert {reading(talk.last(), quantity).validity for quantity in CUFF} == {Validity.NOT_AVAILABLE}


# Alarms


def test_alarms_come_change_and_go_with_their_words() -> None:
    talk, monitor = wire()
    talk.run(5.0)
    alarm = Alarm(AlarmType.PATIENT_HIGH, 0x0001, "** HR HIGH", Numeric.HR, source=0x4182)
    high = monitor.alarms.raise_alarm(alarm)
    lead = monitor.alarms.raise_alarm(Alarm(AlarmType.TECHNICAL_MEDIUM, 0x0002, "ECG LEADS OFF", Numeric.HR))
    talk.run(1.5)
    assert sorted((one.kind, one.text) for one in alarm_sets(talk)[-1]) == [
        (K.LIFE_THREATENING, "** HR HIGH"),
        (K.SENSOR_OFF, "ECG LEADS OFF"),
    ]
    monitor.alarms.change_alarm(high, replace(alarm, state=AlarmState.SILENCED))
    monitor.alarms.end_alarm(lead)
    talk.run(1.5)
    assert [(one.kind, one.text) for one in alarm_sets(talk)[-1]] == [(K.LIFE_THREATENING, "** HR HIGH (silenced)")]
    monitor.alarms.end_alarm(high)
    talk.run(1.5)
    assert alarm_sets(talk)[-1] == ()
    assert_only_asked(monitor)


@pytest.mark.parametrize(
    ("type_", "words", "kind"),
    [
        (AlarmType.PATIENT_LOW, "SpO2 LOW", K.VITAL_SIGN),
        (AlarmType.PATIENT_MEDIUM, "SpO2 LOW", K.VITAL_SIGN),
        (AlarmType.PATIENT_HIGH, "ASYSTOLE", K.LIFE_THREATENING),
        (AlarmType.TECHNICAL_LOW, "NBP CUFF OVERPRESS", K.UNKNOWN),
        (AlarmType.TECHNICAL_HIGH, "BATT EMPTY", K.BATTERY_EMPTY),
        (AlarmType.TECHNICAL_MEDIUM, "BATT LOW", K.BATTERY_LOW),
        (AlarmType.TECHNICAL_HIGH, "SpO2 EQUIP MALF", K.MALFUNCTION),
        (AlarmType.TECHNICAL_LOW, "", K.UNKNOWN),
    ],
)
@pytest.mark.parametrize("mtu_bytes", [300, 1456])
def test_an_alarm_is_told_by_its_kind(type_: AlarmType, words: str, kind: DeviceAlarmKind, mtu_bytes: int) -> None:
    talk, monitor = wire(options=IntelliVueOptions(mtu_tx_bytes=mtu_bytes))
    monitor.alarms.raise_alarm(Alarm(type_, 0x0102, words, text_id=0x1234))
    talk.run(3.0)
    assert [(one.kind, one.text) for one in alarm_sets(talk)[-1]] == [(kind, words or "text 00001234")]


def test_as_many_alarms_as_a_message_holds_are_all_told() -> None:
    talk, monitor = wire()
    for number in range(8):
        monitor.alarms.raise_alarm(Alarm(AlarmType.PATIENT_LOW, number, f"{number} ".ljust(64, "x")))
    talk.run(3.0)
    assert [one.text[:1] for one in alarm_sets(talk)[-1]] == list("01234567")


def test_alarms_that_are_switched_off_at_the_monitor_are_told() -> None:
    talk, monitor = wire()
    monitor.alarms.state = AlarmState.SUSPENDED
    talk.run(3.0)
    assert [one.kind for one in alarm_sets(talk)[-1]] == [K.ADVISORY]


@pytest.mark.parametrize(
    ("mode", "validity"),
    [(Mode.DEMO, Validity.INVALID), (Mode.SERVICE, Validity.INVALID), (Mode.STANDBY, Validity.NOT_AVAILABLE)],
)
def test_what_is_shown_in_another_mode_is_no_patients(mode: Mode, validity: Validity) -> None:
    talk, monitor = wire()
    monitor.mode = mode
    talk.run(15.0)
    for observation in talk.observations():
        assert {reading(observation, quantity).validity for quantity in SHOWN} == {validity}
    assert K.ADVISORY in [one.kind for one in alarm_sets(talk)[-1]]
    monitor.mode = Mode.MONITORING
    talk.run(15.0)
    assert {reading(talk.last(), quantity).validity for quantity in SHOWN} == {Validity.VALID}
    assert alarm_sets(talk)[-1] == ()


# What goes wrong


@pytest.mark.parametrize("off_s", [1.0, 7.0, 100.0])
def test_a_monitor_that_was_off_is_read_again_within_twelve_seconds_and_said_to_be_restarted(off_s: float) -> None:
    talk, monitor = wire()
    talk.run(60.0)
    monitor.power_off()
    off_at_s = talk.now_s
    talk.run(off_s)
    assert talk.last().received_at_s <= off_at_s + talk.delay_s
    talk.switch_on()
    back_at_s = talk.now_s
    talk.run(12.0)
    assert talk.last().received_at_s > back_at_s
    assert_tells(talk.last(), STEADY)
    assert len(talk.events(DeviceRestarted)) == 1
    talk.run(30.0)
    assert talk.last().received_at_s > talk.now_s - 1.1
    assert_only_asked(monitor)


@pytest.mark.parametrize("again", list(Again))
def test_an_association_that_an_earlier_host_left_is_ended_and_made_anew_within_four_seconds(again: Again) -> None:
    talk, monitor = wire(options=IntelliVueOptions(again=again))
    talk.run(20.3)
    second = talk.join(MibSession(SessionOptions("monitor")))
    second.run(4.0)
    assert second.last().received_at_s > second.now_s - 1.1
    assert_tells(second.last(), STEADY)
    assert_only_asked(monitor)


def test_a_monitor_that_ends_the_association_is_read_again_within_four_seconds() -> None:
    talk, monitor = wire()
    talk.run(20.0)
    talk._from_device(monitor.abort(talk.now_s))
    aborted_s = talk.now_s
    talk.run(4.0)
    assert talk.last().received_at_s > aborted_s + 1.0
    assert_only_asked(monitor)


def test_a_monitor_that_says_nothing_gives_no_value_and_goes_on_by_itself() -> None:
    talk, monitor = wire()
    talk.run(20.0)
    monitor.muted = True
    talk.run(60.0)
    assert talk.last().received_at_s < talk.now_s - 59.0
    monitor.muted = False
    talk.run(12.0)
    assert talk.last().received_at_s > talk.now_s - 1.1
    assert_only_asked(monitor)


@pytest.mark.parametrize("answer_delay_s", [0.3, 1.0, 1.8])
def test_late_answers_answer_nothing_else(answer_delay_s: float) -> None:
    talk, monitor = wire()
    talk.run(5.0)
    monitor.answer_delay_s = answer_delay_s
    talk.run(60.0)
    assert talk.last().received_at_s > talk.now_s - 1.1
    monitor.answer_delay_s = 0.0
    talk.run(20.0)
    for observation in talk.observations():
        assert_tells(observation, STEADY)
    assert talk.last().received_at_s > talk.now_s - 1.1
    assert alarm_sets(talk) == [()]
    assert_only_asked(monitor)


@pytest.mark.parametrize("name", ["usual", "small messages", "no stream"])
@pytest.mark.parametrize("seed", range(5))
def test_on_a_bad_line_nothing_false_is_said_and_it_is_read_again_within_twelve_seconds(name: str, seed: int) -> None:
    talk, monitor = wire(options=replace(OPTIONS[name], cuff_interval_s=3600.0))
    monitor.alarms.raise_alarm(Alarm(AlarmType.PATIENT_MEDIUM, 1, "HR HIGH", Numeric.HR))
    talk.run(5.0)
    talk.spoil = faults = Faults(Random(seed), share=0.2)
    talk.cut = cut_anywhere(Random(seed), 0.1)
    talk.run(300.0)
    assert len(faults.done) > 50
    talk.spoil, talk.cut = bytes, lambda data: [(0.0, data)]
    good_from_s = talk.now_s
    talk.run(12.0)
    assert talk.last().received_at_s > good_from_s
    assert len(talk.observations()) > 50
    for observation in talk.observations():
        for quantity, (attribute, *_) in SHOWN.items():
            shown = reading(observation, quantity)
            assert (shown.value, shown.validity) == (Decimal(getattr(STEADY, attribute)), Validity.VALID)
    for at_s, _, age_s in cuff_ages(talk):
        assert age_s >= at_s - START_S - 1.6  # whole seconds, and what a pause holds up
    assert [[alarm.text for alarm in alarms] for alarms in alarm_sets(talk)] == [["HR HIGH"]]
    assert talk.events(DeviceRestarted) == []
    assert_only_asked(monitor)


def test_the_line_is_set_as_the_monitor_sets_it() -> None:
    settings = DRIVER.line
    assert (settings.baud, settings.data_bits) == (BAUD, DATA_BITS)
    assert (settings.parity, settings.stop_bits) == (PARITY, STOP_BITS)


async def test_over_a_pty_a_monitor_is_read_and_asked_only(tmp_path: Path) -> None:
    monitor = IntelliVueMonitor(lambda _: STEADY)
    with line(tmp_path / "monitor", monitor):
        async with task(tmp_path / "monitor", DRIVER) as (got, _):
            await got.until(has_sample)
    (seen, *_) = (item for item in got.items if isinstance(item, Observation))
    assert_tells(seen, STEADY)
    assert value(seen, Q.HEART_RATE) == 72
    assert_only_asked(monitor)
