"""What a technician does at a bed's page: service, a test alarm, an acceptance with its sheet; and what is refused."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.station.conftest import Ward, until
from tests.station.scene import Scene
from tests.station.test_page_access import MM_15, violations
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED, asked, log_in_first


def empty(scene: Scene) -> Any:
    bed = scene.beds["bed-2"]
    bed.patient = bed.ordered = False
    return scene.say_therapy(bed)


def at_work(open_page: Open, *, user: str = "Tone T") -> Page:
    page = open_page(BED)
    log_in_first(page, user)
    page.locator(".technician summary").click()
    return page


def test_a_bed_is_put_under_service_for_an_hour_and_taken_back(open_page: Open, ward: Ward) -> None:
    ward.do(empty)
    page = at_work(open_page)
    page.get_by_role("button", name="Devices under service …").click()
    page.get_by_role("button", name="Under service for 60 min").click()
    until(page, lambda: bool(asked(ward, "service")))
    told = asked(ward, "service")[0]
    assert (told["bed"], told["duration_s"], told["user"], told["role"]) == ("bed-2", 3600, "tone", "technician")

    def paused(scene: Scene) -> Any:
        bed = scene.beds["bed-2"]
        bed.pauses = [{"reason": "service", "by": "desk:tone", "until_mono_s": scene.mono_s() + 3600}]
        return scene.say_therapy(bed)

    ward.do(paused)
    expect(page.locator(".bed-head .paused")).to_contain_text("Under service")
    page.get_by_role("button", name="Devices under service …").click()
    expect(page.get_by_role("dialog")).to_contain_text("Tone T.")
    page.get_by_role("button", name="End the service").click()
    until(page, lambda: len(asked(ward, "service")) == 2)
    assert asked(ward, "service")[1]["duration_s"] == 0


def test_service_with_a_patient_is_refused_in_words(open_page: Open, ward: Ward) -> None:
    page = at_work(open_page)
    page.get_by_role("button", name="Devices under service …").click()
    form = page.get_by_role("dialog")
    expect(form.locator(".question")).to_have_text("There is a patient at this bed: service is refused.")
    ward.scene.refuse = "Bed 2 has a patient, case k-1047: close the therapy first"
    form.get_by_role("button", name="15 min", exact=True).click()
    form.get_by_role("button", name="Under service for 15 min").click()
    expect(form.locator(".outcome.refused")).to_have_text(
        "Refused: Bed 2 has a patient, case k-1047: close the therapy first"
    )
    assert asked(ward, "service")[0]["duration_s"] == 900


def test_a_test_alarm_is_sent_and_the_edge_says_everything_again(open_page: Open, ward: Ward) -> None:
    page = at_work(open_page)
    for name, verb in (("Test alarm", "test-alarm"), ("Say everything again", "reassert")):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.locator(f".technician [data-verb={verb}] .outcome")).to_have_text("Done.")
        assert (asked(ward, verb)[0]["user"], asked(ward, verb)[0]["role"]) == ("tone", "technician")


@pytest.mark.long
@pytest.mark.parametrize("button", ["Devices under service …", "Accept the bed …"])
def test_axe_finds_nothing_and_a_gloved_finger_hits_every_button(open_page: Open, ward: Ward, button: str) -> None:
    page = at_work(open_page)
    page.get_by_role("button", name=button).click()
    assert violations(page) == ""
    sizes = page.locator(".panel button, .technician button, .technician summary").evaluate_all(
        "(all) => all.map((one) => Math.min(one.getBoundingClientRect().height, one.getBoundingClientRect().width))"
    )
    assert min(sizes) >= MM_15 - 1


@pytest.mark.parametrize(("seen", "result"), [("yes", "accepted"), ("no", "not accepted")])
def test_a_bed_is_accepted_with_a_sheet_whose_hash_is_journalled(
    open_page: Open, ward: Ward, tmp_path: Path, seen: str, result: str
) -> None:
    ward.do(empty)
    page = at_work(open_page)
    page.get_by_role("button", name="Accept the bed …").click()
    form = page.get_by_role("dialog")
    expect(form.locator(".facts.large")).to_contain_text("Perfusor Space · 012345 · confirmed")
    send = form.get_by_role("button", name="Enter it and keep the sheet")
    expect(send).to_be_disabled()
    form.get_by_role("button", name="Test alarm").click()
    form.get_by_role("group", name=re.compile("^Are these")).get_by_role("button", name="yes").click()
    form.get_by_role("group", name=re.compile("^Was the")).get_by_role("button", name=seen).click()
    expect(form.locator(".facts.huge dd")).to_have_text(result.upper())
    with page.expect_download() as download:
        send.click()
    sheet = tmp_path / "sheet.txt"
    download.value.save_as(sheet)
    assert re.fullmatch(r"acceptance-pi-1-bed-2-\d{4}-\d\d-\d\d\.txt", download.value.suggested_filename)
    told = asked(ward, "bed-accepted")[0]
    assert (told["result"], told["user"]) == (result, "tone")
    assert told["sheet_sha256"] == hashlib.sha256(sheet.read_bytes()).hexdigest()
    text = sheet.read_text(encoding="utf-8")
    assert f"\n{result.upper()}\n" in text
    assert "Tone T." in text
    assert "Pump bed-2-pump 11: connected · Perfusor Space · 012345 · confirmed" in text
    expect(form).to_have_count(0)
