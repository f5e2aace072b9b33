"""What the edge says of itself: broker, store, refused messages, garbled lines, pumps that belong to no bed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import ChannelRemoved, InfusionState, Quantity, Reading
from edge.core.config import Binding
from edge.core.inputs import (
    BrokerLink,
    BrokerResult,
    Input,
    LineErrors,
    NameTaken,
    PublishAccepted,
    PublishRefused,
    StoreResult,
)
from edge.core.model import Audience, Priority
from edge.core.restore import initial_state
from edge.core.state import UNBOUND_MAX
from tests.core_world import BED, CONFIG, LINK_S, START_S, World, instant, monitor, pump, with_bed

STRAY = ("rack", "3F")
CONNECTED = BrokerLink(START_S, connected=True, detail="connected")


def connected() -> World:
    world = World()
    world.step(START_S, CONNECTED)
    return world


def errors(at_s: float, accepted: int, rejected: int) -> LineErrors:
    return LineErrors("rack", at_s, accepted, rejected, "checksum" if rejected else "")


# --- broker ---


def test_a_broker_that_is_never_reached_is_high_after_ten_seconds() -> None:
    world = World()
    world.step(START_S)
    world.run(START_S + 20)
    assert world.told("NORTHBOUND_LOST") == [(10, "start", "lost")]
    alarm = world.alarm("NORTHBOUND_LOST")
    assert alarm is not None
    assert (alarm.priority, alarm.key.bed, alarm.audience) == (Priority.HIGH, "", Audience.NURSE)


def test_a_short_loss_is_none_and_a_long_one_ends_after_five_seconds() -> None:
    world = connected()
    for at_s, up in ((5, False), (14, True), (20, False), (40, True)):
        world.run(START_S + at_s - 1)
        world.step(START_S + at_s, BrokerLink(START_S + at_s, up, "why"))
    world.run(START_S + 60)
    assert world.told("NORTHBOUND_LOST") == [(30, "start", "lost"), (45, "end", "lost")]


def test_a_link_that_comes_and_goes_is_lost_until_it_stays() -> None:
    world = connected()
    for at_s in range(20, 60, 4):
        world.step(START_S + at_s, BrokerLink(START_S + at_s, connected=False, detail="taken over"))
        world.run(START_S + at_s + 3)
        world.step(START_S + at_s + 3, BrokerLink(START_S + at_s + 3, connected=True, detail=""))
    world.run(START_S + 90)
    assert [(phase, band) for _, phase, band in world.told("NORTHBOUND_LOST")] == [("start", "lost"), ("end", "lost")]
    start_s, end_s = (at_s for at_s, _, _ in world.told("NORTHBOUND_LOST"))
    assert 30 <= start_s <= 40
    assert end_s == 59 + 10 + 5


def test_a_link_that_never_lives_long_is_lost_though_no_loss_is_long() -> None:
    world = connected()
    for at_s in range(5, 61, 14):  # nine seconds down, five up
        world.run(START_S + at_s - 1)
        world.step(START_S + at_s, BrokerLink(START_S + at_s, connected=False, detail="reset"))
        world.run(START_S + at_s + 8)
        world.step(START_S + at_s + 9, BrokerLink(START_S + at_s + 9, connected=True, detail=""))
    world.run(START_S + 90)
    assert world.told("NORTHBOUND_LOST") == [(43, "start", "lost"), (56 + 10 + 5, "end", "lost")]


def test_of_a_link_that_comes_and_goes_all_night_the_journal_has_the_first_times_alone() -> None:
    world = connected()
    for at_s in range(4, 404, 4):
        world.step(START_S + at_s, BrokerLink(START_S + at_s, connected=at_s % 8 == 0, detail=f"at {at_s}"))
    noted = [effect for step in world.steps for effect in step.effects if getattr(effect, "kind", "") == "broker"]
    assert 4 < len(noted) < 10
    alarm = world.alarm("NORTHBOUND_LOST")
    assert alarm is not None
    assert "cannot be reached (at " in alarm.text


def test_refused_messages_are_an_alarm_until_the_last_topic_is_taken() -> None:
    world = connected()
    said: tuple[BrokerResult, ...] = (
        PublishRefused(START_S + 1, "a", "not authorised"),
        PublishRefused(START_S + 2, "b", "not authorised"),
        PublishAccepted(START_S + 3, "a"),
        PublishAccepted(START_S + 4, "b"),
        PublishAccepted(START_S + 5, "never refused"),
    )
    for item in said:
        world.step(item.received_at_s, item)
    assert world.told("PUBLISH_REFUSED") == [(1, "start", "refused"), (4, "end", "refused")]


def test_where_the_broker_refuses_the_alarms_themselves_the_nurse_is_told() -> None:
    world = connected()
    prefix = "infusion/v1/demo/edge/pi-1"
    quiet = (f"{prefix}/event", f"{prefix}/bed/bed-1/snapshot", f"{prefix}/request/+/+", f"{prefix}/bed/alarm/therapy")
    for topic in quiet:
        world.step(START_S + 1, PublishRefused(START_S + 1, topic, "Quota exceeded"))
    world.run(START_S + 20)
    assert world.alarm("NORTHBOUND_LOST") is None
    for number, topic in enumerate(
        ("status", "alarms", "bed/bed-1/alarms", "alarm/NAME_TAKEN", "bed/bed-1/alarm/HR_HIGH")
    ):
        at_s = START_S + 100 * (number + 1)
        world.run(at_s)
        world.step(at_s, PublishRefused(at_s, f"{prefix}/{topic}", "Quota exceeded"))
        world.run(at_s + 11)
        alarm = world.alarm("NORTHBOUND_LOST")
        assert alarm is not None
        assert alarm.priority is Priority.HIGH
        assert alarm.text.endswith("reach no screen: the broker refuses them (Quota exceeded).")
        world.step(at_s + 12, PublishAccepted(at_s + 12, f"{prefix}/{topic}"))
        world.run(at_s + 20)
        assert world.alarm("NORTHBOUND_LOST") is None


# --- store ---


def test_a_store_that_fails_is_an_alarm_until_it_commits_again() -> None:
    world = connected()
    world.keeps = False
    world.step(START_S + 1, StoreResult(START_S + 1, 1, committed=False, detail="disk full"))
    world.step(START_S + 2, StoreResult(START_S + 2, 2, committed=False, detail="disk still full"))
    alarm = world.alarm("STORE_FAILED")
    assert alarm is not None
    assert "disk full" in alarm.text
    world.step(START_S + 3, StoreResult(START_S + 3, 2, committed=True))
    world.step(START_S + 5, StoreResult(START_S + 5, 3, committed=False, detail="disk full"))
    world.step(START_S + 6, StoreResult(START_S + 6, 3, committed=True))
    world.keeps = True
    world.run(START_S + 20)
    assert world.told("STORE_FAILED") == [(1, "start", "failed"), (11, "end", "failed")]


def test_a_failure_without_a_reason_is_a_failure() -> None:
    world = connected()
    world.step(START_S + 1, StoreResult(START_S + 1, 99, committed=False))
    assert world.told("STORE_FAILED")[0] == (1, "start", "failed")


@pytest.mark.parametrize(("set_aside", "fault"), [("edge.db.damaged-1", ""), ("", "cannot be read")])
def test_what_the_store_was_at_the_start_is_told_in_the_first_step(set_aside: str, fault: str) -> None:
    state = initial_state(CONFIG, "run-1", instant(START_S))
    state.edge.store_set_aside, state.edge.store_failure = set_aside, fault
    world = World(state=state, keeps=False)
    world.step(START_S, CONNECTED)
    assert world.present() == world.standing() == {"STORE_DAMAGED" if set_aside else "STORE_FAILED"}


# --- lines ---


@pytest.mark.parametrize(
    ("accepted", "rejected", "alarm"),
    [
        (0, 3, True),
        (0, 2, False),  # a plug that is pushed in
        (57, 3, False),  # 5 % is allowed
        (56, 3, True),
        (1000, 52, False),
        (1000, 53, True),
    ],
)
def test_a_line_is_garbled_above_five_percent_within_a_minute(accepted: int, rejected: int, alarm: bool) -> None:
    world = connected()
    world.step(START_S + 1, pump(START_S + 1), errors(START_S + 1, accepted, rejected))
    world.step(START_S + 2)
    assert ("LINE_ERRORS" in world.present()) is alarm


def test_it_ends_half_a_minute_after_the_share_is_small_again() -> None:
    world = connected()
    world.step(START_S + 1, pump(START_S + 1), errors(START_S + 1, 0, 3))
    world.run(START_S + 120, lambda at_s: (pump(at_s), errors(at_s, 1, 0)))
    # 3 of 59 messages are above 5 %, 3 of 60 (at 58 s) are not.
    assert world.told("LINE_ERRORS") == [(1, "start", "garbled"), (58 + 30, "end", "garbled")]


def test_a_line_that_falls_silent_is_not_mended_by_it() -> None:
    world = connected()
    world.step(START_S + 1, pump(START_S + 1), errors(START_S + 1, 0, 3))
    world.run(START_S + 300)
    assert [phase for _, phase, _ in world.told("LINE_ERRORS")] == ["start", "update"]


def test_an_empty_beds_line_may_be_garbled() -> None:
    world = connected()
    world.step(START_S + 1, pump(START_S + 1, state=InfusionState.OFF), errors(START_S + 1, 0, 30))
    world.run(START_S + 5)
    assert world.told("LINE_ERRORS") == []


# --- pumps that belong to no bed ---


def test_an_unbound_pump_that_runs_is_low_at_once_and_medium_after_five_minutes() -> None:
    world = connected()
    world.run(START_S + 310, lambda at_s: (pump(at_s, where=STRAY, drug="Ketamine"),))
    assert world.told("CHANNEL_UNBOUND") == [(1, "start", "no order"), (301, "escalate", "no order for 5 min")]
    alarm = world.alarm("CHANNEL_UNBOUND")
    assert alarm is not None
    assert (alarm.key.bed, alarm.key.port, alarm.key.channel) == ("", *STRAY)
    assert "Ketamine" in alarm.text
    world.run(START_S + 311, lambda at_s: (pump(at_s, state=InfusionState.STOPPED, where=STRAY),))
    assert world.told("CHANNEL_UNBOUND")[-1] == (311, "end", "no order for 5 min")


def test_it_is_high_if_by_its_own_account_it_is_beyond_the_hard_limit() -> None:
    world = connected()
    reading = Reading(Quantity.DOSE_RATE, Decimal(3), "mg/kg/h", Decimal("0.01"))
    world.step(START_S + 1, pump(START_S + 1, where=STRAY, drug="Ketamine", readings=(reading,)))
    assert world.told("CHANNEL_UNBOUND") == [(1, "start", "no order, beyond the hard limit")]


@pytest.mark.parametrize("gone", [(), (ChannelRemoved(*STRAY, START_S + 2, "gone"),)])
def test_its_silence_neither_ends_nor_worsens_it(gone: tuple[Input, ...]) -> None:
    world = connected()
    world.step(START_S + 1, pump(START_S + 1, where=STRAY))
    world.step(START_S + 2, *gone)
    world.run(START_S + 600)
    lost_s = 2 if gone else 1 + LINK_S
    assert world.told("CHANNEL_UNBOUND") == [(1, "start", "no order"), (lost_s, "update", "no order")]


def test_binding_it_and_starting_again_ends_it() -> None:
    """What the alarm asks for must end it."""
    world = connected()
    world.step(START_S + 1, pump(START_S + 1, where=STRAY))
    config = with_bed(pumps=(*CONFIG.beds[0].pumps, Binding(*STRAY)))
    after = World(config, alarms=world.retained.values())
    after.step(START_S, CONNECTED)
    assert after.told("CHANNEL_UNBOUND") == [(0, "end", "no order")]
    assert after.retained == {}


def test_an_alarm_of_a_line_that_is_no_more_ends() -> None:
    world = connected()
    world.step(START_S + 1, pump(START_S + 1), errors(START_S + 1, 0, 3))
    without = replace(CONFIG, ports=CONFIG.ports[1:], beds=(replace(CONFIG.beds[0], pumps=()),))
    after = World(without, alarms=[alarm for key, alarm in world.retained.items() if not key.bed])
    after.step(START_S, CONNECTED)
    assert after.told("LINE_ERRORS") == [(0, "end", "garbled")]


def test_so_many_unbound_channels_are_remembered_and_no_more() -> None:
    world = connected()
    world.step(START_S + 1, *(pump(START_S + 1, where=("rack", f"x{n}")) for n in range(UNBOUND_MAX + 5)))
    assert len(world.indexes[""]) == UNBOUND_MAX
    world.step(START_S + 2, pump(START_S + 2), monitor(START_S + 2))
    assert any(alarm.key.condition == "ORDER_MISSING" for alarm in world.indexes[BED])


# --- another in our name ---


def test_another_in_our_name_is_high_and_ends_five_minutes_after_the_last_sign() -> None:
    world = connected()
    for at_s in (10, 130):
        world.run(START_S + at_s - 1)
        world.step(START_S + at_s, NameTaken(START_S + at_s, "its run is run-9"))
    alarm = world.alarm("NAME_TAKEN")
    assert alarm is not None
    assert (alarm.priority, alarm.audience) == (Priority.HIGH, Audience.NURSE)
    assert "in the name of this edge" in alarm.text
    assert "its run is run-9" in alarm.text
    world.run(START_S + 440)
    told = [(at_s, phase) for at_s, phase, _ in world.told("NAME_TAKEN") if phase != "level"]
    assert told == [(10, "start"), (430, "end")]
