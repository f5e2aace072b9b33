"""An alarm that ended while the broker was away is over, also for a run that finds it there again."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.broker import Mosquitto
from tests.end_to_end.test_control import command
from tests.end_to_end.world import PREFIX, daemon, is_alarm, message, on_pty, space

KEY = "DOSE_RATE_HIGH.bed-1-pump.11"
TOPIC = f"{PREFIX}/bed/bed-1/alarm/{KEY}"
FAR_BEYOND_ML_PER_H = "29.40"


async def until_kept(store: Path, query: str) -> None:
    """Wait until the daemon has committed what the query finds; it tells nobody while its broker is away."""
    async with asyncio.timeout(20):
        while True:
            with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as file:
                if file.execute(query).fetchone() is not None:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.long
async def test_an_end_that_was_kept_without_a_broker_is_an_end_after_a_kill(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    pump, rack = space(FAR_BEYOND_ML_PER_H, loop.time())
    (tmp_path / "broker").mkdir()
    async with Mosquitto(tmp_path / "broker", persistence=True) as broker, broker.subscribe_all() as heard:
        with on_pty(rack, tmp_path / "bed-1-pump"):
            async with daemon(tmp_path, broker.port) as first:
                alarm = message(await heard.wait_for(is_alarm(KEY)))
                # Seen while it is present, it ends with its cause, and does not latch.
                status, said, error = await command(tmp_path, "acknowledge", KEY)
                assert status == 0, said + error
                broker.stop()
                pump.stop(loop.time())
                await until_kept(tmp_path / "edge.db", "SELECT 1 FROM ended WHERE key LIKE 'DOSE_RATE_HIGH%'")
                await first.end(signal.SIGKILL)
        await broker.start()
        assert json.loads((await broker.retained())[TOPIC].payload)["occurrence"] == alarm["occurrence"]
        before = len(heard.messages)
        # No pump speaks: were it adopted, nothing could end it.
        async with daemon(tmp_path, broker.port) as second:
            await heard.wait_until(
                lambda: any(one.topic == TOPIC and not one.payload for one in heard.messages[before:])
            )
            index = [
                one for one in heard.messages[before:] if one.topic == f"{PREFIX}/bed/bed-1/alarms" and not one.retain
            ]
            await heard.wait_until(lambda: bool(heard.of(f"{PREFIX}/status")))
            assert TOPIC not in await broker.retained()
            assert second.process.returncode is None
        assert all(KEY not in [row["key"] for row in message(one)["alarms"]] for one in index)
        after = [
            message(one) for one in heard.messages[before:] if one.topic == TOPIC and one.payload and not one.retain
        ]
        assert {one["signal"] for one in after} == {"off"}
