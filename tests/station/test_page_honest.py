"""The page says when it cannot be believed: hidden, clocks apart, cut off, edges silent, no broker."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.station.conftest import Ward, beds, until
from tests.station.scene import Bed
from tests.station.tabs import wait, window
from tests.station.test_page_alarms import Open, receipts


@pytest.fixture(scope="module")
def module_ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """Two edges behind one switch."""
    second = (Bed("bed-8", "Bed 8"), Bed("bed-9", "Bed 9"))
    with Ward(tmp_path_factory.mktemp("ward"), beds(), attended=True, more={"pi-2": second}) as found:
        yield found


def playing(page: Page) -> str | None:
    found: str | None = page.evaluate("station.sound.playing")
    return found


@pytest.mark.long
def test_a_browser_that_stood_still_says_for_how_long_and_its_sound_went_on(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    until(page, lambda: playing(page) == "high" and page.evaluate("station.truth.tickedAt") is not None)
    # The sound is one buffer that the audio device repeats: the event loop is not needed for it.
    assert page.evaluate("station.sound.source.loop") is True
    before = page.evaluate("station.sound.context.currentTime")
    page.evaluate("() => { const end = performance.now() + 6000; while (performance.now() < end); }")
    expect(page.locator(".banner.medium")).to_have_text(
        re.compile(r"^This screen stood still for [67] s\. It is live again\.$")
    )
    assert page.evaluate("station.sound.context.currentTime") - before > 5
    assert playing(page) == "high"


def test_a_hidden_tab_sounds_claims_to_show_nothing_and_says_so_afterwards(tmp_path: Path, ward: Ward) -> None:
    """Truly hidden: another tab of the window stands in front, the browser paints it no more, and then freezes it."""
    with window(tmp_path) as browser:
        tab = browser.tab(ward.url)
        tab.until("Boolean(globalThis.station?.ward.ready && station.painted > 0)")
        tab.click()
        wait(lambda: bool(receipts(ward)))
        other = browser.tab("about:blank")
        tab.until("document.visibilityState", "hidden")
        tab.until("document.title", "(not in view) Ward 3")
        painted, told = tab.evaluate("station.painted"), len(receipts(ward))
        ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
        tab.until("station.sound.playing", "high")
        assert tab.evaluate("station.sound.context.state") == "running"
        tab.until("document.title", "(not in view) (1) Ward 3")
        tab.state("frozen")
        ward.do(lambda scene: scene.alarm("bed-3", "HR_HIGH"))
        tab.state("active")
        tab.until("document.title", "(not in view) (2) Ward 3")
        assert tab.evaluate("station.painted") == painted
        assert len(receipts(ward)) == told
        tab.evaluate("station.truth.hiddenAt.at -= 130")
        tab.front()
        tab.until("document.visibilityState", "visible")
        tab.until(
            "/^This page was not in view from \\d\\d:\\d\\d on, for 2 min\\.$/"
            ".test(document.querySelector('.banner.medium')?.textContent)"
        )
        wait(lambda: len(receipts(ward)) > told and len(receipts(ward)[-1]["displayed"]) == 2)
        other.front()
        tab.until("document.visibilityState", "hidden")


def test_a_clock_that_is_wrong_is_named_and_times_of_one_that_is_not_set_are_marked(
    open_page: Open, ward: Ward
) -> None:
    page = open_page()
    ward.scene.wall_ahead_s = -7200.0
    ward.do(lambda scene: scene.say_status())
    expect(page.locator(".banner.plain")).to_have_text(
        "The clock of this computer and that of pi-1 are 2 h 00 min apart: compare no times."
    )
    expect(page.locator(".tile[data-bed='pi-1/bed-1'] .fresh")).to_have_text(re.compile(r"^\d s old$"))
    ward.scene.wall_ahead_s, ward.scene.synchronised = 0.0, False
    ward.do(lambda scene: scene.say_status())
    expect(page.locator(".banner.plain")).to_have_count(0)
    expect(page.locator(".banner.small")).to_have_text(
        "Times with ? are doubtful: the clock of pi-1 is not synchronised."
    )
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    page.evaluate("location.hash = '#/bed/pi-1/bed-2'")
    expect(page.locator(".why .facts")).to_contain_text(re.compile(r"\d\d:\d\d:\d\d\?"))


def test_a_page_without_a_network_is_cut_off_with_sound_and_comes_back_by_itself(
    open_page: Open, context: BrowserContext, ward: Ward
) -> None:
    page = open_page()
    context.set_offline(True)
    # As late as it would be in five seconds: nothing is waited for that can be reckoned.
    page.evaluate("station.feed.source.close(); station.feed.beat -= 5; station.tick()")
    expect(page.locator(".banner.high")).to_contain_text("THIS SCREEN IS CUT OFF since")
    until(page, lambda: playing(page) == "high")
    expect(page.locator(".tile.stale.doubt")).to_have_count(6)
    expect(page.locator(".tile .fresh").first).to_contain_text("No data since")
    context.set_offline(False)
    expect(page.locator(".banner.high")).to_have_count(0, timeout=10_000)
    expect(page.locator(".verdict")).to_have_text("No alarms")
    assert playing(page) is None


def test_one_lost_switch_is_one_alarm_that_lists_its_beds(open_page: Open, ward: Ward) -> None:
    page = open_page()
    for scene in (ward.scene, *ward.others):
        scene.alive = False
        ward.run(scene.say_status("lost"))
    card = page.locator(".list .alarm")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("A bedside computer is silent")
    expect(card).to_contain_text("Bedside computers: pi-1, pi-2")
    expect(card).to_contain_text("Beds: Bed 1, Bed 2, Bed 3, Bed 4, Bed 8, Bed 9")
    expect(page.locator(".verdict")).to_have_text(re.compile("1 alarm.*not known at 6 beds"))
    until(page, lambda: playing(page) == "high")
    page.get_by_role("button", name="Norsk").click()
    expect(card).to_contain_text("Senger: Bed 1, Bed 2, Bed 3, Bed 4, Bed 8, Bed 9")


@pytest.mark.long
def test_an_edge_that_falls_silent_without_a_word_is_lost_after_ten_seconds(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.others[0].alive = False
    tile = page.locator(".tile[data-bed='pi-2/bed-8']")
    expect(tile).to_have_class(re.compile("stale"), timeout=13_000)
    expect(tile.locator(".fresh")).to_have_text(re.compile(r"^No data since \d\d:\d\d$"))
    card = page.locator(".list .alarm.high")
    expect(card).to_contain_text("Beds: Bed 8, Bed 9", timeout=13_000)
    until(page, lambda: playing(page) == "high")
    expect(page.locator(".tile[data-bed='pi-1/bed-1']")).to_have_class("tile calm")
    ward.others[0].alive = True
    ward.run(ward.others[0].say_all())
    expect(card).to_have_count(0)
    assert playing(page) is None


@pytest.mark.long
def test_a_broker_that_is_gone_makes_every_bed_unknown_and_sounds_after_ten_seconds(
    open_page: Open, ward: Ward
) -> None:
    page = open_page()
    back = ward.halt_broker()
    try:
        expect(page.locator(".banner.high")).to_contain_text("THE STATION HEARS NO BED", timeout=20_000)
        expect(page.locator(".tile.doubt.stale")).to_have_count(6)
        expect(page.locator(".verdict")).not_to_have_text("No alarms")
        card = page.locator(".list .alarm.high")
        expect(card).to_contain_text("The station hears no bed", timeout=20_000)
        expect(card).to_contain_text("Beds: Bed 1, Bed 2, Bed 3, Bed 4, Bed 8, Bed 9")
        expect(page.locator(".list .alarm")).to_have_count(1)
        until(page, lambda: playing(page) == "high")
    finally:
        back()
    expect(page.locator(".banner.high")).to_have_count(0, timeout=20_000)
    expect(page.locator(".list .alarm")).to_have_count(0, timeout=20_000)
