"""What goes into the core (`Input`): a closed union of frozen data, each with the moment of its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from drivers.model import AlarmSetChanged, BolusGiven, ChannelRemoved, DeviceIdentified, DeviceRestarted, Observation


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
