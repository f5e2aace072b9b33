"""The words for an error of a line, and the names of a device."""

import errno
import socket
import termios
from pathlib import Path

import pytest

from drivers.errors import LineFault, line_error
from drivers.line import is_raw_usb_name, stable_names


@pytest.mark.parametrize(
    ("error", "reason", "remedy"),
    [
        (PermissionError(errno.EACCES, "denied"), LineFault.PERMISSION, "add the user to group dialout"),
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
