"""A line that cannot have said anything whole yet is not looked at, and is heard in time all the same."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest

from bench.codec import DEVICES, record
from drivers import registry
from drivers.bbraun_space import FRAME_GAP_S
from drivers.line import FAST_SHARE, HELD_BACK_S, KEPT_PACE_MIN, LATE_S, REST_LONG_S, REST_MAX_S, Line, open_line
from drivers.model import AwaitingSession, LineSettings, SessionOptions

RECORDED_S = 4.0
SETTINGS = LineSettings(9600, 7, "E", 1)
BYTE_S = 10 / 9600


@pytest.fixture
def far() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    with suppress(OSError):
        os.close(master)


class Receiver:
    """Takes bytes, and rests after each piece for ``awaited_bytes`` more."""

    def __init__(self, awaited_bytes: int) -> None:
        self.awaited_bytes = awaited_bytes
        self.line: Line | None = None
        self.heard = b""
        self.moved = asyncio.Event()
        self.lost = asyncio.get_running_loop().create_future()

    async def open(self, path: str) -> Line:
        self.line = await open_line(
            path, SETTINGS, listen_only=True, on_data=self.on_data, on_lost=self.lost.set_result
        )
        return self.line

    def on_data(self, data: bytes) -> None:
        assert self.line is not None
        self.heard += data
        self.line.rest(self.awaited_bytes)
        self.moved.set()

    async def until(self, heard: bytes) -> None:
        async with asyncio.timeout(15):
            while self.heard != heard:
                self.moved.clear()
                await self.moved.wait()


@pytest.mark.parametrize(
    ("awaited_bytes", "rest_s"),
    [(0, 0.0), (28, 0.0), (30, 30 * BYTE_S - HELD_BACK_S), (60, 60 * BYTE_S - HELD_BACK_S), (9999, REST_MAX_S)],
)
async def test_it_rests_until_the_awaited_bytes_can_have_come_less_what_an_adapter_holds_back(
    far: tuple[int, str], awaited_bytes: int, rest_s: float
) -> None:
    loop = asyncio.get_running_loop()
    line = await Receiver(0).open(far[1])
    before_s = loop.time()
    line.rest(awaited_bytes)
    if rest_s:
        assert line._rest is not None
        assert before_s + rest_s <= line._rest.when() <= loop.time() + rest_s
    else:
        assert line._rest is None
    assert loop.remove_reader(line._port.fd) is not bool(rest_s)
    await line.close()


async def test_what_comes_in_a_rest_is_heard_after_it_and_the_line_is_watched_again(far: tuple[int, str]) -> None:
    receiver = Receiver(9999)
    line = await receiver.open(far[1])
    os.write(far[0], b"a")
    await receiver.until(b"a")
    os.write(far[0], b"b")
    await asyncio.sleep(0)
    assert receiver.heard == b"a"
    receiver.awaited_bytes = 0
    await receiver.until(b"ab")
    os.write(far[0], b"c")
    await receiver.until(b"abc")
    assert not receiver.lost.done()
    await line.close()


async def _rested(receiver: Receiver, line: Line, write: Callable[[bytes], object], count: int) -> float:
    """Have so many bytes come in a rest that is as long as the line may, and tell how long that was to be."""
    woken = receiver.heard + b"a"
    write(b"a")
    await receiver.until(woken)
    began_s = asyncio.get_running_loop().time()
    line.rest(9999)
    rest = line._rest
    assert rest is not None
    awaited = receiver.heard + bytes(count)
    write(bytes(count))
    await receiver.until(awaited)
    return rest.when() - began_s


def test_the_longest_rest_and_what_an_adapter_holds_back_are_no_stillness_inside_a_frame() -> None:
    assert REST_LONG_S + HELD_BACK_S < FRAME_GAP_S


async def test_a_far_end_that_keeps_to_the_speed_is_looked_at_less_often_until_it_is_faster(
    far: tuple[int, str],
) -> None:
    receiver = Receiver(0)
    line = await receiver.open(far[1])

    async def rested_s(count: int) -> float:
        return await _rested(receiver, line, partial(os.write, far[0]), count)

    for _ in range(KEPT_PACE_MIN):
        assert await rested_s(40) < REST_LONG_S / 2
    assert await rested_s(1) >= REST_LONG_S
    # As many as four seconds of the line would bring: a loop that was held up for less sees the haste all the same.
    assert await rested_s(3900) >= REST_LONG_S
    for _ in range(KEPT_PACE_MIN):
        assert await rested_s(40) < REST_LONG_S / 2
    assert await rested_s(1) >= REST_LONG_S
    await line.close()


@pytest.mark.parametrize(
    ("come", "awaited_bytes", "rest_s"),
    [
        (300, 300, 600 * BYTE_S * (1 - FAST_SHARE) - LATE_S),
        (300, 28, 0.0),
        (300, 83, 0.0),  # they should be here by now: what pauses is watched
    ],
)
async def test_it_rests_until_just_before_the_end_as_reckoned_from_when_bytes_last_woke_it(
    far: tuple[int, str], come: int, awaited_bytes: int, rest_s: float
) -> None:
    receiver = Receiver(0)
    line = await receiver.open(far[1])
    line._kept_pace = KEPT_PACE_MIN
    before_s = asyncio.get_running_loop().time()
    os.write(far[0], b"a")
    await receiver.until(b"a")
    after_s = asyncio.get_running_loop().time()
    line.rest(600)
    os.write(far[0], bytes(come))
    receiver.awaited_bytes = awaited_bytes
    await receiver.until(b"a" + bytes(come))
    rest = line._rest
    assert (rest is not None) is bool(rest_s)
    assert rest is None or before_s + rest_s <= rest.when() <= after_s + rest_s
    await line.close()


async def test_a_far_end_that_is_ahead_of_its_speed_is_looked_at_sooner(far: tuple[int, str]) -> None:
    receiver = Receiver(0)
    line = await receiver.open(far[1])
    line._kept_pace = KEPT_PACE_MIN
    line._since_woken = 9999
    line.rest(100)
    rest = line._rest
    assert rest is not None
    assert rest.when() <= asyncio.get_running_loop().time() + 100 * BYTE_S - LATE_S
    await line.close()


async def test_over_tcp_whose_speed_is_not_known_no_rest_is_long() -> None:
    heard: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _, writer: heard.set_result(writer), "127.0.0.1", 0)
    receiver = Receiver(0)
    line = await receiver.open(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    writer = await heard
    for _ in range(KEPT_PACE_MIN + 1):
        assert await _rested(receiver, line, writer.write, 1) < REST_LONG_S / 2
    await line.close()
    writer.close()
    server.close()


async def test_a_loss_in_a_rest_is_told_after_it(far: tuple[int, str]) -> None:
    receiver = Receiver(9999)
    line = await receiver.open(far[1])
    line.rest(9999)
    os.close(far[0])
    async with asyncio.timeout(15):
        assert await receiver.lost == "end of data: the device or the far end is gone"
    assert line._rest is None


async def test_a_line_that_is_closed_looks_no_more(far: tuple[int, str]) -> None:
    receiver = Receiver(9999)
    line = await receiver.open(far[1])
    line.rest(9999)
    rest = line._rest
    assert rest is not None
    await line.close()
    assert rest.cancelled()
    line.rest(9999)
    assert line._rest is rest


@pytest.mark.parametrize("name", ["bbraun-space", "bbraun-space-cyclic", "ge-dri", "philips-intellivue", "ivy-450c"])
def test_nothing_is_whole_before_the_awaited_bytes_have_come(name: str) -> None:
    driver = registry.driver(name)
    calls, _ = record(driver, DEVICES[name](), RECORDED_S, 1)
    session = driver.session(SessionOptions("port"))
    assert isinstance(session, AwaitingSession)
    session.start(0.0)
    at = earliest = most = 0
    for call in calls:
        if not call.data:
            session.tick(call.now_s)
            continue
        at += 1
        outputs = session.feed(call.data, call.now_s)
        assert not outputs or at >= earliest
        earliest = at + session.awaited_bytes
        most = max(most, session.awaited_bytes)
    assert most > 200
    assert session.awaited_bytes == 0
