"""An alarm as a message, and a message of one read back."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from edge.clock import rfc3339
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
from edge.messages.alarms import (
    AcceptanceMessage,
    AcknowledgementMessage,
    AlarmMessage,
    DeliveryMessage,
    LimitPassedMessage,
    SaidMessage,
    SilenceMessage,
)
from edge.messages.base import Message, Stamp
from edge.wire_fields import by_name, maybe_stamp, priority, stamp

COUNT_MAX = 2**31
"""A revision a second for sixty years."""

PAYLOAD_MAX = 64 * 1024
"""An alarm that lists the pumps of a whole rack stays far below."""

_M = TypeVar("_M", bound=Message)


def alarm_message(alarm: Alarm, run: str) -> AlarmMessage:
    """Return an alarm as the run ``run`` tells it. Raises ``ValueError`` where it breaks the contract."""
    return by_name(
        AlarmMessage,
        alarm,
        run=run,
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
