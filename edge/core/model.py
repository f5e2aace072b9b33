"""The words of the core: time, and alarms.

Everything here is frozen data. Numbers are `Decimal` beside their unit; times are monotonic seconds unless a name says
otherwise. A wall-clock time is a label that carries whether the clock was synchronised, and never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum


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
