"""What a step of the core costs at 1, 10 and 100 beds, without anything around it.

Every bed has a pump and a monitor; each says one reading a second, and each reading is a step of its own, as on a quiet
ward. The median is a step that nothing else falls into; the mean holds the beats and snapshots too.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from bench.codec import DEVICES, record
from bench.configuration import whole_beds
from drivers import registry
from drivers.model import Observation
from edge.config import load
from edge.core.effects import Publish
from edge.core.engine import Core
from edge.core.inputs import Request
from edge.core.model import Instant
from edge.core.restore import initial_state

BEDS = (1, 10, 100)
START_S = 1000.0
WARM_UP_STEPS = 400
RECORDED_S = 30.0
MONITOR_CHANNEL, PUMP_CHANNEL = "0", "11"


@dataclass(frozen=True, slots=True)
class Result:
    """Steps of one number of beds; times in microseconds."""

    beds: int
    steps: int
    median_us: float
    mean_us: float
    p99_us: float
    max_us: float
    steps_per_s: float
    publishes_per_step: float


def measure(steps: int) -> list[Result]:
    """Make so many steps for each number of beds."""
    return [_measure(beds, steps) for beds in BEDS]


def _measure(beds: int, steps: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        configuration = load(whole_beds(Path(name), beds), Path(name))
    core = Core(configuration.core, initial_state(configuration.core, "bench", _instant(START_S)))
    orders = [Request(f"order-{n}", "bench", START_S, act) for n, act in enumerate(configuration.orders)]
    core.step(_instant(START_S), orders)
    sources = _sources(_recorded("ivy-450c", MONITOR_CHANNEL), _recorded("bbraun-space", PUMP_CHANNEL), beds)
    apart_s = 1.0 / (2 * beds)
    gc.collect()
    gc.freeze()  # the collector is to see the core's objects, not those of this bench
    lasted: list[int] = []
    publishes = 0
    for number in range(WARM_UP_STEPS + steps):
        now_s = START_S + (number + 1) * apart_s
        observation = replace(next(sources), received_at_s=now_s)
        now = _instant(now_s)
        began = time.perf_counter_ns()
        step = core.step(now, [observation])
        if number >= WARM_UP_STEPS:
            lasted.append(time.perf_counter_ns() - began)
            publishes += sum(isinstance(effect, Publish) for effect in step.effects)
    gc.unfreeze()
    lasted.sort()
    mean_us = fmean(lasted) / 1000
    return Result(
        beds,
        steps,
        lasted[steps // 2] / 1000,
        mean_us,
        lasted[steps * 99 // 100] / 1000,
        lasted[-1] / 1000,
        1e6 / mean_us,
        publishes / steps,
    )


def _instant(now_s: float) -> Instant:
    return Instant(now_s, now_s, synchronised=True)


def _recorded(name: str, channel: str) -> list[Observation]:
    return [one for one in record(registry.driver(name), DEVICES[name](), RECORDED_S)[1] if one.channel == channel]


def _sources(monitor: list[Observation], pump: list[Observation], beds: int) -> Iterator[Observation]:
    """Give what pump and monitor of one bed after the other say, without end."""
    turn = 0
    while True:
        for bed in range(beds):
            yield replace(monitor[turn % len(monitor)], port=f"monitor-{bed}")
            yield replace(pump[turn % len(pump)], port=f"pump-{bed}")
        turn += 1
