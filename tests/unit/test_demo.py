"""What the demonstration says of the commands to try: they can be copied, and half of one does nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from simulators import demo

FOLDER = Path("/tmp/infusion-edge-demo-abcdefgh")  # noqa: S108 - nothing is written


def commands(monkeypatch: pytest.MonkeyPatch, installed: Path, here: Path) -> list[str]:
    monkeypatch.setattr(sys, "executable", str(installed / "python"))
    monkeypatch.chdir(here)
    broker, *found = demo._note("127.0.0.1:4711", FOLDER).splitlines()
    assert broker.startswith("The broker is at 127.0.0.1:4711. ")
    return found


def test_a_program_below_the_current_folder_is_named_from_there_and_its_socket_before_what_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert commands(monkeypatch, tmp_path / ".venv" / "bin", tmp_path) == [
        f".venv/bin/infusion-edge alarms --control {FOLDER}/control.sock",
        f".venv/bin/infusion-edge accept --control {FOLDER}/control.sock NAME",
    ]


def test_another_program_is_named_whole_and_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "a b"
    installed.mkdir()
    for here in (installed, Path("/")):
        name = installed.relative_to(here) if here != installed else installed
        assert commands(monkeypatch, installed, here)[0].startswith(f"'{name}/infusion-edge' alarms ")
