"""The people of a scenario ask the real daemon over a real mosquitto, as a nursing station does."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from edge.broker_files import Ward
from simulators.scenario_edge import DESK
from tests.broker import HOST, Mosquitto
from tests.end_to_end.world import ROOT, daemon
from tests.unit.test_scenario_run import lines_until, program
from tests.ward_broker import WardBroker

LIMIT_S = 100.0
MINE = """
title = "t"
about = "a"
duration = "10 min"

[[bed]]
id = "bed-1"
label = "Bed 1"

[[bed.device]]
id = "pump"
kind = "space"
dose = "1.0 mg/kg/h"
started = false

[[bed.device]]
id = "monitor"
kind = "ivy"
"""
PLACE = 'with = { drug = "ketamine-chronic-pain", concentration = "10 mg/mL", weight = "70 kg", step = "0.5 mg/kg/h" }'
ASKED = (
    ("ann", "nurse", "start-patient", 'with = { case = "c-17", weight = "70 kg" }'),
    ("dr-c", "prescriber", "order", PLACE),
    ("dr-c", "prescriber", "confirm", ""),
    ("ann", "nurse", "confirm", ""),
    ("ann", "nurse", "observe", 'with = { airway = "choking" }'),
)


def scenario(folder: Path) -> Path:
    mine = folder / "mine.toml"
    events = (
        f'\n[[event]]\nat = "1 s"\nbed = "bed-1"\ndo = "ask"\nby = "{by}"\nrole = "{role}"\nverb = "{verb}"\n{what}\n'
        for by, role, verb, what in ASKED
    )
    mine.write_text(MINE + "".join(events), encoding="utf-8")
    return mine


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_they_log_in_at_a_wards_broker_over_tls(tmp_path: Path) -> None:
    ward = Ward("demo", ("pi-1",), (DESK,), (HOST,))
    config, template = tmp_path / "run" / "edge.toml", tmp_path / "edge.toml"
    async with asyncio.timeout(LIMIT_S), WardBroker(tmp_path, ward) as broker:
        own = broker.files / "edge-pi-1"
        login = (
            f'port = {broker.port}\ntls = true\nca_file = "files/edge-pi-1/ca.crt"\n'
            f'username = "edge-pi-1"\npassword_file = "{own}/broker.password"'
        )
        shipped = (ROOT / "config/edge.toml").read_text("utf-8")
        template.write_text(shipped.replace("port = 1883", login, 1), "utf-8")
        (tmp_path / "drugs.toml").write_bytes((ROOT / "config/drugs.toml").read_bytes())
        options = ("--dir", tmp_path, "--edge-config", config, "--template", template)
        files = broker.files / f"station-{DESK}"
        async with program("run", scenario(tmp_path), *options, "--desk-files", files) as process:
            await lines_until(process, "ann asks for observe (airway choking)")
            async with daemon(tmp_path, None, config=config):
                said = [line.strip() for line in await lines_until(process, "ann: observe:")]
                process.terminate()
                await process.wait()
    assert "ann: start-patient: done, c-17 at Bed 1, 70 kg" in said


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_people_of_a_scenario_ask_and_are_answered(tmp_path: Path) -> None:
    mine = scenario(tmp_path)
    config = tmp_path / "run" / "edge.toml"
    async with asyncio.timeout(LIMIT_S), Mosquitto(tmp_path) as broker:
        template = tmp_path / "edge.toml"
        shipped = (ROOT / "config/edge.toml").read_text("utf-8")
        template.write_text(shipped.replace("port = 1883", f"port = {broker.port}", 1), "utf-8")
        (tmp_path / "drugs.toml").write_bytes((ROOT / "config/drugs.toml").read_bytes())
        options = ("--dir", tmp_path, "--edge-config", config, "--template", template)
        async with program("run", mine, *options) as process:
            # What is due before the edge is there waits for it.
            await lines_until(process, "ann asks for observe (airway choking)")
            async with daemon(tmp_path, None, config=config):
                said = [line.strip() for line in await lines_until(process, "ann: observe:")]
                process.terminate()
                await process.wait()
    answers = [line for line in said if re.match(r"\S+: \S+: ", line)]
    assert answers[0] == "ann: start-patient: done, c-17 at Bed 1, 70 kg"
    assert answers[1].startswith("dr-c: order: done, revision 1: ")
    assert (
        answers[2]
        == "dr-c: confirm: refused: dr-c entered it: another person confirms, logged in with a name of their own"
    )
    assert answers[3].startswith("ann: confirm: done, revision 1 is in force")
    assert answers[4].startswith("ann: observe: done")
