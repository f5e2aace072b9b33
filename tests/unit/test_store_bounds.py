"""The bounds of the store: what is kept over them, what is not, and that it is said."""

from pathlib import Path

import pytest

from edge import store as module
from edge import store_file
from edge.store import ANSWERS_MAX, ANSWERS_READ_MAX, AlarmRow, Omitted, OutboxRow, Sent, TherapyRow, Transaction
from tests.unit.stores import (
    LIMIT_S,
    Opened,
    alarm,
    answer,
    event,
    line,
    locked,
    numbered,
    reload,
    rows,
    wait_until_taken,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_over_its_bound_the_queue_refuses_at_once_and_keeps_the_alarm_states(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 2)
    opened = Opened(path)
    with locked(path):
        opened.store.submit(Transaction(1, (alarm("A"), alarm("B"))))
        wait_until_taken(opened.store)
        opened.store.submit(numbered(2))
        opened.store.submit(Transaction(3, (alarm("C"),)))
        assert opened.results.told == []
        opened.store.submit(
            Transaction(4, (alarm("A", rev=2), alarm("D")), (), (event(4), event(5)), (line(),), (answer(1),))
        )
        ended = (("bed-1", "C"), ("bed-1", "A"))
        opened.store.submit(Transaction(5, (alarm("B", rev=2), alarm("D", rev=2)), ended, answers=(answer(2),)))
        opened.store.submit(Sent("run-1", 2))
        assert opened.results.told == [
            (4, False, "the queue is full: 2 events, 1 journal rows and 1 answers not kept"),
            (5, False, "the queue is full: 0 events, 0 journal rows and 1 answers not kept"),
        ]
    opened.results.wait_for(5)
    opened.commit(Transaction(6, (alarm("E"),)))
    opened.close()
    assert opened.results.pairs()[2:] == [(1, True), (2, True), (3, True), (6, True)]
    state = reload(path)
    assert state.alarms == (alarm("B", rev=2), alarm("D", rev=2), alarm("E"))
    assert (state.outbox, state.answers) == ((event(2),), ())
    assert rows(path, "SELECT count(*) FROM journal") == [(0,)]


def test_over_its_bound_the_queue_keeps_the_last_word_of_each_part_of_a_therapy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 1)
    opened = Opened(path)
    with locked(path):
        opened.store.submit(
            Transaction(1, therapy=(TherapyRow("bed-1", "therapy", "1"), TherapyRow("bed-2", "dose", "1")))
        )
        wait_until_taken(opened.store)
        opened.store.submit(numbered(2))
        for mark, body in ((3, "2"), (4, None), (5, "3")):
            opened.store.submit(Transaction(mark, therapy=(TherapyRow("bed-1", "therapy", body),)))
        opened.store.submit(Transaction(6, therapy=(TherapyRow("bed-2", "dose", None),)))
    opened.results.wait_for(6)
    opened.commit(numbered(7))
    opened.close()
    assert reload(path).therapy == (TherapyRow("bed-1", "therapy", "3"),)


def test_the_bound_of_the_queue_takes_just_so_many(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", LIMIT_S)
    opened = Opened(path)
    with locked(path):
        opened.store.submit(numbered(1))
        wait_until_taken(opened.store)
        for mark in range(2, module.QUEUE_MAX + 2):
            opened.store.submit(numbered(mark))
        assert opened.results.told == []
        opened.store.submit(numbered(module.QUEUE_MAX + 2))
        assert opened.results.pairs() == [(module.QUEUE_MAX + 2, False)]
    opened.close()
    assert opened.results.pairs()[1:] == [(mark, True) for mark in range(1, module.QUEUE_MAX + 2)]


def test_over_its_bound_the_outbox_takes_no_event_and_says_how_many(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "OUTBOX_MAX", 3)
    opened = Opened(path)
    opened.commit(
        Transaction(1, events=(event(1), event(2))),
        Transaction(2, (alarm(),), events=(event(3), event(4), event(5)), journal=(line(),)),
        Sent("run-1", 1),
        Transaction(3, events=(event(6),)),
        Transaction(4, events=(event(7),)),
    )
    opened.close()
    assert opened.results.told == [
        (1, True, ""),
        (2, True, "the outbox is full: 2 events not kept"),
        (3, True, ""),
        (4, True, "the outbox is full: 1 events not kept"),
    ]
    second = Opened(path, "run-2")
    assert (second.state.outbox, second.state.alarms) == ((event(2), event(3), event(6)), (alarm(),))
    assert second.state.previous_event_seq == 6
    second.commit(Transaction(1, events=(event(1, "run-2"),)))
    second.close()
    assert second.results.told == [(1, True, "the outbox is full: 1 events not kept")]


def test_a_refused_row_leaves_the_count_of_the_outbox_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "OUTBOX_MAX", 2)
    opened = Opened(path)
    opened.commit(Transaction(1, events=(event(1), event(1, "run-unknown"))))
    opened.commit(Sent("run-1", 9), numbered(2), numbered(3), numbered(4))
    opened.close()
    assert [(mark, committed) for mark, committed, _ in opened.results.told] == [
        (1, False),
        (2, True),
        (3, True),
        (4, True),
    ]
    assert opened.results.told[-1][2] == "the outbox is full: 1 events not kept"
    assert reload(path).outbox == (event(2), event(3))


def test_over_its_bound_the_oldest_answer_goes(path: Path) -> None:
    answers = tuple(answer(number) for number in range(1, ANSWERS_MAX + 3))
    opened = Opened(path)
    opened.commit(Transaction(1, answers=answers[:ANSWERS_MAX]))
    kept = "SELECT count(*), min(position), max(position) FROM answer"
    assert rows(path, kept) == [(ANSWERS_MAX, 1, ANSWERS_MAX)]
    opened.commit(Transaction(2, answers=answers[ANSWERS_MAX - 1 :]))
    opened.close()
    assert opened.results.told == [(1, True, ""), (2, True, "")]
    assert rows(path, kept) == [(ANSWERS_MAX, 3, ANSWERS_MAX + 2)]
    assert rows(path, "SELECT request_id FROM answer WHERE position = 3") == [("request-3",)]


def test_the_newest_answers_are_read_oldest_first(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, answers=tuple(answer(number) for number in range(1, ANSWERS_READ_MAX + 2))))
    opened.close()
    assert reload(path).answers == tuple(answer(number) for number in range(2, ANSWERS_READ_MAX + 2))


def test_what_was_omitted_leaves_the_outbox_and_its_notice_stands_in_the_place_of_the_first(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, events=tuple(event(number) for number in range(1, 7))))
    notice = OutboxRow("run-1", 2, "omitted", b"{}", 4)
    opened.store.submit(Omitted((("run-1", 2), ("run-1", 4)), notice))
    opened.store.submit(Sent("run-1", 1))
    opened.commit(numbered(7))
    assert reload_of(opened, path) == (notice, event(3), event(5), event(6), event(7))
    second = Opened(path, "run-2")
    wider = OutboxRow("run-1", 2, "omitted", b"{more}", 4)
    second.store.submit(Omitted((("run-1", 2), ("run-1", 3)), wider))
    second.store.submit(Sent("run-1", 2))
    second.commit(Transaction(1))
    assert reload_of(second, path) == (event(5), event(6), event(7))


def test_a_notice_of_events_that_were_never_kept_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "OUTBOX_MAX", 3)
    opened = Opened(path)
    notice = OutboxRow("run-1", 5, "omitted", b"{}", 4)
    opened.store.submit(Omitted((("run-1", 5), ("run-1", 6)), notice))
    opened.commit(numbered(1), numbered(2), numbered(3))
    assert [told[2] for told in opened.results.told] == ["", "", "the outbox is full: 1 events not kept"]
    assert reload_of(opened, path) == (notice, event(1), event(2))


def reload_of(opened: Opened, path: Path) -> tuple[OutboxRow, ...]:
    opened.close()
    return reload(path).outbox


def test_of_the_ends_the_newest_are_remembered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "ENDED_MAX", 3)
    opened = Opened(path)
    for number in range(1, 7):
        opened.commit(Transaction(2 * number, (alarm(f"KEY-{number}"),)))
        opened.commit(Transaction(2 * number + 1, ended=(("bed-1", f"KEY-{number}"), ("bed-1", "NEVER_STOOD"))))
    opened.close()
    assert reload(path).ended == {("bed-1", f"KEY-{number}", f"KEY-{number}-1") for number in (4, 5, 6)}


def test_an_occurrence_in_whose_place_another_begins_is_over(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, (alarm(),)))
    opened.commit(Transaction(2, (AlarmRow("bed-1", "HR_HIGH", "HR_HIGH-2", 1, "{}"),)))
    opened.commit(Transaction(3, (AlarmRow("bed-1", "HR_HIGH", "HR_HIGH-2", 2, "{}"),)))  # goes on
    opened.close()
    assert reload(path).ended == {("bed-1", "HR_HIGH", "HR_HIGH-1")}
