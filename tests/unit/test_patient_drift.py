"""The drift: bounded, of a seed, and slow and quick at once."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simulators.patient_drift import SWINGS, Drift


def test_the_parts_make_the_whole() -> None:
    assert round(sum(part for _, part in SWINGS), 9) == 1.0


@given(seed=st.integers(0, 1000), elapsed_s=st.floats(0.0, 1e6), limit=st.floats(0.0, 10.0))
def test_it_stays_within_its_limit_and_is_the_same_for_the_same_seed(seed: int, elapsed_s: float, limit: float) -> None:
    value = Drift(Random(seed), limit).at(elapsed_s)
    assert abs(value) <= limit * (1 + 1e-9)
    assert Drift(Random(seed), limit).at(elapsed_s) == value


def test_it_moves_within_seconds_and_over_an_hour_uses_most_of_its_room() -> None:
    values = [Drift(Random(1), 3.0).at(elapsed_s) for elapsed_s in range(3600)]
    assert max(values) - min(values) > 3.0
    assert all(before != after for before, after in pairwise(values))
    assert max(abs(after - before) for before, after in pairwise(values)) < 0.5
