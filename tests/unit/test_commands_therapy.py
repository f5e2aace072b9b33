"""The commands of a therapy: what they ask, on what is shown now, and how they show it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge.messages.verbs import REQUESTS
from tests.contents import AT, CONTENTS, wire
from tests.unit.command_daemon import NOW_S, Daemon, Run, basis, daemon, path, run

__all__ = ["daemon", "path", "run"]

Shown = Callable[..., None]


@pytest.fixture
def shown(daemon: Daemon) -> Shown:
    """Let the daemon show the therapy that has everything at bed 1, with changes."""
    payload = wire().encode(CONTENTS["therapy"], AT).payload
    assert isinstance(payload, bytes)
    therapy = {**json.loads(payload), "bed": "bed-1"}
    reply = daemon.reply

    def show(**changes: Any) -> None:
        said = json.dumps(
            {"run": "run-1", "mono_s": NOW_S, "beds": daemon.beds, "therapies": [{**therapy, **changes}]}
        ).encode()

        def with_therapy(line: bytes) -> bytes:
            return said + b"\n" if json.loads(line) == {"get": "therapy"} else reply(line)

        daemon.reply = with_therapy  # type: ignore[method-assign]

    show()
    return show


FRAME = {"run": "run-1", "edge_mono_s": NOW_S, "bed": "bed-1", "case": "c-17"}
PLACE = {"port": "rack", "channel": "11"}
ASKED: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("patient", "Window", "k-1", "70 kg", "--nothing", "--yes", "opioids", "--treatments", "1"),
        {
            "ask": "start-patient",
            "case": "k-1",
            "weight": "70 kg",
            "sure": False,
            "checklist": {
                **dict.fromkeys(("heart_disease", "cyp3a4_inhibitor", "cyp2b6_inhibitor"), "no"),
                **dict.fromkeys(("sedatives", "dependence", "age_65_or_over"), "no"),
                "opioids": "yes",
                "treatments_in_7_days": 1,
            },
        },
    ),
    (
        ("patient", "bed-1", "k-1", "70 kg", "--no", "heart-disease", "--sure"),
        {"ask": "start-patient", "case": "k-1", "weight": "70 kg", "sure": True, "checklist": {"heart_disease": "no"}},
    ),
    (
        ("order", "bed-1", "10 mg/mL", "70 kg", "--step", "1 mg/kg/h", "--channel", "rack", "11"),
        {"ask": "order", "rev": 1, "concentration": "10 mg/mL", "weight": "70 kg", "step": "1 mg/kg/h", "sure": False}
        | PLACE,
    ),
    (
        ("order", "bed-1", "10 mg/mL", "70 kg"),
        {"ask": "order", "rev": 1, "concentration": "10 mg/mL", "weight": "70 kg", "sure": False},
    ),
    (("confirm", "bed-1", "3"), {"ask": "confirm", "rev": 3}),
    (("override", "bed-1", "3", "as last week"), {"ask": "override", "rev": 3, "reason": "as last week"}),
    (("withdraw", "bed-1", "3", "--channel", "rack", "11"), {"ask": "withdraw", "rev": 3} | PLACE),
    (("confirm-syringe", "bed-1", "3"), {"ask": "confirm-syringe", "rev": 3}),
    (("step", "bed-1", "3", "1.5 mg/kg/h"), {"ask": "step", "rev": 3, "step": "1.5 mg/kg/h"}),
    (("baseline", "bed-1"), {"ask": "baseline", "readings": []}),
    (("baseline", "bed-1", "--nibp-sys", "128 mmHg"), {"ask": "baseline", "readings": [{"nibp_sys": "128 mmHg"}]}),
    (
        ("limits", "bed-1", "HR_HIGH", "soft", "110 /min"),
        {"ask": "limits", "condition": "HR_HIGH", "band": "soft", "value": "110 /min"},
    ),
    (("limits", "bed-1", "HR_HIGH", "soft"), {"ask": "limits", "condition": "HR_HIGH", "band": "soft"}),
    (
        ("observe", "bed-1", "--well", "--pain", "3", "--airway", "secretions"),
        {"ask": "observe", "all_well": True, "pain": 3, "airway": "secretions", "vital_signs": {}},
    ),
    (
        ("observe", "bed-1", "--rass", "-3", "--heart-rate", "80 /min"),
        {"ask": "observe", "all_well": False, "rass": -3, "vital_signs": {"heart_rate": "80 /min"}},
    ),
    (("choking", "bed-1"), {"ask": "observe", "airway": "choking"}),
    (("manual-dose", "bed-1", "ketamine", "20 mg"), {"ask": "manual-dose", "drug": "ketamine", "dose": "20 mg"}),
    (
        ("channel-role", "bed-1", "rack", "12", "not-supervised"),
        {"ask": "channel-role", "port": "rack", "channel": "12", "channel_role": "not_supervised"},
    ),
    (
        ("line", "bed-1", "1.5 mL", "other", "--channel", "rack", "11"),
        {"ask": "line", "dead_volume": "1.5 mL", "filled_with": "other"} | PLACE,
    ),
    (("flush", "bed-1", "10 mL"), {"ask": "flush", "volume": "10 mL", "by": "hand", "filled_with": "unknown"}),
    (
        ("flush", "bed-1", "10 mL", "--by-pump", "--dead-volume", "1.5 mL", "--filled-with", "drug"),
        {"ask": "flush", "volume": "10 mL", "by": "pump", "dead_volume": "1.5 mL", "filled_with": "drug"},
    ),
    (
        ("settle-dose", "bed-1", "62 mg", "read at the pump", "--channel", "rack", "11"),
        {"ask": "settle-dose", "given": "62 mg", "reason": "read at the pump", "sure": False} | PLACE,
    ),
    (("line-disconnected", "bed-1"), {"ask": "line-disconnected", "duration": "2 min"}),
    (("end-infusion", "bed-1"), {"ask": "end-infusion"}),
    (("close", "bed-1", "c-17", "--reason", "moved"), {"ask": "close", "reason": "moved"}),
]


@pytest.mark.parametrize(("line", "asked"), ASKED, ids=lambda one: one[0] if isinstance(one, tuple) else "")
def test_a_command_asks_on_what_is_shown(
    daemon: Daemon, shown: Shown, run: Run, line: tuple[str, ...], asked: dict[str, Any]
) -> None:
    daemon.answers = {**Daemon.answers, "said": "as it was understood"}  # type: ignore[misc]
    status, said, _ = run(*line)
    assert (status, said.endswith(": as it was understood\n"), " at Window" in said) == (0, True, True)
    assert list(map(basis, daemon.asked)) == [FRAME | asked]
    REQUESTS[asked["ask"]].read(json.dumps(daemon.asked[0]).encode())


def test_a_refusal_says_why(daemon: Daemon, shown: Shown, run: Run) -> None:
    daemon.answer = lambda said: daemon.done(said, result="refused", reason="another person confirms")
    assert run("confirm", "bed-1", "1")[:2] == (1, "refused: confirm revision 1 at Window: another person confirms\n")


def test_a_bed_that_is_not_known_is_asked_of_none(daemon: Daemon, shown: Shown, run: Run) -> None:
    status, _, error = run("observe", "bed-9", "--well")
    assert (status, daemon.asked) == (2, [])
    assert error.splitlines()[0] == "infusion-edge: there is no one bed bed-9. Nothing was asked. These are the beds:"


def test_a_therapy_is_shown_with_what_is_due(daemon: Daemon, shown: Shown, run: Run) -> None:
    shown(prompts=[{"kind": "round", "due_mono_s": NOW_S + 300, "port": "", "channel": ""}])
    status, said, _ = run("therapy")
    window, door = said.rstrip().split("\n\n")
    assert status == 0
    assert window.splitlines()[0].startswith("bed-1  Window: c-17, 70.5 kg, infusing for ")
    assert ", step 2" in window
    dose = "10000 ug/mL, 70 kg, 8.33333333 ug/kg/min, at most 33.3333333 ug/kg/min"  # 10 mg/mL, 0.5 and 2 mg/kg/h
    order = f"revision 1, pumps channel 1-2: ketamine-chronic-pain, {dose}"
    for row in (
        "    yes: heart disease",
        "    unknown: cyp3a4 inhibitor, cyp2b6 inhibitor, opioids, sedatives, dependence, age 65 or over",
        f"    in force: {order}, by configuration",
        "        needs a reason (override): above",
        "    round due in 5 min 0 s",
    ):
        assert row in window.splitlines()
    assert any(row.startswith("    AWAITS CONFIRMATION for ") for row in window.splitlines())
    assert door == "bed-2  Door: no patient"
    assert run("therapy", "door")[1] == "bed-2  Door: no patient\n"
