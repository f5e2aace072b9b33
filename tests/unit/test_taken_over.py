"""What a run takes over from the rows of the store, and what is told of a patient whose row cannot be read."""

from dataclasses import replace

from edge.bodies import alarm_body, kept_body
from edge.core.model import AlarmKey
from edge.core.therapy_state import CASE, DAY, STEPS, THERAPY, KeptTherapy
from edge.messages.topics import Topics
from edge.rows import AlarmRow, OutboxRow, StoredState, TherapyRow
from edge.taken_over import addressed, core_state
from tests.contents import ALARM
from tests.core_world import BED, CONFIG, OTHER_BED, RUN, START_S, World, instant
from tests.therapies import FULL, THEN


def kept(bed: str, boot: str = "boot-1") -> str:
    return kept_body(bed, THERAPY, KeptTherapy(THEN, FULL), boot)


def begun(*rows: TherapyRow, alarms: tuple[AlarmRow, ...] = (), gone: bool = False) -> World:
    stored = StoredState(therapy=rows, alarms=alarms, gone=gone)
    world = World(state=core_state(CONFIG, RUN, "boot-1", instant(START_S), stored))
    world.step(START_S)
    return world


def test_a_therapy_that_cannot_be_read_is_a_high_alarm_and_the_others_are_taken_over() -> None:
    world = begun(TherapyRow(BED, THERAPY, "{"), TherapyRow(OTHER_BED, THERAPY, kept(OTHER_BED)))
    alarm = world.alarm("STORE_DAMAGED")
    assert alarm is not None
    assert (alarm.priority.name, alarm.text) == (
        "HIGH",
        "What was kept of bed-1 cannot be read: alarms, patient, order or dose are lost.",
    )
    assert world.core.snapshot().beds[OTHER_BED].therapy.patient == FULL.patient


def test_a_digit_that_the_disk_changed_is_no_number_to_go_by() -> None:
    whole = kept(BED)
    places = [place for place, letter in enumerate(whole) if letter.isdecimal() and place > len('{"sum": "12345678"')]
    for place in places[:: len(places) // 20]:
        spoiled = whole[:place] + chr(ord(whole[place]) ^ 1) + whole[place + 1 :]
        world = begun(TherapyRow(BED, THERAPY, spoiled))
        assert (world.core.snapshot().beds[BED].therapy.patient, "STORE_DAMAGED" in world.standing()) == (None, True)
    for bed, part in ((OTHER_BED, THERAPY), (BED, STEPS)):  # nor is the therapy of one bed that of another
        assert "STORE_DAMAGED" in begun(TherapyRow(bed, part, whole)).standing()


def test_what_an_earlier_version_kept_has_no_seal_and_is_taken_over() -> None:
    unsealed = "{" + kept(BED)[len('{"sum": "12345678", ') :]
    assert begun(TherapyRow(BED, THERAPY, unsealed)).core.snapshot().beds[BED].therapy.patient == FULL.patient


def test_an_alarm_or_a_total_of_the_day_that_cannot_be_read_is_told_too() -> None:
    alarm = replace(ALARM, key=AlarmKey("", "TEST_ALARM"))
    of_the_edge = AlarmRow("", "TEST_ALARM", "run-0-1", 3, alarm_body(alarm).replace('"rev":', '"rew":'))
    world = begun(TherapyRow("", f"{DAY}:k-1", "{"), alarms=(of_the_edge, replace(of_the_edge, bed=BED)))
    told = world.alarm("STORE_DAMAGED")
    assert told is not None
    assert told.text.startswith(f"What was kept of k-1, {CONFIG.edge}, {BED} cannot be read: alarms,")


def test_a_store_that_is_gone_is_told() -> None:
    world = begun(gone=True)
    told = world.alarm("STORE_DAMAGED")
    assert told is not None
    assert told.text.startswith(f"What was kept of {CONFIG.edge} cannot be read: alarms,")


def test_what_waits_under_another_name_goes_under_the_name_of_now() -> None:
    topics, before = Topics("north", "pi-2"), Topics("north", "pi-1")
    waiting = (topics.event, before.event, "infusion/v1/north/edge/pi-2/evenu", before.omitted, topics.omitted)
    rows = tuple(OutboxRow("run-0", number, topic, b"{}") for number, topic in enumerate(waiting))
    found = addressed(rows, topics)
    assert [row.topic for row in found] == [topics.event] * 3 + [topics.omitted] * 2
    assert [(row.run, row.event_seq, row.payload) for row in found] == [("run-0", number, b"{}") for number in range(5)]


def test_a_forgotten_weight_is_no_alarm() -> None:
    assert "STORE_DAMAGED" not in begun(TherapyRow("", f"{CASE}:k-1", "{")).standing()


def test_a_row_of_this_boot_compares_and_one_of_another_does_not() -> None:
    here = begun(TherapyRow(BED, THERAPY, kept(BED))).core.snapshot().beds[BED].therapy
    elsewhere = begun(TherapyRow(BED, THERAPY, kept(BED, "boot-0"))).core.snapshot().beds[BED].therapy
    assert here.infusing_since == THEN
    assert elsewhere.infusing_since is not None
    assert elsewhere.infusing_since.mono_s == START_S
