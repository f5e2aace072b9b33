"""What waits to be sent to the broker, and what goes next. Pure: no client, no clock, no waiting.

Two things wait here: the truth, one latest message a retained topic, and the events, strictly in order.

Laws:
  * A message leaves only when the broker has acknowledged it with success; until then it is sent again.
  * Of a topic only the latest message is sent, and never two at once, so the order within a topic holds.
  * The lower lane goes first. Events wait until the truth was asserted after a connect, yield to every alarm, and then
    take turns with telemetry, so that neither starves the other.
  * An answer to a station goes after every alarm and before everything else; it is lost with the connection.
  * What the broker refused is tried again after a pause, and holds up nothing but itself.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from edge.omission import collapse, is_over
from edge.outgoing import Lane, Outgoing
from edge.rows import Omitted, OutboxRow

TOPICS_MAX = 10_000
"""Retained topics of one edge. 72 beds with a hundred alarms each stay below; more is a fault of the program."""

IN_FLIGHT_MAX = 8
"""Messages sent and not yet acknowledged: enough to hide the round trip, few enough to lose nothing of the order."""

IN_FLIGHT_QUIET_MAX = 6
"""How many of them telemetry and events may take, so that an alarm finds a free place."""


ALARM_LANES = (Lane.ALARM_HIGH, Lane.ALARM_MEDIUM, Lane.ALARM_LOW)

SAID_MAX = 200
"""Answers that wait to be sent; who misses one asks again, and gets the answer that was kept."""


EventRow: TypeAlias = OutboxRow
"""One committed event, as the outbox of the store keeps it, or a notice of some that were omitted."""


@dataclass(frozen=True, slots=True, eq=False)
class Sending:
    """One message that waits or is on its way. Each is itself only: an equal, newer one is another."""

    outgoing: Outgoing
    queued_at_s: float
    event: EventRow | None = None

    def expiry_s(self, now_s: float) -> int | None:
        """What is left of the message's life, whole seconds, 0 if none; ``None``: it never expires."""
        if self.outgoing.expiry_s is None:
            return None
        return max(0, math.ceil(self.outgoing.expiry_s - (now_s - self.queued_at_s)))


class SendQueue:
    """The queue of one edge, through many connections.

    ``retry_s`` is the pause after a refusal, ``omitted_topic`` where it is said that events were omitted.
    """

    def __init__(self, retry_s: float, omitted_topic: str = "omitted") -> None:
        self._retry_s = retry_s
        self._omitted_topic = omitted_topic
        self._event_bytes = 0
        self._truth: dict[str, Sending] = {}
        self._dirty: dict[Lane, dict[str, None]] = {lane: {} for lane in Lane}
        self._events: deque[EventRow] = deque()
        self._said: deque[Sending] = deque(maxlen=SAID_MAX)
        self._in_flight: set[str] = set()
        self._held_until_s: dict[str, float] = {}
        self._unasserted: set[str] = set()
        self._event_turn = False

    @property
    def events_waiting(self) -> int:
        """How many events are not yet with the broker."""
        return len(self._events)

    @property
    def answers_waiting(self) -> int:
        """How many answers wait to be sent."""
        return len(self._said)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to send but what the broker refuses to take."""
        return not self._in_flight and not self._events and not self._said and not any(self._dirty.values())

    @property
    def due_s(self) -> float | None:
        """When something that was refused may be tried again; ``None``: nothing was."""
        return min(self._held_until_s.values(), default=None)

    def put(self, outgoing: Outgoing, now_s: float) -> None:
        """Make this the truth of its topic. Raises ``ValueError`` for a message that is not retained."""
        topic = outgoing.topic
        if not outgoing.retain:
            raise ValueError(f"{topic}: only retained messages are truth; events come in rows")
        before = self._truth.get(topic)
        if before is None and len(self._truth) >= TOPICS_MAX:
            raise RuntimeError(f"{topic}: more than {TOPICS_MAX} retained topics")
        if before is not None and before.outgoing.lane is not outgoing.lane:
            self._dirty[before.outgoing.lane].pop(topic, None)
        self._truth[topic] = Sending(outgoing, now_s)
        if topic not in self._held_until_s:
            self._dirty[outgoing.lane][topic] = None

    def ends(self, topic: str, occurrence: str) -> bool:
        """Tell whether what waits for a topic says that this occurrence is over."""
        waiting = self._truth.get(topic)
        alarm = None if waiting is None or not waiting.outgoing.then_empty else waiting.outgoing.alarm
        return alarm is not None and alarm.occurrence == occurrence

    def say(self, outgoing: Outgoing, now_s: float) -> None:
        """Append a message that is not kept: over the bound, or with the connection, the oldest are lost."""
        self._said.append(Sending(outgoing, now_s))

    def add_events(self, rows: Sequence[EventRow]) -> list[Omitted]:
        """Append committed events, oldest first; over the bounds the least go, and are returned."""
        self._events.extend(rows)
        self._event_bytes += sum(len(row.payload) for row in rows)
        on_its_way = int(bool(self._events) and self._events[0].topic in self._in_flight)
        if not is_over(self._events, self._event_bytes, on_its_way):
            return []
        left, omitted = collapse(tuple(self._events), self._omitted_topic, on_its_way)
        self._events = deque(left)
        self._event_bytes = sum(len(row.payload) for row in left)
        return omitted

    def reconnected(self) -> None:
        """Begin anew on a new connection: nothing is on its way, and the whole truth is to be asserted."""
        self._in_flight.clear()
        self._said.clear()
        self._held_until_s.clear()
        self._dirty = {lane: {} for lane in Lane}
        for topic, sending in self._truth.items():
            self._dirty[sending.outgoing.lane][topic] = None
        self._unasserted = set(self._truth)
        self._event_turn = False

    def take(self, now_s: float, *, urgent_only: bool = False) -> Sending | None:
        """Take the next message to send now, ``None`` if nothing may go. The caller says how it ended.

        ``urgent_only``: nothing may go but what goes before every event and all telemetry.
        """
        self._release(now_s)
        state = self._next_state(now_s)
        urgent = state is not None and state.outgoing.lane.urgent
        if self._said and not urgent and not any(self._dirty[lane] for lane in Lane if lane < Lane.RESPONSE):
            return self._take_said()  # an answer does not overtake the alarm that it is about
        if urgent_only and not urgent:
            return None
        event = None if urgent else self._next_event(now_s)
        chosen = event if event and (state is None or self._event_turn) else state
        if chosen is None or len(self._in_flight) >= (IN_FLIGHT_MAX if urgent else IN_FLIGHT_QUIET_MAX):
            return None
        self._in_flight.add(chosen.outgoing.topic)
        if chosen.event is None:
            del self._dirty[chosen.outgoing.lane][chosen.outgoing.topic]
        if not urgent:
            self._event_turn = chosen.event is None
        return chosen

    def _take_said(self) -> Sending | None:
        said = self._said[0]
        if said.outgoing.topic in self._in_flight or len(self._in_flight) >= IN_FLIGHT_MAX:
            return None
        self._in_flight.add(said.outgoing.topic)
        return self._said.popleft()

    def accepted(self, sending: Sending) -> None:
        """Note that the broker has taken it."""
        outgoing = sending.outgoing
        self._in_flight.discard(outgoing.topic)
        self._unasserted.discard(outgoing.topic)
        if sending.event is not None:
            self._event_bytes -= len(self._events.popleft().payload)
        elif self._truth.get(outgoing.topic) is not sending:
            return  # a newer message of the topic waits, and it alone is true
        elif outgoing.then_empty:
            self.put(replace(outgoing, payload=b"", then_empty=False), sending.queued_at_s)
        elif outgoing.payload == b"":
            del self._truth[outgoing.topic]

    def refused(self, sending: Sending, now_s: float) -> None:
        """Note that the broker has not taken it: its topic is tried again after a pause."""
        topic = sending.outgoing.topic
        self._in_flight.discard(topic)
        self._unasserted.discard(topic)
        self._held_until_s[topic] = now_s + self._retry_s
        if topic in self._truth:
            self._dirty[self._truth[topic].outgoing.lane].pop(topic, None)

    def _release(self, now_s: float) -> None:
        for topic in [topic for topic, until_s in self._held_until_s.items() if until_s <= now_s]:
            del self._held_until_s[topic]
            if topic in self._truth:
                self._dirty[self._truth[topic].outgoing.lane][topic] = None

    def _next_state(self, now_s: float) -> Sending | None:
        while (topic := self._first_dirty()) is not None:
            sending = self._truth[topic]
            if sending.expiry_s(now_s) != 0:
                return sending
            # Sent late it would begin a new life and pass for fresh; a missing topic means unknown (H-13).
            del self._truth[topic]
            del self._dirty[sending.outgoing.lane][topic]
            self._unasserted.discard(topic)
        return None

    def _first_dirty(self) -> str | None:
        for lane, topics in self._dirty.items():
            if lane is Lane.INDEX and any(self._dirty[each] for each in ALARM_LANES):
                continue  # an alarm waits for its own topic to be free, and goes before what names it
            for topic in topics:
                if topic not in self._in_flight:
                    return topic
        return None

    def _next_event(self, now_s: float) -> Sending | None:
        if not self._events or self._unasserted:
            return None
        row = self._events[0]
        if row.topic in self._in_flight or row.topic in self._held_until_s:
            return None
        return Sending(Outgoing(row.topic, row.payload, Lane.EVENT, retain=False), now_s, row)
