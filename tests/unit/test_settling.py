"""A dose that is not sure is settled by people who read the pump: never below what was surely given (H-17)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from drivers.model import Validity
from edge.core.config import CoreConfig
from edge.core.delivered import Given
from edge.core.doses import session_dose
from edge.core.effects import PromptKind
from edge.core.model import Priority
from edge.core.therapy_acts import Place, SettleDose
from edge.core.totals import Block, DayDose
from tests.core_world import BED, PUMP, instant
from tests.dose_world import DRUG, TREATING, Treatment, ordered, treatment

D = Decimal
HERE = Place(BED, "c-17", *PUMP)
BY_TWO = TREATING
BY_ONE = replace(TREATING, drugs=(replace(DRUG, settled_by_two=False),))
CONDITION = "DOSE_UNCERTAIN"


def unsure(config: CoreConfig = BY_ONE, **changes: Any) -> Treatment:
    """Ten minutes at 7 mL/h of 10 mg/mL, 11.67 mg; then ten in which a pump without a number was not heard."""
    run = Treatment(treatment(ordered(**changes)), config=config, serial="")
    run.run(600)
    run.change = lambda _: None
    run.run(600)
    run.change = lambda said: said
    run.run(8)
    assert run.world.alarm(CONDITION) is not None
    return run


def given(run: Treatment) -> Given:
    return session_dose(run.world.core._ward.views[BED], "ketamine")


def says(mg: str, *, sure: bool = False) -> SettleDose:
    return SettleDose(HERE, D(mg), "read at the pump", sure=sure)


def test_what_was_read_settles_it_and_the_alarm_ends() -> None:
    run = unsure()
    before = given(run)
    assert before.unsure_mg > 11
    answer = run.asks(says("23.5"))
    assert (answer.done, answer.said) == (True, "23.50 mg of Ketamine by this channel")
    after = given(run)
    assert (after.low_mg, after.high_mg, after.claimed_mg, after.unsure_mg) == (D("23.5"), D("23.5"), D("23.5"), D(0))
    assert run.world.alarm(CONDITION) is None
    run.run(600)  # it goes on to be counted from there
    assert given(run).low_mg == pytest.approx(D("35.1"), abs=D("0.3"))
    assert run.number("session_dose_low_mg") <= D("35.17") <= run.number("session_dose_high_mg")
    assert run.metric("session_dose_low_mg").validity is Validity.VALID
    assert run.world.alarm(CONDITION) is None


def test_the_day_is_settled_too() -> None:
    run = unsure()
    before = run.number("day_dose_mg_per_kg")
    assert run.asks(says("15")).done
    run.run(4)
    day = run.number("day_dose_mg_per_kg")
    assert before > D("0.33")
    assert day == pytest.approx(D(15) / 70, abs=D("0.003"))


def test_it_is_kept_at_once() -> None:
    run = unsure()
    assert run.asks(says("15")).done
    again = Treatment(kept=run.kept(), config=BY_ONE, pump=run.pump, at_s=run.world.now_s + 4, serial="")
    assert given(again).low_mg == 15
    assert given(again).unsure_mg < D("0.5")


def test_nothing_is_taken_back_that_was_surely_given() -> None:
    run = unsure()
    low_mg = given(run).low_mg
    assert low_mg > 11
    answer = run.asks(says("9"))
    assert not answer.done
    assert answer.reason.startswith(f"9 mg: {low_mg.quantize(D('0.01'))} mg were surely given; read the pump again")
    assert run.world.alarm(CONDITION) is not None
    # A display is coarser than the account: a little less is taken, and lowers nothing.
    assert run.asks(says("11.3")).done
    assert given(run).low_mg == low_mg


def test_more_than_can_have_been_given_is_asked_for_again() -> None:
    run = unsure()
    answer = run.asks(says("234"))
    assert not answer.done
    assert answer.reason.endswith("if the pump gave so much all the same, say so (sure)")
    assert run.asks(says("90", sure=True)).done
    assert given(run).claimed_mg == 90


def test_two_people_say_the_same_where_the_library_wants_it() -> None:
    run = unsure(BY_TWO)
    answer = run.asks(says("23.5"), "ann")
    assert (answer.done, answer.said) == (
        True,
        "23.5 mg; another person reads the pump and says the same within 10 min",
    )
    assert given(run).unsure_mg > 11
    shown = [view for view in run.world.therapies if view.bed == BED][-1]
    assert [one.kind for one in shown.prompts if one.port] == [PromptKind.SETTLE_DOSE]
    assert run.asks(says("23.5"), "Ann").said.startswith("23.5 mg; another person")
    other = run.asks(says("25"), "bo")
    assert (other.done, other.reason) == (
        False,
        "Ann said 23.5 mg: read the pump together; Ann enters it anew if it is 25 mg",
    )
    assert run.world.alarm(CONDITION) is not None
    assert run.asks(says("23.5"), "bo").done
    assert (run.world.alarm(CONDITION), run.therapy.settling) == (None, ())


def test_what_flows_until_the_second_person_comes_is_on_top() -> None:
    run = unsure(BY_TWO)
    assert run.asks(says("23.5"), "ann").done
    run.run(300)  # 5.83 mg
    assert run.asks(says("23.5"), "bo").done
    after = given(run)
    assert after.low_mg == pytest.approx(D("29.33"), abs=D("0.2"))
    assert after.low_mg <= after.high_mg <= after.low_mg + D("0.3")
    assert after.unsure_mg == 0


def test_a_second_gap_stays_unsure() -> None:
    run = unsure(BY_TWO)
    assert run.asks(says("23.5"), "ann").done
    run.change = lambda _: None
    run.run(300)
    run.change = lambda said: said
    run.run(4)
    assert run.asks(says("23.5"), "bo").done
    assert given(run).unsure_mg == pytest.approx(D("5.9"), abs=D("0.3"))


def test_the_first_reading_is_forgotten_after_ten_minutes() -> None:
    run = unsure(BY_TWO)
    assert run.asks(says("23.5"), "ann").done
    run.run(604)
    assert run.therapy.settling == ()
    assert run.asks(says("35"), "bo").said.endswith("another person reads the pump and says the same within 10 min")


def test_what_was_given_before_is_in_what_the_pump_shows() -> None:
    run = unsure(given_before_mg=D(50))
    assert run.asks(says("73.5")).said == "73.50 mg of Ketamine by this channel"
    assert (given(run).low_mg, given(run).high_mg) == (D("73.5"), D("73.5"))
    assert not run.asks(says("55")).done


def test_a_channel_without_an_order_has_nothing_to_settle() -> None:
    run = unsure()
    run.treat(replace(run.therapy, orders=()))
    answer = run.asks(says("23.5"))
    assert (answer.done, answer.reason) == (False, "the channel has no order: there is no dose of it to settle")


def test_an_account_that_claims_more_is_not_lowered() -> None:
    seen = Given(D(10), D(30), D(15), D(12))
    assert seen.settled(D(12), seen) == Given(D(12), D(15), D(15), D(0))
    assert Given(D(11), D(33), D(17), D(14)).settled(D(20), seen) == Given(D(21), D(24), D(22), D(2))


AMOUNT = st.decimals(min_value=0, max_value=200, places=3)


@given_by(AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT)
def test_nothing_that_is_sure_or_claimed_ever_falls(
    low: Decimal, more: Decimal, claimed: Decimal, unsure: Decimal, said: Decimal
) -> None:
    high = low + more + unsure
    now = Given(low, high, min(low + claimed, high), unsure)
    seen = Given(low / 2, high / 2, now.claimed_mg / 2, unsure / 2)
    settled = now.settled(said, seen)
    assert settled.low_mg >= now.low_mg
    assert settled.claimed_mg >= now.claimed_mg
    assert settled.low_mg <= settled.high_mg
    assert settled.claimed_mg <= settled.high_mg
    assert settled.unsure_mg == unsure / 2


def test_a_day_is_lowered_from_its_oldest_blocks_of_the_drug() -> None:
    def block(drug: str, mg: int, at_s: float) -> Block:
        return Block(drug, D(mg), instant(at_s), instant(at_s))

    day = DayDose("c-17", (block("k", 5, 0), block("o", 9, 100), block("k", 7, 700)))
    assert [one.dose_mg for one in day.less("k", D(8)).blocks] == [D(0), D(9), D(4)]


def test_the_alarm_is_low_and_says_how_it_ends() -> None:
    alarm = unsure().world.alarm(CONDITION)
    assert alarm is not None
    assert alarm.priority is Priority.LOW
