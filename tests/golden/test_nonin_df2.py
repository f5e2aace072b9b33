"""The driver of Nonin's Data Format 2 against a transcript around witnessed frames; see nonin-df2/README.md."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.nonin_df2 import DRIVER
from tests.golden.oximeters import HERE, Told, listen


def transcript() -> bytes:
    text = (HERE / "nonin-df2/transcript.txt").read_text(encoding="utf-8")
    return bytes.fromhex(" ".join(line.partition("#")[0] for line in text.splitlines()))


DATA = transcript()


def said(spo2: str, pulse: str, validity: str) -> list[Told]:
    return [
        ("at", ""),
        ("spo2", spo2, "%", "1", validity),
        ("pulse_rate", pulse, "/min", "1", validity),
    ]


def test_every_packet_says_what_was_worked_out_by_hand() -> None:
    assert len(DATA) == 2 * 5 + 4 * 125
    assert listen(DRIVER, DATA) == [
        ("device", "", "Nonin OEM III", "5"),
        ("alarms",),
        *said("97", "72", "valid"),
        *said("88", "150", "questionable"),
        ("rejected", "checksum"),
        ("alarms", "battery_low STAT2.01", "sensor_off STATUS.40"),
        *said("", "", "not_available"),
    ]


@given(places=st.lists(st.integers(0, len(DATA)), max_size=40))
def test_any_cut_says_the_same(places: list[int]) -> None:
    assert listen(DRIVER, DATA, places) == listen(DRIVER, DATA)
