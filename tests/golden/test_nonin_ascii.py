"""The driver of Nonin's ASCII output against a transcript made by hand; see nonin-ascii/README.md."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.model import Observation, SessionOptions
from drivers.nonin import DRIVER
from tests.golden.oximeters import Told, lines, listen

DATA = lines("nonin-ascii/hand-made.txt")


def said(time: str, spo2: str, pulse: str) -> list[Told]:
    return [
        ("at", time),
        ("spo2", spo2, "%", "1", "valid" if spo2 else "not_available"),
        ("pulse_rate", pulse, "/min", "1", "valid" if pulse else "not_available"),
    ]


def test_every_line_says_what_was_worked_out_by_hand() -> None:
    assert listen(DRIVER, DATA) == [
        ("rejected", "unknown_line"),
        ("device", "", "Nonin", ""),
        *said("", "97", "72"),
        *said("", "97", "72"),
        *said("23:59:59", "88", "150"),
        *said("00:00:00", "100", "300"),
        *said("", "", ""),
        *said("", "96", ""),
        *[("rejected", "syntax")] * 3,
        *said("", "98", "70"),
    ]


def test_the_marks_behind_the_numbers_stand_as_notes() -> None:
    session = DRIVER.session(SessionOptions("bed-3"))
    session.start(0.0)
    notes = [one.readings[0].note for one in session.feed(DATA, 1.0) if isinstance(one, Observation)]
    assert notes[:4] == ["", "fast response", "event marked", "fast response; event marked; breath"]


@given(places=st.lists(st.integers(0, len(DATA)), max_size=40))
def test_any_cut_says_the_same(places: list[int]) -> None:
    assert listen(DRIVER, DATA, places) == listen(DRIVER, DATA)
