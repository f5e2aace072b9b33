"""The numbers of an IntelliVue result: FLOAT values, their states, and when a cuff pressure was measured.

FLOAT is proved by the maker's own examples; two programs agree on the state bits and on the ids.

Laws of this module:
  * A special FLOAT is no number, and neither is one whose exponent no display has.
  * A state bit of the upper byte means that the number must not be taken as it stands.
  * A measurement is dated once, when it first appears; later changes of the monitor's clock do not move it (H-31).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from drivers.intellivue_answers import MalformedError, Reader, Thing, clock_s
from drivers.intellivue_requests import TICKS_PER_S
from drivers.model import Validity

INVALID, QUESTIONABLE, UNAVAILABLE, CALIBRATING = 0x8000, 0x4000, 0x2000, 0x1000
TEST, DEMONSTRATION, NOT_KNOWN = 0x0800, 0x0400, 0x0300
BY_HAND, EARLY, ONGOING, ALARMS_OFF = 0x0080, 0x0040, 0x0020, 0x0001
"""State bits."""

AGE_MAX_S: Final = 86_400.0
"""A time further back than a day is none of a pressure that is still shown."""

_WORDS: Final = {
    TEST: "test data",
    DEMONSTRATION: "demonstration data",
    INVALID: "invalid",
    QUESTIONABLE: "questionable",
    UNAVAILABLE: "unavailable",
    CALIBRATING: "calibrating",
    0x0200: "state bit 0200",
    0x0100: "state bit 0100",
    BY_HAND: "validated by hand",
    EARLY: "early indication",
    ONGOING: "measuring",
    ALARMS_OFF: "alarms off at the monitor",
}

_VALUE, _COMPOUND, _MEASURED_CLOCK, _MEASURED_TICKS = 0x0950, 0x094B, 0x0990, 0x0991
_CLOCK, _TICKS = 0x0987, 0x098F

_SPECIAL: Final = {
    0x7FFFFF: (Validity.NOT_AVAILABLE, ""),
    0x7FFFFE: (Validity.OVER, "over range"),
    0x800002: (Validity.UNDER, "under range"),
    0x800001: (Validity.INVALID, "reserved value"),
    0x800000: (Validity.INVALID, "not at this resolution"),
}
_SIGN: Final = 0x800000
_EXPONENTS: Final = range(-6, 4)
_TICKS_END: Final = 2**32
_SLACK_S: Final = 2.0  # the monitor's times have whole seconds


@dataclass(frozen=True, slots=True)
class Number:
    """One number as the monitor said it. ``why`` tells why there is no value."""

    physio_id: int
    state: int
    unit: int
    value: Decimal | None
    step: Decimal
    validity: Validity
    why: str
    source: Thing

    @property
    def words(self) -> tuple[str, ...]:
        """What its state says, in words."""
        return tuple(word for bit, word in _WORDS.items() if self.state & bit)


def read_float(raw: int) -> tuple[Decimal | None, Decimal, Validity, str]:
    """Read a FLOAT: its value, its step, whether it is a number, and if not, why."""
    exponent, mantissa = raw >> 24, raw & 0xFFFFFF
    exponent -= (exponent & 0x80) << 1
    special = _SPECIAL.get(mantissa)
    if special is not None:
        return None, Decimal(1), *special
    mantissa -= (mantissa & _SIGN) << 1
    if exponent not in _EXPONENTS:
        return None, Decimal(1), Validity.INVALID, f"exponent {exponent}"
    if exponent > 0:
        return Decimal(mantissa * 10**exponent), Decimal(10**exponent), Validity.VALID, ""
    return Decimal(mantissa).scaleb(exponent), Decimal(1).scaleb(exponent), Validity.VALID, ""


def numbers_of(things: Iterable[Thing]) -> tuple[dict[int, Number], list[bytes]]:
    """Give each number by its physio id, the lowest handle's where several say the same, and what could not be read."""
    numbers: dict[int, Number] = {}
    damaged: list[bytes] = []
    for thing in sorted(things, key=lambda thing: thing.handle):
        for name in (_VALUE, _COMPOUND):
            raw = thing.attributes.get(name)
            if raw is None:
                continue
            try:
                for number in list(_read_values(name, raw, thing)):
                    numbers.setdefault(number.physio_id, number)
            except MalformedError:
                damaged.append(raw)
    return numbers, damaged


def _read_values(name: int, raw: bytes, thing: Thing) -> Iterator[Number]:
    count, values = (1, Reader(raw)) if name == _VALUE else Reader(raw).listed()
    for _ in range(count):
        physio_id, state, unit = values.u16(), values.u16(), values.u16()
        yield Number(physio_id, state, unit, *read_float(values.u32()), source=thing)


class MonitorClock:
    """The monitor's two clocks side by side: its time of day and its ticks."""

    __slots__ = ("_clock_s", "_ticks")

    def __init__(self) -> None:
        self._clock_s: float | None = None
        self._ticks = 0

    def set(self, attributes: dict[int, bytes], ticks: int) -> None:
        """Take both clocks of the monitor's own attributes; ``ticks`` is when they were said."""
        told = clock_s(attributes.get(_CLOCK, b""))
        if told is not None:
            raw = attributes.get(_TICKS, b"")
            self._clock_s, self._ticks = told, int.from_bytes(raw, "big") if len(raw) == len("ULNG") else ticks

    def age_s(self, thing: Thing, ticks: int, clock: bytes) -> float | None:
        """Tell how long before a result (its ticks, its time of day) an object was measured; ``None``: not known."""
        raw = thing.attributes.get(_MEASURED_TICKS, b"")
        if len(raw) == len("ULNG"):
            return _possible((ticks - int.from_bytes(raw, "big")) % _TICKS_END / TICKS_PER_S)
        now_s, measured_s = clock_s(clock), clock_s(thing.attributes.get(_MEASURED_CLOCK, b""))
        if now_s is None and self._clock_s is not None:
            now_s = self._clock_s + (ticks - self._ticks) % _TICKS_END / TICKS_PER_S
        return None if now_s is None or measured_s is None else _possible(now_s - measured_s)


def _possible(age_s: float) -> float | None:
    return max(age_s, 0.0) if -_SLACK_S <= age_s <= AGE_MAX_S else None


class CuffClock:
    """Dates the cuff pressure that is shown, in monotonic seconds."""

    __slots__ = ("_at_s", "_known", "_shown")

    def __init__(self) -> None:
        self._shown: object = None
        self._at_s = 0.0
        self._known = False

    def date(self, source: Thing, age_s: float | None, now_s: float) -> tuple[float, bool]:
        """Give the age in seconds of what is shown, and whether it is known or only the least that it can be."""
        stamps = tuple(source.attributes.get(name) for name in (_MEASURED_CLOCK, _MEASURED_TICKS))
        shown = stamps if any(stamps) else (source.attributes.get(_VALUE), source.attributes.get(_COMPOUND))
        if shown != self._shown:
            self._shown, self._at_s, self._known = shown, now_s, False
        # A time that makes it younger than we know it to be belongs to a clock that was set.
        if not self._known and age_s is not None and now_s - age_s <= self._at_s + _SLACK_S:
            self._at_s, self._known = min(self._at_s, now_s - age_s), True
        return now_s - self._at_s, self._known
