"""The driver against its transcripts and its allow-list (``fresenius-orchestra/README.md``)."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.fresenius_orchestra import OrchestraSession
from drivers.fresenius_orchestra_line import ACK, ALIVE, Frame, Framer, Question, Request, message_of
from drivers.fresenius_orchestra_pump import readings_of
from drivers.model import (
    AlarmSetChanged,
    ChannelRemoved,
    DeviceAlarmKind,
    InfusionState,
    Observation,
    Output,
    Send,
    SessionOptions,
    Validity,
)

FOLDER = Path(__file__).parent / "fresenius-orchestra"
TRANSCRIPTS = ["witnessed.txt", "two-modules.txt"]
VALID, INVALID, ABSENT = Validity.VALID, Validity.INVALID, Validity.NOT_AVAILABLE


def lines_of(name: str) -> list[str]:
    texts = (line.partition("#")[0].strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines())
    return [text for text in texts if text]


def allowed() -> frozenset[bytes]:
    return frozenset(bytes.fromhex(text) for text in lines_of("allowed.txt"))


def replay(name: str) -> list[Output]:
    """Play a transcript: time passes until the driver says each of its lines, and it says nothing else."""
    session = OrchestraSession(SessionOptions("pumps"))
    now_s = 0.0
    made = list(session.start(now_s))
    said = [output.data for output in made if isinstance(output, Send)]
    for line in lines_of(name):
        direction, _, text = line.partition(" ")
        wire = bytes.fromhex(text)
        if direction == "<":
            assert said == []
            more = session.feed(wire, now_s)
            made.extend(more)
            said.extend(output.data for output in more if isinstance(output, Send))
            continue
        while not said:
            assert session.deadline_s is not None
            now_s = session.deadline_s
            more = session.tick(now_s)
            made.extend(more)
            said.extend(output.data for output in more if isinstance(output, Send))
        assert said.pop(0) == wire
    assert said == []
    return [output for output in made if not isinstance(output, Send)]


def told(seen: Output) -> tuple[str, list[tuple[str | None, Validity]], InfusionState]:
    assert isinstance(seen, Observation)
    assert seen.infusion is not None
    rate, volume = seen.readings
    assert (rate.unit, volume.unit) == ("mL/h", "mL")
    if rate.value is not None:
        assert rate.resolution == Decimal("0.1")
    if volume.value is not None:
        assert volume.resolution == Decimal("0.001")
    values = [(None if one.value is None else str(one.value), one.validity) for one in seen.readings]
    return seen.channel, values, seen.infusion.state


def alarms(changed: Output) -> tuple[str, list[str]]:
    assert isinstance(changed, AlarmSetChanged)
    assert all(alarm.kind is DeviceAlarmKind.UNKNOWN for alarm in changed.alarms)
    return changed.channel, [alarm.code for alarm in changed.alarms]


def test_the_frames_that_another_program_was_seen_to_exchange() -> None:
    first, second, none = replay("witnessed.txt")
    assert told(first) == ("1", [("12.5", VALID), (None, ABSENT)], InfusionState.UNKNOWN)
    assert told(second) == ("2", [("0.0", VALID), ("15.000", VALID)], InfusionState.UNKNOWN)
    assert alarms(none) == ("2", [])


def test_two_modules() -> None:
    made = replay("two-modules.txt")
    seen = [told(output) for output in made if isinstance(output, Observation)]
    assert seen == [
        ("1", [("12.5", VALID), ("15.000", VALID)], InfusionState.UNKNOWN),
        ("3", [("1200.0", VALID), ("9999.999", VALID)], InfusionState.UNKNOWN),
        ("1", [("0.0", VALID), ("15.018", VALID)], InfusionState.UNKNOWN),
        ("3", [(None, INVALID), (None, INVALID)], InfusionState.UNKNOWN),
        ("1", [("12.5", VALID), (None, ABSENT)], InfusionState.UNKNOWN),
    ]
    assert [alarms(output) for output in made if isinstance(output, AlarmSetChanged)] == [
        ("1", []),
        ("3", ["a 0400"]),
        ("1", ["a 08"]),
        ("3", []),
        ("1", []),
    ]
    assert [output.channel for output in made if isinstance(output, ChannelRemoved)] == ["3"]
    assert len(made) == 5 + 5 + 1


def test_the_witnessed_volume() -> None:
    framer = Framer()
    (frame,) = framer.feed(bytes.fromhex("02 31 43 3b 72 30 30 30 30 33 41 39 38 33 39 03")) + framer.rest()
    assert isinstance(frame, Frame)
    message = message_of(frame)
    assert message is not None
    assert message.address == "1"
    assert readings_of(message.fields)[1].value == Decimal("15.000")


@pytest.mark.parametrize(
    ("wire", "address", "question"),
    [
        ("02 30 44 43 34 38 03", "0", Question.CONNECT),
        ("02 30 4c 45 3b 62 41 31 03", "0", Question.MODULES),
        ("02 31 4c 45 3b 64 39 45 03", "1", Question.READ_RATE),
    ],
)
def test_the_witnessed_questions(wire: str, address: str, question: Question) -> None:
    assert Request(address, question).encode() == bytes.fromhex(wire)


def test_the_allow_list_is_all_that_can_be_sent() -> None:
    """Every address of one character or none, with every question: the whole grammar."""
    sent = {ACK, ALIVE}
    for address in ["", *map(chr, range(256)), "01", "10", "1;"]:
        for question in Question:
            try:
                sent.add(Request(address, question).encode())
            except ValueError:
                continue
    assert sent == allowed()
    assert len(sent) == 2 + 4 + 9 * 8


@pytest.mark.parametrize("sent", sorted(allowed() - {ACK, ALIVE}))
def test_what_is_allowed_connects_reads_enables_events_or_confirms(sent: bytes) -> None:
    """Each command stands alone or before letters of variables; none that sets anything is among them."""
    body = sent[1:-3].decode("ascii")
    assert re.fullmatch("[0-8]?(DC|LE;(b|aemdr|adr|dr|d)|DE;aem|E|M)", body)
    assert (sum(body.encode()) + int(sent[-3:-1], 16)) % 256 == 255


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_every_line_that_the_driver_says_is_on_the_allow_list(name: str) -> None:
    assert {bytes.fromhex(line[1:]) for line in lines_of(name) if line.startswith(">")} <= allowed()


@pytest.mark.parametrize(
    "name", ["fresenius_orchestra.py", "fresenius_orchestra_line.py", "fresenius_orchestra_pump.py"]
)
def test_no_command_that_sets_anything_stands_in_the_code(name: str) -> None:
    """A tripwire: bytes that could set anything must not even be written down."""
    source = (Path(__file__).parents[2] / "drivers" / name).read_text(encoding="utf-8")
    for word in ("MO", "PR", "PO", "PB", "PF", "PV", "RV", "PP", "PS", "RZ", "OF", "EP", "EN", "AP", "SI", "FC"):
        assert not re.search(f"[\"']{word}[;\"']", source)
