"""The register: from a judgement of the world to what is told of it.

It drives the condition machine of each key, and, with its transitions, the signal machine of the alarm that stands for
it. What people do about an alarm, and time, are `attention.py`; how a change is told and kept is `ledger.py`.

Laws:
  * What an alarm says stands until it gets better or worse, or until its words would be others (the fingerprint).
  * A technical alarm that explains it keeps a physiological condition from beginning, but for a high band; one that is
    present cannot be verified meanwhile, and keeps its priority and its signal (C6). What is kept back is in the index
    and in the journal.
  * No high alarm is hidden by a lower one: each key has its own alarm, and its band is the worst. What is to latch
    stands as it was until somebody acknowledges it, though its condition became milder meanwhile (``now``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain

from edge.core.catalogue import Entry, entry_of
from edge.core.condition import INSIDE, Band, Condition, ConditionState, Judgement, Transition
from edge.core.finding import Finding
from edge.core.inactivation import silence_at_device, silence_at_onset
from edge.core.ledger import AlarmState, Ledger
from edge.core.model import (
    Alarm,
    AlarmKey,
    Delivery,
    Instant,
    Phase,
    Priority,
    Said,
    Side,
    SignalPresence,
    SilenceReason,
)
from edge.core.signal import SignalEvent, after

_EVENTS = {
    Transition.START: SignalEvent.START,
    Transition.ESCALATE: SignalEvent.WORSE,
    Transition.END: SignalEvent.END,
}


_IDLE = frozenset({ConditionState.DISABLED, ConditionState.NORMAL, ConditionState.UNKNOWN})

PARTS_MAX = 200
"""So much is remembered of what one occurrence has told: more codes than any device has."""


class Register:
    """Judges conditions and tells what became of them."""

    def __init__(self, state: AlarmState, ledger: Ledger) -> None:
        self._state = state
        self._ledger = ledger

    def judge(self, finding: Finding, at_s: float) -> float | None:
        """Judge a condition as of ``at_s``, tell what changed, and return when it must be judged again."""
        if self.stays(finding.key, finding.judged):
            return None  # the commonest case by far
        condition = self._condition(finding.key, finding.bands)
        entry = entry_of(finding.key.condition)
        before = condition.band
        judged = self._unless_inhibited(entry, condition, finding)
        transition = condition.judge(at_s, judged, finding.bands, finding.clear_delay_s)
        if condition.present and judged is not None and transition in (None, Transition.UPDATE):
            self._look_again(entry, finding, judged, condition, transition)
        elif transition is not None:
            band = finding.bands[before if transition is Transition.END else condition.band]
            self._tell(entry, finding, transition, band, condition)
        return condition.deadline_s(finding.bands, finding.clear_delay_s)

    def end_context(self, key: AlarmKey, text: str) -> None:
        """End a condition because there is nothing left that it could be true of (SM-A14)."""
        self._state.conditions.setdefault(key.bed, {}).pop(key, None)
        alarm = self._state.standing.get(key)
        if alarm is not None:
            over = replace(alarm, text=text, verifiable=True, present=False, signal=SignalPresence.OFF)
            self._ledger.tell(over, Phase.END)

    def stays(self, key: AlarmKey, judged: Judgement | None) -> bool:
        """Tell whether to judge a condition so would change nothing: it was judged so before, and no timer runs."""
        scope = self._state.conditions.get(key.bed)
        condition = None if scope is None else scope.get(key)
        return condition is not None and condition.stays(judged) and key not in self._state.inhibited

    def is_idle(self, key: AlarmKey) -> bool:
        """Tell whether a condition neither is present nor begins: what ends it has nothing to do."""
        condition = self._state.conditions.get(key.bed, {}).get(key)
        return condition is None or condition.state in _IDLE

    def is_told(self, key: AlarmKey, priority: Priority) -> bool:
        """Tell whether a condition is present, and stands as an alarm of at least this priority."""
        alarm = self._state.standing.get(key)
        return alarm is not None and alarm.present and alarm.priority >= priority

    def is_silent(self, bed: str) -> bool:
        """Tell whether nothing stands at a bed, and nothing is kept from beginning."""
        return not any(key.bed == bed for key in chain(self._state.standing, self._state.inhibited))

    def rests(self, bed: str) -> bool:
        """Tell whether moreover no condition of a bed is present or begins."""
        conditions = self._state.conditions.get(bed, {}).values()
        return self.is_silent(bed) and all(condition.state in _IDLE for condition in conditions)

    def alarms(self) -> tuple[Alarm, ...]:
        """Return every alarm that stands."""
        return tuple(self._state.standing.values())

    def keys_of(self, bed: str) -> Collection[AlarmKey]:
        """Return the keys of a scope that have an alarm or a condition."""
        keys = dict.fromkeys(self._state.conditions.get(bed, ()))
        keys.update((key, None) for key in self._state.standing if key.bed == bed)
        return keys

    def _condition(self, key: AlarmKey, bands: Sequence[Band]) -> Condition:
        scope = self._state.conditions.get(key.bed)
        condition = None if scope is None else scope.get(key)
        if condition is None:
            condition = self._state.conditions.setdefault(key.bed, {})[key] = Condition()
            restored = self._state.standing.get(key)
            if restored is not None and restored.present:
                condition.restore(_band_of(restored, bands))
        return condition

    # --- inhibition ---------------------------------------------------------------------------------------------------

    def _unless_inhibited(self, entry: Entry, condition: Condition, finding: Finding) -> Judgement | None:
        judged = finding.judged
        if not entry.inhibited_by:
            return judged
        beyond = INSIDE if judged is None else judged.beyond
        is_high = beyond != INSIDE and finding.bands[beyond].priority is Priority.HIGH
        explained = ""
        if not is_high and (condition.present or beyond != INSIDE):
            explained = self._explained_by(entry, finding.key)
        by = "" if condition.present else explained
        if by != self._state.inhibited.get(finding.key, ""):
            self._note_inhibition(finding.key, by)
        return None if explained else judged

    def _explained_by(self, entry: Entry, key: AlarmKey) -> str:
        for condition in entry.inhibited_by:
            cause = self._state.standing.get(key._replace(condition=condition))
            # What cannot be verified itself explains nothing.
            if cause is not None and cause.present and cause.verifiable:
                return cause.key.name
        return ""

    def _note_inhibition(self, key: AlarmKey, by: str) -> None:
        if by:
            self._state.inhibited[key] = by
        else:
            del self._state.inhibited[key]
        self._ledger.reindex(key.bed)
        self._ledger.journal("inhibited" if by else "not inhibited", bed=key.bed, key=key.name, by=by)

    # --- telling ------------------------------------------------------------------------------------------------------

    def _tell(self, entry: Entry, finding: Finding, transition: Transition, band: Band, condition: Condition) -> None:
        if transition is Transition.START and finding.key not in self._state.standing:
            self._begin(entry, finding, band, condition)
            return
        before = self._state.standing[finding.key]
        signal, phase = before.signal, Phase(transition.value)
        event = _EVENTS.get(transition)
        if event is SignalEvent.END:
            self._state.at_device.discard(finding.key)
        if event is SignalEvent.END and before.latching:
            event = SignalEvent.END_TO_LATCH
        if event is not None:
            signal, phase = after(before.signal, event)
        milder = before.latching and transition is not Transition.END and band.priority < before.priority
        described = self._described(finding, transition, band, before)
        alarm = replace(
            _with_now(before, described) if milder else described,
            present=transition is not Transition.END,
            verifiable=condition.verifiable,
            signal=signal,
            returns=before.returns + (phase is Phase.RETURN),
        )
        if transition in (Transition.START, Transition.ESCALATE):
            alarm = replace(
                alarm,
                latching=before.latching or (entry.latches(band.priority) and not alarm.under_service),
                event_at=self._event_at(condition),
                silence=alarm.silence if _is_covered(entry, alarm) else None,
            )
        self._ledger.tell(alarm, phase)

    def _begin(self, entry: Entry, finding: Finding, band: Band, condition: Condition) -> None:
        """Begin an occurrence (SM-B1)."""
        state, now, key = self._state, self._ledger.now, finding.key
        state.occurrences += 1
        says = finding.describe(band)
        alarm = Alarm(
            key=key,
            occurrence=f"{state.run}-{state.occurrences}",
            rev=0,
            kind=entry.kind,
            audience=entry.audience,
            priority=band.priority,
            band=band.name,
            present=True,
            verifiable=condition.verifiable,
            signal=SignalPresence.ON,
            text=says.text,
            action=entry.action,
            onset=now,
            changed=now,
            value=says.value,
            unit=says.unit,
            limit=says.limit,
            evidence=says.evidence,
            event_at=self._event_at(condition),
            latching=entry.latches(band.priority),
        )
        silence = silence_at_onset(
            self._state.pauses_in_force(),
            alarm,
            sensor=entry.sensor,
            repeats=entry.repeats,
            now_s=now.mono_s,
            silenced_at=finding.silenced_at,
            device=entry.device,
        )
        if finding.silenced_at:
            state.at_device.add(key)
        if finding.silenced_at or (silence is not None and silence.reason is SilenceReason.SERVICE):
            alarm = replace(alarm, latching=False)  # somebody is there, and sees it
        state.fingerprints[key] = finding.fingerprint
        if finding.fingerprint:
            state.parts[key] = frozenset(finding.fingerprint.split(","))
        if finding.value is not None:
            state.values[key] = finding.value
        if silence is not None and silence.reason is SilenceReason.AWAITING_REPEAT and finding.judged is not None:
            state.first_samples[key] = finding.judged.sample_at_s
        self._ledger.tell(replace(alarm, silence=silence), Phase.START)

    def _described(self, finding: Finding, transition: Transition, band: Band, before: Alarm) -> Alarm:
        """Return the alarm with what it says now: what it said stands while it gets neither better nor worse."""
        if transition is Transition.END:
            return replace(before, now=None)
        keeps = transition in (Transition.UPDATE, Transition.DEESCALATE)
        # What is back inside has no words for the milder band that it falls back to on its way.
        if finding.judged is not None and finding.judged.held != INSIDE:
            keeps = transition is Transition.UPDATE
            if self._says_otherwise(finding):
                keeps = False
            self._state.fingerprints[finding.key] = finding.fingerprint
            if finding.fingerprint:
                told = self._state.parts.get(finding.key, frozenset())
                self._state.parts[finding.key] = told | frozenset(finding.fingerprint.split(","))
        if keeps:
            return before if before.now is not None else replace(before, priority=band.priority, band=band.name)
        says = finding.describe(band)
        return before.saying(
            Said(band.priority, band.name, says.text, says.value, says.unit, says.limit, says.evidence)
        )

    def _event_at(self, condition: Condition) -> Instant:
        now = self._ledger.now
        ago_s = max(0.0, now.mono_s - condition.event_at_s)
        return Instant(now.mono_s - ago_s, now.wall_s - ago_s, now.synchronised)

    def _says_otherwise(self, finding: Finding) -> bool:
        """Tell whether a present alarm would say something else now."""
        return self._state.fingerprints.get(finding.key, "") != finding.fingerprint

    # --- what is present and goes on ----------------------------------------------------------------------------------

    def _look_again(
        self, entry: Entry, finding: Finding, judged: Judgement, condition: Condition, transition: Transition | None
    ) -> None:
        before = self._state.standing[finding.key]
        if finding.value is not None:
            self._state.values[finding.key] = finding.value
        band = finding.bands[condition.band]
        if self._has_news(finding, judged, band, before) or _worse_by_a_step(entry, finding, before):
            signal, phase = after(before.signal, SignalEvent.REMIND)
            told = self._described(finding, Transition.ESCALATE, band, before)
            self._ledger.tell(
                replace(
                    _with_now(before, told) if before.latching and band.priority < before.priority else told,
                    signal=signal,
                    verifiable=condition.verifiable,
                    latching=before.latching or (entry.latches(band.priority) and not before.under_service),
                    silence=before.silence if _still_silent(entry, finding, before) else None,
                    delivery=self._unattended(before) if before.at_device else before.delivery,
                ),
                phase,
            )
            self._silence_as_the_device(entry, finding, band)
        elif judged.held != INSIDE and bool(finding.silenced_at) is not (finding.key in self._state.at_device):
            self._silence_as_the_device(entry, finding, band)
        elif self._is_repeated(finding.key, judged, before):
            delivery = self._unattended(before)
            sounds = replace(before, silence=None, verifiable=condition.verifiable, delivery=delivery)
            self._ledger.tell(sounds, Phase.SOUND)
        elif transition is not None or (judged.held != INSIDE and self._says_otherwise(finding)):
            self._tell(entry, finding, Transition.UPDATE, band, condition)

    def _silence_as_the_device(self, entry: Entry, finding: Finding, band: Band) -> None:
        """Follow what the device says was done to the alarm at it: silenced (SM-C7), or not any more (SM-C8)."""
        key, now_s = finding.key, self._ledger.now.mono_s
        before = self._state.standing[key]
        says = self._described(finding, Transition.ESCALATE, band, before)
        if finding.silenced_at:
            self._state.at_device.add(key)
            silence = silence_at_device(band.priority, finding.silenced_at, now_s)
            if before.silence is None or before.silence.until_s < silence.until_s:
                self._ledger.tell(replace(says, silence=silence, latching=False), Phase.SILENCE)
            return
        self._state.at_device.discard(key)
        if before.at_device:
            latching = before.latching or entry.latches(band.priority)
            delivery = self._unattended(before)
            self._ledger.tell(replace(says, silence=None, latching=latching, delivery=delivery), Phase.SOUND)

    def _unattended(self, before: Alarm) -> Delivery:
        """Return the delivery of an alarm that nobody has left unattended until now."""
        return replace(before.delivery, unattended_s=self._ledger.now.mono_s)

    def _has_news(self, finding: Finding, judged: Judgement, band: Band, before: Alarm) -> bool:
        """Tell whether there is something that this occurrence has not told yet: another code of a device, say.

        Who took what it told before has not seen that (H-23).
        """
        if judged.held == INSIDE or not finding.fingerprint:
            return False
        parts = frozenset(finding.fingerprint.split(","))
        told = self._state.parts.get(finding.key)
        if told is None:  # restored: only its words tell what it was
            self._state.parts[finding.key] = parts
            return band.priority is Priority.HIGH and finding.describe(band).text != before.text
        self._state.parts[finding.key] = parts if len(told) > PARTS_MAX else told | parts
        if band.priority is Priority.HIGH:  # what went and came back is news again
            told = frozenset(self._state.fingerprints.get(finding.key, "").split(","))
        return not parts <= told

    def _is_repeated(self, key: AlarmKey, judged: Judgement, before: Alarm) -> bool:
        """Tell whether another measurement confirms an alarm that waits for it."""
        if before.silence is None or before.silence.reason is not SilenceReason.AWAITING_REPEAT:
            return False
        # After a restart the first sample may be the one that began it.
        first_at_s = self._state.first_samples.setdefault(key, judged.sample_at_s)
        return judged.beyond != INSIDE and judged.sample_at_s != first_at_s


def _is_covered(entry: Entry, alarm: Alarm) -> bool:
    """Tell whether a silence covers what begins in it too: off the monitor, or under service."""
    return (entry.sensor and alarm.off_monitor) or (entry.device and alarm.under_service)


def _still_silent(entry: Entry, finding: Finding, before: Alarm) -> bool:
    """Tell whether an alarm that has news stays silent: the news is covered, or silenced at the device too."""
    return _is_covered(entry, before) or (bool(finding.silenced_at) and before.at_device)


def _worse_by_a_step(entry: Entry, finding: Finding, before: Alarm) -> bool:
    held = before.acknowledgement
    if entry.worse_step is None or held is None or held.value is None or before.limit is None:
        return False
    if finding.value is None or before.signal is not SignalPresence.ACKNOWLEDGED or before.priority is Priority.HIGH:
        return False
    climbed = finding.value - held.value
    return (climbed if before.limit.side is Side.HIGH else -climbed) >= entry.worse_step


def _with_now(before: Alarm, described: Alarm) -> Alarm:
    """Return what stands, with what is so now beside it."""
    return before if described is before else replace(before, now=described.said)


def _band_of(alarm: Alarm, bands: Sequence[Band]) -> int:
    """Find the band of a restored alarm; if it is no more, the worst one that is not above the alarm's priority."""
    name = alarm.band if alarm.now is None else alarm.now.band
    for index, band in enumerate(bands):
        if band.name == name:
            return index
    return max((index for index, band in enumerate(bands) if band.priority <= alarm.priority), default=0)
