"""A correlated advisory: heart rate or pressure climbs after a dose step, before a limit is reached."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from drivers.model import Quantity
from edge.core.catalogue import CATALOGUE
from edge.core.climb import CUFF, STREAM, Climb, Pace, Step
from edge.core.condition import Band
from edge.core.config import LimitConfig
from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.finding import Finding, IsIdle, Particulars, when
from edge.core.rules_dose import drug_of
from edge.core.validate import CANON
from edge.core.view import BedView

_FOLLOWED = {
    "HR_CLIMBING": ("HR_HIGH", Quantity.HEART_RATE, STREAM),
    "BP_CLIMBING": ("BP_SYS_HIGH", Quantity.NIBP_SYS, CUFF),
}
_UNITS = {"mm[Hg]": "mmHg"}
_MINUTE_S = 60


def climbing(view: BedView, now_s: float, is_idle: IsIdle) -> Iterator[Finding]:
    """Judge what rises after the last step, and end what is over; without either nothing is to be done."""
    _note_step(view, now_s)
    climbs = view.state.climbs
    follows = climbs.follows(now_s)
    for condition, (limited, quantity, follow) in _FOLLOWED.items():
        key = view.key(condition)
        if follows or not is_idle(key):
            limit = next((one for one in view.limits().vital if one.condition == limited), None)
            value = view.vital(quantity, now_s)
            pace: Pace | None = None
            known = value is not None and value.usable and value.value is not None
            if follows and limit is not None and value is not None and value.value is not None and known:
                climb = climbs.by_condition.setdefault(condition, Climb(climbs.at_s))
                number = value.value if value.median is None else value.median
                climb.take(value.taken_at_s, number, follow)
                pace = climb.pace(limit.bands[0].value, follow)
            entry = CATALOGUE[condition]
            yield Finding(
                key,
                # What is not known ends nothing (law 2).
                when(true=pace is not None, now_s=now_s) if known or not view.active() else None,
                entry.bands,
                entry.clear_delay_s,
                partial(_describe, view.config.label, quantity, (limit, climbs.step, pace), _units(view, climbs.step)),
            )


def _note_step(view: BedView, now_s: float) -> None:
    """Take up the last rise of a dose rate at any channel; a fall ends what was followed."""
    climbs = view.state.climbs
    for pump in view.config.pumps:
        steps = view.state.steps.get((pump.port, pump.channel))
        if steps is None or not steps.held:
            continue
        last = steps.held[-1]
        known = climbs.step
        if known is not None and (known.port, known.channel, known.since_s) == (pump.port, pump.channel, last.since_s):
            continue
        ago_s = steps.infusing_s - last.since_s
        before = steps.held[-2].dose_mg_per_kg_per_h if len(steps.held) > 1 else Decimal(0)
        if now_s - ago_s <= climbs.at_s and known is not None:
            continue  # an older step of another channel
        if last.dose_mg_per_kg_per_h > before:
            step = Step(pump.port, pump.channel, last.since_s, before, last.dose_mg_per_kg_per_h)
            climbs.stepped(step, now_s - ago_s)
        else:
            climbs.step = None


def _units(view: BedView, step: Step | None) -> EntryUnits:
    order = None if step is None else view.state.orders.get((step.port, step.channel))
    return MILLIGRAMS if order is None else drug_of(view, order).units


def _describe(
    label: str,
    quantity: Quantity,
    found: tuple[LimitConfig | None, Step | None, Pace | None],
    units: EntryUnits,
    _: Band,
) -> Particulars:
    limit, step, pace = found
    what = CANON[quantity].label
    if limit is None or step is None or pace is None:
        return Particulars(f"{label}: {what} climbs after a dose step.")
    unit = _UNITS.get(limit.unit, limit.unit)
    soft = limit.bands[0].value
    minutes = max(1, round(pace.meets_in_s / _MINUTE_S))
    values = ", ".join(f"{value.normalize():f}" for _, value in pace.points)
    ago = max(1, round(pace.points[-1][0] / _MINUTE_S))
    dose = units.text(step.now.normalize(), "mg/kg/h").removesuffix(f" {units.rate}")
    return Particulars(
        f"{label}: {what} climbs since the step to {dose} {units.rate} {ago} min ago: {values} {unit}. "
        f"At this pace it passes {soft} {unit} in {minutes} min.",
        pace.points[-1][1],
        limit.unit,
        None,
        (
            ("trend", "; ".join(f"{at_s:g} s: {value.normalize():f} {limit.unit}" for at_s, value in pace.points)),
            ("pace_per_min", f"{pace.per_min} {limit.unit}"),
            ("dose_rate_before_mg_per_kg_per_h", str(step.before)),
            ("dose_rate_mg_per_kg_per_h", str(step.now)),
            ("limit", f"{soft} {limit.unit}"),
            ("limit_origin", limit.origin),
            ("meets_limit_in_s", f"{pace.meets_in_s:.0f}"),
        ),
    )
