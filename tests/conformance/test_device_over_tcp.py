"""The task of a port with a pump rack behind TCP, as the rack's own network socket offers it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random

import pytest

from drivers.bbraun_space import DRIVER as SPACE
from drivers.model import Observation, Quantity
from drivers.reconnect import Backoff
from edge.config_ports import PortRuntime
from edge.core.inputs import LinkChange
from edge.device import DeviceTask
from edge.inbox import Inbox
from edge.notify import Notifier, Watchdog
from simulators import cli
from simulators.cli_parts import Line
from simulators.tcp_server import TcpServer
from tests.conformance.test_device_task import Got, has_sample, is_up
from tests.conformance.virtual import value
from tests.end_to_end.world import space


@asynccontextmanager
async def task(address: str) -> AsyncIterator[Got]:
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    port = PortRuntime("rack", address, SPACE, SPACE.line, 1.0, ("11",))
    watchdog = Watchdog(Notifier({}), loop.time)
    made = DeviceTask(port, inbox, mono_s=loop.time, backoff=Backoff(Random(1)), watchdog=watchdog)
    running = asyncio.create_task(made.run())
    try:
        yield Got(inbox)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_rack_over_tcp_is_read_hung_up_on_and_found_again() -> None:
    loop = asyncio.get_running_loop()
    _, rack = space("7.00", loop.time())
    server = TcpServer(rack, loop.time)
    await server.start()
    try:
        async with task(server.address) as got:
            await got.until(has_sample)
            sample = next(item for item in got.items if isinstance(item, Observation))
            assert value(sample, Quantity.INFUSION_RATE) == Decimal("7.00")
            got.items.clear()
            server.hang_up()
            await got.until(lambda items: any(isinstance(item, LinkChange) and not item.up for item in items))
            got.items.clear()
            await got.until(has_sample)
            assert is_up(got.items)
    finally:
        await server.close()
    assert rack.violations == []


async def test_a_second_host_is_turned_away() -> None:
    loop = asyncio.get_running_loop()
    _, rack = space("7.00", loop.time())
    server = TcpServer(rack, loop.time)
    await server.start()
    host, port = server.address.removeprefix("tcp://").split(":")
    _, first = await asyncio.open_connection(host, int(port))
    await asyncio.sleep(0)
    reader, second = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(2):
        assert await reader.read(1) == b""
    first.close()
    second.close()
    await server.close()


async def test_the_command_puts_a_pump_on_a_tcp_port(capsys: pytest.CaptureFixture[str]) -> None:
    loop = asyncio.get_running_loop()
    line = Line("Space", space("7.00", loop.time())[1], tcp_port=0)
    serving = asyncio.create_task(cli.serve_async(lambda _: [line]))
    for _ in range(100):
        await asyncio.sleep(0)
    assert capsys.readouterr().out.startswith("Space: tcp://127.0.0.1:")
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
