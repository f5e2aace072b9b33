"""What was given stays given: no act on an order takes a dose back, and a day is a day long (H-17)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from edge.core.delivered import Given
from edge.core.doses import session_dose
from edge.core.engine import Core
from edge.core.therapy import Order
from edge.core.therapy_acts import GiveByHand, Place, WithdrawOrder
from edge.core.therapy_state import UNTREATED, ManualDose, TherapyState
from edge.core.totals import DAY_S
from tests.core_world import BED, PUMP, START_S, is_called, monitor
from tests.dose_world import DRUG, SERIAL, TREATING, Treatment, ordered, patient, treatment

D = Decimal
HERE = Place(BED, "c-17", *PUMP)
OTHER = replace(DRUG, drug="esketamine", label="Esketamine")
TWO = replace(TREATING, drugs=(DRUG, OTHER))


def given(run: Treatment, drug: str = "ketamine") -> Given:
    return session_dose(run.world.core._ward.views[BED], drug)


def withdrawn(order_mg: str | None = None) -> Treatment:
    """Twenty minutes at 7 mL/h of 10 mg/mL, and the order is withdrawn."""
    before_mg = None if order_mg is None else D(order_mg)
    run = Treatment(treatment(ordered(given_before_mg=before_mg), orders_entered=1))
    run.run(1200)
    run.pump.stop(run.clock_s)
    run.run(20)
    assert run.world.ask(WithdrawOrder(HERE, 1)).done
    run.run(20)
    return run


def test_a_withdrawn_order_takes_nothing_back() -> None:
    run = withdrawn("10")
    assert D(30) < given(run).claimed_mg < D(35)


def test_what_a_withdrawn_order_gave_outlives_a_restart() -> None:
    run = withdrawn("10")
    before = given(run)
    again = Treatment(kept=run.kept(), pump=run.pump, at_s=run.world.now_s + 4)
    again.run(60)
    assert given(again) == before


def begin(run: Treatment, therapy: TherapyState) -> None:
    state = run.world.core.snapshot()
    state.beds[BED].treat(therapy)
    run.world.core = Core(TWO, state)


def revised(run: Treatment, order: Order) -> None:
    begin(run, replace(run.therapy, orders=(order,)))


def test_an_order_of_another_drug_on_the_channel_leaves_each_its_own() -> None:
    run = Treatment(treatment(), config=TWO)
    run.run(1200)
    ketamine = given(run)
    revised(run, ordered(drug="esketamine"))
    run.run(600)
    assert given(run) == ketamine
    assert D(10) < given(run, "esketamine").claimed_mg < D(13)
    again = Treatment(kept=run.kept(), pump=run.pump, at_s=run.world.now_s + 4, config=TWO)
    assert given(again) == ketamine


def test_what_an_order_in_mid_infusion_says_was_given_is_in_the_day() -> None:
    run = Treatment(replace(treatment(), orders=()))
    run.run(20)
    revised(run, ordered(given_before_mg=D(50)))
    run.world.step(run.world.now_s + 1, monitor(run.world.now_s + 1))
    run.run(20)
    assert run.world.core.snapshot().days["c-17"].total_mg("ketamine", run.world.now_s) > D(50)


def test_a_treatment_of_days_is_held_against_its_last_day_alone() -> None:
    """100 mg of yesterday and 100 mg of today are 1.4 mg/kg today, and 2.9 mg/kg of this treatment."""
    since = patient(at_s=START_S - DAY_S - 1)
    yesterday = ManualDose("ketamine", D(100), "ann", since.started)
    run = Treatment(treatment(who=since, manual_doses=(yesterday,)))
    run.run(20)
    assert run.world.present() & {"DOSE_CUMULATIVE_HIGH", "DOSE_24H_HIGH"} == set()
    assert run.world.ask(GiveByHand(BED, "c-17", "ketamine", D(100))).done
    run.run(20)
    assert run.world.present() & {"DOSE_CUMULATIVE_HIGH", "DOSE_24H_HIGH"} == {"DOSE_CUMULATIVE_HIGH"}


def test_the_next_patient_inherits_nothing_that_flowed_while_the_pump_was_not_heard() -> None:
    run = Treatment(treatment())
    run.run(600)
    run.change = lambda _: None
    run.run(3600, 60.0)
    begin(run, UNTREATED)
    run.run(8)
    begin(run, treatment(who=patient("c-18", at_s=run.world.now_s)))
    run.run(8)
    run.change = lambda observation: observation
    run.look(run.world.now_s + 4, is_called(run.world.now_s + 4, SERIAL))
    run.run(40)
    assert D("0.7") < given(run).most_mg < D("0.9")
