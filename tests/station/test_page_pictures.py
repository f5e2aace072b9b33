"""The pictures of the page for README and docs, made by the tests: wall, desktop, tablet, in both languages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.station.conftest import Ward
from tests.station.scene import Scene
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import ARITHMETIC

FOLDER = os.environ.get("STATION_PICTURES")
"""Where the pictures are kept: docs/pictures, when they are to be made anew. Else they go with the test."""

SCENES: tuple[tuple[str, int, int, str, str, str], ...] = (
    ("wall", 1920, 1080, "#/", "English", "dark"),
    ("wall-nb", 1920, 1080, "#/", "Norsk", "dark"),
    ("wall-light", 1920, 1080, "#/", "English", "light"),
    ("bed", 1600, 1300, "#/bed/pi-1/bed-2", "English", "dark"),
    ("tablet", 820, 1180, "#/", "Norsk", "light"),
    ("desktop", 1366, 768, "#/", "English", "light"),
    ("report", 1100, 1400, "#/bed/pi-1/bed-2/report", "English", "light"),
)


async def story(scene: Scene) -> None:
    """A calm bed, a dose above its limit, a low one of the cuff, and a bed without a patient."""
    second, third, fourth = scene.beds["bed-2"], scene.beds["bed-3"], scene.beds["bed-4"]
    second.dose, second.rate = "2.600000", "18.20"
    second.vital |= {"hr": "124", "sys": "158", "dia": "96", "mean": "116"}
    third.cuff_age_s = 540.0
    fourth.patient = fourth.ordered = False
    fourth.dose = fourth.rate = None
    fourth.state = "off"
    fourth.vital = dict.fromkeys(fourth.vital)
    await scene.say_all()
    limit = {"side": "high", "band": "hard", "value": "2.5", "origin": "drug library examples 2026.1, not approved"}
    dose: dict[str, Any] = {
        "port": "bed-2-pump", "channel": "11", "value": "2.600000", "unit": "mg/kg/h", "limit": limit,
        "text": "Bed 2: Ketamine, chronic pain 2.60 mg/kg/h, above the hard limit 2.5 mg/kg/h.",
        "action": "Check the pump: rate, concentration and weight. Stop the infusion if the dose is not meant.",
        "evidence": {
            "arithmetic": ARITHMETIC, "infusion_rate_ml_per_h": "18.20", "concentration_mg_per_ml": "10",
            "weight_kg": "70", "order": "ordered by desk:ola",
        },
    }  # fmt: skip
    await scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", ago_s=95.0, **dose)
    rise = {"side": "high", "band": "soft", "value": "120", "origin": "standard limits, edge.toml"}
    await scene.alarm(
        "bed-2", "HR_HIGH", ago_s=40.0, priority="medium", value="124", unit="/min", limit=rise,
        text="Bed 2: heart rate 124 /min, above the soft limit 120 /min.",
        action="Go to the patient; check breathing, circulation and the sensor.",
    )  # fmt: skip
    by = {"by": "desk:kari", "at": scene.stamp()}
    await scene.alarm(
        "bed-3", "NIBP_OVERDUE", ago_s=70.0, priority="low", kind="technical", band="overdue",
        text="Bed 3: no cuff pressure for 9 min; one is due every 5 min.", signal="acknowledged", audible=False,
        action="Take a cuff pressure now, and check the monitor's cuff interval.", acceptance=by,
        acknowledgement={**by, "until_mono_s": scene.mono_s() + 900},
    )  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=[one[0] for one in SCENES])
def test_a_picture_is_made(
    open_page: Open, ward: Ward, tmp_path: Path, scene: tuple[str, int, int, str, str, str]
) -> None:
    name, width, height, place, language, theme = scene
    ward.do(story)
    page: Page = open_page(place)
    page.set_viewport_size({"width": width, "height": height})
    page.get_by_role("button", name=language).click()
    if theme == "light":
        page.locator(".bar nav button", has_text="☀").click()
    if "bed" in place:
        expect(page.locator(".chart .mark").first).to_be_attached()
        expect(page.locator(".shift li").first).to_be_attached()
    expect(page.locator(".list .alarm")).to_have_count(3)
    expect(page.locator(".list .alarm.high h3 a")).to_have_text("Bed 2")
    page.evaluate("document.getAnimations().forEach((one) => { one.pause(); one.currentTime = 0; })")
    if name == "report":
        page.emulate_media(media="print")
    made = page.screenshot(path=(Path(FOLDER) if FOLDER else tmp_path) / f"{name}.png")
    assert made.startswith(b"\x89PNG")
