"""A small ward for the tests of the core: its configuration, its devices' words, and a reader of its effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceKind,
    Infusion,
    InfusionState,
    NibpTime,
    Observation,
    Quantity,
    Reading,
    Validity,
    invalid,
    missing,
)
from edge.core.config import (
    BandLimit,
    BedConfig,
    Binding,
    CoreConfig,
    DrugConfig,
    LimitConfig,
    PortConfig,
    StationConfig,
)
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Answer,
    BedSnapshot,
    Event,
    Heartbeat,
    Journal,
    Keep,
    Persist,
    Publish,
    Remember,
    Roster,
    SelfCheck,
    Step,
    TherapyView,
)
from edge.core.engine import Core
from edge.core.inputs import (
    Accept,
    Acknowledge,
    Act,
    Basis,
    Input,
    Named,
    PlaceOrder,
    Request,
    Reset,
    Role,
    StoreResult,
)
from edge.core.model import Alarm, AlarmKey, Instant, Phase, Priority, Side
from edge.core.restore import initial_state
from edge.core.state import CoreState
from edge.core.therapy import Order
from edge.core.validate import CANON, Value

START_S = 1000.0
RUN = "run-1"
BED, OTHER_BED = "bed-1", "bed-2"
PUMP, OTHER_PUMP, MONITOR, OTHER_MONITOR = ("rack", "11"), ("rack", "12"), ("mon-1", "0"), ("mon-2", "0")
VITALS = {Quantity.HEART_RATE: 80, Quantity.SPO2: 98, Quantity.RESPIRATORY_RATE: 14}
CUFF_NUMBERS = (120, 75, 90, 70)
CUFF = (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN, Quantity.NIBP_PULSE_RATE)
KEPT = Persist | Journal | Keep | Remember
"""Effects that a transaction is made of."""
LINK_S = 3.0
"""Two rounds of 1 s, and 1 s."""


def band(name: str, value: str, priority: Priority, delay_s: float) -> BandLimit:
    return BandLimit(name, Decimal(value), priority, delay_s)


def limit(
    condition: str, quantity: Quantity, side: Side, *bands: BandLimit, hysteresis: str, clear_s: float, samples: int = 2
) -> LimitConfig:
    """A limit in the unit of its quantity."""
    unit = CANON[quantity].unit
    return LimitConfig(condition, side, quantity, unit, bands, Decimal(hysteresis), clear_s, samples, "test")


MEDIUM, HIGH = Priority.MEDIUM, Priority.HIGH
DOSE_LIMIT = limit(
    "DOSE_RATE_HIGH",
    Quantity.DOSE_RATE,
    Side.HIGH,
    band("soft", "2.0", MEDIUM, 60),
    band("hard", "2.5", HIGH, 10),
    band("bypass", "4.0", HIGH, 0),
    hysteresis="0.1",
    clear_s=10,
)
HR_LIMIT = limit(
    "HR_HIGH",
    Quantity.HEART_RATE,
    Side.HIGH,
    band("soft", "120", MEDIUM, 20),
    band("hard", "140", HIGH, 10),
    hysteresis="3",
    clear_s=10,
)
SPO2_LIMIT = limit(
    "SPO2_LOW",
    Quantity.SPO2,
    Side.LOW,
    band("soft", "92", MEDIUM, 15),
    band("hard", "88", HIGH, 10),
    band("bypass", "80", HIGH, 0),
    hysteresis="2",
    clear_s=10,
)
BP_LIMIT = limit(
    "BP_SYS_HIGH",
    Quantity.NIBP_SYS,
    Side.HIGH,
    band("soft", "165", MEDIUM, 0),
    band("hard", "180", HIGH, 0),
    hysteresis="5",
    clear_s=0,
    samples=1,
)
KETAMINE = DrugConfig(
    "ketamine",
    "Ketamine",
    ("Ketamine", "Ketamin"),
    DOSE_LIMIT,
    Decimal("0.8"),
    Decimal("0.05"),
    300.0,
)
STATION = StationConfig("station-a", Role.NURSE)
CONFIG = CoreConfig(
    "ward",
    "edge-1",
    (
        PortConfig("rack", "bbraun-space", DeviceKind.PUMP, NibpTime.NOT_MEASURED, 1.0),
        PortConfig("mon-1", "ivy-450c", DeviceKind.MONITOR, NibpTime.LAST_CHANGE, 1.0),
        PortConfig("mon-2", "ivy-450c", DeviceKind.MONITOR, NibpTime.LAST_CHANGE, 1.0),
    ),
    (
        BedConfig(BED, "Bed 1", (Binding(*PUMP),), (Binding(*MONITOR),), (*VITALS, *CUFF[:3]), 300.0),
        BedConfig(OTHER_BED, "Bed 2", (Binding(*OTHER_PUMP),), (Binding(*OTHER_MONITOR),), (*VITALS,), 300.0),
    ),
    (HR_LIMIT, SPO2_LIMIT, BP_LIMIT),
    (KETAMINE,),
    (STATION,),
)


def with_bed(config: CoreConfig = CONFIG, **changes: Any) -> CoreConfig:
    """The configuration with a changed first bed."""
    return replace(config, beds=(replace(config.beds[0], **changes), *config.beds[1:]))


def order(where: tuple[str, str] = PUMP, *, step: str = "1.0", concentration: str = "10", weight: str = "70") -> Order:
    """An order of ketamine; 10 mg/mL and 70 kg: 7 mL/h is 1 mg/kg/h."""
    return Order(
        *where, "ketamine", Decimal(concentration), Decimal(weight), Decimal(step), Decimal("2.0"), "a test's order"
    )


def place(at_s: float, placed: Order, bed: str = BED) -> Request:
    return Request("r-1", "configuration", at_s, PlaceOrder(bed, placed))


def asked(at_s: float, act: Act, request_id: str) -> Request:
    """What a nurse asks for at a station whose screen shows what is so now."""
    return Request(request_id, STATION.station, at_s, act, Basis(RUN, at_s), "ann", Role.NURSE)


def named(alarm: Alarm) -> Named:
    """An alarm as an act names it."""
    return Named(alarm.key.bed, alarm.key.name, alarm.occurrence, alarm.rev)


def history(events: Iterable[Event], *, levels: bool = True) -> list[tuple[float, str, str]]:
    """When, which transition, and which band; without ``levels``, not that nobody accepted it."""
    return [
        (event.at.mono_s - START_S, event.phase.value, event.alarm.band)
        for event in events
        if levels or event.phase is not Phase.LEVEL
    ]


def value_of(quantity: Quantity, number: object, validity: Validity = Validity.VALID, resolution: str = "1") -> Value:
    """A value in its own unit, taken and received at ``START_S``."""
    shown = None if number is None else Decimal(str(number))
    return Value(quantity, shown, CANON[quantity].unit, Decimal(resolution), validity, START_S, START_S, "mon-1.0")


def pump(
    at_s: float,
    rate: object = "7",
    state: InfusionState = InfusionState.INFUSING,
    where: tuple[str, str] = PUMP,
    *,
    drug: str | None = None,
    readings: tuple[Reading, ...] = (),
) -> Observation:
    """A pump's sample. A rate of ``None`` is not available."""
    told = (
        missing(Quantity.INFUSION_RATE, "mL/h")
        if rate is None
        else Reading(Quantity.INFUSION_RATE, Decimal(str(rate)), "mL/h", Decimal("0.01"))
    )
    return Observation(*where, at_s, (told, *readings), Infusion(state, drug))


def monitor(
    at_s: float,
    where: tuple[str, str] = MONITOR,
    *,
    cuff: tuple[object, ...] | None = CUFF_NUMBERS,
    **numbers: object,
) -> Observation:
    """A monitor's sample, well unless told otherwise: a number, ``None`` (no value) or ``"bad"`` (an invalid one)."""
    told = {quantity: numbers.get(quantity.value, number) for quantity, number in VITALS.items()}
    told.update(zip(CUFF, cuff or (None,) * len(CUFF), strict=True))
    return Observation(*where, at_s, tuple(_reading(quantity, number) for quantity, number in told.items()))


def _reading(quantity: Quantity, number: object) -> Reading:
    unit = CANON[quantity].unit
    if number is None:
        return missing(quantity, unit)
    return invalid(quantity, unit) if number == "bad" else Reading(quantity, Decimal(str(number)), unit)


def shows(
    at_s: float, *kinds: DeviceAlarmKind, where: tuple[str, str] = PUMP, code: str = "INA1", text: str = "alarm"
) -> AlarmSetChanged:
    return AlarmSetChanged(*where, at_s, tuple(DeviceAlarm(kind, code, text) for kind in kinds))


def is_called(at_s: float, serial: str, where: tuple[str, str] = PUMP) -> DeviceIdentified:
    return DeviceIdentified(*where, at_s, serial, "Perfusor Space")


def instant(now_s: float) -> Instant:
    return Instant(now_s, 1_790_000_000.0 + now_s, synchronised=True)


class World:
    """A core, the clock in its hand, and a reader that keeps what the effects say as the broker would.

    While ``keeps`` is true each step's rows are committed at once, in a step of their own at the same moment.
    """

    def __init__(
        self,
        config: CoreConfig = CONFIG,
        *,
        alarms: Iterable[Alarm] = (),
        state: CoreState | None = None,
        keeps: bool = True,
    ) -> None:
        restored = tuple(alarms)
        self.core = Core(config, state or initial_state(config, RUN, instant(START_S), restored))
        self.keeps = keeps
        self.now_s = START_S
        self.steps: list[Step] = []
        self.events: list[Event] = []
        self.retained: dict[AlarmKey, Alarm] = {alarm.key: alarm for alarm in restored}
        self.indexes: dict[str, tuple[Alarm, ...]] = {}
        self.inhibited: dict[str, tuple[tuple[str, str], ...]] = {}
        self.snapshots: list[BedSnapshot] = []
        self.therapies: list[TherapyView] = []
        self.rosters: list[tuple[float, Roster]] = []
        self.self_checks: list[SelfCheck] = []
        self.heartbeats: list[Heartbeat] = []
        self.answers: list[Answer] = []

    def step(self, now_s: float, *inputs: Input) -> Step:
        self.now_s = now_s
        step = self._step(inputs)
        while self.keeps and any(isinstance(effect, KEPT) for effect in self.steps[-1].effects):
            self._step((StoreResult(now_s, self.steps[-1].mark, committed=True),))
        return step

    def run(self, until_s: float, feed: Callable[[float], Iterable[Input]] = lambda _: ()) -> None:
        """Step each second until then, with what the devices say at that moment."""
        while self.now_s < until_s:
            self.step(self.now_s + 1, *feed(self.now_s + 1))

    def _step(self, inputs: Iterable[Input]) -> Step:
        step = self.core.step(instant(self.now_s), inputs)
        self.steps.append(step)
        for effect in step.effects:
            if isinstance(effect, Publish):
                self._read(effect)
        return step

    def _read(self, effect: Publish) -> None:
        match effect.content:
            case AlarmChanged(alarm):
                self.retained[alarm.key] = alarm
            case AlarmCleared(alarm):
                self.retained.pop(alarm.key, None)
            case AlarmIndex(bed, alarms, inhibited):
                self.indexes[bed] = alarms
                self.inhibited[bed] = inhibited
            case Event() as event:
                self.events.append(event)
            case BedSnapshot() as snapshot:
                self.snapshots.append(snapshot)
            case TherapyView() as therapy:
                self.therapies.append(therapy)
            case Roster() as roster:
                self.rosters.append((self.now_s, roster))
            case SelfCheck() as check:
                self.self_checks.append(check)
            case Heartbeat() as beat:
                self.heartbeats.append(beat)
            case Answer() as answer:
                self.answers.append(answer)

    # --- what a nurse does ---

    def ask(self, act: Act) -> Answer:
        """Ask for something now, and return the answer. It must be kept first."""
        request = asked(self.now_s, act, f"ask-{len(self.steps)}")
        self.step(self.now_s, request)
        (answer,) = [answer for answer in self.answers if answer.request_id == request.request_id]
        return answer

    def acknowledge(self, condition: str, bed: str | None = None) -> Answer:
        return self.ask(Acknowledge(named(self._the(condition, bed))))

    def accept(self, condition: str, bed: str | None = None, *, acknowledge: bool = False) -> Answer:
        return self.ask(Accept(named(self._the(condition, bed)), acknowledge))

    def reset(self, condition: str, bed: str | None = None) -> Answer:
        return self.ask(Reset(named(self._the(condition, bed))))

    # --- what happened ---

    def told(self, condition: str, bed: str | None = None, *, levels: bool = True) -> list[tuple[float, str, str]]:
        """When, which transition, and which band, of one condition (see `history`)."""
        return history((event for event in self.events if _is(event.alarm, condition, bed)), levels=levels)

    def alarm(self, condition: str, bed: str | None = None) -> Alarm | None:
        """The one alarm of a condition that readers see."""
        found = [alarm for alarm in self.retained.values() if _is(alarm, condition, bed)]
        assert len(found) <= 1
        return found[0] if found else None

    def standing(self) -> set[str]:
        """The conditions of the alarms that readers see: those whose condition is over, and that latched, too."""
        return {key.condition for key in self.retained}

    def present(self) -> set[str]:
        """The conditions that readers see as present."""
        return {key.condition for key, alarm in self.retained.items() if alarm.present}

    def _the(self, condition: str, bed: str | None) -> Alarm:
        alarm = self.alarm(condition, bed)
        assert alarm is not None
        return alarm


def _is(alarm: Alarm, condition: str, bed: str | None) -> bool:
    return alarm.key.condition == condition and bed in (None, alarm.key.bed)
