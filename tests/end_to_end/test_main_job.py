"""The main job, end to end: bytes of devices on real ptys, the real daemon, a real mosquitto, a subscriber."""

from __future__ import annotations

import asyncio
import json
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators.ivy_450c import Parameter
from simulators.player import Player
from simulators.pump import PumpModel
from tests.broker import Heard, Mosquitto
from tests.end_to_end.world import (
    PREFIX,
    ROOT,
    bed_1,
    daemon,
    is_alarm,
    message,
    metric,
    monitor,
    on_pty,
    space,
)
from tests.small_station import station

DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
FAR_BEYOND_ML_PER_H = "29.40"
"""4.2 mg/kg/h at 10 mg/mL and 70 kg: beyond the band that alarms at once."""


def events(heard: list[Heard], key: str) -> list[dict[str, Any]]:
    every = [message(one) for one in heard if one.topic == f"{PREFIX}/event"]
    return [event for event in every if event["alarm"]["key"] == key]


@pytest.mark.long
async def test_a_real_monitor_beside_a_pump_at_2_6_mg_per_kg_per_h(tmp_path: Path, shared_data: Path) -> None:
    capture = (shared_data / "ivy-450c-capture.bin").read_bytes()
    async with bed_1(tmp_path, rate_ml_per_h="18.20", screen=Player(capture, loop=True)) as bed:
        snapshot = await bed.snapshot(
            lambda body: metric(body, "heart_rate_per_min") != {} and body["channels"][0]["metrics"]
        )
        seen = {
            name: metric(snapshot, name).get("value")
            for name in (
                "heart_rate_per_min",
                "respiratory_rate_per_min",
                "spo2_percent",
                "pulse_rate_per_min",
                "nibp_sys_mmhg",
                "nibp_dia_mmhg",
                "nibp_mean_mmhg",
                "ibp1_sys_mmhg",
                "ibp1_dia_mmhg",
                "ibp1_mean_mmhg",
            )
        }
        assert seen == {
            "heart_rate_per_min": "80",
            "respiratory_rate_per_min": "35",
            "spo2_percent": "100",
            "pulse_rate_per_min": "80",
            "nibp_sys_mmhg": "121",
            "nibp_dia_mmhg": "75",
            "nibp_mean_mmhg": "92",
            "ibp1_sys_mmhg": "111",
            "ibp1_dia_mmhg": "73",
            "ibp1_mean_mmhg": "88",
        }
        assert Decimal(metric(snapshot, "dose_rate_mg_per_kg_per_h")["value"]) == Decimal("2.6")
        dose = await bed.heard.wait_for(is_alarm(DOSE_HIGH, priority="high"), limit_s=14)
        first = next(
            one for one in bed.heard.messages if one.topic.endswith("/bed/bed-1/snapshot") and b'"2.6' in one.payload
        )
        assert 9.0 <= dose.at_s - first.at_s <= 12.5
        body = message(dose)
        assert body["text"] == "Bed 1: Ketamine, chronic pain 2.60 mg/kg/h, above the hard limit 2.5 mg/kg/h."
        assert body["evidence"]["arithmetic"] == "18.20 mL/h * 10 mg/mL / 70 kg = 2.600000 mg/kg/h"
        breathing = await bed.heard.wait_for(is_alarm("RR_HIGH"), limit_s=14)
        assert message(breathing)["priority"] == "low"


async def test_a_dose_far_beyond_the_limit_alarms_at_once_and_stands_in_the_retained_truth(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        alarm = message(await bed.heard.wait_for(is_alarm(DOSE_HIGH)))
        assert (alarm["priority"], alarm["band"], alarm["unit"]) == ("high", "bypass", "mg/kg/h")
        assert Decimal(alarm["value"]) == Decimal("4.2")
        event = await bed.heard.wait_for(lambda one: one.topic == f"{PREFIX}/event")
        assert message(event)["alarm"]["occurrence"] == alarm["occurrence"]
        assert message(event)["event_seq"] == 1
        retained = await bed.broker.retained()
        index = message(retained[f"{PREFIX}/bed/bed-1/alarms"])
        assert [row["key"] for row in index["alarms"]] == [DOSE_HIGH]
        assert index["alarms"][0]["occurrence"] == alarm["occurrence"]
        assert f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}" in retained
        assert f"{PREFIX}/bed/bed-1/therapy" in retained
        assert message(retained[f"{PREFIX}/status"])["state"] == "running"


async def test_a_clean_stop_says_so_and_leaves_the_alarm_present(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        await bed.heard.wait_for(is_alarm(DOSE_HIGH))
        assert await bed.daemon.end() == 0
        await bed.heard.wait_for(lambda one: one.topic.endswith("/status") and message(one)["state"] == "stopped")
        retained = await bed.broker.retained()
        assert message(retained[f"{PREFIX}/status"])["state"] == "stopped"
        assert f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}" in retained


@pytest.mark.long
async def test_a_pump_that_is_unplugged_while_infusing_is_a_high_alarm_that_keeps_the_dose_alarm(
    tmp_path: Path,
) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        await bed.heard.wait_for(is_alarm(DOSE_HIGH))
        bed.pump_line.close()
        lost = await bed.heard.wait_for(is_alarm("PUMP_LINK_LOST.bed-1-pump.11"), limit_s=20)
        assert message(lost)["priority"] == "high"
        unverified = await bed.heard.wait_for(is_alarm(DOSE_HIGH, verifiable=False), limit_s=20)
        assert message(unverified)["text"].startswith("Bed 1: Ketamine")
        with on_pty(bed.rack, tmp_path / "bed-1-pump"):
            await bed.heard.wait_for(
                lambda one: (
                    is_alarm(DOSE_HIGH, verifiable=True)(one) and message(one)["rev"] > message(unverified)["rev"]
                ),
                limit_s=20,
            )


async def test_without_a_broker_it_monitors_and_says_its_alarms_in_the_log(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    _, rack = space(FAR_BEYOND_ML_PER_H, loop.time())
    broker = Mosquitto(_made(tmp_path / "broker"))
    with on_pty(rack, tmp_path / "bed-1-pump"), on_pty(monitor(), tmp_path / "bed-1-monitor"):
        async with daemon(tmp_path, broker.port) as running:
            await running.until_said("above the hard limit")
            line = next(json.loads(line) for line in running.log if "above the hard limit" in line)
            assert (line["event"], line["priority"], line["key"]) == ("alarm", "high", DOSE_HIGH)
            async with broker, broker.subscribe_all() as heard:
                await heard.wait_for(is_alarm(DOSE_HIGH))
                await heard.wait_for(lambda one: one.topic == f"{PREFIX}/event" and message(one)["phase"] == "start")


async def test_a_broker_without_memory_is_told_the_whole_truth_again(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        await bed.heard.wait_for(is_alarm(DOSE_HIGH))
        before = set(await bed.broker.retained())
        bed.broker.kill()
        await bed.broker.start()
        # The truth is sent in the order of its lanes, snapshots last.
        again = len(bed.heard.messages)
        topic = f"{PREFIX}/bed/bed-1/snapshot"
        await bed.heard.wait_until(lambda: any(one.topic == topic for one in bed.heard.messages[again:]))
        assert before <= set(await bed.broker.retained())


async def test_after_kill_9_the_alarm_is_present_again_and_is_not_announced_as_new(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        alarm = message(await bed.heard.wait_for(is_alarm(DOSE_HIGH)))
        await bed.heard.wait_for(lambda one: one.topic == f"{PREFIX}/event")
        await bed.daemon.end(signal.SIGKILL)
        async with daemon(tmp_path, bed.broker.port):
            await bed.heard.wait_for(
                lambda one: (
                    is_alarm(DOSE_HIGH, verifiable=True, occurrence=alarm["occurrence"])(one)
                    and message(one)["run"] != alarm["run"]
                ),
                limit_s=20,
            )
            status = [message(one) for one in bed.heard.of(f"{PREFIX}/status")][-1]
            assert (status["previous_run"], status["previous_event_seq"]) == (alarm["run"], 1)
        dose_events = events(bed.heard.messages, DOSE_HIGH)
        assert {(event["run"], event["event_seq"]) for event in dose_events if event["phase"] == "start"} == {
            (alarm["run"], 1)
        }


@pytest.mark.long
async def test_a_dose_that_comes_back_ends_the_alarm_on_its_own_topic_and_in_the_index(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed, station(bed.broker, bed.heard) as desk:
        await desk.take(message(await bed.heard.wait_for(is_alarm(DOSE_HIGH))), acknowledge=True)
        bed.pump.set_rate(asyncio.get_running_loop().time(), Decimal("7.00"))
        await bed.heard.wait_for(is_alarm(DOSE_HIGH, phase_present=False), limit_s=14)
        topic = f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"
        await bed.heard.wait_until(lambda: bed.heard.of(topic)[-1].payload == b"")
        retained = await bed.broker.retained()
        assert topic not in retained
        assert message(retained[f"{PREFIX}/bed/bed-1/alarms"])["alarms"] == []
        phases = [event["phase"] for event in events(bed.heard.messages, DOSE_HIGH)]
        assert phases == ["start", "accept", "acknowledge", "end"]
        numbers = [message(one)["event_seq"] for one in bed.heard.of(f"{PREFIX}/event")]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_an_alarm_of_the_pump_is_relayed_and_an_unknown_one_is_raised_as_unknown(tmp_path: Path) -> None:
    async with bed_1(tmp_path) as bed:
        await bed.snapshot(lambda body: body["channels"][0]["state"] == "infusing")
        bed.rack.override((1, 1), "INA3", "1")
        occlusion = message(await bed.heard.wait_for(is_alarm("DEVICE_OCCLUSION_DOWNSTREAM.bed-1-pump.11")))
        assert occlusion["priority"] == "medium"
        bed.rack.override((1, 1), "INA16", "7")
        unknown = message(await bed.heard.wait_for(is_alarm("DEVICE_UNKNOWN.bed-1-pump.11")))
        assert "INA16" in unknown["text"]
        bed.rack.override((1, 1), "INA3", None)
        await bed.heard.wait_for(is_alarm("DEVICE_OCCLUSION_DOWNSTREAM.bed-1-pump.11", phase_present=False))


async def test_a_sensor_that_is_off_is_no_value_and_never_a_zero(tmp_path: Path) -> None:
    screen = monitor()
    screen.switch_off(Parameter.SPO2)
    async with bed_1(tmp_path, screen=screen) as bed:
        snapshot = await bed.snapshot(lambda body: metric(body, "spo2_percent") != {})
        spo2 = metric(snapshot, "spo2_percent")
        assert (spo2["value"], spo2["validity"]) == (None, "not_available")
        assert metric(snapshot, "heart_rate_per_min")["validity"] == "valid"


async def test_a_stopped_pump_delivers_nothing_although_a_rate_is_set(tmp_path: Path) -> None:
    async with bed_1(tmp_path) as bed:
        await bed.snapshot(lambda body: metric(body, "dose_rate_mg_per_kg_per_h").get("value") == "1.000000")
        bed.pump.stop(asyncio.get_running_loop().time())
        snapshot = await bed.snapshot(lambda body: body["channels"][0]["state"] == "stopped")
        assert Decimal(metric(snapshot, "dose_rate_mg_per_kg_per_h")["value"]) == 0


async def test_a_pump_without_an_order_is_an_alarm(tmp_path: Path) -> None:
    text = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
    start, end = text.index("[[demo_order]]"), text.index("[standard_limits.heart_rate_low]")
    config = tmp_path / "edge.toml"
    config.write_text(text[:start] + text[end:], encoding="utf-8")
    (tmp_path / "drugs.toml").write_bytes((ROOT / "config" / "drugs.toml").read_bytes())
    loop = asyncio.get_running_loop()
    pump, rack = space("7.00", loop.time())
    async with Mosquitto(_made(tmp_path / "broker")) as broker, broker.subscribe_all() as heard:
        with on_pty(rack, tmp_path / "bed-1-pump"):
            async with daemon(tmp_path, broker.port, config=config):
                found = message(await heard.wait_for(is_alarm("ORDER_MISSING.bed-1-pump.11")))
                assert found["priority"] == "low"
                assert "KETAMINE" in found["text"]
                PumpModel.stop(pump, loop.time())
                await heard.wait_for(is_alarm("ORDER_MISSING.bed-1-pump.11", phase_present=False))


async def test_a_wrong_configuration_ends_with_78_and_names_every_error(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    text = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
    config.write_text(text.replace('weight = "70 kg"', 'weight = "70"', 1).replace('mode = "demo"', 'mode = "dmo"'))
    (tmp_path / "drugs.toml").write_bytes((ROOT / "config" / "drugs.toml").read_bytes())
    async with daemon(tmp_path, 1, config=config) as running:
        assert await asyncio.wait_for(running.process.wait(), 20) == 78
    assert running.said("demo_order[0].weight")
    assert running.said("mode")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
