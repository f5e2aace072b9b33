"""Whether the kernel lets the program speak to a host: what it forbids is told from what does not answer."""

import pytest

from edge.reach import is_forbidden


@pytest.mark.parametrize(
    ("host", "forbidden"),
    [
        # The kernel refuses a datagram to everybody, as it refuses one that a unit's IPAddressAllow= does not name.
        ("255.255.255.255", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("no-such-host.invalid", False),
        ("", False),
    ],
)
async def test_what_is_forbidden_is_told(host: str, forbidden: bool) -> None:
    assert await is_forbidden(host) is forbidden
