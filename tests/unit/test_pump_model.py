"""The pump model against volumes worked by hand: rate times time, nothing else."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from simulators.pump import MAX_SCRIPT_ACTS, PumpModel
from simulators.pump_terms import BolusKind, PumpAlarm, PumpSpec, PumpState, Therapy

VOLUMETRIC = PumpSpec(syringe_ml=None)


def running(rate: str, spec: PumpSpec | None = None) -> PumpModel:
    pump = PumpModel(spec)
    assert pump.set_rate(0, Decimal(rate))
    assert pump.start(0)
    return pump


def test_a_pump_that_was_not_started_delivers_nothing() -> None:
    pump = PumpModel()
    assert not pump.start(0)  # no rate is set
    pump.set_rate(0, Decimal(10))
    assert pump.delivered_ml(3600) == 0
    assert pump.true_rate_ml_per_h(3600) == 0
    assert pump.snapshot(3600).rate_ml_per_h == Decimal(10)


def test_rate_steps_add_up_exactly() -> None:
    pump = running("12")
    assert pump.delivered_ml(3600) == 12
    pump.set_rate(3600, Decimal(30))
    assert pump.delivered_ml(4200) == 17  # 30 mL/h for ten minutes
    pump.stop(4200)
    assert pump.delivered_ml(9000) == 17
    pump.start(9000)
    assert pump.delivered_ml(9001) == 17 + Fraction(1, 120)
    assert pump.true_rate_ml_per_h(9001) == Decimal(30)


def test_an_earlier_time_changes_nothing() -> None:
    pump = running("12")
    assert pump.delivered_ml(3600) == 12
    assert pump.delivered_ml(10) == 12


def test_the_counter_steps_after_the_truth() -> None:
    pump = running("10")  # 0.01 mL in 3.6 s
    assert pump.snapshot(3.599999).counter_ml == Decimal("0.00")
    assert pump.snapshot(3.6).counter_ml == Decimal("0.01")
    assert pump.snapshot(3599.9).counter_ml == Decimal("9.99")
    assert str(pump.snapshot(3600).counter_ml) == "10.00"


def test_the_counter_saturates_and_can_be_cleared() -> None:
    pump = running("1800", VOLUMETRIC)
    seen = pump.snapshot(6 * 3600)
    assert (seen.delivered_ml, seen.counter_ml) == (Fraction(10800), Decimal("9999.90"))
    pump.clear_volume(6 * 3600)
    assert pump.snapshot(6 * 3600).counter_ml == 0
    assert pump.snapshot(6 * 3600 + 2).counter_ml == Decimal("1.00")
    assert pump.delivered_ml(6 * 3600 + 2) == 10801


def test_end_of_volume_goes_to_kvo_and_then_stops() -> None:
    pump = PumpModel(PumpSpec(kvo_rate_ml_per_h=Decimal("1.00"), kvo_duration_s=300))
    pump.set_rate(0, Decimal(60))
    pump.set_vtbi(0, Decimal(5))
    pump.start(0)
    before = pump.snapshot(299)
    assert (before.state, before.vtbi_left_ml, before.alarms) == (PumpState.INFUSING, Fraction(1, 60), frozenset())
    kvo = pump.snapshot(400)  # 100 s at 1 mL/h beyond the 5 mL
    assert kvo.state is PumpState.KVO
    assert kvo.delivered_ml == 5 + Fraction(1, 36)
    assert kvo.alarms == {PumpAlarm.END_OF_VOLUME, PumpAlarm.KVO_ACTIVE}
    assert kvo.motor_rate_ml_per_h == Decimal("1.00")
    over = pump.snapshot(10_000)
    assert over.state is PumpState.STOPPED
    assert over.delivered_ml == 5 + Fraction(1, 12)
    assert over.alarms == {PumpAlarm.END_OF_VOLUME, PumpAlarm.KVO_END}
    assert not pump.start(10_000)  # nothing is left to be infused
    pump.set_vtbi(10_000, Decimal(1))
    assert pump.start(10_000)
    assert pump.snapshot(10_001).alarms == frozenset()


def test_kvo_is_never_faster_than_the_set_rate() -> None:
    pump = PumpModel()
    pump.set_rate(0, Decimal("0.5"))
    pump.set_vtbi(0, Decimal("0.5"))
    pump.start(0)
    assert pump.snapshot(3601).state is PumpState.KVO
    assert pump.true_rate_ml_per_h(3601) == Decimal("0.5")


def test_without_kvo_the_end_of_volume_stops() -> None:
    pump = PumpModel(PumpSpec(kvo_rate_ml_per_h=Decimal(0)))
    pump.set_rate(0, Decimal(60))
    pump.set_vtbi(0, Decimal(5))
    pump.start(0)
    seen = pump.snapshot(9999)
    assert (seen.state, seen.delivered_ml) == (PumpState.STOPPED, Fraction(5))
    assert seen.alarms == {PumpAlarm.END_OF_VOLUME}


def test_volume_bolus() -> None:
    pump = running("10")
    assert pump.bolus(3600, Decimal(2), Decimal(200))  # 36 s
    during = pump.snapshot(3618)
    assert (during.state, during.bolus_kind, during.bolus_count) == (PumpState.BOLUS, BolusKind.VOLUME, 0)
    assert during.delivered_ml == 11
    assert pump.true_rate_ml_per_h(3618) == Decimal(200)
    after = pump.snapshot(3636)
    assert (after.state, after.bolus_count, after.last_bolus_ml) == (PumpState.INFUSING, 1, Fraction(2))
    assert after.delivered_ml == 12
    assert pump.delivered_ml(3996) == 13  # 360 s at 10 mL/h


def test_manual_bolus_ends_with_the_key() -> None:
    pump = running("10")
    pump.bolus(0, rate_ml_per_h=Decimal(200))
    assert pump.snapshot(1).bolus_kind is BolusKind.MANUAL
    assert pump.end_bolus(18)
    seen = pump.snapshot(18)
    assert (seen.last_bolus_ml, seen.bolus_count, seen.bolus_kind) == (Fraction(1), 1, BolusKind.NONE)
    assert not pump.end_bolus(19)


def test_no_bolus_while_stopped() -> None:
    pump = PumpModel()
    assert not pump.bolus(0, Decimal(1))
    assert pump.delivered_ml(3600) == 0


def test_a_bolus_that_empties_the_vtbi_ends_in_kvo() -> None:
    pump = PumpModel()
    pump.set_rate(0, Decimal(10))
    pump.set_vtbi(0, Decimal(1))
    pump.start(0)
    pump.bolus(0, Decimal(5), Decimal(200))
    seen = pump.snapshot(18)
    assert (seen.state, seen.last_bolus_ml, seen.bolus_count) == (PumpState.KVO, Fraction(1), 1)


def test_occlusion_builds_pressure_alarms_and_releases_a_bolus() -> None:
    pump = running("10", PumpSpec(occlusion_volume_ml=Decimal("0.50")))  # reached in 180 s
    pump.occlude(3600)
    half = pump.snapshot(3690)
    assert (half.state, half.pressure_percent, half.alarms) == (PumpState.INFUSING, 50, frozenset())
    assert (half.delivered_ml, half.counter_ml) == (Fraction(10), Decimal("10.25"))
    assert pump.true_rate_ml_per_h(3690) == 0
    full = pump.snapshot(3780)
    assert (full.state, full.pressure_percent) == (PumpState.STOPPED, 100)
    assert full.alarms == {PumpAlarm.OCCLUSION}
    assert not pump.start(3800)  # the line is still shut
    assert pump.snapshot(3800).alarms == {PumpAlarm.OCCLUSION}
    assert pump.delivered_ml(4000) == 10
    pump.release(4000)
    assert pump.delivered_ml(4000) == Fraction(21, 2)
    assert pump.start(4000)
    again = pump.snapshot(4360)
    assert (again.delivered_ml, again.pressure_percent, again.alarms) == (Fraction(23, 2), 0, frozenset())


def test_syringe_near_empty_empty_and_changed() -> None:
    pump = running("100", PumpSpec(syringe_ml=Decimal(50), near_empty_ml=Decimal(2)))
    assert pump.snapshot(1727).alarms == frozenset()
    assert pump.snapshot(1728).alarms == {PumpAlarm.SYRINGE_NEAR_EMPTY}
    empty = pump.snapshot(5000)
    assert (empty.state, empty.delivered_ml, empty.syringe_left_ml) == (PumpState.STOPPED, Fraction(50), Fraction(0))
    assert empty.alarms == {PumpAlarm.SYRINGE_EMPTY}
    assert not pump.start(5000)
    assert pump.change_syringe(5000, Decimal(20))
    assert pump.start(5000)
    assert not pump.change_syringe(5001, Decimal(20))  # not while the drive turns
    seen = pump.snapshot(5036)
    assert (seen.syringe_left_ml, seen.counter_ml) == (Fraction(19), Decimal("51.00"))
    assert seen.alarms == frozenset()


@pytest.mark.parametrize(("connected", "delivered_ml"), [(False, 0), (True, 1)])
def test_purge_is_not_counted_and_reaches_only_a_connected_patient(connected: bool, delivered_ml: int) -> None:
    pump = PumpModel(PumpSpec(purge_rate_ml_per_h=Decimal(600)))
    assert pump.purge(0, Decimal(1), line_connected=connected)
    assert pump.snapshot(3).state is PumpState.PURGE
    assert pump.true_rate_ml_per_h(3) == (600 if connected else 0)
    seen = pump.snapshot(6)
    assert (seen.state, seen.syringe_left_ml) == (PumpState.STOPPED, Fraction(49))
    assert (seen.counter_ml, seen.delivered_ml) == (Decimal(0), Fraction(delivered_ml))


def test_standby_expires_into_an_alarm() -> None:
    pump = PumpModel()
    assert pump.standby(0, minutes=2)
    assert (pump.snapshot(60).state, pump.snapshot(60).standby_left_s) == (PumpState.STANDBY, 60)
    assert pump.snapshot(120).alarms == {PumpAlarm.STANDBY_END}
    assert pump.snapshot(120).state is PumpState.STOPPED


def test_standby_is_left_with_the_stop_key() -> None:
    pump = PumpModel()
    pump.standby(0, minutes=2)
    assert pump.stop(10)
    assert pump.snapshot(9999).alarms == frozenset()


def test_power_off_ends_the_flow_and_keeps_the_counter() -> None:
    pump = running("10")
    pump.power_off(3600)
    assert not pump.set_rate(3700, Decimal(5))
    assert not pump.clear_volume(3700)
    assert not pump.raise_alarm(3700, PumpAlarm.AIR)
    assert pump.snapshot(7200).state is PumpState.OFF
    assert pump.power_on(7200)
    assert not pump.power_on(7200)
    seen = pump.snapshot(7200)
    assert (seen.state, seen.counter_ml, seen.delivered_ml) == (PumpState.STOPPED, Decimal("10.00"), Fraction(10))


def test_an_alarm_with_an_outside_cause_stops_until_the_cause_is_gone() -> None:
    pump = running("10", VOLUMETRIC)
    pump.raise_alarm(3600, PumpAlarm.AIR)
    assert pump.snapshot(3600).state is PumpState.STOPPED
    assert not pump.start(3700)
    pump.clear_alarm(3700, PumpAlarm.AIR)
    assert pump.start(3700)
    assert pump.delivered_ml(7300) == 20


def test_a_pre_alarm_does_not_stop() -> None:
    pump = running("10")
    pump.raise_alarm(3600, PumpAlarm.BATTERY_NEAR_EMPTY)
    assert pump.snapshot(3600).state is PumpState.INFUSING


def test_a_new_alarm_undoes_the_acknowledgement() -> None:
    pump = running("10")
    assert not pump.acknowledge(0)  # nothing to acknowledge
    pump.raise_alarm(0, PumpAlarm.AIR)
    assert pump.acknowledge(1)
    assert pump.snapshot(2).acknowledged
    pump.raise_alarm(3, PumpAlarm.DOOR_OPEN)
    assert not pump.snapshot(3).acknowledged


def test_keys_that_the_pump_does_not_accept_change_nothing() -> None:
    pump = running("10")
    assert not pump.start(1)
    assert not pump.purge(1, Decimal(1))
    assert not pump.standby(1, minutes=5)
    assert pump.snapshot(1).state is PumpState.INFUSING
    assert pump.stop(2)
    assert not pump.stop(2)
    assert not pump.standby(2, minutes=0)
    assert not running("10", VOLUMETRIC).change_syringe(0, Decimal(10))
    assert pump.snapshot(2).state is PumpState.STOPPED


def test_a_step_or_a_pressure_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="resolution"):
        PumpSpec(counter_resolution_ml=Decimal(0))
    with pytest.raises(ValueError, match="occlusion"):
        PumpSpec(occlusion_volume_ml=Decimal(0))


def test_a_script_runs_in_time_whenever_it_is_looked_at() -> None:
    pump = PumpModel(now_s=1000)
    pump.schedule(1000, PumpModel.set_rate, Decimal(10))
    pump.schedule(1000, PumpModel.start)  # equal times keep their order
    pump.schedule(4600, PumpModel.set_rate, Decimal(20))
    pump.schedule(8200, PumpModel.stop)
    assert pump.delivered_ml(100_000) == 30


def test_an_act_may_be_scheduled_by_another() -> None:
    def start_and_plan_the_stop(pump: PumpModel, now_s: float) -> bool:
        pump.schedule(now_s + 3600, PumpModel.stop)
        return pump.start(now_s)

    pump = PumpModel()
    pump.set_rate(0, Decimal(10))
    pump.schedule(60, start_and_plan_the_stop)
    assert pump.delivered_ml(100_000) == 10


def test_a_script_is_bounded_and_never_in_the_past() -> None:
    pump = PumpModel(now_s=100)
    with pytest.raises(ValueError, match="has passed"):
        pump.schedule(99, PumpModel.start)
    for _ in range(MAX_SCRIPT_ACTS):
        pump.schedule(200, PumpModel.start)
    with pytest.raises(ValueError, match="too long"):
        pump.schedule(200, PumpModel.start)


@pytest.mark.parametrize("rate", ["0", "-1", "1800.01", "0.0001"])
def test_a_rate_that_no_drive_has_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        PumpModel().set_rate(0, Decimal(rate))


@pytest.mark.parametrize("volume", ["0", "-0.1"])
def test_a_volume_is_above_zero(volume: str) -> None:
    pump = running("10")
    with pytest.raises(ValueError, match="volume"):
        pump.set_vtbi(0, Decimal(volume))
    with pytest.raises(ValueError, match="volume"):
        pump.bolus(0, Decimal(volume))
    with pytest.raises(ValueError, match="volume"):
        PumpSpec(syringe_ml=Decimal(volume))


KETAMINE = Therapy(drug="Ketamine", concentration=Decimal("22.4"), weight_kg=Decimal(70))


@pytest.mark.parametrize(
    ("unit", "want"),
    [
        ("mg/kg/h", Fraction(4)),
        ("mg/h", Fraction(280)),
        ("ug/kg/min", Fraction(200, 3)),
        ("mg/kg/day", Fraction(96)),
        ("g/h", Fraction(28, 100)),
    ],
)
def test_dose_rate_of_12_5_ml_per_h(unit: str, want: Fraction) -> None:
    assert replace(KETAMINE, dose_unit=unit).dose_rate(Decimal("12.5")) == want


def test_no_dose_rate_without_what_it_needs() -> None:
    assert replace(KETAMINE, weight_kg=None).dose_rate(Decimal(1)) is None
    assert replace(KETAMINE, concentration=None).dose_rate(Decimal(1)) is None
    assert replace(KETAMINE, weight_kg=None, dose_unit="mg/h").dose_rate(Decimal(1)) == Fraction("22.4")


@pytest.mark.parametrize(
    ("concentration_unit", "dose_unit"),
    [
        ("mg/mL", "IU/h"),
        ("mg/L", "mg/h"),
        ("mg/mL", "mg/week"),
        ("mg/mL", "mg/m2/h"),
        ("foo/mL", "foo/h"),
        ("mg", "mg/h"),
    ],
)
def test_units_that_do_not_fit_are_refused(concentration_unit: str, dose_unit: str) -> None:
    with pytest.raises(ValueError, match=r"units|no dose|unpack"):
        Therapy(concentration_unit=concentration_unit, dose_unit=dose_unit)


def test_a_therapy_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="concentration"):
        Therapy(concentration=Decimal(0))
    with pytest.raises(ValueError, match="weight"):
        Therapy(weight_kg=Decimal(0))


def test_a_long_mixed_story() -> None:
    """8 mL/h 30 min, bolus 1 mL at 120 mL/h (30 s), 8 mL/h 29.5 min, 16 mL/h 15 min: 4 + 1 + 59/15 + 4 mL."""
    pump = running("8")
    pump.bolus(1800, Decimal(1), Decimal(120))
    pump.set_rate(3600, Decimal(16))
    seen = pump.snapshot(4500)
    assert seen.delivered_ml == 4 + 1 + Fraction(59, 15) + 4
    assert seen.counter_ml == Decimal("12.93")
