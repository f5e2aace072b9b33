"""The ward of the demonstration: two beds, each with a pump and a monitor, and what happens to them.

Bed 1 is calm: ketamine at 1.0 mg/kg/h. Bed 2 is stepped up past the hard limit of 2.5 mg/kg/h and later back to what
was ordered, and its patient's heart rate and blood pressure follow the dose that the pump really delivers. Effects and
cuff run faster than life.
"""

from __future__ import annotations

from decimal import Decimal

from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.ivy_450c import IvyMonitor
from simulators.model import SimulatedDevice
from simulators.patient import Patient
from simulators.patient_infusion import DrugLine, InfusedPatient
from simulators.player import Player
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec, Therapy

WEIGHT_KG = Decimal(70)
CONCENTRATION_MG_PER_ML = Decimal(10)
SLOT = (1, 1)
PARAMETERS = frozenset(
    {"GNNEW", "GNMODEL", "INSERNUM", "DSSTATUS", "INRT", "INVI", "INVTB", "INRMT", "INVOLACT"}
    | {"INSOL", "INDCON", "INDCONU", "INDORT", "INDORTU", "PATW", "INBORT", "INBOVAL", "INBOCNT"}
    | {f"INM{number}" for number in (1, 2, 3, 5, 6, 8, 10, 14)}
    | {f"INA{number}" for number in (1, 2, 3, 5, 7, 8, 9, 11, 12, 16)}
)
"""What the site sends: few enough for one answer a second at 9600 baud."""

STEPS = ((5.0, "1.5"), (10.0, "2.0"), (15.0, "2.7"), (45.0, "1.0"))
"""What is done to the pump of bed 2: seconds from the start, and the new dose rate in mg/kg/h."""

TIME_SCALE = 60.0
CUFF_INTERVAL_S = 20.0


def rate_ml_per_h(dose_mg_per_kg_per_h: str) -> Decimal:
    """Return the pump rate that gives a dose to the demonstration's patient."""
    exact = Decimal(dose_mg_per_kg_per_h) * WEIGHT_KG / CONCENTRATION_MG_PER_ML
    return exact.quantize(Decimal("0.01"))


def devices(now_s: float, recording: bytes | None) -> dict[str, SimulatedDevice]:
    """Return the devices by the names of their lines; a ``recording`` plays on the monitor of bed 1."""
    calm, calm_rack = _pump("012345", now_s)
    stepped, stepped_rack = _pump("012346", now_s)
    for at_s, dose in STEPS:
        stepped.schedule(now_s + at_s, PumpModel.set_rate, rate_ml_per_h(dose))
    monitor: SimulatedDevice = _monitor(1, calm) if recording is None else Player(recording, loop=True)
    return {
        "bed-1-pump": calm_rack,
        "bed-1-monitor": monitor,
        "bed-2-pump": stepped_rack,
        "bed-2-monitor": _monitor(2, stepped),
    }


def running_rack(
    now_s: float, *, serial_number: str, rate_ml_per_h: Decimal, therapy: Therapy, started: bool = True
) -> tuple[PumpModel, SpaceRack]:
    """Return a pump at a rate, and the rack that it stands in. Raises ValueError for what no pump can do."""
    pump = PumpModel(PumpSpec(serial_number=serial_number), therapy=therapy, now_s=now_s)
    pump.set_rate(now_s, rate_ml_per_h)
    if started:
        pump.start(now_s)
    bed_id = f"ICU{serial_number[-1:]}"
    return pump, SpaceRack(SpaceOptions(bed_id=bed_id, parameters=PARAMETERS), {SLOT: pump})


def _pump(serial_number: str, now_s: float) -> tuple[PumpModel, SpaceRack]:
    therapy = Therapy(drug="KETAMINE", concentration=CONCENTRATION_MG_PER_ML, weight_kg=WEIGHT_KG, dose_mode=True)
    return running_rack(now_s, serial_number=serial_number, rate_ml_per_h=rate_ml_per_h("1.0"), therapy=therapy)


def _monitor(seed: int, pump: PumpModel) -> IvyMonitor:
    patient = Patient(seed, time_scale=TIME_SCALE, cuff_interval_s=CUFF_INTERVAL_S)
    return IvyMonitor(InfusedPatient(patient, [DrugLine(pump, CONCENTRATION_MG_PER_ML)]).vitals)
