"""`infusion-edge doctor`: looks at everything that the service needs, and says of each what is wrong and what to do.

Laws:
  * It disturbs nothing: it opens no port, writes nothing, and logs in at the broker only where no daemon can be there.
  * It works with and without the daemon, as root or not; what it may not see it says.
  * Each finding but a good one has its remedy.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from edge.clock import Clock
from edge.config import ConfigError, Configuration, load
from edge.diagnosis import Level, Row, error, ok, warning
from edge.doctor_broker import broker_rows
from edge.doctor_daemon import NotAskedError, Running, ask, daemon_rows, file_rows, is_running, unit_rows
from edge.doctor_lines import line_rows
from edge.doctor_machine import Machine, bedside_rows, clock_rows, configuration_rows, disk_rows, library_rows

EXIT_OK = 0
EXIT_ERRORS = 1

USER = "infusion-edge"
HANDED_OVER = Path("/run/credentials/infusion-edge.service")
CREDENTIALS = Path("/etc/credstore")
PREFIX = "infusion-edge."
"""Before the names of the service's credentials in the folder of all."""

PATIENCE_S = 2.0
"""What takes longer says so."""

BEATS_FIRST = 2
"""The first self-checks after a start come before most devices were heard."""

MARKS = {Level.OK: "OK     ", Level.WARNING: "WARNING", Level.ERROR: "ERROR  "}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at; ``machine`` is where the kernel tells of this computer."""

    config: Path
    run_dir: Path
    control: Path
    user: str = USER
    machine: Machine = field(default_factory=Machine)


def doctor(asked: Asked, *, as_json: bool, say: Say) -> tuple[int, str]:
    """Look at everything. Returns the exit status, 1 if anything does not work, and the text."""
    rows = list(_rows(asked, say))
    worst = EXIT_ERRORS if any(row.level is Level.ERROR for row in rows) else EXIT_OK
    return worst, json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) if as_json else _text(rows)


def _rows(asked: Asked, say: Say) -> Iterator[Row]:
    installed = version("infusion-edge")
    yield ok("version", f"infusion-edge {installed} is installed")
    with _progress(say, "asking systemd"):
        yield from unit_rows()
    running = _ask(asked.control, say)
    yield from daemon_rows(running, installed)
    yield from clock_rows(synchronised=Clock().synchronised(), machine=asked.machine)
    try:
        with _progress(say, "reading the configuration"), credentials() as environment:
            configuration = load(asked.config, asked.run_dir, environment)
            yield from _of_configuration(asked, configuration, running, say)
    except ConfigError as failed:
        for problem in failed.problems:
            where = f"{problem.file}: {problem.key}" if problem.key else problem.file
            yield error("configuration", f"{where}: {problem.message}", problem.remedy)
        yield from disk_rows(asked.run_dir, asked.user, asked.machine)
    if os.geteuid() != 0:
        yield warning("rights", "some things can be seen by root alone", "sudo infusion-edge doctor")


def _of_configuration(
    asked: Asked, configuration: Configuration, running: Running | NotAskedError, say: Say
) -> Iterator[Row]:
    heard = running if isinstance(running, Running) else None
    yield from configuration_rows(configuration)
    if heard is not None:
        yield from file_rows(heard, dict(configuration.sha256))
    yield from library_rows(configuration.mode, configuration.core.drugs)
    store = configuration.store_path
    with _progress(say, "looking at the disk"):
        yield from disk_rows(store.parent, asked.user, asked.machine)
    for port in configuration.ports:
        device = None if heard is None else heard.devices.get(port.port)
        with _progress(say, f"looking at line {port.port}"):
            just_begun = heard is not None and heard.self_check.count <= BEATS_FIRST
            yield from line_rows(port, device, asked.user, just_begun=just_begun)
    may_run = is_running(running, store.with_name(f"{store.name}.lock"))
    with _progress(say, f"trying the broker {configuration.broker.host}"):
        yield from broker_rows(configuration, heard, may_run=may_run)
    yield from bedside_rows(configuration, asked.user, asked.machine)


def _ask(control: Path, say: Say) -> Running | NotAskedError:
    try:
        with _progress(say, "asking the daemon"):
            return ask(control)
    except NotAskedError as failed:
        return failed


@contextlib.contextmanager
def _progress(say: Say, what: str) -> Iterator[None]:
    """Say what is being done if it takes long."""
    timer = threading.Timer(PATIENCE_S, say, [f"{what} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def credentials(handed_over: Path = HANDED_OVER, kept: Path = CREDENTIALS) -> Iterator[Mapping[str, str]]:
    """Give an environment in which the service's credentials are found, as systemd hands them over."""
    if "CREDENTIALS_DIRECTORY" in os.environ or not (handed_over.is_dir() or kept.is_dir()):
        yield os.environ
    elif handed_over.is_dir():
        yield {**os.environ, "CREDENTIALS_DIRECTORY": str(handed_over)}
    else:
        with tempfile.TemporaryDirectory(prefix="infusion-edge-") as folder:
            for path in kept.glob(f"{PREFIX}*"):
                (Path(folder) / path.name.removeprefix(PREFIX)).symlink_to(path)
            yield {**os.environ, "CREDENTIALS_DIRECTORY": folder}


def _text(rows: list[Row]) -> str:
    width = max(len(row.check) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{MARKS[row.level]}  {row.check:{width}}  {row.text}")
        if row.remedy:
            lines.append(f"{'':{len(MARKS[row.level]) + width + 2}}  -> {row.remedy}")
    counts = [sum(row.level is level for row in rows) for level in (Level.ERROR, Level.WARNING)]
    lines.append(f"\n{counts[0]} errors, {counts[1]} warnings")
    return "\n".join(lines)
