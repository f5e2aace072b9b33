"""Limits: the standard limits of the vital signs in the edge's file, and those of the drug library.

A limit has a soft band, a hard one, and a bypass band that is hard at once. The bands must grow worse, and the
hysteresis must leave room to clear: else one band never ends, or two fight (H-34).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from drivers.model import Quantity
from edge.config_file import (
    DoseRate,
    DoseRateLowTable,
    DoseRateStep,
    DrugTable,
    HeartRate,
    LibraryTable,
    LimitTable,
    Pressure,
    PressureStep,
    RateStep,
    Reader,
    RespiratoryRate,
    Saturation,
    SaturationStep,
    join,
    suggest,
)
from edge.core.config import BandLimit, DrugConfig, LimitConfig
from edge.core.model import Priority, Side

STREAM_SAMPLES_MIN = 2
"""One sample of a stream is never enough for a delayed alarm (SM-A3)."""

CUFF_SAMPLES_MIN = 1
"""The next cuff pressure comes minutes later: the first one counts."""

LimitShape = LimitTable[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a limit of the file is about. ``end`` is where the scale itself ends on the good side, if it does."""

    condition: str
    side: Side
    quantity: Quantity
    unit: str
    table: type[LimitShape]
    samples_min: int = STREAM_SAMPLES_MIN
    end: Decimal | None = None


_HEART_RATE = LimitTable[HeartRate, RateStep]
_RESPIRATORY_RATE = LimitTable[RespiratoryRate, RateStep]
_PRESSURE = LimitTable[Pressure, PressureStep]
_SATURATION = LimitTable[Saturation, SaturationStep]
_LOW, _HIGH = Side.LOW, Side.HIGH
_SYS, _DIA, _MEAN = Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN

_STANDARD = {
    "heart_rate_low": _Limit("HR_LOW", _LOW, Quantity.HEART_RATE, "/min", _HEART_RATE),
    "heart_rate_high": _Limit("HR_HIGH", _HIGH, Quantity.HEART_RATE, "/min", _HEART_RATE),
    "nibp_sys_low": _Limit("BP_SYS_LOW", _LOW, _SYS, "mm[Hg]", _PRESSURE, CUFF_SAMPLES_MIN),
    "nibp_sys_high": _Limit("BP_SYS_HIGH", _HIGH, _SYS, "mm[Hg]", _PRESSURE, CUFF_SAMPLES_MIN),
    "nibp_dia_low": _Limit("BP_DIA_LOW", _LOW, _DIA, "mm[Hg]", _PRESSURE, CUFF_SAMPLES_MIN),
    "nibp_dia_high": _Limit("BP_DIA_HIGH", _HIGH, _DIA, "mm[Hg]", _PRESSURE, CUFF_SAMPLES_MIN),
    "nibp_mean_low": _Limit("BP_MEAN_LOW", _LOW, _MEAN, "mm[Hg]", _PRESSURE, CUFF_SAMPLES_MIN),
    "nibp_mean_high": _Limit("BP_MEAN_HIGH", _HIGH, _MEAN, "mm[Hg]", _PRESSURE, CUFF_SAMPLES_MIN),
    "spo2_low": _Limit("SPO2_LOW", _LOW, Quantity.SPO2, "%", _SATURATION, end=Decimal(100)),
    "respiratory_rate_low": _Limit("RR_LOW", _LOW, Quantity.RESPIRATORY_RATE, "/min", _RESPIRATORY_RATE),
    "respiratory_rate_high": _Limit("RR_HIGH", _HIGH, Quantity.RESPIRATORY_RATE, "/min", _RESPIRATORY_RATE),
}
_DOSE_RATE_HIGH = _Limit(
    "DOSE_RATE_HIGH", _HIGH, Quantity.DOSE_RATE, "mg/kg/h", LimitTable[DoseRate, DoseRateStep], end=Decimal(0)
)


def read_standard_limits(edge: Reader) -> tuple[LimitConfig, ...]:
    """Read ``[standard_limits.*]``. Every one must be there: nothing is ever unarmed. Short where one is refused."""
    section = edge.section(edge.content, "standard_limits")
    if section is None:
        return ()
    for name in sorted(section.keys() - _STANDARD.keys()):
        edge.refuse(f"standard_limits.{name}", "is not a known limit", suggest(name, _STANDARD))
    tables: dict[str, LimitShape] = {}
    for name, limit in _STANDARD.items():
        raw = edge.section(section, name, "standard_limits")
        table = None if raw is None else edge.table(limit.table, raw, f"standard_limits.{name}")
        if table is not None:
            tables[name] = table
            _check(edge, f"standard_limits.{name}", limit, table)
    for name, low in tables.items():
        opposite = f"{name.removesuffix('_low')}_high"
        if name.endswith("_low") and opposite in tables:
            _check_pair(edge, name, low, opposite, tables[opposite])
    origin = f"standard limits, {Path(edge.file).name}"
    return tuple(_config(_STANDARD[name], table, origin) for name, table in tables.items())


def read_library(library: Reader, *, clinical: bool) -> tuple[DrugConfig, ...]:
    """Read the drug library's entries. Clinical mode refuses those that are not approved."""
    library.table(LibraryTable, library.content, "")
    drugs = []
    ids: dict[str, str] = {}
    pump_names: dict[str, str] = {}
    for key, raw in library.rows(library.content, "drug", least=1):
        drug = _drug(library, key, raw, clinical=clinical)
        if drug is None:
            continue
        library.once(ids, drug.drug, join(key, "id"))
        for index, name in enumerate(drug.pump_names):
            # One name for two drugs would hold a pump against the wrong limits.
            library.once(pump_names, name.casefold(), f"{key}.pump_names[{index}]")
        drugs.append(drug)
    return tuple(drugs)


def _drug(library: Reader, key: str, raw: Mapping[str, object], *, clinical: bool) -> DrugConfig | None:
    drug = library.table(DrugTable, raw, key)
    high_key = join(key, "dose_rate_high")
    high_raw = library.section(raw, "dose_rate_high", key)
    low_raw = library.section(raw, "dose_rate_low", key)
    high = None if high_raw is None else library.table(_DOSE_RATE_HIGH.table, high_raw, high_key)
    low = None if low_raw is None else library.table(DoseRateLowTable, low_raw, join(key, "dose_rate_low"))
    if high is not None:
        _check(library, high_key, _DOSE_RATE_HIGH, high)
        if high.hard is None:
            # Without one, a tenfold dose would be a medium alarm.
            library.refuse(join(high_key, "hard"), "is missing", "give every drug a hard limit")
    if clinical and drug is not None and not drug.approved:
        remedy = "have it approved by a clinician and set approved = true, or remove the entry"
        library.refuse(join(key, "approved"), "clinical mode refuses a drug that is not approved", remedy)
    if drug is None or high is None or low is None:
        return None
    approval = "" if drug.approved else ", not approved"
    return DrugConfig(
        drug.id,
        drug.label,
        tuple(drug.pump_names),
        _config(_DOSE_RATE_HIGH, high, f"drug library {Path(library.file).name}, {drug.id}{approval}"),
        low.part_of_step / 100,
        low.floor,
        float(low.delay),
    )


def _check(reader: Reader, key: str, limit: _Limit, table: LimitShape) -> None:
    """Check the bands of one limit against each other."""
    if (table.hard is None) != (table.hard_delay is None):
        reader.refuse(join(key, "hard_delay"), "does not fit: hard and hard_delay go together", "give both or none")
    elif table.hard_delay is not None and table.hard_delay > table.soft_delay:
        reader.refuse(join(key, "hard_delay"), "is longer than soft_delay", "let the worse alarm wait no longer")
    if table.bypass is not None and table.hard is None:
        reader.refuse(join(key, "bypass"), "has no hard band to bypass the delay of", "give hard and hard_delay too")
    bands = [("soft", table.soft), ("hard", table.hard), ("bypass", table.bypass)]
    given = [(name, value) for name, value in bands if value is not None]
    for (milder, mild), (worse, bad) in pairwise(given):
        distance = bad - mild if limit.side is Side.HIGH else mild - bad
        if distance <= 0:
            reader.refuse(join(key, worse), f"{bad} is not beyond {milder} {mild}", f"move {worse} beyond {milder}")
        elif table.hysteresis > distance:
            reason = f"{table.hysteresis} is more than the {distance} from {milder} to {worse}"
            reader.refuse(join(key, "hysteresis"), reason, "make it smaller, or move the bands apart")
    if limit.end is not None:
        _check_room(reader, key, table, abs(limit.end - table.soft), "from soft to the end of the scale")


def _check_pair(reader: Reader, low_name: str, low: LimitShape, high_name: str, high: LimitShape) -> None:
    distance = high.soft - low.soft
    low_key, high_key = f"standard_limits.{low_name}", f"standard_limits.{high_name}"
    if distance <= 0:
        reader.refuse(
            join(low_key, "soft"), f"{low.soft} is not below {high_name} {high.soft}", "let low be below high"
        )
        return
    _check_room(reader, low_key, low, distance, f"from soft to {high_name}")
    _check_room(reader, high_key, high, distance, f"from soft to {low_name}")


def _check_room(reader: Reader, key: str, table: LimitShape, distance: Decimal, where: str) -> None:
    if table.hysteresis >= distance:
        reason = f"{table.hysteresis} leaves no room to clear: it is {distance} {where}"
        reader.refuse(join(key, "hysteresis"), reason, "make it smaller, or move the limits apart")


def _config(limit: _Limit, table: LimitShape, origin: str) -> LimitConfig:
    priority = Priority[table.soft_priority.upper()]
    bands = [BandLimit("soft", table.soft, priority, float(table.soft_delay))]
    if table.hard is not None and table.hard_delay is not None:
        bands.append(BandLimit("hard", table.hard, Priority.HIGH, float(table.hard_delay)))
    if table.bypass is not None:
        bands.append(BandLimit("bypass", table.bypass, Priority.HIGH, 0.0))
    return LimitConfig(
        limit.condition,
        limit.side,
        limit.quantity,
        limit.unit,
        tuple(bands),
        table.hysteresis,
        float(table.clear_delay),
        limit.samples_min,
        origin,
    )
