"""The driver against its transcripts and its allow-list (``new-era-ne1000/README.md``)."""

from __future__ import annotations

import ast
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    InfusionState,
    Observation,
    Output,
    Quantity,
    Send,
    SessionOptions,
    Validity,
)
from drivers.new_era_ne1000 import DRIVER, NewEraSession, Question

FOLDER = Path(__file__).parent / "new-era-ne1000"
STALLED = DeviceAlarm(
    DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "A?S", "the motor stalled: an occlusion, or the end of the syringe"
)


def lines_of(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def allowed() -> frozenset[bytes]:
    return frozenset(line.encode() + b"\r" for line in lines_of("allowed.txt"))


def replay(name: str) -> list[Output]:
    """Play a transcript: time passes until the driver says each of its lines, and it says nothing else."""
    session = NewEraSession(SessionOptions("pump"))
    now_s = 0.0
    made = list(session.start(now_s))
    said = [output.data for output in made if isinstance(output, Send)]
    for line in lines_of(name):
        if line.startswith("<"):
            assert said == []
            made.extend(session.feed(b"\x02" + line[2:].encode() + b"\x03", now_s))
            continue
        while not said:
            assert session.deadline_s is not None
            now_s = session.deadline_s
            more = session.tick(now_s)
            made.extend(more)
            said.extend(output.data for output in more if isinstance(output, Send))
        assert said.pop(0) == line[2:].encode() + b"\r"
    assert said == []
    return [output for output in made if not isinstance(output, Send)]


def told(sample: Output) -> tuple[InfusionState, Decimal | None, Decimal, str]:
    assert isinstance(sample, Observation)
    (rate,) = sample.readings
    assert sample.infusion is not None
    assert (rate.quantity, rate.unit, rate.validity) == (Quantity.INFUSION_RATE, "mL/h", Validity.VALID)
    return sample.infusion.state, rate.value, rate.resolution, rate.note


def test_a_running_pump() -> None:
    identified, alarms, first, second, third = replay("running.txt")
    assert isinstance(identified, DeviceIdentified)
    assert (identified.channel, identified.serial_number, identified.model, identified.software) == (
        "0",
        "",
        "NE1000",
        "3.61",
    )
    assert isinstance(alarms, AlarmSetChanged)
    assert alarms.alarms == ()
    assert told(first) == (InfusionState.INFUSING, Decimal("5.000"), Decimal("0.001"), "")
    assert told(second) == (InfusionState.INFUSING, Decimal("12.600"), Decimal("0.060"), "")
    assert told(third) == (InfusionState.STOPPED, Decimal("12.600"), Decimal("0.060"), "set")


def test_a_pump_that_stalls_and_is_started_again() -> None:
    identified, none, first, stalled, second, over, third = replay("stalled.txt")
    assert isinstance(identified, DeviceIdentified)
    assert identified.software == "3.928"
    assert [one.alarms for one in (none, stalled, over) if isinstance(one, AlarmSetChanged)] == [(), (STALLED,), ()]
    assert told(first) == (InfusionState.INFUSING, Decimal("0.2500"), Decimal("0.0001"), "")
    assert told(second) == (InfusionState.STOPPED, Decimal("0.2500"), Decimal("0.0001"), "set")
    assert told(third) == (InfusionState.INFUSING, Decimal("0.6000"), Decimal("0.0006"), "")


def test_the_allow_list_is_all_that_can_be_sent() -> None:
    """The grammar has no hole: its members are all that there is of it."""
    assert {question.value for question in Question} == allowed()


@pytest.mark.parametrize("sent", sorted(allowed()))
def test_what_is_allowed_is_a_keyword_without_an_argument(sent: bytes) -> None:
    assert sent in {b"VER\r", b"RAT\r"}


@pytest.mark.parametrize("name", ["running.txt", "stalled.txt"])
def test_every_line_that_the_driver_says_is_on_the_allow_list(name: str) -> None:
    assert {line[2:].encode() + b"\r" for line in lines_of(name) if line.startswith(">")} <= allowed()


def test_no_other_bytes_stand_in_the_code() -> None:
    """A tripwire: bytes that could set anything must not even be written down."""
    source = (Path(__file__).parents[2] / "drivers" / "new_era_ne1000.py").read_text(encoding="utf-8")
    written = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert {value for value in written if isinstance(value, bytes)} == allowed()


def test_it_says_for_whom_it_is_not() -> None:
    assert (DRIVER.laboratory_only, DRIVER.experimental, DRIVER.listen_only) == (True, True, False)
    assert "NOT FOR HUMAN USE" in DRIVER.title
    assert "NOT FOR HUMAN USE" in DRIVER.description.devices
