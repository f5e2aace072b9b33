"""The overview as a wall screen: nobody scrolls there, so all of a ward is seen, read from afar, or counted aloud."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.station.conftest import Ward, until
from tests.station.scene import Bed, Scene
from tests.station.test_page_alarms import DOSE, Open

WALL = {"width": 1920, "height": 1080}
TABLET = {"width": 1024, "height": 768}
ARC_16_PX = 67
"""16 minutes of arc at 4 m on 24 inches with 1080 lines, 0.277 mm each: the least height of ISO 9241-303."""

LONG = "Bed 2: the device says something that is longer than any tile has room for, word after word, on and on and on."


async def fill(scene: Scene, count: int) -> None:
    """So many beds; the second has four alarms, the third one in many words, the last a low one that was taken."""
    await scene.clear_all()
    scene.beds = {f"bed-{n}": Bed(f"bed-{n}", f"Bed {n}") for n in range(1, count + 1)}
    await scene.say_all()
    taken: dict[str, Any] = {"priority": "low", "signal": "acknowledged", "audible": False}
    await scene.alarm(f"bed-{count}", "NIBP_OVERDUE", **taken)
    if count > 1:
        await scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", ago_s=95.0, **DOSE)
        await scene.alarm("bed-2", "SPO2_LOW", text="Bed 2: SpO2 86 %, below the hard limit 88 %.")
        await scene.alarm("bed-2", "RR_LOW", priority="medium", text="Bed 2: breathing 6 /min.")
        await scene.alarm("bed-2", "NIBP_OVERDUE", priority="low", text="Bed 2: no cuff pressure for 9 min.")
    if count > 3:
        await scene.alarm("bed-3", "DEVICE_UNKNOWN.bed-3-pump.11", priority="medium", text=LONG)


_LIT_AND_DARK = """(node) => [false, true].map((dark) => {
    document.documentElement.toggleAttribute("data-high-dark", dark);
    return getComputedStyle(node).backgroundColor;
})"""

LOOK = """() => {
    const high = (node) => node.scrollHeight - node.clientHeight;
    const wide = (node) => node.scrollWidth - node.clientWidth;
    const page = document.documentElement;
    const tiles = [...document.querySelectorAll(".tile")];
    const told = (tile) => ({
        bed: tile.dataset.bed.split("/")[1],
        sign: tile.querySelector("header .sign")?.textContent ?? "",
        lines: tile.querySelectorAll(".alarms li").length,
        more: Number(tile.querySelector("header .more")?.textContent ?? 0),
    });
    return {
        scrolls: Math.max(high(document.querySelector(".tiles")), high(page), wide(page)),
        beyond: document.querySelectorAll(".beyond").length,
        outside: tiles.filter((tile) => tile.getBoundingClientRect().bottom > innerHeight).length,
        cut: tiles.filter((tile) => high(tile) > 1 || wide(tile) > 1).map((tile) => tile.dataset.bed),
        lists: [...document.querySelectorAll(".tile .alarms")].filter((list) => high(list) > 2).length,
        names: [...document.querySelectorAll(".tile h2")].filter((name) => wide(name) > 1).length,
        signs: tiles.map(told).filter((tile) => tile.sign),
    };
}"""
FITS = {"scrolls": 0, "beyond": 0, "outside": 0, "cut": [], "lists": 0, "names": 0}


def looked(page: Page, ward: Ward, count: int) -> dict[str, Any]:
    """What is seen of so many beds, once all of it is painted."""
    ward.do(lambda scene: fill(scene, count))
    alarms = min(6, 1 + 4 * (count > 1) + (count > 3))
    until(
        page,
        lambda: bool(
            page.evaluate("station.ward.beds.size") == count and page.evaluate("station.items.length") == alarms
        ),
    )
    painted = page.evaluate("station.painted")
    until(page, lambda: bool(page.evaluate("station.painted") > painted + 1))
    found: dict[str, Any] = page.evaluate(LOOK)
    return found


@pytest.mark.parametrize("silent", [False, True], ids=["sound", "no sound"])
def test_a_ward_of_up_to_sixteen_beds_is_on_one_screen_with_every_alarm_told_or_counted(
    open_page: Open, ward: Ward, *, silent: bool
) -> None:
    page = open_page(touched=not silent)
    if silent:
        expect(page.locator(".banner.sound")).to_be_visible()
    for count, size in ((1, WALL), (4, WALL), (8, WALL), (12, WALL), (16, WALL), (12, {"width": 1280, "height": 800})):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        found = looked(page, ward, count)
        signs = {one.pop("bed"): one for one in found.pop("signs")}
        assert found == FITS, (count, size)
        assert signs.pop(f"bed-{count}") == {"sign": "!", "lines": 1, "more": 0}
        if count > 1:
            second = signs.pop("bed-2")
            assert (second["sign"], second["lines"] + second["more"]) == ("!!!", 4), (count, size)
        if count > 3:
            assert signs.pop("bed-3") == {"sign": "!!", "lines": 1, "more": 0}
        assert signs == {}
    expect(page.locator(".list .words, .list .line").filter(has_text="on and on and on")).to_have_count(1)


CAPS = """() => {
    const pen = document.createElement("canvas").getContext("2d");
    const caps = (selector, text) => {
        const style = getComputedStyle(document.querySelector(selector));
        pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
        return pen.measureText(text).actualBoundingBoxAscent;
    };
    return {
        dose: caps(".tile .rate .number", "0"), name: caps(".tile h2", "B"), sign: caps(".tile header .sign", "!"),
        vital: caps(".tile .vital .number", "0"), line: caps(".tile .alarms li .line", "B"),
    };
}"""


@pytest.mark.parametrize(
    ("count", "least"),
    [
        (4, {"dose": ARC_16_PX, "name": ARC_16_PX, "sign": ARC_16_PX, "vital": 41, "line": 17}),
        (12, {"dose": ARC_16_PX, "name": 34, "sign": 34, "vital": 25, "line": 14}),
    ],
)
def test_what_is_read_at_four_metres_is_as_high_as_the_standard_asks(
    open_page: Open, ward: Ward, count: int, least: dict[str, float]
) -> None:
    page = open_page()
    page.set_viewport_size(WALL)  # type: ignore[arg-type]
    looked(page, ward, count)
    found = page.evaluate(CAPS)
    assert {name: height for name, height in found.items() if height < least[name]} == {}, found


def test_the_verdict_names_the_beds_in_trouble(open_page: Open, ward: Ward) -> None:
    page = open_page()
    looked(page, ward, 8)
    expect(page.locator(".verdict .who")).to_have_text("Bed 2, Bed 3")
    expect(page.locator(".verdict .count")).to_have_text("6 alarms \N{MIDDLE DOT} 1 taken")
    for bed in ("bed-5", "bed-6"):
        ward.do(lambda scene, bed=bed: scene.alarm(bed, "HR_HIGH"))  # type: ignore[misc]
    expect(page.locator(".verdict .who")).to_have_text(re.compile(r"^Bed [256], Bed [256], Bed [256] \+1$"))


def test_pumps_without_room_are_counted_behind_those_with_an_alarm_and_those_that_run(
    open_page: Open, ward: Ward
) -> None:
    page = open_page()
    page.set_viewport_size(WALL)  # type: ignore[arg-type]
    looked(page, ward, 12)
    ward.scene.beds["bed-4"].live = False
    page.evaluate(
        """() => {
            const { snapshot } = station.ward.beds.get("pi-1/bed-4");
            const [pump] = snapshot.channels;
            const state = (channel) => (channel === "5" ? "infusing" : "paused");
            const channels = ["1", "2", "3", "4", "5"].map((one) => ({ ...pump, channel: one, state: state(one) }));
            const told = { ...snapshot, valid_for_s: 60, channels };
            station.take("bed", { edge: "pi-1", bed: "bed-4", snapshot: told });
        }"""
    )
    tile = page.locator(".tile[data-bed='pi-1/bed-4']")
    expect(tile.locator(".channels > .more")).to_have_text(re.compile(r"^and [34] more pumps$"))
    expect(tile.locator(".dose .state").first).to_have_text("runs")
    assert tile.evaluate("node => node.scrollHeight - node.clientHeight") <= 2


def test_beds_below_the_edge_are_counted_by_their_worst_alarm(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.set_viewport_size(WALL)  # type: ignore[arg-type]
    looked(page, ward, 30)
    below = page.locator(".beyond .notice")
    expect(below).to_have_text("▼!5 beds below · 1 with alarms")
    expect(below).to_have_class("notice low quiet")
    ward.do(lambda scene: scene.alarm("bed-29", "HR_HIGH"))
    expect(below).to_have_text("▼!!!5 beds below · 2 with alarms")
    expect(below).to_have_class("notice high")
    lit, dark = below.evaluate(_LIT_AND_DARK)
    assert lit != dark
    below.click()
    expect(page.locator(".tile[data-bed='pi-1/bed-29']")).to_be_in_viewport(ratio=1)
    expect(below).to_have_text(re.compile(r"^▲!!!\d+ beds above · 2 with alarms$"))


def test_a_tablet_says_at_its_lower_edge_what_is_to_be_scrolled_to(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.set_viewport_size(TABLET)  # type: ignore[arg-type]
    looked(page, ward, 12)
    below = page.locator(".beyond .notice")
    expect(below).to_have_text("▼!!!12 beds below · 3 with alarms")
    expect(below).to_be_in_viewport(ratio=1)
    below.click()
    expect(page.locator(".tile[data-bed='pi-1/bed-2'] header .sign")).to_be_in_viewport(ratio=1)
    assert json.loads(page.evaluate("JSON.stringify(station.fit.beyond.above)")) is None
