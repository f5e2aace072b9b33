"""The driver against its transcripts and its allow-list (``alaris-asena/README.md``)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from drivers.alaris_asena import AsenaSession
from drivers.alaris_asena_replies import Framer, Question, Reply
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    InfusionState,
    Observation,
    Output,
    Quantity,
    Rejected,
    Send,
    SessionOptions,
    Validity,
)
from tests.golden.asena_reference import checksum

FOLDER = Path(__file__).parent / "alaris-asena"
RATE, VOLUME, LEFT = Quantity.INFUSION_RATE, Quantity.VOLUME_INFUSED, Quantity.TIME_REMAINING
PRESSURE = Quantity.LINE_PRESSURE


def lines_of(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def allowed() -> frozenset[bytes]:
    return frozenset(line.encode() + b"\r" for line in lines_of("allowed.txt"))


def replay(name: str) -> list[Output]:
    """Play a transcript: time passes until the driver says each of its lines, and it says nothing else."""
    session = AsenaSession(SessionOptions("pump"))
    now_s = 0.0
    made = list(session.start(now_s))
    said = [output.data for output in made if isinstance(output, Send)]
    for line in lines_of(name):
        wire = line[2:].encode() + b"\r"
        if line.startswith("<"):
            assert said == []
            made.extend(session.feed(wire, now_s))
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


def values_of(seen: Observation) -> list[tuple[Quantity, Decimal | None, str, Decimal, Validity]]:
    return [(one.quantity, one.value, one.unit, one.resolution, one.validity) for one in seen.readings]


def state_of(seen: Observation) -> tuple[InfusionState, str | None]:
    assert seen.infusion is not None
    return seen.infusion.state, seen.infusion.drug


def test_a_running_pump() -> None:
    identified, first, alarms, second = replay("running.txt")
    assert isinstance(identified, DeviceIdentified)
    assert (identified.channel, identified.serial_number, identified.model, identified.software) == (
        "0",
        "8002-51740",
        "Alaris Asena",
        "Asena Rev 2.1.5",
    )
    assert isinstance(first, Observation)
    assert values_of(first) == [
        (RATE, Decimal("0.10"), "mL/h", Decimal("0.01"), Validity.VALID),
        (VOLUME, Decimal("0.000"), "mL", Decimal("0.001"), Validity.VALID),
        (LEFT, Decimal(86400), "s", Decimal(1), Validity.OVER),
        (PRESSURE, Decimal("17.91"), "mm[Hg]", Decimal("0.01"), Validity.VALID),
    ]
    assert state_of(first) == (InfusionState.INFUSING, None)
    assert isinstance(alarms, AlarmSetChanged)
    assert alarms.alarms == ()
    assert isinstance(second, Observation)
    assert values_of(second) == [
        (RATE, Decimal("12.50"), "mL/h", Decimal("0.01"), Validity.VALID),
        (VOLUME, Decimal("103.417"), "mL", Decimal("0.001"), Validity.VALID),
        (LEFT, Decimal(9005), "s", Decimal(1), Validity.VALID),
        (PRESSURE, Decimal("42.00"), "mm[Hg]", Decimal("0.01"), Validity.VALID),
    ]
    assert state_of(second) == (InfusionState.INFUSING, None)


def test_a_pump_that_an_occlusion_holds() -> None:
    identified, seen, alarms = replay("held.txt")
    assert isinstance(identified, DeviceIdentified)
    assert identified.serial_number == "8002-51733"
    assert isinstance(seen, Observation)
    assert values_of(seen) == [
        (RATE, Decimal("0.00"), "mL/h", Decimal("0.01"), Validity.VALID),
        (VOLUME, Decimal("0.969"), "mL", Decimal("0.001"), Validity.VALID),
        (LEFT, Decimal(249), "s", Decimal(1), Validity.VALID),
        (PRESSURE, Decimal("530.15"), "mm[Hg]", Decimal("0.01"), Validity.VALID),
    ]
    assert state_of(seen) == (InfusionState.STOPPED, None)
    assert isinstance(alarms, AlarmSetChanged)
    assert alarms.alarms == (DeviceAlarm(DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "AL_OCCLU", "occlusion"),)


@pytest.mark.parametrize(
    ("published", "made"),
    [
        (b"!INST_SERIALNO^8002-51733|ACFF\r", Reply(("INST_SERIALNO", "8002-51733"))),
        (b"!INF_RATE^3.50^ml/h|3885\r", Reply(("INF_RATE", "3.50", "ml/h"))),
        (b"!SYRINGE_STATUS^BD PLASTIPAK^ 50^CONF|1CF8\r", Reply(("SYRINGE_STATUS", "BD PLASTIPAK", " 50", "CONF"))),
        (b"!REMQUERY^DEACT^^^|B968\r", Reply(("REMQUERY", "DEACT", "", "", ""))),
        (b"!REMQUERY^DEACT^^^|E5C9\r", Rejected("checksum", b"!REMQUERY^DEACT^^^|E5C9")),
    ],
)
def test_published_frames_are_framed_as_their_sums_say(published: bytes, made: Reply | Rejected) -> None:
    assert Framer().feed(published) == [made]
    session = AsenaSession(SessionOptions("pump"))
    session.start(0.0)
    assert [type(output) for output in session.feed(published, 0.1)] == [Rejected]


def test_the_allow_list_is_all_that_can_be_sent() -> None:
    """The grammar has no hole: its members are all that there is of it."""
    assert {question.value for question in Question} == allowed()


@pytest.mark.parametrize("sent", sorted(allowed()))
def test_what_is_allowed_is_a_keyword_without_an_argument_and_its_true_sum(sent: bytes) -> None:
    assert b"^" not in sent
    body, bar, told = sent.removeprefix(b"!").removesuffix(b"\r").partition(b"|")
    assert (bar, told.decode()) == (b"|", checksum(body))
    assert body in {b"COMMS_PROTOCOL", b"INF", b"ALARM"}


@pytest.mark.parametrize("name", ["running.txt", "held.txt"])
def test_every_line_that_the_driver_says_is_on_the_allow_list(name: str) -> None:
    assert {line[2:].encode() + b"\r" for line in lines_of(name) if line.startswith(">")} <= allowed()


@pytest.mark.parametrize(
    "name",
    ["alaris_asena.py", "alaris_asena_replies.py"],
)
def test_no_word_of_a_setter_stands_in_the_code(name: str) -> None:
    """A tripwire: bytes that could set anything must not even be written down."""
    source = (Path(__file__).parents[2] / "drivers" / name).read_text(encoding="utf-8")
    for word in ("REMOTE_", "REMQUERY", "INF_RATE", "INF_START", "INF_STOP", "INF_BOLUS", "INF_VI_CLEAR", "INF_VTBI^"):
        assert word not in source
