"""The shape of the drug library's file: a class a TOML table. `config/drugs.toml` explains every key.

An entry has one dosing unit, and everything in it is said in that unit and what follows from it: with ``ug/kg/min``
amounts are ``ug/kg``, rates without the weight ``ug/min``, and concentrations ``ug/mL`` (H-05). Numbers stay in the
entry's units here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Generic, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from edge.config_file import (
    Delay,
    Identifier,
    LimitTable,
    LongDelay,
    QuantityReader,
    Table,
    Text,
    Value,
    VitalSign,
    Weight,
    quantity,
    refusal,
)
from edge.core.dose_units import DOSING_UNITS, MILLIGRAMS, EntryUnits, factor

ADVISORY_MAX_CHARS = 200
"""A sentence or two on a screen; more is not read."""

CONTENT_DIGITS = 16
"""Digits of an entry's content hash: enough that no edit escapes, few enough to compare by eye."""


def units_of(info: ValidationInfo) -> EntryUnits:
    """Return the units of the entry that is being read."""
    found = info.context.get("units") if isinstance(info.context, Mapping) else None
    return found if isinstance(found, EntryUnits) else MILLIGRAMS


_Kind: TypeAlias = Literal["rate", "amount", "mass_rate", "concentration"]


@dataclass(frozen=True, slots=True)
class _DoseReader:
    """Reads a quantity in the entry's own unit of a kind. ``least`` is in that unit, ``most`` in mg: no slip passes."""

    kind: _Kind
    what: str
    least: str
    most: str

    def __call__(self, raw: object, info: ValidationInfo) -> Decimal:
        units = units_of(info)
        unit = str(getattr(units, self.kind))
        most = Decimal(self.most) * int(factor("mg", units.mass))
        return QuantityReader(self.what, f"1.0 {unit}", ((unit, 1),), Decimal(self.least), most)(raw)


def _dose(
    kind: Literal["rate", "amount", "mass_rate", "concentration"], what: str, least: str, most: str
) -> PlainValidator:
    return PlainValidator(_DoseReader(kind, what, least, most))


Rate = Annotated[Decimal, _dose("rate", "a dose rate", "0.001", "100")]
RateHysteresis = Annotated[Decimal, _dose("rate", "a hysteresis", "0", "10")]
Amount = Annotated[Decimal, _dose("amount", "an amount", "0.001", "1000")]
MassRate = Annotated[Decimal, _dose("mass_rate", "a rate", "0.01", "10000")]
MassRateHysteresis = Annotated[Decimal, _dose("mass_rate", "a hysteresis", "0", "1000")]
Strength = Annotated[Decimal, _dose("concentration", "a concentration", "0.001", "1000")]

_LONG = (("s", 1), ("min", 60), ("h", 3600))


def _time(what: str, example: str, least_s: str, most_s: str) -> PlainValidator:
    return PlainValidator(QuantityReader(what, example, _LONG, Decimal(least_s), Decimal(most_s)))


FirstTime = Annotated[Decimal, _time("this time", "10 min", "60", "3600")]
RecoveryTime = Annotated[Decimal, _time("a recovery", "60 min", "0", "86400")]
BeyondTime = Annotated[Decimal, _time("this time", "10 min", "0", "86400")]
PartOfStep = Annotated[Decimal, quantity("this part", "80 %", "%", "1", "99")]
OfOrdered = Annotated[Decimal, quantity("this part", "105 %", "%", "100", "150")]
Tolerance = Annotated[Decimal, quantity("a tolerance", "2 %", "%", "0", "10")]
Beyond = Annotated[Decimal, quantity("this part", "50 %", "%", "1", "200")]
OfBaseline = Annotated[Decimal, quantity("this part", "125 %", "%", "30", "300")]
# Below 0.5 an inhibitor would rather be a reason not to give the drug by this service's limits (design, section 8).
Factor = Annotated[Decimal, quantity("a factor", "75 %", "%", "50", "100")]


def _dosing_unit(raw: str) -> str:
    if raw not in DOSING_UNITS:
        raise refusal(
            f'"{raw[:20]}" is no dosing unit',
            f"doses are judged for each kg and hour or minute: give one of {', '.join(DOSING_UNITS)}",
        )
    return raw


def _advisory(raw: str) -> str:
    if not raw or raw != raw.strip() or len(raw) > ADVISORY_MAX_CHARS or not raw.isprintable():
        raise refusal(
            f"{raw[:20]!r} cannot be shown",
            f"write 1 to {ADVISORY_MAX_CHARS} printable characters, no blanks at the ends",
        )
    return raw


def _digest(raw: str) -> str:
    if len(raw) != CONTENT_DIGITS or set(raw) - set("0123456789abcdef"):
        raise refusal(f'"{raw[:20]}" is no content hash', "give the one that `infusion-edge library show` prints")
    return raw


def _day(raw: object) -> date:
    if type(raw) is not date:
        raise PydanticCustomError(
            "refused", "{message}", {"message": f"{str(raw)[:20]!r} is no day", "remedy": "write it like 2026-01-31"}
        )
    return raw


class LibraryTable(Table):
    """The keys at the top of the file: which library this is, and its version."""

    subtables = ("drug",)
    id: Identifier
    version: Text


class DrugTable(Table):
    """One entry, without its limits."""

    subtables: ClassVar[tuple[str, ...]] = (
        *("concentration", "weight", "dose_rate_high", "dose_rate_low", "first", "step", "mass_rate", "session"),
        *("day", "duration", "bolus", "vital_signs"),
        *("heart_disease", "enzyme_inhibitor", "frequent_treatment", "age_65_or_over"),
    )
    id: Identifier
    label: Text
    enabled: bool = True
    approved: bool
    approved_by: Text | None = None
    approved_on: Annotated[date, PlainValidator(_day)] | None = None
    approved_content: Annotated[str, AfterValidator(_digest)] | None = None
    pump_names: Annotated[list[Text], Field(min_length=1)]
    dosing_unit: Annotated[str, AfterValidator(_dosing_unit)]
    advisories: list[Annotated[str, AfterValidator(_advisory)]] = Field(default_factory=list)
    recovery: RecoveryTime
    baseline_required: bool = False
    settled_by_two: bool = True
    required_vitals: list[VitalSign] = Field(default_factory=list)
    at_end: Literal["stop", "kvo"] = "stop"


APPROVAL_KEYS = frozenset({"enabled", "approved", "approved_by", "approved_on", "approved_content"})
"""Keys that are no part of the content that is approved."""


class ConcentrationTable(Table):
    """The concentrations that there are, and what may be typed besides."""

    listed: Annotated[list[Strength], Field(min_length=1)]
    custom: bool = False
    soft_low: Strength | None = None
    soft_high: Strength | None = None
    hard_low: Strength | None = None
    hard_high: Strength | None = None


class WeightTable(Table):
    """Which weights may be typed: beyond soft with a reason, beyond hard not at all."""

    soft_low: Weight
    soft_high: Weight
    hard_low: Weight
    hard_high: Weight


DoseRateHighTable = LimitTable[Rate, RateHysteresis]
"""The limit of the dose rate: soft, hard, and a bypass band that is hard without delay."""


class DoseRateLowTable(Table):
    """The low limit of the dose rate, as a part of the ordered step. ``high`` is for drugs that must not stop."""

    part_of_step: PartOfStep
    floor: Rate
    delay: LongDelay
    priority: Literal["low", "medium", "high"] = "low"


class FirstTable(Table):
    """The limit of the dose rate at the beginning."""

    lasts: FirstTime
    soft: Rate
    hard: Rate


class StepTable(Table):
    """The limit on how far the dose rate rises."""

    within: FirstTime
    soft: Rate
    hard: Rate
    delay: Delay


class MassRateTable(Table):
    """The limit of what an hour or a minute brings, whatever weight was typed."""

    soft: MassRate
    hard: MassRate
    delay: Delay
    hysteresis: MassRateHysteresis
    clear_delay: Delay


class TotalTable(Table):
    """The limit of a total over 24 h."""

    soft: Amount
    hard: Amount
    tolerance: Tolerance = Decimal(0)


class SessionTable(TotalTable):
    """The limit of the total of one treatment."""

    of_ordered: OfOrdered


class DurationTable(Table):
    """How much longer than planned it may run."""

    soft_beyond: BeyondTime
    hard_beyond: Beyond


class BolusTable(Table):
    """What one bolus may be. Without this table the drug is given as no bolus."""

    soft: Amount
    hard: Amount


class VitalTable(Table, Generic[Value]):
    """Bands of a vital sign's limit that stand as they are."""

    soft: Value | None = None
    hard: Value | None = None


class RelativeTable(Table, Generic[Value]):
    """A band of a vital sign's limit as a part of the baseline, between clamps."""

    of_baseline: OfBaseline
    least: Value
    most: Value


class HeartDiseaseTable(Table):
    """What heart disease makes of the limits."""

    subtables = ("vital_signs",)
    dose_rate_soft: Rate | None = None
    dose_rate_hard: Rate | None = None
    recovery: RecoveryTime | None = None


class EnzymeInhibitorTable(Table):
    """What an inhibitor of one of these enzymes makes of the limits."""

    enzymes: Annotated[list[Literal["CYP3A4", "CYP2B6"]], Field(min_length=1)]
    factor: Factor
    recovery: RecoveryTime | None = None


class FrequentTreatmentTable(Table):
    """What frequent treatments make of the limits."""

    session_soft: Amount


class AgeTable(Table):
    """What age makes of the limits."""

    dose_rate_soft: Rate


FlagTable = HeartDiseaseTable | EnzymeInhibitorTable | FrequentTreatmentTable | AgeTable
"""What an answer of the checklist makes of the limits."""
