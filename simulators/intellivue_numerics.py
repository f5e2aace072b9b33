"""The numerics of an IntelliVue monitor: what is measured, in which state, and how it is sent.

A value that is not there is NaN with a state that says so, or its object is not sent at all; it is never zero. Written
from public descriptions of the protocol; the handles are ours.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag, StrEnum

from simulators.intellivue_requests import Group
from simulators.intellivue_values import Attribute, Special, bcd_time, checked_text, counted, float_type, text
from simulators.patient import Vitals

Observation = tuple[int, list[Attribute]]
"""A handle and the attributes of its object."""

LABEL, LABEL_STRING = 0x0924, 0x0927
VALUE, COMPOUND_VALUE = 0x0950, 0x094B
ABSOLUTE_TIME_STAMP = 0x0990
KPA_PER_MMHG = Decimal("0.133322")

_VALUE = struct.Struct(">HHH4s")
_U16_MAX, _U32_MAX = 0xFFFF, 0xFFFF_FFFF


class State(IntFlag):
    """The state of a measurement; it is valid if none of the upper eight bits is set."""

    INVALID = 0x8000
    QUESTIONABLE = 0x4000
    UNAVAILABLE = 0x2000
    CALIBRATING = 0x1000
    TEST_DATA = 0x0800
    DEMO_DATA = 0x0400
    VALIDATED = 0x0080
    EARLY_INDICATION = 0x0040
    ONGOING = 0x0020
    IN_ALARM = 0x0002
    ALARMS_INHIBITED = 0x0001


class Unit(IntEnum):
    """Codes of units."""

    NONE = 0x0200
    PERCENT = 0x0220
    PER_MIN = 0x0AA0
    BREATHS_PER_MIN = 0x0AE0
    MMHG = 0x0F20
    KPA = 0x0F03
    CELSIUS = 0x17A0


class Numeric(StrEnum):
    """The numerics. ``PULSE`` is the source-selected pulse, ``P`` a pressure without a name, ``OTHER`` has no id."""

    HR = "HR"
    SPO2 = "SPO2"
    PULSE_SPO2 = "PULSE_SPO2"
    RR = "RR"
    NIBP = "NIBP"
    ABP = "ABP"
    ETCO2 = "ETCO2"
    AWRR = "AWRR"
    IMCO2 = "IMCO2"
    PULSE = "PULSE"
    PERFUSION = "PERFUSION"
    NIBP_PULSE = "NIBP_PULSE"
    ART = "ART"
    P = "P"
    PAP = "PAP"
    CVP = "CVP"
    TEMP = "TEMP"
    TEMP_BLOOD = "TEMP_BLOOD"
    OTHER = "OTHER"


USUAL_NUMERICS = frozenset({
    *(Numeric.HR, Numeric.SPO2, Numeric.PULSE_SPO2, Numeric.PERFUSION, Numeric.RR, Numeric.NIBP, Numeric.NIBP_PULSE),
    *(Numeric.ABP, Numeric.ETCO2, Numeric.AWRR, Numeric.TEMP),
})  # fmt: skip


class Off(StrEnum):
    """How a numeric shows that its sensor is off."""

    INVALID = "INVALID"
    UNAVAILABLE = "UNAVAILABLE"
    BOTH = "BOTH"
    GONE = "GONE"


_OFF_STATES = {
    Off.INVALID: State.INVALID,
    Off.UNAVAILABLE: State.UNAVAILABLE,
    Off.BOTH: State.INVALID | State.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class _Spec:
    """``ids`` of more than one are a compound: systolic, diastolic, mean."""

    handle: int
    label: int
    ids: tuple[int, ...]
    unit: Unit
    decimals: int = 0


_SPECS: Mapping[Numeric, _Spec] = {
    Numeric.HR: _Spec(1, 0x0002_4182, (0x4182,), Unit.PER_MIN),
    Numeric.SPO2: _Spec(2, 0x0002_4BB8, (0x4BB8,), Unit.PERCENT, 1),
    Numeric.PULSE_SPO2: _Spec(3, 0x0002_4822, (0x4822,), Unit.PER_MIN),
    Numeric.RR: _Spec(4, 0x0002_500A, (0x500A,), Unit.BREATHS_PER_MIN),
    Numeric.NIBP: _Spec(5, 0x0002_4A04, (0x4A05, 0x4A06, 0x4A07), Unit.MMHG),
    Numeric.ABP: _Spec(6, 0x0002_4A14, (0x4A15, 0x4A16, 0x4A17), Unit.MMHG),
    Numeric.ETCO2: _Spec(7, 0x0002_50AC, (0x50B0,), Unit.MMHG),
    Numeric.AWRR: _Spec(8, 0x0002_5012, (0x5012,), Unit.BREATHS_PER_MIN),
    Numeric.IMCO2: _Spec(9, 0x0002_50AC, (0x50BA,), Unit.MMHG),
    Numeric.PULSE: _Spec(10, 0x0002_480A, (0x480A,), Unit.PER_MIN),
    Numeric.PERFUSION: _Spec(11, 0x0002_4BB0, (0x4BB0,), Unit.NONE, 1),
    Numeric.NIBP_PULSE: _Spec(12, 0x0002_F0E5, (0xF0E5,), Unit.PER_MIN),
    Numeric.ART: _Spec(13, 0x0002_4A10, (0x4A11, 0x4A12, 0x4A13), Unit.MMHG),
    Numeric.P: _Spec(14, 0x0002_4A00, (0x4A01, 0x4A02, 0x4A03), Unit.MMHG),
    Numeric.PAP: _Spec(15, 0x0002_4A1C, (0x4A1D, 0x4A1E, 0x4A1F), Unit.MMHG),
    Numeric.CVP: _Spec(16, 0x0002_4A44, (0x4A47,), Unit.MMHG),
    Numeric.TEMP: _Spec(17, 0x0002_4B48, (0x4B48,), Unit.CELSIUS, 1),
    Numeric.TEMP_BLOOD: _Spec(18, 0x0002_E014, (0xE014,), Unit.CELSIUS, 1),
    Numeric.OTHER: _Spec(19, 0x0002_EFFF, (0xEFFF,), Unit.NONE),
}
HANDLES: Mapping[Numeric, int] = {numeric: spec.handle for numeric, spec in _SPECS.items()}
_CUFF = (Numeric.NIBP, Numeric.NIBP_PULSE)


@dataclass(frozen=True, slots=True)
class Showing:
    """How the monitor shows its numerics now: ``demo`` marks them all, ``withheld`` takes the values from them."""

    in_alarm: frozenset[Numeric] = frozenset()
    demo: bool = False
    withheld: bool = False


class Measurements:
    """The numerics of one monitor; ``vitals`` is asked once a poll and once a cuff measurement.

    ``cuff_shown_s`` is how long a cuff pressure is sent, ``None`` without end; it may be set at any time.
    """

    def __init__(self, vitals: Callable[[float], Vitals], fitted: frozenset[Numeric]) -> None:
        self.cuff_shown_s: float | None = None
        self._vitals = vitals
        self._fitted = set(fitted)
        self._off: dict[Numeric, Off] = {}
        self._set: dict[tuple[Numeric, int], Decimal | Special] = {}
        self._marks: dict[Numeric, int] = {}
        self._units: dict[Numeric, int] = {}
        self._labels: dict[Numeric, int] = {}
        self._strings: dict[Numeric, str] = {}
        self._cuff: dict[Numeric, tuple[int | None, ...]] = {}
        self._cuff_at_s = 0.0
        self._cuff_unix_s: int | None = None

    def plug_in(self, numeric: Numeric) -> None:
        """Plug a module in."""
        self._fitted.add(numeric)

    def unplug(self, numeric: Numeric) -> None:
        """Take a module out: its object is not sent."""
        self._fitted.discard(numeric)

    def switch_off(self, numeric: Numeric, how: Off = Off.INVALID) -> None:
        """Take a sensor off: no value, also none that was set."""
        self._off[numeric] = how

    def switch_on(self, numeric: Numeric) -> None:
        """Put a sensor back."""
        self._off.pop(numeric, None)

    def set_value(self, numeric: Numeric, value: Decimal | Special | None, part: int = 0) -> None:
        """Let a numeric say this, with the digits as they are written; ``None`` ends it.

        ``part`` is 0 systolic, 1 diastolic, 2 mean. Raises ``ValueError`` for a part that the numeric lacks, and for a
        value that does not fit.
        """
        if not 0 <= part < len(_SPECS[numeric].ids):
            raise ValueError(f"{numeric} has no part {part}")
        if value is None:
            self._set.pop((numeric, part), None)
        else:
            float_type(value)
            self._set[numeric, part] = value

    def mark(self, numeric: Numeric, state: int) -> None:
        """Set these bits of a state beside those that come by themselves. ``ValueError`` beyond 16 bits."""
        self._marks[numeric] = _checked(state, _U16_MAX)

    def set_unit(self, numeric: Numeric, unit: int) -> None:
        """Show a numeric in this unit; what is measured in mmHg is converted for kPa. ``ValueError`` beyond 16 bits."""
        self._units[numeric] = _checked(unit, _U16_MAX)

    def set_label(self, numeric: Numeric, label: int) -> None:
        """Give a numeric another label (TextId). Raises ``ValueError`` beyond 32 bits."""
        self._labels[numeric] = _checked(label, _U32_MAX)

    def set_label_string(self, numeric: Numeric, words: str) -> None:
        """Send a label in words too. Raises ``ValueError`` for one that the monitor cannot show."""
        self._strings[numeric] = checked_text(words)

    def measure_cuff(self, now_s: float, unix_s: int) -> None:
        """Measure with the cuff, at this time of the monitor's clock; a cuff that is off changes nothing."""
        if Numeric.NIBP in self._fitted and Numeric.NIBP not in self._off:
            vitals = self._vitals(now_s)
            self._cuff = {
                Numeric.NIBP: (vitals.nibp_sys_mmhg, vitals.nibp_dia_mmhg, vitals.nibp_mean_mmhg),
                Numeric.NIBP_PULSE: (vitals.nibp_pulse_rate_per_min,),
            }
            self._cuff_at_s, self._cuff_unix_s = now_s, unix_s

    def forget_cuff(self) -> None:
        """Forget the last cuff measurement, as at power on."""
        self._cuff, self._cuff_unix_s = {}, None

    def labels(self) -> list[int]:
        """Return the labels of the numerics that are fitted."""
        return [self._labels.get(numeric, spec.label) for numeric, spec in _SPECS.items() if numeric in self._fitted]

    def observations(self, now_s: float, group: int, showing: Showing) -> list[Observation]:
        """Return every object that is to be sent now, with the attributes of a group."""
        measured = self._measured(self._vitals(now_s))
        found = []
        for numeric, spec in _SPECS.items():
            if self._is_sent(numeric, now_s):
                attributes: list[Attribute] = []
                if group in (Group.ALL, Group.STATIC):
                    attributes += self._names(numeric, spec)
                if group in (Group.ALL, Group.OBSERVED_VALUE):
                    attributes += self._values(numeric, spec, measured.get(numeric, ()), showing)
                if attributes:
                    found.append((spec.handle, attributes))
        return found

    def _is_sent(self, numeric: Numeric, now_s: float) -> bool:
        if numeric not in self._fitted or self._off.get(numeric) is Off.GONE:
            return False
        measured_cuff = numeric in _CUFF and self._cuff_unix_s is not None
        return not measured_cuff or self.cuff_shown_s is None or now_s - self._cuff_at_s <= self.cuff_shown_s

    def _names(self, numeric: Numeric, spec: _Spec) -> list[Attribute]:
        names = [(LABEL, self._labels.get(numeric, spec.label).to_bytes(4, "big"))]
        if numeric in self._strings:
            names.append((LABEL_STRING, text(self._strings[numeric])))
        return names

    def _values(
        self, numeric: Numeric, spec: _Spec, measured: tuple[int | None, ...], showing: Showing
    ) -> list[Attribute]:
        unit = self._units.get(numeric, int(spec.unit))
        parts = [
            self._value(numeric, spec, part, measured[part] if part < len(measured) else None)
            for part in range(len(spec.ids))
        ]
        each = [
            _VALUE.pack(
                physio_id,
                self._state(numeric, missing=value is None or showing.withheld, showing=showing),
                unit,
                float_type(Special.NAN if value is None or showing.withheld else value),
            )
            for physio_id, value in zip(spec.ids, parts, strict=True)
        ]
        values = [(VALUE, each[0])] if len(each) == 1 else [(COMPOUND_VALUE, counted(each))]
        if numeric in _CUFF and self._cuff_unix_s is not None:
            values.append((ABSOLUTE_TIME_STAMP, bcd_time(self._cuff_unix_s)))
        return values

    def _value(self, numeric: Numeric, spec: _Spec, part: int, measured: int | None) -> Decimal | Special | None:
        if numeric in self._off:
            return None
        if (numeric, part) in self._set:
            return self._set[numeric, part]
        if measured is None:
            return None
        value, decimals = Decimal(measured), spec.decimals
        if spec.unit is Unit.MMHG and self._units.get(numeric) == Unit.KPA:
            value, decimals = value * KPA_PER_MMHG, 1
        return value.quantize(Decimal(1).scaleb(-decimals))

    def _state(self, numeric: Numeric, *, missing: bool, showing: Showing) -> int:
        state = self._marks.get(numeric, 0)
        if missing:
            state |= _OFF_STATES[self._off.get(numeric, Off.INVALID)]
        if showing.demo:
            state |= State.DEMO_DATA
        if numeric in showing.in_alarm:
            state |= State.IN_ALARM
        return state

    def _measured(self, vitals: Vitals) -> Mapping[Numeric, tuple[int | None, ...]]:
        heart_rate, breathing = vitals.heart_rate_per_min, vitals.respiratory_rate_per_min
        pulse = None if vitals.spo2_percent is None else heart_rate
        return {
            Numeric.HR: (heart_rate,),
            Numeric.SPO2: (vitals.spo2_percent,),
            Numeric.PULSE_SPO2: (pulse,),
            Numeric.PULSE: (pulse,),
            Numeric.RR: (breathing,),
            Numeric.ABP: (vitals.ibp_sys_mmhg, vitals.ibp_dia_mmhg, vitals.ibp_mean_mmhg),
            Numeric.ETCO2: (vitals.etco2_mmhg,),
            Numeric.AWRR: (None if vitals.etco2_mmhg is None else breathing,),
            **self._cuff,
        }


def _checked(number: int, largest: int) -> int:
    if not 0 <= number <= largest:
        raise ValueError(f"{number} does not fit")
    return number
