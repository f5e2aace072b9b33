"""From the numbers of a DRI block to readings: units, scales, special values, sources, and doubts.

The wire carries hundredths where the screen shows whole numbers, so the resolution here is the screen's: 1 /min,
1 mmHg, 1 %, 0.1 degrees. Carbon dioxide comes in percent with the ambient pressure beside it, and is told in mmHg.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from drivers.ge_dri_cuff import CuffClock, Numbers
from drivers.ge_dri_record import Basic, Group
from drivers.model import ZERO, Quantity, Reading, Validity, invalid, missing

SPECIAL_MAX: Final = -32001
"""This and everything below is no number."""

_ECG, _P1, _P2, _NIBP, _T1, _T2, _SPO2, _CO2 = 0, 16, 30, 72, 86, 94, 118, 132
_AMBIENT_AT: Final = 144

_SPECIAL: Final = {
    -32767: (Validity.NOT_AVAILABLE, "no value"),
    -32766: (Validity.NOT_AVAILABLE, "not updated"),
    -32765: (Validity.NOT_AVAILABLE, "calibrating"),
    -32764: (Validity.UNDER, "under range"),
    -32763: (Validity.OVER, "over range"),
    -32762: (Validity.NOT_AVAILABLE, "not calibrated"),
}

_HR_SOURCES: Final = {
    1: "ECG",
    2: "P1",
    3: "P2",
    4: "P3",
    5: "P4",
    6: "pleth",
    7: "P5",
    8: "P6",
    9: "ECG",
    10: "P7",
    11: "P8",
    12: "pleth 2",
}
_ECG_SOURCES: Final = frozenset({0, 1, 9})
_LEADS: Final = ("", "-I", "-II", "-III", "-aVR", "-aVL", "-aVF", "-V")
_ECG_DOUBTS: Final = {7: "noise", 8: "artifact", 9: "learning", 11: "lead off"}
_CO2_DOUBTS: Final = {3: "calibrating", 4: "zeroing", 5: "occlusion", 6: "air leak", 9: "wet"}
_PRESSURES: Final = (
    *("", "ART", "CVP", "PA", "RAP", "RVP", "LAP", "ICP", "ABP", "P1", "P2", "P3", "P4", "P5", "P6"),
    *("SP", "FEM", "UAC", "UVC", "ICP2", "P7", "P8", "FEMV"),
)
_CUFFS: Final = {1: "infant cuff", 2: "child cuff", 3: "adult cuff"}
_CUFF_NOTES: Final = {3: "automatic", 4: "stat", 5: "measuring", 6: "stasis"}
_CUFF_CALIBRATING, _CUFF_OLD = 7, 8
_SATURATIONS: Final = {0: "SpO2", 1: "SaO2"}
_SVO2: Final = 2

_APNEA_BITS: Final = (2, 7)
_ASYSTOLE_BIT: Final = 2
_PACER_BIT: Final = 10

# Lowest and highest pressure of the air that people breathe, in tenths of mmHg: 5000 m up, and some pressure chamber.
_AMBIENT_TENTHS: Final = range(3_500, 12_001)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a number of the wire is read: unit, power of ten, the screen's step, and what is possible."""

    unit: str
    exponent: int
    step: str
    lowest: int
    highest: int


# Wider than monitors show, to lose no true extreme.
_RATE: Final = _Kind("/min", 0, "1", 10, 350)
_BREATHS: Final = _Kind("/min", 0, "1", 1, 200)
_CUFF: Final = _Kind("mm[Hg]", -2, "1", 10, 300)
# Venous lines go below zero, and a transducer open to air reads zero.
_PRESSURE: Final = _Kind("mm[Hg]", -2, "1", -50, 400)
_SATURATION: Final = _Kind("%", -2, "1", 10, 100)
_DEGREES: Final = _Kind("Cel", -2, "0.1", 10, 50)
_GAS: Final = _Kind("mm[Hg]", 0, "1", 0, 150)


@dataclass(frozen=True, slots=True)
class _About:
    """What is known of a number besides itself. A doubt makes it questionable; ``zero`` says that it may be zero."""

    active: bool
    origin: str = ""
    note: str = ""
    doubt: str = ""
    zero: bool = False
    measured_s_ago: float | None = None


def readings_of(basic: Basic, cuff: CuffClock, now_s: float) -> tuple[Reading, ...]:
    """Give every quantity of the driver once. ``cuff`` is told what the cuff shows, and dates it."""
    return (
        _heart_rate(basic),
        *_oximeter(basic),
        _breathing(basic),
        _etco2(basic),
        *_cuff_pressure(basic, cuff, now_s),
        *_invasive(basic, _P1, "P1", (Quantity.IBP1_SYS, Quantity.IBP1_DIA, Quantity.IBP1_MEAN)),
        *_invasive(basic, _P2, "P2", (Quantity.IBP2_SYS, Quantity.IBP2_DIA, Quantity.IBP2_MEAN)),
        *(
            _reading(quantity, _DEGREES, basic.raw(base + 6), _About(basic.group(base).active, name))
            for quantity, base, name in ((Quantity.TEMPERATURE_1, _T1, "T1"), (Quantity.TEMPERATURE_2, _T2, "T2"))
        ),
    )


def _reading(quantity: Quantity, kind: _Kind, raw: int, about: _About) -> Reading:
    if not about.active:
        return missing(quantity, kind.unit, origin=about.origin, note=_join("not measured", about.note))
    if raw <= SPECIAL_MAX:
        validity, word = _SPECIAL.get(raw, (Validity.INVALID, f"special value {raw}"))
        note = _join(word, about.note)
        return Reading(quantity, None, kind.unit, Decimal(kind.step), validity, about.origin, note)
    return _judged(quantity, kind, Decimal(raw).scaleb(kind.exponent), about)


def _judged(quantity: Quantity, kind: _Kind, value: Decimal, about: _About) -> Reading:
    possible = kind.lowest <= value <= kind.highest or (about.zero and value == ZERO)
    if not possible:
        return invalid(quantity, kind.unit, origin=about.origin, note=_join(f"out of range: {value}", about.note))
    return Reading(
        quantity,
        value,
        kind.unit,
        Decimal(kind.step),
        Validity.QUESTIONABLE if about.doubt else Validity.VALID,
        about.origin,
        _join(about.doubt, about.note),
        about.measured_s_ago,
    )


def _heart_rate(basic: Basic) -> Reading:
    """Tell the heart rate with its source, which may be a pulse: then the ECG's own state says nothing of it."""
    ecg = basic.group(_ECG)
    source = ecg.status >> 3 & 0xF
    from_ecg = source in _ECG_SOURCES
    origin = _HR_SOURCES.get(source, f"source {source}" if source else "")
    doubts = [] if source in _HR_SOURCES else ["its source is not known"]
    notes = []
    if from_ecg:
        doubts += _texts(ecg.status, _ECG_DOUBTS)
        notes += ["pacer"] if ecg.has(_PACER_BIT) else []
    if origin == "ECG":
        origin += _lead(ecg)
    about = _About(
        ecg.active or not from_ecg,
        origin,
        _join(*notes),
        _join(*doubts),
        zero=ecg.has(_ASYSTOLE_BIT),
    )
    return _zero_in_doubt(Quantity.HEART_RATE, _RATE, basic.raw(6), about, "zero, and no asystole told")


def _lead(ecg: Group) -> str:
    number = ecg.label & 0xF
    return _LEADS[number] if number < len(_LEADS) else f"-lead {number}"


def _zero_in_doubt(quantity: Quantity, kind: _Kind, raw: int, about: _About, doubt: str) -> Reading:
    """Read a rate whose zero is dreaded: one that no alarm confirms is doubted, not dropped (H-13)."""
    if raw == 0 and not about.zero:
        about = replace(about, zero=True, doubt=_join(about.doubt, doubt))
    return _reading(quantity, kind, raw, about)


def _oximeter(basic: Basic) -> tuple[Reading, Reading]:
    group = basic.group(_SPO2)
    origin = _SATURATIONS.get(group.label, "")
    about = _About(group.active, origin, doubt="" if origin else f"label {group.label} is not known")
    raw = basic.raw(124)
    if group.active and group.label == _SVO2:
        saturation = invalid(Quantity.SPO2, _SATURATION.unit, origin="SvO2", note="venous saturation, no SpO2")
    else:
        saturation = _reading(Quantity.SPO2, _SATURATION, raw, about)
    return saturation, _reading(Quantity.PULSE_RATE, _RATE, basic.raw(126), _About(group.active, "pleth"))


def _breathing(basic: Basic) -> Reading:
    """Tell the capnograph's rate if it has one, else the impedance's, and whose it is."""
    gas, raw = basic.group(_CO2), basic.raw(142)
    doubt = _join(*_texts(gas.status, _CO2_DOUBTS))
    apnea = any(gas.has(bit) for bit in _APNEA_BITS)
    about = _About(gas.active, "CO2", doubt=doubt, zero=apnea)
    from_gas = _zero_in_doubt(Quantity.RESPIRATORY_RATE, _BREATHS, raw, about, "zero, and no apnea told")
    if from_gas.validity not in (Validity.NOT_AVAILABLE, Validity.INVALID):
        return from_gas
    about = _About(basic.group(_ECG).active, "impedance")
    impedance = _zero_in_doubt(
        Quantity.RESPIRATORY_RATE, _BREATHS, basic.raw(14), about, "zero, and impedance tells no apnea"
    )
    return from_gas if gas.active and impedance.validity is Validity.NOT_AVAILABLE else impedance


def _etco2(basic: Basic) -> Reading:
    gas, raw, ambient = basic.group(_CO2), basic.raw(138), basic.raw(_AMBIENT_AT)
    about = _About(gas.active, "CO2", doubt=_join(*_texts(gas.status, _CO2_DOUBTS)))
    if not gas.active or raw <= SPECIAL_MAX:
        return _reading(Quantity.ETCO2, _GAS, raw, about)
    if ambient not in _AMBIENT_TENTHS:
        note = f"{Decimal(raw).scaleb(-2)} %, and no ambient pressure to make mmHg of it"
        return invalid(Quantity.ETCO2, _GAS.unit, origin="CO2", note=note)
    # Hundredths of a percent of tenths of mmHg.
    return _judged(Quantity.ETCO2, _GAS, Decimal(raw * ambient).scaleb(-5), about)


def _cuff_pressure(basic: Basic, cuff: CuffClock, now_s: float) -> tuple[Reading, ...]:
    group = basic.group(_NIBP)
    fields = (
        (Quantity.NIBP_SYS, _CUFF, basic.raw(78)),
        (Quantity.NIBP_DIA, _CUFF, basic.raw(80)),
        (Quantity.NIBP_MEAN, _CUFF, basic.raw(82)),
        (Quantity.NIBP_PULSE_RATE, _RATE, basic.raw(84)),
    )
    numbers: Numbers = tuple(raw if group.exists and raw > SPECIAL_MAX else None for _, _, raw in fields)
    cuff.show(numbers, old=bool(group.label >> _CUFF_OLD & 1), now_s=now_s)
    age_s, known = cuff.age(now_s)
    doubts = [
        "" if known else "measured at an unknown time",
        "calibrating" if group.label >> _CUFF_CALIBRATING & 1 else "",
        # Between two measurements a monitor may call its cuff idle: the numbers are then old, not wrong.
        "" if group.active else "not active",
    ]
    about = _About(
        group.exists,
        _CUFFS.get(group.label & 0x7, "cuff"),
        _join(*_texts(group.label, _CUFF_NOTES)),
        _join(*doubts),
        measured_s_ago=age_s,
    )
    return tuple(_reading(quantity, kind, raw, about) for quantity, kind, raw in fields)


def _invasive(basic: Basic, base: int, place: str, quantities: tuple[Quantity, ...]) -> tuple[Reading, ...]:
    group = basic.group(base)
    known = group.label < len(_PRESSURES)
    origin = (_PRESSURES[group.label] or place) if known else f"label {group.label}"
    about = _About(group.active, origin, doubt="" if known else "it is not known which pressure")
    return tuple(
        _reading(quantity, _PRESSURE, basic.raw(base + at), about)
        for quantity, at in zip(quantities, (6, 8, 10), strict=True)
    )


def _texts(bits: int, names: dict[int, str]) -> list[str]:
    return [name for bit, name in names.items() if bits >> bit & 1]


def _join(*texts: str) -> str:
    return "; ".join(text for text in texts if text)
