"""What is built is what is in the tree, and it runs without the tree."""

import contextlib
import re
import sqlite3
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("edge", "drivers", "simulators", "station")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, "-t", "wheel", cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in a clean environment that borrows the libraries of this one, and not its editable install."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-qq", "--no-index", "--no-deps", wheel)
    run(*pip, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    # A folder named in a .pth file is searched; its own .pth files, the editable install's among them, are not read.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


def test_it_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    tree = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    built = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert built == tree
    assert "edge/migrations/0001_initial.sql" in built


def test_it_has_its_commands_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = {name.partition(".dist-info/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        entries = archive.read(info["entry_points.txt"]).decode()
        metadata = archive.read(info["METADATA"]).decode()
    assert {
        "infusion-edge = edge.cli:main",
        "infusion-sim = simulators.cli:main",
        "infusion-station = station.cli:main",
    } <= set(entries.splitlines())
    assert "licenses/LICENSE" in info
    assert "License-Expression: Apache-2.0\n" in metadata
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert sorted(re.split(r"[<>=]", line.split()[1])[0] for line in needed) == [
        "aiomqtt",
        "cryptography",
        "paho-mqtt",
        "pydantic",
        "pyserial",
        "structlog",
    ]


def test_the_daemon_runs_from_it(programs: Path, tmp_path: Path) -> None:
    where = run(programs / "python", "-c", "import edge.app, station; print(edge.app.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(programs.parent)
    assert "check-config" in run(programs / "infusion-edge", "--help", cwd=tmp_path)
    table = run(programs / "infusion-edge", "check-config", ROOT / "config/edge.toml", cwd=tmp_path)
    assert "Bed 1" in table


@pytest.mark.parametrize("program", ["infusion-edge", "infusion-station"])
def test_a_program_says_which_version_it_is(wheel: Path, programs: Path, tmp_path: Path, program: str) -> None:
    assert run(programs / program, "--version", cwd=tmp_path) == f"{program} {wheel.name.split('-')[1]}\n"


def test_its_migrations_make_a_store(programs: Path, tmp_path: Path) -> None:
    make = (
        "from pathlib import Path; from edge.store import Run, Store; "
        "store = Store(lambda *told: None, lambda call, *told: call(*told)); "
        "opened = store.open(Path('edge.db'), Run('run', 'boot', '2026-01-01T00:00:00.000Z')); "
        "print('fault:', opened.fault); store.close(3.0)"
    )
    assert run(programs / "python", "-c", make, cwd=tmp_path).strip() == "fault:"
    with contextlib.closing(sqlite3.connect(tmp_path / "edge.db")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert "outbox" in tables


def test_the_station_runs_from_it(programs: Path, tmp_path: Path) -> None:
    where = run(programs / "python", "-c", "import station.run; print(station.run.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(programs.parent)
    told = run(programs / "infusion-station", "check-config", ROOT / "config/station.toml", cwd=tmp_path)
    assert "edges expected: pi-1" in told


def test_the_simulators_run_from_it(programs: Path, tmp_path: Path) -> None:
    assert "ivy" in run(programs / "infusion-sim", "--help", cwd=tmp_path)
    assert "quiet-ward" in run(programs / "infusion-sim", "list", cwd=tmp_path)
