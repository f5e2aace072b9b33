"""The Masimo driver against a line of a real Rad-8 and a transcript made by hand; see masimo-ascii/README.md."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.masimo_ascii import DRIVER
from tests.golden.oximeters import Told, lines, listen

REAL = lines("masimo-ascii/real.txt")
HAND_MADE = lines("masimo-ascii/hand-made.txt")


def said(time: str, spo2: str, pulse: str, validity: str) -> list[Told]:
    return [
        ("at", f"02/24/18 {time}"),
        ("spo2", spo2, "%", "1", validity),
        ("pulse_rate", pulse, "/min", "1", validity),
    ]


def test_the_line_of_a_real_rad_8() -> None:
    assert len(REAL) == 127
    assert listen(DRIVER, REAL) == [
        ("device", "0000145838", "Masimo", ""),
        ("alarms",),
        *said("04:48:53", "97", "80", "valid"),
    ]


def test_the_transcript_made_by_hand() -> None:
    assert listen(DRIVER, HAND_MADE) == [
        ("rejected", "syntax"),
        ("device", "0000145838", "Masimo", ""),
        ("alarms", "vital_sign ALARM.02"),
        *said("04:48:54", "86", "81", "valid"),
        ("alarms", "advisory EXC.04", "vital_sign ALARM.02"),
        *said("04:48:55", "86", "81", "questionable"),
        ("alarms", "sensor_off EXC.20"),
        *said("04:48:56", "", "", "not_available"),
        *said("04:48:57", "", "", "not_available"),
        ("alarms", "advisory EXC.400"),
        *said("04:48:58", "98", "123", "questionable"),
        ("alarms", "unknown EXC.100"),
        *said("04:48:59", "98", "123", "questionable"),
    ]


@given(places=st.lists(st.integers(0, len(HAND_MADE)), max_size=40))
def test_any_cut_says_the_same(places: list[int]) -> None:
    assert listen(DRIVER, HAND_MADE, places) == listen(DRIVER, HAND_MADE)
