"""From retained topics to what pages are told: each change once, each event as its model says, cold as warm."""

import json
from itertools import permutations
from typing import Any

import pytest

from station.heard import LOST_AFTER_S, Came
from station.view import EVENTS
from station.ward import Change, Ward
from station.watch import BROKER_LOST_S, NEVER_HEARD_S
from tests.station import said

TRUTH = (
    said.status(),
    said.roster("bed-1", "bed-2"),
    said.snapshot("bed-1"),
    said.snapshot("bed-2", active=False),
    said.therapy("bed-1"),
    said.alarm(),
    said.index(("HR_HIGH", "run-a-1"), bed="bed-1"),
    said.index(bed="bed-2"),
    said.index(bed=""),
)


class Screen:
    """A page that merges what it is told, as docs/station.md says; every event is held against its model."""

    def __init__(self) -> None:
        self.edges: dict[str, dict[str, Any]] = {}
        self.beds: dict[tuple[str, str], dict[str, Any]] = {}
        self.alarms: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.own: dict[str, dict[str, Any]] = {}
        self.events: list[str] = []

    def show(self, changes: list[Change]) -> list[str]:
        self.events = [change.event for change in changes]
        for change in changes:
            EVENTS[change.event].model_validate_json(change.data)
            data = json.loads(change.data)
            match change.event:
                case "edge":
                    self.edges.setdefault(data["edge"], {}).update(data)
                case "bed":
                    self.beds.setdefault((data["edge"], data["bed"]), {}).update(data)
                case "bed_gone":
                    del self.beds[data["edge"], data["bed"]]
                case "alarm":
                    self.alarms[data["edge"], data["alarm"]["bed"], data["alarm"]["key"]] = data["alarm"]
                case "alarm_gone":
                    gone = self.alarms.pop((data["edge"], data["bed"], data["key"]))
                    assert gone["occurrence"] == data["occurrence"]
                case "station_alarm":
                    self.own[data["key"]] = data
                case "station_alarm_gone":
                    del self.own[data["key"]]
        return self.events


class Play:
    """A ward and its screen."""

    def __init__(self, *edges: str, broker: bool = True) -> None:
        self.ward = Ward(said.SITE, edges or (said.EDGE,), 0.0)
        self.screen = Screen()
        if broker:
            self.screen.show(self.ward.broker(0.0, connected=True))

    def say(self, told: said.Said, came: Came | None = None) -> list[str]:
        return self.screen.show(self.ward.take(*told, said.live(1.0) if came is None else came))

    def tick(self, at_s: float) -> list[str]:
        return self.screen.show(self.ward.tick(at_s))


def test_a_cold_start_shows_the_whole_truth_whatever_its_order() -> None:
    for order in permutations(TRUTH[:3] + TRUTH[5:8]):
        play = Play()
        for told in (*order, TRUTH[3], TRUTH[4], TRUTH[8]):
            play.say(told, said.kept(1.0, expires_in_s=10))
        screen = play.screen
        assert screen.edges["pi-1"]["state"] == "running"
        assert [screen.beds["pi-1", bed]["doubt"] for bed in ("bed-1", "bed-2")] == ["", ""]
        assert screen.beds["pi-1", "bed-2"]["place"] == [0, 1]
        assert screen.beds["pi-1", "bed-1"]["label"] == "Bed 1"
        assert screen.beds["pi-1", "bed-1"]["snapshot"]["vital_signs"][0]["value"] == "2.70"
        assert screen.beds["pi-1", "bed-1"]["therapy"]["phase"] == "infusing"
        assert list(screen.alarms) == [("pi-1", "bed-1", "HR_HIGH")]
        assert screen.own == {}


def test_nothing_is_told_twice() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    assert [play.say(told) for told in TRUTH[1:]] == [[]] * (len(TRUTH) - 1)
    assert play.tick(1.5) == []


def test_numbers_travel_as_they_were_sent() -> None:
    play = Play()
    play.say(said.snapshot(dose="0.30000000000000000000001"))
    assert play.screen.beds["pi-1", "bed-1"]["snapshot"]["vital_signs"][0]["value"] == "0.30000000000000000000001"


def test_alarms_and_their_ends_are_urgent_and_numbers_are_not() -> None:
    ward = Ward(said.SITE, (said.EDGE,), 0.0)
    urgent: dict[str, bool] = {}
    for told in (*TRUTH, said.cleared(), said.roster("bed-1")):
        urgent |= {change.event: change.urgent for change in ward.take(*told, said.live(1.0))}
    assert urgent == {"edge": False, "bed": False, "alarm": True, "alarm_gone": True, "bed_gone": True}


def test_another_occurrence_ends_the_one_before() -> None:
    play = Play()
    play.say(said.status())
    play.say(said.alarm())
    assert play.say(said.alarm(occurrence="run-a-2")) == ["alarm_gone", "alarm"]
    assert play.screen.alarms["pi-1", "bed-1", "HR_HIGH"]["occurrence"] == "run-a-2"


def test_an_emptied_topic_ends_nothing() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    for topic, _ in TRUTH:
        assert play.say((topic, b"")) == []
    assert list(play.screen.alarms) == [("pi-1", "bed-1", "HR_HIGH")]


def test_an_alarm_ends_with_its_cleared_or_an_index_without_it() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    assert play.say(said.cleared()) == ["alarm_gone"]
    play.say(said.alarm("SPO2_LOW"))
    assert "alarm_gone" in play.say(said.index())
    assert play.screen.alarms == {}


def test_a_bed_without_its_index_is_not_known_to_be_well() -> None:
    play = Play()
    for told in TRUTH[:3]:
        play.say(told)
    assert play.screen.beds["pi-1", "bed-1"]["doubt"] == "no_index"
    play.say(said.index())
    assert play.screen.beds["pi-1", "bed-1"]["doubt"] == ""


def test_another_run_makes_everything_unknown_that_is_not_said_again() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    play.say(said.status(3.0, run="run-b"))
    assert {bed["doubt"] for bed in play.screen.beds.values()} == {"no_roster"}
    play.say(said.roster("bed-1", "bed-2", run="run-b"))
    assert {bed["doubt"] for bed in play.screen.beds.values()} == {"no_index"}
    assert list(play.screen.alarms) == [("pi-1", "bed-1", "HR_HIGH")]


def test_a_bed_that_the_roster_lacks_is_gone() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    assert "bed_gone" in play.say(said.roster("bed-1"))
    assert list(play.screen.beds) == [("pi-1", "bed-1")]
    play.say(said.roster("bed-1", "bed-2"))
    assert "snapshot" not in play.screen.beds["pi-1", "bed-2"]


def test_a_silent_edge_is_lost_with_its_beds_and_heard_again() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    assert play.tick(1.0 + LOST_AFTER_S) == []
    play.tick(1.1 + LOST_AFTER_S)
    screen = play.screen
    assert (screen.edges["pi-1"]["state"], screen.edges["pi-1"]["since_s"]) == ("lost", 1.1 + LOST_AFTER_S)
    assert {bed["doubt"] for bed in screen.beds.values()} == {"edge_lost"}
    assert screen.own["EDGE_LOST"]["priority"] == "high"
    assert [(bed["label"], bed["active"]) for bed in screen.own["EDGE_LOST"]["beds"]] == [
        ("Bed 1", True),
        ("Bed 2", False),
    ]
    play.say(said.status(112.0), said.live(13.0))
    assert (screen.edges["pi-1"]["state"], screen.own) == ("running", {})


def test_an_expected_edge_that_is_never_heard_is_an_alarm_and_a_strange_one_is_nothing() -> None:
    play = Play("pi-1", "pi-2")
    play.say(said.status())
    assert play.say(said.status(edge="pi-9")) == []
    play.tick(NEVER_HEARD_S)
    assert play.screen.own == {}
    play.say(said.status(110.0), said.live(NEVER_HEARD_S))
    play.tick(NEVER_HEARD_S + 0.5)
    assert play.screen.own["EDGE_NEVER_HEARD"]["edges"] == ["pi-2"]
    assert play.screen.edges["pi-2"]["state"] == "never_heard"


def test_stopped_with_a_patient_sounds_and_without_does_not() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    play.say(said.status(101.0, "stopped"))
    assert play.screen.own["EDGE_STOPPED"]["priority"] == "high"
    play.say(said.status(102.0))
    play.say(said.snapshot("bed-1", active=False))
    play.say(said.status(103.0, "stopped"))
    assert play.screen.own == {}


def test_without_the_broker_nothing_is_known_at_once_and_an_alarm_after_ten_seconds() -> None:
    play = Play()
    for told in TRUTH:
        play.say(told)
    play.screen.show(play.ward.broker(2.0, connected=False))
    assert {bed["doubt"] for bed in play.screen.beds.values()} == {"broker_lost"}
    assert play.screen.own == {}
    play.tick(2.1 + BROKER_LOST_S)
    assert list(play.screen.own) == ["BROKER_LOST"]
    play.screen.show(play.ward.broker(20.0, connected=True))
    assert play.screen.own == {}
    assert {bed["doubt"] for bed in play.screen.beds.values()} == {"edge_unproven"}
    assert list(play.screen.alarms) == [("pi-1", "bed-1", "HR_HIGH")]


def test_a_station_that_starts_without_a_broker_says_so() -> None:
    play = Play(broker=False)
    play.tick(BROKER_LOST_S)
    assert play.screen.own == {}
    play.tick(BROKER_LOST_S + 0.1)
    assert list(play.screen.own) == ["BROKER_LOST"]
    assert play.screen.edges["pi-1"]["doubt"] == "broker_lost"


def test_silence_is_told() -> None:
    play = Play("pi-1", "pi-2")
    play.tick(NEVER_HEARD_S + 0.1)
    changes = play.ward.silence("EDGE_NEVER_HEARD", 1, "kari", 12.0)
    assert changes is not None
    play.screen.show(changes)
    assert not play.screen.own["EDGE_NEVER_HEARD"]["audible"]
    assert play.ward.silence("EDGE_NEVER_HEARD", 7, "kari", 12.0) is None


@pytest.mark.parametrize(
    "told",
    [
        (said.T.snapshot("bed-2"), said.snapshot("bed-1")[1]),
        (said.T.alarm("bed-1", "SPO2_LOW"), said.alarm("HR_HIGH")[1]),
        (said.T.alarm("", "HR_HIGH"), said.alarm("HR_HIGH")[1]),
        (said.T.alarms("bed-1"), said.index(bed="bed-2")[1]),
        (said.T.status, b"{}"),
        (said.T.status, b'{"schema": "status/1", "state": "run'),
        (said.T.snapshot("bed-1"), said.snapshot()[1].replace(b'"2.70"', b"NaN")),
        (said.T.snapshot("bed-1"), b"\xff\xfe"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_changes_nothing(told: said.Said) -> None:
    play = Play()
    for known in TRUTH:
        play.say(known)
    with pytest.raises(ValueError, match=r"."):
        play.say(told)
    assert [play.say(known) for known in TRUTH[1:]] == [[]] * (len(TRUTH) - 1)


def test_fields_of_a_later_version_are_not_passed_on() -> None:
    play = Play()
    topic, payload = said.snapshot()
    play.say((topic, payload.replace(b'"active"', b'"later": NaN, "active"')))
    assert "later" not in play.screen.beds["pi-1", "bed-1"]["snapshot"]


def test_it_listens_to_the_edges_that_are_expected_and_to_no_other() -> None:
    topics = Ward("demo", ("pi-1", "pi-2"), 0.0).topics()
    assert len(topics) == len(set(topics))
    assert {topic.split("/")[4] for topic in topics} == {"pi-1", "pi-2"}
    assert "infusion/v1/demo/edge/pi-2/bed/+/alarm/+" in topics
