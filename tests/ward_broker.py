"""The ward's broker for tests: the shipped `config/mosquitto/ward.conf`, files of `broker-files`, free ports."""

from __future__ import annotations

import asyncio
import os
import pwd
import ssl
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from edge import broker_files
from edge.broker_files import Ward
from edge.config_broker import BrokerSettings
from edge.tls import TlsFiles
from tests.broker import HOST, Heard, Mosquitto, free_port, heard_of

CONFIG = Path(__file__).parents[1] / "config" / "mosquitto" / "ward.conf"
VIEWERS = tuple(f"viewer-{number}" for number in range(6))
"""Stations of their own for those who look: a name of a ward's broker is one connection."""

WARD = Ward("demo", ("pi-1", "pi-2"), ("ward-desk", "other-desk", *VIEWERS), ("localhost", HOST))
DAYS = 100
LIMIT_S = 15.0


class WardBroker(Mosquitto):
    """A broker as a ward has it. ``port`` takes passwords over TLS, ``certificate_port`` certificates alone."""

    answers_in_private = True

    def __init__(
        self, folder: Path, ward: Ward = WARD, *, wall_s: float | None = None, authority: Path | None = None
    ) -> None:
        super().__init__(folder)
        self.files = folder / "files"
        self._viewers = cycle(VIEWERS)
        # Made now, by the clock that mosquitto goes by, if not said otherwise.
        broker_files.write(self.files, ward, DAYS, time.time() if wall_s is None else wall_s, authority)  # noqa: TID251
        self.certificate_port, self.plain_port = free_port(), free_port()
        ports = {"8883": self.port, "8884": self.certificate_port, "1883": self.plain_port}
        lines = [f"user {pwd.getpwuid(os.getuid()).pw_name}", f"log_dest file {self._log}", "log_type all"]
        lines.append(f"persistence_location {folder}/")
        for line in CONFIG.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(" ")
            if name == "listener":
                number, _, _ = value.partition(" ")
                lines.append(f"listener {ports[number]} {HOST}")
            elif not line.startswith(("#", "log_")):
                lines.append(line.replace("/etc/mosquitto/infusion", str(self.files / "broker")))
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def settings(self, user: str, *, by_certificate: bool = False) -> BrokerSettings:
        """The settings of an edge that logs in as this user."""
        own = self.files / user
        if by_certificate:
            files = TlsFiles(own / "ca.crt", own / "client.crt", own / "client.key")
            return BrokerSettings(HOST, self.certificate_port, "", None, files)
        return BrokerSettings(HOST, self.port, user, own / "broker.password", TlsFiles(own / "ca.crt"))

    def client(self, user: str, *, by_certificate: bool = False, **more: Any) -> aiomqtt.Client:
        """A client that logs in as this user."""
        own = self.files / user
        context = ssl.create_default_context(cafile=own / "ca.crt")
        if by_certificate:
            context.load_cert_chain(own / "client.crt", own / "client.key")
        else:
            more = {"username": user, "password": (own / "broker.password").read_text().strip(), **more}
        port = self.certificate_port if by_certificate else self.port
        return aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5, tls_context=context, **more)

    async def retained(self) -> dict[str, Heard]:
        """Connect cold as a station, and return the retained truth."""
        viewer, truth = next(self._viewers), dict[str, Heard]()
        marker = f"infusion/v1/demo/station/{viewer}/status"
        async with asyncio.timeout(LIMIT_S), self.client(f"station-{viewer}") as client:
            await client.subscribe("#", qos=1)
            await client.publish(marker, b"marker", qos=1)
            async for message in client.messages:
                if message.topic.value == marker:
                    break
                if message.retain:
                    truth[message.topic.value] = heard_of(message)
        return truth

    def station(self, name: str) -> aiomqtt.Client:
        """The client of a station, not yet connected."""
        return self.client(f"station-{name}")

    def _client(self, session: str = "") -> aiomqtt.Client:
        assert not session, "a ward's broker takes the name for the session's"
        return self.client(f"station-{next(self._viewers)}")

    def toml(self, user: str) -> str:
        """The table `[broker]` of an edge that logs in as this user."""
        own = self.files / user
        return (
            f'[broker]\nhost = "{HOST}"\nport = {self.port}\ntls = true\nca_file = "{own}/ca.crt"\n'
            f'username = "{user}"\npassword_file = "{own}/broker.password"\n'
        )


async def publish(client: aiomqtt.Client, topic: str, payload: bytes, *, retain: bool = False) -> bool:
    """Publish, and tell whether the broker took it."""
    codes: list[ReasonCode] = []
    inner = client._client
    before = inner.on_publish

    def note(*told: Any) -> None:
        codes.append(told[3])
        assert before is not None
        before(*told)

    inner.on_publish = note
    try:
        await client.publish(topic, payload, qos=1, retain=retain)
    finally:
        inner.on_publish = before
    return not codes[0].is_failure


def elsewhere(settings: BrokerSettings, **changes: Any) -> BrokerSettings:
    """The settings with other files for TLS."""
    assert settings.tls is not None
    return replace(settings, tls=replace(settings.tls, **changes))
