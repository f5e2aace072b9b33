"""What each priority looks and sounds like at the bedside computer: flashes and bursts of IEC 60601-1-8."""

from __future__ import annotations

import math
from typing import Any

import pytest

from edge.core.annunciation import BURSTS, lit, sounding
from edge.core.model import Priority

HIGH, MEDIUM, LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW


def played(priority: Priority, until_s: float, what: Any) -> list[tuple[bool, float]]:
    """Which states follow one another, and how long each lasts."""
    at_s, states = 0.0, []
    while at_s < until_s:
        on, for_s = what(priority, at_s)
        states.append((on, round(for_s, 6)))
        at_s += for_s
    return states


def test_the_lamps_flash_as_the_standard_says() -> None:
    assert played(HIGH, 2.0, lit) == [(True, 0.25), (False, 0.25)] * 4
    medium = played(MEDIUM, 3.3, lit)
    assert [on for on, _ in medium] == [True, False, True, False]
    assert [for_s for _, for_s in medium] == pytest.approx([5 / 6] * 4, abs=1e-5)
    assert lit(LOW, 12.3) == (True, math.inf)


def test_high_is_ten_pulses_and_medium_three() -> None:
    short, long_, middle, pulse = 0.1, 0.35, 0.5, 0.15
    gaps = [short, short, long_, short, middle, short, short, long_, short, 5.0]
    burst = [step for gap in gaps for step in ((True, pulse), (False, gap))]
    assert played(HIGH, 2 * BURSTS[HIGH].period_s - 0.01, sounding) == burst * 2
    medium = [step for gap in (0.2, 0.2, 15.0) for step in ((True, 0.2), (False, gap))]
    assert played(MEDIUM, BURSTS[MEDIUM].period_s - 0.01, sounding) == medium


def test_a_medium_burst_comes_no_more_often_than_a_high_one() -> None:
    assert BURSTS[MEDIUM].pause_s >= BURSTS[HIGH].pause_s


@pytest.mark.parametrize("priority", BURSTS)
def test_every_moment_of_a_day_has_a_sound_and_an_end_of_it(priority: Priority) -> None:
    for tenth in range(0, 864_000, 997):
        _, for_s = sounding(priority, tenth / 10)
        assert 0 < for_s < BURSTS[priority].pause_s + 1e-6
