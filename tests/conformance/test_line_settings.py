"""The settings of a serial line over real ptys. Parity, which a pty cannot do, is proved at its border."""

import fcntl
import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from drivers import line as line_module
from drivers.errors import LineFault
from drivers.model import LineSettings
from tests.conformance.line_ends import SETTINGS, Ear, Far, far, refused

__all__ = ["far"]


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
