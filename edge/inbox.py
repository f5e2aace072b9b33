"""What waits for the core: bounded, and nothing that must not be lost is ever merged or dropped.

Observations of one source merge when too many wait and their states are equal; the extremes are kept, so that a value
beyond a limit is judged although it was merged. What one device said never merges with what the next one says in its
place: it may be another patient's (H-08). A source whose states differ loses its oldest waiting observation; that
is counted. Everything else never merges; a port that sends more of it than any device can is refused, and its task
fails alone.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from drivers.model import DeviceEvent, DeviceIdentified, Observation, Quantity
from edge.core.inputs import Input, LineErrors, Receipt, Request
from edge.core.sources import repeats

OBSERVATIONS_MAX = 8
"""Observations of one source that wait before they merge: more than a healthy device sends in a second or two."""

QUIET_MAX = 3
"""So many readings wait for the next beat; one more, and the core takes them up. More in one step would hold up an
alarm that comes with them."""

EVENTS_MAX = 1000
"""Device events of one port that may wait; a rack of 72 pumps that all alarm at once stays far below."""


REQUESTS_MAX = 50
"""Requests and receipts of one station that may wait: nobody presses faster, and who floods loses only its own."""


class InboxFullError(Exception):
    """A port sends more events than any device can: its task must end."""


class Inbox:
    """The queue in front of the core; used from the event loop alone.

    ``is_quiet`` tells of a reading whether it may wait for the next beat, as `edge.core.quiet` does; none may before
    it is set.
    """

    def __init__(self) -> None:
        self.is_quiet: Callable[[Observation], bool] = lambda _: False
        self._quiet = 0
        self._observations: dict[tuple[str, str], list[Observation]] = {}
        self._others: list[Input] = []
        self._events_of: Counter[str] = Counter()
        self._asked_of: Counter[str] = Counter()
        self._identified_at_s: dict[tuple[str, str], float] = {}
        self._last_of: dict[tuple[str, str], Observation] = {}
        self._filled = asyncio.Event()
        self.dropped = 0

    def put(self, item: Input) -> None:
        """Take an input. Raises InboxFullError for a port over its bound."""
        if isinstance(item, Observation):
            self._put_observation(item)
            # It counts at its own moment all the same, with the next reading or beat, a second later at most.
            if self._may_wait(item):
                return
        else:
            # A line's own changes and counts are not bounded here: they come once a second, and tell of its failure.
            if isinstance(item, DeviceEvent):
                if self._events_of[item.port] >= EVENTS_MAX:
                    raise InboxFullError(f"port {item.port} sent more than {EVENTS_MAX} events at once")
                self._events_of[item.port] += 1
            if isinstance(item, Request | Receipt) and item.station:
                if self._asked_of[item.station] >= REQUESTS_MAX:
                    self.dropped += 1
                    return
                self._asked_of[item.station] += 1
            if isinstance(item, DeviceIdentified):
                self._identified_at_s[item.port, item.channel] = item.received_at_s
            self._others.append(item)
        # Counts can wait for the next reading or beat: they must not wake the core for themselves.
        if not isinstance(item, LineErrors):
            self._filled.set()

    def drain(self) -> list[Input]:
        """Take everything that waits; the core puts it in order of receipt."""
        items: list[Input] = self._others
        for waiting in self._observations.values():
            items.extend(waiting)
        self._others, self._observations = [], {}
        self._events_of.clear()
        self._asked_of.clear()
        self._identified_at_s.clear()
        self._quiet = 0
        self._filled.clear()
        return items

    async def wait(self, timeout_s: float) -> None:
        """Wait until something is there, at most ``timeout_s``."""
        if self._filled.is_set() or timeout_s <= 0:
            # The loop looks at its lines between these two, so that what a stalled loop left unread is in before a
            # step judges absence; after one alone, the step would come first.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return
        timer = asyncio.get_running_loop().call_later(timeout_s, self._filled.set)
        try:
            await self._filled.wait()
        finally:
            timer.cancel()

    def _may_wait(self, said: Observation) -> bool:
        last = self._last_of.get((said.port, said.channel))
        if said.infusion is not None:
            self._last_of[said.port, said.channel] = said
            return repeats(last, said)
        if self._quiet == QUIET_MAX or not self.is_quiet(said):
            return False
        self._quiet += 1
        return True

    def _put_observation(self, observation: Observation) -> None:
        source = (observation.port, observation.channel)
        waiting = self._observations.setdefault(source, [])
        if len(waiting) >= OBSERVATIONS_MAX:
            same_device = waiting[-1].received_at_s >= self._identified_at_s.get(source, -math.inf)
            merged = merge(waiting[-1], observation) if same_device else None
            if merged is not None:
                waiting[-1] = merged
                return
            del waiting[0]
            self.dropped += 1
        waiting.append(observation)


def merge(older: Observation, newer: Observation) -> Observation | None:
    """Merge two observations of one source whose states are equal; ``None`` if they are not."""
    if _state(older) != _state(newer):
        return None
    extremes = {quantity: (lowest, highest) for quantity, lowest, highest in older.extremes}
    for observation in (older, newer):
        for reading in observation.readings:
            if reading.value is not None:
                _widen(extremes, reading.quantity, reading.value)
    for quantity, lowest, highest in newer.extremes:
        _widen(extremes, quantity, lowest)
        _widen(extremes, quantity, highest)
    return replace(
        newer,
        count=older.count + newer.count,
        extremes=tuple((quantity, *bounds) for quantity, bounds in extremes.items()),
    )


def _state(observation: Observation) -> tuple[object, ...]:
    return (
        observation.infusion,
        tuple((reading.quantity, reading.validity, reading.unit) for reading in observation.readings),
    )


def _widen(extremes: dict[Quantity, tuple[Decimal, Decimal]], quantity: Quantity, value: Decimal) -> None:
    lowest, highest = extremes.get(quantity, (value, value))
    extremes[quantity] = (min(lowest, value), max(highest, value))
