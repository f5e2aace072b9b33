"""BCC frames made by another technique than the driver's: the text first, then its numbers put in."""

from __future__ import annotations

import re

PAIRS = {"D": "EX", "E": "EE", "d": "ex", "e": "ee"}
ACK, NAK = b"\x06", b"\x15"


def plain(information: str, bed_id: str = "ICU3", *, last: bool = True) -> bytes:
    """Frame an information field, unstuffed."""
    text = f"\x01LLLLL\x02{bed_id}/1/1>{information}{chr(3) if last else chr(0x17)}CCCCC\x04"
    text = text.replace("LLLLL", str(len(text.encode())).zfill(5), 1)
    total = 0
    for byte in text[: -len("CCCCC\x04")].encode():
        total = (total + byte) % 256
    return text.replace("CCCCC\x04", str(total).zfill(5) + "\x04").encode()


def stuffed(frame: bytes) -> bytes:
    """Stuff a frame."""
    return re.sub("[DEde]", lambda match: PAIRS[match[0]], frame.decode("latin-1")).encode("latin-1")


def said(address: str = "50113", time: int | str = 9, **values: str) -> str:
    """Write quadruples of one address."""
    return "\x1e".join(f"{time},{address},{name},{value}" for name, value in values.items())


def together(*items: str) -> str:
    """Put quadruples of several addresses into one information field."""
    return "\x1e".join(items)


def block(*items: str, bed_id: str = "ICU3", last: bool = True) -> bytes:
    """Make the block that a stuffed line carries."""
    return stuffed(plain(together(*items), bed_id, last=last))


def alive(bed_id: str = "ICU3", time: int = 5) -> bytes:
    """Make the answer to ALIVE."""
    return block(f"{time},50100,GNACK,0", bed_id=bed_id)


def version(time: int = 5) -> bytes:
    """Make the answer to VERSION, which is a triple."""
    return block(f"{time},50100,V3.30")
