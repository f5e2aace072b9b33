"""What a session says, in words that a person can write down: shared by the golden tests of the oximeters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from drivers.model import AlarmSetChanged, DeviceIdentified, Driver, Observation, Output, Rejected, SessionOptions

Told: TypeAlias = tuple[str, ...]

HERE = Path(__file__).parent


def lines(name: str) -> bytes:
    """A transcript of text lines as it stands on the wire."""
    return (HERE / name).read_bytes().replace(b"\n", b"\r\n")


def listen(driver: Driver, data: bytes, places: Iterable[int] = ()) -> list[Told]:
    """Feed the data, cut at these places, at one moment."""
    session = driver.session(SessionOptions(port="bed-3"))
    edges = [0, *sorted(places), len(data)]
    outputs = list(session.start(7.0))
    for start, end in pairwise(edges):
        outputs += session.feed(data[start:end], 7.0)
    return [row for output in outputs for row in _told(output)]


def _told(output: Output) -> list[Told]:
    match output:
        case Rejected():
            return [("rejected", output.reason)]
        case DeviceIdentified():
            return [("device", output.serial_number, output.model, output.software)]
        case AlarmSetChanged():
            return [("alarms", *(f"{alarm.kind} {alarm.code}" for alarm in output.alarms))]
        case Observation():
            values = [
                (r.quantity.value, "" if r.value is None else str(r.value), r.unit, str(r.resolution), r.validity.value)
                for r in output.readings
            ]
            return [("at", output.device_time), *values]
        case _:
            raise AssertionError(output)
