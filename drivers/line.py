"""One connection to a device, over a serial line or TCP. It dies once; reconnecting makes a new one.

Laws of this module:
  * Nothing blocks the loop. Opening and closing run in a daemon thread of their own, which is given up after a limit,
    since a USB driver can hang; what a thread opens after it was given up, it closes itself.
  * ``on_lost`` comes exactly once, only for a loss, and only after the port was released (or given up, which the
    reason says), so that a new line can be opened from it. After it, or after ``close()``, no data comes.
  * A byte with a parity or framing error never becomes a digit and never vanishes: it arrives as NUL, which no codec
    takes (H-12).
  * A serial line that is listened to only is opened without write access (H-25). TCP has no such opening (closing its
    sending half would end the connection at many device servers): there, ``write`` refuses.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import socket
import termios
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import serial

from drivers.errors import LineError, LineFault, line_error
from drivers.model import LineSettings

READ_MAX_PER_TURN = 4096
"""Bytes taken in one turn of the loop, one tty buffer: a device that babbles shares the loop with the others."""

REST_MAX_S = 0.05
"""So long at most a line is not looked at while nothing whole can be there. It bounds what that costs where bytes come
faster than the line's speed: from a device server that gathers them, or a pty."""

REST_LONG_S = 0.4
"""The same for a serial line whose far end has kept to its speed. It bounds how late a torn message or a lost line is
seen: below the stillness that any driver takes for a message's end."""

KEPT_PACE_MIN = 8
"""After so many rests in a row without a byte too many, a far end counts as one that keeps to the line's speed."""

REST_MIN_S = 0.01
"""Less is not worth a timer: a USB adapter hands over about as often."""

HELD_BACK_S = 0.02
"""What an adapter may have heard and not handed over yet, and so what a rest is shorter: an FTDI's timer is 16 ms."""

FAST_SHARE = 0.005
"""A line may be so much faster than it is set, and be heard at once all the same: divided clocks are off by 0.2 %."""

LATE_S = 0.002
"""How late the loop mostly is at the latest: its timers have milliseconds, and a step of the core takes one or two."""

WRITE_BUFFER_MAX = 4096
"""Bytes that may wait to be sent: 4 s at 9600 baud and tens of requests. More is a line that takes nothing."""

OPEN_LIMIT_S = 5.0
"""How long an opening may take; a USB adapter that is well takes milliseconds."""

CLOSE_LIMIT_S = 3.0
"""How long a closing may take. What is unsent is discarded first, or the kernel would wait up to 30 s for it."""

CONNECT_LIMIT_S = 3.0
"""How long one address of a TCP host may take to answer; below OPEN_LIMIT_S, so that the cause is told."""

HANGING_MAX = 4
"""Threads of one address that may hang. Above 1, since an adapter plugged in again opens although the old one hangs."""

_T = TypeVar("_T")


async def open_line(
    address: str,
    settings: LineSettings,
    *,
    listen_only: bool,
    on_data: Callable[[bytes], None],
    on_lost: Callable[[str], None],
) -> Line:
    """Open a device's path or ``tcp://host:port``. Raises LineError with the reason and the remedy.

    ``on_data`` gets at most READ_MAX_PER_TURN bytes, in any cut; what arrived before the opening is discarded.
    ``on_lost`` gets a text that is the same each time for the same cause. If ``on_data`` raises, the line is lost.
    """
    _refuse_if_hanging(address)
    work = partial(_open_port, address, settings, listen_only=listen_only)
    port = await _in_thread(address, "opening", OPEN_LIMIT_S, work, _Port.release)
    return Line(address, port, byte_s=settings.byte_s, listen_only=listen_only, on_data=on_data, on_lost=on_lost)


class Line:
    """An open line, made by ``open_line``. ``settings_in_force`` is what the kernel says it does; None for TCP.

    ``byte_s`` is how long a byte takes at its speed; 0 where that is not known, and the line is always looked at.
    """

    def __init__(
        self,
        address: str,
        port: _Port,
        *,
        byte_s: float = 0.0,
        listen_only: bool,
        on_data: Callable[[bytes], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.address = address
        self._byte_s = byte_s
        self.settings_in_force = port.settings_in_force
        self._port = port
        self._listen_only = listen_only
        self._on_data = on_data
        self._on_lost = on_lost
        self._unsent = bytearray()
        self._finished = False  # no callback will come: closed by the owner, or the loss was told
        self._release: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._rested_from_s = 0.0
        self._kept_pace = 0
        self._watched = True
        self._loop = asyncio.get_running_loop()
        self._woken_at_s = self._loop.time()
        self._since_woken = 0
        self._loop.add_reader(port.fd, self._readable)

    def write(self, data: bytes) -> None:
        """Send, or queue up to WRITE_BUFFER_MAX bytes; beyond it the line is lost.

        Raises LineError if the line is listened to only, is closed, or was told lost. While a loss is still on its
        way to ``on_lost``, the bytes are dropped: the caller cannot know yet.
        """
        if self._listen_only:
            raise LineError(LineFault.LISTEN_ONLY, f"{self.address}: opened to listen only")
        if self._finished:
            raise LineError(LineFault.CLOSED, f"{self.address}: closed")
        if self._release is not None:
            return
        if len(self._unsent) + len(data) > WRITE_BUFFER_MAX:
            self._lose("write buffer full: the line takes no bytes")
            return
        self._unsent += data
        self._writable()

    def rest(self, awaited_bytes: int) -> None:
        """Do not look at the line before so many bytes can have come at its speed, and for REST_LONG_S at most.

        A message in pieces then costs a few turns of the loop, and is heard when its last byte is there all the same.
        """
        now_s, on_line_s = self._loop.time(), awaited_bytes * self._byte_s
        rest_s = min(on_line_s - HELD_BACK_S, REST_MAX_S)
        if rest_s >= REST_MIN_S and self._kept_pace >= KEPT_PACE_MIN:
            rest_s = min(self._earliest_s(on_line_s) - now_s, on_line_s - LATE_S, REST_LONG_S)
        if rest_s >= REST_MIN_S and self._release is None and self._rest is None:
            if self._watched:
                self._watched = False
                self._loop.remove_reader(self._port.fd)
            self._rested_from_s = now_s
            self._rest = self._loop.call_at(now_s + rest_s, self._look)

    def close(self) -> asyncio.Future[None]:
        """End the line now, without ``on_lost``, discarding what is unsent; a loss not yet told stays untold.

        The future may be awaited: it is done when the port was released, or given up after CLOSE_LIMIT_S. Idempotent.
        """
        self._finished = True
        return asyncio.shield(self._release or self._begin_release(""))

    def _look(self) -> None:
        self._rest = None
        self._readable(after_rest=True)
        if self._rest is None and self._release is None:
            self._watched = True
            self._loop.add_reader(self._port.fd, self._readable)

    def _readable(self, *, after_rest: bool = False) -> None:
        try:
            data = os.read(self._port.fd, READ_MAX_PER_TURN)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"read failed: {error.strerror}")
            return
        if not data:
            self._lose("end of data: the device or the far end is gone")
            return
        if after_rest:
            self._judge_pace(len(data))
            self._since_woken += len(data)
        else:
            self._woken_at_s, self._since_woken = self._loop.time(), 0
        try:
            self._on_data(data)
        except BaseException:
            self._lose("the receiver of the data failed")
            raise

    def _earliest_s(self, on_line_s: float) -> float:
        """Say when bytes that take so long can be here, by when others last woke the loop: none was held back then."""
        return self._woken_at_s + (self._since_woken * self._byte_s + on_line_s) * (1 - FAST_SHARE) - LATE_S

    def _judge_pace(self, count: int) -> None:
        """Note whether what came in a rest was no more than the line carries. Of TCP the speed is only a guess."""
        carried = (self._loop.time() - self._rested_from_s + HELD_BACK_S) / self._byte_s
        keeps_pace = self.settings_in_force is not None and count <= carried
        self._kept_pace = self._kept_pace + 1 if keeps_pace else 0

    def _writable(self) -> None:
        try:
            sent = os.write(self._port.fd, self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lose(f"write failed: {error.strerror}")
            return
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._port.fd, self._writable)
        else:
            self._loop.remove_writer(self._port.fd)

    def _lose(self, reason: str) -> None:
        if self._release is None:
            self._begin_release(reason)

    def _begin_release(self, reason: str) -> asyncio.Task[None]:
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._port.fd)
        self._loop.remove_writer(self._port.fd)
        self._unsent.clear()
        self._release = self._loop.create_task(self._release_and_tell(reason))
        return self._release

    async def _release_and_tell(self, reason: str) -> None:
        try:
            await _in_thread(self.address, "closing", CLOSE_LIMIT_S, self._port.release, _nothing)
        except (LineError, RuntimeError):  # RuntimeError: no thread could be started, and the loss is told all the same
            reason = f"{reason}; the port did not close and was given up"
        if not self._finished:
            self._finished = True
            self._on_lost(reason)


def is_raw_usb_name(path: str) -> bool:
    """Say whether the path is a kernel's number for a USB adapter, which changes when it is plugged in again."""
    return re.fullmatch(r"/dev/tty(USB|ACM)[0-9]+", path) is not None


def stable_names(path: str, root: Path = Path("/dev/serial")) -> tuple[str, ...]:
    """Give udev's names of this device: by-id, then by-path. Two equal adapters may share, and lose, a by-id name."""
    device = Path(path).resolve()
    links = [link for kind in ("by-id", "by-path") for link in sorted((root / kind).glob("*"))]
    return tuple(str(link) for link in links if link.resolve() == device)


# --- threads -------------------------------------------------------------------------------------------------------

_given_up: dict[str, list[threading.Thread]] = {}


def _refuse_if_hanging(address: str) -> None:
    """Bound the threads that hang. Only openings are refused: a closing follows an opening, and must be tried."""
    hanging = [thread for thread in _given_up.pop(address, []) if thread.is_alive()]
    if hanging:
        _given_up[address] = hanging
    if len(hanging) >= HANGING_MAX:
        raise LineError(LineFault.HANGING, f"{address}: still hanging, {HANGING_MAX} times over")


async def _in_thread(address: str, what: str, limit_s: float, work: Callable[[], _T], undo: Callable[[_T], None]) -> _T:
    """Run ``work`` in a daemon thread of its own; past the limit, or if cancelled, it is given up and undone there.

    Raises LineError HANGING past the limit.
    """
    # This future hands the result over exactly once: either its cancel() succeeds here, or its set_result() there.
    outcome: Future[_T] = Future()
    thread = threading.Thread(target=_run, args=(work, undo, outcome), name=f"{what} {address}", daemon=True)
    thread.start()
    arrived = asyncio.wrap_future(outcome)
    try:
        await asyncio.wait({arrived}, timeout=limit_s)
        if not outcome.cancel():
            return await arrived
        _given_up.setdefault(address, []).append(thread)
        raise LineError(LineFault.HANGING, f"{address}: {what} took more than {limit_s:g} s")
    except asyncio.CancelledError:
        if outcome.cancel():
            _given_up.setdefault(address, []).append(thread)
        elif outcome.exception() is None:
            threading.Thread(target=undo, args=(outcome.result(),), name=f"undo {address}", daemon=True).start()
        raise


def _run(work: Callable[[], _T], undo: Callable[[_T], None], outcome: Future[_T]) -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to the waiter in the loop
        with suppress(InvalidStateError):
            outcome.set_exception(error)
        return
    try:
        outcome.set_result(result)
    except InvalidStateError:
        undo(result)


def _nothing(_: None) -> None:
    """Undo a closing: there is nothing to undo."""


# --- ports: all of it blocking, in threads -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Port:
    """An open descriptor that does not block, and how to close it."""

    fd: int
    close: Callable[[], None]
    settings_in_force: LineSettings | None

    def release(self) -> None:
        # Linux gives the descriptor back even if close() reports an error of the device.
        with suppress(OSError):
            self.close()


def _open_port(address: str, settings: LineSettings, *, listen_only: bool) -> _Port:
    try:
        if address.startswith("tcp://"):
            return _open_tcp(address)
        return _open_serial(address, settings, listen_only=listen_only)
    except (OSError, serial.SerialException, termios.error, ValueError) as error:
        raise line_error(error, address) from error


def _open_tcp(address: str) -> _Port:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise LineError(LineFault.ADDRESS, f"{address}: no host and port")
    connection = socket.create_connection((host, port), timeout=CONNECT_LIMIT_S)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A device server that lost its power says nothing: asked after 4 s of silence, three times, 2 s apart, it is
        # lost after 10 s, the longest that a link may be gone unseen; so are bytes that it does not confirm.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 4)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)
    except BaseException:
        connection.close()
        raise
    return _Port(connection.fileno(), connection.close, None)


def _open_serial(path: str, settings: LineSettings, *, listen_only: bool) -> _Port:
    try:
        port = _SerialPort(path, settings, listen_only=listen_only)
    except termios.error as error:
        # A pty drops parity and 7 bits in silence at the first opening, and refuses them at the second.
        if error.args[0] != errno.EINVAL or not _is_pty(Path(path).stat()):
            raise
        port = _SerialPort(path, _on_pty(settings), listen_only=listen_only)
    return _Port(port.fileno(), port.close, port.settings_in_force)


class _SerialPort(serial.Serial):
    """pyserial's settings and lock on a descriptor of our own: read-only where asked, and no modem line touched."""

    def __init__(self, path: str, settings: LineSettings, *, listen_only: bool) -> None:
        self._wanted = settings
        self._access = os.O_RDONLY if listen_only else os.O_RDWR
        super().__init__(
            None,
            settings.baud,
            settings.data_bits,
            settings.parity,
            settings.stop_bits,
            inter_byte_timeout=0,  # VMIN 1, so that a read of nothing is EAGAIN, and b"" is the end and nothing else
        )
        self.port = path
        self.open()

    def open(self) -> None:
        self.fd = os.open(str(self.port), self._access | os.O_NOCTTY | os.O_NONBLOCK)
        self.is_open = True
        try:
            self.settings_in_force = self._configure(self.fd)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.is_open and self.fd is not None:
            fd, self.fd, self.is_open = self.fd, None, False
            with suppress(termios.error):
                termios.tcflush(fd, termios.TCOFLUSH)
            os.close(fd)

    def _configure(self, fd: int) -> LineSettings:
        if not os.isatty(fd):
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        self.exclusive = True  # on an open port this takes the lock, then applies every setting
        _mark_damaged_bytes(fd)
        pty = _is_pty(os.fstat(fd))
        in_force = _settings_in_force(fd)
        if in_force != (_on_pty(self._wanted) if pty else self._wanted):
            raise LineError(LineFault.SETTINGS, f"{self.port}: asked {_words(self._wanted)}, got {_words(in_force)}")
        if not pty:  # a pty keeps this mark after closing, for as long as its other end is open
            fcntl.ioctl(fd, termios.TIOCEXCL)
        termios.tcflush(fd, termios.TCIFLUSH)
        return in_force


def _mark_damaged_bytes(fd: int) -> None:
    """Have the kernel give NUL for a byte with a parity or framing error, and change no other byte."""
    attributes = termios.tcgetattr(fd)
    attributes[0] = termios.INPCK
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def _settings_in_force(fd: int) -> LineSettings:
    _, _, cflag, _, _, speed, _ = termios.tcgetattr(fd)
    bits = {termios.CS5: 5, termios.CS6: 6, termios.CS7: 7, termios.CS8: 8}[cflag & termios.CSIZE]
    parity = "N" if not cflag & termios.PARENB else "O" if cflag & termios.PARODD else "E"
    return LineSettings(_BAUDS.get(speed, 0), bits, parity, 2 if cflag & termios.CSTOPB else 1)


_BAUDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if re.fullmatch(r"B[0-9]+", name)}


def _words(settings: LineSettings) -> str:
    return f"{settings.baud} {settings.data_bits}{settings.parity}{settings.stop_bits}"


def _on_pty(settings: LineSettings) -> LineSettings:
    """Give what a pty makes of these settings."""
    return replace(settings, data_bits=8, parity="N")


def _is_pty(status: os.stat_result) -> bool:
    """Say whether this is a pty's /dev/pts node, by whatever path (Linux, admin-guide/devices.txt)."""
    return os.major(status.st_rdev) in _PTY_MAJORS


_PTY_MAJORS = range(136, 144)
