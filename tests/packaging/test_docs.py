"""What the documents show exists: commands with their options, make's targets, files, links, every module."""

import contextlib
import io
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import edge.cli
import simulators.cli
import station.cli
from drivers import registry
from tests.boot.written import ELSEWHERE, NOT_OURS, RUN, written

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SHELL = re.compile(r"^[ ]*```sh\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^[ ]*(?:sudo (?:-u \S+ )?)?(?:\S*/)?(infusion-(?:edge|sim|station)|make) ([a-z][a-z-]*)([^#|&;\n]*)", re.MULTILINE
)
INLINE = re.compile(r"`((?:infusion-(?:edge|sim|station)|make) [a-z][^`]*)`")
NAMED = re.compile(
    r"`((?:config|docs|drivers|edge|requirements|scripts|simulators|station|systemd|tests)(?:/[\w.-]+)+)`"
)
BEHIND = {
    "demo": ("infusion-sim", "demo"),
    "bench": ("python", "-m", "bench"),
    "fault": ("python", "-m", "tests.fault.campaign"),
    "test-boot": ("python", "-m", "tests.boot.campaign"),
    "deb": ("python", "debian/build.py"),
}
"""The programs behind targets that take options."""

OURS = {
    "infusion-edge": edge.cli.main,
    "infusion-sim": simulators.cli.main,
    "infusion-station": station.cli.main,
}

LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


def commands(text: str) -> list[tuple[str, str, list[str]]]:
    """Every command of ours: program, subcommand or target, options."""
    shown = "\n".join([*SHELL.findall(text), *INLINE.findall(text)])
    return [(found[1], found[2], re.findall(r"--[a-z][a-z-]*", found[3])) for found in COMMAND.finditer(shown)]


@cache
def usage(program: str, *subcommand: str) -> str:
    """What a program says of itself; ours are asked here, since to start each anew is most of what it costs."""
    if program in OURS:
        said = io.StringIO()
        with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(said):
            OURS[program]([*subcommand, "--help"])
        assert ended.value.code == 0
        return said.getvalue()
    command = [str(Path(sys.executable).with_name(program)), *subcommand, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, f"{program} {' '.join(subcommand)}: {done.stderr}"
    return done.stdout


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_exists(document: Path) -> None:
    for program, name, options in commands(document.read_text(encoding="utf-8")):
        if program == "make":
            assert name in targets()
            if name not in BEHIND:
                assert options == []
                continue
            known = usage(*BEHIND[name])
        elif (program, name) == ("infusion-station", "user"):
            known = usage(program, name, "add")
        elif (program, name) == ("infusion-edge", "library"):
            known = usage(program, name, "show")
        elif (program, name) == ("infusion-edge", "bundle"):
            known = usage(program, name, "export") + usage(program, name, "import")
        else:
            known = usage(program, name)
        assert [option for option in options if option not in known] == []


def test_every_line_that_is_to_be_typed_is_run() -> None:
    assert written() == {*RUN, *ELSEWHERE, *NOT_OURS}
    for place in ELSEWHERE.values():
        file, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_the_commands_of_the_readme_are_found() -> None:
    found = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {("make", "test"), ("make", "demo"), ("infusion-edge", "check-config"), ("infusion-edge", "top")} <= {
        (program, name) for program, name, _ in found
    }
    assert ("make", "demo", ["--duration"]) in found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_link_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [name for name in NAMED.findall(text) if not (ROOT / name).exists()]
    missing += [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert missing == []


def test_every_module_has_its_line() -> None:
    lines = set(
        re.findall(r"^\| `([\w/]+\.py)` \| \S", (ROOT / "docs/architecture.md").read_text("utf-8"), re.MULTILINE)
    )
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("drivers", "edge", "simulators", "station")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert lines == modules


def test_the_readme_has_a_row_for_every_driver_and_says_which_is_experimental() -> None:
    rows = re.findall(
        r"^\| [^|]+ \| `([\w-]+)` \| (experimental|proved) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == len(registry.names())
    assert dict(rows) == {
        name: "experimental" if registry.driver(name).experimental else "proved" for name in registry.names()
    }


def test_the_index_of_the_decisions_has_each_by_its_title() -> None:
    folder = ROOT / "docs/decisions"
    rows = re.findall(
        r"^\| (\d+) \| \[(.+?)\]\((\S+?)\) \| \S", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )
    files = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [(f"# {number}. {title}", name) for number, title, name in rows] == [
        (path.read_text("utf-8").partition("\n")[0], path.name) for path in files
    ]


def test_the_first_screen_says_what_it_is_not() -> None:
    first = " ".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25])
    for words in (
        "Not a certified medical device",
        "Do not rely on this for alarms",
        "adds to the bedside alarms and never replaces",
        "never commands a pump",
        "make demo",
        "make test",
    ):
        assert re.sub(r"[*> ]+", " ", words) in re.sub(r"[*> ]+", " ", first)
