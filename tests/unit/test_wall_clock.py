"""The wall clock is a label: it is told when it cannot be trusted or leaps, and nothing else moves with it (H-14)."""

from __future__ import annotations

import pytest

from edge.core.effects import Event, Journal, Publish
from edge.core.engine import Core
from edge.core.model import Instant
from edge.core.restore import initial_state
from tests.core_world import CONFIG, START_S, instant, order, place, pump

WALL_S = 1_790_000_000.0


class Clocked:
    """A core on a wall clock of the test's own, ahead of the monotonic one by ``ahead_s``."""

    def __init__(self) -> None:
        self.core = Core(CONFIG, initial_state(CONFIG, "run-1", instant(START_S)))
        self.ahead_s = WALL_S
        self.synchronised = True
        self.now_s = START_S
        self.told: list[tuple[float, str, str]] = []
        self.kept: list[tuple[float, dict[str, str]]] = []

    def run(self, seconds: int) -> Clocked:
        for _ in range(seconds):
            self.step(pump(self.now_s + 1))
        return self

    def step(self, *inputs: object) -> None:
        self.now_s += 1
        now = Instant(self.now_s, self.now_s + self.ahead_s, self.synchronised)
        for effect in self.core.step(now, inputs).effects:  # type: ignore[arg-type]  # what a test hands in
            if isinstance(effect, Journal) and effect.kind == "clock":
                self.kept.append((self.now_s - START_S, dict(effect.body)))
            if isinstance(effect, Publish) and isinstance(effect.content, Event):
                event = effect.content
                self.told.append((self.now_s - START_S, event.alarm.key.condition, event.phase.value))

    def of(self, condition: str) -> list[tuple[float, str]]:
        return [(at_s, phase) for at_s, name, phase in self.told if name == condition]


def test_a_clock_that_is_not_synchronised_is_told_after_ten_minutes_and_ends_with_it() -> None:
    world = Clocked()
    world.synchronised = False
    world.run(650)
    assert world.of("CLOCK_UNSYNCED") == [(601, "start")]
    world.synchronised = True
    world.run(1)
    assert world.of("CLOCK_UNSYNCED") == [(601, "start"), (651, "end")]


@pytest.mark.parametrize("leap_s", [9 * 3600.0, -9 * 3600.0, 2.1, -WALL_S])
def test_a_leap_is_told_at_once_for_five_minutes_and_moves_no_timer(leap_s: float) -> None:
    world = Clocked()
    world.step(place(START_S + 1, order()), pump(START_S + 1))
    world.run(9)
    # Beyond the hard limit, whose delay is ten seconds; the clock leaps in the middle of it.
    for _ in range(5):
        world.step(pump(world.now_s + 1, "18.2"))
    world.ahead_s += leap_s
    for _ in range(6):
        world.step(pump(world.now_s + 1, "18.2"))
    assert world.of("CLOCK_STEP") == [(16, "start")]
    assert world.of("DOSE_RATE_HIGH") == [(21, "start")]
    world.run(300)
    assert world.of("CLOCK_STEP") == [(16, "start"), (316, "end")]


@pytest.mark.parametrize("slew_s", [0.5, -0.5, 1.9])
def test_a_clock_that_is_slewed_is_no_leap(slew_s: float) -> None:
    world = Clocked()
    for _ in range(20):
        world.ahead_s += slew_s
        world.run(1)
    assert world.of("CLOCK_STEP") == []


def test_each_leap_and_the_first_synchronisation_with_its_offset_are_journalled() -> None:
    world = Clocked()
    world.ahead_s, world.synchronised = 0.0, False  # 1970
    world.run(3)
    world.ahead_s = WALL_S
    world.run(2)
    world.ahead_s += 0.5
    world.synchronised = True
    world.run(2)
    world.synchronised = False
    world.run(2)
    world.synchronised = True
    world.ahead_s -= 9 * 3600.0
    world.run(2)
    assert world.kept == [
        (4.0, {"what": "leapt", "step_s": "1790000000.000"}),
        (6.0, {"what": "synchronised for the first time", "offset_s": "1790000000.500"}),
        (8.0, {"what": "no longer synchronised"}),
        (10.0, {"what": "leapt", "step_s": "-32400.000"}),
        (10.0, {"what": "synchronised again"}),
    ]


def test_a_clock_that_was_right_from_the_start_is_not_journalled() -> None:
    assert Clocked().run(20).kept == []


def test_with_a_leap_out_of_1970_the_same_alarms_come_and_go_at_the_same_moments() -> None:
    """Two cores hear the same; the clock of one begins in 1970 and leaps: they say the same at the same moments."""
    straight, leaping = Clocked(), Clocked()
    leaping.ahead_s, leaping.synchronised = 0.0, False
    for world in (straight, leaping):
        world.step(place(START_S + 1, order()), pump(START_S + 1))
        world.run(3)
        for second in range(60):
            if second == 20:
                world.ahead_s, world.synchronised = WALL_S, True
            world.step(pump(world.now_s + 1, "18.2" if second < 40 else "7"))
    of_clock = ("CLOCK_STEP", "CLOCK_UNSYNCED")
    assert [row for row in leaping.told if row[1] not in of_clock] == straight.told
    assert straight.of("DOSE_RATE_HIGH") == [(15, "start"), (55, "latch")]
    assert len(straight.told) > 3
    assert leaping.of("CLOCK_STEP") == [(25, "start")]
