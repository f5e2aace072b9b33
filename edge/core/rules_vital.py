"""Rules about the vital signs of a bed: limits, values that are missing, and the age of the cuff pressure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache, partial
from typing import TypeAlias

from drivers.model import Quantity
from edge.core.catalogue import CATALOGUE, MISSING
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import LimitConfig
from edge.core.dose_units import MILLIGRAMS, EntryUnits, in_full, written
from edge.core.finding import Finding, Particulars, Stays, level
from edge.core.limits import bands_of, judge_limit, number_for
from edge.core.model import LimitPassed, Side
from edge.core.sources import CUFF, MEDIAN_OF, SourceState
from edge.core.validate import CANON, Value
from edge.core.view import CUFF_GRACE_S, TYPED, BedView

Vitals: TypeAlias = Mapping[Quantity, Value]
"""The present value of each vital sign, as `BedView.vitals` gives them: looked up once for all rules."""

_CUFF = CATALOGUE["NIBP_OVERDUE"]
CUFF_MEDIUM_MAX_S = 25 * 60.0
CUFF_HIGH_S = 30 * 60.0
LIMITS_MAX = 1024
"""So many limits are kept without their delay: those of some seventy beds."""

HR_APART_PER_MIN = 15
"""Two sources of one heart that are farther apart than this: one of them counts something else."""
_PLAIN_UNITS = {"mm[Hg]": "mmHg"}
"""UCUM codes that people write otherwise."""


def limits(view: BedView, vitals: Vitals, stays: Stays) -> Iterator[Finding]:
    """Judge the present value of each vital sign against its limits."""
    if not (view.config.monitors or view.state.therapy.typed):
        return  # nothing judges what the monitors of an earlier configuration left
    for limit, value in _present(view, vitals):
        judged = judge_limit(limit, value)
        if not stays(view.key(limit.condition), judged):
            yield _finding(view, limit, value, judged)


def limits_of_sample(view: BedView, source: SourceState, at_s: float, stays: Stays) -> Iterator[Finding]:
    """Judge the values that one sample brought, and those that it passed through, at its own moment."""
    name = source.name
    for limit, value in _present(view, view.vitals(at_s)):
        if value is not None and value.source == name:
            for passed in view.passed_through(source, limit.quantity, value):
                judged = judge_limit(limit, passed)
                if not stays(view.key(limit.condition), judged):
                    yield _finding(view, limit, passed, judged)


def _present(view: BedView, vitals: Vitals) -> Iterator[tuple[LimitConfig, Value | None]]:
    """Give each limit with the present value of its quantity."""
    for limit in view.limits().vital:
        value = vitals.get(limit.quantity)
        yield (limit if value is None or value.source != TYPED else at_once(limit)), value


@lru_cache(maxsize=LIMITS_MAX)
def at_once(limit: LimitConfig) -> LimitConfig:
    """Return a limit without delay: what a nurse measured is no artefact of a moment, and comes once."""
    return replace(limit, bands=tuple(replace(band, delay_s=0.0) for band in limit.bands), samples_min=1)


def _finding(view: BedView, limit: LimitConfig, value: Value | None, judged: Judgement | None) -> Finding:
    return Finding(
        view.key(limit.condition),
        judged,
        bands_of(limit),
        limit.clear_delay_s,
        partial(describe_limit, view.config.label, CANON[limit.quantity].label, limit, value),
        value=None if value is None else value.value if value.median is None else value.median,
    )


def describe_limit(  # noqa: PLR0917 - what one sentence is made of
    label: str, what: str, limit: LimitConfig, value: Value | None, band: Band, units: EntryUnits = MILLIGRAMS
) -> Particulars:
    """Say which limit was passed by which value; of a dose in the ``units`` of its library entry."""
    passed = next(row for row in limit.bands if row.name == band.name)
    number = None if value is None or value.value is None else number_for(passed, value, value.value)
    smoothed = number is not None and value is not None and number != value.value
    told_in = units.unit(limit.unit)
    unit = _PLAIN_UNITS.get(told_in, told_in)
    shown = "beyond what it can show" if number is None else f"{units.shown(number, limit.unit, limit.side)} {unit}"
    at = passed.value if told_in == limit.unit else Decimal(written(units.number(passed.value, limit.unit)))
    side = "above" if limit.side is Side.HIGH else "below"
    band_name = "hard" if passed.name == "bypass" else passed.name
    return Particulars(
        f"{label}: {what} {shown}, {side} the {band_name} limit {at} {unit}.",
        None if number is None else in_full(units, number, limit.unit, limit.side),
        told_in,
        LimitPassed(limit.side, passed.name, at, limit.origin),
        (
            ("limit", f"{at} {told_in}"),
            ("delay_s", f"{passed.delay_s:g}"),
            ("limit_origin", limit.origin),
            *((("judged_on", f"median of the last {MEDIAN_OF} samples"),) if smoothed else ()),
        ),
    )


def sources_disagree(view: BedView, vitals: Vitals, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Tell that the heart rate and the pulse rate are too far apart to be of one heart (H-38)."""
    if not (Quantity.HEART_RATE in view.config.vital_signs and Quantity.SPO2 in view.config.vital_signs):
        return
    heart, pulse = vitals.get(Quantity.HEART_RATE), vitals.get(Quantity.PULSE_RATE)
    judged: Judgement | None = None
    if heart is None or pulse is None:
        judged = level(INSIDE, now_s) if view.idle() else None
    elif heart.value is not None and pulse.value is not None and heart.usable and pulse.usable:
        apart = abs(heart.value - pulse.value) > HR_APART_PER_MIN
        judged = level(0 if apart else INSIDE, max(heart.sample_at_s, pulse.sample_at_s))
    key, entry = view.key("HR_SOURCES_DISAGREE"), CATALOGUE["HR_SOURCES_DISAGREE"]
    if stays(key, judged):
        return
    yield Finding(
        key,
        judged,
        entry.bands,
        entry.clear_delay_s,
        partial(_describe_apart, view.config.label, heart, pulse),
    )


def _describe_apart(label: str, heart: Value | None, pulse: Value | None, _: Band) -> Particulars:
    rates = tuple(
        (f"{value.quantity.value} ({value.origin or value.source})", f"{value.value} {value.unit}")
        for value in (heart, pulse)
        if value is not None
    )
    said = " and ".join(f"{name} {rate}" for name, rate in rates)
    return Particulars(f"{label}: {said} are more than {HR_APART_PER_MIN} apart.", evidence=rates)


def missing(view: BedView, vitals: Vitals, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Tell that an expected stream has no value. A lost link or a frozen device explains it: one alarm, not four."""
    if not view.config.monitors:
        return
    lost = not any(view.live(binding, now_s) for binding in view.config.monitors)
    for quantity in view.config.vital_signs:
        condition = MISSING.get(quantity)
        if condition is None:
            continue
        entry = CATALOGUE[condition]
        value = vitals.get(quantity)
        there = value is not None and value.usable
        if there or view.idle():
            judged: Judgement | None = level(INSIDE, now_s)
        else:
            judged = None if lost or not view.active() else level(len(entry.bands) - 1, now_s)
        key = view.key(condition)
        if stays(key, judged):
            continue
        yield Finding(
            key,
            judged,
            entry.bands,
            entry.clear_delay_s,
            partial(_describe_missing, view.config.label, CANON[quantity].label, value.note if value else ""),
        )


def _describe_missing(label: str, what: str, note: str, _: Band) -> Particulars:
    why = f" ({note})" if note else ""
    return Particulars(f"{label}: no {what} from the monitor{why}.")


def cuff_age(view: BedView, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Tell that the cuff pressure is overdue at an active bed (H-31)."""
    if not view.config.monitors or not any(quantity in CUFF for quantity in view.config.vital_signs):
        return
    since_s = view.state.active_since_s
    if since_s is None and stays(view.key("NIBP_OVERDUE"), level(INSIDE, now_s) if view.idle() else None):
        return
    taken_at_s = view.cuff_taken_at_s()
    interval_s = view.cuff_interval_s
    low_s = interval_s + CUFF_GRACE_S
    steps = [low_s, max(low_s, min(2 * interval_s, CUFF_MEDIUM_MAX_S))]
    if view.infusing():
        steps.append(max(low_s, CUFF_HIGH_S))
    # What was measured before the bed became active does not make it overdue at once.
    from_s = now_s if since_s is None else since_s if taken_at_s is None else max(taken_at_s, since_s)
    due_s = [from_s + step for step in steps]
    worst = sum(now_s >= at_s for at_s in due_s) - 1 if since_s is not None else INSIDE
    # At an active bed only a cuff pressure whose time is known lowers or ends what the run before found (law 2).
    held = len(_CUFF.bands) - 1 if since_s is not None and taken_at_s is None else worst
    yield Finding(
        view.key("NIBP_OVERDUE"),
        None if since_s is None and not view.idle() else Judgement(worst, held, now_s),
        _CUFF.bands,
        0.0,
        partial(_describe_cuff, view.config.label, now_s - from_s, interval_s),
        min((at_s for at_s in due_s if at_s > now_s), default=None) if since_s is not None else None,
    )


def _describe_cuff(label: str, age_s: float, interval_s: float, _: Band) -> Particulars:
    return Particulars(
        f"{label}: no cuff pressure for {age_s / 60:.0f} min; one is due every {interval_s / 60:.0f} min.",
        evidence=(("age_s", f"{age_s:.0f}"), ("interval_s", f"{interval_s:.0f}")),
    )
