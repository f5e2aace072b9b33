"""A Debian that is booted in a container of systemd's own, for one campaign; nothing of it is left afterwards.

The root is made once and kept in .cache/boot; each campaign writes into a layer over it, in memory.
It must run in a mount namespace of its own (`unshare --mount`), which the campaign takes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from edge.clock import Clock

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".cache/boot"
PACKAGES = ("systemd", "systemd-sysv", "udev", "python3", "mosquitto", "mosquitto-clients")
NSPAWN = (
    *("systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--quiet"),
    # Without these the systemd inside cannot hold a unit to its devices and addresses, and says nothing of it.
    *("--system-call-filter=bpf", "--capability=CAP_BPF,CAP_SYS_RESOURCE"),
)
GROUPS = Path("/sys/fs/cgroup")
IN_GROUP = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
BOOT_LIMIT_S = 60.0
OFF_LIMIT_S = 30.0
COMMAND_LIMIT_S = 120.0
LOOK_S = 0.2
mono_s = Clock().mono_s


class BootError(Exception):
    """The machine did not do what it should; the text says what it did."""


def base(suite: str, say: Callable[[str], None], other_arch: str = "") -> Path:
    """Return the root of a Debian, of this processor or of another one, made now if it was not before."""
    kept = KEPT / (f"{suite}-{other_arch}" if other_arch else suite)
    if kept.is_dir():
        return kept
    say(f"making a Debian ({kept.name}), once; some minutes")
    making = KEPT / f"{kept.name}.{os.getpid()}"
    making.parent.mkdir(parents=True, exist_ok=True)
    # What debootstrap works out in the new root takes hours where that is emulated; mmdebstrap has apt do it outside.
    words = ["mmdebstrap", "--format=directory", f"--architectures={other_arch}"] if other_arch else ["debootstrap"]
    command = [*words, "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(making)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
            raise BootError(f"{words[0]} failed:\n{said}")
        shutil.rmtree(making / "var/cache/apt/archives", ignore_errors=True)
        making.rename(kept)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return kept


class Machine:
    """One machine: its files, and what is done in it while it runs. With ``slowness`` all limits are as much longer."""

    def __init__(self, lower: Path, folder: Path, slowness: float = 1.0) -> None:
        self._folder = folder
        self.slowness = slowness
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        # Of its own: two machines in one would share their units' groups, and neither could kill what is in them.
        self._group = GROUPS / f"test-boot-{os.getpid()}"
        self.files = folder / "root"
        _mount("-t", "tmpfs", "none", str(folder))
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        layers = f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work"
        _mount("-t", "overlay", "overlay", "-o", layers, str(self.files))
        # systemd-nspawn wants a /run/systemd and the new hierarchy of cgroups, which this machine may have elsewhere.
        Path("/run/systemd").mkdir(exist_ok=True)
        _mount("-t", "tmpfs", "none", "/run/systemd")
        _mount("-t", "cgroup2", "none", "/sys/fs/cgroup")

    def bare(self) -> None:
        """Leave of a copy of this computer only what the campaign needs: nothing of it starts but the broker."""
        etc = self.files / "etc"
        # Images of containers forbid their packages to start anything, by the last of these.
        for name in ("etc/fstab", "etc/machine-id", "var/lib/mosquitto/mosquitto.db", "usr/sbin/policy-rc.d"):
            (self.files / name).unlink(missing_ok=True)
        (etc / "machine-id").touch()
        for wanted in (etc / "systemd/system").glob("*.wants/*"):
            wanted.unlink()
        broker = etc / "systemd/system/multi-user.target.wants/mosquitto.service"
        broker.parent.mkdir(parents=True, exist_ok=True)
        broker.symlink_to("/lib/systemd/system/mosquitto.service")

    def boot(self) -> None:
        """Start it, and wait until its systemd has started all that it was to start."""
        self._group.mkdir(exist_ok=True)
        command = [*NSPAWN, f"--directory={self.files}", "--boot"]
        with (self._folder / "console").open("ab") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", IN_GROUP, str(self._group), *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        self.wait(self._is_up, BOOT_LIMIT_S, "it did not boot")

    def off(self) -> None:
        """Switch it off in good order, or kill it."""
        if self._nspawn is None:
            return
        if self._leader:
            self.run("systemctl", "poweroff", "--no-block", check=False)
        try:
            self._nspawn.wait(OFF_LIMIT_S * self.slowness)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn, self._leader = None, 0
        for group in (*sorted(self._group.rglob("*/"), reverse=True), self._group):
            with contextlib.suppress(OSError):  # what the kernel has not yet emptied goes with the computer
                group.rmdir()

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root. With ``check``, raises `BootError` where it fails."""
        done = subprocess.run(
            ["nsenter", f"--target={self._leader}", "--all", "--wd=/", *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S * self.slowness,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        )
        if check and done.returncode != 0:
            raise BootError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def out(self, *command: str) -> str:
        """Return what a command said, whatever its exit status."""
        return self.run(*command, check=False).stdout.strip()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of it."""
        file = self.files / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def wait(self, condition: Callable[[], bool], limit_s: float, otherwise: str) -> float:
        """Wait for a condition; return how many seconds that took. Raises `BootError` past the limit."""
        begun_s, limit_s = mono_s(), limit_s * self.slowness
        while not condition():
            if mono_s() - begun_s > limit_s:
                raise BootError(f"{otherwise} within {limit_s:g} s")
            time.sleep(LOOK_S)
        return mono_s() - begun_s

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            console = (self._folder / "console").read_text(encoding="utf-8", errors="replace")
            raise BootError(f"systemd-nspawn ended:\n{console[-1000:]}")
        children = (
            Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text(encoding="ascii").split()
        )
        if not children:
            return False
        self._leader = int(children[0])
        return self.out("systemctl", "is-system-running") in {"running", "degraded"}


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)
