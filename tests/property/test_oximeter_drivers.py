"""The oximeters' drivers hold on any bytes: no crash, no request, bounded memory, no impossible number, a way back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import drivers.masimo_ascii
import drivers.nellcor_ascii
import drivers.nonin
import drivers.nonin_df2
from drivers.model import Observation, Output, Quantity, Rejected, Send, Session, SessionOptions, Validity
from drivers.nonin_df2 import FRAME_BYTES, PACKET_FRAMES, Df2Session
from drivers.oximeter import MAX_LINE_BYTES, LineSession


def frame(status: int, data: int, pleth: int = 1) -> bytes:
    body = bytes((1, status, pleth, data))
    return body + bytes((sum(body) & 0xFF,))


def packet(data: list[int], marks: int = 0) -> bytes:
    return b"".join(frame(0x80 | (marks & 0x7E) | (place == 0), each) for place, each in enumerate(data))


OPTIONS = SessionOptions(port="bed-3")
GOOD = MappingProxyType(
    {
        "masimo-ascii": b"02/24/18 04:48:53 SN=0000145838 SPO2=097% BPM=080 PI=04.96% ALARM=0000 EXC=000800\r\n",
        "nellcor-ascii": b"07-Jan-04 11:24:50    97      80      88                   AO\r\n",
        "nonin-ascii": b"SPO2=097 HR=080\r\n",
        "nonin-df2": packet([0, 80, 97, 5, *[0] * 21]),
    }
)
SESSIONS: MappingProxyType[str, Callable[[SessionOptions], Session]] = MappingProxyType(
    {
        module.DRIVER.name: module.DRIVER.session
        for module in (drivers.masimo_ascii, drivers.nellcor_ascii, drivers.nonin, drivers.nonin_df2)
    }
)
HELD_MAX = MappingProxyType({name: 129 if name == "nonin-df2" else MAX_LINE_BYTES for name in GOOD})
NAMES = pytest.mark.parametrize("name", list(GOOD))

number = st.sampled_from(["097", "---", "000", "100", "101", "9", "98", "085*", "155*", " 97", "0A7", "-97", "1e2", ""])
bits = st.sampled_from(["0000", "000800", "000820", "000808", "0000C00", "FFFFFFFF", "0010", "G", ""])
code = st.sampled_from(["AO", "SO", "MO", "LP", "PS", "SL", "XX", "", "A"])
likely = st.one_of(
    st.builds(
        lambda spo2, bpm, alarm, exc, serial: (
            f"02/24/18 04:48:53 SN={serial} SPO2={spo2}% BPM={bpm} PVI=--- ALARM={alarm} EXC={exc}\r\n".encode()
        ),
        number,
        number,
        bits,
        bits,
        st.sampled_from(["0000145838", "0000999999", "----", ""]),
    ),
    st.builds(
        lambda spo2, bpm, pa, codes: f"07-Jan-04 11:24:50  {spo2}  {bpm}  {pa}  {'  '.join(codes)}\r\n".encode(),
        number,
        number,
        number,
        st.lists(code, max_size=5),
    ),
    st.builds(
        lambda spo2, hr, mark: f"SPO2={spo2} HR={hr}{mark}\r\n".encode(), number, number, st.text("F*B X", max_size=3)
    ),
    st.builds(packet, st.lists(st.integers(0, 255), min_size=1, max_size=27), st.integers(0, 255)),
)
good = st.sampled_from(list(GOOD.values()))
piece = st.one_of(
    st.binary(max_size=200),
    likely,
    good,
    st.builds(lambda data, at: data[:at], good, st.integers(0, 125)),
    st.builds(lambda data, at: data[at:], good, st.integers(0, 125)),
    st.sampled_from([b"\r\n", b"\n", b"\r", b"A" * 600, b"\x01" * 50, b"\x01\x81" * 40]),
    st.just(b"N-560    VERSION 1.61.00    CRC:XXXX  SpO2 Limit: 95-100%    PR Limit: 59-148BPM\r\n"),
)
stream = st.lists(piece, max_size=6).map(b"".join)


def listen(name: str, data: bytes) -> list[Output]:
    return list(SESSIONS[name](OPTIONS).feed(data, 5.0))


def observations(outputs: list[Output]) -> list[Observation]:
    return [output for output in outputs if isinstance(output, Observation)]


@NAMES
@given(data=stream, places=st.lists(st.integers(0, 2000), max_size=30))
def test_any_cut_of_any_bytes_says_the_same_and_holds_a_bounded_rest(name: str, data: bytes, places: list[int]) -> None:
    session = SESSIONS[name](OPTIONS)
    assert isinstance(session, LineSession | Df2Session)
    outputs: list[Output] = []
    for start, end in pairwise([0, *sorted(places), len(data) + 2000]):
        outputs.extend(session.feed(data[start:end], 5.0))
        assert session.held_bytes <= HELD_MAX[name]
    assert outputs == listen(name, data)


@NAMES
@given(data=stream)
def test_byte_by_byte_says_the_same_as_whole(name: str, data: bytes) -> None:
    session = SESSIONS[name](OPTIONS)
    assert [output for byte in data for output in session.feed(bytes((byte,)), 5.0)] == listen(name, data)


@NAMES
@given(pieces=st.lists(st.tuples(piece, st.floats(0, 3)), max_size=8))
def test_at_any_pace_nothing_is_asked_and_no_number_is_out_of_its_range(
    name: str, pieces: list[tuple[bytes, float]]
) -> None:
    session = SESSIONS[name](OPTIONS)
    now_s = 0.0
    outputs = list(session.start(now_s))
    for data, pause_s in pieces:
        now_s += pause_s
        outputs += [*session.feed(data, now_s), *session.tick(now_s)]
        assert session.deadline_s is None
    for output in outputs:
        assert not isinstance(output, Send)
        if isinstance(output, Rejected):
            assert len(output.excerpt) <= 64
        for reading in output.readings if isinstance(output, Observation) else ():
            if reading.value is None:
                assert reading.validity in {Validity.NOT_AVAILABLE, Validity.INVALID}
            else:
                assert reading.validity in {Validity.VALID, Validity.QUESTIONABLE}
                assert 10 <= reading.value <= (100 if reading.quantity is Quantity.SPO2 else 350)


@NAMES
@given(garbage=stream)
def test_after_any_garbage_the_second_good_message_is_read(name: str, garbage: bytes) -> None:
    """The first may lose its start to the garbage, or its serial number to another one that the garbage told."""
    last = observations(listen(name, garbage + GOOD[name] * 3))[-1]
    assert last.readings == observations(listen(name, GOOD[name]))[0].readings
    assert len(observations(listen(name, garbage + GOOD[name] * 3))) > len(observations(listen(name, garbage)))


@given(values=st.lists(st.integers(0, 255), min_size=PACKET_FRAMES, max_size=PACKET_FRAMES), marks=st.integers(0, 255))
def test_a_packet_of_any_data_gives_the_values_of_its_first_three_frames_or_none(values: list[int], marks: int) -> None:
    (observation,) = observations(listen("nonin-df2", packet(values, marks)))
    saturation, pulse = observation.readings
    assert saturation.value in (None, values[2])
    assert pulse.value in (None, (values[0] % 4) * 128 + values[1] % 128)


@given(data=st.integers(0, 124), bit=st.integers(0, 7), values=st.lists(st.integers(0, 255), min_size=25, max_size=25))
def test_a_flipped_bit_in_a_packet_of_any_data_never_becomes_a_reading(data: int, bit: int, values: list[int]) -> None:
    damaged = bytearray(packet(values))
    damaged[data] ^= 1 << bit
    outputs = listen("nonin-df2", bytes(damaged) + GOOD["nonin-df2"])
    assert observations(outputs) == observations(listen("nonin-df2", GOOD["nonin-df2"]))


@NAMES
def test_a_flood_is_taken_in_one_pass(name: str) -> None:
    """Half a megabyte of starts that are never finished, in one read: quadratic work would not end in time."""
    start = GOOD[name][: 3 * FRAME_BYTES]
    assert observations(listen(name, start * 35_000)) == []
