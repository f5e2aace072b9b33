"""What was usual for a patient before the infusion: the last readings of what a baseline has.

Who takes a baseline without typing takes the median of up to three readings of the last quarter of an hour, so that
one pressure of a moment, taken anxious, is not what every limit follows (H-30). A cuff pressure that the monitor still
shows of the patient before is none (H-09). They are kept in memory alone: after a restart they begin anew, with
what was measured since the patient was started, and how many they are is shown beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from math import inf

from drivers.model import Quantity, Validity
from edge.core.therapy import TherapyPhase
from edge.core.validate import Value

READINGS_MAX = 3
WITHIN_S = 900.0
"""The last quarter of an hour before the infusion (reference 5.6)."""

APART_S = 60.0
"""A monitor that speaks each second has one reading a minute; a cuff one each time that it measured."""

QUANTITIES = (Quantity.HEART_RATE, Quantity.NIBP_SYS, Quantity.NIBP_MEAN)
AHEAD = frozenset({TherapyPhase.SETUP, TherapyPhase.BASELINE})
"""The phases in which a baseline is taken."""


@dataclass(slots=True)
class Usual:
    """The last readings of one treatment, by quantity: when each was taken, and what it was.

    ``from_s`` is when the patient before left the bed; what was measured until then is of that one.
    """

    from_s: float = -inf
    readings: dict[Quantity, list[tuple[float, Decimal]]] = field(default_factory=dict)

    def is_of_patient(self, value: Value) -> bool:
        """Tell whether a value was measured since the patient before was closed."""
        return value.taken_at_s > self.from_s

    def note(self, value: Value | None, now_s: float) -> None:
        """Take up a value that is valid, if it is another reading than the last."""
        if value is None or value.value is None or value.validity is not Validity.VALID:
            return
        if not self.is_of_patient(value):
            return
        held = self.readings.setdefault(value.quantity, [])
        if held and value.taken_at_s - held[-1][0] < APART_S:
            return
        held.append((value.taken_at_s, value.value if value.median is None else value.median))
        held[:] = [row for row in held if now_s - row[0] <= WITHIN_S][-READINGS_MAX:]

    def median(self, quantity: Quantity, now_s: float) -> tuple[Decimal, int] | None:
        """Return the median of the readings, and of how many; ``None`` where there is none."""
        numbers = sorted(number for at_s, number in self.readings.get(quantity, ()) if now_s - at_s <= WITHIN_S)
        if not numbers:
            return None
        half = len(numbers) // 2
        middle = numbers[half] if len(numbers) % 2 else (numbers[half - 1] + numbers[half]) / 2
        return middle, len(numbers)
