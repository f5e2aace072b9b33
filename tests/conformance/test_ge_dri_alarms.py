"""What the DRI driver tells of the simulated DRI monitor's alarms, by their words and by its status."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.model import DeviceAlarm, DeviceAlarmKind, Quantity, Validity
from simulators.ge_dri import Colour, DriOptions
from simulators.ge_dri_modules import Co2Status, EcgStatus
from simulators.ge_dri_records import Group
from tests.conformance.ge_dri_wire import alarm_sets, assert_only_asked, wire
from tests.conformance.virtual import reading

K = DeviceAlarmKind
Q = Quantity


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
