"""What an entry of the drug library wants of vital signs, and what the answers of the checklist make of its limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from drivers.model import Quantity
from edge.config_file import HeartRate, Pressure, Problem, Reader, RespiratoryRate, Saturation, join, suggest
from edge.config_limits import STANDARD, Limit
from edge.core.config import DrugConfig, Flag, FlagRule, LimitConfig, VitalBand, VitalRule
from edge.core.dose_units import EntryUnits
from edge.core.model import Side
from edge.library_file import (
    AgeTable,
    EnzymeInhibitorTable,
    FlagTable,
    FrequentTreatmentTable,
    HeartDiseaseTable,
    RelativeTable,
    VitalTable,
)

_BASELINE = frozenset({Quantity.HEART_RATE, Quantity.NIBP_SYS, Quantity.NIBP_MEAN})
"""What a confirmed baseline has."""

_PRESSURES = (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN)
_FIXED: dict[Quantity, type[VitalTable[Decimal]]] = {
    Quantity.HEART_RATE: VitalTable[HeartRate],
    Quantity.RESPIRATORY_RATE: VitalTable[RespiratoryRate],
    Quantity.SPO2: VitalTable[Saturation],
    **dict.fromkeys(_PRESSURES, VitalTable[Pressure]),
}
_RELATIVE: dict[Quantity, type[RelativeTable[Decimal]]] = {
    Quantity.HEART_RATE: RelativeTable[HeartRate],
    **dict.fromkeys(_PRESSURES, RelativeTable[Pressure]),
}
_BANDS = ("soft", "hard")
_ENZYMES = {"CYP3A4": Flag.CYP3A4_INHIBITOR, "CYP2B6": Flag.CYP2B6_INHIBITOR}
_PERCENT = Decimal(100)


def read_vitals(library: Reader, raw: Mapping[str, object], parent: str) -> tuple[VitalRule, ...]:
    """Read ``[*.vital_signs.*]``. Short where something is refused."""
    if "vital_signs" not in raw:
        return ()
    section = library.section(raw, "vital_signs", parent) or {}
    key = join(parent, "vital_signs")
    rules = []
    for name in section:
        limit = STANDARD.get(name)
        if limit is None:
            library.refuse(join(key, name), "is not a known limit", suggest(name, STANDARD))
            continue
        table = library.section(section, name, key)
        bands = () if table is None else tuple(_bands(library, table, join(key, name), limit))
        _check_order(library, join(key, name), limit, bands)
        rules.append(VitalRule(limit.condition, bands))
    return tuple(rules)


def _bands(library: Reader, raw: Mapping[str, object], key: str, limit: Limit) -> Iterator[VitalBand]:
    relative = {name for name in _BANDS if isinstance(raw.get(name), dict)}
    if not relative and not any(name in raw for name in _BANDS):
        library.refuse(key, "says nothing", "give soft, hard or both, or remove it")
    own = {name: value for name, value in raw.items() if name not in relative}
    fixed = library.table(_FIXED[limit.quantity], own, key)
    for name in _BANDS:
        value = getattr(fixed, name, None)
        if value is not None:
            yield VitalBand(name, value, value)
        elif name in relative:
            band = library.section(raw, name, key)
            found = None if band is None else _relative(library, band, join(key, name), limit.quantity)
            if found is not None:
                yield VitalBand(name, found.least, found.most, found.of_baseline / _PERCENT)


def _relative(
    library: Reader, raw: Mapping[str, object], key: str, quantity: Quantity
) -> RelativeTable[Decimal] | None:
    if quantity not in _BASELINE:
        library.refuse(
            key, "has no baseline", "give one value as text; heart rate, systolic and mean pressure have one"
        )
        return None
    table = library.table(_RELATIVE[quantity], raw, key)
    if table is not None and table.least > table.most:
        library.refuse(join(key, "least"), f"{table.least} is above most {table.most}", "let least be below most")
        return None
    return table


def _check_order(library: Reader, key: str, limit: Limit, bands: tuple[VitalBand, ...]) -> None:
    """Refuse a soft band that the baseline could bring beyond the hard one."""
    found = {band.name: band for band in bands}
    soft, hard = found.get("soft"), found.get("hard")
    if soft is None or hard is None:
        return
    high = limit.side is Side.HIGH
    for here, there in ((soft.lowest, hard.lowest), (soft.highest, hard.highest)):
        if (here >= there) if high else (here <= there):
            reason = f"{there} is not beyond soft {here}"
            library.refuse(join(key, "hard"), reason, "let hard be worse than soft, at both clamps")
            return


def read_flags(library: Reader, raw: Mapping[str, object], key: str, units: EntryUnits) -> tuple[FlagRule, ...]:
    """Read what the answers of the checklist do. Short where something is refused."""
    return tuple(rule for name, kind in _FLAG_TABLES.items() for rule in _flag(library, raw, (key, name), kind, units))


_FLAG_TABLES: dict[str, type[FlagTable]] = {
    "heart_disease": HeartDiseaseTable,
    "enzyme_inhibitor": EnzymeInhibitorTable,
    "frequent_treatment": FrequentTreatmentTable,
    "age_65_or_over": AgeTable,
}


def _flag(
    library: Reader, raw: Mapping[str, object], where: tuple[str, str], kind: type[FlagTable], units: EntryUnits
) -> Iterator[FlagRule]:
    parent, name = where
    section = library.section(raw, name, parent) if name in raw else None
    if section is None:
        return
    key = join(parent, name)
    table = library.table(kind, section, key, {"units": units})
    match table:
        case HeartDiseaseTable():
            yield FlagRule(
                Flag.HEART_DISEASE,
                None if table.dose_rate_soft is None else units.mg_per_kg_per_h(table.dose_rate_soft),
                None if table.dose_rate_hard is None else units.mg_per_kg_per_h(table.dose_rate_hard),
                recovery_s=None if table.recovery is None else float(table.recovery),
                vitals=read_vitals(library, section, key),
            )
        case EnzymeInhibitorTable():
            for enzyme in table.enzymes:
                recovery_s = None if table.recovery is None else float(table.recovery)
                yield FlagRule(_ENZYMES[enzyme], factor=table.factor / _PERCENT, recovery_s=recovery_s)
        case FrequentTreatmentTable():
            yield FlagRule(Flag.FREQUENT, session_soft=units.mg_per_kg(table.session_soft))
        case AgeTable():
            yield FlagRule(Flag.AGE_65_OR_OVER, units.mg_per_kg_per_h(table.dose_rate_soft))
        case None:
            return


def check_against_standard(
    library: Reader, drugs: Iterable[DrugConfig], standard: Iterable[LimitConfig]
) -> tuple[Problem, ...]:
    """Refuse a band that the standard limits do not have; return as warnings what they are stricter in."""
    limits = {limit.condition: limit for limit in standard}
    warnings = []
    for drug in drugs:
        for rule in (*drug.vitals, *(each for flag in drug.flags for each in flag.vitals)):
            limit = limits[rule.condition]
            values = {band.name: band.value for band in limit.bands}
            for band in rule.bands:
                key = f"{drug.drug} {rule.condition} {band.name}"
                if band.name not in values:
                    # It would never alarm.
                    reason = f"the standard limits have no {band.name} band"
                    library.refuse(key, reason, "give them one in the edge's file, or remove it here")
                    continue
                laxest, most = (band.highest, values[band.name])
                if limit.side is Side.LOW:
                    laxest, most = (-band.lowest, -values[band.name])
                if laxest > most:
                    reason = f"{abs(laxest)} is laxer than the standard limit {abs(most)}, which holds besides"
                    remedy = "make it as strict, or have the standard limit changed"
                    warnings.append(Problem(library.file, key, reason, remedy))
    return tuple(warnings)
