"""What is skipped because it would change nothing: the core tells the same as if nothing were skipped."""

import math
from dataclasses import replace
from itertools import product
from typing import Any, TypeAlias
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import DeviceAlarmKind, DeviceIdentified, InfusionState, Observation
from edge.core import bed as bed_rules
from edge.core.alarms import Register
from edge.core.effects import BedSnapshot, Effect, Heartbeat, Publish, SelfCheck, Step
from edge.core.engine import Core
from edge.core.identity import COUNTS, Identity
from edge.core.inputs import Input
from edge.core.state import EDGE, CoreState
from tests.core_world import (
    BED,
    CONFIG,
    MONITOR,
    OTHER_BED,
    PUMP,
    START_S,
    World,
    instant,
    monitor,
    order,
    place,
    pump,
    shows,
)
from tests.property.test_core import Turn, days

READINGS = st.sampled_from([None, "bad", 79, 80, 91, 92, 98, 119, 120, 121, 139, 140, 141])


@settings(max_examples=30, deadline=None)
@given(days())
def test_a_day_judged_with_the_shortcut_tells_the_same(day: list[Turn]) -> None:
    _tell_the_same(day)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1.0, 4.0, 11.0]), READINGS, READINGS, st.booleans()), max_size=30))
def test_vital_signs_about_their_limits_judged_with_the_shortcut_tell_the_same(
    said: list[tuple[float, object, object, bool]],
) -> None:
    now_s = START_S
    day = [Turn(now_s, (place(now_s, order()), pump(now_s)))]
    for wait_s, heart_rate, spo2, twice in said:
        now_s += wait_s
        inputs = [monitor(now_s - 0.5, spo2=heart_rate)] if twice else []
        day.append(Turn(now_s, (*inputs, monitor(now_s, heart_rate=heart_rate, spo2=spo2), pump(now_s))))
    _tell_the_same(day)


Hour: TypeAlias = tuple[float, tuple[Any, ...] | None, str | None, InfusionState, tuple[Any, ...]]

NIGHT = st.lists(
    st.tuples(
        st.sampled_from([0.3, 1.0, 1.0, 1.0, 2.5, 4.0, 11.0, 70.0]),
        st.sampled_from(
            [
                *[None, (80, 98, None), (80, 98, None), (84, 97, None), (117, 94, None), (118, 93, None)],
                *[(80, 98, (120, 75, 90, 70)), (125, 98, None), (80, 70, None)],
            ]
        ),
        st.sampled_from(["0", "0", "0", None, None, "5"]),
        st.sampled_from([InfusionState.STOPPED, InfusionState.STOPPED, InfusionState.STOPPED, InfusionState.INFUSING]),
        st.sampled_from([(), (), (), (), (PUMP, DeviceAlarmKind.UNKNOWN), (MONITOR, DeviceAlarmKind.UNKNOWN), (PUMP,)]),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(NIGHT)
def test_a_bed_at_rest_that_is_not_judged_tells_the_same_and_is_judged_no_later(night: list[Hour]) -> None:
    begun = World().core.snapshot()
    short, whole = Core(CONFIG, begun), Core(CONFIG, begun)
    now_s = deadline_s = START_S
    for hour in night:
        until_s = now_s + hour[0]
        while deadline_s < until_s:  # what time does meanwhile
            deadline_s = _step_both(short, whole, deadline_s)
        now_s = until_s
        deadline_s = _step_both(short, whole, now_s, *_said(now_s, hour))
    assert _but_what_is_shown(short.snapshot()) == _but_what_is_shown(whole.snapshot())


@settings(max_examples=30, deadline=None)
@given(NIGHT)
def test_what_may_wait_for_the_beat_would_have_told_nothing_and_ends_as_if_it_had_not_waited(night: list[Hour]) -> None:
    begun = World().core.snapshot()
    late, prompt = Core(CONFIG, begun), Core(CONFIG, begun)
    now_s = beat_s = START_S
    waiting = list[Input]()
    for hour in night:
        until_s = now_s + hour[0]
        while beat_s <= until_s:
            beat_s = _step_late(late, prompt, beat_s, waiting)
        now_s, inputs = until_s, _said(until_s, hour)
        if inputs and all(isinstance(one, Observation) and late.is_quiet(one) for one in inputs):
            waiting += inputs
            assert not _told(prompt.step(instant(now_s), inputs))
        else:
            beat_s = _step_late(late, prompt, now_s, waiting, *inputs)
    _step_late(late, prompt, now_s + 1, waiting)
    ends, end = late.snapshot(), prompt.snapshot()
    assert ends.sources == end.sources
    assert (ends.alarms.standing, ends.alarms.inhibited) == (end.alarms.standing, end.alarms.inhibited)


def _said(now_s: float, hour: Hour) -> list[Input]:
    _, vitals, rate, state, shown = hour
    inputs = list[Input]()
    if rate is not None:
        inputs.append(pump(now_s - 0.2, rate, state))
    if vitals is not None:
        inputs.append(monitor(now_s, heart_rate=vitals[0], spo2=vitals[1], cuff=vitals[2]))
    if shown:
        inputs.append(shows(now_s, *shown[1:], where=shown[0]))
    return inputs


def _step_both(short: Core, whole: Core, now_s: float, *inputs: Input) -> float:
    told = short.step(instant(now_s), inputs)
    with patch.object(bed_rules, "rests", return_value=False):
        same = whole.step(instant(now_s), inputs)
    assert _told(told) == _told(same)
    for bed in (BED, OTHER_BED):  # of which a device may be silent for too long
        assert short._due.get(bed, math.inf) <= whole._due.get(bed, math.inf)
    return min(told.next_deadline_s, same.next_deadline_s)


def _step_late(late: Core, prompt: Core, now_s: float, waiting: list[Input], *inputs: Input) -> float:
    told = late.step(instant(now_s), [*waiting, *inputs])
    waiting.clear()
    same = prompt.step(instant(now_s), inputs)
    assert _told(told) == _told(same)
    return min(told.next_deadline_s, same.next_deadline_s)


def _told(step: Step) -> list[Effect]:
    """What a step tells but the snapshots, which a bed at rest needs less often, and the beats."""
    shown = (BedSnapshot, Heartbeat, SelfCheck)
    return [one for one in step.effects if not (isinstance(one, Publish) and isinstance(one.content, shown))]


def _but_what_is_shown(state: CoreState) -> CoreState:
    """The state without what is shown when, and without how often the edge itself was judged meanwhile."""
    beds = {name: replace(bed, shown_at_s=None, dirty=False, news=False) for name, bed in state.beds.items()}
    conditions = {scope: of_bed for scope, of_bed in state.alarms.conditions.items() if scope != EDGE}
    return replace(state, due={}, beds=beds, alarms=replace(state.alarms, conditions=conditions))


def test_a_bed_at_rest_is_judged_whole_only_when_its_time_is_up_or_something_else_happens_there() -> None:
    core = World().core
    with patch.object(bed_rules, "judge", wraps=bed_rules.judge) as judged:

        def judgings(now_s: float, *inputs: Input) -> int:
            judged.reset_mock()
            core.step(instant(now_s), inputs)
            return sum(call.args[0].config.bed == BED for call in judged.call_args_list)

        at_s = START_S + 1
        judgings(at_s, pump(at_s, "0", InfusionState.STOPPED), monitor(at_s))
        judgings(at_s + 1, pump(at_s + 1, "0", InfusionState.STOPPED), monitor(at_s + 1))
        assert judgings(at_s + 1.5, monitor(at_s + 1.5)) == 0
        assert judgings(at_s + 2, pump(at_s + 2, "0", InfusionState.STOPPED)) == 0
        assert judgings(at_s + 2.1, monitor(at_s + 2.1, heart_rate=145)) == 1
        assert judgings(at_s + 2.2, monitor(at_s + 2.2)) == 1
        assert judgings(at_s + 2.3, monitor(at_s + 2.3)) == 0
        assert judgings(at_s + 2.4, shows(at_s + 2.4, where=PUMP)) == 1
        assert judgings(at_s + 3.6, monitor(at_s + 3.6)) == 0
        assert judgings(at_s + 4.9, monitor(at_s + 4.9)) == 0
        assert judgings(at_s + 5.0) == 1, "the pump is silent for three seconds"
        judgings(at_s + 5.1, pump(at_s + 5.1, "0", InfusionState.STOPPED), monitor(at_s + 5.1))
        assert judgings(at_s + 5.5, pump(at_s + 5.5, "0", InfusionState.INFUSING)) == 1
        assert judgings(at_s + 5.6, monitor(at_s + 5.6)) == 1, "a bed whose pump runs is not at rest"


def _tell_the_same(day: list[Turn]) -> None:
    begun = World().core.snapshot()
    short, whole = Core(CONFIG, begun), Core(CONFIG, begun)
    for turn in day:
        told = short.step(instant(turn.now_s), turn.inputs)
        with patch.object(Register, "stays", return_value=False):
            assert whole.step(instant(turn.now_s), turn.inputs) == told
    assert short.snapshot() == whole.snapshot()


def test_what_counts_is_what_its_state_says() -> None:
    told = DeviceIdentified("rack", "11", START_S, "A", "Perfusor")
    tellings = (None, told, replace(told, serial_number=""))
    for known, confirmed, one, why in product(("", "A", "B"), ("", "A"), tellings, ("", "it must be B")):
        identity = Identity(known=known, confirmed=confirmed, told=one, why=why)
        assert identity.counts is (identity.state in COUNTS)
