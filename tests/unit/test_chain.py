"""The chain of the journal: what was changed, removed, moved or cut is found, and said where."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from edge.chain import CHECKPOINT, FOUND_MAX, GENESIS, check, checkpoint_body, link, start_of
from edge.rows import ChainedRow, Head, JournalRow

START = Head(0, GENESIS)


def row(number: int) -> JournalRow:
    return JournalRow(
        "run-1", "alarm", f"2026-01-01T00:00:{number:02}.000Z", True, float(number), f'{{"n":"{number}"}}'
    )


def chained(count: int, start: Head = START) -> list[ChainedRow]:
    rows: list[ChainedRow] = []
    before = start.hash
    for number in range(start.number + 1, start.number + count + 1):
        before = link(before, number, row(number))
        rows.append(ChainedRow(number, row(number), before))
    return rows


def faults(rows: list[ChainedRow], head: Head | None = None, highest: int = 0) -> list[str]:
    return check(rows, START, max(highest, rows[-1].number if rows else 0), head).faults


def test_the_hash_covers_the_one_before_the_number_and_every_word() -> None:
    told = b'[7,"run-1","alarm","2026-01-01T00:00:07.000Z",1,7.0,"{\\"n\\":\\"7\\"}"]'
    assert link(GENESIS, 7, row(7)) == hashlib.sha256(bytes(32) + told).digest()
    changed = [
        replace(row(7), run="run-2"),
        replace(row(7), kind="link"),
        replace(row(7), wall="2026-01-01T00:00:08.000Z"),
        replace(row(7), synchronised=False),
        replace(row(7), mono_s=7.5),
        replace(row(7), body='{"n":"8"}'),
    ]
    hashes = {link(GENESIS, 7, row(7)), link(GENESIS, 8, row(7)), link(bytes([1] * 32), 7, row(7))}
    assert len(hashes | {link(GENESIS, 7, one) for one in changed}) == 9
    assert link(GENESIS, 7, replace(row(7), mono_s=7)) == link(GENESIS, 7, row(7))  # as the file gives it back


def test_a_whole_chain_holds_and_each_of_its_rows_is_a_head() -> None:
    rows = chained(9)
    verdict = check(rows, START, 9)
    assert (verdict.faults, verdict.rows, verdict.first, verdict.unchained) == ([], 9, 1, 0)
    assert verdict.last == Head(9, rows[-1].hash or b"")
    for one in rows:
        assert one.hash is not None
        assert check(rows, START, 9, Head(one.number, one.hash)).head_number == one.number
        assert check(rows, START, 9, Head(0, one.hash)).head_number == one.number
    assert check([], START, 0).faults == []


def changed(rows: list[ChainedRow]) -> None:
    rows[3] = replace(rows[3], row=replace(rows[3].row, body='{"n":"other"}'))


def changed_with_its_hash(rows: list[ChainedRow]) -> None:
    changed(rows)
    rows[3] = replace(rows[3], hash=link(rows[2].hash or b"", 4, rows[3].row))


def swapped(rows: list[ChainedRow]) -> None:
    rows[3], rows[4] = replace(rows[4], number=4), replace(rows[3], number=5)


def removed(rows: list[ChainedRow]) -> None:
    del rows[3:5]


def removed_and_numbered_anew(rows: list[ChainedRow]) -> None:
    rows[3:] = [replace(one, number=one.number - 1) for one in rows[4:]]


def unhashed(rows: list[ChainedRow]) -> None:
    rows[3] = replace(rows[3], hash=None)


@pytest.mark.parametrize(
    ("spoil", "numbers"),
    [
        (changed, [4]),
        (changed_with_its_hash, [5]),
        (swapped, [4, 5, 6]),
        (removed_and_numbered_anew, [4, 5, 6, 7, 8]),
    ],
)
def test_what_does_not_follow_is_told_with_its_row(
    spoil: Callable[[list[ChainedRow]], None], numbers: list[int]
) -> None:
    rows = chained(9)
    spoil(rows)
    told = faults(rows)
    assert [int(fault.split()[1]) for fault in told] == numbers
    assert all("does not follow on the row before it" in fault for fault in told)


def test_removed_rows_are_told_by_their_numbers() -> None:
    rows = chained(9)
    removed(rows)
    assert faults(rows) == ["rows 4 to 5 were removed"]
    assert faults(chained(9)[1:]) == ["row 1 was removed"]


def test_a_row_without_a_hash_in_the_chain_is_told() -> None:
    rows = chained(9)
    unhashed(rows)
    assert faults(rows) == ["row 4 has no hash: it was put in, or its hash was taken out"]


def test_a_cut_end_is_told_by_the_numbers_that_were_given_or_by_the_head() -> None:
    rows = chained(9)
    head = Head(9, rows[8].hash or b"")
    assert faults(rows[:6], highest=9) == ["rows 7 to 9 were cut off behind the end"]
    assert faults(rows[:8], highest=9) == ["row 9 was cut off behind the end"]
    assert faults(rows[:6]) == []
    assert faults(rows[:8], head) == ["the head is of row 9, and the last row is 8: row 9 was cut off"]
    assert faults(rows[:8], replace(head, number=0)) == [
        "the head is in no row: rows behind row 8 were cut off, or the chain was written anew"
    ]
    assert faults([], head, highest=9) == [
        "rows 1 to 9 were cut off behind the end",
        "the head is of row 9, and the last row is 0: rows 1 to 9 were cut off",
    ]


def test_a_chain_that_was_written_anew_does_not_lead_to_the_head() -> None:
    rows = chained(9)
    head = Head(7, rows[6].hash or b"")
    forged = [replace(rows[2], row=replace(rows[2].row, body="{}")), *rows[3:]]
    before = rows[1].hash or b""
    for place, one in enumerate(forged):
        before = link(before, one.number, one.row)
        forged[place] = replace(one, hash=before)
    assert faults([*rows[:2], *forged]) == []
    assert faults([*rows[:2], *forged], head) == [
        "row 7 has another hash than the head: the journal was written anew from some row before"
    ]


def test_a_checkpoint_carries_the_chain_on() -> None:
    rows = chained(9)
    gone = rows[3]
    assert gone.hash is not None
    checkpoint = replace(row(10), kind=CHECKPOINT, body=checkpoint_body(4, gone.hash, "more than 5 rows"))
    rows.append(ChainedRow(10, checkpoint, link(rows[8].hash or b"", 10, checkpoint)))
    start = start_of(checkpoint)
    assert start == Head(4, gone.hash)
    assert check(rows[4:], start, 10).faults == []
    assert check(rows[5:], start, 10).faults == ["row 5 was removed"]
    assert check(rows[4:], start, 10, Head(3, rows[2].hash or b"")).faults == [
        "the head is of row 3, and rows up to 4 went by the bounds: take a newer head"
    ]
    assert check(rows[4:], Head(4, bytes(32)), 10).faults != []


@pytest.mark.parametrize(
    "body", ["no JSON", "[]", "{}", '{"last_gone": "x", "hash": ""}', '{"last_gone": "1", "hash": "z"}']
)
def test_what_is_no_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        start_of(replace(row(1), body=body))


def test_the_rows_before_the_chain_are_counted() -> None:
    rows = [ChainedRow(number, row(number), None) for number in (1, 2, 3)]
    first = ChainedRow(4, row(4), link(GENESIS, 4, row(4)))
    verdict = check([*rows, first], START, 4)
    assert (verdict.faults, verdict.unchained, verdict.last.number) == ([], 3, 4)


def test_many_faults_are_counted() -> None:
    rows = [replace(one, hash=bytes([number] * 32)) for number, one in enumerate(chained(40), 1)]
    verdict = check(rows, START, 40)
    assert (len(verdict.faults), verdict.faults_more) == (FOUND_MAX, 20)


def test_no_two_neighbours_share_a_hash() -> None:
    assert all(one.hash != other.hash for one, other in pairwise(chained(9)))
