"""The commands at the bedside computer: they ask the running daemon through its control socket, and say its answer.

What is asked about an alarm names the occurrence and the revision that was looked at in the same moment. A name that
fits several alarms, or none, is asked of none.
"""

from __future__ import annotations

import argparse
import grp
import json
import os
import pwd
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from edge.commands_stop import stop, without_answer
from edge.commands_therapy import COMMANDS, NotAskedError
from edge.core.inactivation import PAUSE_LIMIT_S
from edge.core.model import SilenceReason
from edge.messages.alarms import AlarmMessage
from edge.messages.events import ResponseMessage
from edge.messages.therapy import PauseMessage
from edge.paused import span, told

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
"""Nothing was asked, or it is not known what became of it."""

ANSWER_LIMIT_S = 10.0
"""The daemon itself says after 5 s that it has no answer."""

GROUP = "infusion-edge"

MARKS = {"high": "!!!", "medium": "!! ", "low": "!  "}
_RANK = ("high", "medium", "low")
_LEVELS = {1: "screens of the bed", 2: "all screens of the ward", 3: "nurse call"}
_SILENCES = {
    "audio_pause": "sound paused",
    "off_monitor": "silent, the patient is off the monitor",
    "awaiting_repeat": "silent until it is measured again",
    "at_device": "silenced at the device",
    "service": "silent, the bed is under service",
}
_MINUTE_S = 60


class _FailedError(Exception):
    """Nothing was asked, or no answer came; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands, the most urgent first, by the clock of a run; pauses by bed, and what nurses call the beds."""

    run: str
    mono_s: float
    alarms: tuple[AlarmMessage, ...]
    pauses: Mapping[str, Sequence[PauseMessage]]
    labels: Mapping[str, str]


def carry_out(options: argparse.Namespace) -> tuple[int, str]:
    """Do what a command line says; return the exit status and what to print."""
    try:
        with closing(_Line(options.control)) as line:
            return _COMMANDS[options.verb](line, options)
    except _FailedError as error:
        if options.verb == "stop":
            return without_answer(str(error), options)
        return EXIT_USAGE, f"infusion-edge: {error}"
    except NotAskedError as error:
        return EXIT_USAGE, f"infusion-edge: {error}"


def ask_once(control: Path, verb: str, what: str, **fields: object) -> tuple[int, str]:
    """Ask the daemon for one act on what it shows now; return the exit status and its answer. Raises NotAskedError."""
    try:
        with closing(_Line(control)) as line:
            return line.ask(line.look(), verb, what, **fields)
    except _FailedError as error:
        raise NotAskedError(str(error)) from error


def standing(control: Path) -> tuple[AlarmMessage, ...]:
    """Return the alarms that stand, the most urgent first. Raises NotAskedError."""
    try:
        with closing(_Line(control)) as line:
            return line.look().alarms
    except _FailedError as error:
        raise NotAskedError(str(error)) from error


# --- the line to the daemon -------------------------------------------------------------------------------------------


class _Line:
    """A connection to the control socket. Every fault of it is a `_FailedError`."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_LIMIT_S)
        try:
            self._socket.connect(os.fspath(path))
        except OSError as error:
            self._socket.close()
            raise _FailedError(_why_not(path, error)) from error
        self._replies = self._socket.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self._replies.close()
        self._socket.close()

    def exchange(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Say something and return the answer."""
        try:
            self._socket.sendall(json.dumps(said).encode() + b"\n")
            reply = self._replies.readline()
        except OSError as error:
            raise _FailedError(f"the connection to the daemon broke ({error}): look at the alarms again") from error
        if not reply.endswith(b"\n"):
            raise _FailedError("the daemon hung up: look at the alarms again")
        answer: dict[str, Any] = json.loads(reply)
        if "error" in answer:
            raise _FailedError(answer["error"])
        return answer

    def look(self) -> _Standing:
        """Return what stands now."""
        answer = self.exchange({"get": "alarms"})
        alarms = [AlarmMessage.read(json.dumps(alarm).encode()) for alarm in answer["alarms"]]
        alarms.sort(key=lambda alarm: (_RANK.index(alarm.priority), alarm.onset.mono_s, alarm.bed, alarm.key))
        # A daemon of an earlier version, before it is started anew, tells neither beds nor pauses.
        labels = {row["bed"]: row["label"] for row in answer.get("beds", ())}
        pauses: dict[str, list[PauseMessage]] = {}
        for row in answer.get("pauses", ()):
            pauses.setdefault(row["bed"], []).append(PauseMessage.read(json.dumps(row).encode()))
        return _Standing(answer["run"], answer["mono_s"], tuple(alarms), pauses, labels)

    def ask(self, seen: _Standing, verb: str, what: str, **fields: object) -> tuple[int, str]:
        """Ask for one act on what was seen."""
        return self.request(seen.run, seen.mono_s, verb, what, fields)

    def request(self, run: str, mono_s: float, verb: str, what: str, fields: Mapping[str, object]) -> tuple[int, str]:
        """Ask for one act on what was seen in a run at a moment of its clock."""
        basis = {"request_id": token_hex(8), "run": run, "edge_mono_s": mono_s}
        answer = ResponseMessage.read(json.dumps(self.exchange({"ask": verb, **basis, **fields})).encode())
        if answer.result == "refused":
            return EXIT_REFUSED, f"refused: {what}: {answer.reason}"
        kept = "" if answer.durable else " (not kept on the disk, which takes nothing)"
        return EXIT_OK, f"done: {what}{f': {answer.said}' if answer.said else ''}{kept}"


def _why_not(path: Path, error: OSError) -> str:
    with suppress(OSError):  # who may not look into its folder does not see either whether it is there
        if path.exists() and not path.is_socket():
            return f"{path} is no socket: name the daemon's own with --control"
    if isinstance(error, PermissionError):
        return f"you may not use {path}: {_who_may(path)}"
    running = (
        "is the daemon running (systemctl status infusion-edge)? "
        "If it was started otherwise (make demo), say --control and its path"
    )
    if isinstance(error, FileNotFoundError):
        return f"there is no {path}: {running}"
    return f"nobody answers at {path} ({error}): {running}"


def _who_may(path: Path) -> str:
    """Say who may use a socket, by it or, where that is hidden, by the folder that hides it."""
    for seen in (path, *path.parents):
        with suppress(OSError):
            owner, group = seen.stat().st_uid, seen.stat().st_gid
            break
    with suppress(KeyError):
        if grp.getgrgid(group).gr_name == GROUP:
            return f"your user must be in the group {GROUP} (sudo adduser $USER {GROUP}, log in anew)"
    user = f"uid {owner}"
    with suppress(KeyError):
        user = pwd.getpwuid(owner).pw_name
    return f"{seen} belongs to {user}: run it as {user}"


# --- looking ----------------------------------------------------------------------------------------------------------


def _show(line: _Line, options: argparse.Namespace) -> tuple[int, str]:
    if options.json:
        return EXIT_OK, json.dumps(line.exchange({"get": "alarms"}), indent=1, ensure_ascii=False)
    seen = line.look()
    width = max((len(alarm.bed or "edge") for alarm in seen.alarms), default=0)
    blocks = [_block(alarm, seen.mono_s, width) for alarm in seen.alarms] or ["No alarm stands."]
    pauses = "\n".join(told(seen.pauses, seen.labels, seen.mono_s))
    return EXIT_OK, "\n\n".join([*blocks, pauses] if pauses else blocks)


def _block(alarm: AlarmMessage, now_s: float, width: int) -> str:
    """Say one alarm: what it is, how it stands, what to do, and by what names it is called."""
    words = [alarm.priority, f"for {span(now_s - alarm.onset.mono_s)}", _sound(alarm, now_s)]
    if not alarm.present:
        words.append("over, latched until it is reset")
    if not alarm.verifiable:
        words.append("NOT VERIFIABLE: what it was judged by is gone")
    if alarm.acceptance is not None:
        words.append(f"accepted by {alarm.acceptance.by} {span(now_s - alarm.acceptance.at.mono_s)} ago")
    else:
        words.append("not accepted")
    if alarm.delivery is not None:
        words.append(f"level {alarm.delivery.level} ({_LEVELS.get(alarm.delivery.level, 'unknown')})")
    if not alarm.durable:
        words.append("not kept on the disk")
    rows = (", ".join(words), f"To do: {alarm.action}", f"{alarm.key}  {alarm.occurrence}")
    margin = " " * 4
    return "\n".join(
        [f"{MARKS[alarm.priority]} {alarm.bed or 'edge':{width}}  {alarm.text}", *(f"{margin}{row}" for row in rows)]
    )


def _sound(alarm: AlarmMessage, now_s: float) -> str:
    if alarm.signal == "acknowledged" and alarm.acknowledgement is not None:
        held = alarm.acknowledgement
        return f"silenced by {held.by} for {span(held.until_mono_s - now_s)} more"
    if alarm.silence is not None:
        by = f" ({alarm.silence.by})" if alarm.silence.by else ""
        return f"{_SILENCES[alarm.silence.reason]}{by}, {span(alarm.silence.until_mono_s - now_s)} more"
    return "sounding"


# --- acting -----------------------------------------------------------------------------------------------------------


def _attend(line: _Line, options: argparse.Namespace) -> tuple[int, str]:
    """Ask the same about each alarm that is meant."""
    verb = options.verb
    if not options.names and not options.all:
        raise _FailedError(f"{verb} which? Name alarms by key or occurrence, or say --all")
    if options.names and options.all:
        raise _FailedError(f"{verb} which? Name alarms, or say --all, not both")
    seen = line.look()
    if options.all:
        meant = [alarm for alarm in seen.alarms if verb != "reset" or not alarm.present]
        if not meant:
            return EXIT_OK, "No alarm stands." if verb != "reset" else "No alarm is latched."
    else:
        meant = _choose(options.names, seen.alarms)
    fields = {"acknowledge": not options.only} if verb == "accept" else {}
    answers = []
    for alarm in meant:
        what = f"{verb} {_name(alarm)}"
        try:
            named = {"bed": alarm.bed, "key": alarm.key, "occurrence": alarm.occurrence, "rev": alarm.rev}
            answers.append(line.ask(seen, verb, what, **named, **fields))
        except _FailedError as error:
            answers.append((EXIT_USAGE, f"not known: {what}: {error}"))
            break
    became = {} if verb == "reset" else _became(line, meant)
    rows = [
        f"{text}{became.get(alarm.occurrence, '') if status == EXIT_OK else ''}"
        for alarm, (status, text) in zip(meant, answers, strict=False)  # those after a failure were not asked
    ]
    return max(status for status, _ in answers), "\n".join(rows)


def _became(line: _Line, asked: Iterable[AlarmMessage]) -> dict[str, str]:
    """Look again, and say of each occurrence what became of it; of none where that cannot be seen."""
    try:
        seen = line.look()
    except _FailedError:
        return {}
    now = {alarm.occurrence: alarm for alarm in seen.alarms}
    return {
        before.occurrence: f": {_now(now[before.occurrence], seen.mono_s)}"
        if before.occurrence in now
        else ": it is over"
        for before in asked
    }


def _now(alarm: AlarmMessage, now_s: float) -> str:
    """Say what an alarm does after somebody asked something of it."""
    held = alarm.acknowledgement
    if alarm.signal == "acknowledged" and held is not None:
        for_s = held.until_mono_s - held.at.mono_s
        until = f"until {datetime.fromisoformat(held.at.wall).astimezone() + timedelta(seconds=for_s):%H:%M}"
        return f"silent {until if held.at.synchronised else f'for {span(for_s)}'} unless it gets worse"
    sound = "it goes on sounding" if alarm.silence is None else _sound(alarm, now_s)
    return f"accepted; {sound}" if alarm.acceptance is not None else sound


def _choose(names: Iterable[str], alarms: Sequence[AlarmMessage]) -> list[AlarmMessage]:
    """Find the one alarm that each name means: by occurrence, key, or condition."""
    chosen: dict[str, AlarmMessage] = {}
    for name in names:
        found = [
            alarm
            for alarm in alarms
            if name.casefold() in (word.casefold() for word in (alarm.occurrence, alarm.key, alarm.condition))
        ]
        if len(found) != 1:
            if found:
                why = f"{name} is {len(found)} alarms: name one by its occurrence. Nothing was asked."
            else:
                these = "These stand:" if alarms else "None does."
                why = f"no alarm {name} stands. Nothing was asked. {these}"
            raise _FailedError("\n".join([why, *map(_candidate, found or alarms)]))
        chosen[found[0].occurrence] = found[0]
    return list(chosen.values())


def _candidate(alarm: AlarmMessage) -> str:
    return f"  {alarm.occurrence}  {_name(alarm)}"


def _name(alarm: AlarmMessage) -> str:
    return f"{alarm.bed or 'edge'} {alarm.key} ({alarm.text})"


def _pause(line: _Line, options: argparse.Namespace) -> tuple[int, str]:
    return _ask_for_pause(line, options, "audio-pause", SilenceReason.AUDIO_PAUSE, (options.seconds, 1, "s"))


def _off_monitor(line: _Line, options: argparse.Namespace) -> tuple[int, str]:
    return _ask_for_pause(line, options, "off-monitor", SilenceReason.OFF_MONITOR, (options.minutes, _MINUTE_S, "min"))


def _ask_for_pause(
    line: _Line, options: argparse.Namespace, verb: str, reason: SilenceReason, lasting: tuple[float, int, str]
) -> tuple[int, str]:
    """Ask for a pause of a number of units, each so many seconds; the edge cuts what is too long, and so is it told."""
    number, unit_s, unit = lasting
    most = PAUSE_LIMIT_S[reason] / unit_s
    how_long = f"{number:g} {unit}" if number <= most else f"{most:g} {unit} (the most; {number:g} {unit} was asked)"
    return _ask_of_bed(line, verb, f"{verb} of {{bed}} for {how_long}", options.bed, duration_s=number * unit_s)


def _resume(line: _Line, options: argparse.Namespace) -> tuple[int, str]:
    return _ask_of_bed(line, "resume", "resume {bed}", options.bed)


def _test_alarm(line: _Line, _: argparse.Namespace) -> tuple[int, str]:
    return line.ask(line.look(), "test-alarm", "test-alarm, for half a minute")


def _service(line: _Line, options: argparse.Namespace) -> tuple[int, str]:
    if options.end:
        return _ask_of_bed(line, "service", "end the service of {bed}", options.bed, duration_s=0.0)
    return _ask_for_pause(line, options, "service", SilenceReason.SERVICE, (options.minutes, _MINUTE_S, "min"))


def _confirm_device(line: _Line, options: argparse.Namespace) -> tuple[int, str]:
    place = {name: getattr(options, name) for name in ("port", "channel", "serial_number")}
    what = f"confirm-device {options.serial_number} at {options.port} channel {options.channel} of {{bed}}"
    return _ask_of_bed(line, "confirm-device", what, options.bed, **place)


def _ask_of_bed(line: _Line, verb: str, what: str, name: str, **fields: object) -> tuple[int, str]:
    """Ask for one act at a bed, by its identifier or by what nurses call it; at all beds where none is named."""
    seen = line.look()
    labelled = [bed for bed, label in seen.labels.items() if label.casefold() == name.casefold()]
    known = not name or name in seen.labels
    bed = labelled[0] if not known and len(labelled) == 1 else name
    status, said = line.ask(seen, verb, what.replace("{bed}", bed or "all beds"), bed=bed, **fields)
    if status == EXIT_REFUSED and bed == name and not known and seen.labels:
        said = "\n".join([f"{said}. These are the beds:", *(f"  {row}  {label}" for row, label in seen.labels.items())])
    return status, said


_COMMANDS: dict[str, Callable[[_Line, argparse.Namespace], tuple[int, str]]] = {
    "alarms": _show,
    "accept": _attend,
    "acknowledge": _attend,
    "reset": _attend,
    "pause": _pause,
    "resume": _resume,
    "off-monitor": _off_monitor,
    "test-alarm": _test_alarm,
    "confirm-device": _confirm_device,
    "service": _service,
    "stop": lambda line, options: stop(line.exchange, options),
    **COMMANDS,
}
