"""What the tests of the store share: a store that is opened and awaited, its rows, and a process that can be killed."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from edge.store import AlarmRow, AnswerRow, Item, JournalRow, OutboxRow, Run, Sent, Store, StoredState, Transaction
from edge.store_file import StoreFile, migrations

WALL = "2025-03-01T12:00:00.000Z"
LIMIT_S = 5.0
KNOWN = len(migrations())
"""The version that this program makes of a file."""


class Results:
    """What the store told, in order; to be awaited from the test's thread."""

    def __init__(self) -> None:
        self.told: list[tuple[int, bool, str]] = []
        self._changed = threading.Condition()

    def take(self, mark: int, committed: bool, detail: str) -> None:
        with self._changed:
            self.told.append((mark, committed, detail))
            self._changed.notify_all()

    def wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(until, LIMIT_S), self.told

    def wait_for(self, number: int) -> list[tuple[int, bool]]:
        self.wait(lambda: len(self.told) >= number)
        return self.pairs()

    def pairs(self) -> list[tuple[int, bool]]:
        return [(mark, committed) for mark, committed, _ in self.told]


class Opened:
    def __init__(
        self,
        path: Path,
        run: str = "run-1",
        boot_id: str = "boot-1",
        configuration: str = "",
        *,
        claim: Callable[[], None] = lambda: None,
        limit_s: float = LIMIT_S,
    ) -> None:
        self.results = Results()
        self.late: list[StoredState | Exception] = []
        self.store = Store(self.results.take, lambda call: call(), self._take_late)
        self.state = self.store.open(path, Run(run, boot_id, WALL, configuration), claim, limit_s)

    def _take_late(self, found: StoredState | Exception) -> None:
        with self.results._changed:
            self.late.append(found)
            self.results._changed.notify_all()

    def commit(self, *items: Transaction | Sent) -> None:
        """Submit, and wait until the last transaction is told."""
        expected = len(self.results.told) + sum(isinstance(item, Transaction) for item in items)
        for item in items:
            self.store.submit(item)
        self.results.wait_for(expected)

    def close(self) -> None:
        assert self.store.close(LIMIT_S)


def alarm(key: str = "HR_HIGH", *, bed: str = "bed-1", rev: int = 1, body: str = "{}") -> AlarmRow:
    return AlarmRow(bed, key, f"{key}-1", rev, body)


def event(event_seq: int, run: str = "run-1") -> OutboxRow:
    return OutboxRow(run, event_seq, "infusion/v1/s/edge/e/event", f'{{"n":{event_seq}}}'.encode())


def line(kind: str = "alarm", run: str = "run-1") -> JournalRow:
    return JournalRow(run, kind, WALL, synchronised=True, mono_s=12.5, body='{"a":"b"}')


def answer(number: int, body: str = "{}", *, station: str = "station-1") -> AnswerRow:
    return AnswerRow(station, f"request-{number}", body)


def numbered(mark: int, run: str = "run-1") -> Transaction:
    return Transaction(mark, events=(event(mark, run),))


def reload(path: Path, run: str = "run-next") -> StoredState:
    opened = Opened(path, run)
    opened.close()
    return opened.state


def rows(path: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.close()


def fail_commits(monkeypatch: pytest.MonkeyPatch, errors: list[Exception]) -> None:
    """Let the next commits of items fail with these errors, once each."""
    commit = StoreFile.commit

    def failing(file: StoreFile, items: Sequence[Item]) -> list[tuple[bool, str]]:
        if items and errors:
            raise errors.pop(0)
        return commit(file, items)

    monkeypatch.setattr(StoreFile, "commit", failing)


def wait_until_taken(store: Store) -> None:
    """Until the thread took all that waited."""
    pause = threading.Event()
    for _ in range(1000):
        if not store._queue:
            return
        pause.wait(0.002)
    raise AssertionError("the thread took nothing")


def write_something(path: Path) -> None:
    opened = Opened(path)
    opened.commit(
        *(
            Transaction(n, (alarm(f"KEY-{n}", body="x" * 500),), events=(event(n),), journal=(line(),))
            for n in range(1, 60)
        )
    )
    opened.close()


CHILD = """
import os, resource, sys, threading
from pathlib import Path
from edge import store as module
from edge.store import AlarmRow, JournalRow, OutboxRow, Run, Store, Transaction

what, path, run = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
told = threading.Semaphore(0)

def take(mark, committed, detail):
    os.write(1, f"{mark} {committed}\\n".encode())
    told.release()

store = Store(take, lambda call: call())

def put(mark, size=10):
    events = (OutboxRow(run, mark, "topic", b"p" * size),)
    journal = (JournalRow(run, "alarm", "", False, float(mark), "{}"),)
    store.submit(Transaction(mark, (AlarmRow("bed", "KEY", "one", mark, "{}"),), events=events, journal=journal))

if what == "full":
    module.RETRY_S = 0.02
    store.open(path, Run(run, "boot", ""))
    put(1)
    told.acquire()
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
    put(2, 100_000)
    told.acquire()
    put(3)
    told.acquire()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert store.close(5.0)
elif what == "leave":
    store.open(path, Run(run, "boot", ""))
    put(1)
    told.acquire()
    os._exit(0)
else:
    store.open(path, Run(run, "boot", ""))
    mark = 0
    while True:
        for _ in range(5):
            mark += 1
            put(mark)
        told.acquire(); told.acquire(); told.acquire(); told.acquire(); told.acquire()
"""


def child(what: str, path: Path, run: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", CHILD, what, str(path), run], cwd=root, stdout=subprocess.PIPE)


def run_child(what: str, path: Path) -> str:
    with child(what, path, "run-child") as process:
        out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    return out.decode()
