"""The Asena driver in trouble: lost, late, broken and foreign frames, and a slow pump."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.alaris_asena import (
    MIN_POLL_S,
    PATIENCE_MAX_S,
    PATIENCE_MIN_S,
    QUESTION_LIMIT_S,
    REST_S,
    AsenaSession,
)
from drivers.alaris_asena_replies import MAX_FRAME_BYTES
from drivers.model import (
    DeviceIdentified,
    Observation,
    Rejected,
    Send,
    SessionOptions,
)
from tests.golden.asena_reference import frame, inf
from tests.unit.asena_talk import ASK_ALARM, ASK_INF, ASK_PROTOCOL, SAID_INF, SAID_NO_ALARM, SAID_PROTOCOL, Talk


def test_a_lost_reply_costs_a_second_and_protocol_is_asked_before_inf_again() -> None:
    talk = Talk().met()
    asked_s = talk.now_s
    assert talk.wait() == [Rejected("timeout")]
    assert talk.now_s == pytest.approx(asked_s + PATIENCE_MIN_S)
    talk.wait_for(ASK_PROTOCOL)
    assert talk.hear(SAID_PROTOCOL) == []
    talk.wait_for(ASK_INF)
    assert talk.now_s == pytest.approx(asked_s + PATIENCE_MIN_S + 2 * REST_S)
    assert any(isinstance(output, Observation) for output in talk.hear(SAID_INF))


def test_a_late_reply_answers_nothing() -> None:
    """What was said seconds ago must not be stamped with now (H-11)."""
    talk = Talk().met()
    talk.wait_for(ASK_PROTOCOL)
    assert talk.hear(SAID_INF, after_s=0.3) == [Rejected("unexpected", SAID_INF[1:65])]
    assert talk.hear(SAID_PROTOCOL, after_s=0.3) == []
    talk.wait_for(ASK_INF)
    seen = talk.hear(inf(rate="7.00^ml/h"))[1]
    assert isinstance(seen, Observation)
    assert seen.readings[0].value == Decimal("7.00")


def test_a_late_reply_in_the_rest_is_dropped_and_raises_doubt() -> None:
    talk = Talk().met()
    talk.hear(SAID_INF)
    heard_s = talk.now_s
    assert talk.hear(SAID_INF) == [Rejected("unexpected", SAID_INF[1:65])]
    talk.wait_for(ASK_PROTOCOL)
    talk.hear(SAID_PROTOCOL)
    talk.wait_for(ASK_ALARM)
    assert talk.now_s == pytest.approx(heard_s + 2 * REST_S)


def test_a_broken_frame_in_the_rest_raises_doubt_and_noise_does_not() -> None:
    talk = Talk().met()
    talk.hear(SAID_INF)
    assert talk.hear(b"\n") == [Rejected("noise", b"\n")]
    talk.wait_for(ASK_ALARM)
    talk.hear(SAID_NO_ALARM)
    assert talk.hear(b"!INF^8002\r") == [Rejected("syntax", b"!INF^8002")]
    talk.wait_for(ASK_PROTOCOL)
    talk.hear(SAID_PROTOCOL)
    talk.wait_for(ASK_INF)


def test_a_disturbed_round_is_not_how_long_a_round_takes() -> None:
    talk = Talk().met()
    talk.round(SAID_INF, SAID_NO_ALARM)
    talk.hear(SAID_INF)
    talk.wait_for(ASK_ALARM)
    for _ in range(3):
        talk.hear(frame("INF_RATE^3.50^ml/h"), after_s=0.9)
    talk.hear(SAID_NO_ALARM)
    talk.wait_for(ASK_INF)
    assert talk.session.round_s == pytest.approx(1.0)


def test_two_replies_in_one_read_are_one_reading() -> None:
    made = Talk().met().hear(SAID_INF + inf(rate="99.00^ml/h"))
    assert [type(output) for output in made] == [DeviceIdentified, Observation, Rejected]


@pytest.mark.parametrize("echo", [ASK_PROTOCOL, ASK_INF])
def test_our_own_echo_is_no_reply(echo: bytes) -> None:
    talk = Talk() if echo == ASK_PROTOCOL else Talk().met()
    assert talk.hear(echo) == [Rejected("unexpected", echo[1:-6])]


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (SAID_INF.replace(b"12.50", b"2.50"), "checksum"),
        (SAID_INF.replace(b"12.50", b"12.51"), "checksum"),
        (SAID_INF.replace(b"830E", b"830e"), "checksum"),
        (SAID_INF.replace(b"|830E", b"|0830E"), "checksum"),
        (SAID_INF.replace(b"|830E", b""), "syntax"),
        (SAID_INF.replace(b"^ml/h", b"\x1b"), "length"),
        (b"!" + b"x" * (MAX_FRAME_BYTES - 1), "oversize"),
    ],
)
def test_a_broken_reply_is_no_reading_and_is_asked_for_anew(spoilt: bytes, reason: str) -> None:
    talk = Talk().met()
    asked_s = talk.now_s
    made = talk.hear(spoilt)
    assert next(output.reason for output in made if isinstance(output, Rejected)) == reason
    assert not any(isinstance(output, Observation) for output in made)
    talk.wait_for(ASK_PROTOCOL)
    talk.hear(SAID_PROTOCOL)
    talk.wait_for(ASK_INF)
    assert talk.now_s == pytest.approx(asked_s + MIN_POLL_S)


def test_the_longest_frame_is_read_and_one_byte_more_is_not() -> None:
    room = MAX_FRAME_BYTES - len(inf())
    assert any(isinstance(output, Observation) for output in Talk().met().hear(inf(seventh="x" * room)))
    talk = Talk().met()
    made = talk.hear(inf(seventh="x" * (room + 1)))
    assert [output.reason for output in made if isinstance(output, Rejected)] == ["oversize"]
    assert talk.session.held_bytes == 0


def test_a_frame_cut_by_the_next_and_noise_before_it() -> None:
    talk = Talk()
    talk.sent.clear()
    assert talk.hear(b"\x00\xff" + SAID_PROTOCOL) == [Rejected("noise", b"\x00")]
    talk.wait_for(ASK_INF)
    made = talk.hear(SAID_INF[:30] + SAID_INF)
    assert made == [Rejected("length", SAID_INF[:30]), Rejected("unexpected", SAID_INF[1:65])]
    talk.wait_for(ASK_PROTOCOL)


def test_esc_breaks_a_frame_off_wherever_it_stands() -> None:
    for place in range(1, len(SAID_INF) - 1):
        made = Talk().met().hear(SAID_INF[:place] + b"\x1b" + SAID_INF[place:])
        assert made[0] == Rejected("length", SAID_INF[:place][:64])
        assert not any(isinstance(output, Observation) for output in made)


@pytest.mark.parametrize("spoilt", [SAID_INF, SAID_PROTOCOL, SAID_NO_ALARM])
def test_one_flipped_bit_makes_no_reading_no_identity_and_no_end_of_an_alarm(spoilt: bytes) -> None:
    for place in range(8 * len(spoilt)):
        flipped = bytearray(spoilt)
        flipped[place // 8] ^= 1 << place % 8
        talk = Talk()
        talk.sent.clear()
        if spoilt != SAID_PROTOCOL:
            talk.hear(SAID_PROTOCOL)
            talk.wait_for(ASK_INF)
        if spoilt == SAID_NO_ALARM:
            talk.hear(SAID_INF)
            talk.wait_for(ASK_ALARM)
        made = talk.hear(bytes(flipped))
        assert {type(output) for output in made} <= {Rejected}, place
        assert talk.session.held_bytes <= len(spoilt)
        talk.wait_for(ASK_PROTOCOL)  # nothing is believed before this is answered


def test_a_slow_pump_is_met_with_patience() -> None:
    """Every reply takes 3 s, one question after the other; from the first whole answer on, nothing is asked twice."""
    session = AsenaSession(SessionOptions("pump"))
    replies = {ASK_PROTOCOL: SAID_PROTOCOL, ASK_INF: SAID_INF, ASK_ALARM: SAID_NO_ALARM}
    waiting: list[tuple[float, bytes]] = []
    seen_s: list[float] = []
    outputs = list(session.start(0.0))
    now_s = 0.0
    while now_s < 90.0:
        for output in outputs:
            if isinstance(output, Send):
                waiting.append((max([now_s, *(at_s for at_s, _ in waiting)]) + 3.0, replies[output.data]))
            elif isinstance(output, Observation):
                seen_s.append(now_s)
        assert session.deadline_s is not None
        if waiting and waiting[0][0] <= session.deadline_s:
            now_s, data = waiting.pop(0)
            outputs = list(session.feed(data, now_s))
        else:
            now_s = session.deadline_s
            outputs = list(session.tick(now_s))
    gaps = [later - earlier for earlier, later in zip(seen_s[-6:], seen_s[-5:], strict=False)]
    assert gaps == pytest.approx([6.0 + 2 * REST_S] * 5)
    assert session.round_s == pytest.approx(6.0 + 2 * REST_S)


def test_patience_grows_with_silence_and_ends_with_it() -> None:
    talk = Talk()
    talk.sent.clear()
    waits = []
    for _ in range(5):
        asked_s = talk.now_s
        assert talk.wait() == [Rejected("timeout")]
        waits.append(talk.now_s - asked_s)
        talk.wait_for(ASK_PROTOCOL)
    assert waits == pytest.approx([1.0, 2.0, 4.0, PATIENCE_MAX_S, PATIENCE_MAX_S])
    talk.hear(SAID_PROTOCOL, after_s=0.05)
    talk.wait_for(ASK_INF)
    asked_s = talk.now_s
    assert talk.wait() == [Rejected("timeout")]
    assert talk.now_s == pytest.approx(asked_s + PATIENCE_MIN_S)


def test_frames_out_of_turn_do_not_hold_a_question_up_for_ever() -> None:
    talk = Talk().met()
    asked_s = talk.now_s
    stray = frame("INF_RATE^3.50^ml/h")
    while talk.session.deadline_s is not None and talk.session.deadline_s > talk.now_s + 0.5:
        assert talk.hear(stray, after_s=0.5) == [Rejected("unexpected", b"INF_RATE^3.50^ml/h")]
    assert talk.wait() == [Rejected("timeout")]
    assert talk.now_s == pytest.approx(asked_s + QUESTION_LIMIT_S)


def test_a_tick_before_its_time_does_nothing() -> None:
    talk = Talk()
    assert list(talk.session.tick(PATIENCE_MIN_S - 0.01)) == []
