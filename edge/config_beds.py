"""The tables `[[bed]]`: which devices are at a bed, and what is to be known there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from drivers.model import DeviceKind, IdentitySupport, NibpTime, Quantity
from edge.config_file import BedTable, BindingTable, MonitorTable, Reader, join, suggest
from edge.config_ports import Port
from edge.core.config import BedConfig, Binding, IdentityPolicy

_QUANTITIES = {
    "heart_rate": (Quantity.HEART_RATE,),
    "spo2": (Quantity.SPO2,),
    "respiratory_rate": (Quantity.RESPIRATORY_RATE,),
    "nibp": (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN),
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A channel that a bed has, and where that stands in the file; ``bed`` is as the file says it."""

    key: str
    bed: object
    kind: DeviceKind


class BedsReader:
    """Reads `[[bed]]`; ``ports`` has those of the file by name, ``None`` for one that is refused."""

    def __init__(self, edge: Reader, ports: Mapping[str, Port | None]) -> None:
        self._edge = edge
        self._ports = ports
        self._labels: dict[str, str] = {}
        self._serial_numbers: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.bound: dict[tuple[str, str], Bound] = {}
        self.ports_used: set[str] = set()
        self.doubtful: set[str] = set()
        """Beds of which a binding is refused: an order there cannot be judged."""

    def read(self) -> tuple[BedConfig, ...]:
        """Check every `[[bed]]` with its bindings, and return those that can be used."""
        beds = [self._bed(key, row) for key, row in self._edge.rows(self._edge.content, "bed", least=1)]
        return tuple(bed for bed in beds if bed is not None)

    def _bed(self, key: str, raw: Mapping[str, object]) -> BedConfig | None:
        self._edge.once(self.ids, raw.get("id"), join(key, "id"))
        label = raw.get("label")
        # A nurse does not tell "Bed 1" from "bed 1".
        self._edge.once(self._labels, label.casefold() if isinstance(label, str) else label, join(key, "label"))
        table = self._edge.table(BedTable, raw, key)
        before = len(self._edge.problems)
        pumps = self._bindings(DeviceKind.PUMP, raw, key)
        monitors = self._bindings(DeviceKind.MONITOR, raw, key)
        if len(self._edge.problems) > before:
            self.doubtful.add(str(raw.get("id")))
        if not raw.get("pumps") and not raw.get("monitors"):
            self._edge.refuse(key, "has no pump and no monitor", "bind one with pumps = [{...}] or monitors = [{...}]")
        if table is None:
            return None
        self._check_vital_signs(table, raw, key, monitors)
        return BedConfig(
            table.id,
            table.label,
            pumps,
            monitors,
            tuple(quantity for name in table.vital_signs for quantity in _QUANTITIES[name]),
            float(table.cuff_interval),
        )

    def _check_vital_signs(
        self, table: BedTable, raw: Mapping[str, object], key: str, monitors: tuple[Binding, ...]
    ) -> None:
        vitals_key = join(key, "vital_signs")
        if bool(table.vital_signs) != bool(raw.get("monitors")):
            remedy = 'a bed with a monitor lists what it is to have, like ["heart_rate"]; one without lists nothing'
            self._edge.refuse(vitals_key, "does not fit the monitors of this bed", remedy)
        if len(set(table.vital_signs)) < len(table.vital_signs):
            self._edge.refuse(vitals_key, "names a vital sign twice", "name each once")
        ports = [self._ports.get(monitor.port) for monitor in monitors]
        no_cuff = [port is not None and port.driver.nibp_time is NibpTime.NOT_MEASURED for port in ports]
        if "nibp" in table.vital_signs and no_cuff and all(no_cuff):
            self._edge.refuse(vitals_key, "nibp is measured by no monitor of this bed", "bind one, or remove nibp")

    def _bindings(self, kind: DeviceKind, raw_bed: Mapping[str, object], bed_key: str) -> tuple[Binding, ...]:
        bindings = []
        shape = MonitorTable if kind is DeviceKind.MONITOR else BindingTable
        for key, raw in self._edge.rows(raw_bed, f"{kind.value}s", bed_key):
            self.ports_used.add(str(raw.get("port")))
            table = self._edge.table(shape, raw, key)
            if table is None:
                continue
            self._check_device(kind, table, key)
            place = (table.port, table.channel)
            if place in self.bound:
                reason = f'channel {table.channel} of "{table.port}" is already bound by {self.bound[place].key}'
                self._edge.refuse(key, reason, "bind each channel to one bed, once")
            self.bound.setdefault(place, Bound(key, raw_bed.get("id"), kind))
            policy = IdentityPolicy(table.identity)
            bindings.append(Binding(table.port, table.channel, table.serial_number or "", policy))
        return tuple(bindings)

    def _check_device(self, kind: DeviceKind, table: BindingTable, key: str) -> None:
        if table.port not in self._ports:
            self._edge.refuse(join(key, "port"), f'"{table.port}" is no port', suggest(table.port, self._ports))
        port = self._ports.get(table.port)
        if port is None:
            return
        driver = port.driver
        if driver.kind is not kind:
            reason = f'"{table.port}" is a {driver.kind.value} ({driver.name})'
            self._edge.refuse(join(key, "port"), reason, f"list it under {driver.kind.value}s")
        elif re.fullmatch(driver.channel_pattern, table.channel) is None:
            reason = f'"{table.channel}" is no channel of {driver.name}'
            self._edge.refuse(join(key, "channel"), reason, driver.channel_help)
        if table.serial_number is not None and driver.identity is IdentitySupport.PORT_ONLY:
            reason = f"{driver.name} does not tell its serial number"
            self._edge.refuse(join(key, "serial_number"), reason, "remove it")
        elif table.serial_number is not None:
            # One device is in one place: a copied line would never let the other bed's pump count.
            self._edge.once(self._serial_numbers, f"{driver.name} {table.serial_number}", join(key, "serial_number"))
