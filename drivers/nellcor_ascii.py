"""Nellcor N-560, N-595, N-600x, N-395, NPB-290/295, ASCII report: a line every 2 s, listened to only.

One line: date, time, SpO2, pulse rate, pulse amplitude, and up to four codes of two letters; CR LF; no checksum. The
columns are parted by spaces, and all three numbers must be there: with one of them blank, another would stand in its
place. The amplitude is set to the right, so it ends in the same place of every line. Header lines come now and then;
the one with VERSION tells model and software.

Laws of this module:
  * A line whose amplitude ends elsewhere lost a byte or has one too many, and 105 may have become 15: it is refused
    (H-12). Another place counts when two lines in a row say it, since other models may print otherwise.
  * ``---`` is no value. ``*`` behind a number says that it is outside the oximeter's own limit: the number counts, and
    it is an alarm even if no code says so.
  * Without a sensor on the patient, or with the pulse lost, a number is no measurement. With interference, or while
    the pulse is searched for, it is questionable: the maker shows numbers through long interference.
  * A code that is not known is an unknown alarm, and makes the numbers questionable.

Hypotheses: the meaning of the codes comes from one implementation, with names from the maker. The N-200's "computer
format" is another one and is not read here.
"""

from __future__ import annotations

import re

from drivers.model import (
    Description,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceKind,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Quantity,
    Rejected,
    SessionOptions,
)
from drivers.oximeter import CHANNEL, Device, LineSession, Said, numbers, refused

_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_VALUE = r"([0-9]{1,3}|---)(\*?)"
_LINE = re.compile(
    rf"((?:0[1-9]|[12][0-9]|3[01])-(?i:{_MONTHS})-[0-9]{{2}} {_TIME}) +{_VALUE} +{_VALUE} +([0-9]{{1,3}}|---)"
    r"((?: +[A-Z]{2}){0,4}) *"
)
_AMPLITUDE = 6
_AMPLITUDE_END = 40  # in the lines of a real N-560
_VERSION = re.compile(r" *(N(?:PB)?-[0-9]{3}[A-Za-z]?) +VERSION +([0-9.]{1,16}) +CRC:.*")
_HEADER = re.compile(r" *(?:(?:ADULT|NEONATE|NEONATAL|PEDIATRIC)\b.*|TIME +%S[Pp]O2 .*)")
_HAS_TIME = re.compile(_TIME)

_LOST = {
    "LM": ("loss of pulse, interference", DeviceAlarmKind.LIFE_THREATENING),
    "LP": ("loss of pulse", DeviceAlarmKind.LIFE_THREATENING),
    "SD": ("sensor disconnected", DeviceAlarmKind.SENSOR_OFF),
    "SO": ("sensor off", DeviceAlarmKind.SENSOR_OFF),
}
_DOUBTS = {
    "MO": ("interference", DeviceAlarmKind.ADVISORY),
    "PS": ("pulse search", DeviceAlarmKind.ADVISORY),
}
_CODES = {
    **_LOST,
    **_DOUBTS,
    "AO": ("alarm off", DeviceAlarmKind.ADVISORY),
    "AS": ("alarm silenced", DeviceAlarmKind.ADVISORY),
    "LB": ("low battery", DeviceAlarmKind.BATTERY_LOW),
    "PH": ("pulse rate high", DeviceAlarmKind.VITAL_SIGN),
    "PL": ("pulse rate low", DeviceAlarmKind.VITAL_SIGN),
    "SH": ("SpO2 high", DeviceAlarmKind.VITAL_SIGN),
    "SL": ("SpO2 low", DeviceAlarmKind.VITAL_SIGN),
}
_SPO2_LIMITS = frozenset({"SH", "SL"})
_PULSE_LIMITS = frozenset({"PH", "PL"})


class NellcorSession(LineSession):
    """Listens to one Nellcor oximeter: one line every 2 s."""

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options, round_s=2.0, understand=self._read)
        self._speaker = Device("", "Nellcor")
        self._end = self._last_end = _AMPLITUDE_END

    def _read(self, line: str) -> Said | Rejected | None:
        said = _LINE.fullmatch(line)
        if said is None:
            return self._header(line)
        if not self._is_whole(said.end(_AMPLITUDE)):
            return refused("length", line)
        device_time, spo2, spo2_beyond, pulse, pulse_beyond, _, status = said.groups()
        codes = dict.fromkeys(status.split())
        unknown = [_unknown(code) for code in codes if code not in _CODES]
        alarms = [DeviceAlarm(_CODES[code][1], code, _CODES[code][0]) for code in codes if code in _CODES]
        if spo2_beyond and codes.keys().isdisjoint(_SPO2_LIMITS):
            alarms.append(DeviceAlarm(DeviceAlarmKind.VITAL_SIGN, "SPO2*", "SpO2 outside the oximeter's limit"))
        if pulse_beyond and codes.keys().isdisjoint(_PULSE_LIMITS):
            alarms.append(DeviceAlarm(DeviceAlarmKind.VITAL_SIGN, "BPM*", "pulse rate outside the oximeter's limit"))
        readings = numbers(
            spo2.zfill(3),
            pulse.zfill(3),
            lost=[_LOST[code][0] for code in codes if code in _LOST],
            doubts=[_DOUBTS[code][0] for code in codes if code in _DOUBTS] + [alarm.text for alarm in unknown],
        )
        return Said(self._speaker, readings, (*alarms, *unknown), device_time=device_time)

    def _is_whole(self, end: int) -> bool:
        """Tell whether the amplitude of this line ends where it must."""
        if end == self._last_end:
            self._end = end
        self._last_end = end
        return end == self._end

    def _header(self, line: str) -> Rejected | None:
        version = _VERSION.fullmatch(line)
        if version:
            self._speaker = Device("", f"Nellcor {version[1]}", version[2])
        if version or _HEADER.fullmatch(line) or not line.strip(" "):
            return None
        return refused("syntax" if _HAS_TIME.search(line) else "unknown_line", line)


def _unknown(code: str) -> DeviceAlarm:
    return DeviceAlarm(DeviceAlarmKind.UNKNOWN, code, f"unknown code {code}")


DRIVER = Driver(
    name="nellcor-ascii",
    title="Nellcor N-560, N-595, N-600x, N-395, NPB-290/295 pulse oximeter (ASCII report)",
    kind=DeviceKind.MONITOR,
    line=LineSettings(baud=9600, data_bits=8, parity="N", stop_bits=1),
    listen_only=True,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.NONE,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="time",
    experimental=False,
    channel_pattern=CHANNEL,
    channel_help="always 0: one oximeter, one channel",
    session=NellcorSession,
    description=Description(
        devices="Nellcor OxiMax N-560, N-595, N-600x; N-395, NPB-290, NPB-295 pulse oximeters.",
        cable="RS-232 at the data port; on an NPB-290 a 15-pin connector: pins 2, 3 and 5 are RS-232; no handshake.",
        settings=(
            "The data port is set to the ASCII report at 9600 baud.",
            "On the mains: by its manual an NPB-290 sends nothing while it runs on battery.",
        ),
        gives=(Quantity.SPO2, Quantity.PULSE_RATE),
        tells="Sensor and signal (off, disconnected, pulse lost, interference), alarms, battery low, model.",
        unknown=(
            "The codes stand on one implementation, with the maker's names.",
            "A line comes every 2 s and no sooner.",
            "The computer format of the N-200 is another one and is not read.",
        ),
        proof="Two lines of a real N-560, as published; the other models' lines follow their description.",
    ),
)
