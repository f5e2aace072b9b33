"""The ward of the demonstration: four beds, each with a pump and a monitor, and five minutes of what happens to them.

Bed 1 is calm: ketamine at 1.0 mg/kg/h. Bed 2 is stepped up past the hard limit of 2.5 mg/kg/h and later back to what
was ordered, and the heart rate and blood pressure of its patient, who has a heart disease, follow the dose that the
pump really delivers. At bed 3 the line is occluded until somebody opens the clamp; at bed 4 the monitor's cable is
pulled and plugged in again. The cuffs, and what the drug does at bed 2, run faster than life.
"""

from __future__ import annotations

from decimal import Decimal

from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.ivy_450c import IvyMonitor
from simulators.model import SimulatedDevice
from simulators.patient import Baseline, Patient, Person
from simulators.patient_infusion import DrugLine, InfusedPatient
from simulators.player import Player
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec, Therapy

WEIGHT_KG = Decimal(70)
CONCENTRATION_MG_PER_ML = Decimal(10)
USUAL_PUMP = PumpSpec()
SLOT = (1, 1)
PARAMETERS = frozenset(
    {"GNNEW", "GNMODEL", "INSERNUM", "DSSTATUS", "INRT", "INVI", "INVTB", "INRMT", "INVOLACT"}
    | {"INSOL", "INDCON", "INDCONU", "INDORT", "INDORTU", "PATW", "INBORT", "INBOVAL", "INBOCNT"}
    | {f"INM{number}" for number in (1, 2, 3, 5, 6, 8, 10, 14)}
    | {f"INA{number}" for number in (1, 2, 3, 5, 7, 8, 9, 11, 12, 16)}
)
"""What the site sends: few enough for one answer a second at 9600 baud."""

STEPS = ((5.0, "1.5"), (10.0, "2.0"), (15.0, "2.7"), (60.0, "1.0"), (120.0, "0.5"))
"""What is done to the pump of bed 2: seconds from the start, and the new dose rate in mg/kg/h."""

STEPPED_BED = 2
STEPPED_PERSON = Person(heart_disease=True)
STEPPED_BASELINE = Baseline(heart_rate_per_min=94)
"""Near enough to the limit of 120 /min that the steps bring the heart rate above it, and the way back below."""

OCCLUDED_S, RELEASED_S, RESTARTED_S = 90.0, 170.0, 180.0
OCCLUSION_VOLUME_ML = Decimal("0.02")
"""At 7 mL/h the pump finds its occlusion ten seconds after the line is shut; in life it is minutes."""

PULLED_S, PLUGGED_S = 130.0, 220.0
"""When the cable of bed 4's monitor is out."""

TIME_SCALE = 60.0
CUFF_S = 20.0


def rate_ml_per_h(dose_mg_per_kg_per_h: str) -> Decimal:
    """Return the pump rate that gives a dose to the demonstration's patient."""
    exact = Decimal(dose_mg_per_kg_per_h) * WEIGHT_KG / CONCENTRATION_MG_PER_ML
    return exact.quantize(Decimal("0.01"))


def pumps(now_s: float) -> tuple[tuple[PumpModel, SpaceRack], ...]:
    """Return the pumps of the beds, to which all happens that is going to, each with its rack."""
    beds = tuple(_pump(f"01234{4 + bed}", now_s) for bed in range(1, 5))
    (stepped, _), (occluded, _) = beds[1:3]
    for at_s, dose in STEPS:
        stepped.schedule(now_s + at_s, PumpModel.set_rate, rate_ml_per_h(dose))
    occluded.schedule(now_s + OCCLUDED_S, PumpModel.occlude)
    for what in (PumpModel.release, PumpModel.acknowledge):
        occluded.schedule(now_s + RELEASED_S, what)
    occluded.schedule(now_s + RESTARTED_S, PumpModel.start)
    return beds


def devices(now_s: float, recording: bytes | None) -> dict[str, SimulatedDevice]:
    """Return the devices by the names of their lines; a ``recording`` plays on the monitor of bed 1."""
    found: dict[str, SimulatedDevice] = {}
    for bed, (pump, rack) in enumerate(pumps(now_s), 1):
        if bed == STEPPED_BED:
            patient = Patient(bed, STEPPED_BASELINE, STEPPED_PERSON, time_scale=TIME_SCALE, cuff_interval_s=CUFF_S)
        else:
            patient = Patient(bed, cuff_interval_s=CUFF_S)
        infused = InfusedPatient(patient, [DrugLine(pump, CONCENTRATION_MG_PER_ML)])
        found |= {f"bed-{bed}-pump": rack, f"bed-{bed}-monitor": IvyMonitor(infused.vitals)}
    if recording is not None:
        found["bed-1-monitor"] = Player(recording, loop=True)
    return found


def unplugged(name: str) -> tuple[float, float] | None:
    """Return from when to when, in seconds from the start, the plug of a line is out."""
    return (PULLED_S, PLUGGED_S) if name == "bed-4-monitor" else None


def running_rack(
    now_s: float,
    *,
    serial_number: str,
    rate_ml_per_h: Decimal,
    therapy: Therapy,
    started: bool = True,
    occlusion_volume_ml: Decimal = USUAL_PUMP.occlusion_volume_ml,
) -> tuple[PumpModel, SpaceRack]:
    """Return a pump at a rate, and the rack that it stands in. Raises ValueError for what no pump can do."""
    spec = PumpSpec(serial_number=serial_number, occlusion_volume_ml=occlusion_volume_ml)
    pump = PumpModel(spec, therapy=therapy, now_s=now_s)
    pump.set_rate(now_s, rate_ml_per_h)
    if started:
        pump.start(now_s)
    bed_id = f"ICU{serial_number[-1:]}"
    return pump, SpaceRack(SpaceOptions(bed_id=bed_id, parameters=PARAMETERS), {SLOT: pump})


def _pump(serial_number: str, now_s: float) -> tuple[PumpModel, SpaceRack]:
    therapy = Therapy(drug="KETAMINE", concentration=CONCENTRATION_MG_PER_ML, weight_kg=WEIGHT_KG, dose_mode=True)
    return running_rack(
        now_s,
        serial_number=serial_number,
        rate_ml_per_h=rate_ml_per_h("1.0"),
        therapy=therapy,
        occlusion_volume_ml=OCCLUSION_VOLUME_ML,
    )
