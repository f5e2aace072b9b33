"""Traps between the machines of the alarm system: what two laws that hold alone could still do wrong together."""

import pytest

from drivers.model import DeviceAlarmKind
from edge.core.config import Binding, CoreConfig
from edge.core.effects import Journal
from edge.core.inputs import (
    BrokerLink,
    ConfirmDevice,
    Resume,
)
from edge.core.model import (
    Acknowledgement,
    Phase,
    Priority,
    SignalPresence,
    Silence,
    SilenceReason,
)
from edge.core.restore import initial_state
from tests.core_world import (
    BED,
    MONITOR,
    OTHER_MONITOR,
    PUMP,
    START_S,
    instant,
    is_called,
    monitor,
    order,
    place,
    pump,
    with_bed,
)
from tests.unit.alarm_acts import (
    ASKED,
    HIGH_AT_ONCE,
    MEDIUM_AT_ONCE,
    WATCHED,
    Bedside,
)

K = DeviceAlarmKind
ANNA = "desk:anna"
ON, LATCHED, ACKNOWLEDGED = SignalPresence.ON, SignalPresence.LATCHED, SignalPresence.ACKNOWLEDGED


def standing(*kinds: DeviceAlarmKind) -> Bedside:
    bed = Bedside()
    bed.shows(*kinds)
    return bed


def journalled(bed: Bedside, kind: str) -> list[Journal]:
    effects = [effect for step in bed.world.steps for effect in step.effects]
    return [effect for effect in effects if isinstance(effect, Journal) and effect.kind == kind]


def loses_broker(bed: Bedside) -> None:
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="reset"))


# --- pauses ---


PAUSED_TWICE = {
    "an audio pause": ("pause", 120.0, HIGH_AT_ONCE),
    "off the monitor": ("off_monitor", 900.0, K.SENSOR_OFF),
}


def paused_shorter(pause: str, long_s: float, kind: DeviceAlarmKind) -> Bedside:
    """A bed whose long pause was replaced by one of 10 s a second later."""
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.monitor_shows(K.SENSOR_OFF)
    getattr(bed, pause)(duration_s=long_s)
    bed.run(1)
    getattr(bed, pause)(duration_s=10.0)
    assert not bed.alarm(kind).audible
    return bed


@pytest.mark.parametrize(("pause", "long_s", "kind"), PAUSED_TWICE.values(), ids=PAUSED_TWICE)
def test_a_shorter_pause_that_replaces_a_longer_one_ends_everything_with_itself(
    pause: str, long_s: float, kind: DeviceAlarmKind
) -> None:
    bed = paused_shorter(pause, long_s, kind)
    bed.run(9)
    assert not bed.alarm(kind).audible
    bed.run(1)
    assert (bed.alarm(kind).audible, bed.alarm(kind).silence) == (True, None)


@pytest.mark.parametrize(("pause", "long_s", "kind"), PAUSED_TWICE.values(), ids=PAUSED_TWICE)
def test_after_a_resume_and_a_lost_broker_nothing_of_the_longer_pause_is_left(
    pause: str, long_s: float, kind: DeviceAlarmKind
) -> None:
    resumed, lost = (paused_shorter(pause, long_s, kind) for _ in range(2))
    resumed.resume()
    loses_broker(lost)
    for bed in (resumed, lost):
        assert bed.phases(kind)[-1] == (1, "sound")
        assert (bed.alarm(kind).audible, bed.world.therapies[-1].pauses) == (True, ())


def test_a_pause_of_one_bed_does_not_cut_short_what_a_pause_of_all_covers() -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.pause("", duration_s=60)
    bed.pause(duration_s=10)
    bed.resume()
    assert bed.alarm(MEDIUM_AT_ONCE).silence == Silence(SilenceReason.AUDIO_PAUSE, START_S + 60, ANNA)
    bed.resume("")
    assert bed.alarm(MEDIUM_AT_ONCE).audible


def test_one_bed_cannot_be_resumed_under_a_pause_of_all_and_the_asker_is_told_why() -> None:
    bed = standing(MEDIUM_AT_ONCE)
    bed.pause("")
    answer = bed.ask(Resume(BED))
    assert (answer.done, answer.reason) == (False, "the pause is for all beds: resume all")
    assert not bed.alarm(MEDIUM_AT_ONCE).audible
    bed.resume("")
    assert bed.alarm(MEDIUM_AT_ONCE).audible


def test_an_acknowledgement_leaves_the_silence_of_off_the_monitor() -> None:
    bed = Bedside()
    bed.monitor_shows(K.SENSOR_OFF)
    bed.off_monitor(duration_s=600)
    bed.acknowledge(K.SENSOR_OFF)
    silence = Silence(SilenceReason.OFF_MONITOR, START_S + 600, ANNA)
    assert (bed.alarm(K.SENSOR_OFF).signal, bed.alarm(K.SENSOR_OFF).silence) == (ACKNOWLEDGED, silence)
    bed.run(600)
    assert bed.phases(K.SENSOR_OFF)[-1] == (600, "sound")


def test_a_pause_that_ends_by_its_time_is_journalled() -> None:
    bed = Bedside()
    bed.pause(duration_s=5)
    bed.run(10)
    (row,) = journalled(bed, "pause ended")
    assert row.at == instant(START_S + 5)
    assert dict(row.body) == {"bed": BED, "reason": "audio_pause", "why": "its time is up"}


# --- levels ---


def test_a_reminder_keeps_the_level_and_the_clock_of_the_next_one() -> None:
    bed = standing(HIGH_AT_ONCE)
    bed.run(59)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(200)
    assert bed.phases(HIGH_AT_ONCE)[1:] == [(59, "acknowledge"), (60, "level"), (120, "level"), (179, "remind")]
    assert bed.alarm(HIGH_AT_ONCE).delivery.level == 3


def test_a_reminder_before_the_next_level_does_not_put_it_off() -> None:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.acknowledge("HR_HIGH")
    bed.reads(heart_rate=136)
    bed.run(180)
    assert [phase for _, phase in bed.phases("HR_HIGH")] == ["start", "acknowledge", "remind", "level"]
    assert bed.phases("HR_HIGH")[-1] == (200, "level")  # three minutes after its start at 20 s


def test_a_worse_band_keeps_the_level_and_begins_the_clock_of_the_next_one_anew() -> None:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(210)
    bed.reads(heart_rate=145)
    bed.run(10)
    assert bed.phases("HR_HIGH") == [(20, "start"), (200, "level"), (220, "escalate")]
    assert (bed.alarm("HR_HIGH").priority, bed.alarm("HR_HIGH").delivery.level) == (Priority.HIGH, 2)
    bed.run(119)
    assert bed.alarm("HR_HIGH").delivery.level == 2
    bed.run(1)
    assert (bed.phases("HR_HIGH")[-1], bed.alarm("HR_HIGH").delivery.level) == ((340, "level"), 3)


def test_at_the_highest_level_a_worse_band_stays_there() -> None:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(400)
    bed.reads(heart_rate=145)
    bed.run(300)
    assert [phase for _, phase in bed.phases("HR_HIGH")] == ["start", "level", "level", "escalate"]
    assert bed.alarm("HR_HIGH").delivery.level == 3


@pytest.mark.parametrize("phase", [Phase.REMIND, Phase.ESCALATE])
def test_only_who_had_accepted_brings_the_level_down_with_the_next_noise(phase: Phase) -> None:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(210)
    bed.accept("HR_HIGH", acknowledge=True)
    bed.reads(heart_rate=136 if phase is Phase.REMIND else 145)
    bed.run(20)
    assert phase in [told for _, told in bed.phases("HR_HIGH")]
    assert (bed.alarm("HR_HIGH").delivery.level, bed.alarm("HR_HIGH").acceptance) == (1, None)


# --- acknowledgements, and what latches ---


def test_worse_by_one_step_counts_from_the_value_at_the_acknowledgement() -> None:
    """It had fallen from 139 to 122 by then: 131 is not yet 10 more, and 132 is."""
    bed = Bedside()
    bed.reads(heart_rate=139)
    bed.run(30)
    bed.reads(heart_rate=122)
    bed.run(30)
    bed.acknowledge("HR_HIGH")
    held = bed.alarm("HR_HIGH").acknowledgement
    assert held is not None
    assert str(held.value) == "122"
    bed.reads(heart_rate=131)
    bed.run(30)
    assert bed.alarm("HR_HIGH").signal is ACKNOWLEDGED
    bed.reads(heart_rate=132)
    bed.run(10)
    assert (bed.phases("HR_HIGH")[-1][1], bed.alarm("HR_HIGH").signal) == ("remind", ON)


def test_a_high_alarm_that_ends_after_its_reminder_latches() -> None:
    bed = standing(HIGH_AT_ONCE)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(121)
    bed.shows()
    assert bed.phases(HIGH_AT_ONCE)[-1] == (121, "latch")
    assert (bed.alarm(HIGH_AT_ONCE).signal, bed.alarm(HIGH_AT_ONCE).audible) == (LATCHED, True)


@pytest.mark.parametrize("accepted_first", [True, False])
def test_accepted_and_acknowledged_in_either_order_a_high_alarm_is_silent_for_5_min(accepted_first: bool) -> None:
    bed = standing(HIGH_AT_ONCE)
    for act in (bed.accept, bed.acknowledge) if accepted_first else (bed.acknowledge, bed.accept):
        act(HIGH_AT_ONCE)
    bed.run(299)
    assert bed.alarm(HIGH_AT_ONCE).acknowledgement == Acknowledgement(ANNA, instant(START_S), START_S + 300)
    bed.run(1)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (300, "remind")


def test_who_accepts_later_has_5_min_from_the_acknowledgement() -> None:
    bed = standing(HIGH_AT_ONCE)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(100)
    bed.accept(HIGH_AT_ONCE)
    bed.run(200)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (300, "remind")


def test_a_latching_high_alarm_that_became_milder_stands_as_it_was_until_it_is_acknowledged() -> None:
    bed = Bedside()
    bed.reads(heart_rate=145)
    bed.run(30)
    hard = bed.alarm("HR_HIGH")
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.accept("HR_HIGH")  # who goes has not silenced it
    stood = bed.alarm("HR_HIGH")
    assert (stood.priority, stood.band, stood.text, stood.value) == (Priority.HIGH, "hard", hard.text, hard.value)
    assert (stood.signal, stood.latching) == (ON, True)
    assert stood.now is not None
    assert (stood.now.priority, stood.now.band, str(stood.now.value)) == (Priority.MEDIUM, "soft", "125")
    bed.acknowledge("HR_HIGH")
    milder = bed.alarm("HR_HIGH")
    assert (milder.priority, milder.band, milder.text) == (stood.now.priority, stood.now.band, stood.now.text)
    assert (milder.value, milder.limit) == (stood.now.value, stood.now.limit)
    assert (milder.now, milder.signal, milder.latching) == (None, ACKNOWLEDGED, False)
    assert (milder.occurrence, milder.onset) == (hard.occurrence, hard.onset)


def test_a_nurse_who_confirms_a_device_finds_nothing_latched() -> None:
    bed = Bedside(speaking=False)
    bed.hear(place(START_S, order()), is_called(START_S, "01234"), pump(START_S))
    bed.world.step(START_S + 1, is_called(START_S + 1, "05678"), pump(START_S + 1))
    assert bed.alarm("DEVICE_IDENTITY_CHANGED").latching
    bed.done(ConfirmDevice(BED, *PUMP, "05678"))
    assert bed.phases("DEVICE_IDENTITY_CHANGED") == [(1, "start"), (1, "end")]
    assert "DEVICE_IDENTITY_CHANGED" not in bed.world.standing()


# --- monitors, and measurements ---


def infusing_while(*monitors: tuple[str, str], seconds: int) -> Bedside:
    """A bed with two monitors and a pump that runs; of the monitors only these speak on."""
    both = (Binding(*MONITOR), Binding(*OTHER_MONITOR))
    bed = Bedside(with_bed(ASKED, monitors=both), speaking=False)
    bed.hear(place(START_S, order()), pump(START_S), monitor(START_S), monitor(START_S, OTHER_MONITOR))
    for at_s in (START_S + second for second in range(1, seconds + 1)):
        bed.world.step(at_s, pump(at_s), *(monitor(at_s, where) for where in monitors))
    return bed


def link_lost(bed: Bedside) -> dict[tuple[str, str], Priority]:
    return {
        (key.port, key.channel): alarm.priority
        for key, alarm in bed.world.retained.items()
        if key.condition == "MONITOR_LINK_LOST"
    }


def test_a_lost_monitor_is_high_while_the_bed_infuses_and_no_other_monitor_speaks() -> None:
    assert link_lost(infusing_while(seconds=20)) == {MONITOR: Priority.HIGH, OTHER_MONITOR: Priority.HIGH}
    assert link_lost(infusing_while(OTHER_MONITOR, seconds=20)) == {MONITOR: Priority.MEDIUM}
    stopped = Bedside(speaking=False)
    stopped.hear(place(START_S, order()), monitor(START_S))
    stopped.run(20)
    assert link_lost(stopped) == {MONITOR: Priority.MEDIUM}


def restarted(cuff: tuple[int, ...]) -> Bedside:
    """A soft pressure waited for its repeat, the edge was restarted, and the cuff shows these numbers."""
    before = Bedside()
    before.cuff = (170, 75, 90, 70)
    before.run(5)
    alarm = before.alarm("BP_SYS_HIGH")
    assert alarm.silence == Silence(SilenceReason.AWAITING_REPEAT, START_S + 181)
    state = initial_state(ASKED, "run-2", instant(START_S + 5), [alarm])
    bed = Bedside(speaking=False, alarms=[alarm], state=state)
    bed.cuff = (170, 75, 90, 70)
    bed.speaking = True
    bed.run(10)
    bed.cuff = cuff
    bed.run(10)
    return bed


def test_a_restart_does_not_make_a_repeat_of_the_same_measurement() -> None:
    same = restarted((170, 75, 90, 70))
    assert [phase for _, phase in same.phases("BP_SYS_HIGH")] == ["update"]
    assert not same.alarm("BP_SYS_HIGH").audible
    another = restarted((172, 76, 91, 71))
    assert another.phases("BP_SYS_HIGH")[-1] == (11, "sound")
    assert another.alarm("BP_SYS_HIGH").audible


# --- when the core must step again ---


def test_the_next_deadline_is_never_after_what_time_does_next() -> None:
    """A pause, a reminder, a level and a way to a screen each end a quarter second after a beat."""

    def begun(config: CoreConfig = ASKED) -> Bedside:
        bed = Bedside(config)
        bed.run(0.25)
        bed.shows(HIGH_AT_ONCE)
        return bed

    paused, reminded, unattended, unseen = begun(), begun(), begun(), begun(WATCHED)
    paused.pause(duration_s=10)
    reminded.accept(HIGH_AT_ONCE, acknowledge=True)
    due: list[tuple[Bedside, float, str]] = [
        (paused, 10, "sound"),
        (reminded, 300, "remind"),
        (unattended, 60, "level"),
    ]
    for bed, after_s, phase in due:
        bed.run(0.75)
        bed.run(after_s - 1)
        assert bed.world.steps[-1].next_deadline_s == START_S + after_s + 0.25
        bed.run(0.25)
        assert bed.phases(HIGH_AT_ONCE)[-1] == (after_s + 0.25, phase)
    unseen.run(0.75)
    unseen.run(4)
    assert unseen.world.steps[-1].next_deadline_s == START_S + 5.25
    unseen.run(0.25)
    assert [row.at for row in journalled(unseen, "undelivered")] == [instant(START_S + 5.25)]
