"""What sensors make of the truth: movement, noise, cuffs that fail and sensors that fall off.

``Measured`` stands between any source of vital signs (a patient, a record) and a monitor, so that a test can compare
what the patient has with what the monitor shows. Artefacts are a function of the seed and the time alone: it does not
matter who looks, or how often.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from simulators.patient import Vitals

SECONDS_PER_H = 3600.0


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of episode. Time is cut into slots; a slot has one episode or none, which lies wholly within it."""

    name: str
    slot_s: float
    shortest_s: float
    longest_s: float

    @property
    def most_per_h(self) -> float:
        return SECONDS_PER_H / self.slot_s


_SPO2_DIP = _Kind("SpO2 dip", 60.0, 4.0, 20.0)
_ECG_NOISE = _Kind("ECG noise", 60.0, 1.0, 2.0)
_SPO2_OFF = _Kind("SpO2 off", 600.0, 20.0, 180.0)
_ECG_OFF = _Kind("ECG off", 600.0, 20.0, 180.0)

DIP_PERCENT = (5.0, 30.0)
"""How far movement lowers the SpO2 that is shown, least and most."""

NOISE_PER_MIN = ((5.0, 25.0), (220.0, 300.0))
"""Heart rates that no resting adult has: noise hides the beats, or is counted as beats; one half of it each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefacts:
    """How often what goes wrong; 0 is never. The usual rates are assumed, of a patient who is awake and moves.

    Dips of SpO2 last seconds, noise on the ECG a sample or two, sensors that are off minutes. Without the ECG's
    electrodes there is no breathing rate either. A source has one heart rate: for an oximeter alone, set the ECG's
    rates to 0. Raises ``ValueError`` for a rate that is negative or above one a slot (60 an hour for dips and noise, 6
    for sensors that are off), or a probability that is none.
    """

    spo2_dips_per_h: float = 6.0
    ecg_noise_per_h: float = 4.0
    spo2_off_per_h: float = 0.5
    ecg_off_per_h: float = 0.5
    cuff_failure_probability: float = 0.05

    def __post_init__(self) -> None:
        for kind, per_h in self.rates():
            if not 0.0 <= per_h <= kind.most_per_h:
                raise ValueError(f"{kind.name}: {per_h} an hour cannot be; at most {kind.most_per_h:g}")
        if not 0.0 <= self.cuff_failure_probability <= 1.0:
            raise ValueError(f"a probability of {self.cuff_failure_probability} cannot be")

    def rates(self) -> tuple[tuple[_Kind, float], ...]:
        """Return each kind of episode with its rate an hour."""
        return (
            (_SPO2_DIP, self.spo2_dips_per_h),
            (_ECG_NOISE, self.ecg_noise_per_h),
            (_SPO2_OFF, self.spo2_off_per_h),
            (_ECG_OFF, self.ecg_off_per_h),
        )


USUAL = Artefacts()


class Measured:
    """A source of vital signs as sensors show it: call it with the time, as the source."""

    def __init__(self, vitals: Callable[[float], Vitals], seed: int, artefacts: Artefacts = USUAL) -> None:
        self._vitals = vitals
        self._seed = seed
        self._artefacts = artefacts

    def __call__(self, now_s: float) -> Vitals:
        """Return what is measured now."""
        shown = self._vitals(now_s)
        episodes = {kind: self._episode(kind, per_h, now_s) for kind, per_h in self._artefacts.rates()}
        if (depth := episodes[_SPO2_DIP]) is not None and shown.spo2_percent is not None:
            dip_percent = _between(DIP_PERCENT, depth)
            shown = replace(shown, spo2_percent=max(1, round(shown.spo2_percent - dip_percent)))
        if (depth := episodes[_ECG_NOISE]) is not None and shown.heart_rate_per_min is not None:
            half, part = divmod(2.0 * depth, 1.0)
            absurd = _between(NOISE_PER_MIN[int(half)], part)
            shown = replace(shown, heart_rate_per_min=round(absurd))
        if episodes[_SPO2_OFF] is not None:
            shown = replace(shown, spo2_percent=None)
        if episodes[_ECG_OFF] is not None:
            shown = replace(shown, heart_rate_per_min=None, respiratory_rate_per_min=None)
        return self._after_the_cuff(shown)

    def _after_the_cuff(self, shown: Vitals) -> Vitals:
        if shown.nibp_at_s is None:
            return shown
        if self._random(f"cuff {shown.nibp_at_s!r}").random() >= self._artefacts.cuff_failure_probability:
            return shown
        return replace(shown, nibp_sys_mmhg=None, nibp_dia_mmhg=None, nibp_mean_mmhg=None, nibp_pulse_rate_per_min=None)

    def _episode(self, kind: _Kind, per_h: float, now_s: float) -> float | None:
        """Return how bad the episode of now is, from 0 to 1; ``None`` if there is none."""
        slot = math.floor(now_s / kind.slot_s)
        random = self._random(f"{kind.name} {slot}")
        if random.random() >= per_h / kind.most_per_h:
            return None
        lasts_s = random.uniform(kind.shortest_s, kind.longest_s)
        begins_s = slot * kind.slot_s + random.uniform(0.0, kind.slot_s - lasts_s)
        return random.random() if begins_s <= now_s < begins_s + lasts_s else None

    def _random(self, what: str) -> Random:
        return Random(f"{self._seed} {what}")  # noqa: S311 - artefacts that can be repeated, no secret


def _between(bounds: tuple[float, float], part: float) -> float:
    low, high = bounds
    return low + (high - low) * part
