"""The simulated monitor against the sheet's literals, by hand; the driver has no part in it."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from simulators.cli import main
from simulators.ivy_450c import HEARD_LIMIT_BYTES, IvyMonitor, Parameter
from simulators.patient import Vitals

CAPTURE = Path(__file__).parents[3] / "shared/data/ivy-450c-capture.bin"

AS_CAPTURED = Vitals(
    heart_rate_per_min=80,
    respiratory_rate_per_min=35,
    spo2_percent=100,
    nibp_sys_mmhg=121,
    nibp_dia_mmhg=75,
    nibp_mean_mmhg=92,
    nibp_pulse_rate_per_min=80,
    ibp_sys_mmhg=111,
    ibp_dia_mmhg=73,
    ibp_mean_mmhg=88,
)
TEXT_AS_CAPTURED = (
    b"HR=1;80;ECG-II-DIAG;\r"
    b"RR=1;35;APNEA: 20 SEC;\r"
    b"ETCO2=1;;;\r"
    b"SPO2=1;100;PR=80 ;\r"
    b"NIBP=4;121;75;92;80;;\r"
    b"P1=3;111;73;88;;\r"
    b"P2=3;;;;NO TRANSDUCER;\r"
    b"T1=1;;;\r"
    b"T2=1;;;\r"
)
ECG, RESP, PLETH, P1, P2 = slice(9, 209), slice(209, 259), slice(259, 309), slice(309, 359), slice(359, 409)


def powered_on(vitals: Vitals = AS_CAPTURED) -> IvyMonitor:
    monitor = IvyMonitor(lambda _now_s: vitals)
    assert monitor.start(0.0) == b""
    return monitor


def lines_of(message: bytes) -> dict[bytes, bytes]:
    text = message[409:-1]
    assert text.endswith(b"\r")
    return {line.split(b"=")[0]: line for line in text[:-1].split(b"\r")}


def test_a_message_is_framed_and_texted_as_the_captured_one() -> None:
    message = powered_on().tick(1.0)
    assert len(message) == 562
    assert message[:9] == b"\xffANSAR-B "
    assert message[409:] == TEXT_AS_CAPTURED + b"\xfe"


@pytest.mark.skipif(not CAPTURE.exists(), reason="the recorded bytes are not here")
def test_the_text_is_the_real_monitors_byte_for_byte() -> None:
    second = CAPTURE.read_bytes().split(b"\xfe\xff")[1]
    assert powered_on().tick(1.0)[409:-1] == second[408:]


def test_ff_and_fe_stand_at_the_ends_alone() -> None:
    monitor = powered_on(replace(AS_CAPTURED, heart_rate_per_min=250, ibp_sys_mmhg=300, ibp_dia_mmhg=260))
    for now_s in range(1, 61):
        message = monitor.tick(float(now_s))
        assert message.count(b"\xff") == 1
        assert message.count(b"\xfe") == 1
        assert message[0] == 0xFF
        assert message[-1] == 0xFE
        assert max(message[9:359]) <= 0xFA
        assert message[P2] == b"\xfb" * 50


def test_one_message_a_second_without_drift() -> None:
    monitor = powered_on()
    assert monitor.deadline_s == 1.0
    assert monitor.tick(0.999) == b""
    assert len(monitor.tick(1.004)) == 562
    assert monitor.deadline_s == 2.0
    assert monitor.tick(1.5) == b""


def test_after_a_stall_missed_messages_are_not_made_up() -> None:
    monitor = powered_on()
    assert len(monitor.tick(100.4)) == 562
    assert monitor.deadline_s == 101.0
    assert monitor.tick(100.5) == b""


def test_nothing_is_said_before_power_on() -> None:
    monitor = IvyMonitor(lambda _now_s: AS_CAPTURED)
    assert monitor.deadline_s is None
    assert monitor.tick(5.0) == b""


def test_the_vital_signs_are_asked_at_the_time_of_the_message() -> None:
    monitor = IvyMonitor(lambda now_s: Vitals(heart_rate_per_min=int(now_s)))
    monitor.start(70.0)
    assert lines_of(monitor.tick(71.0))[b"HR"] == b"HR=1;71;ECG-II-DIAG;"
    assert lines_of(monitor.tick(72.0))[b"HR"] == b"HR=1;72;ECG-II-DIAG;"


@pytest.mark.parametrize(
    ("rate", "line"),
    [(9, b"SPO2=1;97;PR=9  ;"), (80, b"SPO2=1;97;PR=80 ;"), (104, b"SPO2=1;97;PR=104;")],
)
def test_the_pulse_rate_is_padded_to_three_places(rate: int, line: bytes) -> None:
    assert lines_of(powered_on(Vitals(heart_rate_per_min=rate, spo2_percent=97)).tick(1.0))[b"SPO2"] == line


def test_what_is_not_measured_is_empty_and_has_no_wave() -> None:
    message = powered_on(Vitals()).tick(1.0)
    assert message[409:] == (
        b"HR=1;;ECG-II-DIAG;\rRR=1;;APNEA: 20 SEC;\rETCO2=1;;;\rSPO2=1;;;\rNIBP=4;;;;;;\r"
        b"P1=3;;;;NO TRANSDUCER;\rP2=3;;;;NO TRANSDUCER;\rT1=1;;;\rT2=1;;;\r\xfe"
    )
    assert message[9:409] == b"\xfb" * 400


def test_zero_is_a_value_and_flat_is_a_wave() -> None:
    message = powered_on(Vitals(heart_rate_per_min=0, respiratory_rate_per_min=0)).tick(1.0)
    assert lines_of(message)[b"HR"] == b"HR=1;0;ECG-II-DIAG;"
    assert lines_of(message)[b"RR"] == b"RR=1;0;APNEA: 20 SEC;"
    assert message[ECG] == bytes([100]) * 200
    assert len(set(message[RESP])) == 1
    assert 0xFB not in message[RESP]


@pytest.mark.parametrize(
    ("parameter", "line", "wave"),
    [
        (Parameter.HR, b"HR=1;;SENSOR OFF;", ECG),
        (Parameter.RR, b"RR=1;;SENSOR OFF;", RESP),
        (Parameter.SPO2, b"SPO2=1;;SENSOR OFF;", PLETH),
        (Parameter.NIBP, b"NIBP=4;;;;;SENSOR OFF;", None),
        (Parameter.P1, b"P1=3;;;;SENSOR OFF;", P1),
        (Parameter.ETCO2, b"ETCO2=1;;SENSOR OFF;", None),
    ],
)
def test_a_sensor_off_has_no_values_and_comes_back(parameter: Parameter, line: bytes, wave: slice | None) -> None:
    monitor = powered_on(replace(AS_CAPTURED, etco2_mmhg=38))
    before = lines_of(monitor.tick(1.0))
    monitor.switch_off(parameter, "SENSOR OFF")
    message = monitor.tick(2.0)
    name = parameter.value.encode()
    assert lines_of(message) == before | {name: line}
    if wave is not None:
        assert set(message[wave]) == {0xFB}
    monitor.switch_on(parameter)
    message = monitor.tick(3.0)
    assert lines_of(message) == before
    if wave is not None:
        assert 0xFB not in message[wave]


def test_an_alarm_text_is_the_last_field_and_ends() -> None:
    monitor = powered_on()
    monitor.set_alarm(Parameter.HR, "HIGH HR")
    monitor.set_alarm(Parameter.NIBP, "HIGH SYS")
    lines = lines_of(monitor.tick(1.0))
    assert lines[b"HR"] == b"HR=1;80;ECG-II-DIAG;HIGH HR"
    assert lines[b"NIBP"] == b"NIBP=4;121;75;92;80;;HIGH SYS"
    monitor.set_alarm(Parameter.HR, "")
    assert lines_of(monitor.tick(2.0))[b"HR"] == b"HR=1;80;ECG-II-DIAG;"


@pytest.mark.parametrize("text", ["A;B", "A\rB", "A\xff", "\x7f", "Å"])
def test_a_text_that_would_break_the_line_is_refused(text: str) -> None:
    monitor = powered_on()
    with pytest.raises(ValueError, match="field"):
        monitor.set_alarm(Parameter.HR, text)
    with pytest.raises(ValueError, match="field"):
        monitor.switch_off(Parameter.HR, text)
    assert monitor.tick(1.0)[409:] == TEXT_AS_CAPTURED + b"\xfe"


@pytest.mark.parametrize("rate", [40, 80, 180])
def test_the_ecg_beats_and_the_chest_moves_at_the_shown_rates(rate: int) -> None:
    monitor = powered_on(Vitals(heart_rate_per_min=rate, respiratory_rate_per_min=15))
    messages = [monitor.tick(float(now_s)) for now_s in range(1, 61)]

    def rises(samples: bytes, level: int) -> int:
        return sum(before < level <= after for before, after in pairwise(samples))

    assert abs(rises(b"".join(message[ECG] for message in messages), 135) - rate) <= 1
    assert abs(rises(b"".join(message[PLETH] for message in messages), 140) - rate) <= 1
    assert abs(rises(b"".join(message[RESP] for message in messages), 125) - 15) <= 1


def test_the_arterial_wave_spans_the_shown_pressures() -> None:
    monitor = powered_on()
    wave = b"".join(monitor.tick(float(now_s))[P1] for now_s in range(1, 11))
    assert min(wave) == 73
    assert 105 <= max(wave) <= 111


def test_the_host_gets_no_answer_and_is_recorded() -> None:
    monitor = powered_on()
    assert monitor.feed(b"START", 0.5) == b""
    assert monitor.feed(b"\x00", 0.6) == b""
    assert monitor.heard == b"START\x00"
    assert monitor.deadline_s == 1.0


def test_the_record_of_the_host_is_bounded_and_keeps_the_first() -> None:
    monitor = powered_on()
    monitor.feed(b"!" + bytes(HEARD_LIMIT_BYTES - 2), 0.1)
    monitor.feed(b"ab", 0.2)
    monitor.feed(b"c", 0.3)
    assert len(monitor.heard) == HEARD_LIMIT_BYTES
    assert monitor.heard[:1] == b"!"
    assert monitor.heard[-1:] == b"a"


def test_impossible_pressures_are_named_with_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("ivy", "--sys", "80", "--dia", "90")) == 2
    assert "change --sys or --dia" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ivy", "--hr", "fast"), "argument --hr: 'fast' is not a whole number from 20 to 250"),
        (("ivy", "--hr", "251"), "argument --hr: '251' is not a whole number from 20 to 250"),
        (("ivy", "--hr", "-5"), "argument --hr"),
        (("ivy", "--ketamine", "nan"), "argument --ketamine: 'nan' is not a number from 0 to 20"),
        (("ivy", "--off", "EEG"), "argument --off"),
        (("play", "x", "--baud", "0"), "argument --baud: '0' is not a whole number from 300 to 921600"),
        (("fly",), "invalid choice"),
        ((), "COMMAND"),
    ],
)
def test_bad_options_are_named_and_end_with_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert told in capsys.readouterr().err
