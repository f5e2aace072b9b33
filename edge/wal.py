"""Whether the log of the store (SQLite's WAL) was cut short in its middle: SQLite goes back to before that, silently.

A power cut tears the last transaction, and leaves no whole one behind the tear. Where whole ones stand behind what
SQLite takes for the end, the disk changed what it had: whoever was there by the state of before may be there no more.

The format is that of https://www.sqlite.org/walformat.html; it does not change any more.
"""

from __future__ import annotations

import struct
from pathlib import Path

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
LITTLE_ENDIAN, BIG_ENDIAN = 0x377F0682, 0x377F0683
"""The first word of a log: how the words of its checksums are read."""

LAST_FRAME_AT = 16
"""Where the index (-shm) has the number of the last frame that counts."""

FRAMES_LOOKED_AT = 256
"""Behind the end: a commit of the largest batch is shorter, and in a whole log there is nothing to look at."""

COMMITS_THAT_PROVE = 2
"""One can be of the last transaction, torn; the one before it was on the disk before that began."""


def is_cut(store: Path) -> bool:
    """Tell it of a store that SQLite has just opened. Raises OSError."""
    log, index = (store.with_name(store.name + part) for part in ("-wal", "-shm"))
    if not (log.exists() and index.exists()):
        return False
    with index.open("rb") as file:
        found = file.read(LAST_FRAME_AT + 4)
    with log.open("rb") as file:
        head = file.read(HEADER_BYTES)
        if len(head) < HEADER_BYTES or len(found) < LAST_FRAME_AT + 4:
            return False
        magic, _, page_bytes = struct.unpack_from(">III", head)
        if magic not in (LITTLE_ENDIAN, BIG_ENDIAN) or page_bytes > 1 << 15:
            return False
        size = FRAME_HEADER_BYTES + page_bytes
        (last,) = struct.unpack_from("=I", found, LAST_FRAME_AT)
        file.seek(HEADER_BYTES + last * size)
        behind = file.read(FRAMES_LOOKED_AT * size)
    frames = [behind[at : at + size] for at in range(0, len(behind) - size + 1, size)]
    return _has_whole_ones(frames, salts=head[16:24], order="<" if magic == LITTLE_ENDIAN else ">")


def _has_whole_ones(frames: list[bytes], salts: bytes, order: str) -> bool:
    commits, before = 0, (0, 0)
    for frame in frames:
        if frame[8:16] != salts:
            return False  # of the log before this one, or nothing
        follows = _sum(frame, before, order) == (before := struct.unpack_from(">II", frame, 16))
        commits = (commits if follows else 0) + (frame[4:8] != bytes(4))
        if commits >= COMMITS_THAT_PROVE:
            return True
    return False


def _sum(frame: bytes, before: tuple[int, int], order: str) -> tuple[int, int]:
    data = frame[:8] + frame[FRAME_HEADER_BYTES:]
    one, two = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return one, two
