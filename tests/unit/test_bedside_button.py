"""The button at the bedside computer: what is a press, what is a fault, and what a press does (SM-B, SM-D; law 13)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from drivers.model import DeviceAlarmKind
from edge.button import DEBOUNCE_S, PRESSES_MAX, PRESSES_S, STUCK_S, Button
from edge.core.config import BEDSIDE
from edge.core.effects import Journal
from edge.core.inputs import Accept, BrokerLink, Named, PressButton, Request, Role
from edge.core.model import DeliveryState, SignalPresence
from tests.core_world import BED, OTHER_BED, START_S
from tests.unit.alarm_acts import HIGH_AT_ONCE, LOW_AT_ONCE, MEDIUM_AT_ONCE, named
from tests.unit.bedside_room import Room

# --- the contact ------------------------------------------------------------------------------------------------------


def played(button: Button, edges: list[tuple[float, bool]], until_s: float) -> list[float]:
    """When it was pressed: it is turned at each edge, and whenever it asked for it."""
    pressed: list[float] = []
    now_s = 0.0
    while now_s <= until_s:
        while edges and edges[0][0] <= now_s:
            at_s, down = edges.pop(0)
            button.edge(down=down, now_s=at_s)
        if button.turn(now_s):
            pressed.append(now_s)
        now_s = min(button.next_s(now_s), edges[0][0] if edges else math.inf)
    return pressed


PRESSES: dict[str, tuple[list[tuple[float, bool]], list[float]]] = {
    "a press": ([(1.0, True), (1.2, False)], [1.05]),
    "noise": ([(1.0, True), (1.04, False)], []),
    "a contact that bounces": (
        [(1.0, True), (1.003, False), (1.006, True), (1.2, False), (1.203, True), (1.206, False)],
        [1.056],
    ),
    "a gap while it is held": ([(1.0, True), (2.0, False), (2.02, True), (3.0, False)], [1.05]),
    "two presses": ([(1.0, True), (1.2, False), (1.5, True), (1.7, False)], [1.05, 1.55]),
    "held": ([(1.0, True), (30.0, False)], [1.05]),
}


@pytest.mark.parametrize(("edges", "pressed"), PRESSES.values(), ids=PRESSES)
def test_one_press_is_one_act(edges: list[tuple[float, bool]], pressed: list[float]) -> None:
    assert played(Button(down=False, now_s=0.0), list(edges), 60.0) == pytest.approx(pressed)


def test_a_button_that_is_down_at_the_start_asks_for_nothing_until_it_was_let_go() -> None:
    button = Button(down=True, now_s=0.0)
    assert played(button, [(5.0, False), (6.0, True), (6.2, False)], 20.0) == pytest.approx([6.05])


def test_a_stuck_button_is_a_fault_until_it_is_let_go() -> None:
    button = Button(down=False, now_s=0.0)
    assert played(button, [(1.0, True)], 10.9) == pytest.approx([1.05])
    assert button.fault(10.9) == ""
    assert button.next_s(10.9) == 1.0 + STUCK_S
    assert not button.turn(11.0)
    assert button.fault(11.0) == "it has been down for more than 10 s"
    button.edge(down=False, now_s=20.0)
    assert button.fault(20.01) != ""  # it may still bounce
    assert button.next_s(20.01) == 20.0 + DEBOUNCE_S
    assert button.fault(20.06) == ""


def test_a_chattering_button_is_a_fault_and_does_nothing_until_it_has_been_quiet() -> None:
    button = Button(down=False, now_s=0.0)
    edges = [(second + part, part == 0.0) for second in range(1, 31) for part in (0.0, 0.5)]
    pressed = played(button, edges, 31.0)
    assert pressed == pytest.approx([second + DEBOUNCE_S for second in range(1, PRESSES_MAX + 1)])
    assert button.fault(31.0) == "it was pressed more than 10 times in a minute"
    assert played(button, [], 30.0 + PRESSES_S + 1) == []
    assert button.fault(30.0 + PRESSES_S + 1) == ""
    button.edge(down=True, now_s=100.0)
    assert button.turn(100.0 + DEBOUNCE_S)


# --- what a press does ------------------------------------------------------------------------------------------------


def press(room: Room, *seen: Named, bed: str = BED) -> dict[str, str]:
    """Press it; what the journal says of the request."""
    shown = seen or room.said()[-1].standing
    step = room.hear(
        Request(f"run-bedside-{room.now_s}", BEDSIDE, room.now_s, PressButton(bed, shown), role=Role.NURSE)
    )
    (row,) = [effect for effect in step.effects if isinstance(effect, Journal) and effect.kind == "request"]
    return dict(row.body)


def stood(*kinds: DeviceAlarmKind) -> Room:
    room = Room()
    room.shows(*kinds)
    room.run(12)
    return room


@pytest.mark.parametrize("kind", [HIGH_AT_ONCE, MEDIUM_AT_ONCE, LOW_AT_ONCE])
def test_it_accepts_and_silences_for_5_minutes_by_itself(kind: Any) -> None:
    room = stood(kind)
    body = press(room)
    assert (body["by"], body["verb"], body["result"], body["bed"]) == (BEDSIDE, "bedside-button", "done", BED)
    alarm = room.alarm(kind)
    assert (alarm.signal, alarm.delivery.state) == (SignalPresence.ACKNOWLEDGED, DeliveryState.ACCEPTED)
    assert alarm.acceptance is not None
    assert alarm.acceptance.by == BEDSIDE
    room.run(299)
    assert room.shown[1] is None
    assert room.alarm(kind).signal is SignalPresence.ACKNOWLEDGED
    room.run(1)
    assert room.alarm(kind).signal is SignalPresence.ON
    assert room.alarm(kind).acceptance is None


def test_a_soft_vital_sign_is_silent_for_5_minutes_too() -> None:
    room = Room()
    room.reads(heart_rate=125)
    room.run(30)
    press(room)
    held = room.alarm("HR_HIGH").acknowledgement
    assert held is not None
    assert held.until_s == room.now_s + 300.0


def test_it_takes_everything_of_its_bed_and_what_belongs_to_none_and_nothing_of_another() -> None:
    room = stood(HIGH_AT_ONCE, MEDIUM_AT_ONCE)
    room.hear(BrokerLink(room.now_s, connected=False, detail="gone"))
    room.run(12)
    press(room)
    for condition in (HIGH_AT_ONCE, MEDIUM_AT_ONCE, "NORTHBOUND_LOST"):
        assert room.alarm(condition).acceptance is not None
    other = stood(HIGH_AT_ONCE)
    assert press(other, bed=OTHER_BED)["reason"] == "nothing stands there"
    assert other.alarm(HIGH_AT_ONCE).acceptance is None


def test_what_made_noise_after_the_press_is_not_silenced_by_it() -> None:
    room = Room()
    room.reads(heart_rate=125)
    room.run(30)
    seen = room.said()[-1].standing
    room.reads(heart_rate=145)
    room.run(20)  # it got worse
    body = press(room, *seen)
    assert (body["result"], body["reason"]) == ("refused", "it made noise again since: look again")
    assert room.alarm("HR_HIGH").audible


def test_what_is_worse_after_the_press_sounds() -> None:
    room = Room()
    room.reads(heart_rate=125)
    room.run(30)
    press(room)
    room.reads(heart_rate=145)
    room.run(20)
    assert room.alarm("HR_HIGH").audible


def test_what_is_over_and_latched_goes() -> None:
    room = stood(HIGH_AT_ONCE)
    room.shows()
    assert room.alarm(HIGH_AT_ONCE).signal is SignalPresence.LATCHED
    assert press(room)["result"] == "done"
    assert room.world.alarm("DEVICE_AIR_IN_LINE") is None


def test_what_a_station_took_for_longer_is_left_as_it_is() -> None:
    room = Room()
    room.reads(heart_rate=125)
    room.run(30)
    room.done(Accept(named(room.alarm("HR_HIGH")), acknowledge=True))
    before = room.alarm("HR_HIGH").acknowledgement
    assert press(room)["result"] == "refused"
    assert room.alarm("HR_HIGH").acknowledgement == before


def test_a_press_where_nothing_stands_is_journalled_and_does_nothing() -> None:
    room = Room()
    body = press(room)
    assert (body["result"], body["reason"]) == ("refused", "nothing stands there")
    assert room.now_s == START_S
