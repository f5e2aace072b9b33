"""What a run takes over from the rows of the store, and what is told of a patient whose row cannot be read."""

from edge.bodies import kept_body
from edge.core.therapy_state import CASE, THERAPY, KeptTherapy
from edge.rows import StoredState, TherapyRow
from edge.taken_over import core_state
from tests.core_world import BED, CONFIG, OTHER_BED, RUN, START_S, World, instant
from tests.therapies import FULL, THEN

KEPT = kept_body(THERAPY, KeptTherapy(THEN, FULL), "boot-1")


def begun(*rows: TherapyRow) -> World:
    world = World(state=core_state(CONFIG, RUN, "boot-1", instant(START_S), StoredState(therapy=rows)))
    world.step(START_S)
    return world


def test_a_therapy_that_cannot_be_read_is_a_high_alarm_and_the_others_are_taken_over() -> None:
    world = begun(TherapyRow(BED, THERAPY, "{"), TherapyRow(OTHER_BED, THERAPY, KEPT))
    alarm = world.alarm("STORE_DAMAGED")
    assert alarm is not None
    assert (alarm.priority.name, alarm.text) == (
        "HIGH",
        "What was kept of the therapy at bed-1 cannot be read: patient, order or dose are lost.",
    )
    assert world.core.snapshot().beds[OTHER_BED].therapy.patient == FULL.patient


def test_a_forgotten_weight_is_no_alarm() -> None:
    assert "STORE_DAMAGED" not in begun(TherapyRow("", f"{CASE}:k-1", "{")).standing()


def test_a_row_of_this_boot_compares_and_one_of_another_does_not() -> None:
    here = begun(TherapyRow(BED, THERAPY, KEPT)).core.snapshot().beds[BED].therapy
    elsewhere = begun(TherapyRow(BED, THERAPY, KEPT.replace("boot-1", "boot-0"))).core.snapshot().beds[BED].therapy
    assert here.infusing_since == THEN
    assert elsewhere.infusing_since is not None
    assert elsewhere.infusing_since.mono_s == START_S
