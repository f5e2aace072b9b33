"""The commands at the bedside computer: what they ask, what they print, and how they end."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from edge import commands
from edge.cli import CONTROL, main
from edge.messages import AlarmMessage, ResponseMessage

NOW_S = 1000.0
DOSE = "DOSE_RATE_HIGH.rack.11"


def stamp(seconds_ago: float) -> dict[str, Any]:
    return {"mono_s": NOW_S - seconds_ago, "wall": "2026-01-01T00:00:00.000Z", "synchronised": True}


def alarm(key: str = "HR_HIGH", occurrence: str = "run-1-1", **changes: Any) -> dict[str, Any]:
    """An alarm as the daemon gives it."""
    said: dict[str, Any] = {
        "run": "run-1",
        "key": key,
        "condition": key.partition(".")[0],
        "bed": "bed-1",
        "port": "",
        "channel": "",
        "occurrence": occurrence,
        "rev": 3,
        "kind": "physiological",
        "audience": "nurse",
        "priority": "medium",
        "band": "soft",
        "present": True,
        "verifiable": True,
        "signal": "on",
        "durable": True,
        "text": "Bed 1: heart rate 130 /min, above the soft limit 120 /min.",
        "action": "Look at the patient.",
        "onset": stamp(75),
        "changed": stamp(75),
        "value": "130",
        "unit": "/min",
        "limit": None,
        "evidence": {},
        "delivery": {
            "state": "queued",
            "level": 1,
            "noise_rev": 1,
            "published": None,
            "broker_ack": None,
            "displayed": None,
            "displayed_by": "",
        },
        **changes,
    }
    AlarmMessage.read(json.dumps(said).encode())
    return said


def level(number: int) -> dict[str, Any]:
    return {"delivery": {**alarm()["delivery"], "level": number}}


class Daemon:
    """Stands for the daemon: gives ``alarms``, notes what is asked, and answers by ``answer``."""

    answers: ClassVar[dict[str, Any]] = {"result": "done", "reason": "", "durable": True}

    def __init__(self) -> None:
        self.alarms: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], dict[str, Any] | bytes] = self.done

    def done(self, said: dict[str, Any], **changes: Any) -> dict[str, Any]:
        message = {
            "schema": "response/1",
            "run": "run-1",
            "request_id": said["request_id"],
            "verb": said["ask"],
            "at": stamp(0),
            **self.answers,
            **changes,
        }
        ResponseMessage.read(json.dumps(message).encode())
        return message

    def reply(self, line: bytes) -> bytes:
        said = json.loads(line)
        if said == {"get": "alarms"}:
            return json.dumps({"run": "run-1", "mono_s": NOW_S, "alarms": self.alarms}).encode() + b"\n"
        self.asked.append(said)
        answer = self.answer(said)
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def daemon(path: Path) -> Iterator[Daemon]:
    here = Daemon()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):  # whoever asked may be gone
                for line in self.rfile:
                    reply = here.reply(line)
                    self.wfile.write(reply)
                    if not reply.endswith(b"\n"):
                        return

    with socketserver.ThreadingUnixStreamServer(str(path), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line: its exit status, what it printed, and what it printed as an error."""

    def run(verb: str, *arguments: str) -> tuple[int, str, str]:
        status = main([verb, *arguments, "--control", str(path)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def basis(said: dict[str, Any]) -> dict[str, Any]:
    """What was asked, without the identifier, which must be there."""
    assert len(said["request_id"]) == 16
    return {name: value for name, value in said.items() if name != "request_id"}


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_nothing_stands(daemon: Daemon, run: Run) -> None:
    assert run("alarms") == (0, "No alarm stands.\n", "")


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
    assert (status, json.loads(said)) == (0, {"run": "run-1", "mono_s": NOW_S, "alarms": daemon.alarms})
    assert run("alarms")[0] == 0


def test_what_a_device_wrote_does_not_steer_the_terminal(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm(text="Bed 1: \x1b[2J\x07pump")]
    assert run("alarms")[1].splitlines()[0] == "!!  bed-1  Bed 1: ?[2J?pump"


# --- acting on alarms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run-1-2", DOSE, "DOSE_RATE_HIGH", "dose_rate_high"])
def test_one_button_accepts_and_acknowledges_the_one_that_was_looked_at(daemon: Daemon, run: Run, name: str) -> None:
    daemon.alarms = [alarm(), alarm(DOSE, "run-1-2", rev=7, text="Too much.")]
    assert run("accept", name) == (0, f"done: accept bed-1 {DOSE} (Too much.)\n", "")
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


@pytest.mark.parametrize("verb", ["acknowledge", "reset"])
def test_acknowledge_and_reset_name_the_alarm_and_nothing_more(daemon: Daemon, run: Run, verb: str) -> None:
    daemon.alarms = [alarm()]
    status, said, _ = run(verb, "HR_HIGH", "run-1-1")  # two names of one alarm
    assert (status, said) == (0, f"done: {verb} bed-1 HR_HIGH ({alarm()['text']})\n")
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
        f"done: accept edge SPO2_LOW ({text}) (not kept on the disk, which takes nothing)",
        f"done: accept bed-1 HR_HIGH ({text}) (not kept on the disk, which takes nothing)",
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


@pytest.mark.parametrize("arguments", [(), ("HR_HIGH", "--all")])
def test_it_must_be_said_which(daemon: Daemon, run: Run, arguments: tuple[str, ...]) -> None:
    daemon.alarms = [alarm()]
    status, out, error = run("accept", *arguments)
    assert (status, out) == (2, "")
    assert error == "infusion-edge: accept which? Name alarms by key or occurrence, or say --all\n"
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
        "infusion-edge: no alarm HR stands. Nothing was asked.",
        "  run-1-1  bed-1 HR_HIGH (One.)",
    ]


# --- the other acts ---------------------------------------------------------------------------------------------------


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
            "audio-pause of all beds for 120 s",
        ),
        (("resume",), {"ask": "resume", "bed": ""}, "resume all beds"),
        (("resume", "bed-2"), {"ask": "resume", "bed": "bed-2"}, "resume bed-2"),
        (
            ("off-monitor", "bed-1"),
            {"ask": "off-monitor", "bed": "bed-1", "duration_s": 900.0},
            "off-monitor of bed-1 for 900 s",
        ),
        (
            ("off-monitor", "bed-1", "--minutes", "2.5"),
            {"ask": "off-monitor", "bed": "bed-1", "duration_s": 150.0},
            "off-monitor of bed-1 for 150 s",
        ),
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


@pytest.mark.parametrize("line", [("off-monitor",), ("confirm-device", "bed-1"), ("pause", "--seconds", "x")])
def test_what_cannot_be_understood_is_refused_with_usage(run: Run, line: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*line)
    assert ended.value.code == 2


# --- no daemon --------------------------------------------------------------------------------------------------------


RUNNING = "is the daemon running (systemctl status infusion-edge)? One with another socket is named with --control"


def test_without_a_daemon_it_says_what_to_look_at(path: Path, run: Run) -> None:
    assert run("alarms") == (2, "", f"infusion-edge: there is no {path}: {RUNNING}\n")
    path.touch()
    assert run("alarms") == (
        2,
        "",
        f"infusion-edge: nobody answers at {path} ([Errno 111] Connection refused): {RUNNING}\n",
    )


def test_a_path_that_is_too_long_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alarms", "--control", "/" + "x" * 200]) == 2
    assert "AF_UNIX path too long" in capsys.readouterr().err


def test_who_is_not_in_the_group_is_told_the_remedy() -> None:
    said = commands._why_not(CONTROL, PermissionError(13, "Permission denied"))
    assert said == (
        "you may not use /run/infusion-edge/control.sock: your user must be in the group infusion-edge "
        "(sudo adduser $USER infusion-edge, log in anew)"
    )


def test_what_was_done_before_the_daemon_fell_silent_is_told(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm("RR_LOW", "run-1-1"), alarm("SPO2_LOW", "run-1-2"), alarm("HR_HIGH", "run-1-3")]
    daemon.answer = lambda said: {"error": "no answer"} if said["key"] == "RR_LOW" else daemon.done(said)
    status, out, error = run("acknowledge", "SPO2_LOW", "RR_LOW", "HR_HIGH")
    text = alarm()["text"]
    assert (status, out) == (2, "")
    assert error.splitlines() == [
        f"done: acknowledge bed-1 SPO2_LOW ({text})",
        f"not known: acknowledge bed-1 RR_LOW ({text}): no answer",
    ]
    assert [asked["key"] for asked in daemon.asked] == ["SPO2_LOW", "RR_LOW"]


@pytest.mark.parametrize("answer", [b"", b'{"half'])
def test_a_daemon_that_hangs_up_is_told(daemon: Daemon, run: Run, answer: bytes) -> None:
    daemon.answer = lambda _: answer
    assert run("test-alarm") == (2, "", "infusion-edge: the daemon hung up: look at the alarms again\n")


def test_a_daemon_that_does_not_answer_is_given_up(daemon: Daemon, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ANSWER_LIMIT_S", 0.1)
    given_up = threading.Event()

    def wait(_: dict[str, Any]) -> bytes:
        given_up.wait(3.0)
        return b""

    daemon.answer = wait
    status, _, error = run("test-alarm")
    given_up.set()
    assert (status, error) == (
        2,
        "infusion-edge: the connection to the daemon broke (timed out): look at the alarms again\n",
    )
