"""The counter held against the rate: what is found, how soon, and all that must not raise anything."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from drivers.model import InfusionState
from edge.core.delivered import Delivery, Flow, Sample, flow_of
from edge.core.pump_counter import Reading
from edge.core.volume_check import FlowCheck, VolumeCheck
from simulators.pump import PumpModel
from tests.dosing import Bench, bench, flags, sample_of, slow

COUNTERS = ["0.01", "0.1", "1"]


def shows(rate_share: str) -> Callable[[Sample], Sample]:
    """The pump shows a rate that is not the one that it turns at: this share of it."""

    def shown(sample: Sample) -> Sample:
        if sample.flow.high is None:
            return sample
        share = Decimal(rate_share)
        return replace(sample, flow=Flow(sample.flow.low * share, sample.flow.high * share))

    return shown


def found_after_s(made: Bench, seconds: float) -> dict[str, int]:
    """What is found within a time, and after how many seconds."""
    start_s = made.now_s
    found: dict[str, int] = {}
    for now_s in made.poll(1.0, seconds):
        for name in flags(made.check):
            found.setdefault(name, round(now_s - start_s))
    return found


# --- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "rate", "shown", "expected"),
    [
        # The pump turns at ``rate`` and shows a share of it: 1/1.5 is 150 % of what it shows.
        ("0.01", "14", "0.5", {"more"}),
        ("0.1", "14", "0.6", {"more"}),
        ("1", "140", "0.6", {"more"}),
        ("0.01", "14", "0.2", {"more", "free"}),
        ("0.1", "14", "0.2", {"more", "free"}),
        ("1", "140", "0.2", {"more", "free"}),
        ("0.01", "14", "1.5", {"less"}),
        ("0.1", "14", "1.5", {"less"}),
        ("1", "140", "1.5", {"less"}),
        ("0.01", "14", "4", {"less", "stalled"}),
        ("0.1", "14", "4", {"less", "stalled"}),
        ("1", "140", "4", {"less", "stalled"}),
        # within 10 % and 15 %, whatever the counter: nothing
        *[(counter, "14", share, set()) for counter in COUNTERS for share in ("0.92", "0.97", "1.03", "1.12")],
    ],
)
def test_what_differs_from_the_rate_is_found(counter: str, rate: str, shown: str, expected: set[str]) -> None:
    made = bench(counter, rate, syringe_ml=None)
    made.shown = shows(shown)
    made.run(1500, 3.0)
    assert made.raised == expected


@pytest.mark.parametrize(
    ("counter", "rate", "times", "within_s"),
    [
        ("0.01", "7", 10, 30),
        ("0.1", "7", 10, 30),
        ("1", "7", 10, 160),  # two steps: 2 mL of 70 mL/h
        ("0.1", "14", 10, 20),
        ("0.1", "14", 3, 90),
        ("0.01", "140", 3, 15),
        ("1", "140", 10, 30),
    ],
)
def test_free_flow_is_found_within(counter: str, rate: str, times: int, within_s: int) -> None:
    made = bench(counter, rate, syringe_ml=None)
    made.run(600)
    assert made.raised == set()
    made.pump.set_rate(made.now_s, Decimal(rate) * times)
    made.shown = shows(str(Decimal(1) / times))
    assert found_after_s(made, 300)["free"] <= within_s


@pytest.mark.parametrize(("counter", "least_ml", "most_ml"), [("0.01", "0.3", "0.32"), ("0.1", "0.3", "0.4")])
def test_free_flow_takes_three_tenths_of_a_millilitre_at_least(counter: str, least_ml: str, most_ml: str) -> None:
    """A pump that shows 0.1 mL/h: almost all that it counts is excess."""
    made = bench(counter, "7", syringe_ml=None)
    made.shown = shows("0.01")
    for _ in made.poll(1.0, 400):
        if made.check.free_flow:
            break
    assert Decimal(least_ml) <= made.pump.snapshot(made.now_s).counter_ml <= Decimal(most_ml)


def test_flow_while_stopped_takes_two_steps_of_the_counter() -> None:
    for step, least in (("0.01", "0.30"), ("0.1", "0.3"), ("0.2", "0.4"), ("1", "2")):
        made = bench(step, "60", syringe_ml=None)
        made.shown = lambda sample: replace(sample, state=InfusionState.STOPPED, flow=Flow(Decimal(0), Decimal(0)))
        for _ in made.poll(1.0, 400):
            if made.check.flows_while_stopped:
                break
        assert made.pump.snapshot(made.now_s).counter_ml == Decimal(least), step


def test_flow_while_stopped_is_over_ten_minutes_after_the_last_count() -> None:
    made = bench("0.1", "60", syringe_ml=None)
    made.shown = lambda sample: replace(sample, state=InfusionState.STOPPED, flow=Flow(Decimal(0), Decimal(0)))
    made.run(60)
    assert made.check.flows_while_stopped
    made.pump.stop(made.now_s)
    made.run(590)
    assert made.check.flows_while_stopped
    made.run(30)
    assert flags(made.check) == set()


# --- what must not be found -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("rate", ["0.3", "3.5", "7", "14", "140"])
def test_a_quantised_counter_raises_nothing(counter: str, rate: str) -> None:
    made = bench(counter, rate, syringe_ml=None)
    made.run(300, 3.0)
    for step in ("2", "0.5", "1.5", "1"):
        made.pump.set_rate(made.now_s, Decimal(rate) * Decimal(step))
        made.run(600, 3.0)
    assert made.raised == set()


@pytest.mark.parametrize("every_s", [5.0, 20.0, 60.0])
@pytest.mark.parametrize("counter", COUNTERS)
def test_a_pump_that_counts_rarely_raises_nothing(counter: str, every_s: float) -> None:
    made = bench(counter, "140", syringe_ml=None)
    made.shown = slow(every_s)
    made.run(400)
    made.pump.set_rate(made.now_s, Decimal(14))
    made.run(400)
    made.pump.set_rate(made.now_s, Decimal(140))
    made.run(200)
    made.pump.stop(made.now_s)
    made.run(300)
    assert made.raised == set()


@pytest.mark.parametrize("counter", COUNTERS)
def test_a_change_of_the_syringe_raises_nothing(counter: str) -> None:
    made = bench(counter, "140")
    made.run(600)
    made.pump.stop(made.now_s)
    made.run(30)
    made.pump.change_syringe(made.now_s, Decimal(50))
    made.run(10)
    made.pump.clear_volume(made.now_s)
    made.run(10)
    made.pump.purge(made.now_s, Decimal(1))
    made.run(30)
    made.pump.start(made.now_s)
    made.run(600)
    assert made.raised == set()
    assert made.check.verdict() is VolumeCheck.AGREES


def test_a_pump_that_counts_its_purge_raises_nothing() -> None:
    made = bench("0.01", "7")
    made.run(60)
    made.pump.stop(made.now_s)
    made.run(5)
    purged = Decimal(0)

    def counts(sample: Sample) -> Sample:
        assert sample.counter is not None
        return replace(sample, counter=Reading(sample.counter.volume_ml + purged, sample.counter.step_ml))

    made.shown = counts
    made.pump.purge(made.now_s, Decimal(3))
    for _ in made.poll(1.0, 30):
        state = made.pump.snapshot(made.now_s).state.value
        purged = min(Decimal(3), purged + Decimal("0.16")) if state == "purge" else purged
    made.pump.start(made.now_s)
    made.run(300)
    assert made.raised == set()


@pytest.mark.parametrize("seed", range(4))
def test_the_jitter_of_the_poll_and_a_stalled_loop_raise_nothing(seed: int) -> None:
    die = Random(seed)
    made = bench("0.01", "140", syringe_ml=None)
    # What the pump says is as old as half a second.
    made.shown = lambda sample: replace(sample, at_s=sample.at_s + die.uniform(0, 0.5))
    while made.now_s < 1500:
        seconds = die.choice((0.2, 0.7, 1.0, 1.3, 3.0, 9.0, 40.0))
        made.run(seconds, seconds)
        if die.random() < 0.02:
            made.pump.set_rate(made.now_s, Decimal(die.choice((14, 70, 140, 280))))
    assert made.raised == set()


@pytest.mark.parametrize("bolus_rate", [None, Decimal(200)])
def test_a_bolus_is_no_free_flow(bolus_rate: Decimal | None) -> None:
    made = bench("0.01", "7")
    if bolus_rate is None:
        # the pump does not tell how fast its bolus is
        made.shown = lambda one: replace(one, flow=Flow(Decimal(7), None)) if one.state is InfusionState.BOLUS else one
    made.run(300)
    made.pump.bolus(made.now_s, Decimal(3))
    made.run(300)
    assert made.raised == set()


def test_a_bolus_between_two_samples_is_no_free_flow() -> None:
    made = bench("0.01", "7")
    made.run(300)
    made.pump.bolus(made.now_s, Decimal("0.5"), Decimal(1800))
    made.check.explain(made.now_s)  # the pump tells of it (`BolusGiven`)
    made.run(2, 2.0)
    made.run(300)
    assert made.raised == set()


def test_a_gap_in_which_anything_may_have_happened_raises_nothing() -> None:
    made = bench("0.01", "7")
    made.run(300)
    made.pump.set_rate(made.now_s, Decimal(70))
    made.now_s += 600
    made.pump.set_rate(made.now_s, Decimal(7))
    made.run(300)
    assert made.raised == set()


def test_a_line_off_the_patient_raises_nothing() -> None:
    made = bench("0.01", "60")
    made.connected = False
    made.shown = lambda sample: replace(sample, state=InfusionState.STOPPED, flow=Flow(Decimal(0), Decimal(0)))
    made.run(300)
    assert made.raised == set()


# --- the window -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "rate", "full_after_s"),
    [
        ("0.01", "35", 21),  # 20 steps of 0.01 mL are 0.2 mL
        ("0.1", "35", 206),
        ("0.1", "7", 1029),
        ("0.01", "7", 103),
    ],
)
def test_the_window_is_full_after_twenty_steps(counter: str, rate: str, full_after_s: int) -> None:
    made = bench(counter, rate)
    for _ in made.poll(1.0, 1200):
        if made.check.delivered() is not None:
            break
        assert made.check.verdict() is VolumeCheck.NOT_YET
    assert abs(made.now_s - full_after_s) <= 3
    assert made.check.verdict() is VolumeCheck.AGREES
    found = made.check.delivered()
    assert found is not None
    assert found.low <= Decimal(rate) <= found.high
    assert found.high - found.low <= Decimal(rate) * Decimal("0.21")


def test_a_counter_of_a_millilitre_never_fills_it_in_a_treatment() -> None:
    made = bench("1", "14")
    made.run(4200, 10.0)
    assert made.check.verdict() is VolumeCheck.NOT_YET
    assert made.check.delivered() is None


def test_a_new_rate_begins_a_new_window() -> None:
    made = bench("0.01", "14")
    made.run(120)
    assert made.check.verdict() is VolumeCheck.AGREES
    made.pump.set_rate(made.now_s, Decimal(21))
    made.run(10)
    assert made.check.verdict() is VolumeCheck.NOT_YET
    made.run(60)
    found = made.check.delivered()
    assert found is not None
    assert found.low <= 21 <= found.high


def test_another_last_digit_is_no_new_rate() -> None:
    made = bench("0.01", "14")
    for turn in range(30):
        made.pump.set_rate(made.now_s, Decimal("14.00") + Decimal(turn % 2) / 100)
        made.run(5)
    assert made.check.verdict() is VolumeCheck.AGREES


def test_a_pump_without_a_counter_cannot_be_checked() -> None:
    made = bench("0.01", "14")
    made.shown = lambda sample: replace(sample, counter=None)
    made.run(300)
    assert made.check.verdict() is VolumeCheck.NO_COUNTER
    assert flags(made.check) == set()


def test_the_words_of_more_and_less() -> None:
    for share, verdict in (("0.2", VolumeCheck.MORE), ("4", VolumeCheck.LESS)):
        made = bench("0.01", "14")
        made.shown = shows(share)
        made.run(300)
        assert made.check.verdict() is verdict


def test_the_points_of_a_window_are_bounded() -> None:
    made = bench("0.001", "1400", syringe_ml=None)
    made.run(100, 0.1)
    assert len(made.check.points) <= 64


# --- after an occlusion -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("extra_ml", "found"), [("0.4", False), ("0.5", False), ("0.8", True), ("2", True)])
def test_what_an_occlusion_let_go(extra_ml: str, *, found: bool) -> None:
    """A pump that makes good what it missed: at 7 mL/h for 60 s, and this much more."""
    made = bench("0.01", "7")
    made.run(60)
    made.check.occlusion(made.now_s, shown=True)
    made.run(10)
    made.check.occlusion(made.now_s, shown=False)
    more = Decimal(extra_ml)
    ends_s = made.now_s + 30

    def caught_up(sample: Sample) -> Sample:
        assert sample.counter is not None
        extra = more * min(Decimal(10), max(Decimal(0), Decimal(round(sample.at_s - ends_s)))) / 10
        return replace(sample, counter=Reading(sample.counter.volume_ml + extra, sample.counter.step_ml))

    made.shown = caught_up
    made.run(60)
    assert (made.check.extra_volume(made.now_s) is not None) is found
    assert made.check.extra_volume(made.now_s + 300) is None


@pytest.mark.parametrize("late_s", [5, 20, 55])
def test_what_a_stalled_loop_reads_late_raises_nothing(late_s: int) -> None:
    """The reply to a question from before the stall is read after it, and the next one a second later."""
    for rate in ("7", "140"):
        made = bench("0.01", rate, syringe_ml=None)
        made.run(300)
        old = sample_of(made.pump.snapshot(made.now_s + 1), made.now_s + 1)
        made.now_s += late_s
        made.take(replace(old, at_s=made.now_s))
        made.run(300)
        assert made.raised == set()


def test_extra_volume_is_watched_for_two_minutes() -> None:
    check, delivery = FlowCheck(), Delivery()
    check.occlusion(0.0, shown=True)
    check.occlusion(10.0, shown=False)
    for second in range(10, 300, 5):
        counted = Decimal("3.0") if second > 140 else Decimal("2.0")
        flow = flow_of(InfusionState.INFUSING, Flow(Decimal("0.1"), Decimal("0.1")))
        sample = Sample(float(second), InfusionState.INFUSING, flow, Reading(counted, Decimal("0.1")), "1")
        piece = delivery.piece(sample)
        if piece is not None:
            check.add(piece)
    assert check.extra_volume(300.0) is None


def test_a_real_pump_that_is_occluded_and_released() -> None:
    made = Bench(PumpModel())
    made.take(sample_of(made.pump.snapshot(0.0), 0.0))
    made.pump.set_rate(0.0, Decimal(14))
    made.pump.start(0.0)
    made.run(300)
    made.pump.occlude(made.now_s)
    made.run(180)
    assert made.pump.snapshot(made.now_s).state.value == "stopped"  # it found the pressure
    made.pump.release(made.now_s)
    made.run(10)
    made.pump.start(made.now_s)
    made.run(300)
    assert made.raised == set()  # its counter counts what the drive pushed
