"""Every hazard is in `docs/hazards.md` with its control and its tests, or what is missing; every named test exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/hazards.md"
HAZARDS = [f"H-{number:02}" for number in range(1, 41)]
HEADING = re.compile(r"^### (H-\d\d) \S", re.MULTILINE)
PART = re.compile(r"^\*\*(Control|Tests|OPEN):\*\*\s+(.+?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LEAST_WORDS = 5
"""Fewer do not say what is missing."""


def sections() -> dict[str, dict[str, str]]:
    """The parts of each hazard, by their names."""
    text = PAGE.read_text(encoding="utf-8")
    found = list(HEADING.finditer(text))
    ends = [*(each.start() for each in found[1:]), len(text)]
    return {
        each[1]: dict(PART.findall(text[each.end() : end].partition("\n## ")[0]))
        for each, end in zip(found, ends, strict=True)
    }


@cache
def names_in(name: str) -> frozenset[str]:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def test_every_hazard_is_there_once_and_in_order() -> None:
    assert HEADING.findall(PAGE.read_text(encoding="utf-8")) == HAZARDS


@pytest.mark.parametrize("hazard", HAZARDS)
def test_a_hazard_has_a_control_with_tests_or_says_that_it_is_open(hazard: str) -> None:
    parts = sections()[hazard]
    assert ("Control" in parts) is ("Tests" in parts)
    assert "Control" in parts or "OPEN" in parts
    for name, text in parts.items():
        assert name == "Tests" or len(text.split()) >= LEAST_WORDS, f"{hazard}: {name} says too little"


@pytest.mark.parametrize("hazard", HAZARDS)
def test_every_named_test_exists(hazard: str) -> None:
    told = sections()[hazard].get("Tests", "")
    named = NAMED.findall(told)
    assert re.sub(r"[\s,]", "", NAMED.sub("", told)) == ""
    assert len(set(named)) == len(named)
    assert bool(named) is bool(told)
    assert [f"{path}::{test}" for path, test in named if test not in names_in(path)] == []


def test_no_other_hazard_is_named_in_the_code() -> None:
    named = set()
    for folder in ("drivers", "edge", "simulators"):
        for path in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r"\bH-\d\d\b", path.read_text(encoding="utf-8")))
    assert {"H-01", "H-11"} <= named <= set(HAZARDS)
