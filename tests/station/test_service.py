"""The whole station at a real mosquitto, over real HTTP: cold start, alarms, acts, receipts, lost links."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from jsonschema import Draft202012Validator

from edge.messages.topics import Topics
from edge.schemas import FOLDER
from station.users import TRIES
from tests.broker import Mosquitto
from tests.station import said
from tests.station.browser import Browser
from tests.station.test_ward import TRUTH
from tests.station.world import STATION, STATUS, World, running, world

SCHEMA = json.loads((FOLDER / "station-status.json").read_text(encoding="utf-8"))
NAMED = {"bed": "bed-1", "key": "HR_HIGH", "occurrence": "run-a-1", "rev": 1}


def doubts(page: Browser) -> set[str]:
    return {bed["doubt"] for bed in page.screen.beds.values()}


async def test_a_cold_start_has_everything_from_what_is_retained(tmp_path: Path) -> None:
    async with world(tmp_path, *TRUTH) as one:
        page = await one.browser()
        async with page.stream():
            await page.until(lambda: len(page.screen.beds) == 2 and doubts(page) == {""})
            assert page.screen.edges["pi-1"]["state"] == "running"
            assert list(page.screen.alarms) == [("pi-1", "bed-1", "HR_HIGH")]
            assert page.screen.beds["pi-1", "bed-1"]["snapshot"]["vital_signs"][0]["value"] == "2.70"
            assert page.hello["config"]["label"] == "Ward 3"
            assert (await page.told_of("beat"))["broker"] is True


async def test_an_alarm_and_its_end_reach_every_page(tmp_path: Path) -> None:
    async with world(tmp_path, *TRUTH[:5]) as one:
        first, second = await one.browser(), await one.browser()
        async with first.stream(), second.stream():
            await one.say(said.alarm())
            for page in (first, second):
                assert (await page.told_of("alarm"))["alarm"]["key"] == "HR_HIGH"
            await one.say(said.cleared())
            for page in (first, second):
                assert (await page.told_of("alarm_gone"))["occurrence"] == "run-a-1"


async def test_taking_an_alarm_is_pending_until_the_edge_answers(tmp_path: Path) -> None:
    async with world(tmp_path, *TRUTH) as one:
        page, other = await one.browser(), await one.browser()
        async with page.stream(), other.stream():
            await page.until(lambda: bool(page.screen.alarms))
            reply = await page.act("pi-1", "accept", **NAMED, acknowledge=True)
            assert reply.status == 202
            asked = await one.asked("accept")
            assert asked == {
                "schema": "alarm-request/1", "request_id": reply.json()["request_id"], "run": said.RUN,
                "edge_mono_s": 100.0, "user": "attended", "role": "nurse", **NAMED, "acknowledge": True,
            }  # fmt: skip
            assert not [event for event, _ in page.told if event == "answer"]
            await one.say(said.response(asked["request_id"], "refused", "it is over"), retain=False)
            answer = await page.told_of("answer")
            assert (answer["result"], answer["reason"]) == ("refused", "it is over")
            # Whoever did not ask is not told, and a page whose stream broke is told again.
            assert not [event for event, _ in other.told if event == "answer"]
        async with page.stream():
            assert (await page.told_of("answer"))["request_id"] == asked["request_id"]


async def test_receipts_go_to_the_edges_that_require_this_station_and_only_from_pages_with_a_stream(
    tmp_path: Path,
) -> None:
    truth = (said.status(), said.roster("bed-1", required=(STATION,)))
    other = (said.status(edge="pi-2"), said.roster("bed-1", edge="pi-2", required=("elsewhere",)))
    part = {"run": said.RUN, "beds": ["bed-1"], "displayed": [NAMED]}
    async with world(tmp_path, *truth, *other, edges=("pi-1", "pi-2", "pi-3")) as one:
        page = await one.browser()
        async with page.stream():
            await page.until(lambda: {"roster"} <= page.screen.edges.get("pi-2", {}).keys() and bool(page.screen.beds))
            body = {"page": page.hello["page"], "audible": True, "edges": dict.fromkeys(("pi-1", "pi-2", "pi-3"), part)}
            assert (await page.post("/receipt", body)).status == 204
            topics = [Topics(said.SITE, edge).receipt(STATION) for edge in ("pi-1", "pi-2", "pi-3")]
            # pi-3 was not heard yet: it may require this station.
            await one.heard.wait_until(lambda: bool(one.heard.of(topics[2])))
            assert [len(one.heard.of(topic)) for topic in topics] == [1, 0, 1]
            assert json.loads(one.heard.of(topics[0])[0].payload) == {
                "schema": "receipt/1", "page": page.hello["page"], "audible": True, **part,
            }  # fmt: skip
            thief = await one.browser()
            async with thief.stream():
                assert (await thief.post("/receipt", body)).status == 409
        reply = await page.post("/receipt", body)
        assert (reply.status, reply.json()["error"]) == (409, "no_feed")


async def test_a_broker_that_goes_makes_everything_unknown_at_once_and_known_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, *TRUTH) as one:
        page = await one.browser()
        async with page.stream():
            await page.until(lambda: len(page.screen.beds) == 2 and doubts(page) == {""})
            one.broker.kill()
            await page.until(lambda: doubts(page) == {"broker_lost"})
            reply = await page.act("pi-1", "accept", **NAMED, request_id="tap-1")
            assert (reply.status, reply.json()["error"]) == (503, "no_broker")
            assert list(page.screen.alarms) == [("pi-1", "bed-1", "HR_HIGH")]
            await one.broker.start()
            async with one.broker.station("edges-again") as client:
                for topic, payload in TRUTH:
                    await client.publish(topic, payload, qos=1, retain=True)
                await page.until(lambda: doubts(page) == {"edge_unproven"})
                await client.publish(*said.status(103.0), qos=1, retain=True)
                await page.until(lambda: doubts(page) == {""})
            # What was not sent is not pending: the same tap again is a new one.
            assert (await page.act("pi-1", "accept", **NAMED, request_id="tap-1")).status == 202
            asked = await one.asked("accept")
            assert (asked["request_id"], asked["edge_mono_s"]) == ("tap-1", 103.0)


async def test_it_says_that_it_lives_and_that_it_stops(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        first = await one.heard.wait_for(lambda heard: heard.topic == STATUS)
        Draft202012Validator(SCHEMA).validate(json.loads(first.payload))
        one.stop.set()
        await one.heard.wait_until(lambda: states(one) == ["running", "stopped"])
        retained = await one.broker.retained()
        assert json.loads(retained[STATUS].payload)["state"] == "stopped"


async def test_another_program_of_its_name_makes_the_broker_say_that_it_is_lost(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        await one.heard.wait_for(lambda heard: heard.topic == STATUS)
        page = await one.browser()
        async with page.stream():
            v5 = aiomqtt.ProtocolVersion.V5
            async with aiomqtt.Client(one.broker.host, one.broker.port, identifier="station-desk", protocol=v5):
                await one.heard.wait_until(lambda: states(one)[:2] == ["running", "lost"])
                await page.until(lambda: page.screen.edges["pi-1"]["doubt"] == "broker_lost")


def states(one: World) -> list[str]:
    return [json.loads(heard.payload)["state"] for heard in one.heard.of(STATUS)]


async def test_what_cannot_be_read_harms_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, *TRUTH) as one:
        page = await one.browser()
        async with page.stream():
            await one.say((said.T.snapshot("bed-1"), b"{"), (said.T.status, b"\xff"), (said.T.response(STATION), b"[]"))
            await one.say(said.alarm("SPO2_LOW"))
            await page.until(lambda: ("pi-1", "bed-1", "SPO2_LOW") in page.screen.alarms)


async def test_logging_in_acting_and_logging_out(tmp_path: Path) -> None:
    async with world(tmp_path, *TRUTH, attended=False) as one:
        page = await one.browser()
        async with page.stream():
            refused = await page.act("pi-1", "accept", **NAMED)
            assert (refused.status, refused.json()["error"]) == (403, "login")
            assert page.hello["config"]["attended_verbs"] == []
            reply = await page.post("/login", {"user": "kari", "pin": "2580"})
            assert (reply.status, reply.json()["session"]["role"]) == (200, "nurse")
            assert (await page.told_of("session"))["session"]["user"] == "kari"
            assert (await page.act("pi-1", "accept", **NAMED)).status == 202
            assert (await one.asked("accept"))["user"] == "kari"
            assert (await page.post("/logout", {})).status == 204
            assert (await page.act("pi-1", "accept", **NAMED)).status == 403


async def test_a_lock_out_stops_neither_silencing_nor_looking(tmp_path: Path) -> None:
    async with world(tmp_path, *TRUTH, attended=False) as one:
        page = await one.browser()
        async with page.stream():
            tries = await asyncio.gather(*(page.post("/login", {"user": "kari", "pin": "9999"}) for _ in range(8)))
            told = sorted((reply.json()["error"], reply.json()["left"]) for reply in tries)
            assert told == [*[("locked", 0)] * 4, ("pin", 1), ("pin", 2), ("pin", 3), ("pin", 4)]
            right = await page.post("/login", {"user": "kari", "pin": "2580"})
            assert (right.status, right.json()["error"]) == (403, "locked")
            assert (await page.act("pi-1", "accept", **NAMED, acknowledge=True)).status == 202
            assert (await one.asked("accept"))["user"] == "locked-out"
            refused = await page.act("pi-1", "reset", **NAMED)
            assert (refused.status, refused.json()["error"]) == (403, "login")
            assert (await page.post("/login", {"user": "ola", "pin": "2580"})).status == 200
        async with page.stream():
            assert page.hello["session"]["user"] == "ola"


async def test_tries_beside_each_other_are_counted_too(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        page = await one.browser()
        async with page.stream():
            tries = [
                asyncio.create_task(page.post("/login", {"user": "kari", "pin": "9999"})) for _ in range(TRIES + 1)
            ]
            await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
            right = await page.post("/login", {"user": "kari", "pin": "2580"})
            assert (right.status, right.json()["error"]) == (403, "locked")
            await asyncio.gather(*tries)


@pytest.mark.long
async def test_a_frozen_broker_is_noticed_and_becomes_an_alarm_that_can_be_silenced(tmp_path: Path) -> None:
    async with world(tmp_path, *TRUTH) as one:
        page = await one.browser()
        async with page.stream():
            await page.until(lambda: len(page.screen.beds) == 2)
            one.broker.freeze()
            await page.until(lambda: doubts(page) == {"broker_lost"}, limit_s=9.0)
            await page.until(lambda: "BROKER_LOST" in page.screen.own, limit_s=12.0)
            own: dict[str, Any] = page.screen.own["BROKER_LOST"]
            assert {bed["bed"] for bed in own["beds"]} == {"bed-1", "bed-2"}
            assert (await page.post("/silence", {"key": "BROKER_LOST", "rev": own["rev"]})).status == 204
            await page.until(lambda: not page.screen.own["BROKER_LOST"]["audible"])
            assert (await page.post("/silence", {"key": "BROKER_LOST", "rev": 77})).status == 404
            one.broker.thaw()
            await page.until(lambda: page.screen.own == {}, limit_s=9.0)


async def test_it_ends_at_any_moment_of_connecting(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path) as broker:
        for turns in range(0, 24, 2):
            async with running(broker, edges=("pi-1",)) as (_, stop):
                for _ in range(turns):
                    await asyncio.sleep(0)
                stop.set()
