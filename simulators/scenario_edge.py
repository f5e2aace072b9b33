"""Writes a configuration of the edge that matches a scenario: its ports, beds and orders, and the limits of a template.

Only the file's public form is known here, nothing of the edge itself.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from simulators.scenario_acts import ACTS, DeskAct
from simulators.scenario_desk import DeskPlace
from simulators.scenario_devices import kind_of
from simulators.scenario_model import BedPlan, DevicePlan, Scenario

HEADER = "# Written by infusion-sim run. Do not edit: the next run writes it anew.\n"
"""A file that does not begin with it is somebody's own, and is not overwritten."""

TEMPLATE_MAX_BYTES = 1_048_576
_OWN = ("port", "bed", "demo_order", "library", "mode")
_FILES = ("password_file", "ca_file", "certificate_file", "key_file")
_CREDENTIAL = "credential:"
DESK = "scenario-desk"
"""The station at which the people of a scenario ask."""


class EdgeConfigError(Exception):
    """The configuration cannot be written; the text says what to do."""


def write(scenario: Scenario, out: Path, template: Path, ports: Path) -> None:
    """Write the edge's file, and a copy of the template's drug library beside it; ``ports`` has the ptys' links.

    Broker, stations and limits are the template's. Raises ``EdgeConfigError``.
    """
    taken, library = _template(template)
    copy = out.parent / library.name
    if copy.resolve() == out.resolve():
        raise EdgeConfigError(f"{out} is the name of the drug library; choose another name")
    content: dict[str, object] = {
        "mode": "demo",
        "library": library.name,
        **{key: value for key, value in taken.items() if key not in _OWN},
        **_own(scenario, ports.resolve()),
    }
    if asks(scenario):
        content["station"] = [*_rows(taken, "station"), {"id": DESK, "role": "prescriber", "required": False}]
    text = HEADER + "\n".join(_toml(content, ""))
    try:
        drugs = library.read_bytes()
        _check_free(out, HEADER.encode())
        if copy.exists() and copy.read_bytes() != drugs:
            raise EdgeConfigError(f"{copy} is another drug library; choose another folder")
        out.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(drugs)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EdgeConfigError(f"{error.filename}: {error.strerror}; choose a folder that can be written") from error


def asks(scenario: Scenario) -> bool:
    """Tell whether people ask anything of the edge in a scenario."""
    return any(isinstance(ACTS[event.do], DeskAct) for event in scenario.events)


def desk(scenario: Scenario, template: Path, files: Path | None = None) -> DeskPlace | None:
    """Return where the people of a scenario ask; ``None`` if they ask nothing, or lack the login that the broker wants.

    ``files`` is the folder with that login. Raises ``EdgeConfigError``.
    """
    taken, _ = _template(template)
    broker = taken.get("broker")
    if not asks(scenario) or not isinstance(broker, dict):
        return None
    if not any(broker.get(name) for name in ("tls", "username")):
        files = None  # a password is not said where nobody asks for it
    elif files is None:
        return None
    for name in ("broker.password", "ca.crt") if files is not None else ():
        if files is not None and not (files / name).is_file():
            raise EdgeConfigError(
                f"{files / name} is not there: name the folder of station-{DESK} that infusion-edge broker-files wrote"
            )
    host, port = str(broker.get("host", "127.0.0.1")), int(broker.get("port", 1883))
    return DeskPlace(host, port, str(taken.get("site")), str(taken.get("edge")), DESK, files)


def _rows(table: Mapping[str, object], name: str) -> list[object]:
    rows = table.get(name)
    return rows if isinstance(rows, list) else []


def _check_free(out: Path, header: bytes) -> None:
    if out.exists() and not out.read_bytes().startswith(header):
        raise EdgeConfigError(f"{out} is there and was not written by infusion-sim; choose another name")


def _template(path: Path) -> tuple[dict[str, object], Path]:
    """Return the template's content, and where its drug library is."""
    try:
        with path.open("rb") as file:
            data = file.read(TEMPLATE_MAX_BYTES)
    except OSError as error:
        remedy = "run this in the project's folder, or name a --template"
        raise EdgeConfigError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
    try:
        content = tomllib.loads(data.decode())
    except ValueError as error:
        raise EdgeConfigError(f"{path} is not TOML: {error}; name a configuration of the edge") from error
    library = content.get("library")
    if not isinstance(library, str):
        raise EdgeConfigError(f"{path}: library is missing; name a configuration of the edge")
    broker = content.get("broker")
    if isinstance(broker, dict):
        told = {name: broker[name] for name in _FILES if isinstance(broker.get(name), str)}
        broker |= {
            name: str((path.parent / file).resolve()) for name, file in told.items() if not file.startswith(_CREDENTIAL)
        }
    return content, path.parent / library


def _own(scenario: Scenario, ports: Path) -> dict[str, object]:
    devices = [plan for bed in scenario.beds for plan in bed.devices]
    return {
        "port": [{"id": plan.id, "path": str(ports / plan.id), "driver": kind_of(plan).driver} for plan in devices],
        "bed": [_bed(bed) for bed in scenario.beds],
        "demo_order": [order for bed in scenario.beds for order in _orders(bed)],
    }


def _bed(bed: BedPlan) -> dict[str, object]:
    signs = dict.fromkeys(sign for plan in bed.monitors for sign in kind_of(plan).vital_signs)
    return {
        "id": bed.id,
        "label": bed.label,
        "vital_signs": list(signs),
        "cuff_interval": f"{bed.cuff_interval_s:g} s",
        "pumps": [_binding(plan) for plan in bed.pumps],
        "monitors": [_binding(plan) for plan in bed.monitors],
    }


def _binding(plan: DevicePlan) -> dict[str, object]:
    binding: dict[str, object] = {"port": plan.id, "channel": kind_of(plan).channel}
    return binding | ({"serial_number": plan.serial_number} if plan.serial_number else {})


def _orders(bed: BedPlan) -> Iterator[dict[str, object]]:
    for plan in bed.pumps:
        if plan.order is not None:
            yield {
                "bed": bed.id,
                "port": plan.id,
                "channel": kind_of(plan).channel,
                "drug": plan.order.drug,
                "concentration": f"{plan.concentration_mg_per_ml} mg/mL",
                "weight": f"{plan.weight_kg} kg",
                "step": f"{plan.order.step_mg_per_kg_per_h} mg/kg/h",
                "maximum": f"{plan.order.maximum_mg_per_kg_per_h} mg/kg/h",
            }


def _toml(table: Mapping[str, object], name: str) -> Iterator[str]:
    """Yield the lines of a table: its plain values, then its tables, then its lists of tables."""
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    lists = {key: value for key, value in table.items() if isinstance(value, list) and not name and _has_tables(value)}
    for key, value in table.items():
        if key not in tables and key not in lists:
            yield f"{key} = {_value(value)}"
    yield ""
    for key, value in tables.items():
        yield f"[{name}{key}]"
        yield from _toml(value, f"{name}{key}.")
    for key, rows in lists.items():
        for row in rows:
            yield f"[[{key}]]"
            yield from _toml(row, f"{key}.")


def _has_tables(rows: list[object]) -> bool:
    return bool(rows) and all(isinstance(row, dict) for row in rows)


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(item)}' for key, item in value.items())} }}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # JSON's escapes are TOML's
    return json.dumps(value) if isinstance(value, bool | int) else str(value)
