"""The reload without a daemon around it: files that cannot be read, signals that come together, what is told."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from edge import reload
from edge.config import Configuration, load
from edge.core.reconfigure import Change
from edge.notify import Notifier
from edge.reload import TOLD_MAX, Files, Parts, Reload

ROOT = Path(__file__).parents[2]


class Edge:
    """Stands for the parts of a running edge, and keeps what they are told."""

    def __init__(self, refused: tuple[str, ...] = ()) -> None:
        self.refused = refused
        self.told: list[tuple[str, Any]] = []
        self.noted: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def note(*words: Any, **_: Any) -> Any:
            self.told.append((name, words))
            return [] if name == "end_others" else ()

        return note

    def reconfigure(self, _config: object, changed: tuple[Change, ...]) -> tuple[str, ...]:
        self.told.append(("reconfigure", changed))
        return self.refused

    def note(self, kind: str, body: dict[str, str]) -> None:
        self.noted.append((kind, body))

    def configured(self, *words: Any) -> None:
        if isinstance(words[0], str):
            self.noted.append(("configuration", words[1]))
        else:
            self.told.append(("status", words[2:]))

    def named(self, name: str) -> list[Any]:
        return [words for told, words in self.told if told == name]


@pytest.fixture
def before(tmp_path: Path) -> Configuration:
    for name in ("edge.toml", "drugs.toml"):
        shutil.copyfile(ROOT / "config" / name, tmp_path / name)
    return load(tmp_path / "edge.toml", tmp_path, {})


@asynccontextmanager
async def reloading(
    before: Configuration, edge: Edge, files: Files, until: Callable[[], bool], signals: int = 1
) -> AsyncIterator[Reload]:
    one = Reload(
        before, Parts(*[cast("Any", edge)] * 9), files, notify=Notifier({}), mono_s=asyncio.get_running_loop().time
    )
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0)
    for _ in range(signals):
        os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(15):
        while not until():
            assert not running.done()
            await asyncio.sleep(0.01)
    yield one
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


def renamed(before: Configuration) -> Configuration:
    beds = (replace(before.core.beds[0], label="Window"), *before.core.beds[1:])
    return replace(before, core=replace(before.core, beds=beds))


async def test_what_is_taken_is_in_force_kept_and_journalled(before: Configuration) -> None:
    kept: list[Configuration] = []
    edge, after = Edge(), renamed(before)
    async with reloading(before, edge, Files(lambda: after, kept.append), lambda: bool(kept)) as one:
        assert one.in_force is after
    assert kept == [after]
    (body,) = [body for kind, body in edge.noted if kind == "configuration"]
    assert body["change.1"] == 'bed bed-1: label "Bed 1" -> "Window"'
    assert edge.named("start") == [(after.ports,)]


async def test_a_line_that_stays_is_asked_when_it_was_wherever_it_stands_in_the_file(before: Configuration) -> None:
    kept: list[Configuration] = []
    moved = tuple(replace(port, asks_at_s=0.382) for port in before.ports)
    after = replace(renamed(before), ports=(*moved[:-1], replace(moved[-1], poll_interval_s=2.0)))
    async with reloading(before, Edge(), Files(lambda: after, kept.append), lambda: bool(kept)) as one:
        asked = [port.asks_at_s for port in one.in_force.ports]
    assert asked == [*[0.0] * (len(moved) - 1), 0.382]


async def test_what_is_refused_changes_nothing_but_what_is_said(before: Configuration) -> None:
    edge = Edge(("a patient is there", "and there"))
    async with reloading(before, edge, Files(lambda: renamed(before), _never), lambda: bool(edge.noted)) as one:
        assert one.in_force is before
    assert edge.named("refuse_configuration") == [("a patient is there, and 1 more",)]
    assert edge.noted == [("configuration refused", {"reason": "a patient is there, and 1 more"})]
    assert edge.named("end_others") == edge.named("start") == []


async def test_the_same_again_is_journalled_once(before: Configuration) -> None:
    answers = iter([("why",), ("why",), ("another",), (), ("why",)])
    edge = Edge()
    edge.reconfigure = lambda *_: next(answers)  # type: ignore[method-assign]
    async with reloading(before, edge, Files(lambda: before, lambda _: None), lambda: bool(edge.noted)) as one:
        for _ in range(4):
            await one._once()
    assert edge.noted == [("configuration refused", {"reason": why}) for why in ("why", "another", "why")]


@pytest.mark.parametrize("fault", [RuntimeError("a fault of ours"), MemoryError()])
async def test_a_fault_in_reading_ends_no_watching(before: Configuration, fault: Exception) -> None:
    def fail() -> Configuration:
        raise fault

    edge = Edge()
    async with reloading(before, edge, Files(fail, _never), lambda: bool(edge.noted)):
        pass
    assert edge.noted[0][1]["reason"] == f"the files cannot be read: {fault!r}"


async def test_files_that_do_not_come_are_given_up(before: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "READ_LIMIT_S", 0.05)
    goes_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang() -> Configuration:
        asyncio.run_coroutine_threadsafe(goes_on.wait(), loop).result(5)
        return before

    edge = Edge()
    async with reloading(before, edge, Files(hang, _never), lambda: bool(edge.noted)):
        goes_on.set()
    assert edge.noted[0][1]["reason"] == "the files cannot be read within 0.05 s"


async def test_reloads_from_a_disk_that_hangs_leave_the_loop_its_threads(
    before: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "READ_LIMIT_S", 0.01)
    answers = threading.Event()

    def hang() -> Configuration:
        answers.wait(15)
        return before

    edge = Edge()
    pool = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(pool)
    async with reloading(before, edge, Files(hang, _never), lambda: len(edge.noted) == 1):
        async with asyncio.timeout(15):
            assert await asyncio.to_thread(lambda: "the broker's") == "the broker's"
        answers.set()


async def test_signals_that_come_together_are_one_reload(before: Configuration) -> None:
    read: list[int] = []

    def count() -> Configuration:
        read.append(1)
        return before

    kept: list[Configuration] = []
    async with reloading(before, Edge(), Files(count, kept.append), lambda: bool(kept), signals=5):
        pass
    assert len(read) == 1


async def test_a_signal_amid_the_start_waits_for_the_reload(before: Configuration) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
    kept: list[Configuration] = []
    async with reloading(before, Edge(), Files(lambda: before, kept.append), lambda: bool(kept), signals=0):
        pass
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


async def test_a_copy_that_cannot_be_kept_is_said_and_the_configuration_is_in_force(before: Configuration) -> None:
    def full(_: Configuration) -> None:
        raise OSError("the disk is full")

    edge, after = Edge(), renamed(before)
    with capture_logs() as lines:
        said = "the configuration is good and could not be kept for later"
        async with reloading(
            before, edge, Files(lambda: after, full), lambda: any(line["event"] == said for line in lines)
        ) as one:
            assert one.in_force is after


async def test_a_library_that_is_exchanged_does_not_fill_the_journal(before: Configuration) -> None:
    drug = before.core.drugs[0]
    many = tuple(replace(drug, drug=f"drug-{number}") for number in range(TOLD_MAX + 7))
    after = replace(before, core=replace(before.core, drugs=(*before.core.drugs, *many)))
    edge = Edge()
    async with reloading(before, edge, Files(lambda: after, lambda _: None), lambda: bool(edge.noted)):
        pass
    body = edge.noted[0][1]
    assert (body[f"change.{TOLD_MAX}"], body["changes_more"]) == (f"drug drug-{TOLD_MAX - 1} is new", "7")


def _never(_: Configuration) -> None:
    raise AssertionError("nothing is kept")
