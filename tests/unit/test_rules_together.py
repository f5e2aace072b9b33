"""Doses of one drug on two channels of a bed add (H-01)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import InfusionState
from edge.core.config import Binding
from edge.core.therapy import Order
from tests.core_world import CONFIG, KETAMINE, PUMP, START_S, World, order, place, pump, with_bed
from tests.unit.test_composed import MASS_RATE

D = Decimal
SECOND = ("rack", "13")
TWO = with_bed(CONFIG, pumps=(Binding(*PUMP), Binding(*SECOND)))


def ordered(where: tuple[str, str]) -> Order:
    return replace(order(where, step="1.5"), maximum_mg_per_kg_per_h=D("2.5"))


def run(world: World, seconds: float, first: object, second: object | None) -> World:
    """7 mL/h is 1 mg/kg/h; a second of ``None`` is silent."""
    world.run(
        world.now_s + seconds,
        lambda at_s: (pump(at_s, first), *((pump(at_s, second, where=SECOND),) if second is not None else ())),
    )
    return world


def begun() -> World:
    world = World(TWO)
    second = replace(place(START_S, ordered(SECOND)), request_id="r-2")
    world.step(START_S, place(START_S, ordered(PUMP)), second)
    return world


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("7", "7", []),
        ("7", "7.02", [(61.0, "start", "soft")]),
        ("10.5", "7", [(61.0, "start", "soft")]),
        ("10.5", "7.02", [(11.0, "start", "hard")]),
        ("10.5", "10.5", [(11.0, "start", "hard")]),
        ("14", "14.02", [(1.0, "start", "bypass")]),
    ],
)
def test_what_two_channels_give_together_is_judged_by_the_limits_of_one(
    first: str, second: str, expected: list[tuple[float, str, str]]
) -> None:
    """Soft 2.0, hard 2.5, at once from 4.0; neither channel is beyond a limit by itself."""
    world = run(begun(), 70, first, second)
    assert world.told("DOSE_TOGETHER_HIGH", levels=False) == expected


def test_it_says_what_each_gives() -> None:
    alarm = run(begun(), 20, "10.5", "10.5").alarm("DOSE_TOGETHER_HIGH")
    assert alarm is not None
    assert alarm.text == "Bed 1: Ketamine from 2 channels together 3 mg/kg/h, above the hard limit 2.5 mg/kg/h."
    shown = dict(alarm.evidence)
    assert shown["dose_rate_mg_per_kg_per_h.rack.13"] == "1.500000"
    assert shown["arithmetic"] == "1.500000 + 1.500000 = 3.000000 mg/kg/h"


def test_a_channel_beyond_its_own_limit_is_one_alarm() -> None:
    world = run(begun(), 20, "18.2", "7")
    assert world.told("DOSE_TOGETHER_HIGH") == []
    assert world.told("DOSE_RATE_HIGH", levels=False) == [(11.0, "start", "hard")]


def test_a_channel_that_falls_silent_ends_nothing_and_what_the_other_gives_still_alarms() -> None:
    world = run(begun(), 20, "10.5", "10.5")
    run(world, 60, "7", None)
    alarm = world.alarm("DOSE_TOGETHER_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)


def test_it_ends_when_one_of_them_is_stopped() -> None:
    world = run(begun(), 70, "7", "7.02")
    world.run(
        world.now_s + 20,
        lambda at_s: (pump(at_s, "7"), pump(at_s, "7", InfusionState.STOPPED, where=SECOND)),
    )
    assert [phase for _, phase, _ in world.told("DOSE_TOGETHER_HIGH", levels=False)] == ["start", "end"]


def test_one_channel_alone_has_no_such_alarm() -> None:
    world = World(TWO)
    world.step(START_S, place(START_S, ordered(PUMP)))
    run(world, 70, "16", "7")
    assert world.told("DOSE_TOGETHER_HIGH") == []


def test_it_ends_when_the_orders_are_no_longer_of_one_drug() -> None:
    world = run(begun(), 70, "7", "7.02")
    state = world.core.snapshot()
    bed = state.beds["bed-1"]
    bed.treat(replace(bed.therapy, orders=bed.therapy.orders[:1]))
    after = World(TWO, state=state)
    after.now_s = world.now_s
    after.retained = dict(world.retained)
    run(after, 2, "7", "7.02")
    assert after.told("DOSE_TOGETHER_HIGH") == [(71.0, "end", "soft")]


# --- mg/h -------------------------------------------------------------------------------------------------------------

HEAVY = replace(CONFIG, drugs=(replace(KETAMINE, mass_rate_limit=MASS_RATE),))
TWO_HEAVY = with_bed(HEAVY, pumps=(Binding(*PUMP), Binding(*SECOND)))
MASS = "DOSE_MASS_RATE_HIGH"


def heavy() -> World:
    """160 kg: 250 mg/h, the soft limit, are 1.56 mg/kg/h, and 350 mg/h, the hard one, are 2.19."""
    world = World(TWO_HEAVY)
    one, other = (replace(ordered(where), weight_kg=D(160)) for where in (PUMP, SECOND))
    world.step(START_S, place(START_S, one), replace(place(START_S, other), request_id="r-2"))
    return world


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("12.5", "12.5", []),
        ("12.5", "12.52", [(11.0, "start", "soft")]),
        ("20", "15", [(11.0, "start", "soft")]),
        ("20", "15.02", [(11.0, "start", "hard")]),
        ("25", "0", []),
    ],
)
def test_milligrams_an_hour_of_two_channels_add(
    first: str, second: str, expected: list[tuple[float, str, str]]
) -> None:
    """10 mg/mL; neither channel is beyond 250 mg/h by itself, nor both beyond their mg/kg/h."""
    world = run(heavy(), 30, first, second)
    assert world.told(MASS, levels=False) == expected
    assert world.told("DOSE_TOGETHER_HIGH", levels=False) == []


def test_it_says_what_each_gives_in_an_hour() -> None:
    alarm = run(heavy(), 20, "20", "16").alarm(MASS)
    assert alarm is not None
    assert alarm.key.channel == PUMP[1]
    assert alarm.text == "Bed 1: Ketamine from 2 channels together 360 mg/h, above the hard limit 350 mg/h."
    shown = dict(alarm.evidence)
    assert (shown["mass_rate_mg_per_h.rack.11"], shown["mass_rate_mg_per_h.rack.13"]) == ("200", "160")
    assert shown["arithmetic"] == "200 + 160 = 360 mg/h"


def test_a_channel_beyond_its_own_milligrams_an_hour_is_one_alarm() -> None:
    world = run(heavy(), 30, "1", "36")
    assert [key.channel for key in world.retained if key.condition == MASS] == [SECOND[1]]


def test_milligrams_an_hour_of_a_silent_channel_end_nothing() -> None:
    world = run(heavy(), 20, "20", "16")
    run(world, 60, "7", None)
    alarm = world.alarm(MASS)
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)
    run(world, 20, "7", "0")
    alarm = world.alarm(MASS)
    assert alarm is None or not alarm.present


def test_without_a_second_order_the_first_is_judged_by_itself() -> None:
    world = World(TWO_HEAVY)
    world.step(START_S, place(START_S, replace(ordered(PUMP), weight_kg=D(160))))
    run(world, 20, "25.1", "25")
    assert world.told(MASS, levels=False) == [(11.0, "start", "soft")]
