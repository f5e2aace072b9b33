"""Ten thousand hard-limit events in virtual time, and none of them missed or late.

Forty beds live beside each other in one core. Each event is a bed's: well, then beyond a hard or bypass limit, with
noise around the limit, samples that were lost, merged or came late, and gaps shorter than the bridge. The oracle looks
at the samples alone and says at which of them, at the latest, the alarm must be high: the first that is a delay after
the start of an unbroken run beyond the limit.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from drivers.model import DeviceKind, NibpTime, Observation, Quantity, Reading, missing
from edge.core.config import BedConfig, Binding, CoreConfig, LimitConfig, PortConfig
from edge.core.effects import Event, Persist, Publish, Step
from edge.core.engine import Core
from edge.core.inputs import Input, Reset, StoreResult
from edge.core.model import AlarmKey, Phase, Priority, Side, SignalPresence
from edge.core.restore import initial_state
from tests.core_world import (
    BP_LIMIT,
    CONFIG,
    DOSE_LIMIT,
    HR_LIMIT,
    RUN,
    SPO2_LIMIT,
    START_S,
    asked,
    band,
    instant,
    limit,
    named,
    order,
    place,
    pump,
)

EVENTS = 10_000
BEDS = 40
SEED = 20_260_601
BRIDGE_S = 10.0
QUIET_S, QUIET = 2.9, 4
"""Less than a link may be silent: a bed that is well says so this often. So many, and the first of the next event, are
longer than an alarm takes to end."""
KEEP_EVERY = 20
"""The disk commits so many steps at once."""
RR_LIMIT = limit(
    "RR_LOW",
    Quantity.RESPIRATORY_RATE,
    Side.LOW,
    band("soft", "10", Priority.MEDIUM, 20),
    band("hard", "8", Priority.HIGH, 10),
    hysteresis="1",
    clear_s=10,
)


@dataclass(frozen=True)
class Kind:
    """What goes wrong. ``beyond`` are numbers beyond each high band and not beyond the next; ``near`` is inside."""

    limit: LimitConfig
    well: int
    near: int
    beyond: tuple[tuple[int, int], ...]


KINDS = (
    Kind(HR_LIMIT, 80, 140, ((141, 170),)),
    Kind(SPO2_LIMIT, 98, 88, ((80, 87), (60, 79))),
    Kind(RR_LIMIT, 14, 8, ((2, 7),)),
    Kind(BP_LIMIT, 120, 180, ((181, 230),)),
    Kind(DOSE_LIMIT, 7, 17, ((18, 27), (29, 90))),
)
"""A dose as the rate in mL/h that is set: 10 mg/mL and 70 kg, so that 7 mL/h is 1 mg/kg/h."""


@dataclass(frozen=True)
class Sample:
    """One sample. ``merged`` are the extremes of what was merged into it; a ``late`` one comes with the next."""

    at_s: float
    value: int | None
    merged: tuple[int, int] | None = None
    late: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        return () if self.value is None else (*(self.merged or ()), self.value)


@dataclass(frozen=True)
class Trace:
    """One event at a bed, and the moment of the sample by which its alarm must be high; ``None``: too short."""

    kind: Kind
    samples: tuple[Sample, ...]
    due_s: float | None


def trace(chance: random.Random, kind: Kind, begins_s: float) -> Trace:
    """Make one event: well, beyond the limit for a while, well until everything is over."""
    low, high = chance.choice(kind.beyond)
    is_cuff = kind.limit is BP_LIMIT
    at_once = is_cuff or (low, high) != kind.beyond[0]
    samples = [Sample(begins_s, kind.well)]
    at_s = begins_s
    for _ in range(chance.choice((1, 2, 3) if at_once else (6, 11, 12, 13, 13, 14, 16, 18))):
        at_s += 1.0
        if is_cuff:
            samples.append(Sample(at_s, chance.randint(low, high)))
        else:
            samples += _beyond(chance, kind, at_s, low, high)
            at_s = max(at_s, samples[-1].at_s)
            if chance.random() < 0.04:
                at_s += chance.choice((1.0, 2.0, 5.0, 7.0))  # lost, or the sensor is off
    while samples[-1].value == kind.near:
        samples.pop()  # it would only hold the alarm for longer
    samples[-1] = replace(samples[-1], late=False)
    samples += [Sample(samples[-1].at_s + QUIET_S * turn, kind.well) for turn in range(1, QUIET + 1)]
    return Trace(kind, tuple(samples), due_s(kind.limit, samples))


def _beyond(chance: random.Random, kind: Kind, at_s: float, low: int, high: int) -> list[Sample]:
    value, what = chance.randint(low, high), chance.random()
    if what < 0.03:
        return [Sample(at_s, None)]
    if what < 0.04:
        return [Sample(at_s, kind.near)]  # at the limit: allowed
    if what < 0.10:
        return [Sample(at_s, value, (low, high))]
    if what < 0.13:
        return []
    return [Sample(at_s + chance.choice((0.0, 0.0, 0.2, 0.4)), value, late=what < 0.16)]


def due_s(passed: LimitConfig, samples: Iterable[Sample]) -> float | None:
    """The oracle: by which sample the alarm must be high."""
    due: list[float] = []
    for row in passed.bands:
        run: list[float] = []
        for sample in samples if row.priority is Priority.HIGH else ():
            beyond = [is_beyond(passed, number, row.value) for number in sample.numbers]
            if not beyond:
                continue
            if not all(beyond):
                run = []
            elif run and sample.at_s - run[-1] <= BRIDGE_S:
                run.append(sample.at_s)
            else:
                run = [sample.at_s]
            if (any(beyond) and row.delay_s == 0) or (len(run) >= 2 and run[-1] - run[0] >= row.delay_s):
                due.append(sample.at_s)
                break
    return min(due, default=None)


def is_beyond(passed: LimitConfig, number: int, bound: Decimal) -> bool:
    exact = Decimal(number) * 10 / 70 if passed is DOSE_LIMIT else Decimal(number)
    return exact > bound if passed.side is Side.HIGH else exact < bound


def has_pump(bed: int) -> bool:
    """Tell whether the events of a bed are its pump's; a bed has no device that never says anything."""
    return KINDS[bed % len(KINDS)].limit is DOSE_LIMIT


def config() -> CoreConfig:
    ports, beds = [], []
    for bed in range(BEDS):
        pumps, monitors = (Binding(f"pump-{bed}", "1"),), (Binding(f"mon-{bed}", "0"),)
        if has_pump(bed):
            ports.append(PortConfig(f"pump-{bed}", "bbraun-space", DeviceKind.PUMP, NibpTime.NOT_MEASURED, 1.0))
            beds.append(BedConfig(f"bed-{bed}", f"Bed {bed}", pumps, (), (), 300.0))
        else:
            ports.append(PortConfig(f"mon-{bed}", "ge-dri", DeviceKind.MONITOR, NibpTime.DEVICE, 1.0))
            beds.append(BedConfig(f"bed-{bed}", f"Bed {bed}", (), monitors, (), 300.0))
    limits = tuple(kind.limit for kind in KINDS if kind.limit is not DOSE_LIMIT)
    return replace(CONFIG, ports=tuple(ports), beds=tuple(beds), vital_limits=limits)


def said(bed: int, kind: Kind, sample: Sample) -> Observation:
    """What the device says of the one number that goes wrong."""
    quantity, unit = kind.limit.quantity, kind.limit.unit
    if kind.limit is DOSE_LIMIT:
        quantity = Quantity.INFUSION_RATE
        one = pump(sample.at_s, sample.value, where=(f"pump-{bed}", "1"))
    else:
        number = None if sample.value is None else Decimal(sample.value)
        reading = missing(quantity, unit) if number is None else Reading(quantity, number, unit)
        one = Observation(f"mon-{bed}", "0", sample.at_s, (reading,))
    if sample.merged is None:
        return one
    low, high = sample.merged
    return replace(one, count=3, extremes=((quantity, Decimal(low), Decimal(high)),))


def key_of(bed: int, kind: Kind) -> AlarmKey:
    where = (f"pump-{bed}", "1") if kind.limit is DOSE_LIMIT else ("", "")
    return AlarmKey(f"bed-{bed}", kind.limit.condition, *where)


def lane(bed: int, count: int) -> Iterator[tuple[float, int, Trace, Sample]]:
    """Give the samples of a bed's events, until so many of them were long enough to demand an alarm."""
    chance = random.Random(SEED + bed)
    kind = KINDS[bed % len(KINDS)]
    now_s = START_S + 1.0 + bed / BEDS
    while count:
        event = trace(chance, kind, now_s)
        count -= event.due_s is not None
        for sample in event.samples:
            yield sample.at_s, bed, event, sample
        now_s = event.samples[-1].at_s + QUIET_S


@dataclass
class Ward:
    """The core, which alarms are high now, and a nurse who resets each that latched."""

    core: Core = field(default_factory=lambda: Core(config(), initial_state(config(), RUN, instant(START_S))))
    high: set[AlarmKey] = field(default_factory=set)
    resets: list[Input] = field(default_factory=list)
    unkept: list[int] = field(default_factory=list)
    onsets: Counter[str] = field(default_factory=Counter)

    def step(self, now_s: float, inputs: list[Input]) -> None:
        if self.resets:
            inputs, self.resets = [*inputs, *self.resets], []
        if len(self.unkept) >= KEEP_EVERY:
            inputs = [*inputs, *(StoreResult(now_s, mark, committed=True) for mark in self.unkept)]
            self.unkept = []
        self._read(now_s, self.core.step(instant(now_s), inputs))

    def _read(self, now_s: float, step: Step) -> None:
        for effect in step.effects:
            match effect:
                case Persist(alarm):
                    is_high = alarm.present and alarm.priority is Priority.HIGH
                    (self.high.add if is_high else self.high.discard)(alarm.key)
                    if alarm.signal is SignalPresence.LATCHED:
                        self.resets.append(asked(now_s, Reset(named(alarm)), f"reset-{alarm.occurrence}-{alarm.rev}"))
                case Publish(Event(phase=Phase.START | Phase.ESCALATE, alarm=alarm)) if alarm.priority is Priority.HIGH:
                    self.onsets[alarm.key.condition] += 1
        if any(not isinstance(effect, Publish) for effect in step.effects):
            self.unkept.append(step.mark)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_of_ten_thousand_hard_events_none_is_missed_or_late() -> None:
    ward = Ward()
    doses = [bed for bed in range(BEDS) if has_pump(bed)]
    ward.step(START_S, [place(START_S, order((f"pump-{bed}", "1")), f"bed-{bed}") for bed in doses])
    events, short = Counter[str](), Counter[str]()
    missed: list[Trace] = []
    waiting: dict[int, list[Input]] = {}
    stepped_s: dict[int, float] = {}
    for at_s, bed, event, sample in heapq.merge(*(lane(bed, EVENTS // BEDS) for bed in range(BEDS))):
        inputs = [*waiting.pop(bed, []), said(bed, event.kind, sample)]
        if sample.late:
            waiting[bed] = inputs
            continue
        if sample is event.samples[0]:
            (short if event.due_s is None else events)[event.kind.limit.condition] += 1
        ward.step(at_s, inputs)
        if sample is event.samples[0]:
            assert key_of(bed, event.kind) not in ward.high, "the event before is over"
        due = event.due_s is not None and stepped_s.get(bed, 0.0) < event.due_s <= at_s
        if due and key_of(bed, event.kind) not in ward.high:
            missed.append(event)
        stepped_s[bed] = at_s
    lines = ["condition          events  too short  high onsets"]
    lines += [f"{name:18} {events[name]:6}  {short[name]:9}  {ward.onsets[name]:11}" for name in events]
    sys.stdout.write("\n".join([*lines, f"missed or late: {len(missed)}\n"]))
    assert missed == []
    assert events.total() == EVENTS
