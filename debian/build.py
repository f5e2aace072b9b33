"""Builds the Debian packages: `make deb`, or `debian/build.py --arch arm64 --out dist infusion-edge`.

A package has its own libraries for both Pythons that it serves, from the locks with their hashes. The same tree gives
the same bytes: times are those of the last commit, or of SOURCE_DATE_EPOCH. The wheels are kept in .cache/wheels, each
set under the hash of its lock.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.13")
"""Of Debian and Raspberry Pi OS 12 and 13."""

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = (36, 35, 34, 33, 32, 31, 28, 27, 26, 24, 17)
"""Minor versions of glibc 2 that wheels are made for; Debian 12 has 36."""

LEFT_OUT = {"setuptools"}
"""Libraries that others name and that nothing imports while it runs."""

NOT_MADE = {("lgpio", "arm64", "3.13")}
"""Wheels that nobody makes: with Python 3.13 the pins take Raspberry Pi OS's own python3-lgpio (edge/pins.py)."""

LOCKS = {"infusion-edge": "runtime", "infusion-station": "station"}
OF_OURS = {
    "infusion-edge": ("edge/", "drivers/"),
    "infusion-station": ("station/", "edge/__init__.py", "edge/messages/"),
}
"""What of our wheel is in each package. The simulators are in none."""

FILES = {
    "infusion-edge": {
        "systemd/infusion-edge.service": "usr/lib/systemd/system/infusion-edge.service",
        "systemd/infusion-edge.sysusers.conf": "usr/lib/sysusers.d/infusion-edge.conf",
        "systemd/infusion-edge.tmpfiles.conf": "usr/lib/tmpfiles.d/infusion-edge.conf",
        "systemd/infusion-edge.modules.conf": "usr/lib/modules-load.d/infusion-edge.conf",
        "systemd/infusion-edge.rules": "usr/lib/udev/rules.d/70-infusion-edge.rules",
        "systemd/infusion-edge-gpio.conf": "usr/share/doc/infusion-edge/examples/gpio.conf",
        "systemd/infusion-edge-network.conf": "usr/share/doc/infusion-edge/examples/network.conf",
        "config/edge.toml": "usr/share/doc/infusion-edge/examples/edge.toml",
        "config/drugs.toml": "usr/share/infusion-edge/drugs.toml",
        "config/mosquitto/mosquitto.conf": "usr/share/doc/infusion-edge/examples/mosquitto.conf",
        "config/mosquitto/ward.conf": "usr/share/doc/infusion-edge/examples/mosquitto-ward.conf",
    },
    "infusion-station": {
        "systemd/infusion-station.service": "usr/lib/systemd/system/infusion-station.service",
        "systemd/infusion-station.sysusers.conf": "usr/lib/sysusers.d/infusion-station.conf",
        "systemd/infusion-station.tmpfiles.conf": "usr/lib/tmpfiles.d/infusion-station.conf",
        "config/station.toml": "usr/share/doc/infusion-station/examples/station.toml",
    },
}
LAUNCHER = """\
#!/usr/bin/python3 -IS
# -I, -S: nothing but the system's Python and the libraries of this package is ever imported.
import sys

sys.path.append("/usr/lib/{package}")

from {program}.cli import main

sys.exit(main())
"""
MAINTAINER_SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


EXIT_UNFETCHED = 75
"""As sysexits.h has it: nothing is wrong here, and it may be otherwise later."""


class BuildError(Exception):
    """The package cannot be built; the text says why."""


class FetchError(Exception):
    """The libraries could not be fetched."""


def main() -> int:
    """Build what the command line names, and say where it is."""
    parser = argparse.ArgumentParser(description="Build the Debian packages.")
    parser.add_argument("--arch", action="append", choices=MACHINES, help="repeatable (default: all)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    parser.add_argument("--level", type=int, choices=range(10), default=6, help="of xz (default: %(default)s)")
    parser.add_argument("--version", default="", help="instead of the project's")
    parser.add_argument("package", nargs="*", choices=[*LOCKS, []], help="default: all")
    options = parser.parse_args()
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or _of_last_commit()
    version = options.version or tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            wheel = _wheel(Path(folder))
            for package in options.package or LOCKS:
                for arch in options.arch or MACHINES:
                    _say(f"{package} {version} {arch}: libraries")
                    built = _build(
                        Path(folder),
                        wheel,
                        package,
                        arch,
                        version=version,
                        epoch=int(epoch),
                        out=options.out,
                        level=options.level,
                    )
                    print(built)
    except FetchError as error:
        _say(f"debian/build.py: {error}")
        return EXIT_UNFETCHED
    except (BuildError, OSError, subprocess.CalledProcessError) as error:
        _say(f"debian/build.py: {error}")
        return 1
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _of_last_commit() -> str:
    command = ["git", "-c", "safe.directory=*", "log", "-1", "--format=%ct"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))


# --- libraries --------------------------------------------------------------------------------------------------------


def requirements(lock: str, python: str, arch: str) -> str:
    """Return what a lock asks for on that Python and machine, without markers: pip would judge those by its own."""
    target = {
        "python_version": python,
        "python_full_version": f"{python}.2",
        "platform_machine": MACHINES[arch],
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    lines = []
    for entry in re.findall(r"^[a-z0-9].*(?:\\\n +--hash=\S+ *)+", text, re.MULTILINE):
        pin, *hashes = entry.replace("\\\n", "\n").splitlines()
        asked = Requirement(pin)
        if (
            asked.name in LEFT_OUT
            or (asked.name, arch, python) in NOT_MADE
            or not (asked.marker is None or asked.marker.evaluate(target))
        ):
            continue
        lines.append(" ".join([f"{asked.name}{asked.specifier}", *(one.strip() for one in hashes)]))
    return "".join(f"{line}\n" for line in lines)


def _wheels(lock: str, python: str, arch: str) -> list[Path]:
    wanted = requirements(lock, python, arch)
    key = hashlib.sha256(f"{arch} {python}\n{wanted}".encode()).hexdigest()[:16]
    kept = ROOT / ".cache/wheels" / f"{lock}-{arch}-{python}-{key}"
    if not kept.is_dir():
        _say(f"  fetching {len(wanted.splitlines())} wheels for Python {python}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            asked = Path(folder) / "requirements.txt"
            asked.write_text(wanted, encoding="utf-8")
            platforms = [f"--platform=manylinux_2_{minor}_{MACHINES[arch]}" for minor in GLIBC]
            command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-input"]
            command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp", *platforms]
            command += [f"--python-version={python}", f"--dest={folder}/wheels", f"--requirement={asked}"]
            if subprocess.run(command, check=False).returncode != 0:
                msg = f"the libraries for Python {python} on {arch} could not be fetched: see what pip said above"
                raise FetchError(msg)
            (Path(folder) / "wheels").rename(kept)
    return sorted(kept.glob("*.whl"))


def _unpack(wheel: Path, into: Path, only: tuple[str, ...] = ("",)) -> None:
    """Unpack a wheel over the others. Only what is told of the wheel itself may differ between two Pythons."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith("/") or not (name.startswith(only) or ".dist-info/" in name):
                continue
            if ".data/" in name.partition("/")[0] + "/":
                raise BuildError(f"{wheel.name} holds {name}, which belongs to no folder of libraries")
            content, path = archive.read(name), into / name
            if ".dist-info/" in name and path.name != "METADATA" and "licenses" not in path.parts:
                continue
            if path.exists() and path.read_bytes() != content:
                raise BuildError(f"{wheel.name}: {name} is another one for another Python")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


# --- what is compiled -------------------------------------------------------------------------------------------------

ELF = b"\x7fELF"
OF_DEPENDS = re.compile(r"(lib(c|m|dl|rt|pthread|gcc_s)|ld-linux-(x86-64|aarch64))\.so\.[0-9]")
"""What libc6 and libgcc-s1 have, on which the packages depend."""

COMPILED = re.compile(r"(?P<module>\w+)\.(abi3|cpython-(?P<python>3[0-9]+)-(?P<machine>\w+)-linux-gnu)\.so")


def check_compiled(libraries: Path, arch: str) -> int:
    """Return how many compiled libraries there are: each for this machine and for both Pythons, or for any.

    Raises BuildError for one of another machine, or that asks for what Debian 12 lacks, or that a Python lacks.
    """
    made: dict[Path, set[str]] = {}
    found = [path for path in sorted(libraries.rglob("*")) if path.is_file() and _is_elf(path)]
    for path in found:
        named = COMPILED.fullmatch(path.name)
        if named is None or named["machine"] not in (None, MACHINES[arch]):
            raise BuildError(f"{path.relative_to(libraries)} is compiled, and for what its name does not say")
        for fault in _faults(path, arch):
            raise BuildError(f"{path.relative_to(libraries)} {fault}")
        python = named["python"]
        pythons = {f"{python[0]}.{python[1:]}"} if python else set(PYTHONS)
        made.setdefault(path.with_name(named["module"]), set()).update(pythons)
    for module, pythons in made.items():
        for python in set(PYTHONS) - pythons:
            if (module.name.removeprefix("_"), arch, python) not in NOT_MADE:
                raise BuildError(f"{module.relative_to(libraries)} is not there for Python {python} on {arch}")
    return len(found)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ELF)) == ELF


def _faults(path: Path, arch: str) -> Iterator[str]:
    """Tell what would keep the loader of Debian 12 from it."""
    command = ["readelf", "--wide", "--file-header", "--dynamic", "--version-info", str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    machine = re.search(r"^ +Machine: +(.+)$", said, re.MULTILINE)
    if machine is None or machine[1].lower().replace("-", "_").rpartition(" ")[2] != MACHINES[arch]:
        yield f"is for {machine[1] if machine else 'no machine'}, not for {arch}"
    for name in re.findall(r"\(NEEDED\) .*\[(.+)\]", said):
        if OF_DEPENDS.fullmatch(name) is None:
            yield f"needs {name}, which is in no package that this one depends on"
    for minor in sorted({int(each) for each in re.findall(r"\bName: GLIBC_2\.([0-9]+)", said)}):
        if minor > GLIBC[0]:
            yield f"needs glibc 2.{minor}; Debian 12 has 2.{GLIBC[0]}"


# --- the tree ---------------------------------------------------------------------------------------------------------


def _build(
    folder: Path, wheel: Path, package: str, arch: str, *, version: str, epoch: int, out: Path, level: int
) -> Path:
    tree = folder / f"{package}-{arch}"
    libraries = tree / "usr/lib" / package
    for python in PYTHONS:
        for one in _wheels(LOCKS[package], python, arch):
            _unpack(one, libraries)
    shutil.rmtree(libraries / "bin", ignore_errors=True)
    _say(f"{package} {version} {arch}: {check_compiled(libraries, arch)} compiled libraries, each as it has to be")
    _unpack(wheel, libraries, OF_OURS[package])
    _place(tree, package, version, epoch)
    _control(tree, package, arch, version)
    for path in sorted(tree.rglob("*"), reverse=True):
        if not path.is_symlink():
            runs = path.is_dir() or (path.parent.name in {"bin", "DEBIAN"} and path.name not in {"control", "md5sums"})
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    built = out / f"{package}_{version}_{arch}.deb"
    _say(f"{package} {version} {arch}: packing")
    # One thread: how many there are would show in the bytes.
    command = [
        "dpkg-deb",
        "--root-owner-group",
        "-Zxz",
        f"-z{level}",
        "--threads-max=1",
        "--build",
        str(tree),
        str(built),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)})
    shutil.rmtree(tree)
    return built


def _place(tree: Path, package: str, version: str, epoch: int) -> None:
    for source, target in FILES[package].items():
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, tree / target)
    program = tree / "usr/bin" / package
    program.parent.mkdir(parents=True)
    program.write_text(LAUNCHER.format(package=package, program=package.partition("-")[2]), encoding="utf-8")
    docs = tree / "usr/share/doc" / package
    docs.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "debian/copyright", docs / "copyright")
    lintian = tree / "usr/share/lintian/overrides" / package
    lintian.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / "debian" / package / "lintian-overrides", lintian)
    entry = f"{package} ({version}) stable; urgency=medium\n\n  * See CHANGELOG.md.gz in this folder.\n\n"
    with_date = f"{entry} -- {_maintainer()}  {_date(epoch)}\n"
    (docs / "changelog.gz").write_bytes(gzip.compress(with_date.encode(), 9, mtime=0))
    (docs / "CHANGELOG.md.gz").write_bytes(gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), 9, mtime=0))


def _date(epoch: int) -> str:
    return subprocess.run(
        ["date", "-u", "-R", "-d", f"@{epoch}"], check=True, capture_output=True, text=True, env={"LC_ALL": "C"}
    ).stdout.strip()


def _maintainer() -> str:
    text = (ROOT / "debian/infusion-edge/control").read_text(encoding="utf-8")
    return next(line.partition(": ")[2] for line in text.splitlines() if line.startswith("Maintainer: "))


def _control(tree: Path, package: str, arch: str, version: str) -> None:
    source, control = ROOT / "debian" / package, tree / "DEBIAN"
    size = sum(-(-path.stat().st_size // 1024) for path in tree.rglob("*") if path.is_file())
    control.mkdir()
    text = (source / "control").read_text(encoding="utf-8")
    head, _, description = text.partition("Description:")
    rows = f"Package: {package}\nVersion: {version}\nArchitecture: {arch}\nInstalled-Size: {size}\n"
    (control / "control").write_text(f"{rows}{head}Description:{description}", encoding="utf-8")
    for script in MAINTAINER_SCRIPTS:
        if (source / script).exists():
            shutil.copyfile(source / script, control / script)
    (control / "md5sums").write_text("".join(_sums(tree)), encoding="utf-8")


def _sums(tree: Path) -> Iterator[str]:
    for path in sorted(tree.rglob("*")):
        if path.is_file() and "DEBIAN" not in path.parts:
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            yield f"{digest}  {path.relative_to(tree)}\n"


if __name__ == "__main__":
    sys.exit(main())
