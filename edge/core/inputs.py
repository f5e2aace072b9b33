"""What goes into the core (`Input`): a closed union of frozen data, each with the moment of its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from drivers.model import AlarmSetChanged, BolusGiven, ChannelRemoved, DeviceIdentified, DeviceRestarted, Observation
from edge.core.model import Alarm, AlarmKey
from edge.core.therapy import Order
from edge.core.therapy_acts import TherapyAct
from edge.core.therapy_state import KeptPart


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
class PlaceOrder:
    """An order of the configuration: the edge places it itself, at a patient of its own."""

    bed: str
    order: Order


@dataclass(frozen=True, slots=True)
class ConfirmDevice:
    """The act of the verb ``confirm-device``: the device that answers there with this serial number belongs there."""

    bed: str
    port: str
    channel: str
    serial_number: str


@dataclass(frozen=True, slots=True)
class Named:
    """The occurrence that an act means, and the revision that the asker saw; ``key`` is the name as in topics."""

    bed: str
    key: str
    occurrence: str
    rev: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The act of the verb ``acknowledge``: silence this one."""

    alarm: Named


@dataclass(frozen=True, slots=True)
class Accept:
    """The act of the verb ``accept``: I go. With ``acknowledge`` it is the one button that does both."""

    alarm: Named
    acknowledge: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The act of the verb ``reset``: end the signal of a latched alarm."""

    alarm: Named


@dataclass(frozen=True, slots=True)
class AudioPause:
    """The act of the verb ``audio-pause``, for a bed, or for all where ``bed`` is empty."""

    bed: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class OffMonitor:
    """The act of the verb ``off-monitor``: the patient was taken off the monitor for a while."""

    bed: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class PressButton:
    """The act of the button at the bedside computer: I go, and quiet here. ``seen`` is what stood at the press."""

    bed: str
    seen: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Resume:
    """The act of the verb ``resume``: end the pauses of a bed, or of all where ``bed`` is empty."""

    bed: str


@dataclass(frozen=True, slots=True)
class Service:
    """The act of the verb ``service``: a bed's devices are worked on for a while; 0 s: not any more."""

    bed: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class AcceptBed:
    """The act of the verb ``bed-accepted``: a bed was gone through, for the journal; its sheet has this SHA-256."""

    bed: str
    result: str
    sheet_sha256: str


@dataclass(frozen=True, slots=True)
class RaiseTestAlarm:
    """The act of the verb ``test-alarm``: a low alarm that says that it is a test, for half a minute."""


@dataclass(frozen=True, slots=True)
class Reassert:
    """The act of the verb ``reassert``: publish the whole truth again."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """What was asked for cannot be understood, or came in a way in which nothing may be asked."""

    verb: str
    reason: str


AlarmAct: TypeAlias = Acknowledge | Accept | Reset | AudioPause | OffMonitor | Resume | PressButton
PlainAct: TypeAlias = ConfirmDevice | Service | AcceptBed | AlarmAct | RaiseTestAlarm | Reassert | Unusable
Act: TypeAlias = PlainAct | PlaceOrder | TherapyAct


class Role(IntEnum):
    """What somebody may ask for; each may do what those below may."""

    VIEWER = 0
    TECHNICIAN = 1
    NURSE = 2
    PRESCRIBER = 3


@dataclass(frozen=True, slots=True)
class Basis:
    """What the asker saw: the run of the edge, and ``mono_s`` of its last heartbeat."""

    run: str
    edge_mono_s: float


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asks for an act. ``request_id`` is the asker's, ``station`` names it (``configuration``: the file).

    ``basis`` is ``None`` only where the edge asks itself.
    """

    request_id: str
    station: str
    received_at_s: float
    act: Act
    basis: Basis | None = None
    user: str = ""
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class Receipt:
    """A page of a station says what it paints: the alarms, the beds that are in view, and whether its sound works.

    ``displayed`` holds (bed, key, occurrence, rev); ``page`` tells one page of a station from another. It comes from
    pages alone, never from a station's server.
    """

    station: str
    received_at_s: float
    run: str
    audible: bool
    beds: frozenset[str]
    displayed: tuple[tuple[str, str, str, int], ...]
    page: str = ""


@dataclass(frozen=True, slots=True)
class AlarmTaken:
    """The broker acknowledged a revision of an alarm."""

    received_at_s: float
    key: AlarmKey
    occurrence: str
    rev: int


@dataclass(frozen=True, slots=True)
class AlarmFound:
    """The broker still had this alarm of a run before, and the store had not: adopted unless known to be over.

    ``shown``: readers see it there; not so where it comes out of a store that was read late.
    """

    received_at_s: float
    alarm: Alarm
    known_over: bool = False
    shown: bool = True


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


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate on the way to the broker: whose, the end as a date for people, and the seconds that are left."""

    name: str
    ends: str
    left_s: float


@dataclass(frozen=True, slots=True)
class CertificatesSeen:
    """All certificates whose end matters, as they are now; none without TLS."""

    received_at_s: float
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class NameTaken:
    """Another program speaks to the broker in the name of this edge."""

    received_at_s: float
    detail: str


BrokerResult: TypeAlias = BrokerLink | PublishRefused | PublishAccepted | CertificatesSeen | NameTaken


class BedsidePart(StrEnum):
    """What can fail at the bedside computer's own signals."""

    PINS = "pins"
    BUTTON = "button"
    HOOK = "hook"


@dataclass(frozen=True, slots=True)
class PartReport:
    """A part of the bedside's own signals says what is wrong with it, or, with an empty ``fault``, that it is well."""

    received_at_s: float
    part: BedsidePart
    fault: str


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The transaction of the step ``mark`` was committed, or failed."""

    received_at_s: float
    mark: int
    committed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StoreRead:
    """The store, which could not be read at the start, was read now: and what it keeps of therapies."""

    received_at_s: float
    therapy: tuple[KeptPart, ...] = ()
    unreadable: tuple[str, ...] = ()
    set_aside: str = ""


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """A file system that the edge writes to, by a folder of it, and what is left: bytes, and files where it counts."""

    folder: str
    free_bytes: int
    free_files: int | None


@dataclass(frozen=True, slots=True)
class DisksSeen:
    """All file systems that the edge writes to, as they are now."""

    received_at_s: float
    disks: tuple[DiskSpace, ...]


DeviceInput: TypeAlias = (
    Observation | AlarmSetChanged | BolusGiven | DeviceIdentified | DeviceRestarted | ChannelRemoved
)
Input: TypeAlias = (
    DeviceInput
    | LinkChange
    | LineErrors
    | Request
    | Receipt
    | AlarmTaken
    | AlarmFound
    | BrokerResult
    | PartReport
    | StoreResult
    | StoreRead
    | DisksSeen
)
