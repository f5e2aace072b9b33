"""Reads the tables of a scenario's file: each key once, each quantity with its unit, nothing unknown.

What is wrong is told with the file, the key and the remedy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum

EXCERPT_CHARS = 60
"""How much of a wrong value is shown again."""

TEXT_MAX_CHARS = 400
BODY_MAX_CHARS = 2_000
"""A request with everything in it has half as many."""

_QUANTITY = re.compile(r"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?) (\S{1,12})")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class ScenarioError(Exception):
    """A scenario cannot be played: what is wrong where, and what to do."""

    def __init__(self, file: str, key: str, message: str, remedy: str) -> None:
        place = f"{file}: {key}" if key else file
        super().__init__(f"{place}: {message}; {remedy}")


class Quantity(StrEnum):
    """What is told with a unit; its value is an example."""

    TIME = "90 s"
    DOSE = "1.0 mg/kg/h"
    RATE = "7.00 mL/h"
    VOLUME = "2.5 mL"
    CONCENTRATION = "10 mg/mL"
    WEIGHT = "70 kg"
    SHARE = "0.5 %"
    PER_MIN = "120 /min"
    PERCENT = "84 %"
    MMHG = "60 mmHg"


@dataclass(frozen=True, slots=True)
class _Measure:
    """The units that are taken, each with its size in the first one, and the bounds in that one."""

    units: Mapping[str, Decimal]
    least: Decimal
    most: Decimal


def _measure(units: Mapping[str, str], least: str, most: str) -> _Measure:
    return _Measure({unit: Decimal(size) for unit, size in units.items()}, Decimal(least), Decimal(most))


# The bounds stop slips of a digit in a file, and let a scenario have a tenfold dose.
_MEASURES = {
    Quantity.TIME: _measure({"s": "1", "min": "60", "h": "3600"}, "0", "604800"),
    Quantity.DOSE: _measure({"mg/kg/h": "1"}, "0.001", "100"),
    Quantity.RATE: _measure({"mL/h": "1"}, "0.01", "1800"),
    Quantity.VOLUME: _measure({"mL": "1"}, "0.01", "1000"),
    Quantity.CONCENTRATION: _measure({"mg/mL": "1"}, "0.001", "1000"),
    Quantity.WEIGHT: _measure({"kg": "1"}, "0.5", "300"),
    Quantity.SHARE: _measure({"%": "0.01"}, "0.000001", "1"),
    Quantity.PER_MIN: _measure({"/min": "1"}, "0", "300"),
    Quantity.PERCENT: _measure({"%": "1"}, "0", "100"),
    Quantity.MMHG: _measure({"mmHg": "1"}, "0", "300"),
}


class Table:
    """One table of a file, whose keys are taken one by one; ``done`` refuses what is left.

    ``written`` has what was taken, as it stands in the file.
    """

    def __init__(self, file: str, key: str, content: Mapping[str, object]) -> None:
        self._file = file
        self._key = key
        self._left = dict(content)
        self._known: list[str] = []
        self.written: dict[str, str] = {}

    def error(self, name: str, message: str, remedy: str) -> ScenarioError:
        """Return what to raise for a key of this table, or for the table itself if it has no name."""
        key = f"{self._key}.{name}" if self._key and name else self._key or name
        return ScenarioError(self._file, key, message, remedy)

    def done(self) -> None:
        """Refuse keys that nobody took."""
        for name in self._left:
            raise self.error(name, "is not a known key", nearest(name, self._known))

    def has(self, name: str) -> bool:
        """Tell whether a key is there and was not taken yet."""
        self._known.append(name)
        return name in self._left

    def _take(self, name: str) -> object:
        if not self.has(name):
            raise self.error(name, "is missing", "add it; docs/scenarios.md explains every key")
        raw = self._left.pop(name)
        self.written[name] = str(raw)
        return raw

    def text(self, name: str, default: str | None = None) -> str:
        """Take a text that can be shown."""
        if default is not None and not self.has(name):
            return default
        raw = self._take(name)
        if not isinstance(raw, str) or not raw.strip() or len(raw) > TEXT_MAX_CHARS or not raw.isprintable():
            raise self.error(name, f"{_shown(raw)} is no text", f"write 1 to {TEXT_MAX_CHARS} characters in quotes")
        return raw

    def identifier(self, name: str) -> str:
        """Take a name that can stand in a topic and in a path."""
        raw = self._take(name)
        if not isinstance(raw, str) or _IDENTIFIER.fullmatch(raw) is None:
            remedy = "use 1 to 32 lower-case letters, digits and hyphens, no hyphen first"
            raise self.error(name, f"{_shown(raw)} is no identifier", remedy)
        return raw

    def choice(self, name: str, known: Iterable[str], default: str | None = None) -> str:
        """Take one of some words."""
        words = [str(word) for word in known]
        if default is not None and not self.has(name):
            return default
        raw = self._take(name)
        if not isinstance(raw, str) or raw not in words:
            raise self.error(name, f"{_shown(raw)} cannot be used here", nearest(str(raw), words))
        return raw

    def flag(self, name: str, *, default: bool) -> bool:
        """Take true or false."""
        if not self.has(name):
            return default
        raw = self._take(name)
        if not isinstance(raw, bool):
            raise self.error(name, f"{_shown(raw)} is neither true nor false", "write true or false")
        return raw

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Take a whole number within bounds."""
        if default is not None and not self.has(name):
            return default
        raw = self._take(name)
        if not isinstance(raw, int) or isinstance(raw, bool) or not low <= raw <= high:
            raise self.error(name, f"{_shown(raw)} is not accepted", f"write a whole number from {low} to {high}")
        return raw

    def quantity(self, name: str, what: Quantity, default: str | None = None, *, signed: bool = False) -> Decimal:
        """Take a number with its unit; it comes in the first unit of the quantity, a share as a part of 1."""
        if default is not None and not self.has(name):
            self._left[name] = default
        raw = self._take(name)
        measure, example = _MEASURES[what], f'write it like "{what}"'
        found = _QUANTITY.fullmatch(raw) if isinstance(raw, str) else None
        if found is None:
            raise self.error(name, f"{_shown(raw)} is not a number, a space and a unit", example)
        number, unit = found.groups()
        if unit not in measure.units:
            raise self.error(name, f"{_shown(raw)} is not in {' or '.join(measure.units)}", example)
        value = Decimal(number) * measure.units[unit]
        if not measure.least <= (abs(value) if signed else value) <= measure.most:
            base, size = next(iter(measure.units.items()))
            bounds = f"{measure.least / size:f} to {measure.most / size:f} {base}"
            raise self.error(name, f"{_shown(raw)} is out of bounds", f"it is {bounds}")
        return value

    def seconds(self, name: str, default: str | None = None, *, signed: bool = False) -> float:
        """Take a time; with ``signed`` it may go back."""
        return float(self.quantity(name, Quantity.TIME, default, signed=signed))

    def tables(self, name: str, *, least: int = 0) -> list[Table]:
        """Take a list of tables."""
        raw = self._take(name) if self.has(name) else []
        if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
            raise self.error(name, "is not a list of tables", f"write [[{name}]], once for each")
        if len(raw) < least:
            raise self.error(name, "is missing", f"write at least one [[{name}]]")
        key = f"{self._key}.{name}" if self._key else name
        return [Table(self._file, f"{key}[{index}]", row) for index, row in enumerate(raw)]

    def body(self, name: str) -> str:
        """Take a table of whatever a request can hold, as JSON."""
        raw = self._take(name) if self.has(name) else {}
        try:
            said = json.dumps(raw) if isinstance(raw, dict) else ""
        except TypeError:  # a date, which no request has
            said = ""
        if not said or len(said) > BODY_MAX_CHARS:
            raise self.error(name, "is no table of texts, numbers and flags", f'write {name} = {{ case = "c-17" }}')
        self.written[name] = f" ({_told(raw)})" if raw else ""
        return said

    def table(self, name: str) -> Table:
        """Take a table."""
        raw = self._take(name)
        if not isinstance(raw, dict):
            raise self.error(name, "is not a table", f"write {name} = {{ ... }}")
        return Table(self._file, f"{self._key}.{name}" if self._key else name, raw)


def positive_seconds(table: Table, name: str, default: str | None = None) -> float:
    """Take a time that is above nothing."""
    value = table.seconds(name, default)
    if not value:
        raise table.error(name, "is nothing", "give a time above 0 s")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the remedy for a name that is none of ``known``: the nearest one, or all."""
    names = sorted(set(known))
    near = get_close_matches(name, names, n=1)
    return f'did you mean "{near[0]}"?' if near else f"known: {', '.join(names) or 'none'}"


def _told(raw: object) -> str:
    """Say a value as people read it: ``case c-17, weight 70 kg``."""
    if isinstance(raw, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_told(value)}" for name, value in raw.items())
    if isinstance(raw, list):
        return "; ".join(map(_told, raw))
    return {True: "yes", False: "no"}[raw] if isinstance(raw, bool) else str(raw)


def _shown(raw: object) -> str:
    return f'"{raw[:EXCERPT_CHARS]}"' if isinstance(raw, str) else repr(raw)[:EXCERPT_CHARS]
