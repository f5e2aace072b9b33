from random import Random

from hypothesis import given
from hypothesis import strategies as st

from drivers.reconnect import DELAY_MAX_S, FIRST_DELAY_S, JITTER, REASONS_MAX, Backoff


class Fixed(Random):
    """A random source that always says the same."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


def test_delays_double_up_to_the_maximum_and_stay_there() -> None:
    backoff = Backoff(Fixed(0.0))
    assert [backoff.next_delay_s() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_chance_takes_off_at_most_its_share() -> None:
    backoff = Backoff(Fixed(1.0))
    assert [backoff.next_delay_s() for _ in range(5)] == [0.375, 0.75, 1.5, 3.0, 3.75]


def test_success_begins_anew() -> None:
    backoff = Backoff(Fixed(0.0))
    for _ in range(5):
        backoff.next_delay_s()
    backoff.succeeded()
    assert [backoff.next_delay_s() for _ in range(2)] == [0.5, 1.0]


@given(random=st.randoms(), failures=st.integers(1, 2000))
def test_a_delay_is_never_zero_and_never_above_the_maximum(random: Random, failures: int) -> None:
    backoff = Backoff(random)
    for _ in range(failures):
        assert FIRST_DELAY_S * (1 - JITTER) <= backoff.next_delay_s() <= DELAY_MAX_S


def test_a_reason_is_loud_once_until_success() -> None:
    backoff = Backoff(Fixed(0.0))
    said = [backoff.first_failure(reason) for reason in ("missing", "missing", "busy", "missing", "busy")]
    assert said == [True, False, True, False, False]
    backoff.succeeded()
    assert backoff.first_failure("missing")


def test_beyond_the_bound_new_reasons_are_quiet() -> None:
    backoff = Backoff(Fixed(0.0))
    said = [backoff.first_failure(f"reason {number}") for number in range(REASONS_MAX + 1)]
    assert said == [True] * REASONS_MAX + [False]
