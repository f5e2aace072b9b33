"""From a reading to a value that may be compared: unit, plausible range, validity, age.

Laws:
  * Every quantity has one unit here; another known unit is converted exactly, an unknown one makes the value invalid.
  * A value outside what a living patient or a real pump can show is invalid, never clipped.
  * Age only makes validity worse. A value without a date is not young.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from drivers.model import Quantity, Reading, Validity


@dataclass(frozen=True, slots=True)
class Canon:
    """A quantity's wire name (unit last), its name for people, its UCUM unit, and the range of possible values."""

    name: str
    label: str
    unit: str
    lowest: Decimal
    highest: Decimal


def _canon(name: str, label: str, unit: str, lowest: str, highest: str) -> Canon:
    return Canon(name, label, unit, Decimal(lowest), Decimal(highest))


# Ranges are what the monitors in docs/devices.md can display, widened; they catch corruption, they are no limits.
CANON = {
    Quantity.HEART_RATE: _canon("heart_rate_per_min", "heart rate", "/min", "0", "400"),
    Quantity.PULSE_RATE: _canon("pulse_rate_per_min", "pulse rate", "/min", "0", "400"),
    Quantity.SPO2: _canon("spo2_percent", "SpO2", "%", "0", "100"),
    Quantity.RESPIRATORY_RATE: _canon("respiratory_rate_per_min", "respiratory rate", "/min", "0", "250"),
    Quantity.ETCO2: _canon("etco2_mmhg", "EtCO2", "mm[Hg]", "0", "200"),
    Quantity.NIBP_SYS: _canon("nibp_sys_mmhg", "systolic cuff pressure", "mm[Hg]", "0", "350"),
    Quantity.NIBP_DIA: _canon("nibp_dia_mmhg", "diastolic cuff pressure", "mm[Hg]", "0", "350"),
    Quantity.NIBP_MEAN: _canon("nibp_mean_mmhg", "mean cuff pressure", "mm[Hg]", "0", "350"),
    Quantity.NIBP_PULSE_RATE: _canon("nibp_pulse_rate_per_min", "pulse rate of the cuff", "/min", "0", "400"),
    Quantity.IBP1_SYS: _canon("ibp1_sys_mmhg", "systolic pressure P1", "mm[Hg]", "-50", "400"),
    Quantity.IBP1_DIA: _canon("ibp1_dia_mmhg", "diastolic pressure P1", "mm[Hg]", "-50", "400"),
    Quantity.IBP1_MEAN: _canon("ibp1_mean_mmhg", "mean pressure P1", "mm[Hg]", "-50", "400"),
    Quantity.IBP2_SYS: _canon("ibp2_sys_mmhg", "systolic pressure P2", "mm[Hg]", "-50", "400"),
    Quantity.IBP2_DIA: _canon("ibp2_dia_mmhg", "diastolic pressure P2", "mm[Hg]", "-50", "400"),
    Quantity.IBP2_MEAN: _canon("ibp2_mean_mmhg", "mean pressure P2", "mm[Hg]", "-50", "400"),
    Quantity.TEMPERATURE_1: _canon("temperature_1_celsius", "temperature T1", "Cel", "0", "60"),
    Quantity.TEMPERATURE_2: _canon("temperature_2_celsius", "temperature T2", "Cel", "0", "60"),
    Quantity.INFUSION_RATE: _canon("infusion_rate_ml_per_h", "infusion rate", "mL/h", "0", "2000"),
    Quantity.BOLUS_RATE: _canon("bolus_rate_ml_per_h", "bolus rate", "mL/h", "0", "2000"),
    Quantity.BOLUS_VOLUME: _canon("bolus_volume_ml", "bolus volume", "mL", "0", "1000"),
    Quantity.VOLUME_INFUSED: _canon("volume_infused_ml", "volume infused", "mL", "0", "99999"),
    Quantity.VOLUME_TO_BE_INFUSED: _canon("volume_to_be_infused_ml", "volume to be infused", "mL", "0", "99999"),
    Quantity.VOLUME_REMAINING: _canon("volume_remaining_ml", "volume remaining", "mL", "0", "99999"),
    Quantity.TIME_REMAINING: _canon("time_remaining_s", "time remaining", "s", "0", "8640000"),
    Quantity.CONCENTRATION: _canon("pump_concentration_mg_per_ml", "pump concentration", "mg/mL", "0", "1000"),
    Quantity.DOSE_RATE: _canon("pump_dose_rate_mg_per_kg_per_h", "pump dose rate", "mg/kg/h", "0", "100000"),
    Quantity.DOSE_RATE_SET: _canon(
        "pump_dose_rate_set_mg_per_kg_per_h", "pump set dose rate", "mg/kg/h", "0", "100000"
    ),
    Quantity.WEIGHT: _canon("pump_weight_kg", "pump weight", "kg", "0.25", "350"),
    Quantity.LINE_PRESSURE: _canon("line_pressure_mmhg", "line pressure", "mm[Hg]", "-100", "1500"),
    Quantity.LINE_PRESSURE_OF_LIMIT: _canon(
        "line_pressure_of_limit_percent", "line pressure as a share of the pump's limit", "%", "0", "100"
    ),
}

_MICRO = Decimal("0.001")
_NANO = Decimal("0.000001")
_MINUTES = Decimal(60)
_DAY = Decimal(1) / Decimal(24)
CONVERSIONS = {
    ("kPa", "mm[Hg]"): Decimal("7.500616827"),
    ("min", "s"): _MINUTES,
    ("ug/mL", "mg/mL"): _MICRO,
    ("ng/mL", "mg/mL"): _NANO,
    ("g/mL", "mg/mL"): Decimal(1000),
    ("g", "kg"): _MICRO,
    ("mg/kg/min", "mg/kg/h"): _MINUTES,
    ("mg/kg/d", "mg/kg/h"): _DAY,
    ("ug/kg/min", "mg/kg/h"): _MICRO * _MINUTES,
    ("ug/kg/h", "mg/kg/h"): _MICRO,
    ("ug/kg/d", "mg/kg/h"): _MICRO * _DAY,
    ("ng/kg/min", "mg/kg/h"): _NANO * _MINUTES,
    ("ng/kg/h", "mg/kg/h"): _NANO,
    ("g/kg/h", "mg/kg/h"): Decimal(1000),
}


class Value(NamedTuple):
    """A reading in the one unit of its quantity.

    ``taken_at_s`` is when it was measured, as well as that is known; ``sample_at_s`` when it was received. ``median``
    is that of the last samples of a stream, ``None`` where it is the value itself. ``told_in`` is the unit that the
    device itself uses, where that is another.
    """

    quantity: Quantity
    value: Decimal | None
    unit: str
    resolution: Decimal
    validity: Validity
    taken_at_s: float
    sample_at_s: float
    source: str
    origin: str = ""
    note: str = ""
    median: Decimal | None = None
    told_in: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is a number that may be compared with a limit."""
        return self.value is not None and self.validity in _USABLE

    def aged(self, now_s: float, valid_for_s: float) -> Value:
        """Return the value as it counts now: stale when it is ``valid_for_s`` old."""
        if now_s < self.taken_at_s + valid_for_s or self.validity in _NOTHING:
            return self
        return self._replace(validity=Validity.STALE)


_NOTHING = frozenset({Validity.INVALID, Validity.NOT_AVAILABLE})
_USABLE = frozenset({Validity.VALID, Validity.QUESTIONABLE, Validity.OVER, Validity.UNDER})


def accept(reading: Reading, received_at_s: float, source: str) -> Value:
    """Translate a reading into the unit of its quantity, and check its range."""
    canon = CANON[reading.quantity]
    taken_at_s = received_at_s - max(reading.measured_s_ago or 0.0, 0.0)
    value, resolution, validity, note = reading.value, reading.resolution, reading.validity, reading.note
    if value is not None and reading.unit != canon.unit:
        factor = CONVERSIONS.get((reading.unit, canon.unit))
        if factor is None:
            value, validity, note = None, Validity.INVALID, f"reported as {value} {reading.unit}"
        else:
            value, resolution = value * factor, resolution * factor
    if value is not None and not canon.lowest <= value <= canon.highest:
        value, validity, note = None, Validity.INVALID, f"impossible value {value} {canon.unit}"
    return Value(
        reading.quantity,
        value,
        canon.unit,
        resolution,
        validity,
        taken_at_s,
        received_at_s,
        source,
        reading.origin,
        note,
        told_in="" if reading.unit == canon.unit else reading.unit,
    )
