"""Carrying out what a step wants: noise at once, quiet and events after the commit, in order."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from drivers.model import InfusionState, Observation
from edge.clock import Clock
from edge.control import Control
from edge.core.engine import Core
from edge.core.inputs import Acknowledge, Basis, BrokerLink, Input, Named, Request, Role
from edge.core.model import Instant
from edge.core.restore import initial_state
from edge.inbox import Inbox
from edge.messages.topics import Topics
from edge.notify import Notifier, Watchdog
from edge.outgoing import Outgoing
from edge.runtime import Runtime
from edge.sender import Sender
from edge.store import OutboxRow, Store, Transaction
from edge.wire import Wire
from tests.core_world import BED, CONFIG, monitor, order, place, pump

TOPIC = f"infusion/v1/ward/edge/pi-1/bed/{BED}/alarm/DOSE_RATE_HIGH.rack.11"
INDEX = f"infusion/v1/ward/edge/pi-1/bed/{BED}/alarms"
FAR_BEYOND = "29.4"


class FakeClock(Clock):
    """A clock that the test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0

    def now(self) -> Instant:
        return Instant(self.now_s, 1_700_000_000.0 + self.now_s, synchronised=True)

    def mono_s(self) -> float:
        return self.now_s


class Recorder:
    """Stands for the store and the sender: it keeps what it is given."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self.published: list[Outgoing] = []
        self.events: list[OutboxRow] = []

    def submit(self, transaction: Transaction) -> None:
        self.transactions.append(transaction)

    def publish(self, outgoing: Outgoing) -> None:
        self.published.append(outgoing)

    def add_events(self, rows: tuple[OutboxRow, ...]) -> None:
        self.events += rows

    def on(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(cast("bytes", one.payload)) for one in self.published if one.topic == topic]


class Edge:
    """A runtime on a recorder."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.inbox = Inbox()
        self.kept = Recorder()
        self.first_steps = 0
        self.runtime = Runtime(
            Core(CONFIG, initial_state(CONFIG, "run", self.clock.now())),
            self.inbox,
            run="run",
            clock=self.clock,
            wire=Wire(
                Topics("ward", "pi-1"),
                run="run",
                edge="pi-1",
                version="1",
                previous_run="",
                previous_event_seq=0,
                stations_required=(),
                outbox_depth=lambda: 0,
            ),
            sender=cast("Sender", self.kept),
            store=cast("Store", self.kept),
            watchdog=Watchdog(Notifier({}), self.clock.mono_s),
            control=Control("run", mono_s=self.clock.mono_s, put=self.inbox.put),
            on_first_step=self._first,
        )

    def _first(self) -> None:
        self.first_steps += 1

    def step(self, *inputs: Input) -> None:
        for item in inputs:
            self.inbox.put(item)
        self.runtime.step()

    def acknowledge(self) -> None:
        """A nurse has seen the alarm: when its condition ends, it is over."""
        told = self.on_topic(TOPIC)
        named = Named(BED, told["key"], told["occurrence"], told["rev"])
        basis = Basis("run", self.clock.now_s)
        self.step(Request("r-1", "local", self.clock.now_s, Acknowledge(named), basis, "nurse", Role.NURSE))
        self.settle()

    def on_topic(self, topic: str) -> dict[str, Any]:
        return self.kept.on(topic)[-1]

    def settle(self, *, committed: bool = True) -> None:
        """Answer every transaction that was not yet answered, and step."""
        waiting, self.kept.transactions = self.kept.transactions, []
        for transaction in waiting:
            self.runtime.stored(transaction.mark, committed, "" if committed else "the disk is full")
        self.runtime.step()


def begun() -> Edge:
    """An edge with an order, whose pump runs at 1 mg/kg/h."""
    edge = Edge()
    now_s = edge.clock.now_s
    edge.step(BrokerLink(now_s, connected=True, detail=""), place(now_s, order()), pump(now_s))
    edge.settle()
    edge.kept.published.clear()
    return edge


def alarmed() -> Edge:
    edge = begun()
    edge.clock.now_s += 1.0
    edge.step(pump(edge.clock.now_s, FAR_BEYOND))
    return edge


def test_the_first_step_is_told_once() -> None:
    edge = begun()
    assert edge.first_steps == 1


def test_an_onset_is_published_in_its_step_before_the_store_answered() -> None:
    edge = alarmed()
    assert [body["present"] for body in edge.kept.on(TOPIC)] == [True]
    assert [row["key"] for row in edge.kept.on(INDEX)[-1]["alarms"]] == ["DOSE_RATE_HIGH.rack.11"]
    (transaction,) = edge.kept.transactions
    assert [row.key for row in transaction.alarms] == ["DOSE_RATE_HIGH.rack.11"]
    assert [row.event_seq for row in transaction.events] == [1]
    assert json.loads(transaction.journal[0].body)["phase"] == "start"


def test_an_event_waits_for_its_commit() -> None:
    edge = alarmed()
    assert edge.kept.events == []
    edge.settle()
    assert [row.event_seq for row in edge.kept.events] == [1]


def test_an_event_goes_out_although_the_store_failed() -> None:
    edge = alarmed()
    edge.settle(committed=False)
    assert [row.event_seq for row in edge.kept.events] == [1]
    assert [row.key for row in edge.kept.transactions[-1].alarms] == ["STORE_FAILED"]


def test_events_keep_their_order_when_the_store_answers_out_of_order() -> None:
    edge = alarmed()
    edge.clock.now_s += 1.0
    edge.step(pump(edge.clock.now_s, None))  # the input is gone: an update
    first, second = edge.kept.transactions
    edge.runtime.stored(second.mark, committed=False, detail="the queue is full")
    assert edge.kept.events == []
    edge.runtime.stored(first.mark, committed=True, detail="")
    assert [row.event_seq for row in edge.kept.events] == [1, 2]
    edge.runtime.stored(second.mark, committed=True, detail="")
    assert [row.event_seq for row in edge.kept.events] == [1, 2]


def test_an_end_is_published_after_its_commit() -> None:
    edge = alarmed()
    edge.settle()
    edge.acknowledge()
    for _ in range(12):
        edge.clock.now_s += 1.0
        edge.step(pump(edge.clock.now_s))
    ended = [one for one in edge.kept.transactions if one.ended]
    assert [one.ended for one in ended] == [((BED, "DOSE_RATE_HIGH.rack.11"),)], [one.ended for one in ended]
    assert all(body["present"] for body in edge.kept.on(TOPIC))
    edge.settle()
    assert edge.kept.on(TOPIC)[-1]["present"] is False
    assert "DOSE_RATE_HIGH.rack.11" not in [row["key"] for row in edge.kept.on(INDEX)[-1]["alarms"]]
    assert next(one for one in edge.kept.published if one.topic == TOPIC and one.then_empty)


def test_an_end_that_the_store_could_not_take_is_published_as_not_durable() -> None:
    edge = alarmed()
    edge.settle()
    edge.acknowledge()
    for _ in range(12):
        edge.clock.now_s += 1.0
        edge.step(pump(edge.clock.now_s))
    edge.settle(committed=False)
    last = edge.kept.on(TOPIC)[-1]
    assert (last["present"], last["durable"]) == (False, False)


async def test_the_core_steps_the_moment_something_comes_in() -> None:
    edge = begun()
    edge.clock.now_s += 0.2
    edge.inbox.put(pump(edge.clock.now_s, FAR_BEYOND))
    task = asyncio.create_task(edge.runtime.run())
    for _ in range(10):  # turns of the loop, in which no time passes
        await asyncio.sleep(0)
    assert [body["present"] for body in edge.kept.on(TOPIC)] == [True]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_reading_that_can_begin_nothing_waits_for_the_next_beat_and_any_other_does_not() -> None:
    edge = Edge()
    now_s = edge.clock.now_s
    edge.step(pump(now_s, "0", InfusionState.STOPPED), monitor(now_s))

    def wakes(said: Observation) -> bool:
        edge.inbox.put(said)
        return edge.inbox._filled.is_set()

    assert not wakes(monitor(now_s + 0.5, heart_rate=81))
    assert wakes(monitor(now_s + 0.6, spo2=79))
