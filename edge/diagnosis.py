"""What `infusion-edge doctor` finds: one row a check, how bad it is, and what a person can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. ``WARNING``: it works, and something is missing or will end. ``ERROR``: it does not work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding. ``remedy`` is empty only where all is well."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Row:
    """All is well."""
    return Row(check, Level.OK, text)


def warning(check: str, text: str, remedy: str) -> Row:
    """It works, and somebody should look."""
    return Row(check, Level.WARNING, text, remedy)


def error(check: str, text: str, remedy: str) -> Row:
    """It does not work."""
    return Row(check, Level.ERROR, text, remedy)
