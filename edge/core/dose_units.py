"""The units in which doses are ordered and limited, in UCUM, and the exact way from one to another.

A unit is a mass, an amount of units ``[iU]`` or a volume, for each kilogram or not, by the hour, by the minute or in
all. Only units of one dimension convert: what would need a weight or a concentration is refused, never guessed (H-05).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


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
