"""The delivery machine, row by row of its table (SM-D1 to SM-D6): its functions, and its times in the whole core."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core import delivery
from edge.core.effects import Journal
from edge.core.inputs import AlarmTaken, BrokerLink
from edge.core.model import (
    Acceptance,
    Alarm,
    Audience,
    Delivery,
    DeliveryState,
    Priority,
    SignalPresence,
    Silence,
    SilenceReason,
)
from tests.core_world import START_S, instant
from tests.unit.alarm_acts import (
    HIGH_AT_ONCE,
    MEDIUM_AT_ONCE,
    OF_PRIORITY,
    SECOND_SCREEN,
    WATCHED,
    Bedside,
    an_alarm,
)

QUEUED, BROKER_ACK, DISPLAYED, ACCEPTED, UNDELIVERED = (
    DeliveryState.QUEUED,
    *(DeliveryState(name) for name in ("broker_ack", "displayed", "accepted", "undelivered")),
)
NOW, LATER = instant(1010.0), instant(1020.0)


def at(state: DeliveryState, **changes: Any) -> Delivery:
    return replace(Delivery(state, noise_rev=3, published=instant(START_S)), **changes)


# --- the functions, by rows ---


def test_sm_d1_the_broker_takes_the_revision_that_makes_noise_or_a_later_one() -> None:
    expected = at(BROKER_ACK, broker_ack=NOW)
    assert [delivery.taken(at(QUEUED), rev, NOW) for rev in (3, 4)] == [expected] * 2
    assert delivery.taken(at(QUEUED), 2, NOW) is None


@pytest.mark.parametrize("state", [BROKER_ACK, DISPLAYED, ACCEPTED, UNDELIVERED])
def test_sm_d1_is_from_queued_alone(state: DeliveryState) -> None:
    assert delivery.taken(at(state), 3, NOW) is None


@pytest.mark.parametrize("state", [QUEUED, BROKER_ACK, UNDELIVERED])
def test_sm_d2_a_page_shows_the_revision_that_makes_noise_or_a_later_one(state: DeliveryState) -> None:
    for rev in (3, 9):
        shown = delivery.displayed(at(state), rev, "wall", NOW)
        assert shown == at(DISPLAYED, displayed=NOW, displayed_by="wall")
    assert delivery.displayed(at(state), 2, "wall", NOW) is None


def test_sm_d2_the_first_page_is_noted_and_no_other() -> None:
    shown = delivery.displayed(at(QUEUED), 3, "wall", NOW)
    assert shown is not None
    assert delivery.displayed(shown, 3, "wall-2", LATER) is None


def test_sm_d2_who_accepted_already_is_not_undone_by_a_receipt() -> None:
    assert delivery.displayed(at(ACCEPTED), 3, "wall", NOW) == at(ACCEPTED, displayed=NOW, displayed_by="wall")


@pytest.mark.parametrize("state", DeliveryState)
def test_sm_d4_a_person_accepts_from_any_state(state: DeliveryState) -> None:
    assert delivery.accepted(at(state)).state is ACCEPTED


LATE_S = {Priority.HIGH: 5.0, Priority.MEDIUM: 10.0, Priority.LOW: 60.0}


@pytest.mark.parametrize("priority", Priority, ids=lambda priority: f"SM-D3 {priority.name}")
def test_an_alarm_is_undelivered_after_the_time_of_its_priority(priority: Priority) -> None:
    for state in (QUEUED, BROKER_ACK):
        alarm = an_alarm(priority=priority, delivery=at(state))
        assert delivery.undelivered_at_s(alarm, START_S - 60) == START_S + LATE_S[priority]
    for state in (DISPLAYED, ACCEPTED, UNDELIVERED):
        assert delivery.undelivered_at_s(an_alarm(priority=priority, delivery=at(state)), START_S - 60) is None


def test_a_screen_that_could_not_be_reached_has_its_time_from_then_on() -> None:
    alarm = an_alarm(priority=Priority.HIGH, delivery=at(QUEUED))
    assert delivery.undelivered_at_s(alarm, None) is None
    assert delivery.undelivered_at_s(alarm, START_S + 100) == START_S + 105


LEVELS = [
    (Priority.HIGH, 1, 60.0),
    (Priority.HIGH, 2, 120.0),
    (Priority.HIGH, 3, None),
    (Priority.MEDIUM, 1, 180.0),
    (Priority.MEDIUM, 2, 360.0),
    (Priority.MEDIUM, 3, None),
    (Priority.LOW, 1, 900.0),
    (Priority.LOW, 2, None),
]


@pytest.mark.parametrize(("priority", "level", "after_s"), LEVELS)
def test_sm_d5_the_time_of_the_next_level(priority: Priority, level: int, after_s: float | None) -> None:
    alarm = an_alarm(priority=priority, delivery=at(QUEUED, level=level, unattended_s=START_S))
    assert delivery.next_level_at_s(alarm) == (None if after_s is None else START_S + after_s)


def silent(reason: SilenceReason) -> Alarm:
    return an_alarm(silence=Silence(reason, START_S + 500))


GOES_UP = {
    "as it stands": (an_alarm(), True),
    "acknowledged, and not accepted": (an_alarm(signal=SignalPresence.ACKNOWLEDGED), True),
    "audio paused": (silent(SilenceReason.AUDIO_PAUSE), True),
    "not verifiable": (an_alarm(verifiable=False), True),
    "undelivered": (an_alarm(delivery=at(UNDELIVERED, unattended_s=START_S)), True),
    "accepted": (an_alarm(acceptance=Acceptance("anna", NOW)), False),
    "for the technician": (an_alarm(audience=Audience.TECHNICIAN), False),
    "waiting for a repeat": (silent(SilenceReason.AWAITING_REPEAT), False),
    "off the monitor": (silent(SilenceReason.OFF_MONITOR), False),
    "under service": (silent(SilenceReason.SERVICE), False),
    "over, and latched": (an_alarm(present=False, signal=SignalPresence.LATCHED), False),
}


@pytest.mark.parametrize(("alarm", "up"), GOES_UP.values(), ids=GOES_UP)
def test_sm_d5_only_what_sounds_and_is_not_accepted_goes_up(alarm: Alarm, up: bool) -> None:
    assert delivery.escalates(alarm) is up
    assert (delivery.next_level_at_s(alarm) is not None) is up


# --- the times, in the whole core ---


@pytest.mark.parametrize(
    ("priority", "steps"), [(Priority.HIGH, [60, 120]), (Priority.MEDIUM, [180, 360]), (Priority.LOW, [900])]
)
def test_sm_d5_what_nobody_accepts_goes_up_level_by_level_and_says_so(priority: Priority, steps: list[int]) -> None:
    kind, bed = OF_PRIORITY[priority], Bedside()
    bed.shows(kind)
    for number, at_s in enumerate(steps):
        bed.run(START_S + at_s - 1 - bed.now_s)
        assert bed.alarm(kind).delivery.level == number + 1
        bed.run(1)
        assert bed.alarm(kind).delivery.level == number + 2
    bed.run(900)
    assert bed.phases(kind) == [(0, "start"), *((at_s, "level") for at_s in steps)]


def test_sm_d5_to_acknowledge_does_not_stop_it_and_to_accept_does() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(60)
    assert bed.alarm(HIGH_AT_ONCE).delivery.level == 2
    bed.accept(HIGH_AT_ONCE)
    bed.run(59)
    assert bed.alarm(HIGH_AT_ONCE).delivery.level == 2
    assert bed.alarm(HIGH_AT_ONCE).delivery.state is ACCEPTED


def test_sm_d5_an_audio_pause_does_not_stop_it() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.pause()
    bed.run(60)
    assert (60, "level") in bed.phases(HIGH_AT_ONCE)


def test_sm_d5_what_waited_silently_goes_up_from_when_it_sounds() -> None:
    bed = Bedside()
    bed.cuff = (170, 75, 90, 70)
    bed.run(1 + 180)
    assert bed.phases("BP_SYS_HIGH")[-1] == (181, "sound")
    bed.run(179)
    assert bed.alarm("BP_SYS_HIGH").delivery.level == 1
    bed.run(1)
    assert bed.phases("BP_SYS_HIGH")[-1] == (361, "level")


def test_sm_d6_what_makes_noise_again_begins_at_level_1_without_its_acceptance_and_receipts() -> None:
    bed = Bedside(WATCHED)
    bed.painting = ("wall",)
    bed.shows(HIGH_AT_ONCE)
    bed.run(70)
    bed.accept(HIGH_AT_ONCE, acknowledge=True)
    assert (bed.alarm(HIGH_AT_ONCE).delivery.level, bed.alarm(HIGH_AT_ONCE).delivery.displayed_by) == (2, "wall")
    bed.painting = ()
    bed.run(299)
    bed.run(1)
    alarm = bed.alarm(HIGH_AT_ONCE)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (370, "remind")
    assert alarm.delivery == Delivery(QUEUED, 1, START_S + 370, alarm.rev, published=instant(START_S + 370))
    assert alarm.acceptance is None
    bed.painting = ("wall",)
    bed.run(60)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (430, "level")


@pytest.mark.parametrize("priority", Priority, ids=lambda priority: f"SM-D3 {priority.name}")
def test_what_no_page_shows_in_time_is_an_alarm_of_its_own(priority: Priority) -> None:
    kind, late_s, bed = OF_PRIORITY[priority], int(LATE_S[priority]), Bedside(WATCHED)
    bed.hear(bed.receipt())
    bed.shows(kind)
    shown = bed.receipt(displayed=())
    for second in range(1, late_s):
        bed.run(1)
        bed.hear(replace(shown, received_at_s=bed.now_s))
        assert "STATION_NOT_DISPLAYING" not in bed.world.present(), second
    bed.run(2)
    alarm = bed.alarm("STATION_NOT_DISPLAYING")
    assert (alarm.priority, alarm.band) == (Priority.HIGH, "an alarm is not shown")
    assert bed.alarm(kind).text in alarm.text


def test_sm_d2_shown_late_it_is_displayed_after_all() -> None:
    bed = Bedside(WATCHED)
    bed.shows(MEDIUM_AT_ONCE)
    bed.run(12)
    assert "STATION_NOT_DISPLAYING" in bed.world.present()
    bed.painting = ("wall",)
    bed.run(12)
    assert bed.world.present() == {bed.alarm(MEDIUM_AT_ONCE).key.condition}


def test_sm_d3_without_a_required_station_or_a_broker_nothing_is_undelivered() -> None:
    for bed in (Bedside(), Bedside(WATCHED, connected=False)):
        bed.shows(HIGH_AT_ONCE)
        bed.run(30)
        assert "STATION_NOT_DISPLAYING" not in bed.world.present()


def journalled(bed: Bedside, kind: str) -> list[dict[str, str]]:
    effects = [effect for step in bed.world.steps for effect in step.effects]
    return [dict(effect.body) for effect in effects if isinstance(effect, Journal) and effect.kind == kind]


def test_the_broker_and_the_first_page_are_noted_and_kept_and_change_nothing_that_is_shown() -> None:
    bed = Bedside(replace(WATCHED, stations=(*WATCHED.stations, SECOND_SCREEN)))
    bed.shows(HIGH_AT_ONCE)
    before = bed.alarm(HIGH_AT_ONCE)
    bed.hear(AlarmTaken(bed.now_s, before.key, before.occurrence, before.rev))
    bed.run(1)
    for station in ("wall", "wall-2"):
        bed.hear(bed.receipt(station))
    assert bed.alarm(HIGH_AT_ONCE).rev == before.rev
    assert [row["rev"] for row in journalled(bed, "broker has it")] == ["1"]
    assert [row["station"] for row in journalled(bed, "displayed")] == ["wall"]
    bed.acknowledge(HIGH_AT_ONCE)
    known = bed.alarm(HIGH_AT_ONCE).delivery
    assert (known.state, known.displayed_by) == (DISPLAYED, "wall")
    assert (known.published, known.broker_ack, known.displayed) == (
        instant(START_S),
        instant(START_S),
        instant(START_S + 1),
    )


WRONG = {
    "another occurrence": {"occurrence": "run-1-99"},
    "an earlier revision": {"rev": 0},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_the_broker_s_word_counts_for_the_occurrence_and_revision_that_it_names(changes: dict[str, Any]) -> None:
    bed = Bedside(WATCHED)
    bed.shows(HIGH_AT_ONCE)
    alarm = bed.alarm(HIGH_AT_ONCE)
    bed.hear(replace(AlarmTaken(bed.now_s, alarm.key, alarm.occurrence, alarm.rev), **changes))
    assert journalled(bed, "broker has it") == []


def test_a_flapping_broker_does_not_make_an_accepted_alarm_go_up() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.accept(HIGH_AT_ONCE)
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="reset"))
    bed.run(130)
    assert "level" not in [phase for _, phase in bed.phases(HIGH_AT_ONCE)]
