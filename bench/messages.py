"""Messages of a monitor as its simulator encodes them, made once, so that the load costs little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simulators.ivy_450c import PERIOD_S, IvyMonitor
from simulators.patient import Vitals

VARIANTS = 8
"""Different messages that take turns: a text that never changes would flatter a codec that remembers the last one."""

GOOD_SPO2_PERCENT = 97
BAD_SPO2_PERCENT = 75
"""Below the bypass limit of 80: the alarm has no delay."""

RESTING = Vitals(
    heart_rate_per_min=70,
    respiratory_rate_per_min=14,
    spo2_percent=GOOD_SPO2_PERCENT,
    nibp_sys_mmhg=120,
    nibp_dia_mmhg=75,
    nibp_mean_mmhg=90,
    nibp_pulse_rate_per_min=70,
)


def vary(spo2_percent: int) -> Callable[[float], Vitals]:
    """Return vital signs whose heart rate and breathing change with each message."""

    def vitals(now_s: float) -> Vitals:
        turn = round(now_s / PERIOD_S) % VARIANTS
        return replace(
            RESTING,
            heart_rate_per_min=70 + turn,
            respiratory_rate_per_min=14 + turn % 3,
            spo2_percent=spo2_percent,
        )

    return vitals


def monitor_messages(spo2_percent: int) -> tuple[bytes, ...]:
    """Return ``VARIANTS`` whole messages that say this saturation."""
    monitor = IvyMonitor(vary(spo2_percent))
    monitor.start(0.0)
    return tuple(monitor.tick((number + 1) * PERIOD_S) for number in range(VARIANTS))
