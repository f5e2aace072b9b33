"""The clock: the one module of the station that reads one. It counts durations; no wall clock decides anything here."""

from __future__ import annotations

import time


def mono_s() -> float:
    """Monotonic seconds, as the event loop counts them."""
    return time.monotonic()
