"""A bed under service: its devices are worked on, and call nobody for it.

Laws:
  * Only what is about the devices is silent (`Entry.device`), and all of it is shown and kept. A dose, and a vital sign
    beyond its limit, sound as ever: nobody knows better than they whether a patient is there after all.
  * It is refused at a bed that has a patient, an order, or a pump that was last seen to run.
  * It ends by its time, an hour at most, by hand, and with the first step in which the bed has a patient.
  * It is kept over a restart. After another boot of the kernel the wall clocks say how much of it is left; where they
    cannot, it is over.
"""

from __future__ import annotations

from dataclasses import replace

from edge.core.attention import Attention
from edge.core.catalogue import entry_of
from edge.core.effects import Journal
from edge.core.inactivation import PAUSE_LIMIT_S, Pause
from edge.core.inputs import Service
from edge.core.model import Instant, SilenceReason
from edge.core.state import CoreState, Ward
from edge.core.therapy_state import SERVICE, KeptService
from edge.core.view import BedView


def ask(ward: Ward, attention: Attention, act: Service, by: str) -> str:
    """Put a bed under service, or end that; return why it was refused."""
    view = ward.views.get(act.bed)
    if view is None:
        return f"there is no bed {act.bed}"
    if act.duration_s == 0:
        if act.bed not in attention.services():
            return f"{view.config.label} is not under service"
        attention.end_service(act.bed, f"ended by {by}")
    elif why := _occupied(view):
        return why
    else:
        reason = attention.pause(act.bed, SilenceReason.SERVICE, act.duration_s, by)
        if reason:
            return reason
    ward.touch_paused({act.bed})
    return ""


def _occupied(view: BedView) -> str:
    label, patient = view.config.label, view.state.therapy.patient
    if patient is not None:
        return f"{label} has a patient, case {patient.case}: close the therapy first"
    if view.state.therapy.orders or view.state.therapy.awaiting:
        return f"{label} has an order: withdraw it first"
    running = [pump for pump in view.config.pumps if view.source(pump).infusing]
    if running:
        return f"{label}: {running[0].port} channel {running[0].channel} was last seen to run: stop the pump first"
    return ""


def follow(ward: Ward, attention: Attention, now: Instant) -> None:
    """End the service of every bed that has a patient now, and keep what changed."""
    state = ward.state
    services = attention.services()
    if not services and not state.services:
        return
    for bed in tuple(services):
        if ward.views[bed].state.therapy.patient is not None:
            attention.end_service(bed, "a patient was started")
            ward.touch_paused({bed})
            del services[bed]
    for bed in services.keys() | state.services.keys():
        pause = services.get(bed)
        if pause != state.services.get(bed):
            ward.kept[bed, SERVICE] = None if pause is None else KeptService(now, pause.until_s, pause.by)
    state.services = services


def restored(state: CoreState, bed: str, kept: KeptService, now: Instant, *, here: bool) -> None:
    """Take up a service of the run before, with what is left of it, or say in the journal that it is over."""
    left_s = _left_s(kept, now, here=here)
    if bed not in state.beds or left_s is None or left_s <= 0:
        why = "how long the edge was off is not known" if left_s is None else "its time was up, or the bed is gone"
        body = (("bed", bed), ("reason", SilenceReason.SERVICE.value), ("why", why))
        state.restored.append(Journal("pause ended", now, body))
        # The store still has it: the first step sees that nothing stands for it, and removes it.
        state.services[bed] = Pause(bed, SilenceReason.SERVICE, now.mono_s, kept.by)
        return
    pause = Pause(bed, SilenceReason.SERVICE, now.mono_s + left_s, kept.by)
    alarms = state.alarms
    alarms.pauses[bed, SilenceReason.SERVICE] = alarms.pauses_shown[bed, SilenceReason.SERVICE] = pause
    if here:
        state.services[bed] = pause
    for key, alarm in alarms.standing.items():
        entry = entry_of(key.condition)
        if pause.in_scope(alarm, sensor=entry.sensor, device=entry.device):
            alarms.standing[key] = alarms.published[key] = replace(alarm, silence=pause.silence())


def _left_s(kept: KeptService, now: Instant, *, here: bool) -> float | None:
    left_s = kept.until_s - kept.at.mono_s
    if here and kept.at.mono_s <= now.mono_s:
        left_s = kept.until_s - now.mono_s
    elif kept.at.synchronised and now.synchronised:
        left_s -= max(0.0, now.wall_s - kept.at.wall_s)
    else:
        return None
    return min(left_s, PAUSE_LIMIT_S[SilenceReason.SERVICE])
