"""A version of a message gains fields, and never loses or changes one: who reads it today can read it tomorrow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.schemas import FOLDER
from tests.packaging import contract


def test_all_that_was_promised_is_still_so() -> None:
    promised = contract.KEPT.read_text(encoding="utf-8").splitlines()
    now = set(contract.lines())
    assert [line for line in promised if line not in now] == [], "a new version of the message may; this one may not"
    assert {line.partition(".")[0] for line in promised} <= {path.stem for path in FOLDER.glob("*.json")}


OLD = {
    "$defs": {"Row": {"properties": {"rev": {"type": "integer"}}, "required": ["rev"]}},
    "properties": {
        "rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}},
        "way": {"enum": ["up", "down"]},
        "age_s": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    },
    "required": ["rows", "way"],
}


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ('"rev"', '"revision"', ["thing.rows[].rev type='integer' always"]),
        ('"integer"', '"string"', ["thing.rows[].rev type='integer' always"]),
        ('"down"', '"sideways"', ["thing.way is 'down' always"]),
        (', "way"]', "]", ["thing.way is 'down' always", "thing.way is 'up' always"]),
        (', {"type": "null"}', "", ["thing.age_s type='null' sometimes"]),
        ('"up", ', '"up", "over", ', []),
        ('{"rows": ', '{"more": {"type": "string"}, "rows": ', []),
    ],
)
def test_a_field_that_goes_or_changes_is_seen_and_one_that_comes_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, gone: list[str]
) -> None:
    monkeypatch.setattr(contract, "FOLDER", tmp_path)
    text = json.dumps(OLD)
    (tmp_path / "thing.json").write_text(text)
    before = contract.lines()
    assert old in text
    (tmp_path / "thing.json").write_text(text.replace(old, new))
    assert sorted(set(before) - set(contract.lines())) == gone
