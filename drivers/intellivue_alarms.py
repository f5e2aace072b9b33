"""The alarms that an IntelliVue monitor shows, and what its mode of operation means for its data.

Two programs agree on the lists; the bits of type and state stand on one. Hypotheses: that a high patient alarm is a
life-threatening one, as its red colour on the screen; the English texts of technical alarms, as the instructions for
use have them, by which their kind is told.

Laws of this module:
  * A list that an answer does not tell stays as it was: nothing clears because data stopped.
  * An alarm whose type is not known is an unknown alarm; so is a technical one whose text is not known, one of a test
    or a demonstration, and one that the monitor counts and does not list.
  * What was done to an alarm at the monitor (silenced, latched, inhibited) stands in its text, in round brackets. Only
    one that is itself silenced counts as ``silenced``: where all are suspended or inhibited, nobody saw this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from drivers.intellivue_answers import MalformedError, Reader, text_of
from drivers.model import DeviceAlarm, DeviceAlarmKind

PATIENT, TECHNICAL, CONDITION = 0x0902, 0x0904, 0x0916
"""Attributes of the alarm monitor."""

MODE: Final = 0x0946
"""Attribute of the monitor itself."""

DEMONSTRATION_DATA: Final = DeviceAlarm(
    DeviceAlarmKind.ADVISORY, "DEMONSTRATION", "the monitor shows demonstration data, not a patient's"
)
TEST_DATA: Final = DeviceAlarm(DeviceAlarmKind.ADVISORY, "TEST", "the monitor shows test data, not a patient's")

_PATIENT_TYPES: Final = {
    0x0100: DeviceAlarmKind.VITAL_SIGN,
    0x0200: DeviceAlarmKind.VITAL_SIGN,
    0x0400: DeviceAlarmKind.LIFE_THREATENING,
}
_TECHNICAL_TYPES: Final = frozenset({0x0001, 0x0002, 0x0004})
_TEST, _DEMONSTRATION = 0x0400, 0x0100
_SILENCED: Final = 0x1000
_DONE: Final = {
    0x8000: "inhibited",
    0x4000: "suspended",
    0x2000: "latched",
    _SILENCED: "silenced",
    0x0200: "standby",
}
_ALARMS_OFF: Final = 0xC000

_TEXTS: Final = (
    (
        re.compile(r"LEADS? OFF|SENSOR OFF|NO ?SENSOR|NO TRANSDUCER", re.IGNORECASE),
        DeviceAlarmKind.SENSOR_OFF,
    ),
    (re.compile(r"BATT(ERY)? EMPTY", re.IGNORECASE), DeviceAlarmKind.BATTERY_EMPTY),
    (re.compile(r"BATT(ERY)? LOW", re.IGNORECASE), DeviceAlarmKind.BATTERY_LOW),
    (re.compile(r"MALF", re.IGNORECASE), DeviceAlarmKind.MALFUNCTION),
)

_WITH_TEXT_ID, _WITH_TEXT = 0x0201, 0x0204

_DEMONSTRATION_MODE: Final = 0x2000
_SERVICE_MODE: Final = 0x1000
_MODES: Final = {_SERVICE_MODE: "service mode", 0x0002: "standby", 0x0001: "configuration mode"}


class AlarmBoard:
    """The alarms of one monitor, as last told."""

    __slots__ = ("_condition", "_lists", "_mode", "demonstration", "test")

    def __init__(self) -> None:
        self._lists: dict[int, tuple[DeviceAlarm, ...]] = {}
        self._condition: tuple[int, int, int] = (0, 0, 0)
        self._mode = 0
        self.demonstration = False
        self.test = False

    @property
    def told(self) -> bool:
        """Whether the monitor has told a list yet."""
        return bool(self._lists)

    @property
    def refused(self) -> str:
        """Why no number of this monitor is a patient's; empty if it may be one."""
        if self._mode & _DEMONSTRATION_MODE:
            return "demonstration mode"
        return _MODES[_SERVICE_MODE] if self._mode & _SERVICE_MODE else ""

    def set_mode(self, attributes: Mapping[int, bytes]) -> None:
        """Take the mode of operation of the monitor's own attributes, if they tell it."""
        raw = attributes.get(MODE, b"")
        if len(raw) == len("U2"):
            self._mode = int.from_bytes(raw, "big")

    def take(self, attributes: Mapping[int, bytes]) -> list[bytes]:
        """Take what an answer tells of the alarms; return what of it could not be read."""
        damaged: list[bytes] = []
        for name in (PATIENT, TECHNICAL, CONDITION):
            raw = attributes.get(name)
            if raw is None:
                continue
            try:
                if name == CONDITION:
                    self._condition = _condition_of(raw)
                else:
                    self._lists[name] = tuple(_alarms_of(raw))
            except MalformedError:
                damaged.append(raw)
        return damaged

    def alarms(self) -> tuple[DeviceAlarm, ...]:
        """Give all that the monitor shows, sorted, each once."""
        found = {alarm for alarms in self._lists.values() for alarm in alarms}
        state, *worst = self._condition
        for name, highest, word in zip((PATIENT, TECHNICAL), worst, ("patient", "technical"), strict=True):
            if highest and not self._lists.get(name):
                code = f"{word}.{highest:04X}"
                text = f"the monitor has a {word} alarm that it does not list"
                found.add(DeviceAlarm(DeviceAlarmKind.UNKNOWN, code, text))
        if state & _ALARMS_OFF:
            text = "the monitor's alarms are switched off or paused"
            found.add(DeviceAlarm(DeviceAlarmKind.ADVISORY, f"alarms.{state:04X}", text))
        for bit, word in _MODES.items():
            if self._mode & bit:
                found.add(DeviceAlarm(DeviceAlarmKind.ADVISORY, f"mode.{bit:04X}", f"the monitor is in {word}"))
        if self.demonstration or self._mode & _DEMONSTRATION_MODE:
            found.add(DEMONSTRATION_DATA)
        if self.test:
            found.add(TEST_DATA)
        return tuple(sorted(found))


def _condition_of(raw: bytes) -> tuple[int, int, int]:
    reader = Reader(raw)
    state, _, patient, technical = (reader.u16() for _ in range(4))
    return state, patient, technical


def _alarms_of(raw: bytes) -> Iterator[DeviceAlarm]:
    count, entries = Reader(raw).listed()
    for _ in range(count):
        source, code, kind, state = (entries.u16() for _ in range(4))
        entries.take(6)
        information_id = entries.u16()
        text = _text_of(information_id, entries.part()) or f"alarm {code:04X} of {source:04X}"
        yield _alarm(f"{source:04X}.{code:04X}.{kind:04X}", kind, state, text)


def _text_of(information_id: int, information: Reader) -> str:
    if information_id not in (_WITH_TEXT_ID, _WITH_TEXT):
        return ""
    information.u16()
    text_id = information.u32()
    information.take(4)
    text = text_of(information.take(information.u16())) if information_id == _WITH_TEXT else ""
    return text or f"text {text_id:08X}"


def _alarm(code: str, kind: int, state: int, text: str) -> DeviceAlarm:
    done = ", ".join(word for bit, word in _DONE.items() if state & bit)
    told = f"{text} ({done})" if done else text
    silenced = bool(state & _SILENCED)
    if state & (_TEST | _DEMONSTRATION):
        prefix = "demonstration" if state & _DEMONSTRATION else "test"
        return DeviceAlarm(DeviceAlarmKind.UNKNOWN, code, f"{prefix}: {told}", silenced)
    if kind in _TECHNICAL_TYPES:
        known = (its_kind for words, its_kind in _TEXTS if words.search(text))
        return DeviceAlarm(next(known, DeviceAlarmKind.UNKNOWN), code, told, silenced)
    return DeviceAlarm(_PATIENT_TYPES.get(kind, DeviceAlarmKind.UNKNOWN), code, told, silenced)
