"""The page in a real browser: an alarm is seen, heard, taken, and told to the edge as painted."""

import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from playwright.sync_api import Page, expect

from tests.station import said
from tests.station.conftest import Ward, until
from tests.station.scene import Scene
from tests.station.world import STATION

Open = Callable[..., Page]
DOSE: dict[str, Any] = {
    "port": "bed-2-pump", "channel": "11", "value": "2.600000", "unit": "mg/kg/h", "band": "soft",
    "priority": "medium", "text": "Bed 2: Ketamine, chronic pain 2.60 mg/kg/h, above the soft limit 2.5 mg/kg/h.",
    "action": "Check the pump: rate, concentration and weight.",
    "limit": {"side": "high", "band": "soft", "value": "2.5", "origin": "library"},
}  # fmt: skip


def receipts(ward: Ward) -> list[dict[str, Any]]:
    topic = f"infusion/v1/{said.SITE}/edge/{said.EDGE}/receipt/{STATION}"
    return [json.loads(one.payload) for one in ward.world.heard.of(topic)]


def silent(page: Page) -> bool:
    return bool(page.evaluate("station.sound.playing === null"))


def test_a_calm_ward_says_so_and_shows_what_each_patient_gets(open_page: Open) -> None:
    page = open_page()
    expect(page.locator(".verdict")).to_have_text("No alarms")
    expect(page.locator(".list .well")).to_have_text("No alarms at any bed.")
    tile = page.locator(".tile").nth(1)
    expect(tile.locator("h2")).to_have_text("Bed 2")
    expect(tile.locator(".rate .number")).to_have_text("1.00")
    expect(tile.locator(".vital.hr .number")).to_have_text("78")
    expect(tile.locator(".vital.bp .number")).to_have_text("128/82")
    expect(tile.locator(".vital.bp .age")).to_have_text("2 min ago")
    expect(tile.locator(".phase")).to_contain_text("Infusing step 2")
    expect(tile.locator(".phase .left")).to_have_text("35 min left")
    assert page.evaluate("station.sound.playing") is None


def test_an_alarm_appears_at_its_bed_and_in_the_list_and_sounds(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.do(lambda scene: scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", ago_s=130.0, **DOSE))
    tile = page.locator(".tile[data-bed='pi-1/bed-2']")
    expect(tile.locator(".alarms .line")).to_have_text("Dose 2.60, above 2.5")  # no room for more than a few words
    expect(tile.locator("> header > .sign")).to_have_text("!!")
    expect(tile.locator(".alarms .since")).to_have_text("2 min")
    card = page.locator(".list .alarm")
    expect(card.locator("h3 a")).to_have_text("Bed 2")
    expect(card.locator(".line")).to_have_text("Ketamine, chronic pain 2.60 mg/kg/h, above the soft limit 2.5 mg/kg/h.")
    expect(card.locator(".action")).to_contain_text("Check the pump: rate, concentration and weight.")
    expect(page.locator(".verdict")).to_contain_text("1 alarm")
    until(page, lambda: page.evaluate("station.sound.playing") == "medium")
    ward.do(lambda scene: scene.alarm("bed-3", "HR_HIGH", text="Bed 3: HR 150 /min."))
    until(page, lambda: page.evaluate("station.sound.playing") == "high")
    expect(page.locator(".list .alarm h3 a")).to_have_text(["Bed 3", "Bed 2"])
    ward.do(lambda scene: scene.clear_all())
    expect(page.locator(".verdict")).to_have_text("No alarms")
    until(page, lambda: page.evaluate("station.sound.playing") is None)


def test_what_is_heard_has_the_pulses_of_its_priority(open_page: Open, ward: Ward) -> None:
    page = open_page()
    counted = page.evaluate(
        """() => Object.fromEntries(Object.entries(station.sound.buffers).map(([priority, buffer]) => {
            const starts = [];
            let last = -Infinity;
            let peak = 0;
            buffer.getChannelData(0).forEach((value, n) => {
                peak = Math.max(peak, value);
                if (Math.abs(value) < 0.001) return;
                if (n - last > 0.04 * buffer.sampleRate) starts.push(Math.round((100 * n) / buffer.sampleRate) / 100);
                last = n;
            });
            return [priority, { pulses: starts, all: buffer.duration, peak }];
        }))"""
    )
    assert counted["high"]["pulses"] == [0.0, 0.25, 0.5, 1.0, 1.25, 1.9, 2.15, 2.4, 2.9, 3.15]
    assert counted["medium"]["pulses"] == [0.0, 0.4, 0.8]
    assert counted["low"]["pulses"] == [0.0]
    assert 3.3 + 2.5 <= counted["high"]["all"] <= 3.3 + 15
    assert counted["high"]["peak"] > counted["medium"]["peak"] > counted["low"]["peak"] > 0
    ward.do(lambda scene: scene.alarm("bed-1", "HR_HIGH"))
    until(page, lambda: page.evaluate("station.sound.playing") == "high")
    loud = """() => {
        const now = new Float32Array(2048);
        station.sound.analyser.getFloatTimeDomainData(now);
        return now.some((value) => Math.abs(value) > 0.05);
    }"""
    until(page, lambda: bool(page.evaluate(loud)))


def test_while_the_browser_forbids_sound_nobody_can_miss_it_and_no_receipt_says_audible(
    open_page: Open, ward: Ward
) -> None:
    page = open_page(touched=False)
    banner = page.locator(".banner.sound")
    expect(banner).to_contain_text("NO SOUND")
    assert banner.bounding_box()["height"] >= 72  # type: ignore[index]
    until(page, lambda: bool(receipts(ward)) and receipts(ward)[-1]["audible"] is False)
    banner.click()
    expect(banner).to_have_count(0)
    until(page, lambda: receipts(ward)[-1]["audible"] is True)


def test_one_button_takes_an_alarm_pending_until_the_edge_has_answered(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.scene.mute = True
    key = "DOSE_RATE_HIGH.bed-2-pump.11"
    alarm = ward.do(lambda scene: scene.alarm("bed-2", key, **DOSE))
    card = page.locator(".list .alarm")
    card.get_by_role("button", name="I take it").click()
    expect(card.locator(".take")).to_have_text("Waiting for the bed …")
    until(page, lambda: any(verb == "accept" for verb, _ in ward.scene.asked))
    asked = next(body for verb, body in ward.scene.asked if verb == "accept")
    named = {name: asked[name] for name in ("bed", "key", "occurrence", "rev", "acknowledge")}
    assert named == {"bed": "bed-2", "key": key, "occurrence": alarm["occurrence"], "rev": 1, "acknowledge": True}
    assert page.evaluate("station.sound.playing") == "medium"
    ward.scene.mute = False
    ward.do(lambda scene: scene._answer_one("accept", asked))
    expect(card.locator(".notes")).to_contain_text("Somebody at desk has taken it.")
    expect(card.locator(".notes")).to_contain_text(re.compile(r"Silenced: (5:00|4:5\d) left"))
    expect(card.locator(".take")).to_have_count(0)
    until(page, lambda: page.evaluate("station.sound.playing") is None)


def test_a_refusal_is_said_with_its_reason(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.scene.refuse = "it made noise again since: look again"
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    page.locator(".list .alarm").get_by_role("button", name="I take it").click()
    expect(page.locator(".list .outcome")).to_have_text("Refused: it made noise again since: look again")
    expect(page.locator(".list .take")).to_have_text("I take it")


def test_a_receipt_names_what_is_painted_and_nothing_else(open_page: Open, ward: Ward) -> None:
    page = open_page()
    alarm = ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    expected = {"bed": "bed-2", "key": "HR_HIGH", "occurrence": alarm["occurrence"], "rev": 1}
    until(page, lambda: bool(receipts(ward)) and receipts(ward)[-1]["displayed"] == [expected])
    last = receipts(ward)[-1]
    assert (last["run"], last["beds"]) == (said.RUN, ["bed-1", "bed-2", "bed-3", "bed-4"])
    assert last["page"] == page.evaluate("station.ward.hello.page")
    page.evaluate("document.querySelector('#app').style.display = 'none'")
    until(page, lambda: (receipts(ward)[-1]["displayed"], receipts(ward)[-1]["beds"]) == ([], []))


def test_two_screens_are_in_step(open_page: Open, ward: Ward) -> None:
    first, second = open_page(), open_page()
    ward.do(lambda scene: scene.alarm("bed-4", "SPO2_LOW", text="Bed 4: SpO2 86 %."))
    for page in (first, second):
        expect(page.locator(".list .alarm h3 a")).to_have_text("Bed 4")
    first.bring_to_front()
    first.locator(".list .take").click()
    for page in (first, second):
        expect(page.locator(".list .notes")).to_contain_text("has taken it")
        until(page, partial(silent, page))
    names = {one["page"] for one in receipts(ward)}
    assert {page.evaluate("station.ward.hello.page") for page in (first, second)} <= names


def test_norwegian_as_nurses_speak(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.get_by_role("button", name="Norsk").click()
    ward.do(lambda scene: scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", **DOSE))
    card = page.locator(".list .alarm")
    expect(card.locator(".line")).to_have_text("Ketamin 2,60 mg/kg/t, over grense 2,5.")
    expect(card.locator(".take")).to_have_text("Jeg tar den")
    expect(page.locator(".silence")).to_have_text("Demp lyd 2 min")
    expect(card.locator(".sign")).to_have_attribute("aria-label", "Middels")
    expect(page.locator(".tile").nth(1).locator(".rate .number")).to_have_text("1,00")
    page.reload()
    expect(page.locator(".list .take")).to_have_text("Jeg tar den")


def test_the_sound_is_paused_for_two_minutes_at_all_beds(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    page.locator(".silence").click()
    until(page, lambda: any(verb == "audio-pause" for verb, _ in ward.scene.asked))
    asked = next(body for verb, body in ward.scene.asked if verb == "audio-pause")
    assert (asked["bed"], asked["duration_s"]) == ("", 120)


def test_a_bed_under_service_says_so_on_its_tile_in_both_languages(open_page: Open, ward: Ward) -> None:
    page = open_page()

    def put_under_service(scene: Scene) -> Awaitable[None]:
        bed = scene.beds["bed-2"]
        bed.pauses = [{"reason": "service", "by": "desk:bo", "until_mono_s": scene.mono_s() + 1805.0}]
        bed.patient = bed.ordered = False
        return scene.say_therapy(bed)

    ward.do(put_under_service)
    tile = page.locator(".tile[data-bed='pi-1/bed-2']")
    expect(tile.locator(".paused")).to_have_text(re.compile(r"^Under service (30:0|29:5)\d$"))
    assert page.locator(".tile .paused").count() == 1
    page.get_by_role("button", name="Norsk").click()
    expect(tile.locator(".paused")).to_contain_text("Apparatene er på service")


def test_by_urgency_who_is_worst_and_not_yet_taken_comes_first(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.do(lambda scene: scene.alarm("bed-2", "NIBP_OVERDUE", priority="low"))
    ward.do(lambda scene: scene.alarm("bed-3", "HR_HIGH", priority="high", signal="acknowledged"))
    ward.do(lambda scene: scene.alarm("bed-4", "HR_HIGH", priority="high"))
    names = page.locator(".tile h2")
    expect(names).to_have_text(["Bed 1", "Bed 2", "Bed 3", "Bed 4"])
    page.get_by_role("button", name="By urgency").click()
    expect(names).to_have_text(["Bed 4", "Bed 2", "Bed 3", "Bed 1"])
    page.reload()
    expect(names).to_have_text(["Bed 4", "Bed 2", "Bed 3", "Bed 1"])
    page.get_by_role("button", name="By bed").click()
    expect(names).to_have_text(["Bed 1", "Bed 2", "Bed 3", "Bed 4"])
