"""Looks at the room on every disk that the edge writes to, so that none fills up unannounced (H-32).

One look serves both: the alarm before a disk is full, and the self-check, which says the room that the store has.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import structlog

from edge.core.inputs import DiskSpace, DisksSeen
from edge.worker import Worker

LOOK_S = 30.0
"""How often: what fills 64 MiB faster than that is told by the store itself."""

MEGABYTE = 1_000_000

_log = structlog.get_logger(__name__)


class DiskWatch:
    """Tells the core of the file systems that have these folders; one that has several is named by the first.

    The ``store`` is looked at with them. A disk may hang: a thread of its own looks, and while it waits nothing is
    told, nothing ends, and `free_mb` says what was known last. ``deliver`` takes a callable to the event loop.
    """

    def __init__(
        self,
        store: Path,
        folders: Iterable[Path],
        mono_s: Callable[[], float],
        put: Callable[[DisksSeen], None],
        deliver: Callable[[Callable[[], None]], object],
    ) -> None:
        self._store = store
        self._folders = tuple(dict.fromkeys((store, *folders)))
        self._mono_s = mono_s
        self._put = put
        self._deliver = deliver
        self._worker = Worker("disks")
        self._looks = False
        self._refused: dict[Path, str] = {}
        self._free_mb: int | None = None

    def free_mb(self) -> int | None:
        """Return the megabytes that are free for the store, ``None`` while they are not known; never waits."""
        return self._free_mb

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.turn()
            await asyncio.sleep(LOOK_S)

    def turn(self) -> None:
        """Have them looked at, unless the look before has not come back."""
        if not self._looks:
            self._looks = True
            self._worker.do(self._look)

    def _look(self) -> None:
        found: dict[int, DiskSpace] = {}
        store: DiskSpace | None = None
        for folder in self._folders:
            try:
                device, room = _measure(folder)
            except OSError as error:
                if self._refused.get(folder) != str(error):
                    self._refused[folder] = str(error)
                    _log.warning("disks.not_measured", folder=str(folder), reason=str(error))
            else:
                found.setdefault(device, room)
                store = room if folder == self._store else store
        # A loop that is closed takes no more results.
        with contextlib.suppress(RuntimeError):
            self._deliver(partial(self._tell, tuple(found.values()), store))

    def _tell(self, found: tuple[DiskSpace, ...], store: DiskSpace | None) -> None:
        self._looks = False
        self._free_mb = None if store is None else store.free_bytes // MEGABYTE
        if found:
            self._put(DisksSeen(self._mono_s(), found))


def free_mb(folder: Path) -> int | None:
    """Return the megabytes that who is not root may still write there, ``None`` if that cannot be told. May wait."""
    try:
        return _measure(folder)[1].free_bytes // MEGABYTE
    except OSError:
        return None


def _measure(folder: Path) -> tuple[int, DiskSpace]:
    """Return the device of a folder, and its room for who is not root. Raises OSError."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent  # it is made there when something is to be written
    room = os.statvfs(folder)
    # Some file systems make files for as long as they have bytes, and count none.
    files = room.f_favail if room.f_files else None
    return folder.stat().st_dev, DiskSpace(str(folder), room.f_bavail * room.f_frsize, files)
