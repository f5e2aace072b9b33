"""`doctor` beside the real daemon on real ptys with a real broker: it sees what is wrong, and disturbs nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.end_to_end.world import PREFIX, ROOT, bed_1, message
from tests.programs import PIPE, infusion_edge

Found = dict[str, list[dict[str, str]]]


async def doctor(config: Path, folder: Path) -> tuple[int, Found, str]:
    """Run it as a process of its own; return the exit status, its rows by check, and what it said on the way."""
    words = [str(config), "--run-dir", str(folder), "--control", str(folder / "control.sock"), "--json"]
    process = await infusion_edge("doctor", *words, stdout=PIPE, stderr=PIPE)
    out, progress = await asyncio.wait_for(process.communicate(), 30)
    rows: Found = {}
    for row in json.loads(out):
        rows.setdefault(row["check"], []).append(row)
    return process.returncode or 0, rows, progress.decode()


def site(folder: Path, port: int) -> Path:
    text = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
    file = folder / "edge.toml"
    file.write_text(text.replace("port = 1883", f"port = {port}"), encoding="utf-8")
    shutil.copyfile(ROOT / "config" / "drugs.toml", folder / "drugs.toml")
    return file


def levels(rows: Found, check: str) -> list[str]:
    return [row["level"] for row in rows[check]]


@pytest.mark.long
async def test_beside_a_running_daemon_it_asks_and_disturbs_nothing(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h="7.00") as bed:
        await bed.snapshot(lambda shown: bool(shown["channels"]))
        topic = f"{PREFIX}/self-check"
        await bed.heard.wait_for(
            lambda one: one.topic == topic and message(one)["devices"][0]["accepted"] > 0, limit_s=25
        )
        config = site(tmp_path, bed.broker.port)
        status, rows, _ = await doctor(config, tmp_path)
        assert status == 1, "bed 2 has no devices"
        assert levels(rows, "daemon") == ["ok"]
        assert set(levels(rows, "line bed-1-pump")) == {"ok"}
        assert "012345" in rows["line bed-1-pump"][1]["text"]
        assert levels(rows, "line bed-2-pump") == ["error"]
        assert rows["line bed-2-pump"][0]["remedy"] == "plug the adapter in, or correct the address"
        assert rows["login"][0]["text"] == "the daemon is connected"
        assert levels(rows, "broker") == ["ok"]
        assert "warning" in levels(rows, "library")
        assert levels(rows, "files") == ["warning"], "these files are others than those that it runs by"
        log = [line for line in bed.daemon.log if '"line down"' in line and "bed-1" in line]
        assert log == []
        assert "Client infusion-edge-demo-pi-1 already connected" not in bed.broker.log()
        await bed.snapshot(lambda shown: bool(shown["channels"]))


async def test_without_the_daemon_it_says_so_and_logs_in_itself(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h="7.00") as bed:
        await bed.daemon.end()
        config = site(tmp_path, bed.broker.port)
        status, rows, _ = await doctor(config, tmp_path)
        assert status == 1
        assert levels(rows, "daemon") == ["error"]
        assert levels(rows, "line bed-1-pump") == ["ok"]
        assert "is there and free" in rows["line bed-1-pump"][0]["text"]
        assert levels(rows, "login") == ["ok"]
        assert levels(rows, "access") == ["ok", "ok"]


async def test_a_configuration_that_cannot_be_used_is_told_with_the_rest(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("mode = 1\n", encoding="utf-8")
    status, rows, _ = await doctor(config, tmp_path)
    assert status == 1
    assert set(levels(rows, "configuration")) == {"error"}
    assert all(row["remedy"] for row in rows["configuration"])
    assert "clock" in rows
    assert "disk" in rows


async def test_what_takes_long_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = site(tmp_path, silent.getsockname()[1])
        text = config.read_text(encoding="utf-8").replace("# tls = true ", "tls = true #")
        config.write_text(text, encoding="utf-8")
        _, rows, progress = await doctor(config, tmp_path)
    assert levels(rows, "TLS") == ["error"]
    assert "trying the broker 127.0.0.1 ..." in progress
