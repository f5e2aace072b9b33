"""What a run takes over from the run before: within one boot of the kernel, and after another."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.effects import Answer
from edge.core.model import (
    Acceptance,
    Acknowledgement,
    Alarm,
    Delivery,
    DeliveryState,
    Instant,
    Priority,
    SignalPresence,
    Silence,
    SilenceReason,
)
from edge.core.restore import initial_state
from edge.core.state import CoreState
from tests.core_world import CONFIG, START_S, instant
from tests.unit.alarm_acts import ASKED, Bedside, an_alarm

BEFORE = instant(START_S - 50)
NOW = instant(START_S)
ACKNOWLEDGED, LATCHED = SignalPresence.ACKNOWLEDGED, SignalPresence.LATCHED
FOREIGN = "OF_ANOTHER_VERSION"
"""A condition that no rule of this version judges: what becomes of it is the work of its restoring alone."""


def held(until_s: float, **changes: Any) -> Alarm:
    """An alarm that was acknowledged and accepted in the run before."""
    return an_alarm(
        FOREIGN,
        at=BEFORE,
        rev=4,
        signal=ACKNOWLEDGED,
        acknowledgement=Acknowledgement("anna", BEFORE, until_s),
        acceptance=Acceptance("anna", BEFORE),
        **changes,
    )


def restored(*alarms: Alarm, now: Instant = NOW, same_boot: bool = True) -> CoreState:
    here, elsewhere = (alarms, ()) if same_boot else ((), alarms)
    return initial_state(ASKED, "run-1", now, here, of_other_boots=elsewhere)


def one(alarm: Alarm, **how: Any) -> Alarm:
    (found,) = restored(alarm, **how).alarms.standing.values()
    return found


def begun(*alarms: Alarm, same_boot: bool = True, now: Instant = NOW) -> Bedside:
    return Bedside(speaking=False, alarms=alarms, state=restored(*alarms, same_boot=same_boot, now=now))


@pytest.mark.parametrize("same_boot", [True, False])
def test_what_stood_still_stands_is_not_verifiable_and_is_not_announced_as_new(same_boot: bool) -> None:
    stood = an_alarm(FOREIGN, at=BEFORE, rev=4)
    bed = begun(stood, same_boot=same_boot)
    alarm = bed.alarm(FOREIGN)
    assert (alarm.occurrence, alarm.rev, alarm.signal) == ("run-0-1", 5, SignalPresence.ON)
    assert (alarm.present, alarm.verifiable) == (True, False)
    assert bed.world.events == []
    assert [one.key for one in bed.world.indexes["bed-1"]] == [stood.key]


@pytest.mark.parametrize("same_boot", [True, False])
def test_a_latched_alarm_stays_latched_and_its_condition_is_known_to_be_over(same_boot: bool) -> None:
    bed = begun(an_alarm(FOREIGN, at=BEFORE, signal=LATCHED, present=False, latching=True), same_boot=same_boot)
    bed.run(60)
    alarm = bed.alarm(FOREIGN)
    assert (alarm.signal, alarm.present, alarm.verifiable, alarm.audible) == (LATCHED, False, True, True)
    bed.reset(FOREIGN)
    assert bed.world.present() == set()


# --- within one boot ---


def test_within_one_boot_an_acknowledgement_resumes_and_the_outage_counts() -> None:
    bed = begun(held(START_S + 30))
    bed.run(29)
    assert (bed.alarm(FOREIGN).signal, bed.world.events) == (ACKNOWLEDGED, [])
    assert bed.alarm(FOREIGN).acceptance == Acceptance("anna", BEFORE)
    bed.run(1)
    assert bed.phases(FOREIGN) == [(30, "remind")]


def test_within_one_boot_an_acknowledgement_that_ran_out_in_the_outage_ends_at_once() -> None:
    assert begun(held(START_S - 1)).phases(FOREIGN) == [(0, "remind")]


def test_within_one_boot_what_nobody_accepted_in_the_outage_goes_up_at_once() -> None:
    stood = an_alarm(FOREIGN, at=instant(START_S - 70))
    assert begun(stood).phases(FOREIGN) == [(0, "level")]
    younger = begun(an_alarm(FOREIGN, at=BEFORE))
    younger.run(10)
    assert younger.phases(FOREIGN) == [(10, "level")]


def test_within_one_boot_times_stay() -> None:
    stood = held(START_S + 30, event_at=instant(START_S - 55))
    found = one(stood)
    assert (found.onset, found.changed, found.event_at) == (BEFORE, BEFORE, instant(START_S - 55))
    assert found.acknowledgement == stood.acknowledgement


# --- after another boot ---


@pytest.mark.parametrize("until_s", [START_S + 30, START_S + 1e6, 1.0])
def test_after_another_boot_acknowledgement_and_acceptance_end(until_s: float) -> None:
    bed = begun(held(until_s), same_boot=False)
    alarm = bed.alarm(FOREIGN)
    assert bed.phases(FOREIGN) == [(0, "remind")]
    assert (alarm.signal, alarm.audible) == (SignalPresence.ON, True)
    assert (alarm.acknowledgement, alarm.acceptance) == (None, None)


def test_after_another_boot_an_acceptance_alone_ends_too_and_the_alarm_goes_up_from_now() -> None:
    stood = an_alarm(
        FOREIGN,
        at=instant(99_000.0),
        acceptance=Acceptance("anna", instant(99_000.0)),
        delivery=Delivery(DeliveryState.ACCEPTED, 2, 99_000.0),
    )
    bed = begun(stood, same_boot=False)
    assert (bed.alarm(FOREIGN).acceptance, bed.alarm(FOREIGN).delivery.level) == (None, 2)
    bed.run(119)
    assert bed.alarm(FOREIGN).delivery.level == 2
    bed.run(1)
    assert bed.phases(FOREIGN) == [(120, "level")]


BOOTS = {
    "synchronised on both sides": (True, True, 3600.0),
    "not before": (False, True, 0.0),
    "not now": (True, False, 0.0),
    "on neither side": (False, False, 0.0),
}


@pytest.mark.parametrize(("before", "now", "ago_s"), BOOTS.values(), ids=BOOTS)
def test_after_another_boot_times_are_known_by_synchronised_clocks_alone(before: bool, now: bool, ago_s: float) -> None:
    """The run before was at 99000 s of its boot, an hour ago by the wall clocks."""
    then = Instant(99_000.0, NOW.wall_s - 3600.0, before)
    stood = replace(held(99_030.0, event_at=then), onset=then, changed=then)
    stood = replace(stood, acknowledgement=Acknowledgement("anna", then, 99_030.0))
    found = one(stood, now=replace(NOW, synchronised=now), same_boot=False)
    moved = Instant(START_S - ago_s, then.wall_s, before)
    assert (found.onset, found.changed, found.event_at) == (moved, moved, moved)
    assert found.acknowledgement == Acknowledgement("anna", moved, START_S)


def test_a_clock_that_went_back_puts_nothing_into_the_future() -> None:
    then = Instant(99_000.0, NOW.wall_s + 500.0, synchronised=True)
    assert one(an_alarm(FOREIGN, at=then), same_boot=False).onset.mono_s == START_S


# --- pauses, and the way to a screen ---


@pytest.mark.parametrize("same_boot", [True, False])
@pytest.mark.parametrize("reason", [SilenceReason.AUDIO_PAUSE, SilenceReason.OFF_MONITOR])
def test_sm_c5_pauses_end_with_the_process(reason: SilenceReason, same_boot: bool) -> None:
    stood = an_alarm(FOREIGN, at=BEFORE, silence=Silence(reason, START_S + 500, "anna"))
    bed = begun(stood, same_boot=same_boot)
    assert bed.phases(FOREIGN) == [(0, "sound")]
    assert bed.alarm(FOREIGN).audible
    assert bed.world.therapies[-1].pauses == ()


def test_within_one_boot_a_soft_pressure_goes_on_waiting_for_its_repeat() -> None:
    stood = an_alarm(
        FOREIGN, at=BEFORE, priority=Priority.MEDIUM, silence=Silence(SilenceReason.AWAITING_REPEAT, START_S + 130)
    )
    bed = begun(stood)
    bed.run(129)
    assert not bed.alarm(FOREIGN).audible
    bed.run(1)
    assert bed.phases(FOREIGN) == [(130, "sound")]


def test_after_another_boot_a_soft_pressure_sounds_at_once() -> None:
    stood = an_alarm(
        FOREIGN, at=BEFORE, priority=Priority.MEDIUM, silence=Silence(SilenceReason.AWAITING_REPEAT, START_S + 130)
    )
    assert begun(stood, same_boot=False).phases(FOREIGN) == [(0, "sound")]


WAYS = [
    (DeliveryState.QUEUED, DeliveryState.QUEUED),
    (DeliveryState.BROKER_ACK, DeliveryState.BROKER_ACK),
    (DeliveryState.ACCEPTED, DeliveryState.ACCEPTED),
    (DeliveryState.UNDELIVERED, DeliveryState.QUEUED),
]


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_its_way_to_a_screen_is_timed_from_the_start(before: DeliveryState, after: DeliveryState) -> None:
    stood = an_alarm(FOREIGN, at=BEFORE, delivery=Delivery(before, 2, BEFORE.mono_s, 3, BEFORE))
    found = one(stood).delivery
    assert found == Delivery(after, 2, BEFORE.mono_s, 3, NOW)
    anew = one(stood, same_boot=False).delivery
    assert anew == Delivery(DeliveryState.QUEUED, 2, START_S, 3, NOW)


# --- the rest of the state ---


def test_answers_are_remembered_by_who_asked() -> None:
    given = Answer("desk", "ask-7", "accept", done=True, reason="", at=BEFORE)
    state = initial_state(CONFIG, "run-1", NOW, answers=[given])
    assert state.alarms.answers == {("desk", "ask-7"): given}


def test_a_new_run_counts_its_own_events_and_occurrences() -> None:
    bed = begun(an_alarm(FOREIGN, at=BEFORE))
    bed.reads(spo2=70)
    bed.speaking = True
    bed.run(1)
    assert bed.world.events[0].event_seq == 1
    assert bed.alarm("SPO2_LOW").occurrence == "run-1-1"


def test_what_is_judged_normal_after_the_start_ends_and_what_is_unheard_does_not() -> None:
    bed = begun(an_alarm("SPO2_LOW", band="hard"))
    bed.run(30)
    assert not bed.alarm("SPO2_LOW").verifiable
    bed.speaking = True
    bed.run(15)
    assert [phase for _, phase in bed.phases("SPO2_LOW")] == ["end"]


def test_what_is_beyond_its_limit_after_the_start_goes_on_as_the_same_occurrence() -> None:
    bed = begun(an_alarm("SPO2_LOW", band="hard", rev=4))
    bed.numbers = {"spo2": 85}
    bed.speaking = True
    bed.run(15)
    alarm = bed.alarm("SPO2_LOW")
    assert ([phase for _, phase in bed.phases("SPO2_LOW")], alarm.occurrence) == (["update"], "run-0-1")
    assert (alarm.verifiable, alarm.signal, alarm.band) == (True, SignalPresence.ON, "hard")
