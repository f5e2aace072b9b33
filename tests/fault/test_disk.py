"""A disk that is really full, or read-only: watching goes on, somebody is told, and room alone mends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.broker import Heard, Listener, Mosquitto
from tests.end_to_end.world import PREFIX, daemon, is_alarm, message, metric, on_pty, space
from tests.small_station import TOPICS, station

DISK_BYTES = 2 * 1024 * 1024
DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
FAR_BEYOND_ML_PER_H = "29.40"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, as only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: a disk that is really full needs root, and the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def slow_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that can be made to hang."""
    image, folder = tmp_path / "image", tmp_path / "slow"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(16 * 1024 * 1024)
    commands = (["mkfs.ext4", "-q", str(image)], ["mount", "-o", "loop", str(image), str(folder)])
    tools = shutil.which("mkfs.ext4") and shutil.which("fsfreeze")
    if (
        os.geteuid() != 0
        or not tools
        or any(subprocess.run(one, check=False, capture_output=True).returncode for one in commands)
    ):
        pytest.skip("NOT TESTED: a disk that really hangs needs root, the right to mount an image, and e2fsprogs")
    try:
        yield folder
    finally:
        thaw(folder)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room at all."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


@contextlib.asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[tuple[Mosquitto, Listener]]:
    (folder / "broker").mkdir()
    async with Mosquitto(folder / "broker") as broker, broker.subscribe_all() as heard:
        yield broker, heard


def kept(disk: Path, key: str) -> list[tuple[str]]:
    with contextlib.closing(sqlite3.connect(f"file:{disk / 'edge.db'}?mode=ro", uri=True)) as file:
        return file.execute("SELECT occurrence FROM alarm_state WHERE key = ?", (key,)).fetchall()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


def thaw(disk: Path) -> None:
    subprocess.run(["fsfreeze", "--unfreeze", str(disk)], check=False, capture_output=True)


@contextlib.contextmanager
def frozen(disk: Path) -> Iterator[None]:
    """The disk answers no write, as a card that hangs."""
    subprocess.run(["fsfreeze", "--freeze", str(disk)], check=True)
    try:
        yield
    finally:
        thaw(disk)


def ended(heard: Listener, key: str) -> bool:
    return any(is_alarm(key, bed="", phase_present=False)(one) for one in heard.messages)


@pytest.mark.long
async def test_a_disk_that_fills_delays_no_alarm_is_told_and_is_used_again_when_there_is_room(
    disk: Path, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    async with listening(tmp_path) as (broker, heard), daemon(disk, broker.port) as running:
        await heard.wait_for(lambda one: one.topic.endswith("/status"))
        filler = fill(disk)
        _, rack = space(FAR_BEYOND_ML_PER_H, loop.time())
        with on_pty(rack, disk / "bed-1-pump"):
            high = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
            failed = message(await heard.wait_for(is_alarm("STORE_FAILED", bed="")))
            assert "full" in failed["text"]
            filler.unlink()
            await heard.wait_until(lambda: ended(heard, "STORE_FAILED"))
            assert running.process.returncode is None
        assert kept(disk, DOSE_HIGH) == [(high["occurrence"],)]


@pytest.mark.long
async def test_a_disk_with_little_room_is_told_to_the_technician_before_it_is_full(disk: Path, tmp_path: Path) -> None:
    async with listening(tmp_path) as (broker, heard), daemon(disk, broker.port):
        told = message(await heard.wait_for(is_alarm("DISK_NEARLY_FULL", bed="", priority="medium")))
        assert told["text"].startswith(f"Little room is left on the disk: {disk} has ")
        assert told["audience"] == "technician"


@pytest.mark.long
async def test_a_disk_that_is_read_only_at_the_start_is_told_and_used_by_itself_when_it_takes_writes(
    disk: Path, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    _, rack = space(FAR_BEYOND_ML_PER_H, loop.time())
    async with listening(tmp_path) as (broker, heard):
        with on_pty(rack, disk / "bed-1-pump"):
            remount(disk, "ro")
            async with daemon(disk, broker.port):
                high = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
                await heard.wait_for(is_alarm("STORE_FAILED", bed=""))
                await heard.wait_for(is_alarm("STORE_NOT_READ", bed="", priority="high"))
                remount(disk, "rw")
                await heard.wait_until(lambda: ended(heard, "STORE_FAILED") and ended(heard, "STORE_NOT_READ"))
                assert kept(disk, DOSE_HIGH) == [(high["occurrence"],)]


@pytest.mark.long
@pytest.mark.parametrize("how", ["killed", "ended"])
async def test_what_a_read_only_disk_keeps_is_known_at_the_start_however_the_run_before_ended(
    disk: Path, tmp_path: Path, how: str
) -> None:
    loop = asyncio.get_running_loop()
    _, rack = space(FAR_BEYOND_ML_PER_H, loop.time())
    async with listening(tmp_path) as (broker, heard):
        with on_pty(rack, disk / "bed-1-pump"):
            async with daemon(disk, broker.port) as first:
                high = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
                await until(lambda: kept(disk, DOSE_HIGH) != [])
                await first.end(signal.SIGKILL if how == "killed" else signal.SIGTERM)
        await broker.restart()  # without a memory: only the store knows
        remount(disk, "ro")
        before = len(heard.messages)
        async with daemon(disk, broker.port):
            await heard.wait_until(lambda: any(map(is_alarm(DOSE_HIGH), heard.messages[before:])))
            again = message(next(filter(is_alarm(DOSE_HIGH), heard.messages[before:])))
            assert (again["occurrence"], again["verifiable"]) == (high["occurrence"], False)
            await heard.wait_until(lambda: any(map(is_alarm("STORE_FAILED", bed=""), heard.messages[before:])))
            assert not any(map(is_alarm("STORE_NOT_READ", bed=""), heard.messages[before:]))
            remount(disk, "rw")
            await heard.wait_until(lambda: ended(heard, "STORE_FAILED"))


@pytest.mark.long
@pytest.mark.timeout(60)
async def test_a_disk_that_hangs_at_the_start_holds_up_no_alarm_and_what_it_keeps_is_taken_up_when_it_answers(
    slow_disk: Path, tmp_path: Path
) -> None:
    _, rack = space(FAR_BEYOND_ML_PER_H, asyncio.get_running_loop().time())
    async with listening(tmp_path) as (broker, heard):
        with on_pty(rack, slow_disk / "bed-1-pump"):
            async with daemon(slow_disk, broker.port) as first:
                high = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
                await until(lambda: kept(slow_disk, DOSE_HIGH) != [])
                await first.end(signal.SIGKILL)
        await broker.restart()  # without a memory: only the store knows
        run = message(heard.of(f"{PREFIX}/status")[0])["run"]
        before = len(heard.messages)
        with frozen(slow_disk):
            async with daemon(slow_disk, broker.port) as second:  # its control socket is to be there too
                unread = is_alarm("STORE_NOT_READ", bed="", priority="high")
                await heard.wait_until(lambda: any(map(unread, heard.messages[before:])))
                assert not any(map(is_alarm(DOSE_HIGH), heard.messages[before:]))
                await second.until_said("its folder does not answer; it is waited for")
                thaw(slow_disk)
                await heard.wait_until(lambda: ended(heard, "STORE_NOT_READ"))
                await heard.wait_until(lambda: any(map(is_alarm(DOSE_HIGH), heard.messages[before:])))
                again = message(next(filter(is_alarm(DOSE_HIGH), heard.messages[before:])))
                assert (again["occurrence"], again["verifiable"]) == (high["occurrence"], False)
                await heard.wait_until(lambda: _names_the_run_before(heard, run))
                await until((slow_disk / "control.sock").is_socket)
                assert second.process.returncode is None


@pytest.mark.long
@pytest.mark.timeout(60)
async def test_a_disk_that_hangs_amid_a_run_delays_no_alarm_no_answer_and_not_the_last_word(
    slow_disk: Path, tmp_path: Path
) -> None:
    clock_s = asyncio.get_running_loop().time
    pump, rack = space("5.60", clock_s())
    async with listening(tmp_path) as (broker, heard):
        with on_pty(rack, slow_disk / "bed-1-pump"):
            async with daemon(slow_disk, broker.port) as running, station(broker, heard) as desk:
                await heard.wait_for(_is_well)
                with frozen(slow_disk):
                    pump.set_rate(clock_s(), Decimal(FAR_BEYOND_ML_PER_H))
                    high = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
                    failed = message(await heard.wait_for(is_alarm("STORE_FAILED", bed="")))
                    assert "the disk has not answered for" in failed["text"]
                    answer = await desk.take(high, acknowledge=True)
                    assert (answer["result"], answer["durable"]) == ("done", False)
                    await heard.wait_for(is_alarm(DOSE_HIGH, signal="acknowledged", durable=False))
                    running.process.terminate()
                    await heard.wait_for(lambda one: one.topic == TOPICS.status and b'"stopped"' in one.payload)
        assert kept(slow_disk, DOSE_HIGH) in ([], [(high["occurrence"],)])


def _is_well(one: Heard) -> bool:
    is_snapshot = one.topic == f"{PREFIX}/bed/bed-1/snapshot"
    return is_snapshot and metric(message(one), "dose_rate_mg_per_kg_per_h").get("validity") == "valid"


def _names_the_run_before(heard: Listener, run: str) -> bool:
    return any(message(one)["previous_run"] == run for one in heard.of(f"{PREFIX}/status"))
