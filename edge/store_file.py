"""The store's file with its migrations: the module that writes SQLite; `store_reading` reads it from outside.

It works on plain rows and knows nothing of what an alarm means. WAL with ``synchronous = FULL``: what is told as
committed has been flushed to the disk, and others read while one writes.

A file found damaged at the start is set aside, never deleted. Damage found later is told as a failure until the next
start, since a fresh file would lack the alarms that stand. A commit that the disk refused may turn out to be written
after all: its events and answers are then taken once, and its journal rows may stand twice.

The journal is chained (`edge/chain.py`) and bounded in rows, bytes and age: over a bound the oldest rows go, some at a
time, and a checkpoint carries the chain on. Starts whose rows are all gone go with the next start.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import datetime, timedelta
from importlib import resources
from itertools import count, starmap
from pathlib import Path
from typing import TypeAlias

from edge.chain import CHECKPOINT, GENESIS, checkpoint_body, link
from edge.lock import lock_of
from edge.rows import (
    AlarmRow,
    AnswerRow,
    Head,
    Item,
    JournalRow,
    Omitted,
    OutboxRow,
    Run,
    Sent,
    StoredState,
    TherapyRow,
    Transaction,
)
from edge.wal import is_cut

OUTBOX_MAX = 60_000
"""Events that wait for the broker: more than the sender keeps (`omission.EVENTS_MAX`), which leaves out the least."""

ANSWERS_MAX = 10_000
"""Answers that are kept: 20 beds, 20 requests an hour, one day; 3 MB. A repeat that old is refused for its age."""

ANSWERS_READ_MAX = 1000
"""Answers that are read at the start: one a second for a quarter of an hour; no request is good for so long."""

ENDED_MAX = 10_000
"""Ends that are remembered: as many as an edge has topics (`send_queue.TOPICS_MAX`), days of a broker that is away."""

BUSY_S = 2.0
"""How long a commit waits for another program's lock: longer than a backup holds it, short for a nurse who waits."""

JOURNAL_ROWS_MAX = 500_000
"""A year of a bed with a row a minute: longer than the story of an alarm is asked for."""

JOURNAL_AGE_MAX = timedelta(days=400)
"""The story of an alarm can be told a year later; patients' data is not kept for ever."""

FILE_BYTES_MAX = 256 * 1024 * 1024
"""The whole file: it is checked at each start, and this takes a slow card some seconds."""

CHECK_ROWS = 256
"""So often, in rows of the journal, its bounds are looked at."""

PRUNE_ROWS = 1000
"""So many rows go at once: more than come between two looks, and few enough to hold up no commit."""

_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_FILE_ERRORS = (sqlite3.Error, UnicodeError)
"""What is raised of a file: SQLite quotes names of a damaged one in its words, which may then be no UTF-8."""

_PARTS = ("", "-wal", "-shm")
_BAD_ROW = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError)
"""What a row itself can be to blame for; every other error is the disk's or the file's."""


_Identity: TypeAlias = tuple[int, int] | None
"""Device and inode of a file, none where there is none."""

Outcome: TypeAlias = tuple[bool, str]
"""Whether an item was committed, and what there is to say about it."""


class StoreFileError(Exception):
    """The file cannot be used; the text names it, and says what to do."""


class NewerFileError(StoreFileError):
    """The file was written by a later version of this program; it was left as it is."""


class _DamagedError(Exception):
    """The file cannot be trusted."""


class StoreFile:
    """The file and its connection, made when needed and dropped after any error; used by one thread at a time."""

    def __init__(self, path: Path, run: Run) -> None:
        self._path = path
        self._run = run
        self._db: sqlite3.Connection | None = None
        self._checked = False
        self._outbox_rows = 0
        self._first_number = 1
        self._unlooked_rows = 0
        self._is: _Identity = None
        self._wal_is: _Identity = None
        self.head = Head(0, GENESIS)

    def open(self) -> StoredState:
        """Check, migrate and read the file, and note the run in it; a damaged one is set aside and a new one begun.

        A failing disk does not raise: see `StoredState.fault`. Raises `NewerFileError`.
        """
        state: StoredState | None = None
        try:
            is_gone = self._is_gone()
            try:
                state = replace(self._load(), gone=is_gone)
            except _DamagedError:
                state = StoredState(set_aside=self._set_aside())
            self.commit(())
            self._forget_gone_runs()
            self._leave_trace()
        except NewerFileError:
            self.drop()
            raise
        except (*_FILE_ERRORS, OSError) as error:
            self.drop()
            fault = error_text(error)
            return self.peek(fault) if state is None else replace(state, fault=fault)
        return state

    def peek(self, fault: str) -> StoredState:
        """Read a file that cannot be written, for the reason ``fault``; `StoredState.unread` if that fails as well.

        Raises `NewerFileError`.
        """
        unread = StoredState(fault=fault, unread=True)
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        wal = self._path.with_name(f"{self._path.name}-wal")
        try:
            # On a disk that takes no writes SQLite cannot make the companions of a file that was closed well.
            if not (wal.exists() and wal.stat().st_size):
                address += "&immutable=1"
            with contextlib.closing(sqlite3.connect(address, timeout=BUSY_S, isolation_level=None, uri=True)) as db:
                (version,) = db.execute("PRAGMA user_version").fetchone()
                if version > len(migrations()):
                    raise newer(self._path, version)
                if version < len(migrations()) or db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                    return unread
                if is_cut(self._path):
                    return unread
                return replace(self._read(db), fault=fault)
        except (*_FILE_ERRORS, OSError):
            return unread

    def commit(self, items: Sequence[Item]) -> list[Outcome]:
        """Commit items in order, as one; whatever is raised, nothing of them was (and `drop` must follow)."""
        db = self._connect()
        db.execute("BEGIN IMMEDIATE")
        self._find_in_place()
        db.execute(_RUN, astuple(self._run))
        outcomes = [self._apply(db, item) for item in items]
        db.execute("COMMIT")
        return outcomes

    def begin_after(self, event_seq: int, item: Transaction) -> None:
        """Commit the rows with which a spare computer begins, after the last event of the run that it takes over.

        Raises `StoreFileError`.
        """
        try:
            self.commit((item,))
            self._connect().execute("UPDATE run SET last_event_seq = ? WHERE run_id = ?", (event_seq, self._run.run))
        except sqlite3.Error as error:
            raise StoreFileError(error_text(error)) from error

    def drop(self) -> None:
        """Close the connection, and so undo what was not committed."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = self._wal_is = None

    def _find_in_place(self) -> None:
        """Raise StoreFileError where the file is not at its place: what is written to a lost one is read by nobody."""
        found = [_identity(part) for part in self._parts()[:2]]
        self._is, self._wal_is = self._is or found[0], self._wal_is or found[1]
        if found != [self._is, self._wal_is]:
            raise _moved(self._path)

    def _is_gone(self) -> bool:
        """Tell whether there was a file at this place, and nothing is left of it: that must not look like a new one."""
        try:
            return self._lock.stat().st_size > 0 and not any(part.exists() for part in self._parts())
        except OSError:
            return False

    def _leave_trace(self) -> None:
        """Note beside the file that there is one, once."""
        with contextlib.suppress(OSError):
            if self._lock.stat().st_size == 0:
                self._lock.write_text(f"{self._path.name}\n", encoding="utf-8")

    @property
    def _lock(self) -> Path:
        return lock_of(self._path)

    def _load(self) -> StoredState:
        """Read everything. Raises `_DamagedError`, `NewerFileError`, and what SQLite does."""
        # SQLite takes an empty file for a new one, and deletes the WAL beside it: a lost store must not look like none.
        if any(part.exists() for part in self._parts()) and not (self._path.exists() and self._path.stat().st_size):
            raise _DamagedError("the file is empty or gone")
        try:
            return self._read(self._connect())
        except _FILE_ERRORS as error:
            if is_damage(error):
                raise _DamagedError(str(error)) from error
            raise

    def _read(self, db: sqlite3.Connection) -> StoredState:
        previous = """
            SELECT run_id, last_event_seq, configuration FROM run WHERE run_id <> ? ORDER BY position DESC LIMIT 1
        """
        run, event_seq, configuration = db.execute(previous, (self._run.run,)).fetchone() or ("", 0, "")
        known = "SELECT last_wall FROM run WHERE last_wall <> '' ORDER BY position DESC LIMIT 1"
        (last_wall,) = db.execute(known).fetchone() or ("",)
        alarms = db.execute("SELECT bed, key, occurrence, rev, body FROM alarm_state ORDER BY bed, key")
        outbox = db.execute("SELECT run, event_seq, topic, payload, priority, wall_s FROM outbox ORDER BY position")
        newest = "SELECT station, request_id, body FROM answer ORDER BY position DESC LIMIT ?"
        answers = reversed(db.execute(newest, (ANSWERS_READ_MAX,)).fetchall())
        therapy = db.execute("SELECT bed, part, body FROM therapy ORDER BY bed, part")
        ended = db.execute("SELECT bed, key, occurrence FROM ended")
        return StoredState(
            run,
            event_seq,
            alarms=tuple(starmap(AlarmRow, alarms)),
            outbox=tuple(starmap(OutboxRow, outbox)),
            answers=tuple(starmap(AnswerRow, answers)),
            therapy=tuple(starmap(TherapyRow, therapy)),
            previous_configuration=configuration,
            last_known_wall=last_wall,
            ended=frozenset((bed, key, occurrence) for bed, key, occurrence in ended),
        )

    def _forget_gone_runs(self) -> None:
        # With foreign keys, each run that goes would be looked for in the whole journal.
        self._connect().executescript(f"PRAGMA foreign_keys = OFF; {_GONE_RUNS}; PRAGMA foreign_keys = ON;")

    def _set_aside(self) -> str:
        """Rename the file and its companions, so that the three still open as one; return the new name."""
        names = (f"{self._path.name}.damaged-{n}" for n in count(1))
        name = next(n for n in names if not any(self._path.with_name(n + part).exists() for part in _PARTS))
        # The main file first: should the power fail now, a WAL left alone is set aside at the next start. Closed
        # last: the closing would fold the WAL into the file and delete it.
        for part, old in zip(_PARTS, self._parts(), strict=True):
            if old.exists():
                old.rename(self._path.with_name(name + part))
        self.drop()
        return name

    def _parts(self) -> list[Path]:
        return [self._path.with_name(self._path.name + part) for part in _PARTS]

    def _connect(self) -> sqlite3.Connection:
        if self._db is not None:
            return self._db
        if self._is is not None and _identity(self._path) != self._is:
            raise _moved(self._path)  # a fresh one would lack the alarms that stand
        # Made by the opener and handed over to the store's thread once, hence not bound to the thread that made it.
        self._db = db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        if not self._checked and (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise _DamagedError(verdict)
        if not self._checked and is_cut(self._path):
            raise _DamagedError("its log was cut short in the middle")
        known = migrations()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(known):
            raise newer(self._path, version)
        db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        for number, sql in enumerate(known[version:], version + 1):
            db.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
        (self._outbox_rows,) = db.execute("SELECT count(*) FROM outbox").fetchone()
        self._find_head(db)
        self._checked = True
        return db

    def _find_head(self, db: sqlite3.Connection) -> None:
        """Find where the chain goes on: numbers that were given once are never given again."""
        (given,) = db.execute("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'journal'").fetchone()
        (first,) = db.execute("SELECT min(id) FROM journal").fetchone()
        (before,) = db.execute("SELECT hash FROM journal ORDER BY id DESC LIMIT 1").fetchone() or (None,)
        self.head = Head(given, before or GENESIS)
        self._first_number = first or given + 1

    def _apply(self, db: sqlite3.Connection, item: Item) -> Outcome:
        """Write one item; undo it alone where a row of it is refused."""
        before = (self._outbox_rows, self._first_number, self._unlooked_rows, self.head)
        db.execute("SAVEPOINT item")
        try:
            left_out = self._write(db, item)
            outcome = (True, f"the outbox is full: {left_out} events not kept" if left_out else "")
        except _BAD_ROW as error:
            db.execute("ROLLBACK TO item")
            self._outbox_rows, self._first_number, self._unlooked_rows, self.head = before
            outcome = (False, f"refused: {error_text(error)}")
        db.execute("RELEASE item")
        return outcome

    def _write(self, db: sqlite3.Connection, item: Item) -> int:
        """Write the rows of an item; return how many of its events found no room."""
        match item:
            case Sent():
                self._remove_events(db, [astuple(item)])
                return 0
            case Omitted():
                self._omit(db, item)
                return 0
            case _:
                return self._write_rows(db, item)

    def _write_rows(self, db: sqlite3.Connection, item: Transaction) -> int:
        alarm = "INSERT OR REPLACE INTO alarm_state (bed, key, occurrence, rev, body) VALUES (?, ?, ?, ?, ?)"
        last = "UPDATE run SET last_event_seq = ? WHERE run_id = ?"
        answer = "INSERT INTO answer (station, request_id, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        oldest = "DELETE FROM answer WHERE position <= (SELECT max(position) FROM answer) - ?"
        self._remember_ends(db, item)
        db.executemany("DELETE FROM alarm_state WHERE bed = ? AND key = ?", item.ended)
        db.executemany(alarm, map(astuple, item.alarms))
        self._write_journal(db, item.journal)
        if item.configuration:
            db.execute("UPDATE run SET configuration = ? WHERE run_id = ?", (item.configuration, self._run.run))
        if item.answers:
            db.executemany(answer, map(astuple, item.answers))
            db.execute(oldest, (ANSWERS_MAX,))
        gone = [(row.bed, row.part) for row in item.therapy if row.body is None]
        db.executemany("DELETE FROM therapy WHERE bed = ? AND part = ?", gone)
        part = "INSERT OR REPLACE INTO therapy (bed, part, body) VALUES (?, ?, ?)"
        db.executemany(part, [astuple(row) for row in item.therapy if row.body is not None])
        kept = item.events[: max(0, OUTBOX_MAX - self._outbox_rows)]
        for row in kept:
            self._outbox_rows += db.execute(_EVENT, astuple(row)).rowcount
            db.execute(last, (row.event_seq, row.run))
        return len(item.events) - len(kept)

    def _remember_ends(self, db: sqlite3.Connection, item: Transaction) -> None:
        """Remember which occurrences end here: also one in whose place another begins."""
        again = [(row.bed, row.key, row.occurrence) for row in item.alarms]
        ended = [(bed, key, "") for bed, key in item.ended if all((bed, key) != one[:2] for one in again)]
        if ended or again:
            before = db.total_changes
            db.executemany(_END, ended + again)
            if db.total_changes > before:
                oldest = "DELETE FROM ended WHERE position <= (SELECT max(position) FROM ended) - ?"
                db.execute(oldest, (ENDED_MAX,))

    def _remove_events(self, db: sqlite3.Connection, names: Sequence[tuple[str, int]]) -> None:
        deleted = db.executemany("DELETE FROM outbox WHERE run = ? AND event_seq = ?", names)
        self._outbox_rows -= deleted.rowcount

    def _omit(self, db: sqlite3.Connection, item: Omitted) -> None:
        notice = item.notice
        name = (notice.run, notice.event_seq)
        instead = "UPDATE outbox SET topic = ?, payload = ?, priority = ?, wall_s = ? WHERE run = ? AND event_seq = ?"
        self._remove_events(db, [one for one in item.events if one != name])
        said = (notice.topic, notice.payload, notice.priority, notice.wall_s)
        if not db.execute(instead, (*said, *name)).rowcount:
            self._outbox_rows += db.execute(_EVENT, astuple(notice)).rowcount

    # --- the journal --------------------------------------------------------------------------------------------------

    def _write_journal(self, db: sqlite3.Connection, rows: Sequence[JournalRow]) -> None:
        for row in rows:
            self._chain(db, row)
        known = next((row for row in reversed(rows) if row.synchronised), None)
        if known is not None:
            db.execute("UPDATE run SET last_wall = ? WHERE run_id = ?", (known.wall, known.run))
        self._unlooked_rows += len(rows)
        if self._unlooked_rows >= CHECK_ROWS:
            self._unlooked_rows = 0
            why = self._over_bounds(db, rows[-1])
            if why:
                self._prune(db, rows[-1], why)

    def _chain(self, db: sqlite3.Connection, row: JournalRow) -> None:
        number = self.head.number + 1
        head = Head(number, link(self.head.hash, number, row))
        line = "INSERT INTO journal (id, run, kind, wall, synchronised, mono_s, body, hash) VALUES (?,?,?,?,?,?,?,?)"
        db.execute(line, (number, row.run, row.kind, row.wall, row.synchronised, row.mono_s, row.body, head.hash))
        self.head = head

    def _over_bounds(self, db: sqlite3.Connection, newest: JournalRow) -> str:
        """Say which bound the journal is over; empty if it is over none."""
        if self.head.number - self._first_number + 1 > JOURNAL_ROWS_MAX:
            return f"more than {JOURNAL_ROWS_MAX} rows"
        if db.execute(_BYTES_USED).fetchone()[0] > FILE_BYTES_MAX:
            return f"more than {FILE_BYTES_MAX} bytes"
        found = db.execute("SELECT wall, synchronised FROM journal WHERE id = ?", (self._first_number,)).fetchone()
        if found is not None and found[1] and newest.synchronised and _age(found[0], newest.wall) > JOURNAL_AGE_MAX:
            return f"older than {JOURNAL_AGE_MAX.days} days"
        return ""

    def _prune(self, db: sqlite3.Connection, newest: JournalRow, why: str) -> None:
        """Let the oldest rows go, and carry the chain on."""
        last_gone = min(self._first_number + PRUNE_ROWS, self.head.number) - 1
        (before,) = db.execute("SELECT hash FROM journal WHERE id = ?", (last_gone,)).fetchone() or (None,)
        db.execute("DELETE FROM journal WHERE id <= ?", (last_gone,))
        self._first_number = last_gone + 1
        self._chain(db, replace(newest, kind=CHECKPOINT, body=checkpoint_body(last_gone, before or GENESIS, why)))


_RUN = """
    INSERT INTO run (run_id, boot_id, started_wall, configuration) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_END = """
    INSERT INTO ended (bed, key, occurrence)
    SELECT bed, key, occurrence FROM alarm_state WHERE bed = ? AND key = ? AND occurrence <> ?
"""
_BYTES_USED = """
    SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
_EVENT = """
    INSERT INTO outbox (run, event_seq, topic, payload, priority, wall_s) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING
"""
_GONE_RUNS = """
    DELETE FROM run WHERE run_id NOT IN (SELECT run FROM outbox) AND position <
        (SELECT position FROM run WHERE run_id = (SELECT run FROM journal ORDER BY id LIMIT 1))
"""


def _age(older: str, newer: str) -> timedelta:
    """Return the difference of two times of day; none where one of them cannot be read."""
    try:
        return datetime.fromisoformat(newer) - datetime.fromisoformat(older)
    except (ValueError, TypeError):
        return timedelta(0)


def _identity(path: Path) -> _Identity:
    """Tell which file is at a place now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _moved(path: Path) -> StoreFileError:
    return StoreFileError(
        f"{path} or its -wal was taken away or replaced while it was in use: put it back, or restart infusion-edge"
    )


def error_text(error: Exception) -> str:
    """Say an error by its SQLite name, or else by its class."""
    return f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"


def migrations() -> list[str]:
    """The migrations in order; the file ``0001_*.sql`` leads to version 1, and so on without a gap."""
    files = [file for file in resources.files("edge").joinpath("migrations").iterdir() if file.name.endswith(".sql")]
    return [file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: file.name)]


def newer(path: Path, version: int) -> NewerFileError:
    """Return the error of a file that has a later version than this program knows."""
    known = len(migrations())
    return NewerFileError(f"{path} has version {version}; this program knows {known} and older: update it")


def is_damage(error: Exception) -> bool:
    """Tell whether an error means that the file cannot be trusted."""
    # A text that is no UTF-8 is found by the Python module, which gives no name.
    name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
    return isinstance(error, _FILE_ERRORS) and name.startswith(_DAMAGE)
