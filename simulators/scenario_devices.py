"""The kinds of device that a scenario can have: how each is made, what it is on the line, and which knobs it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from simulators import alaris_asena, ge_dri, intellivue_wire, ward
from simulators.faults_device import Knobs
from simulators.faults_knobs import (
    AsenaKnobs,
    DriKnobs,
    IntelliVueKnobs,
    IvyKnobs,
    OrchestraKnobs,
    OximeterKnobs,
    SpaceKnobs,
    TimedOximeterKnobs,
    VitalsFeed,
)
from simulators.fresenius_orchestra import running_base
from simulators.ge_dri import DriMonitor, DriOptions
from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_setup import IntelliVueOptions
from simulators.ivy_450c import IvyMonitor
from simulators.masimo_ascii import MasimoOximeter
from simulators.model import SimulatedDevice
from simulators.nellcor_ascii import NellcorOximeter
from simulators.nonin import NoninAscii, NoninFormat2
from simulators.oximeter import SerialLine
from simulators.patient import Vitals
from simulators.pump import PumpModel
from simulators.pump_terms import Therapy
from simulators.scenario_model import BedPlan, DevicePlan, MonitorPlan, PumpPlan

ADDRESS = "1"
"""Where the one module of an Orchestra base is."""

_BEDSIDE = ("heart_rate", "spo2", "respiratory_rate", "nibp")
_OXIMETER = ("spo2",)


@dataclass(frozen=True, slots=True)
class Made:
    """One device as it was made."""

    device: SimulatedDevice
    knobs: Knobs
    pump: PumpModel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is common to a kind of device.

    ``driver``, ``channel`` and ``vital_signs`` are the words of the edge's configuration. ``serial_number`` gives the
    n-th device of a scenario its own, counted from 0; it is ``None`` where a device tells none.
    """

    label: str
    driver: str
    line: SerialLine
    knobs: type[Knobs]
    channel: str = "0"
    vital_signs: tuple[str, ...] = ()
    serial_number: Callable[[int], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpKind(Kind):
    """A kind of pump. ``make`` raises ``ValueError`` for what no pump can do."""

    make: Callable[[PumpPlan, float], Made]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorKind(Kind):
    """A kind of monitor; ``make`` gets what it measures and the interval of its cuff."""

    make: Callable[[MonitorPlan, VitalsFeed, float, float], Made]


def kind_of(plan: DevicePlan) -> Kind:
    """Return the kind of a device."""
    return PUMPS[plan.kind] if isinstance(plan, PumpPlan) else MONITORS[plan.kind]


def make_pump(plan: PumpPlan, now_s: float) -> Made:
    """Return a pump. Raises ``ValueError`` for what no pump can do."""
    made = PUMPS[plan.kind].make(plan, now_s)
    if made.pump is not None and plan.counter_step_ml is not None:
        made.pump.spec = replace(made.pump.spec, counter_resolution_ml=plan.counter_step_ml)
    return made


def make_monitor(
    plan: MonitorPlan, bed: BedPlan, vitals: Callable[[float], Vitals], speed: float, now_s: float
) -> Made:
    """Return a monitor; its cuff is so many times faster."""
    return MONITORS[plan.kind].make(plan, VitalsFeed(vitals), bed.cuff_interval_s / speed, now_s)


def _space(plan: PumpPlan, now_s: float) -> Made:
    therapy = Therapy(
        drug=plan.drug, concentration=plan.concentration_mg_per_ml, weight_kg=plan.weight_kg, dose_mode=True
    )
    pump, rack = ward.running_rack(
        now_s,
        serial_number=plan.serial_number,
        rate_ml_per_h=plan.rate_ml_per_h,
        therapy=therapy,
        started=plan.started,
    )
    return Made(rack, SpaceKnobs(rack, ward.SLOT), pump)


def _asena(plan: PumpPlan, now_s: float) -> Made:
    pump, device = alaris_asena.running_pump(
        now_s, serial_number=plan.serial_number, rate_ml_per_h=plan.rate_ml_per_h, started=plan.started
    )
    return Made(device, AsenaKnobs(device), pump)


def _orchestra(plan: PumpPlan, now_s: float) -> Made:
    base = running_base(now_s, {ADDRESS: plan.rate_ml_per_h}, drug=plan.drug, started=plan.started)
    return Made(base, OrchestraKnobs(base, ADDRESS), base.pump(ADDRESS))


def _ivy(_plan: MonitorPlan, feed: VitalsFeed, _cuff_interval_s: float, _now_s: float) -> Made:
    monitor = IvyMonitor(feed)
    return Made(monitor, IvyKnobs(feed, monitor))


def _dri(_plan: MonitorPlan, feed: VitalsFeed, cuff_interval_s: float, _now_s: float) -> Made:
    monitor = DriMonitor(feed, DriOptions(cuff_interval_s=cuff_interval_s))
    return Made(monitor, DriKnobs(feed, monitor))


def _intellivue(_plan: MonitorPlan, feed: VitalsFeed, cuff_interval_s: float, _now_s: float) -> Made:
    monitor = IntelliVueMonitor(feed, IntelliVueOptions(cuff_interval_s=cuff_interval_s))
    return Made(monitor, IntelliVueKnobs(feed, monitor))


def _masimo(plan: MonitorPlan, feed: VitalsFeed, _cuff_interval_s: float, now_s: float) -> Made:
    oximeter = MasimoOximeter(feed, serial_number=plan.serial_number)
    return Made(oximeter, TimedOximeterKnobs(feed, oximeter, now_s))


def _nellcor(_plan: MonitorPlan, feed: VitalsFeed, _cuff_interval_s: float, now_s: float) -> Made:
    oximeter = NellcorOximeter(feed)
    return Made(oximeter, TimedOximeterKnobs(feed, oximeter, now_s))


def _nonin(_plan: MonitorPlan, feed: VitalsFeed, _cuff_interval_s: float, _now_s: float) -> Made:
    oximeter = NoninAscii(feed)
    return Made(oximeter, OximeterKnobs(feed, oximeter))


def _nonin_df2(_plan: MonitorPlan, feed: VitalsFeed, _cuff_interval_s: float, _now_s: float) -> Made:
    oximeter = NoninFormat2(feed)
    return Made(oximeter, OximeterKnobs(feed, oximeter))


PUMPS: Mapping[str, PumpKind] = {
    "space": PumpKind(
        label="B. Braun Space pump",
        driver="bbraun-space",
        line=SerialLine(),
        knobs=SpaceKnobs,
        channel="11",
        serial_number=lambda number: f"{12_345 + number:06d}",
        make=_space,
    ),
    "asena": PumpKind(
        label="Alaris Asena pump",
        driver="alaris-asena",
        line=SerialLine(alaris_asena.BAUD),
        knobs=AsenaKnobs,
        serial_number=lambda number: f"8002-{51_740 + number}",
        make=_asena,
    ),
    "orchestra": PumpKind(
        label="Fresenius Orchestra base with one module",
        driver="fresenius-orchestra",
        line=SerialLine(19_200, 7, "E", 1),
        knobs=OrchestraKnobs,
        channel=ADDRESS,
        make=_orchestra,
    ),
}
MONITORS: Mapping[str, MonitorKind] = {
    "ivy": MonitorKind(
        label="Ivy 450C monitor",
        driver="ivy-450c",
        line=SerialLine(),
        knobs=IvyKnobs,
        vital_signs=_BEDSIDE,
        make=_ivy,
    ),
    "dri": MonitorKind(
        label="GE/Datex-Ohmeda monitor",
        driver="ge-dri",
        line=SerialLine(ge_dri.BAUD, ge_dri.DATA_BITS, ge_dri.PARITY, ge_dri.STOP_BITS),
        knobs=DriKnobs,
        vital_signs=_BEDSIDE,
        make=_dri,
    ),
    "intellivue": MonitorKind(
        label="Philips IntelliVue monitor",
        driver="philips-intellivue",
        line=SerialLine(intellivue_wire.BAUD),
        knobs=IntelliVueKnobs,
        vital_signs=_BEDSIDE,
        make=_intellivue,
    ),
    "masimo": MonitorKind(
        label="Masimo pulse oximeter",
        driver="masimo-ascii",
        line=SerialLine(),
        knobs=TimedOximeterKnobs,
        vital_signs=_OXIMETER,
        serial_number=lambda number: f"{145_838 + number:010d}",
        make=_masimo,
    ),
    "nellcor": MonitorKind(
        label="Nellcor pulse oximeter",
        driver="nellcor-ascii",
        line=SerialLine(),
        knobs=TimedOximeterKnobs,
        vital_signs=_OXIMETER,
        make=_nellcor,
    ),
    "nonin": MonitorKind(
        label="Nonin pulse oximeter, ASCII",
        driver="nonin-ascii",
        line=SerialLine(),
        knobs=OximeterKnobs,
        vital_signs=_OXIMETER,
        make=_nonin,
    ),
    "nonin-df2": MonitorKind(
        label="Nonin pulse oximeter, data format 2",
        driver="nonin-df2",
        line=SerialLine(),
        knobs=OximeterKnobs,
        vital_signs=_OXIMETER,
        make=_nonin_df2,
    ),
}
