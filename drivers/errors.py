"""Why a line could not be opened or used: a short word to count, a text, and what a person can do about it."""

from __future__ import annotations

import errno
import os
import socket
from enum import StrEnum


class LineFault(StrEnum):
    """The short word of a line error."""

    ADDRESS = "address"
    MISSING = "missing"
    PERMISSION = "permission"
    FORBIDDEN = "forbidden"
    BUSY = "busy"
    NOT_A_TTY = "not_a_tty"
    SETTINGS = "settings"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    HANGING = "hanging"
    LISTEN_ONLY = "listen_only"
    CLOSED = "closed"
    FAILED = "failed"


class LineError(Exception):
    """A line could not be opened or used. ``reason`` is for counting; ``str()`` gives the text and the remedy."""

    def __init__(self, reason: LineFault, text: str) -> None:
        remedy = _REMEDIES[reason]
        super().__init__(f"{text}; {remedy}" if remedy else text)
        self.reason = reason
        self.text = text
        self.remedy = remedy


def line_error(error: Exception, address: str) -> LineError:
    """Put an error of the operating system, of termios or of pyserial (ValueError: a setting) into our words."""
    code = error.args[0] if error.args else None
    if isinstance(error, TimeoutError):
        reason, text = LineFault.TIMED_OUT, "no answer in time"
    elif isinstance(error, socket.gaierror):
        reason, text = LineFault.UNREACHABLE, f"no such host: {error.strerror}"
    elif isinstance(error, ValueError):
        reason, text = LineFault.SETTINGS, str(error)
    elif isinstance(code, int):
        reason, text = _BY_ERRNO.get(code, LineFault.FAILED), os.strerror(code)
    else:
        reason, text = LineFault.FAILED, str(error)
    return LineError(reason, f"{address}: {text}")


_BY_ERRNO = {
    errno.ENOENT: LineFault.MISSING,
    errno.ENODEV: LineFault.MISSING,
    errno.ENXIO: LineFault.MISSING,
    errno.EACCES: LineFault.PERMISSION,
    errno.EPERM: LineFault.FORBIDDEN,
    errno.EBUSY: LineFault.BUSY,
    errno.EAGAIN: LineFault.BUSY,
    errno.ENOTTY: LineFault.NOT_A_TTY,
    errno.EISDIR: LineFault.NOT_A_TTY,
    errno.EINVAL: LineFault.SETTINGS,
    errno.ECONNREFUSED: LineFault.REFUSED,
    errno.EHOSTUNREACH: LineFault.UNREACHABLE,
    errno.ENETUNREACH: LineFault.UNREACHABLE,
}

_REMEDIES = {
    LineFault.ADDRESS: "give a device's path, or tcp://host:port",
    LineFault.MISSING: "plug the adapter in, or correct the address",
    LineFault.PERMISSION: "add the user to group dialout, the service's or your own (or run the command with sudo)",
    LineFault.FORBIDDEN: "allow it in the service's unit: DeviceAllow=char-188 rw for ttyUSB, char-166 rw for ttyACM",
    LineFault.BUSY: "stop the other program that has it open (fuser -v shows which), or the second port that names it",
    LineFault.NOT_A_TTY: "give the path of a serial device",
    LineFault.SETTINGS: "give settings that the adapter can do",
    LineFault.REFUSED: "start the device server, or correct the port number",
    LineFault.UNREACHABLE: "check the network, and the host's name",
    LineFault.TIMED_OUT: "check the network, and that the device server is on",
    LineFault.HANGING: "unplug the adapter and plug it in again",
    LineFault.LISTEN_ONLY: "the driver of this device must not send",
    LineFault.CLOSED: "open a new line",
    LineFault.FAILED: "",
}
