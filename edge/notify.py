"""Telling systemd: ready, status, alive, stopping (the datagrams of ``sd_notify``)."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

WATCHDOG_SHARE = 0.25
"""The watchdog is fed after this share of its time, when all have turned: systemd recommends half at the latest."""


class Notifier:
    """The socket to systemd; silent where there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog_s = int(environment.get("WATCHDOG_USEC", "0")) / 1_000_000

    def tell(self, *lines: str) -> None:
        """Send one datagram; a systemd that cannot be reached is not our trouble."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.sendto("\n".join(lines).encode(), address)
            except OSError:
                return


def notifier() -> Notifier:
    """Make the notifier of this process."""
    return Notifier(os.environ)


class Watchdog:
    """Feeds systemd's watchdog only while everything that must turn has turned (H-16).

    Every task that is expected calls ``turned`` with its name as it goes round. WATCHDOG=1 is sent when all of them
    have turned since the last feeding, so that one hung task lets the watchdog bite.
    """

    def __init__(self, notify: Notifier, mono_s: Callable[[], float]) -> None:
        self._notify = notify
        self._mono_s = mono_s
        self._expected: set[str] = set()
        self._turned: set[str] = set()
        self._fed_at_s = mono_s()

    def expect(self, name: str) -> None:
        """From now on this task must turn."""
        self._expected.add(name)

    def forget(self, name: str) -> None:
        """This task is over, and need not turn."""
        self._expected.discard(name)
        self._turned.discard(name)

    def turned(self, name: str) -> None:
        """Note that a task went round, and feed the watchdog if all have."""
        self._turned.add(name)
        due = self._mono_s() - self._fed_at_s >= self._notify.watchdog_s * WATCHDOG_SHARE
        if due and self._turned >= self._expected:
            self._turned.clear()
            self._fed_at_s = self._mono_s()
            self._notify.tell("WATCHDOG=1")
