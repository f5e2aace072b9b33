"""What is done on the page before an act or a login is answered."""

import re

from playwright.sync_api import Route, expect

from tests.station.conftest import Ward, until
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED, asked, log_in, log_in_first

OPENED_WHILE_A_LOGIN_CLOSES = """() => {
    document.querySelector("button.person").focus();
    station.open("login", {user: null, pin: ""});
    station.close();
    station.open("dose", {edge: station.route.edge, bed: station.route.bed});
}"""


def test_a_form_that_is_opened_while_a_login_closes_keeps_the_keyboard(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    expect(page.get_by_role("button", name="Dose by hand …")).to_be_visible()
    page.evaluate(OPENED_WHILE_A_LOGIN_CLOSES)
    painted = page.evaluate("station.painted")
    until(page, lambda: bool(page.evaluate("station.painted") > painted + 1))
    expect(page.get_by_label("Dose", exact=True)).to_be_focused()


def test_a_late_login_does_nothing_of_what_was_given_up(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    held: list[Route] = []
    page.route("**/login", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it calls
    page.get_by_role("button", name="Dose by hand …").click()
    page.get_by_label("Dose", exact=True).fill("20")
    page.get_by_role("button", name="It was given: enter it").click()
    log_in(page, "Kari N")
    until(page, lambda: len(held) == 1)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name=re.compile("Ola P")).click()
    page.get_by_label("PIN", exact=True).fill("12")
    held[0].continue_()
    expect(page.get_by_role("button", name=re.compile("Kari N.*log out"))).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_accessible_name(re.compile("Ola P"))
    expect(page.get_by_label("PIN", exact=True)).to_have_value("12")
    assert asked(ward, "manual-dose") == []


def test_a_late_refusal_comes_back_to_its_own_form_and_not_to_that_of_another_bed(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    log_in_first(page, "Kari N")
    page.get_by_role("button", name="Dose by hand …").click()
    page.get_by_label("Dose", exact=True).fill("20")
    ward.scene.mute, ward.scene.refuse = True, "the order was changed"
    page.get_by_role("button", name="It was given: enter it").click()
    until(page, lambda: len(asked(ward, "manual-dose")) == 1)
    page.get_by_role("button", name="Close", exact=True).click()
    page.evaluate("location.hash = '#/bed/pi-1/bed-3'")
    page.get_by_role("button", name="Dose by hand …").click()
    page.get_by_label("Dose", exact=True).fill("5")
    ward.do(lambda scene: scene.respond("manual-dose", asked(ward, "manual-dose")[0]))
    until(page, lambda: bool(page.evaluate("station.panel.back?.error")))
    expect(page.get_by_role("dialog")).to_have_accessible_name("Dose by hand: Bed 3")
    expect(page.get_by_label("Dose", exact=True)).to_have_value("5")
    expect(page.locator(".panel .refused")).to_have_count(0)
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_accessible_name("Dose by hand: Bed 2")
    expect(page.get_by_label("Dose", exact=True)).to_have_value("20")
    expect(page.locator(".panel .refused")).to_contain_text("the order was changed")
    expect(page.get_by_role("button", name="It was given: enter it")).to_be_enabled()


def test_a_greeting_of_the_server_never_undoes_the_language_that_was_chosen(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    held: list[Route] = []
    page.route("**/i18n/nb.json", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it calls
    page.get_by_role("button", name="Norsk").click()
    until(page, lambda: len(held) == 1)
    page.evaluate("void station.greet({config: {language: 'en'}})")
    until(page, lambda: len(held) == 2)
    for route in held:
        route.continue_()
    until(page, lambda: page.evaluate("document.documentElement.lang") == "nb")
    page.get_by_role("button", name="Logg inn").wait_for()


def test_of_two_languages_the_last_that_was_asked_for_counts(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    held: list[Route] = []
    page.route("**/i18n/nb.json", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it calls
    page.evaluate("void (globalThis.both = Promise.all([station.setLanguage('nb'), station.setLanguage('en')]))")
    until(page, lambda: len(held) == 1)
    held[0].continue_()
    page.evaluate("both")
    assert page.evaluate("document.documentElement.lang") == "en"
