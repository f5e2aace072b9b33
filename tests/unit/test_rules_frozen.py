"""A device that says the very same again, its own clock with it, is not alive: DATA_FROZEN (H-11)."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from drivers.model import DeviceAlarmKind, InfusionState, Validity
from edge.core.config import CoreConfig
from edge.core.inputs import Input
from edge.core.model import Priority
from tests.core_world import (
    BED,
    CONFIG,
    MONITOR,
    OTHER_MONITOR,
    PUMP,
    START_S,
    World,
    monitor,
    order,
    place,
    pump,
    shows,
)

S, K = InfusionState, DeviceAlarmKind
Feed = Callable[[float], tuple[Input, ...]]
WITH_CLOCKS = replace(CONFIG, ports=tuple(replace(port, freshness=True) for port in CONFIG.ports))


def ward(config: CoreConfig = WITH_CLOCKS, *first: Input) -> World:
    world = World(config)
    world.step(START_S, *first, *alive()(START_S))
    return world


def alive() -> Feed:
    """Pump and monitor, their clocks running."""

    def feed(at_s: float) -> tuple[Input, ...]:
        clock = str(int(at_s))
        return replace(pump(at_s), device_time=clock), replace(monitor(at_s), device_time=clock)

    return feed


def stuck(what: str, *, at: str = "1005") -> Feed:
    """The same, but one of them, or both, repeats one message with its clock."""

    def feed(at_s: float) -> tuple[Input, ...]:
        clock = str(int(at_s))
        return (
            replace(pump(at_s), device_time=at if what in ("pump", "both") else clock),
            replace(monitor(at_s), device_time=at if what in ("monitor", "both") else clock),
        )

    return feed


def metrics(world: World) -> dict[str, Validity]:
    shown = next(row for row in reversed(world.snapshots) if row.bed == BED)
    (channel,) = shown.channels
    withheld = [row for row in (*shown.vital_signs, *channel.metrics) if row.validity is Validity.STALE]
    assert all(row.value is None for row in withheld)
    return {row.name: row.validity for row in (*shown.vital_signs, *channel.metrics)}


def test_the_fourth_same_message_is_an_alarm_and_nothing_of_it_counts() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    world.run(START_S + 4, alive())
    world.run(START_S + 7, stuck("monitor"))
    assert world.told("DATA_FROZEN") == []
    assert metrics(world)["heart_rate_per_min"] is Validity.VALID
    world.run(START_S + 8, stuck("monitor"))
    assert world.told("DATA_FROZEN") == [(8, "start", "frozen")]
    alarm = world.alarm("DATA_FROZEN")
    assert alarm is not None
    assert (alarm.priority, alarm.key.port, alarm.key.channel) == (Priority.MEDIUM, *MONITOR)
    assert alarm.text == (
        "Bed 1: the monitor at mon-1 channel 0 repeats itself; its clock stands at 1005, and its values are not of now."
    )
    world.run(START_S + 9, stuck("monitor"))
    shown = metrics(world)
    assert {shown[name] for name in ("heart_rate_per_min", "spo2_percent", "nibp_sys_mmhg")} == {Validity.STALE}
    assert shown["infusion_rate_ml_per_h"] is Validity.VALID


def test_a_frozen_pump_has_no_dose_and_a_dose_alarm_that_stood_cannot_be_verified() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    fast = [replace(pump(at_s, "70"), device_time=str(at_s)) for at_s in (START_S + 1, START_S + 2)]
    world.step(START_S + 1, fast[0])
    world.step(START_S + 2, fast[1])
    assert [row[1] for row in world.told("DOSE_RATE_HIGH")] == ["start"]
    for second in range(3, 60):
        world.step(START_S + second, replace(fast[1], received_at_s=START_S + second), *alive()(START_S + second)[1:])
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)
    assert {"DATA_FROZEN", "DOSE_RATE_HIGH"} <= world.present()
    # One alarm says why, not two.
    assert "DOSE_INPUT_MISSING" not in world.standing()
    assert metrics(world)["dose_rate_mg_per_kg_per_h"] is Validity.STALE


def test_what_is_missing_for_it_is_one_alarm_not_four() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    world.run(START_S + 100, stuck("monitor"))
    assert world.present() == {"DATA_FROZEN", "NORTHBOUND_LOST"}


def test_it_ends_five_seconds_after_the_clock_runs_again() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    world.run(START_S + 20, stuck("both"))
    world.run(START_S + 60, alive())
    ends = [event for event in world.events if event.alarm.key.condition == "DATA_FROZEN"]
    assert [(event.at.mono_s - START_S, event.phase.value, event.alarm.key.port) for event in ends] == [
        *((4, "start", "rack"), (4, "start", "mon-1")),
        *((26, "end", "rack"), (26, "end", "mon-1")),
    ]
    assert metrics(world)["heart_rate_per_min"] is Validity.VALID


@pytest.mark.parametrize("change", ["heart_rate", "clock", "state"])
def test_whoever_says_anything_else_is_alive(change: str) -> None:
    """A clock that stands beside numbers that move is a broken clock; the numbers are of now."""
    world = ward(WITH_CLOCKS, place(START_S, order()))

    def feed(at_s: float) -> Iterable[Input]:
        odd = int(at_s) % 2
        clock = str(odd) if change == "clock" else "1000"
        state = (S.INFUSING, S.BOLUS)[odd] if change == "state" else S.INFUSING
        rate = 80 + odd if change == "heart_rate" else 80
        yield replace(pump(at_s, state=state, rate="7" if change != "heart_rate" else str(7 + odd)), device_time=clock)
        yield replace(monitor(at_s, heart_rate=80 + odd if change != "clock" else rate), device_time=clock)

    world.run(START_S + 60, feed)
    assert "DATA_FROZEN" not in world.standing()


def test_a_clock_in_whole_seconds_may_say_one_second_several_times() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    for tick in range(1, 200):
        at_s = START_S + tick / 5
        world.step(at_s, *(replace(row, received_at_s=at_s) for row in alive()(at_s)))
    assert "DATA_FROZEN" not in world.standing()


def test_a_device_that_speaks_seldom_is_frozen_after_fifteen_seconds() -> None:
    rounds = tuple(replace(port, freshness=True, round_s=9.0) for port in CONFIG.ports)
    world = ward(replace(CONFIG, ports=rounds), place(START_S, order()))
    frozen = stuck("monitor", at="1000")
    for second in range(8, 48, 8):
        world.step(START_S + second, *frozen(START_S + second))
    assert world.told("DATA_FROZEN") == [(16, "start", "frozen")]


def test_a_device_that_names_no_such_field_is_not_judged_by_it() -> None:
    world = ward(CONFIG, place(START_S, order()))
    world.run(START_S + 60, stuck("both"))
    assert "DATA_FROZEN" not in world.standing()
    assert metrics(world)["heart_rate_per_min"] is Validity.VALID


def test_a_message_without_its_time_proves_nothing() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    world.run(START_S + 60, lambda at_s: (pump(at_s), monitor(at_s)))
    assert "DATA_FROZEN" not in world.standing()


def test_at_an_idle_bed_it_is_no_alarm_and_yet_no_value() -> None:
    world = World(WITH_CLOCKS)
    world.run(
        START_S + 60,
        lambda at_s: (
            replace(pump(at_s, "0", S.STOPPED), device_time=str(at_s)),
            replace(monitor(at_s), device_time="1000"),
        ),
    )
    assert world.standing() == {"NORTHBOUND_LOST"}
    assert metrics(world)["heart_rate_per_min"] is Validity.STALE


def test_a_lost_link_takes_its_place_and_does_not_end_it() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    world.run(START_S + 20, stuck("monitor"))
    world.run(START_S + 60, lambda at_s: alive()(at_s)[:1])
    alarm = world.alarm("DATA_FROZEN")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)
    assert "MONITOR_LINK_LOST" in world.present()


def test_an_alarm_that_it_shows_stands_and_one_that_it_does_not_show_is_not_ended_by_it() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()), shows(START_S, K.RESERVOIR_EMPTY))
    world.run(START_S + 20, stuck("pump"))
    shown = world.alarm("DEVICE_RESERVOIR_EMPTY")
    assert shown is not None
    assert (shown.present, shown.verifiable) == (True, True)
    # What a frozen pump says of its alarms is still told; what it takes back is not believed.
    world.step(START_S + 21, shows(START_S + 21, K.AIR_IN_LINE), *stuck("pump")(START_S + 21))
    assert {"DEVICE_AIR_IN_LINE", "DEVICE_RESERVOIR_EMPTY"} <= world.present()


def test_another_beds_frozen_monitor_is_its_own_matter() -> None:
    world = ward(WITH_CLOCKS, place(START_S, order()))
    world.run(
        START_S + 30,
        lambda at_s: (*alive()(at_s), replace(monitor(at_s, OTHER_MONITOR), device_time="1000")),
    )
    assert "DATA_FROZEN" not in world.standing()


def test_a_pump_that_runs_unbound_and_frozen_is_not_let_off() -> None:
    world = ward(WITH_CLOCKS)
    spare = ("rack", "99")
    world.step(START_S + 1, replace(pump(START_S + 1, where=spare), device_time="1000"))
    world.run(START_S + 60, lambda at_s: (replace(pump(at_s, where=spare), device_time="1000"), *alive()(at_s)))
    alarm = world.alarm("CHANNEL_UNBOUND")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable) == (True, False)


def test_a_bed_is_active_by_what_a_frozen_pump_was_last_seen_to_do() -> None:
    world = ward()
    world.run(START_S + 30, stuck("pump"))
    alarm = world.alarm("DATA_FROZEN", BED)
    assert alarm is not None
    assert (alarm.key.port, alarm.key.channel) == PUMP
