"""The ward of the demonstration: what happens at its beds, and when."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.bbraun_space import SpaceRack
from simulators.demo import STORY
from simulators.player import Player
from simulators.pump_terms import PumpAlarm, PumpState
from simulators.ward import (
    OCCLUDED_S,
    PLUGGED_S,
    PULLED_S,
    RELEASED_S,
    RESTARTED_S,
    STEPS,
    devices,
    pumps,
    rate_ml_per_h,
    unplugged,
)

CONFIG = Path(__file__).parents[2] / "config"


def test_the_dose_of_bed_2_passes_the_hard_limit_and_comes_back_to_what_was_ordered() -> None:
    doses = [Decimal(dose) for _, dose in STEPS]
    assert max(doses) > Decimal("2.5")
    assert max(doses[doses.index(max(doses)) + 1 :]) == Decimal("1.0")
    times = [at_s for at_s, _ in STEPS]
    assert times == sorted(times)
    high_at_s = times[doses.index(max(doses))]
    assert high_at_s <= 15.0  # with half a minute of installing, the first alarm comes within a minute of `make demo`
    assert times[doses.index(max(doses)) + 1] - high_at_s > 20.0  # longer than the delay of the hard limit


@pytest.mark.parametrize(("dose", "rate"), [("1.0", "7.00"), ("2.7", "18.90")])
def test_a_dose_is_a_rate_of_the_demonstrations_patient(dose: str, rate: str) -> None:
    assert rate_ml_per_h(dose) == Decimal(rate)


def test_four_beds_have_a_pump_and_a_monitor_each_and_a_recording_plays_at_bed_1() -> None:
    ward = devices(0.0, None)
    assert sorted(ward) == [f"bed-{bed}-{device}" for bed in range(1, 5) for device in ("monitor", "pump")]
    assert isinstance(ward["bed-2-pump"], SpaceRack)
    assert not isinstance(ward["bed-1-monitor"], Player)
    recorded = devices(0.0, b"abc")
    assert isinstance(recorded["bed-1-monitor"], Player)
    assert not isinstance(recorded["bed-2-monitor"], Player)


def test_the_pump_of_bed_3_finds_its_occlusion_and_infuses_again() -> None:
    pump, _ = pumps(0.0)[2]
    assert pump.snapshot(OCCLUDED_S).alarms == frozenset()
    alarmed = pump.snapshot(RELEASED_S - 1.0)
    assert (alarmed.state, alarmed.alarms) == (PumpState.STOPPED, frozenset({PumpAlarm.OCCLUSION}))
    again = pump.snapshot(RESTARTED_S)
    assert (again.state, again.alarms) == (PumpState.INFUSING, frozenset())


def test_one_plug_is_pulled_and_plugged_in_again() -> None:
    assert {name: unplugged(name) for name in devices(0.0, None) if unplugged(name)} == {
        "bed-4-monitor": (PULLED_S, PLUGGED_S)
    }
    assert PLUGGED_S - PULLED_S > 30.0  # longer than a lost link takes to alarm


def test_the_story_told_at_the_start_has_the_times_of_the_ward() -> None:
    told = [line.split(" ", 1)[0] for line in STORY]
    assert told == [
        f"{int(at_s) // 60}:{int(at_s) % 60:02}" for at_s in (STEPS[0][0], STEPS[3][0], OCCLUDED_S, PULLED_S)
    ]
    ends = [f"{int(at_s) // 60}:{int(at_s) % 60:02}" for at_s in (RELEASED_S, PLUGGED_S)]
    assert [end in line for end, line in zip(ends, STORY[2:], strict=True)] == [True, True]


def test_the_demonstrations_limits_are_those_of_the_shipped_file() -> None:
    limits = [
        tomllib.loads((CONFIG / name).read_text("utf-8"))["standard_limits"] for name in ("demo.toml", "edge.toml")
    ]
    assert limits[0] == limits[1]
