"""The store on real files: what is told as committed is there, in order, and there after the end."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge import store as module
from edge.store import JournalRow, Run, Sent, Store, StoredState, Transaction
from edge.store_file import StoreFile
from tests.unit.stores import (
    LIMIT_S,
    WALL,
    Opened,
    Results,
    alarm,
    answer,
    event,
    line,
    locked,
    numbered,
    reload,
    rows,
    wait_until_taken,
    write_something,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_the_connection_is_durable_and_checks_references(path: Path) -> None:
    file = StoreFile(path, Run("run-1", "boot-1", WALL))
    db = file._connect()
    full = 2
    assert db.execute("PRAGMA synchronous").fetchone() == (full,)
    assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    file.drop()


def test_what_was_committed_is_there_after_a_restart(path: Path) -> None:
    first = Opened(path)
    first.commit(
        Transaction(
            1,
            (alarm(), alarm("SPO2_LOW", bed="bed-2")),
            events=(event(1), event(2)),
            journal=(line("one"), line("two")),
            answers=(answer(2, '{"done":true}'), answer(1)),
        )
    )
    first.commit(Transaction(2, (alarm(rev=2, body='{"v":"12.50"}'),), (("bed-2", "SPO2_LOW"),), (event(3),)))
    first.close()

    second = Opened(path, "run-2")
    assert second.state == StoredState(
        previous_run="run-1",
        previous_event_seq=3,
        alarms=(alarm(rev=2, body='{"v":"12.50"}'),),
        outbox=(event(1), event(2), event(3)),
        answers=(answer(2, '{"done":true}'), answer(1)),
        last_known_wall=WALL,
        ended=frozenset({("bed-2", "SPO2_LOW", alarm("SPO2_LOW").occurrence)}),
    )
    second.commit(numbered(1, "run-2"), Sent("run-1", 1), Sent("run-1", 2))
    second.close()

    third = reload(path, "run-3")
    assert (third.previous_run, third.previous_event_seq) == ("run-2", 1)
    assert third.outbox == (event(3), event(1, "run-2"))
    assert rows(path, "SELECT id, run, kind, wall, synchronised, mono_s, body FROM journal") == [
        (1, "run-1", "one", WALL, 1, 12.5, '{"a":"b"}'),
        (2, "run-1", "two", WALL, 1, 12.5, '{"a":"b"}'),
    ]


def test_a_run_without_an_event_is_still_the_previous_one(path: Path) -> None:
    write_something(path)
    assert (reload(path, "run-2").previous_run, reload(path, "run-3").previous_run) == ("run-1", "run-2")
    assert reload(path, "run-4").previous_event_seq == 0


def test_an_alarm_that_ended_and_began_again_in_one_step_stands(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, (alarm(),)), Transaction(2, (alarm(rev=7),), (("bed-1", "HR_HIGH"),)))
    opened.close()
    assert reload(path).alarms == (alarm(rev=7),)


def test_the_id_of_a_pruned_journal_row_never_comes_again(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, journal=(line(), line())))
    rows_before = rows(path, "SELECT max(id) FROM journal")
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM journal")
    db.close()
    opened.commit(Transaction(2, journal=(line(),)))
    opened.close()
    assert (rows_before, rows(path, "SELECT id FROM journal")) == ([(2,)], [(3,)])


def test_an_event_submitted_twice_is_kept_once(path: Path) -> None:
    opened = Opened(path)
    opened.commit(numbered(1), Transaction(2, events=(event(1), event(2))))
    opened.close()
    assert opened.results.pairs() == [(1, True), (2, True)]
    assert reload(path).outbox == (event(1), event(2))


def test_the_first_answer_to_a_request_is_the_one_that_is_kept(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, answers=(answer(1, '{"done":true}'),)))
    opened.commit(Transaction(2, answers=(answer(1, '{"done":false}'), answer(1, station="station-2"))))
    opened.close()
    assert opened.results.pairs() == [(1, True), (2, True)]
    assert reload(path).answers == (answer(1, '{"done":true}'), answer(1, station="station-2"))


def test_results_come_in_order_and_no_sent_overtakes_its_row(path: Path) -> None:
    opened = Opened(path)
    for mark in range(1, 501):
        opened.store.submit(numbered(mark))
        opened.store.submit(Sent("run-1", mark))
    opened.close()
    assert opened.results.pairs() == [(mark, True) for mark in range(1, 501)]
    assert reload(path).outbox == ()


def test_a_result_is_told_only_when_another_program_can_read_the_row(path: Path) -> None:
    seen: list[list[tuple[object, ...]]] = []

    def look(mark: int, committed: bool, detail: str) -> None:
        seen.append(rows(path, "SELECT event_seq FROM outbox WHERE event_seq = ?", mark))

    store = Store(look, lambda call: call())
    store.open(path, Run("run-1", "boot-1", WALL))
    for mark in range(1, 21):
        store.submit(numbered(mark))
    assert store.close(LIMIT_S)
    assert seen == [[(mark,)] for mark in range(1, 21)]


def test_what_waits_together_is_committed_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    commit = StoreFile.commit

    def counted(file: StoreFile, items: Sequence[module.Item]) -> list[tuple[bool, str]]:
        batches.append(len(items))
        return commit(file, items)

    opened = Opened(path)
    monkeypatch.setattr(StoreFile, "commit", counted)
    number = 1 + module.BATCH_MAX + 10
    with locked(path):
        opened.store.submit(numbered(1))
        wait_until_taken(opened.store)
        for mark in range(2, number + 1):
            opened.store.submit(numbered(mark))
    opened.close()
    assert opened.results.pairs() == [(mark, True) for mark in range(1, number + 1)]
    assert batches == [1, module.BATCH_MAX, 10]


async def test_results_come_in_the_event_loop_and_a_stalled_disk_delays_nobody(path: Path) -> None:
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[tuple[int, bool, str, int]] = asyncio.Queue()
    store = Store(lambda *result: told.put_nowait((*result, threading.get_ident())), loop.call_soon_threadsafe)
    store.open(path, Run("run-1", "boot-1", WALL))
    with locked(path):
        began_s = loop.time()
        for mark in range(1, 101):
            store.submit(numbered(mark))
        assert loop.time() - began_s < 0.5
        await asyncio.sleep(1.0)  # the stall itself, shorter than BUSY_S
        assert told.empty()
    here = threading.get_ident()
    assert [await told.get() for _ in range(100)] == [(mark, True, "", here) for mark in range(1, 101)]
    assert store.close(LIMIT_S)
    assert [row.event_seq for row in reload(path).outbox] == list(range(1, 101))


def test_a_closed_loop_does_not_keep_the_rest_from_the_disk(path: Path) -> None:
    def refuse(call: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    store = Store(Results().take, refuse)
    store.open(path, Run("run-1", "boot-1", WALL))
    store.submit(numbered(1))
    store.submit(numbered(2))
    assert store.close(LIMIT_S)
    assert reload(path).outbox == (event(1), event(2))


def test_the_thread_is_a_daemon_with_a_name(path: Path) -> None:
    opened = Opened(path)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "store"] == [True]
    opened.close()
    assert "store" not in [thread.name for thread in threading.enumerate()]


def test_the_configuration_and_the_last_time_that_was_right_are_given_back(path: Path) -> None:
    first = Opened(path, configuration='{"edge.toml":"ab"}')
    wrong = JournalRow("run-1", "clock", "1970-01-01T00:00:01.000Z", synchronised=False, mono_s=1.0, body="{}")
    first.commit(Transaction(1, journal=(wrong,)))
    first.close()
    second = Opened(path, "run-2", configuration='{"edge.toml":"cd"}')
    assert (second.state.previous_configuration, second.state.last_known_wall) == ('{"edge.toml":"ab"}', "")
    second.commit(Transaction(1, journal=(line(run="run-2"), replace(wrong, run="run-2"))))
    second.close()
    third = reload(path, "run-3")
    assert (third.previous_configuration, third.last_known_wall) == ('{"edge.toml":"cd"}', WALL)
    assert reload(path, "run-4").last_known_wall == WALL
