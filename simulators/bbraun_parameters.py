"""What a B. Braun Space pump says of itself: the table of its parameters, each made from the pump's true state.

Source: protocols/bbraun-space-bcc.md sections 9 to 11. A value that is not there is ``_NV``, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fractions import Fraction

from simulators.pump_terms import PRE_ALARMS, PUMPING, BolusKind, PumpAlarm, PumpSnapshot, PumpState

NO_VALUE = "_NV"
NO_REMAINING_TIME_S = 65535
_CENTI = Decimal("0.01")
_MILLI = Decimal("0.001")
_MAX_BOLUS_ML = Fraction(500)
_MAX_BOLI = 9
_PRESSURE_LEVELS = 8
_BATTERY_MIN = 240
_SUBSTANCES = ("ng", "mg", "ug", "g", "mmol", "mEq", "IU")
_TIMES = ("min", "h", "day")


class BitNotation(StrEnum):
    """How a 32-bit word is written; the maker's document leaves it open."""

    DECIMAL = "{:d}"
    HEX = "0x{:08X}"
    HEX_H = "0x{:08X}h"


@dataclass(frozen=True, slots=True)
class Answered:
    """What an earlier answer said of this pump, for values that are counted from request to request."""

    at_s: float
    counted_ml: Fraction
    bolus_count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One pump at the moment of an answer; ``before`` is ``None`` in its first."""

    pump: PumpSnapshot
    at_s: float
    before: Answered | None
    bits: BitNotation = BitNotation.DECIMAL


def _unit_codes() -> Iterator[tuple[str, int]]:
    for place, substance in enumerate(_SUBSTANCES):
        yield f"{substance}/mL", 30 + place
        for offset, time in enumerate(_TIMES):
            yield f"{substance}/{time}", 44 + 3 * place + offset
            yield f"{substance}/kg/{time}", 65 + 3 * place + offset


UNIT_CODES = dict(_unit_codes())

# Which INA flag and which bit of which word stand for an alarm. The sheet has no bit for a syringe that is nearly empty
# outside takeover mode: the takeover master's is used.
_FLAGS = {
    PumpAlarm.BATTERY_EMPTY: "INA1",
    PumpAlarm.SYRINGE_EMPTY: "INA2",
    PumpAlarm.OCCLUSION: "INA3",
    PumpAlarm.STANDBY_END: "INA5",
    PumpAlarm.END_OF_VOLUME: "INA7",
    PumpAlarm.TIME_OVER: "INA8",
    PumpAlarm.SYRINGE: "INA9",
    PumpAlarm.BATTERY_NEAR_EMPTY: "INA11",
    PumpAlarm.SYRINGE_NEAR_EMPTY: "INA12",
    PumpAlarm.DOOR_OPEN: "INA13",
    PumpAlarm.DROPS: "INA14",
    PumpAlarm.AIR: "INA15",
    PumpAlarm.KVO_END: "INA16",
}
_WORDS = {
    "ALARM1": {
        PumpAlarm.BATTERY_EMPTY: 2,
        PumpAlarm.SYRINGE_EMPTY: 9,
        PumpAlarm.OCCLUSION: 10,
        PumpAlarm.STANDBY_END: 12,
        PumpAlarm.END_OF_VOLUME: 13,
        PumpAlarm.TIME_OVER: 14,
        PumpAlarm.SYRINGE: 17,
        PumpAlarm.KVO_END: 19,
        PumpAlarm.UPSTREAM_OCCLUSION: 20,
        PumpAlarm.DROPS: 22,
        PumpAlarm.AIR: 28,
    },
    "ALARM2": {PumpAlarm.DOOR_OPEN: 30},
    "PREALARM": {
        PumpAlarm.VTBI_NEAR_END: 2,
        PumpAlarm.BATTERY_NEAR_EMPTY: 4,
        PumpAlarm.KVO_ACTIVE: 5,
        PumpAlarm.SYRINGE_NEAR_EMPTY: 13,
    },
}


def _number(value: Decimal | Fraction | None, step: Decimal = _CENTI, rounding: str = ROUND_FLOOR) -> str:
    if value is None:
        return NO_VALUE
    exact = value if isinstance(value, Decimal) else Decimal(value.numerator) / value.denominator
    return str(exact.quantize(step, rounding))


def _text(value: str, limit: int) -> str:
    return value[:limit] or NO_VALUE


def _flag(*, on: bool) -> str:
    return "1" if on else "0"


def _bits(*places: tuple[int, bool]) -> int:
    return sum(1 << place for place, on in places if on)


def _average_rate(asked: Asked) -> str:
    if asked.before is None or asked.at_s <= asked.before.at_s:
        return NO_VALUE
    hours = (Fraction(asked.at_s) - Fraction(asked.before.at_s)) / 3600
    return _number((asked.pump.counted_ml - asked.before.counted_ml) / hours)


def _boli(asked: Asked) -> str:
    seen = asked.before.bolus_count if asked.before else 0
    return str(min(asked.pump.bolus_count - seen, _MAX_BOLI))


def _remaining_s(asked: Asked) -> str:
    pump = asked.pump
    if pump.vtbi_left_ml is None or not pump.rate_ml_per_h:
        return str(NO_REMAINING_TIME_S)
    return str(min(int(pump.vtbi_left_ml * 3600 / Fraction(pump.rate_ml_per_h)), NO_REMAINING_TIME_S - 1))


def _dose_rate(pump: PumpSnapshot, rate_ml_per_h: Decimal) -> str:
    return _number(pump.therapy.dose_rate(rate_ml_per_h), _MILLI, ROUND_HALF_EVEN)


def _dose_unit(asked: Asked) -> str:
    therapy = asked.pump.therapy
    return NO_VALUE if therapy.concentration is None else str(UNIT_CODES[therapy.dose_unit])


def _run_state(asked: Asked) -> str:
    pump = asked.pump
    return str(
        _bits(
            (0, pump.state not in PUMPING),
            (1, pump.state in PUMPING),
            (2, bool(pump.alarms - PRE_ALARMS)),
            (3, pump.state is PumpState.KVO),
            (5, bool(pump.alarms & PRE_ALARMS)),
        )
    )


def _status1(asked: Asked) -> str:
    pump = asked.pump
    state = pump.state
    if state is PumpState.OFF:
        return asked.bits.format(_bits((1, pump.on_mains)))
    return asked.bits.format(
        _bits(
            (0, True),
            (1, pump.on_mains),
            (2, state is PumpState.STANDBY),
            (4, state is PumpState.PURGE),
            (6, state is PumpState.STOPPED and not pump.alarms - PRE_ALARMS),
            (7, state in PUMPING and state is not PumpState.PURGE),
            (8, pump.started),
            (9, state is PumpState.INFUSING),
            (10, pump.bolus_kind is BolusKind.MANUAL),
            (11, pump.bolus_kind is BolusKind.VOLUME),
            (12, pump.spec.kvo_rate_ml_per_h > 0),
            (13, state is PumpState.KVO),
            (15, pump.therapy.dose_mode),
            (17, pump.therapy.weight_kg is not None),
            (19, pump.acknowledged and bool(pump.alarms - PRE_ALARMS)),
            (20, pump.acknowledged and bool(pump.alarms & PRE_ALARMS)),
            (23, True),
        )
    )


def _word(name: str) -> Callable[[Asked], str]:
    places = _WORDS[name]
    return lambda asked: asked.bits.format(
        _bits(*((place, alarm in asked.pump.alarms) for alarm, place in places.items()))
    )


def _alarm_flag(alarm: PumpAlarm) -> Callable[[Asked], str]:
    return lambda asked: _flag(on=alarm in asked.pump.alarms)


def _always(value: str) -> Callable[[Asked], str]:
    return lambda _asked: value


BIT_WORDS: dict[str, Callable[[Asked], str]] = {
    "ALARM1": _word("ALARM1"),
    "ALARM2": _word("ALARM2"),
    "PREALARM": _word("PREALARM"),
    "STATUS1": _status1,
    "STATUS2": _always(NO_VALUE),
}
_ALARM_FLAGS: dict[str, Callable[[Asked], str]] = {
    "INA4": _always("0"),
    "INA6": _always("0"),
    "INA10": _always(NO_VALUE),
} | {key: _alarm_flag(alarm) for alarm, key in _FLAGS.items()}
FLAGS: dict[str, Callable[[Asked], str]] = {
    "INM1": lambda a: _flag(on=a.pump.state is PumpState.STOPPED and not a.pump.alarms - PRE_ALARMS),
    "INM2": lambda a: _flag(on=a.pump.state is PumpState.BOLUS),
    "INM3": lambda a: _flag(on=a.pump.state in PUMPING),
    "INM5": lambda a: _flag(on=a.pump.state is PumpState.INFUSING),
    "INM6": lambda a: _flag(on=a.pump.state is PumpState.STANDBY),
    "INM7": _always("0"),
    "INM8": lambda a: _flag(on=a.pump.on_mains),
    "INM10": lambda a: _flag(on=a.pump.state is PumpState.KVO),
    "INM12": _always("0"),
    "INM13": _always("0"),
    "INM14": lambda a: _flag(on=a.pump.state is PumpState.PURGE),
} | {f"INA{number}": _ALARM_FLAGS[f"INA{number}"] for number in range(1, 17)}

_VALUES_BEFORE_FLAGS: dict[str, Callable[[Asked], str]] = {
    "INRT": lambda a: _number(a.pump.rate_ml_per_h),
    "INAVRT": _average_rate,
    "BASRT": lambda a: _number(a.pump.rate_ml_per_h),
    "INVTB": lambda a: _number(a.pump.vtbi_ml),
    "VOLREMAIN": lambda a: _number(a.pump.vtbi_left_ml),
    "INVI": lambda a: str(a.pump.counter_ml),
    "INTIME": _always(NO_VALUE),
    "INRMT": _remaining_s,
    "TIMEOFINF": _always(NO_VALUE),
    "INVOLACT": lambda a: _number(a.pump.syringe_left_ml),
    "INSYR": lambda a: NO_VALUE if a.pump.spec.syringe_ml is None else str(a.pump.spec.syringe_ml),
    "DISPNAME": _always(NO_VALUE),
    "INSOL": lambda a: _text(a.pump.therapy.drug, 25),
    "INSOLSN": lambda a: _text(a.pump.therapy.drug_short, 8),
    "INSOLID": _always(NO_VALUE),
    "INDCON": lambda a: _number(a.pump.therapy.concentration, _MILLI),
    "INDCONU": lambda a: (
        NO_VALUE if a.pump.therapy.concentration is None else str(UNIT_CODES[a.pump.therapy.concentration_unit])
    ),
    "INDOCAL": lambda a: _flag(on=a.pump.therapy.dose_mode),
    "INDORT": lambda a: _dose_rate(a.pump, a.pump.rate_ml_per_h),
    "INDORTU": _dose_unit,
    "DORT": lambda a: _dose_rate(a.pump, a.pump.motor_rate_ml_per_h),
    "DORTU": _dose_unit,
    "PATW": lambda a: _number(a.pump.therapy.weight_kg, Decimal("0.1"), ROUND_HALF_EVEN),
    "PATH": _always(NO_VALUE),
    "PATAGE": _always(NO_VALUE),
    "PATID": _always(NO_VALUE),
    "INBORT": lambda a: _number(a.pump.bolus_rate_ml_per_h),
    "INBOVAL": lambda a: _number(min(a.pump.last_bolus_ml, _MAX_BOLUS_ML)) if a.pump.bolus_count else NO_VALUE,
    "INBOCNT": _boli,
    "BOLTYPE": lambda a: str(list(BolusKind).index(a.pump.bolus_kind)),
}
_VALUES_AFTER_FLAGS: dict[str, Callable[[Asked], str]] = {
    "INP1": lambda a: str(a.pump.pressure_percent * _PRESSURE_LEVELS // 100),
    "INP2": lambda a: str(a.pump.pressure_percent),
    "INPSOLL": _always(str(_PRESSURE_LEVELS)),
    "DSSTATUS": lambda a: "00050" if a.pump.state is PumpState.OFF else "00051",
    "INSERNUM": lambda a: a.pump.spec.serial_number,
    "INAKKU": _always(str(_BATTERY_MIN)),
    "INSTBY": lambda a: str(a.pump.standby_left_s // 60),
    "RUNSTATE": _run_state,
    "OPMODE": _always("0"),
    "ACTCHAN": _always("1"),
    "DGDSTATUS": _always("0"),
    "DGDALERTSLL": _always("0"),
    "DGDALERTSLH": _always("0"),
    "DGDALERTHLH": _always("0"),
    "SLLOW": _always(NO_VALUE),
    "SLHIGH": _always(NO_VALUE),
    "HLHIGH": _always(NO_VALUE),
    "RTLIMUT": _always(NO_VALUE),
    "LASTDA": _always(NO_VALUE),
}
PUMP_PARAMETERS = _VALUES_BEFORE_FLAGS | FLAGS | BIT_WORDS | _VALUES_AFTER_FLAGS
MODEL_PARAMETERS = ("GNNEW", "GNMODEL")
RACK_PARAMETERS = ("FMNOR", "FMSTAT", "FMDONGLE", "FMBANY", "FMRT", "FMRSTAT", "COMSERIALNO", "COMSWVERSION")
ALL_PARAMETERS = frozenset((*PUMP_PARAMETERS, *MODEL_PARAMETERS, *RACK_PARAMETERS))

# What a pump that is switched off still says; everything else of it is unknown.
_SAID_WHILE_OFF = frozenset({"DSSTATUS", "INSERNUM", "STATUS1"})

# Column "E" of the sheet: a change of one of these is told at once in cyclic mode.
EVENT_PARAMETERS = frozenset(
    {"INRT", "BASRT", "INSOL", "INSOLSN", "INSOLID", "INDOCAL", "INDORT", "INDORTU", "DORT", "DORTU"}
    | {"PATW", "PATH", "PATAGE", "PATID", "INBORT", "INBOVAL", "INBOCNT", "BOLTYPE", "RUNSTATE", "OPMODE", "ACTCHAN"}
    | FLAGS.keys()
    | BIT_WORDS.keys()
)

# With data grouping a group that changed since the last answer is not told until it stands still.
DATA_GROUPS = (
    ("INSOL", "INSOLSN", "INSOLID"),
    ("INDCON", "INDCONU"),
    ("INDOCAL", "INDORT", "INDORTU"),
    ("DORT", "DORTU"),
)


def pump_values(asked: Asked, keys: frozenset[str]) -> dict[str, str]:
    """Return the selected parameters in the order of the table, as text of the wire."""
    off = asked.pump.state is PumpState.OFF
    return {
        key: NO_VALUE if off and key not in _SAID_WHILE_OFF else value_of(asked)
        for key, value_of in PUMP_PARAMETERS.items()
        if key in keys
    }
