"""Reads the drug library: every entry checked by itself, against the others, and with its flags.

What holds at a bed is made of an entry, an order and a patient (`edge/core/composed.py`). So that nothing of it can
clash first when a patient is there, the flags are composed here too (H-34).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, pairwise
from typing import TypeVar

from drivers.model import Quantity
from edge.config_file import LimitTable, Reader, Table, join
from edge.config_limits import STREAM_SAMPLES_MIN, Limit, check_bands, limit_config
from edge.core.composed import dose_limits
from edge.core.config import (
    Approval,
    AtEnd,
    BandLimit,
    BolusRule,
    Bounds,
    DrugConfig,
    DurationRule,
    Flag,
    LibraryEntry,
    LimitConfig,
    TotalRule,
)
from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.model import Priority, Side
from edge.core.strictest import check_composed
from edge.library_composed import patient_with, smallest_order
from edge.library_file import (
    APPROVAL_KEYS,
    CONTENT_DIGITS,
    BolusTable,
    ConcentrationTable,
    DoseRateHighTable,
    DoseRateLowTable,
    DrugTable,
    DurationTable,
    FirstTable,
    LibraryTable,
    MassRateTable,
    SessionTable,
    StepTable,
    TotalTable,
    WeightTable,
)
from edge.library_flags import read_flags, read_vitals

_DOSE_RATE_HIGH = Limit("DOSE_RATE_HIGH", Side.HIGH, Quantity.DOSE_RATE, "mg/kg/h", end=Decimal(0))
_QUANTITIES = {
    "heart_rate": Quantity.HEART_RATE,
    "spo2": Quantity.SPO2,
    "respiratory_rate": Quantity.RESPIRATORY_RATE,
    "nibp": Quantity.NIBP_SYS,
}
_PERCENT = Decimal(100)
"""A moment for patients that only a check knows."""

_Kind = TypeVar("_Kind", bound=Table)
_Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LibraryDrug:
    """One entry as the core is to know it, and whether the site uses it."""

    config: DrugConfig
    enabled: bool


def content_hash(raw: _Raw) -> str:
    """Return the hash of what a clinician approves: the whole entry but for the approval itself."""
    content = {name: value for name, value in raw.items() if name not in APPROVAL_KEYS}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:CONTENT_DIGITS]


def read_library(library: Reader, *, clinical: bool) -> tuple[LibraryDrug, ...]:
    """Read the library's entries. Clinical mode refuses those that are in use and not approved."""
    head = library.table(LibraryTable, library.content, "")
    found = []
    ids: dict[str, str] = {}
    pump_names: dict[str, str] = {}
    for key, raw in library.rows(library.content, "drug", least=1):
        library.once(ids, raw.get("id"), join(key, "id"))
        drug = _Entry(library, key, raw, head).read(clinical=clinical)
        if drug is None:
            continue
        for index, pump_name in enumerate(drug.config.pump_names):
            # One name for two drugs would hold a pump against the wrong limits.
            library.once(pump_names, pump_name.casefold(), f"{key}.pump_names[{index}]")
        found.append(drug)
    return tuple(found)


class _Entry:
    """One entry. What is refused is skipped, so that the rest is still checked."""

    def __init__(self, library: Reader, key: str, raw: _Raw, head: LibraryTable | None) -> None:
        self._library = library
        self._key = key
        self._raw = raw
        self._name = f"drug library {head.id} {head.version}" if head is not None else ""
        self._head = head
        self._units = MILLIGRAMS
        self._origin = ""

    def read(self, *, clinical: bool) -> LibraryDrug | None:
        """Check the whole entry. None, and problems more, if it is wrong."""
        library, key = self._library, self._key
        before = len(library.problems)
        drug = library.table(DrugTable, self._raw, key)
        if any(each.key == join(key, "dosing_unit") for each in library.problems[before:]):
            return None  # nothing else can be read without it
        self._units = EntryUnits(str(self._raw.get("dosing_unit")))
        entry = self._entry(drug, clinical=clinical)
        high, low = self._dose_rate_high(), self._required(DoseRateLowTable, "dose_rate_low")
        vitals = read_vitals(library, self._raw, key)
        flags = read_flags(library, self._raw, key, self._units)
        concentration = self._required(ConcentrationTable, "concentration")
        first, step = self._optional(FirstTable, "first"), self._optional(StepTable, "step")
        config = None
        if drug is not None and high is not None and low is not None and concentration is not None:
            config = DrugConfig(
                drug.id,
                drug.label,
                tuple(drug.pump_names),
                high,
                low.part_of_step / _PERCENT,
                self._units.mg_per_kg_per_h(low.floor),
                float(low.delay),
                entry,
                drug.dosing_unit,
                tuple(map(self._units.mg_per_ml, concentration.listed)),
                custom_concentration=concentration.custom,
                concentration=self._concentration(concentration),
                weight=self._weight(),
                low_priority=Priority[low.priority.upper()],
                first_limit=None if first is None else self._first(first, high),
                first_s=600.0 if first is None else float(first.lasts),
                step_limit=None if step is None else self._step(step),
                step_within_s=600.0 if step is None else float(step.within),
                mass_rate_limit=self._mass_rate(),
                session=self._total(SessionTable, "session"),
                day=self._total(TotalTable, "day"),
                duration=self._duration(),
                bolus=self._bolus(),
                at_end=AtEnd(drug.at_end),
                advisories=tuple(drug.advisories),
                recovery_s=float(drug.recovery),
                baseline_required=drug.baseline_required,
                settled_by_two=drug.settled_by_two,
                required_vitals=tuple(_QUANTITIES[name] for name in drug.required_vitals),
                vitals=vitals,
                flags=flags,
            )
            if len(library.problems) == before:
                self._check_flags(config)
        if config is None or drug is None or len(library.problems) > before:
            return None
        return LibraryDrug(config, drug.enabled)

    # --- identity ---

    def _entry(self, drug: DrugTable | None, *, clinical: bool) -> LibraryEntry:
        content = content_hash(self._raw)
        if drug is None or self._head is None:
            return LibraryEntry(content=content)
        self._origin = f"drug library {self._head.id} {self._head.version}, {drug.id}"
        approval = None
        if drug.approved:
            approval = self._approval(drug, content)
        else:
            self._origin += ", not approved"
            if clinical and drug.enabled:
                remedy = "have it approved by a clinician (`infusion-edge library show`), or set enabled = false"
                self._library.refuse(
                    join(self._key, "approved"), "clinical mode refuses a drug that is not approved", remedy
                )
        return LibraryEntry(self._head.id, self._head.version, content, approval)

    def _approval(self, drug: DrugTable, content: str) -> Approval | None:
        """Take an approval that is whole and of just this content."""
        for name in ("approved_by", "approved_on", "approved_content"):
            if getattr(drug, name) is None:
                remedy = "say who approved it, on which day, and of which content; or set approved = false"
                self._library.refuse(join(self._key, name), "is missing, and the entry says approved", remedy)
        if drug.approved_by is None or drug.approved_on is None or drug.approved_content is None:
            return None
        if drug.approved_content != content:
            reason = f"the entry was changed since it was approved: its content is {content}"
            remedy = "have it approved again, and give that content; or set approved = false"
            self._library.refuse(join(self._key, "approved_content"), reason, remedy)
        return Approval(drug.approved_by, drug.approved_on.isoformat())

    # --- tables ---

    def _optional(self, kind: type[_Kind], name: str) -> _Kind | None:
        return self._required(kind, name) if name in self._raw else None

    def _required(self, kind: type[_Kind], name: str) -> _Kind | None:
        raw = self._library.section(self._raw, name, self._key)
        if raw is None:
            return None
        return self._library.table(kind, raw, join(self._key, name), {"units": self._units})

    def _dose_rate_high(self) -> LimitConfig | None:
        key = join(self._key, "dose_rate_high")
        table: LimitTable[Decimal, Decimal] | None = self._required(DoseRateHighTable, "dose_rate_high")
        if table is None:
            return None
        check_bands(self._library, key, _DOSE_RATE_HIGH, table)
        if table.hard is None:
            # Without one, a tenfold dose would be a medium alarm.
            self._library.refuse(join(key, "hard"), "is missing", "give every drug a hard limit")
        told = limit_config(_DOSE_RATE_HIGH, table, self._origin)
        bands = (
            BandLimit(band.name, self._units.mg_per_kg_per_h(band.value), band.priority, band.delay_s)
            for band in told.bands
        )
        return self._limit(told, tuple(bands), self._units.mg_per_kg_per_h(told.hysteresis))

    def _limit(self, like: LimitConfig, bands: tuple[BandLimit, ...], hysteresis: Decimal) -> LimitConfig:
        return LimitConfig(
            like.condition,
            like.side,
            like.quantity,
            like.unit,
            bands,
            hysteresis,
            like.clear_delay_s,
            like.samples_min,
            self._origin,
        )

    def _first(self, table: FirstTable, later: LimitConfig) -> LimitConfig:
        key = join(self._key, "first")
        self._worse(key, table.soft, table.hard)
        rates = {"soft": table.soft, "hard": table.hard}
        bands = []
        for band in later.bands:
            if band.name in rates:
                value = self._units.mg_per_kg_per_h(rates[band.name])
                if value > band.value:
                    reason = f"{rates[band.name]} is laxer than dose_rate_high.{band.name}, so it never holds"
                    self._library.refuse(join(key, band.name), reason, "make it stricter, or remove the table")
                bands.append(BandLimit(band.name, value, band.priority, band.delay_s))
        return self._limit(later, tuple(bands), later.hysteresis)

    def _step(self, table: StepTable) -> LimitConfig:
        self._worse(join(self._key, "step"), table.soft, table.hard)
        rates = (self._units.mg_per_kg_per_h(table.soft), self._units.mg_per_kg_per_h(table.hard))
        bands = _two_bands(rates, float(table.delay))
        return self._amount("DOSE_STEP_HIGH", "mg/kg/h", bands, Decimal(0), 0.0)

    def _mass_rate(self) -> LimitConfig | None:
        table = self._optional(MassRateTable, "mass_rate")
        if table is None:
            return None
        key = join(self._key, "mass_rate")
        self._worse(key, table.soft, table.hard)
        if table.hysteresis > table.hard - table.soft > 0:
            reason = f"{table.hysteresis} is more than the {table.hard - table.soft} from soft to hard"
            self._library.refuse(join(key, "hysteresis"), reason, "make it smaller, or move the bands apart")
        bands = _two_bands((self._units.mg_per_h(table.soft), self._units.mg_per_h(table.hard)), float(table.delay))
        hysteresis = self._units.mg_per_h(table.hysteresis)
        return self._amount("DOSE_MASS_RATE_HIGH", "mg/h", bands, hysteresis, float(table.clear_delay))

    def _amount(
        self, condition: str, unit: str, bands: tuple[BandLimit, ...], hysteresis: Decimal, clear_delay_s: float
    ) -> LimitConfig:
        return LimitConfig(
            condition,
            Side.HIGH,
            Quantity.DOSE_RATE,
            unit,
            bands,
            hysteresis,
            clear_delay_s,
            STREAM_SAMPLES_MIN,
            self._origin,
        )

    def _total(self, kind: type[TotalTable], name: str) -> TotalRule | None:
        table = self._optional(kind, name)
        if table is None:
            return None
        tolerance = 1 + table.tolerance / _PERCENT
        soft, hard = self._units.mg_per_kg(table.soft), self._units.mg_per_kg(table.hard)
        if self._worse(join(self._key, name), table.soft, table.hard) and soft * tolerance >= hard:
            reason = f"{table.tolerance} % above soft {table.soft} is not below hard {table.hard}"
            self._library.refuse(f"{self._key}.{name}.tolerance", reason, "make it smaller, or move hard beyond")
        of_ordered = table.of_ordered / _PERCENT if isinstance(table, SessionTable) else None
        return TotalRule(soft, hard, tolerance, of_ordered)

    def _duration(self) -> DurationRule | None:
        table = self._optional(DurationTable, "duration")
        if table is None:
            return None
        return DurationRule(float(table.soft_beyond), 1 + table.hard_beyond / _PERCENT)

    def _bolus(self) -> BolusRule | None:
        table = self._optional(BolusTable, "bolus")
        if table is None:
            return None
        self._worse(join(self._key, "bolus"), table.soft, table.hard)
        return BolusRule(self._units.mg_per_kg(table.soft), self._units.mg_per_kg(table.hard))

    def _worse(self, key: str, soft: Decimal, hard: Decimal) -> bool:
        if hard > soft:
            return True
        self._library.refuse(join(key, "hard"), f"{hard} is not beyond soft {soft}", "move hard beyond soft")
        return False

    # --- what may be typed ---

    def _weight(self) -> Bounds:
        table = self._required(WeightTable, "weight")
        if table is None:
            return Bounds()
        bounds = Bounds(table.soft_low, table.soft_high, table.hard_low, table.hard_high)
        self._check_bounds("weight", bounds)
        return bounds

    def _concentration(self, table: ConcentrationTable) -> Bounds:
        key = join(self._key, "concentration")
        bounds = Bounds(table.soft_low, table.soft_high, table.hard_low, table.hard_high)
        self._check_bounds("concentration", bounds)
        for index, strength in enumerate(table.listed):
            if not (bounds.hard_low or strength) <= strength <= (bounds.hard_high or strength):
                reason = f"{strength} is beyond hard_low or hard_high"
                self._library.refuse(f"{key}.listed[{index}]", reason, "list only what may be ordered")
        if table.custom and (table.hard_low is None or table.hard_high is None):
            # One typed too low delivers too much (ISMP): a hard minimum is what stops it.
            remedy = "give hard_low and hard_high, or set custom = false"
            self._library.refuse(join(key, "custom"), "needs hard bounds", remedy)
        told = (bounds.soft_low, bounds.soft_high, bounds.hard_low, bounds.hard_high)
        return Bounds(*(None if each is None else self._units.mg_per_ml(each) for each in told))

    def _check_bounds(self, name: str, bounds: Bounds) -> None:
        rising = [
            (end, value)
            for end, value in (
                ("hard_low", bounds.hard_low),
                ("soft_low", bounds.soft_low),
                ("soft_high", bounds.soft_high),
                ("hard_high", bounds.hard_high),
            )
            if value is not None
        ]
        for (lower, low), (upper, high) in pairwise(rising):
            if low > high or (low == high and lower[:4] == upper[:4]):
                reason = f"{high} is not above {lower} {low}"
                self._library.refuse(f"{self._key}.{name}.{upper}", reason, "let them rise: hard, soft, soft, hard")

    # --- with flags ---

    def _check_flags(self, config: DrugConfig) -> None:
        """Compose the limits for every set of flags, and tell what would clash. A flag that cannot act is told too."""
        soft, hard = config.dose_rate_high.bands[0].value, config.dose_rate_high.bands[1].value
        for rule in config.flags:
            for name, value, usual in (("soft", rule.dose_rate_soft, soft), ("hard", rule.dose_rate_hard, hard)):
                if value is not None and value >= usual:
                    limit = config.units.text(value, "mg/kg/h")
                    reason = f"{rule.flag.value}: {limit} is not stricter than dose_rate_high.{name}"
                    self._library.refuse(self._key, reason, "make it stricter, or remove it")
            if rule.session_soft is not None and (config.session is None or rule.session_soft >= config.session.soft):
                reason = f"{rule.flag.value}: session_soft is not stricter than session.soft"
                self._library.refuse(self._key, reason, "make it stricter, or remove it")
        told: set[str] = set()
        for flags in _sets_of([rule.flag for rule in config.flags]):
            for problem in check_composed(
                dose_limits(config, smallest_order(config), patient_with(flags)).all(), config.units
            ):
                if problem not in told:
                    told.add(problem)
                    who = " and ".join(flag.value for flag in flags) or "no flag"
                    self._library.refuse(self._key, f"with {who}, {problem}", "move the flag's limits apart")


def _two_bands(values: tuple[Decimal, Decimal], delay_s: float) -> tuple[BandLimit, ...]:
    soft, hard = values
    return (BandLimit("soft", soft, Priority.MEDIUM, delay_s), BandLimit("hard", hard, Priority.HIGH, delay_s))


def _sets_of(flags: list[Flag]) -> Iterator[tuple[Flag, ...]]:
    """Give no flag, each flag and each two: of more, two alone decide about any two bands that could clash."""
    for count in range(3):
        yield from combinations(flags, count)
