"""A driver that nothing independent proves is named: in what is checked, and on the wire."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drivers import registry
from edge.check_config import report
from edge.config import load
from edge.config_file import Problem
from edge.core.effects import Roster, SelfCheck
from tests.contents import AT, DEVICE, wire
from tests.core_world import CONFIG, START_S, World
from tests.unit.config_files import APPROVED, CLINICAL, put

PUMP_PORT, MONITOR_PORT = "rack", "mon-1"


def warning(path: Path) -> Problem:
    reason = "bbraun-space is experimental: nothing independent proves its numbers"
    remedy = "hold each value and alarm against the device's own screen first (docs/devices.md)"
    return Problem(str(path), "port[0].driver", reason, remedy)


def test_in_clinical_mode_it_is_allowed_with_a_warning(tmp_path: Path) -> None:
    path = put(tmp_path, CLINICAL, APPROVED)
    assert load(path, tmp_path).warnings == (warning(path),)
    status, text = report(path, tmp_path)
    assert status == 0
    assert warning(path).message in text.partition("\nWarnings\n")[2]


def test_in_demo_mode_it_is_marked_and_not_warned_of(tmp_path: Path) -> None:
    path = put(tmp_path)
    assert load(path, tmp_path).warnings == ()
    _, text = report(path, tmp_path)
    assert "bbraun-space (experimental driver)" in text
    assert "ivy-450c (experimental driver)" not in text


@pytest.mark.parametrize("experimental", ["bbraun-space", "ivy-450c"])
def test_the_core_is_told_of_each_line_what_its_driver_says(
    experimental: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = registry.driver
    monkeypatch.setattr(registry, "driver", lambda name: replace(known(name), experimental=name == experimental))
    ports = load(put(tmp_path), tmp_path).core.ports
    assert {port.driver: port.experimental for port in ports} == {
        "bbraun-space": experimental == "bbraun-space",
        "ivy-450c": experimental == "ivy-450c",
    }


def test_the_roster_and_the_self_check_say_it_of_each_line() -> None:
    rack, *monitors = CONFIG.ports
    world = World(replace(CONFIG, ports=(replace(rack, experimental=True), *monitors)))
    world.run(START_S + 11)
    for told in (world.rosters[-1][1], world.self_checks[-1]):
        said = {device.port: device.experimental for device in told.devices}
        assert (said[PUMP_PORT], said[MONITOR_PORT]) == (True, False)


@pytest.mark.parametrize("experimental", [True, False])
def test_it_is_on_the_wire(experimental: bool) -> None:
    device = replace(DEVICE, experimental=experimental)
    for content in (Roster((), (device,)), SelfCheck(1, AT, (device,), (0, 0, 0))):
        payload = wire().encode(content, AT).payload
        body = json.loads(payload() if callable(payload) else payload)
        assert [one["experimental"] for one in body["devices"]] == [experimental]
