"""What becomes of an alarm is written here once: told, kept, published, and entered in the journal.

Laws:
  * One onset, one occurrence, one identity; every transition is one event with the next ``event_seq``.
  * Noise first (law 7): what makes noise is published in the step that found it, beside its commit.
  * Quiet last (law 7): what makes quiet is published when its step is committed. Until then the retained alarm and the
    index stand as they were. If the store fails it is published all the same, marked not durable.
  * A quiet change that is overtaken by a noisy one before its commit is not published: the newest truth stands. Nor
    does noise carry a quiet change out before its commit.
  * Who did not accept the first noise has not accepted the next one: its level stands.
  * An answer waits for its commit with what it answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeAlias

from edge.core.condition import Condition
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Annunciate,
    Answer,
    Effect,
    Event,
    Journal,
    Persist,
    Publish,
    Remember,
)
from edge.core.inactivation import Pause
from edge.core.model import Alarm, AlarmKey, Delivery, Instant, Phase, SignalPresence, SilenceReason

QUIET = frozenset(
    {Phase.END, Phase.DEESCALATE, Phase.LATCH, Phase.ACKNOWLEDGE, Phase.ACCEPT, Phase.SILENCE, Phase.RESET}
)
"""What makes quiet: committed first, then published."""

RENEWS = frozenset({Phase.START, Phase.ESCALATE, Phase.REMIND, Phase.RETURN, Phase.ADOPT})
"""What asks for attention anew: no earlier acknowledgement, acceptance or receipt counts for it."""

PauseKey: TypeAlias = tuple[str, SilenceReason]
_Waiting: TypeAlias = Alarm | Answer | Pause


@dataclass(slots=True)
class AlarmState:
    """The alarms that stand, what readers of the retained topics see, and what waits for its commit.

    ``parts`` are what each has told of so far, by fingerprint; ``values`` what it was last judged on;
    ``first_samples`` the measurements that began one which waits for a repeat. ``inhibited`` are the conditions that
    may not begin, and what explains each; ``at_device`` those whose silence at their device was taken up. ``pending``
    are the quiet changes that wait, by occurrence and revision; ``kept``: the store took the last change.
    ``timer_at_s`` is when time does something next; ``watched_since_s`` since when a station is required and can be
    reached.
    """

    run: str
    standing: dict[AlarmKey, Alarm] = field(default_factory=dict)
    published: dict[AlarmKey, Alarm] = field(default_factory=dict)
    conditions: dict[str, dict[AlarmKey, Condition]] = field(default_factory=dict)
    event_seq: int = 0
    occurrences: int = 0
    fingerprints: dict[AlarmKey, str] = field(default_factory=dict)
    parts: dict[AlarmKey, frozenset[str]] = field(default_factory=dict)
    values: dict[AlarmKey, Decimal] = field(default_factory=dict)
    first_samples: dict[AlarmKey, float] = field(default_factory=dict)
    inhibited: dict[AlarmKey, str] = field(default_factory=dict)
    at_device: set[AlarmKey] = field(default_factory=set)
    pauses: dict[PauseKey, Pause] = field(default_factory=dict)
    pauses_shown: dict[PauseKey, Pause] = field(default_factory=dict)
    waiting: dict[int, list[_Waiting]] = field(default_factory=dict)
    pending: dict[AlarmKey, list[tuple[str, int]]] = field(default_factory=dict)
    kept: bool = True
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    timer_at_s: float = -math.inf
    watched_since_s: float | None = None

    def pauses_in_force(self) -> list[Pause]:
        """Return the pauses that are kept; one that is being replaced is not relied on."""
        return [pause for name, pause in self.pauses.items() if self.pauses_shown.get(name) == pause]


class Ledger:
    """Turns changes of alarms into effects. One ``begin`` a step."""

    def __init__(self, state: AlarmState) -> None:
        self.state = state
        self.now = Instant(0.0, 0.0, synchronised=False)
        self._effects: list[Effect] = []
        self._indexes: set[str] = set()
        self._mark = 0
        self.noisy = False
        """Whether this step has told of something that makes noise."""

    def begin(self, mark: int, now: Instant) -> None:
        """Open a step."""
        self._mark, self.now = mark, now
        self._effects = []
        self._indexes = set()
        self.noisy = False

    def finish(self) -> list[Effect]:
        """Close the step and return its effects, the indexes of changed scopes after their alarms."""
        for scope in sorted(self._indexes):
            self._effects.append(Publish(self.index(scope)))
        return self._effects

    def tell(self, alarm: Alarm, phase: Phase) -> None:
        """Write down what became of an alarm, as the next revision of it."""
        state, now = self.state, self.now
        alarm = replace(alarm, rev=alarm.rev + 1, changed=now, durable=state.kept)
        if phase in RENEWS:
            alarm = replace(alarm, acknowledgement=None, acceptance=None, delivery=_renewed(alarm, phase, now))
        if alarm.signal is SignalPresence.OFF:
            state.standing.pop(alarm.key, None)
            state.fingerprints.pop(alarm.key, None)
            state.parts.pop(alarm.key, None)
            state.first_samples.pop(alarm.key, None)
            state.values.pop(alarm.key, None)
            state.at_device.discard(alarm.key)
        else:
            state.standing[alarm.key] = alarm
        state.timer_at_s = -math.inf
        state.event_seq += 1
        event = Event(state.event_seq, phase, alarm, now)
        self.noisy = self.noisy or phase not in QUIET
        if phase in QUIET:
            state.pending.setdefault(alarm.key, []).append((alarm.occurrence, alarm.rev))
            self._wait(alarm)
        elif not state.pending.get(alarm.key) or alarm.key not in state.published:
            self._show(alarm)
        elif phase in RENEWS:
            quiet = None if alarm.silence is None else state.published[alarm.key].silence
            self._show(replace(alarm, silence=quiet))
        else:
            self._show(_noise_of(alarm, state.published[alarm.key]))
        self._effects.append(Persist(alarm))
        self._effects.append(Publish(event))
        self._effects.append(Journal("alarm", now, _journal_body(event)))
        self._effects.append(Annunciate(alarm, phase))

    def note(self, alarm: Alarm, kind: str, **body: str) -> None:
        """Keep what became known of an alarm's way: no transition, and nothing new to show."""
        self.state.standing[alarm.key] = alarm
        self.state.timer_at_s = -math.inf
        self._effects.append(Persist(alarm))
        known = {"bed": alarm.key.bed, "key": alarm.key.name, "occurrence": alarm.occurrence, "rev": str(alarm.rev)}
        self.journal(kind, **known, **body)

    def journal(self, kind: str, **body: str) -> None:
        """Write a row of the journal."""
        self._effects.append(Journal(kind, self.now, tuple(body.items())))

    def answer(self, answer: Answer) -> None:
        """Keep an answer, and give it when it is committed."""
        self._effects.append(Remember(answer))
        self._wait(answer)

    def say(self, answer: Answer) -> None:
        """Give an answer at once: one that was given before, or to somebody for whom nothing is kept."""
        self._effects.append(Publish(answer))

    def pending(self, answer: Answer) -> bool:
        """Tell whether an answer still waits for its commit."""
        return any(answer in waiting for waiting in self.state.waiting.values())

    def pause(self, pause: Pause) -> None:
        """Keep a pause; it is shown when it is committed."""
        self.state.pauses[pause.bed, pause.reason] = pause
        self.state.timer_at_s = -math.inf
        self._wait(pause)

    def committed(self, mark: int, *, durable: bool) -> set[str]:
        """Publish what waited for the commit of a step; return the beds whose pauses changed (``""``: all)."""
        paused: set[str] = set()
        self.state.kept = durable
        for item in self.state.waiting.pop(mark, ()):
            match item:
                case Answer():
                    given = replace(item, durable=durable)
                    if (item.station, item.request_id) in self.state.answers:
                        self.state.answers[item.station, item.request_id] = given
                    self._effects.append(Publish(given))
                case Pause():
                    if self.state.pauses.get((item.bed, item.reason)) == item:
                        self.state.pauses_shown[item.bed, item.reason] = item
                        paused.add(item.bed)
                case _:
                    self._publish_quiet(item, durable=durable)
        return paused

    def reindex(self, scope: str) -> None:
        """Publish the index of a scope again at the end of the step."""
        self._indexes.add(scope)

    def index(self, bed: str) -> AlarmIndex:
        """Return the index of a scope, the most urgent alarm first."""
        alarms = [alarm for alarm in self.state.published.values() if alarm.key.bed == bed]
        alarms.sort(key=lambda alarm: (-alarm.priority, alarm.onset.mono_s, alarm.key))
        inhibited = tuple((key.name, by) for key, by in sorted(self.state.inhibited.items()) if key.bed == bed)
        return AlarmIndex(bed, tuple(alarms), inhibited)

    def forget(self, alarm: Alarm) -> None:
        """Empty the topic of an alarm of a run before that does not stand."""
        if alarm.key not in self.state.standing and alarm.key not in self.state.published:
            kept = self.state.kept  # a store that takes nothing may hold it still, and tell of it after a restart
            over = replace(alarm, present=False, signal=SignalPresence.OFF, changed=self.now, durable=kept)
            self._effects.append(Publish(AlarmCleared(over)))
            self._effects.append(Persist(over))  # a store that was read late may still have it
            self.journal("alarm forgotten", bed=alarm.key.bed, key=alarm.key.name, occurrence=alarm.occurrence)

    def reassert(self, scopes: Iterable[str]) -> None:
        """Publish and keep every standing alarm and the scopes' indexes: alarms of the run before are not new.

        An empty index says that nothing stands; it is made at the end of the step, when that is known.
        """
        self._indexes.update(scopes)
        for key, alarm in self.state.standing.items():
            self._show(self.state.published[key] if self.state.pending.get(key) else alarm)
            self._effects.append(Persist(alarm))

    def _wait(self, item: _Waiting) -> None:
        self.state.waiting.setdefault(self._mark, []).append(item)

    def _publish_quiet(self, item: Alarm, *, durable: bool) -> None:
        """Publish a quiet change that is settled, and with it the earlier ones of its alarm."""
        key = item.key
        waiting = self.state.pending.get(key, [])
        if (item.occurrence, item.rev) not in waiting:
            return  # settled with a later one
        # Occurrences come one after another, and revisions within them.
        later = waiting[waiting.index((item.occurrence, item.rev)) + 1 :]
        if later:
            self.state.pending[key] = later
        else:
            del self.state.pending[key]
        shown, standing = self.state.published.get(key), self.state.standing.get(key)
        if shown is None or shown.occurrence != item.occurrence:
            return  # it is over, or came again
        if not later and standing is not None and standing.occurrence == item.occurrence:
            item = replace(standing, durable=True)
        elif shown.delivery.noise_rev > item.rev:
            return  # it made noise again since
        elif shown.rev > item.rev:
            item = _noise_of(shown, item)
        else:
            item = replace(item, durable=True)
        alarm = item if durable else replace(item, durable=False)
        if alarm == shown:
            return  # noise has told it already
        if alarm.signal is not SignalPresence.OFF:
            self._show(alarm)
            return
        del self.state.published[key]
        self._effects.append(Publish(AlarmCleared(alarm)))
        self._indexes.add(key.bed)

    def _show(self, alarm: Alarm) -> None:
        self.state.published[alarm.key] = alarm
        self._effects.append(Publish(AlarmChanged(alarm)))
        self._indexes.add(alarm.key.bed)


def _renewed(alarm: Alarm, phase: Phase, now: Instant) -> Delivery:
    """Return the delivery of noise that begins again; the level stands if nobody had accepted."""
    fresh = Delivery(unattended_s=now.mono_s, noise_rev=alarm.rev, published=now)
    if phase is Phase.START or alarm.acceptance is not None:
        return fresh
    # A worse band has steps of its own; a reminder is of what has waited since the first noise.
    since_s = alarm.delivery.unattended_s if phase is Phase.REMIND else now.mono_s
    return replace(fresh, level=alarm.delivery.level, unattended_s=since_s)


def _noise_of(alarm: Alarm, shown: Alarm) -> Alarm:
    """Return what readers see with the noise of a change, and without the quiet that is not committed."""
    delivery = alarm.delivery
    if alarm.acceptance != shown.acceptance:
        delivery = replace(delivery, state=shown.delivery.state)
    noise = replace(shown, rev=alarm.rev, changed=alarm.changed, verifiable=alarm.verifiable, delivery=delivery)
    if alarm.silence is None:
        noise = replace(noise, silence=None)
    if alarm.band != shown.band:
        return noise
    return replace(
        noise, text=alarm.text, value=alarm.value, unit=alarm.unit, limit=alarm.limit, evidence=alarm.evidence
    )


def _journal_body(event: Event) -> tuple[tuple[str, str], ...]:
    """What the story of an occurrence is told from (law 14)."""
    alarm = event.alarm
    body = [
        ("event_seq", str(event.event_seq)),
        ("phase", event.phase.value),
        ("bed", alarm.key.bed),
        ("key", alarm.key.name),
        ("occurrence", alarm.occurrence),
        ("rev", str(alarm.rev)),
        ("priority", alarm.priority.name.lower()),
        ("band", alarm.band),
        ("signal", alarm.signal.value),
        ("level", str(alarm.delivery.level)),
        ("text", alarm.text),
    ]
    if alarm.value is not None:
        body.append(("value", f"{alarm.value} {alarm.unit}"))
    if alarm.limit is not None:
        body.append(("limit", f"{alarm.limit.value} {alarm.unit} ({alarm.limit.origin})"))
    if alarm.event_at is not None and event.phase in RENEWS:
        body.append(("event_s_before", f"{event.at.mono_s - alarm.event_at.mono_s:.3f}"))
    if alarm.acknowledgement is not None and event.phase is Phase.ACKNOWLEDGE:
        body.append(("by", alarm.acknowledgement.by))
    if alarm.acceptance is not None and event.phase is Phase.ACCEPT:
        body.append(("by", alarm.acceptance.by))
    if alarm.silence is not None:
        body += [("silence", alarm.silence.reason.value), ("silence_by", alarm.silence.by)]
    if event.phase in RENEWS:
        body += [(f"evidence.{name}", value) for name, value in alarm.evidence]
    return tuple(body)
