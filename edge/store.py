"""The durable store: one thread does all the writing of `edge/store_file.py`, fed by one queue.

So no `Sent` overtakes its row, and the event loop never waits for a disk (an SD card can stall for seconds). What waits
is committed together.

Failures (disk full, locked, read-only, lost connection) never raise to the caller:

  * The transaction is told as not committed (the first time), keeps its place in the queue, is tried again, in order,
    with the next `Store.submit` or after `RETRY_S`, and is told as committed when it is.
  * Over `QUEUE_MAX` a transaction is told as failed at once and for good. Its events, journal rows and answers are not
    kept (the gap in ``event_seq`` shows), and the detail counts them; its alarm states and therapies are, latest wins,
    and are written when their turn comes.
  * Over `OUTBOX_MAX` the events of a transaction are not kept; the rest of it is committed, and the detail counts them.
    Nothing that was told as committed is ever taken back.
  * A disk that does not answer for `STALL_S` counts as failing: what waits is told as not committed, and as committed
    when it is. Somebody must look, hence `Store.look`: a hung thread cannot.
  * A transaction that the schema refuses is told as failed and dropped, so that it cannot block those behind it.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from edge.rows import (
    AlarmRow,
    AnswerRow,
    Head,
    Item,
    JournalRow,
    Omitted,
    OutboxRow,
    Run,
    Sent,
    StoredState,
    TherapyRow,
    Transaction,
)
from edge.store_file import (
    ANSWERS_MAX,
    ANSWERS_READ_MAX,
    BUSY_S,
    OUTBOX_MAX,
    NewerFileError,
    Outcome,
    StoreFile,
    error_text,
)

__all__ = [
    "ANSWERS_MAX",
    "ANSWERS_READ_MAX",
    "BATCH_MAX",
    "BUSY_S",
    "OUTBOX_MAX",
    "QUEUE_MAX",
    "RETRY_S",
    "AlarmRow",
    "AnswerRow",
    "Head",
    "Item",
    "JournalRow",
    "NewerFileError",
    "Omitted",
    "OnResult",
    "OutboxRow",
    "Run",
    "Sent",
    "Store",
    "StoredState",
    "TherapyRow",
    "Transaction",
]

QUEUE_MAX = 4096
"""Items that wait for the thread: three minutes of a stalled card at 20 rows a second; some 16 MB of memory."""

BATCH_MAX = 256
"""Items in one commit: a long queue drains fast, and no result waits for much more than one flush."""

RETRY_S = 1.0
"""How soon a failed commit is tried again where nothing else is submitted; the core's own slowest beat."""

STALL_S = 3.0
"""A commit that takes longer counts as failed until it is done: longer than a card's own pauses and than another
program's lock, and short enough that who accepts an alarm has an answer within 5 s."""

OnResult: TypeAlias = Callable[[int, bool, str], None]


@dataclass(frozen=True, slots=True)
class _Folded(Transaction):
    """The alarm states and therapies of transactions for which there was no room; told as failed, for good."""


@dataclass(slots=True)
class _Waiting:
    """One item of the queue, and whether its failure was told."""

    item: Item
    told: bool = False


class Store:
    """The queue and its thread. ``on_result(mark, committed, detail)`` is called through ``deliver``.

    ``deliver`` takes a callable to the event loop (``loop.call_soon_threadsafe``). A store is opened once.
    """

    def __init__(self, on_result: OnResult, deliver: Callable[[Callable[[], None]], object]) -> None:
        self._on_result = on_result
        self._deliver = deliver
        self._ready = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._fresh = False
        self._failing = False
        self._closing = True
        self._why_closed = "the store is closed"
        self._given_up = False
        self._thread: threading.Thread | None = None
        self._head = Head(0, b"")
        self._in_hand: list[_Waiting] = []
        self._oldest: _Waiting | None = None
        self._oldest_since_s = 0.0

    @property
    def head(self) -> Head:
        """The last row of the journal that is known to be committed."""
        return self._head

    def open(self, path: Path, run: Run) -> StoredState:
        """Check, migrate and read the file, note the run in it, and start the thread. Blocks: call it before the loop.

        A failing disk does not raise: see `StoredState.fault`. Raises `NewerFileError`.
        """
        file = StoreFile(path, run)
        state = file.open()
        self._head = file.head
        self._closing = False
        self._thread = threading.Thread(target=self._work, args=(file,), name="store", daemon=True)
        self._thread.start()
        return state

    def refuse(self, reason: str) -> None:
        """Say this reason of all that is handed over: the store was not opened."""
        self._why_closed = reason

    def submit(self, item: Item) -> None:
        """Hand over a transaction, or take a sent event out of the outbox, in this order; never blocks, never raises.

        The result of a transaction comes by ``on_result``. A `Sent` has none: where it cannot be queued its row stays,
        and the event is sent once more after the next start.
        """
        with self._ready:
            if self._closing:
                detail = self._why_closed
            elif len(self._queue) < QUEUE_MAX:
                self._queue.append(_Waiting(item))
                self._wake()
                return
            else:
                detail = self._fold(item) if isinstance(item, Transaction) else ""
        self._tell(item, (False, detail))

    def look(self, now_s: float) -> None:
        """Look, about once a second, whether the thread gets on; if not, tell what waits as not committed."""
        with self._ready:
            oldest = next(iter(self._in_hand), None)
            if oldest is None or oldest is not self._oldest:
                self._oldest, self._oldest_since_s = oldest, now_s
                return
            stalled_s = now_s - self._oldest_since_s
            if stalled_s < STALL_S:
                return
            # Told under the lock: the thread tells how it ended after it had it.
            for waiting in (*self._in_hand, *self._queue):
                if not waiting.told:
                    waiting.told = True
                    self._tell(waiting.item, (False, f"the disk has not answered for {stalled_s:.0f} s"))

    def close(self, limit_s: float) -> bool:
        """Commit what waits and close the file; abandoned after ``limit_s``. Blocks. Whether all was committed."""
        with self._ready:
            self._closing = True
            self._wake()
        if self._thread is not None:
            self._thread.join(limit_s)
        with self._ready:
            self._given_up = True
            self._wake()
            return not self._queue and not (self._thread and self._thread.is_alive())

    def _wake(self) -> None:
        self._fresh = True
        self._ready.notify()

    def _fold(self, newer: Transaction) -> str:
        """Keep the states of a transaction for which there is no room, in its order; say what is not kept."""
        last = self._queue[-1].item
        older = last if isinstance(last, _Folded) else _Folded(newer.mark)
        if older is last:
            self._queue.pop()
        ended = tuple(dict.fromkeys(older.ended + newer.ended))
        alarms = {(row.bed, row.key): row for row in older.alarms if (row.bed, row.key) not in newer.ended}
        alarms.update({(row.bed, row.key): row for row in newer.alarms})
        therapy = {(row.bed, row.part): row for row in older.therapy + newer.therapy}
        folded = _Folded(newer.mark, tuple(alarms.values()), ended, therapy=tuple(therapy.values()))
        self._queue.append(_Waiting(folded))
        lost = f"{len(newer.events)} events, {len(newer.journal)} journal rows and {len(newer.answers)} answers"
        return f"the queue is full: {lost} not kept"

    def _tell(self, item: Item, outcome: Outcome) -> None:
        # A loop that is closed takes no more results, and the rest must be committed all the same.
        with contextlib.suppress(RuntimeError):
            if isinstance(item, Transaction) and not isinstance(item, _Folded):
                self._deliver(partial(self._on_result, item.mark, *outcome))

    def _work(self, file: StoreFile) -> None:
        while batch := self._next_batch():
            try:
                outcomes = file.commit([waiting.item for waiting in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the thread must live
                file.drop()
                self._put_back(batch, error_text(error))
            else:
                with self._ready:
                    self._failing = False
                    self._head = file.head
                    self._in_hand = []
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    self._tell(waiting.item, outcome)
        file.drop()

    def _next_batch(self) -> list[_Waiting]:
        """Wait for work, or for the time to try again; nothing when there is no more to do."""
        with self._ready:
            if self._failing:
                self._ready.wait_for(lambda: self._fresh, RETRY_S)
            else:
                self._ready.wait_for(lambda: self._queue or self._closing)
            self._fresh = False
            if not self._given_up:
                self._in_hand = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
            return self._in_hand

    def _put_back(self, batch: list[_Waiting], detail: str) -> None:
        """Keep a failed batch in its place; those behind it cannot be committed either, and are told so."""
        with self._ready:
            self._queue.extendleft(reversed(batch))
            self._in_hand = []
            self._failing = True
            untold = [waiting for waiting in self._queue if not waiting.told]
            for waiting in untold:
                waiting.told = True
        for waiting in untold:
            self._tell(waiting.item, (False, detail))
