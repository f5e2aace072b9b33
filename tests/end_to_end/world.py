"""The whole chain for a test: a real mosquitto, simulated devices on real ptys, and the real daemon as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.ivy_450c import IvyMonitor
from simulators.model import SimulatedDevice
from simulators.patient import Patient, Vitals
from simulators.pty_server import PtyServer
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec, Therapy
from simulators.ward import PARAMETERS
from tests.broker import Heard, Listener, Mosquitto
from tests.programs import PIPE, Program, infusion_edge

ROOT = Path(__file__).parents[2]
PREFIX = "infusion/v1/demo/edge/pi-1"
START_LIMIT_S = 20.0
STOP_LIMIT_S = 10.0


def message(heard: Heard) -> dict[str, Any]:
    """The JSON of a message; empty for an emptied topic."""
    found: dict[str, Any] = json.loads(heard.payload, parse_float=Decimal) if heard.payload else {}
    return found


def is_alarm(key: str, bed: str = "bed-1", *, phase_present: bool = True, **fields: object) -> Callable[[Heard], bool]:
    """Match the retained message of an alarm with the given fields."""
    topic = f"{PREFIX}/bed/{bed}/alarm/{key}" if bed else f"{PREFIX}/alarm/{key}"

    def matches(heard: Heard) -> bool:
        if heard.topic != topic or not heard.payload:
            return False
        body = message(heard)
        return body["present"] is phase_present and all(body[name] == value for name, value in fields.items())

    return matches


def metric(snapshot: dict[str, Any], name: str) -> dict[str, Any]:
    """A metric of a snapshot, of the bed or of its first channel; an empty dict if it is not there."""
    rows = [*snapshot["vital_signs"], *(row for channel in snapshot["channels"] for row in channel["metrics"])]
    return next((row for row in rows if row["name"] == name), {})


def space(rate_ml_per_h: str, now_s: float, *, serial_number: str = "012345") -> tuple[PumpModel, SpaceRack]:
    """A rack with one running pump: 10 mg/mL for 70 kg."""
    therapy = Therapy(drug="KETAMINE", concentration=Decimal(10), weight_kg=Decimal(70), dose_mode=True)
    pump = PumpModel(PumpSpec(serial_number=serial_number), therapy=therapy, now_s=now_s)
    pump.set_rate(now_s, Decimal(rate_ml_per_h))
    pump.start(now_s)
    return pump, SpaceRack(SpaceOptions(parameters=PARAMETERS), {(1, 1): pump})


def monitor(seed: int = 1) -> IvyMonitor:
    """A monitor on a resting patient without drug."""
    patient = Patient(seed)

    def vitals(now_s: float) -> Vitals:
        return patient.advance(now_s, 0.0)

    return IvyMonitor(vitals)


@dataclass(slots=True)
class Daemon:
    """The running daemon; ``log`` is what it said on standard error."""

    process: Program
    log: list[str] = field(default_factory=list)
    reader: asyncio.Task[None] | None = None
    said_more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self.said_more:
                self.log.append(line.decode().rstrip())
                self.said_more.notify_all()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        status = await asyncio.wait_for(self.process.wait(), STOP_LIMIT_S)
        if self.reader is not None:
            await self.reader
        return status

    def said(self, text: str) -> bool:
        return any(text in line for line in self.log)

    async def until_said(self, text: str, limit_s: float = START_LIMIT_S) -> None:
        async with asyncio.timeout(limit_s), self.said_more:
            await self.said_more.wait_for(lambda: self.said(text))


@contextlib.asynccontextmanager
async def daemon(
    run_dir: Path, broker_port: int | None, *, config: Path = ROOT / "config" / "edge.toml", **environment: str
) -> AsyncIterator[Daemon]:
    """Run the daemon; it is ended by SIGTERM, or killed if it does not end. Without a port: the configured broker."""
    broker = () if broker_port is None else ("--broker", f"127.0.0.1:{broker_port}")
    process = await infusion_edge("run", config, "--run-dir", run_dir, *broker, stderr=PIPE, environment=environment)
    running = Daemon(process)
    running.reader = asyncio.create_task(running.read())
    try:
        yield running
    finally:
        try:
            await running.end()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise


@contextlib.contextmanager
def on_pty(device: SimulatedDevice, link: Path) -> Any:
    """Put a device on a pty at a link."""
    with PtyServer(device, link, asyncio.get_running_loop().time) as server:
        yield server


@dataclass(slots=True)
class Bed:
    """Bed 1 of the shipped configuration, with what a test may do to it."""

    folder: Path
    broker: Mosquitto
    heard: Listener
    daemon: Daemon
    pump: PumpModel
    rack: SpaceRack
    pump_line: PtyServer
    monitor_line: PtyServer

    async def snapshot(self, condition: Callable[[dict[str, Any]], bool], limit_s: float = 30.0) -> dict[str, Any]:
        """Wait for a snapshot of the bed that meets the condition."""
        topic = f"{PREFIX}/bed/bed-1/snapshot"
        found = await self.heard.wait_for(lambda one: one.topic == topic and condition(message(one)), limit_s)
        return message(found)


@contextlib.asynccontextmanager
async def bed_1(
    folder: Path,
    *,
    rate_ml_per_h: str = "7.00",
    screen: SimulatedDevice | None = None,
    config: Path = ROOT / "config" / "edge.toml",
    heard: str = "#",
) -> AsyncIterator[Bed]:
    """Run bed 1: broker, a listener to ``heard``, pump, monitor and daemon."""
    loop = asyncio.get_running_loop()
    pump, rack = space(rate_ml_per_h, loop.time())
    (folder / "broker").mkdir()
    async with Mosquitto(folder / "broker") as broker, broker.subscribe_all(topic=heard) as listener:
        with (
            on_pty(rack, folder / "bed-1-pump") as pump_line,
            on_pty(screen or monitor(), folder / "bed-1-monitor") as monitor_line,
        ):
            async with daemon(folder, broker.port, config=config) as running:
                yield Bed(folder, broker, listener, running, pump, rack, pump_line, monitor_line)
                assert rack.violations == []
                assert monitor_line.host_byte_count == 0
