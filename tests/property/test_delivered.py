"""The dose under any sequence of samples, resets, gaps and restarts: it never falls, and it holds the truth."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from drivers.model import InfusionState
from edge.core.delivered import Account, Delivery, Flow, Given, Sample, flow_of
from edge.core.dose import dose_of
from edge.core.model import Instant
from edge.core.pump_counter import PumpCounter, Reading, volume_ml
from edge.core.totals import DAY_S, DayDose
from edge.core.validate import CONVERSIONS
from edge.core.volume_check import FlowCheck
from simulators.pump import PumpModel
from simulators.pump_terms import PumpState
from tests.core_world import order
from tests.dosing import bench

decimals = st.decimals(0, 2000, places=2)
steps = st.sampled_from([Decimal("0.01"), Decimal("0.1"), Decimal(1)])
seconds = st.floats(0, 30, allow_nan=False) | st.floats(0, 5000, allow_nan=False)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Anything that a pump may say, ``at_s`` being the time since the sample before."""
    state = draw(st.sampled_from(list(InfusionState)))
    rate = draw(st.none() | decimals)
    bolus = draw(st.none() | decimals)
    flow = flow_of(state, None if rate is None else Flow(rate, rate), bolus, sure=draw(st.booleans()))
    step = draw(steps)
    counter = draw(st.none() | st.decimals(0, 9999, places=2).map(lambda number: Reading(number // step * step, step)))
    peak = counter and draw(st.none() | st.just(replace(counter, volume_ml=counter.volume_ml + 5)))
    serial = draw(st.sampled_from(["", "1", "1", "1", "2"]))
    return Sample(draw(seconds), state, flow, counter, serial, draw(st.none() | decimals), peak)


concentrations = st.sampled_from([None, Decimal(1), Decimal(10), Decimal(10), Decimal(10), Decimal(50)])
lives = st.lists(st.tuples(samples(), concentrations, st.booleans(), st.booleans()), max_size=25)


@given(lives)
def test_no_sequence_of_samples_makes_any_part_of_the_dose_fall(
    life: list[tuple[Sample, Decimal | None, bool, bool]],
) -> None:
    delivery, account, check = Delivery(), Account(), FlowCheck()
    now_s, before = 0.0, account.given
    for sample, concentration, connected, broken in life:
        now_s += sample.at_s
        delivery.broken = broken
        piece = delivery.piece(replace(sample, at_s=now_s))
        if piece is None:
            continue
        account.add(piece, concentration, connected=connected)
        check.add(piece, connected=connected)
        after = account.given
        assert after == after.at_least(before)
        assert Decimal(0) <= after.low_mg <= after.high_mg
        assert after.claimed_mg + after.unsure_mg <= after.high_mg + Decimal("0.001") * (1 + after.high_mg)
        assert min(check.behind_ml, check.free_ml, check.more_ml, check.less_ml, check.stalled_ml) >= 0
        before = after


@given(st.lists(st.tuples(st.decimals(0, 9999, places=1), st.floats(0, 100, allow_nan=False)), max_size=40))
def test_no_counter_gives_a_negative_growth(readings: list[tuple[Decimal, float]]) -> None:
    counter, now_s = PumpCounter(), 0.0
    for volume, later_s in readings:
        now_s += later_s
        growth = counter.take(Reading(volume, Decimal("0.1")), now_s)
        assert growth.counted_ml >= 0
        assert growth.leap_ml >= 0


acts = st.lists(
    st.tuples(
        st.sampled_from(["rate", "stop", "start", "bolus", "clear", "syringe", "wait", "vtbi"]),
        st.integers(1, 100),
        st.sampled_from([0.5, 1.0, 3.0, 9.0]),
    ),
    max_size=12,
)


def act(pump: PumpModel, now_s: float, name: str, number: int) -> None:
    match name:
        case "rate":
            pump.set_rate(now_s, Decimal(number))
        case "stop":
            pump.stop(now_s)
        case "start":
            pump.start(now_s)
        case "bolus":
            pump.bolus(now_s, Decimal(number) / 20)
        case "clear" if pump.snapshot(now_s).counter_ml > 1 and pump.snapshot(now_s).state is not PumpState.BOLUS:
            # A reset of less than comes within two samples cannot be seen: see `pump_counter`.
            pump.clear_volume(now_s)
        case "syringe":
            pump.change_syringe(now_s, Decimal(50))
        case "vtbi":
            pump.set_vtbi(now_s, Decimal(number) / 10)


@given(st.sampled_from(["0.01", "0.1", "1"]), acts)
def test_the_truth_lies_in_the_interval_whatever_is_done_at_the_pump(
    counter: str, done: list[tuple[str, int, float]]
) -> None:
    made = bench(counter, "14")
    made.run(1)
    for name, number, every_s in done:
        act(made.pump, made.now_s, name, number)
        if name == "bolus":
            made.account.bolus(Decimal(number) / 20)  # the pump tells of it (`BolusGiven`)
        made.run(every_s * 6, every_s)
    made.run(2, 1.0)
    slack = Decimal("0.05")
    assert made.given.low_mg - slack <= made.true_mg() <= made.given.high_mg + slack


@given(st.sampled_from(["0.01", "0.1", "1"]), acts)
def test_what_is_done_at_a_pump_raises_no_alarm_of_flow(counter: str, done: list[tuple[str, int, float]]) -> None:
    made = bench(counter, "14")
    for name, number, every_s in done:
        act(made.pump, made.now_s, name, number)
        if name == "bolus":
            made.check.explain(made.now_s + every_s)  # the pump tells of one that no sample saw (`BolusGiven`)
        made.run(every_s * 6, every_s)
    assert made.raised & {"free", "stopped"} == set()


@given(st.decimals("0.01", 1000, places=2), st.decimals("0.01", 100, places=2), st.sampled_from(["0.1", "1"]))
def test_the_dose_grows_with_the_rate(rate: Decimal, more: Decimal, step: str) -> None:
    def dose(at_rate: Decimal) -> Given:
        account, delivery = Account(), Delivery()
        for look in range(8):
            counted = at_rate * look / 360 // Decimal(step) * Decimal(step)
            reading = Reading(counted, Decimal(step))
            sample = Sample(look * 10.0, InfusionState.INFUSING, Flow(at_rate, at_rate), reading, "1")
            piece = delivery.piece(sample)
            if piece is not None:
                account.add(piece, Decimal(10))
        return account.given

    slower, faster = dose(rate), dose(rate + more)
    assert slower.claimed_mg <= faster.claimed_mg
    assert slower.high_mg <= faster.high_mg


@given(st.decimals("0.01", 2000, places=2), st.decimals("0.5", 300, places=1), st.integers(2, 10))
def test_the_dose_rate_is_inverse_to_the_weight(rate: Decimal, weight: Decimal, times: int) -> None:
    one = dose_of(rate, order(weight=str(weight)))
    heavy = dose_of(rate, order(weight=str(weight * times)))
    assert abs(heavy * times - one) <= times * Decimal("0.000001")
    assert heavy <= one


@given(st.sampled_from(sorted(CONVERSIONS)), st.decimals("0.001", 1000, places=3))
def test_a_unit_and_back_is_the_same_number(units: tuple[str, str], number: Decimal) -> None:
    there = number * CONVERSIONS[units]
    assert abs(there / CONVERSIONS[units] - number) <= number * Decimal("1e-20")


@given(st.decimals(0, 2000, places=3), st.floats(0, 100_000, allow_nan=False))
def test_a_volume_rounded_up_and_down_holds_the_exact_one(rate: Decimal, time_s: float) -> None:
    low, high = volume_ml(rate, time_s, up=False), volume_ml(rate, time_s, up=True)
    exact = rate * round(time_s * 1_000_000) / Decimal(3_600_000_000)
    assert low <= exact + Decimal("1e-20")
    assert high >= exact - Decimal("1e-20")
    assert high - low <= Decimal("1e-12")


@given(
    st.lists(st.tuples(st.floats(0, 50_000, allow_nan=False), st.decimals("0.1", 100, places=1)), max_size=40),
    st.floats(0, 200_000, allow_nan=False),
)
def test_the_day_holds_what_was_given_within_it(doses: list[tuple[float, Decimal]], later_s: float) -> None:
    now_s, total, told = 0.0, DayDose("c-1"), []
    for wait_s, dose in doses:
        now_s += wait_s
        total = total.plus("ketamine", dose, Instant(now_s, now_s, synchronised=True))
        told.append((now_s, dose))
    now_s += later_s
    within = sum((dose for at_s, dose in told if at_s > now_s - DAY_S), Decimal(0))
    nearly = sum((dose for at_s, dose in told if at_s > now_s - DAY_S - 600), Decimal(0))
    assert within <= total.total_mg("ketamine", now_s) <= nearly


@given(acts)
def test_pieces_add_up_to_the_time(done: list[tuple[str, int, float]]) -> None:
    made = bench("0.1", "14")
    for name, number, every_s in done:
        act(made.pump, made.now_s, name, number)
        made.run(every_s * 4, every_s)
    assume(made.pieces)
    assert abs(sum(piece.seconds for piece in made.pieces) - made.now_s) < 0.001
