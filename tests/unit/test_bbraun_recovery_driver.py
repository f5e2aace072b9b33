"""The conversation in request mode when it goes wrong: late, lost, foreign and slow replies."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers import bbraun_space
from drivers.bbraun_space import MAX_BLOCKS
from drivers.model import (
    ChannelRemoved,
    Observation,
    Rejected,
)
from tests.golden.bbraun_reference import ACK, NAK, alive, block, plain, said, version
from tests.unit.bbraun_talk import ALIVE, MEMORY, PUMP, VERSION, Talk, slot


def test_silence_is_a_timeout_then_quiet_then_alive() -> None:
    talk = Talk().asked()
    talk.hear(PUMP)
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    asked_s = talk.now_s
    assert talk.wait_for(ALIVE) == [Rejected("timeout")]
    assert talk.now_s == pytest.approx(asked_s + 1.3)
    talk.hear(alive())
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)  # the version is asked once


def test_a_lost_reply_is_made_good_before_the_link_counts_as_lost() -> None:
    talk = Talk().asked()
    talk.hear(PUMP)
    heard_s = talk.now_s
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    talk.wait_for(ALIVE)
    talk.hear(alive())
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    assert talk.now_s - heard_s < 2 * talk.session.round_s + 1


def test_a_late_reply_never_answers_the_next_question() -> None:
    talk = Talk().asked()
    talk.hear(block(said("50113", INRT="1.0")))
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    talk.wait()
    late = block(said("50113", time=10, INRT="99.0"))
    assert talk.hear(late) == [Rejected("unexpected", late[:64])]  # while the line should be quiet
    talk.wait_for(ALIVE)
    assert talk.hear(late) == [Rejected("unexpected", late[:64])]  # in place of the answer to ALIVE
    assert talk.hear(alive()) == []
    assert talk.hear(late) == [Rejected("unexpected", late[:64])]  # before it was acknowledged
    talk.wait_for(ALIVE)
    seen = [output for output in talk.log if isinstance(output, Observation)]
    assert [output.device_time for output in seen] == ["9"]


def test_a_reply_between_questions_starts_the_conversation_anew() -> None:
    talk = Talk().asked()
    talk.hear(PUMP)
    talk.wait_for(ACK)
    talk.now_s += 0.2
    assert talk.hear(PUMP) == [Rejected("unexpected", PUMP[:64])]
    talk.wait_for(ALIVE)


def test_a_late_answer_to_alive_does_not_answer_the_question_for_data() -> None:
    talk = Talk().asked()
    late = alive()
    assert talk.hear(late) == [Rejected("unexpected", late[:64])]
    assert talk.hear(version()) == [Rejected("unexpected", version()[:64])]
    assert any(isinstance(output, Observation) for output in talk.hear(PUMP))


def test_merged_blocks_that_were_not_asked_for_are_not_taken() -> None:
    talk = Talk().asked()
    other = block(said("50114", INRT="2.0"))
    out = talk.hear(block(said("50113", INRT="1.0"), last=False) + other)
    assert [output.channel for output in out if isinstance(output, Observation)] == ["13"]
    assert out[-1] == Rejected("unexpected", other[:64])
    talk.wait_for(ALIVE)


def test_another_bed_id_is_not_for_us() -> None:
    talk = Talk().asked()
    foreign = block(said("50113", INRT="99"), bed_id="ICU4")
    assert talk.hear(foreign) == [Rejected("unexpected", foreign[:64])]
    assert any(isinstance(output, Observation) for output in talk.hear(PUMP))


def test_another_rack_on_the_line() -> None:
    talk = Talk().asked()
    talk.hear(PUMP)
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    talk.wait_for(ALIVE)
    assert talk.hear(alive("ICU4")) == [
        ChannelRemoved("pumps", "13", talk.now_s, "the line leads to another rack, ICU4")
    ]
    talk.wait_for(ACK)
    talk.wait_for(block("ADMIN:VERSION", bed_id="ICU4"))


def test_a_bad_request_error_starts_the_conversation_anew() -> None:
    talk = Talk().asked()
    error = block("9,50100,GNERR,68")
    assert talk.hear(error) == [Rejected("syntax", error[:64])]
    talk.wait_for(plain("ADMIN:ALIVE", "1"))


def test_a_bare_nak_starts_the_conversation_anew() -> None:
    talk = Talk().asked()
    assert talk.hear(NAK) == [Rejected("unexpected", NAK)]
    talk.wait_for(plain("ADMIN:ALIVE", "1"))


def test_a_bare_ack_or_a_nak_at_rest_changes_nothing() -> None:
    talk = Talk().asked()
    assert talk.hear(ACK) == []
    talk.hear(PUMP)
    assert talk.hear(ACK + NAK) == []
    talk.wait_for(ACK)
    assert talk.hear(ACK + NAK + b"x") == [Rejected("noise", b"x")]
    talk.wait_for(MEMORY)


def test_a_line_without_stuffing_is_found() -> None:
    talk = Talk()
    assert talk.sent.pop() == ALIVE
    assert talk.wait_for(plain("ADMIN:ALIVE", "1")) == [Rejected("timeout")]
    talk.hear(plain("5,50100,GNACK,0"))
    talk.wait_for(ACK)
    talk.wait_for(plain("ADMIN:VERSION"))
    talk.hear(plain("5,50100,V3.30"))
    talk.wait_for(ACK)
    talk.wait_for(plain("MEM:GET"))
    out = talk.hear(plain(said(INDCON="5.0") + "\x1e" + said(INDCONU="31")))
    (seen,) = [output for output in out if isinstance(output, Observation)]
    assert {reading.unit for reading in seen.readings if reading.value == Decimal("5.0")} == {"mg/mL"}
    talk.wait_for(ACK)
    talk.wait_for(plain("MEM:GET"))
    for _ in range(2):  # a form that brought data is kept
        talk.wait_for(plain("ADMIN:ALIVE", "1"))
    talk.wait_for(ALIVE)
    talk.wait_for(plain("ADMIN:ALIVE", "1"))


def test_a_plain_block_on_a_stuffed_line_is_not_taken() -> None:
    talk = Talk().asked()
    assert [type(output) for output in talk.hear(plain(said(INDORT="4.0")))] == [Rejected]


def test_babble_does_not_keep_the_session_from_asking() -> None:
    talk = Talk().asked()
    talk.wait()
    quiet_s = talk.now_s
    while not talk.sent:
        talk.now_s += 0.1
        talk.hear(b"x")
        talk._note(talk.session.tick(talk.now_s))
    assert talk.now_s == pytest.approx(quiet_s + bbraun_space.QUIET_LIMIT_S, abs=0.11)


def test_an_answer_of_too_many_blocks() -> None:
    talk = Talk().asked()
    for number in range(MAX_BLOCKS):
        talk.hear(block(said("50111", time=number, INRT="1"), last=False))
        talk.wait_for(ACK)
    more = block(said("50111", time=99, INRT="1"), last=False)
    assert talk.hear(more) == [Rejected("unexpected", more[:64])]
    talk.wait_for(ALIVE)


def test_a_slot_that_fails_does_not_starve_the_others() -> None:
    talk = Talk("11", "12").meet()
    talk.wait_for(slot("11"))
    talk.wait_for(plain("ADMIN:ALIVE", "1"))
    talk.wait_for(ALIVE)
    talk.hear(alive())
    talk.wait_for(ACK)
    talk.wait_for(slot("12"))


def test_a_disturbed_round_is_not_measured() -> None:
    talk = Talk("11", "12").meet()
    before_s = talk.session.round_s
    talk.wait_for(slot("11"))
    talk.hear(block(said("50111", INRT="1.0")))
    talk.wait_for(ACK)
    talk.wait_for(slot("12"))
    talk.wait_for(ALIVE)
    talk.hear(alive())
    talk.wait_for(ACK)
    talk.wait_for(slot("11"))
    assert talk.session.round_s == before_s


@pytest.mark.parametrize("delay_s", [0.9, 1.2, 1.9, 2.5, 3.9])
def test_a_slow_device_is_understood_in_the_end(delay_s: float) -> None:
    """The device answers each question in order, late; the session learns to wait."""
    talk = Talk()
    answers = {ALIVE: alive(), VERSION: version(), MEMORY: PUMP}
    coming: list[tuple[float, bytes]] = []
    seen = 0
    while talk.now_s < 60:
        coming += [(talk.now_s + delay_s, answers[data]) for data in talk.sent if data in answers]
        talk.sent.clear()
        assert talk.session.deadline_s is not None
        if coming and coming[0][0] <= talk.session.deadline_s:
            talk.now_s, answer = coming.pop(0)
            seen += sum(isinstance(output, Observation) for output in talk.hear(answer))
        else:
            talk.wait()
    assert seen >= 6
    assert [type(output) for output in talk.log[-8:]].count(Rejected) == 0
