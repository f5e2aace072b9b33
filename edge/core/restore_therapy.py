"""What a run takes over of the therapies of the run before.

Laws:
  * Within one boot of the kernel the monotonic clock went on: the outage counts.
  * After another boot, recovery, prompts and the shortest interval of steps go on from where they were when last kept,
    without credit for the time between (design, section 5). Vital signs that a nurse typed are aged by the wall clocks
    if both were synchronised, and else dropped; an order that awaited its confirmation is entered again.
  * Time of infusing goes on from where it was when last kept; a rise is measured from the dose rates of before.
  * Doses go on: what flowed while the edge was off is told by the pump's counter, or is unsure. The day of a case goes
    on from where it was, without credit.
  * An order holds only for a channel that its bed still has, and for a drug that the library still has: else it is
    dropped, said in the journal, and its channel runs without an order, which alarms.
  * A patient whose bed is no longer configured is not forgotten: an alarm says so until somebody closes the therapy.
  * Of a store that could be read only later, a bed with a therapy of this run takes nothing over (H-09), and what this
    run knows of a case counts; what a patient was given in a day is what either knows, together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge.core.config import CoreConfig
from edge.core.effects import Journal
from edge.core.kept_dose import KeptDose
from edge.core.model import Instant
from edge.core.restore_dose import restored
from edge.core.service import restored as service_restored
from edge.core.state import CoreState
from edge.core.steps import Steps
from edge.core.therapy_state import UNTREATED, Case, KeptPart, KeptService, KeptSteps, KeptTherapy, TherapyState, moved
from edge.core.totals import DayDose
from edge.core.view import BedState

__all__ = ["KeptPart", "restore", "take_over"]


def take_over(state: CoreState, config: CoreConfig, parts: Iterable[KeptPart], now: Instant) -> None:
    """Put what was kept into the state of a run that goes on already."""
    cases, days = dict(state.cases), dict(state.days)
    treated = {bed for bed, one in state.beds.items() if one.therapy != UNTREATED}
    restore(state, config, (part for part in parts if part.bed not in treated), now)
    state.cases |= cases
    for case, day in days.items():
        known = state.days[case]
        if known is not day:
            for block in day.blocks:
                known = known.plus(block.drug, block.dose_mg, block.latest)
            state.days[case] = replace(day, blocks=known.blocks)


def restore(state: CoreState, config: CoreConfig, parts: Iterable[KeptPart], now: Instant) -> None:
    """Put what was kept into a new state."""
    cases: list[Case] = []
    for kept in parts:
        match kept.body:
            case KeptTherapy():
                place_therapy(state, config, kept.bed, _on_this_clock(kept.body, now, here=kept.here), now)
            case Case() as case:
                at = case.seen if kept.here and case.seen.mono_s <= now.mono_s else case.seen.on_clock_of(now)
                cases.append(replace(case, seen=at))
            case KeptSteps() as steps:
                if kept.bed in state.beds:
                    _place_steps(state.beds[kept.bed], steps)
            case KeptDose() as dose:
                bed, place = state.beds.get(kept.bed), (dose.port, dose.channel)
                if bed is not None and place in state.sources:
                    bed.doses[place] = restored(dose, now, here=kept.here)
            case DayDose() as day:
                state.days[day.case] = _day_on_this_clock(day, now, here=kept.here)
            case KeptService() as held:
                service_restored(state, kept.bed, held, now, here=kept.here)
    state.cases = {case.case: case for case in sorted(cases, key=lambda case: (case.seen.mono_s, case.case))}


def _place_steps(bed: BedState, kept: KeptSteps) -> None:
    bed.steps[kept.port, kept.channel] = Steps(kept.infusing_s, list(kept.held), basis=kept.basis)
    for one in kept.drugs:
        # Each channel was kept at a moment of its own: the longest time is the last.
        time = bed.drug_time(one.drug)
        time.infusing_s = max(time.infusing_s, one.infusing_s)


def _on_this_clock(kept: KeptTherapy, now: Instant, *, here: bool) -> TherapyState:
    therapy = kept.therapy
    if here and kept.at.mono_s <= now.mono_s:
        return therapy
    synchronised = kept.at.synchronised and now.synchronised
    typed = tuple(replace(vital, at=vital.at.on_clock_of(now)) for vital in therapy.typed if synchronised)
    rest = moved(replace(therapy, typed=(), awaiting=()), now.mono_s - kept.at.mono_s)
    return replace(rest, typed=typed)


def _day_on_this_clock(day: DayDose, now: Instant, *, here: bool) -> DayDose:
    if day.at is None or (here and day.at.mono_s <= now.mono_s):
        return day
    return replace(moved(day, now.mono_s - day.at.mono_s), at=now)


def place_therapy(state: CoreState, config: CoreConfig, bed: str, therapy: TherapyState, now: Instant) -> None:
    """Put the therapy of a bed in force again, or keep it for when the configuration has the bed."""
    if bed not in state.beds:
        state.unplaced[bed] = KeptTherapy(now, therapy)
        return
    channels = {(pump.port, pump.channel) for one in config.beds if one.bed == bed for pump in one.pumps}
    drugs = {drug.drug for drug in config.drugs}
    held = tuple(order for order in therapy.orders if (order.port, order.channel) in channels and order.drug in drugs)
    for order in therapy.orders:
        if order not in held:
            body = (("bed", bed), ("port", order.port), ("channel", order.channel), ("drug", order.drug))
            reason = ("reason", "the bed no longer has the channel, or the library the drug")
            state.restored.append(Journal("order dropped", now, (*body, reason)))
    awaiting = tuple(one for one in therapy.awaiting if (one.order.port, one.order.channel) in channels)
    awaiting = tuple(one for one in awaiting if one.order.drug in drugs)
    state.beds[bed].treat(replace(therapy, orders=held, awaiting=awaiting))
    if therapy.patient is not None:
        state.beds[bed].usual.from_s = therapy.patient.started.mono_s
