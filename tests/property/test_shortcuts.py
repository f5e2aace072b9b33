"""What is skipped because it would change nothing: the core tells the same as if nothing were skipped."""

from dataclasses import replace
from itertools import product
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import DeviceIdentified
from edge.core.alarms import Register
from edge.core.engine import Core
from edge.core.identity import COUNTS, Identity
from tests.core_world import CONFIG, START_S, World, instant, monitor, order, place, pump
from tests.property.test_core import Turn, days

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
        with patch.object(Register, "stays", return_value=False):
            assert whole.step(instant(turn.now_s), turn.inputs) == told
    assert short.snapshot() == whole.snapshot()


def test_what_counts_is_what_its_state_says() -> None:
    told = DeviceIdentified("rack", "11", START_S, "A", "Perfusor")
    tellings = (None, told, replace(told, serial_number=""))
    for known, confirmed, one, why in product(("", "A", "B"), ("", "A"), tellings, ("", "it must be B")):
        identity = Identity(known=known, confirmed=confirmed, told=one, why=why)
        assert identity.counts is (identity.state in COUNTS)
