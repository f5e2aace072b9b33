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


class DoseMessage(Message):
    """What a pump channel has given: totals as their two ends, and what its counter says of its rate."""

    port: str
    channel: str
    drug: str
    volume_check: Literal["no_counter", "not_yet", "agrees", "more", "less"]
    volume_check_text: str
    infusing_s: float
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
    doses: tuple[DoseMessage, ...] = ()


class OverrideMessage(Message):
    """A soft limit of the library that somebody passed knowingly, and why."""

    condition: str
    limit: Number
    reason: str
    by: str


class OrderMessage(Message):
    """A therapy order; null: it is not ordered. ``rev`` is named by whoever asks something of it."""

    port: str
    channel: str
    drug: str
    concentration_mg_per_ml: Number
    weight_kg: Number
    step_mg_per_kg_per_h: Number
    maximum_mg_per_kg_per_h: Number
    origin: str
    rev: int = 1
    start_mg_per_kg_per_h: Number | None = None
    increment_mg_per_kg_per_h: Number | None = None
    step_interval_s: float | None = None
    total_mg_per_kg: Number | None = None
    planned_s: float | None = None
    cuff_interval_s: float | None = None
    round_interval_s: float | None = None
    given_before_mg: Number | None = None
    prefilled: bool = False
    overrides: tuple[OverrideMessage, ...] = ()
    by: str = ""
    confirmed_by: str = ""
    placed: Stamp | None = None


class AwaitingMessage(Message):
    """An order that is not in force until another person than ``user`` confirms it.

    ``passed`` says which soft limits it passes without a reason: it cannot be confirmed before somebody gives one.
    Who confirms it has read its ``advisories``.
    """

    order: OrderMessage
    user: str
    passed: tuple[str, ...]
    until_mono_s: float
    advisories: tuple[str, ...] = ()


KnownName = Literal["yes", "no", "unknown"]


class ChecklistMessage(Message):
    """What was asked before a treatment. What is unknown tightens limits as a yes does."""

    heart_disease: KnownName = "unknown"
    cyp3a4_inhibitor: KnownName = "unknown"
    cyp2b6_inhibitor: KnownName = "unknown"
    opioids: KnownName = "unknown"
    sedatives: KnownName = "unknown"
    dependence: KnownName = "unknown"
    age_65_or_over: KnownName = "unknown"
    treatments_in_7_days: int | None = None


class PatientMessage(Message):
    """Who is at a bed: an opaque case number, never a name."""

    case: str
    weight_kg: Number
    checklist: ChecklistMessage
    by: str
    started: Stamp
    rev: int


class BaselineMessage(Message):
    """What is usual for the patient; null was not measured."""

    heart_rate_per_min: Number | None
    nibp_sys_mmhg: Number | None
    nibp_mean_mmhg: Number | None
    by: str
    at: Stamp


AirwayName = Literal["clear", "secretions", "choking"]
DegreeName = Literal["none", "mild", "moderate", "severe"]


class RoundMessage(Message):
    """One observation round; null was not looked at."""

    at: Stamp
    by: str
    phase: str
    airway: AirwayName | None
    rass: int | None
    anxiety: DegreeName | None
    nausea: DegreeName | None
    pain: int | None


class ChannelRoleMessage(Message):
    """A pump channel that is not there for an order."""

    port: str
    channel: str
    role: Literal["ordered", "carrier", "not_supervised"]
    by: str
    at: Stamp


class AdjustedLimitMessage(Message):
    """A band of a limit as somebody set it for this patient."""

    condition: str
    band: str
    value: Number
    by: str
    at: Stamp


class PromptMessage(Message):
    """Something that is to be done, and when it is due, or ends, by the edge's clock."""

    kind: Literal["round", "confirm-order", "close", "baseline"]
    due_mono_s: float
    port: str = ""
    channel: str = ""


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
    """Retained: patient, orders, phase, limits in force, what is due. ``rounds`` are the last of them.

    It is published when the disk has it, or took nothing: then ``durable`` is false.
    """

    schema_: Literal["therapy/1"] = Field(default="therapy/1", alias="schema")
    run: str
    bed: Identifier
    phase: str
    orders: tuple[OrderMessage, ...]
    limits: tuple[LimitMessage, ...]
    pauses: tuple[PauseMessage, ...] = ()
    durable: bool = True
    phase_since: Stamp | None = None
    step: int = 0
    recovery_until_mono_s: float | None = None
    patient: PatientMessage | None = None
    awaiting: tuple[AwaitingMessage, ...] = ()
    baseline: BaselineMessage | None = None
    rounds: tuple[RoundMessage, ...] = ()
    adjusted: tuple[AdjustedLimitMessage, ...] = ()
    roles: tuple[ChannelRoleMessage, ...] = ()
    prompts: tuple[PromptMessage, ...] = ()


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


Quantity = Annotated[str, Field(max_length=32)]
"""What a person typed or was shown, a number, a space and its unit: "70 kg", "10 mg/mL", "1.0 mg/kg/h", "70 min"."""

CaseNumber = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$")]
ReasonText = Annotated[str, Field(max_length=200)]


class StartPatientRequest(RequestMessage):
    """``start-patient``: an opaque case number, the weight with its unit, and the checklist.

    ``sure`` answers a question that a refusal put, here and wherever it stands.
    """

    schema_: Literal["start-patient-request/1"] = Field(default="start-patient-request/1", alias="schema")
    bed: ShortText
    case: CaseNumber
    weight: Quantity
    checklist: ChecklistMessage = ChecklistMessage()
    sure: bool = False


class PatientRequest(RequestMessage):
    """What is asked about the patient whom the asker saw."""

    bed: ShortText
    case: CaseNumber


class CloseRequest(PatientRequest):
    """``close``: the therapy is over; ``reason`` where it is so sooner than the recovery takes."""

    schema_: Literal["close-request/1"] = Field(default="close-request/1", alias="schema")
    reason: ReasonText = ""


class EndInfusionRequest(PatientRequest):
    """``end-infusion``: the pump is stopped for good."""

    schema_: Literal["end-infusion-request/1"] = Field(default="end-infusion-request/1", alias="schema")


class ChannelRequest(PatientRequest):
    """What is asked about a pump channel; without ``port``, the only one that can be meant."""

    port: ShortText = ""
    channel: ShortText = ""


class OrderRequest(ChannelRequest):
    """``order``: a new one, or a revision of the one with ``rev`` (0: there is none).

    What is left out comes from the order before, from the pump, or from the library.
    """

    schema_: Literal["order-request/1"] = Field(default="order-request/1", alias="schema")
    rev: int = 0
    concentration: Quantity
    weight: Quantity
    drug: ShortText = ""
    step: Quantity | None = None
    start: Quantity | None = None
    maximum: Quantity | None = None
    increment: Quantity | None = None
    step_interval: Quantity | None = None
    total: Quantity | None = None
    planned: Quantity | None = None
    cuff_interval: Quantity | None = None
    round_interval: Quantity | None = None
    given_before: Quantity | None = None
    reason: ReasonText = ""
    sure: bool = False


class OrderRevRequest(ChannelRequest):
    """``confirm``, ``withdraw``: of the order ``rev`` that the asker saw."""

    schema_: Literal["order-rev-request/1"] = Field(default="order-rev-request/1", alias="schema")
    rev: int


class OverrideRequest(ChannelRequest):
    """``override``: why the order ``rev`` may pass its soft limits."""

    schema_: Literal["override-request/1"] = Field(default="override-request/1", alias="schema")
    rev: int
    reason: Annotated[str, Field(min_length=3, max_length=200)]


class StepRequest(ChannelRequest):
    """``step``: another step inside the range of the order ``rev``."""

    schema_: Literal["step-request/1"] = Field(default="step-request/1", alias="schema")
    rev: int
    step: Quantity


class ReadingRequest(Message):
    """One measurement for a baseline."""

    heart_rate: Quantity | None = None
    nibp_sys: Quantity | None = None
    nibp_mean: Quantity | None = None


class BaselineRequest(PatientRequest):
    """``baseline``: up to three readings, of which the median counts; without any, what the monitor shows now."""

    schema_: Literal["baseline-request/1"] = Field(default="baseline-request/1", alias="schema")
    readings: Annotated[tuple[ReadingRequest, ...], Field(max_length=3)] = ()


class LimitsRequest(PatientRequest):
    """``limits``: a band of a vital sign's limit for this patient; without ``value``, as it was before."""

    schema_: Literal["limits-request/1"] = Field(default="limits-request/1", alias="schema")
    condition: ShortText
    band: ShortText
    value: Quantity | None = None


class ObserveRequest(PatientRequest):
    """``observe``: a round; ``all_well`` is one tap, for whatever is not said otherwise but pain.

    ``vital_signs`` were measured by hand: heart_rate, spo2, respiratory_rate, nibp_sys, nibp_dia, nibp_mean.
    """

    schema_: Literal["observe-request/1"] = Field(default="observe-request/1", alias="schema")
    all_well: bool = False
    airway: AirwayName | None = None
    rass: int | None = None
    anxiety: DegreeName | None = None
    nausea: DegreeName | None = None
    pain: int | None = None
    vital_signs: Annotated[dict[ShortText, Quantity], Field(max_length=6)] = {}


class ManualDoseRequest(PatientRequest):
    """``manual-dose``: a dose that was given outside the pump."""

    schema_: Literal["manual-dose-request/1"] = Field(default="manual-dose-request/1", alias="schema")
    drug: ShortText
    dose: Quantity


class ChannelRoleRequest(RequestMessage):
    """``channel-role``: what a channel is for; ``case`` is empty where the bed has no patient."""

    schema_: Literal["channel-role-request/1"] = Field(default="channel-role-request/1", alias="schema")
    bed: ShortText
    case: ShortText = ""
    port: ShortText
    channel: ShortText
    channel_role: Literal["ordered", "carrier", "not_supervised"]


class LineDisconnectedRequest(ChannelRequest):
    """``line-disconnected``: for so long, what a purge delivers does not reach the patient; "0 s": it does again."""

    schema_: Literal["line-disconnected-request/1"] = Field(default="line-disconnected-request/1", alias="schema")
    duration: Quantity = "2 min"


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
    "start-patient": StartPatientRequest,
    "baseline": BaselineRequest,
    "limits": LimitsRequest,
    "order": OrderRequest,
    "override": OverrideRequest,
    "confirm": OrderRevRequest,
    "withdraw": OrderRevRequest,
    "step": StepRequest,
    "observe": ObserveRequest,
    "manual-dose": ManualDoseRequest,
    "channel-role": ChannelRoleRequest,
    "line-disconnected": LineDisconnectedRequest,
    "end-infusion": EndInfusionRequest,
    "close": CloseRequest,
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
