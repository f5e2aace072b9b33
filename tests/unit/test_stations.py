"""Which beds somebody sees: receipts of required, audible pages, and the alarm when there is none (H-19)."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.inputs import BrokerLink
from edge.core.model import Priority
from edge.core.stations import NOT_DISPLAYING, RECEIPT_LIMIT_S, PageState, shown
from tests.core_world import BED, OTHER_BED, START_S, World, order, place
from tests.unit.alarm_acts import BOTH_BEDS, NURSE, SCREEN, SECOND_SCREEN, WATCHED, Bedside, an_alarm

TWO_SCREENS = replace(WATCHED, stations=(NURSE, SCREEN, SECOND_SCREEN))


def heard(at_s: float, *beds: str, audible: bool = True) -> PageState:
    return PageState(at_s, audible, frozenset(beds))


SHOWN = {
    "nothing heard": ({}, set()),
    "one in view": ({("wall", ""): heard(100.0, BED)}, {BED}),
    "of several required the views add": (
        {("wall", ""): heard(100.0, BED), ("wall-2", ""): heard(95.0, OTHER_BED)},
        BOTH_BEDS,
    ),
    "muted": ({("wall", ""): heard(100.0, BED, audible=False)}, set()),
    "one muted, one audible": (
        {("wall", ""): heard(100.0, BED, audible=False), ("wall-2", ""): heard(100.0, BED)},
        {BED},
    ),
    "not required": ({("desk", ""): heard(100.0, BED)}, set()),
    "just fresh": ({("wall", ""): heard(90.1, BED)}, {BED}),
    "too long ago": ({("wall", ""): heard(90.0, BED)}, set()),
    "two pages of one station": ({("wall", "a"): heard(100.0, BED), ("wall", "b"): heard(100.0, OTHER_BED)}, BOTH_BEDS),
    "a muted page beside one": ({("wall", "a"): heard(99.0, BED), ("wall", "b"): heard(99.5, audible=False)}, {BED}),
    "nothing in view": ({("wall", ""): heard(100.0)}, set()),
}


@pytest.mark.parametrize(("pages", "beds"), SHOWN.values(), ids=SHOWN)
def test_a_bed_is_shown_by_an_audible_page_of_a_required_station_while_its_receipts_come(
    pages: dict[tuple[str, str], PageState], beds: set[str]
) -> None:
    assert shown(pages, ("wall", "wall-2"), 100.0) == beds
    assert RECEIPT_LIMIT_S == 10.0


def watched(**world: Any) -> Bedside:
    bed = Bedside(WATCHED, **world)
    bed.painting = ("wall",)
    bed.hear(bed.receipt())
    return bed


def not_displaying(bed: Bedside) -> list[tuple[float, str]]:
    return bed.phases("STATION_NOT_DISPLAYING")


def test_while_a_required_page_shows_every_bed_all_is_well() -> None:
    bed = watched()
    bed.run(60)
    assert bed.world.present() == set()


def test_without_a_page_that_is_an_alarm_after_10_s_and_names_the_beds() -> None:
    bed = Bedside(WATCHED)
    bed.run(9)
    assert not_displaying(bed) == []
    bed.run(1)
    assert not_displaying(bed) == [(10, "start")]
    alarm = bed.alarm("STATION_NOT_DISPLAYING")
    assert (alarm.priority, alarm.audience, alarm.band) == (Priority.MEDIUM, "nurse", "no screen")
    assert (alarm.key.bed, dict(alarm.evidence)["beds"]) == ("", "Bed 1, Bed 2")
    assert "Bed 1, Bed 2" in alarm.text


def test_at_an_active_bed_it_is_high() -> None:
    bed = Bedside(WATCHED)
    bed.hear(place(START_S, order()))
    bed.run(11)
    assert bed.alarm("STATION_NOT_DISPLAYING").priority is Priority.HIGH


QUIET_PAGES: dict[str, dict[str, Any] | None] = {
    "its receipts stop": None,
    "its sound stops": {"audible": False},
    "nothing is in view": {"beds": frozenset()},
    "it is not required": {"station": "desk"},
    "it speaks of another run": {"run": "run-0"},
}


@pytest.mark.parametrize("changes", QUIET_PAGES.values(), ids=QUIET_PAGES)
def test_a_page_that_no_more_shows_is_an_alarm(changes: dict[str, Any] | None) -> None:
    bed = watched()
    bed.run(6)
    bed.painting = ()
    for _ in range(21):
        bed.run(1)
        if changes is not None:
            bed.hear(bed.receipt(**changes))
    assert [phase for _, phase in not_displaying(bed)][:1] == ["start"]


def test_one_bed_out_of_view_is_named_and_the_other_is_not() -> None:
    bed = Bedside(WATCHED)
    for _ in range(12):
        bed.run(1)
        bed.hear(bed.receipt(beds=frozenset({OTHER_BED})))
    assert dict(bed.alarm("STATION_NOT_DISPLAYING").evidence)["beds"] == "Bed 1"


def test_one_required_screen_of_two_is_enough() -> None:
    bed = Bedside(TWO_SCREENS)
    for screen in ("wall", "wall-2"):
        bed.painting = (screen,)
        bed.run(30)
    assert bed.world.present() == set()


def test_two_screens_share_the_beds() -> None:
    bed = Bedside(TWO_SCREENS)
    for _ in range(30):
        bed.run(1)
        bed.hear(bed.receipt("wall", beds=frozenset({BED})), bed.receipt("wall-2", beds=frozenset({OTHER_BED})))
    assert bed.world.present() == set()


def test_it_ends_5_s_after_a_page_shows_every_bed_again() -> None:
    bed = Bedside(WATCHED)
    bed.run(11)
    bed.painting = ("wall",)
    bed.hear(bed.receipt())
    bed.run(4)
    assert "STATION_NOT_DISPLAYING" in bed.world.present()
    bed.run(1)
    assert not_displaying(bed)[-1] == (16, "end")


def test_without_a_broker_nothing_can_be_known_and_the_broker_is_the_alarm() -> None:
    bed = Bedside(WATCHED, connected=False)
    bed.hear(BrokerLink(START_S, connected=False, detail="refused"))
    bed.run(60)
    assert bed.world.present() == {"NORTHBOUND_LOST"}


def test_it_stays_when_the_broker_is_lost_and_is_not_verifiable() -> None:
    bed = Bedside(WATCHED)
    bed.run(11)
    bed.hear(BrokerLink(bed.now_s, connected=False, detail="reset"))
    bed.run(20)
    assert bed.world.present() == {"NORTHBOUND_LOST", "STATION_NOT_DISPLAYING"}
    assert not bed.alarm("STATION_NOT_DISPLAYING").verifiable


def test_what_stood_of_a_station_that_is_required_no_more_ends() -> None:
    alarm = an_alarm("STATION_NOT_DISPLAYING", key=NOT_DISPLAYING, latching=False)
    world = World(alarms=[alarm])
    world.run(START_S + 6)
    assert "STATION_NOT_DISPLAYING" not in world.standing()


def test_without_a_required_station_nothing_is_judged() -> None:
    bed = Bedside()
    bed.run(60)
    assert not_displaying(bed) == []
