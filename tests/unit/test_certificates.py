"""The ends of certificates: read, told to the core, and an alarm for the technician in time (H-18)."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from edge.broker_files import Ward, write
from edge.certificates import AGAIN_S, CertificateWatch
from edge.config_broker import BrokerSettings
from edge.core.inputs import Certificate, CertificatesSeen
from edge.core.model import Audience, Instant, Priority
from edge.login import BrokerLogin
from edge.tls import CertificateTime, TlsFiles
from tests.core_world import START_S, World

NOW_S = 1_800_000_000.0
DAY_S = 24 * 3600.0


# --- what the core makes of it ---


def seen(at_s: float, *days: float) -> CertificatesSeen:
    names = ("the broker's certificate", "the authority's certificate ca.crt")
    rows = (Certificate(name, f"day {left}", left * DAY_S) for name, left in zip(names, days, strict=False))
    return CertificatesSeen(at_s, tuple(rows))


@pytest.mark.parametrize(
    ("days", "band", "priority"),
    [
        (60.01, None, None),
        (60, "within 60 days", Priority.LOW),
        (30.01, "within 60 days", Priority.LOW),
        (30, "within 30 days", Priority.LOW),
        (7, "within 7 days", Priority.MEDIUM),
        (0, "ended", Priority.MEDIUM),
        (-5, "ended", Priority.MEDIUM),
    ],
)
def test_it_begins_and_grows_as_the_end_comes(days: float, band: str | None, priority: Priority | None) -> None:
    world = World()
    world.step(START_S, seen(START_S, 400, days))
    alarm = world.alarm("CERTIFICATE_ENDS")
    if band is None:
        assert alarm is None
        return
    assert alarm is not None
    assert (alarm.band, alarm.priority, alarm.audience) == (band, priority, Audience.TECHNICIAN)
    assert alarm.text.startswith("the authority's certificate ca.crt ")


def test_time_alone_makes_it_grow_and_a_renewal_ends_it() -> None:
    world = World()
    world.step(START_S, seen(START_S, 7 + 10 / DAY_S))
    world.run(START_S + 12)
    assert world.told("CERTIFICATE_ENDS") == [(0, "start", "within 30 days"), (10, "escalate", "within 7 days")]
    world.step(START_S + 13, seen(START_S + 13, 90))
    assert world.told("CERTIFICATE_ENDS")[-1] == (13, "end", "within 7 days")


def test_another_certificate_that_ends_first_is_told() -> None:
    world = World()
    world.step(START_S, seen(START_S, 50, 55))
    world.step(START_S + 1, seen(START_S + 1, 300, 55))
    alarm = world.alarm("CERTIFICATE_ENDS")
    assert alarm is not None
    assert alarm.text == "the authority's certificate ca.crt ends on day 55: after that no alarm reaches a screen."


def test_until_they_were_looked_at_nothing_ends() -> None:
    """After a restart: the alarm that stood stays until somebody has looked."""
    world = World()
    world.step(START_S, seen(START_S, 5))
    world.core._state.edge.certificates = None
    world.run(START_S + 20)
    assert world.alarm("CERTIFICATE_ENDS") is not None
    world.step(START_S + 21, CertificatesSeen(START_S + 21, ()))
    assert world.alarm("CERTIFICATE_ENDS") is None


# --- looking ---


class Watch:
    """A watch over the files of an edge, on clocks of the test's own."""

    def __init__(self, files: TlsFiles | None, *, synchronised: bool = True, saved_wall_s: float | None = None) -> None:
        self.mono_s = 100.0
        self.synchronised = synchronised
        self.told: list[CertificatesSeen] = []
        self.time = CertificateTime(lambda: Instant(self.mono_s, NOW_S, self.synchronised), saved_wall_s)
        self.login = BrokerLogin(BrokerSettings("h", 1, "", None, files), self.time)
        self.watch = CertificateWatch(files, self.login, self.time, lambda: self.mono_s, self.told.append)

    async def look(self, monkeypatch: pytest.MonkeyPatch) -> list[CertificatesSeen]:
        """One round; what was told in it."""
        before = len(self.told)
        rounds = asyncio.Event()

        async def sleep(_: float) -> None:
            rounds.set()
            await asyncio.get_running_loop().create_future()

        with monkeypatch.context() as patch:
            patch.setattr("edge.certificates.asyncio.sleep", sleep)
            task = asyncio.create_task(self.watch.run())
            if self.login._broker.tls is not None:
                await rounds.wait()
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return self.told[before:]


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    write(tmp_path / "ward", Ward("demo", ("pi-1",), (), ("h",)), 100, NOW_S)
    own = tmp_path / "ward" / "edge-pi-1"
    return TlsFiles(own / "ca.crt", own / "client.crt", own / "client.key")


async def test_each_is_told_once_and_again_when_something_changed(
    files: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Watch(files)
    (told,) = await world.look(monkeypatch)
    assert {(one.name, one.ends, round(one.left_s)) for one in told.certificates} == {
        ("the authority's certificate ca.crt", "2037-01-12", 3650 * 86400),
        ("this edge's certificate client.crt", "2027-04-25", 100 * 86400),
    }
    assert await world.look(monkeypatch) == []
    write(tmp_path / "new", Ward("demo", ("pi-1",), (), ("h",)), 300, NOW_S)
    assert files.certificate is not None
    assert files.key is not None
    (tmp_path / "new/edge-pi-1/client.crt").replace(files.certificate)
    # The certificate without its key could not be used at the next connection: no alarm ends by it.
    assert await world.look(monkeypatch) == []
    (tmp_path / "new/edge-pi-1/client.key").replace(files.key)
    (told,) = await world.look(monkeypatch)
    assert [round(one.left_s / DAY_S) for one in told.certificates] == [3650, 300]
    world.mono_s += AGAIN_S
    assert len(await world.look(monkeypatch)) == 1


async def test_the_brokers_own_is_known_once_it_was_shown(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Watch(files)
    await world.look(monkeypatch)
    world.login()
    assert world.login._context is not None
    world.login._context.peer_not_after_s = NOW_S + 5 * DAY_S
    (told,) = await world.look(monkeypatch)
    assert Certificate("the broker's certificate", "2027-01-20", 5 * DAY_S) in told.certificates


async def test_what_cannot_be_read_any_more_keeps_its_end(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Watch(files)
    await world.look(monkeypatch)
    assert files.certificate is not None
    files.certificate.unlink()
    assert await world.look(monkeypatch) == []
    files.certificate.write_text("-----BEGIN")
    world.mono_s += AGAIN_S
    (told,) = await world.look(monkeypatch)
    assert len(told.certificates) == 2


async def test_without_any_time_nothing_is_told(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Watch(files, synchronised=False)
    assert await world.look(monkeypatch) == []
    world.synchronised = True
    assert len(await world.look(monkeypatch)) == 1


async def test_without_a_clock_the_last_saved_time_counts(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Watch(files, synchronised=False, saved_wall_s=NOW_S + 98 * DAY_S)
    (told,) = await world.look(monkeypatch)
    assert min(one.left_s for one in told.certificates) == 2 * DAY_S


async def test_without_tls_there_is_nothing_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Watch(None)
    assert await world.look(monkeypatch) == [CertificatesSeen(100.0, ())]
