"""Any bytes at all: no crash, bounded memory, the same whole and byte by byte, and no wrong number."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from drivers.intellivue import MibSession
from drivers.intellivue_answers import MalformedError, read_answer, read_terms
from drivers.intellivue_frame import MAX_FRAME_BYTES, Framer, frame_of
from drivers.intellivue_numbers import read_float
from drivers.intellivue_requests import ASSOCIATE, RELEASE
from drivers.model import Observation, Output, Rejected, Send, SessionOptions, Validity
from tests.golden.intellivue_reference import (
    ALARMS,
    NUMERICS,
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
    unframed,
)

IDS = st.sampled_from([0x4182, 0x4822, 0x4BB8, 0x500A, 0x50B0, 0x4A05, 0x4A15, 0x4A47, 0x4B48, 0xEFFF])
UNITS = st.sampled_from([0x0AA0, 0x0AE0, 0x0220, 0x0F20, 0x0F03, 0x17A0, 0])
FLOATS = st.one_of(
    st.sampled_from([0x57, 0xFF0003CA, 0x7FFFFF, 0x7FFFFE, 0x800002, 0x800000]), st.integers(0, 2**32 - 1)
)
STATES = st.one_of(st.just(0), st.integers(0, 0xFFFF))
STAMPS = st.sampled_from(["", attribute(0x0990, "2023111422135500"), attribute(0x0991, "00013880")])
THINGS = st.builds(
    lambda handle, name, unit, number, state, stamp: single(handle, name, unit, number, state, *filter(None, [stamp])),
    st.integers(1, 9),
    IDS,
    UNITS,
    FLOATS,
    STATES,
    STAMPS,
)
RESULTS = st.builds(
    lambda number, things, extended, ticks, part: result(
        number, NUMERICS, *things, extended=extended, ticks=ticks, part=part
    ),
    st.integers(0, 5),
    st.lists(THINGS, max_size=4),
    st.booleans(),
    st.integers(80_000, 81_000),
    st.sampled_from([None, None, (1, 1), (2, 2), (3, 2), (3, 3)]),
)
ENTRIES = st.builds(
    lambda text, kind, state: alarm(text, kind=kind, state=state),
    st.sampled_from([None, "", "LEADS OFF", "**HR HIGH"]),
    st.sampled_from([0x0400, 0x0002, 0x0000, 0xFFFF]),
    st.integers(0, 0xFFFF),
)
ALARM_ANSWERS = st.builds(alarms, st.integers(0, 5), st.lists(ENTRIES, max_size=3), st.lists(ENTRIES, max_size=3))
ODD = st.builds(
    lambda number, name, value: result(number, ALARMS, thing(1, attribute(name, value.hex()))),
    st.integers(0, 5),
    st.sampled_from([0x0902, 0x0904, 0x0916]),
    st.binary(max_size=30),
)
BARE = st.builds(
    lambda start, rest: frame(start + rest),
    st.sampled_from([b"\xe1\x00\x00\x02", b"\x0e", b"\x0c", b"\x19", b"\x09", b"\x0a", b""]),
    st.binary(min_size=1, max_size=60),
)
MET = [accepted(), created()]
PIECES = st.one_of(
    st.binary(max_size=60), RESULTS, RESULTS, ALARM_ANSWERS, ODD, BARE, st.sampled_from([*MET, refused(1), refused(2)])
)
STEPS = st.builds(
    lambda begun, steps: [(piece, 0.1) for piece in begun] + steps,
    st.sampled_from([[], MET, MET]),
    st.lists(st.tuples(PIECES, st.sampled_from([0.0, 0.05, 0.5, 1.0, 3.0, 12.0])), max_size=20),
)


def run(steps: Sequence[tuple[bytes, float]], *, whole: bool = True) -> list[Output]:
    """Feed the pieces and let the time between them pass; every deadline is kept, and none stands still."""
    session = MibSession(SessionOptions("bed-3"))
    now_s = 0.0
    out: list[Output] = list(session.start(now_s))
    for piece, pause_s in steps:
        for part in [piece] if whole else [bytes((byte,)) for byte in piece]:
            out.extend(session.feed(part, now_s))
            assert session.held_bytes < MAX_FRAME_BYTES
        until_s = now_s + pause_s
        ticks = 0
        while session.deadline_s is not None and session.deadline_s <= until_s:
            now_s = max(now_s, session.deadline_s)
            out.extend(session.tick(now_s))
            ticks += 1
            assert ticks < 100
        now_s = until_s
    return out


@given(STEPS)
def test_any_bytes_give_the_same_whole_and_byte_by_byte(steps: list[tuple[bytes, float]]) -> None:
    whole = run(steps)
    assert whole == run(steps, whole=False)
    assert all(len(output.excerpt) <= 64 for output in whole if isinstance(output, Rejected))


@given(STEPS)
def test_only_well_formed_messages_are_ever_sent(steps: list[tuple[bytes, float]]) -> None:
    for output in run(steps):
        if isinstance(output, Send):
            assert unframed(output.data)[0] in (0x0D, 0x09, 0x0A, 0x19, 0xE1)


@given(st.lists(THINGS, max_size=6))
def test_what_is_told_fits_its_validity(things: list[str]) -> None:
    (observation,) = (
        output
        for output in run([*((one, 0.0) for one in MET), (stream(1, *things), 0.0)])
        if isinstance(output, Observation)
    )
    assert len(observation.readings) == 17
    for one in observation.readings:
        assert one.value is None or -50 <= one.value <= 400
        assert one.value is None or one.validity in (Validity.VALID, Validity.QUESTIONABLE)


@given(IDS, UNITS, FLOATS, st.integers(0, 0xFFFF).filter(lambda state: bool(state & 0x0C00)))
def test_test_and_demonstration_data_are_never_numbers(name: int, unit: int, number: int, state: int) -> None:
    out = run([*((one, 0.0) for one in MET), (stream(1, single(1, name, unit, number, state)), 0.0)])
    (observation,) = (output for output in out if isinstance(output, Observation))
    assert all(one.value is None for one in observation.readings)
    told = [one for one in observation.readings if one.note != "not measured"]
    assert all("test data" in one.note or "demonstration data" in one.note for one in told)
    assert len(told) == (0 if name == 0xEFFF else 1)


@given(st.integers(0, 2**32 - 1))
def test_any_float_is_a_finite_number_or_none(raw: int) -> None:
    value, step, validity, why = read_float(raw)
    assert (value is None) == (validity is not Validity.VALID)
    assert value is None or (value.is_finite() and step > 0 and why == "")


@given(st.binary(max_size=200))
def test_reading_raises_nothing_else(data: bytes) -> None:
    read_terms(data)
    try:
        read_answer(b"\xe1\x00\x00\x02" + data)
    except MalformedError:
        return


@given(st.binary(min_size=1, max_size=300))
def test_framing_against_the_reference(data: bytes) -> None:
    assert frame_of(data) == frame(data)
    assert unframed(frame_of(data)) == data
    assert Framer().feed(frame(data)) == [data]


@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([ASSOCIATE, ASSOCIATE[:9], b"\xc0", b"\xc1"]))))
def test_the_first_whole_frame_after_any_garbage_is_read(pieces: list[bytes]) -> None:
    framer = Framer()
    framer.feed(b"".join(pieces))
    assert framer.feed(RELEASE)[-1] == unframed(RELEASE)


@given(st.lists(st.binary(max_size=3000), max_size=6))
def test_a_framer_holds_no_more_than_one_frame(chunks: list[bytes]) -> None:
    framer = Framer()
    framer.feed(b"\xc0")
    for chunk in chunks:
        framer.feed(chunk.replace(b"\xc1", b"") + bytes(MAX_FRAME_BYTES))
        assert framer.held_bytes < MAX_FRAME_BYTES


def test_a_flood_of_unfinished_frames_is_taken_in_one_pass() -> None:
    """A megabyte in one read: quadratic work would not end in the test's time."""
    made = Framer().feed((b"\xc0" + b"x" * 99) * 10_000)
    assert [output.reason for output in made if isinstance(output, Rejected)] == ["length"] * 9_999
