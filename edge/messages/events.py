"""Events, answers, the fence, the head of the journal, and pages of history."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.messages.alarms import AlarmMessage
from edge.messages.base import Message, Number, Stamp


class EventMessage(Message):
    """QoS 1, not retained: one transition. ``(run, event_seq)`` names it for ever; a gap in it shows."""

    schema_: Literal["event/1"] = Field(default="event/1", alias="schema")
    run: str
    event_seq: int
    phase: Literal[
        "start", "update", "escalate", "deescalate", "end", "latch", "return", "acknowledge", "accept", "remind",
        "level", "silence", "sound", "reset", "adopt",
    ]  # fmt: skip
    at: Stamp
    alarm: AlarmMessage


class OmittedMessage(Message):
    """QoS 1, not retained, in the order of the events: of a run, so many events will never come.

    They are in the gaps of ``event_seq`` from ``first_event_seq`` to ``last_event_seq``; ``high``, ``medium`` and
    ``low`` count them by the priority of their alarms.
    """

    schema_: Literal["omitted/1"] = Field(default="omitted/1", alias="schema")
    run: str
    first_event_seq: int
    last_event_seq: int
    count: int
    high: int
    medium: int
    low: int


class ResponseMessage(Message):
    """QoS 1, not retained: what became of a request. What is ``done`` is kept on disk, or ``durable`` is false.

    ``said`` is what there is to know of what was done.
    """

    schema_: Literal["response/1"] = Field(default="response/1", alias="schema")
    run: str
    request_id: str
    verb: str
    result: Literal["done", "refused"]
    reason: str
    durable: bool
    at: Stamp
    said: str = ""


class FenceMessage(Message):
    """The edge's own marker, not retained: what came before it was retained."""

    schema_: Literal["fence/1"] = Field(default="fence/1", alias="schema")
    run: str


class JournalHeadMessage(Message):
    """Retained, every hour and with each high alarm: the last row of the journal and its hash.

    Who keeps it elsewhere can show later that nothing up to this row was changed (``journal verify --head``).
    """

    schema_: Literal["journal-head/1"] = Field(default="journal-head/1", alias="schema")
    run: str
    row: int
    hash: str
    at: Stamp


class TrendMessage(Message):
    """The trend of one value, an entry each ``step_s`` from ``first_mono_s`` on: its lowest and highest in that time.

    ``marks`` has a letter an entry: ``v`` valid, ``q`` questionable, ``u`` and ``o`` under and over what the device
    measures, ``-`` nothing was measured, and ``low`` and ``high`` are null.
    """

    name: str
    unit: str
    source: str
    first_mono_s: float
    low: tuple[Number | None, ...]
    high: tuple[Number | None, ...]
    marks: str


class PastMessage(Message):
    """A row of the journal. ``age_s`` is null where it is of another boot and the clock was not known."""

    row: int
    run: str
    kind: str
    at: Stamp
    age_s: float | None
    body: dict[str, str]


class HistoryMessage(Message):
    """QoS 1, not retained: a page of what was asked for; there is more while ``next_page`` is not empty.

    ``from_mono_s`` and ``until_mono_s`` are the time that is told of, by the edge's clock. ``trends`` are in the order
    of their names, ``events`` begin with the newest.
    """

    schema_: Literal["history/1"] = Field(default="history/1", alias="schema")
    run: str
    request_id: str
    result: Literal["done", "refused"]
    reason: str
    bed: str
    what: Literal["trend", "events", ""]
    at: Stamp
    from_mono_s: float
    until_mono_s: float
    step_s: float
    trends: tuple[TrendMessage, ...]
    trends_left_out: int
    events: tuple[PastMessage, ...]
    next_page: str
