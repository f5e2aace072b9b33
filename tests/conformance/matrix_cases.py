"""The devices of the conformance matrix: one a driver, its truth, and the beds of the core that it is at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from drivers import registry
from drivers.model import DeviceKind, Driver, IdentitySupport, Quantity, SessionOptions
from edge.core.config import BedConfig, Binding, CoreConfig, IdentityPolicy, PortConfig
from edge.core.inputs import Input
from simulators import ward
from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.faults_device import Knobs
from simulators.faults_knobs import PumpKnobs, SpaceKnobs, VitalsFeed
from simulators.model import SimulatedDevice
from simulators.new_era_ne1000 import NewEraPump
from simulators.pump import PumpModel
from simulators.pump_terms import Therapy
from simulators.scenario_devices import MONITORS, PUMPS, Made, MonitorKind, PumpKind
from simulators.scenario_model import MonitorPlan, PumpPlan
from tests.conformance.matrix_rig import Line, Rig
from tests.conformance.matrix_truth import CUFF_S, MonitorTruth, PumpTruth, Truth
from tests.core_world import KETAMINE, START_S, order, place
from tests.core_world import pump as pump_sample

Q = Quantity
RATE_ML_PER_H = Decimal("7.00")
PORTS = ("port-1", "port-2")
BEDS = ("bed-1", "bed-2")
OTHERS_S = 18.0
"""How far the second patient is ahead of the first: none of their values of a moment is the same."""

_SIGNS = {"heart_rate": Q.HEART_RATE, "spo2": Q.SPO2, "respiratory_rate": Q.RESPIRATORY_RATE}
_KINDS = {
    "alaris-asena": "asena",
    "bbraun-space": "space",
    "fresenius-orchestra": "orchestra",
    "ge-dri": "dri",
    "philips-intellivue": "intellivue",
    "ivy-450c": "ivy",
    "masimo-ascii": "masimo",
    "nellcor-ascii": "nellcor",
    "nonin-ascii": "nonin",
    "nonin-df2": "nonin-df2",
}


_ALIVE = "ADMIN:ALIVE"
_RECORDERS = ("violation_count", "forbidden_count", "forbidden_byte_count", "forbidden", "heard")
"""Where a simulator keeps what a host said that only asks nothing: each kind has one of these."""


def refused_by(device: SimulatedDevice) -> int:
    """Return how much a simulator has heard that is none of the questions it knows.

    A rack is asked whether it lives in both forms of its line, until it answers in one: that asks, too.
    """
    if isinstance(device, SpaceRack):
        return sum(not (row.message.reason == "stuffing" and _ALIVE in row.message.text) for row in device.violations)
    kept = next(getattr(device, name) for name in _RECORDERS if hasattr(device, name))
    return kept if isinstance(kept, int) else len(kept)


@dataclass(slots=True)
class Device:
    """One simulated device, what it can be made to do, and what it truly holds; ``inner`` is it without any fault."""

    device: SimulatedDevice
    inner: SimulatedDevice
    knobs: Knobs
    truth: Truth
    pump: PumpModel | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A driver and how to make its device: ``maker`` is told which of two beds it is at, and the time."""

    driver: Driver
    channel: str
    maker: Callable[[int, float], Device]
    baud: int
    signs: tuple[Quantity, ...] = ()

    def make(self, bed: int, at_s: float = START_S) -> Device:
        """Make its device at one of two beds."""
        return self.maker(bed, at_s)

    @property
    def round_s(self) -> float:
        return self.driver.session(SessionOptions("port", (self.channel,))).round_s

    @property
    def baseline(self) -> frozenset[str]:
        """What stands at a bed whose device is well: a pump that tells no state has no dose that can be relied on."""
        return frozenset({"DOSE_INPUT_MISSING"} if self.driver.name == "fresenius-orchestra" else ())

    @property
    def is_pump(self) -> bool:
        return self.driver.kind is DeviceKind.PUMP

    @property
    def tells_serial(self) -> bool:
        return self.driver.identity is IdentitySupport.SERIAL_NUMBER


def case(name: str) -> Case:
    """Return the case of a driver."""
    driver = registry.driver(name)
    if name == "bbraun-space-cyclic":
        return Case(driver, "11", _cyclic, 9600)
    if name == "new-era-ne1000":
        return Case(driver, "0", _new_era, driver.line.baud)
    kind = _KINDS[name]
    if kind in PUMPS:
        pump_kind = PUMPS[kind]
        return Case(driver, pump_kind.channel, lambda bed, at_s: _pump(kind, bed, at_s), pump_kind.line.baud)
    monitor = MONITORS[kind]
    signs = tuple(_SIGNS[sign] for sign in monitor.vital_signs if sign in _SIGNS)
    return Case(driver, monitor.channel, lambda bed, at_s: _monitor(kind, bed, at_s, signs), monitor.line.baud, signs)


def _serial(kind: str, bed: int) -> str:
    kinds: dict[str, PumpKind | MonitorKind] = {**PUMPS, **MONITORS}
    of = kinds[kind].serial_number
    return "" if of is None else of(bed)


def _pump(kind: str, bed: int, at_s: float) -> Device:
    plan = PumpPlan(
        id=PORTS[bed],
        kind=kind,
        serial_number=_serial(kind, bed) or f"DPS-{bed}",
        drug="KETAMINE",
        concentration_mg_per_ml=Decimal(10),
        weight_kg=Decimal(70),
        rate_ml_per_h=RATE_ML_PER_H * (1 + bed),
        started=True,
        order=None,
    )
    return _of_pump(PUMPS[kind].make(plan, at_s), _serial(kind, bed))


def _of_pump(made: Made, serial_number: str) -> Device:
    assert made.pump is not None
    return Device(made.device, made.device, made.knobs, PumpTruth(serial_number, made.pump), made.pump)


def _cyclic(bed: int, at_s: float) -> Device:
    serial = _serial("space", bed)
    therapy = Therapy(drug="KETAMINE", concentration=Decimal(10), weight_kg=Decimal(70), dose_mode=True)
    pump, rack = ward.running_rack(at_s, serial_number=serial, rate_ml_per_h=RATE_ML_PER_H * (1 + bed), therapy=therapy)
    rack = SpaceRack(SpaceOptions(parameters=ward.PARAMETERS, cyclic_interval_s=2.0), {ward.SLOT: pump})
    return _of_pump(Made(rack, SpaceKnobs(rack, ward.SLOT), pump), serial)


def _new_era(bed: int, at_s: float) -> Device:
    pump = PumpModel(now_s=at_s)
    pump.set_rate(at_s, RATE_ML_PER_H * (1 + bed))
    pump.start(at_s)
    return _of_pump(Made(NewEraPump(pump), PumpKnobs(pump), pump), "")


def _monitor(kind: str, bed: int, at_s: float, signs: tuple[Quantity, ...]) -> Device:
    serial = _serial(kind, bed)
    truth = MonitorTruth(serial, signs, OTHERS_S * bed)
    made = MONITORS[kind].make(
        MonitorPlan(id=PORTS[bed], kind=kind, serial_number=serial), VitalsFeed(truth.vitals), CUFF_S, at_s
    )
    return Device(made.device, made.device, made.knobs, truth)


def rig_of(one: Case, devices: tuple[Device | None, ...]) -> Rig:
    """Put devices at the lines of a ward: each bed has one of them, and a monitor's bed a pump that is well besides."""
    driver = one.driver
    lines = [
        Line(port, driver, one.channel, made.device if made else None, made.truth if made else None)
        for port, made in zip(PORTS, devices, strict=False)
    ]
    recorders = [partial(refused_by, made.inner) for made in devices if made is not None]
    ports = [
        PortConfig(
            port.port,
            driver.name,
            driver.kind,
            driver.nibp_time,
            one.round_s,
            driver.experimental,
            bool(driver.freshness),
        )
        for port in lines
    ]
    beds, wells = [], []
    for number, line in enumerate(lines):
        binding = Binding(line.port, one.channel, _bound(one, number), _policy(one))
        if one.is_pump:
            beds.append(BedConfig(BEDS[number], f"Bed {number + 1}", (binding,), (), (), 300.0))
        else:
            well = Binding(f"well-{number}", "0")
            wells.append(well)
            ports.append(
                replace(ports[0], port=well.port, driver="well", kind=DeviceKind.PUMP, freshness=False, round_s=1.0)
            )
            beds.append(BedConfig(BEDS[number], f"Bed {number + 1}", (well,), (binding,), one.signs, 300.0))
    config = CoreConfig("ward", "edge-1", tuple(ports), tuple(beds), (), (KETAMINE,), ())

    def background(now_s: float) -> list[Input]:
        said: list[Input] = [pump_sample(now_s, where=(well.port, well.channel)) for well in wells]
        if now_s == START_S and one.is_pump:
            said += [
                replace(
                    place(now_s, order((line.port, line.channel), step=f"{1 + number}"), BEDS[number]),
                    request_id=f"order-{number}",
                )
                for number, line in enumerate(lines)
            ]
        return said

    return Rig(config, lines, background, recorders)


def _bound(one: Case, number: int) -> str:
    kind = "space" if one.driver.name == "bbraun-space-cyclic" else _KINDS.get(one.driver.name, "")
    return _serial(kind, number) if one.tells_serial else ""


def _policy(one: Case) -> IdentityPolicy:
    return IdentityPolicy.CONFIRM if one.is_pump else IdentityPolicy.PINNED
