"""What goes into the Debian packages; `make test-boot` builds, checks, installs and removes them."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import pytest

from tests.boot import campaign, emulated

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "debian").glob("*/p*") if path.name in {"postinst", "prerm", "postrm"})


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("debian_build", ROOT / "debian/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lock", ["runtime", "station"])
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_what_is_fetched_is_judged_for_the_target(build: ModuleType, lock: str, arch: str, python: str) -> None:
    lines = build.requirements(lock, python, arch).splitlines()
    names = {re.split("==", line)[0] for line in lines}
    assert all(re.fullmatch(r"[a-z0-9-]+==\S+( --hash=sha256:[0-9a-f]{64})+", line) for line in lines)
    assert ("lgpio" in names) == (lock == "runtime" and (arch, python) == ("arm64", "3.11"))
    assert "setuptools" not in names
    assert {"pydantic-core", "cffi", "structlog"} <= names
    assert ("uvicorn" in names) == (lock == "station")
    pinned = (ROOT / f"requirements/{lock}.lock").read_text(encoding="utf-8")
    assert all(line.partition(" ")[0] in pinned for line in lines)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_shell_takes_the_script(script: Path) -> None:
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")


def test_each_package_has_its_scripts_and_files(build: ModuleType) -> None:
    assert len(SCRIPTS) == 6
    missing = [source for files in build.FILES.values() for source in files if not (ROOT / source).is_file()]
    assert missing == []


def test_a_file_of_a_wheel_that_differs_between_pythons_is_refused(build: ModuleType, tmp_path: Path) -> None:
    import zipfile  # noqa: PLC0415 - this test alone makes wheels

    into = tmp_path / "lib"
    for number in (1, 2):
        with zipfile.ZipFile(tmp_path / f"{number}.whl", "w") as wheel:
            wheel.writestr("one/module.py", f"NUMBER = {number}\n")
            wheel.writestr("one-1.0.dist-info/RECORD", str(number))
    build._unpack(tmp_path / "1.whl", into)
    assert [path.name for path in into.rglob("*") if path.is_file()] == ["module.py"]
    with pytest.raises(build.BuildError, match="another one for another Python"):
        build._unpack(tmp_path / "2.whl", into)


def test_libraries_that_nobody_can_give_are_no_fault_of_the_package(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(build.FetchError, match=r"for Python 3\.13 on amd64 could not be fetched"):
        build._wheels("runtime", "3.13", "amd64")
    assert build.EXIT_UNFETCHED == campaign.EXIT_UNFETCHED


# --- what is compiled -------------------------------------------------------------------------------------------------


def compiled_of(lock: str, build: ModuleType) -> list[str]:
    """Return the names in a lock whose wheels have compiled libraries, as this computer's have."""
    names = set(
        re.findall(r"^[a-z0-9-]+", (ROOT / f"requirements/{lock}.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )
    here = {re.sub(r"[-_.]+", "-", each.name).lower(): each.files or () for each in distributions()}
    found = [name for name in names if any(Path(file).suffix == ".so" for file in here.get(name, ()))]
    return sorted([*found, *(name for name, arch, _ in build.NOT_MADE if arch == "arm64" and name in names)])


@pytest.mark.long
def test_what_is_compiled_for_arm64_is_whole(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bedside's alone, since each wheel has to be fetched; whoever builds a package looks at every one of both.
    wanted, whole = compiled_of("runtime", build), build.requirements
    assert {"cffi", "pydantic-core", "cryptography"} <= set(wanted)

    def compiled(lock: str, python: str, arch: str) -> str:
        rows = whole(lock, python, arch).splitlines(keepends=True)
        return "".join(row for row in rows if row.partition("==")[0] in wanted)

    monkeypatch.setattr(build, "requirements", compiled)
    try:
        wheels = [wheel for python in build.PYTHONS for wheel in build._wheels("runtime", python, "arm64")]
    except build.FetchError as error:
        pytest.skip(f"THE LIBRARIES FOR ARM64 WERE NOT CHECKED: {error}")
    for wheel in wheels:
        build._unpack(wheel, tmp_path)
    assert build.check_compiled(tmp_path, "arm64") == 6
    with pytest.raises(build.BuildError, match="for what its name does not say"):
        build.check_compiled(tmp_path, "amd64")
    (lost,) = tmp_path.glob("_cffi_backend.cpython-313-*")
    lost.unlink()
    with pytest.raises(build.BuildError, match=r"^_cffi_backend is not there for Python 3\.13 on arm64$"):
        build.check_compiled(tmp_path, "arm64")


def a_compiled_library(folder: Path, name: str) -> Path:
    """Copy one that is for this computer and for every Python."""
    from cryptography.hazmat.bindings import _rust  # noqa: PLC0415 - these tests alone want it

    return Path(shutil.copyfile(_rust.__file__, folder / name))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"\x7fELF\x02\x01\x01", None, ""),
        (b"libc.so.6\x00", b"libd.so.6\x00", "needs libd.so.6, which is in no package that this one depends on"),
        (b"GLIBC_2.34\x00", b"GLIBC_2.37\x00", "needs glibc 2.37; Debian 12 has 2.36"),
    ],
    ids=["well", "library", "glibc"],
)
def test_what_debian_12_cannot_load_is_refused(
    build: ModuleType, tmp_path: Path, old: bytes, new: bytes | None, fault: str
) -> None:
    library = a_compiled_library(tmp_path, "_rust.abi3.so")
    arch = {machine: arch for arch, machine in build.MACHINES.items()}[os.uname().machine]
    content = library.read_bytes()
    assert old in content
    library.write_bytes(content if new is None else content.replace(old, new))
    if not fault:
        assert build.check_compiled(tmp_path, arch) == 1
        return
    with pytest.raises(build.BuildError, match=re.escape(fault)):
        build.check_compiled(tmp_path, arch)


def test_one_of_another_machine_is_refused_whatever_its_name(build: ModuleType, tmp_path: Path) -> None:
    a_compiled_library(tmp_path, "_rust.abi3.so")
    other = next(arch for arch, machine in build.MACHINES.items() if machine != os.uname().machine)
    with pytest.raises(build.BuildError, match=rf"^_rust\.abi3\.so is for .*, not for {other}$"):
        build.check_compiled(tmp_path, other)
    (tmp_path / "_rust.abi3.so").rename(tmp_path / "plain.so")
    with pytest.raises(build.BuildError, match=r"^plain\.so is compiled, and for what its name does not say$"):
        build.check_compiled(tmp_path, "amd64")


def test_help_names_the_architectures() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "debian/build.py", "--help"], capture_output=True, text=True, check=True
    )
    assert "{amd64,arm64}" in done.stdout


def test_without_root_the_boot_test_says_loudly_that_it_tested_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sys.argv", ["campaign"])
    assert campaign.main() == 0
    assert capsys.readouterr().err == "test-boot: SKIPPED, nothing was tested: it needs root (sudo make test-boot)\n"


def test_what_cannot_be_emulated_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulated, "BINFMT", tmp_path)
    tried: list[list[str]] = []
    monkeypatch.setattr("subprocess.run", lambda command, **_: tried.append(command))
    assert emulated.lack("amd64") == "nothing here emulates amd64"
    assert emulated.lack("arm64") == "this kernel or container cannot run programs of arm64 (binfmt_misc)"
    assert [command[0] for command in tried] == ["mount", "update-binfmts"]
    (tmp_path / "qemu-aarch64").touch()
    assert emulated.lack("arm64") == ""
