"""Any bytes at all: no crash, bounded memory, the same whole and byte by byte, and no wrong number."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bbraun_bcc import MAX_FRAME_BYTES, Broken, Command, Frame, Framer, Request, Wire, decode, destuff, stuff
from drivers.bbraun_space import BccSession
from drivers.bbraun_space_cyclic import CyclicSession
from drivers.model import Observation, Output, Rejected, Send, SessionOptions
from tests.golden.bbraun_reference import ACK, NAK, alive, block, plain, said, stuffed, version

Session: TypeAlias = BccSession | CyclicSession

CHARACTERS = "".join(chr(code) for code in (*range(47, 58), *range(65, 123)))
BED_IDS = st.text(CHARACTERS, min_size=1, max_size=15)
PUMP = (
    b"\x0100114\x02ICU3/1/1>9,50113,INRT,12.50\x1e9,50113,INDORT,4.000\x1e9,50113,INDORTU,69"
    b"\x1e9,50113,PATW,70.0\x1e9,50113,INA3,1\x0300223\x04"
)
NAMES = ["INRT", "INVI", "INDCON", "INDCONU", "DORT", "DORTU", "PATW", "INBOCNT", "INA3", "ALARM1", "RUNSTATE"]
NAMES += ["STATUS1", "GNERR", "GNNEW", "INSERNUM", "INSOL", "INM3", "INRMT", "GNACK"]
VALUES = st.one_of(
    st.sampled_from(["_NV", "_NA", "0", "1", "39", "68", "811", "12.50", "0x400h"]), st.text(max_size=12)
)
TIMES = st.one_of(st.integers(0, 20).map(str), st.text(max_size=3))
ADDRESSES = st.sampled_from(["50100", "50111", "5012C", "501112", "50199", "x"])
ITEMS = st.builds(lambda *fields: ",".join(fields), TIMES, ADDRESSES, st.sampled_from(NAMES), VALUES) | st.text(
    max_size=9
)
FRAMES = st.builds(
    lambda items, bed_id, last: stuffed(plain("\x1e".join(items), bed_id, last=last)),
    st.lists(ITEMS, max_size=6),
    st.sampled_from(["ICU3", "1"]),
    st.booleans(),
)
PIECES = st.one_of(
    st.binary(max_size=40), FRAMES, st.sampled_from([alive(), version(), ACK, NAK, stuffed(PUMP), PUMP, PUMP[:50]])
)
MET = [(alive(), 0.3), (version(), 1.0)]
STEPS = st.builds(
    lambda begun, steps: begun + steps,
    st.sampled_from([[], MET]),
    st.lists(st.tuples(PIECES, st.sampled_from([0.0, 0.05, 0.2, 0.6, 1.2, 5.0])), max_size=25),
)


def request_session() -> BccSession:
    return BccSession(SessionOptions("pumps"))


def slot_session() -> BccSession:
    return BccSession(SessionOptions("pumps", ("11", "2C")))


def cyclic_session() -> CyclicSession:
    return CyclicSession(SessionOptions("pumps"))


def run(session: Session, steps: Sequence[tuple[bytes, float]], *, whole: bool) -> list[Output]:
    """Feed the pieces and let the time between them pass; every deadline is kept."""
    out: list[Output] = list(session.start(0.0))
    now_s = 0.0
    for piece, pause_s in steps:
        for part in [piece] if whole else [bytes((byte,)) for byte in piece]:
            out.extend(session.feed(part, now_s))
        until_s = now_s + pause_s
        while session.deadline_s is not None and session.deadline_s <= until_s:
            assert session.deadline_s >= now_s
            now_s = session.deadline_s
            out.extend(session.tick(now_s))
        now_s = until_s
    return out


@pytest.mark.parametrize("make", [request_session, slot_session, cyclic_session])
@given(steps=STEPS)
def test_any_bytes_give_the_same_whole_and_byte_by_byte(
    make: Callable[[], Session], steps: list[tuple[bytes, float]]
) -> None:
    whole = run(make(), steps, whole=True)
    assert whole == run(make(), steps, whole=False)
    assert all(len(output.excerpt) <= 64 for output in whole if isinstance(output, Rejected))


@given(steps=STEPS)
def test_only_the_grammar_is_ever_sent(steps: list[tuple[bytes, float]]) -> None:
    questions = re.compile(
        rb"\x01[0-9]{5}\x02(?:1/1/1>ADMIN:ALIVE|[/-9A-z]{1,15}/1/1>(?:ADMIN:VERSION|MEM:GET|MEM:GETSLOT#[1-3][1-9A-O]))"
        rb"\x03[0-9]{5}\x04"
    )
    for make in (request_session, slot_session):
        for output in run(make(), steps, whole=True):
            if isinstance(output, Send) and output.data not in (ACK, NAK):
                assert questions.fullmatch(output.data) or questions.fullmatch(destuff(output.data) or b"")
    sent = {output.data for output in run(cyclic_session(), steps, whole=True) if isinstance(output, Send)}
    assert sent <= {ACK, NAK}


@given(st.binary(max_size=300), st.booleans())
def test_decoding_never_raises(data: bytes, stuffed_line: bool) -> None:
    assert isinstance(decode(b"\x01" + data + b"\x04", stuffed=stuffed_line), Frame | Broken)


@given(st.lists(st.binary(max_size=MAX_FRAME_BYTES // 2), max_size=6))
def test_a_framer_holds_no_more_than_one_frame(chunks: list[bytes]) -> None:
    framer = Framer()
    framer.feed(b"\x01")
    for chunk in chunks:
        framer.feed(chunk.replace(b"\x04", b"") + b"\x00" * MAX_FRAME_BYTES)
        assert len(framer._frame) < MAX_FRAME_BYTES


@given(st.binary(max_size=200))
def test_stuffing_against_the_reference(data: bytes) -> None:
    assert stuff(data) == stuffed(data)
    assert destuff(stuffed(data)) == data


@given(BED_IDS, st.sampled_from(["ADMIN:VERSION", "MEM:GET", "MEM:GETSLOT#11", "MEM:GETSLOT#3O"]), st.booleans())
def test_the_bed_id_is_the_only_hole(bed_id: str, text: str, stuffed_line: bool) -> None:
    command = Command(text[:-2]) if "#" in text else Command(text)
    sent = Request(command, bed_id, text[-2:] if "#" in text else "").encode(stuffed=stuffed_line)
    expected = plain(text, bed_id)
    assert sent == (stuffed(expected) if stuffed_line else expected)


@given(st.text(max_size=17).filter(lambda text: not (0 < len(text) <= 15 and set(text) <= set(CHARACTERS))))
def test_no_other_bed_id_can_be_sent(bed_id: str) -> None:
    with pytest.raises(ValueError, match="bed id"):
        Request(Command.MEMORY, bed_id)


@given(st.text(CHARACTERS, min_size=1, max_size=15), st.lists(ITEMS, max_size=8), st.booleans())
def test_good_frames_are_read_in_both_forms(bed_id: str, items: list[str], last: bool) -> None:
    frame = plain("\x1e".join(items), bed_id, last=last)
    read = decode(frame, stuffed=False)
    assert isinstance(read, Frame)
    assert (read.bed_id, read.last) == (bed_id, last)
    assert decode(stuffed(frame), stuffed=True) == read


@pytest.mark.parametrize("is_stuffed", [True, False])
def test_one_wrong_byte_is_always_noticed(*, is_stuffed: bool) -> None:
    """Every byte of a block, every other value it could have: the sum or the length or the form is wrong."""
    wire = stuffed(PUMP) if is_stuffed else PUMP
    for place in range(len(wire)):
        for value in range(256):
            if value != wire[place]:
                changed = wire[:place] + bytes((value,)) + wire[place + 1 :]
                parts = Framer().feed(changed)
                judged = [decode(part.data, stuffed=is_stuffed) for part in parts if isinstance(part, Wire)]
                assert not any(isinstance(frame, Frame) for frame in judged), (place, value)


@given(st.integers(0, len(stuffed(PUMP)) - 1), st.integers(1, 255))
def test_one_wrong_byte_makes_no_observation(place: int, change: int) -> None:
    good = stuffed(PUMP)
    wire = good[:place] + bytes((good[place] ^ change,)) + good[place + 1 :]
    out = run(request_session(), [*MET, (wire, 5.0)], whole=True)
    assert not any(isinstance(output, Observation) for output in out)
    out = run(request_session(), [*MET, (good, 5.0)], whole=True)
    assert any(isinstance(output, Observation) for output in out)


def test_a_change_that_length_and_sum_do_not_show_is_read_as_it_stands() -> None:
    """Two changes that cancel out are beyond a sum; what is then read is still one whole, plausible block."""
    swapped = PUMP.replace(b"12.50", b"21.50")
    read = decode(swapped, stuffed=False)
    assert isinstance(read, Frame)
    assert read.quadruples[0].value == "21.50"


@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=10))
def test_no_value_of_any_parameter_raises(pairs: list[tuple[str, str]]) -> None:
    items = [f"9,50111,{name},{value}" for name, value in pairs]
    steps = [*MET, (block(*items), 2.0), (block(said("50111", INRT="1")), 2.0)]
    assert run(request_session(), steps, whole=True)
