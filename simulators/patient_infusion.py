"""A patient at the end of the lines of pumps: what they really deliver reaches the patient, and nothing else does.

The pump is asked what it has delivered, not what it shows or counts: an occluded line gives nothing, its release gives
at once what was trapped. The concentration is the true one of the syringe, whatever was typed into the pump.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from simulators.patient import Patient, Vitals
from simulators.pump import PumpModel


@dataclass(frozen=True, slots=True)
class DrugLine:
    """A pump whose line ends in the patient, and how much ketamine its syringe truly holds in a mL.

    Raises ``ValueError`` for a negative concentration; 0 is a line without ketamine.
    """

    pump: PumpModel
    concentration_mg_per_ml: Decimal

    def __post_init__(self) -> None:
        if not (self.concentration_mg_per_ml.is_finite() and self.concentration_mg_per_ml >= 0):
            raise ValueError(f"a concentration of {self.concentration_mg_per_ml} mg/mL cannot be")

    def delivered_mg(self, now_s: float) -> Fraction:
        """Return what has reached the patient since the pump was made."""
        return self.pump.delivered_ml(now_s) * Fraction(self.concentration_mg_per_ml)


class InfusedPatient:
    """A patient on drug lines. Give ``vitals`` to every monitor that is attached: all see the one patient."""

    def __init__(self, patient: Patient, lines: Sequence[DrugLine]) -> None:
        self.patient = patient
        self._lines = tuple(lines)
        self._delivered_mg = Fraction(0)

    def vitals(self, now_s: float) -> Vitals:
        """Let time pass and the drug come in to ``now_s``, and return the vital signs then."""
        delivered_mg = sum((line.delivered_mg(now_s) for line in self._lines), Fraction(0))
        since_mg, self._delivered_mg = delivered_mg - self._delivered_mg, delivered_mg
        return self.patient.absorb(now_s, float(since_mg))
