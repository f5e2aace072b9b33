"""The words of a simulated pump: its states and alarms, what it is, what was typed into it, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

RATE_STEP_ML_PER_H = Decimal("0.001")
MAX_RATE_ML_PER_H = Decimal("1800.00")
_NG = {"ng": 1, "ug": 10**3, "mg": 10**6, "g": 10**9}
_SUBSTANCES = frozenset({*_NG, "mmol", "mEq", "IU"})
_PER_HOUR = {"min": Fraction(60), "h": Fraction(1), "day": Fraction(1, 24)}


def checked_rate(rate_ml_per_h: Decimal) -> Decimal:
    """Return the rate if a drive can have it: above zero, at most the maximum, in steps; else ``ValueError``."""
    if not 0 < rate_ml_per_h <= MAX_RATE_ML_PER_H or rate_ml_per_h % RATE_STEP_ML_PER_H:
        raise ValueError(f"rate {rate_ml_per_h} mL/h")
    return rate_ml_per_h


def checked_volume(volume_ml: Decimal) -> Fraction:
    """Return the volume exactly if it is above zero; else ``ValueError``."""
    if not volume_ml > 0:
        raise ValueError(f"volume {volume_ml} mL")
    return Fraction(volume_ml)


class PumpState(StrEnum):
    """What the pump does now."""

    OFF = "off"
    STANDBY = "standby"
    STOPPED = "stopped"
    INFUSING = "infusing"
    BOLUS = "bolus"
    KVO = "kvo"
    PURGE = "purge"


class BolusKind(StrEnum):
    """How the running bolus was asked for."""

    NONE = "none"
    MANUAL = "manual"
    VOLUME = "volume"


class PumpAlarm(StrEnum):
    """What the pump alarms of. Those in ``PRE_ALARMS`` do not stop it."""

    OCCLUSION = "occlusion"
    UPSTREAM_OCCLUSION = "upstream_occlusion"
    SYRINGE_EMPTY = "syringe_empty"
    END_OF_VOLUME = "end_of_volume"
    TIME_OVER = "time_over"
    KVO_END = "kvo_end"
    STANDBY_END = "standby_end"
    SYRINGE = "syringe"
    DOOR_OPEN = "door_open"
    DROPS = "drops"
    AIR = "air"
    BATTERY_EMPTY = "battery_empty"
    BATTERY_NEAR_EMPTY = "battery_near_empty"
    SYRINGE_NEAR_EMPTY = "syringe_near_empty"
    VTBI_NEAR_END = "vtbi_near_end"
    KVO_ACTIVE = "kvo_active"


PRE_ALARMS = frozenset(
    {PumpAlarm.BATTERY_NEAR_EMPTY, PumpAlarm.SYRINGE_NEAR_EMPTY, PumpAlarm.VTBI_NEAR_END, PumpAlarm.KVO_ACTIVE}
)
PUMPING = frozenset({PumpState.INFUSING, PumpState.BOLUS, PumpState.KVO, PumpState.PURGE})


@dataclass(frozen=True, slots=True)
class PumpSpec:
    """What does not change while the pump lives. ``syringe_ml`` is ``None`` for a volumetric pump.

    ``occlusion_volume_ml`` is the volume trapped in the line when the pressure limit is reached;
    ``kvo_rate_ml_per_h`` 0 means that the pump stops at the end of the volume.
    """

    serial_number: str = "012345"
    model: str = "688K030001"
    syringe_ml: Decimal | None = Decimal(50)
    near_empty_ml: Decimal = Decimal(2)
    counter_resolution_ml: Decimal = Decimal("0.01")
    counter_max_ml: Decimal = Decimal("9999.9")
    kvo_rate_ml_per_h: Decimal = Decimal("1.00")
    kvo_duration_s: int = 300
    bolus_rate_ml_per_h: Decimal = Decimal("200.00")
    purge_rate_ml_per_h: Decimal = Decimal("600.00")
    occlusion_volume_ml: Decimal = Decimal("0.50")

    def __post_init__(self) -> None:
        if self.kvo_rate_ml_per_h:
            checked_rate(self.kvo_rate_ml_per_h)
        checked_rate(self.bolus_rate_ml_per_h)
        checked_rate(self.purge_rate_ml_per_h)
        if self.syringe_ml is not None:
            checked_volume(self.syringe_ml)
        if min(self.counter_resolution_ml, self.occlusion_volume_ml) <= 0:
            raise ValueError("counter resolution and occlusion volume are above zero")


@dataclass(frozen=True, slots=True)
class Therapy:
    """What was typed into the pump. ``None`` and an empty text mean that nothing was.

    Units are spelled ``mg/mL``, ``ug/kg/min``, ``mg/h``, ``IU/kg/day``: substance, ``kg`` if per weight, time.
    """

    drug: str = ""
    drug_short: str = ""
    concentration: Decimal | None = None
    concentration_unit: str = "mg/mL"
    weight_kg: Decimal | None = None
    dose_mode: bool = False
    dose_unit: str = "mg/kg/h"

    def __post_init__(self) -> None:
        if self.concentration is not None and self.concentration <= 0:
            raise ValueError("a concentration is above zero")
        if self.weight_kg is not None and self.weight_kg <= 0:
            raise ValueError("a weight is above zero")
        self.dose_rate(Decimal(1))

    def dose_rate(self, rate_ml_per_h: Decimal) -> Fraction | None:
        """Return the dose rate in ``dose_unit`` at this rate, ``None`` without concentration or a weight it needs."""
        amount, *per_weight, time = self.dose_unit.split("/")
        solute, solvent = self.concentration_unit.split("/")
        known = {amount, solute} <= _SUBSTANCES and solvent == "mL" and time in _PER_HOUR and per_weight in ([], ["kg"])
        if not known:
            raise ValueError(f"units {self.concentration_unit!r}, {self.dose_unit!r}")
        if amount != solute and not {amount, solute} <= _NG.keys():
            raise ValueError(f"no dose in {self.dose_unit!r} from {self.concentration_unit!r}")
        if self.concentration is None or (per_weight and self.weight_kg is None):
            return None
        scale = Fraction(1) if amount == solute else Fraction(_NG[solute], _NG[amount])
        weight = Fraction(self.weight_kg) if per_weight and self.weight_kg is not None else Fraction(1)
        return Fraction(rate_ml_per_h) * Fraction(self.concentration) * scale / weight / _PER_HOUR[time]


@dataclass(frozen=True, slots=True)
class PumpSnapshot:
    """The pump at one moment: the truth, and what it shows of itself.

    ``rate_ml_per_h`` is the rate that is set, also while the pump stands; ``motor_rate_ml_per_h`` what the drive does
    now. ``counter_ml`` is the pump's own quantised, saturating sum since it was last cleared, ``counted_ml`` the exact
    one since the pump was made. ``bolus_count`` counts boli that ended, ``last_bolus_ml`` belongs to the last of them.
    """

    spec: PumpSpec
    therapy: Therapy
    state: PumpState
    rate_ml_per_h: Decimal
    motor_rate_ml_per_h: Decimal
    delivered_ml: Fraction
    trapped_ml: Fraction
    counted_ml: Fraction
    counter_ml: Decimal
    vtbi_ml: Decimal | None
    vtbi_left_ml: Fraction | None
    syringe_left_ml: Fraction | None
    pressure_percent: int
    bolus_kind: BolusKind
    bolus_rate_ml_per_h: Decimal
    bolus_count: int
    last_bolus_ml: Fraction
    standby_left_s: int
    on_mains: bool
    started: bool
    alarms: frozenset[PumpAlarm]
    acknowledged: bool
