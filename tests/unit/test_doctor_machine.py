"""`doctor` and the computer: clock, disk, library, nurse call, on folders that stand for the kernel's."""

from __future__ import annotations

import grp
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from edge import doctor_machine
from edge.config import Configuration, Mode, load
from edge.diagnosis import Level, Row
from edge.doctor_machine import (
    LITTLE_MB,
    TOO_LITTLE_MB,
    Machine,
    bedside_rows,
    clock_rows,
    configuration_rows,
    disk_rows,
    library_rows,
)

ROOT = Path(__file__).parents[2]
ME = "nobody-of-this-name"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "proc", tmp_path / "sys", tmp_path / "dev")
    for folder in (made.proc, made.sys / "class" / "rtc" / "rtc0", made.dev):
        folder.mkdir(parents=True)
    (made.proc / "mounts").write_text("/dev/mmcblk0p2 / ext4 rw 0 0\n", encoding="ascii")
    return made


def site(folder: Path, *swaps: tuple[str, str], more: str = "") -> Configuration:
    for name in ("edge.toml", "drugs.toml"):
        shutil.copyfile(ROOT / "config" / name, folder / name)
    text = (folder / "edge.toml").read_text(encoding="utf-8")
    for old, new in swaps:
        text = text.replace(old, new)
    (folder / "edge.toml").write_text(text + more, encoding="utf-8")
    return load(folder / "edge.toml", folder / "run", {})


def levels(rows: Iterable[Row]) -> list[tuple[str, Level]]:
    found = list(rows)
    assert all(bool(row.remedy) is (row.level is not Level.OK) for row in found)
    return [(row.check, row.level) for row in found]


def only(rows: Iterable[Row], check: str) -> Row:
    (row,) = [row for row in rows if row.check == check]
    return row


def test_a_clock_that_is_right_and_outlives_a_loss_of_power(machine: Machine) -> None:
    assert levels(clock_rows(synchronised=True, machine=machine)) == [("clock", Level.OK), ("clock", Level.OK)]


def test_a_clock_that_is_not_synchronised_and_has_no_battery(machine: Machine) -> None:
    (machine.sys / "class" / "rtc" / "rtc0").rmdir()
    rows = list(clock_rows(synchronised=False, machine=machine))
    assert levels(rows) == [("clock", Level.WARNING), ("clock", Level.WARNING)]
    assert "real-time clock module" in rows[1].remedy


def test_a_disk_with_room_on_a_lasting_file_system(machine: Machine, tmp_path: Path) -> None:
    rows = list(disk_rows(tmp_path, ME, machine))
    assert levels(rows) == [("disk", Level.OK), ("disk", Level.OK)]
    assert rows[1].text == "ext4 on /dev/mmcblk0p2"


@pytest.mark.parametrize(
    ("free", "level"),
    [
        (LITTLE_MB, Level.OK),
        (LITTLE_MB - 1, Level.WARNING),
        (TOO_LITTLE_MB, Level.WARNING),
        (TOO_LITTLE_MB - 1, Level.ERROR),
        (None, Level.ERROR),
    ],
)
def test_room(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int | None, level: Level
) -> None:
    monkeypatch.setattr(doctor_machine, "free_mb", lambda _: free)
    assert levels(disk_rows(tmp_path, ME, machine))[0] == ("disk", level)


def test_a_disk_that_forgets_is_worn_or_is_another_users(machine: Machine, tmp_path: Path) -> None:
    mounts = f"/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 {str(tmp_path).replace(' ', chr(92) + '040')} vfat rw 0 0\n"
    (machine.proc / "mounts").write_text(mounts, encoding="ascii")
    worn = machine.sys / "fs" / "ext4" / "sdb1"
    worn.mkdir(parents=True)
    (worn / "errors_count").write_text("0\n", encoding="ascii")
    assert levels(disk_rows(tmp_path, ME, machine)) == [("disk", Level.OK), ("disk", Level.WARNING)]
    (worn / "errors_count").write_text("3\n", encoding="ascii")
    tmp_path.chmod(0o700)
    rows = list(disk_rows(tmp_path, "nobody", machine))
    assert levels(rows) == [
        ("disk", Level.ERROR),
        ("disk", Level.OK),
        ("disk", Level.WARNING),
        ("disk", Level.ERROR),
    ]
    assert rows[0].remedy == f"sudo chown -R nobody: {tmp_path}"
    assert rows[3].text == "/dev/sdb1 has had 3 errors of its file system"


def test_a_folder_that_the_first_start_makes(machine: Machine, tmp_path: Path) -> None:
    row = next(disk_rows(tmp_path / "not" / "yet", ME, machine))
    assert (row.level, "not there yet" in row.text) == (Level.WARNING, True)


def test_the_configuration_says_what_is_doubtful_and_that_nobody_must_look(tmp_path: Path) -> None:
    rows = list(configuration_rows(site(tmp_path)))
    assert rows[0].text == "demo, edge pi-1 at site demo, beds bed-1, bed-2"
    assert only(rows, "stations").level is Level.WARNING
    required = site(tmp_path, ("required = false", "required = true"), ('host = "127.0.0.1"', 'host = "10.0.0.9"'))
    rows = list(configuration_rows(required))
    assert only(rows, "stations").level is Level.OK
    assert {row.level for row in rows if row.check == "configuration"} == {Level.OK, Level.WARNING}


def test_an_entry_of_the_library_that_nobody_approved(tmp_path: Path) -> None:
    drugs = site(tmp_path).core.drugs
    rows = list(library_rows(Mode.DEMO, drugs))
    assert len(rows) == len(drugs)
    assert {row.level for row in rows} == {Level.WARNING}
    assert rows[0].text.endswith("not approved")


def test_without_pins_level_3_leads_nowhere(tmp_path: Path, machine: Machine) -> None:
    rows = list(bedside_rows(site(tmp_path), ME, machine))
    assert levels(rows) == [("nurse call", Level.WARNING), ("bedside", Level.WARNING)]
    assert rows[0].text.startswith("level 3 leads nowhere")


def test_a_relay_and_a_hook_are_ways_to_a_nurse(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "call"
    hook.write_text("#!/bin/sh\n", encoding="ascii")
    hook.chmod(0o755)
    more = f'\n[annunciator]\nrelay = 24\n[annunciator.hook]\ncommand = ["{hook}"]\non = ["level_3"]\n'
    found = site(tmp_path, more=more)
    monkeypatch.setattr(doctor_machine, "lacks", lambda: "")
    assert levels(bedside_rows(found, ME, machine)) == [
        ("nurse call", Level.OK),
        ("bedside", Level.ERROR),
        ("hook", Level.OK),
    ]
    assert only(bedside_rows(found, ME, machine), "nurse call").text.startswith("level 3 goes to the site's command;")
    (machine.dev / "gpiochip0").touch()
    assert only(bedside_rows(found, ME, machine), "nurse call").text.startswith("level 3 goes to a relay, the site's")
    assert only(bedside_rows(found, ME, machine), "bedside").level is Level.OK
    (machine.dev / "gpiochip0").chmod(0o600)
    assert only(bedside_rows(found, "nobody", machine), "bedside").text == "nobody may not use the pins"
    hook.chmod(0o700)
    assert only(bedside_rows(found, ME, machine), "hook").level is Level.ERROR


def test_a_relay_that_cannot_be_driven_is_no_way_to_a_nurse(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = site(tmp_path, more="\n[annunciator]\nrelay = 24\n")
    lacking = "lgpio"
    monkeypatch.setattr(doctor_machine, "lacks", lambda: lacking)

    def told() -> str:
        rows = list(bedside_rows(found, ME, machine))
        assert levels(rows) == [("nurse call", Level.ERROR), ("bedside", Level.ERROR)]
        assert rows[0].text.startswith("its relay cannot be driven")
        return rows[1].text

    assert told().startswith(f"this computer has no pins ({machine.dev}/gpiochip*)")
    (machine.dev / "gpiochip0").touch()
    assert told().startswith("lgpio for Python 3.")
    lacking = "gpiozero"
    assert told() == "the library for pins is not installed"
    lacking = ""
    assert levels(bedside_rows(found, ME, machine)) == [("nurse call", Level.OK), ("bedside", Level.OK)]


def test_the_unit_has_to_allow_the_pins(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    found = site(tmp_path, more="\n[annunciator]\nrelay = 24\n")
    chip = machine.dev / "gpiochip0"
    chip.touch()
    chip.chmod(0o660)
    monkeypatch.setattr(doctor_machine, "lacks", lambda: "")
    group = grp.getgrgid(chip.stat().st_gid).gr_name

    def row(*lines: str, status: int = 0) -> Row:
        said = "\n".join(("LoadState=loaded", "DevicePolicy=closed", "DeviceAllow=char-4 rw", *lines))
        return only(bedside_rows(found, "nobody", machine, lambda *_: (status, said)), "bedside")

    drop_in = ("DeviceAllow=char-gpiochip rw", f"SupplementaryGroups={group}")
    assert row(*drop_in).text == "pins are there (gpiochip0)"
    for lines in (drop_in[:1], drop_in[1:], ()):
        assert row(*lines).text == "nobody may not use the pins"
    chip.chmod(0o666)
    assert row().remedy == "install the drop-in gpio.conf (README)"
    # Without the unit there is nothing that closes it: the file's own rights decide.
    assert row(status=1).level is Level.OK
