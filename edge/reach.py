"""Whether this computer lets the program speak to a host: the unit's IPAddressAllow= drops what it does not name."""

from __future__ import annotations

import asyncio
import socket

LIMIT_S = 2.0
"""For the name of the host; without an answer nothing is said."""

_DISCARD = 9
"""The port of a datagram without content, which nobody answers."""


async def is_forbidden(host: str) -> bool:
    """Whether the kernel forbids a datagram to the host: for TCP alone it only lets the connection time out."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await asyncio.to_thread(_is_forbidden, host)
    except TimeoutError:
        return False


def _is_forbidden(host: str) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, _DISCARD, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.sendto(b"", address)
    except PermissionError:
        return True
    except OSError:
        return False
    return False
