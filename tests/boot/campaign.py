"""`make test-boot`: the packages in a Debian that is booted by systemd, with a broker, simulated devices, and faults.

It needs root, debootstrap and systemd-nspawn; without them it says loudly that it was skipped. Every step says what
holds, and how long it took. ``--here`` boots a copy of this computer's own root, in a layer of memory over it: so does
tests/boot/test_here.py in `make test`. ``--arch arm64`` boots another processor's Debian under emulation.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.boot import emulated
from tests.boot.bedside import LATER, UNIT
from tests.boot.emulated import Emulated
from tests.boot.machine import ROOT, BootError, Machine, base, mono_s
from tests.boot.steps import Campaign

EXIT_FAILED = 1
EXIT_LACKS = 77
"""As automake has it: nothing was tested."""

EXIT_UNFETCHED = 75
"""Of debian/build.py: no index of packages that it could reach."""

TOOLS_HERE = {"systemd-nspawn": "systemd-container", "unshare": "util-linux", "mosquitto": "mosquitto"}
PYTHONS_HERE = ("Python 3.11.", "Python 3.13.")
"""Whose libraries are in the package."""

MOUNTS = """
set -e
mount -t tmpfs none /run/systemd
mount -t cgroup2 none /sys/fs/cgroup
mkdir /run/systemd/upper /run/systemd/work /run/systemd/root
mount -t overlay overlay -o lowerdir=/,upperdir=/run/systemd/upper,workdir=/run/systemd/work /run/systemd/root
"""
"""What a container may forbid; in a namespace of its own."""

TOOLS = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "unshare": "util-linux"}
SUITES = ("bookworm", "trixie")
ARCHS = ("amd64", "arm64")
SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class LackError(Exception):
    """This computer cannot do it, whatever is in the packages; the text says why."""


def main() -> int:
    """Build the packages, boot a machine, and take every step."""
    parser = argparse.ArgumentParser(prog="make test-boot", description="The packages in a Debian that is booted.")
    parser.add_argument("--suite", choices=SUITES, default=SUITES[0], help="the Debian (default: %(default)s)")
    parser.add_argument("--here", action="store_true", help="a copy of this root; 77 where that cannot be")
    parser.add_argument("--arch", choices=ARCHS, help="the processor (default: this one; another is emulated)")
    options = parser.parse_args()
    other = options.arch if options.arch and options.arch != _arch() else ""
    if reason := _lack_here() if options.here else _lack(other):
        print(f"test-boot: SKIPPED, nothing was tested: {reason}", file=sys.stderr)
        return EXIT_LACKS if options.here else 0
    # Whoever ends it early leaves no machine running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_FAILED))
    if os.environ.get("INFUSION_BOOT_NAMESPACE") != "1":
        # Its mounts are seen by nobody else, and are gone when it ends, however it ends.
        os.environ["INFUSION_BOOT_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-m", "tests.boot.campaign", *sys.argv[1:]])  # noqa: S606
    begun_s = mono_s()
    try:
        _here() if options.here else _campaign(options.suite, other)
    except LackError as error:
        print(f"test-boot: SKIPPED, nothing was tested: {error}", file=sys.stderr)
        return EXIT_LACKS
    except (BootError, subprocess.SubprocessError, OSError) as error:
        print(f"test-boot: FAILED: {error}", file=sys.stderr)
        return EXIT_FAILED
    where = "a copy of this root" if options.here else f"{options.suite}{f' ({other}, emulated)' if other else ''}"
    print(f"test-boot: all held on {where}, in {mono_s() - begun_s:.0f} s")
    return 0


def _lack_here() -> str:
    """Say what is missing to boot a copy of this root; empty where nothing is."""
    if os.geteuid() != 0:
        return "it needs root"
    missing = [package for tool, package in TOOLS_HERE.items() if shutil.which(tool, path=SEARCH) is None]
    if missing and subprocess.run([ROOT / "scripts/debian", *missing], check=False).returncode != 0:
        return f"these could not be installed: {', '.join(missing)}"
    python = subprocess.run(["/usr/bin/python3", "-V"], check=False, capture_output=True, text=True).stdout.strip()
    if not python.startswith(PYTHONS_HERE):
        return f"the package has no libraries for this computer's /usr/bin/python3 ({python})"
    Path("/run/systemd").mkdir(exist_ok=True)
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", MOUNTS], check=False, capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"this container may not mount: {tried.stderr.strip()}"


def _lack(other: str) -> str:
    """Say what is missing for it, and for another processor; empty where nothing is."""
    if os.geteuid() != 0:
        return "it needs root (sudo make test-boot)"
    tools = {**TOOLS, **emulated.TOOLS} if other else TOOLS
    missing = [package for tool, package in tools.items() if shutil.which(tool, path=SEARCH) is None]
    if missing and subprocess.run([ROOT / "scripts/debian", *missing], check=False).returncode != 0:
        return f"these could not be installed: {', '.join(missing)}"
    return emulated.lack(other) if other else ""


def _say(text: str) -> None:
    print(text, flush=True)


def _arch() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


def _here() -> None:
    with tempfile.TemporaryDirectory(prefix="test-boot-") as folder:
        packages, stage = Path(folder) / "packages", Path(folder) / "machine"
        stage.mkdir()
        _build(packages, _arch(), "infusion-edge")
        machine = Machine(Path("/"), stage)
        try:
            machine.bare()
            try:
                machine.boot()
            except BootError as error:
                # Nothing of ours is in it yet.
                msg = f"a copy of this root does not boot: {error}"
                raise LackError(msg) from error
            for step in Campaign(machine, packages, _arch()).steps_here():
                _take(machine, step)
        finally:
            machine.off()
            for mounted in ("root", ""):
                subprocess.run(["umount", str(stage / mounted)], check=False)


def _campaign(suite: str, other: str) -> None:
    arch = other or _arch()
    with tempfile.TemporaryDirectory(prefix="test-boot-") as folder:
        packages, stage = Path(folder) / "packages", Path(folder) / "machine"
        stage.mkdir()
        _build(packages, arch)
        lintian = _begin_lintian(packages)
        machine = Machine(base(suite, _say, other), stage, emulated.SLOWNESS if other else 1.0)
        try:
            campaign = Emulated(machine, packages, arch, suite) if other else Campaign(machine, packages, arch)
            if other:
                _say(f"  {arch} is emulated: {emulated.LEFT_OUT}")
                if less := emulated.NO_SERVICES.get(suite):
                    _say(f"  {suite}: {less}")
            machine.boot()
            for step in campaign.steps():
                _take(machine, step)
            _end_lintian(lintian)
        finally:
            machine.off()
            for mounted in ("root", ""):
                subprocess.run(["umount", str(stage / mounted)], check=False)


def _build(packages: Path, arch: str, *only: str) -> None:
    begun_s = mono_s()
    # Lightly packed: what is in them is the same, and they are thrown away.
    build = [sys.executable, str(ROOT / "debian/build.py"), "--arch", arch, "--out", str(packages), "--level=0"]
    for words in (only, ("--version", LATER, "infusion-edge")):
        done = subprocess.run(
            [*build, *words], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if done.returncode == EXIT_UNFETCHED:
            raise LackError(done.stderr.strip())
        if done.returncode != 0:
            msg = f"debian/build.py: {done.stderr.strip()}"
            raise BootError(msg)
    _say(f"  {'packages':26} {mono_s() - begun_s:5.1f} s")


def _begin_lintian(packages: Path) -> subprocess.Popen[str] | None:
    if shutil.which("lintian") is None:
        _say("  lintian is not here: the packages are NOT checked by it (apt-get install lintian)")
        return None
    command = ["lintian", "--fail-on=error", *sorted(str(path) for path in packages.glob("*_0.1.0_*.deb"))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _end_lintian(lintian: subprocess.Popen[str] | None) -> None:
    if lintian is None:
        return
    said, _ = lintian.communicate()
    if lintian.returncode != 0:
        errors = [line for line in said.splitlines() if line.startswith("E:")]
        raise BootError("\n".join(["lintian:", *errors]))
    _say("  lintian: no errors")


def _take(machine: Machine, step: Callable[[], str]) -> None:
    name, begun_s = getattr(step, "__name__", "").replace("_", " "), mono_s()
    try:
        said = step()
    except BootError as error:
        units = ("-u", UNIT, "-u", "sim-*", "-u", "infusion-station.service")
        log = machine.out("journalctl", "-b", *units, "--no-pager", "-o", "cat", "-n", "20")
        raise BootError(f"{name}: {error}\nwhat was said last:\n{log}") from error
    _say(f"  {name:26} {mono_s() - begun_s:5.1f} s  {said}")


if __name__ == "__main__":
    sys.exit(main())
