"""The DRI driver under any bytes: no crash, bounded memory, the same in any cut, nothing said that is not allowed."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ge_dri import DriSession
from drivers.ge_dri_cuff import CuffClock
from drivers.ge_dri_frame import MAX_FRAME_BYTES
from drivers.ge_dri_record import alarms_of
from drivers.model import Observation, Output, Rejected, Send, SessionOptions, Validity
from tests.unit.ge_dri_frames import RECORD, TIME, VALUES, alarms, auxiliary, frame, headed, patched

ALLOWED = frozenset(
    bytes.fromhex(line.partition("#")[0])
    for line in (Path(__file__).parents[1] / "golden/ge-dri/allowed.txt").read_text(encoding="utf-8").splitlines()
    if line.partition("#")[0].strip()
)

change = st.tuples(st.integers(2, 317), st.binary(min_size=1, max_size=4))
changed = st.lists(change, max_size=12).map(
    lambda changes: frame(patched(RECORD, *((at, data[: 318 - at]) for at, data in changes)))
)
piece = st.one_of(
    st.binary(max_size=300),
    changed,
    st.just(VALUES),
    st.integers(0, len(VALUES)).map(lambda kept: VALUES[:kept]),
    st.integers(0, len(VALUES)).map(lambda lost: VALUES[lost:]),
    st.builds(headed, st.integers(0, 8), st.integers(0, 254), st.binary(min_size=1, max_size=600)),
    st.integers(0, 2**32 - 1).map(auxiliary),
    st.builds(lambda text, colour: alarms((text, colour)), st.binary(max_size=80), st.integers(-5, 9)),
    st.sampled_from([b"\x7e", b"\x7d", b"\x7e\x7e", b"\x7d\x7e", b"\x01" * 5000]),
)
stream = st.lists(piece, max_size=8).map(b"".join)


def begun() -> DriSession:
    session = DriSession(SessionOptions(port="bed-3"))
    session.start(0.0)
    session.tick(0.2)
    return session


def listen(data: bytes) -> list[Output]:
    return list(begun().feed(data, 5.0))


@given(data=stream, places=st.lists(st.integers(0, 6000), max_size=30))
def test_any_cut_of_any_bytes_says_the_same_and_holds_a_bounded_rest(data: bytes, places: list[int]) -> None:
    session = begun()
    outputs: list[Output] = []
    for start, end in pairwise([0, *sorted(places), len(data) + 6000]):
        outputs.extend(session.feed(data[start:end], 5.0))
        assert session.held_bytes < MAX_FRAME_BYTES
    assert outputs == listen(data)


@given(data=stream)
def test_byte_by_byte_says_the_same_as_whole(data: bytes) -> None:
    session = begun()
    assert [output for byte in data for output in session.feed(bytes((byte,)), 5.0)] == listen(data)


@given(data=stream)
def test_no_bytes_make_it_say_what_is_not_allowed_or_show_a_number_without_validity(data: bytes) -> None:
    for output in listen(data):
        if isinstance(output, Send):
            assert output.data in ALLOWED
        elif isinstance(output, Rejected):
            assert len(output.excerpt) <= 64
        elif isinstance(output, Observation):
            assert len(output.readings) == 17
            for reading in output.readings:
                has_number = reading.validity in {Validity.VALID, Validity.QUESTIONABLE}
                assert (reading.value is not None) is has_number


@given(steps=st.lists(st.tuples(stream, st.floats(0.0, 30.0)), max_size=6))
def test_whatever_happens_there_is_a_next_deadline_and_it_is_at_most_a_restart_away(
    steps: list[tuple[bytes, float]],
) -> None:
    session, now_s = begun(), 0.2
    for data, pause_s in steps:
        now_s += pause_s
        outputs = [*session.tick(now_s), *session.feed(data, now_s)]
        assert all(output.data in ALLOWED for output in outputs if isinstance(output, Send))
        while session.deadline_s is not None and session.deadline_s <= now_s:
            assert session.tick(now_s)
        assert session.deadline_s is not None
        assert now_s < session.deadline_s <= now_s + 6.5


@given(garbage=stream)
def test_the_first_whole_frame_after_any_garbage_is_decoded(garbage: bytes) -> None:
    session = begun()
    session.feed(garbage + b"\x7e", 5.0)
    outputs = session.feed(frame(patched(RECORD, (2, b"\xaa\x5a"))), 6.0)
    assert sum(isinstance(output, Observation) for output in outputs) == 1


@given(wrong=st.integers(0, 255), at=st.integers(1, len(VALUES) - 2))
def test_one_wrong_byte_never_becomes_a_reading(wrong: int, at: int) -> None:
    spoiled = VALUES[:at] + bytes((wrong,)) + VALUES[at + 1 :]
    seen = [output for output in listen(spoiled) if isinstance(output, Observation)]
    assert len(seen) == (spoiled == VALUES)


@given(status=st.binary(max_size=700))
def test_any_alarm_record_gives_at_most_five_alarms_of_bounded_text(status: bytes) -> None:
    told = alarms_of(status) or ()
    assert len(told) <= 5
    assert all(len(alarm.text) <= 80 and alarm.text.isprintable() for alarm in told)


numbers = st.tuples(*[st.one_of(st.none(), st.integers(100, 105))] * 4)
heard = st.tuples(st.floats(0.5, 20.0), numbers, st.booleans())
cuff_told = st.tuples(st.floats(0.5, 20.0), st.integers(TIME - 200, TIME + 400))


@given(events=st.lists(st.one_of(heard, cuff_told), max_size=30))
def test_a_cuff_pressure_is_never_younger_than_its_label_nor_from_the_future_and_ages_by_the_clock(
    events: list[tuple[float, tuple[int | None, ...], bool] | tuple[float, int]],
) -> None:
    clock, now_s, shown = CuffClock(), 0.0, False
    for event in events:
        now_s += event[0]
        before_s, _ = clock.age(now_s)
        if len(event) == 2:
            clock.tell(event[1], TIME + int(now_s), now_s)
            assert clock.age(now_s)[0] == before_s  # it dates what the next record shows
        else:
            clock.show(event[1], old=event[2], now_s=now_s)
            if any(number is not None for number in event[1]):
                shown = True
                assert clock.age(now_s)[0] >= (60.0 if event[2] else 0.0)
        assert not shown or clock.age(now_s + 7.0)[0] - clock.age(now_s)[0] == pytest.approx(7.0)


@given(rounds=st.lists(st.integers(TIME - 5000, TIME + 5000), min_size=1, max_size=40))
def test_old_numbers_that_stand_still_never_grow_younger_whatever_times_are_told(rounds: list[int]) -> None:
    clock, ages = CuffClock(), []
    for number, told in enumerate(rounds):
        now_s = 5.0 * number
        clock.show((120, 80, 90, 70), old=True, now_s=now_s)
        ages.append(clock.age(now_s)[0])
        clock.tell(told, TIME + int(now_s), now_s)
        clock.tell(told, TIME + int(now_s) + 4, now_s + 4.0)
    assert ages[0] == 60.0
    assert all(age_s >= 60.0 + 5.0 * number for number, age_s in enumerate(ages))


def test_a_flood_is_taken_in_one_pass() -> None:
    """A megabyte of frames that are none, in one read: quadratic work would not end in the test's time."""
    outputs = listen((b"\x7e" + b"\x01" * 99) * 10_000)
    assert len(outputs) == 9_999
    outputs = listen(b"\x7e" + b"\x7d\x5e" * 500_000)
    assert {output.reason for output in outputs if isinstance(output, Rejected)} == {"oversize"}
