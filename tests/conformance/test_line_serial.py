"""The bytes of a line over real ptys: what is read, what is written, and how it ends."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import LineError, LineFault
from drivers.line import READ_MAX_PER_TURN, WRITE_BUFFER_MAX, Line, open_line
from tests.conformance.line_ends import END, OVERFLOW, SETTINGS, Ear, Far, far, refused

__all__ = ["far"]

# --- data ------------------------------------------------------------------------------------------------------------


async def test_bytes_go_both_ways_unchanged(far: Far) -> None:
    every_byte = bytes(range(256))
    ear = Ear()
    line = await ear.open(far.path)
    far.say(every_byte)
    line.write(every_byte)
    assert await far.hear(256) == every_byte
    await ear.until(lambda: len(ear.data) >= 256)
    assert ear.data == every_byte
    await line.close()


async def test_what_arrived_before_the_opening_is_discarded(far: Far) -> None:
    keep = os.open(far.path, os.O_RDWR | os.O_NOCTTY)
    far.say(b"old\n")
    ear = Ear()
    line = await ear.open(far.path)
    far.say(b"new\n")
    await ear.until(lambda: bool(ear.chunks))
    assert ear.data == b"new\n"
    await line.close()
    os.close(keep)


async def test_a_babbling_device_leaves_each_turn_to_the_others(far: Far) -> None:
    loop = asyncio.get_running_loop()
    turn = 0
    turns_of_data: list[int] = []
    sizes: list[int] = []
    enough = asyncio.Event()

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        if not enough.is_set():
            loop.call_soon(next_turn)

    def on_data(data: bytes) -> None:
        turns_of_data.append(turn)
        sizes.append(len(data))
        if len(sizes) == 200:
            enough.set()

    def babble() -> None:
        with suppress(BlockingIOError):
            os.write(far.fd, b"x" * 65536)

    line = await open_line(far.path, SETTINGS, listen_only=True, on_data=on_data, on_lost=pytest.fail)
    loop.add_writer(far.fd, babble)
    next_turn()
    await asyncio.wait_for(enough.wait(), 4)
    loop.remove_writer(far.fd)
    assert len(set(turns_of_data[:200])) == 200
    assert max(sizes) <= READ_MAX_PER_TURN
    await line.close()


async def test_a_receiver_that_fails_loses_its_line_and_shows_its_error(far: Far) -> None:
    shown: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: shown.append(context["exception"]))
    ear = Ear()
    fault = ZeroDivisionError("a driver's bug")

    def on_data(_: bytes) -> None:
        raise fault

    await open_line(far.path, SETTINGS, listen_only=True, on_data=on_data, on_lost=ear.on_lost)
    far.say(b"x")
    assert await ear.lost() == "the receiver of the data failed"
    assert shown == [fault]


# --- writing ---------------------------------------------------------------------------------------------------------


def fill(line: Line) -> int:
    """Write until the descriptor is full and bytes wait; give how many were written."""
    written = 0
    while not line._unsent:
        line.write(b"a" * 512)
        written += 512
    return written


async def test_the_write_buffer_holds_its_bound_and_is_sent_when_the_line_takes_bytes_again(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path)
    written = fill(line)
    rest = WRITE_BUFFER_MAX - len(line._unsent)
    line.write(b"b" * rest)
    assert len(line._unsent) == WRITE_BUFFER_MAX
    assert await far.hear(written + rest) == b"a" * written + b"b" * rest
    assert not asyncio.get_running_loop().remove_writer(line._port.fd)  # one left over would spin the loop
    line.write(b"end")
    assert await far.hear(3) == b"end"
    assert ear.losses == []
    await line.close()


async def test_one_byte_beyond_the_write_buffer_loses_the_line(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path)
    fill(line)
    line.write(b"b" * (WRITE_BUFFER_MAX - len(line._unsent)))
    assert line._release is None
    line.write(b"c")
    line.write(b"dropped, for the loss is not yet told")
    assert await ear.lost() == OVERFLOW
    with pytest.raises(LineError) as caught:
        line.write(b"d")
    assert caught.value.reason is LineFault.CLOSED


# --- ends ------------------------------------------------------------------------------------------------------------


async def test_a_far_end_that_goes_is_one_loss(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path)
    far.close()
    assert await ear.lost() == END
    await line.close()
    assert ear.losses == [END]


async def test_writing_to_a_far_end_that_went_is_one_loss(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path)
    far.close()
    line.write(b"x")
    line.write(b"y")
    assert await ear.lost() == "write failed: Input/output error"
    await line.close()
    assert len(ear.losses) == 1


async def test_closing_is_no_loss_ends_data_and_may_be_repeated(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path)
    far.say(b"not read any more")
    first = line.close()
    await line.close()
    await first
    far.close()
    assert (ear.chunks, ear.losses) == ([], [])
    with pytest.raises(LineError) as caught:
        line.write(b"x")
    assert caught.value.reason is LineFault.CLOSED


async def test_closing_keeps_a_loss_untold_that_was_on_its_way(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path)
    line.write(b"x" * (WRITE_BUFFER_MAX + 1))
    await line.close()
    assert ear.losses == []


async def test_the_same_port_opens_again_from_the_moment_that_the_loss_is_told(far: Far) -> None:
    for _ in range(50):
        ear = Ear()
        line = await ear.open(far.path)
        line.write(b"x" * (WRITE_BUFFER_MAX + 1))
        assert await ear.lost() == OVERFLOW
    await (await Ear().open(far.path)).close()


async def test_the_same_port_opens_again_from_the_moment_that_the_closing_is_done(far: Far) -> None:
    for _ in range(50):
        await (await Ear().open(far.path)).close()


async def test_a_device_that_returns_under_another_number_behind_its_link_opens_again(tmp_path: Path) -> None:
    link = tmp_path / "pump-1"
    old = Far()
    link.symlink_to(old.path)
    for _ in range(50):
        ear = Ear()
        line = await ear.open(str(link))
        new = Far()
        assert new.path != old.path
        old.close()
        link.unlink()
        assert await ear.lost() == END
        assert (await refused(str(link))).reason is LineFault.MISSING
        link.symlink_to(new.path)
        line = await ear.open(str(link))
        line.write(b"poll")
        assert await new.hear(4) == b"poll"
        await line.close()
        old = new
    old.close()
