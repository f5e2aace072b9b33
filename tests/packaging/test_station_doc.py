"""`docs/station.md`: an example of every event and of every post, which its model takes, and no word that is not so."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from station.requests import GIVE_UP_S
from station.users import SESSION_S
from station.view import EVENTS, POSTS
from station.watch import KEYS, SILENCE_S

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/station.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
]
TOLD = [example for example in EXAMPLES if "event" in example]
ASKED = [example for example in EXAMPLES if "post" in example]


def test_every_event_but_the_one_of_mqtt_md_has_an_example() -> None:
    assert sorted(example["event"] for example in TOLD) == sorted(EVENTS.keys() - {"history"})


@pytest.mark.parametrize("example", TOLD, ids=lambda example: example["event"])
def test_an_event_is_as_its_model_says(example: dict[str, Any]) -> None:
    EVENTS[example["event"]].model_validate_json(json.dumps(example["data"]))


def test_every_post_has_an_example() -> None:
    assert sorted(example["post"] for example in ASKED) == sorted(POSTS)


@pytest.mark.parametrize("example", ASKED, ids=lambda example: example["post"])
def test_a_post_is_as_its_model_says(example: dict[str, Any]) -> None:
    POSTS[example["post"]].model_validate_json(json.dumps(example["data"]))


def test_the_table_has_every_event() -> None:
    table = TEXT.partition("## What the page is told")[2].partition("\n### ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [
        "hello", "edge", "bed", "bed_gone", "alarm", "alarm_gone", "station_alarm", "station_alarm_gone", "session",
        "answer", "history", "ready", "beat",
    ]  # fmt: skip


def test_the_table_has_every_alarm_of_the_station() -> None:
    table = TEXT.partition("### `station_alarm`")[2].partition("\n### ")[0]
    assert re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE) == list(KEYS)


def test_its_times_are_those_of_the_code() -> None:
    assert f"`unanswered` when {GIVE_UP_S:g} s went by" in TEXT
    assert f'"session_s": {SESSION_S}' in TEXT
    assert f"for {SILENCE_S:g} s, at all pages" in TEXT
