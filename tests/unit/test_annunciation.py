"""What is seen and heard at the bedside computer: the table of the machine, row by row (H-18, H-19)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from edge.core.annunciation import Scene, calls, hook_reason, is_nurses, sounds_at_s
from edge.core.config import AnnunciatorConfig
from edge.core.effects import Bedside as Shown
from edge.core.effects import CallHook, HookReason, Journal
from edge.core.inputs import (
    Accept,
    Basis,
    BedsidePart,
    BrokerLink,
    Named,
    PartReport,
    RaiseTestAlarm,
    Request,
    Role,
)
from edge.core.model import (
    Acceptance,
    AlarmKey,
    Audience,
    Delivery,
    Phase,
    Priority,
    SignalPresence,
    Silence,
    SilenceReason,
)
from tests.core_world import BED, OTHER_BED, RUN, START_S, instant, order, place, pump, shows
from tests.unit.alarm_acts import (
    ASKED,
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    MEDIUM_AT_ONCE,
    WATCHED,
    Bedside,
    an_alarm,
    committed,
    named,
)
from tests.unit.bedside_room import Room

HIGH, MEDIUM, LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW
NOW_S = START_S + 100.0
IDLE, ACTIVE = Scene(NOW_S, frozenset(), active=False), Scene(NOW_S, frozenset(), active=True)
ON_SCREEN = Scene(NOW_S, frozenset({BED}), active=True)
LOST = AlarmKey("", "NORTHBOUND_LOST")
ACCEPTED = Acceptance("anna", instant(START_S))


# --- the table --------------------------------------------------------------------------------------------------------

AT_ONCE_S = {
    "high": (an_alarm(), IDLE, False, 5.0),
    "medium": (an_alarm(priority=MEDIUM), IDLE, False, 10.0),
    "low": (an_alarm(priority=LOW), IDLE, False, None),
    "latched": (an_alarm(signal=SignalPresence.LATCHED, present=False), IDLE, False, 5.0),
    "of no bed": (an_alarm(key=AlarmKey("", "STORE_DAMAGED")), IDLE, False, 5.0),
    "the way is lost, a bed active": (an_alarm(key=LOST), ACTIVE, False, 30.0),
    "the way is lost, no bed active": (an_alarm(key=LOST), IDLE, False, None),
    "no page shows a bed": (an_alarm(key=AlarmKey("", "STATION_NOT_DISPLAYING")), ACTIVE, False, 30.0),
    "shown": (an_alarm(), ON_SCREEN, True, None),
    "its bed is in view, and the page has not said that it paints it": (an_alarm(), ON_SCREEN, False, 5.0),
    "shown once, and another bed in view": (an_alarm(), replace(ON_SCREEN, shown=frozenset({OTHER_BED})), True, 65.0),
    "of no bed, on any page": (an_alarm(key=AlarmKey("", "STORE_DAMAGED")), ON_SCREEN, True, None),
    "acknowledged": (an_alarm(signal=SignalPresence.ACKNOWLEDGED), IDLE, False, None),
    **{reason.value: (an_alarm(silence=Silence(reason, math.inf)), IDLE, False, None) for reason in SilenceReason},
    "accepted": (an_alarm(acceptance=ACCEPTED), IDLE, False, None),
}


@pytest.mark.parametrize(("alarm", "scene", "displayed", "after_s"), AT_ONCE_S.values(), ids=AT_ONCE_S)
def test_when_the_buzzer_sounds(alarm: Any, scene: Scene, displayed: bool, after_s: float | None) -> None:
    due_s = sounds_at_s(alarm, scene, {BED: START_S + 60.0}, displayed=displayed)
    assert due_s == (None if after_s is None else START_S + after_s)


def test_a_lost_way_counts_from_when_it_was_lost_and_its_noise_has_its_time() -> None:
    told = Delivery(published=instant(START_S + 10.0))
    lost = an_alarm(key=LOST, event_at=instant(START_S), delivery=told)
    assert sounds_at_s(lost, ACTIVE, {}, displayed=False) == START_S + 30.0
    again = replace(lost, delivery=Delivery(published=instant(START_S + 200.0)))
    assert sounds_at_s(again, ACTIVE, {}, displayed=False) == START_S + 205.0


CALLS = {
    "level 3": (an_alarm(delivery=Delivery(level=3)), True),
    "level 2": (an_alarm(delivery=Delivery(level=2)), False),
    "accepted": (an_alarm(delivery=Delivery(level=3), acceptance=ACCEPTED), False),
    "silenced, and nobody goes": (an_alarm(delivery=Delivery(level=3), signal=SignalPresence.ACKNOWLEDGED), True),
    "paused": (an_alarm(delivery=Delivery(level=3), silence=Silence(SilenceReason.AUDIO_PAUSE, math.inf)), True),
    "latched": (an_alarm(delivery=Delivery(level=3), signal=SignalPresence.LATCHED, present=False), True),
    "over": (an_alarm(delivery=Delivery(level=3), signal=SignalPresence.OFF), False),
    "the technician's": (an_alarm(delivery=Delivery(level=3), audience=Audience.TECHNICIAN), False),
}


@pytest.mark.parametrize(("alarm", "rings"), CALLS.values(), ids=CALLS)
def test_when_the_nurse_call_rings(alarm: Any, rings: bool) -> None:
    assert calls(alarm) is rings


TEST_ALARM = an_alarm(key=AlarmKey("", "TEST_ALARM"), priority=LOW)
REASONS = {
    "onset": (an_alarm(), Phase.START, HookReason.HIGH_ONSET),
    "worse": (an_alarm(), Phase.ESCALATE, HookReason.HIGH_ONSET),
    "back": (an_alarm(), Phase.RETURN, HookReason.HIGH_ONSET),
    "adopted": (an_alarm(), Phase.ADOPT, HookReason.HIGH_ONSET),
    "reminded": (an_alarm(), Phase.REMIND, None),
    "medium": (an_alarm(priority=MEDIUM), Phase.START, None),
    "level 2": (an_alarm(delivery=Delivery(level=2)), Phase.LEVEL, None),
    "level 3": (an_alarm(priority=MEDIUM, delivery=Delivery(level=3)), Phase.LEVEL, HookReason.LEVEL_3),
    "the technician's": (an_alarm(audience=Audience.TECHNICIAN), Phase.START, None),
    "test": (TEST_ALARM, Phase.START, HookReason.TEST),
    "the end of a test": (TEST_ALARM, Phase.END, None),
}


@pytest.mark.parametrize(("alarm", "phase", "reason"), REASONS.values(), ids=REASONS)
def test_what_the_hook_is_told(alarm: Any, phase: Phase, reason: HookReason | None) -> None:
    assert hook_reason(alarm, phase) is reason


def test_the_technicians_alarms_are_not_the_bedsides() -> None:
    assert [is_nurses(an_alarm(audience=who)) for who in Audience] == [True, False]


# --- in a ward --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "priority", "after_s"), [(HIGH_AT_ONCE, HIGH, 5.0), (MEDIUM_AT_ONCE, MEDIUM, 10.0)], ids=["high", "medium"]
)
def test_the_lamp_lights_at_once_and_the_buzzer_sounds_at_its_moment(kind: Any, priority: Any, after_s: float) -> None:
    room = Room(WATCHED)
    room.shows(kind)
    assert room.shown == (priority, None, False)
    assert room.world.steps[-1].next_deadline_s <= START_S + 1.0
    room.at(after_s - 0.25)
    assert room.shown == (priority, None, False)
    assert room.world.steps[-1].next_deadline_s == START_S + after_s  # not a beat later
    room.at(after_s)
    assert room.shown == (priority, priority, False)


def test_the_step_comes_when_the_buzzer_is_due_and_not_a_beat_later() -> None:
    room = Room(speaking=False)  # no station is required: nothing else is due then
    room.at(0, shows(START_S, MEDIUM_AT_ONCE))
    room.at(9.5)
    assert room.world.steps[-1].next_deadline_s == START_S + 10.0


def test_what_a_page_showed_does_not_sound_while_its_end_is_being_kept() -> None:
    room = Room(WATCHED)
    room.painting = ("wall",)
    room.shows(MEDIUM_AT_ONCE)
    room.run(30)
    room.world.keeps = False
    room.shows()
    room.run(3)
    assert room.shown == (MEDIUM, None, False)  # readers still see it


def test_low_is_seen_and_not_heard() -> None:
    room = Room()
    room.shows(LOW_AT_ONCE)
    room.run(120)
    assert {one.sound for one in room.said()} == {None}
    assert room.shown == (LOW, None, False)


def test_the_most_urgent_is_shown_and_sounded() -> None:
    room = Room()
    room.shows(MEDIUM_AT_ONCE)
    room.run(12)
    assert room.shown == (MEDIUM, MEDIUM, False)
    room.shows(MEDIUM_AT_ONCE, HIGH_AT_ONCE)
    assert room.shown == (HIGH, MEDIUM, False)
    room.run(5)
    assert room.shown == (HIGH, HIGH, False)


def test_a_page_that_paints_it_with_sound_keeps_the_buzzer_quiet() -> None:
    room = Room(WATCHED)
    room.painting = ("wall",)
    room.shows(HIGH_AT_ONCE)
    room.run(40)
    assert room.shown == (HIGH, None, False)


def test_a_page_that_goes_leaves_it_to_the_buzzer() -> None:
    room = Room(WATCHED)
    room.painting = ("wall",)
    room.shows(HIGH_AT_ONCE)
    room.run(30)
    room.painting = ()  # the last receipt, at 30 s, holds until 40 s
    room.run(13)
    assert room.shown[1] is None
    room.run(2)
    assert room.shown[1] is HIGH


def test_a_muted_page_keeps_nothing_quiet() -> None:
    room = Room(WATCHED)
    room.shows(HIGH_AT_ONCE)
    room.hear(room.receipt(audible=False))
    room.run(5)
    assert room.shown[1] is HIGH


def test_a_page_that_has_the_bed_in_view_and_does_not_paint_the_alarm_keeps_nothing_quiet() -> None:
    room = Room(WATCHED)
    room.shows(HIGH_AT_ONCE)
    room.hear(room.receipt(displayed=()))
    room.run(5)
    assert room.shown[1] is HIGH


def test_a_page_of_a_station_that_is_not_required_proves_nothing() -> None:
    room = Room(ASKED)
    room.shows(HIGH_AT_ONCE)
    room.hear(room.receipt("desk"))
    room.run(5)
    assert room.shown[1] is HIGH


def sounding_room() -> Room:
    room = Room()
    room.shows(HIGH_AT_ONCE)
    room.run(6)
    assert room.shown == (HIGH, HIGH, False)
    return room


@pytest.mark.parametrize("how", ["acknowledge", "accept", "pause"])
def test_what_silences_a_station_silences_the_buzzer_and_not_the_lamp(how: str) -> None:
    room = sounding_room()
    if how == "pause":
        room.pause()
    else:
        getattr(room, how)(HIGH_AT_ONCE)
    assert room.shown == (HIGH, None, False)


def test_a_silence_that_ends_sounds_again() -> None:
    room = sounding_room()
    room.pause(duration_s=60.0)
    room.run(59)
    assert room.shown[1] is None
    room.run(1)
    assert room.shown[1] is HIGH


def test_quiet_waits_until_it_is_kept() -> None:
    room = sounding_room()
    room.world.keeps = False
    alarm = room.alarm(HIGH_AT_ONCE)
    act, basis = Accept(named(alarm), acknowledge=True), Basis(RUN, room.now_s)
    mark = room.hear(Request("late", "desk", room.now_s, act, basis, "anna", Role.NURSE)).mark
    assert room.shown[1] is HIGH
    room.hear(committed(mark, room.now_s))
    assert room.shown[1] is None


def test_all_is_dark_when_all_is_over() -> None:
    room = Room()
    room.shows(MEDIUM_AT_ONCE)
    room.run(12)
    room.shows()
    assert room.said()[-1] == Shown(None, None, call=False, test=False, standing=())


def test_the_nurse_call_rings_at_level_3_until_somebody_accepts() -> None:
    room = Room()
    room.shows(HIGH_AT_ONCE)
    room.run(119)
    states = [room.shown]
    room.run(1)
    states.append(room.shown)
    room.acknowledge(HIGH_AT_ONCE)
    states.append(room.shown)
    room.accept(HIGH_AT_ONCE)
    states.append(room.shown)
    assert states == [(HIGH, HIGH, False), (HIGH, HIGH, True), (HIGH, None, True), (HIGH, None, False)]
    assert room.told() == [(HookReason.HIGH_ONSET, "DEVICE_AIR_IN_LINE"), (HookReason.LEVEL_3, "DEVICE_AIR_IN_LINE")]


@pytest.mark.parametrize("active", [True, False])
def test_a_lost_way_alone_sounds_after_30_s_at_an_active_bed(active: bool) -> None:
    room = Room(connected=False)
    room.hear(BrokerLink(START_S, connected=True, detail=""))
    room.run(15)
    if active:
        room.hear(place(room.now_s, order()), pump(room.now_s))
    room.hear(BrokerLink(room.now_s, connected=False, detail="gone"))
    room.run(29)
    assert (room.alarm("NORTHBOUND_LOST").priority, room.shown) == (HIGH, (HIGH, None, False))
    room.run(1)
    assert room.shown == (HIGH, HIGH if active else None, False)


def test_the_hook_is_told_only_what_is_configured() -> None:
    room = Room(hook=AnnunciatorConfig(frozenset({HookReason.LEVEL_3})))
    room.shows(HIGH_AT_ONCE)
    room.run(121)
    assert room.told() == [(HookReason.LEVEL_3, "DEVICE_AIR_IN_LINE")]


@pytest.mark.parametrize(("ago_s", "told_again"), [(30, True), (61, False)])
def test_at_the_start_all_is_rebuilt_from_what_stands(ago_s: float, told_again: bool) -> None:
    unattended_s = START_S - 120 - ago_s  # it came to level 3 so long ago
    delivery = Delivery(level=3, unattended_s=unattended_s, published=instant(unattended_s))
    at, key = instant(unattended_s), AlarmKey(BED, "DEVICE_AIR_IN_LINE", "rack", "11")
    room = Room(speaking=False, alarms=[an_alarm(key=key, at=at, delivery=delivery)])
    assert room.said()[0] == Shown(HIGH, None, call=True, test=False, standing=room.said()[0].standing)
    assert [one.key for one in room.said()[0].standing] == ["DEVICE_AIR_IN_LINE.rack.11"]
    assert room.told() == [(HookReason.LEVEL_3, "DEVICE_AIR_IN_LINE")] * told_again
    room.at(5)
    assert room.shown == (HIGH, HIGH, True)


def test_a_run_begins_with_dark_and_says_nothing_twice() -> None:
    room = Room(speaking=False)
    room.run(30)
    assert room.said() == [Shown(None, None, call=False, test=False, standing=())]


def test_a_test_alarm_asks_for_the_self_test_and_the_hooks() -> None:
    room = Room()
    room.done(RaiseTestAlarm())
    assert (room.said()[-1].test, room.shown) == (True, (LOW, None, False))
    assert room.told() == [(HookReason.TEST, "TEST_ALARM")]
    room.run(30)
    assert (room.said()[-1].test, room.shown) == (False, (None, None, False))


def test_the_journal_keeps_when_it_sounded_and_called() -> None:
    room = sounding_room()
    rows = [effect for step in room.world.steps for effect in step.effects if isinstance(effect, Journal)]
    told = [(row.at.mono_s - START_S, dict(row.body)) for row in rows if row.kind == "bedside"]
    assert told == [(0.0, {"sound": "none", "nurse_call": "False"}), (5.0, {"sound": "high", "nurse_call": "False"})]


@pytest.mark.parametrize(
    ("has", "told"),
    [
        ({"relay": False}, [{"sound": "none"}, {"sound": "high"}]),
        ({"buzzer": False}, [{"nurse_call": "False"}, {"nurse_call": "True"}]),
        ({"buzzer": False, "relay": False}, []),
    ],
)
def test_the_journal_tells_of_no_sound_that_nothing_made(has: dict[str, Any], told: list[dict[str, str]]) -> None:
    room = Room(hook=AnnunciatorConfig(**has))
    room.shows(HIGH_AT_ONCE)
    room.run(121)
    rows = [effect for step in room.world.steps for effect in step.effects if isinstance(effect, Journal)]
    assert [dict(row.body) for row in rows if row.kind == "bedside"] == told


def test_without_the_section_nothing_of_it_is_there() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.run(130)
    effects = [effect for step in bed.world.steps for effect in step.effects]
    assert not [one for one in effects if isinstance(one, Shown | CallHook)]
    assert not [one for one in effects if isinstance(one, Journal) and one.kind == "bedside"]


# --- faults of its own ------------------------------------------------------------------------------------------------

FAULTS = {
    BedsidePart.PINS: ("ANNUNCIATOR_FAILED", MEDIUM, Audience.NURSE),
    BedsidePart.BUTTON: ("BUTTON_STUCK", LOW, Audience.NURSE),
    BedsidePart.HOOK: ("CALL_HOOK_FAILED", MEDIUM, Audience.TECHNICIAN),
}


@pytest.mark.parametrize("part", BedsidePart)
def test_a_part_that_fails_is_an_alarm_until_it_says_that_it_is_well(part: BedsidePart) -> None:
    condition, priority, audience = FAULTS[part]
    room = Room(speaking=False)
    room.at(1, PartReport(START_S + 1, part, "no /dev/gpiochip0"))
    alarm = room.alarm(condition)
    assert (alarm.priority, alarm.audience, "no /dev/gpiochip0" in alarm.text) == (priority, audience, True)
    room.at(2, PartReport(START_S + 2, part, ""))
    room.run(30)  # pins that come and go are one alarm
    assert room.world.alarm(condition) is None


def test_pins_that_come_and_go_are_one_alarm() -> None:
    room = Room(speaking=False)
    for second in range(1, 60, 10):
        room.at(second, PartReport(START_S + second, BedsidePart.PINS, "input/output error"))
        room.at(second + 1, PartReport(START_S + second + 1, BedsidePart.PINS, ""))
    assert [phase for _, phase in room.phases("ANNUNCIATOR_FAILED") if phase in ("start", "end")] == ["start"]


def test_a_fault_of_the_run_before_stands_until_the_part_has_spoken() -> None:
    stood = an_alarm("ANNUNCIATOR_FAILED", key=AlarmKey("", "ANNUNCIATOR_FAILED"), priority=MEDIUM, band="failed")
    room = Room(speaking=False, alarms=[stood])
    room.run(20)
    assert not room.alarm("ANNUNCIATOR_FAILED").verifiable
    room.hear(PartReport(room.now_s, BedsidePart.PINS, ""))
    room.run(30)
    assert room.world.alarm("ANNUNCIATOR_FAILED") is None


def test_what_stands_is_named_as_it_was_when_it_was_shown() -> None:
    room = Room()
    room.shows(HIGH_AT_ONCE)
    alarm = room.alarm(HIGH_AT_ONCE)
    assert room.said()[-1].standing == (Named(BED, alarm.key.name, alarm.occurrence, alarm.rev),)
