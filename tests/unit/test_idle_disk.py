"""While nothing happens nothing is kept; while drug flows, what was given is, at its own pace: a card wears (H-32)."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.model import InfusionState
from edge.core.doses import KEEP_EVERY_S
from edge.core.inputs import BrokerLink, Input
from tests.core_world import KEPT, START_S, World, monitor, order, place, pump

SETTLED_S = 300.0
WATCHED_S = 1800.0


def kept(world: World, rate: str, state: InfusionState) -> int:
    """How many steps of half an hour had something to keep, with devices that talk each second."""

    def said(now_s: float) -> Iterable[Input]:
        turn = int(now_s) % 8
        yield pump(now_s, rate, state)
        # A well patient's numbers move, and so does the cuff's, every two minutes.
        yield monitor(
            now_s, heart_rate=76 + turn, respiratory_rate=13 + turn % 3, cuff=(120 + now_s // 120 % 2, 75, 90, 70)
        )

    world.run(START_S + SETTLED_S, said)
    settled = len(world.steps)
    world.run(START_S + SETTLED_S + WATCHED_S, said)
    assert len(world.steps) - settled >= WATCHED_S
    return sum(any(isinstance(one, KEPT) for one in step.effects) for step in world.steps[settled:])


def test_nothing_is_kept_while_nothing_happens() -> None:
    world = World()
    world.step(START_S, BrokerLink(START_S, connected=True, detail=""))
    assert kept(world, "7", InfusionState.STOPPED) == 0


def test_an_infusion_keeps_what_was_given_twice_a_minute() -> None:
    world = World()
    world.step(START_S, BrokerLink(START_S, connected=True, detail=""), place(START_S, order()), pump(START_S))
    # What was given, and once a minute how long the step has run.
    often = kept(world, "7", InfusionState.INFUSING)
    assert WATCHED_S / KEEP_EVERY_S <= often <= WATCHED_S / KEEP_EVERY_S + WATCHED_S / 60
    assert world.standing() == set()
