"""A hostile client at a broker without any protection: it can neither stop the edge nor keep its alarms waiting."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge.mqtt import PACKET_MAX
from tests.broker import HOST, Mosquitto
from tests.end_to_end.world import PREFIX, Bed, bed_1, daemon, is_alarm, message, monitor, on_pty, space
from tests.station import TOPICS, station

DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
FAR_BEYOND_ML_PER_H = "29.40"
ASK = json.dumps({"request_id": "x", "run": "r", "edge_mono_s": 1.0, "user": "u", "role": "nurse"}).encode()
PAINTED = json.dumps({
    "run": "r", "audible": True, "beds": [], "displayed": [
        {"bed": "b", "key": f"K.{number}", "occurrence": "o", "rev": 1} for number in range(500)
    ],
}).encode()  # fmt: skip
FLOODS: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "requests": lambda _: (TOPICS.request("ward-desk", "accept"), ASK),
    "receipts": lambda _: (TOPICS.receipt("ward-desk"), PAINTED),
    "strangers": lambda number: (TOPICS.request(f"s-{number}", "accept"), ASK),
    "as the command line": lambda _: (TOPICS.request("local", "accept"), ASK),
    "heartbeats": lambda number: (TOPICS.status, b'{"n": %d}' % number),
}


@contextlib.asynccontextmanager
async def flooding(broker: Mosquitto, flood: Callable[[int], tuple[str, bytes]]) -> AsyncIterator[list[int]]:
    """Send as fast as a thread of its own can; the list holds how many were sent."""
    sent = [0]
    over = asyncio.Event()

    def send() -> None:
        client = Client(CallbackAPIVersion.VERSION2)
        client.connect(HOST, broker.port)
        client.loop_start()
        while not over.is_set():
            topic, payload = flood(sent[0])
            client.publish(topic, payload, qos=0).wait_for_publish(5)
            sent[0] += 1
        client.disconnect()
        client.loop_stop()

    task = asyncio.create_task(asyncio.to_thread(send))
    try:
        yield sent
    finally:
        over.set()
        await task


async def infusing(bed: Bed) -> None:
    await bed.snapshot(lambda body: body["channels"][0]["state"] == "infusing" and body["vital_signs"])


@pytest.mark.long
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_keeps_no_alarm_waiting_and_deafens_nobody(
    tmp_path: Path, flood: Callable[[int], tuple[str, bytes]]
) -> None:
    async with bed_1(tmp_path) as bed:
        await infusing(bed)
        async with flooding(bed.broker, flood) as sent:
            async with asyncio.timeout(10):
                while sent[0] < 500:  # noqa: ASYNC110 - it is counted in another thread
                    await asyncio.sleep(0.05)
            told_at_s = asyncio.get_running_loop().time()
            bed.pump.set_rate(told_at_s, Decimal(FAR_BEYOND_ML_PER_H))
            alarm = await bed.heard.wait_for(is_alarm(DOSE_HIGH), 6)
            # A poll interval, an answer, and room for two cores that also run the flood.
            assert alarm.at_s - told_at_s < 3.5
        assert not bed.daemon.said("broker.lost")
        assert len(bed.daemon.log) < 200, "nor may it fill the log"
        async with station(bed.broker, bed.heard) as desk:
            await asyncio.sleep(1)  # its measure comes back
            beats = len(bed.heard.of(TOPICS.status))
            await bed.heard.wait_until(lambda: len(bed.heard.of(TOPICS.status)) > beats)
            assert (await desk.take(message(alarm), acknowledge=True))["result"] == "done"


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
