"""The driver against its transcripts and its allow-list (``bbraun-space/README.md``)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from drivers.bbraun_bcc import ACK, NAK, Command, Request
from drivers.bbraun_space import BccSession
from drivers.model import (
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
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

FOLDER = Path(__file__).parent / "bbraun-space"
CHANNELS = [f"{pillar}{slot}" for pillar in "123" for slot in "123456789ABCDEFGHIJKLMNO"]


def lines_of(name: str) -> list[str]:
    texts = (line.partition("#")[0].strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines())
    return [text for text in texts if text]


def allowed() -> frozenset[bytes]:
    return frozenset(bytes.fromhex(text) for text in lines_of("allow-list.txt"))


def replay(name: str) -> list[Output]:
    """Play a transcript: time passes until the driver says each of its lines, and it says nothing else."""
    session = BccSession(SessionOptions("pumps"))
    now_s = 0.0
    made = list(session.start(now_s))
    said: list[bytes] = [output.data for output in made if isinstance(output, Send)]
    for line in lines_of(name):
        direction, _, text = line.partition(" ")
        wire = bytes.fromhex(text)
        if direction == "<":
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


def values_of(seen: Observation) -> dict[Quantity, tuple[Decimal, str, Decimal]]:
    return {
        reading.quantity: (reading.value, reading.unit, reading.resolution)
        for reading in seen.readings
        if reading.value is not None
    }


@pytest.mark.parametrize("name", ["one-pump.txt", "one-pump-plain.txt"])
def test_one_pump(name: str) -> None:
    made = [output for output in replay(name) if output != Rejected("timeout")]
    identified, seen, alarms = made
    assert isinstance(identified, DeviceIdentified)
    assert (identified.channel, identified.software) == ("13", "V3.30")
    assert isinstance(seen, Observation)
    assert (seen.channel, seen.device_time) == ("13", "9")
    assert values_of(seen) == {
        Quantity.INFUSION_RATE: (Decimal("12.50"), "mL/h", Decimal("0.01")),
        Quantity.DOSE_RATE_SET: (Decimal("4.000"), "mg/kg/h", Decimal("0.001")),
        Quantity.WEIGHT: (Decimal("70.0"), "kg", Decimal("0.1")),
    }
    assert seen.infusion is not None
    assert (seen.infusion.state, seen.infusion.drug) == (InfusionState.UNKNOWN, None)
    assert isinstance(alarms, AlarmSetChanged)
    assert [(alarm.kind, alarm.code) for alarm in alarms.alarms] == [(DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "INA3")]


def test_two_pumps_one_damaged_block_and_a_removal() -> None:
    made = replay("two-pumps.txt")
    observations = [output for output in made if isinstance(output, Observation)]
    assert [(seen.channel, seen.device_time) for seen in observations] == [("11", "100"), ("1C", "100"), ("11", "102")]
    first, second, later = observations
    assert values_of(first) == {
        Quantity.INFUSION_RATE: (Decimal("12.50"), "mL/h", Decimal("0.01")),
        Quantity.VOLUME_INFUSED: (Decimal("103.4"), "mL", Decimal("0.1")),
        Quantity.VOLUME_TO_BE_INFUSED: (Decimal("50.0"), "mL", Decimal("0.1")),
        Quantity.TIME_REMAINING: (Decimal(9000), "s", Decimal(1)),
        Quantity.CONCENTRATION: (Decimal("5.000"), "mg/mL", Decimal("0.001")),
        Quantity.DOSE_RATE: (Decimal("0.893"), "mg/kg/h", Decimal("0.001")),
        Quantity.WEIGHT: (Decimal("70.0"), "kg", Decimal("0.1")),
    }
    assert values_of(second) == {
        Quantity.INFUSION_RATE: (Decimal("2.40"), "mL/h", Decimal("0.01")),
        Quantity.BOLUS_VOLUME: (Decimal("1.50"), "mL", Decimal("0.01")),
        Quantity.VOLUME_REMAINING: (Decimal("31.25"), "mL", Decimal("0.01")),
        Quantity.CONCENTRATION: (Decimal("40.00"), "ug/mL", Decimal("0.01")),
    }
    without = {reading.quantity: reading.validity for reading in second.readings if reading.value is None}
    assert without[Quantity.VOLUME_INFUSED] is Validity.NOT_AVAILABLE
    assert without[Quantity.WEIGHT] is Validity.NOT_AVAILABLE
    assert values_of(later)[Quantity.VOLUME_INFUSED][0] == Decimal("103.5")
    infusions = [seen.infusion for seen in observations if seen.infusion is not None]
    assert [(infusion.state, infusion.drug) for infusion in infusions] == [
        (InfusionState.INFUSING, "Ketamin, 5 mg/ml"),
        (InfusionState.STOPPED, None),
        (InfusionState.INFUSING, None),
    ]


def test_two_pumps_their_events() -> None:
    made = replay("two-pumps.txt")
    identified = [output for output in made if isinstance(output, DeviceIdentified)]
    assert [(event.channel, event.serial_number, event.model) for event in identified] == [
        ("11", "1A2B3C", "686U030003"),
        ("1C", "7FFFFFFF", "688U030003"),
    ]
    boli = [output for output in made if isinstance(output, BolusGiven)]
    assert [(bolus.channel, bolus.count, bolus.volume_ml) for bolus in boli] == [("1C", 1, Decimal("1.50"))]
    alarms = [output for output in made if isinstance(output, AlarmSetChanged)]
    assert [(event.channel, [alarm.kind for alarm in event.alarms]) for event in alarms] == [
        ("11", []),
        ("1C", [DeviceAlarmKind.RESERVOIR_NEAR_EMPTY]),
    ]
    assert [output.channel for output in made if isinstance(output, ChannelRemoved)] == ["1C"]
    assert [output.reason for output in made if isinstance(output, Rejected)] == ["checksum"]


def test_the_allow_list_is_all_that_can_be_sent() -> None:
    """Every command, in both forms, with every channel: the whole grammar for one bed id."""
    requests = [
        Request(Command.ALIVE),
        Request(Command.VERSION, "ICU3"),
        Request(Command.MEMORY, "ICU3"),
        *(Request(Command.SLOT, "ICU3", channel) for channel in CHANNELS),
    ]
    assert {request.command for request in requests} == set(Command)
    sent = {request.encode(stuffed=stuffed) for request in requests for stuffed in (True, False)}
    assert sent | {ACK, NAK} == allowed()
    assert len(allowed()) == 2 + 2 * (3 + 72)


def test_the_witnessed_frame_is_on_the_allow_list() -> None:
    assert b"\x0100031\x021/1/1>ADMIN:ALIVE\x0300061\x04" in allowed()


@pytest.mark.parametrize("name", ["one-pump.txt", "one-pump-plain.txt", "two-pumps.txt"])
def test_every_line_that_the_driver_says_is_on_the_allow_list(name: str) -> None:
    said = {bytes.fromhex(line[1:]) for line in lines_of(name) if line.startswith(">")}
    assert said <= allowed()
