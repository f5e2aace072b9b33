"""From the core's words to the messages of the MQTT contract: the content, its topic, its lane, how long it lasts.

The laws that decide here:
  * Noise first, quiet last: an onset travels in the lane of its priority, the end of an alarm in the lowest alarm lane.
  * What tells a nurse that something is wrong is encoded at once, so that it is sent exactly as it was decided. A
    snapshot is encoded when it is sent, since most are replaced by a newer one before.
  * Only what must not be believed for long expires: a snapshot and the self-check. An alarm never does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, assert_never

from edge.clock import rfc3339
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Answer,
    BedSnapshot,
    Content,
    DeviceView,
    Event,
    Heartbeat,
    Roster,
    SelfCheck,
    TherapyView,
)
from edge.core.model import Alarm, Instant, Priority
from edge.messages.alarms import AlarmIndexMessage, IndexEntry, InhibitedMessage
from edge.messages.base import Message
from edge.messages.events import EventMessage, FenceMessage, JournalHeadMessage, ResponseMessage
from edge.messages.states import (
    BindingMessage,
    Device,
    DeviceIdentity,
    RosterBed,
    RosterMessage,
    SelfCheckMessage,
    SnapshotMessage,
    Status,
)
from edge.messages.topics import Topics
from edge.outgoing import AlarmRevision, Lane, Outgoing
from edge.wire_alarms import alarm_message
from edge.wire_fields import by_name, priority, stamp
from edge.wire_therapy import therapy_message

SELF_CHECK_EXPIRY_S = 30
"""Three beats of 10 s: one may be lost on the way, two are no accident."""

_ALARM_LANES = {
    Priority.HIGH: Lane.ALARM_HIGH,
    Priority.MEDIUM: Lane.ALARM_MEDIUM,
    Priority.LOW: Lane.ALARM_LOW,
}


class Wire:
    """The encoder of one run of one edge.

    ``outbox_depth`` says how many events wait to be sent, ``disk_free_mb`` how much room the disk has.
    ``previous_run`` and ``previous_event_seq`` name the last committed event of the run before, empty and 0 without
    one, so that a lost tail of the history shows.
    """

    def __init__(
        self,
        topics: Topics,
        *,
        run: str,
        edge: str,
        version: str,
        previous_run: str,
        previous_event_seq: int,
        stations_required: Sequence[str],
        outbox_depth: Callable[[], int],
        disk_free_mb: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._topics = topics
        self._run = run
        self._edge = edge
        self._version = version
        self._previous_run = previous_run
        self._previous_event_seq = previous_event_seq
        self._stations_required = tuple(stations_required)
        self._outbox_depth = outbox_depth
        self._disk_free_mb = disk_free_mb

    def require(self, stations: Sequence[str]) -> None:
        """From now on these stations must show the alarms."""
        self._stations_required = tuple(stations)

    def continue_run(self, previous_run: str, previous_event_seq: int) -> None:
        """Name the last committed event of the run before, which could be read only now."""
        self._previous_run, self._previous_event_seq = previous_run, previous_event_seq

    def encode(self, content: Content, at: Instant) -> Outgoing:
        """Make the message of a content that the core published ``at``.

        Raises ``ValueError`` where the content breaks the contract; for a snapshot, when its payload is made.
        """
        match content:
            case AlarmChanged() | AlarmCleared() | AlarmIndex():
                outgoing = self._of_alarms(content)
            case BedSnapshot() | TherapyView():
                outgoing = self._of_bed(content, at)
            case Roster():
                outgoing = self._roster(content)
            case SelfCheck():
                outgoing = self._self_check(content)
            case Heartbeat():
                outgoing = self._status("running", content.at)
            case Event():
                topic, payload = self.event_row(content)
                outgoing = Outgoing(topic, payload, Lane.EVENT, retain=False)
            case Answer():
                outgoing = self._response(content)
            case _:
                assert_never(content)
        return outgoing

    def _of_bed(self, content: BedSnapshot | TherapyView, at: Instant) -> Outgoing:
        if isinstance(content, TherapyView):
            return self._therapy(content)
        return Outgoing(
            self._topics.snapshot(content.bed),
            partial(self._snapshot, content, at),
            Lane.SNAPSHOT,
            expiry_s=max(1, int(content.valid_for_s)),
        )

    def _of_alarms(self, content: AlarmChanged | AlarmCleared | AlarmIndex) -> Outgoing:
        match content:
            case AlarmChanged(alarm):
                return self._alarm_outgoing(alarm, _ALARM_LANES[alarm.priority])
            case AlarmCleared(alarm):
                return self._alarm_outgoing(alarm, Lane.ALARM_LOW, then_empty=True)
            case AlarmIndex():
                return self._index(content)

    def emptied(self, bed: str) -> tuple[Outgoing, ...]:
        """What empties the retained topics of a bed at which nothing stands and that is no more."""
        topics = self._topics
        return (
            Outgoing(topics.alarms(bed), b"", Lane.INDEX),
            Outgoing(topics.therapy(bed), b"", Lane.THERAPY),
            Outgoing(topics.snapshot(bed), b"", Lane.SNAPSHOT),
        )

    def will(self, at: Instant) -> Outgoing:
        """What the broker is to say if the connection that begins ``at`` is lost."""
        return self._status("lost", at)

    def fence(self) -> Outgoing:
        """The edge's own marker: what it hears before this comes back was retained."""
        return Outgoing(self._topics.fence, _json(FenceMessage(run=self._run)), Lane.STATUS, retain=False)

    def stopped(self, at: Instant) -> Outgoing:
        """The last word of a clean stop."""
        return self._status("stopped", at)

    def journal_head(self, row: int, row_hash: bytes, at: Instant) -> Outgoing:
        """Where the journal stands: its last row, and the hash of it."""
        message = JournalHeadMessage(run=self._run, row=row, hash=row_hash.hex(), at=stamp(at))
        return Outgoing(self._topics.journal, _json(message), Lane.JOURNAL)

    def event_row(self, event: Event) -> tuple[str, bytes]:
        """Topic and payload of an event, as the outbox keeps them."""
        message = by_name(
            EventMessage, event, run=self._run, at=stamp(event.at), alarm=alarm_message(event.alarm, self._run)
        )
        return self._topics.event, _json(message)

    def _status(self, state: Literal["running", "stopped", "lost"], at: Instant) -> Outgoing:
        message = Status(
            state=state,
            edge=self._edge,
            run=self._run,
            version=self._version,
            previous_run=self._previous_run,
            previous_event_seq=self._previous_event_seq,
            mono_s=at.mono_s,
            wall=rfc3339(at.wall_s),
            synchronised=at.synchronised,
        )
        return Outgoing(self._topics.status, _json(message), Lane.STATUS)

    def _alarm_outgoing(self, alarm: Alarm, lane: Lane, *, then_empty: bool = False) -> Outgoing:
        topic = self._topics.alarm(alarm.key.bed, alarm.key.name)
        revision = AlarmRevision(alarm.key, alarm.occurrence, alarm.rev)
        return Outgoing(topic, _json(alarm_message(alarm, self._run)), lane, then_empty=then_empty, alarm=revision)

    def _index(self, index: AlarmIndex) -> Outgoing:
        entries = tuple(
            by_name(IndexEntry, alarm, key=alarm.key.name, priority=priority(alarm.priority)) for alarm in index.alarms
        )
        inhibited = tuple(InhibitedMessage(key=key, by=by) for key, by in index.inhibited)
        message = AlarmIndexMessage(run=self._run, bed=index.bed, alarms=entries, inhibited=inhibited)
        # After every alarm that waits, so that it names none that was not published.
        return Outgoing(self._topics.alarms(index.bed), _json(message), Lane.INDEX)

    def _snapshot(self, snapshot: BedSnapshot, at: Instant) -> bytes:
        return _json(by_name(SnapshotMessage, snapshot, run=self._run, at=stamp(at)))

    def _therapy(self, therapy: TherapyView) -> Outgoing:
        message = therapy_message(therapy, self._run)
        return Outgoing(self._topics.therapy(therapy.bed), _json(message), Lane.THERAPY)

    def _response(self, answer: Answer) -> Outgoing:
        message = by_name(
            ResponseMessage,
            answer,
            run=self._run,
            result="done" if answer.done else "refused",
            at=stamp(answer.at),
        )
        return Outgoing(self._topics.response(answer.station), _json(message), Lane.RESPONSE, retain=False)

    def _roster(self, roster: Roster) -> Outgoing:
        message = RosterMessage(
            run=self._run,
            beds=tuple(_roster_bed(*bed) for bed in roster.beds),
            devices=tuple(_device(device) for device in roster.devices),
            stations_required=self._stations_required,
        )
        return Outgoing(self._topics.roster, _json(message), Lane.ROSTER)

    def _self_check(self, check: SelfCheck) -> Outgoing:
        high, medium, low = check.alarms_present
        message = SelfCheckMessage(
            run=self._run,
            count=check.count,
            at=stamp(check.at),
            devices=tuple(_device(device) for device in check.devices),
            outbox_depth=self._outbox_depth(),
            receipts="on" if self._stations_required else "off",
            alarms_high=high,
            alarms_medium=medium,
            alarms_low=low,
            store=check.store,
            disk_free_mb=self._disk_free_mb(),
        )
        return Outgoing(self._topics.self_check, _json(message), Lane.SELF_CHECK, expiry_s=SELF_CHECK_EXPIRY_S)


def _json(message: Message) -> bytes:
    return message.model_dump_json(by_alias=True).encode()


def _device(device: DeviceView) -> Device:
    identities = tuple(
        DeviceIdentity.model_validate({"channel": channel, "serial_number": serial, "model": model, "state": state})
        for channel, serial, model, state in device.identities
    )
    return by_name(Device, device, identities=identities)


def _roster_bed(bed: str, label: str, bindings: Sequence[tuple[str, str, str]]) -> RosterBed:
    given = [{"port": port, "channel": channel, "role": role} for port, channel, role in bindings]
    return RosterBed(bed=bed, label=label, bindings=tuple(BindingMessage.model_validate(one) for one in given))
