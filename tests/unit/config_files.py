"""The shipped configuration files, to be changed by the tests of the configuration."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from edge.config import ConfigError, load
from edge.config_file import Problem
from edge.library_reader import content_hash

SHIPPED = Path(__file__).parents[2] / "config"


def _of_bed_1(text: str) -> str:
    """The file without bed 2 and without serial numbers: everything else stands as it is shipped."""
    text = re.sub(r', serial_number = "\d+"', "", text)
    return re.sub(r'\[\[(port|bed|demo_order)\]\]\n(id|bed) = "bed-2.*?\n\n', "", text, flags=re.DOTALL)


EDGE = _of_bed_1((SHIPPED / "edge.toml").read_text())


def _of_one_drug(text: str) -> str:
    """The library with its first entry alone."""
    first = text.index("[[drug]]\n")
    second = text.index("[[drug]]\n", first + 1)
    return text[:first] + text[first : text.rindex("\n\n\n", first, second)] + "\n"


def approve(text: str) -> str:
    """The library with each entry approved, of just what it says."""
    for drug in tomllib.loads(text)["drug"]:
        approval = f'approved_by = "Dr A"\napproved_on = 2026-01-31\napproved_content = "{content_hash(drug)}"\n'
        text = text.replace("approved = false\n", f"approved = true\n{approval}", 1)
    return text


DRUGS = _of_one_drug((SHIPPED / "drugs.toml").read_text())
ENTRY = DRUGS[DRUGS.index("[[drug]]\n") :]

MONITORS = 'monitors = [{ port = "bed-1-monitor" }]'
DEMO_ORDER = EDGE[EDGE.index("[[demo_order]]") : EDGE.index("# ---- Standard limits")]
SECOND_PUMP = '[[port]]\nid = "bed-2-pump"\npath = "bed-2-pump"\ndriver = "bbraun-space"\n'
SECOND_BED = '[[bed]]\nid = "bed-2"\nlabel = "Bed 2"\npumps = [{ port = "bed-2-pump", channel = "11" }]\n'
APPROVED = approve(DRUGS)
WEIGHT = 'weight = "70 kg"'
UNIQUE = "make each unique"
HR_HIGH = "standard_limits.heart_rate_high"
DRUG_HIGH = "drug[0].dose_rate_high"
CLINICAL = (
    EDGE.replace('mode = "demo"', 'mode = "clinical"')
    .replace(DEMO_ORDER, "")
    .replace('path = "bed-1', 'path = "/dev/serial/by-path/bed-1')
)


def put(folder: Path, edge: str = EDGE, drugs: str = DRUGS) -> Path:
    (folder / "drugs.toml").write_text(drugs)
    path = folder / "edge.toml"
    path.write_text(edge)
    return path


def problems_of(path: Path, run_dir: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, run_dir)
    return caught.value.problems


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text
