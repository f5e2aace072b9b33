"""Masimo Rad-8, Rad-87 and Radical-7, "ASCII 1" output: a pulse oximeter that speaks once a second, listened to only.

One line: date, time, then ``KEY=VALUE`` fields in an order and number that differ by model; CR LF; no checksum. The
operator must choose ASCII 1: a Rad-8 is delivered with ASCII 2, which is not read here.

Laws of this module:
  * A line without date, time, SN, SPO2, BPM, ALARM and EXC, or with a field twice, is no line or parts of two.
  * SPO2 and BPM have three digits in every known line; another width is a digit lost, and no number (H-12).
  * Dashes are no value, and no serial number; nor is 000, which the trend format shows for a sensor that is off.
  * EXC (bits by the maker's document) tells how far the numbers are to be trusted: without a sensor on the patient or
    while the pulse is searched for a number is no measurement; on a weak or disturbed signal it is questionable.
  * A bit that is not known is an unknown alarm, in EXC1 too, and an unknown exception makes the numbers questionable.

Hypotheses: the bits of ALARM, found by trial on one Rad-8; the maker does not tell them. An alarm that sounds without
one of them, and without a sensor that is off, is an unknown alarm.
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

_HEAD = re.compile(
    r"(?:0[1-9]|1[0-2])/(?:0[1-9]|[12][0-9]|3[01])/[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?= )"
)
_FIELD = re.compile(r"([A-Z][A-Z0-9]*)=([^ =]+)")
_REQUIRED = frozenset({"SN", "SPO2", "BPM", "ALARM", "EXC"})
_SERIAL_NUMBER = re.compile(r"[0-9]{1,16}|-{1,16}")
_BITS = re.compile(r"[0-9A-F]{4,8}")

_SET_MODE = 0x800
"""The exception that is always there: the device measures as it should."""

_LOST = {
    0x001: ("no sensor", DeviceAlarmKind.SENSOR_OFF),
    0x002: ("defective sensor", DeviceAlarmKind.SENSOR_OFF),
    0x008: ("pulse search", DeviceAlarmKind.ADVISORY),
    0x020: ("sensor off patient", DeviceAlarmKind.SENSOR_OFF),
    0x080: ("unrecognised sensor", DeviceAlarmKind.SENSOR_OFF),
}
_DOUBTS = {
    0x004: ("low perfusion", DeviceAlarmKind.ADVISORY),
    0x010: ("interference", DeviceAlarmKind.ADVISORY),
    0x040: ("ambient light", DeviceAlarmKind.ADVISORY),
    0x400: ("low signal IQ", DeviceAlarmKind.ADVISORY),
}
_EXCEPTIONS = _LOST | _DOUBTS
_SOUNDING = 0x10
_ALARMS = {
    0x01: ("SpO2 high", DeviceAlarmKind.VITAL_SIGN),
    0x02: ("SpO2 low", DeviceAlarmKind.VITAL_SIGN),
    0x04: ("pulse rate high", DeviceAlarmKind.VITAL_SIGN),
    0x08: ("pulse rate low", DeviceAlarmKind.VITAL_SIGN),
    0x20: ("alarm muted", DeviceAlarmKind.ADVISORY),
}
_EXPLAIN_SOUND = frozenset({DeviceAlarmKind.VITAL_SIGN, DeviceAlarmKind.SENSOR_OFF})


class MasimoSession(LineSession):
    """Listens to one Masimo oximeter: one line a second."""

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options, round_s=1.0, understand=_understand)


def _understand(line: str) -> Said | Rejected:
    head = _HEAD.match(line)
    fields = _fields(line[head.end() :]) if head else {}
    exceptions, exceptions_1, alarms = (_bits(fields.get(key, "0000")) for key in ("EXC", "EXC1", "ALARM"))
    if (
        head is None
        or not fields.keys() >= _REQUIRED
        or not _SERIAL_NUMBER.fullmatch(fields["SN"])
        or exceptions is None
        or exceptions_1 is None
        or alarms is None
    ):
        return refused("syntax", line)
    unknown = _unknown("EXC", exceptions & ~_SET_MODE, _EXCEPTIONS) + _unknown("EXC1", exceptions_1, {})
    shown = _shown("EXC", exceptions, _EXCEPTIONS) + unknown
    return Said(
        Device(fields["SN"].strip("-"), "Masimo"),
        numbers(
            fields["SPO2"].removesuffix("%"),
            fields["BPM"],
            lost=[text for bit, (text, _) in _LOST.items() if exceptions & bit],
            doubts=[text for bit, (text, _) in _DOUBTS.items() if exceptions & bit] + [alarm.text for alarm in unknown],
        ),
        (*shown, *_limit_alarms(alarms, shown)),
        device_time=head[0],
    )


def _fields(text: str) -> dict[str, str]:
    """Part the fields; nothing at all if one of them is none, or is there twice."""
    found = [_FIELD.fullmatch(token) for token in text.split()]
    fields = {field[1]: field[2] for field in found if field}
    return fields if len(fields) == len(found) else {}


def _bits(text: str) -> int | None:
    return int(text, 16) if _BITS.fullmatch(text) else None


def _limit_alarms(bits: int, others: list[DeviceAlarm]) -> list[DeviceAlarm]:
    shown = _shown("ALARM", bits, _ALARMS)
    if bits & _SOUNDING and not any(alarm.kind in _EXPLAIN_SOUND for alarm in (*shown, *others)):
        shown.append(DeviceAlarm(DeviceAlarmKind.UNKNOWN, f"ALARM.{_SOUNDING:02X}", "an alarm sounds"))
    return shown + _unknown("ALARM", bits & ~_SOUNDING, _ALARMS)


def _shown(name: str, bits: int, meanings: dict[int, tuple[str, DeviceAlarmKind]]) -> list[DeviceAlarm]:
    return [DeviceAlarm(kind, f"{name}.{bit:02X}", text) for bit, (text, kind) in meanings.items() if bits & bit]


def _unknown(name: str, bits: int, meanings: dict[int, tuple[str, DeviceAlarmKind]]) -> list[DeviceAlarm]:
    left = bits & ~sum(meanings)
    codes = [f"{name}.{1 << place:02X}" for place in range(left.bit_length()) if left >> place & 1]
    return [DeviceAlarm(DeviceAlarmKind.UNKNOWN, code, f"unknown code {code}") for code in codes]


DRIVER = Driver(
    name="masimo-ascii",
    title="Masimo Rad-8, Rad-87, Radical-7 pulse oximeter (ASCII 1 output)",
    kind=DeviceKind.MONITOR,
    line=LineSettings(baud=9600, data_bits=8, parity="N", stop_bits=1),
    listen_only=True,
    identity=IdentitySupport.SERIAL_NUMBER,
    integrity=Integrity.NONE,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="time",
    experimental=False,
    channel_pattern=CHANNEL,
    channel_help="always 0: one oximeter, one channel",
    session=MasimoSession,
    description=Description(
        devices="Masimo Rad-8, Rad-87, Radical-7 pulse oximeters.",
        cable="RS-232; on a Rad-87 a female DB-9: pin 2 receives, 3 transmits, 5 ground; no handshake.",
        settings=("Output mode ASCII 1. A Rad-8 is delivered with ASCII 2, which is not read.",),
        gives=(Quantity.SPO2, Quantity.PULSE_RATE),
        tells="Sensor and signal (off, searching, low perfusion, interference), alarms, serial number.",
        unknown=(
            "The maker does not tell the bits of ALARM: they were found by trial on one Rad-8.",
            "Perfusion index, SpCO, SpMet, SpHb and PVI are told and not read.",
        ),
        proof="One line of a real Rad-8, as published; the other models' lines follow their description.",
    ),
)
