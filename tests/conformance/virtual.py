"""Driver and simulator in one virtual time: bytes go both ways after a delay that the test chooses, nothing sleeps."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from drivers.model import Observation, Output, Quantity, Reading, Rejected, Send, Session
from simulators.model import SimulatedDevice

STEP_MAX = 200_000
"""More turns than this in one test are an endless loop."""


@dataclass(slots=True)
class Wire:
    """One conversation. ``spoil`` may change what the device sends, or drop it (empty)."""

    session: Session
    device: SimulatedDevice
    delay_s: float = 0.002
    spoil: Callable[[bytes], bytes] = field(default=lambda data: data)
    now_s: float = 100.0
    outputs: list[tuple[float, Output]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    _queue: list[tuple[float, int, bool, bytes]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _began: bool = False

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
            at_s = min(due, default=end_s)
            if at_s > end_s:
                self.now_s = end_s
                return
            self.now_s = max(self.now_s, at_s)
            self._turn()
        raise AssertionError("the conversation does not come to rest")

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
        if data:
            heapq.heappush(self._queue, (self.now_s + self.delay_s, next(self._order), True, data))

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


def reading(observation: Observation, quantity: Quantity) -> Reading:
    return next(one for one in observation.readings if one.quantity is quantity)


def value(observation: Observation, quantity: Quantity) -> Decimal | None:
    return reading(observation, quantity).value
