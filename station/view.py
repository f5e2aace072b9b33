"""What the page is told and what it asks, field by field: the models of docs/station.md.

The server joins its events from the texts of messages that were checked as they came, since it sends each to every
page; these models say, and the tests hold, what comes of it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.messages.alarms import AlarmIndexMessage, AlarmMessage
from edge.messages.base import PriorityName
from edge.messages.events import HistoryMessage, ResponseMessage
from edge.messages.requests import KEYS_MAX, ShortText
from edge.messages.states import RosterMessage, SelfCheckMessage, SnapshotMessage, Status
from edge.messages.stations import PaintedAlarm
from edge.messages.therapy import TherapyMessage

EDGES_MAX = 200
"""More edges than one screen can show; a hospital runs a station a ward."""

RoleName = Literal["viewer", "technician", "nurse", "prescriber"]
EdgeState = Literal["never_heard", "unproven", "running", "lost", "stopped"]
Doubt = Literal[
    "",
    "broker_lost",
    "edge_never_heard",
    "edge_unproven",
    "edge_lost",
    "edge_stopped",
    "no_roster",
    "no_index",
    "alarm_missing",
]


class Part(BaseModel):
    """The base: nothing unknown, finite numbers. A part that is not said is as it was; null is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Person(Part):
    """Who may log in."""

    user: str
    name: str
    role: RoleName


class LoggedIn(Person):
    """Who is logged in, and until when if nothing is done."""

    until_s: float


class PageConfig(Part):
    """What the station's configuration says to its pages."""

    label: str
    language: Literal["en", "nb"]
    attended: bool
    attended_verbs: tuple[str, ...]
    edges: tuple[str, ...]
    users: tuple[Person, ...]
    session_s: float


class Hello(Part):
    """The first event of a stream."""

    station: str
    server_run: str
    server_mono_s: float
    page: str
    csrf: str
    version: str
    config: PageConfig
    session: LoggedIn | None


class EdgeEvent(Part):
    """An edge, or what changed of it."""

    edge: str
    state: EdgeState | None = None
    since_s: float | None = None
    doubt: Doubt | None = None
    heard_at_s: float | None = None
    clock_offset_s: float | None = None
    status: Status | None = None
    roster: RosterMessage | None = None
    self_check: SelfCheckMessage | None = None


class BedEvent(Part):
    """A bed, or what changed of it."""

    edge: str
    bed: str
    label: str | None = None
    place: tuple[int, int] | None = None
    doubt: Doubt | None = None
    taken_at_s: float | None = None
    snapshot: SnapshotMessage | None = None
    therapy: TherapyMessage | None = None
    index: AlarmIndexMessage | None = None


class BedGone(Part):
    """The roster lacks it."""

    edge: str
    bed: str


class AlarmEvent(Part):
    """An alarm that stands."""

    edge: str
    alarm: AlarmMessage


class AlarmGone(Part):
    """An alarm that is over; ``bed`` is empty for one of no bed."""

    edge: str
    bed: str
    key: str
    occurrence: str


class AboutBed(Part):
    """A bed that an alarm of the station is about; ``active``: with a patient, as last known."""

    edge: str
    bed: str
    label: str
    active: bool | None


class StationAlarmEvent(Part):
    """What the station alarms by itself."""

    key: Literal["BROKER_LOST", "EDGE_LOST", "EDGE_STOPPED", "EDGE_NEVER_HEARD"]
    priority: PriorityName
    rev: int
    since_s: float
    audible: bool
    silenced_until_s: float | None
    silenced_by: str
    edges: tuple[str, ...]
    beds: tuple[AboutBed, ...]


class StationAlarmGone(Part):
    """It is over."""

    key: str


class SessionEvent(Part):
    """Who is logged in at this browser."""

    session: LoggedIn | None


class AnswerEvent(Part):
    """What became of a request of this browser."""

    edge: str
    request_id: str
    verb: str
    result: Literal["done", "refused", "unanswered"]
    reason: str
    durable: bool
    message: ResponseMessage | None


class HistoryEvent(Part):
    """A page of what this browser asked for, as the edge said it."""

    edge: str
    message: HistoryMessage


class Ready(Part):
    """Everything that is so was told."""


class Beat(Part):
    """The server's clock, every second; ``broker``: it is connected."""

    server_mono_s: float
    broker: bool


EVENTS: dict[str, type[Part]] = {
    "hello": Hello,
    "edge": EdgeEvent,
    "bed": BedEvent,
    "bed_gone": BedGone,
    "alarm": AlarmEvent,
    "alarm_gone": AlarmGone,
    "station_alarm": StationAlarmEvent,
    "station_alarm_gone": StationAlarmGone,
    "session": SessionEvent,
    "answer": AnswerEvent,
    "history": HistoryEvent,
    "ready": Ready,
    "beat": Beat,
}
"""The events by name."""


# --- what a page sends ------------------------------------------------------------------------------------------------


class Ask(BaseModel):
    """`POST /request`: the fields of the verb's own message stand beside these, and are checked by it."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    edge: ShortText
    verb: ShortText

    def fields(self) -> dict[str, Any]:
        """Return what is not said to the server itself."""
        return dict(self.model_extra or {})


class PaintedEdge(Part):
    """What a page paints of one edge."""

    run: ShortText
    beds: Annotated[tuple[ShortText, ...], Field(max_length=KEYS_MAX)]
    displayed: Annotated[tuple[PaintedAlarm, ...], Field(max_length=KEYS_MAX)]


class Painted(Part):
    """`POST /receipt`."""

    page: ShortText
    audible: bool
    edges: Annotated[dict[ShortText, PaintedEdge], Field(max_length=EDGES_MAX)]


class Silence(Part):
    """`POST /silence`: an alarm of the station, with the revision that was painted."""

    key: ShortText
    rev: int


class Login(Part):
    """`POST /login`."""

    user: ShortText
    pin: ShortText


class Logout(Part):
    """`POST /logout`."""


POSTS: dict[str, type[BaseModel]] = {
    "/request": Ask,
    "/receipt": Painted,
    "/silence": Silence,
    "/login": Login,
    "/logout": Logout,
}
"""What is taken, by its path."""
