"""The core under random days of one bed: what must hold whatever comes, in whatever order, with whatever gaps."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import (
    BolusGiven,
    ChannelRemoved,
    DeviceAlarmKind,
    DeviceRestarted,
    InfusionState,
    Quantity,
    Reading,
)
from edge.core.condition import Band, Condition, ConditionState, Judgement, Transition
from edge.core.dose import dose_of
from edge.core.effects import Event, Persist
from edge.core.engine import Core
from edge.core.inputs import (
    Accept,
    Acknowledge,
    Act,
    AlarmTaken,
    AudioPause,
    BrokerLink,
    ConfirmDevice,
    Input,
    LineErrors,
    LinkCause,
    LinkChange,
    Named,
    OffMonitor,
    PublishAccepted,
    PublishRefused,
    RaiseTestAlarm,
    Reassert,
    Receipt,
    Reset,
    Resume,
    Role,
    StoreResult,
)
from edge.core.model import Alarm, AlarmKey, Phase, Priority, SignalPresence
from tests.core_world import (
    BED,
    CONFIG,
    MONITOR,
    OTHER_PUMP,
    PUMP,
    RUN,
    START_S,
    STATION,
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

NUMBERS = st.sampled_from([None, "bad", 0, 40, 79, 85, 92, 98, 119, 120, 121, 135, 141, 250])
PRESSURES = st.sampled_from([None, (120, 75, 90, 70), (170, 90, 110, 70), (190, 99, 120, 75), ("bad",) * 4])
RATES = st.sampled_from([None, "0", "5", "7", "14", "14.01", "18.2", "70", "1999"])
WATCHED = replace(CONFIG, stations=(replace(STATION, role=Role.PRESCRIBER, required=True),))
SEEN_DOSE = Reading(Quantity.DOSE_RATE, Decimal(3), "mg/kg/h", Decimal("0.01"))


SPANS = (("", 30.0), (BED, 60.0), (BED, 1e6), (BED, -1.0), ("bed-9", 60.0))
OF_BEDS: tuple[Act, ...] = (
    *(AudioPause(*span) for span in SPANS),
    *(OffMonitor(*span) for span in SPANS),
    Resume(""),
    Resume(BED),
    RaiseTestAlarm(),
    Reassert(),
)


def at(t: float) -> st.SearchStrategy[Input]:
    """Anything that may come in at a time."""
    link = st.sampled_from([(False, LinkCause.LOST), (True, LinkCause.OPENED), (True, LinkCause.REOPENED)])
    return st.one_of(
        st.builds(
            lambda rate, state, drug: pump(t, rate, state, drug=drug, readings=(SEEN_DOSE,) if drug else ()),
            RATES,
            st.sampled_from(InfusionState),
            st.sampled_from([None, "Ketamine"]),
        ),
        st.builds(lambda hr, spo2, cuff: monitor(t, heart_rate=hr, spo2=spo2, cuff=cuff), NUMBERS, NUMBERS, PRESSURES),
        st.lists(st.sampled_from(DeviceAlarmKind), max_size=3).map(lambda kinds: shows(t, *kinds)),
        st.lists(st.sampled_from(DeviceAlarmKind), max_size=2).map(lambda kinds: shows(t, *kinds, where=MONITOR)),
        st.sampled_from(["A", "B", ""]).map(lambda serial: is_called(t, serial)),
        st.sampled_from(["A", "B"]).map(lambda serial: is_called(t, serial, OTHER_PUMP)),
        st.sampled_from("AB").map(lambda serial: _ask(t, ConfirmDevice(BED, *PUMP, serial))),
        st.sampled_from(OF_BEDS).map(lambda act: _ask(t, act)),
        link.map(lambda row: LinkChange("rack", t, *row, "", 1.0)),
        st.sampled_from(["0.5", "1.0", "2.0"]).map(lambda step: place(t, order(step=step))),
        st.tuples(st.integers(0, 40), st.booleans()).map(lambda row: StoreResult(t, row[0], row[1], "why")),
        st.booleans().map(lambda up: BrokerLink(t, up, "why")),
        st.sampled_from("ab").map(lambda topic: PublishRefused(t, topic, "why")),
        st.sampled_from("ab").map(lambda topic: PublishAccepted(t, topic)),
        st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda row: LineErrors("mon-1", t, *row, "noise")),
        st.just(ChannelRemoved(*PUMP, t, "gone")),
        st.just(DeviceRestarted(*PUMP, t, "why")),
        st.just(BolusGiven(*PUMP, t, 1, None)),
        st.just(pump(t, "7", where=("rack", "3F"))),
    )


def _ask(at_s: float, act: Act) -> Input:
    return replace(asked(at_s, act, f"{at_s}-{act}"), role=Role.PRESCRIBER)


DEEDS = ("accept", "acknowledge", "both", "reset", "late", "shown", "taken")


@dataclass(frozen=True)
class Turn:
    """``deeds`` are what is done about standing alarms: which deed, and about which alarm of those that readers see."""

    now_s: float
    inputs: tuple[Input, ...]
    deeds: tuple[tuple[str, int], ...] = ()


def _done(deed: str, alarm: Alarm, at_s: float) -> Input:
    meant = named(alarm)
    match deed:
        case "shown":
            row = (alarm.key.bed, alarm.key.name, alarm.occurrence, alarm.rev)
            return Receipt(STATION.station, at_s, RUN, True, frozenset({BED}), (row,))
        case "taken":
            return AlarmTaken(at_s, alarm.key, alarm.occurrence, alarm.rev)
        case "late":
            return _ask(at_s, Acknowledge(Named(meant.bed, meant.key, meant.occurrence, 1)))
        case "reset":
            return _ask(at_s, Reset(meant))
        case "acknowledge":
            return _ask(at_s, Acknowledge(meant))
        case _:
            return _ask(at_s, Accept(meant, acknowledge=deed == "both"))


def words(turn: Turn, world: World) -> tuple[Input, ...]:
    """What comes in at a turn, now that it is known which alarms stand."""
    seen = [world.retained[key] for key in sorted(world.retained)]
    return (*turn.inputs, *(_done(deed, seen[at % len(seen)], turn.now_s) for deed, at in turn.deeds if seen))


@st.composite
def days(draw: st.DrawFn) -> list[Turn]:
    """Steps at growing times with gaps up to a quarter of an hour; inputs come late, early, and in any order."""
    turns = []
    now_s = START_S
    for _ in range(draw(st.integers(1, 25))):
        now_s += draw(st.sampled_from([0.0, 0.1, 1.0, 2.5, 5.0, 11.0, 61.0, 400.0, 900.0]))
        moments = draw(st.lists(st.sampled_from([-5.0, -1.0, -0.5, 0.0, 0.05]), max_size=4))
        deeds = draw(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 7)), max_size=2))
        inputs = [draw(at(now_s + moment)) for moment in moments]
        # One that latches comes, goes, and comes again.
        kinds = draw(st.sampled_from([None, (), (DeviceAlarmKind.AIR_IN_LINE,)]))
        inputs += [] if kinds is None else [shows(now_s, *kinds, where=MONITOR)]
        turns.append(Turn(now_s, tuple(inputs), tuple(deeds)))
    return turns


def lived(day: Iterable[Turn], *, keeps: bool = True) -> World:
    world = World(WATCHED, keeps=keeps)
    for turn in day:
        world.step(turn.now_s, *words(turn, world))
    return world


def occurrences(events: Iterable[Event]) -> dict[str, list[Event]]:
    rows: dict[str, list[Event]] = {}
    for event in events:
        rows.setdefault(event.alarm.occurrence, []).append(event)
    return rows


OVER = (Phase.END, Phase.RESET)


@settings(max_examples=30, deadline=None)
@given(days(), st.booleans())
def test_whatever_comes_the_history_is_whole(day: list[Turn], keeps: bool) -> None:
    """No gap in event_seq; each occurrence has one start, first, and at most one end, last; its rev grows by one."""
    world = lived(day, keeps=keeps)
    assert [event.event_seq for event in world.events] == list(range(1, len(world.events) + 1))
    for row in occurrences(world.events).values():
        phases = [event.phase for event in row]
        assert (phases[0], phases.count(Phase.START)) == (Phase.START, 1)
        assert not set(phases[:-1]).intersection(OVER)
        assert [event.alarm.rev for event in row] == list(range(1, len(row) + 1))
        assert [event.alarm.signal is SignalPresence.OFF for event in row] == [phase in OVER for phase in phases]
    open_keys = {event.alarm.key: event.phase not in OVER for event in world.events}
    standing = world.core.standing()
    assert set(standing) == {key for key, is_open in open_keys.items() if is_open}


@settings(max_examples=20, deadline=None)
@given(days())
def test_what_is_present_and_high_leaves_only_after_somebody_saw_it_or_its_context_ended(day: list[Turn]) -> None:
    """What latches goes by an act: by a reset, or by an end after an acknowledgement of its last noise."""
    for row in occurrences(lived(day).events).values():
        seen, high = False, False
        for event in row:
            if event.phase in (Phase.START, Phase.ESCALATE, Phase.RETURN):
                seen = False
                high = high or event.alarm.latching
            seen = seen or event.phase in (Phase.ACKNOWLEDGE, Phase.RESET)
        assert seen or not high or row[-1].phase is not Phase.END


@settings(max_examples=20, deadline=None)
@given(days())
def test_whatever_is_done_no_acknowledgement_and_no_silence_is_without_an_end(day: list[Turn]) -> None:
    """I4, I7: an hour later, whatever is present sounds, unless its condition is over."""
    world = lived(day)
    world.step(world.now_s + 3600)
    world.step(world.now_s + 1)
    for alarm in world.core.standing().values():
        assert alarm.audible, alarm


@settings(max_examples=30, deadline=None)
@given(days())
def test_retained_truth_and_kept_rows_are_the_register(day: list[Turn]) -> None:
    """What readers and the store have, built from the effects alone, is what is present, with every commit made."""
    world = lived(day)
    kept: dict[AlarmKey, Alarm] = {}
    for step in world.steps:
        for effect in step.effects:
            if isinstance(effect, Persist) and effect.alarm.signal is not SignalPresence.OFF:
                kept[effect.alarm.key] = effect.alarm
            elif isinstance(effect, Persist):
                del kept[effect.alarm.key]
    standing = world.core.standing()
    assert kept == standing
    assert {key: _told(alarm) for key, alarm in world.retained.items()} == {k: _told(a) for k, a in standing.items()}
    listed = {alarm.key: alarm for alarms in world.indexes.values() for alarm in alarms}
    assert listed == world.retained
    assert all(list(row) == sorted(row, key=lambda alarm: -alarm.priority) for row in world.indexes.values())


def _told(alarm: Alarm) -> tuple[str, int, str, bool, bool, SignalPresence]:
    """What of an alarm is decided by the register; whether its commit failed was random here."""
    return alarm.occurrence, alarm.rev, alarm.band, alarm.verifiable, alarm.present, alarm.signal


@settings(max_examples=30, deadline=None)
@given(days())
def test_while_every_device_is_silent_no_alarm_of_a_bed_ends(day: list[Turn]) -> None:
    """Unknown never ends an alarm (I3): an hour without a word, at a bed with an order."""
    world = lived([Turn(START_S, (place(START_S, order()),)), *day])
    world.step(world.now_s + 11)
    before = {key: alarm.present for key, alarm in world.retained.items() if key.bed}
    count = len(world.events)
    for _ in range(30):
        world.step(world.now_s + 120)
    lesser = {*OVER, Phase.DEESCALATE, Phase.LATCH}
    assert [event for event in world.events[count:] if event.phase in lesser and event.alarm.key.bed] == []
    after = {key: alarm.present for key, alarm in world.retained.items() if key in before}
    assert after == before


@settings(max_examples=30, deadline=None)
@given(days())
def test_while_it_is_not_known_who_answers_nothing_of_it_has_a_value(day: list[Turn]) -> None:
    """Whatever came before: no number of such a channel, and no dose from it, is ever shown (H-08)."""
    world = World(WATCHED)
    for turn in day:
        before = len(world.snapshots)
        world.step(turn.now_s, *words(turn, world))
        counts = world.core.snapshot().sources[PUMP].trusted
        for shown in world.snapshots[before:]:
            if shown.bed == BED and not counts:
                assert {metric.value for channel in shown.channels for metric in channel.metrics} <= {None}


@settings(max_examples=30, deadline=None)
@given(days(), st.integers(0, 24))
def test_a_core_from_a_snapshot_goes_on_as_the_one_it_was_taken_from(day: list[Turn], cut: int) -> None:
    world = lived(day[:cut])
    again = Core(WATCHED, world.core.snapshot())
    for turn in day[cut:]:
        heard = words(turn, world)
        count = len(world.steps)
        world.step(turn.now_s, *heard)
        first, *commits = world.steps[count:]
        assert again.step(instant(turn.now_s), heard) == first
        # What follows at the same moment are the commits of the steps.
        done = [StoreResult(turn.now_s, mark, committed=True) for mark in range(first.mark, first.mark + len(commits))]
        assert [again.step(instant(turn.now_s), (result,)) for result in done] == commits


@settings(max_examples=30, deadline=None)
@given(days())
def test_alarms_restored_after_a_restart_are_not_announced_and_do_not_end_by_themselves(day: list[Turn]) -> None:
    before = [alarm for key, alarm in lived(day).retained.items() if key.bed]
    world = World(WATCHED, alarms=before)
    world.step(START_S)
    for _ in range(20):
        world.step(world.now_s + 7)
    forbidden = {*OVER, Phase.START, Phase.DEESCALATE, Phase.LATCH, Phase.RETURN}
    assert not [event for event in world.events if event.alarm.key.bed and event.phase in forbidden]
    assert {alarm.key: alarm.present for alarm in before} == {
        key: alarm.present for key, alarm in world.retained.items() if key.bed
    }


JUDGED = st.none() | st.tuples(st.integers(-1, 2), st.integers(-1, 2)).map(lambda row: (row[0], max(row)))
BANDS = (
    Band("a", Priority.LOW, 20.0, 2),
    Band("b", Priority.MEDIUM, 10.0, 2),
    Band("c", Priority.HIGH, 0.0, 2),
)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0, 10.0, 20.0]), JUDGED), max_size=60), st.booleans())
def test_the_machine_never_ends_on_unknown_and_tells_every_change(
    script: list[tuple[float, tuple[int, int] | None]], restored: bool
) -> None:
    condition = Condition()
    if restored:
        condition.restore(1)
    now_s, present, band = 0.0, condition.present, condition.band
    for wait_s, row in script:
        now_s += wait_s
        told = condition.judge(now_s, None if row is None else Judgement(*row, now_s), BANDS, 10.0)
        assert (told is Transition.START) == (condition.present and not present)
        assert (told is Transition.END) == (present and not condition.present)
        assert (told is Transition.ESCALATE) == (present and condition.present and condition.band > band)
        assert (told is Transition.DEESCALATE) == (present and condition.present and condition.band < band)
        if row is None:
            assert told in (None, Transition.UPDATE)
            assert condition.state in (ConditionState.UNKNOWN, ConditionState.PRESENT_UNKNOWN)
            assert condition.deadline_s(BANDS, 10.0) is None
        due_s = condition.deadline_s(BANDS, 10.0)
        assert due_s is None or due_s > now_s
        present, band = condition.present, condition.band


POSITIVE = st.decimals("0.01", "1000", places=2)


@given(POSITIVE, POSITIVE, POSITIVE, st.decimals("0.25", "350", places=2), st.decimals("0.25", "350", places=2))
def test_the_dose_grows_with_the_rate_and_falls_with_the_weight(
    rate: Decimal, more: Decimal, concentration: Decimal, weight: Decimal, other_weight: Decimal
) -> None:
    lighter, heavier = sorted((weight, other_weight))
    on_lighter = order(concentration=str(concentration), weight=str(lighter))
    on_heavier = order(concentration=str(concentration), weight=str(heavier))
    assert dose_of(rate, on_lighter) <= dose_of(rate + more, on_lighter)
    assert dose_of(rate, on_lighter) >= dose_of(rate, on_heavier)
    assert abs(dose_of(rate, on_lighter) * lighter - rate * concentration) <= lighter * Decimal("0.0000005")
