"""Runs a simulated device behind a TCP port, as a device server or a pump rack's own network socket offers it.

The device lives on between connections; what it says while nobody listens is lost. One host at a time: a second one is
turned away, as the racks do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulators.model import SimulatedDevice

READ_LIMIT_BYTES = 4_096
WRITE_LIMIT_BYTES = 65_536
"""More than this waiting for a host that does not read is lost, as on a wire."""

LOOPBACK = "127.0.0.1"


class TcpServer:
    """One device on one port of the loopback, from ``start`` until ``close``; ``clock`` gives monotonic seconds."""

    def __init__(self, device: SimulatedDevice, clock: Callable[[], float]) -> None:
        self._device = device
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._host: asyncio.StreamWriter | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.host_byte_count = 0

    @property
    def address(self) -> str:
        """Where to connect: ``tcp://host:port``."""
        if self._server is None:
            raise RuntimeError("not started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"tcp://{host}:{port}"

    async def start(self, port: int = 0) -> None:
        """Listen, on a free port unless one is named, and power the device on. Raises OSError for a port in use."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        self._send(self._device.start(self._clock()))

    def hang_up(self) -> None:
        """Close the connection of the host, if there is one."""
        if self._host is not None:
            self._host.close()

    async def close(self) -> None:
        """Hang up and listen no more."""
        self.hang_up()
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._host is not None:
            writer.close()
            return
        self._host = writer
        try:
            while data := await reader.read(READ_LIMIT_BYTES):
                self.host_byte_count += len(data)
                self._send(self._device.feed(data, self._clock()))
        except ConnectionError:
            pass  # the host went away: the next one is welcome
        finally:
            self._host = None
            writer.close()

    def _send(self, data: bytes) -> None:
        host = self._host
        if data and host is not None and host.transport.get_write_buffer_size() < WRITE_LIMIT_BYTES:
            host.write(data)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_s = self._device.deadline_s
        if deadline_s is not None:
            wait_s = max(0.0, deadline_s - self._clock())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_deadline)

    def _on_deadline(self) -> None:
        self._send(self._device.tick(self._clock()))
