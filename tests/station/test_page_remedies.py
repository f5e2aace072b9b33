"""From an alarm to its remedy in one tap: an unsure dose is settled; a line is told of; a patient without an order."""

import re
from typing import Any

from playwright.sync_api import expect

from tests.station.conftest import Ward, until
from tests.station.scene import Scene
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED, asked, awaiting, log_in, log_in_first
from tests.station.test_page_forms import change, opened, sent
from tests.station.test_page_two_drugs import two_drugs

UNSURE: dict[str, Any] = {
    "kind": "technical",
    "priority": "low",
    "band": "unsure",
    "port": "bed-2-pump",
    "channel": "11",
}
PLACE = {"port": "bed-2-pump", "channel": "11"}


def unsure(ward: Ward) -> None:
    ward.do(lambda scene: scene.alarm("bed-2", "DOSE_UNCERTAIN.bed-2-pump.11", **UNSURE))


def settling(scene: Scene) -> Any:
    """What Kari read, that a second person is to read."""
    said = {**PLACE, "drug": "ketamine-chronic-pain", "given_mg": "64", "reason": "read at the pump", "user": "kari"}
    until_s = scene.mono_s() + 590
    prompt = {"kind": "settle-dose", "due_mono_s": until_s, **PLACE}
    return change(settling=[{**said, "until_mono_s": until_s}], prompts=[prompt])(scene)


def test_an_unsure_dose_is_settled_from_its_alarm_with_one_tap_and_what_the_pump_shows(
    open_page: Open, ward: Ward
) -> None:
    unsure(ward)
    page = open_page()
    log_in_first(page, "Kari N")
    page.locator(".list .alarm").get_by_role("button", name="Amount given …").click()
    form = page.get_by_role("dialog")
    of = "Ketamine, chronic pain bed-2-pump, channel 11"
    expect(form.locator(".question")).to_contain_text(f"how much {of} has given")
    field = form.get_by_label("Given in all")
    expect(field).to_be_focused()
    field.fill("64,5")
    expect(form.locator(".facts.huge dd")).to_have_text("64.5 mg")
    ward.scene.refuse = (
        "64.5 mg: 40.00 mg at most can have been given by what was seen; a dose by hand is entered as such "
        "(manual-dose); if the pump gave so much all the same, say so (sure)"
    )
    form.get_by_role("button", name="The pump shows it: enter it").click()
    expect(form.locator(".outcome.refused")).to_contain_text("40.00 mg at most can have been given")
    expect(field).to_have_value("64,5")
    ward.scene.refuse, ward.scene.said = "", "64.5 mg; another person reads the pump and says the same within 10 min"
    form.get_by_role("button", name="I have looked again: it is right").click()
    expect(form).to_have_count(0)
    told = [(one["given"], one["reason"], one["sure"], one["user"]) for one in asked(ward, "settle-dose")]
    assert told == [("64.5 mg", "read at the pump", sure, "kari") for sure in (False, True)]
    expect(page.locator("[data-bed='pi-1/bed-2'] .outcome.done")).to_have_text(
        "Done. 64.5 mg; another person reads the pump and says the same within 10 min"
    )


def test_the_second_one_who_settles_a_dose_reads_the_pump_and_not_the_screen(open_page: Open, ward: Ward) -> None:
    ward.do(settling)
    page = open_page(BED)
    log_in_first(page, "Kari N")
    page.locator(".bed-head .due").click()
    form = page.get_by_role("dialog")
    expect(form.locator(".awaiting")).to_contain_text("Kari N. has read it. Another person reads the pump too")
    assert "64" not in form.inner_text()
    form.get_by_role("button", name="Another person reads the pump now").click()
    form.get_by_label("Given in all").fill("64")
    form.get_by_role("button", name="The pump shows it: enter it").click()
    log_in(page, "Ola P")
    until(page, lambda: bool(asked(ward, "settle-dose")))
    told = asked(ward, "settle-dose")[0]
    assert (told["user"], told["given"], told["channel"]) == ("ola", "64 mg", "11")


def test_a_dose_of_micrograms_is_settled_in_micrograms(open_page: Open, ward: Ward) -> None:
    ward.do(two_drugs)
    unsure(ward)
    page = open_page(BED)
    page.locator(".why").get_by_role("button", name="Amount given …").click()
    form = page.get_by_role("dialog")
    expect(form.locator(".entry .unit")).to_have_text("mg")
    form.get_by_role("button", name="bed-2-pump, channel 12").click()
    expect(form.locator(".entry .unit")).to_have_text("ug")
    form.get_by_label("Given in all").fill("800")
    expect(form.locator(".facts.huge dd")).to_have_text("800 ug")


def test_a_line_is_connected_with_its_dead_volume_and_flushed(open_page: Open, ward: Ward) -> None:
    page = opened(open_page, ward, "Line connected …")
    form = page.get_by_role("dialog")
    form.get_by_label("Dead volume of the line").fill("1,5")
    form.get_by_role("button", name="filled with something else").click()
    expect(form.locator(".facts.huge dd")).to_have_text("1.5 mL, filled with something else")
    form.get_by_role("button", name="It is connected so").click()
    expect(form).to_have_count(0)
    told = sent(ward, "line", "case", "port", "channel", "dead_volume", "filled_with")
    assert told == {"case": "k-1047", **PLACE, "dead_volume": "1.5 mL", "filled_with": "other"}
    page.get_by_role("button", name="Line flushed …").click()
    form.get_by_label("Volume of the flush").fill("10")
    ward.scene.refuse = "say the dead volume of the line (dead_volume): it stands on the line, or on its package"
    form.get_by_role("button", name="It is flushed: enter it").click()
    expect(form.locator(".outcome.refused")).to_contain_text("say the dead volume of the line")
    ward.scene.refuse, ward.scene.said = "", "15 mg of the line count as given; 10 mL of the pump hold no drug"
    form.get_by_label(re.compile("^Dead volume")).fill("1.5")
    form.get_by_role("button", name="filled with the drug").click()
    form.get_by_role("button", name="by the pump").click()
    expect(form.locator(".facts.huge dd")).to_have_text("10 mL, by the pump")
    form.get_by_role("button", name="It is flushed: enter it").click()
    expect(page.locator(".bed-body > .outcome.done")).to_contain_text("15 mg of the line count as given")
    first, second = asked(ward, "flush")
    assert (first["volume"], first["by"], first["dead_volume"]) == ("10 mL", "hand", None)
    assert (second["volume"], second["by"], second["dead_volume"], second["filled_with"]) == (
        "10 mL", "pump", "1.5 mL", "drug",
    )  # fmt: skip


def test_a_nurse_starts_a_patient_before_anybody_orders_and_corrects_the_checklist(open_page: Open, ward: Ward) -> None:
    def empty(scene: Scene) -> Any:
        scene.beds["bed-2"].patient = scene.beds["bed-2"].ordered = False
        return scene.say_therapy(scene.beds["bed-2"])

    ward.do(empty)
    page = opened(open_page, ward, "Patient and checklist …")
    form = page.get_by_role("dialog")
    form.get_by_label("Case number").fill("k-2002")
    form.get_by_label("Weight").fill("70,5")
    form.get_by_role("group", name="Treatments in 7 days").get_by_role("button", name="3+").click()
    expect(form.locator(".facts.huge")).to_have_text("k-200270.5 kg")
    form.get_by_role("button", name="Start the patient").click()
    expect(form).to_have_count(0)
    told = sent(ward, "start-patient", "case", "weight", "checklist")
    assert (told["case"], told["weight"], told["checklist"]["treatments_in_7_days"]) == ("k-2002", "70.5 kg", 3)
    ward.scene.beds["bed-2"].patient = True
    ward.do(lambda scene: scene.say_therapy(scene.beds["bed-2"]))
    expect(page.locator(".bed-head .case")).to_have_text("k-1047")
    page.get_by_role("button", name="Patient and checklist …").click()
    form.get_by_role("group", name="Opioids").get_by_role("button", name="yes").click()
    form.get_by_role("button", name="Correct it").click()
    until(page, lambda: len(asked(ward, "start-patient")) == 2)
    second = asked(ward, "start-patient")[1]
    assert (second["case"], second["weight"]) == ("k-1047", "70 kg")
    kept = {name: second["checklist"][name] for name in ("opioids", "cyp3a4_inhibitor", "cyp2b6_inhibitor")}
    assert kept == {"opioids": "yes", "cyp3a4_inhibitor": "yes", "cyp2b6_inhibitor": "unknown"}


def test_a_drug_that_the_pump_does_not_name_is_chosen_with_its_unit(open_page: Open, ward: Ward) -> None:
    ward.scene.beds["bed-2"].ordered = False
    ward.do(lambda scene: scene.say_therapy(scene.beds["bed-2"]))
    ward.do(lambda scene: scene.say_snapshot(scene.beds["bed-2"]))
    page = open_page(BED)
    log_in_first(page, "Ola P")
    page.get_by_role("button", name="Order …").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Concentration").fill("10")
    form.get_by_role("button", name="Ketamine, low dose").click()
    expect(form.get_by_label("Concentration")).to_have_value("10")
    form.get_by_role("button", name="ug/kg/min").click()
    expect(form.get_by_label("Concentration")).to_have_value("")
    form.get_by_label("Weight").fill("70")
    form.get_by_label("Concentration").fill("10000")
    form.get_by_label(re.compile("^Step")).first.fill("2,5")
    form.get_by_role("button", name="Read it back").click()
    back = form.locator(".read-back .facts")
    expect(back).to_contain_text("Ketamine, low dose")
    expect(back).to_contain_text("10000 ug/mL")
    expect(back).to_contain_text("2.5 ug/kg/min")
    form.get_by_role("button", name="It is right: send").click()
    until(page, lambda: bool(asked(ward, "order")))
    told = asked(ward, "order")[0]
    assert (told["drug"], told["concentration"], told["step"]) == ("ketamine-low-dose", "10000 ug/mL", "2.5 ug/kg/min")


def test_a_question_and_a_round_that_are_refused_keep_what_was_said(open_page: Open, ward: Ward) -> None:
    page = opened(open_page, ward, "Close the therapy …")
    form = page.get_by_role("dialog")
    ward.scene.refuse = "the recovery takes 12 min more; to close sooner, give a reason"
    form.get_by_label("Reason").fill("moved to the ward")
    form.get_by_role("button", name="Close the therapy").click()
    expect(form.locator(".outcome.refused")).to_contain_text("the recovery takes 12 min more")
    expect(form.get_by_label("Reason")).to_have_value("moved to the ward")
    form.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Round …").click()
    pain = form.get_by_role("group", name=re.compile("^Pain")).get_by_role("button", name="4", exact=True)
    pain.click()
    form.get_by_role("button", name="Only this").click()
    expect(form.locator(".outcome.refused")).to_be_visible()
    expect(pain).to_have_attribute("aria-pressed", "true")


def test_who_confirms_an_order_reads_its_advisories_first(open_page: Open, ward: Ward) -> None:
    ward.do(awaiting)
    bed = ward.scene.beds["bed-2"]
    bed.therapy_more["awaiting"][0]["advisories"] = ["Have naloxone at hand."]
    ward.do(lambda scene: scene.say_therapy(bed))
    page = open_page(BED)
    expect(page.locator(".awaiting .warning")).to_have_text("Read before you confirm: Have naloxone at hand.")
