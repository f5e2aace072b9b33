"""`infusion-sim demo`: the whole chain as a newcomer starts it, with the broker that pip installs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.station.browser import Browser

ROOT = Path(__file__).parents[2]
COMMAND = (str(Path(sys.executable).with_name("infusion-sim")), "demo", "--lines")
WITHOUT_BROKER = "import sys; sys.modules['iotcore'] = None; from simulators.cli import main; sys.exit(main(['demo']))"


async def start(folder: Path, *command: str) -> asyncio.subprocess.Process:
    """Start a demonstration that has its folder in ``folder``, in a process group of its own."""
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )


async def start_watching(folder: Path, *options: str) -> asyncio.subprocess.Process:
    """Start the demonstration, and return when all its programs run and the viewer has heard the daemon."""
    demo, _ = await watching(folder, *options)
    return demo


async def watching(folder: Path, *options: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start it likewise; return also what it said until then."""
    demo = await start(folder, *COMMAND, *options)
    assert demo.stdout is not None
    said = ""
    async with asyncio.timeout(20):
        while "\nedge pi-1" not in said:
            line = (await demo.stdout.readline()).decode()
            assert line, said
            said += line
    return demo, said


def programs(folder: Path) -> dict[int, str]:
    """Number and command line of each program that has its temporary files in ``folder``."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"TMPDIR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(entry.name)] = line
    return found


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_the_alarms_of_bed_2_begin_and_latch_and_bed_1_has_none(tmp_path: Path) -> None:
    demo = await start(tmp_path, *COMMAND, "--duration", "85")
    output, _ = await asyncio.wait_for(demo.communicate(), 110)
    text = output.decode()
    assert demo.returncode == 0, text
    said = "Bed 2: Ketamine, chronic pain 2.70 mg/kg/h, above the hard limit 2.5 mg/kg/h."
    told = re.findall(r"!+ +(start|latch) +(.*)", text)
    assert [(what, row) for what, row in told if row == said] == [("start", said), ("latch", said)]
    assert [row for what, row in told if what == "start" and re.match(r"Bed 2: heart rate 12\d /min, above", row)]
    assert {row.split(":")[0] for _, row in told} == {"Bed 2"}
    assert "edge pi-1 at demo: running; its alarms are known" in text
    assert "lowered again; an alarm that was high stands until you take it" in text
    assert re.search(
        r"^The broker is at 127\.0\.0\.1:\d+\. .*\n\S+ alarms --control \S+/control\.sock$", text, re.MULTILINE
    )
    assert re.search(r"^\S+infusion-edge accept --control \S+/control\.sock NAME$", text, re.MULTILINE)
    assert re.search(
        r"1 edge, 4 beds, \d+ events; alarms that began: [12] high, [12] medium, \d low; present now: \d", text
    )
    assert programs(tmp_path) == {}
    assert files(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_demonstration_alone_ends_all(tmp_path: Path, number: signal.Signals) -> None:
    await _is_ended_by(await start_watching(tmp_path), number, tmp_path)


async def _is_ended_by(demo: asyncio.subprocess.Process, number: signal.Signals, folder: Path) -> None:
    assert len(programs(folder)) == 6  # it, broker, ward, daemon, station, viewer
    demo.send_signal(number)
    output, _ = await asyncio.wait_for(demo.communicate(), 20)
    assert demo.returncode == 0, output.decode()
    assert b"Traceback" not in output
    assert programs(folder) == {}
    assert files(folder) == []


async def test_ctrl_c_ends_all_with_a_summary_and_keeps_the_logs_if_asked(tmp_path: Path) -> None:
    demo = await start_watching(tmp_path, "--keep")
    os.killpg(demo.pid, signal.SIGINT)  # as a terminal does it: to the whole group in the foreground
    output, _ = await asyncio.wait_for(demo.communicate(), 20)
    assert demo.returncode == 0, output.decode()
    assert b"Traceback" not in output
    assert programs(tmp_path) == {}
    (folder,) = files(tmp_path)
    assert output.decode().endswith(f"logs and store are kept in {folder}\n")
    assert {"broker.log", "daemon.log", "station.log", "ward.log", "edge.db"} <= {path.name for path in files(folder)}


@pytest.mark.long
async def test_no_program_outlives_a_demonstration_that_was_killed(tmp_path: Path) -> None:
    demo = await start_watching(tmp_path)
    demo.kill()
    async with asyncio.timeout(15):
        await demo.communicate()  # until the last one that could write has ended
        assert demo.returncode == -signal.SIGKILL
        while programs(tmp_path):  # noqa: ASYNC110 - no event tells that a program ended that is not our child
            await asyncio.sleep(0.05)


async def test_a_daemon_that_ends_is_told_at_once_with_the_end_of_its_log(tmp_path: Path) -> None:
    demo = await start_watching(tmp_path)
    (daemon,) = (number for number, line in programs(tmp_path).items() if "infusion-edge run" in line)
    os.kill(daemon, signal.SIGKILL)
    output, _ = await asyncio.wait_for(demo.communicate(), 20)
    assert demo.returncode == 1
    assert "infusion-sim demo: the daemon ended by itself (exit status -9):\n" in output.decode()
    assert "watching" in output.decode().split("ended by itself")[1]
    assert programs(tmp_path) == {}


async def test_the_wards_page_is_served_at_the_address_that_it_says_until_a_signal_ends_all(tmp_path: Path) -> None:
    demo, said = await watching(tmp_path)
    told = re.search(r"^The ward's page, for a browser: http://127\.0\.0\.1:(\d+)/$", said, re.MULTILINE)
    assert told
    page = Browser(int(told[1]))
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                await page.load()
                break
            await asyncio.sleep(0.05)
        async with page.stream():
            await page.until(lambda: len(page.screen.beds) == 4, limit_s=10.0)
            assert page.hello["config"]["label"] == "Demonstration"
    await _is_ended_by(demo, signal.SIGTERM, tmp_path)


async def test_a_missing_broker_names_the_remedy(tmp_path: Path) -> None:
    demo = await start(tmp_path, sys.executable, "-c", WITHOUT_BROKER)
    output, _ = await asyncio.wait_for(demo.communicate(), 20)
    assert demo.returncode == 1
    assert output.decode() == (
        "infusion-sim demo: the broker is not installed; use pip install 'infusion-edge[demo]', or make demo\n"
    )


async def test_a_capture_that_is_not_there_is_named_before_anything_starts(tmp_path: Path) -> None:
    demo = await start(tmp_path, *COMMAND, "--capture", str(tmp_path / "none.bin"))
    output, _ = await asyncio.wait_for(demo.communicate(), 20)
    assert demo.returncode == 2
    assert output.decode() == (
        f"infusion-sim: cannot read {tmp_path / 'none.bin'}: No such file or directory. "
        "Name a readable file of recorded bytes\n"
    )
