"""What the IntelliVue driver reads: results in parts, frames, and messages that are no answer."""

from __future__ import annotations

import pytest

from drivers.intellivue_frame import MAX_FRAME_BYTES, Framer
from drivers.intellivue_polls import MAX_OPEN, MAX_PARTS
from drivers.model import Rejected
from tests.golden.intellivue_reference import (
    ALARMS,
    NUMERICS,
    PER_MINUTE,
    accepted,
    alarm,
    alarms,
    attribute,
    created,
    frame,
    result,
    single,
    stream,
    thing,
)
from tests.unit.intellivue_talk import HR, PLAIN_EVENT, SPO2, Talk

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


# Frames


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
