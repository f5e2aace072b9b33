"""A store that could be read only when the run went on already: what stood stands, and no patient becomes another's."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from edge.bodies import alarm_body, kept_body
from edge.core.effects import AlarmCleared, Persist, Publish
from edge.core.inputs import AlarmFound, Input, StoreRead
from edge.core.model import Audience, Priority, SignalPresence
from edge.core.state import CoreState
from edge.core.therapy_state import CASE, THERAPY, Case, KeptTherapy
from edge.core.totals import DayDose
from edge.rows import AlarmRow, StoredState, TherapyRow
from edge.taken_over import core_state, found_later
from tests.core_world import BED, CONFIG, OTHER_BED, RUN, START_S, World, instant, monitor, order, place, pump
from tests.therapies import FULL, THEN

FAULT = "the disk has not answered for 8 s"
UNREAD = StoredState(fault=FAULT, unread=True)
KEPT, ELSEWHERE = (
    TherapyRow(bed, THERAPY, kept_body(bed, THERAPY, KeptTherapy(THEN, FULL), "boot-1")) for bed in (BED, OTHER_BED)
)


def begun(*inputs: Input) -> World:
    world = World(state=core_state(CONFIG, RUN, "boot-1", instant(START_S), UNREAD))
    world.step(START_S, *inputs)
    return world


def read(world: World, stored: StoredState, boot: str = "boot-1") -> CoreState:
    world.step(world.now_s + 1, *found_later("pi-1", stored, boot, instant(world.now_s + 1)))
    return world.core.snapshot()


def stood(key: str = "DOSE_RATE_HIGH") -> AlarmRow:
    """An alarm as a run before kept it."""
    before = World()
    before.step(START_S - 100, place(START_S - 100, order()), pump(START_S - 100, Decimal("29.4")))
    alarm = before.alarm(key)
    assert alarm is not None
    return AlarmRow(alarm.key.bed, alarm.key.name, "run-0-1", 3, alarm_body(replace(alarm, occurrence="run-0-1")))


def test_a_start_without_a_memory_is_a_high_alarm_for_the_nurse_until_the_store_was_read() -> None:
    world = begun()
    alarm = world.alarm("STORE_NOT_READ")
    assert alarm is not None
    assert (alarm.priority, alarm.audience) == (Priority.HIGH, Audience.NURSE)
    assert alarm.text.startswith(
        f"The alarm store could not be read at the start: {FAULT}. Alarms, patients and orders"
    )
    world.run(START_S + 3600)
    assert "STORE_NOT_READ" in world.present()
    read(world, StoredState())
    assert "STORE_NOT_READ" not in world.present()


def test_a_store_that_can_be_read_and_not_written_is_no_such_alarm() -> None:
    world = World(state=core_state(CONFIG, RUN, "boot-1", instant(START_S), StoredState(fault="read-only")))
    world.step(START_S)
    assert (world.told("STORE_FAILED")[0], world.told("STORE_NOT_READ")) == ((0, "start", "failed"), [])


def test_an_alarm_that_stood_stands_again_and_is_not_verifiable() -> None:
    world = begun()
    read(world, StoredState(alarms=(stood(),)))
    alarm = world.alarm("DOSE_RATE_HIGH")
    assert alarm is not None
    assert (alarm.occurrence, alarm.present, alarm.verifiable) == ("run-0-1", True, False)


def test_an_alarm_that_is_over_by_what_was_heard_since_is_taken_out_of_the_store() -> None:
    before = World()
    before.run(START_S + 30, lambda at_s: [monitor(at_s, heart_rate=125)])
    alarm = before.alarm("HR_HIGH")
    assert alarm is not None
    row = AlarmRow(BED, "HR_HIGH", alarm.occurrence, 3, alarm_body(alarm))
    world = begun()
    world.run(START_S + 40, lambda at_s: [monitor(at_s)])
    read(world, StoredState(alarms=(row,)))
    assert "HR_HIGH" not in world.standing()
    kept = [effect.alarm for step in world.steps for effect in step.effects if isinstance(effect, Persist)]
    assert ("HR_HIGH", SignalPresence.OFF) in {(one.key.condition, one.signal) for one in kept}


def test_what_is_forgotten_while_the_store_takes_nothing_says_that_a_restart_may_bring_it_back() -> None:
    before = World()
    before.run(START_S + 30, lambda at_s: [monitor(at_s, heart_rate=125)])
    alarm = before.alarm("HR_HIGH")
    assert alarm is not None
    for stored, durable in ((UNREAD, False), (StoredState(), True)):
        world = World(state=core_state(CONFIG, RUN, "boot-1", instant(START_S), stored), keeps=False)
        world.run(START_S + 40, lambda at_s: [monitor(at_s)])
        step = world.step(world.now_s + 1, AlarmFound(world.now_s + 1, alarm))
        said = [one.content for one in step.effects if isinstance(one, Publish)]
        over = [one.alarm for one in said if isinstance(one, AlarmCleared)]
        assert [(one.key.condition, one.durable) for one in over] == [("HR_HIGH", durable)]


def test_the_patient_and_order_of_a_bed_that_nobody_touched_since_are_in_force_again() -> None:
    world = begun()
    state = read(world, StoredState(therapy=(KEPT,)))
    assert state.beds[BED].therapy.patient == FULL.patient
    assert state.beds[BED].therapy.orders == FULL.orders
    assert world.therapies[-1].bed == BED or world.therapies[-2].bed == BED


def test_a_bed_that_has_a_patient_of_this_run_takes_nothing_over_of_the_one_before() -> None:
    world = begun(place(START_S, order()))
    ours = world.core.snapshot().beds[BED].therapy
    state = read(world, StoredState(therapy=(ELSEWHERE, KEPT)))
    assert state.beds[BED].therapy == ours
    assert state.beds[OTHER_BED].therapy.patient == FULL.patient


def test_what_a_patient_was_given_in_the_day_is_what_either_knows_together() -> None:
    before = DayDose("k-1").plus("ketamine", Decimal(30), THEN)
    world = begun()
    since = DayDose("k-1").plus("ketamine", Decimal(12), instant(START_S))
    world.core._state.days["k-1"] = since
    state = read(world, StoredState(therapy=(TherapyRow("", "day:k-1", kept_body("", "day:k-1", before, "boot-1")),)))
    assert state.days["k-1"].total_mg("ketamine", START_S + 1) == 42


def test_what_this_run_knows_of_a_patient_counts_and_those_of_before_are_known_again() -> None:
    world = begun()
    ours = Case("k-1", Decimal(81), instant(START_S))
    world.core._state.cases["k-1"] = ours
    kept = [Case("k-1", Decimal(70), THEN), Case("k-2", Decimal(55), THEN)]
    parts = [(f"{CASE}:{one.case}", one) for one in kept]
    rows = tuple(TherapyRow("", part, kept_body("", part, one, "boot-1")) for part, one in parts)
    state = read(world, StoredState(therapy=rows))
    assert state.cases["k-1"] == ours
    assert state.cases["k-2"].weight_kg == 55


def test_what_cannot_be_read_of_it_or_was_set_aside_is_a_high_alarm() -> None:
    world = begun()
    read(world, StoredState(therapy=(TherapyRow(BED, THERAPY, "{"),)))
    world.run(world.now_s + 6)
    assert {"STORE_DAMAGED"} == world.present()
    world = begun()
    read(world, StoredState(set_aside="edge.db.damaged-1"))
    alarm = world.alarm("STORE_DAMAGED")
    assert alarm is not None
    assert "edge.db.damaged-1" in alarm.text


def test_therapies_come_before_the_alarms_of_their_beds() -> None:
    read, found = found_later("pi-1", StoredState(alarms=(stood(),), therapy=(KEPT,)), "boot-1", instant(START_S))
    assert (type(read), type(found)) == (StoreRead, AlarmFound)
    assert isinstance(found, AlarmFound)
    assert not found.shown
