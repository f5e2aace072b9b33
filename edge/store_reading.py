"""The store's file as it is read from outside, beside a running daemon: opened to read alone.

Every function raises `StoreFileError`, whose text says what to do.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any

from edge.chain import CHECKPOINT
from edge.rows import AlarmRow, ChainedRow, Head, JournalRow, OccurrenceRow, StoredState, TherapyRow
from edge.store_file import BUSY_S, StoreFileError, error_text, is_damage, migrations, newer


def read_story(path: Path, occurrence: str) -> tuple[JournalRow, ...]:
    """Read what the journal says of one occurrence, oldest first; nothing, where it does not know it.

    Opens the file to read alone, and so beside a running daemon. Raises `StoreFileError`.
    """
    story = "SELECT run, kind, wall, synchronised, mono_s, body FROM story WHERE occurrence = ? ORDER BY id"
    with reading(path) as db:
        return tuple(map(_row, db.execute(story, (occurrence,))))


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
    with reading(path) as db:
        # The journal is kept for ever: read back only as far as is asked for.
        for occurrence, bed, key, phase, text in db.execute(changes):
            if len(found) >= limit:
                break
            if occurrence not in found:
                (first_wall,) = db.execute(first, (occurrence,)).fetchone()
                found[occurrence] = OccurrenceRow(occurrence, bed, key, first_wall, phase, text)
    return tuple(found.values())


def read_kept(path: Path) -> tuple[StoredState, Head | None]:
    """Read what a spare computer takes over: the last run, alarms that stand, therapies; and the journal's head.

    Opens the file to read alone, and so beside a running daemon. Raises `StoreFileError`.
    """
    with reading(path) as db:
        db.execute("BEGIN")  # all of one moment
        last = "SELECT run_id, last_event_seq FROM run ORDER BY position DESC LIMIT 1"
        run, event_seq = db.execute(last).fetchone() or ("", 0)
        alarms = db.execute("SELECT bed, key, occurrence, rev, body FROM alarm_state ORDER BY bed, key")
        therapy = db.execute("SELECT bed, part, body FROM therapy ORDER BY bed, part")
        head = db.execute("SELECT id, hash FROM journal WHERE hash IS NOT NULL ORDER BY id DESC LIMIT 1").fetchone()
        kept = StoredState(
            run, event_seq, alarms=tuple(starmap(AlarmRow, alarms)), therapy=tuple(starmap(TherapyRow, therapy))
        )
        return kept, None if head is None else Head(*head)


NUMBER_MAX = 2**63 - 1
"""Above every number that SQLite can give."""


@dataclass(frozen=True, slots=True)
class WholeJournal:
    """The journal as it is at one moment: its rows in their order, the last checkpoint, the highest number given."""

    rows: Iterator[ChainedRow]
    count: int
    highest: int
    checkpoint: JournalRow | None


@contextlib.contextmanager
def whole_journal(path: Path) -> Iterator[WholeJournal]:
    """Read the journal row by row, while the file stays open."""
    with reading(path) as db:
        db.execute("BEGIN")  # what a daemon writes meanwhile is not seen
        last = """
            SELECT run, kind, wall, synchronised, mono_s, body FROM journal WHERE kind = ? ORDER BY id DESC LIMIT 1
        """
        checkpoint = db.execute(last, (CHECKPOINT,)).fetchone()
        (count,) = db.execute("SELECT count(*) FROM journal").fetchone()
        (highest,) = db.execute("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'journal'").fetchone()
        rows = db.execute("SELECT id, hash, run, kind, wall, synchronised, mono_s, body FROM journal ORDER BY id")
        yield WholeJournal(
            (ChainedRow(number, _row(row), found) for number, found, *row in rows),
            count,
            highest,
            None if checkpoint is None else _row(checkpoint),
        )


def _row(values: Sequence[Any]) -> JournalRow:
    run, kind, wall, synchronised, mono_s, body = values
    return JournalRow(run, kind, wall, bool(synchronised), mono_s, body)


@dataclass(frozen=True, slots=True)
class PastRow:
    """A row of the journal with its number, and the kernel's boot whose clock its ``mono_s`` is of."""

    number: int
    row: JournalRow
    boot_id: str


def read_past(path: Path, before: int | None, limit: int) -> tuple[PastRow, ...]:
    """Read the rows before the number ``before``, the newest first, at most ``limit``; from the end on if ``None``."""
    rows = """
        SELECT id, boot_id, run, kind, wall, synchronised, mono_s, body
        FROM journal JOIN run ON run_id = run WHERE id < ? ORDER BY id DESC LIMIT ?
    """
    with reading(path) as db:
        found = db.execute(rows, (NUMBER_MAX if before is None else before, limit))
        return tuple(PastRow(number, _row(row), boot) for number, boot, *row in found)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file to read alone. Raises `StoreFileError`, also for what goes wrong while it is open."""
    try:
        if not path.exists():
            raise StoreFileError(f"there is no {path}: check the path, or start infusion-edge once, which makes it")
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, timeout=BUSY_S, isolation_level=None, uri=True)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            known = len(migrations())
            if version > known:
                raise newer(path, version)
            if version < known:
                raise StoreFileError(
                    f"{path} has version {version}, older than {known}: start infusion-edge once, which renews it"
                )
            yield db
    except (sqlite3.Error, UnicodeError, OSError) as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
            raise StoreFileError(
                f"{path} is no store of infusion-edge ({error_text(error)}): check the path"
            ) from error
        if is_damage(error):
            remedy = "restart infusion-edge, which sets it aside and begins a new one"
            raise StoreFileError(f"{path} is damaged ({error_text(error)}): {remedy}") from error
        remedy = "try again, as root or as the user of infusion-edge"
        raise StoreFileError(f"{path} cannot be read ({error_text(error)}): {remedy}") from error
