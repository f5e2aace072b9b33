"""The two ends of a line under test: the far end of a pty, and an ear for what the line tells."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from drivers.errors import LineError
from drivers.line import Line, open_line
from drivers.model import LineSettings

SETTINGS = LineSettings()
END = "end of data: the device or the far end is gone"
OVERFLOW = "write buffer full: the line takes no bytes"


class Far:
    """The other end of a pty."""

    def __init__(self) -> None:
        self.fd, near = os.openpty()
        self.path = os.ttyname(near)
        os.close(near)
        os.set_blocking(self.fd, False)

    def say(self, data: bytes) -> None:
        assert os.write(self.fd, data) == len(data)

    async def hear(self, count: int) -> bytes:
        heard = b""
        while len(heard) < count:
            await readable(self.fd)
            heard += os.read(self.fd, count - len(heard))
        return heard

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


async def readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), 2)
    finally:
        loop.remove_reader(fd)


class Ear:
    """What a line told."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.losses: list[str] = []
        self._moved = asyncio.Event()

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)

    def on_data(self, data: bytes) -> None:
        self.chunks.append(data)
        self._moved.set()

    def on_lost(self, reason: str) -> None:
        self.losses.append(reason)
        self._moved.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await asyncio.wait_for(self._moved.wait(), 2)

    async def lost(self) -> str:
        await self.until(lambda: bool(self.losses))
        return self.losses[0]

    async def open(self, address: str, settings: LineSettings = SETTINGS, *, listen_only: bool = False) -> Line:
        return await open_line(address, settings, listen_only=listen_only, on_data=self.on_data, on_lost=self.on_lost)


@pytest.fixture
def far() -> Iterator[Far]:
    with closing(Far()) as end:
        yield end


async def refused(address: str, settings: LineSettings = SETTINGS, *, listen_only: bool = False) -> LineError:
    with pytest.raises(LineError) as caught:
        await Ear().open(address, settings, listen_only=listen_only)
    return caught.value
