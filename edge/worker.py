"""A thread of its own for work that may have to wait for a disk."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

WAITING_MAX = 16
"""Jobs that may wait for one that hangs; who asks for one more is told at once that nothing answers."""

_T = TypeVar("_T")


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

    async def ask(self, job: Callable[[], _T], limit_s: float | None = None) -> _T:
        """Have a job done, and return what it returns, or raise what it raises; the loop goes on meanwhile.

        Raises ``TimeoutError`` after ``limit_s``, or where too many wait. Unlike in the loop's own threads, a job that
        hangs does not hold up the end of the program.
        """
        if self._jobs.qsize() >= WAITING_MAX:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[_T] = loop.create_future()

        def work() -> None:
            try:
                tell: Callable[[], None] = partial(_settle, outcome, job())
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
                tell = partial(_fail, outcome, error)
            # A loop that is closed takes no more results.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell)

        self.do(work)
        async with asyncio.timeout(limit_s):
            return await outcome

    def _work(self) -> None:
        while True:
            self._jobs.get()()


def _settle(outcome: asyncio.Future[_T], result: _T) -> None:
    if not outcome.done():
        outcome.set_result(result)


def _fail(outcome: asyncio.Future[_T], error: Exception) -> None:
    if not outcome.done():
        outcome.set_exception(error)
