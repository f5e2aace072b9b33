"""A quiet ward for a day: twenty beds whose patients are well, and whose devices are what devices are.

Sensors come off for seconds, a movement makes single samples wild, messages get lost, the cuff measures every quarter
of an hour with its noise, a monitor is silent for seconds. With the limits that are shipped, at most one medium or high
alarm a bed and hour may sound; low ones are counted apart.

Between artefacts a bed speaks every few seconds: what lies between is as well as what is said. Around one it speaks
each second.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from itertools import groupby, takewhile
from operator import itemgetter
from pathlib import Path

import pytest

from drivers.model import DeviceKind, NibpTime, Observation, Quantity, Reading, missing
from edge.config import load
from edge.core.config import BedConfig, Binding, CoreConfig, PortConfig
from edge.core.effects import Event, Publish, Step
from edge.core.engine import Core
from edge.core.inputs import BrokerLink, Input, LinkCause, LinkChange, StoreResult
from edge.core.model import Phase, Priority
from edge.core.restore import initial_state
from tests.core_world import RUN, START_S, instant, order, place, pump

BEDS = 20
HOURS = 24
SEED = 20_260_602
CALM_S = 9.875
ROUND_S, LONGEST_ROUND_S = 1.0, 4.5
"""Around an artefact a monitor's link may be silent for 3 s, as on the ward; else for 10 s, the longest there is."""
CUFF_S = 900.0
ARTEFACT_S = 900.0
"""On average so far apart at a bed: four an hour."""
NOISE = (Phase.START, Phase.ESCALATE, Phase.REMIND, Phase.RETURN, Phase.SOUND, Phase.LEVEL, Phase.ADOPT)
BUDGET_PER_BED_AND_HOUR = 1.0

WELL = {
    Quantity.HEART_RATE: (78, 4),
    Quantity.PULSE_RATE: (78, 4),
    Quantity.SPO2: (97, 1),
    Quantity.RESPIRATORY_RATE: (15, 2),
}
CUFF = {
    Quantity.NIBP_SYS: (125, 8),
    Quantity.NIBP_DIA: (75, 5),
    Quantity.NIBP_MEAN: (92, 6),
}
UNITS = {**dict.fromkeys(WELL, "/min"), Quantity.SPO2: "%", **dict.fromkeys(CUFF, "mm[Hg]")}
SILENT = ("lost messages", "glitch")
WILD = {
    Quantity.HEART_RATE: (20, 30, 190, 230),
    Quantity.PULSE_RATE: (30, 180),
    Quantity.SPO2: (76, 82, 84, 86),
    Quantity.RESPIRATORY_RATE: (2, 45),
}
"""What a movement makes of one sample."""


@dataclass(frozen=True)
class Artefact:
    """What goes wrong for a while, with what quantity (``None``: with all)."""

    kind: str
    for_s: int
    what: Quantity | None = None


def artefact(chance: random.Random) -> Artefact:
    kind = chance.choices(("sensor off", "movement", "lost messages", "glitch"), weights=(6, 10, 10, 1))[0]
    for_s = {"sensor off": (3, 25), "movement": (1, 8), "lost messages": (1, 2), "glitch": (3, 8)}[kind]
    return Artefact(kind, chance.randint(*for_s), chance.choice(list(WELL)))


class Patient:
    """A well patient and the monitor beside the bed."""

    def __init__(self, bed: int) -> None:
        self.bed = bed
        self.chance = random.Random(SEED * 100 + bed)
        self.cuff_at_s = -CUFF_S

    def speaks(self) -> Iterator[tuple[float, int, tuple[Input, ...]]]:
        """Give what comes in from this bed, moment by moment, for the whole day."""
        now_s = START_S + CALM_S
        end_s = START_S + HOURS * 3600
        while now_s < end_s:
            calm_until_s = now_s + self.chance.expovariate(1 / ARTEFACT_S)
            while now_s < min(calm_until_s, end_s):
                yield now_s, self.bed, self._all(now_s, None)
                now_s += CALM_S
            wrong = artefact(self.chance)
            yield now_s, self.bed, (self._rounds(now_s, ROUND_S), *self._all(now_s, None))
            for second in range(wrong.for_s + 4):
                now_s += 1.0
                inputs = self._disturbed(now_s, wrong, over=second >= wrong.for_s)
                if inputs:
                    yield now_s, self.bed, inputs
            # The grid of calm beds is the same for all: so they are judged together.
            now_s += 1.0
            yield now_s, self.bed, (*self._all(now_s, None), self._rounds(now_s, LONGEST_ROUND_S))
            now_s += CALM_S - (now_s - START_S) % CALM_S

    def _rounds(self, now_s: float, round_s: float) -> LinkChange:
        return LinkChange(f"mon-{self.bed}", now_s, up=True, cause=LinkCause.OPENED, detail="", round_s=round_s)

    def _disturbed(self, now_s: float, wrong: Artefact, *, over: bool) -> tuple[Input, ...]:
        if over:
            return self._all(now_s, None)
        return self._pump(now_s) if wrong.kind in SILENT else self._all(now_s, wrong)

    def _all(self, now_s: float, wrong: Artefact | None) -> tuple[Input, ...]:
        return (*self._pump(now_s), self._monitor(now_s, wrong))

    def _pump(self, now_s: float) -> tuple[Input, ...]:
        return (pump(now_s, "7", where=("rack", str(self.bed))),)

    def _monitor(self, now_s: float, wrong: Artefact | None) -> Observation:
        readings = [self._stream(quantity, wrong) for quantity in WELL]
        if now_s >= self.cuff_at_s + CUFF_S:
            self.cuff_at_s = now_s
            readings += [_reading(quantity, round(self.chance.gauss(*about))) for quantity, about in CUFF.items()]
        return Observation(f"mon-{self.bed}", "0", now_s, tuple(readings))

    def _stream(self, quantity: Quantity, wrong: Artefact | None) -> Reading:
        if wrong is not None and quantity is wrong.what:
            if wrong.kind == "sensor off":
                return missing(quantity, UNITS[quantity])
            if self.chance.random() < 0.5:
                return _reading(quantity, self.chance.choice(WILD[quantity]))
        return _reading(quantity, round(self.chance.gauss(*WELL[quantity])))


@cache
def _reading(quantity: Quantity, number: int) -> Reading:
    """One reading, as the device says it; ``SpO2`` ends at 100 %."""
    return Reading(quantity, Decimal(min(number, 100) if quantity is Quantity.SPO2 else number), UNITS[quantity])


def shipped() -> CoreConfig:
    """The limits and drugs of the configuration that is shipped, for a ward of twenty beds."""
    folder = Path(__file__).resolve().parents[2] / "config"
    core = load(folder / "edge.toml", folder).core
    signs = (*WELL, *CUFF)
    beds = tuple(
        BedConfig(f"bed-{n}", f"Bed {n}", (Binding("rack", str(n)),), (Binding(f"mon-{n}", "0"),), signs, CUFF_S)
        for n in range(BEDS)
    )
    rack = PortConfig("rack", "bbraun-space", DeviceKind.PUMP, NibpTime.NOT_MEASURED, LONGEST_ROUND_S)
    monitors = [
        PortConfig(f"mon-{n}", "ge-dri", DeviceKind.MONITOR, NibpTime.DEVICE, LONGEST_ROUND_S) for n in range(BEDS)
    ]
    return replace(core, ports=(rack, *monitors), beds=beds, stations=())


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_quiet_ward_is_quiet() -> None:
    config = shipped()
    core = Core(config, initial_state(config, RUN, instant(START_S)))
    orders = [
        place(START_S, replace(order(("rack", str(n))), drug=config.drugs[0].drug), f"bed-{n}") for n in range(BEDS)
    ]
    sounded, low, told = Counter[str](), Counter[str](), Counter[int]()
    step = core.step(instant(START_S), [*orders, BrokerLink(START_S, connected=True, detail="")])
    moments = heapq.merge(*(Patient(bed).speaks() for bed in range(BEDS)), key=itemgetter(0))
    day = takewhile(lambda row: row[0] < START_S + HOURS * 3600, moments)
    for now_s, rows in groupby(day, key=itemgetter(0)):
        said: list[Input] = [StoreResult(now_s, step.mark, committed=True)]
        for _, bed, inputs in rows:
            said += inputs
            told[bed] += len(inputs)
        step = core.step(instant(now_s), said)
        for alarm in _noise(step):
            (low if alarm.alarm.priority is Priority.LOW else sounded)[_named(alarm)] += 1
    bed_hours = BEDS * HOURS
    lines = [f"{bed_hours} bed-hours, {told.total()} inputs; onsets of sound a bed and hour:"]
    for title, counted in (("medium and high", sounded), ("low", low)):
        lines.append(f"{title:32} {counted.total() / bed_hours:8.4f}")
        lines += [f"  {name:30} {count / bed_hours:8.4f}" for name, count in counted.most_common()]
    sys.stdout.write("\n".join([*lines, ""]))
    assert sounded.total() <= BUDGET_PER_BED_AND_HOUR * bed_hours
    assert min(told.values()) > HOURS * 3600 / CALM_S
    assert sounded.total() + low.total() > 0, "twenty beds with artefacts for a day are not silent: nothing was judged"


def _noise(step: Step) -> Iterator[Event]:
    for effect in step.effects:
        if isinstance(effect, Publish) and isinstance(effect.content, Event):
            event = effect.content
            if event.phase in NOISE and event.alarm.audible:
                yield event


def _named(event: Event) -> str:
    return f"{event.alarm.key.condition} {event.alarm.priority.name.lower()} {event.phase.value}"
