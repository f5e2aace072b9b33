"""Driver and simulated pump, which share no code, in one conversation."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from drivers.model import AlarmSetChanged, DeviceIdentified, DeviceRestarted, InfusionState, Quantity, SessionOptions
from drivers.new_era_ne1000 import NewEraSession
from simulators.new_era_ne1000 import MAX_COMMAND_BYTES, NewEraPump, number
from simulators.pump import PumpModel
from tests.conformance.virtual import Damage, Faults, Wire, cut_anywhere, value

START_S = 100.0


def wired(rate_ml_per_h: str = "7.00") -> tuple[PumpModel, NewEraPump, Wire]:
    model = PumpModel(now_s=START_S)
    model.set_rate(START_S, Decimal(rate_ml_per_h))
    model.start(START_S)
    pump = NewEraPump(model)
    return model, pump, Wire(NewEraSession(SessionOptions("pump")), pump)


def state(wire: Wire) -> InfusionState:
    infusion = wire.last().infusion
    assert infusion is not None
    return infusion.state


def alarm_sets(wire: Wire) -> list[list[str]]:
    return [
        [one.code for one in told.alarms] for told in wire.events(AlarmSetChanged) if isinstance(told, AlarmSetChanged)
    ]


def test_a_running_pump_once_a_second() -> None:
    _, pump, wire = wired()
    wire.run(10.0)
    assert [told.model for told in wire.events(DeviceIdentified) if isinstance(told, DeviceIdentified)] == ["NE1000"]
    assert {value(one, Quantity.INFUSION_RATE) for one in wire.observations()} == {Decimal("7.000")}
    assert len(wire.observations()) == 10
    assert (state(wire), alarm_sets(wire), wire.rejections(), pump.forbidden) == (InfusionState.INFUSING, [[]], [], [])


def test_another_rate_a_stop_and_a_start() -> None:
    model, pump, wire = wired()
    wire.run(3.0)
    model.set_rate(wire.now_s, Decimal("12.50"))
    wire.run(2.0)
    assert value(wire.last(), Quantity.INFUSION_RATE) == Decimal("12.50")
    model.stop(wire.now_s)
    wire.run(2.0)
    assert state(wire) is InfusionState.STOPPED
    model.start(wire.now_s)
    wire.run(2.0)
    assert (state(wire), pump.forbidden) == (InfusionState.INFUSING, [])


def test_a_stall_is_told_and_ends_when_the_pump_runs_anew() -> None:
    model, pump, wire = wired("100.00")
    wire.run(3.0)
    model.occlude(wire.now_s)
    wire.run(120.0)
    assert alarm_sets(wire) == [[], ["A?S"]]
    assert state(wire) is InfusionState.STOPPED
    model.release(wire.now_s)
    model.start(wire.now_s)
    wire.run(3.0)
    assert alarm_sets(wire) == [[], ["A?S"], []]
    assert (state(wire), pump.forbidden) == (InfusionState.INFUSING, [])


def test_an_interrupted_power_is_a_restart() -> None:
    _, pump, wire = wired()
    wire.run(3.0)
    pump.interrupt_power()
    wire.run(2.0)
    assert len(wire.events(DeviceRestarted)) == 1
    assert alarm_sets(wire) == [[], ["A?R"]]


@pytest.mark.parametrize("seed", range(5))
def test_on_a_bad_line_no_wrong_number_is_said_and_the_pump_is_read_again(seed: int) -> None:
    _, pump, wire = wired()
    random = Random(seed)
    wire.spoil = Faults(random, kinds=[kind for kind in Damage if kind is not Damage.HELD])
    wire.cut = cut_anywhere(random, 0.01)
    wire.run(300.0)
    assert {value(one, Quantity.INFUSION_RATE) for one in wire.observations()} <= {Decimal("7.000"), None}
    assert pump.forbidden == []
    wire.spoil = lambda data: data
    wire.run(10.0)
    assert value(wire.last(), Quantity.INFUSION_RATE) == Decimal("7.000")
    assert wire.last().received_at_s > wire.now_s - 2.0


@pytest.mark.parametrize(
    ("rate", "text"),
    [("0", "0.000"), ("7.00", "7.000"), ("12.5", "12.50"), ("999.9", "999.9"), ("1200", "1200.")],
)
def test_numbers_as_the_pump_writes_them(rate: str, text: str) -> None:
    assert number(Decimal(rate)) == text


def test_what_is_no_question_is_kept_and_changes_nothing() -> None:
    model, pump, _ = wired()
    assert pump.feed(b"rat 5\rSTP\r" + b"x" * 200 + b"\r", START_S) == b"\x0200I?\x03" * 3
    assert pump.forbidden == ["RAT5", "STP", "X" * MAX_COMMAND_BYTES]
    assert pump.feed(b" v e r\r\r", START_S) == b"\x0200INE1000V3.61\x03\x0200I\x03"
    assert model.snapshot(START_S).rate_ml_per_h == Decimal("7.00")
