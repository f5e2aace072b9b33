"""SIGHUP at the real daemon on real ptys: what is taken, what is refused, and that nothing else is touched."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.good_copy import NAME
from edge.starting import WORD
from tests.end_to_end.world import PREFIX, ROOT, Bed, bed_1, daemon, is_alarm, message, monitor, on_pty, space

DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
THIRD = """
[[port]]
id = "bed-3-monitor"
path = "bed-3-monitor"
driver = "ivy-450c"

[[bed]]
id = "bed-3"
label = "Bed 3"
vital_signs = ["heart_rate"]
monitors = [{ port = "bed-3-monitor" }]
"""


@dataclass
class Site:
    """The files of a site with a patient at bed 1 and nobody at bed 2, and what systemd is told."""

    folder: Path
    bed: Bed
    systemd: socket.socket

    @property
    def file(self) -> Path:
        return self.folder / "edge.toml"

    def change(self, old: str, new: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert text.count(old) == 1, old
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    def remove_bed(self, bed: str) -> None:
        self.file.write_text(without(self.file.read_text(encoding="utf-8"), bed), encoding="utf-8")

    async def reload(self) -> list[str]:
        """Reload as systemd does, and return what it is told of it."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.systemd.recv(4096)
        self.bed.daemon.process.send_signal(signal.SIGHUP)
        told: list[str] = []
        async with asyncio.timeout(20):
            while "READY=1" not in told:
                told.append((await asyncio.get_running_loop().sock_recv(self.systemd, 4096)).decode())
        return [line for line in told if not line.startswith("WATCHDOG")]

    async def journalled(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait for so many rows of a kind, and return the last."""
        async with asyncio.timeout(10):
            while True:
                with contextlib.closing(sqlite3.connect(self.folder / "edge.db")) as store:
                    rows = store.execute("SELECT body FROM journal WHERE kind = ? ORDER BY id", (kind,)).fetchall()
                if len(rows) >= count:
                    found: dict[str, Any] = json.loads(rows[-1][0])
                    return found
                await asyncio.sleep(0.05)  # the store's own thread writes

    async def copied(self) -> None:
        """Wait until the last good copy of the files is kept."""
        async with asyncio.timeout(15):
            while True:
                if (self.folder / NAME).exists():
                    return
                await asyncio.sleep(0.05)  # a thread of its own writes


def without(text: str, bed: str) -> str:
    """The file without the tables of a bed: its ports, itself, its order."""
    blocks = text.split("\n\n")
    return "\n\n".join(block for block in blocks if not ("[[" in block and f'"{bed}' in block and block[0] != "#"))


@contextlib.asynccontextmanager
async def site(tmp_path: Path, rate_ml_per_h: str = "29.40") -> AsyncIterator[Site]:
    text = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
    head, order, rest = text.rpartition("[[demo_order]]")
    assert 'bed = "bed-2"' in rest
    (tmp_path / "edge.toml").write_text(head + rest[rest.index("# ----") :], encoding="utf-8")
    assert order
    shutil.copyfile(ROOT / "config" / "drugs.toml", tmp_path / "drugs.toml")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        environment = pytest.MonkeyPatch()
        environment.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        try:
            async with bed_1(tmp_path, rate_ml_per_h=rate_ml_per_h, config=tmp_path / "edge.toml") as bed:
                await bed.daemon.until_said('"watching"')
                yield Site(tmp_path, bed, systemd)
        finally:
            environment.undo()


async def test_a_bed_is_added_and_another_removed_while_an_alarm_stands(tmp_path: Path) -> None:
    async with site(tmp_path) as ward:
        heard, broker = ward.bed.heard, ward.bed.broker
        before = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
        await heard.wait_for(lambda one: one.topic == f"{PREFIX}/bed/bed-2/therapy")
        ward.remove_bed("bed-2")
        ward.file.write_text(ward.file.read_text(encoding="utf-8") + THIRD, encoding="utf-8")
        with on_pty(monitor(7), tmp_path / "bed-3-monitor"):
            told = await ward.reload()
            assert any(line.startswith("RELOADING=1\nMONOTONIC_USEC=") for line in told)
            assert told[-1] == "READY=1"
            shown = await heard.wait_for(
                lambda one: one.topic == f"{PREFIX}/bed/bed-3/snapshot" and bool(message(one)["vital_signs"])
            )
            assert message(shown)["bed"] == "bed-3"
            await heard.wait_for(lambda one: one.topic == f"{PREFIX}/bed/bed-2/snapshot" and not one.payload)
        retained = await broker.retained()
        assert [bed["bed"] for bed in message(retained[f"{PREFIX}/roster"])["beds"]] == ["bed-1", "bed-3"]
        assert not [topic for topic in retained if "/bed/bed-2/" in topic]
        after = message(retained[f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"])
        assert (after["occurrence"], after["onset"], after["present"]) == (
            before["occurrence"],
            before["onset"],
            True,
        )
        numbers = [message(one)["event_seq"] for one in heard.of(f"{PREFIX}/event")]
        assert numbers == list(range(1, len(numbers) + 1))
        row = await ward.journalled("configuration", 2)
        said = [text for name, text in row.items() if name.startswith("change.")]
        assert "bed bed-2 is removed" in said
        assert "line bed-3-monitor is added (ivy-450c at " + str(tmp_path / "bed-3-monitor") + ")" in said
        assert row["changed"] == str(ward.file)
        kept = json.loads((tmp_path / NAME).read_text(encoding="utf-8"))
        assert kept[str(ward.file)] == ward.file.read_text(encoding="utf-8")
        assert ward.bed.daemon.process.returncode is None


async def test_what_is_invalid_changes_nothing_and_is_an_alarm_until_it_is_mended(tmp_path: Path) -> None:
    async with site(tmp_path, "7.00") as ward:
        heard = ward.bed.heard
        good = ward.file.read_text(encoding="utf-8")
        ward.change('label = "Bed 2"', 'label = ""')
        told = await ward.reload()
        alarm = message(await heard.wait_for(is_alarm("CONFIG_INVALID", bed="")))
        assert (alarm["priority"], alarm["audience"]) == ("medium", "technician")
        assert "bed[1].label" in alarm["text"]
        assert any("configuration not taken: " in line for line in told)
        roster = message((await ward.bed.broker.retained())[f"{PREFIX}/roster"])
        assert [bed["label"] for bed in roster["beds"]] == ["Bed 1", "Bed 2"]
        assert "bed[1].label" in (await ward.journalled("configuration refused"))["reason"]
        ward.file.write_text(good.replace('label = "Bed 2"', 'label = "Window"'), encoding="utf-8")
        await ward.reload()
        await heard.wait_for(is_alarm("CONFIG_INVALID", bed="", phase_present=False))
        roster = message((await ward.bed.broker.retained())[f"{PREFIX}/roster"])
        assert [bed["label"] for bed in roster["beds"]] == ["Bed 1", "Window"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            'soft = "120 /min"',
            'soft = "130 /min"',
            "limit HR_HIGH soft: 120 /min after 20 s, medium",
        ),
        ('site = "demo"', 'site = "ward"', "site can be changed by a restart alone"),
    ],
)
async def test_what_may_not_be_is_refused_whole(tmp_path: Path, old: str, new: str, reason: str) -> None:
    async with site(tmp_path, "7.00") as ward:
        await ward.bed.snapshot(lambda shown: bool(shown["channels"]))
        ward.change('label = "Bed 2"', 'label = "Window"')
        ward.change(old, new)
        await ward.reload()
        assert reason in (await ward.journalled("configuration refused"))["reason"]
        roster = message((await ward.bed.broker.retained())[f"{PREFIX}/roster"])
        assert [bed["label"] for bed in roster["beds"]] == ["Bed 1", "Bed 2"]


async def test_a_bed_where_drug_flows_is_not_removed_and_goes_on(tmp_path: Path) -> None:
    async with site(tmp_path, "7.00") as ward:
        _, rack = space("7.00", asyncio.get_running_loop().time(), serial_number="012346")
        topic = f"{PREFIX}/bed/bed-2/snapshot"
        with on_pty(rack, tmp_path / "bed-2-pump"):
            await ward.bed.heard.wait_for(
                lambda one: one.topic == topic and bool(one.payload) and message(one)["active"] is True
            )
            ward.remove_bed("bed-2")
            await ward.reload()
            reason = (await ward.journalled("configuration refused"))["reason"]
            assert reason.startswith("Bed 2 cannot be removed while drug flows there")
            seen = len(ward.bed.heard.of(topic))
            await ward.bed.heard.wait_until(lambda: len(ward.bed.heard.of(topic)) > seen)
            assert message(ward.bed.heard.of(topic)[-1])["active"] is True


async def test_a_start_does_not_take_what_a_reload_refuses_but_by_a_persons_word(tmp_path: Path) -> None:
    async with site(tmp_path, "7.00") as ward:
        # A kill before the disk has the patient and the files leaves nobody and nothing to ask about.
        await ward.journalled("request")
        await ward.copied()
        ward.change('soft = "120 /min"', 'soft = "130 /min"')
        ward.change('label = "Bed 2"', 'label = "Window"')
        ward.bed.daemon.process.kill()
        broker, word = ward.bed.broker, ("take-config", str(ward.file), "--run-dir", str(tmp_path), "--with-patients")
        async with daemon(tmp_path, broker.port, config=ward.file):
            refused = message(await ward.bed.heard.wait_for(is_alarm("CONFIG_INVALID", bed="")))
            assert "edge.toml: limit HR_HIGH soft: 120 /min" in refused["text"]
            assert "not while a patient is there at Bed 1" in refused["text"]
            assert "HR_HIGH" in (await ward.journalled("configuration refused"))["reason"]
            assert main(word) == 0
        async with daemon(tmp_path, broker.port, config=ward.file):
            await ward.bed.heard.wait_for(is_alarm("CONFIG_INVALID", bed="", phase_present=False))
            taken = await ward.journalled("configuration", 3)
        assert (taken["changed"], taken["change.1"]) == (str(ward.file), 'bed bed-2: label "Bed 2" -> "Window"')
        assert taken["by_word.1"].endswith("not while a patient is there at Bed 1")
        roster = message((await broker.retained())[f"{PREFIX}/roster"])
        assert [bed["label"] for bed in roster["beds"]] == ["Bed 1", "Window"]
        assert not (tmp_path / WORD).exists()
