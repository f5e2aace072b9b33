"""A bed under treatment, with a simulated pump that is looked at each few seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from drivers.model import Infusion, InfusionState, Observation, Quantity, Reading
from edge.core.config import CoreConfig, DurationRule, TotalRule
from edge.core.effects import Answer, BedSnapshot, Keep, Metric
from edge.core.inputs import Act, Basis, Input, Request, Role
from edge.core.model import Alarm
from edge.core.restore import initial_state
from edge.core.therapy import Checklist, Known, Order, Patient, TherapyPhase
from edge.core.therapy_state import Kept, KeptPart, TherapyState
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec
from tests.core_world import (
    BED,
    CONFIG,
    KETAMINE,
    PUMP,
    RUN,
    START_S,
    STATION,
    World,
    instant,
    is_called,
    monitor,
    order,
)

D = Decimal
NO = Known.NO
WELL = Checklist(NO, NO, NO, NO, NO, NO, NO, 0)
EVERY_S = 4.0
SERIAL = "012345"
DRUG = replace(
    KETAMINE,
    session=TotalRule(D("2.0"), D("2.5"), D("1.02"), D("1.05")),
    day=TotalRule(D("2.0"), D("2.5"), D("1.02")),
    duration=DurationRule(600.0, D("1.5")),
)
PORTS = tuple(replace(port, round_s=EVERY_S) for port in CONFIG.ports)
TREATING = replace(CONFIG, drugs=(DRUG,), ports=PORTS)


def patient(case: str = "c-17", weight: str = "70", at_s: float = START_S) -> Patient:
    return Patient(case, D(weight), WELL, "ann", instant(at_s))


def ordered(where: tuple[str, str] = PUMP, **changes: Any) -> Order:
    """2 mg/kg in 70 min, at 1.0 mg/kg/h to begin with; 10 mg/mL and 70 kg: 7 mL/h is 1 mg/kg/h."""
    return replace(order(where), **{"total_mg_per_kg": D("2.0"), "planned_s": 4200.0, **changes})


def treatment(*orders: Order, who: Patient | None = None, **changes: Any) -> TherapyState:
    begun = {"phase": TherapyPhase.INFUSING, "phase_since": instant(START_S), **changes}
    return TherapyState(who or patient(), orders or (ordered(),), **begun)


def said(pump: PumpModel, at_s: float, where: tuple[str, str] = PUMP) -> Observation:
    """What a B. Braun pump says in one block; the model's time begins at zero."""
    shown = pump.snapshot(at_s - START_S)
    left = shown.syringe_left_ml
    readings = [
        Reading(Quantity.INFUSION_RATE, shown.rate_ml_per_h, "mL/h", D("0.01")),
        Reading(Quantity.BOLUS_RATE, shown.bolus_rate_ml_per_h, "mL/h", D(1)),
        Reading(Quantity.VOLUME_INFUSED, shown.counter_ml, "mL", shown.spec.counter_resolution_ml),
    ]
    if left is not None:
        readings.append(Reading(Quantity.VOLUME_REMAINING, D(int(left * 100)) / 100, "mL", D("0.01")))
    return Observation(*where, at_s, tuple(readings), Infusion(InfusionState(shown.state.value), "Ketamine"))


class Treatment:
    """A world with one bed under treatment. ``change`` may change what the pump says, or lose it."""

    def __init__(
        self,
        therapy: TherapyState | None = None,
        *,
        counter_ml: str = "0.01",
        rate: str = "7",
        serial: str = SERIAL,
        config: CoreConfig = TREATING,
        kept: Iterable[KeptPart] = (),
        pump: PumpModel | None = None,
        at_s: float = START_S,
        alarms: Iterable[Alarm] = (),
        silent: bool = False,
    ) -> None:
        standing = tuple(alarms)
        state = initial_state(config, RUN, instant(at_s), standing, therapy=tuple(kept))
        if therapy is not None:
            state.beds[BED].treat(therapy)
        self.world = World(config, alarms=standing, state=state)
        self.world.now_s = at_s
        self.pump = pump or PumpModel(PumpSpec(counter_resolution_ml=D(counter_ml)))
        self.change: Callable[[Observation], Observation | None] = lambda said: None if silent else said
        self.serial = serial
        if pump is None:
            self.pump.set_rate(0.0, D(rate))
            self.pump.start(0.0)
        self.look(at_s, *([is_called(at_s, serial)] if serial and not silent else []))

    @property
    def clock_s(self) -> float:
        """The pump's time."""
        return self.world.now_s - START_S

    def look(self, at_s: float, *before: Input) -> None:
        """Step once, with what the devices say."""
        observation = self.change(said(self.pump, at_s))
        self.world.step(at_s, *before, *([] if observation is None else [observation]), monitor(at_s))

    def run(self, seconds: float, every_s: float = EVERY_S) -> None:
        end_s = self.world.now_s + seconds
        while self.world.now_s < end_s - 1e-6:
            self.look(self.world.now_s + every_s)

    def treat(self, therapy: TherapyState) -> None:
        """Put another therapy in force."""
        state = self.world.core.snapshot()
        state.beds[BED].treat(therapy)
        self.world.core = type(self.world.core)(TREATING, state)

    def asks(self, act: Act, user: str = "ann", role: Role = Role.NURSE) -> Answer:
        """Ask for something now, and return the answer."""
        now_s = self.world.now_s
        name = f"ask-{len(self.world.steps)}"
        before = len(self.world.answers)
        self.world.step(now_s, Request(name, STATION.station, now_s, act, Basis(RUN, now_s), user, role))
        (answer,) = self.world.answers[before:]
        return answer

    @property
    def therapy(self) -> TherapyState:
        return self.world.core.snapshot().beds[BED].therapy

    def raised(self) -> set[str]:
        """Every condition that ever alarmed."""
        return {event.alarm.key.condition for event in self.world.events}

    def metric(self, name: str) -> Metric:
        """A metric of the pump, as it is shown now."""
        shown: BedSnapshot = [one for one in self.world.snapshots if one.bed == BED][-1]
        return next(metric for metric in shown.doses[0].metrics if metric.name == name)

    @property
    def volume_check(self) -> str:
        """What the check of the pump's volume says, for people."""
        shown: BedSnapshot = [one for one in self.world.snapshots if one.bed == BED][-1]
        return shown.doses[0].volume_check_text

    def number(self, name: str) -> Decimal:
        found = self.metric(name).value
        assert found is not None
        return found

    def true_mg(self, concentration: str = "10") -> float:
        return float(self.pump.delivered_ml(self.clock_s)) * float(concentration)

    def kept(self, *, here: bool = True) -> list[KeptPart]:
        """The parts as the store has them."""
        parts: dict[tuple[str, str], Kept | None] = {}
        for step in self.world.steps:
            for effect in step.effects:
                if isinstance(effect, Keep):
                    parts[effect.bed, effect.part] = effect.body
        return [KeptPart(bed, part, body, here) for (bed, part), body in parts.items() if body is not None]
