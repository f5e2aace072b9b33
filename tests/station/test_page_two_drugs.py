"""Two drugs at one bed, in different units: each figure, needle, trend and step on its own scale (H-05, H-37)."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.station.conftest import Ward, until
from tests.station.scene import Scene, limit, metric
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED, asked, log_in_first

KETAMINE = {"port": "bed-2-pump", "channel": "11"}
REMIFENTANIL = {"port": "bed-2-pump", "channel": "12"}


def order(place: dict[str, str], drug: str, step: str, unit: str, shown: dict[str, str]) -> dict[str, Any]:
    return {
        **place, "drug": drug, "concentration_mg_per_ml": "10", "weight_kg": "70", "step_mg_per_kg_per_h": step,
        "maximum_mg_per_kg_per_h": step, "origin": "ordered by desk:ola", "rev": 3, "by": "desk:ola",
        "confirmed_by": "desk:kari", "dosing_unit": unit, "shown": shown,
    }  # fmt: skip


ORDERS = [
    order(KETAMINE, "ketamine-chronic-pain", "1.0", "mg/kg/h", {"step": "1.0 mg/kg/h", "maximum": "2.0 mg/kg/h"}),
    order(REMIFENTANIL, "remifentanil-spontaneous", "0.0030", "ug/kg/min",
          {"step": "0.05 ug/kg/min", "maximum": "0.2 ug/kg/min"}),
]  # fmt: skip
LIMITS = [
    {**limit("DOSE_RATE_HIGH", "soft", "high", "2.0", "mg/kg/h"), **KETAMINE, "shown": "2.0 mg/kg/h"},
    {**limit("DOSE_RATE_HIGH", "hard", "high", "2.5", "mg/kg/h"), **KETAMINE, "shown": "2.5 mg/kg/h"},
    {**limit("DOSE_RATE_HIGH", "soft", "high", "0.006", "mg/kg/h"), **REMIFENTANIL, "shown": "0.1 ug/kg/min"},
    {**limit("DOSE_RATE_HIGH", "hard", "high", "0.012", "mg/kg/h"), **REMIFENTANIL, "shown": "0.2 ug/kg/min"},
]


async def two_drugs(scene: Scene, *, turned: bool = False) -> None:
    """Ketamine in mg/kg/h and remifentanil in ug/kg/min; ``turned``: the order of remifentanil stands first."""
    bed = scene.beds["bed-2"]
    other = [metric("dose_rate_mg_per_kg_per_h", "0.004500", "mg/kg/h"), metric("dose_rate", "0.075000", "ug/kg/min")]
    channel = {**REMIFENTANIL, "link": "up", "state": "infusing", "drug": "remifentanil-spontaneous"}
    bed.channels_more = [{**channel, "dosing_unit": "ug/kg/min", "metrics": other}]
    bed.therapy_more = {"orders": ORDERS[::-1] if turned else ORDERS, "limits": LIMITS}
    await scene.say_therapy(bed)
    await scene.say_snapshot(bed)


def lanes(page: Page) -> list[str]:
    """The texts of the lanes of doses, each with where its line ends, in tenths of its height."""
    found: list[str] = page.locator(".chart .lane.dose").evaluate_all(
        """(lanes) => lanes.map((lane) => {
            const ground = lane.querySelector(".ground").getBBox();
            const y = Number(/([\\d.]+)$/.exec(lane.querySelector("path.line").getAttribute("d"))?.[1]);
            const at = Math.round((10 * (ground.y + ground.height - y)) / ground.height);
            return [...lane.querySelectorAll("text")].map((one) => one.textContent).join(" | ") + ` | at ${at}`;
        })"""
    )
    return found


@pytest.mark.parametrize("turned", [False, True])
def test_each_drug_has_a_lane_with_its_own_unit_scale_and_limits(open_page: Open, ward: Ward, *, turned: bool) -> None:
    ward.do(lambda scene: two_drugs(scene, turned=turned))
    page = open_page(BED)
    expect(page.locator(".chart .lane.dose")).to_have_count(2)
    until(page, lambda: not any("NaN" in one for one in lanes(page)))
    assert lanes(page) == [
        "Dose | mg/kg/h | Ketamine, chronic pain (bed-2-pump.11) | 2 | 2.5 | at 4",
        "Dose | ug/kg/min | remifentanil spontaneous (bed-2-pump.12) | 0.1 | at 7",
    ]


def test_a_step_and_a_bolus_stand_in_the_lane_of_their_drug_and_in_its_unit(open_page: Open, ward: Ward) -> None:
    done = {"by": "desk:kari", "result": "done", "bed": "bed-2"}
    ward.scene.events[:] = [
        (1200.0, "request", {**done, **REMIFENTANIL, "verb": "step", "step_mg_per_kg_per_h": "0.0045"}),
        (1800.0, "request", {**done, **KETAMINE, "verb": "step", "step_mg_per_kg_per_h": "1.0"}),
        (2400.0, "bolus", {**KETAMINE, "bed": "bed-2", "volume_ml": "1.0"}),
        (2700.0, "request", {**done, "verb": "step", "step_mg_per_kg_per_h": "0.5"}),
    ]
    ward.do(two_drugs)
    page = open_page(BED)
    tops = page.locator(".chart .lane.dose .ground").evaluate_all("(all) => all.map((one) => one.getAttribute('y'))")
    found = page.locator(".chart .given > g")
    expect(found).to_have_count(5)
    told = found.evaluate_all(
        """(all) => all.map((one) => [one.getAttribute("class"), one.querySelector("text")?.textContent ?? "",
            one.getAttribute("transform").replace(/^.* |\\)$/g, "")])"""
    )
    unknown = [["step", "", top] for top in tops]
    assert told == [["step", "0.075", tops[1]], ["step", "1", tops[0]], ["bolus", "", tops[0]], *unknown]


def test_the_tile_and_the_bed_have_a_figure_and_a_needle_for_each_drug(open_page: Open, ward: Ward) -> None:
    ward.do(two_drugs)
    page = open_page()
    for place in (".tile[data-bed='pi-1/bed-2']", ".now-large"):
        doses = page.locator(f"{place} section.dose")
        expect(doses).to_have_count(2)
        expect(doses.nth(0).locator(".rate")).to_have_text(re.compile(r"1\.00mg/kg/h"))
        expect(doses.nth(1).locator(".rate")).to_have_text(re.compile(r"0\.0750ug/kg/min"))
        needles = [doses.nth(n).locator(".gauge").get_attribute("aria-label") for n in (0, 1)]
        assert [re.findall(r"[\d.]+", needle or "") for needle in needles] == [
            ["1", "1", "2", "2.5"],
            ["0.075", "0.05", "0.1", "0.2"],
        ]
        if place != ".now-large":
            expect(page.locator(f"{place} .spark figcaption span")).to_have_text(
                ["Ketamine, chronic pain", "remifentanil spontaneous", "HR", "SpO₂"]
            )
            page.get_by_role("link", name="Bed 2").first.click()


def test_a_dose_without_an_order_is_in_the_unit_in_which_it_was_said(open_page: Open, ward: Ward) -> None:
    ward.do(two_drugs)
    ward.scene.beds["bed-2"].therapy_more["orders"] = ORDERS[:1]
    ward.do(lambda scene: scene.say_therapy(scene.beds["bed-2"]))
    page = open_page(BED)
    expect(page.locator(".block.order .order")).to_have_count(1)
    rate = page.locator(".now-large section.dose").nth(1).locator(".rate")
    expect(rate).to_have_text(re.compile(r"0\.0750ug/kg/min"))


def test_a_step_on_the_tile_names_its_drug(open_page: Open, ward: Ward) -> None:
    ward.do(two_drugs)
    page = open_page()
    log_in_first(page, "Kari N")
    button = page.locator(".tile[data-bed='pi-1/bed-2'] .step")
    expect(button).to_have_text("remifentanil spontaneous: Step 0.075?")
    button.click()
    until(page, lambda: bool(asked(ward, "step")))
    told = asked(ward, "step")[0]
    assert (told["channel"], told["step"]) == ("12", "0.075 ug/kg/min")
