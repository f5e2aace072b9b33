"""The state that a run begins with, and what it takes over from the run before.

Laws:
  * What stood still stands, and is not verifiable until its input is heard. It is not announced as new.
  * Within one boot of the kernel the monotonic clock went on: the outage counts, and acknowledgements resume.
  * After another boot of the kernel the downtime is the difference of the wall clocks, if both were synchronised, and
    else unknown. Either way acknowledgements and acceptances end, and no alarm is credited with the time between.
  * Pauses end with the process (law 13); a soft cuff pressure goes on waiting for its repeat.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge.core import restore_therapy
from edge.core.config import CoreConfig
from edge.core.effects import Answer
from edge.core.identity import identity_of
from edge.core.ledger import AlarmState
from edge.core.model import Acknowledgement, Alarm, Delivery, DeliveryState, Instant, Silence, SilenceReason
from edge.core.sources import PortState, SourceState
from edge.core.state import CoreState
from edge.core.therapy_state import KeptPart
from edge.core.usual import Usual
from edge.core.view import BedState


def initial_state(
    config: CoreConfig,
    run: str,
    now: Instant,
    alarms: Iterable[Alarm] = (),
    *,
    of_other_boots: Iterable[Alarm] = (),
    answers: Iterable[Answer] = (),
    therapy: Iterable[KeptPart] = (),
) -> CoreState:
    """Make the state of a new run from what the store kept: alarms of this boot of the kernel, and of earlier ones."""
    sources = {
        (binding.port, binding.channel): SourceState(binding.port, binding.channel, identity=identity_of(binding))
        for bed in config.beds
        for binding in (*bed.pumps, *bed.monitors)
    }
    elsewhere = [_rebased(alarm, now) for alarm in of_other_boots]
    here = [alarm if _is_past(alarm, now) else _rebased(alarm, now) for alarm in alarms]
    standing = {alarm.key: _resumed(alarm, now) for alarm in (*elsewhere, *here)}
    state = CoreState(
        started_at_s=now.mono_s,
        alarms=AlarmState(
            run,
            standing=standing,
            published=dict(standing),
            answers={(answer.station, answer.request_id): answer for answer in answers},
        ),
        # Who was there before, and until when, is not known any more.
        beds={bed.bed: BedState(usual=Usual(now.mono_s)) for bed in config.beds},
        ports={port.port: PortState(port.round_s) for port in config.ports},
        sources=sources,
        # The configuration says where a device was last seen, until it is seen itself.
        seen_at={source.identity.known: place for place, source in sources.items() if source.identity.known},
    )
    restore_therapy.restore(state, config, therapy, now)
    return state


def _is_past(alarm: Alarm, now: Instant) -> bool:
    """Tell whether an alarm's times can be of this boot's clock: whatever is kept was written before."""
    return max(alarm.onset.mono_s, alarm.changed.mono_s, alarm.delivery.unattended_s) <= now.mono_s


def _resumed(alarm: Alarm, now: Instant) -> Alarm:
    silence = alarm.silence
    if silence is not None and silence.reason is not SilenceReason.AWAITING_REPEAT:
        silence = replace(silence, until_s=now.mono_s)
    # It is published anew with this run, and its way to a screen, if it was not yet there, is timed from now.
    delivery = replace(alarm.delivery, published=now)
    if delivery.state is DeliveryState.UNDELIVERED:
        delivery = replace(delivery, state=DeliveryState.QUEUED)
    return replace(alarm, rev=alarm.rev + 1, verifiable=not alarm.present, silence=silence, delivery=delivery)


def _rebased(alarm: Alarm, now: Instant) -> Alarm:
    """Move an alarm's times to the monotonic clock of this boot; an acknowledgement ends now."""
    held: Acknowledgement | None = alarm.acknowledgement
    if held is not None:
        held = replace(held, at=held.at.on_clock_of(now), until_s=now.mono_s)
    silence: Silence | None = alarm.silence
    if silence is not None:
        silence = replace(silence, until_s=now.mono_s)
    return replace(
        alarm,
        onset=alarm.onset.on_clock_of(now),
        changed=alarm.changed.on_clock_of(now),
        event_at=None if alarm.event_at is None else alarm.event_at.on_clock_of(now),
        acknowledgement=held,
        acceptance=None,
        silence=silence,
        delivery=Delivery(level=alarm.delivery.level, unattended_s=now.mono_s, noise_rev=alarm.delivery.noise_rev),
    )
