"""What must be so, said plainly: an oracle that shares nothing with the core and keeps no timer of an alarm.

It is one-sided on purpose. It says what *must* stand, what *may not* end, and what *may* be silent; where the rules
leave room it says nothing. Cumulative dose (I6) has no place here: the core does not reckon one yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from edge.core.model import Alarm, Priority, SilenceReason

BRIDGE_S = 10.0
MEDIAN_S = 6.0
REPEAT_S = 180.0
PAUSE_S = {SilenceReason.AUDIO_PAUSE: 120.0, SilenceReason.OFF_MONITOR: 900.0}
OFF_MONITOR = {
    "HR_MISSING",
    "SPO2_MISSING",
    "RR_MISSING",
    "NIBP_OVERDUE",
    "MONITOR_LINK_LOST",
    "DEVICE_SENSOR_OFF",
}
STEPWISE = ("HR_", "BP_", "SPO2_LOW", "RR_HIGH", "RR_LOW")


@dataclass
class Stream:
    """One number that is watched. ``hard`` are (limit, delay) of its high bands, the mildest first.

    ``valid_for_s`` is how long a value counts, ``clear_s`` how long it must be back inside. A value is back by
    ``hysteresis``; ``soft`` is the soft limit. ``samples`` beyond are enough where there is a delay.
    """

    above: bool
    soft: Decimal
    hard: tuple[tuple[Decimal, float], ...]
    hysteresis: Decimal
    valid_for_s: float
    clear_s: float
    samples: int = 2
    told: list[tuple[float, Decimal | None]] = field(default_factory=list)
    runs: list[list[float]] = field(default_factory=list)
    must_stand: bool = False
    judged: int = 0

    def hear(self, at_s: float, value: Decimal | None) -> None:
        """Take up one sample; ``None`` is none that can be judged."""
        self.told.append((at_s, value))
        self.runs = self.runs or [[] for _ in self.hard]
        if value is None:
            return
        for run, (limit, _) in zip(self.runs, self.hard, strict=True):
            if not self._beyond(value, limit) or (run and at_s - run[-1] > BRIDGE_S):
                run.clear()
            if self._beyond(value, limit):
                run.append(at_s)
        if not self._beyond(value, self.hard[0][0]):
            self.must_stand = False
        elif any(self._long_enough(run, delay_s) for run, (_, delay_s) in zip(self.runs, self.hard, strict=True)):
            self.must_stand = True

    def forget(self) -> None:
        """A restart: delays begin anew, what stood still stands."""
        self.told, self.runs, self.judged = [], [], 0

    def may_lower(self, now_s: float) -> bool:
        """Tell whether a hard alarm may get milder now: the whole off-delay said so, and nothing else."""
        return any(self._is_back(told, at_s, self.hard[0][0]) for told, at_s in self._moments(now_s))

    def may_end(self, now_s: float) -> bool:
        """Tell whether an alarm may end now: also of its soft band, of which a median may be judged."""
        for told, at_s in self._moments(now_s):
            since_s = at_s - self.clear_s - MEDIAN_S - self.valid_for_s
            numbers = [value for told_s, value in told if told_s > since_s and value is not None]
            inside = any(not self._beyond(value, self._back(self.soft)) for value in numbers)
            if inside and self._is_back(told, at_s, self.hard[0][0]):
                return True
        return False

    def _moments(self, now_s: float) -> Iterator[tuple[list[tuple[float, Decimal | None]], float]]:
        """Each sample since the last look is judged at its own moment, and all of them now."""
        yield self.told, now_s
        for count in range(self.judged + 1, len(self.told)):
            yield self.told[:count], self.told[count - 1][0]

    def _is_back(self, told: list[tuple[float, Decimal | None]], at_s: float, limit: Decimal) -> bool:
        back: list[float] = []
        for told_s, value in reversed(told):
            if value is None or self._beyond(value, self._back(limit)):
                break
            back.append(told_s)
        return bool(back) and at_s < back[0] + self.valid_for_s and back[-1] + self.clear_s <= at_s

    def _long_enough(self, run: list[float], delay_s: float) -> bool:
        return bool(run) and run[-1] - run[0] >= delay_s and (len(run) >= self.samples or delay_s == 0)

    def _beyond(self, value: Decimal, limit: Decimal) -> bool:
        return value > limit if self.above else value < limit

    def _back(self, limit: Decimal) -> Decimal:
        return limit - self.hysteresis if self.above else limit + self.hysteresis


@dataclass
class Book:
    """Who was asked to be silent, when, and what made noise since: nothing else excuses a silence (I4, I7)."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    pauses: dict[tuple[str, SilenceReason], tuple[float, float]] = field(default_factory=dict)
    noise_at_s: dict[str, float] = field(default_factory=dict)

    def pause(self, bed: str, reason: SilenceReason, at_s: float, duration_s: float) -> None:
        self.pauses[bed, reason] = (at_s, at_s + min(duration_s, PAUSE_S[reason]))

    def resume(self, bed: str) -> None:
        """End the pauses of a bed, all of them without one."""
        self.pauses = {} if not bed else {key: row for key, row in self.pauses.items() if key[0] != bed}

    def end_older(self, than_s: float) -> None:
        """End the pauses that were in force before a moment."""
        self.pauses = {key: row for key, row in self.pauses.items() if row[0] >= than_s}

    def made_noise(self, alarm: Alarm, at_s: float, *, reminds: bool) -> None:
        """Take up that it sounds anew. A reminder in its time is no new noise to a pause: the alarm stood before it."""
        acknowledged_s = self.acknowledged.pop(alarm.occurrence, None)
        if not (reminds and (acknowledged_s is None or at_s >= acknowledged_s + bound_s(alarm))):
            self.noise_at_s[alarm.occurrence] = at_s

    def excuses(self, alarm: Alarm, now_s: float) -> bool:
        """Tell whether an alarm may be silent now."""
        at_s = self.acknowledged.get(alarm.occurrence)
        if at_s is not None and now_s < at_s + bound_s(alarm):
            return True
        if alarm.silence is None:
            return False
        name, reason = alarm.key.condition, alarm.silence.reason
        began_s = self.noise_at_s.get(alarm.occurrence, alarm.onset.mono_s)
        if reason is SilenceReason.AWAITING_REPEAT:
            return name.startswith("BP_") and alarm.priority is not Priority.HIGH and now_s < began_s + REPEAT_S
        for (bed, kind), (since_s, until_s) in self.pauses.items():
            if kind is reason and bed in ("", alarm.key.bed) and now_s < until_s:
                if kind is SilenceReason.OFF_MONITOR:
                    return name in OFF_MONITOR
                if began_s <= since_s or alarm.priority is Priority.LOW:
                    return True
        return False


def bound_s(alarm: Alarm) -> float:
    """How long an acknowledgement holds at most."""
    if alarm.priority is Priority.HIGH:
        return 300.0 if alarm.acceptance is not None else 120.0
    if alarm.priority is Priority.MEDIUM:
        return 900.0 if alarm.key.condition.startswith(STEPWISE) else 300.0
    return 900.0
