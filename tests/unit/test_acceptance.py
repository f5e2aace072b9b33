"""What `map` makes of a bed: who is bound, whether the bed is accepted, and what the sheet says."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.acceptance import _faults
from edge.acceptance_sheet import Device, Sheet, written
from tests.core_world import START_S, instant

PUMP = Device(
    "pump", "bed-1-pump", "11", "/dev/infusion/bed-1-pump", "A50285BI", ("/dev/serial/by-path/x",), "bbraun-space",
    experimental=True, link="up", model="Perfusor Space", serial_number="012345", identity="confirmed",
)  # fmt: skip
MONITOR = replace(PUMP, role="monitor", port="bed-1-monitor", channel="0", serial_number="", model="", identity="none")
WELL = ({"check": "disk", "level": "ok", "text": "well", "remedy": ""},)
SHEET = Sheet(
    made=instant(START_S), site="north", edge="pi-1", bed="bed-1", label="Bed <1>", program="0.1.0",
    devices=(PUMP, MONITOR), files=(("/etc/infusion-edge/drugs.toml", "ab" * 32),), limits=("HR_HIGH above 120 /min",),
    checks=(("ok", "disk", "well", ""), ("warning", "clock", "not synchronised", "plug the network in")),
    standing=("low edge: the clock is not synchronised",), station="ward-desk", seen=True, faults=(),
)  # fmt: skip


def fault(check: str, text: str = "bad") -> dict[str, Any]:
    return {"check": check, "level": "error", "text": text, "remedy": "mend it"}


FAULTS: dict[str, tuple[Callable[[], tuple[Any, Any, bool]], list[str]]] = {
    "all is well": (lambda: ((PUMP, MONITOR), WELL, True), []),
    "a line is down": (
        lambda: ((replace(PUMP, link="down"),), WELL, True),
        ["pump at bed-1-pump channel 11: the line is down"],
    ),
    "not heard at all": (
        lambda: ((replace(PUMP, link="not heard"),), WELL, True),
        ["pump at bed-1-pump channel 11: the line is not heard"],
    ),
    **{
        f"who answers is {state}": (
            lambda state=state: ((replace(PUMP, identity=state),), WELL, True),  # type: ignore[misc]
            [f"pump at bed-1-pump channel 11: who answers is {state}"],
        )
        for state in ("unconfirmed", "changed", "awaited")
    },
    "nobody saw the alarm": (lambda: ((PUMP,), WELL, False), ["nobody has seen the test alarm at the station"]),
    "an error of this computer": (lambda: ((PUMP,), (*WELL, fault("disk")), True), ["disk: bad"]),
    "an error of this bed's line": (lambda: ((PUMP,), (fault("line bed-1-pump"),), True), ["line bed-1-pump: bad"]),
    "an error of another bed's line": (lambda: ((PUMP,), (fault("line bed-2-pump"),), True), []),
}


@pytest.mark.parametrize(("given", "faults"), FAULTS.values(), ids=FAULTS)
def test_a_bed_is_accepted_only_where_nothing_is_wrong_with_it(
    given: Callable[[], tuple[Any, Any, bool]], faults: list[str]
) -> None:
    devices, rows, seen = given()
    assert list(_faults(devices, rows, seen=seen)) == faults


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_sheet_has_what_is_signed() -> None:
    page = written(SHEET, html.escape)
    said = " ".join(text_of(page).split())
    for part in (
        "Acceptance of Bed <1> (bed-1)",
        "Edge pi-1 at site north, infusion-edge 0.1.0",
        "ACCEPTED",
        "pump, bbraun-space (experimental) bed-1-pump channel 11: /dev/infusion/bed-1-pump",
        "A50285BI; /dev/serial/by-path/x up Perfusor Space 012345 confirmed",
        "tells none none",
        "seen and heard at the station by a person; shown by a page of ward-desk (its receipt)",
        f"/etc/infusion-edge/drugs.toml {'ab' * 32}",
        "HR_HIGH above 120 /min",
        "1 of 2 are well. what found remedy warning clock not synchronised plug the network in",
        "low edge: the clock is not synchronised",
        "Technician",
        "Nurse of the ward",
    ):
        assert part in said
    assert "NOT ACCEPTED" not in said
    # What a device says of itself cannot become part of the page.
    assert "<1>" not in page
    assert written(replace(SHEET, devices=(replace(PUMP, model="<script>"),)), html.escape).count("<script") == 0


def test_the_sheet_says_what_is_not_good() -> None:
    bad = replace(SHEET, faults=("nobody has seen the test alarm at the station",), seen=False, station="", standing=())
    said = " ".join(text_of(written(bad, html.escape)).split())
    assert "NOT ACCEPTED - nobody has seen the test alarm at the station" in said
    assert "NOT seen by a person; no receipt of a page" in said
    assert "Alarms that stand - none" in said
    unsure = replace(SHEET, made=replace(SHEET.made, synchronised=False))
    assert "(the clock was not synchronised)" in text_of(written(unsure, html.escape))
