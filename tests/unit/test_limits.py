"""Values at limits (H-37): the limit itself is allowed; beyond is by more than half of the resolution."""

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import Quantity, Validity
from edge.core.condition import Band, Judgement
from edge.core.config import LimitConfig
from edge.core.limits import bands_of, is_beyond, is_held, judge_limit
from edge.core.model import Priority, Side
from tests.core_world import DOSE_LIMIT, HR_LIMIT, SPO2_LIMIT, START_S, value_of

HIGH, LOW = Side.HIGH, Side.LOW


@pytest.mark.parametrize(
    ("value", "resolution", "limit", "side", "beyond"),
    [
        # a display in whole steps
        ("119", "1", "120", HIGH, False),
        ("120", "1", "120", HIGH, False),
        ("121", "1", "120", HIGH, True),
        ("92", "1", "92", LOW, False),
        ("91", "1", "92", LOW, True),
        ("93", "1", "92", LOW, False),
        # within, at and beyond half a step
        ("120.4", "1", "120", HIGH, False),
        ("120.5", "1", "120", HIGH, False),
        ("120.500001", "1", "120", HIGH, True),
        ("91.6", "1", "92", LOW, False),
        ("91.5", "1", "92", LOW, False),
        ("91.499999", "1", "92", LOW, True),
        # a tenth and a hundredth
        ("2.5", "0.1", "2.5", HIGH, False),
        ("2.55", "0.1", "2.5", HIGH, False),
        ("2.6", "0.1", "2.5", HIGH, True),
        ("2.50", "0.01", "2.5", HIGH, False),
        ("2.505", "0.01", "2.5", HIGH, False),
        ("2.51", "0.01", "2.5", HIGH, True),
        # no binary fraction comes between: 0.1 + 0.2 is 0.3
        ("0.3", "0", "0.3", HIGH, False),
        ("0.3", "0", "0.3", LOW, False),
        ("0.3000000000000000000000001", "0", "0.3", HIGH, True),
        # below zero
        ("-5", "1", "-4", LOW, True),
        ("-4", "1", "-4", LOW, False),
        ("-3", "1", "-4", HIGH, True),
    ],
)
def test_beyond(value: str, resolution: str, limit: str, side: Side, beyond: bool) -> None:
    assert is_beyond(Decimal(value), Decimal(resolution), Decimal(limit), side) is beyond


@pytest.mark.parametrize(
    ("value", "limit", "hysteresis", "side", "held"),
    [
        ("120", "120", "3", HIGH, True),
        ("118", "120", "3", HIGH, True),
        ("117", "120", "3", HIGH, False),
        ("116", "120", "3", HIGH, False),
        ("92", "92", "2", LOW, True),
        ("93", "92", "2", LOW, True),
        ("94", "92", "2", LOW, False),
        ("0.8", "0.8", "0", LOW, False),
        ("0.79", "0.8", "0", LOW, True),
    ],
)
def test_held_by_hysteresis(value: str, limit: str, hysteresis: str, side: Side, held: bool) -> None:
    assert is_held(Decimal(value), Decimal(limit), Decimal(hysteresis), side) is held


@pytest.mark.parametrize(
    ("number", "beyond", "held"),
    [
        ("116", -1, -1),
        ("117", -1, -1),
        ("117.1", -1, 0),
        ("120", -1, 0),
        ("120.5", -1, 0),
        ("121", 0, 0),
        ("137", 0, 0),
        ("138", 0, 1),
        ("140", 0, 1),
        ("141", 1, 1),
        ("400", 1, 1),
    ],
)
def test_bands_of_a_high_limit(number: str, beyond: int, held: int) -> None:
    """Soft 120, hard 140, hysteresis 3, a display in whole steps."""
    judged = judge_limit(HR_LIMIT, value_of(Quantity.HEART_RATE, number))
    assert judged == Judgement(beyond, held, START_S)


@pytest.mark.parametrize(
    ("number", "beyond", "held"),
    [
        ("95", -1, -1),
        ("94", -1, -1),
        ("93", -1, 0),
        ("92", -1, 0),
        ("91", 0, 0),
        ("90", 0, 0),
        ("89", 0, 1),
        ("88", 0, 1),
        ("87", 1, 1),
        ("82", 1, 1),
        ("81", 1, 2),
        ("80", 1, 2),
        ("79", 2, 2),
        ("0", 2, 2),
    ],
)
def test_bands_of_a_low_limit(number: str, beyond: int, held: int) -> None:
    """Soft 92, hard 88, at once below 80, hysteresis 2."""
    assert judge_limit(SPO2_LIMIT, value_of(Quantity.SPO2, number)) == Judgement(beyond, held, START_S)


@pytest.mark.parametrize(
    ("limit", "number", "median", "beyond", "held"),
    [
        (HR_LIMIT, "117", "121", 0, -1),
        (HR_LIMIT, "121", "117", -1, -1),
        (HR_LIMIT, "141", "117", 1, 1),
        (HR_LIMIT, "117", "118", -1, -1),
        (SPO2_LIMIT, "94", "91", 0, -1),
        (SPO2_LIMIT, "91", "94", -1, -1),
        (SPO2_LIMIT, "87", "94", 1, 1),
    ],
)
def test_a_soft_band_is_passed_by_the_median_and_left_by_either(
    limit: LimitConfig, number: str, median: str, beyond: int, held: int
) -> None:
    value = value_of(limit.quantity, number)._replace(median=Decimal(median))
    assert judge_limit(limit, value) == Judgement(beyond, held, START_S)


@pytest.mark.parametrize(
    ("number", "resolution", "beyond"),
    [
        ("2.000000", "0.001429", -1),  # 14.00 mL/h at 10 mg/mL and 70 kg: what was ordered at most
        ("2.000714", "0.001429", -1),  # within half a step of the pump's display
        ("2.001429", "0.001429", 0),  # 14.01 mL/h
        ("2.600000", "0.001429", 1),
        ("4.000000", "0.001429", 1),
        ("4.001429", "0.001429", 2),
    ],
)
def test_bands_of_the_dose(number: str, resolution: str, beyond: int) -> None:
    judged = judge_limit(DOSE_LIMIT, value_of(Quantity.DOSE_RATE, number, resolution=resolution))
    assert judged is not None
    assert judged.beyond == beyond


@pytest.mark.parametrize(
    ("number", "judged"),
    [
        ("80", None),  # inside: unknown is never normal
        ("118", None),
        ("120", None),
        ("121", Judgement(0, 1, START_S)),  # it may raise the soft band, and may not lower a hard one
        ("141", Judgement(1, 1, START_S)),
    ],
)
def test_a_questionable_value_may_raise_and_may_neither_lower_nor_end(number: str, judged: Judgement | None) -> None:
    assert judge_limit(HR_LIMIT, value_of(Quantity.HEART_RATE, number, Validity.QUESTIONABLE)) == judged


@pytest.mark.parametrize("validity", [Validity.INVALID, Validity.NOT_AVAILABLE, Validity.STALE])
def test_no_value_is_unknown(validity: Validity) -> None:
    assert judge_limit(HR_LIMIT, value_of(Quantity.HEART_RATE, None, validity)) is None


@pytest.mark.parametrize("number", ["80", "121", "141", "400"])
def test_a_stale_value_is_unknown_on_either_side(number: str) -> None:
    assert judge_limit(HR_LIMIT, value_of(Quantity.HEART_RATE, number, Validity.STALE)) is None


@pytest.mark.parametrize(
    ("limit", "quantity", "validity", "beyond"),
    [
        (HR_LIMIT, Quantity.HEART_RATE, Validity.OVER, 1),
        (HR_LIMIT, Quantity.HEART_RATE, Validity.UNDER, None),
        (SPO2_LIMIT, Quantity.SPO2, Validity.UNDER, 2),
        (SPO2_LIMIT, Quantity.SPO2, Validity.OVER, None),
    ],
)
def test_over_and_under_range_without_a_number(
    limit: LimitConfig, quantity: Quantity, validity: Validity, beyond: int | None
) -> None:
    """Over its range a value is beyond every high limit, and says nothing of a low one."""
    judged = judge_limit(limit, value_of(quantity, None, validity))
    assert judged == (None if beyond is None else Judgement(beyond, beyond, START_S))


@pytest.mark.parametrize(
    ("limit", "quantity", "validity", "number", "judged"),
    [
        (HR_LIMIT, Quantity.HEART_RATE, Validity.OVER, "300", Judgement(1, 1, START_S)),
        (HR_LIMIT, Quantity.HEART_RATE, Validity.OVER, "100", None),
        (HR_LIMIT, Quantity.HEART_RATE, Validity.UNDER, "30", None),
        (SPO2_LIMIT, Quantity.SPO2, Validity.UNDER, "50", Judgement(2, 2, START_S)),
        (SPO2_LIMIT, Quantity.SPO2, Validity.UNDER, "98", None),
        (SPO2_LIMIT, Quantity.SPO2, Validity.OVER, "99", None),
    ],
)
def test_over_and_under_range_with_the_bound_that_was_passed(
    limit: LimitConfig, quantity: Quantity, validity: Validity, number: str, judged: Judgement | None
) -> None:
    assert judge_limit(limit, value_of(quantity, number, validity)) == judged


def test_a_limit_without_bands_alarms_never() -> None:
    limit = replace(HR_LIMIT, bands=())
    assert judge_limit(limit, value_of(Quantity.HEART_RATE, "400")) == Judgement(-1, -1, START_S)


def test_the_bands_of_the_machine_are_those_of_the_limit() -> None:
    assert bands_of(DOSE_LIMIT) == (
        Band("soft", Priority.MEDIUM, 60, 2),
        Band("hard", Priority.HIGH, 10, 2),
        Band("bypass", Priority.HIGH, 0, 2),
    )
