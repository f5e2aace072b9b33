"""`map` at a terminal, with a person's answers: the real daemon, a pump's line, a real broker, a station's receipt."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.test_doctor import site
from tests.end_to_end.test_therapy import done
from tests.end_to_end.world import ROOT, Bed, bed_1, is_alarm, message
from tests.small_station import station

SERIAL = "012345"
TEST = is_alarm("TEST_ALARM", bed="")


class Terminal:
    """A person at a terminal: reads what is asked, and types."""

    def __init__(self, *words: str) -> None:
        self.said = ""
        self._changed = asyncio.Event()
        self._master, slave = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", *words], cwd=ROOT, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        try:
            self.said += os.read(self._master, 4096).decode()
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self._master)
        self._changed.set()

    async def until(self, text: str) -> None:
        try:
            async with asyncio.timeout(40):
                while text not in self.said:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"not said: {text}; said:\n{self.said}")

    def types(self, text: str) -> None:
        os.write(self._master, f"{text}\n".encode())

    async def ends(self) -> int:
        status = await asyncio.to_thread(self.process.wait, 40)
        await asyncio.sleep(0)
        return status

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextlib.asynccontextmanager
async def mapped(folder: Path, *, required: bool) -> AsyncIterator[tuple[Bed, Terminal, Path]]:
    """Bed 1 after its pump was heard, and somebody who maps it."""
    first = site(folder, 1883)
    text = first.read_text(encoding="utf-8").replace('serial_number = "012345"', 'serial_number = "000111"')
    first.write_text(text.replace("required = false", f"required = {str(required).lower()}", 1), encoding="utf-8")
    async with bed_1(folder, config=first) as bed:
        await bed.snapshot(lambda said: bool(said["channels"]) and said["channels"][0]["state"] == "infusing")
        # Where the broker of this test is, which the daemon was told on its command line.
        first.write_text(first.read_text("utf-8").replace("port = 1883", f"port = {bed.broker.port}"), encoding="utf-8")
        sheet = folder / "sheet.html"
        where = ("--config", str(first), "--run-dir", str(folder), "--control", str(folder / "control.sock"))
        person = Terminal("map", "bed 1", "--sheet", str(sheet), *where)
        try:
            yield bed, person, sheet
        finally:
            person.close()


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_a_swapped_pump_is_bound_the_alarm_is_seen_and_the_sheet_is_journalled(tmp_path: Path) -> None:
    async with mapped(tmp_path, required=True) as (bed, person, sheet), station(bed.broker, bed.heard) as desk:
        await person.until("pump at bed-1-pump channel 11: type the serial number that is on the device: ")
        assert f"serial number {SERIAL} (unconfirmed)" in person.said
        person.types(SERIAL)
        await person.until("press Enter: a test alarm comes for half a minute.")
        assert f"done: confirm-device {SERIAL} at bed-1-pump channel 11 of bed-1" in person.said
        assert "edge.toml says 000111: if the new device is to stay, change serial_number there" in person.said
        person.types("")
        alarm = message(await bed.heard.wait_for(TEST))
        await desk.receipt(alarm, beds=("bed-1", "bed-2"))
        await person.until("a page of ward-desk shows it, by its receipt")
        person.types("yes")
        await person.until("Print and sign:")
        assert (await person.ends(), "done: bed-1 accepted" in person.said) == (0, True), person.said
        page = sheet.read_bytes()
        assert b'<p class="result">ACCEPTED</p>' in page
        assert SERIAL.encode() in page
        assert b"shown by a page of ward-desk (its receipt)" in page
        journal = await done(tmp_path, "journal", "export")
    rows = [row["body"] for row in map(json.loads, journal.splitlines()) if row["kind"] == "request"]
    rows = [row for row in rows if row["verb"] != "demo-order"]
    assert [row["verb"] for row in rows] == ["confirm-device", "test-alarm", "bed-accepted"]
    assert rows[-1]["sheet_sha256"] == hashlib.sha256(page).hexdigest()
    assert all(row["by"].startswith("local:") for row in rows)


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_another_number_binds_nothing_and_an_alarm_that_nobody_saw_accepts_nothing(tmp_path: Path) -> None:
    async with mapped(tmp_path, required=False) as (_, person, sheet):
        await person.until("type the serial number that is on the device: ")
        person.types("999999")
        await person.until("999999 is not what answers there: it was not bound. Look which cable goes where")
        await person.until("press Enter:")
        person.types("")
        await person.until("no page has said that it shows it")
        person.types("no")
        assert await person.ends() == 1
        await person.until("Print and sign:")
        assert "done: bed-1 not accepted" in person.said
        assert "  pump at bed-1-pump channel 11: who answers is unconfirmed" in person.said
        assert "  nobody has seen the test alarm at the station" in person.said
        assert b'<p class="result">NOT ACCEPTED</p>' in sheet.read_bytes()


def test_without_a_terminal_nothing_is_asked() -> None:
    words = [sys.executable, "-m", "edge.cli", "map", "bed-1"]
    ended = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (ended.returncode, "needs a person at a terminal" in ended.stdout) == (2, True)
