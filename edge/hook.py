"""The site's own command: told of a nurse call, or of each high alarm, to ring a phone or a pager.

It is started without a shell and gets one JSON object on its standard input: why, which site, edge and bed, which
alarm, its priority and level. No name of a person, no text and no value is in it. It is well if it ends with 0 in time.

Laws:
  * It delays nothing: it runs beside the core, so many at a time, and whatever waits is bounded.
  * One that fails, hangs or cannot be started is a fault that is told (law 2); one that hangs is killed with all that
    it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import structlog

from edge.clock import rfc3339
from edge.config_annunciator import HookSettings
from edge.core.effects import CallHook

PARALLEL_MAX = 2
"""Two calls can ring at a time: one that hangs does not keep the next from ringing."""

WAITING_MAX = 20
"""More calls than this wait only where the command takes its whole time each time; the oldest of them goes."""

KILL_LIMIT_S = 1.0
"""What is killed is gone at once, unless the kernel itself hangs."""

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

_log = structlog.get_logger(__name__)


class Hook:
    """Runs the command. ``report`` is told the fault of each run, empty if it was well."""

    def __init__(self, settings: HookSettings, *, site: str, edge: str, report: Callable[[str], None]) -> None:
        self._settings = settings
        self._place = {"site": site, "edge": edge}
        self._report = report
        self._waiting: asyncio.Queue[CallHook] = asyncio.Queue(WAITING_MAX)

    def call(self, call: CallHook) -> None:
        """Have the command told; returns at once."""
        if self._waiting.full():
            lost = self._waiting.get_nowait()
            _log.error("hook.lost", reason=lost.reason.value, key=lost.alarm.key.name)
            self._report(f"more than {WAITING_MAX} calls wait for it")
        self._waiting.put_nowait(call)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(PARALLEL_MAX):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            call = await self._waiting.get()
            try:
                fault = await self._tell(call)
            except Exception as error:  # noqa: BLE001 - a fault here must not end the edge (law 11)
                _log.exception("hook.fault")
                fault = f"{type(error).__name__}: {error}"
            told = {"reason": call.reason.value, "bed": call.alarm.key.bed, "key": call.alarm.key.name}
            if fault:
                _log.error("hook.failed", fault=fault, **told)
            else:
                _log.info("hook.told", **told)
            self._report(fault)

    async def _tell(self, call: CallHook) -> str:
        """Run the command once; return what went wrong, empty if it is well."""
        try:
            process = await self._start()
        except (OSError, ValueError) as error:
            return f"it cannot be started ({getattr(error, 'strerror', None) or error})"
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await process.communicate(json.dumps(self._facts(call)).encode() + b"\n")
        except TimeoutError:
            return f"it did not end within {self._settings.timeout_s:g} s"
        finally:
            await _end(process)
        return "" if process.returncode == 0 else f"it ended with status {process.returncode}"

    async def _start(self) -> asyncio.subprocess.Process:
        """Start the command; who is cancelled meanwhile leaves nothing of it running."""
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *self._settings.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # asyncio itself would kill the command alone, and leave what that has begun.
            with contextlib.suppress(OSError, ValueError):
                await _end(await starting)
            raise

    def _facts(self, call: CallHook) -> dict[str, Any]:
        alarm = call.alarm
        return {
            "reason": call.reason.value,
            **self._place,
            "bed": alarm.key.bed,
            "key": alarm.key.name,
            "condition": alarm.key.condition,
            "occurrence": alarm.occurrence,
            "rev": alarm.rev,
            "priority": alarm.priority.name.lower(),
            "level": alarm.delivery.level,
            "at": rfc3339(call.at.wall_s),
            "clock_synchronised": call.at.synchronised,
        }


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of a command, and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KILL_LIMIT_S):
            await process.wait()
