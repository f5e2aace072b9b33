"""The simulated Asena pump, held against frames that real pumps sent; sums are reckoned here bit by bit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.alaris_asena import (
    ALARM_CODES,
    BAUD,
    MAX_EXCERPT_BYTES,
    MAX_FIELD_CHARS,
    MAX_FORBIDDEN,
    MAX_HOST_FRAME_BYTES,
    MAX_PENDING_ANSWERS,
    MAX_RECORDS,
    AsenaOptions,
    AsenaPump,
    running_pump,
)
from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm, PumpSpec

# The ten read requests, byte for byte, in the order of a host that asks all.
READS = {
    "INF": b"!INF|4961\r",
    "INF_RATE": b"!INF_RATE|8E6D\r",
    "INF_VI": b"!INF_VI|B42C\r",
    "INF_VTBI": b"!INF_VTBI|8456\r",
    "ALARM": b"!ALARM|50B2\r",
    "SYRINGE_STATUS": b"!SYRINGE_STATUS|4102\r",
    "INF_RATE_MAX_SYRINGE": b"!INF_RATE_MAX_SYRINGE|8F30\r",
    "INST_SERIALNO": b"!INST_SERIALNO|457D\r",
    "COMMS_PROTOCOL": b"!COMMS_PROTOCOL|E8DA\r",
    "COMMS_RESPONSE_MAX": b"!COMMS_RESPONSE_MAX|7E29\r",
}
INF = READS["INF"]
ALARM = READS["ALARM"]
# What programs that command a pump send.
COMMANDS = [
    b"!REMOTE_CTRL^ENABLED^3CC1|B1F1\r",
    b"!REMOTE_CTRL^DISABLED|EF95\r",
    b"!INF_RATE^0.1^ml/h|B775\r",
    b"!INF_START|38F3\r",
    b"!INF_STOP|CD57\r",
    b"!INF_BOLUS^ENABLED|E288\r",
    b"!INF_VTBI^ACTIV^11.000^ml^STOP|4433\r",
    b"!INF_VTBI^DEACT|D8C5\r",
    b"!INF_VI_CLEAR|A706\r",
    b"!REMQUERY^DEACT|F295\r",
]


def crc(body: bytes) -> int:
    register = 0xFFFF
    for byte in body:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ (0x1021 if register & 0x8000 else 0)) & 0xFFFF
    return register


def frame(body: bytes) -> bytes:
    return b"!%b|%04X\r" % (body, crc(body))


def infusing(rate: str = "3.50", serial_number: str = "8002-51733") -> tuple[PumpModel, AsenaPump]:
    pump, line = running_pump(0.0, serial_number=serial_number, rate_ml_per_h=Decimal(rate))
    assert line.start(0.0) == b""
    return pump, line


def fields(line: AsenaPump, now_s: float, keyword: str = "INF") -> list[str]:
    """Ask, check the frame, and return the fields after the keyword."""
    answer = line.feed(READS[keyword], now_s)
    assert answer[:1] == b"!"
    assert answer[-6:] == b"|%04X\r" % crc(answer[1:-6])
    told, *rest = answer[1:-6].decode().split("^")
    assert told == keyword
    return rest


def test_the_line_is_the_fast_one() -> None:
    assert BAUD == 38_400


def test_the_worked_request() -> None:
    assert bytes.fromhex("21 49 4e 46 7c 34 39 36 31 0d") == INF


@pytest.mark.parametrize(
    ("keyword", "reply"),
    [
        ("INST_SERIALNO", b"!INST_SERIALNO^8002-51733|ACFF\r"),
        ("ALARM", b"!ALARM^AL_NOALM^ ^ |C73B\r"),
        ("INF_RATE", b"!INF_RATE^3.50^ml/h|3885\r"),
        ("SYRINGE_STATUS", b"!SYRINGE_STATUS^BD PLASTIPAK^ 50^CONF|1CF8\r"),
        ("INF_RATE_MAX_SYRINGE", b"!INF_RATE_MAX_SYRINGE^1200.00^ml/h|8575\r"),
        ("COMMS_PROTOCOL", b"!COMMS_PROTOCOL^Asena Rev 2.1.5|661A\r"),
        ("COMMS_RESPONSE_MAX", b"!COMMS_RESPONSE_MAX^4000^ms|DFDF\r"),
    ],
)
def test_what_two_real_pumps_said(keyword: str, reply: bytes) -> None:
    _, line = infusing()
    assert line.feed(READS[keyword], 1.0) == reply
    assert line.forbidden == []


def test_an_infusion_as_a_real_pump_told_it() -> None:
    _, line = infusing("0.10", "8002-51740")
    assert line.feed(INF, 0.0) == b"!INF^8002-51740^-^SET^0.10^ml/h^^0.000^ml^17.91^mmHg^24+^EVENT^127904|57D6\r"


def test_a_pump_that_an_occlusion_stopped_as_a_real_one_told_it() -> None:
    """At 60 mL/h: 0.469 mL flow freely, 0.5 mL are trapped, 4.15 mL (249 s) of 5.119 mL are left."""
    pump, _ = infusing("60.00")
    pump.set_vtbi(0.0, Decimal("5.119"))
    pump.schedule(28.14, PumpModel.occlude)
    line = AsenaPump(pump, AsenaOptions(log_entry=214_725))
    line.start(60.0)
    assert line.feed(INF, 60.0) == b"!INF^8002-51733^A^HLD^0.00^ml/h^^0.969^ml^530.15^mmHg^00:04:09^EVENT^214725|DB9D\r"
    assert line.feed(ALARM, 60.0) == frame(b"ALARM^AL_OCCLU^ ^ ")


def test_rate_volume_and_time_left_follow_the_pump() -> None:
    pump, line = infusing("12.50")
    assert fields(line, 1800.0)[3:11] == ["12.50", "ml/h", "", "6.250", "ml", "17.91", "mmHg", "03:30:00"]
    assert fields(line, 1800.0, "INF_VI") == ["6.250", "ml"]
    pump.set_rate(1800.0, Decimal("25.00"))
    assert fields(line, 1800.0)[3] == "25.00"
    assert fields(line, 1800.0, "INF_RATE") == ["25.00", "ml/h"]
    pump.stop(1800.0)
    assert fields(line, 1900.0)[1:4] == ["-", "HLD", "0.00"]
    assert fields(line, 1900.0, "INF_RATE") == ["25.00", "ml/h"]
    pump.clear_volume(1900.0)
    assert fields(line, 1900.0)[6] == "0.000"


def test_the_volume_is_never_rounded_up() -> None:
    _, line = infusing("1.00")
    assert fields(line, 3599.9, "INF_VI")[0] == "0.999"
    assert fields(line, 3600.0, "INF_VI")[0] == "1.000"


def test_a_bolus_shows_in_rate_and_volume() -> None:
    pump, line = infusing("3.60")
    pump.bolus(10.0)
    assert fields(line, 28.0)[2:7] == ["SET", "200.00", "ml/h", "", "1.010"]
    assert fields(line, 28.0)[10] == "00:14:41"  # 48.99 mL at 200 mL/h
    pump.end_bolus(28.0)
    assert fields(line, 28.0)[3] == "3.60"


@pytest.mark.parametrize(
    ("vtbi", "left"),
    [("24.000", "24+"), ("23.999", "23:59:56"), ("1.0170", "01:01:01"), ("0.0001", "00:00:00")],
)
def test_the_time_left_ends_at_a_day(vtbi: str, left: str) -> None:
    pump, line = infusing("1.00")
    pump.set_vtbi(0.0, Decimal(vtbi))
    assert fields(line, 0.0)[10] == left


def test_without_a_rate_the_time_is_endless() -> None:
    line = AsenaPump(PumpModel())
    line.start(0.0)
    assert fields(line, 0.0)[1:4] == ["-", "HLD", "0.00"]
    assert fields(line, 0.0)[10] == "24+"


def test_vtbi_counts_down_and_ends_with_an_alarm() -> None:
    pump, line = infusing("36.00")
    assert line.feed(READS["INF_VTBI"], 0.0) == frame(b"INF_VTBI^DEACT^^^")
    pump.set_vtbi(0.0, Decimal("11.000"))
    assert line.feed(READS["INF_VTBI"], 0.0) == frame(b"INF_VTBI^ACTIV^11.000^ml^STOP")
    assert fields(line, 0.05, "INF_VTBI")[1] == "10.999"  # of 10.9995: never rounded up
    assert fields(line, 100.0, "INF_VTBI") == ["ACTIV", "10.000", "ml", "STOP"]
    assert fields(line, 1100.0)[1:4] == ["A", "HLD", "0.00"]
    assert fields(line, 1100.0, "INF_VTBI") == ["ACTIV", "0.000", "ml", "STOP"]
    assert fields(line, 1100.0, "ALARM") == ["AL_VTBIS", " ", " "]


def test_kvo_after_the_volume() -> None:
    pump = PumpModel(PumpSpec(serial_number="1", kvo_rate_ml_per_h=Decimal("0.50"), kvo_duration_s=60))
    pump.set_rate(0.0, Decimal("36.00"))
    pump.set_vtbi(0.0, Decimal("1.000"))
    pump.start(0.0)
    line = AsenaPump(pump)
    assert fields(line, 0.0, "INF_VTBI")[3] == "KVO"
    assert fields(line, 120.0)[1:4] == ["A", "SET", "0.50"]
    assert fields(line, 120.0, "ALARM")[0] == "AL_VTBIK"
    assert fields(line, 161.0, "ALARM")[0] == "AL_VTBIS"
    assert fields(line, 161.0)[1:4] == ["A", "HLD", "0.00"]


def test_the_pressure_rises_before_the_alarm() -> None:
    pump, line = infusing("36.00")  # 0.5 mL in 50 s
    pump.occlude(0.0)
    assert fields(line, 25.0)[1:3] + fields(line, 25.0)[8:10] == ["-", "SET", "274.03", "mmHg"]
    assert fields(line, 50.0)[1:3] + fields(line, 50.0)[8:10] == ["A", "HLD", "530.15", "mmHg"]
    pump.release(60.0)
    assert fields(line, 60.0)[8] == "17.91"


def test_every_alarm_has_a_code() -> None:
    assert set(ALARM_CODES) == set(PumpAlarm)


@pytest.mark.parametrize(
    ("alarm", "code", "mode"),
    [
        (PumpAlarm.BATTERY_EMPTY, "AL_EMBAT", "HLD"),
        (PumpAlarm.BATTERY_NEAR_EMPTY, "AL_LWBAT", "SET"),
        (PumpAlarm.SYRINGE, "AL_SYRCO", "HLD"),
        (PumpAlarm.SYRINGE_EMPTY, "AL_EOIST", "HLD"),
        (PumpAlarm.SYRINGE_NEAR_EMPTY, "AL_NEOIN", "SET"),
        (PumpAlarm.AIR, "AL_FAULT", "HLD"),
    ],
)
def test_an_alarm_comes_and_goes(alarm: PumpAlarm, code: str, mode: str) -> None:
    pump, line = infusing()
    pump.raise_alarm(1.0, alarm)
    assert fields(line, 1.0, "ALARM") == [code, " ", " "]
    assert fields(line, 1.0)[1:3] == ["A", mode]
    pump.acknowledge(2.0)
    assert fields(line, 2.0, "ALARM") == [code, " ", " "]  # silenced at the pump, and present all the same
    pump.clear_alarm(3.0, alarm)
    assert line.feed(ALARM, 3.0) == b"!ALARM^AL_NOALM^ ^ |C73B\r"
    assert fields(line, 3.0)[1] == "-"


def test_of_several_alarms_the_gravest_is_told() -> None:
    pump, line = infusing()
    for alarm in (PumpAlarm.BATTERY_NEAR_EMPTY, PumpAlarm.SYRINGE, PumpAlarm.OCCLUSION):
        pump.raise_alarm(1.0, alarm)
    assert fields(line, 1.0, "ALARM")[0] == "AL_OCCLU"
    pump.clear_alarm(1.0, PumpAlarm.OCCLUSION)
    assert fields(line, 1.0, "ALARM")[0] == "AL_SYRCO"


def test_a_code_that_the_pump_model_lacks_can_be_shown() -> None:
    _, line = infusing()
    line.show_alarm("AL_ACDIS")
    assert fields(line, 1.0, "ALARM") == ["AL_ACDIS", " ", " "]
    assert fields(line, 1.0)[1:4] == ["A", "SET", "3.50"]
    line.show_alarm(None)
    assert fields(line, 1.0, "ALARM")[0] == "AL_NOALM"


def test_the_log_grows_with_each_change_that_is_seen() -> None:
    pump, line = infusing()
    assert fields(line, 1.0)[11:] == ["EVENT", "127904"]
    assert fields(line, 100.0)[12] == "127904"
    pump.set_rate(100.0, Decimal("4.00"))
    assert fields(line, 101.0)[12] == "127905"
    pump.stop(102.0)
    assert fields(line, 103.0, "ALARM")[0] == "AL_NOALM"
    assert fields(line, 104.0)[12] == "127906"


@pytest.mark.parametrize("keyword", READS)
def test_each_field_can_be_overridden_and_there_are_no_more(keyword: str) -> None:
    _, line = infusing()
    before = fields(line, 1.0, keyword)
    for place in range(1, len(before) + 1):
        line.override(keyword, place, "9.9 x")
        assert fields(line, 1.0, keyword) == [*before[: place - 1], "9.9 x", *before[place:]]
        line.override(keyword, place, None)
    assert fields(line, 1.0, keyword) == before
    for place in (0, len(before) + 1):
        with pytest.raises(ValueError, match="no field"):
            line.override(keyword, place, "x")


@pytest.mark.parametrize("text", ["a^b", "a|b", "a!b", "a\r", "\x1b", "å", "x" * (MAX_FIELD_CHARS + 1)])
def test_a_text_that_would_break_the_frame_is_refused(text: str) -> None:
    _, line = infusing()
    with pytest.raises(ValueError, match="field"):
        line.override("INF", 3, text)
    with pytest.raises(ValueError, match="field"):
        line.show_alarm(text)
    with pytest.raises(ValueError, match="field"):
        AsenaPump(PumpModel(PumpSpec(serial_number=text)))
    with pytest.raises(ValueError, match="field"):
        AsenaOptions(syringe=text)
    with pytest.raises(ValueError, match="'NONE'"):
        line.override("NONE", 1, "x")
    line.override("INF", 3, "x" * MAX_FIELD_CHARS)
    assert fields(line, 1.0)[2] == "x" * MAX_FIELD_CHARS


def test_a_volumetric_pump_is_refused() -> None:
    with pytest.raises(ValueError, match="syringe"):
        AsenaPump(PumpModel(PumpSpec(syringe_ml=None)))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("permits", [False, True])
def test_a_command_is_forbidden_and_changes_nothing(command: bytes, permits: bool) -> None:
    """The frame is a sound one, so that what refuses it is that it commands."""
    assert command == frame(command[1:-6])
    pump, _ = running_pump(0.0, rate_ml_per_h=Decimal("3.50"))
    untouched, _ = running_pump(0.0, rate_ml_per_h=Decimal("3.50"))
    line = AsenaPump(pump, AsenaOptions(permits_remote_control=permits))
    answer = line.feed(command, 1.0)
    granted = permits and command == COMMANDS[0]
    assert answer == (b"!REMOTE_CTRL^ENABLED^****^PERMIT^0^ms|7BB0\r" if granted else b"")
    assert line.forbidden == [command]
    assert pump.snapshot(1.0) == untouched.snapshot(1.0)
    assert fields(line, 2.0)[3] == "3.50"


def test_remote_control_is_for_the_code_of_this_pump_alone() -> None:
    pump, _ = running_pump(0.0, serial_number="8002-51733", rate_ml_per_h=Decimal("3.50"))
    line = AsenaPump(pump, AsenaOptions(permits_remote_control=True))
    assert line.feed(COMMANDS[0], 1.0) == b""
    assert line.forbidden_count == 1


@pytest.mark.parametrize(
    "data",
    [
        b"!INF|4962\r",
        b"!INF_RATE|8e6d\r",
        b"!INF|4961\n",
        b"!INF4961\r",
        b"!|FFFF\r",
        b"INF|4961\r",
        b"!INF|4961|\r",
        b"!inf|4961\r",
        b"\x00",
        b"\x1b",
        b"!REMQUERY^DEACT^^^|E5C9\r",
        frame(b"INF^"),
        frame(b"INF "),
        frame(b"INF_PURGE"),
        frame(b"\xff"),
    ],
)
def test_what_is_no_read_request_gets_silence_and_is_recorded(data: bytes) -> None:
    _, line = infusing()
    assert line.feed(data + INF[:1], 1.0) == b""
    assert line.feed(INF[1:], 1.0)[:5] == b"!INF^"
    assert b"".join(line.forbidden) == data
    assert b"".join(record.data for record in line.records) == data + INF


def test_esc_drops_what_was_half_sent() -> None:
    _, line = infusing()
    assert line.feed(b"!INF|49\x1b", 1.0) == b""
    assert line.feed(b"61\r", 1.0) == b""
    assert line.feed(ALARM, 1.0) == b"!ALARM^AL_NOALM^ ^ |C73B\r"
    assert line.forbidden == [b"!INF|49\x1b", b"61\r"]


def test_an_answer_can_be_broken_off_with_esc_once() -> None:
    _, line = infusing()
    line.abort_next_answer(9)
    assert line.feed(ALARM, 1.0) == b"!ALARM^AL\x1b"
    assert line.feed(ALARM, 2.0) == b"!ALARM^AL_NOALM^ ^ |C73B\r"


def test_all_requests_in_one_go_are_answered_in_order() -> None:
    _, line = infusing()
    answers = line.feed(b"".join(READS.values()), 1.0).split(b"\r")
    assert [answer[1:].split(b"^")[0].decode() for answer in answers[:-1]] == list(READS)
    assert answers[-1] == b""
    assert line.forbidden_count == 0
    assert [(record.at_s, record.data) for record in line.records] == [(1.0, request) for request in READS.values()]


def test_nothing_is_said_unasked() -> None:
    pump, line = infusing()
    pump.raise_alarm(1.0, PumpAlarm.OCCLUSION)
    assert line.deadline_s is None
    assert line.tick(1000.0) == b""


def test_a_late_answer_keeps_its_turn_and_its_values() -> None:
    pump, line = infusing()
    line.answer_delay_s = 4.0
    assert line.feed(READS["INF_RATE"], 10.0) == b""
    assert line.deadline_s == 14.0
    pump.set_rate(11.0, Decimal("9.00"))
    line.answer_delay_s = 0.0
    assert line.feed(ALARM, 11.0) == b""
    assert line.tick(13.9) == b""
    assert line.tick(14.0) == b"!INF_RATE^3.50^ml/h|3885\r!ALARM^AL_NOALM^ ^ |C73B\r"
    assert line.deadline_s is None


def test_a_pump_switched_off_is_silent_and_comes_back() -> None:
    pump, line = infusing()
    line.answer_delay_s = 1.0
    assert line.feed(INF, 1.0) == b""
    pump.power_off(1.5)
    assert line.tick(2.0) == b""
    line.answer_delay_s = 0.0
    assert line.feed(INF, 3.0) == b""
    pump.power_on(4.0)
    assert fields(line, 4.0)[1:4] == ["-", "HLD", "0.00"]
    assert line.forbidden == []


def test_a_new_line_forgets_what_was_half_said_on_the_old() -> None:
    _, line = infusing()
    line.answer_delay_s = 1.0
    line.feed(INF + b"!INF|49", 1.0)
    assert line.start(1.5) == b""
    assert line.feed(b"61\r", 2.0) == b""
    assert line.deadline_s is None
    assert line.forbidden == [b"61\r"]


def test_a_pump_that_was_not_started_is_on_hold() -> None:
    _, line = running_pump(0.0, rate_ml_per_h=Decimal("3.50"), started=False)
    assert fields(line, 1.0)[:4] == ["8002-51740", "-", "HLD", "0.00"]
    with pytest.raises(ValueError, match="rate"):
        running_pump(0.0, rate_ml_per_h=Decimal(-1))


def test_the_bounds_hold() -> None:
    _, line = infusing()
    line.answer_delay_s = 1.0
    assert line.feed(INF * (MAX_PENDING_ANSWERS + 2), 0.0) == b""
    assert line.dropped_answers == 2
    assert line.tick(1.0).count(b"\r") == MAX_PENDING_ANSWERS
    line.feed(INF * (MAX_RECORDS + 1), 2.0)
    assert len(line.records) == MAX_RECORDS
    for _ in range(MAX_FORBIDDEN + 1):
        line.feed(b"!INF|0000\r", 3.0)
    assert (len(line.forbidden), line.forbidden_count) == (MAX_FORBIDDEN, MAX_FORBIDDEN + 1)


def test_a_frame_may_have_so_many_bytes_and_no_more() -> None:
    _, line = infusing()
    line.feed(b"!" + b"x" * (MAX_HOST_FRAME_BYTES - 1), 1.0)
    assert line.forbidden_count == 0
    line.feed(b"x", 1.0)
    assert line.forbidden == [b"!" + b"x" * (MAX_EXCERPT_BYTES - 1)]
    line.feed(b"y" * 10_000, 1.0)
    assert line.forbidden[1:] == [b"y" * MAX_EXCERPT_BYTES]
    assert line.feed(ALARM, 1.0) == b"!ALARM^AL_NOALM^ ^ |C73B\r"


PIECES = st.one_of(
    st.binary(max_size=100),
    st.sampled_from([*READS.values(), *COMMANDS, INF[:5], INF[5:], b"!", b"|", b"\r", b"\x1b", b"!" * 40]),
)


@given(stream=st.lists(PIECES, max_size=20), permits=st.booleans())
def test_any_bytes_are_survived_and_the_cut_does_not_matter(stream: list[bytes], permits: bool) -> None:
    options = AsenaOptions(permits_remote_control=permits)
    whole, cut = (AsenaPump(infusing()[0], options) for _ in range(2))
    for data in stream:
        assert whole.feed(data, 1.0) == b"".join(cut.feed(bytes((byte,)), 1.0) for byte in data)
        assert len(whole._buffer) <= MAX_HOST_FRAME_BYTES
        assert whole._buffer == cut._buffer
        assert (whole.forbidden_count > 0) == (cut.forbidden_count > 0)


@given(body=st.from_regex(r"[ -~]{1,56}", fullmatch=True))
def test_a_sound_frame_is_forbidden_unless_it_is_one_of_the_ten(body: str) -> None:
    _, line = infusing()
    line.feed(frame(body.encode()), 1.0)
    assert (line.forbidden_count == 0) == (body in READS)
