"""`infusion-sim list`, `describe` and `run`, as programs over real ptys; and the speed of a paced line."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from simulators.cli import main
from simulators.cli_parts import Line
from simulators.ge_dri import DriMonitor
from simulators.pty_server import Wire, bits_per_character
from simulators.scenario import names

ROOT = Path(__file__).parents[2]
WITHIN_S = 15.0
EDGE = Path(sys.executable).with_name("infusion-edge")
MINE = """
title = "Everything at one bed"
about = "A device of each kind."
duration = "1 min"

[[bed]]
id = "bed-1"
""" + "".join(
    f'\n[[bed.device]]\nid = "{kind}"\nkind = "{kind}"\n' + ('rate = "7.00 mL/h"\n' if kind in pumps else "")
    for pumps in [("space", "asena", "orchestra")]
    for kind in (*pumps, "ivy", "dri", "intellivue", "masimo", "nellcor", "nonin", "nonin-df2")
)
SCRIPTED = """
title = "In less than a minute"
about = "Short."
duration = "50 s"
speed = 20

[[bed]]
id = "bed-1"
label = "Bed 1"

[[bed.device]]
id = "pump"
kind = "asena"
rate = "7.00 mL/h"

[[bed.device]]
id = "monitor"
kind = "nonin-df2"

[[event]]
at = "6 s"
device = "monitor"
do = "swap"
with = "pump"

[[event]]
at = "40 s"
device = "pump"
do = "unplug"
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def check_config(path: Path, run_dir: Path) -> str:
    done = subprocess.run(
        [EDGE, "check-config", path, "--run-dir", run_dir], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@asynccontextmanager
async def program(*arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-c", "import sys; from simulators.cli import main; sys.exit(main())", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def lines_until(process: asyncio.subprocess.Process, words: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or words not in lines[-1]:
        line = (await process.stdout.readline()).decode()
        assert line, f"it ended before it said {words!r}: {lines}"
        lines.append(line.rstrip("\n"))
    return lines


async def receive(path: Path, found: re.Pattern[bytes], ask: bytes = b"") -> bytes:
    """Open a port, say something, and return what comes until the pattern is found."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    loop, data, seen = asyncio.get_running_loop(), bytearray(), asyncio.Event()
    try:
        os.write(fd, ask)
        loop.add_reader(fd, seen.set)
        while not found.search(data):
            await seen.wait()
            seen.clear()
            with suppress(BlockingIOError):  # a wake-up for what was read already
                data += os.read(fd, 4096)
    finally:
        loop.remove_reader(fd)
        os.close(fd)
    return bytes(data)


async def test_a_scenario_runs_over_ptys_and_prints_each_event_as_it_happens(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(SCRIPTED, encoding="utf-8")
    async with asyncio.timeout(WITHIN_S), program("run", mine, "--dir", tmp_path) as process:
        said = await lines_until(process, "monitor: /dev/")
        assert said[0] == "mine: In less than a minute (50 s, 20 times as fast as life)"
        assert said[1] == f"pump: {(tmp_path / 'pump').readlink()} (link {tmp_path / 'pump'}, 38400 8N1)"
        await lines_until(process, "6 s  Bed 1, monitor: its plug and that of pump change places")
        await lines_until(process, "monitor: /dev/")
        assert b"!INF_RATE^7.00^" in await receive(tmp_path / "monitor", re.compile(rb"\r"), b"!INF_RATE|8E6D\r")
        packet = await receive(tmp_path / "pump", re.compile(rb"(?:\x01[\x80-\xff].{3}){5}", re.DOTALL))
        assert len(packet) >= 25
        await lines_until(process, "40 s  Bed 1, pump: its adapter is unplugged: the port is gone, for good")
        stdout, stderr = await process.communicate()
        assert (process.returncode, stdout, stderr) == (0, b"", b"")
    assert names_in(tmp_path) == ["mine.toml"]


def test_the_edge_accepts_what_is_written_for_every_kind_of_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "mine.toml").write_text(MINE, encoding="utf-8")
    out = tmp_path / "edge.toml"
    arguments = (
        "run",
        str(tmp_path / "mine.toml"),
        "--dir",
        str(tmp_path),
        "--duration",
        "0.1",
        "--edge-config",
        str(out),
    )
    assert main(arguments) == 0
    assert f"to watch it: infusion-edge run {out} --run-dir {tmp_path}\n" in capfd.readouterr().out
    table = check_config(out, tmp_path)
    for driver in ("bbraun-space", "alaris-asena", "fresenius-orchestra", "ge-dri", "philips-intellivue", "nonin-df2"):
        assert driver in table


def test_the_scenarios_are_listed_with_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("list",)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(names())
    assert "tenfold-rate                 Ten times the rate" in lines


def test_a_scenario_is_described_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("describe", "step-up")) == 0
    assert (
        "  30 min  Bed 1, bed-1-pump: the dose is set to 2.0 mg/kg/h, which is 14.00 mL/h\n" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("describe", "step-dwn"), 'infusion-sim: step-dwn: is no scenario; did you mean "step-up"?'),
        (("run", "step-up", "--dir", "{}/missing"), "Choose a --dir that exists and can be written"),
        (
            ("run", "step-up", "--dir", "{}", "--edge-config", "{}/e.toml", "--template", "{}/no"),
            "or name a --template",
        ),
    ],
)
def test_what_cannot_be_is_told_with_the_remedy(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.format(tmp_path) for argument in arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_port_that_a_file_stands_in_the_way_of_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bed-1-monitor").write_text("precious", encoding="utf-8")
    assert main(("run", "step-up", "--dir", str(tmp_path))) == 2
    assert "bed-1-monitor exists and is not a link" in capsys.readouterr().err
    assert names_in(tmp_path) == ["bed-1-monitor"]


@pytest.mark.parametrize(
    ("settings", "bits"),
    [((8, "N", 1), 10), ((8, "E", 1), 11), ((7, "E", 1), 10), ((8, "O", 2), 12), ((8, "N", 2), 11)],
)
def test_a_character_takes_its_bits_with_start_parity_and_stop(settings: tuple[int, str, int], bits: int) -> None:
    data_bits, parity, stop_bits = settings
    assert bits_per_character(data_bits=data_bits, parity=parity, stop_bits=stop_bits) == bits


def test_a_line_with_parity_is_slower() -> None:
    wire = Wire(19_200, 11)
    wire.put(bytes(1000), 0.0)
    assert len(wire.take(0.1)) == 174  # 19200 / 11 bytes a second
    with pytest.raises(ValueError, match="bits"):
        Wire(19_200, 0)


def test_a_monitor_with_parity_is_paced_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[Line] = []
    monkeypatch.setattr("simulators.cli.serve", lambda make: lines.extend(make(0.0)))
    assert main(("dri",)) == 0
    assert main(("ivy",)) == 0
    assert isinstance(lines[0].device, DriMonitor)
    assert [line.bits_per_character for line in lines] == [11, 10]
