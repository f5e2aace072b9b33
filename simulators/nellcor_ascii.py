"""A Nellcor N-560 or NPB-295 at its data port: a report for a printer, a line each 2 s, unasked, 9600 8N1, CR LF.

Columns are as a real N-560 printed them: the time at 0, SpO2 at 21, pulse rate at 29, pulse amplitude right-aligned to
39, then places for status codes at 44, 49, 54 and 59. In the lines that are known AO stands at 59 and MO at 44. Assumed
are: that AS shares the place of AO and all other codes follow from 44 on, that the heading comes again after 25 lines,
and that ``*`` and the limit codes stay while the alarms are off.
The N-200's "computer format" is not here: its checksum is not public.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from simulators.oximeter import CLOCK_AT_POWER_ON, AlarmKeys, Breach, Limits, Oximeter, Sensor
from simulators.patient import Vitals

PERIOD_S = 2.0
LINES_A_PAGE = 25
CODE_PLACES = (44, 49, 54, 59)
_SPO2_AT, _PULSE_AT, _AMPLITUDE_AT = 21, 29, 37
_MODE_AT, _SATSECONDS_AT = 29, 45
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # whatever the locale
_SENSOR_CODES = {Sensor.OFF: "SO", Sensor.DISCONNECTED: "SD", Sensor.SEARCHING: "PS"}
_BREACH_CODES = {Breach.SPO2_HIGH: "SH", Breach.SPO2_LOW: "SL", Breach.PULSE_HIGH: "PH", Breach.PULSE_LOW: "PL"}
_SPO2_BREACHES = frozenset({Breach.SPO2_HIGH, Breach.SPO2_LOW})
_PULSE_BREACHES = frozenset({Breach.PULSE_HIGH, Breach.PULSE_LOW})


@dataclass(frozen=True, slots=True)
class NellcorModel:
    """How a model prints: ``checksum`` is its software's, ``satseconds`` is printed with the mode if not ``None``."""

    name: str
    version: str
    checksum: str
    spo2_heading: str
    satseconds: int | None
    upper_case_months: bool


N_560 = NellcorModel("N-560", "1.61.00", "CRC:XXXX", "%SpO2", 25, upper_case_months=False)
NPB_295 = NellcorModel("NPB-295", "2.0.0.0", "CRC: XXXX", "%SPO2", None, upper_case_months=True)


class NellcorOximeter(Oximeter):
    """The monitor.

    ``pulse_amplitude`` may be set at any time (``None``: no value), and so may the codes that neither the sensor, the
    limits nor the alarm keys give: LB, LM, LP, MO, or unknown ones (``show_codes``).
    """

    def __init__(
        self,
        vitals: Callable[[float], Vitals],
        *,
        model: NellcorModel = N_560,
        limits: Limits | None = None,
        clock: datetime = CLOCK_AT_POWER_ON,
    ) -> None:
        super().__init__(vitals, period_s=PERIOD_S, clock=clock)
        self.alarms = AlarmKeys(limits or Limits())
        self.pulse_amplitude: int | None = 88
        self._model = model
        self._codes: tuple[str, ...] = ()
        self._lines_left = 0
        self._printed_limits: Limits | None = None

    def show_codes(self, *codes: str) -> None:
        """Show these status codes from now on, none to end them. Raises ``ValueError`` if one is not two capitals."""
        for code in codes:
            if not re.fullmatch(r"[A-Z]{2}", code):
                raise ValueError(f"status code {code!r}")
        self._codes = codes

    def _power_on(self, now_s: float) -> bytes:  # noqa: ARG002 - the shape of an oximeter
        self.alarms.reset()
        self._lines_left = 0
        return b""

    def _report(self, now_s: float) -> bytes:
        lines = []
        if self._lines_left == 0 or self._printed_limits != self.alarms.limits:
            lines += self._heading()
            self._lines_left, self._printed_limits = LINES_A_PAGE, self.alarms.limits
        self._lines_left -= 1
        lines.append(self._data_line(now_s))
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")

    def _heading(self) -> list[str]:
        model, limits = self._model, self.alarms.limits
        spo2 = f"SpO2 Limit: {limits.spo2_low_percent}-{limits.spo2_high_percent}%"
        pulse = f"PR Limit: {limits.pulse_low_per_min}-{limits.pulse_high_per_min}BPM"
        lines = [f"{model.name}    VERSION {model.version}    {model.checksum}  {spo2}    {pulse}"]
        if model.satseconds is not None:
            lines.append(_set_out({_MODE_AT: "ADULT", _SATSECONDS_AT: f"{model.satseconds}SAT-S"}))
        columns = {0: "TIME", _SPO2_AT: model.spo2_heading, _PULSE_AT: "BPM", _AMPLITUDE_AT: "PA", 44: "Status"}
        return [*lines, _set_out(columns)]

    def _data_line(self, now_s: float) -> str:
        spo2, pulse = self._values(now_s)
        amplitude = self.pulse_amplitude if self.sensor is Sensor.ON else None
        breaches = self.alarms.limits.breaches(spo2, pulse)
        return _set_out(
            {
                0: self._printed_time(now_s),
                _SPO2_AT: _number(spo2) + ("*" if breaches & _SPO2_BREACHES else ""),
                _PULSE_AT: _number(pulse) + ("*" if breaches & _PULSE_BREACHES else ""),
                _AMPLITUDE_AT: _number(amplitude),
                **self._placed_codes(now_s, breaches),
            }
        )

    def _printed_time(self, now_s: float) -> str:
        time = self._time(now_s)
        month = _MONTHS[time.month - 1]
        return f"{time:%d}-{month.upper() if self._model.upper_case_months else month}-{time:%y %H:%M:%S}"

    def _placed_codes(self, now_s: float, breaches: frozenset[Breach]) -> dict[int, str]:
        codes = [_SENSOR_CODES[self.sensor]] if self.sensor in _SENSOR_CODES else []
        codes += self._codes
        codes += [code for breach, code in _BREACH_CODES.items() if breach in breaches]
        placed = dict(zip(CODE_PLACES, codes, strict=False))  # what finds no place is not printed
        if not self.alarms.on or self.alarms.silenced(now_s):
            placed[CODE_PLACES[-1]] = "AS" if self.alarms.on else "AO"
        return placed


def _number(value: int | None) -> str:
    return "---" if value is None else f"{value:>3}"


def _set_out(columns: dict[int, str]) -> str:
    line = ""
    for place, text in columns.items():
        line = line.ljust(place) + text
    return line
