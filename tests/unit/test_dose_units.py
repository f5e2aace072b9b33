"""Units of doses: each pair of them either converts exactly or is refused (H-05, T-06)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest

from edge.core.dose_units import DOSING_UNITS, UNITS, DimensionError, convert, factor

# How many mg, [iU] or mL an hour (or in all) one of each unit is, by hand.
BY_HAND = {
    "mass/kg/time": {
        "g/kg/d": "125/3", "g/kg/h": "1000", "g/kg/min": "60000",
        "mg/kg/d": "1/24", "mg/kg/h": "1", "mg/kg/min": "60",
        "ug/kg/d": "1/24000", "ug/kg/h": "1/1000", "ug/kg/min": "3/50",
        "ng/kg/d": "1/24000000", "ng/kg/h": "1/1000000", "ng/kg/min": "3/50000",
    },
    "mass/time": {
        "g/d": "125/3", "g/h": "1000", "g/min": "60000", "mg/d": "1/24", "mg/h": "1", "mg/min": "60",
        "ug/d": "1/24000", "ug/h": "1/1000", "ug/min": "3/50",
        "ng/d": "1/24000000", "ng/h": "1/1000000", "ng/min": "3/50000",
    },
    "mass/kg": {"g/kg": "1000", "mg/kg": "1", "ug/kg": "1/1000", "ng/kg": "1/1000000"},
    "mass": {"g": "1000", "mg": "1", "ug": "1/1000", "ng": "1/1000000"},
    "units/kg/time": {
        "[iU]/kg/d": "1/24", "[iU]/kg/h": "1", "[iU]/kg/min": "60",
        "m[iU]/kg/d": "1/24000", "m[iU]/kg/h": "1/1000", "m[iU]/kg/min": "3/50",
    },
    "units/time": {
        "[iU]/d": "1/24", "[iU]/h": "1", "[iU]/min": "60",
        "m[iU]/d": "1/24000", "m[iU]/h": "1/1000", "m[iU]/min": "3/50",
    },
    "units/kg": {"[iU]/kg": "1", "m[iU]/kg": "1/1000"},
    "units": {"[iU]": "1", "m[iU]": "1/1000"},
    "volume/kg/time": {"mL/kg/d": "1/24", "mL/kg/h": "1", "mL/kg/min": "60"},
    "volume/time": {"mL/d": "1/24", "mL/h": "1", "mL/min": "60"},
    "volume/kg": {"mL/kg": "1"},
    "volume": {"mL": "1"},
}  # fmt: skip
SIZE = {unit: Fraction(size) for units in BY_HAND.values() for unit, size in units.items()}
DIMENSION = {unit: dimension for dimension, units in BY_HAND.items() for unit in units}


def test_the_table_has_every_unit() -> None:
    assert set(SIZE) == set(UNITS)


@pytest.mark.parametrize("unit", SIZE)
def test_all_pairs(unit: str) -> None:
    for to, size in SIZE.items():
        if DIMENSION[unit] == DIMENSION[to]:
            assert factor(unit, to) == SIZE[unit] / size
        else:
            with pytest.raises(DimensionError, match=r"measure different things"):
                factor(unit, to)


def test_there_is_a_pair_of_each_kind() -> None:
    pairs = [DIMENSION[unit] == DIMENSION[to] for unit, to in product(SIZE, SIZE)]
    assert (pairs.count(True), pairs.count(False)) == (420, 2716)


@pytest.mark.parametrize(
    ("number", "unit", "to", "converted"),
    [
        ("1", "ug/kg/min", "mg/kg/h", "0.06"),
        ("16.67", "ug/kg/min", "mg/kg/h", "1.0002"),
        ("0.2", "ug/kg/min", "mg/kg/h", "0.012"),
        ("1.4", "ug/kg/h", "mg/kg/h", "0.0014"),
        ("4", "mg/kg/min", "mg/kg/h", "240"),
        ("3", "mg/kg/h", "ug/kg/min", "50"),
        ("0.000001", "ng/kg/min", "mg/kg/h", "6E-11"),
        ("999999999.999999999", "mg/kg/min", "mg/kg/h", "59999999999.99999994"),
    ],
)
def test_conversion_is_exact_where_it_ends(number: str, unit: str, to: str, converted: str) -> None:
    assert convert(Decimal(number), unit, to) == Decimal(converted)


def test_propofol_at_its_limit_in_the_unit_of_its_literature() -> None:
    """4 mg/kg/h is 66.7 ug/kg/min."""
    assert round(convert(Decimal(4), "mg/kg/h", "ug/kg/min"), 1) == Decimal("66.7")


def test_there_and_back_is_the_same_for_every_dosing_unit() -> None:
    for unit in DOSING_UNITS:
        inside = convert(Decimal("0.35"), unit, "mg/kg/h")
        assert convert(inside, "mg/kg/h", unit) == Decimal("0.35"), unit


def test_dosing_units_are_mass_for_each_kilogram_in_a_time() -> None:
    assert set(DOSING_UNITS) == {f"{mass}/kg/{time}" for mass in ("mg", "ug", "ng") for time in ("h", "min")}


@pytest.mark.parametrize("unit", ["mcg/kg/min", "mg/kg/hr", "µg/kg/min", "IU/h", "", "mg/lb/h"])
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(DimensionError, match=r"is no unit of a dose; they are g, g/d, "):
        factor(unit, "mg/kg/h")
