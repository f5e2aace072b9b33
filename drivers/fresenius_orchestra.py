"""Fresenius Vial/Kabi Orchestra: the modules (DPS, MVP) on a Base A or Base Primea, or one pump alone on its line.

Experimental: one public program speaks this protocol; no capture of a real device and no list of its codes is public.
Hypotheses that this driver leans on, beside those of ``drivers/fresenius_orchestra_pump.py``:
  * several variables can be asked for at once, and the answer has just those; a pump that refuses is asked for fewer,
    in the end for its rate alone. What it then does not tell is not available, and its alarms stay unknown.
  * each base and module answers in the order in which it was asked.
The drug (a Base Primea does not tell it), the pump's name and its bolus (of unknown scale) are not asked for. No serial
number is told. A base with more than eight modules is read as far as the eighth.

The conversation has no transaction ids, so a late reply could answer the next question. Laws of this module:

  * One question at a time. An answer counts only with the address and just the variables that were asked for.
  * After whatever went wrong with a place - silence, a refusal, an answer out of turn - it is connected anew before it
    is read: that answer is bare, so it is no reading itself, and what was still to come has come before it.
  * ENQ is answered at once. Every good frame is acknowledged, and an event also confirmed; an event is never a reading
    (it would be half a sample): it shows alarms, and brings the next round forward.
  * A place that fails costs the others no more than one missed reply a round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.fresenius_orchestra_line import (
    ACK,
    ALIVE,
    ALONE,
    BASE,
    MODULES,
    READS,
    Enquiry,
    Frame,
    Framer,
    Message,
    Part,
    Question,
    Refused,
    Request,
    Status,
    message_of,
)
from drivers.fresenius_orchestra_pump import Pump
from drivers.model import (
    ChannelRemoved,
    Description,
    DeviceKind,
    DeviceRestarted,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Output,
    Quantity,
    Rejected,
    Send,
    SessionOptions,
)
from drivers.turns import in_turn

MIN_POLL_S: Final = 0.5
"""Least time between two rounds."""
SETTLE_S: Final = 0.05
"""Rest after a frame that proves its end: three times what a USB adapter holds bytes back."""
REPLY_TIMEOUT_S: Final = 1.0
"""How long a reply may take: as long as the public program waits."""
REPLY_TIMEOUT_MAX_S: Final = 4.0
"""How patient late replies can make the session with a place."""
BASE_READY_S: Final = 1.0
"""Rest after the base was connected, before it is asked which modules it holds."""
DEAD_AFTER: Final = 2
"""Failures in a row after which a place is asked only when its turn among such places comes, one a round."""

_ALONE_CHANNEL: Final = "0"
_BITMAP_DIGITS_MAX: Final = 4
_HEX_DIGITS: Final = frozenset("0123456789ABCDEF")

# Codes of refusals.
_LETTERS_REFUSED: Final = frozenset({"01", "04", "0A", "0B", "0C"})
_NO_BASE_SESSION: Final = "0D"
_NO_MODULE: Final = "0E"
_ALARM: Final = "12"
_NO_MODULE_SESSION: Final = "1E"


@dataclass(slots=True)
class _Place:
    """How far the conversation with the base (which has no pump) or with a pump has come."""

    address: str
    pump: Pump | None = None
    connected: bool = False
    connect_asked: bool = False  # in this round: once is enough, or a place that says all twice would have no end
    ready_s: float = 0.0
    read: bool = False  # in this round
    read_since_connected: bool = False
    reads: int = 0  # which of READS is asked
    events_asked: bool = False
    events_unanswered: bool = False
    failures: int = 0
    failed_s: float = 0.0
    patience_s: float = REPLY_TIMEOUT_S
    timed_out: bool = False

    def question(self, now_s: float) -> Question | None:
        """Say what to ask next in this round."""
        if not self.connected:
            return None if self.connect_asked else Question.CONNECT
        if self.pump is None:
            return None if self.read or now_s < self.ready_s else Question.MODULES
        if not self.read:
            return READS[self.reads]
        return None if self.events_asked or self.events_unanswered else Question.EVENTS


class OrchestraSession:
    """One conversation. Raises ValueError for a bound channel that is none."""

    def __init__(self, options: SessionOptions) -> None:
        bound = tuple(dict.fromkeys(options.channels))
        if not set(bound) <= {_ALONE_CHANNEL, *MODULES}:
            raise ValueError(f"no places of a base: {bound}")
        self._port = options.port
        self._interval_s = max(MIN_POLL_S, options.poll_interval_s)
        self._asks_at_s = options.asks_at_s
        self._framer = Framer()
        self._settle_s: float | None = None
        alone = bound == (_ALONE_CHANNEL,)
        self._base = None if alone else _Place(BASE)
        self._pumps = {ALONE: _Place(ALONE, Pump(options.port, _ALONE_CHANNEL))} if alone else {}
        self._bound = [channel for channel in bound if channel in MODULES]
        self._bitmap = ""
        # the question, and when it is given up; without one, when the next round begins
        self._asked: tuple[_Place, Question] | None = None
        self._due_s: float | None = None
        # the round
        self._waiting: deque[_Place] = deque()
        self._round_began_s = 0.0
        self._round_s = self._interval_s + REPLY_TIMEOUT_S
        self._undisturbed = True
        self._hurry = False

    @property
    def round_s(self) -> float:
        """Seconds that the last undisturbed round took, at least the poll interval; a guess before the first."""
        return self._round_s

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""
        due = [at_s for at_s in (self._due_s, self._settle_s) if at_s is not None]
        return min(due, default=None)

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back: one frame at most."""
        return self._framer.held_bytes

    def start(self, now_s: float) -> Sequence[Output]:
        """Connect to the base, or to the pump that is alone."""
        return self._begin_round(now_s)

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut."""
        out = [output for part in self._framer.feed(data) for output in self._part(part, now_s)]
        if data:
            self._settle_s = now_s + SETTLE_S if self._framer.resting else None
        return out

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due."""
        out: list[Output] = []
        if self._settle_s is not None and now_s >= self._settle_s:
            self._settle_s = None
            for part in self._framer.rest():
                out.extend(self._part(part, now_s))
        if self._due_s is not None and now_s >= self._due_s:
            out.extend(self._begin_round(now_s) if self._asked is None else self._give_up(*self._asked, now_s))
        return out

    # The round

    def _begin_round(self, now_s: float) -> list[Output]:
        self._round_began_s, self._undisturbed, self._hurry = now_s, True, False
        places = [*([self._base] if self._base else []), *(self._pumps[address] for address in sorted(self._pumps))]
        dead = [place for place in places if place.failures >= DEAD_AFTER]
        self._waiting.clear()
        self._waiting.extend(place for place in places if place.failures < DEAD_AFTER)
        if dead:
            self._waiting.append(min(dead, key=lambda place: place.failed_s))
        for place in self._waiting:
            place.read = place.connect_asked = False
        return self._ask_next(now_s)

    def _ask_next(self, now_s: float) -> list[Output]:
        while self._waiting:
            place = self._waiting[0]
            question = place.question(now_s)
            if question is not None:
                place.connect_asked |= question is Question.CONNECT
                self._asked, self._due_s = (place, question), now_s + place.patience_s
                return [Send(Request(place.address, question).encode())]
            self._waiting.popleft()
        self._end_round(now_s)
        return []

    def _end_round(self, now_s: float) -> None:
        due_s = self._round_began_s + (MIN_POLL_S if self._hurry else self._interval_s)
        if self._base and not self._pumps:
            due_s = max(due_s, self._base.ready_s)
        elif self._undisturbed and not self._hurry:
            self._round_s = max(now_s, due_s) - self._round_began_s
            due_s = in_turn(due_s, self._interval_s, self._asks_at_s)
        next_s = max(now_s, self._round_began_s + MIN_POLL_S, due_s)
        self._asked, self._due_s = None, next_s

    def _give_up(self, place: _Place, question: Question, now_s: float) -> list[Output]:
        place.timed_out = True
        place.events_unanswered |= question is Question.EVENTS
        return [Rejected("timeout"), *self._fail(place, now_s)]

    def _fail(self, place: _Place, now_s: float) -> list[Output]:
        """Leave a place for this round; it is connected anew in the next, which comes soon at its first failure."""
        place.connected = False
        place.failures += 1
        place.failed_s = now_s
        self._undisturbed = False
        self._hurry |= place.failures < DEAD_AFTER
        self._waiting.popleft()
        return self._ask_next(now_s)

    # What arrives

    def _part(self, part: Part, now_s: float) -> list[Output]:
        match part:
            case Enquiry():
                return [Send(ALIVE)]
            case Refused():
                rejected = Rejected("unexpected", b"\x15" + part.code)
                return [rejected, *(self._fail(self._asked[0], now_s) if self._asked else ())]
            case Frame():
                message = message_of(part)
                out: list[Output] = [Send(ACK)]
                if message is None:
                    return [*out, Rejected("syntax", part.excerpt)]
                if message.status in (Status.EVENT, Status.SETTING):
                    return out + self._event(message, part, now_s)
                return out + self._answer(message, part, now_s)
            case _:
                return [part]

    def _event(self, message: Message, frame: Frame, now_s: float) -> list[Output]:
        """Confirm it; let the pump's alarms show, and ask for the whole soon."""
        question = Question.HEARD_EVENT if message.status is Status.EVENT else Question.HEARD_SETTING
        out: list[Output] = [Send(Request(message.address, question).encode())]
        place = self._place(message.address)
        if place is None:
            return [*out, Rejected("unexpected", frame.excerpt)]
        self._hurry = True
        if self._asked is None and self._due_s is not None:
            self._due_s = min(self._due_s, max(now_s, self._round_began_s + MIN_POLL_S))
        if place.pump is not None and message.status is Status.EVENT:
            out.extend(place.pump.event(message.fields, now_s))
        return out

    def _answer(self, message: Message, frame: Frame, now_s: float) -> list[Output]:
        place, question = self._asked or (None, None)
        if place is None or question is None or message.address != place.address:
            return self._unexpected(message, frame)
        letters = frozenset(message.fields)
        incomplete = question in READS and place.reads + 1 < len(READS) and frozenset() < letters < question.letters
        if message.status is Status.CORRECT and letters != question.letters and not incomplete:
            return self._unexpected(message, frame)
        place.timed_out = False
        if incomplete:
            place.reads += 1
            return [Rejected("unknown_line", frame.excerpt), *self._ask_next(now_s)]
        if message.status is Status.INCORRECT:
            return self._refused(place, question, message.error, frame, now_s)
        return [*self._accept(place, question, message, now_s), *self._ask_next(now_s)]

    def _unexpected(self, message: Message, frame: Frame) -> list[Output]:
        """Drop what was not asked for; if it is a late reply, be more patient with its place from now on."""
        place = self._place(message.address)
        if place is not None:
            place.connected = False
            if place.timed_out:
                place.patience_s = min(2 * place.patience_s, REPLY_TIMEOUT_MAX_S)
            place.timed_out = False
        return [Rejected("unexpected", frame.excerpt)]

    def _place(self, address: str) -> _Place | None:
        return self._base if self._base is not None and address == BASE else self._pumps.get(address)

    def _accept(self, place: _Place, question: Question, message: Message, now_s: float) -> list[Output]:
        match question:
            case Question.CONNECT:
                place.connected, place.events_asked, place.read_since_connected = True, False, False
                place.ready_s = now_s + BASE_READY_S
                return []
            case Question.EVENTS:
                place.events_asked = True
                return []
            case _:
                place.read = place.read_since_connected = True
                place.failures = 0
                return place.pump.sample(message.fields, now_s) if place.pump else self._modules(message, now_s)

    def _modules(self, message: Message, now_s: float) -> list[Output]:
        """Take which modules the base holds; where that cannot be read, the bound ones are asked."""
        text = message.fields["b"]
        if not (0 < len(text) <= _BITMAP_DIGITS_MAX and set(text) <= _HEX_DIGITS):
            self._suppose_bound()
            return [Rejected("syntax", text.encode("ascii"))]
        bitmap = int(text, 16)
        out: list[Output] = []
        if bitmap >> len(MODULES) and text != self._bitmap:
            out.append(Rejected("unknown_line", text.encode("ascii")))
        self._bitmap = text
        for address in MODULES:
            if bitmap >> MODULES.index(address) & 1:
                self._suppose(address)
            elif address in self._pumps:
                place = self._pumps.pop(address)
                self._waiting = deque(one for one in self._waiting if one is not place)
                out.append(ChannelRemoved(self._port, address, now_s, "the base does not hold it"))
        return out

    def _suppose_bound(self) -> None:
        if not self._pumps:
            for address in self._bound:
                self._suppose(address)

    def _suppose(self, address: str) -> None:
        if address not in self._pumps:
            self._pumps[address] = _Place(address, Pump(self._port, address))
            self._waiting.append(self._pumps[address])

    def _refused(self, place: _Place, question: Question, code: str, frame: Frame, now_s: float) -> list[Output]:
        if question is Question.EVENTS:
            place.events_asked = True
            return self._ask_next(now_s)
        if question is Question.CONNECT and code not in (_NO_BASE_SESSION, _NO_MODULE):  # perhaps it is connected
            place.connected, place.ready_s = True, now_s + BASE_READY_S
            return self._ask_next(now_s)
        if question in READS and code in _LETTERS_REFUSED and place.reads + 1 < len(READS):
            place.reads += 1
            return self._ask_next(now_s)
        out: list[Output] = [Rejected("unexpected", frame.excerpt)]
        if code == _NO_BASE_SESSION and self._base is not None:
            self._base.connected = False
        if place.pump is None:
            self._suppose_bound()
        elif code == _ALARM:
            out.extend(place.pump.refuse_for_alarm(code, now_s))
        elif code == _NO_MODULE_SESSION and place.read_since_connected:
            place.pump.begin_anew()
            place.reads, place.read_since_connected = 0, False
            place.events_unanswered = False
            out.append(DeviceRestarted(self._port, place.pump.channel, now_s, "its session had ended"))
        return out + self._fail(place, now_s)


DRIVER: Final = Driver(
    name="fresenius-orchestra",
    title="Fresenius Orchestra: modules DPS and MVP on a Base A or Base Primea",
    kind=DeviceKind.PUMP,
    line=LineSettings(baud=19200, data_bits=7, parity="E"),
    listen_only=False,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.CHECKSUM,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="",
    experimental=True,
    channel_pattern="[0-8]",
    channel_help="1 to 8: the module's position on the base; 0: a pump alone on its line",
    session=OrchestraSession,
    description=Description(
        devices="Fresenius Vial and Kabi modules DPS and MVP on a Base A or Base Primea, or one of them alone.",
        cable="RS-232, a female 9-pin connector; a Base Primea needs a null-modem cable; no handshake.",
        settings=(
            "The port is enabled in the base's service menus; which entry means this protocol is not proved.",
            "A guide of another recorder sets COMM NEW SUP to port 3, type IDMS.",
        ),
        gives=(Quantity.INFUSION_RATE, Quantity.VOLUME_INFUSED),
        tells="The codes of its alarms; a module that is taken away.",
        unknown=(
            "The state is always unknown, so a module counts as one that may infuse.",
            "The codes of alarm and error: any but zero is an unknown alarm; that zero is none is a hypothesis.",
            "Drug, concentration, weight and dose are not asked for: the dose is reckoned from the order alone.",
            "Whether several variables can be asked for at once: a pump that refuses is asked for fewer.",
            "A base with more than eight modules is read as far as the eighth.",
        ),
        proof="One public program speaks this protocol: four of its exchanges are read alike. No capture of a real "
        "device and no list of its codes is public.",
    ),
)
