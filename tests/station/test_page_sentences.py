"""What is promised of the page in words, held word by word: Norwegian as it is spoken, the sound test, looking on."""

import re

from playwright.sync_api import expect

from tests.station.conftest import Ward, until
from tests.station.test_page_alarms import DOSE, Open
from tests.station.test_page_bed import log_in_first


def test_the_words_of_the_nurses(open_page: Open, ward: Ward) -> None:
    ward.scene.beds["bed-3"].label = "Seng 3"
    ward.do(lambda scene: scene.say_roster())
    page = open_page()
    page.get_by_role("button", name="Norsk").click()
    expect(page.locator(".caution")).to_contain_text("Ikke et medisinsk utstyr")
    ward.do(lambda scene: scene.alarm("bed-1", "HR_HIGH"))
    ward.do(lambda scene: scene.alarm("bed-4", "NIBP_OVERDUE", priority="low"))
    dose = {**DOSE, "text": "Seng 3: Ketamine, chronic pain 2.60 mg/kg/h, above the soft limit 2.5 mg/kg/h."}
    ward.do(lambda scene: scene.alarm("bed-3", "DOSE_RATE_HIGH.bed-3-pump.11", **{**dose, "port": "bed-3-pump"}))
    cards = page.locator(".list .alarm")
    expect(cards).to_have_count(3)
    signs = cards.locator(".sign").evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")
    assert signs == ["Høy", "Middels", "Lav"]
    said = cards.nth(1)
    expect(said.locator("h3 a")).to_have_text("Seng 3")
    expect(said.locator(".line")).to_have_text("Ketamin 2,60 mg/kg/t, over grense 2,5.")
    expect(said.locator(".action")).to_contain_text("Sjekk pumpen")
    expect(page.locator(".spoken")).to_contain_text("Seng 3: Ketamin 2,60 mg/kg/t, over grense 2,5.")
    expect(said.locator(".take")).to_have_text("Jeg tar den")
    expect(page.locator(".silence")).to_have_text("Demp lyd 2 min")
    tile = page.locator(".tile[data-bed='pi-1/bed-3']")
    expect(tile.locator(".units")).to_have_text("mg/kg/t7 ml/t")
    ward.scene.beds["bed-3"].live = False
    page.evaluate("station.ward.beds.get('pi-1/bed-3').taken_at_s -= 11; station.changed()")
    expect(tile.locator(".fresh")).to_have_text(re.compile(r"^Ingen data siden \d\d:\d\d$"))


def test_the_sound_test_plays_each_priority_and_leaves_silence(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.evaluate(
        """heard = [];
        setInterval(() => station.testing && heard.at(-1) !== station.testing && heard.push(station.testing), 20)"""
    )
    page.get_by_role("button", name="Test the sound").click()
    until(page, lambda: page.evaluate("heard.length === 3 && station.testing === null"))
    assert page.evaluate("heard") == ["high", "medium", "low"]
    assert page.evaluate("station.sound.playing") is None


def test_looking_on_never_times_out(open_page: Open, ward: Ward) -> None:
    """The end of a session takes the name away, and nothing that is seen or heard."""
    page = open_page()
    log_in_first(page, "Kari N")
    page.evaluate("station.take('session', { session: null })")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    expect(page.locator(".list .alarm")).to_have_count(1)
    until(page, lambda: page.evaluate("station.sound.playing") == "high")
    expect(page.locator(".tile.stale, .tile.doubt")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
