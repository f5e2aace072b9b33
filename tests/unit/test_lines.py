"""The line between pump and patient: a dose that waits in it, a flush, and what nobody said of it (H-17, H-28)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import InfusionState, Observation, Quantity
from edge.core.delivered import Given
from edge.core.doses import session_dose
from edge.core.line import Line
from edge.core.therapy import ChannelRole, Known
from edge.core.therapy_acts import ConnectLine, DisconnectLine, FlushLine, Place, SetRole, SettleDose
from edge.core.therapy_state import TherapyState
from tests.core_world import BED, OTHER_PUMP, PUMP, instant
from tests.dose_world import TREATING, Treatment, ordered, patient, treatment

D = Decimal
HERE = Place(BED, "c-17", *PUMP)
YES, NO, UNKNOWN = Known.YES, Known.NO, Known.UNKNOWN
TEN_ML = FlushLine(HERE, D(10))


def given(run: Treatment, drug: str = "ketamine") -> Given:
    return session_dose(run.world.core._ward.views[BED], drug)


def line_of(run: Treatment) -> Line | None:
    return run.world.core.snapshot().beds[BED].doses[PUMP].line


def connected(drug: Known | None, dead_ml: str = "1.5", **changes: Any) -> Treatment:
    """A pump of 7 mL/h at 10 mg/mL: 70 mg/h. 1.5 mL of line hold 15 mg."""
    run = Treatment(treatment(ordered(**changes)))
    if drug is not None:
        assert run.asks(ConnectLine(HERE, D(dead_ml), drug)).done
    return run


def close(mg: Decimal, to: int | str | Decimal, within: str = "0.3") -> bool:
    return abs(mg - D(to)) <= D(within)


def test_in_a_line_with_something_else_the_dose_arrives_later() -> None:
    run = connected(NO)
    run.run(360)  # 7 mg left the pump, 0.7 mL of 1.5
    now = given(run)
    assert now.low_mg == 0
    assert close(now.claimed_mg, 7)
    assert close(now.high_mg, 7)
    run.run(1080)  # 28 mg: 15 of them wait
    now = given(run)
    assert close(now.low_mg, 13)
    assert close(now.claimed_mg, 28)
    assert run.metric("session_dose_low_mg").note == "15.00 mg of it may stand in the line"
    assert run.asks(TEN_ML).said == "0 mg of the line count as given"
    after = given(run)
    assert close(after.low_mg, 28)
    assert (after.high_mg, after.claimed_mg, after.unsure_mg) == (now.high_mg, now.claimed_mg, D(0))
    run.run(720)  # and again 14 mg are on their way
    assert close(given(run).low_mg, 28)
    assert close(given(run).claimed_mg, 42)


def test_what_stood_in_a_line_with_the_drug_counts_when_it_is_flushed() -> None:
    run = connected(YES)
    run.run(1440)
    now = given(run)
    assert close(now.low_mg, 28)
    day = run.number("day_dose_mg_per_kg")
    assert run.asks(TEN_ML).said == "15 mg of the line count as given"
    after = given(run)
    assert (after.low_mg, after.claimed_mg, after.unsure_mg) == (now.low_mg + 15, now.claimed_mg + 15, D(0))
    assert after.high_mg == now.high_mg + 15
    run.run(4)
    assert run.number("day_dose_mg_per_kg") - day >= D(15) / 70
    assert run.asks(TEN_ML).said == "0 mg of the line count as given", "it is empty of it"


def test_part_of_a_line_is_flushed_by_less() -> None:
    run = connected(YES)
    run.run(1440)
    now = given(run)
    assert run.asks(FlushLine(HERE, D("0.5"))).said == "5 mg of the line count as given"
    assert run.asks(FlushLine(HERE, D("0.6"))).said == "6 mg of the line count as given"
    assert run.asks(TEN_ML).said == "4 mg of the line count as given"
    assert given(run).claimed_mg == now.claimed_mg + 15


def test_of_a_line_that_nobody_knows_the_worse_counts_both_ways() -> None:
    run = connected(UNKNOWN)
    run.run(1440)
    now = given(run)
    assert close(now.low_mg, 13)
    assert close(now.high_mg, 28)
    assert run.asks(TEN_ML).said == "15 mg of the line count as given"
    after = given(run)
    assert close(after.low_mg, 28)
    assert (after.claimed_mg, after.unsure_mg) == (now.claimed_mg, D(15))
    run.run(4)
    assert run.world.alarm("DOSE_UNCERTAIN") is not None


def test_what_a_flush_left_unsure_can_be_settled() -> None:
    run = connected(UNKNOWN)
    run.run(1440)
    assert run.asks(TEN_ML).done
    assert run.asks(SettleDose(HERE, D(30), "primed with saline"), "ann").done
    assert run.asks(SettleDose(HERE, D(30), "primed with saline"), "bo").said == "30.00 mg of Ketamine by this channel"
    assert (given(run).low_mg, given(run).high_mg, given(run).unsure_mg) == (D(30), D(30), D(0))
    assert run.world.alarm("DOSE_UNCERTAIN") is None


def test_a_flush_says_the_line_where_nobody_did() -> None:
    run = connected(None)
    run.run(1440)
    answer = run.asks(TEN_ML)
    assert not answer.done
    assert answer.reason.startswith("say the dead volume of the line")
    assert run.asks(replace(TEN_ML, dead_volume_ml=D(2), drug=YES)).said == "20 mg of the line count as given"
    other = connected(None)
    other.run(1440)
    assert other.asks(replace(TEN_ML, dead_volume_ml=D(2))).done
    assert given(other).unsure_mg == 20


def test_the_total_alarms_when_the_flush_takes_it_over_its_limit() -> None:
    run = connected(YES, given_before_mg=D(125))  # the limit is 2.04 x 70 = 142.8 mg
    run.run(240)  # 4.7 mg
    assert "DOSE_CUMULATIVE_HIGH" not in run.raised()
    assert run.asks(TEN_ML).done
    alarm = run.world.alarm("DOSE_CUMULATIVE_HIGH")
    assert alarm is not None
    assert dict(alarm.evidence)["line_flushed_mg"] == "15.000000"


def test_a_line_that_is_told_of_late_lowers_nothing() -> None:
    run = connected(None)
    run.run(1440)
    before = given(run)
    assert run.asks(ConnectLine(HERE, D(5), NO)).done
    assert given(run) == before
    run.run(720)
    assert given(run).low_mg == before.low_mg
    assert close(given(run).claimed_mg, 42)


# --- a flush by the pump ----------------------------------------------------------------------------------------------


def by_pump(ml: str = "10", drug: Known = NO) -> FlushLine:
    return FlushLine(HERE, D(ml), by_pump=True, dead_volume_ml=D("1.5"), drug=drug)


def test_a_flush_by_the_pump_is_no_dose_and_ends_by_itself() -> None:
    run = connected(NO)
    run.run(1440)
    before = given(run)
    answer = run.asks(by_pump("1"))
    assert answer.said == "0 mg of the line count as given; 1 mL of the pump hold no drug"
    run.run(480)  # 0.93 mL
    assert given(run).claimed_mg == before.claimed_mg
    assert "a flush runs: the next 0.0" in run.metric("session_dose_low_mg").note
    run.run(360)  # 0.7 mL more: all but the flush counts as drug again
    assert close(given(run).claimed_mg - before.claimed_mg, "6.4", "0.8")
    assert "flush" not in run.metric("session_dose_low_mg").note


def test_a_flush_by_the_pump_is_over_after_half_an_hour() -> None:
    run = connected(NO)
    run.run(60)
    assert run.asks(by_pump("100")).done
    run.run(1796)
    assert close(given(run).claimed_mg, "1.2")
    run.run(360)
    assert close(given(run).claimed_mg, "8.2")


def test_a_treatment_of_two_mg_per_kg_that_is_flushed_by_the_pump_raises_nothing() -> None:
    told = []
    for flushes in (True, False):
        run = connected(NO, given_before_mg=D(139))
        run.run(56)  # 1.1 mg: 140 of 140 mg are given
        if flushes:
            assert run.asks(by_pump("3")).done
        run.run(400)  # 0.78 mL of the saline, which would be 7.8 mg
        told.append("DOSE_CUMULATIVE_HIGH" in run.raised())
    assert told == [False, True]


def test_rates_are_held_against_their_limits_during_a_flush() -> None:
    run = connected(YES)
    run.run(60)
    assert run.asks(by_pump("10")).done
    run.pump.set_rate(run.clock_s, D(100))
    run.run(12)
    assert run.world.alarm("DOSE_RATE_HIGH") is not None


# --- off the patient, and beside a carrier ----------------------------------------------------------------------------


def purging(left: dict[str, Decimal]) -> Callable[[Observation], Observation]:
    """A pump that purges, and tells what leaves the syringe."""

    def change(said: Observation) -> Observation:
        left["ml"] -= D("0.4")
        readings = tuple(
            replace(one, value=left["ml"]) if one.quantity is Quantity.VOLUME_REMAINING else one
            for one in said.readings
        )
        assert said.infusion is not None
        return replace(said, readings=readings, infusion=replace(said.infusion, state=InfusionState.PURGE))

    return change


def test_a_line_that_is_taken_off_loses_what_waits_in_it() -> None:
    run = connected(NO)
    run.run(1440)
    assert run.asks(DisconnectLine(HERE, 60.0)).done
    line = line_of(run)
    assert line is not None
    assert (line.lost_mg, line.waits_mg, line.sure, line.extra_ml) == (D(15), D(0), False, D("1.5"))
    assert run.asks(TEN_ML).said == "15 mg of the line count as given", "nobody knows what it holds"
    assert close(given(run).low_mg, 13)


def test_a_line_that_is_purged_off_the_patient_holds_the_drug() -> None:
    run = connected(NO)
    run.pump.stop(run.clock_s)
    run.run(8)
    assert run.asks(DisconnectLine(HERE, 60.0)).done
    run.change = purging({"ml": D(40)})
    run.run(20)  # 2 mL
    run.change = lambda said: said
    line = line_of(run)
    assert line is not None
    assert (line.sure, line.refilled, line.extra_ml, line.strength) == (True, False, D("1.5"), D(10))
    before = given(run)
    assert run.asks(TEN_ML).said == "15 mg of the line count as given"
    assert given(run).claimed_mg == before.claimed_mg + 15


def test_that_it_is_on_again_is_no_second_change() -> None:
    run = connected(NO)
    assert run.asks(DisconnectLine(HERE, 60.0)).done
    assert run.asks(ConnectLine(HERE, D("1.5"), YES)).done
    before = line_of(run)
    assert run.asks(DisconnectLine(HERE, 0.0)).done
    assert line_of(run) == before


def test_a_carrier_may_push_out_what_stands_in_the_line() -> None:
    two = replace(TREATING.beds[0], pumps=(*TREATING.beds[0].pumps, replace(TREATING.beds[0].pumps[0], channel="13")))
    run = Treatment(treatment(), config=replace(TREATING, beds=(two, *TREATING.beds[1:])))
    assert run.asks(ConnectLine(HERE, D("1.5"), YES)).done
    run.run(600)
    before = given(run)
    beside = Place(BED, "c-17", PUMP[0], "13")
    assert run.asks(SetRole(beside, ChannelRole.CARRIER)).done
    after = given(run)
    assert (after.claimed_mg, after.unsure_mg) == (before.claimed_mg, D(15))
    assert run.asks(TEN_ML).said == "0 mg of the line count as given", "it counts once"


# --- what it outlives -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("here", [True, False], ids=["same boot", "another boot"])
def test_the_line_outlives_a_restart(*, here: bool) -> None:
    run = connected(YES)
    run.run(600)
    assert run.asks(FlushLine(HERE, D(1), by_pump=True)).done
    run.run(60)
    kept = run.world.core.snapshot().beds[BED].doses[PUMP]
    again = Treatment(kept=run.kept(here=here), pump=run.pump, at_s=run.world.now_s + 4)
    restored = again.world.core.snapshot().beds[BED].doses[PUMP]
    assert (kept.line, kept.flush) != (None, None)
    assert restored.line is not None
    assert kept.line is not None
    assert (restored.line.carried, restored.line.extra_ml) == (kept.line.carried, D("0.5"))
    assert restored.flush is not None
    assert close(given(again).claimed_mg, given(run).claimed_mg)


def test_another_drug_finds_something_else_in_the_line() -> None:
    run = connected(YES)
    run.run(600)
    state = run.world.core.snapshot().beds[BED].doses[PUMP]
    state._turn_to("esketamine")
    assert state.line == Line(D("1.5"))
    assert close(state.given_of("ketamine").claimed_mg, "11.7")


def test_the_next_patient_inherits_no_line() -> None:
    run = connected(YES)
    run.run(600)
    run.treat(treatment(who=patient("c-18", at_s=run.world.now_s), phase_since=instant(run.world.now_s)))
    run.run(8)
    assert line_of(run) is None


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (ConnectLine(HERE, D("20.1")), "20.1 mL: a dead volume is more than 0 and at most 20 mL"),
        (FlushLine(HERE, D("100.1")), "100.1 mL: a volume is more than 0 and at most 100 mL"),
        (FlushLine(HERE, D(5), dead_volume_ml=D(25)), "25 mL: a dead volume is more than 0 and at most 20 mL"),
        (
            ConnectLine(replace(HERE, case="c-18"), D(1)),
            "Bed 1 has the case c-17, not c-18: look which bed is meant",
        ),
    ],
)
def test_what_cannot_be_is_refused(act: ConnectLine | FlushLine, reason: str) -> None:
    run = connected(NO)
    before = line_of(run)
    answer = run.asks(act)
    assert (answer.done, answer.reason) == (False, reason)
    assert line_of(run) == before


@pytest.mark.parametrize(("ml", "done"), [("20", True), ("0.1", True)])
def test_bounds_themselves_are_taken(ml: str, *, done: bool) -> None:
    assert connected(None).asks(ConnectLine(HERE, D(ml))).done is done


def test_a_pump_that_was_not_heard_has_no_line() -> None:
    run = Treatment(TherapyState())
    run.change = lambda _: None
    run.treat(treatment())
    answer = run.asks(ConnectLine(HERE, D(1)))
    assert (answer.done, answer.reason.startswith("the pump was not heard in this treatment")) == (False, True)
    assert OTHER_PUMP not in run.world.core.snapshot().beds[BED].doses
