"""When the DRI driver asks, and how it dates the cuff pressure: sessions in virtual time."""

from collections.abc import Sequence

import pytest

from drivers.ge_dri import DriSession
from drivers.ge_dri_frame import LEVELS, Ask, Request
from drivers.model import DeviceIdentified, Observation, Output, Quantity, Rejected, Send, SessionOptions, Validity
from tests.unit.ge_dri_frames import NIBP, NONE, TIME, alarms, auxiliary, cuff, headed, number, status, values

STOP, ASK, ONCE, TIMES, ALARMS, CHANGES = (
    Request(ask).encode()
    for ask in (
        Ask.VALUES_STOP,
        Ask.VALUES_PERIODIC,
        Ask.VALUES_ONCE,
        Ask.AUXILIARY_ONCE,
        Ask.ALARMS_ONCE,
        Ask.ALARMS_CHANGES,
    )
)
YOUNG, OLD = 0x00B, 0x10B


def sent(outputs: Sequence[Output]) -> list[bytes]:
    return [output.data for output in outputs if isinstance(output, Send)]


def session_at(start_s: float = 100.0) -> DriSession:
    session = DriSession(SessionOptions(port="bed-3", poll_interval_s=60.0))
    session.start(start_s)
    session.tick(start_s + 0.2)
    return session


# Asking


def test_it_stops_rests_and_asks() -> None:
    session = DriSession(SessionOptions(port="bed-3"))
    assert session.round_s == 5.0
    assert DriSession(SessionOptions(port="bed-3")).deadline_s is None
    assert list(session.start(100.0)) == [Send(STOP)]
    assert session.deadline_s == 100.2
    assert list(session.tick(100.1)) == []
    assert list(session.tick(100.2)) == [Send(ASK)]
    assert session.deadline_s == pytest.approx(106.2)


def test_after_values_it_asks_for_times_and_alarms_and_for_changes_once() -> None:
    session = session_at()
    assert sent(session.feed(values(nbr=1), 101.0)) == [TIMES, CHANGES, ALARMS]
    assert session.deadline_s == 107.0
    assert sent(session.feed(values(nbr=2), 106.0)) == [TIMES, ALARMS]


def test_it_asks_no_faster_than_the_bound_however_often_values_come() -> None:
    session = session_at()
    session.feed(values(nbr=1), 101.0)
    assert sent(session.feed(values(nbr=2) + values(nbr=3), 104.9)) == []
    assert sent(session.feed(values(nbr=4), 105.0)) == [TIMES, ALARMS]


def test_a_late_record_is_asked_for_once_and_then_the_sending_is_begun_anew() -> None:
    session = session_at()
    session.feed(values(nbr=1), 101.0)
    assert list(session.tick(107.0)) == [Send(ONCE)]
    assert session.deadline_s == 113.5
    assert list(session.tick(110.0)) == []
    assert list(session.tick(113.5)) == [Rejected("timeout"), Send(STOP)]
    assert session.deadline_s == 113.7
    assert list(session.tick(113.7)) == [Send(ASK)]
    assert sent(session.feed(values(nbr=2), 114.0)) == [TIMES, CHANGES, ALARMS]


def test_a_record_that_came_in_time_puts_off_both() -> None:
    session = session_at()
    for second in range(101, 160, 5):
        session.feed(values(nbr=second), float(second))
        assert list(session.tick(second + 5.9)) == []


@pytest.mark.parametrize("other", [auxiliary(TIME - 30), alarms((b"x", 1)), values()[:100], b"\x7e\x00\x7e"])
def test_nothing_but_values_puts_off_the_restart(other: bytes) -> None:
    session = session_at()
    session.feed(values(nbr=1), 101.0)
    session.feed(other, 106.0)
    session.tick(107.0)
    assert session.deadline_s == 113.5


def test_a_record_repeated_to_the_byte_puts_off_nothing() -> None:
    session = session_at()
    session.feed(values(nbr=1), 101.0)
    session.feed(values(nbr=1), 106.0)
    assert session.deadline_s == 107.0


def test_values_that_were_under_way_when_it_stopped_count_and_ask_nothing() -> None:
    session = session_at()
    session.tick(112.7)
    outputs = session.feed(values(nbr=1), 112.8)
    assert [type(output) for output in outputs if isinstance(output, Observation | Send)] == [Observation]
    assert session.deadline_s == pytest.approx(112.9)


def test_a_monitor_that_is_deaf_to_level_0_is_asked_under_all_others_and_then_under_its_own() -> None:
    session = session_at()
    others = [Request(Ask.VALUES_STOP, level).encode() for level in LEVELS[1:]]
    assert sent(session.tick(112.7)) == others
    assert sent(session.tick(112.9)) == [Request(Ask.VALUES_PERIODIC, level).encode() for level in LEVELS[1:]]
    assert sent(session.feed(values((3, b"\x0a"), nbr=1), 113.0)) == [
        Request(ask, 10).encode() for ask in (Ask.AUXILIARY_ONCE, Ask.ALARMS_CHANGES, Ask.ALARMS_ONCE)
    ]
    assert sent(session.tick(125.5)) == [Request(Ask.VALUES_STOP, 10).encode()]


@pytest.mark.parametrize(("level", "asked"), [(12, 11), (5, 7)])
def test_a_monitor_of_an_unlisted_level_is_asked_under_the_nearest(level: int, asked: int) -> None:
    session = session_at()
    session.tick(112.7)
    session.tick(112.9)
    (first, *_) = sent(session.feed(values((3, bytes((level,))), nbr=1), 113.0))
    assert first == Request(Ask.AUXILIARY_ONCE, asked).encode()


def test_without_any_answer_it_goes_to_and_fro_between_the_levels_for_ever() -> None:
    session = session_at()
    asked = []
    for _ in range(12):
        assert session.deadline_s is not None
        said = sent(session.tick(session.deadline_s))
        asked.append((len(said), said[0] == STOP))
    assert asked == [(1, False), (5, False), (5, False), (5, False), (1, True), (1, False)] * 2


def test_a_level_outside_the_grammar_is_refused() -> None:
    with pytest.raises(ValueError, match="no level"):
        Request(Ask.VALUES_PERIODIC, 12)


# The age of the cuff pressure


class Bed:
    """A monitor that is heard every 5 s: ``hear`` gives age and validity of the systolic pressure."""

    def __init__(self) -> None:
        self.session = session_at(0.0)
        self.now_s = 0.0
        self._count = 0

    def hear(self, sys: int, label: int, after_s: float = 5.0) -> tuple[float, Validity]:
        self.now_s += after_s
        self._count = (self._count + 1) % 256
        data = cuff(sys, label, nbr=self._count, time=TIME + int(self.now_s))
        (seen,) = (o for o in self.session.feed(data, self.now_s) if isinstance(o, Observation))
        (reading,) = (r for r in seen.readings if r.quantity is Quantity.NIBP_SYS)
        assert reading.measured_s_ago is not None
        return reading.measured_s_ago, reading.validity

    def tell(self, cuff_time: int, clock: int | None = None) -> None:
        clock = TIME + int(self.now_s) if clock is None else clock
        self.session.feed(auxiliary(cuff_time, time=clock), self.now_s)


@pytest.mark.parametrize("label", [YOUNG, OLD])
def test_what_was_there_at_first_has_an_unknown_age_that_grows(label: int) -> None:
    bed = Bed()
    assert bed.hear(120, label) == (60.0, Validity.QUESTIONABLE)
    assert bed.hear(120, label) == (65.0, Validity.QUESTIONABLE)
    assert [bed.hear(120, OLD)[0] for _ in range(100)][-1] == 565.0


def test_a_change_that_was_watched_dates_the_pressure() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    assert bed.hear(130, YOUNG) == (0.0, Validity.VALID)
    assert bed.hear(130, YOUNG) == (5.0, Validity.VALID)
    assert [bed.hear(130, YOUNG) for _ in range(10)][-1] == (55.0, Validity.VALID)
    assert [bed.hear(130, OLD) for _ in range(2)] == [(60.0, Validity.VALID), (65.0, Validity.VALID)]


def test_a_label_that_turns_old_early_is_believed() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    bed.hear(130, YOUNG)
    assert [bed.hear(130, OLD) for _ in range(2)] == [(60.0, Validity.VALID), (65.0, Validity.VALID)]


def test_equal_numbers_measured_again_are_dated_by_the_label() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    assert bed.hear(120, YOUNG) == (0.0, Validity.VALID)


def test_the_first_pressure_at_a_watched_bed_is_dated() -> None:
    bed = Bed()
    bed.session.feed(values(*(number(NIBP + at, NONE) for at in (6, 8, 10, 12)), nbr=200), 1.0)
    assert bed.hear(120, YOUNG) == (0.0, Validity.VALID)


def test_numbers_that_were_gone_for_a_moment_are_not_new() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    bed.now_s += 5
    bed.session.feed(values(*(number(NIBP + at, NONE) for at in (6, 8, 10, 12)), nbr=200), bed.now_s)
    assert bed.hear(120, OLD) == (70.0, Validity.QUESTIONABLE)


def test_one_number_that_was_gone_for_a_moment_is_not_new_but_another_is() -> None:
    bed = Bed()
    bed.hear(120, YOUNG)
    for back, expected in ((120, (70.0, Validity.QUESTIONABLE)), (125, (0.0, Validity.VALID))):
        bed.now_s += 5
        bed.session.feed(values(number(NIBP + 6, NONE), status(NIBP, 3, YOUNG), nbr=back), bed.now_s)
        assert bed.hear(back, YOUNG) == expected


def test_a_change_that_was_not_watched_dates_nothing() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    assert bed.hear(130, YOUNG, after_s=10.0) == (0.0, Validity.VALID)
    assert bed.hear(140, YOUNG, after_s=10.5) == (60.0, Validity.QUESTIONABLE)


def test_a_change_whose_label_says_old_dates_nothing() -> None:
    bed = Bed()
    bed.hear(120, YOUNG)
    assert bed.hear(130, OLD) == (60.0, Validity.QUESTIONABLE)


def test_the_auxiliary_time_dates_the_pressure_when_it_stood_still() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    bed.tell(TIME - 895)
    assert bed.hear(120, OLD)[1] is Validity.QUESTIONABLE
    bed.tell(TIME - 895)
    assert bed.hear(120, OLD) == (910.0, Validity.VALID)
    assert bed.hear(120, OLD) == (915.0, Validity.VALID)


def test_an_auxiliary_time_that_was_long_awaited_does_not_date_what_came_meanwhile() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    bed.tell(TIME - 900)
    for _ in range(3):
        bed.hear(120, OLD)
    assert bed.hear(130, YOUNG) == (0.0, Validity.VALID)
    bed.tell(TIME - 900)
    assert bed.hear(130, YOUNG) == (5.0, Validity.VALID)


def test_no_auxiliary_time_makes_a_pressure_younger_than_its_label() -> None:
    bed = Bed()
    for _ in range(2):
        bed.hear(120, OLD)
        bed.tell(TIME - 47)
    assert bed.hear(120, OLD) == (70.0, Validity.VALID)


def test_a_time_told_before_its_measurement_is_shown_dates_it_then() -> None:
    bed = Bed()
    bed.hear(120, OLD)
    bed.hear(120, OLD)
    bed.tell(TIME + 8)
    bed.hear(120, OLD)
    bed.tell(TIME + 8)
    assert bed.hear(130, YOUNG) == (12.0, Validity.VALID)


def test_a_time_that_moves_with_the_clock_is_not_believed() -> None:
    """Were the auxiliary record in an envelope, its first field would be the time of sending."""
    bed = Bed()
    for _ in range(20):
        bed.hear(120, YOUNG)
        bed.tell(TIME + int(bed.now_s))
        bed.tell(TIME + int(bed.now_s))
    assert bed.hear(120, YOUNG) == (160.0, Validity.QUESTIONABLE)


@pytest.mark.parametrize("cuff_time", [0, TIME + 60, TIME - 86_500])
def test_an_impossible_time_is_not_believed(cuff_time: int) -> None:
    bed = Bed()
    for _ in range(3):
        bed.hear(120, OLD)
        bed.tell(cuff_time)
    assert bed.hear(120, OLD)[1] is Validity.QUESTIONABLE


def test_an_auxiliary_record_too_short_for_a_time_tells_none() -> None:
    assert [type(output) for output in session_at().feed(headed(0, 4, b"\x01\x02\x03"), 101.0)] == [DeviceIdentified]


def test_the_monitors_clock_set_anew_does_not_make_a_pressure_young() -> None:
    bed = Bed()
    for _ in range(2):
        bed.hear(120, OLD)
        bed.tell(TIME - 1200)
    assert bed.hear(120, OLD)[0] == 1215.0
    bed.tell(TIME - 1200, clock=TIME - 1100)
    assert bed.hear(120, OLD) == (1220.0, Validity.VALID)


def test_an_auxiliary_time_of_the_measurement_before_does_not_date_the_new_one() -> None:
    bed = Bed()
    for _ in range(4):
        bed.hear(120, OLD)
        bed.tell(TIME - 900)
    assert bed.hear(130, YOUNG) == (0.0, Validity.VALID)
    bed.tell(TIME - 900)
    assert bed.hear(130, YOUNG) == (5.0, Validity.VALID)
    for _ in range(2):
        bed.tell(TIME + 20)
        age_s, _ = bed.hear(130, YOUNG)
    assert (age_s, bed.now_s) == (20.0, 40.0)
    assert bed.hear(130, YOUNG) == (25.0, Validity.VALID)


def test_the_time_of_a_measurement_that_failed_or_is_not_shown_yet_does_not_make_the_old_one_young() -> None:
    bed = Bed()
    for _ in range(4):
        bed.hear(120, OLD)
        bed.tell(TIME - 900)
    assert bed.hear(120, OLD) == (925.0, Validity.VALID)
    for number_of_round in range(20):
        bed.tell(TIME + 24)
        assert bed.hear(120, OLD) == (930.0 + 5 * number_of_round, Validity.VALID)
    assert bed.hear(130, YOUNG) == (0.0, Validity.VALID)


def test_without_the_old_label_the_older_witness_counts() -> None:
    """A monitor whose label never says old: its time tells the age."""
    bed = Bed()
    for _ in range(2):
        bed.hear(120, YOUNG)
        bed.tell(TIME - 1200)
    assert bed.hear(120, YOUNG) == (1215.0, Validity.VALID)
