"""A line whose opening or closing hangs, which a pty cannot do: it is proved at its border."""

import asyncio
import os
import threading
from collections.abc import Iterator

import pytest

from drivers import line as line_module
from drivers.errors import LineFault
from drivers.line import HANGING_MAX, Line
from tests.conformance.line_ends import Ear, Far, far, refused

__all__ = ["far"]


class Driver:
    """A driver whose opening and closing hang until they are let go."""

    def __init__(self) -> None:
        self.fd, self.far = os.pipe()
        os.set_blocking(self.fd, False)
        self.let_go = threading.Event()
        self.closed = threading.Event()
        self.closed_in = ""

    def open(self, *_: object, **__: object) -> line_module._Port:
        assert self.let_go.wait(5)
        return line_module._Port(self.fd, self.close, None)

    def close(self) -> None:
        assert self.let_go.wait(5)
        self.closed_in = threading.current_thread().name
        self.closed.set()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    hanging = Driver()
    monkeypatch.setattr(line_module, "_open_port", hanging.open)
    monkeypatch.setattr(line_module, "OPEN_LIMIT_S", 0.02)
    monkeypatch.setattr(line_module, "CLOSE_LIMIT_S", 0.02)
    yield hanging
    hanging.let_go.set()
    for fd in (hanging.fd, hanging.far):
        os.close(fd)


async def test_an_opening_that_hangs_is_given_up_and_closes_in_its_own_thread_what_it_opens_later(
    driver: Driver,
) -> None:
    error = await refused("/dev/hung-1")
    assert error.reason is LineFault.HANGING
    assert error.text == "/dev/hung-1: opening took more than 0.02 s"
    driver.let_go.set()
    assert await asyncio.to_thread(driver.closed.wait, 2)
    assert driver.closed_in == "opening /dev/hung-1"


async def test_openings_that_hang_are_bounded_and_end(driver: Driver) -> None:
    for _ in range(HANGING_MAX):
        await refused("/dev/hung-2")
    error = await refused("/dev/hung-2")
    assert error.text == "/dev/hung-2: still hanging, 4 times over"
    threads = [thread for thread in threading.enumerate() if thread.name == "opening /dev/hung-2"]
    assert len(threads) == HANGING_MAX
    assert all(thread.daemon for thread in threads)
    driver.let_go.set()
    for thread in threads:
        await asyncio.to_thread(thread.join, 2)
    line = await Ear().open("/dev/hung-2")
    await line.close()


async def test_one_hanging_opening_does_not_bar_the_next(
    driver: Driver, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as only_once:
        only_once.setattr(line_module, "_open_port", driver.open)
        await refused(far.path)
    port = os.open(far.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    monkeypatch.setattr(
        line_module, "_open_port", lambda *_, **__: line_module._Port(port, lambda: os.close(port), None)
    )
    line = await Ear().open(far.path)
    await line.close()


async def test_an_opening_that_is_cancelled_closes_what_it_opens_later(driver: Driver) -> None:
    opening = asyncio.create_task(Ear().open("/dev/hung-3"))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    driver.let_go.set()
    assert await asyncio.to_thread(driver.closed.wait, 2)


async def test_an_opening_that_is_cancelled_in_the_moment_it_succeeds_is_closed(driver: Driver) -> None:
    driver.let_go.set()
    opening = asyncio.create_task(Ear().open("/dev/hung-4"))
    await asyncio.sleep(0)
    for thread in threading.enumerate():
        if thread.name == "opening /dev/hung-4":
            thread.join(2)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert await asyncio.to_thread(driver.closed.wait, 2)


async def test_a_closing_that_hangs_is_given_up_and_the_loss_says_so(driver: Driver) -> None:
    ear = Ear()
    port = line_module._Port(driver.fd, driver.close, None)
    line = Line("/dev/hung-5", port, listen_only=False, on_data=ear.on_data, on_lost=ear.on_lost)
    line.write(b"x")  # the reading end of a pipe takes none
    assert await ear.lost() == "write failed: Bad file descriptor; the port did not close and was given up"
    await line.close()
    assert len(ear.losses) == 1


async def test_a_loss_is_told_even_if_no_thread_can_be_started(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ear = Ear()
    port = line_module._Port(driver.fd, driver.close, None)
    line = Line("/dev/hung-7", port, listen_only=False, on_data=ear.on_data, on_lost=ear.on_lost)
    monkeypatch.setattr(threading.Thread, "start", start)
    line.write(b"x")
    assert await ear.lost() == "write failed: Bad file descriptor; the port did not close and was given up"


async def test_the_loop_runs_on_while_a_closing_hangs(driver: Driver) -> None:
    port = line_module._Port(driver.fd, driver.close, None)
    line = Line("/dev/hung-6", port, listen_only=False, on_data=Ear().on_data, on_lost=pytest.fail)
    done = line.close()
    turns = 0
    while not done.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
    assert not driver.closed.is_set()
