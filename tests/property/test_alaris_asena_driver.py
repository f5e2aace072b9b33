"""Any bytes at all: no crash, bounded memory, the same whole and byte by byte, only questions, and no wrong number."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from drivers.alaris_asena import AsenaSession
from drivers.alaris_asena_replies import MAX_FRAME_BYTES, Framer
from drivers.model import Observation, Output, Quantity, Rejected, Send, SessionOptions, Validity
from tests.golden.asena_reference import NO_ALARM, PROTOCOL, checksum, frame, inf

ALLOWED = {b"!COMMS_PROTOCOL|E8DA\r", b"!INF|4961\r", b"!ALARM|50B2\r"}
HIGHEST = {
    Quantity.INFUSION_RATE: Decimal(1200),
    Quantity.VOLUME_INFUSED: Decimal("9999.999"),
    Quantity.TIME_REMAINING: Decimal(86400),
    Quantity.LINE_PRESSURE: Decimal(1500),
}
GOOD = inf()
FIELDS = st.lists(
    st.sampled_from(["", "-", "A", "SET", "HLD", "0.00", "12.50", "9999", "1e9", "ml/h", "ml", "mmHg", "24+", "x"])
    | st.text(st.characters(max_codepoint=255), max_size=8),
    max_size=16,
)
BODIES = st.builds(
    lambda keyword, fields: "^".join([keyword, *fields]),
    st.sampled_from(["INF", "ALARM", "COMMS_PROTOCOL", "INF_RATE", ""]),
    FIELDS,
)
NUMBERS = st.one_of(st.decimals(0, 2000, places=2).map(str), st.text("0123456789.,-+eE _", max_size=7))
INFS = st.builds(
    lambda flag, mode, rate, volume, left: inf(
        flag=flag, mode=mode, rate=f"{rate}^ml/h", volume=f"{volume}^ml", left=left
    ),
    st.sampled_from(["-", "A", ""]),
    st.sampled_from(["SET", "HLD", "KVO"]),
    NUMBERS,
    NUMBERS,
    st.sampled_from(["24+", "00:04:09", "99:99:99", ""]),
)
PIECES = st.one_of(
    st.binary(max_size=40),
    BODIES.map(frame),
    INFS,
    st.sampled_from([frame(PROTOCOL), frame(NO_ALARM), frame("ALARM^AL_OCCLU^ ^ "), GOOD]),
    st.sampled_from([b"!", b"|", b"\r", b"\x1b", b"!" * 300, b"x" * 300, GOOD[:40], GOOD[40:]]),
)
MET = [(frame(PROTOCOL), 0.2)]
STEPS = st.builds(
    lambda begun, steps: begun + steps,
    st.sampled_from([[], MET]),
    st.lists(st.tuples(PIECES, st.sampled_from([0.0, 0.02, 0.11, 0.6, 1.2, 5.0])), max_size=25),
)


def run(steps: Sequence[tuple[bytes, float]], *, whole: bool) -> list[Output]:
    """Feed the pieces and let the time between them pass; every deadline is kept."""
    session = AsenaSession(SessionOptions("pump"))
    out = list(session.start(0.0))
    now_s = 0.0
    for piece, pause_s in steps:
        for part in [piece] if whole else [bytes((byte,)) for byte in piece]:
            out.extend(session.feed(part, now_s))
            assert session.held_bytes < MAX_FRAME_BYTES
        until_s = now_s + pause_s
        while session.deadline_s is not None and session.deadline_s <= until_s:
            assert session.deadline_s >= now_s
            now_s = session.deadline_s
            out.extend(session.tick(now_s))
        now_s = until_s
    return out


@given(steps=STEPS)
def test_byte_by_byte_says_the_same_as_whole(steps: list[tuple[bytes, float]]) -> None:
    assert run(steps, whole=False) == run(steps, whole=True)


@given(steps=STEPS)
def test_whatever_is_heard_only_questions_are_asked_and_no_impossible_number_is_said(
    steps: list[tuple[bytes, float]],
) -> None:
    for output in run(steps, whole=True):
        if isinstance(output, Send):
            assert output.data in ALLOWED
        elif isinstance(output, Rejected):
            assert len(output.excerpt) <= 64
        for reading in output.readings if isinstance(output, Observation) else ():
            if reading.value is None:
                assert reading.validity in {Validity.NOT_AVAILABLE, Validity.INVALID}
            else:
                assert reading.validity in {Validity.VALID, Validity.OVER}
                assert Decimal(0) <= reading.value <= HIGHEST[reading.quantity]


@given(steps=STEPS)
def test_there_are_never_more_readings_than_questions(steps: list[tuple[bytes, float]]) -> None:
    out = run(steps, whole=True)
    asked = [output for output in out if isinstance(output, Send) and output.data.startswith(b"!INF|")]
    assert len([output for output in out if isinstance(output, Observation)]) <= len(asked)


@given(rate=NUMBERS)
def test_a_rate_is_either_the_text_of_the_wire_or_none(rate: str) -> None:
    steps = [*MET, (inf(rate=f"{rate}^ml/h"), 0.0)]
    (seen,) = (output for output in run(steps, whole=True) if isinstance(output, Observation))
    assert seen.readings[0].value is None or str(seen.readings[0].value) == rate


@given(steps=STEPS)
def test_after_anything_at_all_the_pump_is_read_again(steps: list[tuple[bytes, float]]) -> None:
    """A pump that answers each question at once brings a reading, whatever was on the line before."""
    session = AsenaSession(SessionOptions("pump"))
    session.start(0.0)
    for piece, _ in steps:
        session.feed(piece, 0.0)
    answers = {b"!COMMS_PROTOCOL|E8DA\r": frame(PROTOCOL), b"!INF|4961\r": GOOD, b"!ALARM|50B2\r": frame(NO_ALARM)}
    for _ in range(12):
        assert session.deadline_s is not None
        now_s = session.deadline_s
        out = list(session.tick(now_s))
        for output in out:
            if isinstance(output, Send):
                out.extend(session.feed(answers[output.data], now_s))
        if any(isinstance(output, Observation) for output in out):
            return
    raise AssertionError("not read again")


@given(body=st.binary(max_size=60).filter(lambda body: not set(body) & set(b"!\r\x1b")), bit=st.integers(0, 10_000))
def test_one_flipped_bit_in_a_frame_never_makes_a_reply(body: bytes, bit: int) -> None:
    whole = b"!" + body + b"|" + checksum(body).encode() + b"\r"
    flipped = bytearray(whole)
    flipped[bit // 8 % len(whole)] ^= 1 << bit % 8
    if flipped.count(b"!") == 1 and flipped.count(b"\r") == 1:  # a new start or end is another frame, with a chance sum
        assert all(isinstance(part, Rejected) for part in Framer().feed(bytes(flipped)))


def test_a_flood_is_taken_in_one_pass() -> None:
    """A megabyte of frames that never end, in one read: quadratic work would not end in the test's time."""
    parts = Framer().feed((b"!" + b"x" * 99) * 10_000)
    assert parts == [Rejected("length", b"!" + b"x" * 63)] * 9_999
