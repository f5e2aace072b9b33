"""The wire of a B. Braun Space rack ("BCC") at the rack's end: frames, stuffing, addresses, and what a host may say.

Source: protocols/bbraun-space-bcc.md sections 2 to 6. Everything is matched whole against patterns over bytes; a frame
is ``SOH LLLLL STX <bedId>/1/1> information ETX|ETB CCCCC EOT``, its length and sum reckoned before stuffing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

ACK = b"\x06"
NAK = b"\x15"
MAX_HOST_FRAME_BYTES = 128  # the longest request is 48 bytes before stuffing, and stuffing at most doubles it
MAX_EXCERPT_CHARS = 64  # enough to see what a foreign frame was
PILLARS = 3
SLOTS = 24

_SLOT_SIGNS = "123456789ABCDEFGHIJKLMNO"
_STUFFED = str.maketrans({"D": "EX", "E": "EE", "d": "ex", "e": "ee"})
_UNSTUFFED = {b"EX": b"D", b"EE": b"E", b"ex": b"d", b"ee": b"e"}
_STUFFED_TEXT = re.compile(rb"(?:[^DEde]|E[EX]|e[ex])*", re.DOTALL)
_PAIR = re.compile(rb"E[EX]|e[ex]")
_TOKEN = re.compile(
    rb"(?P<frame>\x01[^\x01\x04\x06\x15]*\x04)"
    rb"|(?P<part>\x01[^\x01\x04\x06\x15]*\Z)"
    rb"|(?P<ack>\x06)|(?P<nak>\x15)"
    rb"|(?P<noise>\x01?[^\x01\x06\x15]+|\x01)",
    re.DOTALL,
)
_FRAME = re.compile(rb"\x01(\d{5})\x02([/-9A-z]{1,15})/1/1>([ -~]*)\x03(\d{5})\x04", re.DOTALL)
_BED_ID = re.compile(r"[/-9A-z]{1,15}")
_REQUEST = re.compile(
    r"(?:ADMIN:(?P<admin>ALIVE|VERSION)|MEM:(?P<get>GET)|MEM:(?P<slot>GETSLOT)#(?P<where>[0-9A-Z]{2}))"
)


class HostSaid(StrEnum):
    """The whole of what a host may say on this line, and what is none of it."""

    ALIVE = "ALIVE"
    VERSION = "VERSION"
    GET = "GET"
    GETSLOT = "GETSLOT"
    ACK = "ACK"
    NAK = "NAK"
    VIOLATION = "VIOLATION"


@dataclass(frozen=True, slots=True)
class HostMessage:
    """One thing that the host said. ``where`` is the ``xy`` of a GETSLOT.

    ``reason`` belongs to a violation: ``noise`` (bytes outside a frame), ``oversize``, ``stuffing``, ``syntax``,
    ``length``, ``checksum``, or ``request`` (a sound frame that asks for something else than the four requests).
    """

    said: HostSaid
    text: str = ""
    bed_id: str = ""
    where: str = ""
    reason: str = ""


def split_host_bytes(data: bytes, *, stuffing: bool) -> tuple[bytes, list[HostMessage]]:
    """Cut what the host sent into messages; return the bytes of a frame that is still to end, and the messages."""
    messages: list[HostMessage] = []
    for token in _TOKEN.finditer(data):
        raw = token[0]
        if token.lastgroup == "part" and len(raw) <= MAX_HOST_FRAME_BYTES:
            return raw, messages
        if token.lastgroup == "ack":
            messages.append(HostMessage(HostSaid.ACK))
        elif token.lastgroup == "nak":
            messages.append(HostMessage(HostSaid.NAK))
        elif len(raw) > MAX_HOST_FRAME_BYTES and token.lastgroup != "noise":
            messages.append(_violation(raw, "oversize"))
        elif token.lastgroup == "frame":
            messages.append(_read_frame(raw, stuffing=stuffing))
        else:
            messages.append(_violation(raw, "noise"))
    return b"", messages


def _read_frame(raw: bytes, *, stuffing: bool) -> HostMessage:
    if stuffing:
        if not _STUFFED_TEXT.fullmatch(raw):
            return _violation(raw, "stuffing")
        raw = _PAIR.sub(lambda pair: _UNSTUFFED[pair[0]], raw)
    match = _FRAME.fullmatch(raw)
    if not match:
        return _violation(raw, "syntax")
    length, bed_id, information, check = match.groups()
    if int(length) != len(raw):
        return _violation(raw, "length")
    if int(check) != sum(raw[: raw.index(b"\x03") + 1]) % 256:
        return _violation(raw, "checksum")
    text = information.decode("ascii")
    request = _REQUEST.fullmatch(text)
    if not request:
        return _violation(raw, "request")
    said = HostSaid(request["admin"] or request["get"] or request["slot"])
    return HostMessage(said, text, bed_id.decode("ascii"), where=request["where"] or "")


def _violation(raw: bytes, reason: str) -> HostMessage:
    return HostMessage(HostSaid.VIOLATION, raw[:MAX_EXCERPT_CHARS].decode("latin-1"), reason=reason)


def frame(bed_id: str, information: str, *, last: bool, stuffing: bool) -> bytes:
    """Return the bytes of one block. ``last`` ends it with ETX, otherwise ETB says that more follow."""
    body = f"{bed_id}/1/1>{information}".encode()
    counted = b"\x01%05d\x02%b%b" % (14 + len(body), body, b"\x03" if last else b"\x17")
    whole = b"%b%05d\x04" % (counted, sum(counted) % 256)
    return whole.decode("latin-1").translate(_STUFFED).encode("latin-1") if stuffing else whole


def checked_bed_id(bed_id: str) -> str:
    """Return the bedId if the rack can have it: 1 to 15 characters of code 47..57 and 65..122; else ``ValueError``."""
    if not _BED_ID.fullmatch(bed_id):
        raise ValueError(f"bedId {bed_id!r}")
    return bed_id


def checked_slot(slot: tuple[int, int]) -> tuple[int, int]:
    """Return (pillar, slot) if it exists: pillar 1 to 3, slot 1 to 24 from below; else ``ValueError``."""
    if not (1 <= slot[0] <= PILLARS and 1 <= slot[1] <= SLOTS):
        raise ValueError(f"pillar and slot {slot}")
    return slot


def address(slot: tuple[int, int], *, six_characters: bool) -> str:
    """Return the address of a pump: ``501xy``, or with a decimal slot of two digits the six-character form."""
    pillar, number = slot
    return f"501{pillar}{number:02d}" if six_characters else f"501{pillar}{_SLOT_SIGNS[number - 1]}"


def slot_at(where: str) -> tuple[int, int] | None:
    """Return (pillar, slot) of a GETSLOT's ``xy``, ``None`` if there is no such pillar or slot."""
    pillar, number = where[0], _SLOT_SIGNS.find(where[1]) + 1
    return (int(pillar), number) if pillar in "123" and number else None
