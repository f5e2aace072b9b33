"""IntelliVue Data Export on a serial line: the fixed-baudrate envelope, its escapes and its FCS-16.

A frame is ``C0 | escape(11 01, length, user data, FCS low, FCS high) | C1``; the FCS (CRC-16/X-25) is over all before
it, not escaped, and the length is that of the user data.

Laws of this module:
  * C0 always begins a frame, also inside another one. Hence the first whole frame after any garbage is read.
  * A frame counts only if its FCS, its protocol id and its length all agree; nothing is repaired.
  * Everything between C0 and C1 is escaped, the FCS too.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.model import Rejected

MAX_FRAME_BYTES: Final = 4096
"""Bound on a frame as it stands on the line: 1456 bytes of user data are agreed on, and escaping may double them."""

MAX_EXCERPT_BYTES: Final = 64
"""As much of a rejected frame as is worth a log line (the bound of ``Rejected.excerpt``)."""

_START: Final = b"\xc0"
_END: Final = b"\xc1"
_ESCAPE: Final = b"\x7d"
_FLIP: Final = 0x20
_PROTOCOL: Final = b"\x11\x01"
_HEADER_BYTES: Final = 4
_FCS_BYTES: Final = 2

_PIECES = re.compile(rb"[\xc0\xc1]|[^\xc0\xc1]+")
_TO_ESCAPE = re.compile(rb"[\xc0\xc1\x7d]")
_ESCAPED = re.compile(rb"\x7d(.)", re.DOTALL)

_POLYNOMIAL: Final = 0x8408
_ONES: Final = 0xFFFF


def _register_after(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE: Final = tuple(_register_after(byte) for byte in range(256))


def fcs(data: bytes) -> int:
    """Reckon the FCS-16 of these bytes."""
    register = _ONES
    for byte in data:
        register = register >> 8 ^ _TABLE[(register ^ byte) & 0xFF]
    return register ^ _ONES


def frame_of(user_data: bytes) -> bytes:
    """Put a message into a frame, as it goes on the line."""
    checked = _PROTOCOL + len(user_data).to_bytes(2, "big") + user_data
    checked += fcs(checked).to_bytes(_FCS_BYTES, "little")
    return _START + _TO_ESCAPE.sub(lambda found: _ESCAPE + _flipped(found[0]), checked) + _END


def _flipped(byte: bytes) -> bytes:
    return bytes((byte[0] ^ _FLIP,))


def _unescaped(found: re.Match[bytes]) -> bytes:
    return _flipped(found[1])


class Framer:
    """Cuts a stream into messages, in any cut of the stream the same; less than ``MAX_FRAME_BYTES`` are held."""

    __slots__ = ("_bytes", "_inside")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._inside = False

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back."""
        return len(self._bytes)

    @property
    def awaited_bytes(self) -> int:
        """At least so many bytes of the begun frame are missing: its length is told, and escapes only add."""
        if not self._inside:
            return 0
        header = _ESCAPED.sub(_unescaped, self._bytes[: 2 * _HEADER_BYTES])[:_HEADER_BYTES]
        user_data = int.from_bytes(header[2:], "big") if len(header) == _HEADER_BYTES else 0
        whole = _HEADER_BYTES + user_data + _FCS_BYTES + len(_END)
        return max(0, whole - len(self._bytes) + self._bytes.count(_ESCAPE))

    def feed(self, data: bytes) -> list[bytes | Rejected]:
        """Take bytes; give the user data of each good frame, and a rejection for each thing that is none."""
        out: list[bytes | Rejected] = []
        for piece in _PIECES.findall(data):
            if piece == _START:
                self._give_up(out)
                self._inside = True
            elif piece != _END:
                self._add(piece, out)
            elif self._inside:
                out.append(self._judge())
                self._bytes.clear()
                self._inside = False
        return out

    def _give_up(self, out: list[bytes | Rejected]) -> None:
        """Tell of what a frame's beginning found unfinished, or of the noise before it."""
        if self._bytes:
            out.append(self._rejected("length" if self._inside else "noise"))
            self._bytes.clear()

    def _add(self, piece: bytes, out: list[bytes | Rejected]) -> None:
        at = 0
        while at < len(piece):
            taken = piece[at : at + MAX_FRAME_BYTES - len(self._bytes)]
            at += len(taken)
            self._bytes += taken
            if len(self._bytes) == MAX_FRAME_BYTES:
                out.append(self._rejected("oversize" if self._inside else "noise"))
                self._bytes.clear()
                self._inside = False

    def _judge(self) -> bytes | Rejected:
        if self._bytes.endswith(_ESCAPE):
            return self._rejected("aborted")
        plain = _ESCAPED.sub(_unescaped, bytes(self._bytes))
        checked, told = plain[:-_FCS_BYTES], plain[-_FCS_BYTES:]
        if len(checked) <= _HEADER_BYTES:
            return self._rejected("length")
        if fcs(checked) != int.from_bytes(told, "little"):
            return self._rejected("checksum")
        if not checked.startswith(_PROTOCOL):
            return self._rejected("syntax")
        if int.from_bytes(checked[2:_HEADER_BYTES], "big") != len(checked) - _HEADER_BYTES:
            return self._rejected("length")
        return checked[_HEADER_BYTES:]

    def _rejected(self, reason: str) -> Rejected:
        return Rejected(reason, bytes(self._bytes[:MAX_EXCERPT_BYTES]))
