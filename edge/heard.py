"""What was heard of one edge over MQTT, and what that is worth: live, last known, or unknown.

It is the reader's half of the contract, without a screen: "no alarm" needs proof, and ages come from ``mono_s``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.messages.alarms import AlarmIndexMessage, AlarmMessage
from edge.messages.base import Stamp
from edge.messages.states import RosterMessage, SnapshotMessage, Status

LOST_AFTER_S = 10.0
"""An edge without a heartbeat for this long is lost, whatever its retained status says."""

LOST = "LOST"
ORDER = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Beat:
    """The newest heartbeat of a run; ``live`` once a later one came: the first may be one that the broker kept."""

    run: str
    mono_s: float
    heard_at_s: float
    live: bool


@dataclass(slots=True)
class EdgeView:
    """What was heard of one edge; ``heard`` counts its messages, so that each knows what came before it."""

    name: str
    status: Status | None = None
    beat: Beat | None = None
    roster: RosterMessage | None = None
    beds: dict[str, tuple[SnapshotMessage, float]] = field(default_factory=dict)
    indexes: dict[str, tuple[AlarmIndexMessage, int]] = field(default_factory=dict)
    alarms: dict[tuple[str, str], tuple[AlarmMessage, int]] = field(default_factory=dict)
    heard: int = 0

    @property
    def run(self) -> str:
        """The current run, empty before a status came."""
        return self.status.run if self.status is not None else ""

    def labels(self) -> dict[str, str]:
        """Return what nurses call the beds."""
        return {row.bed: row.label for row in self.roster.beds} if self.roster is not None else {}

    def label(self, bed: str) -> str:
        """Return what nurses call a bed, or what belongs to none."""
        return self.labels().get(bed, bed or "the edge")

    def state(self, now_s: float) -> str:
        """Say in plain words how the edge is."""
        if self.status is None or (self.status.state == "running" and self.beat is None):
            return "not heard yet"
        if self.status.state != "running" or self.beat is None:
            return LOST if self.status.state == "lost" else "stopped"
        if now_s - self.beat.heard_at_s > LOST_AFTER_S:
            return LOST
        return "running" if self.beat.live else "not yet known to be running"

    def age_s(self, at: Stamp, run: str, now_s: float) -> float | None:
        """Return how long ago something happened in the current run, by the edge's clock; ``None``: not known."""
        if self.beat is None or run != self.beat.run:
            return None
        return max(0.0, self.beat.mono_s + now_s - self.beat.heard_at_s - at.mono_s)

    def snapshot_age_s(self, bed: str, now_s: float) -> float:
        """Return how old a bed's snapshot is, at least."""
        snapshot, heard_at_s = self.beds[bed]
        return max(now_s - heard_at_s, self.age_s(snapshot.at, snapshot.run, now_s) or 0.0)

    def is_live(self, bed: str, now_s: float) -> bool:
        """Tell whether a bed's snapshot is of the current run of a running edge, and still valid."""
        if bed not in self.beds or self.state(now_s) != "running":
            return False
        snapshot = self.beds[bed][0]
        return snapshot.run == self.run and self.snapshot_age_s(bed, now_s) <= snapshot.valid_for_s

    def doubt(self, now_s: float) -> str:
        """Return why the alarms are not known, empty if they are."""
        state = self.state(now_s)
        if state != "running":
            return f"the edge is {state}"
        if self.roster is None or self.roster.run != self.run:
            return "the list of beds has not come"
        beds = [row.bed for row in self.roster.beds]
        for scope in ("", *beds):
            index = self._index(scope)
            if index is None:
                return f"the list of alarms of {self.label(scope)} has not come"
            for entry in index[0].alarms:
                held = self.alarms.get((scope, entry.key))
                if held is None or held[0].occurrence != entry.occurrence:
                    return f"an alarm of {self.label(scope)} has not come ({entry.key})"
        old = [self.label(bed) for bed in beds if not self.is_live(bed, now_s)]
        return f"no fresh data of {', '.join(old)}" if old else ""

    def present(self) -> list[AlarmMessage]:
        """Return what stands, the most urgent first: it was not cleared, nor left out by the current run's index.

        An alarm of the current run that is newer than the index stands: it is told before the index that has it.
        """
        found = []
        for (scope, key), (alarm, heard) in self.alarms.items():
            index = self._index(scope)
            listed = index is None or key in {entry.key for entry in index[0].alarms}
            newer = index is not None and alarm.run == self.run and heard > index[1]
            if alarm.signal != "off" and (listed or newer):
                found.append(alarm)
        return sorted(found, key=lambda alarm: (ORDER.index(alarm.priority), alarm.onset.wall, alarm.bed, alarm.key))

    def _index(self, scope: str) -> tuple[AlarmIndexMessage, int] | None:
        index = self.indexes.get(scope)
        return index if index is not None and index[0].run == self.run else None

    def take(self, rest: list[str], payload: bytes, now_s: float) -> None:
        """Take up a retained message of a topic; raises ValidationError if it cannot be read."""
        self.heard += 1
        scope = rest[1] if rest[0] == "bed" else ""
        if rest == ["status"]:
            self._take_status(Status.read(payload), now_s)
        elif rest == ["roster"]:
            self.roster = RosterMessage.read(payload)
        elif rest[-1] == "snapshot" and payload:
            self.beds[scope] = (SnapshotMessage.read(payload), now_s)
        elif rest[-1] == "alarms":
            self.indexes[scope] = (AlarmIndexMessage.read(payload), self.heard)
        elif rest[-2:-1] == ["alarm"]:
            place = (scope, rest[-1])
            if payload:
                self.alarms[place] = (AlarmMessage.read(payload), self.heard)
            elif place in self.alarms:
                self.alarms[place] = (
                    self.alarms[place][0].model_copy(update={"present": False, "signal": "off"}),
                    self.heard,
                )

    def _take_status(self, status: Status, now_s: float) -> None:
        self.status = status
        if status.state != "running":
            return
        known = self.beat
        if known is None or known.run != status.run:
            self.beat = Beat(status.run, status.mono_s, now_s, live=False)
        elif status.mono_s > known.mono_s:
            self.beat = Beat(status.run, status.mono_s, now_s, live=True)
