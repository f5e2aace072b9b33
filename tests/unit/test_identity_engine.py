"""Who answers, in the whole core: a nurse's word, what is awaited, and what is told of it (H-08)."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import ChannelRemoved, DeviceIdentified, InfusionState, Validity
from edge.core.config import IdentityPolicy
from edge.core.inputs import Input, LinkCause
from edge.core.model import Priority
from tests.core_world import (
    BED,
    LINK_S,
    MONITOR,
    OTHER_BED,
    START_S,
    World,
    is_called,
    pump,
)
from tests.unit.two_pumps import (
    CHANGED,
    CONNECTED,
    ONE,
    ORDERS,
    TWO,
    UNCONFIRMED,
    alarm_of,
    at_bed_1,
    channels,
    confirm,
    down,
    journal,
    monitors,
    numbers,
    of_bed,
    states,
    talk,
    up,
    ward,
)

S = InfusionState


# --- nobody has said that it belongs here ---


def test_an_active_bed_asks_after_two_minutes_until_a_nurse_confirms() -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING, ORDERS[0])
    world.run(START_S + 130, talk())
    assert of_bed(world, UNCONFIRMED, BED) == [(120, "start", "asked")]
    alarm = alarm_of(world, UNCONFIRMED)
    assert (alarm.priority, alarm.key.channel) == (Priority.MEDIUM, "11")
    assert alarm.text == "Bed 1: is A the device at pump-1 channel 11?"
    assert numbers(channels(world, BED)) == {Decimal(7), Decimal(1)}
    step = world.step(START_S + 131, confirm(START_S + 131, "A"), *talk()(START_S + 131))
    assert journal(step) == [
        (
            "request",
            {
                "request_id": "confirm-1131",
                "by": "station-a:ann",
                "verb": "confirm-device",
                "result": "done",
                "reason": "",
                "bed": BED,
                "port": "pump-1",
                "channel": "11",
                "serial_number": "A",
            },
        )
    ]
    assert [(answer.request_id, answer.done) for answer in world.answers] == [("confirm-1131", True)]
    assert of_bed(world, UNCONFIRMED, BED)[1:] == [(131, "end", "asked")]
    world.run(START_S + 400, talk())
    assert len(of_bed(world, UNCONFIRMED, BED)) == 2


def test_an_idle_bed_asks_nothing_until_it_is_active() -> None:
    world = World(ward())
    at_bed_1(world, S.STOPPED)
    world.run(START_S + 600, talk(state=S.STOPPED))
    assert world.events == []
    world.run(START_S + 725, talk())
    assert of_bed(world, UNCONFIRMED, BED) == [(721, "start", "asked")]


def test_the_question_names_the_pump_that_is_there_now() -> None:
    """Else a nurse would be asked about one pump and refused for it, since another answers."""
    world = World(ward())
    at_bed_1(world, S.STOPPED, ORDERS[0])
    world.run(START_S + 130, talk(state=S.STOPPED))
    world.step(START_S + 131, is_called(START_S + 131, "B", ONE), *talk(state=S.STOPPED)(START_S + 131))
    assert of_bed(world, UNCONFIRMED, BED) == [(120, "start", "asked"), (131, "remind", "asked")]
    assert alarm_of(world, UNCONFIRMED).text == "Bed 1: is B the device at pump-1 channel 11?"
    world.step(START_S + 132, confirm(START_S + 132, "B"), *talk(state=S.STOPPED)(START_S + 132))
    assert UNCONFIRMED not in world.standing()


def test_a_line_that_breaks_again_and_again_does_not_keep_the_question_from_coming() -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    for t in range(11, 126):
        at_s = START_S + t
        broken = (down(ONE, at_s), up(ONE, at_s)) if t % 30 == 0 else ()
        known = (is_called(at_s, "A", ONE),) if t % 30 == 2 else ()
        world.step(at_s, *broken, *known, pump(at_s, "7", where=ONE), *monitors(at_s))
    assert of_bed(world, UNCONFIRMED, BED)[0] == (122, "start", "asked")
    assert of_bed(world, CHANGED, BED) == []


# --- what a person may not confirm ---


@pytest.mark.parametrize(
    ("serial", "where", "bed", "reason"),
    [
        ("A", ONE, BED, "no device with serial number A answers there, or another one is required"),
        ("C", ONE, BED, "no device with serial number C answers there, or another one is required"),
        ("", ONE, BED, "no device with serial number  answers there, or another one is required"),
        ("B", TWO, BED, "pump-2 channel 11 is not bound to a bed bed-1"),
        ("B", ONE, OTHER_BED, "pump-1 channel 11 is not bound to a bed bed-2"),
        ("B", ("pump-1", "12"), BED, "pump-1 channel 12 is not bound to a bed bed-1"),
        ("B", ("nowhere", "1"), "bed-9", "nowhere channel 1 is not bound to a bed bed-9"),
    ],
)
def test_a_confirmation_that_does_not_fit_is_refused_and_journalled(
    serial: str, where: tuple[str, str], bed: str, reason: str
) -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    world.step(START_S + 11, is_called(START_S + 11, "B", ONE))
    before = len(world.events)
    step = world.step(START_S + 12, confirm(START_S + 12, serial, where, bed), *monitors(START_S + 12))
    asked = {"request_id": "confirm-1012", "by": "station-a:ann", "verb": "confirm-device"}
    body = {"bed": bed, "port": where[0], "channel": where[1], "serial_number": serial}
    assert journal(step) == [("request", {**asked, "result": "refused", "reason": reason, **body})]
    assert [(answer.done, answer.reason) for answer in world.answers] == [(False, reason)]
    assert len(world.events) == before
    alarm = alarm_of(world, CHANGED)
    assert (alarm.present, alarm.verifiable) == (True, True)


def test_nobody_can_confirm_another_than_the_pinned_one() -> None:
    world = World(ward("A", "", identity=IdentityPolicy.PINNED))
    at_bed_1(world, S.STOPPED)
    world.step(START_S + 11, is_called(START_S + 11, "B", ONE))
    step = world.step(START_S + 12, confirm(START_S + 12, "B"))
    assert [(kind, body["result"]) for kind, body in journal(step)] == [("request", "refused")]
    assert "has serial number B, and it must be A." in alarm_of(world, CHANGED).text


def test_after_a_change_in_mid_infusion_the_confirmed_one_counts() -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    world.step(START_S + 11, is_called(START_S + 11, "B", ONE), pump(START_S + 11, "9", where=ONE))
    assert "has serial number B, and A was infusing here." in alarm_of(world, CHANGED).text
    world.step(START_S + 12, confirm(START_S + 12, "B"))
    world.run(START_S + 15, lambda at_s: (pump(at_s, "9", where=ONE),))
    assert of_bed(world, CHANGED, BED) == [(11, "start", "changed"), (12, "end", "changed")]
    assert {metric.value for metric in channels(world, BED)[-1].metrics} == {Decimal(9)}


def test_a_third_device_is_named_in_the_alarm_that_stands() -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    world.step(START_S + 11, is_called(START_S + 11, "B", ONE), pump(START_S + 11, where=ONE))
    world.step(START_S + 12, is_called(START_S + 12, "C", ONE), pump(START_S + 12, where=ONE))
    assert of_bed(world, CHANGED, BED) == [(11, "start", "changed"), (12, "remind", "changed")]
    assert "has serial number C, and A was infusing here." in alarm_of(world, CHANGED).text


# --- it has not said who it is ---


def broken_and_back(world: World, cause: str) -> None:
    """At 11 s the line breaks, is opened again, or the pump is put back into its rack."""
    at_s = START_S + 11
    words: dict[str, Sequence[Input]] = {
        "lost": (down(ONE, at_s), up(ONE, at_s)),
        "reopened": (up(ONE, at_s, LinkCause.REOPENED),),
        "put back": (ChannelRemoved(*ONE, at_s, "taken from its rack"),),
    }
    world.step(at_s, *words[cause], pump(at_s, "9", where=ONE), *monitors(at_s))


@pytest.mark.parametrize("cause", ["lost", "reopened", "put back"])
def test_until_the_serial_number_is_told_again_no_reading_counts(cause: str) -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    broken_and_back(world, cause)
    assert states(world)["pump-1"] == "awaited"
    world.run(START_S + 15, talk("9"))
    assert Decimal(9) not in numbers(channels(world, BED))
    assert channels(world, BED)[-1].metrics[0].value is None
    world.step(START_S + 16, is_called(START_S + 16, "A", ONE), pump(START_S + 16, "9", where=ONE))
    world.run(START_S + 18, talk("9"))
    assert channels(world, BED)[-1].metrics[0].value == Decimal(9)
    assert of_bed(world, CHANGED, BED) == []


@pytest.mark.parametrize("cause", ["lost", "reopened", "put back"])
def test_after_ten_seconds_it_is_a_high_alarm_until_it_is_told(cause: str) -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    broken_and_back(world, cause)
    world.run(START_S + 30, talk("9"))
    assert of_bed(world, CHANGED, BED) == [(21, "start", "not told")]
    alarm = alarm_of(world, CHANGED)
    assert alarm.priority is Priority.HIGH
    assert alarm.text.endswith("does not tell its serial number; it must be A.")
    world.step(START_S + 31, is_called(START_S + 31, "A", ONE), pump(START_S + 31, "9", where=ONE))
    assert of_bed(world, CHANGED, BED)[1:] == [(31, "latch", "not told")]
    assert not alarm_of(world, CHANGED).present


def test_when_it_tells_a_wrong_one_after_all_the_alarm_says_so() -> None:
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    broken_and_back(world, "reopened")
    world.run(START_S + 30, talk("9"))
    world.step(START_S + 31, is_called(START_S + 31, "B", ONE), pump(START_S + 31, "9", where=ONE))
    assert of_bed(world, CHANGED, BED) == [(21, "start", "not told"), (31, "escalate", "changed")]
    assert "has serial number B, and A was infusing here." in alarm_of(world, CHANGED).text


def test_a_named_device_that_tells_no_serial_number_does_not_count() -> None:
    world = World(ward("A", ""))
    world.step(START_S, CONNECTED, DeviceIdentified(*ONE, START_S, "", "Perfusor Space"), pump(START_S, where=ONE))
    world.run(START_S + 20, talk())
    assert of_bed(world, CHANGED, BED) == [(10, "start", "not told")]
    assert numbers(channels(world, BED)) == set()


def test_a_line_that_is_only_said_to_be_up_again_awaits_nothing() -> None:
    """A session tells that its round takes longer now; its device is the same."""
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    world.step(START_S + 11, replace(up(ONE, START_S + 11), round_s=2.0), pump(START_S + 11, "9", where=ONE))
    assert states(world)["pump-1"] == "unconfirmed"


def test_while_the_device_is_silent_its_silence_is_the_alarm() -> None:
    world = World(ward("A", ""))
    at_bed_1(world, S.INFUSING)
    world.step(START_S + 11, down(ONE, START_S + 11), *monitors(START_S + 11))
    world.run(START_S + 60, monitors)
    assert of_bed(world, "PUMP_LINK_LOST", BED) == [(10 + LINK_S, "start", "lost while infusing")]
    assert of_bed(world, CHANGED, BED) == []


def test_a_monitor_that_tells_no_serial_number_counts_and_is_shown_as_such() -> None:
    world = World(ward())
    world.step(START_S, CONNECTED, DeviceIdentified(*MONITOR, START_S, "", "Ivy 450C"), *monitors(START_S))
    world.step(START_S + 1, down(MONITOR, START_S + 1), up(MONITOR, START_S + 1))
    world.step(START_S + 2, DeviceIdentified(*MONITOR, START_S + 2, "", "Ivy 450C"), *monitors(START_S + 2))
    world.run(START_S + 20, monitors)
    assert states(world)["mon-1"] == "none"
    heart_rate = next(shown.vital_signs[0] for shown in reversed(world.snapshots) if shown.bed == BED)
    assert (heart_rate.value, heart_rate.validity) == (Decimal(80), Validity.VALID)
    assert world.events == []


# --- the roster ---


def test_the_roster_shows_each_state_as_it_comes() -> None:
    world = World(ward("A", ""))
    world.step(START_S, CONNECTED)
    seen = [states(world)]
    acts: list[Input] = [
        is_called(START_S + 1, "A", ONE),
        is_called(START_S + 2, "C", TWO),
        confirm(START_S + 3, "C", TWO, OTHER_BED),
        pump(START_S + 4, where=TWO),
        is_called(START_S + 5, "D", TWO),
        ChannelRemoved(*ONE, START_S + 6, "taken from its rack"),
    ]
    for act in acts:
        world.step(act.received_at_s, act)
        seen.append(states(world))
    assert [row.get("pump-1") for row in seen] == ["awaited", *["confirmed"] * 5, "awaited"]
    assert [row.get("pump-2") for row in seen] == [None, None, "unconfirmed", *["confirmed"] * 2, *["changed"] * 2]
    rows = {device.port: device.identities for device in world.rosters[-1][1].devices}
    assert rows["pump-1"] == (("11", "", "", "awaited"),)
    assert rows["pump-2"] == (("11", "D", "Perfusor Space", "changed"),)
