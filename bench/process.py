"""Programs under measurement: started with compiled modules at hand, and what the kernel says that they cost."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
HEAP = {"MALLOC_ARENA_MAX": "1"}
"""As the unit has it."""

END_LIMIT_S = 10.0
LISTEN_LIMIT_S = 3.0
_NS = 1_000_000_000


@cache
def _compiled() -> Path:
    """Return a folder for compiled modules: an installation has them, this machine's settings may forbid them."""
    return Path(tempfile.mkdtemp(prefix="bench-pyc-"))


def forget_compiled() -> None:
    """Remove the compiled modules at the end."""
    shutil.rmtree(_compiled(), ignore_errors=True)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a program under measurement."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    return {**kept, **HEAP, "PYTHONPYCACHEPREFIX": str(_compiled()), **more}


@contextmanager
def python(
    folder: Path, module: str, *arguments: str, talks: bool = False, notify_socket: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this tree; ``talks``: over pipes. What it complains of goes to a file in ``folder``."""
    pipe = subprocess.PIPE if talks else subprocess.DEVNULL
    with (
        (folder / f"{module}.log").open("wb") as log,
        _running(
            [sys.executable, "-m", module, *arguments], pipe, log, environment(NOTIFY_SOCKET=notify_socket)
        ) as process,
    ):
        yield process


def complaint(folder: Path, module: str) -> str:
    """Return the end of what a module complained of."""
    return (folder / f"{module}.log").read_text(encoding="utf-8", errors="replace")[-1000:]


@contextmanager
def mosquitto(folder: Path) -> Iterator[tuple[int, int]]:
    """Run a broker without persistence; yield its port and its process id."""
    # Debian puts it where a user's search path does not look.
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed: sudo apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} {HOST}\nallow_anonymous true\nmax_queued_messages 100000\nlog_dest none\n", encoding="utf-8"
    )
    with (
        (folder / "mosquitto.log").open("wb") as log,
        _running([program, "-c", str(config)], subprocess.DEVNULL, log, dict(os.environ)) as process,
    ):
        _wait_listening(port)
        yield port, process.pid


@contextmanager
def _running(command: list[str], pipe: int, log: BinaryIO, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a program from the root of the tree; it is ended by SIGTERM, or killed if it does not end."""
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, env=env, cwd=ROOT, text=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _wait_listening(port: int) -> None:
    until_s = time.monotonic() + LISTEN_LIMIT_S
    while time.monotonic() < until_s:
        try:
            socket.create_connection((HOST, port), 1.0).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError("mosquitto does not listen")


def cpu_s(pid: int) -> float:
    """Return the processor time of a living process so far, user and system, to the nanosecond of the scheduler."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / _NS


def wake_ups(pid: int) -> int:
    """Return how often the threads of a living process have waited so far."""
    rows = [
        row for task in Path(f"/proc/{pid}/task").iterdir() for row in (task / "status").read_text("ascii").split("\n")
    ]
    return sum(int(row.split()[1]) for row in rows if row.startswith("voluntary_ctxt_switches"))


def busy_s() -> float:
    """Return how long all cores together have worked so far, on anything."""
    user, nice, system, _, _, irq, softirq = map(
        int, Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=8)[1:8]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> tuple[float, float]:
    """Return the resident memory of a process, now and at its highest, in MB of 1,000,000 bytes."""
    rows = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    kib = {row.partition(":")[0]: row.split()[1] for row in rows if row.startswith(("VmRSS", "VmHWM"))}
    return int(kib["VmRSS"]) * 1.024e-3, int(kib["VmHWM"]) * 1.024e-3
