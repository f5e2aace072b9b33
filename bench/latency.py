"""From the last byte of a reading beyond a limit without delay to the alarm at a subscriber; and what it costs.

The daemon, the plain script and the raw relay run one after the other against the same load, through a real mosquitto.
Two cores are shared by the program, the load, the broker and the subscriber: each figure holds what they take from it.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.load import Count, Load, monitors
from bench.process import busy_s, complaint, cpu_s, memory_mb, mosquitto
from bench.subjects import DAEMON, PLAIN, RELAY, Heard, Subject, listening

SEED = 1
HOLD_S = 0.05
"""How long a device is bad: one reading, at 50 a second three or four."""

GAP_MIN_S, GAP_MAX_S = 0.01, 0.05
"""The rest between two onsets, not in step with the readings."""

WARM_UP_LIMIT_S = 15.0
REST_S = 1.0
"""After the first alarm: the other lines are open by then, and what a start brings is over."""

LAST_LIMIT_S = 6.0
"""An onset that has not arrived so long after the last one was made is missed."""

LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """A load: so many devices with so many readings a second each, onsets on top, watched quietly for so long first."""

    devices: int
    rate_hz: float
    onsets: int
    quiet_s: float
    subjects: tuple[Subject, ...] = (DAEMON, PLAIN, RELAY)


CASES = (
    Case(1, 1, 100, 3.0),
    Case(8, 1, 100, 3.0),
    Case(32, 1, 250, 4.0),
    Case(128, 1, 150, 8.0),
    Case(128, 50, 120, 5.0, (DAEMON, PLAIN)),
)
QUICK_CASES = (
    Case(32, 1, 40, 1.5, (DAEMON, PLAIN)),
    Case(128, 1, 25, 3.0, (DAEMON, PLAIN)),
    Case(128, 50, 30, 1.0, (DAEMON,)),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What one program did in one case. Latencies in ms; processor in percent of one core, while no onset was made.

    ``around`` are load and broker, ``others`` all else on the machine, the kernel's own work for the ttys too.
    ``lost`` is the share of readings that the full tty refused.
    """

    devices: int
    rate_hz: float
    subject: str
    onsets: int
    missed: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_percent: float
    around_cpu_percent: float
    others_cpu_percent: float
    memory_mb: float
    memory_max_mb: float
    lost: float


def measure(case: Case) -> list[Result]:
    """Run a case with each of its programs."""
    return [_measure(case, subject) for subject in case.subjects]


def _measure(case: Case, subject: Subject) -> Result:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        mosquitto(Path(name)) as (port, broker_pid),
        monitors(Path(name), case.devices) as load,
        listening(subject, port) as heard,
        subject.run(Path(name), case.devices, port) as process,
    ):
        folder = Path(name)
        load.rate(case.rate_hz)
        if not _warm_up(load, heard):
            raise RuntimeError(f"the {subject.name} does not alarm: {complaint(folder, subject.module)}")
        before = load.count()
        cpu_percent, *around_percent, others_percent = _quiet((process.pid, load.pid, broker_pid), case.quiet_s)
        latencies = _onsets(case, load, heard)
        arrived = [latency for latency in latencies if latency is not None]
        after = load.count()
        load.rate(0.0)
        now_mb, highest_mb = memory_mb(process.pid)
        return Result(
            case.devices,
            case.rate_hz,
            subject.name,
            len(latencies),
            len(latencies) - len(arrived),
            percentile_ms(arrived, 0.5),
            percentile_ms(arrived, 0.99),
            percentile_ms(arrived, 1.0),
            cpu_percent,
            sum(around_percent),
            others_percent,
            now_mb,
            highest_mb,
            _share_lost(before, after),
        )


def _warm_up(load: Load, heard: Heard) -> bool:
    """Wait until the program alarms: it has opened its lines and found the broker."""
    until_s = time.monotonic() + WARM_UP_LIMIT_S
    while time.monotonic() < until_s:
        began_s = load.onset(0, HOLD_S)
        if heard.wait(0, began_s, 0.5) is not None:
            time.sleep(REST_S)
            return True
    return False


def _quiet(pids: Sequence[int], window_s: float) -> tuple[float, ...]:
    """Return what each process takes of a core, and last what all others do."""
    began_s, all_began_s = time.monotonic(), busy_s()
    before = [cpu_s(pid) for pid in (*pids, os.getpid())]
    time.sleep(window_s)
    taken = [cpu_s(pid) - earlier for pid, earlier in zip((*pids, os.getpid()), before, strict=True)]
    others_s = busy_s() - all_began_s - sum(taken)
    lasted_s = time.monotonic() - began_s
    return tuple(100 * used_s / lasted_s for used_s in (*taken[:-1], max(0.0, others_s)))


def _onsets(case: Case, load: Load, heard: Heard) -> list[float | None]:
    """Make one device after another bad for a moment; return how long each alarm took, ``None`` for a missed one."""
    random = Random(SEED)
    made: list[tuple[int, float]] = []
    for number in range(case.onsets):
        device = number % case.devices
        made.append((device, load.onset(device, HOLD_S)))
        time.sleep(HOLD_S + random.uniform(GAP_MIN_S, GAP_MAX_S))
    until_s = time.monotonic() + LAST_LIMIT_S
    while None in (found := _matched(made, heard)) and time.monotonic() < until_s:
        time.sleep(LOOK_AGAIN_S)
    return found


def _matched(made: Sequence[tuple[int, float]], heard: Heard) -> list[float | None]:
    """Find the alarm of each onset: the device's first one before its next onset."""
    found = []
    for index, (device, at_s) in enumerate(made):
        before_s = next((later_s for other, later_s in made[index + 1 :] if other == device), math.inf)
        arrived_s = heard.first(device, at_s, before_s)
        found.append(None if arrived_s is None else arrived_s - at_s)
    return found


def percentile_ms(latencies_s: Sequence[float], share: float) -> float:
    """Return the smallest latency that so great a share does not exceed, in ms; NaN of none."""
    if not latencies_s:
        return math.nan
    return 1000 * sorted(latencies_s)[max(0, math.ceil(share * len(latencies_s)) - 1)]


def _share_lost(before: Count, after: Count) -> float:
    lost = after.lost - before.lost
    return lost / max(1, after.written - before.written + lost)
