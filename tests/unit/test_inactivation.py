"""The inactivation machine, row by row of its table (SM-C1 to SM-C6), and what a pause covers."""

from dataclasses import replace

import pytest

from drivers.model import DeviceAlarmKind
from edge.core.inactivation import PAUSE_LIMIT_S, REPEAT_LIMIT_S, Pause, silence_at_onset
from edge.core.inputs import AudioPause, BrokerLink, OffMonitor, Resume
from edge.core.model import Alarm, AlarmKey, Priority, Silence, SilenceReason
from tests.core_world import BED, OTHER_BED, OTHER_PUMP, START_S, order, place, pump, shows
from tests.unit.alarm_acts import (
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    MEDIUM_AT_ONCE,
    OF_PRIORITY,
    WATCHED,
    Bedside,
    an_alarm,
    name_of,
)

AUDIO, OFF, REPEAT = SilenceReason.AUDIO_PAUSE, SilenceReason.OFF_MONITOR, SilenceReason.AWAITING_REPEAT
SENSOR_OFF = DeviceAlarmKind.SENSOR_OFF
ANNA = "desk:anna"


def of(priority: Priority, bed: str = BED) -> Alarm:
    return replace(an_alarm(), key=AlarmKey(bed, "HR_HIGH"), priority=priority)


def test_no_pause_is_longer_than_its_bound() -> None:
    assert PAUSE_LIMIT_S == {AUDIO: 120.0, OFF: 900.0, SilenceReason.SERVICE: 3600.0}
    assert REPEAT_LIMIT_S == 180.0


IN_SCOPE = [
    (Pause(BED, AUDIO, 9.0, ""), BED, False, True),
    (Pause("", AUDIO, 9.0, ""), BED, False, True),
    (Pause("", AUDIO, 9.0, ""), "", False, True),
    (Pause(OTHER_BED, AUDIO, 9.0, ""), BED, False, False),
    (Pause(BED, AUDIO, 9.0, ""), "", False, False),
    (Pause(BED, OFF, 9.0, ""), BED, True, True),
    (Pause(BED, OFF, 9.0, ""), BED, False, False),
    (Pause(OTHER_BED, OFF, 9.0, ""), BED, True, False),
]


@pytest.mark.parametrize(("pause", "bed", "sensor", "covered"), IN_SCOPE)
def test_a_pause_covers_its_bed_or_all_and_off_the_monitor_only_sensors(
    pause: Pause, bed: str, sensor: bool, covered: bool
) -> None:
    for priority in Priority:
        assert pause.in_scope(of(priority, bed), sensor=sensor) is covered


@pytest.mark.parametrize("priority", Priority)
def test_an_audio_pause_covers_only_low_alarms_that_begin_in_it(priority: Priority) -> None:
    silence = silence_at_onset([Pause(BED, AUDIO, 50.0, ANNA)], of(priority), sensor=False, repeats=False, now_s=1.0)
    assert silence == (Silence(AUDIO, 50.0, ANNA) if priority is Priority.LOW else None)


@pytest.mark.parametrize("priority", Priority)
def test_off_the_monitor_covers_every_sensor_alarm_that_begins_in_it(priority: Priority) -> None:
    pauses = [Pause(BED, OFF, 50.0, ANNA)]
    assert silence_at_onset(pauses, of(priority), sensor=True, repeats=False, now_s=1.0) == Silence(OFF, 50.0, ANNA)
    assert silence_at_onset(pauses, of(priority), sensor=False, repeats=False, now_s=1.0) is None


@pytest.mark.parametrize("priority", Priority)
def test_a_measurement_that_can_be_repeated_waits_for_that_unless_it_is_hard(priority: Priority) -> None:
    silence = silence_at_onset([], of(priority), sensor=False, repeats=True, now_s=10.0)
    assert silence == (None if priority is Priority.HIGH else Silence(REPEAT, 190.0))


def test_of_two_pauses_the_one_that_ends_last_counts() -> None:
    pauses = [Pause(BED, AUDIO, 50.0, "a"), Pause("", AUDIO, 60.0, "b")]
    found = silence_at_onset(pauses, of(Priority.LOW), sensor=False, repeats=False, now_s=1.0)
    assert found == Silence(AUDIO, 60.0, "b")


# --- in the whole core, by rows ---


def standing(*kinds: DeviceAlarmKind) -> Bedside:
    bed = Bedside()
    bed.shows(*kinds)
    return bed


@pytest.mark.parametrize("priority", Priority, ids=lambda priority: f"SM-C1 {priority.name}")
def test_a_pause_silences_what_stands_and_shows_it_still(priority: Priority) -> None:
    kind = OF_PRIORITY[priority]
    bed = standing(kind)
    bed.pause(duration_s=60)
    alarm = bed.alarm(kind)
    assert bed.phases(kind) == [(0, "start"), (0, "silence")]
    assert (alarm.silence, alarm.audible, alarm.signal) == (Silence(AUDIO, START_S + 60, ANNA), False, "on")


@pytest.mark.parametrize(("act", "for_s"), [(AudioPause(BED, 1e9), 120), (OffMonitor(BED, 1e9), 900)])
def test_sm_c1_a_pause_is_cut_to_its_bound_and_sm_c2_ends_with_it(act: AudioPause | OffMonitor, for_s: int) -> None:
    bed = Bedside()
    bed.monitor_shows(SENSOR_OFF)
    bed.done(act)
    bed.run(for_s - 1)
    assert not bed.alarm(SENSOR_OFF).audible
    (shown,) = bed.world.therapies[-1].pauses
    assert (shown.until_s, shown.by) == (START_S + for_s, ANNA)
    bed.run(1)
    assert bed.phases(SENSOR_OFF) == [(0, "start"), (0, "silence"), (for_s, "sound")]
    assert bed.alarm(SENSOR_OFF).audible
    assert bed.world.therapies[-1].pauses == ()


def test_sm_c2_a_pause_ends_although_no_alarm_stands_and_covers_nothing_then() -> None:
    bed = Bedside()
    bed.pause(duration_s=10)
    bed.run(10)
    assert bed.world.therapies[-1].pauses == ()
    bed.shows(LOW_AT_ONCE)
    assert bed.alarm(LOW_AT_ONCE).audible


@pytest.mark.parametrize("scope", [BED, ""])
def test_sm_c3_a_pause_ends_by_hand(scope: str) -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.pause(scope)
    bed.run(5)
    bed.resume(scope)
    assert bed.phases(MEDIUM_AT_ONCE) == [(0, "start"), (0, "silence"), (5, "sound")]
    assert bed.alarm(MEDIUM_AT_ONCE).audible
    assert bed.world.therapies[-1].pauses == ()


def test_sm_c3_all_pauses_end_by_hand_at_once() -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.monitor_shows(SENSOR_OFF)
    bed.pause()
    bed.off_monitor()
    bed.done(Resume(""))
    assert bed.alarm(MEDIUM_AT_ONCE).audible
    assert bed.alarm(SENSOR_OFF).audible


def test_sm_c3_resuming_another_bed_leaves_this_one_paused() -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.pause()
    bed.resume(OTHER_BED)
    assert not bed.alarm(MEDIUM_AT_ONCE).audible


def test_sm_c4_every_pause_ends_when_the_broker_is_lost() -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.monitor_shows(SENSOR_OFF)
    bed.pause()
    bed.off_monitor()
    bed.run(3)
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="reset"))
    assert bed.phases(MEDIUM_AT_ONCE)[-1] == (3, "sound")
    assert bed.phases(SENSOR_OFF)[-1] == (3, "sound")
    assert bed.world.therapies[-1].pauses == ()
    bed.shows(MEDIUM_AT_ONCE, LOW_AT_ONCE)
    assert bed.alarm(LOW_AT_ONCE).audible


def test_sm_c4_every_pause_ends_when_the_last_required_station_is_lost() -> None:
    bed = Bedside(WATCHED)
    bed.painting = ("wall",)
    bed.shows(MEDIUM_AT_ONCE)
    bed.run(6)
    bed.pause()
    bed.painting = ()
    bed.run(9)
    assert not bed.alarm(MEDIUM_AT_ONCE).audible
    bed.run(1)
    assert bed.phases(MEDIUM_AT_ONCE)[-1] == (16, "sound")
    assert bed.world.therapies[-1].pauses == ()


def test_sm_c6_asked_for_again_a_pause_goes_on_from_there() -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.pause(duration_s=60)
    bed.run(40)
    bed.pause(duration_s=60)
    bed.run(59)
    assert not bed.alarm(MEDIUM_AT_ONCE).audible
    bed.run(1)
    assert bed.phases(MEDIUM_AT_ONCE) == [(0, "start"), (0, "silence"), (40, "silence"), (100, "sound")]


# --- what breaks through ---


@pytest.mark.parametrize(("kind", "audible"), [(HIGH_AT_ONCE, True), (MEDIUM_AT_ONCE, True), (LOW_AT_ONCE, False)])
def test_a_new_medium_or_high_alarm_sounds_through_an_audio_pause(kind: DeviceAlarmKind, audible: bool) -> None:
    bed = Bedside()
    bed.pause()
    bed.run(1)
    bed.shows(kind)
    assert bed.alarm(kind).audible is audible
    assert bed.phases(kind) == [(1, "start")]


def test_a_low_alarm_that_began_in_a_pause_sounds_when_it_ends() -> None:
    bed = Bedside()
    bed.pause(duration_s=10)
    bed.run(1)
    bed.shows(LOW_AT_ONCE)
    bed.run(9)
    assert bed.phases(LOW_AT_ONCE) == [(1, "start"), (10, "sound")]


def test_an_alarm_that_gets_worse_sounds_through_an_audio_pause() -> None:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.pause()
    bed.reads(heart_rate=145)
    bed.run(20)
    assert bed.phases("HR_HIGH")[-1][1] == "escalate"
    assert bed.alarm("HR_HIGH").audible


def test_a_latched_alarm_that_returns_sounds_through_an_audio_pause() -> None:
    bed = standing(HIGH_AT_ONCE)
    bed.shows()
    bed.pause()
    assert not bed.alarm(HIGH_AT_ONCE).audible
    bed.shows(HIGH_AT_ONCE)
    assert (bed.phases(HIGH_AT_ONCE)[-1][1], bed.alarm(HIGH_AT_ONCE).audible) == ("return", True)


def test_a_pause_of_one_bed_leaves_the_other_alone_and_a_pause_of_all_does_not() -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.hear(shows(START_S, MEDIUM_AT_ONCE, where=OTHER_PUMP))
    here, there = (
        AlarmKey(of_bed, name_of(MEDIUM_AT_ONCE), *where)
        for of_bed, where in ((BED, ("rack", "11")), (OTHER_BED, OTHER_PUMP))
    )
    bed.pause(BED)
    assert [bed.world.retained[key].audible for key in (here, there)] == [False, True]
    bed.pause("")
    assert [bed.world.retained[key].audible for key in (here, there)] == [False, False]


# --- off the monitor ---


def test_off_the_monitor_silences_sensor_alarms_old_and_new_and_no_dose_alarm() -> None:
    bed = Bedside()
    bed.speaking = False
    bed.hear(place(START_S, order()), pump(START_S, "40"))
    assert bed.alarm("DOSE_RATE_HIGH").audible
    bed.hear(shows(START_S, SENSOR_OFF, where=("mon-1", "0")))
    bed.off_monitor()
    assert bed.alarm("DOSE_RATE_HIGH").audible
    assert not bed.alarm(SENSOR_OFF).audible
    for at_s in range(1, 12):
        bed.world.step(START_S + at_s, pump(START_S + at_s, "40"))
    assert not bed.alarm("MONITOR_LINK_LOST").audible
    bed.hear(pump(bed.now_s, "41", drug="Ketamine"), shows(bed.now_s, MEDIUM_AT_ONCE))
    assert bed.alarm(MEDIUM_AT_ONCE).audible


# --- a cuff pressure that waits for its repeat ---


def measured(*cuffs: tuple[int, ...]) -> Bedside:
    """A bed whose cuff measured these pressures, one a minute."""
    bed = Bedside()
    for number, cuff in enumerate(cuffs):
        bed.cuff = cuff
        bed.run(60 if number else 1)
    return bed


SOFT, SOFT_AGAIN, WELL, HARD = (170, 75, 90, 70), (172, 76, 91, 71), (121, 74, 89, 70), (185, 75, 90, 70)


def test_a_soft_pressure_is_shown_at_once_and_sounds_after_three_minutes() -> None:
    bed = measured(SOFT)
    alarm = bed.alarm("BP_SYS_HIGH")
    assert (alarm.silence, alarm.audible) == (Silence(REPEAT, START_S + 181), False)
    bed.run(179)
    assert not bed.alarm("BP_SYS_HIGH").audible
    bed.run(1)
    assert bed.phases("BP_SYS_HIGH") == [(1, "start"), (181, "sound")]
    assert bed.alarm("BP_SYS_HIGH").audible


def test_a_soft_pressure_sounds_when_a_repeat_confirms_it() -> None:
    bed = measured(SOFT, SOFT_AGAIN)
    assert [phase for _, phase in bed.phases("BP_SYS_HIGH")] == ["start", "sound"]
    assert bed.phases("BP_SYS_HIGH")[-1][0] == 2
    assert bed.alarm("BP_SYS_HIGH").audible


def test_a_soft_pressure_that_a_repeat_denies_never_sounds() -> None:
    bed = measured(SOFT, WELL)
    assert bed.phases("BP_SYS_HIGH") == [(1, "start"), (2, "end")]


@pytest.mark.parametrize(("cuffs", "phases"), [((HARD,), ["start"]), ((SOFT, HARD), ["start", "escalate"])])
def test_a_hard_pressure_sounds_at_once(cuffs: tuple[tuple[int, ...], ...], phases: list[str]) -> None:
    bed = measured(*cuffs)
    assert [phase for _, phase in bed.phases("BP_SYS_HIGH")] == phases
    assert bed.alarm("BP_SYS_HIGH").audible


def test_an_audio_pause_does_not_shorten_the_wait_for_a_repeat() -> None:
    bed = measured(SOFT)
    bed.pause(duration_s=10)
    bed.run(20)
    assert bed.alarm("BP_SYS_HIGH").silence == Silence(REPEAT, START_S + 181)
