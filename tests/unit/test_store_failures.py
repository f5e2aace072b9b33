"""A store whose disk fails: all is told, nothing is lost, and nobody waits."""

import sqlite3
from pathlib import Path

import pytest

from edge import store as module
from edge import store_file
from edge.store import NewerFileError, Run, Sent, Store, Transaction
from edge.store_file import StoreFile
from tests.unit.stores import (
    KNOWN,
    WALL,
    Opened,
    Results,
    alarm,
    answer,
    event,
    fail_commits,
    locked,
    numbered,
    reload,
    run_child,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_a_held_lock_is_told_as_failed_and_committed_in_order_by_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", 0.01)
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    opened = Opened(path)
    with locked(path):
        opened.store.submit(numbered(1))
        opened.store.submit(Sent("run-1", 1))
        opened.results.wait_for(1)
        opened.store.submit(Transaction(2, (alarm(),), events=(event(2),)))
        assert opened.results.wait_for(2) == [(1, False), (2, False)]
    assert {detail for _, _, detail in opened.results.told} == {"SQLITE_BUSY: database is locked"}
    assert opened.results.wait_for(4)[2:] == [(1, True), (2, True)]
    opened.close()
    state = reload(path)
    assert (state.outbox, state.alarms) == ((event(2),), (alarm(),))


def test_a_failed_commit_waits_for_the_next_submission_which_tries_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 3600.0)
    fail_commits(monkeypatch, [sqlite3.OperationalError("disk I/O error"), sqlite3.OperationalError("again")])
    opened = Opened(path)
    opened.commit(numbered(1))
    opened.commit(numbered(2))
    opened.store.submit(numbered(3))
    assert opened.results.wait_for(5) == [(1, False), (2, False), (1, True), (2, True), (3, True)]
    assert opened.results.told[1][2] == "OperationalError: again"
    opened.close()


def test_all_that_waits_behind_a_failure_is_told_and_a_second_failure_is_silent(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", 0.2)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    monkeypatch.setattr(module, "BATCH_MAX", 1)
    opened = Opened(path)
    with locked(path):
        for mark in (1, 2, 3):
            opened.store.submit(numbered(mark))
        assert opened.results.wait_for(3) == [(1, False), (2, False), (3, False)]
    assert opened.results.wait_for(6)[3:] == [(1, True), (2, True), (3, True)]
    opened.close()


@pytest.mark.parametrize(
    "error", [sqlite3.DatabaseError("malformed"), OSError("gone"), ValueError("a fault of our own")]
)
def test_the_thread_survives_any_error(path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    fail_commits(monkeypatch, [error, error])
    opened = Opened(path)
    opened.commit(numbered(1))
    assert opened.results.wait_for(2) == [(1, False), (1, True)]
    assert opened.results.told[0][2] == f"{type(error).__name__}: {error}"
    opened.close()


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        ("PRAGMA max_page_count = 1", "SQLITE_FULL: database or disk is full"),
        ("PRAGMA query_only = ON", "SQLITE_READONLY: attempt to write a readonly database"),
        ("", "ProgrammingError: Cannot operate on a closed database."),
    ],
)
def test_a_broken_connection_is_told_and_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str, name: str
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    connect = StoreFile._connect
    spoilt: list[str] = []
    used: list[Opened] = []

    def spoiling(file: StoreFile) -> sqlite3.Connection:
        db = connect(file)
        if used and not spoilt:
            spoilt.append(spoil)
            if spoil:
                db.execute(spoil)
            else:
                db.close()
        return db

    monkeypatch.setattr(StoreFile, "_connect", spoiling)
    opened = Opened(path)
    used.append(opened)
    opened.commit(Transaction(1, (alarm(body="x" * 100_000),), events=(event(1),)))
    assert opened.results.wait_for(2) == [(1, False), (1, True)]
    assert opened.results.told[0][2] == name
    opened.close()
    assert reload(path).alarms == (alarm(body="x" * 100_000),)


def test_a_full_disk_is_told_and_all_is_committed_when_there_is_room(path: Path) -> None:
    # The kernel refuses to let the child's files grow; lifting the limit is the space that comes back.
    done = run_child("full", path)
    assert done.splitlines() == [
        "1 True",
        "2 False",
        "3 False",
        "2 True",
        "3 True",
    ]
    state = reload(path)
    assert [row.event_seq for row in state.outbox] == [1, 2, 3]
    assert [row.rev for row in state.alarms] == [3]


def test_a_row_that_the_schema_refuses_does_not_block_the_others(path: Path) -> None:
    opened = Opened(path)
    opened.commit(
        numbered(1),
        Transaction(2, (alarm("A"),), events=(event(2, "run-unknown"),), answers=(answer(2),)),
        Transaction(3, (alarm("B", rev=2**63),)),
        Transaction(4, (alarm("C", body="\ud800"),)),
        Transaction(5, (alarm("D"),), events=(event(5),)),
    )
    opened.close()
    assert opened.results.pairs() == [(1, True), (2, False), (3, False), (4, False), (5, True)]
    assert [detail.split(":")[:2] for _, committed, detail in opened.results.told if not committed] == [
        ["refused", " SQLITE_CONSTRAINT_FOREIGNKEY"],
        ["refused", " OverflowError"],
        ["refused", " UnicodeEncodeError"],
    ]
    state = reload(path)
    assert (state.alarms, state.outbox, state.answers) == ((alarm("D"),), (event(1), event(5)), ())


def test_a_store_that_may_not_be_used_says_why_of_all_that_it_is_given(path: Path) -> None:
    results = Results()
    store = Store(results.take, lambda call: call())
    store.submit(numbered(1))
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 999")
    with pytest.raises(NewerFileError, match="has version 999"):
        store.open(path, Run("run-1", "boot-1", WALL))
    store.submit(numbered(2))
    store.submit(Sent("run-1", 1))
    version = f"{path} has version 999; this program knows {KNOWN} and older: update it"
    assert results.told == [(1, False, "the store is closed"), (2, False, version)]
