"""Lines that are asked as often are asked together, by little moves of each round."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from drivers import registry
from drivers.model import Observation, SessionOptions
from drivers.turns import NUDGE_S, in_turn
from edge.recording import Entry, What
from edge.replay import EXIT_OK
from edge.replay import _call as call
from simulators.alaris_asena import AsenaPump
from simulators.model import SimulatedDevice
from tests.end_to_end.world import space
from tests.unit.orchestra_talk import Talk
from tests.unit.orchestra_talk import device as base
from tests.unit.test_replay import converse, played, put_recording

ASKED = {"bbraun-space": b">MEEM:G", "alaris-asena": b"!INF"}


def device(driver: str) -> SimulatedDevice:
    pump, rack = space("7.00", 0.0)
    return rack if driver == "bbraun-space" else AsenaPump(pump)


def rounds(entries: list[Entry], driver: str) -> list[float]:
    return [one.at_s for one in entries if one.what is What.SENT and ASKED[driver] in one.data]


@pytest.mark.parametrize(
    ("due_s", "moved_s"), [(10.3, 0.0), (10.31, -0.01), (10.29, 0.01), (10.8, -0.04), (10.9, 0.04)]
)
def test_a_round_moves_the_shorter_way_and_not_far(due_s: float, moved_s: float) -> None:
    assert in_turn(due_s, 1.0, 0.3) == pytest.approx(due_s + moved_s)
    assert in_turn(due_s, 1.0, None) == due_s


@pytest.mark.parametrize("driver", ASKED)
def test_after_some_rounds_a_device_is_asked_in_its_turn_and_never_hurried(driver: str) -> None:
    began = rounds(converse(driver, device(driver), 30.0, asks_at_s=0.7), driver)
    assert [at_s % 1.0 for at_s in began[-5:]] == pytest.approx([0.7] * 5)
    between = [later - earlier for earlier, later in pairwise(began[1:])]
    assert min(between) >= 1.0 - NUDGE_S - 1e-6
    assert max(between) <= 1.0 + NUDGE_S + 1e-6


@pytest.mark.parametrize("driver", ASKED)
def test_the_round_that_is_told_is_without_the_moves(driver: str) -> None:
    """Absence is judged by it: a session that happened to begin at another moment has no other limit."""
    session = registry.driver(driver).session(SessionOptions("x", asks_at_s=0.7))
    guess_s, told = session.round_s, set[float]()
    for entry in converse(driver, device(driver), 20.0, asks_at_s=0.7):
        call(session, entry)
        told.add(round(session.round_s, 6))
    assert told == {guess_s, 1.0}


def test_a_base_of_pumps_is_asked_in_its_turn_too() -> None:
    def phase(asks_at_s: float) -> float:
        talk = Talk(asks_at_s=asks_at_s)
        heard = [at_s for at_s, output in talk.converse(30.0, base()) if isinstance(output, Observation)]
        assert heard[-1] - heard[-2] == talk.session.round_s == pytest.approx(1.0)
        return heard[-1] % 1.0

    assert (phase(0.7) - phase(0.2)) % 1.0 == pytest.approx(0.5)


@pytest.mark.parametrize("driver", ASKED)
def test_a_recording_of_it_is_played_as_it_was(tmp_path: Path, driver: str) -> None:
    entries = converse(driver, device(driver), 20.0, asks_at_s=0.7)
    status, said = played(put_recording(tmp_path, driver, entries, asks_at_s=0.7))
    assert status == EXIT_OK
    heard = rounds(entries, driver)
    assert sum(line[14:20] == "sample" for line in said) >= len(heard) - 1
