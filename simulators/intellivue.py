"""A Philips IntelliVue monitor at its MIB/RS-232 port, set to "Data Out" at a fixed speed.

A host associates, confirms the monitor's first event, and polls; it may ask the monitor to go on by itself for some
time. A host that says nothing for too long is given up. The monitor records what the host said; whatever is none of
the documented requests is a violation, so that a test can hold a driver to reading only.

Written from public descriptions, which leave open: what a monitor does with an association request while it is
associated (``Again``; here it refuses, and does not count that as a sign of life), what it does with anything but an
association before that (here: nothing), what a poll before the confirmation of its first event gets (here: nothing),
whether ``sequence`` begins anew when a poll is renewed (here: not). Waves, enumerations and demographics may be polled;
there are none. A damaged frame gets no answer.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.intellivue_alarms import AlarmBoard, AlarmState
from simulators.intellivue_answers import (
    REFUSE,
    RELEASE_RESPONSE,
    Terms,
    accept,
    agree,
    error,
    mds_create,
    poll_results,
    priority_list,
)
from simulators.intellivue_numerics import Measurements, Observation, Showing
from simulators.intellivue_requests import (
    ABORT,
    NUMERIC_PRIORITY_LIST,
    Action,
    Group,
    HostMessage,
    HostSaid,
    ObjectClass,
    Poll,
    RemoteError,
    read_host_frame,
)
from simulators.intellivue_setup import Again, IntelliVueOptions, MdsAttribute, Mode
from simulators.intellivue_values import NO_TIME, TICKS_PER_S, Attribute, bcd_time, text
from simulators.intellivue_wire import frame, split_host_bytes
from simulators.model import SimulatedDevice
from simulators.patient import Vitals

MAX_HEARD = 16  # things said in one piece of input; more are a babbling host's, and are recorded but not heard
MAX_RECORDS = 1000  # a quarter of an hour of a host that polls every second
MAX_VIOLATIONS = 100  # the first are kept: one is already a failure
MAX_SUBSCRIPTIONS = 8  # more than a host has classes to ask for; further ones get an error
MAX_PENDING_ANSWERS = 64  # a late monitor's; over four big answers to each of 16 requests, further ones are dropped
PUSH_S = 1.024
MDS_HANDLE = 0
CREATE_INVOKE_ID = 1  # in each association anew: there are hosts that confirm no other

_AVERAGED_S = ((0x8000_0000, PUSH_S), (0x4000_0000, 12.288), (0x2000_0000, 61.44), (0x1000_0000, 307.2))
_TIME_TURN, _SEQUENCE_TURN = 1 << 32, 1 << 16


@dataclass(frozen=True, slots=True)
class HostRecord:
    """What the host said, and when."""

    at_s: float
    message: HostMessage


@dataclass(slots=True)
class _Subscription:
    invoke_id: int
    poll: Poll
    every_s: float
    due_s: float
    end_s: float


@dataclass(slots=True)
class _Association:
    terms: Terms
    heard_s: float
    confirmed: bool = False
    subscriptions: dict[tuple[int, int], _Subscription] = field(default_factory=dict)
    sequences: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass(slots=True)
class _Session:
    """What a power cycle forgets."""

    on_at_s: float
    cuff_due_s: float
    buffer: bytes = b""
    association: _Association | None = None
    pending: deque[tuple[float, bytes]] = field(default_factory=deque)


class IntelliVueMonitor(SimulatedDevice):
    """The monitor. Sensors and values are set at ``measurements``, alarms at ``alarms``.

    May be set at any time: ``muted`` (it hears and says nothing), ``mode``, ``unix_at_zero_s`` (its clock), and
    ``answer_delay_s``: what it says from then on goes out so much later, in order, whatever the host says meanwhile.
    """

    def __init__(self, vitals: Callable[[float], Vitals], options: IntelliVueOptions | None = None) -> None:
        self.options = options or IntelliVueOptions()
        self.measurements = Measurements(vitals, self.options.fitted)
        self.alarms = AlarmBoard()
        self.muted = False
        self.mode = Mode.MONITORING
        self.answer_delay_s = 0.0
        self.unix_at_zero_s = self.options.unix_at_zero_s
        self.records: deque[HostRecord] = deque(maxlen=MAX_RECORDS)
        self.violations: list[HostRecord] = []
        self.violation_count = 0
        self.dropped_answers = 0
        self._session: _Session | None = None

    @property
    def deadline_s(self) -> float | None:
        """When a late answer, a result, a cuff measurement or the end of patience is due."""
        session = self._session
        if session is None:
            return None
        due_s = min(session.cuff_due_s, session.pending[0][0] if session.pending else math.inf)
        if association := session.association:
            dues_s = (subscription.due_s for subscription in association.subscriptions.values())
            due_s = min(due_s, association.heard_s + association.terms.silence_limit_s, *dues_s)
        return None if due_s == math.inf else due_s

    @property
    def associated(self) -> bool:
        """Whether a host is associated and has confirmed the monitor's first event."""
        association = self._session and self._session.association
        return bool(association and association.confirmed)

    def start(self, now_s: float) -> bytes:
        """Power on, also again: nobody is associated, and the cuff measures at once if it has an interval."""
        self.measurements.forget_cuff()
        self._session = _Session(now_s, math.inf if self.options.cuff_interval_s is None else now_s)
        return self.tick(now_s)

    def power_off(self) -> None:
        """Switch off: the monitor neither hears nor speaks until ``start``."""
        self._session = None

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host and return what is due on the line."""
        session = self._session
        if session is None:
            return b""
        self._do_due(session, now_s)  # what was due came before what is heard
        session.buffer, frames = split_host_bytes(session.buffer + data)
        messages = [read_host_frame(host_frame) for host_frame in frames]
        for message in messages:
            self._record(message, now_s)
        for message in messages[:MAX_HEARD]:
            self._hear(session, message, now_s)
        return self.tick(now_s)

    def tick(self, now_s: float) -> bytes:
        """Return what is due on the line. Results that were missed meanwhile are gone."""
        session = self._session
        if session is None:
            return b""
        self._do_due(session, now_s)
        line = bytearray()
        while session.pending and session.pending[0][0] <= now_s:
            line += session.pending.popleft()[1]
        return bytes(line)

    def measure_cuff(self, now_s: float) -> None:
        """Measure with the cuff now, by hand."""
        self.measurements.measure_cuff(now_s, self._unix_s(now_s))

    def abort(self, now_s: float) -> bytes:
        """End the association from the monitor's side."""
        if self._session is not None and self._session.association is not None:
            self._session.association = None
            self._say(self._session, ABORT, now_s)
        return self.tick(now_s)

    def _record(self, message: HostMessage, now_s: float) -> None:
        host_record = HostRecord(now_s, message)
        self.records.append(host_record)
        if message.said is HostSaid.VIOLATION:
            self.violation_count += 1
            if len(self.violations) < MAX_VIOLATIONS:
                self.violations.append(host_record)

    def _hear(self, session: _Session, message: HostMessage, now_s: float) -> None:
        association = session.association
        if message.said is HostSaid.ASSOCIATE or message.reason == "association":
            self._associate(session, message, now_s)
            return
        unheard = message.said is HostSaid.VIOLATION and message.error is None
        if association is None or unheard or message.said is HostSaid.FRAME_ABORT:
            return
        association.heard_s = now_s
        if message.said is HostSaid.RELEASE:
            session.association = None
            self._say(session, RELEASE_RESPONSE, now_s)
        elif message.said is HostSaid.ABORT:
            session.association = None
        elif message.said is HostSaid.CREATE_RESULT:
            association.confirmed |= message.invoke_id == CREATE_INVOKE_ID
        elif association.confirmed:
            self._operate(session, association, message, now_s)

    def _associate(self, session: _Session, message: HostMessage, now_s: float) -> None:
        if session.association is not None:
            again = self.options.again
            if again is Again.ABORT:
                session.association = None
            if again is not Again.ACCEPT:
                self._say(session, {Again.ABORT: ABORT, Again.REFUSE: REFUSE}.get(again, b""), now_s)
                return
        if message.proposal is None:
            self._say(session, REFUSE, now_s)
            return
        terms = agree(self.options.offer(), message.proposal)
        session.association = _Association(terms, now_s)
        self._say(session, accept(terms), now_s)
        event = mds_create(CREATE_INVOKE_ID, self._ticks(session, now_s), self._mds_attributes(session, now_s))
        self._say(session, event, now_s)

    def _operate(self, session: _Session, association: _Association, message: HostMessage, now_s: float) -> None:
        poll = message.poll
        if message.error is not None:
            self._say(session, error(message.invoke_id, message.error, message.detail), now_s)
        elif poll is None:  # a priority list
            labels = self.measurements.labels() if message.priority_list == NUMERIC_PRIORITY_LIST else []
            self._say(session, priority_list(message.invoke_id, message.priority_list, labels), now_s)
        elif poll.action is Action.EXTENDED_POLL and association.terms.extension is None:
            detail = struct.pack(">HH", ObjectClass.MDS, poll.action)
            self._say(session, error(message.invoke_id, RemoteError.NO_SUCH_ACTION, detail), now_s)
        elif poll.period_ticks is None:
            self._answer(session, association, message.invoke_id, poll, now_s)
        else:
            self._subscribe(session, association, message.invoke_id, poll, now_s)

    def _subscribe(
        self, session: _Session, association: _Association, invoke_id: int, poll: Poll, now_s: float
    ) -> None:
        key = (poll.object_class, poll.group)
        if key not in association.subscriptions and len(association.subscriptions) >= MAX_SUBSCRIPTIONS:
            self._say(session, error(invoke_id, RemoteError.PROCESSING_FAILURE, bytes(4)), now_s)
            return
        every_s = PUSH_S
        if poll.object_class is ObjectClass.NUMERIC:
            every_s = next(s for bit, s in _AVERAGED_S if bit & (association.terms.extension or 0))
        end_s = now_s + (poll.period_ticks or 0) / TICKS_PER_S
        association.subscriptions[key] = _Subscription(invoke_id, poll, every_s, now_s, end_s)

    def _do_due(self, session: _Session, now_s: float) -> None:
        if now_s >= session.cuff_due_s:
            self.measure_cuff(now_s)
            session.cuff_due_s = _next_s(session.cuff_due_s, self.options.cuff_interval_s or math.inf, now_s)
        association = session.association
        if association is None:
            return
        if now_s >= association.heard_s + association.terms.silence_limit_s:
            session.association = None
            self._say(session, ABORT, now_s)
            return
        for key, subscription in sorted(association.subscriptions.items()):
            if now_s >= subscription.due_s:
                self._answer(session, association, subscription.invoke_id, subscription.poll, now_s)
                subscription.due_s = _next_s(subscription.due_s, subscription.every_s, now_s)
                if subscription.due_s > subscription.end_s:
                    del association.subscriptions[key]

    def _answer(self, session: _Session, association: _Association, invoke_id: int, poll: Poll, now_s: float) -> None:
        sequence = 0
        if poll.action is Action.EXTENDED_POLL:
            key = (poll.object_class, poll.group)
            sequence = association.sequences[key] = (association.sequences.get(key, 0) + 1) % _SEQUENCE_TURN
        absolute = bcd_time(self._unix_s(now_s)) if self.options.absolute_times else NO_TIME
        times = self._ticks(session, now_s).to_bytes(4, "big") + absolute
        observations = self._observations(session, poll, now_s)
        mtu_bytes = association.terms.mtu_tx_bytes
        for result in poll_results(invoke_id, poll, observations, times=times, sequence=sequence, mtu_bytes=mtu_bytes):
            self._say(session, result, now_s)

    def _observations(self, session: _Session, poll: Poll, now_s: float) -> list[Observation]:
        demo, standby = self.mode is Mode.DEMO, self.mode is Mode.STANDBY
        match poll.object_class:
            case ObjectClass.NUMERIC:
                showing = Showing(self.alarms.numerics_in_alarm(), demo=demo, withheld=standby)
                return self.measurements.observations(now_s, poll.group, showing)
            case ObjectClass.ALARM_MONITOR:
                standing = AlarmState.DEMO if demo else AlarmState.STANDBY if standby else 0
                return self.alarms.observations(poll.group, standing)
            case ObjectClass.MDS if poll.group in (Group.ALL, Group.SYSTEM):
                return [(MDS_HANDLE, self._mds_attributes(session, now_s))]
            case _:
                return []

    def _mds_attributes(self, session: _Session, now_s: float) -> list[Attribute]:
        values = {
            MdsAttribute.ABSOLUTE_TIME: bcd_time(self._unix_s(now_s)),
            MdsAttribute.RELATIVE_TIME: self._ticks(session, now_s).to_bytes(4, "big"),
            MdsAttribute.MODEL: b"".join(text(words) for words in self.options.model),
            MdsAttribute.BED_LABEL: text(self.options.bed_label),
            MdsAttribute.OPERATING_MODE: self.mode.to_bytes(2, "big"),
        }
        return [(number, values[number]) for number in self.options.mds_attributes]

    def _say(self, session: _Session, message: bytes, now_s: float) -> None:
        if self.muted or not message:
            return
        if len(session.pending) >= MAX_PENDING_ANSWERS:
            self.dropped_answers += 1
            return
        session.pending.append((now_s + self.answer_delay_s, frame(message)))

    def _ticks(self, session: _Session, now_s: float) -> int:
        return (self.options.ticks_at_start + round((now_s - session.on_at_s) * TICKS_PER_S)) % _TIME_TURN

    def _unix_s(self, now_s: float) -> int:
        return math.floor(self.unix_at_zero_s + now_s)


def _next_s(due_s: float, every_s: float, now_s: float) -> float:
    """Return when what was due is due again: in its phase, and what was missed is gone."""
    return due_s + (math.floor((now_s - due_s) / every_s) + 1) * every_s
