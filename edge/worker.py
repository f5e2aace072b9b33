"""A thread of its own for work that may have to wait for a disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Worker:
    """A thread that does one job after another; it begins with the first. Jobs must not raise.

    Its end is the program's: nobody waits for a disk that hangs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, job: Callable[[], None]) -> None:
        """Have a job done, after those that wait; never blocks."""
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            self._jobs.get()()
