"""The Orchestra conversation when all is well: order, times, keep-alive, events, modules that come and go."""

from __future__ import annotations

import pytest

from drivers.fresenius_orchestra import BASE_READY_S, MIN_POLL_S, SETTLE_S
from drivers.model import AlarmSetChanged, ChannelRemoved, Observation, Rejected
from tests.golden.orchestra_reference import ACK, DC4, ENQ, frame, sample
from tests.unit.orchestra_talk import BOTH, DC0, LE0, TIMEOUT, Talk, channels, device, rates, read


def test_the_beginning_word_by_word() -> None:
    talk = Talk()
    assert talk.sent == [DC0]
    talk.sent.clear()
    assert talk.hear(b"\x06" + frame("0C"), after_s=0.1) == []
    connected_s = talk.now_s
    talk.wait_for(LE0)
    assert talk.now_s == pytest.approx(connected_s + BASE_READY_S)
    round_began_s = talk.now_s
    assert talk.hear(BOTH) == []
    assert channels(talk.say(b"\x021DC47\x03", frame("1C"))) == []
    assert channels(talk.say(read("1"), sample("1"))) == ["1"]
    talk.say(frame("1DE;aem"), frame("1C"))
    talk.say(b"\x022DC46\x03", frame("2C"))
    assert channels(talk.say(read("2"), sample("2"))) == ["2"]
    talk.say(frame("2DE;aem"), frame("2C"))
    assert talk.sent == []
    talk.wait_for(LE0)
    assert talk.now_s == pytest.approx(round_began_s + 1.0)
    assert talk.session.round_s == pytest.approx(1.0)
    talk.hear(BOTH)
    assert channels(talk.say(read("1"), sample("1")) + talk.say(read("2"), sample("2"))) == ["1", "2"]
    talk.wait_for(LE0)
    assert talk.now_s == pytest.approx(round_began_s + 2.0)


@pytest.mark.parametrize("interval_s", [0.01, MIN_POLL_S])
def test_rounds_are_never_closer_than_they_may_be(interval_s: float) -> None:
    talk = Talk(poll_interval_s=interval_s).running()
    talk.wait_for(LE0)
    first_s = talk.now_s
    talk.hear(frame("0C;b01"))
    talk.say(read(), sample())
    talk.wait_for(LE0)
    assert talk.now_s == pytest.approx(first_s + MIN_POLL_S)


def test_eight_modules_are_eight_channels_in_one_round_that_is_measured() -> None:
    talk = Talk().met("FF")
    for address in "12345678":
        talk.say(frame(f"{address}DC"), frame(f"{address}C"))
        assert channels(talk.say(read(address), sample(address))) == [address]
        talk.say(frame(f"{address}DE;aem"), frame(f"{address}C"))
    talk.wait_for(LE0)
    began_s = talk.now_s
    talk.hear(frame("0C;bFF"))
    for address in "12345678":
        talk.wait_for(read(address))
        talk.hear(sample(address), after_s=0.1)
    talk.wait_for(LE0)
    assert talk.session.round_s == pytest.approx(talk.now_s - began_s)
    assert talk.session.round_s == pytest.approx(8 * (0.1 + SETTLE_S) + SETTLE_S)


@pytest.mark.parametrize("bitmap", ["1", "01", "0001"])
def test_bitmaps_of_any_width(bitmap: str) -> None:
    Talk().met(bitmap).wait_for(frame("1DC"))


def test_an_empty_base_is_no_fault_and_is_asked_again() -> None:
    talk = Talk().met("00")
    assert talk.wait_for(LE0) == []
    talk.hear(frame("0C;b04"))
    talk.wait_for(frame("3DC"))


def test_modules_beyond_the_eighth_are_told_of_once() -> None:
    talk = Talk()
    talk.say(DC0, frame("0C"))
    assert talk.say(LE0, frame("0C;b0101")) == [Rejected("unknown_line", b"0101")]
    talk.say(frame("1DC"), frame("1C"))
    talk.say(read(), sample())
    talk.say(frame("1DE;aem"), frame("1C"))
    assert talk.say(LE0, frame("0C;b0101")) == []


def test_a_pump_alone_on_its_line_has_no_address_and_no_base() -> None:
    talk = Talk("0")
    talk.say(b"\x02DC78\x03", frame("C"))
    made = talk.say(read(""), sample(""))
    assert channels(made) == ["0"]
    talk.say(frame("DE;aem"), frame("C"))
    began_s = talk.now_s
    talk.wait_for(read(""))
    assert talk.now_s == pytest.approx(1.0)
    assert talk.now_s > began_s
    assert talk.hear(frame("0C;b01")) == [Rejected("unexpected", b"0C;b01")]
    made = talk.hear(frame("E;a01"))
    assert talk.sent == [frame("E")]
    assert [type(output) for output in made] == [AlarmSetChanged]


# Keep-alive and events


@pytest.mark.parametrize("moment", ["before", "asked", "resting"])
def test_an_enquiry_is_answered_at_once_and_disturbs_nothing(moment: str) -> None:
    talk = Talk() if moment == "before" else Talk().connected() if moment == "asked" else Talk().running()
    talk.sent.clear()
    deadline_s = talk.session.deadline_s
    assert talk.feed(ENQ) == []
    assert talk.sent == [DC4]
    assert talk.session.deadline_s == deadline_s


def test_an_enquiry_right_before_and_after_a_reply_costs_nothing() -> None:
    talk = Talk().connected()
    made = talk.feed(ENQ + b"\x06" + sample() + ENQ)
    assert rates(made) == ["12.5"]
    assert talk.sent == [DC4, ACK, frame("1DE;aem"), DC4]


def test_a_reply_is_acknowledged_when_the_line_has_rested() -> None:
    talk = Talk().connected()
    assert talk.feed(sample()) == []
    assert talk.sent == []
    assert talk.session.deadline_s == pytest.approx(talk.now_s + SETTLE_S)
    assert rates(talk.wait()) == ["12.5"]
    assert talk.sent == [ACK, frame("1DE;aem")]


@pytest.mark.parametrize(("said", "confirmed"), [("1E;a00;m02", "1E"), ("1M;x01", "1M"), ("0E;b01", "0E")])
def test_an_event_is_confirmed_and_brings_the_next_round_forward(said: str, confirmed: str) -> None:
    talk = Talk(poll_interval_s=5.0).running()
    assert talk.hear(frame(said)) == []
    assert talk.sent.pop(0) == frame(confirmed)
    heard_s = talk.now_s
    talk.wait_for(LE0)
    assert talk.now_s <= heard_s + MIN_POLL_S


def test_an_event_amid_a_question_does_not_answer_it() -> None:
    talk = Talk().connected()
    assert talk.feed(frame("1E;a00;e00;m01;d0000;r00000000") + frame("1E;m02")) == []
    assert talk.sent == [ACK, frame("1E")]
    talk.sent.clear()
    assert talk.hear(b"") == []
    assert talk.sent == [frame("1E")]
    talk.sent.clear()
    assert rates(talk.hear(sample())) == ["12.5"]


def test_events_without_end_do_not_keep_a_pump_from_being_read() -> None:
    talk = Talk().running()
    for _ in range(20):
        talk.hear(frame("1E;m02"))
        assert talk.sent.pop(0) == frame("1E")
        if talk.sent:
            break
    assert talk.sent == [LE0]


def test_an_event_of_a_module_that_is_not_there_is_confirmed_and_not_taken() -> None:
    talk = Talk().running()
    assert talk.hear(frame("5E;a01")) == [Rejected("unexpected", b"5E;a01")]
    assert talk.sent == [frame("5E")]


def test_our_own_confirmation_come_back_is_not_confirmed() -> None:
    talk = Talk().running()
    assert talk.hear(frame("1E")) == [Rejected("syntax", b"1E")]
    assert talk.sent == []


@pytest.mark.parametrize("refusal", ["01", "02", "0A", "20"])
def test_a_pump_without_events_is_read_all_the_same(refusal: str) -> None:
    talk = Talk().connected()
    talk.hear(sample())
    assert talk.say(frame("1DE;aem"), frame(f"1I;{refusal}")) == []
    assert rates(talk.round(sample())) == ["12.5"]
    assert talk.wait_for(LE0) == []


def test_a_pump_that_does_not_answer_about_events_is_not_asked_again() -> None:
    talk = Talk().connected()
    talk.hear(sample())
    talk.wait_for(frame("1DE;aem"))
    assert talk.wait_for(LE0) == [TIMEOUT]
    talk.hear(frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    assert rates(talk.say(read(), sample())) == ["12.5"]
    talk.wait_for(LE0)


# Modules that come and go


def test_a_module_that_the_base_no_longer_holds_is_gone_and_begins_anew_when_it_is_back() -> None:
    talk = Talk().met("03")
    for address in "12":
        talk.say(frame(f"{address}DC"), frame(f"{address}C"))
        talk.say(read(address), sample(address, a="01"))
        talk.say(frame(f"{address}DE;aem"), frame(f"{address}C"))
    assert talk.say(LE0, frame("0C;b02")) == [ChannelRemoved("pumps", "1", talk.now_s, "the base does not hold it")]
    assert channels(talk.say(read("2"), sample("2", a="01"))) == ["2"]
    assert talk.say(LE0, frame("0C;b03")) == []
    talk.say(read("2"), sample("2", a="01"))
    talk.say(frame("1DC"), frame("1C"))
    made = talk.say(read("1"), sample("1", a="01"))
    assert [type(output) for output in made] == [Observation, AlarmSetChanged]


def test_modules_that_are_not_bound_are_read_too() -> None:
    talk = Talk("2").met("03")
    talk.say(frame("1DC"), frame("1C"))
    assert channels(talk.say(read("1"), sample("1"))) == ["1"]


def test_a_tick_before_its_time_does_nothing() -> None:
    talk = Talk().connected()
    talk.feed(sample())
    assert list(talk.session.tick(talk.now_s + SETTLE_S - 0.001)) == []


def test_ten_quiet_minutes_bring_a_sample_of_each_module_each_second() -> None:
    made = Talk().converse(600.0, device("FF"))
    assert not [output for _, output in made if isinstance(output, Rejected)]
    for channel in "12345678":
        heard = [at_s for at_s, output in made if isinstance(output, Observation) and output.channel == channel]
        assert 595 <= len(heard) <= 600
