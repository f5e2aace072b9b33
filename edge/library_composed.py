"""What the limits of an entry become for a patient: by each answer of the checklist, and if nobody answered any."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal

from edge.core.composed import DoseLimits, dose_limits
from edge.core.config import DrugConfig, Flag, LimitConfig
from edge.core.dose_units import EntryUnits
from edge.core.model import Instant
from edge.core.therapy import FREQUENT_IN_7_DAYS, Checklist, Known, Order, Patient

_SOMETIME = Instant(0.0, 0.0, synchronised=False)
_PER_MIN = 60
_NONE = "-"


def patient_with(flags: Collection[Flag]) -> Patient:
    """Return a patient of whom these flags are true, and no other."""

    def known(flag: Flag) -> Known:
        return Known.YES if flag in flags else Known.NO

    checklist = Checklist(
        heart_disease=known(Flag.HEART_DISEASE),
        cyp3a4_inhibitor=known(Flag.CYP3A4_INHIBITOR),
        cyp2b6_inhibitor=known(Flag.CYP2B6_INHIBITOR),
        age_65_or_over=known(Flag.AGE_65_OR_OVER),
        treatments_in_7_days=FREQUENT_IN_7_DAYS if Flag.FREQUENT in flags else 0,
    )
    return Patient("check", Decimal(1), checklist, "", _SOMETIME)


def smallest_order(drug: DrugConfig) -> Order:
    """Return the smallest order, whose low limit is the floor."""
    floor = drug.low_floor_mg_per_kg_per_h
    return Order("", "", drug.drug, Decimal(1), Decimal(1), floor, floor, "")


def composed_table(drug: DrugConfig) -> Iterator[str]:
    """Give the limits as a table: soft and hard, in the units of the entry, a line for each who."""
    first = f"first {drug.first_s / _PER_MIN:g} min"
    headings = ("limits, soft / hard", "dose rate", first, "session", "24 h", "without the weight", "recovery")
    rows = [headings, *_rows(drug)]
    kept = [column for column in range(len(headings)) if any(row[column] != _NONE for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in kept}
    for row in rows:
        yield "  ".join(row[column].ljust(widths[column]) for column in kept).rstrip()


def _rows(drug: DrugConfig) -> Iterator[tuple[str, ...]]:
    flags = [rule.flag for rule in drug.flags]
    yield _row("nothing of the checklist", drug, ())
    for flag in flags:
        yield _row(flag.value, drug, (flag,))
    if flags:
        # What nobody answered is taken for yes (law 4).
        yield _row("nothing was answered", drug, flags)


def _row(who: str, drug: DrugConfig, flags: Collection[Flag]) -> tuple[str, ...]:
    limits, units = dose_limits(drug, smallest_order(drug), patient_with(flags)), drug.units
    return (who, *_cells(limits, units), f"{limits.recovery_s / _PER_MIN:g} min")


def _cells(limits: DoseLimits, units: EntryUnits) -> Iterator[str]:
    for limit in (limits.dose_rate, limits.first, limits.session, limits.day, limits.mass_rate):
        yield _NONE if limit is None else _cell(limit, units)


def _cell(limit: LimitConfig, units: EntryUnits) -> str:
    unit = units.unit(limit.unit)
    values = [units.text(band.value.normalize(), limit.unit).removesuffix(f" {unit}") for band in limit.bands[:2]]
    return f"{' / '.join(values)} {unit}"
