"""From core content to message: every field, its topic, lane, life."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from edge.core.effects import AlarmChanged, AlarmCleared, AlarmIndex, Event
from edge.core.model import Alarm, Phase, Priority
from edge.outgoing import Lane, Outgoing
from edge.wire_alarms import alarm_from_message
from tests.contents import ALARM, AT, CLOCK_ALARM, CONTENTS, ENDED, SNAPSHOT, wire
from tests.unit.wire_bodies import BODIES, STATUS_JSON

PREFIX = "infusion/v1/ward-7/edge/edge-1"
ALARM_TOPIC = f"{PREFIX}/bed/bed-3/alarm/DOSE_RATE_HIGH.pumps.1-2"
KEPT_BY_THE_BROKER = (
    "key", "occurrence", "rev", "kind", "audience", "priority", "band", "present", "verifiable", "signal", "text",
    "action", "onset", "changed", "value", "unit", "limit", "evidence", "latching", "returns",
    "now",
)  # fmt: skip
TRAVELS = {
    "alarm": (ALARM_TOPIC, Lane.ALARM_HIGH, True, None, False),
    "cleared": (ALARM_TOPIC, Lane.ALARM_LOW, True, None, True),
    "alarm-index": (f"{PREFIX}/bed/bed-3/alarms", Lane.INDEX, True, None, False),
    "snapshot": (f"{PREFIX}/bed/bed-3/snapshot", Lane.SNAPSHOT, True, 4, False),
    "therapy": (f"{PREFIX}/bed/bed-3/therapy", Lane.THERAPY, True, None, False),
    "roster": (f"{PREFIX}/roster", Lane.ROSTER, True, None, False),
    "self-check": (f"{PREFIX}/self-check", Lane.SELF_CHECK, True, 30, False),
    "status": (f"{PREFIX}/status", Lane.STATUS, True, None, False),
    "event": (f"{PREFIX}/event", Lane.EVENT, False, None, False),
    "response": (f"{PREFIX}/response/station-a", Lane.RESPONSE, False, None, False),
}


def body(outgoing: Outgoing) -> Any:
    return json.loads(outgoing.payload() if callable(outgoing.payload) else outgoing.payload)


@pytest.mark.parametrize("name", CONTENTS)
def test_every_field_of_a_content_is_in_its_message(name: str) -> None:
    assert body(wire().encode(CONTENTS[name], AT)) == BODIES[name]


def test_the_fence_names_the_run_and_is_not_retained() -> None:
    sent = wire().fence()
    assert (sent.topic, sent.retain, body(sent)) == (f"{PREFIX}/fence", False, {"schema": "fence/1", "run": "run-1"})


def test_an_alarm_message_reads_back_as_the_alarm_that_it_was() -> None:
    """What only the broker knows: not who did what about it in another run, and whole otherwise."""
    sent = wire().encode(CONTENTS["alarm"], AT).payload
    assert isinstance(sent, bytes)
    plain = Alarm(**{name: getattr(ALARM, name) for name in KEPT_BY_THE_BROKER})
    assert alarm_from_message(sent) == plain


@pytest.mark.parametrize("name", CONTENTS)
def test_a_message_travels_on_its_topic_in_its_lane_for_its_life(name: str) -> None:
    sent = wire().encode(CONTENTS[name], AT)
    assert (sent.topic, sent.lane, sent.retain, sent.expiry_s, sent.then_empty) == TRAVELS[name]


@pytest.mark.parametrize("name", CONTENTS)
def test_only_a_snapshot_is_encoded_late(name: str) -> None:
    assert callable(wire().encode(CONTENTS[name], AT).payload) is (name == "snapshot")


@pytest.mark.parametrize(
    ("priority", "name", "lane"),
    [
        (Priority.HIGH, "high", Lane.ALARM_HIGH),
        (Priority.MEDIUM, "medium", Lane.ALARM_MEDIUM),
        (Priority.LOW, "low", Lane.ALARM_LOW),
    ],
)
def test_an_alarm_takes_the_lane_of_its_priority(priority: Priority, name: str, lane: Lane) -> None:
    sent = wire().encode(AlarmChanged(replace(ALARM, priority=priority)), AT)
    assert (sent.lane, body(sent)["priority"]) == (lane, name)


def test_the_end_of_a_high_alarm_does_not_go_before_another_onset() -> None:
    ended = wire().encode(AlarmCleared(ENDED), AT)
    begun = wire().encode(AlarmChanged(replace(ALARM, priority=Priority.MEDIUM)), AT)
    assert begun.lane < ended.lane


def test_an_index_goes_after_every_alarm_and_before_all_else() -> None:
    medium = replace(CLOCK_ALARM, priority=Priority.MEDIUM)
    for alarms in ((CLOCK_ALARM, medium), ()):
        lane = wire().encode(AlarmIndex("bed-3", alarms), AT).lane
        assert Lane.ALARM_LOW < lane < Lane.RESPONSE
        assert lane.urgent


def test_an_alarm_of_no_bed_stands_at_the_edge_itself_and_has_no_value() -> None:
    sent = wire().encode(AlarmChanged(CLOCK_ALARM), AT)
    assert sent.topic == f"{PREFIX}/alarm/CLOCK_UNSYNCHRONISED"
    assert (body(sent)["value"], body(sent)["limit"], body(sent)["bed"]) == (None, None, "")
    assert wire().encode(AlarmIndex("", (CLOCK_ALARM,)), AT).topic == f"{PREFIX}/alarms"


def test_the_will_and_the_last_word_differ_from_the_heartbeat_in_the_state_alone() -> None:
    for sent, state in ((wire().will(AT), "lost"), (wire().stopped(AT), "stopped")):
        assert body(sent) == STATUS_JSON | {"state": state}
        assert (sent.topic, sent.retain, sent.expiry_s) == (f"{PREFIX}/status", True, None)


def test_without_a_required_station_receipts_are_off() -> None:
    assert body(wire(stations_required=()).encode(CONTENTS["self-check"], AT))["receipts"] == "off"


def test_an_event_row_is_what_is_sent() -> None:
    event = CONTENTS["event"]
    assert isinstance(event, Event)
    sent = wire().encode(event, AT)
    assert wire().event_row(event) == (sent.topic, sent.payload)


def test_a_snapshot_valid_for_less_than_a_second_lives_for_one() -> None:
    assert wire().encode(replace(SNAPSHOT, valid_for_s=0.5), AT).expiry_s == 1


def test_a_content_that_breaks_the_contract_is_refused() -> None:
    channel = replace(SNAPSHOT.channels[0], link="perhaps")
    sent = wire().encode(replace(SNAPSHOT, channels=(channel,)), AT)
    with pytest.raises(ValueError, match="link"):
        body(sent)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_never_sent(number: str) -> None:
    assert ALARM.limit is not None
    limit = replace(ALARM.limit, value=Decimal(number))
    for broken in (replace(ALARM, value=Decimal(number)), replace(ALARM, limit=limit)):
        for content in (AlarmChanged(broken), AlarmCleared(broken), Event(1, Phase.START, broken, AT)):
            with pytest.raises(ValueError, match="finite"):
                wire().encode(content, AT)
    metric = SNAPSHOT.vital_signs[0]._replace(value=Decimal(number))
    with pytest.raises(ValueError, match="finite"):
        body(wire().encode(replace(SNAPSHOT, vital_signs=(metric,)), AT))
