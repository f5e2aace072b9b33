"""The wire of a Fresenius Orchestra at the device's end: control bytes, frames, sums, and which requests only read.

A frame is ``STX [address] body CK CK ETX``; the two hex digits are FF less the sum of address and body, modulo 256.
ACK, NAK with an error digit, and DC4 (the answer to the device's ENQ) stand alone between frames. Everything is matched
whole against patterns over bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

STX, ETX, ENQ, ACK, DC4, NAK = b"\x02", b"\x03", b"\x05", b"\x06", b"\x14", b"\x15"

BAUD = 19_200
DATA_BITS = 7
PARITY = "E"
STOP_BITS = 1
"""The line: 19200 baud, 7 data bits, even parity, 1 stop bit, no flow control."""

MAX_FRAME_CHARS = 80
"""Between STX and ETX, by the protocol. Both ends keep to it."""

_CHECK_CHARS = 2
_TOKEN = re.compile(
    rb"(?P<frame>\x02[^\x02\x03]*\x03)"
    rb"|(?P<part>\x02[^\x02\x03]*\Z|\x15\Z)"
    rb"|(?P<ack>\x06)|(?P<alive>\x14)|(?P<nak>\x15[124-8])"
    rb"|(?P<noise>\x02[^\x02\x03]*|[^\x02\x06\x14\x15]+|\x15)",
    re.DOTALL,
)
_READ_ONLY = re.compile(r"[0-9]?(?:DC|FC|AE|AM|LP|LN|LM|E|M|LF;b|(?:LE|DE|LM|DM);[a-z]+)")


class Said(StrEnum):
    """What a host can say on this line."""

    FRAME = "frame"
    ACK = "ack"
    NAK = "nak"
    ALIVE = "alive"
    NOISE = "noise"


class LinkError(StrEnum):
    """The digit after NAK."""

    CHARACTER = "1"
    CHECKSUM = "2"
    ADDRESS = "4"
    ACK_TIMEOUT = "5"
    NOT_READY = "6"
    LENGTH = "7"
    CONTROL_CODE = "8"


@dataclass(frozen=True, slots=True)
class HostMessage:
    """What the host said. A frame has a ``body`` (with its address), or the ``error`` it is refused with."""

    said: Said
    raw: bytes
    body: str = ""
    error: LinkError | None = None

    @property
    def only_reads(self) -> bool:
        """Whether this is a byte of the link or a documented request that changes nothing at a pump."""
        return self.said in _LINK or (self.said is Said.FRAME and _READ_ONLY.fullmatch(self.body) is not None)


_LINK = frozenset({Said.ACK, Said.NAK, Said.ALIVE})


def check(body: bytes) -> bytes:
    """Return the two check characters of address and body."""
    return b"%02X" % (0xFF - sum(body) % 0x100)


def frame(body: str) -> bytes:
    """Return the frame of address and body, which must fit: printable ASCII up to ``}``, 78 characters at most."""
    data = body.encode("ascii")
    return STX + data + check(data) + ETX


def nak(error: LinkError) -> bytes:
    """Return NAK with its digit."""
    return NAK + error.encode("ascii")


def fits(body: str) -> bool:
    """Whether address and body fit into a frame."""
    return len(body) + _CHECK_CHARS <= MAX_FRAME_CHARS


def split_host_bytes(data: bytes) -> tuple[bytes, list[HostMessage]]:
    """Cut what the host sent into messages; return the bytes of one that is still to end, and the messages."""
    messages = list(_messages(data))
    if messages and messages[-1].said is Said.FRAME and not messages[-1].raw.endswith(ETX):
        part = messages.pop()
        if len(part.raw) <= len(STX) + MAX_FRAME_CHARS:
            return part.raw, messages
        messages.append(HostMessage(Said.FRAME, part.raw, error=LinkError.LENGTH))
    elif messages and messages[-1].raw == NAK:
        return messages.pop().raw, messages
    return b"", messages


def _messages(data: bytes) -> Iterator[HostMessage]:
    for token in _TOKEN.finditer(data):
        raw = token[0]
        match token.lastgroup:
            case "frame":
                yield _read_frame(raw)
            case "part":
                yield HostMessage(Said.FRAME if raw.startswith(STX) else Said.NAK, raw)
            case kind:
                yield HostMessage(Said(kind or "noise"), raw)


def _read_frame(raw: bytes) -> HostMessage:
    inner = raw[1:-1]
    body, sum_ = inner[:-_CHECK_CHARS], inner[-_CHECK_CHARS:]
    error = None
    if len(inner) > MAX_FRAME_CHARS or not body:
        error = LinkError.LENGTH
    elif min(inner) < ord(" "):
        error = LinkError.CONTROL_CODE
    elif max(inner) > ord("}"):
        error = LinkError.CHARACTER
    elif sum_ != check(body):
        error = LinkError.CHECKSUM
    return HostMessage(Said.FRAME, raw, body.decode("ascii") if error is None else "", error)
