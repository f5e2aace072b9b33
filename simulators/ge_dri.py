"""A GE/Datex-Ohmeda monitor (S/5, Cardiocap/5, CARESCAPE) that answers a host in records ("DRI") over RS-232.

It is silent until it is asked, then sends at the asked interval, the first record at once, until it is told to stop;
there is no acknowledgement and no keep-alive, and what it does not understand it ignores. It records what the host
said; whatever is none of the documented requests is a violation, so that a test can hold a driver to reading only.

Written from public descriptions, which leave open: what a monitor does with an interval that is too short (here: takes
its shortest), whether trends differ from displayed values (here: the same numbers), whether entering the differential
mode of alarms sends anything (here: not before something changes). Waveforms may be asked for and are not sent.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from simulators.ge_dri_modules import USUAL_GROUPS, MeasuringModules, NibpLabel
from simulators.ge_dri_records import (
    ALARM_BOXES,
    ALARM_TEXT_CHARS,
    FLAG,
    AlarmBox,
    Group,
    HostMessage,
    HostSaid,
    MainType,
    RecordType,
    alarm_status,
    auxiliary,
    frame,
    physiological,
    record,
    split_host_bytes,
)
from simulators.model import SimulatedDevice
from simulators.patient import Vitals

BAUD = 19_200
DATA_BITS = 8
PARITY = "E"
STOP_BITS = 1
RTS_CTS = True

ONCE, STOP = -1, 0
MAX_INTERVAL_S = 3600
SHORTEST_INTERVAL_S: Mapping[RecordType, int] = {
    RecordType.DISPLAYED: 5,
    RecordType.TREND_10_S: 10,
    RecordType.TREND_60_S: 60,
    RecordType.AUXILIARY: 5,
}
ALARM_CHECK_S = 1.0  # in differential mode
MAX_HEARD = 16  # things said in one piece of input; more are a babbling host's, and are recorded but not heard
MAX_RECORDS = 1000  # over an hour of a host that asks every few seconds
MAX_VIOLATIONS = 100  # the first are kept: one is already a failure
MAX_ALARMS = 32  # far more than are shown

_ALARM_STATUS = 1
_RECORD_NUMBERS = 256
_CLOCK_TURN_S = 1 << 32
_BASIC, _CLASSES = 0, 4


class Colour(IntEnum):
    """An alarm's colour, by which alarms are ranked."""

    NONE = 0
    WHITE = 1
    YELLOW = 2
    RED = 3


class Silence(IntEnum):
    """What is silenced; the last three end by themselves."""

    NONE = 0
    APNEA = 1
    ASYSTOLE = 2
    APNEA_ASYSTOLE = 3
    ALL = 4
    ALL_2_MIN = 5
    ALL_5_MIN = 6
    ALL_20_S = 7


_SILENCE_S = {Silence.ALL_2_MIN: 120.0, Silence.ALL_5_MIN: 300.0, Silence.ALL_20_S: 20.0}


@dataclass(frozen=True, slots=True)
class DriOptions:
    """The monitor and how it is set up.

    ``fitted`` are the groups whose modules are plugged in at first. ``unix_at_zero_s`` is what the monitor's clock
    shows when the monotonic time is 0. A ``cuff_interval_s`` of ``None`` leaves the cuff to ``measure_cuff``.
    ``subtype_low_byte`` stands beside the class of a sub-record and means nothing. ``auxiliary_padded`` sends auxiliary
    information in 278 bytes in place of 114, ``shared_flags`` one flag between two records in place of two. Without
    ``alarms_available`` alarm requests are ignored. Raises ``ValueError`` for a cuff interval that is not positive
    and for a number that its bytes cannot hold.
    """

    dri_level: int = 10
    plug_id: int = 0
    fitted: frozenset[Group] = USUAL_GROUPS
    unix_at_zero_s: int = 1_700_000_000
    cuff_interval_s: float | None = 300.0
    subtype_low_byte: int = 0
    auxiliary_padded: bool = False
    shared_flags: bool = False
    alarms_available: bool = True

    def __post_init__(self) -> None:
        if self.cuff_interval_s is not None and not 0.0 < self.cuff_interval_s < math.inf:
            raise ValueError("a cuff interval is above 0 s")
        if not (0 <= self.dri_level < 1 << 8 and 0 <= self.plug_id < 1 << 16 and 0 <= self.subtype_low_byte < 1 << 8):
            raise ValueError("a level or low byte is one byte, a plug id two")


@dataclass(frozen=True, slots=True)
class HostRecord:
    """What the host said, and when."""

    at_s: float
    message: HostMessage


@dataclass(slots=True)
class _Subscription:
    interval_s: int
    class_mask: int
    due_s: float


@dataclass(frozen=True, slots=True)
class _AlarmState:
    shown: tuple[tuple[str, Colour], ...] = ()
    sound: bool = False
    silence: Silence = Silence.NONE


@dataclass(slots=True)
class _Session:
    """What a power cycle forgets."""

    cuff_due_s: float
    buffer: bytes = b""
    number: int = 0
    subscriptions: dict[RecordType, _Subscription] = field(default_factory=dict)
    alarm_check_s: float = math.inf
    told: _AlarmState = _AlarmState()


class DriMonitor(SimulatedDevice):
    """The monitor; ``vitals`` is asked once a record, and for its cuff pressure when the cuff measures.

    May be set at any time: ``muted`` (it hears and says nothing), ``clear_to_send`` (the host's handshake line: while
    it is off nothing is sent, and what was due is gone), ``unix_at_zero_s`` (its clock). Sensors and values are set at
    ``modules``.
    """

    def __init__(self, vitals: Callable[[float], Vitals], options: DriOptions | None = None) -> None:
        self.options = options or DriOptions()
        self.modules = MeasuringModules(vitals, self.options.fitted)
        if self.options.cuff_interval_s is not None:
            self.modules.set_label(Group.NIBP, NibpLabel.ADULT | NibpLabel.AUTO)
        self.muted = False
        self.clear_to_send = True
        self.unix_at_zero_s = self.options.unix_at_zero_s
        self.records: deque[HostRecord] = deque(maxlen=MAX_RECORDS)
        self.violations: list[HostRecord] = []
        self.violation_count = 0
        self._alarms: dict[str, Colour] = {}
        self._silence = Silence.NONE
        self._silence_end_s = math.inf
        self._session: _Session | None = None

    @property
    def deadline_s(self) -> float | None:
        """When a record, a cuff measurement or a look at the alarms is due."""
        session = self._session
        if session is None:
            return None
        dues_s = (subscription.due_s for subscription in session.subscriptions.values())
        due_s = min(session.cuff_due_s, session.alarm_check_s, *dues_s)
        return None if due_s == math.inf else due_s

    def start(self, now_s: float) -> bytes:
        """Power on, also again: nobody is being answered, and the cuff measures at once if it has an interval."""
        self.modules.forget_cuff()
        self._silence = Silence.NONE
        self._session = _Session(math.inf if self.options.cuff_interval_s is None else now_s)
        return self.tick(now_s)

    def power_off(self) -> None:
        """Switch off: the monitor neither hears nor speaks until ``start``."""
        self._session = None

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host and return what is due on the line."""
        session = self._session
        if session is None:
            return b""
        session.buffer, messages = split_host_bytes(session.buffer + data)
        for message in messages:
            self._record(message, now_s)
        answers = b"".join(self._hear(session, message, now_s) for message in messages[:MAX_HEARD])
        return self._shared(answers + self._due(session, now_s))

    def tick(self, now_s: float) -> bytes:
        """Return the records that are due. Records that were missed meanwhile are gone."""
        return b"" if self._session is None else self._shared(self._due(self._session, now_s))

    def measure_cuff(self, now_s: float) -> None:
        """Measure with the cuff now, by hand."""
        self.modules.measure_cuff(now_s, self._unix_s(now_s))

    def set_alarm(self, text: str, colour: Colour) -> None:
        """Show an alarm, or show it in another colour. The five of the highest rank are sent, older ones first.

        Raises ``ValueError`` for a text that is empty, too long or not printable, and for too many alarms.
        """
        if not (0 < len(text) <= ALARM_TEXT_CHARS and text.isascii() and text.isprintable()):
            raise ValueError(f"alarm text {text!r}")
        if text not in self._alarms and len(self._alarms) >= MAX_ALARMS:
            raise ValueError("too many alarms")
        self._alarms[text] = colour

    def clear_alarm(self, text: str) -> None:
        """End an alarm; ``KeyError`` if there is none of this text."""
        del self._alarms[text]

    def silence(self, silence: Silence, now_s: float) -> None:
        """Press the silence key of the monitor."""
        self._silence = silence
        self._silence_end_s = now_s + _SILENCE_S.get(silence, math.inf)

    def _record(self, message: HostMessage, now_s: float) -> None:
        host_record = HostRecord(now_s, message)
        self.records.append(host_record)
        if message.said is HostSaid.VIOLATION:
            self.violation_count += 1
            if len(self.violations) < MAX_VIOLATIONS:
                self.violations.append(host_record)

    def _hear(self, session: _Session, message: HostMessage, now_s: float) -> bytes:
        """Do what is asked, and return a record that was asked for once."""
        if message.said is HostSaid.PHYSIOLOGICAL:
            if message.interval_s == ONCE:
                return self._physiological(session, message.record_type, message.class_mask, now_s)
            self._subscribe(session, message, now_s)
        elif message.said is HostSaid.ALARM and self.options.alarms_available:
            match message.command:
                case 0:
                    return self._alarm_record(session, now_s)
                case 2 if session.alarm_check_s == math.inf:
                    session.told = self._alarm_state(now_s)
                    session.alarm_check_s = now_s + ALARM_CHECK_S
                case 3:
                    session.alarm_check_s = math.inf
        return b""

    def _subscribe(self, session: _Session, message: HostMessage, now_s: float) -> None:
        kind = message.record_type
        if message.interval_s == STOP:
            session.subscriptions.pop(kind, None)
            return
        interval_s = min(MAX_INTERVAL_S, max(SHORTEST_INTERVAL_S[kind], message.interval_s))
        now = session.subscriptions.get(kind)
        # Hosts that do not know the level ask the same at several levels: that must not begin the phase anew.
        if now is None or (now.interval_s, now.class_mask) != (interval_s, message.class_mask):
            session.subscriptions[kind] = _Subscription(interval_s, message.class_mask, now_s)

    def _due(self, session: _Session, now_s: float) -> bytes:
        if now_s >= session.cuff_due_s:
            self.measure_cuff(now_s)
            session.cuff_due_s = _next_s(session.cuff_due_s, self.options.cuff_interval_s or math.inf, now_s)
        line = b""
        for kind, subscription in sorted(session.subscriptions.items()):
            if now_s >= subscription.due_s:
                subscription.due_s = _next_s(subscription.due_s, subscription.interval_s, now_s)
                line += self._physiological(session, kind, subscription.class_mask, now_s)
        if now_s >= session.alarm_check_s:
            session.alarm_check_s = _next_s(session.alarm_check_s, ALARM_CHECK_S, now_s)
            if session.told != self._alarm_state(now_s):
                line += self._alarm_record(session, now_s)
        return line

    def _physiological(self, session: _Session, kind: RecordType, class_mask: int, now_s: float) -> bytes:
        unix_s = self._unix_s(now_s)
        if kind is RecordType.AUXILIARY:
            subrecords = [auxiliary(self.modules.nibp_unix_s, padded=self.options.auxiliary_padded)]
        else:
            # Bit 0 denies the basic class; the other bits ask for the classes of their number.
            wanted = [number for number in range(_CLASSES) if bool(class_mask >> number & 1) != (number == _BASIC)]
            states = self.modules.states(now_s)
            low_byte = self.options.subtype_low_byte
            subrecords = [physiological(number, states, unix_s, low_byte) for number in wanted]
        if not subrecords:
            return b""
        return self._put(session, MainType.PHYSIOLOGICAL, [(kind, data) for data in subrecords], now_s)

    def _alarm_state(self, now_s: float) -> _AlarmState:
        silence = self._silence if now_s < self._silence_end_s else Silence.NONE
        ranked = sorted(self._alarms.items(), key=lambda alarm: -alarm[1])
        sound = any(self._alarms.values()) and silence < Silence.ALL
        return _AlarmState(tuple(ranked[:ALARM_BOXES]), sound, silence)

    def _alarm_record(self, session: _Session, now_s: float) -> bytes:
        state = self._alarm_state(now_s)
        before = _boxes(session.told)
        boxes = [
            AlarmBox(text, colour, text_changed=text != old_text, colour_changed=colour != old_colour)
            for (text, colour), (old_text, old_colour) in zip(_boxes(state), before, strict=True)
        ]
        data = alarm_status(boxes, sound=state.sound, silence=state.silence)
        line = self._put(session, MainType.ALARM, [(_ALARM_STATUS, data)], now_s)
        if line:
            session.told = state
        return line

    def _put(
        self, session: _Session, main_type: MainType, subrecords: Sequence[tuple[int, bytes]], now_s: float
    ) -> bytes:
        if self.muted or not self.clear_to_send:
            return b""
        number, session.number = session.number, (session.number + 1) % _RECORD_NUMBERS
        return frame(
            record(
                main_type,
                subrecords,
                number=number,
                level=self.options.dri_level,
                plug_id=self.options.plug_id,
                unix_s=self._unix_s(now_s),
            )
        )

    def _shared(self, line: bytes) -> bytes:
        return line.replace(FLAG + FLAG, FLAG) if self.options.shared_flags else line

    def _unix_s(self, now_s: float) -> int:
        return math.floor(self.unix_at_zero_s + now_s) % _CLOCK_TURN_S


def _next_s(due_s: float, period_s: float, now_s: float) -> float:
    """Return when it is due next after now, in the same phase."""
    return due_s + (math.floor((now_s - due_s) / period_s) + 1) * period_s


def _boxes(state: _AlarmState) -> tuple[tuple[str, Colour], ...]:
    return (*state.shown, *[("", Colour.NONE)] * (ALARM_BOXES - len(state.shown)))
