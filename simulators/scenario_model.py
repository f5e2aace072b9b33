"""What a scenario is, once its file was read: beds with their devices, and what happens to them when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

_CENTI = Decimal("0.01")

Value: TypeAlias = Decimal | float | int | str
"""What an event is told, as its kind reads it: times are seconds, shares parts of 1."""


def rate_ml_per_h(dose_mg_per_kg_per_h: Decimal, concentration_mg_per_ml: Decimal, weight_kg: Decimal) -> Decimal:
    """Return the rate that gives a dose, in hundredths of a mL/h."""
    return (dose_mg_per_kg_per_h * weight_kg / concentration_mg_per_ml).quantize(_CENTI)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """What was ordered, for the configuration of the edge; doses in mg/kg/h."""

    drug: str
    step_mg_per_kg_per_h: Decimal
    maximum_mg_per_kg_per_h: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpPlan:
    """A pump with what was typed into it; ``counter_step_ml`` where it counts coarser than its kind usually does."""

    id: str
    kind: str
    serial_number: str
    drug: str
    concentration_mg_per_ml: Decimal
    weight_kg: Decimal
    rate_ml_per_h: Decimal
    started: bool
    order: OrderPlan | None
    counter_step_ml: Decimal | None = None

    def rate_for(self, dose_mg_per_kg_per_h: Decimal) -> Decimal:
        """Return the rate in mL/h that gives this dose."""
        return rate_ml_per_h(dose_mg_per_kg_per_h, self.concentration_mg_per_ml, self.weight_kg)

    @property
    def dose_mg_per_kg_per_h(self) -> Decimal:
        """The dose at this rate, as the pump reckons it."""
        return self.rate_ml_per_h * self.concentration_mg_per_ml / self.weight_kg


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorPlan:
    """A monitor; ``serial_number`` is empty where its kind tells none."""

    id: str
    kind: str
    serial_number: str = ""


DevicePlan: TypeAlias = PumpPlan | MonitorPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class BedPlan:
    """A bed, its patient, and its devices.

    ``clearance`` is the share of the clearance of ketamine that an inhibitor of CYP3A4 leaves; ``artefacts``: what its
    monitors show is disturbed by movement, noise, sensors that fall off and cuffs that fail.
    """

    id: str
    label: str
    seed: int
    weight_kg: Decimal
    cuff_interval_s: float
    devices: tuple[DevicePlan, ...]
    age_years: int = 45
    heart_disease: bool = False
    clearance: Decimal = Decimal(1)
    artefacts: bool = False

    @property
    def pumps(self) -> tuple[PumpPlan, ...]:
        """Its pumps."""
        return tuple(device for device in self.devices if isinstance(device, PumpPlan))

    @property
    def monitors(self) -> tuple[MonitorPlan, ...]:
        """Its monitors."""
        return tuple(device for device in self.devices if isinstance(device, MonitorPlan))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happens, in the scenario's own seconds from its beginning.

    ``target`` is a bed or a device; ``until_s`` is ``None`` for what does not end by itself; ``words`` says it to
    people. ``seed`` is for those that throw dice.
    """

    at_s: float
    until_s: float | None
    do: str
    target: str
    words: str
    seed: int
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A whole scenario. ``speed`` is how many scenario seconds pass in one of the clock, unless told otherwise."""

    name: str
    title: str
    about: str
    duration_s: float
    speed: float
    beds: tuple[BedPlan, ...]
    events: tuple[Event, ...]
