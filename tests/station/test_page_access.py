"""The page for everybody: axe, targets for gloves, contrast of alarms, small screens, a printed page, a long shift."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.station.conftest import Ward, until
from tests.station.test_page_alarms import DOSE, Open

MM_15 = 15 / 25.4 * 96
"""What 15 mm are in CSS pixels, as browsers reckon them."""


def violations(page: Page) -> str:
    """What axe finds, a line each; empty if nothing."""
    found = Axe().run(page).response["violations"]
    where = "{target} {failureSummary}"
    return "\n".join(f"{one['id']}: {[where.format(**node) for node in one['nodes']][:2]}" for one in found)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("place", ["", "#/bed/pi-1/bed-2", "#/bed/pi-1/bed-2/report"])
def test_axe_finds_nothing(open_page: Open, ward: Ward, theme: str, place: str) -> None:
    page = open_page(place)
    ward.do(lambda scene: scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", **DOSE))
    ward.do(lambda scene: scene.alarm("bed-3", "HR_HIGH"))
    ward.do(lambda scene: scene.alarm("bed-1", "NIBP_OVERDUE", priority="low"))
    if theme == "light":
        page.get_by_role("button", name="Light or dark").click()
    expect(page.locator(".list .alarm")).to_have_count(3)
    # Flashing colours are looked at in the phase in which they are shown.
    page.evaluate("document.getAnimations().forEach((one) => { one.pause(); one.currentTime = 0; })")
    assert violations(page) == ""


@pytest.mark.parametrize("button", ["Round …", "Change the order …", "Close the therapy …"])
def test_axe_finds_nothing_in_what_opens_over_the_beds(open_page: Open, ward: Ward, button: str) -> None:
    page = open_page("#/bed/pi-1/bed-2")
    page.get_by_role("button", name=button).click()
    assert violations(page) == ""


def test_what_is_open_over_the_beds_never_covers_the_alarms(open_page: Open, ward: Ward) -> None:
    page = open_page("#/bed/pi-1/bed-2")
    page.get_by_role("button", name="Change the order …").click()
    ward.do(lambda scene: scene.alarm("bed-3", "HR_HIGH"))
    page.locator(".list .take").click()
    expect(page.locator(".list .notes")).to_contain_text("has taken it")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_every_button_takes_a_gloved_finger(open_page: Open, ward: Ward) -> None:
    page = open_page("#/bed/pi-1/bed-2")
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    expect(page.locator(".list .take")).to_be_visible()
    small = page.evaluate(
        """(least) => [...document.querySelectorAll("button, a.button")].filter((node) => {
            const { width, height } = node.getBoundingClientRect();
            return height < least || width < least;
        }).map((node) => node.textContent)""",
        MM_15 - 1,
    )
    assert small == []


def test_a_screen_reader_is_told_of_an_alarm_once(open_page: Open, ward: Ward) -> None:
    page = open_page()
    live = page.locator(".spoken")
    expect(live).to_have_attribute("aria-live", "assertive")
    ward.do(lambda scene: scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", **DOSE))
    expect(live).to_have_text("Medium: Bed 2: Ketamine, chronic pain 2.60 mg/kg/h, above the soft limit 2.5 mg/kg/h.")


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 800), (820, 1180)])
def test_nothing_runs_out_of_the_window(open_page: Open, ward: Ward, size: tuple[int, int]) -> None:
    page = open_page()
    ward.do(lambda scene: scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", **DOSE))
    page.set_viewport_size({"width": size[0], "height": size[1]})
    expect(page.locator(".list .take")).to_be_in_viewport()
    for place in ("#/", "#/bed/pi-1/bed-2"):
        page.evaluate(f"location.hash = '{place}'")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wide = page.evaluate(
            """[...document.querySelectorAll(".tile *, .alarm *, .bed-head *")].filter(
                (node) => node.getBoundingClientRect().right > innerWidth + 1).length"""
        )
        assert wide == 0


def test_the_figures_that_are_read_from_afar_are_large(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.set_viewport_size({"width": 1920, "height": 1080})
    names = [".tile h2", ".tile .rate .number", ".tile .vital .number", ".verdict"]
    for name in names:
        expect(page.locator(name).first).to_be_visible()
    sizes = page.evaluate(
        """(names) => Object.fromEntries(names.map(
            (one) => [one, parseFloat(getComputedStyle(document.querySelector(one)).fontSize)]))""",
        names,
    )
    assert sizes[".tile h2"] >= 48
    assert sizes[".tile .rate .number"] >= 90
    assert sizes[".tile .vital .number"] >= 44
    assert sizes[".verdict"] >= 40


_LOOKS = """([bed, dark]) => {
    for (const name of ["high", "medium"]) document.documentElement.toggleAttribute(`data-${name}-dark`, dark);
    const tile = document.querySelector(`.tile[data-bed="pi-1/${bed}"]`);
    const sign = getComputedStyle(tile.querySelector(":scope > header > .sign"));
    const {borderTopColor: frame, boxShadow: ring} = getComputedStyle(tile);
    return {frame, ring, sign: sign.backgroundColor};
}"""


def test_priority_is_told_by_colour_shape_sign_and_flash(open_page: Open, ward: Ward) -> None:
    page = open_page()
    told = (("bed-1", "high", "!!!"), ("bed-2", "medium", "!!"), ("bed-3", "low", "!"))
    for bed, priority, _ in told:
        ward.do(lambda scene, bed=bed, priority=priority: scene.alarm(bed, "HR_HIGH", priority=priority))  # type: ignore[misc]
    for bed, priority, sign in told:
        tile = page.locator(f".tile[data-bed='pi-1/{bed}']")
        expect(tile).to_have_class(re.compile(rf"\b{priority}\b"))
        expect(tile.locator("> header > .sign")).to_have_text(sign)
        lit, dark = page.evaluate(_LOOKS, [bed, False]), page.evaluate(_LOOKS, [bed, True])
        differ = [name for name in lit if lit[name] != dark[name]]
        assert differ == ([] if priority == "low" else ["frame", "ring", "sign"])


def test_all_flash_at_the_pace_of_their_priority(context: BrowserContext, ward: Ward) -> None:
    page = context.new_page()
    page.clock.install()
    page.goto(ward.url)
    page.evaluate(
        """async () => {
            globalThis.turns = {"data-high-dark": 0, "data-medium-dark": 0};
            const {flash} = await import("/static/flash.js");
            flash({toggleAttribute: (name) => { turns[name] += 1; }});
        }"""
    )
    page.clock.run_for(10_000)
    assert page.evaluate("turns") == {"data-high-dark": 40, "data-medium-dark": 12}


def test_the_page_flashes(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.do(lambda scene: scene.alarm("bed-1", "HR_HIGH", priority="high"))
    expect(page.locator(".tile[data-bed='pi-1/bed-1']")).to_have_class(re.compile(r"\bhigh\b"))
    for name in ("data-high-dark", "data-medium-dark"):
        for _ in range(2):
            expect(page.locator(f":root[{name}]")).to_have_count(1)
            expect(page.locator(f":root:not([{name}])")).to_have_count(1)


def test_no_third_party_is_asked_and_the_policy_is_kept(open_page: Open, context: BrowserContext, ward: Ward) -> None:
    asked: list[str] = []
    said: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: said.append(message.text))
    page = open_page("#/bed/pi-1/bed-2")
    page.get_by_role("button", name="Round …").click()
    until(page, lambda: any("/static/i18n/en.json" in url for url in asked))
    assert {url.split("/")[2] for url in asked} == {ward.url.split("/")[2]}
    assert [text for text in said if "Content Security Policy" in text] == []


def test_what_an_edge_says_is_text_and_never_markup(open_page: Open, ward: Ward) -> None:
    page = open_page()
    evil = "<img src=x onerror=globalThis.hurt=1><script>globalThis.hurt=1</script>"
    ward.do(
        lambda scene: scene.alarm("bed-2", "HR_HIGH", text=evil, action=evil, evidence={"arithmetic": evil, evil: evil})
    )
    page.evaluate("location.hash = '#/bed/pi-1/bed-2'")
    expect(page.locator(".why .arithmetic")).to_contain_text("<img src=x")
    assert page.evaluate("[globalThis.hurt, document.querySelectorAll('#app img, #app script').length]") == [None, 0]


SHIFT = """async ({ steps, alarm, snapshot, every }) => {
    const edge = "pi-1";
    const { bed: where, key, run } = alarm;
    for (let n = 0; n < steps; n += 1) {
        const mono = snapshot.at.mono_s + n * every;
        const at = { ...snapshot.at, mono_s: mono };
        for (const bed of ["bed-1", "bed-2", "bed-3", "bed-4"]) {
            station.take("bed", { edge, bed, taken_at_s: mono, snapshot: { ...snapshot, bed, at } });
        }
        const occurrence = `${run}-${1000 + n - (n % 20)}`;
        if (n % 20 === 0) station.take("alarm", { edge, alarm: { ...alarm, occurrence } });
        if (n % 20 === 10) station.take("alarm_gone", { edge, bed: where, key, occurrence });
        station.changed();
        station.paint();
    }
}"""


def test_a_shift_of_twelve_hours_grows_neither_memory_nor_nodes(
    open_page: Open, context: BrowserContext, ward: Ward
) -> None:
    page = open_page("#/bed/pi-1/bed-2")
    alarm = ward.do(lambda scene: scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", **DOSE))
    until(page, lambda: bool(page.evaluate("station.ward.alarms.size")))
    ward.scene.alive = False
    snapshot = page.evaluate("station.ward.beds.get('pi-1/bed-2').snapshot")
    tools = context.new_cdp_session(page)
    tools.send("Performance.enable")

    def measured() -> dict[str, float]:
        # What is reachable stays in each; one collection alone may leave a megabyte of what is not.
        found = []
        for _ in range(4):
            tools.send("HeapProfiler.collectGarbage")
            page.wait_for_timeout(50)
            found.append({one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]})
        return {name: min(one[name] for one in found) for name in ("JSHeapUsedSize", "Nodes", "JSEventListeners")}

    told = {"alarm": alarm, "snapshot": snapshot, "every": 30.0}
    # The first hours fill what is kept of the last one.
    page.evaluate(SHIFT, {**told, "steps": 480})
    first = measured()
    later = json.loads(json.dumps(snapshot))
    later["at"]["mono_s"] += 480 * 30.0
    page.evaluate(SHIFT, {**told, "snapshot": later, "steps": 960})
    last = measured()
    assert last["JSHeapUsedSize"] < first["JSHeapUsedSize"] * 1.1 + 500_000
    assert last["Nodes"] < first["Nodes"] * 1.1 + 50
    assert last["JSEventListeners"] < first["JSEventListeners"] * 1.1 + 20
