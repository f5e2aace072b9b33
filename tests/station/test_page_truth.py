"""The page is honest about itself: old values, lost edges, a lost server, and never the last values as if live."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from tests.station.conftest import Ward, until
from tests.station.test_page_alarms import Open


def test_old_values_are_grey_and_say_since_when(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.scene.beds["bed-3"].live = False
    tile = page.locator(".tile[data-bed='pi-1/bed-3']")
    expect(tile).to_contain_text(re.compile(r"[2-9] s old"))  # what was said before has arrived
    # As old as it would be in eleven seconds: nothing is waited for that can be reckoned.
    page.evaluate("station.ward.beds.get('pi-1/bed-3').taken_at_s -= 11")
    expect(tile).to_have_class("tile calm stale")
    expect(tile.locator(".fresh")).to_contain_text("No data since")
    expect(tile.locator(".vital.hr")).to_have_class("vital hr stale")


def test_a_stall_in_the_first_second_is_told_too(open_page: Open, context: BrowserContext, ward: Ward) -> None:
    # Its clock has not ticked yet: what stood still then is reckoned from the start of the page.
    context.add_init_script("globalThis.setInterval = () => 0")
    page = open_page()
    assert isinstance(page.evaluate("station.truth.tickedAt"), float)
    page.evaluate("station.truth.tickedAt -= 6; station.tick()")
    expect(page.locator(".banner.medium")).to_have_text(
        re.compile(r"^This screen stood still for \d+ s\. It is live again\.$")
    )


def test_a_stall_right_after_a_page_was_hidden_is_told_too(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.evaluate(
        """() => {
            station.truth.visibility(false, 100);
            station.truth.visibility(true, 160);
            station.truth.tick(167, true);
        }"""
    )
    assert page.evaluate("station.truth.stalled") == {"at": 167, "span": 7}


def test_a_lost_edge_makes_its_beds_unknown_and_the_verdict_too(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.scene.alive = False
    ward.do(lambda scene: scene.say_status("lost"))
    card = page.locator(".list .alarm.high")
    expect(card).to_contain_text("A bedside computer is silent")
    expect(card).to_contain_text("Beds: Bed 1, Bed 2, Bed 3, Bed 4")
    expect(page.locator(".list .alarm")).to_have_count(1)
    expect(page.locator(".tile .unknown").first).to_contain_text("The bedside computer is silent. No data since")
    expect(page.locator(".tile.doubt.stale")).to_have_count(4)
    until(page, lambda: page.evaluate("station.sound.playing") == "high")
    card.get_by_role("button", name="Silence 2 min").click()
    expect(card.locator(".notes")).to_contain_text("Sound paused: 2:00 left")
    until(page, lambda: page.evaluate("station.sound.playing") is None)


def test_a_page_that_lost_its_server_says_so_with_sound(open_page: Open, ward: Ward) -> None:
    page = open_page()
    thaw: Callable[[], None] = ward.freeze()
    try:
        expect(page.locator(".banner.high")).to_contain_text("THIS SCREEN IS CUT OFF since")
        expect(page.locator(".verdict")).to_contain_text("1 alarm")
        expect(page.locator(".truth")).to_have_text("NOT LIVE")
        expect(page.locator(".tile.stale.doubt")).to_have_count(4)
        assert page.evaluate("station.sound.playing") == "high"
    finally:
        thaw()
    expect(page.locator(".verdict")).to_have_text("No alarms")
    expect(page.locator(".banner.high")).to_have_count(0)
    assert page.evaluate("station.sound.playing") is None


def test_the_page_says_on_every_view_that_the_bedside_comes_first(open_page: Open, ward: Ward) -> None:
    page = open_page()
    for place in ("#/", "#/bed/pi-1/bed-1", "#/bed/pi-1/bed-1/report"):
        page.evaluate(f"location.hash = '{place}'")
        expect(page.locator(".caution")).to_contain_text("Not a medical device. Do not rely on this for alarms")
        expect(page.locator(".caution")).to_be_in_viewport()


def test_no_sign_of_life_of_the_station_is_taken_for_well(open_page: Open, ward: Ward) -> None:
    page = open_page()
    # Each beat from now on: the next true one would take it back within a second.
    page.evaluate(
        """() => {
            const take = station.take.bind(station);
            station.take = (name, data) => take(name, name === "beat" ? { ...data, broker: false } : data);
        }"""
    )
    expect(page.locator(".banner.high")).to_contain_text("THE STATION HEARS NO BED")
    expect(page.locator(".tile.doubt.stale")).to_have_count(4)
    expect(page.locator(".verdict")).to_have_text("Alarms not known")
