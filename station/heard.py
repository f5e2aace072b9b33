"""What was heard of one edge, and what that is worth. Pure: the receipt's time is handed in.

It is the station's half of the contract in docs/mqtt.md: an edge is alive by its heartbeats alone; an alarm ends by its
own "cleared" or by an index of the current run without it; what has not come is unknown, never well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from edge.messages.alarms import AlarmIndexMessage, AlarmMessage
from edge.messages.requests import KEYS_MAX
from edge.messages.states import RosterMessage, SelfCheckMessage, SnapshotMessage, Status
from edge.messages.therapy import TherapyMessage
from station.view import Doubt, EdgeState

Place = TypeVar("Place")

LOST_AFTER_S = 10.0
"""An edge without a heartbeat for this long is lost, whatever its retained status says (docs/mqtt.md)."""

OFFSETS_MAX = 100
"""Heartbeats of five minutes: in that time two clocks drift apart by some hundredths of a second."""

EXPIRY_STEP_S = 1.0
"""A broker counts what remains of a message in whole seconds."""

BEDS_MAX = 72
"""More beds than one bedside computer has lines for; a fault of an edge must not fill the memory of the ward."""

_DOUBTS: dict[EdgeState, Doubt] = {
    "never_heard": "edge_never_heard",
    "unproven": "edge_unproven",
    "lost": "edge_lost",
    "stopped": "edge_stopped",
}

NO_PATIENT = frozenset({"", "setup", "closed"})
"""Phases of a therapy in which nobody is treated."""


@dataclass(frozen=True, slots=True)
class Came:
    """How a message came: when, and, if the broker had kept it, for how long it still holds (``None``: not said)."""

    at_s: float
    kept: bool = False
    expires_in_s: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """An alarm as it was last told; ``order`` counts messages, to know what came before what."""

    alarm: AlarmMessage
    order: int


@dataclass(slots=True)
class Edge:
    """One edge; ``connected_at_s``: since when it can be heard, ``None`` while there is no broker."""

    name: str
    status: Status | None = None
    roster: RosterMessage | None = None
    self_check: SelfCheckMessage | None = None
    snapshots: dict[str, tuple[SnapshotMessage, float | None]] = field(default_factory=dict)
    therapies: dict[str, TherapyMessage] = field(default_factory=dict)
    indexes: dict[str, tuple[AlarmIndexMessage, int]] = field(default_factory=dict)
    alarms: dict[tuple[str, str], Held] = field(default_factory=dict)
    connected_at_s: float | None = None
    heard_at_s: float | None = None
    _proof: tuple[str, float] | None = None
    _offsets: deque[float] = field(default_factory=lambda: deque(maxlen=OFFSETS_MAX))
    _lost: bool = False
    _count: int = 0

    @property
    def run(self) -> str:
        """The current run, empty before a status came."""
        return self.status.run if self.status is not None else ""

    def clock_offset_s(self) -> float | None:
        """Return what makes an edge's ``mono_s`` a time of ours: of the heartbeat that was held up least."""
        return min(self._offsets) if self._offsets else None

    def connected(self, now_s: float) -> None:
        """From now on it can be heard."""
        self.connected_at_s = now_s

    def disconnected(self, now_s: float) -> None:
        """Trust nothing that must be heard anew: what the broker keeps may be old when it is there again."""
        self._lost = self.state(now_s) == "lost"
        self.connected_at_s = self.heard_at_s = self._proof = None
        self._offsets.clear()
        self.indexes.clear()

    def state(self, now_s: float) -> EdgeState:
        """Tell how the edge is."""
        if self.status is None:
            return "never_heard"
        if self.status.state != "running":
            return "lost" if self.status.state == "lost" else "stopped"
        last_s = self._last_sign_s()
        if last_s is not None:
            return "running" if now_s - last_s <= LOST_AFTER_S else "lost"
        if self._lost or (self.connected_at_s is not None and now_s - self.connected_at_s > LOST_AFTER_S):
            return "lost"
        return "unproven"

    def _last_sign_s(self) -> float | None:
        """Return when it was last known to run: by a heartbeat, or by what expires soon after it was sent."""
        proven_s = self._proof[1] if self._proof is not None and self._proof[0] == self.run else None
        signs = [at_s for at_s in (self.heard_at_s, proven_s) if at_s is not None]
        return max(signs) if signs else None

    def beds(self) -> list[str]:
        """Return the beds of the roster in their order; without one, those that were heard of."""
        if self.roster is not None:
            return [row.bed for row in self.roster.beds]
        heard = {*self.snapshots, *self.therapies, *self.indexes, *(bed for bed, _ in self.alarms)}
        return sorted(heard - {""})

    def label(self, bed: str) -> str:
        """Return what nurses call a bed; its identifier where that is not known."""
        rows = self.roster.beds if self.roster is not None else ()
        return next((row.label for row in rows if row.bed == bed), bed)

    def active(self, bed: str) -> bool | None:
        """Tell whether a patient is treated at a bed, as last known; ``None``: not known."""
        if bed in self.snapshots:
            return self.snapshots[bed][0].active
        therapy = self.therapies.get(bed)
        return None if therapy is None else therapy.phase not in NO_PATIENT

    def doubt(self, bed: str, now_s: float) -> Doubt:
        """Say why the alarms of a bed (of no bed, where it is empty) are not known; empty if they are."""
        if self.connected_at_s is None:
            return "broker_lost"
        state = self.state(now_s)
        if state != "running":
            return _DOUBTS[state]
        return self._doubt_of_index(bed)

    def _doubt_of_index(self, bed: str) -> Doubt:
        if self.roster is None or self.roster.run != self.run:
            return "no_roster"
        index = self._index(bed)
        if index is None:
            return "no_index"
        for entry in index[0].alarms:
            held = self.alarms.get((bed, entry.key))
            if held is None or held.alarm.occurrence != entry.occurrence:
                return "alarm_missing"
        return ""

    def present(self) -> Iterator[AlarmMessage]:
        """Give what stands: what was not cleared, nor is left out by an index of the current run.

        An alarm of the current run that is newer than the index stands: it is told before the index that has it.
        """
        listed = {bed: {one.key for one in index[0].alarms} for bed in self.indexes if (index := self._index(bed))}
        for (bed, key), held in self.alarms.items():
            if held.alarm.signal == "off":
                continue
            if bed in listed and key not in listed[bed]:
                newer = held.alarm.run == self.run and held.order > self.indexes[bed][1]
                if not newer:
                    continue
            yield held.alarm

    def _index(self, bed: str) -> tuple[AlarmIndexMessage, int] | None:
        index = self.indexes.get(bed)
        return index if index is not None and index[0].run == self.run else None

    def take_status(self, status: Status, came: Came) -> None:
        """Take a heartbeat, a last word, or the will."""
        before, self.status = self.status, status
        if status.state != "running":
            self.heard_at_s = self._proof = None
            return
        same = before is not None and before.run == status.run
        if not same:
            self._offsets.clear()
            self.heard_at_s = None
        # Sent while we listen, or newer than what we knew: it lives. The first one may be old.
        if not came.kept or (before is not None and same and status.mono_s > before.mono_s):
            self._offsets.append(came.at_s - status.mono_s)
            # One that was held up on its way is as old as it is: a backlog must not look like life.
            self.heard_at_s = status.mono_s + min(self._offsets)
            self._lost = False

    def take_self_check(self, check: SelfCheckMessage) -> None:
        """Take the edge's own pulse."""
        self.self_check = check

    def take_snapshot(self, snapshot: SnapshotMessage, came: Came) -> None:
        """Take every metric of a bed, with the time at which it was taken; ``None``: not known. Raises ValueError."""
        _bounded(self.snapshots, snapshot.bed, BEDS_MAX)
        held_up_s: float | None = 0.0
        if came.kept:
            held_up_s = None
            if came.expires_in_s is not None:
                held_up_s = max(0.0, snapshot.valid_for_s - came.expires_in_s) + EXPIRY_STEP_S
                self._prove(snapshot.run, came.at_s - held_up_s)
        times = [] if held_up_s is None else [came.at_s - held_up_s]
        offset_s = self.clock_offset_s()
        if offset_s is not None and snapshot.run == self.run:
            times.append(snapshot.at.mono_s + offset_s)
        self.snapshots[snapshot.bed] = (snapshot, min(times, default=None))

    def _prove(self, run: str, at_s: float) -> None:
        if self._proof is None or self._proof[0] != run or self._proof[1] < at_s:
            self._proof = (run, at_s)

    def take_roster(self, roster: RosterMessage) -> None:
        """Take the beds as configured; what was heard of others is forgotten, but for its alarms."""
        self.roster = roster
        kept = {row.bed for row in roster.beds}
        for held in (self.snapshots, self.therapies):
            for bed in held.keys() - kept:
                del held[bed]

    def take_therapy(self, therapy: TherapyMessage) -> None:
        """Take a bed's therapy. Raises ValueError."""
        _bounded(self.therapies, therapy.bed, BEDS_MAX)
        self.therapies[therapy.bed] = therapy

    def take_index(self, index: AlarmIndexMessage) -> None:
        """Take which alarms stand; those that no longer do are forgotten. Raises ValueError."""
        _bounded(self.indexes, index.bed, BEDS_MAX + 1)
        self._count += 1
        self.indexes[index.bed] = (index, self._count)
        if index.run == self.run:
            kept = {entry.key for entry in index.alarms}
            for place in [place for place in self.alarms if place[0] == index.bed and place[1] not in kept]:
                del self.alarms[place]

    def take_alarm(self, alarm: AlarmMessage) -> None:
        """Take an alarm. One that is over stays known, so that an older index does not seem to lack it.

        Raises ValueError if there are more than an edge can have.
        """
        _bounded(self.alarms, (alarm.bed, alarm.key), KEYS_MAX)
        self._count += 1
        self.alarms[alarm.bed, alarm.key] = Held(alarm, self._count)


def _bounded(held: Mapping[Place, object], place: Place, most: int) -> None:
    """Refuse one more than there may be. Raises ValueError."""
    if place not in held and len(held) >= most:
        raise ValueError(f"an edge has no more than {most} of these")
