"""How a dose begins and grows: the first ten minutes, the rise within ten minutes, and mg/h (H-01, H-03)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from edge.core.effects import Keep
from edge.core.model import Priority
from edge.core.restore import initial_state
from edge.core.restore_therapy import restore
from edge.core.therapy import Order
from edge.core.therapy_state import THERAPY, UNTREATED, KeptPart, KeptSteps, KeptTherapy
from tests.core_world import BED, CONFIG, PUMP, START_S, World, instant, order, place, pump
from tests.unit.test_composed import WHOLE

D = Decimal
WARD = replace(CONFIG, drugs=(WHOLE,))
TEN_MIN = 600


def begun(ordered: Order | None = None) -> World:
    world = World(WARD)
    world.step(START_S, place(START_S, ordered or replace(order(), maximum_mg_per_kg_per_h=D("2.5"))))
    return world


def goes_on(world: World, seconds: float, rate: str) -> World:
    """Let the pump run so: 7 mL/h is 1 mg/kg/h, 70 mg/h."""
    world.run(world.now_s + seconds, lambda at_s: (pump(at_s, rate),))
    return world


# --- the first ten minutes ---


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("7", []),
        ("7.01", [(61.0, "start", "soft")]),
        ("10.5", [(61.0, "start", "soft")]),
        ("10.51", [(11.0, "start", "hard")]),
        ("28.01", [(1.0, "start", "bypass")]),
    ],
)
def test_the_first_ten_minutes_have_a_limit_of_their_own(rate: str, expected: list[tuple[float, str, str]]) -> None:
    """1.0 soft, 1.5 hard; 7.01 mL/h is 1.0014 mg/kg/h, more than half a digit above."""
    world = goes_on(begun(), 70, rate)
    assert world.told("DOSE_RATE_HIGH", levels=False) == expected


def test_after_ten_minutes_of_infusing_the_later_limit_holds() -> None:
    world = goes_on(begun(), 70, "10")
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert alarm.limit is not None
    assert (alarm.limit.value, alarm.priority) == (D("1.0"), Priority.MEDIUM)
    assert "first 10 min of infusing" in alarm.limit.origin
    goes_on(world, TEN_MIN, "10")
    assert world.told("DOSE_RATE_HIGH", levels=False)[-1] == (611.0, "end", "soft")


def test_the_limits_shown_are_those_in_force() -> None:
    world = goes_on(begun(), TEN_MIN + 10, "7")
    shown = [
        [str(row.value) for row in therapy.limits if row.condition == "DOSE_RATE_HIGH"]
        for therapy in world.therapies
        if therapy.bed == "bed-1" and therapy.phase == "infusing"
    ]
    assert [shown[0], shown[-1]] == [["1.0", "1.5", "4.0"], ["2.0", "2.5", "4.0"]]
    assert len(shown) == 2


def test_time_in_which_the_pump_stood_does_not_count_toward_them() -> None:
    world = goes_on(begun(), 300, "7")
    world.run(world.now_s + 1200, lambda at_s: (pump(at_s, "0"),))
    goes_on(world, 70, "10")
    assert world.told("DOSE_RATE_HIGH", levels=False) == [(1561.0, "start", "soft")]


@pytest.mark.parametrize(("given", "at_s"), [("40", 61.0), ("46.7", None), ("140", None)])
def test_an_order_in_mid_infusion_credits_what_was_given_before(given: str, at_s: float | None) -> None:
    """At 4.0 mg/kg/h, which alarms at once, 46.67 mg of 70 kg take the ten minutes; 40 mg take 80 s less."""
    ordered = replace(order(), maximum_mg_per_kg_per_h=D("2.5"), given_before_mg=D(given))
    world = goes_on(begun(ordered), 70, "10")
    assert world.told("DOSE_RATE_HIGH", levels=False) == ([] if at_s is None else [(at_s, "start", "soft")])


# --- the rise ---


def risen(first: str, then: str, first_s: float = 900) -> World:
    return goes_on(goes_on(begun(), first_s, first), 30, then)


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("7", []),
        ("7.01", []),
        ("7.02", [(911.0, "start", "soft")]),
        ("10.51", [(911.0, "start", "soft")]),
        ("10.52", [(911.0, "start", "hard")]),
    ],
)
def test_a_rise_is_judged_after_ten_seconds(then: str, expected: list[tuple[float, str, str]]) -> None:
    """From 3.5 mL/h, 0.5 mg/kg/h. Both doses are as coarse as the pump's rate: together half a hundredth mL/h each."""
    assert risen("3.5", then).told("DOSE_STEP_HIGH", levels=False) == expected


def test_what_it_rose_from_and_to_is_told() -> None:
    alarm = risen("3.5", "14").alarm("DOSE_STEP_HIGH")
    assert alarm is not None
    assert alarm.text == "Bed 1: Ketamine rose by 1.50 mg/kg/h, above the hard limit 1.0 mg/kg/h."
    shown = dict(alarm.evidence)
    assert (shown["arithmetic"], shown["infusing_s_ago"]) == ("2.000000 - 0.500000 mg/kg/h", "900")


def test_small_steps_that_follow_too_fast_count_together() -> None:
    world = goes_on(begun(), 900, "3.5")
    goes_on(world, 240, "7")
    goes_on(world, 240, "10.5")
    assert world.told("DOSE_STEP_HIGH", levels=False) == [(1151.0, "start", "soft")]
    goes_on(world, 60, "12")
    assert world.told("DOSE_STEP_HIGH", levels=False)[-1] == (1391.0, "escalate", "hard")


def test_the_rise_ends_when_the_dose_has_stood_or_is_lowered() -> None:
    world = risen("3.5", "10.5")
    goes_on(world, 700, "10.5")
    assert world.told("DOSE_STEP_HIGH", levels=False) == [(911.0, "start", "soft"), (1511.0, "end", "soft")]
    lowered = goes_on(risen("3.5", "10.5"), 30, "3.5")
    assert lowered.told("DOSE_STEP_HIGH", levels=False)[-1] == (941.0, "end", "soft")


def test_a_rise_that_is_no_longer_told_does_not_end() -> None:
    world = risen("3.5", "10.5")
    world.run(world.now_s + 700)
    alarm = world.alarm("DOSE_STEP_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)


def test_a_rise_to_a_dose_that_is_told_as_loudly_is_not_told_too() -> None:
    """To 2.8 mg/kg/h: high by the dose itself, from 2.5 on; once it is below, the rise is what is left to tell."""
    world = risen("3.5", "19.6")
    assert world.told("DOSE_RATE_HIGH", levels=False) == [(911.0, "start", "hard")]
    assert world.told("DOSE_STEP_HIGH", levels=False) == []
    goes_on(world, 40, "12")
    assert [row[1:] for row in world.told("DOSE_STEP_HIGH", levels=False)] == [("start", "hard")]


# --- mg/h ---


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("25", []),
        ("25.01", [(11.0, "start", "soft")]),
        ("35", [(11.0, "start", "soft")]),
        ("35.01", [(11.0, "start", "hard")]),
    ],
)
def test_milligrams_an_hour_guard_the_weight(rate: str, expected: list[tuple[float, str, str]]) -> None:
    """154 lb taken for kg: 25 mL/h of 10 mg/mL is then 1.6 mg/kg/h, and 3.6 mg/kg/h in truth."""
    heavy = replace(order(weight="154"), maximum_mg_per_kg_per_h=D("2.5"))
    world = goes_on(begun(heavy), 30, rate)
    assert world.told("DOSE_MASS_RATE_HIGH", levels=False) == expected
    alarm = world.alarm("DOSE_MASS_RATE_HIGH")
    if alarm is not None:
        assert dict(alarm.evidence)["arithmetic"] == f"{rate} mL/h * 10 mg/mL = {D(rate) * 10} mg/h"


# --- what outlives a restart, and what does not outlive a treatment ---


def kept(world: World) -> list[KeptSteps | None]:
    effects = [effect for step in world.steps for effect in step.effects if isinstance(effect, Keep)]
    return [effect.body for effect in effects if effect.part.startswith("steps:")]  # type: ignore[misc]


def test_steps_are_kept_when_the_dose_changes_and_each_minute() -> None:
    world = goes_on(goes_on(begun(), 90, "3.5"), 1, "7")
    bodies = kept(world)
    assert [body.infusing_s for body in bodies if body is not None] == [0.0, 60.0, 90.0]


def test_a_restart_goes_on_with_them() -> None:
    world = goes_on(begun(), 900, "3.5")
    last = kept(world)[-1]
    assert last is not None
    therapy = KeptTherapy(instant(START_S), world.core.snapshot().beds[BED].therapy)
    state = initial_state(WARD, "run-2", instant(START_S))
    parts = [KeptPart(BED, last.part, last, here=False), KeptPart(BED, THERAPY, therapy, here=False)]
    restore(state, WARD, parts, instant(START_S))
    after = World(WARD, state=state)
    after.step(START_S)
    goes_on(after, 30, "10.5")
    assert after.told("DOSE_STEP_HIGH", levels=False) == [(11.0, "start", "soft")]
    assert after.told("DOSE_RATE_HIGH", levels=False) == []


def test_the_next_patient_does_not_inherit_them() -> None:
    world = goes_on(begun(), 30, "7")
    state = world.core.snapshot().beds[BED]
    assert PUMP in state.steps
    patient = state.therapy.patient
    assert patient is not None
    state.treat(replace(state.therapy, patient=replace(patient, weight_kg=D(71), rev=2)))
    assert PUMP in state.steps
    state.treat(UNTREATED)
    assert state.steps == {}
