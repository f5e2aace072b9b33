"""The bedside computer of the boot test: what is on it, and how it is looked at from inside and from its broker."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.boot.machine import ROOT, BootError, Machine

UNIT = "infusion-edge.service"
PREFIX = "infusion/v1/demo/edge/pi-1"
ALARM = f"{PREFIX}/bed/bed-1/alarm/DOSE_RATE_HIGH.bed-1-pump.11"
STATE = "/var/lib/infusion-edge"
EXAMPLES = "/usr/share/doc/infusion-edge/examples"
NOW, LATER = "0.1.0", "0.1.1"
HEAR_LIMIT_S = 3.0
LIMIT_S = 60.0
"""A start takes a second or two, and many times that on a machine that tests other things beside."""

WATCHDOG_LIMIT_S = 60.0
"""20 s without a sign, what the abort takes, and a second to the next start."""

BROKER = "10.9.9.9"
"""For the bedside it is another computer: an address that its own unit does not allow."""

FILES = "/opt/ward"
READER = "boot-test"
"""The station that this campaign reads as. Two of one name would throw each other out."""

HEAR = """
import sys
sys.path.append("/usr/lib/infusion-edge")
from paho.mqtt import subscribe
login = {"username": sys.argv[1], "password": sys.argv[2]}
print(subscribe.simple(sys.argv[3], hostname="127.0.0.1", auth=login).payload.decode())
"""
"""By the package's own library: not every Debian has a client of a broker."""

NETWORK = """\
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -c 'import fcntl, socket; fcntl.ioctl(socket.socket(), 0x8916, \
    b"lo:1".ljust(16, b"\\0") + b"\\2\\0\\0\\0" + socket.inet_aton("{address}") + bytes(8))'
[Install]
WantedBy=sysinit.target
"""
"""0x8916: SIOCSIFADDR. A container that is cut off has no other way to another address."""

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


def on_the_ward(text: str, username: str) -> str:
    """Return a configuration with the broker of a ward in place of the one on this computer."""
    old = '[broker]\nhost = "127.0.0.1"\nport = 1883\n'
    new = f'[broker]\nhost = "{BROKER}"\ntls = true\nca_file = "ca.crt"\nusername = "{username}"\n'
    if old not in text:
        raise BootError("the configuration is another one than this campaign knows")
    return text.replace(old, f'{new}password_file = "credential:broker-password"\n', 1)


class Bedside:
    """One machine with its packages; what its steps have in common."""

    def __init__(self, machine: Machine, packages: Path, arch: str) -> None:
        self._machine = machine
        self._packages = packages
        self._arch = arch
        self._occurrence = ""

    def _on_the_ward(self, text: str, username: str) -> str:
        return on_the_ward(text, username)

    def _configuration(self) -> str:
        return self._on_the_ward((ROOT / "config/edge.toml").read_text(encoding="utf-8"), "edge-pi-1")

    def _furnish(self) -> None:
        """Write what a site writes: the broker with TLS and access list, the edge's configuration; and the devices."""
        machine = self._machine
        names = f"--site demo --edge pi-1 --station ward-desk --station {READER} --host {BROKER}"
        machine.run("infusion-edge", "broker-files", FILES, *names.split())
        shutil.copyfile(ROOT / "config/mosquitto/ward.conf", machine.files / "etc/mosquitto/conf.d/ward.conf")
        machine.run("install", "-d", "-m", "750", "-g", "mosquitto", "/etc/mosquitto/infusion")
        machine.run("sh", "-c", f"install -m 640 -g mosquitto {FILES}/broker/* /etc/mosquitto/infusion/")
        self._hand_over("infusion-edge", f"{FILES}/edge-pi-1")
        machine.write("/etc/infusion-edge/edge.toml", self._configuration())
        machine.write("/etc/systemd/system/ward-network.service", NETWORK.format(address=BROKER))
        machine.run("mkdir", "-p", STATE)
        machine.write("/etc/fstab", f"none {STATE} tmpfs size=24m,mode=0700,uid=infusion-edge 0 0\n")
        shutil.copytree(ROOT / "simulators", machine.files / "opt/simulators/simulators")
        for link, words in SIMULATORS.items():
            machine.write(f"/etc/systemd/system/sim-{link}.service", SIMULATOR.format(words=words, link=link))
        machine.run("systemctl", "enable", "ward-network", *(f"sim-{link}.service" for link in SIMULATORS))

    def _hand_over(self, package: str, files: str) -> None:
        """Give a program its authority as a file, and its password as a credential that root alone can read."""
        self._machine.run("install", "-m", "640", "-g", package, f"{files}/ca.crt", f"/etc/{package}/")
        self._machine.run("install", "-d", "-m", "700", "/etc/credstore")
        secret = f"/etc/credstore/{package}.broker-password"
        self._machine.run("install", "-m", "600", f"{files}/broker.password", secret)

    def _in_its_group(self, program: str) -> str:
        """Run a Python program as the service's user where its unit's rules of devices and addresses hold."""
        enter = f"echo $$ >/sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs"
        become = "exec setpriv --reuid=infusion-edge --regid=infusion-edge --init-groups"
        return self._machine.run("sh", "-c", f'{enter} && {become} python3 -c "$0"', program).stdout.strip()

    def _exposure(self, unit: str, tenths_max: int) -> str:
        told = self._machine.run("systemd-analyze", "security", f"--threshold={tenths_max}", unit).stdout
        found = re.search(r"[0-9]+\.[0-9]+", told.strip().splitlines()[-1])
        return f"exposure {found[0] if found else told}"

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
        # A computer that is copied may lack what a Raspberry Pi has, such as udev.
        return self._machine.run("dpkg", "--force-depends", *words, check=check)

    def _version(self) -> str:
        return self._machine.out("dpkg-query", "--show", "--showformat=${Version}", "infusion-edge")

    def _state(self, name: str) -> str:
        return self._machine.out("systemctl", "show", "--value", f"--property={name}", UNIT)

    def _restarts(self) -> int:
        return int(self._state("NRestarts"))

    def _heard(self, topic: str) -> dict[str, Any]:
        """Return a retained message; empty where there is none."""
        password = (self._machine.files / f"{FILES.lstrip('/')}/station-{READER}/broker.password").read_text("ascii")
        words = (f"station-{READER}", password.strip(), topic)
        limit_s = f"{HEAR_LIMIT_S * self._machine.slowness:g}"
        done = self._machine.run("timeout", limit_s, "python3", "-IS", "-c", HEAR, *words, check=False)
        said = done.stdout.strip()
        found: dict[str, Any] = json.loads(said) if said.startswith("{") else {}
        return found

    def _alarm(self) -> dict[str, Any]:
        return self._heard(ALARM)

    def _alarm_comes(self) -> float:
        """Wait until the alarm of the dose is at the broker, and keep which one it is; return how long that took."""

        def told() -> bool:
            self._occurrence = self._alarm().get("occurrence", "")
            return bool(self._occurrence)

        return self._machine.wait(told, LIMIT_S, "no alarm of the dose at the broker")

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
