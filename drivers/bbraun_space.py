"""B. Braun Space pumps behind a SpaceCom, ComDevice or ComSystem, in its request mode (BCC).

Experimental: of its frames only ALIVE has an independent witness, the rest is built from a description. Hypotheses,
read as unknown where they do not hold: bit fields, numbers of extended errors, the six-character address.

The conversation has no transaction ids, so a late reply could answer the next question. Laws of this module:

  * One question at a time. An answer counts only if it has the bed id, the kind and the slot that were asked for.
  * Whatever went wrong ends in a quiet line, then ALIVE: the device answers in order, so nothing older can follow the
    answer to ALIVE. What arrives while nothing is asked goes the same way.
  * A good block is acknowledged after 0.1 s, a bad one refused when the line has been still as long, a bounded number
    of times. A reply that comes late, or an ALIVE that is answered slowly, teaches the session more patience.

    due     what is awaited            bytes of a frame                       when it is due
    REPLY   an answer, or its next     good: take it, ACK; bad: NAK;          cut: NAK; nothing: QUIET
            block                      not what was asked: drop, keep waiting
    ACK     the moment to acknowledge  QUIET                                  send; next block REPLY, or POLL
    NAK     a still line               drop, wait on                          send; REPLY
    POLL    the next question          QUIET                                  ask; REPLY
    QUIET   a still line               drop, wait on (bounded)                ask ALIVE; REPLY

Stuffing may be switched off at the device. ALIVE is asked stuffed, then in the other form, in turn until there is data;
later the other form is tried on every fourth attempt without data. The form of ALIVE holds for both directions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final, assert_never

from drivers.bbraun_bcc import (
    ACK,
    ITEM,
    MAX_EXCERPT_BYTES,
    NAK,
    RACK,
    Broken,
    Command,
    Frame,
    Framer,
    Part,
    Request,
    Stray,
    Wire,
    channel_of,
    decode,
    is_channel,
)
from drivers.bbraun_rack import BAD_REQUEST, Rack
from drivers.model import (
    Description,
    DeviceKind,
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

ACK_DELAY_S: Final = 0.1
"""Rest before an acknowledgement, as the sheet recommends."""
MIN_POLL_S: Final = 0.5
"""Least time between two questions for data, as the sheet recommends."""
REPLY_TIMEOUT_S: Final = 1.0
"""How long a reply may take to begin: two missed rounds and this still fit the link's limit."""
REPLY_TIMEOUT_MAX_S: Final = 4.0
"""How patient late replies can make a session; beyond it the link counts as lost anyway."""
FRAME_GAP_S: Final = 0.5
"""Stillness inside a frame after which it is cut; USB adapters and networks pause far less."""
BLOCK_LIMIT_S: Final = 20.0
"""Bound on one block: the longest frame takes 17 s at 9600 baud."""
QUIET_S: Final = 0.3
"""Stillness that ends a disturbed conversation."""
QUIET_LIMIT_S: Final = 5.0
"""Bound on waiting for stillness on a line that babbles; what is asked then is guarded by its content."""
MAX_NAKS: Final = 3
"""How often one block is asked for again before the conversation starts anew."""
MAX_BLOCKS: Final = 73
"""Bound on the blocks of one answer: 72 pumps and the rack."""
OTHER_FORM_EVERY: Final = 4
"""Once a form has brought data, one attempt in so many to meet the device again is made in the other."""
MAX_SLOTS_ASKED: Final = 3
"""Up to so many bound channels are asked for one by one; for more the whole rack is asked."""

_ALIVE: Final = "GNACK"  # the parameter that answers ALIVE, and no other question


class _Due(Enum):
    REPLY = "reply"
    ACK = "ack"
    NAK = "nak"
    POLL = "poll"
    QUIET = "quiet"


class BccSession:
    """One conversation in request mode. Raises ValueError for a bound channel that is no place in a rack."""

    def __init__(self, options: SessionOptions) -> None:
        bound = tuple(dict.fromkeys(options.channels))
        if not all(is_channel(channel) for channel in bound):
            raise ValueError(f"no places in a rack: {bound}")
        self._places = bound if 0 < len(bound) <= MAX_SLOTS_ASKED else ("",)
        self._interval_s = max(MIN_POLL_S, options.poll_interval_s)
        self._asks_at_s = options.asks_at_s
        self._framer = Framer()
        self._rack = Rack(options.port, bound)
        self._bed_id = ""
        self._stuffed = True
        self._proved: bool | None = None  # the form that last brought data
        self._failures = 0  # conversations since then
        self._version_asked = False
        self._patience_s = REPLY_TIMEOUT_S
        # the round
        self._waiting: deque[str] = deque()
        self._round_began_s = 0.0
        self._round_s = self._interval_s + REPLY_TIMEOUT_S
        self._undisturbed = True
        # the question
        self._asked = Request(Command.ALIVE)
        self._asked_s = 0.0
        self._last_wire = b""
        self._last_block = True
        self._blocks = 0
        self._naks = 0
        self._timed_out = False  # whether the last question was given up, so that its answer may still come
        # what is due
        self._due = _Due.REPLY
        self._due_s: float | None = None
        self._limit_s = 0.0

    @property
    def round_s(self) -> float:
        """Seconds that the last undisturbed round took, at least the poll interval; a guess before the first."""
        return self._round_s

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""
        return self._due_s

    @property
    def awaited_bytes(self) -> int:
        """How many bytes of a frame are missing, at least."""
        return self._framer.awaited_bytes(stuffed=self._stuffed)

    def start(self, now_s: float) -> Sequence[Output]:
        """Ask whether the device is there."""
        return self._meet(now_s)

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut."""
        out: list[Output] = []
        for part in self._framer.feed(data):
            out.extend(self._part(part, now_s))
        if self._framer.inside and self._due in (_Due.POLL, _Due.ACK):
            self._go_quiet(now_s)
        if not data:
            return out
        match self._due:
            case _Due.REPLY if self._framer.inside:
                self._due_s = min(now_s + FRAME_GAP_S, self._limit_s)
            case _Due.NAK:
                self._due_s = min(now_s + ACK_DELAY_S, self._limit_s)
            case _Due.QUIET:
                self._due_s = min(now_s + QUIET_S, self._limit_s)
            case _:
                pass
        return out

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due."""
        if self._due_s is None or now_s < self._due_s:
            return ()
        match self._due:
            case _Due.REPLY:
                return self._give_up(now_s)
            case _Due.ACK:
                return self._acknowledge(now_s)
            case _Due.NAK:
                return self._refuse(now_s)
            case _Due.POLL:
                return self._poll(now_s)
            case _Due.QUIET:
                return self._meet(now_s)
        assert_never(self._due)

    # What is due

    def _meet(self, now_s: float) -> list[Output]:
        """Ask ALIVE, more patiently each time that it has failed in both forms."""
        known = self._proved is not None
        other = self._failures % OTHER_FORM_EVERY == OTHER_FORM_EVERY - 1 if known else self._failures % 2 == 1
        self._stuffed = (self._proved is not False) != other
        doubled_s = REPLY_TIMEOUT_S * 2 ** min(self._failures // 2, 2)
        out = self._ask(Request(Command.ALIVE), now_s)
        self._due_s = now_s + max(doubled_s, self._patience_s)
        return out

    def _ask(self, request: Request, now_s: float) -> list[Output]:
        self._framer.cut()
        self._asked, self._asked_s = request, now_s
        self._last_wire, self._last_block, self._blocks, self._naks = b"", True, 0, 0
        self._rack.begin_answer()
        self._await_block(now_s)
        return [Send(request.encode(stuffed=self._stuffed))]

    def _await_block(self, now_s: float) -> None:
        self._due, self._due_s, self._limit_s = _Due.REPLY, now_s + self._patience_s, now_s + BLOCK_LIMIT_S

    def _poll(self, now_s: float) -> list[Output]:
        if not self._version_asked:
            self._version_asked = True
            return self._ask(Request(Command.VERSION, self._bed_id), now_s)
        if not self._waiting:
            self._waiting.extend(self._places)
            self._round_began_s, self._undisturbed = now_s, True
        place = self._waiting.popleft()
        return self._ask(Request(Command.SLOT if place else Command.MEMORY, self._bed_id, place), now_s)

    def _acknowledge(self, now_s: float) -> list[Output]:
        if self._last_block:
            self._due, self._due_s = _Due.POLL, self._next_poll_s(now_s)
        else:
            self._await_block(now_s)
        return [Send(ACK)]

    def _next_poll_s(self, now_s: float) -> float:
        """Say when to ask next, and how long the round took if this was its end."""
        next_s = now_s + ACK_DELAY_S
        if self._asked.command in (Command.ALIVE, Command.VERSION):
            return next_s
        next_s = max(next_s, self._asked_s + MIN_POLL_S)
        if self._waiting:
            return next_s
        due_s = self._round_began_s + self._interval_s
        if self._undisturbed:
            self._round_s = max(next_s, due_s) - self._round_began_s
        return max(next_s, in_turn(due_s, self._interval_s, self._asks_at_s))

    def _refuse(self, now_s: float) -> list[Output]:
        self._naks += 1
        self._framer.cut()
        self._await_block(now_s)
        return [Send(NAK)]

    def _give_up(self, now_s: float) -> list[Output]:
        if self._framer.inside and now_s < self._limit_s and self._may_refuse():
            out: list[Output] = [Rejected(part.reason, part.excerpt) for part in self._framer.cut()]
            return out + self._refuse(now_s)
        self._go_quiet(now_s)
        self._timed_out = True
        return [Rejected("timeout")]

    def _may_refuse(self) -> bool:
        return self._asked.command is not Command.ALIVE and self._naks < MAX_NAKS

    def _go_quiet(self, now_s: float) -> None:
        """Begin anew: first a still line, then ALIVE."""
        self._due, self._due_s, self._limit_s = _Due.QUIET, now_s + QUIET_S, now_s + QUIET_LIMIT_S
        self._failures += 1
        self._undisturbed = False

    # What arrives

    def _part(self, part: Part, now_s: float) -> list[Output]:
        if isinstance(part, Stray):
            return self._stray(part, now_s)
        if self._due in (_Due.POLL, _Due.ACK):
            self._go_quiet(now_s)
        if self._due is not _Due.REPLY:
            self._learn_patience()
            return [Rejected("unexpected", _excerpt_of(part))]
        if isinstance(part, Wire):
            judged = decode(part.data, stuffed=self._stuffed)
            return self._bad(judged, now_s) if isinstance(judged, Broken) else self._frame(judged, part.data, now_s)
        if part.reason == "oversize":
            return self._bad(part, now_s)
        return [Rejected(part.reason, part.excerpt)]  # cut by the beginning of a frame, which may be the good one

    def _stray(self, part: Stray, now_s: float) -> list[Output]:
        if part.data != NAK:
            return [Rejected("noise", part.data)]
        if self._due is not _Due.REPLY:
            return []
        self._go_quiet(now_s)
        return [Rejected("unexpected", NAK)]

    def _bad(self, broken: Broken, now_s: float) -> list[Output]:
        if self._may_refuse():
            self._due, self._due_s = _Due.NAK, now_s + ACK_DELAY_S
        else:
            self._go_quiet(now_s)
        return [Rejected(broken.reason, broken.excerpt)]

    def _frame(self, frame: Frame, wire: bytes, now_s: float) -> list[Output]:
        if not self._fits(frame):  # late, or not for us: what was asked for may still come
            self._learn_patience()
            self._due_s = min(now_s + self._patience_s, self._limit_s)
            return [Rejected("unexpected", wire[:MAX_EXCERPT_BYTES])]
        self._timed_out = False
        self._last_block = frame.last
        self._due, self._due_s = _Due.ACK, now_s + ACK_DELAY_S
        match self._asked.command:
            case Command.ALIVE:
                self._patience_s = min(max(self._patience_s, 2 * (now_s - self._asked_s)), REPLY_TIMEOUT_MAX_S)
                return self._met(frame, now_s)
            case Command.VERSION:
                self._rack.software = _version_of(frame) or ""
                return []
            case _:
                return self._data(frame, wire, now_s)

    def _fits(self, frame: Frame) -> bool:
        """Tell whether this can be the answer to what was asked."""
        command, alive = self._asked.command, _is_alive(frame)
        if command is Command.ALIVE or alive:
            return command is Command.ALIVE and alive
        if frame.bed_id != self._bed_id:
            return False
        is_version = _version_of(frame) is not None
        return is_version or bool(self._rack.read(frame).error) if command is Command.VERSION else not is_version

    def _met(self, frame: Frame, now_s: float) -> list[Output]:
        """Learn the bed id; another than before is another rack."""
        if self._bed_id in ("", frame.bed_id):
            self._bed_id = frame.bed_id
            return []
        self._bed_id, self._version_asked = frame.bed_id, False
        return self._rack.replaced(f"the line leads to another rack, {frame.bed_id}", now_s)

    def _data(self, frame: Frame, wire: bytes, now_s: float) -> list[Output]:
        self._blocks += 1
        place, block = self._asked.channel, self._rack.read(frame)
        if block.error == BAD_REQUEST or self._blocks > MAX_BLOCKS or (place and block.channels - {place}):
            self._go_quiet(now_s)
            return [Rejected("syntax" if block.error == BAD_REQUEST else "unexpected", wire[:MAX_EXCERPT_BYTES])]
        self._proved, self._failures, self._naks = self._stuffed, 0, 0
        if wire == self._last_wire:  # our ACK was lost on its way and the block came again
            return []
        self._last_wire = wire
        out = self._rack.take(block, now_s)
        if frame.last:
            out.extend(self._rack.end_answer(place, now_s))
        return out

    def _learn_patience(self) -> None:
        """Wait longer from now on, once for each reply that came after it was given up."""
        if self._timed_out:
            self._patience_s = min(2 * self._patience_s, REPLY_TIMEOUT_MAX_S)
        self._timed_out = False


def _is_alive(frame: Frame) -> bool:
    return _ALIVE in frame.information and any(item.name == _ALIVE for item in frame.quadruples)


def _version_of(frame: Frame) -> str | None:
    """Give the version of a VERSION answer, which is one triple; ``None`` for any other answer."""
    if ITEM in frame.information:
        return None
    fields = frame.information.split(",")
    return fields[2] if len(fields) == len(("time", "address", "version")) and channel_of(fields[1]) == RACK else None


def _excerpt_of(part: Wire | Broken) -> bytes:
    return part.data[:MAX_EXCERPT_BYTES] if isinstance(part, Wire) else part.excerpt


DRIVER: Final = Driver(
    name="bbraun-space",
    title="B. Braun Space pumps (SpaceCom, BCC request mode)",
    kind=DeviceKind.PUMP,
    line=LineSettings(baud=9600),
    listen_only=False,
    identity=IdentitySupport.SERIAL_NUMBER,
    integrity=Integrity.CHECKSUM,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="time",
    experimental=True,
    channel_pattern="[1-3][1-9A-O]",
    channel_help=(
        "pillar 1 to 3, then the slot from the bottom, 1 to 9 or A (10) to O (24): "
        "11 is the lowest pump of pillar 1, 2C is slot 12 of pillar 2"
    ),
    session=BccSession,
    description=Description(
        devices="B. Braun Space (Infusomat, Perfusor) and CompactPlus pumps with a SpaceCom, ComDevice or ComSystem.",
        cable="RS-232 on a 9-pin mini-DIN: pin 2 RxD, 3 TxD, 5 ground, no handshake. Or TCP: `tcp://host:4001`.",
        settings=(
            "On the rack's web page: operation mode request; character stuffing may be on or off.",
            "9600 baud, or up to 115200 with `baud` in the port's table.",
            "To be sent, of the infusion: INRT, INVI, INVTB, INVOLACT, INRMT, INBORT, INBOVAL, INBOCNT, INP2.",
            "Of drug and patient: INSOL, INDCON, INDCONU, INDOCAL, INDORT, INDORTU, DORT, DORTU, PATW.",
            "Of the pump: INSERNUM, GNNEW, GNMODEL, DSSTATUS.",
            "State and alarms: INM1 to INM14, INA1 to INA16; or RUNSTATE, STATUS1, ALARM1, ALARM2, PREALARM.",
            "Data grouping and extended errors stay off, as delivered.",
        ),
        gives=(
            *(Quantity.INFUSION_RATE, Quantity.VOLUME_INFUSED, Quantity.VOLUME_TO_BE_INFUSED),
            *(Quantity.VOLUME_REMAINING, Quantity.TIME_REMAINING, Quantity.BOLUS_RATE, Quantity.BOLUS_VOLUME),
            *(Quantity.CONCENTRATION, Quantity.DOSE_RATE, Quantity.DOSE_RATE_SET, Quantity.WEIGHT),
            Quantity.LINE_PRESSURE_OF_LIMIT,
        ),
        tells="State with bolus, KVO and purge, drug, boli given, alarms, serial number, a pump that is taken out.",
        unknown=(
            "A parameter that the site does not send is not available; without states and alarms they stay unknown.",
            "How a bit field is written: what can be read in two ways is not read.",
            "The numbers of the extended errors, the address of six characters, most unit codes: one witness each.",
        ),
        proof="Built from the maker's description, in which one frame is printed; none of a real pump was at hand.",
    ),
)
