"""A driver of a device that its maker does not allow on people: for trying out, and refused on a ward."""

from __future__ import annotations

from pathlib import Path

from edge.config import load
from edge.config_file import Problem
from tests.unit.config_files import APPROVED, CLINICAL, EDGE, problems_of, put

SPACE = 'driver = "bbraun-space"'
LABORATORY = 'driver = "new-era-ne1000"'


def with_pump(text: str) -> str:
    return text.replace(SPACE, LABORATORY).replace('channel = "11"', 'channel = "0"')


def test_clinical_mode_refuses_a_pump_that_is_not_for_people(tmp_path: Path) -> None:
    path = put(tmp_path, with_pump(CLINICAL), APPROVED)
    assert problems_of(path, tmp_path) == (
        Problem(
            str(path),
            "port[0].driver",
            "new-era-ne1000 is for laboratories and animals: its maker does not allow the device on people",
            "use a pump that is made for patients",
        ),
    )


def test_demo_mode_takes_it(tmp_path: Path) -> None:
    configuration = load(put(tmp_path, with_pump(EDGE)), tmp_path)
    assert configuration.ports[0].driver.laboratory_only
