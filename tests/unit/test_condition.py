"""The condition machine, row by row of its table (SM-A1 to SM-A17), and at its edges."""

from dataclasses import dataclass, replace

import pytest

from edge.core.condition import Band, Condition, ConditionState, Judgement, Transition
from edge.core.model import Priority

C0, C1, C2, C3, C4, C5, C6 = ConditionState
START, UPDATE, ESCALATE, DEESCALATE, END = Transition

SOFT = Band("soft", Priority.MEDIUM, 20.0, 2)
HARD = Band("hard", Priority.HIGH, 10.0, 2)
BYPASS = Band("bypass", Priority.HIGH, 0.0, 2)
BANDS = (SOFT, HARD, BYPASS)
CLEAR_S = 10.0

INSIDE, SOFT_HELD, SOFT_BEYOND = (-1, -1), (-1, 0), (0, 0)
HARD_HELD, HARD_BEYOND, BYPASS_BEYOND = (0, 1), (1, 1), (2, 2)
SOFT_GONE_HARD_HELD = (-1, 1)
UNKNOWN = None
DISABLE = "disable"


@dataclass(frozen=True)
class At:
    """At a time the machine is shown something: what it tells, and in which state and band it is then."""

    t: float
    seen: tuple[int, int] | str | None
    told: Transition | None
    state: ConditionState
    band: int = -1


def play(*script: At) -> Condition:
    condition = Condition()
    for number, at in enumerate(script):
        if at.seen == DISABLE:
            told = condition.disable()
        else:
            judged = None if at.seen is None else Judgement(int(at.seen[0]), int(at.seen[1]), at.t)
            told = condition.judge(at.t, judged, BANDS, CLEAR_S)
        shown = (number, told, condition.state, condition.band)
        assert shown == (number, at.told, at.state, at.band)
    return condition


PRESENT_SOFT = (At(0, SOFT_BEYOND, None, C2), At(20, SOFT_BEYOND, START, C3, 0))
PRESENT_HARD = (At(0, HARD_BEYOND, None, C2), At(10, HARD_BEYOND, START, C3, 1))

TABLE = {
    "SM-A1": (At(0, INSIDE, None, C1), At(1, SOFT_BEYOND, None, C2)),
    "SM-A2": (At(0, SOFT_BEYOND, None, C2), At(19, INSIDE, None, C1)),
    "SM-A2, no hysteresis before the onset": (At(0, SOFT_BEYOND, None, C2), At(19, SOFT_HELD, None, C1)),
    "SM-A2, the delay begins anew": (
        At(0, SOFT_BEYOND, None, C2),
        At(19, INSIDE, None, C1),
        At(20, SOFT_BEYOND, None, C2),
        At(39, SOFT_BEYOND, None, C2),
        At(40, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A3, a moment before": (At(0, SOFT_BEYOND, None, C2), At(19.999, SOFT_BEYOND, None, C2)),
    "SM-A3, at the moment": PRESENT_SOFT,
    "SM-A3, the worse band's own delay is shorter": PRESENT_HARD,
    "SM-A3, time beyond a worse band counts for a milder one": (
        At(0, HARD_BEYOND, None, C2),
        At(9, SOFT_BEYOND, None, C2),
        At(18, HARD_BEYOND, None, C2),
        At(20, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A4 from C1": (At(0, INSIDE, None, C1), At(1, BYPASS_BEYOND, START, C3, 2)),
    "SM-A4 from C2": (At(0, SOFT_BEYOND, None, C2), At(1, BYPASS_BEYOND, START, C3, 2)),
    "SM-A4 from C5": (At(0, UNKNOWN, None, C5), At(1, BYPASS_BEYOND, START, C3, 2)),
    "SM-A5": (*PRESENT_SOFT, At(21, INSIDE, None, C4, 0)),
    "SM-A5 not while held by hysteresis": (
        *PRESENT_SOFT,
        At(21, SOFT_HELD, None, C3, 0),
        At(99, SOFT_HELD, None, C3, 0),
    ),
    "SM-A6": (*PRESENT_SOFT, At(21, INSIDE, None, C4, 0), At(25, SOFT_HELD, None, C3, 0)),
    "SM-A6, the off-delay begins anew": (
        *PRESENT_SOFT,
        At(21, INSIDE, None, C4, 0),
        At(30, SOFT_BEYOND, None, C3, 0),
        At(31, INSIDE, None, C4, 0),
        At(40.9, INSIDE, None, C4, 0),
        At(41, INSIDE, END, C1),
    ),
    "SM-A7, a moment before": (*PRESENT_SOFT, At(21, INSIDE, None, C4, 0), At(30.999, INSIDE, None, C4, 0)),
    "SM-A7, at the moment": (*PRESENT_SOFT, At(21, INSIDE, None, C4, 0), At(31, INSIDE, END, C1)),
    "SM-A8 from C1": (At(0, INSIDE, None, C1), At(1, UNKNOWN, None, C5)),
    "SM-A8 from C2, the delay goes on over 10 s of unknown": (
        At(0, SOFT_BEYOND, None, C2),
        At(9, UNKNOWN, None, C5),
        At(19, SOFT_BEYOND, None, C2),
        At(20, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A8 from C2, beyond 10 s it begins anew": (
        At(0, SOFT_BEYOND, None, C2),
        At(8.75, UNKNOWN, None, C5),
        At(19, SOFT_BEYOND, None, C2),
        At(38.9, SOFT_BEYOND, None, C2),
        At(39, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A8 from C2, the 10 s count from when it became unknown": (
        At(0, SOFT_BEYOND, None, C2),
        At(5, UNKNOWN, None, C5),
        At(10, UNKNOWN, None, C5),
        At(15.5, SOFT_BEYOND, None, C2),
        At(35, SOFT_BEYOND, None, C2),
        At(35.5, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A8 from C2, each gap has its own 10 s": (
        At(0, SOFT_BEYOND, None, C2),
        At(1, UNKNOWN, None, C5),
        At(10, SOFT_BEYOND, None, C2),
        At(11, UNKNOWN, None, C5),
        At(20, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A8 from C2, no delay ends in the unknown": (
        At(0, SOFT_BEYOND, None, C2),
        At(15, UNKNOWN, None, C5),
        At(20, UNKNOWN, None, C5),
        At(24, UNKNOWN, None, C5),
        At(25, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A8 from C2, known inside ends the delay": (
        At(0, SOFT_BEYOND, None, C2),
        At(5, UNKNOWN, None, C5),
        At(8, INSIDE, None, C1),
        At(9, UNKNOWN, None, C5),
        At(12, SOFT_BEYOND, None, C2),
        At(31.9, SOFT_BEYOND, None, C2),
        At(32, SOFT_BEYOND, START, C3, 0),
    ),
    "SM-A8 from C2, inside the worse band ends its delay alone": (
        At(0, HARD_BEYOND, None, C2),
        At(5, UNKNOWN, None, C5),
        At(8, SOFT_BEYOND, None, C2),
        At(9, HARD_BEYOND, None, C2),
        At(18.9, HARD_BEYOND, None, C2),
        At(19, HARD_BEYOND, START, C3, 1),
        At(29, HARD_BEYOND, None, C3, 1),
    ),
    "SM-A9, a delay to a worse band goes on over 10 s of unknown": (
        *PRESENT_SOFT,
        At(21, HARD_BEYOND, None, C3, 0),
        At(22, UNKNOWN, UPDATE, C6, 0),
        At(31, UNKNOWN, None, C6, 0),
        At(32, HARD_BEYOND, ESCALATE, C3, 1),
    ),
    "SM-A9, beyond 10 s it begins anew": (
        *PRESENT_SOFT,
        At(21, HARD_BEYOND, None, C3, 0),
        At(22, UNKNOWN, UPDATE, C6, 0),
        At(32.5, HARD_BEYOND, UPDATE, C3, 0),
        At(42.4, HARD_BEYOND, None, C3, 0),
        At(42.5, HARD_BEYOND, ESCALATE, C3, 1),
    ),
    "SM-A9 from C3": (*PRESENT_SOFT, At(21, UNKNOWN, UPDATE, C6, 0), At(9999, UNKNOWN, None, C6, 0)),
    "SM-A9 from C4": (
        *PRESENT_SOFT,
        At(21, INSIDE, None, C4, 0),
        At(22, UNKNOWN, UPDATE, C6, 0),
        At(99, UNKNOWN, None, C6, 0),
    ),
    "SM-A10 to C1": (At(0, UNKNOWN, None, C5), At(1, INSIDE, None, C1)),
    "SM-A10 to C2": (At(0, UNKNOWN, None, C5), At(1, SOFT_BEYOND, None, C2)),
    "SM-A11": (
        *PRESENT_SOFT,
        At(21, UNKNOWN, UPDATE, C6, 0),
        At(30, INSIDE, None, C6, 0),
        At(39.9, INSIDE, None, C6, 0),
        At(40, INSIDE, END, C1),
    ),
    "SM-A11, lost again: the off-delay begins anew": (
        *PRESENT_SOFT,
        At(21, UNKNOWN, UPDATE, C6, 0),
        At(30, INSIDE, None, C6, 0),
        At(39, UNKNOWN, None, C6, 0),
        At(40, INSIDE, None, C6, 0),
        At(49.9, INSIDE, None, C6, 0),
        At(50, INSIDE, END, C1),
    ),
    "SM-A12": (*PRESENT_SOFT, At(21, HARD_BEYOND, None, C3, 0), At(31, HARD_BEYOND, ESCALATE, C3, 1)),
    "SM-A12, at once": (*PRESENT_SOFT, At(21, BYPASS_BEYOND, ESCALATE, C3, 2)),
    "SM-A12, the worse delay ran before the onset": (
        At(0, SOFT_BEYOND, None, C2),
        At(15, HARD_BEYOND, None, C2),
        At(20, HARD_BEYOND, START, C3, 0),
        At(25, HARD_BEYOND, ESCALATE, C3, 1),
    ),
    "SM-A13": (
        *PRESENT_HARD,
        At(11, SOFT_BEYOND, None, C3, 1),
        At(20.9, SOFT_BEYOND, None, C3, 1),
        At(21, SOFT_BEYOND, DEESCALATE, C3, 0),
    ),
    "SM-A13 not while held by hysteresis": (
        *PRESENT_HARD,
        At(11, HARD_HELD, None, C3, 1),
        At(99, HARD_HELD, None, C3, 1),
    ),
    "SM-A13, beyond no band and held by the worse one": (*PRESENT_HARD, At(99, SOFT_GONE_HARD_HELD, None, C3, 1)),
    "SM-A13 then SM-A7": (
        *PRESENT_HARD,
        At(11, SOFT_BEYOND, None, C3, 1),
        At(20, INSIDE, None, C4, 1),
        At(21, INSIDE, DEESCALATE, C3, 0),
        At(30.9, INSIDE, None, C4, 0),
        At(31, INSIDE, END, C1),
    ),
    "SM-A13, from the worst to the mildest at once": (
        At(0, BYPASS_BEYOND, START, C3, 2),
        At(1, SOFT_BEYOND, None, C3, 2),
        At(11, SOFT_BEYOND, DEESCALATE, C3, 0),
    ),
    "SM-A14 from C3": (*PRESENT_SOFT, At(21, DISABLE, END, C0)),
    "SM-A14 from C4": (*PRESENT_SOFT, At(21, INSIDE, None, C4, 0), At(22, DISABLE, END, C0)),
    "SM-A14 from C6": (*PRESENT_SOFT, At(21, UNKNOWN, UPDATE, C6, 0), At(22, DISABLE, END, C0)),
    "SM-A14 from C1": (At(0, INSIDE, None, C1), At(1, DISABLE, None, C0)),
    "SM-A14 from C2": (At(0, SOFT_BEYOND, None, C2), At(1, DISABLE, None, C0)),
    "SM-A14 from C5": (At(0, UNKNOWN, None, C5), At(1, DISABLE, None, C0)),
    "SM-A15, update": (*PRESENT_SOFT, At(21, UNKNOWN, UPDATE, C6, 0), At(30, SOFT_HELD, UPDATE, C3, 0)),
    "SM-A15, escalate": (*PRESENT_SOFT, At(21, UNKNOWN, UPDATE, C6, 0), At(30, BYPASS_BEYOND, ESCALATE, C3, 2)),
    "SM-A15, known again in a milder band": (
        *PRESENT_HARD,
        At(11, UNKNOWN, UPDATE, C6, 1),
        At(30, SOFT_BEYOND, UPDATE, C3, 1),
        At(40, SOFT_BEYOND, DEESCALATE, C3, 0),
    ),
    "SM-A16": (*PRESENT_SOFT, At(21, INSIDE, None, C4, 0), At(22, BYPASS_BEYOND, ESCALATE, C3, 2)),
    "SM-A17": (At(0, DISABLE, None, C0), At(1, INSIDE, None, C1)),
    "SM-A17, level and not edge": (*PRESENT_SOFT, At(21, DISABLE, END, C0), At(22, SOFT_BEYOND, None, C2)),
}


@pytest.mark.parametrize("script", TABLE.values(), ids=TABLE)
def test_row(script: tuple[At, ...]) -> None:
    play(*script)


@pytest.mark.parametrize(("samples", "present"), [(1, False), (2, True), (3, True)])
def test_a_stream_needs_so_many_samples_within_the_delay(samples: int, present: bool) -> None:
    condition = Condition()
    for sample in range(samples):
        condition.judge(float(sample), Judgement(0, 0, float(sample)), BANDS, CLEAR_S)
    condition.judge(20.0, Judgement(0, 0, float(samples - 1)), BANDS, CLEAR_S)
    assert condition.present is present


def test_a_sample_that_is_judged_again_is_one_sample() -> None:
    condition = Condition()
    for t in range(100):
        assert condition.judge(float(t), Judgement(0, 0, 0.0), BANDS, CLEAR_S) is None
    assert condition.state is C2
    assert condition.judge(100.0, Judgement(0, 0, 100.0), BANDS, CLEAR_S) is START


def test_samples_before_a_return_inside_do_not_count() -> None:
    condition = Condition()
    for t, beyond in ((0.0, 0), (1.0, 0), (2.0, -1), (3.0, 0)):
        condition.judge(t, Judgement(beyond, beyond, t), BANDS, CLEAR_S)
    assert condition.judge(23.0, Judgement(0, 0, 3.0), BANDS, CLEAR_S) is None
    assert condition.judge(24.0, Judgement(0, 0, 24.0), BANDS, CLEAR_S) is START


def test_one_cuff_pressure_is_enough() -> None:
    bands = (Band("soft", Priority.MEDIUM, 0.0, 1),)
    assert Condition().judge(0.0, Judgement(0, 0, 0.0), bands, 0.0) is START


def test_a_short_spell_of_relief_does_not_lower_the_band_that_it_falls_back_to() -> None:
    """While the off-delay ran the value was once held by the hard band's neighbour: that one is fallen back to."""
    condition = play(At(0, BYPASS_BEYOND, START, C3, 2))
    condition.judge(1.0, Judgement(-1, -1, 1.0), BANDS, CLEAR_S)
    condition.judge(5.0, Judgement(1, 1, 5.0), BANDS, CLEAR_S)
    condition.judge(6.0, Judgement(-1, -1, 6.0), BANDS, CLEAR_S)
    assert condition.judge(11.0, Judgement(-1, -1, 11.0), BANDS, CLEAR_S) is DEESCALATE
    assert condition.band == 1
    assert condition.judge(21.0, Judgement(-1, -1, 21.0), BANDS, CLEAR_S) is END


@pytest.mark.parametrize("band", [0, 1, 2])
def test_restored_it_is_present_and_not_verifiable_until_input_says_otherwise(band: int) -> None:
    condition = Condition()
    condition.restore(band)
    assert (condition.present, condition.verifiable, condition.band) == (True, False, band)
    assert condition.deadline_s(BANDS, CLEAR_S) is None
    assert condition.judge(0.0, None, BANDS, CLEAR_S) is None
    assert condition.judge(1.0, Judgement(band, band, 1.0), BANDS, CLEAR_S) in (UPDATE, ESCALATE)
    assert (condition.present, condition.verifiable) == (True, True)


@pytest.mark.parametrize("t0", [0.1, 0.7, 1000.1, 123456.789, 98765.4321])
@pytest.mark.parametrize("delay_s", [0.1, 0.3, 10.0, 20.1])
def test_what_is_due_at_its_deadline_is_done_at_its_deadline(t0: float, delay_s: float) -> None:
    """Else a loop that wakes at the deadline turns on the spot."""
    bands = (Band("soft", Priority.MEDIUM, delay_s, 1),)
    condition = Condition()
    condition.judge(t0, Judgement(0, 0, t0), bands, delay_s)
    due_s = condition.deadline_s(bands, delay_s)
    assert due_s is not None
    assert condition.judge(due_s, Judgement(0, 0, t0), bands, delay_s) is START
    condition.judge(due_s, Judgement(-1, -1, due_s), bands, delay_s)
    due_s = condition.deadline_s(bands, delay_s)
    assert due_s is not None
    assert condition.judge(due_s, Judgement(-1, -1, due_s), bands, delay_s) is END
    assert condition.deadline_s(bands, delay_s) is None


def test_the_deadline_is_the_nearest_of_all_that_run() -> None:
    condition = play(*PRESENT_SOFT)
    assert condition.deadline_s(BANDS, CLEAR_S) is None
    condition.judge(21.0, Judgement(1, 1, 21.0), BANDS, CLEAR_S)
    condition.judge(22.0, Judgement(1, 1, 22.0), BANDS, CLEAR_S)
    assert condition.deadline_s(BANDS, CLEAR_S) == 31.0
    condition.judge(23.0, Judgement(-1, -1, 23.0), BANDS, CLEAR_S)
    assert condition.deadline_s(BANDS, CLEAR_S) == 33.0


def test_in_the_unknown_nothing_is_due_and_what_is_known_again_is_due_at_its_time() -> None:
    """Else a loop that wakes at the deadline of a delay that cannot end turns on the spot."""
    condition = play(At(0, SOFT_BEYOND, None, C2), At(1, SOFT_BEYOND, None, C2), At(15, UNKNOWN, None, C5))
    assert condition.deadline_s(BANDS, CLEAR_S) is None
    condition.judge(19.0, Judgement(0, 0, 19.0), BANDS, CLEAR_S)
    assert condition.deadline_s(BANDS, CLEAR_S) == 20.0
    condition.judge(19.5, None, BANDS, CLEAR_S)
    for t in (20.0, 25.0, 30.0):
        assert condition.judge(t, None, BANDS, CLEAR_S) is None
        assert condition.deadline_s(BANDS, CLEAR_S) is None


@pytest.mark.parametrize("beyond", [HARD_BEYOND, SOFT_BEYOND])
@pytest.mark.parametrize("present", [False, True])
def test_a_sensor_that_comes_and_goes_hides_nothing(beyond: tuple[int, int], present: bool) -> None:
    """Every other second there is no value: the alarm comes with the first value after its delay."""
    condition = play(*PRESENT_SOFT) if present else Condition()
    bands = BANDS if present else (SOFT, replace(HARD, samples_min=6), BYPASS)
    told = []
    for t in range(100, 131):
        seen = Judgement(*beyond, float(t)) if t % 2 else None
        transition = condition.judge(float(t), seen, bands, CLEAR_S)
        if transition in (START, ESCALATE):
            told.append((t, transition, condition.band))
        if seen is None:
            assert condition.deadline_s(bands, CLEAR_S) is None
    hard = beyond == HARD_BEYOND
    delay_s = 10 if hard else 20
    expected = [(101 + delay_s, ESCALATE if present else START, int(hard))]
    assert told == ([] if present and not hard else expected)


def test_without_enough_samples_only_a_sample_can_make_it_present() -> None:
    condition = Condition()
    condition.judge(0.0, Judgement(0, 0, 0.0), BANDS, CLEAR_S)
    assert condition.deadline_s(BANDS, CLEAR_S) is None


def test_a_clock_that_stands_still_or_a_moment_back_ends_no_delay() -> None:
    condition = play(At(10, SOFT_BEYOND, None, C2))
    for t in (10.0, 9.9, 10.0):
        assert condition.judge(t, Judgement(0, 0, t), BANDS, CLEAR_S) is None
    assert condition.state is C2
