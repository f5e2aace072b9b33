"""The words of the core: time, alarms, what goes in (`Input`) and what comes out (`Effect`).

Everything here is frozen data. Numbers are `Decimal` beside their unit; times are monotonic seconds unless a name says
otherwise. A wall-clock time is a label that carries whether the clock was synchronised, and never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import TypeAlias

from drivers.model import (
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
    DeviceIdentified,
    DeviceRestarted,
    InfusionState,
    Observation,
    Validity,
)


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of the clocks: monotonic seconds, and the wall clock (Unix seconds) with its quality."""

    mono_s: float
    wall_s: float
    synchronised: bool


class Priority(IntEnum):
    """Alarm priority of IEC 60601-1-8; larger is more urgent."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class AlarmKind(StrEnum):
    """Whether the patient or the equipment is the reason."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Audience(StrEnum):
    """Who is to act."""

    NURSE = "nurse"
    TECHNICIAN = "technician"


class SignalPresence(StrEnum):
    """Whether someone is being told (`AlertSignalPresence`)."""

    OFF = "off"
    ON = "on"
    LATCHED = "latched"
    ACKNOWLEDGED = "acknowledged"


class Side(StrEnum):
    """On which side of a limit the alarm lies."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True, order=True)
class AlarmKey:
    """What an alarm is about. ``bed`` is empty where it belongs to no bed, ``port`` where no channel is meant."""

    bed: str
    condition: str
    port: str = ""
    channel: str = ""

    @property
    def name(self) -> str:
        """The key as it stands in topics: ``CONDITION`` or ``CONDITION.<port>.<channel>``."""
        return f"{self.condition}.{self.port}.{self.channel}" if self.port else self.condition


@dataclass(frozen=True, slots=True)
class LimitPassed:
    """The limit of an alarm: its side, its band, its value in the unit of the alarm, and where it comes from."""

    side: Side
    band: str
    value: Decimal
    origin: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """One occurrence of an alarm as it is now. ``occurrence`` has one onset; ``rev`` grows with every change.

    ``verifiable`` is false while the input of a present condition is gone. ``evidence`` holds the inputs and the
    arithmetic, as name and value with unit. ``durable`` is false while the store could not take the last change.
    """

    key: AlarmKey
    occurrence: str
    rev: int
    kind: AlarmKind
    audience: Audience
    priority: Priority
    band: str
    present: bool
    verifiable: bool
    signal: SignalPresence
    text: str
    action: str
    onset: Instant
    changed: Instant
    value: Decimal | None = None
    unit: str = ""
    limit: LimitPassed | None = None
    evidence: tuple[tuple[str, str], ...] = ()
    durable: bool = True


# --- inputs -----------------------------------------------------------------------------------------------------------


class LinkCause(StrEnum):
    """Why a line is up or down."""

    OPENED = "opened"
    REOPENED = "reopened"
    LOST = "lost"
    OPEN_FAILED = "open_failed"
    DRIVER_FAILED = "driver_failed"


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A port was opened, lost, or could not be opened. Absence is judged by ``round_s``, one round of the line."""

    port: str
    received_at_s: float
    up: bool
    cause: LinkCause
    detail: str
    round_s: float


@dataclass(frozen=True, slots=True)
class LineErrors:
    """How many messages of a port were accepted and rejected since the last such input, and the commonest reason."""

    port: str
    received_at_s: float
    accepted: int
    rejected: int
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """A therapy order for one pump channel. ``step`` is the ordered dose rate now."""

    port: str
    channel: str
    drug: str
    concentration_mg_per_ml: Decimal
    weight_kg: Decimal
    step_mg_per_kg_per_h: Decimal
    maximum_mg_per_kg_per_h: Decimal
    origin: str


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """The act of the verb ``order``."""

    bed: str
    order: Order


@dataclass(frozen=True, slots=True)
class ConfirmDevice:
    """The act of the verb ``confirm-device``: the device that answers there with this serial number belongs there."""

    bed: str
    port: str
    channel: str
    serial_number: str


Act: TypeAlias = PlaceOrder | ConfirmDevice


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asks for an act. ``request_id`` is the asker's, ``station`` names it (``configuration``: the file)."""

    request_id: str
    station: str
    received_at_s: float
    act: Act


@dataclass(frozen=True, slots=True)
class BrokerLink:
    """The connection to the broker was made or lost."""

    received_at_s: float
    connected: bool
    detail: str


@dataclass(frozen=True, slots=True)
class PublishRefused:
    """The broker acknowledged a message with a failure: it was not taken."""

    received_at_s: float
    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublishAccepted:
    """The broker took a message on a topic that it had refused before."""

    received_at_s: float
    topic: str


BrokerResult: TypeAlias = BrokerLink | PublishRefused | PublishAccepted


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The transaction of the step ``mark`` was committed, or failed."""

    received_at_s: float
    mark: int
    committed: bool
    detail: str = ""


DeviceInput: TypeAlias = (
    Observation | AlarmSetChanged | BolusGiven | DeviceIdentified | DeviceRestarted | ChannelRemoved
)
Input: TypeAlias = DeviceInput | LinkChange | LineErrors | Request | BrokerResult | StoreResult


# --- effects ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a bed as it is shown: wire name with its unit last, validity, age, and where it comes from."""

    name: str
    value: Decimal | None
    unit: str
    validity: Validity
    age_s: float | None
    source: str
    origin: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One pump channel of a bed: what it does, with what drug, and its metrics; ``link`` is up, down or unknown."""

    port: str
    channel: str
    link: str
    state: InfusionState
    drug: str
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class BedSnapshot:
    """Every metric of a bed now. ``valid_for_s`` is how long it may be shown as live."""

    bed: str
    active: bool
    valid_for_s: float
    vital_signs: tuple[Metric, ...]
    channels: tuple[ChannelView, ...]


@dataclass(frozen=True, slots=True)
class LimitView:
    """A limit in force."""

    condition: str
    band: str
    side: Side
    value: Decimal
    unit: str
    delay_s: float
    priority: Priority
    origin: str


@dataclass(frozen=True, slots=True)
class TherapyView:
    """A bed's therapy: phase, orders, and the limits in force with their origin."""

    bed: str
    phase: str
    orders: tuple[Order, ...]
    limits: tuple[LimitView, ...]


@dataclass(frozen=True, slots=True)
class AlarmIndex:
    """The alarms present in a scope (a bed, or the edge itself where ``bed`` is empty), the most urgent first."""

    bed: str
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class AlarmChanged:
    """A present alarm, whole."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """The end of an alarm, told on its own topic, which is emptied afterwards."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Event:
    """One transition, for the history: ``event_seq`` counts from 1 within a run, without gaps."""

    event_seq: int
    phase: str
    alarm: Alarm
    at: Instant


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One line as the roster and the self-check show it."""

    port: str
    driver: str
    link: str
    detail: str
    accepted: int
    rejected: int
    identities: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Roster:
    """The beds with their bindings, and the devices."""

    beds: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...]
    devices: tuple[DeviceView, ...]


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The alarm system's own pulse."""

    count: int
    at: Instant
    devices: tuple[DeviceView, ...]
    alarms_present: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The core stepped: the status topic may say so."""

    at: Instant


Content: TypeAlias = (
    AlarmChanged | AlarmCleared | AlarmIndex | BedSnapshot | TherapyView | Roster | SelfCheck | Heartbeat | Event
)


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell the broker. An event goes out in order once its step is committed; everything else at once."""

    content: Content


@dataclass(frozen=True, slots=True)
class Persist:
    """Keep an alarm's state in the step's transaction; an alarm that is not present is removed."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Journal:
    """One row of the journal, in the step's transaction."""

    kind: str
    at: Instant
    body: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Annunciate:
    """Say it at the bedside: the alarm began or changed (``present``), or ended."""

    alarm: Alarm
    phase: str


Effect: TypeAlias = Publish | Persist | Journal | Annunciate


@dataclass(frozen=True, slots=True)
class Step:
    """What one step wants done. The rows of a step are one transaction, named ``mark``."""

    mark: int
    effects: tuple[Effect, ...]
    next_deadline_s: float
