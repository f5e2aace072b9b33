"""The onlooker: hears what devices say and what people ask, looks at every step, and says what is not as it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from drivers.model import AlarmSetChanged, DeviceAlarmKind, InfusionState, Observation, Quantity
from edge.core.effects import AlarmChanged, AlarmCleared, AlarmIndex, Answer, Event, Persist, Publish, Remember, Step
from edge.core.inputs import Accept, Acknowledge, Act, AudioPause, OffMonitor, Request, Resume
from edge.core.model import Alarm, AlarmKey, Phase, Priority, SignalPresence, SilenceReason
from tests.core_world import BED, MONITOR, PUMP
from tests.model.life import NOISE, OVER, Life, durably
from tests.model.oracle import Book, Stream

PAGE_S = 10.0
BEAT_S = 1.0
LINK_S = 3.0
QUANTITY = {"HR_HIGH": Quantity.HEART_RATE, "SPO2_LOW": Quantity.SPO2, "BP_SYS_HIGH": Quantity.NIBP_SYS}
HEARD = {"PUMP_LINK_LOST": PUMP, "MONITOR_LINK_LOST": MONITOR}
MISSING = {"HR_MISSING": "HR_HIGH", "SPO2_MISSING": "SPO2_LOW"}
"""What must have been heard for it to end."""


@dataclass
class Watch:
    """What was said to the core, and the checks on what it does with it.

    ``said`` is what the core last said of each alarm, committed or not; ``shown`` what it published in this run.
    """

    streams: dict[str, Stream]
    book: Book
    places: dict[str, tuple[str, str]]
    required: bool
    page_at_s: float = 0.0
    said: dict[AlarmKey, Alarm] = field(default_factory=dict)
    shown: dict[AlarmKey, Alarm] = field(default_factory=dict)
    heard_at_s: dict[tuple[str, str], float] = field(default_factory=dict)
    shows: dict[tuple[str, str], frozenset[DeviceAlarmKind]] = field(default_factory=dict)
    remembered_at: dict[str, int] = field(default_factory=dict)
    noise: set[tuple[str, int]] = field(default_factory=set)
    requests: dict[str, tuple[Request, Alarm | None, bool]] = field(default_factory=dict)
    answered: dict[str, Answer] = field(default_factory=dict)

    # --- what comes in ------------------------------------------------------------------------------------------------

    def hear(self, one: Observation) -> None:
        at_s, place = one.received_at_s, (one.port, one.channel)
        self.heard_at_s[place] = at_s
        numbers = {reading.quantity: reading.value for reading in one.readings}
        passed = {quantity: (low, high) for quantity, low, high in one.extremes}
        for condition, stream in self.streams.items():
            if self.places[condition] != place:
                continue
            quantity = QUANTITY.get(condition, Quantity.INFUSION_RATE)
            for number in (*passed.get(quantity, ()), numbers[quantity]):
                stream.hear(at_s, number if condition != "DOSE_RATE_HIGH" else _dose(number, one))

    def hear_alarms(self, told: AlarmSetChanged) -> None:
        self.shows[told.port, told.channel] = frozenset(alarm.kind for alarm in told.alarms)

    def asked(self, request: Request, alarm: Alarm | None, now_s: float, *, stale: bool) -> None:
        """Write down who asked for what. What is refused excuses nothing, and is struck out again."""
        self.requests[request.request_id] = (request, alarm, stale)
        match request.act:
            case _ if stale:
                return
            case act if alarm is not None and _silences(act):
                self.book.acknowledged[alarm.occurrence] = now_s
            case AudioPause(bed, duration_s):
                self.book.pause(bed, SilenceReason.AUDIO_PAUSE, now_s, duration_s)
            case OffMonitor(bed, duration_s):
                self.book.pause(bed, SilenceReason.OFF_MONITOR, now_s, duration_s)
            case Resume(bed):
                self.book.resume(bed)

    # --- starts -------------------------------------------------------------------------------------------------------

    def started(self, life: Life) -> None:
        self.said = dict(life.disk.alarms)
        self.shown = {}
        self.remembered_at = {}
        self.heard_at_s = {}
        self.shows = {}
        self.page_at_s = life.now_s

    def restarted(self, life: Life, *, same_boot: bool, streams: dict[str, Stream] | None = None) -> None:
        """What neither the disk nor the broker knew is lost; all else stands."""
        rows = (*life.disk.alarms.values(), *life.broker.topics.values())
        known = {row.key.condition for row in rows if row.present and row.priority is Priority.HIGH}
        before, self.streams = self.streams, streams or self.streams
        for condition, stream in self.streams.items():
            stream.must_stand = before[condition].must_stand and condition in known
            stream.forget()
        self.book.resume("")
        if not same_boot:
            self.book.acknowledged = {}
            self.book.noise_at_s = {}
        self.answered = {
            name: answer for name, answer in self.answered.items() if (answer.station, name) in life.disk.answers
        }

    # --- looking at a step --------------------------------------------------------------------------------------------

    def look(self, life: Life, step: Step) -> None:
        """Look at what a step did, and at what stands after it."""
        published = [effect.content for effect in step.effects if isinstance(effect, Publish)]
        events = [content for content in published if isinstance(content, Event)]
        for effect in step.effects:
            if isinstance(effect, Remember):
                self.remembered_at[effect.answer.request_id] = step.mark
        # Pages have their time to say what they show after the broker came back; while it is away there are none.
        shown_by_s = max(self.page_at_s, life.connected_at_s) + PAGE_S if life.connected else -BEAT_S
        if self.required and life.now_s > shown_by_s + BEAT_S:
            self.book.end_older(life.now_s - BEAT_S)
        for event in events:
            self._counts(life, event)
            self._may_be(life, event)
            if event.phase in NOISE:
                self.noise.add((event.alarm.occurrence, event.alarm.rev))
                self.book.made_noise(event.alarm, event.at.mono_s, reminds=event.phase is Phase.REMIND)
                self._is_announced(published, event)
        for stream in self.streams.values():
            stream.judged = len(stream.told)
        self._none_vanished(step, events)
        for content in published:
            match content:
                case Answer():
                    self._is_answer(life, content)
                case AlarmChanged(alarm) | AlarmCleared(alarm):
                    self._is_kept_first(life, alarm)
        if life.held is None:
            self._readers_agree(life)
            self._is_told(life)

    def _counts(self, life: Life, event: Event) -> None:
        """I5."""
        life.event_seq += 1
        assert event.event_seq == life.event_seq

    def _may_be(self, life: Life, event: Event) -> None:
        """I3: what gets milder or ends needs input that says so."""
        key, at_s = event.alarm.key, event.at.mono_s
        over = event.phase in (Phase.END, Phase.LATCH)
        if key.bed != BED or not (over or event.phase is Phase.DEESCALATE):
            return
        if key.condition in self.streams:
            stream = self.streams[key.condition]
            if over:
                assert stream.may_end(at_s), event
            elif event.alarm.priority is not Priority.HIGH:
                assert stream.may_lower(at_s), event
        elif over and key.condition in HEARD:
            assert at_s < self.heard_at_s.get(HEARD[key.condition], -LINK_S) + LINK_S, event
        elif over and key.condition in MISSING:
            told_s, value = self.streams[MISSING[key.condition]].told[-1]
            assert value is not None, event
            assert at_s < told_s + LINK_S, event
        elif over and key.condition.startswith("DEVICE_") and key.condition != "DEVICE_IDENTITY_CHANGED":
            kind = DeviceAlarmKind[key.condition.removeprefix("DEVICE_")]
            assert kind not in self.shows[key.port, key.channel], event

    def _is_announced(self, published: Sequence[object], event: Event) -> None:
        """An onset is an event, the retained alarm, and its place in the index, all in one step."""
        alarm = event.alarm
        assert any(isinstance(one, AlarmChanged) and one.alarm.occurrence == alarm.occurrence for one in published)
        (index,) = [one for one in published if isinstance(one, AlarmIndex) and one.bed == alarm.key.bed]
        assert alarm.occurrence in {one.occurrence for one in index.alarms}, event

    def _none_vanished(self, step: Step, events: list[Event]) -> None:
        """I1: what was said to be present goes only with a word."""
        told = {event.alarm.occurrence: event for event in events if event.phase in (*OVER, Phase.LATCH)}
        adopted = {event.alarm.key for event in events if event.phase is Phase.ADOPT}
        for effect in step.effects:
            if isinstance(effect, Persist):
                before, alarm = self.said.get(effect.alarm.key), effect.alarm
                if (
                    before is not None
                    and before.present
                    and not (alarm.present and alarm.occurrence == before.occurrence)
                ):
                    # It goes on under the name that readers know: an adoption is a word too.
                    assert before.occurrence in told or (alarm.present and alarm.key in adopted)
                if alarm.signal is SignalPresence.OFF:
                    # What this run never said is emptied at the broker that still had it, and in a store read late.
                    assert alarm.key in self.said or Publish(AlarmCleared(alarm)) in step.effects
                    self.said.pop(alarm.key, None)
                else:
                    self.said[alarm.key] = alarm

    def _is_answer(self, life: Life, answer: Answer) -> None:
        """An answer comes when it is kept, or could not be; a repeat gets the same; what is outdated is refused."""
        name = answer.request_id
        mark = self.remembered_at.get(name)
        before = self.answered.setdefault(name, answer)
        assert (before.done, before.reason) == (answer.done, answer.reason)
        if mark is not None:
            assert life.disk.is_settled(mark)
            assert mark <= life.disk.settled_mark if answer.durable else mark in life.disk.told_failed, answer
        request, alarm, stale = self.requests[name]
        assert not (stale and answer.done)
        silences = _silences(request.act)
        refused = silences and not (answer.done or stale)
        if refused and alarm is not None and self.book.acknowledged.get(alarm.occurrence) == answer.at.mono_s:
            del self.book.acknowledged[alarm.occurrence]
        if answer.done and before is answer and isinstance(request.act, Acknowledge) and alarm is not None:
            self._is_quiet(life, alarm, answer)

    def _is_quiet(self, life: Life, alarm: Alarm, answer: Answer) -> None:
        said = self.said.get(alarm.key)
        if said is not None and said.occurrence == alarm.occurrence:
            louder = self.book.noise_at_s.get(alarm.occurrence, -1.0) >= answer.at.mono_s
            assert louder or said.signal is SignalPresence.ACKNOWLEDGED

    def _is_kept_first(self, life: Life, alarm: Alarm) -> None:
        """What makes quiet is published when it is kept, or when it could not be, and then says so (law 7)."""
        before = self.shown.get(alarm.key)
        if alarm.signal is SignalPresence.OFF:
            self.shown.pop(alarm.key, None)
        else:
            self.shown[alarm.key] = alarm
        if before is None or before.occurrence != alarm.occurrence:
            return
        milder = alarm.priority < before.priority or (before.present and not alarm.present)
        quieter = (before.audible and not alarm.audible) or (before.audible == alarm.audible and milder)
        # A latched high alarm may return as a soft one: that is noise all the same.
        if quieter and (alarm.occurrence, alarm.rev) not in self.noise:
            mark = life.persisted_at[alarm.occurrence, alarm.rev]
            assert life.disk.is_settled(mark), alarm
            assert alarm.durable == (mark not in life.disk.told_failed), alarm

    def _readers_agree(self, life: Life) -> None:
        """Who connects now has what those have who were always there, and no high one stands below another."""
        broker = life.broker
        cold = broker.cold()
        assert cold == broker.topics == broker.followed
        for scope, index in broker.indexes.items():
            assert {alarm.key: alarm for alarm in index.alarms} == {
                key: alarm for key, alarm in cold.items() if key.bed == scope
            }
            assert list(index.alarms) == sorted(index.alarms, key=lambda alarm: -alarm.priority)

    def _is_told(self, life: Life) -> None:
        """I2, I4, I7, and the oracle's word on what must stand."""
        topics = life.broker.topics
        for alarm in topics.values():
            # What is over is shown as it was until its end is kept.
            over = alarm.key not in self.said
            assert alarm.audible or over or self.book.excuses(alarm, life.now_s), alarm
        for condition, stream in self.streams.items():
            if stream.must_stand:
                found = [alarm for key, alarm in topics.items() if key.bed == BED and key.condition == condition]
                assert [(alarm.present, alarm.priority) for alarm in found] == [(True, Priority.HIGH)], condition

    # --- looking at it whole ------------------------------------------------------------------------------------------

    def agrees(self, life: Life) -> None:
        """With every commit made: core, disk, readers and history say the same."""
        standing = life.standing()
        assert life.disk.alarms == standing
        assert {key: (alarm.occurrence, alarm.rev) for key, alarm in life.broker.topics.items()} == {
            key: (alarm.occurrence, alarm.rev) for key, alarm in standing.items()
        }
        assert {key: alarm.occurrence for key, alarm in life.told().items()} == {
            key: alarm.occurrence for key, alarm in standing.items()
        }
        for key, alarm in standing.items():
            shown = durably(life.broker.topics[key])
            assert (shown.signal, shown.present, shown.silence) == (alarm.signal, alarm.present, alarm.silence)


def _silences(act: Act) -> bool:
    return isinstance(act, Acknowledge) or (isinstance(act, Accept) and act.acknowledge)


def _dose(rate: Decimal | None, one: Observation) -> Decimal | None:
    """70 kg, 10 mg/mL; a pump that stands still gives nothing, whatever it is set to."""
    if rate is None or one.infusion is None:
        return None
    return Decimal(0) if one.infusion.state is InfusionState.STOPPED else rate * 10 / 70
