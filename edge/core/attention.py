"""What people do about alarms, and what time does when nobody does: acts, pauses, levels, receipts.

An act names the occurrence and the revision that its asker saw. It is carried out only if that occurrence stands, and
has made no new noise since: a late click must not silence what came after it (H-23).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from edge.core import delivery
from edge.core.catalogue import entry_of
from edge.core.condition import ConditionState
from edge.core.effects import PauseView
from edge.core.inactivation import PAUSE_LIMIT_S, Pause
from edge.core.inputs import AlarmTaken, Named, Receipt
from edge.core.ledger import Ledger, PauseKey
from edge.core.model import (
    Acceptance,
    Acknowledgement,
    Alarm,
    AlarmKey,
    DeliveryState,
    Phase,
    SignalPresence,
    SilenceReason,
)
from edge.core.signal import SignalEvent, after, silent_for_s
from edge.core.stations import NOT_DISPLAYING

RESET_UNKNOWN_S = 300.0
"""An alarm whose input has been gone for so long may be reset by hand: its patient may have left with the sensor."""

BUTTON_S = 300.0
"""So long the button at the bedside silences: whoever pressed it is there, and may leave again."""


class Attention:
    """Acts on the alarms of a ledger. Each act returns why it was refused, empty if it was done."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._state = ledger.state

    # --- acts ---------------------------------------------------------------------------------------------------------

    def acknowledge(self, named: Named, by: str, *, limit_s: float = math.inf) -> str:
        """Silence one occurrence for a while, ``limit_s`` at most (SM-B4, SM-B6, SM-B10)."""
        alarm = self._find(named)
        if isinstance(alarm, str):
            return alarm
        signal, phase = after(alarm.signal, SignalEvent.ACKNOWLEDGE)
        if alarm.now is not None:
            alarm = alarm.saying(alarm.now)  # what was worse has been seen
        now, entry = self._ledger.now, entry_of(alarm.key.condition)
        for_s = silent_for_s(
            alarm.priority, accepted=alarm.acceptance is not None, stepwise=entry.worse_step is not None
        )
        held = Acknowledgement(
            by, now, now.mono_s + min(for_s, limit_s), self._state.values.get(alarm.key, alarm.value)
        )
        # Off the monitor, or under service, it stays silent for as long as that was asked for.
        silence = alarm.silence if alarm.off_monitor or alarm.under_service else None
        self._ledger.tell(replace(alarm, signal=signal, acknowledgement=held, latching=False, silence=silence), phase)
        return ""

    def settle(self, key: AlarmKey) -> None:
        """Note that somebody dealt with the cause of an alarm: it need not latch when its condition ends."""
        alarm = self._state.standing.get(key)
        if alarm is not None:
            self._ledger.note(replace(alarm, latching=False), "settled")

    def accept(self, named: Named, by: str, *, acknowledge: bool, limit_s: float = math.inf) -> str:
        """Stop the escalation of one occurrence (SM-D4); the one button acknowledges it as well."""
        alarm = self._find(named)
        if isinstance(alarm, str):
            return alarm
        now, held = self._ledger.now, alarm.acknowledgement
        if held is not None:
            stepwise = entry_of(alarm.key.condition).worse_step is not None
            held = replace(
                held, until_s=held.at.mono_s + silent_for_s(alarm.priority, accepted=True, stepwise=stepwise)
            )
        taken = replace(
            alarm,
            acceptance=Acceptance(by, now),
            acknowledgement=held,
            delivery=delivery.accepted(alarm.delivery),
        )
        self._ledger.tell(taken, Phase.ACCEPT)
        return self.acknowledge(named, by, limit_s=limit_s) if acknowledge else ""

    def press(self, bed: str, seen: Iterable[Named], by: str) -> str:
        """Accept and silence what the bedside computer showed of a bed, and of what belongs to no bed.

        What somebody took before stays as it was taken.
        """
        refused, done = "nothing stands there", False
        for named in seen:
            if named.bed not in ("", bed) or self._is_taken(named):
                continue
            reason = self.accept(named, by, acknowledge=True, limit_s=BUTTON_S)
            done, refused = done or not reason, reason or refused
        return "" if done else refused

    def _is_taken(self, named: Named) -> bool:
        alarm = self._find(named)
        return isinstance(alarm, Alarm) and alarm.acceptance is not None and alarm.signal is SignalPresence.ACKNOWLEDGED

    def reset(self, named: Named) -> str:
        """End the signal of a latched alarm (SM-B4), or of one that nothing can judge any more (SM-B11)."""
        alarm = self._find(named)
        if isinstance(alarm, str):
            return alarm
        condition = self._state.conditions.get(alarm.key.bed, {}).get(alarm.key)
        if alarm.present and condition is not None and condition.state is ConditionState.CLEARING:
            return "it is not over yet: it is when its value has been inside its limit for a while; acknowledge it"
        gone_s = 0.0
        if condition is not None and condition.state is ConditionState.PRESENT_UNKNOWN:
            now_s = self._ledger.now.mono_s
            gone_s = now_s - (now_s if condition.unknown_since_s is None else condition.unknown_since_s)
        if alarm.present and gone_s < RESET_UNKNOWN_S and (condition is not None or alarm.verifiable):
            return "its condition is present: acknowledge it, and mend the cause"
        signal, phase = after(alarm.signal, SignalEvent.RESET)
        if alarm.present:
            self._state.conditions.get(alarm.key.bed, {}).pop(alarm.key, None)
        self._ledger.tell(replace(alarm, signal=signal, present=False), phase)
        return ""

    def pause(self, bed: str, reason: SilenceReason, duration_s: float, by: str) -> str:
        """Silence what a pause covers, for a while (SM-C1, SM-C6)."""
        if not 0 < duration_s < math.inf:
            return "a pause needs a duration in seconds"
        now_s = self._ledger.now.mono_s
        pause = Pause(bed, reason, now_s + min(duration_s, PAUSE_LIMIT_S[reason]), by)
        replaced = self._state.pauses.get((bed, reason))
        self._ledger.pause(pause)
        for alarm in tuple(self._state.standing.values()):
            held = alarm.silence
            of_another = held is not None and (replaced is None or held != replaced.silence())
            longer = of_another and held is not None and held.until_s >= pause.until_s
            longer = longer or (alarm.at_device and reason is SilenceReason.AUDIO_PAUSE)
            entry = entry_of(alarm.key.condition)
            if pause.in_scope(alarm, sensor=entry.sensor, device=entry.device) and not longer:
                latching = alarm.latching and reason is not SilenceReason.SERVICE
                self._ledger.tell(replace(alarm, silence=pause.silence(), latching=latching), Phase.SILENCE)
        return ""

    def is_paused(self, bed: str) -> bool:
        """Tell whether a pause of this bed itself is in force; of all, where ``bed`` is empty."""
        return any(name == bed for name, _ in self._state.pauses)

    def end_pauses(self, why: str, bed: str | None = None) -> set[str]:
        """End the pauses of a bed, or all of them (SM-C3, SM-C4); return the beds that had one (``""``: all).

        A service is ended at its own bed alone: neither the broker nor another bed has anything to do with it.
        """
        ended = [
            key for key in self._state.pauses if (key[1] is not SilenceReason.SERVICE if bed is None else key[0] == bed)
        ]
        for key in ended:
            self._end_pause(key, why)
        if ended:
            self._sound_what_nothing_silences()
        return {key[0] for key in ended}

    def end_service(self, bed: str, why: str) -> None:
        """End the service of a bed (SM-C3, SM-C9)."""
        self._end_pause((bed, SilenceReason.SERVICE), why)
        self._sound_what_nothing_silences()

    def services(self) -> dict[str, Pause]:
        """Return the services in force, by bed."""
        return {bed: pause for (bed, reason), pause in self._state.pauses.items() if reason is SilenceReason.SERVICE}

    def _sound_what_nothing_silences(self) -> None:
        pauses = self._state.pauses.values()
        for alarm in tuple(self._state.standing.values()):
            asked_for = alarm.silence is not None and alarm.silence.reason in PAUSE_LIMIT_S
            backed = any(pause.bed in ("", alarm.key.bed) and pause.silence() == alarm.silence for pause in pauses)
            if asked_for and not backed:
                self._sound(alarm)

    def _end_pause(self, key: PauseKey, why: str) -> None:
        pause = self._state.pauses.pop(key)
        self._state.pauses_shown.pop(key, None)
        self._ledger.journal("pause ended", bed=pause.bed, reason=pause.reason.value, why=why)

    def pauses_of(self, bed: str) -> tuple[PauseView, ...]:
        """Return the pauses in force at a bed that are committed."""
        return tuple(
            PauseView(pause.reason, pause.by, pause.until_s)
            for pause in self._state.pauses_shown.values()
            if pause.bed in ("", bed)
        )

    def _find(self, named: Named) -> Alarm | str:
        found = [
            alarm
            for alarm in self._state.standing.values()
            if (alarm.key.bed, alarm.key.name) == (named.bed, named.key)
        ]
        if not found:
            return "it is over"
        alarm = next((one for one in found if one.occurrence == named.occurrence), found[0])
        if alarm.occurrence != named.occurrence:
            return "that occurrence is over, and it came again: look again"
        if named.rev < alarm.delivery.noise_rev:
            return "it made noise again since: look again"
        if named.rev > alarm.rev:
            return "there is no such revision"
        return alarm

    # --- time ---------------------------------------------------------------------------------------------------------

    def run_timers(self, *, watched: bool) -> set[str]:
        """Do what time does; return the beds whose pauses ended. ``watched``: a station is required and reachable."""
        now_s = self._ledger.now.mono_s
        since_s = self._state.watched_since_s
        if now_s < self._state.timer_at_s and watched is (since_s is not None):
            return set()
        # A screen that cannot be reached has not failed to show anything.
        self._state.watched_since_s = (now_s if since_s is None else since_s) if watched else None
        paused: set[str] = set()
        for name, pause in tuple(self._state.pauses.items()):
            if now_s >= pause.until_s:
                self._end_pause(name, "its time is up")
                paused.add(pause.bed)
        if paused:
            self._sound_what_nothing_silences()
        for key in tuple(self._state.standing):
            self._run_timers_of(self._state.standing[key], now_s)
        self._state.timer_at_s = self._next_timer_s()
        return paused

    def _run_timers_of(self, alarm: Alarm, now_s: float) -> None:
        held, silence = alarm.acknowledgement, alarm.silence
        if silence is not None and now_s >= silence.until_s:
            alarm = self._sound(alarm)
        if alarm.signal is SignalPresence.ACKNOWLEDGED and held is not None and now_s >= held.until_s:
            signal, phase = after(alarm.signal, SignalEvent.REMIND)
            latching = entry_of(alarm.key.condition).latches(alarm.priority)
            self._ledger.tell(replace(alarm, signal=signal, latching=latching), phase)
            return
        late_s = delivery.undelivered_at_s(alarm, self._state.watched_since_s)
        if late_s is not None and now_s >= late_s:
            alarm = replace(alarm, delivery=replace(alarm.delivery, state=DeliveryState.UNDELIVERED))
            self._ledger.note(alarm, "undelivered")
        up_s = delivery.next_level_at_s(alarm)
        if up_s is not None and now_s >= up_s:
            higher = replace(alarm.delivery, level=alarm.delivery.level + 1)
            self._ledger.tell(replace(alarm, delivery=higher), Phase.LEVEL)

    def _sound(self, alarm: Alarm) -> Alarm:
        """End a silence (SM-C2, SM-C3): who has not heard it yet has not left it unattended either."""
        now = self._ledger.now
        reason = alarm.silence.reason if alarm.silence is not None else SilenceReason.AUDIO_PAUSE
        since_s = alarm.delivery.unattended_s if reason is SilenceReason.AUDIO_PAUSE else now.mono_s
        # Who silenced it at the device, or served it, had seen it; now somebody is to see it again.
        seen = reason in (SilenceReason.AT_DEVICE, SilenceReason.SERVICE) and alarm.present
        again = seen and entry_of(alarm.key.condition).latches(alarm.priority)
        delivery_ = replace(alarm.delivery, unattended_s=since_s)
        self._ledger.tell(
            replace(alarm, silence=None, latching=alarm.latching or again, delivery=delivery_), Phase.SOUND
        )
        return self._state.standing[alarm.key]

    def _next_timer_s(self) -> float:
        due = [pause.until_s for pause in self._state.pauses.values()]
        for alarm in self._state.standing.values():
            at_s = (
                alarm.acknowledgement.until_s if alarm.acknowledgement is not None else None,
                alarm.silence.until_s if alarm.silence is not None else None,
                delivery.undelivered_at_s(alarm, self._state.watched_since_s),
                delivery.next_level_at_s(alarm),
            )
            due += [each for each in at_s if each is not None]
        return min(due, default=math.inf)

    # --- delivery -----------------------------------------------------------------------------------------------------

    def taken(self, item: AlarmTaken) -> None:
        """Take up that the broker has a revision."""
        alarm = self._state.standing.get(item.key)
        if alarm is None or alarm.occurrence != item.occurrence:
            return
        told = delivery.taken(alarm.delivery, item.rev, self._ledger.now)
        if told is not None:
            self._ledger.note(replace(alarm, delivery=told), "broker has it")

    def displayed(self, receipt: Receipt) -> None:
        """Take up what an audible page of a required station paints."""
        shown = {(bed, key, occurrence): rev for bed, key, occurrence, rev in receipt.displayed}
        for alarm in tuple(self._state.standing.values()):
            rev = shown.get((alarm.key.bed, alarm.key.name, alarm.occurrence))
            told = (
                None
                if rev is None or rev > alarm.rev
                else delivery.displayed(alarm.delivery, rev, receipt.station, self._ledger.now)
            )
            if told is not None:
                self._ledger.note(replace(alarm, delivery=told), "displayed", station=receipt.station)

    def undelivered(self) -> tuple[Alarm, ...]:
        """Return the alarms that no page has shown in time, but for the one that says so."""
        return tuple(
            alarm
            for alarm in self._state.standing.values()
            if alarm.delivery.state is DeliveryState.UNDELIVERED and alarm.key != NOT_DISPLAYING
        )
