"""Phases, rounds and prompts, and what a nurse found: in the time of a treatment, and over restarts in each phase."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import Quantity
from edge.core import phases
from edge.core.config import Flag, FlagRule
from edge.core.effects import Journal, PromptKind
from edge.core.ledger import AlarmState
from edge.core.model import Instant, Priority
from edge.core.restore import initial_state
from edge.core.state import CoreState, Ward
from edge.core.therapy import Known, TherapyPhase
from edge.core.therapy_acts import ConfirmOrder, EndInfusion, Observe
from edge.core.therapy_state import THERAPY, Airway, Degree, KeptPart, KeptTherapy, Round, TherapyState
from edge.core.view import BedState
from tests.core_world import BED, KETAMINE, RUN, START_S, World, instant, with_bed
from tests.therapies import FULL
from tests.therapy_world import CASE, DOCTOR, HERE, NURSE, WARD, WELL, Treated, entered, later, treated

MIN_S = 60.0
LOOKED = Observe(BED, CASE, Airway.CLEAR, 0, Degree.NONE, Degree.NONE, 3)
END = EndInfusion(BED, CASE)


def infused() -> Treated:
    world = treated()
    world.infuses()
    return world


def in_recovery() -> Treated:
    world = infused()
    world.wait(2)
    world.stops()
    world.does(NURSE, END)
    return world


def test_a_treatment_goes_through_its_phases() -> None:
    world = Treated()
    seen = [world.shown.phase]
    for act in (world.starts, world.orders, world.infuses, world.stops):
        act()
        seen.append(world.shown.phase)
    world.does(NURSE, END)
    assert [*seen, world.shown.phase] == ["none", "setup", "baseline", "infusing", "stopped", "recovery"]
    rows = [row for step in world.steps for row in step.effects if isinstance(row, Journal) and row.kind == "phase"]
    journalled = [dict(row.body)["phase"] for row in rows]
    assert journalled == ["infusing", "stopped"]


def test_a_pause_is_no_end_until_ten_minutes_are_over() -> None:
    world = infused()
    world.wait(2)
    world.stops()
    stopped_at_s = world.now_s
    world.wait(599)
    assert world.shown.phase == "stopped"
    world.wait(1)
    therapy = world.shown.therapy
    assert (world.shown.phase, therapy.phase_since) == ("recovery", instant(stopped_at_s))
    assert world.shown.recovery_until_s == stopped_at_s + 60 * MIN_S


def test_what_goes_on_within_ten_minutes_is_one_infusion() -> None:
    world = infused()
    begun = world.therapy.infusing_since
    world.wait(2)
    world.stops()
    world.wait(300)
    world.infuses()
    assert (world.shown.phase, world.therapy.infusing_since, world.therapy.step) == ("infusing", begun, 1)


def test_a_line_that_falls_silent_stops_nothing() -> None:
    """Law 2."""
    world = infused()
    world.run(world.now_s + 700)
    assert world.shown.phase == "infusing"


def test_only_a_stopped_infusion_is_ended() -> None:
    world = treated()
    assert world.refused(NURSE, END) == "the phase is baseline: only an infusion that was stopped can be ended"
    world.infuses()
    assert world.refused(NURSE, END) == "the pump runs, or cannot be heard: stop it first"


# --- recovery ---------------------------------------------------------------------------------------------------------


def test_flow_in_recovery_is_an_alarm_and_ends_with_the_flow() -> None:
    """H-27, H-29."""
    world = in_recovery()
    world.infuses()
    alarm = world.alarm("FLOW_IN_RECOVERY")
    assert alarm is not None
    assert (alarm.priority, alarm.key.channel, world.shown.phase) == (Priority.MEDIUM, "11", "recovery")
    world.stops()
    assert world.alarm("FLOW_IN_RECOVERY") is None


def test_an_infusion_goes_on_after_its_end_with_an_order_that_two_confirmed() -> None:
    world = in_recovery()
    world.does(DOCTOR, entered(rev=1))
    world.infuses()
    assert "FLOW_IN_RECOVERY" in world.standing()
    world.does(NURSE, ConfirmOrder(HERE, 2))
    world.speak()
    assert (world.shown.phase, "FLOW_IN_RECOVERY" in world.standing()) == ("infusing", False)


@pytest.mark.parametrize(("inhibitor", "minutes"), [(Known.NO, 60), (Known.YES, 90), (Known.UNKNOWN, 90)])
def test_an_inhibitor_makes_the_recovery_longer_and_so_does_not_knowing(inhibitor: Known, minutes: float) -> None:
    rule = FlagRule(Flag.CYP3A4_INHIBITOR, recovery_s=90 * MIN_S)
    world = Treated(replace(WARD, drugs=(replace(KETAMINE, flags=(rule,)),)))
    world.starts(checklist=replace(WELL, cyp3a4_inhibitor=inhibitor))
    world.orders()
    world.infuses()
    world.wait(2)
    world.stops()
    stopped_at_s = world.now_s
    world.does(NURSE, END)
    assert world.shown.recovery_until_s == stopped_at_s + minutes * MIN_S
    assert [(prompt.kind, prompt.due_s) for prompt in world.shown.prompts] == [
        (PromptKind.ROUND, stopped_at_s),
        (PromptKind.CLOSE, stopped_at_s + minutes * MIN_S),
    ]


# --- rounds -----------------------------------------------------------------------------------------------------------


def due_min(phase: TherapyPhase, *rounds_min: float, **changes: Any) -> float | None:
    """When the next round is due, in minutes since the infusion (or the recovery) began."""
    made = tuple(Round(Instant(at * MIN_S, 0.0, synchronised=True), "ann", phase, rass=0) for at in rounds_min)
    begun = Instant(0.0, 0.0, synchronised=True)
    patient = replace(FULL.patient, checklist=WELL)  # type: ignore[type-var]
    therapy = TherapyState(patient=patient, phase=phase, phase_since=begun, infusing_since=begun, rounds=made)
    state = CoreState(0.0, AlarmState(RUN), {BED: BedState()}, {}, {})
    state.beds[BED].treat(replace(therapy, **changes))
    bed = replace(WARD, beds=WARD.beds[:1])
    due_s = phases.round_due_s(Ward(bed, state).views[BED])
    return None if due_s is None else due_s / MIN_S


INFUSING, RECOVERY = TherapyPhase.INFUSING, TherapyPhase.RECOVERY
DUE: list[tuple[TherapyPhase, tuple[float, ...], float | None]] = [
    (TherapyPhase.SETUP, (), None),
    (TherapyPhase.BASELINE, (), None),
    (INFUSING, (), 15),
    (INFUSING, (-5,), 15),
    (INFUSING, (15, 31), 46),
    (INFUSING, (15, 30, 45), 60),
    (INFUSING, (15, 30, 45, 60), 90),
    (INFUSING, (59,), 74),
    (TherapyPhase.STOPPED, (15,), 30),
    (RECOVERY, (), 0),
    (RECOVERY, (-1,), 0),
    (RECOVERY, (0,), 30),
    (RECOVERY, (12,), 30),
    (RECOVERY, (20,), 60),
    (RECOVERY, (1, 30), 60),
    (RECOVERY, (1, 30, 49), 60),
    (RECOVERY, (1, 30, 50), None),
    (RECOVERY, (1, 30, 60), None),
]


@pytest.mark.parametrize(("phase", "rounds_min", "due"), DUE)
def test_rounds_are_due_each_quarter_of_the_first_hour_and_at_the_end_and_each_half_hour_after(
    phase: TherapyPhase, rounds_min: tuple[float, ...], due: float | None
) -> None:
    assert due_min(phase, *rounds_min) == due


def test_a_later_interval_of_rounds_is_ordered() -> None:
    ordered = tuple(replace(one, round_interval_s=20 * MIN_S) for one in FULL.orders)
    assert due_min(INFUSING, 60, orders=ordered) == 80
    assert due_min(INFUSING, 30, orders=ordered) == 45


def test_nobody_makes_rounds_at_a_demonstration() -> None:
    demo = replace(FULL.patient, by="configuration")  # type: ignore[type-var]
    assert due_min(INFUSING, patient=demo) is None
    assert due_min(INFUSING, patient=None) is None


def test_an_overdue_round_is_one_low_tone_after_ten_minutes() -> None:
    world = later(infused(), 24 * MIN_S)
    world.infuses()
    world.wait(58)
    assert "OBSERVATION_OVERDUE" not in world.standing()
    world.wait(4)
    alarm = world.alarm("OBSERVATION_OVERDUE")
    assert alarm is not None
    assert alarm.priority is Priority.LOW
    world.does(NURSE, LOOKED)
    assert world.alarm("OBSERVATION_OVERDUE") is None
    assert [prompt.due_s for prompt in world.shown.prompts] == [world.now_s + 15 * MIN_S]


# --- what was found ---------------------------------------------------------------------------------------------------


def test_choking_is_told_at_once_until_another_airway_is_found() -> None:
    world = infused()
    world.does(NURSE, Observe(BED, CASE, airway=Airway.CHOKING))
    alarm = world.alarm("CHOKING")
    assert alarm is not None
    assert (alarm.priority, alarm.text) == (Priority.HIGH, "Bed 1: the patient is choking, says desk:ann.")
    assert world.told("CHOKING")[0][0] == world.now_s - START_S
    world.does(NURSE, Observe(BED, CASE, pain=8))
    assert world.alarm("CHOKING") is not None
    world.does(NURSE, Observe(BED, CASE, airway=Airway.SECRETIONS))
    assert world.alarm("CHOKING") is None


@pytest.mark.parametrize(
    ("rass", "priority"), [(-1, None), (-2, Priority.MEDIUM), (-3, Priority.HIGH), (-5, Priority.HIGH), (4, None)]
)
def test_deep_sedation_alarms(rass: int, priority: Priority | None) -> None:
    world = infused()
    world.does(NURSE, replace(LOOKED, rass=rass))
    alarm = world.alarm("SEDATION_DEEP")
    assert (None if alarm is None else alarm.priority) is priority
    world.does(NURSE, LOOKED)
    assert world.alarm("SEDATION_DEEP") is None


REFUSED = [
    (Observe(BED, CASE), "nothing was observed: say what was, or that all is well"),
    (replace(LOOKED, rass=-6), "RASS -6: it goes from -5 to 4"),
    (replace(LOOKED, rass=5), "RASS 5: it goes from -5 to 4"),
    (replace(LOOKED, pain=11), "pain 11: it goes from 0 to 10"),
    (replace(LOOKED, case="c-9"), "Bed 1 has the case c-17, not c-9"),
    (
        replace(LOOKED, vital_signs=((Quantity.HEART_RATE, Decimal(80)),)),
        "heart rate comes from the monitor of Bed 1: it is not typed",
    ),
    (replace(LOOKED, vital_signs=((Quantity.ETCO2, Decimal(40)),)), "EtCO2 is not measured by hand"),
]


@pytest.mark.parametrize(("act", "why"), REFUSED)
def test_a_round_that_cannot_be_is_refused(act: Observe, why: str) -> None:
    assert infused().refused(NURSE, act).startswith(why)


# --- typed vital signs ------------------------------------------------------------------------------------------------

PUMP_ONLY = with_bed(WARD, monitors=(), vital_signs=())


def typed(**numbers: int) -> Observe:
    found = tuple((Quantity(name), Decimal(number)) for name, number in numbers.items())
    return replace(Observe(BED, CASE), vital_signs=found)


def test_a_typed_vital_sign_meets_the_same_limits_at_once() -> None:
    world = Treated(PUMP_ONLY)
    world.starts()
    world.does(NURSE, typed(heart_rate=141, spo2=97))
    alarm = world.alarm("HR_HIGH")
    assert alarm is not None
    assert (alarm.priority, alarm.value, world.standing()) == (Priority.HIGH, Decimal(141), {"HR_HIGH"})
    assert ("delay_s", "0") in alarm.evidence
    world.wait(2)
    shown = {metric.name: (metric.value, metric.origin) for metric in world.snapshots[-1].vital_signs} | {
        metric.name: (metric.value, metric.origin)
        for snapshot in world.snapshots
        if snapshot.bed == BED
        for metric in snapshot.vital_signs
    }
    assert shown["heart_rate_per_min"] == (Decimal(141), "typed by desk:ann")
    world.does(NURSE, typed(heart_rate=90))
    world.wait(12)
    assert [phase for _, phase, _ in world.told("HR_HIGH", levels=False)] == ["start", "latch"]


def test_a_typed_vital_sign_that_is_old_clears_nothing() -> None:
    world = Treated(PUMP_ONLY)
    world.starts()
    world.does(NURSE, typed(heart_rate=125))
    world.now_s += 18 * MIN_S + 1
    world.wait(3)
    alarm = world.alarm("HR_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)


# --- restarts in each phase -------------------------------------------------------------------------------------------


def in_phase(phase: str) -> Treated:
    world = Treated()
    if phase == "setup":
        world.starts()
    elif phase == "recovery":
        world = in_recovery()
    else:
        world = treated()
        if phase != "baseline":
            world.infuses()
        if phase == "stopped":
            world.stops()
    assert world.shown.phase == phase
    return world


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("phase", ["setup", "baseline", "infusing", "stopped", "recovery"])
def test_a_restart_goes_on_in_the_phase(phase: str, here: bool) -> None:
    world = in_phase(phase)
    kept = KeptTherapy(instant(world.now_s), world.therapy)
    at = instant(world.now_s + 20) if here else replace(instant(world.now_s + 20), mono_s=5.0)
    state = initial_state(WARD, RUN, at, therapy=[KeptPart(BED, THERAPY, kept, here)])
    therapy = state.beds[BED].therapy
    assert therapy.phase.value == phase
    assert therapy.phase_since is not None
    assert kept.therapy.phase_since is not None
    before_s = kept.at.mono_s - kept.therapy.phase_since.mono_s
    assert at.mono_s - therapy.phase_since.mono_s == before_s + (20 if here else 0)


def test_an_infusion_that_is_not_heard_after_a_restart_may_run() -> None:
    """Law 2: its silence is a high alarm, as if it had been heard to run."""
    kept = KeptTherapy(instant(START_S), infused().therapy)
    state = initial_state(WARD, RUN, instant(START_S), therapy=[KeptPart(BED, THERAPY, kept, here=True)])
    quiet = World(WARD, state=state)
    quiet.run(START_S + 15)
    alarm = quiet.alarm("PUMP_LINK_LOST")
    assert alarm is not None
    assert alarm.priority is Priority.HIGH
    assert quiet.core.snapshot().beds[BED].therapy.phase is TherapyPhase.INFUSING
