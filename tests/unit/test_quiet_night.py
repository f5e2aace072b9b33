"""A cable that is left out for a night writes a handful of lines, and the journal of the store a handful of rows.

The task of the port, the core and the words of the log are the real ones; the time is virtual.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from drivers.errors import LineError, LineFault
from drivers.ivy_450c import DRIVER as IVY
from drivers.line import Line
from drivers.model import LineSettings
from drivers.reconnect import Backoff
from edge.config_ports import PortRuntime
from edge.core.effects import Annunciate, Journal
from edge.core.inputs import BrokerLink, Input, LinkChange
from edge.device import DeviceTask
from edge.inbox import Inbox
from edge.notify import Notifier, Watchdog
from edge.runtime import annunciate
from tests.core_world import MONITOR, START_S, World, order, place, pump

NIGHT_S = 8 * 3600
HANDFUL = 6
BUSY_S = 2000
"""Every delay and level of what alarms here is over by then: from then on a step a minute does."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time goes on to the next timer, as soon as nothing else is to be done."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = START_S

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined] # asyncio's own
            self.now_s = max(self.now_s, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


class DeadLine:
    """An open port at which nobody is."""

    def write(self, data: bytes) -> None:
        del data

    def close(self) -> asyncio.Future[None]:
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        closed.set_result(None)
        return closed


Opener = Callable[..., Coroutine[Any, Any, Line]]


def out(*reasons: str) -> Opener:
    """A port whose adapter is gone; the reasons come one after another, and the last for ever."""
    waiting = list(reasons)

    async def opened(address: str, settings: LineSettings, **_: object) -> Line:
        del settings
        reason = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        raise LineError(LineFault.MISSING, f"{address}: {reason}")

    return opened


async def silent(address: str, settings: LineSettings, **_: object) -> Line:
    del address, settings
    return DeadLine()  # type: ignore[return-value] # what the task uses of a line


async def night(opener: Opener, world: World | None) -> list[Input]:
    """Leave the cable out for a night; return what the port said to a core, where none is there to hear it."""
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    port = PortRuntime(MONITOR[0], "/dev/serial/by-id/monitor", IVY, IVY.line, 1.0, ("0",))
    watchdog = Watchdog(Notifier({}), loop.time)
    task = DeviceTask(port, inbox, mono_s=loop.time, backoff=Backoff(Random(7)), watchdog=watchdog, opener=opener)
    running = asyncio.create_task(task.run())
    if world is None:
        await asyncio.sleep(NIGHT_S)
    else:
        await _with_a_core(world, inbox, loop.time() + NIGHT_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return inbox.drain()


async def _with_a_core(world: World, inbox: Inbox, end_s: float) -> None:
    loop = asyncio.get_running_loop()
    busy_until_s = loop.time() + BUSY_S
    while loop.time() < end_s:
        await asyncio.sleep(1 if loop.time() < busy_until_s else 60)
        seen = len(world.steps)
        world.step(loop.time(), *inbox.drain())
        for step in world.steps[seen:]:
            for effect in step.effects:
                if isinstance(effect, Annunciate):
                    annunciate(effect)


def lines_of(opener: Opener, world: World | None = None) -> tuple[list[str], list[Input]]:
    with capture_logs() as lines, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        said = runner.run(night(opener, world))
    loud = [line for line in lines if line["log_level"] != "debug"]
    return [f"{line['log_level']} {line['event']} {line.get('reason', line.get('text', ''))}" for line in loud], said


@pytest.mark.parametrize(
    ("opener", "told"),
    [
        (out("it is not there"), ["it is not there"]),
        (out("the device was removed", "it is not there"), ["the device was removed"]),
        (silent, ["nothing was heard, so the port is opened again"]),
    ],
)
def test_a_port_says_each_reason_once(opener: Opener, told: list[str]) -> None:
    lines, said = lines_of(opener)
    assert len(lines) == len(told)
    assert len([one for one in said if isinstance(one, LinkChange) and not one.up]) <= HANDFUL
    for line, reason in zip(lines, told, strict=True):
        assert line.startswith("warning line down ")
        assert reason in line


def test_at_an_idle_bed_it_is_no_alarm_and_a_handful_of_rows() -> None:
    world = World()
    world.step(START_S, BrokerLink(START_S, connected=True, detail=""))
    lines, _ = lines_of(out("the device was removed", "it is not there"), world)
    assert [line.split(": ")[0] for line in lines] == ["warning line down /dev/serial/by-id/monitor"]
    assert len([row for step in world.steps for row in step.effects if isinstance(row, Journal)]) <= HANDFUL


def test_at_a_bed_with_an_infusion_it_is_an_alarm_and_still_a_handful_of_lines() -> None:
    world = World()
    world.step(START_S, BrokerLink(START_S, connected=True, detail=""), place(START_S, order()), pump(START_S))
    lines, _ = lines_of(out("it is not there"), world)
    assert world.standing() == {"MONITOR_LINK_LOST", "PUMP_LINK_LOST", "NIBP_OVERDUE"}
    assert len(lines) == 1 + 3 + 3 + 5  # the port; each link and its two levels; the cuff, three bands and two levels
