"""The core's step: the order of inputs, deadlines, restarts, the pulse, and what a step leaves alone."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from drivers.model import BolusGiven, DeviceAlarmKind, DeviceRestarted, InfusionState
from edge.core import bed as bed_rules
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Answer,
    Effect,
    Heartbeat,
    Journal,
    Persist,
    Publish,
    SelfCheck,
)
from edge.core.engine import BEAT_S, SHOW_AFTER_NOISE_S, Core
from edge.core.inputs import BrokerLink, Input, LinkCause, LinkChange, Reset, StoreResult
from edge.core.model import Priority, SignalPresence
from edge.core.restore import initial_state
from edge.core.view import BedView
from tests.core_world import (
    BED,
    CONFIG,
    OTHER_BED,
    OTHER_MONITOR,
    OTHER_PUMP,
    PUMP,
    START_S,
    World,
    asked,
    instant,
    is_called,
    monitor,
    named,
    order,
    place,
    pump,
    shows,
)

S = InfusionState
CONNECTED = BrokerLink(START_S, connected=True, detail="connected")


def well(at_s: float) -> Iterable[Input]:
    return (pump(at_s), monitor(at_s))


def begun() -> World:
    world = World()
    world.step(START_S, CONNECTED, place(START_S, order()), *well(START_S))
    return world


# --- the order of inputs, and a stalled loop ---


def test_inputs_are_applied_in_the_order_of_their_receipt_however_they_come() -> None:
    samples = [pump(START_S + t, rate) for t, rate in ((1, "7"), (2, "70"), (3, "7"))]
    for shuffled in (samples, samples[::-1], samples[1:] + samples[:1]):
        world = begun()
        world.step(START_S + 3, *shuffled)
        (channel,) = world.core.snapshot().sources[PUMP].values.values()
        assert (str(channel.value), channel.taken_at_s) == ("7", START_S + 3)
        assert world.told("DOSE_RATE_HIGH") == [(3, "start", "bypass")]


def test_a_loop_that_stalled_for_five_seconds_raises_no_false_alarm() -> None:
    """What the devices said meanwhile waits; it is applied before any absence is judged."""
    world = begun()
    waiting = [item for t in range(1, 6) for item in well(START_S + t)]
    world.step(START_S + 5.9, *reversed(waiting))
    assert world.events == []


def test_samples_that_waited_are_judged_each_at_its_own_moment() -> None:
    """Ten seconds beyond the hard limit lie within the stall, not behind it."""
    world = begun()
    world.step(START_S + 15, *(pump(START_S + t, "18.2") for t in range(1, 13)), *well(START_S + 14.5))
    assert [(phase, band) for _, phase, band in world.told("DOSE_RATE_HIGH")] == [("start", "hard")]


def test_a_value_that_came_and_went_in_a_stall_is_told() -> None:
    world = begun()
    world.step(
        START_S + 4, monitor(START_S + 1), monitor(START_S + 2, spo2=70), monitor(START_S + 3), pump(START_S + 3)
    )
    assert [phase for _, phase, _ in world.told("SPO2_LOW")] == ["start"]


def test_a_sample_of_a_moment_ahead_or_long_ago_disturbs_nothing() -> None:
    world = begun()
    world.step(START_S + 1, pump(START_S + 1.05), monitor(START_S + 1.05))
    world.step(START_S + 1.04, pump(START_S + 0.5), monitor(START_S + 0.5))
    world.step(START_S + 1.04, *well(START_S + 1.04))
    assert world.events == []
    assert world.steps[-1].next_deadline_s > START_S + 1.04


# --- deadlines ---


def test_the_next_step_is_never_farther_away_than_a_beat() -> None:
    world = begun()
    for _ in range(30):
        assert START_S < world.steps[-1].next_deadline_s <= world.now_s + BEAT_S
        world.step(world.steps[-1].next_deadline_s)


@pytest.mark.parametrize("start_s", [0.1, 1000.0, 98765.4321, 1e7 / 3])
def test_stepping_from_deadline_to_deadline_time_goes_on(start_s: float) -> None:
    """A loop that wakes exactly at its deadline must find the work done, or it turns on the spot."""
    core = Core(CONFIG, initial_state(CONFIG, "run-1", instant(start_s)))
    now_s = start_s
    step = core.step(instant(now_s), (place(now_s, order()), pump(now_s, "18.2"), monitor(now_s, heart_rate=150)))
    while now_s < start_s + 60:
        assert step.next_deadline_s > now_s
        now_s = step.next_deadline_s
        heard = (pump(now_s, "18.2"), monitor(now_s, heart_rate=150)) if now_s < start_s + 30 else ()
        step = core.step(instant(now_s), heard)


def test_a_delay_that_ends_between_samples_is_told_at_its_end() -> None:
    world = begun()
    for t in (1.0, 6.0):
        world.step(START_S + t, pump(START_S + t, "18.2"), monitor(START_S + t))
        world.step(START_S + t + 2.5, pump(START_S + t + 2.5, "18.2"), monitor(START_S + t + 2.5))
    while not world.told("DOSE_RATE_HIGH") and world.now_s < START_S + 12:
        world.step(world.steps[-1].next_deadline_s)
    assert world.told("DOSE_RATE_HIGH") == [(11, "start", "hard")]


def test_a_clock_that_stands_still_neither_alarms_nor_turns_quiet() -> None:
    world = begun()
    for _ in range(50):
        world.step(START_S + 1, pump(START_S + 1, "18.2"), monitor(START_S + 1))
    assert world.told("DOSE_RATE_HIGH") == []
    world.step(START_S + 11, pump(START_S + 11, "18.2"), monitor(START_S + 11))
    assert world.told("DOSE_RATE_HIGH") == [(11, "start", "hard")]


# --- what a step leaves alone ---


def test_a_step_judges_the_beds_that_something_happened_to_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    judge = bed_rules.judge

    def noted(view: BedView, *args: Any) -> bed_rules.Due:
        judged.append(view.config.bed)
        return judge(view, *args)

    monkeypatch.setattr(bed_rules, "judge", noted)
    world = begun()
    assert judged == [BED, OTHER_BED]
    for heard, expected in (
        (pump(START_S + 0.1), [BED]),
        (monitor(START_S + 0.2, OTHER_MONITOR), [OTHER_BED]),
        (shows(START_S + 0.3, DeviceAlarmKind.DOOR_OPEN, where=OTHER_PUMP), [OTHER_BED]),
        (BrokerLink(START_S + 0.4, connected=True, detail=""), []),
        (LinkChange("mon-1", START_S + 0.5, True, LinkCause.OPENED, "", 1.0), [BED]),
        (LinkChange("rack", START_S + 0.6, True, LinkCause.OPENED, "", 1.0), [BED, OTHER_BED]),
        (pump(START_S + 0.7, where=("rack", "2A")), []),
    ):
        judged.clear()
        world.keeps = False
        world.step(heard.received_at_s, heard)
        assert judged == expected


def test_a_snapshot_is_shown_at_most_each_eight_tenths_and_unchanged_each_three_seconds() -> None:
    world = World()
    shown: list[float] = []
    for tenth in range(50):
        now_s = START_S + tenth / 10
        before = len(world.snapshots)
        world.step(now_s, *well(now_s))
        shown += [round(now_s - START_S, 1) for row in world.snapshots[before:] if row.bed == BED]
    assert shown == [0.0, 0.8, 1.6, 2.4, 3.2, 4.0, 4.8]
    quiet: list[float] = []
    for tenth in range(50, 130):
        before = len(world.snapshots)
        world.step(START_S + tenth / 10)
        quiet += [tenth / 10 for row in world.snapshots[before:] if row.bed == BED]
    assert quiet == [5.6, 8.6, 11.6]


def test_no_alarm_waits_for_the_snapshot_that_is_due_with_it() -> None:
    world = begun()
    world.keeps = False
    before = len(world.snapshots)
    noisy = world.step(START_S + 0.875, monitor(START_S + 0.875, spo2=70))
    assert world.told("SPO2_LOW") == [(0.875, "start", "bypass")]
    assert world.snapshots[before:] == []
    assert noisy.next_deadline_s == START_S + 0.875 + SHOW_AFTER_NOISE_S
    # More noise meanwhile, or then, holds it up no longer.
    world.step(START_S + 0.87890625, shows(START_S + 0.87890625, DeviceAlarmKind.DOOR_OPEN))
    assert world.snapshots[before:] == []
    world.step(noisy.next_deadline_s, shows(noisy.next_deadline_s, DeviceAlarmKind.AIR_IN_LINE))
    assert world.told("DEVICE_AIR_IN_LINE")
    (shown,) = world.snapshots[before:]
    assert {row.name: row.value for row in shown.vital_signs}["spo2_percent"] == 70


def test_a_pump_that_stands_and_says_so_again_is_shown_each_three_seconds() -> None:
    world = World()
    shown: list[tuple[float, str, str]] = []
    for second in range(12):
        now_s = START_S + second
        before = len(world.snapshots)
        # Silent for three seconds it is shown again at once, and another rate likewise.
        if second not in (8, 9):
            world.step(now_s, pump(now_s, "1" if second == 11 else "0", InfusionState.STOPPED))
        shown += [
            (second, row.channels[0].link, str(row.channels[0].metrics[0].value))
            for row in world.snapshots[before:]
            if row.bed == BED
        ]
    assert [(at_s, link) for at_s, link, _ in shown] == [(0, "up"), (3, "up"), (6, "up"), (10, "up"), (11, "up")]


def test_the_snapshot_withholds_what_is_not_live() -> None:
    world = begun()
    world.run(START_S + 12)
    shown = next(row for row in reversed(world.snapshots) if row.bed == BED)
    live = {metric.name for metric in shown.vital_signs if metric.value is not None}
    assert live == {"nibp_sys_mmhg", "nibp_dia_mmhg", "nibp_mean_mmhg", "nibp_pulse_rate_per_min"}
    (channel,) = shown.channels
    assert (channel.link, {metric.value for metric in channel.metrics}) == ("down", {None})


# --- the pulse ---


def test_the_heartbeat_comes_each_three_seconds_and_the_self_check_each_ten() -> None:
    world = World()
    world.step(START_S)
    world.run(START_S + 30)
    assert [beat.at.mono_s - START_S for beat in world.heartbeats] == [3.0 * n for n in range(11)]
    assert [(check.count, check.at.mono_s - START_S) for check in world.self_checks] == [
        (1, 0.0),
        (2, 10.0),
        (3, 20.0),
        (4, 30.0),
    ]
    assert world.self_checks[-1].alarms_present == (1, 0, 0)


def test_the_roster_is_told_at_the_start_and_when_a_line_or_a_device_changes() -> None:
    world = World()
    world.step(START_S)
    world.run(START_S + 5)
    world.step(START_S + 6, LinkChange("rack", START_S + 6, True, LinkCause.OPENED, "", 1.0))
    world.step(START_S + 7, is_called(START_S + 7, "A"))
    world.step(START_S + 8, *well(START_S + 8))
    world.step(START_S + 9, LinkChange("rack", START_S + 9, True, LinkCause.OPENED, "", 1.2))  # another round alone
    assert [at_s - START_S for at_s, _ in world.rosters] == [0, 6, 7]
    roster = world.rosters[-1][1]
    assert [(bed, label) for bed, label, _ in roster.beds] == [(BED, "Bed 1"), (OTHER_BED, "Bed 2")]
    assert roster.beds[0][2] == (("rack", "11", "pump"), ("mon-1", "0", "monitor"))
    rack = roster.devices[0]
    assert (rack.link, rack.identities) == ("up", (("11", "A", "Perfusor Space", "unconfirmed"),))
    assert [device.link for device in roster.devices[1:]] == ["unknown", "unknown"]


def test_what_devices_did_is_journalled() -> None:
    world = World(keeps=False)
    step = world.step(
        START_S,
        DeviceRestarted(*PUMP, START_S, "clock fell"),
        BolusGiven(*PUMP, START_S, 2, None),
        is_called(START_S, "A"),
        LinkChange("rack", START_S, False, LinkCause.LOST, "unplugged", 1.0),
        place(START_S, order()),
        CONNECTED,
    )
    kinds = {effect.kind for effect in step.effects if isinstance(effect, Journal)}
    assert kinds == {"device restarted", "bolus", "device identified", "link", "request", "broker"}
    (request,) = [dict(row.body) for row in step.effects if isinstance(row, Journal) and row.kind == "request"]
    assert request == {
        "request_id": "r-1",
        "by": "configuration",
        "verb": "demo-order",
        "result": "done",
        "reason": "",
        "said": "placed",
        "bed": BED,
        "port": "rack",
        "channel": "11",
        "drug": "ketamine",
        "concentration_mg_per_ml": "10",
        "weight_kg": "70",
        "step_mg_per_kg_per_h": "1.0",
        "maximum_mg_per_kg_per_h": "2.0",
        "origin": "a test's order",
        "prefilled": "False",
        "rev": "1",
    }


# --- a new run ---


def test_at_the_start_every_scope_says_what_is_present() -> None:
    world = World()
    world.step(START_S)
    assert world.indexes == {"": (), BED: (), OTHER_BED: ()}
    assert {therapy.bed for therapy in world.therapies} == {BED, OTHER_BED}


def test_restored_alarms_are_asserted_and_not_announced() -> None:
    before = begun()
    before.run(START_S + 20, lambda at_s: (pump(at_s, "70"), monitor(at_s, heart_rate=150)))
    alarms = tuple(before.retained.values())
    assert {alarm.key.condition for alarm in alarms} == {"DOSE_RATE_HIGH", "HR_HIGH"}
    after = World(alarms=alarms, keeps=False)
    step = after.step(START_S, CONNECTED, place(START_S, order()))
    assert after.events == []
    # They are kept with what the restart made of them: a store that was set aside had them not.
    kept = [effect.alarm for effect in step.effects if isinstance(effect, Persist)]
    assert kept == list(after.retained.values())
    assert {alarm.key: alarm.rev for alarm in kept} == {alarm.key: alarm.rev + 1 for alarm in alarms}
    assert {key: alarm.occurrence for key, alarm in after.retained.items()} == {
        alarm.key: alarm.occurrence for alarm in alarms
    }
    assert {(alarm.present, alarm.verifiable) for alarm in after.retained.values()} == {(True, False)}
    assert {alarm.key.condition for alarm in after.indexes[BED]} == {"DOSE_RATE_HIGH", "HR_HIGH"}
    after.run(START_S + 20, lambda at_s: (pump(at_s, "70"), monitor(at_s, heart_rate=150)))
    assert {event.phase for event in after.events} == {"update"}


def test_what_is_true_at_the_start_is_raised() -> None:
    """Level, not edge (law 6)."""
    world = World()
    world.step(START_S, place(START_S, order()), pump(START_S, "70"), monitor(START_S, spo2=70))
    assert world.present() == world.standing() == {"DOSE_RATE_HIGH", "SPO2_LOW"}
    assert {alarm.key.condition for alarm in world.indexes[BED]} == {"DOSE_RATE_HIGH", "SPO2_LOW"}


def test_an_alarm_of_a_bed_or_channel_that_is_no_more_ends_with_its_context() -> None:
    before = begun()
    before.step(START_S + 1, pump(START_S + 1, "70"), shows(START_S + 1, DeviceAlarmKind.AIR_IN_LINE, where=OTHER_PUMP))
    alarms = tuple(before.retained.values())
    config = replace(CONFIG, beds=(replace(CONFIG.beds[0], pumps=()),))
    after = World(config, alarms=alarms, keeps=False)
    step = after.step(START_S, CONNECTED)
    assert {(event.phase, event.alarm.key.bed) for event in after.events} == {("end", BED), ("end", OTHER_BED)}
    assert all(event.alarm.text.endswith("Ended: no longer configured.") for event in after.events)
    assert len(after.retained) == 2  # quiet last
    after.step(START_S + 0.1, StoreResult(START_S + 0.1, step.mark, committed=True))
    assert after.retained == {}
    assert after.indexes[OTHER_BED] == ()


def test_an_edge_without_trouble_does_not_ask_the_store() -> None:
    world = World(keeps=False)
    world.step(START_S, CONNECTED)
    world.run(START_S + 30, well)
    assert not [row for step in world.steps[2:] for row in step.effects if isinstance(row, Persist | Journal)]


# --- saved and restored within a run ---


def _story(at_s: float) -> Iterable[Input]:
    t = round(at_s - START_S)
    if t == 0:
        yield from (CONNECTED, place(at_s, order()))
    if t < 40 or t > 60:
        yield pump(at_s, "70" if 10 < t < 30 else "7", S.BOLUS if t == 20 else S.INFUSING)
        yield monitor(at_s, heart_rate=150 if t % 40 < 20 else 80)
    if t in (15, 33):
        yield shows(at_s, *([DeviceAlarmKind.DOOR_OPEN] if t == 15 else []))
    if t % 7 == 0:
        yield StoreResult(at_s, t, committed=t % 2 == 0, detail="disk full")


def _played(core: Core, from_s: int, to_s: int) -> list[tuple[Effect, ...]]:
    return [core.step(instant(START_S + t), tuple(_story(START_S + t))).effects for t in range(from_s, to_s)]


@pytest.mark.parametrize("saved_at", [1, 11, 16, 25, 42, 44, 61, 75])
def test_a_core_made_from_a_snapshot_goes_on_exactly_as_the_one_it_was_taken_from(saved_at: int) -> None:
    core = Core(CONFIG, initial_state(CONFIG, "run-1", instant(START_S)))
    _played(core, 0, saved_at)
    again = Core(CONFIG, core.snapshot())
    assert _played(again, saved_at, 90) == _played(core, saved_at, 90)


def test_a_snapshot_does_not_change_with_its_core() -> None:
    core = Core(CONFIG, initial_state(CONFIG, "run-1", instant(START_S)))
    _played(core, 0, 20)
    saved = core.snapshot()
    first = _played(Core(CONFIG, saved), 20, 60)
    _played(core, 20, 60)
    assert _played(Core(CONFIG, saved), 20, 60) == first


def test_the_same_state_and_inputs_give_the_same_effects() -> None:
    first, second = (Core(CONFIG, initial_state(CONFIG, "run-1", instant(START_S))) for _ in range(2))
    assert _played(first, 0, 90) == _played(second, 0, 90)


# --- the store ---


@pytest.mark.parametrize("mark", [0, 99, -1])
def test_a_result_of_an_unknown_step_is_taken_without_harm(mark: int) -> None:
    world = begun()
    world.step(START_S + 1, StoreResult(START_S + 1, mark, committed=True), *well(START_S + 1))
    assert world.events == []


def test_while_the_store_fails_noise_goes_out_and_quiet_too_marked_not_durable() -> None:
    world = begun()
    world.keeps = False
    began = world.step(START_S + 1, pump(START_S + 1, "70"))
    assert "DOSE_RATE_HIGH" in world.present()
    world.step(START_S + 1.1, StoreResult(START_S + 1.1, began.mark, committed=False, detail="disk full"))
    assert "STORE_FAILED" in world.present()
    step = began
    while world.now_s < START_S + 20 and world.told("DOSE_RATE_HIGH")[-1][1] != "latch":
        step = world.step(world.now_s + 1, *well(world.now_s + 1))
    assert "DOSE_RATE_HIGH" in world.present()
    assert _failing(world, step.mark) == {("AlarmChanged", False)}
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.signal, alarm.durable) == (False, SignalPresence.LATCHED, False)
    step = world.step(world.now_s, asked(world.now_s, Reset(named(alarm)), "reset"))
    assert ("DOSE_RATE_HIGH" in world.standing(), world.answers) == (True, [])
    assert _failing(world, step.mark) == {("AlarmCleared", False), ("Answer", False)}
    assert "DOSE_RATE_HIGH" not in world.standing()
    assert [(answer.request_id, answer.done) for answer in world.answers] == [("reset", True)]


def _failing(world: World, mark: int) -> set[tuple[str, bool]]:
    """What is published when the store could not take a step, and whether it says that it is durable."""
    step = world.step(world.now_s, StoreResult(world.now_s, mark, committed=False, detail="disk full"))
    contents = [effect.content for effect in step.effects if isinstance(effect, Publish)]
    told = {("Answer", content.durable) for content in contents if isinstance(content, Answer)}
    changed = [content for content in contents if isinstance(content, AlarmChanged | AlarmCleared)]
    return told | {(type(content).__name__, content.alarm.durable) for content in changed}


def test_the_index_comes_after_its_alarms_and_names_each() -> None:
    world = begun()
    step = world.step(START_S + 1, pump(START_S + 1, "70"), monitor(START_S + 1, spo2=70))
    contents = [effect.content for effect in step.effects if isinstance(effect, Publish)]
    named = [content for content in contents if isinstance(content, AlarmIndex)]
    assert [alarm.priority for alarm in named[0].alarms] == [Priority.HIGH, Priority.HIGH]
    assert contents.index(named[0]) > max(contents.index(alarm) for alarm in contents if hasattr(alarm, "alarm"))


def test_the_heartbeat_and_the_self_check_follow_what_the_step_found() -> None:
    world = World(keeps=False)
    step = world.step(START_S, place(START_S, order()), pump(START_S, "70"))
    contents = [effect.content for effect in step.effects if isinstance(effect, Publish)]
    kinds = [type(content) for content in contents]
    assert kinds.index(Heartbeat) < kinds.index(SelfCheck)
    check = next(content for content in contents if isinstance(content, SelfCheck))
    assert check.alarms_present == (1, 0, 0)


def test_a_channel_bound_nowhere_is_heard_and_shown_nowhere() -> None:
    world = World()
    world.step(START_S, pump(START_S, where=("rack", "2A")))
    assert {channel.channel for row in world.snapshots for channel in row.channels} == {"11", "12"}
