"""Traps at the edges of the alarm system: screens and their receipts, retained alarms, and what must be said."""

import json
from dataclasses import replace
from typing import Any

import pytest

from drivers.model import DeviceAlarmKind
from edge import asking
from edge.core import stations
from edge.core.effects import AlarmChanged, AlarmCleared, Journal
from edge.core.inputs import (
    Acknowledge,
    AlarmFound,
    BrokerLink,
    Receipt,
    Unusable,
)
from edge.core.model import AlarmKey, DeliveryState, SignalPresence
from edge.messages.topics import Topics
from edge.wire import Wire
from edge.wire_alarms import alarm_from_message
from tests.core_world import BED, OTHER_BED, START_S, instant
from tests.unit.alarm_acts import (
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    MEDIUM_AT_ONCE,
    WATCHED,
    Bedside,
    an_alarm,
    contents,
    name_of,
    named,
)

K = DeviceAlarmKind
ACKNOWLEDGED = SignalPresence.ACKNOWLEDGED
NOT_DISPLAYING = "STATION_NOT_DISPLAYING"


def watched(*kinds: DeviceAlarmKind) -> Bedside:
    """A bed of a ward that requires a screen, and whose pump shows these."""
    bed = Bedside(WATCHED)
    bed.shows(*kinds)
    return bed


# --- what a broker still held ---


FOREIGN_NAME = AlarmKey(BED, f"{name_of(HIGH_AT_ONCE)}.rack.11")
"""Another condition whose name in topics is that of the pump's own alarm."""


def test_two_standing_alarms_of_one_name_crash_no_act() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    ours, foreign = bed.alarm(HIGH_AT_ONCE), replace(an_alarm(), key=FOREIGN_NAME)
    assert ours.key.name == foreign.key.name
    bed.hear(AlarmFound(bed.now_s, foreign))
    of_the_core = bed.world.core.snapshot().alarms.standing
    assert bed.ask(Acknowledge(named(of_the_core[foreign.key]))).done
    assert of_the_core.keys() >= {ours.key, foreign.key}
    assert bed.world.core.snapshot().alarms.standing[ours.key].signal is not ACKNOWLEDGED
    bed.acknowledge(HIGH_AT_ONCE)
    assert bed.world.core.snapshot().alarms.standing[ours.key].signal is ACKNOWLEDGED


def test_a_retained_alarm_that_was_cleared_is_emptied_and_not_adopted() -> None:
    bed = Bedside(speaking=False)
    over = an_alarm("SPO2_LOW", present=False, signal=SignalPresence.OFF)
    step = bed.hear(AlarmFound(bed.now_s, over))
    assert [one.alarm for one in contents(step.effects) if isinstance(one, AlarmCleared)] == [over]
    assert (bed.world.standing(), bed.world.events) == (set(), [])


# --- screens ---


def test_two_pages_of_one_station_add_up() -> None:
    bed = Bedside(WATCHED)
    for second in range(42):
        bed.run(1)
        bed.hear(bed.receipt(page="a", beds=frozenset({BED})))
        if second < 30:
            bed.hear(bed.receipt(page="b", beds=frozenset({OTHER_BED})))
            assert bed.world.standing() == set()
    assert dict(bed.alarm(NOT_DISPLAYING).evidence)["beds"] == "Bed 2"


def test_a_muted_second_page_ends_no_pause_and_hides_no_bed() -> None:
    bed = watched(MEDIUM_AT_ONCE)
    bed.hear(bed.receipt(page="a"))
    bed.pause()
    for _ in range(30):
        bed.run(1)
        bed.hear(bed.receipt(page="a"), bed.receipt(page="b", audible=False))
    assert not bed.alarm(MEDIUM_AT_ONCE).audible
    assert len(bed.world.therapies[-1].pauses) == 1
    assert NOT_DISPLAYING not in bed.world.standing()


def test_as_many_pages_are_remembered_and_the_one_heard_longest_ago_is_forgotten() -> None:
    pages: dict[tuple[str, str], stations.PageState] = {}
    for number in (*range(stations.PAGES_MAX), 0, stations.PAGES_MAX):
        receipt = Receipt("wall", START_S + number, "run-1", audible=True, beds=frozenset(), displayed=())
        stations.hear(pages, replace(receipt, page=str(number)))
    assert len(pages) == stations.PAGES_MAX == 100
    assert [("wall", str(number)) in pages for number in (0, 1, stations.PAGES_MAX)] == [True, False, True]


def test_a_dead_page_is_told_10_s_after_its_last_receipt() -> None:
    bed = Bedside(WATCHED)
    bed.painting = ("wall",)
    bed.run(9)  # its receipts come at 3, 6 and 9 s
    bed.painting = ()
    bed.run(20)
    assert bed.phases(NOT_DISPLAYING)[0] == (19, "start")


def test_a_receipt_with_a_revision_that_does_not_exist_counts_for_nothing() -> None:
    bed = watched(HIGH_AT_ONCE)
    alarm = bed.alarm(HIGH_AT_ONCE)
    for _ in range(8):
        painted = ((BED, alarm.key.name, alarm.occurrence, alarm.rev + 1),)
        bed.hear(bed.receipt(displayed=painted))
        bed.run(1)
    assert bed.alarm(NOT_DISPLAYING).band == "an alarm is not shown"
    bed.hear(bed.receipt())
    bed.acknowledge(HIGH_AT_ONCE)
    assert bed.alarm(HIGH_AT_ONCE).delivery.state is DeliveryState.DISPLAYED


def test_after_an_outage_of_the_broker_an_alarm_has_its_time_to_be_shown_from_the_reconnect() -> None:
    bed = Bedside(WATCHED)
    bed.painting = ("wall",)
    bed.hear(bed.receipt())
    bed.run(20)
    bed.painting = ()
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="reset"))
    bed.shows(HIGH_AT_ONCE)
    bed.run(40)
    bed.hear(BrokerLink(bed.now_s, connected=True, detail=""))
    bed.run(4)
    assert "undelivered" not in journalled(bed)
    bed.run(1)
    assert journalled(bed).count("undelivered") == 1
    bed.run(1)
    assert bed.alarm(NOT_DISPLAYING).band == "an alarm is not shown"


def test_an_alarm_that_was_shown_after_the_reconnect_is_delivered() -> None:
    bed = Bedside(WATCHED)
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="reset"))
    bed.shows(HIGH_AT_ONCE)
    bed.run(60)
    bed.hear(BrokerLink(bed.now_s, connected=True, detail=""))
    bed.painting = ("wall",)
    bed.run(30)
    assert NOT_DISPLAYING not in bed.world.standing()


def journalled(bed: Bedside) -> list[str]:
    return [effect.kind for step in bed.world.steps for effect in step.effects if isinstance(effect, Journal)]


# --- what is said of screens ---


SEVEN = (K.AIR_IN_LINE, K.OCCLUSION_DOWNSTREAM, K.OCCLUSION_UPSTREAM, K.NO_FLOW, K.DOOR_OPEN, K.SYRINGE, K.MALFUNCTION)


def text_after(bed: Bedside, seconds: float) -> str:
    bed.run(seconds)
    return bed.alarm(NOT_DISPLAYING).text


def test_what_no_screen_shows_never_quotes_itself_however_often_it_changes() -> None:
    bed = Bedside(WATCHED)
    lengths = set()
    for number in range(30):
        bed.shows(MEDIUM_AT_ONCE, *((LOW_AT_ONCE, HIGH_AT_ONCE) if number % 2 else ()))
        text = text_after(bed, 12)
        lengths.add(len(text))
        assert (text.count("No screen with sound"), text.count("Not shown in time")) == (1, 1)
    assert max(lengths) < 400


@pytest.mark.parametrize(("kinds", "more"), [(5, ""), (6, " And 1 more."), (7, " And 2 more.")])
def test_it_names_five_alarms_at_most_and_says_how_many_more(kinds: int, more: str) -> None:
    text = text_after(watched(*SEVEN[:kinds]), 12)
    assert text.count("reports:") == stations.NAMED_MAX == 5
    assert text.endswith(f"alarm (INA1).{more}")


def texts(bed: Bedside) -> list[str]:
    """What every revision of it said."""
    said = [one for step in bed.world.steps for one in contents(step.effects)]
    alarms = [one.alarm for one in said if isinstance(one, AlarmChanged | AlarmCleared)]
    return [alarm.text for alarm in alarms if alarm.key.condition == NOT_DISPLAYING]


def test_it_has_words_while_it_clears() -> None:
    bed = watched(MEDIUM_AT_ONCE)
    bed.run(12)
    bed.painting = ("wall",)
    bed.hear(bed.receipt())
    told = len(bed.phases(NOT_DISPLAYING))
    bed.run(30)
    assert bed.phases(NOT_DISPLAYING)[told:] == [(17, "end")]
    assert texts(bed)[-1].startswith("No screen with sound shows Bed 1, Bed 2.")
    assert all(texts(bed))


# --- what is sent here ---


def retained(**changes: Any) -> bytes:
    """What a broker holds of the pump's own alarm, with changes."""
    wire = Wire(
        Topics("ward", "edge-1"),
        run="run-0",
        edge="edge-1",
        version="1",
        previous_run="",
        previous_event_seq=0,
        stations_required=(),
        outbox_depth=lambda: 0,
    )
    alarm = replace(an_alarm(), key=AlarmKey(BED, name_of(HIGH_AT_ONCE), "rack", "11"))
    payload = wire.encode(AlarmChanged(alarm), instant(START_S)).payload
    assert isinstance(payload, bytes)
    return json.dumps(json.loads(payload) | changes).encode()


NOT_ITS_KEY: dict[str, dict[str, Any]] = {
    "another condition": {"condition": "HR_HIGH"},
    "another port": {"port": "rack-2"},
    "another channel": {"channel": "12"},
    "no channel": {"port": "", "channel": ""},
    "another name": {"key": "DEVICE_AIR_IN_LINE.rack.12"},
    "a condition that has the channel in its name": {"condition": FOREIGN_NAME.condition, "port": "", "channel": ""},
}


def test_a_retained_alarm_whose_key_is_that_of_its_condition_and_channel_is_read() -> None:
    assert alarm_from_message(retained()).key == AlarmKey(BED, name_of(HIGH_AT_ONCE), "rack", "11")


@pytest.mark.parametrize("changes", NOT_ITS_KEY.values(), ids=NOT_ITS_KEY)
def test_a_retained_alarm_with_another_key_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not that of its condition and its channel"):
        alarm_from_message(retained(**changes))


@pytest.mark.parametrize("verb", ["audio-pause", "off-monitor", "resume"])
def test_which_bed_is_paused_or_resumed_must_be_said(verb: str) -> None:
    said = {"request_id": "ask-1", "run": "run-1", "edge_mono_s": START_S, "role": "nurse"}
    silent_of_it = asking.request("desk", verb, json.dumps(said).encode(), START_S)
    assert silent_of_it.act == Unusable(verb, "bed: Field required")
    of_all = asking.request("desk", verb, json.dumps(said | {"bed": ""}).encode(), START_S).act
    assert getattr(of_all, "bed", None) == ""
