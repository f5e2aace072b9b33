"""The line of `systemctl status`: what it says, and that it is told only when it changes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.effects import AlarmIndex, DeviceView, Roster, SelfCheck
from edge.core.model import Priority
from edge.notify import Notifier
from edge.status_line import DETAIL_MAX, StatusLine
from tests.contents import ALARM, AT


class Told:
    """A status line on a real socket, and what it told."""

    def __init__(self, path: Path) -> None:
        self.waiting = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.line = StatusLine(Notifier({"NOTIFY_SOCKET": str(path)}), lambda: self.waiting)

    def since(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    one = Told(tmp_path / "notify")
    yield one
    one.close()


def roster(**links: str) -> Roster:
    return Roster((), tuple(DeviceView(port, "d", False, link, "", 0, 0, ()) for port, link in links.items()))


def beat(count: int) -> SelfCheck:
    return SelfCheck(count, AT, (), (0, 0, 0))


def test_nothing_is_told_before_the_service_is_ready(told: Told) -> None:
    told.line.published(AlarmIndex("bed-1", (replace(ALARM, priority=Priority.HIGH),)))
    told.line.broker(connected=False, detail="refused")
    assert told.since() == []
    assert told.line.begin(["bed-1", "bed-2"], []) == "STATUS=watching 2 beds; alarms: 1 high; no broker (refused)"
    assert told.since() == []


def test_each_change_is_told_once(told: Told) -> None:
    assert told.line.begin(["bed-1"], ["b", "a", "b"]) == "STATUS=watching 1 bed; no alarm; experimental drivers: a, b"
    high, low = replace(ALARM, priority=Priority.HIGH), replace(ALARM, priority=Priority.LOW)
    for _ in range(3):
        told.line.published(AlarmIndex("bed-1", (high, low)))
    told.line.published(AlarmIndex("", (low,)))
    told.line.published(AlarmIndex("bed-1", ()))
    told.line.published(AlarmIndex("", ()))
    end = "; experimental drivers: a, b"
    assert told.since() == [
        f"STATUS=watching 1 bed; alarms: 1 high, 1 low{end}",
        f"STATUS=watching 1 bed; alarms: 1 high, 2 low{end}",
        f"STATUS=watching 1 bed; alarms: 1 low{end}",
        f"STATUS=watching 1 bed; no alarm{end}",
    ]


def test_lines_that_are_down_are_named_and_many_are_counted(told: Told) -> None:
    told.line.begin(["bed-1", "bed-2"], [])
    told.line.published(roster(pump="down", monitor="up", rack="unknown"))
    told.line.published(roster(**{f"p{number}": "down" for number in range(5)}))
    told.line.published(roster(pump="up"))
    assert told.since() == [
        "STATUS=watching 2 beds; no alarm; lines down: pump",
        "STATUS=watching 2 beds; no alarm; lines down: 5",
        "STATUS=watching 2 beds; no alarm",
    ]


def test_an_event_that_waits_for_a_moment_is_no_news(told: Told) -> None:
    told.line.begin(["bed-1", "bed-2"], [])
    told.waiting = 3
    told.line.published(AlarmIndex("bed-1", ()))
    assert told.since() == []
    told.line.published(beat(1))
    told.line.published(beat(2))
    told.waiting = 0
    told.line.published(beat(3))
    assert told.since() == [
        "STATUS=watching 2 beds; no alarm; 3 events wait for the broker",
        "STATUS=watching 2 beds; no alarm",
    ]


def test_a_configuration_that_was_not_taken_is_said_until_one_is(told: Told) -> None:
    told.line.begin(["bed-1", "bed-2"], [])
    told.line.configured(["bed-1", "bed-2"], [], "x" * 500)
    told.line.configured(["bed-1", "bed-2", "bed-3"], ["d"])
    assert told.since() == [
        f"STATUS=watching 2 beds; no alarm; configuration not taken: {'x' * DETAIL_MAX}",
        "STATUS=watching 3 beds; no alarm; experimental drivers: d",
    ]


def test_a_bed_that_is_gone_has_no_alarms(told: Told) -> None:
    told.line.begin(["bed-1", "bed-2"], [])
    told.line.published(AlarmIndex("bed-2", (ALARM,)))
    told.line.configured(["bed-1"], [])
    assert told.since()[-1] == "STATUS=watching 1 bed; no alarm"
