"""A stand-in for the daemon that the commands ask, its alarms, and a way to run a command line against it."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from edge.cli import main
from edge.messages.alarms import AlarmMessage
from edge.messages.events import ResponseMessage

NOW_S = 1000.0
DOSE = "DOSE_RATE_HIGH.rack.11"


def stamp(seconds_ago: float) -> dict[str, Any]:
    return {"mono_s": NOW_S - seconds_ago, "wall": "2026-01-01T00:00:00.000Z", "synchronised": True}


def alarm(key: str = "HR_HIGH", occurrence: str = "run-1-1", **changes: Any) -> dict[str, Any]:
    """An alarm as the daemon gives it."""
    said: dict[str, Any] = {
        "run": "run-1",
        "key": key,
        "condition": key.partition(".")[0],
        "bed": "bed-1",
        "port": "",
        "channel": "",
        "occurrence": occurrence,
        "rev": 3,
        "kind": "physiological",
        "audience": "nurse",
        "priority": "medium",
        "band": "soft",
        "present": True,
        "verifiable": True,
        "signal": "on",
        "durable": True,
        "text": "Bed 1: heart rate 130 /min, above the soft limit 120 /min.",
        "action": "Look at the patient.",
        "onset": stamp(75),
        "changed": stamp(75),
        "value": "130",
        "unit": "/min",
        "limit": None,
        "evidence": {},
        "delivery": {
            "state": "queued",
            "level": 1,
            "noise_rev": 1,
            "published": None,
            "broker_ack": None,
            "displayed": None,
            "displayed_by": "",
        },
        **changes,
    }
    AlarmMessage.read(json.dumps(said).encode())
    return said


class Daemon:
    """Stands for the daemon: gives ``alarms``, notes what is asked, and answers by ``answer``."""

    answers: ClassVar[dict[str, Any]] = {"result": "done", "reason": "", "durable": True}

    def __init__(self) -> None:
        self.alarms: list[dict[str, Any]] = []
        self.pauses: list[dict[str, Any]] = []
        self.beds = [{"bed": "bed-1", "label": "Window"}, {"bed": "bed-2", "label": "Door"}]
        self.asked: list[dict[str, Any]] = []
        self.gone = False
        self.answer: Callable[[dict[str, Any]], dict[str, Any] | bytes] = self.done

    def done(self, said: dict[str, Any], **changes: Any) -> dict[str, Any]:
        message = {
            "schema": "response/1",
            "run": "run-1",
            "request_id": said["request_id"],
            "verb": said["ask"],
            "at": stamp(0),
            **self.answers,
            **changes,
        }
        ResponseMessage.read(json.dumps(message).encode())
        return message

    def reply(self, line: bytes) -> bytes:
        said = json.loads(line)
        if self.gone:
            return b""
        if said == {"get": "alarms"}:
            found = {"beds": self.beds, "pauses": self.pauses, "alarms": self.alarms}
            return json.dumps({"run": "run-1", "mono_s": NOW_S, **found}).encode() + b"\n"
        self.asked.append(said)
        answer = self.answer(said)
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def daemon(path: Path) -> Iterator[Daemon]:
    here = Daemon()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):  # whoever asked may be gone
                for line in self.rfile:
                    reply = here.reply(line)
                    self.wfile.write(reply)
                    if not reply.endswith(b"\n"):
                        return

    with socketserver.ThreadingUnixStreamServer(str(path), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line: its exit status, what it printed, and what it printed as an error."""

    def run(verb: str, *arguments: str) -> tuple[int, str, str]:
        status = main([verb, *arguments, "--control", str(path)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def basis(said: dict[str, Any]) -> dict[str, Any]:
    """What was asked, without the identifier, which must be there."""
    assert len(said["request_id"]) == 16
    return {name: value for name, value in said.items() if name != "request_id"}
