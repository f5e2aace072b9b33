"""What is to be there before a drug runs, and steps held against their order: said plainly, and no nurse is stuck."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import Quantity
from edge.core.effects import PromptKind
from edge.core.therapy_acts import ConfirmOrder, Reading, SetBaseline, TakeStep
from tests.core_world import BED, KETAMINE
from tests.therapy_world import CASE, DOCTOR, HERE, NURSE, WARD, Treated, entered

WANTS = replace(
    KETAMINE,
    baseline_required=True,
    required_vitals=(Quantity.HEART_RATE, Quantity.RESPIRATORY_RATE),
    advisories=("Heart disease?", "Have suction at hand."),
)
READY = Reading(Decimal(70), Decimal(120), Decimal(90))
MISSING = "Before it runs the library wants, and there is not yet: a baseline (baseline)"


def wanting(**changes: Any) -> Treated:
    world = Treated(replace(WARD, drugs=(replace(WANTS, **changes),)))
    world.starts()
    return world


def baseline_prompts(world: Treated) -> list[float]:
    return [prompt.due_s for prompt in world.shown.prompts if prompt.kind is PromptKind.BASELINE]


def test_an_order_without_a_baseline_is_taken_and_says_what_is_missing_until_it_is_there() -> None:
    """H-30."""
    world = wanting()
    entered_at_s = world.now_s
    said = world.does(DOCTOR, entered())
    assert MISSING in said
    assert baseline_prompts(world) == [entered_at_s]
    world.wait(5)
    assert MISSING in world.does(NURSE, ConfirmOrder(HERE, 1))
    assert baseline_prompts(world) == [entered_at_s]
    world.does(NURSE, SetBaseline(BED, CASE, (READY,)))
    assert baseline_prompts(world) == []
    assert "a baseline" not in world.does(DOCTOR, entered(rev=1))


def test_an_infusion_without_a_baseline_runs_under_the_standard_limits() -> None:
    world = wanting()
    world.orders()
    world.infuses()
    assert baseline_prompts(world) == []
    world.numbers = {"heart_rate": "150"}
    world.wait(60)
    assert "HR_HIGH" in world.standing()


def test_a_vital_sign_that_is_not_measured_is_named() -> None:
    world = wanting(baseline_required=False, required_vitals=(Quantity.HEART_RATE, Quantity.RESPIRATORY_RATE))
    world.monitored = False
    world.now_s += 60
    world.speak()
    said = world.does(DOCTOR, entered())
    assert "there is not yet: heart rate, breathing" in said
    world.monitored = True
    world.speak()
    assert "heart rate" not in world.does(NURSE, ConfirmOrder(HERE, 1))


def test_nothing_is_said_where_the_library_wants_nothing() -> None:
    world = wanting(baseline_required=False, required_vitals=(Quantity.HEART_RATE,))
    assert "Before it runs" not in world.does(DOCTOR, entered())
    assert baseline_prompts(world) == []


def test_who_confirms_has_read_what_the_library_advises() -> None:
    world = wanting()
    world.does(DOCTOR, entered())
    assert [one.advisories for one in world.shown.therapy.awaiting] == [WANTS.advisories]
    said = world.does(NURSE, ConfirmOrder(HERE, 1))
    assert said.endswith("; desk:ann has read: Heart disease? Have suction at hand.")
    world.does(DOCTOR, entered(rev=1))
    assert [one.advisories for one in world.shown.therapy.awaiting] == [()]


# --- the verb step ----------------------------------------------------------------------------------------------------


def stepping() -> Treated:
    """A bed that infuses at 1.0 mg/kg/h, in steps of 0.5 that are ten minutes apart."""
    world = Treated()
    world.starts()
    world.orders(increment_mg_per_kg_per_h=Decimal("0.5"), step_interval_s=600.0)
    world.infuses()
    return world


@pytest.mark.parametrize(("stood_s", "why"), [(599, "has run for 10 min, and the next one"), (600, "")])
def test_a_step_waits_for_its_shortest_interval(stood_s: float, why: str) -> None:
    world = stepping()
    world.wait(stood_s)
    act = TakeStep(HERE, 1, Decimal("1.5"))
    if why:
        assert why in world.refused(NURSE, act)
    else:
        world.does(NURSE, act)


def test_each_step_has_its_own_interval_and_two_taps_are_no_way_around_it() -> None:
    world = stepping()
    world.wait(610)
    world.does(NURSE, TakeStep(HERE, 1, Decimal("1.5")))
    assert "has run for 0 min" in world.refused(NURSE, TakeStep(HERE, 2, Decimal("2.0")))
    world.rate = "10.5"
    world.wait(240)
    assert world.refused(NURSE, TakeStep(HERE, 2, Decimal("2.0"))) == (
        "the step of 1.5 mg/kg/h has run for 4 min, and the next one is ordered after 10 min: "
        "wait 6 min, or enter a revision"
    )
    world.wait(365)
    world.does(NURSE, TakeStep(HERE, 2, Decimal("2.0")))


def test_a_lower_step_is_never_refused_and_a_revision_passes_the_interval() -> None:
    world = stepping()
    world.wait(30)
    world.does(DOCTOR, entered(rev=1, step_mg_per_kg_per_h=Decimal("1.5")))
    world.does(NURSE, ConfirmOrder(HERE, 2))
    world.does(NURSE, TakeStep(HERE, 2, Decimal("0.5")))
    assert [one.step_mg_per_kg_per_h for one in world.therapy.orders] == [Decimal("0.5")]


def test_before_drug_has_flowed_there_is_no_step_to_wait_for() -> None:
    world = Treated()
    world.starts()
    world.orders(increment_mg_per_kg_per_h=Decimal("0.5"), step_interval_s=600.0)
    world.does(NURSE, TakeStep(HERE, 1, Decimal("1.5")))
