"""Logging: one JSON line an event on standard error, which systemd carries to its journal.

A log that is full or not read must neither stop nor slow an alarm: lines are written by a thread of their own, and
those for which there is no room are left out.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable

import structlog

LINES_MAX = 1000
"""Lines that wait to be written: minutes of a very bad day."""

FLUSH_LIMIT_S = 1.0
"""How long the end of the program waits for the last lines."""


class Writer:
    """Writes lines without ever blocking or failing its caller. ``left_out`` counts what was not written."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._lines: queue.Queue[str | None] = queue.Queue(LINES_MAX)
        self.left_out = 0
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Take a line; it is written in its turn."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self.left_out += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def close(self) -> None:
        """Write what waits, for a moment."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=FLUSH_LIMIT_S)
            self._thread.join(FLUSH_LIMIT_S)

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._write(line)
            except OSError:
                self.left_out += 1


def set_up(*, plain: bool) -> None:
    """Set the log up once: JSON lines, or ``plain`` lines for people."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    descriptor = sys.stderr.fileno()
    writer = Writer(lambda line: os.write(descriptor, line.encode(errors="replace")))
    atexit.register(writer.close)
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if plain else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.WriteLogger(writer),  # type: ignore[arg-type] # it needs write and flush alone
        cache_logger_on_first_use=True,
    )
