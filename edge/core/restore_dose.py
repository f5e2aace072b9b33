"""A pump channel's dose as it was kept, taken up again."""

from __future__ import annotations

from dataclasses import replace

from drivers.model import InfusionState
from edge.core.channel_dose import Bolus, ChannelDose
from edge.core.delivered import Account, Delivery, Flow, Sample
from edge.core.kept_dose import KeptBolus, KeptDose
from edge.core.line import PumpFlush
from edge.core.model import Instant
from edge.core.pump_counter import ZERO, PumpCounter

DOWNTIME_UNKNOWN_S = 3600.0
"""Where nobody knows how long the edge was off, a pump that went on unproved is taken to have run for an hour."""


def restored(kept: KeptDose, now: Instant, *, here: bool) -> ChannelDose:
    """Return the channel as it was kept: the time since is a gap, bridged by what the pump then shows."""
    if not here or kept.at.mono_s > now.mono_s:
        # A clock that went back was wrong once, whatever it says of itself (H-14): no time at all would be the least.
        known = kept.at.synchronised and now.synchronised and now.wall_s >= kept.at.wall_s
        downtime_s = now.wall_s - kept.at.wall_s if known else DOWNTIME_UNKNOWN_S
        by_s = now.mono_s - downtime_s - kept.at.mono_s
    else:
        by_s = 0.0
    sampled_s, changed_s = kept.sampled.mono_s + by_s, kept.changed.mono_s + by_s
    runs = kept.bolus is not None and kept.bolus.runs
    state = InfusionState.STOPPED if kept.stands else InfusionState.BOLUS if runs else InfusionState.INFUSING
    flow = Flow(ZERO, kept.flow_ml_per_h)
    last = Sample(sampled_s, state, flow, kept.counter, kept.serial_number)
    account = Account(kept.concentration_mg_per_ml, past=kept.given, given=kept.given, infusing_s=kept.infusing_s)
    return ChannelDose(
        delivery=Delivery(PumpCounter(kept.counter, changed_s), last, interrupted=True),
        account=account,
        session=kept.session,
        case=kept.case,
        drug=kept.drug,
        before_mg=kept.before_mg,
        earlier=kept.earlier,
        stood_from_s=None if kept.stood is None else kept.stood.mono_s + by_s,
        changing=kept.changing,
        opened=kept.opened,
        left_ml=kept.left_ml,
        changed_from=kept.changed_from,
        unordered=kept.unordered,
        line=kept.line,
        flush=None if kept.flush is None else _later(kept.flush, by_s),
        bolus=None if kept.bolus is None else _restored_bolus(kept.bolus, kept.at, now, here=here),
        kept_at_s=now.mono_s,
    )


def _later(flush: PumpFlush, by_s: float) -> PumpFlush:
    return replace(flush, until=replace(flush.until, mono_s=flush.until.mono_s + by_s))


def _restored_bolus(kept: KeptBolus, at: Instant, now: Instant, *, here: bool) -> Bolus:
    """Return a bolus as it was; after another boot of the kernel the time between is no credit."""
    of_this_clock = here and at.mono_s <= now.mono_s
    until_s = kept.until.mono_s if of_this_clock else now.mono_s - (at.mono_s - kept.until.mono_s)
    return Bolus(kept.volume_ml, kept.step_ml, until_s, kept.runs)
