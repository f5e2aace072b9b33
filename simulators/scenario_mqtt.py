"""The nursing station of a scenario, at the broker: it asks what the people of the scenario ask, and tells the answers.

The one file of the simulators that knows the MQTT client. Whoever asks waits for the edge: what is due before it is
heard is asked once it is, one after another, as people do.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import aiomqtt

from simulators.scenario_desk import DeskPlace, request
from simulators.scenario_model import Event

RETRY_S = 2.0
ANSWER_S = 10.0
"""The edge answers within seconds, or its disk hangs."""

PAUSE_S = 1.0
"""Between an answer and what is asked next: what the screen shows has come by then."""


@dataclass(slots=True)
class _Screen:
    """What the station has heard: the edge's run and clock, and the therapy of each bed."""

    heartbeat: tuple[str, float] | None = None
    therapies: dict[str, dict[str, Any]] = field(default_factory=dict)


class DeskAtBroker:
    """Runs until it is cancelled; ``say`` gets a line for each answer."""

    def __init__(self, place: DeskPlace, say: Callable[[str], None]) -> None:
        self._place = place
        self._say = say
        self._asked: asyncio.Queue[Event] = asyncio.Queue()
        self._screen = _Screen()
        self._heard = asyncio.Event()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._complained = ""

    def ask(self, event: Event) -> None:
        """Take what somebody asks."""
        self._asked.put_nowait(event)

    async def run(self) -> None:
        """Connect, listen and ask, again and again."""
        while True:
            try:
                async with self._client() as client:
                    for topic in ("status", "bed/+/therapy", f"response/{self._place.station}"):
                        await client.subscribe(f"{self._place.prefix}/{topic}", qos=1)
                    await self._serve(client)
            except (aiomqtt.MqttError, OSError) as error:
                self._complain(str(error))
            await asyncio.sleep(RETRY_S)

    def _client(self) -> aiomqtt.Client:
        """Return a client of its own for each connection. Raises OSError for a file of the login."""
        place, files = self._place, self._place.files
        if files is None:
            return aiomqtt.Client(place.host, place.port, protocol=aiomqtt.ProtocolVersion.V5)
        return aiomqtt.Client(
            place.host,
            place.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            username=f"station-{place.station}",
            password=(files / "broker.password").read_text(encoding="utf-8").strip(),
            tls_context=ssl.create_default_context(cafile=files / "ca.crt"),
        )

    def _complain(self, why: str) -> None:
        if why != self._complained:
            self._complained = why
            self._say(f"{'':>14}  nobody can ask the edge: {why}. Start the broker at {self._place.host}")

    async def _serve(self, client: aiomqtt.Client) -> None:
        asking = asyncio.create_task(self._ask_on(client))
        try:
            async for message in client.messages:
                with suppress(ValueError, KeyError, TypeError):  # not of an edge, or emptied: nothing to look at
                    self._hear(str(message.topic), json.loads(bytes(message.payload)))
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking

    def _hear(self, topic: str, said: dict[str, Any]) -> None:
        if topic.endswith("/status"):
            if said["state"] == "running":
                self._screen.heartbeat = (said["run"], said["mono_s"])
                self._heard.set()
            else:
                self._screen.heartbeat = None
                self._heard.clear()
        elif topic.endswith("/therapy"):
            self._screen.therapies[said["bed"]] = said
        elif (answer := self._answers.get(said["request_id"])) is not None and not answer.done():
            answer.set_result(said)

    async def _ask_on(self, client: aiomqtt.Client) -> None:
        while True:
            event = await self._asked.get()
            await self._heard.wait()
            await self._ask(client, event)
            await asyncio.sleep(PAUSE_S)

    async def _ask(self, client: aiomqtt.Client, event: Event) -> None:
        heartbeat = self._screen.heartbeat
        if heartbeat is None:
            return
        verb, who = str(event.values["verb"]), event.values["by"]
        name = token_hex(8)
        body = request(event, self._screen.therapies.get(event.target, {}), heartbeat, name)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        try:
            topic = f"{self._place.prefix}/request/{self._place.station}/{verb}"
            await client.publish(topic, json.dumps(body).encode(), qos=1)
            async with asyncio.timeout(ANSWER_S):
                said = await answer
        except TimeoutError:
            self._say(f"{'':>14}  {who}: {verb}: no answer")
        else:
            result = "done" if said["result"] == "done" else f"refused: {said['reason']}"
            told = f", {said['said']}" if said.get("said") else ""
            self._say(f"{'':>14}  {who}: {verb}: {result}{told}")
        finally:
            del self._answers[name]
