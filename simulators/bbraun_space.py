"""A rack of B. Braun Space pumps behind its ComDevice, answering over "BCC" as the sheet says it does.

Source: protocols/bbraun-space-bcc.md. The rack answers the four requests of a host, holds the next block back until the
last one is acknowledged, and in cyclic mode speaks by itself. It records what the host said; whatever is none of the
four requests, ACK or NAK is a violation, so that a test can hold a driver to reading only.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from simulators.bbraun_parameters import (
    ALL_PARAMETERS,
    BIT_WORDS,
    DATA_GROUPS,
    EVENT_PARAMETERS,
    FLAGS,
    NO_VALUE,
    Answered,
    Asked,
    BitNotation,
    pump_values,
)
from simulators.bbraun_wire import (
    PILLARS,
    HostMessage,
    HostSaid,
    address,
    checked_bed_id,
    checked_slot,
    frame,
    slot_at,
    split_host_bytes,
)
from simulators.model import SimulatedDevice
from simulators.pump import PumpModel

MAX_RECORDS = 1000  # some minutes of polling
MAX_VIOLATIONS = 100  # the first are kept: one is already a failure
MAX_PENDING_ANSWERS = 16  # a host waits for its answer; more than a few are a babbling host's, and are dropped
MAX_OVERRIDE_CHARS = 200  # longer than any parameter of the sheet
LINK_BED_ID = "1"
EVENT_CHECK_S = 1.0
_RACK_ADDRESS = "50100"
_NO_DATA, _REMOVED, _BAD_REQUEST, _WRONG_SLOT = "11", "39", "68", "811"


@dataclass(frozen=True, slots=True)
class SpaceOptions:
    """How a site has set up its ComDevice.

    ``parameters`` are the keys that are sent (``None``: all); ``bit_fields`` sends ALARM1, ALARM2, PREALARM, STATUS1 in
    place of the INA and INM flags. ``cyclic_interval_s`` set means cyclic mode.
    """

    bed_id: str = "ICU3"
    stuffing: bool = True
    pillars: int = 1
    version: str = "V3.30"
    serial_number: str = "00012345"
    parameters: frozenset[str] | None = None
    bit_fields: bool = False
    bit_notation: BitNotation = BitNotation.DECIMAL
    six_character_addresses: bool = False
    data_grouping: bool = False
    cyclic_interval_s: float | None = None

    def __post_init__(self) -> None:
        checked_bed_id(self.bed_id)
        if not 1 <= self.pillars <= PILLARS:
            raise ValueError(f"{self.pillars} pillars")
        if unknown := (self.parameters or frozenset()) - ALL_PARAMETERS:
            raise ValueError(f"unknown parameters {sorted(unknown)}")
        if self.cyclic_interval_s is not None and self.cyclic_interval_s < EVENT_CHECK_S:
            raise ValueError("a cyclic interval is 1 s or more")

    def keys(self) -> frozenset[str]:
        """Return the keys that are sent."""
        chosen = ALL_PARAMETERS if self.parameters is None else self.parameters
        return chosen - (FLAGS.keys() if self.bit_fields else BIT_WORDS.keys())


@dataclass(frozen=True, slots=True)
class HostRecord:
    """What the host said, and when."""

    at_s: float
    message: HostMessage


@dataclass(slots=True)
class _Bay:
    pump: PumpModel
    is_new: bool = True
    before: Answered | None = None
    told: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] | None = None
    overrides: dict[str, str] = field(default_factory=dict)


class SpaceRack(SimulatedDevice):
    """One ComDevice with the pumps of its slots, each (pillar, slot) counted from 1, slots from below.

    ``answer_delay_s`` may be changed at any time: answers made from then on go out so much later, in order, also when
    the host has meanwhile asked something else.
    """

    _buffer: bytes
    _cycle_at_s: float
    _check_at_s: float

    def __init__(
        self, options: SpaceOptions | None = None, pumps: Mapping[tuple[int, int], PumpModel] | None = None
    ) -> None:
        self.options = options or SpaceOptions()
        self.answer_delay_s = 0.0
        self.records: deque[HostRecord] = deque(maxlen=MAX_RECORDS)
        self.violations: list[HostRecord] = []
        self.violation_count = 0
        self.dropped_answers = 0
        self._keys = self.options.keys()
        self._bays: dict[tuple[int, int], _Bay] = {}
        self._removed: set[tuple[int, int]] = set()
        for slot, pump in (pumps or {}).items():
            self.insert(slot, pump)
        self._power_on(0.0)

    @property
    def deadline_s(self) -> float | None:
        """When a late answer, a cycle or a check for events is due."""
        pending_s = self._pending[0][0] if self._pending else math.inf
        due_s = min(pending_s, self._cycle_at_s, self._check_at_s)
        return None if due_s == math.inf else due_s

    def start(self, now_s: float) -> bytes:
        """Power the rack on: its clock starts at zero, and every pump in it is new to it."""
        self._power_on(now_s)
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host and return what is due on the line."""
        self._buffer, messages = split_host_bytes(self._buffer + data, stuffing=self.options.stuffing)
        for message in messages:
            self._record(message, now_s)
            self._hear(message, now_s)
        return self.tick(now_s)

    def tick(self, now_s: float) -> bytes:
        """Return what is due on the line: late answers, cyclic packages, event packages."""
        if now_s >= self._check_at_s:
            self._check_at_s = now_s + EVENT_CHECK_S
            self._note_events(now_s)
        idle = self._in_flight is None and not self._blocks
        if now_s >= self._cycle_at_s:
            self._cycle_at_s = now_s + (self.options.cyclic_interval_s or math.inf)
            if idle:
                self._events.clear()
                self._begin(self._all_blocks(now_s), now_s)
        elif idle and self._events:
            slot = min(self._events)
            self._events.discard(slot)
            self._begin(self._slot_blocks(slot, now_s), now_s)
        line = bytearray()
        while self._pending and self._pending[0][0] <= now_s:
            line += self._pending.popleft()[1]
        return bytes(line)

    def insert(self, slot: tuple[int, int], pump: PumpModel) -> None:
        """Put a pump into a free slot of a pillar that the rack has; else ``ValueError``."""
        if checked_slot(slot)[0] > self.options.pillars or slot in self._bays:
            raise ValueError(f"pillar and slot {slot}")
        self._bays[slot] = _Bay(pump)

    def remove(self, slot: tuple[int, int]) -> PumpModel:
        """Take the pump out of a slot; the rack says so once. ``KeyError`` if there is none."""
        self._removed.add(slot)
        return self._bays.pop(slot).pump

    def pump(self, slot: tuple[int, int]) -> PumpModel:
        """Return the pump in a slot; ``KeyError`` if there is none."""
        return self._bays[slot].pump

    def override(self, slot: tuple[int, int], parameter: str, value: str | None) -> None:
        """Let a pump say this value whatever is true, also of a parameter that the sheet lacks; ``None`` ends it."""
        if value is None:
            self._bays[slot].overrides.pop(parameter, None)
        elif len(parameter) + len(value) <= MAX_OVERRIDE_CHARS:
            self._bays[slot].overrides[parameter] = value
        else:
            raise ValueError("the value is too long")

    def _power_on(self, now_s: float) -> None:
        self._on_at_s = now_s
        self._buffer = b""
        self._blocks: deque[bytes] = deque()
        self._in_flight: bytes | None = None
        self._pending: deque[tuple[float, bytes]] = deque()
        self._events: set[tuple[int, int]] = set()
        cyclic_s = self.options.cyclic_interval_s
        self._cycle_at_s = math.inf if cyclic_s is None else now_s + cyclic_s
        self._check_at_s = math.inf if cyclic_s is None else now_s + EVENT_CHECK_S
        self._removed.clear()
        for bay in self._bays.values():
            bay.is_new, bay.before, bay.told = True, None, {}
            bay.events = self._event_values(bay, now_s)

    def _record(self, message: HostMessage, now_s: float) -> None:
        record = HostRecord(now_s, message)
        self.records.append(record)
        if message.said is HostSaid.VIOLATION:
            self.violation_count += 1
            if len(self.violations) < MAX_VIOLATIONS:
                self.violations.append(record)

    def _hear(self, message: HostMessage, now_s: float) -> None:
        match message.said:
            case HostSaid.ACK:
                self._in_flight = None
                self._send_next(now_s)
            case HostSaid.NAK:
                if self._in_flight is not None:
                    self._put_on_line(self._in_flight, now_s)
            case HostSaid.VIOLATION:
                if message.reason not in ("noise", "oversize"):
                    self._begin([[self._error(now_s, _BAD_REQUEST)]], now_s)
            case _:
                self._begin(self._answer(message, now_s), now_s)

    def _answer(self, request: HostMessage, now_s: float) -> Sequence[Sequence[str]]:
        alive = request.said is HostSaid.ALIVE
        if request.bed_id != (LINK_BED_ID if alive else self.options.bed_id):
            return [[self._error(now_s, _BAD_REQUEST)]]
        if alive:
            return [[f"{self._time(now_s)},{_RACK_ADDRESS},GNACK,0"]]
        if request.said is HostSaid.VERSION:
            return [[f"{self._time(now_s)},{_RACK_ADDRESS},{self.options.version}"]]
        if request.said is HostSaid.GET:
            return self._all_blocks(now_s)
        slot = slot_at(request.where)
        blocks = self._slot_blocks(slot, now_s) if slot else []
        return self._with_rack(blocks, now_s) if blocks else [[self._error(now_s, _WRONG_SLOT)]]

    def _begin(self, blocks: Iterable[Sequence[str]], now_s: float) -> None:
        """Drop what was still to be said and begin with these blocks."""
        told = [block for block in blocks if block]
        self._blocks = deque(
            frame(self.options.bed_id, "\x1e".join(block), last=place == len(told), stuffing=self.options.stuffing)
            for place, block in enumerate(told, start=1)
        )
        self._send_next(now_s)

    def _send_next(self, now_s: float) -> None:
        self._in_flight = self._blocks.popleft() if self._blocks else None
        if self._in_flight is not None:
            self._put_on_line(self._in_flight, now_s)

    def _put_on_line(self, block: bytes, now_s: float) -> None:
        if len(self._pending) < MAX_PENDING_ANSWERS:
            self._pending.append((now_s + self.answer_delay_s, block))
        else:
            self.dropped_answers += 1

    def _all_blocks(self, now_s: float) -> Sequence[Sequence[str]]:
        slots = sorted(self._bays.keys() | self._removed)
        blocks = [block for slot in slots for block in self._slot_blocks(slot, now_s)]
        return self._with_rack(blocks or [[self._error(now_s, _NO_DATA)]], now_s)

    def _with_rack(self, blocks: Sequence[Sequence[str]], now_s: float) -> Sequence[Sequence[str]]:
        values = {
            "FMNOR": str(self.options.pillars),
            "FMSTAT": "00051",
            "FMDONGLE": "T",
            "FMBANY": NO_VALUE,
            "FMRT": "FMS1NSNS",
            "FMRSTAT": "00051",
            "COMSERIALNO": self.options.serial_number,
            "COMSWVERSION": self.options.version,
        }
        rack = [
            f"{self._time(now_s)},{_RACK_ADDRESS},{key},{value}" for key, value in values.items() if key in self._keys
        ]
        return [[*rack, *blocks[0]], *blocks[1:]]

    def _slot_blocks(self, slot: tuple[int, int], now_s: float) -> Sequence[Sequence[str]]:
        """Return what is to be said of a slot: that a pump has left it, once, and the pump that is in it."""
        blocks = []
        at = address(slot, six_characters=self.options.six_character_addresses)
        if slot in self._removed:
            self._removed.discard(slot)
            blocks.append([f"{self._time(now_s)},{at},GNERR,{_REMOVED}"])
        bay = self._bays.get(slot)
        if bay is not None and (values := self._tell(bay, now_s)):
            blocks.append([f"{self._time(now_s)},{at},{key},{value}" for key, value in values.items()])
        return blocks

    def _tell(self, bay: _Bay, now_s: float) -> dict[str, str]:
        """Return the values of a pump for an answer, and note that they have been told."""
        values = pump_values(self._asked(bay, now_s), self._keys)
        told, bay.told = bay.told, dict(values)
        if self.options.data_grouping:
            for group in DATA_GROUPS:
                if any(values.get(key) != told.get(key) for key in group):
                    values.update((key, NO_VALUE) for key in group if key in values)
        model_key = "GNNEW" if bay.is_new else "GNMODEL"
        model = {model_key: bay.pump.spec.model} if model_key in self._keys else {}
        snapshot = bay.pump.snapshot(now_s)
        bay.is_new = False
        bay.before = Answered(now_s, snapshot.counted_ml, snapshot.bolus_count)
        bay.events = self._event_values(bay, now_s)
        return model | values | bay.overrides

    def _asked(self, bay: _Bay, now_s: float) -> Asked:
        return Asked(bay.pump.snapshot(now_s), now_s, bay.before, self.options.bit_notation)

    def _event_values(self, bay: _Bay, now_s: float) -> dict[str, str]:
        if self.options.cyclic_interval_s is None:
            return {}
        return pump_values(self._asked(bay, now_s), self._keys & EVENT_PARAMETERS) | bay.overrides

    def _note_events(self, now_s: float) -> None:
        self._events |= self._removed
        self._events |= {slot for slot, bay in self._bays.items() if bay.events != self._event_values(bay, now_s)}

    def _time(self, now_s: float) -> int:
        return int(now_s - self._on_at_s)

    def _error(self, now_s: float, code: str) -> str:
        return f"{self._time(now_s)},{_RACK_ADDRESS},GNERR,{code}"
