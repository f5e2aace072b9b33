"""The alarms of an IntelliVue monitor, as its alarm monitor object tells them.

Patient alarms and technical alarms ("INOPs") are two lists; what the device as a whole does stands beside them. Written
from public descriptions of the protocol.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from simulators.intellivue_numerics import HANDLES, Numeric, Observation
from simulators.intellivue_requests import Group, ObjectClass
from simulators.intellivue_values import checked_text, counted, text

ALARM_MONITOR_HANDLE = 256
PATIENT_ALARMS, TECHNICAL_ALARMS, DEVICE_CONDITION = 0x0902, 0x0904, 0x0916
MAX_ALARMS = 8  # so that both lists fit the largest message: an alarm with the longest text takes 160 of 1456 bytes

_ENTRY = struct.Struct(">9H")
_INFO = struct.Struct(">HIHH")
_WITHOUT_TEXT, _WITH_TEXT = 0x0201, 0x0204
_CONTEXT = 0
_NO_SOURCE = 0
_TURN = 1 << 16


class AlarmType(IntEnum):
    """What an alarm is about, and how high it is."""

    TECHNICAL_LOW = 0x0001
    TECHNICAL_MEDIUM = 0x0002
    TECHNICAL_HIGH = 0x0004
    PATIENT_LOW = 0x0100
    PATIENT_MEDIUM = 0x0200
    PATIENT_HIGH = 0x0400


class AlarmState(IntFlag):
    """The state of an alarm, and of the device that shows it."""

    INHIBITED = 0x8000
    SUSPENDED = 0x4000
    LATCHED = 0x2000
    SILENCED = 0x1000
    TEST = 0x0400
    STANDBY = 0x0200
    DEMO = 0x0100
    NEW = 0x0008


_SILENT = AlarmState.INHIBITED | AlarmState.SUSPENDED | AlarmState.SILENCED


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm; ``numeric`` is what it is about, ``None`` for the monitor itself, and ``source`` that one's physio id.

    Without ``words`` the text stands in ``text_id`` alone. Raises ``ValueError`` for words that cannot be shown and for
    a number that its bytes cannot hold.
    """

    type: AlarmType
    code: int
    words: str = ""
    numeric: Numeric | None = None
    source: int = _NO_SOURCE
    text_id: int = 0
    state: int = 0
    priority: int = 0

    def __post_init__(self) -> None:
        checked_text(self.words)
        if not all(0 <= number < _TURN for number in (self.code, self.source, self.state, self.priority)):
            raise ValueError("code, source, state and priority are two bytes each")
        if not 0 <= self.text_id < 1 << 32:
            raise ValueError("a text id is four bytes")

    @property
    def of_patient(self) -> bool:
        """Whether it is a patient alarm."""
        return self.type >= AlarmType.PATIENT_LOW


class AlarmBoard:
    """The alarms that are shown; ``state`` is the device's own and may be set at any time."""

    def __init__(self) -> None:
        self.state = 0
        self._alarms: dict[int, Alarm] = {}
        self._instances = 0
        self._changes = 0

    def raise_alarm(self, alarm: Alarm) -> int:
        """Show an alarm; return its instance, by which it is changed and ended. ``ValueError`` for too many."""
        if len(self._alarms) >= MAX_ALARMS:
            raise ValueError("too many alarms")
        self._instances = (self._instances + 1) % _TURN
        self._alarms[self._instances] = alarm
        self._changes = (self._changes + 1) % _TURN
        return self._instances

    def change_alarm(self, instance: int, alarm: Alarm) -> None:
        """Show an alarm in another way, silenced for example; ``KeyError`` if it is not shown."""
        if instance not in self._alarms:
            raise KeyError(instance)
        self._alarms[instance] = alarm
        self._changes = (self._changes + 1) % _TURN

    def end_alarm(self, instance: int) -> None:
        """End an alarm; ``KeyError`` if it is not shown."""
        del self._alarms[instance]
        self._changes = (self._changes + 1) % _TURN

    def numerics_in_alarm(self) -> frozenset[Numeric]:
        """Return the numerics that a patient alarm is about."""
        return frozenset(alarm.numeric for alarm in self._alarms.values() if alarm.of_patient and alarm.numeric)

    def observations(self, group: int, standing: int) -> list[Observation]:
        """Return the alarm monitor with the attributes of a group; ``standing`` is what every state has beside its own.

        Its static attributes are not known: asked for them, it sends none.
        """
        if group == Group.STATIC:
            return [(ALARM_MONITOR_HANDLE, [])]
        if group not in (Group.ALL, Group.ALARM_MONITOR):
            return []
        alarms = self._alarms.items()
        attributes = [
            (PATIENT_ALARMS, counted(_entry(*item, standing) for item in alarms if item[1].of_patient)),
            (TECHNICAL_ALARMS, counted(_entry(*item, standing) for item in alarms if not item[1].of_patient)),
            (DEVICE_CONDITION, self._condition(standing)),
        ]
        return [(ALARM_MONITOR_HANDLE, attributes)]

    def _condition(self, standing: int) -> bytes:
        alarms = self._alarms.values()
        patient = max((alarm.type for alarm in alarms if alarm.of_patient), default=0)
        technical = max((alarm.type for alarm in alarms if not alarm.of_patient), default=0)
        silent = self.state & _SILENT
        audible = max((alarm.type for alarm in alarms if not (silent or alarm.state & _SILENT)), default=0)
        return struct.pack(">5H", self.state | standing, self._changes, patient, technical, audible)


def _entry(instance: int, alarm: Alarm, standing: int) -> bytes:
    object_class = ObjectClass.NUMERIC if alarm.numeric else ObjectClass.MDS
    handle = HANDLES[alarm.numeric] if alarm.numeric else 0
    info = _INFO.pack(instance, alarm.text_id, alarm.priority, 0)
    kind = _WITHOUT_TEXT
    if alarm.words:
        info, kind = info + text(alarm.words), _WITH_TEXT
    state = alarm.state | standing
    return (
        _ENTRY.pack(alarm.source, alarm.code, alarm.type, state, object_class, _CONTEXT, handle, kind, len(info)) + info
    )
