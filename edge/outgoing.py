"""What is sent: one message with its topic, its lane, and how long it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from edge.core.model import AlarmKey


class Lane(IntEnum):
    """What goes before what, both when the truth is asserted anew and while all is well; smaller goes first."""

    STATUS = 0
    ROSTER = 1
    SELF_CHECK = 2
    ALARM_HIGH = 3
    ALARM_MEDIUM = 4
    ALARM_LOW = 5
    INDEX = 6
    RESPONSE = 7
    THERAPY = 8
    SNAPSHOT = 9
    JOURNAL = 10
    EVENT = 11

    @property
    def urgent(self) -> bool:
        """Whether it goes before every event and all telemetry."""
        return self <= Lane.RESPONSE


@dataclass(frozen=True, slots=True)
class AlarmRevision:
    """Which revision of which alarm a message carries, so that its way can be told."""

    key: AlarmKey
    occurrence: str
    rev: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to be sent with QoS 1.

    ``payload`` is the bytes, or makes them when the message is sent. ``expiry_s`` counts from when it is handed over,
    ``None``: never. ``then_empty``: once the broker has it, its retained topic is emptied. ``alarm`` is what it
    carries of an alarm.
    """

    topic: str
    payload: bytes | Callable[[], bytes]
    lane: Lane
    retain: bool = True
    expiry_s: int | None = None
    then_empty: bool = False
    alarm: AlarmRevision | None = None
