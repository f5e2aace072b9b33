"""An infusion that stands, or only keeps the vein open, is told, whatever the pump did in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from drivers.model import DeviceAlarmKind, InfusionState, Observation
from edge.core.model import Priority
from tests.core_world import shows
from tests.dose_world import D, Treatment, ordered, treatment


def in_state(state: InfusionState) -> Callable[[Observation], Observation]:
    """What the pump says, in another state than its own."""

    def change(said: Observation) -> Observation:
        assert said.infusion is not None
        return replace(said, infusion=replace(said.infusion, state=state))

    return change


@pytest.mark.parametrize("given_mg", ["0", "139"], ids=["before its end", "at its end"])
def test_a_pump_that_keeps_the_vein_open_and_says_nothing_is_told(given_mg: str) -> None:
    run = Treatment(treatment(ordered(given_before_mg=D(given_mg))))
    run.run(60)
    run.change = in_state(InfusionState.KVO)
    run.run(116)
    assert "INFUSION_PAUSED" not in run.raised()
    run.run(12)
    alarm = run.world.alarm("INFUSION_PAUSED")
    assert alarm is not None
    assert (alarm.priority, alarm.text) == (
        Priority.LOW,
        "Bed 1: the pump has only kept the vein open for 2 min, and still gives drug.",
    )
    run.change = in_state(InfusionState.INFUSING)
    run.run(4)
    assert run.world.alarm("INFUSION_PAUSED") is None


@pytest.mark.parametrize("kind", [DeviceAlarmKind.KVO_ACTIVE, DeviceAlarmKind.INFUSION_COMPLETE])
def test_what_the_pump_tells_of_an_open_vein_is_not_told_twice(kind: DeviceAlarmKind) -> None:
    run = Treatment(treatment())
    run.run(60)
    run.change = in_state(InfusionState.KVO)
    run.look(run.world.now_s + 1, shows(run.world.now_s + 1, kind))
    run.run(300)
    assert "INFUSION_PAUSED" not in run.raised()
    run.look(run.world.now_s + 1, shows(run.world.now_s + 1))  # confirmed at the pump, which goes on
    run.run(124)
    assert run.world.alarm("INFUSION_PAUSED") is not None


@pytest.mark.parametrize(("state", "told"), [(InfusionState.PURGE, True), (InfusionState.UNKNOWN, False)])
def test_a_purge_that_goes_on_is_a_pause_and_what_is_not_known_is_none(state: InfusionState, told: bool) -> None:
    run = Treatment(treatment())
    run.run(60)
    run.change = in_state(state)
    run.run(130)
    assert ("INFUSION_PAUSED" in run.raised()) is told


@pytest.mark.parametrize("between", [InfusionState.PURGE, InfusionState.KVO, InfusionState.UNKNOWN])
@pytest.mark.parametrize(("emptied", "condition"), [(False, "INFUSION_PAUSED"), (True, "SYRINGE_CHANGE")])
def test_what_is_no_infusion_does_not_make_a_pause_forgotten(
    between: InfusionState, emptied: bool, condition: str
) -> None:
    run = Treatment(treatment())
    run.run(60)
    run.pump.stop(run.clock_s)
    alarms = [shows(run.world.now_s + 1, DeviceAlarmKind.RESERVOIR_EMPTY)] if emptied else []
    run.look(run.world.now_s + 1, *alarms)
    run.look(run.world.now_s + 1, shows(run.world.now_s + 1))
    run.change = in_state(between)
    run.run(8)
    run.change = in_state(InfusionState.STOPPED)
    run.run(320)
    assert run.world.alarm(condition) is not None
