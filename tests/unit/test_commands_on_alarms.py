"""The commands that act on alarms: what they ask, what they print, and how they end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.command_daemon import DOSE, NOW_S, Daemon, Run, alarm, basis, daemon, path, run, stamp

__all__ = ["daemon", "path", "run"]


@pytest.mark.parametrize("name", ["run-1-2", DOSE, "DOSE_RATE_HIGH", "dose_rate_high"])
def test_one_button_accepts_and_acknowledges_the_one_that_was_looked_at(daemon: Daemon, run: Run, name: str) -> None:
    daemon.alarms = [alarm(), alarm(DOSE, "run-1-2", rev=7, text="Too much.")]
    assert run("accept", name) == (0, f"done: accept bed-1 {DOSE} (Too much.): it goes on sounding\n", "")
    (asked,) = daemon.asked
    assert basis(asked) == {
        "ask": "accept",
        "run": "run-1",
        "edge_mono_s": NOW_S,
        "bed": "bed-1",
        "key": DOSE,
        "occurrence": "run-1-2",
        "rev": 7,
        "acknowledge": True,
    }


def test_accept_only_does_not_silence(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm()]
    assert run("accept", "HR_HIGH", "--only")[0] == 0
    assert [asked["acknowledge"] for asked in daemon.asked] == [False]


ACCEPTED = {"by": "local:anna", "at": stamp(0)}
HELD = {
    "signal": "acknowledged",
    "acknowledgement": {"by": "local:anna", "at": stamp(1), "until_mono_s": NOW_S + 299},
}
UNSURE = {"by": "local:anna", "at": {**stamp(1), "synchronised": False}, "until_mono_s": NOW_S + 299}
PAUSED = {"reason": "audio_pause", "by": "desk:bo", "until_mono_s": NOW_S + 80}


@pytest.fixture
def in_india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clocks show 5 h 30 min more than UTC."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_india")
@pytest.mark.parametrize(
    ("options", "became", "said"),
    [
        ((), {**HELD, "acceptance": ACCEPTED}, "silent until 05:35 unless it gets worse"),
        ((), {**HELD, "acknowledgement": UNSURE}, "silent for 5 min 0 s unless it gets worse"),
        (("--only",), {"acceptance": ACCEPTED}, "accepted; it goes on sounding"),
        (
            ("--only",),
            {"acceptance": ACCEPTED, "silence": PAUSED},
            "accepted; sound paused (desk:bo), 1 min 20 s more",
        ),
        ((), None, "it is over"),
    ],
)
def test_accept_says_what_became_of_the_alarm(
    daemon: Daemon, run: Run, options: tuple[str, ...], became: dict[str, Any] | None, said: str
) -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        daemon.alarms = [] if became is None else [alarm(**became)]
        return daemon.done(asked)

    daemon.alarms, daemon.answer = [alarm()], answer
    assert run("accept", "HR_HIGH", *options) == (0, f"done: accept bed-1 HR_HIGH ({alarm()['text']}): {said}\n", "")


def test_what_was_done_is_told_though_it_cannot_be_seen_what_became_of_it(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm()]

    def last(asked: dict[str, Any]) -> dict[str, Any]:
        daemon.gone = True
        return daemon.done(asked)

    daemon.answer = last
    assert run("accept", "HR_HIGH") == (0, f"done: accept bed-1 HR_HIGH ({alarm()['text']})\n", "")


@pytest.mark.parametrize("verb", ["acknowledge", "reset"])
def test_acknowledge_and_reset_name_the_alarm_and_nothing_more(daemon: Daemon, run: Run, verb: str) -> None:
    daemon.alarms = [alarm()]
    status, said, _ = run(verb, "HR_HIGH", "run-1-1")  # two names of one alarm
    became = ": it goes on sounding" if verb == "acknowledge" else ""  # this daemon changes nothing
    assert (status, said) == (0, f"done: {verb} bed-1 HR_HIGH ({alarm()['text']}){became}\n")
    (asked,) = daemon.asked
    assert (asked["ask"], asked["occurrence"]) == (verb, "run-1-1")
    assert "acknowledge" not in asked


def test_all_are_asked_one_by_one_and_one_refusal_is_told_with_the_rest(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm(occurrence="run-1-1"), alarm("RR_LOW", "run-1-2"), alarm("SPO2_LOW", "run-1-3", bed="")]
    daemon.answer = lambda said: daemon.done(
        said, **({"result": "refused", "reason": "it is over"} if said["key"] == "RR_LOW" else {"durable": False})
    )
    status, said, _ = run("accept", "--all")
    assert status == 1
    text = alarm()["text"]
    assert said.splitlines() == [
        f"done: accept edge SPO2_LOW ({text}) (not kept on the disk, which takes nothing): it goes on sounding",
        f"done: accept bed-1 HR_HIGH ({text}) (not kept on the disk, which takes nothing): it goes on sounding",
        f"refused: accept bed-1 RR_LOW ({text}): it is over",
    ]
    assert len({asked["request_id"] for asked in daemon.asked}) == 3


def test_all_to_reset_are_those_that_are_latched(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm(), alarm("RR_LOW", "run-1-2", signal="latched", present=False)]
    assert run("reset", "--all")[0] == 0
    assert [asked["key"] for asked in daemon.asked] == ["RR_LOW"]
    daemon.alarms = [alarm()]
    assert run("reset", "--all") == (0, "No alarm is latched.\n", "")
    daemon.alarms = []
    assert run("accept", "--all") == (0, "No alarm stands.\n", "")


@pytest.mark.parametrize(
    ("arguments", "how"),
    [
        ((), "Name alarms by key or occurrence, or say --all"),
        (("HR_HIGH", "--all"), "Name alarms, or say --all, not both"),
    ],
)
def test_it_must_be_said_which(daemon: Daemon, run: Run, arguments: tuple[str, ...], how: str) -> None:
    daemon.alarms = [alarm()]
    status, out, error = run("accept", *arguments)
    assert (status, out) == (2, "")
    assert error == f"infusion-edge: accept which? {how}\n"
    assert daemon.asked == []


def test_a_name_of_several_alarms_lists_them_with_their_beds_and_asks_nothing(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [
        alarm(DOSE, "run-1-1", bed="bed-1", text="One."),
        alarm("HR_HIGH", "run-1-2", text="Two."),
        alarm("HR_HIGH", "run-1-3", bed="bed-2", text="Three."),
    ]
    status, out, error = run("acknowledge", DOSE, "HR_HIGH")
    assert (status, out) == (2, "")
    assert error.splitlines() == [
        "infusion-edge: HR_HIGH is 2 alarms: name one by its occurrence. Nothing was asked.",
        "  run-1-2  bed-1 HR_HIGH (Two.)",
        "  run-1-3  bed-2 HR_HIGH (Three.)",
    ]
    assert daemon.asked == []


def test_a_name_of_no_alarm_lists_what_stands(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm(text="One.")]
    status, _, error = run("accept", "HR")
    assert status == 2
    assert error.splitlines() == [
        "infusion-edge: no alarm HR stands. Nothing was asked. These stand:",
        "  run-1-1  bed-1 HR_HIGH (One.)",
    ]
    daemon.alarms = []
    assert run("accept", "HR")[2] == "infusion-edge: no alarm HR stands. Nothing was asked. None does.\n"
