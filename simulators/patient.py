"""A patient whose heart rate and blood pressure answer to ketamine, for demonstrations and tests.

**A demonstration, not physiology.** The effect is a first-order lag behind the dose rate and one saturating curve,
of the order that published infusions report (about +4 /min and +5 mmHg systolic at 0.5 mg/kg/h, +25 /min and
+30 mmHg at 2.5 mg/kg/h); nothing about a real patient may be read from it. Breathing, SpO2 and EtCO2 only wander.

Everything follows from the seed and the calls: the same calls give the same numbers. The random draws depend on the
times alone, never on the dose, so patients of one seed can be compared at different doses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

EFFECT_HALF_MG_PER_KG_PER_H = 2.5
"""The steady dose rate with half of the largest effect."""

EFFECT_STEEPNESS = 1.5
"""Exponent of the effect curve; above 1, a small dose does proportionally less."""

HEART_RATE_RISE_MAX_PER_MIN = 50.0
NIBP_SYS_RISE_MAX_MMHG = 60.0
NIBP_DIA_RISE_MAX_MMHG = 40.0

DRIFT_CORRELATION_S = 120.0
"""How slowly the vital signs wander by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a monitor would measure now, in whole units as it would show them; ``None`` is not measured.

    ``nibp_*`` is the last cuff measurement, whenever that was, and the pulse rate found in it; ``ibp_*`` is an
    arterial line's.
    """

    heart_rate_per_min: int | None = None
    respiratory_rate_per_min: int | None = None
    spo2_percent: int | None = None
    etco2_mmhg: int | None = None
    nibp_sys_mmhg: int | None = None
    nibp_dia_mmhg: int | None = None
    nibp_mean_mmhg: int | None = None
    nibp_pulse_rate_per_min: int | None = None
    ibp_sys_mmhg: int | None = None
    ibp_dia_mmhg: int | None = None
    ibp_mean_mmhg: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The vital signs without any drug. Raises ``ValueError`` if the pressures cannot be."""

    heart_rate_per_min: int = 72
    respiratory_rate_per_min: int = 14
    spo2_percent: int = 98
    etco2_mmhg: int = 38
    nibp_sys_mmhg: int = 124
    nibp_dia_mmhg: int = 76

    def __post_init__(self) -> None:
        if not 0 < self.nibp_dia_mmhg < self.nibp_sys_mmhg:
            raise ValueError(
                f"the systolic pressure ({self.nibp_sys_mmhg} mmHg) must be above "
                f"the diastolic ({self.nibp_dia_mmhg} mmHg), and both above 0"
            )


RESTING_ADULT = Baseline()


class _Wander:
    """A number near zero that drifts slowly and trembles a little."""

    def __init__(self, random: Random, drift_sd: float, noise_sd: float) -> None:
        self._random = random
        self._drift_sd = drift_sd
        self._noise_sd = noise_sd
        self._drift = 0.0

    def next(self, elapsed_s: float) -> float:
        kept = math.exp(-elapsed_s / DRIFT_CORRELATION_S)
        self._drift = self._drift * kept + self._random.gauss(0.0, self._drift_sd) * math.sqrt(1.0 - kept * kept)
        return self._drift + self._random.gauss(0.0, self._noise_sd)


@dataclass(frozen=True, slots=True)
class _Pressure:
    sys_mmhg: int | None = None
    dia_mmhg: int | None = None
    mean_mmhg: int | None = None
    pulse_rate_per_min: int | None = None


_NOT_MEASURED = _Pressure()


class Patient:
    """One patient; time begins with the first ``advance``, without drug and with a cuff measurement.

    ``effect_time_constant_s`` is the lag of the effect behind the dose rate. ``time_scale`` makes the effect come and
    go that many times faster, for a demonstration that cannot wait; the cuff's interval stays in real seconds.
    Raises ``ValueError`` for a time constant, scale or interval that is not positive.
    """

    def __init__(
        self,
        seed: int,
        baseline: Baseline = RESTING_ADULT,
        *,
        effect_time_constant_s: float = 300.0,
        time_scale: float = 1.0,
        cuff_interval_s: float = 300.0,
        arterial_line: bool = False,
    ) -> None:
        for name, value in (
            ("effect_time_constant_s", effect_time_constant_s),
            ("time_scale", time_scale),
            ("cuff_interval_s", cuff_interval_s),
        ):
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be above 0, not {value}")
        self._baseline = baseline
        self._lag_s = effect_time_constant_s / time_scale
        self._cuff_interval_s = cuff_interval_s
        self._arterial_line = arterial_line
        random = Random(seed)  # noqa: S311 - a patient that can be repeated, no secret
        self._heart_rate = _Wander(random, drift_sd=1.5, noise_sd=0.5)
        self._pressure = _Wander(random, drift_sd=2.0, noise_sd=1.0)
        self._breathing = _Wander(random, drift_sd=0.7, noise_sd=0.3)
        self._spo2 = _Wander(random, drift_sd=0.5, noise_sd=0.2)
        self._etco2 = _Wander(random, drift_sd=0.8, noise_sd=0.3)
        self._effect_site_mg_per_kg_per_h = 0.0
        self._now_s: float | None = None
        self._cuff = _NOT_MEASURED
        self._cuff_due_s = 0.0
        self._vitals = Vitals()

    def advance(self, now_s: float, ketamine_mg_per_kg_per_h: float) -> Vitals:
        """Let time pass to ``now_s`` at this dose rate, and return the vital signs then.

        A call at the same time again returns the same vital signs. Raises ``ValueError`` if time runs backwards or
        the dose rate is negative or no number.
        """
        if not (math.isfinite(ketamine_mg_per_kg_per_h) and ketamine_mg_per_kg_per_h >= 0.0):
            raise ValueError(f"a dose rate of {ketamine_mg_per_kg_per_h} mg/kg/h cannot be")
        if self._now_s is None:
            self._now_s = self._cuff_due_s = now_s
        elif now_s == self._now_s:
            return self._vitals
        elapsed_s = now_s - self._now_s
        if elapsed_s < 0.0:
            raise ValueError(f"time runs backwards: from {self._now_s} s to {now_s} s")
        self._now_s = now_s
        reached = -math.expm1(-elapsed_s / self._lag_s)
        self._effect_site_mg_per_kg_per_h += (ketamine_mg_per_kg_per_h - self._effect_site_mg_per_kg_per_h) * reached
        self._vitals = self._measure(now_s, elapsed_s)
        return self._vitals

    def _measure(self, now_s: float, elapsed_s: float) -> Vitals:
        base = self._baseline
        effect = _effect(self._effect_site_mg_per_kg_per_h)
        heart_rate = _whole(
            base.heart_rate_per_min + HEART_RATE_RISE_MAX_PER_MIN * effect + self._heart_rate.next(elapsed_s)
        )
        pressure = self._measure_pressure(effect, self._pressure.next(elapsed_s), heart_rate)
        if now_s >= self._cuff_due_s:
            self._cuff = pressure
            missed = math.floor((now_s - self._cuff_due_s) / self._cuff_interval_s)
            self._cuff_due_s += (missed + 1) * self._cuff_interval_s
        cuff, line = self._cuff, pressure if self._arterial_line else _NOT_MEASURED
        return Vitals(
            heart_rate_per_min=heart_rate,
            respiratory_rate_per_min=_whole(base.respiratory_rate_per_min + self._breathing.next(elapsed_s)),
            spo2_percent=min(100, _whole(base.spo2_percent + self._spo2.next(elapsed_s))),
            etco2_mmhg=_whole(base.etco2_mmhg + self._etco2.next(elapsed_s)),
            nibp_sys_mmhg=cuff.sys_mmhg,
            nibp_dia_mmhg=cuff.dia_mmhg,
            nibp_mean_mmhg=cuff.mean_mmhg,
            nibp_pulse_rate_per_min=cuff.pulse_rate_per_min,
            ibp_sys_mmhg=line.sys_mmhg,
            ibp_dia_mmhg=line.dia_mmhg,
            ibp_mean_mmhg=line.mean_mmhg,
        )

    def _measure_pressure(self, effect: float, wander_mmhg: float, heart_rate_per_min: int) -> _Pressure:
        # Both pressures wander together, so that they never cross.
        sys_mmhg = self._baseline.nibp_sys_mmhg + NIBP_SYS_RISE_MAX_MMHG * effect + wander_mmhg
        dia_mmhg = self._baseline.nibp_dia_mmhg + NIBP_DIA_RISE_MAX_MMHG * effect + wander_mmhg
        return _Pressure(
            _whole(sys_mmhg), _whole(dia_mmhg), _whole((sys_mmhg + 2.0 * dia_mmhg) / 3.0), heart_rate_per_min
        )


def _effect(effect_site_mg_per_kg_per_h: float) -> float:
    """Return the fraction of the largest effect, from 0 to below 1."""
    power: float = (effect_site_mg_per_kg_per_h / EFFECT_HALF_MG_PER_KG_PER_H) ** EFFECT_STEEPNESS
    return power / (1.0 + power)


def _whole(value: float) -> int:
    return max(0, round(value))
