"""The guide to the alarms is in step with the code, and has a row with every number for every alarm."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.model import DeviceAlarmKind
from edge.alarm_guide import PAGE, SHIPPED, described, guide, main
from edge.commands import MARKS
from edge.config import load
from edge.core.catalogue import CATALOGUE, entry_of
from edge.core.catalogue_texts import ACTIONS
from tests.unit.alarm_acts import ASKED, Bedside

ROWS = {
    found[1]: line.split(" | ")
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if (found := re.match(r"\| \*\*[^*]+\*\*<br>`(\w+)`", line))
}


def test_the_page_is_in_step() -> None:
    assert main(["--check"]) == 0


def test_every_alarm_has_one_row_and_a_name_of_its_own() -> None:
    assert ROWS.keys() == {*CATALOGUE, "FOREIGN"} == ACTIONS.keys()
    assert len(set(described().values())) == len(ROWS)


@pytest.mark.parametrize("condition", ACTIONS)
def test_a_row_says_what_to_do_when_it_can_be_and_what_holds_it_back(condition: str) -> None:
    _, when, expected, ends, action = ROWS[condition]
    assert action == f"{ACTIONS[condition].english}<br>*{ACTIONS[condition].norwegian}* |"
    assert expected == entry_of(condition).expected
    for cause in entry_of(condition).inhibited_by:
        assert described()[cause] in when.rpartition("held back by: ")[2]
    assert ends


def test_the_shipped_limits_stand_in_it_with_their_delays() -> None:
    assert "**high**: above 140 /min for 10 s" in ROWS["HR_HIGH"][1]
    assert "medium: above 2.0 mg/kg/h for 1 min<br>**high**: above 2.5 mg/kg/h for 10 s" in ROWS["DOSE_RATE_HIGH"][1]
    assert "**high**: above 4.0 mg/kg/h at once" in ROWS["DOSE_RATE_HIGH"][1]
    assert "below 80 % of the ordered step, or below 0.05 mg/kg/h, for 5 min" in ROWS["DOSE_RATE_LOW"][1]
    assert ROWS["RR_HIGH"][1].startswith("low: above 25 /min for 20 s")
    core = load(SHIPPED, Path()).core
    assert "5 minutes as shipped" in guide()
    assert {bed.cuff_interval_s for bed in core.beds} == {300.0}
    limits = [*core.vital_limits, *(drug.dose_rate_high for drug in core.drugs)]
    for limit in limits:
        for band in limit.bands:
            assert f" {band.value} " in ROWS[limit.condition][1]
        assert f"{limit.hysteresis} " in ROWS[limit.condition][3]


def test_what_latches_is_what_can_be_high_and_latches() -> None:
    latching = {condition for condition, row in ROWS.items() if "latches when high" in row[3]}
    assert {"DOSE_RATE_HIGH", "HR_HIGH", "DEVICE_AIR_IN_LINE", "DEVICE_IDENTITY_CHANGED"} <= latching
    assert latching.isdisjoint({"DOSE_RATE_LOW", "RR_HIGH", "DEVICE_KVO_ACTIVE"})
    high = {condition for condition, row in ROWS.items() if "**high**" in row[1]}
    # The page names them: they end with their cause, seen or not.
    assert high - latching == {
        *("PUMP_LINK_LOST", "MONITOR_LINK_LOST", "NIBP_OVERDUE", "ORDER_MISSING", "CHANNEL_UNBOUND"),
        *("NORTHBOUND_LOST", "STATION_NOT_DISPLAYING", "CHOKING", "SEDATION_DEEP", "PATIENT_UNWATCHED"),
        *("NAME_TAKEN", "FLOW_MISMATCH", "STORE_NOT_READ", "BED_NOT_WATCHED"),
    }


def test_what_off_the_monitor_silences_is_marked() -> None:
    marked = {condition for condition, row in ROWS.items() if "silent off the monitor" in row[1]}
    assert marked == {condition for condition, entry in CATALOGUE.items() if entry.sensor}
    assert not any(condition.startswith("DOSE") for condition in marked)


def test_what_a_service_silences_is_marked_and_holds_nothing_that_a_patient_needs() -> None:
    marked = {condition for condition, row in ROWS.items() if "silent under service" in row[1]}
    assert marked == {condition for condition, entry in CATALOGUE.items() if entry.device}
    of_devices = {f"DEVICE_{kind.name}" for kind in DeviceAlarmKind}
    assert marked - of_devices == {
        *("PUMP_LINK_LOST", "MONITOR_LINK_LOST", "DATA_FROZEN", "DEVICE_IDENTITY_CHANGED", "IDENTITY_UNCONFIRMED"),
        *("HR_MISSING", "SPO2_MISSING", "RR_MISSING", "NIBP_OVERDUE", "HR_SOURCES_DISAGREE"),
    }
    assert of_devices - marked == {"DEVICE_VITAL_SIGN", "DEVICE_LIFE_THREATENING"}


def test_the_shipped_steps_of_an_overdue_cuff_pressure_are_reckoned() -> None:
    # As `test_a_pressure_that_never_comes_is_overdue_in_three_steps` has it for the same interval.
    told = "so with an interval of 5 min, as shipped: low after 8 min, medium after 10 min, high after 30 min"
    assert f"{told} while a pump infuses" in ROWS["NIBP_OVERDUE"][1]


def test_the_life_of_an_alarm_is_told_with_the_shipped_limits() -> None:
    example = guide().partition("### An example")[2].partition("\n## ")[0]
    for words in (
        "above 140 /min. After 10 s, at 0:10, HR_HIGH SOUNDS, high",
        "on all screens of the ward at 1:10",
        "SILENT for 5 min",
        "117 /min or below, and stays there for 10 s: about 2:10",
    ):
        assert words in example


@pytest.mark.parametrize(
    ("pressed", "life"),
    [
        (True, [(10, "start"), (30, "accept"), (30, "acknowledge"), (130, "end")]),
        (False, [(10, "start"), (70, "level"), (130, "latch")]),
    ],
)
def test_the_life_that_is_told_is_lived(pressed: bool, life: list[tuple[float, str]]) -> None:
    bed = Bedside(replace(ASKED, vital_limits=load(SHIPPED, Path()).core.vital_limits))
    bed.run(10)
    bed.reads(heart_rate=141)
    bed.run(30)
    if pressed:
        bed.accept("HR_HIGH", acknowledge=True)
    bed.run(90)
    bed.reads(heart_rate=117)
    bed.run(30)
    assert [(at_s - 10, phase) for at_s, phase in bed.phases("HR_HIGH")] == life


def test_it_says_what_it_is_not_and_that_the_norwegian_is_unreviewed() -> None:
    text = " ".join(guide().replace("> ", "").split())
    for words in (
        "Do not rely on this for alarms",
        "All limits are examples",
        "The Norwegian was not yet reviewed by a nurse",
        "its interval is part of the delay",
        "A high band is never held back, nor is a dose that is too high",
    ):
        assert words in text
    for priority, mark in MARKS.items():
        assert f"| {priority} |" in text
        assert f"`{mark.strip()}`" in text


def test_a_page_that_is_not_in_step_is_told_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "alarms.md"
    assert main(["--check", "--page", str(page)]) == 1
    page.write_text("# The alarms\n", encoding="utf-8")
    assert main(["--check", "--page", str(page)]) == 1
    assert capsys.readouterr().out.count("not in step with the code; run: python -m edge.alarm_guide") == 2
    assert main(["--page", str(page)]) == 0
    assert main(["--check", "--page", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == guide()
