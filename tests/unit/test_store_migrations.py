"""The store's file from version to version."""

import sqlite3
from pathlib import Path

import pytest

from edge import store_file
from edge.store import JournalRow, OutboxRow, StoredState, Transaction
from edge.store_file import read_story
from tests.unit.stores import KNOWN, WALL, Opened, alarm, answer, line, reload, rows, write_something


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_a_new_file_is_migrated_and_empty(path: Path) -> None:
    opened = Opened(path)
    opened.close()
    assert opened.state == StoredState()
    assert rows(path, "PRAGMA user_version") == [(KNOWN,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "SELECT position, run_id, boot_id, started_wall, last_event_seq FROM run") == [
        (1, "run-1", "boot-1", WALL, 0)
    ]


def test_a_file_of_version_1_keeps_everything(path: Path) -> None:
    body = '{"phase":"start","bed":"bed-1","key":"HR_HIGH","occurrence":"run-1-1","text":"HR 130"}'
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(f"{store_file._migrations()[0]} PRAGMA user_version = 1; PRAGMA journal_mode = WAL;")
    db.execute("INSERT INTO run VALUES (7, 'run-0', 'boot-0', ?, 3), (8, 'run-1', 'boot-1', ?, 2)", (WALL, WALL))
    db.execute("INSERT INTO alarm_state VALUES ('bed-1', 'HR_HIGH', 'HR_HIGH-1', 4, '{}')")
    db.execute("INSERT INTO outbox VALUES (5, 'run-0', 3, 't', x'00ff'), (9, 'run-1', 2, 't', x'01')")
    journal = [
        (11, "run-0", "alarm", WALL, 0, 1.5, body),
        (12, "run-1", "link", WALL, 1, 2.5, '{"port":"p"}'),
        (13, "run-1", "alarm", WALL, 1, 3.5, "no JSON"),
    ]
    db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", journal)
    db.close()

    opened = Opened(path, "run-2", "boot-2")
    assert opened.state == StoredState(
        previous_run="run-1",
        previous_event_seq=2,
        alarms=(alarm(rev=4),),
        outbox=(OutboxRow("run-0", 3, "t", b"\x00\xff"), OutboxRow("run-1", 2, "t", b"\x01")),
    )
    opened.commit(Transaction(1, journal=(line(run="run-2"),), answers=(answer(1),)))
    opened.close()

    assert rows(path, "PRAGMA user_version") == [(KNOWN,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT * FROM run") == [
        (7, "run-0", "boot-0", WALL, 3),
        (8, "run-1", "boot-1", WALL, 2),
        (9, "run-2", "boot-2", WALL, 0),
    ]
    assert rows(path, "SELECT position, run, event_seq FROM outbox") == [(5, "run-0", 3), (9, "run-1", 2)]
    assert rows(path, "SELECT * FROM journal") == [*journal, (14, "run-2", "alarm", WALL, 1, 12.5, '{"a":"b"}')]
    assert reload(path).answers == (answer(1),)
    assert read_story(path, "run-1-1") == (JournalRow("run-0", "alarm", WALL, False, 1.5, body),)


def test_a_failing_migration_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_something(path)
    known = store_file._migrations()
    broken = [*known, "CREATE TABLE third (a TEXT) STRICT;", "CREATE TABLE fourth (a TEXT); INSERT INTO nowhere;"]
    monkeypatch.setattr(store_file, "_migrations", lambda: broken)
    opened = Opened(path, "run-2")
    assert opened.state.fault.startswith("SQLITE_ERROR: ")
    assert opened.state.set_aside is None
    opened.store.close(0.0)
    assert rows(path, "PRAGMA user_version") == [(KNOWN + 1,)]
    assert rows(path, "SELECT name FROM sqlite_schema WHERE name IN ('third', 'fourth')") == [("third",)]
    monkeypatch.setattr(store_file, "_migrations", lambda: broken[: KNOWN + 1])
    assert len(reload(path, "run-3").alarms) == 59
