"""All that can be said to an IntelliVue monitor: associate, part, acknowledge its beginning, and four polls.

The association request differs from one that published programs send to real monitors in three of its numbers alone
(poll period, size of answers, kind of extended poll).

Law of this module: what can be sent is the four constants, ``MdsResult`` and ``Poll``. The holes of these are a number,
or what the monitor itself said. A poll reads; none of this can change a setting or an alarm of the monitor.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.intellivue_frame import frame_of

TICKS_PER_S: Final = 8000
"""Times between the two are in eighths of a millisecond."""

STREAM_S: Final = 600
"""How long the monitor sends numerics unasked before the request must be renewed."""

EXTENDED_REAL_TIME: Final = 0x80000000
"""The option of an extended poll for numerics each second."""

MAX_ANSWER_BYTES: Final = 1456
"""The longest message that the monitor is asked to send."""

POLL, EXTENDED_POLL = 0x0C16, 0xF13B
"""Actions."""

NUMERICS_CLASS, ALARM_CLASS, SYSTEM_CLASS = 0x0006, 0x0036, 0x0021
"""Object classes that are polled."""

POLL_PROFILE, EXTENDED_PROFILE, STREAM_TIME = 0x0001, 0xF001, 0xF13E
"""Attributes of the negotiation."""

_U16_MAX: Final = 0xFFFF
_U32_MAX: Final = 0xFFFFFFFF
_REQUEST_BYTES: Final = 1000


def _u16(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def _u32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _attributes(*pairs: tuple[int, bytes]) -> bytes:
    listed = b"".join(_u16(name, len(value)) + value for name, value in pairs)
    return _u16(len(pairs), len(listed)) + listed


_SESSION = bytes.fromhex("0508 1301 0016 0102 8000 1402 0002")
_PRESENTATION = bytes.fromhex(
    "3180 A080 8001 0100 00 A280 A003 000001 A480 3080 020101 0604 52010001 3080 0602 5101 0000 0000"
    "3080 020102 060C 2A8648CE1402010000000101 3080 060C 2A8648CE1402010000000201 0000 0000 0000"
    "6180 3080 020101 A080 6080 A180 060C 2A8648CE1402010000000301 0000"
    "BE80 2880 060C 2A8648CE1402010000000101 020102 81"
)
_POLLING = (
    _u32(0x80000000, TICKS_PER_S, MAX_ANSWER_BYTES, _REQUEST_BYTES, _U32_MAX, 0x60000000)
    + _attributes((EXTENDED_PROFILE, _u32(EXTENDED_REAL_TIME) + _attributes()))
)  # fmt: skip
_USER = _u32(0x80000000, 0x40000000, 0, 0x80000000, 0x20000000) + _attributes() + _attributes((POLL_PROFILE, _POLLING))


def _with_length(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


_ASSOCIATION = _PRESENTATION + bytes((len(_USER),)) + _USER + bytes(16)
_PARTING = bytes.fromhex("8001 0000 0000 0000 0000 00")

ASSOCIATE: Final = frame_of(_with_length(0x0D, _SESSION + _with_length(0xC1, _ASSOCIATION)))
"""Ask for an association that may read numerics each second."""

RELEASE: Final = frame_of(bytes.fromhex("0918 C116 6180 3080 020101 A080 6280") + _PARTING)
"""Ask for the orderly end of the association."""

RELEASED: Final = frame_of(bytes.fromhex("0A18 C116 6180 3080 020101 A080 6380") + _PARTING)
"""Agree to the monitor's own wish to end it."""

ABORT: Final = frame_of(
    bytes.fromhex("192E 1101 03 C129 A080 A080 3080 020101 0602 5101 0000 0000 6180 3080 020101 A080 6480 8001 01")
    + bytes(10)
)
"""End the association at once."""


class Ask(Enum):
    """What is polled: the action, the object class, the group of attributes (0: all), and how long to go on."""

    NUMERICS_STREAM = (EXTENDED_POLL, NUMERICS_CLASS, 0, _attributes((STREAM_TIME, _u32(STREAM_S * TICKS_PER_S))))
    NUMERICS = (POLL, NUMERICS_CLASS, 0, b"")
    ALARMS = (POLL, ALARM_CLASS, 0x0801, b"")
    SYSTEM = (POLL, SYSTEM_CLASS, 0, b"")

    @property
    def action(self) -> int:
        """The action that asks it and that its answers name."""
        return self.value[0]

    @property
    def object_class(self) -> int:
        """The object class that its answers name."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll. ``number`` marks its answers, as invoke id and as poll number. Raises ValueError beyond 16 bits."""

    ask: Ask
    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number <= _U16_MAX:
            raise ValueError(f"no poll number: {self.number}")

    def encode(self) -> bytes:
        """Put the poll into a frame, as it goes on the line."""
        action, object_class, group, tail = self.ask.value
        body = _u16(self.number, 1, object_class, group) + tail
        argument = _u16(SYSTEM_CLASS, 0, 0) + _u32(0) + _u16(action, len(body)) + body
        invoked = _u16(self.number, 7, len(argument)) + argument
        return frame_of(_u16(0xE100, 2, 1, len(invoked)) + invoked)


@dataclass(frozen=True, slots=True)
class MdsResult:
    """The acknowledgement of the monitor's first event; both numbers are the monitor's own, sent back."""

    invoke_id: int
    time: int

    def __post_init__(self) -> None:
        if not (0 <= self.invoke_id <= _U16_MAX and 0 <= self.time <= _U32_MAX):
            raise ValueError(f"no numbers of a monitor: {self.invoke_id}, {self.time}")

    def encode(self) -> bytes:
        """Put the acknowledgement into a frame, as it goes on the line."""
        result = _u16(SYSTEM_CLASS, 0, 0) + _u32(self.time) + _u16(0x0D06, 0)
        return frame_of(_u16(0xE100, 2, 2, len(result) + 6, self.invoke_id, 1, len(result)) + result)
