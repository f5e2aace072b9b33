"""A real mosquitto for tests: start, stop, kill, freeze, thaw, restart on the same port; and who listens to it.

async with Mosquitto(tmp_path) as broker, broker.subscribe_all() as heard:
    ...
    message = await heard.wait_for(lambda one: one.topic == "a/b", limit_s=2.0)
truth = await broker.retained()
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST = "127.0.0.1"
TO_INSTALL = "apt-get install mosquitto"
START_LIMIT_S = 10.0
"""When to give up, not how fast it must be: other work may have both cores."""

POLL_S = 0.01
PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to outgoing connections, which would take, or meet themselves on, a free one."""

SESSION_EXPIRY_S = 60


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a subscriber got it; ``at_s`` is the event loop's clock."""

    at_s: float
    topic: str
    payload: bytes
    retain: bool
    expiry_s: int | None


class Listener:
    """Collects messages in the order of their arrival, and comes back when the broker does."""

    def __init__(self) -> None:
        self.messages: list[Heard] = []
        self._changed = asyncio.Condition()

    def of(self, topic: str) -> list[Heard]:
        """What was heard on one topic."""
        return [one for one in self.messages if one.topic == topic]

    async def wait_for(self, predicate: Callable[[Heard], bool], limit_s: float = 20.0) -> Heard:
        """Return the first message, already heard or to come, that meets the predicate."""
        await self.wait_until(lambda: any(map(predicate, self.messages)), limit_s)
        return next(filter(predicate, self.messages))

    async def wait_until(self, condition: Callable[[], bool], limit_s: float = 20.0) -> None:
        """Wait until the condition holds; it is looked at with each message."""
        try:
            async with asyncio.timeout(limit_s), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            topics = [one.topic for one in self.messages[-20:]]
            pytest.fail(f"not heard within {limit_s} s; {len(self.messages)} messages, the last: {topics}")

    async def note(self, message: aiomqtt.Message) -> None:
        """Take one message."""
        async with self._changed:
            self.messages.append(heard_of(message))
            self._changed.notify_all()


class Mosquitto:
    """One broker with a port and a folder of its own.

    Without ``persistence`` it forgets everything when it stops. ``acl`` is the text of its access list, ``None`` for
    none; if not ``anonymous``, it lets nobody in. As a context it is started, and in the end gone.
    """

    answers_in_private = False
    """Whether only the station that asked hears the answer."""

    def __init__(
        self, folder: Path, *, persistence: bool = False, acl: str | None = None, anonymous: bool = True
    ) -> None:
        self.host = HOST
        self.port = free_port()
        self._program = _program()
        self._process: subprocess.Popen[bytes] | None = None
        self._acl = folder / "acl"
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        lines = [
            f"listener {self.port} {HOST}",
            f"allow_anonymous {'true' if anonymous else 'false'}",
            f"user {pwd.getpwuid(os.getuid()).pw_name}",
            "max_queued_messages 100000",
            "max_inflight_messages 100",
            f"log_dest file {self._log}",
            "log_type all",
        ]
        if persistence:
            lines += ["persistence true", f"persistence_location {folder}/", "autosave_interval 1"]
        if acl is not None:
            self._acl.write_text(acl, encoding="utf-8")
            lines += [f"acl_file {self._acl}"]
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.kill()

    async def start(self) -> None:
        """Start it and wait until it listens."""
        process = self._spawn()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_LIMIT_S):
                while process.poll() is None:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection(HOST, self.port)
                        writer.close()
                        await writer.wait_closed()
                        return
                    await asyncio.sleep(POLL_S)
        self.kill()
        pytest.fail(f"mosquitto does not listen: {self.log()}")

    def stop(self) -> None:
        """End it as a service manager does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop it and start it again on the same port."""
        self.stop()
        await self.start()

    def freeze(self) -> None:
        """Let it hang: its sockets stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a freeze."""
        self._signal(signal.SIGCONT)

    def set_acl(self, acl: str) -> None:
        """Change the access list while it runs."""
        self._acl.write_text(acl, encoding="utf-8")
        self._signal(signal.SIGHUP)

    def log(self) -> str:
        """What it logged."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    @contextlib.asynccontextmanager
    async def subscribe_all(self, *, session: str = "", topic: str = "#") -> AsyncIterator[Listener]:
        """Listen to all topics of a filter, from when this returns. A named ``session`` misses nothing while away."""
        listener = Listener()
        ready = asyncio.Event()
        task = asyncio.create_task(self._listen(listener, ready, session, topic))
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await ready.wait()
            yield listener
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def retained(self) -> dict[str, Heard]:
        """Connect cold and return the retained truth."""
        fence = f"fence/{os.urandom(8).hex()}"
        truth: dict[str, Heard] = {}
        async with asyncio.timeout(START_LIMIT_S), self._client() as client:
            await client.subscribe("#", qos=1)
            await client.publish(fence, b"", qos=1)
            async for message in client.messages:
                if message.topic.value == fence:
                    break
                # What is published while this looks comes along unmarked; it is not what a cold reader is given.
                if message.retain:
                    truth[message.topic.value] = heard_of(message)
        return truth

    def station(self, name: str) -> aiomqtt.Client:
        """The client of a station, not yet connected."""
        return self._client()

    def _client(self, session: str = "") -> aiomqtt.Client:
        if not session:
            return aiomqtt.Client(HOST, self.port, protocol=aiomqtt.ProtocolVersion.V5)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it bare
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        return aiomqtt.Client(
            HOST,
            self.port,
            identifier=session,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
        )

    async def _listen(self, listener: Listener, ready: asyncio.Event, session: str, topic: str) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with self._client(session) as client:
                    await client.subscribe(topic, qos=1)
                    ready.set()
                    async for message in client.messages:
                        await listener.note(message)
            await asyncio.sleep(POLL_S)

    def _spawn(self) -> subprocess.Popen[bytes]:
        assert self._process is None, "already started"
        command = [self._program, "-c", str(self._config)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "not started"
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(START_LIMIT_S)
            self._process = None


def heard_of(message: aiomqtt.Message) -> Heard:
    """A message as the client gives it."""
    assert isinstance(message.payload, bytes)
    expiry_s = getattr(message.properties, "MessageExpiryInterval", None)
    now_s = asyncio.get_running_loop().time()
    return Heard(now_s, message.topic.value, message.payload, message.retain, expiry_s)


def _program() -> str:
    # Debian puts it where a user's search path does not look.
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"mosquitto is not installed: {TO_INSTALL}")
    return found


def free_port() -> int:
    """Return a port of loopback that nobody has, and that nobody is given while its broker is down."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
