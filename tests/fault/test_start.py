"""Starts that go wrong: watching goes on, or the one who can help is told."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from tests.broker import Mosquitto
from tests.end_to_end.world import PREFIX, ROOT, bed_1, daemon, is_alarm, message, monitor, on_pty, space


async def test_a_second_daemon_on_one_store_is_refused(tmp_path: Path) -> None:
    async with bed_1(tmp_path) as bed:
        await bed.snapshot(lambda body: body["active"])
        async with daemon(tmp_path, bed.broker.port) as second:
            assert await asyncio.wait_for(second.process.wait(), 15) == 1
        assert second.said("another infusion-edge runs with the store")
        assert bed.daemon.process.returncode is None


async def test_a_store_of_a_later_version_does_not_stop_the_watching(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "edge.db") as file:
        file.execute("PRAGMA user_version = 999")
    loop = asyncio.get_running_loop()
    _, rack = space("29.40", loop.time())
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker") as broker, broker.subscribe_all() as heard:
        with on_pty(rack, tmp_path / "bed-1-pump"), on_pty(monitor(), tmp_path / "bed-1-monitor"):
            async with daemon(tmp_path, broker.port):
                await heard.wait_for(is_alarm("DOSE_RATE_HIGH.bed-1-pump.11"))
                failed = await heard.wait_for(is_alarm("STORE_FAILED", bed=""))
                assert "version 999" in message(failed)["text"]


async def test_a_log_that_is_full_stops_nothing(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    _, rack = space("29.40", loop.time())
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker") as broker, broker.subscribe_all() as heard:
        full = os.open("/dev/full", os.O_WRONLY)
        with on_pty(rack, tmp_path / "bed-1-pump"):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "edge.cli", "run", str(ROOT / "config" / "edge.toml")),
                *("--run-dir", str(tmp_path), "--broker", f"127.0.0.1:{broker.port}"),
                stderr=full,
                cwd=ROOT,
            )
            os.close(full)
            await heard.wait_for(is_alarm("DOSE_RATE_HIGH.bed-1-pump.11"))
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 15) == 0
            await heard.wait_for(lambda one: one.topic == f"{PREFIX}/status" and message(one)["state"] == "stopped")


async def test_a_start_without_the_disk_that_it_had_is_no_first_one(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("broker", "there", "not-there")]
    for folder in folders:
        folder.mkdir()
    async with Mosquitto(folders[0]) as broker, broker.subscribe_all() as heard:
        async with daemon(folders[1], broker.port):
            await heard.wait_for(lambda one: one.topic == f"{PREFIX}/self-check")
        assert not heard.of(f"{PREFIX}/alarm/STORE_DAMAGED")
        async with daemon(folders[2], broker.port) as begun:
            told = await heard.wait_for(is_alarm("STORE_DAMAGED", bed="", priority="high"))
            assert message(told)["text"].startswith("What was kept of pi-1 cannot be read: alarms, patient")
            await begun.until_said("the broker knows a run before, and the store does not")
