"""The nursing station with ten screens: how long a cold start takes, what it costs, and how late a page is told.

A real mosquitto, the real program, nine screens that read their streams over real sockets, and, where there is one, a
real browser that paints the page; ten would measure the browser. The edges' words are made by this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bench.latency import percentile_ms
from bench.painted import painting
from bench.process import HOST, busy_s, cpu_s, memory_mb, mosquitto, python

IMPORTED = "station.cli, station.config, station.run"
"""What the program imports at its start."""

SITE, STATION, RUN = "bench", "desk", "run-1"
SCREENS = 10
BEDS_PER_EDGE = 2
SNAPSHOT_S, HEARTBEAT_S = 0.8, 3.0
"""As an edge says them at most."""

ALARM_GAP_S = 0.1
SETTLE_S = 1.0
LIMIT_S = 30.0
_MARK = "said at "


@dataclass(frozen=True, slots=True)
class Case:
    """So many beds, watched for so long."""

    beds: int
    watch_s: float


CASES = (Case(8, 10.0), Case(40, 10.0), Case(200, 10.0))
QUICK_CASES = (Case(8, 2.0), Case(40, 3.0))


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured; latencies in milliseconds from the publish to a screen's socket, of all screens together."""

    beds: int
    screens: int
    cold_s: float
    cold_cpu_s: float
    cpu_percent: float
    others_cpu_percent: float
    memory_mb: float
    alarms: int
    missed: int
    alarm_p50_ms: float
    alarm_p99_ms: float
    number_p50_ms: float
    number_p99_ms: float
    painted: int
    painted_p50_ms: float
    painted_p99_ms: float


@dataclass(slots=True)
class Screen:
    """What one screen was told, and how late."""

    beds: dict[str, dict[str, Any]] = field(default_factory=dict)
    alarms_s: list[float] = field(default_factory=list)
    numbers_s: list[float] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def knows(self, beds: int) -> None:
        """Wait until all is known of so many beds."""
        async with self.changed:
            await self.changed.wait_for(lambda: self._known() >= beds)

    def _known(self) -> int:
        return sum("snapshot" in bed and bed.get("doubt") == "" for bed in self.beds.values())

    def take(self, event: str, data: str, now_s: float) -> None:
        """Take an event."""
        if event == "bed":
            told = json.loads(data)
            self.beds.setdefault(f"{told['edge']}/{told['bed']}", {}).update(told)
        found = data.partition(_MARK)[2].partition('"')[0]
        if found:
            (self.alarms_s if event == "alarm" else self.numbers_s).append(now_s - float(found))


def measure(case: Case) -> Result:
    """Measure one case."""
    with tempfile.TemporaryDirectory(prefix="bench-station-") as name, mosquitto(Path(name)) as (port, _):
        return asyncio.run(_measure(case, Path(name), port))


async def _measure(case: Case, folder: Path, broker: int) -> Result:
    edges = [f"pi-{number}" for number in range(1, -(-case.beds // BEDS_PER_EDGE) + 1)]
    page_port = _free_port()
    config = _write(folder, edges, broker, page_port)
    async with aiomqtt.Client(HOST, broker, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await _truth(client, edges)
        talking = asyncio.create_task(_talk(client, edges))
        try:
            began_s = time.monotonic()
            with python(folder, "station.cli", "run", str(config)) as process:
                first = Screen()
                async with _watching(first, page_port), asyncio.timeout(LIMIT_S):
                    await first.knows(case.beds)
                    cold_s, cold_cpu_s = time.monotonic() - began_s, cpu_s(process.pid)
                return await _watch(case, client, page_port, process.pid, (cold_s, cold_cpu_s))
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)


async def _watch(case: Case, client: aiomqtt.Client, port: int, pid: int, cold: tuple[float, float]) -> Result:
    said_s: set[float] = set()
    async with contextlib.AsyncExitStack() as stack:
        page = await stack.enter_async_context(painting(f"http://{HOST}:{port}/", _MARK))
        screens = [Screen() for _ in range(SCREENS - (page is not None))]
        for screen in screens:
            await stack.enter_async_context(_watching(screen, port))
        await asyncio.sleep(SETTLE_S)
        for screen in screens:
            screen.numbers_s.clear()
        cpu_before_s, busy_before_s, began_s = cpu_s(pid), busy_s(), time.monotonic()
        while (now_s := time.monotonic()) - began_s < case.watch_s:
            said_s.add(now_s)
            await client.publish(*_alarm(len(said_s), now_s), qos=1, retain=True)
            await asyncio.sleep(ALARM_GAP_S)
        lasted_s = time.monotonic() - began_s
        used_s, others_s = cpu_s(pid) - cpu_before_s, busy_s() - busy_before_s
        await asyncio.sleep(SETTLE_S)
        painted = [] if page is None else await page.late_s(frozenset(said_s))
    alarms = [late_s for screen in screens for late_s in screen.alarms_s]
    numbers = [late_s for screen in screens for late_s in screen.numbers_s]
    return Result(
        beds=case.beds,
        screens=SCREENS,
        cold_s=cold[0],
        cold_cpu_s=cold[1],
        cpu_percent=100 * used_s / lasted_s,
        others_cpu_percent=100 * (others_s - used_s) / lasted_s,
        memory_mb=memory_mb(pid)[1],
        alarms=len(said_s),
        missed=len(said_s) * len(screens) - len(alarms),
        alarm_p50_ms=percentile_ms(alarms, 0.5),
        alarm_p99_ms=percentile_ms(alarms, 0.99),
        number_p50_ms=percentile_ms(numbers, 0.5),
        number_p99_ms=percentile_ms(numbers, 0.99),
        painted=len(painted),
        painted_p50_ms=percentile_ms(painted, 0.5),
        painted_p99_ms=percentile_ms(painted, 0.99),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def _watching(screen: Screen, port: int) -> AsyncIterator[None]:
    """Open a screen's stream as soon as it is served, and read it until the end."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, port, limit=2**22)
            break
        await asyncio.sleep(0.005)
    cookie = "station_browser=" + "b" * 43
    writer.write(f"GET /events HTTP/1.1\r\nhost: {HOST}:{port}\r\ncookie: {cookie}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    reading = asyncio.create_task(_read(screen, reader))
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        writer.close()


async def _read(screen: Screen, reader: asyncio.StreamReader) -> None:
    text = b""
    while size := int(await reader.readline() or b"0", 16):
        text += await reader.readexactly(size)
        await reader.readline()
        now_s = time.monotonic()
        *whole, text = text.split(b"\n\n")
        async with screen.changed:
            for one in whole:
                event, _, data = one.decode().partition("\ndata: ")
                screen.take(event.removeprefix("event: "), data, now_s)
            screen.changed.notify_all()


async def _truth(client: aiomqtt.Client, edges: list[str]) -> None:
    for edge in edges:
        beds = _beds(edge)
        rows = [{"bed": bed, "label": bed.title(), "bindings": []} for bed in beds]
        body = {"schema": "roster/1", "run": RUN, "beds": rows, "devices": [], "stations_required": []}
        await _say(client, edge, "roster", body)
        for bed in ["", *beds]:
            index = {"schema": "alarm-index/1", "run": RUN, "bed": bed, "alarms": [], "inhibited": []}
            await _say(client, edge, f"bed/{bed}/alarms" if bed else "alarms", index)
        for bed in beds:
            await _say(client, edge, f"bed/{bed}/therapy", _therapy(bed))
            await _say(client, edge, f"bed/{bed}/snapshot", _snapshot(bed), expires_in_s=10)
        await _say(client, edge, "status", _status(edge))


async def _talk(client: aiomqtt.Client, edges: list[str]) -> None:
    """Say what edges say, spread over their time as they would be."""
    number, turns = 0, round(HEARTBEAT_S / SNAPSHOT_S * len(edges))
    began_s = time.monotonic()
    while True:
        edge = edges[number % len(edges)]
        for bed in _beds(edge):
            await _say(client, edge, f"bed/{bed}/snapshot", _snapshot(bed), expires_in_s=10)
        if number % turns < len(edges):
            await _say(client, edge, "status", _status(edge))
        number += 1
        await asyncio.sleep(max(0.0, began_s + number * SNAPSHOT_S / len(edges) - time.monotonic()))


async def _say(
    client: aiomqtt.Client, edge: str, what: str, body: dict[str, Any], expires_in_s: int | None = None
) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it bare
    if expires_in_s is not None:
        properties.MessageExpiryInterval = expires_in_s
    topic = f"infusion/v1/{SITE}/edge/{edge}/{what}"
    await client.publish(topic, json.dumps(body), qos=1, retain=True, properties=properties)


def _beds(edge: str) -> list[str]:
    return [f"{edge}-bed-{number}" for number in range(1, BEDS_PER_EDGE + 1)]


def _stamp() -> dict[str, Any]:
    return {"mono_s": time.monotonic(), "wall": "2026-09-21T15:37:02.000Z", "synchronised": True}


def _status(edge: str) -> dict[str, Any]:
    return {
        "schema": "status/1", "state": "running", "edge": edge, "run": RUN, "version": "0.1.0", "previous_run": "",
        "previous_event_seq": 0, **_stamp(),
    }  # fmt: skip


def _metric(name: str, unit: str) -> dict[str, Any]:
    return {
        "name": name, "value": "96", "unit": unit, "validity": "valid", "age_s": 0.4, "source": "bed-2-monitor.0",
        "origin": "ECG-II", "note": "",
    }  # fmt: skip


def _snapshot(bed: str) -> dict[str, Any]:
    vital_signs = [
        _metric(name, "/min")
        for name in ("heart_rate_per_min", "spo2_percent", "respiratory_rate_per_min", "nibp_sys_mmhg", "nibp_dia_mmhg")
    ]
    told = _metric("nibp_mean_mmhg", "mmHg") | {"note": f"{_MARK}{time.monotonic()}"}
    metrics = [_metric(f"pump_value_{number}", "mL/h") for number in range(8)]
    channel = {
        "port": "pump", "channel": "11", "link": "up", "state": "infusing", "drug": "ketamine-chronic-pain",
        "metrics": metrics,
    }  # fmt: skip
    return {
        "schema": "snapshot/1", "run": RUN, "bed": bed, "at": _stamp(), "active": True, "valid_for_s": 10.0,
        "vital_signs": [*vital_signs, told], "channels": [channel],
    }  # fmt: skip


def _therapy(bed: str) -> dict[str, Any]:
    limit = {
        "condition": "DOSE_RATE_HIGH", "band": "hard", "side": "high", "value": "2.5", "unit": "mg/kg/h",
        "delay_s": 10.0, "priority": "high", "origin": "drug library",
    }  # fmt: skip
    return {"schema": "therapy/1", "run": RUN, "bed": bed, "phase": "infusing", "orders": [], "limits": [limit] * 20}


def _alarm(rev: int, said_s: float) -> tuple[str, str]:
    bed, at = "pi-1-bed-1", _stamp()
    body = {
        "schema": "alarm/1", "run": RUN, "key": "HR_HIGH", "condition": "HR_HIGH", "bed": bed, "port": "",
        "channel": "", "occurrence": f"{RUN}-1", "rev": rev, "kind": "physiological", "audience": "nurse",
        "priority": "high", "band": "hard", "present": True, "verifiable": True, "signal": "on",
        "durable": True, "action": "Go.", "text": f"{_MARK}{said_s}", "onset": at, "changed": at,
        "value": "141", "unit": "/min", "limit": None, "evidence": {},
    }  # fmt: skip
    return f"infusion/v1/{SITE}/edge/pi-1/bed/{bed}/alarm/HR_HIGH", json.dumps(body)


def _write(folder: Path, edges: list[str], broker: int, port: int) -> Path:
    path = folder / "station.toml"
    path.write_text(
        f'mode = "demo"\nsite = "{SITE}"\nstation = "{STATION}"\nlabel = "Bench"\nedges = {json.dumps(edges)}\n'
        f'[broker]\nhost = "{HOST}"\nport = {broker}\n[page]\nport = {port}\n',
        encoding="utf-8",
    )
    return path
