"""Traps of law 7: noise goes out at once, and takes nothing quiet along that is not committed (H-32)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from drivers.model import DeviceAlarmKind
from edge.core.effects import AlarmChanged, Step
from edge.core.inputs import (
    Accept,
    Acknowledge,
    Act,
    AudioPause,
    Basis,
    Named,
    Reassert,
    Request,
    Role,
)
from edge.core.model import Alarm, SignalPresence, Silence, SilenceReason
from tests.core_world import BED, START_S
from tests.unit.alarm_acts import (
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    Bedside,
    committed,
    contents,
    name_of,
    named,
)

K = DeviceAlarmKind
ACKNOWLEDGED = SignalPresence.ACKNOWLEDGED


def standing(*kinds: DeviceAlarmKind) -> Bedside:
    bed = Bedside()
    bed.shows(*kinds)
    return bed


def asks(bed: Bedside, *acts: Act, request_id: str = "") -> Step:
    """Ask for acts that the store does not keep yet, each under an id of its own unless one is given."""
    bed.world.keeps = False
    basis = Basis("run-1", bed.now_s)
    ids = (request_id or f"late-{len(bed.world.steps)}-{number}" for number in range(len(acts)))
    requests = (
        Request(one, "desk", bed.now_s, act, basis, "anna", Role.NURSE) for one, act in zip(ids, acts, strict=True)
    )
    return bed.hear(*requests)


def truth(bed: Bedside, kind: DeviceAlarmKind) -> Alarm:
    """The alarm as the core has it, of which readers may not know all yet."""
    alarms = bed.world.core.snapshot().alarms.standing.values()
    return next(alarm for alarm in alarms if alarm.key.condition == name_of(kind))


def quiet_of(alarm: Alarm) -> tuple[object, ...]:
    return (alarm.signal, alarm.audible, alarm.acknowledgement, alarm.acceptance, alarm.silence, alarm.band)


ONE_BUTTON = "the one button"
ACTS: dict[str, Callable[[Named], Act]] = {
    "acknowledge": Acknowledge,
    "accept": Accept,
    ONE_BUTTON: lambda alarm: Accept(alarm, acknowledge=True),
    "audio pause": lambda _: AudioPause(BED, 100.0),
}


BEFORE_S = {"update": 0, "level": 55}
"""When somebody acts, 5 s before the noise: the devices fall silent, or a minute is over."""

OVERTAKEN = [
    ("acknowledge", "update"),
    ("acknowledge", "level"),
    ("accept", "update"),
    (ONE_BUTTON, "update"),
    ("audio pause", "update"),
    ("audio pause", "level"),
]


@pytest.mark.parametrize(("act", "phase"), OVERTAKEN)
def test_noise_does_not_carry_an_act_out_before_its_commit(act: str, phase: str) -> None:
    bed = standing(HIGH_AT_ONCE)
    bed.run(BEFORE_S[phase])
    before = bed.alarm(HIGH_AT_ONCE)
    step = asks(bed, ACTS[act](named(before)))
    bed.speaking = phase != "update"
    bed.run(5)
    shown = bed.alarm(HIGH_AT_ONCE)
    assert bed.phases(HIGH_AT_ONCE)[-1][1] == phase
    assert (shown.rev, quiet_of(shown)) == (truth(bed, HIGH_AT_ONCE).rev, quiet_of(before))
    assert (bed.world.answers, bed.world.therapies[-1].pauses) == ([], ())
    bed.hear(committed(step.mark, bed.now_s))
    assert bed.alarm(HIGH_AT_ONCE) == truth(bed, HIGH_AT_ONCE)
    assert quiet_of(bed.alarm(HIGH_AT_ONCE)) != quiet_of(before)
    assert [answer.done for answer in bed.world.answers] == [True]


def test_the_end_of_a_pause_does_not_carry_an_acceptance_out_before_its_commit() -> None:
    bed = standing(HIGH_AT_ONCE)
    bed.pause(duration_s=5)
    step = asks(bed, Accept(named(bed.alarm(HIGH_AT_ONCE))))
    bed.run(5)
    shown = bed.alarm(HIGH_AT_ONCE)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (5, "sound")
    assert (shown.audible, shown.acceptance) == (True, None)
    bed.hear(committed(step.mark, bed.now_s))
    assert bed.alarm(HIGH_AT_ONCE) == truth(bed, HIGH_AT_ONCE)
    assert bed.alarm(HIGH_AT_ONCE).acceptance is not None


@pytest.mark.parametrize("act", ACTS)
def test_what_is_said_again_is_what_is_committed(act: str) -> None:
    bed = standing(HIGH_AT_ONCE)
    before = bed.alarm(HIGH_AT_ONCE)
    step = asks(bed, ACTS[act](named(before)), Reassert())
    said = [one.alarm for one in contents(step.effects) if isinstance(one, AlarmChanged)]
    assert said == [before]
    bed.hear(committed(step.mark, bed.now_s))
    assert bed.alarm(HIGH_AT_ONCE) == truth(bed, HIGH_AT_ONCE) != before


def test_noise_does_not_carry_a_milder_band_out_before_its_commit() -> None:
    bed = Bedside()
    bed.reads(heart_rate=145)
    bed.run(30)
    bed.acknowledge("HR_HIGH")
    before = bed.alarm("HR_HIGH")
    bed.world.keeps = False
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.speaking = False
    bed.run(30)
    assert [phase for _, phase in bed.phases("HR_HIGH")[-2:]] == ["deescalate", "update"]
    shown = bed.alarm("HR_HIGH")
    assert shown == replace(before, rev=shown.rev, changed=shown.changed, delivery=shown.delivery, verifiable=False)
    for step in tuple(bed.world.steps):
        bed.hear(committed(step.mark, bed.now_s))
    shown = bed.alarm("HR_HIGH")
    assert (shown.band, str(shown.value), shown.signal) == ("soft", "125", ACKNOWLEDGED)


def test_a_low_alarm_that_begins_in_a_pause_that_is_not_committed_sounds() -> None:
    bed = standing(HIGH_AT_ONCE)
    step = asks(bed, AudioPause(BED, 60.0))
    bed.shows(HIGH_AT_ONCE, LOW_AT_ONCE)
    assert (bed.alarm(LOW_AT_ONCE).audible, bed.alarm(HIGH_AT_ONCE).audible) == (True, True)
    bed.hear(committed(step.mark, bed.now_s))
    assert (bed.alarm(LOW_AT_ONCE).audible, bed.alarm(HIGH_AT_ONCE).audible) == (True, False)
    bed.shows(HIGH_AT_ONCE, LOW_AT_ONCE, K.ADVISORY)
    assert not bed.alarm(K.ADVISORY).audible


@pytest.mark.parametrize("newest_is_kept", [True, False])
@pytest.mark.parametrize("first_is_kept", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_commits_in_any_order_leave_the_newest(
    order: tuple[int, ...], first_is_kept: bool, newest_is_kept: bool
) -> None:
    bed = standing(HIGH_AT_ONCE)
    acts = (Acknowledge(named(bed.alarm(HIGH_AT_ONCE))), AudioPause(BED, 60.0))
    marks = [asks(bed, act).mark for act in acts]
    for number in order:
        bed.hear(committed(marks[number], bed.now_s, durable=(first_is_kept, newest_is_kept)[number]))
    shown = bed.alarm(HIGH_AT_ONCE)
    assert shown == replace(truth(bed, HIGH_AT_ONCE), durable=newest_is_kept)
    paused = Silence(SilenceReason.AUDIO_PAUSE, START_S + 60, "desk:anna")
    assert (shown.rev, shown.signal, shown.silence) == (3, ACKNOWLEDGED, paused)


def test_a_pause_that_a_newer_one_replaced_is_not_shown_whichever_is_committed_first() -> None:
    bed = standing(HIGH_AT_ONCE)
    marks = [asks(bed, AudioPause(BED, seconds)).mark for seconds in (100.0, 10.0)]
    for mark in reversed(marks):
        bed.hear(committed(mark, bed.now_s))
        assert [pause.until_s for pause in bed.world.therapies[-1].pauses] == [START_S + 10]
    bed.world.keeps = True
    bed.run(10)
    assert (bed.alarm(HIGH_AT_ONCE).audible, bed.world.therapies[-1].pauses) == (True, ())


def test_a_repeat_after_a_failed_store_says_again_that_it_was_not_kept() -> None:
    bed = standing(HIGH_AT_ONCE)
    step = asks(bed, AudioPause(BED, 60.0), request_id="ask-1")
    bed.hear(committed(step.mark, bed.now_s, durable=False))
    asks(bed, AudioPause(BED, 60.0), request_id="ask-1")
    given = [(answer.request_id, answer.done, answer.durable) for answer in bed.world.answers]
    assert given == [("ask-1", True, False)] * 2
