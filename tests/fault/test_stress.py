"""The daemon under stress: stalls, babble, a fault in the core, and the watchdog that sees them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.pty_server import PtyServer
from tests.broker import Mosquitto
from tests.end_to_end.world import PREFIX, ROOT, bed_1, daemon, is_alarm, message, monitor, on_pty, space

STALL_S = 5.0
DOSE_HIGH_2 = "DOSE_RATE_HIGH.bed-2-pump.11"


@contextmanager
def systemd(folder: Path) -> Iterator[socket.socket]:
    """A socket where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(folder / "notify"))
        sock.setblocking(False)
        yield sock


async def heard(sock: socket.socket, word: str, limit_s: float) -> bool:
    """Whether systemd hears the word within the time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limit_s):
            while word not in (await loop.sock_recv(sock, 4096)).decode():
                pass
    except TimeoutError:
        return False
    return True


@pytest.mark.long
async def test_a_stall_of_five_seconds_raises_no_false_alarm(tmp_path: Path) -> None:
    async with bed_1(tmp_path) as bed:
        await bed.snapshot(lambda body: body["channels"][0]["state"] == "infusing" and body["vital_signs"])
        bed.daemon.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(STALL_S)
        before = len(bed.heard.messages)
        bed.daemon.process.send_signal(signal.SIGCONT)
        topic = f"{PREFIX}/bed/bed-1/snapshot"
        await bed.heard.wait_until(lambda: [one.topic for one in bed.heard.messages[before:]].count(topic) >= 4, 8)
        said = [one.topic for one in bed.heard.messages if one.topic.startswith(f"{PREFIX}/bed/bed-1/alarm/")]
        assert said == []


class _Babble:
    """Talks as fast as the line takes it: whole messages of a real form, and noise between them."""

    deadline_s: float | None = 0.0

    def __init__(self) -> None:
        self._chunk = (bytes(range(256)) + b"\xffANSAR-B " + bytes(100) + b"\xfe") * 8

    def start(self, _: float) -> bytes:
        return self._chunk

    def feed(self, _: bytes, __: float) -> bytes:
        return b""

    def tick(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.001
        return self._chunk


async def test_a_babbling_line_does_not_keep_another_beds_alarm_waiting(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    (tmp_path / "broker").mkdir()
    pump, rack = space("7.00", loop.time(), serial_number="012346")
    async with Mosquitto(tmp_path / "broker") as broker, broker.subscribe_all() as listener:
        with on_pty(_Babble(), tmp_path / "bed-1-monitor") as babbling, on_pty(rack, tmp_path / "bed-2-pump"):
            async with daemon(tmp_path, broker.port):
                topic = f"{PREFIX}/bed/bed-2/snapshot"
                await listener.wait_for(
                    lambda one: one.topic == topic and message(one)["channels"][0]["state"] == "infusing"
                )
                told_at_s = loop.time()
                pump.set_rate(told_at_s, Decimal("29.40"))
                alarm = await listener.wait_for(is_alarm(DOSE_HIGH_2, bed="bed-2"), 4)
                # A poll interval, an answer, and room for two cores that also run the babble.
                assert alarm.at_s - told_at_s < 3.5
                assert isinstance(babbling, PtyServer)
                garbled = await listener.wait_for(is_alarm("LINE_ERRORS.bed-1-monitor.all", bed=""), 4)
                assert message(garbled)["audience"] == "technician"


FAULTY = """
import sys
from edge.core.engine import Core
step, count = Core.step, 0

def failing(self, now, inputs):
    global count
    count += 1
    if count > 5:
        raise RuntimeError("a fault in the core")
    return step(self, now, inputs)

Core.step = failing
from edge.cli import main
sys.exit(main())
"""


async def test_a_fault_in_the_core_ends_the_process_and_the_will_speaks(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker") as broker, broker.subscribe_all() as listener:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FAULTY, "run", str(ROOT / "config" / "edge.toml")),
            *("--run-dir", str(tmp_path), "--broker", f"127.0.0.1:{broker.port}"),
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        _, said = await asyncio.wait_for(process.communicate(), 15)
        assert process.returncode not in (0, 78), "systemd must start it again"
        assert b"a fault in the core" in said
        await listener.wait_for(lambda one: one.topic == f"{PREFIX}/status" and message(one)["state"] == "lost")


@pytest.mark.long
async def test_the_watchdog_is_fed_while_all_turns_and_not_by_a_frozen_process(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    _, rack = space("7.00", loop.time())
    with (
        systemd(tmp_path) as sock,
        on_pty(rack, tmp_path / "bed-1-pump"),
        on_pty(monitor(), tmp_path / "bed-1-monitor"),
    ):
        notify = str(tmp_path / "notify")
        async with daemon(tmp_path, 1, NOTIFY_SOCKET=notify, WATCHDOG_USEC="8000000") as running:
            assert await heard(sock, "READY=1", 15)
            # bed 2 has no devices here: a port that cannot be opened turns too
            assert await heard(sock, "WATCHDOG=1", 15)
            assert await heard(sock, "WATCHDOG=1", 15)
            running.process.send_signal(signal.SIGSTOP)
            while True:
                try:
                    sock.recv(4096)
                except BlockingIOError:
                    break
            assert not await heard(sock, "WATCHDOG=1", 4)
            running.process.send_signal(signal.SIGCONT)
            assert await heard(sock, "WATCHDOG=1", 15)


HUNG = """
import asyncio, sys
from edge.device import DeviceTask
run = DeviceTask.run

async def hung(self):
    if self._port.port == "bed-2-pump":
        self._watchdog.expect(self._name)
        await asyncio.Event().wait()
    await run(self)

DeviceTask.run = hung
from edge.cli import main
sys.exit(main())
"""


@pytest.mark.long
async def test_one_hung_task_keeps_the_watchdog_hungry(tmp_path: Path) -> None:
    with systemd(tmp_path) as sock:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", HUNG, "run", str(ROOT / "config" / "edge.toml")),
            *("--run-dir", str(tmp_path), "--broker", "127.0.0.1:1"),
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"},
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
        )
        assert await heard(sock, "READY=1", 15)
        assert not await heard(sock, "WATCHDOG=1", 6)
        process.terminate()
        await asyncio.wait_for(process.wait(), 15)
