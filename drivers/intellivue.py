"""Philips IntelliVue monitors (MP, MX, X2 in a host; Avalon FM) over MIB/RS-232, fixed baudrate, "Data Out".

Experimental: a third-party program decoded rightly an accepted association, a first event and a result of numerics; no
public transcript of a real monitor exists, and the alarms stand on fewer witnesses. Hypotheses that this driver leans
on: the stream of an extended poll, the bits of modes and of alarms (``drivers/intellivue_alarms.py``), and that a
result's number is that of its poll. The auto-speed protocol is not spoken: the monitor's port must be set to fixed
baudrate.

    phase        what is awaited                       due
    ASSOCIATING  an accept                             ask again each 2 s; RELEASING if data came meanwhile, which
                                                       is an association that an earlier host has left
    CREATING     the monitor's first event, which is   RELEASING
                 acknowledged; then POLLING
    POLLING      results (``intellivue_polls.py``)     polls; RELEASING if numerics stayed away
    RELEASING    its agreement; then ASSOCIATING       abort, and ASSOCIATING

A monitor that aborts, or that asks for the end and is answered, is asked for a new association 2 s later. Nothing that
is known of its alarms ends by that.

Data of a demonstration or a test are told three times: each reading is invalid and its note says so, and an alarm with
code DEMONSTRATION or TEST stands. In demonstration or service mode the same is said of every reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import cycle
from typing import Final

from drivers.intellivue_alarms import AlarmBoard
from drivers.intellivue_answers import (
    Kind,
    MalformedError,
    MdsCreated,
    PollResult,
    Refusal,
    Terms,
    model_of,
    read_answer,
    read_terms,
)
from drivers.intellivue_frame import MAX_EXCERPT_BYTES, Framer
from drivers.intellivue_numbers import CuffClock, MonitorClock, numbers_of
from drivers.intellivue_polls import Polls
from drivers.intellivue_requests import (
    ABORT,
    ALARM_CLASS,
    ASSOCIATE,
    NUMERICS_CLASS,
    RELEASE,
    RELEASED,
    TICKS_PER_S,
    MdsResult,
)
from drivers.intellivue_values import Moment, demonstrated, readings_of, tested
from drivers.model import (
    VITAL_SIGNS,
    AlarmSetChanged,
    Description,
    DeviceAlarm,
    DeviceIdentified,
    DeviceKind,
    DeviceRestarted,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Output,
    Rejected,
    Send,
    SessionOptions,
)

ASSOCIATE_S: Final = 2.0
"""How often an association is asked for."""
CREATE_LIMIT_S: Final = 5.0
"""How long the monitor's first event may take."""
RELEASE_LIMIT_S: Final = 1.0
"""How long the monitor may take to agree to the end."""
CLOCK_SLACK_S: Final = 5
"""So far the monitor's ticks may fall back unremarked: its messages may have waited on the way."""

_ROUND_S: Final = 1.0
_CHANNEL: Final = "0"
_MODEL: Final = "Philips IntelliVue"
_MODEL_ATTRIBUTE: Final = 0x0928
_TICKS_END: Final = 2**32
_WRAP_TICKS: Final = 600 * TICKS_PER_S  # so near its end and its beginning the counter wrapped, and did not fall


class _Phase(Enum):
    ASSOCIATING = "associating"
    CREATING = "creating"
    POLLING = "polling"
    RELEASING = "releasing"


class MibSession:
    """One conversation with one monitor: an observation each second, its alarms whenever they differ."""

    def __init__(self, options: SessionOptions) -> None:
        self._port = options.port
        self._poll_interval_s = options.poll_interval_s
        self._framer = Framer()
        self._numbers: Iterator[int] = cycle(range(1, 0x10000))
        self._phase = _Phase.ASSOCIATING
        self._due_s: float | None = None
        self._left_over = False  # whether data came although there is no association
        self._terms = Terms()
        self._polls: Polls | None = None
        # what is known of the monitor, through all associations
        self._clock = MonitorClock()
        self._cuff = CuffClock()
        self._board = AlarmBoard()
        self._ticks: int | None = None
        self._model: str | None = None
        self._told: tuple[DeviceAlarm, ...] | None = None

    @property
    def round_s(self) -> float:
        """One result of numerics a second; where the monitor grants no stream, the interval of the polls."""
        return self._polls.round_s if self._polls is not None else _ROUND_S

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""
        return self._polls.deadline_s if self._polls is not None else self._due_s

    @property
    def held_bytes(self) -> int:
        """How many bytes of an unfinished frame are held back; less than MAX_FRAME_BYTES."""
        return self._framer.held_bytes

    @property
    def awaited_bytes(self) -> int:
        """How many bytes of a frame are missing, at least."""
        return self._framer.awaited_bytes

    def start(self, now_s: float) -> Sequence[Output]:
        """Ask for an association."""
        return self._associate(now_s)

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut; give observations, events, rejections and what is to be sent."""
        out: list[Output] = []
        for item in self._framer.feed(data):
            if isinstance(item, Rejected):
                out.append(item)
                if self._polls is not None:
                    self._polls.damage()
            else:
                out.extend(self._take(item, now_s))
        return out

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due."""
        if self._polls is not None:
            return [Rejected("timeout"), *self._release(now_s)] if self._polls.lost(now_s) else self._polls.tick(now_s)
        if self._due_s is None or now_s < self._due_s:
            return ()
        match self._phase:
            case _Phase.RELEASING:
                return [Rejected("timeout"), Send(ABORT), *self._associate(now_s)]
            case _Phase.ASSOCIATING if not self._left_over:
                return [Rejected("timeout"), *self._associate(now_s)]
            case _:
                return [Rejected("timeout"), *self._release(now_s)]

    # The association

    def _associate(self, now_s: float) -> list[Output]:
        self._rest(now_s)
        return [Send(ASSOCIATE)]

    def _rest(self, now_s: float) -> None:
        """Be without an association; one is asked for in a while."""
        self._phase, self._polls, self._left_over = _Phase.ASSOCIATING, None, False
        self._due_s = now_s + ASSOCIATE_S

    def _release(self, now_s: float) -> list[Output]:
        self._phase, self._polls, self._due_s = _Phase.RELEASING, None, now_s + RELEASE_LIMIT_S
        return [Send(RELEASE)]

    # What arrives

    def _take(self, message: bytes, now_s: float) -> list[Output]:
        unexpected: list[Output] = [Rejected("unexpected", message[:MAX_EXCERPT_BYTES])]
        match message[0]:
            case Kind.DATA:
                return self._data(message, now_s)
            case Kind.ACCEPT if self._phase in (_Phase.ASSOCIATING, _Phase.CREATING):
                self._phase, self._due_s, self._terms = _Phase.CREATING, now_s + CREATE_LIMIT_S, read_terms(message)
                return []
            case Kind.RELEASED if self._phase is _Phase.RELEASING:
                return self._associate(now_s)
            case Kind.RELEASE:
                self._rest(now_s)
                return [*unexpected, Send(RELEASED)]
            case Kind.ABORT:
                self._rest(now_s)
            case Kind.REFUSE if self._phase is _Phase.ASSOCIATING:
                self._rest(now_s)
            case _:
                pass
        return unexpected

    def _data(self, message: bytes, now_s: float) -> list[Output]:
        excerpt = message[:MAX_EXCERPT_BYTES]
        try:
            answer = read_answer(message)
        except MalformedError:
            return [Rejected("syntax", excerpt)]
        if self._phase is _Phase.ASSOCIATING:
            self._left_over = True
        match answer:
            case MdsCreated() if self._phase in (_Phase.CREATING, _Phase.POLLING):
                return self._created(answer, now_s)
            case Refusal() if self._polls is not None:
                return [Rejected("unexpected", excerpt), *self._polls.refuse(answer, now_s)]
            case PollResult() if self._polls is not None:
                whole, out = self._polls.take(answer, now_s)
                return [*(self._result(whole, now_s) if whole is not None else ()), *out]
            case _:
                return [Rejected("unexpected", excerpt)]

    def _created(self, created: MdsCreated, now_s: float) -> list[Output]:
        """Acknowledge the monitor's first event, also one that comes again, and begin to poll."""
        out: list[Output] = [Send(MdsResult(created.invoke_id, created.time).encode())]
        if self._phase is _Phase.CREATING:
            self._phase, self._due_s = _Phase.POLLING, None
            self._polls = Polls(self._terms, self._poll_interval_s, self._numbers)
            out.extend(self._polls.begin(now_s))
        before, self._ticks = self._ticks, created.time
        if before is not None and _fell(before, created.time):
            reason = f"the monitor's clock fell from {before / TICKS_PER_S:.0f} s to {created.time / TICKS_PER_S:.0f} s"
            out.append(DeviceRestarted(self._port, _CHANNEL, now_s, reason))
        return [*out, *self._system(created.attributes, created.time, now_s)]

    # What is told

    def _result(self, result: PollResult, now_s: float) -> Iterator[Output]:
        self._ticks = result.time
        if result.object_class == NUMERICS_CLASS:
            yield from self._numerics(result, now_s)
            return
        for thing in result.things:
            if result.object_class == ALARM_CLASS:
                damaged = self._board.take(thing.attributes)
                yield from (Rejected("syntax", raw[:MAX_EXCERPT_BYTES]) for raw in damaged)
            else:
                yield from self._system(thing.attributes, result.time, now_s)
        yield from self._tell_alarms(now_s)

    def _numerics(self, result: PollResult, now_s: float) -> Iterator[Output]:
        numbers, damaged = numbers_of(result.things)
        yield from (Rejected("syntax", raw[:MAX_EXCERPT_BYTES]) for raw in damaged)
        self._board.demonstration, self._board.test = demonstrated(numbers), tested(numbers)
        yield from self._tell_alarms(now_s)
        moment = Moment(result.time, result.clock, now_s, self._board.refused)
        readings = readings_of(numbers, moment, self._clock, self._cuff)
        yield Observation(self._port, _CHANNEL, now_s, readings, device_time=str(result.time))

    def _system(self, attributes: dict[int, bytes], ticks: int, now_s: float) -> Iterator[Output]:
        """Take the monitor's own attributes: its clock, its mode of operation, its model."""
        self._clock.set(attributes, ticks)
        self._board.set_mode(attributes)
        model = model_of(attributes.get(_MODEL_ATTRIBUTE, b"")) or self._model or _MODEL
        if model != self._model:
            self._model = model
            yield DeviceIdentified(self._port, _CHANNEL, now_s, serial_number="", model=model)

    def _tell_alarms(self, now_s: float) -> Iterator[Output]:
        """Tell the whole set when it differs; that there is none not before the monitor said so."""
        alarms = self._board.alarms()
        if alarms != self._told and (alarms or self._board.told):
            self._told = alarms
            yield AlarmSetChanged(self._port, _CHANNEL, now_s, alarms)


def _fell(before: int, ticks: int) -> bool:
    wrapped = before > _TICKS_END - _WRAP_TICKS and ticks < _WRAP_TICKS
    return ticks < before - CLOCK_SLACK_S * TICKS_PER_S and not wrapped


DRIVER: Final = Driver(
    name="philips-intellivue",
    title="Philips IntelliVue monitors (Data Export over MIB/RS-232, fixed baudrate)",
    kind=DeviceKind.MONITOR,
    line=LineSettings(baud=115200, data_bits=8, parity="N", stop_bits=1),
    listen_only=False,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.CHECKSUM,
    nibp_time=NibpTime.DEVICE,
    freshness="relative time",
    experimental=True,
    channel_pattern=_CHANNEL,
    channel_help="always 0: one monitor, one channel",
    session=MibSession,
    description=Description(
        devices="Philips IntelliVue MP5, MP20 to MP90, MX400 to MX800, X2 in a host; Avalon FM.",
        cable="RS-232 at the monitor's MIB/RS232 board, an option; no handshake. Connector and pins: see the maker's "
        "programming guide of the data export interface.",
        settings=(
            "The MIB/RS232 port is set to Data Out, fixed baudrate; the auto-speed protocol is not spoken.",
            "115200 baud; where it is set lower, give `baud` in the port's table.",
        ),
        gives=VITAL_SIGNS,
        tells="Alarms of the patient and of the monitor, with what was done about them, model, mode of operation.",
        unknown=(
            "Data of a test, a demonstration or the service mode are never shown as values; a low alarm says so.",
            "The bits of alarms and of modes: one witness. The texts of technical alarms: as the manual has them.",
            "Whether a monitor sends by itself what was asked for once: if not, it is asked each time.",
        ),
        proof="Sums and numbers follow the maker's own examples, and a third-party program decoded an accepted "
        "association and one result as this driver does; no transcript of a real monitor is public.",
    ),
)
