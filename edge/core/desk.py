"""Where acts of a therapy are carried out: who asks, at which bed, for whom; and how one is refused.

A refusal says what is wrong and how to mend it, in words for a nurse. It changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from edge.core.alarms import Register
from edge.core.attention import Attention
from edge.core.config import Binding
from edge.core.inputs import Role
from edge.core.ledger import Ledger
from edge.core.model import Instant
from edge.core.state import Ward
from edge.core.therapy import ChannelRole, Patient
from edge.core.therapy_acts import Place
from edge.core.therapy_state import CASE, Case, TherapyState
from edge.core.view import BedView

CASES_MAX = 1000
"""Of so many patients the last weight is remembered: ten a day for three months."""


class RefusedError(Exception):
    """An act is not carried out; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: ``name`` as it is kept (station and user), the user alone, and what the user may."""

    name: str
    user: str
    role: Role


@dataclass(frozen=True, slots=True)
class Desk:
    """One asker at the beds of an edge. Every method refuses what cannot be meant."""

    ward: Ward
    ledger: Ledger
    attention: Attention
    register: Register
    asker: Asker

    @property
    def now(self) -> Instant:
        """The moment of the step."""
        return self.ledger.now

    def view(self, bed: str) -> BedView:
        """Return a bed."""
        view = self.ward.views.get(bed)
        if view is None:
            raise RefusedError(f"there is no bed {bed}")
        return view

    def patient(self, bed: str, case: str) -> tuple[BedView, Patient]:
        """Return a bed and its patient, who must be the one that the asker saw (H-09)."""
        view = self.view(bed)
        patient = view.state.therapy.patient
        if patient is None:
            raise RefusedError(f"{view.config.label} has no patient: start the patient first (start-patient)")
        if patient.case != case:
            raise RefusedError(f"{view.config.label} has the case {patient.case}, not {case}: look which bed is meant")
        return view, patient

    def pump(self, place: Place) -> tuple[BedView, Binding]:
        """Return a bed and its pump channel: the one that is named, or the only one that is there for an order."""
        view = self.view(place.bed)
        if not place.port:
            free = [pump for pump in view.config.pumps if self._is_ordered(view, pump)]
            if len(free) != 1:
                raise RefusedError(f"say which pump channel is meant: {_listed(view.config.pumps) or 'there is none'}")
            return view, free[0]
        for pump in view.config.pumps:
            if (pump.port, pump.channel) == (place.port, place.channel):
                return view, pump
        has = _listed(view.config.pumps) or "none"
        raise RefusedError(
            f"{place.port} channel {place.channel} is no pump of {view.config.label}, which has {has}: "
            "look which bed and channel are meant"
        )

    def require_user(self) -> str:
        """Return the asker's user; an order names its people."""
        if not self.asker.user:
            raise RefusedError("it is not known who asks: log in with a name of your own")
        return self.asker.user

    def treat(self, view: BedView, therapy: TherapyState) -> None:
        """Put a therapy in force, and keep it."""
        self.ward.treat(view.config.bed, therapy, self.now)

    def remember_case(self, patient: Patient) -> None:
        """Keep a patient's weight for the next treatment; over the bound the one seen longest ago is forgotten."""
        cases = self.ward.state.cases
        cases.pop(patient.case, None)
        cases[patient.case] = Case(patient.case, patient.weight_kg, self.now)
        self.ward.kept["", f"{CASE}:{patient.case}"] = cases[patient.case]
        if len(cases) > CASES_MAX:
            oldest = next(iter(cases))
            del cases[oldest]
            self.ward.kept["", f"{CASE}:{oldest}"] = None

    def reweigh(self, therapy: TherapyState, weight_kg: Decimal) -> TherapyState:
        """Return a therapy whose patient has another weight, which is remembered."""
        patient = therapy.patient
        if patient is None or patient.weight_kg == weight_kg:
            return therapy
        patient = replace(patient, weight_kg=weight_kg, rev=patient.rev + 1)
        self.remember_case(patient)
        return replace(therapy, patient=patient)

    @staticmethod
    def _is_ordered(view: BedView, pump: Binding) -> bool:
        return view.state.therapy.role(pump.port, pump.channel) is ChannelRole.ORDERED


def _listed(pumps: tuple[Binding, ...]) -> str:
    return ", ".join(f"{pump.port} channel {pump.channel}" for pump in pumps)
