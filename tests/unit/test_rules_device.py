"""Who answers on a channel (H-08), and the alarms that a device shows itself."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from drivers.model import AlarmSetChanged, ChannelRemoved, DeviceAlarm, DeviceAlarmKind, InfusionState
from edge.core.config import Binding, IdentityPolicy
from edge.core.inputs import Acknowledge, Input, LinkCause, LinkChange, Named
from edge.core.model import Alarm, Priority, SignalPresence
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
HIGH_KINDS = {K.AIR_IN_LINE, K.FREE_FLOW, K.BATTERY_EMPTY, K.MALFUNCTION, K.LIFE_THREATENING}
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
    policy = IdentityPolicy.PINNED if pinned else IdentityPolicy.CONFIRM
    world = World(with_bed(pumps=(Binding(*PUMP, pinned, policy),)))
    world.step(START_S, *first, is_called(START_S, serial), *running(state=state)(START_S))
    return world


def latched(world: World, condition: str) -> Alarm:
    """The alarm of a condition, which is over, and of which nobody has said yet that it was seen."""
    alarm = world.alarm(condition)
    assert alarm is not None
    assert (alarm.present, alarm.signal) == (False, SignalPresence.LATCHED)
    return alarm


# --- identity ---


@pytest.mark.parametrize("state", [S.INFUSING, S.STOPPED])
def test_a_pinned_channel_alarms_at_once_for_another_device(state: InfusionState) -> None:
    world = begun("B", state, "A")
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(0, "start", "changed")]
    alarm = world.alarm("DEVICE_IDENTITY_CHANGED")
    assert alarm is not None
    assert alarm.priority is Priority.HIGH
    assert alarm.text.endswith("has serial number B, and it must be A.")
    assert alarm.evidence == (("serial_number", "B"), ("expected_serial_number", "A"))


def test_no_value_of_another_device_is_shown_or_judged() -> None:
    """Two lines are swapped: no value of bed A under bed B (T-09)."""
    world = begun("A", S.INFUSING, "A", place(START_S, order()))
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running("70")(START_S + 1))
    world.run(START_S + 5, running("70"))
    assert world.told("DOSE_RATE_HIGH") == []
    shown = [metric.value for row in world.snapshots for channel in row.channels for metric in channel.metrics]
    assert {number for number in shown if number is not None} == {Decimal(7), Decimal(1)}
    (channel,) = next(row for row in reversed(world.snapshots) if row.bed == BED).channels
    assert (channel.link, channel.metrics) == ("up", ())
    assert "DEVICE_IDENTITY_CHANGED" in world.present()
    world.run(START_S + 20, running("70"))
    assert "DOSE_INPUT_MISSING" in world.present()


def test_a_change_during_an_infusion_is_high_whatever_the_new_device_does() -> None:
    world = begun("A")
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running(state=S.STOPPED)(START_S + 1))
    world.run(START_S + 60, running(state=S.STOPPED))
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(1, "start", "changed")]
    world.run(START_S + 61, running(state=S.STOPPED))
    assert world.told("DEVICE_IDENTITY_CHANGED")[1:] == [(61, "level", "changed")]


def test_a_pump_carried_away_while_it_ran_is_not_made_good_by_another_in_its_place() -> None:
    """H-10: what infused is no longer watched; the new pump's link is no news of it."""
    world = begun("A")
    world.step(START_S + 1, ChannelRemoved(*PUMP, START_S + 1, "taken from its rack"))
    world.run(START_S + 30, lambda at_s: (monitor(at_s),))
    world.step(START_S + 31, is_called(START_S + 31, "B"), *running(state=S.STOPPED)(START_S + 31))
    world.run(START_S + 90, running(state=S.STOPPED))
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(31, "start", "changed")]


def test_when_the_expected_device_answers_again_it_latches_until_somebody_has_seen_it() -> None:
    world = begun("A")
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running()(START_S + 1))
    world.step(START_S + 2, is_called(START_S + 2, "A"), *running()(START_S + 2))
    assert world.told("DEVICE_IDENTITY_CHANGED") == [(1, "start", "changed"), (2, "latch", "changed")]
    alarm = latched(world, "DEVICE_IDENTITY_CHANGED")
    assert (alarm.priority, alarm.verifiable) == (Priority.HIGH, True)
    assert alarm.text.endswith("has serial number B, and A was infusing here.")
    world.run(START_S + 300, running())
    assert latched(world, "DEVICE_IDENTITY_CHANGED") == alarm
    assert world.reset("DEVICE_IDENTITY_CHANGED").done
    assert world.told("DEVICE_IDENTITY_CHANGED")[2:] == [(300, "reset", "changed")]
    assert "DEVICE_IDENTITY_CHANGED" not in world.standing()


def test_a_nurse_who_took_it_before_finds_nothing_latched_when_the_expected_device_answers_again() -> None:
    world = begun("A")
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running()(START_S + 1))
    assert world.acknowledge("DEVICE_IDENTITY_CHANGED").done
    world.step(START_S + 2, is_called(START_S + 2, "A"), *running()(START_S + 2))
    assert world.told("DEVICE_IDENTITY_CHANGED") == [
        (1, "start", "changed"),
        (1, "acknowledge", "changed"),
        (2, "end", "changed"),
    ]
    assert "DEVICE_IDENTITY_CHANGED" not in world.standing()


@pytest.mark.parametrize("first", [(), (place(START_S, order()),)], ids=["idle", "ordered"])
def test_another_pump_that_comes_while_nothing_runs_counts_and_is_asked_about(first: tuple[Input, ...]) -> None:
    world = begun("A", S.STOPPED, "", *first)
    world.step(START_S + 1, is_called(START_S + 1, "B"), *running("8", S.STOPPED)(START_S + 1))
    world.run(START_S + 10, running("70"))
    assert world.told("DEVICE_IDENTITY_CHANGED") == []
    (channel,) = next(row for row in reversed(world.snapshots) if row.bed == BED).channels
    assert Decimal(70) in {metric.value for metric in channel.metrics}
    assert len(world.told("DOSE_RATE_HIGH")) == len(first)
    world.run(START_S + 200, running())
    assert [phase for _, phase, _ in world.told("IDENTITY_UNCONFIRMED")] == ["start"]


# --- the device's own alarms ---


@pytest.mark.parametrize("kind", list(DeviceAlarmKind))
def test_every_kind_is_relayed_at_once_with_its_priority_and_is_over_when_the_device_says_so(
    kind: DeviceAlarmKind,
) -> None:
    """One of high priority latches, so that nobody misses that there was one."""
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
    over = "latch" if kind in HIGH_KINDS else "end"
    assert world.told(condition) == [(1, "start", "device"), (3, over, "device")]
    assert (condition in world.standing()) is (kind in HIGH_KINDS)
    if kind in HIGH_KINDS:
        assert latched(world, condition).priority is Priority.HIGH


def test_an_alarm_of_a_device_that_comes_back_while_it_stands_latched_is_the_same_one_and_sounds_again() -> None:
    world = begun()
    for t, kinds in ((1, (K.AIR_IN_LINE,)), (2, ()), (3, (K.AIR_IN_LINE,)), (4, ())):
        world.step(START_S + t, shows(START_S + t, *kinds), *running()(START_S + t))
    assert world.told("DEVICE_AIR_IN_LINE") == [
        (1, "start", "device"),
        (2, "latch", "device"),
        (3, "return", "device"),
        (4, "latch", "device"),
    ]
    alarm = latched(world, "DEVICE_AIR_IN_LINE")
    assert (alarm.occurrence, alarm.returns) == ("run-1-2", 1)  # the first one is the missing order's
    assert {event.alarm.occurrence for event in world.events if event.alarm.key == alarm.key} == {alarm.occurrence}


def test_another_code_of_the_same_kind_is_told_with_its_text() -> None:
    """The pump first says one thing, then another; the nurse must not read the first one for ever."""
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.MALFUNCTION, code="E1", text="motor"))
    world.step(START_S + 2, shows(START_S + 2, K.MALFUNCTION, code="E2", text="force sensor"))
    world.run(START_S + 5, running())
    assert world.told("DEVICE_MALFUNCTION") == [(1, "start", "device"), (2, "remind", "device")]
    alarm = world.alarm("DEVICE_MALFUNCTION")
    assert alarm is not None
    assert alarm.text.endswith("reports: force sensor (E2).")
    assert alarm.evidence == (("device_alarms", "force sensor (E2)"),)
    assert [event.alarm.occurrence for event in world.events if event.alarm.key == alarm.key] == [alarm.occurrence] * 2


def test_a_second_code_of_the_same_kind_is_told_and_so_is_its_going() -> None:
    world = begun()
    first, second = DeviceAlarm(K.MALFUNCTION, "E1", "motor"), DeviceAlarm(K.MALFUNCTION, "E2", "force sensor")
    shown = []
    for t, alarms in enumerate(((first,), (first, second), (first, second), (second,), ()), 1):
        world.step(START_S + t, AlarmSetChanged(*PUMP, START_S + t, alarms), *running()(START_S + t))
        alarm = world.alarm("DEVICE_MALFUNCTION")
        assert alarm is not None
        shown.append((alarm.text.partition("reports: ")[2], alarm.present))
    both = "motor (E1), force sensor (E2)."
    last = "force sensor (E2)."
    assert shown == [("motor (E1).", True), (both, True), (both, True), (last, True), (last, False)]
    assert [(at_s, phase) for at_s, phase, _ in world.told("DEVICE_MALFUNCTION")] == [
        (1, "start"),
        (2, "remind"),
        (4, "update"),
        (5, "latch"),
    ]


def test_an_unchanged_set_that_is_told_again_tells_nothing() -> None:
    world = begun()
    for t in range(1, 6):
        world.step(START_S + t, shows(START_S + t, K.AIR_IN_LINE), *running()(START_S + t))
    assert world.told("DEVICE_AIR_IN_LINE") == [(1, "start", "device")]


def test_what_changed_while_the_device_was_silent_is_told_when_it_speaks() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.MALFUNCTION, code="E1", text="motor"), *running()(START_S + 1))
    world.run(START_S + 10)
    world.step(START_S + 11, shows(START_S + 11, K.MALFUNCTION, code="E2", text="valve"), *running()(START_S + 11))
    assert world.told("DEVICE_MALFUNCTION") == [
        (1, "start", "device"),
        (1 + LINK_S, "update", "device"),
        (11, "remind", "device"),
    ]
    alarm = world.alarm("DEVICE_MALFUNCTION")
    assert alarm is not None
    assert (alarm.verifiable, alarm.text.endswith("reports: valve (E2).")) == (True, True)


def test_no_alarm_of_a_device_that_does_not_count_is_relayed() -> None:
    """Neither while it answers, nor in the moment in which the right one is back and has not yet told its own."""
    world = begun("A", S.INFUSING, "A")
    words: list[Input] = [
        shows(START_S + 1, K.DOOR_OPEN),
        is_called(START_S + 2, "B"),
        shows(START_S + 3, K.AIR_IN_LINE),
        is_called(START_S + 4, "A"),
        shows(START_S + 5, K.DOOR_OPEN),
        shows(START_S + 6),
    ]
    for word in words:
        world.step(word.received_at_s, word, *running()(word.received_at_s))
    assert world.told("DEVICE_AIR_IN_LINE") == []
    assert [row[:2] for row in world.told("DEVICE_DOOR_OPEN")] == [
        (1, "start"),
        (2, "update"),
        (5, "update"),
        (6, "end"),
    ]


def test_alarms_that_were_told_before_the_serial_number_count_when_it_is_told() -> None:
    world = begun("A")
    down = LinkChange(PUMP[0], START_S + 1, False, LinkCause.LOST, "unplugged", 1.0)
    world.step(START_S + 1, down, replace(down, up=True), shows(START_S + 1, K.AIR_IN_LINE), *running()(START_S + 1))
    assert world.told("DEVICE_AIR_IN_LINE") == []
    world.step(START_S + 2, is_called(START_S + 2, "A"))
    assert world.told("DEVICE_AIR_IN_LINE") == [(2, "start", "device")]


def test_an_unknown_code_is_an_alarm() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.UNKNOWN, code="ALARM1=99", text="not known"))
    assert world.told("DEVICE_UNKNOWN") == [(1, "start", "device")]


def test_alarms_are_relayed_at_an_idle_bed_too_and_from_monitors() -> None:
    world = begun("A", S.STOPPED)
    world.step(START_S + 1, shows(START_S + 1, K.OCCLUSION_DOWNSTREAM), shows(START_S + 1, K.VITAL_SIGN, where=MONITOR))
    assert world.present() == world.standing() == {"DEVICE_OCCLUSION_DOWNSTREAM", "DEVICE_VITAL_SIGN"}


def test_each_kind_of_a_set_is_an_alarm_of_its_own() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.AIR_IN_LINE, K.DOOR_OPEN))
    world.step(START_S + 2, shows(START_S + 2, K.DOOR_OPEN))
    assert world.told("DEVICE_AIR_IN_LINE") == [(1, "start", "device"), (2, "latch", "device")]
    assert world.told("DEVICE_DOOR_OPEN") == [(1, "start", "device")]
    assert latched(world, "DEVICE_AIR_IN_LINE").key.port == PUMP[0]
    assert world.present() >= {"DEVICE_DOOR_OPEN"}


def test_an_alarm_that_came_and_went_before_a_step_is_told() -> None:
    """The loop stalled; what must not be lost is judged at its own moment."""
    world = begun()
    world.step(START_S + 5, *running()(START_S + 4), shows(START_S + 1, K.AIR_IN_LINE), shows(START_S + 2))
    assert [phase for _, phase, _ in world.told("DEVICE_AIR_IN_LINE")] == ["start", "latch"]
    assert latched(world, "DEVICE_AIR_IN_LINE").priority is Priority.HIGH


def test_while_the_device_is_silent_its_alarms_stay() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.AIR_IN_LINE), *running()(START_S + 1))
    world.run(START_S + 60)
    assert world.told("DEVICE_AIR_IN_LINE") == [(1, "start", "device"), (1 + LINK_S, "update", "device")]
    world.run(START_S + 61, running())
    assert world.told("DEVICE_AIR_IN_LINE")[2:] == [(61, "update", "device"), (61, "level", "device")]


def test_after_a_restart_an_alarm_stands_until_the_device_tells_its_set() -> None:
    world = begun()
    world.step(START_S + 1, shows(START_S + 1, K.AIR_IN_LINE))
    after = World(alarms=[alarm for key, alarm in world.retained.items() if key.condition == "DEVICE_AIR_IN_LINE"])
    after.run(START_S + 60, running())
    assert after.told("DEVICE_AIR_IN_LINE", levels=False) == []
    assert after.present() >= {"DEVICE_AIR_IN_LINE"}
    after.step(START_S + 61, shows(START_S + 61), *running()(START_S + 61))
    assert after.told("DEVICE_AIR_IN_LINE", levels=False) == [(61, "latch", "device")]
    assert latched(after, "DEVICE_AIR_IN_LINE").verifiable


@pytest.mark.parametrize("taken", [True, False], ids=["after it was taken", "before the click"])
def test_who_took_one_code_has_not_seen_another_of_its_kind(taken: bool) -> None:
    """A click on "apnea" must not silence the "asystole" that came after it (H-23)."""
    world = begun()
    says = partial(shows, where=MONITOR)
    world.step(START_S + 1, says(START_S + 1, K.LIFE_THREATENING, code="A1", text="apnea"), monitor(START_S + 1))
    seen = world.alarm("DEVICE_LIFE_THREATENING")
    assert seen is not None
    if taken:
        assert world.accept("DEVICE_LIFE_THREATENING", acknowledge=True).done
    world.step(START_S + 2, says(START_S + 2, K.LIFE_THREATENING, code="A2", text="asystole"), monitor(START_S + 2))
    if not taken:
        answer = world.ask(Acknowledge(Named(BED, seen.key.name, seen.occurrence, seen.rev)))
        assert (answer.done, answer.reason) == (False, "it made noise again since: look again")
    alarm = world.alarm("DEVICE_LIFE_THREATENING")
    assert alarm is not None
    assert (alarm.audible, alarm.acceptance, alarm.text[-14:]) == (True, None, "asystole (A2).")
