"""A week in virtual time: what the core remembers does not grow."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest

from drivers.model import InfusionState
from edge.core.engine import Core, initial_state
from edge.core.inputs import BrokerLink, StoreResult
from edge.core.model import Instant
from tests.core_world import CONFIG, START_S, monitor, order, place, pump

WEEK_S = 7 * 24 * 3600
STEP_S = 20.0


@pytest.mark.long
@pytest.mark.timeout(120)
def test_the_core_does_not_grow_over_a_week() -> None:
    core = Core(CONFIG, initial_state(CONFIG, "run", START_S))
    now_s = START_S
    core.step(Instant(now_s, now_s, synchronised=True), [place(now_s, order()), BrokerLink(now_s, True, "")])
    sizes: list[int] = []
    for turn in range(int(WEEK_S / STEP_S)):
        now_s += STEP_S
        # An hour of infusion, an hour of rest; limits passed now and then; a cuff pressure every five minutes.
        state = InfusionState.INFUSING if turn // 180 % 2 == 0 else InfusionState.STOPPED
        heart_rate = 150 if turn % 100 < 4 else 80
        cuff = (120 + turn // 15 % 7, 75, 90, 70)
        rate = Decimal("29.4") if turn % 500 < 3 else Decimal(7)
        inputs = [pump(now_s, rate, state), monitor(now_s, heart_rate=heart_rate, cuff=cuff)]
        step = core.step(Instant(now_s, now_s, synchronised=True), inputs)
        core.step(Instant(now_s, now_s, synchronised=True), [StoreResult(now_s, step.mark, committed=True)])
        if turn % 1500 == 749:  # the same moment of the same pattern
            sizes.append(len(pickle.dumps(core.snapshot())))
    assert len(sizes) >= 20
    assert max(sizes[1:]) <= sizes[1] + 200, "numbers get longer; nothing else may"
