"""What a DRI record holds: the header, the displayed values of the basic class, the auxiliary times, the alarm boxes.

Everything is little-endian, without padding. The offsets and the special values are
agreed on by four independent programs; the meaning of status and label bits stands on one, the alarm boxes on guesses
about their length, so that a box is looked for where the length of its sub-record says that it must be.

Laws of this module:
  * The class of a block of values is told by its own bits 8 to 11, never by its place in the list.
  * No special value becomes a number. Under and over range are said as such.
  * A group that does not exist or does not measure has no values. Its numbers, if it sends any, are of no moment.
  * An alarm whose text is not known is an unknown alarm with its text; so is one with a colour and no text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from drivers.ge_dri_frame import HEADER_BYTES
from drivers.model import DeviceAlarm, DeviceAlarmKind

PHYSIOLOGICAL: Final = 0
ALARM: Final = 4
"""Main types of records."""

DISPLAYED: Final = 1
AUXILIARY: Final = 4
ALARM_STATUS: Final = 1
"""Types of sub-records: the first two of physiological records, the last of alarm records."""

BLOCK_BYTES: Final = 278
"""A block of values: 4 bytes of time, 270 of a class, and what class it is."""

_BASIC: Final = 0
_SUB_RECORDS_MAX: Final = 8
_END_OF_LIST: Final = 0xFF
_CUFF_TIME_BYTES: Final = 4

_BOXES: Final = 5
_BOXES_FROM: Final = 10
_NOT_BOXES: Final = 20  # bytes of the sub-record before and after the boxes
_TEXT_BYTES: Final = 80
_COLOUR_AT: Final = 82
_BOX_MIN_BYTES: Final = 84  # as far as the colour goes
_COLOURS: Final = {0: "no colour", 1: "white", 2: "yellow", 3: "red"}

# Hypotheses: English texts of the monitors, as people quote them. They only ever raise an unknown alarm.
_TEXTS: Final = dict.fromkeys(("ASYSTOLE", "APNEA", "V FIB", "VENT FIB", "V TACH"), DeviceAlarmKind.LIFE_THREATENING)

# What the status of a group itself says: group's name, its first byte in the block, bits.
_STATUS_ALARMS: Final = (
    ("ECG", 0, 2, DeviceAlarmKind.LIFE_THREATENING, "asystole"),
    ("ECG", 0, 11, DeviceAlarmKind.SENSOR_OFF, "ECG channel 1: lead off"),
    ("ECG", 0, 12, DeviceAlarmKind.SENSOR_OFF, "ECG channel 2: lead off"),
    ("ECG", 0, 13, DeviceAlarmKind.SENSOR_OFF, "ECG channel 3: lead off"),
    ("CO2", 132, 2, DeviceAlarmKind.LIFE_THREATENING, "apnea (carbon dioxide)"),
    ("CO2", 132, 5, DeviceAlarmKind.ADVISORY, "gas sampling line occluded"),
    ("CO2", 132, 6, DeviceAlarmKind.ADVISORY, "gas sampling: air leak"),
    ("CO2", 132, 7, DeviceAlarmKind.LIFE_THREATENING, "apnea (respiration)"),
    ("CO2", 132, 8, DeviceAlarmKind.ADVISORY, "the monitor's apnea alarm is switched off"),
)


def _unsigned(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _signed(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little", signed=True)


@dataclass(frozen=True, slots=True)
class Record:
    """A record: the interface level of its sender, the sender's clock, and its sub-records as (type, bytes)."""

    level: int
    time_s: int
    main_type: int
    sub_records: tuple[tuple[int, bytes], ...]

    def of_type(self, main_type: int, kind: int) -> Iterator[bytes]:
        """Give the sub-records of one type, if the record is of this main type."""
        if self.main_type == main_type:
            yield from (data for its_kind, data in self.sub_records if its_kind == kind)


def read_record(record: bytes) -> Record | None:
    """Read a record that a frame held; ``None`` if its list of sub-records cannot be true."""
    listed: list[tuple[int, int]] = []
    for entry in range(16, 16 + 3 * _SUB_RECORDS_MAX, 3):
        kind, start = record[entry + 2], HEADER_BYTES + _signed(record, entry)
        if kind == _END_OF_LIST:
            break
        if not HEADER_BYTES <= start < len(record):
            return None
        listed.append((kind, start))
    borders = [*sorted({start for _, start in listed}), len(record)]
    return Record(
        level=record[3],
        time_s=_unsigned(record, 6, 4),
        main_type=_signed(record, 14),
        sub_records=tuple((kind, record[start : borders[borders.index(start) + 1]]) for kind, start in listed),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Status and label of one group of values, and where in the block it begins."""

    status: int
    label: int

    @property
    def exists(self) -> bool:
        """Whether the module is there."""
        return self.has(0)

    @property
    def active(self) -> bool:
        """Whether it measures."""
        return self.exists and self.has(1)

    def has(self, bit: int) -> bool:
        """Whether this bit of the status is set."""
        return bool(self.status >> bit & 1)


@dataclass(frozen=True, slots=True)
class Basic:
    """The displayed values of the basic class. ``time_s`` is the monitor's own clock."""

    time_s: int
    values: bytes

    def group(self, base: int) -> Group:
        """Read the status and the label of the group that begins here."""
        return Group(_unsigned(self.values, base, 4), _unsigned(self.values, base + 4, 2))

    def raw(self, at: int) -> int:
        """Read the signed number that stands here, special or not."""
        return _signed(self.values, at)

    def alarms(self) -> tuple[DeviceAlarm, ...]:
        """Give the alarms that the groups tell in their status."""
        return tuple(
            DeviceAlarm(kind, f"{name}.{bit}", text)
            for name, base, bit, kind, text in _STATUS_ALARMS
            if self.group(base).exists and self.group(base).has(bit)
        )


def is_block(block: bytes) -> bool:
    """Tell whether this has the one known length of a block of values."""
    return len(block) == BLOCK_BYTES


def basic_of(block: bytes) -> Basic | None:
    """Read a block of values; ``None`` if it is of another class."""
    if _unsigned(block, 276, 2) >> 8 & 0xF != _BASIC:
        return None
    return Basic(_unsigned(block, 0, 4), block[4:274])


def cuff_time_of(auxiliary: bytes) -> int | None:
    """Read when the cuff pressure was measured, in the monitor's seconds; ``None`` if it is not told."""
    if len(auxiliary) < _CUFF_TIME_BYTES:
        return None
    return _unsigned(auxiliary, 0, 4) or None


def alarms_of(status: bytes) -> tuple[DeviceAlarm, ...] | None:
    """Read the alarms that the monitor shows; ``None`` if five boxes do not fit into this length."""
    stride, rest = divmod(len(status) - _NOT_BOXES, _BOXES)
    if rest or stride < _BOX_MIN_BYTES:
        return None
    boxes = (status[_BOXES_FROM + number * stride :][:stride] for number in range(_BOXES))
    return tuple(alarm for box in boxes for alarm in _alarm_of(box))


def _alarm_of(box: bytes) -> Iterator[DeviceAlarm]:
    raw, number = box[:_TEXT_BYTES].partition(b"\0")[0].decode("latin-1"), _signed(box, _COLOUR_AT)
    text = " ".join("".join(letter if letter.isprintable() else "?" for letter in raw).split())
    colour = _COLOURS.get(number, f"colour {number}")
    if text:
        yield DeviceAlarm(_TEXTS.get(text.upper(), DeviceAlarmKind.UNKNOWN), f"{colour}: {text}", text)
    elif number != 0:
        yield DeviceAlarm(DeviceAlarmKind.UNKNOWN, colour, "an alarm without a text")
