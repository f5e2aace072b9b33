"""The file of a recording: what a device and its driver said to each other, and when, as JSON Lines (UTF-8).

The first line is the head::

    {"recording": "infusion-edge", "format": 1, "version": "0.1.0", "driver": "ivy-450c", "address": "/dev/ttyUSB0",
     "line": {"baud": 9600, "data_bits": 8, "parity": "N", "stop_bits": 1}, "poll_interval_s": 1.0,
     "started": "2026-01-31T10:00:00.000Z", "synchronised": true, "channels": [], "asks_at_s": null}

``started`` is the wall clock at the beginning, ``synchronised`` whether it could be trusted, and ``line`` what was
asked of a serial port (over TCP the converter has its own settings). ``channels`` are those that the session was bound
to, and ``asks_at_s`` is where in its interval it asked (of this recording's time); either key may be missing, which
means none. Each further line has ``at_s``, the monotonic seconds since the beginning, and one of::

    {"at_s": 0.0, "start": true}          the session was started
    {"at_s": 0.0, "tx": "21494e46..."}    the driver sent these bytes (hexadecimal)
    {"at_s": 0.2, "rx": "21494e46..."}    these came from the device, in this cut
    {"at_s": 1.1, "tick": true}           the session's deadline was there
    {"at_s": 9.0, "end": "stopped"}       the last line: why the recording ended

Times never fall. A file without its last line was cut off; nothing of it is played.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from drivers.model import LineSettings

FORMAT = 1

BYTES_MAX = 32 * 1024 * 1024
"""A recording is no longer: half an hour of the fastest line in full flow, days of a slow one, and a Pi can read it."""

LINE_MAX = 16_384
"""Bytes of a line: what a line gives in one turn is 4096, twice as many hexadecimal digits."""

END_ROOM = 512
"""Kept free for the last line, so that a full file is a whole one."""

SECONDS_MAX = 7 * 24 * 3600.0
"""A recording takes no longer: the beats of a week are stepped through in a minute or two."""

REASON_MAX = 200
"""Characters of a reason that stand in the last line."""

_NAME = "infusion-edge"


class What(StrEnum):
    """What a line tells of."""

    START = "start"
    SENT = "tx"
    HEARD = "rx"
    TICK = "tick"
    END = "end"


_BYTES = (What.SENT, What.HEARD)


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of the whole recording; see the module's text."""

    version: str
    driver: str
    address: str
    line: LineSettings
    poll_interval_s: float
    started: str
    synchronised: bool
    channels: tuple[str, ...] = ()
    asks_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: ``data`` is what was sent or heard, ``reason`` why it ended."""

    at_s: float
    what: What
    data: bytes = b""
    reason: str = ""


class RecordingError(Exception):
    """A file that cannot be read as a recording; the text says where and why."""


class Writer:
    """Writes a recording to an empty file that was opened for bytes. Raises OSError as the file does."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._file = file
        self._written = 0
        self._put({"recording": _NAME, "format": FORMAT, **asdict(head)})

    def add(self, entry: Entry) -> bool:
        """Write an entry; return whether it found room."""
        return self._put({"at_s": entry.at_s, entry.what.value: entry.data.hex() or True})

    def end(self, at_s: float, reason: str) -> None:
        """Write the last line."""
        self._put({"at_s": at_s, What.END.value: reason[:REASON_MAX]}, room=0)
        self._file.flush()

    def _put(self, row: dict[str, object], room: int = END_ROOM) -> bool:
        line = json.dumps(row).encode("ascii") + b"\n"
        if self._written + len(line) > BYTES_MAX - room:
            return False
        self._file.write(line)
        self._written += len(line)
        return True


def read_head(path: Path) -> Head:
    """Read the head. Raises RecordingError."""
    for _, line in _lines(path):
        return _head(path, line)
    raise RecordingError(f"{path}, line 1: the file is empty")


def read_entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """Give each entry with the number of its line, as they are read. Raises RecordingError where one is wrong."""
    before, ended = 0.0, False
    number = 1
    for number, line in _lines(path):
        if number == 1:
            continue
        if ended:
            raise RecordingError(f"{path}, line {number}: something stands behind the end")
        if not line.endswith(b"\n"):
            raise RecordingError(f"{path}, line {number}: the line has no end: the recording was cut off")
        try:
            entry = _entry(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise RecordingError(f"{path}, line {number}: {error}") from error
        if entry.at_s < before:
            raise RecordingError(f"{path}, line {number}: the time falls from {before} s to {entry.at_s} s")
        if (entry.what is What.START) is not (number == 2):  # noqa: PLR2004 - the line after the head
            raise RecordingError(f"{path}, line {number}: a recording starts in line 2, and only there")
        before, ended = entry.at_s, entry.what is What.END
        yield number, entry
    if not ended:
        raise RecordingError(f"{path}, line {number}: the recording stops here without its end: it was cut off")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give each line with its number, bounded."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LINE_MAX + 1), b""), start=1):
                if len(line) > LINE_MAX or file.tell() > BYTES_MAX:
                    raise RecordingError(f"{path}, line {number}: longer than any recording")
                yield number, line
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error


def _head(path: Path, line: bytes) -> Head:
    foreign = RecordingError(f"{path}, line 1: this is no recording of infusion-edge")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise foreign from error
    if not isinstance(row, dict) or row.pop("recording", None) != _NAME:
        raise foreign
    told = row.pop("format", None)
    if told != FORMAT:
        raise RecordingError(f"{path}, line 1: its format is {told!r}, and this program reads {FORMAT}")
    line_row = row.get("line")
    channels = row.setdefault("channels", [])
    asks_at_s = row.setdefault("asks_at_s", None)
    whole = {field.name for field in fields(Head)} == set(row)
    if not whole or not isinstance(line_row, dict) or {f.name for f in fields(LineSettings)} != set(line_row):
        raise RecordingError(f"{path}, line 1: the head has not the keys of a recording")
    if not isinstance(row["driver"], str) or not _is_number(row["poll_interval_s"]):
        raise RecordingError(f"{path}, line 1: driver or poll_interval_s is not what it must be")
    if asks_at_s is not None and not _is_number(asks_at_s):
        raise RecordingError(f"{path}, line 1: asks_at_s is no number")
    if not isinstance(channels, list) or not all(isinstance(channel, str) for channel in channels):
        raise RecordingError(f"{path}, line 1: channels are not texts")
    return Head(**{**row, "line": LineSettings(**line_row), "channels": tuple(channels)})


def _entry(row: Any) -> Entry:
    if not isinstance(row, dict) or len(row) != 2 or "at_s" not in row:  # noqa: PLR2004 - the time, and what happened
        raise ValueError("an entry has at_s and one other key")
    at_s = row.pop("at_s")
    if not _is_number(at_s) or at_s < 0:
        raise ValueError(f"{at_s!r} is no time")
    ((name, value),) = row.items()
    if name not in list(What):
        raise ValueError(f'"{name}" is not known')
    what = What(name)
    if what in _BYTES:
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} is not hexadecimal text")
        return Entry(at_s, what, data=bytes.fromhex(value))
    if what is What.END:
        if not isinstance(value, str):
            raise ValueError("end is not a text")
        return Entry(at_s, what, reason=value)
    if value is not True:
        raise ValueError(f"{name} is not true")
    return Entry(at_s, what)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= SECONDS_MAX
