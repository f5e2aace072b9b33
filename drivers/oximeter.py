"""What the pulse oximeters have in common: they speak unasked, in lines, of two numbers. None is ever spoken to.

A driver of this family tells for each line (or packet) what it *said*; this module cuts the lines, judges the two
numbers, and decides which events follow. There is no request in it, so nothing can be sent.

Laws of this module:
  * Where nothing guards a line, whatever shows damage costs the line: a byte that is no text, an end without CR LF,
    a length or a duration that no line has (H-12).
  * Dashes are no value, and so is zero. A number without a signal is invalid, one with a doubtful signal questionable.
  * A new serial number counts when two lines in a row say it: one damaged digit is no other device (H-08). Until then
    the lines are refused, since they may be another patient's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from drivers.model import (
    ZERO,
    AlarmSetChanged,
    DeviceAlarm,
    DeviceIdentified,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    SessionOptions,
    Validity,
    invalid,
    missing,
)

MAX_LINE_BYTES = 256
"""The longest known line has 177; this leaves room for the fields of newer software, and takes 0.27 s at 9600 baud."""

LINE_MAX_S = 0.9
"""A line takes 0.3 s at most. One torn by a pause and ended by its successor's end takes more than the second between
two lines, and would mix the values of two moments; this bound lies between."""

EXCERPT_BYTES = 64
CHANNEL = "0"

_TEXT = bytes(range(0x20, 0x7F))
_NO_VALUE = "-+."
_NUMBER = re.compile(r"[0-9]{3}")

# Wider than oximeters show, to lose no true extreme; but a lone digit is a number cut short.
_RANGES = {Quantity.SPO2: ("%", 10, 100), Quantity.PULSE_RATE: ("/min", 10, 350)}
_ORIGIN = "SPO2"


@dataclass(frozen=True, slots=True)
class Device:
    """Who speaks; a field that the device does not tell is empty."""

    serial_number: str
    model: str
    software: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What one line or packet says. ``alarms`` is ``None`` where the device tells nothing of its alarms."""

    device: Device
    readings: tuple[Reading, ...]
    alarms: tuple[DeviceAlarm, ...] | None
    device_time: str = ""


def numbers(
    spo2: str, pulse: str, *, lost: Iterable[str] = (), doubts: Iterable[str] = (), notes: Iterable[str] = ()
) -> tuple[Reading, ...]:
    """Judge SpO2 in % and pulse rate in /min, each as the device's field of three characters.

    ``lost`` says why there can be no measurement now, ``doubts`` why it is doubtful, ``notes`` what else is to say.
    """
    said = ((Quantity.SPO2, spo2), (Quantity.PULSE_RATE, pulse))
    return tuple(_reading(quantity, text, [*lost], [*doubts], [*notes]) for quantity, text in said)


def _reading(quantity: Quantity, text: str, lost: list[str], doubts: list[str], notes: list[str]) -> Reading:
    unit, low, high = _RANGES[quantity]
    note = "; ".join([*lost, *doubts, *notes])
    if text and not text.strip(_NO_VALUE):
        return missing(quantity, unit, origin=_ORIGIN, note=note)
    value = Decimal(text) if _NUMBER.fullmatch(text) else None
    if value == ZERO:
        return missing(quantity, unit, origin=_ORIGIN, note="; ".join([f"said {text}", *lost, *doubts, *notes]))
    fault = ""
    if value is None:
        fault = f"not a number: {text}"
    elif lost:
        fault = f"{text} without a signal"
    elif not low <= value <= high:
        fault = f"out of range: {text}"
    if fault:
        return invalid(quantity, unit, origin=_ORIGIN, note="; ".join([fault, *lost, *doubts, *notes]))
    validity = Validity.QUESTIONABLE if doubts else Validity.VALID
    return Reading(quantity, value, unit, validity=validity, origin=_ORIGIN, note=note)


class LineFramer:
    """Cuts the byte stream into lines ended by CR LF: bytes in any cut, each looked at once, one line held."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._began_s = 0.0
        self._broken = False

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back; never more than MAX_LINE_BYTES."""
        return len(self._line)

    def feed(self, data: bytes, now_s: float) -> list[str | Rejected]:
        """Take bytes; give each whole line without its end, and a rejection for each that is none."""
        out: list[str | Rejected] = []
        if self._line and not self._broken and now_s - self._began_s > LINE_MAX_S:
            out.append(Rejected("timeout", bytes(self._line[-EXCERPT_BYTES:])))
            self._line.clear()
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._add(piece, now_s, out)
            self._end(out)
        self._add(rest, now_s, out)
        return out

    def _add(self, piece: bytes, now_s: float, out: list[str | Rejected]) -> None:
        if not self._line:
            self._began_s = now_s
        at = 0
        while len(self._line) + len(piece) - at > MAX_LINE_BYTES:
            room = MAX_LINE_BYTES - len(self._line)
            self._line += piece[at : at + room]
            at += room
            # Told again for each such length: noise without end must show as such.
            out.append(Rejected("oversize", bytes(self._line[:EXCERPT_BYTES])))
            self._line.clear()
            self._broken = True
        self._line += piece[at:]

    def _end(self, out: list[str | Rejected]) -> None:
        line = bytes(self._line)
        self._line.clear()
        if self._broken:
            self._broken = False
        elif not line.endswith(b"\r") or line[:-1].translate(None, _TEXT):
            out.append(Rejected("syntax", line[:EXCERPT_BYTES]))
        elif line != b"\r":
            out.append(line[:-1].decode("ascii"))


class Listener:
    """What all oximeters' sessions share: nothing is asked; alarms and who speaks are told whenever they differ."""

    def __init__(self, options: SessionOptions, *, round_s: float) -> None:
        self._port = options.port
        self._round_s = round_s
        self._device: Device | None = None
        self._other: Device | None = None
        self._alarms: tuple[DeviceAlarm, ...] | None = None

    @property
    def round_s(self) -> float:
        """Seconds between two lines or packets."""
        return self._round_s

    @property
    def deadline_s(self) -> float | None:
        """Never: nothing is asked."""
        return None

    def start(self, now_s: float) -> Sequence[Output]:
        """Say nothing: the oximeter speaks unasked."""
        del now_s
        return ()

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do nothing: there is no deadline."""
        del now_s
        return ()

    def _tell(self, said: Said, now_s: float, outputs: list[Output]) -> None:
        if not self._is_known(said.device):
            outputs.append(Rejected("unexpected", said.device.serial_number.encode("ascii")[:EXCERPT_BYTES]))
            return
        if said.device != self._device:
            if self._device is None or said.device.serial_number != self._device.serial_number:
                # Another device's alarms are told even if they are the same.
                self._alarms = None
            self._device = device = said.device
            outputs.append(
                DeviceIdentified(self._port, CHANNEL, now_s, device.serial_number, device.model, device.software)
            )
        if said.alarms is not None and (alarms := tuple(sorted(set(said.alarms)))) != self._alarms:
            self._alarms = alarms
            outputs.append(AlarmSetChanged(self._port, CHANNEL, now_s, alarms))
        outputs.append(Observation(self._port, CHANNEL, now_s, said.readings, device_time=said.device_time))

    def _is_known(self, device: Device) -> bool:
        """Tell whether this device may speak here: the first, the same, or one that says so twice in a row."""
        changed = self._device is not None and device.serial_number != self._device.serial_number
        if changed and device != self._other:
            self._other = device
            return False
        self._other = None
        return True


Understand: TypeAlias = Callable[[str], Said | Rejected | None]
"""Reads a line of printable text; ``None`` for a known line that says nothing of the patient."""


class LineSession(Listener):
    """Listens to one oximeter that speaks in lines: an observation a line."""

    def __init__(self, options: SessionOptions, *, round_s: float, understand: Understand) -> None:
        super().__init__(options, round_s=round_s)
        self._understand = understand
        self._framer = LineFramer()

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back; never more than MAX_LINE_BYTES."""
        return self._framer.held_bytes

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut; give observations, events and rejections in the order of the wire."""
        outputs: list[Output] = []
        for line in self._framer.feed(data, now_s):
            understood = self._understand(line) if isinstance(line, str) else line
            if isinstance(understood, Said):
                self._tell(understood, now_s, outputs)
            elif understood is not None:
                outputs.append(understood)
        return outputs


def refused(reason: str, line: str) -> Rejected:
    """Refuse a line for this reason."""
    return Rejected(reason, line.encode("ascii")[:EXCERPT_BYTES])
