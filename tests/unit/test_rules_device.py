"""Who answers on a channel (H-08), and the alarms that a device shows itself."""

from collections.abc import Callable, Iterable

import pytest

from drivers.model import ChannelRemoved, DeviceAlarmKind, InfusionState
from edge.core.config import Binding
from edge.core.model import Input, Priority
from tests.core_world import (
    BED,
    LINK_S,
    MONITOR,
    PUMP,
    START_S,
    World,
    is_called,
    monitor,
    order,
    place,
    pump,
    shows,
    with_bed,
)

S, K = InfusionState, DeviceAlarmKind
Feed = Callable[[float], Iterable[Input]]
HIGH_KINDS = {K.AIR_IN_LINE, K.FREE_FLOW, K.BATTERY_EMPTY, K.MALFUNCTION}
LOW_KINDS = {
    K.RESERVOIR_NEAR_EMPTY,
    K.INFUSION_NEAR_END,
    K.KVO_ACTIVE,
    K.STANDBY_EXPIRED,
    K.ADVISORY,
    K.SENSOR_OFF,
}


def running(rate: str = "7", state: InfusionState = S.INFUSING) -> Feed:
    return lambda at_s: (pump(at_s, rate, state), monitor(at_s))


def begun(serial: str = "A", state: InfusionState = S.INFUSING, pinned: str = "", *first: Input) -> World:
    world = World(with_bed(pumps=(Binding(*PUMP, pinned),)))
    world.step(START_S, *first, is_called(START_S, serial), *running(state=state)(START_S))
    return world


# --- identity ---


@pytest.mark.parametrize("state", [S.INFUSING, S.STOPPED])
def test_a_pinned_channel_alarms_at_once_for_another_device(state: InfusionState) -> None:
    world = begun("B", state, "A")
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(0, "start", "changed")]
    alarm = world.alarm("DEVICE_IDENTITY_CHANGED")
    assert alarm is not None
    assert alarm.priority is Priority.HIGH
    assert "serial number B, expected A" in alarm.text


def test_no_value_of_another_device_is_shown_or_judged() -> None:
    """Two lines are swapped: no value of bed A under bed B (T-09)."""
    world = begun("A", S.INFUSING, "A", place(START_S, order()))
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running("70")(START_S + 1))
    world.run(START_S + 5, running("70"))
    assert world.told("DOSE_RATE_HIGH") == []
    (channel,) = next(shown for shown in reversed(world.snapshots) if shown.bed == BED).channels
    assert {metric.value for metric in channel.metrics} == {None}
    assert "DEVICE_IDENTITY_CHANGED" in world.present()
    world.run(START_S + 20, running("70"))
    assert "DOSE_INPUT_MISSING" in world.present()


def test_a_change_during_an_infusion_is_high_whatever_the_new_device_does() -> None:
    world = begun("A")
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running(state=S.STOPPED)(START_S + 1))
    world.run(START_S + 60, running(state=S.STOPPED))
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(1, "start", "changed")]


def test_a_pump_carried_away_while_it_ran_is_not_made_good_by_another_in_its_place() -> None:
    """H-10: what infused is no longer watched; the new pump's link is no news of it."""
    world = begun("A")
    world.step(START_S + 1, ChannelRemoved(*PUMP, START_S + 1, "taken from its rack"))
    world.run(START_S + 30, lambda at_s: (monitor(at_s),))
    world.step(START_S + 31, is_called(START_S + 31, "B"), *running(state=S.STOPPED)(START_S + 31))
    world.run(START_S + 90, running(state=S.STOPPED))
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(31, "start", "changed")]


def test_it_ends_when_the_expected_device_answers_again() -> None:
    world = begun("A")
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running()(START_S + 1))
    world.step(START_S + 2, is_called(START_S + 2, "A"), *running()(START_S + 2))
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(1, "start", "changed"), (2, "end", "changed")]


def test_another_pump_at_an_idle_bed_alarms_when_it_infuses() -> None:
    world = begun("A", S.STOPPED)
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running(state=S.STOPPED)(START_S + 1))
    world.run(START_S + 10, running(state=S.STOPPED))
    assert world.told("DEVICE_IDENTITY_CHANGED") == []
    world.run(START_S + 11, running())
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(11, "start", "changed")]


# --- the device's own alarms ---


@pytest.mark.parametrize("kind", list(DeviceAlarmKind))
def test_every_kind_is_relayed_at_once_with_its_priority_and_ends_when_the_device_says_so(
    kind: DeviceAlarmKind,
) -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, kind, code="INA42", text="what it says"))
    world.step(START_S + 2, *running()(START_S + 2))
    condition = f"DEVICE_{kind.name}"
    alarm = world.alarm(condition)
    assert alarm is not None
    expected = Priority.HIGH if kind in HIGH_KINDS else Priority.LOW if kind in LOW_KINDS else Priority.MEDIUM
    assert (alarm.priority, alarm.key.port, alarm.key.channel) == (expected, *PUMP)
    assert "what it says (INA42)" in alarm.text
    world.step(START_S + 3, shows(START_S + 3))
    assert world.told(condition) == [(1, "start", "device"), (3, "end", "device")]


def test_an_unknown_code_is_an_alarm() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.UNKNOWN, code="ALARM1=99", text="not known"))
    assert world.told("DEVICE_UNKNOWN") == [(1, "start", "device")]


def test_alarms_are_relayed_at_an_idle_bed_too_and_from_monitors() -> None:
    world = begun("A", S.STOPPED)
    world.step(START_S + 1, shows(START_S + 1, K.OCCLUSION_DOWNSTREAM), shows(START_S + 1, K.VITAL_SIGN, where=MONITOR))
    assert world.present() == {"DEVICE_OCCLUSION_DOWNSTREAM", "DEVICE_VITAL_SIGN"}


def test_each_kind_of_a_set_is_an_alarm_of_its_own() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.AIR_IN_LINE, K.DOOR_OPEN))
    world.step(START_S + 2, shows(START_S + 2, K.DOOR_OPEN))
    assert world.told("DEVICE_AIR_IN_LINE") == [(1, "start", "device"), (2, "end", "device")]
    assert world.told("DEVICE_DOOR_OPEN") == [(1, "start", "device")]


def test_an_alarm_that_came_and_went_before_a_step_is_told() -> None:
    """The loop stalled; what must not be lost is judged at its own moment."""
    world = begun()
    world.step(START_S + 5, *running()(START_S + 4), shows(START_S + 1, K.AIR_IN_LINE), shows(START_S + 2))
    assert [phase for _, phase, _ in world.told("DEVICE_AIR_IN_LINE")] == ["start", "end"]


def test_while_the_device_is_silent_its_alarms_stay() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.AIR_IN_LINE), *running()(START_S + 1))
    world.run(START_S + 60)
    assert world.told("DEVICE_AIR_IN_LINE") == [(1, "start", "device"), (1 + LINK_S, "update", "device")]
    world.run(START_S + 61, running())
    assert world.told("DEVICE_AIR_IN_LINE")[-1] == (61, "update", "device")


def test_after_a_restart_an_alarm_stands_until_the_device_tells_its_set() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.AIR_IN_LINE))
    after = World(alarms=[alarm for key, alarm in world.retained.items() if key.condition == "DEVICE_AIR_IN_LINE"])
    after.run(START_S + 60, running())
    assert after.told("DEVICE_AIR_IN_LINE") == []
    after.step(START_S + 61, shows(START_S + 61), *running()(START_S + 61))
    assert after.told("DEVICE_AIR_IN_LINE") == [(61, "end", "device")]
