"""A small nursing station for tests: it asks and sends receipts over a real broker, and hears what it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiomqtt

from edge.messages.topics import Topics
from tests.broker import Heard, Listener, Mosquitto

NAME = "ward-desk"
TOPICS = Topics("demo", "pi-1")


class Station:
    """Asks an edge, on what it last heard of it."""

    def __init__(self, client: aiomqtt.Client, heard: Listener, name: str) -> None:
        self._client = client
        self._heard = heard
        self._numbers = count(1)
        self.name = name

    def basis(self) -> dict[str, Any]:
        """The run and the clock of the last heartbeat."""
        status = json.loads(self._heard.of(TOPICS.status)[-1].payload)
        return {"run": status["run"], "edge_mono_s": status["mono_s"]}

    async def ask(self, verb: str, *, retain: bool = False, **fields: Any) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        body = {"request_id": f"r-{next(self._numbers)}", "user": "u7", "role": "nurse", **self.basis(), **fields}
        await self._client.publish(TOPICS.request(self.name, verb), json.dumps(body), qos=1, retain=retain)
        answer = await self._heard.wait_for(lambda one: self._answers(one, body["request_id"]))
        found: dict[str, Any] = json.loads(answer.payload)
        return found

    async def take(self, alarm: dict[str, Any], verb: str = "accept", **fields: Any) -> dict[str, Any]:
        """Ask for an act on the alarm as it was heard."""
        named = {name: alarm[name] for name in ("bed", "key", "occurrence", "rev")}
        return await self.ask(verb, **named, **fields)

    async def receipt(self, *alarms: dict[str, Any], beds: tuple[str, ...], audible: bool = True) -> None:
        """Say what a page paints."""
        painted = [{name: alarm[name] for name in ("bed", "key", "occurrence", "rev")} for alarm in alarms]
        body = {"run": self.basis()["run"], "audible": audible, "beds": beds, "displayed": painted}
        await self._client.publish(TOPICS.receipt(self.name), json.dumps(body), qos=1)

    def answers(self, request_id: str) -> list[dict[str, Any]]:
        """Every answer that came to a request."""
        return [json.loads(one.payload) for one in self._heard.messages if self._answers(one, request_id)]

    def _answers(self, one: Heard, request_id: str) -> bool:
        return one.topic == TOPICS.response(self.name) and json.loads(one.payload)["request_id"] == request_id


@asynccontextmanager
async def station(broker: Mosquitto, heard: Listener, name: str = NAME) -> AsyncIterator[Station]:
    """A station at the broker, once the edge was heard."""
    await heard.wait_for(lambda one: one.topic == TOPICS.status)
    async with broker.station(name) as client, asyncio.TaskGroup() as tasks:
        if broker.answers_in_private:
            await client.subscribe(TOPICS.response(name), qos=1)
            hearing = tasks.create_task(_hear(client, heard))
            yield Station(client, heard, name)
            hearing.cancel()
        else:
            yield Station(client, heard, name)


async def _hear(client: aiomqtt.Client, heard: Listener) -> None:
    async for message in client.messages:
        await heard.note(message)
