"""The station's connection to the broker: the one file of the station that knows the MQTT client.

A client object lives for one connection. Whoever listens is told of every message in its order, and when the broker
came and went. If more came than could be looked at, the connection is given up and made anew: a truth with gaps is no
truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import aiomqtt
import structlog
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, DisconnectFlags, MQTTMessage, error_string
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from station.clock import mono_s
from station.heard import Came

QOS = 1
NO_ANSWER = "the broker does not answer"
TOPICS_AT_ONCE = 200
"""Of one request to the broker: some 10 kB."""

KEEPALIVE_S = 5
"""A broker that froze is noticed within two of them."""

CONNECT_LIMIT_S = 3.0
PUBLISH_LIMIT_S = 4.0
"""How long the broker may take for a message of ours; whoever asked waits for it."""

RETRY_FIRST_S, RETRY_MAX_S = 0.5, 5.0
"""Between two tries: soon at first, and never so seldom that a nurse waits for a broker that is back."""

LASTED_S = 10.0
"""A connection that ended before did not stand."""

SESSION_TAKEN_OVER = 0x8E
TAKEOVER_PAUSE_S = 30.0
"""Two programs of one name would throw each other out for ever, and neither would hear anything."""

UNREAD_MAX = 20_000
"""Messages that came and were not yet looked at: several times all that a ward of 200 beds has retained."""

WAITING_MAX = 1000
"""Messages of ours that wait for the broker: receipts of some minutes."""

_log = structlog.get_logger(__name__)


class NotSentError(Exception):
    """The broker did not take a message; the text says why."""


class LoginError(Exception):
    """What is needed to log in cannot be read; the text names the file."""


@dataclass(frozen=True, slots=True)
class Login:
    """What one connection logs in with."""

    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says in our name when we are gone; retained."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, and who we are. ``login`` is asked at each connection, so that renewed files count."""

    host: str
    port: int
    client_id: str
    login: Callable[[], Login] = Login


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told what comes: each message; and that the broker came, or went (why)."""

    message: Callable[[str, bytes, Came], None]
    up: Callable[[], None]
    down: Callable[[str], None]


class _Client(aiomqtt.Client):
    """aiomqtt and what it lacks: the reason code of a PUBACK, and a word when a message was dropped."""

    def __init__(self, address: BrokerAddress, will: Will, login: Login) -> None:
        self._acknowledgements: dict[int, asyncio.Future[ReasonCode]] = {}
        self._abandoned = self._sending = False
        self.overflowed = False
        self.ended: ReasonCode | None = None
        super().__init__(
            address.host,
            address.port,
            username=login.username or None,
            password=login.password or None,
            tls_context=login.tls,
            identifier=address.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(will.topic, will.payload, QOS, retain=True),
            timeout=CONNECT_LIMIT_S,
            keepalive=KEEPALIVE_S,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            max_queued_incoming_messages=UNREAD_MAX,
            max_queued_outgoing_messages=WAITING_MAX,
        )

    async def __aenter__(self) -> Self:
        try:
            return await super().__aenter__()
        except BaseException:
            # A socket left open would speak for us later, and take over the session of the next connection.
            self._abandon()
            raise

    def _client_connect(self) -> None:
        super()._client_connect()
        if self._abandoned:  # while this thread was connecting
            self._abandon()

    def _abandon(self) -> None:
        self._abandoned = True
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                # Not the TLS socket's own: it would forget its keys first, and send the password in the clear.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def send(self, topic: str, payload: bytes, *, retain: bool) -> asyncio.Future[ReasonCode]:
        """Send a message; the future is the reason code of its PUBACK. Raises `NotSentError`."""
        self._sending = True
        try:
            info = self._client.publish(topic, payload, QOS, retain)
        finally:
            self._sending = False
        if info.rc != MQTT_ERR_SUCCESS:
            raise NotSentError(f"the broker cannot be reached: {error_string(info.rc)}")
        future: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._acknowledgements[info.mid] = future
        self._client.loop_write()
        self._watch_writable(self._client.socket())
        return future

    def _on_socket_register_write(self, client: Client, userdata: Any, sock: Any) -> None:  # noqa: ARG002 - as called
        # aiomqtt would keep the number of the socket, which may be closed, and another's, when its turn comes.
        if not self._sending:
            self._loop.call_soon_threadsafe(self._watch_writable, sock)

    def _watch_writable(self, sock: Any) -> None:
        # Where nothing is left to write paho does not end the watch, and the loop would spin.
        if self._client.want_write() and sock is not None and sock.fileno() >= 0:
            self._loop.add_writer(sock, self._client.loop_write)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        self.overflowed = self.overflowed or self._queue.full()
        super()._on_message(client, userdata, message)

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.ended = self.ended or reason_code
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self, client: Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        super()._on_publish(client, userdata, mid, reason_code, properties)
        future = self._acknowledgements.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(reason_code)


class Broker:
    """The broker, for ever: connects, listens, comes back. `send` needs a connection that stands."""

    def __init__(self, address: BrokerAddress, topics: Sequence[str], will: Will, ears: Ears) -> None:
        self._address = address
        self._topics = topics
        self._will = will
        self._ears = ears
        self._client: _Client | None = None
        self._patience: asyncio.Timeout | None = None
        self._retry_s = RETRY_FIRST_S / 2
        self._told = ""

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            began_s, ended = mono_s(), None
            try:
                login = await asyncio.to_thread(self._address.login)
                async with _Client(self._address, self._will, login) as client:
                    _still_wanted()
                    try:
                        await self._listen(client)
                        self._lost("the connection ended")
                    except (aiomqtt.MqttError, TimeoutError) as error:
                        # Told before the connection is closed, which may take seconds.
                        self._lost(str(error) or NO_ANSWER)
                    ended = client.ended
            except (aiomqtt.MqttError, LoginError, OSError) as error:
                self._lost(str(error) or type(error).__name__)
            await asyncio.sleep(self._pause_s(mono_s() - began_s, None if ended is None else ended.value))

    def _pause_s(self, lasted_s: float, reason: int | None) -> float:
        """Return how long to wait: longer after each connection that did not last, as with two programs of one name."""
        if reason == SESSION_TAKEN_OVER:
            _log.error("name_taken", remedy="another program has this station's name: end one of them")
            return TAKEOVER_PAUSE_S
        self._retry_s = RETRY_FIRST_S if lasted_s > LASTED_S else min(2 * self._retry_s, RETRY_MAX_S)
        return self._retry_s

    def _lost(self, why: str) -> None:
        self._client = None
        self._ears.down(why)
        if why != self._told:
            _log.warning("broker_lost", why=why)
        self._told = why

    async def _listen(self, client: _Client) -> None:
        for begin in range(0, len(self._topics), TOPICS_AT_ONCE):
            topics = self._topics[begin : begin + TOPICS_AT_ONCE]
            granted = await client.subscribe([(topic, QOS) for topic in topics])
            _still_wanted()
            for topic, reason in zip(topics, granted, strict=True):
                if isinstance(reason, ReasonCode) and reason.is_failure:
                    raise aiomqtt.MqttError(f"the broker refuses {topic}: {reason}")
        async with asyncio.timeout(None) as self._patience:
            self._client, self._told = client, ""
            self._ears.up()
            _log.info("broker_connected", host=self._address.host, port=self._address.port)
            await self._hear(client)

    async def _hear(self, client: _Client) -> None:
        async for message in client.messages:
            if client.overflowed:
                raise aiomqtt.MqttError(f"more than {UNREAD_MAX} messages came at once; everything is read anew")
            payload = bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b""
            expires_in_s = getattr(message.properties, "MessageExpiryInterval", None)
            self._ears.message(str(message.topic), payload, Came(mono_s(), message.retain, expires_in_s))

    def post(self, topic: str, payload: bytes) -> None:
        """Send a message that is of no use later; without a broker it is dropped."""
        if self._client is not None:
            with contextlib.suppress(NotSentError):
                self._client.send(topic, payload, retain=False)

    async def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message. Raises `NotSentError` if the broker does not take it."""
        if self._client is None:
            raise NotSentError("the station has no broker")
        try:
            async with asyncio.timeout(PUBLISH_LIMIT_S):
                reason = await self._client.send(topic, payload, retain=retain)
        except TimeoutError:
            # It froze: whoever waits for its own end of the connection waits long.
            if self._patience is not None and self._client is not None:
                self._patience.reschedule(asyncio.get_running_loop().time())
            raise NotSentError(NO_ANSWER) from None
        if reason.is_failure:
            raise NotSentError(f"the broker refuses it: {reason}")


def _still_wanted() -> None:
    """Raise CancelledError if this task was cancelled: a wait within the client can swallow that in its last moment."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
