"""A bed under service: what is silent then, what never is, and what ends it (SM-C3, SM-C9; H-20, H-22)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import DeviceAlarmKind, InfusionState
from edge.core.effects import Journal, Keep, PauseView
from edge.core.inputs import AlarmFound, BrokerLink, Resume, Role, Service
from edge.core.model import Instant, Phase, Priority, Silence, SilenceReason
from edge.core.restore import initial_state
from edge.core.restore_therapy import KeptPart
from edge.core.therapy import Checklist
from edge.core.therapy_acts import StartPatient
from edge.core.therapy_state import SERVICE, KeptService
from tests.core_world import BED, OTHER_BED, OTHER_PUMP, START_S, instant, order, place, pump, shows
from tests.unit.alarm_acts import (
    ASKED,
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    MEDIUM_AT_ONCE,
    OF_PRIORITY,
    WATCHED,
    Bedside,
    an_alarm,
    name_of,
)

ANNA = "desk:anna"
HELD = Silence(SilenceReason.SERVICE, START_S + 3600, ANNA)
TECHNICIAN = Role.TECHNICIAN


def served(duration_s: float = 3600.0) -> Bedside:
    """A bed under service, nothing of which alarms yet."""
    bed = Bedside()
    bed.done(Service(BED, duration_s), role=TECHNICIAN)
    return bed


def journal(bed: Bedside, kind: str) -> list[dict[str, str]]:
    """The rows of a kind in the journal."""
    effects = [effect for step in bed.world.steps for effect in step.effects]
    return [dict(effect.body) for effect in effects if isinstance(effect, Journal) and effect.kind == kind]


def pauses(bed: Bedside) -> tuple[PauseView, ...]:
    """What the bed's therapy shows of its pauses."""
    return [one for one in bed.world.therapies if one.bed == BED][-1].pauses


def started(bed: Bedside, where: str = BED) -> None:
    bed.done(StartPatient(where, "4711", Decimal(70), Checklist()))


@pytest.mark.parametrize("kind", OF_PRIORITY.values(), ids=lambda kind: kind.name)
def test_what_a_device_shows_meanwhile_is_shown_kept_and_calls_nobody(kind: DeviceAlarmKind) -> None:
    bed = served()
    bed.shows(kind)
    alarm = bed.alarm(kind)
    assert (alarm.silence, alarm.audible, alarm.present) == (HELD, False, True)
    assert [one.key.name for one in bed.world.indexes[BED]] == [f"{name_of(kind)}.rack.11"]
    bed.run(1800)
    # Neither a higher level nor a sound in half an hour: nobody is called.
    assert bed.phases(kind) == [(0, "start")]
    assert bed.alarm(kind).delivery.level == 1
    assert [(row["phase"], row["silence"]) for row in journal(bed, "alarm")] == [("start", "service")]


def test_what_stood_before_goes_silent_and_what_is_over_leaves_nothing_latched() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.done(Service(BED, 3600), role=TECHNICIAN)
    assert bed.alarm(HIGH_AT_ONCE).silence == HELD
    bed.shows()
    assert bed.world.standing() == set()
    bed.shows(HIGH_AT_ONCE)
    bed.shows()
    assert bed.world.standing() == set()


def test_other_beds_sound_as_ever() -> None:
    bed = served()
    bed.hear(pump(bed.now_s, "0", InfusionState.STOPPED, where=OTHER_PUMP))
    bed.hear(shows(bed.now_s, MEDIUM_AT_ONCE, where=OTHER_PUMP))
    (alarm,) = [one for one in bed.world.retained.values() if one.key.bed == OTHER_BED]
    assert alarm.audible


def test_a_vital_sign_beyond_its_limit_and_a_dose_sound_through_it() -> None:
    bed = served()
    bed.reads(heart_rate=170)
    bed.run(12)
    assert bed.alarm("HR_HIGH").audible
    bed.monitor_shows(DeviceAlarmKind.LIFE_THREATENING)
    assert bed.alarm(DeviceAlarmKind.LIFE_THREATENING).audible
    bed.hear(pump(bed.now_s, "5.0"))
    assert bed.alarm("ORDER_MISSING").audible


def test_it_is_shown_and_ends_by_its_time_with_a_sound_of_what_is_still_so() -> None:
    bed = served(600.0)
    (shown,) = pauses(bed)
    assert (shown.reason, shown.by, shown.until_s) == (SilenceReason.SERVICE, ANNA, START_S + 600)
    bed.shows(HIGH_AT_ONCE)
    bed.run(599)
    assert not bed.alarm(HIGH_AT_ONCE).audible
    bed.run(1)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (600, "sound")
    assert bed.alarm(HIGH_AT_ONCE).latching
    assert pauses(bed) == ()
    bed.run(60)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (660, "level")


def test_it_is_an_hour_at_most() -> None:
    bed = served(1e9)
    (shown,) = pauses(bed)
    assert shown.until_s == START_S + 3600


@pytest.mark.parametrize("act", [Service(BED, 0), Resume(BED)], ids=["service ended", "resumed"])
def test_sm_c3_it_ends_by_hand_at_its_bed(act: Service | Resume) -> None:
    bed = served()
    bed.shows(MEDIUM_AT_ONCE)
    bed.run(5)
    bed.done(act)
    assert bed.phases(MEDIUM_AT_ONCE)[-1] == (5, "sound")
    assert pauses(bed) == ()
    answer = bed.ask(Service(BED, 0))
    assert (answer.done, answer.reason) == (False, "Bed 1 is not under service")


def test_neither_another_bed_nor_the_broker_nor_a_screen_ends_it() -> None:
    bed = Bedside(WATCHED)
    bed.painting = ("wall",)
    bed.done(Service(BED, 3600), role=TECHNICIAN)
    bed.shows(MEDIUM_AT_ONCE)
    bed.resume("")
    bed.resume(OTHER_BED)
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="reset"))
    bed.hear(BrokerLink(bed.now_s, connected=True, detail=""))
    bed.painting = ()
    bed.run(30)
    assert bed.alarm(MEDIUM_AT_ONCE).silence == HELD


def test_sm_c9_a_patient_who_is_started_ends_it_and_what_is_so_sounds() -> None:
    bed = served()
    bed.shows(MEDIUM_AT_ONCE)
    bed.run(5)
    started(bed)
    assert bed.phases(MEDIUM_AT_ONCE)[-1] == (5, "sound")
    assert pauses(bed) == ()


def test_sm_c9_a_patient_who_is_there_in_any_way_ends_it() -> None:
    bed = served()
    bed.shows(MEDIUM_AT_ONCE)
    bed.hear(place(bed.now_s, order()))
    assert bed.world.core.snapshot().beds[BED].therapy.patient is not None
    assert bed.alarm(MEDIUM_AT_ONCE).audible
    assert pauses(bed) == ()
    assert [row["why"] for row in journal(bed, "pause ended")] == ["a patient was started"]


def test_a_patient_at_another_bed_does_not_end_it() -> None:
    bed = served()
    bed.shows(MEDIUM_AT_ONCE)
    started(bed, OTHER_BED)
    bed.run(2)
    assert bed.alarm(MEDIUM_AT_ONCE).silence == HELD


def test_it_is_refused_with_a_patient_with_a_running_pump_and_at_no_bed() -> None:
    bed = Bedside()
    bed.hear(pump(bed.now_s, "5.0"))
    answer = bed.ask(Service(BED, 3600), role=TECHNICIAN)
    assert answer.reason == "Bed 1: rack channel 11 was last seen to run: stop the pump first"
    bed.run(2)
    started(bed)
    answer = bed.ask(Service(BED, 3600), role=TECHNICIAN)
    assert answer.reason == "Bed 1 has a patient, case 4711: close the therapy first"
    assert bed.ask(Service("bed-9", 3600), role=TECHNICIAN).reason == "there is no bed bed-9"
    assert bed.ask(Service(OTHER_BED, 3600), role=Role.VIEWER).reason == "a viewer may not: it takes a technician"
    bed.shows(MEDIUM_AT_ONCE)
    assert bed.alarm(MEDIUM_AT_ONCE).audible


def test_acknowledging_under_service_does_not_make_it_sound_sooner() -> None:
    bed = served()
    bed.shows(LOW_AT_ONCE, HIGH_AT_ONCE)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(400)
    assert not bed.alarm(HIGH_AT_ONCE).audible
    assert Phase.SOUND.value not in {phase for _, phase in bed.phases(HIGH_AT_ONCE)}


# --- over a restart ---


def kept_of(bed: Bedside) -> list[KeptService | None]:
    effects = [effect for step in bed.world.steps for effect in step.effects]
    return [effect.body for effect in effects if isinstance(effect, Keep) and effect.part == SERVICE]  # type: ignore[misc]


def test_it_is_kept_once_and_removed_when_it_ends() -> None:
    bed = served()
    bed.run(100)
    (kept,) = kept_of(bed)
    assert kept is not None
    assert (kept.until_s, kept.by) == (START_S + 3600, ANNA)
    bed.done(Service(BED, 0))
    assert kept_of(bed) == [kept, None]


def begun(left_s: float, *, here: bool, synchronised: bool = True, ago_s: float = 60.0) -> Bedside:
    """A run that begins a minute after a service was kept, over a device alarm that it covered."""
    now = replace(instant(START_S), synchronised=synchronised)
    at = Instant(START_S - ago_s if here else 90_000.0, now.wall_s - ago_s, synchronised=True)
    part = KeptPart(BED, SERVICE, KeptService(at, at.mono_s + left_s, ANNA), here=here)
    until_s = START_S + left_s - ago_s
    stood = an_alarm(name_of(MEDIUM_AT_ONCE), at=at, priority=Priority.MEDIUM, band="device")
    silence = Silence(SilenceReason.SERVICE, until_s, ANNA)
    stood = replace(stood, key=stood.key._replace(port="rack", channel="11"), silence=silence)
    here_or_not = ([stood], []) if here else ([], [stood])
    state = initial_state(ASKED, "run-1", now, here_or_not[0], of_other_boots=here_or_not[1], therapy=[part])
    bed = Bedside(state=state)
    bed.shows(MEDIUM_AT_ONCE)
    return bed


@pytest.mark.parametrize("here", [True, False], ids=["same boot", "another boot"])
def test_it_goes_on_after_a_restart_with_what_is_left(here: bool) -> None:
    bed = begun(600.0, here=here)
    (shown,) = pauses(bed)
    assert (shown.reason, shown.until_s) == (SilenceReason.SERVICE, START_S + 540)
    bed.run(539)
    assert not bed.alarm(MEDIUM_AT_ONCE).audible
    bed.run(1)
    assert bed.alarm(MEDIUM_AT_ONCE).audible
    assert kept_of(bed)[-1] is None


def test_what_only_the_broker_still_has_of_it_is_adopted_in_silence() -> None:
    bed = Bedside(speaking=False)
    bed.done(Service(BED, 3600), role=TECHNICIAN)
    stood = an_alarm("DATA_FROZEN", priority=Priority.MEDIUM)
    stood = replace(stood, key=stood.key._replace(port="rack", channel="11"))
    bed.hear(AlarmFound(bed.now_s, stood))
    assert bed.alarm("DATA_FROZEN").silence == HELD
    bed.hear(AlarmFound(bed.now_s, an_alarm("FREE_FLOW")))
    assert bed.alarm("FREE_FLOW").audible


@pytest.mark.parametrize(
    ("left_s", "here", "synchronised"),
    [(30.0, True, True), (30.0, False, True), (3600.0, False, False)],
    ids=["over meanwhile", "over after another boot", "nobody knows how long"],
)
def test_it_is_over_after_a_restart_where_its_time_is_up_or_not_known(
    left_s: float, here: bool, synchronised: bool
) -> None:
    bed = begun(left_s, here=here, synchronised=synchronised)
    bed.run(1)
    assert pauses(bed) == ()
    assert bed.alarm(MEDIUM_AT_ONCE).audible
    assert kept_of(bed) == [None]
    assert [row["reason"] for row in journal(bed, "pause ended")] == ["service"]
