"""How vital signs wander by themselves: a sum of slow and quick swings, a pure function of the seed and the time.

So it does not matter who looks, or how often: several monitors on one patient see the same drift.
"""

from __future__ import annotations

import math
from random import Random

SWINGS = ((1500.0, 0.25), (620.0, 0.20), (240.0, 0.20), (97.0, 0.15), (37.0, 0.12), (11.0, 0.08))
"""Periods in seconds, and their parts of the whole swing, which add up to 1."""

PERIOD_SPREAD = 0.2
"""So far a patient's own periods lie from these, in parts of them."""


class Drift:
    """A number that swings around 0, never further than ``limit``; ``random`` gives periods and phases at first."""

    def __init__(self, random: Random, limit: float) -> None:
        self._swings = tuple(
            (
                math.tau / (period_s * random.uniform(1.0 - PERIOD_SPREAD, 1.0 + PERIOD_SPREAD)),
                random.uniform(0.0, math.tau),
                part * limit,
            )
            for period_s, part in SWINGS
        )

    def at(self, elapsed_s: float) -> float:
        """Return the number at a time."""
        return sum(height * math.sin(speed * elapsed_s + phase) for speed, phase, height in self._swings)
