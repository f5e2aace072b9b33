"""Every driver reads its simulator over a real pty, through the task that the daemon has for a port."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from drivers import registry
from drivers.model import DeviceIdentified, Observation
from drivers.reconnect import Backoff
from edge.config_ports import PortRuntime
from edge.core.inputs import Input, LineErrors, LinkChange
from edge.device import DeviceTask
from edge.inbox import Inbox
from edge.notify import Notifier, Watchdog
from simulators.pty_server import PtyServer
from tests.conformance.matrix_cases import Device, case

LIMIT_S = 25.0
"""It bounds the waiting and asserts nothing."""


@pytest.mark.parametrize("name", registry.names())
async def test_it_reads_what_its_device_holds(name: str, tmp_path: Path) -> None:
    one = case(name)
    loop = asyncio.get_running_loop()
    made, link = one.make(0, loop.time()), tmp_path / "device"
    inbox = Inbox()
    port = PortRuntime("port-1", str(link), one.driver, one.driver.line, 1.0, (one.channel,))
    with PtyServer(made.device, link, loop.time, one.baud) as server:
        running = asyncio.create_task(
            DeviceTask(
                port,
                inbox,
                mono_s=loop.time,
                backoff=Backoff(Random(1)),
                watchdog=Watchdog(Notifier({}), loop.time),
            ).run()
        )
        try:
            heard = await _samples(inbox, made, 2 if one.round_s <= 1.0 else 1)
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        if one.driver.listen_only:
            assert server.host_bytes == b""
    changes = [item for item in heard if isinstance(item, LinkChange)]
    assert {change.up for change in changes} == {True}
    assert sum(item.rejected for item in heard if isinstance(item, LineErrors)) == 0
    told = {item.serial_number for item in heard if isinstance(item, DeviceIdentified)}
    assert told <= {"", made.truth.serial_number}
    assert (made.truth.serial_number in told) or not one.tells_serial


async def _samples(inbox: Inbox, made: Device, count: int) -> list[Input]:
    """Listen until there were some whole samples, each of which must be true."""
    heard: list[Input] = []
    whole = 0
    async with asyncio.timeout(LIMIT_S):
        while whole < count:
            await inbox.wait(0.2)
            for item in inbox.drain():
                heard.append(item)
                if isinstance(item, Observation):
                    assert made.truth.wrong(item) == []
                    whole += made.truth.is_whole(item)
    return heard
