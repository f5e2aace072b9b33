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

from edge.rows import OutboxRow, Run, Transaction
from edge.store_file import StoreFile
from simulators.pty_server import PtyServer
from simulators.pump import PumpModel
from tests.broker import Listener, Mosquitto
from tests.end_to_end.world import PREFIX, Daemon, daemon, is_alarm, message, monitor, on_pty, space
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


EVENTS = 3000
WALL = "2026-11-01T12:00:00.000Z"


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_what_a_day_without_a_broker_left_comes_whole_in_order_and_after_what_is_so(tmp_path: Path) -> None:
    """The events of a day are in the store, as kill -9 left them; an alarm is on the line."""
    left = StoreFile(tmp_path / "edge.db", Run("run-before", "", WALL))
    left.open()
    rows = [OutboxRow("run-before", number, f"{PREFIX}/event", _event(number), 1) for number in range(1, EVENTS + 1)]
    left.commit([Transaction(1, events=tuple(rows))])
    left.drop()
    _, rack = space(str(FAR_BEYOND_ML_PER_H), asyncio.get_running_loop().time())
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker") as broker, broker.subscribe_all() as heard:
        with on_pty(rack, tmp_path / "bed-1-pump"):
            async with daemon(tmp_path, broker.port):
                # An alarm does not wait for the day to be told.
                await heard.wait_for(lambda one: one.topic == DOSE_HIGH, limit_s=40)
                last = _event(EVENTS)
                await heard.wait_until(lambda: any(one.payload == last for one in heard.messages[-50:]), limit_s=40)
    assert _numbers(heard, "run-before") == list(range(1, EVENTS + 1))
    own = next(message(one)["run"] for one in heard.messages if one.topic == f"{PREFIX}/status")
    assert _numbers(heard, own) == list(range(1, len(_numbers(heard, own)) + 1))


def _event(number: int) -> bytes:
    return json.dumps({"run": "run-before", "event_seq": number, "text": "x" * 800}).encode()


def _numbers(heard: Listener, run: str) -> list[int]:
    said = [json.loads(one.payload) for one in heard.messages if one.topic == f"{PREFIX}/event"]
    return [one["event_seq"] for one in said if one["run"] == run]


@pytest.mark.long
@pytest.mark.timeout(60)
async def test_a_topic_that_the_broker_refuses_is_an_alarm_that_names_it_until_it_takes_it(tmp_path: Path) -> None:
    everything = f"topic readwrite #\npattern readwrite {PREFIX}/#\n"
    lists = {"no snapshots": f"topic deny {PREFIX}/bed/bed-1/snapshot\n{everything}", "all": everything}
    _, rack = space("7.00", asyncio.get_running_loop().time())
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker", acl=lists["no snapshots"]) as broker, broker.subscribe_all() as heard:
        with on_pty(rack, tmp_path / "bed-1-pump"):
            async with daemon(tmp_path, broker.port):
                told = message(await heard.wait_for(is_alarm("PUBLISH_REFUSED", bed="")))
                refused = f"{PREFIX}/bed/bed-1/snapshot"
                assert (told["audience"], told["priority"]) == ("technician", "medium")
                assert refused in told["text"]
                assert list(told["evidence"]) == [refused]
                broker.set_acl(lists["all"])
                await heard.wait_for(is_alarm("PUBLISH_REFUSED", bed="", phase_present=False))
                await heard.wait_until(lambda: bool(heard.of(refused)))


@pytest.mark.long
@pytest.mark.timeout(60)
async def test_two_edges_of_one_identity_are_a_high_alarm_and_do_not_throw_each_other_out_for_ever(
    tmp_path: Path,
) -> None:
    for folder in ("broker", "first", "second"):
        (tmp_path / folder).mkdir()
    async with (
        Mosquitto(tmp_path / "broker") as broker,
        broker.subscribe_all() as heard,
        daemon(tmp_path / "first", broker.port) as first,
    ):
        await heard.wait_for(lambda one: one.topic == f"{PREFIX}/status")
        async with daemon(tmp_path / "second", broker.port):
            await first.until_said("another speaks in the name of this edge")
            await first.until_said("NAME_TAKEN")
            await asyncio.sleep(5)  # until the other has waited out its own first surprise
            taken_at, connected = len(heard.messages), sum("broker.connected" in line for line in first.log)
            await asyncio.sleep(7)
            said = [message(one) for one in heard.messages[taken_at:] if one.topic == f"{PREFIX}/status"]
            assert len({one["run"] for one in said if one["state"] == "running"}) == 1, "who was thrown out waits"
            assert sum("broker.connected" in line for line in first.log) == connected


def _followed(heard: Listener) -> Receiver:
    receiver = Receiver(PREFIX)
    for one in heard.messages:
        receiver.hear(one)
    return receiver


def _assert_no_gap(receiver: Receiver) -> None:
    (numbers,) = receiver.events.values()
    assert numbers == set(range(1, max(numbers) + 1))
