"""The lock of the store: one daemon alone has it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class AlreadyRunningError(Exception):
    """Another daemon has this store: two would contradict each other."""


def lock(store: Path) -> int:
    """Take the store for this process; the lock goes with the descriptor. Raises AlreadyRunningError, or OSError."""
    descriptor = os.open(store.with_name(f"{store.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise AlreadyRunningError(f"another infusion-edge runs with the store {store}: end it first") from error
    return descriptor
