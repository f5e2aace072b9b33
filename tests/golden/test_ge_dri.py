"""The DRI driver against its transcript and its allow-list (``ge-dri/README.md``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.ge_dri import DriSession
from drivers.ge_dri_frame import LEVELS, Ask, Request
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    Observation,
    Output,
    Send,
    SessionOptions,
)

FOLDER = Path(__file__).parent / "ge-dri"
Row = tuple[str, str | None, str, str, str, str, str, float | None]

# Quantity, value, unit, resolution, validity, origin, note, seconds since it was measured.
RECORD_7: list[Row] = [
    ("heart_rate", "126", "/min", "1", "valid", "ECG-II", "", None),
    ("spo2", "97.00", "%", "1", "valid", "SpO2", "", None),
    ("pulse_rate", "126", "/min", "1", "valid", "pleth", "", None),
    ("respiratory_rate", "16", "/min", "1", "valid", "CO2", "", None),
    ("etco2", "38.91200", "mm[Hg]", "1", "valid", "CO2", "", None),
    *(
        (quantity, value, unit, "1", "questionable", "adult cuff", "measured at an unknown time; automatic", 60.0)
        for quantity, value, unit in (
            ("nibp_sys", "125.00", "mm[Hg]"),
            ("nibp_dia", "73.00", "mm[Hg]"),
            ("nibp_mean", "91.00", "mm[Hg]"),
            ("nibp_pulse_rate", "125", "/min"),
        )
    ),
    ("ibp1_sys", "131.50", "mm[Hg]", "1", "valid", "ART", "", None),
    ("ibp1_dia", "72.00", "mm[Hg]", "1", "valid", "ART", "", None),
    ("ibp1_mean", "91.00", "mm[Hg]", "1", "valid", "ART", "", None),
    ("ibp2_sys", None, "mm[Hg]", "1", "not_available", "P2", "no value", None),
    ("ibp2_dia", None, "mm[Hg]", "1", "not_available", "P2", "no value", None),
    ("ibp2_mean", "9.00", "mm[Hg]", "1", "valid", "P2", "", None),
    ("temperature_1", "36.90", "Cel", "0.1", "valid", "T1", "", None),
    ("temperature_2", None, "Cel", "0.1", "not_available", "T2", "no value", None),
]


def lines_of(name: str) -> list[str]:
    texts = (line.partition("#")[0].strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines())
    return [text for text in texts if text]


def allowed() -> frozenset[bytes]:
    return frozenset(bytes.fromhex(text) for text in lines_of("allowed.txt"))


def replay(size: int) -> list[Output]:
    """Play the transcript in pieces of this size: the driver says each of its lines, and nothing else."""
    session = DriSession(SessionOptions("bed-3"))
    now_s = 0.0
    made = list(session.start(now_s))
    said = [output.data for output in made if isinstance(output, Send)]
    for line in lines_of("one-monitor.txt"):
        direction, _, text = line.partition(" ")
        if direction == "@":
            now_s = float(text)
            continue
        wire = bytes.fromhex(text)
        more: list[Output] = []
        if direction == "<":
            assert said == []
            for start in range(0, len(wire), size):
                more.extend(session.feed(wire[start : start + size], now_s))
        elif not said:
            assert session.deadline_s is not None
            now_s = session.deadline_s
            more.extend(session.tick(now_s))
        made.extend(more)
        said.extend(output.data for output in more if isinstance(output, Send))
        if direction == ">":
            assert said.pop(0) == wire
    assert said == []
    return [output for output in made if not isinstance(output, Send)]


def rows(seen: Observation) -> list[Row]:
    return [
        (
            r.quantity,
            None if r.value is None else str(r.value),
            r.unit,
            str(r.resolution),
            r.validity,
            r.origin,
            r.note,
            r.measured_s_ago,
        )
        for r in seen.readings
    ]


def dated(row: Row, age_s: float, validity: str, note: str) -> Row:
    quantity, value, unit, resolution, *_ = row
    return quantity, value, unit, resolution, validity, "adult cuff", note, age_s


@pytest.mark.parametrize("size", [1, 50, 1000])
def test_the_transcript_says_what_was_worked_out_by_hand(size: int) -> None:
    made = replay(size)
    assert [type(output) for output in made] == [
        DeviceIdentified,
        AlarmSetChanged,
        Observation,
        AlarmSetChanged,
        Observation,
        AlarmSetChanged,
        AlarmSetChanged,
        Observation,
    ]
    seven, eight, nine = (output for output in made if isinstance(output, Observation))
    assert (seven.device_time, eight.device_time, nine.device_time) == ("1700000000", "1700000005", "1700000010")
    assert rows(seven) == RECORD_7
    cuff = slice(5, 9)
    expected = list(RECORD_7)
    expected[cuff] = [
        dated(row, 65.0, "questionable", "measured at an unknown time; automatic") for row in RECORD_7[cuff]
    ]
    assert rows(eight) == expected
    expected[cuff] = [dated(row, 310.0, "valid", "automatic") for row in RECORD_7[cuff]]
    expected[0] = ("heart_rate", "0", "/min", "1", "valid", "ECG-II", "", None)
    expected[1] = ("spo2", None, "%", "1", "not_available", "SpO2", "no value", None)
    assert rows(nine) == expected


def test_the_alarms_of_the_transcript() -> None:
    assert [output.alarms for output in replay(1000) if isinstance(output, AlarmSetChanged)] == [
        (),
        (DeviceAlarm(DeviceAlarmKind.UNKNOWN, "yellow: HR HIGH", "HR HIGH"),),
        (),
        (DeviceAlarm(DeviceAlarmKind.LIFE_THREATENING, "ECG.2", "asystole"),),
    ]


def test_the_allow_list_is_all_that_can_be_sent() -> None:
    """Every question at every level: the whole grammar."""
    assert {Request(ask, level).encode() for ask in Ask for level in LEVELS} == allowed()
    assert len(allowed()) == 6 * 6


def test_no_level_outside_the_grammar_can_be_asked_under() -> None:
    for level in set(range(-1, 300)) - set(LEVELS):
        with pytest.raises(ValueError, match="no level"):
            Request(Ask.VALUES_STOP, level)
