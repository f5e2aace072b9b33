"""Requests: who may, on what they saw, once, and each one answered and journalled."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.config import StationConfig
from edge.core.effects import Answer, Journal, Remember
from edge.core.inputs import (
    Accept,
    Acknowledge,
    Act,
    AudioPause,
    Basis,
    ConfirmDevice,
    Named,
    OffMonitor,
    PlaceOrder,
    RaiseTestAlarm,
    Reassert,
    Request,
    Reset,
    Resume,
    Role,
    Unusable,
)
from edge.core.requests import ANSWERS_MAX, BASIS_LIMIT_S
from tests.core_world import BED, CONFIG, OTHER_BED, PUMP, START_S, instant, is_called, order
from tests.unit.alarm_acts import ASKED, HIGH_AT_ONCE, Bedside, committed, contents, named

NOTHING = Named(BED, "HR_HIGH", "run-1-1", 1)
LEAST: dict[str, tuple[Act, Role]] = {
    "accept": (Accept(NOTHING), Role.NURSE),
    "acknowledge": (Acknowledge(NOTHING), Role.NURSE),
    "reset": (Reset(NOTHING), Role.NURSE),
    "audio-pause": (AudioPause(BED, 60.0), Role.NURSE),
    "off-monitor": (OffMonitor(BED, 60.0), Role.NURSE),
    "resume": (Resume(BED), Role.NURSE),
    "confirm-device": (ConfirmDevice(BED, *PUMP, "01234"), Role.NURSE),
    "test-alarm": (RaiseTestAlarm(), Role.TECHNICIAN),
    "reassert": (Reassert(), Role.TECHNICIAN),
    "demo-order": (PlaceOrder(BED, order()), Role.PRESCRIBER),
}
ROLES = replace(CONFIG, stations=tuple(StationConfig(role.name.lower(), role) for role in Role))


@pytest.fixture(scope="module")
def ward() -> Bedside:
    return Bedside(ROLES)


@pytest.mark.parametrize("user", Role, ids=lambda role: f"user {role.name}")
@pytest.mark.parametrize("station", Role, ids=lambda role: f"station {role.name}")
@pytest.mark.parametrize("verb", LEAST)
def test_a_user_may_what_the_role_allows_and_no_more_than_the_station(
    ward: Bedside, verb: str, station: Role, user: Role
) -> None:
    act, least = LEAST[verb]
    answer = ward.ask(act, station=station.name.lower(), role=user)
    may = min(station, user) >= least
    assert answer.verb == verb
    assert ("may not" not in answer.reason) is may
    assert may or not answer.done


def test_what_a_role_forbids_is_not_done() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    for station, role in (("desk", Role.VIEWER), ("office", Role.PRESCRIBER)):
        answer = bed.ask(Acknowledge(named(bed.alarm(HIGH_AT_ONCE))), station=station, role=role)
        assert (answer.done, answer.reason) == (False, "a viewer may not: it takes a nurse")
    assert bed.phases(HIGH_AT_ONCE) == [(0, "start")]


def test_a_station_that_the_configuration_does_not_name_may_nothing() -> None:
    bed = Bedside()
    for station in ("elsewhere", "configuration", ""):
        answer = bed.ask(AudioPause(BED, 60.0), station=station, role=Role.PRESCRIBER)
        assert (answer.done, "does not name the station" in answer.reason) == (False, True)
    assert bed.world.therapies[-1].pauses == ()


def test_the_command_line_at_the_edge_itself_may_everything() -> None:
    bed = Bedside(CONFIG)
    assert bed.ask(PlaceOrder(BED, order()), station="local", role=Role.PRESCRIBER).done
    assert not bed.ask(PlaceOrder(BED, order()), station="local", role=Role.NURSE).done


def test_what_the_edge_asks_itself_is_done_without_an_answer() -> None:
    bed = Bedside()
    step = bed.hear(Request("run-1-order-0", "configuration", bed.now_s, PlaceOrder(BED, order())))
    assert bed.world.core.snapshot().beds[BED].orders == {PUMP: order()}
    assert (bed.world.answers, [e for e in step.effects if isinstance(e, Remember)]) == ([], [])


# --- on what they saw ---


AGES = [(0.0, True), (BASIS_LIMIT_S, True), (30.5, False), (1e9, False), (-0.5, True), (-2.0, False), (-1e9, False)]


@pytest.mark.parametrize(("age_s", "done"), AGES)
def test_what_was_seen_longer_ago_than_30_s_is_no_ground_to_act_on(age_s: float, done: bool) -> None:
    bed = Bedside()
    bed.run(60)
    answer = bed.ask(AudioPause(BED, 60.0), basis=Basis("run-1", bed.now_s - age_s))
    assert (answer.done, "look again" in answer.reason) == (done, not done)


def test_the_age_counts_to_when_it_was_received_and_not_to_when_it_is_judged() -> None:
    bed = Bedside()
    received_at_s = bed.now_s
    bed.speaking = False
    bed.run(5)
    asked = Request(
        "ask-1", "desk", received_at_s, AudioPause(BED, 60.0), Basis("run-1", received_at_s - 29), role=Role.NURSE
    )
    bed.hear(asked)
    assert bed.world.answers[-1].done


def test_what_was_seen_of_another_run_is_no_ground_to_act_on() -> None:
    bed = Bedside()
    answer = bed.ask(AudioPause(BED, 60.0), basis=Basis("run-0", bed.now_s))
    assert (answer.done, "started anew" in answer.reason) == (False, True)


# --- once ---


def asked(bed: Bedside, act: Act, **changes: Any) -> Request:
    request = Request("ask-7", "desk", bed.now_s, act, Basis("run-1", bed.now_s), user="anna", role=Role.NURSE)
    return replace(request, **changes)


def test_a_repeat_gets_the_stored_answer_and_does_nothing() -> None:
    bed = Bedside()
    first = asked(bed, AudioPause(BED, 60.0))
    bed.hear(first)
    bed.resume()
    bed.shows(HIGH_AT_ONCE)
    bed.run(20)
    bed.hear(replace(first, received_at_s=bed.now_s))
    assert bed.world.answers[-1] == bed.world.answers[0]
    assert bed.alarm(HIGH_AT_ONCE).audible
    assert bed.phases(HIGH_AT_ONCE) == [(0, "start")]


def test_a_repeat_of_what_was_refused_is_refused_for_the_same_reason_also_if_it_could_be_done_now() -> None:
    bed = Bedside()
    bed.hear(asked(bed, AudioPause("bed-9", 60.0)))
    bed.hear(asked(bed, AudioPause(BED, 60.0)))
    assert [answer.reason for answer in bed.world.answers] == ["there is no bed bed-9"] * 2
    assert bed.world.therapies[-1].pauses == ()


def test_a_repeat_after_30_s_or_of_the_run_before_still_gets_its_answer() -> None:
    given = Answer("desk", "ask-7", "accept", done=True, reason="", at=instant(START_S - 60))
    bed = Bedside()
    state = bed.world.core.snapshot()
    state.alarms.answers = {("desk", "ask-7"): given}
    bed = Bedside(state=state)
    bed.hear(asked(bed, Accept(NOTHING), basis=Basis("run-0", 0.0)))
    assert bed.world.answers == [given]


def test_the_same_id_of_another_station_is_another_request() -> None:
    bed = Bedside(replace(ASKED, stations=(*ASKED.stations, StationConfig("desk-2", Role.NURSE))))
    bed.hear(asked(bed, AudioPause("bed-9", 60.0)))
    bed.hear(asked(bed, AudioPause(BED, 60.0), station="desk-2"))
    assert [(answer.station, answer.done) for answer in bed.world.answers] == [("desk", False), ("desk-2", True)]


def test_twice_in_one_step_it_is_done_once_and_answered_once() -> None:
    bed = Bedside()
    request = asked(bed, RaiseTestAlarm())
    bed.hear(request, request)
    assert len(bed.world.answers) == 1


def test_until_it_is_committed_it_is_pending_also_for_who_asks_again() -> None:
    bed = Bedside()
    bed.world.keeps = False
    first = bed.hear(asked(bed, AudioPause(BED, 60.0)))
    again = bed.hear(asked(bed, AudioPause(BED, 60.0)))
    assert [effect.answer.request_id for effect in first.effects if isinstance(effect, Remember)] == ["ask-7"]
    assert [effect for effect in again.effects if isinstance(effect, Remember | Journal)] == []
    assert bed.world.answers == []
    bed.hear(committed(first.mark, bed.now_s))
    assert len(bed.world.answers) == 1
    bed.hear(asked(bed, AudioPause(BED, 60.0)))
    assert bed.world.answers[1] == bed.world.answers[0]


def test_as_many_answers_are_remembered_and_the_oldest_is_forgotten_first() -> None:
    bed = Bedside()
    requests = [asked(bed, Resume(BED), request_id=f"ask-{number}") for number in range(ANSWERS_MAX + 1)]
    bed.hear(*requests)
    answers = bed.world.core.snapshot().alarms.answers
    assert len(answers) == ANSWERS_MAX == 1000
    assert (("desk", "ask-0") in answers, ("desk", "ask-1") in answers) == (False, True)


# --- unusable, and refused by what it asks for ---


def test_what_cannot_be_understood_is_refused_with_its_reason_and_journalled() -> None:
    bed = Bedside()
    step = bed.hear(Request("ask-9", "elsewhere", bed.now_s, Unusable("dance", "there is no verb dance")))
    (answer,) = bed.world.answers
    assert (answer.station, answer.request_id, answer.verb) == ("elsewhere", "ask-9", "dance")
    assert (answer.done, answer.reason) == (False, "there is no verb dance")
    (row,) = [effect for effect in step.effects if isinstance(effect, Journal)]
    assert dict(row.body) == {
        "request_id": "ask-9",
        "by": "elsewhere",
        "verb": "dance",
        "result": "refused",
        "reason": "there is no verb dance",
    }


def test_each_one_without_an_id_is_answered() -> None:
    bed = Bedside()
    for _ in range(2):
        bed.hear(Request("", "desk", bed.now_s, Unusable("accept", "not JSON")))
    assert [answer.reason for answer in bed.world.answers] == ["not JSON"] * 2


REFUSED: dict[str, tuple[Act, str]] = {
    "a pause of no bed": (AudioPause("bed-9", 60.0), "there is no bed bed-9"),
    "off the monitor at no bed": (OffMonitor("bed-9", 60.0), "there is no bed bed-9"),
    "off the monitor at all beds": (OffMonitor("", 60.0), "name the bed whose patient is off the monitor"),
    "resume at no bed": (Resume("bed-9"), "there is no bed bed-9"),
    "an order for another bed": (
        PlaceOrder(OTHER_BED, order()),
        "rack channel 11 is no pump of Bed 2, which has rack channel 12: look which bed and channel are meant",
    ),
    "a device of another bed": (ConfirmDevice(OTHER_BED, *PUMP, "1"), "rack channel 11 is not bound to a bed bed-2"),
    "a device that does not answer": (
        ConfirmDevice(BED, *PUMP, "1"),
        "no device with serial number 1 answers there, or another one is required",
    ),
}


@pytest.mark.parametrize(("act", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_refused_with_its_reason(act: Act, reason: str) -> None:
    bed = Bedside()
    answer = bed.ask(act, station="local", role=Role.PRESCRIBER)
    assert (answer.done, answer.reason) == (False, reason)


# --- done ---


def test_a_test_alarm_is_low_and_ends_after_half_a_minute() -> None:
    bed = Bedside()
    bed.done(RaiseTestAlarm())
    assert bed.world.present() == {"TEST_ALARM"}
    bed.run(31)
    assert bed.phases("TEST_ALARM") == [(0, "start"), (30, "end")]


def test_a_reassert_says_everything_again_and_is_no_event() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.run(5)
    before = len(bed.world.events)
    bed.done(Reassert(), role=Role.TECHNICIAN)
    said = [type(content).__name__ for step in bed.world.steps[-2:] for content in contents(step.effects)]
    assert set(said) >= {"AlarmChanged", "AlarmIndex", "BedSnapshot", "TherapyView", "Roster"}
    assert said.count("AlarmIndex") == 3
    assert len(bed.world.events) == before


def test_a_confirmed_device_counts() -> None:
    bed = Bedside()
    bed.hear(is_called(bed.now_s, "01234"))
    bed.hear(is_called(bed.now_s, "05678"))
    bed.done(ConfirmDevice(BED, *PUMP, "05678"))
    (identity,) = [one for device in bed.world.rosters[-1][1].devices for one in device.identities if one[1] == "05678"]
    assert identity[3] == "confirmed"


def test_every_request_is_journalled_with_who_what_and_what_became_of_it() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    alarm = named(bed.alarm(HIGH_AT_ONCE))
    bed.ask(Acknowledge(alarm))
    bed.ask(Acknowledge(replace(alarm, occurrence="run-1-9")), user="")
    rows = [
        dict(e.body) for step in bed.world.steps for e in step.effects if isinstance(e, Journal) and e.kind == "request"
    ]
    common = {"verb": "acknowledge", "bed": BED, "key": alarm.key, "rev": "1"}
    done = {"request_id": "ask-1", "by": "desk:anna", "result": "done", "reason": "", "occurrence": "run-1-1"}
    assert rows[0] == common | done
    assert (rows[1]["by"], rows[1]["result"], rows[1]["occurrence"]) == ("desk", "refused", "run-1-9")
    assert rows[1]["reason"] != ""
