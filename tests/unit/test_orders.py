"""Orders by request: entered, confirmed by another person, overridden, revised, withdrawn, stepped; each refusal."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers.model import InfusionState, Quantity, Reading
from edge.config import load
from edge.core.effects import PromptKind
from edge.core.inputs import Act, Basis, PlaceOrder, Request, Role, StoreResult
from edge.core.restore import initial_state
from edge.core.therapy import Known
from edge.core.therapy_acts import (
    ConfirmOrder,
    OverrideBounds,
    Place,
    StartPatient,
    TakeStep,
    WithdrawOrder,
)
from edge.core.therapy_state import THERAPY, KeptPart, KeptTherapy
from tests.core_world import BED, CONFIG, KETAMINE, OTHER_BED, OTHER_PUMP, PUMP, RUN, instant, order, pump, with_bed
from tests.dose_world import Treatment, treatment
from tests.therapy_world import CASE, DOCTOR, HERE, NURSE, OTHER_NURSE, WARD, WELL, Treated, entered, treated

CONFIRM = ConfirmOrder(HERE, 1)


def started() -> Treated:
    world = Treated()
    world.starts()
    return world


# --- the usual way ----------------------------------------------------------------------------------------------------


def test_an_order_is_in_force_when_another_person_confirmed_it() -> None:
    world = started()
    assert world.does(DOCTOR, entered()) == (
        "revision 1: Ketamine, 10 mg/mL, 70 kg, 1.0 mg/kg/h (the pump at 7 mL/h), at most 2.0 mg/kg/h; "
        "another person confirms revision 1 within 10 min"
    )
    assert (world.shown.orders, [one.user for one in world.shown.therapy.awaiting]) == ((), ["dr-c"])
    assert [(prompt.kind, prompt.channel) for prompt in world.shown.prompts] == [(PromptKind.CONFIRM_ORDER, "11")]
    assert world.does(NURSE, CONFIRM) == "revision 1 is in force"
    (placed,) = world.shown.orders
    assert (placed.by, placed.confirmed_by, placed.rev, placed.origin) == (
        "desk:dr-c",
        "desk:ann",
        1,
        "ordered by desk:dr-c",
    )
    assert (world.shown.therapy.awaiting, world.shown.prompts, world.shown.phase) == ((), (), "baseline")


def test_a_dose_is_reckoned_from_the_confirmed_order_alone() -> None:
    """H-01: 14 mL/h of 10 mg/mL is 2 mg/kg/h for 70 kg."""
    world = started()
    world.rate = "42"
    world.does(DOCTOR, entered(given_before_mg=Decimal(0)))
    world.infuses()
    assert world.standing() == {"ORDER_MISSING"}
    world.does(NURSE, CONFIRM)
    world.wait(2)
    assert world.standing() == {"DOSE_RATE_HIGH"}


def test_little_is_typed_where_the_pump_knows_the_rest() -> None:
    world = started()
    world.rate = "7.4"
    world.step(world.now_s, pump(world.now_s, "7.4", InfusionState.STOPPED, drug="Ketamin"))
    world.does(DOCTOR, replace(entered(), drug="", step_mg_per_kg_per_h=None, maximum_mg_per_kg_per_h=None))
    (awaiting,) = world.therapy.awaiting
    placed = awaiting.order
    assert (placed.drug, placed.step_mg_per_kg_per_h, placed.maximum_mg_per_kg_per_h, placed.prefilled) == (
        "ketamine",
        Decimal("1.057"),
        Decimal("1.057"),
        True,
    )


def test_the_only_channel_of_a_bed_need_not_be_said() -> None:
    world = started()
    here = Place(BED, CASE)
    world.does(DOCTOR, replace(entered(), place=here))
    world.does(NURSE, ConfirmOrder(here, 1))
    assert [(one.port, one.channel) for one in world.therapy.orders] == [PUMP]


def test_of_two_channels_one_must_be_said() -> None:
    pumps = (*CONFIG.beds[0].pumps, replace(CONFIG.beds[0].pumps[0], channel="13"))
    world = Treated(with_bed(WARD, pumps=pumps))
    world.starts()
    reason = world.refused(DOCTOR, replace(entered(), place=Place(BED, CASE)))
    assert reason == "say which pump channel is meant: rack channel 11, rack channel 13"


# --- who, what they saw, once ----------------------------------------------------------------------------------------


def test_who_entered_it_cannot_confirm_it() -> None:
    world = started()
    world.does(DOCTOR, entered())
    reason = world.refused(("DR-C", Role.NURSE), CONFIRM)
    assert reason == "DR-C entered it: another person confirms, logged in with a name of their own"
    assert world.refused(("", Role.NURSE), CONFIRM).startswith("it is not known who asks")
    assert world.refused(("", Role.PRESCRIBER), entered()).startswith("it is not known who asks")


@pytest.mark.parametrize(("waited_s", "done"), [(599, True), (600, False), (3600, False)])
def test_an_order_is_confirmed_within_ten_minutes_or_entered_again(waited_s: float, done: bool) -> None:
    world = started()
    world.does(DOCTOR, entered())
    placed_at_s = world.now_s
    world.run(placed_at_s + waited_s - 1)
    world.now_s = placed_at_s + waited_s
    answer = world.asks(NURSE, CONFIRM)
    assert answer.done is done
    assert done or answer.reason.startswith("no order awaits confirmation there: one that was not confirmed within")
    world.wait(2)
    assert world.therapy.awaiting == ()
    assert len(world.therapy.orders) == done


def test_of_two_that_enter_at_once_the_second_is_refused() -> None:
    world = started()
    world.does(DOCTOR, entered())
    reason = world.refused(("dr-d", Role.PRESCRIBER), entered(step_mg_per_kg_per_h=Decimal("0.5")))
    assert reason == "the order was changed since you looked: it is revision 1 by desk:dr-c now; look again"
    world.does(NURSE, CONFIRM)
    assert world.refused(DOCTOR, entered()).startswith("the order was changed since you looked: it is revision 1")
    world.does(DOCTOR, entered(rev=1, step_mg_per_kg_per_h=Decimal("1.5")))
    assert world.refused(OTHER_NURSE, CONFIRM) == "it is revision 2 by desk:dr-c now: look again"
    world.does(OTHER_NURSE, ConfirmOrder(HERE, 2))
    assert [one.step_mg_per_kg_per_h for one in world.therapy.orders] == [Decimal("1.5")]


def test_a_revision_never_comes_again() -> None:
    world = started()
    world.does(DOCTOR, entered())
    world.does(NURSE, WithdrawOrder(HERE, 1))
    world.does(DOCTOR, entered(step_mg_per_kg_per_h=Decimal("2.0")))
    assert world.refused(NURSE, CONFIRM) == "it is revision 2 by desk:dr-c now: look again"


def test_a_request_that_comes_again_is_answered_again_and_done_once() -> None:
    world = started()
    first = world.asks(DOCTOR, entered(), "once")
    again = world.asks(DOCTOR, entered(), "once")
    assert (first.done, again) == (True, first)
    assert world.therapy.orders_entered == 1


def test_what_was_seen_long_ago_is_no_ground_for_an_order() -> None:
    world = started()
    world.wait(40)
    assert "look again" in world.asks(DOCTOR, entered(), mono_s=world.now_s - 31).reason
    assert "started anew" in world.asks(DOCTOR, entered(), run="run-0").reason
    assert world.therapy.awaiting == ()


LEAST: list[tuple[Act, str]] = [
    (entered(), "it takes a prescriber"),
    (OverrideBounds(HERE, 1, "why not"), "it takes a prescriber"),
    (CONFIRM, "it takes a nurse"),
    (WithdrawOrder(HERE, 1), "it takes a nurse"),
    (TakeStep(HERE, 1, Decimal(1)), "it takes a nurse"),
    (StartPatient(BED, CASE, Decimal(70), WELL), "it takes a nurse"),
]


@pytest.mark.parametrize(("act", "why"), LEAST)
def test_each_act_has_its_least_role(act: Act, why: str) -> None:
    world = started()
    role = Role.NURSE if "prescriber" in why else Role.TECHNICIAN
    assert why in world.refused(("eve", role), act)


# --- what is refused -------------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"drug": "gin"}, "the library has no drug gin: it has ketamine"),
    ({"drug": ""}, "say which drug: the pump names no drug; the library has ketamine"),
    (
        {"maximum_mg_per_kg_per_h": Decimal("2.6")},
        "the maximum 2.6 mg/kg/h is above the library's hard limit 2.5 mg/kg/h: it cannot be ordered",
    ),
    ({"step_mg_per_kg_per_h": Decimal("2.1")}, "the step 2.1 mg/kg/h is above the maximum 2.0 mg/kg/h"),
    ({"start_mg_per_kg_per_h": Decimal("2.1")}, "the start 2.1 mg/kg/h is above the maximum 2.0 mg/kg/h"),
    ({"weight_kg": Decimal(71)}, "71 kg, and the patient was started with 70 kg: if 71 kg is right, say so (sure)"),
    ({"weight_kg": Decimal(154)}, "154 kg against 70 kg the last time, as pounds against kg: weigh again"),
    ({"place": replace(HERE, channel="12")}, "rack channel 12 is no pump of Bed 1, which has rack channel 11"),
    ({"place": replace(HERE, port="mon-1", channel="0")}, "mon-1 channel 0 is no pump of Bed 1"),
    ({"place": replace(HERE, case="c-18")}, "Bed 1 has the case c-17, not c-18: look which bed is meant"),
    ({"rev": 1}, "the order was changed since you looked: there is no order; look again"),
    ({"cuff_interval_s": 901.0}, "the cuff interval 15.0167 min: 1 to 15 min can be ordered"),
    ({"cuff_interval_s": 59.0}, "the cuff interval 0.983333 min: 1 to 15 min can be ordered"),
    ({"round_interval_s": 7201.0}, "the interval of the rounds 120.017 min: 5 to 120 min can be ordered"),
    ({"planned_s": 1.3e6}, "the planned time 21666.7 min: 1 to 20160 min can be ordered"),
]


@pytest.mark.parametrize(("changes", "why"), REFUSED)
def test_what_is_refused_says_why_and_what_to_do(changes: dict[str, Any], why: str) -> None:
    assert started().refused(DOCTOR, entered(**changes)).startswith(why)


def test_a_pump_with_another_drug_is_hardly_the_right_channel() -> None:
    """H-06."""
    world = started()
    world.step(world.now_s, pump(world.now_s, "7", InfusionState.STOPPED, drug="Propofol"))
    reason = world.refused(DOCTOR, entered())
    assert reason.startswith("rack channel 11 says Propofol, which is not Ketamine: look which channel is meant")
    assert world.refused(DOCTOR, replace(entered(), drug="")).startswith("say which drug: the pump says Propofol")
    world.does(DOCTOR, entered(sure=True))


def test_a_pump_that_shows_no_rate_tells_no_step() -> None:
    world = started()
    world.rate = "0"
    world.speak()
    assert world.refused(DOCTOR, entered(step_mg_per_kg_per_h=None)).startswith("the pump shows no rate: say the step")


def test_an_order_in_mid_infusion_says_what_was_given() -> None:
    world = started()
    counted = Reading(Quantity.VOLUME_INFUSED, Decimal("3.5"), "mL", Decimal("0.01"))
    world.step(world.now_s, pump(world.now_s, "7", readings=(counted,)))
    assert world.refused(DOCTOR, entered()) == (
        "the pump runs already: say how many mg were given so far "
        "(the pump counted 3.5 mL, 35 mg if all of it was for this patient)"
    )
    world.does(DOCTOR, entered(given_before_mg=Decimal(35)))
    world.does(NURSE, CONFIRM)
    world.does(DOCTOR, entered(rev=1, step_mg_per_kg_per_h=Decimal("1.5")))
    world.does(NURSE, ConfirmOrder(HERE, 2))
    assert [one.given_before_mg for one in world.therapy.orders] == [Decimal(35)]


def test_an_order_after_a_run_without_one_says_what_was_given() -> None:
    world = Treated()
    world.starts()
    world.infuses()
    world.wait(30)
    world.stops()
    world.wait(5)
    refused = world.refused(DOCTOR, entered())
    assert refused.startswith(
        "the pump ran in this treatment before it had an order: say how many mg were given so far"
    )
    world.does(DOCTOR, entered(given_before_mg=Decimal(2)))
    world.does(NURSE, ConfirmOrder(HERE, 1))
    world.speak()
    world.does(NURSE, WithdrawOrder(HERE, 1))
    # What it gave under an order was counted: a new one asks nothing.
    assert world.asks(DOCTOR, entered()).done


def test_what_ran_before_a_patient_was_started_is_none_of_an_order() -> None:
    world = Treated()
    world.infuses()
    world.wait(30)
    world.stops()
    world.wait(5)
    world.starts()
    world.wait(5)
    assert world.asks(DOCTOR, entered()).done


def test_a_run_without_an_order_outlives_a_restart_of_the_edge() -> None:
    run = Treatment(replace(treatment(), orders=()))
    run.run(60)
    run.pump.stop(run.clock_s)
    run.run(8)
    again = Treatment(kept=run.kept(), pump=run.pump, at_s=run.world.now_s + 10)
    assert again.world.core.snapshot().beds[BED].doses[PUMP].unordered


def test_a_weight_that_the_order_corrects_is_corrected_when_it_is_confirmed() -> None:
    """H-03: two persons have looked at it."""
    world = started()
    world.does(DOCTOR, entered(weight_kg=Decimal(71), sure=True))
    assert world.therapy.patient is not None
    assert world.therapy.patient.weight_kg == Decimal(70)
    world.does(NURSE, CONFIRM)
    patient = world.shown.therapy.patient
    assert patient is not None
    assert (patient.weight_kg, patient.rev, world.shown.orders[0].weight_kg) == (Decimal(71), 2, Decimal(71))
    assert world.core.snapshot().cases[CASE].weight_kg == Decimal(71)


# --- soft bounds ------------------------------------------------------------------------------------------------------


def test_a_soft_bound_is_passed_with_a_reason_alone() -> None:
    world = started()
    said = world.does(DOCTOR, entered(maximum_mg_per_kg_per_h=Decimal("2.2")))
    passed = "the maximum 2.2 mg/kg/h is above the library's soft limit 2.0 mg/kg/h"
    assert f"it passes {passed}: give a reason (override)" in said
    assert world.refused(NURSE, CONFIRM).startswith(passed)
    assert world.refused(NURSE, OverrideBounds(HERE, 1, "as last week")) == "a nurse may not: it takes a prescriber"
    world.does(DOCTOR, OverrideBounds(HERE, 1, "as last week"))
    assert world.refused(DOCTOR, OverrideBounds(HERE, 1, "again")).startswith("revision 1 passes no soft limit")
    world.does(NURSE, CONFIRM)
    assert [(one.condition, one.limit, one.reason, one.by) for one in world.therapy.orders[0].overrides] == [
        ("DOSE_RATE_HIGH", Decimal("2.0"), "as last week", "desk:dr-c")
    ]


def test_a_reason_can_come_with_the_order() -> None:
    world = started()
    said = world.does(DOCTOR, entered(maximum_mg_per_kg_per_h=Decimal("2.5"), reason="as last week"))
    assert "override" not in said
    world.does(NURSE, CONFIRM)
    assert [one.reason for one in world.therapy.orders[0].overrides] == ["as last week"]


def test_an_override_is_of_one_revision() -> None:
    world = started()
    world.orders(maximum_mg_per_kg_per_h=Decimal("2.2"), reason="as last week")
    assert "it passes" in world.does(DOCTOR, entered(rev=1, maximum_mg_per_kg_per_h=None))
    assert world.therapy.awaiting[0].order.overrides == ()


# --- every bound of the library ---------------------------------------------------------------------------------------

SHIPPED = load(Path(__file__).parents[2] / "config/edge.toml", Path("/nowhere")).core.drugs
FULL_LIBRARY = replace(WARD, drugs=tuple(replace(drug, custom_concentration=True) for drug in SHIPPED))
CHRONIC = "ketamine-chronic-pain"
MG = "mg_per_kg_per_h"
LIBRARY: list[tuple[dict[str, Any], str, str]] = [
    ({}, "", ""),
    ({"concentration_mg_per_ml": Decimal(50)}, "hard", "the concentration 50 mg/mL is above"),
    ({"concentration_mg_per_ml": Decimal("0.5")}, "hard", "the concentration 0.5 mg/mL is below"),
    ({"weight_kg": Decimal(131), f"maximum_{MG}": Decimal(1), "sure": True}, "soft", "the weight 131 kg is above"),
    ({"weight_kg": Decimal(29), "sure": True}, "hard", "the weight 29 kg is below the library's hard limit 30 kg"),
    ({f"start_{MG}": Decimal("1.1")}, "soft", "the start 1.1 mg/kg/h is above the library's soft limit 1.0"),
    ({f"start_{MG}": Decimal("1.6")}, "hard", "the start 1.6 mg/kg/h is above the library's hard limit 1.5"),
    ({f"increment_{MG}": Decimal("0.6")}, "soft", "the increment 0.6 mg/kg/h is above the library's soft limit 0.5"),
    ({f"increment_{MG}": Decimal("1.1")}, "hard", "the increment 1.1 mg/kg/h is above the library's hard limit 1.0"),
    ({"total_mg_per_kg": Decimal("2.0")}, "", ""),
    ({"total_mg_per_kg": Decimal("2.1")}, "soft", "the total 2.1 mg/kg is above the library's soft limit 2.0 mg/kg"),
    ({"total_mg_per_kg": Decimal("2.6")}, "hard", "the total 2.6 mg/kg is above the library's hard limit 2.5 mg/kg"),
    ({"weight_kg": Decimal(126), "sure": True}, "soft", "the maximum for this weight 252.0 mg/h is above"),
]


@pytest.mark.parametrize(("changes", "band", "text"), LIBRARY)
def test_every_bound_of_the_library_is_held_against_the_order(changes: dict[str, Any], band: str, text: str) -> None:
    """H-01 to H-04."""
    world = Treated(FULL_LIBRARY)
    world.starts()
    answer = world.asks(DOCTOR, entered(drug=CHRONIC, **changes))
    assert answer.done is (band != "hard")
    assert text in (answer.said or answer.reason)
    assert [bound.text.startswith(text) for one in world.therapy.awaiting for bound in one.passed] == [True] * (
        band == "soft"
    )


def test_flags_tighten_what_may_be_ordered_and_the_answer_says_so() -> None:
    world = Treated(FULL_LIBRARY)
    world.starts(checklist=replace(WELL, heart_disease=Known.UNKNOWN))
    reason = world.refused(DOCTOR, entered(drug=CHRONIC))
    assert reason == "the maximum 2.0 mg/kg/h is above the library's hard limit 1.5 mg/kg/h: it cannot be ordered"
    said = world.does(DOCTOR, entered(drug=CHRONIC, maximum_mg_per_kg_per_h=Decimal("1.0")))
    assert "limits are tightened by heart disease" in said
    assert said.endswith("Secretions rise: have suction at hand.")


def test_an_order_that_the_corrected_checklist_does_not_allow_is_not_confirmed() -> None:
    world = Treated(FULL_LIBRARY)
    world.starts()
    world.does(DOCTOR, entered(drug=CHRONIC))
    world.does(NURSE, StartPatient(BED, CASE, Decimal(70), replace(WELL, heart_disease=Known.YES)))
    reason = world.refused(NURSE, CONFIRM)
    assert reason == "the maximum 2.0 mg/kg/h is above the library's hard limit 1.5 mg/kg/h: it cannot be ordered"
    said = world.does(DOCTOR, entered(rev=1, drug=CHRONIC, maximum_mg_per_kg_per_h=Decimal("1.0")))
    assert said.startswith("revision 2")
    world.does(NURSE, replace(CONFIRM, rev=2))


def test_a_reason_given_before_the_checklist_was_corrected_is_no_reason_after_it() -> None:
    world = Treated(FULL_LIBRARY)
    world.starts()
    world.does(DOCTOR, entered(drug=CHRONIC, maximum_mg_per_kg_per_h=Decimal("1.2")))
    world.does(NURSE, StartPatient(BED, CASE, Decimal(70), replace(WELL, heart_disease=Known.YES)))
    assert world.refused(NURSE, CONFIRM) == (
        "the maximum 1.2 mg/kg/h is above the library's soft limit 1.0 mg/kg/h, since the checklist was corrected: "
        "enter the order again"
    )


def test_a_concentration_that_is_not_listed_is_refused_where_the_site_has_no_others() -> None:
    listed = replace(KETAMINE, custom_concentration=False, concentrations_mg_per_ml=(Decimal(1), Decimal(10)))
    world = Treated(replace(WARD, drugs=(listed,)))
    world.starts()
    reason = world.refused(DOCTOR, entered(concentration_mg_per_ml=Decimal(5)))
    assert reason == "5 mg/mL is no concentration of Ketamine: 1, 10 mg/mL"


# --- revisions, steps, withdrawal -------------------------------------------------------------------------------------


def test_a_revision_keeps_what_it_does_not_change() -> None:
    world = started()
    given = {"total_mg_per_kg": Decimal(2), "planned_s": 4200.0, "increment_mg_per_kg_per_h": Decimal("0.5")}
    world.orders(**given)
    world.does(DOCTOR, replace(entered(rev=1), step_mg_per_kg_per_h=Decimal("1.5"), maximum_mg_per_kg_per_h=None))
    (awaiting,) = world.therapy.awaiting
    kept = {name: getattr(awaiting.order, name) for name in given}
    assert (kept, awaiting.order.maximum_mg_per_kg_per_h) == (given, Decimal("2.0"))
    assert [one.step_mg_per_kg_per_h for one in world.therapy.orders] == [Decimal("1.0")]


STEPS = [
    ("1.5", ""),
    ("0.5", ""),
    ("1.6", "from 1.0 to 1.6 mg/kg/h is more than the ordered 0.5: enter a revision"),
    ("2.1", "2.1 mg/kg/h is above the ordered maximum 2.0 mg/kg/h: enter a revision"),
    ("1.0", "1.0 mg/kg/h is the ordered step already"),
]


@pytest.mark.parametrize(("step", "why"), STEPS)
def test_a_step_inside_the_range_is_one_tap(step: str, why: str) -> None:
    world = started()
    world.orders(increment_mg_per_kg_per_h=Decimal("0.5"))
    world.infuses()
    act = TakeStep(HERE, 1, Decimal(step))
    if why:
        assert world.refused(NURSE, act) == why
        return
    world.does(NURSE, act)
    assert [(one.step_mg_per_kg_per_h, one.rev) for one in world.shown.orders] == [(Decimal(step), 2)]
    assert world.shown.therapy.step == 2
    assert world.refused(NURSE, act).startswith("the order was changed since you looked")


def test_an_order_is_withdrawn_while_the_pump_does_not_run() -> None:
    world = treated()
    world.infuses()
    assert world.refused(NURSE, WithdrawOrder(HERE, 1)).startswith("the pump runs")
    world.stops()
    assert world.refused(NURSE, WithdrawOrder(HERE, 2)).startswith("the order was changed since you looked")
    world.does(NURSE, WithdrawOrder(HERE, 1))
    assert world.shown.orders == ()
    assert world.refused(NURSE, WithdrawOrder(HERE, 0)) == "there is no order to withdraw"


def test_a_withdrawn_order_leaves_no_dose_alarm_that_nothing_judges() -> None:
    world = treated()
    world.rate = "42"
    world.infuses()
    world.wait(1)
    assert "DOSE_RATE_HIGH" in world.standing()
    world.stops()
    world.wait(20)
    world.does(NURSE, WithdrawOrder(HERE, 1))
    assert "DOSE_RATE_HIGH" not in world.standing()


# --- the disk, and restarts -------------------------------------------------------------------------------------------


def test_an_order_is_answered_and_shown_when_the_disk_has_it() -> None:
    """Law 7."""
    world = Treated(keeps=False)
    world.keeps = True
    world.starts()
    world.keeps = False
    seen = len(world.therapies), len(world.answers)
    world.step(world.now_s, Request("o-1", "desk", world.now_s, entered(), Basis(RUN, world.now_s), *DOCTOR))
    assert (len(world.therapies), len(world.answers)) == seen
    world.step(world.now_s, StoreResult(world.now_s, world.steps[-1].mark, committed=False, detail="disk full"))
    assert (world.answers[-1].done, world.answers[-1].durable, world.shown.durable) == (True, False, False)
    assert len(world.shown.therapy.awaiting) == 1
    assert "STORE_FAILED" in world.standing()


@pytest.mark.parametrize(("here", "waits"), [(True, 1), (False, 0)])
def test_an_order_that_waits_survives_a_restart_of_the_program_and_not_of_the_computer(here: bool, waits: int) -> None:
    world = treated()
    world.does(DOCTOR, entered(rev=1, step_mg_per_kg_per_h=Decimal("1.5")))
    kept = KeptTherapy(instant(world.now_s), world.therapy)
    after = Treated(state=initial_state(WARD, RUN, instant(world.now_s), therapy=[KeptPart(BED, THERAPY, kept, here)]))
    assert (len(after.therapy.awaiting), len(after.therapy.orders)) == (waits, 1)
    assert after.asks(NURSE, ConfirmOrder(HERE, 2)).done is here


# --- orders of the configuration -------------------------------------------------------------------------------------


def place_of_configuration(world: Treated, **changes: Any) -> None:
    act = PlaceOrder(BED, replace(order(), **changes))
    world.step(world.now_s, Request("run-1-order-0", "configuration", world.now_s, act))


def test_an_order_of_the_configuration_starts_a_patient_of_its_own_that_is_well() -> None:
    world = Treated()
    place_of_configuration(world)
    patient = world.shown.therapy.patient
    assert patient is not None
    assert (patient.case, patient.weight_kg, patient.by) == (BED, Decimal(70), "configuration")
    assert patient.checklist == WELL
    assert Known.UNKNOWN not in (patient.checklist.heart_disease, patient.checklist.frequent)
    assert (world.shown.phase, len(world.shown.orders)) == ("baseline", 1)


def test_two_beds_of_the_configuration_do_not_share_what_was_given_in_24_hours() -> None:
    world = Treated()
    place_of_configuration(world)
    act = PlaceOrder(OTHER_BED, order(OTHER_PUMP))
    world.step(world.now_s, Request("run-1-order-1", "configuration", world.now_s, act))
    patients = [world.core.snapshot().beds[bed].therapy.patient for bed in (BED, OTHER_BED)]
    assert len({patient.case for patient in patients if patient}) == 2


def test_an_order_of_the_configuration_that_was_restored_changes_nothing_and_another_one_is_a_revision() -> None:
    world = Treated()
    place_of_configuration(world)
    kept = world.therapy
    place_of_configuration(world)
    assert world.therapy == kept
    place_of_configuration(world, step_mg_per_kg_per_h=Decimal("1.5"))
    assert [(one.step_mg_per_kg_per_h, one.rev) for one in world.therapy.orders] == [(Decimal("1.5"), 2)]


def test_an_order_of_the_configuration_leaves_another_patient_alone() -> None:
    world = started()
    before = world.therapy
    place_of_configuration(world)
    assert world.therapy == before
