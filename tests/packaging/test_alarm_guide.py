"""The guide to the alarms is in step with the code, and has a row with every number for every alarm."""

import re
from pathlib import Path

import pytest

from edge.alarm_guide import PAGE, SHIPPED, described, guide, main
from edge.commands import MARKS
from edge.config import load
from edge.core.catalogue import CATALOGUE, entry_of
from edge.core.catalogue_texts import ACTIONS

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
    assert latching.isdisjoint({"DOSE_RATE_LOW", "RR_HIGH", "DEVICE_KVO_ACTIVE", "PUMP_LINK_LOST"})


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
