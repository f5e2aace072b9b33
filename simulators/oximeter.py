"""What the simulated pulse oximeters have in common: a line that only talks, a sensor, a clock, and alarm keys.

None of them takes a request from its host, so whatever a host sends is kept in ``forbidden``.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from simulators.model import SimulatedDevice
from simulators.patient import Vitals

MAX_FORBIDDEN = 100
"""Kept of what hosts sent, from the first on: one is already a failure."""

MAX_FORBIDDEN_BYTES = 64
"""Kept of each, enough to see what it was."""

SILENCE_S = 120.0
"""How long a silence key works, unless told otherwise; the real length is a setting of each device."""

CLOCK_AT_POWER_ON = datetime(2026, 1, 1, tzinfo=UTC)
"""The devices know no time zone: it never shows on the line."""


@dataclass(frozen=True, slots=True)
class SerialLine:
    """The settings of a serial line; ``parity`` is N, E or O. There is no handshake."""

    baud: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1


class Sensor(StrEnum):
    """Where the sensor is: only ``ON`` the patient and locked onto the pulse does it give values."""

    ON = "on"
    OFF = "off"
    DISCONNECTED = "disconnected"
    SEARCHING = "searching"


class Breach(StrEnum):
    """A value beyond its alarm limit."""

    SPO2_HIGH = "SpO2 high"
    SPO2_LOW = "SpO2 low"
    PULSE_HIGH = "pulse high"
    PULSE_LOW = "pulse low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Alarm limits; a value equal to one is within. Raises ``ValueError`` if a low limit is not below its high one."""

    spo2_low_percent: int = 85
    spo2_high_percent: int = 100
    pulse_low_per_min: int = 40
    pulse_high_per_min: int = 170

    def __post_init__(self) -> None:
        if self.spo2_low_percent >= self.spo2_high_percent or self.pulse_low_per_min >= self.pulse_high_per_min:
            raise ValueError(f"these cannot be limits: {self}")

    def breaches(self, spo2_percent: int | None, pulse_per_min: int | None) -> frozenset[Breach]:
        """Return which limits the values are beyond; a missing value is beyond none."""
        beyond = set()
        if spo2_percent is not None and spo2_percent > self.spo2_high_percent:
            beyond.add(Breach.SPO2_HIGH)
        if spo2_percent is not None and spo2_percent < self.spo2_low_percent:
            beyond.add(Breach.SPO2_LOW)
        if pulse_per_min is not None and pulse_per_min > self.pulse_high_per_min:
            beyond.add(Breach.PULSE_HIGH)
        if pulse_per_min is not None and pulse_per_min < self.pulse_low_per_min:
            beyond.add(Breach.PULSE_LOW)
        return frozenset(beyond)


class AlarmKeys:
    """The alarm keys at the front of a monitor: ``limits`` and ``on`` may be set at any time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.on = True
        self._silenced_until_s = -math.inf

    def silence(self, now_s: float, for_s: float = SILENCE_S) -> None:
        """Press the silence key. No time at all ends a silence."""
        self._silenced_until_s = now_s + for_s

    def silenced(self, now_s: float) -> bool:
        """Tell whether a silence runs."""
        return now_s < self._silenced_until_s

    def reset(self) -> None:
        """Switch the alarms on and end a silence, as a power-on does. The limits stay."""
        self.on = True
        self._silenced_until_s = -math.inf


class Oximeter(SimulatedDevice):
    """A pulse oximeter that reports once a period, unasked, from one period after its power-on.

    ``vitals`` is asked once a report; its heart rate is shown as the pulse rate. ``sensor`` may be set at any time.
    The device's clock begins at ``clock`` and runs on through every later power-on; ``set_clock`` sets it.
    """

    line = SerialLine()

    def __init__(self, vitals: Callable[[float], Vitals], *, period_s: float, clock: datetime) -> None:
        self.sensor = Sensor.ON
        self.forbidden: list[bytes] = []
        self.forbidden_byte_count = 0
        self._vitals = vitals
        self._period_s = period_s
        self._clock = clock
        self._clock_set_at_s: float | None = None
        self._on_at_s: float | None = None
        self._periods = 1

    @property
    def deadline_s(self) -> float | None:
        """When the next report is due, ``None`` while the power is off."""
        return None if self._on_at_s is None else self._on_at_s + self._periods * self._period_s

    def start(self, now_s: float) -> bytes:
        """Power on, also again after ``power_off`` or in the middle of everything."""
        self._on_at_s, self._periods = now_s, 1
        if self._clock_set_at_s is None:
            self._clock_set_at_s = now_s
        return self._power_on(now_s)

    def feed(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - the shape of a simulated device
        """Keep what the host sent: nothing may be sent to these devices, and they answer nothing."""
        self.forbidden_byte_count += len(data)
        if data and len(self.forbidden) < MAX_FORBIDDEN:
            self.forbidden.append(data[:MAX_FORBIDDEN_BYTES])
        return b""

    def tick(self, now_s: float) -> bytes:
        """Send the report that is due. Reports that were missed meanwhile are gone."""
        if self._on_at_s is None or self.deadline_s is None or now_s < self.deadline_s:
            return b""
        self._periods = max(self._periods, math.floor((now_s - self._on_at_s) / self._period_s)) + 1
        return self._report(now_s)

    def power_off(self) -> None:
        """Fall silent until the next ``start``; a pulled cable looks the same to the host."""
        self._on_at_s = None

    def set_clock(self, now_s: float, clock: datetime) -> None:
        """Set the device's clock."""
        self._clock, self._clock_set_at_s = clock, now_s

    @abstractmethod
    def _power_on(self, now_s: float) -> bytes:
        """Forget what a power-off makes it forget, and return what it says at power-on."""

    @abstractmethod
    def _report(self, now_s: float) -> bytes:
        """Return the report of now."""

    def _time(self, now_s: float) -> datetime:
        since_s = 0.0 if self._clock_set_at_s is None else now_s - self._clock_set_at_s
        return self._clock + timedelta(seconds=since_s)  # rounded to microseconds: a second is never short of itself

    def _values(self, now_s: float) -> tuple[int | None, int | None]:
        """Return SpO2 in % and the pulse rate per minute."""
        vitals = self._vitals(now_s)
        return (vitals.spo2_percent, vitals.heart_rate_per_min) if self.sensor is Sensor.ON else (None, None)
