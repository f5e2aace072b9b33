"""Acts of the observation round, of doses by hand, and of what a pump channel is for.

Laws:
  * "Choking" is told at once, as high, and so is deep sedation; each stands until a later round says otherwise.
  * What a nurse typed meets the same limits as what a monitor says, where no monitor says it.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from drivers.model import Quantity
from edge.core.desk import Desk, RefusedError
from edge.core.doses import session_of
from edge.core.therapy import ChannelRole, Patient
from edge.core.therapy_acts import DisconnectLine, GiveByHand, Observe, Place, SetRole
from edge.core.therapy_state import MANUAL_DOSES_MAX, ROUNDS_MAX, Disconnected, ManualDose, RoleSet, Round, TypedVital
from edge.core.validate import CANON
from edge.core.view import BedView

TYPED = (
    Quantity.HEART_RATE,
    Quantity.SPO2,
    Quantity.RESPIRATORY_RATE,
    Quantity.NIBP_SYS,
    Quantity.NIBP_DIA,
    Quantity.NIBP_MEAN,
)
"""Vital signs that a nurse can measure by hand."""

RASS_LEAST, RASS_MOST = -5, 4
PAIN_MOST = 10
DOSE_MOST_MG = Decimal(5000)
"""No dose of any drug of the library is larger; it stops slips of a digit."""

DISCONNECTED_MAX_S = 300.0
"""A line is purged within five minutes; a longer time would hide a dose (H-28)."""


def observe(desk: Desk, act: Observe) -> str:
    """Take up a round, and what was measured by hand."""
    view, _ = desk.patient(act.bed, act.case)
    therapy = view.state.therapy
    if act.rass is not None and not RASS_LEAST <= act.rass <= RASS_MOST:
        raise RefusedError(f"RASS {act.rass}: it goes from {RASS_LEAST} to {RASS_MOST}")
    if act.pain is not None and not 0 <= act.pain <= PAIN_MOST:
        raise RefusedError(f"pain {act.pain}: it goes from 0 to {PAIN_MOST}")
    found = (act.airway, act.rass, act.anxiety, act.nausea, act.pain)
    if not act.vital_signs and all(one is None for one in found):
        raise RefusedError("nothing was observed: say what was, or that all is well")
    rounds = therapy.rounds
    if any(one is not None for one in found):
        made = Round(desk.now, desk.asker.name, therapy.phase, *found)
        rounds = (*rounds, made)[-ROUNDS_MAX:]
    typed = {vital.quantity: vital for vital in therapy.typed}
    for quantity, number in act.vital_signs:
        typed[quantity] = _typed(desk, view, quantity, number)
    desk.treat(view, replace(therapy, rounds=rounds, typed=tuple(typed.values())))
    return ""


def _typed(desk: Desk, view: BedView, quantity: Quantity, number: Decimal) -> TypedVital:
    canon = CANON[quantity]
    if quantity not in TYPED:
        raise RefusedError(f"{canon.label} is not measured by hand")
    if quantity in view.config.vital_signs:
        raise RefusedError(f"{canon.label} comes from the monitor of {view.config.label}: it is not typed")
    if not canon.lowest <= number <= canon.highest:
        raise RefusedError(f"{canon.label} {number}: it goes from {canon.lowest} to {canon.highest} {canon.unit}")
    return TypedVital(quantity, number, desk.asker.name, desk.now)


def give_by_hand(desk: Desk, act: GiveByHand) -> str:
    """Take up a dose that was given outside the pump."""
    view, _ = desk.patient(act.bed, act.case)
    therapy = view.state.therapy
    drugs = [drug.drug for drug in view.core.drugs]
    if act.drug not in drugs:
        raise RefusedError(f"the library has no drug {act.drug}: it has {', '.join(drugs)}")
    if not 0 < act.dose_mg <= DOSE_MOST_MG:
        raise RefusedError(f"{act.dose_mg} mg: a dose is more than 0 and at most {DOSE_MOST_MG} mg")
    if len(therapy.manual_doses) >= MANUAL_DOSES_MAX:
        raise RefusedError(f"{MANUAL_DOSES_MAX} doses by hand are entered already, and no more are counted")
    dose = ManualDose(act.drug, act.dose_mg, desk.asker.name, desk.now)
    desk.treat(view, replace(therapy, manual_doses=(*therapy.manual_doses, dose)))
    return f"{act.dose_mg} mg"


def set_role(desk: Desk, act: SetRole) -> str:
    """Declare what a pump channel is for."""
    view, _ = _at(desk, act.place)
    _, pump = desk.pump(act.place)
    therapy = view.state.therapy
    place = (pump.port, pump.channel)
    if act.role is not ChannelRole.ORDERED and (therapy.order(*place) or therapy.awaited(*place)):
        raise RefusedError(f"{pump.port} channel {pump.channel} has an order: withdraw it first")
    rest = tuple(one for one in therapy.roles if (one.port, one.channel) != place)
    mine = RoleSet(*place, act.role, desk.asker.name, desk.now)
    roles = rest if act.role is ChannelRole.ORDERED else (*rest, mine)
    if act.role is ChannelRole.CARRIER:
        # What flows now beside the drug may push out what stands in its line.
        for other, dose in view.state.doses.items():
            if other != place and dose.session == session_of(therapy.patient):
                dose.stir()
    desk.treat(view, replace(therapy, roles=roles))
    return f"{pump.port} channel {pump.channel} is {act.role.replace('_', ' ')}"


def disconnect_line(desk: Desk, act: DisconnectLine) -> str:
    """Note that a line is off the patient for a while."""
    view, _ = desk.patient(act.place.bed, act.place.case)
    _, pump = desk.pump(act.place)
    therapy = view.state.therapy
    if not 0 <= act.duration_s <= DISCONNECTED_MAX_S:
        raise RefusedError(f"{act.duration_s:g} s: at most {DISCONNECTED_MAX_S:g} s, and 0 s when it is on again")
    until = replace(desk.now, mono_s=desk.now.mono_s + act.duration_s)
    place = (pump.port, pump.channel)
    rest = tuple(one for one in therapy.disconnected if (one.port, one.channel) != place)
    mine = Disconnected(*place, desk.asker.name, desk.now, until)
    dose = view.state.doses.get(place)
    if act.duration_s and dose is not None and dose.session == session_of(therapy.patient):
        dose.take_off()
    desk.treat(view, replace(therapy, disconnected=(*rest, mine)))
    return f"for {act.duration_s:g} s"


def _at(desk: Desk, place: Place) -> tuple[BedView, Patient | None]:
    """Return a bed that may be without a patient."""
    view = desk.view(place.bed)
    patient = view.state.therapy.patient
    if patient is not None or place.case:
        return desk.patient(place.bed, place.case)
    return view, None
