"""What goes next to the broker: order, latest-wins, one at a time a topic, refusals, bounds. Without a broker."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import omission
from edge.core.model import AlarmKey
from edge.outgoing import AlarmRevision, Lane, Outgoing
from edge.send_queue import IN_FLIGHT_MAX, IN_FLIGHT_QUIET_MAX, TOPICS_MAX, Sending, SendQueue
from edge.store import OutboxRow

RETRY_S = 5.0
EVENT = "edge/event"


def state(topic: str, lane: Lane = Lane.SNAPSHOT, payload: bytes = b"x", expiry_s: int | None = None) -> Outgoing:
    return Outgoing(topic, payload, lane, expiry_s=expiry_s)


def rows(first: int, last: int) -> list[OutboxRow]:
    return [OutboxRow("run-1", seq, EVENT, str(seq).encode()) for seq in range(first, last + 1)]


def queue_of(*states: Outgoing, now_s: float = 0.0) -> SendQueue:
    queue = SendQueue(RETRY_S)
    for one in states:
        queue.put(one, now_s)
    return queue


def taken(queue: SendQueue, now_s: float = 0.0) -> Sending:
    sending = queue.take(now_s)
    assert sending is not None
    return sending


def drain(queue: SendQueue, now_s: float = 0.0) -> list[str]:
    """Send one at a time, all accepted; events by their number."""
    sent = []
    while (sending := queue.take(now_s)) is not None:
        sent.append(str(sending.event.event_seq) if sending.event else sending.outgoing.topic)
        queue.accepted(sending)
    return sent


def test_the_lower_lane_goes_first_and_within_a_lane_the_older() -> None:
    lanes = [lane for lane in Lane if lane is not Lane.EVENT]
    queue = queue_of(*(state(f"{lane.name}-{n}", lane) for n in (1, 2) for lane in reversed(lanes)))
    assert drain(queue) == [f"{lane.name}-{n}" for lane in lanes for n in (1, 2)]


def test_of_a_topic_only_the_latest_is_sent() -> None:
    queue = queue_of(*(state("a", payload=str(n).encode()) for n in range(10)))
    sending = taken(queue)
    assert sending.outgoing.payload == b"9"
    assert queue.take(0.0) is None
    queue.accepted(sending)
    assert queue.settled


def test_a_newer_one_keeps_its_place_in_the_row() -> None:
    queue = queue_of(state("a"), state("b"), state("a"))
    assert drain(queue) == ["a", "b"]


def test_an_alarm_that_rises_changes_its_lane() -> None:
    queue = queue_of(state("a", Lane.ALARM_LOW), state("b", Lane.ALARM_MEDIUM), state("a", Lane.ALARM_HIGH))
    assert drain(queue) == ["a", "b"]


def test_a_topic_is_never_in_flight_twice() -> None:
    queue = queue_of(state("a", payload=b"1"))
    first = taken(queue)
    queue.put(state("a", payload=b"2"), 0.0)
    assert queue.take(0.0) is None
    queue.accepted(first)
    assert taken(queue).outgoing.payload == b"2"


def test_an_index_waits_for_an_alarm_whose_topic_is_on_its_way() -> None:
    queue = SendQueue(RETRY_S)
    queue.put(Outgoing("alarm", b"cleared", Lane.ALARM_LOW), 0.0)
    cleared = queue.take(0.0)
    assert cleared is not None
    queue.put(Outgoing("alarm", b"again", Lane.ALARM_HIGH), 0.0)
    queue.put(Outgoing("alarms", b"names it", Lane.INDEX), 0.0)
    queue.put(Outgoing("snapshot", b"x", Lane.SNAPSHOT), 0.0)
    passed = queue.take(0.0)
    assert passed is not None
    assert passed.outgoing.topic == "snapshot"
    queue.accepted(cleared)
    order = [queue.take(0.0), queue.take(0.0)]
    assert [one.outgoing.payload for one in order if one is not None] == [b"again", b"names it"]


def test_what_is_in_flight_is_bounded_and_an_alarm_finds_a_free_place() -> None:
    queue = queue_of(*(state(f"s{n}") for n in range(20)))
    queue.add_events(rows(1, 5))
    quiet = [queue.take(0.0) for _ in range(20)]
    assert sum(one is not None for one in quiet) == IN_FLIGHT_QUIET_MAX
    for n in range(20):
        queue.put(state(f"a{n}", Lane.ALARM_HIGH), 0.0)
    loud = [queue.take(0.0) for _ in range(20)]
    assert sum(one is not None for one in loud) == IN_FLIGHT_MAX - IN_FLIGHT_QUIET_MAX


def test_only_what_is_urgent_is_taken_where_nothing_else_may_go() -> None:
    queue = queue_of(state("s"), state("status", Lane.STATUS), state("alarm", Lane.ALARM_LOW))
    queue.add_events(rows(1, 1))
    urgent = [queue.take(0.0, urgent_only=True) for _ in range(3)]
    assert [one.outgoing.topic if one else None for one in urgent] == ["status", "alarm", None]
    assert drain(queue) == ["s", "1"]


def test_events_go_in_order_and_one_at_a_time() -> None:
    queue = queue_of()
    queue.add_events(rows(1, 3))
    first = taken(queue)
    assert queue.take(0.0) is None
    assert first.event is not None
    assert (first.event.event_seq, first.outgoing.retain, first.outgoing.payload) == (1, False, b"1")
    queue.accepted(first)
    assert drain(queue) == ["2", "3"]


def test_events_and_telemetry_take_turns_and_every_alarm_goes_before_both() -> None:
    queue = queue_of(*(state(f"s{n}") for n in range(3)))
    queue.add_events(rows(1, 5))
    queue.put(state("low", Lane.ALARM_LOW), 0.0)
    assert drain(queue) == ["low", "s0", "1", "s1", "2", "s2", "3", "4", "5"]


def test_a_flood_of_telemetry_does_not_starve_events() -> None:
    queue = queue_of(state("s"))
    queue.add_events(rows(1, 10))
    seen = 0
    for _ in range(20):
        sending = taken(queue)
        seen += sending.event is not None
        queue.put(state("s"), 0.0)
        queue.accepted(sending)
    assert seen == 10


def test_a_reconnect_asserts_the_whole_truth_again_before_any_event() -> None:
    queue = queue_of(state("snapshot"), state("high", Lane.ALARM_HIGH), state("status", Lane.STATUS))
    assert drain(queue) == ["status", "high", "snapshot"]
    queue.add_events(rows(1, 2))
    lost = taken(queue)
    assert lost.event is not None
    queue.put(state("roster", Lane.ROSTER), 0.0)
    queue.reconnected()
    assert drain(queue) == ["status", "roster", "high", "snapshot", "1", "2"]


def test_events_wait_until_the_last_of_the_truth_is_acknowledged() -> None:
    queue = queue_of(state("a"))
    queue.add_events(rows(1, 1))
    queue.reconnected()
    first = taken(queue)
    assert queue.take(0.0) is None
    queue.accepted(first)
    assert taken(queue).event is not None


def test_what_a_dead_connection_carried_is_sent_again() -> None:
    queue = queue_of(state("a"))
    taken(queue)
    assert queue.take(0.0) is None
    queue.reconnected()
    assert taken(queue).outgoing.topic == "a"


def cleared(topic: str) -> Outgoing:
    return Outgoing(topic, b"cleared", Lane.ALARM_LOW, then_empty=True)


def test_cleared_is_emptied_once_it_is_acknowledged_and_then_forgotten() -> None:
    queue = queue_of(cleared("a"))
    first = taken(queue)
    assert (first.outgoing.payload, queue.take(0.0)) == (b"cleared", None)
    queue.accepted(first)
    second = taken(queue)
    assert (second.outgoing.payload, second.outgoing.retain) == (b"", True)
    queue.accepted(second)
    assert queue.settled
    queue.reconnected()
    assert queue.take(0.0) is None


def test_emptying_survives_a_reconnect() -> None:
    queue = queue_of(cleared("a"))
    queue.accepted(taken(queue))
    taken(queue)
    queue.reconnected()
    assert taken(queue).outgoing.payload == b""


@pytest.mark.parametrize("emptying", [False, True])
def test_a_new_onset_wins_over_the_emptying(emptying: bool) -> None:
    queue = queue_of(cleared("a"))
    if emptying:
        queue.accepted(taken(queue))
    sending = taken(queue)
    queue.put(state("a", Lane.ALARM_HIGH, b"again"), 0.0)
    queue.accepted(sending)
    assert taken(queue).outgoing.payload == b"again"
    queue.reconnected()
    assert taken(queue).outgoing.payload == b"again"


def test_what_was_refused_waits_and_holds_up_nothing_else() -> None:
    queue = queue_of(state("a"), state("b"))
    queue.refused(taken(queue), 10.0)
    assert queue.due_s == 10.0 + RETRY_S
    assert drain(queue, 14.9) == ["b"]
    assert queue.settled
    assert drain(queue, 15.0) == ["a"]
    assert queue.due_s is None


def test_newer_messages_of_a_refused_topic_are_not_sent_sooner() -> None:
    queue = queue_of(state("a", payload=b"1"))
    first = taken(queue)
    queue.put(state("a", payload=b"2"), 0.0)
    queue.refused(first, 0.0)
    queue.put(state("a", payload=b"3"), 1.0)
    assert queue.take(4.9) is None
    assert taken(queue, 5.0).outgoing.payload == b"3"


def test_a_refused_event_holds_back_the_later_ones_and_not_the_truth() -> None:
    queue = queue_of()
    queue.add_events(rows(1, 2))
    queue.refused(taken(queue), 0.0)
    queue.put(state("a"), 0.0)
    assert drain(queue, 4.9) == ["a"]
    assert not queue.settled
    assert drain(queue, 5.0) == ["1", "2"]


def test_a_refusal_does_not_hold_events_back_after_a_reconnect() -> None:
    queue = queue_of(state("a"))
    queue.add_events(rows(1, 1))
    queue.reconnected()
    queue.refused(taken(queue), 0.0)
    assert taken(queue).event is not None


def test_a_reconnect_tries_refused_ones_at_once() -> None:
    queue = queue_of(state("a"))
    queue.refused(taken(queue), 0.0)
    queue.reconnected()
    assert drain(queue) == ["a"]


@pytest.mark.parametrize(("now_s", "left_s"), [(100.0, 4), (100.1, 4), (101.0, 3), (103.9, 1)])
def test_waiting_counts_against_the_life_of_a_message(now_s: float, left_s: int) -> None:
    queue = queue_of(state("a", expiry_s=4), now_s=100.0)
    assert taken(queue, now_s).expiry_s(now_s) == left_s


def test_what_has_expired_is_forgotten_and_not_sent_as_if_fresh() -> None:
    queue = queue_of(state("a", expiry_s=4), state("b"), now_s=100.0)
    queue.add_events(rows(1, 1))
    assert drain(queue, 101.0) == ["a", "1", "b"]
    queue.reconnected()
    queue.add_events(rows(2, 2))
    assert drain(queue, 104.0) == ["b", "2"]


def test_a_message_that_is_not_retained_is_no_truth() -> None:
    with pytest.raises(ValueError, match="only retained"):
        queue_of(Outgoing("a", b"x", Lane.EVENT, retain=False))


def test_topics_are_bounded_and_known_ones_still_change_at_the_bound() -> None:
    queue = queue_of(*(state(f"t{n}") for n in range(TOPICS_MAX)))
    queue.put(state("t0", Lane.ALARM_HIGH, b"new"), 0.0)
    assert taken(queue).outgoing.payload == b"new"
    with pytest.raises(RuntimeError, match="retained topics"):
        queue.put(state("one-more"), 0.0)


def test_over_the_bound_the_oldest_of_the_lowest_go_but_never_what_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(omission, "EVENTS_MAX", 10)
    queue = queue_of()
    assert queue.add_events(rows(1, 10)) == []
    sending = taken(queue)
    (omitted,) = queue.add_events(rows(11, 12))
    assert omitted.events == (("run-1", 2), ("run-1", 3), ("run-1", 4))
    queue.accepted(sending)
    assert queue.events_waiting == 9
    notice = taken(queue)
    assert (notice.outgoing.topic, notice.outgoing.lane, notice.outgoing.retain) == ("omitted", Lane.EVENT, False)
    assert queue.take(0.0) is None
    queue.accepted(notice)
    assert drain(queue) == [str(seq) for seq in range(5, 13)]
    assert queue.settled
    assert queue._event_bytes == 0


class Broker:
    """What a perfect observer of the broker's answers would know."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.events: list[int] = []

    def take(self, sending: Sending) -> None:
        payload = sending.outgoing.payload
        assert isinstance(payload, bytes)
        if sending.event is not None:
            self.events.append(sending.event.event_seq)
        elif payload:
            self.retained[sending.outgoing.topic] = payload
        else:
            self.retained.pop(sending.outgoing.topic, None)


@given(
    st.lists(st.sampled_from(["alarm", "clear", "event", "send", "answer", "refuse", "drop", "forget"])),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_the_broker_ends_with_the_truth_and_every_event_in_order(
    acts: list[str], chance: Random
) -> None:
    queue, broker, truth = SendQueue(RETRY_S), Broker(), dict[str, bytes]()
    flying: list[Sending] = []
    now_s, count, events = 0.0, 0, 0

    def act(name: str) -> None:
        nonlocal count, events
        count += 1
        topic = chance.choice("abc")
        if name == "alarm":
            truth[topic] = str(count).encode()
            queue.put(state(topic, chance.choice([Lane.ALARM_HIGH, Lane.ALARM_LOW]), truth[topic]), now_s)
        elif name == "clear":
            truth.pop(topic, None)
            queue.put(cleared(topic), now_s)
        elif name == "event":
            events += 1
            queue.add_events(rows(events, events))
        elif name == "send" and (sending := queue.take(now_s)) is not None:
            assert sending.outgoing.topic not in {one.outgoing.topic for one in flying}
            flying.append(sending)
        elif name in ("answer", "refuse") and flying:
            sending = flying.pop(chance.randrange(len(flying)))
            if name == "refuse":
                queue.refused(sending, now_s)
            else:
                broker.take(sending)
                queue.accepted(sending)
        elif name in ("drop", "forget"):
            for sending in flying:
                if chance.random() < 0.5:  # the broker took it, and its answer was lost
                    broker.take(sending)
            flying.clear()
            if name == "forget":
                broker.retained.clear()
            queue.reconnected()

    for name in acts:
        now_s += chance.random() * 3
        act(name)
    while flying:
        act("answer")
    now_s += RETRY_S
    while (sending := queue.take(now_s)) is not None:
        broker.take(sending)
        queue.accepted(sending)
    assert broker.retained == truth
    assert list(dict.fromkeys(broker.events)) == list(range(1, events + 1))
    assert queue.settled


# --- what of an alarm's end is yet to be heard ---


def over(occurrence: str, *, then_empty: bool = True) -> Outgoing:
    alarm = AlarmRevision(AlarmKey("bed-1", "HR_HIGH"), occurrence, 3)
    return Outgoing("a", b"over", Lane.ALARM_LOW, alarm=alarm, then_empty=then_empty)


def test_an_end_that_waits_is_known_by_its_topic_and_occurrence_until_the_topic_is_empty() -> None:
    queue = queue_of(over("run-1-1"))
    assert queue.ends("a", "run-1-1")
    assert not queue.ends("a", "run-1-2")
    assert not queue.ends("b", "run-1-1")
    sending = taken(queue)
    assert queue.ends("a", "run-1-1")  # on its way is not there
    queue.refused(sending, 0.0)
    queue.reconnected()
    assert queue.ends("a", "run-1-1")
    queue.accepted(taken(queue))
    assert not queue.ends("a", "run-1-1")  # heard; the emptying alone is left
    assert taken(queue).outgoing.payload == b""


def test_an_alarm_that_stands_or_stands_again_ends_nothing() -> None:
    queue = queue_of(over("run-1-1", then_empty=False))
    assert not queue.ends("a", "run-1-1")
    queue.put(over("run-1-1"), 0.0)
    queue.put(over("run-1-2", then_empty=False), 0.0)
    assert not queue.ends("a", "run-1-1")
