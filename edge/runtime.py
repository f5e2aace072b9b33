"""From inbox to core to effects: the loop that turns for as long as the edge lives.

A fault in the core ends the process, and systemd starts it again; nothing here hides one. What a step wants is carried
out as law 7 says: everything but events goes to the sender at once, the step's rows go to the store as one transaction,
and events go to the sender in their order when their transaction is settled.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import assert_never

import structlog

from edge.clock import Clock, rfc3339
from edge.core.effects import Annunciate, Event, Journal, Persist, Publish, Step
from edge.core.engine import Core
from edge.core.inputs import StoreResult
from edge.core.model import Instant, Priority
from edge.inbox import Inbox
from edge.mqtt import Sender
from edge.notify import Watchdog
from edge.store import AlarmRow, JournalRow, OutboxRow, Store, Transaction
from edge.wire import Wire, alarm_body

CORE = "core"
"""The core's name for the watchdog."""

_log = structlog.get_logger(__name__)


class Runtime:
    """Carries inputs to the core, and its effects to where they go."""

    def __init__(
        self,
        core: Core,
        inbox: Inbox,
        *,
        run: str,
        clock: Clock,
        wire: Wire,
        sender: Sender,
        store: Store,
        watchdog: Watchdog,
        on_first_step: Callable[[], None],
    ) -> None:
        self._core = core
        self._inbox = inbox
        self._run = run
        self._clock = clock
        self._wire = wire
        self._sender = sender
        self._store = store
        self._watchdog = watchdog
        self._on_first_step: Callable[[], None] | None = on_first_step
        self._unsettled: deque[tuple[int, tuple[OutboxRow, ...]]] = deque()
        self._settled: set[int] = set()

    async def run(self) -> None:
        """Step for ever, the moment something comes in or a deadline is there."""
        self._watchdog.expect(CORE)
        deadline_s = self._clock.mono_s()
        while True:
            await self._inbox.wait(deadline_s - self._clock.mono_s())
            deadline_s = self.step().next_deadline_s
            self._watchdog.turned(CORE)

    def step(self) -> Step:
        """Make one step and carry out what it wants. ``now`` is read after the inbox is drained (law 5)."""
        inputs = self._inbox.drain()
        now = self._clock.now()
        step = self._core.step(now, inputs)
        self._carry_out(step, now)
        if self._on_first_step is not None:
            self._on_first_step()
            self._on_first_step = None
        return step

    def stored(self, mark: int, committed: bool, detail: str) -> None:  # noqa: FBT001 - the store's callback
        """Take the result of a transaction: tell the core, and release the events whose turn has come.

        A mark may be told twice: failed, and later committed when the store tried again.
        """
        self._inbox.put(StoreResult(self._clock.mono_s(), mark, committed, detail))
        if self._unsettled and mark >= self._unsettled[0][0]:
            self._settled.add(mark)
        while self._unsettled and self._unsettled[0][0] in self._settled:
            settled, rows = self._unsettled.popleft()
            self._settled.discard(settled)
            self._sender.add_events(rows)

    def _carry_out(self, step: Step, now: Instant) -> None:
        alarms: list[AlarmRow] = []
        ended: list[tuple[str, str]] = []
        events: list[OutboxRow] = []
        journal: list[JournalRow] = []
        for effect in step.effects:
            match effect:
                case Publish(content=Event() as event):
                    events.append(OutboxRow(self._run, event.event_seq, *self._wire.event_row(event)))
                case Publish(content=content):
                    self._sender.publish(self._wire.encode(content, now))
                case Persist(alarm=alarm) if alarm.present:
                    key = alarm.key
                    alarms.append(AlarmRow(key.bed, key.name, alarm.occurrence, alarm.rev, alarm_body(alarm)))
                    ended = [name for name in ended if name != (key.bed, key.name)]
                case Persist(alarm=alarm):
                    ended.append((alarm.key.bed, alarm.key.name))
                    alarms = [row for row in alarms if (row.bed, row.key) != ended[-1]]
                case Journal():
                    journal.append(self._journal_row(effect))
                case Annunciate():
                    annunciate(effect)
                case _:
                    assert_never(effect)
        if alarms or ended or events or journal:
            self._unsettled.append((step.mark, tuple(events)))
            self._store.submit(Transaction(step.mark, tuple(alarms), tuple(ended), tuple(events), tuple(journal)))

    def _journal_row(self, entry: Journal) -> JournalRow:
        at = entry.at
        return JournalRow(
            self._run, entry.kind, rfc3339(at.wall_s), at.synchronised, at.mono_s, json.dumps(dict(entry.body))
        )


def annunciate(effect: Annunciate) -> None:
    """Say an alarm in the log: the only voice of an edge without broker, lamp and buzzer."""
    alarm = effect.alarm
    loud = effect.phase in ("start", "escalate") and alarm.priority is not Priority.LOW
    log = _log.warning if loud else _log.info
    log(
        "alarm",
        phase=effect.phase,
        priority=alarm.priority.name.lower(),
        bed=alarm.key.bed,
        key=alarm.key.name,
        occurrence=alarm.occurrence,
        text=alarm.text,
        action=alarm.action,
    )
