"""The patient of a bed in a scenario: what every monitor there measures, and what happens to the patient beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from simulators.patient import Patient, Person, Vitals
from simulators.patient_infusion import DrugLine, InfusedPatient
from simulators.patient_measurement import Measured
from simulators.pump import PumpModel
from simulators.scenario_model import BedPlan

VITALS = {
    "heart-rate": "heart_rate_per_min",
    "respiratory-rate": "respiratory_rate_per_min",
    "spo2": "spo2_percent",
    "etco2": "etco2_mmhg",
}
"""What an event can bring to a value, whatever the drug does: its name, and the field of ``Vitals``."""

_MOST = {"spo2_percent": 100}


@dataclass(frozen=True, slots=True)
class _Drift:
    """A shift of a vital sign from one amount to another."""

    before: float
    after: float
    from_s: float
    over_s: float

    def at(self, now_s: float) -> float:
        part = 1.0 if self.over_s <= 0.0 else min(1.0, (now_s - self.from_s) / self.over_s)
        return self.before + (self.after - self.before) * part


class BedPatient:
    """The patient of a bed with its pumps' lines. With ``speed``, drug, airway and cuff are so many times faster."""

    def __init__(self, plan: BedPlan, pumps: Sequence[PumpModel], speed: float) -> None:
        self._patient = Patient(
            plan.seed,
            person=Person(
                weight_kg=float(plan.weight_kg),
                age_years=plan.age_years,
                heart_disease=plan.heart_disease,
                clearance_factor=float(plan.clearance),
            ),
            time_scale=speed,
            cuff_interval_s=plan.cuff_interval_s / speed,
        )
        lines = [
            DrugLine(pump, pump_plan.concentration_mg_per_ml) for pump, pump_plan in zip(pumps, plan.pumps, strict=True)
        ]
        self._infused = InfusedPatient(self._patient, lines)
        self._drifts: dict[str, _Drift] = {}
        self._shown: Callable[[float], Vitals] = self._true
        if plan.artefacts:
            self._shown = Measured(self._true, plan.seed)

    def vitals(self, now_s: float) -> Vitals:
        """Return the vital signs now, as sensors show them."""
        return self._shown(now_s)

    def _true(self, now_s: float) -> Vitals:
        vitals = self._infused.vitals(now_s)
        shown: dict[str, int] = {}
        for name, drift in self._drifts.items():
            value: int | None = getattr(vitals, name)
            if value is not None:
                shifted = max(0, round(value + drift.at(now_s)))
                shown[name] = min(_MOST.get(name, shifted), shifted)
        return replace(vitals, **shown)

    def drift(self, vital: str, to: float, over_s: float, now_s: float) -> None:
        """Bring a vital sign to a value within a time; it goes on drifting there."""
        name = VITALS[vital]
        value: int | None = getattr(self._infused.vitals(now_s), name)
        if value is not None:
            before = self._drifts[name].at(now_s) if name in self._drifts else 0.0
            self._drifts[name] = _Drift(before, to - value, now_s, over_s)

    def secrete(self, severity: float, now_s: float) -> None:
        """Let secretions gather in the airway."""
        self._infused.vitals(now_s)  # the drug of until now first
        self._patient.secrete(now_s, severity)

    def suction(self, now_s: float) -> None:
        """Clear the airway."""
        self._infused.vitals(now_s)
        self._patient.suction(now_s)
