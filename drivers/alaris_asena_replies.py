"""Alaris Asena syringe pumps: every frame that may be sent, how replies are framed, and what they say.

A frame is ``! body | CCCC CR``: fields parted by ``^``, and the CRC-16/CCITT-FALSE of the body in four upper-case
hexadecimal digits. ESC breaks off a frame that has begun.

Laws of this module:
  * A keyword with an argument sets, the same keyword without one asks. So there is no way here to make a frame: what
    can be sent is the three constants of ``Question``.
  * A reply counts only if its sum agrees digit for digit; nothing is repaired.
  * A value counts only in the layout, the unit and the form that pumps were seen to say; anything else is invalid.
"""

from __future__ import annotations

import re
from binascii import crc_hqx
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias

from drivers.model import (
    ZERO,
    DeviceAlarm,
    DeviceAlarmKind,
    InfusionState,
    Quantity,
    Reading,
    Rejected,
    Validity,
    invalid,
    missing,
)


class Question(Enum):
    """All that can be sent: whole frames, each of them a keyword without an argument, which only asks."""

    PROTOCOL = b"!COMMS_PROTOCOL|E8DA\r"
    INFUSION = b"!INF|4961\r"
    ALARM = b"!ALARM|50B2\r"

    @property
    def keyword(self) -> str:
        """The first field of its reply."""
        return self.value[1 : self.value.index(b"|")].decode("ascii")


MAX_FRAME_BYTES: Final = 256
"""Bound on a frame: the longest that was seen has 88 bytes, and one field of it may hold a name."""

_MAX_EXCERPT_BYTES: Final = 64
_MAX_SHOWN: Final = 32  # as much of an unreadable field as a person needs

_START: Final = ord("!")
_END: Final = ord("\r")
_ESC: Final = 0x1B


@dataclass(frozen=True, slots=True)
class Reply:
    """The fields of a frame whose sum agrees; the first is its keyword."""

    fields: tuple[str, ...]

    @property
    def excerpt(self) -> bytes:
        """As much of it as a rejection may show."""
        return "^".join(self.fields).encode("ascii")[:_MAX_EXCERPT_BYTES]


Part: TypeAlias = Reply | Rejected


class Framer:
    """Cuts a stream into replies, in any cut of the stream the same. Linear; holds less than MAX_FRAME_BYTES."""

    __slots__ = ("_frame", "_in_noise")

    def __init__(self) -> None:
        self._frame = bytearray()
        self._in_noise = False

    @property
    def held_bytes(self) -> int:
        """How many bytes of a frame that has begun are held."""
        return len(self._frame)

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes; a run of bytes outside frames is told once, by its first byte."""
        parts: list[Part] = []
        for byte in data:
            if byte == _START:
                parts.extend(self._cut("length"))
                self._frame.append(byte)
                self._in_noise = False
            elif self._frame:
                parts.extend(self._inside(byte))
            elif not self._in_noise:
                self._in_noise = True
                parts.append(Rejected("noise", bytes((byte,))))
        return parts

    def _inside(self, byte: int) -> list[Part]:
        if byte == _END:
            frame = bytes(self._frame)
            self._frame.clear()
            return [_judge(frame)]
        if byte == _ESC:
            return self._cut("length")
        self._frame.append(byte)
        if len(self._frame) < MAX_FRAME_BYTES:
            return []
        self._in_noise = True  # what follows belongs to the same overlong frame
        return self._cut("oversize")

    def _cut(self, reason: str) -> list[Part]:
        if not self._frame:
            return []
        rejected = Rejected(reason, bytes(self._frame[:_MAX_EXCERPT_BYTES]))
        self._frame.clear()
        return [rejected]


def _judge(frame: bytes) -> Part:
    """Judge a frame without its CR."""
    body, bar, said = frame[1:].rpartition(b"|")
    if not bar:
        return Rejected("syntax", frame[:_MAX_EXCERPT_BYTES])
    if said != b"%04X" % crc_hqx(body, 0xFFFF):
        return Rejected("checksum", frame[:_MAX_EXCERPT_BYTES])
    return Reply(tuple(body.decode("ascii", "backslashreplace").split("^")))


# What INF says.

_INF_FIELDS: Final = 14
_NONE: Final = frozenset({"", "-"})
_SERIAL_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,31}")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,3})(?:\.[0-9]{1,3})?")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
_MORE_THAN_A_DAY: Final = "24+"
_DAY_S: Final = Decimal(86400)

_RATE_MAX_ML_PER_H: Final = Decimal(1200)
"""What the pump allows with its largest syringe; a purge and a bolus run no faster."""
_VOLUME_MAX_ML: Final = Decimal("9999.999")
_PRESSURE_MAX_MMHG: Final = Decimal(1500)
"""Well above the highest limit that these pumps can be set to, 1000 mmHg."""

NO_ALARM: Final = "-"
"""The alarm flag of a pump without an alarm."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One INF reply. Serial number and alarm flag are ``None`` where the layout of the reply is not known."""

    readings: tuple[Reading, ...]
    state: InfusionState
    serial_number: str | None = None
    alarm_flag: str | None = None


def sample_of(reply: Reply) -> Sample:
    """Read an INF reply: its numbers, which were said together with mode and alarm flag."""
    if len(reply.fields) != _INF_FIELDS:
        note = f"INF of {len(reply.fields)} fields"
        return Sample(
            (
                invalid(Quantity.INFUSION_RATE, "mL/h", origin="INF", note=note),
                invalid(Quantity.VOLUME_INFUSED, "mL", origin="INF", note=note),
                invalid(Quantity.TIME_REMAINING, "s", origin="INF", note=note),
                invalid(Quantity.LINE_PRESSURE, "mm[Hg]", origin="INF", note=note),
            ),
            InfusionState.UNKNOWN,
        )
    serial_number, flag, mode, rate_text, rate_unit, _, volume_text, volume_unit = reply.fields[1:9]
    rate = (
        _number(Quantity.INFUSION_RATE, rate_text, "mL/h", _RATE_MAX_ML_PER_H)
        if rate_unit == "ml/h"
        else _unit_unknown(Quantity.INFUSION_RATE, "mL/h", rate_unit)
    )
    volume = (
        _number(Quantity.VOLUME_INFUSED, volume_text, "mL", _VOLUME_MAX_ML)
        if volume_unit == "ml"
        else _unit_unknown(Quantity.VOLUME_INFUSED, "mL", volume_unit)
    )
    pressure_text, pressure_unit, time_text = reply.fields[9:12]
    pressure = (
        _number(Quantity.LINE_PRESSURE, pressure_text, "mm[Hg]", _PRESSURE_MAX_MMHG)
        if pressure_unit == "mmHg"
        else _unit_unknown(Quantity.LINE_PRESSURE, "mm[Hg]", pressure_unit)
    )
    return Sample(
        (rate, volume, _time_left(time_text), pressure),
        _state(mode, rate),
        serial_number if _SERIAL_NUMBER.fullmatch(serial_number) else "",
        flag,
    )


def _number(quantity: Quantity, text: str, unit: str, highest: Decimal) -> Reading:
    if text.strip(" ") in _NONE:
        return missing(quantity, unit, origin="INF")
    if _NUMBER.fullmatch(text) is None:
        return invalid(quantity, unit, origin="INF", note=f"no number: {text[:_MAX_SHOWN]!r}")
    value = Decimal(text)
    if value > highest:
        return invalid(quantity, unit, origin="INF", note=f"{text} is beyond {highest}")
    return Reading(quantity, value, unit, resolution=Decimal(1).scaleb(-len(text.partition(".")[2])), origin="INF")


def _unit_unknown(quantity: Quantity, unit: str, said: str) -> Reading:
    """Refuse a number whose unit is another than the one that is known (H-13)."""
    return invalid(quantity, unit, origin="INF", note=f"unit not known: {said[:_MAX_SHOWN]!r}")


def _time_left(text: str) -> Reading:
    if text == _MORE_THAN_A_DAY:
        return Reading(Quantity.TIME_REMAINING, _DAY_S, "s", validity=Validity.OVER, origin="INF", note=text)
    if text.strip(" ") in _NONE:
        return missing(Quantity.TIME_REMAINING, "s", origin="INF")
    match = _TIME.fullmatch(text)
    if match is None:
        return invalid(Quantity.TIME_REMAINING, "s", origin="INF", note=f"no time: {text[:_MAX_SHOWN]!r}")
    hours, minutes, seconds = (int(part) for part in match.groups())
    return Reading(Quantity.TIME_REMAINING, Decimal(hours * 3600 + minutes * 60 + seconds), "s", origin="INF")


def _state(mode: str, rate: Reading) -> InfusionState:
    """Tell what the pump does where mode and rate say the same of it; any other mode, or a contradiction, is unknown.

    The modes are hypotheses. One that is wrongly held to infuse is watched too closely; so a pump counts as stopped
    only if it says both that it holds and that its rate is zero.
    """
    if rate.value is None:
        return InfusionState.UNKNOWN
    if mode == "SET" and rate.value > ZERO:
        return InfusionState.INFUSING
    if mode == "HLD" and rate.value == ZERO:
        return InfusionState.STOPPED
    return InfusionState.UNKNOWN


# What ALARM says.

_NO_ALARM_CODE: Final = "AL_NOALM"
_ALARM_CODE = re.compile(r"AL[_ ][0-9A-Z]{1,12}")

_ALARMS: Final = {
    "AL_OCCLU": (DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "occlusion"),
    "AL_EMBAT": (DeviceAlarmKind.BATTERY_EMPTY, "battery empty"),
    "AL_LWBAT": (DeviceAlarmKind.BATTERY_LOW, "battery low"),
    "AL_FAULT": (DeviceAlarmKind.MALFUNCTION, "pump fault"),
}
"""Codes whose name leaves one meaning, which is at least as urgent as an unknown alarm; all others stay unknown."""


def alarms_of(reply: Reply) -> tuple[DeviceAlarm, ...]:
    """Read an ALARM reply: empty only if it says just that there is none; whatever else it says is an alarm."""
    code, *others = reply.fields[1:]
    detail = " ".join(" ".join(others).split())
    if code == _NO_ALARM_CODE and not detail:
        return ()
    if _ALARM_CODE.fullmatch(code) is None or code == _NO_ALARM_CODE:
        shown = ascii("^".join(reply.fields[1:]))[:_MAX_SHOWN]
        return (DeviceAlarm(DeviceAlarmKind.UNKNOWN, shown, "an alarm reply that is not known"),)
    kind, text = _ALARMS.get(code, (DeviceAlarmKind.UNKNOWN, f"alarm {code}"))
    shown = f" ({ascii(detail)[:_MAX_SHOWN]})" if detail else ""
    return (DeviceAlarm(kind, code, text + shown),)


def unnamed_alarm(flag: str) -> DeviceAlarm:
    """Make the alarm of a pump that shows a flag in INF and names no alarm."""
    return DeviceAlarm(
        DeviceAlarmKind.UNKNOWN, f"INF {ascii(flag)[:_MAX_SHOWN]}", "an alarm that the pump does not name"
    )
