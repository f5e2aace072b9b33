"""The curves of the response, at points reckoned by hand and at the deepest point that was published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.patient_response import Lag, heart_rate_rise_per_min, pressure_rise

CONCENTRATIONS = st.floats(0.0, 1e6)
ANAESTHETIC_NG_PER_ML = 2 * 1959.0
"""Of racemate, as much as the S-ketamine that was measured."""


def test_without_drug_nothing_rises_and_at_the_half_effect_it_is_half() -> None:
    assert (*pressure_rise(0.0), heart_rate_rise_per_min(0.0)) == (0.0, 0.0, 0.0)
    assert (*pressure_rise(600.0), heart_rate_rise_per_min(600.0)) == (20.0, 12.5, 16.0)


def test_at_anaesthetic_depth_it_is_as_published() -> None:
    systolic, diastolic = pressure_rise(ANAESTHETIC_NG_PER_ML)
    assert (systolic + 2 * diastolic) / 3 == pytest.approx(0.27 * (124 + 2 * 76) / 3, rel=0.1)  # of the mean pressure
    assert heart_rate_rise_per_min(ANAESTHETIC_NG_PER_ML) == pytest.approx(0.435 * 72, rel=0.1)


@given(concentrations=st.tuples(CONCENTRATIONS, CONCENTRATIONS))
def test_the_curves_never_fall_and_end_below_their_largest(concentrations: tuple[float, float]) -> None:
    low, high = sorted(concentrations)
    for before, after, most in zip(
        (*pressure_rise(low), heart_rate_rise_per_min(low)),
        (*pressure_rise(high), heart_rate_rise_per_min(high)),
        (40.0, 25.0, 32.0),
        strict=True,
    ):
        assert 0.0 <= before <= after < most


def test_a_lag_goes_from_where_it_is_to_where_it_was_turned() -> None:
    lag = Lag(10.0)
    assert lag.at(100.0) == 0.0
    lag.turn(100.0, 1.0)
    assert lag.at(50.0) == 0.0
    assert lag.at(110.0) == pytest.approx(0.632, abs=0.001)
    lag.turn(110.0, 0.0)
    assert lag.at(120.0) == pytest.approx(0.2325, abs=0.001)  # 0.632 / e
