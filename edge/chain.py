"""The chain of the journal: each row's hash covers the row and the hash of the row before. Pure.

Whoever can write the file can write the whole chain anew; but not so that it leads to a head which was told to others
before. Heads are published every hour and with each high alarm. What a chain shows by itself: a row that was changed,
removed, or put elsewhere; with a head that was told, also a cut end, and a chain that was written anew.

The oldest rows go when the journal is over its bounds. A row of kind ``checkpoint``, itself in the chain, then carries
it on: it names the last row that went, and its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edge.rows import ChainedRow, Head, JournalRow

GENESIS = bytes(32)
"""Stands for the hash of the row before the first."""

CHECKPOINT = "checkpoint"
"""The kind of a row that carries the chain on over rows that went."""

FOUND_MAX = 20
"""So many faults are told one by one: where a chain is broken more often, somebody must look at the whole of it."""


def link(before: bytes, number: int, row: JournalRow) -> bytes:
    """Return the hash of a row: of the one ``before`` it, its number, and all that it says."""
    told = (number, row.run, row.kind, row.wall, int(row.synchronised), float(row.mono_s), row.body)
    return hashlib.sha256(before + json.dumps(told, separators=(",", ":")).encode("ascii")).digest()


def checkpoint_body(last_gone: int, last_hash: bytes, why: str) -> str:
    """Say which rows went, and why; what is chained after them begins at ``last_hash``."""
    return json.dumps({"last_gone": str(last_gone), "hash": last_hash.hex(), "why": why})


def start_of(checkpoint: JournalRow | None) -> Head:
    """Return what the first row that is there must follow on: as the last checkpoint says, or nothing.

    Raises ``ValueError`` if it is no checkpoint.
    """
    if checkpoint is None:
        return Head(0, GENESIS)
    try:
        said = json.loads(checkpoint.body)
        return Head(int(said["last_gone"]), bytes.fromhex(said["hash"]))
    except (TypeError, KeyError) as error:
        raise ValueError(f"it is no checkpoint: {checkpoint.body}") from error


@dataclass(slots=True)
class Verdict:
    """What the chain shows: its rows, the last of them, how many are older than the chain, and every fault.

    ``head_number`` is the row of the head that was to be found, ``None`` if it is in no row.
    """

    rows: int = 0
    unchained: int = 0
    first: int = 0
    last: Head = field(default_factory=lambda: Head(0, GENESIS))
    faults: list[str] = field(default_factory=list)
    faults_more: int = 0
    head_number: int | None = None

    def fault(self, text: str) -> None:
        """Add a fault; over the bound it is counted."""
        if len(self.faults) < FOUND_MAX:
            self.faults.append(text)
        else:
            self.faults_more += 1


def check(rows: Iterable[ChainedRow], start: Head, highest: int, head: Head | None = None) -> Verdict:
    """Follow the chain from ``start``, the rows in the order of their numbers.

    ``highest`` is the highest number that the file says it gave. ``head`` is one that was told to others; its number
    is 0 where only the hash is known.
    """
    verdict = Verdict(last=start)
    for row in _follow(rows, start, verdict):
        if head is not None and row.hash == head.hash and head.number in (0, row.number):
            verdict.head_number = row.number
    if highest > verdict.last.number:
        verdict.fault(f"{_rows(verdict.last.number + 1, highest)} cut off behind the end")
    if head is not None and verdict.head_number is None:
        verdict.fault(_head_missing(head, start, verdict))
    return verdict


def _follow(rows: Iterable[ChainedRow], start: Head, verdict: Verdict) -> Iterator[ChainedRow]:
    before, number = start.hash, start.number
    for row in rows:
        verdict.rows += 1
        verdict.first = verdict.first or row.number
        if row.number != number + 1:
            verdict.fault(f"{_rows(number + 1, row.number - 1)} removed")
            before = b""
        number = row.number
        if row.hash is None:
            if before not in (GENESIS, b""):
                verdict.fault(f"row {number} has no hash: it was put in, or its hash was taken out")
                before = b""
            verdict.unchained += 1
        else:
            # Behind a gap nothing is known to hold the next row against: the gap is told already.
            if before and link(before, number, row.row) != row.hash:
                verdict.fault(
                    f"row {number} ({row.row.kind}, {row.row.wall}) does not follow on the row before it: "
                    "one of the two was changed, or put elsewhere"
                )
            before = row.hash
            verdict.last = Head(number, row.hash)
        yield row
    if number > verdict.last.number:
        verdict.last = Head(number, verdict.last.hash)


def _head_missing(head: Head, start: Head, verdict: Verdict) -> str:
    last = verdict.last.number
    if not head.number:
        return f"the head is in no row: rows behind row {last} were cut off, or the chain was written anew"
    if head.number > last:
        return f"the head is of row {head.number}, and the last row is {last}: {_rows(last + 1, head.number)} cut off"
    if head.number <= start.number:
        return f"the head is of row {head.number}, and rows up to {start.number} went by the bounds: take a newer head"
    return f"row {head.number} has another hash than the head: the journal was written anew from some row before"


def _rows(first: int, last: int) -> str:
    return f"row {first} was" if first == last else f"rows {first} to {last} were"
