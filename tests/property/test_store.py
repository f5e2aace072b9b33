"""The store against a small model: whatever fails, and however full its queue, no alarm state is wrong afterwards."""

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from edge import store as module
from edge.store import AlarmRow, AnswerRow, Item, OutboxRow, Run, Sent, Store, Transaction
from edge.store_file import StoreFile

KEYS = ("A", "B", "C")


@st.composite
def histories(draw: st.DrawFn) -> list[Item]:
    """Steps in the order of their marks; an event is sent only after its step."""
    items: list[Item] = []
    event_seq = 0
    for mark in range(1, draw(st.integers(1, 25)) + 1):
        number = draw(st.integers(0, 3))
        events = tuple(OutboxRow("run", event_seq + n + 1, "topic", b"x") for n in range(number))
        event_seq += number
        begun = draw(st.sets(st.sampled_from(KEYS)))
        ended = draw(st.sets(st.sampled_from(KEYS)))
        alarms = tuple(AlarmRow("bed", key, f"{key}-{mark}", mark, "{}") for key in sorted(begun))
        answers = (AnswerRow("station", f"request-{mark}", "{}"),)
        items.append(Transaction(mark, alarms, tuple(("bed", key) for key in sorted(ended)), events, answers=answers))
        if event_seq and draw(st.booleans()):
            items.append(Sent("run", draw(st.integers(1, event_seq))))
    return items


@settings(max_examples=60, deadline=None)
@given(histories(), st.lists(st.booleans(), max_size=12), st.integers(1, 30), st.integers(1, 4))
def test_the_file_holds_what_was_told(items: list[Item], failures: list[bool], queue_max: int, batch_max: int) -> None:
    told: list[tuple[int, bool]] = []
    commit = StoreFile.commit
    fates = iter(failures)

    def failing(file: StoreFile, batch: Sequence[Item]) -> list[tuple[bool, str]]:
        fails: bool = next(fates, False)
        if batch and fails:
            raise sqlite3.OperationalError("disk I/O error")
        return commit(file, batch)

    with (
        tempfile.TemporaryDirectory() as directory,
        mock.patch.multiple(module, QUEUE_MAX=queue_max, BATCH_MAX=batch_max, RETRY_S=0.001),
        mock.patch.object(StoreFile, "commit", failing),
    ):
        store = Store(lambda mark, committed, _: told.append((mark, committed)), lambda call: call())
        store.open(Path(directory, "store.db"), Run("run", "boot", ""))
        for item in items:
            store.submit(item)
        assert store.close(5.0)
        fresh = Store(lambda *_: None, lambda call: call())
        state = fresh.open(Path(directory, "store.db"), Run("next", "boot", ""))
        assert fresh.close(5.0)

    alarms: dict[str, AlarmRow] = {}
    for item in items:
        if isinstance(item, Transaction):
            for _, key in item.ended:
                alarms.pop(key, None)
            alarms.update({row.key: row for row in item.alarms})
    assert state.alarms == tuple(alarms[key] for key in sorted(alarms))

    committed = {mark for mark, success in told if success}
    steps = [item for item in items if isinstance(item, Transaction)]
    kept = [row for step in steps if step.mark in committed for row in step.events]
    assert state.answers == tuple(row for step in steps if step.mark in committed for row in step.answers)
    sent = {item.event_seq for item in items if isinstance(item, Sent)}
    unsent = [row for row in kept if row.event_seq not in sent]
    assert [row for row in state.outbox if row.event_seq not in sent] == unsent
    assert state.previous_event_seq == max((row.event_seq for row in kept), default=0)
    assert {mark for mark, _ in told} == {step.mark for step in steps}
    assert len(set(told)) == len(told)
    assert [mark for mark, success in told if success] == sorted(committed)
