"""An Alaris (Asena) GH or CC syringe pump at its serial port, answering in the ASCII protocol "Asena Rev 2.1.5".

A frame is ``!``, a body of fields parted by ``^``, ``|``, the CRC-16/CCITT-FALSE of the body as four upper-case hex
digits, and CR. The pump speaks only when asked and needs no keep-alive while it is only read. Written from replies of
two pumps that third-party programs publish. Of these replies no capture is known, so they are guesses: an active VTBI,
the last two fields of an alarm, and the mode while a bolus, a purge or KVO runs (here as in an infusion, ``SET``).

It records what the host sent. Whatever is none of the ten read requests is in ``forbidden``, changes nothing, and is
not answered: what a real pump says to a wrong sum or an unknown keyword is not known.
"""

from __future__ import annotations

import re
from binascii import crc_hqx
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import NamedTuple

from simulators.model import SimulatedDevice
from simulators.pump import PumpModel
from simulators.pump_terms import PUMPING, PumpAlarm, PumpSnapshot, PumpSpec, PumpState

BAUD = 38_400
"""The line: 38400 baud, 8 data bits, no parity, 1 stop bit, no flow control."""

MAX_HOST_FRAME_BYTES = 64  # the longest read request has 27 bytes, enabling remote control 31
MAX_FORBIDDEN = 100  # the first are kept: one is already a failure
MAX_EXCERPT_BYTES = MAX_HOST_FRAME_BYTES  # a whole frame, and enough to see what noise was
MAX_RECORDS = 1000  # some minutes of polling
MAX_PENDING_ANSWERS = 16  # a host waits for its answer; more than a few are a babbling host's, and are dropped
MAX_FIELD_CHARS = 64  # longer than any field that is known

NO_ALARM = "AL_NOALM"
RESTING_MMHG, LIMIT_MMHG = Decimal("17.91"), Decimal("530.15")
"""What two captures show: a line that flows freely, and a pump that stopped at its pressure limit."""

LONGEST_TIME_LEFT_S = 24 * 3600
"""From here on the time left is ``24+``."""

ALARM_CODES = {
    PumpAlarm.OCCLUSION: "AL_OCCLU",
    PumpAlarm.BATTERY_EMPTY: "AL_EMBAT",
    PumpAlarm.SYRINGE: "AL_SYRCO",
    PumpAlarm.UPSTREAM_OCCLUSION: "AL_FAULT",
    PumpAlarm.DOOR_OPEN: "AL_FAULT",
    PumpAlarm.DROPS: "AL_FAULT",
    PumpAlarm.AIR: "AL_FAULT",
    PumpAlarm.SYRINGE_EMPTY: "AL_EOIST",
    PumpAlarm.KVO_ACTIVE: "AL_VTBIK",
    PumpAlarm.KVO_END: "AL_VTBIS",
    PumpAlarm.END_OF_VOLUME: "AL_VTBIS",
    PumpAlarm.TIME_OVER: "AL_VTBIS",
    PumpAlarm.STANDBY_END: "AL_CALLB",
    PumpAlarm.BATTERY_NEAR_EMPTY: "AL_LWBAT",
    PumpAlarm.SYRINGE_NEAR_EMPTY: "AL_NEOIN",
    PumpAlarm.VTBI_NEAR_END: "AL_NEOIN",
}
"""The code of each alarm; the pump tells one, the first of these. The codes are public, their meanings are inferred.

A syringe pump has no door, drops or air; raised all the same, they are a fault.
"""

_TOKEN = re.compile(
    rb"(?P<frame>![^!\r\x1b]*\r)"
    rb"|(?P<part>![^!\r\x1b]*\Z)"
    rb"|![^!\r\x1b]*\x1b?"  # broken off by the next frame, or by ESC
    rb"|[^!]+"
)
_FRAME = re.compile(rb"!([ -~]*)\|([0-9A-F]{4})\r")
_FIELD = re.compile(rf"[ -~]{{0,{MAX_FIELD_CHARS}}}")
_MARKS = frozenset("!^|")
_ESC = b"\x1b"
_CENTI, _MILLI = Decimal("0.01"), Decimal("0.001")


@dataclass(frozen=True, slots=True)
class AsenaOptions:
    """How this pump is set up. ``log_entry`` numbers the last entry of its log; each change adds one.

    ``permits_remote_control`` answers the enabling of remote control as an old pump does, so that a program that will
    not read without it can be tried; it is forbidden all the same, and nothing is obeyed.
    """

    syringe: str = "BD PLASTIPAK"
    rate_max_ml_per_h: Decimal = Decimal("1200.00")
    log_entry: int = 127_904
    permits_remote_control: bool = False

    def __post_init__(self) -> None:
        _checked_field(self.syringe)


@dataclass(frozen=True, slots=True)
class HostRecord:
    """What the host said, and when: a whole frame, or the beginning of what was none."""

    at_s: float
    data: bytes


@dataclass(frozen=True, slots=True)
class _Asked:
    pump: PumpSnapshot
    options: AsenaOptions
    alarm: str
    log_entry: int


class AsenaPump(SimulatedDevice):
    """One pump on one line. What a person does at it is done to ``pump``; switched off, it is silent.

    ``answer_delay_s`` may be changed at any time: answers made from then on go out so much later, in order, also when
    the host has meanwhile asked something else.
    """

    def __init__(self, pump: PumpModel, options: AsenaOptions | None = None) -> None:
        _checked_field(pump.spec.serial_number)
        if pump.spec.syringe_ml is None:
            raise ValueError("this pump has a syringe")
        self.pump = pump
        self.options = options or AsenaOptions()
        self.answer_delay_s = 0.0
        self.records: deque[HostRecord] = deque(maxlen=MAX_RECORDS)
        self.forbidden: list[bytes] = []
        self.forbidden_count = 0
        self.dropped_answers = 0
        self._shown_alarm: str | None = None
        self._overrides: dict[tuple[str, int], str] = {}
        self._abort_after_bytes: int | None = None
        self._buffer = b""
        self._pending: deque[tuple[float, bytes]] = deque()
        self._log_entry = self.options.log_entry
        self._logged: object = None

    @property
    def deadline_s(self) -> float | None:
        """When a late answer is due."""
        return self._pending[0][0] if self._pending else None

    def show_alarm(self, code: str | None) -> None:
        """Tell this code in place of the pump's own alarm, which goes on as it was; ``None`` ends it.

        Raises ``ValueError`` for a code that cannot stand in a field.
        """
        self._shown_alarm = None if code is None else _checked_field(code)

    def override(self, keyword: str, place: int, text: str | None) -> None:
        """Let a field of a reply say this whatever is true; ``None`` ends it. Place 1 follows the keyword.

        Raises ``ValueError`` for a reply or field that there is not, or a text that cannot stand in a field.
        """
        if keyword not in _READS or not 1 <= place <= _READS[keyword].fields:
            raise ValueError(f"no field {place} of {keyword!r}")
        if text is None:
            self._overrides.pop((keyword, place), None)
        else:
            self._overrides[keyword, place] = _checked_field(text)

    def abort_next_answer(self, after_bytes: int) -> None:
        """Break off the next answer with ESC after so many bytes."""
        self._abort_after_bytes = after_bytes

    def start(self, now_s: float) -> bytes:
        """Connect the line: nothing half heard or still unsaid is left of an earlier one. The pump stays as it is."""
        self._buffer = b""
        self._pending.clear()
        self._logged = _worth_logging(self.pump.snapshot(now_s))
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host and return what is due on the line."""
        data, self._buffer = self._buffer + data, b""
        for token in _TOKEN.finditer(data):
            raw = token[0]
            if token.lastgroup == "part" and len(raw) <= MAX_HOST_FRAME_BYTES:
                self._buffer = raw
            else:
                self._hear(raw, now_s)
        return self.tick(now_s)

    def tick(self, now_s: float) -> bytes:
        """Return the answers that are due; a pump that is off gives none, and forgets what it was asked."""
        if self.pump.snapshot(now_s).state is PumpState.OFF:
            self._pending.clear()
        line = bytearray()
        while self._pending and self._pending[0][0] <= now_s:
            line += self._pending.popleft()[1]
        return bytes(line)

    def _hear(self, raw: bytes, now_s: float) -> None:
        self.records.append(HostRecord(now_s, raw[:MAX_EXCERPT_BYTES]))
        body = _sound_body(raw)
        if body not in _READS:
            self.forbidden_count += 1
            if len(self.forbidden) < MAX_FORBIDDEN:
                self.forbidden.append(raw[:MAX_EXCERPT_BYTES])
        answer = self._answer(body, self.pump.snapshot(now_s)) if body else b""
        if not answer:
            return
        if len(self._pending) >= MAX_PENDING_ANSWERS:
            self.dropped_answers += 1
            return
        if self._abort_after_bytes is not None:
            answer, self._abort_after_bytes = answer[: self._abort_after_bytes] + _ESC, None
        self._pending.append((now_s + self.answer_delay_s, answer))

    def _answer(self, body: str, pump: PumpSnapshot) -> bytes:
        if body in _READS:
            told = _READS[body].say(self._asked(pump))
            fields = [self._overrides.get((body, place), text) for place, text in enumerate(told, start=1)]
            return _frame("^".join((body, *fields)))
        code = _sum(pump.spec.serial_number)
        if self.options.permits_remote_control and body == f"REMOTE_CTRL^ENABLED^{code}":
            return _frame("REMOTE_CTRL^ENABLED^****^PERMIT^0^ms")
        return b""

    def _asked(self, pump: PumpSnapshot) -> _Asked:
        before, self._logged = self._logged, _worth_logging(pump)
        self._log_entry += before is not None and before != self._logged
        own = next((code for alarm, code in ALARM_CODES.items() if alarm in pump.alarms), NO_ALARM)
        alarm = own if self._shown_alarm is None else self._shown_alarm
        return _Asked(pump, self.options, alarm, self._log_entry)


def running_pump(
    now_s: float, *, serial_number: str = "8002-51740", rate_ml_per_h: Decimal, started: bool = True
) -> tuple[PumpModel, AsenaPump]:
    """Return a pump at a rate, and its end of the line. Raises ``ValueError`` for what no pump can do."""
    spec = PumpSpec(
        serial_number=serial_number,
        model="Alaris GH",
        counter_resolution_ml=_MILLI,
        kvo_rate_ml_per_h=Decimal(0),  # VTBI ends with a stop, as in the one frame that is known
    )
    pump = PumpModel(spec, now_s=now_s)
    pump.set_rate(now_s, rate_ml_per_h)
    if started:
        pump.start(now_s)
    return pump, AsenaPump(pump)


def _sum(text: str) -> str:
    return f"{crc_hqx(text.encode('ascii'), 0xFFFF):04X}"


def _frame(body: str) -> bytes:
    return f"!{body}|{_sum(body)}\r".encode("ascii")


def _sound_body(raw: bytes) -> str:
    """Return the body of one whole frame with the right sum, nothing for anything else."""
    match = _FRAME.fullmatch(raw)
    if match is None:
        return ""
    body = match[1].decode("ascii")
    return body if _sum(body) == match[2].decode("ascii") else ""


def _checked_field(text: str) -> str:
    if not _FIELD.fullmatch(text) or _MARKS & set(text):
        raise ValueError(f"{text!r} cannot stand in a field: printable ASCII without ! ^ |, {MAX_FIELD_CHARS} at most")
    return text


def _worth_logging(pump: PumpSnapshot) -> object:
    return pump.state, pump.rate_ml_per_h, pump.alarms, pump.vtbi_ml


def _ml(volume: Decimal | Fraction) -> str:
    exact = volume if isinstance(volume, Decimal) else Decimal(volume.numerator) / volume.denominator
    return str(exact.quantize(_MILLI, ROUND_FLOOR))


def _time_left(pump: PumpSnapshot) -> str:
    """Until the VTBI or the syringe is used up: at the rate of the drive, on hold at the rate that is set."""
    rate = Fraction(pump.motor_rate_ml_per_h or pump.rate_ml_per_h)
    left_ml = min((ml for ml in (pump.vtbi_left_ml, pump.syringe_left_ml) if ml is not None), default=None)
    if not rate or left_ml is None or (left_s := int(left_ml * 3600 / rate)) >= LONGEST_TIME_LEFT_S:
        return "24+"
    return f"{left_s // 3600:02d}:{left_s // 60 % 60:02d}:{left_s % 60:02d}"


def _inf(asked: _Asked) -> tuple[str, ...]:
    pump = asked.pump
    pressure_mmhg = RESTING_MMHG + (LIMIT_MMHG - RESTING_MMHG) * pump.pressure_percent / 100
    return (
        pump.spec.serial_number,
        "-" if asked.alarm == NO_ALARM else "A",
        "SET" if pump.state in PUMPING else "HLD",
        str(pump.motor_rate_ml_per_h.quantize(_CENTI)),  # on hold 0.00, as captured
        "ml/h",
        "",
        _ml(pump.counter_ml),
        "ml",
        str(pressure_mmhg.quantize(_CENTI)),
        "mmHg",
        _time_left(pump),
        "EVENT",
        str(asked.log_entry),
    )


def _inf_vtbi(asked: _Asked) -> tuple[str, ...]:
    pump = asked.pump
    if pump.vtbi_left_ml is None:
        return ("DEACT", "", "", "")
    return ("ACTIV", _ml(pump.vtbi_left_ml), "ml", "KVO" if pump.spec.kvo_rate_ml_per_h else "STOP")


def _syringe_status(asked: _Asked) -> tuple[str, ...]:
    return (asked.options.syringe, f"{asked.pump.spec.syringe_ml!s:>3}", "CONF")


class _Reply(NamedTuple):
    fields: int
    say: Callable[[_Asked], tuple[str, ...]]


_READS = {
    "INF": _Reply(13, _inf),
    "INF_RATE": _Reply(2, lambda a: (str(a.pump.rate_ml_per_h.quantize(_CENTI)), "ml/h")),  # as set, also on hold
    "INF_VI": _Reply(2, lambda a: (_ml(a.pump.counter_ml), "ml")),
    "INF_VTBI": _Reply(4, _inf_vtbi),
    "ALARM": _Reply(3, lambda a: (a.alarm, " ", " ")),
    "SYRINGE_STATUS": _Reply(3, _syringe_status),
    "INF_RATE_MAX_SYRINGE": _Reply(2, lambda a: (str(a.options.rate_max_ml_per_h.quantize(_CENTI)), "ml/h")),
    "INST_SERIALNO": _Reply(1, lambda a: (a.pump.spec.serial_number,)),
    "COMMS_PROTOCOL": _Reply(1, lambda _: ("Asena Rev 2.1.5",)),
    "COMMS_RESPONSE_MAX": _Reply(2, lambda _: ("4000", "ms")),
}
