"""What a configuration would watch, as a table for people; or everything that is wrong with it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from drivers.model import NibpTime, Quantity
from edge.config import ConfigError, Configuration, load
from edge.config_annunciator import PinSettings
from edge.config_broker import is_loopback
from edge.config_file import Problem
from edge.core.config import BedConfig, Binding, DrugConfig, IdentityPolicy, LimitConfig
from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.model import Side
from edge.core.therapy import Order
from edge.library_composed import composed_table

EXIT_OK = 0
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h, as the daemon itself ends without a usable configuration."""

_HEADINGS = ("limit", "band", "alarms", "after", "priority", "ends at", "origin")
_UNITS = {"mm[Hg]": "mmHg"}
_VITAL_SIGNS = {
    Quantity.HEART_RATE: "heart rate",
    Quantity.SPO2: "SpO2",
    Quantity.RESPIRATORY_RATE: "breathing rate",
    Quantity.NIBP_SYS: "cuff pressure",
}
"""The three cuff pressures come together: the systolic one stands for them."""

_USUAL_IDENTITY = {"pump": IdentityPolicy.CONFIRM, "monitor": IdentityPolicy.PINNED}

Row = tuple[str, ...]


def report(path: Path, run_dir: Path, environment: Mapping[str, str] = os.environ) -> tuple[int, str]:
    """Check the edge's file. Returns the exit code and the text: 0 and the table, or 78 and every problem."""
    try:
        configuration = load(path, run_dir, environment)
    except ConfigError as error:
        count = len(error.problems)
        head = f"{path} cannot be used: {count} problem{'s' * (count > 1)}"
        return EXIT_CONFIG, "\n".join([head, "", *_problem_lines(error.problems)]) + "\n"
    return EXIT_OK, "\n".join(_lines(path, configuration)) + "\n"


def _problem_lines(problems: Iterable[Problem]) -> Iterable[str]:
    for problem in problems:
        yield f"{problem.file}: {problem.key}" if problem.key else problem.file
        yield f"    {problem.message}"
        yield f"    -> {problem.remedy}"


def _lines(path: Path, configuration: Configuration) -> Iterable[str]:
    core, broker = configuration.core, configuration.broker
    stations = [f"{one.station} ({one.role.name.lower()}{', required' * one.required})" for one in core.stations]
    receipts = "" if any(one.required for one in core.stations) else "; none is required, so receipts are off"
    yield f"{path} is in order"
    yield ""
    yield f"mode      {configuration.mode.value}"
    yield f"edge      {core.edge} at site {core.site}"
    yield f"broker    {broker.host}:{broker.port}"
    servers = [urlsplit(port.address).hostname or "" for port in configuration.ports if "://" in port.address]
    if elsewhere := [host for host in (broker.host, *servers) if not is_loopback(host)]:
        yield f"network   {', '.join(elsewhere)}: on another computer, so the service needs the drop-in network.conf"
    yield f"store     {configuration.store_path}"
    yield f"stations  {', '.join(stations) or 'none'}{receipts}"
    yield from _annunciator_lines(configuration)
    for bed in core.beds:
        yield ""
        yield from bed_lines(configuration, bed)
    for drug in core.drugs:
        yield ""
        yield from _drug_lines(drug)
    yield ""
    for file, sha256 in configuration.sha256:
        yield f"sha256 {sha256}  {file}"
    if configuration.warnings:
        yield ""
        yield "Warnings"
        yield from _problem_lines(configuration.warnings)


def _annunciator_lines(configuration: Configuration) -> Iterable[str]:
    settings = configuration.annunciator
    if settings is None:
        return
    if settings.pins is not None:
        yield f"bedside   {'; '.join(_pin_texts(settings.pins))}"
        if settings.pins.buzzer is not None and not any(one.required for one in configuration.core.stations):
            yield "          no station is required: every high and medium alarm sounds here until it is taken"
    if settings.hook is not None:
        told = ", ".join(sorted(settings.hook.on))
        yield f"hook      {shlex.join(settings.hook.command)} ({told}; at most {_duration(settings.hook.timeout_s)})"


def _pin_texts(pins: PinSettings) -> Iterable[str]:
    def of(pin: int) -> str:
        return f"GPIO {pin}{', active low' * (pin in pins.active_low)}"

    if pins.lamps:
        yield f"lamp {', '.join(f'{priority.name.lower()} {of(pin)}' for priority, pin in pins.lamps.items())}"
    if pins.buzzer is not None:
        volumes = ", ".join(f"{priority.name.lower()} {volume:.0%}" for priority, volume in pins.volumes.items())
        yield f"{pins.buzzer_kind.value} buzzer {of(pins.buzzer)}, {volumes}"
    if pins.relay is not None:
        yield f"relay {of(pins.relay)}, energised while {'resting' if pins.relay_rests_energised else 'calling'}"
    for button in pins.buttons:
        yield f"button {of(button.pin)} at {button.bed}"


def bed_lines(configuration: Configuration, bed: BedConfig) -> Iterable[str]:
    """Say a bed: its devices, what is watched there, and the limits in force."""
    core = configuration.core
    orders = [placed.order for placed in configuration.orders if placed.bed == bed.bed]
    yield f'{bed.bed}  "{bed.label}"'
    devices = [_device_row(configuration, "pump", pump) for pump in bed.pumps]
    devices += [_device_row(configuration, "monitor", monitor) for monitor in bed.monitors]
    yield from _table(devices)
    yield f"  vital signs: {_vital_signs(bed)}"
    ports = {port.port: port for port in configuration.ports}
    cuff = Quantity.NIBP_SYS in bed.vital_signs
    if cuff and any(ports[monitor.port].driver.nibp_time is NibpTime.LAST_CHANGE for monitor in bed.monitors):
        yield "  the monitor does not date its cuff pressures: their age counts from the last change"
    drugs = {drug.drug: drug for drug in core.drugs}
    for order in orders:
        yield f"  order: {_order_text(order, drugs[order.drug].units)}"
    if bed.pumps and not orders:
        yield "  no order: the dose limits hold from the order on"
    rows = [row for limit in core.vital_limits if limit.quantity in bed.vital_signs for row in _limit_rows(limit)]
    for order in orders:
        where = f" {order.port}.{order.channel}"
        rows += _limit_rows(drugs[order.drug].dose_rate_high, where, drugs[order.drug].units)
        rows.append(_low_row(drugs[order.drug], order, where))
    if rows:
        yield ""
        yield from _table([_HEADINGS, *rows])


def _device_row(configuration: Configuration, role: str, binding: Binding) -> Row:
    port = next(port for port in configuration.ports if port.port == binding.port)
    proof = " (experimental driver)" if port.driver.experimental else ""
    named = f" serial number {binding.serial_number}" if binding.serial_number else ""
    policy = "" if binding.identity is _USUAL_IDENTITY[role] else f" identity {binding.identity}"
    return role, f"{binding.port}.{binding.channel}", port.driver.name + proof, port.address + named + policy


def _vital_signs(bed: BedConfig) -> str:
    if not bed.vital_signs:
        return "not monitored"
    names = [_VITAL_SIGNS[quantity] for quantity in bed.vital_signs if quantity in _VITAL_SIGNS]
    cuff = f" every {_duration(bed.cuff_interval_s)}" if Quantity.NIBP_SYS in bed.vital_signs else ""
    return ", ".join(f"{name}{cuff}" if name == "cuff pressure" else name for name in names)


def _order_text(order: Order, units: EntryUnits) -> str:
    step, most = order.step_mg_per_kg_per_h, order.maximum_mg_per_kg_per_h
    return (
        f"{order.drug} on {order.port}.{order.channel}, {units.text(order.concentration_mg_per_ml, 'mg/mL')}, "
        f"{order.weight_kg} kg, {units.text(step, 'mg/kg/h')}, at most {units.text(most, 'mg/kg/h')} ({order.origin})"
    )


def _drug_lines(drug: DrugConfig) -> Iterable[str]:
    yield f'drug {drug.drug}  "{drug.label}"'
    yield f"  named by pumps: {', '.join(drug.pump_names)}"
    yield f"  low: {_low_text(drug)}, after {_duration(drug.low_delay_s)}"
    yield from _table([_HEADINGS, *_limit_rows(drug.dose_rate_high, units=drug.units)])
    yield ""
    yield from (f"  {line}" for line in composed_table(drug))


def _low_text(drug: DrugConfig) -> str:
    part = (drug.low_fraction * 100).normalize()
    return f"{part:f} % of the ordered step, at least {drug.units.text(drug.low_floor_mg_per_kg_per_h, 'mg/kg/h')}"


def _limit_rows(limit: LimitConfig, where: str = "", units: EntryUnits = MILLIGRAMS) -> list[Row]:
    def text(number: Decimal) -> str:
        return units.text(number, limit.unit).replace(limit.unit, _UNITS.get(limit.unit, limit.unit))

    high = limit.side is Side.HIGH
    held = f" for {_duration(limit.clear_delay_s)}" if limit.clear_delay_s else ""
    rows: list[Row] = []
    for band in limit.bands:
        inside = band.value - limit.hysteresis if high else band.value + limit.hysteresis
        rows.append(
            (
                limit.condition + where,
                band.name,
                f"{'above' if high else 'below'} {text(band.value)}",
                _duration(band.delay_s),
                band.priority.name.lower(),
                f"{text(inside)}{held}",
                limit.origin,
            )
        )
    return rows


def _low_row(drug: DrugConfig, order: Order, where: str) -> Row:
    value = max(drug.low_fraction * order.step_mg_per_kg_per_h, drug.low_floor_mg_per_kg_per_h)
    below = f"below {drug.units.text(value.normalize(), 'mg/kg/h')}"
    return f"DOSE_RATE_LOW{where}", "soft", below, _duration(drug.low_delay_s), "low", "", _low_text(drug)


def _duration(seconds: float) -> str:
    if seconds == 0:
        return "at once"
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"


def _table(rows: Sequence[Row]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
