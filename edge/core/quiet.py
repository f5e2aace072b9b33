"""What a monitor says that can wait for the next beat: at a bed at rest, numbers that can begin nothing.

A bed at rest (`bed.rests`) has no patient, no pump that runs, and nothing present or beginning. Whatever its monitor
says otherwise than before, but for numbers well inside every limit, is taken up at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from drivers.model import Observation, Quantity, Reading
from edge.core.limits import possible
from edge.core.rules_vital import HR_APART_PER_MIN
from edge.core.sources import REPEAT_MAX_S, SourceState
from edge.core.state import Ward
from edge.core.validate import CANON

_HEART = (Quantity.HEART_RATE, Quantity.PULSE_RATE)


def is_quiet(ward: Ward, said: Observation) -> bool:
    """Tell whether nothing that is told, but the values of a snapshot, would be later if this waited for a beat."""
    place = (said.port, said.channel)
    bed = ward.bed_of.get(place)
    if bed is None or bed not in ward.resting or place not in ward.monitors or said.extremes:
        return False
    view, source = ward.views[bed], ward.state.sources[place]
    last = source.last
    if last is None or source.frozen or len(view.config.monitors) > 1:
        return False
    if ward.has_a_clock(said.port) and said.device_time == last.device_time:
        return False  # it may repeat itself (H-11)
    in_time = said.received_at_s - last.received_at_s <= REPEAT_MAX_S
    return in_time and _is_well(view.limits().well_inside, source, last, said) and _is_one_heart(source, said)


def _is_well(
    inside: Mapping[Quantity, tuple[Decimal, Decimal]], source: SourceState, last: Observation, said: Observation
) -> bool:
    """Tell whether a monitor says other numbers and nothing else, each of them well inside its limits.

    So must those before it be of which a median may still be made: with fewer of them it may be another.
    """
    if len(last.readings) != len(said.readings):
        return False
    for before, reading in zip(last.readings, said.readings, strict=True):
        if not _is_alike(before, reading):
            return False
        if reading.value is not None:
            lowest, highest = inside.get(reading.quantity) or possible(reading.quantity)
            recent = (number for _, number in source.recent.get(reading.quantity, ()))
            if not all(lowest <= number <= highest for number in (reading.value, *recent)):
                return False
    return True


def _is_alike(before: Reading, now: Reading) -> bool:
    """Tell whether two readings differ in their number alone, which is in the unit of the limits (H-37)."""
    return (
        now.quantity is before.quantity
        and now.validity is before.validity
        and now.unit == before.unit == CANON[now.quantity].unit
        and (now.value is None) is (before.value is None)
        and now.resolution == before.resolution
        and now.origin == before.origin
        and now.note == before.note
    )


def _is_one_heart(source: SourceState, said: Observation) -> bool:
    """Tell whether the rates of the heart are no farther apart than they may be; what is not said now was before."""
    kept = {quantity: source.values[quantity].value for quantity in _HEART if quantity in source.values}
    kept.update((row.quantity, row.value) for row in said.readings if row.quantity in _HEART)
    rates = [rate for rate in kept.values() if rate is not None]
    return len(rates) < len(_HEART) or max(rates) - min(rates) <= HR_APART_PER_MIN
