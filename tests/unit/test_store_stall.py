"""A disk that hangs: an alarm does not wait for it, and who asks for quiet is told that nothing is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from edge import store as module
from edge.rows import Item
from edge.store import STALL_S, Run, Sent, Store, Transaction
from edge.store_file import StoreFile
from tests.core_world import order, place, pump
from tests.unit.stores import WALL, Opened, Results, alarm, event, fail_commits, numbered, reload, wait_until_taken
from tests.unit.test_runtime import FAR_BEYOND, INDEX, TOPIC, Edge


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


class Disk:
    """A disk that can be made to hang: the store's own thread then stands in the middle of a commit."""

    def __init__(self) -> None:
        self.works = threading.Event()
        self.works.set()
        self.hanging = threading.Event()

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        commit = StoreFile.commit

        def slow(file: StoreFile, items: Sequence[Item]) -> list[tuple[bool, str]]:
            if not self.works.is_set():
                self.hanging.set()
                assert self.works.wait(10.0)
            return commit(file, items)

        monkeypatch.setattr(StoreFile, "commit", slow)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    found = Disk()
    found.patch(monkeypatch)
    yield found
    found.works.set()


def test_what_waits_for_a_hung_disk_is_told_as_failed_once_and_as_committed_when_it_is(path: Path, disk: Disk) -> None:
    opened = Opened(path)
    disk.works.clear()
    opened.store.submit(numbered(1))
    assert disk.hanging.wait(5.0)
    opened.store.submit(numbered(2))
    opened.store.look(100.0)
    opened.store.look(100.0 + STALL_S - 0.1)
    assert opened.results.told == []
    opened.store.look(100.0 + STALL_S)
    failed = [(1, False, "the disk has not answered for 3 s"), (2, False, "the disk has not answered for 3 s")]
    assert opened.results.told == failed
    opened.store.submit(numbered(3))
    opened.store.look(100.0 + STALL_S + 1)
    assert opened.results.told == [*failed, (3, False, "the disk has not answered for 4 s")]
    disk.works.set()
    assert opened.results.wait_for(6)[3:] == [(1, True), (2, True), (3, True)]
    opened.close()
    assert [row.event_seq for row in reload(path).outbox] == [1, 2, 3]


def test_a_disk_that_gets_on_is_never_told_as_hung(path: Path, disk: Disk) -> None:
    opened = Opened(path)
    for mark in range(1, 6):
        opened.store.look(mark * STALL_S)
        opened.commit(numbered(mark))
    opened.store.look(100.0)
    opened.store.look(200.0)
    disk.works.clear()
    opened.store.submit(Sent("run-1", 1))
    assert disk.hanging.wait(5.0)
    opened.store.look(201.0)
    disk.works.set()
    wait_until_taken(opened.store)
    opened.commit(numbered(6))
    opened.store.look(201.0 + STALL_S)
    assert [committed for _, committed, _ in opened.results.told] == [True] * 6
    opened.close()


def test_a_disk_that_fails_is_told_so_and_only_when_it_hangs_that_it_hangs(
    path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 3600.0)
    fail_commits(monkeypatch, [OSError("first"), OSError("second")])
    opened = Opened(path)
    opened.store.look(0.0)
    opened.commit(numbered(1))
    opened.store.look(1.0)
    opened.commit(numbered(2))
    opened.store.look(1.0 + STALL_S)
    assert [detail for _, _, detail in opened.results.told] == ["OSError: first", "OSError: second"]
    disk.works.clear()
    opened.store.submit(numbered(3))
    assert disk.hanging.wait(5.0)
    opened.store.look(10.0)
    assert len(opened.results.told) == 2
    opened.store.look(10.0 + STALL_S)
    assert opened.results.told[2:] == [(3, False, "the disk has not answered for 3 s")]
    disk.works.set()
    assert opened.results.wait_for(6)[3:] == [(1, True), (2, True), (3, True)]
    opened.close()


def test_a_hung_event_that_was_sent_lets_those_behind_it_know(path: Path, disk: Disk) -> None:
    opened = Opened(path)
    disk.works.clear()
    opened.store.submit(Sent("run-1", 1))
    assert disk.hanging.wait(5.0)
    opened.store.submit(numbered(1))
    opened.store.look(1.0)
    opened.store.look(1.0 + STALL_S)
    assert opened.results.pairs() == [(1, False)]
    disk.works.set()
    assert opened.results.wait_for(2) == [(1, False), (1, True)]
    opened.close()


class OnDisk:
    """A runtime whose store is real; what the store tells is delivered when the test says."""

    def __init__(self, path: Path) -> None:
        self.edge = Edge()
        self._results = Results()
        self._calls: list[Callable[[], None]] = []
        self._lock = threading.Condition()
        self.store = Store(self._stored, self._deliver)
        self.store.open(path, Run("run", "boot", WALL))
        self.edge.runtime._store = self.store

    def _deliver(self, call: Callable[[], None]) -> None:
        with self._lock:
            self._calls.append(call)
            self._lock.notify_all()

    def _stored(self, mark: int, committed: bool, detail: str) -> None:
        self._results.take(mark, committed, detail)
        self.edge.runtime.stored(mark, committed, detail)

    def hear(self, number: int) -> None:
        """Take so many results of the store, and step."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self._calls) >= number, 15.0)
            calls, self._calls = self._calls, []
        for call in calls:
            call()
        self.edge.runtime.step()


def test_an_alarm_is_published_while_the_disk_hangs_and_quiet_is_marked_as_not_kept(path: Path, disk: Disk) -> None:
    world = OnDisk(path)
    edge = world.edge
    now_s = edge.clock.now_s
    edge.step(place(now_s, order()), pump(now_s))
    world.hear(1)
    disk.works.clear()

    edge.clock.now_s += 1.0
    edge.step(pump(edge.clock.now_s, FAR_BEYOND))
    assert disk.hanging.wait(5.0)
    told = edge.on_topic(TOPIC)
    assert (told["signal"], told["priority"], told["durable"]) == ("on", "high", True)
    assert [one["key"] for one in edge.on_topic(INDEX)["alarms"]] == ["DOSE_RATE_HIGH.rack.11"]

    edge.acknowledge()  # its answer and its quiet wait for the disk
    assert edge.on_topic(TOPIC)["signal"] == "on"
    world.store.look(edge.clock.now_s)
    edge.clock.now_s += STALL_S
    world.store.look(edge.clock.now_s)
    world.hear(1)
    told = edge.on_topic(TOPIC)
    assert (told["signal"], told["durable"]) == ("acknowledged", False)
    failed = edge.on_topic("infusion/v1/ward/edge/pi-1/alarm/STORE_FAILED")
    assert failed["text"] == "The alarm store does not take changes: the disk has not answered for 3 s."

    disk.works.set()
    edge.clock.now_s += 1.0
    world.hear(2)
    edge.clock.now_s += 5.0
    edge.step()
    world.hear(1)
    assert edge.on_topic("infusion/v1/ward/edge/pi-1/alarm/STORE_FAILED")["signal"] == "off"
    assert world.store.close(5.0)
    # By then no broker was there for ten seconds either.
    assert {row.key for row in reload(path).alarms} == {"DOSE_RATE_HIGH.rack.11", "NORTHBOUND_LOST"}


def test_a_hung_store_is_given_up_at_the_end(path: Path, disk: Disk) -> None:
    opened = Opened(path)
    disk.works.clear()
    opened.store.submit(Transaction(1, (alarm(),), events=(event(1),)))
    assert disk.hanging.wait(5.0)
    assert not opened.store.close(0.01)
