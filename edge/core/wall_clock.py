"""What the journal keeps of the wall clock: its leaps, and whether it could be trusted (H-14).

Times of day in the journal are labels. These rows tell, afterwards, how far labels before and after are apart: a Pi
without a clock of its own may begin in 1970, and its first synchronisation says by how much it was off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge.core.model import Instant

CLOCK_STEP_S = 2.0
"""A wall clock that moves by more than this against the monotonic one was set, not slewed."""


@dataclass(slots=True)
class WallClock:
    """The wall clock as it was last seen: how far ahead of the monotonic one at the start and now, and its mark.

    ``was_known`` is whether it was synchronised at any time of this run.
    """

    began_ahead_s: float | None = None
    ahead_s: float = 0.0
    synchronised: bool = False
    was_known: bool = False

    def see(self, now: Instant) -> Iterator[dict[str, str]]:
        """Look at the clock, and give what is to be kept of it."""
        ahead_s = now.wall_s - now.mono_s
        if self.began_ahead_s is None:
            self.began_ahead_s = self.ahead_s = ahead_s
            self.synchronised = self.was_known = now.synchronised
            return
        if abs(ahead_s - self.ahead_s) > CLOCK_STEP_S:
            yield {"what": "leapt", "step_s": f"{ahead_s - self.ahead_s:.3f}"}
        self.ahead_s = ahead_s
        if now.synchronised is self.synchronised:
            return
        self.synchronised = now.synchronised
        if not now.synchronised:
            yield {"what": "no longer synchronised"}
        elif self.was_known:
            yield {"what": "synchronised again"}
        else:
            self.was_known = True
            yield {"what": "synchronised for the first time", "offset_s": f"{ahead_s - self.began_ahead_s:.3f}"}
