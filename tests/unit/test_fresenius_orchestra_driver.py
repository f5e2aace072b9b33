"""The Orchestra driver frame by frame: what it reads, what it refuses, and which alarms it tells."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.fresenius_orchestra import DRIVER, OrchestraSession
from drivers.fresenius_orchestra_line import (
    MAX_BODY_BYTES,
    Enquiry,
    Frame,
    Framer,
    Message,
    Part,
    Refused,
    Status,
    message_of,
)
from drivers.fresenius_orchestra_pump import readings_of
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    InfusionState,
    LineSettings,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    SessionOptions,
    Validity,
)
from tests.golden.orchestra_reference import frame, sample, values
from tests.unit.orchestra_talk import LE0, Talk, read

RATE, VOLUME = Quantity.INFUSION_RATE, Quantity.VOLUME_INFUSED


def framed(data: bytes) -> list[Part]:
    framer = Framer()
    return framer.feed(data) + framer.rest()


def alarms(outputs: list[Output]) -> list[list[str]]:
    sets = [output.alarms for output in outputs if isinstance(output, AlarmSetChanged)]
    assert all(alarm.kind is DeviceAlarmKind.UNKNOWN for one in sets for alarm in one)
    return [[alarm.code for alarm in one] for one in sets]


# The line


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (b"\x020DC48\x03", "0DC"),
        (b"\x020C8C\x03", "0C"),
        (b"\x020C;b038C\x03", "0C;b03"),
        (b"\x021LE;d9E\x03", "1LE;d"),
        (b"\x021C;d007D11\x03", "1C;d007D"),
        (b"\x021C;r00003A9839\x03", "1C;r00003A98"),
    ],
)
def test_known_frames(wire: bytes, body: str) -> None:
    assert framed(wire) == [Frame(body)]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"\x021C;d007D12\x03", "checksum"),
        (b"\x021C;d007E11\x03", "checksum"),
        (b"\x021C;d07D11\x03", "checksum"),
        (b"\x021C;d007D42\x03", "checksum"),  # the sum of the body without its address, as an old program counted it
        (b"\x02C;d007D11\x03", "checksum"),
        (b"\x021c;b0338\x03", "checksum"),
        (b"\x020C8c\x03", "checksum"),
        (b"\x02FF\x03", "length"),
        (b"\x02\x03", "length"),
    ],
)
def test_a_frame_whose_sum_does_not_agree_is_none(wire: bytes, reason: str) -> None:
    assert framed(wire) == [Rejected(reason, wire[1:-1])]


@pytest.mark.parametrize("wire", [b"\x021C;d0\x0007D11\x03", b"\x021C;d0\x7e07D11\x03", b"\x021C;\xe4007D11\x03"])
def test_what_cannot_be_printed_ends_a_frame_and_the_rest_is_noise(wire: bytes) -> None:
    assert [part.reason for part in framed(wire) if isinstance(part, Rejected)] == ["syntax"]
    assert framed(wire + b"\x020C8C\x03")[-1] == Frame("0C")


@pytest.mark.parametrize("follower", [b"1", b"\x03", b"\x00", b"\x7f"])
def test_an_end_after_which_the_line_does_not_rest_was_none(follower: bytes) -> None:
    assert framed(b"\x021C;d007D11\x03" + follower) == [Rejected("length", b"1C;d007D11")]


def test_an_early_end_whose_sum_agrees_by_chance_is_no_reading() -> None:
    """One bit makes the C of the sum C6 an end; what stands before it is whole, and says 0.003 mL, not 0.828 mL."""
    good = b"\x021C;a00;e00;m01;d007D;r0000033CC6\x03"
    assert good == sample(r="0000033C")
    damaged = good[:31] + b"\x03" + good[32:]
    assert good[31] ^ damaged[31] == 0x40
    assert framed(damaged[:32]) == [Frame("1C;a00;e00;m01;d007D;r000003")]
    assert framed(damaged) == [Rejected("length", damaged[1:31])]


@pytest.mark.parametrize(
    ("follower", "part"),
    [(b"\x02", None), (b"\x05", Enquiry()), (b"\x06", None), (b"\x156", Refused(b"6"))],
)
def test_a_control_byte_may_follow_a_frame_at_once(follower: bytes, part: Part | None) -> None:
    assert Framer().feed(b"\x021C;d007D11\x03" + follower) == [Frame("1C;d007D"), *([part] if part else [])]


def test_a_frame_cut_by_another_noise_and_single_bytes() -> None:
    assert framed(b"xyz\x06\x021C;d\x020C8C\x03\x05\x15\x05\x152ab\x14") == [
        Rejected("noise", b"x"),
        Rejected("length", b"1C;d"),
        Frame("0C"),
        Enquiry(),
        Refused(b""),
        Enquiry(),
        Refused(b"2"),
        Rejected("noise", b"a"),
    ]


def test_an_enquiry_inside_a_frame_is_seen_and_ends_the_frame() -> None:
    assert framed(b"\x021C;d0\x0507D11\x03") == [Rejected("length", b"1C;d0"), Enquiry(), Rejected("noise", b"0")]


def test_a_refusal_inside_a_frame_is_damage() -> None:
    assert framed(b"\x021C;d0\x1507D11\x03") == [Rejected("syntax", b"1C;d0")]


def test_the_longest_frame_and_one_byte_more() -> None:
    longest = frame("1C;a" + "0" * (MAX_BODY_BYTES - 4))
    assert framed(longest) == [Frame("1C;a" + "0" * 76)]
    longer = frame("1C;a" + "0" * (MAX_BODY_BYTES - 3))
    framer = Framer()
    assert framer.feed(longer) == [Rejected("oversize", longer[1:65])]
    assert framer.held_bytes == 0
    assert framer.rest() == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("0C", Message("0", Status.CORRECT, {})),
        ("C;d007D", Message("", Status.CORRECT, {"d": "007D"})),
        ("8C;d007D;r;a00", Message("8", Status.CORRECT, {"d": "007D", "r": "", "a": "00"})),
        ("1I;1E", Message("1", Status.INCORRECT, {}, "1E")),
        ("1I", Message("1", Status.INCORRECT, {})),
        ("2E;a01", Message("2", Status.EVENT, {"a": "01"})),
        ("2M;x1", Message("2", Status.SETTING, {"x": "1"})),
        ("9C;d007D", None),
        ("1C;", None),
        ("1C;d007D;", None),
        ("1C;d007D;d007D", None),
        ("1C;D007D", None),
        ("1C;007D", None),
        ("1Cd007D", None),
        ("1E", None),
        ("1LE;d", None),
        ("1DC", None),
    ],
)
def test_messages(body: str, message: Message | None) -> None:
    assert message_of(Frame(body)) == message


# The values


@pytest.mark.parametrize(
    ("text", "value"),
    [("0000", "0.0"), ("0001", "0.1"), ("007D", "12.5"), ("7D", "12.5"), ("0000007D", "12.5"), ("2EE0", "1200.0")],
)
def test_rates(text: str, value: str) -> None:
    assert readings_of({"d": text})[0] == Reading(RATE, Decimal(value), "mL/h", Decimal("0.1"), origin="d")


@pytest.mark.parametrize(
    ("text", "value"),
    [("00000000", "0.000"), ("00003A98", "15.000"), ("1", "0.001"), ("0098967F", "9999.999"), ("FF", "0.255")],
)
def test_volumes(text: str, value: str) -> None:
    assert readings_of({"r": text})[1] == Reading(VOLUME, Decimal(value), "mL", Decimal("0.001"), origin="r")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("2EE1", "1200.1 is beyond 1200"),
        ("8000", "3276.8 is beyond 1200"),
        ("FFFE", "6553.4 is beyond 1200"),
        ("FFFF", "no number: 'FFFF'"),
        ("007d", "no number: '007d'"),
        ("-07D", "no number: '-07D'"),
        ("+07D", "no number: '+07D'"),
        ("0x7D", "no number: '0x7D'"),
        ("7_D0", "no number: '7_D0'"),
        (" 07D", "no number: ' 07D'"),
        ("----", "no number: '----'"),
        ("12.5", "no number: '12.5'"),
        ("00000007D", "no number: '00000007D'"),
    ],
)
def test_what_is_no_rate_is_no_number(text: str, note: str) -> None:
    rate = readings_of({"d": text})[0]
    assert (rate.value, rate.unit, rate.validity, rate.note) == (None, "mL/h", Validity.INVALID, note)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("00989680", "10000.000 is beyond 9999.999"),
        ("FFFF", "no number: 'FFFF'"),
        ("FFFFFF", "no number: 'FFFFFF'"),
        ("FFFFFFFF", "no number: 'FFFFFFFF'"),
    ],
)
def test_what_is_no_volume_is_no_number(text: str, note: str) -> None:
    volume = readings_of({"r": text})[1]
    assert (volume.value, volume.unit, volume.validity, volume.note) == (None, "mL", Validity.INVALID, note)


def test_a_variable_without_a_value_and_one_that_is_not_told_are_not_zero() -> None:
    rate, volume = readings_of({"d": ""})
    assert (rate.value, rate.validity, rate.note) == (None, Validity.NOT_AVAILABLE, "no value")
    assert (volume.value, volume.validity, volume.note) == (None, Validity.NOT_AVAILABLE, "not told")


def test_a_whole_sample() -> None:
    talk = Talk().connected()
    seen, told = talk.hear(sample(m="3"))
    assert isinstance(seen, Observation)
    assert (seen.port, seen.channel, seen.received_at_s, seen.device_time) == ("pumps", "1", talk.now_s, "")
    assert seen.readings == (
        Reading(RATE, Decimal("12.5"), "mL/h", Decimal("0.1"), origin="d", note="mode 3"),
        Reading(VOLUME, Decimal("15.000"), "mL", Decimal("0.001"), origin="r"),
    )
    assert seen.infusion is not None
    assert seen.infusion.drug is None
    assert told == AlarmSetChanged("pumps", "1", talk.now_s, ())


@pytest.mark.parametrize("mode", ["", "0", "00", "01", "2", "FF", "running"])
@pytest.mark.parametrize("rate", ["0000", "007D", "FFFF"])
def test_no_mode_and_no_rate_makes_a_known_state(mode: str, rate: str) -> None:
    seen = Talk().connected().hear(sample(m=mode, d=rate))[0]
    assert isinstance(seen, Observation)
    assert seen.infusion is not None
    assert seen.infusion.state is InfusionState.UNKNOWN


# The alarms


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"a": "00", "e": "0000"}, []),
        ({"a": "0", "e": "00"}, []),
        ({"a": "01", "e": "00"}, ["a 01"]),
        ({"a": "0800", "e": "00"}, ["a 0800"]),
        ({"a": "00", "e": "07"}, ["e 07"]),
        ({"a": "01", "e": "07"}, ["a 01", "e 07"]),
        ({"a": "", "e": "00"}, ["a"]),
        ({"a": "--", "e": "00"}, ["a --"]),
        ({"a": " ", "e": "00"}, ["a"]),
        ({"a": "000000000", "e": "00"}, ["a 000000000"]),
        ({"a": "1" * 40, "e": "00"}, ["a " + "1" * 32]),
    ],
)
def test_whatever_is_not_zero_is_an_unknown_alarm(fields: dict[str, str], codes: list[str]) -> None:
    assert alarms(Talk().connected().hear(sample(**fields))) == [codes]


def test_an_alarm_is_told_by_its_name() -> None:
    told = Talk().connected().hear(sample(a="0C", e="2"))[1]
    assert isinstance(told, AlarmSetChanged)
    assert told.alarms == (
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "a 0C", "alarm whose code is not known"),
        DeviceAlarm(DeviceAlarmKind.UNKNOWN, "e 2", "error whose code is not known"),
    )


def test_alarms_are_told_when_they_differ_and_end_with_a_zero() -> None:
    talk = Talk().running()
    assert alarms(talk.round(sample())) == []
    assert alarms(talk.round(sample(a="01"))) == [["a 01"]]
    assert alarms(talk.round(sample(a="01", d="0000"))) == []
    assert alarms(talk.round(sample(a="02"))) == [["a 02"]]
    assert alarms(talk.round(sample())) == [[]]


def test_an_event_shows_an_alarm_at_once_and_cannot_end_it() -> None:
    talk = Talk().running()
    assert alarms(talk.hear(frame("1E;a01"))) == [["a 01"]]
    assert talk.sent.pop(0) == frame("1E")
    assert talk.hear(frame("1E;a00")) == []
    assert talk.sent.pop(0) == frame("1E")
    assert alarms(talk.round(sample())) == [[]]


def test_an_event_is_no_reading() -> None:
    talk = Talk().running()
    assert talk.hear(frame("1E;d0000;r00000000;m00")) == []
    assert talk.sent == [frame("1E")]


def test_an_event_before_the_first_sample_says_nothing_but_an_alarm() -> None:
    talk = Talk().connected()
    assert talk.hear(frame("1E;e00")) == []
    assert talk.sent.pop(0) == frame("1E")
    assert alarms(talk.hear(frame("1E;e05"))) == [["e 05"]]


def test_a_refusal_for_an_alarm_is_an_alarm_until_an_answer_says_otherwise() -> None:
    talk = Talk().running()
    made = talk.round(frame("1I;12"))
    assert alarms(made) == [["refused 12"]]
    talk.say(LE0, frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    assert alarms(talk.say(read(), sample())) == [[]]


def test_a_refusal_for_an_alarm_is_not_ended_by_an_answer_that_says_nothing_of_alarms() -> None:
    talk = Talk().running()
    talk.round(frame("1I;12"))
    talk.say(LE0, frame("0C;b01"))
    talk.say(frame("1DC"), frame("1C"))
    for question in ("1LE;aemdr", "1LE;adr"):
        talk.say(frame(question), frame("1I;0A"))
    assert [type(output) for output in talk.say(frame("1LE;dr"), values(d="007D", r="1"))] == [Observation]


def test_a_pump_that_does_not_tell_its_alarms_is_not_said_to_have_none() -> None:
    talk = Talk().connected()
    for question in ("1LE;adr", "1LE;dr"):
        assert talk.hear(frame("1I;0A")) == []
        talk.wait_for(frame(question))
    made = talk.hear(values(d="007D", r="00003A98"))
    assert [type(output) for output in made] == [Observation]


def test_what_the_driver_says_of_itself() -> None:
    assert (DRIVER.name, DRIVER.experimental, DRIVER.listen_only) == ("fresenius-orchestra", True, False)
    assert DRIVER.line == LineSettings(baud=19200, data_bits=7, parity="E", stop_bits=1)
    assert isinstance(DRIVER.session(SessionOptions("pumps")), OrchestraSession)


@pytest.mark.parametrize("channel", ["9", "", "11", "A"])
def test_channels_that_are_no_places_are_refused(channel: str) -> None:
    with pytest.raises(ValueError, match="no places"):
        OrchestraSession(SessionOptions("pumps", (channel,)))
