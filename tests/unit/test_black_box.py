"""The black box: written whole, bounded, when a high alarm begins, and nothing waits for it."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.ivy_450c import DRIVER as IVY
from edge import black_box as module
from edge.black_box import PAUSE_S, BlackBox, Written
from edge.config_ports import PortRuntime
from edge.core.model import Alarm, AlarmKey, Instant
from edge.recording import What, read_entries, read_head
from tests.contents import ALARM

PORTS = tuple(
    PortRuntime(name, f"/dev/{name}", IVY, IVY.line, 1.0, ("0",), asks_at_s=0.25)
    for name in ("mon-1", "mon-2", "pump-1")
)
NOW = Instant(1000.0, 1_790_000_000.0, synchronised=True)


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: list[Written] = []
        self._came = threading.Condition()
        self._settled = 0
        self.box = BlackBox(
            folder,
            PORTS,
            ports_of=lambda bed: ("mon-1", "pump-1") if bed == "bed-1" else (),
            on_written=self.written.append,
            deliver=self._deliver,
        )
        for number, tape in enumerate(self.box.tapes.values()):
            tape.add(990.5, What.START)
            tape.add(992.0, What.HEARD, bytes([number] * 10))

    def _deliver(self, call: Callable[[], None]) -> None:
        with self._came:
            call()
            self._settled += 1
            self._came.notify_all()

    def keep(self, found: Alarm, now: Instant = NOW) -> None:
        self.box.keep(found, now)

    def wait(self, number: int) -> list[str]:
        """Wait until so many alarms are settled; return the names of the folder."""
        with self._came:
            assert self._came.wait_for(lambda: self._settled >= number, 15.0)
        return sorted(path.name for path in self.folder.iterdir())


def alarm(number: int = 1, *, bed: str = "bed-1", port: str = "", condition: str = "HR_HIGH") -> Alarm:
    return replace(ALARM, key=AlarmKey(bed, condition, port, "0" if port else ""), occurrence=f"run-1-{number}")


def later(seconds: float) -> Instant:
    return Instant(NOW.mono_s + seconds, NOW.wall_s + seconds, synchronised=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "black-box")


def test_what_the_devices_of_a_bed_said_is_written_as_recordings(world: World) -> None:
    world.keep(alarm())
    assert world.wait(1) == ["000001-run-1-1-mon-1.jsonl", "000002-run-1-1-pump-1.jsonl"]
    assert world.written == [
        Written("000001-run-1-1-mon-1.jsonl", "bed-1", "HR_HIGH", "run-1-1", "mon-1"),
        Written("000002-run-1-1-pump-1.jsonl", "bed-1", "HR_HIGH", "run-1-1", "pump-1"),
    ]
    path = world.folder / "000002-run-1-1-pump-1.jsonl"
    head = read_head(path)
    assert (head.driver, head.address, head.poll_interval_s) == ("ivy-450c", "/dev/pump-1", 1.0)
    assert (head.started, head.synchronised) == ("2026-09-21T14:13:10.500Z", True)
    assert head.asks_at_s == 0.75, "in the recording's time, which begins at 990.5"
    assert [(entry.at_s, entry.what.value, entry.data or entry.reason) for _, entry in read_entries(path)] == [
        (0.0, "start", ""),
        (1.5, "rx", b"\x02" * 10),
        (1.5, "end", "HR_HIGH run-1-1"),
    ]
    assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_alarm_of_a_device_of_no_bed_writes_that_device_and_one_of_no_device_nothing(world: World) -> None:
    world.keep(alarm(1, bed="", port="mon-2"))
    world.keep(alarm(2, bed=""))
    world.keep(alarm(3, bed="bed-1", port="gone"))
    assert world.wait(2) == [
        "000001-run-1-1-mon-2.jsonl",
        "000002-run-1-3-mon-1.jsonl",
        "000003-run-1-3-pump-1.jsonl",
    ]


def test_a_port_is_written_again_only_after_a_pause(world: World) -> None:
    world.keep(alarm(1, port="mon-1", bed=""))
    world.keep(alarm(2), later(PAUSE_S - 1))
    world.keep(alarm(3), later(PAUSE_S))
    assert [name[7:] for name in world.wait(3)] == [
        "run-1-1-mon-1.jsonl",
        "run-1-2-pump-1.jsonl",
        "run-1-3-mon-1.jsonl",
    ]


def test_over_the_bounds_the_oldest_files_go_whatever_the_clock_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILES_MAX", 3)
    world.folder.mkdir()
    (world.folder / "another").write_text("it is no file of the box")
    (world.folder / "000009-run-1-0-mon-1.jsonl.part").write_text("cut off by the power")
    for number in range(5):
        world.keep(alarm(number, port="mon-1", bed=""), replace(later(number * PAUSE_S), wall_s=-number * 1e6))
    names = world.wait(5)
    assert names == [*(f"00000{n + 1}-run-1-{n}-mon-1.jsonl" for n in (2, 3, 4)), "another"]
    monkeypatch.setattr(module, "FOLDER_BYTES_MAX", module.FILE_BYTES_MAX + 1)
    world.keep(alarm(7, port="mon-2", bed=""))
    assert world.wait(6) == ["000006-run-1-7-mon-2.jsonl", "another"]


def test_the_conversation_before_is_written_too_and_a_cut_one_says_so(world: World) -> None:
    tape = world.box.tapes["mon-1"]
    for begin_s in (992.0, 994.0):
        tape.add(begin_s, What.START)
        tape.add(begin_s + 1, What.HEARD, b"x")
    world.keep(alarm(1, port="mon-1", bed=""))
    assert len(world.wait(1)) == 2
    fresh = world.box.tapes["mon-2"]
    fresh._entries.popleft()
    world.keep(alarm(2, port="mon-2", bed=""))
    *_, (_, last) = read_entries(world.folder / world.wait(2)[-1])
    assert last.reason == "HR_HIGH.mon-2.0 run-1-2; it begins in the middle of a conversation"


@pytest.mark.parametrize("where", ["mkdir", "open", "fsync", "room"])
def test_a_disk_that_fails_leaves_nothing_half_and_the_next_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        match where:
            case "mkdir":
                patch.setattr(Path, "mkdir", fail)
            case "open":
                patch.setattr(module.os, "open", fail)  # type: ignore[attr-defined]  # the module's own os
            case "fsync":
                patch.setattr(module.os, "fsync", fail)  # type: ignore[attr-defined]  # the module's own os
            case _:
                patch.setattr(module, "FREE_BYTES", 2**62)
        world.keep(alarm(1, port="mon-1", bed=""))
        with world._came:
            assert world._came.wait_for(lambda: world._settled >= 1, 15.0)
    assert world.written == []
    assert not world.folder.exists() or list(world.folder.iterdir()) == []
    world.keep(alarm(2, port="mon-2", bed=""))
    assert world.wait(2) == ["000001-run-1-2-mon-2.jsonl"]


def test_a_disk_that_hangs_holds_up_nobody_and_piles_up_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    make_room = BlackBox._make_room

    def slow(box: BlackBox) -> int:
        assert goes_on.wait(5.0)
        return make_room(box)

    monkeypatch.setattr(BlackBox, "_make_room", slow)
    for number in range(20):
        world.keep(alarm(number, port="mon-1", bed=""), later(number * PAUSE_S))
    assert world.written == []
    goes_on.set()
    assert len(world.wait(module.WAITING_MAX)) == module.WAITING_MAX
    world.keep(alarm(99, port="mon-1", bed=""), later(99 * PAUSE_S))
    assert len(world.wait(module.WAITING_MAX + 1)) == module.WAITING_MAX + 1
