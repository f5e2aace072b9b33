"""The 450C driver against what a real monitor sent, and against a transcript made by hand; see ivy-450c/README.md."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ivy_450c import IvySession
from drivers.model import (
    AlarmSetChanged,
    DeviceIdentified,
    Observation,
    Output,
    Rejected,
    SessionOptions,
)

HERE = Path(__file__).parent / "ivy-450c"

# Each whole message of the capture: HR, its lead, RR, its note, SpO2, pulse rate, NIBP sys, dia, mean, pulse, P1 sys,
# dia, mean. EtCO2, T1 and T2 are empty in all of them, P2 says NO TRANSDUCER, and no alarm field is filled.
CAPTURE = """
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 110 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 110 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 110 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 110 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 110 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
80 ECG-II-DIAG 35 APNEA:_20_SEC 100 80 121 75 92 80 111 73 88
"""

# The last 252 bytes of a message whose start was not heard begin like this.
CAPTURE_STARTS = b"IIPYahlmoolifbaadd`\\YVSRPNNMLKJIJJJIIIIIU^ekmnnnk" + b"\xfb" * 15

Row = tuple[str, str | None, str, str, str, str, str]


def expected_rows(line: str) -> list[Row]:
    hr, lead, rr, rr_note, spo2, pulse, n_sys, n_dia, n_mean, n_pulse, p_sys, p_dia, p_mean = line.split()
    told = [
        ("heart_rate", hr, "/min", lead, ""),
        ("respiratory_rate", rr, "/min", "impedance", rr_note.replace("_", " ")),
        ("etco2", None, "mm[Hg]", "", ""),
        ("spo2", spo2, "%", "SPO2", ""),
        ("pulse_rate", pulse, "/min", "SPO2", ""),
        ("nibp_sys", n_sys, "mm[Hg]", "", ""),
        ("nibp_dia", n_dia, "mm[Hg]", "", ""),
        ("nibp_mean", n_mean, "mm[Hg]", "", ""),
        ("nibp_pulse_rate", n_pulse, "/min", "", ""),
        ("ibp1_sys", p_sys, "mm[Hg]", "", ""),
        ("ibp1_dia", p_dia, "mm[Hg]", "", ""),
        ("ibp1_mean", p_mean, "mm[Hg]", "", ""),
        ("ibp2_sys", None, "mm[Hg]", "", "NO TRANSDUCER"),
        ("ibp2_dia", None, "mm[Hg]", "", "NO TRANSDUCER"),
        ("ibp2_mean", None, "mm[Hg]", "", "NO TRANSDUCER"),
        ("temperature_1", None, "Cel", "", ""),
        ("temperature_2", None, "Cel", "", ""),
    ]
    return [
        (quantity, value, unit, "1", "not_available" if value is None else "valid", origin, note)
        for quantity, value, unit, origin, note in told
    ]


def rows(observation: Observation) -> list[Row]:
    return [
        (r.quantity, None if r.value is None else str(r.value), r.unit, str(r.resolution), r.validity, r.origin, r.note)
        for r in observation.readings
    ]


def listen(pieces: list[bytes]) -> list[Output]:
    """Feed the pieces at one moment, so that outputs of different cuts compare."""
    session = IvySession(SessionOptions(port="bed-3"))
    outputs: list[Output] = list(session.start(7.0))
    for piece in pieces:
        outputs.extend(session.feed(piece, 7.0))
    return outputs


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.fixture(scope="session")
def capture(shared_data: Path) -> bytes:
    data = (shared_data / "ivy-450c-capture.bin").read_bytes()
    assert len(data) == 15_426
    return data


@pytest.fixture(scope="session")
def hand_made() -> bytes:
    data = (HERE / "hand-made.bin").read_bytes()
    assert len(data) == 2_467
    return data


def test_every_message_of_the_real_capture_is_decoded_value_by_value(capture: bytes) -> None:
    outputs = listen([capture])
    assert outputs[:3] == [
        Rejected("noise", CAPTURE_STARTS),
        DeviceIdentified("bed-3", "0", 7.0, serial_number="", model="Ivy 450C"),
        AlarmSetChanged("bed-3", "0", 7.0, ()),
    ]
    observations = outputs[3:]
    expected = CAPTURE.split("\n")[1:-1]
    assert len(expected) == 27
    assert len(observations) == 27
    for number, (observation, line) in enumerate(zip(observations, expected, strict=True)):
        assert isinstance(observation, Observation), number
        assert (observation.port, observation.channel, observation.received_at_s) == ("bed-3", "0", 7.0)
        assert rows(observation) == expected_rows(line), number


def test_the_real_capture_says_the_same_byte_by_byte(capture: bytes) -> None:
    assert listen([capture[i : i + 1] for i in range(len(capture))]) == listen([capture])


@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.integers(0, 15_426), max_size=60))
def test_the_real_capture_says_the_same_in_any_cut(capture: bytes, places: list[int]) -> None:
    assert listen(cut(capture, places)) == listen([capture])


def test_at_the_pace_of_the_line_each_message_is_stamped_when_its_end_came(capture: bytes) -> None:
    session = IvySession(SessionOptions(port="bed-3"))
    stamps: list[float] = []
    for second, start in enumerate(range(252 - 562, len(capture), 562)):
        whole = capture[max(0, start) : start + 562]
        for part, at_s in ((whole[:300], second + 0.3), (whole[300:], second + 0.6)):
            stamps += [o.received_at_s for o in session.feed(part, at_s) if isinstance(o, Observation)]
    assert stamps == [second + 0.6 for second in range(1, 28)]


def test_bytes_lost_between_two_messages_of_the_real_capture_cost_these_two_alone(capture: bytes) -> None:
    """From the text of message 5 to the waveform of message 6: their parts must not be read as one."""
    lost_from = 252 + 562 * 5 + 430
    outputs = listen([capture[:lost_from], capture[lost_from + 300 :]])
    assert sum(isinstance(output, Observation) for output in outputs) == 25
    assert [output.reason for output in outputs if isinstance(output, Rejected)] == ["noise", "syntax"]


def as_told(output: Output) -> dict[str, Any]:
    match output:
        case Rejected():
            return {"rejected": output.reason}
        case DeviceIdentified():
            return {"identified": {"serial_number": output.serial_number, "model": output.model}}
        case AlarmSetChanged():
            return {"alarms": [[alarm.kind, alarm.code, alarm.text] for alarm in output.alarms]}
        case Observation():
            return {"observation": [list(row) for row in rows(output)]}
        case _:
            raise AssertionError(output)


def test_the_transcript_made_by_hand_says_what_was_worked_out_by_hand(hand_made: bytes) -> None:
    expected = json.loads((HERE / "hand-made.expected.json").read_text(encoding="utf-8"))
    assert [as_told(output) for output in listen([hand_made])] == expected


@given(places=st.lists(st.integers(0, 2_467), max_size=40))
def test_the_transcript_made_by_hand_says_the_same_in_any_cut(hand_made: bytes, places: list[int]) -> None:
    assert listen(cut(hand_made, places)) == listen([hand_made])
