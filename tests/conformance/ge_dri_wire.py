"""The DRI driver and the DRI simulator on one wire: a patient, what is shown of them, and what each test checks."""

from __future__ import annotations

from decimal import Decimal

from drivers.ge_dri import DriSession
from drivers.ge_dri_frame import LEVELS, Ask, Request
from drivers.model import AlarmSetChanged, DeviceAlarm, Observation, Quantity, SessionOptions, Validity
from simulators.ge_dri import DriMonitor, DriOptions
from simulators.patient import Vitals
from tests.conformance.virtual import Wire, reading, value

Q = Quantity
MAY_BE_SENT = {Request(ask, level).encode() for ask in Ask for level in LEVELS}

STEADY = Vitals(
    heart_rate_per_min=72,
    respiratory_rate_per_min=14,
    spo2_percent=97,
    etco2_mmhg=38,
    nibp_sys_mmhg=122,
    nibp_dia_mmhg=78,
    nibp_mean_mmhg=93,
    nibp_pulse_rate_per_min=71,
    ibp_sys_mmhg=118,
    ibp_dia_mmhg=70,
    ibp_mean_mmhg=86,
)
SHOWN = {
    Q.HEART_RATE: ("heart_rate_per_min", "/min", "ECG-II"),
    Q.PULSE_RATE: ("heart_rate_per_min", "/min", "pleth"),
    Q.SPO2: ("spo2_percent", "%", "SpO2"),
    Q.RESPIRATORY_RATE: ("respiratory_rate_per_min", "/min", "CO2"),
    Q.ETCO2: ("etco2_mmhg", "mm[Hg]", "CO2"),
    Q.NIBP_SYS: ("nibp_sys_mmhg", "mm[Hg]", "adult cuff"),
    Q.NIBP_DIA: ("nibp_dia_mmhg", "mm[Hg]", "adult cuff"),
    Q.NIBP_MEAN: ("nibp_mean_mmhg", "mm[Hg]", "adult cuff"),
    Q.NIBP_PULSE_RATE: ("nibp_pulse_rate_per_min", "/min", "adult cuff"),
    Q.IBP1_SYS: ("ibp_sys_mmhg", "mm[Hg]", "ART"),
    Q.IBP1_DIA: ("ibp_dia_mmhg", "mm[Hg]", "ART"),
    Q.IBP1_MEAN: ("ibp_mean_mmhg", "mm[Hg]", "ART"),
}
CUFF = (Q.NIBP_SYS, Q.NIBP_DIA, Q.NIBP_MEAN, Q.NIBP_PULSE_RATE)
GAS_STEP_MMHG = Decimal("0.04")
"""Half a hundredth of a percent of 760 mmHg: what the wire cannot tell of a carbon dioxide."""


def wire(vitals: Vitals = STEADY, options: DriOptions | None = None) -> tuple[Wire, DriMonitor]:
    monitor = DriMonitor(lambda _: vitals, options)
    return Wire(DriSession(SessionOptions("monitor")), monitor), monitor


def assert_only_asked(talk: Wire, monitor: DriMonitor) -> None:
    assert {*talk.sent} <= MAY_BE_SENT
    assert (monitor.violations, monitor.violation_count) == ([], 0)


def assert_tells(observation: Observation, vitals: Vitals) -> None:
    """Every value is the patient's, or missing."""
    for quantity, (name, *_) in SHOWN.items():
        told, true = value(observation, quantity), getattr(vitals, name)
        if told is not None:
            assert abs(told - true) <= (GAS_STEP_MMHG if quantity is Q.ETCO2 else 0), quantity


def alarm_sets(talk: Wire) -> list[tuple[DeviceAlarm, ...]]:
    return [one.alarms for one in talk.events(AlarmSetChanged) if isinstance(one, AlarmSetChanged)]


def cuff_ages(talk: Wire, since_s: float = 0.0) -> list[tuple[float, Validity, float]]:
    """When each record came, whether its cuff pressure counts, and how old it was said to be."""
    found = []
    for one in talk.observations():
        sys = reading(one, Q.NIBP_SYS)
        if one.received_at_s >= since_s and sys.measured_s_ago is not None:
            found.append((one.received_at_s, sys.validity, sys.measured_s_ago))
    return found
