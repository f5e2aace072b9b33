"""What a driver made of a message, in a line for people: the words that the tools share."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.model import DeviceIdentified, Observation, Reading, Validity


def identity_words(told: DeviceIdentified) -> str:
    """Say who answers."""
    words = [told.model or "unknown model"]
    if told.software:
        words.append(f"software {told.software}")
    words.append(f"serial number {told.serial_number}" if told.serial_number else "tells no serial number")
    return ", ".join(words)


def sample_words(sample: Observation) -> Iterator[str]:
    """Say a sample: what a pump does first, then each reading."""
    if sample.infusion is not None:
        yield str(sample.infusion.state) + (f", drug {sample.infusion.drug}" if sample.infusion.drug else "")
    yield from map(reading_words, sample.readings)


def reading_words(reading: Reading) -> str:
    """Say a reading with its unit, and its validity where that is not plain."""
    value = "-" if reading.value is None else f"{reading.value:f} {reading.unit}"
    doubt = "" if reading.validity is Validity.VALID else f" [{reading.validity}]"
    note = f" ({reading.note})" if reading.note else ""
    return f"{reading.quantity} {value}{doubt}{note}"
