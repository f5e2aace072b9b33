"""A disk that is really full, or read-only: watching goes on, somebody is told, and room alone mends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.broker import Listener, Mosquitto
from tests.end_to_end.world import daemon, is_alarm, message, on_pty, space

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
        with sqlite3.connect(f"file:{disk / 'edge.db'}?mode=ro", uri=True) as file:
            kept = file.execute("SELECT occurrence FROM alarm_state WHERE key = ?", (DOSE_HIGH,)).fetchall()
        assert kept == [(high["occurrence"],)]


@pytest.mark.long
async def test_a_disk_that_is_read_only_delays_no_alarm_and_is_told(disk: Path, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    _, rack = space(FAR_BEYOND_ML_PER_H, loop.time())
    async with listening(tmp_path) as (broker, heard):
        with on_pty(rack, disk / "bed-1-pump"):
            remount(disk, "ro")
            async with daemon(disk, broker.port):
                await heard.wait_for(is_alarm(DOSE_HIGH))
                await heard.wait_for(is_alarm("STORE_FAILED", bed=""))
            remount(disk, "rw")
            async with daemon(disk, broker.port):
                await heard.wait_until(lambda: ended(heard, "STORE_FAILED"))
                assert (disk / "edge.db").stat().st_size > 0
