"""Every driver under every fault (`matrix.py`): a test a cell, and the page that tells of them."""

from __future__ import annotations

import pytest

from drivers import registry
from drivers.model import DeviceKind, IdentitySupport, Integrity
from tests.conformance.matrix import PAGE, Cell, as_links, page, play, recovery_limit_s
from tests.conformance.matrix_cases import case
from tests.conformance.matrix_faults import FAULTS, LINK, Fault

NAMES = registry.names()
LATCHED = {"DEVICE_IDENTITY_CHANGED"}
"""It stands until somebody has seen it."""


def told() -> dict[tuple[str, str], str]:
    """The cells of the page."""
    cells: dict[tuple[str, str], str] = {}
    names: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        first, *rest = [text.strip() for text in line.strip("|").split("|")]
        if first == "fault":
            names = [text.strip("`") for text in rest]
        elif line.startswith("| ") and len(rest) == len(names):
            cells |= {(first, name): text for name, text in zip(names, rest, strict=True)}
    return cells


TOLD = told()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("name", NAMES)
def test_a_driver_under_a_fault(name: str, fault: Fault) -> None:
    one = case(name)
    cell = play(fault, one)
    assert TOLD[fault.name, name] == cell.text, "run: python -m tests.conformance.matrix --write"
    if cell.cannot:
        return
    assert cell.samples > 0
    assert cell.refused == 0 or fault.name == "baud mismatch"
    if not (one.driver.integrity is Integrity.NONE and cell.note == "digits"):
        assert cell.false == ()
    assert cell.recovery_s is not None
    assert cell.recovery_s <= recovery_limit_s(name)
    # Without a serial number no gap of a counter is bridged: what was given meanwhile stays uncertain.
    unsure = {"DOSE_UNCERTAIN"} if one.driver.identity is IdentitySupport.PORT_ONLY else set()
    must, came = fault.must(one), as_links(cell.alarms) - unsure
    if not must:
        assert came <= {"LINE_ERRORS"} if fault.play is not None else not came
    else:
        assert came & set(must)
    assert cell.left <= LATCHED | unsure


def test_the_page_tells_the_same_of_everything_else() -> None:
    cells = {
        (fault.name, name): Cell(cannot=fault.cannot(case(name)), note=fault.note(case(name)))
        for fault in FAULTS
        for name in NAMES
    }
    rows = ("| ", "|---")
    said, made = (
        [line for line in text.splitlines() if not line.startswith(rows)]
        for text in (PAGE.read_text(encoding="utf-8"), page(cells))
    )
    assert said == made


def test_each_driver_has_its_column_and_each_fault_its_row() -> None:
    assert {name for _, name in TOLD} == set(NAMES)
    assert {fault for fault, _ in TOLD} == {fault.name for fault in FAULTS} | {"back within"}


def test_a_lost_link_is_asked_for_wherever_nothing_can_be_heard() -> None:
    """The table of what must come is not laxer than it looks."""
    for fault in FAULTS:
        if fault.name in ("reboot", "mute", "unplug", "replug elsewhere", "baud mismatch"):
            assert all(LINK in fault.must(case(name)) for name in NAMES)
    kinds = {name: registry.driver(name).kind for name in NAMES}
    off = next(fault for fault in FAULTS if fault.name == "sensor off")
    assert {name for name in NAMES if off.cannot(case(name))} == {
        name for name, kind in kinds.items() if kind is DeviceKind.PUMP
    }
