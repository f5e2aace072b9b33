"""The DRI driver's frames, classes and alarms, case by case, from one literal frame and changes to it."""

import pytest

from drivers.ge_dri import DRIVER, DriSession
from drivers.ge_dri_frame import MAX_FRAME_BYTES, Ask, Framer, Request
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceKind,
    DeviceRestarted,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Rejected,
    Send,
    SessionOptions,
)
from tests.unit.ge_dri_frames import (
    CO2,
    ECG,
    RECORD,
    TIME,
    VALUES,
    alarms,
    clock,
    frame,
    headed,
    patched,
    status,
    values,
)
from tests.unit.ge_dri_talk import listen, of_type, readings, shown

LIFE = DeviceAlarmKind.LIFE_THREATENING


# What the driver is


def test_the_driver_says_what_the_monitor_can_do() -> None:
    assert DRIVER.name == "ge-dri"
    assert DRIVER.kind is DeviceKind.MONITOR
    assert DRIVER.line == LineSettings(19200, 8, "E", 1)
    assert not DRIVER.listen_only
    assert DRIVER.identity is IdentitySupport.PORT_ONLY
    assert DRIVER.integrity is Integrity.CHECKSUM
    assert DRIVER.nibp_time is NibpTime.DEVICE
    assert DRIVER.freshness == "time"
    assert DRIVER.experimental
    assert isinstance(DRIVER.session(SessionOptions(port="x")), DriSession)


def test_the_first_record_brings_who_it_is_its_alarms_its_values_and_questions() -> None:
    outputs = listen(VALUES)
    assert outputs[:2] == [
        DeviceIdentified("bed-3", "0", 1.0, serial_number="", model="GE/Datex-Ohmeda monitor, DRI level 10"),
        AlarmSetChanged("bed-3", "0", 1.0, ()),
    ]
    assert [type(output) for output in outputs[2:]] == [Observation, Send, Send, Send]
    seen = outputs[2]
    assert isinstance(seen, Observation)
    assert (seen.port, seen.channel, seen.received_at_s, seen.device_time) == ("bed-3", "0", 1.0, str(TIME))
    assert len({reading.quantity for reading in seen.readings}) == len(seen.readings) == 17


def test_another_level_is_told_as_another_device() -> None:
    assert len(of_type(listen(values(nbr=1), values(nbr=2)), DeviceIdentified)) == 1
    assert len(of_type(listen(values(nbr=1), values((3, b"\x0b"), nbr=2)), DeviceIdentified)) == 2


@pytest.mark.parametrize(("back", "restarts"), [(0, 0), (2, 0), (3, 1), (-3600, 0)])
def test_a_clock_that_falls_back_is_told(back: int, restarts: int) -> None:
    events = of_type(listen(VALUES, values(clock(TIME - back), nbr=8)), DeviceRestarted)
    assert len(events) == restarts
    if restarts:
        assert isinstance(events[0], DeviceRestarted)
        assert events[0].reason == "the monitor's clock fell from 1700000000 s to 1699999997 s"


# Framing


def test_what_is_stuffed_comes_back_and_a_stuffed_checksum_counts() -> None:
    for want in (0x7E, 0x7D):
        rest = (want - sum(patched(RECORD, (12, b"\0")))) % 256
        data = values((12, bytes((rest,))))
        assert data[-3:] == bytes((0x7D, want ^ 0x20, 0x7E))
        assert len(of_type(listen(data), Observation)) == 1


def test_flags_may_be_shared_or_doubled_and_empty_frames_are_none() -> None:
    shared = values(nbr=1) + values(nbr=2)[1:]
    assert [type(output) for output in listen(b"\x7e\x7e" + shared) if not isinstance(output, Send)] == [
        DeviceIdentified,
        AlarmSetChanged,
        Observation,
        Observation,
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 100, 323])
def test_a_cut_anywhere_changes_nothing(size: int) -> None:
    data = b"\x00\x7d" + values(nbr=1) + VALUES[:100] + values(nbr=2)
    assert listen(*(data[i : i + size] for i in range(0, len(data), size))) == listen(data)


def test_noise_before_the_first_flag_is_noise_and_costs_nothing() -> None:
    outputs = listen(bytes(range(100)) + VALUES)
    assert of_type(outputs, Rejected) == [Rejected("noise", bytes(range(64)))]
    assert len(of_type(outputs, Observation)) == 1


@pytest.mark.parametrize("kept", [5, 41, 100, 322])
def test_a_frame_that_lost_its_end_does_not_cost_the_next(kept: int) -> None:
    outputs = listen(VALUES[:kept] + VALUES)
    assert len(of_type(outputs, Rejected)) == 1
    assert len(of_type(outputs, Observation)) == 1


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (VALUES[:60] + b"\x7d\x00" + VALUES[62:], "syntax"),
        (VALUES[:-1] + b"\x7d\x7e", "syntax"),
        (VALUES[:-2] + b"\xb6\x7e", "checksum"),
        (b"\x7e\x01\x02\x03\x06\x7e", "length"),
        (frame(RECORD[:-1]), "length"),
        (frame(patched(RECORD, (0, b"\x3f\x01"))), "length"),
        (frame(RECORD + b"\0"), "length"),
        (frame(patched(RECORD, (16, b"\x00\x02"))), "syntax"),
        (frame(patched(RECORD, (16, b"\xff\xff"))), "syntax"),
        (frame(patched(RECORD, (0, b"\x54\x02")) + RECORD[40:]), "length"),
        (headed(4, 1, bytes(509)), "length"),
        (headed(4, 1, bytes(20 + 5 * 83)), "length"),
        (headed(0, 2, bytes(278)), "unknown_line"),
        (headed(1, 1, bytes(278)), "unknown_line"),
        (headed(8, 1, bytes(10)), "unknown_line"),
    ],
)
def test_what_is_no_known_record_is_rejected_with_its_reason(spoiled: bytes, reason: str) -> None:
    outputs = listen(spoiled)
    assert [output.reason for output in outputs if isinstance(output, Rejected)] == [reason]
    assert of_type(outputs, Observation) == []


def test_one_flipped_bit_never_becomes_a_reading() -> None:
    for place in range(len(VALUES) * 8):
        spoiled = bytearray(VALUES)
        spoiled[place // 8] ^= 1 << place % 8
        assert of_type(listen(bytes(spoiled) + b"\x7e"), Observation) == [], place


def test_our_own_request_sent_back_is_nothing() -> None:
    assert of_type(listen(Request(Ask.VALUES_PERIODIC).encode()), Observation) == []


def test_a_frame_without_end_is_dropped_at_the_bound_and_told_once_for_each() -> None:
    framer = Framer()
    assert framer.feed(b"\x7e" + b"\x01" * (MAX_FRAME_BYTES - 1)) == []
    assert framer.held_bytes == MAX_FRAME_BYTES - 1
    assert framer.feed(b"\x01") == [Rejected("oversize", b"\x01" * 64)]
    assert framer.held_bytes == 0
    assert framer.feed(b"\x01" * 100 + VALUES) == [RECORD]


def test_a_record_said_twice_counts_once() -> None:
    outputs = listen(VALUES, VALUES)
    assert len(of_type(outputs, Observation)) == 1
    assert [output.reason for output in outputs if isinstance(output, Rejected)] == ["unexpected"]


# Classes


def three_classes(*subtypes: int) -> bytes:
    """A record of several blocks; each but the basic one is filled with what would be absurd numbers."""
    record = patched(RECORD[:40], (0, (40 + 278 * len(subtypes)).to_bytes(2, "little")))
    for place, subtype in enumerate(subtypes):
        block = RECORD[40:316] if subtype >> 8 & 0xF == 0 else b"\x11" * 276
        record = patched(record, (16 + 3 * place, (278 * place).to_bytes(2, "little") + b"\x01"))
        record += block + subtype.to_bytes(2, "little")
    return frame(patched(record, (16 + 3 * len(subtypes) + 2, b"\xff")))


@pytest.mark.parametrize("subtypes", [(0x000, 0x300), (0x300, 0x000), (0x100, 0x200, 0x091), (0x700, 0xF091)])
def test_the_class_is_told_by_its_bits_and_not_by_its_place(subtypes: tuple[int, ...]) -> None:
    assert readings(three_classes(*subtypes)) == readings(VALUES)


def test_a_record_without_the_basic_class_has_no_values() -> None:
    assert of_type(listen(three_classes(0x100, 0x200, 0x300)), Observation) == []


def test_two_blocks_of_the_basic_class_are_a_contradiction() -> None:
    assert [o.reason for o in listen(three_classes(0, 0)) if isinstance(o, Rejected)] == ["syntax"]


def test_a_list_of_eight_needs_no_end() -> None:
    record = patched(RECORD, *((16 + 3 * place, b"\x00\x00\x02") for place in range(1, 8)))
    assert readings(frame(record)) == readings(VALUES)


# Alarms


@pytest.mark.parametrize(
    ("group", "bit", "alarm"),
    [
        (ECG, 2, DeviceAlarm(LIFE, "ECG.2", "asystole")),
        (ECG, 11, DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "ECG.11", "ECG channel 1: lead off")),
        (ECG, 12, DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "ECG.12", "ECG channel 2: lead off")),
        (ECG, 13, DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, "ECG.13", "ECG channel 3: lead off")),
        (CO2, 2, DeviceAlarm(LIFE, "CO2.2", "apnea (carbon dioxide)")),
        (CO2, 5, DeviceAlarm(DeviceAlarmKind.ADVISORY, "CO2.5", "gas sampling line occluded")),
        (CO2, 6, DeviceAlarm(DeviceAlarmKind.ADVISORY, "CO2.6", "gas sampling: air leak")),
        (CO2, 7, DeviceAlarm(LIFE, "CO2.7", "apnea (respiration)")),
        (CO2, 8, DeviceAlarm(DeviceAlarmKind.ADVISORY, "CO2.8", "the monitor's apnea alarm is switched off")),
    ],
)
def test_the_status_of_a_group_tells_alarms(group: int, bit: int, alarm: DeviceAlarm) -> None:
    assert shown(values(status(group, 11 | 1 << bit))) == (alarm,)
    assert shown(values(status(group, 10 | 1 << bit))) == ()


def after_values(*records: bytes) -> list[tuple[DeviceAlarm, ...]]:
    return [o.alarms for o in listen(VALUES, *records) if isinstance(o, AlarmSetChanged)]


@pytest.mark.parametrize("stride", [84, 96, 98, 100])
def test_alarm_boxes_are_found_by_the_length_of_the_record(stride: int) -> None:
    record = alarms(
        (b"ASYSTOLE", 3), (b"HR  HIGH\x01", 2), (b"NIBP MANUAL", 1), (b"x", 0), (b"x" * 80, 9), stride=stride
    )
    assert after_values(record)[-1] == (
        DeviceAlarm(LIFE, "red: ASYSTOLE", "ASYSTOLE"),
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, f"colour 9: {'x' * 80}", "x" * 80),
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "no colour: x", "x"),
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "white: NIBP MANUAL", "NIBP MANUAL"),
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "yellow: HR HIGH?", "HR HIGH?"),
    )


@pytest.mark.parametrize(("colour", "code"), [(3, "red"), (9, "colour 9"), (-1, "colour -1")])
def test_a_colour_without_a_text_is_an_unknown_alarm(colour: int, code: str) -> None:
    assert after_values(alarms((b"", colour)))[-1] == (
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, code, "an alarm without a text"),
    )


def test_an_alarm_text_that_is_no_english_is_kept() -> None:
    (alarm,) = after_values(alarms(("HJERTESTANS Å".encode("latin-1"), 3)))[-1]
    assert (alarm.kind, alarm.text) == (DeviceAlarmKind.UNKNOWN, "HJERTESTANS Å")


def test_alarms_of_record_and_status_stand_side_by_side_and_each_ends_by_its_own_word() -> None:
    apnea = DeviceAlarm(LIFE, "CO2.2", "apnea (carbon dioxide)")
    hr = DeviceAlarm(DeviceAlarmKind.UNKNOWN, "yellow: HR HIGH", "HR HIGH")
    told_sets = after_values(
        alarms((b"HR HIGH", 2)),
        alarms((b"HR HIGH", 2)),
        values(status(CO2, 3 | 4), nbr=8),
        values(nbr=9),
        headed(4, 1, bytes(509)),
        alarms(),
    )
    assert told_sets == [(), (hr,), (apnea, hr), (hr,), ()]


def test_alarms_are_not_told_before_the_values_told_theirs() -> None:
    apnea = DeviceAlarm(LIFE, "CO2.2", "apnea (carbon dioxide)")
    outputs = listen(alarms((b"APNEA", 3)), values(status(CO2, 3 | 4)))
    assert [o.alarms for o in outputs if isinstance(o, AlarmSetChanged)] == [
        (apnea, DeviceAlarm(LIFE, "red: APNEA", "APNEA"))
    ]
