"""The steps for a processor that this computer emulates: a Raspberry Pi's packages on a PC.

systemd boots, dpkg installs the packages with their scripts, and the programs run with their compiled libraries. What
emulation has not got is left out, and told: user namespaces, credentials of systemd's own, and the kernel's rules of
devices, addresses and system calls. `make test-boot` has those, for the computer's own processor.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.boot.bedside import LIMIT_S, NOW
from tests.boot.machine import Machine
from tests.boot.steps import Campaign

LEFT_OUT = "no user namespace, no credentials, no rules of devices, addresses and system calls"
NO_SERVICES = {"trixie": "its systemd starts no service here: NEITHER service, alarm, station NOR removal is tried"}
"""Suites whose systemd does not come up under emulation (257 under qemu 7.2: no mounts, no journal)."""

SLOWNESS = 15.0
"""Times a processor of its own: what starts in 1 s needs 9 s of emulation, and other things run beside it."""

PROCESSORS = {"arm64": "qemu-aarch64"}
"""The name of each in binfmt_misc."""

BINFMT = Path("/proc/sys/fs/binfmt_misc")
TOOLS = {
    "qemu-aarch64-static": "qemu-user-static",
    "update-binfmts": "binfmt-support",
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",
}

EVERY_SERVICE = """\
[Service]
LoadCredential=
PrivateUsers=no
WatchdogSec=300
TimeoutStartSec=900
TimeoutStopSec=225
"""
"""A drop-in of every service, before the machine boots."""

LOADED = """
import importlib, importlib.machinery, os, sys
top = sys.argv[1]
sys.path.append(top)
ours = (importlib.machinery.EXTENSION_SUFFIXES[0], ".abi3.so")
found = []
for folder, _, names in os.walk(top):
    for name in names:
        for end in ours:
            if name.endswith(end):
                found.append(os.path.relpath(os.path.join(folder, name[: -len(end)]), top).replace("/", "."))
for name in found:
    importlib.import_module(name)
print(*sorted(found))
"""
LACKS = "import sys; sys.path.append('/usr/lib/infusion-edge'); from edge.pins import lacks; print(lacks())"
"""By the package's own word."""

IN_BOTH = {"_cffi_backend", "cryptography.hazmat.bindings._rust", "pydantic_core._pydantic_core"}
PINS_OF = {"3.11": "", "3.13": "lgpio"}
"""What each Debian lacks for the pins: Raspberry Pi OS 13 has a python3-lgpio of its own."""

RELAY = "\n[annunciator]\nrelay = 24\n"


def lack(arch: str) -> str:
    """Have this computer run programs of another processor; say why it cannot, empty where it can."""
    name = PROCESSORS.get(arch)
    if name is None:
        return f"nothing here emulates {arch}"
    if (BINFMT / name).exists():
        return ""
    for command in (["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], ["update-binfmts", "--enable", name]):
        # The first fails where it is mounted already, the second where systemd has seen to it.
        subprocess.run(command, check=False, capture_output=True)
    return "" if (BINFMT / name).exists() else f"this kernel or container cannot run programs of {arch} (binfmt_misc)"


class Emulated(Campaign):
    """The same campaign, without what only the computer's own processor can show."""

    def __init__(self, machine: Machine, packages: Path, arch: str, suite: str) -> None:
        super().__init__(machine, packages, arch)
        self._services = suite not in NO_SERVICES
        machine.write("/etc/systemd/system/service.d/emulated.conf", EVERY_SERVICE)

    def steps(self) -> list[Callable[[], str]]:
        """Return the steps; without services those alone that need none."""
        without = [self.installed_but_not_started, self.compiled_libraries_load, self.first_configuration]
        if not self._services:
            return without
        return [
            *without,
            self.starts_at_boot_and_alarms,
            self.killed,
            self.relay_without_pins,
            self.station,
            self.removed,
            self.purged,
        ]

    def compiled_libraries_load(self) -> str:
        """Every compiled library of both packages is loaded by the Python that is there."""
        self._dpkg("--install", self._deb("infusion-station", NOW))
        told = []
        for package in ("infusion-edge", "infusion-station"):
            loaded = self._machine.out("python3", "-IS", "-c", LOADED, f"/usr/lib/{package}").split()
            self._expect(set(loaded) >= IN_BOTH, f"{package} loads only {loaded}")
            told.append(f"{package} {len(loaded)}")
            said = self._machine.out(package, "--version")
            self._expect(said == f"{package} {NOW}", f"it says {said}")
        python = self._machine.out("python3", "-V").split()[1]
        lacking = self._machine.out("python3", "-IS", "-c", LACKS)
        self._expect(
            lacking == PINS_OF[python.rpartition(".")[0]], f"of the pins' libraries it lacks {lacking or 'none'}"
        )
        self._dpkg("--purge", "infusion-station")
        return f"{', '.join(told)}; pins: {f'{lacking} is not there' if lacking else 'all there'}"

    def first_configuration(self) -> str:
        """`init` writes a configuration that `check-config` takes."""
        bed = "--bed bed-1=Window --device bed-1=ivy-450c@/dev/ttyUSB0"
        words = f"--site demo --edge pi-1 {bed} --run-dir /opt/run /opt/first"
        self._machine.run("mkdir", "-p", "/opt/first", "/opt/run")
        self._machine.run("infusion-edge", "init", *words.split())
        said = self._machine.run(
            "infusion-edge", "check-config", "/opt/first/edge.toml", "--run-dir", "/opt/run"
        ).stdout
        self._expect("Window" in said, f"it shows {said}")
        return "written, and taken"

    def starts_at_boot_and_alarms(self) -> str:
        """It starts with the machine, logs in at the broker over TLS, and the alarm of the dose is at a subscriber."""
        machine = self._machine
        self._furnish()
        machine.off()
        machine.boot()
        machine.wait(lambda: self._state("ActiveState") == "active", LIMIT_S, "it did not start at boot")
        took_s = self._alarm_comes()
        return f"alarm at the broker {took_s:.1f} s after the start; {self._state('StatusText')}"

    def relay_without_pins(self) -> str:
        """A nurse call that cannot be driven is an alarm, and the doctor says what is missing."""
        machine = self._machine
        machine.wait(lambda: "ANNUNCIATOR_FAILED" in self._standing(), LIMIT_S, "no alarm of the relay")
        rows = json.loads(machine.run("infusion-edge", "doctor", "--json", check=False).stdout)
        wrong = {row["check"]: row["text"] for row in rows if row["level"] == "error"}
        self._expect(wrong.get("nurse call", "").startswith("its relay cannot be driven"), f"it found {rows}")
        self._expect(wrong.get("bedside", "").startswith("this computer has no pins"), f"it found {rows}")
        self._same_alarm()
        return f"an alarm; the doctor: {wrong['bedside']}"

    # --- what is otherwise than on the computer's own processor -------------------------------------------------------

    def _configuration(self) -> str:
        return super()._configuration() + RELAY

    def _on_the_ward(self, text: str, username: str) -> str:
        return super()._on_the_ward(text, username).replace("credential:broker-password", "broker.password")

    def _hand_over(self, package: str, files: str) -> None:
        for name in ("ca.crt", "broker.password"):
            self._machine.run("install", "-m", "640", "-g", package, f"{files}/{name}", f"/etc/{package}/")

    def _exposure(self, unit: str, tenths_max: int) -> str:
        return f"exposure not judged ({unit}, {tenths_max / 10})"

    def _dpkg(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._machine.run("dpkg", *words, check=check)
