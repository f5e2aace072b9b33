"""The connection to the broker: the one file that knows the MQTT client.

A client object lives for one connection. What the broker has is told by its PUBACK alone: no exception and no returned
call proves a delivery. The order of things is decided in `edge.send_queue`; here they are sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiomqtt
import structlog
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from drivers.reconnect import Backoff
from edge.send_queue import EventRow, Sending, SendQueue
from edge.wire import Outgoing

QOS = 1
NO_MATCHING_SUBSCRIBERS = 0x10
SESSION_TAKEN_OVER = 0x8E

CLOSE_LIMIT_S = 1.0
"""How long a socket may take to close: it is a matter of one turn of the loop."""

LISTEN_LIMIT_S = 5.0
"""How long a reader's connection may take to be made."""

STEADY_S = 10.0
"""A connection that lived shorter is no success, and the next waits longer. mosquitto before 2.0.15 does not say that
another client took the session over, so two of one identifier look like a broker that hangs up again and again."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is, who we are, and how patient we are.

    Heartbeat, ``publish_timeout_s`` and the broker's own silence together bound how late a frozen broker is noticed:
    3 s and 4 s, or two times ``keepalive_s``. ``takeover_pause_s`` is the pause after another client with our
    identifier has taken our place: two that fight would throw each other out for ever.
    """

    host: str
    port: int
    client_id: str
    username: str = ""
    password: str = field(default="", repr=False)
    keepalive_s: int = 5
    connect_timeout_s: float = 3.0
    publish_timeout_s: float = 4.0
    refused_retry_s: float = 5.0
    takeover_pause_s: float = 60.0


class Connection(aiomqtt.Client):
    """One connection, used once: aiomqtt and what it lacks.

    `send` tells the reason code of the PUBACK, which aiomqtt drops, so that a refused message does not look delivered.
    Leaving closes the socket, whatever state the connection is in. It does so without DISCONNECT, so that the broker
    publishes the will, unless `leave_politely` was called.
    """

    def __init__(self, settings: BrokerSettings, will: Outgoing) -> None:
        self._acknowledgements: dict[int, asyncio.Future[ReasonCode]] = {}
        self._abandoned = False
        self.ended: ReasonCode | None = None
        super().__init__(
            settings.host,
            settings.port,
            username=settings.username or None,
            password=settings.password or None,
            identifier=settings.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(will.topic, _payload(will), QOS, will.retain),
            timeout=settings.connect_timeout_s,
            keepalive=settings.keepalive_s,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
        )
        self._client.connect_timeout = settings.connect_timeout_s

    async def __aenter__(self) -> Self:
        try:
            return await super().__aenter__()
        except BaseException:
            # A socket left open would speak for us later, and take over the session of the next connection.
            self._abandon()
            raise

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if not self._disconnected.done():
            self._abandon()
            await asyncio.wait([self._disconnected], timeout=CLOSE_LIMIT_S)
        if self._disconnected.done():
            self._disconnected.exception()  # seen: asyncio complains of one that nobody looked at
        await super().__aexit__(exc_type, exc, tb)

    def send(self, outgoing: Outgoing, expiry_s: int | None) -> asyncio.Future[ReasonCode]:
        """Send a message; the future is the reason code of its PUBACK.

        Raises ``ValueError`` for a message that cannot be sent, ``MqttError`` if the connection is gone.
        """
        properties = None
        if expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it bare
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(outgoing.topic, _payload(outgoing), QOS, outgoing.retain, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc)
        future: asyncio.Future[ReasonCode] = asyncio.get_running_loop().create_future()
        self._acknowledgements[info.mid] = future
        return future

    async def lost(self) -> None:
        """Wait until the connection is gone."""
        await asyncio.wait([self._disconnected])

    async def leave_politely(self) -> None:
        """Send DISCONNECT, so that the broker forgets the will."""
        self._client.disconnect()
        await asyncio.wait([self._disconnected], timeout=CLOSE_LIMIT_S)

    def _client_connect(self) -> None:
        super()._client_connect()
        if self._abandoned:  # while this thread was connecting
            self._abandon()

    def _abandon(self) -> None:
        self._abandoned = True
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _on_publish(
        self, client: Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        super()._on_publish(client, userdata, mid, reason_code, properties)
        future = self._acknowledgements.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(reason_code)

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        was_connected = self._connected.done() and not self._connected.cancelled() and not self._connected.exception()
        if was_connected and not self._disconnected.done():  # paho may say it twice, and the first knows why
            self.ended = reason_code
            super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_socket_register_write(self, client: Client, userdata: Any, sock: Any) -> None:  # noqa: ARG002 - as called
        # aiomqtt would keep the number of the socket, which may be closed, and another's, when its turn comes.
        self._loop.call_soon_threadsafe(self._watch_writable, sock)

    def _watch_writable(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            self._loop.add_writer(sock, self._client.loop_write)


class Sender:
    """Keeps the broker's retained truth equal to ours, and brings it every event, through all its failures.

    ``will`` is asked at each connection, ``mono_s`` is the monotonic clock. The callbacks come from the sender's task:
    ``on_link(connected, detail)`` when the link is made or lost, ``on_refused(topic, reason)`` once until
    ``on_accepted(topic)``, ``on_event_sent(run, event_seq)`` when the broker has an event.
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
    ) -> None:
        self._settings = settings
        self._will = will
        self._backoff = backoff
        self._mono_s = mono_s
        self._on_link = on_link
        self._on_refused = on_refused
        self._on_accepted = on_accepted
        self._on_event_sent = on_event_sent
        self._queue = SendQueue(settings.refused_retry_s)
        self._connection: Connection | None = None
        self._linked: bool | None = None
        self._linked_at_s = 0.0
        self._refused: set[str] = set()
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._over = asyncio.Event()
        self.without_subscribers = 0

    @property
    def events_waiting(self) -> int:
        """How many events are not yet with the broker."""
        return self._queue.events_waiting

    def publish(self, outgoing: Outgoing) -> None:
        """Make this the retained truth of its topic, now and after every reconnect; never waits.

        Raises ``ValueError`` for a message that is not retained.
        """
        self._queue.put(outgoing, self._mono_s())
        self._stir()

    def add_events(self, rows: Sequence[EventRow]) -> None:
        """Append committed events, oldest first; never waits."""
        self._queue.add_events(rows)
        self._stir()

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
            with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                async with asyncio.timeout(self._settings.publish_timeout_s):
                    reason = await connection.send(stopped, None)
                if not reason.is_failure:
                    await connection.leave_politely()
        self._stir()

    async def _live_once(self) -> float:
        """Live through one connection. Returns the seconds to wait before the next."""
        connection = Connection(self._settings, self._will())
        detail = ""
        try:
            async with connection, asyncio.TaskGroup() as tasks:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    # Connecting can swallow a cancellation that comes in its last moment.
                    raise asyncio.CancelledError
                self._begin(connection)
                tasks.create_task(self._send_all(connection, tasks))
                await connection.lost()
                raise aiomqtt.MqttError("disconnected")  # noqa: TRY301 - ends the task group
        except* (aiomqtt.MqttError, TimeoutError) as failed:
            detail = _detail(connection, failed)
        finally:
            self._connection = None
            self._settled.clear()
        if self._over.is_set():
            return 0.0
        if self._linked and self._mono_s() - self._linked_at_s >= STEADY_S:
            self._backoff.succeeded()
        taken_over = connection.ended is not None and connection.ended.value == SESSION_TAKEN_OVER
        pause_s = self._settings.takeover_pause_s if taken_over else self._backoff.next_delay_s()
        tell = _log.warning if self._backoff.first_failure(detail) else _log.debug
        tell("broker.lost", host=self._settings.host, port=self._settings.port, detail=detail, retry_s=pause_s)
        self._set_link(linked=False, detail=detail)
        return pause_s

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self._queue.reconnected()
        self._wake.set()
        _log.info("broker.connected", host=self._settings.host, port=self._settings.port)
        self._set_link(linked=True, detail="connected")

    def _set_link(self, *, linked: bool, detail: str) -> None:
        if linked is not self._linked:
            self._linked = linked
            self._linked_at_s = self._mono_s()
            self._on_link(linked, detail)

    def _stir(self) -> None:
        self._settled.clear()
        self._wake.set()

    async def _send_all(self, connection: Connection, tasks: asyncio.TaskGroup) -> None:
        while not self._over.is_set():
            self._wake.clear()
            while (sending := self._queue.take(self._mono_s())) is not None:
                tasks.create_task(self._send(connection, sending))
            if self._queue.settled:
                self._settled.set()
            due_s = self._queue.due_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due_s is None else due_s - self._mono_s()):
                    await self._wake.wait()

    async def _send(self, connection: Connection, sending: Sending) -> None:
        if self._over.is_set():
            return  # nothing may follow "stopped"
        topic = sending.outgoing.topic
        try:
            acknowledgement = connection.send(sending.outgoing, sending.expiry_s(self._mono_s()))
        except ValueError as error:  # one bed's fault must not stop the others' alarms
            self._note_refused(sending, f"cannot be encoded: {error}")
            return
        async with asyncio.timeout(self._settings.publish_timeout_s):
            reason = await acknowledgement
        if reason.is_failure:
            self._note_refused(sending, str(reason))
            return
        self.without_subscribers += reason.value == NO_MATCHING_SUBSCRIBERS
        self._queue.accepted(sending)
        if sending.event is not None:
            self._on_event_sent(sending.event.run, sending.event.event_seq)
        if topic in self._refused:
            self._refused.remove(topic)
            _log.info("broker.accepted", topic=topic)
            self._on_accepted(topic)
        self._wake.set()

    def _note_refused(self, sending: Sending, reason: str) -> None:
        topic = sending.outgoing.topic
        self._queue.refused(sending, self._mono_s())
        if topic not in self._refused:
            self._refused.add(topic)
            _log.error("broker.refused", topic=topic, reason=reason)
            self._on_refused(topic, reason)
        self._wake.set()


def _payload(outgoing: Outgoing) -> bytes:
    return outgoing.payload() if callable(outgoing.payload) else outgoing.payload


def _detail(connection: Connection, failed: BaseExceptionGroup[Exception]) -> str:
    """Say why a connection ended."""
    if connection.ended is not None and connection.ended.value == SESSION_TAKEN_OVER:
        return "session taken over"
    first: BaseException = failed
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, TimeoutError):
        return "the broker does not answer"
    return str(first) if connection.ended is None else f"disconnected: {connection.ended}"


class ListenError(Exception):
    """The broker cannot be listened to, or no longer."""


async def listen(host: str, port: int, topics: str) -> AsyncIterator[tuple[str, bytes]]:
    """Give every message on the topics, the retained ones first. Raises ListenError when the connection ends."""
    try:
        async with aiomqtt.Client(host, port, protocol=aiomqtt.ProtocolVersion.V5, timeout=LISTEN_LIMIT_S) as client:
            await client.subscribe(topics, qos=QOS)
            async for message in client.messages:
                yield str(message.topic), bytes(message.payload) if isinstance(message.payload, bytes) else b""
    except aiomqtt.MqttError as error:
        raise ListenError(str(error)) from error
