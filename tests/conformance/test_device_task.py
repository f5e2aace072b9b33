"""The task of a port, with real drivers on real ptys: it opens, converses, loses, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from drivers.ivy_450c import DRIVER as IVY
from drivers.ivy_450c import IvySession
from drivers.line import Line, open_line
from drivers.model import DeviceIdentified, Driver, LineSettings, Observation, Output, SessionOptions
from drivers.reconnect import Backoff
from edge import device
from edge.config_ports import PortRuntime
from edge.core.inputs import Input, LineErrors, LinkCause, LinkChange
from edge.device import EARLY_S, DeviceTask
from edge.inbox import Inbox
from edge.notify import Notifier, Watchdog
from edge.tape import Tape
from simulators.ivy_450c import IvyMonitor
from simulators.model import SimulatedDevice
from simulators.patient import Patient, Vitals
from simulators.pty_server import PtyServer


class Got:
    """What the inbox got."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.items: list[Input] = []

    async def until(self, condition: Callable[[list[Input]], bool], limit_s: float = 4.0) -> None:
        async with asyncio.timeout(limit_s):
            while not condition(self.items):
                await self._inbox.wait(0.2)  # counts do not wake the inbox
                self.items += self._inbox.drain()

    def of(self, kind: type) -> list[Input]:
        return [item for item in self.items if isinstance(item, kind)]


@asynccontextmanager
async def task(link: Path, driver: Driver = IVY) -> AsyncIterator[tuple[Got, asyncio.Task[None]]]:
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    port = PortRuntime("monitor", str(link), driver, driver.line, 1.0, ("0",))
    running = asyncio.create_task(
        DeviceTask(
            port,
            inbox,
            mono_s=loop.time,
            backoff=Backoff(Random(1)),
            watchdog=Watchdog(Notifier({}), loop.time),
        ).run()
    )
    try:
        yield Got(inbox), running
        assert not running.done(), "a port's task never ends by itself"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def screen() -> SimulatedDevice:
    patient = Patient(1)

    def vitals(now_s: float) -> Vitals:
        return patient.advance(now_s, 0.0)

    return IvyMonitor(vitals)


def line(link: Path, shown: SimulatedDevice | None = None) -> PtyServer:
    return PtyServer(shown or screen(), link, asyncio.get_running_loop().time)


def is_up(items: Sequence[Input]) -> bool:
    links = [item for item in items if isinstance(item, LinkChange)]
    return bool(links) and links[-1].up


def has_sample(items: Sequence[Input]) -> bool:
    return any(isinstance(item, Observation) for item in items)


async def test_it_says_that_the_line_is_up_who_answers_and_what_it_says(tmp_path: Path) -> None:
    with line(tmp_path / "monitor") as server:
        async with task(tmp_path / "monitor") as (got, _):
            await got.until(has_sample)
            assert is_up(got.items)
            assert [item.model for item in got.of(DeviceIdentified) if isinstance(item, DeviceIdentified)] == [
                "Ivy 450C"
            ]
        assert server.host_byte_count == 0


async def test_a_port_that_is_not_there_is_told_once_and_found_when_it_comes(tmp_path: Path) -> None:
    async with task(tmp_path / "monitor") as (got, _):
        await got.until(lambda items: len(items) > 0)
        await asyncio.sleep(0.6)  # one more attempt, which finds the same
        await got.until(lambda _: True)
        down = got.of(LinkChange)
        assert [(item.up, item.cause) for item in down if isinstance(item, LinkChange)] == [
            (False, LinkCause.OPEN_FAILED)
        ]
        with line(tmp_path / "monitor"):
            await got.until(has_sample)


async def test_a_line_that_is_lost_is_told_and_opened_again(tmp_path: Path) -> None:
    async with task(tmp_path / "monitor") as (got, _):
        with line(tmp_path / "monitor"):
            await got.until(has_sample)
        await got.until(lambda items: not is_up(items))
        got.items.clear()
        with line(tmp_path / "monitor"):
            await got.until(has_sample)
            assert is_up(got.items)


class _Broken:
    """A session that fails on its second message."""

    round_s = 1.0
    deadline_s = None

    def __init__(self, options: SessionOptions) -> None:
        self._inner = IVY.session(options)

    def start(self, now_s: float) -> Sequence[Output]:
        return self._inner.start(now_s)

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        if b"HR=1" in data:
            raise RuntimeError("a fault in the driver")
        return self._inner.feed(data, now_s)

    def tick(self, now_s: float) -> Sequence[Output]:
        return self._inner.tick(now_s)


async def test_a_driver_that_raises_is_told_and_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = replace(IVY, session=_Broken)
    with line(tmp_path / "monitor"):
        async with task(tmp_path / "monitor", broken) as (got, _):
            await got.until(
                lambda items: any(
                    isinstance(item, LinkChange) and item.cause is LinkCause.DRIVER_FAILED for item in items
                )
            )
            await got.until(is_up)
    assert "a fault in the driver" in capsys.readouterr().out


async def test_noise_is_counted_and_is_no_reading(tmp_path: Path) -> None:
    with line(tmp_path / "monitor", _Noise()):
        async with task(tmp_path / "monitor") as (got, _):
            await got.until(lambda items: any(isinstance(item, LineErrors) for item in items))
            (counted, *_) = [item for item in got.items if isinstance(item, LineErrors)]
            assert counted.accepted == 0
            assert counted.rejected > 0
            assert not has_sample(got.items)


async def test_a_silent_port_is_opened_again_without_a_false_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "QUIET_MIN_S", 0.5)
    monkeypatch.setattr(device, "QUIET_ROUNDS", 0)
    monkeypatch.setattr(device, "TURN_S", 0.2)
    opener = _Counting()
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    with line(tmp_path / "monitor", _Silent()):
        port = PortRuntime("monitor", str(tmp_path / "monitor"), IVY, IVY.line, 1.0, ("0",))
        watchdog = Watchdog(Notifier({}), loop.time)
        made = DeviceTask(port, inbox, mono_s=loop.time, backoff=Backoff(Random(1)), watchdog=watchdog, opener=opener)
        running = asyncio.create_task(made.run())
        async with asyncio.timeout(4):
            await opener.again.wait()
            told = inbox.drain()
            await inbox.wait(3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    links = [(item.up, item.cause) for item in (*told, *inbox.drain()) if isinstance(item, LinkChange)]
    assert links == [(True, LinkCause.OPENED), (True, LinkCause.REOPENED)]


class _Due(IvySession):
    """A session that is due when the test says."""

    due_s: float | None = None

    @property
    def deadline_s(self) -> float | None:
        return self.due_s


@pytest.mark.parametrize(
    ("next_after_s", "timer_after_s"),
    [(0.0, 0.0), (EARLY_S / 2, 0.0), (2 * EARLY_S, 2 * EARLY_S), (-0.001, -0.001), (None, None)],
)
async def test_a_timer_that_is_far_too_early_is_made_anew_and_one_that_is_hardly_so_is_kept(
    next_after_s: float | None, timer_after_s: float | None
) -> None:
    loop = asyncio.get_running_loop()
    port = PortRuntime("monitor", "", replace(IVY, session=_Due), IVY.line, 1.0, ("0",))
    connection = device._Connection(port, Inbox(), loop.time, device.Refusals("monitor", loop.time), Tape())
    session, begun_s = connection.session, loop.time() + 60.0
    assert isinstance(session, _Due)
    session.due_s = begun_s
    connection.on_data(b"x")
    session.due_s = None if next_after_s is None else begun_s + next_after_s
    connection.on_data(b"x")
    at_s = None if connection._timer is None else connection._timer.when()
    assert at_s == (None if timer_after_s is None else begun_s + timer_after_s)
    connection.end()


class _Counting:
    """Opens a line, and says when it does so again."""

    def __init__(self) -> None:
        self.opened = 0
        self.again = asyncio.Event()

    async def __call__(
        self,
        address: str,
        settings: LineSettings,
        *,
        listen_only: bool,
        on_data: Callable[[bytes], None],
        on_lost: Callable[[str], None],
    ) -> Line:
        self.opened += 1
        if self.opened > 1:
            self.again.set()
        return await open_line(address, settings, listen_only=listen_only, on_data=on_data, on_lost=on_lost)


class _Silent:
    deadline_s: float | None = None

    def start(self, _: float) -> bytes:
        return b""

    def feed(self, _: bytes, __: float) -> bytes:
        return b""

    def tick(self, _: float) -> bytes:
        return b""


class _Noise(_Silent):
    def __init__(self) -> None:
        self.deadline_s = 0.0
        self._random = Random(7)

    def tick(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.05
        return self._random.randbytes(200)
