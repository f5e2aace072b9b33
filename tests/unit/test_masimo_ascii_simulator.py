"""The simulated Masimo against lines that real ones sent, as published, and the sample in the maker's manual."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from simulators.masimo_ascii import NO_SERIAL_NUMBER, Exceptions, MasimoOximeter, Output
from simulators.oximeter import Limits, Sensor
from simulators.patient import Vitals


class World:
    """One monitor whose clock shows ``line_at`` one second after its power-on, and the patient that may be changed."""

    def __init__(self, spo2: int | None, pulse: int | None, line_at: datetime, **options: object) -> None:
        self.vitals = Vitals(spo2_percent=spo2, heart_rate_per_min=pulse)
        self.monitor = MasimoOximeter(lambda _: self.vitals, clock=line_at, **options)  # type: ignore[arg-type] # a test
        assert self.monitor.start(0.0) == b""
        self.monitor.set_clock(1.0, line_at)
        self.now_s = 0.0

    def line(self) -> bytes:
        """Return the next line."""
        deadline_s = self.monitor.deadline_s
        assert deadline_s is not None
        self.now_s = deadline_s
        return self.monitor.tick(deadline_s)

    def field(self, key: bytes) -> bytes:
        """Return one value of the next line."""
        return dict(token.split(b"=") for token in self.line().split()[2:])[key]


def well(**options: object) -> World:
    return World(97, 80, datetime(2018, 2, 24, 4, 48, 53, tzinfo=UTC), **options)


def test_a_line_is_the_real_rad_8s_byte_for_byte() -> None:
    world = well()
    assert world.line() == (
        b"02/24/18 04:48:53 SN=0000145838 SPO2=097% BPM=080 PI=04.96% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
        b"ALARM=0000 EXC=000800\r\n"
    )
    world.vitals = Vitals(spo2_percent=97, heart_rate_per_min=81)
    world.monitor.perfusion_index_percent = Decimal("5.04")
    assert world.line() == (
        b"02/24/18 04:48:54 SN=0000145838 SPO2=097% BPM=081 PI=05.04% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
        b"ALARM=0000 EXC=000800\r\n"
    )


def test_a_silenced_low_pulse_is_a_real_rad_8s_byte_for_byte() -> None:
    world = World(
        98,
        57,
        datetime(2005, 3, 6, 21, 11, 30, tzinfo=UTC),
        serial_number="0000066575",
        limits=Limits(pulse_low_per_min=60),
    )
    world.monitor.perfusion_index_percent = Decimal("7.02")
    world.monitor.alarms.silence(0.0)
    assert world.line() == (
        b"03/06/05 21:11:30 SN=0000066575 SPO2=098% BPM=057 PI=07.02% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
        b"ALARM=0038 EXC=000800\r\n"
    )


def test_values_that_stay_with_the_sensor_off_are_a_real_rad_8s_byte_for_byte() -> None:
    world = World(98, 101, datetime(2021, 5, 20, 14, 6, 1, tzinfo=UTC), serial_number="0000182948")
    world.line()
    world.monitor.sensor = Sensor.OFF
    world.monitor.values_stay = True
    world.monitor.exceptions = Exceptions.LOW_PERFUSION
    assert world.line() == (
        b"05/20/21 14:06:02 SN=0000182948 SPO2=098% BPM=101 PI=--.--% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
        b"ALARM=0010 EXC=000824\r\n"
    )


def test_a_line_is_the_real_colour_radical_7s_byte_for_byte() -> None:
    world = World(
        98,
        123,
        datetime(2016, 3, 17, 19, 19, 36, tzinfo=UTC),
        output=Output.RADICAL_7_COLOUR,
        serial_number=NO_SERIAL_NUMBER,
    )
    world.monitor.perfusion_index_percent = Decimal("0.55")
    world.monitor.exceptions = Exceptions.LOW_SIGNAL_IQ
    assert world.line() == (
        b"03/17/16 19:19:36 SN=---------- SPO2=098% BPM=123 PI=00.55 SPCO=--% SPMET=--.-% SPHB=--.- SPOC=-- RESVD=--- "
        b"DESAT=-- PIDELTA=+-- PVI=--- ALARM=000000 EXC=0000C00 EXC1=00000000\r\n"
    )


def test_a_line_without_values_is_the_blue_radical_7s_of_its_service_manual() -> None:
    world = World(
        None,
        None,
        datetime(2007, 5, 15, 8, 12, 21, tzinfo=UTC),
        output=Output.RADICAL_7_BLUE,
        serial_number="0000070986",
    )
    world.monitor.perfusion_index_percent = None
    assert world.line() == (
        b"05/15/07 08:12:21 SN=0000070986 SPO2=---% BPM=--- PI=--.--% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
        b"PVI=--- ALARM=0000 EXC=000000\r\n"
    )


def test_ascii_2_is_the_trend_sample_of_the_manual_with_000_for_no_value() -> None:
    world = World(97, 69, datetime(2008, 9, 21, 9, 56, 11, tzinfo=UTC), output=Output.ASCII_2)
    world.monitor.perfusion_index_percent = Decimal("4.69")
    lines = [world.line()]
    world.vitals = Vitals(spo2_percent=96, heart_rate_per_min=74)
    world.monitor.perfusion_index_percent = Decimal("2.28")
    world.monitor.exceptions = Exceptions.LOW_SIGNAL_IQ
    lines.append(world.line())
    world.monitor.exceptions = 0
    world.monitor.sensor = Sensor.OFF
    lines.append(world.line())
    world.monitor.exceptions = Exceptions.PULSE_SEARCH
    lines.append(world.line())
    assert lines == [
        b"09/21/08 09:56:12 SpO2=097 PR=069 PI=04.69 EXC=800:SET\r\n",
        b"09/21/08 09:56:14 SpO2=096 PR=074 PI=02.28 EXC=C00:LowSigIQ,SET\r\n",
        b"09/21/08 09:56:16 SpO2=000 PR=000 PI=00.00 EXC=820:OffPat,SET\r\n",
        b"09/21/08 09:56:18 SpO2=000 PR=000 PI=00.00 EXC=828:Search,OffPat,SET\r\n",
    ]


def test_ascii_2_without_an_exception_has_no_names() -> None:
    world = World(None, None, datetime(2008, 9, 21, 9, 56, 11, tzinfo=UTC), output=Output.ASCII_2)
    assert world.line().endswith(b"EXC=000\r\n")


@pytest.mark.parametrize(
    ("sensor", "exceptions", "alarm"),
    [
        (Sensor.OFF, b"000820", b"0010"),
        (Sensor.DISCONNECTED, b"000001", b"0000"),
        (Sensor.SEARCHING, b"000808", b"0000"),
    ],
)
def test_a_sensor_without_values_shows_dashes_and_comes_back(sensor: Sensor, exceptions: bytes, alarm: bytes) -> None:
    world = well()
    world.line()
    world.monitor.sensor = sensor
    assert world.line()[18:] == (
        b"SN=0000145838 SPO2=---% BPM=--- PI=--.--% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
        b"ALARM=" + alarm + b" EXC=" + exceptions + b"\r\n"
    )
    world.monitor.sensor = Sensor.ON
    assert b"SPO2=097% BPM=080 PI=04.96%" in world.line()


def test_set_mode_needs_clean_data_of_this_sensor() -> None:
    world = well()
    world.monitor.sensor = Sensor.SEARCHING
    assert world.field(b"EXC") == b"000008"
    world.monitor.sensor = Sensor.ON
    assert world.field(b"EXC") == b"000800"
    world.monitor.sensor = Sensor.DISCONNECTED
    world.line()
    world.monitor.sensor = Sensor.OFF
    assert world.field(b"EXC") == b"000020"
    world.monitor.sensor = Sensor.ON
    world.line()
    world.monitor.start(world.now_s)
    world.monitor.sensor = Sensor.SEARCHING
    assert world.field(b"EXC") == b"000008"


@pytest.mark.parametrize(
    ("spo2", "pulse", "alarm"),
    [
        (95, 80, b"0000"),
        (96, 80, b"0011"),
        (84, 80, b"0012"),
        (90, 171, b"0014"),
        (90, 39, b"0018"),
        (84, 171, b"0016"),
    ],
)
def test_a_value_beyond_its_limit_is_an_alarm(spo2: int, pulse: int, alarm: bytes) -> None:
    world = well(limits=Limits(spo2_high_percent=95))
    world.vitals = Vitals(spo2_percent=spo2, heart_rate_per_min=pulse)
    assert world.field(b"ALARM") == alarm


def test_alarm_keys_silence_switch_off_and_are_reset_by_power() -> None:
    world = World(80, 80, datetime(2018, 2, 24, tzinfo=UTC))
    assert world.field(b"ALARM") == b"0012"
    world.monitor.alarms.silence(world.now_s, for_s=1.5)
    assert [world.field(b"ALARM"), world.field(b"ALARM")] == [b"0032", b"0012"]
    world.monitor.alarms.on = False
    assert world.field(b"ALARM") == b"0000"
    world.monitor.alarms.silence(world.now_s)
    assert world.field(b"ALARM") == b"0020"
    world.monitor.start(world.now_s)
    assert world.field(b"ALARM") == b"0012"


def test_bits_that_nobody_knows_can_be_shown() -> None:
    world = well()
    world.monitor.exceptions = 0x100 | 0x1000
    world.monitor.alarm_bits = 0x40
    assert world.line().endswith(b"ALARM=0040 EXC=001900\r\n")


def test_pulse_and_saturation_of_three_digits() -> None:
    world = well()
    world.vitals = Vitals(spo2_percent=100, heart_rate_per_min=128)
    assert b"SPO2=100% BPM=128 PI=" in world.line()


@pytest.mark.parametrize("serial_number", ["145838", "00001458388", "000014583X", ""])
def test_a_serial_number_of_another_shape_is_refused(serial_number: str) -> None:
    with pytest.raises(ValueError, match="serial number"):
        MasimoOximeter(lambda _: Vitals(), serial_number=serial_number)
