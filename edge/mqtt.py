"""The connection to the broker: the one file that knows the MQTT client.

A client object lives for one connection. What the broker has is told by its PUBACK alone: no exception and no returned
call proves a delivery. What is sent over it, and when, is decided in `edge.sender` and `edge.send_queue`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any, Self, TypeAlias

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, DisconnectFlags, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge import tls
from edge.outgoing import Outgoing
from edge.reach import is_forbidden

MqttError: TypeAlias = aiomqtt.MqttError
Reason: TypeAlias = ReasonCode

QOS = 1
NO_MATCHING_SUBSCRIBERS = 0x10
SESSION_TAKEN_OVER = 0x8E

NO_ANSWER = "the broker does not answer"
FORBIDDEN = "this service may speak to this computer alone: install network.conf, or name the broker's address in it"
"""Of the unit, and its remedy (docs/install.md)."""

CLOSE_LIMIT_S = 1.0
"""How long a socket may take to close: it is a matter of one turn of the loop."""

HEARD_MAX = 2000
"""Messages that came and were not yet looked at: all alarms of an edge, read back; over it the newest are dropped."""

LISTEN_LIMIT_S = 5.0
"""How long a reader's connection may take to be made."""


EXPIRIES_MAX = 64
"""Whole seconds that messages last: a snapshot up to 10, a self-check up to 30."""

PACKET_MAX = 512 * 1024
"""The broker is told to give us nothing larger: twice what is read of a request, and far more than an alarm of ours."""

UNREAD_MAX_BYTES = 16 * 1024 * 1024
"""Bytes that came and were not yet looked at; over it the newest are dropped. All own alarms are some 4 MB."""


class LoginError(MqttError):
    """What is needed to log in cannot be read; the text names the file."""


@dataclass(frozen=True, slots=True)
class Login:
    """What one connection logs in with: nothing, a name and a password, TLS, or all of them."""

    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is, who we are, and how patient we are.

    ``login`` is asked at each connection, in a thread, so that renewed files count; it raises `LoginError`.

    Heartbeat, ``publish_timeout_s`` and the broker's own silence together bound how late a frozen broker is noticed:
    3 s and 4 s, or two times ``keepalive_s``. ``takeover_pause_s`` is the pause after another client with our
    identifier has taken our place: two that fight would throw each other out for ever.
    """

    host: str
    port: int
    client_id: str
    login: Callable[[], Login] = Login
    keepalive_s: int = 5
    connect_timeout_s: float = 3.0
    publish_timeout_s: float = 4.0
    refused_retry_s: float = 5.0
    takeover_pause_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that came; ``retained``: it is, or was, sent to be kept."""

    topic: str
    payload: bytes
    retained: bool


class ListenError(Exception):
    """The broker cannot be listened to, or no longer."""


_NOBODY = Login()


class Connection(aiomqtt.Client):
    """One connection, used once: aiomqtt and what it lacks.

    `send` tells the reason code of the PUBACK, which aiomqtt drops, so that a refused message does not look delivered.
    Leaving closes the socket, whatever state the connection is in. It does so without DISCONNECT, so that the broker
    publishes the will, unless `leave_politely` was called.
    """

    def __init__(self, settings: BrokerSettings, will: Outgoing, login: Login = _NOBODY) -> None:
        self._host = settings.host
        self._acknowledgements: dict[int, asyncio.Future[Reason]] = {}
        self._abandoned = False
        self._sending = False
        self.ended: ReasonCode | None = None
        self._unread_bytes = 0
        self.overheard = 0
        connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it bare
        connect.MaximumPacketSize = PACKET_MAX
        super().__init__(
            settings.host,
            settings.port,
            username=login.username or None,
            password=login.password or None,
            tls_context=login.tls,
            identifier=settings.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(will.topic, _payload(will), QOS, will.retain),
            timeout=settings.connect_timeout_s,
            keepalive=settings.keepalive_s,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            max_queued_incoming_messages=HEARD_MAX,
            properties=connect,
        )
        self._client.connect_timeout = settings.connect_timeout_s
        self._given_up: asyncio.Future[Exception] = self._loop.create_future()

    async def __aenter__(self) -> Self:
        try:
            return await super().__aenter__()
        except BaseException as error:
            # A socket left open would speak for us later, and take over the session of the next connection.
            self._abandon()
            if refusal := tls.reason(error.__context__):
                raise MqttError(refusal) from error
            if isinstance(error, MqttError) and isinstance(error.__context__, TimeoutError):
                raise MqttError(FORBIDDEN if await is_forbidden(self._host) else NO_ANSWER) from error
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

    def send(self, outgoing: Outgoing, expiry_s: int | None) -> asyncio.Future[Reason]:
        """Send a message, in this turn of the loop; the future is the reason code of its PUBACK.

        Raises ``ValueError`` for a message that cannot be sent, ``MqttError`` if the connection is gone.
        """
        properties = None if expiry_s is None else _expires_after(expiry_s)
        payload = _payload(outgoing)
        self._sending = True
        try:
            info = self._client.publish(outgoing.topic, payload, QOS, outgoing.retain, properties)
        finally:
            self._sending = False
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc)
        future: asyncio.Future[Reason] = self._loop.create_future()
        self._acknowledgements[info.mid] = future
        self._client.loop_write()
        self._watch_writable(self._client.socket())
        return future

    async def listen(self, topics: Sequence[str], of_others: Sequence[str] = ()) -> None:
        """Subscribe; what comes is given by `heard`. Raises `ListenError` if a topic is refused.

        ``of_others``: without what this connection sends there; and ``retained`` is what was kept before, alone.
        """
        # As published: else a retained message that is sent now would look like one that is not.
        asked = [(topic, SubscribeOptions(qos=QOS, retainAsPublished=True)) for topic in topics]
        asked += [(topic, SubscribeOptions(qos=QOS, noLocal=True)) for topic in of_others]
        granted = await self.subscribe(asked)
        still_wanted()
        for (topic, _), reason in zip(asked, granted, strict=True):
            if isinstance(reason, ReasonCode) and reason.is_failure:
                raise ListenError(f"{topic}: {reason}")

    async def deafen(self, topics: Sequence[str]) -> None:
        """End subscriptions, one by one: some brokers acknowledge each of a list, which the client cannot bear."""
        for topic in topics:
            await self.unsubscribe(topic)
            still_wanted()

    async def heard(self) -> AsyncIterator[Heard]:
        """Give every message that comes, in its order; ends with `MqttError` when the connection does."""
        while True:
            # What is there is taken in one go: the client's iterator takes some turns of the loop for each message,
            # and a burst would come in faster than it is looked at.
            message = await anext(self.messages) if self._queue.empty() else self._queue.get_nowait()
            payload = bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b""
            self._unread_bytes -= len(payload)
            yield Heard(str(message.topic), payload, message.retain)

    def give_up(self, error: Exception) -> None:
        """End the connection from where an error cannot be raised; the first one counts."""
        if not self._given_up.done():
            self._given_up.set_result(error)

    async def lost(self) -> None:
        """Wait until the connection is gone. Raises the error that it was given up for."""
        ends: list[asyncio.Future[Any]] = [self._disconnected, self._given_up]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._given_up.done():
            raise self._given_up.result()

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
                # Not the TLS socket's own: it would forget its keys first, and a thread that is about to send the
                # password would send it in the clear.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        """Take a message, or drop and count it: neither a flood nor long messages may fill the memory."""
        size = len(message.payload)
        if self._queue.full() or self._unread_bytes + size > UNREAD_MAX_BYTES:
            self.overheard += 1
            return
        self._unread_bytes += size
        super()._on_message(client, userdata, message)

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
        if not self._sending:
            self._loop.call_soon_threadsafe(self._watch_writable, sock)

    def _watch_writable(self, sock: Any) -> None:
        # Where nothing is left to write paho does not end the watch, and the loop would spin.
        if self._client.want_write() and sock is not None and sock.fileno() >= 0:
            self._loop.add_writer(sock, self._client.loop_write)


def still_wanted() -> None:
    """Raise CancelledError if this task was cancelled: a wait within the client can swallow that in its last moment."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@lru_cache(maxsize=EXPIRIES_MAX)
def _expires_after(expiry_s: int) -> Properties:
    """Return the properties of a message that lasts so long, which the client only reads: they are costly to make."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it bare
    properties.MessageExpiryInterval = expiry_s
    return properties


def _payload(outgoing: Outgoing) -> bytes:
    return outgoing.payload() if callable(outgoing.payload) else outgoing.payload


async def listen(
    host: str, port: int, topics: str, log_in: Callable[[], Login] = Login
) -> AsyncIterator[tuple[str, bytes]]:
    """Give every message on the topics, the retained ones first. Raises ListenError when the connection ends.

    ``log_in`` is asked in a thread, and may raise `LoginError`, which ends it too. It only reads, under a name of its
    own: the connection of who else logs in so goes on.
    """
    try:
        login = await asyncio.to_thread(log_in)
        async with aiomqtt.Client(
            host,
            port,
            username=login.username or None,
            password=login.password or None,
            tls_context=login.tls,
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=LISTEN_LIMIT_S,
        ) as client:
            await client.subscribe(topics, qos=QOS)
            async for message in client.messages:
                yield str(message.topic), bytes(message.payload) if isinstance(message.payload, bytes) else b""
    except aiomqtt.MqttError as error:
        raise ListenError(tls.reason(error.__context__) or str(error)) from error
