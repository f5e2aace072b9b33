"""What may be a person's number or name, as far as that can be told: neither belongs into a topic or a payload.

Whoever reads the broker, its backups or a log would else read who is treated with what. A number is known by its form;
a name only by its look, so names are refused nowhere: check-config warns of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_DIGITS = re.compile(r"(?<!\d)\d{6}(?:\d{2})?[ .+-]?\d{2,5}(?!\d)", re.ASCII)
_NORWEGIAN = 11
"""Digits of a Norwegian number, also a D-number or one of a hospital's own; its checks fail on a slip of the pen."""

_DATED = frozenset({10, 12})
"""Digits of the Swedish and Danish numbers, which begin with the date of birth; without one it is any number."""

_NOT_ALONE = 2
"""A name has that many words, or more: one word is a place as well."""

_PLACES = re.compile(
    r"\b(bay|bed|bedside|chair|door|east|hall|left|lounge|north|post|recovery|right|room|south|ward|west|window|avdeling|"
    r"behandling|bord|dør|høyre|nord|oppvåkning|plass|poliklinikk|rom|sal|seng|stol|sør|venstre|vest|vindu|øst)\b",
    re.IGNORECASE,
)
_TITLES = re.compile(r"\b(mr|mrs|miss|fru|herr|frøken|pasient|patient|navn|name|født|born)\b", re.IGNORECASE)
_NAME_PART = re.compile(r"[^\W\d_][^\W\d_'.-]*(?:[-'][^\W\d_]+)*\.?")


def has_number(text: str) -> bool:
    """Tell whether a text has digits in it that are, or may be, somebody's personal number."""
    return any(_is_personal("".join(filter(str.isdigit, found[0]))) for found in _DIGITS.finditer(text))


def _is_personal(digits: str) -> bool:
    if len(digits) == _NORWEGIAN:
        return True
    if len(digits) not in _DATED:
        return False
    first, month, last = (int(digits[-10:][at : at + 2]) for at in (0, 2, 4))
    return 1 <= month <= 12 and (1 <= first <= 31 or 1 <= last <= 31)  # noqa: PLR2004 - months, and days of a month


def is_like_name(label: str) -> bool:
    """Tell whether a label looks like who lies there: "Kari Nordmann", "Nordmann, K.", "Mr Smith"."""
    words = label.replace(",", " ").split()
    if _TITLES.search(label):
        return True
    if len(words) < _NOT_ALONE or _PLACES.search(label):
        return False
    return all(_NAME_PART.fullmatch(word) and word[0].isupper() for word in words)


def doubts(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Tell what of a checked configuration may be of a person: its key, what is wrong, and what to do."""
    for number, bed in enumerate(content.get("bed", ())):
        key, label = f"bed[{number}].label", bed["label"]
        what = "a personal number" if has_number(label) else "a person's name" if is_like_name(label) else ""
        if what:
            yield key, f'"{label}" looks like {what}', 'name the place, like "Bed 1": it stands in every alarm'
    ids = [("site", content.get("site", "")), ("edge", content.get("edge", ""))]
    for table in ("bed", "port", "station"):
        ids += [(f"{table}[{number}].id", row["id"]) for number, row in enumerate(content.get(table, ()))]
    for key, name in ids:
        if has_number(name):
            yield key, f"{name} looks like a personal number", "give it another name: it stands in topics"
