"""`make test-boot`: the packages in a Debian that is booted by systemd, with a broker, simulated devices, and faults.

It needs root, debootstrap and systemd-nspawn; without them it says loudly that it was skipped. Every step says what
holds, and how long it took.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.boot.machine import ROOT, BootError, Machine, base, mono_s

EXIT_FAILED = 1
TOOLS = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "unshare": "util-linux"}
SUITES = ("bookworm", "trixie")
UNIT = "infusion-edge.service"
PREFIX = "infusion/v1/demo/edge/pi-1"
ALARM = f"{PREFIX}/bed/bed-1/alarm/DOSE_RATE_HIGH.bed-1-pump.11"
STATE = "/var/lib/infusion-edge"
EXPOSURE_MAX = 16
"""Tenths, as in tests/packaging/test_systemd.py."""

LIMIT_S = 30.0
WATCHDOG_LIMIT_S = 60.0
"""20 s without a sign, what the abort takes, and a second to the next start."""

LATER = "0.1.1"
SECRET = "of-the-boot-test"  # noqa: S105 - for one broker in one container
BROKER = """\
listener 1883 127.0.0.1
allow_anonymous false
password_file /etc/mosquitto/passwords
"""
SIMULATOR = """\
[Unit]
Before=infusion-edge.service
[Service]
User=infusion-edge
Environment=PYTHONPATH=/opt/simulators:/usr/lib/infusion-edge
Restart=on-failure
ExecStart=/usr/bin/python3 -c 'from simulators.cli import main; main()' {words} --link /var/lib/infusion-edge/{link}
[Install]
WantedBy=multi-user.target
"""
SIMULATORS = {
    "bed-1-pump": "space --rate 20 --serial-number 012345",
    "bed-1-monitor": "ivy",
    "bed-2-pump": "space --rate 7 --serial-number 012346",
    "bed-2-monitor": "ivy",
}
"""20 mL/h of 10 mg/mL for 70 kg: 2.9 mg/kg/h, above the hard limit of 2.5."""


class Campaign:
    """What is done in one machine, in this order; each method is a step."""

    def __init__(self, machine: Machine, packages: Path, arch: str) -> None:
        self._machine = machine
        self._packages = packages
        self._arch = arch
        self._occurrence = ""

    def steps(self) -> list[Callable[[], str]]:
        """Return the steps."""
        return [
            self.installed_but_not_started,
            self.closed_off,
            self.starts_at_boot_and_alarms,
            self.killed,
            self.frozen,
            self.broker_away,
            self.wrong_configuration,
            self.full_state_disk,
            self.upgrade_refused_and_done,
            self.station,
            self.stopped,
            self.removed,
            self.purged,
        ]

    # --- the steps ----------------------------------------------------------------------------------------------------

    def installed_but_not_started(self) -> str:
        """The package installs, makes its user, and waits for a configuration."""
        said = self._dpkg("--install", self._deb("infusion-edge", "0.1.0")).stdout
        self._expect("Write /etc/infusion-edge/edge.toml" in said, f"it said: {said}")
        self._expect(self._state("UnitFileState") == "enabled", "it is not enabled")
        self._expect(self._state("ActiveState") == "inactive", "it was started without a configuration")
        self._expect("dialout" in self._machine.out("id", "-Gn", "infusion-edge"), "its user may not use serial ports")
        version = self._machine.out("python3", "-V")
        self._machine.run("infusion-edge", "ports")
        return version

    def closed_off(self) -> str:
        """systemd takes the unit as installed, and finds it closed off."""
        self._machine.run("systemd-analyze", "verify", "--man=no", f"/usr/lib/systemd/system/{UNIT}")
        words = ("systemd-analyze", "security", f"--threshold={EXPOSURE_MAX}", UNIT)
        told = self._machine.run(*words).stdout.strip().splitlines()[-1]
        found = re.search(r"[0-9]+\.[0-9]+", told)
        return f"exposure {found[0] if found else told}"

    def starts_at_boot_and_alarms(self) -> str:
        """With configuration, broker and devices it starts with the machine, logs in with a credential, and alarms."""
        machine = self._machine
        machine.write("/etc/mosquitto/conf.d/ward.conf", BROKER)
        machine.run("mosquitto_passwd", "-b", "-c", "/etc/mosquitto/passwords", "edge", SECRET)
        machine.run("chown", "mosquitto", "/etc/mosquitto/passwords")
        machine.write("/etc/credstore/infusion-edge.broker-password", SECRET, 0o600)
        machine.write("/etc/infusion-edge/edge.toml", self._configuration())
        machine.run("mkdir", "-p", STATE)
        machine.write("/etc/fstab", f"none {STATE} tmpfs size=24m,mode=0700,uid=infusion-edge 0 0\n")
        shutil.copytree(ROOT / "simulators", machine.files / "opt/simulators/simulators")
        for link, words in SIMULATORS.items():
            machine.write(f"/etc/systemd/system/sim-{link}.service", SIMULATOR.format(words=words, link=link))
        machine.run("systemctl", "enable", *(f"sim-{link}.service" for link in SIMULATORS))
        machine.off()
        machine.boot()
        machine.wait(lambda: self._state("ActiveState") == "active", LIMIT_S, "it did not start at boot")
        status = self._state("StatusText")
        self._expect("watching 2 beds" in status, f"its status is {status}")
        took_s = machine.wait(lambda: bool(self._alarm()), LIMIT_S, "no alarm of the dose")
        self._occurrence = self._alarm()["occurrence"]
        return f"alarm {took_s:.1f} s after the start; {status}"

    def killed(self) -> str:
        """kill -9: it is started again, and what stood stands."""
        before = self._restarts()
        self._machine.run("systemctl", "kill", "--signal=KILL", UNIT)
        return self._comes_back(before, LIMIT_S)

    def frozen(self) -> str:
        """A process that stands still is ended by the watchdog, and started again."""
        before = self._restarts()
        self._machine.run("systemctl", "kill", "--signal=STOP", UNIT)
        said = self._comes_back(before, WATCHDOG_LIMIT_S)
        log = self._machine.out("journalctl", "-b", "-u", UNIT, "--no-pager", "-o", "cat")
        self._expect("Watchdog timeout" in log, "the watchdog did not speak")
        return said

    def broker_away(self) -> str:
        """Without the broker an alarm stands here; when it is back, all that is so is said again."""
        machine = self._machine
        machine.run("systemctl", "stop", "mosquitto")
        took_s = machine.wait(lambda: "NORTHBOUND_LOST" in self._standing(), LIMIT_S, "no alarm of the lost broker")
        machine.run("systemctl", "start", "mosquitto")
        back_s = machine.wait(lambda: self._heard(f"{PREFIX}/status").get("state") == "running", LIMIT_S, "not back")
        self._same_alarm()
        return f"alarm after {took_s:.1f} s, back after {back_s:.1f} s"

    def wrong_configuration(self) -> str:
        """A configuration that cannot be used: the last good one is watched by, and an alarm says so."""
        machine, path = self._machine, "/etc/infusion-edge/edge.toml"
        machine.write(path, self._configuration().replace("[[bed]]", "[[bedd]]", 1))
        machine.run("systemctl", "restart", UNIT)
        machine.wait(lambda: "CONFIG_INVALID" in self._standing(), LIMIT_S, "no alarm of the configuration")
        self._same_alarm()
        machine.write(path, self._configuration())
        machine.run("systemctl", "restart", UNIT)
        machine.wait(lambda: bool(self._standing()) and "CONFIG_INVALID" not in self._standing(), LIMIT_S, "it stands")
        self._same_alarm()
        return "watched by the last good copy"

    def full_state_disk(self) -> str:
        """A full disk is an alarm, and stops nothing; when there is room again it ends."""
        machine = self._machine
        machine.run("dd", "if=/dev/zero", f"of={STATE}/ballast", "bs=64k", check=False)
        machine.run("dd", "if=/dev/zero", f"of={STATE}/ballast.rest", "bs=512", check=False)
        machine.run("infusion-edge", "test-alarm", check=False)
        machine.run("infusion-edge", "pause", "bed-1", check=False)
        took_s = machine.wait(lambda: "STORE_FAILED" in self._standing(), LIMIT_S, "no alarm of the full disk")
        self._expect(self._heard(f"{PREFIX}/status").get("state") == "running", "it stopped")
        machine.run("rm", f"{STATE}/ballast", f"{STATE}/ballast.rest")
        machine.wait(lambda: "STORE_FAILED" not in self._standing(), LIMIT_S, "it stands although there is room")
        self._same_alarm()
        return f"alarm after {took_s:.1f} s"

    def upgrade_refused_and_done(self) -> str:
        """An upgrade is refused while a bed has a patient, and with the word it keeps alarms and configuration."""
        machine, later = self._machine, self._deb("infusion-edge", LATER)
        before = self._state("MainPID")
        self._refused(self._dpkg("--install", later, check=False))
        self._refused(machine.run("infusion-edge", "stop", check=False))
        self._expect(self._state("MainPID") == before, "the refused upgrade touched the service")
        self._expect(self._version() == "0.1.0", "the refused upgrade was done")
        edited = f"{self._configuration()}\n# of this site\n"
        machine.write("/etc/infusion-edge/edge.toml", edited)
        drugs = machine.files / "etc/infusion-edge/drugs.toml"
        drugs.write_text(f"{drugs.read_text(encoding='utf-8')}\n# of this site\n", encoding="utf-8")
        machine.run("infusion-edge", "stop", "--with-patients")
        self._dpkg("--install", later)
        machine.wait(lambda: self._state("ActiveState") == "active", LIMIT_S, "not started again")
        self._expect(self._version() == LATER, "it was not upgraded")
        for name in ("edge.toml", "drugs.toml"):
            text = (machine.files / "etc/infusion-edge" / name).read_text(encoding="utf-8")
            self._expect(text.endswith("# of this site\n"), f"the upgrade touched {name}")
        self._same_alarm()
        return "refused, then done; the same alarm stands"

    def station(self) -> str:
        """The station has its package, its unit and its page."""
        machine = self._machine
        self._dpkg("--install", self._deb("infusion-station", "0.1.0"))
        text = (ROOT / "config/station.toml").read_text(encoding="utf-8")
        login = '[broker]\nusername = "edge"\npassword_file = "credential:broker-password"\n'
        machine.write("/etc/infusion-station/station.toml", text.replace("[broker]\n", login, 1))
        machine.write("/etc/credstore/infusion-station.broker-password", SECRET, 0o600)
        machine.run("systemctl", "start", "infusion-station")
        fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/').status)"
        self._expect(machine.out("python3", "-c", fetch) == "200", "its page is not served")
        told = machine.run("systemd-analyze", "security", "--threshold=15", "infusion-station.service").stdout
        self._dpkg("--purge", "infusion-station")
        self._nothing_left("infusion-station")
        found = re.search(r"[0-9]+\.[0-9]+", told.strip().splitlines()[-1])
        return f"page served; exposure {found[0] if found else '?'}"

    def stopped(self) -> str:
        """A bare systemctl stop is caught: the station is told."""
        self._machine.run("systemctl", "stop", UNIT)
        self._expect(self._heard(f"{PREFIX}/status").get("state") == "stopped", "nobody is told that it was stopped")
        self._machine.run("systemctl", "start", UNIT)
        self._same_alarm()
        return "the broker says stopped"

    def removed(self) -> str:
        """A removal is refused while a bed has a patient; with the word it stops, and leaves what is the site's."""
        before = self._state("MainPID")
        self._refused(self._dpkg("--remove", "infusion-edge", check=False))
        self._expect(self._state("MainPID") == before, "the refused removal touched the service")
        self._machine.run("infusion-edge", "stop", "--with-patients")
        self._dpkg("--remove", "infusion-edge")
        for path in ("etc/infusion-edge/edge.toml", STATE.lstrip("/") + "/edge.db"):
            self._expect(self._machine.run("test", "-e", f"/{path}", check=False).returncode == 0, f"{path} is gone")
        self._expect(not (self._machine.files / "usr/lib/infusion-edge").exists(), "the program is still there")
        return "refused, then done"

    def purged(self) -> str:
        """A purge leaves nothing."""
        machine = self._machine
        machine.run("systemctl", "stop", *(f"sim-{link}.service" for link in SIMULATORS))
        machine.run("umount", STATE)
        self._dpkg("--purge", "infusion-edge")
        machine.run("sh", "-c", "rm -rf /etc/systemd/system/sim-* /etc/systemd/system/*/sim-*")
        machine.run("rm", "-r", "/opt/simulators", "/etc/fstab")
        self._nothing_left("infusion-edge")
        return "nothing left"

    # --- what they have in common -------------------------------------------------------------------------------------

    @staticmethod
    def _configuration() -> str:
        text = (ROOT / "config/edge.toml").read_text(encoding="utf-8")
        login = '[broker]\nusername = "edge"\npassword_file = "credential:broker-password"\n'
        return text.replace("[broker]\n", login, 1)

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise BootError(otherwise)

    def _deb(self, package: str, version: str) -> str:
        name = f"{package}_{version}_{self._arch}.deb"
        target = self._machine.files / "opt" / name
        if not target.exists():
            shutil.copyfile(self._packages / name, target)
        return f"/opt/{name}"

    def _dpkg(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._machine.run("dpkg", *words, check=check)

    def _version(self) -> str:
        return self._machine.out("dpkg-query", "--show", "--showformat=${Version}", "infusion-edge")

    def _state(self, name: str) -> str:
        return self._machine.out("systemctl", "show", "--value", f"--property={name}", UNIT)

    def _restarts(self) -> int:
        return int(self._state("NRestarts"))

    def _heard(self, topic: str) -> dict[str, Any]:
        """Return a retained message; empty where there is none."""
        words = ("-h", "127.0.0.1", "-u", "edge", "-P", SECRET, "-C", "1", "-W", "3", "-t", topic)
        done = self._machine.run("mosquitto_sub", *words, check=False)
        said = done.stdout.strip()
        found: dict[str, Any] = json.loads(said) if said.startswith("{") else {}
        return found

    def _alarm(self) -> dict[str, Any]:
        return self._heard(ALARM)

    def _standing(self) -> str:
        return self._machine.out("infusion-edge", "alarms", "--json")

    def _same_alarm(self) -> None:
        def same() -> bool:
            return self._occurrence in self._standing() and self._alarm().get("occurrence") == self._occurrence

        self._machine.wait(same, LIMIT_S, "the alarm that stood does not stand")

    def _comes_back(self, before: int, limit_s: float) -> str:
        def is_back() -> bool:
            return self._restarts() == before + 1 and self._state("ActiveState") == "active"

        took_s = self._machine.wait(is_back, limit_s, "it was not started again")
        self._same_alarm()
        return f"back after {took_s:.1f} s, the same alarm stands"

    def _refused(self, done: subprocess.CompletedProcess[str]) -> None:
        said = done.stdout + done.stderr
        self._expect(done.returncode != 0, f"it was not refused: {said}")
        self._expect("refused: nobody would watch these patients" in said, f"it was refused otherwise: {said}")
        self._expect("infusion-edge stop --with-patients" in said, "it does not say the word")

    def _nothing_left(self, name: str) -> None:
        # /run is the machine's until it is switched off; a log stays.
        kept = " -o ".join(f"-path {path}" for path in ("/proc", "/sys", "/opt", "/run", "/var/log"))
        left = self._machine.out(*f"find / -xdev ( {kept} ) -prune -o -name *{name}* -print".split())
        self._expect(not left, f"left: {left}")
        self._expect(self._machine.out("getent", "passwd", name) == "", "its user is left")
        self._expect(self._machine.out("getent", "group", name) == "", "its group is left")


def main() -> int:
    """Build the packages, boot a machine, and take every step."""
    parser = argparse.ArgumentParser(prog="make test-boot", description="The packages in a Debian that is booted.")
    parser.add_argument("--suite", choices=SUITES, default=SUITES[0], help="the Debian (default: %(default)s)")
    options = parser.parse_args()
    if reason := _lack():
        print(f"test-boot: SKIPPED, nothing was tested: {reason}", file=sys.stderr)
        return 0
    if os.environ.get("INFUSION_BOOT_NAMESPACE") != "1":
        # Its mounts are seen by nobody else, and are gone when it ends, however it ends.
        os.environ["INFUSION_BOOT_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-m", "tests.boot.campaign", *sys.argv[1:]])  # noqa: S606
    begun_s = mono_s()
    try:
        _campaign(options.suite)
    except (BootError, subprocess.SubprocessError, OSError) as error:
        print(f"test-boot: FAILED: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(f"test-boot: all held on {options.suite}, in {mono_s() - begun_s:.0f} s")
    return 0


def _lack() -> str:
    """Say what is missing for it; empty where nothing is."""
    if os.geteuid() != 0:
        return "it needs root (sudo make test-boot)"
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing and subprocess.run([ROOT / "scripts/debian", *missing], check=False).returncode != 0:
        return f"these could not be installed: {', '.join(missing)}"
    return ""


def _say(text: str) -> None:
    print(text, flush=True)


def _campaign(suite: str) -> None:
    arch = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="test-boot-") as folder:
        packages, stage = Path(folder) / "packages", Path(folder) / "machine"
        stage.mkdir()
        _build(packages, arch)
        lintian = _begin_lintian(packages)
        machine = Machine(base(suite, _say), stage)
        try:
            machine.boot()
            for step in Campaign(machine, packages, arch).steps():
                _take(machine, step)
            _end_lintian(lintian)
        finally:
            machine.off()
            for mounted in ("root", ""):
                subprocess.run(["umount", str(stage / mounted)], check=False)


def _build(packages: Path, arch: str) -> None:
    begun_s = mono_s()
    # Lightly packed: what is in them is the same, and they are thrown away.
    build = [sys.executable, str(ROOT / "debian/build.py"), "--arch", arch, "--out", str(packages), "--level=0"]
    for words in ((), ("--version", LATER, "infusion-edge")):
        subprocess.run([*build, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
