"""Where intravenous ketamine is in a body: two compartments and an effect site, solved exactly.

The parameter set is "Clements 250": racemic ketamine, 0.25 mg/kg into a vein of healthy adults, from J. A. Clements and
W. S. Nimmo, Pharmacokinetics and analgesic effect of ketamine in man, Br J Anaesth 1981; 53: 27-30.

How sure the numbers are: the article was not at hand. Two public programs for target-controlled infusion that name it
agree: one gives V1 1.7522 L/kg and k10 0.0109, k12 0.0186, k21 0.0137 /min, which stand here; the other V1 1.70 and
V2 2.40 L/kg with clearances of 0.0191 and 0.0317 L/min/kg, which is the same within 4 %, the clearance exactly. What
follows for 70 kg, a clearance of 80 L/h and a volume at steady state of 289 L, lies within the 95 % intervals of the
meta-analysis of Kamp et al., Anesthesiology 2020; 133: 1192-1213 (69 to 90 L/h, 200 to 304 L). The terminal half-life
is 3.0 h, and 0.5 mg/kg over 40 min ends at 177 ng/mL, where 185 ng/mL were measured (Zarate 2006, as told by Zanos et
al., Pharmacol Rev 2018; 70: 621).

Assumed: the effect site's rate constant, since none is published for pressure and heart rate. The largest changes are
seen at 30 to 40 min of a 40 min infusion, so that the site follows within minutes.

Everything scales with the weight, as published. Age changes nothing: the meta-analysis found no effect of covariates.
Bounds: a simulation of groups, not of a person; norketamine, which adds to the effect later on, is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SECONDS_PER_MIN = 60.0
MOMENT_S = 1e-9
"""A shorter time is none: what comes in within it comes at once, since its rate would be beyond all numbers."""

NG_PER_ML_PER_MG_PER_L = 1000.0
MAX_CLEARANCE_FACTOR = 2.0
"""Twice the liver's whole blood flow would be needed beyond it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KetamineParameters:
    """A two-compartment set per kg, and the effect site. Raises ``ValueError`` unless all are above 0."""

    central_l_per_kg: float
    elimination_per_min: float
    to_peripheral_per_min: float
    from_peripheral_per_min: float
    effect_site_per_min: float

    def __post_init__(self) -> None:
        constants = (self.elimination_per_min, self.to_peripheral_per_min, self.from_peripheral_per_min)
        values = (self.central_l_per_kg, self.effect_site_per_min, *constants)
        if not all(math.isfinite(value) and value > 0.0 for value in values):
            raise ValueError(f"every parameter must be above 0: {self}")


CLEMENTS_250 = KetamineParameters(
    central_l_per_kg=1.7522,
    elimination_per_min=0.0109,
    to_peripheral_per_min=0.0186,
    from_peripheral_per_min=0.0137,
    effect_site_per_min=math.log(2.0) / 2.0,  # assumed: half of the way in 2 min
)


@dataclass(slots=True)
class _Mode:
    """One exponential of the central compartment: its rate, its part of a dose, and what it holds."""

    rate_per_min: float
    part: float
    amount_mg: float = 0.0


class KetamineInBody:
    """The drug in one body, at first none.

    ``clearance_factor`` multiplies the elimination: below 1 under an inhibitor of CYP3A4. Raises ``ValueError`` for a
    weight that is not positive, for a factor that is not positive or above ``MAX_CLEARANCE_FACTOR``, and for parameters
    whose effect site does not follow faster than the drug distributes: the solution does not hold at equality.

    The central amount is held as the sum of its two exponentials, whose parts are positive and add up to 1: nothing
    can become negative, and a step of any length is exact.
    """

    def __init__(
        self, weight_kg: float, *, clearance_factor: float = 1.0, parameters: KetamineParameters = CLEMENTS_250
    ) -> None:
        if not (math.isfinite(weight_kg) and weight_kg > 0.0):
            raise ValueError(f"a weight of {weight_kg} kg cannot be")
        if not 0.0 < clearance_factor <= MAX_CLEARANCE_FACTOR:
            raise ValueError(f"a clearance factor of {clearance_factor} cannot be")
        self._central_l = parameters.central_l_per_kg * weight_kg
        self._out_per_min = parameters.elimination_per_min * clearance_factor
        self._away_per_min, self._back_per_min = parameters.to_peripheral_per_min, parameters.from_peripheral_per_min
        self._effect_per_min = parameters.effect_site_per_min
        total = self._out_per_min + self._away_per_min + self._back_per_min
        root = math.sqrt(total * total - 4.0 * self._out_per_min * self._back_per_min)
        fast, slow = (total + root) / 2.0, (total - root) / 2.0
        if fast >= self._effect_per_min:
            raise ValueError(f"the effect site ({self._effect_per_min} /min) must be faster than {fast} /min")
        self._modes = (
            _Mode(fast, (fast - self._back_per_min) / root),
            _Mode(slow, (self._back_per_min - slow) / root),
        )
        self._effect_mg_per_l = 0.0
        self._eliminated_mg = 0.0

    @property
    def clearance_l_per_min(self) -> float:
        """Return the plasma volume that is cleared in a minute."""
        return self._central_l * self._out_per_min

    @property
    def steady_state_l(self) -> float:
        """Return the volume of distribution at steady state."""
        return self._central_l * (1.0 + self._away_per_min / self._back_per_min)

    @property
    def terminal_half_life_min(self) -> float:
        """Return the half-life of the slower exponential."""
        return math.log(2.0) / self._modes[1].rate_per_min

    @property
    def central_mg(self) -> float:
        """Return what is in the central compartment."""
        return sum(mode.amount_mg for mode in self._modes)

    @property
    def peripheral_mg(self) -> float:
        """Return what is in the peripheral compartment."""
        held = (mode.amount_mg / (self._back_per_min - mode.rate_per_min) for mode in self._modes)
        return max(0.0, self._away_per_min * sum(held))  # the two cancel to a rounding error when it is empty

    @property
    def eliminated_mg(self) -> float:
        """Return what has left the body since the beginning."""
        return self._eliminated_mg

    @property
    def plasma_ng_per_ml(self) -> float:
        """Return the concentration in plasma."""
        return self.central_mg / self._central_l * NG_PER_ML_PER_MG_PER_L

    @property
    def effect_site_ng_per_ml(self) -> float:
        """Return the concentration that the heart and the vessels answer to."""
        return self._effect_mg_per_l * NG_PER_ML_PER_MG_PER_L

    def inject(self, amount_mg: float) -> None:
        """Take an amount at once. Raises ``ValueError`` if it is negative or no number."""
        amount_mg = _checked(amount_mg, "an amount")
        for mode in self._modes:
            mode.amount_mg += amount_mg * mode.part

    def infuse(self, elapsed_s: float, amount_mg: float) -> None:
        """Let this time pass, during which an amount came in evenly; in no time at all, it comes at once.

        Raises ``ValueError`` if the time or the amount is negative or no number.
        """
        if _checked(elapsed_s, "a time") < MOMENT_S:
            self.inject(amount_mg)
            return
        minutes = elapsed_s / SECONDS_PER_MIN
        inflow_mg_per_min = _checked(amount_mg, "an amount") / minutes
        effect = self._effect_per_min
        effect_gone = -math.expm1(-effect * minutes)
        effect_mg_per_l = self._effect_mg_per_l * (1.0 - effect_gone)
        for mode in self._modes:
            rate, settled_mg = mode.rate_per_min, inflow_mg_per_min * mode.part / mode.rate_per_min
            gone = -math.expm1(-rate * minutes)
            # What of the mode the site has reached: of what it held, and of what came in. Differences of small parts,
            # in this order, so that a short step stays exact; a rounding error can still lie below 0.
            of_held = effect * (effect_gone - gone) / (effect - rate)
            of_settled = (effect * gone - rate * effect_gone) / (effect - rate)
            reached_mg = mode.amount_mg * of_held + settled_mg * max(0.0, of_settled)
            effect_mg_per_l += reached_mg / self._central_l
            mode_mg_min = mode.amount_mg * gone / rate + settled_mg * max(0.0, minutes - gone / rate)
            self._eliminated_mg += self._out_per_min * mode_mg_min
            mode.amount_mg = mode.amount_mg * (1.0 - gone) + settled_mg * gone
        self._effect_mg_per_l = effect_mg_per_l


def _checked(value: float, name: str) -> float:
    if not (math.isfinite(value) and value >= 0.0):
        raise ValueError(f"{name} of {value} cannot be")
    return value
