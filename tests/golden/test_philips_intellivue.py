"""The IntelliVue driver against its transcript, published messages and its allow-list (see its README there)."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.intellivue import MibSession
from drivers.intellivue_answers import read_terms
from drivers.intellivue_frame import fcs
from drivers.intellivue_numbers import read_float
from drivers.intellivue_requests import ABORT, ASSOCIATE, RELEASE, RELEASED, Ask, MdsResult, Poll
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    Observation,
    Output,
    Send,
    SessionOptions,
    Validity,
)
from tests.golden.intellivue_reference import checksum, unframed

FOLDER = Path(__file__).parent / "philips-intellivue"

# quantity, value, unit, resolution, validity, origin, age; the rest is not measured.
DECODED = """
heart_rate 87 /min 1 valid ECG -
pulse_rate - /min 1 not_available pleth -
spo2 97.0 % 1 valid SpO2 -
respiratory_rate 16 /min 1 valid impedance -
etco2 39 mm[Hg] 1 valid CO2 -
temperature_1 - Cel 1 not_available - -
temperature_2 - Cel 1 not_available - -
nibp_sys 123 mm[Hg] 1 valid cuff 0.0
nibp_dia 76 mm[Hg] 1 valid cuff 0.0
nibp_mean 92 mm[Hg] 1 valid cuff 0.0
nibp_pulse_rate - /min 1 not_available cuff -
ibp1_sys 131 mm[Hg] 1 valid ABP -
ibp1_dia 72 mm[Hg] 1 valid ABP -
ibp1_mean 91 mm[Hg] 1 valid ABP -
ibp2_sys - mm[Hg] 1 not_available - -
ibp2_dia - mm[Hg] 1 not_available - -
ibp2_mean - mm[Hg] 1 not_available - -
"""

PUBLISHED_ASSOCIATION = bytes.fromhex(
    "0DEC0508130100160102800014020002C1DC3180A0808001010000A280A003000001A4803080020101060452010001308006025101000000"
    "003080020102060C2A8648CE14020100000001013080060C2A8648CE140201000000020100000000000061803080020101A0806080A18006"
    "0C2A8648CE14020100000003010000BE802880060C2A8648CE14020100000001010201028148800000004000000000000000800000002000"
    "0000000000000001002C000100288000000000"
    "0009C4000009C4000003E8FFFFFFFF600000000001000CF00100088C0000000000000000000000000000000000000000000000"
)
PUBLISHED_POLL = "e100000200010028000100070022002100000000"  # so it begins; invoke id 1


def lines_of(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


CONVERSATION = [(line[0], bytes.fromhex(line[2:])) for line in lines_of("conversation.txt")]
ACCEPTED, CREATED, NUMERICS, ALARMS = (data for end, data in CONVERSATION if end == "<")


def session() -> MibSession:
    return MibSession(SessionOptions("bed-3"))


def hold(*pieces: bytes) -> list[Output]:
    talking = session()
    out = list(talking.start(0.0))
    for piece in pieces:
        out.extend(talking.feed(piece, 1.0))
    return out


def decoded(observation: Observation) -> list[str]:
    rows = []
    for one in observation.readings:
        shown = (one.quantity, one.value, one.unit, one.resolution, one.validity, one.origin or None)
        rows.append(" ".join("-" if part is None else str(part) for part in (*shown, one.measured_s_ago)))
    return rows


def test_the_conversation_goes_as_written_and_is_decoded_as_by_hand() -> None:
    talking = session()
    said = [output.data for output in talking.start(0.0) if isinstance(output, Send)]
    heard: list[Output] = []
    for end, data in CONVERSATION:
        if end == ">":
            assert said.pop(0) == data
            continue
        assert said == []
        for output in talking.feed(data, 1.0):
            if isinstance(output, Send):
                said.append(output.data)
            else:
                heard.append(output)
    assert said == []
    identified, observation, alarms = heard
    assert identified == DeviceIdentified("bed-3", "0", 1.0, serial_number="", model="Philips")
    assert isinstance(observation, Observation)
    assert observation.device_time == "85868"
    assert decoded(observation) == DECODED.split("\n")[1:-1]
    assert alarms == AlarmSetChanged(
        "bed-3",
        "0",
        1.0,
        (
            DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "0102.0410.0002", "ECG LEADS OFF (silenced)", silenced=True),
            DeviceAlarm(DeviceAlarmKind.VITAL_SIGN, "4BB8.0BB8.0200", "**SpO2 LOW"),
        ),
    )


def test_the_terms_of_the_accepted_association() -> None:
    terms = read_terms(unframed(ACCEPTED))
    assert (terms.poll_period_s, terms.timeout_s, terms.streams) == (1.0, 10.0, True)


def test_byte_by_byte_is_the_same() -> None:
    whole = hold(ACCEPTED + CREATED + NUMERICS + ALARMS)
    assert hold(*(bytes((byte,)) for byte in ACCEPTED + CREATED + NUMERICS + ALARMS)) == whole
    assert sum(isinstance(output, Observation) for output in whole) == 1


@pytest.mark.parametrize("place", range(len(NUMERICS)))
def test_one_flipped_bit_of_the_numerics_never_becomes_a_reading(place: int) -> None:
    for bit in range(8):
        flipped = NUMERICS[:place] + bytes((NUMERICS[place] ^ 1 << bit,)) + NUMERICS[place + 1 :]
        assert not any(isinstance(output, Observation) for output in hold(ACCEPTED, CREATED, flipped))


@pytest.mark.parametrize("place", range(len(ALARMS)))
def test_one_flipped_bit_of_the_alarms_never_becomes_an_alarm(place: int) -> None:
    for bit in range(8):
        flipped = ALARMS[:place] + bytes((ALARMS[place] ^ 1 << bit,)) + ALARMS[place + 1 :]
        assert not any(isinstance(output, AlarmSetChanged) for output in hold(ACCEPTED, CREATED, flipped))


def test_the_next_whole_frame_after_a_damaged_one_is_read() -> None:
    out = hold(ACCEPTED, CREATED, NUMERICS[:-9], NUMERICS)
    assert sum(isinstance(output, Observation) for output in out) == 1


# --- published numbers


def test_fcs_examples() -> None:
    assert fcs(b"123456789") == 0x906E
    assert fcs(b"\x3a\x71").to_bytes(2, "little") == b"\x9b\x26"
    assert fcs(b"\x3a\x91").to_bytes(2, "little") == b"\x95\xc1"


@given(st.binary(max_size=80))
def test_fcs_against_the_reference(data: bytes) -> None:
    told = fcs(data).to_bytes(2, "little")
    assert told == checksum(data)
    assert fcs(data + told) ^ 0xFFFF == 0xF0B8


@pytest.mark.parametrize(
    ("tail", "sent"),
    [
        ("f13b00140001000100060000" + "00010008f13e00040003a980", "5871"),
        ("f13b000c0001000100060000" + "00000000", "4cc0"),
    ],
)
def test_fcs_of_published_polls(tail: str, sent: str) -> None:
    published = bytes.fromhex(PUBLISHED_POLL + "00000000" + tail)
    if len(published) == 40:
        published = published[:7] + b"\x20" + published[8:13] + b"\x1a" + published[14:]
    assert fcs(b"\x11\x01" + len(published).to_bytes(2, "big") + published).to_bytes(2, "little").hex() == sent


def test_our_stream_differs_from_the_published_one_in_its_time_alone() -> None:
    ours = unframed(Poll(Ask.NUMERICS_STREAM, 1).encode())
    assert ours.hex() == PUBLISHED_POLL + "00000000" + "f13b00140001000100060000" + "00010008f13e0004" + "00493e00"


def test_our_association_differs_from_the_published_one_in_three_numbers_alone() -> None:
    ours = unframed(ASSOCIATE)
    assert len(ours) == len(PUBLISHED_ASSOCIATION) == 238
    user = PUBLISHED_ASSOCIATION.index(b"\x81\x48\x80") + 2
    period, received, options = user + 36, user + 40, user + 64
    assert ours[period : period + 4] == bytes.fromhex("00001f40")
    assert PUBLISHED_ASSOCIATION[period : period + 4] == bytes.fromhex("000009c4")
    assert ours[received : received + 4] == bytes.fromhex("000005b0")
    assert ours[options : options + 4] == bytes.fromhex("80000000")
    holes = {*range(period, period + 4), *range(received, received + 4), *range(options, options + 4)}
    same = [at for at in range(238) if at not in holes]
    assert [ours[at] for at in same] == [PUBLISHED_ASSOCIATION[at] for at in same]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (0xFD007D00, "32"),
        (0xFF000140, "32"),
        (0x01000140, "3200"),
        (0x02000020, "3200"),
        (0x00FFFFFF, "-1"),
        (0xFF00000F, "1.5"),
    ],
)
def test_float_examples(raw: int, value: str) -> None:
    found, _, validity, why = read_float(raw)
    assert found == Decimal(value)
    assert (validity, why) == (Validity.VALID, "")
    assert "E" not in str(found)


# --- law 1


def pattern_of(template: str) -> re.Pattern[str]:
    first, found, rest = template.partition("<number>")
    text = first + (f"(?P<number>[0-9a-f]{{4}}){rest.replace('<number>', '(?P=number)')}" if found else "")
    return re.compile(text.replace("<id>", "[0-9a-f]{4}").replace("<time>", "[0-9a-f]{8}"))


ALLOWED = [pattern_of(line.partition(": ")[2]) for line in lines_of("allowed.txt")]
EDGES = [1, 2, 0x7D, 0xC0, 0xC1, 0x7D7D, 0xC0C1, 0xFFFF]


def which(sent: bytes) -> list[int]:
    message = unframed(sent).hex()
    return [place for place, pattern in enumerate(ALLOWED) if pattern.fullmatch(message)]


def test_the_grammar_is_the_allow_list() -> None:
    """Each member of the grammar is one line of the list, and each line of the list is a member."""
    members = [ASSOCIATE, RELEASE, RELEASED, ABORT, MdsResult(1, 2).encode(), *(Poll(ask, 3).encode() for ask in Ask)]
    assert [which(member) for member in members] == [[place] for place in range(len(ALLOWED))]


@pytest.mark.parametrize("number", EDGES)
def test_the_holes_of_the_grammar_hold_a_number_and_nothing_else(number: int) -> None:
    for place, ask in enumerate(Ask, 5):
        assert which(Poll(ask, number).encode()) == [place]
    for time in (0, number, number << 16, 0xFFFFFFFF):
        assert which(MdsResult(number, time).encode()) == [4]


@given(st.sampled_from(Ask), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF))
def test_any_number_in_the_holes_stays_in_the_list(ask: Ask, number: int, time: int) -> None:
    assert which(Poll(ask, number).encode()) == [5 + list(Ask).index(ask)]
    assert which(MdsResult(number, time).encode()) == [4]


@pytest.mark.parametrize("number", [-1, 0x10000])
def test_no_other_number_can_be_sent(number: int) -> None:
    with pytest.raises(ValueError, match="poll number"):
        Poll(Ask.ALARMS, number)
    with pytest.raises(ValueError, match="numbers of a monitor"):
        MdsResult(number, 0)
    with pytest.raises(ValueError, match="numbers of a monitor"):
        MdsResult(0, number << 16)
