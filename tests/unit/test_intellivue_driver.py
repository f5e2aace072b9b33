"""The IntelliVue driver's conversation: association, polls, their answers, and how it finds back."""

from __future__ import annotations

import pytest

from drivers.intellivue import DRIVER, MibSession
from drivers.intellivue_frame import MAX_FRAME_BYTES, Framer
from drivers.intellivue_polls import MAX_OPEN, MAX_PARTS
from drivers.model import (
    AlarmSetChanged,
    DeviceIdentified,
    DeviceKind,
    DeviceRestarted,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Quantity,
    Rejected,
    SessionOptions,
)
from tests.golden.intellivue_reference import (
    ALARMS,
    NUMERICS,
    PER_MINUTE,
    PERCENT,
    SYSTEM,
    accepted,
    alarm,
    alarms,
    attribute,
    created,
    frame,
    refused,
    result,
    single,
    stream,
    thing,
)
from tests.unit.intellivue_talk import PLAIN_EVENT, Talk

HR = single(1, 0x4182, PER_MINUTE, 87)
SPO2 = single(2, 0x4BB8, PERCENT, 97)
ABORTED = frame(bytes.fromhex("192E11010300"))
REFUSED = frame(bytes.fromhex("0C00"))
FINISH = frame(bytes.fromhex("0918C1166180"))
FINISHED = frame(bytes.fromhex("0A18C1166180"))


def pulse(observation: Observation) -> str:
    heart_rate = next(one for one in observation.readings if one.quantity is Quantity.HEART_RATE)
    return str(heart_rate.value)


# What the driver is


def test_the_driver_says_what_the_monitor_can_do() -> None:
    assert DRIVER.name == "philips-intellivue"
    assert DRIVER.kind is DeviceKind.MONITOR
    assert DRIVER.line == LineSettings(115200, 8, "N", 1)
    assert not DRIVER.listen_only
    assert DRIVER.identity is IdentitySupport.PORT_ONLY
    assert DRIVER.integrity is Integrity.CHECKSUM
    assert DRIVER.nibp_time is NibpTime.DEVICE
    assert DRIVER.freshness == "relative time"
    assert DRIVER.experimental
    assert DRIVER.channel_pattern == "0"
    assert isinstance(DRIVER.session(SessionOptions("x")), MibSession)


# The association


def test_an_association_is_asked_for_every_two_seconds() -> None:
    talk = Talk()
    assert talk.kinds() == ["associate"]
    talk.wait(1.9)
    assert talk.kinds() == []
    talk.wait(4.2)
    assert talk.kinds() == ["associate"] * 3
    assert talk.reasons() == ["timeout"] * 3


def test_the_first_event_is_acknowledged_with_its_own_numbers_before_anything_is_polled() -> None:
    talk = Talk()
    talk.kinds()
    assert talk.hear(accepted()) == []
    assert talk.kinds() == []
    made = talk.hear(created(*PLAIN_EVENT, attribute(0x0928, "000850686C 69 7073 0000".replace(" ", "")), invoke_id=7))
    acknowledged = bytes.fromhex("E100000200020014 0007 0001000E 002100000000 00013880 0D060000")
    assert talk.sent[0] == acknowledged
    assert talk.kinds() == ["acknowledged", "stream", "alarms"]
    assert [type(output) for output in made] == [DeviceIdentified]


@pytest.mark.parametrize(
    ("told", "model"),
    [
        ("", "Philips IntelliVue"),
        ("0007 5068696C697073 0006 4D3830303741", "Philips M8007A"),
        ("0008 0050006800690000", "Phi"),
        ("0009 50", "Philips IntelliVue"),
    ],
)
def test_the_model(told: str, model: str) -> None:
    talk = Talk()
    talk.hear(accepted(), created(attribute(0x0928, told.replace(" ", ""))))
    assert talk.heard == [DeviceIdentified("bed-3", "0", 100.0, serial_number="", model=model)]


def test_a_first_event_that_comes_again_is_acknowledged_again() -> None:
    talk = Talk().associated()
    talk.kinds()
    assert talk.hear(created(*PLAIN_EVENT)) == []
    assert talk.kinds() == ["acknowledged"]


def test_without_a_first_event_the_association_is_given_back() -> None:
    talk = Talk()
    talk.hear(accepted())
    talk.kinds()
    talk.wait(4.9)
    assert talk.kinds() == []
    talk.wait(0.2)
    assert talk.kinds() == ["release"]
    talk.hear(FINISHED)
    assert talk.kinds() == ["associate"]


def test_a_release_that_is_not_answered_ends_in_an_abort_and_a_new_association() -> None:
    talk = Talk()
    talk.hear(accepted())
    talk.wait(5.0)
    talk.kinds()
    talk.wait(1.0)
    assert talk.kinds() == ["abort", "associate"]
    talk.associated()
    assert talk.kinds() == ["acknowledged", "stream", "alarms"]


@pytest.mark.parametrize("said", [ABORTED, FINISH])
def test_a_monitor_that_ends_the_association_is_asked_again(said: bytes) -> None:
    talk = Talk().associated()
    talk.kinds()
    talk.hear(said)
    assert talk.kinds() == (["released"] if said == FINISH else [])
    assert talk.reasons() == ["unexpected"]
    talk.hear(stream(1, HR))
    assert talk.observations() == []
    talk.heard.clear()
    talk.wait(2.0)
    assert talk.kinds() == ["release"]
    talk.hear(FINISHED)
    assert talk.kinds() == ["associate"]
    talk.associated()
    assert talk.numbers() == [3, 4]
    talk.hear(stream(1, HR), stream(3, SPO2))
    assert len(talk.observations()) == 1


def test_nothing_is_done_before_it_is_due() -> None:
    talk = Talk()
    assert talk.session.tick(talk.now_s + 1.9) == ()
    assert talk.session.deadline_s == talk.now_s + 2.0


def test_a_release_that_nobody_asked_for_changes_nothing() -> None:
    talk = Talk().associated()
    talk.hear(FINISHED, stream(1, HR))
    assert talk.reasons() == ["unexpected"]
    assert len(talk.observations()) == 1


def test_a_refusal_is_met_with_patience() -> None:
    talk = Talk()
    talk.kinds()
    talk.hear(REFUSED)
    talk.wait(1.9)
    assert talk.kinds() == []
    talk.wait(0.2)
    assert talk.kinds() == ["associate"]


def test_a_late_refusal_ends_nothing() -> None:
    talk = Talk().associated()
    talk.hear(REFUSED, stream(1, HR))
    assert talk.reasons() == ["unexpected"]
    assert len(talk.observations()) == 1


def test_data_of_an_association_that_an_earlier_host_left_are_not_read_and_it_is_ended_first() -> None:
    talk = Talk()
    talk.kinds()
    talk.hear(stream(1, HR, ticks=100))
    assert talk.reasons() == ["unexpected"]
    talk.wait(2.0)
    assert talk.kinds() == ["release"]
    talk.hear(FINISHED)
    assert talk.kinds() == ["associate"]


def test_a_monitor_whose_clock_fell_was_restarted() -> None:
    talk = Talk().associated()
    talk.hear(stream(1, HR, ticks=16_000_000), ABORTED)
    talk.hear(accepted(), created(ticks=16_000_000 - 5 * 8000))
    assert not any(isinstance(output, DeviceRestarted) for output in talk.heard)
    talk.hear(ABORTED, accepted(), created(ticks=8000))
    (restarted,) = (output for output in talk.heard if isinstance(output, DeviceRestarted))
    assert restarted.reason == "the monitor's clock fell from 1995 s to 1 s"


def test_a_clock_that_passed_its_end_was_not_restarted() -> None:
    talk = Talk()
    talk.hear(accepted(), created(ticks=2**32 - 8000))
    talk.hear(stream(1, HR, ticks=2**32 - 1), stream(1, HR, ticks=7999))
    assert len(talk.observations()) == 2
    talk.hear(ABORTED, accepted(), created(ticks=20_000))
    assert not any(isinstance(output, DeviceRestarted) for output in talk.heard)


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


# Results in parts


def part(state: int, count: int, *things: str, number: int = 1, ticks: int = 90_000) -> bytes:
    return result(number, NUMERICS, *things, extended=True, ticks=ticks, part=(state, count))


def test_the_parts_of_a_result_are_one_observation() -> None:
    talk = Talk().associated()
    third = single(3, 0x500A, 0x0AE0, 16)
    talk.hear(part(1, 1, HR), part(2, 2, SPO2), part(3, 3, third))
    assert talk.observations() == []
    talk.hear(stream(1, single(4, 0x4822, PER_MINUTE, 88), ticks=90_000))
    (observation,) = talk.observations()
    told = {one.quantity: str(one.value) for one in observation.readings if one.value is not None}
    assert told == {"heart_rate": "87", "spo2": "97", "respiratory_rate": "16", "pulse_rate": "88"}


def test_parts_of_alarms_are_joined_too() -> None:
    talk = Talk().associated()
    talk.hear(result(2, ALARMS, thing(1, attribute(0x0902, "00000000")), part=(1, 1)))
    assert talk.alarm_sets() == []
    talk.hear(alarms(2, None, [alarm("ECG LEADS OFF", kind=2)]))
    assert [[one.text for one in alarms_] for alarms_ in talk.alarm_sets()] == [["ECG LEADS OFF"]]


@pytest.mark.parametrize(
    "parts",
    [
        [part(2, 2, HR)],
        [part(1, 1, HR), part(3, 3, HR)],
        [part(1, 1, HR), part(2, 1, HR)],
    ],
)
def test_a_result_of_which_a_part_is_lost_is_not_read(parts: list[bytes]) -> None:
    talk = Talk().associated()
    talk.hear(*parts, stream(1, SPO2, ticks=90_000))
    assert talk.observations() == []
    assert talk.reasons() == ["unexpected", "length"]
    talk.hear(stream(1, SPO2, ticks=98_000))
    assert len(talk.observations()) == 1


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_damaged_part_costs_the_result(damaged: int) -> None:
    talk = Talk().associated()
    talk.hear(part(1, 1, HR), stream(1, SPO2, ticks=90_000))
    frames = [part(1, 1, HR, ticks=98_000), part(3, 2, HR, ticks=98_000)]
    frames[damaged] = frames[damaged][:-4] + b"\x00" + frames[damaged][-3:]
    talk.hear(*frames, stream(1, SPO2, ticks=98_000))
    assert len(talk.observations()) == 1
    assert talk.reasons()[0] == "checksum"
    talk.hear(part(1, 1, HR, ticks=106_000), stream(1, SPO2, ticks=106_000))
    assert len(talk.observations()) == 2


def test_a_damaged_frame_costs_only_itself_where_results_come_whole() -> None:
    talk = Talk().associated()
    talk.hear(stream(1, HR)[:-4] + b"\x00\x00\x00\xc1", stream(1, HR))
    assert len(talk.observations()) == 1


def test_a_result_without_end_is_bounded() -> None:
    talk = Talk().associated()
    for count in range(1, MAX_PARTS + 1):
        talk.hear(part(1 if count == 1 else 2, count, HR))
    assert talk.reasons() == []
    talk.hear(part(2, MAX_PARTS + 1, HR))
    assert talk.reasons() == ["unexpected"]
    talk.hear(stream(1, HR, ticks=90_000))
    assert talk.observations() == []


# Frames


def test_results_that_never_become_whole_are_bounded_in_number() -> None:
    talk = Talk().associated()
    held: list[int] = []
    for _ in range(3 * MAX_OPEN):
        talk.hear(result(talk.numbers()[-1], ALARMS, part=(1, 1)))
        for _ in range(2):
            talk.wait(1.0)
            talk.hear(stream(1, HR, ticks=talk.ticks))
        assert talk.session._polls is not None
        held.append(len(talk.session._polls._open))
    assert max(held) == MAX_OPEN
    assert "timeout" in talk.reasons()


def test_noise_before_the_first_frame_and_two_frames_in_one_read() -> None:
    talk = Talk()
    talk.hear(b"\x00\xffnoise" + accepted() + created(*PLAIN_EVENT) + stream(1, HR))
    assert talk.heard[0] == Rejected("noise", b"\x00\xffnoise")
    assert len(talk.observations()) == 1


def test_a_checksum_that_needs_escaping_is_unescaped() -> None:
    """The FCS of this one is 97 C0: so is every poll of alarms with number 2."""
    message = bytes.fromhex("E10000020001001C00020007001600210000000000000000" + "0C16000800020001" + "00360801")
    wire = frame(message)
    assert wire.endswith(b"\x97\x7d\xe0\xc1")
    assert Framer().feed(wire) == [message]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"\xc0\xc1", "length"),
        (b"\xc0\x11\x01\x00\x00\x18\x79\xc1", "length"),
        (b"\xc0\x11\x01\x00\x01\x0c\x7d\xc1", "aborted"),
        (b"\xc0\x11\x01\x00\x01\x0c\x00\x00\xc1", "checksum"),
        (frame(b"\x0c\x00")[:-1], None),
        (frame(b"\x0c\x00")[:-1] + b"\xc0", "length"),
        (b"\xc0" + bytes(MAX_FRAME_BYTES), "oversize"),
        (bytes(MAX_FRAME_BYTES), "noise"),
        (bytes(MAX_FRAME_BYTES - 1), None),
        (b"\xc1\xc1\xc1", None),
    ],
)
def test_what_is_no_frame(wire: bytes, reason: str | None) -> None:
    framer = Framer()
    made = framer.feed(wire)
    assert [output.reason for output in made if isinstance(output, Rejected)] == ([reason] if reason else [])
    assert framer.held_bytes < MAX_FRAME_BYTES
    assert framer.feed(frame(b"\x0c\x00"))[-1] == b"\x0c\x00"


def test_another_protocol_and_a_wrong_length_are_refused_although_the_sum_is_right() -> None:
    good = bytes.fromhex("1101 0002 0C00")
    for body, reason in ((b"\x12" + good[1:], "syntax"), (good[:3] + b"\x03" + good[4:], "length")):
        wire = b"\xc0" + body + _sum(body) + b"\xc1"
        (made,) = Framer().feed(wire)
        assert isinstance(made, Rejected)
        assert made.reason == reason


def _sum(body: bytes) -> bytes:
    register = 0xFFFF
    for byte in body:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


@pytest.mark.parametrize(
    "message",
    [
        "E1",
        "E2000002",
        "E1000003 0002 0000",
        "E1000002 0002 FFFF",
        "E1000002 0002 0006 0001 0007 0009",
        "E1000002 0003 0000",
    ],
)
def test_a_message_that_is_cut_short_is_no_answer(message: str) -> None:
    talk = Talk().associated()
    talk.heard.clear()
    (made,) = talk.hear(frame(bytes.fromhex(message)))
    assert isinstance(made, Rejected)
    assert made.reason == ("unexpected" if message == "E2000002" else "syntax")


def test_an_attribute_told_twice_makes_the_answer_none() -> None:
    talk = Talk().associated()
    talk.hear(stream(1, thing(1, attribute(0x0924, "00024182"), attribute(0x0924, "00024BB8"))))
    assert talk.reasons() == ["syntax"]
    assert talk.observations() == []


@pytest.mark.parametrize(
    "message",
    [
        "E1000002 0001 0014 0001 0001 000E 0006 0000 0000 00000000 0D06 0000",
        "E1000002 0002 0006 0001 0001 0000",
        "E1000002 0002 0010 0001 0007 000A 0021 0000 0000 0C17 0000",
    ],
)
def test_a_good_message_of_no_use_is_told_and_left(message: str) -> None:
    talk = Talk().associated()
    talk.heard.clear()
    (made,) = talk.hear(frame(bytes.fromhex(message)))
    assert made == Rejected("unexpected", bytes.fromhex(message))


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        (accepted(), True),
        (accepted(mark="BE80288081"), True),
        (accepted(mark="BE8028808181"), True),
        (accepted(mark="BE80288082"), False),
        (frame(b"\x0e"), False),
        (frame(bytes.fromhex("0E0000BE80288081") + b"\x48\x80"), False),
    ],
)
def test_terms_that_cannot_be_read_are_taken_as_the_strictest(accept: bytes, streams: bool) -> None:
    talk = Talk()
    talk.hear(accept)
    talk.kinds()
    talk.hear(created(*PLAIN_EVENT))
    assert talk.kinds()[1] == ("stream" if streams else "numerics")


def test_a_set_of_alarms_is_told_only_when_it_differs() -> None:
    talk = Talk().associated()
    talk.hear(alarms(2))
    talk.wait(1.0)
    made = talk.hear(alarms(3))
    assert not any(isinstance(output, AlarmSetChanged) for output in made)
