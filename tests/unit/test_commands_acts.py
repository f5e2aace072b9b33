"""The commands that act on a bed or a device: what they ask, what they print, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.command_daemon import NOW_S, Daemon, Run, basis, daemon, path, run

__all__ = ["daemon", "path", "run"]


@pytest.mark.parametrize(
    ("line", "asked", "said"),
    [
        (("pause",), {"ask": "audio-pause", "bed": "", "duration_s": 120.0}, "audio-pause of all beds for 120 s"),
        (
            ("pause", "bed-1", "--seconds", "30"),
            {"ask": "audio-pause", "bed": "bed-1", "duration_s": 30.0},
            "audio-pause of bed-1 for 30 s",
        ),
        (
            ("pause", "--seconds", "600"),  # the edge cuts it, and so is it told
            {"ask": "audio-pause", "bed": "", "duration_s": 600.0},
            "audio-pause of all beds for 120 s (the most; 600 s was asked)",
        ),
        (("resume",), {"ask": "resume", "bed": ""}, "resume all beds"),
        (("resume", "bed-2"), {"ask": "resume", "bed": "bed-2"}, "resume bed-2"),
        (
            ("off-monitor", "bed-1"),
            {"ask": "off-monitor", "bed": "bed-1", "duration_s": 900.0},
            "off-monitor of bed-1 for 15 min",
        ),
        (
            ("off-monitor", "bed-1", "--minutes", "2.5"),
            {"ask": "off-monitor", "bed": "bed-1", "duration_s": 150.0},
            "off-monitor of bed-1 for 2.5 min",
        ),
        (
            ("off-monitor", "bed-1", "--minutes", "60"),
            {"ask": "off-monitor", "bed": "bed-1", "duration_s": 3600.0},
            "off-monitor of bed-1 for 15 min (the most; 60 min was asked)",
        ),
        (
            ("service", "bed-1"),
            {"ask": "service", "bed": "bed-1", "duration_s": 3600.0},
            "service of bed-1 for 60 min",
        ),
        (
            ("service", "Door", "--minutes", "90"),
            {"ask": "service", "bed": "bed-2", "duration_s": 5400.0},
            "service of bed-2 for 60 min (the most; 90 min was asked)",
        ),
        (
            ("service", "bed-1", "--end"),
            {"ask": "service", "bed": "bed-1", "duration_s": 0.0},
            "end the service of bed-1",
        ),
        (("resume", "door"), {"ask": "resume", "bed": "bed-2"}, "resume bed-2"),
        (("test-alarm",), {"ask": "test-alarm"}, "test-alarm, for half a minute"),
        (
            ("confirm-device", "bed-1", "rack", "11", "012345"),
            {"ask": "confirm-device", "bed": "bed-1", "port": "rack", "channel": "11", "serial_number": "012345"},
            "confirm-device 012345 at rack channel 11 of bed-1",
        ),
    ],
)
def test_an_act(daemon: Daemon, run: Run, line: tuple[str, ...], asked: dict[str, Any], said: str) -> None:
    assert run(*line) == (0, f"done: {said}\n", "")
    assert [basis(one) for one in daemon.asked] == [{**asked, "run": "run-1", "edge_mono_s": NOW_S}]
    daemon.answer = lambda said: daemon.done(said, result="refused", reason="no")
    assert run(*line) == (1, f"refused: {said}: no\n", "")


def test_a_bed_that_is_not_known_or_a_label_of_two_is_asked_as_it_is_and_the_beds_are_listed(
    daemon: Daemon, run: Run
) -> None:
    daemon.beds = [{"bed": "bed-1", "label": "Window"}, {"bed": "bed-2", "label": "Window"}]
    daemon.answer = lambda said: daemon.done(said, result="refused", reason=f"there is no bed {said['bed']}")
    status, said, _ = run("pause", "Window")
    assert (status, said.splitlines()) == (
        1,
        [
            "refused: audio-pause of Window for 120 s: there is no bed Window. These are the beds:",
            "  bed-1  Window",
            "  bed-2  Window",
        ],
    )
    assert daemon.asked[0]["bed"] == "Window"


def test_the_name_of_a_bed_goes_before_the_label_of_another(daemon: Daemon, run: Run) -> None:
    daemon.beds = [{"bed": "bed-1", "label": "bed-2"}, {"bed": "bed-2", "label": "bed-1"}]
    assert run("resume", "bed-2")[0] == 0
    assert daemon.asked[0]["bed"] == "bed-2"


@pytest.mark.parametrize("line", [("off-monitor",), ("confirm-device", "bed-1")])
def test_what_cannot_be_understood_is_refused_with_usage(run: Run, line: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*line)
    assert ended.value.code == 2


@pytest.mark.parametrize("text", ["0", "0.9", "-5", "1m", "nan", "inf", ""])
@pytest.mark.parametrize(("line", "most"), [(("pause", "--seconds"), 120), (("off-monitor", "bed-1", "--minutes"), 15)])
def test_what_is_no_time_is_refused_in_plain_words(
    run: Run, capsys: pytest.CaptureFixture[str], line: tuple[str, ...], most: int, text: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*line[:-1], f"{line[-1]}={text}")
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"argument {line[-1]}: a number from 1 to {most}, which {text} is not\n")


def test_the_shortest_pause_is_asked_for(daemon: Daemon, run: Run) -> None:
    assert run("pause", "--seconds", "1") == (0, "done: audio-pause of all beds for 1 s\n", "")
