"""What is skipped because it would change nothing: the core tells the same as if nothing were skipped."""

from dataclasses import replace
from itertools import product
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import DeviceIdentified, Quantity, Validity
from edge.core.alarms import Register
from edge.core.condition import INSIDE
from edge.core.engine import Core
from edge.core.identity import COUNTS, Identity
from edge.core.limits import is_inside, judge_limit
from edge.core.model import Priority, Side
from tests.core_world import CONFIG, START_S, World, band, instant, limit, monitor, order, place, pump, value_of
from tests.property.test_core import Turn, days

NUMBERS = st.decimals(-5, 5, places=1, allow_nan=False, allow_infinity=False)
READINGS = st.sampled_from([None, "bad", 79, 80, 91, 92, 98, 119, 120, 121, 139, 140, 141])


@settings(max_examples=30, deadline=None)
@given(days())
def test_a_day_judged_with_the_shortcut_tells_the_same(day: list[Turn]) -> None:
    _tell_the_same(day)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1.0, 4.0, 11.0]), READINGS, READINGS, st.booleans()), max_size=30))
def test_vital_signs_about_their_limits_judged_with_the_shortcut_tell_the_same(
    said: list[tuple[float, object, object, bool]],
) -> None:
    now_s = START_S
    day = [Turn(now_s, (place(now_s, order()), pump(now_s)))]
    for wait_s, heart_rate, spo2, twice in said:
        now_s += wait_s
        inputs = [monitor(now_s - 0.5, spo2=heart_rate)] if twice else []
        day.append(Turn(now_s, (*inputs, monitor(now_s, heart_rate=heart_rate, spo2=spo2), pump(now_s))))
    _tell_the_same(day)


def _tell_the_same(day: list[Turn]) -> None:
    begun = World().core.snapshot()
    short, whole = Core(CONFIG, begun), Core(CONFIG, begun)
    for turn in day:
        told = short.step(instant(turn.now_s), turn.inputs)
        with patch.object(Register, "is_normal", return_value=False):
            assert whole.step(instant(turn.now_s), turn.inputs) == told
    assert short.snapshot() == whole.snapshot()


@given(
    st.sampled_from(Side),
    st.lists(NUMBERS, min_size=1, max_size=3),
    st.none() | NUMBERS,
    st.sampled_from(Validity),
    st.sampled_from(["0", "0.1", "1", "2"]),
)
def test_inside_is_where_the_whole_judgement_says_so(
    side: Side, bands: list[object], number: object, validity: Validity, resolution: str
) -> None:
    rows = [band(str(index), str(value), Priority.LOW, 0) for index, value in enumerate(bands)]
    judged_by = limit("HR_HIGH", Quantity.HEART_RATE, side, *rows, hysteresis="1", clear_s=0)
    value = value_of(Quantity.HEART_RATE, number, validity, resolution)
    judged = judge_limit(judged_by, value)
    assert is_inside(judged_by, value) is (judged is not None and judged.beyond == INSIDE)


def test_what_counts_is_what_its_state_says() -> None:
    told = DeviceIdentified("rack", "11", START_S, "A", "Perfusor")
    tellings = (None, told, replace(told, serial_number=""))
    for known, confirmed, one, why in product(("", "A", "B"), ("", "A"), tellings, ("", "it must be B")):
        identity = Identity(known=known, confirmed=confirmed, told=one, why=why)
        assert identity.counts is (identity.state in COUNTS)
