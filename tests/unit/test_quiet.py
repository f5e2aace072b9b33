"""What a monitor says that may wait for the next beat: only what can begin nothing, at a bed where nothing is."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from drivers.model import DeviceAlarmKind, InfusionState, Observation, Quantity, Reading
from edge.core.config import Binding
from edge.core.sources import REPEAT_MAX_S
from tests.core_world import (
    BED,
    BP_LIMIT,
    CONFIG,
    MONITOR,
    OTHER_MONITOR,
    START_S,
    World,
    monitor,
    order,
    place,
    pump,
    shows,
    with_bed,
)

STOPPED = InfusionState.STOPPED
Change = Callable[[Observation], Observation]


def at_rest(*inputs: Any, first: Observation | None = None, **config: Any) -> World:
    """A bed at whose devices nothing is going on; ``inputs`` come at the same moment."""
    world = World(with_bed(**config))
    world.step(START_S + 1, pump(START_S + 1, "0", STOPPED), first or monitor(START_S + 1), *inputs)
    return world


def with_reading(**changes: Any) -> Change:
    """Change the first reading, which is the heart rate."""

    def changed(said: Observation) -> Observation:
        return replace(said, readings=(replace(said.readings[0], **changes), *said.readings[1:]))

    return changed


@pytest.mark.parametrize("heart_rate", [79, 80, 81, 1, 117])
def test_other_numbers_well_inside_every_limit_may_wait(heart_rate: int) -> None:
    assert at_rest().core.is_quiet(monitor(START_S + 2, heart_rate=heart_rate))


@pytest.mark.parametrize(
    "said",
    [
        monitor(START_S + 2, heart_rate=118),
        monitor(START_S + 2, heart_rate=141),
        monitor(START_S + 2, spo2=93),
        monitor(START_S + 2, spo2=79),
        monitor(START_S + 2, cuff=(161, 75, 90, 70)),
        monitor(START_S + 2, spo2=101),
        monitor(START_S + 2, respiratory_rate=900),
        monitor(START_S + 2, heart_rate=None),
        monitor(START_S + 2, heart_rate="bad"),
        monitor(START_S + 2, cuff=None),
        monitor(START_S + 1 + REPEAT_MAX_S + 0.1),
        monitor(START_S + 2, where=OTHER_MONITOR),
        monitor(START_S + 2, where=("mon-9", "0")),
        pump(START_S + 2, "0", STOPPED),
    ],
    ids=lambda said: f"{said.port} {[str(row.value) for row in said.readings]} {said.received_at_s}",
)
def test_whatever_else_is_said_may_not(said: Observation) -> None:
    assert not at_rest().core.is_quiet(said)


@pytest.mark.parametrize(
    "change",
    [
        with_reading(unit="Hz"),
        with_reading(resolution=Decimal("0.1")),
        with_reading(origin="ECG-II"),
        with_reading(note="NO TRANSDUCER"),
        with_reading(quantity=Quantity.PULSE_RATE),
        lambda said: replace(said, readings=said.readings[1:]),
        lambda said: replace(said, readings=(*said.readings[1:], said.readings[0])),
        lambda said: replace(said, extremes=((Quantity.HEART_RATE, Decimal(80), Decimal(150)),)),
    ],
)
def test_numbers_of_another_kind_may_not_wait(change: Change) -> None:
    assert not at_rest().core.is_quiet(change(monitor(START_S + 2)))


@pytest.mark.parametrize(
    "inputs",
    [
        (pump(START_S + 1.1),),
        (place(START_S + 1.1, order()),),
        (monitor(START_S + 1.1, spo2=79),),
        (monitor(START_S + 1.1, heart_rate=121),),
        (shows(START_S + 1.1, DeviceAlarmKind.AIR_IN_LINE),),
    ],
    ids=["a pump runs", "ordered", "an alarm stands", "one begins", "a pump's own"],
)
def test_nothing_waits_at_a_bed_where_something_is_going_on(inputs: tuple[Any, ...]) -> None:
    world = at_rest(*inputs)
    assert not world.core.is_quiet(monitor(START_S + 2))


def test_nothing_waits_before_the_bed_was_judged_whole() -> None:
    assert not World().core.is_quiet(monitor(START_S + 0.5))


def test_of_two_monitors_the_better_counts_so_neither_waits() -> None:
    two = at_rest(monitors=(Binding(*MONITOR), Binding("mon-2", "1")))
    assert not two.core.is_quiet(monitor(START_S + 2))


def rates(at_s: float, heart: int, pulse: int) -> Observation:
    said = monitor(at_s, heart_rate=heart)
    return replace(said, readings=(*said.readings, Reading(Quantity.PULSE_RATE, Decimal(pulse), "/min")))


@pytest.mark.parametrize(("heart", "pulse", "waits"), [(80, 95, True), (80, 96, False), (96, 80, False)])
def test_two_rates_of_one_heart_that_are_apart_do_not_wait(heart: int, pulse: int, waits: bool) -> None:
    world = at_rest(first=rates(START_S + 1, 80, 80))
    assert world.core.is_quiet(rates(START_S + 2, heart, pulse)) is waits


def test_a_rate_that_is_not_said_again_is_compared_as_it_was() -> None:
    world = at_rest(first=rates(START_S + 1, 80, 80))
    world.step(START_S + 2, monitor(START_S + 2))
    assert [world.core.is_quiet(monitor(START_S + 3, heart_rate=rate)) for rate in (95, 96)] == [True, False]


def test_nothing_waits_while_a_median_may_still_be_made_of_a_number_near_its_limit() -> None:
    world = at_rest()
    world.step(START_S + 2, monitor(START_S + 2, heart_rate=118))
    assert not world.core.is_quiet(monitor(START_S + 3))


def test_behind_a_bad_reading_in_the_same_step_each_counts_at_its_own_moment() -> None:
    """A loop that was held up must not make of two bad moments a bad quarter of a minute."""
    world = at_rest()
    said = [monitor(START_S + at_s, heart_rate=80) for at_s in (5.9, 7.8, 9.7, 11.6, 13.5)]
    bad = [monitor(START_S + at_s, heart_rate=150) for at_s in (4, 14.5)]
    world.step(START_S + 14.6, bad[0], *said, bad[1])
    assert not [event.alarm.key.condition for event in world.events if event.alarm.key.bed == BED]


def test_a_device_whose_clock_stands_still_does_not_wait() -> None:
    ports = tuple(replace(port, freshness=True) for port in CONFIG.ports)
    world = World(replace(CONFIG, ports=ports))
    first = replace(monitor(START_S + 1), device_time="10:00:01")
    world.step(START_S + 1, pump(START_S + 1, "0", STOPPED), first)
    again = replace(monitor(START_S + 2), device_time="10:00:01")
    assert [world.core.is_quiet(again), world.core.is_quiet(replace(again, device_time="10:00:02"))] == [False, True]


def test_behind_a_bad_cuff_pressure_in_the_same_step_a_good_one_ends_it_at_its_own_moment() -> None:
    world = World(replace(CONFIG, vital_limits=(replace(BP_LIMIT, clear_delay_s=10.0),)))
    world.step(START_S + 1, pump(START_S + 1, "0", STOPPED), monitor(START_S + 1))
    said = [monitor(START_S + at_s) for at_s in (3, 4, 5)]
    world.step(START_S + 5.5, monitor(START_S + 2, cuff=(190, 110, 130, 70)), *said)
    (begun,) = [event for event in world.events if event.alarm.key.bed == BED]
    assert begun.alarm.key.condition == "BP_SYS_HIGH"
    world.step(START_S + 13.1)
    assert not world.retained[begun.alarm.key].present, "ten seconds after the pressure of 3 s"


def values_shown(world: World, said: Iterable[tuple[float, dict[str, Any]]]) -> list[tuple[float, str]]:
    """Take up what is quiet with the next beat, all else at once; return when which heart rate was shown."""
    shown: list[tuple[float, str]] = []
    waiting: list[Observation] = []

    def step(now_s: float) -> float:
        before = len(world.snapshots)
        step = world.step(now_s, *waiting)
        waiting.clear()
        shown.extend(
            (round(now_s - START_S, 3), str(one.vital_signs[0].value))
            for one in world.snapshots[before:]
            if one.bed == BED
        )
        return step.next_deadline_s

    beat_s = step(world.now_s)
    for after_s, numbers in said:
        now_s = START_S + after_s
        while beat_s <= now_s:
            waiting.append(pump(beat_s, "0", STOPPED))
            beat_s = step(beat_s)
        one = monitor(now_s, **numbers)
        waiting.append(one)
        if not world.core.is_quiet(one):
            beat_s = step(now_s)
    return shown


def test_what_waits_is_shown_every_two_seconds_however_often_it_comes() -> None:
    for every_s in (1.0, 1.5, 1.7):
        shown = values_shown(at_rest(), ((1.3 + every_s * each, {"heart_rate": 80 + each}) for each in range(1, 20)))
        times = [at_s for at_s, _ in shown]
        assert max(later - earlier for earlier, later in pairwise(times)) < 2.01
        assert len({number for _, number in shown}) == len(shown), "each time another number"


@pytest.mark.parametrize("numbers", [{"heart_rate": 125}, {"heart_rate": None}, {"heart_rate": "bad"}])
def test_what_does_not_wait_is_shown_at_once_though_the_bed_stays_at_rest(numbers: dict[str, Any]) -> None:
    calm = [(1.5 + each, {"heart_rate": 80}) for each in range(1, 8)]
    shown = values_shown(at_rest(), [*calm, (9.9, numbers)])
    assert shown[-1] == (9.9, "125" if numbers["heart_rate"] == 125 else "None")


def test_a_beat_that_is_a_little_early_brings_what_comes_every_few_beats() -> None:
    """Else it came a whole beat later: beats are no later than a second after each other, and often a little less."""
    world = World()
    told: list[tuple[float, int, int]] = []
    for after_s in (0.003, 2.8, 3.0, 5.7, 5.999, 9.8, 10.0):
        world.step(START_S + after_s)
        told.append((after_s, len(world.heartbeats), len(world.self_checks)))
    assert told == [
        *[(0.003, 1, 1), (2.8, 1, 1), (3.0, 2, 1), (5.7, 2, 1), (5.999, 3, 1)],
        *[(9.8, 4, 1), (10.0, 4, 2)],
    ]
