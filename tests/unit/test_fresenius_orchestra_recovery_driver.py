"""The Orchestra conversation when it goes wrong: silence, damage, late replies, refusals, places that are dead."""

from __future__ import annotations

from itertools import pairwise

import pytest

from drivers.fresenius_orchestra import MIN_POLL_S, REPLY_TIMEOUT_MAX_S, REPLY_TIMEOUT_S, SETTLE_S
from drivers.model import AlarmSetChanged, DeviceRestarted, Observation, Rejected
from tests.golden.orchestra_reference import ACK, frame, sample, values
from tests.unit.orchestra_talk import DC0, LE0, TIMEOUT, Talk, device, rates, read


def test_a_missed_reply_is_asked_for_again_soon_after_connecting_anew() -> None:
    talk = Talk().running()
    talk.say(LE0, frame("0C;b01"))
    talk.wait_for(read())
    asked_s = talk.now_s
    assert talk.wait_for(LE0) == [TIMEOUT]
    assert talk.now_s == pytest.approx(asked_s + REPLY_TIMEOUT_S)
    talk.hear(frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    assert rates(talk.say(read(), sample())) == ["12.5"]
    assert talk.now_s < asked_s + REPLY_TIMEOUT_S + 0.3


@pytest.mark.parametrize("code", [b"1", b"2", b"4", b"5", b"6", b"7", b"8", b"9"])
def test_a_frame_that_the_device_did_not_take_is_sent_again_soon(code: bytes) -> None:
    talk = Talk().running()
    talk.say(LE0, frame("0C;b01"))
    round_began_s = talk.now_s - SETTLE_S
    talk.wait_for(read())
    assert talk.feed(b"\x15" + code) == [Rejected("unexpected", b"\x15" + code)]
    talk.wait_for(LE0)
    assert talk.now_s == pytest.approx(round_began_s + MIN_POLL_S)
    talk.hear(frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    assert rates(talk.say(read(), sample())) == ["12.5"]


def test_a_refusal_while_nothing_is_asked_is_only_noted() -> None:
    talk = Talk().running()
    deadline_s = talk.session.deadline_s
    assert talk.feed(b"\x155") == [Rejected("unexpected", b"\x155")]
    assert talk.session.deadline_s == deadline_s


def test_a_damaged_reply_is_no_reading_and_what_is_sent_again_in_time_is() -> None:
    talk = Talk().connected()
    assert talk.feed(sample().replace(b"007D", b"107D") + b"\x06") == [
        Rejected("checksum", sample()[1:-1].replace(b"007D", b"107D"))
    ]
    assert talk.sent == []
    assert rates(talk.hear(sample())) == ["12.5"]


def test_a_late_reply_never_answers_the_next_question() -> None:
    talk = Talk().running()
    talk.say(LE0, frame("0C;b01"))
    talk.wait_for(read())
    talk.wait_for(LE0)  # given up
    late = frame("1C;a00;e00;m01;d0001;r00000001")
    assert talk.hear(late) == [Rejected("unexpected", late[1:-3])]
    talk.hear(frame("0C;b01"))
    talk.wait_for(frame("1DC"))
    assert talk.hear(late) == [Rejected("unexpected", late[1:-3])]
    talk.hear(frame("1C"))
    assert rates(talk.say(read(), sample())) == ["12.5"]


def test_a_reply_of_another_module_does_not_answer() -> None:
    talk = Talk().met("03")
    talk.say(frame("1DC"), frame("1C"))
    talk.wait_for(read("1"))
    other = sample("2", d="0001")
    assert talk.hear(other) == [Rejected("unexpected", other[1:-3])]
    assert rates(talk.hear(sample("1"))) == ["12.5"]


@pytest.mark.parametrize("fields", [{"d": "007D", "z": "1"}, {"b": "01"}, {"k": "01"}])
def test_an_answer_to_something_else_does_not_answer(fields: dict[str, str]) -> None:
    talk = Talk().connected()
    said = values(**fields)
    assert talk.hear(said) == [Rejected("unexpected", said[1:-3])]
    assert rates(talk.hear(sample())) == ["12.5"]


def test_a_bare_answer_is_no_sample() -> None:
    talk = Talk().connected()
    assert talk.hear(frame("1C")) == [Rejected("unexpected", b"1C")]


def test_late_replies_teach_patience_with_their_place_and_it_has_an_end() -> None:
    talk = Talk("0")
    patience_s = REPLY_TIMEOUT_S
    for _ in range(4):
        talk.sent.clear()
        asked_s = talk.now_s
        assert TIMEOUT in talk.wait()
        assert talk.now_s == pytest.approx(asked_s + patience_s)
        while not talk.sent:
            talk.wait()
        talk.sent.clear()
        assert talk.hear(late := sample("")) == [Rejected("unexpected", late[1:-3])]
        patience_s = min(2 * patience_s, REPLY_TIMEOUT_MAX_S)
        while TIMEOUT not in talk.wait():
            talk.sent.clear()
        while not talk.sent:
            talk.wait()


def test_a_pump_that_says_all_twice_is_read_and_does_not_hold_up_the_round() -> None:
    talk = Talk().met("03")
    talk.wait_for(frame("1DC"))
    talk.feed(frame("1C") + frame("1C") + b"\x06")
    talk.sent = [sent for sent in talk.sent if sent != ACK]
    talk.wait_for(read("1"))
    assert rates(talk.feed(sample("1") + sample("1") + b"\x06")) == ["12.5"]
    talk.sent = [sent for sent in talk.sent if sent != ACK]
    talk.wait_for(frame("2DC"))


def test_dead_modules_cost_the_others_one_missed_reply_a_round() -> None:
    living = device("0F")
    asked: list[str] = []

    def answer(body: str) -> bytes:
        asked.append(body)
        return b"" if body[0] in "23" else living(body)

    made = Talk().converse(60.0, answer)
    heard = [at_s for at_s, output in made if isinstance(output, Observation) and output.channel == "4"]
    gaps = [later - earlier for earlier, later in pairwise(heard)]
    assert len(gaps) > 40
    assert max(gaps[2:]) < REPLY_TIMEOUT_S + 0.5
    assert asked.count("2DC") > 20
    assert abs(asked.count("2DC") - asked.count("3DC")) <= 1


def test_a_base_that_falls_silent_does_not_end_the_reading_of_its_modules() -> None:
    talk = Talk().running()
    living = device()
    made = talk.converse(30.0, lambda body: b"" if body[0] == "0" else living(body))
    assert len(rates([output for _, output in made])) > 15


def test_a_dead_line_is_asked_for_ever_and_comes_back() -> None:
    talk = Talk("1")
    asked: list[str] = []

    def silent(body: str) -> bytes:
        asked.append(body)
        return b""

    assert {output for _, output in talk.converse(30.0, silent)} == {TIMEOUT}
    assert 28 <= len(asked) <= 31
    assert set(asked) == {"0DC"}
    assert rates([output for _, output in talk.converse(35.0, device())])[:3] == ["12.5"] * 3


# Refusals


@pytest.mark.parametrize("code", ["01", "04", "0A", "0B", "0C"])
def test_a_pump_that_refuses_is_asked_for_fewer_variables(code: str) -> None:
    talk = Talk().connected()
    for question in ("1LE;adr", "1LE;dr", "1LE;d"):
        assert talk.hear(frame(f"1I;{code}")) == []
        talk.wait_for(frame(question))
    (seen,) = talk.hear(values(d="007D"))
    assert rates([seen]) == ["12.5"]
    talk.say(frame("1DE;aem"), frame("1I;01"))
    talk.say(LE0, frame("0C;b01"))
    talk.wait_for(frame("1LE;d"))
    assert talk.hear(frame(f"1I;{code}")) == [Rejected("unexpected", b"1I;" + code.encode())]


def test_a_pump_that_leaves_variables_out_is_asked_for_fewer() -> None:
    talk = Talk().connected()
    assert talk.hear(values(d="007D", r="0")) == [Rejected("unknown_line", b"1C;d007D;r0")]
    talk.wait_for(frame("1LE;adr"))
    assert rates(talk.hear(values(a="00", d="007D", r="0"))) == ["12.5"]


@pytest.mark.parametrize("code", ["02", "03", "0E", "1E", "FF", ""])
def test_any_other_refusal_is_no_reading_and_the_pump_is_connected_anew(code: str) -> None:
    talk = Talk().running()
    refusal = frame("1I" + (f";{code}" if code else ""))
    made = talk.round(refusal)
    assert made[0] == Rejected("unexpected", refusal[1:-3])
    assert rates(made) == []
    talk.say(LE0, frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    assert rates(talk.say(read(), sample())) == ["12.5"]


def test_a_module_whose_session_has_ended_began_anew_once() -> None:
    talk = Talk().running()
    made = talk.round(frame("1I;1E"))
    assert made[1:] == [DeviceRestarted("pumps", "1", talk.now_s, "its session had ended")]
    talk.say(LE0, frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    assert talk.say(read(), frame("1I;1E")) == [Rejected("unexpected", b"1I;1E")]
    talk.say(LE0, frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    made = talk.say(read(), sample())
    assert [type(output) for output in made] == [Observation, AlarmSetChanged]
    talk.say(frame("1DE;aem"), frame("1C"))


def test_a_base_without_a_session_is_connected_anew() -> None:
    talk = Talk().running()
    talk.round(frame("1I;0D"))
    talk.say(DC0, frame("0C"))
    talk.say(frame("1DC"), frame("1C"))
    assert rates(talk.say(read(), sample())) == ["12.5"]


def test_a_place_that_refuses_to_be_connected_since_it_is_is_read() -> None:
    talk = Talk()
    talk.say(DC0, frame("0I;06"))
    talk.say(LE0, frame("0C;b01"))
    talk.say(frame("1DC"), frame("1I;24"))
    assert rates(talk.say(read(), sample())) == ["12.5"]


@pytest.mark.parametrize("code", ["0D", "0E"])
def test_a_module_that_cannot_be_reached_is_not_read(code: str) -> None:
    talk = Talk().met()
    refusal = f"1I;{code}"
    assert talk.say(frame("1DC"), frame(refusal)) == [Rejected("unexpected", refusal.encode())]
    talk.wait_for(DC0 if code == "0D" else LE0)


@pytest.mark.parametrize(
    ("answer", "reason"), [("0I;0A", "unexpected"), ("0C;bXY", "syntax"), ("0C;b", "syntax"), ("0C;b00001", "syntax")]
)
def test_where_the_base_does_not_tell_its_modules_the_bound_ones_are_asked(answer: str, reason: str) -> None:
    talk = Talk("2")
    talk.say(DC0, frame("0C"))
    (rejected,) = talk.say(LE0, frame(answer))
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason
    talk.wait_for(frame("2DC"))
