"""The lock of the store: one daemon alone has it."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path


class AlreadyRunningError(Exception):
    """Another daemon has this store: two would contradict each other."""


class Claim:
    """The claim of this process on a store; it goes with the process."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock: int | None = None

    def take(self) -> None:
        """Take it, once. Raises AlreadyRunningError, or OSError where that cannot be told yet."""
        if self._lock is None:
            self._store.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock(self._store)


def lock_of(store: Path) -> Path:
    """Where the lock of a store is. The store leaves a trace in it: that there is one."""
    return store.with_name(f"{store.name}.lock")


def lock(store: Path) -> int:
    """Take the store for this process; the lock goes with the descriptor. Raises AlreadyRunningError, or OSError."""
    path = lock_of(store)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # who made it may have it still
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise AlreadyRunningError(f"another infusion-edge runs with the store {store}: end it first") from error
    return descriptor
