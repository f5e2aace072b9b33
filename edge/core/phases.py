"""Where the therapy of a bed is, and what is due there.

| from | when | to |
|---|---|---|
| none | a patient is started | setup |
| setup | a baseline, or an order, is confirmed | baseline |
| any but recovery | drug flows from a channel that is neither a carrier nor unsupervised | infusing |
| infusing | no such channel delivers any more | stopped |
| stopped | nothing flowed for `STOPPED_MAX_S`, or a nurse says that it is over | recovery |
| recovery | an order is confirmed | baseline |
| any | a nurse closes the therapy | none |

Laws:
  * A pump that was not heard since the start has neither begun nor stopped anything (law 2).
  * Recovery counts from when the flow ceased. Flow in it is an alarm, and ends it only by an order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edge.core import readiness, settling, syringe
from edge.core.config import Binding
from edge.core.effects import Prompt, PromptKind
from edge.core.model import Instant
from edge.core.therapy import ChannelRole, TherapyPhase
from edge.core.therapy_state import CONFIRM_WITHIN_S, TherapyState
from edge.core.view import BedView

STOPPED_MAX_S = 600.0
"""A syringe is changed within ten minutes, and a patient who walked is back: a longer pause is the end."""

RECOVERY_S = 3600.0
"""Recovery takes an hour (design, section 8)."""

RECOVERY_LONGER = 1.5
"""Without an order that says how long, an inhibitor of CYP3A4 makes it so much longer (design, section 8)."""

FIRST_HOUR_S = 3600.0
ROUND_S = 15 * 60.0
"""A round each quarter of the first hour,"""

LATER_ROUND_S = 30 * 60.0
"""and then each half hour, as a ward's guideline has it, unless another interval is ordered."""

RECOVERY_ROUND_S = 30 * 60.0
"""Rounds of the recovery: at its begin, and each half hour."""

ROUND_EARLY_S = 600.0
"""A round that was made so shortly before it was due is that one."""

FREE = frozenset({TherapyPhase.SETUP, TherapyPhase.BASELINE, TherapyPhase.STOPPED})


def supervised(view: BedView) -> Iterator[Binding]:
    """Give the pump channels that are there for an order."""
    therapy = view.state.therapy
    for pump in view.config.pumps:
        if therapy.role(pump.port, pump.channel) is ChannelRole.ORDERED:
            yield pump


def flowing(view: BedView) -> bool | None:
    """Tell whether drug flows, as last seen; ``None`` while a channel with an order was not heard since the start."""
    known = True
    for pump in supervised(view):
        source = view.source(pump)
        if source.infusing:
            return True
        if source.infusion is None and view.order(pump) is not None:
            known = False
    return False if known else None


def advance(view: BedView, now: Instant) -> TherapyState | None:
    """Return the therapy in its next phase, ``None`` if it stays as it is."""
    therapy = view.state.therapy
    if therapy.patient is None:
        return None
    flow = flowing(view)
    phase = therapy.phase
    if flow and phase in FREE:
        begun = therapy.infusing_since or now
        return replace(
            therapy, phase=TherapyPhase.INFUSING, phase_since=now, infusing_since=begun, step=max(1, therapy.step)
        )
    if flow is False and phase is TherapyPhase.INFUSING:
        return replace(therapy, phase=TherapyPhase.STOPPED, phase_since=now, stopped_at=now)
    if flow is False and phase is TherapyPhase.STOPPED and now.mono_s >= _stopped_until_s(therapy):
        return recovering(therapy)
    live = tuple(one for one in therapy.awaiting if now.mono_s < one.placed.mono_s + CONFIRM_WITHIN_S)
    said = tuple(one for one in therapy.settling if now.mono_s < one.at.mono_s + CONFIRM_WITHIN_S)
    if (live, said) == (therapy.awaiting, therapy.settling):
        return None
    return replace(therapy, awaiting=live, settling=said)


def recovering(therapy: TherapyState) -> TherapyState:
    """Return the therapy in its recovery, which counts from when the flow ceased."""
    return replace(therapy, phase=TherapyPhase.RECOVERY, phase_since=therapy.stopped_at)


def due_s(view: BedView) -> float | None:
    """Return when time alone changes the phase next, or ends the waiting of an order."""
    therapy = view.state.therapy
    moments = [one.placed.mono_s + CONFIRM_WITHIN_S for one in therapy.awaiting]
    moments += [one.at.mono_s + CONFIRM_WITHIN_S for one in therapy.settling]
    if therapy.phase is TherapyPhase.STOPPED:
        moments.append(_stopped_until_s(therapy))
    return min(moments, default=None)


def _stopped_until_s(therapy: TherapyState) -> float:
    return (0.0 if therapy.stopped_at is None else therapy.stopped_at.mono_s) + STOPPED_MAX_S


def recovery_until_s(view: BedView) -> float | None:
    """Return when the recovery may end, ``None`` outside of it: as the drugs and the flags of its orders want."""
    therapy = view.state.therapy
    if therapy.phase is not TherapyPhase.RECOVERY or therapy.phase_since is None or therapy.patient is None:
        return None
    longer = therapy.patient.checklist.cyp3a4_inhibitor.cautious
    unordered_s = RECOVERY_S * (RECOVERY_LONGER if longer else 1)
    takes_s = max((dose.recovery_s for dose in view.limits().doses.values()), default=unordered_s)
    return therapy.phase_since.mono_s + takes_s


def round_due_s(view: BedView) -> float | None:
    """Return when the next observation round is due, ``None`` where none is."""
    therapy = view.state.therapy
    if therapy.patient is None or therapy.patient.demonstration:
        return None
    since = therapy.infusing_since
    last_s = therapy.rounds[-1].at.mono_s if therapy.rounds else None
    if therapy.phase is TherapyPhase.RECOVERY:
        return _recovery_round_s(view, last_s)
    if since is None or therapy.phase not in (TherapyPhase.INFUSING, TherapyPhase.STOPPED):
        return None
    from_s = since.mono_s if last_s is None else max(since.mono_s, last_s)
    if from_s < since.mono_s + FIRST_HOUR_S:
        return from_s + ROUND_S
    ordered = [order.round_interval_s for order in therapy.orders if order.round_interval_s is not None]
    return from_s + min(ordered, default=LATER_ROUND_S)


def _recovery_round_s(view: BedView, last_s: float | None) -> float | None:
    since, until_s = view.state.therapy.phase_since, recovery_until_s(view)
    if since is None or until_s is None:
        return None
    due_s = since.mono_s
    if last_s is not None and last_s >= due_s:
        due_s += (last_s + ROUND_EARLY_S - due_s) // RECOVERY_ROUND_S * RECOVERY_ROUND_S + RECOVERY_ROUND_S
    return due_s if due_s <= until_s else None


def prompts(view: BedView) -> tuple[Prompt, ...]:
    """Return what somebody is to do, and when it is due."""
    therapy = view.state.therapy
    found = [
        Prompt(PromptKind.CONFIRM_ORDER, one.placed.mono_s + CONFIRM_WITHIN_S, one.order.port, one.order.channel)
        for one in therapy.awaiting
    ]
    round_s, close_s = round_due_s(view), recovery_until_s(view)
    if round_s is not None:
        found.append(Prompt(PromptKind.ROUND, round_s))
    if close_s is not None:
        found.append(Prompt(PromptKind.CLOSE, close_s))
    found.extend(readiness.prompts(view))
    found.extend(syringe.prompts(view))
    found.extend(settling.prompts(view))
    return tuple(found)
