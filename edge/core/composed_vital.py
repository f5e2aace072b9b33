"""Which limits of vital signs hold for this patient: the standard ones, tightened by drugs and flags, set by people.

Laws:
  * A drug only tightens the standard limits; a person may loosen them for one patient, inside the site's bounds.
  * What follows the baseline stays inside its clamps; without a baseline it is the clamp's outer end (H-30).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from drivers.model import Quantity
from edge.core.config import BandLimit, DrugConfig, LimitConfig, VitalBand
from edge.core.model import Side
from edge.core.strictest import Candidate, acting_flags, strictest, with_values
from edge.core.therapy import Baseline, Patient
from edge.core.therapy_state import AdjustedLimit


def vital_limits(
    standard: tuple[LimitConfig, ...],
    drugs: Sequence[DrugConfig],
    patient: Patient | None,
    baseline: Baseline | None,
    adjusted: Sequence[AdjustedLimit] = (),
) -> tuple[LimitConfig, ...]:
    """Return the limits of the vital signs that hold for a patient who gets these drugs."""
    if not drugs and not adjusted:
        return standard
    return tuple(_vital(limit, drugs, patient, baseline, adjusted) for limit in standard)


def _vital(
    limit: LimitConfig,
    drugs: Sequence[DrugConfig],
    patient: Patient | None,
    baseline: Baseline | None,
    adjusted: Sequence[AdjustedLimit],
) -> LimitConfig:
    usual = _baseline_of(baseline, limit.quantity)
    wanted: dict[str, list[Candidate]] = {band.name: [Candidate(band.value)] for band in limit.bands}
    for drug in drugs:
        for name, candidate in _wanted(drug, limit, patient, usual):
            wanted.setdefault(name, []).append(candidate)
    best = {name: strictest(candidates, limit.side) for name, candidates in wanted.items()}
    for each in adjusted:
        band = next((band for band in limit.bands if band.name == each.band), None)
        if (each.condition, each.side) == (limit.condition, limit.side) and band is not None:
            value = inside_bounds(band, each.value)
            if value is not None:
                best[band.name] = Candidate(value, f"set for this patient by {each.by}")
    return with_values(limit, best)


def inside_bounds(band: BandLimit, value: Decimal) -> Decimal | None:
    """Return the nearest value that the site allows for one patient; ``None`` if it allows none."""
    if band.adjust_from is None or band.adjust_to is None:
        return None
    return min(max(value, band.adjust_from), band.adjust_to)


def _wanted(
    drug: DrugConfig, limit: LimitConfig, patient: Patient | None, usual: Decimal | None
) -> Iterator[tuple[str, Candidate]]:
    """Give what a drug and the flags that act on it want of the bands of a limit."""
    rules = [(rule, "") for rule in drug.vitals]
    rules += [(rule, f", {one.name}") for one in acting_flags(drug, patient) for rule in one.rule.vitals]
    for rule, flag in rules:
        if rule.condition != limit.condition:
            continue
        for band in rule.bands:
            value, how = _band_value(band, limit.side, usual)
            yield band.name, Candidate(value, f"{drug.drug}{flag}{how}")


def _band_value(band: VitalBand, side: Side, usual: Decimal | None) -> tuple[Decimal, str]:
    if band.of_baseline is None:
        return (band.lowest if side is Side.LOW else band.highest), ""
    if usual is None:
        return (band.lowest if side is Side.LOW else band.highest), ", no baseline"
    value = min(max(usual * band.of_baseline, band.lowest), band.highest)
    return value, f", {band.of_baseline} of the baseline of {usual} within {band.lowest} to {band.highest}"


def _baseline_of(baseline: Baseline | None, quantity: Quantity) -> Decimal | None:
    if baseline is None:
        return None
    match quantity:
        case Quantity.HEART_RATE:
            return baseline.heart_rate_per_min
        case Quantity.NIBP_SYS:
            return baseline.nibp_sys_mmhg
        case Quantity.NIBP_MEAN:
            return baseline.nibp_mean_mmhg
        case _:
            return None
