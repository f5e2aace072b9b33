"""The register of alarms: noise first and quiet last, events without a gap, indexes that tell the truth."""

from dataclasses import replace
from functools import partial

import pytest

from edge.core.alarms import Register
from edge.core.condition import Band
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Annunciate,
    Effect,
    Event,
    Journal,
    Persist,
    Publish,
)
from edge.core.finding import Finding, Particulars, level
from edge.core.ledger import AlarmState, Ledger
from edge.core.model import Alarm, AlarmKey, AlarmKind, Audience, Delivery, Phase, Priority, SignalPresence
from tests.core_world import instant

KEY = AlarmKey("bed-1", "HR_HIGH")
LOW_KEY = AlarmKey("bed-1", "SPO2_MISSING")
BANDS = (Band("soft", Priority.MEDIUM, 0.0), Band("hard", Priority.HIGH, 0.0))


class Driven:
    """A register with a step number and a clock."""

    def __init__(self, *alarms: Alarm) -> None:
        standing = {alarm.key: alarm for alarm in alarms}
        self.state = AlarmState("run-1", standing=standing, published=dict(standing))
        self.ledger = Ledger(self.state)
        self.register = Register(self.state, self.ledger)
        self.mark = 0

    def step(
        self, *found: tuple[AlarmKey, int | None], committed: tuple[int, bool] | None = None, says: str = ""
    ) -> list[Effect]:
        """One step: a commit's result, then judgements (a band, -1 for inside, ``None`` for unknown)."""
        self.mark += 1
        self.ledger.begin(self.mark, instant(float(self.mark)))
        if committed is not None:
            self.ledger.committed(committed[0], durable=committed[1])
        for key, worst in found:
            judged = None if worst is None else level(worst, float(self.mark))
            finding = Finding(key, judged, BANDS, 0.0, partial(_say, says), fingerprint=says)
            self.register.judge(finding, float(self.mark))
        return self.ledger.finish()

    def reset(self) -> list[Effect]:
        """One step in which somebody says that they have seen the one alarm."""
        self.mark += 1
        self.ledger.begin(self.mark, instant(float(self.mark)))
        over = replace(self.state.standing[KEY], signal=SignalPresence.OFF)
        self.ledger.tell(over, Phase.RESET)
        return self.ledger.finish()


def _say(what: str, band: Band) -> Particulars:
    return Particulars(f"it is {band.name}{what}", evidence=(("band", band.name),))


def published(effects: list[Effect]) -> list[object]:
    return [effect.content for effect in effects if isinstance(effect, Publish)]


def shown(effects: list[Effect]) -> list[tuple[str, str]]:
    """Retained alarms of a step: changed or cleared, and the band."""
    return [
        (type(content).__name__, content.alarm.band)
        for content in published(effects)
        if isinstance(content, AlarmChanged | AlarmCleared)
    ]


def events(effects: list[Effect]) -> list[tuple[int, str]]:
    return [(content.event_seq, content.phase.value) for content in published(effects) if isinstance(content, Event)]


def index(effects: list[Effect]) -> list[tuple[str, ...]]:
    return [
        tuple(alarm.key.condition for alarm in content.alarms)
        for content in published(effects)
        if isinstance(content, AlarmIndex)
    ]


def test_an_onset_is_published_kept_journalled_and_said_in_its_own_step() -> None:
    effects = Driven().step((KEY, 1))
    assert [type(effect).__name__ for effect in effects] == [
        "Publish",
        "Persist",
        "Publish",
        "Journal",
        "Annunciate",
        "Publish",
    ]
    changed, event, ordered = published(effects)
    assert isinstance(changed, AlarmChanged)
    assert changed.alarm == Alarm(
        key=KEY,
        occurrence="run-1-1",
        rev=1,
        kind=AlarmKind.PHYSIOLOGICAL,
        audience=Audience.NURSE,
        priority=Priority.HIGH,
        band="hard",
        present=True,
        verifiable=True,
        signal=SignalPresence.ON,
        text="it is hard",
        action="Go to the patient; check breathing, circulation and the sensor.",
        onset=instant(1.0),
        changed=instant(1.0),
        evidence=(("band", "hard"),),
        event_at=instant(1.0),
        latching=True,
        delivery=Delivery(unattended_s=1.0, published=instant(1.0)),
    )
    assert event == Event(1, Phase.START, changed.alarm, instant(1.0))
    assert ordered == AlarmIndex("bed-1", (changed.alarm,))
    assert [effect.alarm for effect in effects if isinstance(effect, Persist | Annunciate)] == [changed.alarm] * 2
    (row,) = [effect for effect in effects if isinstance(effect, Journal)]
    assert dict(row.body) == {
        "event_seq": "1",
        "phase": "start",
        "bed": "bed-1",
        "key": "HR_HIGH",
        "occurrence": "run-1-1",
        "rev": "1",
        "priority": "high",
        "band": "hard",
        "signal": "on",
        "level": "1",
        "text": "it is hard",
        "event_s_before": "0.000",
        "evidence.band": "hard",
    }


def test_an_escalation_and_a_loss_of_input_are_published_at_once() -> None:
    driven = Driven()
    driven.step((KEY, 0))
    assert shown(driven.step((KEY, 1))) == [("AlarmChanged", "hard")]
    effects = driven.step((KEY, None))
    assert (shown(effects), events(effects)) == ([("AlarmChanged", "hard")], [(3, "update")])
    alarm = driven.state.standing[KEY]
    assert (alarm.verifiable, alarm.rev, alarm.occurrence, alarm.priority) == (False, 3, "run-1-1", Priority.HIGH)
    assert (alarm.onset, alarm.changed) == (instant(1.0), instant(3.0))


def test_an_end_is_published_when_it_is_committed_and_not_before() -> None:
    driven = Driven()
    driven.step((KEY, 0))
    effects = driven.step((KEY, -1))
    assert (shown(effects), index(effects), events(effects)) == ([], [], [(2, "end")])
    (kept,) = [effect.alarm for effect in effects if isinstance(effect, Persist)]
    assert (kept.present, kept.signal) == (False, SignalPresence.OFF)
    assert [alarm.key for alarm in driven.ledger.index("bed-1").alarms] == [KEY]
    effects = driven.step(committed=(2, True))
    (cleared, _) = published(effects)
    assert cleared == AlarmCleared(kept)
    assert index(effects) == [()]


def test_a_latching_is_published_when_it_is_committed_and_its_reset_too() -> None:
    driven = Driven()
    driven.step((KEY, 1))
    effects = driven.step((KEY, -1))
    assert (shown(effects), index(effects), events(effects)) == ([], [], [(2, "latch")])
    (kept,) = [effect.alarm for effect in effects if isinstance(effect, Persist)]
    assert (kept.present, kept.signal, kept.priority) == (False, SignalPresence.LATCHED, Priority.HIGH)
    assert driven.state.published[KEY].present
    (changed, told) = published(driven.step(committed=(2, True)))
    assert (changed, told) == (AlarmChanged(kept), AlarmIndex("bed-1", (kept,)))
    effects = driven.reset()
    assert (shown(effects), events(effects)) == ([], [(3, "reset")])
    assert driven.ledger.index("bed-1").alarms == (kept,)
    effects = driven.step(committed=(4, True))
    assert (shown(effects), index(effects)) == ([("AlarmCleared", "hard")], [()])


def test_a_latched_alarm_whose_condition_comes_back_is_the_same_one_and_is_told_at_once() -> None:
    driven = Driven()
    driven.step((KEY, 1))
    driven.step((KEY, -1))
    effects = driven.step((KEY, 1))
    assert (shown(effects), events(effects)) == ([("AlarmChanged", "hard")], [(3, "return")])
    alarm = driven.state.standing[KEY]
    assert (alarm.occurrence, alarm.rev, alarm.returns) == ("run-1-1", 3, 1)
    assert (alarm.present, alarm.signal, alarm.onset) == (True, SignalPresence.ON, instant(1.0))
    assert driven.step(committed=(2, True)) == []
    assert driven.ledger.index("bed-1").alarms == (alarm,)


def test_a_deescalation_is_published_when_it_is_committed() -> None:
    driven = Driven()
    driven.step((KEY, 1))
    effects = driven.step((KEY, 0))
    assert (shown(effects), events(effects)) == ([], [(2, "deescalate")])
    assert driven.state.published[KEY].priority is Priority.HIGH
    assert shown(driven.step(committed=(2, True))) == [("AlarmChanged", "hard")]
    said = driven.state.published[KEY].now
    assert said is not None
    assert (said.band, said.priority) == ("soft", Priority.MEDIUM)


@pytest.mark.parametrize(("first", "then"), [(1, 0), (0, -1), (1, -1)], ids=["deescalate", "end", "latch"])
def test_if_the_store_fails_what_is_quiet_is_published_not_durable(first: int, then: int) -> None:
    driven = Driven()
    driven.step((KEY, first))
    driven.step((KEY, then))
    (content, _) = published(driven.step(committed=(2, False)))
    assert isinstance(content, AlarmChanged | AlarmCleared)
    assert not content.alarm.durable


def test_a_commit_that_is_told_twice_or_is_of_no_step_does_nothing() -> None:
    driven = Driven()
    driven.step((KEY, 0))
    driven.step((KEY, -1))
    driven.step(committed=(2, False))
    assert driven.step(committed=(2, True)) == []
    assert driven.step(committed=(99, True)) == []


def test_an_end_that_is_overtaken_by_an_onset_is_not_published() -> None:
    driven = Driven()
    driven.step((KEY, 0))
    driven.step((KEY, -1))
    effects = driven.step((KEY, 1))
    assert (shown(effects), events(effects)) == ([("AlarmChanged", "hard")], [(3, "start")])
    assert driven.state.standing[KEY].occurrence == "run-1-2"
    assert driven.step(committed=(2, True)) == []
    assert driven.ledger.index("bed-1").alarms == (driven.state.standing[KEY],)


def test_a_deescalation_that_is_overtaken_by_an_escalation_is_not_published() -> None:
    driven = Driven()
    driven.step((KEY, 1))
    driven.step((KEY, 0))
    driven.step((KEY, 1))
    assert driven.step(committed=(2, True)) == []
    assert driven.state.published[KEY].priority is Priority.HIGH


def test_quiet_changes_whose_commits_come_out_of_order_leave_the_newest() -> None:
    """A store whose queue is full tells a later step's failure before an earlier step's commit."""
    driven = Driven()
    driven.step((KEY, 1))
    driven.step((KEY, 0))
    driven.step((KEY, -1))
    (changed,) = [
        content for content in published(driven.step(committed=(3, False))) if isinstance(content, AlarmChanged)
    ]
    assert (changed.alarm.present, changed.alarm.rev, changed.alarm.durable) == (False, 3, False)
    assert driven.step(committed=(2, True)) == []
    assert driven.ledger.index("bed-1").alarms == (changed.alarm,)
    driven.reset()
    assert shown(driven.step(committed=(6, False))) == [("AlarmCleared", "hard")]
    assert driven.step(committed=(3, True)) == []
    assert driven.ledger.index("bed-1").alarms == ()


@pytest.mark.parametrize(
    ("band", "over", "then"),
    [(0, "end", ("AlarmCleared", "soft")), (1, "latch", ("AlarmChanged", "hard"))],
)
def test_an_onset_and_an_end_within_one_step_are_both_told(band: int, over: str, then: tuple[str, str]) -> None:
    driven = Driven()
    effects = driven.step((KEY, band), (KEY, -1))
    assert (shown(effects), events(effects)) == ([("AlarmChanged", BANDS[band].name)], [(1, "start"), (2, over)])
    assert shown(driven.step(committed=(1, True))) == [then]
    assert (KEY in driven.state.published) is (band == 1)


def test_what_does_not_change_is_not_told() -> None:
    driven = Driven()
    driven.step((KEY, 0))
    assert driven.step((KEY, 0), (LOW_KEY, -1)) == []


def texts(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(content.phase.value, content.alarm.text) for content in published(effects) if isinstance(content, Event)]


def test_a_present_alarm_that_would_say_something_else_is_told_anew() -> None:
    driven = Driven()
    driven.step((KEY, 0), says=" E1")
    effects = driven.step((KEY, 0), says=" E2")
    assert (shown(effects), texts(effects)) == ([("AlarmChanged", "soft")], [("remind", "it is soft E2")])
    assert len([effect for effect in effects if isinstance(effect, Persist)]) == 1
    assert driven.step((KEY, 0), says=" E2") == []
    assert texts(driven.step((KEY, 1), says=" E3")) == [("escalate", "it is hard E3")]
    assert driven.step((KEY, 1), says=" E3") == []
    assert texts(driven.step((KEY, -1))) == [("latch", "it is hard E3")]
    assert texts(driven.reset()) == [("reset", "it is hard E3")]
    assert driven.state.fingerprints == {}


def test_what_is_not_known_changes_no_word_and_what_is_known_again_does() -> None:
    driven = Driven()
    driven.step((KEY, 0), says=" E1")
    assert texts(driven.step((KEY, None), says=" nothing")) == [("update", "it is soft E1")]
    assert driven.step((KEY, None), says=" still nothing") == []
    assert texts(driven.step((KEY, 0), says=" E2")) == [("remind", "it is soft E2")]


def test_an_alarm_that_is_known_again_and_says_the_same_keeps_its_words() -> None:
    driven = Driven()
    driven.step((KEY, 0), says=" E1")
    driven.step((KEY, None))
    driven.state.standing[KEY] = replace(driven.state.standing[KEY], text="as it was at its onset")
    assert texts(driven.step((KEY, 0), says=" E1")) == [("update", "as it was at its onset")]


def test_a_restored_high_alarm_that_says_something_else_now_asks_for_attention_again() -> None:
    driven = Driven(_restored("hard"))
    assert texts(driven.step((KEY, 1), says=" E2")) == [("remind", "it is hard E2")]


def test_a_restored_milder_alarm_says_what_is_so_now() -> None:
    driven = Driven(replace(_restored("soft", Priority.MEDIUM), latching=False))
    assert texts(driven.step((KEY, 0), says=" E2")) == [("update", "it is soft E2")]


def test_events_count_without_a_gap_over_all_alarms() -> None:
    driven = Driven()
    told: list[tuple[int, str]] = []
    for found in (0, 1, None, 0, -1, 1, -1):
        told += events(driven.step((KEY, found), (LOW_KEY, found)))
    assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
    assert {phase for _, phase in told} == {"start", "escalate", "update", "deescalate", "latch", "return", "end"}


def test_the_index_names_what_is_published_the_most_urgent_then_the_oldest_first() -> None:
    driven = Driven()
    driven.step((AlarmKey("bed-1", "RR_HIGH"), 0))
    driven.step((AlarmKey("bed-1", "HR_LOW"), 0), (AlarmKey("bed-2", "HR_LOW"), 1))
    effects = driven.step((AlarmKey("bed-1", "SPO2_LOW"), 1))
    assert index(effects) == [("SPO2_LOW", "RR_HIGH", "HR_LOW")]


def test_keys_of_a_scope_are_those_with_an_alarm_or_a_condition() -> None:
    driven = Driven(_restored("hard"))
    driven.step((LOW_KEY, -1), (AlarmKey("bed-2", "HR_LOW"), 0))
    assert set(driven.register.keys_of("bed-1")) == {KEY, LOW_KEY}


# --- after a restart ---


def _restored(band: str, priority: Priority = Priority.HIGH) -> Alarm:
    driven = Driven()
    driven.step((KEY, 1))
    return replace(driven.state.standing[KEY], occurrence="run-0-7", rev=5, band=band, priority=priority)


def test_a_restored_alarm_is_asserted_anew_and_not_announced() -> None:
    alarm = _restored("hard")
    driven = Driven(alarm)
    driven.ledger.begin(1, instant(1.0))
    driven.ledger.reassert(("bed-1", "bed-2"))
    assert driven.ledger.finish() == [
        Publish(AlarmChanged(alarm)),
        Persist(alarm),
        Publish(AlarmIndex("bed-1", (alarm,))),
        Publish(AlarmIndex("bed-2", ())),
    ]
    assert driven.step((KEY, None)) == []


def test_a_restored_alarm_that_is_still_so_keeps_its_occurrence() -> None:
    driven = Driven(_restored("hard"))
    assert events(driven.step((KEY, 1))) == [(1, "update")]
    assert (driven.state.standing[KEY].occurrence, driven.state.standing[KEY].rev) == ("run-0-7", 6)


def test_the_condition_of_a_restored_alarm_ends_on_valid_input() -> None:
    driven = Driven(_restored("hard"))
    assert events(driven.step((KEY, -1))) == [(1, "latch")]
    assert [alarm.present for alarm in driven.state.standing.values()] == [False]
    assert shown(driven.step(committed=(1, True))) == [("AlarmChanged", "hard")]
    soft = Driven(replace(_restored("soft", Priority.MEDIUM), latching=False))
    assert events(soft.step((KEY, -1))) == [(1, "end")]
    assert shown(soft.step(committed=(1, True))) == [("AlarmCleared", "soft")]


def test_an_alarm_that_was_latched_before_a_restart_stands_on_valid_input_and_can_come_back() -> None:
    driven = Driven(replace(_restored("hard"), present=False, signal=SignalPresence.LATCHED))
    assert driven.step((KEY, -1)) == driven.step((KEY, None)) == []
    assert events(driven.step((KEY, 1))) == [(1, "return")]
    assert driven.state.standing[KEY].occurrence == "run-0-7"


@pytest.mark.parametrize(
    ("priority", "band"), [(Priority.HIGH, "hard"), (Priority.MEDIUM, "soft"), (Priority.LOW, "soft")]
)
def test_a_restored_alarm_whose_band_is_no_more_keeps_its_priority(priority: Priority, band: str) -> None:
    """It must not be lowered by an update that nobody hears: a band falls by a deescalation alone."""
    driven = Driven(_restored("of an older library", priority))
    worst = [row.name for row in BANDS].index(band)
    assert events(driven.step((KEY, worst))) == [(1, "update")]
    assert (driven.state.standing[KEY].band, driven.state.standing[KEY].priority) == (band, BANDS[worst].priority)


def test_an_alarm_whose_context_ended_ends_with_the_reason_and_can_begin_anew() -> None:
    driven = Driven()
    driven.step((KEY, 1))
    driven.ledger.begin(2, instant(2.0))
    driven.register.end_context(KEY, "the bed is no more")
    driven.register.end_context(LOW_KEY, "was never there")
    effects = driven.ledger.finish()
    assert events(effects) == [(2, "end")]
    (kept,) = [effect.alarm for effect in effects if isinstance(effect, Persist)]
    assert (kept.text, kept.present, kept.signal) == ("the bed is no more", False, SignalPresence.OFF)
    assert events(driven.step((KEY, 1))) == [(3, "start")]
