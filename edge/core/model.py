"""The words of the core: time, and alarms.

Everything here is frozen data. Numbers are `Decimal` beside their unit; times are monotonic seconds unless a name says
otherwise. A wall-clock time is a label that carries whether the clock was synchronised, and never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of the clocks: monotonic seconds, and the wall clock (Unix seconds) with its quality."""

    mono_s: float
    wall_s: float
    synchronised: bool

    def on_clock_of(self, now: Instant) -> Instant:
        """Return this moment of another boot or run on the monotonic clock of ``now``.

        It is now, where the time between is not known; it never lies ahead.
        """
        known = self.synchronised and now.synchronised
        ago_s = max(0.0, now.wall_s - self.wall_s) if known else 0.0
        return Instant(now.mono_s - ago_s, self.wall_s, self.synchronised)


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


class Phase(StrEnum):
    """What an event tells of an alarm: the phases of IHE ACM, and those of its signal."""

    START = "start"
    UPDATE = "update"
    ESCALATE = "escalate"
    DEESCALATE = "deescalate"
    END = "end"
    LATCH = "latch"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    ACCEPT = "accept"
    REMIND = "remind"
    LEVEL = "level"
    SILENCE = "silence"
    SOUND = "sound"
    RESET = "reset"
    ADOPT = "adopt"


class SilenceReason(StrEnum):
    """Why a standing alarm is shown and makes no sound (AUDIO PAUSED of IEC 60601-1-8)."""

    AUDIO_PAUSE = "audio_pause"
    OFF_MONITOR = "off_monitor"
    AWAITING_REPEAT = "awaiting_repeat"
    AT_DEVICE = "at_device"
    SERVICE = "service"


class DeliveryState(StrEnum):
    """How far an alarm is known to have come on its way to a nurse."""

    QUEUED = "queued"
    BROKER_ACK = "broker_ack"
    DISPLAYED = "displayed"
    ACCEPTED = "accepted"
    UNDELIVERED = "undelivered"


class Side(StrEnum):
    """On which side of a limit the alarm lies."""

    LOW = "low"
    HIGH = "high"


class AlarmKey(NamedTuple):
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
class Acknowledgement:
    """Who silenced this occurrence, until when (monotonic), and the value that it had then."""

    by: str
    at: Instant
    until_s: float
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who said "I go": it stops the escalation."""

    by: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Silence:
    """A sound that is off until ``until_s`` (monotonic); the alarm is shown all the same."""

    reason: SilenceReason
    until_s: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far an alarm came, and when: published, acknowledged by the broker, displayed, accepted.

    ``level`` is 1 for the screens of the bed, 2 for all screens of the ward, 3 for the nurse call; ``unattended_s`` is
    since when (monotonic) nobody has accepted it. The times are of the last change that makes noise, ``noise_rev``.
    """

    state: DeliveryState = DeliveryState.QUEUED
    level: int = 1
    unattended_s: float = 0.0
    noise_rev: int = 1
    published: Instant | None = None
    broker_ack: Instant | None = None
    displayed: Instant | None = None
    displayed_by: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What an alarm says of a moment: its priority, its band, plain words, the value, the limit, the arithmetic."""

    priority: Priority
    band: str
    text: str
    value: Decimal | None = None
    unit: str = ""
    limit: LimitPassed | None = None
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """One occurrence of an alarm as it is now. ``occurrence`` has one onset; ``rev`` grows with every change.

    It stands while its ``signal`` is not off: ``present`` says whether its condition is, which a latched alarm's is
    not. ``verifiable`` is false while the input of a present condition is gone. ``evidence`` holds the inputs and the
    arithmetic, as name and value with unit. ``durable`` is false while the store could not take the last change.
    ``event_at`` is when the value first was beyond, ``onset`` when that was determined. ``latching``: it will latch
    when its condition ends. ``returns`` counts how often its condition came back while it stood latched.
    ``now`` is what is so now, where that is milder than what nobody has acknowledged yet.
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
    event_at: Instant | None = None
    latching: bool = False
    returns: int = 0
    acknowledgement: Acknowledgement | None = None
    acceptance: Acceptance | None = None
    silence: Silence | None = None
    delivery: Delivery = Delivery()
    now: Said | None = None

    @property
    def said(self) -> Said:
        """What it says."""
        return Said(self.priority, self.band, self.text, self.value, self.unit, self.limit, self.evidence)

    def saying(self, said: Said) -> Alarm:
        """Return it with other words, and nothing milder beside them."""
        return replace(
            self,
            priority=said.priority,
            band=said.band,
            text=said.text,
            value=said.value,
            unit=said.unit,
            limit=said.limit,
            evidence=said.evidence,
            now=None,
        )

    @property
    def off_monitor(self) -> bool:
        """Whether it is silent because the patient is off the monitor."""
        return self.silence is not None and self.silence.reason is SilenceReason.OFF_MONITOR

    @property
    def under_service(self) -> bool:
        """Whether it is silent because its bed is under service."""
        return self.silence is not None and self.silence.reason is SilenceReason.SERVICE

    @property
    def at_device(self) -> bool:
        """Whether it is silent because somebody silenced it at its device."""
        return self.silence is not None and self.silence.reason is SilenceReason.AT_DEVICE

    @property
    def audible(self) -> bool:
        """Whether it asks for a sound now."""
        return self.signal in (SignalPresence.ON, SignalPresence.LATCHED) and self.silence is None
