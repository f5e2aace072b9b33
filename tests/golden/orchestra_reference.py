"""Orchestra frames made apart from the driver: the sum counted down from FF, with nothing shared."""

from __future__ import annotations

ACK, NAK, ENQ, DC4 = b"\x06", b"\x15", b"\x05", b"\x14"


def frame(body: str) -> bytes:
    """Put a body into a frame."""
    left = 0xFF
    for character in body:
        left = (left - ord(character)) & 0xFF
    high, low = divmod(left, 16)
    digits = "0123456789ABCDEF"
    return f"\x02{body}{digits[high]}{digits[low]}\x03".encode("latin-1")


def values(address: str = "1", **fields: str) -> bytes:
    """Make the answer to a question for variables."""
    return frame(f"{address}C" + "".join(f";{letter}{text}" for letter, text in fields.items()))


def sample(
    address: str = "1", *, a: str = "00", e: str = "00", m: str = "01", d: str = "007D", r: str = "00003A98"
) -> bytes:
    """Make a whole sample, by default of 12.5 mL/h and 15.000 mL without alarm."""
    return values(address, a=a, e=e, m=m, d=d, r=r)
