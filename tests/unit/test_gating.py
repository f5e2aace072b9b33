"""What keeps an alarm from being shouted in vain: the median of a stream, two sources of one heart, inhibition."""

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import DeviceAlarmKind, NibpTime, Observation, Quantity, Reading
from edge.core.catalogue import CATALOGUE
from edge.core.effects import Journal
from edge.core.inputs import Input
from edge.core.model import AlarmKind, Priority
from edge.core.sources import SourceState
from tests.core_world import BED, MONITOR, START_S, World, monitor, order, place, pump, shows

PULSE = Quantity.PULSE_RATE


def spo2(at_s: float, number: object) -> Observation:
    reading = Reading(Quantity.SPO2, Decimal(str(number)), "%")
    return Observation(*MONITOR, at_s, (reading,))


def median_of(*numbers: int, gap_s: float = 1.0) -> Decimal | None:
    """The number on which a soft band is judged after these samples."""
    source = SourceState(*MONITOR)
    for n, number in enumerate(numbers):
        source.observe(spo2(START_S + n * gap_s, number), NibpTime.NOT_MEASURED)
    value = source.values[Quantity.SPO2]
    return value.value if value.median is None else value.median


@pytest.mark.parametrize(
    ("numbers", "judged"),
    [
        ((90,), 90),
        ((98, 90), 90),
        ((98, 98, 90), 98),
        ((98, 90, 90), 90),
        ((98, 98, 98, 90), 98),
        ((98, 98, 98, 90, 90), 98),
        ((98, 98, 90, 90, 90), 90),
        ((98, 98, 98, 98, 98, 98, 90, 90, 90), 90),
    ],
)
def test_the_median_is_of_the_last_five_samples_or_of_three(numbers: tuple[int, ...], judged: int) -> None:
    assert median_of(*numbers) == judged


def test_samples_that_are_old_are_not_of_now() -> None:
    assert median_of(98, 98, 98, 90, gap_s=7.0) == 90
    assert median_of(98, 98, 90, gap_s=3.0) == 98


def fed(numbers: dict[int, int], until: int) -> World:
    """A bed with an order whose monitor says these saturations at these seconds, else 98."""
    world = World()
    world.step(START_S, place(START_S, order()), pump(START_S))
    for second in range(1, until + 1):
        at_s = START_S + second
        world.step(at_s, pump(at_s), monitor(at_s, spo2=numbers.get(second, 98)))
    return world


def test_an_artefact_of_a_moment_alarms_nobody_on_a_soft_limit() -> None:
    assert fed(dict.fromkeys((10, 20, 21, 30, 31), 90), 60).told("SPO2_LOW") == []


def test_a_dip_within_a_low_saturation_does_not_begin_its_delay_anew() -> None:
    low = dict.fromkeys(range(10, 40), 90) | {18: 98, 24: 98}
    (began, *_) = fed(low, 32).told("SPO2_LOW")
    assert began == (27, "start", "soft")  # the median is beyond from 12 s on, and the delay is 15 s


def test_a_hard_limit_is_judged_on_every_sample() -> None:
    assert fed({10: 79}, 10).told("SPO2_LOW") == [(10, "start", "bypass")]
    assert fed(dict.fromkeys(range(10, 30), 86), 21).told("SPO2_LOW")[0] == (20, "start", "hard")


def test_what_an_alarm_says_is_what_it_was_judged_on() -> None:
    """The value of the moment may be back while the median is not."""
    low = dict.fromkeys(range(10, 27), 90)
    world = fed(low, 27)
    (began,) = [event.alarm for event in world.events if event.alarm.key.condition == "SPO2_LOW"]
    assert (began.value, began.text) == (Decimal(90), "Bed 1: SpO2 90 %, below the soft limit 92 %.")


# --- two sources of one heart -----------------------------------------------------------------------------------------


def beats(at_s: float, ecg: int, pulse: int | None) -> tuple[Input, ...]:
    seen = monitor(at_s, heart_rate=ecg)
    if pulse is None:
        return pump(at_s), seen
    return pump(at_s), replace(seen, readings=(*seen.readings, Reading(PULSE, Decimal(pulse), "/min")))


def beating(ecg: int, pulse: int | None, seconds: int) -> World:
    world = World()
    world.step(START_S, place(START_S, order()), pump(START_S))
    world.run(START_S + seconds, lambda at_s: beats(at_s, ecg, pulse))
    return world


def test_two_sources_that_are_apart_are_told_after_ten_seconds() -> None:
    assert beating(80, 95, 60).told("HR_SOURCES_DISAGREE") == []
    world = beating(80, 96, 60)
    assert world.told("HR_SOURCES_DISAGREE") == [(11, "start", "apart")]
    alarm = world.alarm("HR_SOURCES_DISAGREE")
    assert alarm is not None
    assert alarm.priority is Priority.LOW
    assert "80 /min" in alarm.text
    assert "96 /min" in alarm.text


def test_one_source_alone_disagrees_with_nobody() -> None:
    assert beating(80, None, 60).told("HR_SOURCES_DISAGREE") == []


def test_a_soft_heart_rate_alarm_waits_while_the_sources_disagree_and_a_hard_one_does_not() -> None:
    world = beating(130, 80, 60)
    assert world.told("HR_HIGH") == []
    assert kept_back(world) == (("HR_HIGH", "HR_SOURCES_DISAGREE"),)
    world.run(START_S + 120, lambda at_s: beats(at_s, 130, 130))
    (began, *_) = world.told("HR_HIGH")
    assert began[1:] == ("start", "soft")
    assert not kept_back(world)
    assert beating(150, 80, 60).told("HR_HIGH")[0] == (11, "start", "hard")


# --- inhibition -------------------------------------------------------------------------------------------------------


def test_an_occlusion_explains_a_low_dose_and_the_journal_says_so() -> None:
    world = World()
    world.step(START_S, place(START_S, order()), pump(START_S))
    world.step(START_S + 1, shows(START_S + 1, DeviceAlarmKind.OCCLUSION_DOWNSTREAM), pump(START_S + 1, "0.1"))
    world.run(START_S + 400, lambda at_s: (pump(at_s, "0.1"), monitor(at_s)))
    assert world.told("DOSE_RATE_LOW") == []
    assert kept_back(world) == (("DOSE_RATE_LOW.rack.11", "DEVICE_OCCLUSION_DOWNSTREAM.rack.11"),)
    assert rows_of(world, "inhibited") == [
        {"bed": BED, "key": "DOSE_RATE_LOW.rack.11", "by": "DEVICE_OCCLUSION_DOWNSTREAM.rack.11"}
    ]
    world.step(START_S + 401, shows(START_S + 401), pump(START_S + 401, "0.1"), monitor(START_S + 401))
    world.run(START_S + 800, lambda at_s: (pump(at_s, "0.1"), monitor(at_s)))
    assert world.told("DOSE_RATE_LOW")[0] == (701, "start", "soft")
    assert not kept_back(world)


def test_what_is_present_cannot_be_verified_while_something_explains_it_and_stands() -> None:
    world = World()
    world.step(START_S, place(START_S, order()), pump(START_S))
    world.run(START_S + 310, lambda at_s: (pump(at_s, "0.1"), monitor(at_s)))
    assert "DOSE_RATE_LOW" in world.present()
    world.step(START_S + 311, shows(START_S + 311, DeviceAlarmKind.NO_FLOW), pump(START_S + 311, "0.1"))
    alarm = world.alarm("DOSE_RATE_LOW")
    assert alarm is not None
    assert (alarm.present, alarm.verifiable, alarm.audible) == (True, False, True)
    world.run(START_S + 400, lambda at_s: (pump(at_s, "7"), monitor(at_s)))
    assert "DOSE_RATE_LOW" in world.present()
    assert not kept_back(world)


def test_an_occlusion_of_another_channel_explains_nothing() -> None:
    world = World()
    world.step(START_S, place(START_S, order()), pump(START_S))
    other = ("rack", "12")
    world.step(START_S + 1, shows(START_S + 1, DeviceAlarmKind.NO_FLOW, where=other), pump(START_S + 1, "0.1"))
    world.run(START_S + 310, lambda at_s: (pump(at_s, "0.1"), pump(at_s, where=other), monitor(at_s)))
    assert "DOSE_RATE_LOW" in world.present()


def test_a_high_dose_is_told_whatever_else_is_wrong() -> None:
    world = World()
    world.step(START_S, place(START_S, order()), pump(START_S))
    every = tuple(DeviceAlarmKind)
    world.step(START_S + 1, shows(START_S + 1, *every), pump(START_S + 1, "29.4"))
    assert world.told("DOSE_RATE_HIGH") == [(1, "start", "bypass")]


def test_only_patients_conditions_are_inhibited_and_only_by_technical_ones() -> None:
    inhibited = {name: entry for name, entry in CATALOGUE.items() if entry.inhibited_by}
    assert {entry.kind for entry in inhibited.values()} == {AlarmKind.PHYSIOLOGICAL}
    causes = {name for entry in inhibited.values() for name in entry.inhibited_by}
    assert {CATALOGUE[name].kind for name in causes} == {AlarmKind.TECHNICAL}
    assert "DOSE_RATE_HIGH" not in inhibited


def kept_back(world: World) -> tuple[tuple[str, str], ...]:
    return world.inhibited[BED]


def rows_of(world: World, kind: str) -> list[dict[str, str]]:
    rows = [effect for step in world.steps for effect in step.effects if isinstance(effect, Journal)]
    return [dict(row.body) for row in rows if row.kind == kind]
