"""What the store keeps, as plain rows, and what it is asked to do with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

NEVER_OMITTED = 4
"""Stands in the place of a priority, above the highest, with a row of the outbox that says what was left out."""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """The state of one alarm that stands; one row a ``(bed, key)``."""

    bed: str
    key: str
    occurrence: str
    rev: int
    body: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event for the broker, named ``(run, event_seq)`` for ever.

    ``priority`` is its alarm's (1 low to 3 high), ``wall_s`` when it was (Unix seconds, 0 where that is not known):
    they decide what is left out first.
    """

    run: str
    event_seq: int
    topic: str
    payload: bytes
    priority: int = 3
    wall_s: float = 0.0


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One line of the history. ``wall`` is a label, ``mono_s`` compares within one kernel boot."""

    run: str
    kind: str
    wall: str
    synchronised: bool
    mono_s: float
    body: str


@dataclass(frozen=True, slots=True)
class ChainedRow:
    """A line of the history as it stands in the file: its number, and its hash, ``None`` where it has none."""

    number: int
    row: JournalRow
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of the journal and its hash: who knows them can tell later whether anything was changed."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What was answered to one request; of two answers to one ``(station, request_id)`` the first is kept."""

    station: str
    request_id: str
    body: str


@dataclass(frozen=True, slots=True)
class TherapyRow:
    """One part of a bed's therapy; one row a ``(bed, part)``. A ``body`` of ``None`` removes it."""

    bed: str
    part: str
    body: str | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """All rows of one step, committed together. ``ended`` names alarms, ``(bed, key)``, that stand no more.

    A key in both ``ended`` and ``alarms`` ended and began again: it stands. ``configuration`` is what the run is
    configured by from now on, as JSON; empty: as before.
    """

    mark: int
    alarms: tuple[AlarmRow, ...] = ()
    ended: tuple[tuple[str, str], ...] = ()
    events: tuple[OutboxRow, ...] = ()
    journal: tuple[JournalRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    therapy: tuple[TherapyRow, ...] = ()
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The broker has acknowledged an event: it leaves the outbox."""

    run: str
    event_seq: int


@dataclass(frozen=True, slots=True)
class Omitted:
    """Events, ``(run, event_seq)``, for which there is no room: they leave the outbox unsent.

    ``notice`` says so, in the place of the one whose name it has.
    """

    events: tuple[tuple[str, int], ...]
    notice: OutboxRow


Item: TypeAlias = Transaction | Sent | Omitted


@dataclass(frozen=True, slots=True)
class Run:
    """A process start, as the store notes it; ``configuration`` is what it was configured by, as JSON."""

    run: str
    boot_id: str
    wall: str
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class StoredState:
    """What the file held at the start.

    ``previous_run`` is empty where the file is new, ``previous_configuration`` where that run told none.
    ``last_known_wall`` is the last time of day (RFC 3339) that was known to be right, empty if none was.
    ``outbox`` is oldest first, and so are ``answers``, the newest of them. ``set_aside`` names the file that
    was found damaged: its alarms, events, answers and therapies are missing here. ``fault`` says why the file cannot
    be written or read; the store goes on trying.
    ``ended`` has the newest alarms, ``(bed, key, occurrence)``, of which it is known that they are over.
    ``unread``: the file could not be read, and what it keeps is not known; it is told when it can be. ``gone``: there
    was one, and nothing is left of it.
    """

    previous_run: str = ""
    previous_event_seq: int = 0
    alarms: tuple[AlarmRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    therapy: tuple[TherapyRow, ...] = ()
    set_aside: str | None = None
    fault: str = ""
    previous_configuration: str = ""
    last_known_wall: str = ""
    ended: frozenset[tuple[str, str, str]] = frozenset()
    unread: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """One occurrence of an alarm: when the journal first names it, and what it last came to."""

    occurrence: str
    bed: str
    key: str
    first_wall: str
    phase: str
    text: str
