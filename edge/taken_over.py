"""What a run takes over from the store, in the core's words; a row that cannot be read is said, and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

import structlog

from edge.bodies import alarm_from_body, answer_from_body, boot_of, kept_from_body
from edge.core.config import CoreConfig
from edge.core.inputs import AlarmFound, StoreRead
from edge.core.model import Instant
from edge.core.restore import initial_state
from edge.core.state import CoreState
from edge.core.therapy_state import KeptPart
from edge.rows import StoredState, TherapyRow

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


def core_state(config: CoreConfig, run: str, boot: str, now: Instant, stored: StoredState) -> CoreState:
    """Make the state that a run begins with, in the kernel's boot ``boot``."""
    rows = [(row, alarm) for row in stored.alarms if (alarm := _restored(row.body, alarm_from_body)) is not None]
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
    state.edge.unreadable = unreadable
    state.disks.unread = stored.fault if stored.unread else ""
    state.edge.store_set_aside = stored.set_aside or ""
    state.edge.store_failure = stored.fault
    state.alarms.kept = not stored.fault
    return state


def found_later(stored: StoredState, boot: str, now: Instant) -> Iterator[AlarmFound | StoreRead]:
    """Say what a store kept that could be read only when the run went on already, therapies first."""
    parts, unreadable = _therapy(stored, boot)
    yield StoreRead(now.mono_s, parts, unreadable, stored.set_aside or "")
    for row in stored.alarms:
        alarm = _restored(row.body, alarm_from_body)
        if alarm is not None:
            yield AlarmFound(now.mono_s, alarm, shown=False)


def _therapy(stored: StoredState, boot: str) -> tuple[tuple[KeptPart, ...], tuple[str, ...]]:
    """Return the parts of all therapies, and the beds of those that cannot be read."""
    parts = [(row, _kept_part(row, boot)) for row in stored.therapy]
    # A lost order or patient is no detail: somebody must look at the bed.
    unreadable = tuple(row.bed for row, part in parts if part is None and row.bed)
    return tuple(part for _, part in parts if part is not None), unreadable


def last_known_s(stored: StoredState) -> float | None:
    """Return the last time of day that was known to be right, Unix seconds."""
    try:
        return datetime.fromisoformat(stored.last_known_wall).timestamp()
    except ValueError:
        return None


def _kept_part(row: TherapyRow, boot: str) -> KeptPart | None:
    body = row.body or ""
    kept = _restored(body, lambda text: kept_from_body(row.part, text))
    return None if kept is None else KeptPart(row.bed, row.part, kept, here=boot_of(body) == boot != "")


def _restored(body: str, read: Callable[[str], _T]) -> _T | None:
    """Read a stored row; one that cannot be read is said loudly, and must not keep the edge from starting."""
    try:
        return read(body)
    except ValueError as error:
        _log.error("a stored row cannot be read", body=body, reason=str(error))
        return None
