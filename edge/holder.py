"""Who has a port: what the kernel tells of locks and connections, so that a tool can name the program in its way.

A serial port is locked by whoever opens it as `drivers/line.py` does. Nothing locks a TCP line, and some device servers
take several connections at once; so a connection of this machine to the same place counts as one that holds it.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

PROC = Path("/proc")

COMMAND_MAX = 80
"""As much of a command line as names a program to a person."""

_ESTABLISHED = "01"
_LOCK = re.compile(r"\d+: FLOCK +\w+ +\w+ +(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ")


def holder_of(address: str, proc: Path = PROC) -> str:
    """Name the process of this machine that has a path locked, or is connected to a ``tcp://`` place.

    Empty where there is none. Where another user's process cannot be looked at, it is said to be there without a name.
    """
    if address.startswith("tcp://"):
        return _connected(address, proc)
    return _locking(Path(address), proc)


def _locking(path: Path, proc: Path) -> str:
    try:
        status = path.stat()
        locks = (proc / "locks").read_text(encoding="ascii")
    except OSError:
        return ""
    wanted = (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
    for pid, major, minor, inode in _LOCK.findall(locks):
        if (int(major, 16), int(minor, 16), int(inode)) == wanted:
            return _name(int(pid), proc)
    return ""


def _connected(address: str, proc: Path) -> str:
    for table, place in _places(address):
        try:
            rows = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[2] == place and fields[3] == _ESTABLISHED:
                return _name(_owner_of(fields[9], proc), proc)
    return ""


def _places(address: str) -> Iterator[tuple[str, str]]:
    """Give each address of the host as the kernel's tables write it, with the table."""
    try:
        parts = urlsplit(address)
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return  # opening it will say what is wrong
    for family, _, _, _, where in found:
        packed = socket.inet_pton(family, str(where[0]))
        words = [int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4)]
        place = "".join(f"{word:08X}" for word in words)
        yield ("tcp6" if family == socket.AF_INET6 else "tcp"), f"{place}:{int(where[1]):04X}"


def _owner_of(inode: str, proc: Path) -> int:
    """Find the process with this socket, 0 if it cannot be seen."""
    for link in proc.glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                return int(link.parts[-3])
        except OSError:
            continue  # it ended, or is another user's
    return 0


def _name(pid: int, proc: Path) -> str:
    if pid <= 0:
        return "a program that cannot be seen from here"
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    command = b" ".join(word for word in words if word).decode("utf-8", "replace")
    shown = command if len(command) <= COMMAND_MAX else command[:COMMAND_MAX] + "..."
    return f"process {pid}" + (f" ({shown})" if shown else "")
