"""The fields of every message, one a line, so that it shows which were there before.

    python -m tests.packaging.contract --write      # with a release: what it has stays for its version

A line has the message, the way to the field, what it may be, and whether it is always there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.schemas import FOLDER

KEPT = Path(__file__).with_name("contract.txt")
_PLAIN = ("type", "const", "format", "pattern")


def lines() -> list[str]:
    """Return those of the schemas as they are."""
    found: set[str] = set()
    for path in sorted(FOLDER.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        found.update(_fields(schema, schema.get("$defs", {}), path.stem))
    return sorted(found)


def _fields(schema: dict[str, Any], known: dict[str, Any], way: str) -> Iterator[str]:
    """Give a line for each field of an object, and of what is in it."""
    schema = _resolved(schema, known)
    for name, field in schema.get("properties", {}).items():
        inner = f"{way}.{name}"
        always = "always" if name in schema.get("required", ()) else "sometimes"
        for what in _kinds(field, known):
            yield f"{inner} {what} {always}"
        yield from _inside(field, known, inner)


def _inside(schema: dict[str, Any], known: dict[str, Any], way: str) -> Iterator[str]:
    schema = _resolved(schema, known)
    for one in schema.get("anyOf", ()):
        yield from _inside(one, known, way)
    for each in [schema["items"]] if isinstance(schema.get("items"), dict) else schema.get("prefixItems", ()):
        for what in _kinds(each, known):
            yield f"{way}[] {what} always"
        yield from _inside(each, known, f"{way}[]")
    yield from _fields(schema, known, way)


def _kinds(schema: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    """Give what a field may be: each is a promise of its own, so that one more changes none."""
    schema = _resolved(schema, known)
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _kinds(one, known)
    elif "enum" in schema:
        yield from (f"is {value!r}" for value in schema["enum"])
    else:
        yield " ".join(f"{name}={schema[name]!r}" for name in _PLAIN if name in schema) or "anything"


def _resolved(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    return schema


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    KEPT.write_text("\n".join(lines()) + "\n", encoding="utf-8")
