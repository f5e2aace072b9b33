"""The commands where the daemon is not there, may not be asked, or does not answer: what they say to do."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from edge import commands
from edge.cli import main
from tests.unit.command_daemon import Daemon, Run, alarm, daemon, path, run

__all__ = ["daemon", "path", "run"]

RUNNING = (
    "is the daemon running (systemctl status infusion-edge)? "
    "If it was started otherwise (make demo), say --control and its path"
)


def dead_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    return path


def test_without_a_daemon_it_says_what_to_look_at(path: Path, run: Run) -> None:
    assert run("alarms") == (2, "", f"infusion-edge: there is no {path}: {RUNNING}\n")
    dead_socket(path)
    assert run("alarms") == (
        2,
        "",
        f"infusion-edge: nobody answers at {path} ([Errno 111] Connection refused): {RUNNING}\n",
    )


def test_a_file_that_is_no_socket_is_said_to_be_none(path: Path, run: Run) -> None:
    path.touch()
    said = f"{path} is no socket: name the daemon's own with --control"
    assert run("alarms") == (2, "", f"infusion-edge: {said}\n")
    assert commands._why_not(path, PermissionError(13, "Permission denied")) == said


def test_a_path_that_is_too_long_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alarms", "--control", "/" + "x" * 200]) == 2
    assert "AF_UNIX path too long" in capsys.readouterr().err


DENIED = PermissionError(13, "Permission denied")


def test_who_is_not_in_the_group_of_the_socket_or_of_what_hides_it_is_told_the_remedy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "GROUP", path.parent.group())
    remedy = f"your user must be in the group {commands.GROUP} (sudo adduser $USER {commands.GROUP}, log in anew)"
    assert commands._why_not(path, DENIED) == f"you may not use {path}: {remedy}"
    assert commands._why_not(dead_socket(path), DENIED) == f"you may not use {path}: {remedy}"


def test_a_socket_of_another_group_names_whose_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = dead_socket(path).owner()
    assert commands._why_not(path, DENIED) == f"you may not use {path}: {path} belongs to {user}: run it as {user}"

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(grp, "getgrgid", nobody)
    user = f"uid {os.getuid()}"
    assert commands._why_not(path, DENIED) == f"you may not use {path}: {path} belongs to {user}: run it as {user}"


def test_what_was_done_before_the_daemon_fell_silent_is_told(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm("RR_LOW", "run-1-1"), alarm("SPO2_LOW", "run-1-2"), alarm("HR_HIGH", "run-1-3")]
    daemon.answer = lambda said: {"error": "no answer"} if said["key"] == "RR_LOW" else daemon.done(said)
    status, out, error = run("acknowledge", "SPO2_LOW", "RR_LOW", "HR_HIGH")
    text = alarm()["text"]
    assert (status, out) == (2, "")
    assert error.splitlines() == [
        f"done: acknowledge bed-1 SPO2_LOW ({text}): it goes on sounding",
        f"not known: acknowledge bed-1 RR_LOW ({text}): no answer",
    ]
    assert [asked["key"] for asked in daemon.asked] == ["SPO2_LOW", "RR_LOW"]


@pytest.mark.parametrize("answer", [b"", b'{"half'])
def test_a_daemon_that_hangs_up_is_told(daemon: Daemon, run: Run, answer: bytes) -> None:
    daemon.answer = lambda _: answer
    assert run("test-alarm") == (2, "", "infusion-edge: the daemon hung up: look at the alarms again\n")


def test_a_daemon_that_does_not_answer_is_given_up(daemon: Daemon, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ANSWER_LIMIT_S", 0.1)
    given_up = threading.Event()

    def wait(_: dict[str, Any]) -> bytes:
        given_up.wait(3.0)
        return b""

    daemon.answer = wait
    status, _, error = run("test-alarm")
    given_up.set()
    assert (status, error) == (
        2,
        "infusion-edge: the connection to the daemon broke (timed out): look at the alarms again\n",
    )


def test_a_folder_that_may_not_be_looked_into_is_said_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(_: Path) -> bool:
        raise DENIED

    monkeypatch.setattr(Path, "exists", hidden)
    assert commands._why_not(path, DENIED).startswith(f"you may not use {path}: ")
