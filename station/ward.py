"""The ward: every edge that is expected, as its pages are to see it. Pure: messages and the time in, changes out.

A change is the text of an event; its key names the thing, so that a page that is slow gets only the newest of each, and
a page that comes has all that is so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edge.messages.alarms import AlarmIndexMessage, AlarmMessage
from edge.messages.base import ROOT, Message
from edge.messages.states import RosterMessage, SelfCheckMessage, SnapshotMessage, Status
from edge.messages.therapy import TherapyMessage
from station.heard import Came, Edge
from station.view import AboutBed
from station.watch import Seen, Watch

Key = tuple[str, ...]
OfBed = TypeVar("OfBed", AlarmIndexMessage, AlarmMessage, SnapshotMessage, TherapyMessage)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing as it is now: an event's name and data. ``over``: it is no more, with all whose keys begin so."""

    key: Key
    event: str
    data: str
    urgent: bool = False
    over: bool = False


class Ward:
    """Everything that was heard. What cannot be read raises ValueError (pydantic's) and changes nothing."""

    def __init__(self, site: str, edges: Sequence[str], now_s: float) -> None:
        self._site = site
        self.edges = {name: Edge(name) for name in edges}
        self.watch = Watch(now_s)
        self.connected = False
        self._told: dict[Key, str] = {}
        self._standing: dict[tuple[str, str, str], str] = {}
        self._since: dict[str, tuple[str, float]] = {}

    def topics(self) -> list[str]:
        """Return what to subscribe to: the retained truth of the edges expected."""
        kinds = ("status", "roster", "self-check", "alarms", "alarm/+", "bed/+/+", "bed/+/alarm/+")
        return [f"{ROOT}/{self._site}/edge/{edge}/{kind}" for edge in self.edges for kind in kinds]

    def take(self, topic: str, payload: bytes, came: Came) -> list[Change]:
        """Take a message; return what changed by it."""
        name, _, rest = topic.removeprefix(f"{ROOT}/{self._site}/edge/").partition("/")
        edge = self.edges.get(name)
        # An emptied topic says nothing: an alarm ends by its "cleared" or by an index, never by a topic that is gone.
        if edge is None or not payload:
            return []
        return list(self._take(edge, rest.split("/"), payload, came))

    def _take(self, edge: Edge, rest: list[str], payload: bytes, came: Came) -> Iterator[Change]:
        bed = rest[1] if rest[0] == "bed" and len(rest) > 2 else ""  # noqa: PLR2004 - bed/<bed>/<what>
        match rest[2:] if bed else rest:
            case ["status"]:
                was = (edge.run, edge.state(came.at_s))
                edge.take_status(Status.read(payload), came)
                yield from self._tell_edge(edge, came.at_s)
                if (edge.run, edge.state(came.at_s)) != was:
                    yield from self._tell_beds(edge, came.at_s)
                    yield from self._tell_alarms(edge)
                    yield from self._tell_own(came.at_s)
            case ["roster"]:
                edge.take_roster(RosterMessage.read(payload))
                yield from self._changed(("edge", edge.name, "roster"), "edge", edge=edge.name, roster=edge.roster)
                yield from self._drop_beds(edge)
                yield from self._tell_edge(edge, came.at_s)
                yield from self._tell_beds(edge, came.at_s)
            case ["self-check"]:
                edge.take_self_check(SelfCheckMessage.read(payload))
                where = ("edge", edge.name, "self-check")
                yield from self._changed(where, "edge", edge=edge.name, self_check=edge.self_check)
            case ["snapshot"]:
                yield from self._take_snapshot(edge, _same(bed, SnapshotMessage.read(payload)), came)
            case ["therapy"]:
                edge.take_therapy(_same(bed, TherapyMessage.read(payload)))
                part = ("bed", edge.name, bed, "therapy")
                yield from self._changed(part, "bed", edge=edge.name, bed=bed, therapy=edge.therapies[bed])
            case ["alarms"]:
                yield from self._take_index(edge, _same(bed, AlarmIndexMessage.read(payload)), came)
            case ["alarm", named]:
                alarm = _same(bed, AlarmMessage.read(payload))
                if alarm.key != named:
                    raise ValueError(f"the alarm of the topic is {named}, and of the message {alarm.key}")
                edge.take_alarm(alarm)
                yield from self._tell_alarms(edge)
                yield from self._tell_doubt(edge, bed, came.at_s)

    def _take_snapshot(self, edge: Edge, snapshot: SnapshotMessage, came: Came) -> Iterator[Change]:
        bed, was = snapshot.bed, edge.state(came.at_s)
        edge.take_snapshot(snapshot, came)
        key, taken_at_s = ("bed", edge.name, bed, "snapshot"), edge.snapshots[bed][1]
        yield from self._changed(key, "bed", edge=edge.name, bed=bed, taken_at_s=taken_at_s, snapshot=snapshot)
        if edge.state(came.at_s) != was:  # it proves that the edge ran a moment ago
            yield from self._tell_edge(edge, came.at_s)
            yield from self._tell_beds(edge, came.at_s)

    def _take_index(self, edge: Edge, index: AlarmIndexMessage, came: Came) -> Iterator[Change]:
        edge.take_index(index)
        yield from self._tell_alarms(edge)
        if index.bed:
            key = ("bed", edge.name, index.bed, "index")
            yield from self._changed(key, "bed", edge=edge.name, bed=index.bed, index=index)
        yield from self._tell_doubt(edge, index.bed, came.at_s)

    def broker(self, now_s: float, *, connected: bool) -> list[Change]:
        """Note that the broker came or went; return what changed by it."""
        if connected == self.connected:
            return []
        self.connected = connected
        self.watch.broker(now_s, connected=connected)
        for edge in self.edges.values():
            (edge.connected if connected else edge.disconnected)(now_s)
        return self._judge(now_s, list(self.edges.values()))

    def tick(self, now_s: float) -> list[Change]:
        """Judge absence; to be called every second. Return what changed by it."""
        other = [edge for edge in self.edges.values() if self._since.get(edge.name, ("", 0.0))[0] != edge.state(now_s)]
        return self._judge(now_s, other)

    def _judge(self, now_s: float, edges: Sequence[Edge]) -> list[Change]:
        found: list[Change] = []
        for edge in edges:
            found += self._tell_edge(edge, now_s)
            found += self._tell_beds(edge, now_s)
        found += self._tell_own(now_s)
        return found

    def silence(self, key: str, rev: int, by: str, now_s: float) -> list[Change] | None:
        """Silence an alarm of the station; ``None`` if it is over, or another than was painted."""
        return list(self._tell_own(now_s)) if self.watch.silence(key, rev, by, now_s) else None

    def _tell_edge(self, edge: Edge, now_s: float) -> Iterator[Change]:
        state = edge.state(now_s)
        if self._since.get(edge.name, ("", 0.0))[0] != state:
            self._since[edge.name] = (state, now_s)
        yield from self._changed(
            ("edge", edge.name, "state"),
            "edge",
            edge=edge.name,
            state=state,
            since_s=self._since[edge.name][1],
            heard_at_s=edge.heard_at_s,
            clock_offset_s=edge.clock_offset_s(),
            status=edge.status,
        )
        yield from self._tell_doubt(edge, "", now_s)

    def _tell_beds(self, edge: Edge, now_s: float) -> Iterator[Change]:
        for number, bed in enumerate(edge.beds()):
            place = (list(self.edges).index(edge.name), number)
            key = ("bed", edge.name, bed, "place")
            yield from self._changed(key, "bed", edge=edge.name, bed=bed, label=edge.label(bed), place=place)
            yield from self._tell_doubt(edge, bed, now_s)

    def _tell_doubt(self, edge: Edge, bed: str, now_s: float) -> Iterator[Change]:
        doubt = edge.doubt(bed, now_s)
        if bed:
            yield from self._changed(("bed", edge.name, bed, "doubt"), "bed", edge=edge.name, bed=bed, doubt=doubt)
        else:
            yield from self._changed(("edge", edge.name, "doubt"), "edge", edge=edge.name, doubt=doubt)

    def _drop_beds(self, edge: Edge) -> Iterator[Change]:
        kept = set(edge.beds())
        told = {key[2] for key in self._told if key[:2] == ("bed", edge.name)}
        for bed in sorted(told - kept):
            yield from self._over(("bed", edge.name, bed), "bed_gone", {"edge": edge.name, "bed": bed})

    def _tell_alarms(self, edge: Edge) -> Iterator[Change]:
        present = {(edge.name, alarm.bed, alarm.key): alarm for alarm in edge.present()}
        for place, alarm in present.items():
            before = self._standing.get(place)
            if before is not None and before != alarm.occurrence:
                yield from self._alarm_over(place, before)
            self._standing[place] = alarm.occurrence
            yield from self._changed(("alarm", *place), "alarm", urgent=True, edge=edge.name, alarm=alarm)
        for place in [place for place in self._standing if place[0] == edge.name and place not in present]:
            yield from self._alarm_over(place, self._standing.pop(place))

    def _alarm_over(self, place: tuple[str, str, str], occurrence: str) -> Iterator[Change]:
        edge, bed, key = place
        told: dict[str, object] = {"edge": edge, "bed": bed, "key": key, "occurrence": occurrence}
        yield from self._over(("alarm", *place), "alarm_gone", told)

    def _tell_own(self, now_s: float) -> Iterator[Change]:
        seen = [
            Seen(
                edge.name,
                edge.state(now_s),
                tuple(
                    AboutBed(edge=edge.name, bed=bed, label=edge.label(bed), active=edge.active(bed))
                    for bed in edge.beds()
                ),
            )
            for edge in self.edges.values()
        ]
        standing = {alarm.key: alarm for alarm in self.watch.judge(now_s, seen)}
        for name, alarm in standing.items():
            yield from self._text(("station_alarm", name), "station_alarm", alarm.model_dump_json(), urgent=True)
        for key in [key for key in self._told if key[0] == "station_alarm" and key[1] not in standing]:
            yield from self._over(key, "station_alarm_gone", {"key": key[1]})

    def _over(self, key: Key, event: str, told: dict[str, object]) -> Iterator[Change]:
        for known in [known for known in self._told if known[: len(key)] == key]:
            del self._told[known]
        yield Change(key, event, _data(told), urgent=True, over=True)

    def _changed(self, key: Key, event: str, *, urgent: bool = False, **told: object) -> Iterator[Change]:
        yield from self._text(key, event, _data(told), urgent=urgent)

    def _text(self, key: Key, event: str, data: str, *, urgent: bool) -> Iterator[Change]:
        if self._told.get(key) != data:
            self._told[key] = data
            yield Change(key, event, data, urgent)


def _same(bed: str, message: OfBed) -> OfBed:
    """Hold the bed of the topic against that of the message. Raises ValueError."""
    if message.bed != bed:
        raise ValueError(f"the bed of the topic is {bed!r}, and of the message {message.bed!r}")
    return message


def _data(told: dict[str, object]) -> str:
    """Join the texts of an event's parts; messages are written as their models write them, numbers as text."""
    return "{" + ",".join(f'"{name}":{_part(value)}' for name, value in told.items()) + "}"


def _part(value: object) -> str:
    if isinstance(value, Message):
        return value.model_dump_json(by_alias=True)
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
