"""`scripts/venv` and `scripts/debian`, with a Python that only notes what it is asked for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = """\
#!/bin/bash
# Stands for Python. OLD: of a version that does not fit; BARE: without venv; OFFLINE: pip fails.
case "$1 $2" in
"-c "*version_info*) [[ -z ${OLD:-} ]] ;;
"-c "*ensurepip*) [[ -z ${BARE:-} ]] ;;
-V*) echo "Python 3.12.3" ;;
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "venv" >>asked ;;
"-m pip") echo "$*" >>asked; [[ -z ${OFFLINE:-} ]] ;;
*) exit 9 ;;
esac
"""


class Clone:
    """A fresh clone, and what its Python was asked for by each run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder.parent / "python3"
        self.python.write_text(PYTHON, encoding="utf-8")
        self.python.chmod(0o755)
        for part in ("scripts", "requirements"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "pyproject.toml", folder)

    def venv(self, want: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHON": str(self.python), **surroundings}
        command = [str(self.folder / "scripts/venv"), want]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def steps(self, want: str) -> list[str]:
        """What a run does: venv made, lock installed, project installed."""
        asked = self.folder / "asked"
        asked.write_text("", encoding="utf-8")
        done = self.venv(want)
        assert done.returncode == 0, done.stderr
        names = []
        for line in asked.read_text(encoding="utf-8").splitlines():
            if line == "venv":
                names.append("venv")
            elif line.endswith(f"--require-hashes -r requirements/{want}.lock"):
                names.append("lock")
            else:
                assert line.endswith("--no-index --no-deps --no-build-isolation -e .")
                names.append("project")
        return names


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder = tmp_path / "clone"
    folder.mkdir()
    return Clone(folder)


def test_the_first_run_installs_and_the_second_does_nothing(clone: Clone) -> None:
    assert clone.steps("demo") == ["venv", "lock", "project"]
    assert clone.steps("demo") == []


def test_dev_is_added_to_demo_and_holds_it(clone: Clone) -> None:
    clone.steps("demo")
    assert clone.steps("dev") == ["lock", "project"]
    assert clone.steps("demo") == []
    assert clone.steps("dev") == []


def test_a_changed_lock_makes_it_anew(clone: Clone) -> None:
    clone.steps("demo")
    lock = clone.folder / "requirements/demo.lock"
    lock.write_text(lock.read_text(encoding="utf-8").replace("pyserial==3", "pyserial==4"), encoding="utf-8")
    assert clone.steps("demo") == ["venv", "lock", "project"]


def test_a_changed_project_is_installed_again(clone: Clone) -> None:
    clone.steps("demo")
    with (clone.folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert clone.steps("demo") == ["project"]


def test_a_vanished_python_makes_it_anew(clone: Clone) -> None:
    clone.steps("dev")
    (clone.folder / ".venv/bin/python").unlink()
    assert clone.steps("dev") == ["venv", "lock", "project"]


def test_a_moved_folder_makes_it_anew(clone: Clone) -> None:
    clone.steps("demo")
    clone.folder = clone.folder.rename(clone.folder.with_name("elsewhere"))
    assert clone.steps("demo") == ["venv", "lock", "project"]


def test_a_failed_installation_is_done_again(clone: Clone) -> None:
    assert clone.venv("demo", OFFLINE="1").returncode != 0
    assert clone.steps("demo") == ["venv", "lock", "project"]


@pytest.mark.parametrize("lack", ["OLD", "BARE"])
def test_what_python_lacks_is_told_with_the_line_to_type(clone: Clone, lack: str) -> None:
    done = clone.venv("demo", **{lack: "1"})
    assert done.returncode == 1
    assert "sudo apt-get install python3-venv\n" in done.stderr
    assert not (clone.folder / ".venv").exists()
    assert clone.venv("probe", **{lack: "1"}).returncode != 0
    assert clone.venv("probe").returncode == 0


def test_a_missing_debian_package_is_named_where_it_cannot_be_installed(clone: Clone, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    for tool in ("bash", "dirname"):
        (path / tool).symlink_to(shutil.which(tool) or tool)
    command = [str(clone.folder / "scripts/debian"), "bash", "unheard-of", "nor-this"]
    done = subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Missing here; install it and try again: sudo apt-get install unheard-of nor-this\n"
    done = subprocess.run(command[:2], env={"PATH": str(path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_tests_run_three_at_a_time_and_what_a_person_asks_for_comes_last_and_wins() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "test", "ARGS=-n 0 tests/unit"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    last = done.stdout.splitlines()[-1].split()
    assert last[:3] == [".venv/bin/python", "-m", "pytest"]
    assert last[3:5] == ["-n", "3"]
    assert last[-3:] == ["-n", "0", "tests/unit"]
