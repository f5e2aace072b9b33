"""The forms of a bed in a real browser: baseline, limits, a dose by hand, a step, a pump's role, a line that is off."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.station.conftest import Ward, until
from tests.station.scene import Bed, Scene, limit, metric
from tests.station.test_page_access import MM_15, violations
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED, asked, log_in, log_in_first

PREPARED = {"phase": "setup", "step": 0}


def change(**more: Any) -> Callable[[Scene], Any]:
    """Let bed 2 say another therapy."""

    def changed(scene: Scene) -> Any:
        bed: Bed = scene.beds["bed-2"]
        bed.therapy_more = more
        return scene.say_therapy(bed)

    return changed


async def stamp(scene: Scene) -> dict[str, Any]:
    return scene.stamp()


def opened(open_page: Open, ward: Ward, button: str, **more: Any) -> Page:
    """The form of bed 2, somebody logged in."""
    if more:
        ward.do(change(**more))
    page = open_page(BED)
    log_in_first(page, "Kari N")
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def sent(ward: Ward, verb: str, *names: str) -> dict[str, Any]:
    found = asked(ward, verb)
    assert len(found) == 1
    assert (found[0]["bed"], found[0]["user"], found[0]["role"]) == ("bed-2", "kari", "nurse")
    return {name: found[0][name] for name in names}


def usual(ward: Ward, *found: dict[str, Any]) -> None:
    """Let bed 2 say what a baseline would be."""
    bed = ward.scene.beds["bed-2"]
    bed.usual = list(found)
    ward.do(lambda scene: scene.say_snapshot(bed))


def test_a_baseline_is_what_the_edge_would_take_with_one_tap(open_page: Open, ward: Ward) -> None:
    page = opened(open_page, ward, "Baseline …", **PREPARED)
    shown = page.locator(".panel .facts.huge dd")
    expect(shown).to_have_text(["--", "--", "--"])  # what the monitor shows may be of the patient before
    expect(page.get_by_role("button", name="Confirm the baseline")).to_be_disabled()
    rate = metric("baseline_heart_rate_per_min", "76.5", "/min", note="the middle of 2 readings")
    usual(ward, rate, metric("baseline_nibp_sys_mmhg", "131", "mm[Hg]", note="the middle of 3 readings"))
    expect(shown).to_have_text(["76.5 /minthe middle of 2 readings", "131 mmHgthe middle of 3 readings", "--"])
    page.get_by_role("button", name="Confirm the baseline").click()
    until(page, lambda: bool(asked(ward, "baseline")))
    assert sent(ward, "baseline", "case", "readings") == {"case": "k-1047", "readings": []}
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".bed-body > .outcome.done")).to_have_text("Done.")


def test_a_baseline_is_typed_in_up_to_three_readings_and_never_taken_from_a_monitor_that_is_silent(
    open_page: Open, ward: Ward
) -> None:
    page = opened(open_page, ward, "Baseline …", **PREPARED)
    usual(ward, metric("baseline_heart_rate_per_min", "76.5", "/min"))
    expect(page.get_by_role("button", name="Confirm the baseline")).to_be_enabled()
    page.evaluate("station.ward.beds.get('pi-1/bed-2').taken_at_s -= 3600")
    ward.scene.beds["bed-2"].live = False
    page.evaluate("station.ward.beds.get('pi-1/bed-2').taken_at_s -= 3600; station.changed()")
    expect(page.locator(".panel .facts.huge dd").first).to_have_text("--")
    expect(page.get_by_role("button", name="Confirm the baseline")).to_be_disabled()
    page.get_by_text("Type what was measured").click()
    page.locator("#entry-heart_rate-0").fill("72,5")
    page.locator("#entry-nibp_sys-0").fill("128")
    page.locator("#entry-heart_rate-1").fill("76")
    expect(page.locator(".entry .read").first).to_have_text("72.5 /min")
    page.get_by_role("button", name="Confirm the baseline").click()
    until(page, lambda: bool(asked(ward, "baseline")))
    first = {"heart_rate": "72.5 /min", "nibp_sys": "128 mmHg", "nibp_mean": None}
    second = {"heart_rate": "76 /min", "nibp_sys": None, "nibp_mean": None}
    assert sent(ward, "baseline", "readings") == {"readings": [first, second]}


def test_a_baseline_that_is_due_is_asked_for_where_it_says_so(open_page: Open, ward: Ward) -> None:
    def due(scene: Scene) -> Any:
        prompt = {"kind": "baseline", "due_mono_s": scene.mono_s() - 300, "port": "", "channel": ""}
        return change(**PREPARED, prompts=[prompt])(scene)

    ward.do(due)
    page = open_page()
    expect(page.locator(".tile[data-bed='pi-1/bed-2'] .due.late")).to_have_text("Baseline due since 5 min")
    page.evaluate(f"location.hash = '{BED}'")
    page.get_by_role("button", name="Baseline due since 5 min").click()
    expect(page.get_by_role("dialog")).to_contain_text("Take the middle of the last readings")


@pytest.mark.long
def test_a_limit_is_set_for_one_patient_inside_the_site_s_bounds_and_put_back(open_page: Open, ward: Ward) -> None:
    high = limit("HR_HIGH", "soft", "high", "120", "/min") | {"adjust_from": "90", "adjust_to": "140"}
    fixed = limit("HR_HIGH", "hard", "high", "140", "/min")
    mine = {"condition": "HR_HIGH", "band": "soft", "value": "120", "by": "desk:kari", "at": ward.do(stamp)}
    page = opened(open_page, ward, "Change a limit …", limits=[high, fixed], adjusted=[mine])
    choices = page.locator(".limit-list button")
    expect(choices).to_have_count(1)
    expect(choices).to_contain_text("Heart rate, at most, soft")
    expect(choices).to_contain_text("set for this patient")
    choices.click()
    expect(page.locator(".panel .facts.huge")).to_contain_text("90 to 140 /min")
    page.get_by_label("New value").fill("130")
    expect(page.locator(".panel .warning")).to_have_text("Wider than now: the alarm comes later.")
    page.get_by_label("New value").fill("115")
    expect(page.locator(".panel .warning")).to_have_count(0)
    expect(page.locator(".panel .read")).to_have_text("115 /min")
    page.get_by_role("button", name="Send", exact=True).click()
    until(page, lambda: bool(asked(ward, "limits")))
    told = sent(ward, "limits", "case", "condition", "band", "value")
    assert told == {"case": "k-1047", "condition": "HR_HIGH", "band": "soft", "value": "115 /min"}
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Change a limit …").click()
    choices.click()
    page.get_by_role("button", name="As it was before").click()
    until(page, lambda: len(asked(ward, "limits")) == 2)
    assert asked(ward, "limits")[1]["value"] is None


def test_a_refused_form_comes_back_with_its_reason_and_what_was_typed(open_page: Open, ward: Ward) -> None:
    high = limit("HR_HIGH", "soft", "high", "120", "/min") | {"adjust_from": "90", "adjust_to": "140"}
    ward.do(change(limits=[high]))
    ward.scene.refuse = "HR_HIGH soft 150 /min: the site allows 90 to 140 /min"
    page = open_page(BED)
    page.get_by_role("button", name="Change a limit …").click()
    page.locator(".limit-list button").click()
    page.get_by_label("New value").fill("150")
    page.get_by_role("button", name="Send", exact=True).click()
    log_in(page, "Kari N")
    expect(page.locator(".panel .outcome.refused")).to_contain_text("the site allows 90 to 140 /min")
    expect(page.get_by_label("New value")).to_have_value("150")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    assert [body["user"] for body in asked(ward, "limits")] == ["kari"]


def test_a_form_is_pending_until_the_edge_has_answered(open_page: Open, ward: Ward) -> None:
    page = opened(open_page, ward, "Dose by hand …")
    ward.scene.mute = True
    page.get_by_label("Dose", exact=True).fill("20")
    page.get_by_role("button", name="It was given: enter it").click()
    waits = page.locator(".panel .go")
    expect(waits).to_have_text("Waiting for the bed …")
    expect(waits).to_be_disabled()
    ward.scene.mute = False
    until(page, lambda: bool(asked(ward, "manual-dose")))
    ward.do(lambda scene: scene._answer_one("manual-dose", asked(ward, "manual-dose")[0]))
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_dose_by_hand_names_its_drug_and_is_read_back_large(open_page: Open, ward: Ward) -> None:
    page = opened(open_page, ward, "Dose by hand …")
    expect(page.get_by_role("button", name="Ketamine, chronic pain", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    field = page.get_by_label("Dose", exact=True)
    expect(field).to_be_focused()
    field.fill("1.000")
    expect(page.locator(".panel .error")).to_contain_text("One, or a thousand times as much?")
    expect(page.get_by_role("button", name="It was given: enter it")).to_be_disabled()
    field.fill("12,5")
    read = page.locator(".panel .facts.huge dd")
    expect(read).to_have_text("12.5 mg")
    assert read.evaluate("node => parseFloat(getComputedStyle(node).fontSize)") >= 36
    page.get_by_role("button", name="It was given: enter it").click()
    until(page, lambda: bool(asked(ward, "manual-dose")))
    told = sent(ward, "manual-dose", "case", "drug", "dose")
    assert told == {"case": "k-1047", "drug": "ketamine-chronic-pain", "dose": "12.5 mg"}


def test_a_pump_is_declared_a_carrier_at_a_bed_without_a_patient(open_page: Open, ward: Ward) -> None:
    ward.scene.beds["bed-2"].patient = ward.scene.beds["bed-2"].ordered = False
    ward.do(lambda scene: scene.say_therapy(scene.beds["bed-2"]))
    page = opened(open_page, ward, "What a pump is for …")
    send = page.get_by_role("button", name="Send", exact=True)
    expect(send).to_be_disabled()
    page.get_by_role("button", name="carries another infusion").click()
    expect(page.locator(".panel .question")).to_contain_text("its flow counts toward no dose")
    send.click()
    until(page, lambda: bool(asked(ward, "channel-role")))
    told = sent(ward, "channel-role", "case", "port", "channel", "channel_role")
    assert told == {"case": "", "port": "bed-2-pump", "channel": "11", "channel_role": "carrier"}


def test_a_line_is_off_the_patient_for_minutes_and_on_again(open_page: Open, ward: Ward) -> None:
    page = opened(open_page, ward, "Line off the patient …")
    page.get_by_role("button", name="5 min", exact=True).click()
    page.get_by_role("button", name="Off for 5 min").click()
    until(page, lambda: bool(asked(ward, "line-disconnected")))
    told = sent(ward, "line-disconnected", "case", "port", "channel", "duration")
    assert told == {"case": "k-1047", "port": "bed-2-pump", "channel": "11", "duration": "5 min"}

    def off(scene: Scene) -> Any:
        line = {"port": "bed-2-pump", "channel": "11", "by": "desk:kari", "until_mono_s": scene.mono_s() + 300}
        return change(disconnected=[line])(scene)

    ward.do(off)
    expect(page.locator(".bed-head .paused")).to_have_text(re.compile(r"^Line off the patient (5:00|4:5\d)$"))
    page.get_by_role("button", name="Line off the patient …").click()
    page.get_by_role("button", name="It is on again").click()
    until(page, lambda: len(asked(ward, "line-disconnected")) == 2)
    assert asked(ward, "line-disconnected")[1]["duration"] == "0 s"


@pytest.mark.parametrize(
    ("given", "step"),
    [("1.500700", "1.5 mg/kg/h"), ("1.3142", "1.31 mg/kg/h"), ("0.5", "0.5 mg/kg/h"), ("2.003", "2 mg/kg/h")],
)
def test_a_step_inside_the_order_is_confirmed_in_one_tap(open_page: Open, ward: Ward, given: str, step: str) -> None:
    ward.scene.beds["bed-2"].dose = given
    page = open_page()
    log_in_first(page, "Kari N")
    button = page.get_by_role("button", name=f"Yes: the step is {step}: Bed 2")
    expect(button).to_have_text(f"Step {step.split(maxsplit=1)[0]}?")
    button.click()
    until(page, lambda: bool(asked(ward, "step")))
    told = sent(ward, "step", "case", "port", "channel", "rev", "step")
    assert told == {"case": "k-1047", "port": "bed-2-pump", "channel": "11", "rev": 3, "step": step}


@pytest.mark.parametrize("given", ["1.05", "2.5", None])
def test_what_is_no_step_of_the_order_is_not_asked_about(open_page: Open, ward: Ward, given: str | None) -> None:
    ward.scene.beds["bed-2"].dose = given
    page = open_page(BED)
    until(
        page,
        lambda: page.evaluate("station.ward.beds.get('pi-1/bed-2').snapshot.channels[0].metrics[0].value") == given,
    )
    expect(page.locator(".bed-head")).to_be_visible()
    assert page.locator("button.step").count() == 0


def test_a_step_says_on_the_bed_s_page_what_was_set_and_why_it_is_refused(open_page: Open, ward: Ward) -> None:
    ward.scene.beds["bed-2"].dose = "1.500000"
    ward.scene.refuse = "the order was changed since you looked, or there is none: look again"
    page = open_page(BED)
    expect(page.locator(".steps h2")).to_have_text(
        "Ketamine, chronic pain was set to 1.50 mg/kg/h, ordered is 1: is that the next step?"
    )
    page.get_by_role("button", name="Yes: the step is 1.5 mg/kg/h").click()
    log_in(page, "Kari N")
    expect(page.locator(".steps .outcome.refused")).to_contain_text("the order was changed since you looked")


FORMS = [
    *("Baseline …", "Dose by hand …", "Line off the patient …", "Change a limit …", "What a pump is for …"),
    *("Amount given …", "Line connected …", "Line flushed …", "Patient and checklist …"),
]


@pytest.mark.long
@pytest.mark.parametrize("button", FORMS)
def test_axe_finds_nothing_in_a_form_and_a_gloved_finger_hits_every_button(
    open_page: Open, ward: Ward, button: str
) -> None:
    high = limit("HR_HIGH", "soft", "high", "120", "/min") | {"adjust_from": "90", "adjust_to": "140"}
    page = opened(open_page, ward, button, **PREPARED, limits=[high])
    assert violations(page) == ""
    small = page.evaluate(
        """(least) => [...document.querySelectorAll(".panel button, .panel summary, .panel input")].filter((node) => {
            const { width, height } = node.getBoundingClientRect();
            return height && (height < least || width < least);
        }).map((node) => node.textContent)""",
        MM_15 - 1,
    )
    assert small == []


def test_a_form_is_filled_in_and_sent_by_keyboard_alone(open_page: Open, ward: Ward) -> None:
    page = opened(open_page, ward, "Dose by hand …")
    expect(page.get_by_label("Dose", exact=True)).to_be_focused()
    keys = page.keyboard
    keys.type("7,5")
    expect(page.locator(".panel .facts.huge dd")).to_have_text("7.5 mg")
    keys.press("Tab")
    expect(page.get_by_role("button", name="It was given: enter it")).to_be_focused()
    keys.press("Enter")
    until(page, lambda: bool(asked(ward, "manual-dose")))
    assert asked(ward, "manual-dose")[0]["dose"] == "7.5 mg"


def test_a_cancelled_login_leaves_what_was_typed(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    page.get_by_role("button", name="Dose by hand …").click()
    page.get_by_label("Dose", exact=True).fill("20")
    page.get_by_role("button", name="It was given: enter it").click()
    expect(page.get_by_role("dialog")).to_have_accessible_name("Who are you?")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Dose", exact=True)).to_have_value("20")
    expect(page.get_by_role("button", name="It was given: enter it")).to_be_enabled()
    assert asked(ward, "manual-dose") == []
