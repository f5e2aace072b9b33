"""The technician finds each alarm that is for him, or that a nurse calls him for, with its cause and its remedy."""

import re
from pathlib import Path

from edge.core.catalogue import CATALOGUE
from edge.core.catalogue_texts import ACTIONS
from edge.core.model import Audience

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (\S.*) \| (\S.*) \|$", re.MULTILINE)


def rows() -> list[str]:
    return [found[1] for found in ROW.finditer((ROOT / "docs/operations.md").read_text(encoding="utf-8"))]


def test_every_alarm_for_the_technician_has_its_row() -> None:
    his = {name for name, entry in CATALOGUE.items() if entry.audience is Audience.TECHNICIAN}
    called = {name for name in CATALOGUE if "technician" in ACTIONS[name].english}
    assert len(his) >= 9
    assert len(called) >= 3
    assert (his | called) - set(rows()) == set()


def test_no_row_is_of_an_alarm_that_is_not_there_and_they_are_in_order() -> None:
    assert set(rows()) <= set(CATALOGUE)
    assert rows() == sorted(set(rows()))
