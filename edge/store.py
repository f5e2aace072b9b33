"""The durable store: alarm states, outbox and journal in one SQLite file. The one module that knows SQLite.

It works on plain rows and knows nothing of what an alarm means. WAL with ``synchronous = FULL``: what is told as
committed has been flushed to the disk. One thread does all the writing, fed by one queue, so that no `Sent` overtakes
its row and the event loop never waits for a disk (an SD card can stall for seconds). What waits is committed together.

Failures (disk full, locked, read-only, lost connection) never raise to the caller:

  * The transaction is told as not committed (the first time), keeps its place in the queue, is tried again, in order,
    with the next `Store.submit` or after `RETRY_S`, and is told as committed when it is.
  * Over `QUEUE_MAX` a transaction is told as failed at once and for good. Its events and journal rows are not kept (the
    gap in ``event_seq`` shows); its alarm states are, latest wins, and are written when their turn comes.
  * Over `OUTBOX_MAX` the events of a transaction are not kept; the rest of it is committed, and the detail counts them.
    Nothing that was told as committed is ever taken back.
  * A transaction that the schema refuses is told as failed and dropped, so that it cannot block those behind it.

A file found damaged at the start is set aside, never deleted. Damage found later is told as a failure until the next
start, since a fresh file would lack the alarms that stand. A commit that the disk refused may turn out to be written
after all: its events are then taken once, and its journal rows may stand twice.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from importlib import resources
from itertools import count, starmap
from pathlib import Path
from typing import TypeAlias

QUEUE_MAX = 4096
"""Items that wait for the thread: three minutes of a stalled card at 20 rows a second; some 16 MB of memory."""

BATCH_MAX = 256
"""Items in one commit: a long queue drains fast, and no result waits for much more than one flush."""

OUTBOX_MAX = 50_000
"""Events that wait for the broker: 20 beds, 30 transitions an hour, three days. At 1 KB each read at start, 50 MB."""

BUSY_S = 2.0
"""How long a commit waits for another program's lock: longer than a backup holds it, short for a nurse who waits."""

RETRY_S = 1.0
"""How soon a failed commit is tried again where nothing else is submitted; the core's own slowest beat."""

_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_PARTS = ("", "-wal", "-shm")
_BAD_ROW = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError)
"""What a row itself can be to blame for; every other error is the disk's or the file's."""


class NewerFileError(Exception):
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
class Transaction:
    """All rows of one step, committed together. ``ended`` names alarms, ``(bed, key)``, that stand no more.

    A key in both ``ended`` and ``alarms`` ended and began again: it stands.
    """

    mark: int
    alarms: tuple[AlarmRow, ...] = ()
    ended: tuple[tuple[str, str], ...] = ()
    events: tuple[OutboxRow, ...] = ()
    journal: tuple[JournalRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """The broker has acknowledged an event: it leaves the outbox."""

    run: str
    event_seq: int


@dataclass(frozen=True, slots=True)
class StoredState:
    """What the file held at the start.

    ``previous_run`` is empty where the file is new; ``outbox`` is oldest first. ``set_aside`` names the file that was
    found damaged: its alarms and events are missing here. ``fault`` says why the file cannot be written or, with
    nothing else given, not even be read; the store goes on trying. Both call for a high alarm.
    """

    previous_run: str = ""
    previous_event_seq: int = 0
    alarms: tuple[AlarmRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    set_aside: str | None = None
    fault: str = ""


Item: TypeAlias = Transaction | Sent
OnResult: TypeAlias = Callable[[int, bool, str], None]
_Outcome: TypeAlias = tuple[bool, str]


@dataclass(frozen=True, slots=True)
class _Folded(Transaction):
    """The alarm states of transactions for which there was no room; those were told as failed, for good."""


@dataclass(slots=True)
class _Waiting:
    """One item of the queue, and whether its failure was told."""

    item: Item
    told: bool = False


class Store:
    """The queue and its thread. ``on_result(mark, committed, detail)`` is called through ``deliver``.

    ``deliver`` takes a callable to the event loop (``loop.call_soon_threadsafe``). A store is opened once.
    """

    def __init__(self, on_result: OnResult, deliver: Callable[[Callable[[], None]], object]) -> None:
        self._on_result = on_result
        self._deliver = deliver
        self._ready = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._fresh = False
        self._failing = False
        self._closing = True
        self._given_up = False
        self._thread: threading.Thread | None = None

    def open(self, path: Path, run: str, boot_id: str, wall: str) -> StoredState:
        """Check, migrate and read the file, note the run in it, and start the thread. Blocks: call it before the loop.

        A failing disk does not raise: see `StoredState.fault`. Raises `NewerFileError`.
        """
        file = _File(path, run, boot_id, wall)
        state = StoredState()
        try:
            try:
                state = file.load()
            except _DamagedError:
                state = StoredState(set_aside=file.set_aside())
            file.commit(())
        except NewerFileError:
            file.drop()
            raise
        except (sqlite3.Error, OSError) as error:
            file.drop()
            state = replace(state, fault=_text(error))
        self._closing = False
        self._thread = threading.Thread(target=self._work, args=(file,), name="store", daemon=True)
        self._thread.start()
        return state

    def submit(self, item: Item) -> None:
        """Hand over a transaction, or take a sent event out of the outbox, in this order; never blocks, never raises.

        The result of a transaction comes by ``on_result``. A `Sent` has none: where it cannot be queued its row stays,
        and the event is sent once more after the next start.
        """
        with self._ready:
            if self._closing:
                detail = "the store is closed"
            elif len(self._queue) < QUEUE_MAX:
                self._queue.append(_Waiting(item))
                self._wake()
                return
            else:
                detail = self._fold(item) if isinstance(item, Transaction) else ""
        self._tell(item, (False, detail))

    def close(self, limit_s: float) -> bool:
        """Commit what waits and close the file; abandoned after ``limit_s``. Blocks. Whether all was committed."""
        with self._ready:
            self._closing = True
            self._wake()
        if self._thread is not None:
            self._thread.join(limit_s)
        with self._ready:
            self._given_up = True
            self._wake()
            return not self._queue and not (self._thread and self._thread.is_alive())

    def _wake(self) -> None:
        self._fresh = True
        self._ready.notify()

    def _fold(self, newer: Transaction) -> str:
        """Keep the alarm states of a transaction for which there is no room, in its order; say what is not kept."""
        last = self._queue[-1].item
        older = last if isinstance(last, _Folded) else _Folded(newer.mark)
        if older is last:
            self._queue.pop()
        ended = tuple(dict.fromkeys(older.ended + newer.ended))
        alarms = {(row.bed, row.key): row for row in older.alarms if (row.bed, row.key) not in newer.ended}
        alarms.update({(row.bed, row.key): row for row in newer.alarms})
        self._queue.append(_Waiting(_Folded(newer.mark, tuple(alarms.values()), ended)))
        return f"the queue is full: {len(newer.events)} events and {len(newer.journal)} journal rows not kept"

    def _tell(self, item: Item, outcome: _Outcome) -> None:
        # A loop that is closed takes no more results, and the rest must be committed all the same.
        with contextlib.suppress(RuntimeError):
            if isinstance(item, Transaction) and not isinstance(item, _Folded):
                self._deliver(partial(self._on_result, item.mark, *outcome))

    def _work(self, file: _File) -> None:
        while batch := self._next_batch():
            try:
                outcomes = file.commit([waiting.item for waiting in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the thread must live
                file.drop()
                self._put_back(batch, _text(error))
            else:
                self._failing = False
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    self._tell(waiting.item, outcome)
        file.drop()

    def _next_batch(self) -> list[_Waiting]:
        """Wait for work, or for the time to try again; nothing when there is no more to do."""
        with self._ready:
            if self._failing:
                self._ready.wait_for(lambda: self._fresh, RETRY_S)
            else:
                self._ready.wait_for(lambda: self._queue or self._closing)
            self._fresh = False
            return [] if self._given_up else [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]

    def _put_back(self, batch: list[_Waiting], detail: str) -> None:
        """Keep a failed batch in its place; those behind it cannot be committed either, and are told so."""
        with self._ready:
            self._queue.extendleft(reversed(batch))
            self._failing = True
            untold = [waiting for waiting in self._queue if not waiting.told]
            for waiting in untold:
                waiting.told = True
        for waiting in untold:
            self._tell(waiting.item, (False, detail))


class _File:
    """The file and its connection, made when needed and dropped after any error; used by one thread at a time."""

    def __init__(self, path: Path, run: str, boot_id: str, wall: str) -> None:
        self._path = path
        self._run = (run, boot_id, wall)
        self._db: sqlite3.Connection | None = None
        self._checked = False
        self._outbox_rows = 0

    def load(self) -> StoredState:
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
            return StoredState(run, event_seq, tuple(starmap(AlarmRow, alarms)), tuple(starmap(OutboxRow, outbox)))
        except sqlite3.Error as error:
            # A text that is no UTF-8 is found by the Python module, which gives no name.
            if getattr(error, "sqlite_errorname", "SQLITE_CORRUPT").startswith(_DAMAGE):
                raise _DamagedError(str(error)) from error
            raise

    def set_aside(self) -> str:
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

    def commit(self, items: Sequence[Item]) -> list[_Outcome]:
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
            raise NewerFileError(f"{self._path} has version {version}; this program knows {len(migrations)} and older")
        db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        for number, sql in enumerate(migrations[version:], version + 1):
            db.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
        (self._outbox_rows,) = db.execute("SELECT count(*) FROM outbox").fetchone()
        self._checked = True
        return db

    def _apply(self, db: sqlite3.Connection, item: Item) -> _Outcome:
        """Write one item; undo it alone where a row of it is refused."""
        outbox_rows = self._outbox_rows
        db.execute("SAVEPOINT item")
        try:
            left_out = self._write(db, item)
            outcome = (True, f"the outbox is full: {left_out} events not kept" if left_out else "")
        except _BAD_ROW as error:
            db.execute("ROLLBACK TO item")
            self._outbox_rows = outbox_rows
            outcome = (False, f"refused: {_text(error)}")
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
        db.executemany("DELETE FROM alarm_state WHERE bed = ? AND key = ?", item.ended)
        db.executemany(alarm, map(astuple, item.alarms))
        db.executemany(line, map(astuple, item.journal))
        kept = item.events[: max(0, OUTBOX_MAX - self._outbox_rows)]
        for row in kept:
            self._outbox_rows += db.execute(event, astuple(row)).rowcount
            db.execute(last, (row.event_seq, row.run))
        return len(item.events) - len(kept)


def _migrations() -> list[str]:
    """The migrations in order; the file ``0001_*.sql`` leads to version 1, and so on without a gap."""
    files = [file for file in resources.files("edge").joinpath("migrations").iterdir() if file.name.endswith(".sql")]
    return [file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: file.name)]


def _text(error: Exception) -> str:
    return f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"
