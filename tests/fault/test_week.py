"""A week in virtual time: what the core remembers does not grow."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import InfusionState
from edge.core.effects import AlarmIndex, Answer, Publish, Step
from edge.core.engine import Core
from edge.core.inputs import Acknowledge, AudioPause, BrokerLink, Input, Named, Receipt, Reset, StoreResult
from edge.core.model import Alarm, Instant
from edge.core.requests import ANSWERS_MAX
from edge.core.restore import initial_state
from tests.core_world import (
    BED,
    CONFIG,
    OTHER_BED,
    RUN,
    START_S,
    STATION,
    asked,
    instant,
    monitor,
    named,
    order,
    place,
    pump,
)

WEEK_S = 7 * 24 * 3600
STEP_S = 30.0
EACH, FULL = 1000, 9
"""Turns from one size to the next, and sizes until all that is bounded is full, the rolling day by the fourth; from
there on six are one round of the pattern, since hours of infusion and of rest begin anew each 240 turns."""
WATCHED = replace(CONFIG, stations=(replace(STATION, required=True),))


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_core_does_not_grow_over_a_week() -> None:
    core = Core(WATCHED, initial_state(WATCHED, RUN, instant(START_S)))
    now_s = START_S
    step = core.step(Instant(now_s, now_s, synchronised=True), [place(now_s, order()), BrokerLink(now_s, True, "")])
    sizes: list[int] = []
    standing: tuple[Alarm, ...] = ()
    told: set[str] = set()
    refused = done = 0
    for turn in range(int(WEEK_S / STEP_S)):
        now_s += STEP_S
        now = Instant(now_s, now_s, synchronised=True)
        kept = StoreResult(now_s, step.mark, committed=True)
        step = core.step(now, [kept, *_devices(turn, now_s), *_nurse(turn, now_s, standing)])
        for content in _published(step):
            match content:
                case AlarmIndex(bed, alarms) if bed == BED:
                    standing = alarms
                    told.update(alarm.signal.value for alarm in alarms)
                case Answer():
                    done, refused = done + content.done, refused + (not content.done)
        if turn % EACH == EACH - 251:  # the same moment of the same pattern
            sizes.append(len(pickle.dumps(core.snapshot())))
    assert len(sizes) >= 20
    assert told == {"on", "latched", "acknowledged"}
    assert min(done, refused) > ANSWERS_MAX
    grown, rest = sizes[:FULL], sizes[FULL:]
    assert max(rest) <= max(grown) + 200, "numbers get longer; nothing else may"


def _devices(turn: int, now_s: float) -> Iterator[Input]:
    # An hour of infusion, an hour of rest; limits passed now and then; a cuff pressure every five minutes.
    state = InfusionState.INFUSING if turn // 120 % 2 == 0 else InfusionState.STOPPED
    yield pump(now_s, Decimal("29.4") if turn % 500 < 3 else Decimal(7), state)
    cuff = (120 + turn // 10 % 7, 75, 90, 70)
    yield monitor(now_s, heart_rate=150 if turn % 100 < 4 else 80, cuff=cuff)


def _nurse(turn: int, now_s: float, standing: tuple[Alarm, ...]) -> Iterator[Input]:
    """A screen that shows what stands, and one request at each turn; what is high is left alone until it latches."""
    displayed = tuple((alarm.key.bed, alarm.key.name, alarm.occurrence, alarm.rev) for alarm in standing)
    yield Receipt(STATION.station, now_s, RUN, True, frozenset({BED, OTHER_BED}), displayed)
    meant = named(standing[0]) if standing else Named(BED, "HR_HIGH", "run-1-1", 1)
    act = (Acknowledge(meant), AudioPause(BED, 60.0), Reset(meant))[turn % 3 if turn % 100 > 3 else 1]
    yield asked(now_s, act, f"{turn:05}")


def _published(step: Step) -> list[object]:
    return [effect.content for effect in step.effects if isinstance(effect, Publish)]
