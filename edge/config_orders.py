"""The tables `[[demo_order]]`: what a demonstration infuses without anybody ordering it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from drivers.model import DeviceKind
from edge.config_beds import BedsReader
from edge.config_file import OrderTable, Reader, join, suggest
from edge.core.config import DrugConfig, LimitConfig
from edge.core.inputs import PlaceOrder
from edge.core.therapy import Order


def read_orders(
    edge: Reader, beds: BedsReader, drugs: tuple[DrugConfig, ...] | None, *, clinical: bool
) -> tuple[PlaceOrder, ...]:
    """Check every `[[demo_order]]` against its bed and the library; ``drugs`` is ``None`` if that cannot be used."""
    library = None if drugs is None else {drug.drug: drug.dose_rate_high for drug in drugs}
    channels: dict[str, str] = {}
    weights: dict[str, Decimal] = {}
    orders = []
    for key, raw in edge.rows(edge.content, "demo_order"):
        if clinical:
            edge.refuse(key, "clinical mode has no demonstration orders", "remove it")
        table = edge.table(OrderTable, raw, key)
        if table is None:
            continue
        _check_order(edge, beds, table, key, library)
        edge.once(channels, f"{table.port} {table.channel}", join(key, "channel"))
        if weights.setdefault(table.bed, table.weight) != table.weight:
            reason = f'bed "{table.bed}" has another weight in another order'
            edge.refuse(join(key, "weight"), reason, "a bed has one patient: give one weight")
        orders.append(_place_order(table, f"{Path(edge.file).name} {key}"))
    return tuple(orders)


def _check_order(
    edge: Reader, beds: BedsReader, table: OrderTable, key: str, library: Mapping[str, LimitConfig] | None
) -> None:
    bound = beds.bound.get((table.port, table.channel))
    is_pump_of_bed = bound is not None and bound.bed == table.bed and bound.kind is DeviceKind.PUMP
    if table.bed not in beds.ids:
        remedy = suggest(table.bed, beds.ids)
        edge.refuse(join(key, "bed"), f'"{table.bed}" is no bed', remedy)
    elif not is_pump_of_bed and table.bed not in beds.doubtful:
        reason = f'channel {table.channel} of "{table.port}" is no pump of bed "{table.bed}"'
        edge.refuse(join(key, "channel"), reason, "name a channel that is listed under the bed's pumps")
    if table.step > table.maximum:
        reason = f"the step {table.step} mg/kg/h is above the maximum {table.maximum} mg/kg/h"
        edge.refuse(join(key, "step"), reason, "order a step up to the maximum")
    if library is None:
        return
    if table.drug not in library:
        edge.refuse(join(key, "drug"), f'"{table.drug}" is not in the library', suggest(table.drug, library))
        return
    worst = library[table.drug].bands[:2][-1]  # hard; bypass is only sooner
    if table.maximum > worst.value:
        reason = f"{table.maximum} mg/kg/h is above the library's {worst.name} limit {worst.value} mg/kg/h"
        edge.refuse(join(key, "maximum"), reason, "order less, or correct the library")


def _place_order(table: OrderTable, origin: str) -> PlaceOrder:
    order = Order(
        table.port,
        table.channel,
        table.drug,
        table.concentration,
        table.weight,
        table.step,
        table.maximum,
        origin,
        given_before_mg=table.given_before,
    )
    return PlaceOrder(table.bed, order)
