"""Any bytes at all: no crash, bounded memory, the same whole and byte by byte, only questions, and no wrong number."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.fresenius_orchestra import SETTLE_S, OrchestraSession
from drivers.fresenius_orchestra_line import MAX_BODY_BYTES, Framer
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarmKind,
    InfusionState,
    Observation,
    Output,
    Quantity,
    Rejected,
    Send,
    SessionOptions,
    Validity,
)
from tests.golden.orchestra_reference import ACK, NAK, frame, sample

LIST = Path(__file__).parents[1] / "golden" / "fresenius-orchestra" / "allowed.txt"
ALLOWED = {
    bytes.fromhex(line.partition("#")[0])
    for line in LIST.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}
HIGHEST = {Quantity.INFUSION_RATE: Decimal(1200), Quantity.VOLUME_INFUSED: Decimal("9999.999")}
PRINTABLE = "".join(map(chr, range(0x20, 0x7E)))

TEXTS = st.one_of(st.integers(0, 0xFFFF).map("{:04X}".format), st.text(PRINTABLE.replace(";", ""), max_size=9))
FIELDS = st.lists(st.builds("{}{}".format, st.sampled_from("aemdrbiksx"), TEXTS), max_size=6).map(
    lambda fields: "".join(f";{field}" for field in fields)
)
ADDRESSES = st.sampled_from(["", "0", "1", "2", "8", "9"])
BODIES = st.builds("{}{}{}".format, ADDRESSES, st.sampled_from(["C", "I", "E", "M", "LE", ""]), FIELDS)
SAMPLES = st.builds(
    lambda address, a, d, r: sample(address, a=a, d=d, r=r), st.sampled_from(["1", "2", ""]), TEXTS, TEXTS, TEXTS
)
BARE = st.sampled_from([frame(f"{address}{body}") for address in ("", "0", "1", "2") for body in ("C", "I;1E", "I;0A")])
PIECES = st.one_of(
    st.binary(max_size=40),
    BODIES.map(frame),
    SAMPLES,
    BARE,
    st.sampled_from([frame("0C;b03"), frame("0C;b00"), frame("0C;bFF"), sample()[:20], sample()[20:]]),
    st.sampled_from([b"\x02", b"\x03", b"\x05", b"\x06", b"\x15", b"\x156", b"\x02" * 90, b"x" * 200]),
)
MET = [
    (frame("0C"), 1.2),
    (frame("0C;b03"), 0.06),
    (frame("1C"), 0.06),
    (sample(), 0.06),
]
STEPS = st.builds(
    lambda begun, steps: begun + steps,
    st.sampled_from([[], MET[:3], MET]),
    st.lists(st.tuples(PIECES, st.sampled_from([0.0, 0.02, 0.06, 0.6, 1.1, 5.0])), max_size=25),
)
CHANNELS = st.sampled_from([(), ("0",), ("1", "2"), ("0", "1")])


def run(steps: Sequence[tuple[bytes, float]], *, whole: bool, channels: tuple[str, ...] = ()) -> list[Output]:
    """Feed the pieces and let the time between them pass; every deadline is kept."""
    session = OrchestraSession(SessionOptions("pumps", channels))
    out = list(session.start(0.0))
    now_s = 0.0
    for piece, pause_s in steps:
        for part in [piece] if whole else [bytes((byte,)) for byte in piece]:
            out.extend(session.feed(part, now_s))
            assert session.held_bytes <= MAX_BODY_BYTES + 2
        until_s = now_s + pause_s
        turns = 0
        while session.deadline_s is not None and session.deadline_s <= until_s:
            now_s = max(now_s, session.deadline_s)
            out.extend(session.tick(now_s))
            turns += 1
            assert turns < 200
        now_s = until_s
    return out


@given(steps=STEPS, channels=CHANNELS)
def test_byte_by_byte_says_the_same_as_whole(steps: list[tuple[bytes, float]], channels: tuple[str, ...]) -> None:
    assert run(steps, whole=False, channels=channels) == run(steps, whole=True, channels=channels)


@given(steps=STEPS, channels=CHANNELS)
def test_whatever_is_heard_only_the_allowed_is_sent_and_nothing_undecoded_is_normal(
    steps: list[tuple[bytes, float]], channels: tuple[str, ...]
) -> None:
    for output in run(steps, whole=True, channels=channels):
        match output:
            case Send():
                assert output.data in ALLOWED
            case Rejected():
                assert len(output.excerpt) <= 64
            case AlarmSetChanged():
                assert all(alarm.kind is DeviceAlarmKind.UNKNOWN for alarm in output.alarms)
            case Observation():
                assert output.infusion is not None
                assert output.infusion.state is InfusionState.UNKNOWN
                for reading in output.readings:
                    if reading.value is None:
                        assert reading.validity in {Validity.NOT_AVAILABLE, Validity.INVALID}
                    else:
                        assert reading.validity is Validity.VALID
                        assert Decimal(0) <= reading.value <= HIGHEST[reading.quantity]
            case _:
                pass


@given(steps=STEPS, channels=CHANNELS)
def test_there_are_never_more_samples_than_questions(
    steps: list[tuple[bytes, float]], channels: tuple[str, ...]
) -> None:
    out = run(steps, whole=True, channels=channels)
    asked = [
        output for output in out if isinstance(output, Send) and b"LE;" in output.data and b";b" not in output.data
    ]
    assert len([output for output in out if isinstance(output, Observation)]) <= len(asked)


@given(rate=st.integers(0, 0xFFFF), volume=st.integers(0, 0xFFFFFFFF))
def test_a_value_is_exactly_what_the_wire_says_or_none(rate: int, volume: int) -> None:
    steps = [*MET[:3], (sample(d=f"{rate:04X}", r=f"{volume:08X}"), 0.06)]
    (seen,) = (output for output in run(steps, whole=True) if isinstance(output, Observation))
    said_rate, said_volume = (reading.value for reading in seen.readings)
    assert said_rate == (Decimal(f"{rate // 10}.{rate % 10}") if rate <= 12_000 else None)
    exact = Decimal(f"{volume // 1000}.{volume % 1000:03}")
    assert said_volume == (exact if volume <= 9_999_999 else None)


@settings(max_examples=30, deadline=None)  # each is some 300 damaged frames
@given(rate=st.integers(0, 12_000), volume=st.integers(0, 9_999_999), alarm=st.integers(0, 0xFFFF))
@example(rate=0x0C7C, volume=0x0008CCCB, alarm=0x0B1C)
@example(rate=125, volume=0xFC, alarm=0)
def test_one_flipped_bit_never_makes_a_sample(rate: int, volume: int, alarm: int) -> None:
    """Every bit of the frame, the sum and both ends: what is left of it is no sample, nor are two halves of it."""
    good = sample(d=f"{rate:04X}", r=f"{volume:08X}", a=f"{alarm:04X}")
    session = OrchestraSession(SessionOptions("pumps"))
    session.start(0.0)
    now_s = 0.0
    for piece, pause_s in MET[:3]:
        session.feed(piece, now_s)
        now_s += SETTLE_S
        session.tick(now_s)
        now_s += pause_s
        session.tick(now_s)
    for bit in range(8 * len(good)):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        made = [*session.feed(bytes(flipped), now_s), *session.tick(now_s + SETTLE_S)]
        assert not [output for output in made if isinstance(output, Observation | AlarmSetChanged)]
    made = [*session.feed(good, now_s), *session.tick(now_s + SETTLE_S)]
    assert [output.readings[0].value for output in made if isinstance(output, Observation)] == [Decimal(rate) / 10]


@given(steps=STEPS)
def test_after_anything_at_all_the_pumps_are_read_again(steps: list[tuple[bytes, float]]) -> None:
    """A base and a module that answer each question at once bring a sample, whatever was on the line before."""
    session = OrchestraSession(SessionOptions("pumps"))
    said = [output.data for output in session.start(0.0) if isinstance(output, Send)]
    now_s = 0.0
    for piece, pause_s in steps:
        outputs = [*session.feed(piece, now_s)]
        now_s += pause_s
        outputs += session.tick(now_s)
        said = [output.data for output in outputs if isinstance(output, Send)] or said
    limit_s = now_s + 30.0
    while now_s < limit_s:
        assert session.deadline_s is not None
        now_s = max(now_s, session.deadline_s)
        out = list(session.tick(now_s))
        for sent in [output.data for output in out if isinstance(output, Send) and len(output.data) > 1]:
            body = sent[1:-3].decode("ascii")
            if body == "0LE;b":
                out += session.feed(ACK + frame("0C;b01"), now_s)
            elif body[:1] == "1" and "LE;" in body:
                letters = body.partition(";")[2]
                out += session.feed(ACK + frame("1C" + "".join(f";{letter}00" for letter in letters)), now_s)
            elif body[:1] in "01" and ("DC" in body or "DE" in body):
                out += session.feed(ACK + frame(f"{body[0]}C"), now_s)
        if any(isinstance(output, Observation) and output.channel == "1" for output in out):
            return
    raise AssertionError("not read again")


def test_a_flood_is_taken_in_one_pass() -> None:
    """A megabyte of frames that never end, in one read: quadratic work would not end in the test's time."""
    parts = Framer().feed((b"\x02" + b"x" * 79) * 12_500)
    assert parts == [Rejected("length", b"x" * 64)] * 12_499


def test_a_flood_of_refusals_is_taken_in_one_pass() -> None:
    session = OrchestraSession(SessionOptions("pumps"))
    session.start(0.0)
    assert len(session.feed((NAK + b"6") * 10_000, 0.0)) == 10_000
