"""What a pump delivers: dose limits with an order, a rate that cannot be read, and running without an order."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import ChannelRemoved, InfusionState, Quantity, Reading, invalid, missing
from edge.core.composed import low_limit
from edge.core.inputs import Input
from edge.core.model import Alarm, LimitPassed, Priority, Side, SignalPresence
from tests.core_world import CONFIG, KETAMINE, LINK_S, PUMP, START_S, World, is_called, monitor, order, place, pump

S = InfusionState
Feed = Callable[[float], Iterable[Input]]


def at_rate(rate: object, state: InfusionState = S.INFUSING, *readings: Reading) -> Feed:
    """10 mg/mL and 70 kg: 7 mL/h is 1 mg/kg/h."""
    return lambda at_s: (pump(at_s, rate, state, readings=readings), monitor(at_s))


def ordered(step: str = "1.0") -> World:
    world = World()
    world.step(START_S, place(START_S, order(step=step)), *at_rate("7")(START_S))
    return world


# --- too much ---


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        ("14", []),  # 2.0 mg/kg/h: the limit is allowed
        ("14.01", [(61, "start", "soft")]),
        ("17.5", [(61, "start", "soft")]),
        ("18.2", [(11, "start", "hard")]),  # 2.6 mg/kg/h
        ("28", [(11, "start", "hard")]),
        ("28.1", [(1, "start", "bypass")]),
        ("70", [(1, "start", "bypass")]),  # the tenfold slip
    ],
)
def test_a_dose_too_high_alarms_after_the_delay_of_its_band(rate: str, told: list[tuple[int, str, str]]) -> None:
    world = ordered()
    world.run(START_S + 90, at_rate(rate))
    assert world.told("DOSE_RATE_HIGH", levels=False) == told


def test_the_alarm_carries_its_inputs_its_arithmetic_and_the_limit() -> None:
    world = ordered()
    world.run(START_S + 20, at_rate("18.2"))
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert alarm.text == "Bed 1: Ketamine 2.6 mg/kg/h, above the hard limit 2.5 mg/kg/h.".replace("2.6 ", "2.60 ")
    assert (alarm.priority, alarm.key.port, alarm.key.channel) == (Priority.HIGH, *PUMP)
    assert alarm.limit == LimitPassed(Side.HIGH, "hard", Decimal("2.5"), "test")
    shown = dict(alarm.evidence)
    assert shown["arithmetic"] == "18.2 mL/h * 10 mg/mL / 70 kg = 2.600000 mg/kg/h"
    assert (shown["limit"], shown["order"]) == ("2.5 mg/kg/h", "a test's order")


@pytest.mark.parametrize("state", [S.KVO, S.PURGE, S.UNKNOWN, S.BOLUS])
def test_any_flow_of_drug_counts(state: InfusionState) -> None:
    world = ordered()
    world.run(START_S + 5, at_rate("70", state))
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass")]


def test_a_bolus_counts_with_its_own_rate() -> None:
    world = ordered()
    world.run(START_S + 5, at_rate("7", S.BOLUS, Reading(Quantity.BOLUS_RATE, Decimal(1200), "mL/h")))
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass")]


def test_a_stopped_pump_with_a_high_rate_set_is_no_dose() -> None:
    world = ordered()
    world.run(START_S + 90, at_rate("70", S.STOPPED))
    assert world.told("DOSE_RATE_HIGH") == []


def test_stopping_the_pump_ends_its_condition_and_a_dose_that_nobody_saw_latches() -> None:
    world = ordered()
    world.run(START_S + 5, at_rate("70"))
    world.run(START_S + 300, at_rate("70", S.STOPPED))
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass"), (16, "latch", "bypass")]
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.signal, alarm.priority) == (False, SignalPresence.LATCHED, Priority.HIGH)
    assert (alarm.value, alarm.audible) == (Decimal(10), True)
    assert world.acknowledge("DOSE_RATE_HIGH").done
    assert world.told("DOSE_RATE_HIGH")[2:] == [(300, "reset", "bypass")]
    assert "DOSE_RATE_HIGH" not in world.standing()


def test_stopping_the_pump_ends_a_dose_that_was_acknowledged() -> None:
    world = ordered()
    world.run(START_S + 5, at_rate("70"))
    assert world.acknowledge("DOSE_RATE_HIGH").done
    world.run(START_S + 30, at_rate("70", S.STOPPED))
    assert world.told("DOSE_RATE_HIGH") == [
        (1, "start", "bypass"),
        (5, "acknowledge", "bypass"),
        (16, "end", "bypass"),
    ]
    assert "DOSE_RATE_HIGH" not in world.standing()


def test_a_soft_dose_ends_by_itself() -> None:
    world = ordered()
    world.run(START_S + 65, at_rate("15"))
    world.run(START_S + 90, at_rate("7"))
    assert world.told("DOSE_RATE_HIGH") == [(61, "start", "soft"), (76, "end", "soft")]


def test_a_dose_too_high_goes_up_while_nobody_accepts_it() -> None:
    world = ordered()
    world.run(START_S + 300, at_rate("70"))
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass"), (61, "level", "bypass"), (121, "level", "bypass")]
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert (alarm.delivery.level, alarm.priority) == (3, Priority.HIGH)


def test_a_dose_too_high_that_somebody_accepts_goes_no_higher_and_still_sounds() -> None:
    world = ordered()
    world.run(START_S + 90, at_rate("70"))
    assert world.accept("DOSE_RATE_HIGH").done
    world.run(START_S + 300, at_rate("70"))
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass"), (61, "level", "bypass"), (90, "accept", "bypass")]
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert (alarm.audible, alarm.delivery.level) == (True, 2)


def test_an_unknown_state_does_not_end_it() -> None:
    world = ordered()
    world.run(START_S + 5, at_rate("70"))
    world.run(START_S + 600, at_rate("7", S.UNKNOWN))
    assert [phase for _, phase, _ in world.told("DOSE_RATE_HIGH", levels=False)] == ["start", "update"]
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert not alarm.verifiable


def test_a_rate_that_merged_samples_passed_through_is_judged() -> None:
    world = ordered()
    merged = replace(pump(START_S + 1), count=4, extremes=((Quantity.INFUSION_RATE, Decimal(7), Decimal(70)),))
    world.step(START_S + 1, merged)
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass")]


def test_a_new_order_is_judged_at_once() -> None:
    """The same rate with a tenfold concentration."""
    world = ordered()
    world.step(START_S + 1, place(START_S + 1, order(concentration="50")))
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass")]


# --- too little ---


@pytest.mark.parametrize(
    ("step", "limit"), [("1.0", "0.80"), ("0.5", "0.40"), ("0.0625", "0.05"), ("0.05", "0.05"), ("2.0", "1.60")]
)
def test_the_low_limit_is_a_share_of_the_step_and_never_below_the_floor(step: str, limit: str) -> None:
    (low,) = low_limit(KETAMINE, order(step=step)).bands
    assert (low.value, low.priority, low.delay_s) == (Decimal(limit), Priority.LOW, 300)


def test_a_dose_below_its_step_is_low_after_five_minutes() -> None:
    world = ordered()
    world.run(START_S + 310, at_rate("5.59"))  # 0.7986 mg/kg/h
    world.run(START_S + 330, at_rate("5.6"))  # 0.8
    assert world.told("DOSE_RATE_LOW") == [(301, "start", "soft"), (321, "end", "soft")]


@pytest.mark.parametrize("state", [S.STOPPED, S.KVO, S.STANDBY, S.OFF, S.PURGE])
def test_a_pump_that_is_not_at_a_step_is_no_low_dose(state: InfusionState) -> None:
    world = ordered()
    world.run(START_S + 310, at_rate("1", state))
    assert world.told("DOSE_RATE_LOW") == []


def test_another_pump_that_stands_still_does_not_end_a_low_dose() -> None:
    world = ordered()
    world.run(START_S + 310, at_rate("5"))
    world.step(START_S + 311, is_called(START_S + 311, "A"))
    world.step(START_S + 312, is_called(START_S + 312, "B"))
    world.run(START_S + 330, at_rate("5", S.STOPPED))
    assert [phase for _, phase, _ in world.told("DOSE_RATE_LOW")] == ["start", "update"]


# --- a rate that cannot be read ---


def test_a_running_pump_whose_rate_cannot_be_read_is_medium_after_ten_seconds() -> None:
    world = ordered()
    world.run(START_S + 20, at_rate(None))
    world.run(START_S + 22, at_rate("7"))
    assert world.told("DOSE_INPUT_MISSING") == [(11, "start", "missing"), (21, "end", "missing")]


def test_without_its_rate_no_dose_alarm_ends() -> None:
    world = ordered()
    world.run(START_S + 5, at_rate("70"))
    world.run(START_S + 300, at_rate(None))
    assert [phase for _, phase, _ in world.told("DOSE_RATE_HIGH", levels=False)] == ["start", "update"]
    assert "DOSE_RATE_HIGH" in world.present()


def test_a_still_pump_need_not_tell_its_rate() -> None:
    world = ordered()
    world.run(START_S + 60, at_rate(None, S.STOPPED))
    assert world.told("DOSE_INPUT_MISSING") == []


def test_a_bolus_of_an_unknown_rate_is_told_at_once() -> None:
    world = ordered()
    world.run(START_S + 3, at_rate("7", S.BOLUS))
    world.run(START_S + 5, at_rate("7"))
    assert world.told("DOSE_INPUT_MISSING") == [
        (1, "start", "bolus of unknown rate"),
        (4, "end", "bolus of unknown rate"),
    ]


def test_a_bolus_of_a_known_rate_is_judged_by_its_dose_alone() -> None:
    world = ordered()
    bolus = Reading(Quantity.BOLUS_RATE, Decimal("29.4"), "mL/h", Decimal("0.01"))
    world.step(START_S + 1, pump(START_S + 1, "7", S.BOLUS, readings=(bolus,)))
    assert world.told("DOSE_INPUT_MISSING") == []
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass")]


def test_a_pump_that_does_not_tell_whether_it_runs_is_medium_after_ten_seconds() -> None:
    world = ordered()
    world.run(START_S + 15, at_rate("7", S.UNKNOWN))
    assert world.told("DOSE_INPUT_MISSING") == [(11, "start", "missing")]


# --- no order ---


def test_a_pump_without_an_order_is_low_at_once_and_medium_after_five_minutes() -> None:
    world = World()
    world.run(START_S + 310, at_rate("7"))
    assert world.told("ORDER_MISSING") == [(1, "start", "no order"), (301, "escalate", "no order for 5 min")]
    world.step(START_S + 311, place(START_S + 311, order()))
    assert world.told("ORDER_MISSING")[-1] == (311, "end", "no order for 5 min")


@pytest.mark.parametrize("drug", ["Ketamine", "KETAMINE", "ketamin"])
@pytest.mark.parametrize(
    ("number", "unit", "band"),
    [
        ("2.5", "mg/kg/h", "no order"),  # the hard limit is allowed
        ("3", "mg/kg/h", "no order, beyond the hard limit"),
        ("50", "ug/kg/min", "no order, beyond the hard limit"),  # 3 mg/kg/h
        ("2.2", "mg/kg/h", "no order"),  # soft
    ],
)
def test_it_is_high_if_by_its_own_account_it_is_beyond_the_hard_limit(
    drug: str, number: str, unit: str, band: str
) -> None:
    world = World()
    reading = Reading(Quantity.DOSE_RATE, Decimal(number), unit, Decimal("0.01"))
    world.step(START_S, pump(START_S, "7", drug=drug, readings=(reading,)))
    assert world.told("ORDER_MISSING") == [(0, "start", band)]


@pytest.mark.parametrize(
    ("drug", "reading"),
    [
        ("Propofol", Reading(Quantity.DOSE_RATE, Decimal(30), "mg/kg/h")),
        (None, Reading(Quantity.DOSE_RATE, Decimal(30), "mg/kg/h")),
        ("Ketamine", missing(Quantity.DOSE_RATE, "mg/kg/h")),
        ("Ketamine", invalid(Quantity.DOSE_RATE, "mg/kg/h")),
    ],
)
def test_a_drug_or_a_dose_that_is_not_known_is_low_first(drug: str | None, reading: Reading) -> None:
    world = World()
    world.step(START_S, pump(START_S, "7", drug=drug, readings=(reading,)))
    assert world.told("ORDER_MISSING") == [(0, "start", "no order")]
    alarm = world.alarm("ORDER_MISSING")
    assert alarm is not None
    assert (drug or "an unnamed drug") in alarm.text


def test_a_still_pump_needs_no_order() -> None:
    world = World()
    world.run(START_S + 60, at_rate("7", S.STOPPED))
    assert world.told("ORDER_MISSING") == []


# --- what nobody hears ---


@pytest.mark.parametrize("condition", ["ORDER_MISSING", "DOSE_INPUT_MISSING"])
def test_after_a_restart_it_stands_until_the_pump_is_heard_and_is_not_announced_anew(condition: str) -> None:
    orders = (place(START_S, order()),) if condition == "DOSE_INPUT_MISSING" else ()
    rate = None if orders else "7"
    before = World()
    before.step(START_S, *orders)
    before.run(START_S + 20, at_rate(rate))
    after = World(alarms=_of(before, condition))
    after.step(START_S, *orders)
    after.run(START_S + 60)
    assert after.told(condition) == []
    after.run(START_S + 90, at_rate(rate))
    assert [phase for _, phase, _ in after.told(condition)] == ["update"]
    after.run(START_S + 91, at_rate("7", S.STOPPED))
    assert [phase for _, phase, _ in after.told(condition)] == ["update", "end"]


def test_a_pump_taken_away_while_it_ran_ends_nothing() -> None:
    world = World()
    world.run(START_S + 5, at_rate("7"))
    world.step(START_S + 6, ChannelRemoved(*PUMP, START_S + 6, "gone"))
    world.run(START_S + 6 + 2 * LINK_S, lambda at_s: (monitor(at_s),))
    assert [phase for _, phase, _ in world.told("ORDER_MISSING")] == ["start", "update"]


def test_the_therapy_shows_order_phase_and_the_limits_in_force() -> None:
    world = ordered()
    world.run(START_S + 5, at_rate("7"))
    world.run(START_S + 6, at_rate("7", S.STOPPED))
    mine = [therapy for therapy in world.therapies if therapy.bed == "bed-1"]
    assert [therapy.phase for therapy in mine] == ["infusing", "stopped"]
    assert mine[0].orders == (order(),)
    shown = [(row.condition, row.band, str(row.value)) for row in mine[0].limits]
    assert len(shown) == sum(len(limit.bands) for limit in CONFIG.vital_limits) + 3 + 1
    assert shown[-4:] == [
        ("DOSE_RATE_HIGH", "soft", "2.0"),
        ("DOSE_RATE_HIGH", "hard", "2.5"),
        ("DOSE_RATE_HIGH", "bypass", "4.0"),
        ("DOSE_RATE_LOW", "soft", "0.80"),
    ]


def _of(world: World, condition: str) -> tuple[Alarm, ...]:
    alarm = world.alarm(condition)
    assert alarm is not None
    return (alarm,)
