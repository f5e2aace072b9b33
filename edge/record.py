"""`record`: run a driver on its port, and keep what both said with its times, so that `replay` can tell it again.

The driver asks what it would ask under the daemon, and nothing else. A recording holds what the device said, which may
be of a patient: its file is made for its owner alone, and never over another.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from drivers import registry
from drivers.errors import LineError
from drivers.line import Line
from drivers.model import Driver, Observation, Rejected, Send, SessionOptions
from edge.clock import Clock, rfc3339
from edge.config_file import suggest
from edge.recording import SECONDS_MAX, Entry, Head, What, Writer
from edge.talk import Talk, Turn, open_free

EXIT_OK = 0
EXIT_FAILED = 1
"""There is a whole recording, but the line or the driver ended it."""
EXIT_REFUSED = 2
"""Nothing was recorded, or the file could not be ended."""

POLL_INTERVAL_S = 1.0
PORT = "recorded"
"""The name of the line, as the session is told it."""

STOPPED = "stopped"
FULL = "the file is as long as a recording may be"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be recorded: ``file`` ``None`` for a name of our own, ``seconds`` ``None`` until somebody ends it."""

    address: str
    driver: str
    baud: int | None = None
    file: Path | None = None
    seconds: float | None = None


def record(wanted: Wanted, clock: Clock, say: Callable[[str], None]) -> int:
    """Record until it ends, by its time, Ctrl-C or SIGTERM; return the exit status."""
    if wanted.driver not in registry.names():
        say(f'infusion-edge: "{wanted.driver}" is no driver: {suggest(wanted.driver, registry.names())}')
        return EXIT_REFUSED
    return asyncio.run(keep(wanted, registry.driver(wanted.driver), clock, say))


async def keep(wanted: Wanted, driver: Driver, clock: Clock, say: Callable[[str], None]) -> int:
    """Record with this driver in the running loop of the main thread, whose SIGINT and SIGTERM end it; see `record`."""
    loop = asyncio.get_running_loop()
    try:
        return await _Recorder(wanted, driver, clock, say).run()
    except (LineError, OSError) as error:
        say(f"infusion-edge: {error}")
        return EXIT_REFUSED
    finally:
        for number in _ENDING:
            loop.remove_signal_handler(number)


_ENDING = (signal.SIGINT, signal.SIGTERM)


def _new_file(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: PTH123 - with a mode of its own


class _Recorder:
    def __init__(self, wanted: Wanted, driver: Driver, clock: Clock, say: Callable[[str], None]) -> None:
        self._wanted = wanted
        self._driver = driver
        self._settings = driver.line if wanted.baud is None else replace(driver.line, baud=wanted.baud)
        self._clock = clock
        self._say = say
        self._talk: Talk | None = None
        self._writer: Writer | None = None
        self._heard = self._sent = self._samples = self._rejected = 0

    async def run(self) -> int:
        line = await open_free(
            self._wanted.address,
            self._settings,
            listen_only=self._driver.listen_only,
            on_data=self._hear,
            on_lost=self._stop,
        )
        try:
            return await self._record(line)
        finally:
            await line.close()

    async def _record(self, line: Line) -> int:
        now = self._clock.now()
        started = rfc3339(now.wall_s)
        path = self._wanted.file or Path(f"{self._driver.name}-{started[:19].replace(':', '')}Z.jsonl")
        head = Head(
            version("infusion-edge"),
            self._driver.name,
            self._wanted.address,
            self._settings,
            POLL_INTERVAL_S,
            started,
            now.synchronised,
        )
        session = self._driver.session(SessionOptions(PORT, poll_interval_s=POLL_INTERVAL_S))
        with _new_file(path) as file:
            self._writer = Writer(file, head)
            talk = Talk(session, mono_s=self._clock.mono_s, write=line.write, on_turn=self._keep)
            self._talk = talk
            for number in _ENDING:
                asyncio.get_running_loop().add_signal_handler(number, talk.stop, STOPPED)
            self._say(f"recording {self._wanted.address} to {path}; Ctrl-C ends it")
            talk.start()
            await asyncio.wait([talk.over], timeout=self._limit_s())
            talk.stop(STOPPED)
            reason = talk.over.result()
            self._writer.end(talk.now_s(), reason)
        self._say(
            f"{path}: {self._heard} bytes heard, {self._sent} sent, {self._samples} samples, "
            f"{self._rejected} rejected; ended: {reason}"
        )
        return EXIT_OK if reason in (STOPPED, FULL) else EXIT_FAILED

    def _limit_s(self) -> float:
        return SECONDS_MAX if self._wanted.seconds is None else min(self._wanted.seconds, SECONDS_MAX)

    def _hear(self, data: bytes) -> None:
        if self._talk is not None:
            self._talk.hear(data)

    def _stop(self, reason: str) -> None:
        if self._talk is not None:
            self._talk.stop(reason)

    def _keep(self, turn: Turn) -> None:
        self._heard += len(turn.call.data)
        self._add(turn.call)
        for output in turn.outputs:
            if isinstance(output, Send):
                self._sent += len(output.data)
                self._add(Entry(turn.call.at_s, What.SENT, output.data))
            self._samples += isinstance(output, Observation)
            self._rejected += isinstance(output, Rejected)

    def _add(self, entry: Entry) -> None:
        if self._talk is None or self._writer is None:
            return
        try:
            if not self._writer.add(entry):
                self._talk.stop(FULL)
        except OSError as error:
            self._talk.stop(f"the file cannot be written: {error.strerror}")
