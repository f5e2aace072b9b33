"""Limits as files tell them: their bands, what does not fit in them, and the standard limits of the edge's file.

A limit has a soft band, a hard one, and a bypass band that is hard at once. The bands must grow worse, and the
hysteresis must leave room to clear: else one band never ends, or two fight (H-34).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from drivers.model import Quantity
from edge.config_file import (
    HeartRate,
    LimitTable,
    Pressure,
    PressureStep,
    RateStep,
    Reader,
    RespiratoryRate,
    Saturation,
    SaturationStep,
    StandardTable,
    join,
    suggest,
)
from edge.core.config import BandLimit, LimitConfig
from edge.core.model import Priority, Side

STREAM_SAMPLES_MIN = 2
"""One sample of a stream is never enough for a delayed alarm (SM-A3)."""

CUFF_SAMPLES_MIN = 1
"""The next cuff pressure comes minutes later: the first one counts."""

LimitShape = LimitTable[Decimal, Decimal]
StandardShape = StandardTable[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a limit of the file is about. ``end`` is where the scale itself ends on the good side, if it does."""

    condition: str
    side: Side
    quantity: Quantity
    unit: str
    samples_min: int = STREAM_SAMPLES_MIN
    end: Decimal | None = None


_TABLES: dict[Quantity, type[StandardShape]] = {
    Quantity.HEART_RATE: StandardTable[HeartRate, RateStep],
    Quantity.RESPIRATORY_RATE: StandardTable[RespiratoryRate, RateStep],
    Quantity.SPO2: StandardTable[Saturation, SaturationStep],
    Quantity.NIBP_SYS: StandardTable[Pressure, PressureStep],
    Quantity.NIBP_DIA: StandardTable[Pressure, PressureStep],
    Quantity.NIBP_MEAN: StandardTable[Pressure, PressureStep],
}
_LOW, _HIGH = Side.LOW, Side.HIGH
_SYS, _DIA, _MEAN = Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN

STANDARD = {
    "heart_rate_low": Limit("HR_LOW", _LOW, Quantity.HEART_RATE, "/min"),
    "heart_rate_high": Limit("HR_HIGH", _HIGH, Quantity.HEART_RATE, "/min"),
    "nibp_sys_low": Limit("BP_SYS_LOW", _LOW, _SYS, "mm[Hg]", CUFF_SAMPLES_MIN),
    "nibp_sys_high": Limit("BP_SYS_HIGH", _HIGH, _SYS, "mm[Hg]", CUFF_SAMPLES_MIN),
    "nibp_dia_low": Limit("BP_DIA_LOW", _LOW, _DIA, "mm[Hg]", CUFF_SAMPLES_MIN),
    "nibp_dia_high": Limit("BP_DIA_HIGH", _HIGH, _DIA, "mm[Hg]", CUFF_SAMPLES_MIN),
    "nibp_mean_low": Limit("BP_MEAN_LOW", _LOW, _MEAN, "mm[Hg]", CUFF_SAMPLES_MIN),
    "nibp_mean_high": Limit("BP_MEAN_HIGH", _HIGH, _MEAN, "mm[Hg]", CUFF_SAMPLES_MIN),
    "spo2_low": Limit("SPO2_LOW", _LOW, Quantity.SPO2, "%", end=Decimal(100)),
    "respiratory_rate_low": Limit("RR_LOW", _LOW, Quantity.RESPIRATORY_RATE, "/min"),
    "respiratory_rate_high": Limit("RR_HIGH", _HIGH, Quantity.RESPIRATORY_RATE, "/min"),
}


def read_standard_limits(edge: Reader) -> tuple[LimitConfig, ...]:
    """Read ``[standard_limits.*]``. Every one must be there: nothing is ever unarmed. Short where one is refused."""
    section = edge.section(edge.content, "standard_limits")
    if section is None:
        return ()
    for name in sorted(section.keys() - STANDARD.keys()):
        edge.refuse(f"standard_limits.{name}", "is not a known limit", suggest(name, STANDARD))
    tables: dict[str, StandardShape] = {}
    before = len(edge.problems)
    for name, limit in STANDARD.items():
        raw = edge.section(section, name, "standard_limits")
        table = None if raw is None else edge.table(_TABLES[limit.quantity], raw, f"standard_limits.{name}")
        if table is not None:
            tables[name] = table
            check_bands(edge, f"standard_limits.{name}", limit, table)
    for name, low in tables.items():
        opposite = f"{name.removesuffix('_low')}_high"
        if name.endswith("_low") and opposite in tables:
            _check_pair(edge, name, low, opposite, tables[opposite])
    if len(edge.problems) == before:
        for name, table in tables.items():
            _check_adjustable(edge, f"standard_limits.{name}", table)
    origin = f"standard limits, {Path(edge.file).name}"
    return tuple(_adjustable(limit_config(STANDARD[name], table, origin), table) for name, table in tables.items())


def check_bands(reader: Reader, key: str, limit: Limit, table: LimitShape) -> None:
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


def _check_adjustable(reader: Reader, key: str, table: StandardShape) -> None:
    for name, value in (("soft", table.soft), ("hard", table.hard)):
        bounds = _bounds(table, name)
        if bounds is None:
            continue
        if value is None:
            reader.refuse(join(key, f"adjust_{name}"), f"has no {name} band to adjust", f"give {name}, or remove it")
        elif not bounds[0] <= value <= bounds[1]:
            reason = f"{bounds[0]} to {bounds[1]} is not around {name} {value}"
            reader.refuse(join(key, f"adjust_{name}"), reason, "give the lower end first, and the limit between both")


def _bounds(table: StandardShape, name: str) -> list[Decimal] | None:
    return table.adjust_soft if name == "soft" else table.adjust_hard if name == "hard" else None


def _adjustable(limit: LimitConfig, table: StandardShape) -> LimitConfig:
    bands = []
    for band in limit.bands:
        least, most = _bounds(table, band.name) or (None, None)
        bands.append(replace(band, adjust_from=least, adjust_to=most))
    return replace(limit, bands=tuple(bands))


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


def limit_config(limit: Limit, table: LimitShape, origin: str) -> LimitConfig:
    """Return a limit as the core knows it, with the numbers as the file tells them."""
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
