"""Keeping the broker's retained truth equal to ours: what is sent, acknowledged, refused and sent again.

The order of things is decided in `edge.send_queue`; the client is behind `edge.mqtt`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from drivers.reconnect import Backoff
from edge.mqtt import (
    NO_ANSWER,
    NO_MATCHING_SUBSCRIBERS,
    SESSION_TAKEN_OVER,
    BrokerSettings,
    Connection,
    Heard,
    ListenError,
    Login,
    LoginError,
    MqttError,
    Reason,
    still_wanted,
)
from edge.outgoing import AlarmRevision, Outgoing
from edge.rows import Omitted
from edge.send_queue import EventRow, Sending, SendQueue
from edge.worker import Worker

READ_BACK_LIMIT_S = 2.0
"""How long the broker may take to give back what it retains: nothing is sent meanwhile."""

LOGIN_LIMIT_S = 5.0
"""How long a disk may take to give the files for logging in: a card can stall for seconds."""

STEADY_S = 10.0
"""A connection that lived shorter is no success, and the next waits longer. mosquitto before 2.0.15 does not say that
another client took the session over, so two of one identifier look like a broker that hangs up again and again."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ears:
    """What is listened to, and who hears it.

    ``own_alarms`` are the edge's own retained topics, read back once after the start: ``fence`` makes the marker that
    ends them, and ``on_found`` gets them all before anything is sent. ``asked`` is where stations ask;
    ``on_asked`` gets each message. ``on_taken`` is called when the broker has a revision of an alarm.
    ``own_status`` is listened to for who else speaks there: ``another`` names the other run of a heartbeat, empty for
    our own; ``on_name_taken`` is told of it. ``on_kept_status`` gets each heartbeat that the broker had kept.
    """

    own_alarms: tuple[str, ...]
    fence: Callable[[], Outgoing]
    on_found: Callable[[Sequence[Heard]], None]
    asked: tuple[str, ...]
    on_asked: Callable[[Heard], None]
    on_taken: Callable[[AlarmRevision], None]
    own_status: str
    another: Callable[[bytes], str]
    on_name_taken: Callable[[str], None]
    on_kept_status: Callable[[bytes], None] = lambda _: None


class Sender:
    """Keeps the broker's retained truth equal to ours, and brings it every event, through all its failures.

    What is urgent leaves inside `publish`, all else in a turn of the loop of its own. An error of sending never comes
    out of `publish`: it ends the connection, or the sender's task.

    ``will`` is asked at each connection, ``mono_s`` is the monotonic clock. ``on_link(connected, detail)`` is called
    when the link is made or lost, and with each new reason while it is lost,
    ``on_refused(topic, reason)`` once until ``on_accepted(topic)``,
    ``on_event_sent(run, event_seq)`` when the broker has an event, ``on_omitted`` when events find no room.
    ``without_subscribers`` counts messages of which the broker said that nobody is listening: a hint, no more.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        will: Callable[[], Outgoing],
        backoff: Backoff,
        mono_s: Callable[[], float],
        on_link: Callable[[bool, str], None],
        on_refused: Callable[[str, str], None],
        on_accepted: Callable[[str], None],
        on_event_sent: Callable[[str, int], None],
        ears: Ears,
        on_omitted: Callable[[Omitted], None] = lambda _: None,
        omitted_topic: str = "omitted",
    ) -> None:
        self._settings = settings
        self._will = will
        self._backoff = backoff
        self._mono_s = mono_s
        self._on_link = on_link
        self._on_refused = on_refused
        self._on_accepted = on_accepted
        self._on_event_sent = on_event_sent
        self._ears = ears
        self._has_read_back = False
        self._born_at_s: float | None = None
        self._name_taken = False
        self._on_omitted = on_omitted
        self._queue = SendQueue(settings.refused_retry_s, omitted_topic)
        self._connection: Connection | None = None
        self._linked: bool | None = None
        self._linked_at_s = 0.0
        self._is_news = True
        self._unacknowledged: dict[Sending, float] = {}
        # Not the loop's threads: a disk that hangs would take one at each try, until nothing could connect or end.
        self._disk = Worker("login")
        self._refused: set[str] = set()
        self._turn: asyncio.Handle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self._over = asyncio.Event()
        self.without_subscribers = 0

    @property
    def events_waiting(self) -> int:
        """How many events are not yet with the broker."""
        return self._queue.events_waiting

    @property
    def answers_waiting(self) -> int:
        """How many answers wait to be sent."""
        return self._queue.answers_waiting

    def ends(self, topic: str, occurrence: str) -> bool:
        """Tell whether the broker has yet to hear that this occurrence is over."""
        return self._queue.ends(topic, occurrence)

    def publish(self, outgoing: Outgoing) -> None:
        """Make this the retained truth of its topic, now and after every reconnect; never waits.

        Raises ``ValueError`` for a message that is not retained.
        """
        self._queue.put(outgoing, self._mono_s())
        self._settled.clear()
        if outgoing.lane.urgent:
            self._send_waiting(urgent_only=True)
        else:
            self._send_soon()

    def say(self, outgoing: Outgoing) -> None:
        """Send this once, now; it is lost with the connection."""
        self._queue.say(outgoing, self._mono_s())
        self._settled.clear()
        self._send_waiting(urgent_only=True)

    def add_events(self, rows: Sequence[EventRow]) -> None:
        """Append committed events, oldest first; never waits."""
        for omitted in self._queue.add_events(rows):
            _log.error("events.omitted", run=omitted.notice.run, count=len(omitted.events))
            self._on_omitted(omitted)
        self._settled.clear()
        self._send_soon()

    async def run(self) -> None:
        """Connect, send and reconnect, until cancelled or stopped. Cancelled, it leaves the will to the broker."""
        while not self._over.is_set():
            pause_s = await self._live_once()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._over.wait()

    async def drain_and_stop(self, stopped: Outgoing, limit_s: float) -> None:
        """Send what waits, for ``limit_s`` at most, then ``stopped`` as the last word, and disconnect; `run` ends.

        Without an acknowledgement of ``stopped`` the connection is dropped instead, so that the will speaks.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._settled.wait()
        self._over.set()
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(MqttError, TimeoutError):
                async with asyncio.timeout(self._settings.publish_timeout_s):
                    reason = await connection.send(stopped, None)
                if not reason.is_failure:
                    await connection.leave_politely()

    async def _live_once(self) -> float:
        """Live through one connection. Returns the seconds to wait before the next."""
        connection: Connection | None = None
        detail = ""
        try:
            connection = Connection(self._settings, self._will(), await self._log_in())
            async with connection, asyncio.TaskGroup() as tasks:
                still_wanted()
                if not self._has_read_back:
                    await self._read_back(connection)
                self._begin(connection)
                tasks.create_task(self._listen(connection))
                self._send_soon()  # after that has asked to hear: see `_is_heard`
                tasks.create_task(self._watch_acknowledgements())
                await connection.lost()
                raise MqttError("disconnected")  # noqa: TRY301 - ends the task group
        except* (MqttError, TimeoutError) as failed:
            detail = _detail(connection, failed)
        finally:
            self._connection = None
            self._settled.clear()
            if connection is not None and connection.overheard:
                _log.warning("broker.overheard", dropped=connection.overheard)
        if self._over.is_set():
            return 0.0
        if self._linked and self._mono_s() - self._linked_at_s >= STEADY_S:
            self._backoff.succeeded()
        if _is_taken_over(connection):
            self._note_name_taken("it took over the connection")
        # Two that come back at once would throw each other out for ever.
        pause_s = self._settings.takeover_pause_s if self._name_taken else self._backoff.next_delay_s()
        self._name_taken = False
        self._end(detail, pause_s)
        return pause_s

    def _end(self, detail: str, pause_s: float) -> None:
        self._is_news = is_new = self._backoff.first_failure(detail)
        tell = _log.warning if is_new else _log.debug
        tell("broker.lost", host=self._settings.host, port=self._settings.port, detail=detail, retry_s=pause_s)
        self._set_link(linked=False, detail=detail, is_new=is_new)

    async def _log_in(self) -> Login:
        try:
            login = await self._disk.ask(self._settings.login, LOGIN_LIMIT_S)
        except TimeoutError:
            raise LoginError(
                "the files for logging in at the broker cannot be read: the disk does not answer"
            ) from None
        still_wanted()
        return login

    async def _read_back(self, connection: Connection) -> None:
        """Hear the own alarms that the broker retains, before an index of this run says that they are over.

        If that fails, it is tried again with the next connection: what this run has to say must not wait for it.
        """
        ears, found = self._ears, list[Heard]()
        topics = (*ears.own_alarms, ears.fence().topic)
        try:
            async with asyncio.timeout(READ_BACK_LIMIT_S):
                await connection.listen(topics)
                connection.send(ears.fence(), None)
                async for heard in connection.heard():
                    if heard.topic == topics[-1]:
                        if heard.payload == ears.fence().payload:
                            break
                        continue  # of another run
                    if heard.retained and heard.payload:
                        found.append(heard)
                await connection.deafen(topics)
        except (TimeoutError, ListenError) as error:
            tell = _log.warning if self._is_news else _log.debug
            tell("broker.not_read_back", reason=str(error) or "the marker did not come back")
            return
        self._has_read_back = True
        ears.on_found(found)

    async def _listen(self, connection: Connection) -> None:
        """Hear what stations ask; a broker that refuses it is asked again, as for a message."""
        while not await self._is_heard(connection):  # noqa: ASYNC110 - nobody tells that it would be granted now
            await asyncio.sleep(self._settings.refused_retry_s)
        async for heard in connection.heard():
            if heard.topic == self._ears.own_status:
                self._hear_own_status(heard)
            else:
                self._ears.on_asked(heard)

    async def _is_heard(self, connection: Connection) -> bool:
        topic = self._ears.asked[0]
        try:
            # In one, before our birth: what is kept there is then another's, and who hears of us can ask.
            await connection.listen(self._ears.asked, of_others=(self._ears.own_status,))
        except ListenError as error:
            # The pipe to the stations is whole all the same: alarms go on, and an alarm says that nobody can answer.
            if topic not in self._refused:
                self._refused.add(topic)
                _log.error("broker.refused", reason=str(error))
                self._on_refused(topic, str(error))
            return False
        if topic in self._refused:
            self._refused.remove(topic)
            self._on_accepted(topic)
        return True

    def _hear_own_status(self, heard: Heard) -> None:
        """Hear who else speaks in our name. What is kept there from before our own birth was the run before."""
        if heard.retained:
            self._ears.on_kept_status(heard.payload)
        run = self._ears.another(heard.payload)
        born_at_s = self._born_at_s
        if run and not (heard.retained and (born_at_s is None or self._mono_s() - born_at_s < STEADY_S)):
            self._note_name_taken(f"its run is {run}")

    def _note_name_taken(self, detail: str) -> None:
        self._name_taken = True
        _log.error("another speaks in the name of this edge", detail=detail)
        self._ears.on_name_taken(detail)

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self._queue.reconnected()
        self._unacknowledged.clear()
        # A broker that hangs up again and again, for the same reason, must not fill the card by night.
        tell = _log.info if self._is_news else _log.debug
        tell("broker.connected", host=self._settings.host, port=self._settings.port)
        self._set_link(linked=True, detail="connected")

    def _set_link(self, *, linked: bool, detail: str, is_new: bool = False) -> None:
        if linked is not self._linked:
            self._linked = linked
            self._linked_at_s = self._mono_s()
            self._on_link(linked, detail)
        elif is_new:  # still lost, and for another reason: the one that can be mended
            self._on_link(linked, detail)

    def _send_soon(self) -> None:
        """Send what waits in a turn of the loop of its own: what came with it goes in the order of the lanes."""
        if self._turn is None and self._connection is not None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        self._send_waiting()

    def _send_again(self) -> None:
        """Send what was refused when it may be tried again; a timer may come a moment before that."""
        self._retry = None
        self._send_waiting()
        self._plan_retry()

    def _plan_retry(self) -> None:
        due_s = self._queue.due_s
        if self._retry is None and due_s is not None and self._connection is not None and not self._over.is_set():
            self._retry = asyncio.get_running_loop().call_later(max(0.0, due_s - self._mono_s()), self._send_again)

    async def _watch_acknowledgements(self) -> None:
        """Raise TimeoutError once the oldest message on its way is not acknowledged in time."""
        clock_s, limit_s = asyncio.get_running_loop().time, self._settings.publish_timeout_s
        while True:
            # What is sent while this sleeps is not due before it wakes.
            oldest_at_s = next(iter(self._unacknowledged.values()), clock_s())
            left_s = oldest_at_s + limit_s - clock_s()
            if left_s <= 0:
                raise TimeoutError
            await asyncio.sleep(left_s)

    def _send_waiting(self, *, urgent_only: bool = False) -> None:
        """Send what may go now; nothing may follow "stopped"."""
        connection = self._connection
        if connection is None or self._over.is_set():
            return
        try:
            while (sending := self._queue.take(self._mono_s(), urgent_only=urgent_only)) is not None:
                self._send(connection, sending)
            if self._queue.settled:
                self._settled.set()
        except Exception as error:  # noqa: BLE001 - `lost` raises it in the sender's task: it is none of the caller's
            connection.give_up(error)

    def _send(self, connection: Connection, sending: Sending) -> None:
        try:
            acknowledgement = connection.send(sending.outgoing, sending.expiry_s(self._mono_s()))
        except ValueError as error:  # one bed's fault must not stop the others' alarms
            self._note_refused(sending, f"cannot be encoded: {error}")
            return
        self._unacknowledged[sending] = asyncio.get_running_loop().time()
        acknowledgement.add_done_callback(partial(self._acknowledged, connection, sending))

    def _acknowledged(self, connection: Connection, sending: Sending, acknowledgement: asyncio.Future[Reason]) -> None:
        if self._connection is not connection:
            return  # the next one asserts everything anew
        del self._unacknowledged[sending]
        try:
            self._note_reason(sending, acknowledgement.result())
        except Exception as error:  # noqa: BLE001 - a callback has no caller: `lost` raises it in the sender's task
            connection.give_up(error)
        self._send_waiting()

    def _note_reason(self, sending: Sending, reason: Reason) -> None:
        topic = sending.outgoing.topic
        if reason.is_failure:
            self._note_refused(sending, str(reason))
            return
        self.without_subscribers += reason.value == NO_MATCHING_SUBSCRIBERS
        self._queue.accepted(sending)
        if self._born_at_s is None and topic == self._ears.own_status:
            self._born_at_s = self._mono_s()
        if sending.outgoing.alarm is not None:
            self._ears.on_taken(sending.outgoing.alarm)
        if sending.event is not None:
            self._on_event_sent(sending.event.run, sending.event.event_seq)
        if topic in self._refused:
            self._refused.remove(topic)
            _log.info("broker.accepted", topic=topic)
            self._on_accepted(topic)

    def _note_refused(self, sending: Sending, reason: str) -> None:
        topic = sending.outgoing.topic
        self._queue.refused(sending, self._mono_s())
        if topic not in self._refused:
            self._refused.add(topic)
            _log.error("broker.refused", topic=topic, reason=reason)
            self._on_refused(topic, reason)
        self._plan_retry()


def _is_taken_over(connection: Connection | None) -> bool:
    return connection is not None and connection.ended is not None and connection.ended.value == SESSION_TAKEN_OVER


def _detail(connection: Connection | None, failed: BaseExceptionGroup[Exception]) -> str:
    """Say why a connection ended, or was not made."""
    if _is_taken_over(connection):
        return "session taken over"
    first: BaseException = failed
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, TimeoutError):
        return NO_ANSWER
    if connection is None or connection.ended is None:
        return str(first)
    return f"disconnected: {connection.ended}"
