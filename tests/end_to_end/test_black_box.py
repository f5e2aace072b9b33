"""The black box of the real daemon: a high alarm begins, and what the devices said can be played again."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from tests.end_to_end.test_control import FAR_BEYOND_ML_PER_H
from tests.end_to_end.world import bed_1, is_alarm
from tests.programs import PIPE, infusion_edge


@pytest.mark.long
async def test_what_the_devices_said_before_a_high_alarm_is_played_again(tmp_path: Path) -> None:
    async with bed_1(tmp_path) as bed:
        await bed.snapshot(lambda shown: len(shown["vital_signs"]) > 3 and shown["active"])
        bed.pump.set_rate(asyncio.get_running_loop().time(), Decimal(FAR_BEYOND_ML_PER_H))
        await bed.heard.wait_for(is_alarm("DOSE_RATE_HIGH.bed-1-pump.11"))
        await bed.daemon.until_said("black_box.written")
        assert await bed.daemon.end() == 0
    files = sorted((tmp_path / "black-box").iterdir())
    assert [path.name.partition("-bed")[2] for path in files] == ["-1-monitor.jsonl", "-1-pump.jsonl"]
    for file, word in zip(files, ("heart_rate", "29.4"), strict=True):
        status, said = await replay(file)
        assert (status, "DIFFERS" in said, word in said) == (0, False, True)


async def replay(file: Path) -> tuple[int, str]:
    process = await infusion_edge("replay", file, stdout=PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 15)
    return process.returncode or 0, out.decode()
