"""The frames of BCC: what is sent, and what is accepted."""

from __future__ import annotations

import pytest

from drivers import bbraun_bcc
from drivers.bbraun_bcc import (
    MAX_FRAME_BYTES,
    RACK,
    Broken,
    Command,
    Frame,
    Framer,
    Quadruple,
    Request,
    Stray,
    Wire,
    channel_of,
    decode,
    destuff,
    is_channel,
    stuff,
)
from tests.golden.bbraun_reference import block, plain, stuffed

ALIVE_PLAIN = bytes.fromhex("01303030333102312f312f313e41444d494e3a414c49564503303030363104")
ALIVE_STUFFED = bytes.fromhex("01303030333102312f312f313e4145584d494e3a414c4956454503303030363104")
PUMP_PLAIN = (
    b"\x0100114\x02ICU3/1/1>9,50113,INRT,12.50\x1e9,50113,INDORT,4.000\x1e9,50113,INDORTU,69"
    b"\x1e9,50113,PATW,70.0\x1e9,50113,INA3,1\x0300223\x04"
)


def test_alive_in_both_forms() -> None:
    assert Request(Command.ALIVE).encode(stuffed=False) == ALIVE_PLAIN
    assert Request(Command.ALIVE).encode(stuffed=True) == ALIVE_STUFFED


def test_requests_as_they_go_on_the_line() -> None:
    memory = b"\x0100030\x02ICU3/1/1>MEM:GET\x0300004\x04"
    assert Request(Command.MEMORY, "ICU3").encode(stuffed=False) == memory
    assert Request(Command.MEMORY, "ICU3").encode(stuffed=True) == memory.replace(b"E", b"EE")
    assert Request(Command.SLOT, "ICU3", "2C").encode(stuffed=False)[:31] == b"\x0100037\x02ICU3/1/1>MEM:GETSLOT#2C\x03"
    assert Request(Command.VERSION, "ICU3").encode(stuffed=False)[:30] == b"\x0100036\x02ICU3/1/1>ADMIN:VERSION\x03"


@pytest.mark.parametrize(
    ("command", "bed_id", "channel"),
    [
        (Command.MEMORY, "", ""),
        (Command.MEMORY, "A" * 16, ""),
        (Command.MEMORY, "A>B", ""),
        (Command.MEMORY, "A\n", ""),
        (Command.MEMORY, "BÆD", ""),
        (Command.MEMORY, "ICU3", "11"),
        (Command.ALIVE, "ICU3", ""),
        (Command.VERSION, "ICU3", "11"),
        (Command.SLOT, "ICU3", ""),
        (Command.SLOT, "ICU3", "01"),
        (Command.SLOT, "ICU3", "41"),
        (Command.SLOT, "ICU3", "1P"),
        (Command.SLOT, "ICU3", "11\n"),
    ],
)
def test_nothing_outside_the_grammar_can_be_said(command: Command, bed_id: str, channel: str) -> None:
    with pytest.raises(ValueError, match=r"bed id|go with channel"):
        Request(command, bed_id, channel)


def test_destuffing_is_one_pass_from_the_left() -> None:
    assert stuff(b"DEde EX") == b"EXEEexee EEX"
    assert destuff(b"EEX") == b"EX"
    assert destuff(b"EEEX") == b"ED"
    assert destuff(b"EEEEX") == b"EEX"
    assert destuff(b"eex") == b"ex"


@pytest.mark.parametrize("wire", [b"aE", b"e", b"Ex", b"eX", b"EA", b"D", b"ad"])
def test_bytes_that_stuffing_cannot_make(wire: bytes) -> None:
    assert destuff(wire) is None


def test_the_golden_pump_block() -> None:
    assert len(PUMP_PLAIN) == 114
    frame = decode(PUMP_PLAIN, stuffed=False)
    assert isinstance(frame, Frame)
    assert (frame.bed_id, frame.last, frame.others) == ("ICU3", True, ())
    assert frame.quadruples == (
        Quadruple("9", "50113", "INRT", "12.50"),
        Quadruple("9", "50113", "INDORT", "4.000"),
        Quadruple("9", "50113", "INDORTU", "69"),
        Quadruple("9", "50113", "PATW", "70.0"),
        Quadruple("9", "50113", "INA3", "1"),
    )
    assert decode(stuffed(PUMP_PLAIN), stuffed=True) == frame


def test_a_frame_is_good_in_its_own_form_alone() -> None:
    assert decode(PUMP_PLAIN, stuffed=True) == Broken("syntax", PUMP_PLAIN[:64])
    wire = stuffed(PUMP_PLAIN)
    assert decode(wire, stuffed=False) == Broken("length", wire[:64])


def test_etb_says_that_more_blocks_follow() -> None:
    frame = decode(plain("9,50113,INRT,1", last=False), stuffed=False)
    assert isinstance(frame, Frame)
    assert frame.last is False


def test_values_keep_their_commas_and_their_letters() -> None:
    frame = decode(block("9,50113,INSOL,Ketamin, 1 mg/ml (Æøå)"), stuffed=True)
    assert isinstance(frame, Frame)
    assert frame.quadruples == (Quadruple("9", "50113", "INSOL", "Ketamin, 1 mg/ml (Æøå)"),)


def test_length_and_sum_count_bytes_not_characters() -> None:
    text = plain("9,50113,INSOL,\ue001µ")
    assert int(text[1:6]) == len(text) == len(text.decode()) + 3
    assert isinstance(decode(text, stuffed=False), Frame)


def test_a_triple_is_kept_apart() -> None:
    frame = decode(block("9,50100,V3.30"), stuffed=True)
    assert isinstance(frame, Frame)
    assert (frame.quadruples, frame.others) == ((), ("9,50100,V3.30",))


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (PUMP_PLAIN.replace(b"12.50", b"13.50"), "checksum"),
        (PUMP_PLAIN.replace(b"12.50", b"2.50"), "length"),
        (PUMP_PLAIN.replace(b"00114", b"00115"), "length"),
        (PUMP_PLAIN.replace(b"00223", b"00224"), "checksum"),
        (PUMP_PLAIN.replace(b"00223", b"00479"), "checksum"),
        (PUMP_PLAIN.replace(b"00223", b" 0223"), "syntax"),
        (PUMP_PLAIN.replace(b"00114", b"+0114"), "syntax"),
        (PUMP_PLAIN.replace(b"\x02", b"\x1e"), "syntax"),
        (PUMP_PLAIN.replace(b"\x03", b"\x1e"), "syntax"),
        (b"\x01\x04", "syntax"),
        (b"\x0100014\x02\x0300251\x04", "syntax"),
        (plain("x", bed_id=""), "syntax"),
        (plain("x", bed_id="A" * 16), "syntax"),
        (plain("x", bed_id="BED 3"), "syntax"),
        (plain("x").replace(b"/1/1>", b"/1>1/"), "syntax"),
        (plain("x").replace(b"/1/1>", b"/1/1/"), "checksum"),
    ],
)
def test_bad_frames(wire: bytes, reason: str) -> None:
    assert decode(wire, stuffed=False) == Broken(reason, wire[:64])


def test_the_longest_bed_id_and_one_with_slashes() -> None:
    for bed_id in ("A" * 15, "a/1/1", "09AZ[\\]^_`az"):
        frame = decode(plain("x", bed_id=bed_id), stuffed=False)
        assert isinstance(frame, Frame)
        assert frame.bed_id == bed_id


def test_noise_before_the_first_frame_and_merged_frames() -> None:
    framer = Framer()
    assert framer.feed(b"xyz" + ALIVE_PLAIN + ALIVE_PLAIN + b"\x06\x15q") == [
        Stray(b"x"),
        Wire(ALIVE_PLAIN),
        Wire(ALIVE_PLAIN),
        Stray(b"\x15"),
        Stray(b"q"),
    ]
    assert not framer.inside


def test_a_frame_cut_by_the_next() -> None:
    framer = Framer()
    assert framer.feed(PUMP_PLAIN[:40]) == []
    assert framer.inside
    assert framer.feed(ALIVE_PLAIN) == [Broken("length", PUMP_PLAIN[:40]), Wire(ALIVE_PLAIN)]


def test_the_bound_of_a_frame() -> None:
    longest = b"\x01" + b"x" * (MAX_FRAME_BYTES - 2) + b"\x04"
    assert Framer().feed(longest) == [Wire(longest)]
    framer = Framer()
    over = b"\x01" + b"x" * (MAX_FRAME_BYTES - 1)
    assert framer.feed(over + b"yyy\x04" + ALIVE_PLAIN) == [Broken("oversize", over[:64]), Wire(ALIVE_PLAIN)]


def test_excerpts_are_bounded_as_the_model_says() -> None:
    assert bbraun_bcc.MAX_EXCERPT_BYTES == 64


@pytest.mark.parametrize(
    ("address", "channel"),
    [
        ("50100", RACK),
        ("50111", "11"),
        ("50113", "13"),
        ("50119", "19"),
        ("5011A", "1A"),
        ("5013O", "3O"),
        ("501101", "11"),
        ("501112", "1C"),
        ("501224", "2O"),
        ("50110", None),
        ("5011P", None),
        ("50141", None),
        ("501100", None),
        ("501125", None),
        ("5011a", None),
        ("50211", None),
        ("5011", None),
        ("50111\n", None),
        ("501\u0661\u0661", None),
        ("", None),
    ],
)
def test_addresses(address: str, channel: str | None) -> None:
    assert channel_of(address) == channel


def test_channels() -> None:
    good = [f"{pillar}{slot}" for pillar in "123" for slot in "123456789ABCDEFGHIJKLMNO"]
    assert all(is_channel(channel) for channel in good)
    assert not any(is_channel(channel) for channel in ("", "1", "10", "01", "41", "1P", "1a", "111"))
