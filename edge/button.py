"""The button at the bedside computer: what is a press, and what is a fault. Edges and the clock are handed in.

Laws:
  * One press, one act; holding it is no second one. What is shorter than a finger is noise of the contact.
  * A button that is down when it is first looked at asks for nothing until it was let go.
  * A stuck or chattering button is a fault, and does nothing more until it is well again: it must not silence alarms
    for ever (law 13).

    id    from               when                                                 to            what follows
    B1    up                 down                                                 settling
    B2    settling           up before 50 ms                                      up            (noise)
    B3    settling           down for 50 ms                                       held          one act
    B4    held               down for 10 s                                        stuck         a fault
    B5    held, stuck        up for 50 ms                                         up            a fault ends
    B6    settling           down for 50 ms, and so it was 10 times in a minute   chattering    a fault, and no act
    B7    chattering         up, and no press for a minute                        up            the fault ends
"""

from __future__ import annotations

import math
from collections import deque

DEBOUNCE_S = 0.050
"""Contacts bounce for a few milliseconds, and no finger is faster than this."""

STUCK_S = 10.0
"""Nobody holds a button for so long."""

PRESSES_MAX = 10
PRESSES_S = 60.0
"""Nobody presses more often; a wet or loose contact does."""

_LONG_AGO_S = -math.inf


class Button:
    """One button. ``down`` is how its pin is when it is first looked at."""

    def __init__(self, *, down: bool, now_s: float) -> None:
        self._down = down
        self._down_at_s = now_s
        self._up_at_s = _LONG_AGO_S
        self._acted = down
        self._presses: deque[float] = deque()
        self._chatters = False

    def edge(self, *, down: bool, now_s: float) -> None:
        """Take up that the pin changed."""
        if down == self._down:
            return
        self._down = down
        if not down:
            self._up_at_s = now_s
        elif now_s - self._up_at_s >= DEBOUNCE_S:
            self._down_at_s, self._acted = now_s, False
        elif not self._acted:
            self._down_at_s = now_s  # it has not settled yet

    def turn(self, now_s: float) -> bool:
        """Tell whether it was pressed since; call it again when ``next_s`` says."""
        while self._presses and now_s - self._presses[0] >= PRESSES_S:
            self._presses.popleft()
        if not self._presses:
            self._chatters = False
        if not self._down or self._acted or now_s < self._down_at_s + DEBOUNCE_S:
            return False
        self._acted = True
        self._presses.append(now_s)
        if len(self._presses) > PRESSES_MAX:
            self._presses.popleft()
            self._chatters = True
        return not self._chatters

    def fault(self, now_s: float) -> str:
        """Say what is wrong with it, empty if it is well."""
        held = self._down or now_s < self._up_at_s + DEBOUNCE_S
        if held and now_s >= self._down_at_s + STUCK_S:
            return f"it has been down for more than {STUCK_S:.0f} s"
        if self._chatters:
            return f"it was pressed more than {PRESSES_MAX} times in a minute"
        return ""

    def next_s(self, now_s: float) -> float:
        """Return when something becomes due by time alone."""
        due = [self._presses[0] + PRESSES_S] if self._presses else []
        if self._down:
            due += [self._down_at_s + STUCK_S, *([] if self._acted else [self._down_at_s + DEBOUNCE_S])]
        else:
            due.append(self._up_at_s + DEBOUNCE_S)
        return min((at_s for at_s in due if at_s > now_s), default=math.inf)
