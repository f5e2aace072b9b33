"""What all simulated pulse oximeters share: power, pace, clock, and a host that has nothing to say."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from simulators.masimo_ascii import MasimoOximeter, Output
from simulators.nellcor_ascii import NellcorOximeter
from simulators.nonin import NoninAscii, NoninFormat2
from simulators.oximeter import MAX_FORBIDDEN, MAX_FORBIDDEN_BYTES, AlarmKeys, Breach, Limits, Oximeter, SerialLine
from simulators.patient import Vitals

WELL = Vitals(spo2_percent=97, heart_rate_per_min=80)
MAKERS: dict[str, tuple[Callable[[], Oximeter], float]] = {
    "masimo": (lambda: MasimoOximeter(lambda _: WELL), 1.0),
    "masimo ASCII 2": (lambda: MasimoOximeter(lambda _: WELL, output=Output.ASCII_2), 2.0),
    "nellcor": (lambda: NellcorOximeter(lambda _: WELL), 2.0),
    "nonin": (lambda: NoninAscii(lambda _: WELL), 1.0),
    "nonin format 2": (lambda: NoninFormat2(lambda _: WELL), 1 / 15),
}
every_oximeter = pytest.mark.parametrize(("make", "period_s"), MAKERS.values(), ids=MAKERS)


@every_oximeter
def test_reports_come_at_their_pace_without_drift(make: Callable[[], Oximeter], period_s: float) -> None:
    oximeter = make()
    assert oximeter.tick(0.0) == b""
    oximeter.start(0.1)
    for count in range(1, 1001):
        deadline_s = oximeter.deadline_s
        assert deadline_s is not None
        assert deadline_s == pytest.approx(0.1 + count * period_s, abs=1e-9)
        assert oximeter.tick(deadline_s - 0.001) == b""
        assert oximeter.tick(deadline_s + 0.004 * (count % 2)) != b""


@every_oximeter
def test_reports_missed_in_a_stall_are_gone(make: Callable[[], Oximeter], period_s: float) -> None:
    oximeter = make()
    oximeter.start(0.0)
    usual = len(oximeter.tick(period_s))
    late = oximeter.tick(100.5 * period_s)
    assert 0 < len(late) <= usual
    assert oximeter.deadline_s == pytest.approx(101 * period_s)


@every_oximeter
def test_without_power_there_is_silence_until_the_next_start(make: Callable[[], Oximeter], period_s: float) -> None:
    oximeter = make()
    oximeter.start(0.0)
    oximeter.power_off()
    assert oximeter.deadline_s is None
    assert oximeter.tick(50.0) == b""
    oximeter.start(60.0)
    assert oximeter.deadline_s == pytest.approx(60.0 + period_s)
    assert oximeter.tick(60.0 + period_s) != b""


@every_oximeter
def test_whatever_the_host_sends_is_forbidden_and_unanswered(make: Callable[[], Oximeter], period_s: float) -> None:
    oximeter = make()
    oximeter.start(0.0)
    assert oximeter.feed(b"", 0.01) == b""
    assert oximeter.forbidden == []
    assert oximeter.feed(b"\x02\x70\x02\x02\x02\x03", 0.01) == b""
    assert oximeter.feed(b"?", 0.02) == b""
    assert oximeter.forbidden == [b"\x02\x70\x02\x02\x02\x03", b"?"]
    assert oximeter.forbidden_byte_count == 7
    assert oximeter.deadline_s == pytest.approx(period_s)


def test_the_record_of_the_host_is_bounded_and_keeps_the_first() -> None:
    oximeter = NoninAscii(lambda _: WELL)
    oximeter.feed(b"a" * MAX_FORBIDDEN_BYTES + b"b", 0.0)
    for _ in range(MAX_FORBIDDEN):
        oximeter.feed(b"c", 0.0)
    assert oximeter.forbidden == [b"a" * MAX_FORBIDDEN_BYTES] + [b"c"] * (MAX_FORBIDDEN - 1)
    assert oximeter.forbidden_byte_count == MAX_FORBIDDEN_BYTES + 1 + MAX_FORBIDDEN


def test_the_lines_are_9600_8n1() -> None:
    assert {oximeter().line for oximeter, _ in MAKERS.values()} == {SerialLine(9600, 8, "N", 1)}


def test_the_clock_runs_on_through_a_power_off_and_can_be_set() -> None:
    oximeter = MasimoOximeter(lambda _: WELL, clock=datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC))

    def shown(now_s: float) -> bytes:
        return oximeter.tick(now_s)[:17]

    oximeter.start(10.3)
    assert [shown(11.3), shown(12.3)] == [b"12/31/26 23:59:59", b"01/01/27 00:00:00"]
    oximeter.power_off()
    oximeter.start(70.3)
    assert shown(71.3) == b"01/01/27 00:00:59"
    oximeter.set_clock(71.5, datetime(2027, 1, 1, 7, 0, 0, tzinfo=UTC))
    assert shown(72.5) == b"01/01/27 07:00:01"


def test_the_clock_never_stutters_with_the_rounding_of_floats() -> None:
    oximeter = MasimoOximeter(lambda _: WELL, clock=datetime(2026, 1, 1, tzinfo=UTC))
    oximeter.start(1234.3)
    seconds = []
    for _ in range(600):
        deadline_s = oximeter.deadline_s
        assert deadline_s is not None
        line = oximeter.tick(deadline_s)
        seconds.append(int(line[12:14]) * 60 + int(line[15:17]))
    assert seconds == list(range(1, 601))


@pytest.mark.parametrize(
    ("spo2", "pulse", "breaches"),
    [
        (90, 50, set()),
        (98, 120, set()),
        (89, 49, {Breach.SPO2_LOW, Breach.PULSE_LOW}),
        (99, 121, {Breach.SPO2_HIGH, Breach.PULSE_HIGH}),
        (0, 0, {Breach.SPO2_LOW, Breach.PULSE_LOW}),
        (None, None, set()),
        (None, 121, {Breach.PULSE_HIGH}),
    ],
)
def test_a_value_is_beyond_a_limit_but_not_on_it(spo2: int | None, pulse: int | None, breaches: set[Breach]) -> None:
    limits = Limits(spo2_low_percent=90, spo2_high_percent=98, pulse_low_per_min=50, pulse_high_per_min=120)
    assert limits.breaches(spo2, pulse) == breaches


@pytest.mark.parametrize(("spo2", "pulse"), [((90, 90), (40, 170)), ((85, 100), (100, 100))])
def test_limits_that_cannot_be_are_refused(spo2: tuple[int, int], pulse: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be limits"):
        Limits(
            spo2_low_percent=spo2[0],
            spo2_high_percent=spo2[1],
            pulse_low_per_min=pulse[0],
            pulse_high_per_min=pulse[1],
        )


def test_a_silence_ends_by_itself_by_the_key_and_by_a_reset() -> None:
    keys = AlarmKeys(Limits())
    assert not keys.silenced(0.0)
    keys.silence(5.0)
    assert keys.silenced(124.9)
    assert not keys.silenced(125.0)
    keys.silence(200.0, for_s=60.0)
    assert keys.silenced(259.9)
    assert not keys.silenced(260.0)
    keys.silence(300.0)
    keys.silence(301.0, for_s=0.0)
    assert not keys.silenced(301.0)
    keys.silence(400.0)
    keys.on = False
    keys.reset()
    assert keys.on
    assert not keys.silenced(401.0)
