"""The alarms as they are shown at the bedside computer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.command_daemon import DOSE, NOW_S, Daemon, Run, alarm, daemon, path, run, stamp

__all__ = ["daemon", "path", "run"]


def level(number: int) -> dict[str, Any]:
    return {"delivery": {**alarm()["delivery"], "level": number}}


def test_nothing_stands(daemon: Daemon, run: Run) -> None:
    assert run("alarms") == (0, "No alarm stands.\n", "")


def pause(bed: str, reason: str = "off_monitor", left_s: float = 898.5) -> dict[str, Any]:
    return {"bed": bed, "reason": reason, "by": "local:anna", "until_mono_s": NOW_S + left_s}


@pytest.mark.parametrize(
    ("pauses", "said"),
    [
        (
            [pause("bed-1"), pause("bed-2", left_s=0.0)],
            ["Window: patient off the monitor (local:anna), 14 min 58 s more; infusion-edge resume bed-1 ends it"],
        ),
        (
            [pause("bed-1", "audio_pause", 59), pause("bed-2", "audio_pause", 59)],
            ["All beds: sound paused (local:anna), 59 s more; infusion-edge resume ends it"],
        ),
        (
            [pause("bed-1", "audio_pause", 59), pause("bed-2", "audio_pause", 58)],
            [
                "Window: sound paused (local:anna), 59 s more; infusion-edge resume bed-1 ends it",
                "Door: sound paused (local:anna), 58 s more; infusion-edge resume bed-2 ends it",
            ],
        ),
    ],
)
def test_pauses_in_force_are_told_though_nothing_stands(
    daemon: Daemon, run: Run, pauses: list[dict[str, Any]], said: list[str]
) -> None:
    daemon.pauses = pauses
    assert run("alarms") == (0, "\n".join(["No alarm stands.", "", *said, ""]), "")
    daemon.alarms = [alarm()]
    assert run("alarms")[1].splitlines()[-len(said) - 1 :] == ["", *said]


def test_a_daemon_of_an_earlier_version_tells_no_beds_and_is_asked_all_the_same(daemon: Daemon, run: Run) -> None:
    daemon.reply = lambda line: (  # type: ignore[method-assign]  # as a daemon without beds and pauses answers
        json.dumps({"run": "run-1", "mono_s": NOW_S, "alarms": []}).encode() + b"\n"
        if b'"get"' in line
        else json.dumps(daemon.done(json.loads(line), result="refused", reason="no")).encode() + b"\n"
    )
    assert run("alarms") == (0, "No alarm stands.\n", "")
    assert run("resume", "bed-9") == (1, "refused: resume bed-9: no\n", "")


def test_the_most_urgent_is_first_and_says_how_it_stands_and_what_to_do(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [
        alarm(priority="low", key="NIBP_OVERDUE", text="Bed 1: no cuff pressure for 9 min.", onset=stamp(7500)),
        alarm(
            DOSE,
            "run-1-2",
            priority="high",
            text="Bed 1: Ketamine 4.20 mg/kg/h, above the hard limit 2.5 mg/kg/h.",
            **level(2),
        ),
        alarm(occurrence="run-1-3", onset=stamp(12)),
        alarm(key="CLOCK_STEP", bed="", occurrence="run-1-4", onset=stamp(500), text="The clock leapt.", **level(3)),
    ]
    status, said, _ = run("alarms")
    assert status == 0
    assert said.split("\n\n") == [
        (
            "!!! bed-1  Bed 1: Ketamine 4.20 mg/kg/h, above the hard limit 2.5 mg/kg/h.\n"
            "    high, for 1 min 15 s, sounding, not accepted, level 2 (all screens of the ward)\n"
            "    To do: Look at the patient.\n"
            f"    {DOSE}  run-1-2"
        ),
        (
            "!!  edge   The clock leapt.\n"
            "    medium, for 8 min 20 s, sounding, not accepted, level 3 (nurse call)\n"
            "    To do: Look at the patient.\n"
            "    CLOCK_STEP  run-1-4"
        ),
        (
            "!!  bed-1  Bed 1: heart rate 130 /min, above the soft limit 120 /min.\n"
            "    medium, for 12 s, sounding, not accepted, level 1 (screens of the bed)\n"
            "    To do: Look at the patient.\n"
            "    HR_HIGH  run-1-3"
        ),
        (
            "!   bed-1  Bed 1: no cuff pressure for 9 min.\n"
            "    low, for 2 h 5 min, sounding, not accepted, level 1 (screens of the bed)\n"
            "    To do: Look at the patient.\n"
            "    NIBP_OVERDUE  run-1-1\n"
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "signal": "acknowledged",
                "acknowledgement": {"by": "local:anna", "at": stamp(15), "until_mono_s": NOW_S + 285.9},
                "acceptance": {"by": "desk:bo", "at": stamp(20)},
            },
            "silenced by local:anna for 4 min 45 s more, accepted by desk:bo 20 s ago, level 1 (screens of the bed)",
        ),
        (
            {"signal": "latched", "present": False},
            "sounding, over, latched until it is reset, not accepted, level 1 (screens of the bed)",
        ),
        (
            {"verifiable": False},
            "sounding, NOT VERIFIABLE: what it was judged by is gone, not accepted, level 1 (screens of the bed)",
        ),
        (
            {"durable": False},
            "sounding, not accepted, level 1 (screens of the bed), not kept on the disk",
        ),
        (
            {"silence": {"reason": "audio_pause", "by": "desk:bo", "until_mono_s": NOW_S + 80}},
            "sound paused (desk:bo), 1 min 20 s more, not accepted, level 1 (screens of the bed)",
        ),
        (
            {"silence": {"reason": "off_monitor", "by": "desk", "until_mono_s": NOW_S - 1}},
            "silent, the patient is off the monitor (desk), 0 s more, not accepted, level 1 (screens of the bed)",
        ),
        (
            {"silence": {"reason": "awaiting_repeat", "by": "", "until_mono_s": NOW_S + 180}},
            "silent until it is measured again, 3 min 0 s more, not accepted, level 1 (screens of the bed)",
        ),
        ({"delivery": None}, "sounding, not accepted"),
    ],
)
def test_how_it_stands(daemon: Daemon, run: Run, changes: dict[str, Any], words: str) -> None:
    daemon.alarms = [alarm(**changes)]
    _, said, _ = run("alarms")
    assert said.splitlines()[1] == f"    medium, for 1 min 15 s, {words}"


def test_as_json_it_is_what_the_daemon_said_with_what_a_later_version_added(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm(text="Bed 1: æ", later={"a": 1})]
    status, said, _ = run("alarms", "--json")
    assert (status, json.loads(said)) == (
        0,
        {"run": "run-1", "mono_s": NOW_S, "beds": daemon.beds, "pauses": [], "alarms": daemon.alarms},
    )
    assert run("alarms")[0] == 0


def test_what_a_device_wrote_does_not_steer_the_terminal(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm(text="Bed 1: \x1b[2J\x07pump")]
    assert run("alarms")[1].splitlines()[0] == "!!  bed-1  Bed 1: ?[2J?pump"
