"""A browser without a screen: cookie, token, posts and a stream, over real sockets. It checks every event."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from station.view import EVENTS
from station.ward import Change
from tests.station.test_ward import Screen

LIMIT_S = 15.0
"""A limit of waiting on a busy machine: eight PINs at once are eight slow hashes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """One browser; ``origin`` and ``host`` are what it says of itself."""

    port: int
    cookie: str = ""
    csrf: str = ""
    hello: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    screen: Screen = field(default_factory=Screen)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def load(self) -> Reply:
        """Load the page, and keep its cookie."""
        reply = await self.fetch("GET", "/")
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].partition(";")[0]
        return reply

    async def fetch(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Ask once, on a connection of its own; headers with ``_`` for ``-``, an empty one is left out."""
        told = {"host": self.host, "cookie": self.cookie, "connection": "close", "content-length": str(len(body))}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with contextlib.suppress(ConnectionError):
                writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
                await writer.drain()
            status, found = await _head(reader)
            text = await reader.read()
            writer.close()
        return Reply(status, found, text)

    async def post(self, path: str, body: Any, **headers: str) -> Reply:
        """Post as the page does."""
        own = {"origin": f"http://{self.host}", "x_csrf_token": self.csrf, "content_type": "application/json"}
        return await self.fetch("POST", path, json.dumps(body).encode(), **{**own, **headers})

    async def act(self, edge: str, verb: str, **fields: Any) -> Reply:
        """Ask an edge, on what was painted of it."""
        await self.until(lambda: bool(self.screen.edges.get(edge, {}).get("status")))
        status = self.screen.edges[edge]["status"]
        basis = {"run": status["run"], "edge_mono_s": status["mono_s"]}
        return await self.post("/request", {"edge": edge, "verb": verb, **basis, **fields})

    @contextlib.asynccontextmanager
    async def stream(self) -> AsyncIterator[Browser]:
        """Open the page's stream; it is read in the background until the context ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET /events HTTP/1.1\r\nhost: {self.host}\r\ncookie: {self.cookie}\r\n\r\n".encode())
        status, headers = await _head(reader)
        assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        self.screen = Screen()
        reading = asyncio.create_task(self._read(reader))
        try:
            await self.until(lambda: any(event == "ready" for event, _ in self.told))
            yield self
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            writer.close()
            self.told.clear()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        text = b""
        while size := int(await reader.readline() or b"0", 16):
            text += await reader.readexactly(size)
            await reader.readline()
            *whole, text = text.split(b"\n\n")
            async with self.changed:
                for one in whole:
                    self._take(*one.decode().split("\n"))
                self.changed.notify_all()

    def _take(self, event_line: str, data_line: str) -> None:
        event, data = event_line.removeprefix("event: "), data_line.removeprefix("data: ")
        EVENTS[event].model_validate_json(data)
        self.told.append((event, json.loads(data)))
        if event == "hello":
            self.hello = json.loads(data)
            self.csrf = self.hello["csrf"]
        elif event not in ("ready", "beat", "session", "answer", "history"):
            self.screen.show([Change((), event, data)])

    async def until(self, condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Wait until something is so; it is looked at with all that comes."""
        try:
            async with asyncio.timeout(limit_s), self.changed:
                await self.changed.wait_for(condition)
        except TimeoutError:
            pytest.fail(f"not so within {limit_s} s; the last: {self.told[-8:]}")

    async def told_of(self, event: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """Wait for an event; return its data."""
        await self.until(lambda: any(name == event for name, _ in self.told), limit_s)
        return next(data for name, data in self.told if name == event)


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    status = int((await reader.readline()).split()[1])
    headers = {}
    while line := (await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return status, headers
