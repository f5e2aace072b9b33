"""What edges say, for the tests of the station: messages as they come over the wire."""

from __future__ import annotations

import json
from typing import Any

from edge.messages.topics import Topics
from station.heard import Came

SITE, EDGE, RUN = "demo", "pi-1", "run-a"
T = Topics(SITE, EDGE)
Said = tuple[str, bytes]


def stamp(mono_s: float) -> dict[str, Any]:
    return {"mono_s": mono_s, "wall": "2026-09-21T15:37:02.000Z", "synchronised": True}


def status(mono_s: float = 100.0, state: str = "running", run: str = RUN, edge: str = EDGE) -> Said:
    body = {
        "schema": "status/1", "state": state, "edge": edge, "run": run, "version": "0.1.0", "previous_run": "",
        "previous_event_seq": 0, **stamp(mono_s),
    }  # fmt: skip
    return _said(Topics(SITE, edge).status, body)


def roster(*beds: str, run: str = RUN, edge: str = EDGE, required: tuple[str, ...] = ()) -> Said:
    rows = [{"bed": bed, "label": bed.replace("bed-", "Bed "), "bindings": []} for bed in beds]
    body = {"schema": "roster/1", "run": run, "beds": rows, "devices": [], "stations_required": list(required)}
    return _said(Topics(SITE, edge).roster, body)


def snapshot(
    bed: str = "bed-1",
    mono_s: float = 100.0,
    *,
    active: bool = True,
    run: str = RUN,
    edge: str = EDGE,
    dose: str = "2.70",
) -> Said:
    metric = {
        "name": "dose_rate_mg_per_kg_per_h", "value": dose, "unit": "mg/kg/h", "validity": "valid", "age_s": 0.2,
        "source": "p.11", "origin": "", "note": "",
    }  # fmt: skip
    body = {
        "schema": "snapshot/1", "run": run, "bed": bed, "at": stamp(mono_s), "active": active, "valid_for_s": 10.0,
        "vital_signs": [metric], "channels": [],
    }  # fmt: skip
    return _said(Topics(SITE, edge).snapshot(bed), body)


def therapy(bed: str = "bed-1", phase: str = "infusing", run: str = RUN, edge: str = EDGE) -> Said:
    body = {"schema": "therapy/1", "run": run, "bed": bed, "phase": phase, "orders": [], "limits": []}
    return _said(Topics(SITE, edge).therapy(bed), body)


def index(*alarms: tuple[str, str], bed: str = "bed-1", run: str = RUN, edge: str = EDGE) -> Said:
    """``alarms`` are keys with occurrences."""
    rows = [{"key": key, "occurrence": occurrence, "rev": 1, "priority": "high"} for key, occurrence in alarms]
    body = {"schema": "alarm-index/1", "run": run, "bed": bed, "alarms": rows, "inhibited": []}
    return _said(Topics(SITE, edge).alarms(bed), body)


def alarm(
    key: str = "HR_HIGH", occurrence: str = "run-a-1", rev: int = 1, *, bed: str = "bed-1", run: str = RUN,
    edge: str = EDGE, **more: Any,
) -> Said:  # fmt: skip
    body = {
        "schema": "alarm/1", "run": run, "key": key, "condition": key, "bed": bed, "port": "", "channel": "",
        "occurrence": occurrence, "rev": rev, "kind": "physiological", "audience": "nurse", "priority": "high",
        "band": "hard", "present": True, "verifiable": True, "signal": "on", "durable": True, "action": "Go.",
        "text": "Bed 1: too high.", "onset": stamp(90.0), "changed": stamp(90.0), "value": "141", "unit": "/min",
        "limit": None, "evidence": {}, **more,
    }  # fmt: skip
    return _said(Topics(SITE, edge).alarm(bed, key), body)


def cleared(key: str = "HR_HIGH", occurrence: str = "run-a-1", *, bed: str = "bed-1", **more: Any) -> Said:
    return alarm(key, occurrence, 9, bed=bed, present=False, signal="off", audible=False, **more)


def response(request_id: str, result: str = "done", reason: str = "", edge: str = EDGE, station: str = "desk") -> Said:
    body = {
        "schema": "response/1", "run": RUN, "request_id": request_id, "verb": "accept", "result": result,
        "reason": reason, "durable": True, "at": stamp(100.0),
    }  # fmt: skip
    return _said(Topics(SITE, edge).response(station), body)


def live(at_s: float) -> Came:
    return Came(at_s)


def kept(at_s: float, expires_in_s: int | None = None) -> Came:
    return Came(at_s, kept=True, expires_in_s=expires_in_s)


def _said(topic: str, body: dict[str, Any]) -> Said:
    return topic, json.dumps(body).encode()
