"""A treatment by request alone: the real daemon, its bedside computer, a station, and a restart."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.broker import HOST
from tests.end_to_end.test_control import command
from tests.end_to_end.world import PREFIX, ROOT, bed_1, daemon, message

THERAPY = f"{PREFIX}/bed/bed-1/therapy"
CASE = "k-1047"


def without_orders(folder: Path) -> Path:
    """The shipped files without an order in them, as clinical mode would have them."""
    edge = (ROOT / "config/edge.toml").read_text(encoding="utf-8")
    edge = re.sub(r"\[\[demo_order\]\].*?(?=\n# ----)", "", edge, flags=re.DOTALL)
    (folder / "edge.toml").write_text(edge, encoding="utf-8")
    (folder / "drugs.toml").write_text((ROOT / "config/drugs.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return folder / "edge.toml"


async def done(folder: Path, verb: str, *arguments: str) -> str:
    status, said, error = await command(folder, verb, *arguments)
    assert status == 0, said + error
    return said


async def asks(broker_port: int, verb: str, **fields: Any) -> dict[str, Any]:
    """Ask at the station, as a nurse, on what the heartbeat says; return the answer."""
    async with aiomqtt.Client(HOST, broker_port) as client:
        await client.subscribe(f"{PREFIX}/response/ward-desk")
        await client.subscribe(f"{PREFIX}/status")
        async for heard in client.messages:
            said = json.loads(bytes(heard.payload))
            if said["schema"] == "response/1":
                return dict(said)
            who = {"request_id": f"{verb}-1", "user": "ann", "role": "nurse"}
            seen = {
                "run": said["run"],
                "edge_mono_s": said["mono_s"],
                "bed": "bed-1",
                "case": CASE,
            }
            await client.publish(f"{PREFIX}/request/ward-desk/{verb}", json.dumps({**who, **seen, **fields}), qos=1)
            await client.unsubscribe(f"{PREFIX}/status")
    raise AssertionError("no answer")


@pytest.mark.long
async def test_an_order_is_entered_at_the_bedside_and_confirmed_at_the_station(tmp_path: Path) -> None:
    async with bed_1(tmp_path, rate_ml_per_h="7.00", config=without_orders(tmp_path)) as bed:
        shown = bed.heard.wait_for

        await bed.snapshot(lambda said: said["channels"] != [] and said["channels"][0]["state"] == "infusing")
        said = await done(tmp_path, "patient", "bed-1", CASE, "70 kg", "--nothing", "--treatments", "0")
        assert said == f"done: start-patient {CASE} at Bed 1: {CASE} at Bed 1, 70 kg\n"

        status, said, _ = await command(tmp_path, "order", "Bed 1", "10 mg/mL", "70 kg")
        assert status == 1
        assert "the pump runs already: say how many mg were given so far" in said
        said = await done(
            tmp_path, "order", "Bed 1", "10 mg/mL", "70 kg", "--given-before", "0 mg", "--maximum", "2.0 mg/kg/h"
        )
        assert "revision 1: Ketamine, chronic pain, 10 mg/mL, 70 kg, 1.000 mg/kg/h (the pump at 7 mL/h)" in said
        status, said, _ = await command(tmp_path, "confirm", "bed-1", "1")
        assert (status, "another person confirms" in said) == (1, True)

        await shown(lambda one: one.topic == THERAPY and message(one)["awaiting"] != [])
        answer = await asks(bed.broker.port, "confirm", rev=1)
        assert answer["result"] == "done"
        assert answer["said"].startswith("revision 1 is in force")
        in_force = message(await shown(lambda one: one.topic == THERAPY and message(one)["orders"] != []))
        assert [(one["rev"], one["confirmed_by"]) for one in in_force["orders"]] == [(1, "ward-desk:ann")]
        await bed.snapshot(
            lambda said: any(one["name"] == "dose_rate_mg_per_kg_per_h" for one in said["channels"][0]["metrics"])
        )

        said = await done(tmp_path, "therapy", "bed-1")
        assert f"bed-1  Bed 1: {CASE}, 70 kg, infusing" in said
        await done(tmp_path, "observe", "bed-1", "--well", "--pain", "3")
        status, said, _ = await command(tmp_path, "close", "bed-1", CASE, "--reason", "test")
        assert (status, "runs: stop the pump first" in said) == (1, True)

        await bed.daemon.end(signal.SIGKILL)
        async with daemon(tmp_path, bed.broker.port, config=tmp_path / "edge.toml"):
            async with asyncio.timeout(20):
                while True:
                    retained = message((await bed.broker.retained())[THERAPY])
                    if retained["run"] != in_force["run"]:
                        break
            assert (retained["phase"], retained["patient"]["case"]) == ("infusing", CASE)
            assert retained["orders"] == in_force["orders"]
            assert [one["pain"] for one in retained["rounds"]] == [3]
