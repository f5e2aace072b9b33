"""What is kept beside the alarms: the start, the configuration, the hour, and the heads of the journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.core.model import Instant
from edge.journal import EXIT_OK, verify
from edge.keeper import HEAD_EVERY_S, Keeper, changes_of
from edge.store import Head, Transaction
from tests.unit.stores import Opened, line, rows
from tests.unit.test_runtime import FakeClock


class Kept:
    """A keeper with a real store."""

    def __init__(self, path: Path) -> None:
        self.opened = Opened(path)
        self.clock = FakeClock()
        self.published: list[tuple[Head, float]] = []
        self.keeper = Keeper("run-1", self.clock, self.opened.store, self._publish)

    def _publish(self, head: Head, at: Instant) -> None:
        self.published.append((head, at.mono_s))

    def told(self) -> None:
        """Pass on what the store told since."""
        while self.opened.results.told:
            mark, committed, _ = self.opened.results.told.pop(0)
            self.keeper.stored(mark, committed=committed)

    def commit(self, mark: int) -> None:
        self.opened.commit(Transaction(mark, journal=(line(),)))
        self.told()

    def numbers(self) -> list[int]:
        return [head.number for head, _ in self.published]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "store.db")


def test_the_first_commit_gives_the_first_head(kept: Kept, tmp_path: Path) -> None:
    kept.keeper.begin([("start", {"version": "1"}), ("configuration", {"changed": ""})])
    kept.opened.results.wait_for(1)
    kept.told()
    assert kept.published == [(kept.opened.store.head, 1000.0)]
    found = rows(tmp_path / "store.db", "SELECT run, kind, synchronised, mono_s, body FROM journal")
    assert found == [
        ("run-1", "start", 1, 1000.0, '{"version": "1"}'),
        ("run-1", "configuration", 1, 1000.0, '{"changed": ""}'),
    ]
    kept.opened.close()


def test_a_head_comes_with_a_high_alarm_and_covers_its_row(kept: Kept, tmp_path: Path) -> None:
    kept.commit(1)
    kept.commit(2)
    assert kept.numbers() == [1]
    kept.keeper.high_alarm(4)
    kept.commit(3)
    assert kept.numbers() == [1]
    kept.commit(4)
    kept.commit(5)
    assert kept.numbers() == [1, 4]
    kept.opened.close()
    assert verify(tmp_path / "store.db", str(kept.published[1][0]), lambda _: None)[0] == EXIT_OK


def test_what_was_not_committed_gives_no_head(kept: Kept) -> None:
    kept.keeper.high_alarm(7)
    kept.keeper.stored(7, committed=False)
    assert kept.published == []
    kept.commit(7)
    assert kept.numbers() == [1]
    kept.opened.close()


def test_a_head_comes_every_hour_also_where_nothing_happens(kept: Kept, tmp_path: Path) -> None:
    kept.commit(1)
    for _ in range(2):
        kept.clock.now_s += HEAD_EVERY_S - 1
        kept.keeper.turn()
        kept.clock.now_s += 1
        kept.keeper.turn()
        kept.opened.results.wait_for(1)
        kept.told()
    assert kept.numbers() == [1, 2, 3]
    kept.keeper.end()
    kept.opened.close()
    assert rows(tmp_path / "store.db", "SELECT kind FROM journal") == [("alarm",), ("hour",), ("hour",), ("stop",)]


def test_what_changed_in_the_configuration_is_named_with_both_hashes() -> None:
    before = json.dumps({"edge.toml": "aa", "drugs.toml": "bb", "old.toml": "cc"})
    assert changes_of(before, {"edge.toml": "aa", "drugs.toml": "dd", "new.toml": "ee"}) == {
        "changed": "drugs.toml, new.toml, old.toml",
        "sha256.edge.toml": "aa",
        "sha256.drugs.toml": "dd",
        "sha256.new.toml": "ee",
        "before.drugs.toml": "bb",
        "before.new.toml": "none",
        "before.old.toml": "cc",
    }
    assert changes_of(before, json.loads(before))["changed"] == ""


@pytest.mark.parametrize("before", ["", "no JSON", "[]"])
def test_without_a_configuration_before_nothing_changed(before: str) -> None:
    assert changes_of(before, {"edge.toml": "aa"}) == {"changed": "", "sha256.edge.toml": "aa"}


def test_another_configuration_is_journalled_and_is_what_the_next_run_compares_with(kept: Kept, tmp_path: Path) -> None:
    kept.keeper.configured('{"edge.toml": "cd"}', {"change.1": "bed bed-2 is removed"})
    kept.opened.results.wait_for(1)
    found = rows(tmp_path / "store.db", "SELECT kind, body FROM journal")
    assert found == [("configuration", '{"change.1": "bed bed-2 is removed"}')]
    kept.keeper.note("black box", {})
    kept.opened.close()
    again = Opened(tmp_path / "store.db", "run-2")
    assert again.state.previous_configuration == '{"edge.toml": "cd"}'
    again.close()
