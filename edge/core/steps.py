"""The steps of an infusion: for how long it has run in this session, and how far its dose rate rose.

Laws:
  * Time counts only while the pump is heard to infuse: a gap, a stop and a restart of the edge give no credit.
  * A rise is measured from the lowest dose rate in force within the last ten minutes of infusing, so that steps that
    follow each other too fast count together; after a stop from the last infusing rate, however long it stood.
  * Boli, KVO and purge are no steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

WINDOW_S = 600.0
"""Rises are counted over ten minutes, as long as the first phase of an infusion (design, section 8)."""

CREDIT_MAX_S = 10.0
"""Between two samples no more time than this counts: a link is lost by then."""

KEEP_EVERY_S = 60.0
"""A power cut costs a minute of the time of infusing at most: the limits of the first minutes hold a little longer."""

HELD_MAX = 64
"""A dose rate that changed more often within the window is a ramp; the lowest rates are kept."""


@dataclass(frozen=True, slots=True)
class HeldDose:
    """A dose rate that was infused from ``since_s`` of infusing time on, in mg/kg/h with its resolution."""

    since_s: float
    dose_mg_per_kg_per_h: Decimal
    resolution: Decimal


@dataclass(slots=True)
class Steps:
    """One channel's steps in one session. ``heard_at_s`` (monotonic) is the last sample of a run that goes on."""

    infusing_s: float = 0.0
    held: list[HeldDose] = field(default_factory=list)
    heard_at_s: float | None = None

    def infused(self, at_s: float, dose_mg_per_kg_per_h: Decimal, resolution: Decimal) -> bool:
        """Take up a sample of a pump that infuses. True where there is something new to keep."""
        before_s = self.infusing_s
        if self.heard_at_s is not None:
            self.infusing_s += min(max(0.0, at_s - self.heard_at_s), CREDIT_MAX_S)
        self.heard_at_s = at_s
        if self.held and self.held[-1].dose_mg_per_kg_per_h == dose_mg_per_kg_per_h:
            return self.infusing_s // KEEP_EVERY_S > before_s // KEEP_EVERY_S
        self.held.append(HeldDose(self.infusing_s, dose_mg_per_kg_per_h, resolution))
        self._forget()
        return True

    def paused(self) -> None:
        """Note that the pump does not infuse, or is not heard: time stands still."""
        self.heard_at_s = None

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
