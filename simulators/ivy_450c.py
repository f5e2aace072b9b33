"""An Ivy Biomedical 450C monitor at its "Ansar-B" output: one message a second, unasked, at 9600 8N1.

A message is FF, ``ANSAR-B ``, 400 bytes of waveform (200 ECG, 50 respiration, 50 pleth, 50 P1, 50 P2), nine lines of
text ended by CR, and FE: 562 bytes in the known capture. FF and FE never stand in a waveform; FB there is "no wave".
Written from the public description of the format; the codes after ``=`` have no known meaning and are as captured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from functools import cache, lru_cache

from simulators.patient import Vitals

PERIOD_S = 1.0
NO_WAVE = 0xFB
WAVE_MAX = 0xFA
"""Waveforms are cut off here, below the bytes that have a meaning."""

ECG_SAMPLES = 200
SLOW_SAMPLES = 50
ECG_OFFSET = 100
ECG_STEP_MV = 0.02
ECG_WAVES = (  # (place in the beat 0..1, half width in s, height in mV): P, Q, R, S, T
    (0.20, 0.020, 0.15),
    (0.37, 0.008, -0.15),
    (0.40, 0.012, 1.20),
    (0.43, 0.010, -0.30),
    (0.70, 0.045, 0.30),
)

PHASES = 1000
"""A beat and a breath are drawn once, in so many steps: a slow beat of 2 s has 400 samples."""

BEATS_MAX = 250
"""So many drawn beats are kept: one for each heart rate that a field of the message can well show."""

HEARD_LIMIT_BYTES = 4_096
"""Kept of what the host sent, from the first byte on. One byte is already wrong: this host should be listen-only."""


class Parameter(StrEnum):
    """The lines of the text, by their names on the wire and in their order."""

    HR = "HR"
    RR = "RR"
    ETCO2 = "ETCO2"
    SPO2 = "SPO2"
    NIBP = "NIBP"
    P1 = "P1"
    P2 = "P2"
    T1 = "T1"
    T2 = "T2"


_CODES = dict.fromkeys(Parameter, 1) | {Parameter.NIBP: 4, Parameter.P1: 3, Parameter.P2: 3}


class IvyMonitor:
    """The monitor; ``vitals`` is asked once a message. It never answers the host.

    P2, T1 and T2 are not plugged in; P1 shows an arterial line if the vital signs have one.
    """

    def __init__(self, vitals: Callable[[float], Vitals]) -> None:
        self._vitals = vitals
        self._off = {Parameter.P2: "NO TRANSDUCER", Parameter.T1: "", Parameter.T2: ""}
        self._alarms: dict[Parameter, str] = {}
        self._deadline_s: float | None = None
        self._beat_phase = 0.0
        self._breath_phase = 0.0
        self._heard = bytearray()

    @property
    def deadline_s(self) -> float | None:
        """When the next message is due."""
        return self._deadline_s

    @property
    def heard(self) -> bytes:
        """What the host has sent, at most the first ``HEARD_LIMIT_BYTES``."""
        return bytes(self._heard)

    def switch_off(self, parameter: Parameter, reason: str = "") -> None:
        """Take a sensor off: no values, no wave, and ``reason`` in place of the label.

        Raises ``ValueError`` if the reason cannot stand in a field.
        """
        self._off[parameter] = _field(reason)

    def switch_on(self, parameter: Parameter) -> None:
        """Put a sensor back. One without vital signs behind it stays without values."""
        self._off.pop(parameter, None)

    def set_alarm(self, parameter: Parameter, text: str) -> None:
        """Show an alarm text at a parameter; an empty text ends it. Raises ``ValueError`` as ``switch_off`` does."""
        self._alarms[parameter] = _field(text)

    def start(self, now_s: float) -> bytes:
        """Power on: the first message is due when its second has been measured."""
        self._deadline_s = now_s + PERIOD_S
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - the shape of a simulated device
        """Record what the host sent; this output has no input."""
        self._heard += data[: HEARD_LIMIT_BYTES - len(self._heard)]
        return b""

    def tick(self, now_s: float) -> bytes:
        """Send the message that is due. Messages that were missed meanwhile are gone."""
        if self._deadline_s is None or now_s < self._deadline_s:
            return b""
        self._deadline_s += (math.floor((now_s - self._deadline_s) / PERIOD_S) + 1) * PERIOD_S
        vitals = self._vitals(now_s)
        return b"\xffANSAR-B " + self._waves(vitals) + self._text(vitals).encode("ascii") + b"\xfe"

    def _waves(self, vitals: Vitals) -> bytes:
        beat, breath = self._beat_phase, self._breath_phase
        heart_rate, breathing = vitals.heart_rate_per_min, vitals.respiratory_rate_per_min
        self._beat_phase = (beat + (heart_rate or 0) / 60.0) % 1.0
        self._breath_phase = (breath + (breathing or 0) / 60.0) % 1.0
        sys_mmhg, dia_mmhg = vitals.ibp_sys_mmhg, vitals.ibp_dia_mmhg

        def wave(parameter: Parameter, samples: int, rate: int | None, phase: float, shape: _Shape) -> bytes:
            if rate is None or parameter in self._off:
                return bytes([NO_WAVE]) * samples
            begin, step = phase * PHASES, rate / 60.0 / samples * PHASES
            return bytes([shape(int(begin + step * index) % PHASES) for index in range(samples)])

        def arterial(place: int) -> int:  # the capture's P1 wave is in mmHg: it spans the shown pressures
            return _sample((dia_mmhg or 0) + ((sys_mmhg or 0) - (dia_mmhg or 0)) * _pulse()[place])

        p1_rate = None if sys_mmhg is None or dia_mmhg is None else heart_rate
        return b"".join(
            (
                wave(Parameter.HR, ECG_SAMPLES, heart_rate, beat, _ecg(max(1, heart_rate or 0)).__getitem__),
                wave(Parameter.RR, SLOW_SAMPLES, breathing, breath, _breath().__getitem__),
                wave(Parameter.SPO2, SLOW_SAMPLES, heart_rate, beat, _pleth().__getitem__),
                wave(Parameter.P1, SLOW_SAMPLES, p1_rate, beat, arterial),
                bytes([NO_WAVE]) * SLOW_SAMPLES,
            )
        )

    def _text(self, vitals: Vitals) -> str:
        pulse = "" if vitals.heart_rate_per_min is None else f"PR={vitals.heart_rate_per_min:<3}"
        cuff = (
            vitals.nibp_sys_mmhg,
            vitals.nibp_dia_mmhg,
            vitals.nibp_mean_mmhg,
            vitals.nibp_pulse_rate_per_min,
        )
        arterial = (vitals.ibp_sys_mmhg, vitals.ibp_dia_mmhg, vitals.ibp_mean_mmhg)
        return "".join(
            (
                self._line(Parameter.HR, (vitals.heart_rate_per_min,), "ECG-II-DIAG"),
                self._line(Parameter.RR, (vitals.respiratory_rate_per_min,), "APNEA: 20 SEC"),
                self._line(Parameter.ETCO2, (vitals.etco2_mmhg,), ""),
                self._line(Parameter.SPO2, (vitals.spo2_percent,), pulse),
                self._line(Parameter.NIBP, cuff, ""),
                self._line(Parameter.P1, arterial, "NO TRANSDUCER" if None in arterial else ""),
                self._line(Parameter.P2, (None, None, None), "NO TRANSDUCER"),
                self._line(Parameter.T1, (None,), ""),
                self._line(Parameter.T2, (None,), ""),
            )
        )

    def _line(self, parameter: Parameter, values: tuple[int | None, ...], label: str) -> str:
        if parameter in self._off:
            values, label = (None,) * len(values), self._off[parameter]
        fields = ["" if value is None else str(value) for value in values]
        return ";".join([f"{parameter}={_CODES[parameter]}", *fields, label, self._alarms.get(parameter, "")]) + "\r"


_Shape = Callable[[int], int]
"""The byte at one of the ``PHASES`` of a wave."""


def _field(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or ";" in text:
        raise ValueError(f"{text!r} cannot stand in a field: only printable ASCII without a semicolon can")
    return text


def _sample(value: float) -> int:
    return min(WAVE_MAX, max(0, round(value)))


def _bump(distance: float, width: float) -> float:
    return math.exp(-0.5 * (distance / width) ** 2)


def _phases() -> list[float]:
    return [place / PHASES for place in range(PHASES)]


@cache
def _pulse() -> tuple[float, ...]:
    """Draw a pulse wave between 0 and 1: a steep rise, and a notch on the way down."""
    return tuple(min(1.0, _bump(phase - 0.55, 0.06) + 0.4 * _bump(phase - 0.78, 0.07)) for phase in _phases())


@cache
def _pleth() -> bytes:
    return bytes(_sample(117.0 + 36.0 * height) for height in _pulse())


@cache
def _breath() -> bytes:
    return bytes(_sample(125.0 + 110.0 * math.sin(math.tau * phase)) for phase in _phases())


@lru_cache(maxsize=BEATS_MAX)
def _ecg(rate_per_min: int) -> bytes:
    beat_s = 60.0 / rate_per_min

    def millivolt(phase: float) -> float:
        return sum(height * _bump((phase - place) * beat_s, width) for place, width, height in ECG_WAVES)

    return bytes(_sample(ECG_OFFSET + millivolt(phase) / ECG_STEP_MV) for phase in _phases())
