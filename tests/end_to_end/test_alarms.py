"""The alarm system over a real broker: acts, refusals, receipts, memory, and alarms that only the broker still knew."""

import asyncio
import json
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.broker import Heard
from tests.end_to_end.world import PREFIX, ROOT, Bed, bed_1, daemon, is_alarm, message
from tests.small_station import TOPICS, station

FAR_BEYOND_ML_PER_H = "29.40"
DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"


async def present(bed: Bed) -> dict[str, Any]:
    return message(await bed.heard.wait_for(is_alarm(DOSE_HIGH)))


async def test_one_button_accepts_and_acknowledges_and_the_answer_comes_after(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed, station(bed.broker, bed.heard) as desk:
        answer = await desk.take(await present(bed), acknowledge=True)
        assert (answer["verb"], answer["result"], answer["durable"]) == ("accept", "done", True)
        shown = message((await bed.broker.retained())[f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"])
        assert (shown["signal"], shown["present"], shown["audible"]) == ("acknowledged", True, False)
        assert (shown["acceptance"]["by"], shown["delivery"]["state"]) == ("ward-desk:u7", "accepted")
        assert shown["acknowledgement"]["until_mono_s"] == pytest.approx(shown["acknowledgement"]["at"]["mono_s"] + 300)
        index = message((await bed.broker.retained())[f"{PREFIX}/bed/bed-1/alarms"])
        assert [row["key"] for row in index["alarms"]] == [DOSE_HIGH]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"occurrence": "run-0-1"}, "that occurrence is over"),
        ({"rev": 0}, "it made noise again since"),
        ({"key": "SPO2_LOW"}, "it is over"),
        ({"run": "another"}, "the edge was started anew"),
        ({"edge_mono_s": 1.0}, "s ago: look again"),
        ({"role": "viewer"}, "a viewer may not: it takes a nurse"),
        ({"rev": "soon"}, "rev: "),
        ({"retain": True}, "a retained message is no request"),
    ],
)
async def test_what_may_not_be_done_is_refused_with_a_reason_and_changes_nothing(
    tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed, station(bed.broker, bed.heard) as desk:
        alarm = await present(bed)
        answer = await desk.ask(
            "acknowledge", **{name: alarm[name] for name in ("bed", "key", "occurrence", "rev")} | wrong
        )
        assert answer["result"] == "refused"
        assert reason in answer["reason"]
        retained = await bed.broker.retained()
        assert message(retained[f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"])["signal"] == "on"


async def test_a_repeat_gets_the_answer_that_was_given_also_after_kill_9(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed, station(bed.broker, bed.heard) as desk:
        first = await desk.take(await present(bed), request_id="mine")
        await bed.daemon.end(signal.SIGKILL)
        async with daemon(tmp_path, bed.broker.port):
            await bed.heard.wait_for(lambda one: is_now(one, first["run"]))
            await desk.take(await present(bed), request_id="mine")
            await bed.heard.wait_until(lambda: len(desk.answers("mine")) == 2)
        again = desk.answers("mine")[-1]
        assert again["run"] != first["run"]
        assert {**again, "run": ""} == {**first, "run": ""}


async def test_an_acknowledged_alarm_is_still_acknowledged_after_kill_9(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed, station(bed.broker, bed.heard) as desk:
        answer = await desk.take(await present(bed), "acknowledge")
        await bed.daemon.end(signal.SIGKILL)
        heard_before = len(bed.heard.messages)
        async with daemon(tmp_path, bed.broker.port):
            await bed.heard.wait_for(
                lambda one: (
                    is_alarm(DOSE_HIGH, signal="acknowledged", verifiable=True)(one)
                    and message(one)["run"] != answer["run"]
                )
            )
        told = [one for one in bed.heard.messages[heard_before:] if is_alarm(DOSE_HIGH)(one)]
        assert {message(one)["signal"] for one in told} == {"acknowledged"}


async def test_an_alarm_that_only_the_broker_still_knows_is_adopted(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        alarm = await present(bed)
        await bed.daemon.end(signal.SIGKILL)
        for part in ("", "-wal", "-shm"):
            (tmp_path / f"edge.db{part}").unlink(missing_ok=True)
        bed.pump.stop(asyncio.get_running_loop().time())  # so that nothing makes a new alarm of it
        bed.pump_line.close()
        async with daemon(tmp_path, bed.broker.port):
            await bed.heard.wait_until(lambda: any(is_now(one, alarm["run"]) for one in bed.heard.messages))
            index = f"{PREFIX}/bed/bed-1/alarms"
            first = await bed.heard.wait_for(lambda one: one.topic == index and message(one)["run"] != alarm["run"])
            assert DOSE_HIGH in [row["key"] for row in message(first)["alarms"]]
            shown = message((await bed.broker.retained())[f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"])
            assert (shown["occurrence"], shown["verifiable"]) == (alarm["occurrence"], False)
            assert shown["run"] != alarm["run"]


async def test_an_alarm_of_a_bed_that_is_no_more_is_emptied_at_the_broker(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        alarm = await present(bed)
        await bed.daemon.end()
        gone = f"{PREFIX}/bed/bed-9/alarm/{DOSE_HIGH}"
        async with aiomqtt.Client(bed.broker.host, bed.broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.publish(gone, json.dumps({**alarm, "bed": "bed-9"}, default=float), qos=1, retain=True)
            await client.publish(f"{PREFIX}/alarm/NOISE", b"not json", qos=1, retain=True)
        async with daemon(tmp_path, bed.broker.port) as running:
            await bed.heard.wait_until(lambda: bed.heard.of(gone)[-1].payload == b"")
            assert running.said("retained alarms cannot be read")
            assert f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}" in await bed.broker.retained()


async def test_a_receipt_of_a_required_page_is_kept_and_shown_with_the_next_change(tmp_path: Path) -> None:
    text = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
    (tmp_path / "drugs.toml").write_bytes((ROOT / "config" / "drugs.toml").read_bytes())
    config = tmp_path / "edge.toml"
    config.write_text(text.replace("required = false", "required = true"), encoding="utf-8")
    async with (
        bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H, config=config) as bed,
        station(bed.broker, bed.heard) as desk,
    ):
        alarm = await present(bed)
        await desk.receipt(alarm, beds=("bed-1", "bed-2"))
        await desk.take(alarm, acknowledge=True)
        shown = message((await bed.broker.retained())[f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"])
        assert (shown["delivery"]["displayed_by"], shown["delivery"]["state"]) == ("ward-desk", "accepted")
        stamps = [shown["delivery"][name]["mono_s"] for name in ("published", "broker_ack", "displayed")]
        assert stamps == sorted(stamps)
        self_check = message((await bed.broker.retained())[f"{PREFIX}/self-check"])
        assert self_check["receipts"] == "on"


@pytest.mark.long
async def test_a_dose_that_comes_back_leaves_a_latched_alarm_until_it_is_reset(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed, station(bed.broker, bed.heard) as desk:
        await present(bed)
        bed.pump.set_rate(asyncio.get_running_loop().time(), Decimal("7.00"))
        latched = message(await bed.heard.wait_for(is_alarm(DOSE_HIGH, phase_present=False), limit_s=14))
        assert (latched["signal"], latched["audible"]) == ("latched", True)
        assert (await desk.take(latched, "reset"))["result"] == "done"
        topic = f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"
        await bed.heard.wait_until(lambda: bed.heard.of(topic)[-1].payload == b"")
        assert topic not in await bed.broker.retained()
        assert message((await bed.broker.retained())[f"{PREFIX}/bed/bed-1/alarms"])["alarms"] == []


async def test_what_an_outsider_sends_stops_nothing(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        alarm = await present(bed)
        async with aiomqtt.Client(bed.broker.host, bed.broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            for payload in (b"", b"[", b"\xff" * 1000, b"[" * 100_000, b'{"request_id": 5}', b"null"):
                await client.publish(TOPICS.request("intruder", "reset"), payload, qos=1)
                await client.publish(TOPICS.request("intruder", "open-the-valve"), payload, qos=1)
                await client.publish(TOPICS.receipt("intruder"), payload, qos=1)
        async with station(bed.broker, bed.heard, "intruder") as intruder:
            answer = await intruder.take(alarm)
            assert "does not name the station intruder" in answer["reason"]
        async with station(bed.broker, bed.heard) as desk:
            assert (await desk.take(alarm))["result"] == "done"


def is_now(one: Heard, before: str) -> bool:
    return one.topic == TOPICS.status and message(one)["state"] == "running" and message(one)["run"] != before
