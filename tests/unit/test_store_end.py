"""The end of a store: in good order, in time, or by a signal that nobody can catch."""

import random
import signal
import sqlite3
import threading
from pathlib import Path

import pytest

from edge import store as module
from edge import store_file
from edge.journal import EXIT_OK, verify
from edge.store import Run, Sent, Store
from tests.unit.stores import LIMIT_S, WALL, Opened, Results, child, fail_commits, locked, numbered, reload


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_close_commits_what_waits(path: Path) -> None:
    opened = Opened(path)
    with locked(path):
        for mark in range(1, 1001):
            opened.store.submit(numbered(mark))
    opened.close()
    assert opened.results.pairs() == [(mark, True) for mark in range(1, 1001)]
    assert len(reload(path).outbox) == 1000
    assert not path.with_name("store.db-wal").exists()


def test_close_tries_a_failed_commit_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 3600.0)
    fail_commits(monkeypatch, [sqlite3.OperationalError("disk I/O error")])
    opened = Opened(path)
    opened.commit(numbered(1))
    opened.close()
    assert opened.results.pairs() == [(1, False), (1, True)]


def test_close_gives_up_after_its_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", 0.05)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    opened = Opened(path)
    with locked(path):
        opened.store.submit(numbered(1))
        assert not opened.store.close(0.2)
        for thread in threading.enumerate():
            if thread.name == "store":
                thread.join(LIMIT_S)
                assert not thread.is_alive()
    assert opened.results.pairs() == [(1, False)]
    assert reload(path).outbox == ()


def test_a_store_that_is_not_open_refuses_at_once(path: Path) -> None:
    results = Results()
    store = Store(results.take, lambda call: call())
    store.submit(numbered(1))
    store.submit(Sent("run-1", 1))
    assert store.close(0.0)
    store.open(path, Run("run-1", "boot-1", WALL))
    assert store.close(LIMIT_S)
    store.submit(numbered(2))
    assert results.told == [(1, False, "the store is closed"), (2, False, "the store is closed")]


def test_kill_9_amid_commits_loses_no_acknowledged_row(path: Path) -> None:
    chance = random.Random(5)
    expected: list[tuple[str, int]] = []
    for number in range(10):
        run = f"run-{number}"
        with child("loop", path, run) as process:
            assert process.stdout is not None
            heard = [process.stdout.readline() for _ in range(chance.randint(1, 60))]
            process.send_signal(signal.SIGKILL)
            heard += process.stdout.readlines()
        assert all(said.endswith(b" True\n") for said in heard)
        opened = Opened(path, f"look-{number}")
        kept = [row.event_seq for row in opened.state.outbox if row.run == run]
        assert opened.state.set_aside is None
        assert (opened.state.previous_run, opened.state.previous_event_seq) == (run, kept[-1])
        assert kept == list(range(1, kept[-1] + 1))
        assert len(heard) <= kept[-1]
        assert [row.rev for row in opened.state.alarms] == [kept[-1]]
        expected += [(run, event_seq) for event_seq in kept]
        assert [(row.run, row.event_seq) for row in opened.state.outbox] == expected
        opened.close()
    status, text = verify(path, "", lambda _: None)
    assert (status, text.splitlines()[0]) == (EXIT_OK, f"{len(expected)} rows, 1 to {len(expected)}")
