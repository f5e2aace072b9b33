"""The lines to devices: whether the port is there, the service may use it, who has it, and who answers.

No port is opened here: one that the daemon has would lose its connection, and a device that a patient depends on must
not be asked by two. Who answers is known from the running daemon, or by `infusion-edge probe`.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from drivers.errors import LineError, LineFault, line_error
from edge.config_ports import PortRuntime
from edge.diagnosis import Row, error, ok, warning
from edge.holder import holder_of
from edge.messages.states import Device, DeviceIdentity

REACH_LIMIT_S = 3.0
"""A device server on the site's own network answers at once."""

GARBLED_SHARE = 0.05
"""More rejected messages than this are no chance: a cable, a setting."""

GARBLED_LEAST = 20
"""Of fewer messages a share says nothing."""

AGAIN = "ask again in some seconds"

_READ_WRITE = 0o6


def line_rows(port: PortRuntime, device: Device | None, user: str, *, just_begun: bool = False) -> Iterator[Row]:
    """Tell of one line. ``device`` is what the running daemon says of it, ``None`` without one.

    ``just_begun``: that daemon has not had the time to hear its devices.
    """
    check = f"line {port.port}"
    fault = None if device is not None and device.link == "up" else _fault_of(port, user, asked=device is not None)
    if fault is not None:
        yield error(check, fault.text, fault.remedy or "look at the cable and the adapter")
        return
    if device is None:
        remedy = f"infusion-edge probe {port.address} tells who answers"
        yield ok(check, f"{port.address} is there and free; {remedy}")
        return
    yield from _of_daemon(check, port, device, just_begun=just_begun)


def _fault_of(port: PortRuntime, user: str, *, asked: bool) -> LineError | None:
    if port.address.startswith("tcp://"):
        return None if asked else _unreachable(port.address)
    path = Path(port.address)
    try:
        status = path.stat()
    except OSError as failed:
        return line_error(failed, port.address)
    if not stat.S_ISCHR(status.st_mode):
        return LineError(LineFault.NOT_A_TTY, f"{port.address} is no serial device")
    if not may_use(path, user):
        return LineError(LineFault.PERMISSION, f"{user} may not use {port.address} ({stat.filemode(status.st_mode)})")
    holder = "" if asked else holder_of(port.address)
    return LineError(LineFault.BUSY, f"{port.address} is in use: {holder}") if holder else None


def _unreachable(address: str) -> LineError | None:
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), REACH_LIMIT_S).close()
    except OSError as failed:
        return line_error(failed, address)
    return None


def may_use(path: Path, user: str, more_groups: Collection[str] = ()) -> bool:
    """Tell whether a user, in more groups than his own, may read and write a file.

    Where there is no such user: whether this one may.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return os.access(path, os.R_OK | os.W_OK)
    if account.pw_uid == 0:
        return True
    status = path.stat()
    groups = {
        account.pw_gid,
        *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem or group.gr_name in more_groups),
    }
    shift = 6 if status.st_uid == account.pw_uid else 3 if status.st_gid in groups else 0
    return (status.st_mode >> shift) & _READ_WRITE == _READ_WRITE


def _of_daemon(check: str, port: PortRuntime, device: Device, *, just_begun: bool) -> Iterator[Row]:
    if device.link == "down":
        holder = "" if port.address.startswith("tcp://") else holder_of(port.address)
        text = f"the daemon cannot use {port.address}: {device.detail}{f'; it is in use: {holder}' if holder else ''}"
        yield error(check, text, "look at the cable, the adapter, and who else has it (fuser -v)")
    elif device.link == "unknown":
        yield warning(check, f"{port.address} was not opened yet", AGAIN)
    elif not device.accepted and just_begun:
        yield warning(check, f"{port.address} is open, and the service has only just begun", AGAIN)
    elif not device.accepted:
        remedy = f"is the device on, and set as docs/devices.md says for {device.driver}? Is it the right cable?"
        yield error(check, f"{port.address} is open, and nothing was understood of it", remedy)
    else:
        yield ok(check, f"{port.address}: {device.driver}, {device.accepted} messages understood")
    total = device.accepted + device.rejected
    if device.accepted and total >= GARBLED_LEAST and device.rejected > GARBLED_SHARE * total:
        text = f"{device.rejected} of {total} messages were garbled"
        yield warning(check, text, "look at speed, parity, cable and shield; docs/devices.md has the settings")
    for identity in device.identities:
        yield from _identity(check, port, identity)


def _identity(check: str, port: PortRuntime, identity: DeviceIdentity) -> Iterator[Row]:
    who = f"channel {identity.channel}: {identity.model or 'device'} {identity.serial_number or 'without a number'}"
    match identity.state:
        case "confirmed" | "none":
            yield ok(check, who)
        case "awaited":
            yield warning(check, f"{who} has not said who it is", "is it on, and is it the one that belongs there?")
        case "unconfirmed":
            words = f"BED {port.port} {identity.channel} {identity.serial_number}"
            remedy = f"look, and say infusion-edge confirm-device {words}"
            yield warning(check, f"{who}: nobody has confirmed that it belongs there", remedy)
        case _:
            remedy = "put the right device there, or confirm this one (infusion-edge confirm-device)"
            yield error(check, f"{who} is another than belongs there: it does not count", remedy)
