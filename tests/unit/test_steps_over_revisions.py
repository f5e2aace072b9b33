"""Rises and first minutes where the order is revised, the pump pauses, or the infusion goes on at another channel."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import InfusionState
from edge.bodies import kept_body, kept_from_body
from edge.core.config import Binding
from edge.core.effects import Keep
from edge.core.inputs import Input
from edge.core.restore import initial_state
from edge.core.restore_therapy import KeptPart
from edge.core.therapy_state import Kept
from tests.core_world import BED, CONFIG, PUMP, RUN, START_S, World, instant, order, place, pump, with_bed
from tests.unit.test_composed import WHOLE

D = Decimal
SECOND = ("rack", "13")
LONG_S = 8.0
"""Where nothing is timed the pumps are looked at this seldom: within the 9 s after which a link is lost."""
PORTS = tuple(replace(port, round_s=4.0) for port in CONFIG.ports)
WARD = with_bed(replace(CONFIG, drugs=(WHOLE,), ports=PORTS), pumps=(Binding(*PUMP), Binding(*SECOND)))
"""1.0 soft and 1.5 hard in the first ten minutes; a rise of 0.5 soft and 1.0 hard within ten minutes."""


class Revised(World):
    """Orders of 10 mg/mL for 70 kg: 7 mL/h is 1 mg/kg/h. Each pump goes on as it was last told."""

    def __init__(self, kept: Iterable[KeptPart] = (), at_s: float = START_S) -> None:
        super().__init__(WARD, state=initial_state(WARD, RUN, instant(at_s), therapy=tuple(kept)))
        self.now_s = at_s
        self.orders = 0

    def orders_now(self, where: tuple[str, str] = PUMP, **changes: Any) -> None:
        """Put an order in force, or revise the one that is."""
        self.orders += 1
        placed = replace(order(where), maximum_mg_per_kg_per_h=D("2.5"), **changes)
        self.step(self.now_s, replace(place(self.now_s, placed), request_id=f"r-{self.now_s}-{self.orders}"))

    def goes_on(self, seconds: float, first: str | None, second: str | None = None, *, every_s: float = 1.0) -> None:
        """Let the pumps run at these rates; ``"0"`` stands, ``None`` is silent."""
        rates = ((PUMP, first), (SECOND, second))

        def said(at_s: float) -> Iterable[Input]:
            for where, rate in rates:
                if rate is not None:
                    state = InfusionState.STOPPED if rate == "0" else InfusionState.INFUSING
                    yield pump(at_s, rate, state, where)

        until_s = self.now_s + seconds
        while self.now_s < until_s:
            at_s = min(self.now_s + every_s, until_s)
            self.step(at_s, *said(at_s))

    def restarted(self) -> "Revised":
        """The next run, with what the store has."""
        parts: dict[tuple[str, str], Kept | None] = {}
        for step in self.steps:
            parts.update({(one.bed, one.part): one.body for one in step.effects if isinstance(one, Keep)})
        kept = [
            KeptPart(bed, part, kept_from_body(bed, part, kept_body(bed, part, body)), here=True)
            for (bed, part), body in parts.items()
            if body is not None
        ]
        return Revised(kept, self.now_s)

    def risen(self) -> list[str]:
        return [band for _, phase, band in self.told("DOSE_STEP_HIGH", levels=False) if phase != "end"]


def begun(seconds: float = 656, rate: str = "7", **changes: Any) -> Revised:
    world = Revised()
    world.orders_now(**changes)
    world.goes_on(seconds, rate, every_s=LONG_S)
    return world


# --- a revision of weight or concentration ----------------------------------------------------------------------------

GOES_ON: list[tuple[dict[str, Any], dict[str, Any], tuple[str, str], list[str]]] = [
    # another weight at the same rate is another dose, and no rise
    ({}, {"weight_kg": D(35)}, ("7", "7"), []),
    ({}, {"weight_kg": D(140)}, ("7", "7"), []),
    # the rise is that by the weight in force: from 0.5 to 1.0, and to 1.01
    ({}, {"weight_kg": D(140)}, ("7", "14"), []),
    ({}, {"weight_kg": D(140)}, ("7", "14.2"), ["soft"]),
    ({"weight_kg": D(35)}, {}, ("3.5", "7.1"), ["soft"]),
    ({"weight_kg": D(35)}, {}, ("3.5", "7"), []),
    # a concentration that is corrected while the pump runs was in the syringe all along
    ({}, {"concentration_mg_per_ml": D(20)}, ("7", "7"), []),
    ({}, {"concentration_mg_per_ml": D(5)}, ("7", "7"), []),
    ({}, {"concentration_mg_per_ml": D(5)}, ("7", "14.2"), ["soft"]),
    ({}, {"concentration_mg_per_ml": D(5)}, ("7", "14"), []),
    ({"concentration_mg_per_ml": D(20)}, {}, ("3.5", "7.1"), ["soft"]),
]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("first", "then", "rates", "expected"), GOES_ON)
def test_a_rise_is_reckoned_by_the_order_in_force(
    first: dict[str, Any], then: dict[str, Any], rates: tuple[str, str], expected: list[str], restarts: bool
) -> None:
    """At the next sample the pump may have another rate already."""
    before, after = rates
    world = begun(rate=before, **first)
    world.orders_now(**then)
    if restarts:
        world = world.restarted()
    world.goes_on(30, after)
    assert world.risen() == expected


@pytest.mark.parametrize(
    ("concentration", "rate", "expected"),
    [("50", "1.4", []), ("50", "2.11", ["soft"]), ("2", "35", []), ("2", "52.7", ["soft"]), ("2", "52", [])],
)
def test_after_another_syringe_the_rise_is_from_what_ran_before_it(
    concentration: str, rate: str, expected: list[str]
) -> None:
    """From 1.0 mg/kg/h of 10 mg/mL; the pump stood meanwhile."""
    world = begun()
    world.goes_on(60, "0")
    world.orders_now(concentration_mg_per_ml=D(concentration))
    world.goes_on(30, rate)
    assert world.risen() == expected


def test_of_a_concentration_that_is_corrected_only_the_present_run_is_reckoned_anew() -> None:
    """0.2 mg/kg/h of the first syringe stay; the second one's 1.0 was 0.5 all along."""
    world = begun(rate="1.4")
    world.goes_on(60, "0")
    world.goes_on(60, "4.6")
    world.orders_now(concentration_mg_per_ml=D(5))
    world.goes_on(30, "9.7")
    assert world.risen() == []
    world.goes_on(30, "9.9")
    assert world.risen() == ["soft"]


def test_where_nobody_knows_whether_the_pump_stood_the_lower_reckoning_counts() -> None:
    world = begun()
    world.goes_on(30, None)
    world.orders_now(concentration_mg_per_ml=D(5))
    world.goes_on(30, "14.2")
    assert world.risen() == ["soft"]
    other = begun()
    other.goes_on(30, None)
    other.orders_now(concentration_mg_per_ml=D(20))
    other.goes_on(30, "5.3")
    assert other.risen() == ["soft"]


# --- the first ten minutes are the drug's -----------------------------------------------------------------------------


def beyond_at(world: Revised) -> list[float]:
    """When DOSE_RATE_HIGH began."""
    return [at_s for at_s, phase, _ in world.told("DOSE_RATE_HIGH", levels=False) if phase == "start"]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("minutes", "alarms"), [(9, True), (11, False)])
def test_an_infusion_that_moves_to_another_channel_begins_no_new_ten_minutes(
    minutes: int, alarms: bool, restarts: bool
) -> None:
    """10 mL/h, 1.43 mg/kg/h, is above the 1.0 of the first ten minutes alone."""
    world = begun(minutes * 60)
    world.goes_on(10, "0", "0")
    world.orders_now(SECOND)
    if restarts:
        world = world.restarted()
    world.goes_on(59, "0", "10")
    assert beyond_at(world) == []
    world.goes_on(10, "0", "10")
    assert (beyond_at(world) != []) is alarms


def test_a_second_channel_of_the_same_drug_begins_none_either() -> None:
    world = begun(660)
    world.orders_now(SECOND)
    world.goes_on(70, "0.7", "10")
    assert beyond_at(world) == []


@pytest.mark.parametrize(("seconds", "alarms"), [(530, True), (550, False)])
def test_two_channels_at_once_are_one_time(seconds: int, alarms: bool) -> None:
    """After 530 s of both it is the first ten minutes still, and for 60 s more."""
    world = begun(1)
    world.orders_now(SECOND)
    world.goes_on(seconds, "0.7", "0.7", every_s=LONG_S)
    world.goes_on(65, "0.7", "10")
    assert (beyond_at(world) != []) is alarms


def test_a_pause_of_some_minutes_begins_none() -> None:
    world = begun(660)
    world.goes_on(300, "0", every_s=LONG_S)
    world.goes_on(70, "10")
    assert beyond_at(world) == []


def test_another_patient_begins_new_ones() -> None:
    world = begun(660)
    state = world.core.snapshot()
    bed = state.beds[BED]
    patient = bed.therapy.patient
    assert patient is not None
    bed.treat(replace(bed.therapy, patient=replace(patient, case="c-18", started=instant(world.now_s))))
    world.core = type(world.core)(WARD, state)
    world.goes_on(70, "10")
    assert beyond_at(world) != []


# --- a rise over channels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("rate", "expected"), [("10.5", []), ("10.6", ["soft"]), ("14.1", ["hard"])])
def test_a_rise_is_from_what_ran_at_the_channel_before(rate: str, expected: list[str], restarts: bool) -> None:
    world = begun()
    world.goes_on(10, "0", "0")
    world.orders_now(SECOND)
    if restarts:
        world = world.restarted()
    world.goes_on(30, "0", rate)
    assert world.risen() == expected


def test_a_channel_that_runs_besides_is_no_step_of_the_other() -> None:
    world = begun()
    world.orders_now(SECOND)
    world.goes_on(30, "7", "0.7")
    world.goes_on(30, "7", "3.6")
    assert world.risen() == []
