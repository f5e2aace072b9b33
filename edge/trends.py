"""The trends of the last twelve hours, in memory: of each value of a bed its lowest and highest in every ten seconds.

Fed with the snapshots that are published, when they are on their way: it is no part of judging. A value counts where it
was measured, not where it is still shown, so a cuff pressure is one point and no plateau. What was not there is not
there: a gap stays a gap.
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
"""Values of all beds together: 20 beds with 20 each; 30 MB. One more is not kept, which is told with every answer."""

SCALE = 1_000_000
"""Values are kept as millionths: exact for every device and every dose that is reckoned to six places."""

SCALED_MAX = 2**62
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

    ``low`` and ``high`` are millionths. Marks: ``v`` valid, ``q`` questionable, ``u`` and ``o`` under and over what the
    device can measure.
    """

    name: str
    unit: str
    source: str
    first: int
    low: array[int]
    high: array[int]
    marks: bytes


class _Series:
    """One value in a ring of slots; ``newest`` is the latest slot that was written."""

    __slots__ = ("_high", "_low", "_marks", "name", "newest", "source", "unit")

    def __init__(self, metric: Metric, slot: int) -> None:
        self.name, self.unit, self.source = metric.name, metric.unit, metric.source
        self.newest = slot
        self._low = array("q", bytes(8 * SLOTS))
        self._high = array("q", bytes(8 * SLOTS))
        self._marks = bytearray([NOTHING] * SLOTS)

    def add(self, slot: int, scaled: int, mark: int) -> None:
        if slot <= self.newest - SLOTS:
            return
        for skipped in range(max(self.newest, slot - SLOTS) + 1, slot + 1):
            self._marks[skipped % SLOTS] = NOTHING
        self.newest = max(self.newest, slot)
        place = slot % SLOTS
        before = self._marks[place]
        if before == NOTHING:
            self._low[place] = self._high[place] = scaled
            self._marks[place] = mark
            return
        if scaled < self._low[place]:
            self._low[place] = scaled
        elif scaled > self._high[place]:
            self._high[place] = scaled
        if mark != before and _WORSE.index(mark) > _WORSE.index(before):
            self._marks[place] = mark

    def piece(self, first: int, last: int) -> Piece:
        """Copy the slots from ``first`` to ``last``, no more than there are, and none that was not written yet."""
        first = max(first, self.newest - SLOTS + 1)
        count = max(0, min(last, self.newest) - first + 1)
        begin = first % SLOTS
        split = min(count, SLOTS - begin)
        low = self._low[begin : begin + split] + self._low[: count - split]
        high = self._high[begin : begin + split] + self._high[: count - split]
        marks = bytes(self._marks[begin : begin + split] + self._marks[: count - split])
        return Piece(self.name, self.unit, self.source, first, low, high, marks)


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
        scaled = int((metric.value * SCALE).to_integral_value())
        if abs(scaled) > SCALED_MAX:
            return
        series = known.get((metric.name, metric.source))
        if series is None:
            if self._count >= SERIES_MAX and not self._make_room(slot):
                self.left_out += 1
                return
            self._count += 1
            series = known[metric.name, metric.source] = _Series(metric, slot)
        series.add(slot, scaled, mark)

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


def value_of(scaled: int) -> Decimal:
    """Return the value of millionths, without needless zeros."""
    whole, part = divmod(abs(scaled), SCALE)
    text = f"{whole}.{part:06}".rstrip("0").rstrip(".") if part else str(whole)
    return Decimal(f"-{text}" if scaled < 0 else text)
