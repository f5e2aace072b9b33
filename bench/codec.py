"""How many bytes of a device a driver takes in a second of one core, and how many lines of that device this would be.

A conversation of driver and simulator is recorded once, in virtual time; then a fresh session hears it again and again,
cut as the line cuts it: USB adapters hand over what arrived in some 16 ms, a busy loop finds whole messages. What a
session does between the bytes, its questions and its ticks, is in the time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bench.messages import GOOD_SPO2_PERCENT, vary
from drivers import registry
from drivers.model import Driver, Observation, Output, Send, SessionOptions
from simulators.alaris_asena import running_pump
from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.fresenius_orchestra import running_base
from simulators.ge_dri import DriMonitor
from simulators.intellivue import IntelliVueMonitor
from simulators.ivy_450c import IvyMonitor
from simulators.masimo_ascii import MasimoOximeter
from simulators.model import SimulatedDevice
from simulators.nellcor_ascii import NellcorOximeter
from simulators.new_era_ne1000 import NewEraPump
from simulators.nonin import NoninAscii, NoninFormat2
from simulators.pump import PumpModel
from simulators.pump_terms import Therapy

RECORDED_S = 60.0
SLICE_S = 0.016
"""The latency timer of FTDI's adapters."""

BITS_PER_BYTE = 10
"""8N1 and 7E1; the line of 8E1 is slower by a tenth, so its multiple is rather told too low."""

ONE_MESSAGE = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What a session was called with: bytes, or the time alone."""

    data: bytes
    now_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """A driver's throughput. ``cut_bytes`` 0: messages come whole. ``line_multiple``: of its line's speed."""

    driver: str
    cut_bytes: int
    bytes_per_s: float
    line_multiple: float
    reading_us: float


def measure(window_s: float) -> list[Result]:
    """Measure every driver, each for ``window_s`` of processor time, twice."""
    results = []
    for name in registry.names():
        driver = registry.driver(name)
        slice_bytes = int(driver.line.baud / BITS_PER_BYTE * SLICE_S)
        for cut_bytes in (slice_bytes, ONE_MESSAGE):
            calls, _ = record(driver, DEVICES[name](), RECORDED_S, cut_bytes)
            results.append(_throughput(driver, calls, cut_bytes, window_s))
    return results


def rack() -> dict[tuple[int, int], PumpModel]:
    """Return two running pumps in their places: 10 mg/mL for 70 kg at 7 mL/h."""
    therapy = Therapy(drug="KETAMINE", concentration=Decimal(10), weight_kg=Decimal(70), dose_mode=True)
    pumps = {}
    for slot in (1, 2):
        pump = PumpModel(therapy=therapy)
        pump.set_rate(0.0, Decimal(7))
        pump.start(0.0)
        pumps[1, slot] = pump
    return pumps


def _base() -> SimulatedDevice:
    return running_base(0.0, {"1": Decimal("7.0"), "2": Decimal("12.5")})


def _laboratory_pump() -> SimulatedDevice:
    pump = PumpModel()
    pump.set_rate(0.0, Decimal("7.00"))
    pump.start(0.0)
    return NewEraPump(pump)


DEVICES: dict[str, Callable[[], SimulatedDevice]] = {
    "alaris-asena": lambda: running_pump(0.0, rate_ml_per_h=Decimal("7.00"))[1],
    "bbraun-space": lambda: SpaceRack(SpaceOptions(), rack()),
    "bbraun-space-cyclic": lambda: SpaceRack(SpaceOptions(cyclic_interval_s=1.0), rack()),
    "fresenius-orchestra": _base,
    "ge-dri": lambda: DriMonitor(vary(GOOD_SPO2_PERCENT)),
    "ivy-450c": lambda: IvyMonitor(vary(GOOD_SPO2_PERCENT)),
    "masimo-ascii": lambda: MasimoOximeter(vary(GOOD_SPO2_PERCENT)),
    "nellcor-ascii": lambda: NellcorOximeter(vary(GOOD_SPO2_PERCENT)),
    "new-era-ne1000": _laboratory_pump,
    "nonin-ascii": lambda: NoninAscii(vary(GOOD_SPO2_PERCENT)),
    "nonin-df2": lambda: NoninFormat2(vary(GOOD_SPO2_PERCENT)),
    "philips-intellivue": lambda: IntelliVueMonitor(vary(GOOD_SPO2_PERCENT)),
}
"""A device for every driver, running and well."""


def record(
    driver: Driver, device: SimulatedDevice, lasting_s: float, cut_bytes: int = ONE_MESSAGE
) -> tuple[list[Heard], list[Observation]]:
    """Let driver and device converse without delay; return the session's calls, and the observations it made."""
    session = driver.session(SessionOptions("port"))
    calls: list[Heard] = []
    observations: list[Observation] = []
    now_s = 0.0

    def obey(outputs: list[Output]) -> bytes:
        observations.extend(output for output in outputs if isinstance(output, Observation))
        return b"".join(device.feed(output.data, now_s) for output in outputs if isinstance(output, Send))

    said = device.start(now_s) + obey(list(session.start(now_s)))
    while now_s < lasting_s:
        while said:
            cut, said = said[: cut_bytes or None], said[cut_bytes:] if cut_bytes else b""
            calls.append(Heard(cut, now_s))
            said += obey(list(session.feed(cut, now_s)))
        now_s = min((at for at in (session.deadline_s, device.deadline_s) if at is not None), default=math.inf)
        if device.deadline_s is not None and device.deadline_s <= now_s:
            said = device.tick(now_s)
        if session.deadline_s is not None and session.deadline_s <= now_s:
            calls.append(Heard(b"", now_s))
            said += obey(list(session.tick(now_s)))
    return calls, observations


def replay(driver: Driver, calls: list[Heard]) -> int:
    """Let a fresh session hear a recorded conversation; return how many observations it made of it."""
    session = driver.session(SessionOptions("port"))
    session.start(0.0)
    observations = 0
    for call in calls:
        outputs = session.feed(call.data, call.now_s) if call.data else session.tick(call.now_s)
        observations += sum(isinstance(output, Observation) for output in outputs)
    return observations


def _throughput(driver: Driver, calls: list[Heard], cut_bytes: int, window_s: float) -> Result:
    taken = readings = 0
    began_s = time.process_time()
    while (lasted_s := time.process_time() - began_s) < window_s:
        readings += replay(driver, calls)
        taken += sum(len(call.data) for call in calls)
    per_s = taken / lasted_s
    line_per_s = driver.line.baud / BITS_PER_BYTE
    return Result(driver.name, cut_bytes, per_s, per_s / line_per_s, 1e6 * lasted_s / max(1, readings))
