"""The conversation in cyclic mode, in virtual time."""

from __future__ import annotations

from decimal import Decimal

from drivers.bbraun_space_cyclic import DRIVER, STALL_S, CyclicSession
from drivers.model import BolusGiven, ChannelRemoved, Observation, Output, Rejected, Send, SessionOptions
from tests.golden.bbraun_reference import ACK, NAK, block, plain, said

PUMP = block(said("50113", INRT="12.50", INBOCNT="1", INBOVAL="1.0"))


def session() -> CyclicSession:
    made = CyclicSession(SessionOptions("pumps"))
    assert made.start(0.0) == ()
    assert made.deadline_s == STALL_S
    return made


def channels(outputs: list[Output]) -> list[str]:
    return [output.channel for output in outputs if isinstance(output, Observation)]


def due(made: CyclicSession, at_s: float) -> list[Output]:
    assert made.deadline_s is not None
    assert abs(made.deadline_s - at_s) < 1e-9
    assert made.tick(made.deadline_s - 0.01) == ()
    return list(made.tick(made.deadline_s))


def test_each_package_is_acknowledged_after_a_rest() -> None:
    line = session()
    assert channels(list(line.feed(PUMP, 1.0))) == ["13"]
    assert due(line, 1.1) == [Send(ACK)]
    assert line.deadline_s == 1.1 + STALL_S
    assert line.tick(8.0) == ()


def test_a_rack_that_says_nothing_is_asked_for_its_last_package_again_and_again() -> None:
    """It sends no more until the package that was lost, or whose ACK was, is acknowledged."""
    line = session()
    assert due(line, 7.5) == [Send(NAK)]
    assert due(line, 15.0) == [Send(NAK)]
    line.feed(PUMP, 15.1)
    assert due(line, 15.2) == [Send(ACK)]
    assert due(line, 22.7) == [Send(NAK)]
    # The ACK had been lost: it is the same package, and counts once.
    assert list(line.feed(PUMP, 22.8)) == []
    assert due(line, 22.9) == [Send(ACK)]
    assert channels(list(line.feed(block(said("50113", time=30, INRT="13.00")), 25.0))) == ["13"]


def test_a_package_that_waited_is_acknowledged_and_its_values_are_not_of_now() -> None:
    """H-11: the boli in it were given, and its rate was that of a while ago."""
    line = session()
    assert due(line, 7.5) == [Send(NAK)]
    out = list(line.feed(PUMP, 7.6))
    assert channels(out) == []
    assert [type(output) for output in out if isinstance(output, BolusGiven)] == [BolusGiven]
    assert due(line, 7.7) == [Send(ACK)]
    assert channels(list(line.feed(block(said("50113", time=30, INRT="13.00")), 8.0))) == ["13"]


def test_what_was_queued_behind_a_package_that_waited_is_as_old() -> None:
    line = session()
    line.feed(block(said("50111", time=100, INRT="7.00")), 1.0)
    assert due(line, 1.1) == [Send(ACK)]
    line.tick(1.1 + STALL_S)
    assert channels(list(line.feed(block(said("50112", time=101, INRT="8.00")), 9.0))) == []
    assert channels(list(line.feed(block(said("50113", time=101, INRT="9.00")), 9.2))) == []
    assert channels(list(line.feed(block(said("50111", time=109, INRT="7.50")), 9.4))) == ["11"]
    assert channels(list(line.feed(block(said("50112", time=101, INRT="8.50")), 9.6))) == ["12"]


def test_a_rack_whose_time_began_anew_is_believed_after_two_cycles() -> None:
    line = session()
    line.tick(STALL_S)
    line.feed(block(said("50111", time=5000, INRT="7.00")), 8.0)
    assert channels(list(line.feed(block(said("50111", time=2, INRT="7.00")), 9.0))) == []
    assert channels(list(line.feed(block(said("50111", time=12, INRT="7.10")), 18.1))) == ["11"]


def test_a_package_that_is_refused_for_long_is_no_sample_and_one_refused_once_is() -> None:
    bad = PUMP.replace(b"12.50", b"12.51")
    line = session()
    line.feed(bad, 1.0)
    assert due(line, 1.1) == [Send(NAK)]
    assert channels(list(line.feed(PUMP, 1.6))) == ["13"]
    line = session()
    for second in range(1, 5):
        line.feed(bad, float(second))
        line.tick(second + 0.1)
    assert channels(list(line.feed(PUMP, 5.0))) == []


def test_a_package_that_comes_again_counts_once() -> None:
    line = session()
    first = list(line.feed(PUMP, 1.0))
    assert [output for output in first if isinstance(output, BolusGiven)] == [
        BolusGiven("pumps", "13", 1.0, 1, Decimal("1.0"))
    ]
    assert list(line.feed(PUMP, 2.0)) == []
    assert due(line, 2.1) == [Send(ACK)]
    event = block(said("50113", time=10, INRT="13.00"))
    assert channels(list(line.feed(event, 3.0))) == ["13"]


def test_a_bad_package_is_refused() -> None:
    line = session()
    bad = PUMP.replace(b"12.50", b"12.51")
    assert list(line.feed(bad, 1.0)) == [Rejected("checksum", bad[:64])]
    assert due(line, 1.1) == [Send(NAK)]


def test_half_a_package_is_refused_when_the_line_is_still() -> None:
    line = session()
    assert list(line.feed(b"x" + PUMP[:30], 1.0)) == [Rejected("noise", b"x")]
    assert due(line, 1.5) == [Rejected("length", PUMP[:30]), Send(NAK)]
    assert channels(list(line.feed(PUMP, 2.0))) == ["13"]


def test_a_line_without_stuffing() -> None:
    line = session()
    values = plain(said("50113", INDORT="4.0", INDORTU="69"))
    assert channels(list(line.feed(values, 1.0))) == ["13"]
    assert channels(list(line.feed(plain(said("50113", time=10, INDORT="4.0")), 2.0))) == ["13"]
    assert channels(list(line.feed(block(said("50113", time=11, INDORT="4.0")), 3.0))) == ["13"]


def test_another_rack_on_the_line() -> None:
    line = session()
    line.feed(PUMP, 1.0)
    out = list(line.feed(block(said("50113", INRT="1"), bed_id="ICU4"), 2.0))
    assert out[0] == ChannelRemoved("pumps", "13", 2.0, "the line leads to another rack, ICU4")
    assert channels(out) == ["13"]


def test_what_the_driver_says_of_itself() -> None:
    assert (DRIVER.name, DRIVER.experimental) == ("bbraun-space-cyclic", True)
    made = DRIVER.session(SessionOptions("pumps"))
    assert isinstance(made, CyclicSession)
    assert made.round_s == 5.0
