import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.patient import Baseline, Patient, Vitals

AN_HOUR_S = range(0, 3601, 10)


def run(patient: Patient, dose_mg_per_kg_per_h: float, times_s: range = AN_HOUR_S) -> list[Vitals]:
    return [patient.advance(float(now_s), dose_mg_per_kg_per_h) for now_s in times_s]


def mean_heart_rate(vitals: list[Vitals]) -> float:
    values = [one.heart_rate_per_min for one in vitals if one.heart_rate_per_min is not None]
    return sum(values) / len(values)


def mean_systolic(vitals: list[Vitals]) -> float:
    values = [one.ibp_sys_mmhg for one in vitals if one.ibp_sys_mmhg is not None]
    return sum(values) / len(values)


def test_same_seed_and_calls_give_the_same_vital_signs_and_another_seed_others() -> None:
    first, again, other = (run(Patient(seed), 1.0) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_second_call_at_the_same_time_changes_nothing() -> None:
    asked_once, asked_twice = Patient(3), Patient(3)
    for now_s in range(0, 100, 5):
        expected = asked_once.advance(now_s, 1.0)
        assert asked_twice.advance(now_s, 1.0) == expected
        assert asked_twice.advance(now_s, 2.0) == expected


def test_without_drug_the_vital_signs_stay_near_the_baseline_and_are_not_frozen() -> None:
    base = Baseline(
        heart_rate_per_min=60,
        respiratory_rate_per_min=12,
        spo2_percent=97,
        etco2_mmhg=40,
        nibp_sys_mmhg=110,
        nibp_dia_mmhg=70,
    )
    vitals = run(Patient(1, base, arterial_line=True), 0.0)
    for name, centre, spread in (
        ("heart_rate_per_min", 60, 8),
        ("respiratory_rate_per_min", 12, 4),
        ("spo2_percent", 97, 3),
        ("etco2_mmhg", 40, 5),
        ("ibp_sys_mmhg", 110, 10),
        ("ibp_dia_mmhg", 70, 10),
        ("nibp_sys_mmhg", 110, 10),
    ):
        seen = {getattr(one, name) for one in vitals}
        assert all(abs(value - centre) <= spread for value in seen), name
        assert len(seen) > 1, name


@pytest.mark.parametrize(
    ("dose", "heart_rate_rise", "systolic_rise"),
    # By hand: e = (d/2.5)^1.5 / (1 + (d/2.5)^1.5); 0.5: 0.0894/1.0894 = 0.0821; 2.5: 1/2; times 50 /min and 60 mmHg.
    [(0.0, 0.0, 0.0), (0.5, 4.1, 4.9), (2.5, 25.0, 30.0)],
)
def test_size_of_the_effect_when_it_has_settled(dose: float, heart_rate_rise: float, systolic_rise: float) -> None:
    settled = range(36_000, 72_000, 10)
    rest, dosed = Patient(5, arterial_line=True), Patient(5, arterial_line=True)
    for patient, rate in ((rest, 0.0), (dosed, dose)):
        patient.advance(0.0, rate)
    without, with_drug = run(rest, 0.0, settled), run(dosed, dose, settled)
    assert mean_heart_rate(with_drug) - mean_heart_rate(without) == pytest.approx(heart_rate_rise, abs=0.1)
    assert mean_systolic(with_drug) - mean_systolic(without) == pytest.approx(systolic_rise, abs=0.1)


@given(seed=st.integers(0, 1000), doses=st.tuples(st.floats(0, 20), st.floats(0, 20)))
def test_a_higher_dose_never_lowers_heart_rate_or_pressure(seed: int, doses: tuple[float, float]) -> None:
    low, high = sorted(doses)
    lower = run(Patient(seed), low, range(0, 1200, 60))
    higher = run(Patient(seed), high, range(0, 1200, 60))
    for name in ("heart_rate_per_min", "nibp_sys_mmhg", "nibp_dia_mmhg", "nibp_mean_mmhg", "nibp_pulse_rate_per_min"):
        for before, after in zip(lower, higher, strict=True):
            assert getattr(before, name) <= getattr(after, name)


def difference_of_heart_rate_at(end_s: float, lag_s: float = 300.0, time_scale: float = 1.0) -> int:
    dosed, rest = (Patient(2, effect_time_constant_s=lag_s, time_scale=time_scale) for _ in range(2))
    vitals = [(dosed.advance(now_s, 20.0), rest.advance(now_s, 0.0)) for now_s in (0.0, end_s)][-1]
    assert vitals[0].heart_rate_per_min is not None
    assert vitals[1].heart_rate_per_min is not None
    return vitals[0].heart_rate_per_min - vitals[1].heart_rate_per_min


def test_the_effect_lags_by_its_time_constant() -> None:
    # One time constant reaches 1 - 1/e: 20 mg/kg/h acts as 12.64, e = (12.64/2.5)^1.5 = 11.37, 11.37/12.37 x 50 = 46.
    assert difference_of_heart_rate_at(300.0) == 46
    # A tenth: 20 x 0.0952 = 1.903, (0.761)^1.5 = 0.664, 0.664/1.664 x 50 = 20.
    assert difference_of_heart_rate_at(30.0) == 20


def test_the_time_scale_makes_the_effect_come_faster() -> None:
    assert difference_of_heart_rate_at(5.0, time_scale=60.0) == 46
    assert difference_of_heart_rate_at(30.0, lag_s=30.0) == 46


def test_the_effect_fades_when_the_infusion_stops() -> None:
    patient = Patient(4)
    infused = run(patient, 2.0, range(0, 3600, 10))
    afterwards = run(patient, 0.0, range(3600, 9000, 10))
    assert mean_heart_rate(infused[-60:]) > 72 + 15
    assert mean_heart_rate(afterwards[-60:]) == pytest.approx(72, abs=4)


def test_even_an_absurd_dose_stays_below_the_largest_effect() -> None:
    vitals = run(Patient(1), 1e6)[-1]
    assert vitals.heart_rate_per_min is not None
    assert 110 <= vitals.heart_rate_per_min <= 72 + 50 + 8


def test_cuff_pressure_is_measured_at_the_interval_and_holds_between() -> None:
    patient = Patient(6, cuff_interval_s=300.0)
    cuffs = [one.nibp_sys_mmhg or 0 for one in run(patient, 2.5, range(1000, 2201))]
    assert len(set(cuffs[0:300])) == 1
    assert len(set(cuffs[300:600])) == 1
    assert cuffs[299] < cuffs[300]
    assert cuffs[599] != cuffs[600]
    assert cuffs[899] != cuffs[900]


def test_a_missed_cuff_time_is_made_up_once_and_the_grid_stays() -> None:
    patient = Patient(6, cuff_interval_s=300.0)
    at_0, at_650, at_899, at_900 = (patient.advance(now_s, 5.0).nibp_sys_mmhg for now_s in (0.0, 650.0, 899.0, 900.0))
    assert at_0 != at_650
    assert at_650 == at_899
    assert at_899 != at_900


def test_mean_pressure_is_a_third_of_the_way_up() -> None:
    for vitals in run(Patient(9), 1.0):
        assert vitals.nibp_sys_mmhg is not None
        assert vitals.nibp_dia_mmhg is not None
        assert vitals.nibp_mean_mmhg is not None
        third = (vitals.nibp_sys_mmhg + 2 * vitals.nibp_dia_mmhg) / 3
        assert abs(vitals.nibp_mean_mmhg - third) <= 1.5  # each of the three is rounded by itself


def test_spo2_is_never_above_100() -> None:
    vitals = run(Patient(1, Baseline(spo2_percent=100)), 0.0)
    assert {one.spo2_percent for one in vitals} <= {98, 99, 100}


def test_an_arterial_line_only_where_asked_for() -> None:
    assert Patient(1).advance(0.0, 0.0).ibp_sys_mmhg is None
    vitals = Patient(1, arterial_line=True).advance(0.0, 0.0)
    assert (vitals.ibp_sys_mmhg, vitals.ibp_dia_mmhg) == (vitals.nibp_sys_mmhg, vitals.nibp_dia_mmhg)


@pytest.mark.parametrize("dose", [-0.1, math.nan, math.inf])
def test_an_impossible_dose_is_refused(dose: float) -> None:
    with pytest.raises(ValueError, match="dose rate"):
        Patient(1).advance(0.0, dose)


def test_time_that_runs_backwards_is_refused() -> None:
    patient = Patient(1)
    patient.advance(10.0, 0.0)
    with pytest.raises(ValueError, match="backwards"):
        patient.advance(9.0, 0.0)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_options_must_be_positive(value: float) -> None:
    with pytest.raises(ValueError, match="effect_time_constant_s"):
        Patient(1, effect_time_constant_s=value)
    with pytest.raises(ValueError, match="time_scale"):
        Patient(1, time_scale=value)
    with pytest.raises(ValueError, match="cuff_interval_s"):
        Patient(1, cuff_interval_s=value)


@pytest.mark.parametrize(("sys_mmhg", "dia_mmhg"), [(80, 80), (80, 90), (120, 0)])
def test_impossible_pressures_are_refused(sys_mmhg: int, dia_mmhg: int) -> None:
    with pytest.raises(ValueError, match="systolic"):
        Baseline(nibp_sys_mmhg=sys_mmhg, nibp_dia_mmhg=dia_mmhg)
