"""The doses of the beds: taken up sample by sample, added to the day of their case, and kept.

What is kept of a channel is enough to go on after a restart: the pump's counter tells what flowed meanwhile. So it is
kept each half minute while drug flows, at once when a pump or a bolus starts or stops, and with every dose by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from drivers.model import BolusGiven
from edge.core.channel_dose import ChannelDose, Context
from edge.core.config import Binding
from edge.core.delivered import NOTHING_GIVEN, Given, exactly
from edge.core.line import Line
from edge.core.model import Instant
from edge.core.state import Ward
from edge.core.therapy import ChannelRole, Patient
from edge.core.therapy_state import DAY, DOSE, TherapyState
from edge.core.totals import DayDose
from edge.core.view import BedView

KEEP_EVERY_S = 30.0
"""A pump that tells no serial number leaves as much unsure over a restart."""


def session_of(patient: Patient | None) -> str:
    """Return the name of a treatment: of whom, and since when. It is empty without a patient."""
    return "" if patient is None else f"{patient.case}@{patient.started.wall_s:.3f}"


def take(view: BedView, pump: Binding, at_s: float) -> None:
    """Take up what a pump said last."""
    place = (pump.port, pump.channel)
    view.state.doses.setdefault(place, ChannelDose()).take(view.source(pump), _context(view.state.therapy, place, at_s))


def take_bolus(view: BedView, told: BolusGiven) -> None:
    """Take up boli that a pump tells of."""
    dose = view.state.doses.get((told.port, told.channel))
    if dose is not None:
        # The volume told is that of the last one; of several before it nothing is known.
        dose.told_bolus(told.received_at_s, told.volume_ml if told.count == 1 else None)


def _context(therapy: TherapyState, place: tuple[str, str], at_s: float) -> Context:
    patient = therapy.patient
    drug_flows = therapy.role(*place) is ChannelRole.ORDERED
    off = any(
        (one.port, one.channel) == place and one.at.mono_s <= at_s < one.until.mono_s for one in therapy.disconnected
    )
    return Context(
        session_of(patient),
        "" if patient is None else patient.case,
        therapy.order(*place) if drug_flows else None,
        connected=not off,
        supervised=drug_flows,
    )


def session_dose(view: BedView, drug: str) -> Given:
    """Return what this treatment has given of a drug: on all channels, by hand, and before the edge counted.

    An order that was withdrawn, or is of another drug now, takes nothing back of what was given.
    """
    therapy = view.state.therapy
    session, total = session_of(therapy.patient), NOTHING_GIVEN
    before_mg = {
        (one.port, one.channel): one.given_before_mg
        for one in therapy.orders
        if one.drug == drug and one.given_before_mg is not None
    }
    for place, dose in view.state.doses.items():
        if dose.session == session:
            total = total.plus(dose.given_of(drug))
            before_mg.setdefault(place, dose.before_of(drug))
    known_mg = sum((one.dose_mg for one in therapy.manual_doses if one.drug == drug), Decimal(0))
    known_mg += sum(before_mg.values(), Decimal(0))
    return total.plus(exactly(known_mg))


def lines_of(view: BedView, drug: str) -> Iterator[Line]:
    """Give what was said of the lines through which a drug flows in this treatment."""
    session = session_of(view.state.therapy.patient)
    for dose in view.state.doses.values():
        if dose.line is not None and (dose.session, dose.drug) == (session, drug):
            yield dose.line


def day_dose_mg(view: BedView, drug: str, now_s: float) -> Decimal | None:
    """Return what the patient was given of a drug in 24 hours; ``None`` without a patient."""
    patient = view.state.therapy.patient
    if patient is None:
        return None
    day = view.days.get(patient.case)
    return Decimal(0) if day is None else day.total_mg(drug, now_s)


def tally(ward: Ward, bed: str, now: Instant) -> None:
    """Add what a bed gave to the day of its case, and keep what is to be kept."""
    state = ward.state.beds[bed]
    therapy = state.therapy
    session = session_of(therapy.patient)
    days: dict[str, DayDose] = {}
    at_once = False
    for place, dose in state.doses.items():
        order = therapy.order(*place)
        if order is not None and order.given_before_mg is not None and dose.session == session:
            dose.given_before(order.drug, order.given_before_mg)
        for portion in dose.portions:
            if portion.case:
                day = days.get(portion.case) or _day(ward, portion.case)
                settled = day.less(portion.drug, -portion.dose_mg) if portion.dose_mg < 0 else day
                days[portion.case] = settled.plus(portion.drug, portion.dose_mg, now)
                at_once |= portion.dose_mg < 0
        dose.portions.clear()
        at_once |= _keep(ward, bed, place, dose, now)
    if therapy.patient is not None and therapy.manual_doses:
        day = days.get(therapy.patient.case) or _day(ward, therapy.patient.case)
        counted = day.by_hand if day.session == session else 0
        if counted < len(therapy.manual_doses):
            for one in therapy.manual_doses[counted:]:
                day = day.plus(one.drug, one.dose_mg, one.at)
            days[day.case] = replace(day, session=session, by_hand=len(therapy.manual_doses))
            at_once = True
    _put(ward, days, now, at_once=at_once)
    _ask(ward, bed, now)


def _ask(ward: Ward, bed: str, now: Instant) -> None:
    """Let orders wait for an answer whose pumps run with another syringe (H-04)."""
    state = ward.state.beds[bed]
    for place, dose in state.doses.items():
        order = state.therapy.order(*place)
        asks = dose.new_syringe and dose.flush is None  # who flushes with the pump has said what is in it
        if asks and order is not None and order.syringe_changed is None:
            ward.treat(bed, state.therapy.with_order(replace(order, syringe_changed=now)), now)
        dose.new_syringe = False


def _day(ward: Ward, case: str) -> DayDose:
    return ward.state.days.get(case) or DayDose(case)


def _put(ward: Ward, days: dict[str, DayDose], now: Instant, *, at_once: bool) -> None:
    for case, day in days.items():
        kept = ward.state.days.get(case)
        if kept is None:
            _forget(ward, now.mono_s)
        due = kept is None or kept.at is None or at_once or now.mono_s >= kept.at.mono_s + KEEP_EVERY_S
        ward.state.days[case] = replace(day, at=now) if due else day
        if due:
            ward.kept["", f"{DAY}:{case}"] = ward.state.days[case]


def _forget(ward: Ward, now_s: float) -> None:
    for case in [case for case, day in ward.state.days.items() if day.is_empty(now_s)]:
        del ward.state.days[case]
        ward.kept["", f"{DAY}:{case}"] = None


def _keep(ward: Ward, bed: str, place: tuple[str, str], dose: ChannelDose, now: Instant) -> bool:
    """Keep a channel if it is time; return whether it had to be at once."""
    part = f"{DOSE}:{place[0]}.{place[1]}"
    state = dose.to_keep()
    if state is None:
        if dose.kept_at_s is not None:
            ward.kept[bed, part] = None
            dose.kept_at_s = None
        return False
    turned = dose.kept_state is None or dose.kept_state[1:] != state[1:]
    due = dose.kept_at_s is None or now.mono_s >= dose.kept_at_s + KEEP_EVERY_S
    if not turned and not (due and state != dose.kept_state):
        return False
    ward.kept[bed, part] = dose.kept(*place, now)
    dose.kept_at_s, dose.kept_state = now.mono_s, state
    return turned


def given_of(view: BedView, pump: Binding) -> Given:
    """Return what one channel has given in this treatment."""
    dose = view.state.doses.get((pump.port, pump.channel))
    fits = dose is not None and dose.session == session_of(view.state.therapy.patient)
    return dose.account.given if dose is not None and fits else NOTHING_GIVEN
