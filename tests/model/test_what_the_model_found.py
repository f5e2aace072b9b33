"""Cases that the stateful model found, each by itself, so that it is found at once if it comes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge.core.inputs import Acknowledge, Act, AudioPause, Resume
from edge.core.model import Alarm, AlarmKey, Priority, SignalPresence
from tests.core_world import BED, CONFIG, OTHER_BED, asked, monitor, named, order, place, pump
from tests.model.life import Life

HR, SPO2 = AlarmKey(BED, "HR_HIGH"), AlarmKey(BED, "SPO2_LOW")


def begun() -> Life:
    life = Life(CONFIG)
    life.step(place(life.now_s, order()))
    life.connect()
    return life


def speak(life: Life, for_s: int, **numbers: Any) -> None:
    for _ in range(for_s):
        life.now_s += 1.0
        life.step(pump(life.now_s), monitor(life.now_s, **numbers))


def ask(life: Life, *acts: Act) -> None:
    """Ask for something in this run, all at one moment."""
    requests = [asked(life.now_s, act, f"{life.now_s}-{act}") for act in acts]
    life.step(*(replace(one, basis=replace(one.basis, run=life.run)) for one in requests if one.basis is not None))


def restart(life: Life) -> Alarm | None:
    life.restart(1.0, same_boot=True, synchronised=True)
    life.step(place(life.now_s, order()))
    life.connect()
    return life.broker.cold().get(SPO2)


def test_an_escalation_that_was_published_and_not_yet_kept_outlives_a_restart() -> None:
    """The store knows the soft alarm, the broker the hard one that came after it: no high is hidden by a lower."""
    life = begun()
    speak(life, 25, spo2=91)
    life.disk.mood = "slow"
    speak(life, 1, spo2=79)
    alarm = restart(life)
    assert alarm is not None
    assert (alarm.present, alarm.priority, alarm.audible) == (True, Priority.HIGH, True)


def test_noise_that_was_published_and_not_yet_kept_outlives_a_restart() -> None:
    """The store knows the acknowledgement, the broker the hard alarm that ended it."""
    life = begun()
    speak(life, 25, spo2=91)
    ask(life, Acknowledge(named(life.broker.topics[SPO2])))
    assert life.broker.topics[SPO2].signal is SignalPresence.ACKNOWLEDGED
    life.disk.mood = "slow"
    speak(life, 1, spo2=79)
    alarm = restart(life)
    assert alarm is not None
    assert alarm.audible


def test_what_was_milder_before_a_restart_and_is_hard_after_it_is_acknowledged_as_hard() -> None:
    """It had become soft, unseen, when the edge was restarted: what is hard now must not be taken for soft."""
    life = begun()
    speak(life, 15, heart_rate=150)
    speak(life, 20, heart_rate=125)
    restart(life)
    speak(life, 30, heart_rate=150)
    ask(life, Acknowledge(named(life.broker.topics[HR])))
    alarm = life.broker.topics[HR]
    assert alarm.acknowledgement is not None
    assert (alarm.priority, alarm.acknowledgement.until_s - life.now_s) == (Priority.HIGH, 120.0)


def test_to_resume_one_bed_sounds_it_though_another_was_paused_at_the_same_moment() -> None:
    life = begun()
    speak(life, 15, heart_rate=150)
    ask(life, AudioPause(BED, 60.0), AudioPause(OTHER_BED, 60.0))
    assert not life.broker.topics[HR].audible
    ask(life, Resume(BED))
    assert life.broker.topics[HR].audible


def test_what_became_hard_again_just_before_the_power_failed_is_acknowledged_as_hard() -> None:
    """The disk knew the milder word of before; the broker had been told that it is hard again."""
    life = begun()
    speak(life, 1, spo2=79)
    speak(life, 40, spo2=91)
    life.disk.mood = "slow"
    speak(life, 1, spo2=79)
    restart(life)
    ask(life, Acknowledge(named(life.broker.topics[SPO2])))
    alarm = life.broker.topics[SPO2]
    assert (alarm.priority, alarm.signal) == (Priority.HIGH, SignalPresence.ACKNOWLEDGED)


def test_an_older_word_of_the_broker_does_not_latch_what_came_back_since() -> None:
    """A latched pressure came back as a soft one while the broker was away, and was kept; the broker has it latched."""
    life = begun()
    speak(life, 1, cuff=(190, 99, 120, 75))
    speak(life, 1, cuff=(120, 75, 90, 70))
    life.restart(1.0, same_boot=True, synchronised=True)
    life.step(place(life.now_s, order()))
    speak(life, 1, cuff=(170, 90, 110, 70))
    restart(life)
    alarm = life.broker.topics[AlarmKey(BED, "BP_SYS_HIGH")]
    assert (alarm.present, alarm.signal) == (True, SignalPresence.ON)


def test_an_end_that_nobody_kept_ends_nothing_though_the_sound_was_paused_since() -> None:
    """The disk failed when it ended: after the restart it is present, and paused; the broker has it latched."""
    life = begun()
    speak(life, 12, heart_rate=150)
    life.disk.mood = "failing"
    speak(life, 12)
    assert life.broker.topics[HR].signal is SignalPresence.LATCHED
    life.restart(1.0, same_boot=False, synchronised=False)
    life.disk.mood = "ok"
    ask(life, AudioPause(BED, 10.0))
    life.connect()
    alarm = life.broker.topics[HR]
    assert (alarm.present, alarm.signal, alarm.audible) == (True, SignalPresence.ON, True)


def began_twice() -> tuple[Life, Alarm]:
    """The disk took nothing, the broker was told at once; the next run has neither, and finds the same."""
    life = begun()
    life.disk.mood = "failing"
    speak(life, 12, heart_rate=150)
    first = life.broker.topics[HR]
    life.restart(1.0, same_boot=True, synchronised=True)
    speak(life, 12, heart_rate=150)
    assert life.standing()[HR].occurrence.startswith("run-2-")
    return life, first


def test_an_onset_that_only_the_broker_has_keeps_its_name_though_the_next_run_began_it_anew_before() -> None:
    life, first = began_twice()
    second = life.standing()[HR]
    life.connect()
    alarm = life.broker.topics[HR]
    assert (alarm.occurrence, alarm.onset, alarm.rev) == (first.occurrence, first.onset, first.rev + 1)
    assert (alarm.present, alarm.verifiable, alarm.audible, alarm.priority) == (True, True, True, Priority.HIGH)
    assert [row.occurrence for row in life.broker.indexes[BED].alarms if row.key == HR] == [first.occurrence]
    life.disk.mood = "ok"
    speak(life, 1, heart_rate=150)
    assert [(event.phase.value, event.alarm.occurrence) for event in life.disk.story if event.alarm.key == HR] == [
        ("start", second.occurrence),
        ("adopt", first.occurrence),
    ]
    assert life.disk.alarms[HR].occurrence == first.occurrence
    ask(life, Acknowledge(named(life.broker.topics[HR])))
    speak(life, 12)
    assert HR not in life.broker.topics


def test_who_silenced_it_at_the_bedside_meanwhile_is_asked_again_under_the_name_that_readers_know() -> None:
    life, first = began_twice()
    life.disk.mood = "ok"
    ask(life, Acknowledge(named(life.standing()[HR])))
    assert not life.standing()[HR].audible
    life.connect()
    alarm = life.broker.topics[HR]
    assert (alarm.occurrence, alarm.audible, alarm.acknowledgement) == (first.occurrence, True, None)


def test_what_the_disk_has_goes_on_under_the_name_of_what_came_after_it() -> None:
    """The disk knows an onset of which it did not take the end, readers the one that came after it."""
    life = begun()
    speak(life, 25, spo2=91)
    known = life.broker.topics[SPO2]
    life.disk.mood = "failing"
    speak(life, 25)
    assert SPO2 not in life.broker.topics
    speak(life, 25, spo2=91)
    seen = life.broker.topics[SPO2]
    life.disk.mood = "ok"
    alarm = restart(life)
    assert alarm is not None
    assert (known.occurrence != seen.occurrence, alarm.occurrence) == (True, seen.occurrence)
