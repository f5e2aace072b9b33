"""A network between an edge and its broker that can be slow, deaf, cut or gone."""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum
from types import TracebackType
from typing import Self

from tests.broker import HOST, free_port

SLOW_BYTES_PER_S = 4000
CHUNK = 400


class Fault(Enum):
    """What the network does. ``DEAF``: it takes all and passes nothing on; ``GONE``: nobody listens there."""

    NONE = "none"
    SLOW = "slow"
    DEAF = "deaf"
    CUT = "cut"
    GONE = "gone"


class Proxy:
    """Stands before a broker's port; ``set`` changes what it does, also to connections that are there."""

    def __init__(self, to_port: int) -> None:
        self.port = free_port()
        self._to_port = to_port
        self._fault = Fault.NONE
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.set(Fault.NONE)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.set(Fault.GONE)

    async def set(self, fault: Fault) -> None:
        """Be like this from now on. ``CUT`` ends the connections that are there, and takes new ones."""
        self._fault = fault
        if fault is Fault.DEAF:
            self._whole.clear()
        else:
            self._whole.set()
        if fault in (Fault.CUT, Fault.GONE):
            for writer in self._writers:
                writer.transport.abort()
        if fault is Fault.GONE and self._server is not None:
            self._server.close()
            self._server = None
        elif fault is not Fault.GONE and self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_connection(HOST, self._to_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, to_writer}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass_on(reader, to_writer))
                tasks.create_task(self._pass_on(to_reader, writer))
        except* OSError:
            pass
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self._fault is Fault.SLOW:
                await asyncio.sleep(len(data) / SLOW_BYTES_PER_S)
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.transport.abort()
