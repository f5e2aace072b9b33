"""`stop`: ends the service, and refuses while a bed has a patient, without an explicit word (H-40).

The package's scripts ask with ``--check`` before they remove or replace the program.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from edge.messages.therapy import TherapyMessage

EXIT_OK = 0
EXIT_REFUSED = 1
UNIT = "infusion-edge.service"
IDLE = "none"
"""The phase of a bed without a treatment."""

STOPPED = frozenset({"inactive", "failed"})
"""What systemd says of a unit that does not run and that it will not start by itself."""

_SPEAK_OF_PATIENTS = {
    "STORE_NOT_READ": "who is there is not known",
    "STORE_DAMAGED": "who is there is not known",
    "ORDER_MISSING": "a pump runs without an order",
}
"""Alarms by which there may be a patient although no bed has a treatment."""

SYSTEMCTL_LIMIT_S = 30.0
"""The unit itself has 15 s to end."""

Exchange = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Systemctl = Callable[..., tuple[int, str]]


def systemctl(*words: str) -> tuple[int, str]:
    """Ask systemd; return the exit status, and what it said. Without systemd: 127 and why."""
    try:
        done = subprocess.run(  # noqa: S603 - its own words
            ["/usr/bin/systemctl", *words], capture_output=True, text=True, check=False, timeout=SYSTEMCTL_LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, (done.stdout + done.stderr).strip()


def stop(exchange: Exchange, options: argparse.Namespace, system: Systemctl = systemctl) -> tuple[int, str]:
    """Stop the service, unless a bed has a patient and nobody said that it be stopped all the same."""
    answer = exchange({"get": "therapy"})
    labels = {row["bed"]: row["label"] for row in answer["beds"]}
    therapies = [TherapyMessage.read(json.dumps(each).encode()) for each in answer["therapies"]]
    alarms = exchange({"get": "alarms"})["alarms"]
    taken = [*_taken(therapies, labels), *_untold({therapy.bed for therapy in therapies}, labels, alarms)]
    if taken and not options.with_patients:
        return EXIT_REFUSED, "\n".join(
            [
                "refused: nobody would watch these patients:",
                *taken,
                "Close the therapies first (infusion-edge close), or watch the patients by other means and say",
                "infusion-edge stop --with-patients",
            ]
        )
    if options.check:
        return EXIT_OK, "no bed has a patient" if not taken else "beds have patients"
    return _end(system)


def without_answer(why: str, options: argparse.Namespace, system: Systemctl = systemctl) -> tuple[int, str]:
    """Stop a service that does not say whether a bed has a patient; only the explicit word does."""
    _, state = system("is-active", UNIT)
    if state in STOPPED:
        return EXIT_OK, f"{UNIT} does not run ({state})"
    if not options.with_patients:
        return EXIT_REFUSED, (
            f"refused: {why}\n"
            f"systemd says of {UNIT}: {state or 'nothing'}. Nobody can tell whether a bed has a patient: look at the\n"
            "beds, and then say infusion-edge stop --with-patients"
        )
    return (EXIT_OK, "it does not answer") if options.check else _end(system)


def _end(system: Systemctl) -> tuple[int, str]:
    status, said = system("stop", UNIT)
    if status != 0:
        return EXIT_REFUSED, f"{UNIT} was not stopped: {said}"
    return EXIT_OK, f"stopped; start it again: sudo systemctl start {UNIT.partition('.')[0]}"


def _taken(therapies: list[TherapyMessage], labels: Mapping[str, str]) -> Iterator[str]:
    for therapy in therapies:
        if therapy.patient is not None or therapy.phase != IDLE:
            case = "" if therapy.patient is None else f", case {therapy.patient.case}"
            yield f"  {labels.get(therapy.bed, therapy.bed)}: {therapy.phase}{case}"


def _untold(told: Collection[str], labels: Mapping[str, str], alarms: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say where nobody can tell whether a patient is there: a memory that is lost must not look like an empty ward."""
    if not labels:
        yield "  the edge has only just begun: ask again"
    for bed in labels.keys() - told:
        yield f"  {labels[bed]}: not known yet"
    for alarm in alarms:
        if why := _SPEAK_OF_PATIENTS.get(alarm["condition"]):
            yield f"  {labels.get(alarm['bed'], 'any bed')}: {why} ({alarm['condition']})"
