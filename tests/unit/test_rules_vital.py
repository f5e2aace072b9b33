"""Vital signs: limits with their delays, streams that are missing, and the age of the cuff pressure."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import InfusionState, NibpTime, Observation, Quantity, Reading
from edge.core.dose_units import away_from_safe
from edge.core.inputs import Input
from edge.core.model import Alarm, LimitPassed, Phase, Priority, Side, SignalPresence
from tests.core_world import CONFIG, MONITOR, START_S, World, monitor, order, place, pump, with_bed

Feed = Callable[[float], Iterable[Input]]
MIN = 60.0
STOPPED = InfusionState.STOPPED


def watched(**numbers: Any) -> Feed:
    return lambda at_s: (pump(at_s), monitor(at_s, **numbers))


def cuffed(*numbers: object) -> Feed:
    return lambda at_s: (pump(at_s), monitor(at_s, cuff=numbers or None))


def begun(*first: Input) -> World:
    world = World()
    world.step(START_S, *first, *watched()(START_S))
    return world


# --- limits ---


def test_a_heart_rate_beyond_the_hard_limit_alarms_after_its_delay_and_is_over_after_the_off_delay() -> None:
    """It never was between the limits, and nobody has seen it: what latches says how bad it was."""
    world = begun()
    world.run(START_S + 30, watched(heart_rate=150))
    world.run(START_S + 60, watched())
    assert world.told("HR_HIGH") == [(11, "start", "hard"), (41, "latch", "hard")]
    alarm = world.alarm("HR_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.signal, alarm.priority) == (False, SignalPresence.LATCHED, Priority.HIGH)
    assert alarm.text == "Bed 1: heart rate 150 /min, above the hard limit 140 /min."
    assert world.reset("HR_HIGH").done
    assert world.told("HR_HIGH")[2:] == [(60, "reset", "hard")]
    assert "HR_HIGH" not in world.standing()


def test_a_heart_rate_beyond_the_soft_limit_ends_by_itself() -> None:
    world = begun()
    world.run(START_S + 30, watched(heart_rate=130))
    world.run(START_S + 60, watched())
    # The median is beyond for two seconds more; a value that is back begins the off-delay all the same.
    assert world.told("HR_HIGH") == [(21, "start", "soft"), (41, "end", "soft")]
    assert "HR_HIGH" not in world.standing()


def test_the_alarm_explains_itself() -> None:
    world = begun()
    world.run(START_S + 30, watched(heart_rate=150))
    alarm = world.alarm("HR_HIGH")
    assert alarm is not None
    assert alarm.text == "Bed 1: heart rate 150 /min, above the hard limit 140 /min."
    assert (str(alarm.value), alarm.unit) == ("150", "/min")
    assert alarm.limit == LimitPassed(Side.HIGH, "hard", Decimal(140), "test")
    assert dict(alarm.evidence) == {"limit": "140 /min", "delay_s": "10", "limit_origin": "test"}


def test_it_steps_down_before_it_ends() -> None:
    world = begun()
    world.run(START_S + 20, watched(heart_rate=150))
    world.run(START_S + 40, watched(heart_rate=130))
    world.run(START_S + 60, watched())
    assert world.told("HR_HIGH") == [(11, "start", "hard"), (31, "deescalate", "hard"), (51, "latch", "hard")]
    milder = next(event.alarm.now for event in world.events if event.phase is Phase.DEESCALATE)
    assert milder is not None
    assert (milder.band, milder.text) == ("soft", "Bed 1: heart rate 130 /min, above the soft limit 120 /min.")


def test_what_was_acknowledged_is_as_mild_as_it_has_become() -> None:
    world = begun()
    world.run(START_S + 20, watched(heart_rate=150))
    world.run(START_S + 40, watched(heart_rate=130))
    assert world.acknowledge("HR_HIGH").done
    alarm = world.alarm("HR_HIGH")
    assert alarm is not None
    assert (alarm.band, alarm.priority, alarm.now) == ("soft", Priority.MEDIUM, None)
    assert "130 /min, above the soft limit" in alarm.text


def test_a_saturation_below_its_bypass_alarms_with_its_first_sample() -> None:
    world = begun()
    world.step(START_S + 1, *watched(spo2=79)(START_S + 1))
    assert world.told("SPO2_LOW") == [(1, "start", "bypass")]


def test_the_limit_itself_is_allowed_for_ever() -> None:
    world = begun()
    world.run(START_S + 120, watched(heart_rate=120, spo2=92))
    assert world.told("HR_HIGH") == world.told("SPO2_LOW") == []


def test_values_are_judged_at_any_bed_order_or_not() -> None:
    world = World()
    world.run(START_S + 30, lambda at_s: (monitor(at_s, heart_rate=150),))
    assert world.told("HR_HIGH") == [(11, "start", "hard")]


def test_a_heart_rate_that_has_no_value_each_other_second_alarms_in_its_delay() -> None:
    """A loose electrode must not hide a heart that races."""
    world = begun()
    world.run(START_S + 60, lambda at_s: watched(heart_rate=190 if at_s % 2 else None)(at_s))
    assert world.told("HR_HIGH")[0] == (11, "start", "hard")
    assert {phase for _, phase, _ in world.told("HR_HIGH")} == {"start", "update"}


def test_a_heart_rate_that_comes_and_goes_gets_worse_in_its_delay() -> None:
    world = begun()
    world.run(START_S + 40, watched(heart_rate=130))
    world.run(START_S + 70, lambda at_s: watched(heart_rate=190 if at_s % 2 else None)(at_s))
    louder = [row for row in world.told("HR_HIGH") if row[1] in ("start", "escalate")]
    assert louder == [(21, "start", "soft"), (51, "escalate", "hard")]


def test_no_delay_ends_while_there_is_no_value() -> None:
    world = begun()
    world.run(START_S + 8, watched(heart_rate=190))
    world.run(START_S + 18, watched(heart_rate=None))
    assert world.told("HR_HIGH") == []
    world.step(START_S + 19, *watched(heart_rate=190)(START_S + 19))
    assert world.told("HR_HIGH") == [(19, "start", "hard")]


def test_after_more_than_ten_seconds_without_a_value_a_delay_begins_anew() -> None:
    world = begun()
    world.run(START_S + 8, watched(heart_rate=190))
    world.run(START_S + 19, watched(heart_rate=None))
    world.run(START_S + 60, watched(heart_rate=190))
    assert world.told("HR_HIGH") == [(30, "start", "hard")]


def test_a_value_that_comes_and_goes_does_not_make_the_loop_turn_on_the_spot() -> None:
    world = begun()
    while world.now_s < START_S + 30:
        at_s = world.steps[-1].next_deadline_s
        assert at_s > world.now_s
        world.step(at_s, *watched(heart_rate=190 if len(world.steps) % 2 else None)(at_s))
    assert world.told("HR_HIGH")[0][1:] == ("start", "hard")
    assert len(world.steps) < 200


def test_a_sensor_that_fell_off_ends_nothing() -> None:
    world = begun()
    world.run(START_S + 20, watched(heart_rate=150))
    world.run(START_S + 600, watched(heart_rate=None))
    assert world.told("HR_HIGH", levels=False) == [(11, "start", "hard"), (21, "update", "hard")]
    alarm = world.alarm("HR_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable, str(alarm.value)) == (True, False, "150")


def test_a_value_that_merged_samples_passed_through_is_judged() -> None:
    world = begun()
    merged = replace(monitor(START_S + 5), count=4, extremes=((Quantity.SPO2, Decimal(70), Decimal(98)),))
    world.step(START_S + 5, merged)
    assert world.told("SPO2_LOW")[0] == (5, "start", "bypass")


def test_merged_values_in_another_unit_are_judged_in_the_limits_unit() -> None:
    """23 kPa is 172.5 mmHg: beyond the soft limit, and not 23 mmHg."""
    world = begun()
    reading = Reading(Quantity.NIBP_SYS, Decimal(17), "kPa")
    merged = Observation(
        *MONITOR, START_S + 5, (reading,), count=2, extremes=((Quantity.NIBP_SYS, Decimal(16), Decimal(23)),)
    )
    world.step(START_S + 5, merged)
    assert world.told("BP_SYS_HIGH")[0] == (5, "start", "soft")


def test_a_pressure_alarm_escalates_and_is_over_with_the_next_pressure() -> None:
    world = begun()
    world.run(START_S + 60, cuffed(170, 80, 100, 70))
    world.run(START_S + 119, cuffed(190, 90, 110, 70))
    world.run(START_S + 180, cuffed(150, 80, 100, 70))
    assert world.told("BP_SYS_HIGH") == [(1, "start", "soft"), (61, "escalate", "hard"), (120, "latch", "hard")]
    alarm = world.alarm("BP_SYS_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.signal, alarm.priority) == (False, SignalPresence.LATCHED, Priority.HIGH)


def sounding(world: World) -> list[tuple[float, str, bool]]:
    """When, what was told of the pressure, and whether it asked for a sound from then on."""
    told = [event for event in world.events if event.alarm.key.condition == "BP_SYS_HIGH"]
    return [(event.at.mono_s - START_S, event.phase.value, event.alarm.audible) for event in told]


def test_a_soft_pressure_shows_at_once_and_sounds_when_a_repeat_confirms_it() -> None:
    world = begun()
    world.run(START_S + 60, cuffed(170, 80, 100, 70))
    assert sounding(world) == [(1, "start", False)]
    world.run(START_S + 90, cuffed(172, 80, 100, 70))
    assert sounding(world) == [(1, "start", False), (61, "sound", True)]


def test_a_soft_pressure_that_nobody_repeats_sounds_after_three_minutes() -> None:
    world = begun()
    world.run(START_S + 240, cuffed(170, 80, 100, 70))
    assert sounding(world) == [(1, "start", False), (181, "sound", True)]


def test_a_soft_pressure_that_a_repeat_does_not_confirm_never_sounds() -> None:
    world = begun()
    world.run(START_S + 60, cuffed(170, 80, 100, 70))
    world.run(START_S + 300, cuffed(150, 80, 100, 70))
    assert sounding(world) == [(1, "start", False), (61, "end", False)]


def test_a_hard_pressure_sounds_at_once_and_so_does_a_soft_one_that_gets_hard() -> None:
    world = begun()
    world.run(START_S + 5, cuffed(190, 90, 110, 70))
    assert sounding(world) == [(1, "start", True)]
    world = begun()
    world.run(START_S + 60, cuffed(170, 80, 100, 70))
    world.run(START_S + 65, cuffed(190, 90, 110, 70))
    assert sounding(world) == [(1, "start", False), (61, "escalate", True)]


def test_a_pressure_of_unknown_age_may_raise_an_alarm_and_may_not_end_one() -> None:
    high, normal = (190, 90, 110, 70), (120, 75, 90, 70)
    world = World()
    world.step(START_S, monitor(START_S, cuff=high))
    assert world.told("BP_SYS_HIGH") == [(0, "start", "hard")]
    after = World(alarms=tuple(world.retained.values()))
    after.run(START_S + 60, lambda at_s: (monitor(at_s, cuff=normal),))
    assert after.told("BP_SYS_HIGH") == [(60, "level", "hard")]
    assert "BP_SYS_HIGH" in after.present()
    after.run(START_S + 70, lambda at_s: (monitor(at_s, cuff=(121, 75, 90, 70)),))
    assert after.told("BP_SYS_HIGH")[1:] == [(61, "latch", "hard")]


@pytest.mark.parametrize(
    ("number", "side", "shown"),
    [
        ("2.000001", Side.HIGH, "2.01"),
        ("2.01", Side.HIGH, "2.01"),
        ("2", Side.HIGH, "2"),
        ("2.000", Side.HIGH, "2"),
        ("91.999", Side.LOW, "91.99"),
        ("0.0001", Side.LOW, "0.0001"),
        ("0.0549001", Side.HIGH, "0.055"),
        ("0.0549001", Side.LOW, "0.0549"),
        ("0.09999", Side.LOW, "0.0999"),
        ("0.09999", Side.HIGH, "0.10"),
        ("0", Side.LOW, "0"),
        ("150.0", Side.HIGH, "150"),
        ("100", Side.LOW, "100"),
    ],
)
def test_what_is_shown_never_looks_safer_than_it_is(number: str, side: Side, shown: str) -> None:
    assert str(away_from_safe(Decimal(number), side)) == shown


# --- missing ---


@pytest.mark.parametrize("nothing", [None, "bad"])
def test_a_stream_without_a_value_is_low_after_ten_seconds_and_medium_after_a_minute(nothing: object) -> None:
    world = begun()
    world.run(START_S + 80, watched(heart_rate=nothing))
    world.run(START_S + 100, watched())
    assert world.told("HR_MISSING") == [
        (11, "start", "missing"),
        (61, "escalate", "missing for long"),
        (86, "end", "missing for long"),
    ]
    assert [event.alarm.priority for event in world.events if event.alarm.key.condition == "HR_MISSING"][:2] == [
        Priority.LOW,
        Priority.MEDIUM,
    ]


def test_nothing_is_missing_at_a_bed_that_expects_nothing_or_does_not_have_it() -> None:
    idle = World()
    idle.run(START_S + 100, lambda at_s: (pump(at_s, state=STOPPED), monitor(at_s, heart_rate=None)))
    assert idle.told("HR_MISSING") == []
    without = World(with_bed(vital_signs=(Quantity.SPO2,)))
    without.run(START_S + 100, watched(heart_rate=None))
    assert without.told("HR_MISSING") == []


def test_it_ends_when_nothing_is_expected_any_more() -> None:
    world = begun()
    world.run(START_S + 30, watched(heart_rate=None))
    world.run(START_S + 60, lambda at_s: (pump(at_s, state=STOPPED), monitor(at_s, heart_rate=None)))
    assert world.told("HR_MISSING")[-1] == (36, "end", "missing")


def test_what_was_missing_before_a_restart_is_missing_until_something_says_otherwise() -> None:
    world = begun()
    world.run(START_S + 30, watched(heart_rate=None))
    after = World(alarms=_of(world, "HR_MISSING"))
    after.run(START_S + 120)
    assert after.told("HR_MISSING") == []
    after.run(START_S + 130, watched())
    assert [phase for _, phase, _ in after.told("HR_MISSING")] == ["end"]


# --- the age of the cuff pressure: due each 5 min ---


def test_a_pressure_that_never_comes_is_overdue_in_three_steps() -> None:
    world = World()
    world.run(START_S + 40 * MIN, cuffed())
    assert world.told("NIBP_OVERDUE", levels=False) == [
        (1 + 8 * MIN, "start", "overdue"),
        (1 + 10 * MIN, "escalate", "long overdue"),
        (1 + 30 * MIN, "escalate", "far too long"),
    ]


def test_the_last_step_is_for_an_infusion() -> None:
    world = World()
    world.step(START_S, place(START_S, order()))
    world.run(START_S + 40 * MIN, lambda at_s: (pump(at_s, state=STOPPED), monitor(at_s, cuff=None)))
    assert world.told("NIBP_OVERDUE", levels=False) == [
        (8 * MIN, "start", "overdue"),
        (10 * MIN, "escalate", "long overdue"),
    ]


def test_a_new_pressure_ends_it_and_starts_the_clock() -> None:
    world = World()
    world.run(START_S + 9 * MIN, cuffed())
    world.run(START_S + 18 * MIN, cuffed(120, 75, 90, 70))
    assert world.told("NIBP_OVERDUE") == [
        (1 + 8 * MIN, "start", "overdue"),
        (1 + 9 * MIN, "end", "overdue"),
        (1 + 17 * MIN, "start", "overdue"),
    ]


def test_the_same_old_pressure_shown_for_ever_is_overdue() -> None:
    world = begun()
    world.run(START_S + 9 * MIN, watched())
    assert world.told("NIBP_OVERDUE") == [(8 * MIN, "start", "overdue")]


def test_one_message_without_the_pressure_neither_makes_it_overdue_nor_young() -> None:
    """After 40 min with a pressure each 5 min, one line is damaged; it must not look like 40 min without one."""
    world = begun()
    for number in range(1, 9):
        world.run(START_S + number * 5 * MIN, cuffed(120 + number, 75, 90, 70))
    last = cuffed(128, 75, 90, 70)
    world.run(world.now_s + 2 * MIN, last)
    world.run(world.now_s + 2, cuffed())
    assert world.told("NIBP_OVERDUE") == []
    world.run(START_S + 44 * MIN, last)
    dated_s = 35 * MIN + 1
    assert world.told("NIBP_OVERDUE") == [(dated_s + 8 * MIN, "start", "overdue")]


def test_a_pressure_from_before_the_bed_was_active_does_not_make_it_overdue_at_once() -> None:
    world = World()
    world.run(START_S + 60 * MIN, lambda at_s: (pump(at_s, state=STOPPED), monitor(at_s)))
    world.run(START_S + 69 * MIN, watched())
    assert world.told("NIBP_OVERDUE") == [(60 * MIN + 1 + 8 * MIN, "start", "overdue")]


@pytest.mark.parametrize("first", [(), (place(START_S, order()),)])
def test_what_was_overdue_before_a_restart_is_so_until_a_pressure_is_dated(first: tuple[Input, ...]) -> None:
    """The pressure that the monitor shows may be the old one: a value without a date is not young."""
    world = World()
    world.run(START_S + 31 * MIN, cuffed())
    after = World(alarms=_of(world, "NIBP_OVERDUE"))
    after.step(START_S, *first)
    after.run(START_S + 3 * MIN, watched())
    assert [phase for _, phase, _ in after.told("NIBP_OVERDUE")] == ["update"]
    alarm = after.alarm("NIBP_OVERDUE")
    assert alarm is not None
    assert alarm.priority is Priority.HIGH
    after.run(START_S + 4 * MIN, cuffed(140, 75, 90, 70))
    assert after.told("NIBP_OVERDUE")[-1] == (181, "end", "far too long")


def test_a_monitor_that_dates_its_pressures_tells_how_old_they_are() -> None:
    dates = replace(CONFIG.ports[1], nibp_time=NibpTime.DEVICE)
    world = World(replace(CONFIG, ports=(CONFIG.ports[0], dates, CONFIG.ports[2])))
    aged = Reading(Quantity.NIBP_SYS, Decimal(120), "mm[Hg]", measured_s_ago=60.0)
    world.step(START_S, pump(START_S))
    for at_s in (START_S + 5 * MIN, START_S + 12 * MIN):
        world.step(at_s, pump(at_s), Observation(*MONITOR, at_s, (aged,)))
    assert world.told("NIBP_OVERDUE") == []
    world.step(START_S + 18.99 * MIN, pump(START_S + 18.99 * MIN))
    assert world.told("NIBP_OVERDUE") == []
    world.step(START_S + 19 * MIN, pump(START_S + 19 * MIN))
    assert world.told("NIBP_OVERDUE") == [(19 * MIN, "start", "overdue")]


def _of(world: World, condition: str) -> tuple[Alarm, ...]:
    alarm = world.alarm(condition)
    assert alarm is not None
    return (alarm,)
