"""Of several limits the strictest: how flags, drugs and people's wishes become the bands of one limit.

Laws:
  * The strictest value holds, never a product of several: two flags of 0.75 are 0.75.
  * A flag that nobody answered acts like a yes, and the limit's origin says so (law 4). Without a patient none acts.
  * No band is laxer than a worse one. None is ever left out: what stands is known by the place of its band.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from edge.core.config import BandLimit, DrugConfig, Flag, FlagRule, LimitConfig
from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.model import Side
from edge.core.therapy import Checklist, Known, Patient


@dataclass(frozen=True, slots=True)
class Acting:
    """A flag that acts. ``known`` is false where nobody answered."""

    rule: FlagRule
    known: bool

    @property
    def name(self) -> str:
        """What the flag is called in an origin."""
        return self.rule.flag.value if self.known else f"{self.rule.flag.value}: not answered, so taken for yes"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that a band may take, and who wants it."""

    value: Decimal
    why: str = ""


def answer(checklist: Checklist, flag: Flag) -> Known:
    """Return what the checklist says of a flag."""
    match flag:
        case Flag.HEART_DISEASE:
            return checklist.heart_disease
        case Flag.CYP3A4_INHIBITOR:
            return checklist.cyp3a4_inhibitor
        case Flag.CYP2B6_INHIBITOR:
            return checklist.cyp2b6_inhibitor
        case Flag.FREQUENT:
            return checklist.frequent
        case Flag.AGE_65_OR_OVER:
            return checklist.age_65_or_over


def acting_flags(drug: DrugConfig, patient: Patient | None) -> tuple[Acting, ...]:
    """Return the flags of a drug that act on a patient: what was answered with yes, or not at all."""
    if patient is None:
        return ()
    answers = [(rule, answer(patient.checklist, rule.flag)) for rule in drug.flags]
    return tuple(Acting(rule, known is Known.YES) for rule, known in answers if known.cautious)


def strictest(candidates: Sequence[Candidate], side: Side) -> Candidate:
    """Return the strictest; of equals the first, which is the one that needs no explanation."""
    choose = min if side is Side.HIGH else max
    return choose(candidates, key=lambda candidate: candidate.value)


def with_values(limit: LimitConfig, wanted: dict[str, Candidate]) -> LimitConfig:
    """Return a limit with other values, and its origin with the reasons."""
    bands = [replace(band, value=wanted[band.name].value) if band.name in wanted else band for band in limit.bands]
    reasons = [wanted[band.name].why for band in bands if band.name in wanted]
    return replace(limit, bands=worse_and_worse(bands, limit.side), origin=because(limit.origin, reasons))


def because(origin: str, reasons: Iterable[str]) -> str:
    """Return an origin with reasons, each once."""
    return "; ".join([origin, *dict.fromkeys(reason for reason in reasons if reason)])


def worse_and_worse(bands: Sequence[BandLimit], side: Side) -> tuple[BandLimit, ...]:
    """Move the bands that are laxer than a worse one to where that one is."""
    moved: list[BandLimit] = []
    for band in reversed(bands):
        if moved and (band.value > moved[0].value if side is Side.HIGH else band.value < moved[0].value):
            moved.insert(0, replace(band, value=moved[0].value))
        else:
            moved.insert(0, band)
    return tuple(moved)


def check_composed(limits: Iterable[LimitConfig], units: EntryUnits = MILLIGRAMS) -> tuple[str, ...]:
    """Say what does not fit together: bands too near for their hysteresis, and a low limit that meets a high one."""
    found = list(limits)
    problems = [problem for limit in found for problem in _check_bands(limit, units)]
    lows = [limit for limit in found if limit.side is Side.LOW]
    for low in lows:
        for high in found:
            same = (high.quantity, high.unit, high.side) == (low.quantity, low.unit, Side.HIGH)
            if not same or high.condition.removesuffix("_HIGH") != low.condition.removesuffix("_LOW"):
                continue
            room = high.bands[0].value - low.bands[0].value
            if room <= max(low.hysteresis, high.hysteresis):
                lowest, highest = (units.text(one.bands[0].value, one.unit) for one in (low, high))
                said = f"{low.condition} {lowest.split(' ')[0]} and {high.condition} {highest}"
                problems.append(f"{said} leave no room between them")
    return tuple(problems)


def _check_bands(limit: LimitConfig, units: EntryUnits) -> Iterator[str]:
    for mild, bad in pairwise(limit.bands):
        distance = abs(bad.value - mild.value)
        if distance and limit.hysteresis > distance:
            hysteresis, apart, lower, upper = (
                units.text(one, limit.unit) for one in (limit.hysteresis, distance, mild.value, bad.value)
            )
            yield (
                f"{limit.condition}: the hysteresis {hysteresis} is more than the {apart.split(' ')[0]} from "
                f"{mild.name} {lower.split(' ')[0]} to {bad.name} {upper.split(' ')[0]}"
            )
