"""The store on real files: what is told as committed is there, and nothing fails silently."""

import asyncio
import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from edge import store as module
from edge.store import (
    AlarmRow,
    JournalRow,
    NewerFileError,
    OutboxRow,
    Sent,
    Store,
    StoredState,
    Transaction,
)

WALL = "2025-03-01T12:00:00.000Z"
LIMIT_S = 5.0


class Results:
    """What the store told, in order; to be awaited from the test's thread."""

    def __init__(self) -> None:
        self.told: list[tuple[int, bool, str]] = []
        self._changed = threading.Condition()

    def take(self, mark: int, committed: bool, detail: str) -> None:
        with self._changed:
            self.told.append((mark, committed, detail))
            self._changed.notify_all()

    def wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(until, LIMIT_S), self.told

    def wait_for(self, number: int) -> list[tuple[int, bool]]:
        self.wait(lambda: len(self.told) >= number)
        return self.pairs()

    def pairs(self) -> list[tuple[int, bool]]:
        return [(mark, committed) for mark, committed, _ in self.told]


class Opened:
    def __init__(self, path: Path, run: str = "run-1") -> None:
        self.results = Results()
        self.store = Store(self.results.take, lambda call: call())
        self.state = self.store.open(path, run, "boot-1", WALL)

    def commit(self, *items: Transaction | Sent) -> None:
        """Submit, and wait until the last transaction is told."""
        expected = len(self.results.told) + sum(isinstance(item, Transaction) for item in items)
        for item in items:
            self.store.submit(item)
        self.results.wait_for(expected)

    def close(self) -> None:
        assert self.store.close(LIMIT_S)


def alarm(key: str = "HR_HIGH", *, bed: str = "bed-1", rev: int = 1, body: str = "{}") -> AlarmRow:
    return AlarmRow(bed, key, f"{key}-1", rev, body)


def event(event_seq: int, run: str = "run-1") -> OutboxRow:
    return OutboxRow(run, event_seq, "infusion/v1/s/edge/e/event", f'{{"n":{event_seq}}}'.encode())


def line(kind: str = "alarm", run: str = "run-1") -> JournalRow:
    return JournalRow(run, kind, WALL, synchronised=True, mono_s=12.5, body='{"a":"b"}')


def numbered(mark: int, run: str = "run-1") -> Transaction:
    return Transaction(mark, events=(event(mark, run),))


def reload(path: Path, run: str = "run-next") -> StoredState:
    opened = Opened(path, run)
    opened.close()
    return opened.state


def rows(path: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.close()


def fail_commits(monkeypatch: pytest.MonkeyPatch, errors: list[Exception]) -> None:
    """Let the next commits of items fail with these errors, once each."""
    commit = module._File.commit

    def failing(file: module._File, items: Sequence[module.Item]) -> list[tuple[bool, str]]:
        if items and errors:
            raise errors.pop(0)
        return commit(file, items)

    monkeypatch.setattr(module._File, "commit", failing)


def wait_until_taken(store: Store) -> None:
    """Until the thread took all that waited."""
    pause = threading.Event()
    for _ in range(1000):
        if not store._queue:
            return
        pause.wait(0.002)
    raise AssertionError("the thread took nothing")


def write_something(path: Path) -> None:
    opened = Opened(path)
    opened.commit(
        *(
            Transaction(n, (alarm(f"KEY-{n}", body="x" * 500),), events=(event(n),), journal=(line(),))
            for n in range(1, 60)
        )
    )
    opened.close()


# --- commit and reload ------------------------------------------------------------------------------------------------


def test_a_new_file_is_migrated_and_empty(path: Path) -> None:
    opened = Opened(path)
    opened.close()
    assert opened.state == StoredState()
    assert rows(path, "PRAGMA user_version") == [(1,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "SELECT position, run_id, boot_id, started_wall, last_event_seq FROM run") == [
        (1, "run-1", "boot-1", WALL, 0)
    ]


def test_the_connection_is_durable_and_checks_references(path: Path) -> None:
    file = module._File(path, "run-1", "boot-1", WALL)
    db = file._connect()
    full = 2
    assert db.execute("PRAGMA synchronous").fetchone() == (full,)
    assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    file.drop()


def test_what_was_committed_is_there_after_a_restart(path: Path) -> None:
    first = Opened(path)
    first.commit(
        Transaction(1, (alarm(), alarm("SPO2_LOW", bed="bed-2")), (), (event(1), event(2)), (line("one"), line("two")))
    )
    first.commit(Transaction(2, (alarm(rev=2, body='{"v":"12.50"}'),), (("bed-2", "SPO2_LOW"),), (event(3),)))
    first.close()

    second = Opened(path, "run-2")
    assert second.state == StoredState(
        previous_run="run-1",
        previous_event_seq=3,
        alarms=(alarm(rev=2, body='{"v":"12.50"}'),),
        outbox=(event(1), event(2), event(3)),
    )
    second.commit(numbered(1, "run-2"), Sent("run-1", 1), Sent("run-1", 2))
    second.close()

    third = reload(path, "run-3")
    assert (third.previous_run, third.previous_event_seq) == ("run-2", 1)
    assert third.outbox == (event(3), event(1, "run-2"))
    assert rows(path, "SELECT id, run, kind, wall, synchronised, mono_s, body FROM journal") == [
        (1, "run-1", "one", WALL, 1, 12.5, '{"a":"b"}'),
        (2, "run-1", "two", WALL, 1, 12.5, '{"a":"b"}'),
    ]


def test_a_run_without_an_event_is_still_the_previous_one(path: Path) -> None:
    write_something(path)
    assert (reload(path, "run-2").previous_run, reload(path, "run-3").previous_run) == ("run-1", "run-2")
    assert reload(path, "run-4").previous_event_seq == 0


def test_an_alarm_that_ended_and_began_again_in_one_step_stands(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, (alarm(),)), Transaction(2, (alarm(rev=7),), (("bed-1", "HR_HIGH"),)))
    opened.close()
    assert reload(path).alarms == (alarm(rev=7),)


def test_the_id_of_a_pruned_journal_row_never_comes_again(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, journal=(line(), line())))
    rows_before = rows(path, "SELECT max(id) FROM journal")
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM journal")
    db.close()
    opened.commit(Transaction(2, journal=(line(),)))
    opened.close()
    assert (rows_before, rows(path, "SELECT id FROM journal")) == ([(2,)], [(3,)])


def test_an_event_submitted_twice_is_kept_once(path: Path) -> None:
    opened = Opened(path)
    opened.commit(numbered(1), Transaction(2, events=(event(1), event(2))))
    opened.close()
    assert opened.results.pairs() == [(1, True), (2, True)]
    assert reload(path).outbox == (event(1), event(2))


# --- order and results ------------------------------------------------------------------------------------------------


def test_results_come_in_order_and_no_sent_overtakes_its_row(path: Path) -> None:
    opened = Opened(path)
    for mark in range(1, 501):
        opened.store.submit(numbered(mark))
        opened.store.submit(Sent("run-1", mark))
    opened.close()
    assert opened.results.pairs() == [(mark, True) for mark in range(1, 501)]
    assert reload(path).outbox == ()


def test_a_result_is_told_only_when_another_program_can_read_the_row(path: Path) -> None:
    seen: list[list[tuple[object, ...]]] = []

    def look(mark: int, committed: bool, detail: str) -> None:
        seen.append(rows(path, "SELECT event_seq FROM outbox WHERE event_seq = ?", mark))

    store = Store(look, lambda call: call())
    store.open(path, "run-1", "boot-1", WALL)
    for mark in range(1, 21):
        store.submit(numbered(mark))
    assert store.close(LIMIT_S)
    assert seen == [[(mark,)] for mark in range(1, 21)]


def test_what_waits_together_is_committed_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    commit = module._File.commit

    def counted(file: module._File, items: Sequence[module.Item]) -> list[tuple[bool, str]]:
        batches.append(len(items))
        return commit(file, items)

    opened = Opened(path)
    monkeypatch.setattr(module._File, "commit", counted)
    number = 1 + module.BATCH_MAX + 10
    with locked(path):
        opened.store.submit(numbered(1))
        wait_until_taken(opened.store)
        for mark in range(2, number + 1):
            opened.store.submit(numbered(mark))
    opened.close()
    assert opened.results.pairs() == [(mark, True) for mark in range(1, number + 1)]
    assert batches == [1, module.BATCH_MAX, 10]


async def test_results_come_in_the_event_loop_and_a_stalled_disk_delays_nobody(path: Path) -> None:
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[tuple[int, bool, str, int]] = asyncio.Queue()
    store = Store(lambda *result: told.put_nowait((*result, threading.get_ident())), loop.call_soon_threadsafe)
    store.open(path, "run-1", "boot-1", WALL)
    with locked(path):
        began_s = loop.time()
        for mark in range(1, 101):
            store.submit(numbered(mark))
        assert loop.time() - began_s < 0.5
        await asyncio.sleep(1.0)  # the stall itself, shorter than BUSY_S
        assert told.empty()
    here = threading.get_ident()
    assert [await told.get() for _ in range(100)] == [(mark, True, "", here) for mark in range(1, 101)]
    assert store.close(LIMIT_S)
    assert [row.event_seq for row in reload(path).outbox] == list(range(1, 101))


def test_a_closed_loop_does_not_keep_the_rest_from_the_disk(path: Path) -> None:
    def refuse(call: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    store = Store(Results().take, refuse)
    store.open(path, "run-1", "boot-1", WALL)
    store.submit(numbered(1))
    store.submit(numbered(2))
    assert store.close(LIMIT_S)
    assert reload(path).outbox == (event(1), event(2))


def test_the_thread_is_a_daemon_with_a_name(path: Path) -> None:
    opened = Opened(path)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "store"] == [True]
    opened.close()
    assert "store" not in [thread.name for thread in threading.enumerate()]


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_held_lock_is_told_as_failed_and_committed_in_order_by_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.01)
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
    monkeypatch.setattr(module, "BUSY_S", 0.2)
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
    connect = module._File._connect
    spoilt: list[str] = []

    def spoiling(file: module._File) -> sqlite3.Connection:
        db = connect(file)
        if not spoilt and threading.current_thread().name == "store":
            spoilt.append(spoil)
            if spoil:
                db.execute(spoil)
            else:
                db.close()
        return db

    monkeypatch.setattr(module._File, "_connect", spoiling)
    opened = Opened(path)
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
        Transaction(2, (alarm("A"),), events=(event(2, "run-unknown"),)),
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
    assert (state.alarms, state.outbox) == ((alarm("D"),), (event(1), event(5)))


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_over_its_bound_the_queue_refuses_at_once_and_keeps_the_alarm_states(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 2)
    opened = Opened(path)
    with locked(path):
        opened.store.submit(Transaction(1, (alarm("A"), alarm("B"))))
        wait_until_taken(opened.store)
        opened.store.submit(numbered(2))
        opened.store.submit(Transaction(3, (alarm("C"),)))
        assert opened.results.told == []
        opened.store.submit(Transaction(4, (alarm("A", rev=2), alarm("D")), (), (event(4), event(5)), (line(),)))
        opened.store.submit(Transaction(5, (alarm("B", rev=2), alarm("D", rev=2)), (("bed-1", "C"), ("bed-1", "A"))))
        opened.store.submit(Sent("run-1", 2))
        assert opened.results.told == [
            (4, False, "the queue is full: 2 events and 1 journal rows not kept"),
            (5, False, "the queue is full: 0 events and 0 journal rows not kept"),
        ]
    opened.results.wait_for(5)
    opened.commit(Transaction(6, (alarm("E"),)))
    opened.close()
    assert opened.results.pairs()[2:] == [(1, True), (2, True), (3, True), (6, True)]
    state = reload(path)
    assert state.alarms == (alarm("B", rev=2), alarm("D", rev=2), alarm("E"))
    assert state.outbox == (event(2),)
    assert rows(path, "SELECT count(*) FROM journal") == [(0,)]


def test_the_bound_of_the_queue_takes_just_so_many(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_S", LIMIT_S)
    opened = Opened(path)
    with locked(path):
        opened.store.submit(numbered(1))
        wait_until_taken(opened.store)
        for mark in range(2, module.QUEUE_MAX + 2):
            opened.store.submit(numbered(mark))
        assert opened.results.told == []
        opened.store.submit(numbered(module.QUEUE_MAX + 2))
        assert opened.results.pairs() == [(module.QUEUE_MAX + 2, False)]
    opened.close()
    assert opened.results.pairs()[1:] == [(mark, True) for mark in range(1, module.QUEUE_MAX + 2)]


def test_over_its_bound_the_outbox_takes_no_event_and_says_how_many(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OUTBOX_MAX", 3)
    opened = Opened(path)
    opened.commit(
        Transaction(1, events=(event(1), event(2))),
        Transaction(2, (alarm(),), events=(event(3), event(4), event(5)), journal=(line(),)),
        Sent("run-1", 1),
        Transaction(3, events=(event(6),)),
        Transaction(4, events=(event(7),)),
    )
    opened.close()
    assert opened.results.told == [
        (1, True, ""),
        (2, True, "the outbox is full: 2 events not kept"),
        (3, True, ""),
        (4, True, "the outbox is full: 1 events not kept"),
    ]
    second = Opened(path, "run-2")
    assert (second.state.outbox, second.state.alarms) == ((event(2), event(3), event(6)), (alarm(),))
    assert second.state.previous_event_seq == 6
    second.commit(Transaction(1, events=(event(1, "run-2"),)))
    second.close()
    assert second.results.told == [(1, True, "the outbox is full: 1 events not kept")]


def test_a_refused_row_leaves_the_count_of_the_outbox_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTBOX_MAX", 2)
    opened = Opened(path)
    opened.commit(Transaction(1, events=(event(1), event(1, "run-unknown"))))
    opened.commit(Sent("run-1", 9), numbered(2), numbered(3), numbered(4))
    opened.close()
    assert [(mark, committed) for mark, committed, _ in opened.results.told] == [
        (1, False),
        (2, True),
        (3, True),
        (4, True),
    ]
    assert opened.results.told[-1][2] == "the outbox is full: 1 events not kept"
    assert reload(path).outbox == (event(2), event(3))


# --- damaged, newer and unusable files --------------------------------------------------------------------------------


def overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:6000] = b"\xa5" * 5900
    path.write_bytes(content)


def overwrite_journal(path: Path) -> None:
    """Only the check finds it: nothing reads the journal at the start."""
    ((page, size),) = rows(
        path, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'journal'"
    )
    assert isinstance(page, int)
    assert isinstance(size, int)
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xa5" * size
    path.write_bytes(content)


def overwrite_header(path: Path) -> None:
    path.write_bytes(b"not a database" + path.read_bytes()[14:])


def spoil_text(path: Path) -> None:
    content = path.read_bytes()
    assert b"xxxxxxxx" in content
    path.write_bytes(content.replace(b"xxxxxxxx", b"xx\xff\xfexxxx"))


def truncate_to_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def truncate_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [overwrite, overwrite_journal, overwrite_header, spoil_text, truncate_to_half, truncate_to_nothing],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_file_is_set_aside_and_a_fresh_one_begun(path: Path, damage: Callable[[Path], None]) -> None:
    write_something(path)
    damage(path)
    damaged = path.read_bytes()

    opened = Opened(path, "run-2")
    assert opened.state == StoredState(set_aside="store.db.damaged-1")
    opened.commit(Transaction(1, (alarm(),), events=(event(1, "run-2"),)))
    opened.close()

    assert path.with_name("store.db.damaged-1").read_bytes() == damaged
    assert reload(path, "run-3") == StoredState("run-2", 1, (alarm(),), (event(1, "run-2"),))


def test_the_second_damaged_file_does_not_replace_the_first(path: Path) -> None:
    for number in (1, 2):
        write_something(path)
        overwrite(path)
        assert reload(path).set_aside == f"store.db.damaged-{number}"
        assert path.with_name(f"store.db.damaged-{number}").read_bytes()[100:6000] == b"\xa5" * 5900
    assert path.with_name("store.db.damaged-1").exists()


@pytest.mark.parametrize("lost", [False, True])
def test_the_wal_of_a_damaged_or_lost_file_is_kept_beside_it(path: Path, lost: bool) -> None:
    write_something(path)
    run_child("leave", path)  # dies with its rows in the WAL alone
    wal = path.with_name("store.db-wal").read_bytes()
    if lost:
        path.unlink()
    else:
        truncate_to_nothing(path)
    assert len(wal) > 0
    assert reload(path).set_aside == "store.db.damaged-1"
    assert path.with_name("store.db.damaged-1-wal").read_bytes() == wal
    assert path.with_name("store.db.damaged-1").exists() is not lost


def test_a_newer_file_is_refused_and_left_as_it_is(path: Path) -> None:
    write_something(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    store = Store(Results().take, lambda call: call())
    with pytest.raises(NewerFileError, match="has version 99; this program knows 1 and older"):
        store.open(path, "run-2", "boot-1", WALL)
    assert store.close(LIMIT_S)
    assert [file.name for file in path.parent.iterdir()] == ["store.db"]
    assert path.read_bytes() == before


def test_a_failing_migration_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_something(path)
    initial = module._migrations()
    broken = [*initial, "CREATE TABLE second (a TEXT) STRICT;", "CREATE TABLE third (a TEXT); INSERT INTO nowhere;"]
    monkeypatch.setattr(module, "_migrations", lambda: broken)
    opened = Opened(path, "run-2")
    assert opened.state.fault.startswith("SQLITE_ERROR: ")
    assert opened.state.set_aside is None
    opened.store.close(0.0)
    assert rows(path, "PRAGMA user_version") == [(2,)]
    assert rows(path, "SELECT name FROM sqlite_schema WHERE name IN ('second', 'third')") == [("second",)]
    monkeypatch.setattr(module, "_migrations", lambda: broken[:2])
    assert len(reload(path, "run-3").alarms) == 59


def test_a_directory_that_is_not_there_is_a_fault_until_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    path = tmp_path / "absent" / "store.db"
    opened = Opened(path)
    assert opened.state == StoredState(fault="SQLITE_CANTOPEN: unable to open database file")
    opened.commit(numbered(1))
    path.parent.mkdir()
    assert opened.results.wait_for(2) == [(1, False), (1, True)]
    opened.close()
    assert reload(path, "run-2") == StoredState("run-1", 1, outbox=(event(1),))


def test_a_file_that_can_be_read_but_not_written_gives_its_state_and_a_fault(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.01)
    opened = Opened(path)
    opened.commit(Transaction(1, (alarm(),), events=(event(1),)))
    opened.close()
    with locked(path):
        second = Opened(path, "run-2")
    assert second.state == StoredState("run-1", 1, (alarm(),), (event(1),), fault="SQLITE_BUSY: database is locked")
    second.commit(numbered(1, "run-2"))
    second.close()
    assert second.results.pairs() == [(1, True)]
    assert reload(path, "run-3").previous_run == "run-2"


# --- the end ----------------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(module, "BUSY_S", 0.05)
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
    store.open(path, "run-1", "boot-1", WALL)
    assert store.close(LIMIT_S)
    store.submit(numbered(2))
    assert results.told == [(1, False, "the store is closed"), (2, False, "the store is closed")]


# --- another process --------------------------------------------------------------------------------------------------

CHILD = """
import os, resource, sys, threading
from pathlib import Path
from edge import store as module
from edge.store import AlarmRow, OutboxRow, Store, Transaction

what, path, run = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
told = threading.Semaphore(0)

def take(mark, committed, detail):
    os.write(1, f"{mark} {committed}\\n".encode())
    told.release()

store = Store(take, lambda call: call())

def put(mark, size=10):
    events = (OutboxRow(run, mark, "topic", b"p" * size),)
    store.submit(Transaction(mark, (AlarmRow("bed", "KEY", "one", mark, "{}"),), events=events))

if what == "full":
    module.RETRY_S = 0.02
    store.open(path, run, "boot", "")
    put(1)
    told.acquire()
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
    put(2, 100_000)
    told.acquire()
    put(3)
    told.acquire()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert store.close(5.0)
elif what == "leave":
    store.open(path, run, "boot", "")
    put(1)
    told.acquire()
    os._exit(0)
else:
    store.open(path, run, "boot", "")
    mark = 0
    while True:
        for _ in range(5):
            mark += 1
            put(mark)
        told.acquire(); told.acquire(); told.acquire(); told.acquire(); told.acquire()
"""


def child(what: str, path: Path, run: str) -> subprocess.Popen[bytes]:
    root = Path(module.__file__).parents[1]
    return subprocess.Popen([sys.executable, "-c", CHILD, what, str(path), run], cwd=root, stdout=subprocess.PIPE)


def run_child(what: str, path: Path) -> str:
    with child(what, path, "run-child") as process:
        out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    return out.decode()


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
