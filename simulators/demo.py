"""The demonstration: broker, devices, daemon and viewer as processes of their own, started in order and ended cleanly.

Each program is run by its command, as a person would run it; nothing is imported across the borders.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

BROKER_WAIT_S = 10.0
BROKER_TRIES = 100
STOP_LIMIT_S = 8.0
"""More than the daemon takes to say "stopped" and to flush."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the demonstration is asked for; ``duration_s`` ``None`` runs until Ctrl-C."""

    config: Path
    duration_s: float | None
    capture: Path | None
    lines: bool


class DemoError(Exception):
    """A part of the demonstration did not start."""


def run(wishes: Wishes) -> int:
    """Run the demonstration; return the viewer's exit status, or 1 if a part did not start."""
    # Ctrl-C reaches every process of the terminal at once: the viewer ends by it, then we end the others in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="infusion-edge-demo-") as name, contextlib.ExitStack() as parts:
        folder = Path(name)
        try:
            return _run(wishes, folder, parts)
        except DemoError as error:
            print(f"infusion-sim demo: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0


def _run(wishes: Wishes, folder: Path, parts: contextlib.ExitStack) -> int:
    port = _free_port()
    print(f"broker on 127.0.0.1:{port}", flush=True)
    serve = [sys.executable, "-m", "iotcore", "--log-level", "CRITICAL", "--config", _broker_file(folder, port)]
    broker = _start(parts, folder / "broker.log", serve)
    _await_port(port, broker, folder / "broker.log")
    print("simulated devices of two beds on serial ptys", flush=True)
    ward = [_command("infusion-sim"), "ward", "--dir", str(folder)]
    if wishes.capture is not None:
        ward += ["--capture", str(wishes.capture.resolve())]
    _start(parts, folder / "ward.log", ward)
    print(f"the daemon, with {wishes.config}; its log is {folder / 'edge.log'}\n", flush=True)
    address = f"127.0.0.1:{port}"
    daemon = [_command("infusion-edge"), "run", str(wishes.config), "--run-dir", str(folder), "--broker", address]
    edge = _start(parts, folder / "edge.log", [*daemon, "--plain-log"])
    top = [_command("infusion-edge"), "top", "--broker", address]
    if wishes.duration_s is not None:
        top += ["--duration", str(wishes.duration_s)]
    if wishes.lines:
        top.append("--lines")
    status = _watch(top)
    if edge.poll() is not None:
        raise DemoError(f"the daemon ended by itself:\n{(folder / 'edge.log').read_text(errors='replace')}")
    return status


def _watch(command: list[str]) -> int:
    interrupted = False
    with subprocess.Popen(command) as viewer:
        while True:
            try:
                status = viewer.wait()
            except KeyboardInterrupt:
                interrupted = True  # the viewer got it too, and is about to print its summary
            else:
                return 0 if interrupted else status


def _start(parts: contextlib.ExitStack, log: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Start a part in a process group of its own, so that Ctrl-C does not end it before its turn."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, process_group=0
        )
    parts.enter_context(_ended(process))
    return process


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


def _await_port(port: int, broker: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(BROKER_TRIES):
        with socket.socket() as probe:
            probe.settimeout(BROKER_WAIT_S / BROKER_TRIES)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            broker.wait(BROKER_WAIT_S / BROKER_TRIES)
            break
    raise DemoError(f"the broker did not start:\n{log.read_text(errors='replace')}")


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
