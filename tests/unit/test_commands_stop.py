"""`stop` refuses while a bed has a patient, and while nobody can tell (H-40)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import pytest

from edge.commands_stop import stop, without_answer
from edge.messages.therapy import TherapyMessage

BEDS = [{"bed": "bed-1", "label": "Room 4"}, {"bed": "bed-2", "label": "Room 5"}]


class Systemd:
    """Notes what it is asked, and answers as told."""

    def __init__(self, state: str = "active", status: int = 0) -> None:
        self.state, self.status = state, status
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *words: str) -> tuple[int, str]:
        self.asked.append(words)
        return (self.status, self.state) if words[0] == "is-active" else (self.status, "Access denied")


def options(*, with_patients: bool = False, check: bool = False) -> argparse.Namespace:
    return argparse.Namespace(with_patients=with_patients, check=check)


def therapy(bed: str, phase: str, patient: Mapping[str, Any] | None = None) -> dict[str, Any]:
    said = TherapyMessage(run="r", bed=bed, phase=phase, orders=(), limits=())
    return {**said.model_dump(mode="json", by_alias=True), "patient": patient}


def answer(*therapies: dict[str, Any], beds: Any = BEDS, alarms: tuple[tuple[str, str], ...] = ()) -> Any:
    standing = [{"bed": bed, "condition": condition} for bed, condition in alarms]
    answers = {"therapy": {"beds": beds, "therapies": therapies}, "alarms": {"beds": beds, "alarms": standing}}
    return lambda said: answers[said["get"]]


NOBODY = (therapy("bed-1", "none"), therapy("bed-2", "none"))


def test_without_a_patient_it_stops_the_unit() -> None:
    systemd = Systemd()
    status, said = stop(answer(*NOBODY), options(), systemd)
    assert (status, systemd.asked) == (0, [("stop", "infusion-edge.service")])
    assert said == "stopped; start it again: sudo systemctl start infusion-edge"


@pytest.mark.parametrize("phase", ["setup", "baseline", "infusing", "stopped", "recovery"])
@pytest.mark.parametrize("check", [False, True])
def test_a_treatment_is_refused_and_named(phase: str, check: bool) -> None:
    systemd = Systemd()
    status, said = stop(answer(therapy("bed-1", "none"), therapy("bed-2", phase)), options(check=check), systemd)
    assert (status, systemd.asked) == (1, [])
    assert f"  Room 5: {phase}\n" in said
    assert "infusion-edge stop --with-patients" in said
    assert "Room 4" not in said


def test_the_explicit_word_stops_it() -> None:
    systemd = Systemd()
    assert stop(answer(therapy("bed-2", "infusing")), options(with_patients=True), systemd)[0] == 0
    assert systemd.asked == [("stop", "infusion-edge.service")]


def test_check_stops_nothing() -> None:
    systemd = Systemd()
    assert stop(answer(*NOBODY), options(check=True), systemd) == (0, "no bed has a patient")
    assert systemd.asked == []


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (answer(*NOBODY, alarms=(("", "STORE_NOT_READ"),)), "any bed: who is there is not known (STORE_NOT_READ)"),
        (answer(*NOBODY, alarms=(("", "STORE_DAMAGED"),)), "any bed: who is there is not known (STORE_DAMAGED)"),
        (answer(*NOBODY, alarms=(("bed-2", "ORDER_MISSING"),)), "Room 5: a pump runs without an order (ORDER_MISSING)"),
        (answer(NOBODY[0]), "Room 5: not known yet"),
        (answer(beds=[]), "the edge has only just begun: ask again"),
    ],
)
def test_a_memory_that_is_lost_is_no_empty_ward(asked: Any, why: str) -> None:
    systemd = Systemd()
    status, said = stop(asked, options(check=True), systemd)
    assert (status, systemd.asked) == (1, [])
    assert f"  {why}\n" in said
    assert stop(asked, options(with_patients=True), systemd)[0] == 0


def test_a_refusal_of_systemd_is_said() -> None:
    status, said = stop(answer(*NOBODY), options(), Systemd(status=4))
    assert (status, said) == (1, "infusion-edge.service was not stopped: Access denied")


@pytest.mark.parametrize("state", ["inactive", "failed"])
def test_what_does_not_run_need_not_be_stopped(state: str) -> None:
    systemd = Systemd(state, status=3)
    assert without_answer("there is no socket", options(), systemd)[0] == 0
    assert systemd.asked == [("is-active", "infusion-edge.service")]


@pytest.mark.parametrize("state", ["active", "activating", "deactivating", "", "Failed to connect to bus"])
def test_what_cannot_be_asked_is_refused(state: str) -> None:
    systemd = Systemd(state)
    status, said = without_answer("nobody answers", options(), systemd)
    assert (status, len(systemd.asked)) == (1, 1)
    assert said.startswith("refused: nobody answers\n")
    assert without_answer("nobody answers", options(with_patients=True), systemd)[0] == 0
    assert systemd.asked[-1] == ("stop", "infusion-edge.service")
