"""Driver and simulator in one virtual time: bytes go both ways after a delay that the test chooses, nothing sleeps."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import count, pairwise
from random import Random

from drivers.model import Observation, Output, Quantity, Reading, Rejected, Send, Session
from simulators.model import SimulatedDevice

STEP_MAX = 200_000
"""More turns than this in one test are an endless loop."""


@dataclass(slots=True)
class Wire:
    """One conversation. ``spoil`` may change what the device sends, or drop it (empty).

    ``cut`` parts what then goes on the line into pieces, each with the seconds by which it is late; none overtakes
    another.
    """

    session: Session
    device: SimulatedDevice
    delay_s: float = 0.002
    spoil: Callable[[bytes], bytes] = field(default=lambda data: data)
    cut: Callable[[bytes], Sequence[tuple[float, bytes]]] = field(default=lambda data: [(0.0, data)])
    now_s: float = 100.0
    outputs: list[tuple[float, Output]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    _queue: list[tuple[float, int, bool, bytes]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _began: bool = False
    _line_s: float = 0.0

    def run(self, seconds: float) -> None:
        """Let the time pass."""
        end_s = self.now_s + seconds
        if not self._began:
            self._began = True
            self._from_device(self.device.start(self.now_s))
            self._from_driver(self.session.start(self.now_s))
        for _ in range(STEP_MAX):
            due = [at for at in (self.session.deadline_s, self.device.deadline_s) if at is not None]
            if self._queue:
                due.append(self._queue[0][0])
            at_s = min(due, default=math.inf)
            if at_s > end_s:
                self.now_s = end_s
                return
            self.now_s = max(self.now_s, at_s)
            self._turn()
        raise AssertionError("the conversation does not come to rest")

    def join(self, session: Session) -> Wire:
        """Begin another conversation with the same device, which goes on as it is; this one is over."""
        other = Wire(session, self.device, self.delay_s, now_s=self.now_s)
        other._began = True
        other._from_driver(session.start(self.now_s))
        return other

    def switch_on(self, device: SimulatedDevice | None = None) -> None:
        """Switch the device on again, or another one in its place."""
        self.device = self.device if device is None else device
        self._from_device(self.device.start(self.now_s))

    def _turn(self) -> None:
        while self._queue and self._queue[0][0] <= self.now_s:
            _, _, to_driver, data = heapq.heappop(self._queue)
            if to_driver:
                self._from_driver(self.session.feed(data, self.now_s))
            else:
                self._from_device(self.device.feed(data, self.now_s))
        if self.session.deadline_s is not None and self.session.deadline_s <= self.now_s:
            self._from_driver(self.session.tick(self.now_s))
        if self.device.deadline_s is not None and self.device.deadline_s <= self.now_s:
            self._from_device(self.device.tick(self.now_s))

    def _from_driver(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self.outputs.append((self.now_s, output))
            if isinstance(output, Send):
                self.sent.append(output.data)
                heapq.heappush(self._queue, (self.now_s + self.delay_s, next(self._order), False, output.data))

    def _from_device(self, data: bytes) -> None:
        data = self.spoil(data) if data else data
        for late_s, piece in self.cut(data) if data else ():
            self._line_s = max(self._line_s, self.now_s + self.delay_s + late_s)
            heapq.heappush(self._queue, (self._line_s, next(self._order), True, piece))

    # --- what was said -----------------------------------------------------------------------------------------------

    def observations(self, channel: str | None = None) -> list[Observation]:
        found = [output for _, output in self.outputs if isinstance(output, Observation)]
        return [one for one in found if channel in (None, one.channel)]

    def events(self, kind: type) -> list[Output]:
        return [output for _, output in self.outputs if isinstance(output, kind)]

    def rejections(self) -> list[str]:
        return [output.reason for _, output in self.outputs if isinstance(output, Rejected)]

    def last(self, channel: str | None = None) -> Observation:
        return self.observations(channel)[-1]


class Damage(StrEnum):
    """What a bad line, or a bad adapter, does to a message."""

    LOST = "a byte lost"
    FLIPPED = "a bit flipped"
    ADDED = "a byte added"
    CUT_OFF = "its end lost"
    GONE = "lost whole"
    DOUBLED = "sent twice"
    HELD = "held back, and sent with the next"


@dataclass(slots=True)
class Faults:
    """Damages a share of the messages, by a seeded die; to be a wire's ``spoil``."""

    random: Random
    kinds: Sequence[Damage] = tuple(Damage)
    share: float = 0.3
    bits: Sequence[int] = range(8)
    done: list[Damage] = field(default_factory=list)
    _held: bytes = b""

    def __call__(self, data: bytes) -> bytes:
        before, self._held = self._held, b""
        if self.random.random() >= self.share:
            return before + data
        kind = self.random.choice(self.kinds)
        self.done.append(kind)
        if kind is Damage.HELD:
            self._held = data
        return before + self._damaged(kind, data)

    def _damaged(self, kind: Damage, data: bytes) -> bytes:
        at = self.random.randrange(len(data))
        damaged = {
            Damage.LOST: data[:at] + data[at + 1 :],
            Damage.FLIPPED: data[:at] + bytes([data[at] ^ 1 << self.random.choice(self.bits)]) + data[at + 1 :],
            Damage.ADDED: data[:at] + self.random.randbytes(1) + data[at:],
            Damage.CUT_OFF: data[:at],
            Damage.DOUBLED: data * 2,
        }
        return damaged.get(kind, b"")


def cut_anywhere(random: Random, pause_s: float) -> Callable[[bytes], Sequence[tuple[float, bytes]]]:
    """Part messages at up to five places, with a pause of up to ``pause_s`` at each; to be a wire's ``cut``."""

    def cut(data: bytes) -> Sequence[tuple[float, bytes]]:
        places = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(6)))
        late_s, pieces = 0.0, []
        for start, end in pairwise([0, *places, len(data)]):
            pieces.append((late_s, data[start:end]))
            late_s += random.uniform(0.0, pause_s)
        return pieces

    return cut


def reading(observation: Observation, quantity: Quantity) -> Reading:
    return next(one for one in observation.readings if one.quantity is quantity)


def value(observation: Observation, quantity: Quantity) -> Decimal | None:
    return reading(observation, quantity).value
