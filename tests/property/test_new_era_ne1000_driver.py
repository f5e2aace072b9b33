"""Any bytes at all: no crash, bounded memory, the same whole and byte by byte, only questions, and no wrong number."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from drivers.model import Observation, Output, Rejected, Send, SessionOptions
from drivers.new_era_ne1000 import MAX_FRAME_BYTES, NewEraSession


def frame(text: str) -> bytes:
    return b"\x02" + text.encode("latin-1") + b"\x03"


GOOD = frame("00I5.000MH")
VERSION = frame("00SNE1000V3.61")
RATES = st.builds(
    lambda status, number, unit: frame(f"00{status}{number}{unit}"),
    st.sampled_from("ISPWTUXAQ"),
    st.text("0123456789.", max_size=6),
    st.sampled_from(["MH", "UH", "MM", "UM", "ML", ""]),
)
PIECES = st.one_of(
    st.binary(max_size=50),
    RATES,
    st.sampled_from([GOOD, VERSION, frame("00A?S"), frame("00A?R"), b"\x02", b"\x03", GOOD[:5], GOOD[5:], b"x" * 99]),
)
STEPS = st.lists(st.tuples(PIECES, st.sampled_from([0.0, 0.02, 0.11, 0.6, 1.2, 5.0])), max_size=25)


def run(steps: Sequence[tuple[bytes, float]], *, whole: bool) -> list[Output]:
    """Feed the pieces and let the time between them pass; every deadline is kept."""
    session = NewEraSession(SessionOptions("pump"))
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
    for output in run([(VERSION, 0.2), *steps], whole=True):
        if isinstance(output, Send):
            assert output.data in {b"VER\r", b"RAT\r"}
        elif isinstance(output, Rejected):
            assert len(output.excerpt) <= 64
        elif isinstance(output, Observation):
            assert all(one.value is None or 0 <= one.value <= 9999 * 60 for one in output.readings)


@given(steps=STEPS)
def test_there_are_never_more_readings_than_questions(steps: list[tuple[bytes, float]]) -> None:
    out = run([(VERSION, 0.2), *steps], whole=True)
    asked = [output for output in out if isinstance(output, Send) and output.data == b"RAT\r"]
    assert len([output for output in out if isinstance(output, Observation)]) <= len(asked)


@given(rate=st.decimals(min_value=0, max_value=Decimal("9.999"), places=3), bit=st.integers(0, 8 * 12 - 1))
def test_one_flipped_bit_in_one_reply_never_makes_a_wrong_rate(rate: Decimal, bit: int) -> None:
    whole = frame(f"00I{rate:.3f}MH")
    flipped = bytearray(whole)
    flipped[bit // 8 % len(whole)] ^= 1 << bit % 8
    steps = [(VERSION, 0.15), (bytes(flipped), 0.15), (whole, 0.15), (whole, 1.0), (whole, 1.0)]
    for output in run(steps, whole=True):
        if isinstance(output, Observation):
            assert output.readings[0].value == rate


@given(steps=STEPS)
def test_after_anything_at_all_the_pump_is_read_again(steps: list[tuple[bytes, float]]) -> None:
    """A pump that answers each question at once brings a reading, whatever was on the line before."""
    session = NewEraSession(SessionOptions("pump"))
    session.start(0.0)
    for piece, _ in steps:
        session.feed(piece, 0.0)
    for _ in range(12):
        assert session.deadline_s is not None
        now_s = session.deadline_s
        out = list(session.tick(now_s))
        for output in out:
            if isinstance(output, Send):
                out.extend(session.feed(VERSION if output.data == b"VER\r" else GOOD, now_s))
        if any(isinstance(output, Observation) for output in out):
            return
    raise AssertionError("not read again")
