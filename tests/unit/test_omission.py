"""Too many events for a broker that is away: the least go, and each gap is announced in its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import omission as module
from edge.messages.events import OmittedMessage
from edge.omission import AGE_MAX_S, collapse, is_over
from edge.rows import NEVER_OMITTED, OutboxRow

LOW, MEDIUM, HIGH = 1, 2, 3
WALL_S = 1_790_000_000.0


def row(event_seq: int, priority: int = HIGH, *, run: str = "run-1", wall_s: float = 0.0, size: int = 1) -> OutboxRow:
    return OutboxRow(run, event_seq, "event", b"x" * size, priority, wall_s)


def rows(*priorities: int, run: str = "run-1") -> list[OutboxRow]:
    return [row(number, priority, run=run) for number, priority in enumerate(priorities, 1)]


def shown(left: list[OutboxRow]) -> list[object]:
    """Events by number, notices by what they say."""
    return [
        {name: value for name, value in json.loads(one.payload).items() if name not in ("schema", "run")}
        if one.priority == NEVER_OMITTED
        else one.event_seq
        for one in left
    ]


def said(first: int, last: int, *, high: int = 0, medium: int = 0, low: int = 0) -> dict[str, int]:
    count = high + medium + low
    return {
        "first_event_seq": first, "last_event_seq": last, "count": count, "high": high, "medium": medium, "low": low,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVENTS_MAX", 6)
    monkeypatch.setattr(module, "LEFT", 1.0)


def test_the_oldest_of_the_lowest_go_first_into_one_counted_notice() -> None:
    events = rows(HIGH, LOW, MEDIUM, LOW, HIGH, LOW, MEDIUM, LOW)
    assert is_over(events, 0, 0)
    left, (omitted,) = collapse(events, "omitted", 0)
    assert shown(left) == [1, said(2, 4, low=2), 3, 5, 6, 7, 8]
    assert omitted.events == (("run-1", 2), ("run-1", 4))
    assert (omitted.notice.run, omitted.notice.event_seq, omitted.notice.topic) == ("run-1", 2, "omitted")
    assert OmittedMessage.read(omitted.notice.payload).run == "run-1"


def test_a_later_notice_says_what_the_earlier_one_said_too() -> None:
    left, _ = collapse(rows(HIGH, LOW, MEDIUM, LOW, HIGH, LOW, MEDIUM, LOW), "omitted", 0)
    left += [row(number, HIGH) for number in (9, 10)]
    left, (omitted,) = collapse(left, "omitted", 0)
    assert shown(left) == [1, said(2, 8, low=4, medium=1), 5, 7, 9, 10]
    assert omitted.events == tuple(("run-1", number) for number in (2, 3, 6, 8))


def test_what_is_on_its_way_stays_and_a_notice_that_is_gets_another_beside_it() -> None:
    left, _ = collapse(rows(LOW, LOW, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH), "omitted", 0)
    assert shown(left) == [said(1, 2, low=2), 3, 4, 5, 6, 7, 8]
    left, _ = collapse(left, "omitted", 1)
    assert shown(left) == [said(1, 2, low=2), said(3, 3, high=1), 4, 5, 6, 7, 8]
    assert shown(collapse(rows(LOW, LOW, LOW, LOW, LOW, LOW, LOW), "omitted", 1)[0])[0] == 1


def test_each_run_has_its_own_notice() -> None:
    events = [*rows(LOW, HIGH, LOW), *rows(LOW, HIGH, HIGH, HIGH, HIGH, run="run-2")]
    left, omitted = collapse(events, "omitted", 0)
    assert [(one.notice.run, one.events) for one in omitted] == [("run-1", (("run-1", 1), ("run-1", 3)))]
    left, omitted = collapse([*left, *rows(HIGH, run="run-3")], "omitted", 0)
    assert [one.notice.run for one in omitted] == ["run-2", "run-1"]
    assert shown(left) == [said(1, 3, low=2, high=1), said(1, 1, low=1), 2, 3, 4, 5, 1]


def test_bytes_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BYTES_MAX", 100)
    events = [row(number, size=30) for number in range(1, 5)]
    assert is_over(events, 120, 0)
    assert shown(collapse(events, "omitted", 0)[0]) == [said(1, 1, high=1), 2, 3, 4]


def test_what_is_too_old_goes_whatever_it_is_where_both_clocks_were_known() -> None:
    old = row(1, HIGH, wall_s=WALL_S - AGE_MAX_S - 1)
    events = [old, row(2, HIGH), row(3, LOW, wall_s=WALL_S - AGE_MAX_S), row(4, LOW, wall_s=WALL_S)]
    assert is_over(events, 0, 0)
    assert not is_over(events, 0, 1)
    assert not is_over([old], 0, 1)
    assert not is_over([], 0, 0)
    assert shown(collapse(events, "omitted", 0)[0]) == [said(1, 1, high=1), 2, 3, 4]
    assert not is_over([row(1, wall_s=WALL_S), row(2, wall_s=0.0)], 0, 0)


@given(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=6), min_size=1, max_size=8))
def test_every_event_is_there_or_counted_and_every_gap_is_announced_first(
    bursts: list[list[int]],
) -> None:
    left: list[OutboxRow] = []
    number = 0
    kept: list[int] = []
    for burst in bursts:
        kept += range(number + 1, number + len(burst) + 1)
        left += [row(number + place, priority) for place, priority in enumerate(burst, 1)]
        number += len(burst)
        if is_over(left, 0, 0):
            left, omitted = collapse(left, "omitted", 0)
            assert len(left) <= 7
            for one in omitted:
                gone = {seq for _, seq in one.events}
                kept = [seq for seq in kept if seq not in gone]
    counted, announced = 0, 0
    seen: list[int] = []
    for found in left:
        if found.priority == NEVER_OMITTED:
            gap = OmittedMessage.read(found.payload)
            counted, announced = counted + gap.count, max(announced, gap.last_event_seq)
            assert gap.count == gap.high + gap.medium + gap.low
        else:
            before = seen[-1] if seen else 0
            assert found.event_seq == before + 1 or announced >= found.event_seq - 1
            seen.append(found.event_seq)
    assert seen == sorted(seen) == kept
    assert counted == number - len(seen)
