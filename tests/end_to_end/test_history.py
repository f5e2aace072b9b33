"""What was, asked of the real daemon over the broker and at the control socket; and the journal's heads, checked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge.schemas import FOLDER
from tests.broker import Heard
from tests.end_to_end.test_control import FAR_BEYOND_ML_PER_H, command
from tests.end_to_end.world import PREFIX, Bed, bed_1, is_alarm, message

DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"


class Desk:
    """The station that the shipped configuration names, asking."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.asked = 0

    async def page(self, *, station: str = "ward-desk", **fields: Any) -> dict[str, Any]:
        self.asked += 1
        beat = message(self.bed.heard.of(f"{PREFIX}/status")[-1])
        request_id = f"{station}-{self.asked}"
        basis = {"request_id": request_id, "run": beat["run"], "edge_mono_s": float(beat["mono_s"]), "bed": "bed-1"}
        async with self.bed.broker.station(station) as client:
            await client.publish(f"{PREFIX}/request/{station}/history", json.dumps(basis | fields), qos=1)

        def is_answer(heard: Heard) -> bool:
            return heard.topic == f"{PREFIX}/history/{station}" and message(heard)["request_id"] == request_id

        heard = await self.bed.heard.wait_for(is_answer)
        page: dict[str, Any] = json.loads(heard.payload)
        schema = json.loads((FOLDER / "history.json").read_text(encoding="utf-8"))
        Draft202012Validator(schema).validate(page)
        return page

    async def trends(self, *names: str) -> dict[str, Any]:
        """Ask until the page has the trends: the bed's first values come one by one."""
        async with asyncio.timeout(15):
            while True:
                page = await self.page(what="trend", from_ago_s=60)
                if set(names) <= named(page).keys():
                    return page

    async def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.page(what="events"))["events"]
        return found


def named(page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trend["name"]: trend for trend in page["trends"]}


@pytest.mark.long
async def test_trends_events_and_the_heads_of_the_journal(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        desk = Desk(bed)
        await bed.heard.wait_for(is_alarm(DOSE_HIGH))
        page = await desk.trends("dose_rate_mg_per_kg_per_h", "heart_rate_per_min", "spo2_percent")
        dose = named(page)["dose_rate_mg_per_kg_per_h"]
        assert (page["result"], page["next_page"], dose["source"]) == ("done", "", "bed-1-pump.11")
        assert {low for low in dose["low"] if low is not None} == {"4.2"}
        assert len(dose["low"]) == len(dose["high"]) == len(dose["marks"])

        events = await desk.events()
        start = next(event for event in events if event["kind"] == "alarm" and event["body"]["key"] == DOSE_HIGH)
        assert (start["body"]["phase"], start["body"]["priority"]) == ("start", "high")
        assert 0 <= start["age_s"] < 60

        # Who is not named is refused.
        refused = await desk.page(station="stranger", what="trend")
        assert (refused["result"], refused["reason"]) == (
            "refused",
            "the edge's configuration does not name the station stranger",
        )

        heads = [message(heard) for heard in bed.heard.of(f"{PREFIX}/journal")]
        head = f"{heads[-1]['row']}:{heads[-1]['hash']}"
        assert heads[-1]["row"] > 0

        answer = await ask_at_the_socket(tmp_path, {"bed": "bed-1", "what": "trend", "metrics": ["spo2_percent"]})
        assert list(named(answer)) == ["spo2_percent"]
        assert await bed.daemon.end() == 0

    store = tmp_path / "edge.db"
    status, said, _ = await verify(store, head)
    assert (status, "It leads to the head that was given" in said) == (0, True)


async def ask_at_the_socket(folder: Path, fields: dict[str, Any]) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(str(folder / "control.sock"), limit=2**20)
    basis = {"ask": "history", "request_id": "here-1", "run": "any", "edge_mono_s": 0.0}
    writer.write(json.dumps(basis | fields).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(reader.readline(), 15))
    writer.close()
    return answer


async def verify(store: Path, head: str) -> tuple[int, str, str]:
    return await command(store.parent, "journal", "verify", "--store", str(store), "--head", head)
