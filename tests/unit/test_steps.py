"""How far a dose rate rose within ten minutes of infusing, and for how long it has run."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from edge.core.steps import HELD_MAX, WINDOW_S, Steps

D = Decimal
DIGIT = D("0.01")


def run(steps: Steps, at_s: float, seconds: int, dose: str) -> float:
    """Infuse for so many seconds, a sample a second; return when it ends."""
    for second in range(seconds + 1):
        steps.infused(at_s + second, D(dose), DIGIT)
    return at_s + seconds


def risen(steps: Steps) -> D:
    found = steps.rise()
    assert found is not None
    lowest, now = found
    return now.dose_mg_per_kg_per_h - lowest.dose_mg_per_kg_per_h


def test_the_first_dose_is_no_rise() -> None:
    steps = Steps()
    assert steps.rise() is None
    run(steps, 0, 10, "1.0")
    assert (risen(steps), steps.infusing_s) == (D(0), 10.0)


def test_steps_that_follow_too_fast_count_together() -> None:
    steps = Steps()
    at_s = run(steps, 0, 900, "0.5")
    at_s = run(steps, at_s, 540, "1.0")
    run(steps, at_s, 1, "1.5")
    assert risen(steps) == D("1.0")


def test_how_long_the_step_stood_does_not_depend_on_how_the_next_one_was_typed() -> None:
    steps = Steps()
    assert steps.stood_s(D("1.1")) is None
    at_s = run(steps, 0, 300, "0.5")
    at_s = run(steps, at_s, 500, "1.0")
    assert steps.stood_s(D("1.1")) == 800.0
    at_s = run(steps, at_s, 4, "1.2")
    run(steps, at_s, 4, "1.5")
    assert steps.stood_s(D("1.1")) == 800.0
    assert steps.stood_s(D("0.55")) == 300.0
    assert steps.stood_s(D("0.4")) is None


def test_a_step_after_ten_minutes_counts_alone() -> None:
    steps = Steps()
    at_s = run(steps, 0, 60, "0.5")
    at_s = run(steps, at_s, 599, "1.0")
    steps.infused(at_s, D("1.5"), DIGIT)
    assert risen(steps) == D("1.0")
    run(steps, at_s, 1, "1.5")
    assert risen(steps) == D("0.5")


def test_a_stop_gives_no_credit_and_the_last_infusing_rate_stays_the_reference() -> None:
    steps = Steps()
    at_s = run(steps, 0, 300, "1.0")
    steps.paused()
    run(steps, at_s + 3600, 10, "1.5")
    assert (steps.infusing_s, risen(steps)) == (310.0, D("0.5"))


def test_a_gap_is_credited_with_ten_seconds_at_most() -> None:
    steps = Steps()
    steps.infused(0.0, D("1.0"), DIGIT)
    steps.infused(500.0, D("1.0"), DIGIT)
    assert steps.infusing_s == 10.0
    steps.infused(499.0, D("1.0"), DIGIT)
    assert steps.infusing_s == 10.0


def test_lower_and_back_is_a_rise() -> None:
    steps = Steps()
    at_s = run(steps, 0, 900, "2.0")
    at_s = run(steps, at_s, 60, "1.0")
    run(steps, at_s, 1, "2.0")
    assert risen(steps) == D("1.0")


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 400)), min_size=1, max_size=200))
def test_the_rise_is_at_least_what_a_whole_history_says(runs: list[tuple[int, int]]) -> None:
    """Against an oracle that forgets nothing: never less, so that no fast rise is missed."""
    steps, at_s, history = Steps(), 0.0, []
    for seconds, hundredths in runs:
        dose = D(hundredths) / 100
        history.append((steps.infusing_s, dose))
        for at in range(0, seconds + 1, 10):
            steps.infused(at_s + at, dose, DIGIT)
        at_s += seconds - seconds % 10
    end_s = steps.infusing_s
    until = [*(since_s for since_s, _ in history[1:]), end_s]
    in_force = [
        dose
        for (_, dose), until_s in zip(history, until, strict=True)
        if until_s > end_s - WINDOW_S or until_s == end_s
    ]
    assert risen(steps) >= history[-1][1] - min(in_force)
    assert len(steps.held) <= HELD_MAX
