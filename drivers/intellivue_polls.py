"""What is polled when in one association, and which answer belongs to which poll.

Numerics are asked for once and then come each second (an extended poll), if the monitor grants that; where it does not,
and while they stay away, they are asked for in each round. A round asks one thing after another: alarms, and at times
the monitor's own attributes. The alarm poll is the keep-alive too: rounds are never further apart than the monitor
bears silence.

Laws of this module:
  * A poll's number marks its answers and is not used again for hours. An answer counts only if its action, its number
    and its class are those of the poll that is under way, so that a late one answers nothing.
  * A result in several parts counts only whole and in order. Where results of a class come in parts, one that follows
    a damaged frame and has no parts is what is left of one that had.
  * A result that is not newer than the last one is no news: a monitor that repeats itself is silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from drivers.intellivue_answers import FIRST, PollResult, Refusal, Terms
from drivers.intellivue_requests import NUMERICS_CLASS, STREAM_S, Ask, Poll
from drivers.model import Output, Rejected, Send

MIN_POLL_S: Final = 1.0
"""Least time between two rounds: the monitor's values change once a second."""
REPLY_LIMIT_S: Final = 2.0
"""How long an answer, or its next part, may take."""
SILENCE_MARGIN_S: Final = 1.0
"""Something is sent so long before the monitor would give us up."""
RENEW_S: Final = 0.9 * STREAM_S
"""When the stream of numerics is asked for again."""
STALL_S: Final = 2.5
"""Without numerics for so long the stream is asked for again, and they are asked for in each round meanwhile."""
RESTART_S: Final = 10.0
"""How often a stream that does not come is asked for."""
LOST_S: Final = 6.0
"""Without numerics for so long, by stream or by round, the association is given up."""
SYSTEM_S: Final = 10.0
"""How often the monitor's own attributes are asked for: its mode of operation and its clock."""
MAX_PARTS: Final = 32
"""Bound on the parts of one result: 32 of 1456 bytes are 4 s of the line."""
MAX_OPEN: Final = 4
"""Bound on results that are not yet whole: two are under way at most, and two may be torn."""

_TICKS_END: Final = 2**32


class Polls:
    """The polls of one association. ``numbers`` gives each poll its number."""

    def __init__(self, terms: Terms, poll_interval_s: float, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        longest_s = terms.timeout_s - SILENCE_MARGIN_S
        self._interval_s = min(max(MIN_POLL_S, poll_interval_s, terms.poll_period_s), longest_s)
        self._streams = terms.streams
        self._open: dict[int, list[PollResult]] = {}
        self._in_parts: set[int] = set()  # classes whose results come in parts
        self._torn: set[int] = set()  # those of them of which a part may be lost
        # the stream, 0 for none; the one before it counts until the new one begins
        self._stream = self._stream_before = 0
        self._stream_at_s: float | None = None
        self._renew_s = 0.0
        self._pushed_s = 0.0
        # numerics of either kind
        self._last_ticks: int | None = None
        self._numerics_s = 0.0
        # the round
        self._waiting: deque[Ask] = deque()
        self._asked: Poll | None = None
        self._due_s = 0.0
        self._round_s = 0.0
        self._system_s = 0.0

    @property
    def round_s(self) -> float:
        """Within how many seconds numerics come when all is well."""
        return MIN_POLL_S if self._streams else self._interval_s

    @property
    def deadline_s(self) -> float:
        """When ``tick`` must be called next."""
        return min(at_s for at_s in (self._due_s, self._stream_at_s, self._lost_s) if at_s is not None)

    @property
    def _lost_s(self) -> float:
        return self._numerics_s + max(LOST_S, 2 * self._interval_s + REPLY_LIMIT_S)

    def lost(self, now_s: float) -> bool:
        """Tell whether numerics stayed away too long."""
        return now_s >= self._lost_s

    def begin(self, now_s: float) -> list[Output]:
        """Ask first; the monitor has just told its own attributes."""
        self._numerics_s = self._pushed_s = now_s
        self._system_s = now_s + SYSTEM_S
        return [*self._ask_stream(now_s), *self._begin_round(now_s)]

    def tick(self, now_s: float) -> list[Output]:
        """Do what is due."""
        out: list[Output] = []
        if self._stream_at_s is not None and now_s >= self._stream_at_s:
            out.extend(self._ask_stream(now_s))
        if now_s >= self._due_s:
            if self._asked is None:
                out.extend(self._begin_round(now_s))
            else:
                out.extend([Rejected("timeout"), *self._ask_next(now_s)])
        return out

    def damage(self) -> None:
        """Take that a frame was lost: no result that is under way can be whole."""
        self._open.clear()
        self._torn = set(self._in_parts)

    def refuse(self, refusal: Refusal, now_s: float) -> list[Output]:
        """Take that the monitor will not answer a poll. A stream that it refuses is asked for no more."""
        if self._asked is not None and refusal.invoke_id == self._asked.number:
            return self._ask_next(now_s)
        if refusal.invoke_id == self._stream:
            self._streams, self._stream_at_s, self._stream, self._stream_before = False, None, 0, 0
        return []

    def take(self, result: PollResult, now_s: float) -> tuple[PollResult | None, list[Output]]:
        """Take an answer or a part of one; give the whole result, if it is one now, and what is to be said."""
        answers = self._asked is not None and _fits(result, self._asked.ask, self._asked.number)
        streams = any(_fits(result, Ask.NUMERICS_STREAM, each) for each in (self._stream, self._stream_before) if each)
        if not (answers or streams):
            return None, [Rejected("unexpected")]
        if answers:
            self._due_s = now_s + REPLY_LIMIT_S
        if result.state:
            return None, self._keep(result)
        whole, out = self._join(result)
        if answers:
            out.extend(self._ask_next(now_s))
        if whole is None or whole.object_class != NUMERICS_CLASS:
            return whole, out
        if self._last_ticks is not None and not 0 < (whole.time - self._last_ticks) % _TICKS_END < _TICKS_END // 2:
            return None, [Rejected("unexpected"), *out]
        self._last_ticks, self._numerics_s = whole.time, now_s
        if streams:
            self._stream_before = 0 if result.number == self._stream else self._stream_before
            self._pushed_s, self._stream_at_s = now_s, min(self._renew_s, now_s + STALL_S)
        return whole, out

    # The stream

    def _flows(self, now_s: float) -> bool:
        return self._streams and now_s < self._pushed_s + STALL_S

    def _ask_stream(self, now_s: float) -> list[Output]:
        if not self._streams:
            return []
        self._stream_before, self._stream = self._stream, next(self._numbers)
        self._renew_s = now_s + RENEW_S
        self._stream_at_s = now_s + (STALL_S if self._flows(now_s) else RESTART_S)
        return [Send(Poll(Ask.NUMERICS_STREAM, self._stream).encode())]

    # The round

    def _begin_round(self, now_s: float) -> list[Output]:
        self._round_s = now_s
        self._waiting.append(Ask.ALARMS)
        if now_s >= self._system_s:
            self._system_s = now_s + SYSTEM_S
            self._waiting.append(Ask.SYSTEM)
        if not self._flows(now_s):
            self._waiting.appendleft(Ask.NUMERICS)
        return self._ask_next(now_s)

    def _ask_next(self, now_s: float) -> list[Output]:
        if not self._waiting:
            self._asked = None
            self._due_s = max(now_s, self._round_s + self._interval_s)
            return []
        self._asked = Poll(self._waiting.popleft(), next(self._numbers))
        self._due_s = now_s + REPLY_LIMIT_S
        return [Send(self._asked.encode())]

    # Results in parts

    def _keep(self, part: PollResult) -> list[Output]:
        self._in_parts.add(part.object_class)
        if part.state == FIRST:
            self._open.pop(part.number, None)
            while len(self._open) >= MAX_OPEN:
                del self._open[next(iter(self._open))]
            self._open[part.number] = [part]
            return []
        parts = self._open.get(part.number)
        if parts is None or part.count != parts[-1].count + 1 or len(parts) >= MAX_PARTS:
            self._open.pop(part.number, None)
            self._torn.add(part.object_class)
            return [Rejected("unexpected")]
        parts.append(part)
        return []

    def _join(self, last: PollResult) -> tuple[PollResult | None, list[Output]]:
        parts = self._open.pop(last.number, None)
        torn = last.object_class in self._torn
        self._torn.discard(last.object_class)
        if parts is None:
            return (None, [Rejected("length")]) if torn else (last, [])
        things = tuple(thing for part in (*parts, last) for thing in part.things)
        return replace(last, things=things), []


def _fits(result: PollResult, ask: Ask, number: int) -> bool:
    return (result.action, result.number, result.object_class) == (ask.action, number, ask.object_class)
