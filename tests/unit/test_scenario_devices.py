"""Each kind of device of a scenario, read by the driver that its kind names, and what its knobs do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers import registry
from drivers.model import DeviceIdentified, DeviceKind, IdentitySupport, Observation, Quantity, SessionOptions, Validity
from simulators.faults import Window
from simulators.faults_device import clock_leap, counter_reset, sensor_off, stuck_value
from simulators.model import SimulatedDevice
from simulators.patient import Vitals
from simulators.scenario_devices import MONITORS, PUMPS, Kind, Made, kind_of, make_monitor, make_pump
from simulators.scenario_model import BedPlan, MonitorPlan, PumpPlan
from simulators.scenario_patient import BedPatient
from tests.conformance.virtual import Wire

START_S = 100.0  # where a virtual wire begins
BED = BedPlan(id="bed", label="Bed", seed=1, weight_kg=Decimal(70), cuff_interval_s=10.0, devices=())
KINDS: Mapping[str, Kind] = {**PUMPS, **MONITORS}
Q = Quantity
SENSORS = {
    "ecg": Q.HEART_RATE,
    "spo2": Q.SPO2,
    "respiration": Q.RESPIRATORY_RATE,
    "cuff": Q.NIBP_SYS,
    "co2": Q.ETCO2,
}
VALUES = {
    "heart-rate": (Q.HEART_RATE, Q.PULSE_RATE),
    "spo2": (Q.SPO2,),
    "respiratory-rate": (Q.RESPIRATORY_RATE,),
    "etco2": (Q.ETCO2,),
    "cuff": (Q.NIBP_SYS, Q.NIBP_DIA, Q.NIBP_MEAN),
    "all": tuple(SENSORS.values()),
    "rate": (Q.INFUSION_RATE,),
    "volume": (Q.VOLUME_INFUSED,),
}
STICKS = [(kind, value) for kind, its in KINDS.items() for value in its.knobs.values]
OFFS = [(kind, sensor) for kind, its in MONITORS.items() for sensor in its.knobs.sensors]
OFFS.remove(("intellivue", "respiration"))  # it counts breaths in the airway too: a test of its own


def vitals(now_s: float) -> Vitals:
    """Vital signs of which each is another one each second."""
    second = int(now_s) % 40
    return Vitals(
        heart_rate_per_min=60 + second,
        respiratory_rate_per_min=10 + second,
        spo2_percent=60 + second,
        etco2_mmhg=20 + second,
        nibp_sys_mmhg=120 + second,
        nibp_dia_mmhg=60 + second,
        nibp_mean_mmhg=80 + second,
        nibp_pulse_rate_per_min=60 + second,
        nibp_at_s=now_s,
    )


def make(kind: str) -> Made:
    number = KINDS[kind].serial_number
    serial_number = "" if number is None else number(3)
    if kind in MONITORS:
        plan = MonitorPlan(id="it", kind=kind, serial_number=serial_number)
        return make_monitor(plan, BED, vitals, 1.0, START_S)
    return make_pump(pump_plan(kind, serial_number), START_S)


def pump_plan(kind: str, serial_number: str = "") -> PumpPlan:
    return PumpPlan(
        id="it",
        kind=kind,
        serial_number=serial_number,
        drug="KETAMINE",
        concentration_mg_per_ml=Decimal(10),
        weight_kg=Decimal(70),
        rate_ml_per_h=Decimal(90),  # 0.025 mL a second
        started=True,
        order=None,
    )


def talk(kind: str, device: SimulatedDevice) -> Wire:
    its = KINDS[kind]
    return Wire(registry.driver(its.driver).session(SessionOptions("port", (its.channel,))), device)


def values(wire: Wire, quantity: Quantity, from_s: float, until_s: float) -> list[tuple[Decimal | None, Validity]]:
    """What the driver made of a quantity between two times after the start."""
    return [
        (one.value, one.validity)
        for at_s, output in wire.outputs
        if isinstance(output, Observation) and START_S + from_s <= at_s < START_S + until_s
        for one in output.readings
        if one.quantity is quantity
    ]


def numbers(wire: Wire, quantity: Quantity, from_s: float, until_s: float) -> list[Decimal]:
    return [number for number, _ in values(wire, quantity, from_s, until_s) if number is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_the_driver_that_a_kind_names_reads_it_at_its_line_and_channel(kind: str) -> None:
    its, driver = KINDS[kind], registry.driver(KINDS[kind].driver)
    line = its.line
    assert (line.baud, line.data_bits, line.parity, line.stop_bits) == (
        driver.line.baud,
        driver.line.data_bits,
        driver.line.parity,
        driver.line.stop_bits,
    )
    assert driver.kind is (DeviceKind.PUMP if kind in PUMPS else DeviceKind.MONITOR)
    assert (its.serial_number is None) == (driver.identity is IdentitySupport.PORT_ONLY)
    wire = talk(kind, make(kind).device)
    wire.run(20.0)
    assert {one.channel for one in wire.observations()} == {its.channel}
    if its.serial_number is not None:
        told = {one.serial_number for one in wire.events(DeviceIdentified) if isinstance(one, DeviceIdentified)}
        assert told == {its.serial_number(3)}


@pytest.mark.parametrize("kind", MONITORS)
def test_a_monitor_gives_the_vital_signs_that_its_kind_names(kind: str) -> None:
    wire = talk(kind, make(kind).device)
    wire.run(30.0)
    named = {"heart_rate": Q.HEART_RATE, "spo2": Q.SPO2, "respiratory_rate": Q.RESPIRATORY_RATE, "nibp": Q.NIBP_SYS}
    for sign in MONITORS[kind].vital_signs:
        assert len(set(numbers(wire, named[sign], 0.0, 30.0))) > 1, sign


@pytest.mark.parametrize("kind", PUMPS)
def test_a_pump_is_at_its_rate_and_stopped_if_it_is_not_started(kind: str) -> None:
    wire = talk(kind, make(kind).device)
    wire.run(15.0)
    assert set(numbers(wire, Q.INFUSION_RATE, 0.0, 15.0)) == {Decimal(90)}
    stopped = make_pump(replace(pump_plan(kind, "8002-51740"), started=False), START_S)
    assert stopped.pump is not None
    assert stopped.pump.true_rate_ml_per_h(START_S + 1) == 0


@pytest.mark.parametrize(("kind", "value"), STICKS)
def test_a_value_is_stuck_while_it_goes_on_in_truth_and_comes_back(kind: str, value: str) -> None:
    made = make(kind)
    wire = talk(kind, stuck_value(made.device, Window(START_S + 40, START_S + 80), made.knobs, value=value))
    wire.run(60.0)
    if made.pump is not None:
        made.pump.set_rate(wire.now_s, Decimal(180))
    wire.run(60.0)
    given = [quantity for quantity in VALUES[value] if numbers(wire, quantity, 0.0, 40.0)]
    assert given
    for quantity in given:
        assert len(set(numbers(wire, quantity, 51.0, 80.0))) == 1, quantity
        assert numbers(wire, quantity, 91.0, 120.0)[-1] != numbers(wire, quantity, 51.0, 80.0)[-1], quantity


@pytest.mark.parametrize(("kind", "sensor"), OFFS)
def test_a_sensor_is_off_with_no_value_and_never_zero(kind: str, sensor: str) -> None:
    made, quantity = make(kind), SENSORS[sensor]
    wire = talk(kind, sensor_off(made.device, Window(START_S + 40, START_S + 80), made.knobs, sensor=sensor))
    wire.run(120.0)
    assert set(values(wire, quantity, 55.0, 80.0)) <= {(None, Validity.NOT_AVAILABLE), (None, Validity.INVALID)}
    for from_s, until_s in ((10.0, 40.0), (95.0, 120.0)):
        seen = numbers(wire, quantity, from_s, until_s)
        assert seen
        assert 0 not in seen
    others = [other for name, other in SENSORS.items() if name in KINDS[kind].knobs.sensors and other is not quantity]
    for other in others:
        if (kind, sensor, other) != ("dri", "ecg", Q.RESPIRATORY_RATE):
            assert numbers(wire, other, 55.0, 80.0), other


def test_breaths_of_an_intellivue_are_counted_by_two_sensors() -> None:
    made = make("intellivue")
    no_leads = sensor_off(made.device, Window(START_S + 40), made.knobs, sensor="respiration")
    wire = talk("intellivue", sensor_off(no_leads, Window(START_S + 80), made.knobs, sensor="co2"))
    wire.run(120.0)
    assert numbers(wire, Q.RESPIRATORY_RATE, 45.0, 80.0)
    assert numbers(wire, Q.RESPIRATORY_RATE, 85.0, 120.0) == []


@pytest.mark.parametrize("kind", PUMPS)
def test_a_counter_goes_back_to_zero_and_counts_on(kind: str) -> None:
    made = make(kind)
    wire = talk(kind, counter_reset(made.device, START_S + 60, made.knobs))
    wire.run(90.0)
    before, after = (numbers(wire, Q.VOLUME_INFUSED, *when) for when in ((50.0, 60.0), (64.0, 90.0)))
    assert min(before) >= Decimal("1.2")
    assert max(after) < Decimal("0.8")
    assert sorted(after) == after
    assert len(set(after)) > 1


CLOCKED = [kind for kind, its in KINDS.items() if its.knobs.has_clock]


def test_the_dates_of_an_intellivue_leap_and_what_it_counts_from_power_on_does_not() -> None:
    made = make("intellivue")
    wire = talk("intellivue", clock_leap(made.device, START_S + 30, made.knobs, by_s=3600.0))
    said: list[tuple[float, bytes]] = []

    def overheard(data: bytes) -> bytes:
        said.append((wire.now_s, data))
        return data

    wire.spoil = overheard
    wire.run(60.0)
    an_hour_on = bytes.fromhex("2023111423")  # 1 700 000 000 s is 22:13:20 on that day
    assert {at_s > START_S + 30 for at_s, data in said if an_hour_on in data} == {True}
    assert [one.device_time for one in wire.observations()] == [time for _, time in _device_times("intellivue", None)]


@pytest.mark.parametrize("kind", [kind for kind in CLOCKED if kind != "intellivue"])
def test_a_clock_leaps_and_the_values_go_on(kind: str) -> None:
    leapt, straight = (_device_times(kind, by_s) for by_s in (3600.0, None))
    assert [time for at_s, time in leapt if at_s < 30] == [time for at_s, time in straight if at_s < 30]
    assert {time for at_s, time in leapt if at_s > 32}.isdisjoint(time for _, time in straight)


def _device_times(kind: str, by_s: float | None) -> list[tuple[float, str]]:
    made = make(kind)
    leaps = made.device if by_s is None else clock_leap(made.device, START_S + 30, made.knobs, by_s=by_s)
    wire = talk(kind, leaps)
    wire.run(60.0)
    observations = [(at_s - START_S, one) for at_s, one in wire.outputs if isinstance(one, Observation)]
    assert len(observations) >= 8
    return [(at_s, one.device_time) for at_s, one in observations]


def test_every_kind_is_found_by_a_plan() -> None:
    for kind, its in KINDS.items():
        plan = MonitorPlan(id="it", kind=kind) if kind in MONITORS else pump_plan(kind)
        assert kind_of(plan) is its


@pytest.mark.parametrize(
    "changes",
    [{"heart_disease": True}, {"age_years": 70}, {"clearance": Decimal("0.4")}],
    ids=lambda changes: next(iter(changes)),
)
def test_who_the_patient_is_decides_how_heart_and_vessels_answer(changes: dict[str, Any]) -> None:
    plan = PumpPlan(
        id="pump",
        kind="space",
        serial_number="012345",
        drug="KETAMINE",
        concentration_mg_per_ml=Decimal(10),
        weight_kg=Decimal(70),
        rate_ml_per_h=Decimal(7),
        started=True,
        order=None,
    )
    heart_rates: list[int] = []
    for bed in (replace(BED, devices=(plan,)), replace(BED, devices=(plan,), **changes)):
        pump = make_pump(plan, 0.0).pump
        assert pump is not None
        patient = BedPatient(bed, [pump], 1.0)
        for minute in range(61):
            seen = patient.vitals(60.0 * minute)
        heart_rates.append(seen.heart_rate_per_min or 0)
    assert heart_rates[1] > heart_rates[0]


def test_a_patient_whose_sensors_are_disturbed_is_the_same_patient() -> None:
    shown, true = BedPatient(replace(BED, artefacts=True), (), 1.0), BedPatient(BED, (), 1.0)
    seen = [(shown.vitals(float(second)), true.vitals(float(second))) for second in range(0, 7200, 2)]
    share = sum(one == other for one, other in seen) / len(seen)
    assert 0.5 < share < 1.0
