"""At the bedside computer: the real daemon, its control socket, and the command line as a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.broker import HOST
from tests.end_to_end.world import PREFIX, bed_1, is_alarm, message
from tests.programs import PIPE, infusion_edge

DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
FAR_BEYOND_ML_PER_H = "29.40"
"""4.2 mg/kg/h at 10 mg/mL and 70 kg: beyond the band that alarms at once."""


async def command(folder: Path, verb: str, *arguments: str) -> tuple[int, str, str]:
    """Run one command: exit status, what it said, and what it said on standard error."""
    where = (
        ("--run-dir", str(folder)) if verb in ("explain", "journal") else ("--control", str(folder / "control.sock"))
    )
    process = await infusion_edge(verb, *where, *arguments, stdout=PIPE, stderr=PIPE)
    out, error = await asyncio.wait_for(process.communicate(), 15)
    return process.returncode or 0, out.decode(), error.decode()


async def retained_alarm(bed: Any) -> dict[str, Any]:
    return message((await bed.broker.retained())[f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"])


@pytest.mark.long
async def test_an_alarm_is_seen_accepted_over_and_told_again_at_the_bedside(tmp_path: Path) -> None:
    now_s = asyncio.get_running_loop().time
    before_s = now_s()
    async with bed_1(tmp_path, rate_ml_per_h=FAR_BEYOND_ML_PER_H) as bed:
        alarm = message(await bed.heard.wait_for(is_alarm(DOSE_HIGH)))
        heard_s = now_s() - before_s
        assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o660

        status, said, _ = await command(tmp_path, "alarms")
        assert status == 0
        text = "Bed 1: Ketamine, chronic pain 4.20 mg/kg/h, above the hard limit 4.0 mg/kg/h."
        first, second, *_ = said.splitlines()
        assert first == f"!!! bed-1  {text}"
        assert ", sounding, not accepted, level 1 (screens of the bed)" in second

        status, said, _ = await command(tmp_path, "accept", DOSE_HIGH)
        assert status == 0
        head = re.escape(f"done: accept bed-1 {DOSE_HIGH} ({text}): ")
        # The clock of this machine may not be synchronised.
        assert re.fullmatch(head + r"silent (until \d\d:\d\d|for 5 min 0 s) unless it gets worse\n", said)
        taken_s = now_s() - before_s
        await bed.heard.wait_for(is_alarm(DOSE_HIGH, signal="acknowledged"))
        taken = await retained_alarm(bed)
        assert (taken["occurrence"], taken["audible"]) == (alarm["occurrence"], False)
        user = taken["acceptance"]["by"]
        assert user.startswith("local:")
        assert taken["acknowledgement"]["by"] == user
        # What was answered here was not said to the broker.
        assert [one for one in bed.heard.messages if "/response/" in one.topic] == []

        _, said, _ = await command(tmp_path, "alarms")
        assert f"silenced by {user} for 4 min 5" in said
        assert f"accepted by {user} " in said

        bed.pump.set_rate(asyncio.get_running_loop().time(), Decimal("7.00"))
        await bed.heard.wait_for(is_alarm(DOSE_HIGH, phase_present=False), limit_s=14)
        status, said, _ = await command(tmp_path, "alarms", "--json")
        assert status == 0
        assert {one["bed"] for one in json.loads(said)["alarms"]} <= {"bed-2", ""}  # whose devices are not there
        status, said, _ = await command(tmp_path, "explain")
        (line,) = (line.split() for line in said.splitlines() if alarm["occurrence"] in line)
        assert (status, line[1:7]) == (0, [alarm["occurrence"], "bed-1", DOSE_HIGH, "over", "is", "over"])

        status, said, _ = await command(tmp_path, "explain", DOSE_HIGH)
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == text
    assert lines[1] == f"{DOSE_HIGH} at bed-1, {alarm['occurrence']}: over."
    row = next(line.split() for line in lines if line.startswith("  start "))
    assert row[2:4] == ["0.000", "0.000"]
    assert 0.0 <= float(row[4]) < heard_s  # the broker
    assert row[5] == "-"  # no page of a required station
    assert 0.0 < float(row[6]) < taken_s  # accepted
    words = [" ".join(line.split()[3:]) for line in lines[lines.index("") :] if line.startswith("20")]
    tapes = [word for word in words if " had said is kept: " in word]
    assert tapes
    assert [word for word in words if word not in tapes] == [
        "the value is first beyond",
        f"begins (high): {text}",
        "the broker has it",
        f"accepted: somebody goes, and it goes up no further, by {user}",
        f"silenced for a while, by {user}",
        f"{user} asked to accept: done",
        "is over",
    ]
    reasons = {" ".join(line[42:70].split()): line[71:] for line in lines if line.startswith(" " * 42)}
    assert reasons["arithmetic"] == "29.40 mL/h * 10 mg/mL / 70 kg = 4.200000 mg/kg/h"
    assert reasons["value"] == "4.200000 mg/kg/h"
    assert reasons["limit"].startswith("4.0 mg/kg/h (")
    assert (reasons["concentration"], reasons["weight"]) == ("10 mg/mL", "70 kg")


async def test_what_is_asked_is_refused_in_plain_words_and_nobody_asks_over_the_broker_in_its_name(
    tmp_path: Path,
) -> None:
    async with bed_1(tmp_path) as bed:
        await bed.snapshot(lambda body: body["channels"][0]["state"] == "infusing")
        status, said, _ = await command(tmp_path, "pause", "bed-9")
        assert (status, said.splitlines()) == (
            1,
            [
                "refused: audio-pause of bed-9 for 120 s: there is no bed bed-9. These are the beds:",
                "  bed-1  Bed 1",
                "  bed-2  Bed 2",
            ],
        )
        status, said, _ = await command(tmp_path, "off-monitor", "bed 1", "--minutes", "60")
        assert (status, said) == (0, "done: off-monitor of bed-1 for 15 min (the most; 60 min was asked)\n")
        _, said, _ = await command(tmp_path, "alarms")
        assert re.search(
            r"^Bed 1: patient off the monitor \(local:\S+\), 14 min 5\d s more; infusion-edge resume bed-1 ends it$",
            said,
            re.MULTILINE,
        )
        assert (await command(tmp_path, "resume", "Bed 1"))[:2] == (0, "done: resume bed-1\n")
        assert "off the monitor (" not in (await command(tmp_path, "alarms"))[1]
        await command(tmp_path, "pause")
        _, said, _ = await command(tmp_path, "alarms")
        assert re.search(r"^All beds: sound paused .*; infusion-edge resume ends it$", said, re.MULTILINE)
        beat = message(bed.heard.of(f"{PREFIX}/status")[-1])
        asked = {"request_id": "r-1", "run": beat["run"], "edge_mono_s": float(beat["mono_s"]), "role": "prescriber"}
        async with aiomqtt.Client(HOST, bed.broker.port) as client:
            await client.publish(f"{PREFIX}/request/local/test-alarm", json.dumps(asked), qos=1)
        await bed.daemon.until_said("somebody asks over the broker as the command line")
        status, said, _ = await command(tmp_path, "alarms")
        assert (status, "TEST_ALARM" in said) == (0, False)
        assert await bed.daemon.end() == 0
        status, _, error = await command(tmp_path, "alarms")
        assert status == 2
        assert error.startswith(f"infusion-edge: there is no {tmp_path / 'control.sock'}: is the daemon running")
