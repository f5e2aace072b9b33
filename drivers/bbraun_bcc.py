"""The BCC line protocol of B. Braun Space: frames, character stuffing, and the four questions a host may ask.

A frame is ``SOH LLLLL STX <bedId>/1/1> <information> ETX|ETB CCCCC EOT``; the length and the sum (modulo 256, SOH
through ETX or ETB) are over bytes, before stuffing.

Laws of this module:
  * A frame counts only if its form, its length and its sum all agree; nothing is repaired.
  * A line is stuffed or plain as a whole. The length is counted before stuffing, so no frame is good in both forms with
    different content; still the form is the session's to fix, never guessed a frame at a time.
  * What can be sent is ``Request.encode`` (four questions, one hole for the bed id, one for a slot), ``ACK`` and
    ``NAK``. None of it can change an infusion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

ACK: Final = b"\x06"
NAK: Final = b"\x15"

_SOH: Final = 0x01
_STX: Final = 0x02
_ETX: Final = 0x03
_EOT: Final = 0x04
_ETB: Final = 0x17

MAX_FRAME_BYTES: Final = 16_384
"""Bound on a frame as it stands on the line: some 110 parameters of at most 40 bytes, stuffed, three times over."""

ADDRESSES_MAX: Final = 256
"""Addresses whose place is kept: 73 in each of two forms; noise pushes out what will be read again."""

MAX_EXCERPT_BYTES: Final = 64
"""As much of a rejected frame as is worth a log line (the bound of ``Rejected.excerpt``)."""

ALIVE_BED_ID: Final = "1"
"""The bed id of ``ADMIN:ALIVE``, the only question to a device whose own bed id is not yet known."""

_BED_ID = re.compile(r"[/-9A-z]{1,15}")  # codes 47..57 and 65..122
_CHANNEL = re.compile(r"[1-3][1-9A-O]")
_ADDRESS = re.compile(r"501(?:([0-3])([0-9A-O])|([0-3])([0-9]{2}))")
_SLOTS: Final = "0123456789ABCDEFGHIJKLMNO"

_STUFF: Final = {ord("D"): b"EX", ord("E"): b"EE", ord("d"): b"ex", ord("e"): b"ee"}
_DESTUFF: Final = {pair: bytes((plain,)) for plain, pair in _STUFF.items()}
_PAIR: Final = re.compile(b"([Ee].?|[Dd])", re.DOTALL)  # and what stuffing keeps off the line

_LENGTH_END: Final = 6  # SOH and five digits
_TAIL: Final = 7  # ETX or ETB, five digits, EOT
_FIXED_BYTES: Final = 14

ITEM: Final = "\x1e"
"""What parts the items of an answer."""


class Command(StrEnum):
    """The four questions of the protocol, all of them read-only."""

    ALIVE = "ADMIN:ALIVE"
    VERSION = "ADMIN:VERSION"
    MEMORY = "MEM:GET"
    SLOT = "MEM:GETSLOT#"


def is_channel(text: str) -> bool:
    """Tell whether this names a place in the rack: pillar 1 to 3, slot 1 to 9 or A to O."""
    return _CHANNEL.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Request:
    """One question. Raises ValueError for anything outside the closed grammar.

    ``bed_id`` is the device's own (``1`` for ALIVE alone); ``channel`` is given for SLOT alone.
    """

    command: Command
    bed_id: str = ALIVE_BED_ID
    channel: str = ""

    def __post_init__(self) -> None:
        if _BED_ID.fullmatch(self.bed_id) is None:
            raise ValueError(f"no bed id: {self.bed_id!r}")
        if self.command is Command.ALIVE and self.bed_id != ALIVE_BED_ID:
            raise ValueError("ALIVE is asked of bed id 1")
        fits = is_channel(self.channel) if self.command is Command.SLOT else not self.channel
        if not fits:
            raise ValueError(f"{self.command} does not go with channel {self.channel!r}")

    def encode(self, *, stuffed: bool) -> bytes:
        """Put the question into a frame, as it goes on the line."""
        body = f"{self.bed_id}/1/1>{self.command.value}{self.channel}".encode("ascii")
        head = b"\x01%05d\x02%b\x03" % (len(body) + _FIXED_BYTES, body)
        frame = b"%b%05d\x04" % (head, sum(head) % 256)
        return stuff(frame) if stuffed else frame


def stuff(plain: bytes) -> bytes:
    """Replace D, E, d and e by their pairs, which keeps them off the line."""
    return b"".join(_STUFF.get(byte) or bytes((byte,)) for byte in plain)


def destuff(wire: bytes) -> bytes | None:
    """Undo ``stuff`` from left to right in one pass; ``None`` for bytes that stuffing cannot have made."""
    pieces = _PAIR.split(wire)
    pairs = pieces[1::2]
    if not all(pair in _DESTUFF for pair in pairs):
        return None
    pieces[1::2] = [_DESTUFF[pair] for pair in pairs]
    return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Wire:
    """All bytes from SOH to EOT, not yet judged."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """What began as a frame and is none; the reason is one of the fixed words of ``Rejected``."""

    reason: str
    excerpt: bytes


@dataclass(frozen=True, slots=True)
class Stray:
    """The first byte of a run of bytes outside frames, or a bare NAK."""

    data: bytes


Part: TypeAlias = Wire | Broken | Stray


class Framer:
    """Cuts a stream into frames, in any cut of the stream the same. A bare ACK is passed over."""

    __slots__ = ("_frame", "_in_noise")

    def __init__(self) -> None:
        self._frame = bytearray()
        self._in_noise = False

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._frame)

    def awaited_bytes(self, *, stuffed: bool) -> int:
        """At least so many bytes of the begun frame are missing: its length is told, and each pair is one of it."""
        if not self._frame:
            return 0
        told = self._frame[1:_LENGTH_END]
        whole = int(told) if len(told) == _LENGTH_END - 1 and told.isdigit() else _FIXED_BYTES
        pairs = len(_PAIR.findall(self._frame)) if stuffed else 0
        return max(0, whole + pairs - len(self._frame))

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes; linear, and never more than ``MAX_FRAME_BYTES`` held."""
        parts: list[Part] = []
        at = 0
        while (at := at + self._take_run(data, at)) < len(data):
            byte = data[at]
            at += 1
            if byte == _SOH:
                parts.extend(self.cut())
                self._frame.append(byte)
                self._in_noise = False
            elif self._frame:
                parts.extend(self._inside(byte))
            elif byte == NAK[0] or (byte != ACK[0] and not self._in_noise):
                self._in_noise = byte != NAK[0]
                parts.append(Stray(bytes((byte,))))
        return parts

    def cut(self) -> list[Broken]:
        """Give up the frame that has begun, if there is one."""
        if not self._frame:
            return []
        return [Broken("length", self._take()[:MAX_EXCERPT_BYTES])]

    def _take_run(self, data: bytes, at: int) -> int:
        """Take the bytes that can only go on with the frame, all at once; return how many there were."""
        if not self._frame:
            return 0
        stop = min(len(data), at + MAX_FRAME_BYTES - len(self._frame) - 1)
        for mark in (_SOH, _EOT):
            found = data.find(mark, at, stop)
            stop = stop if found < 0 else found
        self._frame += data[at:stop]
        return stop - at

    def _inside(self, byte: int) -> list[Part]:
        self._frame.append(byte)
        if byte == _EOT:
            return [Wire(self._take())]
        if len(self._frame) < MAX_FRAME_BYTES:
            return []
        self._in_noise = True  # what follows belongs to the same overlong frame
        return [Broken("oversize", self._take()[:MAX_EXCERPT_BYTES])]

    def _take(self) -> bytes:
        taken = bytes(self._frame)
        self._frame.clear()
        return taken


class Quadruple(NamedTuple):
    """``time,address,parameter,value``; the value may hold commas of its own."""

    time: str
    address: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One good block of an answer. ``last`` is false while more follow; ``information`` is what it says, in items."""

    bed_id: str
    last: bool
    information: str

    @property
    def quadruples(self) -> tuple[Quadruple, ...]:
        """The items of four fields."""
        return tuple(Quadruple._make(fields) for fields in self._items if len(fields) == len(Quadruple._fields))

    @property
    def others(self) -> tuple[str, ...]:
        """The items of less."""
        return tuple(",".join(fields) for fields in self._items if len(fields) != len(Quadruple._fields))

    @property
    def _items(self) -> Iterator[list[str]]:
        return (item.split(",", len(Quadruple._fields) - 1) for item in self.information.split(ITEM))

    def without_time(self) -> tuple[str, str]:
        """Give the time that every item tells, and the items without it; two empty texts if they tell several."""
        time, said = self.information.partition(",")[0], ITEM + self.information
        bare = said.replace(f"{ITEM}{time},", ITEM)
        one_time = len(said) - len(bare) == said.count(ITEM) * len(f"{time},")
        return (time, bare) if one_time else ("", "")


def decode(wire: bytes, *, stuffed: bool) -> Frame | Broken:
    """Judge all bytes from SOH to EOT: form, then length, then sum."""
    plain = destuff(wire) if stuffed else wire
    reason = "syntax" if plain is None else _fault(plain)
    if reason or plain is None:
        return Broken(reason, wire[:MAX_EXCERPT_BYTES])
    prefix, separator, information = plain[_LENGTH_END + 1 : -_TAIL].decode("utf-8", "replace").partition(">")
    bed_id = prefix.removesuffix("/1/1")
    if not separator or bed_id == prefix or _BED_ID.fullmatch(bed_id) is None:
        return Broken("syntax", wire[:MAX_EXCERPT_BYTES])
    return Frame(bed_id, plain[-_TAIL] == _ETX, information)


def _fault(plain: bytes) -> str:
    """Name what is wrong with an unstuffed frame; empty if nothing is."""
    length, check = plain[1:_LENGTH_END], plain[-_TAIL + 1 : -1]
    if len(plain) < _FIXED_BYTES or plain[_LENGTH_END] != _STX or plain[-_TAIL] not in (_ETX, _ETB):
        return "syntax"
    if not (length.isdigit() and check.isdigit()):
        return "syntax"
    if int(length) != len(plain):
        return "length"
    return "" if int(check) == sum(plain[: -_TAIL + 1]) % 256 else "checksum"


RACK: Final = ""
"""The rack itself, where a channel is asked for: address 50100."""


@lru_cache(ADDRESSES_MAX)
def channel_of(address: str) -> str | None:
    """Name the channel of an address: pillar and slot, ``RACK`` for the rack itself, ``None`` for no address.

    ``50113`` is pillar 1, slot 3; the six-character form ``501112`` is pillar 1, slot 12, which is C.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return None
    pillar = match[1] or match[3]
    slot = _SLOTS.index(match[2]) if match[2] else int(match[4])
    if pillar == "0":
        return RACK
    return pillar + _SLOTS[slot] if 1 <= slot < len(_SLOTS) else None
