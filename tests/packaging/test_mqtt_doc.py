"""`docs/mqtt.md`: an example of every message that meets its schema, every topic, every verb, every reason."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge.core.inputs import Role
from edge.core.requests import VERBS
from edge.messages.topics import Topics
from edge.messages.verbs import LOOKS, REQUESTS
from edge.schemas import FOLDER

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/mqtt.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
]
(ALARM,) = (example for example in EXAMPLES if example["schema"] == "alarm/1")
SPOKEN_BY = (
    *("attention.py", "requests.py", "desk.py", "patients.py"),
    *("ordering.py", "order_bounds.py", "confirming.py", "../asking.py"),
)


def named(example: dict[str, Any]) -> str:
    return str(example["schema"]).partition("/")[0]


def test_every_message_has_one_example() -> None:
    once = [named(example) for example in EXAMPLES if named(example) != "history"]
    assert [example["what"] for example in EXAMPLES if named(example) == "history"] == ["trend", "events"]
    assert sorted([*once, "history"]) == sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example_meets_its_schema(example: dict[str, Any]) -> None:
    schema = json.loads((FOLDER / f"{named(example)}.json").read_text(encoding="utf-8"))
    whole = {**example, "alarm": ALARM} if example["schema"] == "event/1" else example
    Draft202012Validator(schema).validate(whole)


def test_every_topic_is_there() -> None:
    table = TEXT.partition("## Topics")[2].partition("\n## ")[0]
    topics = Topics("<site>", "<edge>")
    of_all = (
        topics.status,
        topics.roster,
        topics.self_check,
        topics.event,
        topics.omitted,
        topics.journal,
        topics.fence,
    )
    of_bed = (topics.snapshot("<bed>"), topics.therapy("<bed>"), topics.alarms("<bed>"), topics.alarm("<bed>", "<key>"))
    of_none = (topics.alarms(""), topics.alarm("", "<key>"))
    of_station = (
        topics.response("<station>"),
        topics.history("<station>"),
        topics.request("<station>", "<verb>"),
        topics.receipt("<station>"),
    )
    assert f"`{topics.prefix}/`" in table
    named_topics = {topic.removeprefix(f"{topics.prefix}/") for topic in (*of_all, *of_bed, *of_none, *of_station)}
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    assert {topic for row in rows for topic in re.findall(r"`([^`]+)`", row)} == named_topics


def test_every_verb_has_its_least_role() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (viewer|technician|nurse|prescriber) \|", TEXT, re.MULTILINE))
    least = {verb: role for verb, role in VERBS.values() if verb in REQUESTS} | dict.fromkeys(LOOKS, Role.VIEWER)
    assert {verb: Role[role.upper()] for verb, role in rows.items()} == least
    assert least.keys() == REQUESTS.keys() | LOOKS.keys()


def test_every_verb_says_which_message_it_takes() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| \w+ \| .+ \| `([a-z-]+/1)` \|$", TEXT, re.MULTILINE))
    assert rows == {verb: message.model_fields["schema_"].default for verb, message in (REQUESTS | LOOKS).items()}


def test_every_reason_is_one_that_is_given() -> None:
    spoken = "".join((ROOT / "edge/core" / name).read_text(encoding="utf-8") for name in SPOKEN_BY)
    table = TEXT.partition("### Why it is refused")[2].partition("\n## ")[0]
    reasons = [reason for row in re.findall(r"^\| (\".*?) \|", table, re.MULTILINE) for reason in row.split('"')[1::2]]
    assert len(reasons) > 10
    assert [reason for reason in reasons if reason not in spoken] == []
