"""What a pump said last, as a sample of its delivery."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from drivers.model import Quantity, Validity
from edge.core.delivered import Flow, Sample, flow_of
from edge.core.pump_counter import Reading
from edge.core.sources import SourceState
from edge.core.validate import Value

_ZERO = Decimal(0)
_HALF = Decimal("0.5")


def sample_of(source: SourceState) -> Sample | None:
    """Return what a pump said last of its delivery; ``None`` where it does not count, or only repeats itself."""
    heard_at_s = source.counted_at_s
    if not source.trusted or source.frozen or source.infusion is None or heard_at_s is None:
        return None
    rate, bolus = source.values.get(Quantity.INFUSION_RATE), source.values.get(Quantity.BOLUS_RATE)
    counter = _reading(source.values.get(Quantity.VOLUME_INFUSED))
    left = source.values.get(Quantity.VOLUME_REMAINING)
    return Sample(
        heard_at_s,
        source.state,
        flow_of(
            source.state,
            _flow(rate, source.extremes.get(Quantity.INFUSION_RATE, ())),
            None if bolus is None else bolus.value,
            sure=rate is not None and rate.validity is Validity.VALID,
        ),
        counter,
        source.identity.serial_number,
        None if left is None or left.validity is not Validity.VALID else left.value,
        _peak(counter, source.extremes.get(Quantity.VOLUME_INFUSED, ())),
    )


def _flow(rate: Value | None, extremes: Iterable[Decimal]) -> Flow | None:
    """Return the rate as an interval: half a digit each way, and what merged samples passed through."""
    if rate is None or rate.value is None:
        return None
    numbers = (rate.value, *extremes)
    half = rate.resolution * _HALF
    high = None if rate.validity is Validity.OVER else max(numbers) + half
    return Flow(max(_ZERO, min(numbers) - half), high)


def _reading(value: Value | None) -> Reading | None:
    if value is None or value.value is None or value.validity is not Validity.VALID:
        return None
    return Reading(value.value, value.resolution)


def _peak(counter: Reading | None, extremes: Iterable[Decimal]) -> Reading | None:
    highest = max(extremes, default=None)
    if counter is None or highest is None or highest <= counter.volume_ml:
        return None
    return replace(counter, volume_ml=highest)
