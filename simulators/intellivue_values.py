"""How an IntelliVue monitor writes values: attribute lists, numbers, times and texts. Everything is big-endian.

Written from public descriptions of the Data Export protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import TypeAlias

Attribute: TypeAlias = tuple[int, bytes]
"""An attribute's id and its value."""

TICKS_PER_S = 8000  # relative times and periods count eighths of a millisecond
NO_TIME = b"\xff" * 8  # where a monitor does not support absolute times
TEXT_CHARS_MAX = 64  # far more than any label or alarm text

_PAIR = struct.Struct(">HH")
_MANTISSA_MAX = 0x7FFFFD  # the numbers beyond it, on both sides, are the specials
_EXPONENTS = range(-128, 128)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Special(IntEnum):
    """Mantissas that are no numbers."""

    NAN = 0x7FFFFF
    NOT_AT_THIS_RESOLUTION = 0x800000
    PLUS_INFINITY = 0x7FFFFE
    MINUS_INFINITY = 0x800002


def counted(items: Iterable[bytes]) -> bytes:
    """Return a list as it is sent: how many items, how many bytes, and the items."""
    each = list(items)
    data = b"".join(each)
    return _PAIR.pack(len(each), len(data)) + data


def attribute_list(attributes: Iterable[Attribute]) -> bytes:
    """Return attributes as they are sent."""
    return counted(_PAIR.pack(number, len(value)) + value for number, value in attributes)


def read_attribute_list(data: bytes) -> dict[int, bytes] | None:
    """Return the attributes of a list that fills ``data``, ``None`` if it is no such list or names one twice."""
    found: dict[int, bytes] = {}
    if len(data) < _PAIR.size:
        return None
    count, length = _PAIR.unpack_from(data)
    at = _PAIR.size
    if at + length != len(data):
        return None
    for _ in range(count):
        if at + _PAIR.size > len(data):
            return None
        number, size = _PAIR.unpack_from(data, at)
        at += _PAIR.size + size
        if at > len(data) or number in found:
            return None
        found[number] = data[at - size : at]
    return found if at == len(data) else None


def float_type(value: Decimal | Special) -> bytes:
    """Return a number as a decimal exponent and a mantissa, with the digits that ``value`` was written with.

    ``Decimal("97.0")`` and ``Decimal(97)`` differ: the exponent says what a digit is worth. Raises ``ValueError`` for a
    number that does not fit.
    """
    if isinstance(value, Special):
        return value.to_bytes(4, "big")
    sign, digits, exponent = value.as_tuple()
    mantissa = int("".join(map(str, digits)) or "0")
    if not isinstance(exponent, int) or exponent not in _EXPONENTS or mantissa > _MANTISSA_MAX:
        raise ValueError(f"{value} does not fit a FLOAT")
    return exponent.to_bytes(1, "big", signed=True) + (-mantissa if sign else mantissa).to_bytes(3, "big", signed=True)


def bcd_time(unix_s: int) -> bytes:
    """Return a time in binary coded decimals: century, year, month, day, hour, minute, second, and a zero."""
    return bytes.fromhex(f"{_EPOCH + timedelta(seconds=unix_s):%Y%m%d%H%M%S}00")


def text(words: str) -> bytes:
    """Return a text with its length, in UTF-16 and ended by NUL. Raises ``ValueError`` as ``checked_text`` does."""
    encoded = (checked_text(words) + "\0").encode("utf-16-be")
    return len(encoded).to_bytes(2, "big") + encoded


def checked_text(words: str) -> str:
    """Return the text if the monitor can show it: up to 64 printable characters; else ``ValueError``."""
    if len(words) > TEXT_CHARS_MAX or not words.isprintable():
        raise ValueError(f"text {words!r}")
    return words
