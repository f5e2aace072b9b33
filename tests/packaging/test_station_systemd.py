"""The station's unit is one that systemd takes as it stands, and is closed off."""

import json
import os
import shlex
import stat
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from station.cli import EXIT_CONFIG
from station.mqtt import PUBLISH_LIMIT_S
from station.run import STOP_LIMIT_S
from station.service import BEAT_S
from tests.packaging.test_systemd import OFFLINE_SINCE, run, version

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "infusion-station.service"
EXPOSURE_MAX = 12
"""Tenths: a network, and nothing else; 95 is a bare unit."""


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def test_systemd_takes_it_as_it_stands(tmp_path: Path) -> None:
    program = settings()["ExecStart"][0].split()[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(program, sys.executable), encoding="utf-8")
    told = run("systemd-analyze", "verify", "--man=no", str(copy))
    assert [line for line in told.stderr.splitlines() if UNIT.name in line] == []
    assert told.returncode == 0


def test_it_is_closed_off_but_for_the_network() -> None:
    if version() < OFFLINE_SINCE:
        pytest.skip(f"systemd {version()} cannot judge a unit file; {OFFLINE_SINCE} can")
    told = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(UNIT))
    assert told.returncode == 0, told.stdout
    rows = json.loads(run("systemd-analyze", "security", "--offline=true", "--json=short", str(UNIT)).stdout)
    left = {row["json_field"] for row in rows if row["exposure"] and float(row["exposure"]) > 0}
    assert left <= {
        "PrivateNetwork", "RestrictAddressFamilies_AF_INET_INET6", "IPAddressDeny",  # the broker and the screens
        "RestrictAddressFamilies_AF_UNIX",  # telling systemd
        "DeviceAllow",  # /dev/null and the like
        "RootDirectoryOrRootImage",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "notify"),
        ("Restart", "always"),
        ("StartLimitIntervalSec", "0"),
        ("RestartPreventExitStatus", str(EXIT_CONFIG)),
        ("User", "infusion-station"),
        ("ProtectSystem", "strict"),
        ("PrivateDevices", "yes"),
        ("CapabilityBoundingSet", ""),
        ("WantedBy", "multi-user.target"),
    ],
)
def test_it_says(name: str, value: str) -> None:
    assert settings()[name] == [value]


def test_its_times_are_those_of_the_code() -> None:
    assert int(settings()["WatchdogSec"][0]) > 5 * BEAT_S
    assert int(settings()["TimeoutStopSec"][0]) > PUBLISH_LIMIT_S + STOP_LIMIT_S


def test_its_command_is_one_and_a_missing_file_ends_it_for_good(tmp_path: Path) -> None:
    _, *arguments = shlex.split(settings()["ExecStart"][0])
    arguments = [str(tmp_path / "station.toml") if word.endswith(".toml") else word for word in arguments]
    told = run(sys.executable, "-m", "station.cli", *arguments)
    assert told.returncode == EXIT_CONFIG, told.stderr


def test_user_and_folder_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    sysusers, tmpfiles = SYSTEMD / "infusion-station.sysusers.conf", SYSTEMD / "infusion-station.tmpfiles.conf"
    assert run("systemd-sysusers", "--dry-run", f"--root={tmp_path}", str(sysusers)).returncode == 0
    if os.geteuid() != 0:
        pytest.skip("making users in a folder needs root; the file was parsed")
    assert run("systemd-sysusers", f"--root={tmp_path}", str(sysusers)).returncode == 0
    name, _, _, gid, *_ = (tmp_path / "etc/passwd").read_text(encoding="utf-8").split(":")
    assert name == "infusion-station"
    told = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(tmpfiles))
    assert told.returncode == 0, told.stderr
    folder = (tmp_path / "etc/infusion-station").stat()
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid) == (0o750, 0, int(gid))
