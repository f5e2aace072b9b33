"""The dose rate of one drug from several channels together: doses of one drug on two channels add (design, section 8).

Laws:
  * It is judged where two or more channels of a bed have an order of one drug, by the strictest of their limits,
    which is that of the first minutes while the drug is in them.
  * A channel that is not heard is not known: what the others give may raise an alarm, and ends none (law 2).
  * One dose is one alarm: what the alarm of a channel tells as loudly does not begin here too.
  * The mg/h, which guard the weight, add likewise: the first channel's DOSE_MASS_RATE_HIGH is of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

from drivers.model import Quantity, Validity
from edge.core import rules_rise
from edge.core.condition import INSIDE, Band
from edge.core.config import Binding, DrugConfig, LimitConfig
from edge.core.dose import dose_rate
from edge.core.finding import Finding, IsTold, Particulars, Stays, level, unless_told
from edge.core.limits import bands_of, judge_limit
from edge.core.model import AlarmKey, Priority
from edge.core.rules_dose import drug_of
from edge.core.rules_vital import describe_limit
from edge.core.therapy import Order
from edge.core.validate import Value
from edge.core.view import BedView

_CONDITION = "DOSE_TOGETHER_HIGH"
_APART = (Band("soft", Priority.MEDIUM, 0.0), Band("hard", Priority.HIGH, 0.0), Band("bypass", Priority.HIGH, 0.0))
"""The bands of a limit of the dose rate, for an alarm whose orders are gone."""


def together(view: BedView, known: Iterable[AlarmKey], now_s: float, is_told: IsTold) -> Iterator[Finding]:
    """Judge what the channels of each drug give together, by the name of the first; end what is no longer together."""
    judged = set()
    for finding in _judged(view, now_s, is_told):
        judged.add(finding.key)
        yield finding
    for key in known:
        if key.condition == _CONDITION and key not in judged:
            yield Finding(
                key, level(INSIDE, now_s), _APART, 0.0, lambda _: Particulars("The orders are of one channel.")
            )


def _judged(view: BedView, now_s: float, is_told: IsTold) -> Iterator[Finding]:
    for channels in _several(view):
        finding = _finding(view, channels, now_s)
        for pump, _ in channels:
            finding = unless_told(finding, view.key("DOSE_RATE_HIGH", pump), is_told)
        yield finding


def _several(view: BedView) -> Iterator[Sequence[tuple[Binding, Order]]]:
    """Give the channels of each drug that two or more have an order of."""
    if len(view.state.orders) < 2:  # noqa: PLR2004 - one channel has its own alarm
        return
    ordered: dict[str, list[tuple[Binding, Order]]] = {}
    for pump in view.config.pumps:
        order = view.order(pump)
        if order is not None:
            ordered.setdefault(order.drug, []).append((pump, order))
    yield from (channels for channels in ordered.values() if len(channels) > 1)


def mass_rate(view: BedView, now_s: float, is_told: IsTold, stays: Stays) -> Iterator[Finding]:
    """Judge the mg/h of each channel, and in the place of the first of several of one drug what all of them give."""
    several = list(_several(view))
    first = {channels[0][0] for channels in several}
    for pump in view.config.pumps:
        if pump not in first:
            yield from rules_rise.mass_rate(view, pump, now_s, stays)
    for channels in several:
        finding = _mass_finding(view, channels, now_s)
        if finding is not None:
            for other, _ in channels[1:]:
                finding = unless_told(finding, view.key("DOSE_MASS_RATE_HIGH", other), is_told)
            yield finding


def _mass_finding(view: BedView, channels: Sequence[tuple[Binding, Order]], now_s: float) -> Finding | None:
    composed = [view.limits().doses[pump.port, pump.channel].mass_rate for pump, _ in channels]
    limits = [limit for limit in composed if limit is not None]
    if not limits:
        return None
    limit = min(limits, key=lambda limit: [band.value for band in limit.bands])
    values = [(pump, _mass(view, pump, order, now_s)) for pump, order in channels]
    value = _sum([mass for _, mass in values])
    said = tuple((pump, None if mass is None else mass.value) for pump, mass in values)
    drug = drug_of(view, channels[0][1])
    return Finding(
        view.key("DOSE_MASS_RATE_HIGH", channels[0][0]),
        judge_limit(limit, value),
        bands_of(limit),
        limit.clear_delay_s,
        partial(_describe, view.config.label, drug, limit, (value, said)),
        value=None if value is None else value.value,
    )


def _mass(view: BedView, pump: Binding, order: Order, now_s: float) -> Value | None:
    """Return the mg/h that a channel gives; ``None`` where that is not known."""
    rate = view.rate(pump, now_s)
    if rate is None or not rate.usable or not view.live(pump, now_s):
        return None
    return rules_rise.mass_rate_of(rate, order)


def _finding(view: BedView, channels: Sequence[tuple[Binding, Order]], now_s: float) -> Finding:
    limit = _limit(view, [pump for pump, _ in channels], channels[0][1].drug)
    doses = [(pump, _dose(view, pump, order, now_s)) for pump, order in channels]
    value = _sum([dose for _, dose in doses])
    said = tuple((pump, None if dose is None else dose.value) for pump, dose in doses)
    return Finding(
        view.key(_CONDITION, channels[0][0]),
        judge_limit(limit, value),
        bands_of(limit),
        limit.clear_delay_s,
        partial(_describe, view.config.label, drug_of(view, channels[0][1]), limit, (value, said)),
        value=None if value is None else value.value,
    )


def _limit(view: BedView, pumps: Sequence[Binding], drug: str) -> LimitConfig:
    composed = [view.limits().doses[pump.port, pump.channel] for pump in pumps]
    limits = [one.dose_rate_after(view.infused_s(drug)) for one in composed]
    return min(limits, key=lambda limit: [band.value for band in limit.bands])


def _dose(view: BedView, pump: Binding, order: Order, now_s: float) -> Value | None:
    """Return what a channel gives; ``None`` where that is not known."""
    rate = view.rate(pump, now_s)
    dose = None if rate is None or not view.live(pump, now_s) else dose_rate(rate, order)
    return dose if dose is not None and dose.usable else None


def _sum(doses: Sequence[Value | None]) -> Value | None:
    known = [dose for dose in doses if dose is not None and dose.value is not None]
    if not known:
        return None
    sure = len(known) == len(doses) and all(dose.validity is Validity.VALID for dose in known)
    return known[0]._replace(
        quantity=Quantity.DOSE_RATE,
        value=sum((dose.value for dose in known if dose.value is not None), Decimal(0)),
        resolution=sum((dose.resolution for dose in known), Decimal(0)),
        validity=Validity.VALID if sure else Validity.QUESTIONABLE,
        sample_at_s=max(dose.sample_at_s for dose in known),
    )


def _describe(
    label: str,
    drug: DrugConfig,
    limit: LimitConfig,
    found: tuple[Value | None, tuple[tuple[Binding, Decimal | None], ...]],
    band: Band,
) -> Particulars:
    value, doses = found
    plain = describe_limit(label, f"{drug.label} from {len(doses)} channels together", limit, value, band, drug.units)
    name = "dose_rate_mg_per_kg_per_h" if limit.unit == "mg/kg/h" else "mass_rate_mg_per_h"
    each = tuple(
        (f"{name}.{pump.port}.{pump.channel}", "not known" if dose is None else str(dose)) for pump, dose in doses
    )
    terms = " + ".join(str(dose) for _, dose in doses if dose is not None)
    arithmetic = (("arithmetic", f"{terms} = {value.value} {limit.unit}"),) if value is not None else ()
    return replace(plain, evidence=(*each, *arithmetic, *plain.evidence))
