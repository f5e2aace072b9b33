"""What stands in the line between a pump and its patient: by its dead volume a dose arrives late.

What leaves the pump counts as given at once: no limit waits for the line. In a line that held something else when it
was connected, so much of what was counted has not arrived yet; it is taken off the low end. In one that was filled with
the drug, off the patient, so much stands that was never counted; it counts when it is flushed into the patient.

    waits     at most so much of what was counted has not arrived
    extra     so much of the line holds drug that was not counted; ``sure``: it is known that it is the drug
    lost      at most so much of what was counted went elsewhere, when the line was taken off
    carried   what a flush gave of ``extra``

Laws:
  * Neither end of a dose, nor what is claimed, falls (I6): a line that is told of late lowers nothing that was shown.
  * What is not known of a line counts: as drug when it is flushed, as something else until the drug has arrived.
  * A flush gives all that it can give when it is told, and not when it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from edge.core.delivered import MG_STEP, NOTHING_GIVEN, Given, exactly
from edge.core.model import Instant
from edge.core.therapy import Known

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PumpFlush:
    """A flush that the pump itself gives: so much of what it delivers until then holds no drug.

    What it delivered of it is the more of its two accounts, the counter's and the rate's.
    """

    volume_ml: Decimal
    until: Instant
    counted_ml: Decimal = _ZERO
    rated_ml: Decimal = _ZERO

    @property
    def left_ml(self) -> Decimal:
        """What is left of it; negative once it is over."""
        return self.volume_ml - max(self.counted_ml, self.rated_ml)

    def after(self, counted_ml: Decimal, rated_ml: Decimal) -> PumpFlush:
        """Return it when so much more was delivered."""
        return replace(self, counted_ml=self.counted_ml + counted_ml, rated_ml=self.rated_ml + rated_ml)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, in mL, mg and mg/mL. ``strength`` is that of the drug in ``extra``, ``strongest`` the highest counted.

    ``refilled``: something else has been in it since it was filled, so that a whole dead volume may wait in it.
    ``purged_ml`` went through it while it was off the patient. ``floor_mg`` is the lowest low end, as it was shown.
    """

    dead_ml: Decimal
    extra_ml: Decimal = _ZERO
    sure: bool = False
    refilled: bool = True
    strength: Decimal | None = None
    strongest: Decimal = _ZERO
    waits_mg: Decimal = _ZERO
    lost_mg: Decimal = _ZERO
    carried: Given = NOTHING_GIVEN
    floor_mg: Decimal = _ZERO
    purged_ml: Decimal = _ZERO

    def filled_with(self, dead_ml: Decimal, drug: Known) -> Line:
        """Return it as it is connected: whether the drug stands in it. What it held of what was counted is lost."""
        return replace(
            self,
            dead_ml=dead_ml,
            extra_ml=dead_ml if drug.cautious else _ZERO,
            sure=drug is Known.YES,
            refilled=drug is not Known.YES,
            strength=None,
            waits_mg=_ZERO,
            lost_mg=self.lost_mg + self.waits_mg,
            purged_ml=_ZERO,
        )

    def counted(self, dose_mg: Decimal, concentration_mg_per_ml: Decimal) -> Line:
        """Return it after a dose left the pump."""
        line = self._of_strength(concentration_mg_per_ml)
        if dose_mg <= 0:
            return line
        room = line.strongest if line.refilled or line.strength is None else line.strongest - line.strength
        most_mg = (line.dead_ml * room).quantize(MG_STEP)
        return replace(line, waits_mg=max(line.waits_mg, min(most_mg, line.waits_mg + dose_mg)))

    def _of_strength(self, concentration_mg_per_ml: Decimal) -> Line:
        strongest = max(self.strongest, concentration_mg_per_ml)
        line = replace(self, strength=self.strength or concentration_mg_per_ml, strongest=strongest)
        if line.strength is None or concentration_mg_per_ml >= line.strength:
            return line
        # A weaker drug pushes the stronger one out of the line: that much more is given than is counted.
        more = (line.extra_ml * (line.strength - concentration_mg_per_ml)).quantize(MG_STEP)
        carried = line.carried.plus(Given(_ZERO, more, _ZERO, more))
        return replace(line, strength=concentration_mg_per_ml, carried=carried)

    def flushed(self, volume_ml: Decimal) -> Line:
        """Return it after so much of something else went through it into the patient."""
        out_ml = min(volume_ml, self.extra_ml)
        dose_mg = (out_ml * (self.strength or _ZERO)).quantize(MG_STEP)
        given = exactly(dose_mg) if self.sure else Given(_ZERO, dose_mg, _ZERO, dose_mg)
        line = replace(self, carried=self.carried.plus(given), refilled=True)
        if volume_ml < self.dead_ml:
            return replace(line, extra_ml=self.extra_ml - out_ml)
        return replace(line, extra_ml=_ZERO, waits_mg=_ZERO)

    def stirred(self) -> Line:
        """Return it after something may have flushed it, as a carrier that begins to flow: nobody knows how far."""
        dose_mg = (self.extra_ml * (self.strength or _ZERO)).quantize(MG_STEP)
        carried = self.carried.plus(Given(_ZERO, dose_mg, _ZERO, dose_mg))
        return replace(self, carried=carried, extra_ml=_ZERO, refilled=True)

    def taken_off(self) -> Line:
        """Return it taken off the patient: nobody knows what it will hold when it is on again."""
        return replace(self.filled_with(self.dead_ml, Known.UNKNOWN), strength=self.strongest or None)

    def purged(self, volume_ml: Decimal, concentration_mg_per_ml: Decimal) -> Line:
        """Return it after the drug was purged through it, off the patient."""
        strongest = max(self.strongest, concentration_mg_per_ml)
        line = replace(self, purged_ml=self.purged_ml + volume_ml, strongest=strongest)
        if line.purged_ml < line.dead_ml:
            return replace(line, strength=strongest)
        return replace(line, sure=True, refilled=False, strength=concentration_mg_per_ml)

    def arrived(self, left: Given) -> Given:
        """Return what has arrived of what left the pump, and what came of the line itself."""
        given = left.plus(self.carried)
        low_mg = max(self.floor_mg, given.low_mg - self.waits_mg - self.lost_mg)
        return replace(given, low_mg=min(low_mg, given.high_mg))

    def shown(self, given: Given) -> Line:
        """Return it when that was shown of it."""
        return self if given.low_mg <= self.floor_mg else replace(self, floor_mg=given.low_mg)
