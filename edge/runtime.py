"""From inbox to core to effects: the loop that turns for as long as the edge lives.

A fault in the core ends the process, and systemd starts it again; nothing here hides one. What a step wants is carried
out as law 7 says: everything but events goes to the sender at once, the step's rows go to the store as one transaction,
and events go to the sender in their order when their transaction is settled.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, assert_never

import structlog

from edge.bodies import alarm_body, answer_body, kept_body
from edge.clock import Clock, rfc3339
from edge.control import Control
from edge.core.config import LOCAL, CoreConfig
from edge.core.effects import (
    Annunciate,
    Answer,
    Bedside,
    BedSnapshot,
    CallHook,
    Content,
    Event,
    Journal,
    Keep,
    Persist,
    Publish,
    Remember,
    Step,
)
from edge.core.engine import Core
from edge.core.inputs import StoreResult
from edge.core.ledger import RENEWS
from edge.core.model import Alarm, Instant, Priority, SignalPresence
from edge.core.reconfigure import Change
from edge.inbox import Inbox
from edge.notify import Watchdog
from edge.sender import Sender
from edge.store import AlarmRow, AnswerRow, JournalRow, OutboxRow, Store, TherapyRow, Transaction
from edge.trends import Trends
from edge.wire import Wire

CORE = "core"
"""The core's name for the watchdog."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Rows:
    """The rows of one step, as they add up to its transaction; of an alarm, the last word counts."""

    boot: str
    alarms: dict[tuple[str, str], AlarmRow] = field(default_factory=dict)
    ended: dict[tuple[str, str], None] = field(default_factory=dict)
    events: list[OutboxRow] = field(default_factory=list)
    journal: list[JournalRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)
    therapy: dict[tuple[str, str], TherapyRow] = field(default_factory=dict)

    def persist(self, alarm: Alarm) -> None:
        place = (alarm.key.bed, alarm.key.name)
        if alarm.signal is SignalPresence.OFF:
            self.alarms.pop(place, None)
            self.ended[place] = None
        else:
            self.ended.pop(place, None)
            self.alarms[place] = AlarmRow(*place, alarm.occurrence, alarm.rev, alarm_body(alarm, self.boot))

    def keep(self, kept: Keep) -> None:
        body = None if kept.body is None else kept_body(kept.bed, kept.part, kept.body, self.boot)
        self.therapy[kept.bed, kept.part] = TherapyRow(kept.bed, kept.part, body)

    def transaction(self, mark: int) -> Transaction | None:
        """Return the transaction, ``None`` if there is nothing to keep."""
        if not (self.alarms or self.ended or self.events or self.journal or self.answers or self.therapy):
            return None
        return Transaction(
            mark,
            tuple(self.alarms.values()),
            tuple(self.ended),
            tuple(self.events),
            tuple(self.journal),
            tuple(self.answers),
            tuple(self.therapy.values()),
        )


class BedsideSignals(Protocol):
    """The bedside computer's own lamp, buzzer, nurse call and hook, as `edge.annunciator.Annunciator` has them."""

    def show(self, wanted: Bedside) -> None:
        """From now on this is to be shown and sounded."""

    def call(self, call: CallHook) -> None:
        """Have the site's command told."""


class Runtime:
    """Carries inputs to the core, and its effects to where they go.

    ``on_noise(annunciate, mark)`` is called when a step is carried out, for each alarm that asks for attention anew,
    ``on_published`` for each content that became the retained truth.
    """

    def __init__(
        self,
        core: Core,
        inbox: Inbox,
        *,
        run: str,
        boot: str = "",
        clock: Clock,
        wire: Wire,
        sender: Sender,
        store: Store,
        watchdog: Watchdog,
        control: Control,
        on_first_step: Callable[[], None],
        bedside: BedsideSignals | None = None,
        trends: Trends | None = None,
        on_published: Callable[[Content], None] = lambda _: None,
        on_noise: Callable[[Annunciate, int], None] = lambda _annunciate, _mark: None,
    ) -> None:
        self._core = core
        self._inbox = inbox
        inbox.is_quiet = core.is_quiet
        self._run = run
        self._boot = boot
        self._clock = clock
        self._wire = wire
        self._sender = sender
        self._store = store
        self._watchdog = watchdog
        self._control = control
        self._bedside = bedside
        self._on_first_step: Callable[[], None] | None = on_first_step
        self._on_noise = on_noise
        self._trends = trends
        self._on_published = on_published
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

    def reconfigure(self, config: CoreConfig, changes: Sequence[Change]) -> tuple[str, ...]:
        """Take another configuration at a step's border, or return why not. What waited is applied before."""
        self.step()
        return self._core.reconfigure(config, changes, self._clock.now())

    def refuse_configuration(self, why: str) -> None:
        """Have it said that another configuration could not be taken."""
        self._core.refuse_configuration(why)
        self.step()

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
        rows = _Rows(self._boot)
        for effect in step.effects:
            match effect:
                case Publish():
                    self._publish(effect.content, rows, now)
                case Persist():
                    rows.persist(effect.alarm)
                case Keep():
                    rows.keep(effect)
                case Remember(answer=answer):
                    rows.answers.append(AnswerRow(answer.station, answer.request_id, answer_body(answer)))
                case Journal():
                    rows.journal.append(self._journal_row(effect))
                case Annunciate():
                    annunciate(effect)
                case Bedside() | CallHook():
                    self._signal(effect)
                case _:
                    assert_never(effect)
        self._keep(rows, step)

    def _keep(self, rows: _Rows, step: Step) -> None:
        """Hand over what the step keeps; whatever else looks at its alarms comes after that."""
        transaction = rows.transaction(step.mark)
        if transaction is not None:
            self._unsettled.append((step.mark, transaction.events))
            self._store.submit(transaction)
        for effect in step.effects:
            if isinstance(effect, Annunciate) and effect.phase in RENEWS:
                self._on_noise(effect, step.mark)

    def _publish(self, content: Content, rows: _Rows, now: Instant) -> None:
        match content:
            case Event():
                rows.events.append(self._outbox_row(content))
            case Answer(station=LOCAL.station):
                self._control.answered(content.request_id, self._wire.encode(content, now))
            case Answer():
                self._sender.say(self._wire.encode(content, now))
            case _:
                outgoing = self._wire.encode(content, now)
                self._sender.publish(outgoing)
                self._control.published(outgoing)
                self._on_published(content)
                if self._trends is not None and isinstance(content, BedSnapshot):
                    self._trends.note(content, now.mono_s)

    def _signal(self, effect: Bedside | CallHook) -> None:
        if self._bedside is None:
            return
        if isinstance(effect, Bedside):
            self._bedside.show(effect)
        else:
            self._bedside.call(effect)

    def _outbox_row(self, event: Event) -> OutboxRow:
        wall_s = event.at.wall_s if event.at.synchronised else 0.0
        return OutboxRow(self._run, event.event_seq, *self._wire.event_row(event), event.alarm.priority.value, wall_s)

    def _journal_row(self, entry: Journal) -> JournalRow:
        at = entry.at
        return JournalRow(
            self._run, entry.kind, rfc3339(at.wall_s), at.synchronised, at.mono_s, json.dumps(dict(entry.body))
        )


def annunciate(effect: Annunciate) -> None:
    """Say an alarm in the log: the only voice of an edge without broker, lamp and buzzer."""
    alarm = effect.alarm
    loud = effect.phase in RENEWS and alarm.priority is not Priority.LOW
    log = _log.warning if loud else _log.info
    log(
        "alarm",
        phase=effect.phase.value,
        priority=alarm.priority.name.lower(),
        bed=alarm.key.bed,
        key=alarm.key.name,
        occurrence=alarm.occurrence,
        text=alarm.text,
        action=alarm.action,
    )
