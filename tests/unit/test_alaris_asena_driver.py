"""The Asena driver question by question: what it reads, what it refuses, and which alarms it tells."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.alaris_asena import (
    DRIVER,
    MIN_POLL_S,
    REST_S,
    AsenaSession,
)
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
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
from tests.golden.asena_reference import NO_ALARM, PROTOCOL, frame, inf
from tests.unit.asena_talk import ASK_ALARM, ASK_INF, ASK_PROTOCOL, SAID_INF, SAID_NO_ALARM, SAID_PROTOCOL, Talk

UNNAMED = DeviceAlarm(DeviceAlarmKind.UNKNOWN, "INF 'A'", "an alarm that the pump does not name")
OCCLUSION = DeviceAlarm(DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "AL_OCCLU", "occlusion")


def sample(said: bytes) -> Observation:
    (seen,) = (output for output in Talk().met().hear(said) if isinstance(output, Observation))
    return seen


def reading(said: bytes, quantity: Quantity) -> Reading:
    (one,) = (one for one in sample(said).readings if one.quantity is quantity)
    return one


def alarms(outputs: list[Output]) -> list[tuple[DeviceAlarm, ...]]:
    return [output.alarms for output in outputs if isinstance(output, AlarmSetChanged)]


def test_the_first_round_word_by_word() -> None:
    talk = Talk()
    assert talk.sent == [ASK_PROTOCOL]
    talk.sent.clear()
    assert talk.hear(SAID_PROTOCOL, after_s=0.05) == []
    talk.wait_for(ASK_INF)
    assert talk.now_s == pytest.approx(0.05 + REST_S)
    identified, seen = talk.hear(SAID_INF, after_s=0.05)
    assert identified == DeviceIdentified("pump", "0", talk.now_s, "8002-51740", "Alaris Asena", "Asena Rev 2.1.5")
    assert isinstance(seen, Observation)
    assert (seen.port, seen.channel, seen.received_at_s, seen.device_time) == ("pump", "0", talk.now_s, "")
    assert seen.readings == (
        Reading(Quantity.INFUSION_RATE, Decimal("12.50"), "mL/h", Decimal("0.01"), origin="INF"),
        Reading(Quantity.VOLUME_INFUSED, Decimal("103.417"), "mL", Decimal("0.001"), origin="INF"),
        Reading(Quantity.TIME_REMAINING, Decimal(9005), "s", Decimal(1), origin="INF"),
        Reading(Quantity.LINE_PRESSURE, Decimal("42.00"), "mm[Hg]", Decimal("0.01"), origin="INF"),
    )
    assert seen.infusion is not None
    assert (seen.infusion.state, seen.infusion.drug) == (InfusionState.INFUSING, None)
    talk.wait_for(ASK_ALARM)
    assert talk.now_s == pytest.approx(0.05 + REST_S + 0.05 + REST_S)
    assert talk.hear(SAID_NO_ALARM) == [AlarmSetChanged("pump", "0", talk.now_s, ())]
    talk.wait_for(ASK_INF)
    assert talk.now_s == pytest.approx(0.05 + REST_S + 1.0)
    assert talk.session.round_s == pytest.approx(1.0)
    assert [type(output) for output in talk.round(SAID_INF, SAID_NO_ALARM)] == [Observation]


@pytest.mark.parametrize("interval_s", [0.01, MIN_POLL_S])
def test_a_pump_is_not_asked_more_often_than_it_bears(interval_s: float) -> None:
    talk = Talk(interval_s).met()
    first_s = talk.now_s
    talk.round(SAID_INF, SAID_NO_ALARM)
    assert talk.now_s == pytest.approx(first_s + MIN_POLL_S)


@pytest.mark.parametrize(
    ("rate", "value", "resolution"), [("0.10", "0.10", "0.01"), ("1200.00", "1200.00", "0.01"), ("5", "5", "1")]
)
def test_rates(rate: str, value: str, resolution: str) -> None:
    said = reading(inf(rate=f"{rate}^ml/h"), Quantity.INFUSION_RATE)
    assert (str(said.value), said.validity) == (value, Validity.VALID)
    assert said.resolution == Decimal(resolution)


@pytest.mark.parametrize(
    ("rate", "validity", "note"),
    [
        ("^ml/h", Validity.NOT_AVAILABLE, ""),
        ("-^ml/h", Validity.NOT_AVAILABLE, ""),
        (" ^ml/h", Validity.NOT_AVAILABLE, ""),
        ("1200.01^ml/h", Validity.INVALID, "1200.01 is beyond 1200"),
        ("-1.00^ml/h", Validity.INVALID, "no number: '-1.00'"),
        ("1e2^ml/h", Validity.INVALID, "no number: '1e2'"),
        ("1_0^ml/h", Validity.INVALID, "no number: '1_0'"),
        (" 1.00^ml/h", Validity.INVALID, "no number: ' 1.00'"),
        ("012.50^ml/h", Validity.INVALID, "no number: '012.50'"),
        ("12,50^ml/h", Validity.INVALID, "no number: '12,50'"),
        ("****^ml/h", Validity.INVALID, "no number: '****'"),
        ("NaN^ml/h", Validity.INVALID, "no number: 'NaN'"),
        ("12.50^ml/min", Validity.INVALID, "unit not known: 'ml/min'"),
        ("12.50^mg/h", Validity.INVALID, "unit not known: 'mg/h'"),
        ("12.50^", Validity.INVALID, "unit not known: ''"),
    ],
)
def test_what_is_no_rate_is_no_number_and_no_state(rate: str, validity: Validity, note: str) -> None:
    seen = sample(inf(rate=rate))
    said = seen.readings[0]
    assert (said.quantity, said.value, said.unit) == (Quantity.INFUSION_RATE, None, "mL/h")
    assert (said.validity, said.note) == (validity, note)
    assert seen.infusion is not None
    assert seen.infusion.state is InfusionState.UNKNOWN
    assert seen.readings[1].value == Decimal("103.417")


def test_a_zero_that_the_pump_says_is_a_zero() -> None:
    said = reading(inf(rate="0.00^ml/h", mode="HLD"), Quantity.INFUSION_RATE)
    assert (said.value, said.validity) == (Decimal("0.00"), Validity.VALID)


@pytest.mark.parametrize(
    ("mode", "rate", "state"),
    [
        ("SET", "0.01", InfusionState.INFUSING),
        ("SET", "0.00", InfusionState.UNKNOWN),
        ("HLD", "0.00", InfusionState.STOPPED),
        ("HLD", "0.01", InfusionState.UNKNOWN),
        ("", "0.00", InfusionState.UNKNOWN),
        ("set", "5.00", InfusionState.UNKNOWN),
        ("KVO", "1.00", InfusionState.UNKNOWN),
        ("BOL", "600.00", InfusionState.UNKNOWN),
    ],
)
def test_states(mode: str, rate: str, state: InfusionState) -> None:
    seen = sample(inf(mode=mode, rate=f"{rate}^ml/h"))
    assert seen.infusion is not None
    assert seen.infusion.state is state
    assert seen.readings[0].value == Decimal(rate)


@pytest.mark.parametrize(
    ("volume", "validity", "note"),
    [
        ("^ml", Validity.NOT_AVAILABLE, ""),
        ("9999.999^ml", Validity.VALID, ""),
        ("10000.000^ml", Validity.INVALID, "no number: '10000.000'"),
        ("-0.001^ml", Validity.INVALID, "no number: '-0.001'"),
        ("1.000^l", Validity.INVALID, "unit not known: 'l'"),
        ("1.000^ml/h", Validity.INVALID, "unit not known: 'ml/h'"),
    ],
)
def test_volumes(volume: str, validity: Validity, note: str) -> None:
    said = reading(inf(volume=volume), Quantity.VOLUME_INFUSED)
    assert (said.validity, said.unit, said.note) == (validity, "mL", note)
    assert (said.value is None) == (validity is not Validity.VALID)


@pytest.mark.parametrize(
    ("left", "value", "validity"),
    [
        ("00:00:00", "0", Validity.VALID),
        ("23:59:59", "86399", Validity.VALID),
        ("24+", "86400", Validity.OVER),
        ("24:00:00", None, Validity.INVALID),
        ("00:60:00", None, Validity.INVALID),
        ("1:00:00", None, Validity.INVALID),
        ("--:--:--", None, Validity.INVALID),
        ("25+", None, Validity.INVALID),
        ("-", None, Validity.NOT_AVAILABLE),
        ("", None, Validity.NOT_AVAILABLE),
    ],
)
def test_times_left(left: str, value: str | None, validity: Validity) -> None:
    said = reading(inf(left=left), Quantity.TIME_REMAINING)
    assert (said.value, said.unit) == (None if value is None else Decimal(value), "s")
    assert said.validity is validity


@pytest.mark.parametrize(
    ("pressure", "value", "validity"),
    [
        ("530.15^mmHg", "530.15", Validity.VALID),
        ("0^mmHg", "0", Validity.VALID),
        ("1500.01^mmHg", None, Validity.INVALID),
        ("-3.00^mmHg", None, Validity.INVALID),
        ("42.00^kPa", None, Validity.INVALID),
        ("42.00^", None, Validity.INVALID),
        ("^mmHg", None, Validity.NOT_AVAILABLE),
    ],
)
def test_pressures(pressure: str, value: str | None, validity: Validity) -> None:
    body = SAID_INF[1:-6].decode().replace("42.00^mmHg", pressure)
    said = reading(frame(body), Quantity.LINE_PRESSURE)
    assert (said.value, said.unit) == (None if value is None else Decimal(value), "mm[Hg]")
    assert said.validity is validity


def test_the_seventh_field_is_not_taken_for_a_drug() -> None:
    seen = sample(inf(seventh="PROPOFOL"))
    assert seen.infusion is not None
    assert (seen.infusion.state, seen.infusion.drug) == (InfusionState.INFUSING, None)


def test_letters_beyond_ascii_in_a_field_that_is_not_read_do_no_harm() -> None:
    assert sample(inf(seventh="K\xe9tamine")).readings[0].value == Decimal("12.50")


@pytest.mark.parametrize("fields", [13, 15])
def test_an_inf_of_another_layout_gives_no_value_and_no_identity(fields: int) -> None:
    body = "^".join([*SAID_INF[1:-6].decode().split("^"), "x"][:fields])
    rejected, seen = Talk().met().hear(frame(body))
    assert rejected == Rejected("syntax", body.encode()[:64])
    assert isinstance(seen, Observation)
    assert [(one.quantity, one.value, one.validity, one.note) for one in seen.readings] == [
        (quantity, None, Validity.INVALID, f"INF of {fields} fields")
        for quantity in (
            *(Quantity.INFUSION_RATE, Quantity.VOLUME_INFUSED, Quantity.TIME_REMAINING, Quantity.LINE_PRESSURE),
        )
    ]
    assert seen.infusion is not None
    assert seen.infusion.state is InfusionState.UNKNOWN


def test_another_serial_number_is_another_pump_whose_alarms_are_told_anew() -> None:
    talk = Talk().met()
    talk.round(SAID_INF, SAID_NO_ALARM)
    made = talk.round(inf(serial="8002-51733"), SAID_NO_ALARM)
    assert [type(output) for output in made] == [DeviceIdentified, Observation, AlarmSetChanged]
    assert isinstance(made[0], DeviceIdentified)
    assert made[0].serial_number == "8002-51733"


@pytest.mark.parametrize("serial", ["", "-", "80\x0002", "8" * 33])
def test_a_serial_number_that_cannot_be_one_is_not_told(serial: str) -> None:
    identified = Talk().met().hear(inf(serial=serial))[0]
    assert isinstance(identified, DeviceIdentified)
    assert identified.serial_number == ""


@pytest.mark.parametrize(
    ("body", "alarm"),
    [
        ("ALARM^AL_OCCLU^ ^ ", OCCLUSION),
        (
            "ALARM^AL_OCCLU^OCCLUSION^",
            DeviceAlarm(DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "AL_OCCLU", "occlusion ('OCCLUSION')"),
        ),
        ("ALARM^AL_EMBAT^^", DeviceAlarm(DeviceAlarmKind.BATTERY_EMPTY, "AL_EMBAT", "battery empty")),
        ("ALARM^AL_LWBAT^^", DeviceAlarm(DeviceAlarmKind.BATTERY_LOW, "AL_LWBAT", "battery low")),
        ("ALARM^AL_FAULT^^", DeviceAlarm(DeviceAlarmKind.MALFUNCTION, "AL_FAULT", "pump fault")),
        ("ALARM^AL_NEOIN^ ^ ", DeviceAlarm(DeviceAlarmKind.UNKNOWN, "AL_NEOIN", "alarm AL_NEOIN")),
        ("ALARM^AL DRDIS^ ^ ", DeviceAlarm(DeviceAlarmKind.UNKNOWN, "AL DRDIS", "alarm AL DRDIS")),
        (
            "ALARM^AL_NOALM^x^ ",
            DeviceAlarm(DeviceAlarmKind.UNKNOWN, "'AL_NOALM^x^ '", "an alarm reply that is not known"),
        ),
        ("ALARM^", DeviceAlarm(DeviceAlarmKind.UNKNOWN, "''", "an alarm reply that is not known")),
        ("ALARM^\xff\x00", DeviceAlarm(DeviceAlarmKind.UNKNOWN, "'\\\\xff\\x00'", "an alarm reply that is not known")),
    ],
)
def test_alarm_codes(body: str, alarm: DeviceAlarm) -> None:
    assert alarms(Talk().met().round(inf(flag="A"), frame(body))) == [(alarm,)]


def test_an_alarm_counts_even_if_inf_has_not_shown_it_yet() -> None:
    assert alarms(Talk().met().round(SAID_INF, frame("ALARM^AL_OCCLU^ ^ "))) == [(OCCLUSION,)]


def test_a_flag_without_a_name_is_an_unknown_alarm() -> None:
    assert alarms(Talk().met().round(inf(flag="A"), SAID_NO_ALARM)) == [(UNNAMED,)]


def test_an_alarm_ends_only_when_both_replies_say_so() -> None:
    talk = Talk().met()
    assert alarms(talk.round(inf(flag="A"), frame("ALARM^AL_OCCLU^ ^ "))) == [(OCCLUSION,)]
    assert alarms(talk.round(inf(flag="A"), SAID_NO_ALARM)) == []
    assert alarms(talk.round(SAID_INF, SAID_NO_ALARM)) == [()]
    assert alarms(talk.round(SAID_INF, SAID_NO_ALARM)) == []


def test_a_pump_that_does_not_answer_alarm_still_tells_its_flag_and_clears_nothing() -> None:
    talk = Talk().met()
    talk.hear(SAID_INF)
    talk.wait_for(ASK_ALARM)
    assert alarms(talk.wait_for(ASK_PROTOCOL)) == []
    talk.hear(SAID_PROTOCOL)
    talk.wait_for(ASK_INF)
    talk.hear(inf(flag="A"))
    talk.wait_for(ASK_ALARM)
    assert alarms(talk.wait_for(ASK_PROTOCOL)) == [(UNNAMED,)]
    talk.hear(SAID_PROTOCOL)
    talk.wait_for(ASK_INF)
    talk.hear(SAID_INF)
    talk.wait_for(ASK_ALARM)
    assert alarms(talk.wait_for(ASK_PROTOCOL)) == []


def test_no_alarm_beside_an_inf_of_unknown_layout_clears_nothing() -> None:
    talk = Talk().met()
    talk.round(inf(flag="A"), frame("ALARM^AL_OCCLU^ ^ "))
    assert alarms(talk.round(frame("INF^8002-51740^-"), SAID_NO_ALARM)) == []


def test_a_long_name_of_the_protocol_is_cut() -> None:
    talk = Talk()
    talk.sent.clear()
    talk.hear(frame("COMMS_PROTOCOL^" + "x" * 100))
    talk.wait_for(ASK_INF)
    identified = talk.hear(SAID_INF)[0]
    assert isinstance(identified, DeviceIdentified)
    assert identified.software == "x" * 32


def test_the_literal_frames_are_those_of_the_reference() -> None:
    assert (frame(PROTOCOL), frame(NO_ALARM), inf()) == (SAID_PROTOCOL, SAID_NO_ALARM, SAID_INF)


def test_what_the_driver_says_of_itself() -> None:
    assert (DRIVER.name, DRIVER.experimental, DRIVER.listen_only) == ("alaris-asena", True, False)
    assert DRIVER.line == LineSettings(baud=38400, data_bits=8, parity="N", stop_bits=1)
    assert isinstance(DRIVER.session(SessionOptions("pump")), AsenaSession)
