"""A ward over its restarts: a core, its disk, the broker that retains, and the readers of both.

The disk is as the store is: one queue; a transaction that fails is told so once, keeps its place, and is committed
later. A restart knows what was committed, and the broker what was published. Nothing of a new run reaches the broker
before the alarms that it retains are read back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from edge.core.config import CoreConfig
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Answer,
    Content,
    Event,
    Journal,
    Persist,
    Publish,
    Remember,
    Step,
)
from edge.core.engine import Core
from edge.core.inputs import AlarmFound, BrokerLink, Input, StoreResult
from edge.core.model import Alarm, AlarmKey, Instant, Phase, SignalPresence
from edge.core.restore import initial_state

OVER = (Phase.END, Phase.RESET)
NOISE = (Phase.START, Phase.ESCALATE, Phase.REMIND, Phase.RETURN, Phase.ADOPT)
WALL_S = 1_790_000_000.0


@dataclass(frozen=True)
class Rows:
    """What one step wants kept."""

    mark: int
    alarms: tuple[Alarm, ...]
    answers: tuple[Answer, ...]
    events: tuple[Event, ...]


@dataclass
class Disk:
    """What waits, what is kept, and what of it is told. ``mood`` is ok, slow (nothing is settled) or failing."""

    mood: str = "ok"
    waiting: deque[Rows] = field(default_factory=deque)
    told_failed: set[int] = field(default_factory=set)
    settled_mark: int = 0
    alarms: dict[AlarmKey, Alarm] = field(default_factory=dict)
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    story: list[Event] = field(default_factory=list)

    def put(self, rows: Rows) -> None:
        self.waiting.append(rows)

    def results(self, now_s: float) -> list[Input]:
        """Do what the disk does now, and tell of it."""
        if self.mood == "slow":
            return []
        told: list[Input] = []
        if self.mood == "failing":
            for rows in self.waiting:
                if rows.mark not in self.told_failed:
                    self.told_failed.add(rows.mark)
                    told.append(StoreResult(now_s, rows.mark, committed=False, detail="disk full"))
            return told
        while self.waiting:
            rows = self.waiting.popleft()
            for alarm in rows.alarms:
                if alarm.signal is SignalPresence.OFF:
                    self.alarms.pop(alarm.key, None)
                else:
                    self.alarms[alarm.key] = alarm
            self.answers |= {(answer.station, answer.request_id): answer for answer in rows.answers}
            self.story += rows.events
            self.settled_mark = rows.mark
            told.append(StoreResult(now_s, rows.mark, committed=True))
        return told

    def is_settled(self, mark: int) -> bool:
        return mark <= self.settled_mark or mark in self.told_failed


@dataclass
class Broker:
    """The retained topics, and a reader that follows every message as a station does."""

    topics: dict[AlarmKey, Alarm] = field(default_factory=dict)
    indexes: dict[str, AlarmIndex] = field(default_factory=dict)
    followed: dict[AlarmKey, Alarm] = field(default_factory=dict)

    def take(self, content: Content) -> None:
        match content:
            case AlarmChanged(alarm):
                self.topics[alarm.key] = self.followed[alarm.key] = alarm
            case AlarmCleared(alarm):
                self.topics.pop(alarm.key, None)
                self.followed.pop(alarm.key, None)
            case AlarmIndex(bed, alarms):
                self.indexes[bed] = content
                listed = {(alarm.key, alarm.occurrence) for alarm in alarms}
                self.followed = {
                    key: alarm
                    for key, alarm in self.followed.items()
                    if key.bed != bed or (key, alarm.occurrence) in listed
                }

    def cold(self) -> dict[AlarmKey, Alarm]:
        """What a reader has that connects now: the topics that the index of their scope lists."""
        listed = {(alarm.key, alarm.occurrence) for index in self.indexes.values() for alarm in index.alarms}
        return {key: alarm for key, alarm in self.topics.items() if (key, alarm.occurrence) in listed}


class Life:
    """One edge from its first start on."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.disk = Disk()
        self.broker = Broker()
        self.runs = 0
        self.now_s = 1000.0
        self.wall_ahead_s = WALL_S
        self.synchronised = True
        self.connected = False
        self.connected_at_s = 0.0
        self.held: list[Content] | None = None
        self.answers: list[Answer] = []
        self.persisted_at: dict[tuple[str, int], int] = {}
        self.event_seq = 0
        self.steps_done: list[Step] = []
        self.onlooker: Callable[[Step], None] | None = None
        """Whoever looks at every step."""
        self.core: Core
        self._begin(same_boot=True)

    @property
    def run(self) -> str:
        return f"run-{self.runs}"

    def now(self) -> Instant:
        return Instant(self.now_s, self.now_s + self.wall_ahead_s, self.synchronised)

    def restart(self, down_s: float, *, same_boot: bool, synchronised: bool, config: CoreConfig | None = None) -> None:
        """End without a word, as power does, and begin again from what was committed."""
        self.config = config or self.config
        wall_s = self.now_s + self.wall_ahead_s + down_s
        self.now_s = self.now_s + down_s if same_boot else 30.0
        self.wall_ahead_s = wall_s - self.now_s
        self.synchronised = synchronised
        self._begin(same_boot=same_boot)

    def _begin(self, *, same_boot: bool) -> None:
        self.runs += 1
        disk = self.disk
        self.disk = Disk(alarms=disk.alarms, answers=disk.answers, story=disk.story)
        self.persisted_at = {}
        self.event_seq = 0
        self.connected = False
        self.held = []
        kept, nothing = tuple(disk.alarms.values()), tuple[Alarm, ...]()
        state = initial_state(
            self.config,
            self.run,
            self.now(),
            kept if same_boot else nothing,
            of_other_boots=nothing if same_boot else kept,
            answers=disk.answers.values(),
        )
        self.core = Core(self.config, state)

    def connect(self) -> None:
        """Connect to the broker; a new run first hears what it retains."""
        if self.held is not None:
            found = dict(self.broker.topics)
            self.step(*(AlarmFound(self.now_s, alarm) for alarm in found.values()))
            held, self.held = self.held, None
            for content in held:
                self.broker.take(content)
            for key in found.keys() & self.broker.topics.keys():
                assert self.broker.topics[key].occurrence == found[key].occurrence, "readers know it by another name"
        self.connected, self.connected_at_s = True, self.now_s
        self.step(BrokerLink(self.now_s, connected=True, detail=""))

    def disconnect(self) -> None:
        self.connected = False
        self.step(BrokerLink(self.now_s, connected=False, detail="lost"))

    def pass_time(self, for_s: float) -> None:
        """Nothing comes in: step when the core wants to."""
        until_s = self.now_s + for_s
        while self.now_s < until_s:
            self.now_s = min(until_s, max(self.steps_done[-1].next_deadline_s, self.now_s + 0.001))
            self.step()

    def step(self, *inputs: Input) -> None:
        """Step with what came in, and let the disk do what it does, all at this moment."""
        self._step(inputs)
        while results := self.disk.results(self.now_s):
            self._step(results)

    def _step(self, inputs: Iterable[Input]) -> None:
        step = self.core.step(self.now(), inputs)
        self.steps_done = [step]
        self._keep(step)
        for effect in step.effects:
            if isinstance(effect, Publish):
                self._hear(effect.content)
        if self.onlooker is not None:
            self.onlooker(step)

    def _keep(self, step: Step) -> None:
        alarms = tuple(effect.alarm for effect in step.effects if isinstance(effect, Persist))
        answers = tuple(effect.answer for effect in step.effects if isinstance(effect, Remember))
        published = [effect.content for effect in step.effects if isinstance(effect, Publish)]
        events = tuple(content for content in published if isinstance(content, Event))
        for alarm in alarms:
            self.persisted_at.setdefault((alarm.occurrence, alarm.rev), step.mark)
        if alarms or answers or events or any(isinstance(effect, Journal) for effect in step.effects):
            self.disk.put(Rows(step.mark, alarms, answers, events))

    def _hear(self, content: Content) -> None:
        match content:
            case Answer():
                self.answers.append(content)
            case AlarmChanged() | AlarmCleared() | AlarmIndex():
                if self.held is None:
                    self.broker.take(content)
                else:
                    self.held.append(content)

    def standing(self) -> dict[AlarmKey, Alarm]:
        """What the core itself holds."""
        return self.core.standing()

    def told(self) -> dict[AlarmKey, Alarm]:
        """What the history says is so, once everything is committed."""
        open_rows: dict[AlarmKey, Alarm] = {}
        for event in self.disk.story:
            if event.phase in OVER:
                open_rows.pop(event.alarm.key, None)
            else:
                open_rows[event.alarm.key] = event.alarm
        return open_rows


def durably(alarm: Alarm) -> Alarm:
    """An alarm apart from whether its last change could be kept, and from how far it came since."""
    return replace(alarm, durable=True)
