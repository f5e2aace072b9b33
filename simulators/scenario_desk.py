"""What people at a nursing station ask of the edge in a scenario, made of what their screen shows.

Only the public form of the messages is known here (docs/mqtt.md), nothing of the edge itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.scenario_model import Event

VERBS = (
    *("start-patient", "baseline", "limits", "order", "override", "confirm", "withdraw", "step"),
    *("observe", "manual-dose", "channel-role", "line-disconnected", "end-infusion", "close"),
    *("confirm-syringe", "settle-dose", "line", "flush"),
)
ROLES = ("nurse", "prescriber")
_OF_ORDER = frozenset({"order", "override", "confirm", "withdraw", "step", "confirm-syringe"})


@dataclass(frozen=True, slots=True)
class DeskPlace:
    """Where the station is: the broker, the edge that it asks, and its own name.

    ``files`` is its folder of `infusion-edge broker-files`, where the broker wants a login over TLS: ``ca.crt`` and
    ``broker.password``. Its name there is ``station-`` and its name.
    """

    host: str
    port: int
    site: str
    edge: str
    station: str
    files: Path | None = None

    @property
    def prefix(self) -> str:
        """Return what the topics of the edge begin with."""
        return f"infusion/v1/{self.site}/edge/{self.edge}"


def request(event: Event, therapy: Mapping[str, Any], heartbeat: tuple[str, float], request_id: str) -> dict[str, Any]:
    """Return the request of an event, for its verb.

    ``therapy`` is the bed's last message, empty if there is none; case and revision are those that it shows, unless the
    scenario says others. ``heartbeat`` is the run and the clock of the edge's last one.
    """
    said: dict[str, Any] = json.loads(str(event.values["with"]))
    run, mono_s = heartbeat
    body: dict[str, Any] = {
        "request_id": request_id,
        "run": run,
        "edge_mono_s": mono_s,
        "user": event.values["by"],
        "role": event.values["role"],
        "bed": event.target,
    }
    patient = therapy.get("patient")
    if patient is not None:
        body["case"] = patient["case"]
    if event.values["verb"] in _OF_ORDER:
        body["rev"] = _newest_rev(therapy, said)
    return body | said


def _newest_rev(therapy: Mapping[str, Any], said: Mapping[str, Any]) -> int:
    orders: Iterable[Mapping[str, Any]] = (
        *therapy.get("orders", ()),
        *(one["order"] for one in therapy.get("awaiting", ())),
    )
    place = {name: said[name] for name in ("port", "channel") if name in said}
    return max((one["rev"] for one in orders if place.items() <= one.items()), default=0)
