"""A ward for the tests of therapies: a nurse, another one and a prescriber, at a station where all may ask."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from drivers.model import InfusionState
from edge.core.config import CoreConfig, StationConfig
from edge.core.effects import Answer, TherapyView
from edge.core.inputs import Act, Basis, Input, Request, Role
from edge.core.restore import initial_state
from edge.core.state import CoreState
from edge.core.therapy import Checklist, Known
from edge.core.therapy_acts import ConfirmOrder, EnterOrder, Place, StartPatient
from edge.core.therapy_state import THERAPY, KeptPart, KeptTherapy, TherapyState, moved
from tests.core_world import BED, CONFIG, PUMP, RUN, START_S, World, instant, monitor, pump

DESK = "desk"
WARD = replace(CONFIG, stations=(StationConfig(DESK, Role.PRESCRIBER),))
CASE = "c-17"
NURSE, OTHER_NURSE, DOCTOR = ("ann", Role.NURSE), ("bo", Role.NURSE), ("dr-c", Role.PRESCRIBER)
WELL = Checklist(*(Known.NO,) * 7, treatments_in_7_days=0)
HERE = Place(BED, CASE, *PUMP)


def entered(**changes: Any) -> EnterOrder:
    """An order of 1 mg/kg/h of 10 mg/mL for 70 kg, up to 2."""
    plain = EnterOrder(
        HERE,
        0,
        Decimal(10),
        Decimal(70),
        "ketamine",
        step_mg_per_kg_per_h=Decimal("1.0"),
        maximum_mg_per_kg_per_h=Decimal("2.0"),
    )
    return replace(plain, **changes)


class Treated(World):
    """A bed whose pump and monitor go on speaking; each act is asked by somebody."""

    def __init__(self, config: CoreConfig = WARD, *, state: CoreState | None = None, keeps: bool = True) -> None:
        super().__init__(config, state=state, keeps=keeps)
        self.pump_state = InfusionState.STOPPED
        self.rate = "7"
        self.monitored = bool(config.beds[0].monitors)
        self.numbers: dict[str, Any] = {}
        self.speak()

    def speak(self, *also: Input) -> None:
        """Let pump and monitor speak now."""
        said: list[Input] = [pump(self.now_s, self.rate, self.pump_state), *also]
        if self.monitored:
            said.append(monitor(self.now_s, **self.numbers))
        self.step(self.now_s, *said)

    def wait(self, seconds: float) -> None:
        """Let the time pass, devices speaking each second."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(self.now_s + 1, until_s)
            self.speak()

    def asks(self, who: tuple[str, Role], act: Act, request_id: str = "", **basis: Any) -> Answer:
        """Ask for something now, and return the answer."""
        user, role = who
        name = request_id or f"ask-{len(self.steps)}"
        seen = Basis(basis.get("run", RUN), basis.get("mono_s", self.now_s))
        before = len(self.answers)
        self.step(self.now_s, Request(name, DESK, self.now_s, act, seen, user, role))
        (answer,) = self.answers[before:]
        return answer

    def does(self, who: tuple[str, Role], act: Act) -> str:
        """Ask for what must be done, and return what was said of it."""
        answer = self.asks(who, act)
        assert answer.done, answer.reason
        return answer.said

    def refused(self, who: tuple[str, Role], act: Act) -> str:
        """Ask for what must be refused; nothing is changed by it. Return why."""
        before = self.therapy
        answer = self.asks(who, act)
        assert not answer.done, answer.said
        assert self.therapy == before
        return answer.reason

    @property
    def therapy(self) -> TherapyState:
        return self.core.snapshot().beds[BED].therapy

    @property
    def shown(self) -> TherapyView:
        return [view for view in self.therapies if view.bed == BED][-1]

    # --- the usual way ---

    def starts(self, **changes: Any) -> None:
        self.does(NURSE, replace(StartPatient(BED, CASE, Decimal(70), WELL), **changes))

    def orders(self, **changes: Any) -> None:
        """Enter an order, and let another person confirm it."""
        self.does(DOCTOR, entered(**changes))
        self.does(NURSE, ConfirmOrder(HERE, self.therapy.orders_entered))

    def infuses(self) -> None:
        self.pump_state = InfusionState.INFUSING
        self.speak()

    def stops(self) -> None:
        self.pump_state = InfusionState.STOPPED
        self.speak()


def later(world: Treated, seconds: float, *, at_s: float = START_S) -> Treated:
    """The same treatment so much later: the edge was started anew, and everything was so long ago."""
    kept = KeptTherapy(instant(at_s), moved(world.therapy, at_s - world.now_s - seconds))
    part = KeptPart(BED, THERAPY, kept, here=True)
    return Treated(state=initial_state(WARD, RUN, instant(at_s), therapy=[part]))


def treated(**changes: Any) -> Treated:
    """A bed with a patient and an order in force."""
    world = Treated(**changes)
    world.starts()
    world.orders()
    return world
