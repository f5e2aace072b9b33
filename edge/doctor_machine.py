"""The computer itself: clock, disk, configuration, library, and the way to the nurse call."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.commands_stop import UNIT, Systemctl, systemctl
from edge.config import Configuration, Mode
from edge.core.config import DrugConfig
from edge.core.effects import HookReason
from edge.diagnosis import Level, Row, error, ok, warning
from edge.disks import free_mb
from edge.doctor_lines import may_use
from edge.pins import lacks

LITTLE_MB = 500
"""The store and the black box stay below it; less is soon no room."""

TOO_LITTLE_MB = 150
"""The black box leaves so much free for the store, and the store needs room for its journal."""

LASTING = frozenset({"ext4", "ext3", "ext2", "btrfs", "xfs", "f2fs", "zfs"})
"""File systems that keep what was synced over a loss of power, and know owners."""

_OCTAL = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the kernel tells of this computer; another root in tests."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")


def clock_rows(*, synchronised: bool, machine: Machine) -> Iterator[Row]:
    """Tell whether the time of day is right, and whether it outlives a loss of power."""
    if synchronised:
        yield ok("clock", "it is synchronised")
    else:
        remedy = "give a time server (/etc/systemd/timesyncd.conf), and see timedatectl timesync-status"
        yield warning("clock", "it is not synchronised: times of day in the history may be wrong", remedy)
    clocks = sorted((machine.sys / "class" / "rtc").glob("rtc*"))
    if clocks:
        yield ok("clock", f"it has a battery clock ({', '.join(clock.name for clock in clocks)})")
    else:
        remedy = "fit a real-time clock module (docs/install.md), or see that a time server is always there"
        yield warning(
            "clock", "there is no battery clock: after a loss of power the time is unknown until a network is", remedy
        )


def disk_rows(folder: Path, user: str, machine: Machine) -> Iterator[Row]:
    """Tell of the disk of the store: room, rights, file system, and whether it is worn."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if there != folder:
        yield warning("disk", f"{folder} is not there yet", "the service makes it at its first start")
    elif not may_use(folder, user):
        yield error("disk", f"{user} may not write in {folder}", f"sudo chown -R {user}: {folder}")
    free = free_mb(there)
    if free is None or os.statvfs(there).f_flag & os.ST_RDONLY:
        yield error(
            "disk", f"{there} cannot be written", "it is mounted read-only: sudo dmesg | tail says why; renew the card"
        )
    elif free < LITTLE_MB:
        tell = error if free < TOO_LITTLE_MB else warning
        yield tell(
            "disk", f"{free} MB are free at {there}", "make room: sudo journalctl --vacuum-size=100M; a larger card"
        )
    else:
        yield ok("disk", f"{free} MB are free at {there}")
    device, kind = _mount(there, machine.proc)
    if kind in LASTING:
        yield ok("disk", f"{kind} on {device}")
    elif kind:
        remedy = "put the run directory on a disk with ext4"
        yield warning("disk", f"{kind} on {device} may lose what was kept when the power fails", remedy)
    counted = machine.sys / "fs" / "ext4" / Path(device).name / "errors_count"
    if counted.is_file() and counted.read_text(encoding="ascii").strip() not in ("", "0"):
        text = f"{device} has had {counted.read_text(encoding='ascii').strip()} errors of its file system"
        yield error("disk", text, "renew the card: infusion-edge bundle export first")


def _mount(folder: Path, proc: Path) -> tuple[str, str]:
    """Return device and kind of the file system of a folder, empty where that cannot be seen."""
    best, found = "", ("", "")
    try:
        rows = (proc / "mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found
    for row in rows:
        device, place, kind, *_ = row.split(" ")
        for code, letter in _OCTAL.items():
            place = place.replace(code, letter)
        if folder.is_relative_to(place) and len(place) >= len(best):
            best, found = place, (device, kind)
    return found


def configuration_rows(configuration: Configuration) -> Iterator[Row]:
    """Tell which configuration this is, and what is doubtful in it."""
    core = configuration.core
    beds = ", ".join(bed.bed for bed in core.beds)
    yield ok("configuration", f"{configuration.mode.value}, edge {core.edge} at site {core.site}, beds {beds}")
    for problem in configuration.warnings:
        yield warning("configuration", f"{problem.key}: {problem.message}", problem.remedy)
    if not any(station.required for station in core.stations):
        remedy = "set required = true at the [[station]] that must show every bed"
        yield warning("stations", "none is required: nobody is told when no screen shows the alarms", remedy)
    else:
        required = [station.station for station in core.stations if station.required]
        yield ok("stations", f"one of these must show every bed: {', '.join(required)}")


def library_rows(mode: Mode, drugs: Iterable[DrugConfig]) -> Iterator[Row]:
    """Tell which entries of the drug library a clinician has approved."""
    for drug in drugs:
        approval = drug.entry.approval
        what = f"{drug.drug}, library {drug.entry.library} {drug.entry.version}"
        if approval is not None:
            yield ok("library", f"{what}: approved by {approval.by} on {approval.on}")
        else:
            remedy = "have a clinician approve it: infusion-edge library show has what, and the hash that is approved"
            yield warning(
                "library", f"{what}: not approved{', and this is no demonstration' * (mode is Mode.CLINICAL)}", remedy
            )


def bedside_rows(
    configuration: Configuration, user: str, machine: Machine, system: Systemctl = systemctl
) -> Iterator[Row]:
    """Tell whether this computer can be seen and heard, and where level 3, the nurse call, leads."""
    settings = configuration.annunciator
    pins, hook = (None, None) if settings is None else (settings.pins, settings.hook)
    driven = None if pins is None else _pin_row(user, machine, system)
    relay = pins is not None and pins.relay is not None
    ways = ["a relay"] if relay and driven is not None and driven.level is Level.OK else []
    if hook is not None and HookReason.LEVEL_3 in hook.on:
        ways.append("the site's command")
    if ways:
        yield ok("nurse call", f"level 3 goes to {', '.join(ways)}; try it: infusion-edge test-alarm")
    elif relay:
        yield error(
            "nurse call", "its relay cannot be driven: an alarm that nobody accepts calls no one else", "see bedside"
        )
    else:
        remedy = 'give [annunciator] a relay, or a hook with on = ["level_3"] (docs/alarms.md)'
        yield warning("nurse call", "level 3 leads nowhere: an alarm that nobody accepts calls no one else", remedy)
    if driven is None:
        remedy = "configure [annunciator] where screens may be far away (docs/alarms.md)"
        yield warning("bedside", "no lamp and no buzzer here: only screens tell", remedy)
    else:
        yield driven
    if hook is not None:
        program = Path(hook.command[0])
        if program.is_file() and program.stat().st_mode & stat.S_IXOTH:
            yield ok("hook", f"{program} is there")
        else:
            yield error(
                "hook", f"{program} cannot be run by everybody, or is not there", "correct [annunciator.hook], or chmod"
            )


def _pin_row(user: str, machine: Machine, system: Systemctl) -> Row:
    """Tell whether lamp, buzzer, relay and button can work, as far as that is seen without touching a pin."""
    chips = sorted(machine.dev.glob("gpiochip*"))
    if not chips:
        return error(
            "bedside",
            f"this computer has no pins ({machine.dev}/gpiochip*): lamp, buzzer, nurse call and button do not work",
            "they need a Raspberry Pi; on another computer take them out of [annunciator]",
        )
    lacking = lacks()
    if lacking == "lgpio":
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return error(
            "bedside",
            f"lgpio for {python} is not installed: lamp, buzzer, nurse call and button do not work",
            "sudo apt-get install python3-lgpio (Raspberry Pi OS has it)",
        )
    if lacking:
        return error("bedside", "the library for pins is not installed", 'install the extra "gpio" (docs/install.md)')
    status, said = system("show", UNIT, "--property=LoadState,DevicePolicy,DeviceAllow,SupplementaryGroups")
    told = dict(line.partition("=")[::2] for line in said.splitlines()) if status == 0 else {}
    closed = told.get("LoadState") == "loaded" and told.get("DevicePolicy") != "auto" and "char-gpiochip" not in said
    if closed or not any(may_use(chip, user, told.get("SupplementaryGroups", "").split()) for chip in chips):
        return error("bedside", f"{user} may not use the pins", "install the drop-in gpio.conf (README)")
    return ok("bedside", f"pins are there ({', '.join(chip.name for chip in chips)})")
