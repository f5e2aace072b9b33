"""The line of the Fresenius Orchestra workstation: frames, single control bytes, and all that a host may send.

A frame is ``STX body CC ETX``: at most 80 printable characters, and in two upper-case hexadecimal digits what is
missing from their sum to FF. A body is an address (``0`` the base, ``1`` to ``8`` a module, none for a pump alone on
its line), a command or a status, and fields parted by ``;``, each a letter and its text.

Laws of this module:
  * A frame counts only if its sum agrees and the line rests after it, or goes on with a control byte. One damaged
    character can look like an early end, and the sum has only 256 values: what follows gives it away.
  * Any other control byte inside a frame ends it; nothing is repaired.
  * What can be sent is ``Request.encode`` (a closed table of address and question), ``ACK`` and ``ALIVE``. A command
    that changes an infusion is not in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from drivers.model import Rejected

ACK: Final = b"\x06"
ALIVE: Final = b"\x14"
"""DC4, the answer to the device's ENQ."""

_STX: Final = 0x02
_ETX: Final = 0x03
_ENQ: Final = 0x05
_ACK: Final = 0x06
_NAK: Final = 0x15
_SINGLES: Final = frozenset({_STX, _ENQ, _ACK, _NAK})
_PRINTABLE: Final = frozenset(range(0x20, 0x7E))

MAX_BODY_BYTES: Final = 80
"""The protocol's own bound on a frame."""
MAX_EXCERPT_BYTES: Final = 64
"""As much of a rejected frame as a rejection may show."""

_SUM_BYTES: Final = 2

BASE: Final = "0"
ALONE: Final = ""
MODULES: Final = tuple("12345678")
"""Positions that one character names and the bitmap of two digits holds."""


class Question(StrEnum):
    """All bodies that can be sent, after the address. None of them has an argument that is not written here."""

    CONNECT = "DC"
    MODULES = "LE;b"
    READ_ALL = "LE;aemdr"
    READ_ALARM = "LE;adr"
    READ_VALUES = "LE;dr"
    READ_RATE = "LE;d"
    EVENTS = "DE;aem"
    HEARD_EVENT = "E"
    HEARD_SETTING = "M"

    @property
    def letters(self) -> frozenset[str]:
        """The variables that it asks for; none where the answer is bare."""
        command, _, letters = self.value.partition(";")
        return frozenset(letters) if command == "LE" else frozenset()


READS: Final = (Question.READ_ALL, Question.READ_ALARM, Question.READ_VALUES, Question.READ_RATE)
"""From the question that tells most to the one that every pump was seen to answer."""

_OF_EACH: Final = frozenset({Question.CONNECT, Question.HEARD_EVENT, Question.HEARD_SETTING})
_OF_BASE: Final = _OF_EACH | {Question.MODULES}
_OF_PUMP: Final = _OF_EACH | {Question.EVENTS, *READS}


@dataclass(frozen=True, slots=True)
class Request:
    """One frame of the host. Raises ValueError for anything outside the closed grammar."""

    address: str
    question: Question

    def __post_init__(self) -> None:
        is_pump = self.address == ALONE or self.address in MODULES
        allowed = _OF_BASE if self.address == BASE else _OF_PUMP if is_pump else frozenset()
        if self.question not in allowed:
            raise ValueError(f"{self.question!r} is no question to {self.address!r}")

    def encode(self) -> bytes:
        """Put it into a frame."""
        body = f"{self.address}{self.question.value}".encode("ascii")
        return bytes((_STX, *body, *_sum_of(body), _ETX))


def _sum_of(body: bytes) -> bytes:
    return b"%02X" % (0xFF - sum(body) % 0x100)


@dataclass(frozen=True, slots=True)
class Frame:
    """The body of a frame whose sum agrees."""

    body: str

    @property
    def excerpt(self) -> bytes:
        """As much of it as a rejection may show."""
        return self.body.encode("ascii")[:MAX_EXCERPT_BYTES]


@dataclass(frozen=True, slots=True)
class Refused:
    """NAK and its error byte, empty if none followed: a frame of ours was not taken."""

    code: bytes


@dataclass(frozen=True, slots=True)
class Enquiry:
    """ENQ: the device asks whether the host lives."""


Part: TypeAlias = Frame | Refused | Enquiry | Rejected


class Framer:
    """Cuts a stream into parts, in any cut of the stream the same. Linear; holds at most one frame."""

    __slots__ = ("_after_nak", "_frame", "_in_noise", "_inside", "_resting")

    def __init__(self) -> None:
        self._frame = bytearray()
        self._inside = False
        self._resting = False  # a frame has ended, and what follows will tell whether rightly
        self._after_nak = False
        self._in_noise = False

    @property
    def resting(self) -> bool:
        """Whether a frame has ended that ``rest`` or the next byte will judge."""
        return self._resting

    @property
    def held_bytes(self) -> int:
        """How many bytes are held; at most MAX_BODY_BYTES and the sum."""
        return len(self._frame)

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes; a run of bytes outside frames is told once, by its first byte."""
        parts: list[Part] = []
        for byte in data:
            if self._after_nak:
                self._after_nak = False
                if byte in _PRINTABLE:
                    parts.append(Refused(bytes((byte,))))
                    continue
                parts.append(Refused(b""))
            if byte in _SINGLES and not (self._inside and byte == _NAK):
                parts.extend(self._single(byte))
            elif self._inside:
                parts.extend(self._in_frame(byte))
            else:
                parts.extend(self._outside(byte))
        return parts

    def rest(self) -> list[Part]:
        """Say that the line has rested: the frame that has ended, if there is one, ended rightly."""
        if not self._resting:
            return []
        self._resting = False
        return [_judge(self._take())]

    def _single(self, byte: int) -> list[Part]:
        parts = [*self.rest(), *self._cut("length")]
        self._in_noise = False
        self._inside = byte == _STX
        self._after_nak = byte == _NAK
        return [*parts, Enquiry()] if byte == _ENQ else parts

    def _in_frame(self, byte: int) -> list[Part]:
        if byte == _ETX:
            self._inside, self._resting = False, True
            return []
        if byte not in _PRINTABLE:
            self._in_noise = True
            return self._cut("syntax")
        self._frame.append(byte)
        if len(self._frame) <= MAX_BODY_BYTES + _SUM_BYTES:
            return []
        self._in_noise = True
        return self._cut("oversize")

    def _outside(self, byte: int) -> list[Part]:
        if self._resting:
            self._resting, self._in_noise = False, True
            return [Rejected("length", self._take()[:MAX_EXCERPT_BYTES])]
        if self._in_noise:
            return []
        self._in_noise = True
        return [Rejected("noise", bytes((byte,)))]

    def _cut(self, reason: str) -> list[Part]:
        if not self._inside:
            return []
        self._inside = False
        return [Rejected(reason, self._take()[:MAX_EXCERPT_BYTES])]

    def _take(self) -> bytes:
        taken = bytes(self._frame)
        self._frame.clear()
        return taken


def _judge(inside: bytes) -> Part:
    """Judge what stood between STX and ETX."""
    body, told = inside[:-_SUM_BYTES], inside[-_SUM_BYTES:]
    if not body or told != _sum_of(body):
        return Rejected("checksum" if body else "length", inside[:MAX_EXCERPT_BYTES])
    return Frame(body.decode("ascii"))


class Status(StrEnum):
    """What a frame of the device is: an answer, a refusal, or something said unasked."""

    CORRECT = "C"
    INCORRECT = "I"
    EVENT = "E"
    SETTING = "M"


_MESSAGE = re.compile(r"([0-8]?)([CIEM])(?:;(.+))?")
_FIELD = re.compile(r"([a-z])(.*)")


@dataclass(frozen=True, slots=True)
class Message:
    """What a frame says. ``fields`` are texts by letter; ``error`` is the code of a refusal."""

    address: str
    status: Status
    fields: dict[str, str]
    error: str = ""


def message_of(frame: Frame) -> Message | None:
    """Read a frame's body; ``None`` for one that says nothing that is known, or the same variable twice."""
    match = _MESSAGE.fullmatch(frame.body)
    if match is None:
        return None
    address, status, text = match[1], Status(match[2]), match[3]
    if status is Status.INCORRECT:
        return Message(address, status, {}, text or "")
    if text is None:
        # An event says something; a bare one can only be our own confirmation come back.
        return Message(address, status, {}) if status is Status.CORRECT else None
    fields: dict[str, str] = {}
    for one in text.split(";"):
        field = _FIELD.fullmatch(one)
        if field is None or field[1] in fields:
            return None
        fields[field[1]] = field[2]
    return Message(address, status, fields)
