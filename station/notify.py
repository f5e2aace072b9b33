"""Telling systemd: ready, alive, stopping (the datagrams of ``sd_notify``)."""

from __future__ import annotations

import socket
from collections.abc import Mapping


class Notifier:
    """The socket to systemd; silent where there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")

    def tell(self, line: str) -> None:
        """Send one datagram; a systemd that cannot be reached is not our trouble."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.sendto(line.encode(), address)
            except OSError:
                return
