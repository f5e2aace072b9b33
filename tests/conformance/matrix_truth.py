"""What a simulated device truly held, and whether a reading is of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

from drivers.model import InfusionState, Observation, Quantity, Reading, Validity
from simulators.patient import Vitals
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSnapshot, PumpState

Q = Quantity
FRESH_S = 8.0
"""A reading is of what the device held at most so long ago: a round, a late reply, and what a monitor averages."""

CUFF_S = 20.0
"""How often the cuff of the scripted patient measures."""


class Truth(Protocol):
    """What one device truly holds."""

    serial_number: str
    fresh_s: float

    def wrong(self, said: Observation) -> list[str]:
        """Say which readings are of nothing that the device held."""

    def is_whole(self, said: Observation) -> bool:
        """Tell whether the sample has all that a well device says of its essentials."""


def scripted(now_s: float) -> Vitals:
    """A patient in good health each of whose values changes every second, so that an old one is not of now."""
    second = int(now_s)
    cuff = second // int(CUFF_S)
    return Vitals(
        heart_rate_per_min=60 + second % 37,
        respiratory_rate_per_min=12 + second % 7,
        spo2_percent=94 + second % 6,
        etco2_mmhg=33 + second % 9,
        nibp_sys_mmhg=110 + cuff % 13,
        nibp_dia_mmhg=66 + cuff % 11,
        nibp_mean_mmhg=82 + cuff % 9,
        nibp_pulse_rate_per_min=62 + cuff % 10,
        nibp_at_s=cuff * CUFF_S,
    )


_VITALS: dict[Quantity, Callable[[Vitals], int | None]] = {
    Q.HEART_RATE: lambda v: v.heart_rate_per_min,
    Q.PULSE_RATE: lambda v: v.heart_rate_per_min,
    Q.RESPIRATORY_RATE: lambda v: v.respiratory_rate_per_min,
    Q.SPO2: lambda v: v.spo2_percent,
    Q.ETCO2: lambda v: v.etco2_mmhg,
    Q.NIBP_SYS: lambda v: v.nibp_sys_mmhg,
    Q.NIBP_DIA: lambda v: v.nibp_dia_mmhg,
    Q.NIBP_MEAN: lambda v: v.nibp_mean_mmhg,
    Q.NIBP_PULSE_RATE: lambda v: v.nibp_pulse_rate_per_min,
}
_CUFF = {Q.NIBP_SYS, Q.NIBP_DIA, Q.NIBP_MEAN, Q.NIBP_PULSE_RATE}


@lru_cache(maxsize=64)
def _held(from_s: int, until_s: int, offset_s: float) -> dict[Quantity, frozenset[int]]:
    """All that the patient had in a time."""
    seen = [scripted(second + offset_s) for second in range(from_s, until_s)]
    return {
        quantity: frozenset(number for one in seen if (number := of(one)) is not None)
        for quantity, of in _VITALS.items()
    }


class MonitorTruth:
    """The patient behind a monitor; another ``offset_s``, another patient."""

    def __init__(self, serial_number: str, essentials: Iterable[Quantity], offset_s: float = 0.0) -> None:
        self.serial_number = serial_number
        self.fresh_s = FRESH_S
        self._essentials = frozenset(essentials)
        self._offset_s = offset_s

    def vitals(self, now_s: float) -> Vitals:
        """What its patient has now."""
        return scripted(now_s + self._offset_s)

    def wrong(self, said: Observation) -> list[str]:
        return [
            f"{reading.quantity} {reading.value}"
            for reading in said.readings
            if reading.value is not None and not self._held(reading, said.received_at_s)
        ]

    def _held(self, reading: Reading, at_s: float) -> bool:
        if reading.quantity not in _VITALS or reading.value is None:
            return False
        back_s = 400.0 if reading.quantity in _CUFF else self.fresh_s
        held = _held(int(at_s - back_s), int(at_s) + 1, self._offset_s)[reading.quantity]
        return any(abs(number - reading.value) < reading.resolution for number in held)

    def is_whole(self, said: Observation) -> bool:
        there = {reading.quantity for reading in said.readings if reading.validity is Validity.VALID}
        return self._essentials <= there


_STATES = {
    PumpState.INFUSING: InfusionState.INFUSING,
    PumpState.STOPPED: InfusionState.STOPPED,
    PumpState.STANDBY: InfusionState.STANDBY,
    PumpState.BOLUS: InfusionState.BOLUS,
    PumpState.KVO: InfusionState.KVO,
    PumpState.PURGE: InfusionState.PURGE,
}


def _numbers(snapshot: PumpSnapshot, quantity: Quantity) -> list[Decimal]:
    """What a snapshot holds of a quantity, in the driver's unit."""
    therapy = snapshot.therapy
    dose, set_dose = therapy.dose_rate(snapshot.motor_rate_ml_per_h), therapy.dose_rate(snapshot.rate_ml_per_h)
    found: dict[Quantity, list[Fraction | Decimal | int | None]] = {
        Q.INFUSION_RATE: [snapshot.motor_rate_ml_per_h, snapshot.rate_ml_per_h],
        Q.BOLUS_RATE: [snapshot.bolus_rate_ml_per_h, snapshot.spec.bolus_rate_ml_per_h],
        Q.BOLUS_VOLUME: [snapshot.last_bolus_ml],
        Q.VOLUME_INFUSED: [snapshot.counter_ml],
        Q.VOLUME_TO_BE_INFUSED: [snapshot.vtbi_ml, snapshot.vtbi_left_ml],
        Q.VOLUME_REMAINING: [snapshot.syringe_left_ml, snapshot.vtbi_left_ml],
        Q.CONCENTRATION: [therapy.concentration],
        Q.WEIGHT: [therapy.weight_kg],
        Q.DOSE_RATE: [dose, set_dose],
        Q.DOSE_RATE_SET: [dose, set_dose],
        Q.LINE_PRESSURE: [Decimal("17.91") + (Decimal("530.15") - Decimal("17.91")) * snapshot.pressure_percent / 100],
        Q.LINE_PRESSURE_OF_LIMIT: [snapshot.pressure_percent],
        Q.TIME_REMAINING: [
            86400,
            _left_s(snapshot.syringe_left_ml, snapshot),
            _left_s(snapshot.vtbi_left_ml, snapshot),
        ],
    }
    return [_decimal(number) for number in found.get(quantity, ()) if number is not None]


def _left_s(volume_ml: Fraction | None, snapshot: PumpSnapshot) -> Fraction | None:
    rate = snapshot.motor_rate_ml_per_h or snapshot.rate_ml_per_h
    return None if volume_ml is None or not rate else volume_ml / Fraction(rate) * 3600


def _decimal(number: Fraction | Decimal | int) -> Decimal:
    numerator, denominator = number.as_integer_ratio()
    return Decimal(numerator) / Decimal(denominator)


class PumpTruth:
    """What the mechanics of a pump were each time that the device looked at them."""

    def __init__(self, serial_number: str, pump: PumpModel) -> None:
        self.serial_number = serial_number
        self.fresh_s = FRESH_S
        self._seen: deque[tuple[float, PumpSnapshot]] = deque(maxlen=4000)
        look = pump.snapshot

        def snapshot(now_s: float) -> PumpSnapshot:
            seen = look(now_s)
            if not self._seen or self._seen[-1] != (now_s, seen):
                self._seen.append((now_s, seen))
            return seen

        pump.snapshot = snapshot  # type: ignore[method-assign]

    def wrong(self, said: Observation) -> list[str]:
        at_s = said.received_at_s
        recent = [snapshot for seen_s, snapshot in reversed(self._seen) if at_s - seen_s <= self.fresh_s]
        false = [
            f"{reading.quantity} {reading.value}"
            for reading in said.readings
            if reading.value is not None and not any(_is_of(reading, snapshot) for snapshot in recent)
        ]
        state = InfusionState.UNKNOWN if said.infusion is None else said.infusion.state
        if state not in {InfusionState.UNKNOWN, InfusionState.OFF, *(_STATES[one.state] for one in recent)}:
            false.append(f"state {state}")
        return false

    def is_whole(self, said: Observation) -> bool:
        there = {reading.quantity for reading in said.readings if reading.validity is Validity.VALID}
        return Q.INFUSION_RATE in there


def _is_of(reading: Reading, snapshot: PumpSnapshot) -> bool:
    value = reading.value
    return value is not None and any(
        abs(value - number) < reading.resolution for number in _numbers(snapshot, reading.quantity)
    )
