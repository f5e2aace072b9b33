"""Nonin pulse oximeters at their serial outputs: real-time ASCII, and the binary Data Format 2. Both only talk.

ASCII (9600, 9700, Avant, 7500FO, 8500, 8600, 9847): a line a second, ``SPO2=XXX HR=YYY``, after a heading at power-on.
Whether XXX is padded with zeros or blanks, and what the heading says, is not known; both can be chosen. Some models
send two stop bits or a ninth bit that is always mark: all can be read as 8N1.

Data Format 2 (OEM III, Xpod, WristOx): 75 frames a second of 01, STATUS, PLETH, DATA and the sum of the four; 25 make
a packet, and what DATA is follows from the place in it. Values "for display" stay for 10 s after the finger has gone.
All averages show the same here. The WristOx2's commands from the host are not played: none of them may be sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag

from simulators.oximeter import CLOCK_AT_POWER_ON, Oximeter, Sensor
from simulators.patient import Vitals

ASCII_PERIOD_S = 1.0

FRAMES_PER_S = 75
FRAMES_PER_PACKET = 25
FRAMES_PER_REPORT = 5
"""Sent at once, 15 times a second: close to the steady stream of the device, at a fifth of its wake-ups."""

PULSE_FRAMES = 12
"""The perfusion bits stand in so many frames of each pulse."""

DISPLAY_HOLD_S = 10.0
TIMER_PERIODS_PER_S = 3
NO_PULSE = 511
NO_SPO2 = 127
_FIRMWARE = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class AsciiOptions:
    """How an ASCII model prints: ``timed`` begins a line with its time, ``fast`` is DIP switch 8.

    ``padding`` fills SpO2 and pulse rate to three characters. Raises ``ValueError`` if it is neither 0 nor a blank, or
    if the heading is not printable ASCII.
    """

    timed: bool = False
    fast: bool = False
    padding: str = "0"
    heading: str = "NONIN REAL-TIME DATA"

    def __post_init__(self) -> None:
        if self.padding not in ("0", " ") or not (self.heading.isascii() and self.heading.isprintable()):
            raise ValueError(f"padding {self.padding!r}, heading {self.heading!r}")


class NoninAscii(Oximeter):
    """A model with ASCII output. It tells nothing of alarms, and ``---`` is all that it says of the sensor."""

    def __init__(
        self,
        vitals: Callable[[float], Vitals],
        *,
        options: AsciiOptions | None = None,
        clock: datetime = CLOCK_AT_POWER_ON,
    ) -> None:
        super().__init__(vitals, period_s=ASCII_PERIOD_S, clock=clock)
        self._options = options or AsciiOptions()
        self._event = False
        self._breath = False

    def mark_event(self) -> None:
        """Mark the next line with ``*``."""
        self._event = True

    def mark_breath(self) -> None:
        """Mark the next line with ``B``, as the 9847 does for a breath since the last line."""
        self._breath = True

    def _power_on(self, now_s: float) -> bytes:
        self._event = self._breath = False
        return f"{self._options.heading} {self._time(now_s):%m/%d/%y %H:%M:%S}\r\n".encode("ascii")

    def _report(self, now_s: float) -> bytes:
        spo2, pulse = self._values(now_s)
        options = self._options
        time = f"{self._time(now_s):%H:%M:%S} " if options.timed else ""
        marks = (" F" if options.fast else "") + ("*" if self._event else "") + ("B" if self._breath else "")
        self._event = self._breath = False
        return f"{time}SPO2={self._padded(spo2)} HR={self._padded(pulse)}{marks}\r\n".encode("ascii")

    def _padded(self, value: int | None) -> str:
        return "---" if value is None else str(value).rjust(3, self._options.padding)


class Status(IntFlag):
    """The bits of STATUS but the two that frame it (bit 7 always, bit 0 in the first frame of a packet)."""

    SENSOR_DISCONNECTED = 0x40
    ARTIFACT = 0x20
    OUT_OF_TRACK = 0x10
    SENSOR_ALARM = 0x08
    YELLOW = 0x06
    RED = 0x04
    GREEN = 0x02


_ALWAYS, _SYNC = 0x80, 0x01
_SMART_POINT, _LOW_BATTERY = 0x20, 0x01
_SENSOR_STATUS = {
    Sensor.ON: 0,
    Sensor.OFF: Status.SENSOR_ALARM | Status.OUT_OF_TRACK,
    Sensor.DISCONNECTED: Status.SENSOR_DISCONNECTED | Status.OUT_OF_TRACK,
    Sensor.SEARCHING: Status.OUT_OF_TRACK,
}


def frame(status: int, pleth: int, data: int) -> bytes:
    """Return the five bytes of a frame; each argument is a byte."""
    head = bytes((0x01, status, pleth, data))
    return head + bytes((sum(head) % 256,))


class NoninFormat2(Oximeter):
    """A module that sends Data Format 2.

    May be set at any time: ``status`` (bits in addition to what the sensor gives, as ``Status.ARTIFACT``),
    ``perfusion`` (GREEN, YELLOW or RED, shown in each pulse), ``low_battery``, ``smart_point``, and ``reserved`` (five
    bits for the reserved bits beside a pulse rate's upper two, and the reserved DATA, which no host may read).
    """

    def __init__(self, vitals: Callable[[float], Vitals]) -> None:
        super().__init__(vitals, period_s=FRAMES_PER_REPORT / FRAMES_PER_S, clock=CLOCK_AT_POWER_ON)
        self.status = 0
        self.perfusion = Status.GREEN
        self.low_battery = False
        self.smart_point = True
        self.reserved = 0
        self._to_spoil = 0
        self._begin(0.0)

    def spoil_frames(self, count: int) -> None:
        """Let the next frames come with a wrong sum, as a bad line delivers them."""
        self._to_spoil = count

    def _power_on(self, now_s: float) -> bytes:
        self._begin(now_s)
        return b""

    def _begin(self, now_s: float) -> None:
        self._begun_at_s = now_s
        self._place = 0  # of the next frame in its packet
        self._packet: dict[int, int] = {}
        self._pulse_per_min: int | None = None
        self._phase_frames = 0.0  # since the last pulse began
        self._shown = (NO_SPO2, NO_PULSE)
        self._shown_at_s = -math.inf

    def _report(self, now_s: float) -> bytes:
        return b"".join(self._next_frame(now_s) for _ in range(FRAMES_PER_REPORT))

    def _next_frame(self, now_s: float) -> bytes:
        if self._place == 0:
            self._packet = self._new_packet(now_s)
        status = _ALWAYS | self.status | _SENSOR_STATUS[self.sensor] | (_SYNC if self._place == 0 else 0)
        pleth = 0
        if self._pulse_per_min:
            frames_per_pulse = FRAMES_PER_S * 60 / self._pulse_per_min
            self._phase_frames = (self._phase_frames + 1) % frames_per_pulse
            pleth = round(128 + 100 * math.sin(math.tau * self._phase_frames / frames_per_pulse))
            status |= self.perfusion if self._phase_frames < PULSE_FRAMES else 0
        whole = frame(status, pleth, self._packet.get(self._place + 1, self.reserved))
        self._place = (self._place + 1) % FRAMES_PER_PACKET
        if self._to_spoil:
            self._to_spoil -= 1
            return whole[:-1] + bytes(((whole[-1] + 1) % 256,))
        return whole

    def _new_packet(self, now_s: float) -> dict[int, int]:
        """Return the DATA of a packet by its frame, counted from 1; the frames that are missing are reserved."""
        spo2, pulse = self._values(now_s)
        self._pulse_per_min = pulse
        told = (NO_SPO2 if spo2 is None else spo2, NO_PULSE if pulse is None else pulse)
        if self.sensor is Sensor.ON or now_s - self._shown_at_s > DISPLAY_HOLD_S:
            self._shown, self._shown_at_s = told, now_s
        timer = int((now_s - self._begun_at_s) * TIMER_PERIODS_PER_S)
        upper, lower = self._rate_bytes(told[1])
        shown_upper, shown_lower = self._rate_bytes(self._shown[1])
        return {
            1: upper,
            2: lower,
            3: told[0],
            4: _FIRMWARE,
            6: timer >> 7 & 0x7F,
            7: timer & 0x7F,
            8: (_SMART_POINT if self.smart_point else 0) | (_LOW_BATTERY if self.low_battery else 0),
            9: self._shown[0],  # for display
            10: told[0],  # fast
            11: told[0],  # of one beat
            14: upper,  # 14 to 17, 22 and 23: of eight beats, the others of four
            15: lower,
            16: told[0],
            17: self._shown[0],  # for display
            20: shown_upper,
            21: shown_lower,
            22: shown_upper,
            23: shown_lower,
        }

    def _rate_bytes(self, pulse_per_min: int) -> tuple[int, int]:
        return (self.reserved & 0x1F) << 2 | pulse_per_min >> 7 & 0x03, pulse_per_min & 0x7F
