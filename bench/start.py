"""How long the daemon takes to start: to READY, to the first alarm of a reading, and what its imports take of it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.bare import NOT_IN_THE_PACKAGE
from bench.load import monitors
from bench.process import ROOT, complaint, cpu_s, environment, mosquitto
from bench.subjects import DAEMON, listening

READY_LIMIT_S = 60.0
"""When to give up."""

STORE = "edge.db"
BAD_RATE_HZ = 50.0
"""The bad reading is there as soon as the line is open."""

IMPORTED = "import edge.app, edge.config, edge.log, drivers.ivy_450c, drivers.bbraun_space"
PACKAGED = f"import sys; sys.modules.update(dict.fromkeys({NOT_IN_THE_PACKAGE}))"
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Result:
    """Medians, in seconds and ms; ``ready_cpu_s`` is the processor's time to READY.

    ``ready_again_s`` and ``alarm_again_s`` are those of a start right after a kill -9, with an alarm that stood;
    ``ready_full_s`` and ``alarm_full_s`` those after a kill -9 with a journal of ``rows`` and an outbox of ``events``.
    ``imports_ms`` are the packages whose own modules take longest to import.
    """

    starts: int
    ready_s: float
    ready_cpu_s: float
    first_alarm_s: float
    ready_again_s: float
    alarm_again_s: float
    rows: int
    events: int
    ready_full_s: float
    alarm_full_s: float
    python_s: float
    import_s: float
    imports_ms: tuple[tuple[str, float], ...]


def measure(starts: int, rows: int, events: int) -> Result:
    """Start it so many times, and as often with a store of so many rows and events."""
    times = [_start() for _ in range(starts)]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        full = _filled(Path(name), rows, events)
        full_times = [_start(full)[:3] for _ in range(starts)]
    ready_s, ready_cpu_s, first_alarm_s, ready_again_s, _, alarm_again_s = (
        median(each) for each in zip(*times, strict=True)
    )
    ready_full_s, _, alarm_full_s = (median(each) for each in zip(*full_times, strict=True))
    return Result(
        starts,
        ready_s,
        ready_cpu_s,
        first_alarm_s,
        ready_again_s,
        alarm_again_s,
        rows,
        events,
        ready_full_s,
        alarm_full_s,
        python_s=median(_empty_s() for _ in range(starts)),
        import_s=median(_import_s() for _ in range(starts)),
        imports_ms=_imports_ms(),
    )


def _filled(folder: Path, rows: int, events: int) -> Path:
    """Have a store filled and killed in a folder; return the folder."""
    arguments = ("-m", "bench.full_store", str(folder / STORE), str(rows), str(events))
    subprocess.run([sys.executable, *arguments], env=environment(), cwd=ROOT, check=False)
    if not (folder / STORE).exists():
        raise RuntimeError(f"no store was made in {folder}")
    return folder


def _start(store: Path | None = None) -> tuple[float, ...]:
    """Start, kill -9 once the alarm is there, and start again: to READY, the processor, and to the alarm.

    ``store`` has the files of a store to begin with.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        mosquitto(Path(name)) as (port, _),
        monitors(Path(name), 1) as load,
        listening(DAEMON, port) as heard,
    ):
        address = str(Path(name) / "notify")
        systemd.bind(address)
        systemd.settimeout(READY_LIMIT_S)
        for file in store.glob(f"{STORE}*") if store is not None else ():
            shutil.copyfile(file, Path(name) / file.name)
        load.bad(0)
        load.rate(BAD_RATE_HZ)

        def once() -> tuple[float, float, float]:
            began_s = time.monotonic()
            with DAEMON.run(Path(name), 1, port, notify_socket=address) as process:
                try:
                    while b"READY=1" not in systemd.recv(4096):
                        pass
                except TimeoutError:
                    raise RuntimeError(f"not ready: {complaint(Path(name), DAEMON.module)}") from None
                ready_s, ready_cpu_s = time.monotonic(), cpu_s(process.pid)
                alarm_s = heard.wait(0, began_s, READY_LIMIT_S)
                process.kill()
                process.wait()
                if alarm_s is None:
                    raise RuntimeError(f"no alarm: {complaint(Path(name), DAEMON.module)}")
                return ready_s - began_s, ready_cpu_s, alarm_s - began_s

        return *once(), *once()


def _empty_s() -> float:
    began_s = time.monotonic()
    _run("-c", "pass")
    return time.monotonic() - began_s


def _import_s() -> float:
    code = f"{PACKAGED}; import time; began_s = time.monotonic(); {IMPORTED}; print(time.monotonic() - began_s)"
    return float(_run("-c", code).stdout)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment(), cwd=ROOT, check=True, capture_output=True, text=True)


def _imports_ms() -> tuple[tuple[str, float], ...]:
    told = _run("-X", "importtime", "-c", f"{PACKAGED}; {IMPORTED}").stderr
    own_us: Counter[str] = Counter()
    for line in told.splitlines()[1:]:
        own, _, name = line.removeprefix("import time:").split("|")
        own_us[name.strip().partition(".")[0]] += int(own)
    return tuple((name, total / 1000) for name, total in own_us.most_common(SHOWN))
