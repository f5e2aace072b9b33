"""The index of present alarms, and one alarm."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.messages.base import Message, Number, PriorityName, SilenceReasonName, Stamp


class IndexEntry(Message):
    """A present alarm in an index."""

    key: str
    occurrence: str
    rev: int
    priority: PriorityName


class InhibitedMessage(Message):
    """A condition that may not begin, and the technical alarm that explains it."""

    key: str
    by: str


class AlarmIndexMessage(Message):
    """Retained: which alarms stand in a scope. An alarm that is not in the current run's index is over."""

    schema_: Literal["alarm-index/1"] = Field(default="alarm-index/1", alias="schema")
    run: str
    bed: str
    alarms: tuple[IndexEntry, ...]
    inhibited: tuple[InhibitedMessage, ...] = ()


class LimitPassedMessage(Message):
    """The limit that an alarm passed."""

    side: Literal["low", "high"]
    band: str
    value: Number
    origin: str


class AcknowledgementMessage(Message):
    """Who silenced the alarm, and until when by the edge's clock."""

    by: str
    at: Stamp
    until_mono_s: float


class AcceptanceMessage(Message):
    """Who goes to the patient."""

    by: str
    at: Stamp


class SilenceMessage(Message):
    """Why the alarm makes no sound though nobody acknowledged it, and until when by the edge's clock."""

    reason: SilenceReasonName
    by: str
    until_mono_s: float


class DeliveryMessage(Message):
    """How far the alarm came; ``level`` 1: its bed's screens, 2: all screens of the ward, 3: the nurse call."""

    state: Literal["queued", "broker_ack", "displayed", "accepted", "undelivered"]
    level: int
    noise_rev: int
    published: Stamp | None
    broker_ack: Stamp | None
    displayed: Stamp | None
    displayed_by: str


class SaidMessage(Message):
    """What is so now, where that is milder than what nobody has acknowledged yet."""

    priority: PriorityName
    band: str
    text: str
    value: Number | None
    unit: str
    limit: LimitPassedMessage | None
    evidence: dict[str, str]


class AlarmMessage(Message):
    """Retained on the alarm's own topic: the whole alarm. It is over when its ``signal`` is off: its "cleared".

    ``present`` says whether its condition is so now; a latched alarm's is not. It asks for a sound while ``audible``.
    """

    schema_: Literal["alarm/1"] = Field(default="alarm/1", alias="schema")
    run: str
    key: str
    condition: str
    bed: str
    port: str
    channel: str
    occurrence: str
    rev: int
    kind: Literal["physiological", "technical"]
    audience: Literal["nurse", "technician"]
    priority: PriorityName
    band: str
    present: bool
    verifiable: bool
    signal: Literal["off", "on", "latched", "acknowledged"]
    durable: bool
    text: str
    action: str
    onset: Stamp
    changed: Stamp
    value: Number | None
    unit: str
    limit: LimitPassedMessage | None
    evidence: dict[str, str]
    audible: bool = True
    latching: bool = False
    returns: int = 0
    event_at: Stamp | None = None
    acknowledgement: AcknowledgementMessage | None = None
    acceptance: AcceptanceMessage | None = None
    silence: SilenceMessage | None = None
    delivery: DeliveryMessage | None = None
    now: SaidMessage | None = None
