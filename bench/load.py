"""The load: monitors on real ptys, in a process of its own that only writes prepared messages.

Started as ``python -m bench.load FOLDER DEVICES``. It makes the links ``FOLDER/monitor-0`` and on, and obeys lines on
its standard input, each answered by one line:

    rate HZ             every device says so many readings a second, the devices spread evenly over the time; 0: none
    onset DEVICE HOLD_S the device says a bad reading now, bad ones for so long, then a good one; the answer is the
                        monotonic time just before the first bad reading was written
    bad DEVICE          the device is bad from now on
    count               readings due by the rate, readings written whole, and readings lost because the line was full

A reading is lost as on a wire: what the tty cannot take is gone.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
import tty
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.messages import BAD_SPO2_PERCENT, GOOD_SPO2_PERCENT, VARIANTS, monitor_messages
from bench.process import python

PAUSE_MIN_S = 0.001
"""Readings that fall due within this time are written together: thousands of wake-ups a second would cost the core that
the daemon needs."""

BEHIND_MAX_S = 0.5
"""A generator that is further behind skips what it missed, rather than send it in one burst."""


def link(folder: Path, device: int) -> Path:
    """Return where a device is found."""
    return folder / f"monitor-{device}"


class _Monitors:
    def __init__(self, folder: Path, devices: int) -> None:
        self._messages = (monitor_messages(GOOD_SPO2_PERCENT), monitor_messages(BAD_SPO2_PERCENT))
        self._lines: list[int] = []
        for device in range(devices):
            master, slave = os.openpty()  # the slave stays open: no hang-up when a host closes
            tty.setraw(slave)
            os.set_blocking(master, False)
            link(folder, device).symlink_to(os.ttyname(slave))
            self._lines.append(master)
        self._is_bad = [False] * devices
        self._ends: deque[tuple[float, int]] = deque()
        self._period_s = 0.0
        self._begun_s = 0.0
        self._turn = 0
        self._due = self._written = self._lost = 0

    def obey(self, command: str) -> str:
        word, *arguments = command.split()
        match word:
            case "rate":
                rate_hz = float(arguments[0])
                self._period_s = 1.0 / (rate_hz * len(self._lines)) if rate_hz else 0.0
                self._begun_s, self._turn = time.monotonic(), 0
            case "onset":
                device = int(arguments[0])
                self._is_bad[device] = True
                now_s = time.monotonic()
                self._say(device)
                self._ends.append((now_s + float(arguments[1]), device))
                return repr(now_s)
            case "bad":
                self._is_bad[int(arguments[0])] = True
            case "count":
                return f"{self._due} {self._written} {self._lost}"
            case _:
                raise ValueError(command)
        return "done"

    def work(self) -> float:
        """Write what is due; return how long to wait for the next."""
        now_s = time.monotonic()
        while self._ends and self._ends[0][0] <= now_s:
            device = self._ends.popleft()[1]
            self._is_bad[device] = False
            self._say(device)
        waits = [self._ends[0][0] - now_s] if self._ends else []
        if self._period_s:
            due = int((now_s - self._begun_s) / self._period_s)
            self._due += due - self._turn
            self._turn = max(self._turn, due - int(BEHIND_MAX_S / self._period_s))
            while self._turn < due:
                self._say(self._turn % len(self._lines))
                self._turn += 1
            waits.append(self._begun_s + (self._turn + 1) * self._period_s - now_s)
        return max(PAUSE_MIN_S, min(waits, default=1.0))

    def _say(self, device: int) -> None:
        message = self._messages[self._is_bad[device]][self._written % VARIANTS]
        try:
            written = os.write(self._lines[device], message)
        except BlockingIOError:
            written = 0
        if written == len(message):
            self._written += 1
        else:
            self._lost += 1


@dataclass(frozen=True, slots=True)
class Count:
    """Readings that were due, written whole, and lost at the full tty."""

    due: int
    written: int
    lost: int


class Load:
    """The load's process, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def rate(self, hz: float) -> None:
        """Set the readings a second of each device."""
        self._ask(f"rate {hz}")

    def onset(self, device: int, hold_s: float) -> float:
        """Make a device bad for a moment; return when."""
        return float(self._ask(f"onset {device} {hold_s}"))

    def bad(self, device: int) -> None:
        """Make a device bad for good."""
        self._ask(f"bad {device}")

    def count(self) -> Count:
        """Return what was written so far."""
        return Count(*map(int, self._ask("count").split()))

    def _ask(self, command: str) -> str:
        commands, answers = self._process.stdin, self._process.stdout
        if commands is None or answers is None:
            raise ValueError("a load that cannot be spoken to")
        commands.write(f"{command}\n")
        commands.flush()
        answer = answers.readline()
        if not answer:
            raise RuntimeError("the load generator ended")
        return answer.strip()


@contextmanager
def monitors(folder: Path, devices: int) -> Iterator[Load]:
    """Run monitors, silent at first."""
    with python(folder, "bench.load", str(folder), str(devices), talks=True) as process:
        load = Load(process)
        load.rate(0.0)  # answered when every link is there
        yield load


def main() -> None:
    """Obey until the input ends."""
    here = _Monitors(Path(sys.argv[1]), int(sys.argv[2]))
    wait_s = 0.0
    waiting = b""
    while True:
        if select.select([0], [], [], wait_s)[0]:
            heard = os.read(0, 4096)
            if not heard:
                return
            *commands, waiting = (waiting + heard).split(b"\n")
            for command in commands:
                print(here.obey(command.decode()), flush=True)
        wait_s = here.work()


if __name__ == "__main__":
    main()
