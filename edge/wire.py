"""From the core's words to the messages of the MQTT contract: the content, its topic, its lane, how long it lasts.

The laws that decide here:
  * Noise first, quiet last: an onset travels in the lane of its priority, the end of an alarm in the lowest alarm lane.
  * What tells a nurse that something is wrong is encoded at once, so that it is sent exactly as it was decided. A
    snapshot is encoded when it is sent, since most are replaced by a newer one before.
  * Only what must not be believed for long expires: a snapshot and the self-check. An alarm never does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import Literal, TypeVar, assert_never

from pydantic import TypeAdapter

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
from edge.core.kept_dose import KeptDose
from edge.core.model import (
    Acceptance,
    Acknowledgement,
    Alarm,
    AlarmKey,
    AlarmKind,
    Audience,
    Instant,
    LimitPassed,
    Priority,
    Said,
    Side,
    SignalPresence,
    Silence,
)
from edge.core.therapy_state import (
    CASE,
    DAY,
    DOSE,
    SERVICE,
    STEPS,
    THERAPY,
    Case,
    Kept,
    KeptService,
    KeptSteps,
    KeptTherapy,
    kind_of,
)
from edge.core.totals import DayDose
from edge.messages.alarms import (
    AcceptanceMessage,
    AcknowledgementMessage,
    AlarmIndexMessage,
    AlarmMessage,
    DeliveryMessage,
    IndexEntry,
    InhibitedMessage,
    LimitPassedMessage,
    SaidMessage,
    SilenceMessage,
)
from edge.messages.base import Message, Stamp
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
from edge.wire_fields import by_name, maybe_stamp, priority, stamp
from edge.wire_therapy import therapy_message

COUNT_MAX = 2**31
"""A revision a second for sixty years."""

PAYLOAD_MAX = 64 * 1024
"""An alarm that lists the pumps of a whole rack stays far below."""

SELF_CHECK_EXPIRY_S = 30
"""Three beats of 10 s: one may be lost on the way, two are no accident."""


class Lane(IntEnum):
    """What goes before what, both when the truth is asserted anew and while all is well; smaller goes first."""

    STATUS = 0
    ROSTER = 1
    SELF_CHECK = 2
    ALARM_HIGH = 3
    ALARM_MEDIUM = 4
    ALARM_LOW = 5
    INDEX = 6
    RESPONSE = 7
    THERAPY = 8
    SNAPSHOT = 9
    JOURNAL = 10
    EVENT = 11

    @property
    def urgent(self) -> bool:
        """Whether it goes before every event and all telemetry."""
        return self <= Lane.RESPONSE


@dataclass(frozen=True, slots=True)
class AlarmRevision:
    """Which revision of which alarm a message carries, so that its way can be told."""

    key: AlarmKey
    occurrence: str
    rev: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to be sent with QoS 1.

    ``payload`` is the bytes, or makes them when the message is sent. ``expiry_s`` counts from when it is handed over,
    ``None``: never. ``then_empty``: once the broker has it, its retained topic is emptied. ``alarm`` is what it
    carries of an alarm.
    """

    topic: str
    payload: bytes | Callable[[], bytes]
    lane: Lane
    retain: bool = True
    expiry_s: int | None = None
    then_empty: bool = False
    alarm: AlarmRevision | None = None


_ALARM_LANES = {
    Priority.HIGH: Lane.ALARM_HIGH,
    Priority.MEDIUM: Lane.ALARM_MEDIUM,
    Priority.LOW: Lane.ALARM_LOW,
}
_STORED_ALARM = TypeAdapter(Alarm)
_STORED_ANSWER = TypeAdapter(Answer)
_STORED_PARTS: dict[str, TypeAdapter[Kept]] = {
    THERAPY: TypeAdapter(KeptTherapy),
    CASE: TypeAdapter(Case),
    STEPS: TypeAdapter(KeptSteps),
    DOSE: TypeAdapter(KeptDose),
    DAY: TypeAdapter(DayDose),
    SERVICE: TypeAdapter(KeptService),
}

_M = TypeVar("_M", bound=Message)


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
        message = by_name(EventMessage, event, run=self._run, at=stamp(event.at), alarm=self._alarm(event.alarm))
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

    def _alarm(self, alarm: Alarm) -> AlarmMessage:
        return by_name(
            AlarmMessage,
            alarm,
            run=self._run,
            key=alarm.key.name,
            condition=alarm.key.condition,
            bed=alarm.key.bed,
            port=alarm.key.port,
            channel=alarm.key.channel,
            priority=priority(alarm.priority),
            onset=stamp(alarm.onset),
            changed=stamp(alarm.changed),
            evidence=dict(alarm.evidence),
            event_at=maybe_stamp(alarm.event_at),
            acknowledgement=_person(AcknowledgementMessage, alarm.acknowledgement),
            acceptance=_person(AcceptanceMessage, alarm.acceptance),
            silence=_silence(alarm.silence),
            now=_said(alarm.now),
            delivery=by_name(
                DeliveryMessage,
                alarm.delivery,
                published=maybe_stamp(alarm.delivery.published),
                broker_ack=maybe_stamp(alarm.delivery.broker_ack),
                displayed=maybe_stamp(alarm.delivery.displayed),
            ),
        )

    def _alarm_outgoing(self, alarm: Alarm, lane: Lane, *, then_empty: bool = False) -> Outgoing:
        topic = self._topics.alarm(alarm.key.bed, alarm.key.name)
        revision = AlarmRevision(alarm.key, alarm.occurrence, alarm.rev)
        return Outgoing(topic, _json(self._alarm(alarm)), lane, then_empty=then_empty, alarm=revision)

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


def alarm_body(alarm: Alarm, boot: str = "") -> str:
    """An alarm as the store keeps it: exact, unlike the message, whose wall times are rounded labels.

    ``boot`` is the kernel's boot whose clock its times are of.
    """
    return _of_boot(_STORED_ALARM.dump_json(alarm).decode(), boot)


def _of_boot(body: str, boot: str) -> str:
    return f'{{"boot": {json.dumps(boot)}, {body[1:]}' if boot else body


def kept_body(part: str, kept: Kept, boot: str = "") -> str:
    """A part of a therapy as the store keeps it; ``boot`` as for an alarm."""
    return _of_boot(_STORED_PARTS[kind_of(part)].dump_json(kept).decode(), boot)


def kept_from_body(part: str, body: str) -> Kept:
    """Read what `kept_body` wrote. Raises ``ValueError`` if it is no such part."""
    reader = _STORED_PARTS.get(kind_of(part))
    if reader is None:
        raise ValueError(f"this version knows no part {part} of a therapy")
    return reader.validate_json(body)


def boot_of(body: str) -> str:
    """The kernel's boot of what `alarm_body` wrote, empty where that is not known."""
    try:
        found = json.loads(body).get("boot", "")
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def alarm_from_body(body: str) -> Alarm:
    """Read what `alarm_body` wrote; fields that a later version added are ignored, at every depth.

    Raises ``ValueError`` if it is no alarm.
    """
    return _STORED_ALARM.validate_json(body)


def answer_body(answer: Answer) -> str:
    """An answer as the store keeps it."""
    return _STORED_ANSWER.dump_json(answer).decode()


def answer_from_body(body: str) -> Answer:
    """Read what `answer_body` wrote. Raises ``ValueError`` if it is no answer."""
    return _STORED_ANSWER.validate_json(body)


def alarm_from_message(payload: bytes) -> Alarm:
    """Read an alarm that the broker still holds, of whatever run and version. Raises ``ValueError`` if it is none."""
    said = AlarmMessage.read(payload)
    key = AlarmKey(said.bed, said.condition, said.port, said.channel)
    if max(said.rev, said.returns) > COUNT_MAX or len(payload) > PAYLOAD_MAX:
        raise ValueError("it is larger than any alarm")
    if "." in said.condition or key.name != said.key:
        raise ValueError(f"its key {said.key} is not that of its condition and its channel")
    return Alarm(
        key=key,
        occurrence=said.occurrence,
        rev=said.rev,
        kind=AlarmKind(said.kind),
        audience=Audience(said.audience),
        priority=Priority[said.priority.upper()],
        band=said.band,
        present=said.present,
        verifiable=said.verifiable,
        signal=SignalPresence(said.signal),
        text=said.text,
        action=said.action,
        onset=_instant(said.onset),
        changed=_instant(said.changed),
        value=said.value,
        unit=said.unit,
        limit=_limit_from(said.limit),
        evidence=tuple(said.evidence.items()),
        latching=said.latching,
        returns=said.returns,
        now=_said_from(said.now),
    )


def _limit_from(said: LimitPassedMessage | None) -> LimitPassed | None:
    return None if said is None else LimitPassed(Side(said.side), said.band, said.value, said.origin)


def _said_from(said: SaidMessage | None) -> Said | None:
    if said is None:
        return None
    limit, evidence = _limit_from(said.limit), tuple(said.evidence.items())
    return Said(Priority[said.priority.upper()], said.band, said.text, said.value, said.unit, limit, evidence)


def _json(message: Message) -> bytes:
    return message.model_dump_json(by_alias=True).encode()


def _instant(at: Stamp) -> Instant:
    """A time of another run as a label: its monotonic part compares with nothing here."""
    wall_s = datetime.fromisoformat(at.wall).timestamp()
    rfc3339(wall_s)  # what cannot be written again is refused here
    return Instant(at.mono_s, wall_s, at.synchronised)


def _person(kind: type[_M], said: Acknowledgement | Acceptance | None) -> _M | None:
    if said is None:
        return None
    until = {"until_mono_s": said.until_s} if isinstance(said, Acknowledgement) else {}
    return kind.model_validate({"by": said.by, "at": stamp(said.at), **until})


def _said(now: Said | None) -> SaidMessage | None:
    if now is None:
        return None
    return by_name(SaidMessage, now, priority=priority(now.priority), evidence=dict(now.evidence))


def _silence(silence: Silence | None) -> SilenceMessage | None:
    return None if silence is None else by_name(SilenceMessage, silence, until_mono_s=silence.until_s)


def _device(device: DeviceView) -> Device:
    identities = tuple(
        DeviceIdentity.model_validate({"channel": channel, "serial_number": serial, "model": model, "state": state})
        for channel, serial, model, state in device.identities
    )
    return by_name(Device, device, identities=identities)


def _roster_bed(bed: str, label: str, bindings: Sequence[tuple[str, str, str]]) -> RosterBed:
    given = [{"port": port, "channel": channel, "role": role} for port, channel, role in bindings]
    return RosterBed(bed=bed, label=label, bindings=tuple(BindingMessage.model_validate(one) for one in given))
