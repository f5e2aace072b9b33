"""What an IntelliVue monitor says: the accepted terms, its first event, errors, and the results of polls.

All numbers are big-endian.

Laws of this module:
  * Every list tells its length, and nothing is read beyond the end of its list: what does not fit is no answer.
  * An attribute that an object tells twice makes the answer none: which of the two is said now cannot be known.
"""

from __future__ import annotations

from calendar import monthrange, timegm
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from drivers.intellivue_requests import (
    EXTENDED_POLL,
    EXTENDED_PROFILE,
    EXTENDED_REAL_TIME,
    POLL,
    POLL_PROFILE,
    SYSTEM_CLASS,
    TICKS_PER_S,
)

FIRST: Final = 1
"""The state of the first of several linked answers."""

MAX_TEXT_CHARACTERS: Final = 80
"""As much of a text of the monitor as is shown."""

_DATA_HEADER: Final = bytes.fromhex("E1000002")
_INVOKED, _RESULT, _ERROR, _LINKED = 1, 2, 3, 5
_EVENT, _ACTION = 1, 7
_CREATED: Final = 0x0D06
_USER_MARKS: Final = (bytes.fromhex("BE80288002010281"), bytes.fromhex("BE80288081"))
_LONG_LENGTH: Final = 0x80
_SHORT_TIMEOUT_S, _MIDDLE_TIMEOUT_S, _LONG_TIMEOUT_S = 10.0, 43.0, 130.0
_SHORT_PERIOD_S: Final = 3.3
_MONTHS, _HOURS, _SIXTY = 12, 24, 60


class Kind(IntEnum):
    """The first byte of a message."""

    ACCEPT = 0x0E
    REFUSE = 0x0C
    ABORT = 0x19
    RELEASE = 0x09
    RELEASED = 0x0A
    DATA = 0xE1


class MalformedError(ValueError):
    """Bytes that are not what they should be. It never leaves the driver."""


class Reader:
    """Reads fields one after another. Raises MalformedError rather than read beyond the end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """Whether anything is left to read."""
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        """Take so many bytes."""
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise MalformedError(f"{len(taken)} bytes left of {size}")
        self._at += size
        return taken

    def number(self, size: int) -> int:
        """Take an unsigned number of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def u16(self) -> int:
        """Take an unsigned number of two bytes."""
        return self.number(2)

    def u32(self) -> int:
        """Take an unsigned number of four bytes."""
        return self.number(4)

    def part(self) -> Reader:
        """Take what a length of two bytes says, to be read by itself."""
        return Reader(self.take(self.u16()))

    def listed(self) -> tuple[int, Reader]:
        """Take a list: how many, and their bytes."""
        return self.u16(), self.part()

    def attributes(self) -> dict[int, bytes]:
        """Take a list of attributes."""
        count, each = self.listed()
        attributes: dict[int, bytes] = {}
        for _ in range(count):
            name = each.u16()
            if name in attributes:
                raise MalformedError(f"attribute {name:04X} twice")
            attributes[name] = each.take(each.u16())
        return attributes


def text_of(raw: bytes, encoding: str = "utf-16-be") -> str:
    """Read a text; what cannot be shown becomes a question mark."""
    text = raw.decode(encoding, "replace").replace("\0", " ")
    return " ".join("".join(letter if letter.isprintable() else "?" for letter in text).split())[:MAX_TEXT_CHARACTERS]


def model_of(raw: bytes) -> str:
    """Read the monitor's model: texts with their lengths, maker first; empty if it is not told so."""
    words: list[str] = []
    reader = Reader(raw)
    try:
        while reader.more:
            text = reader.take(reader.u16())
            words.append(text_of(text) if text[:1] == b"\0" else text_of(text, "latin-1"))
    except MalformedError:
        return ""
    return " ".join(word for word in words if word)


def clock_s(raw: bytes) -> float | None:
    """Read a clock (BCD: century, year, month, day, hour, minute, second, ...) as seconds; ``None`` if it is no time.

    The monitor tells no time zone, so only differences of two such times mean anything.
    """
    digits = raw[:7].hex()
    if len(digits) < 2 * 7 or not digits.isdecimal():
        return None
    year, month, day, hour, minute, second = int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))
    if not (year >= 1 and 1 <= month <= _MONTHS and 1 <= day <= monthrange(year, month)[1]):
        return None
    if hour >= _HOURS or max(minute, second) >= _SIXTY:
        return None
    return float(timegm((year, month, day, hour, minute, second)))


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed on: the shortest period of polls, and whether numerics may be sent unasked each second."""

    poll_period_s: float = 1.0
    streams: bool = False

    @property
    def timeout_s(self) -> float:
        """How long the monitor bears our silence."""
        if self.poll_period_s <= _SHORT_PERIOD_S:
            return _SHORT_TIMEOUT_S
        return 3 * self.poll_period_s if self.poll_period_s <= _MIDDLE_TIMEOUT_S else _LONG_TIMEOUT_S


def read_terms(accept: bytes) -> Terms:
    """Read the terms of an accepted association; the strictest ones if they cannot be found."""
    for mark in _USER_MARKS:
        before, found, rest = accept.partition(mark)
        if before and found:
            try:
                return _terms(Reader(rest))
            except MalformedError:
                break
    return Terms()


def _terms(user: Reader) -> Terms:
    length = user.number(1)
    if length >= _LONG_LENGTH:
        user.take(length - _LONG_LENGTH)
    user.take(5 * 4)
    user.attributes()
    profile = Reader(user.attributes().get(POLL_PROFILE, b""))
    profile.u32()
    period_s = profile.u32() / TICKS_PER_S
    profile.take(4 * 4)
    extended = profile.attributes().get(EXTENDED_PROFILE, bytes(4))
    return Terms(period_s, bool(Reader(extended).u32() & EXTENDED_REAL_TIME))


@dataclass(frozen=True, slots=True)
class MdsCreated:
    """The monitor's first event, which must be acknowledged. ``time`` is in its ticks."""

    invoke_id: int
    time: int
    attributes: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the monitor refused."""

    invoke_id: int
    error: int


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a result."""

    handle: int
    attributes: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class PollResult:
    """The answer to a poll, or a part of it: ``state`` and ``count`` are zero in the last part.

    ``time`` is the monitor's clock since its start, in ticks; ``clock`` its time of day, which it need not tell.
    """

    state: int
    count: int
    action: int
    number: int
    time: int
    clock: bytes
    object_class: int
    things: tuple[Thing, ...]


Answer: TypeAlias = MdsCreated | Refusal | PollResult


def read_answer(data: bytes) -> Answer | None:
    """Read a data message; ``None`` for one that is well-formed and of no use. Raises MalformedError."""
    if not data.startswith(_DATA_HEADER):
        raise MalformedError("another presentation context")
    reader = Reader(data[len(_DATA_HEADER) :])
    kind = reader.u16()
    operation = reader.part()
    if kind == _ERROR:
        return Refusal(operation.u16(), operation.u16())
    state = count = 0
    if kind == _LINKED:
        state, count = operation.number(1), operation.number(1)
    invoke_id, command = operation.u16(), operation.u16()
    body = operation.part()
    if kind == _INVOKED and command == _EVENT:
        return _event(invoke_id, body)
    return _result(state, count, body) if kind in (_RESULT, _LINKED) and command == _ACTION else None


def _event(invoke_id: int, body: Reader) -> MdsCreated | None:
    object_class, _, time = body.u16(), body.u32(), body.u32()
    event = body.u16()
    information = body.part()
    if (object_class, event) != (SYSTEM_CLASS, _CREATED):
        return None
    information.take(6)
    return MdsCreated(invoke_id, time, information.attributes())


def _result(state: int, count: int, body: Reader) -> PollResult | None:
    body.take(6)
    action = body.u16()
    reply = body.part()
    if action not in (POLL, EXTENDED_POLL):
        return None
    number = reply.u16()
    if action == EXTENDED_POLL:
        reply.u16()
    time, clock, _, object_class, _ = reply.u32(), reply.take(8), reply.u16(), reply.u16(), reply.u16()
    contexts, told = reply.listed()
    things: list[Thing] = []
    for _ in range(contexts):
        told.u16()
        observations, each = told.listed()
        things.extend(Thing(each.u16(), each.attributes()) for _ in range(observations))
    return PollResult(state, count, action, number, time, clock, object_class, tuple(things))
