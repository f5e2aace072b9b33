"""The history of an alarm, read from the file while the daemon writes it, or a year later."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.rows import OccurrenceRow
from edge.store import JournalRow, NewerFileError, Transaction
from edge.store_file import StoreFileError
from edge.store_reading import read_occurrences, read_story, reading
from tests.unit.stores import KNOWN, WALL, Opened, line, locked, reload, rows, wait_until_taken


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def said(
    occurrence: str, phase: str, text: str = "", *, wall: str = WALL, bed: str = "bed-1", synchronised: bool = True
) -> JournalRow:
    """A row as a transition writes it."""
    body = {"event_seq": "1", "phase": phase, "bed": bed, "key": "HR_HIGH", "occurrence": occurrence, "text": text}
    return JournalRow("run-1", "alarm", wall, synchronised, 12.5, json.dumps(body))


def noted(occurrence: str) -> JournalRow:
    """A row that tells of an occurrence, and is no transition."""
    return JournalRow("run-1", "displayed", WALL, True, 13.0, json.dumps({"occurrence": occurrence, "rev": "1"}))


def filled(path: Path, *journal: JournalRow) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, journal=journal))
    opened.close()


def text_of_refusal(path: Path) -> str:
    """Both ways of reading refuse a file in the same words."""
    with pytest.raises(StoreFileError) as story:
        read_story(path, "run-1-1")
    with pytest.raises(StoreFileError) as occurrences:
        read_occurrences(path, 1)
    assert str(story.value) == str(occurrences.value)
    return str(story.value)


def test_a_story_is_all_that_the_journal_says_of_an_occurrence_oldest_first(path: Path) -> None:
    start, shown, end = said("run-1-1", "start", "HR 130", synchronised=False), noted("run-1-1"), said("run-1-1", "end")
    filled(path, start, said("run-1-10", "start"), shown, line(), said("run-1-2", "start"), end)
    assert read_story(path, "run-1-1") == (start, shown, end)
    assert [type(row.synchronised) for row in read_story(path, "run-1-1")] == [bool, bool, bool]
    assert read_story(path, "run-1-3") == ()
    assert read_story(path, "") == ()


def test_occurrences_come_by_their_last_transition_the_newest_first(path: Path) -> None:
    filled(
        path,
        said("run-1-1", "start", "HR 130", wall="one"),
        said("run-1-2", "start", "HR 131", wall="two", bed="bed-2"),
        said("run-1-3", "start", "HR 132", wall="three"),
        said("run-1-1", "escalate", "HR 150", wall="four"),
        noted("run-1-2"),
        noted("asked for by a station, and never begun"),
        line(),
    )
    expected = (
        OccurrenceRow("run-1-1", "bed-1", "HR_HIGH", "one", "escalate", "HR 150"),
        OccurrenceRow("run-1-3", "bed-1", "HR_HIGH", "three", "start", "HR 132"),
        OccurrenceRow("run-1-2", "bed-2", "HR_HIGH", "two", "start", "HR 131"),
    )
    assert read_occurrences(path, 4) == expected
    assert read_occurrences(path, 3) == expected
    assert read_occurrences(path, 2) == expected[:2]
    assert read_occurrences(path, 0) == ()


@pytest.mark.parametrize("body", ["", "no JSON", "[1]", "null", '"occurrence"', '{"occurrence":', "[" * 5000])
def test_a_body_that_is_no_object_is_written_and_belongs_to_no_story(path: Path, body: str) -> None:
    start = said("run-1-1", "start", "HR 130")
    filled(path, replace(line(), body=body), start)
    assert rows(path, "SELECT body FROM journal") == [(body,), (start.body,)]
    words = "SELECT occurrence, phase, bed, key, text FROM story"
    assert rows(path, words) == [(None,) * 5, ("run-1-1", "start", "bed-1", "HR_HIGH", "HR 130")]
    assert read_story(path, "run-1-1") == (start,)
    assert [row.occurrence for row in read_occurrences(path, 9)] == ["run-1-1"]


def test_a_story_is_found_by_its_index_and_the_newest_without_sorting(path: Path) -> None:
    filled(path)
    (by_index,) = rows(path, "EXPLAIN QUERY PLAN SELECT body FROM story WHERE occurrence = 'x' ORDER BY id")
    assert by_index[-1] == "SEARCH journal USING INDEX journal_occurrence (<expr>=?)"
    newest = "SELECT occurrence FROM story WHERE occurrence IS NOT NULL AND phase IS NOT NULL ORDER BY id DESC"
    assert [row[-1] for row in rows(path, f"EXPLAIN QUERY PLAN {newest}")] == ["SCAN journal"]


def test_it_is_read_beside_a_daemon_that_writes(path: Path) -> None:
    opened = Opened(path)
    opened.commit(Transaction(1, journal=(said("run-1-1", "start"),)))
    with locked(path):
        opened.store.submit(Transaction(2, journal=(said("run-1-1", "end"),)))
        wait_until_taken(opened.store)
        assert read_story(path, "run-1-1") == (said("run-1-1", "start"),)
    opened.results.wait_for(2)
    assert read_story(path, "run-1-1") == (said("run-1-1", "start"), said("run-1-1", "end"))
    opened.commit(Transaction(3))
    opened.close()
    assert opened.results.pairs() == [(1, True), (2, True), (3, True)]


def test_reading_changes_nothing(path: Path) -> None:
    filled(path, said("run-1-1", "start"))
    before = path.read_bytes()
    assert len(read_story(path, "run-1-1")) == 1
    assert len(read_occurrences(path, 1)) == 1
    assert path.read_bytes() == before
    assert reload(path).previous_run == "run-1"


def test_what_reads_cannot_write(path: Path) -> None:
    filled(path, line())
    with pytest.raises(StoreFileError, match="SQLITE_READONLY"), reading(path) as db:
        db.execute("DELETE FROM journal")


def test_a_path_is_taken_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a b?mode=rw#%41.db"
    filled(path, said("run-1-1", "start"))
    monkeypatch.chdir(tmp_path)
    assert read_story(Path(path.name), "run-1-1") == (said("run-1-1", "start"),)


def test_a_missing_file_is_named_and_not_made(path: Path) -> None:
    remedy = "check the path, or start infusion-edge once, which makes it"
    assert text_of_refusal(path) == f"there is no {path}: {remedy}"
    assert list(path.parent.iterdir()) == []


def test_a_newer_file_is_refused(path: Path) -> None:
    filled(path)
    rows(path, "PRAGMA user_version = 99")
    assert text_of_refusal(path) == f"{path} has version 99; this program knows {KNOWN} and older: update it"
    with pytest.raises(NewerFileError):
        read_story(path, "run-1-1")


@pytest.mark.parametrize("version", range(KNOWN))
def test_a_file_that_was_not_migrated_yet_is_refused(path: Path, version: int) -> None:
    filled(path)
    rows(path, f"PRAGMA user_version = {version}")
    remedy = "start infusion-edge once, which renews it"
    assert text_of_refusal(path) == f"{path} has version {version}, older than {KNOWN}: {remedy}"


def test_a_file_that_is_no_database_is_no_store(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    why = "SQLITE_NOTADB: file is not a database"
    assert text_of_refusal(path) == f"{path} is no store of infusion-edge ({why}): check the path"


def test_a_damaged_journal_is_never_half_a_story(path: Path) -> None:
    filled(path, *(said("run-1-1", "update", "x" * 500) for _ in range(60)))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + content[4096:].replace(b"xxxxxxxx", b"xx\xff\xfexxxx"))
    with pytest.raises(StoreFileError, match=r"store\.db is damaged \(OperationalError: Could not decode to UTF-8"):
        read_story(path, "run-1-1")
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreFileError, match=r"store\.db is damaged \(SQLITE_CORRUPT.*sets it aside and begins a new"):
        read_story(path, "run-1-1")


def test_what_cannot_be_opened_is_named(path: Path) -> None:
    path.mkdir()
    text = text_of_refusal(path)  # which error it is depends on the version of SQLite
    assert text.startswith(f"{path} cannot be read (SQLITE_")
    assert text.endswith("): try again, as root or as the user of infusion-edge")


def test_what_the_system_refuses_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    assert text_of_refusal(path).startswith(f"{path} cannot be read (OSError: [Errno 36] File name too long")
