"""A Fresenius Orchestra base with its infusion modules ("Module DPS" on Base A or Primea), or a pump without a base.

Written from what one public program speaks with such bases. A host opens a session with the base (``0DC``) and one with
each module (``1DC``), then reads variables (``1LE;dr``) or lets them be sent when they change (``1DE;d``); the base
asks with ENQ whether the host is still there.

Not known of the real device, and so guesses: what alarm, error and mode words mean (here an alarm is one bit of ``a``
in the order of ``PumpAlarm``, ``e`` is always 0 and ``m`` 1); the flow rate ``d`` of a pump that stands (0), and that
it goes on while a bolus runs; the widths of numbers; the answers to ``LF;b`` and ``LN``; which letters are adjustables
(none, until a test sets one); when ENQ comes, and how long a silent host keeps its sessions; whether a change is told
again until it is confirmed (here each second); which code refuses a command outside PC control, and ``LP`` where it is
unknown. ``override``, ``set_adjustable`` and ``refuse`` let a test try others.

It records what the host sent. Whatever is none of the reading requests is in ``forbidden`` and changes nothing.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from simulators.fresenius_orchestra_station import (
    Code,
    RefusedError,
    Station,
    Watch,
    base_variables,
    checked_letter,
    checked_text,
    module_variables,
    set_text,
)
from simulators.fresenius_orchestra_wire import (
    ACK,
    ENQ,
    MAX_FRAME_CHARS,
    HostMessage,
    LinkError,
    Said,
    fits,
    frame,
    nak,
    split_host_bytes,
)
from simulators.model import SimulatedDevice
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec, Therapy

BASE = "0"
ALONE = ""
"""The address of a pump without a base: none."""

POSITIONS = "12345678"
"""The addresses of modules: the bits of a bitmap of two hex digits. Bases with more than five are not known of."""

BEAT_S = 1.0
"""How often changes, sessions and the host's silence are looked at."""

MAX_RECORDS = 1000  # some minutes of polling
MAX_FORBIDDEN = 100  # the first are kept: one is already a failure
MAX_EXCERPT_BYTES = MAX_FRAME_CHARS + 2  # a whole frame, and enough to see what noise was
MAX_PENDING_ANSWERS = 16  # a host waits for its answer; more than a few are a babbling host's, and are dropped

_BODY = re.compile(r"(?P<address>[0-9]?)(?P<command>[A-Z]{2}|[EM])(?:;(?P<rest>.*))?")


@dataclass(frozen=True, slots=True)
class OrchestraOptions:
    """How this base behaves. ``settle_s`` is how long it is "not ready" after its session was opened.

    ``enquiry_interval_s`` ``None``: it never asks whether the host is there. A host that owes an ACK for
    ``ack_timeout_s`` is told so; one that owes the answer to ENQ or to a change for ``main_timeout_s`` loses its
    sessions. A Base Primea has ``tells_drug_name`` off. ``module_letters`` are the variables that a module knows.
    """

    settle_s: float = 1.0
    enquiry_interval_s: float | None = 5.0
    ack_timeout_s: float = 1.0
    main_timeout_s: float = 10.0
    tells_drug_name: bool = True
    module_letters: str = "aemdrks"
    base_type: str = "0A"
    module_type: str = "50"
    base_id: str = "BASE-A"

    def __post_init__(self) -> None:
        for text in (self.base_type, self.module_type, self.base_id):
            checked_text(text)


@dataclass(frozen=True, slots=True)
class HostRecord:
    """What the host said, and when: a frame, a control byte, or the beginning of what was neither."""

    at_s: float
    data: bytes


class OrchestraBase(SimulatedDevice):
    """A base with the pumps at its positions, by their addresses ``1`` to ``8``; or one pump alone, at ``ALONE``.

    ``answer_delay_s`` may be changed at any time: answers made from then on go out so much later, in order, also when
    the host has meanwhile asked something else. ``busy`` answers each frame that it is not ready; ``mute`` loses what
    the device says, as a broken wire does.
    """

    _buffer: bytes
    _pending: deque[tuple[float, bytes]]
    _unacked: tuple[float, bytes] | None
    _was_repeated: bool
    _ready_at_s: float
    _beat_at_s: float
    _enquiry_at_s: float
    _enquired_at_s: float | None

    def __init__(self, pumps: Mapping[str, PumpModel] | None = None, options: OrchestraOptions | None = None) -> None:
        self.options = options or OrchestraOptions()
        self.answer_delay_s = 0.0
        self.busy = False
        self.mute = False
        self.records: deque[HostRecord] = deque(maxlen=MAX_RECORDS)
        self.forbidden: list[bytes] = []
        self.forbidden_count = 0
        self.dropped_answers = 0
        self._stations: dict[str, Station] = {}
        self._spoil_next: LinkError | None = None
        modules = dict(pumps or {})
        alone = modules.pop(ALONE, None)
        if alone is not None and modules:
            raise ValueError("a pump without a base has no others beside it")
        self._root = BASE if alone is None else ALONE
        self._root_station = self._stations[self._root] = (
            Station(self._base_variables, self.options.base_type, self.options.base_id)
            if alone is None
            else self._module(alone)
        )
        for address, pump in modules.items():
            self.insert(address, pump)
        self.start(0.0)

    @property
    def deadline_s(self) -> float | None:
        """When a late answer or the next look around is due."""
        due_s = min(self._pending[0][0] if self._pending else math.inf, self._beat_at_s)
        return None if due_s == math.inf else due_s

    # What a person does, and what a test can set. ``KeyError``: no such module; ``ValueError``: it cannot be so.

    def insert(self, address: str, pump: PumpModel) -> None:
        """Plug a module in at a free position. It has no session yet."""
        if len(address) != 1 or address not in POSITIONS or address in self._stations or self._root == ALONE:
            raise ValueError(f"position {address!r}")
        self._stations[address] = self._module(pump)

    def remove(self, address: str) -> PumpModel:
        """Unplug a module and return its pump."""
        pump = self.pump(address)
        if address == ALONE:
            raise ValueError("a pump without a base cannot be unplugged from it")
        del self._stations[address]
        return pump

    def pump(self, address: str) -> PumpModel:
        """Return the pump at an address."""
        pump = self._stations[address].pump
        if pump is None:
            raise KeyError(address)
        return pump

    def override(self, address: str, letter: str, text: str | None) -> None:
        """Let a variable say this whatever is true, or a letter that is unknown exist; ``None`` ends it."""
        set_text(self._stations[address].overrides, checked_letter(letter), text)

    def set_adjustable(self, address: str, letter: str, text: str | None) -> None:
        """Give an adjustable a value; ``None`` takes it away."""
        set_text(self._stations[address].adjustables, checked_letter(letter), text)

    def refuse(self, address: str, command: str, code: str | None) -> None:
        """Refuse a command at an address with this code; ``None`` ends it."""
        set_text(self._stations[address].refusals, command, code)

    def spoil_next(self, error: LinkError) -> None:
        """Answer the next frame with this link error, whatever it is."""
        self._spoil_next = error

    # The line.

    def start(self, now_s: float) -> bytes:  # noqa: ARG002 - the shape of a simulated device
        """Power the base on: no session is open, nothing half heard or unsaid is left. The pumps stay as they are."""
        self._buffer = b""
        self._pending = deque()
        self._unacked, self._was_repeated = None, False
        self._close(self._root_station)
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host and return what is due on the line."""
        self._buffer, messages = split_host_bytes(self._buffer + data)
        said = bytearray()
        for message in messages:
            self._record(message, now_s)
            said += self._hear(message, now_s) + self._due(now_s)
        said += self._tick(now_s)
        return b"" if self._is_silent(now_s) else bytes(said)

    def tick(self, now_s: float) -> bytes:
        """Return what is due on the line: late answers, ENQ, changes, complaints."""
        said = self._tick(now_s)
        return b"" if self._is_silent(now_s) else said

    def _is_silent(self, now_s: float) -> bool:
        return self.mute or self._root_station.is_off(now_s)

    def _tick(self, now_s: float) -> bytes:
        said = b""
        if now_s >= self._beat_at_s:
            self._beat_at_s = now_s + BEAT_S
            said = self._beat(now_s)
        return said + self._due(now_s)

    def _record(self, message: HostMessage, now_s: float) -> None:
        self.records.append(HostRecord(now_s, message.raw[:MAX_EXCERPT_BYTES]))
        if not message.only_reads:
            self.forbidden_count += 1
            if len(self.forbidden) < MAX_FORBIDDEN:
                self.forbidden.append(message.raw[:MAX_EXCERPT_BYTES])

    def _hear(self, message: HostMessage, now_s: float) -> bytes:
        """Return what is said at once; answers wait for their time."""
        match message.said:
            case Said.ACK:
                self._unacked = None
            case Said.ALIVE:
                self._enquired_at_s = None
            case Said.NAK if self._unacked is not None and not self._was_repeated:
                again = self._unacked[1]
                self._unacked, self._was_repeated = (now_s, again), True
                return again
            case Said.FRAME:
                return self._hear_frame(message, now_s)
        return b""

    def _hear_frame(self, message: HostMessage, now_s: float) -> bytes:
        parts = _BODY.fullmatch(message.body)
        address = parts["address"] if parts else message.body[:1]
        command = parts["command"] if parts else ""
        spoiled, self._spoil_next = self._spoil_next, None
        if error := spoiled or message.error or self._link_error(address, command, now_s):
            return nak(error)
        try:
            answer = self._answer(address, command, parts["rest"], now_s) if parts else f"I;{Code.SYNTAX}"
        except RefusedError as refused:
            answer = f"I;{refused}"
        if answer:
            self._send(address + (answer if fits(address + answer) else f"I;{Code.TOO_LONG}"), now_s)
        return ACK

    def _link_error(self, address: str, command: str, now_s: float) -> LinkError | None:
        known = {ALONE} if self._root == ALONE else {BASE, *POSITIONS}
        if address not in known:
            return LinkError.ADDRESS
        settling = now_s < self._ready_at_s and self._root_station.is_open and command != "DC"
        return LinkError.NOT_READY if self.busy or settling else None

    def _send(self, body: str, now_s: float) -> None:
        if len(self._pending) >= MAX_PENDING_ANSWERS:
            self.dropped_answers += 1
            return
        self._pending.append((now_s + self.answer_delay_s, frame(body)))

    def _due(self, now_s: float) -> bytes:
        said = bytearray()
        while self._pending and self._pending[0][0] <= now_s:
            data = self._pending.popleft()[1]
            self._unacked, self._was_repeated = (now_s, data), False
            said += data
        return bytes(said)

    # The sessions.

    def _answer(self, address: str, command: str, rest: str | None, now_s: float) -> str:
        station = self._present(address, now_s)
        if command in ("E", "M") and rest is None:
            if station is not None:
                station.watches[command].unconfirmed = ""
            return ""
        if address != self._root and not self._root_station.is_open:
            raise RefusedError(Code.BASE_NOT_OPEN)
        if station is None:
            raise RefusedError(Code.MODULE_IMPOSSIBLE)
        if code := station.refusals.get(command):
            raise RefusedError(code)
        if command != "DC" and not station.is_open:
            raise RefusedError(Code.BASE_NOT_OPEN if address == BASE else Code.MODULE_NOT_OPEN)
        answer = station.answer(command, rest, now_s)
        if command == "DC":
            self._open(station, now_s)
        elif command == "FC":
            self._close(station)
        return answer

    def _present(self, address: str, now_s: float) -> Station | None:
        """Return the station at an address; none if it is empty, or its pump is off, which ends its session."""
        station = self._stations.get(address)
        if station is None or not station.is_off(now_s):
            return station
        self._close(station)
        return None

    def _open(self, station: Station, now_s: float) -> None:
        if station is self._root_station and not station.is_open:
            self._ready_at_s = now_s + (self.options.settle_s if self._root == BASE else 0.0)
            self._beat_at_s = now_s + BEAT_S
            self._enquiry_at_s = now_s + (self.options.enquiry_interval_s or math.inf)
        station.is_open = True

    def _close(self, station: Station) -> None:
        """End a session; that of the base ends all, and with them what the base does by itself."""
        station.close()
        if station is self._root_station:
            for other in self._stations.values():
                other.close()
            self._ready_at_s = self._beat_at_s = self._enquiry_at_s = math.inf
            self._enquired_at_s = None

    def _module(self, pump: PumpModel) -> Station:
        return Station(
            lambda now_s: module_variables(pump.snapshot(now_s), self.options.module_letters),
            self.options.module_type,
            pump.spec.serial_number,
            (lambda now_s: pump.snapshot(now_s).therapy.drug) if self.options.tells_drug_name else None,
            pump,
        )

    def _base_variables(self, now_s: float) -> dict[str, str]:
        return base_variables([int(address) for address in POSITIONS if self._present(address, now_s)])

    # What is said unasked.

    def _beat(self, now_s: float) -> bytes:
        said = b""
        if self._unacked is not None and now_s - self._unacked[0] >= self.options.ack_timeout_s:
            self._unacked = None
            said += nak(LinkError.ACK_TIMEOUT)
        if now_s >= self._enquiry_at_s:
            self._enquiry_at_s = now_s + (self.options.enquiry_interval_s or math.inf)
            self._enquired_at_s = now_s if self._enquired_at_s is None else self._enquired_at_s
        if self._enquired_at_s is not None:
            if now_s - self._enquired_at_s >= self.options.main_timeout_s:
                self._close(self._root_station)
                return said
            said += ENQ
        for address in sorted(self._stations):
            station = self._present(address, now_s)
            for group in ("E", "M") if station is not None and station.is_open else ():
                self._tell(address, group, now_s)
        return said

    def _tell(self, address: str, group: str, now_s: float) -> None:
        """Tell what has changed, or again what the host has not confirmed."""
        station = self._stations[address]
        watch: Watch = station.watches[group]
        if not watch.unconfirmed:
            watch.unconfirmed, watch.since_s = station.changes(group, now_s), now_s
        elif now_s - watch.since_s >= self.options.main_timeout_s:
            self._close(station)
            return
        if watch.unconfirmed:
            self._send(f"{address}{group}{watch.unconfirmed}", now_s)


def running_base(
    now_s: float,
    rates_ml_per_h: Mapping[str, Decimal],
    options: OrchestraOptions | None = None,
    *,
    drug: str = "KETAMINE",
    started: bool = True,
) -> OrchestraBase:
    """Return a base with a pump at each address, or a pump ``ALONE``, at its rate.

    Raises ``ValueError`` for what no pump can do.
    """
    pumps = {}
    for address, rate_ml_per_h in rates_ml_per_h.items():
        spec = PumpSpec(serial_number=f"DPS-{address}", model="Module DPS", counter_resolution_ml=Decimal("0.001"))
        pump = pumps[address] = PumpModel(spec, therapy=Therapy(drug=drug), now_s=now_s)
        pump.set_rate(now_s, rate_ml_per_h)
        if started:
            pump.start(now_s)
    return OrchestraBase(pumps, options)
