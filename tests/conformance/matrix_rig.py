"""A bed, or two, in virtual time: simulated devices behind faults, their drivers, and the real core; nothing sleeps.

A line here does what `edge/device.py` does with a real one: it opens, converses, loses, opens again after a silence,
and counts what was rejected. Every reading is held against what the simulator held at that moment.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from drivers.model import (
    HARMLESS_REJECTIONS,
    DeviceIdentified,
    Driver,
    Observation,
    Output,
    Rejected,
    Send,
    Session,
    SessionOptions,
)
from edge.core.catalogue import DEVICE_CONDITIONS
from edge.core.config import CoreConfig
from edge.core.inputs import BrokerLink, Input, LineErrors, LinkCause, LinkChange
from edge.core.model import Alarm, AlarmKind, Phase
from edge.device import QUIET_MIN_S, QUIET_ROUNDS
from simulators.model import SimulatedDevice
from tests.conformance.matrix_truth import Truth
from tests.core_world import START_S, World

DELAY_S = 0.002
"""From one end of a line to the other."""

STEP_MAX = 100_000
"""More turns than this in one run are an endless loop."""

_ONSETS = frozenset({Phase.START, Phase.ESCALATE, Phase.RETURN})
_NOT_OF_LINES = frozenset({"ORDER_MISSING"})


@dataclass(slots=True)
class Line:
    """A port of the edge with what is plugged in, ``None``: nothing. ``truth`` is that of the device that is there."""

    port: str
    driver: Driver
    channel: str
    device: SimulatedDevice | None
    truth: Truth | None
    session: Session | None = None
    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    heard_s: float = START_S
    reopened: bool = False
    told: tuple[bool, LinkCause, float] | None = None
    queue: list[tuple[float, int, bool, bytes]] = field(default_factory=list)
    line_s: float = 0.0
    poll_interval_s: float = 1.0


@dataclass(slots=True)
class Seen:
    """What came of a run: counts, the first false readings, when each line said something true, and what alarmed."""

    samples: int = 0
    heard_bytes: int = 0
    rejected: int = 0
    reopened: int = 0
    false: list[str] = field(default_factory=list)
    good_s: dict[str, list[float]] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)


class Rig:
    """Lines and a core; ``run`` lets the time pass.

    With ``eager`` the core steps whenever something comes in, as the daemon does; else once a second with all of it.
    """

    def __init__(
        self,
        config: CoreConfig,
        lines: Sequence[Line],
        background: Callable[[float], Sequence[Input]],
        recorders: Sequence[Callable[[], int]],
        *,
        eager: bool = True,
    ) -> None:
        self._eager = eager
        self.world = World(config)
        self.lines = {line.port: line for line in lines}
        self.seen = Seen(good_s={line.port: [] for line in lines})
        self.now_s = START_S
        self._background = background
        self._recorders = recorders
        self._order = count()
        self._inputs: list[Input] = [BrokerLink(START_S, connected=True, detail="")]
        self._beat_s = START_S
        for line in lines:
            if line.device is not None:
                self._from_device(line, line.device.start(self.now_s))
                self._open(line)

    # --- what happens to plugs ----------------------------------------------------------------------------------------

    def unplug(self, port: str) -> None:
        """Let the port vanish with its adapter."""
        line = self.lines[port]
        line.session, line.device, line.truth, line.queue = None, None, None, []
        self._link(line, up=False, cause=LinkCause.LOST)

    def plug(self, port: str, device: SimulatedDevice, truth: Truth | None) -> None:
        """Let it come back, with a device that has gone on living."""
        line = self.lines[port]
        line.device, line.truth = device, truth
        self._open(line)

    # --- time ---------------------------------------------------------------------------------------------------------

    def run(self, until_s: float) -> Rig:
        """Let the time pass."""
        for _ in range(STEP_MAX):
            due = [self._beat_s, *(at_s for line in self.lines.values() for at_s in _deadlines(line))]
            at_s = min(due)
            if at_s > until_s:
                self.now_s = until_s
                return self
            self.now_s = max(self.now_s, at_s)
            for line in self.lines.values():
                self._turn(line)
            if self.now_s >= self._beat_s:
                self._beat_s += 1.0
                self._beat()
            elif self._inputs and self._eager:
                self._step()
        raise AssertionError("the conversation does not come to rest")

    @property
    def refused(self) -> int:
        """How much the simulators have heard that is none of their questions (law 1)."""
        return sum(recorder() for recorder in self._recorders)

    def technical(self, from_s: float) -> set[str]:
        """The technical conditions that began, or got worse, from then on; not what a device shows itself."""
        return {
            event.alarm.key.condition
            for event in self.world.events
            if event.at.mono_s >= from_s and event.phase in _ONSETS and _is_ours(event.alarm)
        }

    def standing(self, bed: str, port: str) -> set[str]:
        """The technical conditions that stand at a bed, and those of a line that belong to no bed."""
        return {
            key.condition
            for key, alarm in self.world.retained.items()
            if key.bed in ("", bed) and key.port in ("", port) and _is_ours(alarm)
        }

    def _turn(self, line: Line) -> None:
        while line.queue and line.queue[0][0] <= self.now_s:
            _, _, to_driver, data = heapq.heappop(line.queue)
            if to_driver and line.session is not None:
                self._take(line, line.session.feed(data, self.now_s))
            elif not to_driver and line.device is not None:
                self._from_device(line, line.device.feed(data, self.now_s))
        session, device = line.session, line.device
        if session is not None and session.deadline_s is not None and session.deadline_s <= self.now_s:
            self._take(line, session.tick(self.now_s))
        if device is not None and device.deadline_s is not None and device.deadline_s <= self.now_s:
            self._from_device(line, device.tick(self.now_s))

    def _beat(self) -> None:
        for line in self.lines.values():
            self._count(line)
        self._inputs += self._background(self.now_s)
        self._step()

    def _step(self) -> None:
        inputs, self._inputs = self._inputs, []
        self.world.step(self.now_s, *inputs)

    def _count(self, line: Line) -> None:
        """Tell the counts, and open the port again where nothing was heard, as the task of a port does."""
        garbled = {reason: n for reason, n in line.rejected.items() if reason not in HARMLESS_REJECTIONS}
        rejected = sum(garbled.values())
        if line.accepted or rejected:
            reason = max(garbled, key=garbled.__getitem__, default="")
            self._inputs.append(LineErrors(line.port, self.now_s, line.accepted, rejected, reason))
        if line.accepted:
            line.heard_s, line.reopened = self.now_s, False
        line.accepted, line.rejected = 0, {}
        if line.session is None:
            return
        if self.now_s - line.heard_s > max(QUIET_MIN_S, QUIET_ROUNDS * line.session.round_s):
            line.reopened = True
            self.seen.reopened += 1
            self._open(line)
        self._link(line, up=True, cause=LinkCause.REOPENED if line.reopened else LinkCause.OPENED)

    # --- bytes --------------------------------------------------------------------------------------------------------

    def _open(self, line: Line) -> None:
        line.session = line.driver.session(SessionOptions(line.port, (line.channel,), line.poll_interval_s))
        line.heard_s = self.now_s
        line.queue = [row for row in line.queue if not row[2]]
        heapq.heapify(line.queue)
        self._link(line, up=True, cause=LinkCause.REOPENED if line.reopened else LinkCause.OPENED)
        self._take(line, line.session.start(self.now_s))

    def _link(self, line: Line, *, up: bool, cause: LinkCause) -> None:
        round_s = line.session.round_s if line.session is not None else 1.0
        if line.told != (up, cause, round_s):
            line.told = (up, cause, round_s)
            self._inputs.append(LinkChange(line.port, self.now_s, up, cause, "", round_s))

    def _from_device(self, line: Line, data: bytes) -> None:
        self.seen.heard_bytes += len(data)
        if data:
            line.line_s = max(line.line_s, self.now_s + DELAY_S)
            heapq.heappush(line.queue, (line.line_s, next(self._order), True, data))

    def _take(self, line: Line, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self.seen.sent.append(output.data)
                heapq.heappush(line.queue, (self.now_s + DELAY_S, next(self._order), False, output.data))
            elif isinstance(output, Rejected):
                self.seen.rejected += 1
                line.rejected[output.reason] = line.rejected.get(output.reason, 0) + 1
            else:
                line.accepted += 1
                self._inputs.append(output)
                self._hold_against_the_truth(line, output)

    def _hold_against_the_truth(self, line: Line, output: Output) -> None:
        truth = line.truth
        if truth is None:
            return
        if isinstance(output, DeviceIdentified) and output.serial_number not in ("", truth.serial_number):
            self.seen.false.append(f"serial number {output.serial_number!r}")
        if not isinstance(output, Observation) or output.channel != line.channel:
            return
        self.seen.samples += 1
        wrong = truth.wrong(output)
        self.seen.false += wrong
        if not wrong and truth.is_whole(output):
            self.seen.good_s[line.port].append(self.now_s)


def _deadlines(line: Line) -> list[float]:
    ends = (line.session, line.device)
    due = [end.deadline_s for end in ends if end is not None]
    return [at_s for at_s in (*due, line.queue[0][0] if line.queue else None) if at_s is not None]


def _is_ours(alarm: Alarm) -> bool:
    condition = alarm.key.condition
    relayed = condition in DEVICE_CONDITIONS
    return alarm.kind is AlarmKind.TECHNICAL and not relayed and condition not in _NOT_OF_LINES
