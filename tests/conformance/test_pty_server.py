"""Real ptys, a real host's end, and the command itself. The bytes' meaning is tested elsewhere."""

import asyncio
import errno
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from simulators.cli import main
from simulators.ivy_450c import IvyMonitor
from simulators.model import SimulatedDevice
from simulators.patient import Vitals
from simulators.player import Player
from simulators.pty_server import HOST_RECORD_LIMIT_BYTES, WIRE_QUEUE_LIMIT_BYTES, PtyServer, Wire

WITHIN_S = 4.0
ALL_BYTES = bytes(range(256))


class Parrot:
    """Answers with what it hears; says ``greeting`` at power on."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.deadline_s: float | None = None

    def start(self, now_s: float) -> bytes:
        return self.greeting

    def feed(self, data: bytes, now_s: float) -> bytes:
        return data

    def tick(self, now_s: float) -> bytes:
        raise AssertionError(f"nothing was due at {now_s}")


class Babbler:
    """Says a block each millisecond and hears nothing."""

    BLOCK = b"0123456789abcdef" * 256

    def __init__(self) -> None:
        self.deadline_s: float | None = None
        self.said = 0

    def start(self, now_s: float) -> bytes:
        self.deadline_s = now_s
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:
        return b""

    def tick(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.001
        self.said += len(self.BLOCK)
        return self.BLOCK


@contextmanager
def host(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


async def readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    loop.add_reader(fd, seen.set)
    try:
        await seen.wait()
    finally:
        loop.remove_reader(fd)


async def receive(fd: int, count: int) -> bytes:
    data = bytearray()
    async with asyncio.timeout(WITHIN_S):
        while len(data) < count:
            await readable(fd)
            data += os.read(fd, count - len(data))
    return bytes(data)


def read_or_errno(fd: int) -> bytes | int | None:
    try:
        return os.read(fd, 10)
    except OSError as error:
        return error.errno


def names_in(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - the server counts; it has nobody to tell
            await asyncio.sleep(0.001)


async def heard(server: PtyServer, count: int) -> None:
    await until(lambda: server.host_byte_count >= count)


def serve(device: SimulatedDevice, link: Path | None = None, baud: int | None = None) -> PtyServer:
    return PtyServer(device, link, asyncio.get_running_loop().time, baud)


async def test_every_byte_value_passes_unchanged_both_ways() -> None:
    with serve(Parrot()) as server, host(server.path) as fd:
        os.write(fd, ALL_BYTES)
        assert await receive(fd, 256) == ALL_BYTES
        assert server.host_bytes == ALL_BYTES
        assert server.host_byte_count == 256


async def test_nothing_of_the_devices_is_echoed_back_as_the_hosts() -> None:
    with serve(Parrot(b"hello\r\n")) as server, host(server.path) as fd:
        assert not termios.tcgetattr(fd)[3] & (termios.ECHO | termios.ICANON)
        assert await receive(fd, 7) == b"hello\r\n"
        os.write(fd, b"?")
        assert await receive(fd, 1) == b"?"
        assert server.host_bytes == b"?"


async def test_ivy_messages_arrive_whole_and_a_silent_host_leaves_no_byte() -> None:
    monitor = IvyMonitor(lambda _now_s: Vitals(heart_rate_per_min=80))
    with serve(monitor) as server, host(server.path) as fd:
        message = await receive(fd, 409)
        while not message.endswith(b"\xfe"):
            message += await receive(fd, 1)
        assert message.startswith(b"\xffANSAR-B ")
        assert b"HR=1;80;ECG-II-DIAG;\r" in message
        assert server.host_bytes == b""
        assert server.host_byte_count == 0


async def test_a_recording_is_played_over_the_pty() -> None:
    with serve(Player(b"raw bytes", baud=9600)) as server, host(server.path) as fd:
        assert await receive(fd, 9) == b"raw bytes"


async def test_a_host_that_opens_again_finds_the_line_living_and_raw() -> None:
    with serve(Parrot()) as server:
        for _ in range(3):
            with host(server.path) as fd:
                os.write(fd, b"\x03\x04\r\n\x11")
                assert await receive(fd, 5) == b"\x03\x04\r\n\x11"


async def test_a_host_that_never_reads_costs_bytes_and_nothing_else() -> None:
    babbler = Babbler()
    with serve(babbler) as server, host(server.path) as fd:
        await until(lambda: server.dropped_byte_count > 10 * len(Babbler.BLOCK))
        kept = babbler.said - server.dropped_byte_count
        assert 0 < kept <= 1 << 18
        # Still alive: when the host reads again, new bytes come.
        said = babbler.said
        assert (await receive(fd, 65_536 + kept))[:16] == Babbler.BLOCK[:16]
        assert babbler.said > said


async def test_no_host_at_all_is_no_trouble() -> None:
    babbler = Babbler()
    with serve(babbler) as server:
        await until(lambda: server.dropped_byte_count > 0)
        with host(server.path) as fd:
            assert (await receive(fd, 16)) == Babbler.BLOCK[:16]


async def test_the_record_of_the_host_is_bounded_and_the_count_goes_on() -> None:
    class Deaf(Parrot):
        def feed(self, data: bytes, now_s: float) -> bytes:
            return b""

    text = b"A" + b"b" * (HOST_RECORD_LIMIT_BYTES - 2) + b"CDE"
    with serve(Deaf()) as server, host(server.path) as fd:
        for at in range(0, len(text), 1024):
            part = text[at : at + 1024]
            assert os.write(fd, part) == len(part)
            await heard(server, at + len(part))
        assert server.host_bytes == text[:HOST_RECORD_LIMIT_BYTES]
        assert server.host_bytes[-1:] == b"C"
        assert server.host_byte_count == HOST_RECORD_LIMIT_BYTES + 2


async def test_a_host_sees_the_plug_pulled() -> None:
    server = serve(Parrot(b"bye"))
    with host(server.path) as fd:
        assert await receive(fd, 3) == b"bye"
        server.close()
        server.close()
        async with asyncio.timeout(WITHIN_S):
            await readable(fd)
        assert read_or_errno(fd) in (b"", errno.EIO)
        with pytest.raises(OSError, match="Input/output"):
            os.write(fd, b"anyone?")


async def test_after_close_nothing_is_left_to_happen() -> None:
    babbler = Babbler()
    server = serve(babbler)
    await until(lambda: babbler.said > 0)
    server.close()
    said = babbler.said
    await asyncio.sleep(0.02)  # that nothing happens can only be waited for
    assert babbler.said == said


async def test_the_link_leads_to_the_pty_and_goes_with_it(tmp_path: Path) -> None:
    link = tmp_path / "monitor"
    with serve(Parrot(b"hi"), link) as server:
        assert link.readlink() == server.path
        with host(link) as fd:
            assert await receive(fd, 2) == b"hi"
    assert not link.is_symlink()
    assert names_in(tmp_path) == []


async def test_an_older_link_is_replaced_even_a_dangling_one(tmp_path: Path) -> None:
    link = tmp_path / "monitor"
    link.symlink_to(tmp_path / "gone")
    with serve(Parrot(), link) as server:
        assert link.readlink() == server.path
        assert names_in(tmp_path) == ["monitor"]


async def test_a_link_that_a_newer_server_took_over_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "monitor"
    older = serve(Parrot(), link)
    with serve(Parrot(), link) as newer:
        older.close()
        assert link.readlink() == newer.path


async def test_a_leftover_of_a_killed_server_does_not_stand_in_the_way(tmp_path: Path) -> None:
    link = tmp_path / "monitor"
    for number in range(64):  # whatever number this pty gets
        (tmp_path / f".monitor.pts{number}").symlink_to("/nowhere")
    with serve(Parrot(), link) as server:
        assert link.readlink() == server.path


async def test_a_file_is_never_replaced_by_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    open_before = len(names_in(Path("/proc/self/fd")))
    with pytest.raises(FileExistsError, match="not a link"):
        serve(Parrot(), precious)
    assert precious.read_text() == "keep me"
    assert len(names_in(Path("/proc/self/fd"))) == open_before


async def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        serve(Parrot(), tmp_path / "missing" / "monitor")


def test_the_wire_hands_over_whole_bytes_at_ten_bits_each() -> None:
    wire = Wire(1000)  # 100 bytes a second: one in 10 ms
    assert wire.deadline_s is None
    assert wire.put(b"abcde", 5.0) == 0
    assert wire.deadline_s == pytest.approx(5.01)
    assert wire.take(5.009) == b""
    assert wire.take(5.01) == b"a"
    assert wire.take(5.035) == b"bc"
    assert wire.deadline_s == pytest.approx(5.04)
    assert wire.take(9.0) == b"de"
    assert wire.deadline_s is None


def test_an_ivy_message_takes_585_milliseconds_at_9600_baud() -> None:
    wire = Wire(9600)
    wire.put(bytes(562), 0.0)
    now_s, slices = 0.0, []
    while wire.deadline_s is not None:
        now_s = wire.deadline_s
        slices.append(len(wire.take(now_s)))
    assert now_s == pytest.approx(0.5854, abs=0.0001)
    assert sum(slices) == 562
    assert set(slices[:-1]) == {9}  # 9.6 bytes in 10 ms


def test_bytes_queue_behind_those_on_the_wire_and_idle_time_is_not_saved_up() -> None:
    wire = Wire(1000)
    wire.put(b"ab", 0.0)
    wire.put(b"cd", 0.005)
    assert wire.take(0.03) == b"abc"
    assert wire.take(0.04) == b"d"
    wire.put(b"ef", 10.0)
    assert wire.take(10.0) == b""
    assert wire.take(10.02) == b"ef"


def test_a_deadline_met_exactly_always_yields_bytes() -> None:
    for baud in (300, 9600, 57_600, 115_200, 921_600):
        wire = Wire(baud)
        wire.put(bytes(500), 123_456.789)
        for _ in range(500):
            if wire.deadline_s is None:
                break
            assert wire.take(wire.deadline_s) != b""
        assert wire.deadline_s is None


def test_the_wires_queue_is_bounded() -> None:
    wire = Wire(9600)
    assert wire.put(bytes(WIRE_QUEUE_LIMIT_BYTES - 1), 0.0) == 0
    assert wire.put(b"ab", 0.0) == 1
    assert wire.put(b"cde", 0.0) == 3
    arrived = wire.take(1000.0)
    assert len(arrived) == WIRE_QUEUE_LIMIT_BYTES
    assert arrived[-2:] == b"\x00a"


@pytest.mark.parametrize("baud", [0, -9600])
def test_an_impossible_speed_is_refused(baud: int) -> None:
    with pytest.raises(ValueError, match="baud"):
        Wire(baud)


async def test_a_paced_pty_delivers_everything_no_faster_than_the_line() -> None:
    loop = asyncio.get_running_loop()
    with serve(Parrot(), baud=9600) as server, host(server.path) as fd:
        begun_s = loop.time()
        os.write(fd, ALL_BYTES)
        assert await receive(fd, 256) == ALL_BYTES
        assert loop.time() - begun_s >= 256 * 10 / 9600


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from simulators.cli import main; sys.exit(main())",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_says_where_the_pty_is_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    link = tmp_path / "monitor"
    async with asyncio.timeout(WITHIN_S), command("ivy", "--hr", "60", "--off", "spo2", "--link", str(link)) as process:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode()
        assert said == f"Ivy 450C: {link.readlink()} (link {link})\n"
        with host(link) as fd:
            tty.setraw(fd)
            text = await receive(fd, 470)
            assert text.startswith(b"\xffANSAR-B ")
            assert b"HR=1;" in text
        process.send_signal(number)
        stdout, stderr = await process.communicate()
        assert process.returncode == 0
        assert (stdout, stderr) == (b"", b"")
        assert not link.is_symlink()


async def test_the_command_plays_a_file(tmp_path: Path) -> None:
    recording = tmp_path / "recording.bin"
    recording.write_bytes(b"0123456789" * 3)
    link = tmp_path / "line"
    async with asyncio.timeout(WITHIN_S), command("play", str(recording), "--loop", "--link", str(link)) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        with host(link) as fd:
            tty.setraw(fd, termios.TCSANOW)
            assert await receive(fd, 45) == b"0123456789" * 4 + b"01234"


def test_a_link_that_cannot_be_is_named_with_the_remedy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    assert main(("ivy", "--link", str(taken))) == 2
    assert "exists and is not a link; remove it or choose another path" in capsys.readouterr().err
    lost = tmp_path / "missing" / "monitor"
    assert main(("ivy", "--link", str(lost))) == 2
    assert "in a directory that exists and can be written" in capsys.readouterr().err
