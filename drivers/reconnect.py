"""When to try a lost line again, and which failures to log loudly. Pure: no clock, no waiting."""

from __future__ import annotations

from random import Random

FIRST_DELAY_S = 0.5
"""After the first failure: the time a plug takes to make contact."""

DELAY_MAX_S = 5.0
"""No longer, ever: a nurse who puts the cable back waits for this, and an attempt costs next to nothing."""

GROWTH = 2.0

JITTER = 0.25
"""The share of a delay that chance may take off, so that the lines of a hub do not come back in step."""

REASONS_MAX = 16
"""Different reasons told loudly in one outage; beyond it all are quiet, so that a loose cable cannot fill the card."""


class Backoff:
    """The reconnecting of one line, through many connections: capped exponential delays, each reason loud once.

    Call ``succeeded`` when the device has said something valid, not when the port merely opened: a port that opens
    and dies at once is no success.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._delay_s = FIRST_DELAY_S
        self._reasons: set[str] = set()

    def next_delay_s(self) -> float:
        """Seconds to wait before the next attempt; never 0, never above DELAY_MAX_S."""
        delay_s = self._delay_s
        self._delay_s = min(delay_s * GROWTH, DELAY_MAX_S)
        return delay_s * (1.0 - JITTER * self._random.random())

    def succeeded(self) -> None:
        """Begin anew: the next failure is retried soon and logged loudly."""
        self._delay_s = FIRST_DELAY_S
        self._reasons.clear()

    def first_failure(self, reason: str) -> bool:
        """Say whether this reason is new since the last success: log it loudly if so, at debug if not."""
        if reason in self._reasons or len(self._reasons) >= REASONS_MAX:
            return False
        self._reasons.add(reason)
        return True
