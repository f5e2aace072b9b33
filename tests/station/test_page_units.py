"""A drug that is dosed in micrograms, two channels of one bed, and what climbs, as the page shows them (H-05, H-37)."""

import re
from functools import partial
from typing import Any

from playwright.sync_api import expect

from tests.station.conftest import Ward, until
from tests.station.scene import Scene, limit, metric
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED, asked, log_in

PUMP = {"port": "bed-2-pump", "channel": "11"}
ORDER: dict[str, Any] = {
    **PUMP, "drug": "remifentanil-spontaneous", "concentration_mg_per_ml": "0.02", "weight_kg": "70",
    "step_mg_per_kg_per_h": "0.0030", "maximum_mg_per_kg_per_h": "0.0120", "origin": "ordered by desk:ola", "rev": 3,
    "by": "desk:ola", "confirmed_by": "desk:kari", "dosing_unit": "ug/kg/min",
    "shown": {"concentration": "20 ug/mL", "step": "0.05 ug/kg/min", "maximum": "0.2 ug/kg/min"},
}  # fmt: skip


def shown_limit(condition: str, band: str, value: str, text: str, **where: str) -> dict[str, Any]:
    return {**limit(condition, band, "high", value, "mg/kg/h"), **(where or PUMP), "shown": text}


LIMITS = [
    shown_limit("DOSE_RATE_HIGH", "soft", "0.006", "0.1 ug/kg/min"),
    shown_limit("DOSE_RATE_HIGH", "hard", "0.012", "0.2 ug/kg/min"),
]


async def in_micrograms(scene: Scene, *, dose: str = "0.0543", second: bool = False) -> None:
    bed = scene.beds["bed-2"]
    bed.dose = "0.003258"
    bed.metrics_more = [metric("dose_rate", dose, "ug/kg/min")]
    orders, limits = [ORDER], list(LIMITS)
    if second:
        other = {"port": "bed-2-pump", "channel": "12"}
        orders.append({**ORDER, **other})
        limits.append(shown_limit("DOSE_RATE_HIGH", "soft", "0.003", "0.05 ug/kg/min", **other))
    bed.therapy_more = {"orders": orders, "limits": limits}
    await scene.say_therapy(bed)
    await scene.say_snapshot(bed)


def test_dose_order_and_limits_are_in_the_unit_of_the_entry(open_page: Open, ward: Ward) -> None:
    ward.do(in_micrograms)
    page = open_page(BED)
    dose = page.locator(".now-large .dose")
    expect(dose.locator(".number")).to_have_text("0.0543")
    expect(dose.locator(".unit")).to_have_text("ug/kg/min")
    expect(dose.locator(".gauge")).to_have_attribute("aria-label", re.compile("0.05.*0.1.*0.2"))
    expect(page.locator(".block.order .facts").first).to_contain_text("0.05 ug/kg/min")
    expect(page.locator(".block.order .facts").first).to_contain_text("20 ug/mL")
    expect(page.locator("table.limits")).to_contain_text("≤ 0.1 ug/kg/min")
    expect(page.locator(".chart .lane.dose")).to_contain_text("ug/kg/min")


def test_a_step_of_micrograms_is_confirmed_as_it_was_set(open_page: Open, ward: Ward) -> None:
    """Rounded to two places of mg/kg/h it would be 0.01, which is three times as much."""
    ward.do(partial(in_micrograms, dose="0.0754"))
    page = open_page(BED)
    page.locator(".steps .step").click()
    log_in(page, "Kari N")
    until(page, lambda: bool(asked(ward, "step")))
    assert asked(ward, "step")[0]["step"] == "0.0754 ug/kg/min"


def test_a_revision_is_typed_in_the_unit_of_the_entry(open_page: Open, ward: Ward) -> None:
    ward.do(in_micrograms)
    page = open_page(BED)
    page.get_by_role("button", name="Change the order").click()
    form = page.get_by_role("dialog")
    expect(form.locator(".entries").first).to_contain_text("ug/kg/min")
    expect(form.locator(".entries").first).to_contain_text("ug/mL")
    form.get_by_label(re.compile("^Weight")).fill("70")
    form.get_by_label(re.compile("^Concentration")).fill("20")
    form.get_by_role("button", name="Read it back").click()
    expect(form.locator(".read-back .facts")).to_contain_text("20 ug/mL")
    expect(form.locator(".read-back .facts")).to_contain_text("0.05 ug/kg/min")  # the step in force stays


def test_each_channel_has_limits_of_its_own(open_page: Open, ward: Ward) -> None:
    ward.do(partial(in_micrograms, second=True))
    page = open_page(BED)
    rows = page.locator("table.limits tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("bed-2-pump 11")
    expect(rows.nth(0)).to_contain_text("≤ 0.1 ug/kg/min")
    expect(rows.nth(1)).to_contain_text("bed-2-pump 12")
    expect(rows.nth(1)).to_contain_text("≤ 0.05 ug/kg/min")
    expect(page.locator(".now-large .gauge")).to_have_attribute("aria-label", re.compile("0.1"))


def test_what_climbs_after_a_step_is_drawn(open_page: Open, ward: Ward) -> None:
    trend = "0 s: 78 /min; 30 s: 84 /min; 60 s: 96 /min"
    ward.do(
        lambda scene: scene.alarm(
            "bed-2", "HR_CLIMBING", priority="low", text="Bed 2: heart rate climbs.", evidence={"trend": trend}
        )
    )
    page = open_page(BED)
    climb = page.locator(".why svg.climb")
    expect(climb).to_have_attribute("aria-label", trend)
    expect(climb).to_contain_text("78 → 96")
    assert climb.locator("polyline").get_attribute("points") == "4,40 120,28 236,4"
