"""The register of present alarms: from a condition's transition to what is told, kept and published.

Laws:
  * One onset, one occurrence, one identity; every transition is one event with the next ``event_seq``.
  * Noise first (law 7): start, update and escalate are published in the step that found them, beside their commit.
  * Quiet last (law 7): end and deescalate are published when their step is committed. Until then the retained alarm and
    the index stand as they were. If the store fails they are published all the same, marked not durable.
  * A quiet change that is overtaken by a noisy one before its commit is not published: the newest truth stands.

    signal      condition starts   condition ends
    off         on                 -
    on          -                  off
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.core.catalogue import entry_of
from edge.core.condition import Band, Condition, Transition
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Annunciate,
    Effect,
    Event,
    Journal,
    Persist,
    Publish,
)
from edge.core.finding import Finding
from edge.core.model import Alarm, AlarmKey, Instant, SignalPresence


@dataclass(slots=True)
class AlarmState:
    """The alarms that are present, what readers of the retained topics see, and what waits for its commit."""

    run: str
    present: dict[AlarmKey, Alarm] = field(default_factory=dict)
    published: dict[AlarmKey, Alarm] = field(default_factory=dict)
    conditions: dict[str, dict[AlarmKey, Condition]] = field(default_factory=dict)
    event_seq: int = 0
    occurrences: int = 0
    fingerprints: dict[AlarmKey, str] = field(default_factory=dict)
    waiting: dict[int, list[Alarm]] = field(default_factory=dict)


class Register:
    """Judges conditions and turns their transitions into effects. One ``begin`` a step."""

    def __init__(self, state: AlarmState) -> None:
        self._state = state
        self._effects: list[Effect] = []
        self._indexes: set[str] = set()
        self._mark = 0
        self._now = Instant(0.0, 0.0, synchronised=False)

    def begin(self, mark: int, now: Instant) -> None:
        """Open a step."""
        self._mark, self._now = mark, now
        self._effects = []
        self._indexes = set()

    def finish(self) -> list[Effect]:
        """Close the step and return its effects, the indexes of changed scopes after their alarms."""
        for scope in sorted(self._indexes):
            self._effects.append(Publish(self.index(scope)))
        return self._effects

    def judge(self, finding: Finding, at_s: float) -> float | None:
        """Judge a condition as of ``at_s``, tell what changed, and return when it must be judged again."""
        condition = self._condition(finding.key, finding.bands)
        before = condition.band
        transition = condition.judge(at_s, finding.judged, finding.bands, finding.clear_delay_s)
        if transition is not None:
            band = finding.bands[before if transition is Transition.END else condition.band]
            self._tell(finding, transition, band, verifiable=condition.verifiable)
        elif condition.present and finding.judged is not None and self._says_otherwise(finding):
            self._tell(finding, Transition.UPDATE, finding.bands[condition.band], verifiable=condition.verifiable)
        return condition.deadline_s(finding.bands, finding.clear_delay_s)

    def end_context(self, key: AlarmKey, text: str) -> None:
        """End a condition because there is nothing left that it could be true of (SM-A14)."""
        scope = self._state.conditions.setdefault(key.bed, {})
        scope.pop(key, None)
        alarm = self._state.present.get(key)
        if alarm is not None:
            self._change(replace(alarm, text=text, verifiable=True), Transition.END)

    def alarms(self) -> tuple[Alarm, ...]:
        """Return every present alarm."""
        return tuple(self._state.present.values())

    def keys_of(self, bed: str) -> tuple[AlarmKey, ...]:
        """Return the keys of a scope that have an alarm or a condition."""
        keys = dict.fromkeys(self._state.conditions.get(bed, {}))
        keys.update(dict.fromkeys(key for key in self._state.present if key.bed == bed))
        return tuple(keys)

    def index(self, bed: str) -> AlarmIndex:
        """Return the index of a scope, the most urgent alarm first."""
        alarms = [alarm for alarm in self._state.published.values() if alarm.key.bed == bed]
        alarms.sort(key=lambda alarm: (-alarm.priority, alarm.onset.mono_s, alarm.key))
        return AlarmIndex(bed, tuple(alarms))

    def committed(self, mark: int, *, durable: bool) -> None:
        """Publish what waited for the commit of a step; not durable if the store failed."""
        for ended in self._state.waiting.pop(mark, ()):
            shown = self._state.published.get(ended.key)
            if shown is None or shown.occurrence != ended.occurrence or shown.rev > ended.rev:
                continue  # overtaken by a newer change
            alarm = ended if durable else replace(ended, durable=False)
            if alarm.present:
                self._show(alarm)
            else:
                del self._state.published[alarm.key]
                self._effects.append(Publish(AlarmCleared(alarm)))
                self._indexes.add(alarm.key.bed)

    def reassert(self, scopes: Iterable[str]) -> None:
        """Publish every present alarm and the scopes' indexes: at start, alarms of the run before are not new.

        An empty index says that nothing is present; it is made at the end of the step, when that is known.
        """
        self._indexes.update(scopes)
        for alarm in self._state.present.values():
            self._show(alarm)

    def _show(self, alarm: Alarm) -> None:
        self._state.published[alarm.key] = alarm
        self._effects.append(Publish(AlarmChanged(alarm)))
        self._indexes.add(alarm.key.bed)

    def _condition(self, key: AlarmKey, bands: Sequence[Band]) -> Condition:
        scope = self._state.conditions.setdefault(key.bed, {})
        condition = scope.get(key)
        if condition is None:
            condition = scope[key] = Condition()
            restored = self._state.present.get(key)
            if restored is not None:
                condition.restore(_band_of(restored, bands))
        return condition

    def _tell(self, finding: Finding, transition: Transition, band: Band, *, verifiable: bool) -> None:
        key = finding.key
        entry = entry_of(key.condition)
        before = self._state.present.get(key)
        if before is None or transition is Transition.START:
            self._state.occurrences += 1
            occurrence, rev, onset = f"{self._state.run}-{self._state.occurrences}", 0, self._now
        else:
            occurrence, rev, onset = before.occurrence, before.rev, before.onset
        # What an alarm said stands until it gets better or worse; when it ended there is nothing left to describe.
        kept = before if transition in (Transition.UPDATE, Transition.END) else None
        if transition is not Transition.END and finding.judged is not None:
            if self._says_otherwise(finding):
                kept = None
            self._state.fingerprints[key] = finding.fingerprint
        says = kept or finding.describe(band)
        self._change(
            Alarm(
                key=key,
                occurrence=occurrence,
                rev=rev,
                kind=entry.kind,
                audience=entry.audience,
                priority=band.priority,
                band=band.name,
                present=True,
                verifiable=verifiable,
                signal=SignalPresence.ON,
                text=says.text,
                action=entry.action,
                onset=onset,
                changed=self._now,
                value=says.value,
                unit=says.unit,
                limit=says.limit,
                evidence=says.evidence,
            ),
            transition,
        )

    def _says_otherwise(self, finding: Finding) -> bool:
        """Tell whether a present alarm would say something else now."""
        return self._state.fingerprints.get(finding.key, "") != finding.fingerprint

    def _change(self, alarm: Alarm, transition: Transition) -> None:
        ends = transition is Transition.END
        alarm = replace(
            alarm,
            rev=alarm.rev + 1,
            changed=self._now,
            present=not ends,
            signal=SignalPresence.OFF if ends else SignalPresence.ON,
            durable=True,
        )
        if ends:
            del self._state.present[alarm.key]
            self._state.fingerprints.pop(alarm.key, None)
        else:
            self._state.present[alarm.key] = alarm
        self._state.event_seq += 1
        event = Event(self._state.event_seq, transition.value, alarm, self._now)
        if ends or transition is Transition.DEESCALATE:
            self._state.waiting.setdefault(self._mark, []).append(alarm)
        else:
            self._show(alarm)
        self._effects.append(Persist(alarm))
        self._effects.append(Publish(event))
        self._effects.append(Journal("alarm", self._now, _journal_body(event)))
        self._effects.append(Annunciate(alarm, transition.value))


def _band_of(alarm: Alarm, bands: Sequence[Band]) -> int:
    """Find the band of a restored alarm; if it is no more, the worst one that is not above the alarm's priority."""
    for index, band in enumerate(bands):
        if band.name == alarm.band:
            return index
    return max((index for index, band in enumerate(bands) if band.priority <= alarm.priority), default=0)


def _journal_body(event: Event) -> tuple[tuple[str, str], ...]:
    alarm = event.alarm
    return (
        ("event_seq", str(event.event_seq)),
        ("phase", event.phase),
        ("bed", alarm.key.bed),
        ("key", alarm.key.name),
        ("occurrence", alarm.occurrence),
        ("priority", alarm.priority.name.lower()),
        ("text", alarm.text),
    )
