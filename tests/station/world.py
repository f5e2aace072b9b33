"""A real station on a real port at a real broker, and an edge whose words the test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from station.config import Configuration, PageSettings
from station.mqtt import BrokerAddress, Login
from station.notify import Notifier
from station.run import serve
from station.service import Settings, Surroundings
from station.users import User, pin_hash
from tests.broker import HOST, Listener, Mosquitto, free_port
from tests.station import said
from tests.station.browser import Browser

STATION = "desk"
STATUS = f"infusion/v1/{said.SITE}/station/{STATION}/status"
PIN = "2580"
USERS = (
    User("kari", "Kari N.", "nurse", pin_hash(PIN, b"s" * 16)),
    User("ola", "Ola P.", "prescriber", pin_hash(PIN, b"t" * 16)),
    User("tone", "Tone T.", "technician", pin_hash(PIN, b"u" * 16)),
)


@dataclass
class World:
    """Broker, station, and a client in the name of every edge."""

    broker: Mosquitto
    heard: Listener
    port: int
    edges: aiomqtt.Client
    stop: asyncio.Event

    async def say(self, *told: said.Said, retain: bool = True, expires_in_s: int | None = None) -> None:
        """Say something in the name of an edge."""
        for topic, payload in told:
            await self.edges.publish(topic, payload, qos=1, retain=retain, properties=_expiring(expires_in_s))

    async def browser(self) -> Browser:
        """A browser that has loaded the page."""
        found = Browser(self.port)
        await found.load()
        return found

    async def asked(self, verb: str, edge: str = said.EDGE) -> dict[str, Any]:
        """Wait for a request at the broker."""
        topic = f"infusion/v1/{said.SITE}/edge/{edge}/request/{STATION}/{verb}"
        found: dict[str, Any] = json.loads((await self.heard.wait_for(lambda one: one.topic == topic)).payload)
        return found


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    *told: said.Said,
    edges: Sequence[str] = (said.EDGE,),
    attended: bool = True,
    users: tuple[User, ...] = USERS,
) -> AsyncIterator[World]:
    """A station that runs and has its broker; what is ``told`` was retained before it began."""
    async with Mosquitto(folder) as broker, broker.subscribe_all() as heard, broker.station("edges") as client:
        for topic, payload in told:
            await client.publish(topic, payload, qos=1, retain=True, properties=_expiring(10))
        async with running(broker, edges=edges, attended=attended, users=users) as (port, stop):
            await heard.wait_for(lambda one: one.topic == STATUS)
            yield World(broker, heard, port, client, stop)


@contextlib.asynccontextmanager
async def running(
    broker: Mosquitto,
    *,
    edges: Sequence[str],
    attended: bool = True,
    users: tuple[User, ...] = USERS,
    station: str = STATION,
    login: Callable[[], Login] = Login,
) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A station at a broker: its port, and what ends it."""
    port, stop = free_port(), asyncio.Event()
    settings = Settings(said.SITE, station, "Ward 3", "en", attended, tuple(edges), users)
    page = PageSettings(HOST, port, frozenset({HOST, "localhost"}), secure=False, certificate=None, key=None)
    configuration = Configuration(settings, BrokerAddress(HOST, broker.port, f"station-{station}", login), page, ())
    around = Surroundings(asyncio.get_running_loop().time, "run-s", "0.1.0")
    serving = asyncio.create_task(serve(configuration, around, Notifier({}), stop))
    try:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                break
            await asyncio.sleep(0.01)
            if serving.done():
                serving.result()
        yield port, stop
    finally:
        stop.set()
        await serving


def _expiring(expires_in_s: int | None) -> Any:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it bare
    if expires_in_s is not None:
        properties.MessageExpiryInterval = expires_in_s
    return properties
