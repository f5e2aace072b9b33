"""The datagrams to systemd, and the watchdog that only turned tasks feed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge.notify import Notifier, Watchdog


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def systemd(tmp_path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(tmp_path / "notify"))
    sock.settimeout(1.0)
    return sock


def told(sock: socket.socket) -> list[str]:
    """Everything that waits in the socket."""
    found: list[str] = []
    sock.setblocking(False)
    try:
        while True:
            found.append(sock.recv(4096).decode())
    except BlockingIOError:
        return found


def test_ready_and_status_are_one_datagram(systemd: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": systemd.getsockname()}).tell("READY=1", "STATUS=watching 2 beds")
    assert told(systemd) == ["READY=1\nSTATUS=watching 2 beds"]
    systemd.close()


def test_an_abstract_address_begins_with_at() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0infusion-edge-test-notify")
        Notifier({"NOTIFY_SOCKET": "@infusion-edge-test-notify"}).tell("READY=1")
        assert told(sock) == ["READY=1"]


def test_without_systemd_or_with_a_dead_one_nothing_happens(tmp_path: Path) -> None:
    Notifier({}).tell("READY=1")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell("READY=1")


def test_the_watchdog_is_fed_only_when_every_task_has_turned_since(systemd: socket.socket) -> None:
    clock = Clock()
    notify = Notifier({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "8000000"})
    watchdog = Watchdog(notify, clock)
    watchdog.expect("core")
    watchdog.expect("port a")
    for clock.now_s in (2.0, 3.0, 4.0):
        watchdog.turned("core")
    assert told(systemd) == [], "one hung task lets the watchdog bite"
    watchdog.turned("port a")
    assert told(systemd) == ["WATCHDOG=1"]
    clock.now_s = 6.0
    watchdog.turned("port a")
    assert told(systemd) == []
    watchdog.turned("core")
    assert told(systemd) == ["WATCHDOG=1"]
    systemd.close()


def test_the_watchdog_is_not_fed_at_every_turn(systemd: socket.socket) -> None:
    clock = Clock()
    watchdog = Watchdog(Notifier({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "8000000"}), clock)
    watchdog.expect("core")
    for turn in range(100):
        clock.now_s = turn * 0.1
        watchdog.turned("core")
    assert len(told(systemd)) == 4
    systemd.close()
