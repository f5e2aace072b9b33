"""A therapy on its way to the disk and back: shown when it is kept, and taken over by the run after."""

import dataclasses
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from edge.bodies import boot_of, kept_body, kept_from_body
from edge.core.effects import Keep
from edge.core.inputs import AudioPause, StoreResult
from edge.core.model import Instant
from edge.core.restore import initial_state
from edge.core.state import CoreState
from edge.core.therapy_state import (
    CASE,
    THERAPY,
    UNTREATED,
    Case,
    KeptPart,
    KeptTherapy,
)
from edge.store import TherapyRow, Transaction
from tests.core_world import BED, CONFIG, PUMP, RUN, START_S, World, instant, order, place, pump
from tests.therapies import FULL, THEN
from tests.unit.stores import Opened, reload


def test_the_example_has_every_field() -> None:
    assert [field.name for field in dataclasses.fields(FULL) if getattr(FULL, field.name) == field.default] == []


@pytest.mark.parametrize(
    ("part", "body"), [(THERAPY, KeptTherapy(THEN, FULL)), ("case:c-17", Case("c-17", Decimal("70.5"), THEN))]
)
@pytest.mark.parametrize("boot", ["", "boot-1"])
def test_what_is_kept_is_read_back_exactly(part: str, body: KeptTherapy | Case, boot: str) -> None:
    text = kept_body(BED, part, body, boot)
    assert kept_from_body(BED, part, text) == body
    assert boot_of(text) == boot


@pytest.mark.parametrize("part", ["of-another-version", THERAPY])
def test_a_part_that_cannot_be_read_says_so(part: str) -> None:
    with pytest.raises(ValueError, match=r"no part|validation error"):
        kept_from_body(BED, part, "{}")


def test_a_part_is_one_row_and_the_last_word_counts(tmp_path: Path) -> None:
    opened = Opened(tmp_path / "store.db")
    opened.commit(Transaction(1, therapy=(TherapyRow("bed-1", "therapy", "1"), TherapyRow("bed-2", "therapy", "2"))))
    opened.commit(Transaction(2, therapy=(TherapyRow("bed-1", "therapy", "3"), TherapyRow("bed-2", "therapy", None))))
    opened.close()
    assert reload(tmp_path / "store.db").therapy == (TherapyRow("bed-1", "therapy", "3"),)


# --- shown when it is kept --------------------------------------------------------------------------------------------


def placed(*, keeps: bool) -> World:
    world = World(keeps=keeps)
    world.step(START_S, pump(START_S))
    world.therapies.clear()
    world.step(START_S + 1, place(START_S + 1, order()))
    return world


def test_an_order_is_kept_with_its_step_and_shown_when_it_is_kept() -> None:
    world = placed(keeps=False)
    (kept,) = [effect for effect in world.steps[-1].effects if isinstance(effect, Keep) and effect.part == THERAPY]
    assert isinstance(kept.body, KeptTherapy)
    assert (kept.bed, kept.body.therapy.orders, kept.body.at) == (BED, (order(),), instant(START_S + 1))
    assert world.therapies == []
    world.step(START_S + 1, StoreResult(START_S + 1, world.steps[-1].mark, committed=True))
    assert [(view.orders, view.durable) for view in world.therapies] == [((order(),), True)]


def test_an_order_that_the_disk_does_not_take_holds_and_is_marked_until_it_does() -> None:
    world = placed(keeps=False)
    mark = world.steps[-1].mark
    world.step(START_S + 1, StoreResult(START_S + 1, mark, committed=False, detail="full"))
    assert [(view.orders, view.durable) for view in world.therapies] == [((order(),), False)]
    world.step(START_S + 2, StoreResult(START_S + 2, mark, committed=True))
    assert [view.durable for view in world.therapies] == [False, True]


def test_the_end_of_a_pause_does_not_wait_for_a_therapy_to_be_kept() -> None:
    world = placed(keeps=True)
    world.ask(AudioPause(BED, 60.0))
    world.keeps = False
    world.step(world.now_s, place(world.now_s, order(step="1.5")))
    world.run(world.now_s + 61)
    last = [view for view in world.therapies if view.bed == BED][-1]
    assert (last.pauses, [one.step_mg_per_kg_per_h for one in last.orders]) == ((), [Decimal("1.0")])


def test_the_times_of_a_treatment_are_kept_each_minute() -> None:
    world = placed(keeps=True)
    begun_s = world.now_s
    world.run(begun_s + 130, lambda at_s: [pump(at_s)])
    kept = [
        effect.body.at.mono_s - begun_s
        for step in world.steps
        for effect in step.effects
        if isinstance(effect, Keep) and effect.part == THERAPY and isinstance(effect.body, KeptTherapy)
    ]
    assert kept[0] == 0
    assert [at_s for at_s in kept if at_s > 10] == [60, 120] or [at_s for at_s in kept if at_s > 10] == [61, 121]


# --- taken over -------------------------------------------------------------------------------------------------------


def taken(kept: KeptTherapy, now: Instant, *, here: bool, bed: str = BED) -> CoreState:
    return initial_state(CONFIG, RUN, now, therapy=[KeptPart(bed, THERAPY, kept, here)])


def test_within_one_boot_everything_is_as_it_was() -> None:
    state = taken(KeptTherapy(THEN, FULL), instant(START_S), here=True).beds[BED]
    assert state.therapy == FULL
    assert state.orders == {PUMP: FULL.orders[0]}


def test_after_another_boot_times_go_on_without_credit() -> None:
    kept = KeptTherapy(Instant(9000.0, THEN.wall_s + 10, synchronised=True), FULL)
    now = Instant(50.0, THEN.wall_s + 300, synchronised=True)
    therapy = taken(kept, now, here=False).beds[BED].therapy
    ago_s = 9000.0 - THEN.mono_s
    assert therapy.phase_since == replace(THEN, mono_s=50.0 - ago_s)
    assert therapy.rounds[0].at.mono_s == 50.0 - ago_s
    assert therapy.awaiting == ()
    assert [vital.at.mono_s for vital in therapy.typed] == [50.0 - 300]


def test_after_another_boot_typed_vital_signs_of_an_unknown_age_are_dropped() -> None:
    now = Instant(50.0, 1_790_000_300.0, synchronised=False)
    assert taken(KeptTherapy(THEN, FULL), now, here=False).beds[BED].therapy.typed == ()


def test_times_of_this_boot_that_lie_ahead_are_of_another() -> None:
    now = instant(THEN.mono_s - 1)
    assert taken(KeptTherapy(THEN, FULL), now, here=True).beds[BED].therapy.phase_since == replace(
        THEN, mono_s=now.mono_s
    )


@pytest.mark.parametrize("lost", [replace(order(), channel="13"), replace(order(), drug="gone")])
def test_an_order_for_what_is_no_longer_there_is_dropped_and_said(lost: object) -> None:
    kept = replace(FULL, orders=(lost,), awaiting=())  # type: ignore[arg-type]
    state = taken(KeptTherapy(THEN, kept), instant(START_S), here=True)
    world = World(state=state)
    step = world.step(START_S, pump(START_S))
    assert (state.beds[BED].orders, state.beds[BED].therapy.patient) == ({}, FULL.patient)
    assert "order dropped" in [getattr(effect, "kind", "") for effect in step.effects]
    assert world.standing() >= {"ORDER_MISSING"}


def test_a_patient_of_a_bed_that_is_no_longer_configured_is_not_forgotten() -> None:
    state = taken(KeptTherapy(THEN, FULL), instant(START_S), here=True, bed="bed-9")
    assert state.unplaced["bed-9"].therapy == FULL
    assert state.beds[BED].therapy == UNTREATED


def test_cases_are_taken_over_the_one_seen_longest_ago_first() -> None:
    cases = [Case(name, Decimal(70), instant(START_S - ago)) for name, ago in (("a", 5), ("b", 50))]
    parts = [KeptPart("", f"{CASE}:{case.case}", case, here=True) for case in cases]
    assert list(initial_state(CONFIG, RUN, instant(START_S), therapy=parts).cases) == ["b", "a"]
