"""A store that cannot be opened when the edge starts: the start goes on, and takes it up by itself when it can be."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import store as module
from edge.lock import AlreadyRunningError, Claim
from edge.store import STALL_S, NewerFileError, Run, StoredState, Transaction
from edge.store_file import StoreFile
from tests.unit.stores import KNOWN, LIMIT_S, WALL, Opened, alarm, event, numbered, reload, write_something

HUNG = "the disk has not answered for 0 s"
ROFS = OSError(30, "Read-only file system")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The disk hangs, for whoever opens the file, until this is set."""
    event, opened = threading.Event(), StoreFile.open

    def hanging(file: StoreFile) -> StoredState:
        assert event.wait(10.0)
        return opened(file)

    monkeypatch.setattr(StoreFile, "open", hanging)
    yield event
    event.set()


class Claims:
    """A claim that fails with these errors, one each time."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        if self.errors:
            raise self.errors.pop(0)


def kept(path: Path) -> StoredState:
    write_something(path)
    return reload(path, "run-2")


def test_a_disk_that_hangs_at_the_start_holds_up_nobody_and_is_read_before_anything_is_written(
    path: Path, works: threading.Event
) -> None:
    works.set()
    before = kept(path)
    works.clear()
    opened = Opened(path, "run-2", limit_s=0.01)
    assert opened.state == StoredState(fault=HUNG, unread=True)
    opened.store.submit(numbered(1, "run-2"))
    opened.store.look(100.0)
    assert opened.results.told == []
    opened.store.look(100.0 + STALL_S)
    assert opened.results.told == [(1, False, "the disk has not answered for 3 s")]
    works.set()
    assert opened.results.wait_for(2) == [(1, False), (1, True)]
    assert opened.late == [before]
    opened.close()
    assert event(1, "run-2") in reload(path, "run-3").outbox


def test_a_disk_that_takes_no_writes_gives_what_it_keeps_and_is_written_when_it_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPEN_AGAIN_S", 0.02)
    before = kept(path)
    claims = Claims(ROFS, ROFS, ROFS)
    opened = Opened(path, "run-2", claim=claims)
    fault = "OSError: [Errno 30] Read-only file system"
    assert opened.state.fault == fault
    assert not opened.state.unread
    assert (opened.state.alarms, opened.state.outbox) == (before.alarms, before.outbox)
    opened.commit(numbered(1, "run-2"))
    assert opened.results.told[0] == (1, False, fault)
    assert opened.results.wait_for(2)[1] == (1, True)
    assert (claims.times, opened.late) == (4, [])
    opened.close()
    assert event(1, "run-2") in reload(path, "run-3").outbox


def test_a_disk_that_hung_and_then_fails_is_told_only_when_it_was_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPEN_AGAIN_S", 0.02)
    before, answers = kept(path), threading.Event()
    path.rename(path.with_name("elsewhere"))  # nothing to read there yet
    claims = Claims(ROFS, ROFS)

    def hanging() -> None:
        assert answers.wait(LIMIT_S)
        if not claims.errors and not path.exists():
            path.with_name("elsewhere").rename(path)
        claims()

    opened = Opened(path, "run-2", claim=hanging, limit_s=0.01)
    opened.store.submit(numbered(1, "run-2"))
    answers.set()
    opened.results.wait(lambda: (1, True) in opened.results.pairs())
    assert claims.times == 3
    assert opened.late == [before]
    opened.close()


def test_what_is_handed_over_while_the_file_cannot_be_opened_is_told_at_once(path: Path) -> None:
    opened = Opened(path.parent / "absent" / path.name)
    opened.commit(numbered(1))
    opened.commit(numbered(2))
    assert opened.results.told == [(mark, False, "SQLITE_CANTOPEN: unable to open database file") for mark in (1, 2)]
    assert not opened.store.close(0.1)


@pytest.mark.parametrize("spoil", ["damaged", "older", "gone"])
def test_what_cannot_be_read_from_a_disk_that_takes_no_writes_is_unread_until_it_can_be_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    monkeypatch.setattr(module, "OPEN_AGAIN_S", 0.02)
    if spoil == "damaged":
        path.write_bytes(b"no database" * 1000)
    elif spoil == "older":
        write_something(path)
        with sqlite3.connect(path) as file:
            file.execute(f"PRAGMA user_version = {KNOWN - 1}")
            file.execute("DROP TABLE ended")
    opened = Opened(path, "run-2", claim=Claims(ROFS))
    assert opened.state == StoredState(fault="OSError: [Errno 30] Read-only file system", unread=True)
    opened.commit(numbered(1, "run-2"))
    opened.results.wait(lambda: (1, True) in opened.results.pairs())
    (late,) = opened.late
    assert isinstance(late, StoredState)
    assert (late.set_aside, bool(late.alarms)) == (
        "store.db.damaged-1" if spoil == "damaged" else None,
        spoil == "older",
    )
    opened.close()


def test_a_file_with_a_log_is_read_with_it_where_nothing_can_be_written(path: Path) -> None:
    opened = Opened(path)
    opened.commit(numbered(1))
    assert path.with_name("store.db-wal").stat().st_size
    read = StoreFile(path, Run("run-2", "boot-1", WALL))
    assert read.peek("why").outbox == (event(1),)
    opened.close()


def test_a_later_version_found_late_is_told_and_the_file_stays_as_it_is(path: Path, works: threading.Event) -> None:
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    opened = Opened(path, limit_s=0.01)
    opened.store.submit(numbered(1))
    works.set()
    opened.results.wait(lambda: bool(opened.late))
    assert isinstance(opened.late[0], NewerFileError)
    opened.store.submit(numbered(2))
    assert opened.results.pairs() == [(1, False), (2, False)]
    assert "has version 999" in opened.results.told[1][2]
    assert path.read_bytes() == before


def test_a_store_that_another_daemon_has_is_refused_at_once_or_when_the_disk_answers(path: Path) -> None:
    first = Claim(path)
    first.take()
    first.take()  # it is ours
    with pytest.raises(AlreadyRunningError, match="another infusion-edge runs with the store"):
        Opened(path, claim=Claim(path).take)
    answers = threading.Event()

    def hanging() -> None:
        assert answers.wait(LIMIT_S)
        Claim(path).take()

    opened = Opened(path, claim=hanging, limit_s=0.01)
    assert opened.state.unread
    answers.set()
    opened.results.wait(lambda: bool(opened.late))
    assert isinstance(opened.late[0], AlreadyRunningError)
    assert not path.exists()


def test_on_a_disk_that_takes_no_writes_another_daemon_is_known_by_the_lock_that_it_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, opens = Claim(path), os.open
    first.take()

    def read_only(name: Path, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_RDWR | os.O_CREAT):
            raise ROFS
        return opens(name, flags, mode)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(AlreadyRunningError):
        Claim(path).take()
    with pytest.raises(FileNotFoundError):
        Claim(path.with_name("other.db")).take()  # no lock was made there: it cannot be told


def test_an_alarm_that_was_kept_is_not_written_over_by_a_start_that_could_not_read_it(
    path: Path, works: threading.Event
) -> None:
    works.set()
    opened = Opened(path)
    opened.commit(Transaction(1, (alarm("HR_HIGH"), alarm("SPO2_LOW"))))
    opened.close()
    works.clear()
    second = Opened(path, "run-2", limit_s=0.01)
    second.store.submit(Transaction(1, (alarm("HR_HIGH", rev=9),)))
    works.set()
    second.results.wait(lambda: (1, True) in second.results.pairs())
    second.close()
    assert {(row.key, row.rev) for row in reload(path, "run-3").alarms} == {("HR_HIGH", 9), ("SPO2_LOW", 1)}
