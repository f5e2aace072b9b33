"""The dose of a bed through the core: counted, shown, held against its limits, kept over a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import BolusGiven, DeviceAlarmKind, Observation, Quantity, Reading, Validity
from edge.bodies import kept_body, kept_from_body
from edge.core import restore_dose
from edge.core.effects import Effect, Keep
from edge.core.inputs import LinkCause, LinkChange
from edge.core.kept_dose import KeptDose
from edge.core.model import Instant, Priority
from edge.core.therapy import ChannelRole, TherapyPhase
from edge.core.therapy_state import Disconnected, KeptTherapy, ManualDose, RoleSet, TherapyState
from edge.core.totals import DAY_S
from tests.core_world import BED, PUMP, START_S, instant, shows
from tests.dose_world import TREATING, Treatment, ordered, patient, said, treatment

D = Decimal
FLOW = {"FREE_FLOW", "FLOW_WHILE_STOPPED", "FLOW_MISMATCH", "EXTRA_VOLUME", "DOSE_UNCERTAIN"}


def close(number: Decimal, wanted: float, within: float = 0.5) -> bool:
    return abs(float(number) - wanted) <= within


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_the_dose_is_shown_as_its_two_ends() -> None:
    run = Treatment(treatment())
    run.run(1800)
    true = run.true_mg()
    assert run.number("session_dose_low_mg") <= D(true) <= run.number("session_dose_high_mg")
    assert close(run.number("session_dose_low_mg"), 35, 0.2)
    assert close(run.number("session_dose_mg_per_kg"), 0.5, 0.01)
    assert close(run.number("day_dose_mg_per_kg"), 0.5, 0.01)
    assert run.metric("session_dose_low_mg").validity is Validity.VALID


def test_until_the_window_is_full_the_volume_check_is_not_yet_possible() -> None:
    run = Treatment(treatment())
    run.run(60)
    for name in ("delivered_rate_low_ml_per_h", "delivered_rate_high_ml_per_h"):
        metric = run.metric(name)
        assert (metric.value, metric.validity, metric.note) == (
            None,
            Validity.NOT_AVAILABLE,
            "volume check not yet possible",
        )
    assert run.volume_check == "volume check not yet possible"
    run.run(90)
    assert run.volume_check == "the counted volume agrees with the rate"
    assert run.number("delivered_rate_low_ml_per_h") <= 7 <= run.number("delivered_rate_high_ml_per_h")
    assert run.metric("delivered_rate_low_ml_per_h").note == "the counted volume agrees with the rate"


def test_a_pump_without_a_counter_is_shown_as_one() -> None:
    run = Treatment(treatment())
    run.change = without(Quantity.VOLUME_INFUSED)
    run.run(60)
    assert run.metric("delivered_rate_low_ml_per_h").note == "no volume check: the pump counts no volume"
    assert close(run.number("session_dose_low_mg"), 1.17, 0.1)


def without(*quantities: Quantity) -> Callable[[Observation], Observation]:
    def change(observation: Observation) -> Observation:
        return replace(observation, readings=tuple(r for r in observation.readings if r.quantity not in quantities))

    return change


def test_a_delivered_rate_of_a_pump_that_is_not_heard_is_no_rate_of_now() -> None:
    run = Treatment(treatment())
    run.run(200)
    run.change = lambda observation: None
    run.run(30)
    assert run.metric("delivered_rate_low_ml_per_h").value is None
    assert run.metric("delivered_rate_low_ml_per_h").validity is Validity.STALE
    assert run.metric("session_dose_high_mg").value is None
    low = run.metric("session_dose_low_mg")
    assert close(run.number("session_dose_low_mg"), 3.9, 0.2)
    assert (low.validity, low.note) == (Validity.QUESTIONABLE, "at least so much: the pump is not heard")


# --- totals -----------------------------------------------------------------------------------------------------------


def total_of(run: Treatment, dose_mg: str) -> Treatment:
    """The treatment with a dose by hand, which is exact."""
    run.treat(replace(run.therapy, manual_doses=(ManualDose("ketamine", D(dose_mg), "ann", instant(START_S)),)))
    run.run(8)
    return run


@pytest.mark.parametrize(
    ("dose_mg", "band"),
    [
        # the order's total is 2.0 mg/kg: soft 2.0 x 1.02 = 2.04 mg/kg (2.0 x 1.05 is more), hard 2.5; 70 kg
        ("142.799999", None),  # 2.039999986
        ("142.8", None),  # equal is allowed
        ("142.80003", None),  # within half of a millionth of a mg/kg
        ("142.8001", "soft"),
        ("175", "soft"),  # 2.5
        ("175.0001", "hard"),
    ],
)
def test_the_limits_of_a_treatment(dose_mg: str, band: str | None) -> None:
    run = Treatment(treatment(), rate="0.01")
    run.pump.stop(run.clock_s)
    run.treat(replace(run.therapy, phase=TherapyPhase.RECOVERY))
    total_of(run, dose_mg)
    alarm = run.world.alarm("DOSE_CUMULATIVE_HIGH")
    assert (None if alarm is None else alarm.band) == band
    assert run.world.alarm("DOSE_24H_HIGH") is None, "nothing but this treatment was given: one dose is one alarm"


def test_an_alarm_of_a_total_carries_what_it_was_reckoned_from() -> None:
    run = total_of(Treatment(treatment(), rate="0.01"), "150")
    alarm = run.world.alarm("DOSE_CUMULATIVE_HIGH")
    assert alarm is not None
    assert alarm.priority is Priority.MEDIUM
    evidence = dict(alarm.evidence)
    assert {"dose_low_mg", "dose_high_mg", "dose_claimed_mg", "dose_unsure_mg", "weight_kg", "limit"} <= set(evidence)
    assert evidence["arithmetic"].endswith("mg/kg")
    assert alarm.limit is not None
    assert alarm.limit.value == D("2.040")
    assert "Ketamine of this treatment 2.15 mg/kg, above the soft limit" in alarm.text


def test_a_dose_below_the_ordered_total_of_a_small_order() -> None:
    run = Treatment(treatment(ordered(total_mg_per_kg=D("1.0"))), rate="0.01")
    total_of(run, "73.4")  # 1.0 x 1.05 x 70 = 73.5
    assert run.world.alarm("DOSE_CUMULATIVE_HIGH") is None
    total_of(run, "73.6")
    assert run.world.alarm("DOSE_CUMULATIVE_HIGH") is not None


def test_what_was_given_before_counts_once() -> None:
    run = Treatment(treatment(ordered(given_before_mg=D(50))), rate="0.01")
    run.run(40)
    assert close(run.number("session_dose_low_mg"), 50, 0.1)
    assert close(run.number("day_dose_mg_per_kg"), 50 / 70, 0.01)
    run.treat(replace(run.therapy, orders=(ordered(given_before_mg=D(60), rev=2),)))
    run.run(40)
    assert close(run.number("session_dose_low_mg"), 60, 0.1)
    assert close(run.number("day_dose_mg_per_kg"), 60 / 70, 0.01)


def test_the_next_patient_inherits_nothing_and_the_same_case_its_day() -> None:
    run = Treatment(treatment())
    run.run(1200)
    given = run.number("session_dose_low_mg")
    assert given > 20
    run.treat(treatment(who=patient("c-18", at_s=run.world.now_s)))
    run.run(12)
    assert run.number("session_dose_low_mg") < 1
    assert run.number("day_dose_mg_per_kg") < D("0.01")
    run.treat(treatment(who=patient("c-17", at_s=run.world.now_s)))
    run.run(12)
    assert run.number("session_dose_low_mg") < 1
    assert run.number("day_dose_mg_per_kg") > D("0.3")


def test_a_day_later_the_day_is_empty() -> None:
    run = Treatment(treatment())
    run.run(1200)
    run.pump.stop(run.clock_s)
    run.run(8)
    run.change = lambda observation: None
    run.world.step(run.world.now_s + DAY_S - 1300)
    assert run.number("day_dose_mg_per_kg") > D("0.3")
    run.treat(treatment(who=patient("c-17", at_s=run.world.now_s)))
    run.world.step(run.world.now_s + 1400)
    assert run.number("day_dose_mg_per_kg") == 0


def test_the_time_of_infusing_has_its_limit() -> None:
    run = Treatment(treatment(ordered(planned_s=600.0, total_mg_per_kg=None)), rate="1")
    run.run(896)  # planned 10 min and half as much: 15 min
    assert run.world.alarm("DURATION_HIGH") is None
    run.run(12)
    alarm = run.world.alarm("DURATION_HIGH")
    assert alarm is not None
    assert (alarm.band, alarm.unit) == ("hard", "min")


# --- channels, roles, lines -------------------------------------------------------------------------------------------


def test_a_carrier_counts_no_drug() -> None:
    role = RoleSet(*PUMP, ChannelRole.CARRIER, "ann", instant(START_S))
    run = Treatment(replace(treatment(), roles=(role,)))
    run.run(600)
    assert run.number("session_dose_high_mg") == 0


def test_a_purge_into_the_air_counts_nothing() -> None:
    for off, most_mg in ((True, 0.1), (False, 12.0)):
        line = Disconnected(*PUMP, "ann", instant(START_S), instant(START_S + 600))
        run = Treatment(replace(treatment(), disconnected=(line,) if off else ()))
        run.pump.stop(0.0)
        run.run(8)
        run.pump.purge(run.clock_s, D(1))
        run.run(40)
        high = float(run.number("session_dose_high_mg"))
        assert high <= most_mg
        assert off or high >= 9


def test_a_bolus_that_no_sample_shows_is_no_free_flow() -> None:
    run = Treatment(treatment())
    run.run(300)
    run.pump.bolus(run.clock_s, D("0.5"), D(1800))
    run.world.step(run.world.now_s + 1, BolusGiven(*PUMP, run.world.now_s + 1, 1, D("0.5")))
    run.run(120)
    assert run.raised() & FLOW == set()
    assert run.number("session_dose_low_mg") <= D(run.true_mg()) <= run.number("session_dose_high_mg")


# --- flow -------------------------------------------------------------------------------------------------------------


def test_free_flow_is_a_high_alarm() -> None:
    run = Treatment(treatment())
    run.run(120)
    run.pump.set_rate(run.clock_s, D(140))
    run.change = rate_shown("7")
    run.run(60)
    alarm = run.world.alarm("FREE_FLOW")
    assert alarm is not None
    assert alarm.priority is Priority.HIGH
    assert dict(alarm.evidence)["counter_step_ml"] == "0.01"
    assert "FLOW_MISMATCH" not in run.world.present()


def rate_shown(rate: str, state: str | None = None) -> Callable[[Observation], Observation]:
    def change(observation: Observation) -> Observation:
        told = Reading(Quantity.INFUSION_RATE, D(rate), "mL/h", D("0.01"))
        readings = tuple(told if one.quantity is told.quantity else one for one in observation.readings)
        infusion = observation.infusion
        assert infusion is not None
        if state is not None:
            infusion = replace(infusion, state=type(infusion.state)(state))
        return replace(observation, readings=readings, infusion=infusion)

    return change


def counted_more(ml: str) -> Callable[[Observation], Observation]:
    def change(observation: Observation) -> Observation:
        readings = tuple(
            replace(one, value=one.value + D(ml)) if one.quantity is Quantity.VOLUME_INFUSED and one.value else one
            for one in observation.readings
        )
        return replace(observation, readings=readings)

    return change


def test_flow_while_it_says_that_it_stands_is_a_high_alarm() -> None:
    run = Treatment(treatment(), rate="60")
    run.change = rate_shown("60", "stopped")
    run.run(40)
    alarm = run.world.alarm("FLOW_WHILE_STOPPED")
    assert alarm is not None
    assert alarm.priority is Priority.HIGH
    assert "says that it stands" in alarm.text


def test_a_pump_that_counts_nothing_is_a_mismatch_after_its_delay() -> None:
    run = Treatment(treatment(), rate="0.01")
    run.change = rate_shown("14")
    run.run(100)
    assert run.world.alarm("FLOW_MISMATCH") is None
    run.run(60)
    alarm = run.world.alarm("FLOW_MISMATCH")
    assert alarm is not None
    assert (alarm.band, alarm.priority) == ("stalled", Priority.HIGH)


@pytest.mark.parametrize(("shown", "band"), [("5", "more"), ("9", "less")])
def test_a_rate_that_is_not_delivered_is_medium_after_five_minutes(shown: str, band: str) -> None:
    run = Treatment(treatment())
    run.change = rate_shown(shown)
    run.run(700)
    alarm = run.world.alarm("FLOW_MISMATCH")
    assert alarm is not None
    assert (alarm.band, alarm.priority) == (band, Priority.MEDIUM)


def test_flow_holds_without_an_order_and_not_at_a_carrier() -> None:
    run = Treatment(TherapyState(), rate="60")
    run.change = rate_shown("60", "stopped")
    run.run(40)
    assert run.world.alarm("FLOW_WHILE_STOPPED") is not None
    carrier = RoleSet(*PUMP, ChannelRole.CARRIER, "ann", instant(START_S))
    run = Treatment(replace(treatment(), roles=(carrier,)), rate="60")
    run.change = rate_shown("60", "stopped")
    run.run(40)
    assert run.world.alarm("FLOW_WHILE_STOPPED") is None


def test_what_an_occlusion_let_go_is_a_medium_alarm_for_five_minutes() -> None:
    run = Treatment(treatment())
    run.run(60)
    run.look(run.world.now_s + 1, shows(run.world.now_s + 1, DeviceAlarmKind.OCCLUSION_DOWNSTREAM))
    run.run(20)
    run.look(run.world.now_s + 1, shows(run.world.now_s + 1))
    run.change = counted_more("0.7")
    run.run(12)
    alarm = run.world.alarm("EXTRA_VOLUME")
    assert alarm is not None
    assert (alarm.priority, alarm.value, alarm.unit) == (Priority.MEDIUM, D("0.70"), "mL")
    assert alarm.text.endswith("counted 0.70 mL beyond its rate since the occlusion ended.")
    run.run(430)  # as long after the two minutes in which it is watched
    assert run.world.alarm("EXTRA_VOLUME") is None


def test_a_change_of_the_syringe_is_a_silent_card_for_five_minutes() -> None:
    run = Treatment(treatment())
    run.run(60)
    run.pump.stop(run.clock_s)
    run.run(4)
    run.look(run.world.now_s + 1, shows(run.world.now_s + 1, DeviceAlarmKind.RESERVOIR_EMPTY))
    run.run(280)
    assert {"INFUSION_PAUSED", "SYRINGE_CHANGE"} & run.raised() == set()
    run.run(40)
    alarm = run.world.alarm("SYRINGE_CHANGE")
    assert alarm is not None
    assert alarm.priority is Priority.MEDIUM
    run.world.step(run.world.now_s + 1, shows(run.world.now_s + 1))
    run.pump.start(run.clock_s)
    run.run(12)
    assert run.world.alarm("SYRINGE_CHANGE") is None


def test_a_pause_is_low_after_two_minutes_and_none_at_the_end_of_the_treatment() -> None:
    run = Treatment(treatment())
    run.run(60)
    run.pump.stop(run.clock_s)
    run.run(116)
    assert "INFUSION_PAUSED" not in run.raised()
    run.run(16)
    alarm = run.world.alarm("INFUSION_PAUSED")
    assert alarm is not None
    assert alarm.priority is Priority.LOW
    run = Treatment(treatment(ordered(given_before_mg=D(139))))
    run.run(60)
    run.pump.stop(run.clock_s)
    run.run(300)
    assert "INFUSION_PAUSED" not in run.raised()


# --- gaps and restarts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead_s", "synchronised", "off_s"), [(60, True, 60), (-60, True, 3600), (60, False, 3600)])
def test_a_clock_that_went_back_or_is_not_known_makes_no_outage_short(
    ahead_s: float, synchronised: bool, off_s: float
) -> None:
    run = Treatment(treatment())
    run.run(60)
    kept = next(one.body for one in run.kept() if isinstance(one.body, KeptDose))
    now = Instant(50_000.0, kept.at.wall_s + ahead_s, synchronised)
    last = restore_dose.restored(kept, now, here=False).delivery.last
    assert last is not None
    assert last.at_s == 50_000.0 - off_s - (kept.at.mono_s - kept.sampled.mono_s)


def test_a_gap_is_bridged_by_the_pump_that_tells_its_serial_number() -> None:
    run = Treatment(treatment())
    run.run(300)
    run.world.run(run.world.now_s + 600)
    run.run(300)
    assert close(run.number("session_dose_low_mg"), 23.3, 0.5)
    assert run.metric("session_dose_low_mg").validity is Validity.VALID
    assert "DOSE_UNCERTAIN" not in run.raised()


def test_a_gap_of_a_pump_without_one_is_unsure_and_told() -> None:
    run = Treatment(treatment(), serial="")
    run.run(300)
    run.world.run(run.world.now_s + 600)
    run.run(8)
    alarm = run.world.alarm("DOSE_UNCERTAIN")
    assert alarm is not None
    assert alarm.priority is Priority.LOW
    assert run.metric("session_dose_low_mg").validity is Validity.QUESTIONABLE
    assert run.number("session_dose_low_mg") <= D(run.true_mg()) <= run.number("session_dose_high_mg")


def test_a_line_that_was_opened_again_is_a_gap_of_a_pump_without_one() -> None:
    run = Treatment(treatment(), serial="", rate="140")
    run.run(100)
    before = run.number("session_dose_low_mg")
    now_s = run.world.now_s
    run.world.step(now_s, LinkChange("rack", now_s, True, LinkCause.REOPENED, "", 4.0))
    run.run(4)
    assert run.number("session_dose_low_mg") == before
    assert run.metric("session_dose_low_mg").validity is Validity.QUESTIONABLE


def restarted(run: Treatment, after_s: float, *, here: bool = True, serial: str = "012345") -> Treatment:
    """The next run, after so long."""
    parts = run.kept(here=here)
    therapy = KeptTherapy(instant(run.world.now_s), run.therapy)
    assert {part.part.partition(":")[0] for part in parts} >= {"dose", "day"}
    for part in parts:
        assert kept_from_body(part.bed, part.part, kept_body(part.bed, part.part, part.body)) == part.body
    at_s = run.world.now_s + after_s
    parts.append(replace(parts[0], bed=BED, part="therapy", body=therapy))
    return Treatment(None, kept=parts, pump=run.pump, at_s=at_s, serial=serial, config=TREATING)


@pytest.mark.parametrize("after_s", [1.0, 300.0])
def test_a_restart_is_bridged_by_the_counter(after_s: float) -> None:
    run = Treatment(treatment())
    run.run(600)
    other = restarted(run, after_s)
    other.run(60)
    assert close(other.number("session_dose_low_mg"), other.true_mg(), 0.5)
    assert other.number("session_dose_low_mg") <= D(other.true_mg()) <= other.number("session_dose_high_mg")
    assert close(other.number("day_dose_mg_per_kg"), other.true_mg() / 70, 0.02)
    assert other.metric("session_dose_low_mg").validity is Validity.VALID
    assert other.raised() & {"FREE_FLOW", "FLOW_WHILE_STOPPED", "DOSE_UNCERTAIN"} == set()


def test_a_restart_with_another_pump_is_unsure() -> None:
    run = Treatment(treatment(), rate="70")
    run.run(600)
    other = restarted(run, 100.0, serial="099999")
    other.run(12)
    assert other.metric("session_dose_low_mg").validity is Validity.QUESTIONABLE
    given = other.number("session_dose_high_mg") - other.number("session_dose_low_mg")
    assert D(18) < given < D(26)  # 100 s and at most 30 s at 70 mL/h


def test_the_dose_never_falls_over_a_restart() -> None:
    run = Treatment(treatment())
    run.run(618)
    before = run.number("session_dose_low_mg")
    other = restarted(run, 5.0)
    other.run(4)
    assert other.number("session_dose_low_mg") >= before


def test_after_another_boot_a_stop_of_unknown_length_is_taken_for_an_hour() -> None:
    run = Treatment(treatment(), serial="")
    run.run(600)
    parts = []
    for part in run.kept(here=False):
        if isinstance(part.body, KeptDose):
            at = Instant(part.body.at.mono_s, 0.0, synchronised=False)
            parts.append(replace(part, body=replace(part.body, at=at)))
    parts.append(replace(parts[0], part="therapy", body=KeptTherapy(instant(run.world.now_s), run.therapy)))
    other = Treatment(None, kept=parts, pump=run.pump, at_s=run.world.now_s + 10, serial="", config=TREATING)
    other.run(8)
    assert close(other.number("session_dose_high_mg") - other.number("session_dose_low_mg"), 70, 2)  # an hour at 7 mL/h


def test_what_is_kept_is_kept_rarely() -> None:
    run = Treatment(treatment())
    run.run(600)
    kept = [effect.part for effect in effects_of(run) if isinstance(effect, Keep)]
    assert 18 <= sum(part.startswith("dose") for part in kept) <= 24
    run.pump.stop(run.clock_s)
    run.run(12)
    before = len(effects_of(run))
    run.run(300)
    later = [effect.part for effect in effects_of(run)[before:] if isinstance(effect, Keep)]
    assert set(later) <= {"therapy"}


def effects_of(run: Treatment) -> list[Effect]:
    return [effect for step in run.world.steps for effect in step.effects]


def test_two_channels_of_one_drug_add() -> None:
    other = ("rack", "13")
    bed = TREATING.beds[0]
    bed = replace(bed, pumps=(*bed.pumps, replace(bed.pumps[0], channel="13")))
    config = replace(TREATING, beds=(bed, *TREATING.beds[1:]))
    run = Treatment(treatment(ordered(), ordered(other)), config=config)
    for _ in range(150):
        at_s = run.world.now_s + 4
        first = said(run.pump, at_s)
        run.world.step(at_s, first, replace(first, channel="13"))
    assert close(run.number("session_dose_low_mg"), 2 * 11.67, 0.5)
