"""The commands of a therapy at the bedside computer: what is shown of it, and what is asked.

The case and the revision that a request names are those that are shown at the moment; whoever confirms an order, or
closes a therapy, says which one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge.messages.therapy import OrderMessage, TherapyMessage
from edge.paused import span

CHECKLIST = (
    "heart_disease",
    "cyp3a4_inhibitor",
    "cyp2b6_inhibitor",
    "opioids",
    "sedatives",
    "dependence",
    "age_65_or_over",
)
VITALS = ("heart_rate", "spo2", "respiratory_rate", "nibp_sys", "nibp_dia", "nibp_mean")
_PROMPTS = {
    "round": "round due",
    "close": "can be closed",
    "baseline": "baseline due",
    "syringe": "another syringe, same drug and concentration? (confirm-syringe); an alarm",
}
FOUND = ("airway", "rass", "anxiety", "nausea", "pain")


class NotAskedError(Exception):
    """Nothing was asked; the text says why."""


class Line(Protocol):
    """The line to the daemon."""

    def exchange(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Say something and return the answer."""

    def request(self, run: str, mono_s: float, verb: str, what: str, fields: Mapping[str, object]) -> tuple[int, str]:
        """Ask for one act; return the exit status and what to print."""


@dataclass(frozen=True, slots=True)
class _Bed:
    """A bed as it is shown now; ``therapy`` is ``None`` where nothing was published of it."""

    run: str
    mono_s: float
    bed: str
    label: str
    therapy: TherapyMessage | None

    @property
    def case(self) -> str:
        patient = None if self.therapy is None else self.therapy.patient
        return "" if patient is None else patient.case

    def rev(self, place: Mapping[str, str]) -> int:
        """Return the revision of the newest order of a channel, 0 without one."""
        therapy = self.therapy
        orders = [] if therapy is None else [*therapy.orders, *(one.order for one in therapy.awaiting)]
        return max((one.rev for one in orders if _is_at(one, place)), default=0)


def _is_at(order: OrderMessage, place: Mapping[str, str]) -> bool:
    return not place or (order.port, order.channel) == (place["port"], place["channel"])


def _look(line: Line) -> dict[str, _Bed]:
    answer = line.exchange({"get": "therapy"})
    said = {each["bed"]: TherapyMessage.read(json.dumps(each).encode()) for each in answer["therapies"]}
    labels = {row["bed"]: row["label"] for row in answer["beds"]}
    return {
        bed: _Bed(answer["run"], answer["mono_s"], bed, labels.get(bed, bed), said.get(bed))
        for bed in dict.fromkeys((*labels, *said))
    }


def _find(line: Line, name: str) -> _Bed:
    beds = _look(line)
    found = [bed for bed in beds.values() if name == bed.bed] or [
        bed for bed in beds.values() if name.casefold() == bed.label.casefold()
    ]
    if len(found) == 1:
        return found[0]
    rows = [f"  {bed.bed}  {bed.label}" for bed in beds.values()]
    raise NotAskedError("\n".join([f"there is no one bed {name}. Nothing was asked. These are the beds:", *rows]))


# --- looking ----------------------------------------------------------------------------------------------------------


def show(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    """Show the therapies, or that of a bed."""
    beds = [_find(line, options.bed)] if options.bed else list(_look(line).values())
    return 0, "\n\n".join("\n".join(_told(bed)) for bed in beds)


def _told(bed: _Bed) -> Iterator[str]:
    therapy = bed.therapy
    if therapy is None or therapy.patient is None:
        yield f"{bed.bed}  {bed.label}: no patient"
        return
    patient = therapy.patient
    since = "" if therapy.phase_since is None else f" for {span(bed.mono_s - therapy.phase_since.mono_s)}"
    step = f", step {therapy.step}" if therapy.step else ""
    kept = "" if therapy.durable else " (not kept on the disk)"
    yield f"{bed.bed}  {bed.label}: {patient.case}, {patient.weight_kg} kg, {therapy.phase}{since}{step}{kept}"
    answers = patient.checklist.model_dump()
    for known in ("yes", "unknown"):
        names = [name.replace("_", " ") for name in CHECKLIST if answers[name] == known]
        if names:
            yield f"    {known}: {', '.join(names)}"
    yield from (f"    in force: {_order(order)}" for order in therapy.orders)
    for one in therapy.awaiting:
        left = span(max(0.0, one.until_mono_s - bed.mono_s))
        yield f"    AWAITS CONFIRMATION for {left} more: {_order(one.order)}"
        yield from (f"        to be read: {text}" for text in one.advisories)
        yield from (f"        needs a reason (override): {text}" for text in one.passed)
    for said in therapy.settling:
        place = f"{said.port} channel {said.channel}"
        yield f"    {said.user} read {said.given_mg} mg at {place}: another person reads it too (settle-dose)"
    for prompt in therapy.prompts:
        due_s = prompt.due_mono_s - bed.mono_s
        when = f"in {span(due_s)}" if due_s > 0 else f"since {span(-due_s)}"
        if prompt.kind in _PROMPTS:
            yield f"    {_PROMPTS[prompt.kind]} {when}"


def _order(order: OrderMessage) -> str:
    by = f"by {order.by or order.origin}" + (f", confirmed by {order.confirmed_by}" if order.confirmed_by else "")
    shown = order.shown
    return (
        f"revision {order.rev}, {order.port} channel {order.channel}: {order.drug}, "
        f"{shown['concentration']}, {order.weight_kg} kg, {shown['step']}, at most {shown['maximum']}, {by}"
    )


# --- asking -----------------------------------------------------------------------------------------------------------


def _ask(line: Line, bed: _Bed, verb: str, what: str, **fields: object) -> tuple[int, str]:
    said = {"bed": bed.bed, "case": bed.case} | {name: value for name, value in fields.items() if value is not None}
    return line.request(bed.run, bed.mono_s, verb, f"{verb} {what} at {bed.label}".replace("  ", " "), said)


def _place(options: argparse.Namespace) -> dict[str, str]:
    return {} if options.channel is None else dict(zip(("port", "channel"), options.channel, strict=True))


def _patient(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    bed = _find(line, options.bed)
    answers: dict[str, object] = dict.fromkeys(CHECKLIST, "no") if options.nothing else {}
    answers |= {name.replace("-", "_"): "yes" for name in options.yes}
    answers |= {name.replace("-", "_"): "no" for name in options.no}
    if options.treatments is not None:
        answers["treatments_in_7_days"] = options.treatments
    fields = {"case": options.case, "weight": options.weight, "checklist": answers, "sure": options.sure}
    return _ask(line, bed, "start-patient", options.case, **fields)


def _enter(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    bed, place = _find(line, options.bed), _place(options)
    said = {name: getattr(options, name) for name in options.ordered}
    fixed = {"concentration": options.concentration, "weight": options.weight, "sure": options.sure}
    return _ask(line, bed, "order", "", rev=bed.rev(place), **place, **fixed, **said)


def _of_order(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    """Ask something of the order that a person named by its revision."""
    fields = {name: getattr(options, name) for name in ("reason", "step") if hasattr(options, name)}
    what = f"revision {options.rev}"
    return _ask(line, _find(line, options.bed), options.verb, what, rev=options.rev, **_place(options), **fields)


def _baseline(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    found = {name: getattr(options, name) for name in ("heart_rate", "nibp_sys", "nibp_mean")}
    reading = {name: value for name, value in found.items() if value is not None}
    return _ask(line, _find(line, options.bed), "baseline", "", readings=[reading] if reading else [])


def _limits(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    fields = {name: getattr(options, name) for name in ("condition", "band", "value")}
    return _ask(line, _find(line, options.bed), "limits", f"{options.condition} {options.band}", **fields)


def _observe(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    found = {name: getattr(options, name) for name in FOUND}
    vitals = {name: value for name in VITALS if (value := getattr(options, name)) is not None}
    return _ask(line, _find(line, options.bed), "observe", "", all_well=options.well, vital_signs=vitals, **found)


def _choking(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    return _ask(line, _find(line, options.bed), "observe", "choking", airway="choking")


def _manual_dose(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    bed = _find(line, options.bed)
    return _ask(line, bed, "manual-dose", f"{options.dose} {options.drug}", drug=options.drug, dose=options.dose)


def _line(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    fields = {"dead_volume": options.dead_volume, "filled_with": options.filled_with, **_place(options)}
    return _ask(line, _find(line, options.bed), "line", options.dead_volume, **fields)


def _flush(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    fields = {name: getattr(options, name) for name in ("volume", "dead_volume", "filled_with")}
    by = "pump" if options.by_pump else "hand"
    return _ask(line, _find(line, options.bed), "flush", options.volume, by=by, **fields, **_place(options))


def _settle(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    fields = {"given": options.given, "reason": options.reason, "sure": options.sure, **_place(options)}
    return _ask(line, _find(line, options.bed), "settle-dose", options.given, **fields)


def _channel_role(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    role = options.role.replace("-", "_")
    place = {"port": options.port, "channel": options.pump_channel}
    return _ask(line, _find(line, options.bed), "channel-role", role, channel_role=role, **place)


def _disconnected(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    fields = {"duration": options.duration, **_place(options)}
    return _ask(line, _find(line, options.bed), "line-disconnected", options.duration, **fields)


def _end(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    return _ask(line, _find(line, options.bed), "end-infusion", "")


def _close(line: Line, options: argparse.Namespace) -> tuple[int, str]:
    bed = _find(line, options.bed)
    return _ask(line, bed, "close", options.case, case=options.case, reason=options.reason)


COMMANDS: dict[str, Callable[[Line, argparse.Namespace], tuple[int, str]]] = {
    "therapy": show,
    "patient": _patient,
    "order": _enter,
    "confirm": _of_order,
    "override": _of_order,
    "withdraw": _of_order,
    "confirm-syringe": _of_order,
    "step": _of_order,
    "baseline": _baseline,
    "limits": _limits,
    "observe": _observe,
    "choking": _choking,
    "manual-dose": _manual_dose,
    "line": _line,
    "flush": _flush,
    "settle-dose": _settle,
    "channel-role": _channel_role,
    "line-disconnected": _disconnected,
    "end-infusion": _end,
    "close": _close,
}
