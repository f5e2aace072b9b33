"""The broker fails in every way: afterwards a cold subscriber sees exactly the truth, and the history has no gap."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators.pty_server import PtyServer
from simulators.pump import PumpModel
from tests.broker import Listener, Mosquitto
from tests.end_to_end.world import PREFIX, Daemon, daemon, message, monitor, on_pty, space
from tests.fault.receiver import Receiver
from tests.proxy import Fault, Proxy

DOSE_HIGH = f"{PREFIX}/bed/bed-1/alarm/DOSE_RATE_HIGH.bed-1-pump.11"
FAR_BEYOND_ML_PER_H = Decimal("29.40")
LIMIT_S = 25.0
"""Noticing takes 7 s, a network that came back 5 s more; and much room for two cores."""


@dataclass(slots=True)
class World:
    folder: Path
    broker: Mosquitto
    proxy: Proxy
    heard: Listener
    running: Daemon
    pump: PumpModel
    line: PtyServer

    async def told(self) -> dict[str, tuple[str, int, str]]:
        """The alarms as the edge itself has them: its own truth, over its control socket."""
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "control.sock"), limit=1_000_000)
        with contextlib.closing(writer):
            writer.write(b'{"get": "alarms"}\n')
            alarms = json.loads(await reader.readline())["alarms"]
        return {_topic(alarm): (alarm["occurrence"], alarm["rev"], alarm["signal"]) for alarm in alarms}

    async def kept(self) -> tuple[dict[str, tuple[str, int, str]], dict[str, tuple[str, int]]]:
        """The alarms, and what the indexes name, as a cold subscriber gets them."""
        alarms: dict[str, tuple[str, int, str]] = {}
        named: dict[str, tuple[str, int]] = {}
        for topic, one in (await self.broker.retained()).items():
            body = message(one)
            if "/alarm/" in topic and body:
                alarms[topic] = (body["occurrence"], body["rev"], body["signal"])
            elif topic.endswith("/alarms"):
                scope = topic.removesuffix("alarms")
                named |= {f"{scope}alarm/{row['key']}": (row["occurrence"], row["rev"]) for row in body["alarms"]}
        return alarms, named

    async def until_true(self) -> None:
        """Wait until a cold subscriber sees exactly what the edge has, this alarm among it."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                truth = await self.told()
                with contextlib.suppress(TimeoutError):
                    alarms, named = await self.kept()
                    same = alarms == truth and named == {topic: row[:2] for topic, row in truth.items()}
                    if same and DOSE_HIGH in truth and truth == await self.told():
                        return
                await asyncio.sleep(0.3)


def _topic(alarm: dict[str, Any]) -> str:
    return f"{PREFIX}/bed/{alarm['bed']}/alarm/{alarm['key']}" if alarm["bed"] else f"{PREFIX}/alarm/{alarm['key']}"


@contextlib.asynccontextmanager
async def world(folder: Path, *, persistence: bool) -> AsyncIterator[World]:
    pump, rack = space("7.00", asyncio.get_running_loop().time())
    (folder / "broker").mkdir()
    async with (
        Mosquitto(folder / "broker", persistence=persistence) as broker,
        broker.subscribe_all(session="receiver") as heard,
        Proxy(broker.port) as proxy,
    ):
        with on_pty(rack, folder / "bed-1-pump") as line, on_pty(monitor(), folder / "bed-1-monitor"):
            async with daemon(folder, proxy.port) as running:
                await heard.wait_for(lambda one: one.topic == f"{PREFIX}/event")
                yield World(folder, broker, proxy, heard, running, pump, line)


async def restarted(one: World) -> None:
    await asyncio.sleep(1.2)  # what it saves each second
    await one.broker.restart()


async def killed(one: World) -> None:
    one.broker.kill()
    await asyncio.sleep(1)
    await one.broker.start()


async def frozen(one: World) -> None:
    one.broker.freeze()
    await asyncio.sleep(8)
    one.broker.thaw()


async def slow(one: World) -> None:
    await one.proxy.set(Fault.SLOW)
    await asyncio.sleep(6)
    await one.proxy.set(Fault.NONE)


async def deaf(one: World) -> None:
    await one.proxy.set(Fault.DEAF)
    await asyncio.sleep(8)
    await one.proxy.set(Fault.NONE)


async def cut(one: World) -> None:
    for _ in range(8):
        await one.proxy.set(Fault.CUT)
        await asyncio.sleep(0.4)
    await one.proxy.set(Fault.NONE)


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "persistence"),
    [
        *((fault, True) for fault in (restarted, killed, frozen, slow, deaf, cut)),
        *((fault, False) for fault in (restarted, killed)),
    ],
    ids=["restarted", "killed", "frozen", "slow", "deaf", "cut", "restarted without memory", "killed without memory"],
)
async def test_after_each_fault_of_the_broker_a_cold_subscriber_sees_exactly_the_truth(
    tmp_path: Path, fault: Callable[[World], Coroutine[Any, Any, None]], persistence: bool
) -> None:
    async with world(tmp_path, persistence=persistence) as one:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fault(one))
            await asyncio.sleep(0.3)
            # In the middle of it an alarm begins.
            one.pump.set_rate(asyncio.get_running_loop().time(), FAR_BEYOND_ML_PER_H)
        await one.until_true()
    receiver = _followed(one.heard)
    if persistence and fault is not killed:
        assert receiver.broken == []
        _assert_no_gap(receiver)


@pytest.mark.long
async def test_a_broker_that_is_away_for_long_hears_the_truth_and_then_all_that_happened(tmp_path: Path) -> None:
    """A day of it in a few seconds: what happens is what counts, and an outage has no other length for the edge."""
    async with world(tmp_path, persistence=True) as one:
        await one.proxy.set(Fault.GONE)
        for number in range(8):
            one.pump.set_rate(asyncio.get_running_loop().time(), FAR_BEYOND_ML_PER_H + number % 2)
            await asyncio.sleep(1.5)
        before = len(one.heard.messages)
        await one.proxy.set(Fault.NONE)
        await one.until_true()
        events = f"{PREFIX}/event"
        await one.heard.wait_until(lambda: events in [heard.topic for heard in one.heard.messages[before:]])
        later = [heard.topic for heard in one.heard.messages[before:]]
        assert later.index(DOSE_HIGH) < later.index(events), "first what is so, then what happened"
    receiver = _followed(one.heard)
    assert receiver.broken == []
    _assert_no_gap(receiver)


def _followed(heard: Listener) -> Receiver:
    receiver = Receiver(PREFIX)
    for one in heard.messages:
        receiver.hear(one)
    return receiver


def _assert_no_gap(receiver: Receiver) -> None:
    (numbers,) = receiver.events.values()
    assert numbers == set(range(1, max(numbers) + 1))
