"""The demonstration: broker, devices, daemon and viewer as processes of their own, started in order and ended cleanly.

Each program is run by its command, as a person would run it; nothing is imported across the borders.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import dedent

BROKER_WAIT_S = 10.0
BROKER_TRIES = 100
STOP_LIMIT_S = 8.0
"""More than the daemon takes to say "stopped" and to flush."""

POLL_S = 0.2
VIEWER_GRACE_S = 1.0
"""Ctrl-C in a terminal reaches the viewer too: so long it may take to end by itself before it is told to."""

LOG_TAIL_LINES = 20
STORY = (
    "0:05 bed 2: the dose is raised step by step; its alarm comes after about 25 s, and the heart rate climbs",
    "1:00 bed 2: the dose is lowered again; an alarm that was high stands until you take it",
    "1:30 bed 3: the line is occluded; the clamp is opened at 2:50",
    "2:10 bed 4: the monitor's cable is pulled, and plugged in at 3:40",
)
"""What is going to happen, told before it does; the times are those of the ward."""

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the demonstration: Ctrl-C, a kill, and the terminal window that is closed."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the demonstration is asked for; ``duration_s`` ``None`` runs until Ctrl-C; ``keep`` keeps the logs."""

    config: Path
    duration_s: float | None
    capture: Path | None
    lines: bool
    keep: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A program that runs until the demonstration ends."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


class DemoError(Exception):
    """A part of the demonstration did not start, or ended by itself."""


def run(wishes: Wishes) -> int:
    """Run the demonstration; return the viewer's exit status, or 1 if a part failed."""
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    with _folder(keep=wishes.keep) as folder, contextlib.ExitStack() as stack:
        try:
            return _run(wishes, folder, stack)
        except DemoError as error:
            print(f"infusion-sim demo: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0
        finally:
            # Nothing interrupts the ending: else parts of the demonstration would be left behind.
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    prefix = "infusion-edge-demo-"
    if not keep:
        with tempfile.TemporaryDirectory(prefix=prefix) as name:
            yield Path(name)
        return
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        print(f"logs and store are kept in {folder}")


def _run(wishes: Wishes, folder: Path, stack: contextlib.ExitStack) -> int:
    if importlib.util.find_spec("iotcore") is None:
        raise DemoError("the broker is not installed; use pip install 'infusion-edge[demo]', or make demo")
    port = _free_port()
    print(f"broker on 127.0.0.1:{port}", flush=True)
    serve = [sys.executable, "-m", "iotcore", "--log-level", "CRITICAL", "--config", _broker_file(folder, port)]
    broker = _start(stack, "broker", folder, serve)
    _await_port(port, broker)
    print("simulated devices of four beds on serial ptys", flush=True)
    devices = [_command("infusion-sim"), "ward", "--dir", str(folder)]
    if wishes.capture is not None:
        devices += ["--capture", str(wishes.capture.resolve())]
    ward = _start(stack, "ward", folder, devices)
    print(f"the daemon, with {wishes.config}", flush=True)
    address = f"127.0.0.1:{port}"
    daemon = [_command("infusion-edge"), "run", str(wishes.config), "--run-dir", str(folder), "--broker", address]
    edge = _start(stack, "daemon", folder, [*daemon, "--plain-log"])
    page, served = _serve_page(wishes, address, folder, stack)
    for line in STORY:
        print(line, flush=True)
    print(flush=True)
    top = [_command("infusion-edge"), "top", "--broker", address, "--note", _note(address, folder, page)]
    if wishes.duration_s is not None:
        top += ["--duration", str(wishes.duration_s)]
    if wishes.lines:
        top.append("--lines")
    return _watch(top, (broker, ward, edge, *served))


def _serve_page(
    wishes: Wishes, address: str, folder: Path, stack: contextlib.ExitStack
) -> tuple[str, tuple[Part, ...]]:
    """Start the nursing station, if it is installed and has a file beside the daemon's; return the page's address."""
    config = wishes.config.with_name("station.toml")
    if importlib.util.find_spec("starlette") is None or not config.is_file():
        return "", ()
    port = _free_port()
    command = [_command("infusion-station"), "run", str(config), "--broker", address, "--port", str(port)]
    page = f"http://127.0.0.1:{port}/"
    print(f"the ward's page, with {config}: {page}", flush=True)
    return page, (_start(stack, "station", folder, [*command, "--plain-log"]),)


def _note(address: str, folder: Path, page: str = "") -> str:
    """Say what else there is to try: each command on its own row, of which no part alone asks anything of a daemon."""
    edge = Path(_command("infusion-edge"))
    with contextlib.suppress(ValueError):
        near = edge.relative_to(Path.cwd())
        edge = near if len(near.parts) > 1 else edge  # a name alone would be looked for elsewhere
    program, control = shlex.quote(str(edge)), shlex.quote(str(folder / "control.sock"))
    return "\n".join(
        (
            *([f"The ward's page, for a browser: {page}"] if page else []),
            f"The broker is at {address}. In another terminal, see alarms and take one:",
            f"{program} alarms --control {control}",
            f"{program} accept --control {control} NAME",
        )
    )


def _watch(command: list[str], parts: tuple[Part, ...]) -> int:
    """Show the viewer until it ends, or until a part does, which is an error."""
    # It stays in the terminal's foreground; a preexec_fn is safe here, since this program has no threads.
    viewer = subprocess.Popen(command, preexec_fn=_dies_with_us())  # noqa: PLW1509 - see above
    with _ended(viewer):
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return viewer.wait(POLL_S)
                for part in parts:
                    _check(part)
        except KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                viewer.wait(VIEWER_GRACE_S)
            return 0


def _check(part: Part) -> None:
    status = part.process.poll()
    if status is None:
        return
    tail = "\n".join(part.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
    raise DemoError(f"the {part.name} ended by itself (exit status {status}):\n{tail}")


def _start(stack: contextlib.ExitStack, name: str, folder: Path, command: list[str]) -> Part:
    """Start a part in a process group of its own, so that Ctrl-C does not end it before its turn."""
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=_dies_with_us(),  # noqa: PLW1509 - safe, since this program has no threads
        )
    stack.enter_context(_ended(process))
    return Part(name, process, log)


def _dies_with_us() -> Callable[[], None]:
    """Return what a child does first: ask the kernel for a SIGTERM when this program ends in whatever way."""
    return partial(_die_with, os.getpid())


def _die_with(parent: int) -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)  # it ended before the kernel knew


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(name: str) -> str:
    """Return a program of the same installation as this one."""
    return str(Path(sys.executable).with_name(name))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await_port(port: int, broker: Part) -> None:
    for _ in range(BROKER_TRIES):
        with socket.socket() as probe:
            probe.settimeout(BROKER_WAIT_S / BROKER_TRIES)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            broker.process.wait(BROKER_WAIT_S / BROKER_TRIES)
        _check(broker)
    raise DemoError(f"the broker does not answer after {BROKER_WAIT_S:.0f} s")


def _broker_file(folder: Path, port: int) -> str:
    """Write the configuration of the demonstration's broker: MQTT 5, on loopback alone."""
    file = folder / "broker.toml"
    file.write_text(
        dedent(f"""\
            id = 0

            [router]
            id = 0
            max_connections = 100
            max_outgoing_packet_count = 10000
            max_segment_size = 10485760
            max_segment_count = 10

            [v5.1]
            name = "loopback"
            listen = "127.0.0.1:{port}"
            next_connection_delay_ms = 1

            [v5.1.connections]
            connection_timeout_ms = 5000
            max_payload_size = 262144
            max_inflight_count = 100
            """),
        encoding="utf-8",
    )
    return str(file)
