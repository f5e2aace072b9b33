"""A Masimo Rad-8 or Radical-7 at its serial output: a line of text a second, unasked, at 9600 8N1, ended by CR LF.

The lines of ASCII 1 are written as real devices have sent them, widths included. EXC is as the maker's manual says it.
ALARM is undocumented: 01 SpO2 high, 02 SpO2 low, 04 pulse high, 08 pulse low, 10 alarm, 20 silence key; lines of real
Rad-8s show that 10 stays while 20 is there, that a sensor off shows 10 alone, and that no sensor shows none.
ASCII 2, in which a Rad-8 is delivered, is taken to be the trend format of its manual: 000 for no value, each 2 s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import IntFlag, StrEnum

from simulators.oximeter import CLOCK_AT_POWER_ON, AlarmKeys, Breach, Limits, Oximeter, Sensor
from simulators.patient import Vitals

PERIOD_S = 1.0
TREND_PERIOD_S = 2.0
NO_SERIAL_NUMBER = "----------"


class Exceptions(IntFlag):
    """The bits of EXC. 100 and 200 are reserved. ``SET`` is normal: the sensor is good and has had clean data."""

    NO_SENSOR = 0x001
    DEFECTIVE_SENSOR = 0x002
    LOW_PERFUSION = 0x004
    PULSE_SEARCH = 0x008
    INTERFERENCE = 0x010
    SENSOR_OFF = 0x020
    AMBIENT_LIGHT = 0x040
    UNRECOGNISED_SENSOR = 0x080
    LOW_SIGNAL_IQ = 0x400
    SET = 0x800


class Output(StrEnum):
    """What the line carries: ASCII 1 in the shape of one model, or ASCII 2."""

    RAD_8 = "Rad-8"
    RADICAL_7_BLUE = "Radical-7, blue screen"
    RADICAL_7_COLOUR = "Radical-7, colour screen"
    ASCII_2 = "ASCII 2"


_SHAPES = {
    Output.RAD_8: (
        "{time} SN={serial} SPO2={spo2}% BPM={pulse} PI={pi}% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- "
        "ALARM={alarm:04X} EXC={exc:06X}"
    ),
    Output.RADICAL_7_BLUE: (
        "{time} SN={serial} SPO2={spo2}% BPM={pulse} PI={pi}% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- PVI=--- "
        "ALARM={alarm:04X} EXC={exc:06X}"
    ),
    Output.RADICAL_7_COLOUR: (
        "{time} SN={serial} SPO2={spo2}% BPM={pulse} PI={pi} SPCO=--% SPMET=--.-% SPHB=--.- SPOC=-- RESVD=--- DESAT=-- "
        "PIDELTA=+-- PVI=--- ALARM={alarm:06X} EXC={exc:07X} EXC1=00000000"
    ),
    Output.ASCII_2: "{time} SpO2={spo2} PR={pulse} PI={pi} EXC={exc:03X}{names}",
}
_MISSING = {Output.ASCII_2: ("000", "00.00")}
_TREND_NAMES = {  # those that the manual's sample shows; the others' names are not known
    Exceptions.PULSE_SEARCH: "Search",
    Exceptions.SENSOR_OFF: "OffPat",
    Exceptions.LOW_SIGNAL_IQ: "LowSigIQ",
    Exceptions.SET: "SET",
}
_SENSOR_BITS = {
    Sensor.ON: 0,
    Sensor.OFF: Exceptions.SENSOR_OFF,
    Sensor.DISCONNECTED: Exceptions.NO_SENSOR,
    Sensor.SEARCHING: Exceptions.PULSE_SEARCH,
}
_BREACH_BITS = {Breach.SPO2_HIGH: 0x01, Breach.SPO2_LOW: 0x02, Breach.PULSE_HIGH: 0x04, Breach.PULSE_LOW: 0x08}
_ALARM, _SILENCED = 0x10, 0x20


class MasimoOximeter(Oximeter):
    """The monitor. Raises ``ValueError`` for a serial number that is not ten digits or ``NO_SERIAL_NUMBER``.

    May be set at any time: ``perfusion_index_percent`` (``None``: no value); ``exceptions`` and ``alarm_bits``, shown
    in addition to what the sensor and the limits give, known bits or not; ``values_stay``, which shows SpO2 and pulse
    rate also with the sensor off, as a real Rad-8 did: ``SPO2=098% BPM=101 PI=--.--%`` with ``EXC=000824``.
    With the alarms off nothing is judged.
    """

    def __init__(
        self,
        vitals: Callable[[float], Vitals],
        *,
        output: Output = Output.RAD_8,
        serial_number: str = "0000145838",
        limits: Limits | None = None,
        clock: datetime = CLOCK_AT_POWER_ON,
    ) -> None:
        if serial_number != NO_SERIAL_NUMBER and not re.fullmatch(r"[0-9]{10}", serial_number):
            raise ValueError(f"serial number {serial_number!r}")
        period_s = TREND_PERIOD_S if output is Output.ASCII_2 else PERIOD_S
        super().__init__(vitals, period_s=period_s, clock=clock)
        self.alarms = AlarmKeys(limits or Limits())
        self.perfusion_index_percent: Decimal | None = Decimal("4.96")
        self.exceptions = 0
        self.alarm_bits = 0
        self.values_stay = False
        self._output = output
        self._serial_number = serial_number
        self._has_had_clean_data = False

    def _power_on(self, now_s: float) -> bytes:  # noqa: ARG002 - the shape of an oximeter
        self.alarms.reset()
        self._has_had_clean_data = False
        return b""

    def _values(self, now_s: float) -> tuple[int | None, int | None]:
        if self.sensor is Sensor.OFF and self.values_stay:
            vitals = self._vitals(now_s)
            return vitals.spo2_percent, vitals.heart_rate_per_min
        return super()._values(now_s)

    def _report(self, now_s: float) -> bytes:
        spo2, pulse = self._values(now_s)
        perfusion = self.perfusion_index_percent if self.sensor is Sensor.ON else None
        exceptions = self._exceptions(spo2)
        missing, missing_perfusion = _MISSING.get(self._output, ("---", "--.--"))
        names = ",".join(name for bit, name in _TREND_NAMES.items() if bit & exceptions)
        line = _SHAPES[self._output].format(
            time=self._time(now_s).strftime("%m/%d/%y %H:%M:%S"),
            serial=self._serial_number,
            spo2=missing if spo2 is None else f"{spo2:03}",
            pulse=missing if pulse is None else f"{pulse:03}",
            pi=missing_perfusion if perfusion is None else f"{perfusion:05.2f}",
            alarm=self._alarm(now_s, spo2, pulse),
            exc=exceptions,
            names=names and f":{names}",
        )
        return line.encode("ascii") + b"\r\n"

    def _exceptions(self, spo2_percent: int | None) -> int:
        if self.sensor is Sensor.DISCONNECTED:
            self._has_had_clean_data = False
        elif self.sensor is Sensor.ON and spo2_percent is not None:
            self._has_had_clean_data = True
        return self.exceptions | _SENSOR_BITS[self.sensor] | (Exceptions.SET if self._has_had_clean_data else 0)

    def _alarm(self, now_s: float, spo2_percent: int | None, pulse_per_min: int | None) -> int:
        bits = 0
        if self.alarms.on:
            bits = sum(_BREACH_BITS[breach] for breach in self.alarms.limits.breaches(spo2_percent, pulse_per_min))
            if bits or self.sensor is Sensor.OFF:
                bits |= _ALARM
        return self.alarm_bits | bits | (_SILENCED if self.alarms.silenced(now_s) else 0)
