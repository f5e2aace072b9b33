"""The Nellcor driver against lines of a real N-560 and a transcript made by hand; see nellcor-ascii/README.md."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.nellcor_ascii import DRIVER
from tests.golden.oximeters import Told, lines, listen

REAL = lines("nellcor-ascii/real.txt")
HAND_MADE = lines("nellcor-ascii/hand-made.txt")


def said(time: str, spo2: str, pulse: str, validity: str) -> list[Told]:
    return [
        ("at", time),
        ("spo2", spo2, "%", "1", validity),
        ("pulse_rate", pulse, "/min", "1", validity),
    ]


def test_the_lines_of_a_real_n_560() -> None:
    assert listen(DRIVER, REAL) == [
        ("device", "", "Nellcor", ""),
        ("alarms", "advisory AO"),
        *said("07-Jan-04 11:24:50", "100", "105", "valid"),
        ("alarms", "advisory AO", "advisory MO"),
        *said("07-Jan-04 11:24:54", "100", "102", "questionable"),
    ]


def test_the_transcript_made_by_hand() -> None:
    assert listen(DRIVER, HAND_MADE) == [
        ("device", "", "Nellcor N-560", "1.61.00"),
        ("alarms", "advisory AO"),
        *said("07-Jan-04 11:24:50", "100", "105", "valid"),
        ("alarms", "battery_low LB", "vital_sign PH", "vital_sign SL"),
        *said("07-Jan-04 11:24:52", "92", "155", "valid"),
        ("alarms", "advisory PS"),
        *said("07-JAN-04 11:24:54", "92", "105", "questionable"),
        ("alarms", "sensor_off SO"),
        *said("07-Jan-04 11:24:56", "", "", "not_available"),
        ("alarms", "life_threatening LP"),
        *said("07-Jan-04 11:24:58", "", "", "invalid"),
        ("rejected", "syntax"),
        ("alarms",),
        *said("07-Jan-04 11:25:02", "98", "101", "valid"),
    ]


@given(places=st.lists(st.integers(0, len(HAND_MADE)), max_size=40))
def test_any_cut_says_the_same(places: list[int]) -> None:
    assert listen(DRIVER, HAND_MADE, places) == listen(DRIVER, HAND_MADE)
