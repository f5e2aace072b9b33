"""Certificates that end, in the real daemon and at a real broker: the warning, the renewal, and its end (H-18)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.app import App, Surroundings
from edge.broker_authority import read_authority, revocations
from edge.broker_files import Ward, extend
from edge.clock import Clock
from edge.config import load
from edge.core.model import Instant
from edge.notify import Notifier
from edge.reload import Files
from edge.starting import Offer
from tests.broker import HOST, Heard, Listener
from tests.end_to_end.world import PREFIX, message
from tests.unit.config_files import EDGE, put
from tests.ward_broker import DAYS, WardBroker

DAY_S = 24 * 3600.0
LEFT_DAYS = 5
ALARM = f"{PREFIX}/alarm/CERTIFICATE_ENDS"
LIMIT_S = 15.0


class LateClock(Clock):
    """Synchronised, and late: the ward's certificates end in five days. Broker and OpenSSL go by the real one."""

    def now(self) -> Instant:
        """Say it."""
        now = super().now()
        return Instant(now.mono_s, now.wall_s + (DAYS - LEFT_DAYS) * DAY_S, synchronised=True)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("edge.certificates.LOOK_S", 0.05)
    yield
    gc.unfreeze()  # the daemon froze what is this process's


@contextlib.asynccontextmanager
async def edge(folder: Path, broker: WardBroker) -> AsyncIterator[Listener]:
    """The daemon, which logs in by its certificate, and a station that listens."""
    own = broker.files / "edge-pi-1"
    table = (
        f'host = "{HOST}"\nport = {broker.certificate_port}\ntls = true\nca_file = "{own}/ca.crt"\n'
        f'certificate_file = "{own}/client.crt"\nkey_file = "{own}/client.key"\n'
    )
    text = EDGE.replace('host = "127.0.0.1"\nport = 1883\n', table)
    assert table in text
    configuration = load(put(folder, text), folder)
    surroundings = Surroundings(LateClock(), "run-1", Random(1), Notifier({}))
    files = Files(lambda: configuration, lambda _: None)
    async with broker.subscribe_all() as heard:
        running = asyncio.create_task(App(Offer(configuration), surroundings, folder / "c.sock", files).run())
        try:
            yield heard
        finally:
            if not running.done():
                os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(LIMIT_S):
                await running


def standing(text: str) -> Any:
    return lambda one: one.topic == ALARM and one.payload and text in message(one)["text"]


def gone(one: Heard) -> bool:
    return one.topic == ALARM and not one.payload


async def test_a_certificate_that_ends_is_told_and_renewed_without_a_restart(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    now_s = time.time()  # noqa: TID251 - mosquitto goes by the real clock
    async with WardBroker(tmp_path / "broker", wall_s=now_s) as broker, edge(tmp_path, broker) as heard:
        alarm = message(await heard.wait_for(standing(" ends on ")))
        assert (alarm["priority"], alarm["band"], alarm["audience"]) == ("medium", "within 7 days", "technician")
        was = renewed(broker, tmp_path / "renewed", now_s)
        own = broker.files / "edge-pi-1"
        shutil.copytree(own, tmp_path / "old")
        for name in ("client.crt", "client.key"):
            shutil.copy(tmp_path / "renewed/edge-pi-1" / name, own)
        os.kill(os.getpid(), signal.SIGHUP)  # nobody needs to; who does it harms nothing
        await heard.wait_for(standing("the broker's certificate ends on "))
        for name in ("server.crt", "server.key", "passwords", "acl"):
            shutil.copy(tmp_path / "renewed/broker" / name, broker.files / "broker")
        # From here on the old one is refused: whoever is let in has the new one.
        refused = replace(read_authority(broker.files / "authority"), revoked=frozenset(was))
        (broker.files / "broker/revoked.crl").write_bytes(revocations(refused, datetime.fromtimestamp(now_s, UTC)))
        await broker.restart()
        await heard.wait_for(gone)
        with pytest.raises(ssl.SSLError, match="revoked"):
            await shake_hands(broker, tmp_path / "old")
        told = [one for one in heard.messages if one.topic == ALARM]
        assert gone(told[-1])


def renewed(broker: WardBroker, folder: Path, now_s: float) -> set[int]:
    """Make new certificates for the edge and the broker, as operations.md has it; return which there were before."""
    authority = broker.files / "authority"
    before = set(read_authority(authority).issued)
    ward = Ward("demo", ("pi-1",), (), ("localhost", HOST))
    extend(folder, ward, DAYS + 100, now_s, authority=authority, broker=broker.files / "broker")
    return before


async def shake_hands(broker: WardBroker, own: Path) -> None:
    context = ssl.create_default_context(cafile=own / "ca.crt")
    context.load_cert_chain(own / "client.crt", own / "client.key")
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # which tells at the handshake that one is refused
    _, writer = await asyncio.open_connection(HOST, broker.certificate_port, ssl=context, server_hostname=HOST)
    writer.close()
