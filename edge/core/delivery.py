"""The delivery machine: how far an alarm has come, and who goes.

Laws:
  * The broker's word is no proof of a listener; a page's receipt is. One required page that is in view and audible is
    enough.
  * Who accepts stops the escalation; who only acknowledges does not.
  * What makes noise again begins again: neither receipt nor acceptance of the earlier noise counts for it. Its level
    falls to 1 only if somebody had accepted.
  * An alarm for the technician stays at level 1. What does not sound yet, and what is over, does not escalate.

    id      from                              when                                               to
    SM-D1   queued                            the broker took the revision                       broker_ack
    SM-D2   queued, broker_ack, undelivered   a receipt shows it, on an audible page             displayed
    SM-D3   queued, broker_ack                not shown in time, though a station is required    undelivered
    SM-D4   any                               accepted by a person                               accepted
    SM-D5   any but accepted                  nobody accepts for the time of the next level      (level + 1)
    SM-D6   any                               it makes noise again                               queued
"""

from __future__ import annotations

from dataclasses import replace

from edge.core.model import Alarm, Audience, Delivery, DeliveryState, Instant, Priority, SignalPresence, SilenceReason

ESCALATE_S = {Priority.HIGH: (60.0, 120.0), Priority.MEDIUM: (180.0, 360.0), Priority.LOW: (900.0,)}
"""After so long without acceptance an alarm goes to level 2 and to level 3."""

DISPLAY_S = {Priority.HIGH: 5.0, Priority.MEDIUM: 10.0, Priority.LOW: 60.0}
"""After so long without a receipt an alarm counts as undelivered."""

_ON_THE_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.BROKER_ACK})
_HELD = frozenset(
    {SilenceReason.AWAITING_REPEAT, SilenceReason.OFF_MONITOR, SilenceReason.AT_DEVICE, SilenceReason.SERVICE}
)


def taken(delivery: Delivery, rev: int, now: Instant) -> Delivery | None:
    """Note that the broker has a revision (SM-D1); ``None`` if that changes nothing."""
    if delivery.state is not DeliveryState.QUEUED or rev < delivery.noise_rev:
        return None
    return replace(delivery, state=DeliveryState.BROKER_ACK, broker_ack=now)


def displayed(delivery: Delivery, rev: int, station: str, now: Instant) -> Delivery | None:
    """Note that a page shows a revision (SM-D2); ``None`` if that changes nothing."""
    if delivery.displayed is not None or rev < delivery.noise_rev:
        return None
    on_the_way = delivery.state is not DeliveryState.ACCEPTED
    state = DeliveryState.DISPLAYED if on_the_way else delivery.state
    return replace(delivery, state=state, displayed=now, displayed_by=station)


def accepted(delivery: Delivery) -> Delivery:
    """Note that somebody goes (SM-D4)."""
    return replace(delivery, state=DeliveryState.ACCEPTED)


def escalates(alarm: Alarm) -> bool:
    """Tell whether an alarm goes up as long as nobody accepts it."""
    return (
        alarm.present
        and alarm.signal is not SignalPresence.OFF
        and alarm.acceptance is None
        and alarm.audience is Audience.NURSE
        and (alarm.silence is None or alarm.silence.reason not in _HELD)
    )


def next_level_at_s(alarm: Alarm) -> float | None:
    """Return when an alarm goes up a level (SM-D5), ``None``: never."""
    steps = ESCALATE_S[alarm.priority]
    level = alarm.delivery.level
    if not escalates(alarm) or level > len(steps):
        return None
    return alarm.delivery.unattended_s + steps[level - 1]


def undelivered_at_s(alarm: Alarm, watched_since_s: float | None) -> float | None:
    """Return when an alarm counts as undelivered (SM-D3), ``None``: it does already, or it was displayed.

    ``watched_since_s`` is since when a required station can be reached, ``None``: none can.
    """
    published = alarm.delivery.published
    if alarm.delivery.state not in _ON_THE_WAY or published is None or watched_since_s is None:
        return None
    return max(published.mono_s, watched_since_s) + DISPLAY_S[alarm.priority]
