"""Acts about a patient: start, baseline, limits, the end of the infusion, close.

Laws:
  * A bed has at most one patient. The next one inherits nothing: neither order, baseline, limit, dose nor alarm (H-09).
  * Nobody is forgotten: while drug flows, or an alarm of high priority is present, a therapy cannot be closed (H-29).
  * A limit can be adjusted within the site's bounds alone, and its bands never cross (H-34).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from drivers.model import Quantity, Validity
from edge.core import phases
from edge.core.composed_vital import inside_bounds
from edge.core.config import LimitConfig
from edge.core.desk import Desk, RefusedError
from edge.core.inputs import Role
from edge.core.model import Alarm, AlarmKey, AlarmKind, Priority, Side
from edge.core.therapy import Baseline, Patient, TherapyPhase
from edge.core.therapy_acts import AdjustLimit, Close, EndInfusion, Reading, SetBaseline, StartPatient
from edge.core.therapy_state import UNTREATED, AdjustedLimit, TherapyState
from edge.core.usual import QUANTITIES
from edge.core.view import BedView

WEIGHT_LEAST_KG, WEIGHT_MOST_KG = Decimal("0.5"), Decimal(350)
"""Beyond these nobody weighs, and no pump takes it."""

WEIGHT_ASK_BELOW_KG, WEIGHT_ASK_ABOVE_KG = Decimal(40), Decimal(150)
"""Beyond these an adult's weight is asked for again: 154 lb typed as kg is (H-03)."""

POUND_LEAST, POUND_MOST = Decimal("2.1"), Decimal("2.3")
"""Two weights whose ratio lies between are one weight in kg and in pounds."""

LEAP = Decimal("0.05")
"""A weight that differs more than this from the last one is asked for again."""

READINGS_MAX = 3
BASELINE_USUAL = {
    "heart_rate_per_min": (Decimal(50), Decimal(100)),
    "nibp_sys_mmhg": (Decimal(90), Decimal(160)),
}
"""A baseline outside these is confirmed by a prescriber (H-30)."""

OF_DEVICES = frozenset(
    {
        "PUMP_LINK_LOST",
        "MONITOR_LINK_LOST",
        "DATA_FROZEN",
        "DEVICE_IDENTITY_CHANGED",
        "IDENTITY_UNCONFIRMED",
        "ORDER_MISSING",
    }
)
"""Conditions, with the devices' own alarms, that are about equipment: while present they outlive the patient."""


# --- start ------------------------------------------------------------------------------------------------------------


def start(desk: Desk, act: StartPatient) -> str:
    """Start a patient at an empty bed, or correct the checklist of the one who is there."""
    view = desk.view(act.bed)
    therapy, case = view.state.therapy, desk.ward.state.cases.get(act.case)
    before = therapy.patient
    if before is not None and before.case != act.case:
        raise RefusedError(f"{view.config.label} has the case {before.case}: close that therapy first")
    elsewhere = [
        other.config.label for other in desk.ward.views.values() if _has(other, act.case) and other is not view
    ]
    if elsewhere:
        raise RefusedError(f"the case {act.case} is at {elsewhere[0]}: close that therapy first, or look at the number")
    if before is not None and act.weight_kg != before.weight_kg and (therapy.orders or therapy.awaiting):
        raise RefusedError(
            f"the order reckons with {before.weight_kg} kg: enter the order again with the right weight, "
            "and the second person confirms it"
        )
    check_weight(act.weight_kg, None if case is None else case.weight_kg, sure=act.sure)
    started, rev = (desk.now, 1) if before is None else (before.started, before.rev + 1)
    patient = Patient(act.case, act.weight_kg, act.checklist, desk.asker.name, started, rev)
    if before is None:
        # The roles of channels were declared for who was there before.
        therapy = TherapyState(phase=TherapyPhase.SETUP, phase_since=desk.now)
        desk.ward.touch_paused(desk.attention.end_pauses("a new patient", act.bed))
    desk.treat(view, replace(therapy, patient=patient))
    desk.remember_case(patient)
    return f"{act.case} at {view.config.label}, {act.weight_kg} kg"


def _has(view: BedView, case: str) -> bool:
    patient = view.state.therapy.patient
    return patient is not None and patient.case == case


def check_weight(weight_kg: Decimal, last_kg: Decimal | None, *, sure: bool) -> None:
    """Refuse a weight that cannot be, and ask again for one that hardly is, unless the asker is sure."""
    if not WEIGHT_LEAST_KG <= weight_kg <= WEIGHT_MOST_KG:
        raise RefusedError(f"{weight_kg} kg cannot be: {WEIGHT_LEAST_KG} to {WEIGHT_MOST_KG} kg can")
    if not sure and (doubt := _doubt(weight_kg, last_kg)):
        raise RefusedError(f"{doubt}; if it is right, say so (sure)")


def _doubt(weight_kg: Decimal, last_kg: Decimal | None) -> str:
    if last_kg is not None:
        ratio = max(weight_kg, last_kg) / min(weight_kg, last_kg)
        if POUND_LEAST <= ratio <= POUND_MOST:
            return f"{weight_kg} kg against {last_kg} kg the last time, as pounds against kg: weigh again"
        if abs(weight_kg - last_kg) > last_kg * LEAP:
            return f"{weight_kg} kg against {last_kg} kg the last time: weigh again"
    if not WEIGHT_ASK_BELOW_KG <= weight_kg <= WEIGHT_ASK_ABOVE_KG:
        return f"{weight_kg} kg is unusual: is it in kg?"
    return ""


# --- baseline and limits ----------------------------------------------------------------------------------------------


def set_baseline(desk: Desk, act: SetBaseline) -> str:
    """Confirm what is usual for this patient: the median of up to three readings, typed or the monitor's last."""
    view, _ = desk.patient(act.bed, act.case)
    therapy = view.state.therapy
    if therapy.infusing_since is not None:
        raise RefusedError("the infusion has begun: a baseline is taken before it")
    readings = act.readings or (_usual(view, desk.now.mono_s),)
    if len(readings) > READINGS_MAX:
        raise RefusedError(f"{len(readings)} readings: give the last {READINGS_MAX}")
    found = {name: _middle(getattr(one, name) for one in readings) for name in Reading.__dataclass_fields__}
    if all(number is None for number in found.values()):
        raise RefusedError("there is no reading: measure, or type what was measured")
    for name, (least, most) in BASELINE_USUAL.items():
        number = found[name]
        if number is not None and not least <= number <= most and desk.asker.role < Role.PRESCRIBER:
            raise RefusedError(
                f"{name} {number} is outside {least} to {most}: measure again, or let a prescriber confirm it"
            )
    baseline = Baseline(**found, by=desk.asker.name, at=desk.now)
    phase = TherapyPhase.BASELINE if therapy.phase is TherapyPhase.SETUP else therapy.phase
    since = therapy.phase_since if phase is therapy.phase else desk.now
    desk.treat(view, replace(therapy, baseline=baseline, phase=phase, phase_since=since))
    return ", ".join(f"{name} {number}" for name, number in found.items() if number is not None)


def _middle(numbers: Iterable[Decimal | None]) -> Decimal | None:
    known = sorted(number for number in numbers if number is not None)
    if not known:
        return None
    half = len(known) // 2
    return known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2


def _usual(view: BedView, now_s: float) -> Reading:
    """Return the median of what the monitor showed in the last minutes, of what it still shows."""

    def usual(quantity: Quantity) -> Decimal | None:
        value = view.vital(quantity, now_s)
        # One whose time is not known may be of the patient before: no baseline is made of it (H-09).
        if value is None or value.validity is not Validity.VALID or not view.state.usual.is_of_patient(value):
            return None
        found = view.state.usual.median(quantity, now_s)
        if found is not None:
            return found[0]
        return value.value if value.median is None else value.median

    return Reading(*(usual(quantity) for quantity in QUANTITIES))


def adjust_limit(desk: Desk, act: AdjustLimit) -> str:
    """Adjust one band of a vital sign's limit for this patient, within the site's bounds, or take that back."""
    view, _ = desk.patient(act.bed, act.case)
    therapy = view.state.therapy
    limits = {limit.condition: limit for limit in view.limits().vital}
    limit = limits.get(act.condition)
    if limit is None:
        raise RefusedError(f"there is no limit {act.condition}: one of {', '.join(limits)}")
    bands = {band.name: band for band in limit.bands}
    if act.band not in bands:
        raise RefusedError(f"{act.condition} has no band {act.band}: one of {', '.join(bands)}")
    rest = tuple(one for one in therapy.adjusted if (one.condition, one.band) != (act.condition, act.band))
    if act.value is None:
        desk.treat(view, replace(therapy, adjusted=rest))
        return f"{act.condition} {act.band} as it was before"
    if inside_bounds(bands[act.band], act.value) != act.value:
        least, most = bands[act.band].adjust_from, bands[act.band].adjust_to
        allowed = "none" if least is None else f"{least} to {most} {limit.unit}"
        raise RefusedError(f"{act.condition} {act.band} {act.value} {limit.unit}: the site allows {allowed}")
    _check_adjusted(limit, {band.name: band.value for band in limit.bands} | {act.band: act.value})
    mine = AdjustedLimit(act.condition, act.band, limit.side, act.value, desk.asker.name, desk.now)
    desk.treat(view, replace(therapy, adjusted=(*rest, mine)))
    return f"{act.condition} {act.band} {act.value} {limit.unit}"


def _check_adjusted(limit: LimitConfig, values: dict[str, Decimal]) -> None:
    sign = 1 if limit.side is Side.HIGH else -1
    ordered = [sign * values[band.name] for band in limit.bands]
    if ordered != sorted(ordered):
        said = ", ".join(f"{band.name} {values[band.name]}" for band in limit.bands)
        raise RefusedError(f"the bands would cross ({said} {limit.unit}): keep soft inside hard")


# --- the end ----------------------------------------------------------------------------------------------------------


def end_infusion(desk: Desk, act: EndInfusion) -> str:
    """Begin the recovery, which counts from when the flow ceased."""
    view, _ = desk.patient(act.bed, act.case)
    therapy = view.state.therapy
    if phases.flowing(view) is not False:
        raise RefusedError("the pump runs, or cannot be heard: stop it first")
    if therapy.phase is not TherapyPhase.STOPPED:
        raise RefusedError(f"the phase is {therapy.phase}: only an infusion that was stopped can be ended")
    desk.treat(view, phases.recovering(therapy))
    return "the recovery has begun"


def close(desk: Desk, act: Close) -> str:
    """End a therapy: the bed is empty, and nothing of the patient is left at it."""
    unplaced = desk.ward.state.unplaced.get(act.bed)
    if act.bed not in desk.ward.views and unplaced is not None:
        return _close_unplaced(desk, act, unplaced.therapy)
    view, _ = desk.patient(act.bed, act.case)
    _check_flow(desk, view, act)
    _check_time(desk, view, act)
    worst = [alarm for alarm in _alarms(desk, act.bed) if _is_urgent(alarm)]
    if worst:
        raise RefusedError(f"{worst[0].key.name} is present, and high: see to the patient first")
    desk.treat(view, UNTREATED)
    standing = {alarm.key: alarm for alarm in _alarms(desk, act.bed)}
    for key in desk.register.keys_of(act.bed):
        alarm = standing.get(key)
        if not _is_of_device(key) or (alarm is not None and not alarm.present):
            desk.register.end_context(key, f"{alarm.text} Ended: the therapy was closed." if alarm else "")
    desk.ward.touch_paused(desk.attention.end_pauses("the therapy was closed", act.bed))
    return f"{act.case} at {view.config.label} is closed"


def _close_unplaced(desk: Desk, act: Close, therapy: TherapyState) -> str:
    if therapy.patient is not None and therapy.patient.case != act.case:
        raise RefusedError(f"the case there is {therapy.patient.case}, not {act.case}")
    if not act.reason:
        raise RefusedError("the configuration has no such bed: say why nobody need watch it any more (reason)")
    desk.ward.drop_unplaced(act.bed)
    return f"{act.case} is closed; the configuration has no bed {act.bed}"


def _check_flow(desk: Desk, view: BedView, act: Close) -> None:
    for pump in phases.supervised(view):
        source = view.source(pump)
        place = f"{pump.port} channel {pump.channel}"
        lost = view.link_lost(pump, desk.now.mono_s) is not False
        if source.infusing and not lost:
            raise RefusedError(f"{place} runs: stop the pump first")
        if source.infusing and not act.reason:
            raise RefusedError(f"{place} ran when it was last heard: look at the pump, then close with a reason")
        if source.infusion is None and view.order(pump) is not None and not act.reason:
            raise RefusedError(f"{place} was not heard since the start: look at the pump, then close with a reason")


def _check_time(desk: Desk, view: BedView, act: Close) -> None:
    if act.reason or view.state.therapy.infusing_since is None:
        return
    until_s = phases.recovery_until_s(view)
    if until_s is None:
        raise RefusedError("the recovery has not begun: end the infusion first (end-infusion), or give a reason")
    if desk.now.mono_s < until_s:
        left = int((until_s - desk.now.mono_s) // 60) + 1
        raise RefusedError(f"the recovery takes {left} min more; to close sooner, give a reason")


def _alarms(desk: Desk, bed: str) -> list[Alarm]:
    return [alarm for alarm in desk.register.alarms() if alarm.key.bed == bed]


def _is_urgent(alarm: Alarm) -> bool:
    of_patient = alarm.kind is AlarmKind.PHYSIOLOGICAL
    return of_patient and alarm.present and alarm.verifiable and alarm.priority is Priority.HIGH


def _is_of_device(key: AlarmKey) -> bool:
    return key.condition in OF_DEVICES or key.condition.startswith("DEVICE_")
