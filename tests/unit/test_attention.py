"""What people do about alarms: named revisions, what is refused, receipts, and that law 7 holds for each act."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.core.inputs import (
    Accept,
    Acknowledge,
    AlarmFound,
    AudioPause,
    Basis,
    BrokerLink,
    Named,
    OffMonitor,
    Request,
    Reset,
    Role,
)
from edge.core.model import Acceptance, AlarmKey, DeliveryState, SignalPresence, Silence, SilenceReason
from tests.core_world import BED, START_S, instant
from tests.unit.alarm_acts import (
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    MEDIUM_AT_ONCE,
    WATCHED,
    Bedside,
    an_alarm,
    committed,
    named,
)

MakeAct = Callable[[Named], Acknowledge | Accept | Reset]
ACTS: dict[str, MakeAct] = {
    "acknowledge": Acknowledge,
    "accept": Accept,
    "the one button": lambda alarm: Accept(alarm, acknowledge=True),
    "reset": Reset,
}


def standing() -> Bedside:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    return bed


# --- what an act names (H-23) ---


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_on_what_is_over_is_refused(act: MakeAct) -> None:
    bed = Bedside()
    bed.shows(MEDIUM_AT_ONCE)
    seen = named(bed.alarm(MEDIUM_AT_ONCE))
    bed.shows()
    answer = bed.ask(act(seen))
    assert (answer.done, answer.reason) == (False, "it is over")


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_on_an_occurrence_that_came_again_is_refused(act: MakeAct) -> None:
    bed = Bedside()
    bed.shows(MEDIUM_AT_ONCE)
    seen = named(bed.alarm(MEDIUM_AT_ONCE))
    bed.shows()
    bed.shows(MEDIUM_AT_ONCE)
    before = bed.alarm(MEDIUM_AT_ONCE)
    answer = bed.ask(act(seen))
    assert (answer.done, "came again" in answer.reason) == (False, True)
    assert bed.alarm(MEDIUM_AT_ONCE) == before


def escalated() -> tuple[Bedside, str]:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.reads(heart_rate=145)
    bed.run(20)
    return bed, "HR_HIGH"


def returned() -> tuple[Bedside, str]:
    bed = standing()
    bed.shows()
    bed.shows(HIGH_AT_ONCE)
    return bed, "DEVICE_AIR_IN_LINE"


def reminded() -> tuple[Bedside, str]:
    bed = standing()
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(120)
    return bed, "DEVICE_AIR_IN_LINE"


NOISY_AGAIN = {"escalate": escalated, "return": returned, "remind": reminded}


@pytest.mark.parametrize("act", [Acknowledge, Accept, Reset])
@pytest.mark.parametrize("phase", NOISY_AGAIN)
def test_a_late_click_does_not_silence_the_noise_that_came_after_it(phase: str, act: MakeAct) -> None:
    bed, condition = NOISY_AGAIN[phase]()
    now = bed.alarm(condition)
    assert phase in [told for _, told in bed.phases(condition)[-2:]]  # the level may go up beside it
    answer = bed.ask(act(named(now, rev=now.delivery.noise_rev - 1)))
    assert (answer.done, "noise again" in answer.reason) == (False, True)
    assert bed.alarm(condition) == now
    bed.acknowledge(condition)


def test_a_click_on_what_changed_without_noise_counts() -> None:
    bed = standing()
    seen = named(bed.alarm(HIGH_AT_ONCE))
    bed.run(60)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (60, "level")
    bed.done(Acknowledge(seen))
    assert bed.alarm(HIGH_AT_ONCE).signal is SignalPresence.ACKNOWLEDGED


WRONG = {
    "a revision that is not yet": ({"rev": 2}, "no such revision"),
    "another bed": ({"bed": "bed-2"}, "it is over"),
    "another channel": ({"key": "DEVICE_AIR_IN_LINE.rack.12"}, "it is over"),
    "no channel": ({"key": "DEVICE_AIR_IN_LINE"}, "it is over"),
    "no bed": ({"bed": ""}, "it is over"),
}


@pytest.mark.parametrize(("changes", "reason"), WRONG.values(), ids=WRONG)
def test_an_act_that_names_something_else_is_refused(changes: dict[str, Any], reason: str) -> None:
    bed = standing()
    before = bed.alarm(HIGH_AT_ONCE)
    answer = bed.ask(Acknowledge(named(before, **changes)))
    assert (answer.done, reason in answer.reason) == (False, True)
    assert bed.alarm(HIGH_AT_ONCE) == before


# --- acts ---


def test_the_one_button_accepts_and_acknowledges_and_the_wire_has_both() -> None:
    bed = standing()
    bed.run(3)
    bed.accept(HIGH_AT_ONCE, acknowledge=True)
    alarm = bed.alarm(HIGH_AT_ONCE)
    assert bed.phases(HIGH_AT_ONCE)[1:] == [(3, "accept"), (3, "acknowledge")]
    assert alarm.acceptance == Acceptance("desk:anna", instant(START_S + 3))
    assert alarm.acknowledgement is not None
    assert (alarm.acknowledgement.by, alarm.acknowledgement.until_s) == ("desk:anna", START_S + 303)
    assert alarm.delivery.state is DeliveryState.ACCEPTED


def test_to_accept_alone_leaves_it_sounding() -> None:
    bed = standing()
    bed.accept(HIGH_AT_ONCE)
    assert (bed.alarm(HIGH_AT_ONCE).signal, bed.alarm(HIGH_AT_ONCE).audible) == (SignalPresence.ON, True)


def test_a_reset_of_what_is_present_is_refused() -> None:
    bed = standing()
    answer = bed.ask(Reset(named(bed.alarm(HIGH_AT_ONCE))))
    assert (answer.done, "is present" in answer.reason) == (False, True)
    assert bed.phases(HIGH_AT_ONCE) == [(0, "start")]


def test_a_reset_of_what_is_present_and_cannot_be_verified_is_refused() -> None:
    bed = standing()
    bed.speaking = False
    bed.run(10)
    assert not bed.alarm(HIGH_AT_ONCE).verifiable
    assert not bed.ask(Reset(named(bed.alarm(HIGH_AT_ONCE)))).done


def test_sm_b11_a_reset_ends_what_no_rule_judges_any_more() -> None:
    bed = Bedside()
    foreign = replace(an_alarm("OF_ANOTHER_VERSION"), occurrence="run-0-7", rev=4)
    bed.hear(AlarmFound(bed.now_s, foreign))
    bed.run(30)
    assert (bed.alarm("OF_ANOTHER_VERSION").present, bed.alarm("OF_ANOTHER_VERSION").verifiable) == (True, False)
    bed.reset("OF_ANOTHER_VERSION")
    assert bed.world.present() == set()
    assert [phase for _, phase in bed.phases("OF_ANOTHER_VERSION")] == ["adopt", "reset"]


def test_an_acknowledgement_ends_a_silence_and_has_its_own_time() -> None:
    bed = standing()
    bed.pause()
    bed.acknowledge(HIGH_AT_ONCE)
    assert bed.alarm(HIGH_AT_ONCE).silence is None
    bed.resume()
    assert bed.alarm(HIGH_AT_ONCE).signal is SignalPresence.ACKNOWLEDGED


NO_PAUSE = [0.0, -1.0, float("nan"), float("inf")]


@pytest.mark.parametrize("duration_s", NO_PAUSE)
@pytest.mark.parametrize("act", [AudioPause, OffMonitor])
def test_a_pause_without_an_end_or_a_beginning_is_refused(
    act: type[AudioPause | OffMonitor], duration_s: float
) -> None:
    bed = standing()
    assert not bed.ask(act(BED, duration_s)).done
    assert bed.world.therapies[-1].pauses == ()
    assert bed.alarm(HIGH_AT_ONCE).audible


# --- law 7 for each act: kept first, then shown, and answered ---


QUIETING: dict[str, Callable[[Named], Acknowledge | Accept | AudioPause]] = {
    "acknowledge": Acknowledge,
    "accept": Accept,
    "audio pause": lambda _: AudioPause(BED, 60.0),
}


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("make", QUIETING.values(), ids=QUIETING)
def test_nobody_sees_an_act_before_it_is_kept(make: MakeAct, durable: bool) -> None:
    bed = standing()
    bed.world.keeps = False
    before = bed.alarm(HIGH_AT_ONCE)
    act = make(named(before))
    step = bed.hear(Request("ask-1", "desk", bed.now_s, act, Basis("run-1", bed.now_s), role=Role.NURSE))
    bed.run(2)
    assert bed.alarm(HIGH_AT_ONCE) == before
    assert (bed.world.answers, bed.world.therapies[-1].pauses) == ([], ())
    bed.hear(committed(step.mark, bed.now_s, durable=durable))
    after = bed.alarm(HIGH_AT_ONCE)
    assert (after.rev, after.durable) == (before.rev + 1, durable)
    (answer,) = bed.world.answers
    assert (answer.done, answer.durable) == (True, durable)


def test_noise_does_not_wait_for_the_store() -> None:
    bed = standing()
    bed.pause(duration_s=5)
    bed.world.keeps = False
    bed.run(5)
    assert bed.alarm(HIGH_AT_ONCE).audible
    bed.shows(HIGH_AT_ONCE, MEDIUM_AT_ONCE)
    assert bed.alarm(MEDIUM_AT_ONCE).audible


# --- receipts ---


def watched() -> Bedside:
    bed = Bedside(WATCHED)
    bed.shows(HIGH_AT_ONCE)
    return bed


NOT_SHOWN = {
    "a muted page": {"audible": False},
    "a station that is not required": {"station": "desk"},
    "a station that nobody named": {"station": "elsewhere"},
    "a page of another run": {"run": "run-0"},
    "a page that paints nothing": {"displayed": ()},
    "another bed's": {"displayed": (("bed-2", "DEVICE_AIR_IN_LINE.rack.11", "run-1-1", 1),)},
    "another key": {"displayed": ((BED, "DEVICE_AIR_IN_LINE", "run-1-1", 1),)},
    "another occurrence": {"displayed": ((BED, "DEVICE_AIR_IN_LINE.rack.11", "run-1-2", 1),)},
    "an earlier revision": {"displayed": ((BED, "DEVICE_AIR_IN_LINE.rack.11", "run-1-1", 0),)},
}


@pytest.mark.parametrize("changes", NOT_SHOWN.values(), ids=NOT_SHOWN)
def test_what_does_not_show_the_alarm_leaves_it_undelivered(changes: dict[str, Any]) -> None:
    bed = watched()
    bed.hear(bed.receipt(**changes))
    bed.run(4)
    assert "STATION_NOT_DISPLAYING" not in bed.world.present()
    bed.run(3)
    assert bed.alarm("STATION_NOT_DISPLAYING").band == "an alarm is not shown"


def test_an_audible_page_that_paints_it_delivers_it() -> None:
    bed = watched()
    assert bed.receipt().displayed == ((BED, "DEVICE_AIR_IN_LINE.rack.11", "run-1-1", 1),)
    bed.painting = ("wall",)
    bed.hear(bed.receipt())
    bed.run(30)
    assert "STATION_NOT_DISPLAYING" not in bed.world.present()


# --- adoption ---


def test_an_adopted_alarm_is_loud_and_keeps_its_identity() -> None:
    bed = Bedside(connected=False)
    quiet = replace(
        an_alarm("OF_ANOTHER_VERSION"),
        rev=6,
        signal=SignalPresence.ACKNOWLEDGED,
        silence=Silence(SilenceReason.AUDIO_PAUSE, START_S + 99),
    )
    bed.hear(AlarmFound(bed.now_s, quiet), BrokerLink(bed.now_s, connected=True, detail=""))
    alarm = bed.alarm("OF_ANOTHER_VERSION")
    assert (alarm.occurrence, alarm.rev, alarm.signal, alarm.silence) == ("run-0-1", 7, SignalPresence.ON, None)
    assert (alarm.present, alarm.verifiable, alarm.audible) == (True, False, True)


def test_an_adopted_alarm_ends_when_it_is_judged_normal_on_valid_input_and_not_before() -> None:
    bed = Bedside(speaking=False)
    bed.hear(AlarmFound(bed.now_s, an_alarm("SPO2_LOW")))
    bed.run(60)
    bed.acknowledge("SPO2_LOW")
    assert (bed.alarm("SPO2_LOW").present, bed.alarm("SPO2_LOW").verifiable) == (True, False)
    bed.speaking = True
    bed.run(5)
    assert "SPO2_LOW" in bed.world.present()
    bed.run(10)
    assert bed.world.present() == set()


@pytest.mark.parametrize(
    "key",
    [
        AlarmKey("bed-9", "SPO2_LOW"),
        AlarmKey(BED, "PUMP_LINK_LOST", "rack", "12"),
        AlarmKey("", "LINE_ERRORS", "gone", "all"),
    ],
    ids=lambda key: key.name,
)
def test_an_alarm_of_what_is_no_more_configured_is_emptied_and_not_adopted(key: AlarmKey) -> None:
    bed = Bedside()
    bed.world.retained[key] = replace(an_alarm(), key=key)
    bed.hear(AlarmFound(bed.now_s, bed.world.retained[key]))
    assert bed.world.present() == set()


@pytest.mark.parametrize(
    ("found", "shown", "named"),
    [("run-0-7", True, "run-0-7"), ("run-0-7", False, "run-1-1"), ("run-1-0", True, "run-1-1")],
    ids=["readers see it", "a store that was read late", "an older one of this run"],
)
def test_what_stands_takes_the_name_that_readers_know_of_a_run_before_and_no_other(
    found: str, shown: bool, named: str
) -> None:
    bed = Bedside(connected=False)
    bed.shows(HIGH_AT_ONCE)
    ours = bed.alarm(HIGH_AT_ONCE)
    bed.hear(AlarmFound(bed.now_s, replace(ours, occurrence=found, rev=5, text="before"), shown=shown))
    alarm = bed.alarm(HIGH_AT_ONCE)
    assert (alarm.occurrence, alarm.text, alarm.present, alarm.verifiable) == (named, ours.text, True, True)
    assert [phase for _, phase in bed.phases(HIGH_AT_ONCE)] == ["start", *(["adopt"] if named == found else [])]


def test_two_alarms_of_a_bed_are_taken_one_by_one() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE, MEDIUM_AT_ONCE, LOW_AT_ONCE)
    bed.acknowledge(MEDIUM_AT_ONCE)
    assert [bed.alarm(kind).audible for kind in (HIGH_AT_ONCE, MEDIUM_AT_ONCE, LOW_AT_ONCE)] == [True, False, True]
