"""Ketamine in the body, against hand arithmetic, what was measured, and an integration in small steps."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.pharmacokinetics import CLEMENTS_250, KetamineInBody

DOSES_MG = st.floats(0.0, 1000.0)
STEPS = st.lists(st.tuples(st.floats(0.0, 3600.0), DOSES_MG), min_size=1, max_size=20)
MIN_S = 60.0


def body(weight_kg: float = 70.0, *, clearance_factor: float = 1.0) -> KetamineInBody:
    return KetamineInBody(weight_kg, clearance_factor=clearance_factor)


def amounts(drug: KetamineInBody) -> tuple[float, float, float]:
    return drug.central_mg, drug.peripheral_mg, drug.eliminated_mg


def test_clearance_and_volume_lie_within_the_intervals_of_the_meta_analysis() -> None:
    drug = body()
    assert drug.clearance_l_per_min == pytest.approx(1.337, abs=0.001)  # 1.7522 x 70 x 0.0109
    assert 69.0 <= drug.clearance_l_per_min * 60.0 <= 90.0
    assert drug.steady_state_l == pytest.approx(289.2, abs=0.1)  # 122.65 x (1 + 0.0186 / 0.0137)
    assert 200.0 <= drug.steady_state_l <= 304.0


def test_the_terminal_half_life_is_three_hours_and_is_what_is_seen() -> None:
    # By hand: rates are the roots of x^2 - 0.0432 x + 0.00014933: 0.03941 and 0.003789 /min; ln 2 / 0.003789 = 182.9.
    drug = body()
    assert drug.terminal_half_life_min == pytest.approx(182.9, abs=0.1)
    drug.inject(20.0)
    drug.infuse(6 * 3600.0, 0.0)
    before = drug.plasma_ng_per_ml
    drug.infuse(182.934 * MIN_S, 0.0)
    assert drug.plasma_ng_per_ml == pytest.approx(before / 2.0, rel=1e-4)


def test_half_a_mg_per_kg_in_40_min_ends_where_it_was_measured() -> None:
    drug = body()
    drug.infuse(40.0 * MIN_S, 35.0)
    # By hand: 35/40 mg/min x (0.7218 x (1 - e^-1.5764) / 0.03941 + 0.2782 x (1 - e^-0.15156) / 0.003789) / 122.65 L.
    assert drug.plasma_ng_per_ml == pytest.approx(177.3, abs=0.1)
    assert drug.plasma_ng_per_ml == pytest.approx(185.0, rel=0.1)


def test_a_dose_at_once_is_spread_in_the_central_volume_and_reaches_the_effect_site_later() -> None:
    drug = body()
    drug.inject(17.5)
    assert drug.plasma_ng_per_ml == pytest.approx(142.7, abs=0.1)  # 0.25 mg/kg / 1.7522 L/kg
    assert drug.effect_site_ng_per_ml == 0.0
    drug.infuse(120.0, 0.0)
    assert 0.4 < drug.effect_site_ng_per_ml / drug.plasma_ng_per_ml < 0.6  # half of the way in 2 min
    for _ in range(60):
        drug.infuse(60.0, 0.0)
    assert drug.effect_site_ng_per_ml > drug.plasma_ng_per_ml  # it lags behind on the way down too


def test_at_steady_state_what_comes_in_is_what_is_cleared() -> None:
    drug = body()
    drug.infuse(14 * 86_400.0, 14 * 24 * 70.0)  # 1 mg/kg/h
    assert drug.plasma_ng_per_ml == pytest.approx(70.0 / 60.0 / drug.clearance_l_per_min * 1000.0, rel=1e-9)
    assert drug.effect_site_ng_per_ml == pytest.approx(drug.plasma_ng_per_ml, rel=1e-9)
    assert (drug.central_mg + drug.peripheral_mg) * 1000.0 / drug.plasma_ng_per_ml == pytest.approx(drug.steady_state_l)


def test_one_long_step_is_what_many_small_ones_of_another_method_come_to() -> None:
    drug = body()
    central = peripheral = eliminated = effect = 0.0
    step_min, volume_l = 0.002, 1.7522 * 70.0
    for minutes, inflow in ((30.0, 1.0), (10.0, 4.0), (60.0, 0.0)):
        drug.infuse(minutes * MIN_S, minutes * inflow)
        for _ in range(round(minutes / step_min)):
            out, away, back = 0.0109 * central, 0.0186 * central, 0.0137 * peripheral
            effect += step_min * math.log(2.0) / 2.0 * (central / volume_l - effect)
            central += step_min * (inflow - out - away + back)
            peripheral += step_min * (away - back)
            eliminated += step_min * out
        assert amounts(drug) == pytest.approx((central, peripheral, eliminated), rel=2e-4)
        assert drug.effect_site_ng_per_ml == pytest.approx(effect * 1000.0, rel=5e-4)


@given(steps=STEPS)
def test_nothing_is_lost_or_made_and_nothing_is_negative(steps: list[tuple[float, float]]) -> None:
    drug = body()
    for elapsed_s, amount_mg in steps:
        drug.infuse(elapsed_s, amount_mg)
        assert min(*amounts(drug), drug.effect_site_ng_per_ml) >= 0.0
    given_mg = sum(amount_mg for _, amount_mg in steps)
    assert sum(amounts(drug)) == pytest.approx(given_mg, rel=1e-9, abs=1e-9)


@given(elapsed_s=st.floats(1.0, 86_400.0), amount_mg=DOSES_MG, cut=st.floats(0.0, 1.0), held_mg=DOSES_MG)
def test_a_step_may_be_cut_anywhere(elapsed_s: float, amount_mg: float, cut: float, held_mg: float) -> None:
    whole, halves = body(), body()
    for drug in (whole, halves):
        drug.inject(held_mg)
    whole.infuse(elapsed_s, amount_mg)
    first_s = elapsed_s * cut
    halves.infuse(first_s, amount_mg * first_s / elapsed_s)
    halves.infuse(elapsed_s - first_s, amount_mg * (elapsed_s - first_s) / elapsed_s)
    assert amounts(halves) == pytest.approx(amounts(whole), rel=1e-9, abs=1e-9)
    assert halves.effect_site_ng_per_ml == pytest.approx(whole.effect_site_ng_per_ml, rel=1e-9, abs=1e-6)


@given(steps=STEPS, more_mg=st.floats(0.001, 1000.0))
def test_more_drug_is_never_less_anywhere(steps: list[tuple[float, float]], more_mg: float) -> None:
    less, more = body(), body()
    more.inject(more_mg)
    for elapsed_s, amount_mg in steps:
        less.infuse(elapsed_s, amount_mg)
        more.infuse(elapsed_s, amount_mg)
        assert more.plasma_ng_per_ml >= less.plasma_ng_per_ml
        assert more.effect_site_ng_per_ml >= less.effect_site_ng_per_ml


def test_an_inhibitor_changes_little_in_an_hour_and_much_in_days() -> None:
    usual, inhibited = body(), body(clearance_factor=0.85)
    for drug in (usual, inhibited):
        drug.infuse(3600.0, 70.0)
    assert 1.02 < inhibited.plasma_ng_per_ml / usual.plasma_ng_per_ml < 1.06
    for drug in (usual, inhibited):
        drug.infuse(20 * 86_400.0, 20 * 24 * 70.0)
    assert inhibited.plasma_ng_per_ml == pytest.approx(usual.plasma_ng_per_ml / 0.85, rel=1e-6)
    assert inhibited.terminal_half_life_min > usual.terminal_half_life_min * 1.1


@given(weight_kg=st.floats(30.0, 200.0), factor=st.floats(0.3, 0.99))
def test_less_clearance_is_more_drug_and_the_dose_per_kg_is_what_counts(weight_kg: float, factor: float) -> None:
    usual, heavy, inhibited = body(), body(weight_kg), body(clearance_factor=factor)
    usual.infuse(3600.0, 70.0)
    heavy.infuse(3600.0, weight_kg)
    inhibited.infuse(3600.0, 70.0)
    assert heavy.plasma_ng_per_ml == pytest.approx(usual.plasma_ng_per_ml, rel=1e-9)
    assert inhibited.plasma_ng_per_ml > usual.plasma_ng_per_ml


@pytest.mark.parametrize("weight_kg", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_weight_is_refused(weight_kg: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        body(weight_kg)


@pytest.mark.parametrize("factor", [0.0, -0.1, 2.01, math.nan])
def test_an_impossible_clearance_is_refused_at_the_bound(factor: float) -> None:
    with pytest.raises(ValueError, match="clearance factor"):
        body(clearance_factor=factor)
    assert body(clearance_factor=2.0).clearance_l_per_min == pytest.approx(2.674, abs=0.001)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_an_impossible_amount_or_time_is_refused_and_changes_nothing(value: float) -> None:
    drug = body()
    drug.inject(10.0)
    before = amounts(drug)
    with pytest.raises(ValueError, match="amount"):
        drug.inject(value)
    with pytest.raises(ValueError, match="amount"):
        drug.infuse(1.0, value)
    with pytest.raises(ValueError, match="time"):
        drug.infuse(value, 1.0)
    assert amounts(drug) == before


def test_parameters_must_be_positive_and_the_effect_site_the_fastest() -> None:
    with pytest.raises(ValueError, match="above 0"):
        replace(CLEMENTS_250, central_l_per_kg=0.0)
    with pytest.raises(ValueError, match="effect site"):
        KetamineInBody(70.0, parameters=replace(CLEMENTS_250, effect_site_per_min=0.039))
