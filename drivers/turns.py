"""When a round of questions begins, so that lines that are asked as often are asked together.

Each awakening of a processor that rests costs more than what is done in it.
"""

from __future__ import annotations

NUDGE_S = 0.04
"""So much at most a round is shorter or longer for it: less than the edge would tell as another round."""


def in_turn(due_s: float, interval_s: float, asks_at_s: float | None) -> float:
    """Move the beginning of a round towards ``asks_at_s`` in its interval, by NUDGE_S at most; ``None``: not at all."""
    if asks_at_s is None:
        return due_s
    late_s = (due_s - asks_at_s) % interval_s
    off_s = late_s if late_s <= interval_s / 2 else late_s - interval_s
    return due_s - max(-NUDGE_S, min(off_s, NUDGE_S))
