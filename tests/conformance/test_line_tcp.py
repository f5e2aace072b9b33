"""The line over real TCP sockets."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from drivers import line as line_module
from drivers.errors import LineError, LineFault
from drivers.line import READ_MAX_PER_TURN, Line
from tests.conformance.line_ends import END, Ear, refused


class Server:
    """A device server with one device."""

    def __init__(self) -> None:
        self.address = ""
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter
        self._connected = asyncio.Event()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._connected.set()

    async def open(self, ear: Ear, *, listen_only: bool = False) -> Line:
        line = await ear.open(self.address, listen_only=listen_only)
        await asyncio.wait_for(self._connected.wait(), 2)
        return line


@asynccontextmanager
async def serving(host: str = "127.0.0.1") -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.connected, host, 0)
    port = listener.sockets[0].getsockname()[1]
    server.address = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
    try:
        yield server
    finally:
        server.writer.close()
        with suppress(OSError):
            await server.writer.wait_closed()
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_tcp_bytes_go_both_ways(host: str) -> None:
    ear = Ear()
    async with serving(host) as server:
        line = await server.open(ear)
        assert line.settings_in_force is None
        line.write(b"question")
        assert await asyncio.wait_for(server.reader.readexactly(8), 2) == b"question"
        server.writer.write(b"answer")
        await ear.until(lambda: ear.data == b"answer")
        await line.close()
    assert ear.losses == []


async def test_tcp_a_turn_takes_its_bound_and_no_more() -> None:
    ear = Ear()
    async with serving() as server:
        line = await server.open(ear)
        server.writer.write(b"x" * 10 * READ_MAX_PER_TURN)
        await ear.until(lambda: len(ear.data) == 10 * READ_MAX_PER_TURN)
        assert max(map(len, ear.chunks)) == READ_MAX_PER_TURN
        await line.close()


async def test_tcp_what_was_said_before_the_far_end_closed_arrives_before_the_loss() -> None:
    ear = Ear()
    async with serving() as server:
        await server.open(ear)
        server.writer.write(b"last words")
        server.writer.close()
        assert await ear.lost() == END
    assert ear.data == b"last words"
    assert ear.losses == [END]


async def test_tcp_a_reset_is_one_loss() -> None:
    ear = Ear()
    async with serving() as server:
        await server.open(ear)
        server.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.writer.transport.abort()
        assert await ear.lost() == "read failed: Connection reset by peer"
    assert len(ear.losses) == 1


async def test_tcp_listen_only_refuses_to_write_and_stays_open() -> None:
    ear = Ear()
    async with serving() as server:
        line = await server.open(ear, listen_only=True)
        with pytest.raises(LineError) as caught:
            line.write(b"x")
        assert caught.value.reason is LineFault.LISTEN_ONLY
        server.writer.write(b"heard")
        await ear.until(lambda: ear.data == b"heard")
        assert not server.reader.at_eof()
        await line.close()
        assert await asyncio.wait_for(server.reader.read(), 2) == b""


async def test_tcp_sends_at_once_and_asks_a_silent_server() -> None:
    async with serving() as server:
        line = await server.open(Ear())
        with socket.socket(fileno=os.dup(line._port.fd)) as connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = [
                connection.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_NODELAY, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            ]
        assert options == [1, 4, 2, 3]
        await line.close()


async def test_tcp_a_closed_port_is_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        error = await refused(f"tcp://127.0.0.1:{bound.getsockname()[1]}")
    assert error.reason is LineFault.REFUSED


async def test_tcp_a_server_that_does_not_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "CONNECT_LIMIT_S", 0.1)
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        assert (await refused(f"tcp://127.0.0.1:{full.getsockname()[1]}")).reason is LineFault.TIMED_OUT


@pytest.mark.parametrize("address", ["tcp://", "tcp://host", "tcp://:4001", "tcp://host:70000", "tcp://[::1:4001"])
async def test_tcp_an_address_without_host_and_port_is_refused(address: str) -> None:
    assert (await refused(address)).reason is LineFault.ADDRESS
