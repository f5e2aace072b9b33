"""What the station alarms by itself: what is not heard cannot say so (law 10). Pure: the time is handed in.

One alarm a cause lists every edge and bed that it is about, so that one lost switch is one sound (H-20). While the
station has no broker, the silence of the edges is explained by it and not told beside it. What is silenced sounds again
by itself (H-22).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge.messages.base import PriorityName
from station.view import AboutBed, EdgeState, StationAlarmEvent

BROKER_LOST_S = 10.0
"""As an edge waits before it says that it is cut off: a broker that is started anew is back by then."""

NEVER_HEARD_S = 10.0
"""Three heartbeats: an edge that runs was heard by then."""

SILENCE_S = 120.0
"""The longest silence of a sound (reference of the standard: two minutes)."""

WatchKey = Literal["BROKER_LOST", "EDGE_LOST", "EDGE_STOPPED", "EDGE_NEVER_HEARD"]
KEYS: tuple[WatchKey, ...] = ("BROKER_LOST", "EDGE_LOST", "EDGE_STOPPED", "EDGE_NEVER_HEARD")


@dataclass(frozen=True, slots=True)
class Seen:
    """How an edge is, and its beds."""

    edge: str
    state: EdgeState
    beds: tuple[AboutBed, ...]

    def treats(self) -> bool:
        """Tell whether a patient is at one of its beds; where that is not known, one may be."""
        return not self.beds or any(bed.active is not False for bed in self.beds)


@dataclass(frozen=True, slots=True)
class _Standing:
    since_s: float
    rev: int
    priority: PriorityName
    seen: tuple[Seen, ...]
    silenced_until_s: float | None = None
    silenced_by: str = ""


class Watch:
    """The station's own alarms. ``began_s``: when the station began; it has no broker then."""

    def __init__(self, began_s: float) -> None:
        self._broker_since_s: float | None = None
        self._no_broker_since_s: float | None = began_s
        self._standing: dict[WatchKey, _Standing] = {}

    def broker(self, now_s: float, *, connected: bool) -> None:
        """Note that the broker came or went; said twice, the first counts."""
        if connected and self._broker_since_s is None:
            self._broker_since_s, self._no_broker_since_s = now_s, None
        elif not connected and self._no_broker_since_s is None:
            self._broker_since_s, self._no_broker_since_s = None, now_s

    def silence(self, key: str, rev: int, by: str, now_s: float) -> bool:
        """Silence an alarm as it was painted; False if it is over, or made noise since."""
        for known, standing in self._standing.items():
            if known == key and standing.rev == rev:
                self._standing[known] = replace(standing, silenced_until_s=now_s + SILENCE_S, silenced_by=by)
                return True
        return False

    def judge(self, now_s: float, seen: Sequence[Seen]) -> list[StationAlarmEvent]:
        """Return what stands now."""
        about = self._about(now_s, seen)
        self._standing = {key: self._next(key, now_s, about[key]) for key in KEYS if about.get(key)}
        return [_told(key, standing, now_s) for key, standing in self._standing.items()]

    def _about(self, now_s: float, seen: Sequence[Seen]) -> dict[WatchKey, tuple[Seen, ...]]:
        if self._no_broker_since_s is not None:
            if now_s - self._no_broker_since_s > BROKER_LOST_S:
                return {"BROKER_LOST": tuple(seen)}
            # For the first seconds what stood before goes on: a short break must not sound anew what was silenced.
            return {key: found.seen for key, found in self._standing.items() if key != "BROKER_LOST"}
        heard_for_s = 0.0 if self._broker_since_s is None else now_s - self._broker_since_s
        never = heard_for_s > NEVER_HEARD_S
        return {
            "EDGE_LOST": tuple(one for one in seen if one.state == "lost"),
            "EDGE_STOPPED": tuple(one for one in seen if one.state == "stopped" and one.treats()),
            "EDGE_NEVER_HEARD": tuple(one for one in seen if never and one.state == "never_heard"),
        }

    def _next(self, key: WatchKey, now_s: float, seen: tuple[Seen, ...]) -> _Standing:
        priority = _priority(key, seen)
        before = self._standing.get(key)
        if before is None:
            return _Standing(now_s, 1, priority, seen)
        more = {one.edge for one in seen} - {one.edge for one in before.seen}
        worse = priority == "high" and before.priority != "high"
        ended = before.silenced_until_s is not None and now_s >= before.silenced_until_s
        if more or worse or ended:
            return _Standing(before.since_s, before.rev + 1, priority, seen)
        return replace(before, priority=priority, seen=seen)


def _priority(key: WatchKey, seen: Sequence[Seen]) -> PriorityName:
    match key:
        case "BROKER_LOST" | "EDGE_STOPPED":
            return "high"
        case "EDGE_LOST":
            return "high" if any(one.treats() for one in seen) else "medium"
        case "EDGE_NEVER_HEARD":
            return "medium"


def _told(key: WatchKey, standing: _Standing, now_s: float) -> StationAlarmEvent:
    until_s = standing.silenced_until_s
    return StationAlarmEvent(
        key=key,
        priority=standing.priority,
        rev=standing.rev,
        since_s=standing.since_s,
        audible=until_s is None or now_s >= until_s,
        silenced_until_s=until_s,
        silenced_by=standing.silenced_by,
        edges=tuple(one.edge for one in standing.seen),
        beds=tuple(bed for one in standing.seen for bed in one.beds),
    )
