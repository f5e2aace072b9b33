"""The trends of the last twelve hours, in memory: of each value of a bed its lowest and highest in every ten seconds.

Fed with the snapshots that are published, when they are on their way: it is no part of judging, and of numbers well
inside their limits, at a bed at rest, it gets those of every second beat. A value counts where it was measured, not
where it is still shown, so a cuff pressure is one point and no plateau. What was not there is not there: a gap stays a
gap.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from drivers.model import Validity
from edge.core.effects import BedSnapshot, Metric

STEP_S = 10
SLOTS = 12 * 3600 // STEP_S
"""Twelve hours: the shift before can still be seen."""

SERIES_MAX = 400
"""Values of all beds together: 20 beds with 20 each; 16 MB. One more is not kept, which is told with every answer."""

SCALES = (1_000_000, 1_000)
"""A value is kept in so many parts of its unit: exact to six places below 2,147, above it to three."""

SCALED_MAX = 2**31 - 1
"""What an entry of 32 bits holds."""

CHUNK = 360
"""Slots that are made room for at once, an hour: a bed that is used for an hour a day takes no more."""

NOTHING = ord("-")
_MARKS = {
    Validity.VALID: ord("v"),
    Validity.UNDER: ord("u"),
    Validity.OVER: ord("o"),
    Validity.QUESTIONABLE: ord("q"),
}
_WORSE = b"-vuoq"
"""Marks from the least to the most that must be said of a slot."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one value's trend: from slot ``first`` on, an entry each ``STEP_S``; a mark of ``-``: nothing is there.

    ``low`` and ``high`` count parts of the unit, ``scale`` in one. Marks: ``v`` valid, ``q`` questionable, ``u`` and
    ``o`` under and over what the device can measure.
    """

    name: str
    unit: str
    source: str
    first: int
    scale: int
    low: array[int]
    high: array[int]
    marks: bytes


class _Chunk:
    """An hour of a value."""

    __slots__ = ("high", "low", "marks")

    def __init__(self) -> None:
        self.low = array("i", bytes(4 * CHUNK))
        self.high = array("i", bytes(4 * CHUNK))
        self.marks = bytearray([NOTHING] * CHUNK)


class _Series:
    """One value in a ring of slots; ``newest`` is the latest slot that was written."""

    __slots__ = ("_chunks", "_scale", "name", "newest", "source", "unit")

    def __init__(self, metric: Metric, slot: int) -> None:
        self.name, self.unit, self.source = metric.name, metric.unit, metric.source
        self.newest = slot
        self._scale = SCALES[0]
        self._chunks: list[_Chunk | None] = [None] * (SLOTS // CHUNK)

    def add(self, slot: int, value: Decimal, mark: int) -> None:
        scaled = self._scaled(value)
        if slot <= self.newest - SLOTS or scaled is None:
            return
        for skipped in range(max(self.newest, slot - SLOTS) + 1, slot + 1):
            place = skipped % SLOTS
            chunk = self._chunks[place // CHUNK]
            if chunk is not None:
                chunk.marks[place % CHUNK] = NOTHING
        self.newest = max(self.newest, slot)
        number, place = divmod(slot % SLOTS, CHUNK)
        chunk = self._chunks[number]
        if chunk is None:
            chunk = self._chunks[number] = _Chunk()
        before = chunk.marks[place]
        if before == NOTHING:
            chunk.low[place] = chunk.high[place] = scaled
            chunk.marks[place] = mark
            return
        if scaled < chunk.low[place]:
            chunk.low[place] = scaled
        elif scaled > chunk.high[place]:
            chunk.high[place] = scaled
        if mark != before and _WORSE.index(mark) > _WORSE.index(before):
            chunk.marks[place] = mark

    def _scaled(self, value: Decimal) -> int | None:
        """Return a value in parts of its unit, coarser from now on where it is too large; ``None``: it has no room."""
        scaled = int((value * self._scale).to_integral_value())
        if abs(scaled) <= SCALED_MAX:
            return scaled
        fine, coarse = SCALES
        if self._scale == coarse or abs(value) * coarse > SCALED_MAX:
            return None
        self._scale = coarse
        for chunk in self._chunks:
            if chunk is not None:
                chunk.low = array("i", (round(one * coarse / fine) for one in chunk.low))
                chunk.high = array("i", (round(one * coarse / fine) for one in chunk.high))
        return int((value * coarse).to_integral_value())

    def piece(self, first: int, last: int) -> Piece:
        """Copy the slots from ``first`` to ``last``, no more than there are, and none that was not written yet."""
        first = max(first, self.newest - SLOTS + 1)
        low, high, marks = array("i"), array("i"), bytearray()
        slot = first
        while slot <= min(last, self.newest):
            number, place = divmod(slot % SLOTS, CHUNK)
            end = place + min(CHUNK - place, min(last, self.newest) - slot + 1)
            chunk = self._chunks[number] or _EMPTY
            low += chunk.low[place:end]
            high += chunk.high[place:end]
            marks += chunk.marks[place:end]
            slot += end - place
        return Piece(self.name, self.unit, self.source, first, self._scale, low, high, bytes(marks))


_EMPTY = _Chunk()


class Trends:
    """The trends of all beds. ``left_out`` counts values that found no room."""

    def __init__(self) -> None:
        self._beds: dict[str, dict[tuple[str, str], _Series]] = {}
        self._count = 0
        self.left_out = 0

    def note(self, snapshot: BedSnapshot, now_s: float) -> None:
        """Take what a snapshot of ``now_s`` shows."""
        known = self._beds.setdefault(snapshot.bed, {})
        for metric in snapshot.vital_signs:
            self._note(known, metric, now_s)
        for channel in snapshot.channels:
            for metric in channel.metrics:
                self._note(known, metric, now_s)

    def _note(self, known: dict[tuple[str, str], _Series], metric: Metric, now_s: float) -> None:
        mark = _MARKS.get(metric.validity)
        if metric.value is None or metric.age_s is None or mark is None:
            return
        slot = slot_of(now_s - metric.age_s)
        series = known.get((metric.name, metric.source))
        if series is None:
            if self._count >= SERIES_MAX and not self._make_room(slot):
                self.left_out += 1
                return
            self._count += 1
            series = known[metric.name, metric.source] = _Series(metric, slot)
        series.add(slot, metric.value, mark)

    def _make_room(self, slot: int) -> bool:
        """Forget what nobody has told for as long as is kept; tell whether anything was."""
        for known in self._beds.values():
            for name in [name for name, series in known.items() if series.newest <= slot - SLOTS]:
                del known[name]
                self._count -= 1
        return self._count < SERIES_MAX

    def pieces(self, bed: str, names: Iterable[str], first: int, last: int, skip: int = 0) -> Iterator[Piece]:
        """Give the trends of a bed in a fixed order, of all values where none is named, but for the first ``skip``."""
        wanted = frozenset(names)
        known = self._beds.get(bed, {})
        keys = [key for key in sorted(known) if not wanted or key[0] in wanted]
        for key in keys[skip:]:
            yield known[key].piece(first, last)


def slot_of(at_s: float) -> int:
    """Return the slot of a moment of the monotonic clock."""
    return int(at_s // STEP_S)


def value_of(scaled: int, scale: int) -> Decimal:
    """Return the value of so many parts of its unit, without needless zeros."""
    whole, part = divmod(abs(scaled), scale)
    text = f"{whole}.{str(scale + part)[1:].rstrip('0')}" if part else str(whole)
    return Decimal(f"-{text}" if scaled < 0 else text)
