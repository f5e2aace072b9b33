"""The conversation in cyclic mode, in virtual time."""

from __future__ import annotations

from decimal import Decimal

from drivers.bbraun_space_cyclic import DRIVER, CyclicSession
from drivers.model import BolusGiven, ChannelRemoved, Observation, Output, Rejected, Send, SessionOptions
from tests.golden.bbraun_reference import ACK, NAK, block, plain, said

PUMP = block(said("50113", INRT="12.50", INBOCNT="1", INBOVAL="1.0"))


def session() -> CyclicSession:
    made = CyclicSession(SessionOptions("pumps"))
    assert made.start(0.0) == ()
    assert made.deadline_s is None
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
    assert line.deadline_s is None
    assert line.tick(9.0) == ()


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
