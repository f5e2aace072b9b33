"""What the daemon costs while nothing happens: four devices that talk, and its state on a disk of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt import subscribe

from bench.configuration import EDGE, SITE, whole_beds
from bench.load import monitors
from bench.process import HOST, busy_s, complaint, cpu_s, memory_mb, mosquitto, python, wake_ups
from edge.messages.states import SelfCheckMessage
from edge.messages.topics import Topics

BEDS = 2
"""A pump and a monitor each."""

RATE_HZ = 1.0
LINK_LIMIT_S = 10.0
SETTLE_S = 20.0
"""What a start brings is over by then: pumps are known, certificates looked at, the store's file folded."""

IMAGE_BYTES = 64 * 1024 * 1024
SECTOR_BYTES = 512
_SECTORS_WRITTEN = 6
"""The column of /sys/class/block/*/stat."""

DAEMON = "bench.bare"


@dataclass(frozen=True, slots=True)
class Result:
    """``cpu_percent`` is of one core; ``written_bytes`` is what its disk took; ``None`` for who is not root."""

    devices: int
    infusing: bool
    lasted_s: float
    cpu_percent: float
    wake_ups_per_s: float
    memory_mb: float
    written_bytes: int | None
    others_cpu_percent: float


def measure(lasting_s: float, *, infusing: bool) -> Result:
    """Look at it for so long."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        disk = stack.enter_context(_disk_of_its_own(folder))
        port, _ = stack.enter_context(mosquitto(folder))
        load = stack.enter_context(monitors(folder, BEDS))
        for number in range(BEDS):
            words = ["--rate", "7", "--link", str(folder / f"pump-{number}"), *(() if infusing else ("--stopped",))]
            (folder / f"{number}").mkdir()
            stack.enter_context(python(folder / f"{number}", "simulators.cli", "space", *words))
        load.rate(RATE_HZ)
        _await_links([folder / f"pump-{number}" for number in range(BEDS)])
        config = whole_beds(folder, BEDS, ordered=infusing)
        words = ["run", str(config), "--run-dir", str(disk.folder), "--broker", f"{HOST}:{port}"]
        process = stack.enter_context(python(folder, DAEMON, *words))
        time.sleep(SETTLE_S)
        if process.poll() is not None:
            raise RuntimeError(f"the daemon ended: {complaint(folder, DAEMON)}")
        _require_all_lines(port)
        before = _look(process.pid, disk)
        time.sleep(lasting_s)
        after = _look(process.pid, disk)
        _require_all_lines(port)
        now, cpu, wakes, written, busy = (new - old for new, old in zip(after, before, strict=True))
        return Result(
            devices=2 * BEDS,
            infusing=infusing,
            lasted_s=now,
            cpu_percent=100 * cpu / now,
            wake_ups_per_s=wakes / now,
            memory_mb=memory_mb(process.pid)[1],
            written_bytes=int(written) if disk.is_own else None,
            others_cpu_percent=100 * (busy - cpu) / now,
        )


@dataclass(frozen=True, slots=True)
class _Disk:
    folder: Path
    device: str

    @property
    def is_own(self) -> bool:
        return bool(self.device)

    def written_bytes(self) -> int:
        """Return what it took so far, with all that waited in memory."""
        if not self.is_own:
            return 0
        subprocess.run(["/usr/bin/sync", "--file-system", str(self.folder)], check=True)
        columns = Path(f"/sys/class/block/{self.device}/stat").read_text(encoding="ascii").split()
        return int(columns[_SECTORS_WRITTEN]) * SECTOR_BYTES


@contextmanager
def _disk_of_its_own(folder: Path) -> Iterator[_Disk]:
    """Mount a file system of its own for the state, as root; anybody else has a plain folder."""
    state = folder / "state"
    state.mkdir()
    if os.geteuid() != 0:
        yield _Disk(state, "")
        return
    image = folder / "state.ext4"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    lazily = "lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-E", lazily, str(image)], check=True)
    subprocess.run(["/usr/bin/mount", "-o", "loop,noatime", str(image), str(state)], check=True)
    try:
        told = subprocess.run(
            ["/usr/bin/findmnt", "-no", "SOURCE", str(state)], check=True, capture_output=True, text=True
        ).stdout
        yield _Disk(state, Path(told.strip()).name)
    finally:
        subprocess.run(["/usr/bin/umount", str(state)], check=True)


def _look(pid: int, disk: _Disk) -> tuple[float, float, float, float, float]:
    written = disk.written_bytes()
    return time.monotonic(), cpu_s(pid), wake_ups(pid), written, busy_s()


def _require_all_lines(port: int) -> None:
    """Raise RuntimeError unless every device is heard: a line that is down costs less, and says nothing of that."""
    said = subscribe.simple(Topics(SITE, EDGE).self_check, hostname=HOST, port=port)  # type: ignore[no-untyped-call]
    down = [one.port for one in SelfCheckMessage.read(said.payload).devices if one.link != "up"]
    if down:
        raise RuntimeError(f"nothing is heard of {', '.join(down)}: this measures something else; run it again")


def _await_links(links: list[Path]) -> None:
    until_s = time.monotonic() + LINK_LIMIT_S
    while not all(link.exists() for link in links):
        if time.monotonic() > until_s:
            raise RuntimeError("the simulated pumps did not start")
        time.sleep(0.05)
