"""The frames of an IntelliVue monitor's MIB/RS-232 port ("fixed baudrate protocol").

A frame is ``C0``, a header (``11 01`` and the length of the user data), the user data, a check sum, and ``C1``; between
the two, ``C0``, ``C1`` and ``7D`` are escaped, also in length and check sum. ``7D C1`` gives a frame up, ``C0`` always
begins one. Written from public descriptions of the format.
"""

from __future__ import annotations

import binascii
import re
import struct
from dataclasses import dataclass

BAUD = 115_200
DATA_BITS = 8
PARITY = "N"
STOP_BITS = 1

MAX_HOST_FRAME_BYTES = 3072  # a message of the largest size (1456) with every byte escaped
MAX_EXCERPT_BYTES = 64  # enough to see what a foreign frame was

_HEADER = struct.Struct(">HH")
_DATA_EXPORT = 0x1101
_FCS_BYTES = 2
_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_TO_ESCAPE = re.compile(rb"[\x7d\xc0\xc1]")
_ESCAPED = re.compile(rb"\x7d(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class HostFrame:
    """What stood on the line: user data, or none and a ``reason``; ``raw`` is the bytes themselves, cut where long.

    Reasons: ``noise`` (outside any frame), ``unfinished`` (another frame began), ``oversize``, ``aborted`` (given up
    by the host, which is allowed), ``escape``, ``checksum``, ``header``, ``length``.
    """

    raw: bytes
    user_data: bytes = b""
    reason: str = ""


def fcs(data: bytes) -> bytes:
    """Return the check sum (PPP's FCS-16, CRC-16/X-25) as it is sent, low byte first."""
    # The library's CRC takes the bits of each byte in the other order: mirrored in, mirrored out.
    register = binascii.crc_hqx(data.translate(_MIRROR), 0xFFFF) ^ 0xFFFF
    return register.to_bytes(_FCS_BYTES, "big").translate(_MIRROR)


def frame(user_data: bytes) -> bytes:
    """Return a message as it travels."""
    whole = _HEADER.pack(_DATA_EXPORT, len(user_data)) + user_data
    return b"\xc0" + _TO_ESCAPE.sub(lambda byte: bytes([0x7D, byte[0][0] ^ 0x20]), whole + fcs(whole)) + b"\xc1"


def split_host_bytes(data: bytes) -> tuple[bytes, list[HostFrame]]:
    """Cut what the host sent at the flags; return the bytes of a frame that is still to end, and the others."""
    noise, *parts = data.split(b"\xc0")
    frames = [_refused(noise, "noise")] if noise else []
    rest = b""
    for place, part in enumerate(parts, start=1):
        body, end, after = part.partition(b"\xc1")
        if len(body) > MAX_HOST_FRAME_BYTES:
            frames.append(_refused(body, "oversize"))
        elif end:
            frames.append(_read_frame(body))
        elif place == len(parts):
            rest = b"\xc0" + body
        elif body:
            frames.append(_refused(body, "unfinished"))
        if after:
            frames.append(_refused(after, "noise"))
    return rest, frames


def _read_frame(body: bytes) -> HostFrame:
    """Read what stood between the flags."""
    if body.endswith(b"\x7d"):
        return _refused(body, "aborted")
    if b"\x7d\x7d" in body:
        return _refused(body, "escape")
    plain = _ESCAPED.sub(lambda pair: bytes([pair[1][0] ^ 0x20]), body)
    whole, check = plain[:-_FCS_BYTES], plain[-_FCS_BYTES:]
    if fcs(whole) != check:
        return _refused(body, "checksum")
    if len(whole) < _HEADER.size:
        return _refused(body, "length")
    kind, length = _HEADER.unpack_from(whole)
    if kind != _DATA_EXPORT:
        return _refused(body, "header")
    user_data = whole[_HEADER.size :]
    return HostFrame(body, user_data) if length == len(user_data) else _refused(body, "length")


def _refused(raw: bytes, reason: str) -> HostFrame:
    return HostFrame(raw[:MAX_EXCERPT_BYTES], reason=reason)
