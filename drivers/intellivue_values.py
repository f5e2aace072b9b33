"""From the numbers of an IntelliVue result to readings: which object tells which quantity, its unit, and its doubts.

The wire's exponent is not the display's (32 may come as 32.000), so the resolution here is the screen's: 1 /min,
1 mmHg or 0.1 kPa, 1 %, 0.1 degrees; and never finer than the wire.

Laws of this module:
  * Every quantity is told once; what no object tells is missing, never zero.
  * Data of a test or a demonstration are invalid, and their note says what they are: ``test data``,
    ``demonstration data``.
  * Where several objects tell one quantity the order is fixed, and the origin says whose it is. The arterial pressures
    ABP and ART are IBP1; any other pressure is IBP2, so that none of them is ever taken for an arterial one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from drivers.intellivue_numbers import (
    CALIBRATING,
    DEMONSTRATION,
    EARLY,
    INVALID,
    NOT_KNOWN,
    ONGOING,
    QUESTIONABLE,
    TEST,
    UNAVAILABLE,
    CuffClock,
    MonitorClock,
    Number,
)
from drivers.model import Quantity, Reading, Validity, invalid, missing


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit of the wire in UCUM, the screen's step, and how many of the kind's own unit it is."""

    ucum: str
    step: Decimal
    factor: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class _Kind:
    """The units of a kind of number, its own first, and what is possible in that one."""

    units: Mapping[int, _Unit]
    lowest: int
    highest: int

    @property
    def ucum(self) -> str:
        return next(iter(self.units.values())).ucum


_MMHG, _KPA = _Unit("mm[Hg]", Decimal(1)), _Unit("kPa", Decimal("0.1"), Decimal("7.500617"))
_PER_MINUTE: Final = _Unit("/min", Decimal(1))
_PRESSURE_UNITS: Final = {0x0F20: _MMHG, 0x0F03: _KPA}

# Wider than monitors show, to lose no true extreme. A rate may be zero: the state says that it was measured.
_BEATS: Final = _Kind({0x0AA0: _PER_MINUTE}, 0, 350)
_BREATHS: Final = _Kind({0x0AE0: _PER_MINUTE}, 0, 200)
_SATURATION: Final = _Kind({0x0220: _Unit("%", Decimal(1))}, 10, 100)
_CUFF: Final = _Kind(_PRESSURE_UNITS, 10, 300)
_GAS: Final = _Kind(_PRESSURE_UNITS, 0, 150)
# Venous lines go below zero, and a transducer open to air reads zero.
_INVASIVE: Final = _Kind(_PRESSURE_UNITS, -50, 400)
_DEGREES: Final = _Kind({0x17A0: _Unit("Cel", Decimal("0.1"))}, 10, 50)

_SINGLE: Final = (
    (Quantity.HEART_RATE, _BEATS, ((0x4182, "ECG"),)),
    (Quantity.PULSE_RATE, _BEATS, ((0x4822, "pleth"), (0x480A, "pulse"))),
    (Quantity.SPO2, _SATURATION, ((0x4BB8, "SpO2"),)),
    (Quantity.RESPIRATORY_RATE, _BREATHS, ((0x5012, "CO2"), (0x500A, "impedance"))),
    (Quantity.ETCO2, _GAS, ((0x50B0, "CO2"),)),
    (Quantity.TEMPERATURE_1, _DEGREES, ((0x4B48, "T"),)),
    (Quantity.TEMPERATURE_2, _DEGREES, ((0xE014, "Tblood"),)),
)
_NIBP: Final = (
    (Quantity.NIBP_SYS, _CUFF, 0x4A05),
    (Quantity.NIBP_DIA, _CUFF, 0x4A06),
    (Quantity.NIBP_MEAN, _CUFF, 0x4A07),
    (Quantity.NIBP_PULSE_RATE, _BEATS, 0xF0E5),
)
_NOT_TOLD: Final = -1
_PRESSURES: Final = (
    (
        (Quantity.IBP1_SYS, Quantity.IBP1_DIA, Quantity.IBP1_MEAN),
        (("ABP", (0x4A15, 0x4A16, 0x4A17)), ("ART", (0x4A11, 0x4A12, 0x4A13))),
    ),
    (
        (Quantity.IBP2_SYS, Quantity.IBP2_DIA, Quantity.IBP2_MEAN),
        (
            ("PAP", (0x4A1D, 0x4A1E, 0x4A1F)),
            ("CVP", (_NOT_TOLD, _NOT_TOLD, 0x4A47)),
            ("P", (0x4A01, 0x4A02, 0x4A03)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a result was made and came, and why nothing in it may count (``demonstration mode``; empty if it may)."""

    ticks: int
    clock: bytes
    now_s: float
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _About:
    """What is known of a number besides itself."""

    origin: str
    refused: str
    doubt: str = ""
    measured_s_ago: float | None = None


def readings_of(
    numbers: Mapping[int, Number], moment: Moment, clock: MonitorClock, cuff: CuffClock
) -> tuple[Reading, ...]:
    """Give every quantity of the driver once. ``cuff`` is told what the cuff shows, and dates it."""
    singles = (_first(quantity, kind, sources, numbers, moment) for quantity, kind, sources in _SINGLE)
    return (*singles, *_cuff(numbers, moment, clock, cuff), *_invasive(numbers, moment))


def demonstrated(numbers: Mapping[int, Number]) -> bool:
    """Tell whether any number is said to be of a demonstration."""
    return any(number.state & DEMONSTRATION for number in numbers.values())


def tested(numbers: Mapping[int, Number]) -> bool:
    """Tell whether any number is said to be of a test."""
    return any(number.state & TEST for number in numbers.values())


def _first(
    quantity: Quantity,
    kind: _Kind,
    sources: tuple[tuple[int, str], ...],
    numbers: Mapping[int, Number],
    moment: Moment,
) -> Reading:
    """Tell the first source's number that has a value, else what the first source says."""
    readings = [
        _reading(quantity, kind, numbers[physio_id], _About(origin, moment.refused))
        for physio_id, origin in sources
        if physio_id in numbers
    ]
    with_value = (reading for reading in readings if reading.value is not None)
    return next(with_value, readings[0] if readings else missing(quantity, kind.ucum, note="not measured"))


def _cuff(numbers: Mapping[int, Number], moment: Moment, clock: MonitorClock, cuff: CuffClock) -> tuple[Reading, ...]:
    shown = [numbers[physio_id] for _, _, physio_id in _NIBP if physio_id in numbers]
    age_s, doubt = None, ""
    if shown:
        source = shown[0].source
        age_s, known = cuff.date(source, clock.age_s(source, moment.ticks, moment.clock), moment.now_s)
        doubt = "" if known else "measured at an unknown time"
    return tuple(
        _reading(quantity, kind, numbers.get(physio_id), _About("cuff", moment.refused, doubt, age_s))
        for quantity, kind, physio_id in _NIBP
    )


def _invasive(numbers: Mapping[int, Number], moment: Moment) -> tuple[Reading, ...]:
    readings: list[Reading] = []
    for quantities, sources in _PRESSURES:
        told = [(origin, ids) for origin, ids in sources if any(physio_id in numbers for physio_id in ids)]
        origin, ids = told[0] if told else ("", (_NOT_TOLD,) * 3)
        readings.extend(
            _reading(quantity, _INVASIVE, numbers.get(physio_id), _About(origin, moment.refused))
            for quantity, physio_id in zip(quantities, ids, strict=True)
        )
    return tuple(readings)


def _reading(quantity: Quantity, kind: _Kind, number: Number | None, about: _About) -> Reading:
    if number is None:
        return missing(quantity, kind.ucum, origin=about.origin, note="not measured")
    note = _join(about.refused, *number.words)
    if about.refused or number.state & (TEST | DEMONSTRATION):  # said even of what has no value
        return invalid(quantity, kind.ucum, origin=about.origin, note=note)
    if number.state & (UNAVAILABLE | CALIBRATING) or number.validity is Validity.NOT_AVAILABLE:
        return missing(quantity, kind.ucum, origin=about.origin, note=note)
    unit, fault = kind.units.get(number.unit), _fault(kind, number)
    if unit is None or fault or number.state & (INVALID | NOT_KNOWN):
        return invalid(quantity, kind.ucum, origin=about.origin, note=_join(fault, note))
    validity = number.validity
    if validity is Validity.VALID and (about.doubt or number.state & (QUESTIONABLE | EARLY | ONGOING)):
        validity = Validity.QUESTIONABLE
    return Reading(
        quantity,
        number.value,
        unit.ucum,
        max(unit.step, number.step),
        validity,
        about.origin,
        _join(number.why, about.doubt, note),
        about.measured_s_ago,
    )


def _fault(kind: _Kind, number: Number) -> str:
    """Say why a number is no possible value; empty if it may be one."""
    if number.validity is Validity.INVALID:
        return number.why
    unit = kind.units.get(number.unit)
    if unit is None:
        return f"unit {number.unit:04X}"
    possible = number.value is None or kind.lowest <= number.value * unit.factor <= kind.highest
    return "" if possible else f"out of range: {number.value}"


def _join(*texts: str) -> str:
    return "; ".join(text for text in texts if text)
