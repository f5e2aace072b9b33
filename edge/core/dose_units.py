"""The units in which doses are ordered and limited, in UCUM, and the exact way from one to another.

A unit is a mass, an amount of units ``[iU]`` or a volume, for each kilogram or not, by the hour, by the minute or in
all. Only units of one dimension convert: what would need a weight or a concentration is refused, never guessed (H-05).

Inside, doses are mg/kg/h, mg/kg, mg/h and mg. People read them in the one dosing unit of the entry (`EntryUnits`): what
is shown is converted exactly, and only then rounded, away from what is safe (H-37).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import lru_cache

from edge.core.model import Side


class DimensionError(ValueError):
    """Two units measure different things, or a unit is not known."""


@dataclass(frozen=True, slots=True)
class DoseUnit:
    """A unit by its dimension (what of, for each kg, in what time) and its size in the dimension's first unit."""

    of: str
    per_kg: bool
    in_time: bool
    size: Fraction


_AMOUNTS = {
    "g": ("mass", Fraction(1000)),
    "mg": ("mass", Fraction(1)),
    "ug": ("mass", Fraction(1, 1000)),
    "ng": ("mass", Fraction(1, 1_000_000)),
    "[iU]": ("units", Fraction(1)),
    "m[iU]": ("units", Fraction(1, 1000)),
    "mL": ("volume", Fraction(1)),
}
_TIMES = {"/d": Fraction(1, 24), "/h": Fraction(1), "/min": Fraction(60)}


def _all_units() -> dict[str, DoseUnit]:
    units = {}
    for amount, (of, size) in _AMOUNTS.items():
        for weight in ("", "/kg"):
            units[amount + weight] = DoseUnit(of, bool(weight), in_time=False, size=size)
            for time, factor in _TIMES.items():
                units[amount + weight + time] = DoseUnit(of, bool(weight), in_time=True, size=size * factor)
    return units


UNITS = _all_units()
"""Every unit by its UCUM code."""

DOSING_UNITS = ("mg/kg/h", "mg/kg/min", "ug/kg/h", "ug/kg/min", "ng/kg/h", "ng/kg/min")
"""What an entry of the library may dose in: doses are judged as mass for each kg and hour."""


def factor(unit: str, to: str) -> Fraction:
    """Return how many of ``to`` one ``unit`` is. Raises DimensionError where they measure different things."""
    known, wanted = _unit(unit), _unit(to)
    if (known.of, known.per_kg, known.in_time) != (wanted.of, wanted.per_kg, wanted.in_time):
        raise DimensionError(f"{unit} and {to} measure different things: nothing converts one to the other")
    return known.size / wanted.size


def convert(number: Decimal, unit: str, to: str) -> Decimal:
    """Return a number of ``unit`` in ``to``: exact where that ends, else to 28 digits. Raises DimensionError."""
    times = factor(unit, to)
    return number * Decimal(times.numerator) / Decimal(times.denominator)


def _unit(code: str) -> DoseUnit:
    unit = UNITS.get(code)
    if unit is None:
        raise DimensionError(f"{code} is no unit of a dose; they are {', '.join(UNITS)}")
    return unit


_HUNDREDTH = Decimal("0.01")
_TENTH = Decimal("0.1")
_DIGITS = 3
"""As many digits as a dose is read with: a limit of 0.05 ug/kg/min is not told from 0.0549 by two decimals."""

DIGITS_MAX = 9
"""What does not end in another unit, such as a third, is written with so many digits: more than any pump has."""


@dataclass(frozen=True, slots=True)
class EntryUnits:
    """The units of one entry, which follow from its dosing unit, and the exact way between them and the core's."""

    rate: str

    @property
    def mass(self) -> str:
        """The unit of mass."""
        return self.rate.split("/", maxsplit=1)[0]

    @property
    def amount(self) -> str:
        """The unit of an amount for each kilogram."""
        return f"{self.mass}/kg"

    @property
    def mass_rate(self) -> str:
        """The unit of a rate without the weight."""
        return f"{self.mass}/{self.rate.rsplit('/', maxsplit=1)[1]}"

    @property
    def concentration(self) -> str:
        """The unit of a concentration."""
        return f"{self.mass}/mL"

    def mg_per_kg_per_h(self, rate: Decimal) -> Decimal:
        """Return a dose rate as the core has it."""
        return convert(rate, self.rate, "mg/kg/h")

    def mg_per_kg(self, amount: Decimal) -> Decimal:
        """Return an amount for each kilogram as the core has it."""
        return convert(amount, self.amount, "mg/kg")

    def mg_per_h(self, rate: Decimal) -> Decimal:
        """Return a rate without the weight as the core has it."""
        return convert(rate, self.mass_rate, "mg/h")

    def mg_per_ml(self, concentration: Decimal) -> Decimal:
        """Return a concentration as the core has it."""
        return convert(concentration, self.mass, "mg")

    def unit(self, inside: str) -> str:
        """Return the unit in which people read what the core has in a unit; one that is no dose's stays as it is."""
        return {
            "mg/kg/h": self.rate,
            "mg/kg": self.amount,
            "mg/h": self.mass_rate,
            "mg": self.mass,
            "mg/mL": self.concentration,
        }.get(inside, inside)

    def number(self, number: Decimal, inside: str) -> Decimal:
        """Return a number of the core in the unit of `unit`, exact where that ends."""
        many, one = _terms(inside, self.unit(inside))
        return number * many / one

    def text(self, number: Decimal, inside: str) -> str:
        """Write a number of the core, such as a limit or what was ordered, with its unit and every digit."""
        if self.unit(inside) == inside:
            return f"{number:f} {inside}"
        return f"{written(self.number(number, inside))} {self.unit(inside)}"

    def shown(self, number: Decimal, inside: str, side: Side) -> str:
        """Write a value for a glance, without its unit, so that it never looks safer than it is."""
        return f"{away_from_safe(self.number(number, inside), side, fine=self.mass != 'mg')}"


MILLIGRAMS = EntryUnits("mg/kg/h")
"""The units of the core itself."""


@lru_cache(maxsize=64)
def _terms(unit: str, to: str) -> tuple[Decimal, Decimal]:
    """Return how many of ``to`` how many ``unit`` are; a concentration goes by its mass."""
    if unit == to:
        return Decimal(1), Decimal(1)
    times = factor(unit.removesuffix("/mL"), to.removesuffix("/mL"))
    return Decimal(times.numerator), Decimal(times.denominator)


def written(number: Decimal) -> str:
    """Write a number plainly, with `DIGITS_MAX` digits at most."""
    if len(number.as_tuple().digits) > DIGITS_MAX:
        number = number.quantize(Decimal(1).scaleb(number.adjusted() - DIGITS_MAX + 1), ROUND_HALF_EVEN)
    return f"{number.normalize():f}"


def away_from_safe(number: Decimal, side: Side, *, fine: bool = False) -> Decimal:
    """Round for display so that no value looks safer than it is (H-37): to a hundredth, a small one to three digits.

    With ``fine`` everything below 1 has three digits, as doses in micrograms have; else what is below a tenth.
    """
    step = _HUNDREDTH
    if number and abs(number) < (1 if fine else _TENTH):
        step = min(step, Decimal(1).scaleb(number.adjusted() - _DIGITS + 1))
    shown = number.quantize(step, ROUND_CEILING if side is Side.HIGH else ROUND_FLOOR)
    if shown == shown.to_integral_value():
        return shown.quantize(Decimal(1))
    plain = shown.quantize(_HUNDREDTH)
    return plain if plain == shown else shown.normalize()


def in_full(units: EntryUnits, number: Decimal, inside: str, side: Side) -> Decimal:
    """Return a value in the units of an entry; what does not end there is rounded away from the safe side."""
    told = units.number(number, inside)
    if len(told.as_tuple().digits) <= DIGITS_MAX:
        return told
    step = Decimal(1).scaleb(told.adjusted() - DIGITS_MAX + 1)
    return told.quantize(step, ROUND_CEILING if side is Side.HIGH else ROUND_FLOOR)
