"""By how much is it wrong, and what slip of the hand makes such a difference? (H-01 to H-06).

A nurse who reads "ten times" or "pounds taken for kilograms" knows what to look at; a bare number must first be
understood. A pattern is a hint and decides nothing.
"""

from __future__ import annotations

from decimal import Decimal

from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.therapy import Order

TOLERANCE = Decimal("0.05")
"""What is apart by no more than this, or by one digit of the device's display, is the same (design, section 8)."""

FAR_APART = Decimal("0.20")
"""Weights and dose rates that are farther apart than this are a high alarm."""

_NEAR = Decimal("0.05")
"""A factor is a pattern within this share: doses are rounded to what a pump can be set to."""

_PATTERNS = (
    (Decimal(1000), "a thousand times: milligrams for micrograms?"),
    (Decimal("0.001"), "a thousandth: micrograms for milligrams?"),
    (Decimal(100), "a hundred times: the decimal point?"),
    (Decimal("0.01"), "a hundredth: the decimal point?"),
    (Decimal(60), "60 times: per minute for per hour?"),
    (Decimal(1) / Decimal(60), "a sixtieth: per hour for per minute?"),
    (Decimal(10), "ten times: the decimal point?"),
    (Decimal("0.1"), "a tenth: the decimal point?"),
    (Decimal(5), "five times: 50 mg/mL for 10 mg/mL?"),
    (Decimal("0.2"), "a fifth: 10 mg/mL for 50 mg/mL?"),
    (Decimal("2.2046"), "2.2 times: pounds for kilograms?"),
    (Decimal("0.4536"), "divided by 2.2: kilograms for pounds?"),
    (Decimal(2), "twice"),
    (Decimal("0.5"), "half"),
)


def apart(told: Decimal, ordered: Decimal, resolution: Decimal) -> Decimal | None:
    """Return by what share ``told`` is off ``ordered`` (above 0); ``None`` within the tolerance.

    What ought to be something and is nothing is off by 1.
    """
    off = abs(told - ordered)
    if off <= max(TOLERANCE * abs(ordered), resolution):
        return None
    return off / abs(ordered) if ordered else Decimal(1)


def pattern(told: Decimal, ordered: Decimal) -> str:
    """Name the slip that makes ``told`` of ``ordered``, empty if it is like none."""
    if told <= 0 or ordered <= 0:
        return ""
    ratio = told / ordered
    for factor, words in _PATTERNS:
        if abs(ratio - factor) <= _NEAR * factor:
            return words
    if _is_bounced(told, ordered):
        return "a digit twice: the key?"
    return ""


def rate_pattern(rate_ml_per_h: Decimal, order: Order, units: EntryUnits = MILLIGRAMS) -> str:
    """Name the slip in a rate: first the wrong field, a dose keyed as a rate (H-02), then what `pattern` knows.

    Where the concentration is 10 mg/mL the dose in mg/h keyed as mL/h is also ten times: both are said.
    """
    ordered_mg_per_h = order.step_mg_per_kg_per_h * order.weight_kg
    ordered_ml_per_h = ordered_mg_per_h / order.concentration_mg_per_ml
    if apart(rate_ml_per_h, ordered_ml_per_h, Decimal(0)) is None:
        return ""
    slip = pattern(rate_ml_per_h, ordered_ml_per_h)
    for dose, inside in ((ordered_mg_per_h, "mg/h"), (order.step_mg_per_kg_per_h, "mg/kg/h")):
        if apart(rate_ml_per_h, units.number(dose, inside), Decimal(0)) is None:
            keyed = f"the dose in {units.unit(inside)} keyed as mL/h?"
            return f"{slip} Or {keyed}" if slip else keyed
    return slip


def _is_bounced(told: Decimal, ordered: Decimal) -> bool:
    """Tell whether ``told`` is ``ordered`` with one digit doubled: 44.8 for 4.8."""
    wrong, right = _digits(told), _digits(ordered)
    if len(wrong) != len(right) + 1:
        return False
    return any(right[:index] + right[index - 1] + right[index:] == wrong for index in range(1, len(right) + 1))


def _digits(number: Decimal) -> str:
    """Return the digits that were keyed, without the point and the zeros that nobody keys."""
    text = f"{number.normalize():f}"
    return text.replace(".", "").lstrip("0")
