"""The slips of the hand that have hurt people, and what is no slip."""

from decimal import Decimal

import pytest

from edge.core.mismatch import apart, pattern, rate_pattern
from tests.core_world import order

D = Decimal


@pytest.mark.parametrize(
    ("told", "ordered", "words"),
    [
        ("41.7", "4.17", "ten times: the decimal point?"),
        ("44.8", "4.8", "a digit twice: the key?"),
        ("154", "70", "2.2 times: pounds for kilograms?"),
        ("31.75", "70", "divided by 2.2: kilograms for pounds?"),
        ("50", "10", "five times: 50 mg/mL for 10 mg/mL?"),
        ("10", "50", "a fifth: 10 mg/mL for 50 mg/mL?"),
        ("0.7", "7", "a tenth: the decimal point?"),
        ("700", "7", "a hundred times: the decimal point?"),
        ("0.07", "7", "a hundredth: the decimal point?"),
        ("60", "1", "60 times: per minute for per hour?"),
        ("0.0167", "1", "a sixtieth: per hour for per minute?"),
        ("1000", "1", "a thousand times: milligrams for micrograms?"),
        ("0.001", "1", "a thousandth: micrograms for milligrams?"),
        ("14", "7", "twice"),
        ("3.5", "7", "half"),
        ("9.6", "1", "ten times: the decimal point?"),
        ("9.4", "1", ""),
        ("1.5", "1.0", ""),
        ("77", "7", "a digit twice: the key?"),
        ("0", "7", ""),
        ("7", "0", ""),
    ],
)
def test_a_slip_is_named(told: str, ordered: str, words: str) -> None:
    assert pattern(D(told), D(ordered)) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ("7", ""),
        ("7.3", ""),
        ("70", "ten times: the decimal point? Or the dose in mg/h keyed as mL/h?"),
        ("1", "the dose in mg/kg/h keyed as mL/h?"),
        ("0.7", "a tenth: the decimal point?"),
        ("9", ""),
    ],
)
def test_a_dose_that_was_keyed_as_a_rate_is_named(rate: str, words: str) -> None:
    """1.0 mg/kg/h of 70 kg at 10 mg/mL is 7 mL/h (H-02)."""
    assert rate_pattern(D(rate), order()) == words


def test_at_1_mg_per_ml_the_fields_cannot_be_told_apart() -> None:
    assert rate_pattern(D(70), order(concentration="1")) == ""
    assert rate_pattern(D(1), order(concentration="1")) == "the dose in mg/kg/h keyed as mL/h?"


@pytest.mark.parametrize(
    ("told", "ordered", "resolution", "share"),
    [
        ("10.5", "10", "0", None),
        ("10.51", "10", "0", "0.051"),
        ("9.5", "10", "0", None),
        ("9.49", "10", "0", "0.051"),
        ("0.3", "0.2", "0.1", None),
        ("0.31", "0.2", "0.1", "0.55"),
        ("0", "10", "0.1", "1"),
        ("3", "0", "0.1", "1"),
        ("0", "0", "0.1", None),
    ],
)
def test_the_tolerance_is_5_percent_or_one_digit(told: str, ordered: str, resolution: str, share: str | None) -> None:
    assert apart(D(told), D(ordered), D(resolution)) == (None if share is None else D(share))
