"""The messages and topics of the MQTT contract, `infusion/v1`; the only module that a station shares with the edge.

Identifiers stand in topics, never names. Numbers travel as JSON strings of decimals, exactly as they were compared, so
that no reader rounds a dose through binary floating point. NaN and infinity are refused. What we send forbids unknown
fields; what we read tolerates them, since versions add fields and never change them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

ROOT = "infusion/v1"
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Number = Annotated[Decimal, Field(allow_inf_nan=False)]
PriorityName = Literal["low", "medium", "high"]
SilenceReasonName = Literal["audio_pause", "off_monitor", "awaiting_repeat", "at_device"]


class Message(BaseModel):
    """The base of every message: frozen, finite numbers, no unknown field in what is built here."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )

    @classmethod
    def read(cls, payload: bytes) -> Self:
        """Read a message that came over the wire; fields that a later version added are ignored, at every depth.

        Raises pydantic's ValidationError, which is a ValueError.
        """
        return cls.model_validate_json(payload, extra="ignore")


class Stamp(Message):
    """A time. ``wall`` is RFC 3339 UTC and a label only; ``mono_s`` compares within one ``run``."""

    mono_s: float
    wall: str
    synchronised: bool


class Status(Message):
    """Retained, and the will; the heartbeat. Lost after 10 s without."""

    schema_: Literal["status/1"] = Field(default="status/1", alias="schema")
    state: Literal["running", "stopped", "lost"]
    edge: Identifier
    run: str
    version: str
    previous_run: str
    previous_event_seq: int
    mono_s: float
    wall: str
    synchronised: bool


class BindingMessage(Message):
    """A bed's part of a device; ``role`` is pump or monitor."""

    port: str
    channel: str
    role: Literal["pump", "monitor"]


class RosterBed(Message):
    """A bed as configured."""

    bed: Identifier
    label: str
    bindings: tuple[BindingMessage, ...]


class DeviceIdentity(Message):
    """Who answers on a channel. An empty serial number: the device tells none, or has not yet."""

    channel: str
    serial_number: str
    model: str
    state: Literal["none", "awaited", "confirmed", "unconfirmed", "changed"]


class Device(Message):
    """A line and what answers on it. ``experimental``: nothing independent proves its driver."""

    port: str
    driver: str
    experimental: bool
    link: Literal["up", "down", "unknown"]
    detail: str
    accepted: int
    rejected: int
    identities: tuple[DeviceIdentity, ...]


class RosterMessage(Message):
    """Retained: beds, channels, devices, stations required."""

    schema_: Literal["roster/1"] = Field(default="roster/1", alias="schema")
    run: str
    beds: tuple[RosterBed, ...]
    devices: tuple[Device, ...]
    stations_required: tuple[str, ...]


class SelfCheckMessage(Message):
    """Retained, expires: the alarm system's own pulse, every 10 s."""

    schema_: Literal["self-check/1"] = Field(default="self-check/1", alias="schema")
    run: str
    count: int
    at: Stamp
    devices: tuple[Device, ...]
    outbox_depth: int
    receipts: Literal["off", "on"]
    alarms_high: int
    alarms_medium: int
    alarms_low: int


class MetricMessage(Message):
    """One value, its name with the unit last. ``value`` is null exactly when there is none to show."""

    name: str
    value: Number | None
    unit: str
    validity: Literal["valid", "questionable", "stale", "invalid", "not_available", "under", "over"]
    age_s: float | None
    source: str
    origin: str
    note: str


class ChannelMessage(Message):
    """One pump channel."""

    port: str
    channel: str
    link: Literal["up", "down", "unknown"]
    state: str
    drug: str
    metrics: tuple[MetricMessage, ...]


class SnapshotMessage(Message):
    """Retained, expires with ``valid_for_s``: every metric of a bed."""

    schema_: Literal["snapshot/1"] = Field(default="snapshot/1", alias="schema")
    run: str
    bed: Identifier
    at: Stamp
    active: bool
    valid_for_s: float
    vital_signs: tuple[MetricMessage, ...]
    channels: tuple[ChannelMessage, ...]


class OrderMessage(Message):
    """A therapy order."""

    port: str
    channel: str
    drug: str
    concentration_mg_per_ml: Number
    weight_kg: Number
    step_mg_per_kg_per_h: Number
    maximum_mg_per_kg_per_h: Number
    origin: str


class LimitMessage(Message):
    """A limit in force, with its origin."""

    condition: str
    band: str
    side: Literal["low", "high"]
    value: Number
    unit: str
    delay_s: float
    priority: PriorityName
    origin: str


class PauseMessage(Message):
    """A pause in force; it ends by itself at ``until_mono_s`` of the edge's clock."""

    reason: SilenceReasonName
    by: str
    until_mono_s: float


class TherapyMessage(Message):
    """Retained: orders, phase, limits in force, pauses. It is published when the disk has it, or took nothing.

    ``durable`` is false in the second case.
    """

    schema_: Literal["therapy/1"] = Field(default="therapy/1", alias="schema")
    run: str
    bed: Identifier
    phase: str
    orders: tuple[OrderMessage, ...]
    limits: tuple[LimitMessage, ...]
    pauses: tuple[PauseMessage, ...] = ()
    durable: bool = True


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
    """QoS 1, not retained: what became of a request. What is ``done`` is kept on disk, or ``durable`` is false."""

    schema_: Literal["response/1"] = Field(default="response/1", alias="schema")
    run: str
    request_id: str
    verb: str
    result: Literal["done", "refused"]
    reason: str
    durable: bool
    at: Stamp


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


# --- what stations send: read tolerantly, with bounds -----------------------------------------------------------------

ShortText = Annotated[str, Field(max_length=64)]
REQUEST_ID = r"^[A-Za-z0-9_.:-]{1,64}$"
RequestId = Annotated[str, Field(pattern=REQUEST_ID)]
METRICS_MAX = 32
"""More values of a bed than a page draws."""
AGO_MAX_S = 400 * 24 * 3600.0
"""The journal goes no farther back."""
KEYS_MAX = 2000
"""More alarms than 72 beds can have at once are not painted on one page."""


class RequestMessage(Message):
    """What every request carries: who asks, and what the station saw.

    ``run`` and ``edge_mono_s`` are those of the edge's last heartbeat that the station heard; a request on what is
    older than 30 s is refused. A repeat of a ``request_id`` gets the answer that was given.
    """

    request_id: RequestId
    run: ShortText
    edge_mono_s: Annotated[float, Field(allow_inf_nan=False)]
    user: ShortText = ""
    role: Literal["viewer", "technician", "nurse", "prescriber"] = "viewer"


class AlarmRequest(RequestMessage):
    """``acknowledge``, ``reset``, and ``accept``, which acknowledges as well where it says so: the one button."""

    schema_: Literal["alarm-request/1"] = Field(default="alarm-request/1", alias="schema")
    bed: ShortText
    key: Annotated[str, Field(max_length=200)]
    occurrence: ShortText
    rev: int
    acknowledge: bool = False


class PauseRequest(RequestMessage):
    """``audio-pause``, ``off-monitor``; longer than allowed is cut. An empty ``bed`` means all, and must be said."""

    schema_: Literal["pause-request/1"] = Field(default="pause-request/1", alias="schema")
    bed: ShortText
    duration_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 120.0


class ResumeRequest(RequestMessage):
    """``resume``: end the pauses of a bed; of all, where ``bed`` is empty, which must be said."""

    schema_: Literal["resume-request/1"] = Field(default="resume-request/1", alias="schema")
    bed: ShortText


class ConfirmDeviceRequest(RequestMessage):
    """``confirm-device``: the device with this serial number belongs there."""

    schema_: Literal["confirm-device-request/1"] = Field(default="confirm-device-request/1", alias="schema")
    bed: ShortText
    port: ShortText
    channel: ShortText
    serial_number: ShortText


class PlainRequest(RequestMessage):
    """``test-alarm`` and ``reassert``, which need nothing more."""

    schema_: Literal["plain-request/1"] = Field(default="plain-request/1", alias="schema")


class HistoryRequest(RequestMessage):
    """``history``: a bed's trends, or what the journal has of it; nothing changes by it.

    The time is given in seconds ago, or by the edge's clock, which counts where it is given. No ``metrics``: all of
    them. An empty ``bed``: events of no bed. ``page`` is the ``next_page`` of the answer before.
    """

    schema_: Literal["history-request/1"] = Field(default="history-request/1", alias="schema")
    bed: ShortText
    what: Literal["trend", "events"]
    metrics: Annotated[tuple[ShortText, ...], Field(max_length=METRICS_MAX)] = ()
    from_ago_s: Annotated[float, Field(ge=0, le=AGO_MAX_S, allow_inf_nan=False)] = 3600.0
    until_ago_s: Annotated[float, Field(ge=0, le=AGO_MAX_S, allow_inf_nan=False)] = 0.0
    from_mono_s: Annotated[float, Field(allow_inf_nan=False)] | None = None
    until_mono_s: Annotated[float, Field(allow_inf_nan=False)] | None = None
    page: ShortText = ""


REQUESTS: dict[str, type[RequestMessage]] = {
    "accept": AlarmRequest,
    "acknowledge": AlarmRequest,
    "reset": AlarmRequest,
    "audio-pause": PauseRequest,
    "off-monitor": PauseRequest,
    "resume": ResumeRequest,
    "confirm-device": ConfirmDeviceRequest,
    "test-alarm": PlainRequest,
    "reassert": PlainRequest,
}
"""The verbs, and the message of each."""

LOOKS: dict[str, type[RequestMessage]] = {"history": HistoryRequest}
"""Verbs that only look, and the message of each: answered in messages of their own, and not journalled."""


class PaintedAlarm(Message):
    """An alarm that a page paints, and the revision of it."""

    bed: ShortText
    key: Annotated[str, Field(max_length=200)]
    occurrence: ShortText
    rev: int


class ReceiptMessage(Message):
    """A page says every 3 s, and with each change, what it paints; a station's server never does by itself.

    ``page`` is a name that the page gives itself, other than that of any other page of the station. ``beds`` are in
    view on it while it is visible; ``audible``: its sound works.
    """

    schema_: Literal["receipt/1"] = Field(default="receipt/1", alias="schema")
    run: ShortText
    page: ShortText = ""
    audible: bool
    beds: Annotated[tuple[ShortText, ...], Field(max_length=KEYS_MAX)]
    displayed: Annotated[tuple[PaintedAlarm, ...], Field(max_length=KEYS_MAX)]


class StationStatusMessage(Message):
    """A station's server says that it lives: retained, and the will. It says nothing of what pages show."""

    schema_: Literal["station-status/1"] = Field(default="station-status/1", alias="schema")
    state: Literal["running", "stopped", "lost"]
    station: Identifier
    run: str
    version: str
    mono_s: float
    pages: int


class Topics:
    """The topics of one edge."""

    def __init__(self, site: str, edge: str) -> None:
        self.prefix = f"{ROOT}/{site}/edge/{edge}"
        self.status = f"{self.prefix}/status"
        self.roster = f"{self.prefix}/roster"
        self.self_check = f"{self.prefix}/self-check"
        self.fence = f"{self.prefix}/fence"
        self.event = f"{self.prefix}/event"
        self.omitted = f"{self.prefix}/omitted"
        self.journal = f"{self.prefix}/journal"

    def response(self, station: str) -> str:
        """Where a station hears what became of its requests."""
        return f"{self.prefix}/response/{station}"

    def history(self, station: str) -> str:
        """Where a station gets the pages of history that it asked for."""
        return f"{self.prefix}/history/{station}"

    def request(self, station: str, verb: str) -> str:
        """Where a station asks."""
        return f"{self.prefix}/request/{station}/{verb}"

    def receipt(self, station: str) -> str:
        """Where a station's pages say what they paint."""
        return f"{self.prefix}/receipt/{station}"

    def scope(self, bed: str) -> str:
        """Where a bed's topics stand; the edge's own for an empty ``bed``."""
        return f"{self.prefix}/bed/{bed}" if bed else self.prefix

    def snapshot(self, bed: str) -> str:
        """Every metric of a bed."""
        return f"{self.scope(bed)}/snapshot"

    def therapy(self, bed: str) -> str:
        """A bed's order, phase and limits."""
        return f"{self.scope(bed)}/therapy"

    def alarms(self, bed: str) -> str:
        """The index of present alarms."""
        return f"{self.scope(bed)}/alarms"

    def alarm(self, bed: str, key: str) -> str:
        """One alarm."""
        return f"{self.scope(bed)}/alarm/{key}"
