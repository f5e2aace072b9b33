"""The site's own command: what it is told, and that one which fails or hangs is told and delays nothing."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.config_annunciator import HookSettings
from edge.core.effects import CallHook, HookReason
from edge.core.model import AlarmKey, Delivery
from edge.hook import PARALLEL_MAX, WAITING_MAX, Hook
from tests.core_world import START_S, instant
from tests.unit.alarm_acts import an_alarm

WITHIN_S = 15.0
ALARM = an_alarm(
    key=AlarmKey("bed-1", "DOSE_RATE_HIGH", "rack", "11"),
    text="Anna Hansen gets too much.",
    delivery=Delivery(level=3),
)
CALL = CallHook(HookReason.LEVEL_3, instant(START_S), ALARM)


class Site:
    """A hook with a script for its command, and the faults that it told."""

    def __init__(self, folder: Path, script: str, *, timeout_s: float = 3.0) -> None:
        self.folder = folder
        program = folder / "call"
        program.write_text(f"#!/bin/sh\ncd {folder}\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.faults: list[str] = []
        self._more = asyncio.Event()
        settings = HookSettings((str(program), "ward 3", "$HOME; exit 1"), frozenset(HookReason), timeout_s)
        self.hook = Hook(settings, site="st-olav", edge="pi-1", report=self._report)

    def _report(self, fault: str) -> None:
        self.faults.append(fault)
        self._more.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not true():
                self._more.clear()
                await self._more.wait()

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[Site]:
    work = asyncio.create_task(site.hook.run())
    try:
        yield site
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_it_is_told_the_alarm_and_no_name_text_or_value(tmp_path: Path) -> None:
    async with running(Site(tmp_path, 'cat >told; printf "%s\\n" "$@" >arguments; env >environment')) as site:
        site.hook.call(CALL)
        await site.until(lambda: site.faults == [""])
    (line,) = site.lines("told")
    assert json.loads(line) == {
        "reason": "level_3",
        "site": "st-olav",
        "edge": "pi-1",
        "bed": "bed-1",
        "key": "DOSE_RATE_HIGH.rack.11",
        "condition": "DOSE_RATE_HIGH",
        "occurrence": "run-0-1",
        "rev": 1,
        "priority": "high",
        "level": 3,
        "at": "2026-09-21T14:30:00.000Z",
        "clock_synchronised": True,
    }
    assert site.lines("arguments") == ["ward 3", "$HOME; exit 1"]  # no shell reads them
    names = {one.partition("=")[0] for one in site.lines("environment")}
    assert names <= {"PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}  # what a shell adds, and two of ours


FAULTS = {
    "it fails": ("exit 3", "it ended with status 3"),
    "it is killed": ("kill -9 $$", "it ended with status -9"),
    "it hangs": ("echo $$ >pid; sleep 60", "it did not end within 0.3 s"),
    "it does not read": ("exec <&-; exit 0", ""),
}


@pytest.mark.parametrize(("script", "fault"), FAULTS.values(), ids=FAULTS)
async def test_each_run_tells_how_it_went(script: str, fault: str, tmp_path: Path) -> None:
    async with running(Site(tmp_path, script, timeout_s=0.3 if "sleep" in script else 3.0)) as site:
        site.hook.call(CALL)
        await site.until(lambda: site.faults == [fault])


async def test_what_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    async with running(Site(tmp_path, "sleep 60 & echo $! >child; wait", timeout_s=0.3)) as site:
        site.hook.call(CALL)
        await site.until(lambda: len(site.faults) == 1)
    child = int(site.lines("child")[0])
    await _gone(child)


async def test_a_clean_end_kills_what_runs(tmp_path: Path) -> None:
    async with running(
        Site(tmp_path, "sleep 60 & echo $! >child.new; mv child.new child; wait", timeout_s=60.0)
    ) as site:
        site.hook.call(CALL)
        await eventually(lambda: bool(site.lines("child")))
    await _gone(int(site.lines("child")[0]))
    assert site.faults == []


async def test_an_end_while_a_command_starts_kills_it_with_all_that_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, "sleep 60 & echo $! >child.new; mv child.new child; wait", timeout_s=60.0)
    start, go_on = asyncio.create_subprocess_exec, asyncio.Event()

    async def held(*command: str, **how: Any) -> asyncio.subprocess.Process:
        process = await start(*command, **how)
        await go_on.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", held)
    async with running(site):
        site.hook.call(CALL)
        await eventually(lambda: bool(site.lines("child")))
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, go_on.set)  # after the cancelling
    await _gone(int(site.lines("child")[0]))
    assert site.faults == []


async def _gone(pid: int) -> None:
    await eventually(lambda: is_dead(pid))


def is_dead(pid: int) -> bool:
    """Tell whether a process is gone, or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


async def test_a_command_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path, "exit 0")
    (tmp_path / "call").unlink()
    async with running(site):
        site.hook.call(CALL)
        await site.until(lambda: site.faults == ["it cannot be started (No such file or directory)"])


async def test_a_success_after_a_fault_says_that_it_is_well(tmp_path: Path) -> None:
    async with running(Site(tmp_path, "test -e mended")) as site:
        site.hook.call(CALL)
        await site.until(lambda: site.faults == ["it ended with status 1"])
        (tmp_path / "mended").touch()
        site.hook.call(CALL)
        await site.until(lambda: site.faults[1:] == [""])


async def test_one_that_hangs_does_not_keep_the_next_from_ringing(tmp_path: Path) -> None:
    script = "cat >$$.told; mkdir first 2>/dev/null && exec sleep 60; exit 0"
    async with running(Site(tmp_path, script, timeout_s=60.0)) as site:
        for _ in range(PARALLEL_MAX + 1):
            site.hook.call(CALL)
        await site.until(lambda: site.faults == [""] * PARALLEL_MAX)


async def test_calls_that_wait_are_bounded_and_the_newest_are_kept(tmp_path: Path) -> None:
    site = Site(tmp_path, "cat >>told")
    for number in range(WAITING_MAX + 2):
        site.hook.call(CallHook(HookReason.HIGH_ONSET, instant(START_S), an_alarm(rev=number)))
    assert site.faults == ["more than 20 calls wait for it"] * 2
    async with running(site):
        await site.until(lambda: len(site.faults) == WAITING_MAX + 2)
    told: list[dict[str, Any]] = [json.loads(line) for line in site.lines("told")]
    assert sorted(one["rev"] for one in told) == list(range(2, WAITING_MAX + 2))
