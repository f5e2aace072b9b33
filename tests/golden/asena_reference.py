"""Asena frames made apart from the driver: the sum bit by bit, with nothing shared."""

from __future__ import annotations

PROTOCOL = "COMMS_PROTOCOL^Asena Rev 2.1.5"
NO_ALARM = "ALARM^AL_NOALM^ ^ "


def checksum(body: bytes) -> str:
    """CRC-16/CCITT-FALSE by long division: each bit of the body into a register that begins as ones."""
    register = 0xFFFF
    for byte in body:
        for place in range(7, -1, -1):
            out = register >> 15 ^ (byte >> place & 1)
            register = (register << 1 & 0xFFFF) ^ (0x1021 if out else 0)
    return f"{register:04X}"


def frame(body: str) -> bytes:
    """Put a body into a frame."""
    text = body.encode("latin-1")
    return b"!" + text + b"|" + checksum(text).encode() + b"\r"


def inf(
    *,
    serial: str = "8002-51740",
    flag: str = "-",
    mode: str = "SET",
    rate: str = "12.50^ml/h",
    seventh: str = "",
    volume: str = "103.417^ml",
    left: str = "02:30:05",
) -> bytes:
    """Make an INF reply."""
    return frame(f"INF^{serial}^{flag}^{mode}^{rate}^{seventh}^{volume}^42.00^mmHg^{left}^EVENT^127905")
