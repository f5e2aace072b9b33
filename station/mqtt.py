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
from typing import Any

import aiomqtt
import structlog
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage, error_string
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from station.clock import mono_s
from station.heard import Came

QOS = 1
KEEPALIVE_S = 5
"""A broker that froze is noticed within two of them."""

CONNECT_LIMIT_S = 3.0
PUBLISH_LIMIT_S = 4.0
"""How long the broker may take for a message of ours; whoever asked waits for it."""

RETRY_FIRST_S, RETRY_MAX_S = 0.5, 5.0
"""Between two tries: soon at first, and never so seldom that a nurse waits for a broker that is back."""

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
        self.overflowed = False
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

    def send(self, topic: str, payload: bytes, *, retain: bool) -> asyncio.Future[ReasonCode]:
        """Send a message; the future is the reason code of its PUBACK. Raises `NotSentError`."""
        info = self._client.publish(topic, payload, QOS, retain)
        if info.rc != MQTT_ERR_SUCCESS:
            raise NotSentError(f"the broker cannot be reached: {error_string(info.rc)}")
        future: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._acknowledgements[info.mid] = future
        return future

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        self.overflowed = self.overflowed or self._queue.full()
        super()._on_message(client, userdata, message)

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
        self._told = ""

    async def run(self) -> None:
        """Run until cancelled."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                login = await asyncio.to_thread(self._address.login)
                async with _Client(self._address, self._will, login) as client:
                    try:
                        await self._listen(client)
                    finally:
                        wait_s = RETRY_FIRST_S
                        self._client = None
                why = "the connection ended"
            except (aiomqtt.MqttError, LoginError, OSError) as error:
                why = str(error) or type(error).__name__
            self._ears.down(why)
            (_log.warning if why != self._told else _log.debug)("broker_lost", why=why)
            self._told = why
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, RETRY_MAX_S)

    async def _listen(self, client: _Client) -> None:
        granted = await client.subscribe([(topic, QOS) for topic in self._topics])
        for topic, reason in zip(self._topics, granted, strict=True):
            if isinstance(reason, ReasonCode) and reason.is_failure:
                raise aiomqtt.MqttError(f"the broker refuses {topic}: {reason}")
        self._client, self._told = client, ""
        self._ears.up()
        _log.info("broker_connected", host=self._address.host, port=self._address.port)
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
            raise NotSentError("the broker does not answer") from None
        if reason.is_failure:
            raise NotSentError(f"the broker refuses it: {reason}")
