"""What the running daemon says of itself, and what systemd says of it. It is asked, and never disturbed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.commands_stop import UNIT, systemctl
from edge.diagnosis import Row, error, ok, warning
from edge.holder import holder_of
from edge.messages.alarms import AlarmMessage
from edge.messages.states import Device, SelfCheckMessage, Status

ANSWER_LIMIT_S = 5.0
"""A daemon that turns answers in some milliseconds."""

RESTARTS_MANY = 3
"""So often started anew since the boot is no accident."""

_PROPERTIES = ("LoadState", "ActiveState", "SubState", "UnitFileState", "NRestarts", "StatusText", "Result")
_BAD_UNIT_FILES = frozenset({"disabled", "masked"})

Systemctl = Callable[..., tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Running:
    """What a daemon that answers says: its version, its lines by port, its alarms, and its files with their hashes."""

    status: Status
    self_check: SelfCheckMessage
    alarms: tuple[AlarmMessage, ...]
    configuration: Mapping[str, str] = field(default_factory=dict)

    @property
    def devices(self) -> Mapping[str, Device]:
        """The lines by their names."""
        return {device.port: device for device in self.self_check.devices}

    def alarm(self, condition: str) -> AlarmMessage | None:
        """Return a present alarm of the edge itself."""
        found = (one for one in self.alarms if one.condition == condition and not one.bed and one.present)
        return next(found, None)


class NotAskedError(Exception):
    """The daemon could not be asked; ``remedy`` is what a person can do.

    ``may_run``: it may be there all the same. ``hangs``: it is there, and watches nothing.
    """

    def __init__(self, text: str, remedy: str, *, may_run: bool, hangs: bool = False) -> None:
        super().__init__(text)
        self.remedy = remedy
        self.may_run = may_run
        self.hangs = hangs


def ask(path: Path) -> Running:
    """Ask the daemon at a control socket. Raises NotAskedError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_LIMIT_S)
            line.connect(os.fspath(path))
            with line.makefile("rwb") as talk:
                said = _exchange(talk, {"get": "self-check"})
                alarms = _exchange(talk, {"get": "alarms"})["alarms"]
        return Running(
            Status.read(json.dumps(said["status"]).encode()),
            SelfCheckMessage.read(json.dumps(said["self_check"]).encode()),
            tuple(AlarmMessage.read(json.dumps(one).encode()) for one in alarms),
            dict(said.get("configuration", {})),
        )
    except (FileNotFoundError, ConnectionRefusedError) as failed:
        raise NotAskedError(
            f"no daemon answers at {path}", "start it: sudo systemctl start infusion-edge", may_run=False
        ) from failed
    except PermissionError as failed:
        remedy = "run it as root (sudo infusion-edge doctor), or join the group infusion-edge"
        raise NotAskedError(f"you may not use {path}", remedy, may_run=True) from failed
    except TimeoutError as failed:
        remedy = "if systemd does not start it anew within 20 s: sudo systemctl kill -s KILL infusion-edge"
        text = f"the daemon at {path} hangs: look at the beds"
        raise NotAskedError(text, remedy, may_run=True, hangs=True) from failed
    except (OSError, ValueError, KeyError, TypeError) as failed:
        remedy = "look at its log: journalctl -u infusion-edge -n 50"
        raise NotAskedError(f"the daemon at {path} gives no answer ({failed})", remedy, may_run=True) from failed


def _exchange(talk: Any, said: Mapping[str, str]) -> dict[str, Any]:
    talk.write(json.dumps(said).encode() + b"\n")
    talk.flush()
    answer: dict[str, Any] = json.loads(talk.readline())
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer


def daemon_rows(running: Running | NotAskedError, installed: str) -> Iterator[Row]:
    """Tell whether the daemon runs, by which version, and what it alarms to the technician."""
    if isinstance(running, NotAskedError):
        tell = warning if running.may_run and not running.hangs else error
        yield tell("daemon", str(running), running.remedy)
        return
    version = running.status.version
    if version == installed:
        yield ok("daemon", f"it runs, version {version}, run {running.status.run}")
    else:
        text = f"version {version} runs, and {installed} is installed"
        yield warning("daemon", text, "restart it when no bed has a patient: infusion-edge stop, then systemctl start")
    for alarm in running.alarms:
        if alarm.present and alarm.audience == "technician":
            tell = warning if alarm.priority == "low" else error
            yield tell("alarm", f"{alarm.condition}: {alarm.text}", alarm.action)
    depth = running.self_check.outbox_depth
    if depth:
        yield warning(
            "outbox", f"{depth} events wait for the broker", "look at the broker's rows: they go when it is there"
        )


def file_rows(running: Running, there: Mapping[str, str]) -> Iterator[Row]:
    """Tell whether the daemon is configured by the files as they are: each with its hash, as it runs and as it lies."""
    if not running.configuration:
        return  # a daemon of before, which does not say
    names = sorted({*running.configuration, *there})
    other = [name for name in names if running.configuration.get(name) != there.get(name)]
    if other:
        text = f"{', '.join(other)}: changed and not loaded; what runs is the file of before"
        remedy = "infusion-edge check-config, then sudo systemctl reload infusion-edge; or put the old file back"
        yield warning("files", text, remedy)
    else:
        yield ok("files", f"what lies there is what runs ({', '.join(names)})")


def is_running(running: Running | NotAskedError, lock: Path) -> bool:
    """Tell whether a daemon may be there, also one that cannot be asked: its lock is held, or nobody may say."""
    if isinstance(running, Running):
        return True
    return running.may_run or holder_of(str(lock)) != ""


def unit_rows(system: Systemctl = systemctl) -> Iterator[Row]:
    """Tell what systemd says of the service."""
    status, said = system("show", UNIT, f"--property={','.join(_PROPERTIES)}")
    told = dict(line.partition("=")[::2] for line in said.splitlines() if "=" in line)
    if status != 0 or "ActiveState" not in told:
        why = next(iter(said.splitlines()), str(status))
        yield warning("unit", f"systemd cannot be asked: {why}", "run it on the bedside computer")
        return
    if told.get("LoadState") == "not-found":
        yield warning("unit", f"there is no {UNIT}", "install the package (docs/install.md)")
        return
    state = f"{told['ActiveState']} ({told.get('SubState', '')})"
    if told["ActiveState"] in ("active", "reloading"):
        yield ok("unit", f"{state}: {told.get('StatusText', '')}")
    else:
        remedy = "sudo systemctl start infusion-edge; why it ended: journalctl -u infusion-edge -n 50"
        yield error("unit", f"{state}, last result {told.get('Result', 'unknown')}", remedy)
    if told.get("UnitFileState") in _BAD_UNIT_FILES:
        text = f"it does not start with the computer ({told['UnitFileState']})"
        yield warning("unit", text, "sudo systemctl enable infusion-edge")
    restarts = told.get("NRestarts", "0")
    if restarts.isdecimal() and int(restarts) >= RESTARTS_MANY:
        remedy = "look why: journalctl -u infusion-edge -p warning"
        yield warning("unit", f"it was started anew {restarts} times by itself", remedy)
