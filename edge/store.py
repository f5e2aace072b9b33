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
  * A disk that cannot be read at the start, or does not answer for `OPEN_LIMIT_S`, holds up no start: it is tried again
    until it can, and then ``on_read`` tells what was kept, before anything of this run is written.
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

OPEN_AGAIN_S = 5.0
"""How soon a file that cannot be opened is tried again: a large one is read whole each time."""

OPEN_LIMIT_S = 8.0
"""How long a start waits for the disk: the largest file is checked in less on a slow card, and a station holds an edge
for lost after 10 s."""

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

    ``deliver`` takes a callable to the event loop (``loop.call_soon_threadsafe``). A store is opened once. ``on_read``
    is called likewise, with what was kept, or why it can never be read, if that is known only after the start.
    """

    def __init__(
        self,
        on_result: OnResult,
        deliver: Callable[[Callable[[], None]], object],
        on_read: Callable[[StoredState | Exception], None] = lambda _: None,
    ) -> None:
        self._on_result = on_result
        self._on_read = on_read
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
        self._attempt: object | None = None
        self._looked_at: object | None = None
        self._looked_at_since_s = 0.0
        self._found: StoredState | Exception | None = None
        self._is_late = False
        self._unopened = ""

    @property
    def head(self) -> Head:
        """The last row of the journal that is known to be committed."""
        return self._head

    def open(
        self, path: Path, run: Run, claim: Callable[[], None] = lambda: None, limit_s: float = OPEN_LIMIT_S
    ) -> StoredState:
        """Start the thread: it claims the file, checks, migrates and reads it, and notes the run in it.

        Blocks for ``limit_s`` at most: call it before the loop. A failing disk does not raise: see `StoredState.fault`.
        Raises `NewerFileError`, and what ``claim`` raises except ``OSError``.
        """
        self._closing = False
        self._thread = threading.Thread(
            target=self._work, args=(StoreFile(path, run), claim), name="store", daemon=True
        )
        self._thread.start()
        with self._ready:
            self._ready.wait_for(lambda: self._found is not None, limit_s)
            self._is_late = True
            if isinstance(self._found, Exception):
                raise self._found
            return self._found or StoredState(fault=f"the disk has not answered for {limit_s:.0f} s", unread=True)

    def submit(self, item: Item) -> None:
        """Hand over a transaction, or take a sent event out of the outbox, in this order; never blocks, never raises.

        The result of a transaction comes by ``on_result``. A `Sent` has none: where it cannot be queued its row stays,
        and the event is sent once more after the next start.
        """
        with self._ready:
            if self._closing:
                detail = self._why_closed
            elif len(self._queue) < QUEUE_MAX:
                self._queue.append(_Waiting(item, told=bool(self._unopened)))
                self._wake()
                if not self._unopened:
                    return
                detail = self._unopened
            else:
                detail = self._fold(item) if isinstance(item, Transaction) else ""
        self._tell(item, (False, detail))

    def look(self, now_s: float) -> None:
        """Look, about once a second, whether the thread gets on; if not, tell what waits as not committed."""
        with self._ready:
            if self._attempt is None or self._attempt is not self._looked_at:
                self._looked_at, self._looked_at_since_s = self._attempt, now_s
                return
            stalled_s = now_s - self._looked_at_since_s
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

    def _work(self, file: StoreFile, claim: Callable[[], None]) -> None:
        if not self._open(file, claim):
            return
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
                    self._in_hand, self._attempt = [], None
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    self._tell(waiting.item, outcome)
        file.drop()

    def _open(self, file: StoreFile, claim: Callable[[], None]) -> bool:
        """Claim and read the file, again and again until it can be; whether there is something to go on with."""
        is_known = False
        while True:
            with self._ready:
                self._attempt = object()
            try:
                claim()
                state = StoredState() if is_known else file.open()
                is_claimed = True
            except OSError as error:
                reason = error_text(error)
                state = StoredState(fault=reason) if is_known else file.peek(reason)
                is_claimed = False
            except Exception as error:  # noqa: BLE001 - whatever it is, who opens the store must hear of it
                self._never_open(error)
                return False
            if not is_known:
                self._tell_found(state)
                is_known = not state.unread
            with self._ready:
                self._head = file.head
                self._unopened = "" if is_known and is_claimed else state.fault
                if not self._unopened:
                    return True
            self._put_back([], state.fault)
            with self._ready:
                if self._ready.wait_for(lambda: self._given_up, OPEN_AGAIN_S):
                    return False

    def _never_open(self, error: Exception) -> None:
        """Say of all that is handed over, now and later, why the file is not to be used."""
        self._why_closed = str(error)
        with self._ready:
            self._closing = True
        self._put_back([], self._why_closed)
        self._tell_found(error)

    def _tell_found(self, found: StoredState | Exception) -> None:
        """Hand over what was found to who opens the store, or to who has gone on without it."""
        with self._ready:
            if not self._is_late:
                self._found = found
                self._ready.notify_all()
                return
        if isinstance(found, StoredState) and found.unread:
            return  # as was said
        with contextlib.suppress(RuntimeError):
            self._deliver(partial(self._on_read, found))

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
                self._attempt = object()
            return self._in_hand

    def _put_back(self, batch: list[_Waiting], detail: str) -> None:
        """Keep a failed batch in its place; those behind it cannot be committed either, and are told so."""
        with self._ready:
            self._queue.extendleft(reversed(batch))
            self._in_hand, self._attempt = [], None
            self._failing = True
            untold = [waiting for waiting in self._queue if not waiting.told]
            for waiting in untold:
                waiting.told = True
        for waiting in untold:
            self._tell(waiting.item, (False, detail))
