"""The store's file from version to version: from every earlier one, nothing is lost."""

import sqlite3
from pathlib import Path

import pytest

from edge import store_file
from edge.rows import ChainedRow
from edge.store import AnswerRow, JournalRow, OutboxRow, StoredState, TherapyRow, Transaction
from edge.store_file import migrations
from edge.store_reading import read_story, whole_journal
from tests.unit.stores import KNOWN, WALL, Opened, alarm, answer, line, reload, rows, write_something

STORY = '{"phase":"start","bed":"bed-1","key":"HR_HIGH","occurrence":"run-1-1","text":"HR 130"}'
JOURNAL = [
    (11, "run-0", "alarm", WALL, 0, 1.5, STORY),
    (12, "run-1", "link", WALL, 1, 2.5, '{"port":"p"}'),
    (13, "run-1", "alarm", WALL, 1, 3.5, "no JSON"),
]
WRITTEN = {
    1: (
        "INSERT INTO run VALUES (7, 'run-0', 'boot-0', 'then', 3), (8, 'run-1', 'boot-1', 'later', 2)",
        "INSERT INTO alarm_state VALUES ('bed-1', 'HR_HIGH', 'HR_HIGH-1', 4, '{}')",
        "INSERT INTO outbox VALUES (5, 'run-0', 3, 't', x'00ff'), (9, 'run-1', 2, 't', x'01')",
        *(f"INSERT INTO journal VALUES {row}" for row in JOURNAL),  # noqa: S608 - of this file
    ),
    2: ("INSERT INTO answer VALUES (4, 'station-1', 'request-9', 'said')",),
    3: (
        "UPDATE run SET configuration = 'conf', last_wall = 'known' WHERE position = 8",
        "UPDATE outbox SET priority = 1, wall_s = 12.5 WHERE position = 9",
    ),
    4: ("INSERT INTO therapy VALUES ('bed-1', 'orders', 'kept')",),
    5: ("INSERT INTO ended VALUES (3, 'bed-1', 'HR_LOW', 'run-0-9')",),
}
"""What a program of each version could have written beyond what the one before could."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def write_as(path: Path, version: int) -> None:
    """Make a file as a program of that version left it."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    for number, sql in enumerate(migrations()[:version], 1):
        db.executescript(f"{sql} PRAGMA user_version = {number};")
        for statement in WRITTEN.get(number, ()):
            db.execute(statement)
    db.close()


def test_a_new_file_is_migrated_and_empty(path: Path) -> None:
    opened = Opened(path)
    opened.close()
    assert opened.state == StoredState()
    assert rows(path, "PRAGMA user_version") == [(KNOWN,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "SELECT position, run_id, boot_id, started_wall, last_event_seq FROM run") == [
        (1, "run-1", "boot-1", WALL, 0)
    ]


@pytest.mark.parametrize("version", range(1, KNOWN + 1))
def test_a_file_of_an_earlier_version_keeps_everything(path: Path, version: int) -> None:
    write_as(path, version)
    opened = Opened(path, "run-2", "boot-2")
    told, least, at_s = (("conf", "known"), 1, 12.5) if version >= 3 else (("", ""), 3, 0.0)
    assert opened.state == StoredState(
        previous_run="run-1",
        previous_event_seq=2,
        alarms=(alarm(rev=4),),
        outbox=(OutboxRow("run-0", 3, "t", b"\x00\xff"), OutboxRow("run-1", 2, "t", b"\x01", least, at_s)),
        answers=(AnswerRow("station-1", "request-9", "said"),) if version >= 2 else (),
        therapy=(TherapyRow("bed-1", "orders", "kept"),) if version >= 4 else (),
        previous_configuration=told[0],
        last_known_wall=told[1],
        ended=frozenset({("bed-1", "HR_LOW", "run-0-9")} if version >= 5 else ()),
    )
    opened.commit(Transaction(1, journal=(line(run="run-2"),), answers=(answer(1),)))
    opened.close()

    assert rows(path, "PRAGMA user_version") == [(KNOWN,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT position, run_id, boot_id, started_wall, last_event_seq FROM run") == [
        (7, "run-0", "boot-0", "then", 3),
        (8, "run-1", "boot-1", "later", 2),
        (9, "run-2", "boot-2", WALL, 0),
    ]
    assert rows(path, "SELECT position, run, event_seq FROM outbox") == [(5, "run-0", 3), (9, "run-1", 2)]
    columns = "SELECT id, run, kind, wall, synchronised, mono_s, body FROM journal"
    assert rows(path, columns) == [*JOURNAL, (14, "run-2", "alarm", WALL, 1, 12.5, '{"a":"b"}')]
    assert reload(path).answers[-1] == answer(1)
    assert read_story(path, "run-1-1") == (JournalRow("run-0", "alarm", WALL, False, 1.5, STORY),)


def test_each_version_is_tried() -> None:
    assert list(WRITTEN) == list(range(1, KNOWN + 1))


def test_rows_of_before_the_chain_have_no_hash_and_the_next_one_begins_it(path: Path) -> None:
    write_as(path, 2)
    opened = Opened(path, "run-2")
    opened.commit(Transaction(1, journal=(line(run="run-2"),)))
    opened.close()
    with whole_journal(path) as journal:
        found: list[ChainedRow] = list(journal.rows)
    assert [(row.number, row.hash is None) for row in found] == [(11, True), (12, True), (13, True), (14, False)]


def test_a_failing_migration_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_something(path)
    known = migrations()
    newer = KNOWN + 1
    broken = [*known, "CREATE TABLE third (a TEXT) STRICT;", "CREATE TABLE fourth (a TEXT); INSERT INTO nowhere;"]
    monkeypatch.setattr(store_file, "migrations", lambda: broken)
    opened = Opened(path, "run-2")
    assert opened.state.fault.startswith("SQLITE_ERROR: ")
    assert opened.state.set_aside is None
    opened.store.close(0.0)
    assert rows(path, "PRAGMA user_version") == [(newer,)]
    assert rows(path, "SELECT name FROM sqlite_schema WHERE name IN ('third', 'fourth')") == [("third",)]
    monkeypatch.setattr(store_file, "migrations", lambda: broken[:newer])
    assert len(reload(path, "run-3").alarms) == 59
