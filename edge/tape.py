"""The last that a port and its driver said to each other, in memory: the black box before it is written.

A bounded ring, the oldest first. It costs a device one entry a piece of bytes; nothing is copied until it is asked for.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from edge.recording import Entry, What

MEMORY_MAX = 512 * 1024
"""Bytes of memory of one port: half an hour of a slow monitor, and a minute or two of the fastest line."""

PIECE_BYTES = 128
"""What a piece costs in memory beside its bytes: a tuple, a number, and the head of the bytes."""

_MICRO = 1_000_000

Piece: TypeAlias = tuple[float, What, bytes]
"""When, what, and the bytes."""


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation as a recording has it: entries from 0 s on, and when it began by the monotonic clock.

    ``whole``: its beginning is still there.
    """

    began_s: float
    whole: bool
    entries: tuple[Entry, ...]


class Tape:
    """The ring of one port; ``memory_max`` is about how many bytes of memory it takes."""

    def __init__(self, memory_max: int = MEMORY_MAX) -> None:
        self._entries: deque[Piece] = deque()
        self._memory_max = memory_max
        self._used = 0

    def add(self, now_s: float, what: What, data: bytes = b"") -> None:
        """Keep what happened at ``now_s``; the oldest goes."""
        entries = self._entries
        entries.append((now_s, what, data))
        self._used += PIECE_BYTES + len(data)
        while self._used > self._memory_max:
            self._used -= PIECE_BYTES + len(entries.popleft()[2])

    def copy(self) -> tuple[Piece, ...]:
        """Copy the ring, for `sessions`: cheap, so that a step of the core does not wait for more."""
        return tuple(self._entries)


def sessions(ring: tuple[Piece, ...]) -> Iterator[Session]:
    """Give the conversations of a ring in which anything was heard, the oldest first."""
    found: list[list[Piece]] = []
    for row in ring:
        if row[1] is What.START or not found:
            found.append([])
        found[-1].append(row)
    for rows in found:
        if any(what is What.HEARD for _, what, _ in rows):
            yield _session(rows)


def _session(rows: list[Piece]) -> Session:
    began_s = rows[0][0]
    whole = rows[0][1] is What.START
    entries = [Entry(0.0, What.START)]
    for at_s, what, data in rows[1:] if whole else rows:
        # Rounded up: a deadline that was there must be there when it is played again.
        entries.append(Entry(math.ceil((at_s - began_s) * _MICRO) / _MICRO, what, data))
    return Session(began_s, whole, tuple(entries))
