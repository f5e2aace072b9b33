"""The tasks of the ports: begun, and ended or begun anew when the configuration is another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from edge.config_ports import PortRuntime
from edge.core.inputs import Input, LinkCause, LinkChange
from edge.device import DeviceTask, Sink
from edge.notify import Watchdog

RECONFIGURED = "the configuration of the line was changed"


class Gate:
    """Lets through what a port says, until it is closed: nobody knows the port any more."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.is_open = True

    def put(self, item: Input) -> None:
        """Let it through, or drop it."""
        if self.is_open:
            self._sink.put(item)


class Lines:
    """One task a port. ``make`` makes what is to run there, ``spawn`` runs it."""

    def __init__(
        self,
        sink: Sink,
        watchdog: Watchdog,
        mono_s: Callable[[], float],
        *,
        make: Callable[[PortRuntime, Sink], DeviceTask],
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
    ) -> None:
        self._sink = sink
        self._watchdog = watchdog
        self._mono_s = mono_s
        self._make = make
        self._spawn = spawn
        self._running: dict[str, tuple[PortRuntime, Gate, asyncio.Task[None]]] = {}

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks that run."""
        return [task for _, _, task in self._running.values()]

    def start(self, ports: Sequence[PortRuntime]) -> None:
        """Begin a task for each port that has none."""
        for port in ports:
            if port.port not in self._running:
                gate = Gate(self._sink)
                task = self._spawn(self._make(port, gate).run(), f"port {port.port}")
                self._running[port.port] = (port, gate, task)

    def end_others(self, ports: Sequence[PortRuntime], rebound: frozenset[str]) -> list[asyncio.Task[None]]:
        """End the tasks of ports that are no more, that are others, or that are ``rebound``; return what ends.

        From now on nothing that they still say is heard. Of a port that stays it is said that its line is down: another
        device may answer at its next opening.
        """
        wanted = {port.port: port for port in ports}
        ending = []
        for name, (port, gate, task) in tuple(self._running.items()):
            if wanted.get(name) == port and name not in rebound:
                continue
            del self._running[name]
            gate.is_open = False
            task.cancel()
            self._watchdog.forget(f"port {name}")
            ending.append(task)
            if name in wanted:
                self._sink.put(_down(wanted[name], self._mono_s()))
        return ending


def _down(port: PortRuntime, now_s: float) -> LinkChange:
    round_s = port.session().round_s
    return LinkChange(port.port, now_s, up=False, cause=LinkCause.LOST, detail=RECONFIGURED, round_s=round_s)
