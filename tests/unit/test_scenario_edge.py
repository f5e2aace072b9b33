"""The configuration of the edge that matches a scenario: what it says, what is its template's, what it refuses."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from edge.check_config import report
from simulators import scenario
from simulators.scenario import load, names
from simulators.scenario_edge import HEADER, EdgeConfigError, write
from simulators.scenario_model import Scenario

ROOT = Path(__file__).parents[2]
TEMPLATE = """
mode = "clinical"
site = "ward-7"
edge = "pi-9"
library = "lib/my-drugs.toml"

[broker]
host = "broker.example"
port = 8883
username = "edge"
password_file = "secret"

[[station]]
id = "desk"
required = true

[store]
path = "edge.db"

[[port]]
id = "theirs"

[[bed]]
id = "theirs"

[standard_limits.spo2_low]
soft = "92 %"
words = "a \\"quoted\\" text, and a tab: \\t"
many = [1, true, "x", { a = 1 }]
"""
MINE = """
title = "t"
about = "a"
duration = "1 min"

[[bed]]
id = "bed-1"
label = 'The "first" bed'
cuff-interval = "90 s"

[[bed.device]]
id = "pump"
kind = "orchestra"
rate = "7 mL/h"

[[bed.device]]
id = "monitor"
kind = "dri"

[[bed.device]]
id = "oximeter"
kind = "masimo"

[[bed]]
id = "bed-2"

[[bed.device]]
id = "asena"
kind = "asena"
dose = "1 mg/kg/h"
concentration = "5 mg/mL"
order = { drug = "ketamine", step = "1 mg/kg/h", maximum = "1.5 mg/kg/h" }
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "config/lib").mkdir(parents=True)
    (tmp_path / "config/lib/my-drugs.toml").write_text("# the library\n", encoding="utf-8")
    path = tmp_path / "config/edge.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def mine() -> Scenario:
    return scenario.read("mine.toml", MINE.encode())


def test_ports_beds_and_orders_are_the_scenarios_and_the_rest_is_the_templates(template: Path, tmp_path: Path) -> None:
    out = tmp_path / "new/folder/edge.toml"
    write(mine(), out, template, tmp_path / "ports")
    assert (out.parent / "my-drugs.toml").read_text(encoding="utf-8") == "# the library\n"
    written = tomllib.loads(out.read_text(encoding="utf-8"))
    taken = tomllib.loads(TEMPLATE)
    assert written == {
        **taken,
        "mode": "demo",
        "library": "my-drugs.toml",
        "broker": {**taken["broker"], "password_file": str(tmp_path / "config/secret")},
        "port": [
            {"id": name, "path": str(tmp_path / "ports" / name), "driver": driver}
            for name, driver in (
                ("pump", "fresenius-orchestra"),
                ("monitor", "ge-dri"),
                ("oximeter", "masimo-ascii"),
                ("asena", "alaris-asena"),
            )
        ],
        "bed": [
            {
                "id": "bed-1",
                "label": 'The "first" bed',
                "vital_signs": ["heart_rate", "spo2", "respiratory_rate", "nibp"],
                "cuff_interval": "90 s",
                "pumps": [{"port": "pump", "channel": "1"}],
                "monitors": [
                    {"port": "monitor", "channel": "0"},
                    {"port": "oximeter", "channel": "0", "serial_number": "0000145840"},
                ],
            },
            {
                "id": "bed-2",
                "label": "bed-2",
                "vital_signs": [],
                "cuff_interval": "300 s",
                "pumps": [{"port": "asena", "channel": "0", "serial_number": "8002-51743"}],
                "monitors": [],
            },
        ],
        "demo_order": [
            {
                "bed": "bed-2",
                "port": "asena",
                "channel": "0",
                "drug": "ketamine",
                "concentration": "5 mg/mL",
                "weight": "70 kg",
                "step": "1 mg/kg/h",
                "maximum": "1.5 mg/kg/h",
            }
        ],
    }


@pytest.mark.parametrize("name", names())
def test_the_edge_accepts_what_is_written_for_a_shipped_scenario(name: str, tmp_path: Path) -> None:
    write(load(name), tmp_path / "edge.toml", ROOT / "config/edge.toml", tmp_path)
    status, table = report(tmp_path / "edge.toml", tmp_path)
    assert status == 0, table
    assert 'bed-1  "Bed 1"' in table
    ordered = any(pump.order is not None for pump in load(name).beds[0].pumps)
    assert ("order: ketamine-chronic-pain on bed-1-pump.11, 10 mg/mL, 70 kg" in table) is ordered


def test_a_scenario_without_orders_gives_a_file_without_them(template: Path, tmp_path: Path) -> None:
    plain = scenario.read("mine.toml", "\n".join(line for line in MINE.splitlines() if "order" not in line).encode())
    write(plain, tmp_path / "edge.toml", template, tmp_path)
    assert tomllib.loads((tmp_path / "edge.toml").read_text(encoding="utf-8"))["demo_order"] == []


def test_its_own_file_is_written_anew_and_somebody_elses_is_not_touched(template: Path, tmp_path: Path) -> None:
    out = tmp_path / "edge.toml"
    write(load("quiet-ward"), out, template, tmp_path)
    write(mine(), out, template, tmp_path)
    assert out.read_text(encoding="utf-8").startswith(HEADER)
    assert '"asena"' in out.read_text(encoding="utf-8")
    theirs = template.read_bytes()
    with pytest.raises(
        EdgeConfigError, match=r"edge.toml is there and was not written by infusion-sim; choose another"
    ):
        write(mine(), template, template, tmp_path)
    assert template.read_bytes() == theirs
    assert not (template.parent / "my-drugs.toml").exists()


def test_another_drug_library_is_not_overwritten(template: Path, tmp_path: Path) -> None:
    (tmp_path / "my-drugs.toml").write_text("# theirs\n", encoding="utf-8")
    with pytest.raises(EdgeConfigError, match=r"my-drugs.toml is another drug library; choose another folder"):
        write(mine(), tmp_path / "edge.toml", template, tmp_path)
    assert (tmp_path / "my-drugs.toml").read_text(encoding="utf-8") == "# theirs\n"
    assert not (tmp_path / "edge.toml").exists()
    with pytest.raises(EdgeConfigError, match="is the name of the drug library; choose another name"):
        write(mine(), tmp_path / "x/my-drugs.toml", template, tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            None,
            r"config/edge.toml cannot be read: No such file or directory; run this in the project's folder, or name",
        ),
        ("mode =", r"edge.toml is not TOML: .*; name a configuration of the edge"),
        ('mode = "demo"', r"edge.toml: library is missing; name a configuration of the edge"),
        ('library = "nowhere.toml"', r"nowhere.toml: No such file or directory; "),
    ],
)
def test_a_template_that_is_none_is_told(template: Path, tmp_path: Path, text: str | None, told: str) -> None:
    if text is None:
        template.unlink()
    else:
        template.write_text(text, encoding="utf-8")
    with pytest.raises(EdgeConfigError, match=told):
        write(mine(), tmp_path / "edge.toml", template, tmp_path)


def test_a_folder_that_cannot_be_made_is_told(template: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EdgeConfigError, match="choose a folder that can be written"):
        write(mine(), tmp_path / "file/edge.toml", template, tmp_path)
