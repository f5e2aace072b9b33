"""The room on the disks: looked at beside the event loop, and an alarm for the technician before one is full (H-32)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.inputs import DiskSpace, DisksSeen
from edge.core.model import Audience, Priority
from edge.core.rules_disk import FREE_BYTES, MIB
from edge.disks import DiskWatch, free_mb
from tests.core_world import START_S, World

# --- what the core makes of it ---


def seen(at_s: float, *free_bytes: int, files: int | None = None) -> DisksSeen:
    return DisksSeen(at_s, tuple(DiskSpace(f"/disk-{n}", free, files) for n, free in enumerate(free_bytes, 1)))


@pytest.mark.parametrize(
    ("free_bytes", "files", "band", "priority"),
    [
        (256 * MIB, None, None, None),
        (256 * MIB - 1, None, "below 256 MiB", Priority.LOW),
        (64 * MIB, None, "below 256 MiB", Priority.LOW),
        (64 * MIB - 1, None, "below 64 MiB", Priority.MEDIUM),
        (0, None, "below 64 MiB", Priority.MEDIUM),
        (10**12, 1000, None, None),
        (10**12, 999, "below 256 MiB", Priority.LOW),
        (10**12, 99, "below 64 MiB", Priority.MEDIUM),
    ],
)
def test_it_begins_and_grows_as_the_room_goes(
    free_bytes: int, files: int | None, band: str | None, priority: Priority | None
) -> None:
    world = World()
    world.step(START_S, seen(START_S, 10**12, free_bytes, files=files))
    alarm = world.alarm("DISK_NEARLY_FULL")
    if band is None:
        assert alarm is None
        return
    assert alarm is not None
    assert (alarm.band, alarm.priority, alarm.audience) == (band, priority, Audience.TECHNICIAN)
    assert "/disk-2 has " in alarm.text


def test_it_names_the_fullest_disk_alone_and_keeps_all_as_evidence() -> None:
    world = World()
    world.step(START_S)
    world.step(START_S + 10, seen(START_S + 10, 300 * MIB, 200 * MIB))
    alarm = world.alarm("DISK_NEARLY_FULL")
    assert alarm is not None
    assert alarm.text == "Little room is left on the disk: /disk-2 has 200 MiB."
    assert alarm.evidence == (("/disk-1", "300 MiB"), ("/disk-2", "200 MiB"))


def test_room_that_comes_and_goes_at_the_limit_is_one_alarm_and_it_ends_with_a_quarter_more() -> None:
    world = World()
    low = FREE_BYTES[0]
    at_s = START_S
    for free in (low - 1, low + 1, low - 1, low * 5 // 4 - 1):
        world.step(at_s, seen(at_s, free))
        world.run(at_s + 90)
        at_s = world.now_s
    assert [phase for _, phase, _ in world.told("DISK_NEARLY_FULL")] == ["start"]
    world.step(at_s, seen(at_s, low * 5 // 4))
    world.run(at_s + 59)
    assert "DISK_NEARLY_FULL" in world.standing()
    world.run(at_s + 61)
    assert "DISK_NEARLY_FULL" not in world.standing()


def test_a_disk_that_answers_no_more_ends_nothing() -> None:
    world = World()
    world.step(START_S, seen(START_S, 1))
    world.run(START_S + 600)
    assert "DISK_NEARLY_FULL" in world.present()


# --- how it is looked at ---


class Watch:
    """A watch whose results are delivered when the test says."""

    def __init__(self, *folders: Path) -> None:
        self.seen: list[DisksSeen] = []
        self._calls: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self.watch = DiskWatch(folders[0], folders[1:], lambda: 7.0, self.seen.append, self._deliver)

    def _deliver(self, call: Callable[[], None]) -> None:
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def look(self) -> None:
        self.watch.turn()
        self.hear()

    def hear(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._calls, 15.0)
            self._calls.pop(0)()


def test_each_file_system_is_told_once_by_its_first_folder_also_where_that_is_not_made_yet(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    watch = Watch(tmp_path / "absent" / "a", tmp_path / "b", Path("/proc"))
    watch.look()
    (found,) = watch.seen
    room = os.statvfs(tmp_path)
    assert [one.folder for one in found.disks] == [str(tmp_path), "/proc"]
    assert found.disks[0].free_bytes == pytest.approx(room.f_bavail * room.f_frsize, rel=0.2)
    assert found.received_at_s == 7.0
    assert found.disks[1].free_files is None
    assert watch.watch.free_mb() == found.disks[0].free_bytes // 1_000_000
    assert free_mb(tmp_path) == pytest.approx(watch.watch.free_mb(), rel=0.2)


def test_a_file_system_that_cannot_be_looked_at_is_left_out_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statvfs = os.statvfs

    def failing(folder: Path) -> os.statvfs_result:
        if folder == tmp_path:
            raise OSError(5, "Input/output error")
        return statvfs(folder)

    monkeypatch.setattr(os, "statvfs", failing)
    watch = Watch(tmp_path, Path("/proc"))
    watch.look()
    watch.look()
    assert [[one.folder for one in found.disks] for found in watch.seen] == [["/proc"], ["/proc"]]
    assert (watch.watch.free_mb(), free_mb(tmp_path)) == (None, None)
    assert capsys.readouterr().out.count("Input/output error") == 1
    nothing = Watch(tmp_path)
    nothing.look()
    assert nothing.seen == []


def test_while_a_disk_hangs_nobody_waits_and_no_looks_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    works, looked = threading.Event(), list[str]()
    statvfs = os.statvfs
    watch = Watch(tmp_path)
    watch.look()
    known = watch.watch.free_mb()

    def hanging(folder: str) -> os.statvfs_result:
        looked.append(threading.current_thread().name)
        assert works.wait(5.0)
        return statvfs(folder)

    monkeypatch.setattr(os, "statvfs", hanging)
    for _ in range(5):
        watch.watch.turn()
    assert watch.watch.free_mb() == known is not None
    works.set()
    watch.hear()
    assert (len(watch.seen), looked) == (2, ["disks"])
    watch.look()  # those that piled up would come first
    assert (len(watch.seen), looked, watch.watch._worker._jobs.qsize()) == (3, ["disks", "disks"], 0)
