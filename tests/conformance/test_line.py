"""The line over real ptys and real TCP sockets. What a pty cannot do (parity, hangs) is proved at its border."""

import asyncio
import errno
import fcntl
import os
import socket
import struct
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from drivers import line as line_module
from drivers.errors import LineError, LineFault, line_error
from drivers.line import (
    HANGING_MAX,
    READ_MAX_PER_TURN,
    WRITE_BUFFER_MAX,
    Line,
    is_raw_usb_name,
    open_line,
    stable_names,
)
from drivers.model import LineSettings

SETTINGS = LineSettings()
END = "end of data: the device or the far end is gone"
OVERFLOW = "write buffer full: the line takes no bytes"
TIOCGEXCL = 0x80045440


class Far:
    """The other end of a pty."""

    def __init__(self) -> None:
        self.fd, near = os.openpty()
        self.path = os.ttyname(near)
        os.close(near)
        os.set_blocking(self.fd, False)

    def say(self, data: bytes) -> None:
        assert os.write(self.fd, data) == len(data)

    async def hear(self, count: int) -> bytes:
        heard = b""
        while len(heard) < count:
            await readable(self.fd)
            heard += os.read(self.fd, count - len(heard))
        return heard

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


async def readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), 2)
    finally:
        loop.remove_reader(fd)


class Ear:
    """What a line told."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.losses: list[str] = []
        self._moved = asyncio.Event()

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)

    def on_data(self, data: bytes) -> None:
        self.chunks.append(data)
        self._moved.set()

    def on_lost(self, reason: str) -> None:
        self.losses.append(reason)
        self._moved.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await asyncio.wait_for(self._moved.wait(), 2)

    async def lost(self) -> str:
        await self.until(lambda: bool(self.losses))
        return self.losses[0]

    async def open(self, address: str, settings: LineSettings = SETTINGS, *, listen_only: bool = False) -> Line:
        return await open_line(address, settings, listen_only=listen_only, on_data=self.on_data, on_lost=self.on_lost)


@pytest.fixture
def far() -> Iterator[Far]:
    with closing(Far()) as end:
        yield end


async def refused(address: str, settings: LineSettings = SETTINGS, *, listen_only: bool = False) -> LineError:
    with pytest.raises(LineError) as caught:
        await Ear().open(address, settings, listen_only=listen_only)
    return caught.value


# --- serial: data ----------------------------------------------------------------------------------------------------


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


# --- serial: writing -------------------------------------------------------------------------------------------------


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


# --- serial: ends ----------------------------------------------------------------------------------------------------


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


# --- serial: settings ------------------------------------------------------------------------------------------------


async def test_the_kernel_is_told_9600_8n1_raw_without_flow_control(far: Far) -> None:
    keep = os.open(far.path, os.O_RDWR | os.O_NOCTTY)
    spoiled = termios.tcgetattr(keep)
    spoiled[0] |= termios.IGNPAR | termios.ISTRIP | termios.BRKINT | termios.IXOFF | termios.IXON
    spoiled[2] |= termios.CSTOPB | termios.CRTSCTS
    termios.tcsetattr(keep, termios.TCSANOW, spoiled)
    line = await Ear().open(far.path)
    fd = line._port.fd
    iflag, oflag, cflag, lflag, ispeed, ospeed, control = termios.tcgetattr(fd)
    assert iflag == termios.INPCK
    assert not oflag & termios.OPOST
    assert not lflag & (termios.ICANON | termios.ECHO | termios.ECHONL | termios.ISIG | termios.IEXTEN)
    assert cflag & (termios.CSIZE | termios.CLOCAL | termios.CREAD) == termios.CS8 | termios.CLOCAL | termios.CREAD
    assert not cflag & (termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    assert (ispeed, ospeed) == (termios.B9600, termios.B9600)
    assert (control[termios.VMIN], control[termios.VTIME]) == (1, 0)
    assert line.settings_in_force == SETTINGS
    with pytest.raises(BlockingIOError):  # a read of nothing must not look like the end
        os.read(fd, 1)
    await line.close()
    os.close(keep)


async def test_waking_up_for_nothing_is_no_loss(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path)
    line._readable()
    far.say(b"x")
    await ear.until(lambda: ear.data == b"x")
    assert ear.losses == []
    await line.close()


async def test_speed_and_stop_bits_are_kept_on_a_pty(far: Far) -> None:
    wanted = LineSettings(baud=38400, stop_bits=2)
    line = await Ear().open(far.path, wanted)
    assert line.settings_in_force == wanted
    assert termios.tcgetattr(line._port.fd)[4:6] == [termios.B38400, termios.B38400]
    await line.close()


@contextmanager
def refusing_parity(far: Far) -> Iterator[None]:
    """Leave the pty as another program would: libc then refuses parity instead of dropping it in silence."""
    keep = os.open(far.path, os.O_RDWR | os.O_NOCTTY)
    attributes = termios.tcgetattr(keep)
    attributes[0] = 0
    termios.tcsetattr(keep, termios.TCSANOW, attributes)
    yield
    os.close(keep)


@pytest.mark.parametrize("wanted", [LineSettings(parity="E"), LineSettings(data_bits=7, parity="O")])
async def test_a_pty_falls_back_to_8n1_each_time_and_says_so(far: Far, wanted: LineSettings) -> None:
    for _ in range(2):
        line = await Ear().open(far.path, wanted)
        assert line.settings_in_force == LineSettings(data_bits=8, parity="N")
        await line.close()
    with refusing_parity(far):
        line = await Ear().open(far.path, wanted)
    assert line.settings_in_force == LineSettings(data_bits=8, parity="N")
    await line.close()


async def test_a_real_tty_never_falls_back(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "_PTY_MAJORS", ())
    dropped_in_silence = await refused(far.path, LineSettings(parity="E"))
    assert dropped_in_silence.reason is LineFault.SETTINGS
    assert dropped_in_silence.text == f"{far.path}: asked 9600 8E1, got 9600 8N1"
    with refusing_parity(far):
        refused_by_libc = await refused(far.path, LineSettings(parity="E"))
    assert refused_by_libc.reason is LineFault.SETTINGS
    assert refused_by_libc.text == f"{far.path}: Invalid argument"


@pytest.mark.parametrize("wanted", [LineSettings(baud=9601), LineSettings(parity="X"), LineSettings(data_bits=9)])
async def test_settings_that_are_none_are_refused(far: Far, wanted: LineSettings) -> None:
    assert (await refused(far.path, wanted)).reason is LineFault.SETTINGS
    await (await Ear().open(far.path)).close()


async def test_no_modem_line_is_touched(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[int] = []
    real = fcntl.ioctl

    def ioctl(fd: int, request: int, *rest: Any) -> Any:
        requests.append(request)
        return real(fd, request, *rest)

    monkeypatch.setattr(line_module, "_PTY_MAJORS", ())
    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    await (await Ear().open(far.path)).close()
    assert requests == [termios.TIOCEXCL]


# --- serial: who may open --------------------------------------------------------------------------------------------


async def test_listen_only_has_no_write_access_and_the_far_end_hears_nothing(far: Far) -> None:
    ear = Ear()
    line = await ear.open(far.path, listen_only=True)
    fd = line._port.fd
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(fd, b"x")
    with pytest.raises(LineError) as caught:
        line.write(b"x")
    assert caught.value.reason is LineFault.LISTEN_ONLY
    spoken = b"echo? \x03\x11\x13\x15\r\n"
    far.say(spoken)
    await ear.until(lambda: len(ear.data) >= len(spoken))
    assert ear.data == spoken
    with pytest.raises(BlockingIOError):
        os.read(far.fd, 1)
    await line.close()


@pytest.mark.parametrize("listen_only", [False, True])
async def test_a_second_opening_is_refused_as_busy(far: Far, *, listen_only: bool) -> None:
    ear = Ear()
    line = await ear.open(far.path, listen_only=listen_only)
    error = await refused(far.path, listen_only=listen_only)
    assert error.reason is LineFault.BUSY
    assert "fuser" in str(error)
    far.say(b"x")
    await ear.until(lambda: ear.data == b"x")
    await line.close()


@pytest.mark.parametrize(("majors", "exclusive"), [(range(136, 144), 0), ((), 1)])
async def test_a_real_tty_is_barred_to_others_and_a_pty_is_not(
    far: Far, monkeypatch: pytest.MonkeyPatch, majors: object, exclusive: int
) -> None:
    monkeypatch.setattr(line_module, "_PTY_MAJORS", majors)
    line = await Ear().open(far.path)
    assert struct.unpack("i", fcntl.ioctl(line._port.fd, TIOCGEXCL, struct.pack("i", 0))) == (exclusive,)
    await line.close()


async def test_a_missing_device_and_what_is_no_device_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "gone").symlink_to("/dev/pts/none")
    assert (await refused(str(tmp_path / "none"))).reason is LineFault.MISSING
    assert (await refused(str(tmp_path / "gone"))).reason is LineFault.MISSING
    assert (await refused(str(tmp_path / "file"))).reason is LineFault.NOT_A_TTY
    assert (await refused(str(tmp_path))).reason is LineFault.NOT_A_TTY
    assert (await refused(str(tmp_path), listen_only=True)).reason is LineFault.NOT_A_TTY


def descriptors() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


async def test_a_refused_opening_leaves_no_descriptor_open(far: Far, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    line = await Ear().open(far.path)
    before = descriptors()
    await refused(str(tmp_path / "file"))
    await refused(far.path)
    await refused(far.path, LineSettings(parity="X"))
    assert descriptors() == before
    await line.close()


# --- hangs -----------------------------------------------------------------------------------------------------------


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


# --- TCP -------------------------------------------------------------------------------------------------------------


class Server:
    """A device server with one device."""

    def __init__(self) -> None:
        self.address = ""
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter
        self._connected = asyncio.Event()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._connected.set()

    async def open(self, ear: Ear, *, listen_only: bool = False) -> Line:
        line = await ear.open(self.address, listen_only=listen_only)
        await asyncio.wait_for(self._connected.wait(), 2)
        return line


@asynccontextmanager
async def serving(host: str = "127.0.0.1") -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.connected, host, 0)
    port = listener.sockets[0].getsockname()[1]
    server.address = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
    try:
        yield server
    finally:
        server.writer.close()
        with suppress(OSError):
            await server.writer.wait_closed()
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_tcp_bytes_go_both_ways(host: str) -> None:
    ear = Ear()
    async with serving(host) as server:
        line = await server.open(ear)
        assert line.settings_in_force is None
        line.write(b"question")
        assert await asyncio.wait_for(server.reader.readexactly(8), 2) == b"question"
        server.writer.write(b"answer")
        await ear.until(lambda: ear.data == b"answer")
        await line.close()
    assert ear.losses == []


async def test_tcp_a_turn_takes_its_bound_and_no_more() -> None:
    ear = Ear()
    async with serving() as server:
        line = await server.open(ear)
        server.writer.write(b"x" * 10 * READ_MAX_PER_TURN)
        await ear.until(lambda: len(ear.data) == 10 * READ_MAX_PER_TURN)
        assert max(map(len, ear.chunks)) == READ_MAX_PER_TURN
        await line.close()


async def test_tcp_what_was_said_before_the_far_end_closed_arrives_before_the_loss() -> None:
    ear = Ear()
    async with serving() as server:
        await server.open(ear)
        server.writer.write(b"last words")
        server.writer.close()
        assert await ear.lost() == END
    assert ear.data == b"last words"
    assert ear.losses == [END]


async def test_tcp_a_reset_is_one_loss() -> None:
    ear = Ear()
    async with serving() as server:
        await server.open(ear)
        server.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.writer.transport.abort()
        assert await ear.lost() == "read failed: Connection reset by peer"
    assert len(ear.losses) == 1


async def test_tcp_listen_only_refuses_to_write_and_stays_open() -> None:
    ear = Ear()
    async with serving() as server:
        line = await server.open(ear, listen_only=True)
        with pytest.raises(LineError) as caught:
            line.write(b"x")
        assert caught.value.reason is LineFault.LISTEN_ONLY
        server.writer.write(b"heard")
        await ear.until(lambda: ear.data == b"heard")
        assert not server.reader.at_eof()
        await line.close()
        assert await asyncio.wait_for(server.reader.read(), 2) == b""


async def test_tcp_sends_at_once_and_asks_a_silent_server() -> None:
    async with serving() as server:
        line = await server.open(Ear())
        with socket.socket(fileno=os.dup(line._port.fd)) as connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = [
                connection.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_NODELAY, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            ]
        assert options == [1, 4, 2, 3]
        await line.close()


async def test_tcp_a_closed_port_is_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        error = await refused(f"tcp://127.0.0.1:{bound.getsockname()[1]}")
    assert error.reason is LineFault.REFUSED


async def test_tcp_a_server_that_does_not_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "CONNECT_LIMIT_S", 0.1)
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        assert (await refused(f"tcp://127.0.0.1:{full.getsockname()[1]}")).reason is LineFault.TIMED_OUT


@pytest.mark.parametrize("address", ["tcp://", "tcp://host", "tcp://:4001", "tcp://host:70000", "tcp://[::1:4001"])
async def test_tcp_an_address_without_host_and_port_is_refused(address: str) -> None:
    assert (await refused(address)).reason is LineFault.ADDRESS


# --- words and names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason", "remedy"),
    [
        (PermissionError(errno.EACCES, "denied"), LineFault.PERMISSION, "add the service user to group dialout"),
        (PermissionError(errno.EPERM, "not permitted"), LineFault.FORBIDDEN, "DeviceAllow=char-188 rw"),
        (OSError(errno.EBUSY, "busy"), LineFault.BUSY, "stop the other program"),
        (OSError(errno.ENXIO, "no such device"), LineFault.MISSING, "plug the adapter in"),
        (termios.error(errno.ENOTTY, "no tty"), LineFault.NOT_A_TTY, "path of a serial device"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), LineFault.UNREACHABLE, "host's name"),
        (TimeoutError("timed out"), LineFault.TIMED_OUT, "device server is on"),
        (OSError("words alone"), LineFault.FAILED, "words alone"),
        (OSError(errno.EIO, "x"), LineFault.FAILED, "Input/output error"),
    ],
)
def test_an_error_of_the_system_names_its_reason_and_its_remedy(
    error: Exception, reason: LineFault, remedy: str
) -> None:
    told = line_error(error, "/dev/pump")
    assert told.reason is reason
    assert str(told).startswith("/dev/pump: ")
    assert remedy in str(told)


def test_every_number_of_a_usb_adapter_is_a_raw_name_and_nothing_else_is() -> None:
    assert is_raw_usb_name("/dev/ttyUSB0")
    assert is_raw_usb_name("/dev/ttyACM12")
    stable = ("/dev/ttyS0", "/dev/ttyAMA0", "/dev/infusion/pump-1", "/dev/serial/by-id/usb-FTDI_ttyUSB0-if00-port0")
    assert not any(is_raw_usb_name(path) for path in (*stable, "/dev/ttyUSB", "tcp://host:4001", "/dev/ttyUSB0/x"))


def test_the_stable_names_of_a_device_are_the_links_that_lead_to_it(tmp_path: Path) -> None:
    root = tmp_path / "serial"
    for kind in ("by-id", "by-path"):
        (root / kind).mkdir(parents=True)
    for device in ("ttyUSB0", "ttyUSB1"):
        (tmp_path / device).write_bytes(b"")
    (root / "by-id" / "usb-FTDI_A1").symlink_to("../../ttyUSB0")
    (root / "by-id" / "usb-FTDI_B2").symlink_to("../../ttyUSB1")
    (root / "by-path" / "pci-2").symlink_to("../../ttyUSB0")
    (root / "by-path" / "pci-1").symlink_to("../../ttyUSB0")
    names = (str(root / "by-id/usb-FTDI_A1"), str(root / "by-path/pci-1"), str(root / "by-path/pci-2"))
    assert stable_names(str(tmp_path / "ttyUSB0"), root) == names
    assert stable_names(names[1], root) == names
    assert stable_names(str(tmp_path / "ttyUSB2"), root) == ()
    assert stable_names(str(tmp_path / "ttyUSB0"), tmp_path / "absent") == ()
