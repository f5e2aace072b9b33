"""The locks pin every package by hash, name no address, and contain one another."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime", "station", "demo", "dev")
_DEMO = ("demo", "station", "gpio", "build")
EXTRAS = {"runtime": ("gpio",), "station": ("station",), "demo": _DEMO, "dev": (*_DEMO, "dev")}
REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[0-9][^ ;]*)( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+"
)


def text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, str]:
    return {match["name"]: match["version"] for match in REQUIREMENT.finditer(text(lock))}


@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_stands_in_it_but_hashed_pins_and_comments(lock: str) -> None:
    rest = REQUIREMENT.sub("", text(lock))
    assert [line for line in rest.splitlines() if line and not line.lstrip().startswith("#")] == []
    assert len(pins(lock)) > 5


@pytest.mark.parametrize("lock", LOCKS)
def test_it_names_no_address(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|@ ", text(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_it_pins_what_the_project_asks_for(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in EXTRAS[lock] for line in project["optional-dependencies"][extra]),
    ]
    names = {re.split(r"[^A-Za-z0-9.-]", line, maxsplit=1)[0] for line in wanted}
    assert names - pins(lock).keys() == set()


def test_a_larger_lock_holds_the_smaller_one() -> None:
    assert pins("runtime").items() | pins("station").items() <= pins("demo").items() <= pins("dev").items()
