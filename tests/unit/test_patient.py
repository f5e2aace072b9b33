"""The patient: a baseline that wanders, an answer to ketamine of the published size, an airway, a cuff."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.patient import STRONG_CYP3A4_INHIBITOR, Baseline, Patient, Person, Vitals

AN_HOUR_S = range(0, 3601, 10)
IN_40_MIN_S = range(0, 2401, 10)
HALF_MG_PER_KG_IN_40_MIN = 0.75
"""mg/kg/h"""

CARDIAC = Person(heart_disease=True)
OLDER = Person(age_years=50)


def run(patient: Patient, dose_mg_per_kg_per_h: float, times_s: range = AN_HOUR_S) -> list[Vitals]:
    return [patient.advance(float(now_s), dose_mg_per_kg_per_h) for now_s in times_s]


def rise(dose_mg_per_kg_per_h: float, person: Person, times_s: range = IN_40_MIN_S) -> tuple[int, int, int]:
    """Return what the drug adds at the end to heart rate, systolic and diastolic pressure."""
    dosed, rest = (
        run(Patient(5, person=person, arterial_line=True), dose, times_s)[-1] for dose in (dose_mg_per_kg_per_h, 0.0)
    )
    assert dosed.heart_rate_per_min is not None
    assert dosed.ibp_sys_mmhg is not None
    assert dosed.ibp_dia_mmhg is not None
    return (
        dosed.heart_rate_per_min - (rest.heart_rate_per_min or 0),
        dosed.ibp_sys_mmhg - (rest.ibp_sys_mmhg or 0),
        dosed.ibp_dia_mmhg - (rest.ibp_dia_mmhg or 0),
    )


def test_same_seed_and_calls_give_the_same_vital_signs_and_another_seed_others() -> None:
    first, again, other = (run(Patient(seed), 1.0) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@given(seed=st.integers(0, 1000), looks_s=st.lists(st.floats(0.0, 600.0), max_size=30))
def test_it_does_not_matter_who_else_looks(seed: int, looks_s: list[float]) -> None:
    alone, watched = Patient(seed, arterial_line=True), Patient(seed, arterial_line=True)
    seen = [alone.advance(float(now_s), 1.0) for now_s in range(0, 601, 7)]
    times_s = sorted({(float(now_s), True) for now_s in range(0, 601, 7)} | {(now_s, False) for now_s in looks_s})
    assert [vitals for now_s, ours in times_s if (vitals := watched.advance(now_s, 1.0)) and ours] == seen


def test_a_call_at_the_same_or_an_earlier_time_sees_the_patient_as_now() -> None:
    asked_once, asked_twice = Patient(3), Patient(3)
    for now_s in range(0, 100, 5):
        expected = asked_once.advance(now_s, 1.0)
        assert asked_twice.advance(now_s, 1.0) == expected
        assert asked_twice.advance(now_s, 2.0) == expected
        assert asked_twice.advance(now_s - 3, 2.0) == expected


def test_without_drug_the_vital_signs_stay_near_the_baseline_and_are_not_frozen() -> None:
    base = Baseline(
        heart_rate_per_min=60,
        respiratory_rate_per_min=12,
        spo2_percent=97,
        etco2_mmhg=40,
        nibp_sys_mmhg=110,
        nibp_dia_mmhg=70,
    )
    vitals = run(Patient(1, base, arterial_line=True), 0.0, range(0, 36_000, 10))
    for name, centre, spread in (
        ("heart_rate_per_min", 60, 3),
        ("respiratory_rate_per_min", 12, 2),
        ("spo2_percent", 97, 1),
        ("etco2_mmhg", 40, 2),
        ("ibp_sys_mmhg", 110, 4),
        ("ibp_dia_mmhg", 70, 4),
        ("nibp_sys_mmhg", 110, 4),
    ):
        seen = {getattr(one, name) for one in vitals}
        assert all(abs(value - centre) <= spread for value in seen), name
        assert len(seen) > 1, name


def test_half_a_mg_per_kg_in_40_min_changes_what_published_means_say() -> None:
    patient = Patient(5)
    run(patient, HALF_MG_PER_KG_IN_40_MIN, IN_40_MIN_S)
    assert patient.plasma_ng_per_ml == pytest.approx(177.3, abs=0.1)
    assert patient.effect_site_ng_per_ml == pytest.approx(168.9, abs=0.1)
    # By hand: 168.9 / 768.9 = 0.2197, x 40 = 8.8, x 25 = 5.5; 0.2815^1.5 = 0.1494, / 1.1494 x 32 = 4.2.
    heart_rate, systolic, diastolic = rise(HALF_MG_PER_KG_IN_40_MIN, Person())
    assert abs(heart_rate - 4.2) <= 1.0
    assert abs(systolic - 8.8) <= 1.0
    assert abs(diastolic - 5.5) <= 1.0
    assert 3.0 <= systolic <= 20.0  # 684 infusions, 205 infusions
    assert 3.0 <= diastolic <= 14.0


def test_heart_disease_and_age_make_the_rise_larger() -> None:
    usual, older, cardiac = (rise(HALF_MG_PER_KG_IN_40_MIN, person) for person in (Person(), OLDER, CARDIAC))
    assert all(one < two < three for one, two, three in zip(usual, older, cardiac, strict=True))
    assert rise(HALF_MG_PER_KG_IN_40_MIN, Person(age_years=49)) == usual
    assert abs(cardiac[1] - 1.6 * 8.8) <= 1.0
    both = rise(HALF_MG_PER_KG_IN_40_MIN, Person(heart_disease=True, age_years=70))
    assert abs(both[1] - 2.0 * 8.8) <= 1.0


def test_an_inhibitor_of_cyp3a4_raises_the_drug_a_little_and_keeps_it_longer() -> None:
    usual, inhibited = Patient(1), Patient(1, person=Person(clearance_factor=STRONG_CYP3A4_INHIBITOR))
    for patient in (usual, inhibited):
        run(patient, 2.0)
    ratio_at_the_end = inhibited.plasma_ng_per_ml / usual.plasma_ng_per_ml
    for patient in (usual, inhibited):
        run(patient, 0.0, range(3600, 14_401, 60))
    assert 1.02 < ratio_at_the_end < 1.06
    assert inhibited.plasma_ng_per_ml / usual.plasma_ng_per_ml > 1.1


@given(seed=st.integers(0, 1000), doses=st.tuples(st.floats(0, 20), st.floats(0, 20)), cardiac=st.booleans())
def test_a_higher_dose_never_lowers_heart_rate_or_pressure(
    seed: int, doses: tuple[float, float], *, cardiac: bool
) -> None:
    low, high = sorted(doses)
    person = Person(heart_disease=cardiac)
    lower = run(Patient(seed, person=person), low, range(0, 1200, 60))
    higher = run(Patient(seed, person=person), high, range(0, 1200, 60))
    for name in ("heart_rate_per_min", "nibp_sys_mmhg", "nibp_dia_mmhg", "nibp_mean_mmhg", "nibp_pulse_rate_per_min"):
        for before, after in zip(lower, higher, strict=True):
            assert getattr(before, name) <= getattr(after, name)


def test_after_the_end_the_rise_fades_within_one_and_a_half_hours() -> None:
    dosed, rest = Patient(4, arterial_line=True), Patient(4, arterial_line=True)
    run(dosed, HALF_MG_PER_KG_IN_40_MIN, IN_40_MIN_S)
    run(rest, 0.0, IN_40_MIN_S)
    after = [patient.advance(2400.0 + 5400.0, 0.0) for patient in (dosed, rest)]
    assert (after[0].heart_rate_per_min or 0) - (after[1].heart_rate_per_min or 0) <= 1
    assert (after[0].ibp_sys_mmhg or 0) - (after[1].ibp_sys_mmhg or 0) <= 4


def test_the_same_infusion_weighs_more_in_a_lighter_patient() -> None:
    light, heavy = Patient(1, person=Person(weight_kg=35.0)), Patient(1, person=Person(weight_kg=70.0))
    for patient in (light, heavy):
        patient.absorb(0.0, 0.0)
        patient.absorb(3600.0, 70.0)
    assert light.plasma_ng_per_ml == pytest.approx(2.0 * heavy.plasma_ng_per_ml, rel=1e-9)


def test_what_comes_at_once_shows_from_the_next_call_on() -> None:
    patient, rest = Patient(2), Patient(2)
    before = patient.absorb(0.0, 0.0)
    assert rest.absorb(0.0, 0.0) == before
    assert patient.absorb(0.0, 70.0) == before
    assert patient.plasma_ng_per_ml == pytest.approx(570.7, abs=0.1)  # 1 mg/kg / 1.7522 L/kg
    calm, moved = rest.absorb(300.0, 0.0), patient.absorb(300.0, 0.0)
    assert (moved.heart_rate_per_min or 0) > (calm.heart_rate_per_min or 0) + 5


def test_the_time_scale_makes_the_drug_faster_and_not_stronger() -> None:
    fast, slow = Patient(2, time_scale=60.0), Patient(2)
    for second in range(61):
        fast.advance(second, 2.0)
        slow.advance(second * 60, 2.0)
    assert fast.effect_site_ng_per_ml == pytest.approx(slow.effect_site_ng_per_ml, rel=1e-9)


def test_secretions_lower_spo2_and_quicken_breathing_until_they_are_suctioned() -> None:
    choking, rest = Patient(6), Patient(6)

    def difference(now_s: float) -> tuple[int, int]:
        now, calm = choking.advance(now_s, 0.0), rest.advance(now_s, 0.0)
        return (
            (now.spo2_percent or 0) - (calm.spo2_percent or 0),
            (now.respiratory_rate_per_min or 0) - (calm.respiratory_rate_per_min or 0),
        )

    assert difference(100.0) == (0, 0)
    choking.secrete(100.0)
    # By hand, after 45 s: 14 x (1 - 1/e) = 8.8 %; 10 x (1 - e^-3) = 9.5 /min.
    spo2, breathing = difference(145.0)
    assert abs(spo2 + 8.8) <= 1.0
    assert abs(breathing - 9.5) <= 1.0
    assert difference(700.0) == (-14, 10)
    choking.suction(700.0)
    spo2, breathing = difference(745.0)  # what is left: 14 / e = 5.2, 10 x e^-3 = 0.5
    assert abs(spo2 + 5.2) <= 1.0
    assert 0 <= breathing <= 1
    assert difference(1300.0) == (0, 0)


def test_few_secretions_do_less() -> None:
    lowest = []
    for severity in (0.3, 1.0):
        patient = Patient(6)
        patient.secrete(0.0, severity)
        lowest.append(min(vitals.spo2_percent or 0 for vitals in run(patient, 0.0)))
    assert lowest[0] >= lowest[1] + 8


@pytest.mark.parametrize("severity", [0.0, -0.1, 1.01, math.nan])
def test_an_impossible_severity_is_refused(severity: float) -> None:
    with pytest.raises(ValueError, match="severity"):
        Patient(1).secrete(0.0, severity)


def test_even_an_absurd_dose_stays_below_the_largest_effect() -> None:
    vitals = run(Patient(1), 1e6)[-1]
    assert vitals.heart_rate_per_min is not None
    assert 72 + 32 - 4 <= vitals.heart_rate_per_min <= 72 + 32 + 3


def test_cuff_pressure_is_measured_at_the_interval_and_holds_between() -> None:
    patient = Patient(6, cuff_interval_s=300.0)
    vitals = run(patient, 2.5, range(1000, 2201))
    assert [one.nibp_at_s for one in vitals[::300]] == [1000.0, 1300.0, 1600.0, 1900.0, 2200.0]
    cuffs = [one.nibp_sys_mmhg or 0 for one in vitals]
    assert len(set(cuffs[0:300])) == 1
    assert len(set(cuffs[300:600])) == 1
    assert cuffs[299] < cuffs[300]


def test_a_cuff_that_was_due_unseen_measured_when_it_was_due() -> None:
    seldom, often = Patient(6), Patient(6)
    run(often, 5.0, range(0, 891, 10))
    seldom.advance(0.0, 5.0)
    late = seldom.advance(890.0, 5.0)
    assert late == often.advance(890.0, 5.0)
    assert late.nibp_at_s == 600.0
    assert seldom.advance(900.0, 5.0).nibp_at_s == 900.0


def test_mean_pressure_is_a_third_of_the_way_up() -> None:
    for vitals in run(Patient(9), 1.0):
        assert vitals.nibp_sys_mmhg is not None
        assert vitals.nibp_dia_mmhg is not None
        assert vitals.nibp_mean_mmhg is not None
        third = (vitals.nibp_sys_mmhg + 2 * vitals.nibp_dia_mmhg) / 3
        assert abs(vitals.nibp_mean_mmhg - third) <= 1.5  # each of the three is rounded by itself


def test_spo2_is_never_above_100() -> None:
    vitals = run(Patient(1, Baseline(spo2_percent=100)), 0.0)
    assert {one.spo2_percent for one in vitals} == {99, 100}


def test_an_arterial_line_only_where_asked_for() -> None:
    assert Patient(1).advance(0.0, 0.0).ibp_sys_mmhg is None
    vitals = Patient(1, arterial_line=True).advance(0.0, 0.0)
    assert (vitals.ibp_sys_mmhg, vitals.ibp_dia_mmhg) == (vitals.nibp_sys_mmhg, vitals.nibp_dia_mmhg)


@pytest.mark.parametrize("dose", [-0.1, math.nan, math.inf])
def test_an_impossible_dose_is_refused(dose: float) -> None:
    with pytest.raises(ValueError, match="dose rate"):
        Patient(1).advance(0.0, dose)
    with pytest.raises(ValueError, match="amount"):
        Patient(1).absorb(0.0, dose)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_options_must_be_positive(value: float) -> None:
    with pytest.raises(ValueError, match="time_scale"):
        Patient(1, time_scale=value)
    with pytest.raises(ValueError, match="cuff_interval_s"):
        Patient(1, cuff_interval_s=value)
    with pytest.raises(ValueError, match="weight"):
        Patient(1, person=Person(weight_kg=value))


@pytest.mark.parametrize(("sys_mmhg", "dia_mmhg"), [(80, 80), (80, 90), (120, 0)])
def test_impossible_pressures_are_refused(sys_mmhg: int, dia_mmhg: int) -> None:
    with pytest.raises(ValueError, match="systolic"):
        Baseline(nibp_sys_mmhg=sys_mmhg, nibp_dia_mmhg=dia_mmhg)
