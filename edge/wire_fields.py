"""From a frozen value of the core to the fields of a message, for those who encode."""

from __future__ import annotations

from typing import TypeVar

from edge.clock import rfc3339
from edge.core.model import Instant, Priority
from edge.messages.base import Message, Stamp

_SAME: dict[tuple[type[Message], type[object]], tuple[str, ...]] = {}
"""The fields that a message shares with what it is made of, by their classes: looked up once."""

M = TypeVar("M", bound=Message)


def by_name(kind: type[M], source: object, **given: object) -> M:
    """Build a message from the fields of equal name in ``source`` and what is ``given``, checked by its model.

    Raises ``ValueError`` if a field is missing or breaks the contract.
    """
    classes = (kind, type(source))
    names = _SAME.get(classes)
    if names is None:
        names = _SAME[classes] = tuple(name for name in kind.model_fields if hasattr(type(source), name))
    fields = {name: getattr(source, name) for name in names}
    fields.update(given)
    return kind.model_validate(fields, from_attributes=True)


def stamp(at: Instant) -> Stamp:
    """Return a moment as messages have it."""
    return Stamp(mono_s=at.mono_s, wall=rfc3339(at.wall_s), synchronised=at.synchronised)


def maybe_stamp(at: Instant | None) -> Stamp | None:
    """Return a moment as messages have it, if there is one."""
    return None if at is None else stamp(at)


def priority(of: Priority) -> str:
    """Return a priority's name on the wire."""
    return of.name.lower()
