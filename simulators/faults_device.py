"""Faults of a device itself, as wrappers like those in ``faults``; they turn the simulator's own knobs.

``Knobs`` is what a kind of device has to be turned at, and ``faults_knobs`` has one for each kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from simulators.faults import ALWAYS, Fault, Window
from simulators.model import SimulatedDevice


def lacking(what: str) -> ValueError:
    """Make the error for a knob that a kind of device does not have."""
    return ValueError(f"no {what}")


class Knobs:
    """The knobs of one device. What its kind does not name here it does not have, and turning it is an error.

    ``values`` can be stuck and ``sensors`` can be off, by these names.
    """

    values: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    has_counter = False
    has_clock = False

    def stick(self, value: str, now_s: float) -> None:
        """Let the device go on saying what it says of this value now."""
        raise lacking("value that can be stuck")

    def let_go(self, value: str) -> None:
        """Let it say what is true again."""
        raise lacking("value that can be stuck")

    def sensor_off(self, sensor: str) -> None:
        """Take a sensor off the patient."""
        raise lacking("sensor")

    def sensor_on(self, sensor: str) -> None:
        """Put it back."""
        raise lacking("sensor")

    def reset_counter(self, now_s: float) -> None:
        """Set the counter of the volume to zero."""
        raise lacking("counter")

    def leap_clock(self, by_s: float, now_s: float) -> None:
        """Set the device's clock forward, or back."""
        raise lacking("clock")

    def power_off(self, now_s: float) -> None:
        """Do what a loss of power does beside the silence."""

    def power_on(self, now_s: float) -> None:
        """Do what its return does before the device is started."""


class Deed(Fault):
    """Something that is done to the device when the window begins, and undone when it ends."""

    def __init__(
        self,
        device: SimulatedDevice,
        window: Window,
        do: Callable[[float], None],
        undo: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__(device, window)
        self._due = [(window.from_s, do)]
        if undo is not None and window.until_s < math.inf:
            self._due.append((window.until_s, undo))

    def _own_deadline_s(self) -> float | None:
        return self._due[0][0] if self._due else None

    def _prepare(self, now_s: float) -> bytes:
        while self._due and self._due[0][0] <= now_s:
            self._due.pop(0)[1](now_s)
        return b""


def stuck_value(device: SimulatedDevice, window: Window, knobs: Knobs, *, value: str) -> Deed:
    """Return a device that goes on saying what it said of a value when the window began."""
    _has(value, knobs.values, "value that can be stuck")
    return Deed(device, window, lambda now_s: knobs.stick(value, now_s), lambda _now_s: knobs.let_go(value))


def sensor_off(device: SimulatedDevice, window: Window, knobs: Knobs, *, sensor: str) -> Deed:
    """Return a device whose sensor is off in the window."""
    _has(sensor, knobs.sensors, "sensor")
    return Deed(device, window, lambda _now_s: knobs.sensor_off(sensor), lambda _now_s: knobs.sensor_on(sensor))


def counter_reset(device: SimulatedDevice, at_s: float, knobs: Knobs) -> Deed:
    """Return a device whose counter of the volume is set to zero at a time."""
    if not knobs.has_counter:
        raise lacking("counter")
    return Deed(device, Window(at_s), knobs.reset_counter)


def clock_leap(device: SimulatedDevice, at_s: float, knobs: Knobs, *, by_s: float) -> Deed:
    """Return a device whose clock leaps at a time."""
    if not knobs.has_clock:
        raise lacking("clock")
    return Deed(device, Window(at_s), lambda now_s: knobs.leap_clock(by_s, now_s))


class Reboot(Fault):
    """The power is off in the window: silence, then a start. Without ``knobs`` that is all that happens."""

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS, knobs: Knobs | None = None) -> None:
        super().__init__(device, window)
        self._knobs = knobs or Knobs()
        self._is_off = self._is_over = False

    def start(self, now_s: float) -> bytes:
        """Power the device on, unless this is within the window."""
        before = self._prepare(now_s)
        return before if self._is_off else before + self._device.start(now_s)

    def _device_deadline_s(self) -> float | None:
        return None if self._is_off else self._device.deadline_s

    def _own_deadline_s(self) -> float | None:
        if self._is_over:
            return None
        due_s = self._window.until_s if self._is_off else self._window.from_s
        return due_s if due_s < math.inf else None

    def _prepare(self, now_s: float) -> bytes:
        if not self._is_off and not self._is_over and now_s >= self._window.from_s:
            self._is_off = True
            self._knobs.power_off(now_s)
        if self._is_off and now_s >= self._window.until_s:
            self._is_off, self._is_over = False, True
            self._knobs.power_on(now_s)
            return self._device.start(now_s)
        return b""

    def _to_device(self, data: bytes, now_s: float) -> bytes:
        return b"" if self._is_off else data


def _has(name: str, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        raise ValueError(f"{name!r} is no {what} here; there are: {', '.join(known) or 'none'}")
