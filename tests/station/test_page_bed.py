"""A bed, whole, in a real browser: why an alarm stands, trends, the round, choking, start and order, keyboard."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.station.conftest import Ward, until
from tests.station.scene import Scene
from tests.station.test_page_alarms import DOSE, Open
from tests.station.world import PIN

ARITHMETIC = "18.20 mL/h * 10 mg/mL / 70 kg = 2.600000 mg/kg/h"
BED = "#/bed/pi-1/bed-2"


def asked(ward: Ward, verb: str) -> list[dict[str, Any]]:
    return [body for what, body in ward.scene.asked if what == verb]


def log_in(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile(name)).click()
    page.get_by_label("PIN", exact=True).fill(PIN)
    page.get_by_role("button", name="OK", exact=True).click()


def test_one_click_from_the_tile_says_why_with_the_arithmetic(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.do(
        lambda scene: scene.alarm("bed-2", "DOSE_RATE_HIGH.bed-2-pump.11", **DOSE, evidence={"arithmetic": ARITHMETIC})
    )
    page.get_by_role("link", name="Bed 2").first.click()
    why = page.locator(".why")
    expect(why.locator(".arithmetic")).to_have_text(
        "18.20 mL/h \N{MULTIPLICATION SIGN} 10 mg/mL / 70 kg = 2.600000 mg/kg/h"
    )
    expect(why.locator("h2")).to_contain_text("2.60 mg/kg/h, above the soft limit 2.5")
    expect(why.locator(".facts")).to_contain_text("2.5 mg/kg/h (library)")
    page.get_by_role("button", name="Norsk").click()
    expect(why.locator(".arithmetic")).to_have_text(
        "18,20 ml/t \N{MULTIPLICATION SIGN} 10 mg/ml / 70 kg = 2,600000 mg/kg/t"
    )


def test_trends_and_history_are_asked_of_the_edge_and_drawn(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    expect(page.locator(".chart .lane")).to_have_count(5)
    until(page, lambda: (page.locator(".chart .hr .line").get_attribute("d") or "").count("L") > 300)
    assert page.locator(".chart .cuff").count() == 11
    assert page.locator(".chart .hr .limit.soft").count() == 1
    expect(page.locator(".shift li")).to_have_count(4)
    expect(page.locator(".shift li").nth(2)).to_contain_text("Began: Heart rate too high")
    expect(page.locator(".chart .mark.medium")).to_have_count(1)
    expect(page.locator(".block.limits")).to_contain_text("≤ 2.5 mg/kg/h")
    expect(page.locator(".block.order")).to_contain_text("Ola P.")
    trend = asked(ward, "history")
    assert {body["what"] for body in trend} == {"trend", "events"}


def test_a_round_takes_one_tap_when_all_is_well_and_choking_one(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    page.get_by_role("button", name="All is well: Bed 2").click()
    until(page, lambda: bool(asked(ward, "observe")))
    body = asked(ward, "observe")[0]
    assert (body["bed"], body["case"], body["all_well"], body["airway"]) == ("bed-2", "k-1047", True, None)
    expect(page.locator(".bed-body > .outcome.done")).to_have_text("Done.")
    page.get_by_role("link", name="← All beds").click()
    page.get_by_role("button", name="Choking: Bed 3").click()
    until(page, lambda: len(asked(ward, "observe")) == 2)
    body = asked(ward, "observe")[1]
    assert (body["bed"], body["airway"], body["all_well"]) == ("bed-3", "choking", False)


def test_a_round_says_what_is_not_well_and_what_was_measured_by_hand(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    page.get_by_role("button", name="Round …").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="secretions").click()
    form.get_by_role("group", name=re.compile("^Pain")).get_by_role("button", name="4", exact=True).click()
    form.get_by_text("Measured by hand").click()
    form.get_by_label(re.compile("^SpO₂")).fill("94,5")
    expect(form.locator(".read").filter(has_text="94.5 %")).to_have_count(1)
    form.get_by_role("button", name="This, and all else is well").click()
    until(page, lambda: bool(asked(ward, "observe")))
    body = asked(ward, "observe")[0]
    assert (body["all_well"], body["airway"], body["pain"], body["vital_signs"]) == (
        True,
        "secretions",
        4,
        {"spo2": "94.5 %"},
    )
    expect(form).to_have_count(0)


def empty(scene: Scene) -> Any:
    bed = scene.beds["bed-4"]
    bed.patient, bed.ordered, bed.phase = False, False, "none"
    return scene.say_therapy(bed)


def test_start_and_order_within_six_taps_read_back_and_typed_with_a_comma(open_page: Open, ward: Ward) -> None:
    ward.do(empty)
    page = open_page("#/bed/pi-1/bed-4")
    page.evaluate("taps = 0; addEventListener('click', (event) => (taps += event.detail > 0 ? 1 : 0), true)")
    page.get_by_role("button", name="Start and order …").click()  # 1
    expect(page.get_by_label("Case number")).to_be_focused()
    keys = page.keyboard
    keys.type("k-2001")
    keys.press("Tab")
    keys.type("70,5")
    keys.press("Tab")
    keys.type("10")
    page.get_by_role("button", name="All no").click()  # 2
    page.get_by_role("button", name="Read it back").click()  # 3
    back = page.locator(".read-back .facts")
    expect(back).to_contain_text("70.5 kg")
    expect(back).to_contain_text("10 mg/mL")
    assert page.locator(".read-back dd").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)") >= 36
    page.get_by_role("button", name="It is right: send").click()  # 4
    log_in(page, "Ola P")  # 5 and 6, and the PIN
    until(page, lambda: bool(asked(ward, "order")))
    start, order = asked(ward, "start-patient")[0], asked(ward, "order")[0]
    assert (start["case"], start["weight"], start["user"]) == ("k-2001", "70.5 kg", "ola")
    assert set(start["checklist"].values()) == {"no", None}
    assert (order["case"], order["weight"], order["concentration"], order["rev"]) == (
        "k-2001",
        "70.5 kg",
        "10 mg/mL",
        0,
    )
    assert (order["step"], order["drug"], order["port"], order["channel"]) == (None, "", "bed-4-pump", "11")
    assert page.evaluate("taps") <= 6
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1.000", "One, or a thousand times as much?"),
        ("1,000", "One, or a thousand times as much?"),
        ("1 000", "No thousands separator"),
        ("1.000,5", "No thousands separator"),
        ("ten", "This is not a number"),
        ("-5", "This is not a number"),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_refused(open_page: Open, ward: Ward, typed: str, said: str) -> None:
    page = open_page(BED)
    page.get_by_role("button", name="Change the order …").click()
    page.get_by_label("Weight").fill(typed)
    page.get_by_label("Concentration").fill("10")
    expect(page.locator(".entry .error")).to_contain_text(said)
    expect(page.get_by_role("button", name="Read it back")).to_be_disabled()


def test_two_fields_that_change_between_two_paintings_are_both_kept(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    page.get_by_role("button", name="Change the order …").click()
    expect(page.get_by_label("Weight")).to_be_focused()
    page.evaluate(
        """() => [["Weight", "71"], ["Concentration", "9"]].forEach(([label, text]) => {
            const field = [...document.querySelectorAll(".entry")].find((one) => one.textContent.startsWith(label));
            field.querySelector("input").value = text;
            field.querySelector("input").dispatchEvent(new Event("input", { bubbles: true }));
        })"""
    )
    expect(page.locator(".entry .read").nth(0)).to_have_text("71 kg")
    expect(page.locator(".entry .read").nth(1)).to_have_text("9 mg/mL")


def test_a_refusal_of_an_order_keeps_what_was_typed_and_asks_whether_it_is_sure(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    log_in_first(page, "Ola P")
    page.get_by_role("button", name="Change the order …").click()
    page.get_by_label("Weight").fill("72")
    page.get_by_label("Concentration").fill("10")
    page.get_by_role("button", name="Read it back").click()
    ward.scene.refuse = "72 kg, and the patient was started with 70 kg: if 72 kg is right, say so (sure)"
    page.get_by_role("button", name="It is right: send").click()
    expect(page.locator(".panel .outcome")).to_contain_text("72 kg, and the patient was started with 70 kg")
    ward.scene.refuse = ""
    page.get_by_role("button", name="I have looked again: it is right").click()
    until(page, lambda: len(asked(ward, "order")) == 2)
    assert [body["sure"] for body in asked(ward, "order")] == [False, True]
    assert asked(ward, "order")[1]["rev"] == 3


def log_in_first(page: Page, name: str) -> None:
    page.get_by_role("button", name="Log in").click()
    log_in(page, name)
    expect(page.get_by_role("button", name=re.compile(f"{name}.*log out"))).to_be_visible()


def awaiting(scene: Scene) -> Any:
    bed = scene.beds["bed-2"]
    order = {
        "port": bed.port, "channel": "11", "drug": "ketamine-chronic-pain", "concentration_mg_per_ml": "10",
        "weight_kg": "70", "step_mg_per_kg_per_h": "1.5", "maximum_mg_per_kg_per_h": "2.0", "origin": "", "rev": 4,
        "by": "desk:ola",
    }  # fmt: skip
    bed.therapy_more = {
        "awaiting": [{"order": order, "user": "ola", "passed": [], "until_mono_s": scene.mono_s() + 600}]
    }
    return scene.say_therapy(bed)


def test_another_person_confirms_an_order_that_is_read_back_large(open_page: Open, ward: Ward) -> None:
    ward.do(awaiting)
    page = open_page(BED)
    waiting = page.locator(".awaiting")
    expect(waiting.locator(".facts.large")).to_contain_text("1.5 mg/kg/h")
    waiting.get_by_role("button", name="Confirm: it is right").click()
    log_in(page, "Kari N")
    until(page, lambda: bool(asked(ward, "confirm")))
    body = asked(ward, "confirm")[0]
    assert (body["rev"], body["port"], body["user"]) == (4, "bed-2-pump", "kari")


def another_syringe(scene: Scene) -> Any:
    bed = scene.beds["bed-2"]
    order = {
        "port": bed.port, "channel": "11", "drug": "ketamine-chronic-pain", "concentration_mg_per_ml": "10",
        "weight_kg": "70", "step_mg_per_kg_per_h": "1.0", "maximum_mg_per_kg_per_h": "2.0", "origin": "", "rev": 3,
        "by": "desk:ola", "syringe_changed": scene.stamp(60.0),
    }  # fmt: skip
    bed.therapy_more = {
        "orders": [order],
        "prompts": [{"kind": "syringe", "due_mono_s": scene.mono_s() + 240, "port": bed.port, "channel": "11"}],
    }
    return scene.say_therapy(bed)


def test_one_tap_says_what_is_in_a_new_syringe(open_page: Open, ward: Ward) -> None:
    ward.do(another_syringe)
    page = open_page(BED)
    expect(page.locator(".bed-head .due")).to_have_text("New syringe: same drug and concentration?")
    expect(page.locator(".awaiting .facts.large")).to_contain_text("10 mg/mL")
    page.get_by_role("button", name="Same drug and concentration").click()
    log_in(page, "Kari N")
    until(page, lambda: bool(asked(ward, "confirm-syringe")))
    body = asked(ward, "confirm-syringe")[0]
    assert (body["rev"], body["port"], body["channel"], body["case"]) == (3, "bed-2-pump", "11", "k-1047")


def test_to_close_asks_first_and_a_wrong_pin_says_how_many_tries_are_left(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    page.get_by_role("button", name="Close the therapy …").click()
    page.get_by_role("dialog").get_by_role("button", name="Close the therapy").click()
    page.get_by_role("button", name=re.compile("Kari N")).click()
    page.get_by_label("PIN", exact=True).fill("9999")
    page.get_by_role("button", name="OK", exact=True).click()
    expect(page.locator(".panel .outcome")).to_contain_text("The PIN is wrong; 4 more tries.")
    assert asked(ward, "close") == []
    page.get_by_label("PIN", exact=True).fill(PIN)
    page.get_by_role("button", name="OK", exact=True).click()
    until(page, lambda: bool(asked(ward, "close")))
    assert (asked(ward, "close")[0]["case"], asked(ward, "close")[0]["reason"]) == ("k-1047", "")


def test_by_keyboard_alone_an_alarm_is_taken_and_its_bed_opened_and_left(open_page: Open, ward: Ward) -> None:
    page = open_page()
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH"))
    expect(page.locator(".list .take")).to_be_visible()

    def tab_to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(
                "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
            ).startswith(wanted):
                assert page.evaluate("document.activeElement.matches(':focus-visible')")
                return
        pytest.fail(f"{wanted} is not reached by Tab")

    tab_to("I take it")
    page.keyboard.press("Enter")
    until(page, lambda: bool(asked(ward, "accept")))
    tab_to("Bed 3")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Bed 3")
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(4)
