"""What is kept beside the alarms: it looks after the store, journals start and end, and publishes the journal's heads.

Laws:
  * A head is published every hour, and when a row of a high alarm is committed. Nothing waits for it.
  * Each start is journalled with the hashes of its configuration, and which of them are others than the run's before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping

import structlog

from edge.clock import Clock, rfc3339, to_next
from edge.core.model import Instant
from edge.store import Head, JournalRow, Store, Transaction

TURN_S = 1.0
"""How often it is looked whether the store gets on."""

HEAD_EVERY_S = 3600.0

NO_STEP = 0
"""The mark of a transaction that is no step's: steps count from 1."""

_log = structlog.get_logger(__name__)


class Keeper:
    """Looks after the store of one run. ``publish`` is given a head, and when it was read."""

    def __init__(self, run: str, clock: Clock, store: Store, publish: Callable[[Head, Instant], None]) -> None:
        self._run = run
        self._clock = clock
        self._store = store
        self._publish = publish
        self._published: Head | None = None
        self._head_at_s = clock.mono_s()
        self._wanted_after: int | None = NO_STEP

    def begin(self, rows: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Journal what is to be said of the start: rows of a kind and a body."""
        self._submit(rows)

    def end(self) -> None:
        """Journal a clean end."""
        self._submit([("stop", {})])

    def note(self, kind: str, body: Mapping[str, str]) -> None:
        """Journal something that no step tells of."""
        self._submit([(kind, body)])

    def configured(self, configuration: str, body: Mapping[str, str]) -> None:
        """Journal another configuration, and keep it, as JSON, as what this run is configured by."""
        self._submit([("configuration", body)], configuration)

    def high_alarm(self, mark: int) -> None:
        """Note that the step ``mark`` told of a high alarm: a head that covers its row is published."""
        self._wanted_after = mark

    def stored(self, mark: int, *, committed: bool) -> None:
        """Take the result of a transaction; publish the head that was waited for."""
        if committed and self._wanted_after is not None and mark >= self._wanted_after:
            self._wanted_after = None
            self._tell_head()

    async def run(self) -> None:
        """Look after the store until cancelled."""
        while True:
            await asyncio.sleep(to_next(TURN_S, self._clock.mono_s()))
            self.turn()

    def turn(self) -> None:
        """Look once."""
        now_s = self._clock.mono_s()
        self._store.look(now_s)
        if now_s - self._head_at_s >= HEAD_EVERY_S:
            self._head_at_s = now_s
            self._wanted_after = NO_STEP
            # Also where nothing happens: it says that the edge lived, and what time it was.
            self._submit([("hour", {})])

    def _tell_head(self) -> None:
        head = self._store.head
        if head != self._published:
            self._published = head
            _log.info("journal.head", row=head.number, hash=head.hash.hex())
            self._publish(head, self._clock.now())

    def _submit(self, rows: Iterable[tuple[str, Mapping[str, str]]], configuration: str = "") -> None:
        at = self._clock.now()
        wall = rfc3339(at.wall_s)
        journal = tuple(
            JournalRow(self._run, kind, wall, at.synchronised, at.mono_s, json.dumps(dict(body))) for kind, body in rows
        )
        self._store.submit(Transaction(NO_STEP, journal=journal, configuration=configuration))


def changes_of(before: str, now: Mapping[str, str]) -> dict[str, str]:
    """Say a configuration, the hash of each file, and what is other than ``before``, as the store gave it."""
    try:
        was = json.loads(before) if before else {}
    except ValueError:
        was = {}
    if not isinstance(was, dict):
        was = {}
    changed = sorted(name for name in {*was, *now} if was.get(name) != now.get(name)) if was else []
    body = {"changed": ", ".join(changed), **{f"sha256.{name}": found for name, found in now.items()}}
    return body | {f"before.{name}": str(was.get(name, "none")) for name in changed}
