"""Traps where one thing that is under way meets another: commits, pauses, restarts, and an alarm that gets milder."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from drivers.model import DeviceAlarmKind
from edge.core.effects import AlarmChanged, AlarmCleared
from edge.core.inputs import (
    Accept,
    Acknowledge,
    Act,
    AlarmFound,
    AudioPause,
    BrokerLink,
    OffMonitor,
)
from edge.core.model import AlarmKey, DeliveryState, SignalPresence
from edge.core.restore import initial_state
from tests.core_world import BED, PUMP, START_S, instant, order, place
from tests.unit.alarm_acts import (
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    MEDIUM_AT_ONCE,
    WATCHED,
    Bedside,
    an_alarm,
    committed,
    contents,
    name_of,
    named,
)
from tests.unit.test_alarm_traps_committed import asks

K = DeviceAlarmKind
ACKNOWLEDGED = SignalPresence.ACKNOWLEDGED
NOT_DISPLAYING = "STATION_NOT_DISPLAYING"


def standing(*kinds: DeviceAlarmKind) -> Bedside:
    bed = Bedside()
    bed.shows(*kinds)
    return bed


def loses_broker(bed: Bedside) -> None:
    bed.hear(BrokerLink(bed.now_s, connected=False, detail=""))


def is_without_broker_for_a_second(bed: Bedside) -> None:
    loses_broker(bed)
    bed.run(1)


def last_phase(bed: Bedside, condition: str | DeviceAlarmKind) -> str:
    return bed.phases(condition)[-1][1]


# --- noise before a commit ---


@pytest.mark.parametrize("phase", ["update", "sound"])
def test_noise_does_not_show_an_acceptance_as_delivered_before_its_commit(phase: str) -> None:
    bed = standing(HIGH_AT_ONCE)
    if phase == "sound":
        bed.pause(duration_s=5)
    asks(bed, Accept(named(bed.alarm(HIGH_AT_ONCE))))
    bed.speaking = phase != "update"
    bed.run(6)
    assert last_phase(bed, HIGH_AT_ONCE) == phase
    assert bed.alarm(HIGH_AT_ONCE).delivery.state is not DeliveryState.ACCEPTED


def test_a_reminder_sounds_through_an_audio_pause_that_is_not_committed() -> None:
    bed = standing(HIGH_AT_ONCE)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(119)
    asks(bed, AudioPause(BED, 60.0))
    bed.run(1)
    assert last_phase(bed, HIGH_AT_ONCE) == "remind"
    assert bed.alarm(HIGH_AT_ONCE).audible


def test_an_escalation_sounds_through_an_off_monitor_that_is_not_committed() -> None:
    bed = Bedside()
    bed.hear(place(START_S, order()))
    bed.reads(heart_rate=None)
    bed.run(55)
    asks(bed, OffMonitor(BED, 600.0))
    bed.run(10)
    assert last_phase(bed, "HR_MISSING") == "escalate"
    assert bed.alarm("HR_MISSING").audible


def test_an_acknowledgement_is_shown_at_its_commit_also_when_an_acceptance_still_waits_for_its_own() -> None:
    bed = standing(HIGH_AT_ONCE)
    seen = named(bed.alarm(HIGH_AT_ONCE))
    step = asks(bed, Acknowledge(seen))
    bed.speaking = False
    bed.run(5)
    asks(bed, Accept(seen))
    bed.hear(committed(step.mark, bed.now_s))
    assert bed.world.answers[-1].done
    assert bed.alarm(HIGH_AT_ONCE).signal is ACKNOWLEDGED


# --- pauses ---


Pause = Callable[[str, float], Act]
Showing = Callable[[Bedside, DeviceAlarmKind], None]

PAUSES: dict[str, tuple[Pause, Showing, DeviceAlarmKind]] = {
    "an audio pause": (AudioPause, Bedside.shows, LOW_AT_ONCE),
    "off the monitor": (OffMonitor, Bedside.monitor_shows, K.SENSOR_OFF),
}
"""What pauses, and an alarm that begins silent under it."""

AFTERWARDS: dict[str, Callable[[Bedside], None]] = {
    "nothing": lambda _: None,
    "a resume": Bedside.resume,
    "a lost broker": is_without_broker_for_a_second,
}
"""What happens when the time of the shorter pause is up."""


@pytest.mark.parametrize("happens", AFTERWARDS.values(), ids=AFTERWARDS)
@pytest.mark.parametrize(("pause", "show", "kind"), PAUSES.values(), ids=PAUSES)
def test_what_begins_while_a_shorter_pause_waits_for_its_commit_is_not_left_silent(
    pause: Pause, show: Showing, kind: DeviceAlarmKind, happens: Callable[[Bedside], None]
) -> None:
    bed = Bedside()
    bed.done(pause(BED, 900.0))
    bed.run(1)
    step = asks(bed, pause(BED, 10.0))
    show(bed, kind)
    bed.hear(committed(step.mark, bed.now_s))
    bed.world.keeps = True
    bed.run(11)
    assert bed.world.therapies[-1].pauses == ()
    happens(bed)
    assert bed.alarm(kind).audible


def test_worse_by_one_step_sounds_through_an_audio_pause() -> None:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.acknowledge("HR_HIGH")
    bed.pause()
    bed.reads(heart_rate=136)
    bed.run(10)
    assert last_phase(bed, "HR_HIGH") == "remind"
    assert bed.alarm("HR_HIGH").audible


def test_a_latching_high_alarm_that_became_milder_is_acknowledged_for_as_long_as_the_milder() -> None:
    bed = Bedside()
    bed.reads(heart_rate=145)
    bed.run(30)
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.acknowledge("HR_HIGH")
    acknowledgement = bed.alarm("HR_HIGH").acknowledgement
    assert acknowledgement is not None
    assert acknowledgement.until_s - acknowledgement.at.mono_s == 900


# --- screens ---


def test_no_revision_of_not_displaying_is_without_words_also_when_it_became_milder_first() -> None:
    bed = Bedside(WATCHED)
    bed.shows(MEDIUM_AT_ONCE)
    bed.run(12)
    bed.shows()
    bed.run(3)
    bed.painting = ("wall",)
    bed.hear(bed.receipt())
    bed.run(12)
    said = [one for step in bed.world.steps for one in contents(step.effects)]
    alarms = [one.alarm for one in said if isinstance(one, AlarmChanged | AlarmCleared)]
    texts = [alarm.text for alarm in alarms if alarm.key.condition == NOT_DISPLAYING]
    phases = [phase for _, phase in bed.phases(NOT_DISPLAYING)]
    assert phases[:2] == ["start", "escalate"]
    assert phases[-2:] == ["deescalate", "end"]
    assert len(texts) >= len(phases)
    assert all(texts)


def test_a_reconnect_without_a_page_does_not_end_not_displaying() -> None:
    bed = Bedside(WATCHED)
    bed.run(60)
    assert NOT_DISPLAYING in bed.world.standing()
    loses_broker(bed)
    bed.run(3)
    bed.hear(BrokerLink(bed.now_s, connected=True, detail=""))
    bed.run(30)
    assert "end" not in [phase for _, phase in bed.phases(NOT_DISPLAYING)]
    assert NOT_DISPLAYING in bed.world.standing()


def test_a_restart_without_a_page_does_not_end_not_displaying() -> None:
    bed = Bedside(WATCHED)
    bed.run(60)
    kept = [bed.alarm(NOT_DISPLAYING)]
    restarted = Bedside(WATCHED, alarms=kept, state=initial_state(WATCHED, "run-2", instant(START_S), kept))
    restarted.run(30)
    assert "end" not in [phase for _, phase in restarted.phases(NOT_DISPLAYING)]
    assert NOT_DISPLAYING in restarted.world.standing()


# --- names ---


def test_an_alarm_can_be_acknowledged_also_when_another_of_its_name_stood_before_it() -> None:
    bed = Bedside()
    ours = AlarmKey(BED, name_of(HIGH_AT_ONCE), *PUMP)
    foreign = AlarmKey(BED, f"{name_of(HIGH_AT_ONCE)}.rack.11")
    assert ours.name == foreign.name
    bed.hear(AlarmFound(bed.now_s, replace(an_alarm(), key=foreign)))
    bed.shows(HIGH_AT_ONCE)
    assert bed.ask(Acknowledge(named(bed.world.retained[ours]))).done
    assert bed.world.retained[ours].signal is ACKNOWLEDGED
