"""A spare computer takes over treatments whose totals nobody knows: unknown, never zero, until people say (H-33)."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from drivers.model import Validity
from edge.core.condition import ConditionState
from edge.core.kept_dose import DrugGiven, KeptDose
from edge.core.line import Line, PumpFlush
from edge.core.model import Priority
from edge.core.replaced import Part, of_replaced
from edge.core.restore_therapy import KeptPart
from edge.core.therapy_acts import Place, SettleDose
from edge.core.therapy_state import KeptService, KeptTherapy, LostTotal
from edge.core.totals import DayDose
from tests.core_world import BED, PUMP, instant
from tests.dose_world import TREATING, Treatment, ordered, patient, treatment

D = Decimal
LOST = "not known since the bedside computer was replaced: at least so much"
MINUTES = 600


def parts_of(run: Treatment) -> list[Part]:
    kept = [Part(one.bed, one.part, one.body) for one in run.kept(here=False)]
    return [*kept, Part(BED, "therapy", KeptTherapy(instant(run.world.now_s), run.therapy))]


def spare(run: Treatment, after_s: float = 1200.0) -> Treatment:
    """The spare computer, so long after what it takes over was kept; the pump went on meanwhile."""
    kept = [KeptPart(one.bed, one.part, one.body, here=False) for one in of_replaced(parts_of(run))]
    return Treatment(None, kept=kept, pump=run.pump, at_s=run.world.now_s + after_s, config=TREATING)


def treated() -> Treatment:
    """Ten minutes at 7 mL/h of 10 mg/mL: 11.67 mg."""
    run = Treatment(treatment())
    run.run(MINUTES)
    return run


def read(given_mg: str, **more: bool) -> SettleDose:
    return SettleDose(Place(BED, "c-17", *PUMP), D(given_mg), "the computer was replaced", **more)


def test_what_was_given_is_unknown_and_not_zero_and_an_alarm_says_so() -> None:
    run = treated()
    before = run.number("session_dose_low_mg")
    other = spare(run)
    other.run(60)
    for name in ("session_dose_high_mg", "session_dose_mg_per_kg", "day_dose_mg_per_kg"):
        metric = other.metric(name)
        assert (metric.value, metric.validity, metric.note) == (None, Validity.NOT_AVAILABLE, LOST)
    least = other.metric("session_dose_low_mg")
    assert (least.validity, least.note) == (Validity.QUESTIONABLE, LOST)
    # What was counted there up to half a minute before its end, and what flowed here; of the time between nothing.
    assert before + D("0.5") <= D(str(least.value)) <= before + D("1.2")
    alarm = other.world.alarm("DOSE_UNCERTAIN")
    assert alarm is not None
    assert (alarm.priority, alarm.band) == (Priority.MEDIUM, "not known")
    said = "Bed 1: the bedside computer was replaced, and what was given of Ketamine in this treatment is not known"
    assert re.fullmatch(re.escape(said) + r" \(at least 11\.\d\d mg\)\.", alarm.text)
    assert other.therapy.totals_lost == (LostTotal("ketamine", *PUMP),)


def test_below_a_limit_the_least_that_it_can_be_says_nothing_and_beyond_it_alarms() -> None:
    run = treated()
    other = spare(run)
    other.run(60)
    conditions = other.world.core.snapshot().alarms.conditions[BED]
    states = {key.condition: one.state for key, one in conditions.items()}
    assert states["DOSE_CUMULATIVE_HIGH"] is states["DOSE_24H_HIGH"] is ConditionState.UNKNOWN
    much = Treatment(treatment(), rate="35")
    much.run(2400)  # 35 mL/h for 40 min is 3.3 mg/kg
    other = spare(much)
    other.run(60)
    assert {"DOSE_CUMULATIVE_HIGH", "DOSE_UNCERTAIN"} <= other.world.present()


def test_two_people_who_read_the_pump_and_the_chart_settle_it() -> None:
    other = spare(treated())
    other.run(60)
    less = other.asks(read("5"))
    assert (less.done, "mg were surely given" in less.reason) == (False, True)
    # Far more than was seen here: nobody saw what it is held against.
    assert other.asks(read("35")).done
    other.run(8)
    assert other.metric("session_dose_high_mg").value is None  # one person's word is not enough
    assert other.asks(read("35"), user="bo").done
    other.run(60)
    assert other.therapy.totals_lost == ()
    assert "DOSE_UNCERTAIN" not in other.world.present()
    # What was said, and what flowed here since it was.
    assert D("36.0") <= other.number("session_dose_low_mg") <= other.number("session_dose_high_mg") <= D("37.5")
    assert other.metric("session_dose_low_mg").validity is Validity.VALID
    assert D("0.51") <= other.number("day_dose_mg_per_kg") <= D("0.54")


def test_what_an_order_said_of_the_time_before_is_in_what_is_known_and_in_what_is_settled() -> None:
    run = Treatment(treatment(ordered(given_before_mg=D(20))))
    run.run(MINUTES)
    other = spare(run)
    other.run(60)
    assert D("31.4") <= other.number("session_dose_low_mg") <= D("32.9")
    other.asks(read("50"))
    assert other.asks(read("50"), user="bo").done
    other.run(8)
    assert D("49.9") <= other.number("session_dose_low_mg") <= other.number("session_dose_high_mg") <= D("50.6")
    assert D("0.71") <= other.number("day_dose_mg_per_kg") <= D("0.73")


def test_it_stays_unknown_over_a_restart_of_the_spare_and_over_another_spare() -> None:
    other = spare(treated())
    other.run(60)
    least = other.number("session_dose_low_mg")
    third = spare(other, 30.0)
    third.run(60)
    assert third.therapy.totals_lost == (LostTotal("ketamine", *PUMP),)
    assert third.number("session_dose_low_mg") >= least


def test_what_one_person_had_read_before_is_read_again() -> None:
    other = spare(treated())
    other.run(20)
    assert other.asks(read("35")).done
    third = spare(other, 30.0)
    third.run(20)
    assert third.therapy.settling == ()
    assert third.asks(read("35"), user="bo").said.startswith("35 mg; another person reads the pump")


def test_a_bed_without_a_patient_has_nothing_to_lose_and_a_service_is_over() -> None:
    run = treated()
    dose = next(one.body for one in parts_of(run) if isinstance(one.body, KeptDose))
    old = replace(dose, session="c-16@1.000")
    parts = [
        Part(BED, "therapy", KeptTherapy(instant(1000.0), replace(run.therapy, patient=None, orders=()))),
        Part(BED, "dose:rack.11", old),
        Part(BED, "service", KeptService(instant(1000.0), 99.0, "bo")),
        Part("", "day:c-17", DayDose("c-17")),
    ]
    found = list(of_replaced(parts))
    assert [one.part for one in found] == ["therapy", "day:c-17"]
    assert isinstance(found[0].body, KeptTherapy)
    assert found[0].body.therapy.totals_lost == ()


def test_of_a_line_nothing_is_taken_over_but_that_nobody_knows_what_it_holds() -> None:
    run = treated()
    dose = next(one.body for one in parts_of(run) if isinstance(one.body, KeptDose))
    line = Line(D(3), strength=D(10), strongest=D(10), waits_mg=D(4))
    therapy = KeptTherapy(instant(1000.0), run.therapy)
    flush = PumpFlush(D(5), instant(2000.0))
    parts = [Part(BED, "therapy", therapy), Part(BED, "dose:rack.11", replace(dose, line=line, flush=flush))]
    counted = list(of_replaced(parts))[1].body
    assert isinstance(counted, KeptDose)
    # What stood in the line and had not arrived is not in the least that was given.
    assert counted.before_mg == dose.given.low_mg - 4
    assert counted.flush is None
    assert counted.line == Line(D(3), extra_ml=D(3), strength=D(10), strongest=D(10))


def test_a_drug_that_has_no_order_any_more_is_lost_too() -> None:
    run = treated()
    dose = next(one.body for one in parts_of(run) if isinstance(one.body, KeptDose))
    two = replace(dose, earlier=(DrugGiven("propofol", dose.given, D(3)),))
    therapy = KeptTherapy(instant(1000.0), replace(run.therapy, patient=patient()))
    found = {one.part: one.body for one in of_replaced([Part(BED, "therapy", therapy), Part(BED, "dose:rack.11", two)])}
    kept, counted = found["therapy"], found["dose:rack.11"]
    assert isinstance(kept, KeptTherapy)
    assert kept.therapy.totals_lost == (LostTotal("ketamine", *PUMP), LostTotal("propofol"))
    assert isinstance(counted, KeptDose)
    assert (counted.before_mg, counted.counter, counted.serial_number) == (dose.given.low_mg, None, "")
    assert [(one.drug, one.before_mg) for one in counted.earlier] == [("propofol", D(3) + dose.given.low_mg)]
