"""What sensors show against the truth beside it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.patient import Patient, Vitals
from simulators.patient_measurement import USUAL, Artefacts, Measured

TRUTH = Vitals(
    heart_rate_per_min=72,
    respiratory_rate_per_min=14,
    spo2_percent=98,
    etco2_mmhg=38,
    nibp_sys_mmhg=124,
    nibp_dia_mmhg=76,
    nibp_mean_mmhg=92,
    nibp_pulse_rate_per_min=72,
    ibp_sys_mmhg=131,
    ibp_dia_mmhg=70,
    ibp_mean_mmhg=90,
)
NEVER = Artefacts(spo2_dips_per_h=0, ecg_noise_per_h=0, spo2_off_per_h=0, ecg_off_per_h=0, cuff_failure_probability=0)
FIVE_HOURS_S = range(18_000)


def only(**rates: float) -> Artefacts:
    return Artefacts(**{**dict.fromkeys(NEVER.__slots__, 0.0), **rates})


def shown(
    artefacts: Artefacts, seed: int = 1, source: Callable[[float], Vitals] = lambda _now_s: TRUTH
) -> list[Vitals]:
    measured = Measured(source, seed, artefacts)
    return [measured(float(now_s)) for now_s in FIVE_HOURS_S]


def lengths(values: Sequence[bool]) -> list[int]:
    """Return how many samples each run of true values has."""
    return [len(list(run)) for true, run in groupby(values) if true]


def test_without_artefacts_the_truth_is_shown() -> None:
    assert set(shown(NEVER)) == {TRUTH}


@given(seed=st.integers(), times_s=st.lists(st.floats(0.0, 1e6), max_size=20))
def test_the_same_seed_and_times_show_the_same_in_any_order(seed: int, times_s: list[float]) -> None:
    forwards, backwards = (Measured(lambda _now_s: TRUTH, seed, USUAL) for _ in range(2))
    seen = {now_s: forwards(now_s) for now_s in times_s}
    assert {now_s: backwards(now_s) for now_s in reversed(times_s)} == seen


def test_another_seed_has_other_artefacts() -> None:
    assert shown(USUAL, 1) != shown(USUAL, 2)


def test_movement_lowers_spo2_for_seconds_and_nothing_else() -> None:
    vitals = shown(only(spo2_dips_per_h=6))
    assert {replace(one, spo2_percent=98) for one in vitals} == {TRUTH}
    values = [one.spo2_percent or 0 for one in vitals]
    dips = lengths([value != 98 for value in values])
    assert 18 <= len(dips) <= 45  # 30 are meant
    assert 3 <= min(dips) <= max(dips) <= 20
    assert min(values) >= 68
    assert max(value for value in values if value != 98) <= 93


def test_a_dip_of_a_low_value_is_never_zero() -> None:
    values = {one.spo2_percent for one in shown(only(spo2_dips_per_h=60), source=lambda _now_s: Vitals(spo2_percent=8))}
    assert min(value or 0 for value in values) == 1


def test_noise_on_the_ecg_gives_an_absurd_heart_rate_for_a_sample_or_two() -> None:
    vitals = shown(only(ecg_noise_per_h=4))
    assert {replace(one, heart_rate_per_min=72) for one in vitals} == {TRUTH}
    rates = [one.heart_rate_per_min or 0 for one in vitals]
    assert set(lengths([rate != 72 for rate in rates])) == {1, 2}
    absurd = {rate for rate in rates if rate != 72}
    low, high = {rate for rate in absurd if rate <= 25}, {rate for rate in absurd if 220 <= rate <= 300}
    assert absurd == low | high
    assert min(low) >= 5
    assert high


@pytest.mark.parametrize(
    ("rates", "gone"),
    [
        ({"spo2_off_per_h": 2.0}, {"spo2_percent": None}),
        ({"ecg_off_per_h": 2.0}, {"heart_rate_per_min": None, "respiratory_rate_per_min": None}),
    ],
)
def test_a_sensor_that_is_off_has_no_value_for_a_while(rates: dict[str, float], gone: dict[str, None]) -> None:
    vitals = shown(only(**rates))
    without = replace(TRUTH, **gone)
    assert set(vitals) == {TRUTH, without}
    off = lengths([one == without for one in vitals])
    assert 4 <= len(off) <= 18  # 10 are meant
    assert 19 <= min(off) <= max(off) <= 181


def test_what_is_not_measured_has_no_artefacts() -> None:
    everything = Artefacts(spo2_dips_per_h=60, ecg_noise_per_h=60, cuff_failure_probability=1)
    assert set(shown(everything, source=lambda _now_s: Vitals())) == {Vitals()}


def test_a_cuff_fails_a_whole_measurement_at_the_meant_rate_and_the_truth_has_it() -> None:
    patient = Patient(1, cuff_interval_s=20.0)
    truth: list[Vitals] = []

    def source(now_s: float) -> Vitals:
        truth.append(patient.advance(now_s, 1.0))
        return truth[-1]

    vitals = shown(only(cuff_failure_probability=0.3), source=source)
    assert all(one.nibp_sys_mmhg is not None for one in truth)
    failed = [one.nibp_sys_mmhg is None for one in vitals]
    for begin in range(0, len(failed), 20):
        assert len(set(failed[begin : begin + 20])) == 1
    assert 215 <= sum(failed[::20]) <= 325  # of 900; 270 are meant
    for true, seen, none in zip(truth, vitals, failed, strict=True):
        gone = dict.fromkeys(("nibp_sys_mmhg", "nibp_dia_mmhg", "nibp_mean_mmhg", "nibp_pulse_rate_per_min"))
        assert seen == (replace(true, **gone) if none else true)


@pytest.mark.parametrize(
    "rates",
    [
        {"spo2_dips_per_h": 60.1},
        {"ecg_noise_per_h": -1.0},
        {"spo2_off_per_h": 6.1},
        {"ecg_off_per_h": math.nan},
        {"cuff_failure_probability": 1.1},
        {"cuff_failure_probability": -0.1},
    ],
)
def test_impossible_rates_are_refused(rates: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Artefacts(**rates)


def test_at_the_bound_every_slot_has_one() -> None:
    dips = shown(only(spo2_dips_per_h=60))
    for minute in range(0, len(dips), 60):
        assert any(one.spo2_percent != 98 for one in dips[minute : minute + 60])
