"""DRI on the line: frames, stuffing, checksum, and the few requests that a host may make.

A frame is ``7E | stuff(record) | stuff(checksum) | 7E``; the checksum is the sum modulo 256 of the record before
stuffing, and the record tells its own length.

Laws of this module:
  * A flag ends one frame and may begin the next: two adjacent flags are one, and what stands between two flags is a
    frame or nothing. Hence the first whole frame after any garbage is read.
  * A frame counts only if its stuffing, its checksum and its length all agree; nothing is repaired.
  * What can be sent is ``Request.encode``: six kinds at six levels, each a constant. All of them ask for data or end
    the sending of data; DRI has no other request that is used here, and none of these changes a setting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.model import Rejected

INTERVAL_S: Final = 5
"""How often displayed values are asked for: the shortest period that the monitors offer."""

LEVELS: Final = (0, 7, 8, 9, 10, 11)
"""The interface levels under which may be asked; 0 is said to be answered by all."""

MAX_FRAME_BYTES: Final = 4096
"""Bound on a frame as it stands on the line: records have at most some 1500 bytes, and stuffing may double them."""

MAX_EXCERPT_BYTES: Final = 64
"""As much of a rejected frame as is worth a log line (the bound of ``Rejected.excerpt``)."""

HEADER_BYTES: Final = 40

_FLAG: Final = b"\x7e"
_ESCAPE: Final = b"\x7d"
_ESCAPED = re.compile(rb"\x7d(.?)", re.DOTALL)
_UNSTUFFED: Final = {b"\x5e": b"\x7e", b"\x5d": b"\x7d"}
_LENGTH_BYTES: Final = 2
_TAIL_BYTES: Final = 2  # the checksum and the flag


class Ask(Enum):
    """What a host may ask: main type, then what follows the header (values: record type, seconds, class mask)."""

    VALUES_PERIODIC = (0, b"\x01" + INTERVAL_S.to_bytes(2, "little") + bytes(6))
    VALUES_ONCE = (0, b"\x01\xff\xff" + bytes(6))
    VALUES_STOP = (0, b"\x01\x00\x00" + bytes(6))
    AUXILIARY_ONCE = (0, b"\x04\xff\xff" + bytes(6))
    ALARMS_ONCE = (4, bytes(12))
    ALARMS_CHANGES = (4, b"\x02" + bytes(11))


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Raises ValueError for a level outside LEVELS."""

    ask: Ask
    level: int = 0

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"no level to ask under: {self.level}")

    def encode(self) -> bytes:
        """Put the request into a frame, as it goes on the line."""
        main_type, body = self.ask.value
        length = HEADER_BYTES + len(body)
        head = length.to_bytes(2, "little") + bytes((0, self.level)) + bytes(10) + main_type.to_bytes(2, "little")
        sub_records = b"\x00\x00\x00" + b"\x00\x00\xff" + bytes(18)
        return frame_of(head + sub_records + body)


def frame_of(record: bytes) -> bytes:
    """Put a record into a frame."""
    checked = record + bytes((sum(record) % 256,))
    return _FLAG + checked.replace(b"\x7d", b"\x7d\x5d").replace(_FLAG, b"\x7d\x5e") + _FLAG


class Framer:
    """Cuts a stream into records, in any cut of the stream the same; less than ``MAX_FRAME_BYTES`` are held."""

    __slots__ = ("_bytes", "_overlong", "_synchronous")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._overlong = False
        self._synchronous = False  # whether a flag was seen: what comes before the first is the rest of something

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back."""
        return len(self._bytes)

    @property
    def awaited_bytes(self) -> int:
        """At least so many bytes of the begun frame are missing: its length is told, and stuffing only adds."""
        if not self._bytes or not self._synchronous or self._overlong:
            return 0
        told = _ESCAPED.sub(_unstuffed, self._bytes[: 2 * _LENGTH_BYTES])[:_LENGTH_BYTES]
        record = int.from_bytes(told, "little") if len(told) == _LENGTH_BYTES else HEADER_BYTES
        return max(0, record + _TAIL_BYTES - len(self._bytes) + self._bytes.count(_ESCAPE))

    def feed(self, data: bytes) -> list[bytes | Rejected]:
        """Take bytes; give each good record, and a rejection for each thing between flags that is none."""
        out: list[bytes | Rejected] = []
        for number, piece in enumerate(data.split(_FLAG)):
            if number:
                self._end(out)
            self._add(piece, out)
        return out

    def _add(self, piece: bytes, out: list[bytes | Rejected]) -> None:
        at = 0
        while at < len(piece):
            taken = piece[at : at + MAX_FRAME_BYTES - len(self._bytes)]
            at += len(taken)
            self._bytes += taken
            if len(self._bytes) == MAX_FRAME_BYTES:
                self._overlong = True
                out.append(self._rejected("oversize" if self._synchronous else "noise"))
                self._bytes.clear()

    def _end(self, out: list[bytes | Rejected]) -> None:
        if self._bytes and not self._overlong:
            out.append(self._judge() if self._synchronous else self._rejected("noise"))
        self._bytes.clear()
        self._overlong, self._synchronous = False, True

    def _judge(self) -> bytes | Rejected:
        escapes = _ESCAPED.findall(self._bytes)
        if any(escape not in _UNSTUFFED for escape in escapes):
            return self._rejected("syntax")
        plain = _ESCAPED.sub(_unstuffed, self._bytes)
        record, checksum = plain[:-1], plain[-1]
        if len(record) < HEADER_BYTES:
            return self._rejected("length")
        if sum(record) % 256 != checksum:
            return self._rejected("checksum")
        if int.from_bytes(record[:_LENGTH_BYTES], "little") != len(record):
            return self._rejected("length")
        return bytes(record)

    def _rejected(self, reason: str) -> Rejected:
        return Rejected(reason, bytes(self._bytes[:MAX_EXCERPT_BYTES]))


def _unstuffed(escape: re.Match[bytes]) -> bytes:
    """Give the byte that a pair stands for, and none for what is no pair."""
    return _UNSTUFFED.get(escape[1], b"")
