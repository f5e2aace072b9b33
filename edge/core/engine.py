"""The core: one step over what came in.

`Core(config, state).step(now, inputs)` is pure: no I/O, no clock, no await. It changes only itself, and the same state
and inputs give the same effects. A step applies every waiting input in the order of its receipt, each observation
judged at its own moment, before any absence or deadline is judged at ``now``: a stalled loop must not look like silent
devices.

The cost of a step does not depend on beds that nothing happened to: only touched and due ones are judged.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import assert_never

from drivers.model import Observation
from edge.core import (
    adopting,
    devices,
    doses,
    phases,
    pulse,
    reconfigure,
    restore_therapy,
    rules_disk,
    rules_edge,
    rules_therapy,
    service,
    stations,
)
from edge.core import bed as bed_rules
from edge.core.alarms import Register
from edge.core.annunciation import Annunciation, Scene
from edge.core.attention import Attention
from edge.core.config import CoreConfig
from edge.core.effects import DeviceView, Effect, Heartbeat, Keep, Publish, Step
from edge.core.finding import Finding
from edge.core.inputs import (
    AlarmFound,
    AlarmTaken,
    BrokerLink,
    BrokerResult,
    CertificatesSeen,
    DisksSeen,
    Input,
    LineErrors,
    LinkChange,
    NameTaken,
    PartReport,
    PublishAccepted,
    PublishRefused,
    Receipt,
    Request,
    StoreRead,
    StoreResult,
)
from edge.core.ledger import Ledger
from edge.core.model import Alarm, AlarmKey, Instant, SignalPresence
from edge.core.quiet import is_quiet
from edge.core.reconfigure import Change
from edge.core.requests import Requests
from edge.core.state import EDGE, CoreState, Ward
from edge.core.view import BedView

BEAT_S = 1.0
"""A step is never farther away than this: the self-check beat."""

BEAT_NUDGE_S = 0.1
"""So much shorter a beat may be, and so much earlier what comes every few beats: else it came a whole beat later."""

BEAT_EARLY_S = 0.5
"""So much early the edge itself is judged with a bed: a step of its own a moment later would find the same."""

SHOW = "show:"
"""Stands before a bed's name where its snapshot is due; no name of a bed has a colon."""

SHOW_AFTER_NOISE_S = 0.005
"""So long after an alarm the snapshot is made that was due with it: the alarm has left by then."""

STALL_S = 2.0
"""A step that is later than this was kept from stepping: twice the beat."""

HEARTBEAT_S = 3.0
SELF_CHECK_S = 10.0


def _next_beat_s(now_s: float) -> float:
    """Return when the next beat is, which moves towards the whole second: what else turns wakes the processor then."""
    return now_s + BEAT_S - min(now_s % BEAT_S, BEAT_NUDGE_S)


class Core:
    """The deterministic heart of the edge; see the module's text."""

    def __init__(self, config: CoreConfig, state: CoreState) -> None:
        self._config = config
        self._state = deepcopy(state)
        self._ledger = Ledger(self._state.alarms)
        self._register = Register(self._state.alarms, self._ledger)
        self._attention = Attention(self._ledger)
        self._ward = Ward(config, self._state)
        self._requests = Requests(self._ward, self._ledger, self._attention, self._register)
        self._annunciation = (
            None
            if config.annunciator is None
            else Annunciation(config.annunciator, self._state.alarms, self._state.bedside)
        )
        self._due = self._state.due
        self._heap = sorted((at_s, scope) for scope, at_s in self._due.items())
        self._effects: list[Effect] = []
        self._reconfigured: set[str] | None = None
        self._showing: set[str] = set()

    def snapshot(self) -> CoreState:
        """Return a copy of everything that this core remembers."""
        return deepcopy(self._state)

    def is_quiet(self, said: Observation) -> bool:
        """Tell whether what a monitor said may wait for the next beat (`edge.core.quiet`)."""
        return is_quiet(self._ward, said)

    def standing(self) -> dict[AlarmKey, Alarm]:
        """Return the alarms that stand now."""
        return dict(self._state.alarms.standing)

    def reconfigure(self, config: CoreConfig, changes: Sequence[Change], now: Instant) -> tuple[str, ...]:
        """Take another configuration between two steps, or return why not; the next step tells what it changes."""
        refused = self.refusals(config, changes)
        if refused:
            return refused
        beds = set(self._ward.views)
        self._config, self._ward = config, reconfigure.apply(self._ward, config, now)
        self._requests = Requests(self._ward, self._ledger, self._attention, self._register)
        for scope in [scope for scope in self._due if scope.removeprefix(SHOW) not in {EDGE, *self._ward.views}]:
            del self._due[scope]
        self._reconfigured = set(self._ward.views) - beds
        return ()

    def refusals(self, config: CoreConfig, changes: Sequence[Change]) -> tuple[str, ...]:
        """Return why another configuration may not be taken now; empty where it may."""
        return tuple(reconfigure.refusals(self._ward, self._register, config, changes))

    def refuse_configuration(self, why: str) -> None:
        """Take up that another configuration could not be used: an alarm says so until one is taken."""
        self._config = replace(self._config, invalid=why)
        self._ward.touched.add(EDGE)

    def step(self, now: Instant, inputs: Iterable[Input]) -> Step:
        """Apply what came in, judge what is due, and return what is to be done."""
        state = self._state
        state.mark += 1
        self._ledger.begin(state.mark, now)
        self._note_stall(now.mono_s)
        self._effects = []
        if not state.begun:
            self._begin_run()
        if self._reconfigured is not None:
            self._settle_configuration(self._reconfigured)
        waiting = sorted(inputs, key=lambda item: item.received_at_s)
        for item in waiting:
            self._apply(item, now, alone=len(waiting) == 1)
        self._collect_due(now.mono_s)
        for scope in sorted(self._ward.touched):
            self._judge(scope, now)
        self._ward.touch_paused(self._attention.run_timers(watched=self._is_watched()))
        service.follow(self._ward, self._attention, now)
        for bed in sorted((self._ward.touched | self._ward.seen | self._showing) - {EDGE}):
            self._show(bed, now.mono_s, after_noise=self._ledger.noisy and bed not in self._showing)
        self._ward.touched, self._ward.seen = set(), set()
        self._showing = set()
        self._annunciate(now.mono_s)
        kept = [Keep(bed, part, body) for (bed, part), body in self._ward.kept.items()]
        self._effects = [*self._ledger.finish(), *kept, *self._ward.notes, *self._effects]
        self._ward.notes, self._ward.kept = [], {}
        if self._annunciation is not None:
            self._effects += self._annunciation.call(tuple(self._effects), self._ledger)
        self._beat(now)
        return Step(state.mark, tuple(self._effects), self._next_deadline_s(now.mono_s))

    def _note_stall(self, now_s: float) -> None:
        listening = self._state.listening
        if listening.stepped_at_s is not None:
            gap_s = now_s - listening.stepped_at_s
            if gap_s > STALL_S:
                listening.deaf_s += gap_s
        listening.stepped_at_s = now_s

    # --- applying ----------------------------------------------------------------------------------------------------

    def _begin_run(self) -> None:
        self._state.begun = True
        self._ward.notes += self._state.restored
        self._state.restored = []
        self._end_gone()
        self._ledger.reassert({EDGE, *self._ward.views})

    def _settle_configuration(self, beds: set[str]) -> None:
        """End what another configuration has nothing left of, and say of new beds that nothing stands there."""
        self._reconfigured = None
        self._ward.notes += self._state.restored
        self._state.restored = []
        self._end_gone()
        for bed in beds:
            self._ledger.reindex(bed)

    def _end_gone(self) -> None:
        for alarm in self._register.alarms():
            if self._is_gone(alarm.key):
                self._register.end_context(alarm.key, f"{alarm.text} Ended: no longer configured.")

    def _is_gone(self, key: AlarmKey) -> bool:
        """Tell whether the configuration has nothing left that this alarm could be about."""
        bed = self._ward.bed_of.get((key.port, key.channel))
        if key.bed == EDGE:
            return key.port != "" and (bed is not None or key.port not in self._state.ports)
        return key.bed not in self._ward.views or (key.port != "" and bed != key.bed)

    def _apply(self, item: Input, now: Instant, *, alone: bool) -> None:
        match item:
            case Observation():
                devices.observe(self._ward, self._register, item, now, alone=alone)
            case LinkChange():
                devices.change_link(self._ward, item, now)
            case LineErrors():
                self._state.ports[item.port].count(item)
            case Request():
                self._requests.carry_out(item)
            case Receipt() | AlarmTaken() | AlarmFound():
                self._hear_of_alarms(item)
            case StoreResult():
                self._stored(item)
            case BrokerLink() | PublishRefused() | PublishAccepted() | CertificatesSeen() | NameTaken():
                self._hear_broker(item, now)
            case PartReport() | DisksSeen() | StoreRead():
                self._hear_of_itself(item, now)
            case _:
                devices.hear(self._ward, self._register, item, now)

    def _hear_of_alarms(self, item: Receipt | AlarmTaken | AlarmFound) -> None:
        match item:
            case Receipt():
                required = item.station in self._ward.required
                if required and item.run == self._state.alarms.run:
                    stations.hear(self._state.pages, item)
                    if item.audible:
                        self._attention.displayed(item)
                    self._ward.touched.add(EDGE)
            case AlarmTaken():
                self._attention.taken(item)
            case AlarmFound():
                self._adopt(item)

    def _adopt(self, item: AlarmFound) -> None:
        """Take up an alarm that the broker still holds, or empty its topic where it can be true of nothing."""
        key = item.alarm.key
        is_over = item.known_over or item.alarm.signal is SignalPresence.OFF or self._is_gone(key)
        if is_over or not adopting.adopt(self._ledger, item.alarm, shown=item.shown):
            self._ledger.forget(item.alarm)
        if key.bed in self._ward.views:
            self._ward.touch(key.bed)

    def _is_watched(self) -> bool:
        """Tell whether a station must show the alarms, and can be reached."""
        return bool(self._ward.required) and bool(self._state.edge.connected)

    def _hear_broker(self, item: BrokerResult, now: Instant) -> None:
        edge = self._state.edge
        self._ward.touched.add(EDGE)
        match item:
            case BrokerLink():
                rules_edge.hear_link(edge, item)
                if not item.connected:
                    self._ward.touch_paused(self._attention.end_pauses("the broker was lost"))
                if edge.short_lives <= rules_edge.SHORT_LIVES:  # more of the same would wear the card for nothing
                    self._ward.note("broker", now, connected=str(item.connected), detail=item.detail)
            case PublishRefused():
                edge.refused[item.topic] = item.reason
            case PublishAccepted():
                edge.refused.pop(item.topic, None)
            case CertificatesSeen():
                edge.certificates = tuple((one, item.received_at_s + one.left_s) for one in item.certificates)
            case NameTaken():
                edge.name_taken_at_s, edge.name_taken_detail = item.received_at_s, item.detail
                self._ward.note("name-taken", now, detail=item.detail)
            case _:
                assert_never(item)

    def _stored(self, item: StoreResult) -> None:
        self._ward.touch_paused(self._ledger.committed(item.mark, durable=item.committed))
        self._showing |= self._ward.stored(item.mark, committed=item.committed)
        # A commit may leave something out, and says so.
        failure = item.detail or ("" if item.committed else "unknown reason")
        if failure != self._state.edge.store_failure:
            self._state.edge.store_failure = failure
            self._ward.touched.add(EDGE)

    def _hear_of_itself(self, item: PartReport | DisksSeen | StoreRead, now: Instant) -> None:
        edge, disks = self._state.edge, self._state.disks
        self._ward.touched.add(EDGE)
        match item:
            case PartReport():
                edge.bedside[item.part] = item.fault
            case DisksSeen():
                disks.see(item)
            case StoreRead():
                disks.unread, edge.unreadable, edge.store_set_aside = "", item.unreadable, item.set_aside
                restore_therapy.take_over(self._state, self._config, item.therapy, now)
                self._ward.notes += self._state.restored
                self._state.restored = []
                self._ward.reassert()

    # --- judging -----------------------------------------------------------------------------------------------------

    def _collect_due(self, now_s: float) -> None:
        while self._heap and self._heap[0][0] <= now_s:
            at_s, scope = heapq.heappop(self._heap)
            if self._due.get(scope) != at_s:
                continue
            if scope.startswith(SHOW):
                self._showing.add(scope.removeprefix(SHOW))
            else:
                self._ward.touched.add(scope)
        # A bed that is shown anyway is judged anyway where it is due before the next beat.
        self._ward.touched |= {bed for bed in self._ward.seen if self._due.get(bed, math.inf) < now_s + BEAT_S}
        if (self._ward.touched or self._ward.seen) and self._due.get(EDGE, math.inf) <= now_s + BEAT_EARLY_S:
            self._ward.touched.add(EDGE)

    def _schedule(self, scope: str, at_s: float) -> None:
        """Have a scope judged or shown then; ``inf``: not for the time alone."""
        if at_s == math.inf:
            self._due.pop(scope, None)
        elif self._due.get(scope) != at_s:
            self._due[scope] = at_s
            heapq.heappush(self._heap, (at_s, scope))

    def _next_deadline_s(self, now_s: float) -> float:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        soonest_s = self._heap[0][0] if self._heap else now_s + BEAT_S
        return min(soonest_s, max(self._state.alarms.timer_at_s, now_s), self._state.bedside.due_at_s, now_s + BEAT_S)

    def _judge(self, scope: str, now: Instant) -> None:
        if scope == EDGE:
            self._schedule(EDGE, self._judge_edge(now))
            return
        view = self._ward.views[scope]
        therapy = phases.advance(view, now)
        if therapy is not None:
            self._ward.note("phase", now, bed=scope, phase=therapy.phase.value, step=str(therapy.step))
            self._ward.treat(scope, therapy, now)
        doses.tally(self._ward, scope, now)
        resting = self._ward.resting
        until_s = resting.pop(scope, None)
        if until_s is not None and now.mono_s < until_s:
            again_at_s = bed_rules.stays(view, self._register, now.mono_s)
            if again_at_s is not None:
                resting[scope] = until_s
                self._schedule(scope, min(until_s, again_at_s))
                return
        due, phase_s = bed_rules.judge(view, self._register, now.mono_s), phases.due_s(view)
        until_s = due.other_s if phase_s is None else min(due.other_s, phase_s)
        if bed_rules.rests(view, self._register):
            resting[scope] = until_s
        self._schedule(scope, min(until_s, due.silence_s))

    def _judge_edge(self, now: Instant) -> float:
        state, now_s = self._state, now.mono_s
        for said in state.edge.wall_clock.see(now):
            self._ward.note("clock", now, **said)
        unbound = [source for name, source in state.sources.items() if name not in self._ward.bed_of]
        labels = tuple(view.config.label for view in self._ward.views.values())
        findings = [
            *rules_edge.northbound(state.edge, labels, now_s),
            *rules_edge.name_taken(state.edge, labels, now_s),
            *rules_edge.certificates(state.edge, now_s),
            *rules_edge.configuration(self._config.invalid, now_s),
            *rules_edge.not_watched(self._config.unwatched, now_s),
            *rules_edge.store(state.edge, now_s),
            *rules_disk.not_read(state.disks, now_s),
            *rules_disk.nearly_full(state.disks, now_s),
            *rules_therapy.unplaced(state.unplaced, now_s),
            *rules_edge.refused(state.edge, now_s),
            *rules_edge.test_alarm(state.edge, now_s),
            *rules_edge.bedside(state.edge, now_s, configured=self._annunciation is not None),
            *rules_edge.clock(state.edge, now),
            *self._not_displaying(now_s),
            *rules_edge.unbound(unbound, state.ports, self._config.drugs, now_s),
        ]
        active = {bed for bed, view in self._ward.views.items() if view.active()}
        for name, port in state.ports.items():
            beds = self._ward.beds_of_port[name]
            bound = [(view, one) for view in map(self._ward.views.__getitem__, beds) for one in view.bound_to(name)]
            lost = bool(bound) and all(view.link_lost(binding, now_s) for view, binding in bound)
            expected = not active.isdisjoint(beds)
            findings += rules_edge.line_errors(name, port, (now_s, self._register.stays), expected=expected, lost=lost)
        due = [self._register.judge(finding, now_s) for finding in findings]
        return min([_next_beat_s(now_s), *(at_s for at_s in due if at_s is not None)])

    def _not_displaying(self, now_s: float) -> Iterator[Finding]:
        if not self._ward.required:
            # No screen must show anything any more: what stood of it would stand for ever.
            yield from stations.not_displaying({}, (), now_s)
            return
        seen = stations.shown(self._state.pages, self._ward.required, now_s)
        unseen = {view.config.label: view.active() for bed, view in self._ward.views.items() if bed not in seen}
        # After the start, and after a broker that was lost, pages have their time to say what they show.
        since_s = self._state.alarms.watched_since_s
        heard = since_s is not None and now_s >= since_s + stations.RECEIPT_LIMIT_S
        reachable = bool(self._state.edge.connected)
        if not reachable or (heard and len(unseen) == len(self._ward.views)):
            self._ward.touch_paused(self._attention.end_pauses("no required station is there"))
        undelivered = self._attention.undelivered() if reachable else ()
        yield from stations.not_displaying(unseen if heard and reachable else None, undelivered, now_s)

    def _annunciate(self, now_s: float) -> None:
        if self._annunciation is None:
            return
        shown = stations.shown(self._state.pages, self._ward.required, now_s)
        active = any(view.active() for view in self._ward.views.values())
        self._effects += self._annunciation.judge(self._ledger, Scene(now_s, shown, active))

    def _show(self, bed: str, now_s: float, *, after_noise: bool) -> None:
        """Publish therapy where it changed, and the snapshot where it is due; it is due again without any judging.

        ``after_noise``: no alarm of this step is to wait for a snapshot to be made, which is due in a moment then.
        """
        view = self._ward.views[bed]
        state = view.state
        self._show_therapy(view)
        self._ward.keep_again(bed, self._ledger.now)
        at_rest = bed in self._ward.resting and not state.news
        often_s = bed_rules.SHOW_AT_REST_S if at_rest else bed_rules.SHOW_EVERY_S
        wait_s = often_s if state.dirty else bed_rules.SHOW_AGAIN_S
        due_s = -math.inf if state.shown_at_s is None else state.shown_at_s + wait_s
        early_s = bed_rules.SHOW_EARLY_S if at_rest else 0.0
        if now_s + early_s >= due_s and not (after_noise and state.shown_at_s is not None):
            state.shown_at_s, state.dirty, state.news = now_s, False, False
            due_s = now_s + bed_rules.SHOW_AGAIN_S
            self._effects.append(Publish(bed_rules.snapshot(view, now_s)))
        elif now_s >= due_s:
            due_s = min(now_s + SHOW_AFTER_NOISE_S, self._due.get(SHOW + bed, math.inf))
        self._schedule(SHOW + bed, due_s)

    def _show_therapy(self, view: BedView) -> None:
        """Publish the therapy where it changed, once it is kept: of an order that is lost nobody was told (law 7).

        The pauses that stand beside it do not wait: their end makes noise.
        """
        state, pauses = view.state, self._attention.pauses_of(view.config.bed)
        if not state.keeping:
            shown = (state.therapy, view.infusing(), bed_rules.beginning(view), pauses)
            if shown != state.therapy_shown:
                state.therapy_shown, state.view = shown, bed_rules.therapy(view, pauses)
                self._effects.append(Publish(state.view))
        elif state.view is not None and state.view.pauses != pauses:
            state.view = replace(state.view, pauses=pauses)
            self._effects.append(Publish(state.view))

    # --- the pulse ---------------------------------------------------------------------------------------------------

    def _beat(self, now: Instant) -> None:
        state = self._state
        if state.heartbeat_at_s is None or now.mono_s - state.heartbeat_at_s >= HEARTBEAT_S - BEAT_NUDGE_S:
            state.heartbeat_at_s = now.mono_s
            self._effects.append(Publish(Heartbeat(now)))
        if state.self_check_at_s is None or now.mono_s - state.self_check_at_s >= SELF_CHECK_S - BEAT_NUDGE_S:
            state.self_check_at_s = now.mono_s
            state.self_checks += 1
            alarms = self._register.alarms()
            store = state.edge.store_failure
            self._effects.append(Publish(pulse.self_check(state.self_checks, now, self._devices(), alarms, store)))
        if state.roster_changed:
            state.roster_changed = False
            self._effects.append(Publish(pulse.roster(self._config, self._devices())))

    def _devices(self) -> tuple[DeviceView, ...]:
        return pulse.devices(self._config, self._state.ports, self._state.sources)
