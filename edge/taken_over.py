"""What a run takes over from the store, in the core's words; a row that cannot be read is said, and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import structlog

from edge.bodies import alarm_from_body, answer_from_body, boot_of, kept_from_body
from edge.core.config import CoreConfig
from edge.core.inputs import AlarmFound, StoreRead
from edge.core.model import Alarm, Instant
from edge.core.restore import initial_state
from edge.core.state import CoreState
from edge.core.therapy_state import DAY, KeptPart, kind_of
from edge.messages.topics import Topics
from edge.rows import AlarmRow, OutboxRow, StoredState, TherapyRow

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


def core_state(config: CoreConfig, run: str, boot: str, now: Instant, stored: StoredState) -> CoreState:
    """Make the state that a run begins with, in the kernel's boot ``boot``."""
    rows, spoiled = _alarms(config.edge, stored)
    answers = [answer for row in stored.answers if (answer := _restored(row.body, answer_from_body)) is not None]
    parts, unreadable = _therapy(stored, boot)
    state = initial_state(
        config,
        run,
        now,
        [alarm for row, alarm in rows if boot_of(row.body) == boot != ""],
        of_other_boots=[alarm for row, alarm in rows if boot_of(row.body) != boot or not boot],
        answers=answers,
        therapy=parts,
    )
    state.edge.unreadable = unreadable + spoiled + _gone(config.edge, stored)
    state.disks.unread = stored.fault if stored.unread else ""
    state.edge.store_set_aside = stored.set_aside or ""
    state.edge.store_failure = stored.fault
    state.alarms.kept = not stored.fault
    return state


def found_later(edge: str, stored: StoredState, boot: str, now: Instant) -> Iterator[AlarmFound | StoreRead]:
    """Say what a store kept that could be read only when the run went on already, therapies first."""
    parts, unreadable = _therapy(stored, boot)
    rows, spoiled = _alarms(edge, stored)
    yield StoreRead(now.mono_s, parts, unreadable + spoiled + _gone(edge, stored), stored.set_aside or "")
    for _, alarm in rows:
        yield AlarmFound(now.mono_s, alarm, shown=False)


def _gone(edge: str, stored: StoredState) -> tuple[str, ...]:
    return (edge,) if stored.gone else ()


def _alarms(edge: str, stored: StoredState) -> tuple[list[tuple[AlarmRow, Alarm]], tuple[str, ...]]:
    """Return the alarms with their rows, and of whom there are such that cannot be read."""
    found = [(row, _restored(row.body, alarm_from_body)) for row in stored.alarms]
    spoiled = tuple(row.bed or edge for row, alarm in found if alarm is None)
    return [(row, alarm) for row, alarm in found if alarm is not None], spoiled


def _therapy(stored: StoredState, boot: str) -> tuple[tuple[KeptPart, ...], tuple[str, ...]]:
    """Return the parts of all therapies, and of whom there are such that cannot be read: beds, or cases."""
    parts = [(row, _kept_part(row, boot)) for row in stored.therapy]
    # A lost order, patient or total of a day is no detail: somebody must look. A weight of before is asked for anew.
    unreadable = tuple(
        row.bed or row.part.partition(":")[2]
        for row, part in parts
        if part is None and (row.bed or kind_of(row.part) == DAY)
    )
    return tuple(part for _, part in parts if part is not None), unreadable


def addressed(outbox: tuple[OutboxRow, ...], topics: Topics) -> tuple[OutboxRow, ...]:
    """Return what was not sent yet, under the name of now: refused under another it would hold up all that follow."""
    own = (topics.event, topics.omitted)
    others = [row for row in outbox if row.topic not in own]
    if others:
        _log.warning("events of another name are sent under this one", count=len(others), first=others[0].topic)
    return tuple(row if row.topic in own else replace(row, topic=_own(row.topic, topics)) for row in outbox)


def _own(topic: str, topics: Topics) -> str:
    return topics.omitted if topic.endswith("/omitted") else topics.event


def last_known_s(stored: StoredState) -> float | None:
    """Return the last time of day that was known to be right, Unix seconds."""
    try:
        return datetime.fromisoformat(stored.last_known_wall).timestamp()
    except ValueError:
        return None


def _kept_part(row: TherapyRow, boot: str) -> KeptPart | None:
    body = row.body or ""
    kept = _restored(body, lambda text: kept_from_body(row.bed, row.part, text))
    return None if kept is None else KeptPart(row.bed, row.part, kept, here=boot_of(body) == boot != "")


def _restored(body: str, read: Callable[[str], _T]) -> _T | None:
    """Read a stored row; one that cannot be read is said loudly, and must not keep the edge from starting."""
    try:
        return read(body)
    except ValueError as error:
        _log.error("a stored row cannot be read", body=body, reason=str(error))
        return None
