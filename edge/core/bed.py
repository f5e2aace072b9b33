"""One bed: judge it by all rules, and show it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from drivers.model import Validity
from edge.core import (
    dose_shown,
    doses,
    phases,
    rules_bolus,
    rules_climb,
    rules_device,
    rules_dose,
    rules_flow,
    rules_order,
    rules_rise,
    rules_therapy,
    rules_together,
    rules_total,
    rules_vital,
    syringe,
)
from edge.core.alarms import Register
from edge.core.config import Binding, LimitConfig
from edge.core.dose_units import MILLIGRAMS, EntryUnits, in_full, written
from edge.core.effects import BedSnapshot, ChannelView, LimitView, Metric, PauseView, TherapyView
from edge.core.finding import Finding, Stays
from edge.core.model import AlarmKey, Side
from edge.core.sources import SourceState
from edge.core.therapy import SYRINGE_DOUBT, Order
from edge.core.therapy_state import KeptSteps
from edge.core.usual import AHEAD, QUANTITIES
from edge.core.validate import CANON, Value
from edge.core.view import BedView

SHOW_EVERY_S = 0.8
"""A bed's snapshot is published at most this often; alarms do not wait for it. It is less than the second at which
devices speak, so that a snapshot goes out with its reading and beds do not fall into step."""

SHOW_AT_REST_S = 2.0
"""The same of a bed at rest whose monitor said other numbers and nothing else: every second beat. Nobody is treated."""

SHOW_EARLY_S = 0.2
"""So much earlier it is shown with a step that is made anyway."""

SHOW_AGAIN_S = 3.0
"""An unchanged snapshot is published again, since it expires after ``SNAPSHOT_VALID_S``."""

SNAPSHOT_VALID_S = 10.0


def take_sample(view: BedView, source: SourceState, at_s: float) -> KeptSteps | None:
    """Let a sample count toward what the bed adds up, whenever it is judged; return what is then to be kept."""
    for pump in view.config.pumps:
        if (pump.port, pump.channel) == (source.port, source.channel):
            doses.take(view, pump, at_s)
            return rules_order.take_step(view, pump, at_s)
    return None


def judge_sample(view: BedView, register: Register, source: SourceState, at_s: float) -> None:
    """Judge what one sample brought, at its own moment."""
    for pump in view.config.pumps:
        if (pump.port, pump.channel) == (source.port, source.channel):
            _apply(register, rules_dose.limits_of_sample(view, pump, register.stays), at_s)
            return
    _apply(register, rules_vital.limits_of_sample(view, source, at_s, register.stays), at_s)


def judge_alarms(view: BedView, register: Register, source: SourceState, at_s: float) -> None:
    """Judge a device's own alarms at the moment that it told them: one that is gone again before a step is not lost."""
    known = register.keys_of(view.config.bed)
    for binding in (*view.config.pumps, *view.config.monitors):
        if (binding.port, binding.channel) == (source.port, source.channel):
            _apply(register, rules_device.device_alarms(view, binding, known, at_s), at_s)


class Due(NamedTuple):
    """When a bed must be judged again if nothing comes in: for the silence of a device, and for anything else."""

    silence_s: float
    other_s: float


def judge(view: BedView, register: Register, now_s: float) -> Due:
    """Judge everything, and return when the bed must be judged again if nothing comes in."""
    if not view.active():
        view.state.active_since_s = None
    elif view.state.active_since_s is None:
        view.state.active_since_s = now_s
    vitals = view.vitals(now_s)
    if view.state.therapy.phase in AHEAD:
        for quantity in QUANTITIES:
            view.state.usual.note(vitals.get(quantity), now_s)
    return _apply(register, _findings(view, register, vitals, now_s), now_s)


def rests(view: BedView, register: Register) -> bool:
    """Tell whether a bed is at rest: nobody is treated, no pump runs, no condition is present or begins.

    Until it must be judged again for the time, or something else happens there, a reading of a monitor can change
    nothing but what is judged of its devices and of vital signs.
    """
    therapy = view.state.therapy
    treated = therapy.patient is not None or therapy.orders or therapy.awaiting
    return not treated and not view.active() and register.rests(view.config.bed)


def stays(view: BedView, register: Register, now_s: float) -> float | None:
    """Return when a device at a bed at rest is silent for too long; ``None`` if anything that was said changes more."""
    if not register.is_silent(view.config.bed):
        return None
    again_at_s = math.inf
    known = register.keys_of(view.config.bed)
    of_vitals = _of_vitals(view, view.vitals(now_s), now_s, register.stays)
    for finding in chain(_of_devices(view, register, known, now_s), of_vitals):
        if not register.stays(finding.key, finding.judged):
            return None
        again_at_s = min(again_at_s, math.inf if finding.again_at_s is None else finding.again_at_s)
    return again_at_s


def _findings(view: BedView, register: Register, vitals: rules_vital.Vitals, now_s: float) -> Iterator[Finding]:
    known, stays = register.keys_of(view.config.bed), register.stays
    yield from _of_devices(view, register, known, now_s)
    yield from rules_therapy.observed(view, now_s)
    yield from rules_therapy.overdue(view, known, now_s)
    for pump in view.config.pumps:
        yield from rules_therapy.flow_in_recovery(view, pump, known, now_s)
        yield from rules_dose.limits(view, pump, now_s, stays)
        yield from rules_dose.order_missing(view, pump, now_s, stays)
        yield from rules_total.totals(view, pump, now_s, register.is_told, stays)
        yield from rules_bolus.bolus(view, pump, known, now_s)
        yield from rules_flow.flow(view, pump, now_s, stays)
        yield from rules_flow.paused(view, pump, now_s, register.is_told, stays)
        yield from syringe.unconfirmed(view, pump, known, now_s)
        yield from rules_order.mismatch(view, pump, now_s, stays)
        yield from rules_order.exceeded(view, pump, now_s, register.is_told, stays)
        yield from rules_rise.rise(view, pump, now_s, register.is_told, stays)
    yield from rules_together.mass_rate(view, now_s, register.is_told, stays)
    yield from rules_together.together(view, known, now_s, register.is_told)
    yield from _of_vitals(view, vitals, now_s, stays)
    yield from rules_climb.climbing(view, now_s, register.is_idle)


def _of_devices(view: BedView, register: Register, known: Collection[AlarmKey], now_s: float) -> Iterator[Finding]:
    for binding in (*view.config.pumps, *view.config.monitors):
        yield from rules_device.link(view, binding, now_s)
        yield from rules_device.frozen(view, binding, now_s, register.stays)
        yield from rules_device.identity(view, binding, now_s, register.stays)
        yield from rules_device.device_alarms(view, binding, known, now_s)


def _of_vitals(view: BedView, vitals: rules_vital.Vitals, now_s: float, stays: Stays) -> Iterator[Finding]:
    yield from rules_vital.limits(view, vitals, stays)
    yield from rules_vital.sources_disagree(view, vitals, now_s, stays)
    yield from rules_vital.missing(view, vitals, now_s, stays)
    yield from rules_vital.cuff_age(view, now_s, stays)


def _apply(register: Register, findings: Iterable[Finding], at_s: float) -> Due:
    silence_s = other_s = math.inf
    for finding in findings:
        for due_s in (register.judge(finding, at_s), finding.again_at_s):
            if due_s is None:
                continue
            if finding.key.condition in rules_device.SILENCE:
                silence_s = min(silence_s, due_s)
            else:
                other_s = min(other_s, due_s)
    return Due(silence_s, other_s)


def therapy(view: BedView, pauses: tuple[PauseView, ...] = ()) -> TherapyView:
    """Return the bed's phase, orders, and limits in force with their origin."""
    orders = view.state.orders
    composed = view.limits()
    limits = [shown for limit in composed.vital for shown in _limit_views(limit)]
    drugs = {drug.drug: drug for drug in view.core.drugs}
    for key, one in sorted(composed.doses.items()):
        drug = drugs[orders[key].drug]
        in_force = one.in_force(view.infused_s(drug.drug))
        limits += [shown for limit in in_force for shown in _limit_views(limit, key, drug.units)]
    therapy = view.state.therapy
    awaited = [one.order for one in therapy.awaiting]
    ordered = dict.fromkeys(one.drug for one in (*orders.values(), *awaited))
    return TherapyView(
        view.config.bed,
        therapy.phase.value,
        tuple(orders[key] for key in sorted(orders)),
        tuple(limits),
        pauses,
        view.state.durable,
        therapy,
        phases.prompts(view),
        phases.recovery_until_s(view),
        tuple((name, drugs[name].dosing_unit) for name in ordered),
    )


def beginning(view: BedView) -> frozenset[str]:
    """Return the drugs whose first minutes, which have limits of their own, are not over."""
    composed, orders = view.limits().doses, view.state.orders
    drugs = {order.drug: composed[key] for key, order in orders.items() if key in composed}
    return frozenset(drug for drug, one in drugs.items() if view.infused_s(drug) < one.first_s)


def _limit_views(
    limit: LimitConfig, place: tuple[str, str] = ("", ""), units: EntryUnits = MILLIGRAMS
) -> list[LimitView]:
    return [
        LimitView(
            limit.condition,
            band.name,
            limit.side,
            band.value,
            limit.unit,
            band.delay_s,
            band.priority,
            limit.origin,
            band.adjust_from,
            band.adjust_to,
            *place,
            f"{written(units.number(band.value, limit.unit))} {units.unit(limit.unit)}",
        )
        for band in limit.bands
    ]


def snapshot(view: BedView, now_s: float) -> BedSnapshot:
    """Return every metric of the bed as it counts now."""
    vitals = view.vitals(now_s)
    vital_signs = tuple([_metric(value, now_s) for value in vitals.values()])
    if view.state.therapy.phase in AHEAD:
        vital_signs += tuple(_usual(view, vitals, now_s))
    channels = tuple(_channel(view, pump, now_s) for pump in view.config.pumps)
    shown = tuple(dose_shown.doses(view, now_s))
    return BedSnapshot(view.config.bed, view.active(), SNAPSHOT_VALID_S, vital_signs, channels, shown)


def _usual(view: BedView, vitals: rules_vital.Vitals, now_s: float) -> Iterator[Metric]:
    """Give what a baseline that is taken now would be."""
    for quantity in QUANTITIES:
        value, found = vitals.get(quantity), view.state.usual.median(quantity, now_s)
        if value is not None and value.usable and found is not None:
            note = f"the middle of {found[1]} readings"
            yield _metric(value, now_s)._replace(name=f"baseline_{CANON[quantity].name}", value=found[0], note=note)


def _channel(view: BedView, pump: Binding, now_s: float) -> ChannelView:
    source, limit_s = view.source(pump), view.ports[pump.port].link_limit_s
    lost = view.link_lost(pump, now_s)
    metrics: list[Metric] = []
    dose, order = view.dose(pump, now_s), view.order(pump)
    if dose is not None:
        shown = _metric(dose, now_s)._replace(name="dose_rate_mg_per_kg_per_h")
        metrics.append(shown if order is None or order.syringe_changed is None else shown._replace(note=SYRINGE_DOUBT))
        metrics += _in_dosing_unit(view, pump, metrics[-1])
    metrics += [_metric(value.aged(now_s, limit_s), now_s) for _, value in source.present()]
    return ChannelView(
        port=pump.port,
        channel=pump.channel,
        link="unknown" if lost is None else "down" if lost else "up",
        state=source.state,
        drug=order.drug if order is not None else (source.infusion.drug or "" if source.infusion is not None else ""),
        metrics=tuple(metrics),
        dosing_unit=_dosing_unit(view, source, order),
    )


def _dosing_unit(view: BedView, source: SourceState, order: Order | None) -> str:
    """Return the unit in which people dose what is ordered, or what the pump names; empty where nobody knows."""
    if order is not None:
        return rules_dose.drug_of(view, order).dosing_unit
    told = "" if source.infusion is None else (source.infusion.drug or "").casefold()
    named = {drug.dosing_unit for drug in view.core.drugs if told in map(str.casefold, drug.pump_names)}
    return named.pop() if len(named) == 1 else ""


def _in_dosing_unit(view: BedView, pump: Binding, dose: Metric) -> Iterator[Metric]:
    """Give the dose rate in the unit of its drug, where that is another."""
    order = view.order(pump)
    units = MILLIGRAMS if order is None else rules_dose.drug_of(view, order).units
    if units != MILLIGRAMS:
        number = None if dose.value is None else in_full(units, dose.value, dose.unit, Side.HIGH)
        yield dose._replace(name="dose_rate", value=number, unit=units.rate)


def _metric(value: Value, now_s: float) -> Metric:
    return Metric(
        CANON[value.quantity].name,
        # A stale number is withheld: what is not live must not be drawn as if it were (H-11).
        None if value.validity is Validity.STALE else value.value,
        value.unit,
        value.validity,
        None if value.value is None else round(now_s - value.taken_at_s, 3),
        value.source,
        value.origin,
        value.note,
    )
