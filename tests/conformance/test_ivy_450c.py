"""The Ivy driver against the Ivy simulator: written by different hands, they must tell the same values."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.ivy_450c import IvySession
from drivers.model import AlarmSetChanged, DeviceAlarmKind, Quantity, SessionOptions, Validity
from simulators.ivy_450c import IvyMonitor, Parameter
from simulators.patient import Vitals
from tests.conformance.virtual import Wire, reading, value

STEADY = Vitals(
    heart_rate_per_min=72,
    respiratory_rate_per_min=14,
    spo2_percent=97,
    etco2_mmhg=38,
    nibp_sys_mmhg=122,
    nibp_dia_mmhg=78,
    nibp_mean_mmhg=93,
    nibp_pulse_rate_per_min=71,
)
QUANTITIES = {
    Quantity.HEART_RATE: "heart_rate_per_min",
    Quantity.RESPIRATORY_RATE: "respiratory_rate_per_min",
    Quantity.SPO2: "spo2_percent",
    Quantity.ETCO2: "etco2_mmhg",
    Quantity.NIBP_SYS: "nibp_sys_mmhg",
    Quantity.NIBP_DIA: "nibp_dia_mmhg",
    Quantity.NIBP_MEAN: "nibp_mean_mmhg",
    Quantity.NIBP_PULSE_RATE: "nibp_pulse_rate_per_min",
}


def wire(vitals: Vitals) -> tuple[Wire, IvyMonitor]:
    screen = IvyMonitor(lambda _: vitals)
    return Wire(IvySession(SessionOptions("monitor")), screen), screen


@pytest.mark.parametrize(
    "vitals",
    [
        STEADY,
        replace(STEADY, heart_rate_per_min=188, respiratory_rate_per_min=35, spo2_percent=100),
        replace(STEADY, heart_rate_per_min=38, respiratory_rate_per_min=6, spo2_percent=71, etco2_mmhg=61),
        replace(STEADY, nibp_sys_mmhg=214, nibp_dia_mmhg=121, nibp_mean_mmhg=152, nibp_pulse_rate_per_min=133),
    ],
)
def test_every_value_arrives_as_it_was_shown(vitals: Vitals) -> None:
    talk, _ = wire(vitals)
    talk.run(5.5)
    assert len(talk.observations()) == 5
    for observation in talk.observations():
        assert {quantity: value(observation, quantity) for quantity in QUANTITIES} == {
            quantity: Decimal(getattr(vitals, name)) for quantity, name in QUANTITIES.items()
        }
    assert talk.rejections() == []
    assert talk.sent == []


@pytest.mark.parametrize(
    ("parameter", "quantities"),
    [
        (Parameter.HR, [Quantity.HEART_RATE]),
        (Parameter.SPO2, [Quantity.SPO2, Quantity.PULSE_RATE]),
        (Parameter.NIBP, [Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN]),
    ],
)
def test_a_sensor_that_is_off_gives_no_value(parameter: Parameter, quantities: list[Quantity]) -> None:
    talk, screen = wire(STEADY)
    screen.switch_off(parameter)
    talk.run(2.5)
    for quantity in quantities:
        assert reading(talk.last(), quantity).validity is Validity.NOT_AVAILABLE
    screen.switch_on(parameter)
    talk.run(1.0)
    assert all(value(talk.last(), quantity) is not None for quantity in quantities)


def test_an_alarm_text_that_nobody_knows_is_passed_on_as_unknown() -> None:
    talk, screen = wire(STEADY)
    screen.set_alarm(Parameter.SPO2, "PURPLE 7")
    talk.run(2.5)
    changed = talk.events(AlarmSetChanged)[-1]
    assert isinstance(changed, AlarmSetChanged)
    assert [(alarm.kind, "PURPLE 7" in alarm.text) for alarm in changed.alarms] == [(DeviceAlarmKind.UNKNOWN, True)]


def test_one_lost_byte_costs_one_message_and_gives_no_false_value() -> None:
    talk, _ = wire(STEADY)
    talk.run(2.5)
    whole = talk.spoil
    talk.spoil = lambda data: data[:450] + data[451:]
    talk.run(1.0)
    talk.spoil = whole
    talk.run(2.0)
    for observation in talk.observations():
        for quantity, name in QUANTITIES.items():
            assert value(observation, quantity) in (Decimal(getattr(STEADY, name)), None)
    assert value(talk.last(), Quantity.HEART_RATE) == 72
