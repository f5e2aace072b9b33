"""The sender and the broker's certificate: whom it believes, by which clock, and what a renewal needs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.broker_files import Ward
from edge.config_broker import BrokerSettings
from edge.core.model import Instant
from edge.login import BrokerLogin
from edge.mqtt import BrokerSettings as Connecting
from edge.outgoing import Lane
from edge.tls import CertificateTime, TlsFiles
from tests.sender import FENCE, STOPPED, WILL, Edge, Impatient, settings, state
from tests.ward_broker import DAYS, WARD, WardBroker, elsewhere

DAY_S = 24 * 3600.0
NOW_S = time.time()  # noqa: TID251 - mosquitto goes by the real clock
BOOT_1970 = Instant(5.0, 40.0, synchronised=False)
ROOT = "infusion/v1/demo/edge/pi-1"


def at(wall_s: float, *, synchronised: bool = True, saved_wall_s: float | None = None) -> CertificateTime:
    return CertificateTime(lambda: Instant(5.0, wall_s, synchronised), saved_wall_s)


def connecting(broker: WardBroker, logs_in: BrokerLogin, port: int = 0) -> Connecting:
    return replace(settings(broker), port=port or broker.port, login=logs_in, connect_timeout_s=2.0)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[WardBroker]:
    (tmp_path / "broker").mkdir()
    # Its certificate is of the moment from which the tests reckon, however long the tests before this one took.
    async with WardBroker(tmp_path / "broker", wall_s=NOW_S) as broker:
        yield broker


async def refused(broker: WardBroker, told: BrokerSettings, clock: CertificateTime) -> str:
    """Why the sender does not connect; nothing that it has to say, and no password, may have been sent."""
    backoff = Impatient()
    edge = Edge(connecting(broker, BrokerLogin(told, clock), told.port), backoff)
    async with edge.running():
        await edge.lost()
        await backoff.attempts.acquire()
    assert edge.sent == []
    assert "New client connected" not in broker.log()
    return edge.links[0][1]


async def connected(broker: WardBroker, told: BrokerSettings, clock: CertificateTime) -> BrokerLogin:
    logs_in = BrokerLogin(told, clock)
    edge = Edge(connecting(broker, logs_in, told.port))
    async with edge.running():
        await edge.linked()
    assert edge.links == [(True, "connected")]
    return logs_in


async def test_another_authority_is_not_believed(broker: WardBroker, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = WardBroker(tmp_path / "other").files / "edge-pi-1" / "ca.crt"
    detail = await refused(broker, elsewhere(broker.settings("edge-pi-1"), ca=other), at(NOW_S))
    assert "the broker's certificate is refused: " in detail


async def test_only_the_systems_authorities_are_believed_where_none_is_named(broker: WardBroker) -> None:
    detail = await refused(broker, elsewhere(broker.settings("edge-pi-1"), ca=None), at(NOW_S))
    assert "the broker's certificate is refused: self-signed certificate" in detail.replace(
        "self signed", "self-signed"
    )


async def test_a_broker_of_another_name_is_not_believed(tmp_path: Path) -> None:
    async with WardBroker(tmp_path, replace(WARD, hosts=("elsewhere",))) as broker:
        detail = await refused(broker, broker.settings("edge-pi-1"), at(NOW_S))
    assert detail == (
        "the broker's certificate is refused: IP address mismatch, certificate is not valid for '127.0.0.1'."
    )


async def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    async with WardBroker(tmp_path, wall_s=NOW_S - (DAYS + 1) * DAY_S) as broker:
        detail = await refused(broker, broker.settings("edge-pi-1"), at(NOW_S))
    assert detail == "the broker's certificate is refused: certificate has expired"


async def test_in_1970_an_edge_connects_all_the_same(broker: WardBroker) -> None:
    logs_in = await connected(broker, broker.settings("edge-pi-1"), at(40.0, synchronised=False))
    assert logs_in.peer_not_after_s == pytest.approx(NOW_S + DAYS * DAY_S, abs=60)


async def test_a_clock_that_is_not_synchronised_counts_for_nothing(broker: WardBroker) -> None:
    """It may also be years ahead: that must not cut off an edge."""
    await connected(broker, broker.settings("edge-pi-1"), at(NOW_S + 900 * DAY_S, synchronised=False))


async def test_a_synchronised_clock_judges_both_ends(broker: WardBroker) -> None:
    """OpenSSL then judges by the system's clock, which the one handed in stands for."""
    await connected(broker, broker.settings("edge-pi-1"), at(NOW_S, saved_wall_s=NOW_S + 900 * DAY_S))


@pytest.mark.parametrize(("saved_after_end_s", "lets_in"), [(-60.0, True), (60.0, False)])
async def test_without_a_clock_the_last_saved_time_tells_what_has_expired(
    broker: WardBroker, saved_after_end_s: float, lets_in: bool
) -> None:
    clock = at(40.0, synchronised=False, saved_wall_s=NOW_S + DAYS * DAY_S + saved_after_end_s)
    if lets_in:
        await connected(broker, broker.settings("edge-pi-1"), clock)
    else:
        detail = await refused(broker, broker.settings("edge-pi-1"), clock)
        assert "the broker's certificate is refused: certificate has expired on " in detail


async def test_a_certificate_without_a_clock_still_needs_its_authority(broker: WardBroker, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = WardBroker(tmp_path / "other").files / "edge-pi-1" / "ca.crt"
    told = elsewhere(broker.settings("edge-pi-1"), ca=other)
    assert "certificate is refused" in await refused(broker, told, at(40.0, synchronised=False))


async def test_renewed_files_count_at_the_next_connect(broker: WardBroker, tmp_path: Path) -> None:
    """Another authority, another password, another certificate: as after a break-in."""
    told = broker.settings("edge-pi-1", by_certificate=True)
    edge = Edge(connecting(broker, BrokerLogin(told, at(NOW_S)), told.port), Impatient())
    async with edge.running():
        await edge.linked()
        (tmp_path / "new").mkdir()
        new = WardBroker(tmp_path / "new").files
        for name in ("ca.crt", "server.crt", "server.key", "passwords", "revoked.crl"):
            (broker.files / "broker" / name).write_bytes((new / "broker" / name).read_bytes())
        await broker.restart()
        await edge.until(lambda: "certificate is refused" in edge.links[-1][1])
        for name in ("ca.crt", "client.crt", "client.key"):
            (broker.files / "edge-pi-1" / name).write_bytes((new / "edge-pi-1" / name).read_bytes())
        await edge.linked()


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("broker.password", None, "cannot be read: No such file or directory"),
        ("broker.password", b"\xff\xfe", "cannot be read: 'utf-8' codec can't decode"),
        ("ca.crt", None, "ca.crt: No such file or directory"),
        ("ca.crt", b"-----BEGIN CERT", "ca.crt: no certificate is in it"),
    ],
)
async def test_a_file_that_is_gone_is_named_and_waited_for(
    broker: WardBroker, file: str, content: bytes | None, reason: str
) -> None:
    told = broker.settings("edge-pi-1")
    path = broker.files / "edge-pi-1" / file
    kept = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    edge = Edge(connecting(broker, BrokerLogin(told, at(NOW_S))), Impatient())
    async with edge.running():
        await edge.lost()
        assert reason in edge.links[0][1]
        path.write_bytes(kept)
        await edge.linked()


async def test_a_burst_over_tls_is_heard_whole(broker: WardBroker) -> None:
    """What TLS has decoded and the socket no longer shows must not wait for the next message."""
    topics = (WILL.topic, FENCE.topic, STOPPED.topic)
    assert set(topics) == {"edge/status", "edge/fence"}
    acl = broker.files / "broker" / "acl"
    acl.write_text(acl.read_text() + "\nuser edge-pi-1\ntopic readwrite edge/#\ntopic readwrite truth/#\n")
    await broker.restart()
    edge = Edge(connecting(broker, BrokerLogin(broker.settings("edge-pi-1"), at(NOW_S))))
    async with edge.running():
        await edge.linked()
        edge.events(1, 300)
        for number in range(300):
            edge.sender.publish(state(f"truth/{number}", Lane.SNAPSHOT, b"x" * 500))
        await edge.until(lambda: len(edge.sent) == 300)
    assert len(edge.links) == 1


def test_time_goes_on_from_what_was_known() -> None:
    clock = iter([
        Instant(100.0, 40.0, synchronised=False),
        Instant(160.0, 99.0, synchronised=False),
        Instant(200.0, 5000.0, synchronised=True),
        Instant(230.0, 1.0, synchronised=False),
    ])  # fmt: skip
    time_of = CertificateTime(lambda: next(clock), 1000.0)
    assert [(told.wall_s, told.exact) for told in (time_of.judge(), time_of.judge(), time_of.judge())] == [
        (1060.0, False),
        (5000.0, True),
        (5030.0, False),
    ]


@pytest.mark.parametrize(("kept", "told_s"), [(None, 1060.0), (1059.0, 1060.0), (5000.0, 5000.0)])
def test_a_time_that_is_read_late_counts_if_it_is_the_later_one(kept: float | None, told_s: float) -> None:
    now = [Instant(100.0, 0.0, synchronised=False)]
    time_of = CertificateTime(lambda: now[0], 1000.0)
    now[0] = Instant(160.0, 0.0, synchronised=False)
    time_of.learn(kept)
    assert time_of.judge().wall_s == told_s


def test_a_ward_can_be_of_one_edge_alone(tmp_path: Path) -> None:
    broker = WardBroker(tmp_path, Ward("demo", ("pi-1",), (), ("localhost",)))
    assert TlsFiles(broker.files / "edge-pi-1" / "ca.crt") == broker.settings("edge-pi-1").tls
