"""The commands at the bedside computer: what they ask, what they print, and how they end."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from edge import commands
from edge.cli import main
from edge.messages.alarms import AlarmMessage
from edge.messages.events import ResponseMessage

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
        self.pauses: list[dict[str, Any]] = []
        self.beds = [{"bed": "bed-1", "label": "Window"}, {"bed": "bed-2", "label": "Door"}]
        self.asked: list[dict[str, Any]] = []
        self.gone = False
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
        if self.gone:
            return b""
        if said == {"get": "alarms"}:
            found = {"beds": self.beds, "pauses": self.pauses, "alarms": self.alarms}
            return json.dumps({"run": "run-1", "mono_s": NOW_S, **found}).encode() + b"\n"
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


# --- acting on alarms -------------------------------------------------------------------------------------------------


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


# --- no daemon --------------------------------------------------------------------------------------------------------


RUNNING = (
    "is the daemon running (systemctl status infusion-edge)? "
    "If it was started otherwise (make demo), say --control and its path"
)


def dead_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    return path


def test_without_a_daemon_it_says_what_to_look_at(path: Path, run: Run) -> None:
    assert run("alarms") == (2, "", f"infusion-edge: there is no {path}: {RUNNING}\n")
    dead_socket(path)
    assert run("alarms") == (
        2,
        "",
        f"infusion-edge: nobody answers at {path} ([Errno 111] Connection refused): {RUNNING}\n",
    )


def test_a_file_that_is_no_socket_is_said_to_be_none(path: Path, run: Run) -> None:
    path.touch()
    said = f"{path} is no socket: name the daemon's own with --control"
    assert run("alarms") == (2, "", f"infusion-edge: {said}\n")
    assert commands._why_not(path, PermissionError(13, "Permission denied")) == said


def test_a_path_that_is_too_long_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alarms", "--control", "/" + "x" * 200]) == 2
    assert "AF_UNIX path too long" in capsys.readouterr().err


DENIED = PermissionError(13, "Permission denied")


def test_who_is_not_in_the_group_of_the_socket_or_of_what_hides_it_is_told_the_remedy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "GROUP", path.parent.group())
    remedy = f"your user must be in the group {commands.GROUP} (sudo adduser $USER {commands.GROUP}, log in anew)"
    assert commands._why_not(path, DENIED) == f"you may not use {path}: {remedy}"
    assert commands._why_not(dead_socket(path), DENIED) == f"you may not use {path}: {remedy}"


def test_a_socket_of_another_group_names_whose_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = dead_socket(path).owner()
    assert commands._why_not(path, DENIED) == f"you may not use {path}: {path} belongs to {user}: run it as {user}"

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(grp, "getgrgid", nobody)
    user = f"uid {os.getuid()}"
    assert commands._why_not(path, DENIED) == f"you may not use {path}: {path} belongs to {user}: run it as {user}"


def test_what_was_done_before_the_daemon_fell_silent_is_told(daemon: Daemon, run: Run) -> None:
    daemon.alarms = [alarm("RR_LOW", "run-1-1"), alarm("SPO2_LOW", "run-1-2"), alarm("HR_HIGH", "run-1-3")]
    daemon.answer = lambda said: {"error": "no answer"} if said["key"] == "RR_LOW" else daemon.done(said)
    status, out, error = run("acknowledge", "SPO2_LOW", "RR_LOW", "HR_HIGH")
    text = alarm()["text"]
    assert (status, out) == (2, "")
    assert error.splitlines() == [
        f"done: acknowledge bed-1 SPO2_LOW ({text}): it goes on sounding",
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
