"""A bed under service, with the real daemon, its control socket and a real broker: shown, silent, kept, ended."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from simulators.pump_terms import PumpAlarm
from tests.end_to_end.test_control import command
from tests.end_to_end.test_therapy import done, without_orders
from tests.end_to_end.world import PREFIX, bed_1, daemon, is_alarm, message

THERAPY = f"{PREFIX}/bed/bed-1/therapy"
EMPTY = "DEVICE_RESERVOIR_EMPTY.bed-1-pump.11"


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_a_bed_under_service_is_shown_so_calls_nobody_outlives_a_restart_and_ends_with_a_patient(
    tmp_path: Path,
) -> None:
    async with bed_1(tmp_path, config=without_orders(tmp_path)) as bed:
        await bed.snapshot(lambda body: body["channels"][0]["state"] == "infusing")
        status, said, _ = await command(tmp_path, "service", "bed 1")
        runs = "Bed 1: bed-1-pump channel 11 was last seen to run: stop the pump first"
        assert (status, said) == (1, f"refused: service of bed-1 for 60 min: {runs}\n")
        now_s = asyncio.get_running_loop().time()
        bed.pump.stop(now_s)
        await bed.snapshot(lambda body: body["channels"][0]["state"] == "stopped")
        assert await done(tmp_path, "service", "bed 1", "--minutes", "30") == "done: service of bed-1 for 30 min\n"
        bed.pump.raise_alarm(now_s, PumpAlarm.SYRINGE_EMPTY)
        alarm = message(await bed.heard.wait_for(is_alarm(EMPTY)))
        assert (alarm["silence"]["reason"], alarm["audible"]) == ("service", False)

        # Another run of the same bedside computer: what it kept holds, and is shown to whoever looks now.
        assert await bed.daemon.end() == 0
        async with daemon(tmp_path, bed.broker.port, config=tmp_path / "edge.toml"):
            again = is_alarm(EMPTY, verifiable=True)
            await bed.heard.wait_for(lambda one: again(one) and message(one)["run"] != alarm["run"])
            retained = await bed.broker.retained()
            (pause,) = message(retained[THERAPY])["pauses"]
            assert (pause["reason"], pause["by"]) == ("service", alarm["silence"]["by"])
            alarm = message(retained[f"{PREFIX}/bed/bed-1/alarm/{EMPTY}"])
            assert (alarm["silence"]["reason"], alarm["audible"]) == ("service", False)
            shown = (await command(tmp_path, "alarms"))[1]
            assert re.search(r"^Bed 1: UNDER SERVICE, its device alarms are silent \(local:", shown, re.MULTILINE)

            await done(tmp_path, "patient", "bed 1", "k-1047", "70 kg")
            await bed.heard.wait_for(is_alarm(EMPTY, silence=None, audible=True))
            status, said, _ = await command(tmp_path, "service", "bed 1")
            assert (status, said) == (
                1,
                "refused: service of bed-1 for 60 min: Bed 1 has a patient, case k-1047: close the therapy first\n",
            )
    journal = (await command(tmp_path, "journal", "export"))[1]
    assert '"why": "a new patient"' in journal.replace('\\"', '"')
