"""How much room the disk of the store has, without ever waiting for a disk."""

from __future__ import annotations

import os
from pathlib import Path

from edge.worker import Worker

MEGABYTE = 1_000_000


class DiskSpace:
    """The room on the disk of a folder, as it was when it was last asked for: each asking has it looked at anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._free_mb: int | None = None
        self._looking = False
        self._worker = Worker("disk space")

    def free_mb(self) -> int | None:
        """Return the free megabytes, ``None`` while they are not known; a disk that hangs leaves the last ones."""
        if not self._looking:
            self._looking = True
            self._worker.do(self._look)
        return self._free_mb

    def _look(self) -> None:
        self._free_mb = free_mb(self._folder)
        self._looking = False


def free_mb(folder: Path) -> int | None:
    """Return the megabytes that a program without rights may still write there, ``None`` if that cannot be told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize // MEGABYTE
