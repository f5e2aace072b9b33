"""Alarms of the run before that only the broker still knew: taken up, and made one with what the store kept of them."""

from __future__ import annotations

from dataclasses import replace

from edge.core.catalogue import entry_of
from edge.core.condition import ConditionState
from edge.core.inactivation import service_silence
from edge.core.ledger import Ledger
from edge.core.model import Alarm, Phase, Priority, SignalPresence


def adopt(ledger: Ledger, alarm: Alarm, *, shown: bool = True) -> bool:
    """Take up an alarm that only the broker still knew; return whether there is still something to it.

    ``shown``: readers see it under its name, and go on seeing it so; a store that was read late shows nobody
    anything.
    """
    state = ledger.state
    device = entry_of(alarm.key.condition).device
    alarm = replace(alarm, silence=service_silence(state.pauses_in_force(), alarm, device=device))
    kept, merged = state.standing.get(alarm.key), False
    if kept is not None:
        # Readers know it by the name that they see; what this run says of its own occurrences is the newer word.
        of_this_run = alarm.occurrence.startswith(f"{state.run}-")
        renames = shown and not of_this_run and alarm.occurrence != kept.occurrence
        louder = any(had < found for had, found in zip(_loud(kept), _loud(alarm), strict=True))
        if not (louder or renames):
            return False
        merged = not louder
        alarm = _as_one(ledger, kept, alarm, louder=louder, renames=renames)
    else:
        alarm = replace(alarm, onset=alarm.onset.on_clock_of(ledger.now))
    condition = state.conditions.get(alarm.key.bed, {}).get(alarm.key)
    over = condition is not None and condition.state is ConditionState.NORMAL
    latched = alarm.signal is SignalPresence.LATCHED or (over and alarm.latching)
    if over and not latched:
        return False  # judged since the start, on valid input, and not so
    if condition is not None and not (latched or merged):
        state.conditions[alarm.key.bed].pop(alarm.key)
    # What was to latch until somebody had seen it stands until then, though it is over.
    adopted = replace(
        alarm,
        present=not latched,
        verifiable=latched or (merged and alarm.verifiable),
        signal=SignalPresence.LATCHED if latched else SignalPresence.ON,
    )
    if kept is not None and kept.occurrence != adopted.occurrence:
        of = {"bed": kept.key.bed, "key": kept.key.name, "occurrence": kept.occurrence}
        ledger.journal("alarm goes on as", **of, name=adopted.occurrence)
    ledger.tell(adopted, Phase.ADOPT)
    return True


def _as_one(ledger: Ledger, kept: Alarm, found: Alarm, *, louder: bool, renames: bool) -> Alarm:
    """Return the one alarm that what stands and what readers see are: one condition is one alarm to them."""
    # What is louder than what the store kept was published, and not committed before the end.
    worse = found if louder and found.priority >= kept.priority else kept
    alarm = replace(
        worse,
        occurrence=kept.occurrence,
        rev=max(kept.rev, found.rev),
        onset=kept.onset,
        delivery=kept.delivery,
    )
    if renames:
        alarm = replace(alarm, occurrence=found.occurrence, onset=found.onset.on_clock_of(ledger.now))
    if kept.present and alarm.signal is SignalPresence.LATCHED:
        alarm = replace(alarm, signal=SignalPresence.ON)  # an end that nobody kept ends nothing
    return alarm


def _loud(alarm: Alarm) -> tuple[Priority, int, bool, bool]:
    is_now = alarm.priority if alarm.now is None else alarm.now.priority
    # What stands latched is not so now, whatever it says.
    return alarm.priority, is_now if alarm.present else 0, alarm.present, alarm.audible
