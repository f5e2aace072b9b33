"""The station with the real daemon behind a real mosquitto: what a nurse does on the page is done at the edge."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from station.config import BrokerLogin
from tests.end_to_end.world import PREFIX, ROOT, Bed, bed_1, daemon, message
from tests.station.browser import Browser
from tests.station.test_ward import TRUTH
from tests.station.world import PIN, running
from tests.ward_broker import WardBroker

FAR_BEYOND_ML_PER_H = "29.40"
DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
PLACE = ("pi-1", "bed-1", DOSE_HIGH)
DESK = "ward-desk"


async def loaded(port: int) -> Browser:
    page = Browser(port)
    await page.load()
    return page


@contextlib.asynccontextmanager
async def one_bed(folder: Path, config: Path = ROOT / "config" / "edge.toml") -> AsyncIterator[tuple[Bed, Browser]]:
    """A bed whose dose is far too high, and a page that shows the alarm."""
    async with (
        bed_1(folder, rate_ml_per_h=FAR_BEYOND_ML_PER_H, config=config) as bed,
        running(bed.broker, edges=("pi-1",), station=DESK) as (port, _),
    ):
        page = await loaded(port)
        async with page.stream():
            await page.until(lambda: PLACE in page.screen.alarms, limit_s=20.0)
            yield bed, page


def named(page: Browser) -> dict[str, object]:
    return {name: page.screen.alarms[PLACE][name] for name in ("bed", "key", "occurrence", "rev")}


async def test_a_nurse_sees_an_alarm_and_takes_it(tmp_path: Path) -> None:
    async with one_bed(tmp_path) as (_, page):
        assert page.screen.alarms[PLACE]["audible"]
        reply = await page.act("pi-1", "accept", **named(page), acknowledge=True)
        answer = await page.told_of("answer")
        assert (answer["request_id"], answer["result"]) == (reply.json()["request_id"], "done")
        await page.until(lambda: page.screen.alarms[PLACE]["signal"] == "acknowledged")
        taken = page.screen.alarms[PLACE]
        assert (taken["audible"], taken["acceptance"]["by"]) == (False, "ward-desk:attended")
        await page.until(lambda: page.screen.beds["pi-1", "bed-1"]["doubt"] == "")
        late = await page.act("pi-1", "acknowledge", **{**named(page), "occurrence": "run-0-1"})
        await page.until(lambda: len([event for event, _ in page.told if event == "answer"]) > 1)
        refused = [data for event, data in page.told if event == "answer"][-1]
        assert (refused["request_id"], refused["result"]) == (late.json()["request_id"], "refused")
        assert "that occurrence is over" in refused["reason"]


NEEDS_A_NAME = ("settle-dose", "line", "flush", "service", "test-alarm")
OF_LINE = {"bed": "bed-1", "case": "bed-1", "port": "bed-1-pump", "channel": "11"}
GIVEN = {**OF_LINE, "given": "5 mg", "reason": "read at the pump", "sure": True}
ACTS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("tone", "settle-dose", GIVEN, "refused", "a technician may not: it takes a nurse"),
    ("tone", "flush", {**OF_LINE, "volume": "10 mL"}, "refused", "a technician may not: it takes a nurse"),
    ("tone", "service", {"bed": "bed-1"}, "refused", "Bed 1 has a patient, case bed-1: close the therapy first"),
    ("tone", "test-alarm", {}, "done", ""),
    ("kari", "line", {**OF_LINE, "case": "k-1", "dead_volume": "1.5 mL"}, "refused", "look which bed is meant"),
    ("kari", "flush", {**OF_LINE, "volume": "10 mL"}, "refused", "say the dead volume of the line"),
    (
        "kari",
        "line",
        {**OF_LINE, "dead_volume": "1.5 mL", "filled_with": "drug"},
        "done",
        "1.5 mL, filled with the drug",
    ),
    ("kari", "flush", {**OF_LINE, "volume": "10 mL"}, "done", "15 mg of the line count as given"),
    ("kari", "settle-dose", {**GIVEN, "given": "90 mg"}, "done", "another person reads the pump and says the same"),
    ("ola", "settle-dose", GIVEN, "refused", "kari said 90 mg: read the pump together"),
    ("ola", "settle-dose", {**GIVEN, "given": "90 mg"}, "done", "mg of Ketamine, chronic pain by this channel"),
]
"""Who asks for what, after what came before, and what comes of it."""


def answered(page: Browser, times: int) -> bool:
    return sum(event == "answer" for event, _ in page.told) == times


async def test_the_acts_of_its_forms_take_a_name_and_the_edge_says_why_not(tmp_path: Path) -> None:
    async with one_bed(tmp_path) as (_, page):
        for verb in NEEDS_A_NAME:
            assert (await page.act("pi-1", verb, bed="bed-1")).json()["error"] == "login"
        asker = ""
        for number, (user, verb, fields, result, why) in enumerate(ACTS, start=1):
            if user != asker:
                assert (await page.post("/login", {"user": user, "pin": PIN})).status == 200
                asker = user
            await page.act("pi-1", verb, **fields)
            await page.until(partial(answered, page, number))
            answer = [data for event, data in page.told if event == "answer"][-1]
            told = answer["reason"] or answer["message"]["said"]
            assert (answer["result"], why in told) == (result, True), (user, verb, told)


async def test_what_a_page_paints_is_displayed_at_the_edge_and_what_was_comes_from_there(tmp_path: Path) -> None:
    text = (ROOT / "config/edge.toml").read_text(encoding="utf-8").replace("required = false", "required = true")
    (tmp_path / "drugs.toml").write_bytes((ROOT / "config/drugs.toml").read_bytes())
    config = tmp_path / "edge.toml"
    config.write_text(text, encoding="utf-8")
    async with one_bed(tmp_path, config=config) as (_, page):
        run = page.screen.alarms[PLACE]["run"]
        part = {"run": run, "beds": ["bed-1", "bed-2"], "displayed": [named(page)]}
        body = {"page": page.hello["page"], "audible": True, "edges": {"pi-1": part}}
        assert (await page.post("/receipt", body)).status == 204
        await page.act("pi-1", "accept", **named(page))
        await page.until(lambda: page.screen.alarms[PLACE]["delivery"]["displayed_by"] == DESK)
        await page.act("pi-1", "history", bed="bed-1", what="events")
        past = (await page.told_of("history"))["message"]
        assert (past["result"], past["what"]) == ("done", "events")
        assert DOSE_HIGH in {event["body"].get("key") for event in past["events"]}


@pytest.mark.long
async def test_an_edge_that_dies_is_lost_at_once_and_its_alarm_stands_until_it_says_otherwise(tmp_path: Path) -> None:
    async with one_bed(tmp_path) as (bed, page):
        await bed.daemon.end(signal.SIGKILL)
        await page.until(lambda: "EDGE_LOST" in page.screen.own)
        own = page.screen.own["EDGE_LOST"]
        assert (own["priority"], {row["label"] for row in own["beds"]}) == ("high", {"Bed 1", "Bed 2"})
        assert page.screen.beds["pi-1", "bed-1"]["doubt"] == "edge_lost"
        assert PLACE in page.screen.alarms
        async with daemon(tmp_path, bed.broker.port):
            await page.until(lambda: page.screen.own == {}, limit_s=20.0)
            await page.until(lambda: page.screen.beds["pi-1", "bed-1"]["doubt"] == "", limit_s=20.0)
            assert PLACE in page.screen.alarms
            assert "alarm_gone" not in {event for event, _ in page.told}
        await page.until(lambda: "EDGE_STOPPED" in page.screen.own)


async def test_at_a_wards_broker_it_logs_in_over_tls_and_reads_every_edge(tmp_path: Path) -> None:
    async with WardBroker(tmp_path) as broker:
        own = broker.files / f"station-{DESK}"
        login = BrokerLogin(f"station-{DESK}", own / "broker.password", True, own / "ca.crt", None, None)
        async with broker.client("edge-pi-1") as edge:
            for topic, payload in TRUTH:
                await edge.publish(topic, payload, qos=1, retain=True)
            async with running(broker, edges=("pi-1", "pi-2"), station=DESK, login=login) as (port, _):
                page = await loaded(port)
                async with page.stream():
                    await page.until(lambda: ("pi-1", "bed-1", "HR_HIGH") in page.screen.alarms)
                    await edge.subscribe(f"{PREFIX}/request/+/+", qos=1)
                    reply = await page.act("pi-1", "accept", bed="bed-1", key="HR_HIGH", occurrence="run-a-1", rev=1)
                    assert reply.status == 202
                    asked = await asyncio.wait_for(anext(aiter(edge.messages)), 5.0)
                    assert asked.topic.value == f"{PREFIX}/request/{DESK}/accept"
            status = message((await broker.retained())[f"infusion/v1/demo/station/{DESK}/status"])
            assert status["state"] == "stopped"
