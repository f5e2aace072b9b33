"""The journal in the store's file: chained as it is written, bounded, checked and written out."""

import csv
import json
import sqlite3
from io import StringIO
from pathlib import Path

import pytest

from edge import journal as module
from edge import store_file
from edge.cli import main
from edge.journal import EXIT_BROKEN, EXIT_OK, EXIT_UNUSABLE, export, verify
from edge.store import Head, JournalRow, Transaction
from tests.unit.stores import WALL, Opened, answer, event, fail_commits, line, rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def silent(text: str) -> None:
    raise AssertionError(text)


def written(number: int, *, run: str = "run-1", wall: str = WALL, text: str = "HR 130") -> JournalRow:
    body = {
        "bed": "bed-1",
        "key": "HR_HIGH",
        "occurrence": "run-1-1",
        "phase": "update",
        "text": text,
        "n": str(number),
    }
    return JournalRow(run, "alarm", wall, synchronised=True, mono_s=float(number), body=json.dumps(body))


def fill(path: Path, count: int, *, run: str = "run-1", each: int = 4) -> Head:
    opened = Opened(path, run)
    for first in range(1, count + 1, each):
        lines = tuple(written(number, run=run) for number in range(first, min(first + each, count + 1)))
        opened.commit(Transaction(first, journal=lines))
    head = opened.store.head
    opened.close()
    return head


def change(path: Path, sql: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(sql)
    db.close()


def test_what_is_written_is_chained_over_runs_and_each_head_that_was_told_is_found(path: Path) -> None:
    first = fill(path, 10)
    second = fill(path, 3, run="run-2")
    assert (first.number, second.number) == (10, 13)
    assert rows(path, "SELECT hash FROM journal WHERE id IN (10, 13)") == [(first.hash,), (second.hash,)]
    status, text = verify(path, str(first), silent)
    assert (status, text.splitlines()) == (
        EXIT_OK,
        [
            "13 rows, 1 to 13",
            f"The chain holds. Its head is {second}",
            "It leads to the head that was given, row 10: up to there nothing was changed.",
        ],
    )
    assert verify(path, second.hash.hex().upper(), silent)[0] == EXIT_OK
    assert "Without --head" in verify(path, "", silent)[1]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE journal SET body = '{}' WHERE id = 4", "row 4 (alarm"),
        ("UPDATE journal SET wall = '' WHERE id = 4", "row 4 (alarm, ) does not follow"),
        ("DELETE FROM journal WHERE id = 4", "row 4 was removed"),
        ("DELETE FROM journal WHERE id < 4", "rows 1 to 3 were removed"),
        ("DELETE FROM journal WHERE id > 7", "rows 8 to 10 were cut off behind the end"),
        ("UPDATE journal SET id = 11 - id WHERE id IN (5, 6) AND 0", ""),
    ],
)
def test_what_somebody_did_to_the_file_is_found(path: Path, sql: str, told: str) -> None:
    fill(path, 10)
    change(path, sql)
    status, text = verify(path, "", silent)
    assert status == (EXIT_BROKEN if told else EXIT_OK)
    assert told in text
    if told:
        assert text.splitlines()[1].startswith("BROKEN: ")


def test_rows_that_changed_places_are_found(path: Path) -> None:
    fill(path, 10)
    for sql in ("SET id = 99 WHERE id = 5", "SET id = 5 WHERE id = 6", "SET id = 6 WHERE id = 99"):
        change(path, f"UPDATE journal {sql}")
    status, text = verify(path, "", silent)
    assert status == EXIT_BROKEN
    assert [line_.split()[2] for line_ in text.splitlines()[1:4]] == ["5", "6", "7"]


def test_a_cut_that_hides_itself_is_found_with_a_head_and_written_on_with_a_gap(path: Path) -> None:
    head = fill(path, 10)
    change(path, "DELETE FROM journal WHERE id > 7")
    change(path, "UPDATE sqlite_sequence SET seq = 7 WHERE name = 'journal'")
    assert verify(path, "", silent)[0] == EXIT_OK
    assert verify(path, str(head), silent) == (
        EXIT_BROKEN,
        "7 rows, 1 to 7\nBROKEN: the head is of row 10, and the last row is 7: rows 8 to 10 were cut off",
    )
    fill(path, 5, run="run-2")
    status, text = verify(path, str(head), silent)
    assert status == EXIT_BROKEN
    assert "row 10 has another hash than the head" in text


def test_a_cut_end_shows_for_ever_as_a_gap(path: Path) -> None:
    fill(path, 10)
    change(path, "DELETE FROM journal WHERE id > 7")
    fill(path, 2, run="run-2")
    assert rows(path, "SELECT id FROM journal WHERE id > 7") == [(11,), (12,)]
    assert "BROKEN: rows 8 to 10 were removed" in verify(path, "", silent)[1]


def test_over_its_rows_the_oldest_go_and_the_chain_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "JOURNAL_ROWS_MAX", 40)
    monkeypatch.setattr(store_file, "CHECK_ROWS", 8)
    monkeypatch.setattr(store_file, "PRUNE_ROWS", 10)
    head = fill(path, 100)
    (first, last, count) = rows(path, "SELECT min(id), max(id), count(*) FROM journal")[0]
    assert isinstance(count, int)
    assert 30 <= count <= 48
    assert (last, count) == (head.number, head.number - int(str(first)) + 1)
    status, text = verify(path, str(head), silent)
    assert status == EXIT_OK
    assert f"Rows up to {int(str(first)) - 1} went by the bounds" in text
    assert "take a newer head" in verify(path, f"3:{head.hash.hex()}", silent)[1]
    ((body,),) = rows(path, "SELECT body FROM journal WHERE kind = 'checkpoint' ORDER BY id DESC LIMIT 1")
    assert json.loads(str(body))["why"] == "more than 40 rows"
    change(path, f"DELETE FROM journal WHERE id = {first}")  # noqa: S608 - a number
    assert f"row {first} was removed" in verify(path, "", silent)[1]


def test_over_its_age_or_bytes_the_oldest_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "CHECK_ROWS", 4)
    monkeypatch.setattr(store_file, "PRUNE_ROWS", 2)
    old, new = "2024-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"
    opened = Opened(path)
    opened.commit(Transaction(1, journal=tuple(written(number, wall=old) for number in range(1, 5))))
    assert rows(path, "SELECT min(id) FROM journal") == [(1,)]
    opened.commit(Transaction(2, journal=tuple(written(number, wall=new) for number in range(5, 9))))
    assert rows(path, "SELECT min(id) FROM journal") == [(3,)]
    monkeypatch.setattr(store_file, "JOURNAL_AGE_MAX", store_file.JOURNAL_AGE_MAX * 100)
    monkeypatch.setattr(store_file, "FILE_BYTES_MAX", 1000)
    opened.commit(Transaction(3, journal=tuple(written(number, wall=new) for number in range(9, 13))))
    opened.close()
    assert rows(path, "SELECT min(id) FROM journal") == [(5,)]
    assert verify(path, "", silent)[0] == EXIT_OK


@pytest.mark.parametrize("wall", ["1970-01-01T00:00:09.000Z", "no time"])
def test_a_time_that_nobody_vouches_for_makes_no_row_old(
    path: Path, monkeypatch: pytest.MonkeyPatch, wall: str
) -> None:
    monkeypatch.setattr(store_file, "CHECK_ROWS", 1)
    opened = Opened(path)
    first = JournalRow("run-1", "link", wall, synchronised=wall == "no time", mono_s=1.0, body="{}")
    opened.commit(Transaction(1, journal=(first,)), Transaction(2, journal=(written(2),)))
    opened.close()
    assert rows(path, "SELECT id FROM journal") == [(1,), (2,)]


def test_a_start_whose_rows_are_gone_goes_unless_an_event_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("run-1", "run-2", "run-3"):
        opened = Opened(path, run)
        events = (event(1, "run-2"),) if run == "run-2" else ()
        opened.commit(Transaction(1, journal=(line(run=run),), events=events))
        opened.close()
    assert rows(path, "SELECT run_id FROM run") == [("run-1",), ("run-2",), ("run-3",)]
    change(path, "DELETE FROM journal WHERE id < 3")
    fill(path, 1, run="run-4")
    assert rows(path, "SELECT run_id FROM run") == [("run-2",), ("run-3",), ("run-4",)]


def test_a_commit_that_failed_and_one_that_was_refused_leave_the_chain_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_commits(monkeypatch, [sqlite3.OperationalError("disk I/O error")])
    opened = Opened(path)
    opened.commit(Transaction(1, journal=(written(1),)))
    refused = Transaction(2, journal=(written(2), line(run="unknown")))
    opened.store.submit(refused)
    opened.store.submit(Transaction(3, journal=(written(3),), answers=(answer(1),)))
    opened.results.wait_for(4)
    opened.close()
    assert opened.results.pairs() == [(1, False), (1, True), (2, False), (3, True)]
    assert rows(path, "SELECT id, mono_s FROM journal") == [(1, 1.0), (2, 3.0)]
    assert verify(path, str(opened.store.head), silent)[0] == EXIT_OK


@pytest.mark.parametrize("head", ["x", "12:ab", f"0:{'a' * 64}", f"-1:{'a' * 64}", "a" * 63])
def test_what_is_no_head_is_refused(path: Path, head: str) -> None:
    assert verify(path, head, silent) == (
        EXIT_UNUSABLE,
        f"infusion-edge: {head} is no head: give ROW:HASH or HASH, 64 hexadecimal digits",
    )


def test_a_file_that_cannot_be_read_is_said(path: Path) -> None:
    said: list[str] = []
    assert verify(path, "", silent)[0] == EXIT_UNUSABLE
    assert export(path, "jsonl", silent, said.append) == EXIT_UNUSABLE
    assert said[0].startswith(f"infusion-edge: there is no {path}")


def test_a_checkpoint_that_says_nothing_is_told_as_broken(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, journal=(line("checkpoint"),)))
    opened.close()
    assert verify(path, "", silent)[0] == EXIT_BROKEN


def exported(path: Path, form: str) -> str:
    out: list[str] = []
    assert export(path, form, out.append, silent) == EXIT_OK
    return "".join(out)


def test_every_row_is_written_out_as_json_lines(path: Path) -> None:
    head = fill(path, 3)
    opened = Opened(path, "run-2")
    opened.commit(Transaction(1, journal=(JournalRow("run-2", "odd", WALL, False, 4.5, "no JSON"),)))
    opened.close()
    found = [json.loads(text) for text in exported(path, "jsonl").splitlines()]
    assert [one["row"] for one in found] == [1, 2, 3, 4]
    assert found[2]["hash"] == head.hash.hex()
    assert found[0] == {
        "row": 1,
        "run": "run-1",
        "kind": "alarm",
        "wall": WALL,
        "synchronised": True,
        "mono_s": 1.0,
        "body": json.loads(written(1).body),
        "hash": found[0]["hash"],
    }
    assert (found[3]["body"], found[3]["synchronised"]) == ("no JSON", False)


def test_every_row_is_written_out_as_csv_and_no_cell_is_a_formula(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, journal=(written(1, text='=HYPERLINK("x"),\n"y"'), written(2))))
    opened.close()
    found = list(csv.DictReader(StringIO(exported(path, "csv"))))
    assert [(one["row"], one["key"], one["text"]) for one in found] == [
        ("1", "HR_HIGH", '\'=HYPERLINK("x"),\n"y"'),
        ("2", "HR_HIGH", "HR 130"),
    ]
    assert json.loads(found[1]["body"]) == json.loads(written(2).body)


def test_a_long_journal_tells_how_far_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRESS_ROWS", 4)
    fill(path, 10)
    said: list[str] = []
    assert verify(path, "", said.append)[0] == EXIT_OK
    assert said == ["4 of 10 rows", "8 of 10 rows"]


def test_the_command_line_gives_both(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = fill(path, 3)
    assert main(["journal", "verify", "--store", str(path), "--head", str(head)]) == EXIT_OK
    assert f"Its head is {head}" in capsys.readouterr().out
    assert main(["journal", "export", "--store", str(path), "--format", "csv"]) == EXIT_OK
    assert capsys.readouterr().out.startswith("row,run,kind,wall,")
