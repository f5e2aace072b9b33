"""A device that falls silent is an alarm only where it is expected to speak, and nothing ends because it is silent."""

from collections.abc import Callable, Iterable

import pytest

from drivers.model import ChannelRemoved, InfusionState, Observation
from edge.core.config import Binding
from edge.core.inputs import BrokerLink, Input, LinkCause, LinkChange
from edge.core.model import Alarm, Priority
from edge.core.view import DEAF_MAX_S
from tests.core_world import (
    BED,
    LINK_S,
    MONITOR,
    OTHER_MONITOR,
    PUMP,
    START_S,
    World,
    monitor,
    order,
    place,
    pump,
    with_bed,
)

S = InfusionState
Feed = Callable[[float], Iterable[Input]]


def both(state: InfusionState = S.INFUSING) -> Feed:
    return lambda at_s: (pump(at_s, state=state), monitor(at_s))


def monitor_alone(at_s: float) -> Iterable[Observation]:
    return (monitor(at_s),)


def left_alone_after(feed: Feed, *first: Input) -> World:
    """Two seconds of talk, then silence of all for a minute."""
    world = World()
    world.step(START_S, *first, *feed(START_S))
    world.run(START_S + 2, feed)
    world.run(START_S + 62)
    return world


# --- expected: an order, or last seen infusing ---


@pytest.mark.parametrize("state", [S.INFUSING, S.BOLUS, S.KVO, S.PURGE, S.UNKNOWN])
def test_a_pump_last_seen_infusing_that_falls_silent_is_high(state: InfusionState) -> None:
    world = left_alone_after(both(state))
    assert world.told("PUMP_LINK_LOST") == [(2 + LINK_S, "start", "lost while infusing")]
    alarm = world.alarm("PUMP_LINK_LOST")
    assert alarm is not None
    assert (alarm.priority, alarm.key.port, alarm.key.channel) == (Priority.HIGH, *PUMP)
    assert str(state) in alarm.text


@pytest.mark.parametrize("state", [S.STOPPED, S.STANDBY, S.OFF])
def test_a_pump_last_seen_still_is_medium_with_an_order_and_quiet_without(state: InfusionState) -> None:
    assert left_alone_after(both(state)).standing() == {"NORTHBOUND_LOST"}
    ordered = left_alone_after(both(state), place(START_S, order()))
    assert ordered.told("PUMP_LINK_LOST") == [(2 + LINK_S, "start", "lost")]


def test_a_pump_that_was_never_heard_is_an_alarm_only_with_an_order() -> None:
    world = World()
    world.run(START_S + 60)
    assert world.present() == world.standing() == {"NORTHBOUND_LOST"}
    ordered = World()
    ordered.step(START_S, place(START_S, order()))
    ordered.run(START_S + 60)
    assert ordered.told("PUMP_LINK_LOST") == [(LINK_S, "start", "lost")]
    assert ordered.told("MONITOR_LINK_LOST") == [(LINK_S, "start", "lost")]


def test_an_empty_bed_may_be_switched_off_without_a_sound() -> None:
    world = left_alone_after(both(S.STOPPED))
    assert world.told("MONITOR_LINK_LOST") == []
    assert world.snapshots[-1].active is False


def test_a_monitor_is_expected_at_an_active_bed_alone() -> None:
    world = left_alone_after(both(S.INFUSING))
    assert world.told("MONITOR_LINK_LOST") == [(2 + LINK_S, "start", "lost while infusing")]


def test_the_other_bed_is_not_meant() -> None:
    world = left_alone_after(both(S.INFUSING))
    assert {key.bed for key in world.retained} == {"", BED}


# --- the moment ---


def test_a_moment_before_its_limit_a_link_is_not_lost() -> None:
    world = World()
    world.step(START_S, *both()(START_S))
    world.step(START_S + 1.5)
    world.step(START_S + LINK_S - 0.001)
    assert world.told("PUMP_LINK_LOST") == []
    world.step(START_S + LINK_S)
    assert world.told("PUMP_LINK_LOST") == [(LINK_S, "start", "lost while infusing")]


def test_the_step_says_when_the_silence_will_be_too_long() -> None:
    world = World()
    world.step(START_S, *both()(START_S))
    deadlines = []
    for _ in range(2):
        deadlines.append(world.steps[-1].next_deadline_s)
        world.step(deadlines[-1])
    world.step(START_S + 2.5)
    assert world.steps[-1].next_deadline_s == START_S + LINK_S


def test_the_line_says_how_long_its_round_is_but_ten_seconds_are_the_most() -> None:
    for round_s, limit_s in ((2.0, 5.0), (30.0, 10.0)):
        world = World()
        opened = [LinkChange(port, START_S, True, LinkCause.OPENED, "", round_s) for port in ("rack", "mon-1")]
        world.step(START_S, *opened, *both()(START_S))
        world.run(START_S + 20)
        assert world.told("PUMP_LINK_LOST") == [(limit_s, "start", "lost while infusing")]


def test_a_pump_taken_from_its_rack_is_lost_at_once() -> None:
    world = World()
    world.step(START_S, *both()(START_S))
    world.step(START_S + 1, ChannelRemoved(*PUMP, START_S + 1, "taken from its rack"), monitor(START_S + 1))
    assert world.told("PUMP_LINK_LOST") == [(1, "start", "lost while infusing")]
    alarm = world.alarm("PUMP_LINK_LOST")
    assert alarm is not None
    assert "taken from its rack" in alarm.text


def test_a_pump_put_back_ends_it_after_five_seconds_of_talk() -> None:
    world = World()
    world.step(START_S, *both()(START_S))
    world.step(START_S + 1, ChannelRemoved(*PUMP, START_S + 1, "gone"), monitor(START_S + 1))
    world.run(START_S + 20, monitor_alone)
    world.run(START_S + 40, both())
    assert world.told("PUMP_LINK_LOST") == [(1, "start", "lost while infusing"), (26, "end", "lost while infusing")]


# --- the edge itself was kept from listening ---


def stalled(late_s: float) -> World:
    """Talk for two seconds; then a step comes so late, and without a word: who is not asked does not answer."""
    world = World()
    connected = BrokerLink(START_S, connected=True, detail="")
    world.step(START_S, connected, place(START_S, order()), *both()(START_S))
    world.run(START_S + 2, both())
    world.step(START_S + 3 + late_s)
    return world


def test_a_polled_pump_is_not_lost_because_nobody_asked_it() -> None:
    world = stalled(5)
    assert world.events == []
    world.run(START_S + 30, both())
    assert world.events == []


def test_a_device_that_is_silent_in_truth_is_lost_after_its_limit_and_the_stall() -> None:
    world = stalled(5)
    assert world.steps[-1].next_deadline_s <= world.now_s + 1
    while world.now_s < START_S + 20:
        world.step(world.steps[-1].next_deadline_s)
    lost_at = 2 + LINK_S + 6  # last heard, its limit, and the gap between two steps
    assert world.told("PUMP_LINK_LOST") == [(lost_at, "start", "lost while infusing")]
    assert world.told("MONITOR_LINK_LOST") == [(lost_at, "start", "lost while infusing")]


def test_a_stall_before_it_was_heard_last_gives_it_no_time() -> None:
    world = stalled(5)
    world.step(START_S + 8.5, *both()(START_S + 8.5))
    while world.now_s < START_S + 20:
        world.step(world.steps[-1].next_deadline_s)
    assert world.told("PUMP_LINK_LOST") == [(8.5 + LINK_S, "start", "lost while infusing")]


@pytest.mark.parametrize(("gap_s", "lost_at"), [(2.0, 4.0), (2.5, 25.0)])
def test_an_edge_that_is_late_again_and_again_still_finds_a_silent_device(gap_s: float, lost_at: float) -> None:
    """Two beats are no stall; and of any number of stalls no more than 20 s are put down to the edge."""
    assert DEAF_MAX_S == 20.0
    world = World()
    world.step(START_S, *both()(START_S))
    while world.now_s < START_S + 60:
        world.step(world.now_s + gap_s)
    assert world.told("PUMP_LINK_LOST") == [(lost_at, "start", "lost while infusing")]


def test_before_it_was_ever_heard_a_stall_counts_too() -> None:
    world = World()
    world.step(START_S, place(START_S, order()))
    world.step(START_S + 6)
    assert world.told("PUMP_LINK_LOST") == []
    world.run(START_S + 20)
    assert world.told("PUMP_LINK_LOST") == [(6 + LINK_S, "start", "lost")]


# --- while it is lost ---


def test_while_the_link_is_lost_no_condition_of_it_ends() -> None:
    """Rate, alarms of the device, missing order: all present, all not verifiable (law 2)."""
    world = World()
    world.step(START_S, *both()(START_S))
    world.run(START_S + 20, lambda at_s: (pump(at_s), monitor(at_s, heart_rate=170)))
    before = {"ORDER_MISSING", "HR_HIGH", "NORTHBOUND_LOST"}
    assert world.present() == world.standing() == before
    world.run(START_S + 600)
    assert world.present() >= before
    stands = {key.condition: alarm.verifiable for key, alarm in world.retained.items()}
    assert (stands["ORDER_MISSING"], stands["HR_HIGH"]) == (False, False)
    assert not [event for event in world.events if event.phase in ("end", "latch", "deescalate")]


def test_a_lost_link_explains_what_is_missing() -> None:
    """One alarm, not four."""
    world = left_alone_after(both())
    assert (
        world.present()
        == world.standing()
        == {"NORTHBOUND_LOST", "PUMP_LINK_LOST", "MONITOR_LINK_LOST", "ORDER_MISSING"}
    )


def test_of_two_monitors_the_one_that_speaks_is_enough_for_the_values() -> None:
    config = with_bed(monitors=(Binding(*MONITOR), Binding(*OTHER_MONITOR)))
    world = World(config)
    world.step(START_S, *both()(START_S), monitor(START_S, OTHER_MONITOR))
    world.run(START_S + 30, lambda at_s: (pump(at_s), monitor(at_s, OTHER_MONITOR)))
    assert world.told("MONITOR_LINK_LOST") == [(LINK_S, "start", "lost")]
    assert world.told("HR_MISSING") == []
    heart_rate = world.snapshots[-1].vital_signs[0]
    assert (str(heart_rate.value), heart_rate.source) == ("80", "mon-2.0")


def test_a_lost_link_ends_when_nothing_is_expected_any_more() -> None:
    """The infusion is over, the monitor is switched off: a grey line."""
    world = World()
    world.step(START_S, *both()(START_S))
    world.run(START_S + 10, lambda at_s: (pump(at_s),))
    assert "MONITOR_LINK_LOST" in world.present()
    world.run(START_S + 30, lambda at_s: (pump(at_s, state=S.STOPPED),))
    assert world.present() == world.standing() == {"NORTHBOUND_LOST"}


# --- after a restart ---


def restored(*, infusing: bool) -> tuple[Alarm, ...]:
    world = left_alone_after(both(), *(() if infusing else (place(START_S, order()),)))
    return tuple(alarm for key, alarm in world.retained.items() if key.bed)


def test_a_lost_link_outlasts_a_restart_in_full_until_the_pump_is_heard() -> None:
    """Nobody knows whether the pump still infuses; that the edge began anew is no reason to be quieter."""
    world = World(alarms=restored(infusing=True))
    world.step(START_S)
    world.run(START_S + 120)
    assert world.told("PUMP_LINK_LOST", levels=False) == []
    assert world.told("MONITOR_LINK_LOST", levels=False) == []
    alarm = world.alarm("PUMP_LINK_LOST")
    assert alarm is not None
    assert (alarm.priority, alarm.verifiable, alarm.audible) == (Priority.HIGH, False, True)


def test_with_an_order_it_keeps_its_priority_too() -> None:
    world = World(alarms=restored(infusing=True))
    world.step(START_S, place(START_S, order()))
    world.run(START_S + 120)
    assert [phase for _, phase, _ in world.told("PUMP_LINK_LOST", levels=False)] == ["update"]
    alarm = world.alarm("PUMP_LINK_LOST")
    assert alarm is not None
    assert alarm.priority is Priority.HIGH


def test_it_ends_when_the_devices_are_heard() -> None:
    world = World(alarms=restored(infusing=True))
    world.step(START_S, *both(S.STOPPED)(START_S))
    world.run(START_S + 20, both(S.STOPPED))
    assert world.told("PUMP_LINK_LOST") == [(5, "end", "lost while infusing")]
    assert world.told("MONITOR_LINK_LOST") == [(5, "end", "lost while infusing")]
    assert world.present() == world.standing() == {"NORTHBOUND_LOST"}


def test_a_monitors_lost_link_ends_when_the_pump_says_that_nothing_is_expected() -> None:
    world = World(alarms=restored(infusing=True))
    world.run(START_S + 20, lambda at_s: (pump(at_s, state=S.STOPPED),))
    assert "MONITOR_LINK_LOST" not in world.standing()
