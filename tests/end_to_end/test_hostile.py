"""A hostile client at a broker without any protection: it can neither stop the edge nor keep its alarms waiting."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge.mqtt import PACKET_MAX
from tests.broker import HOST, Mosquitto
from tests.end_to_end.world import PREFIX, Bed, bed_1, daemon, is_alarm, message, monitor, on_pty, space
from tests.small_station import TOPICS, Station, station

DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
FAR_BEYOND_ML_PER_H = "29.40"
ASK = json.dumps({"request_id": "x", "run": "r", "edge_mono_s": 1.0, "user": "u", "role": "nurse"}).encode()
PAINTED = json.dumps({
    "run": "r", "audible": True, "beds": [], "displayed": [
        {"bed": "b", "key": f"K.{number}", "occurrence": "o", "rev": 1} for number in range(500)
    ],
}).encode()  # fmt: skip
FLOODS = {
    "requests": (TOPICS.request("ward-desk", "accept"), ASK),
    "receipts": (TOPICS.receipt("ward-desk"), PAINTED),
    "heartbeats": (TOPICS.status, b"{}"),
}
FLOODER = """
import sys
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

client = Client(CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
number = 0
while True:
    client.publish(sys.argv[2], sys.argv[3], qos=0).wait_for_publish(5)
    number += 1
    if number == 500:
        print("flooding", flush=True)
"""


@contextlib.asynccontextmanager
async def flooding(broker: Mosquitto, topic: str, payload: bytes) -> AsyncIterator[None]:
    """Send as fast as a process of its own can."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FLOODER, str(broker.port), topic, payload.decode()), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 15) == b"flooding\n"
        yield
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def trips(broker: Mosquitto) -> AsyncIterator[list[float]]:
    """Tell how late the machine itself is: how long messages of nobody's take through the same broker and loop."""
    lasted_s: list[float] = []
    first = asyncio.Event()

    async def go() -> None:
        clock = asyncio.get_running_loop().time
        async with aiomqtt.Client(HOST, broker.port) as client:
            await client.subscribe("trip")
            began_s = clock()
            await client.publish("trip")
            async for _ in client.messages:
                lasted_s.append(clock() - began_s)
                first.set()
                await asyncio.sleep(0.05)
                began_s = clock()
                await client.publish("trip")

    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(go())
        await first.wait()
        yield lasted_s
        task.cancel()


async def until_answered(desk: Station, alarm: dict[str, Any]) -> dict[str, Any]:
    """Ask again each second, as a station does: what the broker still has of the flood uses up its measure."""
    async with asyncio.TaskGroup() as tasks:
        asking: list[asyncio.Task[dict[str, Any]]] = []
        while True:
            asking.append(tasks.create_task(desk.take(alarm, acknowledge=True, request_id="mine")))
            done, _ = await asyncio.wait(asking, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return done.pop().result()


async def infusing(bed: Bed) -> None:
    await bed.snapshot(lambda body: body["channels"][0]["state"] == "infusing" and body["vital_signs"])


@pytest.mark.long
@pytest.mark.parametrize(("topic", "payload"), FLOODS.values(), ids=FLOODS)
async def test_a_flood_keeps_no_alarm_waiting_and_deafens_nobody(tmp_path: Path, topic: str, payload: bytes) -> None:
    async with bed_1(tmp_path, heard=f"{PREFIX}/bed/#") as bed:  # who listens must not drown itself
        await infusing(bed)
        async with flooding(bed.broker, topic, payload), trips(bed.broker) as lasted_s:
            bed.pump.set_rate(asyncio.get_running_loop().time(), Decimal(FAR_BEYOND_ML_PER_H))
            alarm = await bed.heard.wait_for(is_alarm(DOSE_HIGH))
            # From "it is so" to a screen, by the same clock.
            late_s = alarm.at_s - float(message(alarm)["onset"]["mono_s"])
            assert late_s < 1 + 2 * max(lasted_s)  # there and back, on a machine that does other things too
        assert not bed.daemon.said("broker.lost")
        assert len(bed.daemon.log) < 200, "nor may it fill the log"
        async with bed.broker.subscribe_all() as heard, station(bed.broker, heard) as desk:
            await heard.wait_for(lambda one: one.topic == TOPICS.status and b'"running"' in one.payload)
            assert (await until_answered(desk, message(alarm)))["result"] == "done"


async def test_what_is_larger_than_any_message_does_not_reach_the_edge(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        alarm = message(await bed.heard.wait_for(is_alarm(DOSE_HIGH)))
        async with aiomqtt.Client(HOST, bed.broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            for topic in (TOPICS.request("ward-desk", "accept"), TOPICS.receipt("ward-desk"), f"{PREFIX}/alarm/X"):
                for size in (PACKET_MAX // 2, PACKET_MAX, 8 * PACKET_MAX):
                    await client.publish(topic, b"[" * size, qos=1)
        async with station(bed.broker, bed.heard) as desk:
            assert (await desk.take(alarm))["result"] == "done"
        assert not bed.daemon.said("broker.lost")


JUNK = (b"junk", b"\x00\xff", b"[" * 5000, b"{}", json.dumps({"key": "X", "rev": -1}).encode())
OWN = ("status", "roster", "self-check", "alarms", "fence", "event", "bed/bed-1/alarms", "bed/bed-1/snapshot")
OWN_MORE = ("bed/bed-1/therapy", "bed/bed-1/alarm/X", "alarm/Y", f"bed/bed-1/alarm/{DOSE_HIGH}", "bed/gone/alarm/Z")
ASKED = ("request/ward-desk/accept", "receipt/ward-desk", "request/stranger/x", "response/ward-desk")


@pytest.mark.parametrize("junk", JUNK, ids=[repr(junk[:8]) for junk in JUNK])
async def test_junk_that_is_kept_on_every_own_topic_is_cleared_and_hides_nothing(tmp_path: Path, junk: bytes) -> None:
    _, rack = space(FAR_BEYOND_ML_PER_H, asyncio.get_running_loop().time())
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker") as broker:
        async with aiomqtt.Client(HOST, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            for topic in (*OWN, *OWN_MORE, *ASKED):
                await client.publish(f"{PREFIX}/{topic}", junk, qos=1, retain=True)
        async with broker.subscribe_all() as heard:
            with on_pty(rack, tmp_path / "bed-1-pump"), on_pty(monitor(), tmp_path / "bed-1-monitor"):
                async with daemon(tmp_path, broker.port):
                    is_ours = b'{"schema":"alarm/1"'
                    topic = f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"
                    await heard.wait_for(lambda one: one.topic == topic and one.payload.startswith(is_ours))
                    await heard.wait_for(lambda one: one.topic == TOPICS.event and not one.retain)
                    kept = await broker.retained()
        left = {topic for topic, one in kept.items() if one.payload == junk}
        assert left <= {f"{PREFIX}/{topic}" for topic in ("fence", "event", *ASKED)}, "nobody reads these as kept"


@pytest.mark.long
async def test_thousands_of_kept_junk_alarms_do_not_keep_the_edge_from_starting(tmp_path: Path) -> None:
    _, rack = space(FAR_BEYOND_ML_PER_H, asyncio.get_running_loop().time())
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker") as broker:
        async with aiomqtt.Client(HOST, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            for number in range(3000):
                await client.publish(f"{PREFIX}/alarm/JUNK{number}", b"junk", retain=True)
            await client.publish(f"{PREFIX}/alarm/LAST", b"junk", qos=1, retain=True)
        with on_pty(rack, tmp_path / "bed-1-pump"), on_pty(monitor(), tmp_path / "bed-1-monitor"):
            async with daemon(tmp_path, broker.port) as running, broker.subscribe_all() as heard:
                await heard.wait_for(lambda one: one.topic.endswith(DOSE_HIGH))
                for _ in range(50):
                    if not any(one.payload == b"junk" for one in (await broker.retained()).values()):
                        break
                    await asyncio.sleep(0.1)
                else:
                    pytest.fail("junk is left")
                assert not running.said("not_read_back")
