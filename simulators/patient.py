"""A patient: vital signs that wander, answer to ketamine in the body, and suffer from secretions in the airway.

**A simulation for demonstrations and tests; nothing about a real patient may be read from it.** Where the drug is comes
from a published model (``pharmacokinetics``), the answer to it is of the size that published infusions report
(``patient_response``). What is here is the truth as sensors without fault would show it; artefacts belong to the
measurement (``patient_measurement``). Anxiety afterwards is for people to see; no sensor shows it.

Everything follows from the seed, the times and what is given. The drift depends on the time alone, never on the dose or
on who looks, so patients of one seed can be compared at different doses, and any number of monitors may be attached.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from simulators.patient_drift import Drift
from simulators.patient_response import (
    BREATHING_LAG_S,
    BREATHING_RISE_MAX_PER_MIN,
    HEART_DISEASE_FACTOR,
    OLDER_FACTOR,
    OLDER_FROM_YEARS,
    SPO2_FALL_MAX_PERCENT,
    SPO2_LAG_S,
    Lag,
    heart_rate_rise_per_min,
    pressure_rise,
)
from simulators.pharmacokinetics import KetamineInBody

SECONDS_PER_H = 3600.0

STRONG_CYP3A4_INHIBITOR = 0.85
"""A clearance factor for clarithromycin and the like. Assumed: none is measured for ketamine into a vein. A strong
inducer lowers its exposure by 14 % only (rifampicin), since the liver clears nearly all that the blood brings; an
inhibitor is given the same size."""

HEART_RATE_DRIFT_PER_MIN = 3.0
PRESSURE_DRIFT_MMHG = 4.0
BREATHING_DRIFT_PER_MIN = 1.5
SPO2_DRIFT_PERCENT = 1.0
ETCO2_DRIFT_MMHG = 1.5

ROUNDING = 1e-9
"""A cuff that is due now is due, though the sum of the steps of the clock may fall short of it by so many intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a monitor would measure now, in whole units as it would show them; ``None`` is not measured.

    ``nibp_*`` is the last cuff measurement, and the pulse rate found in it; ``ibp_*`` is an arterial line's.
    ``nibp_at_s`` is when that cuff measured, where it is known; no monitor shows it.
    """

    heart_rate_per_min: int | None = None
    respiratory_rate_per_min: int | None = None
    spo2_percent: int | None = None
    etco2_mmhg: int | None = None
    nibp_sys_mmhg: int | None = None
    nibp_dia_mmhg: int | None = None
    nibp_mean_mmhg: int | None = None
    nibp_pulse_rate_per_min: int | None = None
    nibp_at_s: float | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who the patient is. The true weight: what was typed into a pump may be another one.

    ``clearance_factor`` is how much of the usual clearance an inhibitor of CYP3A4 leaves.
    """

    weight_kg: float = 70.0
    age_years: int = 45
    heart_disease: bool = False
    clearance_factor: float = 1.0

    @property
    def response_factor(self) -> float:
        """Return how many times the usual rise of heart rate and pressure this person has."""
        older = OLDER_FACTOR if self.age_years >= OLDER_FROM_YEARS else 1.0
        return older * (HEART_DISEASE_FACTOR if self.heart_disease else 1.0)


HEALTHY_ADULT = Person()


@dataclass(frozen=True, slots=True)
class _Pressure:
    sys_mmhg: int | None = None
    dia_mmhg: int | None = None
    mean_mmhg: int | None = None


_NOT_MEASURED = _Pressure()


@dataclass(frozen=True, slots=True)
class _Cuff:
    """The last measurement: which one since the beginning (-1 is none yet), and what it found."""

    number: int
    pressure: _Pressure
    pulse_rate_per_min: int | None = None
    at_s: float | None = None


class Patient:
    """One patient; time begins with the first call, with a cuff measurement.

    A call with a time before the last one sees the patient as it is now. ``time_scale`` makes drug and airway that many
    times faster, for a demonstration that cannot wait: a dose rate keeps its meaning, a bolus counts so many times. The
    drift and the cuff's interval stay in real seconds. Raises ``ValueError`` for a scale, an interval or a weight that
    is not positive, and for a clearance that cannot be.
    """

    def __init__(
        self,
        seed: int,
        baseline: Baseline = RESTING_ADULT,
        person: Person = HEALTHY_ADULT,
        *,
        time_scale: float = 1.0,
        cuff_interval_s: float = 300.0,
        arterial_line: bool = False,
    ) -> None:
        for name, value in (("time_scale", time_scale), ("cuff_interval_s", cuff_interval_s)):
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be above 0, not {value}")
        self._baseline, self._person = baseline, person
        self._ketamine = KetamineInBody(person.weight_kg, clearance_factor=person.clearance_factor)
        self._time_scale = time_scale
        self._cuff_interval_s = cuff_interval_s
        self._arterial_line = arterial_line
        random = Random(seed)  # noqa: S311 - a patient that can be repeated, no secret
        self._heart_rate_drift = Drift(random, HEART_RATE_DRIFT_PER_MIN)
        self._pressure_drift = Drift(random, PRESSURE_DRIFT_MMHG)
        self._breathing_drift = Drift(random, BREATHING_DRIFT_PER_MIN)
        self._spo2_drift = Drift(random, SPO2_DRIFT_PERCENT)
        self._etco2_drift = Drift(random, ETCO2_DRIFT_MMHG)
        self._breathing_lag = Lag(BREATHING_LAG_S / time_scale)
        self._spo2_lag = Lag(SPO2_LAG_S / time_scale)
        self._start_s = self._now_s = 0.0
        self._begun = False
        self._cuff = _Cuff(-1, _NOT_MEASURED)
        self._vitals = Vitals()

    @property
    def plasma_ng_per_ml(self) -> float:
        """Return the ketamine in plasma, which no monitor shows."""
        return self._ketamine.plasma_ng_per_ml

    @property
    def effect_site_ng_per_ml(self) -> float:
        """Return the ketamine that heart and vessels answer to."""
        return self._ketamine.effect_site_ng_per_ml

    def advance(self, now_s: float, ketamine_mg_per_kg_per_h: float) -> Vitals:
        """Let time pass to ``now_s`` at this dose rate, and return the vital signs then.

        A call at the same time again returns the same vital signs. Raises ``ValueError`` if the dose rate is negative
        or no number.
        """
        if not (math.isfinite(ketamine_mg_per_kg_per_h) and ketamine_mg_per_kg_per_h >= 0.0):
            raise ValueError(f"a dose rate of {ketamine_mg_per_kg_per_h} mg/kg/h cannot be")
        elapsed_s = max(0.0, now_s - self._now_s) if self._begun else 0.0
        return self.absorb(now_s, ketamine_mg_per_kg_per_h * self._person.weight_kg * elapsed_s / SECONDS_PER_H)

    def absorb(self, now_s: float, ketamine_mg: float) -> Vitals:
        """Let time pass to ``now_s``, during which this amount came in evenly, and return the vital signs then.

        Where no time has passed it comes at once, and shows from the next call on. Raises ``ValueError`` if the amount
        is negative or no number.
        """
        if not (math.isfinite(ketamine_mg) and ketamine_mg >= 0.0):
            raise ValueError(f"an amount of {ketamine_mg} mg cannot be")
        if not self._begun:
            self._start_s = self._now_s = now_s
        last_s, now_s = self._now_s, max(self._now_s, now_s)
        number = math.floor((now_s - self._start_s) / self._cuff_interval_s + ROUNDING)
        if number > self._cuff.number:  # the cuff measures when it is due, whenever somebody looks
            due_s = min(max(last_s, self._start_s + number * self._cuff_interval_s), now_s)
            share = (due_s - last_s) / (now_s - last_s) if now_s > last_s else 0.0
            self._live(due_s, ketamine_mg * share)
            self._cuff = _Cuff(number, self._pressure(), _whole(self._heart_rate_per_min()), due_s)
            ketamine_mg *= 1.0 - share
        self._live(now_s, ketamine_mg)
        if now_s > last_s or not self._begun:
            self._vitals = self._measured()
        self._begun = True
        return self._vitals

    def secrete(self, now_s: float, severity: float = 1.0) -> None:
        """Let secretions gather in the airway: SpO2 falls and breathing quickens until it is suctioned.

        Raises ``ValueError`` for a severity that is not above 0 and at most 1.
        """
        if not 0.0 < severity <= 1.0:
            raise ValueError(f"a severity of {severity} cannot be")
        self._turn_airway(now_s, severity)

    def suction(self, now_s: float) -> None:
        """Clear the airway."""
        self._turn_airway(now_s, 0.0)

    def _turn_airway(self, now_s: float, severity: float) -> None:
        self._breathing_lag.turn(now_s, severity)
        self._spo2_lag.turn(now_s, severity)

    def _live(self, until_s: float, ketamine_mg: float) -> None:
        self._ketamine.infuse((until_s - self._now_s) * self._time_scale, ketamine_mg * self._time_scale)
        self._now_s = until_s

    def _heart_rate_per_min(self) -> float:
        rise = heart_rate_rise_per_min(self.effect_site_ng_per_ml) * self._person.response_factor
        return self._baseline.heart_rate_per_min + rise + self._heart_rate_drift.at(self._now_s - self._start_s)

    def _pressure(self) -> _Pressure:
        # Both pressures drift together, so that they never cross.
        drift_mmhg = self._pressure_drift.at(self._now_s - self._start_s)
        sys_rise_mmhg, dia_rise_mmhg = pressure_rise(self.effect_site_ng_per_ml)
        factor = self._person.response_factor
        sys_mmhg = self._baseline.nibp_sys_mmhg + sys_rise_mmhg * factor + drift_mmhg
        dia_mmhg = self._baseline.nibp_dia_mmhg + dia_rise_mmhg * factor + drift_mmhg
        return _Pressure(_whole(sys_mmhg), _whole(dia_mmhg), _whole((sys_mmhg + 2.0 * dia_mmhg) / 3.0))

    def _measured(self) -> Vitals:
        base, cuff, elapsed_s = self._baseline, self._cuff, self._now_s - self._start_s
        line = self._pressure() if self._arterial_line else _NOT_MEASURED
        breathing = base.respiratory_rate_per_min + BREATHING_RISE_MAX_PER_MIN * self._breathing_lag.at(self._now_s)
        spo2 = base.spo2_percent - SPO2_FALL_MAX_PERCENT * self._spo2_lag.at(self._now_s)
        return Vitals(
            heart_rate_per_min=_whole(self._heart_rate_per_min()),
            respiratory_rate_per_min=_whole(breathing + self._breathing_drift.at(elapsed_s)),
            spo2_percent=min(100, _whole(spo2 + self._spo2_drift.at(elapsed_s))),
            etco2_mmhg=_whole(base.etco2_mmhg + self._etco2_drift.at(elapsed_s)),
            nibp_sys_mmhg=cuff.pressure.sys_mmhg,
            nibp_dia_mmhg=cuff.pressure.dia_mmhg,
            nibp_mean_mmhg=cuff.pressure.mean_mmhg,
            nibp_pulse_rate_per_min=cuff.pulse_rate_per_min,
            nibp_at_s=cuff.at_s,
            ibp_sys_mmhg=line.sys_mmhg,
            ibp_dia_mmhg=line.dia_mmhg,
            ibp_mean_mmhg=line.mean_mmhg,
        )


def _whole(value: float) -> int:
    return max(0, round(value))
