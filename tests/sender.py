"""A sender at a broker, for tests: what it was told is noted and can be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

from drivers.reconnect import Backoff
from edge.mqtt import BrokerSettings, Heard
from edge.outgoing import AlarmRevision, Lane, Outgoing
from edge.sender import Ears, Sender
from edge.store import OutboxRow
from tests.broker import Listener, Mosquitto

WILL = Outgoing("edge/status", b"lost", Lane.STATUS)
BIRTH = replace(WILL, payload=b"running")
STOPPED = replace(WILL, payload=b"stopped")
FENCE = Outgoing("edge/fence", b"run-1", Lane.STATUS, retain=False)
EVENT = "edge/event"
WITHIN_S = 15.0
CHANCE = Random(1)


def settings(broker: Mosquitto) -> BrokerSettings:
    return BrokerSettings(
        broker.host,
        broker.port,
        "edge-1",
        keepalive_s=2,
        connect_timeout_s=0.5,
        publish_timeout_s=0.5,
        refused_retry_s=0.1,
        takeover_pause_s=1.0,
    )


class Impatient(Backoff):
    """Tries again at once, and counts."""

    def __init__(self) -> None:
        super().__init__(CHANCE)
        self.attempts = asyncio.Semaphore(0)
        self.successes = 0

    def next_delay_s(self) -> float:
        self.attempts.release()
        return 0.05

    def succeeded(self) -> None:
        self.successes += 1


class Edge:
    """A sender that notes what it is told."""

    def __init__(self, settings: BrokerSettings, backoff: Backoff | None = None, run: str = "") -> None:
        self.links: list[tuple[bool, str]] = []
        self.refused: list[tuple[str, str]] = []
        self.accepted: list[str] = []
        self.sent: list[tuple[str, int]] = []
        self.found: list[list[Heard]] = []
        self.asked: list[Heard] = []
        self.taken: list[AlarmRevision] = []
        self.doubles: list[str] = []
        self.ahead_s = 0.0
        self._changed = asyncio.Event()
        name = f" {run}".encode() if run else b""
        self.sender = Sender(
            settings,
            will=lambda: replace(WILL, payload=b"lost" + name),
            backoff=backoff or Backoff(CHANCE),
            mono_s=lambda: asyncio.get_running_loop().time() + self.ahead_s,
            on_link=lambda connected, detail: self._note(self.links, (connected, detail)),
            on_refused=lambda topic, reason: self._note(self.refused, (topic, reason)),
            on_accepted=lambda topic: self._note(self.accepted, topic),
            on_event_sent=lambda run, event_seq: self._note(self.sent, (run, event_seq)),
            ears=Ears(
                own_alarms=("edge/alarm/+",),
                fence=lambda: FENCE,
                on_found=lambda found: self._note(self.found, list(found)),
                asked=("edge/request/#",),
                on_asked=lambda heard: self._note(self.asked, heard),
                on_taken=lambda taken: self._note(self.taken, taken),
                own_status=WILL.topic,
                another=lambda payload: "" if payload.endswith(name) or b" " not in payload else payload.decode(),
                on_name_taken=lambda detail: self._note(self.doubles, detail),
            ),
        )
        self.sender.publish(replace(BIRTH, payload=b"running" + name))

    def events(self, first: int, last: int) -> None:
        self.sender.add_events([row(seq) for seq in range(first, last + 1)])

    async def until(self, condition: Callable[[], bool], limit_s: float = WITHIN_S) -> None:
        async with asyncio.timeout(limit_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def linked(self) -> None:
        await self.until(lambda: bool(self.links) and self.links[-1][0])

    async def lost(self) -> None:
        await self.until(lambda: bool(self.links) and not self.links[-1][0])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        task = asyncio.create_task(self.sender.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert faults == []

    def _note(self, notes: list[Any], note: Any) -> None:
        notes.append(note)
        self._changed.set()


def row(seq: int) -> OutboxRow:
    return OutboxRow("run-1", seq, EVENT, str(seq).encode())


def state(topic: str, lane: Lane, payload: bytes = b"x") -> Outgoing:
    return Outgoing(topic, payload, lane)


def payloads(heard: Listener, topic: str) -> list[bytes]:
    return [one.payload for one in heard.of(topic)]
