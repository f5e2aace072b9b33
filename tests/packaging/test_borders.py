"""The borders that import-linter does not see: empty packages, and the whole list of what pure code may import.

`make check` runs import-linter on the contracts in pyproject.toml.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("edge", "drivers", "simulators", "station")
THINKING = frozenset(
    {
        "__future__", "binascii", "bisect", "calendar", "collections", "copy", "dataclasses", "decimal", "enum",
        "fractions", "functools", "heapq", "itertools", "math", "operator", "re", "string", "types", "typing",
    }
)  # fmt: skip
"""Modules of the standard library that only compute: no file, no socket, no clock, no chance, no thread.

`binascii` has the CRC of CCITT, `calendar` the seconds of a date that a device tells; `datetime` could read a clock.
"""

DOING = frozenset({"errors.py", "line.py", "reconnect.py", "registry.py"})
"""Files of `drivers` that are no device's codec."""

PURE = sorted(
    [*(ROOT / "edge/core").glob("*.py"), *(p for p in (ROOT / "drivers").glob("*.py") if p.name not in DOING)]
)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            assert node.module is not None
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_empty(package: str) -> None:
    inits = list((ROOT / package).rglob("__init__.py"))
    assert inits
    assert [str(init) for init in inits if init.read_text(encoding="utf-8").strip()] == []


@pytest.mark.parametrize("path", PURE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_core_and_codecs_import_only_what_computes(path: Path) -> None:
    assert set(imported(path)) - THINKING <= {"drivers", "edge"}


def test_the_list_of_what_computes_is_of_the_standard_library() -> None:
    assert THINKING - sys.stdlib_module_names == set()
    assert len(PURE) > 20
