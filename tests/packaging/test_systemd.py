"""The unit is one that systemd takes as it stands, and says what the service needs."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from drivers.line import CLOSE_LIMIT_S, OPEN_LIMIT_S
from drivers.reconnect import DELAY_MAX_S
from edge.app import STOP_LIMIT_S
from edge.device import TURN_S
from edge.notify import WATCHDOG_SHARE
from edge.terminal import EXIT_CONFIG

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "infusion-edge.service"
SYSUSERS = SYSTEMD / "infusion-edge.sysusers.conf"
TMPFILES = SYSTEMD / "infusion-edge.tmpfiles.conf"
EXPOSURE_MAX = 15
"""Tenths. Reading whether the clock is synchronised costs three of them (see the unit); 95 is a bare unit."""

ON_THE_WARD_MAX = 16
"""With the drop-ins. None of what was tried gives 15: one address in place of networks, another root, no AF_UNIX. What
does is ProtectClock= (14), with which the service cannot read whether its clock is synchronised."""

OFFLINE_SINCE = 250
"""The first systemd that can judge a unit file without starting it."""


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def version() -> int:
    match = re.match(r"systemd (\d+)", run("systemd-analyze", "--version").stdout)
    assert match is not None, "systemd-analyze is not installed: sudo apt-get install systemd"
    return int(match[1])


def with_drop_in(folder: Path, name: str) -> Path:
    program = settings()["ExecStart"][0].split()[0]
    copy, drop_ins = folder / UNIT.name, folder / f"{UNIT.name}.d"
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(program, sys.executable), encoding="utf-8")
    drop_ins.mkdir()
    (drop_ins / name).write_text((SYSTEMD / f"infusion-edge-{name}").read_text("utf-8"), encoding="utf-8")
    return copy


@pytest.mark.parametrize("name", ["gpio.conf", "network.conf"])
def test_systemd_takes_the_drop_ins(tmp_path: Path, name: str) -> None:
    told = run("systemd-analyze", "verify", "--man=no", str(with_drop_in(tmp_path, name)))
    assert [line for line in told.stderr.splitlines() if UNIT.name in line or name in line] == []
    assert told.returncode == 0


@pytest.mark.parametrize("names", [["network"], ["gpio"], ["network", "gpio"]], ids="-".join)
def test_on_a_ward_it_is_a_little_more_open(tmp_path: Path, names: list[str]) -> None:
    if version() < OFFLINE_SINCE:
        pytest.skip(f"systemd {version()} cannot judge a unit file; {OFFLINE_SINCE} can")
    # As systemd puts them together; judging offline, it passes over drop-ins.
    files = [UNIT, *(SYSTEMD / f"infusion-edge-{name}.conf" for name in names)]
    both = tmp_path / UNIT.name
    both.write_text("\n".join(file.read_text(encoding="utf-8") for file in files), encoding="utf-8")
    told = run("systemd-analyze", "security", "--offline=true", f"--threshold={ON_THE_WARD_MAX}", str(both))
    assert told.returncode == 0, told.stdout


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = settings()["ExecStart"][0].split()[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(program, sys.executable), encoding="utf-8")
    told = run("systemd-analyze", "verify", "--man=no", str(copy))
    assert [line for line in told.stderr.splitlines() if UNIT.name in line] == []
    assert told.returncode == 0


def test_it_is_closed_off() -> None:
    if version() < OFFLINE_SINCE:
        pytest.skip(f"systemd {version()} cannot judge a unit file; {OFFLINE_SINCE} can")
    told = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(UNIT))
    assert told.returncode == 0, told.stdout


def test_what_is_left_open_is_what_the_service_needs() -> None:
    if version() < OFFLINE_SINCE:
        pytest.skip(f"systemd {version()} cannot judge a unit file; {OFFLINE_SINCE} can")
    told = run("systemd-analyze", "security", "--offline=true", "--json=short", str(UNIT))
    rows = json.loads(told.stdout)
    left = {row["json_field"] for row in rows if row["exposure"] and float(row["exposure"]) > 0}
    assert left <= {
        "PrivateNetwork", "RestrictAddressFamilies_AF_INET_INET6", "IPAddressDeny",  # the broker
        "RestrictAddressFamilies_AF_UNIX",  # telling systemd
        "PrivateDevices", "DeviceAllow",  # serial ports
        "ProtectClock", "SystemCallFilter_clock", "SystemCallFilter_privileged",  # reading whether the clock is right
        "RootDirectoryOrRootImage",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("Restart", "always"),
        ("StartLimitIntervalSec", "0"),
        ("RestartPreventExitStatus", str(EXIT_CONFIG)),
        ("User", "infusion-edge"),
        ("ProcSubset", "pid"),
        ("StateDirectory", "infusion-edge"),
        ("RuntimeDirectory", "infusion-edge"),
        ("ProtectSystem", "strict"),
        ("DevicePolicy", "closed"),
        ("MemoryDenyWriteExecute", "yes"),
        ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("IPAddressDeny", "any"),
        ("IPAddressAllow", "localhost"),
        ("WantedBy", "multi-user.target"),
    ],
)
def test_it_says(name: str, value: str) -> None:
    assert settings()[name] == [value]


def test_it_hands_in_the_boot_and_gives_all_threads_one_heap() -> None:
    assert settings()["Environment"] == ["INFUSION_EDGE_BOOT_ID=%b", "MALLOC_ARENA_MAX=1"]


def test_serial_ports_are_allowed_by_number() -> None:
    assert settings()["DeviceAllow"] == ["char-4 rw", "char-166 rw", "char-188 rw", "char-204 rw"]


def test_a_clean_end_has_the_time_it_takes() -> None:
    lines_sender_and_store_s = CLOSE_LIMIT_S + 2 * STOP_LIMIT_S
    assert int(settings()["TimeoutStopSec"][0]) > lines_sender_and_store_s


def test_the_watchdog_waits_for_the_slowest_task() -> None:
    watchdog_s = int(settings()["WatchdogSec"][0])
    # A port goes round once an attempt: it opens or closes within a limit, and then waits.
    slowest_turn_s = max(OPEN_LIMIT_S, TURN_S + CLOSE_LIMIT_S) + DELAY_MAX_S
    assert watchdog_s > slowest_turn_s + watchdog_s * WATCHDOG_SHARE


def test_the_clock_can_be_read_and_not_set() -> None:
    assert settings()["SystemCallFilter"][-1] == "adjtimex clock_adjtime clock_adjtime64"
    assert "ProtectClock" not in settings()


def test_its_command_is_one_and_a_missing_file_ends_it_for_good(tmp_path: Path) -> None:
    _, *arguments = shlex.split(settings()["ExecStart"][0])
    arguments = [str(tmp_path / "edge.toml") if word.endswith(".toml") else word for word in arguments]
    told = run(sys.executable, "-m", "edge.cli", *arguments)
    assert told.returncode == EXIT_CONFIG, told.stderr


def test_user_and_folder_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    told = run("systemd-sysusers", "--dry-run", f"--root={tmp_path}", str(SYSUSERS))
    assert told.returncode == 0, told.stderr
    if os.geteuid() != 0:
        pytest.skip("making users in a folder needs root; the file was parsed")
    assert run("systemd-sysusers", f"--root={tmp_path}", str(SYSUSERS)).returncode == 0
    name, _, uid, gid, _, home, shell = (tmp_path / "etc/passwd").read_text(encoding="utf-8").split(":")
    assert "dialout:infusion-edge" in re.sub(r":x?:\d*:", ":", (tmp_path / "etc/group").read_text(encoding="utf-8"))
    assert (name, home, shell.strip()) == ("infusion-edge", "/var/lib/infusion-edge", "/usr/sbin/nologin")
    told = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(TMPFILES))
    assert told.returncode == 0, told.stderr
    folder = (tmp_path / "etc/infusion-edge").stat()
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid) == (0o750, 0, int(gid))
    assert int(uid) > 0
