"""Files that are damaged, newer, or cannot be used."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import store as module
from edge import store_file
from edge.lock import lock
from edge.store import NewerFileError, Run, Store, StoredState, Transaction
from edge.store_file import StoreFile
from tests.unit.stores import (
    KNOWN,
    LIMIT_S,
    WALL,
    Opened,
    Results,
    alarm,
    event,
    locked,
    numbered,
    reload,
    rows,
    run_child,
    write_something,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


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


def spoil_schema(path: Path) -> None:
    """SQLite quotes it in its error, which is then no UTF-8."""
    content = path.read_bytes()
    place = content.index(b"NOT NULL", content.index(b"CREATE TABLE journal")) + len("NOT NU")
    path.write_bytes(content[:place] + b"\xcc" + content[place + 1 :])


def truncate_to_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def truncate_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


EVERY_DAMAGE = pytest.mark.parametrize(
    "damage",
    [
        overwrite,
        overwrite_journal,
        overwrite_header,
        spoil_text,
        spoil_schema,
        truncate_to_half,
        truncate_to_nothing,
    ],
    ids=lambda damage: damage.__name__,
)


@EVERY_DAMAGE
def test_of_a_damaged_file_on_a_disk_that_takes_no_writes_nothing_is_believed(
    path: Path, damage: Callable[[Path], None]
) -> None:
    write_something(path)
    damage(path)
    assert StoreFile(path, Run("run-2", "boot-1", WALL)).peek("why") == StoredState(fault="why", unread=True)


@EVERY_DAMAGE
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


@pytest.mark.parametrize("taken", [("store.db", "store.db-wal"), ("store.db",), ("store.db-wal",)])
def test_a_file_that_is_taken_away_takes_nothing_until_it_is_put_back(path: Path, taken: tuple[str, ...]) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, (alarm(),)))
    away = path.with_name("away")
    away.mkdir()
    for name in taken:
        path.with_name(name).rename(away / name)
    opened.commit(Transaction(2, (alarm("BP_LOW"),)))
    assert opened.results.pairs()[:2] == [(1, True), (2, False)]
    assert opened.results.told[1][2].startswith(f"StoreFileError: {path} or its -wal was taken away")
    assert path.exists() is ("store.db" not in taken), "a fresh one would lack the alarms that stand"
    for one in away.iterdir():
        one.rename(path.with_name(one.name))
    opened.results.wait_for(3)
    opened.close()
    assert opened.results.pairs()[2:] == [(2, True)]
    assert reload(path, "run-2").alarms == (alarm("BP_LOW"), alarm())


def test_a_store_of_which_nothing_is_left_does_not_look_like_a_first_one(path: Path) -> None:
    os.close(lock(path))
    assert not reload(path).gone
    path.unlink()
    assert reload(path, "run-2") == StoredState(gone=True)
    assert not reload(path, "run-3").gone


@pytest.mark.parametrize(
    ("from_end", "torn", "found"),
    [(6000, False, "damaged"), (20_000, False, "damaged"), (200, False, 8), (4000, True, 8), (20_000, True, 4)],
)
def test_a_log_that_is_cut_in_its_middle_is_damage_and_a_torn_end_is_none(
    path: Path, from_end: int, torn: bool, found: object
) -> None:
    file = StoreFile(path, Run("run-1", "boot-1", WALL))
    file.open()
    for rev in range(10):
        file.commit([Transaction(rev, (alarm(rev=rev),))])
    whole, log = path.read_bytes(), bytearray(path.with_name("store.db-wal").read_bytes())
    file.drop()
    place = len(log) - from_end
    log[place:] = b"" if torn else bytes([log[place] ^ 1]) + log[place + 1 :]
    path.write_bytes(whole)
    path.with_name("store.db-wal").write_bytes(log)
    state = reload(path, "run-2")
    assert (state.set_aside, [one.rev for one in state.alarms]) == (
        ("store.db.damaged-1", []) if found == "damaged" else (None, [found])
    )


def test_a_newer_file_is_refused_and_left_as_it_is(path: Path) -> None:
    write_something(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    store = Store(Results().take, lambda call: call())
    with pytest.raises(NewerFileError, match=f"has version 99; this program knows {KNOWN} and older"):
        store.open(path, Run("run-2", "boot-1", WALL))
    assert store.close(LIMIT_S)
    assert [file.name for file in path.parent.iterdir()] == ["store.db"]
    assert path.read_bytes() == before


def test_a_directory_that_is_not_there_is_a_fault_until_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_AGAIN_S", 0.02)
    path = tmp_path / "absent" / "store.db"
    opened = Opened(path)
    assert opened.state == StoredState(fault="SQLITE_CANTOPEN: unable to open database file", unread=True)
    opened.commit(numbered(1))
    path.parent.mkdir()
    assert opened.results.wait_for(2) == [(1, False), (1, True)]
    assert opened.late == [StoredState()]
    opened.close()
    assert reload(path, "run-2") == StoredState("run-1", 1, outbox=(event(1),))


def test_a_file_that_can_be_read_but_not_written_gives_its_state_and_a_fault(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", 0.01)
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
