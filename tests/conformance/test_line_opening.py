"""Who may open a serial line, and who may write to it, over real ptys."""

import fcntl
import os
import struct
from pathlib import Path

import pytest

from drivers import line as line_module
from drivers.errors import LineError, LineFault
from drivers.model import LineSettings
from tests.conformance.line_ends import Ear, Far, far, refused

__all__ = ["far"]

TIOCGEXCL = 0x80045440


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
