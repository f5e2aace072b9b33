"""`journal`: check the chain of the journal, or write all of it out as JSON Lines or CSV, beside a running daemon."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from io import StringIO
from pathlib import Path

from edge.chain import Verdict, check, start_of
from edge.rows import ChainedRow, Head
from edge.store_file import StoreFileError
from edge.store_reading import whole_journal

EXIT_OK = 0
EXIT_BROKEN = 1
"""The chain is broken, or does not lead to the head."""
EXIT_UNUSABLE = 2

PROGRESS_ROWS = 100_000
"""So often it is told how far it is: every second or two on a Pi."""

_HEAD = re.compile(r"(?:([1-9][0-9]{0,17}):)?([0-9a-f]{64})")
_WORDS = ("bed", "key", "occurrence", "phase", "text")
_COLUMNS = ("row", "run", "kind", "wall", "synchronised", "mono_s", *_WORDS, "body", "hash")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula; a device may have written it."""

Say = Callable[[str], object]


def verify(path: Path, head: str, complain: Say) -> tuple[int, str]:
    """Follow the chain; return the exit status and what to print. ``head`` is as it was published, or empty."""
    found = _HEAD.fullmatch(head.strip().lower())
    if head and found is None:
        return EXIT_UNUSABLE, f"infusion-edge: {head} is no head: give ROW:HASH or HASH, 64 hexadecimal digits"
    wanted = Head(int(found[1] or 0), bytes.fromhex(found[2])) if found else None
    try:
        with whole_journal(path) as journal:
            start = start_of(journal.checkpoint)
            verdict = check(_counted(journal.rows, journal.count, complain), start, journal.highest, wanted)
    except ValueError as error:
        return EXIT_BROKEN, f"BROKEN: the last checkpoint: {error}"
    except StoreFileError as error:
        return EXIT_UNUSABLE, f"infusion-edge: {error}"
    return (EXIT_BROKEN if verdict.faults else EXIT_OK), "\n".join(_told(verdict, start, wanted))


def _told(verdict: Verdict, start: Head, wanted: Head | None) -> Iterator[str]:
    yield f"{verdict.rows} rows, {verdict.first} to {verdict.last.number}"
    if start.number:
        yield f"Rows up to {start.number} went by the bounds, as a checkpoint in the chain says."
    if verdict.unchained:
        yield f"{verdict.unchained} rows have no hash: written before there was a chain, nothing vouches for them."
    if verdict.faults:
        yield from (f"BROKEN: {fault}" for fault in verdict.faults)
        if verdict.faults_more:
            yield f"BROKEN: {verdict.faults_more} more"
        return
    yield f"The chain holds. Its head is {verdict.last}"
    if wanted is None:
        yield "Without --head, a head that was published, it cannot show whether all of it was written anew."
    else:
        yield f"It leads to the head that was given, row {verdict.head_number}: up to there nothing was changed."


def export(path: Path, form: str, write: Say, complain: Say) -> int:
    """Write every row, oldest first, in ``form`` (jsonl or csv); return the exit status."""
    try:
        with whole_journal(path) as journal:
            rows = _counted(journal.rows, journal.count, complain)
            for text in _csv(rows) if form == "csv" else _json_lines(rows):
                write(text)
    except StoreFileError as error:
        complain(f"infusion-edge: {error}")
        return EXIT_UNUSABLE
    return EXIT_OK


def _json_lines(rows: Iterable[ChainedRow]) -> Iterator[str]:
    for number, row, found in _parts(rows):
        yield json.dumps({"row": number, **row, "hash": found}) + "\n"


def _csv(rows: Iterable[ChainedRow]) -> Iterator[str]:
    """Give CSV of RFC 4180. A text that a spreadsheet would take for a formula has an apostrophe before it."""
    line = StringIO()
    writer = csv.DictWriter(line, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for number, row, found in _parts(rows):
        body = row["body"]
        words = {word: _harmless(str(body.get(word, ""))) for word in _WORDS} if isinstance(body, dict) else {}
        told = json.dumps(body, ensure_ascii=False)
        writer.writerow({**row, **words, "row": number, "body": _harmless(told), "hash": found})
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _parts(rows: Iterable[ChainedRow]) -> Iterator[tuple[int, dict[str, object], str | None]]:
    for one in rows:
        row = one.row
        fields: dict[str, object] = {
            "run": row.run,
            "kind": row.kind,
            "wall": row.wall,
            "synchronised": row.synchronised,
            "mono_s": row.mono_s,
            "body": _body(row.body),
        }
        yield one.number, fields, None if one.hash is None else one.hash.hex()


def _body(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _counted(rows: Iterable[ChainedRow], count: int, complain: Say) -> Iterator[ChainedRow]:
    for done, row in enumerate(rows, 1):
        yield row
        if done % PROGRESS_ROWS == 0:
            complain(f"{done} of {count} rows")
