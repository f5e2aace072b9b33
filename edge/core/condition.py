"""The condition machine: is it so? (`AlertCondition` of IEEE 11073-10207).

One machine serves every condition. What differs between a limit on the heart rate, a lost link and a missing order is
only how the present state of the world is *judged*; the judgement names the worst band that it is beyond.

Laws:
  * Level, not edge: the machine is shown the present judgement again and again, also by the clock alone.
  * Unknown never ends a condition (I3). It freezes a present one, and no delay ends in it.
  * Every change of a present condition is told: start, update, escalate, deescalate, end. None is silent.
  * Durations are monotonic seconds that are handed in.

States: C0 disabled, C1 normal, C2 pending, C3 present, C4 clearing, C5 unknown, C6 present, not verifiable.

    id      from       when                                              to       told
    SM-A1   C1         beyond a band                                     C2
    SM-A2   C2         no longer beyond                                  C1
    SM-A3   C2         a band's delay elapsed, enough samples            C3       start
    SM-A4   C1 C2 C5   beyond a band without delay                       C3       start
    SM-A5   C3         inside by hysteresis                              C4
    SM-A6   C4         not inside by hysteresis                          C3
    SM-A7   C4         off-delay elapsed                                 C1       end
    SM-A8   C1 C2      input unknown; a delay goes on over 10 s at most  C5
    SM-A9   C3 C4      input unknown                                     C6       update
    SM-A10  C5         input known, no band reached                      C1 C2
    SM-A11  C6         inside by hysteresis for the off-delay            C1       end
    SM-A12  C3         a worse band reached                              C3       escalate
    SM-A13  C3         below its band by hysteresis for the off-delay    C3       deescalate
    SM-A14  any        disabled (context ended)                          C0       end, if it was present
    SM-A15  C6         known again, not inside by hysteresis             C3       update, or escalate
    SM-A16  C4         a worse band reached                              C3       escalate
    SM-A17  C0         enabled                                           C1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from edge.core.model import Priority


class ConditionState(StrEnum):
    """The states C0 to C6."""

    DISABLED = "C0"
    NORMAL = "C1"
    PENDING = "C2"
    PRESENT = "C3"
    CLEARING = "C4"
    UNKNOWN = "C5"
    PRESENT_UNKNOWN = "C6"


class Transition(StrEnum):
    """What is told of a condition, in the words of IHE ACM's event phase."""

    START = "start"
    UPDATE = "update"
    ESCALATE = "escalate"
    DEESCALATE = "deescalate"
    END = "end"


@dataclass(frozen=True, slots=True)
class Band:
    """One step of severity. Bands of a condition are ordered, the mildest first.

    ``delay_s`` is the condition delay; ``samples_min`` how many distinct samples must be beyond within it (2 for a
    stream, 1 for a cuff pressure or for what is not sampled; always 1 in a band without delay).
    """

    name: str
    priority: Priority
    delay_s: float
    samples_min: int = 1


class Judgement(NamedTuple):
    """What the world says now. Band indices; -1 is none.

    ``beyond`` is the worst band whose limit is passed, ``held`` the worst band that is not yet left by its hysteresis;
    it is below ``beyond`` only where a smoothed value lags behind one that is back. ``sample_at_s`` tells one sample
    from the next.
    """

    beyond: int
    held: int
    sample_at_s: float


INSIDE = -1

UNKNOWN_BRIDGE_S = 10.0
"""A gap of up to this in the input does not begin a delay anew: a sensor that comes and goes must not hide an alarm."""

_PRESENT_STATES = frozenset({ConditionState.PRESENT, ConditionState.CLEARING, ConditionState.PRESENT_UNKNOWN})


@dataclass(slots=True)
class Condition:
    """The state of one condition; the bands are handed in with each judgement, since limits may change.

    ``event_at_s`` is when the present band was first passed.
    """

    state: ConditionState = ConditionState.NORMAL
    band: int = INSIDE
    beyond_since_s: list[float | None] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    last_sample_at_s: float | None = None
    relief_since_s: float | None = None
    relief_to: int = INSIDE
    unknown_since_s: float | None = None
    event_at_s: float = 0.0

    @property
    def present(self) -> bool:
        """Whether the condition exists (C3, C4 or C6)."""
        return self.state in _PRESENT_STATES

    @property
    def verifiable(self) -> bool:
        """Whether the input of the condition is known."""
        return self.state not in (ConditionState.UNKNOWN, ConditionState.PRESENT_UNKNOWN)

    def stays(self, judged: Judgement | None) -> bool:
        """Tell whether a judgement changes nothing: normal and inside, or unknown as before."""
        if judged is None:
            return self.state is ConditionState.UNKNOWN
        return judged.beyond == INSIDE and self.state is ConditionState.NORMAL

    def judge(
        self, now_s: float, judged: Judgement | None, bands: Sequence[Band], clear_delay_s: float
    ) -> Transition | None:
        """Show the machine the present judgement (``None``: unknown) and learn what changed."""
        if self.state is ConditionState.DISABLED:
            self.state = ConditionState.NORMAL  # SM-A17
        if self.stays(judged):
            return None
        if judged is None:
            return self._lose_input(now_s)
        if self.unknown_since_s is not None and now_s - self.unknown_since_s > UNKNOWN_BRIDGE_S:
            self._stop_timers()
        self.unknown_since_s = None
        self._run_timers(now_s, judged, bands)
        reached = self._reached(now_s, bands)
        if self.present:
            return self._judge_present(now_s, judged, reached, clear_delay_s)
        if reached != INSIDE:
            self._become_present(reached, now_s)  # SM-A3, SM-A4
            return Transition.START
        self.state = ConditionState.NORMAL if judged.beyond == INSIDE else ConditionState.PENDING  # SM-A1, A2, A10
        return None

    def disable(self) -> Transition | None:
        """End the condition because its context ended (SM-A14)."""
        was_present = self.present
        self.state = ConditionState.DISABLED
        self.band = INSIDE
        self._stop_timers()
        return Transition.END if was_present else None

    def restore(self, band: int) -> None:
        """Take up a condition that was present before a restart: present, and not verifiable until input comes."""
        self.state = ConditionState.PRESENT_UNKNOWN
        self.band = band
        self._stop_timers()

    def deadline_s(self, bands: Sequence[Band], clear_delay_s: float) -> float | None:
        """When the machine must be judged again if nothing else happens."""
        if self.state is ConditionState.NORMAL:
            return None
        due = [
            since + band.delay_s
            for index, (band, since) in enumerate(zip(bands, self.beyond_since_s, strict=False))
            if since is not None and index > self.band and self.samples[index] >= band.samples_min
        ]
        if self.unknown_since_s is not None:
            due = []  # a delay ends with a known value
        if self.relief_since_s is not None:
            due.append(self.relief_since_s + clear_delay_s)
        return min(due, default=None)

    def _lose_input(self, now_s: float) -> Transition | None:
        if self.unknown_since_s is None:
            self.unknown_since_s = now_s
        self.relief_since_s = None
        if self.state in (ConditionState.NORMAL, ConditionState.PENDING):
            self.state = ConditionState.UNKNOWN  # SM-A8
        elif self.state in (ConditionState.PRESENT, ConditionState.CLEARING):
            self.state = ConditionState.PRESENT_UNKNOWN  # SM-A9
            return Transition.UPDATE
        return None

    def _stop_timers(self) -> None:
        self.beyond_since_s = []
        self.samples = []
        self.last_sample_at_s = None
        self.relief_since_s = None
        self.relief_to = INSIDE
        self.unknown_since_s = None

    def _run_timers(self, now_s: float, judged: Judgement, bands: Sequence[Band]) -> None:
        if len(self.beyond_since_s) != len(bands):
            self.beyond_since_s = [None] * len(bands)
            self.samples = [0] * len(bands)
        fresh = judged.sample_at_s != self.last_sample_at_s
        self.last_sample_at_s = judged.sample_at_s
        for index in range(len(bands)):
            if index > judged.beyond:
                self.beyond_since_s[index] = None
                self.samples[index] = 0
                continue
            if self.beyond_since_s[index] is None:
                self.beyond_since_s[index] = now_s
                self.samples[index] = 1
            elif fresh:
                self.samples[index] += 1

    def _reached(self, now_s: float, bands: Sequence[Band]) -> int:
        for index in range(len(bands) - 1, -1, -1):
            since = self.beyond_since_s[index]
            if since is None:
                continue
            band = bands[index]
            needed = band.samples_min if band.delay_s > 0 else 1
            if now_s >= since + band.delay_s and self.samples[index] >= needed:
                return index
        return INSIDE

    def _become_present(self, band: int, now_s: float) -> None:
        since_s = self.beyond_since_s[band]
        self.event_at_s = now_s if since_s is None else since_s
        self.state = ConditionState.PRESENT
        self.band = band
        self.relief_since_s = None

    def _judge_present(self, now_s: float, judged: Judgement, reached: int, clear_delay_s: float) -> Transition | None:
        if reached > self.band:
            self._become_present(reached, now_s)  # SM-A12, SM-A16, SM-A15
            return Transition.ESCALATE
        if judged.held >= self.band:
            return self._hold()
        return self._relieve(now_s, judged.held, clear_delay_s)

    def _hold(self) -> Transition | None:
        was_unknown = self.state is ConditionState.PRESENT_UNKNOWN
        self.state = ConditionState.PRESENT  # SM-A6, SM-A15
        self.relief_since_s = None
        return Transition.UPDATE if was_unknown else None

    def _relieve(self, now_s: float, held: int, clear_delay_s: float) -> Transition | None:
        was_unknown = self.state is ConditionState.PRESENT_UNKNOWN
        if self.relief_since_s is None:
            self.relief_since_s = now_s
            self.relief_to = held
        # The mildest band that may be fallen back to is the worst one seen while the off-delay ran.
        self.relief_to = max(self.relief_to, held)
        if now_s >= self.relief_since_s + clear_delay_s:
            return self._fall_back(now_s, held)
        if held != INSIDE:
            self.state = ConditionState.PRESENT
            return Transition.UPDATE if was_unknown else None  # SM-A15
        if not was_unknown:
            self.state = ConditionState.CLEARING  # SM-A5; from C6 the off-delay runs in C6 (SM-A11)
        return None

    def _fall_back(self, now_s: float, held: int) -> Transition:
        target = self.relief_to
        self.relief_since_s = None
        if target == INSIDE:
            self.state = ConditionState.NORMAL  # SM-A7, SM-A11
            self.band = INSIDE
            return Transition.END
        self.state = ConditionState.PRESENT  # SM-A13
        self.band = target
        if held < target:
            self.relief_since_s = now_s
            self.relief_to = held
        return Transition.DEESCALATE
