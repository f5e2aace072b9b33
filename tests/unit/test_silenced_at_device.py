"""An alarm that somebody silenced at its device counts as attended, for a while (SM-C7, SM-C8; H-20, H-22, H-23)."""

from collections.abc import Callable

import pytest

from drivers.model import AlarmSetChanged, DeviceAlarm, DeviceAlarmKind
from edge.core.inactivation import silence_at_device
from edge.core.inputs import BrokerLink, LinkCause, LinkChange, StoreResult
from edge.core.model import Acceptance, Priority, SignalPresence, Silence, SilenceReason
from edge.core.restore import initial_state
from tests.core_world import BED, MONITOR, START_S, instant
from tests.unit.alarm_acts import ASKED, Bedside, contents

K = DeviceAlarmKind
AT_DEVICE = SilenceReason.AT_DEVICE
WHERE = "mon-1.0"
OF_PRIORITY = {Priority.HIGH: K.LIFE_THREATENING, Priority.MEDIUM: K.VITAL_SIGN, Priority.LOW: K.SENSOR_OFF}
HELD_S = {Priority.HIGH: 120.0, Priority.MEDIUM: 300.0, Priority.LOW: 900.0}
APNEA, ASYSTOLE = "APNEA", "ASYSTOLE"
VITAL, LIFE = "DEVICE_VITAL_SIGN", "DEVICE_LIFE_THREATENING"


def says(bed: Bedside, *codes: str, kind: DeviceAlarmKind = K.LIFE_THREATENING) -> None:
    """The monitor shows these alarms from now on; one whose code ends with ``!`` was silenced at it."""
    alarms = [
        DeviceAlarm(kind, code.rstrip("!"), f"{code.rstrip('!')}{' (silenced)' * code.endswith('!')}", code[-1] == "!")
        for code in codes
    ]
    bed.hear(AlarmSetChanged(*MONITOR, bed.now_s, tuple(alarms)))


def begun(*codes: str, kind: DeviceAlarmKind = K.LIFE_THREATENING) -> Bedside:
    bed = Bedside()
    bed.run(1)
    says(bed, *codes, kind=kind)
    return bed


def silenced(kind: DeviceAlarmKind = K.LIFE_THREATENING) -> Bedside:
    """An alarm that sounded for 10 s, and was then silenced at the monitor, 11 s after the beginning."""
    bed = begun(APNEA, kind=kind)
    bed.run(10)
    says(bed, f"{APNEA}!", kind=kind)
    return bed


@pytest.mark.parametrize("priority", Priority)
def test_sm_c7_it_is_shown_marked_and_silent_as_long_as_an_acknowledgement_holds(priority: Priority) -> None:
    kind, held_s = OF_PRIORITY[priority], HELD_S[priority]
    bed = silenced(kind)
    alarm = bed.alarm(kind)
    assert alarm.priority is priority
    assert (alarm.present, alarm.signal, alarm.audible) == (True, SignalPresence.ON, False)
    assert alarm.silence == Silence(AT_DEVICE, START_S + 11 + held_s, WHERE)
    assert alarm.text == "Bed 1: the monitor reports: APNEA (silenced) (APNEA)."
    bed.run(held_s - 1)
    assert bed.phases(kind) == [(1, "start"), (11, "silence")]  # no level either
    bed.run(1)
    assert bed.phases(kind)[2:] == [(11 + held_s, "sound")]
    assert bed.alarm(kind).audible
    # H-22: it is not silenced again because it is still silenced there.
    says(bed, f"{APNEA}!", kind=kind)
    bed.run(30)
    assert bed.alarm(kind).audible


def test_it_goes_up_again_from_when_it_sounds_again() -> None:
    bed = silenced()
    bed.run(120 + 59)
    assert bed.phases(LIFE)[-1] == (131, "sound")
    bed.run(1)
    assert bed.phases(LIFE)[-1] == (191, "level")


def test_nothing_is_made_quiet_before_it_is_on_the_disk() -> None:
    bed = begun(APNEA)
    bed.world.keeps = False
    says(bed, f"{APNEA}!")
    mark = bed.world.steps[-1].mark
    assert bed.alarm(LIFE).audible
    bed.hear(StoreResult(bed.now_s, mark, committed=True))
    assert not bed.alarm(LIFE).audible


def test_one_that_begins_silenced_never_sounds_and_is_shown() -> None:
    bed = begun(f"{APNEA}!")
    first = [row.alarm for row in contents(bed.world.steps[-2].effects) if hasattr(row, "alarm")]
    assert first
    assert not any(alarm.audible for alarm in first)
    assert bed.alarm(LIFE).silence == Silence(AT_DEVICE, START_S + 121, WHERE)
    bed.run(120)
    assert bed.phases(LIFE) == [(1, "start"), (121, "sound")]


@pytest.mark.parametrize("codes", [(APNEA,), (f"{APNEA}!", ASYSTOLE)], ids=["no longer silenced", "another code"])
def test_sm_c8_it_sounds_when_it_is_no_longer_silenced_or_another_code_comes(codes: tuple[str, ...]) -> None:
    bed = silenced()
    bed.run(20)
    says(bed, *codes)
    alarm = bed.alarm(LIFE)
    assert alarm.audible
    assert alarm.latching
    # What it says is what is so: no word of a silence that is over.
    assert alarm.text == (
        "Bed 1: the monitor reports: APNEA (APNEA)."
        if len(codes) == 1
        else "Bed 1: the monitor reports: APNEA (silenced) (APNEA), ASYSTOLE (ASYSTOLE)."
    )
    assert bed.phases(LIFE)[-1] == (31, "sound" if len(codes) == 1 else "remind")
    bed.run(59)
    assert bed.alarm(LIFE).delivery.level == 1
    bed.run(1)
    assert bed.alarm(LIFE).delivery.level == 2


def test_another_code_that_is_silenced_too_is_told_and_attended_from_then_on() -> None:
    bed = silenced()
    bed.run(100)
    says(bed, f"{APNEA}!", f"{ASYSTOLE}!")
    alarm = bed.alarm(LIFE)
    assert alarm.silence == Silence(AT_DEVICE, START_S + 111 + 120, WHERE)
    assert "ASYSTOLE" in alarm.text
    assert bed.phases(LIFE)[-2:] == [(111, "remind"), (111, "silence")]
    assert not any(event.alarm.audible for event in bed.world.events[-2:])


def test_a_code_that_comes_silenced_to_one_that_sounds_is_told_before_it_is_quiet() -> None:
    bed = begun(APNEA)
    says(bed, f"{APNEA}!", f"{ASYSTOLE}!")
    assert [(event.phase.value, event.alarm.audible) for event in bed.world.events[-2:]] == [
        ("remind", True),
        ("silence", False),
    ]


def test_silenced_anew_it_is_silent_anew() -> None:
    bed = silenced()
    bed.run(200)
    assert bed.alarm(LIFE).audible
    says(bed, APNEA)
    says(bed, f"{APNEA}!")
    assert bed.alarm(LIFE).silence == Silence(AT_DEVICE, START_S + 211 + 120, WHERE)


def test_one_of_two_codes_silenced_is_not_silenced() -> None:
    bed = begun(APNEA, ASYSTOLE)
    says(bed, f"{APNEA}!", ASYSTOLE)
    assert bed.alarm(LIFE).audible
    says(bed, f"{APNEA}!", f"{ASYSTOLE}!")
    assert not bed.alarm(LIFE).audible


def test_what_was_silenced_at_the_device_was_seen_and_need_not_latch() -> None:
    bed = silenced()
    says(bed)
    assert bed.phases(LIFE)[-1] == (11, "end")
    assert LIFE not in bed.world.standing()


@pytest.mark.parametrize("again", [lambda bed: bed.run(121), lambda bed: says(bed, APNEA)], ids=["time", "device"])
def test_what_sounds_again_is_to_be_seen_again(again: Callable[[Bedside], None]) -> None:
    bed = silenced()
    again(bed)
    says(bed)
    assert bed.phases(LIFE)[-1][1] == "latch"
    # Back and silenced there: attended anew.
    says(bed, f"{APNEA}!")
    bed.run(1)
    assert not bed.alarm(LIFE).audible
    says(bed, APNEA)
    assert bed.alarm(LIFE).audible


def test_the_silence_ends_though_the_monitor_is_gone() -> None:
    """Nothing stays silent because data stopped (law 2)."""
    bed = silenced()
    bed.speaking = False
    bed.hear(LinkChange(MONITOR[0], bed.now_s, False, LinkCause.LOST, "unplugged", 1.0))
    bed.run(120)
    alarm = bed.alarm(LIFE)
    assert (alarm.present, alarm.verifiable, alarm.audible) == (True, False, True)


def test_an_audio_pause_neither_shortens_nor_lengthens_it_and_a_lost_broker_does_not_end_it() -> None:
    bed = silenced()
    bed.run(60)
    bed.pause()
    assert bed.alarm(LIFE).silence == Silence(AT_DEVICE, START_S + 131, WHERE)
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="gone"))
    assert not bed.alarm(LIFE).audible
    bed.resume()
    bed.run(60)
    assert bed.phases(LIFE)[-1] == (131, "sound")


def test_off_the_monitor_covers_a_sensor_for_longer() -> None:
    bed = silenced(K.SENSOR_OFF)
    bed.run(60)
    bed.off_monitor()
    held = bed.alarm(K.SENSOR_OFF).silence
    assert held == Silence(SilenceReason.OFF_MONITOR, START_S + 71 + 900, "desk:anna")
    says(bed, APNEA, kind=K.SENSOR_OFF)
    assert bed.alarm(K.SENSOR_OFF).silence == held
    says(bed, f"{APNEA}!", kind=K.SENSOR_OFF)
    assert bed.alarm(K.SENSOR_OFF).silence == held


def test_who_acknowledges_it_here_takes_it_over() -> None:
    bed = silenced()
    bed.run(30)
    bed.accept(LIFE, acknowledge=True)
    alarm = bed.alarm(LIFE)
    assert (alarm.silence, alarm.signal) == (None, SignalPresence.ACKNOWLEDGED)
    bed.run(299)
    assert bed.alarm(LIFE).signal is SignalPresence.ACKNOWLEDGED
    bed.run(1)
    assert bed.alarm(LIFE).audible


def test_who_goes_is_still_known_after_it() -> None:
    bed = silenced()
    bed.accept(LIFE)
    bed.run(130)
    alarm = bed.alarm(LIFE)
    assert alarm.audible
    assert isinstance(alarm.acceptance, Acceptance)
    bed.run(120)
    assert bed.alarm(LIFE).delivery.level == 1


def test_a_start_sounds_it_and_the_device_says_anew_that_it_is_silenced() -> None:
    before = silenced().alarm(LIFE)
    now = instant(START_S + 60)
    bed = Bedside(ASKED, speaking=False, alarms=(before,), state=initial_state(ASKED, "run-2", now, (before,)))
    bed.run(61)
    alarm = bed.alarm(LIFE)
    assert (alarm.occurrence, alarm.audible) == (before.occurrence, True)
    says(bed, f"{APNEA}!")
    assert bed.alarm(LIFE).silence == Silence(AT_DEVICE, bed.now_s + 120, WHERE)


def test_our_own_limit_of_the_same_vital_sign_still_sounds() -> None:
    """A nurse at the bed silenced what the monitor says, not what is said here (H-20 does not go before H-01)."""
    bed = silenced(K.VITAL_SIGN)
    bed.reads(heart_rate=150)
    bed.run(15)
    assert bed.alarm("HR_HIGH").audible
    assert not bed.alarm(VITAL).audible


def test_no_priority_is_silent_for_longer_than_an_acknowledgement_of_it() -> None:
    for priority, held_s in HELD_S.items():
        assert silence_at_device(priority, WHERE, 5.0) == Silence(AT_DEVICE, 5.0 + held_s, WHERE)


def test_the_other_bed_hears_nothing_of_it() -> None:
    bed = silenced()
    assert {event.alarm.key.bed for event in bed.world.events} == {BED}
