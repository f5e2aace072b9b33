"""`infusion-sim demo`: the whole chain as a newcomer starts it, with the broker that pip installs."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


async def run_demo(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("infusion-sim")),
        "demo",
        "--lines",
        *options,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )


def leftovers(output: str) -> set[str]:
    """Command lines of this demonstration's programs that still run: its folder stands in all of them."""
    (folder,) = set(re.findall(r"infusion-edge-demo-\w+", output))
    assert not Path(tempfile.gettempdir(), folder).exists()
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if folder in line:
                found.add(line)
    return found


@pytest.mark.long
@pytest.mark.timeout(90)
async def test_bed_2_alarms_and_bed_1_does_not_and_it_ends_with_a_summary() -> None:
    demo = await run_demo("--duration", "38")
    output, _ = await asyncio.wait_for(demo.communicate(), 80)
    text = output.decode()
    assert demo.returncode == 0, text
    assert "!!! start      Bed 2: Ketamine, chronic pain 2.70 mg/kg/h, above the hard limit 2.5 mg/kg/h." in text
    assert "1 edge, 2 beds" in text
    assert "alarms that began: 1 high, 0 medium, 0 low; present now: 1" in text
    assert "Bed 1" not in text
    assert leftovers(text) == set()


async def test_ctrl_c_ends_all_cleanly() -> None:
    demo = await run_demo()
    assert demo.stdout is not None
    async with asyncio.timeout(5):
        while "the daemon" not in (line := (await demo.stdout.readline()).decode()):
            pass
    os.killpg(demo.pid, signal.SIGINT)  # as a terminal does it: to the whole group in the foreground
    output, _ = await asyncio.wait_for(demo.communicate(), 20)
    assert demo.returncode == 0, output.decode()
    assert b"Traceback" not in output
    assert leftovers(line) == set()


async def test_a_capture_that_is_not_there_is_named_before_anything_starts(tmp_path: Path) -> None:
    demo = await run_demo("--capture", str(tmp_path / "none.bin"))
    output, _ = await asyncio.wait_for(demo.communicate(), 5)
    assert demo.returncode == 2
    assert output.decode() == (
        f"infusion-sim: cannot read {tmp_path / 'none.bin'}: No such file or directory. "
        "Name a readable file of recorded bytes\n"
    )
