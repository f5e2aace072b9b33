"""Ivy Biomedical 450C, "Ansar-B" output: a whole-patient monitor that speaks once a second and is never spoken to.

One message: FF, ``ANSAR-B ``, 400 waveform bytes (not read), text lines ended by CR, FE. There is no checksum and no
time in it; so whatever shows damage costs the message, and a number must stand in exactly the line that is known.

Laws of this module:
  * The nine header bytes start a message wherever they stand, also inside another one; FE ends it only in the text.
    Hence the first whole message after any garbage is read.
  * ``NAME=code`` is followed by values, a label and an alarm. The code was always the number of values; another code
    or number of fields makes them invalid, and an unknown code is an unknown alarm.
  * The label is a state and stands in ``Reading.note`` (an unused input says NO TRANSDUCER); the alarm field is an
    alarm, and so is a label that says that a sensor in use came off.
  * The alarms of a line that a message does not tell stay as they were: nothing clears because data stopped.

Hypotheses: the meaning of the code; every text but NO TRANSDUCER; the units, of which the wire tells none: mmHg for
pressures, Celsius (Fahrenheit falls out of range), and mmHg for carbon dioxide where no other unit is possible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from drivers.model import (
    VITAL_SIGNS,
    ZERO,
    AlarmSetChanged,
    Description,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceKind,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    SessionOptions,
    invalid,
    missing,
)

_HEADER = b"\xffANSAR-B "
_START = 0xFF
_END = 0xFE
_TEXT_BYTES = frozenset(b"\r") | frozenset(range(0x20, 0x7F))
_TEXT = bytes(_TEXT_BYTES)
_MARKS = (bytes((_START,)), bytes((_END,)))
_TEXT_AT = len(_HEADER) + 400

MAX_MESSAGE_BYTES = 960
"""What 9600 8N1 carries between one message's start and the next; the real ones have 562."""

MESSAGE_MAX_S = 1.2
"""A message takes 0.6 s on the wire. One torn by a pause and ended by its successor's end takes more than 1.4 s, and
would mix the values of two moments; this bound lies between."""

SEEN_LINES_MAX = 1024
"""Lines whose meaning is kept: a monitor says most of its lines again each second, and some hundred in an hour."""

NOISE_REPORT_BYTES = 960
"""Noise without end is told once for each second's worth of it."""

_EXCERPT_BYTES = 64
_CHANNEL = "0"
_NUMBER = re.compile(r"(?:0|-?[1-9][0-9]{0,3})(?:\.[0-9]{1,2})?")
_CODE = re.compile(r"[0-9]{1,3}")

_NIBP = (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN)
_IBP1 = (Quantity.IBP1_SYS, Quantity.IBP1_DIA, Quantity.IBP1_MEAN)
_IBP2 = (Quantity.IBP2_SYS, Quantity.IBP2_DIA, Quantity.IBP2_MEAN)

# Unit, lowest, highest: wider than monitors show, to lose no true extreme; but a lone digit is a number cut short.
_RANGES: dict[Quantity, tuple[str, int, int]] = {
    Quantity.HEART_RATE: ("/min", 10, 350),
    Quantity.PULSE_RATE: ("/min", 10, 350),
    Quantity.NIBP_PULSE_RATE: ("/min", 10, 350),
    Quantity.RESPIRATORY_RATE: ("/min", 1, 200),
    Quantity.SPO2: ("%", 10, 100),
    # The unit is not told. 13 kPa and 13 % are each 99 mmHg, as far as capnographs go: a greater number is mmHg, and
    # a smaller one may be any of the three (H-13), so it is no number here.
    Quantity.ETCO2: ("mm[Hg]", 14, 150),
    Quantity.NIBP_SYS: ("mm[Hg]", 20, 300),
    Quantity.NIBP_DIA: ("mm[Hg]", 10, 250),
    Quantity.NIBP_MEAN: ("mm[Hg]", 10, 280),
    # Venous lines go below zero, and a transducer open to air reads zero.
    **dict.fromkeys((*_IBP1, *_IBP2), ("mm[Hg]", -50, 400)),
    # Deep hypothermia to above any fever; a living patient's Fahrenheit is beyond it.
    Quantity.TEMPERATURE_1: ("Cel", 10, 50),
    Quantity.TEMPERATURE_2: ("Cel", 10, 50),
}


class _Layout(NamedTuple):
    values: int
    quantities: tuple[Quantity, ...]


# How many value fields each line has, and what it tells; the pulse rate stands in the label of SPO2 (``PR=80 ``).
_LINES = {
    "HR": _Layout(1, (Quantity.HEART_RATE,)),
    "RR": _Layout(1, (Quantity.RESPIRATORY_RATE,)),
    "ETCO2": _Layout(1, (Quantity.ETCO2,)),
    "SPO2": _Layout(1, (Quantity.SPO2, Quantity.PULSE_RATE)),
    "NIBP": _Layout(4, (*_NIBP, Quantity.NIBP_PULSE_RATE)),
    "P1": _Layout(3, _IBP1),
    "P2": _Layout(3, _IBP2),
    "T1": _Layout(1, (Quantity.TEMPERATURE_1,)),
    "T2": _Layout(1, (Quantity.TEMPERATURE_2,)),
}
_PULSE_IN_LABEL = "PR="
_LEAD_PREFIX = "ECG"

# Zero is a pressure here; anywhere else it is no value, unless this alarm beside it says that it is one (H-13).
_ZERO_LINES = frozenset({"P1", "P2"})
_ZERO_ALARMS = {"HR": "ASYSTOLE", "RR": "APNEA"}

_CAME_OFF = frozenset({"LEAD FAULT", "LEAD OFF", "LEADS OFF", "SENSOR OFF"})
_NO_SENSOR = _CAME_OFF | {"NO TRANSDUCER", "NO SENSOR"}
_ALARM_KINDS = {
    **dict.fromkeys(_NO_SENSOR, DeviceAlarmKind.SENSOR_OFF),
    **dict.fromkeys(_ZERO_ALARMS.values(), DeviceAlarmKind.LIFE_THREATENING),
}


class _Framer:
    """Cuts the byte stream into messages: bytes in any cut, each looked at once, at most one message held."""

    def __init__(self) -> None:
        self._message = bytearray()
        self._began_s = 0.0
        self._matched = 0
        self._noise = bytearray()
        self._noise_told = False

    @property
    def held_bytes(self) -> int:
        return len(self._message) + len(self._noise)

    @property
    def awaited_bytes(self) -> int:
        """At least so many bytes are missing of the message that has begun: header and waveform have one length."""
        return max(0, _TEXT_AT - len(self._message)) if self._message else 0

    def feed(self, data: bytes, now_s: float) -> list[bytes | Rejected]:
        """Take bytes; give the text of each whole message, and a rejection for each thing that is none."""
        out: list[bytes | Rejected] = []
        if self._message and now_s - self._began_s > MESSAGE_MAX_S:
            out.append(self._give_up("timeout"))
        at = 0
        while at < len(data):
            taken = self._take_run(data, at)
            if taken:
                at += taken
                continue
            byte = data[at]
            at += 1
            held = self._matched
            # The header's first byte is nowhere else in it, so a mismatch needs no step back.
            self._matched = held + 1 if byte == _HEADER[held] else int(byte == _START)
            if self._matched == len(_HEADER):
                self._begin(now_s, out)
            elif self._message:
                self._collect(byte, out)
            elif self._matched <= held:
                self._add_noise(_HEADER[:held] if self._matched else _HEADER[:held] + bytes((byte,)), out)
        return out

    def _take_run(self, data: bytes, at: int) -> int:
        """Take the bytes that can only go on with the message, all at once; return how many there were."""
        if not self._message or self._matched:
            return 0
        stop = min(len(data), at + MAX_MESSAGE_BYTES - len(self._message) - 1)
        for mark in _MARKS:
            found = data.find(mark, at, stop)
            stop = stop if found < 0 else found
        run = data[at:stop]
        text = run[max(0, _TEXT_AT - len(self._message)) :]
        if text.translate(None, _TEXT):
            return 0
        self._message += run
        return len(run)

    def _begin(self, now_s: float, out: list[bytes | Rejected]) -> None:
        if self._message:
            del self._message[1 - len(_HEADER) :]
            out.append(self._give_up("length"))
        self._end_noise(out)
        self._message += _HEADER
        self._began_s = now_s
        self._matched = 0

    def _collect(self, byte: int, out: list[bytes | Rejected]) -> None:
        self._message.append(byte)
        if len(self._message) <= _TEXT_AT:
            return
        if byte == _END:
            out.append(bytes(self._message[_TEXT_AT:-1]))
            self._message.clear()
        elif byte == _START:
            # Most likely the next message's header: this one has lost its end.
            out.append(self._give_up("length"))
        elif byte not in _TEXT_BYTES:
            out.append(self._give_up("syntax"))
        elif len(self._message) >= MAX_MESSAGE_BYTES:
            out.append(self._give_up("oversize"))

    def _give_up(self, reason: str) -> Rejected:
        """Drop the message. What follows it up to the next header is told with it, not again."""
        rejected = Rejected(reason, bytes(self._message[-_EXCERPT_BYTES:]))
        self._message.clear()
        self._noise_told = True
        return rejected

    def _add_noise(self, noise: bytes, out: list[bytes | Rejected]) -> None:
        self._noise += noise
        if len(self._noise) >= NOISE_REPORT_BYTES:
            self._end_noise(out)

    def _end_noise(self, out: list[bytes | Rejected]) -> None:
        if self._noise and not self._noise_told:
            out.append(Rejected("noise", bytes(self._noise[:_EXCERPT_BYTES])))
        self._noise.clear()
        self._noise_told = False


@dataclass(frozen=True, slots=True)
class _Line:
    """One text line. Without ``values`` it has not the known layout, and ``raw`` alone is told."""

    raw: str
    code: str = ""
    values: tuple[str, ...] = ()
    label: str = ""
    alarm: str = ""


def _split(text: bytes) -> tuple[dict[str, _Line], list[Rejected]] | None:
    """Part a message's text into its known lines and what is not accepted of it; None if it is no message's text."""
    if not text.endswith(b"\r"):
        return None
    lines: dict[str, _Line] = {}
    rejected: list[Rejected] = []
    unknown: list[str] = []
    for raw in text[:-1].decode("ascii").split("\r"):
        name = raw.partition("=")[0]
        if name not in _LINES:
            unknown.append(raw)
            continue
        if name in lines:
            # Parts of two messages: which of the two is said now cannot be known.
            return None
        lines[name] = _line(raw, _LINES[name].values)
        if not lines[name].values:
            rejected.append(Rejected("syntax", raw.encode("ascii")[:_EXCERPT_BYTES]))
    if unknown:
        # With a known line absent it is that line's name that was damaged.
        reason = "unknown_line" if len(lines) == len(_LINES) else "syntax"
        rejected.append(Rejected(reason, "\r".join(unknown).encode("ascii")[:_EXCERPT_BYTES]))
    return (lines, rejected) if lines else None


@lru_cache(SEEN_LINES_MAX)
def _line(raw: str, count: int) -> _Line:
    head, *fields = (field.strip(" ") for field in raw.split(";"))
    code = head.partition("=")[2]
    if len(fields) != count + 2 or not _CODE.fullmatch(code):
        return _Line(raw)
    return _Line(raw, code, tuple(fields[:count]), fields[count], fields[count + 1])


@lru_cache(SEEN_LINES_MAX)
def _readings(name: str, line: _Line | None, rr_origin: str) -> tuple[Reading, ...]:
    return tuple(_made_readings(name, line, rr_origin))


def _made_readings(name: str, line: _Line | None, rr_origin: str) -> list[Reading]:
    counted, quantities = _LINES[name]
    if line is None:
        return [missing(quantity, _RANGES[quantity][0], note="line absent") for quantity in quantities]
    if line.code != str(counted):
        return [invalid(quantity, _RANGES[quantity][0], note=f"line not known: {line.raw}") for quantity in quantities]
    values, label, origin = line.values, line.label, ""
    no_sensor = not _NO_SENSOR.isdisjoint((label, line.alarm))
    if name == "HR" and (label.startswith(_LEAD_PREFIX) or (values[0] and not no_sensor)):
        origin, label = label, ""
    elif name == "RR":
        origin = rr_origin
    elif name == "SPO2":
        origin = name
        label, _, pulse = (part.strip(" ") for part in label.partition(_PULSE_IN_LABEL))
        values = (*values, pulse)
    note = _join(label, line.alarm)
    zero_counts = name in _ZERO_LINES or line.alarm == _ZERO_ALARMS.get(name)
    readings = [
        _reading(quantity, text, origin=origin, note=note, no_sensor=no_sensor, zero_counts=zero_counts)
        for quantity, text in zip(quantities, values, strict=True)
    ]
    return _in_order(readings) if quantities[:3] in (_NIBP, _IBP1, _IBP2) else readings


def _reading(quantity: Quantity, text: str, *, origin: str, note: str, no_sensor: bool, zero_counts: bool) -> Reading:
    unit, low, high = _RANGES[quantity]
    if not text:
        return missing(quantity, unit, origin=origin, note=note)
    fault = ""
    value = Decimal(text) if _NUMBER.fullmatch(text) else None
    if no_sensor:
        fault = f"{text} without a sensor"
    elif value is None:
        fault = f"not a number: {text}"
    elif value == ZERO and not zero_counts:
        return missing(quantity, unit, origin=origin, note=_join(f"said {text}", note))
    elif value != ZERO and not low <= value <= high:
        fault = f"out of range: {text}"
    if fault:
        return invalid(quantity, unit, origin=origin, note=_join(fault, note))
    resolution = Decimal(1).scaleb(-len(text.partition(".")[2]))
    return Reading(quantity, value, unit, resolution, origin=origin, note=note)


def _in_order(readings: list[Reading]) -> list[Reading]:
    """Refuse pressures that cannot stand together: a digit was lost, and which one cannot be known.

    The mean is held against the others in a cuff pressure alone: an invasive mean lags, and passes systole in a fall.
    """
    sys, dia, mean = readings[:3]
    measured_together = (sys, mean, dia) if sys.quantity is Quantity.NIBP_SYS else (sys, dia)
    values = [reading.value for reading in measured_together if reading.value is not None]
    if values == sorted(values, reverse=True):
        return readings
    said = f"impossible together: {'/'.join(str(reading.value) for reading in measured_together)}"
    refused = [invalid(r.quantity, r.unit, origin=r.origin, note=_join(said, r.note)) for r in (sys, dia, mean)]
    return refused + readings[3:]


def _alarms(name: str, line: _Line) -> tuple[DeviceAlarm, ...]:
    alarms = []
    if line.alarm:
        alarms.append(DeviceAlarm(_ALARM_KINDS.get(line.alarm, DeviceAlarmKind.UNKNOWN), name, line.alarm))
    if line.label in _CAME_OFF and line.label != line.alarm:
        alarms.append(DeviceAlarm(DeviceAlarmKind.SENSOR_OFF, name, line.label))
    if line.code != str(_LINES[name].values):
        alarms.append(DeviceAlarm(DeviceAlarmKind.UNKNOWN, f"{name}={line.code}", f"{name} has an unknown code"))
    return tuple(alarms)


def _join(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


class IvySession:
    """Listens to one monitor: an observation of all quantities a message, and its alarms whenever they differ."""

    def __init__(self, options: SessionOptions) -> None:
        self._port = options.port
        self._framer = _Framer()
        self._alarms: dict[str, tuple[DeviceAlarm, ...]] = {}
        self._alarms_told: tuple[DeviceAlarm, ...] | None = None

    @property
    def round_s(self) -> float:
        """One message a second [R]."""
        return 1.0

    @property
    def deadline_s(self) -> float | None:
        """Never: nothing is asked."""
        return None

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back; never more than MAX_MESSAGE_BYTES."""
        return self._framer.held_bytes

    @property
    def awaited_bytes(self) -> int:
        """How many bytes of a message are missing, at least."""
        return self._framer.awaited_bytes

    def start(self, now_s: float) -> Sequence[Output]:
        """Say nothing: the monitor speaks unasked."""
        del now_s
        return ()

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do nothing: there is no deadline."""
        del now_s
        return ()

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut; give observations, alarm sets and rejections in the order of the wire."""
        outputs: list[Output] = []
        for item in self._framer.feed(data, now_s):
            if isinstance(item, Rejected):
                outputs.append(item)
            else:
                self._take(item, now_s, outputs)
        return outputs

    def _take(self, text: bytes, now_s: float, outputs: list[Output]) -> None:
        parsed = _split(text)
        if parsed is None:
            outputs.append(Rejected("syntax", text[-_EXCERPT_BYTES:]))
            return
        lines, rejected = parsed
        outputs.extend(rejected)
        self._tell_events(lines, now_s, outputs)
        etco2 = lines.get("ETCO2")
        # With a capnograph in use the rate may be its own; which of the two it is, is not told.
        rr_origin = "impedance" if etco2 is None or etco2.values == ("",) else ""
        readings = tuple(reading for name in _LINES for reading in _readings(name, lines.get(name), rr_origin))
        outputs.append(Observation(self._port, _CHANNEL, now_s, readings))

    def _tell_events(self, lines: dict[str, _Line], now_s: float, outputs: list[Output]) -> None:
        if self._alarms_told is None:
            outputs.append(DeviceIdentified(self._port, _CHANNEL, now_s, serial_number="", model="Ivy 450C"))
        self._alarms.update({name: _alarms(name, line) for name, line in lines.items() if line.values})
        alarms = tuple(sorted(alarm for of_line in self._alarms.values() for alarm in of_line))
        if alarms != self._alarms_told:
            self._alarms_told = alarms
            outputs.append(AlarmSetChanged(self._port, _CHANNEL, now_s, alarms))


DRIVER = Driver(
    name="ivy-450c",
    title="Ivy Biomedical 450C patient monitor (Ansar-B output)",
    kind=DeviceKind.MONITOR,
    line=LineSettings(baud=9600, data_bits=8, parity="N", stop_bits=1),
    listen_only=True,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.NONE,
    nibp_time=NibpTime.LAST_CHANGE,
    freshness="",
    experimental=False,
    channel_pattern=_CHANNEL,
    channel_help="always 0: one monitor, one channel",
    session=IvySession,
    description=Description(
        devices="Ivy Biomedical 450C patient monitor.",
        cable="RS-232, of which the monitor's transmit line and ground are used. Connector and pins: see its manual.",
        settings=("The serial output is Ansar-B at 9600 baud.",),
        gives=VITAL_SIGNS,
        tells="Lead of the ECG, sensors that are off, the monitor's alarm texts.",
        unknown=(
            "A cuff pressure that is measured again and is the same looks like an old one.",
            "No unit is told: mmHg and degrees Celsius are taken for granted.",
            "Every text but NO TRANSDUCER and APNEA is a hypothesis; another one is an unknown alarm, or a note.",
        ),
        proof="27 messages of a real monitor, each value read off by hand.",
    ),
)
