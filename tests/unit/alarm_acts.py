"""What people and pages do about alarms, for the tests of the alarm system: a bed that goes on speaking, and acts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from drivers.model import DeviceAlarmKind, InfusionState
from edge.core.config import CoreConfig, StationConfig
from edge.core.effects import Answer, Effect, Event, Persist, Publish, Step
from edge.core.inputs import (
    Accept,
    Acknowledge,
    Act,
    AudioPause,
    Basis,
    BrokerLink,
    Input,
    Named,
    OffMonitor,
    Receipt,
    Request,
    Reset,
    Resume,
    Role,
    StoreResult,
)
from edge.core.model import (
    Alarm,
    AlarmKey,
    AlarmKind,
    Audience,
    Delivery,
    Instant,
    Phase,
    Priority,
    SignalPresence,
)
from tests.core_world import BED, CONFIG, MONITOR, OTHER_BED, PUMP, START_S, World, instant, monitor, pump, shows

NURSE = StationConfig("desk", Role.NURSE)
SCREEN = StationConfig("wall", Role.NURSE, required=True)
SECOND_SCREEN = StationConfig("wall-2", Role.NURSE, required=True)
WATCHER = StationConfig("office", Role.VIEWER)
ASKED = replace(CONFIG, stations=(NURSE, WATCHER))
"""A ward whose stations may ask, and of which none is required."""

WATCHED = replace(CONFIG, stations=(NURSE, SCREEN))
"""A ward that requires one screen."""

BOTH_BEDS = frozenset({BED, OTHER_BED})
HIGH_AT_ONCE, MEDIUM_AT_ONCE, LOW_AT_ONCE = (
    DeviceAlarmKind.AIR_IN_LINE,
    DeviceAlarmKind.OCCLUSION_DOWNSTREAM,
    DeviceAlarmKind.RESERVOIR_NEAR_EMPTY,
)
"""A pump's own alarms, which are relayed without delay."""

OF_PRIORITY = {Priority.HIGH: HIGH_AT_ONCE, Priority.MEDIUM: MEDIUM_AT_ONCE, Priority.LOW: LOW_AT_ONCE}


def name_of(kind: DeviceAlarmKind) -> str:
    """The condition of a device's own alarm."""
    return f"DEVICE_{kind.name}"


def named(alarm: Alarm, **changes: Any) -> Named:
    """The occurrence and the revision that somebody sees."""
    return replace(Named(alarm.key.bed, alarm.key.name, alarm.occurrence, alarm.rev), **changes)


def an_alarm(condition: str = "HR_HIGH", *, at: Instant | None = None, **changes: Any) -> Alarm:
    """A standing alarm of the bed, as a store or a broker would hold it."""
    at = at or instant(START_S)
    alarm = Alarm(
        key=AlarmKey(BED, condition),
        occurrence="run-0-1",
        rev=1,
        kind=AlarmKind.PHYSIOLOGICAL,
        audience=Audience.NURSE,
        priority=Priority.HIGH,
        band="hard",
        present=True,
        verifiable=True,
        signal=SignalPresence.ON,
        text="Bed 1: it is so.",
        action="Look.",
        onset=at,
        changed=at,
        delivery=Delivery(unattended_s=at.mono_s, published=at),
    )
    return replace(alarm, **changes)


class Bedside:
    """A bed in a ward: its devices speak each second, its pages say what they paint every 3 s, and nurses act.

    ``numbers`` are the monitor's; ``kinds`` are the alarms that the pump and the monitor show.
    """

    def __init__(
        self, config: CoreConfig = ASKED, *, connected: bool = True, speaking: bool = True, **world: Any
    ) -> None:
        self.world = World(config, **world)
        self.numbers: dict[str, Any] = {}
        self.cuff: tuple[object, ...] = (120, 75, 90, 70)
        self.kinds: tuple[DeviceAlarmKind, ...] = ()
        self.off: tuple[DeviceAlarmKind, ...] = ()
        self.painting: tuple[str, ...] = ()
        self.speaking = speaking
        self._shown: tuple[tuple[DeviceAlarmKind, ...], ...] = ((), ())
        self._asked = 0
        self._step(START_S, *(BrokerLink(START_S, connected=True, detail="") for _ in range(connected)))

    @property
    def now_s(self) -> float:
        return self.world.now_s

    def run(self, seconds: float) -> None:
        """Let time pass, a second a step."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self._step(min(self.now_s + 1.0, until_s))

    def hear(self, *inputs: Input) -> Step:
        """Step at this moment over what came in."""
        return self.world.step(self.now_s, *inputs)

    def shows(self, *kinds: DeviceAlarmKind) -> None:
        """From now on the pump shows these alarms."""
        self.kinds = kinds
        self._step(self.now_s)

    def monitor_shows(self, *kinds: DeviceAlarmKind) -> None:
        """From now on the monitor shows these alarms."""
        self.off = kinds
        self._step(self.now_s)

    def reads(self, **numbers: object) -> None:
        """From now on the monitor reads these numbers."""
        self.numbers |= numbers
        self._step(self.now_s)

    def _step(self, at_s: float, *inputs: Input) -> None:
        said = (*inputs, *self._devices(at_s)) if self.speaking else inputs
        self.world.step(at_s, *said)
        if self.painting and (at_s - START_S) % 3 == 0:
            self.world.step(at_s, *(self.receipt(station) for station in self.painting))

    def _devices(self, at_s: float) -> Iterator[Input]:
        yield pump(at_s, "0", InfusionState.STOPPED)
        yield monitor(at_s, cuff=self.cuff, **self.numbers)
        if self._shown != (self.kinds, self.off):
            self._shown = (self.kinds, self.off)
            yield shows(at_s, *self.kinds, where=PUMP)
            yield shows(at_s, *self.off, where=MONITOR)

    # --- what is there ---

    def alarm(self, condition: str | DeviceAlarmKind) -> Alarm:
        """The alarm that stands, as readers see it."""
        found = self.world.alarm(condition if not isinstance(condition, DeviceAlarmKind) else name_of(condition))
        assert found is not None
        return found

    def phases(self, condition: str | DeviceAlarmKind) -> list[tuple[float, str]]:
        """When what was told, since the beginning."""
        name = condition if not isinstance(condition, DeviceAlarmKind) else name_of(condition)
        return [(at_s, phase) for at_s, phase, _ in self.world.told(name)]

    def last_event(self) -> Event:
        return self.world.events[-1]

    # --- what people do ---

    def ask(self, act: Act, *, station: str = "desk", role: Role = Role.NURSE, **changes: Any) -> Answer:
        """Ask for an act on what is seen now, and return the one answer to it."""
        self._asked += 1
        request = Request(
            f"ask-{self._asked}", station, self.now_s, act, Basis("run-1", self.now_s), user="anna", role=role
        )
        before = len(self.world.answers)
        self.hear(replace(request, **changes))
        (answer,) = self.world.answers[before:]
        return answer

    def done(self, act: Act, **changes: Any) -> None:
        """Ask for an act that must be done."""
        answer = self.ask(act, **changes)
        assert (answer.done, answer.reason, answer.durable) == (True, "", True)

    def acknowledge(self, condition: str | DeviceAlarmKind) -> None:
        self.done(Acknowledge(named(self.alarm(condition))))

    def accept(self, condition: str | DeviceAlarmKind, *, acknowledge: bool = False) -> None:
        self.done(Accept(named(self.alarm(condition)), acknowledge))

    def reset(self, condition: str | DeviceAlarmKind) -> None:
        self.done(Reset(named(self.alarm(condition))))

    def pause(self, bed: str = BED, duration_s: float = 120.0) -> None:
        self.done(AudioPause(bed, duration_s))

    def off_monitor(self, bed: str = BED, duration_s: float = 900.0) -> None:
        self.done(OffMonitor(bed, duration_s))

    def resume(self, bed: str = BED) -> None:
        self.done(Resume(bed))

    # --- what pages do ---

    def receipt(self, station: str = "wall", *, audible: bool = True, **changes: Any) -> Receipt:
        """What a page says that paints everything that is retained."""
        painted = tuple(
            (alarm.key.bed, alarm.key.name, alarm.occurrence, alarm.rev) for alarm in self.world.retained.values()
        )
        return replace(Receipt(station, self.now_s, "run-1", audible, BOTH_BEDS, painted), **changes)


def committed(mark: int, at_s: float, *, durable: bool = True) -> StoreResult:
    return StoreResult(at_s, mark, committed=durable, detail="" if durable else "no space left")


def contents(effects: Iterable[Effect]) -> list[Any]:
    """What was published, in order."""
    return [effect.content for effect in effects if isinstance(effect, Publish)]


def kept(effects: Iterable[Effect]) -> list[Alarm]:
    """What was kept of alarms, in order."""
    return [effect.alarm for effect in effects if isinstance(effect, Persist)]


def told(effects: Iterable[Effect]) -> list[tuple[int, Phase]]:
    """The events, with their numbers."""
    return [(content.event_seq, content.phase) for content in contents(effects) if isinstance(content, Event)]
