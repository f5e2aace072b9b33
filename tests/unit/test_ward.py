"""The ward of the demonstration: what happens at bed 2, and when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from simulators.bbraun_space import SpaceRack
from simulators.player import Player
from simulators.ward import STEPS, devices, rate_ml_per_h


def test_the_dose_of_bed_2_passes_the_hard_limit_and_comes_back_to_what_was_ordered() -> None:
    doses = [Decimal(dose) for _, dose in STEPS]
    assert max(doses) > Decimal("2.5")
    assert doses[-1] == Decimal("1.0")
    times = [at_s for at_s, _ in STEPS]
    assert times == sorted(times)
    high_at_s = times[doses.index(max(doses))]
    assert high_at_s <= 15.0  # with half a minute of installing, the first alarm comes within a minute of `make demo`
    assert times[-1] - high_at_s > 20.0  # longer than the delay of the hard limit


@pytest.mark.parametrize(("dose", "rate"), [("1.0", "7.00"), ("2.7", "18.90")])
def test_a_dose_is_a_rate_of_the_demonstrations_patient(dose: str, rate: str) -> None:
    assert rate_ml_per_h(dose) == Decimal(rate)


def test_two_beds_have_a_pump_and_a_monitor_each_and_a_recording_plays_at_bed_1() -> None:
    ward = devices(0.0, None)
    assert sorted(ward) == ["bed-1-monitor", "bed-1-pump", "bed-2-monitor", "bed-2-pump"]
    assert isinstance(ward["bed-2-pump"], SpaceRack)
    assert not isinstance(ward["bed-1-monitor"], Player)
    recorded = devices(0.0, b"abc")
    assert isinstance(recorded["bed-1-monitor"], Player)
    assert not isinstance(recorded["bed-2-monitor"], Player)
