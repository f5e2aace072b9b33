"""Runs a scenario on ptys: the links in a folder, a line of text for each thing that happens, an end."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from simulators.model import SimulatedDevice
from simulators.oximeter import SerialLine
from simulators.pty_server import PtyServer, bits_per_character
from simulators.scenario_desk import DeskPlace
from simulators.scenario_model import Event, Scenario
from simulators.scenario_stage import Stage


class PtySockets:
    """Ports that are links to ptys in a folder, paced at the speed of each line, until ``close``."""

    def __init__(self, folder: Path, clock: Callable[[], float], say: Callable[[str], None]) -> None:
        self._folder = folder
        self._clock = clock
        self._say = say
        self._servers: dict[str, PtyServer] = {}

    def plug(self, port: str, device: SimulatedDevice, line: SerialLine) -> None:
        """Put a device on a pty of its own, and say where it is. Raises ``OSError`` if that cannot be."""
        bits = bits_per_character(data_bits=line.data_bits, parity=line.parity, stop_bits=line.stop_bits)
        server = PtyServer(device, self._folder / port, self._clock, line.baud, bits)
        self._servers[port] = server
        settings = f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}"
        self._say(f"{port}: {server.path} (link {self._folder / port}, {settings})")

    def unplug(self, port: str) -> None:
        """Let the pty and its link vanish."""
        self._servers.pop(port).close()

    def close(self) -> None:
        """Unplug everything."""
        for port in list(self._servers):
            self.unplug(port)


def run(
    scenario: Scenario,
    folder: Path,
    say: Callable[[str], None],
    *,
    speed: float,
    duration_s: float | None,
    desk: DeskPlace | None = None,
) -> None:
    """Run a scenario until its end, so many seconds of the clock, SIGINT or SIGTERM. Raises ``OSError`` for a pty.

    What its people ask is asked at ``desk``; without one nobody hears it.
    """
    asyncio.run(_run(scenario, folder, say, speed=speed, duration_s=duration_s, desk=desk))


async def _run(
    scenario: Scenario,
    folder: Path,
    say: Callable[[str], None],
    *,
    speed: float,
    duration_s: float | None,
    desk: DeskPlace | None,
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for stopping in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stopping, stop.set)
    sockets = PtySockets(folder, loop.time, say)
    ask: Callable[[Event], None] | None = None
    asking: asyncio.Task[None] | None = None
    if desk is not None:
        from simulators.scenario_mqtt import DeskAtBroker  # noqa: PLC0415 - slow, and few scenarios need it

        station = DeskAtBroker(desk, say)
        ask, asking = station.ask, asyncio.create_task(station.run())
    try:
        stage = Stage(scenario, sockets, say, speed=speed, now_s=loop.time(), ask=ask)
        end_s = stage.end_s if duration_s is None else loop.time() + duration_s
        while loop.time() < end_s and not stop.is_set():
            stage.tick(loop.time())
            due_s = min(end_s, math.inf if stage.deadline_s is None else stage.deadline_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, due_s - loop.time()))
        if not stop.is_set():
            stage.tick(end_s)  # what happens at the very end
    finally:
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        sockets.close()
