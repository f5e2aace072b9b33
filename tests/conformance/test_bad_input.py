"""Bad input on a real pty, class by class: counted and logged, or an alarm, and never a false reading.

Every device says good and bad in turns. That a line of bad messages is an alarm is shown in ``test_rules_edge``;
a port or a broker that is gone in ``test_device_task`` and in the end to end tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from drivers import registry
from drivers.bbraun_bcc import MAX_FRAME_BYTES
from drivers.ivy_450c import MAX_MESSAGE_BYTES
from drivers.model import AlarmSetChanged, DeviceAlarmKind, Observation, Quantity, Validity
from drivers.reconnect import Backoff
from edge.config_ports import PortRuntime
from edge.core.inputs import Input, LineErrors
from edge.device import DeviceTask
from edge.inbox import Inbox
from edge.notify import Notifier, Watchdog
from simulators.model import SimulatedDevice
from simulators.pty_server import PtyServer
from tests.golden.bbraun_reference import ACK, NAK, alive, block, said, version
from tests.unit.test_ivy_450c_driver import GOOD, message

NOISE = Random(5).randbytes(300).replace(b"\xff", b"\x00").replace(b"\x01", b"\x00").replace(b"\x06", b"\x00")
PUMP = block(said("50111", INRT="7.00", INSERNUM="012345", INA3="0"))
LIMIT_S = 4.0
Heard = tuple[list[Input], list[EventDict]]


class _Screen:
    """Says good and bad in turns, 50 ms apart."""

    deadline_s: float | None = 0.0

    def __init__(self, bad: bytes) -> None:
        self._says = cycle((GOOD, bad))

    def start(self, _: float) -> bytes:
        return b""

    def feed(self, _: bytes, __: float) -> bytes:
        return b""

    def tick(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.05
        return next(self._says)


class _Rack:
    """Answers a rack's questions, good and bad in turns; asked to say it again, it is good."""

    deadline_s: float | None = None

    def __init__(self, bad: bytes) -> None:
        self._says = cycle((PUMP, bad))

    def start(self, _: float) -> bytes:
        return b""

    def feed(self, data: bytes, _: float) -> bytes:
        if data == ACK:
            return b""
        if data == NAK:
            return PUMP
        question = next(name for name in (b"ALIVEE", b"VEERSION", b"MEEM:GEET") if name in data)
        return {b"ALIVEE": alive(), b"VEERSION": version()}.get(question) or next(self._says)

    def tick(self, _: float) -> bytes:
        return b""


@asynccontextmanager
async def port(folder: Path, driver: str, device: SimulatedDevice) -> AsyncIterator[Inbox]:
    """Run the task of a port with a device at its other end."""
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    with PtyServer(device, folder / "line", loop.time):
        found = registry.driver(driver)
        runtime = PortRuntime("line", str(folder / "line"), found, found.line, 0.5, ())
        watchdog = Watchdog(Notifier({}), loop.time)
        task = DeviceTask(runtime, inbox, mono_s=loop.time, backoff=Backoff(Random(1)), watchdog=watchdog)
        running = asyncio.create_task(task.run())
        try:
            yield inbox
            assert not running.done(), "a port's task never ends by itself"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def listen(
    folder: Path, driver: str, device: SimulatedDevice, enough: Callable[[Sequence[Input], Sequence[EventDict]], bool]
) -> Heard:
    """Listen until there is enough, and return all that was put and logged."""
    heard: list[Input] = []
    with capture_logs() as logged:
        async with port(folder, driver, device) as inbox, asyncio.timeout(LIMIT_S):
            while not enough(heard, logged):
                await inbox.wait(0.1)
                heard += inbox.drain()
    return heard, [line for line in logged if is_refusal(line)]


def values(heard: Sequence[Input], quantity: Quantity) -> list[tuple[Decimal | None, Validity]]:
    samples = [one for one in heard if isinstance(one, Observation)]
    return [(row.value, row.validity) for one in samples for row in one.readings if row.quantity is quantity]


def is_counted(heard: Sequence[Input], logged: Sequence[EventDict]) -> bool:
    """Tell whether something was refused, counted and logged, and good messages came."""
    counted = sum(one.rejected for one in heard if isinstance(one, LineErrors))
    return counted > 0 and any(map(is_refusal, logged)) and sum(isinstance(one, Observation) for one in heard) > 1


def is_refusal(line: EventDict) -> bool:
    return bool(line["event"] == "rejected")


SCREEN_GARBLED = {
    "noise": (NOISE, "noise"),
    "cut": (GOOD[: len(GOOD) // 2], "length"),
    "merged": (GOOD[:-60] + GOOD[460:], "syntax"),
    "oversize": (GOOD[:-1] + b"X" * MAX_MESSAGE_BYTES + b"\xfe", "oversize"),
    "no text": (GOOD.replace(b"RR=1", b"RR=\x80"), "syntax"),
}


@pytest.mark.parametrize(("bad", "reason"), SCREEN_GARBLED.values(), ids=SCREEN_GARBLED)
async def test_what_a_monitor_garbles_is_counted_and_logged_and_is_no_reading(
    tmp_path: Path, bad: bytes, reason: str
) -> None:
    heard, refused = await listen(tmp_path, "ivy-450c", _Screen(bad), is_counted)
    assert reason in {line["reason"] for line in refused}
    assert all((line["log_level"], line["count"], line["port"]) == ("warning", 1, "line") for line in refused)
    assert len({line["reason"] for line in refused}) == len(refused)
    assert set(values(heard, Quantity.HEART_RATE)) == {(Decimal(80), Validity.VALID)}
    assert set(values(heard, Quantity.RESPIRATORY_RATE)) == {(Decimal(35), Validity.VALID)}


RACK_GARBLED = {
    "noise": (NOISE, "noise"),
    "cut": (PUMP[: len(PUMP) // 2], "length"),
    "merged": (PUMP[:-20] + PUMP[40:], "length"),
    "wrong sum": (PUMP.replace(b"7.00", b"9.00"), "checksum"),
    # At the line's speed it is given up long before the bound of a frame, which the codec's own test reaches.
    "without end": (PUMP[:-1] + b"X" * MAX_FRAME_BYTES, "length"),
}


@pytest.mark.parametrize(("bad", "reason"), RACK_GARBLED.values(), ids=RACK_GARBLED)
async def test_what_a_pump_garbles_is_counted_and_logged_and_is_no_rate(
    tmp_path: Path, bad: bytes, reason: str
) -> None:
    heard, refused = await listen(tmp_path, "bbraun-space", _Rack(bad), is_counted)
    assert reason in {line["reason"] for line in refused}
    assert all(line["log_level"] == "warning" for line in refused)
    assert set(values(heard, Quantity.INFUSION_RATE)) == {(Decimal("7.00"), Validity.VALID)}


UNKNOWN = {
    "a line of a monitor": ("ivy-450c", _Screen(message("NEW=1;5;")), "NEW"),
    "a parameter of a pump": ("bbraun-space", _Rack(block(said("50111", INRT="7.00", FUTURE="5"))), "FUTURE"),
}


@pytest.mark.parametrize(("driver", "device", "name"), UNKNOWN.values(), ids=UNKNOWN)
async def test_what_a_driver_does_not_know_is_logged_by_its_name_and_harms_no_value(
    tmp_path: Path, driver: str, device: SimulatedDevice, name: str
) -> None:
    quantity = Quantity.HEART_RATE if driver == "ivy-450c" else Quantity.INFUSION_RATE
    heard, (line,) = await listen(tmp_path, driver, device, lambda _, logged: any(map(is_refusal, logged)))
    assert (line["log_level"], line["reason"], line["what"], line["count"]) == ("info", "unknown_line", name, 1)
    assert {validity for _, validity in values(heard, quantity)} <= {Validity.VALID}
    assert sum(one.rejected for one in heard if isinstance(one, LineErrors)) == 0


UNKNOWN_ALARMS = {
    "monitor": ("ivy-450c", _Screen(message("HR=1;80;ECG-II-DIAG;NEVER HEARD OF"))),
    "pump": ("bbraun-space", _Rack(block(said("50111", INRT="7.00", INA99="1")))),
    "field of a pump": ("bbraun-space", _Rack(block(said("50111", INRT="7.00", ALARM3="8")))),
}


@pytest.mark.parametrize(("driver", "device"), UNKNOWN_ALARMS.values(), ids=UNKNOWN_ALARMS)
async def test_an_alarm_code_that_is_not_known_is_an_unknown_alarm(
    tmp_path: Path, driver: str, device: SimulatedDevice
) -> None:
    def shown(heard: Sequence[Input], _: Sequence[EventDict]) -> bool:
        sets = [one.alarms for one in heard if isinstance(one, AlarmSetChanged)]
        return any(alarm.kind is DeviceAlarmKind.UNKNOWN for alarms in sets for alarm in alarms)

    _, refused = await listen(tmp_path, driver, device, shown)
    assert refused == []


IMPOSSIBLE = {
    "heart rate": ("ivy-450c", _Screen(message("HR=1;900;ECG-II-DIAG;")), Quantity.HEART_RATE, "80"),
    "saturation": ("ivy-450c", _Screen(message("SPO2=1;101;PR=80 ;")), Quantity.SPO2, "100"),
    "rate": ("bbraun-space", _Rack(block(said("50111", INRT="1800.01"))), Quantity.INFUSION_RATE, "7.00"),
    "no number": ("bbraun-space", _Rack(block(said("50111", INRT="7,00"))), Quantity.INFUSION_RATE, "7.00"),
}


@pytest.mark.parametrize(("driver", "device", "quantity", "good"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
async def test_an_impossible_value_is_no_value(
    tmp_path: Path, driver: str, device: SimulatedDevice, quantity: Quantity, good: str
) -> None:
    heard, _ = await listen(tmp_path, driver, device, lambda heard, _: len(set(values(heard, quantity))) > 1)
    assert set(values(heard, quantity)) == {(Decimal(good), Validity.VALID), (None, Validity.INVALID)}
