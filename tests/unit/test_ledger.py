"""The ledger: one onset one identity, events without gaps, noise first and quiet last, answers with their commit."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Annunciate,
    Answer,
    Effect,
    Event,
    Journal,
    Remember,
)
from edge.core.inactivation import Pause
from edge.core.ledger import AlarmState, Ledger
from edge.core.model import (
    Acceptance,
    Acknowledgement,
    Alarm,
    AlarmKey,
    Delivery,
    DeliveryState,
    Phase,
    Priority,
    SignalPresence,
    SilenceReason,
)
from tests.core_world import BED, instant
from tests.unit.alarm_acts import an_alarm, contents, kept, told

QUIET = (Phase.END, Phase.DEESCALATE, Phase.LATCH, Phase.ACKNOWLEDGE, Phase.ACCEPT, Phase.SILENCE, Phase.RESET)
RENEWS = (Phase.START, Phase.ESCALATE, Phase.REMIND, Phase.RETURN, Phase.ADOPT)
OTHER_NOISE = (Phase.UPDATE, Phase.LEVEL, Phase.SOUND)
NEW = replace(an_alarm(), rev=0)
OVER: dict[str, Any] = {"present": False, "signal": SignalPresence.OFF}


class Book:
    """A ledger, step by step."""

    def __init__(self) -> None:
        self.state = AlarmState("run-1")
        self.ledger = Ledger(self.state)
        self.mark = 0
        self._begin()

    def _begin(self) -> None:
        self.mark += 1
        self.ledger.begin(self.mark, instant(float(self.mark)))

    def close(self) -> list[Effect]:
        """End the step, begin the next, and return what the one had to say."""
        effects = self.ledger.finish()
        self._begin()
        return effects

    def tell(self, phase: Phase, alarm: Alarm | None = None, **changes: Any) -> list[Effect]:
        """Tell it in a step of its own, of the alarm as it stands."""
        self.ledger.tell(replace(alarm or self.state.standing.get(NEW.key, NEW), **changes), phase)
        return self.close()

    def commit(self, mark: int, *, durable: bool = True) -> list[Effect]:
        self.ledger.committed(mark, durable=durable)
        return self.close()


def changed(effects: list[Effect]) -> list[tuple[int, str]]:
    """The alarms that readers of the retained topics are shown, in order."""
    return [
        (content.alarm.rev, type(content).__name__)
        for content in contents(effects)
        if isinstance(content, AlarmChanged | AlarmCleared)
    ]


def index(effects: list[Effect]) -> list[list[int]]:
    """The revisions in each index that was published."""
    return [[alarm.rev for alarm in content.alarms] for content in contents(effects) if isinstance(content, AlarmIndex)]


@pytest.mark.parametrize("phase", [*RENEWS, *OTHER_NOISE])
def test_what_makes_noise_is_published_in_its_step_beside_its_commit(phase: Phase) -> None:
    book = Book()
    effects = book.tell(phase)
    (alarm,) = kept(effects)
    assert changed(effects) == [(1, "AlarmChanged")]
    assert index(effects) == [[1]]
    assert told(effects) == [(1, phase)]
    assert [effect for effect in effects if isinstance(effect, Annunciate)] == [Annunciate(alarm, phase)]
    assert book.commit(1) == []


@pytest.mark.parametrize("phase", QUIET)
def test_what_makes_quiet_is_kept_first_and_published_with_its_commit(phase: Phase) -> None:
    book = Book()
    book.tell(Phase.START)
    effects = book.tell(phase, priority=Priority.MEDIUM)
    assert (changed(effects), index(effects)) == ([], [])
    assert [alarm.rev for alarm in kept(effects)] == [2]
    assert told(effects) == [(2, phase)]
    assert [alarm.priority for alarm in book.ledger.index(BED).alarms] == [Priority.HIGH]
    effects = book.commit(2)
    assert (changed(effects), index(effects)) == ([(2, "AlarmChanged")], [[2]])
    assert [alarm.priority for alarm in book.ledger.index(BED).alarms] == [Priority.MEDIUM]


def test_an_end_clears_its_topic_and_leaves_the_index_with_its_commit() -> None:
    book = Book()
    book.tell(Phase.START)
    effects = book.tell(Phase.END, **OVER)
    assert book.state.standing == {}
    assert [alarm.rev for alarm in book.ledger.index(BED).alarms] == [1]
    assert kept(effects)[0].signal is SignalPresence.OFF
    effects = book.commit(2)
    assert (changed(effects), index(effects)) == ([(2, "AlarmCleared")], [[]])


@pytest.mark.parametrize("phase", [Phase.END, Phase.ACKNOWLEDGE])
def test_if_the_store_fails_quiet_is_published_all_the_same_and_marked(phase: Phase) -> None:
    book = Book()
    book.tell(Phase.START)
    book.tell(phase, **(OVER if phase is Phase.END else {}))
    (content, _) = contents(book.commit(2, durable=False))
    assert (content.alarm.rev, content.alarm.durable) == (2, False)


def test_the_next_change_that_the_store_takes_is_durable_again() -> None:
    book = Book()
    book.tell(Phase.START)
    book.tell(Phase.ACKNOWLEDGE)
    book.commit(2, durable=False)
    book.tell(Phase.ACCEPT)
    (content, _) = contents(book.commit(book.mark - 1))
    assert (content.alarm.rev, content.alarm.durable) == (3, True)


def test_an_end_that_the_store_took_is_durable_though_a_change_before_it_was_not() -> None:
    book = Book()
    book.tell(Phase.START)
    book.commit(1, durable=False)
    book.tell(Phase.END, **OVER)
    (content, _) = contents(book.commit(book.mark - 1))
    assert (content.alarm.rev, content.alarm.durable) == (2, True)


def test_a_commit_publishes_what_waited_for_it_once_and_nothing_else() -> None:
    book = Book()
    book.tell(Phase.START)
    book.tell(Phase.ACKNOWLEDGE)
    book.tell(Phase.ACCEPT)
    assert changed(book.commit(2)) == [(2, "AlarmChanged")]
    assert book.commit(2) == []
    assert book.commit(99) == []
    assert changed(book.commit(3)) == [(3, "AlarmChanged")]


def test_a_quiet_change_that_noise_overtook_is_not_published() -> None:
    book = Book()
    book.tell(Phase.START)
    book.tell(Phase.ACKNOWLEDGE)
    assert changed(book.tell(Phase.REMIND)) == [(3, "AlarmChanged")]
    assert book.commit(2) == []


def test_an_end_does_not_clear_the_occurrence_that_came_after_it() -> None:
    book = Book()
    book.tell(Phase.START)
    book.tell(Phase.END, **OVER)
    again = replace(NEW, occurrence="run-1-2")
    assert changed(book.tell(Phase.START, again)) == [(1, "AlarmChanged")]
    assert book.commit(2) == []
    assert [alarm.occurrence for alarm in book.ledger.index(BED).alarms] == ["run-1-2"]


def test_events_count_from_1_without_gaps_and_revisions_with_every_change() -> None:
    book = Book()
    phases = [Phase.START, Phase.ACKNOWLEDGE, Phase.UPDATE, Phase.ESCALATE, Phase.LEVEL, Phase.ACCEPT]
    effects = [effect for phase in phases for effect in book.tell(phase)]
    assert told(effects) == list(enumerate(phases, 1))
    assert [alarm.rev for alarm in kept(effects)] == [1, 2, 3, 4, 5, 6]


HELD: dict[str, Any] = {
    "acknowledgement": Acknowledgement("anna", instant(1.0), 121.0),
    "acceptance": Acceptance("anna", instant(1.0)),
    "delivery": Delivery(DeliveryState.ACCEPTED, 2, 1.0, 1, instant(1.0), instant(1.0), instant(1.0), "wall"),
}


@pytest.mark.parametrize("phase", RENEWS)
def test_what_asks_for_attention_anew_owes_nothing_to_what_was_done_before(phase: Phase) -> None:
    book = Book()
    book.tell(Phase.START)
    book.tell(Phase.UPDATE, **HELD)
    (alarm,) = kept(book.tell(phase))
    assert (alarm.acknowledgement, alarm.acceptance) == (None, None)
    assert alarm.delivery == Delivery(unattended_s=3.0, noise_rev=3, published=instant(3.0))


@pytest.mark.parametrize("phase", [*QUIET, *OTHER_NOISE])
def test_what_does_not_leaves_it_as_it_is(phase: Phase) -> None:
    book = Book()
    book.tell(Phase.START)
    (alarm,) = kept(book.tell(phase, **HELD))
    assert {name: getattr(alarm, name) for name in HELD} == HELD


def test_a_note_is_kept_and_journalled_and_is_no_revision_and_no_event() -> None:
    book = Book()
    book.tell(Phase.START)
    noted = replace(book.state.standing[NEW.key], delivery=Delivery(DeliveryState.DISPLAYED))
    book.ledger.note(noted, "displayed", station="wall")
    effects = book.close()
    assert (kept(effects), contents(effects), book.state.event_seq) == ([noted], [], 1)
    (row,) = [effect for effect in effects if isinstance(effect, Journal)]
    assert (row.kind, dict(row.body)["station"], dict(row.body)["occurrence"]) == ("displayed", "wall", "run-0-1")


def test_the_index_has_the_most_urgent_first_then_the_oldest_and_comes_after_its_alarms() -> None:
    book = Book()
    for number, (priority, onset_s) in enumerate([(1, 1.0), (3, 9.0), (2, 5.0), (3, 4.0), (2, 3.0)]):
        alarm = replace(NEW, key=AlarmKey(BED, f"C{number}"), priority=Priority(priority), onset=instant(onset_s))
        book.ledger.tell(alarm, Phase.START)
    elsewhere = replace(NEW, key=AlarmKey("bed-2", "C9"))
    book.ledger.tell(elsewhere, Phase.START)
    effects = contents(book.close())
    indexes = [content for content in effects if isinstance(content, AlarmIndex)]
    assert effects[-2:] == indexes
    assert [[alarm.key.condition for alarm in each.alarms] for each in indexes] == [
        ["C3", "C1", "C4", "C2", "C0"],
        ["C9"],
    ]


def test_the_journal_tells_who_why_and_the_arithmetic() -> None:
    book = Book()
    said = replace(NEW, evidence=(("rate", "7 mL/h"),), event_at=instant(0.25))
    (row,) = [effect for effect in book.tell(Phase.START, said) if isinstance(effect, Journal)]
    body = dict(row.body)
    assert (body["evidence.rate"], body["event_s_before"], body["phase"]) == ("7 mL/h", "0.750", "start")
    (row,) = [e for e in book.tell(Phase.ACKNOWLEDGE, **HELD) if isinstance(e, Journal)]
    assert dict(row.body)["by"] == "anna"
    assert "evidence.rate" not in dict(row.body)


# --- answers, pauses, and what is said again ---

ANSWER = Answer("desk", "ask-1", "accept", done=True, reason="", at=instant(1.0))


@pytest.mark.parametrize("durable", [True, False])
def test_an_answer_waits_for_its_commit_and_says_if_it_was_not_kept(durable: bool) -> None:
    book = Book()
    book.ledger.answer(ANSWER)
    assert book.ledger.pending(ANSWER)
    assert book.close() == [Remember(ANSWER)]
    assert contents(book.commit(1, durable=durable)) == [replace(ANSWER, durable=durable)]
    assert not book.ledger.pending(ANSWER)


def test_a_pause_is_shown_when_it_is_committed() -> None:
    book = Book()
    pause = Pause(BED, SilenceReason.AUDIO_PAUSE, 120.0, "anna")
    book.ledger.pause(pause)
    assert book.state.pauses_shown == {}
    assert book.ledger.committed(1, durable=True) == {BED}
    assert list(book.state.pauses_shown.values()) == [pause]


def test_a_pause_that_ended_or_was_replaced_before_its_commit_is_not_shown() -> None:
    book = Book()
    first, second = (Pause(BED, SilenceReason.AUDIO_PAUSE, until_s, "anna") for until_s in (60.0, 90.0))
    book.ledger.pause(first)
    book.close()
    book.ledger.pause(second)
    assert book.ledger.committed(1, durable=True) == set()
    book.state.pauses.clear()
    assert book.ledger.committed(2, durable=True) == set()
    assert book.state.pauses_shown == {}


def test_what_is_said_again_is_whole_and_no_event() -> None:
    book = Book()
    book.tell(Phase.START)
    book.ledger.reassert({"", BED})
    effects = book.close()
    assert changed(effects) == [(1, "AlarmChanged")]
    assert index(effects) == [[], [1]]
    assert ([alarm.rev for alarm in kept(effects)], told(effects)) == ([1], [])


def test_a_topic_of_a_run_before_is_emptied_unless_its_alarm_stands() -> None:
    book = Book()
    book.ledger.forget(NEW)
    (cleared,) = contents(book.close())
    assert isinstance(cleared, AlarmCleared)
    assert (cleared.alarm.signal, cleared.alarm.present) == (SignalPresence.OFF, False)
    book.tell(Phase.START)
    book.ledger.forget(NEW)
    assert book.close() == []


def test_an_event_carries_its_moment() -> None:
    book = Book()
    (event,) = [content for content in contents(book.tell(Phase.START)) if isinstance(content, Event)]
    assert (event.at, event.alarm.changed) == (instant(1.0), instant(1.0))
