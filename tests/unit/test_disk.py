"""The room on the disk: looked at beside the loop, the last known where the disk hangs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edge import disk
from edge.disk import DiskSpace, free_mb


def test_it_is_what_df_says_and_unknown_where_nothing_is(tmp_path: Path) -> None:
    found = free_mb(tmp_path)
    assert found is not None
    assert found > 0
    assert free_mb(tmp_path / "nothing") is None


def test_a_disk_that_hangs_leaves_the_last_that_was_known_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, done, asked = threading.Semaphore(0), threading.Semaphore(0), []

    def hang(folder: Path) -> int:
        asked.append(folder)
        goes_on.acquire()
        done.release()
        return 100 * len(asked)

    monkeypatch.setattr(disk, "free_mb", hang)
    space = DiskSpace(Path("/store"))
    assert [space.free_mb() for _ in range(3)] == [None, None, None]
    goes_on.release()
    assert done.acquire(timeout=2)
    while (found := space.free_mb()) is None:
        pass
    assert found == 100
    goes_on.release()
    assert done.acquire(timeout=2)
    assert len(asked) == 2
