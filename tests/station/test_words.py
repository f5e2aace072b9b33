"""The page's words: complete in both languages, in step with the catalogue, and each key that a module names exists."""

import json
import re
from pathlib import Path

import pytest

import station
from edge.core.catalogue import CATALOGUE
from edge.core.catalogue_texts import ACTIONS
from edge.messages.verbs import LOOKS, REQUESTS

STATIC = Path(station.__file__).parent / "static"
WORDS = {name: json.loads((STATIC / f"i18n/{name}.json").read_text(encoding="utf-8")) for name in ("en", "nb")}
MODULES = sorted(STATIC.glob("*.js"))
SAME = {"bolus.title", "gauge.value", "order.start", "verdict.one"}
"""What is the same in both."""

HOLE = re.compile(r"\{(\w+)\}")


def test_both_languages_have_the_same_keys_and_no_empty_text() -> None:
    assert WORDS["en"].keys() == WORDS["nb"].keys()
    assert [key for words in WORDS.values() for key, text in words.items() if not text.strip()] == []


def test_a_text_has_the_same_holes_in_both_languages() -> None:
    differing = [
        key for key in WORDS["en"] if set(HOLE.findall(WORDS["en"][key])) != set(HOLE.findall(WORDS["nb"][key]))
    ]
    assert differing == []


@pytest.mark.parametrize("language", ["en", "nb"])
def test_every_alarm_has_a_title_and_the_catalogue_s_action(language: str) -> None:
    words = WORDS[language]
    for condition in CATALOGUE:
        assert words.get(f"title.{condition}"), f"station/static/i18n/{language}.json needs a title.{condition}"
        action = ACTIONS[condition]
        assert words.get(f"action.{condition}") == (action.english if language == "en" else action.norwegian)


def test_norwegian_is_not_english() -> None:
    same = {key for key, text in WORDS["nb"].items() if text == WORDS["en"][key] and re.search("[a-z]{4}", text)}
    assert same == SAME


def test_every_key_that_a_module_names_exists() -> None:
    named = set()
    for module in MODULES:
        named |= set(re.findall(r"\bt\(\s*\"([^\"]+)\"", module.read_text(encoding="utf-8")))
    assert sorted(named - WORDS["en"].keys()) == []
    assert len(named) > 50


ONE_BUTTON = {"acknowledge", "reset"}
"""`accept` acknowledges too, and so ends what is latched."""


def test_every_verb_has_its_way_on_the_page() -> None:
    code = "\n".join(module.read_text(encoding="utf-8") for module in MODULES if module.name != "shift.js")
    missing = {verb for verb in (*REQUESTS, *LOOKS) if f'"{verb}"' not in code}
    assert missing == ONE_BUTTON
    assert [verb for verb in REQUESTS if not all(f"verb.{verb}" in words for words in WORDS.values())] == []


def test_every_made_up_key_has_a_family() -> None:
    made = set()
    for module in MODULES:
        made |= set(re.findall(r"\bt\(\s*`([^`$]+)\$\{", module.read_text(encoding="utf-8")))
    for start in made:
        assert any(key.startswith(start) for key in WORDS["en"]), start
