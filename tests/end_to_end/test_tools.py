"""The tools as a person runs them: real processes on real ptys, beside the daemon and alone."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from edge.cli import main
from edge.recording import read_entries
from tests.end_to_end.world import ROOT, bed_1, monitor, on_pty, space
from tests.programs import PIPE, Program, infusion_edge

LIMIT_S = 20.0


async def start(*arguments: object) -> Program:
    return await infusion_edge(*arguments, stdout=PIPE, stderr=PIPE)


async def run(*arguments: object) -> tuple[int | None, str, str]:
    """Run a command to its end: exit status, standard output, standard error."""
    process = await start(*arguments)
    out, errors = await asyncio.wait_for(process.communicate(), LIMIT_S)
    return process.returncode, out.decode(), errors.decode()


@pytest.mark.long
async def test_a_device_is_found_recorded_and_told_again_the_same_each_time(tmp_path: Path) -> None:
    line, file = tmp_path / "monitor", tmp_path / "x.jsonl"
    with on_pty(monitor(), line) as served:
        status, out, errors = await run("probe", line)
        assert (status, out.splitlines()[0].partition(":")[0]) == (0, "Found")
        assert "Found: ivy-450c: " in out
        assert "Do not probe a device that a patient depends on" in errors
        recording = await start("record", line, "--driver", "ivy-450c", "--out", file)
        assert recording.stderr is not None
        assert (await recording.stderr.readline()).decode().startswith("recording ")
        await asyncio.sleep(2.5)  # the device says something once a second
        recording.send_signal(signal.SIGINT)
        _, errors_left = await asyncio.wait_for(recording.communicate(), LIMIT_S)
        assert recording.returncode == 0
        assert errors_left.decode().endswith("ended: stopped\n")
        assert served.host_byte_count == 0
    assert [entry.reason for _, entry in read_entries(file)][-1] == "stopped"
    first = await run("replay", file)
    assert first[0] == 0
    assert "heart_rate" in first[1]
    assert await run("replay", file) == first
    with_limits = await run("replay", file, "--config", ROOT / "config" / "edge.toml", "--port", "bed-1-monitor")
    assert with_limits[0] == 0
    assert "heard as port bed-1-monitor of bed-1" in with_limits[1]


@pytest.mark.long
async def test_a_pump_that_is_asked_is_recorded_and_its_driver_asks_the_same_again(tmp_path: Path) -> None:
    line, file = tmp_path / "pump", tmp_path / "x.jsonl"
    _, rack = space("7.00", asyncio.get_running_loop().time())
    with on_pty(rack, line):
        status, _, _ = await run("record", line, "--driver", "bbraun-space", "--out", file, "--seconds", "4")
    assert status == 0
    assert rack.violations == []
    status, out, errors = await run("replay", file)
    assert (status, errors) == (0, "")
    assert "infusing, drug KETAMINE; infusion_rate 7.00 mL/h" in out
    assert "DIFFERS" not in out


@pytest.mark.long
async def test_what_the_daemon_holds_is_refused_and_goes_on_undisturbed(tmp_path: Path) -> None:
    async with bed_1(tmp_path) as bed:
        await bed.snapshot(lambda body: body["channels"][0]["metrics"] != [])
        before = bed.rack.violations[:]
        for command in (
            ("probe", tmp_path / "bed-1-pump"),
            ("record", tmp_path / "bed-1-pump", "--driver", "bbraun-space", "--out", tmp_path / "x.jsonl"),
        ):
            status, out, errors = await run(*command)
            assert (status, out) == (2, "")
            assert f"{tmp_path}/bed-1-pump: process {bed.daemon.process.pid} (" in errors
            assert "stop the other program" in errors
        assert not (tmp_path / "x.jsonl").exists()
        assert bed.rack.violations == before
        await bed.snapshot(lambda body: body["channels"][0]["link"] == "up")


async def test_without_a_port_probe_lists_or_says_what_to_check() -> None:
    status, out, errors = await run("probe")
    assert (status, errors) == (0, "")
    assert out.startswith(("No serial port is under /dev/serial.", "Serial ports, each with its lasting names"))


async def test_a_file_that_is_no_recording_is_refused() -> None:
    said = f"infusion-edge: {ROOT}/README.md, line 1: this is no recording of infusion-edge\n"
    assert await run("replay", ROOT / "README.md") == (2, "", said)


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan", "inf", "604801"])
def test_seconds_that_are_none_are_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["record", "/dev/null", "--driver", "ivy-450c", "--seconds", seconds])
    assert ended.value.code == 2
    assert "argument --seconds" in capsys.readouterr().err
