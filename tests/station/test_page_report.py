"""What was, in a real browser: boli, steps, rounds and alarms in the trends; and the report, printed on one page."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.station.conftest import Ward, until
from tests.station.scene import Scene, limit
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED

REPORT = f"{BED}/report"
FOLDER = os.environ.get("STATION_PICTURES")
VITALS = ("HR", "BP_SYS", "BP_DIA", "BP_MEAN", "RR")
DOSES = ("DOSE_RATE_HIGH", "DOSE_STEP_HIGH", "DOSE_CUMULATIVE_HIGH", "DOSE_24H_HIGH", "DOSE_MASS_RATE_HIGH")
HAPPENED: list[tuple[float, str, dict[str, str]]] = [
    (1200.0, "bolus", {"phase": "end", "volume_ml": "1.50", "bed": "bed-2"}),
    (1300.0, "request", {"verb": "step", "by": "desk:kari", "result": "done", "step_mg_per_kg_per_h": "1.50"}),
    (1400.0, "request", {"verb": "step", "by": "desk:kari", "result": "refused", "reason": "there is no bed x"}),
    (1500.0, "request", {"verb": "manual-dose", "by": "desk:kari", "result": "done", "dose_mg": "20"}),
    (1600.0, "request", {"verb": "confirm", "by": "desk:ola", "result": "done"}),
    (1700.0, "alarm", {"phase": "start", "key": "NIBP_OVERDUE", "priority": "low", "text": "Bed 2: late."}),
]


def test_boli_steps_rounds_acts_and_alarms_are_drawn_where_they_happened(open_page: Open, ward: Ward) -> None:
    ward.scene.events.extend(HAPPENED)
    page = open_page(BED)
    chart = page.locator(".chart")
    expect(chart.locator(".given .bolus")).to_have_count(2)
    expect(chart.locator(".given .step")).to_have_count(1)
    expect(chart.locator(".given .step text")).to_have_text("1.5")
    expect(chart.locator(".happened .round")).to_have_count(1)
    expect(chart.locator(".happened .act")).to_have_count(1)
    expect(chart.locator(".happened .mark.low")).to_have_count(1)
    expect(chart.locator(".happened .mark.medium")).to_have_count(1)
    titles = chart.locator(".given title").all_text_contents()
    assert [re.sub(r"^\d\d:\d\d ", "", one) for one in titles] == [
        "Bolus 1.5 mL", "Take a step 1.5 mg/kg/h (Kari N.)", "Dose by hand 20 mg (Kari N.)",
    ]  # fmt: skip
    # A bolus twenty minutes ago stands at two thirds of an hour's width.
    at = chart.locator(".given .bolus").first.evaluate("node => node.transform.baseVal.consolidate().matrix.e")
    left, width = page.evaluate(
        "(({ x, width }) => [x.baseVal.value, width.baseVal.value])(document.querySelector('.lane .ground'))"
    )
    assert (at - left) / width == pytest.approx(2 / 3, abs=0.01)
    expect(page.locator(".shift li").filter(has_text="Take a step 1.5 mg/kg/h")).to_have_count(1)
    expect(page.locator(".shift li").filter(has_text="Refused: there is no bed x")).to_have_count(1)


def long_treatment(scene: Scene) -> Any:
    """Twelve rounds, two orders, every limit there is with long origins, an override, and hundreds of rows."""
    bed = scene.beds["bed-2"]
    origin = (
        "drug library examples 2026.1, ketamine-chronic-pain, not approved, dependence: not answered, taken for yes"
    )
    limits = [
        limit(f"{name}_{side.upper()}", band, side, "120", "/min") | {"origin": origin}
        for name in VITALS for side in ("high", "low") for band in ("soft", "hard")
    ]  # fmt: skip
    limits += [
        limit(name, band, "high", "2.5", "mg/kg/h") | {"origin": origin} for name in DOSES for band in ("soft", "hard")
    ]
    order = {
        "port": bed.port, "channel": "11", "drug": "ketamine-chronic-pain", "concentration_mg_per_ml": "10",
        "weight_kg": "70", "step_mg_per_kg_per_h": "1.0", "maximum_mg_per_kg_per_h": "2.0", "origin": "x", "rev": 3,
        "start_mg_per_kg_per_h": "0.5", "increment_mg_per_kg_per_h": "0.5", "step_interval_s": 900.0,
        "total_mg_per_kg": "2", "planned_s": 4200.0, "cuff_interval_s": 300.0, "given_before_mg": "12",
        "by": "desk:ola", "confirmed_by": "desk:kari", "prefilled": True, "placed": scene.stamp(2400.0),
        "overrides": [
            {"condition": "DOSE_RATE_HIGH", "limit": "2.0", "by": "desk:ola", "reason": "tolerated 2.2 mg/kg/h " * 8}
        ],
    }  # fmt: skip
    rounds = [
        {
            "at": scene.stamp(900.0 * n), "by": "desk:kari", "phase": "infusing", "airway": "clear", "rass": 0,
            "anxiety": "none", "nausea": "moderate", "pain": 4,
        }
        for n in range(12, 0, -1)
    ]  # fmt: skip
    bed.therapy_more = {
        "limits": limits, "orders": [order, {**order, "channel": "12"}], "rounds": rounds,
        "baseline": {
            "heart_rate_per_min": "72", "nibp_sys_mmhg": "128", "nibp_mean_mmhg": "93", "by": "desk:kari",
            "at": scene.stamp(3000.0),
        },
    }  # fmt: skip
    text = (
        "Bed 2: Ketamine, chronic pain runs at 1.65 mg/kg/h, ordered is 1.5 mg/kg/h, in steps of 0.5 mg/kg/h at most."
    )
    for n in range(300):
        body = {"phase": "start", "key": "ORDER_EXCEEDED.bed-2-pump.11", "priority": "medium", "text": text}
        scene.events.append((30.0 + 100 * n, "alarm", body))
    return scene.say_therapy(bed)


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


@pytest.mark.parametrize("language", ["English", "Norsk"])
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_report_of_a_long_treatment_prints_on_one_page(
    open_page: Open, ward: Ward, tmp_path: Path, language: str, paper: str
) -> None:
    ward.do(long_treatment)
    page: Page = open_page(REPORT)
    page.get_by_role("button", name=language).click()
    expect(page.locator(".shift li").first).to_be_attached()
    expect(page.locator(".rounds tbody tr")).to_have_count(12)
    until(page, lambda: (page.locator(".chart .hr .line").get_attribute("d") or "").count("L") > 300)
    file = Path(FOLDER or tmp_path) / f"report-{paper}-{language}.pdf"
    pdf = page.pdf(path=file, format=paper, print_background=True)
    if FOLDER:
        page.set_viewport_size({"width": 710, "height": 985})
        page.emulate_media(media="print")
        page.screenshot(path=file.with_suffix(".png"), full_page=True)
    assert pages_of(pdf) == 1
    # It is not made to fit by being unreadable, nor by cutting something off.
    page.emulate_media(media="print")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.rounds td')).fontSize)") >= 8
    assert page.evaluate(
        "document.querySelector('.bed-body').scrollHeight <= document.querySelector('.bed-body').clientHeight + 1"
    )
    hidden = page.locator(".bar, .list, .strip, .report-head .actions")
    assert [one.is_visible() for one in hidden.all()] == [False] * hidden.count()
