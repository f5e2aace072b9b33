"""The steps of an infusion: for how long it has run in this session, and how far its dose rate rose.

Laws:
  * Time counts only while the pump is heard to infuse: a gap, a stop and a restart of the edge give no credit.
  * The time of a drug is that of all its channels together: another channel, or a pause, begins no new first minutes.
  * A rise is measured from the lowest dose rate in force within the last ten minutes of infusing, so that steps that
    follow each other too fast count together; after a stop from the last infusing rate, however long it stood.
  * What ran before an order was revised is reckoned anew by what the revision tells of it (`Steps.reckon`).
  * Boli, KVO and purge are no steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Decimal

from edge.core.dose import rounded
from edge.core.therapy import Order

WINDOW_S = 600.0
"""Rises are counted over ten minutes, as long as the first phase of an infusion (design, section 8)."""

CREDIT_MAX_S = 10.0
"""Between two samples no more time than this counts: a link is lost by then."""

KEEP_EVERY_S = 60.0
"""A power cut costs a minute of the time of infusing at most: the limits of the first minutes hold a little longer."""

_ONE = Decimal(1)

HELD_MAX = 64
"""A dose rate that changed more often within the window is a ramp; the lowest rates are kept."""


@dataclass(frozen=True, slots=True)
class HeldDose:
    """A dose rate that was infused from ``since_s`` of infusing time on, in mg/kg/h with its resolution."""

    since_s: float
    dose_mg_per_kg_per_h: Decimal
    resolution: Decimal


@dataclass(frozen=True, slots=True)
class Basis:
    """What dose rates are reckoned by."""

    drug: str
    concentration_mg_per_ml: Decimal
    weight_kg: Decimal

    def is_of(self, order: Order) -> bool:
        """Tell whether an order's dose rates are reckoned by it."""
        return (
            self.weight_kg == order.weight_kg
            and self.concentration_mg_per_ml == order.concentration_mg_per_ml
            and self.drug == order.drug
        )


@dataclass(slots=True)
class DrugTime:
    """For how long a drug was infused in this session, by any channel, in seconds counted up to ``until_s``."""

    drug: str
    infusing_s: float = 0.0
    until_s: float | None = None

    def add(self, from_s: float, to_s: float) -> None:
        """Add a stretch; what another channel infused at the same time counts once."""
        begin_s = from_s if self.until_s is None else max(from_s, self.until_s)
        self.infusing_s += max(0.0, to_s - begin_s)
        self.until_s = max(to_s, begin_s)


@dataclass(slots=True)
class Steps:
    """One channel's steps in one session. ``heard_at_s`` (monotonic) is the last sample of a run that goes on.

    ``basis`` is what ``held`` is reckoned by. ``stood``: the pump was seen to stand since it last ran;
    ``run_from_s``: the time of infusing when the present run began.
    """

    infusing_s: float = 0.0
    held: list[HeldDose] = field(default_factory=list)
    heard_at_s: float | None = None
    basis: Basis | None = None
    stood: bool = False
    run_from_s: float = 0.0

    def infused(self, at_s: float, dose_mg_per_kg_per_h: Decimal, resolution: Decimal) -> bool:
        """Take up a sample of a pump that infuses. True where there is something new to keep."""
        before_s = self.infusing_s
        credited_from_s = self.credited_from_s(at_s)
        if credited_from_s is not None:
            self.infusing_s += at_s - credited_from_s
        if self.stood:
            self.stood, self.run_from_s = False, self.infusing_s
        self.heard_at_s = at_s
        # What was reckoned anew is rounded: no pump moves by less than half of what it shows.
        if self.held and abs(self.held[-1].dose_mg_per_kg_per_h - dose_mg_per_kg_per_h) <= resolution / 2:
            return self.infusing_s // KEEP_EVERY_S > before_s // KEEP_EVERY_S
        self.held.append(HeldDose(self.infusing_s, dose_mg_per_kg_per_h, resolution))
        self._forget()
        return True

    def credited_from_s(self, at_s: float) -> float | None:
        """Return since when the time up to a sample counts as infusing; ``None`` for the first of a run."""
        if self.heard_at_s is None:
            return None
        return min(at_s, max(self.heard_at_s, at_s - CREDIT_MAX_S))

    def paused(self) -> None:
        """Note that the pump does not infuse: time stands still."""
        self.heard_at_s, self.stood = None, True

    def reckon(self, order: Order, at_s: float) -> bool:
        """Reckon anew what ran before, where an order is revised; return whether that changed anything.

        Another weight was the weight all along. Another concentration, while the run goes on, was in the syringe for
        all of this run; once the pump stood it may be another syringe, and what ran before is what it was. Where
        nobody knows whether it stood, the lower of both counts, so that no rise is missed. Another drug begins anew.
        """
        had = self.basis
        if had is not None and had.is_of(order):
            return False
        by = self.basis = Basis(order.drug, order.concentration_mg_per_ml, order.weight_kg)
        if had is None or not self.held:
            return False
        if had.drug != by.drug:
            self.held.clear()
            return True
        self.held = [_times(held, had.weight_kg / by.weight_kg) for held in self.held]
        richer = by.concentration_mg_per_ml / had.concentration_mg_per_ml
        if richer != 1 and not self.stood:
            goes_on = self.heard_at_s is not None and at_s - self.heard_at_s <= CREDIT_MAX_S
            self.held = self._of_run(richer) if goes_on else [_times(held, min(richer, _ONE)) for held in self.held]
        return True

    def _of_run(self, richer: Decimal) -> list[HeldDose]:
        before = [held for held in self.held if held.since_s < self.run_from_s]
        run = self.held[len(before) :]
        if before and (not run or run[0].since_s > self.run_from_s):
            run.insert(0, replace(before[-1], since_s=self.run_from_s))
        return [*before, *(_times(held, richer) for held in run)]

    def goes_on_from(self, others: Iterable[Steps], weight_kg: Decimal) -> None:
        """Begin at the dose rate that an infusion of the drug stopped with elsewhere: moving it is no first dose."""
        stopped = [
            _times(other.held[-1], other.basis.weight_kg / weight_kg)
            for other in others
            if other.held and other.basis is not None
        ]
        if stopped and not self.held:
            lowest = min(stopped, key=lambda held: held.dose_mg_per_kg_per_h)
            self.held.append(replace(lowest, since_s=self.infusing_s))

    def rise(self) -> tuple[HeldDose, HeldDose] | None:
        """Return the lowest dose rate of the window and the present one; ``None`` before the first."""
        if not self.held:
            return None
        self._forget()
        return min(self.held, key=lambda held: held.dose_mg_per_kg_per_h), self.held[-1]

    def stood_s(self, limit: Decimal, floor: Decimal | None = None) -> float | None:
        """Return for how long dose rates up to ``limit`` stood before what goes on above it now; ``None``: never.

        With a ``floor`` only rates above it count: what ran at the step before is no time of this one.
        """
        below = [held.dose_mg_per_kg_per_h <= limit for held in self.held]
        if True not in below:
            return None
        last = len(below) - 1 - below[::-1].index(True)
        if not self._is_above(last, floor):
            return 0.0
        first = last
        while first > 0 and below[first - 1] and self._is_above(first - 1, floor):
            first -= 1
        until_s = self.held[last + 1].since_s if last + 1 < len(self.held) else self.infusing_s
        return until_s - self.held[first].since_s

    def _is_above(self, index: int, floor: Decimal | None) -> bool:
        return floor is None or self.held[index].dose_mg_per_kg_per_h > floor

    def _forget(self) -> None:
        """Forget what was no longer in force when the window began; over the bound the higher of two old rates."""
        while len(self.held) > 1 and self.held[1].since_s <= self.infusing_s - WINDOW_S:
            del self.held[0]
        while len(self.held) > HELD_MAX:
            higher = 0 if self.held[0].dose_mg_per_kg_per_h > self.held[1].dose_mg_per_kg_per_h else 1
            del self.held[higher]


def _times(held: HeldDose, factor: Decimal) -> HeldDose:
    if factor == 1:
        return held
    dose = rounded(held.dose_mg_per_kg_per_h * factor)
    return HeldDose(held.since_s, dose, (held.resolution * factor).quantize(dose, ROUND_HALF_EVEN))
