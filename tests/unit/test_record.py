"""`record` on real ptys: what it keeps, how it ends, and what it refuses."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers import registry
from drivers.model import Observation, Output, SessionOptions
from edge import record, recording
from edge.clock import Clock
from edge.record import EXIT_FAILED, EXIT_OK, EXIT_REFUSED, Wanted
from edge.recording import Entry, What, Writer, read_entries, read_head
from simulators.alaris_asena import AsenaPump
from simulators.pty_server import PtyServer
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec


class Ticking:
    """A device that says a line of a Nonin oximeter ten times a second, whatever it is asked."""

    deadline_s: float | None = None

    def start(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.1
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:
        return b""

    def tick(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.1
        return b"SPO2=097 HR=072\r\n"


class Line:
    """A device on a pty, and a recording of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "line"
        self.file = folder / "x.jsonl"
        self.said: list[str] = []
        self.begun = asyncio.Event()
        self.server = PtyServer(Ticking(), self.path, asyncio.get_running_loop().time)

    async def record(self, **changes: Any) -> int:
        wanted = replace(Wanted(str(self.path), "nonin-ascii", file=self.file, seconds=0.5), **changes)
        return await record.keep(wanted, registry.driver(wanted.driver), Clock(), self.say)

    def entries(self) -> list[Entry]:
        return [entry for _, entry in read_entries(self.file)]

    async def when_heard(self, act: Callable[[], object]) -> None:
        """Do something as soon as it was told that the recording began, and two messages may have come."""
        async with asyncio.timeout(15):
            await self.begun.wait()
        await asyncio.sleep(0.25)
        act()

    def say(self, text: str) -> None:
        self.said.append(text)
        self.begun.set()


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    made = Line(tmp_path)
    with closing(made.server):
        yield made


async def both(first: Awaitable[int], second: Awaitable[None]) -> int:
    status, _ = await asyncio.gather(first, second)
    return status


async def test_it_keeps_what_was_heard_with_its_times(line: Line) -> None:
    assert await line.record() == EXIT_OK
    head = read_head(line.file)
    assert (head.driver, head.address, head.line) == (
        "nonin-ascii",
        str(line.path),
        registry.driver("nonin-ascii").line,
    )
    first, *middle, last = line.entries()
    assert (first.at_s, first.what) == (0.0, What.START)
    assert (last.what, last.reason) == (What.END, "stopped")
    assert 0.5 <= last.at_s < 2.0
    assert {entry.what for entry in middle} == {What.HEARD}
    assert all(round(entry.at_s, 6) == entry.at_s for entry in middle)
    assert b"".join(entry.data for entry in middle).count(b"SPO2=097 HR=072\r\n") >= 2
    assert line.server.host_byte_count == 0
    assert stat.S_IMODE(line.file.stat().st_mode) == 0o600
    assert line.said[0] == f"recording {line.path} to {line.file}; Ctrl-C ends it"
    assert line.said[1].endswith("0 rejected; ended: stopped")


async def test_it_keeps_what_the_driver_asked_and_when_its_time_was_there(tmp_path: Path) -> None:
    now_s = asyncio.get_running_loop().time()
    pump = AsenaPump(PumpModel(PumpSpec(serial_number="8002-51740"), now_s=now_s))
    file = tmp_path / "x.jsonl"
    with PtyServer(pump, tmp_path / "line", asyncio.get_running_loop().time) as server:
        wanted = Wanted(str(tmp_path / "line"), "alaris-asena", file=file, seconds=0.5)
        assert await record.keep(wanted, registry.driver("alaris-asena"), Clock(), lambda _: None) == EXIT_OK
        kept = [entry for _, entry in read_entries(file)]
        assert b"".join(entry.data for entry in kept if entry.what is What.SENT) == server.host_bytes
    assert kept[1] == Entry(0.0, What.SENT, b"!COMMS_PROTOCOL|E8DA\r")
    assert any(entry.what is What.TICK for entry in kept)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_a_whole_file(line: Line, number: signal.Signals) -> None:
    status = await both(line.record(seconds=None), line.when_heard(lambda: os.kill(os.getpid(), number)))
    assert status == EXIT_OK
    assert line.entries()[-1].reason == "stopped"


async def test_a_line_that_is_lost_ends_it_with_a_whole_file(line: Line) -> None:
    status = await both(line.record(seconds=None), line.when_heard(line.server.close))
    assert status == EXIT_FAILED
    assert "read failed" in line.entries()[-1].reason or "end of data" in line.entries()[-1].reason


async def test_a_recording_that_is_full_ends_by_itself(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "BYTES_MAX", 1200)
    assert await line.record(seconds=None) == EXIT_OK
    assert line.entries()[-1].reason == record.FULL
    assert line.file.stat().st_size <= 1200


async def test_a_disk_that_takes_nothing_more_ends_it(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(writer: Writer, entry: Entry) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "add", full)
    assert await line.record(seconds=None) == EXIT_FAILED
    assert "ended: the file cannot be written: No space left on device" in line.said[-1]


class Failing:
    """A session that fails on its first message."""

    round_s = 1.0
    deadline_s: float | None = None

    def __init__(self, options: SessionOptions) -> None:
        self.options = options

    def start(self, now_s: float) -> Sequence[Output]:
        return ()

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        raise IndexError("no such byte")

    def tick(self, now_s: float) -> Sequence[Output]:
        return ()


async def test_a_driver_that_fails_ends_it_and_what_it_failed_on_is_kept(line: Line) -> None:
    wanted = Wanted(str(line.path), "failing", file=line.file)
    driver = replace(registry.driver("nonin-ascii"), session=Failing)
    assert await record.keep(wanted, driver, Clock(), line.said.append) == EXIT_FAILED
    _, heard, end = line.entries()
    assert heard.data.startswith(b"SPO2")
    assert end.reason == "the driver failed: IndexError: no such byte"


async def test_it_never_writes_over_a_file(line: Line) -> None:
    line.file.write_text("mine")
    assert await line.record() == EXIT_REFUSED
    assert line.file.read_text() == "mine"
    assert "File exists" in line.said[-1]


async def test_without_a_name_the_file_has_driver_and_time(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(line.path.parent)
    assert await line.record(file=None, seconds=0.01) == EXIT_OK
    (made,) = line.path.parent.glob("nonin-ascii-*.jsonl")
    started = read_head(made).started
    assert made.name == f"nonin-ascii-{started[:19].replace(':', '')}Z.jsonl"


async def test_another_speed_is_asked_for_and_told(line: Line) -> None:
    assert await line.record(baud=19_200, seconds=0.01) == EXIT_OK
    assert read_head(line.file).line.baud == 19_200


async def test_a_port_that_another_has_is_refused_and_its_holder_named(line: Line) -> None:
    held = asyncio.create_task(line.record(seconds=1.0))
    await line.when_heard(lambda: None)
    said: list[str] = []
    other = Wanted(str(line.path), "ivy-450c", file=line.file.with_name("other.jsonl"))
    assert await record.keep(other, registry.driver("ivy-450c"), Clock(), said.append) == EXIT_REFUSED
    assert said[0].startswith(f"infusion-edge: {line.path}: process {os.getpid()} (")
    assert not line.file.with_name("other.jsonl").exists()
    assert await held == EXIT_OK


def test_a_driver_that_is_none() -> None:
    said: list[str] = []
    assert record.record(Wanted("/dev/null", "ivy-450"), Clock(), said.append) == EXIT_REFUSED
    assert said == ['infusion-edge: "ivy-450" is no driver: did you mean "ivy-450c"?']


def test_a_port_that_is_none() -> None:
    said: list[str] = []
    assert record.record(Wanted("/dev/nothing", "ivy-450c"), Clock(), said.append) == EXIT_REFUSED
    assert said == [
        "infusion-edge: /dev/nothing: No such file or directory; plug the adapter in, or correct the address"
    ]


async def test_what_was_kept_is_what_the_session_was_told(line: Line) -> None:
    """Told again with the same times, the driver makes the same of it."""
    assert await line.record() == EXIT_OK
    session = registry.driver("nonin-ascii").session(SessionOptions("x"))
    made = [out for entry in line.entries() if entry.data for out in session.feed(entry.data, entry.at_s)]
    samples = sum(isinstance(one, Observation) for one in made)
    assert f"{samples} samples" in line.said[-1]
