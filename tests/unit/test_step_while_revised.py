"""A step taken while a revision of its order awaits the second person is not undone when that is confirmed (H-01)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bodies import kept_body, kept_from_body
from edge.core.inputs import PlaceOrder, Request
from edge.core.restore import initial_state
from edge.core.restore_therapy import KeptPart
from edge.core.therapy_acts import ConfirmOrder, TakeStep, WithdrawOrder
from edge.core.therapy_state import THERAPY, KeptTherapy
from tests.core_world import BED, KETAMINE, PUMP, RUN, instant, order
from tests.therapy_world import DOCTOR, HERE, NURSE, OTHER_NURSE, WARD, Treated, entered, treated

D = Decimal
ONE_AND_A_HALF = TakeStep(HERE, 1, D("1.5"))


def revised(step: str | None = None, **changes: Any) -> Treated:
    """A bed that runs at 1.0 mg/kg/h, and a revision that awaits its second person."""
    world = treated()
    world.infuses()
    said = None if step is None else D(step)
    world.does(DOCTOR, entered(rev=1, step_mg_per_kg_per_h=said, **changes))
    return world


def restarted(world: Treated, *, here: bool = True) -> Treated:
    """The next run of the edge, with what the store has."""
    body = kept_from_body(BED, THERAPY, kept_body(BED, THERAPY, KeptTherapy(instant(world.now_s), world.therapy)))
    state = initial_state(WARD, RUN, instant(world.now_s), therapy=[KeptPart(BED, THERAPY, body, here)])
    after = Treated(state=state)
    after.rate, after.pump_state = world.rate, world.pump_state
    after.speak()
    return after


def in_force(world: Treated) -> tuple[str, str, int]:
    """Step, maximum and revision in force."""
    (order,) = world.therapy.orders
    return str(order.step_mg_per_kg_per_h), str(order.maximum_mg_per_kg_per_h), order.rev


@pytest.mark.parametrize("restarts", [False, True])
def test_a_revision_that_says_no_step_keeps_the_one_in_force_when_it_is_confirmed(restarts: bool) -> None:
    world = revised(maximum_mg_per_kg_per_h=D("1.8"))
    said = world.does(NURSE, ONE_AND_A_HALF)
    assert said == (
        "revision 3: 1.5 mg/kg/h; the revision by desk:dr-c that awaits confirmation is revision 4 now, with this step"
    )
    world.rate = "10.5"
    world.speak()
    if restarts:
        world = restarted(world)
    assert [one.order.step_mg_per_kg_per_h for one in world.therapy.awaiting] == [D("1.5")]
    assert world.refused(OTHER_NURSE, ConfirmOrder(HERE, 2)) == "it is revision 4 by desk:dr-c now: look again"
    world.does(OTHER_NURSE, ConfirmOrder(HERE, 4))
    assert in_force(world) == ("1.5", "1.8", 4)
    assert world.therapy.orders[0].stepped_from_mg_per_kg_per_h == D("1.0")
    world.wait(200)
    assert world.standing() == {"NORTHBOUND_LOST"}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_revision_that_says_its_step_brings_it_and_whoever_confirms_has_seen_it(restarts: bool) -> None:
    world = revised("0.8")
    said = world.does(NURSE, ONE_AND_A_HALF)
    assert said.endswith("is revision 4 now, and its step is 0.8 mg/kg/h")
    if restarts:
        world = restarted(world)
    assert world.refused(OTHER_NURSE, ConfirmOrder(HERE, 2)) == "it is revision 4 by desk:dr-c now: look again"
    world.does(OTHER_NURSE, ConfirmOrder(HERE, 4))
    assert in_force(world) == ("0.8", "2.0", 4)
    assert world.therapy.orders[0].stepped_from_mg_per_kg_per_h == D("1.5")


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("maximum", "fits"), [("1.5", True), ("1.499", False)])
def test_a_step_beyond_the_range_of_the_revision_refuses_its_confirmation(
    maximum: str, fits: bool, restarts: bool
) -> None:
    world = revised(maximum_mg_per_kg_per_h=D(maximum))
    said = world.does(NURSE, ONE_AND_A_HALF)
    assert ("cannot be confirmed" in said) is not fits
    if restarts:
        world = restarted(world)
    if fits:
        world.does(OTHER_NURSE, ConfirmOrder(HERE, 4))
        assert in_force(world) == ("1.5", "1.5", 4)
        return
    assert world.refused(OTHER_NURSE, ConfirmOrder(HERE, 4)) == (
        "the step is 1.5 mg/kg/h since it was entered, and revision 4 allows at most 1.499 mg/kg/h: "
        "take a lower step first, or enter the revision again"
    )
    world.does(NURSE, TakeStep(HERE, 3, D("1.2")))
    world.does(OTHER_NURSE, ConfirmOrder(HERE, 6))
    assert in_force(world) == ("1.2", "1.499", 6)


def test_two_steps_while_it_waits_are_both_followed_and_the_ten_minutes_go_on() -> None:
    world = revised()
    placed = world.therapy.awaiting[0].placed
    world.does(NURSE, ONE_AND_A_HALF)
    world.does(NURSE, TakeStep(HERE, 3, D("1.6")))
    (awaiting,) = world.therapy.awaiting
    assert (awaiting.order.step_mg_per_kg_per_h, awaiting.order.rev, awaiting.placed) == (D("1.6"), 6, placed)
    assert [(prompt.port, prompt.channel) for prompt in world.shown.prompts if prompt.kind == "confirm-order"] == [PUMP]


def test_a_revision_that_is_withdrawn_leaves_the_step_that_was_taken() -> None:
    world = revised()
    world.does(NURSE, ONE_AND_A_HALF)
    world.does(NURSE, WithdrawOrder(HERE, 4))
    assert in_force(world) == ("1.5", "2.0", 3)


def test_a_revision_to_another_drug_does_not_follow_the_step_of_the_one_before() -> None:
    other = replace(KETAMINE, drug="esketamine", label="Esketamine", pump_names=("Esketamine",))
    world = Treated(replace(WARD, drugs=(KETAMINE, other)))
    world.starts()
    world.orders()
    world.rate = "3.5"
    world.speak()
    world.does(DOCTOR, entered(rev=1, drug="esketamine", step_mg_per_kg_per_h=None))
    world.does(NURSE, ONE_AND_A_HALF)
    assert [one.order.step_mg_per_kg_per_h for one in world.therapy.awaiting] == [D("0.5")]


def test_what_people_made_of_an_order_of_the_configuration_stays_over_a_restart() -> None:
    world = Treated()
    at_start = replace(order(), origin="configuration")
    world.step(world.now_s, Request("order-0", "configuration", world.now_s, PlaceOrder(BED, at_start)))
    patient = world.therapy.patient
    assert patient is not None
    here = replace(HERE, case=patient.case)
    world.does(NURSE, TakeStep(here, 1, D("1.5")))
    after = restarted(world)
    after.step(after.now_s, Request("order-0", "configuration", after.now_s, PlaceOrder(BED, at_start)))
    assert in_force(after) == ("1.5", "2.0", 2)


# --- whatever people do in whatever order -----------------------------------------------------------------------------

DOSES = ["0.5", "0.8", "1.0", "1.5", "1.8", "2.0"]
ACTS = st.one_of(
    st.tuples(st.just("step"), st.sampled_from(DOSES)),
    st.tuples(st.just("revise"), st.sampled_from(DOSES), st.sampled_from([None, *DOSES])),
    st.tuples(st.just("confirm")),
    st.tuples(st.just("withdraw")),
    st.tuples(st.just("restart")),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(ACTS, max_size=14))
def test_no_confirmation_brings_a_step_that_nobody_said(acts: list[tuple[Any, ...]]) -> None:
    """The step in force is the last that was taken, or that was said in the revision that came into force last."""
    world = treated()
    world.infuses()
    step, said, rev = D("1.0"), None, 1
    for act in acts:
        waiting = world.therapy.awaiting
        newest = waiting[0].order.rev if waiting else world.therapy.orders[0].rev
        match act:
            case ("step", dose):
                if world.asks(NURSE, TakeStep(HERE, world.therapy.orders[0].rev, D(dose))).done:
                    step = D(dose)
            case ("revise", most, dose):
                own = None if dose is None else D(dose)
                wanted = entered(rev=newest, maximum_mg_per_kg_per_h=D(most), step_mg_per_kg_per_h=own)
                if world.asks(DOCTOR, wanted).done:
                    said = own
            case ("confirm",):
                if world.asks(OTHER_NURSE, ConfirmOrder(HERE, newest)).done:
                    step = step if said is None else said
            case ("withdraw",):
                if waiting:
                    world.does(NURSE, WithdrawOrder(HERE, newest))
            case ("restart",):
                world = restarted(world)
        (order,) = world.therapy.orders
        assert order.step_mg_per_kg_per_h == step <= order.maximum_mg_per_kg_per_h
        assert order.rev >= rev
        rev = order.rev
        assert all(one.order.rev > rev for one in world.therapy.awaiting)
        assert all(one.step_said or one.order.step_mg_per_kg_per_h == step for one in world.therapy.awaiting)
