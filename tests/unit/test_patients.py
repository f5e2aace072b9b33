"""Who is at a bed: start, weight, baseline, limits, close; and that the next patient inherits nothing."""

import dataclasses
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import InfusionState
from edge.core import desk as desk_module
from edge.core.effects import Keep
from edge.core.inputs import AudioPause
from edge.core.restore import initial_state
from edge.core.therapy import ChannelRole, Known
from edge.core.therapy_acts import (
    AdjustLimit,
    Close,
    ConfirmOrder,
    EndInfusion,
    GiveByHand,
    Observe,
    Place,
    Reading,
    SetBaseline,
    SetRole,
    StartPatient,
)
from edge.core.therapy_state import THERAPY, UNTREATED, Airway, Case, KeptPart, KeptTherapy
from tests.core_world import BED, HR_LIMIT, OTHER_BED, OTHER_PUMP, PUMP, RUN, START_S, instant
from tests.therapies import FULL
from tests.therapy_world import CASE, DOCTOR, HERE, NURSE, WARD, WELL, Treated, entered, later, treated

START = StartPatient(BED, CASE, Decimal(70), WELL)


def test_a_patient_is_started_and_shown() -> None:
    world = Treated()
    assert world.does(NURSE, START) == "c-17 at Bed 1, 70 kg"
    patient = world.shown.therapy.patient
    assert patient is not None
    assert (patient.case, patient.weight_kg, patient.by, patient.rev) == (CASE, Decimal(70), "desk:ann", 1)
    assert (world.shown.phase, world.shown.durable) == ("setup", True)


def test_a_bed_has_one_patient_and_a_patient_one_bed() -> None:
    world = Treated()
    world.does(NURSE, START)
    assert world.refused(NURSE, replace(START, case="c-18")) == "Bed 1 has the case c-17: close that therapy first"
    elsewhere = world.asks(NURSE, replace(START, bed=OTHER_BED))
    assert elsewhere.reason == "the case c-17 is at Bed 1: close that therapy first, or look at the number"
    assert world.refused(NURSE, replace(START, bed="bed-9")) == "there is no bed bed-9"


def test_what_is_started_again_is_corrected() -> None:
    world = Treated()
    world.does(NURSE, START)
    world.wait(5)
    world.does(NURSE, replace(START, checklist=replace(WELL, heart_disease=Known.YES), weight_kg=Decimal(71)))
    patient = world.therapy.patient
    assert patient is not None
    assert (patient.rev, patient.weight_kg, patient.checklist.heart_disease) == (2, Decimal(71), Known.YES)
    assert patient.started == instant(START_S)


def test_a_weight_is_not_corrected_under_an_order() -> None:
    world = treated()
    reason = world.refused(NURSE, replace(START, weight_kg=Decimal(72)))
    assert reason.startswith("the order reckons with 70 kg: enter the order again")
    world.does(NURSE, replace(START, checklist=replace(WELL, opioids=Known.YES)))
    assert world.therapy.orders[0].rev == 1


WEIGHTS = [
    ("70", None, ""),
    ("40", None, ""),
    ("150", None, ""),
    ("154", None, "154 kg is unusual: is it in kg?; if it is right, say so (sure)"),
    ("39.9", None, "39.9 kg is unusual"),
    ("0.4", None, "0.4 kg cannot be: 0.5 to 350 kg can"),
    ("351", None, "351 kg cannot be"),
    ("73.5", "70", ""),
    ("73.6", "70", "73.6 kg against 70 kg the last time: weigh again"),
    ("66.4", "70", "66.4 kg against 70 kg the last time: weigh again"),
    ("154", "70", "154 kg against 70 kg the last time, as pounds against kg: weigh again"),
    ("70", "154", "70 kg against 154 kg the last time, as pounds against kg: weigh again"),
]


@pytest.mark.parametrize(("weight", "last", "why"), WEIGHTS)
def test_a_weight_is_asked_for_again_where_it_is_doubtful(weight: str, last: str | None, why: str) -> None:
    """H-03."""
    state = initial_state(WARD, RUN, instant(START_S))
    if last is not None:
        state.cases[CASE] = Case(CASE, Decimal(last), instant(START_S - 1e6))
    world = Treated(state=state)
    act = replace(START, weight_kg=Decimal(weight))
    answer = world.asks(NURSE, act)
    assert (answer.done, answer.reason.startswith(why)) == (why == "", True)
    sure = world.asks(NURSE, replace(act, sure=True))
    assert sure.done is ("cannot be" not in why)


def test_a_weight_is_remembered_over_treatments_and_the_oldest_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "CASES_MAX", 2)
    world = Treated()
    for case in ("a", "b", "a", "c"):
        world.does(NURSE, replace(START, case=case))
        world.does(NURSE, Close(BED, case))
    kept = [effect for step in world.steps for effect in step.effects if isinstance(effect, Keep) and effect.bed == ""]
    assert [(keep.part, keep.body is None) for keep in kept] == [
        *[("case:a", False), ("case:b", False), ("case:a", False), ("case:c", False), ("case:b", True)],
    ]
    assert list(world.core.snapshot().cases) == ["a", "c"]


# --- baseline ---------------------------------------------------------------------------------------------------------


def test_a_baseline_is_the_median_of_the_readings() -> None:
    world = Treated()
    world.starts()
    readings = tuple(Reading(Decimal(hr), Decimal(sys)) for hr, sys in ((72, 150), (88, 128), (76, 130)))
    world.does(NURSE, SetBaseline(BED, CASE, readings))
    baseline = world.shown.therapy.baseline
    assert baseline is not None
    found = (baseline.heart_rate_per_min, baseline.nibp_sys_mmhg, baseline.nibp_mean_mmhg)
    assert found == (Decimal(76), Decimal(130), None)
    assert world.shown.phase == "baseline"


def test_a_baseline_without_readings_is_what_the_monitor_shows() -> None:
    world = Treated()
    world.starts()
    world.wait(2)
    assert world.does(NURSE, SetBaseline(BED, CASE)).startswith("heart_rate_per_min 80")
    world = Treated()
    world.starts()
    world.numbers = {"heart_rate": None, "nibp_sys": None, "nibp_mean": None}
    world.wait(500)
    assert world.refused(NURSE, SetBaseline(BED, CASE)) == "there is no reading: measure, or type what was measured"


def measures(world: Treated, sys: int, hr: int = 80, seconds: int = 120) -> None:
    """Let the cuff measure once, and the heart go on so."""
    world.numbers = {"heart_rate": hr, "cuff": (sys, 75, 90, 70)}
    world.wait(seconds)


def test_a_baseline_that_is_not_typed_is_the_median_of_the_last_three_readings() -> None:
    """H-30: one pressure of a moment, taken anxious, is not what every limit follows."""
    world = Treated()
    world.wait(30)
    world.starts()
    for sys, hr in ((118, 70), (122, 72), (150, 95)):
        measures(world, sys, hr)
    bed = [one for one in world.snapshots if one.bed == BED][-1]
    shown = {one.name: (one.value, one.note) for one in bed.vital_signs}
    assert shown["baseline_nibp_sys_mmhg"] == (Decimal(122), "the middle of 3 readings")
    assert world.does(NURSE, SetBaseline(BED, CASE)).startswith("heart_rate_per_min 95, nibp_sys_mmhg 122")
    measures(world, 124, 76)
    measures(world, 126, 78)
    assert "nibp_sys_mmhg 126" in world.does(NURSE, SetBaseline(BED, CASE))


def test_a_cuff_pressure_whose_time_is_not_known_is_no_baseline() -> None:
    """H-09: what the monitor shows when the edge is started may be of the patient before."""
    world = Treated()
    world.starts()
    world.wait(2)
    assert "nibp" not in world.does(NURSE, SetBaseline(BED, CASE))
    measures(world, 124)
    assert "nibp_sys_mmhg 124" in world.does(NURSE, SetBaseline(BED, CASE))


def test_after_a_restart_what_counts_was_measured_since_this_patient_was_started() -> None:
    """H-09: when the patient before left is not known any more."""
    world = Treated()
    world.starts()
    again, empty = later(world, 300), Treated()
    assert again.core.snapshot().beds[BED].usual.from_s == START_S - 300
    assert empty.core.snapshot().beds[BED].usual.from_s == START_S


def test_readings_of_more_than_a_quarter_of_an_hour_ago_do_not_count() -> None:
    world = Treated()
    world.starts()
    measures(world, 150)
    measures(world, 120, seconds=880)
    measures(world, 124, seconds=5)
    assert "nibp_sys_mmhg 122" in world.does(NURSE, SetBaseline(BED, CASE))


def test_the_next_patient_has_no_reading_of_the_one_before() -> None:
    """H-09."""
    world = Treated()
    world.starts()
    for sys in (150, 152, 154):
        measures(world, sys)
    world.does(NURSE, Close(BED, CASE))
    world.does(NURSE, StartPatient(BED, "c-18", Decimal(70), WELL))
    world.wait(2)
    assert "nibp" not in world.does(NURSE, SetBaseline(BED, "c-18"))  # the monitor still shows the one before
    measures(world, 120)
    assert "nibp_sys_mmhg 120" in world.does(NURSE, SetBaseline(BED, "c-18"))


@pytest.mark.parametrize(("hr", "sys", "usual"), [(50, 90, True), (100, 160, True), (49, 120, False), (70, 161, False)])
def test_an_unusual_baseline_takes_a_prescriber(hr: int, sys: int, usual: bool) -> None:
    """H-30."""
    world = Treated()
    world.starts()
    act = SetBaseline(BED, CASE, (Reading(Decimal(hr), Decimal(sys)),))
    assert world.asks(NURSE, act).done is usual
    assert world.asks(DOCTOR, act).done


def test_a_baseline_is_taken_before_the_infusion() -> None:
    world = treated()
    world.infuses()
    assert "before it" in world.refused(DOCTOR, SetBaseline(BED, CASE, (Reading(Decimal(70)),)))


# --- limits -----------------------------------------------------------------------------------------------------------

ADJUSTED = [
    ("HR_HIGH", "soft", "100", ""),
    ("HR_HIGH", "soft", "130", ""),
    ("HR_HIGH", "soft", "99", "HR_HIGH soft 99 /min: the site allows 100 to 130 /min"),
    ("HR_HIGH", "soft", "131", "HR_HIGH soft 131 /min: the site allows 100 to 130 /min"),
    ("HR_HIGH", "hard", "119", "the bands would cross (soft 120, hard 119 /min): keep soft inside hard"),
    ("SPO2_LOW", "soft", "94", "SPO2_LOW soft 94 %: the site allows none"),
    ("HR_HIGH", "worst", "110", "HR_HIGH has no band worst: one of soft, hard"),
    ("DOSE_RATE_HIGH", "soft", "1", "there is no limit DOSE_RATE_HIGH: one of HR_HIGH, SPO2_LOW, BP_SYS_HIGH"),
]
SOFT, HARD = HR_LIMIT.bands
ADJUSTABLE = replace(
    WARD,
    vital_limits=(
        replace(
            HR_LIMIT,
            bands=(
                replace(SOFT, adjust_from=Decimal(100), adjust_to=Decimal(130)),
                replace(HARD, adjust_from=Decimal(110), adjust_to=Decimal(150)),
            ),
        ),
        *WARD.vital_limits[1:],
    ),
)


@pytest.mark.parametrize(("condition", "band", "value", "why"), ADJUSTED)
def test_a_limit_is_adjusted_within_the_bounds_of_the_site(condition: str, band: str, value: str, why: str) -> None:
    world = Treated(ADJUSTABLE)
    world.starts()
    act = AdjustLimit(BED, CASE, condition, band, Decimal(value))
    if why:
        assert world.refused(NURSE, act).startswith(why)
        return
    world.does(NURSE, act)
    assert [(one.condition, one.band, one.value) for one in world.shown.therapy.adjusted] == [
        (condition, band, Decimal(value))
    ]
    shown = {(limit.condition, limit.band): limit for limit in world.shown.limits}
    assert shown[condition, band].value == Decimal(value)
    bounds = {name: (one.adjust_from, one.adjust_to) for name, one in shown.items() if one.adjust_from is not None}
    assert bounds == {
        ("HR_HIGH", "soft"): (Decimal(100), Decimal(130)),
        ("HR_HIGH", "hard"): (Decimal(110), Decimal(150)),
    }
    world.does(NURSE, replace(act, value=None))
    assert world.therapy.adjusted == ()


# --- close ------------------------------------------------------------------------------------------------------------


def over() -> Treated:
    """A treatment whose recovery is over."""
    world = treated()
    world.infuses()
    world.wait(5)
    world.stops()
    world.does(NURSE, EndInfusion(BED, CASE))
    return later(world, 3600)


def test_a_therapy_is_closed_when_the_recovery_is_over() -> None:
    world = over()
    assert world.shown.phase == "recovery"
    world.does(NURSE, Close(BED, CASE))
    assert (world.shown.phase, world.shown.orders, world.shown.therapy) == ("none", (), UNTREATED)
    (kept,) = [one for one in world.steps[-2].effects if isinstance(one, Keep) and one.part == THERAPY]
    assert (kept.bed, kept.part, kept.body) == (BED, THERAPY, None)


def test_a_therapy_is_not_closed_too_soon() -> None:
    """H-29."""
    world = treated()
    world.infuses()
    assert world.refused(NURSE, Close(BED, CASE)) == "rack channel 11 runs: stop the pump first"
    assert world.refused(NURSE, Close(BED, CASE, "moved")) == "rack channel 11 runs: stop the pump first"
    world.wait(5)
    world.stops()
    assert world.refused(NURSE, Close(BED, CASE)).startswith("the recovery has not begun: end the infusion first")
    world.does(NURSE, EndInfusion(BED, CASE))
    world = later(world, 1800)
    assert world.refused(NURSE, Close(BED, CASE)).startswith("the recovery takes 31 min more")
    assert world.refused(NURSE, Close(BED, "c-18", "moved")).startswith("Bed 1 has the case c-17, not c-18")
    world.does(NURSE, Close(BED, CASE, "moved to the ward"))


def test_a_pump_that_fell_silent_while_it_ran_needs_a_look() -> None:
    world = treated()
    world.infuses()
    world.run(world.now_s + 15)
    reason = world.refused(NURSE, Close(BED, CASE))
    assert reason == "rack channel 11 ran when it was last heard: look at the pump, then close with a reason"
    world.does(NURSE, Close(BED, CASE, "the pump is off"))


def test_a_high_alarm_of_the_patient_keeps_the_therapy_open() -> None:
    world = over()
    world.numbers = {"heart_rate": 150}
    world.wait(15)
    assert world.refused(NURSE, Close(BED, CASE)) == "HR_HIGH is present, and high: see to the patient first"


def test_closing_ends_the_alarms_of_the_patient_and_leaves_those_of_the_devices() -> None:
    world = over()
    world.numbers = {"heart_rate": 150}
    world.wait(15)
    world.numbers = {"heart_rate": 125}
    world.wait(30)
    world.does(NURSE, Observe(BED, CASE, airway=Airway.CLEAR, rass=-2))
    world.run(world.now_s + 15)
    assert world.standing() >= {"HR_HIGH", "SEDATION_DEEP", "PUMP_LINK_LOST"}
    assert world.asks(NURSE, AudioPause(BED, 60.0)).done
    world.does(NURSE, Close(BED, CASE))
    assert world.standing() & {"HR_HIGH", "SEDATION_DEEP", "PUMP_LINK_LOST", "MONITOR_LINK_LOST"} <= {
        "PUMP_LINK_LOST",
        "MONITOR_LINK_LOST",
    }
    assert world.shown.pauses == ()


def test_the_next_patient_inherits_nothing() -> None:
    """H-09: every field of what a bed remembers of a therapy is as at an empty bed, but who is there."""
    state = initial_state(
        WARD, RUN, instant(START_S), therapy=[KeptPart(BED, THERAPY, KeptTherapy(instant(START_S), FULL), here=True)]
    )
    world = Treated(state=state)
    world.does(NURSE, Close(BED, "c-17", "test"))
    world.does(NURSE, replace(START, case="next"))
    fresh = Treated()
    fresh.does(NURSE, replace(START, case="next"))
    for field in dataclasses.fields(world.therapy):
        mine, theirs = getattr(world.therapy, field.name), getattr(fresh.therapy, field.name)
        assert mine == theirs, field.name
        assert field.name in ("patient", "phase", "phase_since") or mine == field.default
    assert world.core.snapshot().beds[BED].orders == {}


def test_a_new_patient_ends_the_pauses_of_the_bed() -> None:
    """Law 13."""
    world = Treated()
    world.does(NURSE, AudioPause(BED, 120.0))
    before = len(world.shown.pauses)
    world.does(NURSE, START)
    assert (before, world.shown.pauses) == (1, ())


# --- a bed that is gone ----------------------------------------------------------------------------------------------


def test_a_patient_at_a_bed_that_is_no_longer_configured_is_a_high_alarm_until_closed() -> None:
    kept = KeptPart("bed-9", THERAPY, KeptTherapy(instant(START_S), FULL), here=True)
    world = Treated(state=initial_state(WARD, RUN, instant(START_S), therapy=[kept]))
    alarm = world.alarm("PATIENT_UNWATCHED")
    assert alarm is not None
    assert (alarm.priority.name, alarm.text) == (
        "HIGH",
        "The configuration no longer has bed-9 (case c-17): nobody watches them.",
    )
    assert "reason" in world.asks(NURSE, Close("bed-9", "c-17")).reason
    assert world.asks(NURSE, Close("bed-9", "c-18", "gone")).reason == "the case there is c-17, not c-18"
    world.does(NURSE, Close("bed-9", "c-17", "moved with the bed"))
    assert world.alarm("PATIENT_UNWATCHED") is None
    removed = [e for step in world.steps[-3:] for e in step.effects if isinstance(e, Keep)]
    assert [(keep.bed, keep.part, keep.body) for keep in removed] == [("bed-9", THERAPY, None)]


# --- channels and doses by hand --------------------------------------------------------------------------------------


def test_a_channel_is_declared_a_carrier_and_its_flow_is_no_infusion() -> None:
    world = Treated()
    world.does(NURSE, SetRole(Place(BED, "", *PUMP), ChannelRole.CARRIER))
    world.starts()
    assert world.therapy.roles == ()
    world.does(NURSE, SetRole(HERE, ChannelRole.CARRIER))
    world.infuses()
    assert world.shown.phase == "setup"
    assert world.refused(DOCTOR, entered()) == "rack channel 11 was declared carrier"
    world.does(NURSE, SetRole(HERE, ChannelRole.ORDERED))
    world.speak()
    assert world.shown.phase == "infusing"


def test_a_channel_with_an_order_is_no_carrier() -> None:
    world = treated()
    assert world.refused(NURSE, SetRole(HERE, ChannelRole.CARRIER)).endswith("has an order: withdraw it first")


@pytest.mark.parametrize(
    ("drug", "mg", "done"), [("ketamine", "20", True), ("ketamine", "0", False), ("gin", "1", False)]
)
def test_a_dose_by_hand_is_kept(drug: str, mg: str, done: bool) -> None:
    world = treated()
    assert world.asks(NURSE, GiveByHand(BED, CASE, drug, Decimal(mg))).done is done
    assert [dose.dose_mg for dose in world.therapy.manual_doses] == ([Decimal(mg)] if done else [])


def test_what_is_asked_without_a_patient_says_what_to_do() -> None:
    world = Treated()
    for act in (
        entered(),
        ConfirmOrder(HERE, 1),
        Observe(BED, CASE, rass=0),
        GiveByHand(BED, CASE, "ketamine", Decimal(1)),
    ):
        assert "start the patient first" in world.refused(DOCTOR, act)
    wrong = replace(entered(), place=Place(BED, CASE, *OTHER_PUMP))
    world.starts()
    assert world.refused(DOCTOR, wrong).startswith("rack channel 12 is no pump of Bed 1, which has rack channel 11")
    assert world.pump_state is InfusionState.STOPPED
