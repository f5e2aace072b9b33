"""What one pump of a Fresenius Orchestra workstation says: its rate, its volume, and that it has an alarm.

Laws of this module:
  * Only the rate (0.1 mL/h) and the volume infused (0.001 mL) can be decoded. The codes of alarm, error and mode are
    not known: the state is always unknown, and whatever is not zero is an unknown alarm under its own code.
  * That zero means none is a hypothesis. So an alarm ends only where a whole answer says zero of it; an event can show
    an alarm, and cannot end one; a variable that the pump does not tell changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    Infusion,
    InfusionState,
    Observation,
    Output,
    Quantity,
    Reading,
    invalid,
    missing,
)

RATE_MAX_ML_PER_H: Final = Decimal(1200)
"""No module runs faster, a bolus included; FFFF of the wire would be 6553.5."""
VOLUME_MAX_ML: Final = Decimal("9999.999")
"""More is days of the highest rate without a reset; FFFFFF of the wire would be 16777.215."""

_RATE_STEP_ML_PER_H: Final = Decimal("0.1")
_VOLUME_STEP_ML: Final = Decimal("0.001")

_HEX = re.compile("[0-9A-F]{1,8}")
_ALL_ONES = re.compile("F{4,8}")
_ZERO = re.compile("0{1,8}")
_MAX_SHOWN: Final = 32  # as much of an undecodable text as a person needs

_ALARM_NAMES: Final = {"a": "alarm", "e": "error"}
_REFUSED: Final = "I"


class Pump:
    """What was told of one pump so far. ``channel`` is its name outside."""

    def __init__(self, port: str, channel: str) -> None:
        self._port = port
        self.channel = channel
        self._alarms: dict[str, DeviceAlarm | None] = {}
        self._told: tuple[DeviceAlarm, ...] | None = None

    def sample(self, fields: Mapping[str, str], now_s: float) -> list[Output]:
        """Take a whole answer."""
        for letter in _ALARM_NAMES.keys() & fields.keys():
            text = fields[letter]
            self._alarms[letter] = None if _ZERO.fullmatch(text) else _undecoded(letter, text)
        if "a" in fields:
            self._alarms.pop(_REFUSED, None)
        seen = Observation(self._port, self.channel, now_s, readings_of(fields), Infusion(InfusionState.UNKNOWN))
        return [seen, *self._tell(now_s)]

    def event(self, fields: Mapping[str, str], now_s: float) -> list[Output]:
        """Take what the pump says unasked; the whole answer that is asked for next says the rest."""
        for letter in _ALARM_NAMES.keys() & fields.keys():
            text = fields[letter]
            if _ZERO.fullmatch(text) is None:
                self._alarms[letter] = _undecoded(letter, text)
        return self._tell(now_s)

    def refuse_for_alarm(self, code: str, now_s: float) -> list[Output]:
        """Take that the pump answers nothing but that it has an alarm."""
        self._alarms[_REFUSED] = DeviceAlarm(
            DeviceAlarmKind.UNKNOWN, f"refused {code}", "an alarm for which the pump tells nothing else"
        )
        return self._tell(now_s)

    def begin_anew(self) -> None:
        """Forget the alarms: another pump may stand here."""
        self._alarms.clear()
        self._told = None

    def _tell(self, now_s: float) -> list[Output]:
        """Say the whole set, once something is known of it, when it differs from what was said."""
        shown = tuple(sorted(alarm for alarm in self._alarms.values() if alarm is not None))
        if shown == self._told or (not shown and "a" not in self._alarms):
            return []
        self._told = shown
        return [AlarmSetChanged(self._port, self.channel, now_s, shown)]


def _undecoded(letter: str, text: str) -> DeviceAlarm:
    name = _ALARM_NAMES[letter]
    return DeviceAlarm(
        DeviceAlarmKind.UNKNOWN, f"{letter} {text[:_MAX_SHOWN]}".rstrip(), f"{name} whose code is not known"
    )


def readings_of(fields: Mapping[str, str]) -> tuple[Reading, ...]:
    """Read rate and volume; the pump's mode, which cannot be decoded, stands beside the rate as it was said."""
    mode = f"mode {fields['m'][:_MAX_SHOWN]}" if "m" in fields else ""
    return (
        _number(
            fields,
            "d",
            Quantity.INFUSION_RATE,
            "mL/h",
            step=_RATE_STEP_ML_PER_H,
            highest=RATE_MAX_ML_PER_H,
            note=mode,
        ),
        _number(fields, "r", Quantity.VOLUME_INFUSED, "mL", step=_VOLUME_STEP_ML, highest=VOLUME_MAX_ML),
    )


def _number(
    fields: Mapping[str, str],
    letter: str,
    quantity: Quantity,
    unit: str,
    *,
    step: Decimal,
    highest: Decimal,
    note: str = "",
) -> Reading:
    text = fields.get(letter)
    if not text:
        return missing(quantity, unit, origin=letter, note="not told" if text is None else "no value")
    if _HEX.fullmatch(text) is None or _ALL_ONES.fullmatch(text):
        return invalid(quantity, unit, origin=letter, note=f"no number: {text[:_MAX_SHOWN]!r}")
    value = int(text, 16) * step
    if value > highest:
        return invalid(quantity, unit, origin=letter, note=f"{value} is beyond {highest}")
    return Reading(quantity, value, unit, resolution=step, origin=letter, note=note)
