"""Which limits hold for this order and this patient: the library's, the order's and the flags', made into one.

Laws:
  * Of several limits the strictest holds (`edge/core/strictest.py`).
  * A factor is on the fixed upper numbers (dose rate, first minutes, session, mg/h), never on what is ordered.
  * A soft bound that was passed with a reason is a low alarm, for a total what was ordered; the hard one stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from drivers.model import Quantity
from edge.core.composed_vital import vital_limits
from edge.core.config import NO_BOUNDS, BandLimit, Bounds, CoreConfig, DrugConfig, LimitConfig, TotalRule
from edge.core.limits import well_inside
from edge.core.model import Priority, Side
from edge.core.strictest import Acting, Candidate, acting_flags, because, strictest, with_values, worse_and_worse
from edge.core.therapy import Order, Patient
from edge.core.therapy_state import TherapyState

_PER_MIN = 60


@dataclass(frozen=True, slots=True)
class DoseLimits:
    """The limits of one order. ``acted`` are the flags that tightened something.

    ``dose_rate``, ``first`` (for ``first_s`` of infusing, in the place of ``dose_rate``) and ``low`` are on the dose
    rate, ``step`` on its rise within ``step_within_s``, all in mg/kg/h; ``session``, ``day`` (rolling 24 h) and
    ``bolus`` in mg/kg, ``mass_rate`` in mg/h, ``duration`` in min. ``None``: there is none of that kind.
    ``total`` bounds what may be ordered as a total, in mg/kg.
    """

    dose_rate: LimitConfig
    low: LimitConfig
    first_s: float
    step_within_s: float
    recovery_s: float
    first: LimitConfig | None = None
    step: LimitConfig | None = None
    session: LimitConfig | None = None
    day: LimitConfig | None = None
    mass_rate: LimitConfig | None = None
    duration: LimitConfig | None = None
    bolus: LimitConfig | None = None
    total: Bounds = NO_BOUNDS
    acted: tuple[str, ...] = ()

    def dose_rate_after(self, infused_s: float) -> LimitConfig:
        """Return the limit of the dose rate that holds when so long was infused: the first minutes have their own."""
        return self.dose_rate if self.first is None or infused_s >= self.first_s else self.first

    def in_force(self, infused_s: float) -> Iterator[LimitConfig]:
        """Give every limit that holds when so long was infused."""
        mine = self.dose_rate_after(infused_s)
        yield from (limit for limit in self.all() if limit.condition != mine.condition or limit is mine)

    def all(self) -> Iterator[LimitConfig]:
        """Give every limit that is there."""
        limits = (
            *(self.dose_rate, self.first, self.low, self.step, self.session),
            *(self.day, self.mass_rate, self.duration, self.bolus),
        )
        yield from (limit for limit in limits if limit is not None)


@dataclass(frozen=True, slots=True)
class ComposedLimits:
    """The limits of a bed: of its vital signs, and of the dose by (port, channel) of each order.

    ``well_inside`` is where a vital sign is back from every one of its limits, from the first number to the second.
    """

    vital: tuple[LimitConfig, ...]
    doses: dict[tuple[str, str], DoseLimits]
    well_inside: dict[Quantity, tuple[Decimal, Decimal]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "well_inside", well_inside(self.vital))


def compose(core: CoreConfig, therapy: TherapyState) -> ComposedLimits:
    """Return the limits that hold for a therapy."""
    drugs = {drug.drug: drug for drug in core.drugs}
    ordered = [(order, drugs[order.drug]) for order in therapy.orders]
    different = tuple({drug.drug: drug for _, drug in ordered}.values())
    return ComposedLimits(
        vital_limits(core.vital_limits, different, therapy.patient, therapy.baseline, therapy.adjusted),
        {(order.port, order.channel): dose_limits(drug, order, therapy.patient) for order, drug in ordered},
    )


# --- doses ------------------------------------------------------------------------------------------------------------


def dose_limits(drug: DrugConfig, order: Order, patient: Patient | None) -> DoseLimits:
    """Return the dose limits that hold for an order and a patient."""
    acting = acting_flags(drug, patient)
    dose_rate = _upper(drug.dose_rate_high, acting, order)
    first = None
    if drug.first_limit is not None:
        first = _first(_upper(drug.first_limit, acting, order), dose_rate, drug.first_s)
    mass_rate = None if drug.mass_rate_limit is None else _overridden(_scaled(drug.mass_rate_limit, acting), order)
    total = NO_BOUNDS
    session = None
    if drug.session is not None:
        soft, hard = _total_bounds(drug.session, acting, Decimal(1))
        total = Bounds(soft_high=soft.value, hard_high=hard.value)
        session = _session(drug, drug.session, acting, order, soft.value)
    limits = DoseLimits(
        dose_rate=dose_rate,
        low=low_limit(drug, order),
        first_s=drug.first_s,
        step_within_s=drug.step_within_s,
        recovery_s=max([drug.recovery_s, *(one.rule.recovery_s for one in acting if one.rule.recovery_s is not None)]),
        first=first,
        step=drug.step_limit,
        session=session,
        day=None if drug.day is None else _day(drug, drug.day),
        mass_rate=mass_rate,
        duration=_duration(drug, order),
        bolus=_bolus(drug),
        total=total,
    )
    longer = [one.name for one in acting if one.rule.recovery_s is not None and one.rule.recovery_s > drug.recovery_s]
    acted = [one.name for one in acting if any(one.name in limit.origin for limit in limits.all())]
    return replace(limits, acted=tuple(dict.fromkeys([*acted, *longer])))


def low_limit(drug: DrugConfig, order: Order) -> LimitConfig:
    """Return the low dose-rate limit: a share of the ordered step, not below the floor."""
    value = max(order.step_mg_per_kg_per_h * drug.low_fraction, drug.low_floor_mg_per_kg_per_h)
    why = f"{drug.low_fraction} of the ordered step of {drug.units.text(order.step_mg_per_kg_per_h, 'mg/kg/h')}"
    high = drug.dose_rate_high
    return LimitConfig(
        condition="DOSE_RATE_LOW",
        side=Side.LOW,
        quantity=Quantity.DOSE_RATE,
        unit=high.unit,
        bands=(BandLimit("soft", value, drug.low_priority, drug.low_delay_s),),
        hysteresis=Decimal(0),
        clear_delay_s=high.clear_delay_s,
        samples_min=high.samples_min,
        origin=because(high.origin, [why]),
    )


def _upper(limit: LimitConfig, acting: Iterable[Acting], order: Order) -> LimitConfig:
    """Compose a limit of the dose rate."""
    wanted: dict[str, list[Candidate]] = {band.name: _factored(band.value, acting) for band in limit.bands}
    for one in acting:
        for name, value in (("soft", one.rule.dose_rate_soft), ("hard", one.rule.dose_rate_hard)):
            if value is not None and name in wanted:
                wanted[name].append(Candidate(value, one.name))
    return _overridden(with_values(limit, {name: strictest(of, limit.side) for name, of in wanted.items()}), order)


def _scaled(limit: LimitConfig, acting: Iterable[Acting]) -> LimitConfig:
    wanted = {band.name: strictest(_factored(band.value, acting), limit.side) for band in limit.bands}
    return with_values(limit, wanted)


def _factored(value: Decimal, acting: Iterable[Acting]) -> list[Candidate]:
    factors = [(one.rule.factor, one.name) for one in acting if one.rule.factor is not None]
    return [Candidate(value), *(Candidate(value * factor, f"{name} (x {factor})") for factor, name in factors)]


def _first(first: LimitConfig, later: LimitConfig, first_s: float) -> LimitConfig:
    """Return the limit of the first minutes: by band the strictest, and the later one's bands that it has not."""
    others = {band.name: band for band in later.bands if band.priority is not Priority.LOW}
    bands = [_stricter(band, others.pop(band.name, band)) for band in first.bands]
    origin = because(first.origin, [f"first {first_s / _PER_MIN:g} min of infusing"])
    return replace(first, bands=worse_and_worse([*bands, *others.values()], first.side), origin=origin)


def _stricter(one: BandLimit, other: BandLimit) -> BandLimit:
    return one if one.value <= other.value else other


def _overridden(limit: LimitConfig, order: Order) -> LimitConfig:
    """Make a soft band that was passed with a reason a low one. A stricter one than that was not passed."""
    soft = limit.bands[0]
    for override in order.overrides:
        if override.condition == limit.condition and override.limit == soft.value:
            reason = f"soft limit passed by {override.by}: {override.reason}"
            bands = (replace(soft, priority=Priority.LOW), *limit.bands[1:])
            return replace(limit, bands=bands, origin=because(limit.origin, [reason]))
    return limit


# --- totals and times -------------------------------------------------------------------------------------------------


def _total_bounds(rule: TotalRule, acting: Sequence[Acting], tolerance: Decimal) -> tuple[Candidate, Candidate]:
    """Return the soft and the hard total; a flag's own number stands without the tolerance."""
    own = [Candidate(one.rule.session_soft, one.name) for one in acting if one.rule.session_soft is not None]
    soft = strictest([*_factored(rule.soft * tolerance, acting), *own], Side.HIGH)
    return soft, strictest(_factored(rule.hard, acting), Side.HIGH)


def _session(
    drug: DrugConfig, rule: TotalRule, acting: Sequence[Acting], order: Order, may_order: Decimal
) -> LimitConfig:
    """Compose the limit of the session: what was ordered and a little more, at most the library's.

    Where the library's soft total was passed with a reason, only what was ordered counts for the soft band.
    """
    cap, hard = _total_bounds(rule, acting, rule.tolerance)
    wanted = [cap]
    reasons = []
    for override in order.overrides:
        if override.condition == "DOSE_CUMULATIVE_HIGH" and override.limit in (may_order, cap.value):
            wanted = []
            reasons.append(f"soft limit passed by {override.by}: {override.reason}")
    if rule.of_ordered is not None and order.total_mg_per_kg is not None:
        why = f"{rule.of_ordered} of the ordered total of {drug.units.text(order.total_mg_per_kg, 'mg/kg')}"
        wanted.append(Candidate(order.total_mg_per_kg * rule.of_ordered, why))
    soft = strictest(wanted or [hard], Side.HIGH)
    bands = [
        BandLimit("soft", soft.value, Priority.MEDIUM, 0.0),
        BandLimit("hard", hard.value, Priority.HIGH, 0.0),
    ]
    origin = because(drug.dose_rate_high.origin, [soft.why, hard.why, *reasons])
    return _amount("DOSE_CUMULATIVE_HIGH", "mg/kg", bands, origin)


def _day(drug: DrugConfig, rule: TotalRule) -> LimitConfig:
    bands = [
        BandLimit("soft", rule.soft * rule.tolerance, Priority.MEDIUM, 0.0),
        BandLimit("hard", rule.hard, Priority.HIGH, 0.0),
    ]
    return _amount("DOSE_24H_HIGH", "mg/kg", bands, drug.dose_rate_high.origin)


def _duration(drug: DrugConfig, order: Order) -> LimitConfig | None:
    rule = drug.duration
    if rule is None or order.planned_s is None:
        return None
    planned = Decimal(str(order.planned_s)) / _PER_MIN
    bands = [
        BandLimit("soft", planned + Decimal(str(rule.soft_beyond_s)) / _PER_MIN, Priority.MEDIUM, 0.0),
        BandLimit("hard", planned * rule.hard_factor, Priority.HIGH, 0.0),
    ]
    origin = because(drug.dose_rate_high.origin, [f"planned are {planned.normalize():f} min"])
    return _amount("DURATION_HIGH", "min", bands, origin)


def _bolus(drug: DrugConfig) -> LimitConfig | None:
    if drug.bolus is None:
        return None
    bands = [
        BandLimit("soft", drug.bolus.soft, Priority.MEDIUM, 0.0),
        BandLimit("hard", drug.bolus.hard, Priority.HIGH, 0.0),
    ]
    return _amount("DOSE_BOLUS_HIGH", "mg/kg", bands, drug.dose_rate_high.origin)


def no_bolus(drug: DrugConfig) -> LimitConfig:
    """Return what holds for a bolus of a drug that the library has no bolus of: any is beyond it."""
    origin = because(drug.dose_rate_high.origin, ["it has no bolus of this drug"])
    return _amount("DOSE_BOLUS_HIGH", "mg/kg", [BandLimit("soft", Decimal(0), Priority.MEDIUM, 0.0)], origin)


def _amount(condition: str, unit: str, bands: Sequence[BandLimit], origin: str) -> LimitConfig:
    """Return a limit of what only grows: no delay, no hysteresis, one sample."""
    ordered = worse_and_worse(bands, Side.HIGH)
    return LimitConfig(condition, Side.HIGH, Quantity.DOSE_RATE, unit, ordered, Decimal(0), 0.0, 1, origin)
