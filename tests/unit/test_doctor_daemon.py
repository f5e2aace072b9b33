"""`doctor` and what it is told: by systemd, and at the control socket."""

from __future__ import annotations

import fcntl
import json
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.commands_stop import UNIT
from edge.diagnosis import Level
from edge.doctor_daemon import NotAskedError, Running, ask, daemon_rows, file_rows, is_running, unit_rows
from edge.messages.alarms import AlarmMessage
from edge.messages.states import SelfCheckMessage, Status
from tests.contents import CONTENTS, wire
from tests.core_world import instant

Told = Callable[..., tuple[int, str]]


def said(kind: str) -> dict[str, Any]:
    payload = wire().encode(CONTENTS[kind], instant(1000.0)).payload
    found: dict[str, Any] = json.loads(payload if isinstance(payload, bytes) else payload())
    return found


def running(**alarm: object) -> Running:
    status = Status.read(json.dumps(said("status")).encode())
    check = SelfCheckMessage.read(json.dumps(said("self-check")).encode())
    alarms = [AlarmMessage.read(json.dumps({**said("alarm"), **alarm}).encode())] if alarm else []
    return Running(status, check, tuple(alarms))


def systemd(**told: str) -> Told:
    text = "\n".join(f"{name}={value}" for name, value in told.items())

    def system(*words: str) -> tuple[int, str]:
        assert words[:2] == ("show", UNIT)
        return 0, text

    return system


WELL = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "UnitFileState": "enabled"}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"StatusText": "watching 2 beds; no alarm", "NRestarts": "0"}, [("ok", "watching 2 beds; no alarm")]),
        ({"ActiveState": "failed", "Result": "exit-code"}, [("error", "last result exit-code")]),
        ({"UnitFileState": "disabled"}, [("ok", "active"), ("warning", "does not start with the computer")]),
        ({"NRestarts": "2"}, [("ok", "active")]),
        ({"NRestarts": "3"}, [("ok", "active"), ("warning", "started anew 3 times")]),
        ({"LoadState": "not-found"}, [("warning", f"there is no {UNIT}")]),
    ],
)
def test_what_systemd_says(told: dict[str, str], found: list[tuple[str, str]]) -> None:
    rows = list(unit_rows(systemd(**{**WELL, **told})))
    assert [row.level.value for row in rows] == [level for level, _ in found]
    assert all(text in row.text for row, (_, text) in zip(rows, found, strict=True))
    assert all(bool(row.remedy) is (row.level is not Level.OK) for row in rows)


def test_without_systemd_it_is_said(tmp_path: Path) -> None:
    (row,) = unit_rows(lambda *_: (127, f"No such file: {tmp_path}"))
    assert (row.level, str(tmp_path) in row.text) == (Level.WARNING, True)


def test_another_version_runs_than_is_installed() -> None:
    version = running().status.version
    assert [row.level for row in daemon_rows(running(), version)] == [Level.OK, Level.WARNING]
    row = next(daemon_rows(running(), "9.9"))
    assert (row.level, row.text) == (Level.WARNING, f"version {version} runs, and 9.9 is installed")


def test_alarms_for_the_technician_are_told_with_what_to_do() -> None:
    alarm = {"audience": "technician", "priority": "medium", "present": True, "condition": "CONFIG_INVALID", "bed": ""}
    found = running(**alarm)
    (row,) = [row for row in daemon_rows(found, found.status.version) if row.check == "alarm"]
    assert row.level is Level.ERROR
    assert row.text.startswith("CONFIG_INVALID: ")
    assert row.remedy == found.alarms[0].action
    for other in ({"present": False}, {"audience": "nurse"}):
        quiet = running(**{**alarm, **other})
        assert not [row for row in daemon_rows(quiet, "") if row.check == "alarm"]
    low = running(**{**alarm, "priority": "low"})
    assert [row.level for row in daemon_rows(low, "") if row.check == "alarm"] == [Level.WARNING]


def test_events_that_wait_are_counted() -> None:
    (row,) = [row for row in daemon_rows(running(), "") if row.check == "outbox"]
    assert row.text == "5 events wait for the broker"


@pytest.mark.parametrize(
    ("runs", "level", "text"),
    [
        ({"edge.toml": "1", "drugs.toml": "2"}, Level.OK, "what lies there is what runs (drugs.toml, edge.toml)"),
        ({"edge.toml": "0", "drugs.toml": "2"}, Level.WARNING, "edge.toml: changed and not loaded"),
        ({"edge.toml": "1", "old.toml": "2"}, Level.WARNING, "drugs.toml, old.toml: changed and not loaded"),
    ],
)
def test_files_that_were_changed_and_not_loaded_are_told(runs: dict[str, str], level: Level, text: str) -> None:
    (row,) = file_rows(replace(running(), configuration=runs), {"edge.toml": "1", "drugs.toml": "2"})
    assert (row.check, row.level, row.text.startswith(text)) == ("files", level, True)
    assert ("sudo systemctl reload infusion-edge" in row.remedy) is (level is Level.WARNING)


def test_a_daemon_of_before_does_not_say_by_which_files_it_runs() -> None:
    assert list(file_rows(running(), {"edge.toml": "1"})) == []


def test_a_socket_without_a_daemon(tmp_path: Path) -> None:
    with pytest.raises(NotAskedError, match="no daemon answers") as refused:
        ask(tmp_path / "control.sock")
    assert refused.value.may_run is False
    (row,) = daemon_rows(refused.value, "1")
    assert (row.level, row.remedy) == (Level.ERROR, "start it: sudo systemctl start infusion-edge")


@pytest.mark.parametrize(
    "answer", [b"", b"no JSON\n", b"[]\n", b'{"error": "the edge has only just begun"}\n', b"{}\n"]
)
def test_a_daemon_that_gives_no_answer_may_be_there_all_the_same(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "control.sock"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with server.accept()[0] as client:
                client.recv(4096)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(NotAskedError) as refused:
            ask(path)
        thread.join()
    assert refused.value.may_run is True
    assert [row.level for row in daemon_rows(refused.value, "1")] == [Level.WARNING]


def test_a_daemon_that_hangs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.doctor_daemon.ANSWER_LIMIT_S", 0.05)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        with pytest.raises(NotAskedError, match="hangs: look at the beds") as refused:
            ask(tmp_path / "control.sock")
    assert refused.value.may_run is True
    assert [row.level for row in daemon_rows(refused.value, "1")] == [Level.ERROR]


def test_a_daemon_that_cannot_be_asked_is_known_by_its_lock(tmp_path: Path) -> None:

    gone = NotAskedError("no daemon answers", "start it", may_run=False)
    lock = tmp_path / "edge.db.lock"
    lock.touch()
    assert not is_running(gone, lock)
    assert is_running(NotAskedError("you may not", "be root", may_run=True), lock)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_running(gone, lock)
    assert is_running(running(), lock)
