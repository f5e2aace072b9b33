"""How heart, vessels and airway answer: to ketamine at the effect site, and to secretions.

Pressure and heart rate follow saturating curves of the effect-site concentration. They are fitted by hand to published
means of racemic ketamine in adults, not to a person: at the end of 0.5 mg/kg over 40 min about +9/+6 mmHg and +4 /min.
Published there: +3.3/+3.2 mmHg (684 infusions, J Affect Disord 2018, PMID 29525051), +7.4/+6.0 mmHg and +1.9 /min (741
infusions of 135 patients, "Cardiovascular effects of repeated subanaesthetic ketamine infusion in depression"), and a
mean of the peaks of +20/+13 mmHg (205 infusions, Wan 2015, second hand). At 1959 ng/mL of S-ketamine, counted as twice
as much racemate, the largest changes were +43.5 % of the heart rate and +27.0 % of the mean pressure (Anesthesiology
2005; 103: 258).

Assumed, since only the direction is published: how much larger the rise is with heart disease and from the age of 50;
and everything about secretions. Breathing does not answer to ketamine here: at the doses of a slow infusion it is kept.
"""

from __future__ import annotations

import math

HALF_EFFECT_NG_PER_ML = 600.0
"""The effect-site concentration of half of the largest rise."""

SYSTOLIC_RISE_MAX_MMHG = 40.0
DIASTOLIC_RISE_MAX_MMHG = 25.0
HEART_RATE_RISE_MAX_PER_MIN = 32.0
HEART_RATE_STEEPNESS = 1.5
"""Exponent of the heart rate's curve: small doses raise it proportionally less than the pressure."""

HEART_DISEASE_FACTOR = 1.6
OLDER_FACTOR = 1.25
OLDER_FROM_YEARS = 50

BREATHING_RISE_MAX_PER_MIN = 10.0
SPO2_FALL_MAX_PERCENT = 14.0
BREATHING_LAG_S = 15.0
SPO2_LAG_S = 45.0
"""Breathing answers to an airway that closes before the blood has used up its oxygen."""


def pressure_rise(effect_site_ng_per_ml: float) -> tuple[float, float]:
    """Return the rise of systolic and diastolic pressure, in mmHg."""
    part = effect_site_ng_per_ml / (HALF_EFFECT_NG_PER_ML + effect_site_ng_per_ml)
    return SYSTOLIC_RISE_MAX_MMHG * part, DIASTOLIC_RISE_MAX_MMHG * part


def heart_rate_rise_per_min(effect_site_ng_per_ml: float) -> float:
    """Return the rise of the heart rate."""
    power: float = (effect_site_ng_per_ml / HALF_EFFECT_NG_PER_ML) ** HEART_RATE_STEEPNESS
    return HEART_RATE_RISE_MAX_PER_MIN * power / (1.0 + power)


class Lag:
    """A number, at first 0, that goes to its target with a time constant; the steps of the clock do not matter."""

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._target = 0.0
        self._from = 0.0
        self._since_s = 0.0

    def turn(self, now_s: float, target: float) -> None:
        """Go to another target from now on."""
        self._from, self._target, self._since_s = self.at(now_s), target, now_s

    def at(self, now_s: float) -> float:
        """Return the number then; before the last turn, as it was at the turn."""
        kept = math.exp(-max(0.0, now_s - self._since_s) / self._time_constant_s)
        return self._target + (self._from - self._target) * kept
