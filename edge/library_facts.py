"""What an entry of the drug library says, number by number, under the keys of its file; and which way is laxer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from edge.config_limits import STANDARD
from edge.core.config import (
    Bounds,
    DrugConfig,
    Flag,
    FlagRule,
    LimitConfig,
    TotalRule,
    VitalRule,
)
from edge.core.dose_units import EntryUnits, convert
from edge.core.model import Priority, Side

_PERCENT = Decimal(100)
_PER_MIN = 60
_VITALS = {limit.condition: (name, limit) for name, limit in STANDARD.items()}
_UNITS = {"mm[Hg]": "mmHg"}
_FLAGS = {
    Flag.HEART_DISEASE: "heart_disease",
    Flag.CYP3A4_INHIBITOR: "enzyme_inhibitor.CYP3A4",
    Flag.CYP2B6_INHIBITOR: "enzyme_inhibitor.CYP2B6",
    Flag.FREQUENT: "frequent_treatment",
    Flag.AGE_65_OR_OVER: "age_65_or_over",
}


class More(Enum):
    """What a larger number is: laxer, stricter, or neither."""

    LAXER = "laxer"
    STRICTER = "stricter"
    NEITHER = "changed"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that an entry says. ``number`` compares with another entry's; ``None`` where it is words.

    ``missing_is_laxer``: an entry that does not say it is the laxer one. ``None``: neither.
    """

    name: str
    shown: str
    number: Decimal | None = None
    more: More = More.NEITHER
    missing_is_laxer: bool | None = None


Row = tuple[str, str]
"""What became of a fact: LAXER, stricter or changed; and the fact, before and after."""


def differences(was: DrugConfig, now: DrugConfig) -> list[Row]:
    """Tell which facts of an entry another one makes laxer, which stricter, and which it changes otherwise."""
    before, after = ({fact.name: fact for fact in facts(drug)} for drug in (was, now))
    rows = (_row(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after]))
    return [row for row in rows if row is not None]


def facts(drug: DrugConfig) -> Iterator[Fact]:
    """Give everything that an entry says, in the order of the file."""
    units = EntryUnits(drug.dosing_unit)
    yield from _words(drug)
    yield _time("recovery", drug.recovery_s, More.STRICTER)
    yield from _bounds("concentration", drug.concentration, _Shown(units.mass, "mg", suffix="/mL"))
    yield from _bounds("weight", drug.weight, _Shown("kg", "kg"))
    rate = _Shown(units.rate, "mg/kg/h")
    yield from _limit("dose_rate_high", drug.dose_rate_high, rate)
    yield _percent("dose_rate_low.part_of_step", drug.low_fraction, More.STRICTER)
    yield _number("dose_rate_low.floor", drug.low_floor_mg_per_kg_per_h, rate, More.STRICTER)
    yield _time("dose_rate_low.delay", drug.low_delay_s, More.LAXER)
    yield Fact("dose_rate_low.priority", drug.low_priority.name.lower(), Decimal(int(drug.low_priority)), More.STRICTER)
    if drug.first_limit is not None:
        yield _time("first.lasts", drug.first_s, More.STRICTER)
        yield from _limit("first", drug.first_limit, rate, delays=False)
    if drug.step_limit is not None:
        yield _time("step.within", drug.step_within_s, More.STRICTER)
        yield from _limit("step", drug.step_limit, rate)
    if drug.mass_rate_limit is not None:
        yield from _limit("mass_rate", drug.mass_rate_limit, _Shown(units.mass_rate, "mg/h"))
    amount = _Shown(units.amount, "mg/kg")
    yield from _total("session", drug.session, amount)
    yield from _total("day", drug.day, amount)
    if drug.duration is not None:
        yield _time("duration.soft_beyond", drug.duration.soft_beyond_s, More.LAXER)
        yield _percent("duration.hard_beyond", drug.duration.hard_factor - 1, More.LAXER)
    if drug.bolus is not None:
        # Without the table the drug is given as no bolus at all.
        yield _number("bolus.soft", drug.bolus.soft, amount, More.LAXER, missing_is_laxer=False)
        yield _number("bolus.hard", drug.bolus.hard, amount, More.LAXER, missing_is_laxer=False)
    yield from _vitals("vital_signs", drug.vitals)
    for rule in drug.flags:
        yield from _flag(rule, rate, amount)


@dataclass(frozen=True, slots=True)
class _Shown:
    """How numbers of one kind are shown: in the unit of the entry, from the unit of the core."""

    unit: str
    inside: str
    suffix: str = ""

    def text(self, number: Decimal) -> str:
        value = number if self.unit == self.inside else convert(number, self.inside, self.unit)
        return f"{_plain(value)} {_UNITS.get(self.unit, self.unit)}{self.suffix}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _words(drug: DrugConfig) -> Iterator[Fact]:
    yield Fact("label", drug.label)
    yield Fact("pump_names", ", ".join(drug.pump_names))
    yield Fact("dosing_unit", drug.dosing_unit)
    for advisory in drug.advisories:
        yield Fact(f'advisories "{advisory}"', "told")
    yield Fact("at_end", drug.at_end.value)
    needed = Decimal(int(drug.baseline_required))
    yield Fact("baseline_required", "yes" if drug.baseline_required else "no", needed, More.STRICTER)
    settled = Decimal(int(drug.settled_by_two))
    yield Fact("settled_by_two", "yes" if drug.settled_by_two else "no", settled, More.STRICTER)
    for quantity in drug.required_vitals:
        yield Fact(f"required_vitals {quantity.value}", "yes", missing_is_laxer=True)
    mass = EntryUnits(drug.dosing_unit).mass
    for strength in drug.concentrations_mg_per_ml:
        shown = _Shown(mass, "mg", suffix="/mL").text(strength)
        yield Fact(f"concentration.listed {shown}", "yes", missing_is_laxer=False)
    custom = Decimal(int(drug.custom_concentration))
    yield Fact("concentration.custom", "yes" if drug.custom_concentration else "no", custom, More.LAXER)


def _number(name: str, number: Decimal, shown: _Shown, more: More, *, missing_is_laxer: bool | None = True) -> Fact:
    return Fact(name, shown.text(number), number, more, missing_is_laxer)


def _percent(name: str, number: Decimal, more: More) -> Fact:
    return Fact(name, f"{_plain(number * _PERCENT)} %", number, more, missing_is_laxer=True)


def _time(name: str, seconds: float, more: More) -> Fact:
    minutes, rest = divmod(seconds, _PER_MIN)
    shown = f"{minutes:g} min" if seconds and not rest else f"{seconds:g} s"
    return Fact(name, shown, Decimal(str(seconds)), more, missing_is_laxer=None if more is More.NEITHER else True)


def _bounds(name: str, bounds: Bounds, shown: _Shown) -> Iterator[Fact]:
    for end, value, more in (
        ("hard_low", bounds.hard_low, More.STRICTER),
        ("soft_low", bounds.soft_low, More.STRICTER),
        ("soft_high", bounds.soft_high, More.LAXER),
        ("hard_high", bounds.hard_high, More.LAXER),
    ):
        if value is not None:
            yield _number(f"{name}.{end}", value, shown, more)


def _limit(name: str, limit: LimitConfig, shown: _Shown, *, delays: bool = True) -> Iterator[Fact]:
    for band in limit.bands:
        yield _number(f"{name}.{band.name}", band.value, shown, More.LAXER)
        if delays and band.name != "bypass":
            yield _time(f"{name}.{band.name}_delay", band.delay_s, More.LAXER)
        if band.name == "soft" and band.priority is not Priority.MEDIUM:
            yield Fact(f"{name}.soft_priority", band.priority.name.lower(), Decimal(int(band.priority)), More.STRICTER)
    if delays:
        yield Fact(f"{name}.hysteresis", shown.text(limit.hysteresis), limit.hysteresis)
        yield _time(f"{name}.clear_delay", limit.clear_delay_s, More.NEITHER)


def _total(name: str, rule: TotalRule | None, shown: _Shown) -> Iterator[Fact]:
    if rule is None:
        return
    if rule.of_ordered is not None:
        yield _percent(f"{name}.of_ordered", rule.of_ordered, More.LAXER)
    yield _number(f"{name}.soft", rule.soft, shown, More.LAXER)
    yield _percent(f"{name}.tolerance", rule.tolerance - 1, More.LAXER)
    yield _number(f"{name}.hard", rule.hard, shown, More.LAXER)


def _vitals(parent: str, rules: tuple[VitalRule, ...]) -> Iterator[Fact]:
    for rule in rules:
        name, limit = _VITALS[rule.condition]
        more = More.STRICTER if limit.side is Side.LOW else More.LAXER
        shown = _Shown(limit.unit, limit.unit)
        for band in rule.bands:
            key = f"{parent}.{name}.{band.name}"
            if band.of_baseline is None:
                yield from _clamps(key, (band.lowest, band.lowest), shown, more)
            else:
                yield _percent(f"{key}.of_baseline", band.of_baseline, more)
                yield from _clamps(key, (band.lowest, band.highest), shown, more)


def _clamps(key: str, clamps: tuple[Decimal, Decimal], shown: _Shown, more: More) -> Iterator[Fact]:
    for end, value in zip(("least", "most"), clamps, strict=True):
        yield _number(f"{key}.{end}", value, shown, more)


def _flag(rule: FlagRule, rate: _Shown, amount: _Shown) -> Iterator[Fact]:
    key = _FLAGS[rule.flag]
    for name, value, shown in (
        ("dose_rate_soft", rule.dose_rate_soft, rate),
        ("dose_rate_hard", rule.dose_rate_hard, rate),
        ("session_soft", rule.session_soft, amount),
    ):
        if value is not None:
            yield _number(f"{key}.{name}", value, shown, More.LAXER)
    if rule.factor is not None:
        yield _percent(f"{key}.factor", rule.factor, More.LAXER)
    if rule.recovery_s is not None:
        yield _time(f"{key}.recovery", rule.recovery_s, More.STRICTER)
    yield from _vitals(f"{key}.vital_signs", rule.vitals)


def _row(name: str, was: Fact | None, now: Fact | None) -> Row | None:
    if was is None or now is None:
        there = was or now
        if there is None or there.missing_is_laxer is None:
            verdict = _verdict(None)
        else:
            verdict = _verdict(there.missing_is_laxer is (now is None))
        shown = f"gone, was {was.shown}" if was is not None else f"new, {there.shown}" if there is not None else ""
        return verdict, f"{name}: {shown}"
    if (was.number, was.shown) == (now.number, now.shown):
        return None
    text = f"{name}: {was.shown} -> {now.shown}"
    if was.number is None or now.number is None or was.number == now.number or now.more is More.NEITHER:
        return _verdict(None), text
    return _verdict((now.number > was.number) is (now.more is More.LAXER)), text


def _verdict(laxer: bool | None) -> str:  # noqa: FBT001 - the answer itself
    return "changed" if laxer is None else "LAXER" if laxer else "stricter"
