"""The advisory that heart rate or pressure climbs after a dose step, before a limit is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest

from edge.core.climb import CUFF, POINTS_MAX, STREAM, Climb, Follow
from edge.core.inputs import Input
from edge.core.model import Priority
from tests.core_world import CUFF_NUMBERS, START_S, World, monitor, order, place, pump

D = Decimal
LIMIT = D(120)


def climb(values: Iterable[int], every_s: float = 60.0, follow: Follow = STREAM) -> Climb:
    followed = Climb(0.0)
    for index, value in enumerate(values):
        followed.take(index * every_s, D(value), follow)
    return followed


CASES = [
    # values a minute apart from the step on; whether it climbs
    ([80, 85, 90, 95, 100], True),
    ([80, 85, 90, 95, 99], False),  # 19 of 40: not yet half of the room
    ([80, 80, 80, 80], False),
    ([80, 100], False),  # two points are no trend
    ([80, 90, 100], True),
    ([100, 106, 111, 112], True),
    ([100, 105, 108, 111], False),  # 11: no more than its own unrest
    ([80, 98, 100, 101, 102, 102], False),  # passes the limit in 14 min at this pace
    ([80, 90, 100, 99], False),  # it comes back
    ([80, 90, 100, 120], True),  # equal is allowed, and it goes on
    ([80, 90, 100, 121], False),  # beyond: the limit itself tells
    ([110, 100, 90, 80], False),
]


@pytest.mark.parametrize(("values", "climbs"), CASES)
def test_what_climbs(values: list[int], climbs: bool) -> None:
    assert (climb(values).pace(LIMIT, STREAM) is not None) is climbs


def test_pace_and_when_the_limit_is_met() -> None:
    """From 85 to 100 in three minutes: 5 /min, and 20 more in four."""
    pace = climb([80, 85, 90, 95, 100]).pace(LIMIT, STREAM)
    assert pace is not None
    assert (pace.per_min, pace.meets_in_s) == (D("5.0"), 240.0)
    assert [(at_s, str(value)) for at_s, value in pace.points] == [
        (0, "80"), (60, "85"), (120, "90"), (180, "95"), (240, "100"),
    ]  # fmt: skip


def test_cuff_pressures_count_each() -> None:
    pace = climb([120, 135, 150], 300.0, CUFF).pace(D(165), CUFF)
    assert pace is not None
    assert (pace.per_min, pace.meets_in_s) == (D("3.0"), 300.0)
    assert climb([120, 134, 134], 300.0, CUFF).pace(D(165), CUFF) is None


def test_points_are_far_enough_apart_and_bounded() -> None:
    followed = climb(range(100, 200), 10.0)
    assert [at_s for at_s, _ in followed.points[:3]] == [0, 30, 60]
    assert len(climb(range(100, 200), 30.0).points) == POINTS_MAX
    same = Climb(0.0)
    for _ in range(2):
        same.take(5.0, D(120), CUFF)
    assert len(same.points) == 1


# --- at a bed ---

Heart = Callable[[float], int]
STEP_S = START_S + 60


def treated(heart: Heart, until_s: float, *, rate: str = "10.5", cuff: Callable[[float], int] = lambda _: 120) -> World:
    """A bed at 1 mg/kg/h, then from the minute on at another rate; what heart and cuff do since then is given."""
    world = World()
    world.step(START_S, place(START_S, order()))

    def feed(at_s: float) -> Iterable[Input]:
        since_s = max(0.0, at_s - STEP_S)
        yield pump(at_s, "7" if at_s < STEP_S else rate)
        yield monitor(at_s, heart_rate=heart(since_s), cuff=(cuff(since_s), *CUFF_NUMBERS[1:]))

    world.run(STEP_S + until_s, feed)
    return world


def rising(since_s: float) -> int:
    return 80 + int(since_s // 12)


def test_a_heart_rate_that_climbs_after_a_step_is_told_before_its_limit() -> None:
    """5 /min from 80: half of the room to 120 is used up after 4 min."""
    world = treated(rising, 300)
    alarm = world.alarm("HR_CLIMBING")
    assert alarm is not None
    assert alarm.priority is Priority.LOW
    assert world.alarm("HR_HIGH") is None
    said = dict(alarm.evidence)
    assert said["dose_rate_before_mg_per_kg_per_h"] == "1.000000"
    assert said["dose_rate_mg_per_kg_per_h"] == "1.500000"
    assert said["pace_per_min"] == "5.0 /min"
    assert said["limit"] == "120 /min"
    assert said["trend"].startswith("0 s: 80 /min; 30 s: 82 /min; 60 s: 84 /min; 90 s: 87 /min")
    assert alarm.text.startswith("Bed 1: heart rate climbs since the step to 1.5 mg/kg/h 4 min ago: 80, 82, 84, 87")
    assert alarm.text.endswith(" At this pace it passes 120 /min in 4 min.")


def test_the_beginning_is_a_step_too() -> None:
    assert treated(rising, 300, rate="7").alarm("HR_CLIMBING") is not None


def test_what_no_step_went_before_is_no_correlation() -> None:
    """The infusion began more than ten minutes ago."""
    world = treated(lambda since_s: rising(max(0.0, since_s - 560)), 860, rate="7")
    assert world.told("HR_CLIMBING") == []


def test_a_fall_of_the_dose_ends_what_was_followed() -> None:
    assert treated(rising, 300, rate="5").alarm("HR_CLIMBING") is None


def test_a_heart_that_only_answers_a_little_is_left_alone() -> None:
    assert treated(lambda since_s: 80 + min(12, int(since_s // 20)), 620).told("HR_CLIMBING") == []


def test_it_ends_when_the_heart_rate_no_longer_climbs() -> None:
    world = treated(lambda since_s: min(102, rising(since_s)), 540)
    assert [phase for _, phase, _ in world.told("HR_CLIMBING", levels=False)] == ["start", "end"]


def test_a_sensor_that_falls_off_ends_nothing() -> None:
    world = treated(rising, 300)
    for at_s in range(1, 60):
        now_s = STEP_S + 300 + at_s
        world.step(now_s, pump(now_s, "10.5"), monitor(now_s, heart_rate="bad"))
    alarm = world.alarm("HR_CLIMBING")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)


def test_pressure_by_two_measurements_after_the_step() -> None:
    world = treated(lambda _: 80, 590, cuff=lambda since_s: 120 + 15 * int(since_s // 240))
    alarm = world.alarm("BP_CLIMBING")
    assert alarm is not None
    assert ("dose_rate_mg_per_kg_per_h", "1.500000") in alarm.evidence
    assert "120, 135, 150 mmHg. At this pace it passes 165 mmHg in " in alarm.text
