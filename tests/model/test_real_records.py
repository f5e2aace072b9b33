"""Two real patients' records, a row a minute, played through the core as what a monitor said."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.model import DeviceKind, NibpTime, Observation, Quantity, Reading, missing
from edge.config import load
from edge.core.config import BedConfig, Binding, CoreConfig, PortConfig
from edge.core.effects import BedSnapshot, Event, Publish
from edge.core.engine import Core
from edge.core.inputs import BrokerLink, Input, StoreResult
from edge.core.model import Alarm, AlarmKey, Phase
from edge.core.restore import initial_state
from edge.core.validate import CANON
from tests.core_world import BED, MONITOR, PUMP, RUN, START_S, instant, order, place, pump

COLUMNS = {
    "HR_bpm": Quantity.HEART_RATE,
    "PULSE_bpm": Quantity.PULSE_RATE,
    "SpO2_%": Quantity.SPO2,
    "RESP_pm": Quantity.RESPIRATORY_RATE,
    "ABPSys_mmHg": Quantity.IBP1_SYS,
    "ABPDias_mmHg": Quantity.IBP1_DIA,
    "ABPMean_mmHg": Quantity.IBP1_MEAN,
    "NBPSys_mmHg": Quantity.NIBP_SYS,
    "NBPDias_mmHg": Quantity.NIBP_DIA,
    "NBPMean_mmHg": Quantity.NIBP_MEAN,
}
OF = {
    "HR": Quantity.HEART_RATE,
    "SPO2": Quantity.SPO2,
    "RR": Quantity.RESPIRATORY_RATE,
    "BP_SYS": Quantity.NIBP_SYS,
    "BP_DIA": Quantity.NIBP_DIA,
    "BP_MEAN": Quantity.NIBP_MEAN,
}
"""Which number a limit's condition is about, by the beginning of its name."""
SECONDS, PUMP_SECONDS = (0, 9, 18, 27), (32, 37, 46, 55)
"""A row stands for its minute: it is said so often in it, and then for half a minute only the pump speaks."""
CUFF = frozenset({Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN})
LESSER = (Phase.END, Phase.LATCH, Phase.DEESCALATE)


@dataclass(frozen=True)
class Row:
    """One minute of a record. A zero in a vital sign, or an empty field, is no value."""

    minute: int
    numbers: dict[Quantity, Decimal | None]


def rows_of(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            told = {COLUMNS[name]: text for name, text in row.items() if name in COLUMNS}
            numbers = {quantity: Decimal(text) if text and Decimal(text) else None for quantity, text in told.items()}
            yield Row(int(row["minute"]), numbers)


def ward() -> CoreConfig:
    """One bed with the limits that are shipped; lines that may be silent for 10 s."""
    folder = Path(__file__).resolve().parents[2] / "config"
    ports = (
        PortConfig(PUMP[0], "bbraun-space", DeviceKind.PUMP, NibpTime.NOT_MEASURED, 4.5),
        PortConfig(MONITOR[0], "ge-dri", DeviceKind.MONITOR, NibpTime.DEVICE, 4.5),
    )
    bed = BedConfig(BED, "Bed 1", (Binding(*PUMP),), (Binding(*MONITOR),), tuple(OF.values()), 900.0)
    return replace(load(folder / "edge.toml", folder).core, ports=ports, beds=(bed,), stations=())


def said(at_s: float, row: Row, *, first: bool) -> Observation:
    """What the monitor says: a cuff pressure once, when it was measured, and everything else each time."""
    numbers = {
        quantity: number
        for quantity, number in row.numbers.items()
        if quantity not in CUFF or (first and number is not None)
    }
    return Observation(*MONITOR, at_s, tuple(_reading(*item) for item in numbers.items()))


def _reading(quantity: Quantity, number: Decimal | None) -> Reading:
    unit = CANON[quantity].unit
    return missing(quantity, unit) if number is None else Reading(quantity, number, unit, Decimal("0.1"))


class Player:
    """The core, and what it told; ``told`` holds every number that the monitor said of a quantity."""

    def __init__(self) -> None:
        config = ward()
        drug = config.drugs[0].drug
        self.core = Core(config, initial_state(config, RUN, instant(START_S)))
        self.events: list[Event] = []
        self.standing: dict[AlarmKey, Alarm] = {}
        self.last: dict[Quantity, tuple[float, Decimal | None]] = {}
        self.told: dict[str, set[Decimal]] = {}
        self.mark = 0
        self.step(START_S, place(START_S, replace(order(), drug=drug)), BrokerLink(START_S, connected=True, detail=""))

    def step(self, now_s: float, *inputs: Input) -> None:
        step = self.core.step(instant(now_s), (StoreResult(now_s, self.mark, committed=True), *inputs))
        self.mark = step.mark
        for effect in step.effects:
            match effect:
                case Publish(Event() as event):
                    self._look(event, now_s)
                case Publish(BedSnapshot() as shown):
                    for metric in shown.vital_signs:
                        assert metric.value is None or metric.value in self.told[metric.name], metric

    def hear(self, now_s: float, observation: Observation) -> None:
        for reading in observation.readings:
            self.last[reading.quantity] = (now_s, reading.value)
            numbers = self.told.setdefault(CANON[reading.quantity].name, set())
            if reading.value is not None:
                numbers.add(reading.value)
        self.step(now_s, pump(now_s, "7"), observation)

    def _look(self, event: Event, now_s: float) -> None:
        """Nothing that is missing is judged, and in a gap nothing gets less."""
        self.events.append(event)
        quantity = next((OF[name] for name in OF if event.alarm.key.condition.startswith(f"{name}_")), None)
        if quantity is None or event.alarm.key.condition.endswith(("MISSING", "DISAGREE")):
            return
        heard_at_s, number = self.last[quantity]
        if event.phase in (Phase.START, Phase.ESCALATE, Phase.RETURN, *LESSER):
            assert number is not None, event
            assert now_s - heard_at_s < (1080.0 if quantity in CUFF else 10.0), event
        if event.phase in (Phase.START, Phase.ESCALATE, Phase.RETURN):
            assert event.alarm.value, "no zero is ever a reason"
            assert event.alarm.value in self.told[CANON[quantity].name]


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "minutes"), [("mimic2-s00001-numerics.csv", 1936), ("mimic2-s25047-numerics.csv", 72)]
)
def test_a_real_record_is_judged_on_what_it_says_alone(shared_data: Path, name: str, minutes: int) -> None:
    player, said_nothing = Player(), Counter[Quantity]()
    rows = list(rows_of(shared_data / name))
    assert len(rows) == minutes
    for row in rows:
        began_s = START_S + 60.0 * (row.minute + 1)
        for second in SECONDS:
            player.hear(began_s + second, said(began_s + second, row, first=second == 0))
        for second in PUMP_SECONDS:
            player.step(began_s + second, pump(began_s + second, "7"))
        said_nothing.update(quantity for quantity, number in row.numbers.items() if number is None)
    told = Counter(
        (event.alarm.key.condition, event.phase.value)
        for event in player.events
        if event.phase in (Phase.START, Phase.RETURN, Phase.END)
    )
    lines = [f"{name}: {len(rows)} minutes; without a value:"]
    lines += [f"  {quantity:24} {count:14}" for quantity, count in said_nothing.items()]
    lines += [f"  {condition:24} {phase:8} {count:5}" for (condition, phase), count in sorted(told.items())]
    sys.stdout.write("\n".join([*lines, ""]))
    assert said_nothing[Quantity.SPO2] > 0
    assert sum(count for (condition, _), count in told.items() if condition.startswith(("BP_", "HR_", "RR_", "SPO2_")))
