"""The tasks of the ports through a reload: who ends, who begins, and whose last words are not heard."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

from drivers.ivy_450c import DRIVER as IVY
from edge.config_ports import PortRuntime
from edge.core.inputs import Input, LinkCause, LinkChange
from edge.device import DeviceTask, Sink
from edge.lines import RECONFIGURED, Lines
from edge.notify import Notifier, Watchdog

A, B, C = (PortRuntime(name, f"/dev/{name}", IVY, IVY.line, 1.0, ("0",)) for name in "abc")


class Ward:
    """Lines whose tasks only wait, and what reaches the core."""

    def __init__(self) -> None:
        self.heard: list[Input] = []
        self.begun: list[PortRuntime] = []
        self.sinks: dict[str, Sink] = {}
        self.watchdog = Watchdog(Notifier({}), lambda: 7.0)
        self.lines = Lines(self, self.watchdog, lambda: 7.0, make=self._make, spawn=self._spawn)

    def put(self, item: Input) -> None:
        self.heard.append(item)

    def _make(self, port: PortRuntime, sink: Sink) -> DeviceTask:
        self.begun.append(port)
        self.sinks[port.port] = sink

        class Task:
            async def run(self) -> None:
                await asyncio.Event().wait()

        return cast("DeviceTask", Task())

    def _spawn(self, work: Any, name: str) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)

    def says(self, port: str) -> LinkChange:
        said = LinkChange(port, 7.0, up=True, cause=LinkCause.OPENED, detail="", round_s=1.0)
        self.sinks[port].put(said)
        return said


async def test_who_stays_as_it_was_goes_on_and_nobody_else() -> None:
    ward = Ward()
    ward.lines.start([A, B, C])
    first = ward.lines.tasks
    moved = replace(B, address="/dev/other")
    ending = ward.lines.end_others([A, moved], frozenset())
    assert ending == first[1:]
    await asyncio.gather(*ending, return_exceptions=True)
    ward.lines.start([A, moved])
    assert ward.begun == [A, B, C, moved]
    assert ward.lines.tasks[0] is first[0]
    for task in ward.lines.tasks:
        task.cancel()


async def test_what_a_line_says_after_its_end_is_not_heard() -> None:
    ward = Ward()
    ward.lines.start([A, C])
    ward.lines.end_others([A], frozenset())
    ward.says("c")
    assert ward.heard == []
    assert ward.says("a") in ward.heard


async def test_of_a_line_that_stays_and_is_another_it_is_said_that_it_is_down() -> None:
    ward = Ward()
    ward.lines.start([A, B, C])
    ward.lines.end_others([A, replace(B, poll_interval_s=2.0)], frozenset({"a"}))
    assert [(item.port, item.up, item.detail) for item in ward.heard if isinstance(item, LinkChange)] == [
        ("a", False, RECONFIGURED),
        ("b", False, RECONFIGURED),
    ]


async def test_a_line_that_is_no_more_holds_no_watchdog_back() -> None:
    ward = Ward()
    for name in "ac":
        ward.watchdog.expect(f"port {name}")
    ward.lines.start([A, C])
    ward.lines.end_others([A], frozenset())
    assert ward.watchdog._expected == {"port a"}
