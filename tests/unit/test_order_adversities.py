"""Orders and steps where something goes wrong in between: restarts, a full disk, a lost link, a clock that leaps."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.model import Quantity, Validity
from edge.config_file import Reader
from edge.core.composed import dose_limits
from edge.core.condition import INSIDE
from edge.core.config import LimitConfig
from edge.core.inputs import Basis, Request, StoreResult
from edge.core.limits import judge_limit
from edge.core.model import Instant, Side
from edge.core.restore import initial_state
from edge.core.therapy import Order
from edge.core.therapy_acts import ConfirmOrder, GiveByHand, TakeStep
from edge.core.therapy_state import THERAPY, KeptPart, KeptTherapy
from edge.core.validate import Value
from edge.library_reader import read_library
from tests import core_world
from tests.core_world import BED, RUN, instant
from tests.therapy_world import CASE, DOCTOR, HERE, NURSE, OTHER_NURSE, WARD, Treated, entered, treated

D = Decimal
SHIPPED = Path(__file__).parents[2] / "config"


# --- each limit of each entry, at its edge ----------------------------------------------------------------------------


def every_limit() -> Iterator[tuple[str, LimitConfig]]:
    for file in ("drugs.toml", "drugs-examples.toml"):
        reader = Reader(SHIPPED / file)
        assert reader.read()
        for drug in (one.config for one in read_library(reader, clinical=False)):
            step = drug.low_floor_mg_per_kg_per_h * 3
            order = Order("p", "1", drug.drug, D(1), D(70), step, step, "", total_mg_per_kg=D(1), planned_s=3600.0)
            for limit in dose_limits(drug, order, None).all():
                yield f"{drug.drug}-{limit.condition}-{len(limit.bands)}", limit


LIMITS = list(every_limit())


@pytest.mark.parametrize(
    "limit", [limit for _, limit in LIMITS], ids=[f"{n}-{name}" for n, (name, _) in enumerate(LIMITS)]
)
def test_a_limit_itself_is_allowed_and_what_is_beyond_half_a_digit_is_not(limit: LimitConfig) -> None:
    """H-37: below, equal, within half of the resolution, and above, for every band of every entry."""
    away = 1 if limit.side is Side.HIGH else -1
    for index, band in enumerate(limit.bands):
        digit = band.value / 1000
        for off, beyond in ((D("-0.6"), False), (D(0), False), (D("0.5"), False), (D("0.5000001"), True), (D(1), True)):
            number = band.value + away * off * digit
            value = Value(Quantity.DOSE_RATE, number, limit.unit, digit, Validity.VALID, 0.0, 0.0, "pump")
            judged = judge_limit(limit, value)
            assert judged is not None
            milder = [other.value == band.value for other in limit.bands[index + 1 :]]
            assert (judged.beyond >= index) is beyond or any(milder)
            if index == 0 and not beyond:
                assert judged.beyond == INSIDE


# --- asked twice, over a restart --------------------------------------------------------------------------------------


def test_a_step_that_is_asked_again_after_a_restart_is_taken_once() -> None:
    world = treated()
    world.infuses()
    first = world.asks(NURSE, TakeStep(HERE, 1, D("1.5")), "once")
    kept = KeptTherapy(instant(world.now_s), world.therapy)
    state = initial_state(
        WARD, RUN, instant(world.now_s), answers=[first], therapy=[KeptPart(BED, THERAPY, kept, here=True)]
    )
    after = Treated(state=state)
    again = after.asks(NURSE, TakeStep(HERE, 1, D("1.5")), "once")
    assert (again.done, again.said) == (first.done, first.said)
    assert [(one.step_mg_per_kg_per_h, one.rev) for one in after.therapy.orders] == [(D("1.5"), 2)]


# --- a disk that fails ------------------------------------------------------------------------------------------------


def test_an_order_whose_confirmation_the_disk_did_not_take_holds_and_says_so() -> None:
    world = treated()
    world.infuses()
    world.does(DOCTOR, entered(rev=1, step_mg_per_kg_per_h=D("1.5")))
    world.keeps = False
    request = Request("c-1", "desk", world.now_s, ConfirmOrder(HERE, 2), Basis(RUN, world.now_s), *NURSE)
    world.step(world.now_s, request)
    assert [one.step_mg_per_kg_per_h for one in world.shown.orders] == [D("1.0")]  # not shown before it is kept
    world.step(world.now_s, StoreResult(world.now_s, world.steps[-1].mark, committed=False, detail="disk full"))
    assert (world.answers[-1].done, world.answers[-1].durable) == (True, False)
    assert [one.step_mg_per_kg_per_h for one in world.shown.orders] == [D("1.5")]
    assert "STORE_FAILED" in world.standing()
    world.rate = "10.5"
    world.keeps = True
    world.wait(200)
    assert {"STEP_UNCONFIRMED", "ORDER_EXCEEDED"} & world.standing() == set()


# --- a link that is lost ----------------------------------------------------------------------------------------------


def test_a_step_that_is_taken_while_the_pump_is_not_heard_ends_no_alarm_before_it_is() -> None:
    world = treated()
    world.infuses()
    world.rate = "10.5"
    world.wait(190)
    assert "STEP_UNCONFIRMED" in world.present()
    world.run(world.now_s + 20)
    world.does(NURSE, TakeStep(HERE, 1, D("1.5")))
    world.run(world.now_s + 60)
    alarm = world.alarm("STEP_UNCONFIRMED")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)
    world.wait(20)
    assert "STEP_UNCONFIRMED" not in world.standing()


# --- a clock that leaps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leap_s", [-86_400.0 * 400, -3600.0, 3600.0, 86_400.0 * 2])
def test_a_leap_of_the_wall_clock_changes_no_order_and_no_dose(leap_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-14: an order waits ten minutes, a day has 24 hours and a treatment is the same, whatever time it is."""
    world = treated()
    world.infuses()
    world.does(NURSE, GiveByHand(BED, CASE, "ketamine", D(20)))
    world.wait(60)
    world.does(DOCTOR, entered(rev=1, step_mg_per_kg_per_h=D("1.5")))
    before = world.core.snapshot()
    given = before.days[CASE].total_mg("ketamine", world.now_s)
    plain = core_world.instant

    def leapt(now_s: float) -> Instant:
        return replace(plain(now_s), wall_s=plain(now_s).wall_s + leap_s)

    monkeypatch.setattr(core_world, "instant", leapt)
    world.wait(5)
    state = world.core.snapshot()
    assert given <= state.days[CASE].total_mg("ketamine", world.now_s) <= given + D("0.1")  # 5 s of 70 mg/h
    assert state.beds[BED].drug_time("ketamine").infusing_s == before.beds[BED].drug_time("ketamine").infusing_s + 5
    world.does(OTHER_NURSE, ConfirmOrder(HERE, 2))
    assert [one.step_mg_per_kg_per_h for one in world.therapy.orders] == [D("1.5")]
    world.does(DOCTOR, entered(rev=2, step_mg_per_kg_per_h=D("1.0")))
    world.run(world.now_s + 601)
    assert world.therapy.awaiting == ()
