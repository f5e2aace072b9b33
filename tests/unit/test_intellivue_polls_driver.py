"""The IntelliVue driver's polls: what it asks for and when, and which answer belongs to which."""

from __future__ import annotations

import pytest

from drivers.model import AlarmSetChanged, Observation, Quantity, Rejected
from tests.golden.intellivue_reference import (
    ALARMS,
    NUMERICS,
    SYSTEM,
    accepted,
    alarm,
    alarms,
    created,
    refused,
    result,
    stream,
    thing,
)
from tests.unit.intellivue_talk import ABORTED, HR, PLAIN_EVENT, SPO2, Talk


def pulse(observation: Observation) -> str:
    heart_rate = next(one for one in observation.readings if one.quantity is Quantity.HEART_RATE)
    return str(heart_rate.value)


# Polls


def test_numerics_come_by_themselves_and_alarms_are_asked_for_each_second() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2))
    talk.kinds()
    for second in range(1, 6):
        talk.wait(1.0)
        assert talk.kinds() == ["alarms"]
        talk.hear(stream(1, HR, ticks=80_000 + 8000 * second), alarms(2 + second))
    assert [pulse(one) for one in talk.observations()] == ["87"] * 5
    assert talk.alarm_sets() == [()]
    assert talk.reasons() == []
    assert talk.session.round_s == 1.0


def test_the_monitors_own_attributes_are_asked_for_every_ten_seconds() -> None:
    talk = Talk().associated()
    said = talk.flow(21, HR)
    assert (said.count("system"), said.count("alarms"), said.count("numerics")) == (2, 22, 0)
    assert talk.reasons() == []


def test_the_stream_is_renewed_before_it_ends_and_loses_nothing() -> None:
    talk = Talk().associated()
    talk.flow(539, HR)
    old = talk.streaming
    talk.wait(1.0)
    talk.answer(HR)
    assert talk.streaming != old
    talk.hear(stream(old, HR, ticks=talk.ticks))
    talk.flow(1, HR)
    assert len(talk.observations()) == 541
    assert talk.reasons() == []
    talk.wait(1.0)
    talk.hear(stream(old, HR, ticks=talk.ticks))
    assert talk.reasons() == ["unexpected"]


def test_a_stream_that_stalls_is_asked_for_again_and_numerics_are_polled_meanwhile() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2), stream(1, HR))
    talk.kinds()
    talk.wait(1.0)
    talk.hear(alarms(3))
    talk.wait(1.0)
    talk.hear(alarms(4))
    assert talk.kinds() == ["alarms", "alarms"]
    talk.wait(0.6)
    assert talk.kinds() == ["stream"]
    talk.wait(0.4)
    assert talk.kinds() == ["numerics"]
    talk.hear(result(6, NUMERICS, SPO2, ticks=110_000))
    assert talk.kinds() == ["alarms"]
    assert len(talk.observations()) == 2
    talk.hear(alarms(7), stream(5, HR, ticks=111_000))
    talk.wait(1.0)
    assert talk.kinds() == ["alarms"]


def test_a_stream_that_never_comes_is_no_loss() -> None:
    talk = Talk().associated()
    said = talk.flow(30, HR, flows=False)
    assert (said.count("numerics"), said.count("stream"), said.count("release")) == (28, 4, 0)
    assert len(talk.observations()) == 28
    assert talk.reasons() == []


def test_where_no_stream_is_granted_numerics_are_polled() -> None:
    talk = Talk().associated(options=0x08000000)
    assert talk.kinds() == ["associate", "acknowledged", "numerics"]
    assert talk.session.round_s == 1.0
    talk.hear(result(1, NUMERICS, HR))
    assert talk.kinds() == ["alarms"]
    talk.hear(alarms(2))
    assert len(talk.observations()) == 1
    talk.wait(0.9)
    assert talk.kinds() == []
    talk.wait(0.1)
    assert talk.kinds() == ["numerics"]


def test_a_stream_that_is_refused_is_asked_for_no_more() -> None:
    talk = Talk().associated()
    talk.hear(refused(1), alarms(2))
    talk.kinds()
    talk.wait(1.0)
    assert talk.kinds() == ["numerics"]
    talk.hear(result(3, NUMERICS, HR))
    assert len(talk.observations()) == 1
    assert "stream" not in talk.kinds()


def test_a_poll_that_is_refused_costs_only_itself() -> None:
    talk = Talk(2.0).associated(options=0)
    talk.kinds()
    talk.hear(refused(1))
    assert talk.kinds() == ["alarms"]


@pytest.mark.parametrize(
    ("period_ticks", "interval_s", "expected_s"),
    [(8000, 1.0, 1.0), (8000, 0.1, 1.0), (8000, 60.0, 9.0), (8000 * 20, 1.0, 20.0), (8000 * 200, 1.0, 129.0)],
)
def test_rounds_keep_the_association_alive(period_ticks: int, interval_s: float, expected_s: float) -> None:
    """Never faster than the monitor allows, never slower than it bears silence (10, 3 x 20 and 130 s)."""
    talk = Talk(interval_s).associated(period_ticks, options=0)
    assert talk.session.round_s == expected_s
    talk.hear(result(1, NUMERICS, HR), alarms(2))
    talk.kinds()
    talk.wait(expected_s - 0.01)
    assert talk.kinds() == []
    talk.wait(0.02)
    assert talk.kinds() == ["numerics"]


def test_without_numerics_the_association_is_given_up() -> None:
    talk = Talk().associated()
    for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11):
        talk.hear(alarms(number))
        talk.wait(0.5)
    talk.kinds()
    talk.wait(1.0)
    assert "release" in talk.kinds()
    assert talk.session.round_s == 1.0


def test_the_alarms_stay_as_they_were_through_a_new_association() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2, [alarm("***ASYSTOLE", kind=0x0400)]))
    talk.hear(ABORTED, accepted(), created(*PLAIN_EVENT))
    assert len(talk.alarm_sets()) == 1
    talk.hear(alarms(4))
    assert talk.alarm_sets()[1] == ()


# Which answer belongs to which poll


def test_a_late_answer_answers_no_later_poll() -> None:
    talk = Talk().associated(options=0)
    talk.wait(2.0)
    assert talk.kinds()[-1] == "alarms"
    talk.hear(result(1, NUMERICS, HR))
    assert talk.observations() == []
    assert talk.reasons() == ["timeout", "unexpected"]


@pytest.mark.parametrize(
    "said",
    [
        result(1, NUMERICS, HR),
        result(2, NUMERICS, HR, extended=True),
        result(1, ALARMS, extended=True),
        result(2, SYSTEM, thing(0)),
        alarms(3),
        alarms(1),
        result(0, NUMERICS, HR, extended=True),
    ],
)
def test_an_answer_that_was_not_asked_for_is_not_read(said: bytes) -> None:
    talk = Talk().associated()
    talk.heard.clear()
    assert talk.hear(said) == [Rejected("unexpected")]


def test_a_result_that_is_not_newer_is_no_news() -> None:
    talk = Talk().associated()
    talk.hear(stream(1, HR, ticks=90_000), stream(1, SPO2, ticks=90_000), stream(1, SPO2, ticks=89_000))
    assert [pulse(one) for one in talk.observations()] == ["87"]
    assert talk.reasons() == ["unexpected"] * 2


def test_a_set_of_alarms_is_told_only_when_it_differs() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2))
    talk.wait(1.0)
    made = talk.hear(alarms(3))
    assert not any(isinstance(output, AlarmSetChanged) for output in made)
