"""The one module that knows SQLite: the store's rows, its file with its migrations, and how to read it from outside.

It works on plain rows and knows nothing of what an alarm means. WAL with ``synchronous = FULL``: what is told as
committed has been flushed to the disk, and others read while one writes.

A file found damaged at the start is set aside, never deleted. Damage found later is told as a failure until the next
start, since a fresh file would lack the alarms that stand. A commit that the disk refused may turn out to be written
after all: its events and answers are then taken once, and its journal rows may stand twice.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from importlib import resources
from itertools import count, starmap
from pathlib import Path
from typing import TypeAlias

OUTBOX_MAX = 50_000
"""Events that wait for the broker: 20 beds, 30 transitions an hour, three days. At 1 KB each read at start, 50 MB."""

ANSWERS_MAX = 10_000
"""Answers that are kept: 20 beds, 20 requests an hour, one day; 3 MB. A repeat that old is refused for its age."""

ANSWERS_READ_MAX = 1000
"""Answers that are read at the start: one a second for a quarter of an hour; no request is good for so long."""

BUSY_S = 2.0
"""How long a commit waits for another program's lock: longer than a backup holds it, short for a nurse who waits."""

_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_PARTS = ("", "-wal", "-shm")
_BAD_ROW = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError)
"""What a row itself can be to blame for; every other error is the disk's or the file's."""


class StoreFileError(Exception):
    """The file cannot be used; the text names it, and says what to do."""


class NewerFileError(StoreFileError):
    """The file was written by a later version of this program; it was left as it is."""


class _DamagedError(Exception):
    """The file cannot be trusted."""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """The state of one alarm that stands; one row a ``(bed, key)``."""

    bed: str
    key: str
    occurrence: str
    rev: int
    body: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event for the broker, named ``(run, event_seq)`` for ever."""

    run: str
    event_seq: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One line of the history. ``wall`` is a label, ``mono_s`` compares within one kernel boot."""

    run: str
    kind: str
    wall: str
    synchronised: bool
    mono_s: float
    body: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What was answered to one request; of two answers to one ``(station, request_id)`` the first is kept."""

    station: str
    request_id: str
    body: str


@dataclass(frozen=True, slots=True)
class TherapyRow:
    """One part of a bed's therapy; one row a ``(bed, part)``. A ``body`` of ``None`` removes it."""

    bed: str
    part: str
    body: str | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """All rows of one step, committed together. ``ended`` names alarms, ``(bed, key)``, that stand no more.

    A key in both ``ended`` and ``alarms`` ended and began again: it stands.
    """

    mark: int
    alarms: tuple[AlarmRow, ...] = ()
    ended: tuple[tuple[str, str], ...] = ()
    events: tuple[OutboxRow, ...] = ()
    journal: tuple[JournalRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    therapy: tuple[TherapyRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """The broker has acknowledged an event: it leaves the outbox."""

    run: str
    event_seq: int


@dataclass(frozen=True, slots=True)
class StoredState:
    """What the file held at the start.

    ``previous_run`` is empty where the file is new;
    ``outbox`` is oldest first, and so are ``answers``, the newest `ANSWERS_READ_MAX`. ``set_aside`` names the file that
    was found damaged: its alarms, events, answers and therapies are missing here. ``fault`` says why the file cannot
    be written or, with nothing else given, not even be read; the store goes on trying. Both call for a high alarm.
    """

    previous_run: str = ""
    previous_event_seq: int = 0
    alarms: tuple[AlarmRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    therapy: tuple[TherapyRow, ...] = ()
    set_aside: str | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """One occurrence of an alarm: when the journal first names it, and what it last came to."""

    occurrence: str
    bed: str
    key: str
    first_wall: str
    phase: str
    text: str


Item: TypeAlias = Transaction | Sent
Outcome: TypeAlias = tuple[bool, str]
"""Whether an item was committed, and what there is to say about it."""


class StoreFile:
    """The file and its connection, made when needed and dropped after any error; used by one thread at a time."""

    def __init__(self, path: Path, run: str, boot_id: str, wall: str) -> None:
        self._path = path
        self._run = (run, boot_id, wall)
        self._db: sqlite3.Connection | None = None
        self._checked = False
        self._outbox_rows = 0

    def open(self) -> StoredState:
        """Check, migrate and read the file, and note the run in it; a damaged one is set aside and a new one begun.

        A failing disk does not raise: see `StoredState.fault`. Raises `NewerFileError`.
        """
        state = StoredState()
        try:
            try:
                state = self._load()
            except _DamagedError:
                state = StoredState(set_aside=self._set_aside())
            self.commit(())
        except NewerFileError:
            self.drop()
            raise
        except (sqlite3.Error, OSError) as error:
            self.drop()
            state = replace(state, fault=error_text(error))
        return state

    def commit(self, items: Sequence[Item]) -> list[Outcome]:
        """Commit items in order, as one; whatever is raised, nothing of them was (and `drop` must follow)."""
        db = self._connect()
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO run (run_id, boot_id, started_wall) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", self._run)
        outcomes = [self._apply(db, item) for item in items]
        db.execute("COMMIT")
        return outcomes

    def drop(self) -> None:
        """Close the connection, and so undo what was not committed."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _load(self) -> StoredState:
        """Read everything. Raises `_DamagedError`, `NewerFileError`, `sqlite3.Error`."""
        # SQLite takes an empty file for a new one, and deletes the WAL beside it: a lost store must not look like none.
        if any(part.exists() for part in self._parts()) and not (self._path.exists() and self._path.stat().st_size):
            raise _DamagedError("the file is empty or gone")
        try:
            db = self._connect()
            previous = "SELECT run_id, last_event_seq FROM run WHERE run_id <> ? ORDER BY position DESC LIMIT 1"
            run, event_seq = db.execute(previous, self._run[:1]).fetchone() or ("", 0)
            alarms = db.execute("SELECT bed, key, occurrence, rev, body FROM alarm_state ORDER BY bed, key")
            outbox = db.execute("SELECT run, event_seq, topic, payload FROM outbox ORDER BY position")
            newest = "SELECT station, request_id, body FROM answer ORDER BY position DESC LIMIT ?"
            answers = reversed(db.execute(newest, (ANSWERS_READ_MAX,)).fetchall())
            therapy = db.execute("SELECT bed, part, body FROM therapy ORDER BY bed, part")
            return StoredState(
                run,
                event_seq,
                alarms=tuple(starmap(AlarmRow, alarms)),
                outbox=tuple(starmap(OutboxRow, outbox)),
                answers=tuple(starmap(AnswerRow, answers)),
                therapy=tuple(starmap(TherapyRow, therapy)),
            )
        except sqlite3.Error as error:
            if _is_damage(error):
                raise _DamagedError(str(error)) from error
            raise

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
        # Made by the opener and handed over to the store's thread once, hence not bound to the thread that made it.
        self._db = db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        if not self._checked and (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise _DamagedError(verdict)
        migrations = _migrations()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise _newer(self._path, version)
        db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        for number, sql in enumerate(migrations[version:], version + 1):
            db.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
        (self._outbox_rows,) = db.execute("SELECT count(*) FROM outbox").fetchone()
        self._checked = True
        return db

    def _apply(self, db: sqlite3.Connection, item: Item) -> Outcome:
        """Write one item; undo it alone where a row of it is refused."""
        outbox_rows = self._outbox_rows
        db.execute("SAVEPOINT item")
        try:
            left_out = self._write(db, item)
            outcome = (True, f"the outbox is full: {left_out} events not kept" if left_out else "")
        except _BAD_ROW as error:
            db.execute("ROLLBACK TO item")
            self._outbox_rows = outbox_rows
            outcome = (False, f"refused: {error_text(error)}")
        db.execute("RELEASE item")
        return outcome

    def _write(self, db: sqlite3.Connection, item: Item) -> int:
        """Write the rows of an item; return how many of its events found no room."""
        if isinstance(item, Sent):
            deleted = db.execute("DELETE FROM outbox WHERE run = ? AND event_seq = ?", astuple(item))
            self._outbox_rows -= deleted.rowcount
            return 0
        alarm = "INSERT OR REPLACE INTO alarm_state (bed, key, occurrence, rev, body) VALUES (?, ?, ?, ?, ?)"
        line = "INSERT INTO journal (run, kind, wall, synchronised, mono_s, body) VALUES (?, ?, ?, ?, ?, ?)"
        event = "INSERT INTO outbox (run, event_seq, topic, payload) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        last = "UPDATE run SET last_event_seq = ? WHERE run_id = ?"
        answer = "INSERT INTO answer (station, request_id, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        oldest = "DELETE FROM answer WHERE position <= (SELECT max(position) FROM answer) - ?"
        db.executemany("DELETE FROM alarm_state WHERE bed = ? AND key = ?", item.ended)
        db.executemany(alarm, map(astuple, item.alarms))
        db.executemany(line, map(astuple, item.journal))
        if item.answers:
            db.executemany(answer, map(astuple, item.answers))
            db.execute(oldest, (ANSWERS_MAX,))
        gone = [(row.bed, row.part) for row in item.therapy if row.body is None]
        db.executemany("DELETE FROM therapy WHERE bed = ? AND part = ?", gone)
        part = "INSERT OR REPLACE INTO therapy (bed, part, body) VALUES (?, ?, ?)"
        db.executemany(part, [astuple(row) for row in item.therapy if row.body is not None])
        kept = item.events[: max(0, OUTBOX_MAX - self._outbox_rows)]
        for row in kept:
            self._outbox_rows += db.execute(event, astuple(row)).rowcount
            db.execute(last, (row.event_seq, row.run))
        return len(item.events) - len(kept)


def error_text(error: Exception) -> str:
    """Say an error by its SQLite name, or else by its class."""
    return f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"


def read_story(path: Path, occurrence: str) -> tuple[JournalRow, ...]:
    """Read what the journal says of one occurrence, oldest first; nothing, where it does not know it.

    Opens the file to read alone, and so beside a running daemon. Raises `StoreFileError`.
    """
    story = "SELECT run, kind, wall, synchronised, mono_s, body FROM story WHERE occurrence = ? ORDER BY id"
    with _reading(path) as db:
        return tuple(
            JournalRow(run, kind, wall, bool(synchronised), mono_s, body)
            for run, kind, wall, synchronised, mono_s, body in db.execute(story, (occurrence,))
        )


def read_occurrences(path: Path, limit: int) -> tuple[OccurrenceRow, ...]:
    """Read the occurrences of which the journal has a phase, at most ``limit``, the one that changed last first.

    Opens the file to read alone, and so beside a running daemon. Raises `StoreFileError`.
    """
    changes = """
        SELECT occurrence, ifnull(bed, ''), ifnull(key, ''), phase, ifnull(text, '') FROM story
        WHERE occurrence IS NOT NULL AND phase IS NOT NULL ORDER BY id DESC
    """
    first = "SELECT wall FROM story WHERE occurrence = ? ORDER BY id LIMIT 1"
    found: dict[str, OccurrenceRow] = {}
    with _reading(path) as db:
        # The journal is kept for ever: read back only as far as is asked for.
        for occurrence, bed, key, phase, text in db.execute(changes):
            if len(found) >= limit:
                break
            if occurrence not in found:
                (first_wall,) = db.execute(first, (occurrence,)).fetchone()
                found[occurrence] = OccurrenceRow(occurrence, bed, key, first_wall, phase, text)
    return tuple(found.values())


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file to read alone. Raises `StoreFileError`, also for what goes wrong while it is open."""
    try:
        if not path.exists():
            raise StoreFileError(f"there is no {path}: check the path, or start infusion-edge once, which makes it")
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, timeout=BUSY_S, isolation_level=None, uri=True)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            known = len(_migrations())
            if version > known:
                raise _newer(path, version)
            if version < known:
                raise StoreFileError(
                    f"{path} has version {version}, older than {known}: start infusion-edge once, which renews it"
                )
            yield db
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
            raise StoreFileError(
                f"{path} is no store of infusion-edge ({error_text(error)}): check the path"
            ) from error
        if _is_damage(error):
            remedy = "restart infusion-edge, which sets it aside and begins a new one"
            raise StoreFileError(f"{path} is damaged ({error_text(error)}): {remedy}") from error
        remedy = "try again, as root or as the user of infusion-edge"
        raise StoreFileError(f"{path} cannot be read ({error_text(error)}): {remedy}") from error


def _migrations() -> list[str]:
    """The migrations in order; the file ``0001_*.sql`` leads to version 1, and so on without a gap."""
    files = [file for file in resources.files("edge").joinpath("migrations").iterdir() if file.name.endswith(".sql")]
    return [file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: file.name)]


def _newer(path: Path, version: int) -> NewerFileError:
    known = len(_migrations())
    return NewerFileError(f"{path} has version {version}; this program knows {known} and older: update it")


def _is_damage(error: Exception) -> bool:
    # A text that is no UTF-8 is found by the Python module, which gives no name.
    name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
    return isinstance(error, sqlite3.Error) and name.startswith(_DAMAGE)
