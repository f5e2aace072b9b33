"""The faults of devices themselves, in virtual time: what each does to what the device says."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import pytest

from simulators.faults import Flip, Late, Window
from simulators.faults_device import Deed, Knobs, Reboot, clock_leap, counter_reset, sensor_off, stuck_value
from simulators.faults_knobs import AsenaKnobs, IvyKnobs, TimedOximeterKnobs, VitalsFeed
from simulators.ivy_450c import IvyMonitor
from simulators.masimo_ascii import MasimoOximeter
from simulators.patient import Vitals
from simulators.pump_terms import PumpState
from tests.unit.faults_play import ASK_RATE, SAID_RATE, Player, oximeter, pump, vitals

MIDDLE = Window(2.5, 5.5)
ASK_VOLUME = b"!INF_VI|B42C\r"


def timed() -> tuple[MasimoOximeter, TimedOximeterKnobs]:
    feed = VitalsFeed(vitals)
    device = MasimoOximeter(feed)
    return device, TimedOximeterKnobs(feed, device, 0.0)


def said(talk: Player, field: str) -> list[str]:
    """The values of a field in the oximeter's lines."""
    return [text.split(f"{field}=")[1].split()[0] for _, text in talk.lines()]


def clocks(talk: Player) -> list[str]:
    return [text[9:17] for _, text in talk.lines()]


def test_a_stuck_value_stays_and_the_others_go_on() -> None:
    device, knobs = timed()
    talk = Player(stuck_value(device, MIDDLE, knobs, value="heart-rate")).until(7.0)
    assert said(talk, "BPM") == ["061", "062", "062", "062", "062", "066", "067"]
    assert said(talk, "SPO2") == ["091%", "092%", "093%", "094%", "095%", "096%", "097%"]
    assert clocks(talk) == [f"00:00:0{second}" for second in range(1, 8)]


def test_all_values_can_be_stuck() -> None:
    device, knobs = timed()
    talk = Player(stuck_value(device, MIDDLE, knobs, value="all")).until(6.0)
    assert said(talk, "BPM") == ["061", "062", "062", "062", "062", "066"]
    assert said(talk, "SPO2") == ["091%", "092%", "092%", "092%", "092%", "096%"]


def test_what_is_held_of_the_vital_signs_stays_also_where_there_is_none() -> None:
    feed = VitalsFeed(lambda now_s: Vitals(spo2_percent=None if now_s < 5 else 97, heart_rate_per_min=int(now_s)))
    feed.hold([field.name for field in fields(Vitals)], 1.0)
    assert feed(9.0) == Vitals(heart_rate_per_min=1)
    feed.let_go(["spo2_percent"])
    assert feed(9.0) == Vitals(spo2_percent=97, heart_rate_per_min=1)


def test_a_pump_with_a_stuck_rate_delivers_another_one() -> None:
    device = pump()
    knobs = AsenaKnobs(device)
    talk = Player(stuck_value(device, Window(1.0, 10.0), knobs, value="rate")).until(2.0)
    device.pump.set_rate(2.0, Decimal(70))
    assert talk.ask(ASK_RATE, 9.0).whole() == SAID_RATE
    assert device.pump.true_rate_ml_per_h(9.0) == 70
    talk.said.clear()
    assert b"^70.00^" in talk.ask(ASK_RATE, 10.0).whole()


def test_a_counter_reset_sets_the_volume_to_zero_and_the_pump_goes_on() -> None:
    device = pump()
    talk = Player(counter_reset(device, 3600.0, AsenaKnobs(device)))
    talk.ask(ASK_VOLUME, 3599.9).ask(ASK_VOLUME, 3600.0).ask(ASK_VOLUME, 5400.0)
    assert [text.split("^")[1] for _, text in talk.lines()] == ["6.999", "0.000", "3.500"]
    assert device.pump.delivered_ml(5400.0) == Decimal("10.5")


def test_a_sensor_is_off_for_a_while() -> None:
    device, knobs = timed()
    talk = Player(sensor_off(device, MIDDLE, knobs, sensor="spo2")).until(7.0)
    assert said(talk, "SPO2") == ["091%", "092%", "---%", "---%", "---%", "096%", "097%"]


def test_the_leads_of_a_monitor_are_off_and_its_oximeter_is_not() -> None:
    feed = VitalsFeed(vitals)
    monitor = IvyMonitor(feed)
    talk = Player(sensor_off(monitor, Window(2.5), IvyKnobs(feed, monitor), sensor="ecg")).until(4.0)
    heart_rates = [text.split("HR=1;")[1].split(";")[0] for _, text in talk.lines()]
    assert heart_rates == ["61", "62", "", ""]
    assert all("SPO2=1;9" in text for _, text in talk.lines())


def test_a_clock_leaps_forward_and_back_and_loses_nothing() -> None:
    device, knobs = timed()
    there = clock_leap(device, 2.5, knobs, by_s=3600.0)
    talk = Player(clock_leap(there, 4.5, knobs, by_s=-3600.0)).until(6.0)
    assert clocks(talk) == ["00:00:01", "00:00:02", "01:00:03", "01:00:04", "00:00:05", "00:00:06"]


def test_a_reboot_is_silence_and_a_start_for_any_device() -> None:
    talk = Player(Reboot(oximeter(), MIDDLE)).until(8.0)
    assert [at_s for at_s, _ in talk.lines()] == [1.0, 2.0, 6.5, 7.5]


def test_a_pump_that_lost_its_power_hears_nothing_and_comes_back_stopped() -> None:
    device = pump()
    talk = Player(Reboot(device, Window(1.0, 5.0), AsenaKnobs(device)))
    talk.ask(ASK_RATE, 2.0)
    assert talk.said == []
    assert len(device.records) == 0
    assert device.pump.snapshot(2.0).state is PumpState.OFF
    talk.until(6.0)
    assert device.pump.snapshot(6.0).state is PumpState.STOPPED
    assert talk.ask(ASK_RATE, 6.0).said == [(6.0, SAID_RATE)]


def test_a_device_whose_power_never_comes_back_stays_silent() -> None:
    device = Reboot(oximeter(), Window(2.5))
    talk = Player(device).until(1000.0)
    assert len(talk.said) == 2
    assert device.deadline_s is None


def test_a_device_that_is_plugged_in_while_its_power_is_off_says_nothing_yet() -> None:
    talk = Player(Reboot(oximeter(), Window(0.0, 3.0))).until(4.0)
    assert [at_s for at_s, _ in talk.lines()] == [4.0]


def test_a_deed_is_done_once_and_undone_once_at_the_first_look_from_then_on() -> None:
    done: list[tuple[str, float]] = []
    deed = Deed(
        oximeter(), MIDDLE, lambda now_s: done.append(("do", now_s)), lambda now_s: done.append(("undo", now_s))
    )
    talk = Player(deed).until(2.0)
    assert done == []
    deed.feed(b"?", 2.6)
    talk.until(9.0)
    assert done == [("do", 2.6), ("undo", 5.5)]
    for_good = Deed(oximeter(), Window(2.5), lambda now_s: done.append(("do", now_s)), lambda _now_s: done.clear())
    Player(for_good).until(9.0)
    assert done[-1] == ("do", 2.5)


def test_faults_of_device_and_line_can_be_put_around_one_another() -> None:
    device, knobs = timed()
    stuck = stuck_value(device, MIDDLE, knobs, value="all")
    off = sensor_off(stuck, Window(3.5, 4.5), knobs, sensor="spo2")
    talk = Player(Late(Reboot(off, Window(6.2, 7.1)), Window(1.5), delay_s=0.2)).until(9.0)
    assert [at_s for at_s, _ in talk.lines()] == [1.0, 2.2, 3.2, 4.2, 5.2, 6.2, 8.3]
    assert said(talk, "SPO2") == ["091%", "092%", "092%", "---%", "092%", "096%", "098%"]
    noisy = Player(Flip(sensor_off(*_again(), sensor="spo2"), seed=1, share=0.1)).until(9.0)
    assert noisy.whole() == Player(Flip(sensor_off(*_again(), sensor="spo2"), seed=1, share=0.1)).until(9.0).whole()


def _again() -> tuple[MasimoOximeter, Window, Knobs]:
    device, knobs = timed()
    return device, MIDDLE, knobs


def test_what_a_kind_of_device_does_not_have_is_refused_with_what_it_has() -> None:
    device, knobs = timed()
    with pytest.raises(ValueError, match="no counter"):
        counter_reset(device, 0.0, knobs)
    with pytest.raises(ValueError, match="no clock"):
        clock_leap(pump(), 0.0, AsenaKnobs(pump()), by_s=1.0)
    with pytest.raises(ValueError, match="'ecg' is no sensor here; there are: spo2"):
        sensor_off(device, MIDDLE, knobs, sensor="ecg")
    with pytest.raises(ValueError, match="'spo2' is no value that can be stuck here; there are: rate, volume"):
        stuck_value(pump(), MIDDLE, AsenaKnobs(pump()), value="spo2")


def test_a_pump_that_is_off_has_no_counter_to_clear() -> None:
    device = pump()
    knobs = AsenaKnobs(device)
    knobs.power_off(1800.0)
    knobs.reset_counter(2000.0)
    knobs.power_on(3000.0)
    assert device.pump.snapshot(3000.0).counter_ml == Decimal("3.5")
