"""The tape of a port: what it holds, and what it gives as recordings."""

from __future__ import annotations

from edge.recording import Entry, What
from edge.tape import PIECE_BYTES, Tape, sessions


def spoken(tape: Tape, begin_s: float, *pieces: tuple[float, What, bytes]) -> None:
    tape.add(begin_s, What.START)
    for after_s, what, data in pieces:
        tape.add(begin_s + after_s, what, data)


def test_a_conversation_is_given_from_its_beginning_on() -> None:
    tape = Tape()
    spoken(tape, 100.0, (0.0, What.SENT, b"?"), (0.25, What.HEARD, b"ab"), (1.0, What.TICK, b""))
    (found,) = sessions(tape.copy())
    assert (found.began_s, found.whole) == (100.0, True)
    assert found.entries == (
        Entry(0.0, What.START),
        Entry(0.0, What.SENT, b"?"),
        Entry(0.25, What.HEARD, b"ab"),
        Entry(1.0, What.TICK),
    )


def test_each_conversation_in_which_something_was_heard_is_given() -> None:
    tape = Tape()
    spoken(tape, 1.0, (0.5, What.HEARD, b"a"))
    spoken(tape, 2.0, (0.5, What.SENT, b"?"))
    spoken(tape, 3.0, (0.5, What.HEARD, b"b"))
    found = list(sessions(tape.copy()))
    assert [(one.began_s, one.entries[-1].data) for one in found] == [(1.0, b"a"), (3.0, b"b")]


def test_times_never_fall_and_a_deadline_that_was_there_stays_there() -> None:
    tape = Tape()
    spoken(tape, 0.1, (0.2, What.HEARD, b"a"), (0.2000001, What.TICK, b""), (0.7, What.TICK, b""))
    (found,) = sessions(tape.copy())
    times = [entry.at_s for entry in found.entries]
    assert times == sorted(times)
    assert all(at_s >= after_s for at_s, after_s in zip(times[1:], (0.2, 0.2000001, 0.7), strict=True))


def test_over_its_bytes_the_oldest_goes_and_the_beginning_is_said_to_be_gone() -> None:
    tape = Tape(2 * PIECE_BYTES + 10)
    spoken(tape, 0.0, *((float(number), What.HEARD, bytes([number] * 4)) for number in range(1, 5)))
    (found,) = sessions(tape.copy())
    assert (found.began_s, found.whole) == (3.0, False)
    assert [(entry.at_s, entry.what, entry.data[:1]) for entry in found.entries] == [
        (0.0, What.START, b""),
        (0.0, What.HEARD, b"\x03"),
        (1.0, What.HEARD, b"\x04"),
    ]


def test_pieces_without_bytes_count_too() -> None:
    tape = Tape(3 * PIECE_BYTES + 1)
    spoken(tape, 0.0, *((float(number), What.TICK, b"") for number in range(9)), (9.0, What.HEARD, b"x"))
    assert [at_s for at_s, _, _ in tape.copy()] == [7.0, 8.0, 9.0]


def test_one_piece_larger_than_the_ring_leaves_it_empty() -> None:
    tape = Tape(PIECE_BYTES + 3)
    tape.add(1.0, What.HEARD, b"abcd")
    assert list(sessions(tape.copy())) == []
    tape.add(2.0, What.HEARD, b"abc")
    assert len(tape.copy()) == 1
